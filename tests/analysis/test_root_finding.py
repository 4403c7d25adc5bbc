"""A number solved for many rows at once: known roots, ends of the range, failures, and few sweeps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sdmodel.analysis.root_finding import RootResult, find_roots

PRICE = np.array([1.0, 2.0, 4.0, 1.0, 1.0])
TARGET = np.array([10.0, 45.0, 2.5, 40.0, 1000.0])


def money(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Ten years of spending that grows with the square of the size."""
    return 10 * PRICE[rows] * x**2


def solved(**given: object) -> RootResult:
    return find_roots(money, TARGET, 0.0, 3.0, **{"tolerance": 1e-6, **given})


@pytest.mark.parametrize("start", [None, 0.0, 0.01, 1.0, 3.0, 99.0, np.array([1.0, 2.0, 3.0, 0.1, 0.2])])
def test_known_roots_whatever_the_first_guess(start: float | np.ndarray | None) -> None:
    found = solved(start=start)
    assert found.x[:4] == pytest.approx([1, 1.5, 0.25, 2], rel=1e-6)
    assert np.abs(found.residual[:4]).max() <= 1e-6
    assert found.x[4] == 3  # 1000 takes a size of 10
    assert found.residual[4] == pytest.approx(90 / 1000 - 1)
    assert found.value == pytest.approx(TARGET * (1 + found.residual))


def test_an_outcome_that_falls_is_met_as_well() -> None:
    found = find_roots(lambda x, rows: -money(x, rows), -TARGET[:4], 0.0, 3.0, tolerance=1e-6)
    assert found.x == pytest.approx([1, 1.5, 0.25, 2], rel=1e-6)
    assert found.value == pytest.approx(-TARGET[:4], rel=1e-6)


def test_ends_by_row() -> None:
    found = find_roots(money, TARGET, np.zeros(5), np.array([3, 1.2, 3, 3, 20.0]), start=1.0, tolerance=1e-6)
    assert found.x[[1, 4]] == pytest.approx([1.2, 10], rel=1e-6)


