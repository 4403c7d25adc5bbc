"""The page of measurements: what its tables say follows from runs, and every lever is in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.study import measured
from sdmodel.study.measured import lever_settings

SETTINGS = lever_settings()


def test_every_lever_is_set_and_nothing_that_is_none() -> None:
    named = {name for acted, context in SETTINGS.values() for name in {**acted, **context}}
    model = sdmodel.load("shandong")
    assert set(model.levers.index) <= named <= {*model.levers.index, "push start"}
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


def test_the_parts_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = "guarantee capital +50 a year"
    monkeypatch.setattr(measured, "lever_settings", lambda: {one: SETTINGS[one]})
    files = measured.write(tmp_path / "new", 20)
    page = (Path(__file__).parents[2] / "docs" / "models" / "measured.md").read_text("utf-8")
    for file in files:
        assert f"{{include}} measured/{file.name}" in page
    assert one in files[-1].read_text("utf-8")
    assert {f.name for f in files} == {
        f.name for f in (Path(__file__).parents[2] / "docs" / "models" / "measured").iterdir()
    }
