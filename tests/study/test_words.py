"""Words for readers: each constant, prediction and recommendation of the paper has them, one word a thing."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sdmodel
from sdmodel.core.errors import SdmodelError
from sdmodel.core.resources import shipped
from sdmodel.experiments import LIBRARY
from sdmodel.study.library import Library

MODELS = Path(str(shipped("models")))
PHRASES: dict[str, dict[str, str]] = tomllib.loads((MODELS / "phrases.toml").read_text("utf-8"))
NOTES: dict[str, dict[str, Any]] = tomllib.loads((MODELS / "notes.toml").read_text("utf-8"))
SHARED = Path(__file__).resolve().parents[3] / "shared"
ID = re.compile(r"\b[PH]\d\d\b")


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


def test_each_prediction_says_how_it_is_asked_and_what_that_leaves_out() -> None:
    known = LIBRARY.hypotheses
    assert list(known) == [f"H{n:02}" for n in range(1, 49)]
    both = {"en", "zh"}
    for name, one in known.items():
        assert set(one.says) == set(one.asked) == set(one.left_out) == both, name
        assert set(one.cannot) in (set(), both), name
        for text in (*one.says.values(), *one.asked.values(), *one.left_out.values(), *one.cannot.values()):
            assert text.strip(), name


def test_recommendations_are_short_and_about_instruments_of_the_model() -> None:
    levers = set(ID.findall(" ".join(sdmodel.load("shandong").levers["ids"])))
    given = LIBRARY.recommendations
    assert len({one.id for one in given}) == len(given) > 20
    for one in given:
        assert one.id.startswith(one.section.partition(",")[0])
        assert len(one.says["en"].split()) <= 12, one.id
        assert len(one.says["zh"]) <= 20, one.id
        assert set(one.instruments) <= levers, one.id
        assert one.predictions, one.id


def test_each_prediction_of_a_recommendation_is_asked_or_says_why_not() -> None:
    files = [MODELS.parent / "experiments" / f"{name}.toml" for name in LIBRARY.names]
    tables = [tomllib.loads(path.read_text(encoding="utf-8")) for path in files]
    asked = {row["id"] for table in tables for row in table.get("prediction", ())}
    for one in LIBRARY.recommendations:
        for name in one.predictions:
            assert name in asked or LIBRARY.hypotheses[name].cannot, (one.id, name)
    bare = {name.partition(" ")[0] for name in asked}
    assert not [name for name, one in LIBRARY.hypotheses.items() if not one.cannot and name not in bare]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the paper and its tables, which lie beside the repository")
def test_sentences_and_instruments_of_the_paper_are_its_own() -> None:
    text = "".join("".join(path.read_text(encoding="utf-8").split()) for path in (SHARED / "seed").glob("*.txt"))
    for name, one in LIBRARY.hypotheses.items():
        for part in one.says["zh"].split("…"):
            assert "".join(part.split()) in text, name
    rows = (SHARED / "requirements.md").read_text(encoding="utf-8").splitlines()
    recommended = {row[2:5] for row in rows if re.match(r"\| P\d\d \| [^|]*3\.[123]", row)}
    assert len(recommended) > 60
    assert not recommended - {name for one in LIBRARY.recommendations for name in one.instruments}


def test_each_sector_is_told_in_both_languages() -> None:
    for name, note in NOTES.items():
        assert note["title_zh"], name
        assert note["about_zh"].endswith("。"), name
        assert len(note["leaves_out_zh"]) == len(note["leaves_out"]), name


def chinese() -> Iterator[tuple[str, str]]:
    """Our Chinese texts with what they are of; sentences of the paper are its own."""
    for name, one in LIBRARY.hypotheses.items():
        for texts in (one.asked, one.left_out, one.cannot):
            yield name, texts.get("zh", "")
    yield from ((one.id, one.says["zh"]) for one in LIBRARY.recommendations)
    yield from ((name, " ".join(row[key] for key in row if key.startswith("zh"))) for name, row in PHRASES.items())
    yield from ((name, note["about_zh"] + "".join(note["leaves_out_zh"])) for name, note in NOTES.items())
    yield from LIBRARY.translation("zh").table.items()
    yield from ((one.says["en"], one.says["zh"] + one.means["zh"]) for one in LIBRARY.glossary)


def test_one_word_a_thing() -> None:
    refused = {word: one.says["zh"] for one in LIBRARY.glossary for word in one.refused}
    assert len(refused) > 60
    wrong = [(of, word, better) for of, text in chinese() for word, better in refused.items() if word in text]
    assert not wrong


def test_a_term_without_its_meaning_is_refused(tmp_path: Path) -> None:
    (tmp_path / "glossary.toml").write_text('[[term]]\nen = "push"\nzh = "助推"\nmeans = "Money."\nnot = []\n', "utf-8")
    with pytest.raises(SdmodelError, match="'push' lacks 'means_zh'"):
        _ = Library(tmp_path, lambda _: None).glossary
