"""The question of talent support on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import STEP, Arms
from sdmodel.study.finding import Finding

ASKED = LIBRARY["talent_support"]
PAY = "support of pay"
NONE = "as it is"
OTHERS = ["mobility support", "grants", "shared laboratories"]
STAFF = "RnD staff"
KNOWLEDGE = "knowledge"
ADEQUACY = "staff adequacy"
QUICK = "quick hiring"
SLOW = "slow hiring"
VACANCIES = "vacancies"
SAMPLES = 24


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    assert [v.hypothesis for v in finding.verdicts if "(" not in v.hypothesis] == ["H17"]
    assert all(v.samples > 0 for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[PAY] - money.loc[NONE]
    for arm in OTHERS:
        good = money.loc[arm].notna() & (extra > 0)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose((money.loc[arm] - money.loc[NONE])[good], extra[good], rtol=0.0051)


def test_an_arm_is_what_a_run_of_the_model_says(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP, **ASKED.arms[PAY]}
    staff = model.run(values, every=0.5, method="exact")[STAFF]
    assert staff.iloc[-1] == pytest.approx(by_arm[STAFF][PAY, 6], rel=1e-9)


def test_the_verdict_follows_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    knowledge = by_arm[KNOWLEDGE]
    change = 100 * (knowledge.loc[PAY] / knowledge.loc[NONE] - 1)
    assert (finding.verdicts[0].holds, finding.verdicts[0].samples) == ((change > 0.2).sum(), len(change))


def test_places_are_filled_faster_where_hiring_is_quick(by_arm: pd.DataFrame) -> None:
    assert (by_arm[ADEQUACY].loc[QUICK] > by_arm[ADEQUACY].loc[SLOW]).all()
    assert (by_arm[VACANCIES].loc[QUICK] < by_arm[VACANCIES].loc[SLOW]).all()


def test_pay_acts_through_attraction_alone(model: sdmodel.Model) -> None:
    """With the attraction held, support of pay costs money and brings no staff where programmes do not crowd."""
    draws = sdmodel.latin_hypercube(model.uncertainties, 4, rng=2)
    kept = [STAFF, "attractiveness", "talent support cost"]
    arms = Arms(model, draws, kept, every=0.125, workers=1, progress=False)
    calm = {"overload by a programme": 0.0}
    settings = {NONE: calm, PAY: {**ASKED.arms[PAY], **calm}}
    found = arms.run("", settings)
    end = found[STAFF].isel(time=-1)
    assert (end.sel(setting=PAY) > end.sel(setting=NONE)).all()
    assert (found["talent support cost"].isel(time=-1).sel(setting=PAY) > 0).all()
    held = found["attractiveness"].sel(setting=NONE)
    paths = xr.Dataset({"attractiveness held": (("run", "time"), held.to_numpy())}, {"time": held["time"].to_numpy()})
    cut = model.cut("attractiveness", "hires").cut("attractiveness", "quits")
    without = arms.run("", {PAY: settings[PAY]}, model=cut, data=paths)[STAFF].isel(time=-1)
    np.testing.assert_allclose(without.sel(setting=PAY), end.sel(setting=NONE), rtol=2e-3)
