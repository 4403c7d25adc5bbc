"""Pieces of the report by hand: places of lines and bars, what is ranked, what is left out."""

from __future__ import annotations

import dataclasses
import math
import re

import pandas as pd
import pytest

from sdmodel.study.finding import Finding
from sdmodel.study.library import Recommendation
from sdmodel.study.numbers import MILLION_CNY
from sdmodel.study.phrases import Phrases
from sdmodel.study.report import base_run, front, questions, words
from sdmodel.study.report.advice import DO, OPEN, SAME, Advice, Row
from sdmodel.study.report.asking import Step
from sdmodel.study.report.base_run import BaseRun
from sdmodel.study.report.words import Line, Words
from sdmodel.study.sampling import RANGE_FACTORS
from sdmodel.study.translation import Translation
from sdmodel.study.verdict import Verdict

ENGLISH = Words(Translation(), Phrases({}))
TIME = [2010.0, 2015.0, 2020.0]


def found(pattern: str, text: str) -> list[str]:
    return re.findall(pattern, text)


def test_a_chart_puts_each_value_in_its_place() -> None:
    """The frame is 250 wide from 62 on and 138 high from 10 on; the axis goes from 0 to 8."""
    first = Line("one", TIME, [0, 4, 8], [0, 2, 6], [0, 6, 8])
    text = ENGLISH.chart([first, Line("two", TIME, [0, 1, 2], [0] * 3, [0] * 3)], "%", title="<t>", start=2015.0)
    assert found(r'polyline class="line (c\d)" points="([^"]+)"', text) == [
        ("c0", "62.0,148.0 187.0,79.0 312.0,10.0"),
        ("c1", "62.0,148.0 187.0,130.8 312.0,113.5"),
    ]
    (band,) = found(r'polygon class="band" points="([^"]+)"', text)
    assert band == "62.0,148.0 187.0,113.5 312.0,44.5 312.0,10.0 187.0,44.5 62.0,148.0"
    assert found(r'x2="312" y1="([\d.]+)" y2="([\d.]+)"', text) == [
        (f"{y:.1f}",) * 2 for y in (148, 113.5, 79, 44.5, 10)
    ]
    assert found(r'text-anchor="end">([^<]+)<', text) == ["0%", "2%", "4%", "6%", "8%"]
    assert found(r'x="([\d.]+)" y="164" text-anchor="middle">(\d+)<', text) == [("62.0", "2010"), ("187.0", "2015")]
    assert '<line class="start" x1="187.0" x2="187.0" y1="10" y2="148"/>' in text
    assert found(r'<i class="(c\d)"></i>(\w+)', text) == [("c0", "one"), ("c1", "two")]
    assert 'aria-label="&lt;t&gt;"' in text
    assert "zero" not in text


def test_a_chart_of_one_line_has_no_list_of_colours_and_counts_money_in_yuan() -> None:
    line = Line("", TIME, [-1, 0, 2], [-2, 0, 1], [0, 1, math.nan])
    text = ENGLISH.chart([line], MILLION_CNY, title="t", start=2010.0)
    assert "key" not in text
    assert "start" not in text  # where the frame begins there is nothing to mark
    assert found(r'text-anchor="end">([^<]+)<', text) == ["−2 million", "−1 million", "0", "+1 million", "+2 million"]
    assert found(r'class="grid zero" x1="62" x2="312" y1="([\d.]+)"', text) == ["79.0"]
    assert ENGLISH.chart([Line("", TIME, *[[math.nan] * 3] * 3)], "%", title="t") == ""


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 8, [0, 2, 4, 6, 8]), (1, 3, [0, 1, 2, 3]), (-3, 5, [-4, -2, 0, 2, 4, 6]), (0, 0.3, [0, 0.1, 0.2, 0.3]),
        (0, 19, [0, 5, 10, 15, 20]), (0, 21, [0, 10, 20, 30]), (-7, -1, [-8, -6, -4, -2, 0]), (0, 1e-10, [0, 1]),
        (0, 45, [0, 20, 40, 60]), (0, 2e-9, [0, 1e-9, 2e-9]),
    ],
)  # fmt: skip
def test_ticks_by_hand(low: float, high: float, ticks: list[float]) -> None:
    assert words._ticks(low, high) == pytest.approx(ticks, abs=1e-12)


def test_a_bar_has_a_part_for_each_share_and_figures_where_there_is_room() -> None:
    text = ENGLISH.bar((0.9, 0.0, 0.079))
    assert found(r'<i class="(\w+)" style="flex-grow:([\d.]+)">(\d*)</i>', text) == [
        ("for", "0.9000", "90"),
        ("against", "0.0790", ""),
    ]
    assert found(r">(\d*)</i>", ENGLISH.bar((0.08, 0.92, 0.0))) == ["8", "92"]
    assert found(r">(\d*)</i>", ENGLISH.bar((0.9, 0.1, 0.0), small=True)) == ["", ""]
    assert "<i" not in ENGLISH.bar((math.nan,) * 3)
    assert "90% as the paper says, 0% no difference that counts, 8% the opposite" in text


