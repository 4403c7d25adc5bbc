"""Information of the history matching on the uncertainties: shifted ranges and number of identified directions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sdmodel.core.distributions import quantile
from sdmodel.study import sampling
from sdmodel.study.history_matching import EVERY, FREE, drawn, kept_rows, record, until
from sdmodel.study.targets import Target, correlations, label, targets, variables

if TYPE_CHECKING:
    from sdmodel.model import Model

STEP = 0.02
"""Step of the derivatives, in standard deviations of the prior (normal scores)."""
POINTS = 9
"""Number of kept samples at which the local information is computed."""
NOTABLE = 0.1
"""Kolmogorov-Smirnov distance from which a range counts as strongly moved."""


@dataclass(frozen=True)
class Identified:
    """Identifiability of the uncertainties from the kept samples."""

    ranges: pd.DataFrame
    """Free parameters: target, and 5 %, median and 95 % before and after."""
    moved: pd.DataFrame
    """All uncertainties by Kolmogorov-Smirnov distance between kept and prior: `distance`, `shift` (change of the
    median in shares of the prior) and `clear` (significant at 5 % with Bonferroni's correction)."""
    pairs: pd.DataFrame
    """Pairs of uncertainties by rank correlation among the kept that was not put in."""
    eigenvalues: np.ndarray
    """Of the local information, in units of the prior's: (points, targets), largest first."""
    vectors: pd.DataFrame
    """Median squared share of each uncertainty in the directions with more information than the prior."""

    @property
    def directions(self) -> np.ndarray:
        """Number of directions in which the targets are more informative than the prior, at each point."""
        return np.asarray((self.eigenvalues > 1).sum(axis=1))


def identified(model: Model) -> Identified:
    """Compare the stored ensemble with the prior."""
    rows = kept_rows()
    u, values = drawn(model, rows, int(record()["seed"]))
    table = model.uncertainties
    names = [str(n) for n in table.index]
    eigenvalues, vectors = information(model, u[:POINTS])
    return Identified(_ranges(table, values), shifts(u, names), _pairs(u, names), eigenvalues, vectors)


def _ranges(table: pd.DataFrame, kept: pd.DataFrame) -> pd.DataFrame:
    out = []
    at = np.array([0.05, 0.5, 0.95])
    for name, target in FREE.items():
        if name in table.index:
            row = table.loc[name].to_dict()
            prior = quantile(at, name, row["distribution"], row["value"], row["low"], row["high"])
            out.append([name, target, row["unit"], *prior, *np.quantile(kept[name], at)])
    ends = [f"{when} {q}" for when in ("prior", "kept") for q in ("5 %", "median", "95 %")]
    return pd.DataFrame(out, columns=["parameter", "target", "unit", *ends]).set_index("parameter")


def shifts(u: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Kolmogorov-Smirnov distance of each column of uniform scores from the uniform distribution of the prior."""
    n = len(u)
    ordered, steps = np.sort(u, axis=0), np.arange(n + 1)[:, None] / n
    distance = np.maximum(np.abs(ordered - steps[1:]), np.abs(ordered - steps[:-1])).max(axis=0)
    by_chance = np.sqrt(-np.log(0.05 / len(names) / 2) / (2 * n))  # Massart's bound, with Bonferroni's correction
    out = pd.DataFrame({"distance": distance, "shift": np.median(u, axis=0) - 0.5}, index=names)
    return out.assign(clear=distance > by_chance).sort_values("distance", ascending=False)


def _pairs(u: np.ndarray, names: list[str], most: int = 10) -> pd.DataFrame:
    ranks = u.argsort(axis=0).argsort(axis=0)
    r = np.atleast_2d(np.corrcoef(ranks, rowvar=False))
    given = {frozenset(pair) for pair in correlations()}
    i, j = np.triu_indices(len(names), 1)
    order = np.argsort(-np.abs(r[i, j]))
    rows = [(names[a], names[b], r[a, b]) for a, b in zip(i[order], j[order], strict=True)]
    found = [row for row in rows if frozenset(row[:2]) not in given][:most]
    return pd.DataFrame(found, columns=["one", "other", "rank correlation"])


def information(model: Model, u: np.ndarray) -> tuple[np.ndarray, pd.DataFrame]:
    """Eigenvalues of the local Fisher matrix at points of the unit cube, and the uncertainties in its large directions.

    Slopes of the targets along the normal score of each uncertainty, by central differences, divided by the standard
    deviation of the target; that of an interval is the one of a uniform distribution over it. The matrix of the prior
    is then the identity, and eigenvalues above one belong to directions on which the targets are more informative.
    One-sided bounds hold no information on a point inside them and are left out, and so are structural switches.
    """
    from scipy import stats

    table = model.uncertainties
    smooth = np.flatnonzero((table["distribution"] != "integer").to_numpy())
    of = [t for t in targets() if np.isfinite(t.low + t.high)]
    short = until(model, of)
    score = np.clip(stats.norm.ppf(u), -2, 2)  # at a far end a step would leave the range
    blocks = []
    for point in score:
        rows = np.tile(point, (2 * len(smooth), 1))
        at = np.arange(len(smooth))
        rows[at, smooth] += STEP
        rows[at + len(smooth), smooth] -= STEP
        blocks.append(rows)
    design = sampling.values(stats.norm.cdf(np.concatenate(blocks)), table)
    for j in np.flatnonzero((table["distribution"] == "integer").to_numpy()):  # the clip must not move a switch
        name = str(table.index[int(j)])
        row = table.loc[name].to_dict()
        own = quantile(u[:, j], name, "integer", row["value"], row["low"], row["high"])
        design[name] = np.repeat(own, 2 * len(smooth))
    found = short.sweep(design, variables(of), every=EVERY, certificate=0, progress=False)
    slopes = np.stack([_scaled(t, t.value(found)).reshape(len(u), 2, -1) for t in of], axis=1)
    slopes = (slopes[:, :, 0] - slopes[:, :, 1]) / (2 * STEP)  # (points, targets, uncertainties)
    _, sizes, vectors = np.linalg.svd(slopes, full_matrices=False)
    known = (sizes > 1)[:, :, None]
    share = (vectors**2 * known).sum(axis=1)
    names = [str(table.index[int(j)]) for j in smooth]
    made_of = pd.DataFrame({"share": np.median(share, axis=0)}, index=names).sort_values("share", ascending=False)
    return sizes**2, made_of


def _scaled(target: Target, value: np.ndarray) -> np.ndarray:
    """A figure in units of the standard deviation of the published one."""
    low, high = (np.log([target.low, target.high])) if target.scale == "log" else (target.low, target.high)
    known = np.hypot(target.spread, (high - low) / np.sqrt(12))
    return np.asarray((np.log(value) if target.scale == "log" else value) / known)


def labels() -> list[str]:
    """Targets that rule samples out, as tables name them."""
    return [label(t) for t in targets()]
