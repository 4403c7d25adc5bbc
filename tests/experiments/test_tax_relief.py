"""The question of accelerated depreciation on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import DISCOUNT, MONEY, STEP, Arms
from sdmodel.study.finding import Finding

ASKED = LIBRARY["tax_relief"]
NONE = "as it is"
FAST = "accelerated depreciation"
DEDUCTION = "flat deduction"
GRANTS = "grants"
SPEED = 0.9
OWN = "own RnD"
IN_PROFIT = "firms in profit in 2015"
SHORT = "firms short of money in 2015"
QUALITIES = ("weak", "strong")
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    names = [v.hypothesis for v in finding.verdicts]
    assert "H03" in names
    assert len(set(names)) == len(ASKED.predictions)
    assert all(v.samples > 0 for v in finding.verdicts)
    assert set(finding.table["arm"]) == {NONE, FAST, DEDUCTION, GRANTS}


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[FAST] - money.loc[NONE]
    for arm in (DEDUCTION, GRANTS):
        good = money.loc[arm].notna() & (extra > 0)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose((money.loc[arm] - money.loc[NONE])[good], extra[good], rtol=0.0051)


def test_the_main_verdict_is_what_two_runs_of_a_sample_say(finding: Finding, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    sample = 3
    values = draws.drop(columns="sample").iloc[sample].to_dict() | {"TIME STEP": STEP}
    own, money = [], []
    for setting in ({}, {"extra depreciation speed": SPEED}):
        run = model.run(values | setting, every=0.5, method="exact")
        late = run[OWN].sum(axis=1).loc[2015.0:]
        worth = np.exp(-values[DISCOUNT] * (late.index.to_numpy() - 2015))
        own.append(np.trapezoid(late * worth, late.index))
        money.append(run[MONEY].iloc[-1])
    row = finding.table[finding.table["sample"] == sample].set_index("arm")
    assert row.loc[FAST, OWN] - row.loc[NONE, OWN] == pytest.approx(own[1] - own[0], rel=1e-6)
    assert row.loc[FAST, "public money"] == pytest.approx(money[1], rel=1e-9)


def test_deferred_tax_is_neither_saved_nor_owed_without_equipment_or_acceleration(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=2)
    arms = Arms(model, draws, ["depreciation tax cost", OWN], every=0.5, workers=1, progress=False)
    found = arms.run("", {**ASKED.arms, "no acceleration": {"extra depreciation speed": 0.0}})
    cost, own = found["depreciation tax cost"], found[OWN].sum("quality")
    np.testing.assert_array_equal(own.sel(setting="no acceleration"), own.sel(setting=NONE))
    assert abs(cost.sel(setting=NONE)).max() < 1e-9
    fast = cost.sel(setting=FAST, time=slice(2015, None))
    assert (fast.isel(time=2) > 0).all()
    assert (fast.isel(time=-1) < fast.max("time")).all()  # it is put off, not given up


def test_cash_is_how_it_works(finding: Finding) -> None:
    held = dict(finding.verdicts[0].loops)
    assert set(held) == {loop.name for loop in ASKED.loops}
    assert abs(held["tax saved as cash held (C22)"]) < abs(finding.verdicts[0].effect[0])


def test_groups_of_firms_are_told_apart_in_each_sample(by_arm: pd.DataFrame) -> None:
    for what in (IN_PROFIT, SHORT):
        weak, strong = (by_arm[f"{what}, {q}"].loc[NONE] for q in QUALITIES)
        assert weak.between(0, 1).all()
        assert strong.between(0, 1).all()
        assert (weak != strong).all()
    both = by_arm[f"{OWN}, weak"] + by_arm[f"{OWN}, strong"]
    np.testing.assert_allclose(both, by_arm[OWN], rtol=1e-9)
