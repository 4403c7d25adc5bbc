"""Surfaces: an outcome over two axes of settings, where it is best, and the regret of the other settings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sdmodel.study.paired import best_inside

SHAPES = ("flat", "best with none", "best inside", "best with most")


def table_of(values: Any, index: Sequence[Any], columns: Sequence[Any], down: str, across: str) -> pd.DataFrame:
    """A surface as a table whose axes have names."""
    table = pd.DataFrame(values, index=list(index), columns=list(columns))
    return table.rename_axis(index=down, columns=across)


def shapes(values: np.ndarray, flat: float) -> pd.Series:
    """Share of samples by the position of the best outcome along an axis.

    Parameters
    ----------
    values
        One row a setting along the axis, one column a sample; samples with a NaN are left out.
    flat
        Percent over the whole axis below which an outcome is flat, and above both ends from which a best inside counts.
    """
    values = values[:, np.isfinite(values).all(axis=0)]
    level = values.max(axis=0) < (1 + flat / 100) * values.min(axis=0)
    within = ~level & (best_inside(values) > flat)
    low = ~level & ~within & (values[0] > values[-1])
    return pd.Series([level.mean(), low.mean(), within.mean(), (~level & ~within & ~low).mean()], index=list(SHAPES))


def regret(table: pd.DataFrame) -> pd.DataFrame:
    """Regret by setting: distance from the best setting of the same sample (row), in percent of the best.

    Returns
    -------
    pandas.DataFrame
        Columns `expected` and `largest`; samples with a NaN are left out.
    """
    whole = table.dropna()
    lost = 100 * (1 - whole.div(whole.max(axis=1), axis=0))
    return pd.DataFrame({"expected": lost.mean(), "largest": lost.max()})