ROWS = [
    # arm, outcome, median, low, high, unit, gain per million CNY
    ("a", "own RnD", 10.0, -10.0, 20.0, "%", 0.5), ("a", "all firms", 1.0, 0.0, 2.0, "%", 0.3),
    ("a", "public money", 102.0, 100.0, 104.0, MILLION_CNY, math.nan),
    ("b", "own RnD", 20.0, 10.0, 30.0, "%", 2.0), ("b", "all firms", 3.0, 2.0, 4.0, "%", 0.002),
    ("b", "public money", 100.0, 99.0, 101.0, MILLION_CNY, math.nan),
    ("c", "own RnD", 15.0, 12.0, 18.0, "%", 1.0), ("c", "all firms", math.nan, math.nan, math.nan, "%", math.nan),
    ("c", "public money", -20.0, -21.0, -19.0, MILLION_CNY, math.nan),
]  # fmt: skip


def ranked() -> Finding:
    columns = ["arm", "outcome", "median", "low", "high", "unit", "per_yuan"]
    table = pd.DataFrame(ROWS, columns=columns).assign(against="base", favour=1, neither=0, opposite=0)
    return Finding(front.RANKING, "Which?", [], outcomes=table)


def test_instruments_of_one_budget_are_ranked_and_others_told_with_their_cost() -> None:
    """The budget is the median, 100; money within a twentieth of it is the same. The axis goes from -10 to 30."""
    text = front.ranking([ranked()], ENGLISH)
    assert "with the same public money: 100 million CNY" in text
    assert found(r'<option value="(rank-\d)">([^<]+)<', text) == [
        ("rank-0", "RnD that firms pay for"),
        ("rank-1", "Number of firms"),
    ]
    own, firms = text.split('<div class="ranked"')[1:]
    same, other = own.split("For other sums of money")
    assert found(r'class="what">(\w)<', same) == ["b", "a"]  # the largest first
    assert found(r'class="what">(\w)<', other) == ["c"]
    assert found(r'class="(?:zero|dot)" style="left:([\d.]+)%', same) == ["25.0", "75.0", "25.0", "50.0"]
    assert found(r'class="range" style="left:([\d.]+)%;width:([\d.]+)%', same) == [("50.0", "50.0"), ("0.0", "75.0")]
    assert "+2 yuan a year per yuan" in same
    assert "saves 20&nbsp;million&nbsp;CNY" in other
    assert "hidden" not in own.partition(">")[0]
    assert "hidden" in firms.partition(">")[0]
    assert found(r'class="what">(\w)<', firms) == ["b", "a"]  # no value, no place
    assert "per 100 million CNY" in firms
    assert "+30 firms" in firms
    assert front.ranking([dataclasses.replace(ranked(), name="x")], ENGLISH) == ""


def test_what_an_arm_lacks_is_told_from_the_least_on() -> None:
    table = pd.DataFrame(
        [("a", "own RnD", 3.0, 9.0, "%"), ("b", "own RnD", 1.0, 4.0, "%"), ("a", "own wish", 1.0, 1.0, "%")],
        columns=["arm", "outcome", "expected", "high", "unit"],
    )
    text = questions.regret(Finding("one", "Which?", [], regret=table), ENGLISH)
    assert found(r"<th>(\w)</th><td><b>(\d%)</b></td><td>(\d%)", text) == [("b", "1%", "4%"), ("a", "3%", "9%")]
    assert questions.regret(Finding("one", "Which?", []), ENGLISH) == ""


def test_a_prediction_is_told_with_its_shares_intervals_effect_and_what_counts() -> None:
    one = Verdict(
        "H01", "that it works", "b", "a", "own RnD", 30, 50, 20, (0.02, -1.0, 3.0), "%", 0.05, "emergent", "x"
    )
    text = questions.verdict(one, ENGLISH)
    # Wilson's intervals of 30, 50 and 20 in 100: 0.219 to 0.396, 0.404 to 0.596, 0.133 to 0.289
    assert found(r"<b>(\d+%)</b> <small>\((\d+%) – (\d+%)\)", text) == [
        ("30%", "22%", "40%"),
        ("50%", "40%", "60%"),
        ("20%", "13%", "29%"),
    ]
    assert (
        "RnD that firms pay for: <b>less&nbsp;than&nbsp;0.05%</b> <small>(−1 to +3%)</small>; what counts: 0.05%"
        in text
    )
    assert "It works" in text
    none = dataclasses.replace(one, favour=0, neither=0, opposite=0)
    assert "what counts" not in questions.verdict(none, ENGLISH)


