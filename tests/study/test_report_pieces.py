"""Pieces of the report by hand: places of lines and bars, what is ranked, what is left out."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.study.finding import Finding
from sdmodel.study.library import Hypothesis
from sdmodel.study.numbers import MILLION_CNY
from sdmodel.study.phrases import Phrases
from sdmodel.study.report import base_run, front, questions, words
from sdmodel.study.report import page as whole_page
from sdmodel.study.report.asking import Step
from sdmodel.study.report.base_run import BaseRun
from sdmodel.study.report.words import OUTCOMES, Line, Words
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
    pairs = [("a", "base"), ("b", "base"), ("c", "base"), ("b", "a")]
    rows = [(*pair, "own RnD", 1, 0, 0, 1.0, 1.0, 1.0, "%") for pair in pairs]
    rows += [(*pair, "all firms", 0, 0, 0, 1.0, 1.0, 1.0, "%") for pair in (*pairs, ("d", "base"))]  # not compared
    columns = ["arm", "against", "outcome", "favour", "neither", "opposite", "median", "low", "high", "unit"]
    table = pd.DataFrame(rows, columns=columns).assign(per_yuan=0.0)
    text = questions.outcomes(Finding("one", "Which?", [asked], outcomes=table), ENGLISH)
    assert "Number of firms" not in text
    assert found(r"<h3>([^<]+)</h3>", text) == ["b, against: a", *(f"{arm}, against: base" for arm in "abc")]
    assert questions.outcomes(Finding("one", "Which?", []), ENGLISH) == ""


def test_the_base_run_is_told_in_2015_and_2034_in_units_of_readers() -> None:
    paths = {"service coverage": [[0.1, 0.2, 0.3, 0.4], [0.0, 0.1, 0.2, 0.3], [0.2, 0.4, 0.5, 0.6]]}
    text = base_run.section(BaseRun("x", 10, 1, [2009.0, 2015.0, 2020.0, 2034.0], paths), ENGLISH)
    assert "2015: 20% → 2034: <b>40%</b> <small>(30 to 60%)</small>" in text
    assert "a year" not in text
    money = {"own RnD": [[1.0] * 4] * 3}
    assert ", a year" in base_run.section(BaseRun("x", 10, 1, [2009.0, 2015.0, 2020.0, 2034.0], money), ENGLISH)


@pytest.mark.parametrize(("left", "told"), [(89.4, "89 s left"), (90.0, "2 min left"), (149.0, "2 min left")])
def test_what_is_left_is_told_in_minutes_from_a_minute_and_a_half_on(left: float, told: str) -> None:
    assert Step(Finding("one", "?", []), 7, 22, False, left).progress == f"7 of 22, {told}"


def test_the_words_of_other_ranges_are_their_factors() -> None:
    assert {label.split()[0]: factor for label, factor in RANGE_FACTORS.items()} == {
        "ranges": 1,
        "half": 0.5,
        "twice": 2,
    }


# -- outcomes in the units of readers -------------------------------------------------------------------------------
LEVELS = {
    # name: level of 0.25 in 2034, gain of 0.03 per million CNY
    "new product revenue": ("250,000&nbsp;CNY", "+0.03 yuan a year per yuan"),
    "own RnD": ("250,000&nbsp;CNY", "+0.03 yuan a year per yuan"),
    "all firms": ("0.25 firms", "+3 firms"), "five year survival": ("25%", "+300&nbsp;percentage&nbsp;points"),
    "knowledge": ("250,000&nbsp;CNY", "+0.03 yuan per yuan"),
    "private capital": ("250,000&nbsp;CNY", "+0.03 yuan a year per yuan"), "RnD staff": ("0.25 persons", "+3 persons"),
    "service coverage": ("25%", "+300&nbsp;percentage&nbsp;points"),
    "self organisation index": ("25 of 100", "+300 of 100"),
    "public money": ("250,000&nbsp;CNY", "+0.03 yuan per yuan"),
}  # fmt: skip


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_outcome_is_told_in_its_unit(name: str) -> None:
    level, gain = LEVELS[name]
    path = [[9.0, 0.25, 9.0], [9.0, 0.25, 9.0], [9.0, 0.25, 9.0]]
    text = base_run.section(BaseRun("x", 10, 1, [2009.0, 2034.0, 2050.0], {name: path}), ENGLISH)
    assert f"→ 2034: <b>{level}</b>" in text
    assert (", a year" in text) == (name in ("new product revenue", "own RnD", "private capital"))
    told = front.per_yuan(0.03, name, ENGLISH)
    assert told == gain + ("" if "yuan" in gain else " per 100 million CNY")
    assert front.per_yuan(0.009, "knowledge", ENGLISH) == "less than 0.01 yuan per yuan"


def test_what_is_not_known_of_an_outcome_is_its_name() -> None:
    assert (ENGLISH.outcome("all firms"), ENGLISH.heading("all firms")) == ("number of firms", "Number of firms")
    assert (ENGLISH.outcome("<own>"), ENGLISH.heading("<own>")) == ("&lt;own&gt;", "&lt;own&gt;")
    assert ENGLISH.number(1.0, "a b") == "1 a b"
    assert ENGLISH.number(1.0, "percentage points") == "1&nbsp;percentage&nbsp;points"
    assert ENGLISH.effect((1.0, -2.0, 3.0), "firms") == "<b>+1 firms</b> <small>(−2 to +3)</small>"
    assert ENGLISH.effect((0.04, -2.0, 3.0), "%", least=0.01).startswith("<b>+0.04%</b> <small>(−2 to +3%)")
    assert ENGLISH.spread(1.0, 2.0, "firms") == "1 to 2 firms"
    assert ENGLISH.where("<t>", "high") == "where &lt;t&gt; is high"
    assert ENGLISH.folded("t") == ENGLISH.folded("t", "", "") == ""
    assert ENGLISH.folded("t", "", "x") == "<details><summary>t</summary>x</details>"
    assert [words.kind(w) for w in ("holds", "mostly", "the opposite", "makes no difference", "x")] == [
        "yes", "yes", "no", "same", "open"]  # fmt: skip


def test_a_chart_of_one_moment_and_of_many_lines() -> None:
    moment = Line("one", [2015.0], [4.0], [0.0], [8.0])
    text = ENGLISH.chart([moment], "firms", title="t", start=2015.0)
    assert found(r'class="line c0" points="([^"]+)"', text) == ["62.0,79.0"]
    assert found(r'text-anchor="end">([^<]+)<', text) == ["0", "2", "4", "6", "8"]
    assert "start" not in text
    line = Line("", [2010.5, 2029.5], [0, 1], [0, 1], [0, 1])
    text = ENGLISH.chart([line] * 7, "%", title="t", start=2029.5)
    assert found(r'class="line c(\d)"', text) == ["0", "1", "2", "3", "4", "5", "0"]
    assert found(r'text-anchor="middle">(\d+)<', text) == ["2015", "2020", "2025"]
    assert text.endswith('</svg><p class="key lines"></p>')  # lines without a name
    assert "start" not in text  # where the frame ends there is nothing to mark either


# -- questions ------------------------------------------------------------------------------------------------------
def test_a_question_has_its_level_words_and_record() -> None:
    one = Verdict("H01", "that it works", "b", "a", "own RnD", 9, 1, 0, (1, 0, 2), "%", 1, "emergent", "x")
    other = dataclasses.replace(one, hypothesis="H02 (early)", favour=5, opposite=4)
    record = {"samples": 10, "seed": 3, "composition": "abc", "digest": "d", "seconds": 2}
    whole = Finding("a<b", "Does it?", [one, other, one], record=record, notes=["n"], headline="It does", plan=" p\n")
    levels = questions.levels_of([("3.1.1, 2", ("H01",)), ("3.2.5", ("H02 (early)", "H09"))])
    assert levels == {"H01": "3.1", "H02": "3.2", "H09": "3.2"}
    text = questions.section(whole, {}, levels, ENGLISH, "report", {"arm": "to?a&b"})
    assert text.startswith(
        '<article class="question" id="q-a&lt;b" data-level="3.1 3.2" data-words="mostly|depends"><h2>Does it?</h2>'
        '<p class="headline">It does.</p><figure'
    )
    assert found(r"<summary>([^<]+)<", text) == [
        "How sure, how large, what decides", "Remarks", "Written before the first run", "Try it in the browser",
        "Record",
    ]  # fmt: skip
    assert "<pre>p</pre>" in text
    assert '<a href="to?a&amp;b">arm</a>' in text
    assert found(r"<tr><th>(\w+)</th><td>(\w+)</td>", text) == [
        ("samples", "10"), ("seed", "3"), ("seconds", "2"), ("model", "abc")]  # fmt: skip
    assert 'href="report/a&lt;b.json"' in text
    assert '<p class="hangs">H02 (early): depends on many things at once</p>' in text
    bare = Finding("x", "Does it?", [one], status="thin", headline="It does")
    text = questions.section(bare, {}, {}, ENGLISH)
    assert '<p class="status">Provisional: thin</p>' in text
    assert "hangs" not in text
    assert "href" not in text
    assert found(r"<summary>([^<]+)<", text) == ["How sure, how large, what decides", "Record"]
    assert "Record" not in questions.predictions(Finding("x", "?", []), ENGLISH)
    assert questions.predictions(Finding("x", "?", []), ENGLISH) == ""


def test_paths_are_drawn_in_the_order_of_their_arms() -> None:
    rows = [("b", 2015.0, 1.0), ("b", 2016.0, 2.0), ("a", 2015.0, 3.0), ("a", 2016.0, 4.0)]
    table = pd.DataFrame(rows, columns=["arm", "time", "median"])
    table = table.assign(low=0.0, high=4.0, variable="all firms", against="none")
    text = questions.paths(Finding("x", "?", [], paths=table), ENGLISH)
    assert "Change of: number of firms, against: none" in text
    assert found(r'<i class="c(\d)"></i>(\w)', text) == [("0", "b"), ("1", "a")]
    assert found(r'line c1" points="([^"]+)"', text) == ["62.0,44.5 312.0,10.0"]
    assert "Change of: own" in questions.paths(Finding("x", "?", [], paths=table.assign(variable="own")), ENGLISH)


# -- the page -------------------------------------------------------------------------------------------------------
def test_questions_are_listed_with_the_verdicts_that_there_are() -> None:
    one = Verdict("H01", "that", "b", "a", "own RnD", 50, 0, 50, (1, 0, 2), "%", 1, "emergent", "x")
    more = dataclasses.replace(one, favour=100, opposite=0)
    listed = [Finding("a&b", "Is it <1>?", [one]), Finding("c", "Is it 2?", [more, one])]
    text = whole_page.contents(listed, ENGLISH)
    assert '<small id="count">2</small>' in text
    assert found(r'<option value="([^"]*)">', text) == ["", "holds", "depends", "", "3.1", "3.2", "3.3"]
    assert '<a href="#q-a&amp;b">Is it &lt;1&gt;?</a>' in text
    known = {f"H0{i}": Hypothesis(f"H0{i}", ("C",), {"en": "t", "zh": "t"}) for i in (1, 2)}
    told = whole_page.not_asked(known, ["H01 (early)"], ENGLISH)
    assert "H02 (C)" in told
    assert "H01" not in told
    assert whole_page.not_asked(known, ["H01", "H02"], ENGLISH) == ""


def test_a_base_run_is_of_a_thousand_samples_at_most_and_of_those_that_did_not_fail(
    model_from: Callable[..., sdmodel.Model], tmp_path: Path
) -> None:
    text = """
