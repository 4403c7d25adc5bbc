"""Words for readers: each constant, prediction and recommendation of the paper has them, in both languages."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import sdmodel
from sdmodel.core.resources import shipped

PHRASES: dict[str, dict[str, str]] = tomllib.loads((Path(str(shipped("models"))) / "phrases.toml").read_text("utf-8"))


def test_each_uncertain_row_has_a_clause_for_both_sides_in_both_languages() -> None:
    rows = sdmodel.load("shandong").uncertainties
    assert list(PHRASES) == list(rows.index)
    for name, role, low, high in rows[["role", "low", "high"]].itertuples():
        sides = [str(n) for n in range(int(low), int(high) + 1)] if role == "switch" else ["high", "low"]
        assert set(PHRASES[name]) == {*sides, *(f"zh_{side}" for side in sides), "zh_name"}, name


def test_a_clause_can_stand_in_a_sentence() -> None:
    for name, row in PHRASES.items():
        for key, text in row.items():
            if key == "zh_name":
                assert not text.endswith(("时", "。")), name
            elif key.startswith("zh_"):
                assert text.endswith("时"), name
            else:
                assert text.startswith("where "), name
                assert text[-1].isalnum(), name


def test_no_two_clauses_or_names_are_the_same() -> None:
    said: dict[str, list[Any]] = {}
    for name, row in PHRASES.items():
        for key, text in row.items():
            said.setdefault(text, []).append((name, key))
    assert not {text: where for text, where in said.items() if len(where) > 1}