def test_a_failed_row_does_not_stop_the_others() -> None:
    def failing(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.where(rows == 1, np.nan, money(x, rows))

    for start in (None, 1.0):
        found = find_roots(failing, TARGET, 0.0, 3.0, start=start, tolerance=1e-6)
        assert np.isnan(found.value[1])
        assert found.x[[0, 2, 3]] == pytest.approx([1, 0.25, 2], rel=1e-6)


def test_the_tolerance_is_a_share_of_the_scale() -> None:
    def anyway(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return 10_000 + money(x, rows)

    close = find_roots(anyway, 10_000 + TARGET, 0.0, 3.0, start=1.2, scale=TARGET, tolerance=0.005)
    assert close.x[:4] == pytest.approx([1, 1.5, 0.25, 2], rel=0.003)
    loose = find_roots(anyway, 10_000 + TARGET[:1], 0.0, 3.0, start=1.2, tolerance=0.005)
    assert loose.runs == 1  # any size does where 10 000 count


def test_a_line_is_met_at_once() -> None:
    requested = []

    def line(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        requested.append(len(rows))
        return 5 * x + 2

    found = find_roots(line, np.full(7, 12.0), 0.0, 10.0, start=1.0, scale=np.full(7, 10.0), tolerance=1e-9)
    assert found.x == pytest.approx([2] * 7)
    assert requested == [7, 7]
    assert found.runs == 14


def test_the_number_of_rounds_is_a_limit() -> None:
    found = find_roots(lambda x, rows: np.where(x > np.pi, 1.0, -1.0), np.zeros(3), 0.0, 10.0, start=1.0, rounds=4)
    assert found.runs == 12
    assert (np.abs(found.residual) == 1).all()


def test_an_earlier_run_gives_the_slope_and_the_next_guess_is_trusted() -> None:
    """The price of a sample is not that of another, and money is spent in any case: no line through zero."""
    asked = []

    def spent(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return 50 + money(x, rows)

    rows, before = np.arange(4), np.full(4, 1.4)
    goal, options = 50 + TARGET[:4], {"scale": TARGET[:4], "before": (before, 50 + money(before, rows))}
    near = find_roots(spent, goal, 0.0, 3.0, start=[1.03, 1.52, 0.2, 2.03], trust=0.1, tolerance=1e-6, **options)
    assert asked == [4, 1, 1, 1]  # 0.2 is too far off to trust what follows from it
    assert near.x == pytest.approx([1, 1.5, 0.25, 2], rel=0.02)
    assert (np.abs(near.x - [1, 1.5, 0.25, 2]) > 1e-6).any()
    exact = find_roots(spent, goal, 0.0, 3.0, start=near.x, tolerance=1e-6, **options)
    assert exact.x == pytest.approx([1, 1.5, 0.25, 2], rel=1e-6)


# -- the method, value by value ---------------------------------------------------------------------------------------
CURVES = {
    "rises ever faster": (lambda x: np.exp(x) - 3, 0.0, 2.0),
    "rises ever slower": (lambda x: 0.7 - np.exp(-4 * x), 0.0, 3.0),
    "bends both ways": (lambda x: x**3 - 0.1, -0.5, 2.0),
}


def illinois(f: Callable[[float], float], a: float, b: float, off: float) -> list[float]:
    """Values that Dowell and Jarratt's method tries for a root of a rising `f`: an end kept twice counts half."""
    fa, fb = f(a), f(b)
    last, tried = fa if abs(fa) <= abs(fb) else fb, []
    while True:
        tried.append(x := (a * fb - b * fa) / (fb - fa))
        fx = f(x)
        if abs(fx) <= off:
            return tried
        if fx < 0:
            a, fa, fb = x, fx, fb / 2 if last < 0 else fb
        else:
            b, fb, fa = x, fx, fa / 2 if last > 0 else fa
        last = fx


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_values_tried_are_those_of_the_method(curve: str, sign: float) -> None:
    f, low, high = CURVES[curve]
    tried: list[float] = []

    def measure(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        tried.append(x[0])
        return sign * f(x)

    found = find_roots(measure, np.zeros(1), low, high, tolerance=1e-9)
    assert tried[:2] == [low, high]
    assert tried[2:] == pytest.approx(illinois(f, low, high, 1e-9), rel=1e-12)
    assert found.x[0] == tried[-1]
    assert found.value == sign * f(found.x)


def asked(f: Callable[[np.ndarray], np.ndarray], target: float, **given: Any) -> tuple[list[float], RootResult]:
    tried: list[float] = []

    def measure(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        tried.append(x[0])
        return f(x)

    return tried, find_roots(measure, np.array([target]), **given)


@pytest.mark.parametrize(
    ("start", "more", "values"),
    [
        # x^2 = 4 from 1, where it is thought to lack the scale: from 3 the line to (1, 4 - 3) falls by 8 over 2, and
        # then the line through the ends of the bracket is taken, (1.75, -15/16) and (3, 5).
        (3.0, {"scale": np.array([-3.0])}, [3, 1.75, (1.75 * 5 + 3 * 15 / 16) / (5 + 15 / 16)]),
        (1.0, {"scale": np.array([3.0])}, [1, 5.5, (1 * 26.25 + 5.5 * 3) / 29.25]),  # no line at the end: the middle
        (1.5, {"scale": np.array([3.0])}, [1.5, 2.2]),  # it lacks 1.75, and 1.25 were gained over 0.5
        # Two values on one side: the secant through them, and no further than the bracket.
        (1.25, {"before": (np.array([1.0]), np.array([1.0]))}, [1.25, 1.25 + 2.4375 / 2.25]),
        (3.0, {"before": (np.array([1.0]), np.array([1.0]))}, [3, (1 * 5 + 3 * 3) / 8]),
    ],
)
def test_the_first_values_after_a_guess_by_hand(start: float, more: dict[str, Any], values: list[float]) -> None:
    tried, _ = asked(lambda x: x**2, 4.0, low=1.0, high=10.0, start=start, tolerance=1e-6, **more)
    assert tried[: len(values)] == pytest.approx(values, rel=1e-12)
    assert tried[-1] == pytest.approx(2, rel=1e-6)


def test_the_line_of_a_guess_ends_at_the_range() -> None:
    tried, found = asked(lambda x: 5 * x + 2, 12.0, low=0.0, high=1.5, start=1.0, scale=np.array([10.0]))
    assert tried == [1, 1.5]  # the line asks for 2
    assert (found.x[0], found.value[0], found.residual[0]) == (1.5, 9.5, -0.25)
    tried, found = asked(lambda x: 5 * x + 2, 12.0, low=4.0, high=9.0, start=6.0)
    assert tried[-1] == 4
    assert (found.x[0], found.runs) == (4, len(tried))
    assert len(tried) <= 3


def test_ends_alike_and_ends_within_the_tolerance() -> None:
    tried, found = asked(lambda x: 5 + 0 * x, 3.0, low=1.0, high=2.0)
    assert (tried, found.x[0], found.residual[0]) == ([1, 2], 1, 2 / 3)  # the lower of two that are as near
    assert asked(lambda x: x, 0.5, low=0.0, high=1.0, tolerance=1.0)[0] == [0, 1]  # exactly within
    assert len(asked(lambda x: x, 0.5, low=0.0, high=1.0, tolerance=0.99)[0]) == 3
    _, low = asked(lambda x: x, -8.0, low=-4.0, high=0.0)
    assert (low.x[0], low.value[0], low.residual[0]) == (-4, -4, 0.5)  # over the size of the target


def test_after_the_last_round_the_value_is_that_of_the_x_returned() -> None:
    for start in (None, 1.5):
        _, found = asked(lambda x: x**2, 4.0, low=0.0, high=10.0, start=start, tolerance=1e-12, rounds=2)
        assert found.value == found.x**2
        assert abs(found.residual[0]) > 1e-3
        assert found.runs == (4 if start is None else 2)


def test_an_outcome_that_fails_between_sound_ends_is_not_returned() -> None:
    _, found = asked(lambda x: np.where((x > 0.1) & (x < 0.9), np.nan, x), 0.4, low=0.0, high=1.0, tolerance=1e-3)
    assert np.isnan(found.value[0])
