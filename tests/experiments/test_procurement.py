"""The question of procurement on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study import arms
from sdmodel.study.arms import MONEY, STEP, Arms, last
from sdmodel.study.finding import Finding

ASKED = LIBRARY["procurement"]
BUY = "procurement"
NONE = "as it is"
GRANTS = "grants"
BOTH = "half of each"
NEW = "market new products since 2015"
OWN = "own RnD since 2015"
LEAST = 0.1
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    assert finding.verdicts[0].hypothesis == "H10"
    assert len(finding.verdicts) == 5
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
    for verdict in finding.verdicts[:4]:
        value = by_arm[OWN if verdict.outcome == OWN else NEW].unstack(level="arm")
        per = value.sub(value[NONE], axis=0) / extra.where(extra >= 1)
        gap = (per[BUY] - (per[GRANTS] if verdict.against == GRANTS else 0)).dropna()
        assert verdict.counts == ((gap > LEAST).sum(), (gap.abs() <= LEAST).sum(), (gap < -LEAST).sum())
        assert verdict.effect[0] == pytest.approx(gap.median())


def test_an_arm_is_what_a_run_of_the_model_says(
    finding: Finding, model: sdmodel.Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    row = finding.table[(finding.table["arm"] == BUY) & (finding.table["sample"] == 6)].iloc[0]
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP, **ASKED.arms[BUY]}
    spent = model.run(values, every=0.5, method="exact")[MONEY].iloc[-1]
    assert row["public money"] == pytest.approx(spent, rel=1e-7)  # two steps as one from 2016 on
    monkeypatch.setattr(arms, "SHORT_UNTIL", np.inf)
    stepwise = Arms(model, draws, ["all firms"], every=0.5, workers=1, progress=False).run("", {BUY: ASKED.arms[BUY]})
    assert last(stepwise, MONEY)[0, 6] == pytest.approx(spent, rel=1e-9)


def test_only_what_is_lost_costs_and_what_is_bought_is_sold(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=2)
    outputs = ["fiscal cost by instrument", "procurement size", "procured new products"]
    run = Arms(model, draws, outputs, every=0.5, workers=1, progress=False).run
    late = run("", ASKED.arms).sel(setting=BUY).isel(time=-1)
    size = late["procurement size"].to_numpy()
    assert (size > 0).all()
    known = model.parameters()["value"]
    lost = known["lost part of procurement"] * (1 + known["administration cost share"])
    np.testing.assert_allclose(late["fiscal cost by instrument"].sel(instrument=BUY), lost * size, rtol=1e-9)
    np.testing.assert_allclose(late["procured new products"].sum("quality"), size, rtol=1e-9)
