"""Designs as tables: grids, pairs of samples and settings, and the checks of a given design.

A design is a DataFrame with one row per run and one column per constant. Columns `sample` and `setting` are labels;
they become coordinates of the results.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.arguments import kind, refuse
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import DesignError, ScenarioError
from sdmodel.core.schedule import as_schedule

if TYPE_CHECKING:
    import pandas as pd

LABELS = ("sample", "setting")
"""Columns of a design that are not constants of the model."""


def grid(levels: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """Full factorial design: every combination of the given values.

    Parameters
    ----------
    levels
        Values by name of a constant, in its unit in the model; times may be dates.

    Returns
    -------
    pandas.DataFrame
        One row per combination; the last name varies fastest.

    Raises
    ------
    DesignError
        If a name has no values.

    Examples
    --------
    >>> import sdmodel
    >>> len(sdmodel.grid({"exit start": [2017, 2020, 2024], "exit duration": [0, 5]}))
    6
    """
    import pandas as pd

    kind("levels", levels, types=(Mapping,), need="a mapping from names of constants to lists of values")
    given: Mapping[Any, Any] = levels
    for name, values in given.items():
        kind("levels", name, types=(str,), need="names of constants, as strings")
        if isinstance(values, str) or not isinstance(values, Iterable):
            raise refuse(f"levels of '{name}'", values, "a list of values")
    numbers = {name: [_number(v, name) for v in values] for name, values in levels.items()}
    dated = [name for name, values in numbers.items() if any(isinstance(v, Year) for v in values)]
    axes = {name: [float(v) for v in values] for name, values in numbers.items()}
    empty = [name for name, values in axes.items() if not values]
    if not axes or empty:
        raise DesignError(f"A grid needs values for '{empty[0]}'." if empty else "A grid needs at least one constant.")
    out = pd.DataFrame(list(product(*axes.values())), columns=list(axes))
    if dated:
        out.attrs["dates"] = dated
    return out


def pair(samples: pd.DataFrame, settings: pd.DataFrame) -> pd.DataFrame:
    """Combine every setting with every sample, so that all settings use the same samples.

    Parameters
    ----------
    samples
        One row per sample; a column `sample` is added if there is none.
    settings
        One row per setting; a column `setting` with labels is added if there is none. A constant in both is taken from
        the setting.

    Returns
    -------
    pandas.DataFrame
        `len(samples) * len(settings)` rows; the sample varies fastest.

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> samples = pd.DataFrame({"trust time": [3.0, 5.0]})
    >>> sdmodel.pair(samples, sdmodel.grid({"exit start": [2017, 2020]}))["setting"].tolist()
    [0, 0, 1, 1]
    """
    import pandas as pd

    for name, table in (("samples", samples), ("settings", settings)):
        kind(name, table, types=(pd.DataFrame,), need="a pandas.DataFrame")

    def labelled(table: pd.DataFrame, label: str) -> pd.DataFrame:
        return table if label in table else table.assign(**{label: np.arange(len(table))})

    left = labelled(samples, "sample")
    right = labelled(settings, "setting")
    shared = [c for c in left.columns if c in right.columns]
    out = right.merge(left.drop(columns=shared), how="cross")
    out.attrs = {**samples.attrs}
    dated = [*samples.attrs.get("dates", ()), *settings.attrs.get("dates", ())]
    if dated:
        out.attrs["dates"] = dated
    front = [c for c in LABELS if c in out]
    return out[[*front, *(c for c in out.columns if c not in front)]]


def table(design: Any) -> pd.DataFrame:
    """Convert a design to a DataFrame with one row per run.

    Parameters
    ----------
    design
        A DataFrame; a mapping from names to lists of values, all combinations of which are run; or a list of runs, each
        a mapping from names to values.
        Dates become numbers of years; `attrs["dates"]` then names the columns.

    Raises
    ------
    DesignError
        If it has no rows, duplicate or unnamed columns, or a value that is not a finite number.
    """
    import pandas as pd

    need = "a pandas.DataFrame with one row a run, a mapping from names to lists, or a list of mappings"
    if isinstance(design, pd.DataFrame):
        out = design
    elif isinstance(design, Mapping) and design:
        return grid(design)
    else:
        if isinstance(design, (str, pd.Series)) or not isinstance(design, Iterable):
            raise refuse("design", design, need)
        given: Any = dict(design) if isinstance(design, Mapping) else list(design)
        if isinstance(given, list) and not all(isinstance(row, Mapping) for row in given):
            raise refuse("design", design, need)
        try:
            out = pd.DataFrame(given)
        except ValueError as error:
            raise DesignError(f"The design is no table: {error}. Give {need}.") from None
    if not len(out):
        raise DesignError("The design has no rows; a sweep needs at least one run.")
    unnamed = [name for name in out.columns if not isinstance(name, str)]
    if unnamed:
        raise DesignError(f"The design has a column {unnamed[0]!r}; columns are named after constants of the model.")
    if not out.columns.is_unique:
        twice = out.columns[out.columns.duplicated()].tolist()
        raise DesignError(f"The design has the column '{twice[0]}' twice.")
    changed: dict[str, list[float]] = {}
    for name in out.columns:
        values = out[name]
        if name in LABELS:
            if values.isna().any():
                raise DesignError(f"Row {int(values.isna().to_numpy().argmax())} of the design has no '{name}'.")
        elif values.to_numpy().dtype.kind not in "iuf":
            changed[name] = [_element(value, i, name) for i, value in enumerate(values)]
        elif not np.isfinite(values.to_numpy(float)).all():
            row = int((~np.isfinite(values.to_numpy(float))).argmax())
            raise DesignError(
                f"Row {row} of the design gives '{name}' the value {values.iloc[row]!r}, no finite number."
            )
    if not changed:
        return out
    dated = [name for name, column in changed.items() if any(isinstance(value, Year) for value in column)]
    attrs = out.attrs
    out = out.assign(**{name: np.array(column, dtype=float) for name, column in changed.items()})
    out.attrs = {**attrs, **({"dates": [*attrs.get("dates", ()), *dated]} if dated else {})}
    return out


def _number(value: Any, name: str) -> float:
    """Convert a value to a float, and a date to a `Year`."""
    text = isinstance(value, str)
    try:
        number = year(value)
    except ScenarioError:
        raise DesignError(f"'{name}' is given {value!r}; a design holds finite numbers and dates.") from None
    if not math.isfinite(number) or (text and not isinstance(number, Year)):
        raise DesignError(f"'{name}' is given {value!r}; a design holds finite numbers.")
    return number


def _element(value: Any, row: int, name: str) -> float:
    """Convert a value from a column of object type: a date or a number."""
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    try:
        if value is None or isinstance(value, complex):
            raise TypeError
        return _number(value, name)
    except (DesignError, TypeError, ValueError, OverflowError):
        over_time = " Give values over time as policies=, or as a list of Scenarios." if as_schedule(value) else ""
        raise DesignError(
            f"Row {row} of the design gives '{name}' the value {value!r:.60}, no finite number or date.{over_time}"
        ) from None
