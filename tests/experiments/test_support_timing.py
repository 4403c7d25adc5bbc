"""The question of timing and stage of support on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import MONEY, STEP, Arms
from sdmodel.study.finding import Finding

ASKED = LIBRARY["support_timing"]
MIXED = "paid as before"
NONE = "as it is"
ADVANCE = "in advance"
AFTER = "afterwards"
STAGES = ("early stage", "middle stage", "late stage")
ALL = "total real RnD"
EARLY = "early stage"
KNOWLEDGE = "knowledge"
DIVERTED = (0.0, 0.1, 0.2, 0.3)
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_prediction_is_judged(finding: Finding) -> None:
    names = [v.hypothesis for v in finding.verdicts]
    assert {"H04", "H05"} <= set(names)
    assert len(set(names)) == len(ASKED.predictions)
    assert all(v.samples > 0 for v in finding.verdicts)


def test_money_is_equal_between_modes_and_nearly_so_between_stages(by_arm: pd.DataFrame) -> None:
    money = by_arm["public money"]
    extra = money.loc[MIXED] - money.loc[NONE]
    for arm in (ADVANCE, AFTER):
        good = money.loc[arm].notna()
        assert good.sum() > SAMPLES / 3
        np.testing.assert_allclose((money.loc[arm] - money.loc[NONE])[good], extra[good], rtol=0.0051)
    for stage in STAGES:
        assert ((money.loc[stage] - money.loc[MIXED]).abs() / extra).median() < 0.01


def test_either_direction_counts_for_timing_and_one_for_the_advance(finding: Finding, by_arm: pd.DataFrame) -> None:
    rnd, money = by_arm[ALL], by_arm["public money"]
    per = (rnd - rnd.loc[NONE].reindex(rnd.index, level="sample")) / (
        money - money.loc[NONE].reindex(money.index, level="sample")
    )
    gap = (per.loc[ADVANCE] - per.loc[AFTER]).dropna()
    verdicts = {v.hypothesis: v for v in finding.verdicts}
    assert (verdicts["H04"].holds, verdicts["H04"].samples) == ((gap.abs() > 0.1).sum(), len(gap))
    assert verdicts["H04 (advance)"].holds == (gap > 0.1).sum()


def test_an_arm_is_what_a_run_of_the_model_says(finding: Finding, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    row = finding.table[(finding.table["arm"] == EARLY) & (finding.table["sample"] == 5)].iloc[0]
    values = draws.drop(columns="sample").iloc[5].to_dict() | {"TIME STEP": STEP, **ASKED.arms[EARLY]}
    run = model.run(values, every=0.5, method="exact")
    assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
    assert run[KNOWLEDGE].iloc[-1].sum() == pytest.approx(row[KNOWLEDGE], rel=1e-9)


def test_only_the_ratio_of_stage_weights_counts_and_unpaid_stages_are_how_it_works(
    finding: Finding, model: sdmodel.Model
) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=2)
    arms = Arms(model, draws, [KNOWLEDGE], every=1, workers=1, progress=False)
    even = {f"stage emphasis[{s}]": 0.5 for s in ("early", "middle", "late")}
    found = arms.run("", {"one": {"grant number": 3.0}, "half": {"grant number": 3.0, **even}})[KNOWLEDGE]
    np.testing.assert_allclose(found.sel(setting="half"), found.sel(setting="one"), rtol=1e-9)
    left = dict(next(v for v in finding.verdicts if v.hypothesis == "H05 (early)").loops)
    assert abs(left["RnD given up unpaid (C32)"]) < 1e-9


def test_diversion_makes_payment_in_advance_worse(finding: Finding) -> None:
    told = [note for note in finding.notes if "of advance payments diverted" in note]
    assert len(told) == len(DIVERTED)
    gaps = [note.values["gap"] for note in told]
    assert gaps == sorted(gaps, reverse=True)
