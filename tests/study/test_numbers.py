"""Numbers for readers: two significant digits, no exponents, units, dates, Chinese money."""

import math
import re

import pytest

from sdmodel.study.numbers import date, interval, number, quantity, share


@pytest.mark.parametrize("size", [10.0**k for k in range(-6, 13)])
@pytest.mark.parametrize("unit", ["", "%", "million CNY", "firms"])
def test_no_exponent_and_no_more_than_two_digits(size: float, unit: str) -> None:
    for value in (1.2345 * size, -9.96 * size, size):
        for lang in ("en", "zh"):
            text = number(value, unit, lang)
            assert not re.search(r"\de[+-]?\d", text), text
            figures = re.search(r"[\d.,]+", text)
            assert figures, text
            digits = figures[0].replace(",", "").replace(".", "").strip("0")
            assert len(digits) <= 2, text


@pytest.mark.parametrize(
    ("value", "unit", "english", "chinese"),
    [
        (0.0, "%", "0%", "0%"),
        (0.04, "%", "less than 0.1%", "不足0.1%"),
        (-0.04, "percentage points", "less than 0.1 percentage points", "不足0.1个百分点"),
        (-12.34, "%", "−12%", "−12%"),
        (9.96, "%", "10%", "10%"),
        (12345, "", "12,000", "1.2万"),
        (320, "million CNY", "320 million CNY", "3.2亿元"),
        (0.123, "million CNY", "120,000 CNY", "12万元"),
        (0.001, "million CNY", "less than 10,000 CNY", "不足1万元"),
        (9.99, "million CNY", "10 million CNY", "1000万元"),
        (2020.0, "date", "January 2020", "2020年1月"),
        (2019.9999, "date", "December 2019", "2019年12月"),
        (math.inf, "date", "never", "从未"),
        (math.nan, "%", "no value", "无数值"),
    ],
)
def test_both_languages(value: float, unit: str, english: str, chinese: str) -> None:
    assert number(value, unit) == english
    assert number(value, unit, "zh") == chinese


def test_signs_and_the_smallest_that_is_told() -> None:
    assert number(3.21, "%", signed=True) == "+3.2%"
    assert number(0, "%", signed=True) == "0%"
    assert number(0.04, "yuan per yuan", least=0.01) == "0.04 yuan per yuan"
    assert interval(-3.21, 4, "%", signed=True) == "−3.2 to +4%"
    assert interval(0.5, 12, "million CNY") == "500,000 CNY to 12 million CNY"
    assert interval(1, 2, "percentage points", "zh") == "1至2个百分点"
    assert interval(120, 3200, "million CNY", "zh") == "1.2至32亿元"
    assert interval(-0.04, 0.06, "%", signed=True) == "0 to +0.1%"
    assert interval(5, 300, "million CNY") == "5 to 300 million CNY"


def test_a_share_is_all_or_none_only_where_it_is() -> None:
    told = [share(x) for x in (0, 0.001, 0.005, 0.006, 0.994, 0.995, 0.9999, 1, math.nan)]
    some, most = "less than 1%", "more than 99%"
    assert told == ["0%", some, some, "1%", "99%", most, most, "100%", "no value"]
    assert [share(x, "zh") for x in (0.005, 0.5, 0.995, math.nan)] == ["不足1%", "50%", "超过99%", "无数值"]
    assert share(math.nan, "fr") == "no value"  # English where a language has no words


def test_every_month_has_its_name() -> None:
    assert [date(2015 + m / 12, "zh") for m in range(12)] == [f"2015年{m + 1}月" for m in range(12)]
    assert [date(2015 + m / 12 - 1e-9, "zh") for m in range(1, 12)] == [f"2015年{m + 1}月" for m in range(1, 12)]
    assert date(2020 - 1e-9) == "December 2019"
    assert [date(2015 + m / 12).split()[0][:3] for m in (0, 5, 11)] == ["Jan", "Jun", "Dec"]


@pytest.mark.parametrize(
    ("value", "unit", "least", "english", "chinese"),
    [
        (0.1, "", 0.1, "0.1", "0.1"), (0.0999, "", 0.1, "less than 0.1", "不足0.1"),
        (0.4, "%", 0.5, "less than 0.5%", "不足0.5%"), (0.0123, "", 0.01, "0.012", "0.012"),
        (1.0, "", 0.1, "1", "1"), (1.04, "", 0.1, "1", "1"), (1.16, "", 0.1, "1.2", "1.2"), (10.4, "", 0.1, "10", "10"),
        (994, "", 0.1, "990", "990"), (9990, "", 0.1, "10,000", "1万"), (1234, "", 0.1, "1,200", "1200"),
        (999_999, "", 0.1, "1 million", "100万"), (99_600_000, "", 0.1, "100 million", "1亿"),
        (2.5e9, "", 0.1, "2.5 billion", "25亿"), (1e9, "", 0.1, "1 billion", "10亿"),
        (1e6, "", 0.1, "1 million", "100万"),
        (1e12, "", 0.1, "1 trillion", "1万亿"),
        (3.1e13, "firms", 0.1, "31 trillion firms", "31万亿firms"),
        (0.03, "million CNY", 0.05, "less than 50,000 CNY", "不足5万元"),
        (0.05, "million CNY", 0.05, "50,000 CNY", "5万元"),
        (0.02, "million CNY", 0.1, "20,000 CNY", "2万元"), (0.02, "million CNY", 9.0, "20,000 CNY", "2万元"),
        (0.01, "million CNY", 0.1, "10,000 CNY", "1万元"), (-3.0, "million CNY", 0.1, "−3 million CNY", "−300万元"),
        (2.0, "percentage points", 0.1, "2 percentage points", "2个百分点"), (-math.inf, "date", 0.1, "never", "从未"),
    ],
)  # fmt: skip
def test_figures_at_their_edges(value: float, unit: str, least: float, english: str, chinese: str) -> None:
    assert number(value, unit, least=least) == english
    assert number(value, unit, "zh", least=least) == chinese


def test_intervals_and_quantities_at_their_edges() -> None:
    told = [interval(*ends, "%", signed=True) for ends in ((-0.06, 0.04), (0.1, 1), (-0.1, -0.02), (math.nan, 1))]
    assert told == ["−0.1 to 0%", "+0.1 to +1%", "−0.1 to 0%", "no value to +1%"]
    assert interval(0.02, 0.5, "million CNY") == "20,000 to 500,000 CNY"
    assert interval(0.001, 12, "million CNY") == "less than 10,000 CNY to 12 million CNY"
    assert interval(1, 2) == "1 to 2"
    assert [quantity(-2.0, unit, signed=True) for unit in ("%", "firms")] == ["−2%", "−2 firms"]
    firms = quantity(3.0, "firms", "zh", signed=True)
    assert (firms.template, firms.values) == ("{figure} {unit}", {"figure": "+3", "unit": "firms"})
