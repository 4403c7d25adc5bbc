"""The questions of seed money and public services on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import DISCOUNT, STEP
from sdmodel.study.finding import Finding

ASKED = LIBRARY["seed_capital"]
MORE = "public services of equal cost"
ENTRY = "entry of market services"
AS_IS = "as it is"
INFLOW = "venture fund inflow"
NO_FUND = "no public fund"
SMALL = "fund of 2014"
FIVE = "fund times 5"
TWENTY = "fund times 20"
PRIVATE = "private capital"
MARKET = "market served"
HIGH = "services times 5"
NO_SERVICES = "no public services"
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    verdicts = {v.hypothesis: v for v in finding.verdicts}
    assert {"H11", "H34", "H35"} <= set(verdicts)
    assert len(verdicts) == len(ASKED.predictions)
    assert verdicts["H35"].word == "built in"
    assert verdicts["H11 (thin market)"].samples + verdicts["H11 (thick market)"].samples == verdicts["H11"].samples


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    good = money.loc[MORE].notna()
    assert good.sum() > SAMPLES / 2
    extra = money.loc[ENTRY] - money.loc[AS_IS]
    np.testing.assert_allclose((money.loc[MORE] - money.loc[AS_IS])[good], extra[good], rtol=0.0051)


def test_no_fund_gets_no_money_and_a_larger_one_gets_more(by_arm: pd.DataFrame) -> None:
    inflow = by_arm[INFLOW].unstack(level="arm")
    # 2015, the year in which sizes change, is all that is left of the fund of before.
    assert (inflow[NO_FUND] < 0.1 * inflow[SMALL]).all()
    assert (inflow[SMALL] < inflow[FIVE]).all()
    assert (inflow[FIVE] < inflow[TWENTY]).all()


def test_what_is_drawn_is_what_two_runs_of_a_sample_say(finding: Finding, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[2].to_dict() | {"TIME STEP": STEP}
    worth = {}
    for arm in (NO_FUND, FIVE):
        run = model.run(values | ASKED.arms[arm], every=0.5, method="exact")
        for name in (PRIVATE, INFLOW):
            late = run[name].loc[2015.0:]
            years = late.index.to_numpy() - 2015
            worth[arm, name] = np.trapezoid(late * np.exp(-values[DISCOUNT] * years), years)
    row = finding.table[finding.table["sample"] == 2].set_index("arm")
    for (arm, name), value in worth.items():
        assert row.loc[arm, name] == pytest.approx(value, rel=1e-9)


def test_services_that_call_forth_no_demand_never_add_to_the_market(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    plain = draws["demand creation switch"].to_numpy() == 0
    market = by_arm[MARKET].unstack(level="arm")[plain]
    assert len(market) > 5
    assert (market[HIGH] < 1.01 * market[NO_SERVICES]).all()


def test_deals_taken_and_deals_shown_have_opposite_signs(finding: Finding) -> None:
    verdict = next(v for v in finding.verdicts if v.hypothesis == "H34 (venture)")
    left = dict(verdict.loops)
    assert left["public money takes deals"] < verdict.effect[0] < left["public money makes deals visible (C118)"]
