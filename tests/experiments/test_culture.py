"""Slogans, rules and insurance of failures on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP, Arms
from sdmodel.study.finding import Finding

ASKED = LIBRARY["culture"]
AS_SET = "slogans of 20 million CNY a year"
SLOGANS = "slogans"
BOTH = "slogans and rules"
RULES = "rules"
INSURED = "insurance of failures"
GRANTS = "grants"
NONE = "as it is"
KNOWN = "knowledge in 2034"
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_hypothesis_is_judged(finding: Finding) -> None:
    assert {"H30", "H31"} <= {v.hypothesis for v in finding.verdicts}
    assert all(v.samples > SAMPLES / 2 for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


@pytest.mark.parametrize(
    ("like", "arm"),
    [
        (AS_SET, SLOGANS),
        (AS_SET, BOTH),
        (AS_SET, RULES),
        (INSURED, GRANTS),
    ],
)
def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame, like: str, arm: str) -> None:
    money = by_arm["public money"]
    extra, same = (money.loc[a] - money.loc[NONE] for a in (like, arm))
    good = same.notna() & (extra > 0)
    assert good.sum() > SAMPLES / 2
    np.testing.assert_allclose(same[good], extra[good], rtol=0.0051)


def test_slogans_without_any_institution_reach_no_values(model: sdmodel.Model) -> None:
    values = {"TIME STEP": STEP, "base institution rules": 0.1}
    nil = model.replace("institution rules", 0.0)
    slogans = {"advocacy budget": 20.0}
    np.testing.assert_array_equal(nil.run(values | slogans, every=0.5, method="exact")["shared values"], 0.0)
    found = [model.run(values | s, every=0.5, method="exact")["shared values"].iloc[-1] for s in ({}, slogans)]
    assert found[1] > found[0] > 0


def test_insurance_without_response_and_carelessness_moves_money_only(model: sdmodel.Model) -> None:
    """Firms that neither dare more nor care less spend more only as the money paid out lets them."""
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=4).copy()
    draws.loc[0, ["response of RnD to insurance", "carelessness of the insured"]] = 0.0
    arms = Arms(model, draws, ["uncurbed intensity", "conversion odds"], every=0.5, workers=1, progress=False)
    both = arms.run("", {arm: ASKED.arms[arm] for arm in (NONE, INSURED)})
    early = both.sel(time=2016.0)
    gap = abs(early.isel(setting=1) / early.isel(setting=0) - 1).max(["quality", "band"])
    assert (gap["conversion odds"].isel(sample=0) < 1e-3).all()
    assert (gap["uncurbed intensity"].isel(sample=0) < 1e-3).all()
    assert (gap["uncurbed intensity"].isel(sample=slice(1, None)) > 1e-3).all()


def test_an_arm_is_what_a_run_of_the_model_says(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[3].to_dict() | {"TIME STEP": STEP, **ASKED.arms[INSURED]}
    run = model.run(values, every=0.5, method="exact")
    assert run[MONEY].iloc[-1] == pytest.approx(by_arm["public money"].loc[INSURED, 3], rel=1e-9)
    assert run["knowledge"].iloc[-1].sum() == pytest.approx(by_arm[KNOWN].loc[INSURED, 3], rel=1e-9)
