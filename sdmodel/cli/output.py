"""What commands print and write: text safe for a terminal, tables safe for a spreadsheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from sdmodel.core.errors import DesignError
from sdmodel.core.text import escaped_csv, printable

if TYPE_CHECKING:
    import pandas as pd

MAX_EXCEL = (1_048_575, 16_384)
"""Rows below the header and columns of a sheet of a workbook."""


def say(text: str, *, error: bool = False) -> None:
    """Print text, with control characters from names and messages written out."""
    typer.echo(printable(text), err=error)


def table_path(path: Path) -> Path:
    """The path of a table to write, refused unless it ends with `.csv` or `.xlsx`.

    Raises
    ------
    DesignError
        If it ends with something else.
    """
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise DesignError(f"'{path.name}' ends with '{path.suffix}'; a table is written to a .csv or an .xlsx file.")
    return path


def write_table(table: pd.DataFrame, path: Path, *, index: bool) -> None:
    """Write a table as CSV, or as a workbook if the path ends with `.xlsx`.

    Raises
    ------
    DesignError
        If the table does not fit on a sheet of a workbook.
    OSError
        If the file cannot be written.
    """
    safe = table.rename(columns=lambda name: escaped_csv(str(name)))
    if path.suffix.lower() == ".csv":
        safe.to_csv(path, index=index, float_format="%.10g", encoding="utf-8")
        return
    if len(safe) > MAX_EXCEL[0] or len(safe.columns) + index > MAX_EXCEL[1]:
        raise DesignError(
            f"{len(safe):,} rows and {len(safe.columns):,} columns do not fit on a sheet of a workbook. Write a .csv."
        )
    safe.to_excel(path, index=index, engine="openpyxl")
