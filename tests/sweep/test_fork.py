"""Runs that share their past are solved once until they part, and are the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sdmodel.compile.llvm import Kernel
from sdmodel.model import Model
from sdmodel.sweep import fork
from sdmodel.sweep.rounds import Rounds

TEXT = """
start = 5 ~ ~ |
exit = 100 ~ ~ [5,200] |
size = 1 ~ ~ [0,3] |
growth = 0.1 ~ ~ [0,5] |
early = 2 ~ ~ [0,9] |
level = INTEG(STEP(size, start) - STEP(size, exit) + PULSE(early, 1) - 5 * growth * level, 1) ~ ~ |
"""
GROWTH = np.linspace(0.1, 2.0, 40)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, float]]:
    """Number of beginnings and their end, of each sweep; small sweeps are looked at too."""
    calls: list[tuple[int, float]] = []
    begin = Kernel.begin

    def counted(self: Kernel, parameters: Any, times: Any, until: float, **options: Any) -> Any:
        calls.append((len(parameters), until))
        return begin(self, parameters, times, until, **options)

    monkeypatch.setattr(Kernel, "begin", counted)
    monkeypatch.setattr(fork, "LEAST_RUNS", 8)
    return calls


def _arms(**columns: list[float]) -> pd.DataFrame:
    """Samples of the growth under each arm, one arm after the other."""
    arms = len(next(iter(columns.values())))
    table = {name: np.repeat(values, len(GROWTH)) for name, values in columns.items()}
    return pd.DataFrame({"growth": np.tile(GROWTH, arms), "sample": np.tile(range(40), arms), **table})


def _plain(model: Model, design: pd.DataFrame, monkeypatch: pytest.MonkeyPatch, **options: Any) -> xr.Dataset:
    with monkeypatch.context() as patch:
        patch.setattr(fork, "LEAST_RUNS", 10**9)
        return model.sweep(design, ["level"], certificate=0, progress=False, **options)


@pytest.mark.parametrize(("workers", "every"), [(1, 0.5), (2, 10)])
def test_arms_share_their_past_to_the_last_bit(
    model_from: Callable[..., Model],
    begun: list[tuple[int, float]],
    monkeypatch: pytest.MonkeyPatch,
    workers: int,
    every: float,
) -> None:
    model = model_from(TEXT, end=10, step=0.25)
    design = _arms(size=[1, 2, 0, 3], exit=[100, 6.3, 8.1, 5.0])
    found = model.sweep(design, ["level"], every=every, workers=workers, certificate=0, progress=False)
    assert begun == [(40, 5.0)]
    wanted = _plain(model, design, monkeypatch, every=every)
    xr.testing.assert_identical(found, wanted)  # with how many runs were solved again, since steps were too long
    assert ("solved_again_halved" in found.attrs) == (every < 1)


def test_what_differs_from_the_start_is_not_shared(
    model_from: Callable[..., Model], begun: list[tuple[int, float]]
) -> None:
    model = model_from(TEXT, end=10, step=0.25)
    for design in (_arms(early=[0.0, 3.0]), _arms(size=[1, 2]).assign(growth=np.linspace(0.1, 2, 80))):
        model.sweep(design, ["level"], certificate=0, progress=False)
    assert not begun


def test_runs_share_as_much_as_half_of_them_do(
    model_from: Callable[..., Model], begun: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two sizes and two exits: the sizes share up to 5, and the exits under each size up to 7, off the grid."""
    model = model_from(TEXT, end=10, step=0.25)
    design = _arms(size=[1, 1, 2, 2], exit=[7.3, 8, 7.3, 8])
    found = model.sweep(design, ["level"], every=1, certificate=0, progress=False)
    assert begun == [(80, 7.25)]
    xr.testing.assert_identical(found, _plain(model, design, monkeypatch, every=1))


