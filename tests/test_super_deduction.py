"""The experiment on a few samples: its table, its verdicts and its files are consistent with each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import super_deduction as asked
from sdmodel.experiments.arms import MONEY, Arms, last, present_value
from sdmodel.experiments.finding import Finding, wilson

SAMPLES = 8


@pytest.fixture(scope="module")
def finding() -> Finding:
    return asked.ask(SAMPLES, 6, workers=1, progress=False)


def test_there_are_enough_samples_by_default() -> None:
    assert asked.SAMPLES >= 2_000


def test_the_table_is_tidy(finding: Finding) -> None:
    table = finding.table
    assert len(table) == SAMPLES * (2 + 3 + 2 * len(asked.POSITIONS))
    assert not table.duplicated(["setting", "tax position", "sample"]).any()
    for _, group in table.groupby(["setting", "tax position"]):
        assert sorted(group["sample"]) == list(range(SAMPLES))
    assert (table[asked.REPORTED] > table[asked.OWN]).all()
    assert table["share of firms below 3 % in 2034"].between(0, 1).all()


def test_money_is_equal_where_it_can_be_spent(finding: Finding) -> None:
    designs = finding.table[finding.table["setting"].isin(asked.DESIGNS)]
    spent = designs[designs["spent"]]
    assert len(spent) > 0.6 * len(designs)
    assert spent["residual"].abs().max() <= 0.005
    assert spent["extra deduction"].between(0, asked.TOP_RATE).all()
    flat = asked.wide(finding.table, "extra public money")[asked.FLAT]
    barred = designs[~designs["spent"] & (designs["sample"].map(flat) >= 1)]
    assert len(barred)
    assert (barred["residual"] < -0.005).all()
    assert (barred["extra deduction"] == asked.TOP_RATE).all()
    assert barred[f"extra {asked.OWN} per yuan"].isna().all()
    money = asked.wide(finding.table, "extra public money")
    for name in asked.DESIGNS:
        good = asked.wide(finding.table, "spent")[name]
        np.testing.assert_allclose(money[name][good], money[asked.FLAT][good], rtol=0.0051)


def test_a_row_can_be_run_again(finding: Finding) -> None:
    """From the table and the seed alone one gets the same numbers."""
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=finding.record["seed"])
    rows = finding.table[(finding.table["setting"] == asked.WHOLE) & finding.table["spent"]]
    for _, row in rows.iloc[[0, -1]].iterrows():
        values = draws.drop(columns="sample").iloc[int(row["sample"])].to_dict()
        values |= {**asked.RISING[asked.WHOLE], "progressive deduction size": row["extra deduction"]}
        run = model.run(values, every=asked.EVERY, method="exact")
        assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
        assert run[asked.INTENSITY].iloc[-1] == pytest.approx(row[f"{asked.INTENSITY} in 2034"], rel=1e-9)
        own = run[asked.OWN].sum(axis=1).loc[2015.0:]
        worth = np.exp(-values["real social discount rate"] * (own.index.to_numpy() - 2015))
        assert np.trapezoid(own * worth, own.index) == pytest.approx(row[asked.OWN], rel=1e-9)


def test_the_verdicts_follow_from_the_table(finding: Finding) -> None:
    law = finding.table[finding.table["tax position"] == "law"].set_index(["setting", "sample"])
    extra = law["extra public money"]
    gained = {}
    for name in (asked.FLAT, *asked.DESIGNS):
        more = law[asked.OWN].loc[name] - law[asked.OWN].loc[asked.NONE]
        gained[name] = (more / extra.loc[name]).where(law["spent"].loc[name].astype(bool) & (extra.loc[name] >= 1))
    for verdict, name in zip(finding.verdicts, asked.DESIGNS, strict=False):
        gain = (gained[name] - gained[asked.FLAT]).dropna()
        assert verdict.samples == len(gain)
        assert verdict.holds == (gain > 0.1).sum()
        assert verdict.effect[0] == pytest.approx(gain.median())
        assert verdict.interval == wilson(verdict.holds, verdict.samples)
    sign, size = finding.verdicts[3:]
    assert [v.hypothesis for v in finding.verdicts[::3]] == ["H01", "H02"]
    assert sign.word == "built in"
    assert sign.holds == (gained[asked.FLAT] > 0.1).sum()
    assert size.holds == (gained[asked.FLAT] >= 0.5).sum()


def test_the_price_of_rnd_is_most_of_the_effect_and_has_its_own_line(finding: Finding) -> None:
    left = dict(finding.verdicts[3].loops)
    assert set(left) == set(asked.LINKS)
    assert left["price of RnD (C80)"] < 0.5 * finding.verdicts[3].effect[0]
    assert left["R1 knowledge, new products, surplus (C87)"] != finding.verdicts[3].effect[0]


def test_a_deduction_does_nothing_where_nobody_pays_tax() -> None:
    model = asked.with_tax_position(sdmodel.load("shandong"))
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=1)
    arms = Arms(model, draws, asked.OUTPUTS, every=1, workers=1, progress=False)
    rates = {f"{n} {r}": {**given, "tax position": r} for r in (0.0, 0.25) for n, given in asked.PLAIN.items()}
    found = arms.run("", rates, ["tax paid"])
    own = present_value(found[asked.OWN], draws).to_numpy()
    # The rates fall on the first day of 2015; the deduction of the law is phased out over that year, to no effect.
    np.testing.assert_allclose(own[0], own[1], rtol=1e-9)
    assert (own[3] > own[2]).all()
    paid = found["tax paid"].sum("quality").sel(time=slice(2015, None)).to_numpy()
    assert np.abs(paid[:2]).max() < 1e-9
    assert (last(found, MONEY)[3] > last(found, MONEY)[2]).all()


def test_the_finding_is_provisional_and_says_why(finding: Finding) -> None:
    assert finding.sentence.startswith("Provisional: H01 (conditional)")
    assert "6 of 8 sectors" in finding.status
    assert all(v.label_reason for v in finding.verdicts)
    assert any("Cannot be spent within 200 %" in note for note in finding.notes)
    assert any("reported RnD" in note for note in finding.notes)


def test_the_record_tells_how_to_repeat_it(finding: Finding) -> None:
    assert finding.record["seed"] == 6
    assert finding.record["samples"] == SAMPLES
    assert 30 * SAMPLES / 2 < finding.record["runs"] <= 30 * SAMPLES
    assert finding.notes[-1].startswith(f"{finding.record['runs']:,} runs (")
    assert finding.record["model_hash"] == sdmodel.load("shandong").fingerprint


def test_files_are_left(finding: Finding, tmp_path: Path) -> None:
    files = finding.save(tmp_path)
    assert sorted(p.suffix for p in files) == [".csv", ".json", ".png", ".txt"]
    assert all(p.stat().st_size > 500 for p in files)
    again = pd.read_csv(tmp_path / "super_deduction.csv")
    np.testing.assert_allclose(again["public money"], finding.table["public money"], rtol=1e-6)


def test_a_model_without_the_names_is_refused() -> None:
    with pytest.raises(sdmodel.errors.UnknownNameError, match="no variable 'own RnD'"):
        asked.ask(2, 1, workers=1, progress=False, model=sdmodel.load("network"))
