"""The report: page one, verdicts as advice, one screen a question, what is kept, and the page in a browser."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, Browser
from hypothesis import given
from hypothesis import strategies as st

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.experiments import LIBRARY
from sdmodel.study.conditions import Condition
from sdmodel.study.finding import Finding
from sdmodel.study.library import Hypothesis, Recommendation, Term
from sdmodel.study.numbers import number
from sdmodel.study.phrases import Phrases
from sdmodel.study.question import Equal
from sdmodel.study.report import asking, base_run, front, words
from sdmodel.study.report.advice import DO, NOT, OPEN, SAME, advise, by_prediction, compared
from sdmodel.study.report.base_run import BaseRun
from sdmodel.study.report.front import RANKING
from sdmodel.study.report.page import page
from sdmodel.study.translation import Say
from sdmodel.study.verdict import WORDS, Verdict

HOSTILE = "</script><!--<img src=x onerror=document.title='taken'>"
PHRASES = Phrases({"trust": {"high": "where firms trust each other", "low": "where they do not"}})
NAMES = [n for n in words.OUTCOMES if n != "public money"]


def verdict(name: str, *counts: int, label: str = "conditional", arm: str = "a", against: str = "as it is") -> Verdict:
    decides = (Condition("trust", "high", (0.9, 0.05, 0.05), (0.2, 0.2, 0.6)),)
    says = f"that {arm} leaves more revenue from new products in 2034 than {against}, at equal public money"
    return Verdict(name, says, arm, against, "new product revenue", *counts, (1.5, -0.5, 3.0), "%", 1.0, label,
                   "it is assumed", "more", "percent", decides)  # fmt: skip


def table(arms: list[str], lost: str = "") -> pd.DataFrame:
    rows = []
    for k, arm in enumerate(arms):
        for outcome in [*NAMES, "public money"]:
            worse = outcome == lost
            counts = (0, 10, 90) if worse else (60, 30, 10)
            middle = -5.0 if worse else 300.0 if outcome == "public money" else 1.0 + k
            unit = "million CNY" if outcome == "public money" else "%"
            rows.append((arm, "as it is", outcome, *counts, middle, middle - 2, middle + 2, unit, 0.5, 0.25, 0.75))
    columns = ["arm", "against", "outcome", "favour", "neither", "opposite", "median", "low", "high", "unit",
               "per_yuan", "per_yuan_low", "per_yuan_high"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def finding(name: str, verdicts: list[Verdict], lost: str = "", arms: tuple[str, ...] = ("a", "b")) -> Finding:
    time = np.arange(2009.0, 2035.0)
    path = pd.DataFrame({"time": time, "median": time - 2009, "low": time - 2012, "high": time - 2000})
    paths = pd.concat([path.assign(variable="service coverage", against="as it is", arm=arm) for arm in arms])
    lacks = pd.DataFrame([(a, n, 1.0, 3.0, 0.5, "%") for a in arms for n in NAMES],
                         columns=["arm", "outcome", "expected", "high", "best", "unit"])  # fmt: skip
    record = {"samples": 100, "seed": 1, "composition": "x", "digest": "y", "runs": 300, "seconds": 2.5}
    return Finding(
        name, f"Does {name} help?", verdicts, outcomes=table(list(arms), lost), regret=lacks, paths=paths,
        record=record, notes=["A remark."], plan="Written first.",
        headline=Say("Leaving beats staying in {share:.0%} of samples", share=0.74),
    )  # fmt: skip


def hypotheses(n: int = 48) -> dict[str, Hypothesis]:
    names = [f"H{i:02d}" for i in range(1, n + 1)]
    texts = {"en": "It helps.", "zh": "有帮助。"}
    return {name: Hypothesis(name, ("C01",), texts, texts, texts) for name in names}


def recommended(name: str, *predictions: str) -> Recommendation:
    texts = {"en": "Let support rise with the RnD intensity of a firm", "zh": "加计扣除实行累进制"}
    return Recommendation(name, "3.1.1", texts, ("P01",), predictions)


BASE = BaseRun(
    "x", 100, 1, [2009.0, 2015.0, 2020.0, 2034.0], {n: [[1.0, 2, 3, 4], [0.5, 1, 2, 2], [2, 3, 5, 9]] for n in NAMES}
)


@cache
def whole(lang: str = "en") -> str:
    """A report as large as the real one: 22 questions of four predictions, 20 recommendations."""
    found, names = [], list(hypotheses())
    for i in range(22):
        own = names[2 * i : 2 * i + 2]
        verdicts = [verdict(f"{h}{w}", 96 - 4 * i, i, 4 + 3 * i) for h in own for w in ("", " (early)")]
        found.append(finding(RANKING if i == 21 else f"question{i}", verdicts))
    advice = [recommended(str(i), names[i]) for i in range(20)]
    return page(found, hypotheses(), advice, BASE, LIBRARY.translation(lang), phrases=PHRASES, records="report")


class Visible(HTMLParser):
    """Text outside folded and hidden parts, by the id of its section."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[tuple[str, bool, str]] = []
        self.said: dict[str, list[str]] = {}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "input", "br", "line", "polygon", "polyline"):
            hidden = tag in ("style", "script", "title", "option") or "hidden" in dict(attrs)
            self.open.append((tag, hidden, dict(attrs).get("id") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("meta", "input", "br", "line", "polygon", "polyline"):
            assert self.open.pop()[0] == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        folded = any(tag == "details" for tag, _, _ in self.open) and "summary" not in [t for t, _, _ in self.open]
        if not folded and not any(hidden for _, hidden, _ in self.open):
            place = next((name for _, _, name in self.open if name), "")
            self.said.setdefault(place, []).extend(data.split())


# -- the page -----------------------------------------------------------------------------------------------------
def test_one_file_that_asks_for_nothing() -> None:
    text = whole()
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)
    assert script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text
    links = re.findall(r'href="([^"]+)"', text.partition("<script>")[0])
    ids = set(re.findall(r'id="([^"]+)"', text))
    assert {link for link in links if link[0] != "#"} == {
        f"report/{n}.json" for n in [RANKING, *(f"question{i}" for i in range(21))]
    }
    assert {link[1:] for link in links if link[0] == "#"} <= ids


def test_it_is_short() -> None:
    said = Visible(whole()).said
    assert 200 < len(said["do"]) < 500
    assert sum(map(len, said.values())) < 8000


def test_what_is_not_ours_to_mark_up_is_escaped() -> None:
    one = finding("question", [verdict("H01", 50, 20, 30, arm=HOSTILE)], arms=(HOSTILE, "b"))
    one.plan = one.question = one.headline = one.status = HOSTILE
    one.notes = [HOSTILE]
    one.record["sdmodel"] = HOSTILE
    told = dict.fromkeys(("en", "zh"), HOSTILE)
    known = {"H01": Hypothesis("H01", (HOSTILE,), told, told, told, told)}
    advice = [Recommendation("1", "3.1.1", told, (), ("H01",))]
    text = page([one], known, advice, BASE, phrases=Phrases({"trust": {"high": HOSTILE}}))
    assert "<img" not in text
    assert text.count("</script>") == 1
    assert "&lt;img" in text
    Visible(text)


def test_every_hypothesis_and_every_share_stands_on_the_page() -> None:
    text = page([finding("one", [verdict("H01", 74, 15, 11)])], hypotheses(), phrases=PHRASES)
    assert all(f"{name} (C01)" in text for name in hypotheses())
    for share in ("74%", "15%", "11%"):
        assert f"<b>{share}</b>" in text
    assert "where firms trust each other" in text


def test_a_verdict_on_an_unknown_hypothesis_is_refused() -> None:
    one = finding("one", [verdict("H99", 1, 1, 1)])
    with pytest.raises(UnknownNameError, match="no hypothesis 'H99'"):
        page([one], hypotheses())
    with pytest.raises(UnknownNameError, match="no hypothesis 'H99'"):
        page([], hypotheses(), [recommended("1", "H99")])


def test_a_page_of_no_finding_says_what_is_not_asked() -> None:
    text = page([], hypotheses(), [recommended("1", "H01")])
    assert "not asked" in text
    Visible(text)


def test_in_chinese_units_and_conditions_are_chinese() -> None:
    chinese = LIBRARY.translation("zh")
    phrases = Phrases({"trust": {"high": "where", "zh_high": "企业互信时"}})
    text = page([finding("one", [verdict("H01", 50, 20, 30)])], hypotheses(), [recommended("1", "H01")], BASE, chinese,
                phrases=phrases)  # fmt: skip
    assert '<html lang="zh-CN">' in text
    assert "3亿元" in text
    assert "企业互信时" in text
    assert "加计扣除实行累进制" in text
    assert "CNY" not in " ".join(Visible(text).said["do"])
    assert "加计扣除实行累进制" not in chinese.missing


def test_the_glossary_stands_at_the_end_with_the_word_of_the_paper() -> None:
    term = Term({"en": "push <here>", "zh": "助推"}, {"en": "Money for a switch.", "zh": "转轨资金。"}, ())
    text = page([], hypotheses(), glossary=[term])
    assert 'push &lt;here&gt; <span lang="zh">助推</span></dt><dd>Money for a switch.' in text
    chinese = LIBRARY.translation("zh")
    assert "<dt>助推</dt><dd>转轨资金。" in page([], hypotheses(), translation=chinese, glossary=[term])
    assert "<dl>" not in page([], hypotheses())


# -- advice -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("counts", "answer"),
    [((96, 4, 0), DO), ((80, 10, 10), DO), ((10, 80, 10), SAME), ((0, 4, 96), NOT), ((10, 10, 80), NOT),
     ((50, 20, 30), OPEN), ((60, 40, 0), OPEN), ((0, 0, 0), OPEN)],
)  # fmt: skip
def test_the_verdict_is_the_advice(counts: tuple[int, int, int], answer: str) -> None:
    found = by_prediction([finding("one", [verdict("H01", *counts)])])
    assert advise(recommended("1", "H01"), found).answer == answer


