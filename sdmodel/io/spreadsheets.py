"""Cells of spreadsheets and text tables beside a model; nothing is evaluated, nothing outside its folder is read."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sdmodel.core.errors import ReadError, UnknownNameError, UnsupportedError

MAX_BYTES = 50_000_000
MAX_UNPACKED = 500_000_000
_ENGINES: dict[str, Literal["xlrd", "openpyxl", "odf"]] = {
    ".xls": "xlrd",
    ".xlsx": "openpyxl",
    ".xlsm": "openpyxl",
    ".ods": "odf",
}
_BOOKS = tuple(_ENGINES)
_TEXTS = (".csv", ".tab", ".txt")
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})")

Block = tuple[int, int, int, int]
"""First row, row behind the last, first column, column behind the last; from 0."""


def column_number(letters: str) -> int:
    """Position of a column from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def cell_place(text: str) -> tuple[int, int] | None:
    """Row and column, from 0, of a cell such as `B12`; None if the text is no cell but a name."""
    found = _CELL.fullmatch(text.strip())
    return (int(found.group(2)) - 1, column_number(found.group(1))) if found else None


def inside(folder: Path, file: str, where: str) -> Path:
    """The path of a file that a model names, which must lie in the model's folder."""
    if file.startswith("?"):
        raise UnsupportedError(f"{where}: '{file}' is an indirect name of a file. Write the file's name.")
    home = folder.resolve()
    try:
        path = (home / file.replace("\\", "/")).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ReadError(f"{where}: '{file[:80]}' is no name of a file.") from error
    if path != home and home not in path.parents:
        raise UnsupportedError(f"{where}: '{file}' lies outside the folder of the model. Copy it into that folder.")
    if path.suffix.lower() not in _BOOKS + _TEXTS:
        raise UnsupportedError(f"{where}: '{file}' is of a kind that is not read; {', '.join(_BOOKS + _TEXTS)} are.")
    if not path.is_file():
        near = (
            [p.name for p in path.parent.glob("*") if p.suffix.lower() in _BOOKS + _TEXTS]
            if path.parent.is_dir()
            else []
        )
        raise ReadError(f"{where}: {UnknownNameError(file, near, 'file beside the model')}")
    return path


class Sheets:
    """The tables of the files of one model, each read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tables: dict[tuple[Path, str], np.ndarray] = {}
        self._books: dict[Path, Any] = {}

    def table(self, file: str, tab: str, where: str) -> np.ndarray:
        """All cells of a sheet as objects, shape (rows, columns); for text files `tab` is the separator."""
        path = inside(self.folder, file, where)
        mark = (path, tab.lower())
        if mark not in self._tables:
            self._tables[mark] = self._read(path, tab, where)
        return self._tables[mark]

    def block(self, file: str, tab: str, place: Block, where: str) -> np.ndarray:
        """Numbers of a block of cells; NaN for text, empty cells and what lies beyond the sheet."""
        top, bottom, left, right = place
        cells = self.table(file, tab, where)[top:bottom, left:right]
        out = np.full((max(bottom - top, 0), max(right - left, 0)), np.nan)
        for (i, j), value in np.ndenumerate(cells):
            out[i, j] = number(value)
        return out

    def extent(self, file: str, tab: str, where: str) -> tuple[int, int]:
        """Rows and columns of a sheet."""
        rows, columns = self.table(file, tab, where).shape
        return int(rows), int(columns)

    def named(self, file: str, tab: str, name: str, where: str) -> Block:
        """The block of cells that a name of the workbook stands for."""
        path = inside(self.folder, file, where)
        if path.suffix.lower() not in (".xlsx", ".xlsm"):
            raise UnsupportedError(f"{where}: '{name}' is a name of cells, which only .xlsx and .xlsm files can hold.")
        book = self._book(path, where)
        sheets = {s.lower(): s for s in book.sheetnames}
        if tab.lower() not in sheets:
            raise ReadError(f"{where}: {path.name}: {UnknownNameError(tab, book.sheetnames, 'sheet')}")
        own = book[sheets[tab.lower()]].defined_names
        lower = {k.lower(): v for k, v in [*book.defined_names.items(), *own.items()]}
        found = lower.get(name.lower())
        for sheet, cells in found.destinations if found is not None else ():
            if sheet.lower() == tab.lower():
                first, _, last = cells.replace("$", "").partition(":")
                a, b = cell_place(first), cell_place(last or first)
                if a is not None and b is not None:
                    return a[0], b[0] + 1, a[1], b[1] + 1
        raise ReadError(f"{where}: {path.name}: {UnknownNameError(name, lower, f'name of cells on sheet {tab!r}')}")

    def _book(self, path: Path, where: str) -> Any:
        if path not in self._books:
            from openpyxl import load_workbook

            _refuse_bombs(path, where)
            try:
                self._books[path] = load_workbook(path, data_only=True, keep_links=False)
            except Exception as error:  # a damaged workbook raises whatever its parser met
                raise ReadError(f"{where}: {path.name} cannot be read as a workbook: {error}") from error
        return self._books[path]

    def _read(self, path: Path, tab: str, where: str) -> np.ndarray:
        import pandas as pd

        _refuse_bombs(path, where)
        ending = path.suffix.lower()
        try:
            if ending in _BOOKS:
                with pd.ExcelFile(path, engine=_ENGINES[ending]) as book:
                    names = {str(s).lower(): s for s in book.sheet_names}
                    if tab.lower() not in names:
                        known = [str(s) for s in book.sheet_names]
                        raise ReadError(f"{where}: {path.name}: {UnknownNameError(tab, known, 'sheet')}")
                    frame = pd.read_excel(book, sheet_name=names[tab.lower()], header=None, dtype=object)
            else:
                given = tab if len(tab) == 1 and not tab.isalnum() else {".csv": ","}.get(ending, "\t")
                with path.open(encoding="utf-8-sig", errors="replace") as lines:
                    rows = [line.rstrip("\r\n").split(given) for line in lines]
                frame = pd.DataFrame(rows, dtype=object)
        except ReadError:
            raise
        except Exception as error:  # see above
            raise ReadError(f"{where}: {path.name} cannot be read: {error}") from error
        return frame.to_numpy(dtype=object)


def _refuse_bombs(path: Path, where: str) -> None:
    """Refuse files that are large, or packed so that they become large."""
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise ReadError(f"{where}: {path.name} has {size:,} bytes; a data file has at most {MAX_BYTES:,}.")
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            total = sum(item.file_size for item in packed.infolist())
        if total > MAX_UNPACKED:
            raise ReadError(f"{where}: {path.name} unpacks to {total:,} bytes; {MAX_UNPACKED:,} is the limit.")


def number(value: object) -> float:
    """A cell as a number; NaN if it holds none."""
    if isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value.strip().strip('"'))
        except ValueError:
            return float("nan")
    return float("nan")
