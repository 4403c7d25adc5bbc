"""Pieces of a sweep by hand: distances of results, how a run is solved again, sizes of chunks, edges of files."""

from __future__ import annotations

import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import OverrideError
from sdmodel.solve.registry import solver
from sdmodel.sweep import backends, files, refinement
from sdmodel.sweep.backends import chunk_rows
from sdmodel.sweep.engines import OneRun
from sdmodel.sweep.identity import digest
from sdmodel.sweep.refinement import BY_SCIPY, distance, in_words

Make = Callable[..., sdmodel.Model]
LEAST_RUNS, BOUND, ENOUGH, NOISE = 64, 1e-3, 5e-4, 1e-9


# -- distances --------------------------------------------------------------------------------------------------------
def test_a_distance_is_over_the_largest_value_or_over_the_rounding_of_its_unit() -> None:
    units = ("firm", "firm", "Year", "Year", "m", "m")
    reference = np.array([[1.0, -4.0], [1e-12, 0], [1e-12, 0], [0, 0], [np.nan, 2.0], [np.inf, 2.0]])
    values = np.array([[1.5, -4.0], [3e-12, 0], [3e-12, 0], [0, 0], [np.nan, 3.0], [np.inf, 2.5]])
    found = distance(units, values, reference)
    assert found[:5] == pytest.approx([0.5 / 4, 2e-12 / (NOISE * 4), 2, 0, 1 / 2])
    assert found[5] == np.inf  # infinities are compared to nothing
    off = distance(("m",), np.array([[np.nan, 2.0]]), np.array([[1.0, 2.0]]))
    assert off.tolist() == [np.inf]
    assert distance(("m",), np.empty((1, 0)), np.empty((1, 0))).tolist() == [0]


def test_runs_that_were_solved_again_are_counted_by_how() -> None:
    assert in_words({}, 9) == {}
    told = in_words({1: 2, 5: BY_SCIPY, 7: 3}, 1000)
    assert (told["solved_again_halved"], told["solved_again_scipy"]) == (2, 1)
    assert str(told["solved_again"]).startswith("3 of 1,000 runs, since")
    assert str(told["solved_again"]).endswith(": 2 with steps down to TIME STEP/8 and 1 with LSODA at rtol 1e-08")
    assert str(in_words({1: BY_SCIPY}, 2)["solved_again"]).endswith(": 1 with LSODA at rtol 1e-08")
    assert str(in_words({1: 1}, 2)["solved_again"]).endswith(": 1 with steps down to TIME STEP/2")


