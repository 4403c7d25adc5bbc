"""Sweeps with a tolerance take longer steps and stay within it, whatever the workers, chunks and stores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sdmodel.compile.llvm import Kernel
from sdmodel.core.errors import ResultWarning, SweepInterrupted
from sdmodel.model import Model
from sdmodel.sweep import backends, fork
from sdmodel.sweep.certificate import HALVED
from sdmodel.sweep.run_sweep import run_sweep

RUNS = 1024
SMOOTH = """
rate = 1 ~ ~ |
size = 1 ~ ~ |
late = 8 ~ ~ |
level = INTEG(size - rate * level + STEP(size, 5), 4) ~ ~ |
follower = INTEG((level - follower) * rate / 2 + STEP(size, late), 1) ~ ~ |
"""
JUMPY = """
rate = 1 ~ ~ |
date = 3 ~ ~ |
length = 1 ~ ~ |
level = INTEG(PULSE(date, length) * 5 - rate * level + STEP(2, date * 0.7) - STEP(1, 9.3), 1) ~ ~ |
follower = INTEG(level - IF THEN ELSE(Time > date + 2.1, 2, 1) * follower, 0) ~ ~ |
"""


def _design(runs: int = RUNS, fastest: float = 3.0, **fixed: float) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    ends = {"rate": (0.1, fastest), "size": (0, 5), "late": (6, 20), "date": (0, 20), "length": (0, 9)}
    return pd.DataFrame({name: rng.uniform(*pair, runs) for name, pair in ends.items()}).assign(**fixed)


def _sweep(model: Model, design: pd.DataFrame, **options: object) -> xr.Dataset:
    known = [name for name in design if str(name) in model]
    given: dict[str, object] = {"every": 1, "certificate": 0, "progress": False, "workers": 1, **options}
    return model.sweep(design[known], ["level", "follower"], **given)


def _largest(found: xr.Dataset, wanted: xr.Dataset) -> np.ndarray:
    """Largest difference of each run, relative to the largest value of the series."""
    parts = [
        abs(found[name] - wanted[name]).max("time") / abs(wanted[name]).max("time") for name in ("level", "follower")
    ]
    return np.maximum(*(part.to_numpy() for part in parts))


def _stops(found: xr.Dataset) -> tuple[int, int]:
    words = found.attrs["steps"].replace(",", "").split()
    return int(words[0]), int(words[4])


@pytest.mark.parametrize("equations", [SMOOTH, JUMPY])
@pytest.mark.parametrize("rtol", [1e-3, 1e-5])
def test_the_runs_are_within_the_tolerance(model_from: Callable[..., Model], equations: str, rtol: float) -> None:
    model = model_from(equations, end=20, step=1 / 32)
    design = _design()
    found, wanted = _sweep(model, design, rtol=rtol), _sweep(model, design)
    apart = _largest(found, wanted)
    assert 0 < apart.max() <= rtol
    stops, steps = _stops(found)
    assert steps == 639
    assert stops < 0.8 * steps
    assert found.attrs["rtol"] == rtol
    assert wanted.attrs["rtol"] == "none"
    assert "steps" not in wanted.attrs


def test_it_needs_no_pilot_to_hold_for_other_runs(model_from: Callable[..., Model]) -> None:
    """The stops are those of the pilot of one design; the runs are those of another."""
    model = model_from(SMOOTH, end=20, step=1 / 32)
    longer = _sweep(model, _design(), rtol=1e-4).attrs["steps"]
    other = _design(4 * RUNS).iloc[RUNS:]
    found = _sweep(model, other, rtol=1e-4)
    assert found.attrs["steps"] != longer
    assert _largest(found, _sweep(model, other)).max() <= 1e-4


def test_short_steps_are_where_something_happens(
    model_from: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    grids: list[np.ndarray] = []
    run = Kernel.run

    def noted(self: Kernel, *args: object, **options: object) -> object:
        grids.append(options.get("grid"))
        return run(self, *args, **options)

    model = model_from(SMOOTH, end=20, step=1 / 32)
    monkeypatch.setattr(Kernel, "run", noted)
    _sweep(model, _design(late=50), rtol=1e-6)
    grid = grids[-1]
    count = {year: int(((grid >= year) & (grid < year + 1)).sum()) for year in range(20)}
    assert count[0] > 1.5 * count[4]
    assert count[5] > 1.5 * count[19]


def test_a_tolerance_that_needs_the_time_step_gives_the_same_bits(model_from: Callable[..., Model]) -> None:
    model = model_from(SMOOTH, end=20, step=1 / 4)
    design = _design()
    found = _sweep(model, design, rtol=1e-12)
    xr.testing.assert_equal(found, _sweep(model, design))
    assert found.attrs["steps"] == "TIME STEP"


def test_sweeps_that_cannot_gain_take_the_time_step(model_from: Callable[..., Model]) -> None:
    model = model_from(SMOOTH, end=4, step=1 / 8)
    design = _design()
    assert _sweep(model, design.iloc[1:], rtol=1e-3).attrs["steps"] == "TIME STEP"
    assert _sweep(model, design, rtol=1e-3, every=1 / 8).attrs["steps"] == "TIME STEP"
    assert "steps" not in _sweep(model, design, rtol=1e-3, method="rk4").attrs


def test_a_stiff_model_is_seen(model_from: Callable[..., Model]) -> None:
    """Half of the runs are unstable with twice the step, and some with TIME STEP itself: they are solved as ever."""
    model = model_from(SMOOTH, end=20, step=1 / 16)
    design = _design(fastest=60)
    found, wanted = _sweep(model, design, rtol=1e-4), _sweep(model, design)
    assert _largest(found, wanted).max() <= 1e-4
    assert found.attrs["solved_again"] == wanted.attrs["solved_again"]


def test_a_run_unlike_the_pilot_is_solved_with_the_time_step(model_from: Callable[..., Model]) -> None:
    """One run in a thousand is unstable with longer steps; none of the pilot is."""
    model = model_from(SMOOTH, end=20, step=1 / 32)
    design = _design(rate=1.0)
    design.loc[[5, 600], "rate"] = 50.0
    found, wanted = _sweep(model, design, rtol=1e-3), _sweep(model, design)
    stops, steps = _stops(found)
    assert stops < 0.8 * steps
    assert _largest(found, wanted).max() <= 1e-3
    again = int(found.attrs["solved_again"].split()[0])
    assert 2 <= again < 10
    assert found.attrs["solved_again"].endswith(
        f"runs, since their steps were too long: {again} with steps of TIME STEP"
    )
    for name in ("level", "follower"):
        np.testing.assert_array_equal(found[name][[5, 600]], wanted[name][[5, 600]])


def test_workers_chunks_and_stores_change_nothing(
    model_from: Callable[..., Model], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_from(JUMPY, end=20, step=1 / 32)
    design = _design()
    design.loc[[5, 600], "rate"] = 0.1
    whole = _sweep(model, design, rtol=1e-3)
    assert whole.attrs["steps"] != "TIME STEP"
    xr.testing.assert_equal(_sweep(model, design, rtol=1e-3, workers=2), whole)
    monkeypatch.setattr(backends, "_CHUNK_BYTES", 100_000)
    xr.testing.assert_equal(_sweep(model, design, rtol=1e-3), whole)
    real, count = backends.run_chunk, []

    def failing(*args: object, **how: object) -> object:
        count.append(1)
        if len(count) == 4:
            raise KeyboardInterrupt
        return real(*args, **how)

    monkeypatch.setattr(backends, "run_chunk", failing)
    with pytest.raises(SweepInterrupted):
        _sweep(model, design, rtol=1e-3, store=tmp_path / "a.zarr")
    monkeypatch.setattr(backends, "run_chunk", real)
    stored = _sweep(model, design, rtol=1e-3, store=tmp_path / "a.zarr")
    for name in ("level", "follower"):
        np.testing.assert_array_equal(stored[name], whole[name])
    assert stored.attrs["steps"] == whole.attrs["steps"]


def test_runs_that_share_their_past_keep_their_bits(
    model_from: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_from(SMOOTH, end=20, step=1 / 32)
    part = _design(RUNS // 4)
    design = pd.concat([part.assign(late=late) for late in (6.5, 8.3, 12, 30)], ignore_index=True)
    monkeypatch.setattr(fork, "LEAST_RUNS", 10**9)
    wanted = _sweep(model, design, rtol=1e-4)
    monkeypatch.setattr(fork, "LEAST_RUNS", 8)
    begun: list[float] = []
    begin = Kernel.begin

    def noted(self: Kernel, parameters: object, times: object, until: float, **options: object) -> object:
        begun.append(until)
        return begin(self, parameters, times, until, **options)

    monkeypatch.setattr(Kernel, "begin", noted)
    found = _sweep(model, design, rtol=1e-4)
    assert begun
    assert 5 <= begun[0] <= 6.5
    xr.testing.assert_equal(found, wanted)


def test_the_certificate_judges_by_the_tolerance(model_from: Callable[..., Model]) -> None:
    """The certificate's reference is a hundred times tighter; what TIME STEP itself errs counts as well."""
    model = model_from(SMOOTH, end=20, step=1 / 4)
    design = _design()
    with pytest.warns(ResultWarning, match="may be off by"):
        found = _sweep(model, design, rtol=1e-7, certificate=6)
    assert "scipy at rtol 1e-09" in found.attrs["certificate"]
    found = _sweep(model, design, rtol=1e-3, certificate=6)
    assert "scipy at rtol 1e-05" in found.attrs["certificate"]
    assert 0 < found.attrs["certificate_scipy"] < 1e-3
    assert 0 < found.attrs["certificate_half_step"] < 1e-3


