"""The question of the extra deduction on a few samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY, super_deduction
from sdmodel.study.arms import DISCOUNT, MONEY, STEP, Arms, last, present_value
from sdmodel.study.finding import Finding
from sdmodel.study.overlay import overlaid
from sdmodel.study.verdict import wilson

ASKED = LIBRARY["super_deduction"]
REPORTED = "reported RnD"
OWN = "own RnD"
LOW = "firms below 3 % in 2034"
SAVERS = "firms that save tax in 2024"
NONE = "none"
NO_LAW = {"law deduction kept": 0.0}
DESIGNS = {
    "brackets": (NO_LAW, "progressive deduction size"),
    "whole amount": ({**NO_LAW, "whole amount rule": 1.0}, "progressive deduction size"),
    "growth rule of 1996": ({**NO_LAW, "growth rule": 1.0}, "flat extra deduction"),
}
FLAT = "flat"
BRACKETS = "brackets"
WHOLE = "whole amount"
PLAIN = {"none": {"law deduction kept": 0.0}, "flat": {"law deduction kept": 0.0, "flat extra deduction": 0.5}}
INTENSITY = "real RnD intensity"
POSITIONS = (0.25, 0.15, 0.1)
SAMPLES = 30


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 6, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"]).sort_index()


def test_the_table_is_tidy(finding: Finding) -> None:
    table = finding.table
    assert len(table) == SAMPLES * (2 + 3)
    assert not table.duplicated(["arm", "sample"]).any()
    good = table.dropna()
    assert (good[REPORTED] > good[OWN]).all()
    assert good[LOW].between(0, 1).all()
    assert good[SAVERS].between(0, 0.8).all()


def test_money_is_equal_where_it_can_be_spent(by_arm: pd.DataFrame) -> None:
    extra = by_arm["public money"].sub(by_arm["public money"].loc[NONE], level="sample")
    for name in DESIGNS:
        good = extra.loc[name].notna()
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose(extra.loc[name][good], extra.loc[FLAT][good], rtol=0.0051)
    # On the whole amount every yuan of a firm has the rate of its band, so the money is spent at a lower top rate.
    assert extra.loc[BRACKETS].notna().sum() <= extra.loc[WHOLE].notna().sum()


def test_a_row_can_be_run_again(finding: Finding, by_arm: pd.DataFrame, model: sdmodel.Model) -> None:
    """From the table and the seed alone one gets the same numbers."""
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=finding.record["seed"])
    for sample in (2, 7):
        values = draws.drop(columns="sample").iloc[sample].to_dict() | PLAIN[FLAT] | {"TIME STEP": STEP}
        run = model.run(values, every=ASKED.every, method="exact")
        row = by_arm.loc[(FLAT, sample)]
        assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
        assert run[INTENSITY].iloc[-1] == pytest.approx(row[INTENSITY], rel=1e-9)
        own = run[OWN].sum(axis=1).loc[2015.0:]
        worth = np.exp(-values[DISCOUNT] * (own.index.to_numpy() - 2015))
        assert np.trapezoid(own * worth, own.index) == pytest.approx(row[OWN], rel=1e-9)


def test_the_verdicts_follow_from_the_table(finding: Finding, by_arm: pd.DataFrame) -> None:
    extra = by_arm["public money"].sub(by_arm["public money"].loc[NONE], level="sample")
    more = by_arm[OWN].sub(by_arm[OWN].loc[NONE], level="sample")
    per = more / extra.where(extra >= 1)
    verdicts = {v.hypothesis: v for v in finding.verdicts}
    assert list(verdicts) == ["H01", "H01 (whole amount)", "H01 (rule of 1996)", "H02", "H02 (size)", "H02 (tax rate)"]
    for verdict, name in zip(finding.verdicts, DESIGNS, strict=False):
        gain = (per.loc[name] - per.loc[FLAT]).dropna()
        assert verdict.samples == len(gain)
        assert verdict.holds == (gain > 0.1).sum()
        assert verdict.effect[0] == pytest.approx(gain.median())
        assert verdict.interval == wilson(verdict.holds, verdict.samples)
    assert verdicts["H02"].word == "built in"
    assert verdicts["H02"].holds == (per.loc[FLAT] > 0.1).sum()
    assert verdicts["H02 (size)"].holds == (per.loc[FLAT] >= 0.5).sum()


def test_the_price_of_rnd_is_most_of_the_effect_and_has_its_own_line(finding: Finding) -> None:
    flat = next(v for v in finding.verdicts if v.hypothesis == "H02")
    left = dict(flat.loops)
    assert set(left) == {loop.name for loop in ASKED.loops}
    assert left["price of RnD (C80)"] < 0.5 * flat.effect[0]
    assert left["R1 knowledge, new products, surplus (C87)"] != flat.effect[0]


def test_a_deduction_does_nothing_where_nobody_pays_tax(model: sdmodel.Model) -> None:
    overlay = Path(super_deduction.__file__).parent / "overlays" / super_deduction.OVERLAY
    placed = overlaid(model, overlay.read_text(encoding="utf-8"))
    draws = sdmodel.latin_hypercube(placed.uncertainties, 3, rng=1)
    arms = Arms(placed, draws, [OWN], every=1, workers=1, progress=False)
    rates = {f"{n} {r}": {**given, "tax position": r} for r in (0.0, 0.25) for n, given in PLAIN.items()}
    found = arms.run("", rates, ["tax paid"])
    own = present_value(found[OWN], draws).to_numpy()
    # The rates fall on the first day of 2015; the deduction of the law is phased out over that year, to no effect.
    np.testing.assert_allclose(own[0], own[1], rtol=1e-9)
    assert (own[3] > own[2]).all()
    paid = found["tax paid"].sum("quality").sel(time=slice(2015, None)).to_numpy()
    assert np.abs(paid[:2]).max() < 1e-9
    assert (last(found, MONEY)[3] > last(found, MONEY)[2]).all()


def test_notes_tell_reported_from_real_rnd_and_each_tax_rate(finding: Finding) -> None:
    assert any("reported RnD" in note for note in finding.notes)
    assert sum("at a tax rate of" in note for note in finding.notes if note.startswith("Flat")) == len(POSITIONS)
    assert any("cannot be made equal" in note for note in finding.notes)


def test_files_are_left(finding: Finding, tmp_path: Path) -> None:
    files = finding.save(tmp_path)
    assert {".csv", ".json", ".png", ".txt"} <= {p.suffix for p in files}
    assert all(p.stat().st_size > 500 for p in files)
    again = pd.read_csv(tmp_path / "super_deduction.csv")
    np.testing.assert_allclose(again["public money"], finding.table["public money"], rtol=1e-6)