knowledge = INTEG(rate, 0) ~ million CNY ~ |
all firms = INTEG(SQRT(rate - 1.5), 0) ~ firms ~ |
rate = 1 ~ million CNY/Year [1,3] ~ R. [uncertainty] [@guess] |
"""
    model = model_from(text, start=2009, end=2034, step=1)
    made = base_run.base_run(1200, 5, folder=tmp_path / "new" / "one", model=model)
    assert (made.samples, made.seed, made.composition) == (1000, 5, model.fingerprint)
    assert made.time == list(range(2009, 2035))
    rates = sdmodel.latin_hypercube(model.uncertainties, 1000, rng=5)["rate"].to_numpy()
    good = rates[rates >= 1.5]
    for path, part in zip(made.paths["knowledge"], (0.5, 0.05, 0.95), strict=True):
        assert path[-1] == pytest.approx(25 * np.quantile(good, part), rel=1e-6)
    assert list(made.paths) == ["all firms", "knowledge"]
    kept = tmp_path / "new" / "one" / base_run.FILE
    kept.write_text(kept.read_text("utf-8").replace('"time": [2009.0', '"time": [1.0'), "utf-8")
    assert base_run.base_run(1000, 5, folder=tmp_path / "new" / "one", model=model).time[0] == 1.0  # read, not run
    assert base_run.base_run(8, 6, folder=tmp_path / "new" / "one", model=model).seed == 6
    kept.write_text("{", "utf-8")
    assert base_run._read(kept) is None
    assert base_run._read(tmp_path / "none") is None
