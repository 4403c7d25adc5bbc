"""Tables written as CSV or as a workbook, with names and texts that no spreadsheet reads as formulas."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.arguments import as_path
from sdmodel.core.errors import DesignError
from sdmodel.core.text import escaped_csv

if TYPE_CHECKING:
    import pandas as pd

MAX_EXCEL = (1_048_575, 16_384)
"""Rows below the header and columns of a sheet of a workbook."""


def table_path(path: str | Path, ending: str = "") -> Path:
    """The path of a table to write, refused unless it ends with `ending`, or with `.csv` or `.xlsx` if none is given.

    Raises
    ------
    DesignError
        If it ends with something else, or its folder does not exist.
    """
    path = as_path("path", path)
    if path.suffix.lower() not in ({ending} if ending else {".csv", ".xlsx"}):
        wanted = f"a file that ends with {ending}" if ending else "a .csv or an .xlsx file"
        raise DesignError(f"'{path.name}' ends with '{path.suffix}'; a table is written to {wanted}.")
    if not path.parent.is_dir():
        raise DesignError(f"'{path}' cannot be written: there is no folder '{path.parent}'.")
    return path


def write_table(
    table: pd.DataFrame, path: Path, *, index: bool, sheets: Mapping[str, pd.DataFrame] | None = None
) -> None:
    """Write a table as CSV, or as a workbook if the path ends with `.xlsx`, with further sheets where given.

    Raises
    ------
    DesignError
        If a table does not fit on a sheet of a workbook.
    OSError
        If the file cannot be written.
    """
    if path.suffix.lower() == ".csv":
        safe(table).to_csv(path, index=index, float_format="%.10g", encoding="utf-8")
        return
    import pandas as pd

    if len(table) > MAX_EXCEL[0] or len(table.columns) + index > MAX_EXCEL[1]:
        raise DesignError(
            f"{len(table):,} rows and {len(table.columns):,} columns do not fit on a sheet of a workbook. Write a .csv."
        )
    with pd.ExcelWriter(path, engine="openpyxl") as book:
        safe(table).to_excel(book, sheet_name="values", index=index)
        for name, other in (sheets or {}).items():
            safe(other).to_excel(book, sheet_name=name, index=False)


def write_columns(names: Sequence[str], columns: Sequence[np.ndarray], path: Path) -> None:
    """Write columns of numbers as CSV: the bytes of `write_table` without pandas, which loads longer than a run takes.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator=os.linesep)
        out.writerow([escaped_csv(name) for name in names])
        for row in zip(*(values.tolist() for values in columns), strict=True):
            out.writerow(["" if math.isnan(x) else f"{x:.10g}" for x in row])


def safe(table: pd.DataFrame) -> pd.DataFrame:
    """A copy with texts and names of columns prefixed where a spreadsheet would read them as formulas."""
    out = table.rename(columns=lambda name: escaped_csv(str(name)))
    for place, kind in enumerate(table.dtypes):
        if getattr(kind, "kind", "O") in "OUS":  # texts, categories and mixed columns
            out.isetitem(place, [_safe_cell(cell) for cell in table.iloc[:, place]])
    return out


def _safe_cell(cell: Any) -> Any:
    return escaped_csv(cell) if isinstance(cell, str) else cell
