"""Time series of observations or exports, from tables, mappings, CSV, tab-separated and spreadsheet files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.calendar import year
from sdmodel.core.errors import DesignError, ReadError
from sdmodel.core.text import shorten
from sdmodel.io.tables import is_number, number, read_columns

if TYPE_CHECKING:
    import pandas as pd

_TIME = re.compile(r"(time|year|date)\s*(\(.*\))?", re.IGNORECASE)
_RUN = re.compile(r"\s+:\s+\S.*$")
"""Vensim appends ` : run` to a name when several runs are loaded."""


def series_in(source: Any) -> dict[str, pd.Series]:
    """Read series by name, without missing values; the index is time.

    Parameters
    ----------
    source
        A DataFrame with times in the index or in a column `time` and one column per series; a mapping from names to
        Series or to pairs (times, values); or the path of a CSV, tab-separated or spreadsheet file (its first sheet),
        with times in the first column or in the first row (as Vensim exports them) and Time, Year or Date in the first
        cell. Empty cells are missing values, so each series has its own times. Dates are accepted as times.

    Raises
    ------
    ReadError, UnsupportedError
        If a file cannot be read.
    DesignError
        If there are no times or no numbers, or times do not increase.
    """
    import pandas as pd

    if isinstance(source, (str, Path)):
        return _of_file(Path(source))
    if isinstance(source, pd.DataFrame):
        named = [c for c in source.columns if _TIME.fullmatch(str(c))]
        if named:
            source = source.set_index(named[0])
        elif isinstance(source.index, pd.RangeIndex) and source.index.name is None:
            raise DesignError("The table has no times. Name a column 'time', or put the times into the index.")
        return _checked({str(c): (source.index, source[c].to_numpy()) for c in source.columns}, "The table")
    if isinstance(source, Mapping):
        pairs = {}
        for name, value in source.items():
            pair = (value.index, value.to_numpy()) if isinstance(value, pd.Series) else value
            sizes = [np.shape(part) for part in pair] if isinstance(pair, (tuple, list)) else []
            if len(sizes) != 2 or len(sizes[0]) != 1 or sizes[0] != sizes[1]:
                raise DesignError(
                    f"The series '{name}' is neither a pandas.Series nor a pair (times, values) of one length."
                )
            pairs[str(name)] = (pair[0], pair[1])
        return _checked(pairs, "The mapping")
    raise DesignError(f"Series are given as {type(source).__name__}; give a DataFrame, a mapping or a path.")


def standard_deviations(name: str, given: Any, series: pd.Series) -> np.ndarray:
    """Standard deviation of each observation of a series: one number, or one for each time.

    Raises
    ------
    DesignError
        If one is missing or not positive.
    """
    try:
        sizes = np.asarray(given.reindex(series.index) if hasattr(given, "reindex") else given, dtype=float)
        out = np.broadcast_to(sizes, (len(series),))
    except (TypeError, ValueError):
        out = np.array([np.nan])
    if not (np.isfinite(out) & (out > 0)).all():
        raise DesignError(f"The errors of '{name}' must be positive, one number or one for each observation.")
    return out


def _of_file(path: Path) -> dict[str, pd.Series]:
    def name_of(label: str) -> str:
        return _RUN.sub("", label).strip().strip('"')

    table = read_columns(path, turn=_is_time, identity=name_of)
    if not _TIME.fullmatch(table.names[0].strip('"')):
        raise ReadError(
            f"{table.sheet.name} begins with '{shorten(table.names[0], 40)}'; its first cell must say Time, with the "
            "times beside or below it."
        )
    times = {}
    for i, cell in table.cells[0].items():
        if not _is_time(cell):
            raise ReadError(f"{table.sheet.where(i, 0)}: {cell!r} is neither a number nor a date.")
        times[i] = _time(cell)
    out = {}
    for j, label in enumerate(table.names[1:], 1):
        lost = next((i for i in table.cells[j] if i not in times), None)
        if lost is not None:
            raise ReadError(f"{table.sheet.where(lost, j)}: a value without a time.")
        if label:
            values = [number(cell, table.sheet.where(i, j)) for i, cell in table.cells[j].items()]
            out[name_of(label)] = [times[i] for i in table.cells[j]], values
    return _checked(out, table.sheet.name)


def _is_time(cell: object) -> bool:
    try:
        _time(cell)
    except (ValueError, TypeError):
        return False
    return True


def _time(cell: Any) -> float:
    if isinstance(cell, str):
        return number(cell, "time") if is_number(cell) else year(cell.strip())
    if isinstance(cell, (int, float, np.number)):
        return float(cell)
    return year(cell.date() if hasattr(cell, "date") and callable(cell.date) else cell)


def _number(cell: Any, where: str) -> float:
    """A cell of a table in memory as a number; NaN if there is none."""
    if cell is None or cell != cell:
        return float("nan")
    try:
        return number(float(cell) if isinstance(cell, np.number) else cell, where)
    except ReadError as error:
        raise DesignError(str(error)) from None


def _checked(pairs: Mapping[str, tuple[Any, Any]], what: str) -> dict[str, pd.Series]:
    import pandas as pd

    out = {}
    for name, (times, values) in pairs.items():
        try:
            at = np.array([_time(t) for t in times])
        except (TypeError, ValueError) as error:
            raise DesignError(f"{what}: a time of '{name}' is neither a number nor a date: {error}") from error
        x = np.array([_number(v, f"{what}: '{name}' at {t}") for t, v in zip(times, values, strict=True)])
        there = np.isfinite(x)
        at, x = at[there], x[there]
        if (np.diff(at) <= 0).any():
            bad = at[1:][np.diff(at) <= 0][0]
            raise DesignError(f"{what}: the times of '{name}' do not increase at {bad:g}.")
        out[name] = pd.Series(x, index=pd.Index(at, name="time"), name=name)
    if not any(len(s) for s in out.values()):
        raise DesignError(f"{what} holds no numbers.")
    return out
