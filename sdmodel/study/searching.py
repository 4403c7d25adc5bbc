"""A lever searched in many samples at once: what the first samples need shows where to look in the others."""

from __future__ import annotations

from typing import Any

import numpy as np

from sdmodel.analysis.root_finding import Measure, find_roots

PILOTS = 64
"""Samples of each arm that are searched first; twice as many are needed for the others to gain from them."""
TRUST = 0.1
"""Largest residual from which the next value of the lever is taken without a run; the caller checks it."""
LEAST = 8
"""Smallest number of first samples of an arm from which others learn."""


def rough_roots(
    measure: Measure,
    goal: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    shape: tuple[int, int],
    *,
    start: np.ndarray,
    scale: np.ndarray,
    tolerance: float,
    rounds: int,
) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray] | None]:
    """Values of a lever at which a measure about meets its goal, with few calls; arguments as of `find_roots`.

    The rows are those of `shape` (arms, samples). The first samples of each arm are searched. The others are run once
    at the median of what was found, from where a parabola through the first samples leads to the second guess. Also
    returns the values and outcomes of that run, None if there was none.
    """
    rows = np.arange(len(goal)).reshape(shape)

    def found(which: np.ndarray, first: np.ndarray, near: float, **options: Any) -> tuple[np.ndarray, np.ndarray]:
        roots = find_roots(
            lambda x, i: measure(x, which[i]), goal[which], low[which], high[which],
            start=first[which], scale=scale[which], tolerance=near, rounds=rounds, **options,
        )  # fmt: skip
        return roots.x, np.abs(roots.residual) <= near

    if shape[1] <= 2 * PILOTS:
        return found(rows.ravel(), start, tolerance)[0], None
    few = rows[:, :PILOTS]
    pilots, good = (x.reshape(few.shape) for x in found(few.ravel(), start, tolerance / 5))
    begin = np.clip(_medians(pilots, good, start.reshape(shape)).ravel(), low, high)
    value = measure(begin, rows.ravel())
    out, off = begin.reshape(shape).copy(), ((value - goal) / scale).reshape(shape)
    todo = np.abs(off) > tolerance / 2
    for arm, (x, fine) in enumerate(zip(pilots, good & np.isfinite(off[:, :PILOTS]), strict=True)):
        if fine.sum() >= LEAST:
            guess, missed = _guess(out[arm], off[arm], scale.reshape(shape)[arm], x, fine)
            out[arm] = np.where(todo[arm] & np.isfinite(guess), guess, out[arm])
            todo[arm] &= ~(missed <= tolerance / 2)
    out[:, :PILOTS], todo[:, :PILOTS] = pilots, False
    which = rows[todo]
    out[todo] = found(which, out.ravel(), tolerance, before=(begin[which], value[which]), trust=TRUST)[0]
    return out.ravel(), (begin, value)


def _guess(
    begin: np.ndarray, off: np.ndarray, scale: np.ndarray, x: np.ndarray, good: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Guesses for one arm, (samples,), from what the first samples need, and by how much they are likely to miss.

    They lie on a parabola over what is reached at the beginning, whichever of three ways to say it fits best: beyond
    the goal, as a share of the scale, and the scale as a share of it. Nine in ten of the first samples miss by less;
    nothing is known of a sample that reaches more or less than all of these.
    """
    n, fits = len(x), []
    with np.errstate(all="ignore"):
        slope = np.nan_to_num(off[:n] / (begin[:n] - x))[good]
        for seen in (off * scale, off, 1 / (1 + off)):
            known = seen[:n][good]
            low, high = known.min(), known.max()
            parabola = np.linalg.lstsq(np.vander(known, 3), x[good])[0]
            guess = np.vander(np.clip(seen, low, high), 3) @ parabola
            missed = float(np.quantile(np.abs((guess[:n][good] - x[good]) * slope), 0.9))
            fits.append((missed, guess, np.where((low <= seen) & (seen <= high), missed, np.inf)))
    return min(fits, key=lambda fit: fit[0])[1:]


def _medians(x: np.ndarray, good: np.ndarray, otherwise: np.ndarray) -> np.ndarray:
    """For each arm the median of the good values, (arms, samples), or what was given where there are none."""
    pairs = zip(x, good, otherwise, strict=True)
    return np.array([np.full_like(given, np.median(own[fine])) if fine.any() else given for own, fine, given in pairs])
