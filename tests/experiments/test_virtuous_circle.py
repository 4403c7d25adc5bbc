"""The question of the virtuous circle on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import virtuous_circle as asked
from sdmodel.study import question
from sdmodel.study.arms import MONEY, STEP, Arms
from sdmodel.study.finding import Finding

SAMPLES = 24


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("shandong")


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    with pytest.MonkeyPatch.context() as patch:  # one other range is enough, the one that settings can leave
        patch.setattr(question, "WIDTHS", {"half as wide": 0.5})
        return asked.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    bare = [v.hypothesis for v in finding.verdicts if "(" not in v.hypothesis]
    assert bare == ["H12", "H13", "H19", "H20"]
    assert all(v.samples > 0 and {k: n for k, _, n in v.elsewhere}["half as wide"] > 0 for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in asked.SPEC.loops}


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    for like, arm in ((asked.RIGHTS, asked.GRANTS), (asked.PUSH, asked.LIKE_PUSH)):
        extra = money.loc[like] - money.loc[asked.NONE]
        good = money.loc[arm].notna() & (extra > 0)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose((money.loc[arm] - money.loc[asked.NONE])[good], extra[good], rtol=0.0051)


def test_an_arm_is_what_a_run_of_the_model_says(finding: Finding, by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    held = asked.at("5 %")  # within the range of the file
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP, **asked.SPEC.arms[held]}
    run = model.run(values, every=0.5, method="exact")
    assert run[asked.SURVIVAL].iloc[-1] == pytest.approx(by_arm[asked.SURVIVAL][held, 6], rel=1e-9)
    assert run[MONEY].iloc[-1] == pytest.approx(by_arm["public money"][held, 6], rel=1e-9)


def test_more_rnd_is_reached_where_firms_want_more(by_arm: pd.DataFrame) -> None:
    reached = np.array([by_arm[asked.INTENSITY].loc[asked.at(level)] for level in asked.HELD])
    assert (np.diff(reached, axis=0) > 0).all()


def test_the_verdict_of_survival_follows_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    gap = 100 * (by_arm[asked.SURVIVAL].loc[asked.at("8 %")] - by_arm[asked.SURVIVAL].loc[asked.at("1.2 %")])
    verdict = next(v for v in finding.verdicts if v.hypothesis == "H13")
    assert verdict.holds == (gap > 1).sum()
    assert verdict.effect[0] == pytest.approx(gap.median())


def test_what_has_no_weight_has_no_effect(model: sdmodel.Model) -> None:
    """Priority without a weight of the record; protection without effect, where programmes do not crowd each other."""
    draws = sdmodel.latin_hypercube(model.uncertainties, 4, rng=2)
    arms = Arms(model, draws, ["money to strong", "own RnD"], every=25.0, workers=1, progress=False)
    nil = {"weight of the track record": 0.0, "full effect of IP protection": 0.0, "overload by a programme": 0.0}
    names = (asked.NONE, asked.RIGHTS, asked.EVEN, asked.PRIORITY)
    found = arms.run("", {name: {**asked.SPEC.arms[name], **nil} for name in names}).isel(time=-1)
    for a, b in ((asked.NONE, asked.RIGHTS), (asked.EVEN, asked.PRIORITY)):
        np.testing.assert_allclose(found["own RnD"].sel(setting=a), found["own RnD"].sel(setting=b), rtol=1e-9)
    money = found["money to strong"]
    np.testing.assert_allclose(money.sel(setting=asked.EVEN), money.sel(setting=asked.PRIORITY), rtol=1e-9)
    assert (found[MONEY].sel(setting=asked.RIGHTS) > found[MONEY].sel(setting=asked.NONE)).all()
