"""Arms: the same samples for each setting, present values, and links held."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.study.arms import (
    END,
    MONEY,
    NEVER,
    POLICY_START,
    SHORT_UNTIL,
    STEP,
    Arms,
    by_setting,
    last,
)
from sdmodel.study.outcomes import DISCOUNT, present_value, total

TEXT = """
place: a, b ~~|
present value of public money = INTEG(spending*size, 0) ~ million CNY ~ |
spending = 2 ~ million CNY/Year [0,9] ~ |
size = 1 ~ Dmnl [0,3] ~ |
stock[place] = INTEG(gain[place], 1) ~ million CNY ~ |
gain[place] = growth*size*stock[place] ~ million CNY/Year ~ |
growth = 0.1 ~ 1/Year [0,1] ~ |
"""


@pytest.fixture
def arms(model_from: Callable[..., sdmodel.Model]) -> Arms:
    draws = pd.DataFrame({"growth": [0.1, 0.2, 0.05], "sample": range(3)})
    return Arms(model_from(TEXT), draws, ["stock"], every=0.25, workers=1, progress=False)


def test_each_setting_gets_the_same_samples(arms: Arms) -> None:
    found = arms.run("", {"plain": {}, "double": {"size": 2.0}, "own": {"size": np.array([1.0, 2.0, 3.0])}})
    assert found["stock"].dims == ("setting", "sample", "time", "place")
    growth = np.array([0.1, 0.2, 0.05])
    grown = last(found, "stock")[:, :, 0]
    assert grown == pytest.approx(np.exp(10 * growth * [[1], [2], [1]] * [[1, 1, 1], [1, 1, 1], [1, 2, 3]]), rel=1e-6)
    assert last(found, MONEY) == pytest.approx(np.array([[20, 20, 20], [40, 40, 40], [20, 40, 60]]))
    assert arms.runs == 9
    assert total(found["stock"]).dims == ("setting", "sample", "time")


def test_a_constant_that_a_setting_does_not_name_keeps_its_value(arms: Arms) -> None:
    found = arms.run("", {"fast": {"growth": 0.3}, "plain": {}})
    assert last(found, "stock")[0, :, 0] == pytest.approx([np.exp(3)] * 3, rel=1e-6)
    assert last(found, "stock")[1, :, 0] == pytest.approx(np.exp([1, 2, 0.5]), rel=1e-6)


def test_arms_of_equal_money(arms: Arms) -> None:
    settings = {"dear": {"spending": 4.0}, "cheap": {"spending": 1.0}, "free": {"spending": 0.1}}
    found = arms.equal("", settings, np.array([20.0, 40.0, 30.0]), lever="size", start=1.0)
    assert found.lever[0] == pytest.approx([0.5, 1.0, 0.75])
    assert found.lever[1] == pytest.approx([2.0, 3.0, 3.0])
    assert found.spent.tolist() == [[True, True, True], [True, False, True], [False, False, False]]
    assert last(found.result, MONEY)[:2] == pytest.approx(np.array([[20, 40, 30], [20, 30, 30]]))
    assert arms.runs > 9  # each row at the first guess, and again where that is off


def test_a_held_link_keeps_an_arm_as_it_was_and_cuts_the_feedback(arms: Arms) -> None:
    plain = arms.run("", {"plain": {}}, ["stock"])
    held = plain.sel(setting="plain")
    found = arms.without("", ("stock", "gain"), held, {"plain": {}, "double": {"size": 2.0}})
    assert last(found, "stock")[0] == pytest.approx(last(plain, "stock")[0], rel=1e-3)  # between reports lines stand in
    once = last(plain, "stock")[0]
    assert last(found, "stock")[1] == pytest.approx(1 + 2 * (once - 1), rel=1e-3)  # twice the gain, no growth on top
    assert (last(arms.run("", {"double": {"size": 2.0}}), "stock")[0] > last(found, "stock")[1]).all()


def test_present_value_of_a_constant_flow() -> None:
    time = np.arange(2009, 2034.1, 0.5)
    flow = xr.DataArray(np.full((2, 2, len(time), 2), 0.5), dims=("setting", "sample", "time", "quality"))
    flow = flow.assign_coords(time=time)
    draws = pd.DataFrame({DISCOUNT: [0.03, 0.08]})
    worth = present_value(flow, draws)
    exact = (1 - np.exp(-19 * draws[DISCOUNT])) / draws[DISCOUNT]
    assert worth.to_numpy() == pytest.approx(np.tile(exact, (2, 1)), rel=2e-4)


def test_dates_and_steps_are_those_of_the_shipped_model() -> None:
    model = sdmodel.load("shandong")
    assert model.time["final time"] == END
    assert END - model.time["initial time"] == NEVER
    assert model.time["time step"] == STEP
    assert min(path.at[0] for s in model.scenarios.values() for path in s.paths.values()) == POLICY_START


def test_arms_that_are_equal_are_equal_to_the_bit_in_whatever_sweep_and_take_longer_steps(
    model_from: Callable[..., sdmodel.Model],
) -> None:
    model = model_from(TEXT, start=2009, end=2034, step=STEP)
    draws = pd.DataFrame({"growth": [0.1, 0.05], "sample": range(2)})
    arms = Arms(model, draws, ["stock"], every=0.5, workers=1, progress=False)
    short = arms.stops[arms.stops <= SHORT_UNTIL]
    assert np.diff(short) == pytest.approx(STEP)
    assert np.diff(arms.stops[len(short) - 1 :]) == pytest.approx(2 * STEP)
    alone, beside = arms.run("", {"plain": {}}), arms.run("", {"double": {"size": 2.0}, "plain": {}})
    assert alone.attrs["steps"] == f"{len(arms.stops) - 1} in place of 199 of TIME STEP"
    searched = arms.equal("", {"plain": {"size": 1.0}}, last(alone, MONEY), lever="spending", start=2.0)
    for other in (beside.sel(setting="plain"), searched.result.sel(setting="plain")):
        np.testing.assert_array_equal(other["stock"], alone["stock"][0])
    grown = last(alone, "stock")[0, :, 0]
    assert grown == pytest.approx(np.exp(25 * draws["growth"]), rel=1e-5)


def test_a_failed_run_is_not_a_number(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(TEXT.replace("INTEG(spending*size", "INTEG(spending/growth*growth*size"))
    draws = pd.DataFrame({"growth": [0.1, 0.0]})
    found = Arms(model, draws, ["stock"], every=1, workers=1, progress=False).run("", {"plain": {}})
    assert found["status"].to_numpy().tolist() == [[0, 1]]
    assert np.isnan(total(found["stock"]).to_numpy()[0, 1]).all()


def test_an_unknown_name_is_refused(model_from: Callable[..., sdmodel.Model]) -> None:
    with pytest.raises(sdmodel.errors.UnknownNameError, match=r"no variable 'stok'\. Nearest: stock"):
        Arms(model_from(TEXT), pd.DataFrame({"growth": [0.1]}), ["stok"], every=1)


def test_rows_run_through_the_samples_first(arms: Arms) -> None:
    design = sdmodel.pair(arms.draws, pd.DataFrame({"setting": ["one", "two"], "size": [1.0, 2.0]}))
    found = by_setting(arms.model.sweep(design, [MONEY], every=10, progress=False), ["one", "two"], 3)
    assert last(found, MONEY).tolist() == [[20, 20, 20], [40, 40, 40]]


def test_time_is_told_since_the_arms_were_made(arms: Arms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdmodel.study.arms.time.perf_counter", lambda: arms._begun + 12.26)
    arms.runs = 30
    assert arms.seconds == 12.3
    assert arms.summary == "30 runs (10 a sample) in 12 s."
    told = arms.record("toy", 4, xr.Dataset(attrs={"seed": 9, "model": "m"}))
    assert told == {"model": "m", "experiment": "toy", "samples": 3, "seed": 4, "runs": 30, "seconds": 12.3}


def test_what_is_missed_is_a_part_of_the_money_beyond_what_is_spent_anyway(arms: Arms) -> None:
    """At a size of 1.05 twenty-one are spent in place of twenty, of which ten are spent in any case."""
    found = arms.equal("", {"one": {}}, np.array([20.0] * 3), lever="size", start=1.05, base=10.0, tolerance=0.2)
    assert found.residual == pytest.approx(np.full((1, 3), 0.1), rel=1e-6)
    assert found.lever == pytest.approx(np.full((1, 3), 1.05))
    assert found.spent.all()