def test_arms_are_shown_in_pairs_that_are_asked_then_against_the_reference() -> None:
    asked = Verdict("H01", "that", "b", "a", "own RnD", 1, 0, 0, (1, 1, 1), "%", 1, "emergent", "x")
    more = ranked().outcomes.query("arm == 'b'").assign(against="a")
    whole = pd.concat([ranked().outcomes, more])
    text = questions.outcomes(dataclasses.replace(ranked(), outcomes=whole, verdicts=[asked]), ENGLISH)
    assert found(r"<h3>([^<]+)</h3>", text) == ["b, against: a", *(f"{arm}, against: base" for arm in "abc")]
    assert questions.outcomes(Finding("one", "Which?", []), ENGLISH) == ""


def test_the_base_run_is_told_in_2015_and_2034_in_units_of_readers() -> None:
    paths = {"service coverage": [[0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3], [0.2, 0.4, 0.5, 0.6]]}
    text = base_run.section(BaseRun("x", 10, 1, [2009.0, 2015.0, 2020.0, 2034.0], paths), ENGLISH)
    assert "2015: 20% → 2034: <b>40%</b> <small>(30 to 60%)</small>" in text
    assert "a year" not in text
    money = {"own RnD": [[1.0] * 4] * 3}
    assert ", a year" in base_run.section(BaseRun("x", 10, 1, [2009.0, 2015.0, 2020.0, 2034.0], money), ENGLISH)


# -- page one -------------------------------------------------------------------------------------------------------
def advised(answer: str, **more: object) -> Advice:
    counts, effect = (90, 6, 4), (20.0, 10.0, 30.0)
    one = Verdict("H01", "that it works", "b", "base", "own RnD", *counts, effect, "%", 1.0, "emergent", "x")
    of = Recommendation("1", "3.2.1, 4", {"en": "Do <it>"}, ("P01",), ("H01",))
    return Advice(of, answer, ((ranked(), dataclasses.replace(one, **more)),))


def test_advice_says_how_large_at_what_cost_and_what_it_hangs_on() -> None:
    text = front.advice(advised(DO), ENGLISH)
    assert text.startswith('<li data-level="3.2"><a class="what" href="#q-instruments">Do &lt;it&gt;</a>')
    assert '<span class="size">RnD that firms pay for <b>+20%</b> </span>' in text
    assert '<span class="cost">cost 100&nbsp;million&nbsp;CNY</span>' in text
    assert text.endswith("<em></em></li>")
    other = front.advice(advised(DO, against="a"), ENGLISH)
    assert "against: a" in other
    open_ = front.advice(advised(OPEN, favour=50, neither=20, opposite=30), ENGLISH)
    assert "cost" not in open_.replace("class", "")
    assert "<em>depends</em>" in open_
    same = front.advice(advised(SAME, favour=5, neither=90, opposite=5), ENGLISH)
    assert 'class="size"' not in same
    assert 'class="cost"' in same
    lost = dataclasses.replace(advised(OPEN), lost=(("all firms", Row((0, 0, 9), (-5.0, -6.0, -4.0), "%")),))
    assert "<em>but it costs number of firms −5%</em>" in front.advice(lost, ENGLISH)
    assert "<em>its predictions disagree</em>" in front.advice(advised(OPEN), ENGLISH)
    none = dataclasses.replace(advised(OPEN), judged=())
    assert front.advice(none, ENGLISH) == (
        '<li data-level="3.2"><span class="what">Do &lt;it&gt;</span> <em>not asked</em></li>'
    )
    page = front.page_one([none, advised(OPEN), advised(DO)], 3, 100, ENGLISH)
    assert found(r"<h2>([^<]+) <small>(\d)</small>", page) == [("Do", "1"), ("Open", "2")]
    assert page.index("its predictions disagree") < page.index("not asked")  # what was asked stands first
    assert "3 recommendations of the paper" in page
    assert "100 samples" in page


@pytest.mark.parametrize(("left", "told"), [(89.4, "89 s left"), (90.0, "2 min left"), (149.0, "2 min left")])
def test_what_is_left_is_told_in_minutes_from_a_minute_and_a_half_on(left: float, told: str) -> None:
    assert Step(Finding("one", "?", []), 7, 22, False, left).progress == f"7 of 22, {told}"


def test_the_words_of_other_ranges_are_their_factors() -> None:
    assert {label.split()[0]: factor for label, factor in RANGE_FACTORS.items()} == {
        "ranges": 1,
        "half": 0.5,
        "twice": 2,
    }
