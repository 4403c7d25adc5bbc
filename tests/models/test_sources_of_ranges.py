"""Every range that a sweep draws from has a published source, or says why it ends where it does."""

from __future__ import annotations

import tomllib

import pytest

import sdmodel
from sdmodel.core.resources import shipped

UNSOURCED = {"guess", "seed"}
"""What is no evidence for a size: a guess, and the paper, which has no sizes of effects."""


@pytest.fixture(scope="module")
def rows() -> dict[str, set[str]]:
    """Sources of each uncertain row."""
    model = sdmodel.load("shandong")
    return {name: {source.key for source in model[name].sources} for name in model.uncertainties.index}


@pytest.fixture(scope="module")
def notes() -> dict[str, dict[str, str]]:
    return tomllib.loads((shipped("models") / "elicitation.toml").read_text(encoding="utf-8"))


def test_there_are_at_most_a_hundred_rows(rows: dict[str, set[str]]) -> None:
    assert 0 < len(rows) <= 100


def test_every_range_has_a_source_or_a_note(rows: dict[str, set[str]], notes: dict[str, dict[str, str]]) -> None:
    bare = [name for name, sources in rows.items() if not sources]
    assert not bare, f"no source at all: {bare}"
    guesses = {name for name, sources in rows.items() if "guess" in sources or sources <= UNSOURCED}
    assert guesses - {"reach of schemes"} == set(notes), "notes and guesses differ"  # F19 is a count of the paper


def test_a_note_says_what_both_ends_mean(notes: dict[str, dict[str, str]]) -> None:
    for name, note in notes.items():
        assert set(note) == {"low", "high"}, name
        assert all(len(text.split()) >= 1 and text[-1] != "." for text in note.values()), name
        assert note["low"] != note["high"], name


def test_an_effect_that_only_the_paper_names_may_be_nil(rows: dict[str, set[str]]) -> None:
    """The range of an effect holds nil."""
    table = sdmodel.load("shandong").uncertainties
    effects = [name for name in rows if " effect on " in name or name.startswith(("effect of ", "response of "))]
    assert len(effects) > 10
    outside = [name for name in effects if not table.loc[name, "low"] <= 0 <= table.loc[name, "high"]]
    assert not outside
