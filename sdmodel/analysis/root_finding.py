"""A number solved for each of many rows at once, by sweeps of the rows that are still off."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Outcome at values of the lever for rows of the design: `(x, rows) -> values`."""

ROUNDS = 60
"""Sweeps at most; halving a range that often leaves nothing of it."""


class Met(NamedTuple):
    """What a search found, an entry a row."""

    x: np.ndarray
    value: np.ndarray
    """Outcome there; NaN where a run failed."""
    residual: np.ndarray
    """Outcome less target, over the scale."""
    runs: int


def meet(
    measure: Measure,
    target: np.ndarray,
    low: float | np.ndarray,
    high: float | np.ndarray,
    *,
    start: float | np.ndarray | None = None,
    scale: np.ndarray | None = None,
    tolerance: float = 0.005,
    rounds: int = ROUNDS,
) -> Met:
    """Solve `measure(x) = target` row by row between `low` and `high`, where the measure goes one way with x.

    Regula falsi in the Illinois variant [1]_, the secant rule while only one side of the target is known, and halving
    where either leaves the bracket. Where no value in the range meets the target, x is the end that comes nearer.

    Parameters
    ----------
    measure
        Outcome for values of x and the rows they belong to.
    target
        What it must equal, one a row.
    low, high
        Range of x, for all or by row.
    start
        First guess, for all or by row; the measure must then rise with x. Default: both ends are tried first.
    scale
        What a difference is measured against; default the target, or one where that is zero. A guess is first corrected
        along a line from the target less the scale at `low`.
    tolerance
        Largest difference, over the scale, that is left alone.
    rounds
        Sweeps at most.

    References
    ----------
    .. [1] Dowell, M. and Jarratt, P. (1971). A modified regula falsi method for computing the root of an equation.
       BIT 11, 168-174. https://doi.org/10.1007/BF01934364
    """
    n = len(target)
    size = np.where(target == 0, 1.0, np.abs(target)) if scale is None else np.abs(scale)
    rows = np.arange(n)
    low, high = (np.array(np.broadcast_to(np.asarray(end, float), (n,))) for end in (low, high))
    a, b = low.copy(), high.copy()
    off_a, off_b = np.full(n, np.nan), np.full(n, np.nan)
    sign, runs = np.ones(n), 0
    if start is None:
        off_a, off_b = (measure(end, rows) - target for end in (a, b))
        runs, sign = 2 * n, np.where(off_b < off_a, -1.0, 1.0)
        nearer = np.abs(off_a) <= np.abs(off_b)
        x, off = np.where(nearer, a, b), np.where(nearer, off_a, off_b)
        off_a, off_b, off = off_a * sign, off_b * sign, np.where(np.isfinite(off_a + off_b), off * sign, np.nan)
        todo = (off_a < 0) & (off_b > 0) & (np.abs(off) > tolerance * size)
        new = _next(x, off, a, b, off_a, off_b, np.full(n, np.nan), np.full(n, np.nan))
        x_before, off_before = x.copy(), off.copy()
        x = np.where(todo, _inside(new, x, a, b), x)
    else:
        x = np.clip(np.broadcast_to(np.asarray(start, float), (n,)), low, high).copy()
        off, todo = np.full(n, np.nan), np.ones(n, dtype=bool)
        x_before, off_before = np.full(n, np.nan), np.full(n, np.nan)
    for turn in range(rounds):
        which = np.flatnonzero(todo)
        if not len(which):
            break
        off[which] = sign[which] * (measure(x[which], which) - target[which])
        runs += len(which)
        at_end = ((x >= high) & (off < 0)) | ((x <= low) & (off > 0))
        todo &= ~((np.abs(off) <= tolerance * size) | at_end | ~np.isfinite(off))
        if turn == rounds - 1:
            break
        new = _next(x, off, a, b, off_a, off_b, x_before, off_before)
        if turn == 0 and start is not None:
            with np.errstate(all="ignore"):
                new = np.clip(x - off / ((off + size) / (x - low)), low, high)
        x_before, off_before = np.where(todo, x, x_before), np.where(todo, off, off_before)
        x = np.where(todo, _inside(new, x, a, b), x)
    with np.errstate(all="ignore"):
        return Met(x, sign * off + target, sign * off / size, runs)


def _inside(new: np.ndarray, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """What to try next, or the middle of the bracket where that is outside it or nothing new."""
    tried: np.ndarray = np.where(np.isfinite(new) & (new >= a) & (new <= b) & (new != x), new, (a + b) / 2)
    return tried


def _next(
    x: np.ndarray,
    off: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    off_a: np.ndarray,
    off_b: np.ndarray,
    x_before: np.ndarray,
    off_before: np.ndarray,
) -> np.ndarray:
    """Take `x` into the bracket (in place) and return the next value of the lever to try; NaN asks for the middle."""
    below, above = off < 0, off > 0
    with np.errstate(all="ignore"):
        # An end that stays a second time counts half, or the other one would creep.
        off_b[below & (off_before < 0)] /= 2
        off_a[above & (off_before > 0)] /= 2
        a[below], off_a[below] = x[below], off[below]
        b[above], off_b[above] = x[above], off[above]
        inside = (a * off_b - b * off_a) / (off_b - off_a)
        secant = x - off * (x - x_before) / (off - off_before)
    then: np.ndarray = np.where(np.isfinite(inside), inside, np.clip(secant, a, b))
    return then
