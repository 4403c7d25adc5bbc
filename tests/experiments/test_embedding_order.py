"""The order of embedding on a few samples, and the programmes with dates of their own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.expression import Op, Ref, key
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP
from sdmodel.study.finding import Finding
from sdmodel.study.overlay import overlaid
from sdmodel.validation.static.units import check_units

ASKED = LIBRARY["embedding_order"]
PAPER = "actor, social, culture"
AS_SET = "order of the paper at the sums set"
NONE = "as it is"
REACHED = "target reached"
TOO_LATE = 2035.0
OTHERS = [
    "actor, culture, social", "social, actor, culture", "social, culture, actor", "culture, actor, social",
    "culture, social, actor", "all at once",
]  # fmt: skip
ALL = [PAPER, *OTHERS]
SOONER = 0.25
PROGRAMMES = ("actor", "social", "culture")
SAMPLES = 30


def with_programmes(model: sdmodel.Model) -> sdmodel.Model:
    for name, text in ASKED.overlays.items():
        model = overlaid(model, text, name)
    return model


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged_on_seven_settings(finding: Finding, by_arm: pd.DataFrame) -> None:
    assert "H29" in {v.hypothesis for v in finding.verdicts}
    assert all(v.samples for v in finding.verdicts)
    assert PAPER == "actor, social, culture"
    assert set(ALL) <= set(by_arm.index.get_level_values("arm"))
    assert len(set(ALL)) == 7
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}
    assert any(note.startswith("Without a benefit mechanism") for note in finding.notes)


def test_all_orders_cost_the_same(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[AS_SET] - money.loc[NONE]
    for arm in ALL:
        same = money.loc[arm] - money.loc[NONE]
        good = same.notna() & (extra > 0)
        assert good.sum() > 0.8 * SAMPLES
        np.testing.assert_allclose(same[good], extra[good], rtol=0.0051)


def test_the_first_is_the_earliest_of_all(finding: Finding, by_arm: pd.DataFrame) -> None:
    dates = by_arm[REACHED].unstack(level="arm")[ALL]
    dates = dates[(dates.min(axis=1) < TOO_LATE) & dates.notna().all(axis=1)]
    lead = dates[OTHERS].min(axis=1) - dates[PAPER]
    verdict = finding.verdicts[0]
    assert (verdict.holds, verdict.samples) == ((lead > SOONER).sum(), len(lead))
    assert verdict.effect[0] == pytest.approx(lead.median())


def test_programmes_that_pay_nothing_change_nothing(model: sdmodel.Model) -> None:
    added = with_programmes(model)
    assert with_programmes(added) is added
    values = {"TIME STEP": STEP}
    for name in (MONEY, "deep links", "shared values"):
        np.testing.assert_array_equal(
            added.run(values, every=0.5, method="exact")[name], model.run(values, every=0.5, method="exact")[name]
        )


def test_units_of_the_programmes_are_right(model: sdmodel.Model) -> None:
    assert check_units(with_programmes(model)) == []
    more = with_programmes(model)["brokerage money"].components[0].expr
    wrong = with_programmes(model).replace("brokerage money", Op("+", (more, Ref(key("actor embedding starts")))))
    assert check_units(wrong) != []


def test_money_flows_in_its_window_only_and_is_counted(model: sdmodel.Model) -> None:
    added = with_programmes(model)
    dates = dict(zip(PROGRAMMES, (2015.0, 2018.0, 2021.0), strict=True))
    values = {"TIME STEP": STEP, "embedding ends": 2030.0, **{f"{p} embedding starts": d for p, d in dates.items()}}
    base = added.run(values, every=0.25, method="exact")
    for programme in PROGRAMMES:
        run = added.run(values | {f"{programme} embedding budget": 20.0}, every=0.25, method="exact")
        paid = run[f"{programme} embedding money"]
        inside = (paid.index >= dates[programme]) & (paid.index < 2030.0)
        assert (paid[inside] > 0).all()
        assert (paid[~inside] == 0).all()
        group = "culture" if programme == "culture" else "network"
        cost = run["fiscal cost by instrument"][group] - base["fiscal cost by instrument"][group]
        np.testing.assert_allclose(cost[inside], paid[inside], rtol=0.1)


def test_the_date_of_the_target_lies_between_reports() -> None:
    import xarray as xr

    time = np.arange(2014.0, 2018.5, 0.5)
    level = np.array([[[1, 1, 1, 1.2, 1.6, 1.9, 2.3, 2.2, 2.5], [1, 1, 1, 1, 1, 1, 1, 1, 1]]], float)
    dims = ("setting", "sample", "time")
    found = xr.Dataset(
        {
            "deep links": (dims, level / 2),
            "university links": (dims, 0 * level),
            "firms in the network": (dims, 0 * level + 1),
        },
        {"time": time},
    )
    np.testing.assert_allclose(ASKED.measures[REACHED].of(found, pd.DataFrame()), [[2016.5 + 0.5 * 0.25, TOO_LATE]])


def test_an_arm_is_what_a_run_of_the_model_says(by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    values = draws.drop(columns="sample").iloc[6].to_dict() | {"TIME STEP": STEP, **ASKED.arms[AS_SET]}
    run = with_programmes(model).run(values, every=0.5, method="exact")
    assert run[MONEY].iloc[-1] == pytest.approx(by_arm["public money"].loc[AS_SET, 6], rel=1e-9)
