"""The question of matching funds on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP
from sdmodel.study.finding import Finding

ASKED = LIBRARY["matching_funds"]
FREE = "no matching"
NONE = "as it is"
RATIOS = {"0.5 to 1": 0.5, "1 to 1": 1.0, "2 to 1": 2.0}
HALF = "0.5 to 1"
ONE = "1 to 1"
TWO = "2 to 1"
SHUT = "firms shut out"
WEAK = "grants to weak firms"
CURVE = "published curve"
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    verdicts = {v.hypothesis: v for v in finding.verdicts}
    assert "H06" in verdicts
    assert len(verdicts) == len(ASKED.predictions)
    assert verdicts["H06 (recipients)"].word == "built in"
    assert all(v.samples > 0 for v in finding.verdicts)


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[FREE] - money.loc[NONE]
    for arm in RATIOS:
        good = money.loc[arm].notna()
        assert good.any()
        np.testing.assert_allclose((money.loc[arm] - money.loc[NONE])[good], extra[good], rtol=0.0051)
    able = by_arm["public money"].notna().groupby(level="arm").sum()
    assert able[HALF] >= able[ONE] >= able[TWO]


def test_without_a_requirement_nobody_is_shut_out_and_a_higher_one_shuts_out_more(by_arm: pd.DataFrame) -> None:
    shut = by_arm[SHUT]
    assert shut.loc[[NONE, FREE]].abs().max() < 1e-9
    both = shut.unstack(level="arm")[list(RATIOS)].dropna()
    assert (both[TWO] > both[ONE]).all()
    assert (both[ONE] > both[HALF]).all()
    assert shut.max() <= 100


def test_an_arm_is_what_a_run_of_the_model_says(finding: Finding, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    row = finding.table[(finding.table["arm"] == FREE) & (finding.table["sample"] == 4)].iloc[0]
    values = draws.drop(columns="sample").iloc[4].to_dict() | {"TIME STEP": STEP, **ASKED.arms[FREE]}
    run = model.run(values, every=0.5, method="exact")
    assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
    paid = run["grant paid"].loc[2015.0:].sum()
    assert row[WEAK] == pytest.approx(100 * paid.loc["weak"] / paid.sum(), rel=1e-6)
    assert row[CURVE] == values["additionality switch"]


def test_the_two_sides_of_the_rule_have_their_own_line(finding: Finding) -> None:
    verdicts = {v.hypothesis: v for v in finding.verdicts}
    assert dict(verdicts["H06 (shut out)"].loops)["the rule shuts firms out"] == pytest.approx(0, abs=1e-9)
    left = dict(verdicts["H06 (recipients)"].loops)["the rule makes recipients spend (C83)"]
    assert left < verdicts["H06 (recipients)"].effect[0]
