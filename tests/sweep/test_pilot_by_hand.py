"""Longer steps by hand: which stops, what counts as an error, and where steps are made shorter."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sdmodel.sweep.longer_steps import _Pilot

Solve = Callable[[np.ndarray], float]


def pilot(solve: Solve | None = None, steps: int = 640, bound: float = 1.0, runs: int = 128, times: Any = ()) -> _Pilot:
    """A pilot whose runs reach a number that depends on the lengths of steps by block, in place of nought."""
    one = object.__new__(_Pilot)
    one.bound, one.width, one.grid = bound, 1, np.arange(float(steps))
    one.plan = SimpleNamespace(runs=runs, times=times)
    one.reference, one.scale = np.zeros((runs, 1, 1)), np.ones((runs, 1, 1))
    if solve is not None:

        def solved(levels: np.ndarray, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
            number = runs if rows is None else len(rows)
            return np.full((number, 1, 1), solve(levels)), np.arange(float(number))

        one.solve = solved
    return one


def test_a_block_stops_at_the_end_of_each_of_its_steps() -> None:
    one = pilot(steps=12)
    one.width = 4
    assert one.stops(np.array([1, 2, 4])).tolist() == [0, 1, 2, 3, 5, 7, 11]
    assert one.stops(np.array([4, 4, 4])).tolist() == [3, 7, 11]


def test_errors_are_relative_and_what_is_missing_in_both_is_none() -> None:
    one = pilot(runs=1)
    nan, inf = np.nan, np.inf
    one.reference = np.array([[[1.0, nan, 2.0, 4.0, 5.0]]])
    one.scale = np.array([[[2.0]]])
    found = one.errors(np.array([[[2.0, nan, nan, 1.0, -inf]]]))
    assert found.tolist() == [[[0.5, 0.0, inf, -1.5, -inf]]]


@pytest.mark.parametrize(
    ("factor", "level", "width", "blocks"),
    [(1e-5, 4, 12, 54), (1e-7, 16, 16, 40), (6e-4, 2, 10, 64), (1e3, None, 0, 0)],
)
def test_the_first_steps_are_the_longest_with_errors_a_hundred_times_the_bound(
    factor: float, level: int | None, width: int, blocks: int
) -> None:
    """Errors grow with the fourth power of a step; the bound is 1e-4. At most 64 blocks of whole steps."""
    one = pilot(lambda levels: factor * float(levels.max()) ** 4, bound=1e-4)
    found = one._first()
    if level is None:
        assert found is None
    else:
        assert found.tolist() == [level] * blocks
        assert one.width == width
        assert one.blocks.tolist() == list(range(blocks))


def test_the_bound_itself_is_small_enough() -> None:
    for power, level in ((4, 16), (5, 8)):
        one = pilot(lambda levels, power=power: float(levels.max()) ** power, bound=16.0**4 / 100)
        assert one._first()[0] == level


@pytest.mark.parametrize(
    ("parts", "levels", "shorter", "measured"),
    [
        ([2.0, 0.5, 0.1], [4, 4, 4], [2, 4, 4], [0, 1]),  # 2.44 in all, and 0.68 when the first has half its step
        ([2.0, 1.5, 0.1], [4, 4, 4], [2, 2, 4], [0, 1]), ([2.0, 0.5, 0.5], [2, 2, 2], [1, 1, 2], [0, 1, 2]),
        ([0.3, 0.0, 0.0], [4, 4, 4], [2, 4, 4], [0]),  # one is halved in any case
        ([0.0, 0.0, 0.0], [4, 2, 4], [2, 2, 2], []),  # nothing that was measured has a part: the longest are halved
        ([9.0, 0.5, 0.1], [1, 4, 4], [1, 2, 4], [1]),  # what cannot be shorter is not looked at
    ],
)  # fmt: skip
def test_steps_are_halved_where_most_of_the_error_is(
    parts: list[float], levels: list[int], shorter: list[int], measured: list[int]
) -> None:
    """Each block has its part, by the fourth power of its step; three quarters of the bound are aimed at."""
    begin = np.array(levels)
    one = pilot(lambda now: float(np.sum(np.array(parts) * (now / begin) ** 4)), steps=12, runs=1)
    one.blocks = np.arange(3)
    values = one.solve(begin, np.arange(1))[0]
    found = one._shorter(begin, np.arange(1), values)
    assert found.tolist() == shorter
    assert one.blocks.tolist() == measured
    assert begin.tolist() == levels  # which is left as it was


@pytest.mark.parametrize(
    ("levels", "runs", "times", "tries"),
    [
        ([2, 2], 128, (), 12), ([2, 1], 128, (), 12), ([1, 1], 128, (), 0), (None, 128, (), 0), ([2, 2], 64, (), 12),
        ([2, 2], 63, (), 0), ([2, 2], 128, tuple(np.arange(9.0)), 0), ([2, 2], 128, tuple(np.arange(8.0)), 12),
    ],
)  # fmt: skip
def test_it_gives_up_where_nothing_is_gained(
    levels: list[int] | None, runs: int, times: tuple[float, ...], tries: int
) -> None:
    """Of ten steps two must be no reports, and at most eight stops are worth it; twelve times it is tried."""
    one = pilot(lambda now: -3.0, steps=10, runs=runs, times=times)
    one.width = 5
    one._first = lambda: None if levels is None else np.array(levels)
    asked: list[tuple[list[int], list[float]]] = []

    def same(now: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        asked.append((rows.tolist(), values.ravel().tolist()))
        return now

    one._shorter = same
    found = list(one.tries())
    assert len(found) == tries
    for grid, error, uneven in found:
        assert grid.tolist() == one.stops(np.array(levels)).tolist()
        assert (error, uneven) == (3, runs - 1)
    assert all(call == (list(range(runs - 8, runs)), [-3.0] * 8) for call in asked)
