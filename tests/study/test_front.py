"""Page one by hand: what is advised, at what cost, what it hangs on, and how instruments are ranked."""

from __future__ import annotations

import dataclasses
import math
import re

import pandas as pd

from sdmodel.study.conditions import Condition
from sdmodel.study.finding import Finding
from sdmodel.study.library import Recommendation
from sdmodel.study.numbers import MILLION_CNY
from sdmodel.study.phrases import Phrases
from sdmodel.study.report import front
from sdmodel.study.report.advice import DO, OPEN, SAME, Advice, Row, advise, by_prediction
from sdmodel.study.report.words import Words
from sdmodel.study.translation import Translation
from sdmodel.study.verdict import Verdict

ENGLISH = Words(Translation(), Phrases({}))


def found(pattern: str, text: str) -> list[str]:
    return re.findall(pattern, text)


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


# -- advice ---------------------------------------------------------------------------------------------------------
def test_an_answer_is_lost_from_three_samples_of_four_on_and_not_by_index_money_or_itself() -> None:
    def answer(outcome: str, opposite: int) -> tuple[str, list[str]]:
        rows = [("b", "base", outcome, 100 - opposite, 0, opposite, -1.0, -2.0, 0.0, "%", 0.0)]
        columns = [
            "arm",
            "against",
            "outcome",
            "favour",
            "neither",
            "opposite",
            "median",
            "low",
            "high",
            "unit",
            "per_yuan",
        ]
        finding = Finding("one", "?", [dataclasses.replace(advised(DO).judged[0][1])],
                          outcomes=pd.DataFrame(rows, columns=columns))  # fmt: skip
        found = advise(advised(DO).of, by_prediction([finding]))
        return found.answer, [name for name, _ in found.lost]

    assert answer("all firms", 75) == (OPEN, ["all firms"])
    assert answer("all firms", 74) == (DO, [])
    for name in ("self organisation index", "public money", "own RnD"):  # the last is what was asked
        assert answer(name, 100) == (DO, [])
    assert all(map(math.isnan, Row((0, 0, 0), (0, 0, 0), "%").shares))
    assert Row((1, 2, 5), (0, 0, 0), "%").shares == (0.125, 0.25, 0.625)


def test_the_first_that_was_asked_decides_and_a_contrary_one_opens() -> None:
    word = {"do": (99, 1, 0), "not": (0, 1, 99), "same": (0, 99, 1), "open": (50, 0, 50)}

    def answer(*given: str) -> str:
        one = advised(DO).judged[0][1]
        sides = [dict(zip(("favour", "neither", "opposite"), word[w], strict=True)) for w in given]
        verdicts = [dataclasses.replace(one, hypothesis=f"H0{i}", **side) for i, side in enumerate(sides)]
        of = dataclasses.replace(advised(DO).of, predictions=("H09", *(f"H0{i}" for i in range(len(given)))))
        return advise(of, by_prediction([Finding("one", "?", verdicts)])).answer

    told = {("do", "same"): DO, ("do", "open"): DO, ("do", "not"): OPEN, ("not", "do"): OPEN, ("not", "same"): "do not",
            ("same", "do"): SAME, ("same", "not"): SAME, ("open", "do"): OPEN, ("do", "same", "not"): OPEN}  # fmt: skip
    assert {given: answer(*given) for given in told} == told


def test_money_that_is_not_known_is_no_cost_and_constructions_are_passed_over() -> None:
    nan = ranked()
    nan.outcomes.loc[nan.outcomes["outcome"] == "public money", "median"] = math.nan
    one = advised(DO)
    text = front.advice(dataclasses.replace(one, judged=((nan, one.judged[0][1]),)), ENGLISH)
    assert 'class="cost"' not in text
    built = dataclasses.replace(one.judged[0][1], label="built in", unit="firms")
    both = dataclasses.replace(one, judged=((ranked(), built), one.judged[0]))
    assert "+20%" in front.advice(both, ENGLISH)
    only = front.advice(dataclasses.replace(one, answer=OPEN, judged=((ranked(), built),)), ENGLISH)
    assert "<em>true by construction</em>" in only
    assert "+20 firms" in only
    bare = dataclasses.replace(one.judged[0][1], outcome="", effect=(0.05, 0.0, 1.0), least=0.02)
    assert front.size(bare, "base", ENGLISH) == "<b>+0.05%</b>"
    large = dataclasses.replace(bare, least=2.0)
    assert front.size(large, "base", ENGLISH) == "<b>less&nbsp;than&nbsp;0.1%</b>"
    hangs = dataclasses.replace(bare, favour=50, opposite=44, deciding=(Condition("t", "low", (1, 0, 0), (0, 0, 1)),))
    assert front.why(advised(OPEN), hangs, ENGLISH) == "right where t is low"
    assert (front.price(-0.0, ENGLISH), front.price(-3.0, ENGLISH)) == (
        "cost 0&nbsp;CNY",
        "saves 3&nbsp;million&nbsp;CNY",
    )


def test_money_within_a_twentieth_of_the_budget_is_the_same() -> None:
    rows = [(arm, "own RnD", 1.0, 1.0, 2.0, "%", 0.5) for arm in "abcde"]
    money = [("a", 64.0), ("b", 60.9), ("c", 60.7), ("d", 67.1), ("e", 67.3)]  # the budget is 64, a twentieth is 3.2
    rows += [(arm, "public money", m, m, m, MILLION_CNY, math.nan) for arm, m in money]
    columns = ["arm", "outcome", "median", "low", "high", "unit", "per_yuan"]
    table = pd.DataFrame(rows, columns=columns).assign(against="base", favour=1, neither=0, opposite=0)
    text = front.ranking([dataclasses.replace(ranked(), outcomes=table)], ENGLISH)
    same, other = text.split("For other sums of money")
    assert found(r'class="what">(\w)<', same) == ["a", "b", "d"]
    assert found(r'class="what">(\w)<', other) == ["c", "e"]
    # the axis begins at nil, which all intervals are above
    assert found(r'class="zero" style="left:([\d.]+)%', same)[0] == "0.0"
    assert found(r'class="range" style="left:([\d.]+)%;width:([\d.]+)%', same)[0] == ("50.0", "50.0")
