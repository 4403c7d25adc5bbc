"""Interpolation of data series between their points."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence

Series = Callable[[float], float]


def interpolant(at: Sequence[float], x: Sequence[float]) -> Series:
    """Linear interpolation between points, constant beyond the first and last."""
    low, high, first, last = at[0], at[-1], x[0], x[-1]

    def value(t: float) -> float:
        if t <= low:
            return first
        if t >= high:
            return last
        i = bisect_right(at, t)
        left = at[i - 1]
        return x[i - 1] + (t - left) * (x[i] - x[i - 1]) / (at[i] - left)

    return value
