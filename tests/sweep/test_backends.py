"""Backends: which engine, how chunks are handed out and what a chunk says of the runs that failed."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.compile.llvm import target
from sdmodel.core.scenario import Scenario
from sdmodel.core.tableau import EACH_UNEVEN
from sdmodel.design.tables import read_rows
from sdmodel.sweep import backends
from sdmodel.sweep.backends import done_chunks, run_chunk, uneven_steps, with_engine
from sdmodel.sweep.engines import FAILED, FINE, Chunk, one_run, python_of
from sdmodel.sweep.plan import Plan, make_plan

Make = Callable[..., sdmodel.Model]


def test_both_counts_of_steps_are_told_apart() -> None:
    noted = np.array([0.0, 3.0, 5 * EACH_UNEVEN, 2 + 7 * EACH_UNEVEN])
    assert uneven_steps(noted).tolist() == [0, 3, 5, 9]


def test_the_instruction_set_is_that_of_the_machine_and_of_the_kernel_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends.platform, "machine", lambda: "cpu")
    for permute, fma, told in ((True, True, "cpu with AVX-512"), (False, True, "cpu with fused multiply-add"),
                               (False, False, "cpu")):  # fmt: skip
        machine = SimpleNamespace(permute=permute, fma=fma)
        monkeypatch.setattr(target, "host", lambda machine=machine: SimpleNamespace(machine=machine))
        assert backends.instructions(SimpleNamespace(engine="kernel")) == told
        assert backends.instructions(SimpleNamespace(engine="scipy")) == "cpu"


def test_the_processors_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 3, 5} if pid == 0 else set(), raising=False)
    assert backends.processors() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    for count, told in ((7, 7), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda count=count: count)
        assert backends.processors() == told


# -- chunks handed out ----------------------------------------------------------------------------------------------
def chunk(start: int, stop: int) -> Chunk:
    return Chunk(start, np.zeros((stop - start, 1, 1)), np.zeros(stop - start, dtype=np.int8), [""] * (stop - start))


@pytest.mark.parametrize(("engine", "workers"), [("kernel", 3), ("scipy", 2)])
def test_two_chunks_a_worker_are_under_way_at_most(engine: str, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool that does a chunk only when it is waited for; nothing is left out and the last chunk is short."""
    under_way: list[Future[Chunk]] = []
    most: list[int] = []

    class Pool:
        def __enter__(self) -> Pool:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def submit(self, work: Any, *given: int) -> Future[Chunk]:
            future: Future[Chunk] = Future()
            future.part = (work, given)
            under_way.append(future)
            return future

    def wait(futures: set[Future[Chunk]], return_when: str) -> tuple[set[Future[Chunk]], set[Future[Chunk]]]:
        assert return_when == "FIRST_COMPLETED"
        most.append(len(futures))
        first = under_way.pop(0)
        work, given = first.part
        first.set_result(work(*given))
        return {first}, futures - {first}

    def run(plan: Any, start: int, stop: int, threads: int, into: Any, shared: Any) -> Chunk:
        assert (threads, into, shared) == (1, "into", "shared")
        return chunk(start, stop)

    monkeypatch.setattr(backends, "_pool", lambda plan, number: Pool())
    monkeypatch.setattr(backends, "wait_for", wait)
    monkeypatch.setattr(backends, "run_chunk", run)
    monkeypatch.setattr(backends, "_in_worker", chunk)
    plan = SimpleNamespace(engine=engine, runs=95)
    found = list(done_chunks(plan, range(0, 95, 10), 10, workers, "into", "shared"))
    assert [(c.start, c.stop) for c in found] == [(s, min(s + 10, 95)) for s in range(0, 95, 10)]
    assert max(most) == 2 * workers
    assert most[0] == 2 * workers


def test_one_worker_or_one_chunk_needs_no_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int, int]] = []

    def run(plan: Any, start: int, stop: int, threads: int, into: Any, shared: Any) -> Chunk:
        calls.append((start, stop, threads))
        return chunk(start, stop)

    monkeypatch.setattr(backends, "run_chunk", run)
    monkeypatch.setattr(backends, "_pool", None)
    plan = SimpleNamespace(engine="kernel", runs=15)
    assert len(list(done_chunks(plan, [0, 10], 10, 1))) == 2
    assert len(list(done_chunks(plan, [0], 20, 3))) == 1
    assert calls == [(0, 10, 1), (10, 15, 1), (0, 15, 3)]  # one chunk has all threads


# -- what a chunk says ----------------------------------------------------------------------------------------------
GROWS = "x = INTEG(x*x*grow, 1) ~ Dmnl ~ |\nroot = SQRT(2 - x) ~ Dmnl ~ |\ngrow = 0.01 ~ 1/Year [0,5] ~ |"


def planned(model: sdmodel.Model, grow: list[float], **more: Any) -> Plan:
    rows = read_rows(pd.DataFrame({"grow": grow}))
    plan, _ = make_plan(model, rows, ["x", "root"], Scenario(), more.pop("method", None), 1.0, None, None, 0)
    return with_engine(replace(plan, **more))


def test_failed_runs_are_named_by_variable_and_time_and_beyond_a_number_by_time(
    model_from: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """x = 1 / (1 - grow t) is above two from 1 / (2 grow) on."""
    model = model_from(GROWS, end=10, step=0.25)
    many = run_chunk(planned(model, [0.07] * 22), 0, 22).messages
    assert many == ["'root' is not finite at time 8."] * 20 + ["A value is not finite at time 8."] * 2
    plan = planned(model, [0.01, 0.06, 0.07, 0.08, 0.02])
    assert plan.engine == "kernel"
    monkeypatch.setattr(backends, "MOST_EXPLAINED", 2)
    found = run_chunk(plan, 0, 5)
    assert found.status.tolist() == [FINE, FAILED, FAILED, FAILED, FINE]
    assert found.messages == [
        "", "'root' is not finite at time 9.", "'root' is not finite at time 8.",
        "A value is not finite at time 7.", "",
    ]  # fmt: skip
    assert np.isnan(found.values[1:4]).all()
    assert np.isfinite(found.values[[0, 4]]).all()
    part = run_chunk(plan, 2, 4)
    assert (part.start, part.stop, part.messages[0]) == (2, 4, found.messages[2])
    assert run_chunk(replace(plan, refine=False), 1, 2).messages == ["A value is not finite at time 9."]
    alone = one_run(plan, python_of(plan), plan.parameters(1, 2)[0], 1)
    assert (alone.values, alone.message) == (None, "'root' is not finite at time 9.")


@pytest.mark.parametrize(("method", "engine"), [("LSODA", "scipy"), (None, "kernel"), ("rk4", "kernel")])
def test_the_engine_is_the_fastest_that_can(model_from: Make, method: str | None, engine: str) -> None:
    plan = planned(model_from(GROWS), [0.01, 0.02], method=method)
    assert plan.engine == engine
    found = run_chunk(plan, 1, 2)
    assert (found.start, found.status.tolist()) == (1, [FINE])
    assert found.values[0, 0, -1] == pytest.approx(1 / (1 - 0.02 * 10), rel=1e-4)
    assert with_engine(replace(plan, past=((1.0,),))).engine == engine
    memory = with_engine(replace(plan, past=((1.0, 2.0),)))
    assert memory.engine == ("scipy" if method == "LSODA" else "python")  # a memory with more than one value
