"""Comparisons of arms against a table of three samples made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sdmodel.core.errors import DesignError
from sdmodel.study.paired import PUBLIC, Paired, above, effect, summary
from sdmodel.study.question import Prediction
from sdmodel.study.verdict import WORDS, Verdict, counted, judge, quantiles, wilson

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
        ("maximum(gain('own', 'a'), gain('own', 'b'), 2)", [5, 2, NAN]),
        ("minimum(gain('own', 'a'), gain('own', 'b'))", [1, -2, NAN]),
        ("abs(gain('own', 'a'))", [1, 2, NAN]),
        ("where(gain('own', 'b') > 0, 1, nan)", [1, NAN, 1]),
        ("above(gain('own', 'b'))", [5, NAN, 1]),
        ("above(gain('own', 'b'), 1)", [5, NAN, NAN]),
    ],
)
def test_comparisons_by_hand(paired: Paired, formula: str, values: list[float]) -> None:
    np.testing.assert_allclose(effect(formula)(paired), values, rtol=1e-12)


@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("median(gain('own', 'b'))", 1),
        ("median(gain('own', 'a'))", -0.5),
        ("quantile(gain('own', 'b'), 0.25)", 0.5),
        ("share(gain('own', 'a') > 0)", 1 / 3),  # of all samples
        ("1 - share(gain('own', 'b') >= 1)", 1 / 3),
    ],
)
def test_figures_of_sentences_by_hand(paired: Paired, formula: str, value: float) -> None:
    assert summary(formula, paired) == pytest.approx(value)


def test_nothing_to_summarise_is_no_number(paired: Paired) -> None:
    assert math.isnan(summary("median(cost('none'))", paired))


def test_only_what_is_above_a_level_is_a_divisor() -> None:
    assert np.isnan(above(np.array([0.9, 1.0, 1.1]), 1.0)).tolist() == [True, True, False]


# -- judging --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("by", "against", "values"),
    [
        ("percent", "a", [100 * (15 / 11 - 1), 100 * (20 / 18 - 1), NAN]),
        ("difference", "none", [5, 0, 1]),
        ("per yuan", "none", [1.25, NAN, 1]),  # the reference gains nothing
        ("per yuan", "a", [0.75, NAN, NAN]),
    ],
)
def test_two_arms_on_one_outcome(paired: Paired, by: str, against: str, values: list[float]) -> None:
    np.testing.assert_allclose(paired.compare("own", "b", against, by), values, rtol=1e-12)
    for sign, expects in ((1, "more"), (-1, "less")):
        p = Prediction("H01", "that", "", 1.0, "emergent", "x", "b", against, "own", by, expects)
        np.testing.assert_allclose(p.effect(paired), sign * np.array(values), rtol=1e-12)


def test_arms_are_compared_in_three_ways_only(paired: Paired) -> None:
    with pytest.raises(DesignError, match="'ratio' is no way to compare"):
        paired.compare("own", "b", "a", "ratio")


def test_the_smallest_effect_itself_is_no_difference() -> None:
    side = judge(np.array([2.0, 1.0, 0.0, -1.0, -1.1, NAN, np.inf]), 1.0)
    np.testing.assert_array_equal(side, [1, 0, 0, 0, -1, NAN, NAN])
    assert counted(side) == (1, 3, 1)


def verdict(favour: int, neither: int, opposite: int, label: str = "emergent") -> Verdict:
    return Verdict("H01", "that", "b", "a", "own", favour, neither, opposite, (0, 0, 0), "%", 1.0, label, "x")


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ((95, 5, 0), "holds"), ((94, 6, 0), "mostly"), ((75, 0, 25), "mostly"),
        ((74, 11, 15), "depends"), ((15, 11, 74), "depends"), ((15, 70, 15), "depends"),
        ((74, 12, 14), "holds or makes no difference"), ((26, 74, 0), "holds or makes no difference"),
        ((14, 12, 74), "the opposite or no difference"), ((0, 74, 26), "the opposite or no difference"),
        ((25, 75, 0), "makes no difference"), ((0, 100, 0), "makes no difference"),
        ((25, 0, 75), "the opposite, mostly"), ((6, 0, 94), "the opposite, mostly"), ((5, 0, 95), "the opposite"),
        ((14, 73, 13), "holds or makes no difference"), ((0, 0, 0), "cannot be asked here"),
    ],
)  # fmt: skip
def test_words_of_verdicts_at_their_edges(counts: tuple[int, int, int], word: str) -> None:
    assert verdict(*counts).word == word
    assert word in WORDS


def test_what_is_built_in_is_true_by_construction() -> None:
    assert verdict(100, 0, 0, "built in").word == "true by construction"
    # that an effect has one sign by construction does not say that it counts
    assert verdict(20, 80, 0, "built in").word == "makes no difference"
    with pytest.raises(DesignError, match="'certain' is not a label"):
        verdict(1, 0, 0, "certain")


def test_the_words_cover_every_mixture_once() -> None:
    mixtures = [(a, b, 100 - a - b) for a in range(101) for b in range(101 - a)]
    found = {verdict(*counts).word for counts in mixtures}
    assert found == set(WORDS) - {"true by construction", "cannot be asked here"}
    turned = {"holds": "the opposite", "mostly": "the opposite, mostly", "depends": "depends",
              "makes no difference": "makes no difference",
              "holds or makes no difference": "the opposite or no difference"}  # fmt: skip
    for a, b, c in mixtures:
        if a > c:  # a prediction and its opposite get opposite words
            assert turned[verdict(a, b, c).word] == verdict(c, b, a).word


def test_no_sample_is_no_verdict() -> None:
    none = verdict(0, 0, 0)
    assert all(map(math.isnan, (*none.shares, *none.intervals[0])))


def test_shares_and_their_intervals() -> None:
    one = verdict(30, 50, 20)
    assert one.shares == (0.3, 0.5, 0.2)
    assert one.intervals == (wilson(30, 100), wilson(50, 100), wilson(20, 100))


def test_quantiles_are_those_of_the_finite_values() -> None:
    assert quantiles(np.array([4.0, NAN, 0.0, np.inf, 1.0, 2.0, 3.0])) == pytest.approx((2.0, 0.2, 3.8))
    assert all(map(math.isnan, quantiles(np.array([NAN, np.inf]))))


def test_wilson_by_its_formula() -> None:
    z, k, n = 1.959963984540054, 3, 10
    middle, half = (0.3 + z * z / 20) / (1 + z * z / 10), z * math.sqrt(0.3 * 0.7 / 10 + z * z / 400) / (1 + z * z / 10)
    assert wilson(k, n) == pytest.approx((middle - half, middle + half))
    assert wilson(0, 10)[0] == 0
    assert wilson(10, 10)[1] == pytest.approx(1)