def test_advice_is_open_where_a_real_outcome_is_lost_or_predictions_disagree() -> None:
    one = recommended("1", "H01", "H02")
    lost = advise(one, by_prediction([finding("one", [verdict("H01", 99, 1, 0)], lost="service coverage")]))
    assert lost.answer == OPEN
    assert [name for name, _ in lost.lost] == ["service coverage"]
    index = advise(one, by_prediction([finding("one", [verdict("H01", 99, 1, 0)], lost="self organisation index")]))
    assert index.answer == DO
    both = [verdict("H01", 99, 1, 0), verdict("H02", 0, 0, 100)]
    assert advise(one, by_prediction([finding("one", both)])).answer == OPEN
    assert "its predictions disagree" in page([finding("one", both)], hypotheses(), [one])
    built = [verdict("H01", 99, 1, 0, label="built in"), verdict("H02", 0, 0, 100)]
    assert advise(one, by_prediction([finding("one", built)])).answer == NOT
    assert advise(one, by_prediction([finding("one", built[:1])])).answer == OPEN
    assert advise(one, {}).answer == OPEN


def test_no_outcome_of_no_arms() -> None:
    assert compared(Finding("one", "Does it?", []), "a", "b") == {}


# -- pieces -------------------------------------------------------------------------------------------------------
@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9))
def test_ticks_are_round_and_span_the_values(a: float, b: float) -> None:
    ticks = words._ticks(min(a, b), max(a, b))
    near = 1e-8 * max(abs(a), abs(b), 1)
    assert 2 <= len(ticks) <= 7
    assert ticks[0] <= min(a, b, 0) + near
    assert ticks[-1] >= max(a, b, 0) - near
    if ticks[-1] - ticks[0] > 1:
        assert len({number(tick) for tick in ticks}) == len(ticks)


