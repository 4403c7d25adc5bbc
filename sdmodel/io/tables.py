"""Read cells of text tables and spreadsheets.

Data files, GET XLS/DIRECT functions, designs and observations all use this module, so that cells are read the same way
everywhere: an empty cell is a gap, and a cell that is not a number is refused with file, sheet, row and column.
"""

from __future__ import annotations

import csv
import datetime as dt
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.text import shorten, unescaped_csv
from sdmodel.io import workbooks
from sdmodel.io.files import decode, not_found, read_bytes

TEXTS = (".csv", ".tab", ".tsv", ".txt")
SUFFIXES = (*TEXTS, *workbooks.SUFFIXES)

Cell = str | float | bool | dt.date | dt.time | dt.timedelta | None
"""None is an empty cell."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_COMMA = "Write numbers with a decimal point, and put a cell that holds the separator in double quotes."
_NAME_WITH_SUBSCRIPTS = re.compile(
    r'(?:^|(?<=\t))"((?:[^"\t\r\n]|"")*)"(\[[^\]"\t\r\n]*\])(?=[\t\r\n]|\Z)', re.MULTILINE
)


@dataclass(frozen=True)
class Sheet:
    """Cells of one table, row by row; rows may differ in length."""

    name: str
    """File and, in a workbook, sheet: for messages."""
    rows: Sequence[Sequence[Cell]]
    in_workbook: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Number of rows, and number of columns of the longest row."""
        return len(self.rows), max(map(len, self.rows), default=0)

    def cell(self, row: int, column: int) -> Cell:
        """The cell at a position from 0; None beyond the table."""
        if row >= len(self.rows) or column >= len(self.rows[row]):
            return None
        return self.rows[row][column]

    def where(self, row: int, column: int) -> str:
        """Position of a cell for messages: file, sheet, row and column."""
        return f"{self.name}, row {row + 1}, column {column_letters(column)}"

    def number(self, row: int, column: int) -> float:
        """The cell as a number; NaN if it is empty.

        Raises
        ------
        ReadError
            If the cell holds anything else.
        """
        return number(self.cell(row, column), self.where(row, column))

    def numbers(self, top: int, bottom: int, left: int, right: int) -> np.ndarray:
        """Numbers of a block of cells, upper bounds exclusive; NaN where a cell is empty or beyond the table."""
        return np.array([[self.number(i, j) for j in range(left, right)] for i in range(top, bottom)]).reshape(
            max(bottom - top, 0), max(right - left, 0)
        )

    def filled(self) -> Iterator[tuple[int, int, Cell]]:
        """Row, column and content of every cell that is not empty, row by row."""
        for i, row in enumerate(self.rows):
            for j, cell in enumerate(row):
                if not is_empty(cell):
                    yield i, j, cell

    def transposed(self) -> Sheet:
        """A view with rows and columns swapped; `where` still names the place in the file."""
        return _Transposed(self.name, self.rows, self.in_workbook)


class _Transposed(Sheet):
    @property
    def shape(self) -> tuple[int, int]:
        rows, columns = super().shape
        return columns, rows

    def cell(self, row: int, column: int) -> Cell:
        return super().cell(column, row)

    def where(self, row: int, column: int) -> str:
        return super().where(column, row)

    def filled(self) -> Iterator[tuple[int, int, Cell]]:
        return ((j, i, cell) for i, j, cell in super().filled())


def column_letters(column: int) -> str:
    """Letters of a column counted from 0: 0 is A, 26 is AA."""
    text = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text


def is_empty(cell: Cell) -> bool:
    """Whether a cell holds nothing, or blanks only."""
    return cell is None or (isinstance(cell, str) and not cell.strip())


def is_number(cell: Cell) -> bool:
    """Whether `number` reads the cell as a number."""
    if isinstance(cell, str):
        return _NUMBER.fullmatch(_plain(cell)) is not None
    return isinstance(cell, (int, float)) and not isinstance(cell, bool)