def test_a_run_that_fails_early_fails_in_every_arm(
    model_from: Callable[..., Model], begun: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_from(TEXT.replace("5 * growth", "SQRT(1 - growth)"), end=10, step=0.25)
    design = _arms(size=[1, 2])
    found = model.sweep(design, ["level"], every=1, certificate=0, progress=False)
    assert begun
    xr.testing.assert_identical(found, _plain(model, design, monkeypatch, every=1))
    assert found.attrs["failed"] > 0


def test_rounds_share_the_past_of_what_they_search_for(
    model_from: Callable[..., Model], begun: list[tuple[int, float]]
) -> None:
    model = model_from(TEXT, end=10, step=0.25)
    design = _arms(size=[1, 2, 3])
    rows = np.arange(119, -1, -2)
    values = {"exit": np.linspace(5, 9, len(rows))}
    plain = Rounds(model, design.assign(exit=5.0), ["level"], every=5, step=0.5)
    shared = Rounds(model, design.assign(exit=5.0), ["level"], every=5, step=0.5, ranges={"exit": (5.0, 9.0)})
    assert begun == [(40, 5.0)]
    np.testing.assert_array_equal(shared(rows, values), plain(rows, values))
    Rounds(model, design.assign(exit=5.0), ["level"], every=5, step=0.5, ranges={"exit": (5.0, 9.0), "growth": (0, 1)})
    assert len(begun) == 1  # what is searched for acts from the start


def test_runs_of_other_steps_do_not_begin_alike(
    model_from: Callable[..., Model], begun: list[tuple[int, float]]
) -> None:
    model = model_from(TEXT + "quick = 0.25 ~ ~ [0.1,0.5] |", end=10, step="quick")
    design = _arms(size=[1, 2]).assign(quick=0.25)
    for bounds, shared in (((0.25, 0.5), []), ((0.25, 0.25), [(40, 5.0)])):
        Rounds(model, design, ["level"], every=5, ranges={"quick": bounds, "exit": (7.0, 8.0)})
        assert begun == shared


# -- pieces by hand -------------------------------------------------------------------------------------------------
def test_runs_are_grouped_by_their_bits() -> None:
    columns = [np.array([1.0, 1.0, 2.0, 1.0]), np.array([0.0, 0.0, 0.0, 5.0])]
    first, which = fork._groups(columns, 4)
    assert sorted(first.tolist()) == [0, 2, 3]
    assert [columns[0][first[i]] for i in which] == columns[0].tolist()
    assert [columns[1][first[i]] for i in which] == columns[1].tolist()
    none, all_ = fork._groups([], 3)
    assert (none.tolist(), all_.tolist()) == ([0], [0, 0, 0])  # nothing differs
    zeros, _ = fork._groups([np.array([0.0, -0.0])], 2)
    assert len(zeros) == 2  # which are equal and have other bits


@pytest.mark.parametrize(
    ("columns", "alike"),
    [
        ([[1, 1, 2]], True), ([[1, 2, 3]], False), ([], True), ([[1, 1, 2], [1, 2, 3]], True),
        ([[1, 1, 2], [1, 2, 3], [3, 2, 1]], False),
    ],
)  # fmt: skip
def test_it_is_looked_for_where_half_of_the_first_run_is_found_again(columns: list[list[float]], alike: bool) -> None:
    plan = SimpleNamespace(columns=tuple((i, np.array(values)) for i, values in enumerate(columns)))
    assert fork._alike(plan) == alike


def test_too_few_runs_and_too_much_to_keep_are_not_shared(
    model_from: Callable[..., Model], begun: list[tuple[int, float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 40 beginnings the state and, at 0, 1, 2, 3 and 4, the output are kept: 40 * 8 * (1 + 5) bytes."""
    model = model_from(TEXT, end=10, step=0.25)
    design = _arms(size=[1, 2])
    for runs, most, shared in ((81, 10**9, 0), (80, 1919, 0), (80, 1920, 1), (80, 10**9, 1)):
        begun.clear()
        monkeypatch.setattr(fork, "LEAST_RUNS", runs)
        monkeypatch.setattr(fork, "MOST_BYTES", most)
        model.sweep(design, ["level"], every=1, certificate=0, progress=False, workers=1)
        assert begun == [(40, 5.0)] * shared