def test_money_that_is_saved_is_no_negative_cost() -> None:
    plain = words.Words(LIBRARY.translation("en"), PHRASES)
    assert [front.price(money, plain) for money in (-1.9, 320)] == [
        "saves 1.9&nbsp;million&nbsp;CNY",
        "cost 320&nbsp;million&nbsp;CNY",
    ]


def test_words_of_verdicts_have_a_kind() -> None:
    assert set(words.KINDS) < set(WORDS)
    assert words.kind("depends") == "open"


def test_the_sign_is_that_of_the_outcome() -> None:
    less = dataclasses.replace(verdict("H01", 9, 1, 0), expects="less")
    assert words.natural(less) == (-1.5, -3.0, 0.5)


# -- asking -------------------------------------------------------------------------------------------------------
class Asked:
    """A stand-in for an experiment that counts how often it is asked."""

    samples, digest = 100, "y"

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def ask(self, samples: int | None = None, seed: int = 1, **more: Any) -> Finding:
        self.log.append(self.name)
        if self.name == "broken":
            raise KeyboardInterrupt
        one = finding(self.name, [verdict("H01", 9, 1, 0)])
        one.record |= {"samples": samples or self.samples, "seed": seed, "composition": "x"}
        return one


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> tuple[Any, list[str]]:
    class Model:
        fingerprint = "x"

    log: list[str] = []
    monkeypatch.setattr(asking.sdmodel, "load", lambda name: Model)
    monkeypatch.setattr(Finding, "drawn", lambda self: {})
    return {name: Asked(name, log) for name in ("one", "two", "broken", "three")}, log


