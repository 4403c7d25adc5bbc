"""Runs that share their past are solved once until they part, and are the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable
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
