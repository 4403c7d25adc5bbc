"""Other ranges for the same question: those assumed before history was looked at, half as wide, twice as wide."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import sdmodel
from sdmodel.compile.parameters import constant_values

if TYPE_CHECKING:
    import pandas as pd

    from sdmodel.core.structure import Variable
    from sdmodel.model import Model

WIDTHS = {"ranges as assumed": 1.0, "half as wide": 0.5, "twice as wide": 2.0}
"""Label of the ranges, and their width over the assumed one; none of them is filtered by history."""


def widened(model: Model, factor: float) -> Model:
    """The model with the range of every uncertainty stretched about its value; switches keep theirs.

    A range is stretched in logarithms where it is sampled so. What cannot be negative stays so, and a share stays
    below one.
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
    other = model if factor == 1 else widened(model, factor)
    return (other if factor > 1 else model), sdmodel.latin_hypercube(other.uncertainties, samples, rng=seed)


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