def is_word(cell: Cell) -> bool:
    """Whether a cell holds text without digits that is not an error value of a spreadsheet."""
    return isinstance(cell, str) and cell.strip()[:1].isalpha() and not any(map(str.isdigit, cell))


def _plain(text: str) -> str:
    return text.strip().replace("\u2212", "-")  # a typographic minus sign


def number(cell: Cell, where: str) -> float:
    """A cell as a number; NaN if it is empty.

    Raises
    ------
    ReadError
        If it holds anything but a decimal number with a decimal point: `where` and the reason.
    """
    if is_empty(cell):
        return float("nan")
    if is_number(cell):
        value = float(_plain(cell)) if isinstance(cell, str) else float(cell)  # type: ignore[arg-type]  # is_number
        if np.isfinite(value):
            return value
    raise ReadError(f"{where}: {_shown(cell)} is not a number. {_advice(cell)}")


def _shown(cell: Cell) -> str:
    return f"'{shorten(cell, 40)}'" if isinstance(cell, str) else str(cell)


def _advice(cell: Cell) -> str:
    """Advice for the message about a cell that is not a number."""
    if isinstance(cell, bool):
        return "Write 1 for true and 0 for false."
    if isinstance(cell, (dt.date, dt.time, dt.timedelta)):
        return "The cell is formatted as a date or a time; give a number in the model's unit."
    if isinstance(cell, str):
        text = cell.strip()
        if text.startswith("#") or text.startswith("Err:"):
            return "The spreadsheet has an error in this cell."
        if text.startswith("=") or text == workbooks.NOT_CALCULATED:
            return "A formula without a stored result; open and save the workbook in a spreadsheet program."
        if text.endswith("%"):
            return "Write a percentage as a fraction, such as 0.5 for 50%."
        if any(c.isdigit() for c in text) and set(",'_ \u00a0\u202f") & set(text):
            return "Write numbers with a decimal point and without thousands separators."
        if any(c.isdigit() and not c.isascii() for c in text):
            return "Write numbers with the digits 0 to 9."
        if is_number(text):
            return "It is too large for a floating-point number."
    return "Leave a cell empty where there is no value."


# -- reading ------------------------------------------------------------------------------------------------------
def read_sheet(path: Path, tab: str | None = None) -> Sheet:
    """One table of a file.

    Parameters
    ----------
    path
        A text table (`.csv`, `.tab`, `.tsv`, `.txt`) or a workbook (`.xlsx`, `.xlsm`, `.xls`, `.ods`).
    tab
        Name of the sheet of a workbook, the first one if None; separator of a text table, detected if None or longer
        than one character.

    Raises
    ------
    UnsupportedError
        If the file is of another kind.
    ReadError
        If it is missing, damaged or too large, or has no such sheet.
    """
    ending = path.suffix.lower()
    if ending not in SUFFIXES:
        raise UnsupportedError(f"'{path.name}' is of a kind that cannot be read; {', '.join(SUFFIXES)} can.")
    try:
        raw = read_bytes(path)
    except FileNotFoundError:
        raise ReadError(str(not_found(path, SUFFIXES))) from None
    if ending in workbooks.SUFFIXES:
        sheet, rows = workbooks.read_rows(raw, path.name, tab)
        return Sheet(f"{path.name}, sheet '{sheet}'", rows, in_workbook=True)
    text = decode(raw, path.name)
    if tab is not None and len(tab) == 1 and not tab.isalnum():
        separator = tab
    elif tab is not None:
        separator = "," if ending == ".csv" else "\t"
    else:
        separator = _separator(text, ending)
    return Sheet(path.name, _split(text, separator, path.name))


