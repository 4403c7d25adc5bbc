"""Series with their own times: observations and exports, from tables, mappings, CSV, tab-separated and Excel files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sdmodel.core.calendar import year
from sdmodel.core.errors import DesignError, ReadError, UnsupportedError

if TYPE_CHECKING:
    import pandas as pd

_TEXTS = {".csv": ",", ".tab": "\t", ".tsv": "\t", ".txt": "\t"}
_BOOKS: dict[str, Literal["openpyxl", "xlrd", "odf"]] = {
    ".xlsx": "openpyxl",
    ".xlsm": "openpyxl",
    ".xls": "xlrd",
    ".ods": "odf",
}
_TIME = re.compile(r"(time|year|date)\s*(\(.*\))?", re.IGNORECASE)
_RUN = re.compile(r"\s+:\s+\S.*$")
"""Vensim writes `variable : run` where several runs are loaded."""


def series_in(source: Any) -> dict[str, pd.Series]:
    """Series by name, without empty cells; the index is time.

    Parameters
    ----------
    source
        A DataFrame, whose index or whose column `time` holds times and each other column a series; a mapping from names
        to Series or to pairs (times, values); or the path of a CSV, tab-separated or Excel file
        (its first sheet). In a file times run down the first column or along the first row (as Vensim exports them);
        its first cell says Time, Year or Date. Empty cells are no observations, so each series has its own times.
        Dates are accepted for times.

    Raises
    ------
    ReadError, UnsupportedError
        If a file cannot be read.
    DesignError
        If there are no times or no numbers, or times do not rise.
    """
    import pandas as pd

    if isinstance(source, (str, Path)):
        return _of_cells(_cells(Path(source)), str(Path(source).name))
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
            if not isinstance(pair, (tuple, list)) or len(pair) != 2 or len(pair[0]) != len(pair[1]):
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


def _cells(path: Path) -> np.ndarray:
    import pandas as pd

    ending = path.suffix.lower()
    if ending not in (*_TEXTS, *_BOOKS):
        raise UnsupportedError(f"{path.name} is of a kind that is not read; {', '.join((*_TEXTS, *_BOOKS))} are.")
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob(f"*{path.suffix}")) if path.parent.is_dir() else []
        raise ReadError(f"There is no file {path}.{f' Beside it: {chr(44).join(near[:5])}.' if near else ''}")
    try:
        if ending in _BOOKS:
            frame = pd.read_excel(path, sheet_name=0, header=None, dtype=object, engine=_BOOKS[ending])
        else:
            with path.open(encoding="utf-8-sig") as lines:
                first = lines.readline()
            given = _TEXTS[ending]
            mark = given if given in first else next((m for m in ("\t", ",", ";") if m in first), given)
            width = 1 + max(line.count(mark) for line in path.read_text(encoding="utf-8-sig").splitlines())
            frame = pd.read_csv(
                path, sep=mark, header=None, names=range(width), dtype=str, encoding="utf-8-sig", skip_blank_lines=True
            )
    except ImportError as error:
        raise ReadError(f"{path.name} needs a package that is not installed: {error}") from error
    except (ValueError, OSError, UnicodeError) as error:
        raise ReadError(f"{path.name} cannot be read: {error}") from error
    return frame.to_numpy(dtype=object)


def _of_cells(cells: np.ndarray, name: str) -> dict[str, pd.Series]:
    if not cells.size or not _TIME.fullmatch(str(cells[0, 0]).strip().strip('"')):
        found = cells[0, 0] if cells.size else "nothing"
        raise ReadError(
            f"{name} begins with {found!r}; its first cell must say Time, with the times beside or below it."
        )
    head = [c for c in cells[0, 1:] if _text(c)]
    across = bool(head) and all(_is_time(c) for c in head)
    table = cells.T if across else cells
    names = [_text(c) for c in table[0]]
    rows = [i for i in range(1, len(table)) if _text(table[i, 0])]
    times = [table[i, 0] for i in rows]
    out: dict[str, tuple[Any, Any]] = {}
    for j in range(1, table.shape[1]):
        label = _RUN.sub("", names[j]).strip().strip('"')
        if not label:
            continue
        if label in out:
            raise ReadError(f"{name} holds '{label}' twice; export one run at a time.")
        out[label] = (times, [table[i, j] for i in rows])
    return _checked(out, name)


def _text(cell: object) -> str:
    return "" if cell is None or cell != cell else str(cell).strip()


def _is_time(cell: object) -> bool:
    try:
        _time(cell)
    except (ValueError, TypeError):
        return False
    return True


def _time(cell: Any) -> float:
    if isinstance(cell, str):
        try:
            return float(cell.strip().strip('"'))
        except ValueError:
            return year(cell.strip().strip('"'))
    if isinstance(cell, (int, float, np.number)):
        return float(cell)
    return year(cell.date() if hasattr(cell, "date") and callable(cell.date) else cell)


def _number(cell: Any, where: str) -> float:
    if cell is None or cell != cell or (isinstance(cell, str) and not cell.strip()):
        return float("nan")
    try:
        return float(cell.strip().strip('"').replace("\u2212", "-") if isinstance(cell, str) else cell)
    except (TypeError, ValueError):
        raise DesignError(f"{where} is {cell!r}, no number. Leave the cell empty where nothing was observed.") from None


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
            raise DesignError(f"{what}: the times of '{name}' do not rise at {bad:g}.")
        out[name] = pd.Series(x, index=pd.Index(at, name="time"), name=name)
    if not any(len(s) for s in out.values()):
        raise DesignError(f"{what} holds no numbers.")
    return out
