"""Vectorised root finding: one sweep per iteration for all rows that have not converged."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

Measure = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Outcome at values of the lever for rows of the design: `(x, rows) -> values`."""

ROUNDS = 60
"""Largest number of iterations; bisection then reaches machine precision."""


class RootResult(NamedTuple):
    """Result of `find_roots`, one entry per row."""

    x: np.ndarray
    value: np.ndarray
    """Outcome there; NaN where a run failed."""
    residual: np.ndarray
    """Outcome minus target, divided by the scale."""
    runs: int


def find_roots(
    measure: Measure,
    target: np.ndarray,
    low: float | np.ndarray,
    high: float | np.ndarray,
    *,
    start: float | np.ndarray | None = None,
    before: tuple[np.ndarray, np.ndarray] | None = None,
    scale: np.ndarray | None = None,
    tolerance: float = 0.005,
    trust: float = 0.0,
    rounds: int = ROUNDS,
) -> RootResult:
    """Vectorised bracketed root finding of `measure(x) = target` (Illinois); the measure must be monotone in x.

    Regula falsi in the Illinois variant [1]_, the secant method while only one side of the target is known, and
    bisection where either leaves the bracket. Where no value in the range meets the target, x is the nearer end.

    Parameters
    ----------
    measure
        Outcome as a function of x and of the rows it belongs to.
    target
        Targets, one per row.
    low, high
        Range of x, for all or by row.
    start
        First guess, for all or by row; the measure must then increase with x. Default: both ends are evaluated.
    before
        Values of x other than the first guess, and the outcomes there.
    scale
        Scale of the residual; default the target, or 1 where that is zero. The first correction of a guess assumes a
        line from the target minus the scale at `low`.
    tolerance
        Tolerance of the scaled residual.
    trust
        The x that follows one of at most this scaled residual is returned without being tried; the value and the
        residual are those of the one before. For callers that check what they get.
    rounds
        Largest number of iterations.

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
        if before is not None:
            x_before, off_before = before[0], before[1] - target
            _next(x_before, off_before, a, b, off_a, off_b, off, off)
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
        if turn == 0 and start is not None and before is None:
            with np.errstate(all="ignore"):
                new = np.clip(x - off / ((off + size) / (x - low)), low, high)
        straight = _secant(x, off, x_before, off_before)
        trusted = todo & (np.abs(off) <= trust * size) & (a <= straight) & (straight <= b)
        x_before, off_before = np.where(todo, x, x_before), np.where(todo, off, off_before)
        x = np.where(trusted, straight, np.where(todo, _inside(new, x, a, b), x))
        todo &= ~trusted
    with np.errstate(all="ignore"):
        return RootResult(x, sign * off + target, sign * off / size, runs)


def _inside(new: np.ndarray, x: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The next x, or the middle of the bracket where that is outside it or unchanged."""
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
    """Update the bracket in place and return the next x; NaN requests bisection."""
    below, above = off < 0, off > 0
    with np.errstate(all="ignore"):
        # Illinois: halve the residual of an end that is retained twice.
        off_b[below & (off_before < 0)] /= 2
        off_a[above & (off_before > 0)] /= 2
        a[below], off_a[below] = x[below], off[below]
        b[above], off_b[above] = x[above], off[above]
        inside = (a * off_b - b * off_a) / (off_b - off_a)
    then: np.ndarray = np.where(np.isfinite(inside), inside, np.clip(_secant(x, off, x_before, off_before), a, b))
    return then


def _secant(x: np.ndarray, off: np.ndarray, x_before: np.ndarray, off_before: np.ndarray) -> np.ndarray:
    """Where the line through two points meets zero; not finite where there is none."""
    with np.errstate(all="ignore"):
        found: np.ndarray = x - off * (x - x_before) / (off - off_before)
    return found
