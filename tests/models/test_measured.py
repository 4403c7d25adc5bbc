"""The page of measurements: what its tables say follows from runs, and every lever is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.study import measured
from sdmodel.study.measured import lever_settings

SETTINGS = lever_settings()


def test_every_lever_is_set_and_nothing_else() -> None:
    named = {name for acted, context in SETTINGS.values() for name in {**acted, **context}}
    assert named == set(sdmodel.load("shandong").levers.index)
    assert all(acted for acted, _ in SETTINGS.values())


def test_a_row_of_the_levers_follows_from_two_runs() -> None:
    chosen = "guarantee capital +50 a year"
    table = measured.levers(2, 3, {chosen: SETTINGS[chosen]})
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, 2, rng=3).drop(columns="sample")
    money, rnd = [], []
    for _, draw in draws.iterrows():
        runs = [model.run({**draw, **v}, every=0.25, method="exact") for v in ({}, SETTINGS[chosen][0])]
        worth = np.exp(-draw["real social discount rate"] * np.maximum(runs[0].time - 2015, 0)) * (runs[0].time >= 2015)
        spent = [np.trapezoid((r["own RnD"] + r["public RnD"]).sum(axis=1) * worth, r.time) for r in runs]
        paid = [r["present value of public money"].iloc[-1] for r in runs]
        money.append(paid[1] - paid[0])
        rnd.append(spent[1] - spent[0])
    row = table.loc[chosen]
    assert row["money, million CNY"] == f"{np.median(money):,.0f}"
    assert float(row["RnD, million CNY"].replace(",", "")) == pytest.approx(
        np.median(rnd), abs=1 + 0.02 * abs(np.median(rnd))
    )


def test_the_exact_cohort_is_the_one_the_model_reports() -> None:
    table = measured.survival(50, 1).set_index("what")
    reported = sdmodel.load("firms").run(every=5)["national survival"].iloc[0]
    for years, name in ((5, "year five"), (9, "year nine")):
        assert table.loc[f"survival after {years} years", "model"] == pytest.approx(reported[name], abs=0.012)
    assert (table["5 %"] <= table["median"]).all()
    assert table["share that meets it"].between(0, 1).all()


def test_a_cohort_without_exits_lives_for_ever() -> None:
    ages = np.array([0.5, 0.5, 0.5, 4.0, np.inf])
    np.testing.assert_allclose(measured.cohort(np.zeros((1, 3)), ages), 1)
    np.testing.assert_allclose(measured.cohort(np.full((1, 3), 0.1), ages)[0], np.exp(-0.1 * np.arange(10)))


def test_shapes_are_told_apart() -> None:
    sizes = np.array(measured.SIZES)
    curves = {
        "own RnD rises, then falls (SB04, SF01)": 0.2 * np.sin(sizes * np.pi / 3),
        "replaces at any size": -0.5 * sizes,
        "no change": 0 * sizes,
        "adds when small, replaces when large (SB05)": 0.3 * sizes * (1 - sizes),
    }
    for name, extra in curves.items():
        found = measured._shape(sizes, extra[None], 1 + np.maximum(extra[None], -1))
        assert found[name] == 1.0, name
        assert found["adds, never replaces up to half of RnD (SB03, SF02)"] == float(
            name.startswith(("own", "adds"))
        ), name
    turn = measured._shape(sizes, np.tile(0.3 * sizes * (1 - sizes), (20, 1)), np.tile(1 + 0.0 * sizes, (20, 1)))
    assert str(turn["subsidy share where it replaces (SB02: 0.20)"]).startswith("0.50")  # a grant as large as own RnD


def test_firms_with_money_replace_and_firms_without_add() -> None:
    """More draws add RnD where money is short than where it is plenty: the mechanism, not a shape put in."""
    table = measured.additionality(60, 2)
    adds = table["adds, never replaces up to half of RnD (SB03, SF02)"]
    assert adds.loc[0.25] > adds.loc[4.0]
    assert table["replaces at any size"].loc[4.0] > 0.5


def test_the_tables_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measured, "levers", lambda *_: measured.survival(20, 1))
    files = measured.write(tmp_path / "new", 20)
    page = (Path(__file__).parents[2] / "docs" / "models" / "measured.md").read_text("utf-8")
    for file in files:
        assert file.read_text("utf-8").strip()
        assert f"{{include}} measured/{file.name}" in page
