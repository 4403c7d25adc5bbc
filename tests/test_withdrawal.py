"""The experiment on a few samples: its table, its verdicts and its files are consistent with each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import withdrawal
from sdmodel.experiments.arms import MONEY
from sdmodel.experiments.finding import Finding, wilson

SAMPLES = 7
"""Few enough for a first stage without a certificate, which takes longer than the rest."""


@pytest.fixture(scope="module")
def finding() -> Finding:
    return withdrawal.ask(SAMPLES, 5, workers=1, progress=False)


@pytest.fixture(scope="module")
def by_size(finding: Finding) -> pd.DataFrame:
    return finding.table[finding.table["equal by"] == "size"]


@pytest.fixture(scope="module")
def by_date(finding: Finding) -> pd.DataFrame:
    return finding.table[finding.table["equal by"] == "date"]


def test_there_are_enough_settings_and_samples_by_default() -> None:
    assert withdrawal.SAMPLES >= 2_000
    assert len(withdrawal.STARTS) * len(withdrawal.DURATIONS) >= 20


def test_the_table_is_tidy(finding: Finding, by_size: pd.DataFrame, by_date: pd.DataFrame) -> None:
    assert len(by_size) == SAMPLES * (len(withdrawal.GRID) + 1)
    assert len(by_date) == SAMPLES * len(withdrawal.GRADUAL)
    assert not finding.table.duplicated(["equal by", "setting", "sample"]).any()
    assert finding.table.columns.is_unique
    shares = by_size[[f"{n} in 2034" for n in withdrawal.OUTPUTS if n != withdrawal.LINKS]]
    assert shares.to_numpy().min() >= 0
    assert shares.to_numpy().max() <= 1 + 1e-9


def test_every_setting_gets_the_same_samples(by_size: pd.DataFrame, by_date: pd.DataFrame) -> None:
    for rows in (by_size, by_date):
        for _, group in rows.groupby("setting"):
            assert sorted(group["sample"]) == list(range(SAMPLES))


def test_money_is_equal_where_it_can_be_spent(by_size: pd.DataFrame, by_date: pd.DataFrame) -> None:
    for rows in (by_size, by_date):
        spent = rows[rows["spent"]]
        assert len(spent) > 0.7 * len(rows)
        assert spent["residual"].abs().max() <= 0.005
        assert (rows.loc[~rows["spent"], "residual"].abs() > 0.005).all()
    wide = by_size[by_size["spent"]].pivot(index="sample", columns="setting", values="public money")
    assert (wide.max(axis=1) / wide.min(axis=1) - 1).max() <= 0.0021
    # Where dates are what is solved, equal means equal beyond what an exit in 2016 would have cost as well.
    first = by_size[by_size["setting"] == "2016, abrupt"].set_index("sample")
    assert (first["lever"] > 1).mean() > 0.5
    own = by_size[by_size["setting"] == "2020 over 5 years"]
    assert own["lever"].tolist() == [1.0] * SAMPLES  # it is the target


def test_a_row_can_be_run_again(by_size: pd.DataFrame, finding: Finding) -> None:
    """From the table and the seed alone one gets the same numbers."""
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=finding.record["seed"])
    for _, row in by_size[by_size["exit start"].notna()].iloc[[3, 77, 150]].iterrows():
        values = draws.drop(columns="sample").iloc[int(row["sample"])].to_dict()
        values |= {
            "exit start": row["exit start"],
            "exit duration": row["exit duration"],
            "programme scale": row["lever"],
        }
        run = model.run(values, every=0.25, method="exact")
        assert run[MONEY].iloc[-1] == pytest.approx(row["public money"], rel=1e-9)
        for name in withdrawal.OUTPUTS:
            assert run[name].iloc[-1] == pytest.approx(row[f"{name} in 2034"], rel=1e-9)


def test_the_verdict_on_the_date_follows_from_the_table(finding: Finding, by_size: pd.DataFrame) -> None:
    value = f"{withdrawal.ORDER} in 2034"
    wide = by_size.assign(**{value: by_size[value].where(by_size["spent"])}).pivot(
        index="sample", columns="setting", values=value
    )
    others = wide[["no exit", "2016 over 5 years", "2024 over 5 years"]]
    whole = wide["2020 over 5 years"].notna() & others.notna().all(axis=1)
    ratio = (wide["2020 over 5 years"] / others.max(axis=1) - 1)[whole]
    verdict = finding.verdicts[0]
    assert verdict.hypothesis == "H39"
    assert verdict.samples == whole.sum()
    assert verdict.holds == (ratio > 0.02).sum()
    assert verdict.effect[0] == pytest.approx(100 * ratio.median())


def test_the_verdict_on_the_pace_follows_from_the_table(finding: Finding, by_date: pd.DataFrame) -> None:
    rows = by_date[(by_date["setting"] == "2020 over 5 years") & by_date["spent"]]
    gain = rows["trough"] - rows["trough, abrupt"]
    verdict = finding.verdicts[1]
    assert verdict.hypothesis == "H40"
    assert verdict.samples == len(rows)
    assert verdict.holds == (gain > 0.01).sum()
    assert verdict.interval == wilson(verdict.holds, verdict.samples)


def test_the_finding_is_provisional_and_says_why(finding: Finding) -> None:
    assert finding.sentence.startswith("Provisional: H39")
    assert "H40" in finding.sentence
    assert "6 of 8 sectors (RnD investment, financing, firms, network, intervention, policy)" in finding.status
    assert all(v.label in ("built in", "conditional", "emergent") and v.label_reason for v in finding.verdicts)
    assert {name for name, _ in finding.verdicts[0].loops} == set(withdrawal.LOOPS)


def test_the_record_tells_how_to_repeat_it(finding: Finding) -> None:
    model = sdmodel.load("shandong")
    assert finding.record["seed"] == 5
    assert finding.record["samples"] == SAMPLES
    assert 30 * SAMPLES < finding.record["runs"] <= 65 * SAMPLES  # 57 a sample where there are many
    assert finding.notes[-1].startswith(f"{finding.record['runs']:,} runs (")
    assert finding.record["model_hash"] == model.fingerprint
    assert finding.record["sdmodel"] == sdmodel.__version__


def test_files_are_left(finding: Finding, tmp_path: Path) -> None:
    files = finding.save(tmp_path)
    assert sorted(p.suffix for p in files) == [".csv", ".json", ".png", ".txt"]
    assert all(p.stat().st_size > 500 for p in files)
    again = pd.read_csv(tmp_path / "withdrawal.csv")
    assert len(again) == len(finding.table)
    np.testing.assert_allclose(again["lever"], finding.table["lever"], rtol=1e-6)


def test_a_model_without_the_names_is_refused() -> None:
    with pytest.raises(sdmodel.errors.UnknownNameError, match="no variable 'self organisation index'"):
        withdrawal.ask(2, 1, workers=1, progress=False, model=sdmodel.load("network"))
