"""Benefit mechanism, leadership and recruitment of alliances on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP
from sdmodel.study.finding import Finding

ASKED = LIBRARY["alliances"]
SHARE = "contributing members"
NONE = "as it is"
RULES = {0.25: "mechanism of 0.25", 0.5: "mechanism of 0.5", 0.75: "mechanism of 0.75", 1.0: "mechanism of 1"}
NEEDED = "tied share needed in 2015"
HALF = "mechanism of 0.5"
LED = "led by associations"
JOINT = "joint value in 2034"
SAMPLES = 60


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_hypothesis_is_judged(finding: Finding) -> None:
    assert "H23" in {v.hypothesis for v in finding.verdicts}
    assert all(v.samples == SAMPLES for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


def test_a_stronger_mechanism_makes_more_members_contribute(by_arm: pd.DataFrame) -> None:
    share = np.array([by_arm[SHARE].loc[arm] for arm in (NONE, *RULES.values())])
    assert (np.diff(share, axis=0) > 0).all()


def test_the_closed_form_of_the_share_needed(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    """Where the tied share is the one needed, contributing neither gains nor loses."""
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    names = ["gain from contributing", "tied benefit share", "tied benefit share needed"]
    found = model.sweep(draws.assign(**{"TIME STEP": STEP}), names, every=0.5, progress=False, certificate=0, workers=1)
    now = found.sel(time=2015.0)
    value, of = draws["joint value per contributor"], model.parameters()["value"]["firms per alliance"]
    gain = (now["tied benefit share"] - now["tied benefit share needed"]) * value.to_numpy() * (1 - 1 / of)
    np.testing.assert_allclose(now["gain from contributing"], gain, atol=1e-12)
    np.testing.assert_allclose(by_arm[NEEDED].loc[NONE], now["tied benefit share needed"], rtol=1e-9)


def test_needed_means_turned_from_less_to_more_than_half(finding: Finding, by_arm: pd.DataFrame) -> None:
    share = by_arm[SHARE]
    turned = (share.loc[NONE] < 0.5) & (share.loc[HALF] > 0.5)
    needed = next(v for v in finding.verdicts if v.hypothesis == "H23 (needed)")
    assert 0 < needed.holds == turned.sum() < SAMPLES


def test_an_arm_is_what_a_run_of_the_model_says(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[4].to_dict() | {"TIME STEP": STEP, **ASKED.arms[LED]}
    run = model.run(values, every=0.5, method="exact")
    assert run[MONEY].iloc[-1] == pytest.approx(by_arm["public money"].loc[LED, 4], rel=1e-9)
    assert run["joint value"].iloc[-1] == pytest.approx(by_arm[JOINT].loc[LED, 4], rel=1e-9)
