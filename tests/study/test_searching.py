"""Levers in many samples: the first samples show the others where to look."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sdmodel.analysis.root_finding import find_roots
from sdmodel.study.searching import _guess, _medians, rough_roots

PILOTS = 64
SAMPLES = 4 * PILOTS
RNG = np.random.default_rng(1)
PRICE, POWER = RNG.uniform(5, 20, SAMPLES), RNG.uniform(0.9, 1.4, SAMPLES)
GOAL = RNG.uniform(40, 60, 2 * SAMPLES)
SHAPE = (2, SAMPLES)
Money = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _curved(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    i = rows % SAMPLES
    return 30 + np.where(rows < SAMPLES, PRICE[i] * x ** POWER[i], 10 * (x - 1))


def _search(money: Money, shape: tuple[int, int] = SHAPE) -> tuple[np.ndarray, list[int]]:
    asked: list[int] = []

    def counted(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return money(x, rows)

    n = shape[0] * shape[1]
    options = {"start": np.full(n, 2.0), "scale": GOAL[:n] - 30, "tolerance": 0.005, "rounds": 12}
    return rough_roots(counted, GOAL[:n], np.full(n, 0.1), np.full(n, 20.0), shape, **options)[0], asked


def test_most_are_found_in_two_runs_and_lines_in_one() -> None:
    x, asked = _search(_curved)
    off = np.abs(_curved(x, np.arange(len(x))) - GOAL) / (GOAL - 30)
    assert (off <= 0.005).mean() > 0.97
    assert off.max() < 0.05
    assert (off[SAMPLES:] <= 0.005).all()
    first = next(i for i, n in enumerate(asked) if n == 2 * SAMPLES)  # all at the median of the first samples
    assert sum(asked[first:]) < 2 * SAMPLES + 1.3 * (SAMPLES - PILOTS)  # the second arm is a line
    plain: list[int] = []

    def counted(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        plain.append(len(rows))
        return _curved(x, rows)

    find_roots(counted, GOAL, 0.1, 20.0, start=2.0, scale=GOAL - 30, tolerance=0.005)
    assert sum(asked) < 0.75 * sum(plain)


def test_few_samples_are_searched_as_they_are() -> None:
    x, _ = _search(_curved, (1, 2 * PILOTS))
    wanted = find_roots(_curved, GOAL[: 2 * PILOTS], 0.1, 20.0, start=2.0, scale=GOAL[: 2 * PILOTS] - 30)
    np.testing.assert_array_equal(x, wanted.x)


def test_what_fails_or_cannot_be_met_stops_no_other() -> None:
    def failing(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        return np.where(rows % 7 == 3, np.nan, np.where(rows % 7 == 5, 31.0, _curved(x, rows)))

    x, _ = _search(failing)
    rows = np.arange(len(x))
    fine = ~np.isin(rows % 7, (3, 5))
    assert (np.abs(_curved(x, rows) - GOAL)[fine] <= 0.05 * (GOAL - 30)[fine]).all()
    assert np.isfinite(x).all()
    assert x[rows % 7 == 5] == pytest.approx(20.0, rel=0.05)


# -- by hand --------------------------------------------------------------------------------------------------------
def test_medians_are_of_what_was_found_or_what_was_given() -> None:
    x = np.array([[1.0, 9.0, 3.0], [5.0, 6.0, 7.0], [2.0, 4.0, np.nan]])
    good = np.array([[True, True, True], [False, False, False], [True, True, False]])
    otherwise = np.array([[0.0, 0.0], [7.0, 8.0], [0.0, 0.0]])
    assert _medians(x, good, otherwise).tolist() == [[3, 3], [7, 8], [3, 3]]


@pytest.mark.parametrize("way", [0, 1, 2])
@pytest.mark.parametrize("noise", [0.0, 0.005])
def test_a_guess_lies_on_the_parabola_that_fits_best(way: int, noise: float) -> None:
    """Of what is reached beyond the goal, as a share of the scale, or the scale as a share of it."""
    rng = np.random.default_rng(5)
    n, begin = 20, np.full(30, 9.0)
    off, scale = rng.uniform(-0.5, 1.0, 30), rng.uniform(5, 20, 30)
    off[-1] = 3.0  # beyond all of the first samples
    seen = (off * scale, off, 1 / (1 + off))[way]
    whole = 2 + 0.7 * seen - 0.05 * seen**2
    x = whole[:n] + noise * rng.standard_normal(n)
    good = np.arange(n) != 3
    x[3] = 1e6  # not found, and not learnt from
    guess, missed = _guess(begin, off, scale, x, good)
    low, high = seen[:n][good].min(), seen[:n][good].max()
    best = np.polyfit(seen[:n][good], x[good], 2)
    np.testing.assert_allclose(guess, np.polyval(best, np.clip(seen, low, high)), rtol=1e-9)
    inside = (seen >= low) & (seen <= high)
    assert not inside[-1]
    assert (missed[~inside] == np.inf).all()
    far = np.abs((np.polyval(best, seen[:n]) - x) * off[:n] / (9.0 - x))[good]
    np.testing.assert_allclose(missed[inside], np.quantile(far, 0.9), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize(("found", "learnt"), [(8, True), (7, False)])
def test_others_learn_from_eight_that_were_found(found: int, learnt: bool) -> None:
    """A line: what the others need follows from one run, and is not run again where it is known well enough."""
    price = 5.0 + 2 * (np.arange(200) % 8)
    asked: list[np.ndarray] = []

    def money(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        asked.append(rows)
        return np.where((rows >= found) & (rows < PILOTS), np.nan, 4 * x + price[rows])

    options = {"start": np.full(200, 2.0), "scale": np.full(200, 30.0), "tolerance": 0.005, "rounds": 12}
    x, before = rough_roots(money, np.full(200, 30.0), np.full(200, 0.1), np.full(200, 20.0), (1, 200), **options)
    np.testing.assert_allclose(x[PILOTS:], (30 - price[PILOTS:]) / 4, atol=0.005 * 30 / 4)
    np.testing.assert_allclose(x[:found], (30 - price[:found]) / 4, atol=0.001 * 30 / 4)  # five times as near
    whole = next(i for i, rows in enumerate(asked) if len(rows) == 200)
    assert all(rows.max() < PILOTS for rows in asked[:whole])
    assert before is not None
    assert before[0] == pytest.approx(np.full(200, np.median(x[:found])))  # all at one value
    np.testing.assert_array_equal(before[1][PILOTS:], 4 * before[0][PILOTS:] + price[PILOTS:])
    assert all(rows.min() >= PILOTS for rows in asked[whole + 1 :])  # the first samples are not run again
    assert (len(asked) == whole + 1) == learnt
