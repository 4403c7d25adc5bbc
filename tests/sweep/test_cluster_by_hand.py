"""Chunks on a cluster, by a client that runs each task when it is waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdmodel.core.errors import StoreError
from sdmodel.sweep import dask_backend
from sdmodel.sweep.dask_backend import cluster_chunks
from sdmodel.sweep.engines import Chunk

pytest.importorskip("distributed", reason="the extra sdmodel[cluster] is not installed")


class Plan(SimpleNamespace):
    """A plan of numbered runs: one column with its values, and a series of each."""

    def only(self, rows: slice) -> Plan:
        columns = tuple((i, values[rows]) for i, values in self.columns)
        return Plan(columns=columns, numbers=self.numbers[rows], series=self.series[rows])

    @property
    def runs(self) -> int:
        return len(self.numbers)


class Client:
    """Tasks are run in the order in which they were submitted; what is under way and what is released is counted."""

    def __init__(self, **threads: int) -> None:
        self.threads, self.most, self.released = threads, 0, 0
        self.tasks: list[dict[str, Any]] = []

    def nthreads(self) -> dict[str, int]:
        return self.threads

    def submit(self, work: Callable[..., Any], *given: Any, **options: Any) -> SimpleNamespace:
        def result() -> Any:
            return work(*(one.result() if hasattr(one, "release") else one for one in given))

        self.tasks.append(options)
        return SimpleNamespace(result=result, release=lambda: setattr(self, "released", self.released + 1))

    def as_completed(self, futures: list[SimpleNamespace]) -> Any:
        left = list(futures)
        client = self

        class Done:
            def __iter__(self) -> Iterator[SimpleNamespace]:
                while left:
                    client.most = max(client.most, len(left))
                    yield left.pop(0)

            def add(self, future: SimpleNamespace) -> None:
                left.append(future)

        return Done()


def replaced(plan: Any, **changes: Any) -> Any:
    return Plan(**{**vars(plan), **changes}) if isinstance(plan, Plan) else Chunk(**{**vars(plan), **changes})


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Plan:
    def run(plan: Plan, start: int, stop: int) -> Chunk:
        ((_, values),) = plan.columns
        assert (start, stop) == (0, len(values)) == (0, len(plan.series))
        found = values[:, None, None] + plan.series[:, :, None]
        return Chunk(start, found, np.zeros(stop, dtype=np.int8), [""] * stop)

    monkeypatch.setattr(dask_backend, "run_chunk", run)
    monkeypatch.setattr(dask_backend, "replace", replaced)
    monkeypatch.setattr(dask_backend, "instructions", lambda plan: "here")
    return Plan(columns=((0, np.arange(95.0)),), numbers=np.arange(95), series=np.full((95, 1), 0.5))


@pytest.mark.parametrize(("threads", "most"), [({"a": 1, "b": 1}, 6), ({}, 3)])
def test_each_run_is_done_once_and_three_chunks_a_thread_are_under_way(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, threads: dict[str, int], most: int
) -> None:
    client = Client(**threads)
    monkeypatch.setattr("distributed.as_completed", client.as_completed)
    found = list(cluster_chunks(client, plan, range(0, 95, 10), 10, None))
    assert [(c.start, c.stop) for c in found] == [(s, min(s + 10, 95)) for s in range(0, 95, 10)]
    np.testing.assert_array_equal(np.concatenate([c.values[:, 0, 0] for c in found]), np.arange(95) + 0.5)
    assert client.most == most
    assert client.released == 10
    assert client.tasks == [{"pure": False}, *[{"pure": False, "retries": 3}] * 10]


def test_with_a_store_the_worker_writes_and_tells_how_many(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[int, int, str]] = []
    store = SimpleNamespace(write=lambda chunk, shapes: written.append((chunk.start, chunk.stop, shapes)))
    client = Client(a=4)
    monkeypatch.setattr("distributed.as_completed", client.as_completed)
    assert list(cluster_chunks(client, plan, [0, 90], 10, (store, "shapes"))) == [10, 5]
    assert written == [(0, 10, "shapes"), (90, 95, "shapes")]


def test_a_worker_of_another_kind_is_refused(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client(a=1)
    monkeypatch.setattr("distributed.as_completed", client.as_completed)
    sets = iter(["here", "there", "there"])
    monkeypatch.setattr(dask_backend, "instructions", lambda plan: next(sets))
    with pytest.raises(StoreError, match="instruction set 'there', the sweep began on 'here'"):
        list(cluster_chunks(client, plan, [0], 10, None))
