"""The question of synergy inside firms on a few samples, and the shortfall it uses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY, synergy_within
from sdmodel.study.arms import STEP, Arms
from sdmodel.study.finding import Finding
from sdmodel.study.overlay import overlaid
from sdmodel.study.paired import Paired

ASKED = LIBRARY["synergy_within"]
INFORMATION = "information"
NONE = "as it is"
ADVICE = "advisers"
GRANTS = "grants"
BOTH = "grants and advisers"
SURVIVAL = "five year survival"
THROUGH = "survival 2018 to 2023"
HIT = {"with synergy": "with synergy, shortfall", "without synergy": "without synergy, shortfall"}
WITHOUT = "without synergy"
WITH = "with synergy"
LEAST = 0.2
MANAGEMENT = "management synergy"
NO_ADVICE = "no advisers"
YEARS = (2015.5, 2016.0, 2017.0, 2018.0, 2019.0, 2020.0, 2022.0, 2025.0, 2030.0, 2034.0)
SAMPLES = 24


def with_overlay(model: sdmodel.Model) -> sdmodel.Model:
    for name, text in ASKED.overlays.items():
        model = overlaid(model, text, name)
    return model


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    bare = [v.hypothesis for v in finding.verdicts if "(" not in v.hypothesis]
    assert bare == ["H14", "H15", "H16", "H18"]
    assert all(v.samples > 0 for v in finding.verdicts)
    assert finding.verdicts[-1].hypothesis == "H14 (scarcity)"
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[INFORMATION] - money.loc[NONE]
    for arm in (ADVICE, GRANTS, BOTH):
        good = money.loc[arm].notna() & (extra > 0)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose((money.loc[arm] - money.loc[NONE])[good], extra[good], rtol=0.0051)


def test_an_arm_is_what_a_run_of_the_model_says(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP}
    run = model.run(values | ASKED.arms[INFORMATION], every=0.5, method="exact")
    assert run[SURVIVAL].iloc[-1] == pytest.approx(by_arm[SURVIVAL][INFORMATION, 6], rel=1e-9)


def test_the_verdict_of_the_shortfall_follows_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    through = by_arm[THROUGH]
    loss = {kind: 100 * (through.loc[kind] - through.loc[hit]) for kind, hit in HIT.items()}
    gap = loss[WITHOUT] - loss[WITH]
    verdict = next(v for v in finding.verdicts if v.hypothesis == "H15")
    assert (verdict.holds, verdict.samples) == ((gap > LEAST).sum(), len(gap))
    assert (np.array([*loss.values()]) > 0).mean() > 0.9


def test_a_shortfall_begins_when_it_begins_and_none_is_none(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=2)
    names = ["five year survival", "operating surplus"]
    arms = Arms(model, draws, names, every=0.5, workers=1, progress=False)
    plain = arms.run("", {"a": {}}).sel(setting="a")
    settings = {"none": {}, "three years": {"shortfall length": 3.0}}
    found = arms.run("", settings, model=with_overlay(model))
    for name in names:
        np.testing.assert_allclose(found[name].sel(setting="none"), plain[name], rtol=1e-12)
        before = found[name].sel(setting="three years", time=slice(None, 2018.0))
        np.testing.assert_allclose(before, plain[name].sel(time=slice(None, 2018.0)), rtol=1e-12)
    when = {"setting": "three years", "time": 2018.5}
    ratio = found["operating surplus"].sel(when) / plain["operating surplus"].sel(time=2018.5)
    np.testing.assert_allclose(ratio, 0.5, rtol=0.03)
    assert (found["operating surplus"].sel(setting="three years", time=2025.0) > 0).all()


def test_paths_of_shortfalls(model: sdmodel.Model) -> None:
    added, times = with_overlay(model), [2017.875, 2018.125, 2018.25, 2019.875, 2020.125, 2020.5, 2025.875, 2026.5]
    paths = {0.0: [1] * 8, 2.0: [1, 0.75, 0.5, 0.5, 0.75, 1, 1, 1], 8.0: [1, 0.75, 0.5, 0.5, 0.5, 0.5, 0.5, 1]}
    for length, kept in paths.items():
        run = added.run({"shortfall length": length}, every=0.125, method="exact")["kept part of the margin"]
        np.testing.assert_allclose(run.loc[times], kept, atol=1e-12)


def test_advice_without_effect_does_nothing_where_programmes_do_not_crowd_each_other(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 4, rng=2)
    arms = Arms(model, draws, [MANAGEMENT], every=25.0, workers=1, progress=False)
    nil = {"effect of advice": 0.0, "overload by a programme": 0.0}
    settings = {f"{n:g}": {"adviser programme": n, **nil} for n in (0.0, 5.0)} | {
        "acts": {"adviser programme": 5.0, "overload by a programme": 0.0, "effect of advice": 0.5}
    }
    found = arms.run("", settings)[MANAGEMENT].isel(time=-1)
    np.testing.assert_allclose(found.sel(setting="0"), found.sel(setting="5"), rtol=1e-9)
    assert (found.sel(setting="acts") > found.sel(setting="0")).all()


def test_break_even_is_the_first_year_after_which_advice_stays_better() -> None:
    gains = np.array([[1.0] * 10, [-1, -1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, -1, 1, 1, 1, 1, 1, 1, 1], [-1.0] * 10])
    paired = Paired(NO_ADVICE)
    for j, year in enumerate(YEARS):
        paired._numbers[synergy_within.at(year), NO_ADVICE] = np.ones(4)
        paired._numbers[synergy_within.at(year), ADVICE] = 1 + gains[:, j] / 100
    assert synergy_within.breaks_even(paired).tolist() == [0.5, 2.0, 3.0, 20.0]
