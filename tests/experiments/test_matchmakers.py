"""Intermediaries, vouchers and platforms on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP
from sdmodel.study.finding import Finding

ASKED = LIBRARY["matchmakers"]
DOUBLED = "public units doubled"
MARKET = "market intermediaries"
MORE = "more vouchers"
PLATFORM = "brokerage platforms"
NONE = "as it is"
ONCE = "vouchers in 2014 only"
NEVER = "no vouchers"
HELD = {months: f"university links after {months} months" for months in (0, 6, 12, 24)}
FELT = 1.0
NEVER_HELD = "no vouchers, platforms"
ENDED = {"voucher budget": 0.0, "policy ramp time": 0.0}
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_hypothesis_is_judged(finding: Finding) -> None:
    assert {"H25", "H26"} <= {v.hypothesis for v in finding.verdicts}
    assert all(v.samples > SAMPLES / 2 for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


@pytest.mark.parametrize(("like", "arm"), [(DOUBLED, MARKET), (MORE, PLATFORM)])
def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame, like: str, arm: str) -> None:
    money = by_arm["public money"]
    extra, same = (money.loc[a] - money.loc[NONE] for a in (like, arm))
    good = same.notna() & (extra > 0)
    assert good.sum() > SAMPLES / 2
    np.testing.assert_allclose(same[good], extra[good], rtol=0.0051)


def test_voucher_links_fade_month_by_month(by_arm: pd.DataFrame) -> None:
    added = np.array([by_arm[what].loc[ONCE] - by_arm[what].loc[NEVER] for what in HELD.values()])
    assert (added[0] > FELT).all()
    assert (np.diff(added, axis=0) < 0).all()
    assert (added[-1] > 0).all()


def test_platforms_add_links_of_their_own(by_arm: pd.DataFrame) -> None:
    last = by_arm[HELD[24]]
    assert (last.loc[NEVER_HELD] > last.loc[NEVER]).mean() > 0.9


def test_without_bridging_units_do_nothing_to_reach(model: sdmodel.Model) -> None:
    values = {"TIME STEP": STEP, "bridging effect": 0.0}
    for size in (0.0, 2.0):
        reach = model.run(values | {"service programme": size}, every=0.5, method="exact")["reach"]
        np.testing.assert_array_equal(reach, 1.0)
    doubled = model.run({"TIME STEP": STEP, "service programme": 2.0}, every=0.5, method="exact")["reach"]
    assert doubled.iloc[-1] > 1.0


def test_an_arm_is_what_a_run_of_the_model_says(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[7].to_dict() | {"TIME STEP": STEP, **ENDED}
    values["vouchers before 2015"] = ASKED.arms[ONCE]["vouchers before 2015 as set"]
    run = model.run(values, every=0.5, method="exact")
    assert run[MONEY].iloc[-1] == pytest.approx(by_arm["public money"].loc[ONCE, 7], rel=1e-9)
    held = run["university links"].loc[2016.0] + run["voucher links"].loc[2016.0]
    assert held == pytest.approx(by_arm[HELD[12]].loc[ONCE, 7], rel=1e-9)
