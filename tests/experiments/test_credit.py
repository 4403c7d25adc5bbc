"""The questions of interest subsidy, guarantee and compensation on a few samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import DISCOUNT, MONEY, STEP
from sdmodel.study.finding import Finding

ASKED = LIBRARY["credit"]
NONE = "as it is"
SUBSIDY = "interest subsidy"
GRANTS = "grants"
ALL = "total real RnD"
OWN = "own RnD"
ABLE = "compensation ability"
CREDIT = "new credit"
DEFAULT = "default rate"
LOSSES = "losses on loans"
PAID = "bank compensation paid"
GUARANTEED = "guaranteed lending"
NO_LINE = "guarantee 0"
NO_COVER = "compensation 0 %"
SAMPLES = 30


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 5, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"]).sort_index()


def test_the_table_is_tidy(finding: Finding) -> None:
    arms = {NONE, SUBSIDY, GRANTS, *(f"guarantee {m}" for m in (0, 2, 5, 10))}
    arms |= {f"compensation {c} %" for c in (0, 30, 50, 70)}
    assert len(finding.table) == SAMPLES * len(arms)
    assert set(finding.table["arm"]) == arms
    assert not finding.table.duplicated(["arm", "sample"]).any()
    good = finding.table.dropna()
    assert (good[ALL] >= good[OWN]).all()
    assert good[ABLE].between(0, 1).all()


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    extra = by_arm["public money"].sub(by_arm["public money"].loc[NONE], level="sample")
    spent = extra.loc[GRANTS].notna()
    assert spent.sum() > SAMPLES / 2
    np.testing.assert_allclose(extra.loc[GRANTS][spent], extra.loc[SUBSIDY][spent], rtol=0.0051)


def test_a_row_can_be_run_again(finding: Finding, by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    """From the table and the seed alone one gets the same numbers."""
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=finding.record["seed"])
    given = draws.drop(columns="sample").iloc[5].to_dict() | ASKED.arms["compensation 50 %"] | {"TIME STEP": STEP}
    run = model.run(given, every=ASKED.every, method="exact")
    row = by_arm.loc[("compensation 50 %", 5)]
    assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
    late = run[CREDIT].sum(axis=1).loc[2015.0:]
    worth = np.exp(-given[DISCOUNT] * (late.index.to_numpy() - 2015))
    assert np.trapezoid(late * worth, late.index) == pytest.approx(row[CREDIT], rel=1e-9)


def test_the_verdicts_follow_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    both, ranking, credit, risk, covered, worth = finding.verdicts
    names = ["H07", "H07 (ranking)", "H08 (credit)", "H08", "H09 (credit)", "H09"]
    assert [v.hypothesis for v in finding.verdicts] == names
    t = by_arm
    extra = t["public money"].sub(t["public money"].loc[NONE], level="sample")
    total, own = (t[n].sub(t[n].loc[NONE], level="sample") / extra.where(extra >= 1) for n in (ALL, OWN))
    least = pd.concat([total.loc[SUBSIDY], total.loc[GRANTS]], axis=1).min(axis=1, skipna=False).dropna()
    assert (both.holds, both.samples) == ((least > 0.1).sum(), len(least))
    gap = (own.loc[SUBSIDY] - own.loc[GRANTS]).dropna()
    assert (ranking.holds, ranking.samples) == ((gap > 0.1).sum(), len(gap))
    assert ranking.effect[0] == pytest.approx(gap.median())

    def ratio(name: str, over: str, under: str) -> pd.Series:
        return t[name].loc[over] / t[name].loc[under] - 1

    assert credit.holds == (ratio(CREDIT, "guarantee 10", "guarantee 0") > 0.01).sum()
    assert risk.holds == (ratio(DEFAULT, "guarantee 10", "guarantee 0") < -0.01).sum()
    assert covered.holds == (ratio(CREDIT, "compensation 70 %", "compensation 0 %") > 0.01).sum()
    change = t.loc["compensation 70 %"] - t.loc["compensation 0 %"]
    gain = ((change[OWN] - change[LOSSES]) / change[PAID]).where(change[PAID] >= 1).dropna()
    assert (worth.holds, worth.samples) == ((gain > 0.1).sum(), len(gain))
    assert [v.word for v in (credit, covered)] == ["built in", "built in"]


def test_nothing_is_paid_where_nothing_is_promised(by_arm: pd.DataFrame) -> None:
    assert (by_arm[GUARANTEED].loc["guarantee 10"] > by_arm[GUARANTEED].loc["guarantee 0"]).all()
    # The year 2015, over which levers are phased in, is all that is left of the share of before.
    assert (by_arm[PAID].loc["compensation 0 %"] < by_arm[PAID].loc["compensation 30 %"]).all()


def test_loops_are_told_with_what_is_left_of_the_effect(finding: Finding) -> None:
    loops = {v.hypothesis: dict(v.loops) for v in finding.verdicts}
    for name, held in (("H07", NONE), ("H08", NO_LINE), ("H09", NO_COVER)):
        assert set(loops[name]) == {loop.name for loop in ASKED.loops if loop.held == held}
    worse = finding.verdicts[3].effect[0]
    assert loops["H08"]["moral hazard, guarantee (FN11)"] > worse  # without it guarantees raise defaults less
    assert all(np.isfinite(value) for left in loops.values() for value in left.values())


def test_files_are_left(finding: Finding, tmp_path: Path) -> None:
    files = finding.save(tmp_path)
    assert {".csv", ".json", ".png", ".txt"} <= {p.suffix for p in files}
    assert all(p.stat().st_size > 500 for p in files)
    again = pd.read_csv(tmp_path / "credit.csv")
    np.testing.assert_allclose(again["public money"], finding.table["public money"], rtol=1e-6)


def test_a_model_without_the_names_is_refused() -> None:
    with pytest.raises(sdmodel.errors.UnknownNameError, match="There is no variable"):
        ASKED.ask(2, 1, workers=1, progress=False, model=sdmodel.load("network"))
