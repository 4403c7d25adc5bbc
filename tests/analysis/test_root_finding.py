"""A number solved for many rows at once: known roots, ends of the range, failures, and few sweeps."""

from __future__ import annotations

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
