"""Every id of the paper is answered once, by something that exists; and the page says how."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

import sdmodel
from sdmodel.model import Model

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_generate"))
import traceability


@pytest.fixture(scope="module")
def whole() -> Model:
    return sdmodel.load("shandong")


@pytest.fixture(scope="module")
def found() -> list[traceability.Answer]:
    return traceability.answers()


@pytest.fixture(scope="module")
def wrong(found: list[traceability.Answer], whole: Model) -> list[str]:
    return traceability.faults(found, model=whole)


@pytest.mark.parametrize("letter", traceability.COUNTS)
def test_every_id_is_answered_once_and_by_something_that_exists(letter: str, wrong: list[str]) -> None:
    assert [text for text in wrong if text.startswith(letter)] == []


@pytest.mark.parametrize("letter", traceability.COUNTS)
def test_every_id_has_a_text(letter: str) -> None:
    said = traceability.texts()
    for n in range(1, traceability.COUNTS[letter] + 1):
        assert said[f"{letter}{n:02d}"].strip()


def test_a_lever_named_for_an_instrument_is_a_lever(found: list[traceability.Answer], whole: Model) -> None:
    """That each lever moves an outcome where it can act is tested in test_shipped.py."""
    for a in found:
        if a.kind in ("lever", "merged"):
            assert {whole[name].role for name in a.where} == {"lever"}, a.id


# -- each kind of fault is seen -----------------------------------------------------------------------------------
def changed(whole: Model, **parts: Any) -> list[str]:
    """Faults when parts of what is stated are changed, beyond those there are without the change."""
    stated = copy.deepcopy(traceability.stated_file())
    before = traceability.faults(traceability.answers(stated), stated, whole)
    for name, change in parts.items():
        change(stated[name])
    return [text for text in traceability.faults(traceability.answers(stated), stated, whole) if text not in before]


def test_an_id_without_an_answer_is_seen(whole: Model) -> None:
    first = traceability.stated_file()["omitted"][0]["id"]
    assert changed(whole, omitted=lambda rows: rows.pop(0)) == [f"{first} is not answered"]


def test_a_hypothesis_that_no_experiment_asks_is_seen(found: list[traceability.Answer], whole: Model) -> None:
    left = [a for a in found if a.id != "H07"]
    wrong = traceability.faults([*left, traceability.Answer("H07", traceability.NOT_ASKED)], model=whole)
    assert "H07 is asked by no experiment" in wrong


def test_an_id_answered_twice_is_seen(whole: Model) -> None:
    again = {"id": "C87", "reason": "It is cited by an equation, so it cannot be left out."}
    (text,) = changed(whole, omitted=lambda rows: rows.append(again))
    assert text.startswith("C87 is answered 2 times: cited (new product revenue")


def test_an_id_that_the_paper_does_not_have_is_seen(whole: Model) -> None:
    more = {"id": "C144", "reason": "There is no such claim in the paper."}
    assert changed(whole, omitted=lambda rows: rows.append(more)) == ["C144 is no id of the paper"]


def test_a_variable_that_does_not_exist_is_seen(whole: Model) -> None:
    texts = changed(whole, link=lambda rows: rows[0].update(ways=[["public information", "wisdom"]]))
    assert texts == ["C01: there is no variable 'wisdom'"]


def test_a_link_that_is_not_in_the_equations_is_seen(whole: Model) -> None:
    texts = changed(whole, link=lambda rows: rows[0].update(ways=[["intervention intensity", "trust"]]))
    assert texts == ["C01: 'intervention intensity' does not drive 'trust'"]


def test_a_link_by_way_of_everything_is_no_answer(whole: Model) -> None:
    (text,) = changed(whole, link=lambda rows: rows[0].update(ways=[["public information", "new track share"]]))
    assert "name one between" in text


def test_a_lever_that_does_not_carry_the_instrument_is_seen(whole: Model) -> None:
    texts = changed(whole, merged=lambda rows: rows[0].update(lever="venture programme"))
    ids = traceability.stated_file()["merged"][0]["ids"]
    assert texts == [f"{p}: the lever 'venture programme' does not carry this id" for p in ids]


def test_an_empty_reason_is_seen(whole: Model) -> None:
    (text,) = changed(whole, omitted=lambda rows: rows[0].update(reason="Not modelled."))
    assert "is no reason" in text


# -- paths ----------------------------------------------------------------------------------------------------------
def test_a_path_follows_the_equations_in_the_course_of_a_run(whole: Model) -> None:
    way = traceability.path(whole, "contributing share", "shared values")
    assert way == ["contributing share", "trust", "shared values"]
    assert traceability.path(whole, "trust", "law date") == []


def test_initial_values_are_no_path(whole: Model) -> None:
    assert "usual new product profit" in whole.uses("new product profit")
    assert traceability.path(whole, "new product profit", "usual new product profit") == []
    assert "trust" in whole.uses("contributing share")
    assert traceability.path(whole, "contributing share in 2009", "contributing share") == []


def test_money_spent_is_no_path_to_all_that_costs_money(whole: Model) -> None:
    assert traceability.LEDGER in {v.name for v in whole.equations.values()}
    assert traceability.LEDGER not in traceability.path(whole, "talent top up", "all firms")


# -- the page -------------------------------------------------------------------------------------------------------
def test_the_page_has_a_row_for_each_answer(tmp_path: Path, found: list[traceability.Answer]) -> None:
    traceability.write(tmp_path)
    text = (tmp_path / "traceability.md").read_text("utf-8")
    rows = [line.removeprefix("* - ") for line in text.splitlines() if line.startswith("* - ")]
    assert [row for row in rows if row != "Id"] == [a.id for a in found]
    for a in found:
        for name in a.where:
            assert f"`{name}`" in text, (a.id, name)
