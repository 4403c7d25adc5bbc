"""The question of withdrawal on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP
from sdmodel.study.finding import Finding

ASKED = LIBRARY["withdrawal"]
GRADUAL = "gradual exit from 2020"
AT_ONCE = "left in 2015"
OTHERS = ["no exit", "gradual exit from 2016", "gradual exit from 2024"]
HANDED = "functions handed over"
KEPT = "functions kept"
ABRUPT = "abrupt exit"
LEAST = 2.0
COVERAGE = "service coverage"
SAMPLES = 12


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    assert {"H39", "H40", "H41"} < {v.hypothesis for v in finding.verdicts}
    assert all(v.samples > 0 for v in finding.verdicts)


def test_money_is_equal_in_all_exits(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[GRADUAL] - money.loc[AT_ONCE]
    assert (extra > 0).mean() > 0.8  # less programmes can also cost more, where others then get further
    for arms, like in (((*OTHERS, ABRUPT), GRADUAL), ((HANDED,), KEPT)):
        extra = money.loc[like] - money.loc[AT_ONCE]
        for arm in arms:
            good = money.loc[arm].notna()
            assert good.sum() > SAMPLES / 2, arm
            assert (extra[good] > 0).all()
            np.testing.assert_allclose((money.loc[arm] - money.loc[AT_ONCE])[good], extra[good], rtol=0.0051)


def test_the_verdict_on_timing_follows_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    index = by_arm["self organisation index"].unstack(level="arm")
    for name, other in zip(("H39", "H39 (early)", "H39 (late)"), OTHERS, strict=True):
        gap = (100 * (index[GRADUAL] / index[other] - 1)).dropna()
        verdict = finding.verdict(name)
        assert verdict.counts == ((gap > LEAST).sum(), (gap.abs() <= LEAST).sum(), (gap < -LEAST).sum())
        assert verdict.effect[0] == pytest.approx(gap.median())


def test_points_of_coverage_are_hundred_times_the_share(finding: Finding, by_arm: pd.DataFrame) -> None:
    low = by_arm["lowest coverage since 2020"].unstack(level="arm")
    assert finding.verdict("H40").effect[0] == pytest.approx(100 * (low[GRADUAL] - low[ABRUPT]).median())


def test_an_abrupt_exit_of_equal_money_lies_within_the_gradual_one(model: sdmodel.Model, finding: Finding) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1).drop(columns="sample")
    row = finding.table[(finding.table["arm"] == ABRUPT) & (finding.table["sample"] == 3)].iloc[0]
    dates = np.linspace(2020.0, 2025.0, 11)
    design = pd.DataFrame([draws.iloc[3]] * len(dates)).assign(**{"exit start": dates, "exit duration": 0.0})
    found = model.sweep(
        design.assign(**{"TIME STEP": STEP}), [MONEY, COVERAGE], every=0.5, certificate=0, progress=False
    )
    money = found[MONEY].isel(time=-1).to_numpy()
    assert money[0] < row["public money"] < money[-1]
    date = np.interp(row["public money"], money, dates)
    trough = found[COVERAGE].sel(time=slice(2020.0, None)).min("time").to_numpy()
    assert row["lowest coverage since 2020"] == pytest.approx(np.interp(date, dates, trough), rel=0.02)
