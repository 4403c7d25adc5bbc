"""The closed grammar of roles, sources and boundary inputs in the documentation field."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdmodel
from sdmodel.core.errors import ReadError
from sdmodel.io.markers import DISTRIBUTIONS, parse_markers


def test_everything_at_once() -> None:
    m = parse_markers("Share of firms. [lever P01 P52] [outcome] [@seed, C47  C48] [@guess] Further prose.")
    assert m.sentence == "Share of firms. Further prose."
    assert (m.role, m.ids, m.outcome) == ("lever", ("P01", "P52"), True)
    assert [(s.key, s.locator) for s in m.sources] == [("seed", "C47 C48"), ("guess", "")]


@pytest.mark.parametrize(
    ("text", "role", "distribution", "origin"),
    [
        ("[lever]", "lever", "", ""),
        ("[uncertainty]", "uncertainty", "uniform", ""),
        *((f"[uncertainty {d}]", "uncertainty", d, "") for d in DISTRIBUTIONS),
        ("[switch]", "switch", "integer", ""),
        ("[fixed]", "fixed", "", ""),
        ("[from firms]", "input", "", "firms"),
        ("[from rd_investment]", "input", "", "rd_investment"),
        ("No marker.", "", "", ""),
        ("", "", "", ""),
    ],
)
def test_each_form(text: str, role: str, distribution: str, origin: str) -> None:
    m = parse_markers(text)
    assert (m.role, m.distribution, m.origin) == (role, distribution, origin)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[levr P01]", r"Did you mean \[lever P01\]"),
        ("[Lever P01]", r"Did you mean \[lever P01\]"),
        ("[uncertanty]", r"Did you mean \[uncertainty\]"),
        ("[outcomes]", r"Did you mean \[outcome\]"),
        ("[lever 1]", "is not a marker. The forms are"),
        ("[lever P1]", "is not a marker"),
        ("[uncertainty gamma]", "is not a marker"),
        ("[uncertainty uniform normal]", "is not a marker"),
        ("[switch 0 1]", "is not a marker"),
        ("[from]", "is not a marker"),
        ("[from two words]", "is not a marker"),
        ("[outcome yes]", "is not a marker"),
        ("[@]", "is not a source"),
        ("[@1999]", "is not a source"),
        ("[@two words]", "is not a source"),
        ("[lever] [fixed]", "one role only; this one is marked 'lever' and 'fixed'"),
        ("[lever] [from firms]", "one role"),
        ("[uncertainty] [uncertainty]", "one role"),
    ],
)
def test_a_bracket_that_looks_like_a_marker_is_an_error(text: str, message: str) -> None:
    with pytest.raises(ReadError, match=message) as caught:
        parse_markers(f"Words. {text}", "a.mdl:3: 'x'")
    assert str(caught.value).startswith("a.mdl:3: 'x'")


@pytest.mark.parametrize(
    "text",
    ["in [0,1]", "[see the annex]", "[]", "[ ]", "[from the yearbook of the province in 2012]", "a[i] of b", "[sic]"],
)
def test_other_brackets_are_prose(text: str) -> None:
    m = parse_markers(text)
    assert m.sentence == " ".join(text.split())
    assert m.role == ""


@given(st.text(alphabet="ab []@,.P01leverfixd", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        m = parse_markers(text)
    except ReadError:
        return
    assert m.role in ("", "lever", "uncertainty", "switch", "fixed", "input")


def test_errors_name_file_line_and_variable(model_from: Callable[..., sdmodel.Model]) -> None:
    with pytest.raises(ReadError, match=r"mini.mdl:3: 'b'.*\[levr\]"):
        model_from("a = 1 ~ Dmnl ~ |\nb = 1 ~ Dmnl ~ Words. [levr] |")


def test_only_a_constant_has_a_role(model_from: Callable[..., sdmodel.Model]) -> None:
    with pytest.raises(ReadError, match="'b' is marked 'lever', which only a constant can be"):
        model_from("a = 1 ~ Dmnl ~ |\nb = 2*a ~ Dmnl ~ [lever] |")
    assert model_from("t((0,0),(1,1)) ~ Dmnl ~ Points. [fixed] |", name="t")["t"].role == "fixed"
