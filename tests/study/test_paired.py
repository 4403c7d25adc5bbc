"""Comparisons of arms against a table of three samples made by hand."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from sdmodel.study.paired import PUBLIC, Paired, above, at_least, best_inside, condition, effect, summary
from sdmodel.study.question import Prediction
from sdmodel.study.verdict import Verdict, judge, quantiles, wilson

NAN = math.nan
HAND = {
    ("own", "none"): [10.0, 20.0, 5.0],
    ("own", "a"): [11.0, 18.0, NAN],
    ("own", "b"): [15.0, 20.0, 6.0],
    (PUBLIC, "none"): [100.0, 100.0, 100.0],
    (PUBLIC, "a"): [102.0, 101.0, 100.5],
    (PUBLIC, "b"): [104.0, 100.9, 101.0],
}


@pytest.fixture
def paired() -> Paired:
    out = Paired("none")
    out.arms = ["none", "a", "b"]
    out._numbers = {key: np.array(values) for key, values in HAND.items()}
    return out


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        ("value('own', 'b')", [15, 20, 6]),
        ("gain('own', 'b')", [5, 0, 1]),
        ("gain('own', 'b', 'a')", [4, 2, NAN]),
        ("change('own', 'b')", [50, 0, 20]),  # percent, no logarithm
        ("change('own', 'a', 'b')", [100 * (11 / 15 - 1), -10, NAN]),
        ("cost('b')", [4, NAN, 1]),  # below one million there is nothing to divide by, one million is enough
        ("per_yuan('own', 'b')", [1.25, NAN, 1]),
        ("per_yuan('own', 'a')", [0.5, -2, NAN]),
        ("best('own', ['a', 'b'])", [15, 20, NAN]),  # an arm without a number leaves none
        ("maximum(gain('own', 'a'), gain('own', 'b'), 2)", [5, 2, NAN]),
        ("minimum(gain('own', 'a'), gain('own', 'b'))", [1, -2, NAN]),
        ("abs(gain('own', 'a'))", [1, 2, NAN]),
        ("where(gain('own', 'b') > 0, 1, nan)", [1, NAN, 1]),
        ("above(gain('own', 'b'))", [5, NAN, 1]),
        ("above(gain('own', 'b'), 1)", [5, NAN, NAN]),
        ("at_least(gain('own', 'b'), 1)", [5, NAN, 1]),
        ("value('own', arm)", [15, 20, 6]),
        ("tenth('b')", [1.5, 2, 0.6]),
        ("best_inside('own', ['a', 'b', 'none'])", [100 * (15 / 11 - 1), 0, NAN]),
    ],
)
def test_comparisons_by_hand(paired: Paired, formula: str, values: list[float]) -> None:
    more = {"tenth": lambda p, arm: p["own", arm] / 10}
    np.testing.assert_allclose(effect(formula, more, arm="b")(paired), values, rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("median(gain('own', 'b'))", 1),
        ("median(gain('own', 'a'))", -0.5),
        ("quantile(gain('own', 'b'), 0.25)", 0.5),
        ("share(gain('own', 'a') > 0)", 1 / 3),  # of all samples
        ("share(finite(gain('own', 'a')) > 0)", 1 / 2),  # of those that can be compared
        ("1 - share(gain('own', 'b') >= 1)", 1 / 3),
        ("capital(arm)", "B"),
    ],
)
def test_figures_of_sentences_by_hand(paired: Paired, formula: str, value: object) -> None:
    assert summary(formula, paired, arm="b") == (pytest.approx(value) if isinstance(value, float) else value)


def test_nothing_to_summarise_is_no_number(paired: Paired) -> None:
    assert math.isnan(float(summary("median(finite(cost('a')) / 0 * 0)", paired)))
    assert math.isnan(float(summary("share(finite(value('own', 'a') * nan) > 0)", paired)))


def test_levels_are_met_or_passed() -> None:
    values = np.array([0.9, 1.0, 1.1])
    assert np.isnan(above(values, 1.0)).tolist() == [True, True, False]
    assert np.isnan(at_least(values, 1.0)).tolist() == [True, False, False]


def test_the_best_inside_is_held_against_the_better_end() -> None:
    axis = np.array([[1.0, 3.0, 2.0], [2.0, 3.0, 1.0], [4.0, 1.0, 4.0], [1.0, 2.0, -1.0]])
    np.testing.assert_allclose(best_inside(axis), [300, 0, 100])
    assert np.isnan(best_inside(np.array([[0.0], [1.0], [-1.0]]))).all()  # no end to be above


# -- judging --------------------------------------------------------------------------------------------------------
def prediction(formula: str, least: float, holds: str = "") -> Prediction:
    judge = condition(holds) if holds else None
    return Prediction("H01", "that", effect(formula), "unit", least, "emergent", "x", judge)


@pytest.mark.parametrize(
    ("formula", "least", "holds", "expected"),
    [
        ("gain('own', 'b')", 1.0, "", [True, False, False]),  # the smallest effect itself is no support
        ("gain('own', 'b')", 0.999, "", [True, False, True]),
        ("gain('own', 'b')", 0.0, "", [True, False, True]),  # a tie is no support
        ("gain('own', 'b')", 1.0, "effect >= 1", [True, False, True]),
        ("gain('own', 'a')", 0.0, "abs(effect) > 1", [False, True, False]),
        ("gain('own', 'a')", 0.0, "", [True, False, False]),  # what cannot be compared does not hold
    ],
)
def test_a_sample_holds_above_the_smallest_effect(
    paired: Paired, formula: str, least: float, holds: str, expected: list[bool]
) -> None:
    assert prediction(formula, least, holds).judge(paired)[1].tolist() == expected


def test_shares_by_hand() -> None:
    size = np.array([2.0, 1.0, 0.5, -1.0, NAN, NAN, 3.0, np.inf])
    holds = np.array([True, False, False, False, True, False, True, True])  # of NaN and infinity nothing counts
    samples = pd.DataFrame({"sample": range(8), "x": np.arange(8.0)})
    found = judge("H01", "that", holds, size, "unit", ("emergent", "x"), samples)
    assert (found.holds, found.samples, found.share) == (2, 5, 0.4)
    assert found.effect == pytest.approx((1.0, -0.7, 2.8))  # median, 5 and 95 % of the five
    assert found.interval == wilson(2, 5)


@pytest.mark.parametrize(
    ("holds", "label", "word"),
    [
        (95, "emergent", "supported"), (94, "emergent", "mostly"), (75, "conditional", "mostly"),
        (74, "emergent", "depends"), (25, "emergent", "depends"), (24, "emergent", "not supported"),
        (0, "emergent", "not supported"), (100, "built in", "built in"),
    ],
)  # fmt: skip
def test_words_of_verdicts_at_their_edges(holds: int, label: str, word: str) -> None:
    assert Verdict("H01", "that", holds, 100, (0, 0, 0), "unit", label, "x").word == word


def test_no_sample_is_no_verdict() -> None:
    none = Verdict("H01", "that", 0, 0, (NAN, NAN, NAN), "unit", "emergent", "x")
    assert none.word == "not testable here"
    assert math.isnan(none.share)
    assert all(map(math.isnan, none.interval))


def test_quantiles_are_those_of_the_finite_values() -> None:
    assert quantiles(np.array([4.0, NAN, 0.0, np.inf, 1.0, 2.0, 3.0])) == pytest.approx((2.0, 0.2, 3.8))
    assert all(map(math.isnan, quantiles(np.array([NAN, np.inf]))))


def test_wilson_by_its_formula() -> None:
    z, k, n = 1.959963984540054, 3, 10
    middle, half = (0.3 + z * z / 20) / (1 + z * z / 10), z * math.sqrt(0.3 * 0.7 / 10 + z * z / 400) / (1 + z * z / 10)
    assert wilson(k, n) == pytest.approx((middle - half, middle + half))
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == pytest.approx(1)