def test_what_is_kept_is_not_asked_again(library: tuple[Any, list[str]], tmp_path: Path) -> None:
    known, log = library
    with pytest.raises(KeyboardInterrupt):
        list(asking.ask_all(known, ["one", "two", "broken", "three"], folder=tmp_path, workers=1))
    assert log == ["one", "two", "broken"]
    log.clear()
    steps = list(asking.ask_all(known, ["one", "two", "three", "one"], folder=tmp_path))
    assert log == ["three"]  # what was found is kept
    assert [(s.number, s.of, s.kept) for s in steps] == [(1, 3, True), (2, 3, True), (3, 3, False)]
    for more in ({"samples": 50}, {"seed": 2}):
        log.clear()
        list(asking.ask_all(known, ["one"], folder=tmp_path, **more))
        assert log == ["one"]
    known["one"].digest = "changed"
    list(asking.ask_all(known, ["one"], folder=tmp_path, seed=2))
    assert log == ["one", "one"]


def test_two_are_asked_at_once_and_told_in_order(library: tuple[Any, list[str]]) -> None:
    known, log = library
    beside = threading.Event()

    class Slow(Asked):
        def ask(self, samples: int | None = None, seed: int = 1, **more: Any) -> Finding:
            assert beside.wait(10)
            return super().ask(samples, seed, **more)

    class Last(Asked):
        def ask(self, samples: int | None = None, seed: int = 1, **more: Any) -> Finding:
            try:
                return super().ask(samples, seed, **more)
            finally:
                beside.set()

    known |= {"slow": Slow("slow", log), "last": Last("last", log)}
    steps = list(asking.ask_all(known, ["slow", "one", "two", "last"], workers=2))
    assert log == ["one", "two", "last", "slow"]
    assert [step.finding.name for step in steps] == ["slow", "one", "two", "last"]
    assert steps[-1].left == 0
    log.clear()
    assert len(list(asking.ask_all(known, ["last", "one", "two"], workers=1))) == 3
    assert log == ["last", "one", "two"]


def test_the_longest_is_asked_first_and_its_error_ends_the_others(library: tuple[Any, list[str]]) -> None:
    known, log = library
    known["two"].arms = {"a": {}, "b": {}}
    known["three"].arms = {"a": {}}
    known["three"].equal = [Equal("a", "size", {"b": {}})]
    steps = list(asking.ask_all(known, ["one", "two", "three"], workers=1))
    assert log == ["three", "two", "one"]
    assert [step.finding.name for step in steps] == ["one", "two", "three"]
    known["broken"].arms = {"a": {}}
    with pytest.raises(KeyboardInterrupt):
        list(asking.ask_all(known, ["one", "broken"], workers=1))
    assert log == ["three", "two", "one", "broken"]


def test_a_file_that_was_cut_off_is_asked_again(library: tuple[Any, list[str]], tmp_path: Path) -> None:
    known, _ = library
    (tmp_path / "one.json").write_text('{"format": 2, "name"', encoding="utf-8")
    assert [step.kept for step in asking.ask_all(known, ["one"], folder=tmp_path)] == [False]
    assert json.loads((tmp_path / "one.json").read_text("utf-8"))["name"] == "one"


def test_arms_of_constants_are_linked_to_the_explorer() -> None:
    links = asking.explorer_links(LIBRARY, ["procurement", "talent_support"], "explorer.html", "zh")
    assert links == {
        "procurement": {"procurement": "explorer.html#p.procurement+budget=100.0&l=zh"},
        "talent_support": {},
    }
    text = page([finding("procurement", [])], hypotheses(), explorer=links)
    assert 'href="explorer.html#p.procurement+budget=100.0&amp;l=zh"' in text


