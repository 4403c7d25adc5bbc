"""The stages of the paper, read off runs: thresholds that are data, in the paper's order, and nothing silent."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.resources import shipped
from sdmodel.core.run import Run
from sdmodel.core.units import parse
from sdmodel.model import Model
from sdmodel.study import stages

FIGURES = {"F53": 0.03, "F54": 0.05, "F55": 0.08}


@pytest.fixture(scope="module")
def whole() -> Model:
    return sdmodel.load("shandong")


@pytest.fixture(scope="module")
def base(whole: Model) -> Run:
    return whole.run(every=1)


# -- the data -------------------------------------------------------------------------------------------------------
def test_each_level_has_five_stages_in_order() -> None:
    for level in stages.LEVELS:
        own = [s for s in stages.shipped_stages() if s.level == level]
        assert [s.number for s in own] == [1, 2, 3, 4, 5]
        assert all(s.name and s.anchor for s in own)
        assert all(s.conditions for s in own[1:])


def test_every_threshold_is_of_a_variable_in_its_unit(whole: Model) -> None:
    for s in stages.shipped_stages():
        for c in s.conditions:
            units = {parse(whole[name].unit) for name in c.variables}
            below = {parse(whole[name].unit) for name in c.per}
            assert len(units) == 1, c.text
            assert len(below) <= 1, c.text
            (unit,) = units
            assert parse(c.unit) == (unit / below.pop() if below else unit), c.text


def test_a_guess_has_a_range_and_a_figure_of_the_paper_its_value() -> None:
    listed = tomllib.loads((shipped("models") / "sources.toml").read_text("utf-8"))
    cited = set()
    for s in stages.shipped_stages():
        for c in s.conditions:
            key, _, place = c.source.partition(", ")
            assert key in listed, c.text
            assert (key == "guess") <= (c.range is not None), c.text
            if c.range is not None:
                assert c.range[0] <= c.value <= c.range[1], c.text
            if key == "seed":
                assert c.value == FIGURES[place[:3]], c.text
                cited.add(place[:3])
    assert cited == set(FIGURES)


# -- reading --------------------------------------------------------------------------------------------------------
def made(**paths: list[float]) -> xr.Dataset:
    """A sweep of one run in which everything is nil but what is given."""
    length = len(next(iter(paths.values())))
    nil = {name: (("run", "time"), np.zeros((1, length))) for name in stages.outputs()}
    given = {name.replace("_", " "): (("run", "time"), np.array([path], dtype=float)) for name, path in paths.items()}
    found = xr.Dataset({**nil, **given}, {"run": [0], "time": np.arange(length) + 2009.0})
    for name in ("factor synergy", "process synergy", "loop gain"):
        found[name] = found[name].expand_dims(quality=["weak", "strong"])
    per = ["all firms", "private capital"]
    return found.assign({name: found[name] + 1 for name in per if name.replace(" ", "_") not in paths})


def numbers(found: xr.Dataset, level: str, column: str = "stage") -> list[int]:
    table = stages.stages(found)
    return table.loc[table["level"] == level, column].to_list()


def test_a_stage_counts_only_after_those_before_it() -> None:
    found = made(factor_synergy=[0.4, 0.6, 0.6, 0.4], real_RnD_intensity=[0.06] * 4, process_synergy=[0.6] * 4)
    assert numbers(found, "micro") == [1, 3, 3, 1]
    assert numbers(found, "micro", "highest") == [3, 3, 3, 3]


def test_ranges_of_guesses_say_how_far_the_stage_is_open() -> None:
    found = made(factor_synergy=[0.4, 0.6, 0.8], real_RnD_intensity=[0.02] * 3)
    assert numbers(found, "micro") == [1, 1, 1]
    assert numbers(found, "micro", "most") == [2, 2, 2]
    assert numbers(found, "micro", "least") == [1, 1, 1]


def test_a_ceiling_is_harder_at_the_low_end_of_its_range() -> None:
    order = {"self_organisation_index": [0.9] * 3, "chance_to_switch": [1.0] * 3}
    found = made(**order, intervention_intensity=[0.2, 0.4, 0.6])
    assert numbers(found, "macro") == [2, 2, 1]
    assert numbers(found, "macro", "least") == [2, 1, 1]
    assert numbers(found, "macro", "most") == [2, 2, 2]


def test_a_push_is_passed_once_it_was_made_in_its_turn() -> None:
    state = {
        "self_organisation_index": [0.6, 0.6, 0.6, 0.2, 0.2],
        "chance_to_switch": [0.2, 0.2, 0.2, 0.9, 0.9],
        "push_offer": [0, 0.2, 0, 0, 0],
        "new_track_share": [0.3, 0.3, 0.4, 0.7, 0.9],
    }
    assert numbers(made(**state), "macro") == [3, 4, 4, 4, 5]
    early = made(**{**state, "self_organisation_index": [0.2, 0.2, 0.6, 0.6, 0.6]})
    assert numbers(early, "macro") == [1, 1, 3, 3, 3]
    assert numbers(early, "macro", "highest")[-1] == 5


def test_without_a_push_no_sample_passes_one(whole: Model) -> None:
    draws = sdmodel.latin_hypercube(whole.uncertainties, 60, rng=4)
    each = [
        stages.conditions(whole.sweep(draws.assign(**v), stages.outputs(), every=1, workers=1, progress=False))
        for v in ({}, {"push size": 1.0})
    ]
    passed = [table[(table["level"] == "macro") & (table["number"] == 4)]["holds"].any() for table in each]
    assert passed == [False, True]


def test_what_the_next_stage_waits_for_is_named(base: Run) -> None:
    table, each = stages.stages(base), stages.conditions(base)
    for row in table.itertuples():
        nth = each[(each["level"] == row.level) & (each["number"] == row.stage + 1) & (each["time"] == row.time)]
        unmet = nth.loc[~nth["holds"], "condition"]
        assert table.loc[row.Index, "waits for"] == (unmet.iloc[0] if row.stage < 5 else ""), row


def test_a_sweep_is_read_as_its_runs_are(whole: Model) -> None:
    design = pd.DataFrame({"push size": [0.0, 1.0], "benefit mechanism": [0.0, 0.5]})
    swept = stages.stages(whole.sweep(design, stages.outputs(), every=5, workers=1, progress=False))
    for i, row in design.iterrows():
        alone = stages.stages(whole.run(row.to_dict(), every=5, method="exact"))
        columns = ["time", "level", "stage", "least", "most", "highest"]
        pd.testing.assert_frame_equal(
            swept.loc[swept["run"] == i, columns].reset_index(drop=True), alone[columns].reset_index(drop=True)
        )


def test_a_failed_run_has_no_stage() -> None:
    found = made(factor_synergy=[0.6, np.nan], real_RnD_intensity=[0.04, 0.04])
    table = stages.stages(found)
    row = table[(table["level"] == "micro") & (table["time"] == 2010)].iloc[0]
    assert row[["stage", "least", "most", "highest", "waits for"]].isna().all()
    assert numbers(found, "micro")[0] == 2


def test_a_variable_that_was_not_kept_is_named() -> None:
    with pytest.raises(sdmodel.errors.UnknownNameError, match="outputs"):
        stages.stages(made(trust=[0.0, 1.0]).drop_vars("factor synergy"))


# -- against the paper ------------------------------------------------------------------------------------------------
def test_the_base_run_is_set_beside_the_paper_hit_or_miss(base: Run) -> None:
    table = stages.against_the_paper(base)
    assert table[["paper from", "paper to"]].to_numpy().tolist() == [[1, 1], [2, 3], [1, 1]]
    now = stages.stages(base)
    now = now[now["time"] == 2014].set_index("level")
    assert table["model"].to_list() == now.loc[table.index, "stage"].to_list()
    for _, row in table.iterrows():
        assert row["agrees"] == (row["paper from"] <= row["model"] <= row["paper to"])
        assert row["least"] <= row["model"] <= row["most"]


def test_a_run_that_does_not_report_the_year_is_refused(whole: Model) -> None:
    with pytest.raises(sdmodel.errors.UnknownNameError, match="2014"):
        stages.against_the_paper(whole.run(every=25))


def test_the_part_of_the_page_shows_every_condition_and_the_comparison(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "docs" / "_generate"))
    import stage_page

    stage_page.write(tmp_path)
    text = (tmp_path / "part-stages.md").read_text("utf-8")
    assert (tmp_path / "stages.png").stat().st_size > 10_000
    for s in stages.shipped_stages():
        assert s.anchor in text
        for c in s.conditions:
            assert c.text in text.replace("\\", "")
    assert text.count("  - yes") + text.count("  - no") == len(stages.LEVELS)