def _given(model: Model, design: pd.DataFrame, stops: np.ndarray, **options: object) -> xr.Dataset:
    design = design[[name for name in design if str(name) in model]]
    how: dict[str, object] = {"every": 1, "certificate": 0, "progress": False, "workers": 1, **options}
    return run_sweep(model, design, ["level", "follower"], stops=stops, **how)


GRID = np.arange(0, 20, 1 / 8)
TWICE = GRID[(GRID <= 6) | (np.arange(len(GRID)) % 2 == 0)]


def test_stops_that_are_given_are_taken_by_sweeps_of_any_size(model_from: Callable[..., Model]) -> None:
    model = model_from(JUMPY, end=20, step=1 / 8)
    design = _design(64, fastest=1)
    found, wanted = _given(model, design, TWICE, certificate=6), _sweep(model, design)
    assert found.attrs["steps"] == "103 in place of 159 of TIME STEP"
    assert found.attrs["outputs_hash"] != wanted.attrs["outputs_hash"]
    apart = _largest(found, wanted)
    assert 0 < apart.max() < 2e-4
    few = _given(model, design.iloc[:3], TWICE)
    for name in ("level", "follower"):  # runs do not depend on those beside them
        np.testing.assert_array_equal(few[name], found[name][:3])
    xr.testing.assert_equal(_given(model, design, GRID), wanted)
    xr.testing.assert_equal(_given(model, design, TWICE, method="rk4"), _sweep(model, design, method="rk4"))
    assert found.attrs["certificate_runs"] == HALVED
    told = found.attrs["certificate"]
    assert told.startswith("2 random runs differ by at most ")
    assert "from scipy at rtol 1e-07 and 64 by at most " in told
    assert told.endswith("from half of TIME STEP, relative to the largest value of the output in its run")
    half = _sweep(model, design.assign(**{"TIME STEP": 1 / 16}))
    assert found.attrs["certificate_half_step"] == pytest.approx(_largest(found, half).max(), rel=1e-9)


def test_runs_for_which_given_stops_are_too_far_apart_are_solved_with_the_time_step(
    model_from: Callable[..., Model],
) -> None:
    model = model_from(SMOOTH, end=20, step=1 / 8)
    design = _design(64, fastest=1)
    design.loc[[5, 40], "rate"] = 15.0  # rough steps, and unstable with twice the step
    found, wanted = _given(model, design, TWICE), _sweep(model, design)
    assert found.attrs["solved_again"].startswith("2 of 64 runs")
    for name in ("level", "follower"):
        np.testing.assert_array_equal(found[name][[5, 40]], wanted[name][[5, 40]])
    assert _largest(found, wanted).max() < 1e-4
