"""Pieces of a question: which arms are judged, what an arm was set to, sentences, refusals of files, stages."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study import plain, stages
from sdmodel.study.arms import MONEY, Arms
from sdmodel.study.conditions import Condition
from sdmodel.study.finding import Finding, current, stale
from sdmodel.study.outcomes import measure
from sdmodel.study.paired import Paired
from sdmodel.study.phrases import Phrases, phrases_of
from sdmodel.study.question import Equal, Prediction, Question
from sdmodel.study.question_file import question_of
from sdmodel.study.results import ArmResults, joined, unscaled
from sdmodel.study.shared import Shared
from sdmodel.study.stages import Condition as Threshold
from sdmodel.study.translation import Say, Translation, hypothesis_in
from sdmodel.study.verdict import Verdict

NAN = math.nan
KEPT = 5  # sets of samples: of a finding, of three ranges, and one more
Make = Callable[..., sdmodel.Model]


# -- results --------------------------------------------------------------------------------------------------------
def runs(arm: str, *values: float) -> xr.Dataset:
    data = {name: (("setting", "sample", "time"), np.array([[[0.0, v] for v in values]])) for name in ("x", MONEY)}
    return xr.Dataset({**data, "status": (("setting", "sample"), np.zeros((1, len(values))))},
                      {"setting": [arm], "time": [2015.0, 2034.0]})  # fmt: skip


def results() -> ArmResults:
    """One arm run as it is, one whose lever was solved, and one that scales two constants together."""
    able = np.array([True, False, True])
    mix = {"a": (1.0, 2.0), "b": (0.0, -1.0)}
    return ArmResults(
        Paired("none"),
        {"none": runs("none", 1, 2, 3).sel(setting="none")},
        {"b": ({"k": 7.0}, "b", np.array([4.0, 5, 6]), able, runs("b", 4, 5, 6)),
         "mix": ({}, mix, np.array([0.5, 1, 2]), np.ones(3, bool), runs("mix", 7, 8, 9))},
    )  # fmt: skip


def test_an_arm_is_set_as_it_was_solved_in_its_first_samples() -> None:
    of, arms = results(), {"none": {"k": 3.0, "each": np.array([1.0, 2, 3])}}
    told = {arm: of.setting("toy", arms, arm, 2) for arm in ("none", "b", "mix")}
    assert {k: np.asarray(v).tolist() for k, v in told["none"].items()} == {"k": 3.0, "each": [1, 2]}
    assert {k: np.asarray(v).tolist() for k, v in told["b"].items()} == {"k": 7.0, "b": [4, 5]}
    assert {k: np.asarray(v).tolist() for k, v in told["mix"].items()} == {"a": [2, 3], "b": [-0.5, -1]}
    assert of.able("b", 2).tolist() == [True, False]
    assert of.able("none", 2).tolist() == [True, True]
    assert of.runs("b")["x"].isel(time=-1).to_numpy().tolist() == [4, 5, 6]
    assert of.runs("none")["x"].isel(time=-1).to_numpy().tolist() == [1, 2, 3]
    assert of.unequal_money() == ["b: the money cannot be made equal in 1 of 3 samples."]
    of.add(runs("c", 1, 1, 9), {"x": measure("final('x')")}, pd.DataFrame(index=range(3)))
    assert of.paired["x", "c"].tolist() == [1, 1, 9]
    assert of.runs("c")["x"].isel(time=-1).to_numpy().tolist() == [1, 1, 9]
    with pytest.raises(DesignError, match="'d' is not an arm of 'toy'; its arms are c"):
        of.setting("toy", arms, "d", 2)


def test_mixes_are_joined_and_what_an_arm_lacks_keeps_its_value() -> None:
    found = joined([{"a": (1, 2)}, {"b": (3, 4)}], {"a": 5.0, "b": 6.0, "c": 7.0})
    assert {name: [p.tolist() for p in parts] for name, parts in found.items()} == {
        "a": [[[1], [5]], [[2], [0]]], "b": [[[6], [3]], [[0], [4]]],
    }  # fmt: skip
    setting = {"a": 1, "b": 2, "ab": 3}
    assert unscaled(setting, "ab") == {"a": 1, "b": 2}
    assert unscaled(setting, {"a": (0, 1), "ab": (0, 1)}) == {"b": 2}


def test_measures_are_replaced_and_copies_are_apart() -> None:
    paired, draws = Paired("none"), pd.DataFrame(index=range(2))
    for values in ((1, 2), (3, 4)):
        paired.add(runs("none", *values), {"x": measure("final('x')")}, draws)
    paired.add(runs("b", 8, 9), {"x": measure("final('x')")}, draws, np.array([[True, False]]))
    assert paired.arms == ["none", "b"]
    assert paired.measures == ["x", "public money"]
    few = paired.first(1)
    few.add(runs("c", 5), {"x": measure("final('x')")}, draws)
    assert (few.arms, paired.arms) == (["none", "b", "c"], ["none", "b"])
    assert few["x", "none"].tolist() == [3]
    table = paired.frame()
    assert table.columns.tolist() == ["arm", "sample", "x", "public money"]
    assert table["sample"].tolist() == [0, 1, 0, 1]
    np.testing.assert_array_equal(table["x"], [3, 4, 8, NAN])
    with pytest.raises(UnknownNameError, match="no measure 'y'"):
        paired["y", "none"]
    with pytest.raises(UnknownNameError, match="no arm 'd'"):
        paired["x", "d"]


# -- questions ------------------------------------------------------------------------------------------------------
def prediction(arm: str = "b", against: str = "a", **more: Any) -> Prediction:
    return Prediction("H01", "that", "million CNY", 1.0, "emergent", "x", arm, against, "stock", "difference", **more)


def question(**more: Any) -> Question:
    arms = {"none": {}, "a": {"x": 1.0}, "idle": {"x": 2.0}}
    equal = [Equal("a", "b", {"b": {}, "c": {}}), Equal("idle", "b", {"d": {}}), Equal("a", "b", {"e": {}})]
    given = {"arms": arms, "equal": equal, "predictions": [prediction()], "measures": {}, "headline": lambda *_: ""}
    return Question(**{"name": "toy", "asks": "?", **given, **more})


def test_only_arms_that_are_compared_are_judged_elsewhere() -> None:
    judged = question()._judged()
    assert list(judged.arms) == ["none", "a"]
    assert [(e.like, list(e.arms)) for e in judged.equal] == [("a", ["b"])]
    other = question(predictions=[prediction("d", "none")])._judged()
    assert list(other.arms) == ["none", "idle"]  # whose money is spent
    whole = question(predictions=[prediction(), prediction(formula=lambda p: p["x", "d"])])
    assert whole._judged() is whole


def test_arms_of_equal_money_are_those_of_the_first() -> None:
    assert question()._equal_arms() == ["a", "b", "c", "e"]
    assert question(equal=[])._equal_arms() == ["none", "a", "idle"]
    assert question(equal=[Equal("", "b", {"b": {}}, budget=1.0)])._equal_arms() == ["b"]
    assert question(arms={"none": {}, "a": {}}).shares_reference
    assert not question(arms={"none": {"x": 1.0}}).shares_reference
    assert not question(overlays={"x.mdl": ""}).shares_reference


@pytest.mark.parametrize(
    ("unit", "by", "expects", "value"),
    [("percentage points", "difference", "more", 200), ("percentage points", "difference", "less", -200),
     ("firms", "difference", "more", 2), ("percentage points", "percent", "more", 200), ("%", "percent", "less", -200)],
)  # fmt: skip
def test_shares_are_compared_in_points(unit: str, by: str, expects: str, value: float) -> None:
    paired = Paired("none")
    paired._numbers = {("x", "a"): np.array([1.0]), ("x", "b"): np.array([3.0])}
    p = Prediction("H01", "that", unit, 1.0, "emergent", "x", "b", "a", "x", by, expects)
    assert p.effect(paired) == pytest.approx([value])


TOY = """
present value of public money = INTEG(cost*a, 0) ~ million CNY ~ |
cost = 2 ~ 1/Year [1,3] ~ Cost. [uncertainty] [@guess] |
a = 0 ~ million CNY [0,10] ~ Size of a. [lever P01] |
"""


def test_the_last_five_sets_of_samples_are_kept(model_from: Make) -> None:
    model = model_from(TOY)
    shared = Shared(lambda _: ["cost"][:0])
    counts = []
    for cost in (*range(KEPT + 1), KEPT, 1, 0, 0):
        arms = Arms(model, pd.DataFrame({"cost": [1 + cost / 10]}), ["a"][:0], every=1.0, progress=False)
        found = shared.run(arms, "", "plain")
        assert found["setting"].to_numpy().tolist() == ["plain"]
        counts.append(arms.runs)
    assert counts == [1] * (KEPT + 1) + [0, 0, 1, 0]  # the first made room for the sixth
    other = Arms(model, pd.DataFrame({"cost": [1.0]}), [], every=2.0, progress=False)
    shared.run(other, "", "plain")
    assert other.runs == 1  # another report interval


# -- files of questions -----------------------------------------------------------------------------------------------
FILE: dict[str, Any] = {
    "asks": "?", "plan": "p", "headline": {"text": "x"}, "arms": {"none": {}, "a": {"x": 1.0}},
    "prediction": [{"id": "H01", "says": "that b", "arm": "b", "against": "a", "outcome": "o", "by": "percent",
                    "expects": "less", "unit": "firms", "least": 0.5, "label": "emergent", "reason": "x"}],
    "equal": [{"like": "a", "lever": {"x": [0.0, 2.0]}, "arms": {"b": {}}, "start": 3.0, "low": 1.0, "high": 9.0,
               "size": "x"}],
    "loop": [{"name": "R", "cause": "c", "effect": "e", "held": "none", "arms": ["a"]}],
    "paths": {"variable": "v", "arms": ["a"]},
}  # fmt: skip


def test_a_file_is_read_as_it_is_written() -> None:
    made = question_of("toy", FILE)
    (p,), (equal,), (loop,) = made.predictions, made.equal, made.loops
    assert (p.arm, p.against, p.outcome, p.by, p.expects, p.unit, p.least) == (
        "b",
        "a",
        "o",
        "percent",
        "less",
        "%",
        0.5,
    )
    assert (equal.like, equal.lever, equal.start, equal.low, equal.high, equal.size) == (
        "a", {"x": (0.0, 2.0)}, 3.0, 1.0, 9.0, "x")  # fmt: skip
    assert (loop.name, loop.cause, loop.effect, loop.held, loop.arms) == ("R", "c", "e", "none", ["a"])
    assert made.paths == ("v", ["a"])
    assert (made.samples, made.every, made.reference) == (10_000, 0.5, "none")
    bare = question_of("toy", {k: v for k, v in FILE.items() if k not in ("equal", "loop", "paths")})
    assert (list(bare.equal), list(bare.loops), bare.paths) == ([], [], None)
    mixed = copy.deepcopy(FILE)
    mixed["equal"] = [{"budget": 5.0, "mixes": {"b": {"x": [1.0, 2.0]}, "c": "y"}, "arms": {"b": {"z": 1.0}}}]
    (equal,) = question_of("toy", mixed).equal
    assert equal.arms == {"b": {"z": 1.0}, "c": {}}
    assert equal.mixes == {"b": {"x": (1.0, 2.0)}, "c": "y"}
    assert (equal.like, equal.lever, equal.budget, equal.start, equal.low, equal.high, equal.size) == (
        "", "", 5.0, 1.0, None, None, None)  # fmt: skip


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("equal", {"like": None}, "the arms b need 'like' or 'budget', not both or none"),
        ("equal", {"budget": 1.0}, "need 'like' or 'budget'"),
        ("equal", {"lever": None}, "need 'lever' or 'mixes'"),
        ("equal", {"mixes": {"b": "x"}}, "need 'lever' or 'mixes'"),
        ("equal", {"lever": None, "mixes": {"c": "x"}}, "no arm 'b'.*It has no mix in toy.toml"),
        ("equal", {"most": 1}, "no key of toy.toml 'most'"), ("loop", {"why": 1}, "no key of toy.toml 'why'"),
        ("prediction", {"least": -1}, "above 0; it has -1"), ("prediction", {"label": None}, "lacks the key 'label'"),
        ("paths", {"why": 1}, "no key of toy.toml 'why'"), ("asks", None, "toy.toml lacks the key 'asks'"),
        ("loop", {"held": None}, "toy.toml lacks the key 'held'"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused_by_name(part: str, change: dict[str, Any] | None, message: str) -> None:
    table = copy.deepcopy(FILE)
    row = table[part][0] if isinstance(table[part], list) else table[part]
    if change is None:
        del table[part]
    for key, value in (change or {}).items():
        row[key] = value
        if value is None:
            del row[key]
    with pytest.raises((DesignError, UnknownNameError), match=message):
        question_of("toy", table)


# -- findings in words ------------------------------------------------------------------------------------------------
def verdict(**more: Any) -> Verdict:
    return Verdict("H01", "that it works", "b", "a", "o", 80, 0, 20, (1.0, 0.0, 2.0), "%", 1.0, "emergent", "x", **more)


def found(*rows: tuple[str, int, int, int], **more: Any) -> Finding:
    table = pd.DataFrame([("b", "a", *row) for row in rows],
                         columns=["arm", "against", "outcome", "favour", "neither", "opposite"])  # fmt: skip
    return Finding("toy", "?", **{"verdicts": [verdict()], "outcomes": table, "headline": "It works", **more})


def test_outcomes_are_higher_or_lower_in_three_samples_of_four() -> None:
    rows = [("own RnD", 75, 0, 25), ("all firms", 74, 0, 26), ("knowledge", 25, 0, 75), ("RnD staff", 26, 0, 74),
            ("private capital", 90, 5, 5), ("public money", 100, 0, 0), ("service coverage", 0, 100, 0)]  # fmt: skip
    told = plain.plainly(found(*rows), Phrases({}))
    assert told == [
        "It works.",
        "'b' against 'a', in three samples of four or more: own RnD, private capital higher; knowledge lower in 2034.",
        "No single constant decides that it works.",
    ]
    assert plain.beside(found(rows[2]), verdict()).endswith("or more: knowledge lower in 2034.")
    assert plain.beside(found(*rows[:1]), verdict()).endswith("or more: own RnD higher in 2034.")
    assert plain.beside(found(*rows[5:]), verdict()).endswith(
        "none of 1 outcomes in 2034 differs in three samples of four."
    )


def test_the_first_verdict_of_two_arms_with_samples_is_told() -> None:
    formula = Verdict("H02", "that x", "", "", "", 1, 0, 0, (1, 1, 1), "%", 1.0, "emergent", "x")
    none = Verdict("H03", "that y", "b", "a", "o", 0, 0, 0, (NAN,) * 3, "%", 1.0, "emergent", "x")
    decides = (Condition("t", "low", (0.9, 0, 0.1), (0.2, 0, 0.8)), Condition("u", "low", (0.8, 0, 0.1), (0.1, 0, 0.8)))
    rows = [("own RnD", 75, 0, 25)]
    told = plain.plainly(found(*rows, verdicts=[formula, none, verdict(deciding=decides)]), Phrases({}))
    assert told[2] == "That it works is right in 90% of samples where t is low, in 20% elsewhere."
    assert plain.plainly(found(*rows, verdicts=[formula, none])) == ["It works."]


def test_a_finding_is_of_a_model_a_question_its_samples_and_its_seed(model_from: Make) -> None:
    model = model_from(TOY)
    mine = {"composition": model.fingerprint, "digest": "d", "samples": 5, "seed": 1}
    assert current(mine, model, "d", 5, 1)
    for change in ({"composition": "x"}, {"digest": "e"}, {"samples": 6}, {"seed": 2}):
        assert not current({**mine, **change}, model, "d", 5, 1)
    assert not current({**mine, "digest": ""}, model, "", 5, 1)  # an experiment without a digest is asked again
    assert stale({"composition": model.fingerprint}, model) == stale({"model_hash": model.fingerprint}, model) == ""
    here = model.fingerprint[:12]
    assert stale({"composition": "x" * 20}, model) == (
        f"The finding is of another composition (xxxxxxxxxxxx; this one is {here})."
    )
    assert stale({"model_hash": "y", "composition": ""}, model).startswith(
        "The finding is of another changed model (y;"
    )
    assert "(not named; this" in stale({}, model)


def test_words_of_another_language_and_of_values() -> None:
    chinese = Translation("zh", {"{a} and {b}": "{b}和{a}", "one": "一", "early": "提前", "only": "只"})
    assert chinese(Say("{a} and {b}", a="one", b=Say("{a} and {b}", a=2, b="other"))) == "other和2和一"
    assert chinese.missing == set()
    assert chinese("only") == "只"
    assert "only" in chinese
    assert hypothesis_in("H07 (early)", chinese) == "H07 (提前)"
    assert hypothesis_in("H07", chinese) == "H07"
    phrases = phrases_of("[t]\nhigh = 'where t'\nzh_high = 't时'\nzh_name = '名'\n'-1' = 'where less'\n")
    assert [phrases.name("t", lang) for lang in ("en", "zh", "fr")] == ["t", "名", "t"]
    assert (phrases("t", "high", "zh"), phrases("t", "high"), phrases("t", "-1")) == ("t时", "where t", "where less")
    assert phrases.missing == set()
    assert phrases("t", "high", "fr") == "where t"  # plain English of its own where there is some
    assert phrases("t", "low") == "where t is low"
    assert phrases("t", "2") == "where t is 2"
    assert phrases.missing == {("t", "high", "fr"), ("t", "low", "en"), ("t", "2", "en")}
    for key in ("middle", "zh_middle", "2.5", "zh"):
        with pytest.raises(UnknownNameError, match=f"key of 't' in phrases.toml '{key}'"):
            phrases_of(f"[t]\n'{key}' = 'x'")
    with pytest.raises(DesignError, match="'1' of 't' must be a clause"):
        phrases_of("[t]\n1 = 2")


# -- stages -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("sign", "harder", "easier"), [("at least", 0.7, 0.3), ("above", 0.7, 0.3), ("at most", 0.3, 0.7)]
)
def test_the_harder_end_of_a_threshold_is_the_one_that_fewer_meet(sign: str, harder: float, easier: float) -> None:
    one = Threshold(("a", "b"), sign, 0.5, "Dmnl", "guess", ("c",), "strong", (0.3, 0.7))
    assert [one.threshold(end) for end in ("value", "harder", "easier")] == [0.5, harder, easier]
    assert one.text == f"a plus b of strong firms over c {sign} 0.5"
    bare = Threshold(("a",), sign, 2.0, "Year", "guess")
    assert [bare.threshold(end) for end in ("value", "harder", "easier")] == [2.0] * 3
    assert bare.text == f"a {sign} 2 Year"


def test_a_threshold_itself_is_met_by_at_least_and_at_most_and_not_by_above() -> None:
    values = np.array([[0.49, 0.5, 0.51]])
    for sign, holds in (("at least", [0, 1, 1]), ("at most", [1, 1, 0]), ("above", [0, 0, 1])):
        stage = stages.Stage("micro", 2, "x", "y", False, (Threshold(("a",), sign, 0.5, "Dmnl", "guess"),))
        assert stages._holds(stage, [values], "value", (1, 3)).tolist() == [[bool(h) for h in holds]]


def test_a_passage_is_passed_for_good_and_in_its_turn() -> None:
    own = [stages.Stage("micro", n, "x", "y", n == 2, ()) for n in (1, 2, 3)]
    first, second, third = ([[1, 1, 1, 1, 0]], [[0, 1, 0, 0, 0]], [[1, 0, 1, 0, 1]])
    found = stages._in_order(own, [np.array(h, dtype=bool) for h in (first, second, third)])
    assert found.tolist() == [[1, 2, 3, 2, 3]]


def test_a_quantity_is_a_sum_over_a_sum_of_one_element() -> None:
    both = xr.Dataset(
        {"a": (("run", "time", "q"), [[[1.0, 2.0]]]), "b": (("run", "time", "q"), [[[5.0, 7.0]]]),
         "c": (("time", "run"), [[3.0]]), "d": (("run", "time"), [[1.5]])}, {"run": [0], "time": [0.0], "q": ["w", "s"]}
    )  # fmt: skip
    one = Threshold(("a", "b"), "above", 0.0, "Dmnl", "guess", ("c", "d"), "s")
    assert stages._value(both, one).tolist() == [[2.0]]
    with pytest.raises(UnknownNameError, match="Sweep with outputs="):
        stages._value(both, Threshold(("e",), "above", 0.0, "Dmnl", "guess"))
