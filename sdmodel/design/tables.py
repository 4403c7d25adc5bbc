"""Designs as tables: grids, pairs of samples and settings, and the checks of a given design.

A design is a DataFrame with one row per run and one column per constant. Columns `sample` and `setting` are labels;
they become coordinates of the results.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Rows:
    """A checked design: its columns as arrays, one value a run."""

    columns: Mapping[str, np.ndarray]
    """Numbers by name of a constant, and the labels."""
    runs: int
    attrs: Mapping[Any, Any]
    """Attributes of the table; `dates` names columns that were given as dates."""


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
    out = _frame(design)
    rows, changed = _checked(out)
    if changed:
        out = out.assign(**{name: rows.columns[name] for name in changed})
        out.attrs = dict(rows.attrs)
    return out


def read_rows(design: Any) -> Rows:
    """The columns of a design (see `table`); to take one from a DataFrame costs as much as a short run."""
    return _checked(_frame(design))[0]


def _frame(design: Any) -> pd.DataFrame:
    import pandas as pd

    need = "a pandas.DataFrame with one row a run, a mapping from names to lists, or a list of mappings"
    if isinstance(design, pd.DataFrame):
        return design
    if isinstance(design, Mapping) and design:
        return grid(design)
    if isinstance(design, (str, pd.Series)) or not isinstance(design, Iterable):
        raise refuse("design", design, need)
    given: Any = dict(design) if isinstance(design, Mapping) else list(design)
    if isinstance(given, list) and not all(isinstance(row, Mapping) for row in given):
        raise refuse("design", design, need)
    try:
        return pd.DataFrame(given)
    except ValueError as error:
        raise DesignError(f"The design is no table: {error}. Give {need}.") from None


def _checked(frame: pd.DataFrame) -> tuple[Rows, list[str]]:
    """Its rows, and the columns that were not numbers."""
    if not len(frame):
        raise DesignError("The design has no rows; a sweep needs at least one run.")
    names = frame.columns.tolist()
    unnamed = [name for name in names if not isinstance(name, str)]
    if unnamed:
        raise DesignError(f"The design has a column {unnamed[0]!r}; columns are named after constants of the model.")
    if len(set(names)) < len(names):
        twice = frame.columns[frame.columns.duplicated()].tolist()
        raise DesignError(f"The design has the column '{twice[0]}' twice.")
    columns, changed, dated = _arrays(frame, names), [], []
    for name, values in columns.items():
        if name in LABELS:
            if (lacks := frame[name].isna().to_numpy()).any():
                raise DesignError(f"Row {int(lacks.argmax())} of the design has no '{name}'.")
        elif values.dtype.kind not in "iuf":
            read = [_element(value, i, name) for i, value in enumerate(frame[name])]
            columns[name] = np.array(read, dtype=float)
            changed.append(name)
            dated += [name] if any(isinstance(value, Year) for value in read) else []
        elif not (finite := np.isfinite(values)).all():
            row = int((~finite).argmax())
            raise DesignError(f"Row {row} of the design gives '{name}' the value {values[row]!r}, no finite number.")
    attrs: dict[Any, Any] = dict(frame.attrs)
    if dated:
        attrs["dates"] = [*attrs.get("dates", ()), *dated]
    return Rows(columns, len(frame), attrs), changed


def _arrays(frame: pd.DataFrame, names: list[str]) -> dict[str, np.ndarray]:
    kinds = set(frame.dtypes) if len(names) > 2 else set()
    if len(names) == 1 or (len(kinds) == 1 and all(isinstance(kind, np.dtype) for kind in kinds)):
        whole = frame.to_numpy()  # quicker than column by column
        return {name: whole[:, i] for i, name in enumerate(names)}
    bare = frame.copy(deep=False)
    bare.attrs = {}  # pandas would copy them for each column
    return {name: bare[name].to_numpy() for name in names}


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
