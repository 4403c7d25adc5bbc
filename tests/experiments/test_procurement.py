"""The question of procurement on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP, Arms
from sdmodel.study.finding import Finding

ASKED = LIBRARY["procurement"]
BUY = "procurement"
NONE = "as it is"
GRANTS = "grants"
BOTH = "half of each"
NEW = "new product revenue"
OWN = "own RnD"
LEAST = 0.1
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    assert [v.hypothesis for v in finding.verdicts] == ["H10", "H10 (RnD)", "H10 (mix)"]
    assert all(v.samples > 0 for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[BUY] - money.loc[NONE]
    for arm in (GRANTS, BOTH):
        good = money.loc[arm].notna() & (extra > 0)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose((money.loc[arm] - money.loc[NONE])[good], extra[good], rtol=0.0051)


def test_the_verdicts_follow_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"].unstack(level="arm")
    extra = money.sub(money[NONE], axis=0)
    for verdict, what in zip(finding.verdicts, (NEW, OWN), strict=False):
        value = by_arm[what].unstack(level="arm")
        per = value.sub(value[NONE], axis=0) / extra.where(extra >= 1)
        gap = (per[BUY] - per[GRANTS]).dropna()
        assert (verdict.holds, verdict.samples) == ((gap > LEAST).sum(), len(gap))
        assert verdict.effect[0] == pytest.approx(gap.median())


def test_an_arm_is_what_a_run_of_the_model_says(finding: Finding, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    row = finding.table[(finding.table["arm"] == BUY) & (finding.table["sample"] == 6)].iloc[0]
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP, **ASKED.arms[BUY]}
    assert model.run(values, every=0.5, method="exact")[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)


def test_only_premium_and_waste_cost_and_what_is_bought_is_sold(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=2)
    parts = ["price premium of procurement", "unused part of procurement"]
    draws.loc[0, parts] = 0.0
    arms = Arms(
        model,
        draws,
        ["procurement cost", "procurement size", "procured new products"],
        every=0.5,
        workers=1,
        progress=False,
    )
    late = arms.run("", ASKED.arms).sel(setting=BUY).isel(time=-1)
    assert (late["procurement size"] > 0).all()
    assert late["procurement cost"][0] == 0
    assert (late["procurement cost"][1:] > 0).all()
    np.testing.assert_allclose(late["procurement cost"], draws[parts].sum(axis=1) * late["procurement size"], rtol=1e-9)
    np.testing.assert_allclose(late["procured new products"].sum("quality"), late["procurement size"], rtol=1e-9)