def _separator(text: str, ending: str) -> str:
    """The separator of the first line: a tab, else a semicolon, else a comma, outside of quotes."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    outside = re.sub(r'"[^"]*"', "", first)
    return next((sign for sign in "\t;," if sign in outside), "," if ending == ".csv" else "\t")


def _split(text: str, separator: str, name: str) -> list[list[Cell]]:
    """Records of a text table, `csv` quoting; an empty field is an empty cell."""
    if separator == "\t":
        text = _NAME_WITH_SUBSCRIPTS.sub(r'"\1\2"', text)  # Vensim writes "cost [CNY]"[a]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[list[Cell]] = []
    try:
        for record in reader:
            rows.append([field if field.strip() else None for field in record])
    except csv.Error as error:
        raise ReadError(f"{name}, row {len(rows) + 1}: the row cannot be split into cells: {error}.") from error
    while rows and all(cell is None for cell in rows[-1]):
        rows.pop()
    if separator == ",":
        _refuse_longer_rows(rows, name)
    return rows


def _refuse_longer_rows(rows: Sequence[Sequence[Cell]], name: str) -> None:
    """Refuse a row with more cells than the first: a decimal comma would otherwise split a number in two."""
    first = next((len(row) for row in rows if any(cell is not None for cell in row)), 0)
    for i, row in enumerate(rows):
        if any(cell is not None for cell in row[first:]):
            raise ReadError(f"{name}, row {i + 1}: {len(row)} cells, but the first row has {first}. {_COMMA}")


@dataclass(frozen=True)
class Columns:
    """A table whose first row names its columns."""

    sheet: Sheet
    names: tuple[str, ...]
    """Name of each column; empty for an empty column, or if the first column only labels rows."""
    cells: tuple[Mapping[int, Cell], ...]
    """Filled cells of each column by row, from the top."""


def read_columns(
    path: Path, *, turn: Callable[[Cell], bool] | None = None, identity: Callable[[str], str] = str
) -> Columns:
    """A table with names in its first row, every row as long as that one.

    Parameters
    ----------
    path
        See `read_sheet`; of a workbook the first sheet.
    turn
        Transpose a table whose cells along the first row, except the first, all pass this test: its names are then in
        the first column.
    identity
        Names for which this function returns equal values count as duplicates.

    Raises
    ------
    ReadError
        If the file cannot be read or is empty, a text table has rows of unequal length, a column with values has no
        name, or two columns have the same name.
    """
    sheet = read_sheet(path)
    if sheet.rows and all(map(is_empty, sheet.rows[0])):
        raise ReadError(f"{sheet.name}: the first row is empty; it must hold the names of the columns.")
    if not sheet.rows:
        raise ReadError(f"{sheet.name} is empty.")
    head = [cell for cell in sheet.rows[0][1:] if not is_empty(cell)]
    turned = turn is not None and bool(head) and all(map(turn, head))
    if path.suffix.lower() in TEXTS:
        _refuse_unequal_rows(sheet, constants=turned)
    if turned:
        sheet = sheet.transposed()
    names = [""] * sheet.shape[1]
    cells: list[dict[int, Cell]] = [{} for _ in names]
    first: dict[str, int] = {}
    for i, j, cell in sheet.filled():
        if i > 0:
            cells[j][i] = cell
            continue
        names[j] = unescaped_csv(str(cell).strip())
        if first.setdefault(identity(names[j]), j) != j:
            raise ReadError(f"{sheet.where(i, j)}: '{shorten(names[j])}' is the name of two columns.")
    for j in range(1, len(names)):
        if cells[j] and not names[j]:
            raise ReadError(f"{sheet.where(min(cells[j]), j)}: the cell holds a value, but its column has no name.")
    return Columns(sheet, tuple(names), tuple(cells))


def _refuse_unequal_rows(sheet: Sheet, constants: bool) -> None:
    """Refuse rows of another length than the first; `constants` accepts a name with one value, as Vensim exports it."""
    width = len(sheet.rows[0])
    for i, row in enumerate(sheet.rows):
        if constants and len(row) == 2:
            continue
        if any(row) and (len(row) < width or any(cell is not None for cell in row[width:])):
            raise ReadError(f"{sheet.name}, row {i + 1}: {len(row)} cells, but the first row has {width}. {_COMMA}")