@pytest.mark.parametrize(
    ("first", "tight", "expected"),
    [
        (OneRun(np.array([[1.0]]), "", False), None, (1.0, "", 0)),
        (OneRun(None, "failed", True), None, (None, "failed", 0)),
        (
            OneRun(np.array([[1 + 0.9 * ENOUGH]]), "", True),
            OneRun(np.array([[1.0]]), "", False),
            (1 + 0.9 * ENOUGH, "", 0),
        ),
        (OneRun(np.array([[1 + 1.1 * ENOUGH]]), "", True), OneRun(np.array([[1.0]]), "", False), (1.0, "", BY_SCIPY)),
        (OneRun(np.array([[1.0]]), "", True), OneRun(None, "stiff", False), (None, "stiff", BY_SCIPY)),
    ],
)
def test_a_run_in_python_is_solved_again_where_its_steps_show(
    first: OneRun, tight: OneRun | None, expected: tuple[float | None, str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    results = [first, *([tight] if tight else [])]
    monkeypatch.setattr(refinement, "one_run", lambda *_, **__: results.pop(0))
    plan = SimpleNamespace(units=("firm",))
    values, message, how = refinement.refined_run(plan, None, np.empty(0), 0)
    assert (None if values is None else values.item(), message, how) == expected
    assert not results


# -- chunks -----------------------------------------------------------------------------------------------------------
def plan_of(
    runs: int, outputs: int = 10, times: int = 101, nodes: int = 100, engine: str = "kernel"
) -> SimpleNamespace:
    program = SimpleNamespace(control={"time step": 0}, nodes=[None] * nodes)
    return SimpleNamespace(
        engine=engine, runs=runs, outputs=[""] * outputs, times=np.linspace(2009, 2034, times), base=np.zeros(7),
        program=program, solver=solver("exact"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("plan", "workers", "rows"),
    [
        (plan_of(100_000), 2, 1968),  # 16 MB of 8 * (10 * 101 + 7) bytes a run
        (plan_of(8_000), 2, 1000),  # four chunks a worker
        (plan_of(1_000), 2, 256),  # no fewer than 256, unless a worker has less to do
        (plan_of(300), 2, 152),
        (plan_of(10), 2, 64),
        (plan_of(9), 2, 64),
        (plan_of(8), 2, 8),  # one vector of the kernel
        (plan_of(100_000, times=100_001), 2, 64),  # memory for the least
        (plan_of(100_000, nodes=2_000_000), 2, 8),  # time for eight
        (plan_of(100_000, nodes=25_000), 2, 8 * int(1e9 / (250 * 4 * 25_000))),
        (plan_of(100_000, engine="python"), 2, 16),
    ],
)
def test_a_chunk_is_bounded_in_memory_and_time_and_gives_each_worker_some(
    plan: SimpleNamespace, workers: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backends, "evaluate", lambda *_: 0.1)
    assert chunk_rows(plan, workers) == rows


def test_a_chunk_of_single_steps_is_bounded_by_its_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of steps that are not known, or longer than the run, there is one: 4 evaluations of 1.25e6 operations."""
    for step in (0.0, 100.0):
        monkeypatch.setattr(backends, "evaluate", lambda *_, step=step: step)
        assert chunk_rows(plan_of(100_000, nodes=1_250_000), 2) == 8 * 200


# -- times ------------------------------------------------------------------------------------------------------------
DECAY = "x = INTEG(-k*x, 1) ~ Dmnl ~ X. [outcome] |\nk = 2 ~ 1/Year [0.1,9] ~ K. [uncertainty] [@guess] |"


def test_one_run_may_have_times_of_its_own_and_several_the_same(model_from: Make) -> None:
    model = model_from(DECAY, end=2)
    one = model.sweep([{"FINAL TIME": 1.0}], ["x"], every=0.5, certificate=0)
    assert one["time"].to_numpy().tolist() == [0, 0.5, 1]
    both = model.sweep([{"FINAL TIME": 1.0, "k": k} for k in (1.0, 3.0)], ["x"], every=0.5, certificate=0)
    assert both["x"].to_numpy()[:, -1] == pytest.approx(np.exp([-1, -3]), rel=1e-3)
    with pytest.raises(OverrideError, match="FINAL TIME cannot vary"):
        model.sweep([{"FINAL TIME": 1.0}, {"FINAL TIME": 2.0}], ["x"])


# -- certificate ------------------------------------------------------------------------------------------------------
def decayed(k: float, h: float, times: np.ndarray) -> np.ndarray:
    """Runge-Kutta's x' = -k x: each step multiplies by the first five terms of the exponential series."""
    return np.asarray(sum((-k * h) ** n / math.factorial(n) for n in range(5)) ** np.round(times / h))


@pytest.mark.parametrize("runs", [LEAST_RUNS - 1, LEAST_RUNS])
def test_the_certificate_is_the_error_of_the_steps(model_from: Make, runs: int) -> None:
    model = model_from(DECAY, end=2, step=0.25)
    found = model.sweep(pd.DataFrame({"k": np.full(runs, 2.0)}), ["x"], every=0.5, certificate=3)
    times = found["time"].to_numpy()
    half = np.abs(decayed(2, 0.25, times) - decayed(2, 0.125, times)).max()
    whole = np.abs(decayed(2, 0.25, times) - np.exp(-2 * times)).max()
    assert found.attrs["certificate_runs"] == 3
    assert found.attrs["certificate_half_step"] == pytest.approx(half, rel=1e-6)
    assert ("certificate_scipy" in found.attrs) == (runs >= LEAST_RUNS)
    if runs >= LEAST_RUNS:
        assert found.attrs["certificate_scipy"] == pytest.approx(whole, rel=1e-4)
    assert whole < BOUND


# -- files ------------------------------------------------------------------------------------------------------------
def test_a_json_file_is_read_up_to_its_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    files.write_json(path, {"é": 1})
    assert path.read_text("utf-8") == '{"é": 1}'
    size = path.stat().st_size
    for most, content in ((size, {"é": 1}), (size - 1, None)):
        monkeypatch.setattr(files, "MOST_BYTES", most)
        assert files.read_json(path) == content
    assert files.read_json(tmp_path) is None
    assert files.read_json(tmp_path / "y.json") is None
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_what_is_written_is_flushed_to_disk_with_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    fsync = os.fsync

    def seen(handle: int) -> None:
        flushed.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", seen)
    files.write_json(tmp_path / "x.json", 1)
    assert flushed == ["file", "folder"]


def test_digests_are_those_of_the_stores_that_were_written() -> None:
    """Another way to feed the hash would make every store on disk another sweep's."""
    thing = ({"a": (1, 2.5, None, True)}, ("é", np.array([1.0, 2.0]), np.array(["x", "yz"])))
    assert digest(thing) == "36f7900c91ba2668"


# -- tables and missing values -----------------------------------------------------------------------------------------
def test_a_sweep_is_a_table_of_runs_by_times(model_from: Make) -> None:
    text = (
        "x[side] = r*f[side]*Time ~ u ~ |\nside: left, right ~~|\nf[side] = 1, 2 ~ Dmnl ~ |\nr = 1 ~ u/Year [0,9] ~ |"
    )
    found = model_from(text, end=2).sweep([{"r": 1.0}, {"r": 3.0}], ["x"], every=1, certificate=0)
    table = found.sdmodel.to_dataframe()
    assert table.columns.tolist() == ["run", "r", "status", "message", "time", "x[left]", "x[right]"]
    assert table["time"].tolist() == [0, 1, 2] * 2
    assert table["run"].tolist() == [0] * 3 + [1] * 3
    assert table["x[left]"].tolist() == [0, 1, 2, 0, 3, 6]
    assert table["x[right]"].tolist() == [0, 2, 4, 0, 6, 12]


@pytest.mark.parametrize("method", ["exact", "rk4", "LSODA"])
def test_a_value_that_is_missing_for_a_while_is_no_number(model_from: Make, method: str) -> None:
    text = "x = IF THEN ELSE(Time < 1.5, :NA:, r) ~ u ~ |\nr = 1 ~ u [0,9] ~ |\ny = INTEG(r, 0) ~ u*Year ~ |"
    found = model_from(text, end=2).sweep([{"r": 1.0}, {"r": 3.0}], ["x"], every=1, certificate=0, method=method)
    assert not found["status"].any()
    np.testing.assert_array_equal(found["x"], [[np.nan, np.nan, 1], [np.nan, np.nan, 3]])


def test_one_policy_alone_and_series_that_are_missing_by_name(model_from: Make) -> None:
    text = "x = INTEG(r*f + d + e, 0) ~ u ~ |\nr = 1 ~ u/Year [0,9] ~ |\nf = 1 ~ Dmnl [0,9] ~ |\n"
    model = model_from(text + "d ~ u/Year ~ |\ne ~ u/Year ~ |", end=2)
    series = xr.Dataset({name: ("time", [0.0, 0.0]) for name in "de"}, {"time": [0.0, 2.0]})
    for given, name in ((series.drop_vars("e"), "e"), (series.drop_vars("d"), "d"), (None, "d")):
        with pytest.raises(OverrideError, match=f"'{name}' has no series"):
            model.sweep([{"r": 1.0}], ["x"], data=given)
    one = model.sweep([{"r": 1.0}, {"r": 2.0}], ["x"], policies={"more": {"f": 3.0}}, data=series, certificate=0)
    assert one["x"].sel(policy="more").to_numpy()[:, -1] == pytest.approx([6, 12])
    assert one["r"].to_numpy().ravel().tolist() == [1, 2]
