"""Samples of the uncertainties: rows reproducible one by one, and ranges narrower or wider than assumed.

Each row has its own part of the stream of the counter-based generator Philox [1]_, so that filtered rows can be drawn
again from their numbers alone. Rows are independent, and so are the filtered ones (unlike points of a Latin hypercube
or a Sobol' sequence), so that confidence intervals of shares are valid.

References
----------
.. [1] Salmon, J. K., Moraes, M. A., Dror, R. O. and Shaw, D. E. (2011). Parallel random numbers: as easy as 1, 2, 3.
   Proceedings of SC11. https://doi.org/10.1145/2063384.2063405
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import stats

from sdmodel.compile.parameters import constant_values
from sdmodel.core.cache import Cache
from sdmodel.core.distributions import quantile
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.design.samplers import latin_hypercube
from sdmodel.design.tables import LABELS

if TYPE_CHECKING:
    from sdmodel.core.structure import Variable
    from sdmodel.model import Model

SAMPLER = "Philox rows, normal copula, 1"
"""Name and version of the sampler; increase it whenever the drawn numbers change."""
WORDS = 4
"""Numbers that Philox returns per counter value."""


def uniform_rows(rows: Sequence[int] | np.ndarray, columns: int, seed: int) -> np.ndarray:
    """Rows of uniform numbers strictly between 0 and 1, shape (rows, columns); adjacent rows are drawn together."""
    numbers = np.asarray(rows, dtype=np.int64)
    counts = -(-columns // WORDS)
    ends = np.flatnonzero(np.diff(numbers) != 1) + 1
    pieces = []
    for run in np.split(numbers, ends):
        if len(run):
            raw = np.random.Philox(key=seed, counter=int(run[0]) * counts).random_raw(len(run) * counts * WORDS)
            pieces.append(raw.reshape(len(run), -1)[:, :columns])
    raw = np.concatenate(pieces) if pieces else np.empty((0, columns), dtype=np.uint64)
    return ((raw >> np.uint64(11)) + 0.5) * 2.0**-53


def correlated(u: np.ndarray, names: Sequence[str], wanted: Mapping[tuple[str, str], float]) -> np.ndarray:
    """The same uniform numbers with rank correlations between pairs of columns (normal copula), others untouched."""
    of_pairs = {name for pair in wanted for name in pair}
    for name in sorted(of_pairs - set(names)):
        raise UnknownNameError(name, names, "uncertainty")
    moved = sorted(of_pairs, key=list(names).index)
    target = np.eye(len(moved))
    for (a, b), rank in wanted.items():
        i, j = moved.index(a), moved.index(b)
        target[i, j] = target[j, i] = 2 * math.sin(math.pi * rank / 6)
    try:
        root = np.linalg.cholesky(target)
    except np.linalg.LinAlgError:
        raise DesignError("The correlations contradict each other: no joint distribution has all of them.") from None
    at = [list(names).index(name) for name in moved]
    out = u.copy()
    out[:, at] = stats.norm.cdf(stats.norm.ppf(u[:, at]) @ root.T)
    return out


def values(u: np.ndarray, parameters: pd.DataFrame) -> pd.DataFrame:
    """Uniform numbers as values of the parameters, in their units; the columns of `sdmodel.latin_hypercube`."""
    columns = {
        str(name): quantile(u[:, j], str(name), row["distribution"], row["value"], row["low"], row["high"])
        for j, (name, row) in enumerate(parameters.iterrows())
    }
    out = pd.DataFrame(columns)
    out.insert(0, LABELS[0], np.arange(len(u)))
    return out


# -- other ranges ------------------------------------------------------------------------------------------------
RANGE_FACTORS = {"ranges as assumed": 1.0, "half as wide": 0.5, "twice as wide": 2.0}
"""Label of the ranges, and their width over the assumed one; none of them is filtered by history."""


def widened(model: Model, factor: float) -> Model:
    """The model with the range of every uncertainty stretched about its value; switches keep theirs.

    A range is stretched in logarithms where it is sampled so. Nonnegative constants stay nonnegative, and shares
    stay below one.
    """
    values: dict[str, list[float]] = {}
    for variable, value in constant_values(model).values():
        values.setdefault(variable.key, []).append(value)
    changed = {
        key: replace(variable, limits=_limits(variable, values[key], factor))
        for key, variable in model.equations.items()
        if variable.role == "uncertainty"
    }
    return replace(model, equations={**model.equations, **changed})


def wider_samples(model: Model, factor: float, samples: int, seed: int) -> tuple[Model, pd.DataFrame]:
    """A model in which stretched ranges are allowed, and samples of them.

    Samples of narrower ranges are run in the model as it is, so that what an arm sets stays within its range.
    """
    key = factor, samples, seed
    if (known := _wider.get(model, key)) is not None:
        return known
    other = model if factor == 1 else widened(model, factor)
    drawn = latin_hypercube(other.uncertainties, samples, rng=seed)
    return _wider.put(model, key, (other if factor > 1 else model, drawn))


_wider: Cache[tuple[Model, pd.DataFrame]] = Cache(4)


def _limits(variable: Variable, values: list[float], factor: float) -> tuple[float | None, ...]:
    low, high, first, last = variable.low, variable.high, min(values), max(values)
    if variable.distribution in ("loguniform", "lognormal"):
        return (first * (low / first) ** factor, last * (high / last) ** factor)
    down, up = first - factor * (first - low), last + factor * (high - last)
    if low >= 0:
        down = max(down, 0.0)
        if variable.unit == "Dmnl" and high <= 1:
            up = min(up, 1.0)
    return (down, up)
