"""Interpolation of data series between their points."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial

Series = Callable[[float], float]


def interpolant(at: Sequence[float], x: Sequence[float]) -> Series:
    """Linear interpolation between points, constant beyond the first and last."""
    return partial(_value, at, x, at[0], at[-1], x[0], x[-1])


def _value(
    at: Sequence[float], x: Sequence[float], low: float, high: float, first: float, last: float, t: float
) -> float:
    if t <= low:
        return first
    if t >= high:
        return last
    i = bisect_right(at, t)
    left = at[i - 1]
    return x[i - 1] + (t - left) * (x[i] - x[i - 1]) / (at[i] - left)
