"""Agglomeration, cluster support and spin-offs on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP, Arms
from sdmodel.study.finding import Finding
from sdmodel.study.overlay import overlaid

ASKED = LIBRARY["agglomeration"]
NONE = "as it is"
TWICE = "cluster support doubled"
GRANTS = "grants"
ENTRY = "new firms"
FIRMS = "firms in 2034"
FREE = "spin-offs freed"
SHARE = "firms in zones, % of all"
ZONES = "zone preferences doubled"
ENDED = "zone preferences ended"
STILL_ZONES = "doubled, no pull, no congestion"
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_hypothesis_is_judged(finding: Finding) -> None:
    assert {"H21", "H27", "H28"} <= {v.hypothesis for v in finding.verdicts}
    assert all(v.samples > SAMPLES / 2 for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


def test_grants_cost_what_cluster_support_costs(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra, same = (money.loc[arm] - money.loc[NONE] for arm in (TWICE, GRANTS))
    good = same.notna() & (extra > 0)
    assert good.sum() > SAMPLES / 2
    np.testing.assert_allclose(same[good], extra[good], rtol=0.0051)


def test_freed_spin_offs_cost_no_programme_and_make_firms(by_arm: pd.DataFrame) -> None:
    for what in (ENTRY, FIRMS):
        assert (by_arm[what].loc[FREE] > by_arm[what].loc[NONE]).all()


def test_preferences_draw_firms_and_their_end_sends_them_away(by_arm: pd.DataFrame) -> None:
    share = by_arm[SHARE]
    assert (share.loc[ZONES] > share.loc[NONE]).all()
    assert (share.loc[ENDED] < share.loc[NONE]).all()


def test_without_pull_and_congestion_the_answer_is_the_same_with_firms_held(model: sdmodel.Model) -> None:
    """Then firms in zones do nothing to attraction, and cutting that link changes nothing."""
    draws = sdmodel.latin_hypercube(model.uncertainties, 4, rng=3)
    for name, text in ASKED.overlays.items():
        model = overlaid(model, text, name)
    arms = Arms(model, draws, ASKED.outputs, every=0.5, workers=1, progress=False)
    link = ("firms in zones over start", "zone attraction")
    base = arms.run("", {NONE: {}}).sel(setting=NONE)
    settings = {arm: ASKED.arms[arm] for arm in (STILL_ZONES, ZONES)}
    free, held = arms.run("", settings)["zone share"], arms.without("", link, base, settings)["zone share"]
    np.testing.assert_allclose(held.sel(setting=STILL_ZONES), free.sel(setting=STILL_ZONES), rtol=1e-9)
    assert abs(held.sel(setting=ZONES) - free.sel(setting=ZONES)).max() > 1e-3


def test_an_arm_is_what_a_run_of_the_model_says(finding: Finding, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    row = finding.table[(finding.table["arm"] == TWICE) & (finding.table["sample"] == 6)].iloc[0]
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP, **ASKED.arms[TWICE]}
    run = model.run(values, every=0.5, method="exact")
    assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
    assert 100 * run["zone share"].iloc[-1] == pytest.approx(row[SHARE], rel=1e-9)
