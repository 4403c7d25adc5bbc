"""Levers in many samples: the first samples show the others where to look."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sdmodel.analysis.root_finding import find_roots
from sdmodel.study.searching import PILOTS, rough_roots

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
