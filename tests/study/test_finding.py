"""What experiments leave: intervals, verdict words, where a prediction fails, files."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.errors import DesignError, ReadError, UnknownNameError
from sdmodel.study import finding as findings
from sdmodel.study.conditions import Condition, conditions, exception
from sdmodel.study.finding import Finding, status
from sdmodel.study.phrases import phrases_of
from sdmodel.study.question import Prediction, verdict_of
from sdmodel.study.translation import Say, Translation
from sdmodel.study.verdict import Verdict, quantiles, wilson


def verdict(favour: int, neither: int, opposite: int, label: str = "conditional") -> Verdict:
    counts = (favour, neither, opposite)
    return Verdict("H1", "that it works", "b", "a", "own", *counts, (1.0, 0.5, 2.0), "%", 1.0, label, "it is assumed")


# -- shares -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # Newcombe (1998), Statistics in Medicine 17, 857-872, table I, method 3 (score, no continuity correction).
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_against_published_intervals(k: int, n: int, low: float, high: float) -> None:
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_stays_in_range() -> None:
    for k in range(21):
        low, high = wilson(k, 20)
        assert 0 <= low <= k / 20 <= high <= 1
        assert wilson(20 - k, 20) == pytest.approx((1 - high, 1 - low))
    assert all(map(math.isnan, wilson(0, 0)))


def test_a_verdict_is_one_sentence() -> None:
    assert verdict(74, 10, 16).sentence == (
        "H1: that it works: depends. Right in 74% of 100 samples, no difference that counts in 10%, the opposite in "
        "16%; effect +1% (5 to 95 %: +0.5 to +2)."
    )


# -- what decides -----------------------------------------------------------------------------------------------
def drawn(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    columns = {name: rng.random(n) for name in "abcdefgh"}
    return pd.DataFrame({**columns, "way": rng.integers(0, 3, n), "law": rng.integers(0, 2, n), "sample": np.arange(n)})


def test_the_half_in_which_a_prediction_is_right_is_named() -> None:
    samples = drawn(1000)
    side = np.where(samples["b"] < samples["b"].median(), 1.0, -1.0)
    side[:100] = 0.0
    first, *rest = conditions(side, samples)
    assert (first.name, first.side) == ("b", "low")
    low = samples["b"].to_numpy() <= samples["b"].median()
    for shares, part in ((first.inside, side[low]), (first.outside, side[~low])):
        assert shares == pytest.approx([(part == s).mean() for s in (1, 0, -1)])
    assert rest == []  # nothing else parts them


def test_a_switch_is_named_by_its_value() -> None:
    samples = drawn(1000)
    side = np.where(samples["way"] == 1, 1.0, -1.0)
    assert [(c.name, c.side) for c in conditions(side, samples)] == [("way", "1")]
    side = np.where(samples["law"] == 0, 1.0, -1.0)
    assert [(c.name, c.side) for c in conditions(side, samples)] == [("law", "0")]


def test_nothing_decides_what_is_the_same_everywhere() -> None:
    samples = drawn(200)
    assert conditions(np.ones(200), samples) == ()
    assert conditions(np.array([1.0, -1.0] * 15), samples.iloc[:30]) == ()  # too few on each side
    noise = np.random.default_rng(5).choice([1.0, -1.0], 2000)
    assert conditions(noise, drawn(2000)) == ()


def test_what_decides_is_told_in_the_words_of_the_table() -> None:
    phrases = phrases_of(
        "[b]\nlow = 'where firms trust each other'\nzh_low = '企业互信时'\n['law']\n'0' = 'as in 2014'"
    )
    condition = Condition("b", "low", (0.87, 0.1, 0.03), (0.03, 0.5, 0.47))
    found = dataclasses.replace(verdict(50, 30, 20), deciding=(condition,))
    said = "depends: right in 87% of samples where firms trust each other, in 3% elsewhere"
    assert found.told(phrases) == said
    assert "企业互信时" in found.told(phrases, "zh")
    assert phrases.missing == set()
    assert phrases("law", "0") == "as in 2014"
    assert phrases("law", "1") == "where law is 1"
    assert phrases("law", "1", "zh") == "where law is 1"
    assert phrases.missing == {("law", "1", "en"), ("law", "1", "zh")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[b", "not valid TOML"),
        ("b = 1", "must be a table of clauses"),
        ("[b]\nhigh = ' '", "'high' of 'b' must be a clause"),
        ("[b]\nhihg = 'x'", r"no key of 'b' in phrases.toml 'hihg'\. Nearest: high"),
    ],
)
def test_a_faulty_table_of_phrases_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises((DesignError, UnknownNameError), match=message):
        phrases_of(text)


# -- where it goes the other way --------------------------------------------------------------------------------
@pytest.mark.parametrize(("few", "found"), [(20, True), (19, False)])
def test_a_region_needs_twenty_samples(few: int, found: bool) -> None:
    samples = drawn(100)
    side = np.where(samples["a"].rank() > few, 1.0, -1.0)
    assert (exception(side, samples) is not None) == found


def test_a_region_of_the_opposite_is_found() -> None:
    samples = drawn(2000)
    wrong = ((samples["b"] < 0.3) & (samples["way"] >= 1)).to_numpy()
    found = exception(np.where(wrong, -1.0, 1.0), samples)
    assert found is not None
    assert found.of == "against"
    limits = {name: (low, high) for name, low, high in found.limits}
    sides = dict(zip([name for name, _, _ in found.limits], found.sides, strict=True))
    assert limits["way"] == (0.5, math.inf)
    assert sides["way"] == ("1", "2")
    assert sides["b"] == ("low",)
    low, high = limits["b"]
    assert low == -math.inf
    assert 0.29 < high < 0.3 / 0.8 + 0.02  # a region may be wider as long as 0.8 of it is of these
    assert found.density > 0.8
    assert found.coverage > 0.8
    assert found.overall == pytest.approx(0.2, abs=0.03)
    other = exception(np.where(wrong, 1.0, -1.0), samples)
    assert other is not None
    assert other.of == "for"


def test_no_region_is_read_into_noise() -> None:
    samples = drawn(400)
    for seed in range(10, 15):
        assert exception(np.random.default_rng(seed).choice([1.0, -1.0], 400), samples) is None
    assert exception(np.ones(400), samples) is None
    assert exception(-np.ones(400), samples) is None


def test_two_arms_are_compared_in_either_order() -> None:
    columns = ["arm", "against", "outcome", "favour", "neither", "opposite", "median", "low", "high", "unit"]
    rows = [
        ["b", "a", "own RnD", 7, 2, 1, 25.0, -20.0, 100.0, "%"],
        ["b", "a", "public money", 1, 0, 9, 3.0, 1.0, 5.0, "m"],
    ]
    table = pd.DataFrame(rows, columns=columns).assign(per_yuan=1.0, per_yuan_low=0.5, per_yuan_high=2.0)
    found = Finding("one", "Does it work?", [], outcomes=table)
    assert found.compare("b", "a").equals(table)
    first, second = found.compare("a", "b").to_dict("records")
    assert [first[k] for k in columns] == [
        "a",
        "b",
        "own RnD",
        1,
        2,
        7,
        pytest.approx(-20),
        -50,
        pytest.approx(25),
        "%",
    ]
    assert [second[k] for k in columns] == ["a", "b", "public money", 9, 0, 1, -3.0, -5.0, -1.0, "m"]
    assert math.isnan(first["per_yuan"])
    with pytest.raises(UnknownNameError, match="'c'"):
        found.compare("a", "c")


def test_judging_leaves_out_what_cannot_be_compared() -> None:
    samples = drawn(100)
    effect = samples["a"].to_numpy() - 0.5
    effect[:10] = np.nan
    p = Prediction("H1", "that it works", "%", 0.1, "emergent", "nothing is assumed")
    found = verdict_of(p, effect, samples)
    assert found.counts == ((effect > 0.1).sum(), (abs(effect) <= 0.1).sum(), (effect < -0.1).sum())
    assert found.samples == 90
    assert found.effect == quantiles(effect)
    assert (found.deciding[0].name, found.deciding[0].side) == ("a", "high")
    assert found.region is not None
    assert [name for name, _, _ in found.region.limits] == ["a"]
    said = found.reasons(phrases_of(""))
    assert said[0] == "This is emergent, since nothing is assumed."
    assert said[1].startswith("Right in ")
    assert "where a is high" in said[1]


def test_spread_is_median_and_ninety_percent() -> None:
    assert quantiles(np.array([*range(101), np.nan, np.inf])) == (50, 5, 95)
    assert all(map(math.isnan, quantiles(np.array([np.nan]))))


def test_a_whole_model_makes_no_provisional_finding() -> None:
    model = sdmodel.load("shandong")
    assert status(model) == ""
    fewer = dataclasses.replace(model, sectors=model.sectors[:2])
    assert status(fewer).startswith("The model has 2 of 8 sectors (RnD investment, financing)")


# -- files ------------------------------------------------------------------------------------------------------
def small(**more: Any) -> Finding:
    finding = Finding("small", "Does it?", [verdict(90, 10, 0)], headline=Say("It is {x:.0f}", x=np.float64(3)))
    finding.record = {"seed": 3, "rtol": np.float64(1e-6)}
    return dataclasses.replace(finding, **more)


def test_a_finding_leaves_table_record_and_sentences(tmp_path: Path) -> None:
    table = pd.DataFrame({"setting": ["a, b", "c"], "value": [0.1, float("nan")]})
    finding = small(table=table, status="not all there", notes=["one note", Say("{n} {m}", n=math.nan, m=math.inf)])
    assert finding.sentence == "Provisional: It is 3."
    files = finding.save(tmp_path / "new" / "folder")
    assert [f.name for f in files] == ["small.png", "small.csv", "small.txt", "small.json"]
    pd.testing.assert_frame_equal(pd.read_csv(files[1]), table)
    text = files[2].read_text(encoding="utf-8")
    assert text.startswith("Provisional: It is 3.\n")  # headline first
    assert "one note" in text
    loaded = Finding.load(files[3])
    assert loaded.record == {"seed": 3, "rtol": 1e-6}
    assert (loaded.status, loaded.notes) == (finding.status, finding.notes)
    chinese = Translation("zh", {"It is {x:.0f}": "是{x:.0f}"})
    assert chinese(loaded.headline) == "是3"  # sentences keep their templates
    assert "NaN" not in files[3].read_text(encoding="utf-8")  # JSON that any reader takes


def test_a_verdict_comes_back_as_it_was(tmp_path: Path) -> None:
    samples = drawn(2000)
    effect = np.where((samples["b"] < 0.3) & (samples["way"] >= 1), -1.0, 1.0)
    p = Prediction(
        "H1", "that it works", "%", 0.1, "emergent", "nothing is assumed", "b", "a", "own", "percent", "less"
    )
    whole = verdict_of(p, effect, samples, loops=(("R1", math.nan),), elsewhere=(("half as wide", 1, 2, 3),))
    assert whole.region is not None
    path = Finding("small", "Does it?", [whole], headline="It is").save(tmp_path)[-1]
    back = Finding.load(path).verdicts[0]
    assert math.isnan(back.loops[0][1])
    assert dataclasses.replace(back, loops=()) == dataclasses.replace(whole, loops=())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not a saved finding"),
        ("[]", "is not a saved finding"),
        ('{"finding": "of an older version"}', "has the format None; this version reads 2"),
        ('{"format": 2, "name": "x"}', "is not a saved finding: 'question'"),
    ],
)
def test_another_file_is_no_finding(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=message):
        Finding.load(path)


def test_a_save_that_is_cut_off_leaves_no_half_of_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = small()
    path = first.save(tmp_path)[-1]
    before = path.read_bytes()

    def cut_off(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", cut_off)
    with pytest.raises(KeyboardInterrupt):
        small(notes=["more"]).save(tmp_path)
    assert path.read_bytes() == before


# -- by hand --------------------------------------------------------------------------------------------------------
def test_values_are_saved_as_json_has_them_and_read_again() -> None:
    given = {1: (True, None, 2, 2.5, math.nan, math.inf, -math.inf, "x", np.float64(1.5), np.int64(3), Path("p"))}
    assert findings._saved(given) == {"1": [True, None, 2, 2.5, None, "inf", "-inf", "x", 1.5, 3, "p"]}
    said = Say("{a} {b}", a=Say("{n}", n=math.inf), b=math.nan)
    saved = findings._saved(said)
    assert saved == {"template": "{a} {b}", "values": {"a": {"template": "{n}", "values": {"n": "inf"}}, "b": None}}
    again = findings._text(saved)
    assert (again, again.template) == ("inf nan", "{a} {b}")
    assert again.values["a"].values == {"n": math.inf}
    assert findings._text(7) == "7"
    assert [findings._value(x) for x in ("-inf", "info", 2)] == [-math.inf, "info", 2]
    table = findings._frame({"a": [1.0, None], "b": ["x", "y"]})
    assert table["b"].tolist() == ["x", "y"]
    assert np.isnan(table["a"].tolist()[1])


def test_a_finding_is_shown_in_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Finding, "drawn", lambda self: {})
    outcomes = pd.DataFrame({"arm": ["b"] * 1234})
    whole = small(question="Does it <work>?", status="thin", notes=["n"], outcomes=outcomes)
    text = whole._repr_html_()
    for told in (
        "<b>It is 3</b>",
        "Does it &lt;work&gt;?",
        "Provisional: thin",
        "Outcomes (1,234 rows)",
        "H1",
        "90%",
        "10%",
    ):
        assert told in text
    assert "Provisional" not in small()._repr_html_()
    assert repr(whole) == "<Finding 'small': Provisional: It is 3.>"
    with pytest.raises(UnknownNameError, match="no verdict 'H9'"):
        whole.verdict("H9")
    assert whole.verdict("H1").favour == 90


def test_fewer_sectors_than_eight_make_it_provisional() -> None:
    model = sdmodel.load("shandong")
    for number in (7, 8, 9):
        told = status(dataclasses.replace(model, sectors=("rd_investment", *"abcdefgh")[:number]))
        assert told.startswith("The model has 7 of 8 sectors (RnD investment, a, b, c, d, e, f)") == (number == 7)
        assert (told == "") == (number > 7)
