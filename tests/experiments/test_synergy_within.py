"""The question of synergy inside firms on a few samples, and the shortfall it uses."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import synergy_within as asked
from sdmodel.experiments.shortfall import KEPT, LEFT, shortened, shortfalls
from sdmodel.study import question
from sdmodel.study.arms import STEP, Arms
from sdmodel.study.effects import Paired
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
    assert bare == ["H14", "H15", "H16", "H18"]
    assert all(v.samples > 0 for v in finding.verdicts)
    assert finding.verdicts[-1].hypothesis == "H14 (scarcity)"
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in asked.SPEC.loops}


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[asked.INFORMATION] - money.loc[asked.NONE]
    for arm in (asked.ADVICE, asked.GRANTS, asked.BOTH):
        good = money.loc[arm].notna() & (extra > 0)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose((money.loc[arm] - money.loc[asked.NONE])[good], extra[good], rtol=0.0051)


def test_an_arm_is_what_a_run_of_the_model_says(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP}
    run = model.run(values | asked.SPEC.arms[asked.INFORMATION], every=0.5, method="exact")
    assert run[asked.SURVIVAL].iloc[-1] == pytest.approx(by_arm[asked.SURVIVAL][asked.INFORMATION, 6], rel=1e-9)


def test_the_verdict_of_the_shortfall_follows_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    through = by_arm[asked.THROUGH]
    loss = {kind: 100 * (through.loc[kind] - through.loc[hit]) for kind, hit in asked.HIT.items()}
    gap = loss[asked.WITHOUT] - loss[asked.WITH]
    verdict = next(v for v in finding.verdicts if v.hypothesis == "H15")
    assert (verdict.holds, verdict.samples) == ((gap > asked.LEAST).sum(), len(gap))
    assert (np.array([*loss.values()]) > 0).mean() > 0.9


def test_a_shortfall_begins_when_it_begins_and_none_is_none(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=2)
    names = ["five year survival", "operating surplus"]
    arms = Arms(model, draws, names, every=0.5, workers=1, progress=False)
    plain = arms.run("", {"a": {}}).sel(setting="a")
    settings = {"none": {}, "three years": {}}
    found = arms.run("", settings, model=shortened(model), data=shortfalls(np.repeat([0.0, 3.0], 3)))
    for name in names:
        np.testing.assert_allclose(found[name].sel(setting="none"), plain[name], rtol=1e-12)
        before = found[name].sel(setting="three years", time=slice(None, 2018.0))
        np.testing.assert_allclose(before, plain[name].sel(time=slice(None, 2018.0)), rtol=1e-12)
    when = {"setting": "three years", "time": 2018.5}
    ratio = found["operating surplus"].sel(when) / plain["operating surplus"].sel(time=2018.5)
    np.testing.assert_allclose(ratio, LEFT, rtol=0.03)
    assert (found["operating surplus"].sel(setting="three years", time=2025.0) > 0).all()


def test_paths_of_shortfalls() -> None:
    path = shortfalls(np.array([0.0, 2.0, 8.0]))[KEPT]
    at = path.interp(time=[2017.9, 2018.25, 2019.9, 2020.5, 2025.9, 2026.5]).to_numpy()
    np.testing.assert_allclose(at, [[1] * 6, [1, 0.5, 0.5, 1, 1, 1], [1, 0.5, 0.5, 0.5, 0.5, 1]])


def test_advice_without_effect_does_nothing_where_programmes_do_not_crowd_each_other(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 4, rng=2)
    arms = Arms(model, draws, [asked.MANAGEMENT], every=25.0, workers=1, progress=False)
    nil = {"effect of advice": 0.0, "overload by a programme": 0.0}
    settings = {f"{n:g}": {"adviser programme": n, **nil} for n in (0.0, 5.0)} | {
        "acts": {"adviser programme": 5.0, "overload by a programme": 0.0, "effect of advice": 0.5}
    }
    found = arms.run("", settings)[asked.MANAGEMENT].isel(time=-1)
    np.testing.assert_allclose(found.sel(setting="0"), found.sel(setting="5"), rtol=1e-9)
    assert (found.sel(setting="acts") > found.sel(setting="0")).all()


def test_break_even_is_the_first_year_after_which_advice_stays_better() -> None:
    gains = np.array([[1.0] * 10, [-1, -1, 1, 1, 1, 1, 1, 1, 1, 1], [1, 1, -1, 1, 1, 1, 1, 1, 1, 1], [-1.0] * 10])
    paired = Paired(asked.NO_ADVICE)
    for j, year in enumerate(asked.YEARS):
        paired._numbers[asked.at(year), asked.NO_ADVICE] = np.ones(4)
        paired._numbers[asked.at(year), asked.ADVICE] = 1 + gains[:, j] / 100
    assert asked._breaks_even(paired).tolist() == [0.5, 2.0, 3.0, 20.0]
