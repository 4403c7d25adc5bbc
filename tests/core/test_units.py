"""The unit algebra: its laws, what it reads, and what it refuses."""

from __future__ import annotations

import time
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdmodel.core.errors import UnitsError
from sdmodel.core.units import DIMENSIONLESS, MAX_DEPTH, MAX_EXPONENT, MAX_LENGTH, Unit, parse

seeded = settings(derandomize=True, max_examples=60, deadline=None)

WORDS = ["Year", "million CNY", "firm", "$", "%", "人", "CO2 equivalent"]
exponents = st.fractions(min_value=-4, max_value=4, max_denominator=4)


@st.composite
def unit(draw: st.DrawFn) -> Unit:
    out = DIMENSIONLESS
    for word in draw(st.lists(st.sampled_from(WORDS), max_size=4)):
        out = out * parse(word) ** draw(exponents)
    return out


@seeded
@given(unit(), unit(), unit())
def test_units_are_a_commutative_group(a: Unit, b: Unit, c: Unit) -> None:
    assert a * b == b * a
    assert (a * b) * c == a * (b * c)
    assert a * DIMENSIONLESS == a
    assert a / a == DIMENSIONLESS
    assert (a / b) * b == a
    assert hash(a * b) == hash(b * a)


@seeded
@given(unit(), unit(), st.integers(-3, 3), st.integers(-3, 3))
def test_powers(a: Unit, b: Unit, m: int, n: int) -> None:
    assert a**m * a**n == a ** (m + n)
    assert (a**m) ** n == a ** (m * n)
    assert (a * b) ** n == a**n * b**n
    assert (a ** Fraction(1, 2)) ** 2 == a


@seeded
@given(unit())
def test_what_is_written_is_read_back(a: Unit) -> None:
    assert parse(str(a)) == a


@seeded
@given(st.text(max_size=60))
def test_any_text_is_a_unit_or_refused(text: str) -> None:
    try:
        read = parse(text)
    except UnitsError:
        return
    assert parse(str(read)) == read


@seeded
@given(st.text(alphabet="ab *^/()19.-", max_size=30))
def test_any_text_of_the_grammar_is_a_unit_or_refused(text: str) -> None:
    try:
        read = parse(text)
    except UnitsError:
        return
    assert parse(str(read)) == read


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("million CNY/(firm*Year)", "million CNY/firm/Year"),
        ("million  CNY", "million_cny"),
        ("Year", "YEAR"),
        ("1/Year", "Year^-1"),
        ("m^2", "m*m"),
        ("m^0.5*m^0.5", "m"),
        ("m^(1/2)", "m^.5"),
        ("a/b*c", "a*c/b"),
        ("a/(b*c)", "a/b/c"),
        ("((a))", "a"),
        ("Dmnl", "1"),
        ("dimensionless", "Fraction"),
        ("Nil", "Dmnl/Dmnl"),
        ("人/年", "人*年^-1"),
        ("$/(Person*Year)", "$/Person/Year"),
        ("1990 dollars", "1990 dollars"),
    ],
)
def test_two_ways_to_write_a_unit(text: str, same: str) -> None:
    assert parse(text) == parse(same)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("million CNY", "CNY"),
        ("million CNY", "million*CNY"),
        ("Year", "Years"),
        ("Person", "People"),
        ("%", "Dmnl"),
        ("a/b*c", "a/(b*c)"),
        ("m^2", "m^3"),
    ],
)
def test_no_scale_no_plural_is_guessed(one: str, other: str) -> None:
    assert parse(one) != parse(other)


def test_synonyms_of_the_file_are_honoured() -> None:
    groups = (("$", "Dollar", "Dollars"), ("Year", "Years"), ("Dmnl", "share"))
    assert parse("Dollars/years", groups) == parse("$/Year", groups)
    assert str(parse("Dollars/years", groups)) == "$/Year"
    assert parse("share", groups).dimensionless
    assert parse("Dollars") != parse("$")


def test_groups_that_share_a_word_are_one() -> None:
    groups = (("Person", "People"), ("People", "Head"))
    assert parse("Head", groups) == parse("Person", groups)


@pytest.mark.parametrize(
    ("a", "text"),
    [
        (parse("CNY") / parse("Year") / parse("firm"), "CNY/(firm*Year)"),
        (parse("Year") ** -1, "1/Year"),
        (parse("m") ** 2, "m^2"),
        (parse("m") ** 0.5, "m^(1/2)"),
        (DIMENSIONLESS, "Dmnl"),
    ],
)
def test_text(a: Unit, text: str) -> None:
    assert str(a) == text


def test_a_third_written_as_a_float_is_a_third() -> None:
    assert (parse("m") ** (1 / 3)) ** 3 == parse("m")


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "m^2^3", "m^2^1", "m^(2)^2",
        "9**9**9**9", "9^9^9^9", "a^9^9", "a**b", "a//b", "a/", "*a", "^2", "a^", "a^b",
        "a^(1/0)", "a^(1", "(", ")", "()", "a)", "(a", "((((", "a b)", "1000", "0", "2*a", "1e6", "1.5",
        "-1", "a^1e9", "a^99999999999", "a^2000", "(a^900)^900", "a[1]", "a{b}", "a;b", "a\x00b", "a=b",
        "__import__('os')", "a,b", "-", "...", "a|b", "\u202ea",
    ],
)  # fmt: skip
def test_what_is_not_a_unit_is_refused(text: str) -> None:
    with pytest.raises(UnitsError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "(" * 1_000_000,
        "a*" * 500_000,
        "^" * 1_000_000,
        " " * 1_000_000,
        "(" * (MAX_DEPTH + 2) + "a" + ")" * (MAX_DEPTH + 2),
        "(" * (MAX_LENGTH - 1),
        "a^" + "9" * (MAX_LENGTH - 2),
        "a " * (MAX_LENGTH // 2) + "(",
    ],
    ids=lambda text: f"{text[:4]}...{len(text)}",
)
def test_hostile_texts_are_refused_at_once(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(UnitsError) as error:
        parse(text)
    assert time.perf_counter() - start < 0.5
    assert len(str(error.value)) < 2 * MAX_LENGTH


def test_an_exponent_that_grows_in_a_product_is_refused() -> None:
    big = parse("m") ** MAX_EXPONENT
    with pytest.raises(UnitsError, match="exponent"):
        big * big
    with pytest.raises(UnitsError, match="exponent"):
        parse("m") ** float("inf")
    with pytest.raises(UnitsError, match="exponent"):
        parse("m") ** float("nan")


def test_the_message_says_what_to_write() -> None:
    with pytest.raises(UnitsError, match="'1000' is a scale"):
        parse("1000*people")
    with pytest.raises(UnitsError, match="no unit is stated"):
        parse("")
