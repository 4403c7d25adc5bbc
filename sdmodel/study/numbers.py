"""Numbers for readers: two significant digits, no exponents, units in words, dates as dates, in a language."""

from __future__ import annotations

import math

from sdmodel.study.translation import ENGLISH, Say

LEAST = 0.1
"""Smaller numbers are said to be less than this."""
OWN_UNITS = MILLION_CNY, DATE, PERCENT, POINTS = "million CNY", "date", "%", "percentage points"
"""Units that are written in every language; others are texts of a question."""
_WORDS = {
    ENGLISH: {"none": "no value", "less": "less than ", "never": "never"},
    "zh": {"none": "无数值", "less": "不足", "never": "从未"},
}
_LARGE = {
    ENGLISH: ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")),
    "zh": ((1e8, "亿"), (1e4, "万")),
}
"""Words for large numbers and where they begin."""
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
           "December")  # fmt: skip


def number(value: float, unit: str = "", lang: str = ENGLISH, *, signed: bool = False, least: float = LEAST) -> str:
    """A number with its unit, as a reader wants to see it.

    Parameters
    ----------
    value
        The number; NaN is "no value".
    unit
        ``%`` (the value is in percent), ``percentage points``, ``million CNY`` (yuan in Chinese: 万元, 亿元), ``date``
        (the value is a decimal year, infinite where something never happens), or any other text in the language,
        which is put after the number.
    lang
        ``en`` or ``zh``.
    signed
        Put a plus sign before what is positive.
    least
        What is smaller in size, but not zero, is "less than" this.

    Examples
    --------
    >>> number(1234.5, "firms"), number(-0.04, "%"), number(2020.0, "date")
    ('1,200 firms', 'less than 0.1%', 'January 2020')
    >>> number(320, "million CNY"), number(3200, "million CNY"), number(320, "million CNY", "zh")
    ('320 million CNY', '3.2 billion CNY', '3.2亿元')
    >>> number(0.5, "million CNY"), number(3.2, "million CNY", "zh"), number(12.3, "%", signed=True)
    ('500,000 CNY', '320万元', '+12%')
    """
    words = _WORDS[lang if lang in _WORDS else ENGLISH]
    if math.isnan(value):
        return words["none"]
    if unit == DATE:
        return date(value, lang) if math.isfinite(value) else words["never"]
    money = unit == MILLION_CNY
    value, least = (value * 1e6, least * 1e6 if least < LEAST else 1e4) if money else (value, least)
    if 0 < abs(value) < least:
        sign, figure = "", words["less"] + _figure(least, lang)
    else:
        figure = _figure(abs(value), lang)
        sign = "" if figure == "0" else "−" if value < 0 else "+" if signed else ""
    return f"{sign}{figure}{_unit(unit, lang)}"


def interval(low: float, high: float, unit: str = "", lang: str = ENGLISH, *, signed: bool = False) -> str:
    """Two numbers with their unit once, where it is the same; ends of less than 0.1 are rounded to 0 or 0.1.

    Examples
    --------
    >>> interval(1.23, 45.6, "%"), interval(1.23, 45.6, "%", "zh"), interval(0.5, 12, "million CNY")
    ('1.2 to 46%', '1.2至46%', '500,000 CNY to 12 million CNY')
    """
    ends = (
        LEAST * round(value / LEAST) if abs(value) < LEAST and unit != MILLION_CNY else value for value in (low, high)
    )
    first, second = (number(value, unit, lang, signed=signed) for value in ends)
    end = _after(second)
    if end and end == _after(first):
        first = first.removesuffix(end)
    return f"{first}至{second}" if lang == "zh" else f"{first} to {second}"


def quantity(value: float, unit: str, lang: str = ENGLISH, *, signed: bool = False) -> str:
    """A number with its unit as a part of a sentence, whose unit is translated with the sentence.

    Examples
    --------
    >>> quantity(0.123, "yuan per yuan", signed=True)
    '+0.12 yuan per yuan'
    """
    if unit in OWN_UNITS:
        return number(value, unit, lang, signed=signed)
    return Say("{figure} {unit}", figure=number(value, "", lang, signed=signed), unit=unit)


def share(value: float, lang: str = ENGLISH) -> str:
    """A share between 0 and 1 in whole percent; what is not all or none is never said to be.

    Examples
    --------
    >>> share(0.996), share(0.504), share(0.001), share(1.0), share(0.996, "zh")
    ('more than 99%', '50%', 'less than 1%', '100%', '超过99%')
    """
    if math.isnan(value):
        return _WORDS[lang if lang in _WORDS else ENGLISH]["none"]
    if 0 < value <= 0.005:  # which would be rounded to nothing
        return "不足1%" if lang == "zh" else "less than 1%"
    if 0.995 <= value < 1:
        return "超过99%" if lang == "zh" else "more than 99%"
    return f"{100 * value:.0f}%"


def date(year: float, lang: str = ENGLISH) -> str:
    """Month and year of a decimal year.

    Examples
    --------
    >>> date(2020.5), date(2020.5, "zh")
    ('July 2020', '2020年7月')
    """
    whole = math.floor(year)
    month = min(12, math.floor((year - whole) * 12 + 1e-6) + 1)
    return f"{whole}年{month}月" if lang == "zh" else f"{_MONTHS[month - 1]} {whole}"


def _figure(value: float, lang: str) -> str:
    """A number that is not negative, with two significant digits."""
    if value == 0:
        return "0"
    digits = 1 - math.floor(math.log10(value))
    rounded = round(value, digits)
    for size, word in _LARGE[lang if lang in _LARGE else ENGLISH]:
        if rounded >= size:
            return _figure(rounded / size, lang) + word
    if rounded >= 10:
        return f"{rounded:.0f}" if lang == "zh" else f"{rounded:,.0f}"
    return f"{rounded:.{max(1, 1 - math.floor(math.log10(rounded)))}f}".rstrip("0").rstrip(".")


def _after(text: str) -> str:
    """What follows the figure of a number."""
    return text[max((i for i, letter in enumerate(text) if letter.isdigit()), default=-1) + 1 :]


def _unit(unit: str, lang: str) -> str:
    if unit == MILLION_CNY:
        return "元" if lang == "zh" else " CNY"
    if unit == POINTS and lang == "zh":
        return "个百分点"
    return unit if unit.startswith("%") or lang == "zh" or not unit else f" {unit}"
