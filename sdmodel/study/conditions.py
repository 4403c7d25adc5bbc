"""What decides a prediction: single constants that part the samples, and regions where it goes the other way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sdmodel.analysis.discovery.discover import discover
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
DENSER, PARAMETERS, RESAMPLES = 0.1, 3, 4
"""How much denser a region must be; constants considered for it; half samples."""


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
    """For each limit high or low, or the values of a switch inside."""
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


def conditions(side: np.ndarray, draws: pd.DataFrame) -> tuple[Condition, ...]:
    """Constants that part the samples best into those for and those against a prediction.

    Parameters
    ----------
    side
        1 for, 0 no difference that counts, -1 against, one a sample.
    draws
        The samples, in the same rows.

    Returns
    -------
    tuple of Condition
        At most three, the strongest first; none where no constant moves the mean side by 0.1 and four standard errors.
    """
    if len(side) < 2 * FEWEST or np.ptp(side) == 0 or not (parts := _parts(draws)):
        return ()
    masks = np.array([mask for _, _, _, mask in parts])
    size = masks.sum(axis=1)
    fair = np.minimum(size, len(side) - size) >= FEWEST
    counts = np.array([masks @ (side == s).astype(float) for s in (1, 0, -1)], float)
    whole = np.array([(side == s).sum() for s in (1, 0, -1)], float)[:, None]
    with np.errstate(all="ignore"):
        inside, outside = counts / size, (whole - counts) / (len(side) - size)
        gain = np.where(fair, (inside[0] - inside[2]) - (outside[0] - outside[2]), 0.0)
        error = side.std() * np.sqrt(1 / size + 1 / (len(side) - size))
        gain = np.where(np.abs(gain) < np.maximum(LEAST, ERRORS * error), 0.0, gain)
    found: dict[str, Condition] = {}
    for i in np.argsort(-np.abs(gain), kind="stable"):
        name, yes, no, _ = parts[i]
        if gain[i] == 0 or len(found) == MOST:
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
        Of the samples for or against, whichever are fewer. None where they, or all others, are less than 20, or where
        they are not denser there by 0.1 in samples that the region was not made from.
    """
    of = "against" if (side == 1).sum() >= (side == -1).sum() else "for"
    where = side == (-1 if of == "against" else 1)
    if min(where.sum(), (~where).sum()) < FEWEST:
        return None
    names = [c.name for c in conditions(where.astype(float), draws)][:PARAMETERS]
    if not names:
        return None
    found = discover(draws, where, parameters=names, most=1, resamples=RESAMPLES, rng=1)
    quality = found.quality.iloc[0]
    coverage, density = float(quality["coverage elsewhere"]), float(quality["density elsewhere"])
    if found.limits.empty or not density > where.mean() + DENSER:
        return None
    names = [str(name) for name in found.limits.index.get_level_values(1)]
    ends = found.limits[["low", "high"]].to_numpy(float)
    limits = tuple((name, float(low), float(high)) for name, (low, high) in zip(names, ends, strict=True))
    sides = tuple(_sides(draws[name], low, high) for name, low, high in limits)
    return Region(of, limits, sides, coverage, density, float(where.mean()))


def _parts(draws: pd.DataFrame) -> list[tuple[str, str, str, np.ndarray]]:
    """Ways to part the samples: name, word for the part, word for the rest if it has one, and the part itself."""
    out: list[tuple[str, str, str, np.ndarray]] = []
    for name in map(str, draws.columns):
        values = draws[name].to_numpy()
        if name in LABELS or not np.ptp(values):
            continue
        few = np.unique(values)
        if len(few) > VALUES:
            out.append((name, "high", "low", values > np.median(values)))
            continue
        rest = f"{few[0]:g}" if len(few) == 2 else ""
        out += [(name, f"{value:g}", rest, values == value) for value in (few[1:] if rest else few)]
    return out


def _sides(values: pd.Series, low: float, high: float) -> tuple[str, ...]:
    few = np.unique(values)
    if len(few) <= VALUES:
        return tuple(f"{value:g}" for value in few if low <= value <= high)
    return tuple(side for side, end in (("high", low), ("low", high)) if math.isfinite(end))


def _triple(column: np.ndarray) -> tuple[float, float, float]:
    return float(column[0]), float(column[1]), float(column[2])
