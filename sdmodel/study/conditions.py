"""What decides a prediction: single constants that part the samples, and regions where it goes the other way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from sdmodel.analysis.discovery.discover import discover
from sdmodel.core.cache import Cache
from sdmodel.design.tables import LABELS
from sdmodel.study.phrases import Phrases
from sdmodel.study.translation import ENGLISH, Say

MOST, LEAST, ERRORS = 3, 0.1, 4.0
"""Number of conditions; smallest difference between the mean sides of the two parts, itself and in standard errors,
since the largest of a hundred differences of pure chance is near three."""
VALUES = 6
"""A constant with at most so many values is a switch, parted by value; others are parted at their median."""
FEWEST = 20
"""Samples needed on each side."""
DENSER, RESAMPLES, ROWS = 0.1, 4, 3_000
"""How much denser a region must be; half samples; samples in which it is looked for."""


@dataclass(frozen=True)
class Condition:
    """A part of the samples in which a prediction is more often right than in the others."""

    name: str
    side: str
    """high | low (above or below the median of the samples), or the value of a switch."""
    inside: tuple[float, float, float]
    """Shares for, without a difference that counts, and against where it is so."""
    outside: tuple[float, float, float]
    """The same elsewhere."""

    def sentence(self, phrases: Phrases, lang: str = ENGLISH) -> Say:
        """The condition in a sentence."""
        return Say(
            "Right in {inside:.0%} of samples {where}, in {outside:.0%} elsewhere (the opposite in {wrong:.0%} and "
            "{other:.0%}).",
            inside=self.inside[0], where=phrases(self.name, self.side, lang), outside=self.outside[0],
            wrong=self.inside[2], other=self.outside[2],
        )  # fmt: skip


@dataclass(frozen=True)
class Region:
    """Where a prediction goes the other way: limits of a few constants, judged in samples not used to find them."""

    of: str
    """for | against: the rarer of the two."""
    limits: tuple[tuple[str, float, float], ...]
    """Name, low and high; infinite where there is no limit on that side."""
    sides: tuple[tuple[str, ...], ...]
    """For each limit the side of the range, high or low, or the values of a switch inside."""
    coverage: float
    """Share of these samples that lie inside."""
    density: float
    """Share of the samples inside that are of these."""
    overall: float
    """Share of all samples that are."""

    def sentence(self, phrases: Phrases, lang: str = ENGLISH) -> Say:
        """The region in a sentence."""
        parts = [
            phrases(name, side, lang)
            for (name, _, _), sides in zip(self.limits, self.sides, strict=True)
            for side in sides
        ]
        return Say(
            "Right most often {where}: in {density:.0%} of samples there against {overall:.0%} of all."
            if self.of == "for"
            else "The opposite most often {where}: in {density:.0%} of samples there against {overall:.0%} of all.",
            where=("，" if lang == "zh" else " and ").join(parts),
            density=self.density,
            overall=self.overall,
        )


@dataclass(frozen=True)
class _Parts:
    """Ways to part the samples in two."""

    words: list[tuple[str, str, str]]
    """Name of the constant, word for the part, and word for the rest if it has one."""
    inside: np.ndarray
    """Whether a sample is in the part, shape (ways, samples), as numbers that can be multiplied."""


_parts: Cache[_Parts] = Cache(4)


def conditions(side: np.ndarray, draws: pd.DataFrame) -> tuple[Condition, ...]:
    """Constants that part the samples best into those for and those against a prediction.

    Parameters
    ----------
    side
        1 for, 0 no difference that counts, -1 against, one a sample; NaN is left out.
    draws
        The samples, in the same rows.

    Returns
    -------
    tuple of Condition
        At most three, the strongest first; none where no constant moves the mean side by 0.1 and four standard errors.
    """
    known = side[np.isfinite(side)]
    if not len(known):
        return ()
    parts = _parts.get(draws, "parts") or _parts.put(draws, "parts", _parted(draws))
    sides = np.stack([side == s for s in (1, 0, -1)]).astype(np.int32)  # of floats BLAS would make threads for little
    counts, whole = sides @ parts.inside.T, sides.sum(axis=1, keepdims=True)
    size = counts.sum(axis=0)
    rest = len(known) - size
    with np.errstate(all="ignore"):
        inside, outside = counts / size, (whole - counts) / rest
        gain = (inside[0] - inside[2]) - (outside[0] - outside[2])
        error = known.std() * np.sqrt(1 / size + 1 / rest)
        counts_too = (np.minimum(size, rest) >= FEWEST) & (np.abs(gain) >= np.maximum(LEAST, ERRORS * error))
    found: dict[str, Condition] = {}
    for i in np.argsort(-np.abs(np.where(counts_too, gain, 0.0)), kind="stable"):
        name, yes, no = parts.words[i]
        if not counts_too[i] or len(found) == MOST:
            break
        if name in found or (gain[i] < 0 and not no):
            continue  # of a switch with several values the one where it is right is named
        a, b = (_triple(inside[:, i]), _triple(outside[:, i]))
        found[name] = Condition(name, yes, a, b) if gain[i] > 0 else Condition(name, no, b, a)
    return tuple(found.values())


def exception(side: np.ndarray, draws: pd.DataFrame) -> Region | None:
    """Find the ranges of a few constants in which a prediction goes the other way (`sdmodel.discover`).

    Parameters
    ----------
    side, draws
        As in `conditions`.

    Returns
    -------
    Region or None
        Of the samples for or against, whichever are fewer, found in the first 3,000. None where they, or all others,
        are less than 20, or where they are not denser there by 0.1 in samples that the region was not made from.
    """
    of = "against" if (side == 1).sum() >= (side == -1).sum() else "for"
    other = np.where(np.isfinite(side), (side == (-1 if of == "against" else 1)).astype(float), np.nan)
    names = [condition.name for condition in conditions(other, draws)]
    first = np.flatnonzero(np.isfinite(other))[:ROWS]
    some, where = draws.iloc[first], other[first] == 1
    if not names or min(where.sum(), (~where).sum()) < FEWEST:
        return None
    found = discover(some, where, parameters=names, most=1, resamples=RESAMPLES, rng=1)
    quality = found.quality.iloc[0]
    coverage, density = float(quality["coverage elsewhere"]), float(quality["density elsewhere"])
    if found.limits.empty or not density > where.mean() + DENSER:
        return None
    names = [str(name) for name in found.limits.index.get_level_values(1)]
    ends = found.limits[["low", "high"]].to_numpy(float)
    limits = tuple((name, float(low), float(high)) for name, (low, high) in zip(names, ends, strict=True))
    sides = tuple(_sides(some[name].to_numpy(), low, high) for name, low, high in limits)
    return Region(of, limits, sides, coverage, density, float(where.mean()))


def _parted(draws: pd.DataFrame) -> _Parts:
    words, inside = [], []
    for name in map(str, draws.columns):
        values = draws[name].to_numpy()
        if name in LABELS or not np.ptp(values):
            continue
        few = np.unique(values)
        if len(few) > VALUES:
            words.append((name, "high", "low"))
            inside.append(values > np.median(values))
            continue
        rest = f"{few[0]:g}" if len(few) == 2 else ""
        for value in few[1:] if rest else few:
            words.append((name, f"{value:g}", rest))
            inside.append(values == value)
    return _Parts(words, np.array(inside, dtype=np.int32).reshape(len(words), len(draws)))


def _sides(values: np.ndarray, low: float, high: float) -> tuple[str, ...]:
    """Values of a switch within limits; of other constants the side towards which the limits are moved more."""
    few = np.unique(values)
    if len(few) <= VALUES:
        return tuple(f"{value:g}" for value in few if low <= value <= high)
    return ("high",) if (values < low).sum() > (values > high).sum() else ("low",)


def _triple(column: np.ndarray) -> tuple[float, float, float]:
    return float(column[0]), float(column[1]), float(column[2])
