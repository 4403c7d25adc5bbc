"""The question of the virtuous circle on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP, Arms
from sdmodel.study.finding import Finding

ASKED = LIBRARY["virtuous_circle"]
RIGHTS = "protection of rights"
GRANTS = "grants like protection"
PUSH = "push"
LIKE_PUSH = "grants like the push"
NONE = "as it is"
SURVIVAL = "five year survival"
INTENSITY = "real RnD intensity"
HELD = {"1.2 %": 0.012, "3 %": 0.03, "5 %": 0.05, "8 %": 0.08}
EVEN = "three times the grants"
PRIORITY = "priority by track record"
SAMPLES = 24
OTHER_RANGES = {"half as wide": 0.5}


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    bare = [v.hypothesis for v in finding.verdicts if "(" not in v.hypothesis]
    assert bare == ["H12", "H13", "H19", "H20"]
    assert all(v.samples > 0 and {k: n for k, _, n in v.elsewhere}["half as wide"] > 0 for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    for like, arm in ((RIGHTS, GRANTS), (PUSH, LIKE_PUSH)):
        extra = money.loc[like] - money.loc[NONE]
        good = money.loc[arm].notna() & (extra > 0)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose((money.loc[arm] - money.loc[NONE])[good], extra[good], rtol=0.0051)


def test_an_arm_is_what_a_run_of_the_model_says(finding: Finding, by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    held = "RnD held at 5 %"  # within the range of the file
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP, **ASKED.arms[held]}
    values["RnD norm of a weak firm"] = values.pop("RnD norm of a weak firm as set")
    run = model.run(values, every=0.5, method="exact")
    assert run[SURVIVAL].iloc[-1] == pytest.approx(by_arm[SURVIVAL][held, 6], rel=1e-9)
    assert run[MONEY].iloc[-1] == pytest.approx(by_arm["public money"][held, 6], rel=1e-9)


def test_more_rnd_is_reached_where_firms_want_more(by_arm: pd.DataFrame) -> None:
    reached = np.array([by_arm[INTENSITY].loc[f"RnD held at {level}"] for level in HELD])
    assert (np.diff(reached, axis=0) > 0).all()


def test_the_verdict_of_survival_follows_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    gap = 100 * (by_arm[SURVIVAL].loc["RnD held at 8 %"] - by_arm[SURVIVAL].loc["RnD held at 1.2 %"])
    verdict = next(v for v in finding.verdicts if v.hypothesis == "H13")
    assert verdict.holds == (gap > 1).sum()
    assert verdict.effect[0] == pytest.approx(gap.median())


def test_what_has_no_weight_has_no_effect(model: sdmodel.Model) -> None:
    """Priority without a weight of the record; protection without effect, where programmes do not crowd each other."""
    draws = sdmodel.latin_hypercube(model.uncertainties, 4, rng=2)
    arms = Arms(model, draws, ["money to strong", "own RnD"], every=25.0, workers=1, progress=False)
    nil = {"weight of the track record": 0.0, "full effect of IP protection": 0.0, "overload by a programme": 0.0}
    names = (NONE, RIGHTS, EVEN, PRIORITY)
    found = arms.run("", {name: {**ASKED.arms[name], **nil} for name in names}).isel(time=-1)
    for a, b in ((NONE, RIGHTS), (EVEN, PRIORITY)):
        np.testing.assert_allclose(found["own RnD"].sel(setting=a), found["own RnD"].sel(setting=b), rtol=1e-9)
    money = found["money to strong"]
    np.testing.assert_allclose(money.sel(setting=EVEN), money.sel(setting=PRIORITY), rtol=1e-9)
    assert (found[MONEY].sel(setting=RIGHTS) > found[MONEY].sel(setting=NONE)).all()
