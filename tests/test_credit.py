"""The experiment on a few samples: its table, its verdicts and its files are consistent with each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import credit as asked
from sdmodel.experiments.arms import MONEY
from sdmodel.experiments.finding import Finding

SAMPLES = 6
"""Few enough for a first stage without a certificate, which takes longer than the rest."""


@pytest.fixture(scope="module")
def finding() -> Finding:
    return asked.ask(SAMPLES, 5, workers=1, progress=False)


@pytest.fixture(scope="module")
def by_setting(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["setting", "sample"]).sort_index()


def test_there_are_enough_samples_by_default() -> None:
    assert asked.SAMPLES >= 2_000


def test_the_table_is_tidy(finding: Finding) -> None:
    settings = {*asked.PLAIN, asked.GRANTS, *asked.MULTIPLE, *asked.COVER}
    assert len(finding.table) == SAMPLES * len(settings)
    assert set(finding.table["setting"]) == settings == set(asked.FIRST)
    assert not finding.table.duplicated(["setting", "sample"]).any()
    assert (finding.table[asked.ALL] >= finding.table[asked.OWN]).all()
    assert finding.table[f"mean {asked.ABLE}"].between(0, 1).all()


def test_money_is_equal_where_it_can_be_spent(by_setting: pd.DataFrame) -> None:
    extra = by_setting["public money"].sub(by_setting["public money"].loc[asked.NONE], level="sample")
    grants = by_setting.loc[asked.GRANTS]
    spent = grants["spent"].astype(bool)
    assert spent.sum() >= SAMPLES / 2
    np.testing.assert_allclose(extra.loc[asked.GRANTS][spent], extra.loc[asked.SUBSIDY][spent], rtol=0.005)
    assert (grants["grant number"][spent] > 1).all()
    paid = extra.loc[asked.SUBSIDY] >= 1
    assert (grants["grant number"][~spent & paid] == 10).all()
    share, free = asked.unspent(by_setting.reset_index())
    assert (share, free) == ((~spent[paid]).mean(), (~paid).sum())
    assert np.isnan(asked.per_yuan(by_setting.reset_index(), asked.OWN, asked.GRANTS)[~spent]).all()


def test_a_row_can_be_run_again(finding: Finding, by_setting: pd.DataFrame) -> None:
    """From the table and the seed alone one gets the same numbers."""
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=finding.record["seed"])
    for setting, sample, values in (
        (asked.GRANTS, 2, {"grant number": by_setting.loc[(asked.GRANTS, 2), "grant number"]}),
        ("compensation 50 %", 5, asked.COVER["compensation 50 %"]),
    ):
        given = draws.drop(columns="sample").iloc[sample].to_dict() | dict(values)
        run = model.run(given, every=asked.EVERY, method="exact")
        row = by_setting.loc[(setting, sample)]
        assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
        late = run[asked.CREDIT].sum(axis=1).loc[2015.0:]
        worth = np.exp(-given["real social discount rate"] * (late.index.to_numpy() - 2015))
        assert np.trapezoid(late * worth, late.index) == pytest.approx(row[asked.CREDIT], rel=1e-9)


def test_the_verdicts_follow_from_the_table(finding: Finding, by_setting: pd.DataFrame) -> None:
    both, ranking, credit, risk, covered, worth = finding.verdicts
    names = ["H07", "H07 (ranking)", "H08 (credit)", "H08", "H09 (credit)", "H09"]
    assert [v.hypothesis for v in finding.verdicts] == names
    t = by_setting.drop(columns="spent").where(by_setting["spent"].astype(bool))
    extra = t["public money"].sub(t["public money"].loc[asked.NONE], level="sample")
    total, own = (t[n].sub(t[n].loc[asked.NONE], level="sample") / extra for n in (asked.ALL, asked.OWN))
    least = np.minimum(total.loc[asked.SUBSIDY], total.loc[asked.GRANTS]).dropna()
    assert (both.holds, both.samples) == ((least > 0.1).sum(), len(least))
    gap = (own.loc[asked.SUBSIDY] - own.loc[asked.GRANTS]).dropna()
    assert (ranking.holds, ranking.samples) == ((gap > 0.1).sum(), len(gap))
    assert ranking.effect[0] == pytest.approx(gap.median())

    def ratio(name: str, over: str, under: str) -> pd.Series:
        return t[name].loc[over] / t[name].loc[under] - 1

    assert credit.holds == (ratio(asked.CREDIT, "guarantee 10", "guarantee 0") > 0.01).sum()
    assert risk.holds == (ratio(asked.DEFAULT, "guarantee 10", "guarantee 0") < -0.01).sum()
    assert risk.effect[0] == pytest.approx(-100 * ratio(asked.DEFAULT, "guarantee 10", "guarantee 0").median())
    assert covered.holds == (ratio(asked.CREDIT, "compensation 70 %", "compensation 0 %") > 0.01).sum()
    change = t.loc["compensation 70 %"] - t.loc["compensation 0 %"]
    gain = ((change[asked.OWN] - change[asked.LOSSES]) / change[asked.PAID]).where(change[asked.PAID] >= 1).dropna()
    assert (worth.holds, worth.samples) == ((gain > 0.1).sum(), len(gain))
    assert [v.word for v in (credit, covered)] == ["built in", "built in"]


def test_nothing_is_paid_where_nothing_is_promised(by_setting: pd.DataFrame) -> None:
    assert (by_setting[asked.GUARANTEED].loc["guarantee 10"] > by_setting[asked.GUARANTEED].loc["guarantee 0"]).all()
    # The year 2015, over which levers are phased in, is all that is left of the share of before.
    assert (by_setting[asked.PAID].loc["compensation 0 %"] < by_setting[asked.PAID].loc["compensation 30 %"]).all()


def test_loops_are_told_with_what_is_left_of_the_effect(finding: Finding) -> None:
    loops = {v.hypothesis: dict(v.loops) for v in finding.verdicts}
    assert set(loops["H07"]) == {name for name, _ in asked.LINKS[asked.SUBSIDY]}
    assert set(loops["H08"]) == {name for name, _ in asked.LINKS["guarantee 10"]}
    assert set(loops["H09"]) == {name for name, _ in asked.LINKS["compensation 70 %"]}
    worse = finding.verdicts[3].effect[0]
    assert loops["H08"]["moral hazard (FN11)"] > worse  # without it guarantees raise defaults less
    assert all(np.isfinite(value) for left in loops.values() for value in left.values())


def test_the_finding_is_provisional_and_says_why(finding: Finding) -> None:
    assert finding.sentence.startswith("Provisional: H07 (conditional)")
    assert "6 of 8 sectors" in finding.status
    assert any("Cannot be spent" in note for note in finding.notes)


def test_the_record_tells_how_to_repeat_it(finding: Finding) -> None:
    assert finding.record["seed"] == 5
    assert finding.record["samples"] == SAMPLES
    assert 30 * SAMPLES / 2 < finding.record["runs"] <= 30 * SAMPLES
    assert finding.notes[-1].startswith(f"{finding.record['runs']:,} runs (")
    assert finding.record["model_hash"] == sdmodel.load("shandong").fingerprint


def test_files_are_left(finding: Finding, tmp_path: Path) -> None:
    files = finding.save(tmp_path)
    assert sorted(p.suffix for p in files) == [".csv", ".json", ".png", ".txt"]
    assert all(p.stat().st_size > 500 for p in files)
    again = pd.read_csv(tmp_path / "credit.csv")
    np.testing.assert_allclose(again["public money"], finding.table["public money"], rtol=1e-6)


def test_a_model_without_the_names_is_refused() -> None:
    with pytest.raises(sdmodel.errors.UnknownNameError, match=r"no variable 'total real RnD'|no variable 'own RnD'"):
        asked.ask(2, 1, workers=1, progress=False, model=sdmodel.load("network"))