@pytest.mark.parametrize(
    ("number", "left", "told"),
    [(7, 120, "7 of 22, 2 min left"), (7, 45, "7 of 22, 45 s left"), (7, float("nan"), "7 of 22"), (22, 0, "22 of 22")],
)
def test_progress_is_told_in_plain_words(number: int, left: float, told: str) -> None:
    assert asking.Step(finding("one", []), number, 22, False, left).progress == told


def test_the_base_run_is_kept(model_from: Callable[..., sdmodel.Model], tmp_path: Path) -> None:
    model = model_from(
        "knowledge = INTEG(rate, 0) ~ million CNY ~ |\nrate = 1 ~ million CNY/Year [1,3] ~ R. [uncertainty] [@guess] |"
    )
    made = base_run.base_run(40, 1, folder=tmp_path, model=model)
    draws = sdmodel.latin_hypercube(model.uncertainties, 40, rng=1)["rate"]
    length = made.time[-1] - made.time[0]
    assert made.paths["knowledge"][0][-1] == pytest.approx(length * draws.median(), rel=1e-6)
    assert base_run.base_run(40, 1, folder=tmp_path, model=model) == made
    assert base_run.base_run(41, 1, folder=tmp_path, model=model).samples == 41
    (tmp_path / base_run.FILE).write_text("[]", encoding="utf-8")
    assert base_run.base_run(40, 1, folder=tmp_path, model=model) == made


# -- in a browser -------------------------------------------------------------------------------------------------
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; the page is tested in it")
OVERLAPS = """[...document.querySelectorAll("svg")].flatMap((svg) => {
  const boxes = [...svg.querySelectorAll("text")].map((t) => [t.textContent, t.getBoundingClientRect()]);
  const frame = svg.getBoundingClientRect();
  return boxes.flatMap(([name, a], i) => [
    ...(a.left < frame.left - 1 || a.right > frame.right + 1 ? [name + " leaves the chart"] : []),
    ...boxes.slice(i + 1).filter(([, b]) => a.left < b.right && b.left < a.right)
      .filter(([, b]) => a.top < b.bottom && b.top < a.bottom).map(([other]) => name + " over " + other)]);
})"""
CLIPPED = """[...document.querySelectorAll(".bar i")].filter((e) => e.textContent && e.scrollWidth > e.clientWidth + 1)
  .map((e) => e.textContent)"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("profile"))
    yield found
    found.close()


@needs_browser
@pytest.mark.long
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_nothing_overlaps_or_is_wider_than_the_window(browser: Browser, tmp_path: Path, width: int, lang: str) -> None:
    browser.size(width, 844)
    path = tmp_path / "report.html"
    path.write_text(whole(lang), encoding="utf-8")
    browser.open(path)
    browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    assert browser.evaluate(OVERLAPS) == []
    assert browser.evaluate(CLIPPED) == []
    assert not browser.problems


@needs_browser
@pytest.mark.long
def test_search_filters_and_ranking(browser: Browser, tmp_path: Path) -> None:
    browser.size(1280, 900)
    path = tmp_path / "report.html"
    path.write_text(whole(), encoding="utf-8")
    browser.open(path)
    shown = "[...document.querySelectorAll('article')].filter((e) => !e.hidden).length"

    def choose(name: str, value: str) -> None:
        code = f"(e => {{ e.value = {json.dumps(value)}; e.dispatchEvent(new Event('input')); }})"
        browser.evaluate(f"{code}(document.getElementById('{name}'))")

    assert browser.evaluate(shown) == 22
    choose("search", "question7 ")
    assert browser.evaluate(shown) == 1
    assert browser.evaluate("document.getElementById('count').textContent") == "1 / 22"
    choose("search", "")
    choose("verdict", "holds")
    assert 0 < browser.evaluate(shown) < 22
    choose("verdict", "")
    choose("level", "3.1")
    assert browser.evaluate(shown) == 10  # those that a recommendation of section 3.1 rests on
    choose("rank", "rank-2")
    assert browser.evaluate(
        "[...document.querySelectorAll('div.ranked')].filter((e) => !e.hidden).map((e) => e.id)"
    ) == ["rank-2"]
    first = browser.evaluate("document.querySelector('#rank-2 .what').textContent")
    assert first == "b"  # the larger effect
    assert not browser.problems
