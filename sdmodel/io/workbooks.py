"""Cells of spreadsheets: `.xlsx` and `.xlsm` (their XML), `.xls` (xlrd) and `.ods` (its XML). Nothing is evaluated.

Limits apply to the cells created, since a few bytes of a workbook can expand to billions of cells.
"""

from __future__ import annotations

import datetime as dt
import io
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from sdmodel.core.errors import ReadError, UnknownNameError, UnsupportedError
from sdmodel.io.xlsx import Book, CellRange

SUFFIXES = (".xlsx", ".xlsm", ".xls", ".ods")
MAX_CELLS = 5_000_000
MAX_ROWS = 1_048_576
MAX_COLUMNS = 16_384
MAX_UNPACKED = 200_000_000

NOT_CALCULATED = "(formula without a result)"
"""Content of a cell whose formula has no stored result."""

_FAR = re.compile(rb"""\sr\s*=\s*["'](?:[A-Za-z]{4}|[A-Za-z]*[0-9]{8})""")
"""Pattern of a row or a cell beyond the limits of a sheet, in the XML of a worksheet."""

Rows = list[list[Any]]


def read_rows(raw: bytes, name: str, tab: str | None) -> tuple[str, Rows]:
    """Name and cells of a sheet, the first one if `tab` is None; rows end with their last filled cell.

    Raises
    ------
    ReadError
        If the workbook is damaged or too large, or has no such sheet.
    """
    with _damage_is_typed(name):
        if name.lower().endswith(".xls"):
            return _read_xls(raw, name, tab)
        _refuse_bombs(raw, name)
        return _read_ods(raw, name, tab) if name.lower().endswith(".ods") else _read_xlsx(raw, name, tab)


def named_range(raw: bytes, file: str, tab: str, name: str) -> CellRange:
    """The block of cells that a defined name of an `.xlsx` or `.xlsm` workbook refers to.

    Raises
    ------
    UnsupportedError
        If the workbook is of another kind.
    ReadError
        If the workbook is damaged, or has no such sheet or name.
    """
    if not file.lower().endswith((".xlsx", ".xlsm")):
        raise UnsupportedError(f"{file}: '{name}' is a name of cells, which can be read from .xlsx and .xlsm only.")
    with _damage_is_typed(file):
        _refuse_bombs(raw, file)
        book = Book(raw)
        sheet = _sheet(tab, book.sheets, file)
        names = book.names(sheet)
        found = book.block(name, sheet)
        if found is not None:
            return found
        if any(title.lower() == sheet.lower() for title, _ in names.get(name.lower(), ())):
            raise ReadError(f"{file}: the name '{name}' stands for whole rows or columns, not a block.")
    raise ReadError(f"{file}: {UnknownNameError(name, names, f'name of cells on sheet {tab!r}')}")


@contextmanager
def _damage_is_typed(name: str) -> Iterator[None]:
    """Convert any exception that a parser raises for a damaged workbook to `ReadError`."""
    try:
        yield
    except ReadError:
        raise
    except MemoryError:
        raise ReadError(f"'{name}' needs more memory than there is.") from None
    except ImportError as error:
        raise ReadError(f"'{name}' needs a package that is not installed: {error}") from error
    except Exception as error:  # for a damaged file, the readers raise various exceptions of theirs
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ReadError(f"'{name}' cannot be read as a workbook: {reason}") from error


def _refuse_bombs(raw: bytes, name: str) -> None:
    """Refuse archives that unpack to more than `MAX_UNPACKED` bytes, and XML with a document type declaration."""
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        total = sum(item.file_size for item in packed.infolist())
        if total > MAX_UNPACKED:
            raise ReadError(f"'{name}' unpacks to {total:,} bytes; {MAX_UNPACKED:,} is the limit.")
        for item in packed.infolist():
            if item.filename.endswith((".xml", ".rels")):
                with packed.open(item) as part:
                    if b"<!DOCTYPE" in part.read(4096):
                        raise ReadError(f"'{name}' has a document type declaration, which no workbook needs.")
            if item.filename.startswith("xl/worksheets/"):
                with packed.open(item) as part:
                    _refuse_far_cells(part, name)


def _refuse_far_cells(part: IO[bytes], name: str) -> None:
    """Refuse columns of four letters and rows of eight digits: every cell before them would be created."""
    rest = b""
    while chunk := part.read(1 << 20):
        if _FAR.search(rest + chunk):
            raise ReadError(f"'{name}' has more than {MAX_COLUMNS:,} columns or {MAX_ROWS:,} rows.")
        rest = chunk[-32:]


def _sheet(tab: str | None, names: Iterable[Any], file: str) -> str:
    """The spelling of a sheet's name, which is looked up regardless of case; the first sheet if None."""
    known = [str(n) for n in names]
    if tab is None and known:
        return known[0]
    found = next((n for n in known if tab is not None and n.lower() == tab.lower()), None)
    if found is None:
        raise ReadError(f"{file}: {UnknownNameError(tab or '', known, 'sheet')}")
    return found


class _Collector:
    """Collect rows, each cut after its last filled cell, and check the limits on rows and cells."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows: Rows = []
        self._cells = self._empty = 0

    def add(self, row: list[Any], times: int = 1) -> None:
        """Append a row `times` times; empty rows are added only if a filled one follows."""
        while row and row[-1] is None:
            row.pop()
        if not row:
            self._empty += times
            return
        if len(self.rows) + self._empty + times > MAX_ROWS:
            raise ReadError(f"'{self.name}' has more than {MAX_ROWS:,} rows.")
        self._cells += len(row) * times
        if self._cells > MAX_CELLS:
            raise ReadError(f"'{self.name}' has more than {MAX_CELLS:,} cells, empty ones between them included.")
        self.rows.extend([] for _ in range(self._empty))
        self.rows.extend(list(row) for _ in range(times))
        self._empty = 0


# -- Excel --------------------------------------------------------------------------------------------------------
def _read_xlsx(raw: bytes, name: str, tab: str | None) -> tuple[str, Rows]:
    book = Book(raw)
    title = _sheet(tab, book.sheets, name)
    rows = _Collector(name)
    following = 0
    for number, cells in book.rows(title):
        width = max(cells, default=-1) + 1
        if width > MAX_COLUMNS:
            raise ReadError(f"'{name}' has more than {MAX_COLUMNS:,} columns.")
        row: list[Any] = [None] * width
        for column, (value, is_formula) in cells.items():
            row[column] = None if isinstance(value, str) and not value.strip() else value
            if is_formula and row[column] is None:
                row[column] = NOT_CALCULATED
        rows.add([], number - following)
        rows.add(row)
        following = number + 1
    return title, rows.rows


def _read_xls(raw: bytes, name: str, tab: str | None) -> tuple[str, Rows]:
    import xlrd

    with open(os.devnull, "w") as silent:
        book = xlrd.open_workbook(file_contents=raw, logfile=silent, on_demand=True, ragged_rows=True)
        title = _sheet(tab, book.sheet_names(), name)
        sheet = book.sheet_by_name(title)
    rows = _Collector(name)
    for i in range(sheet.nrows):
        rows.add([_xls_value(kind, value, book.datemode) for kind, value in zip(
            sheet.row_types(i), sheet.row_values(i), strict=True)])  # fmt: skip
    return title, rows.rows


def _xls_value(kind: int, value: Any, datemode: int) -> Any:
    import xlrd

    if kind == xlrd.XL_CELL_NUMBER:
        return value
    if kind == xlrd.XL_CELL_TEXT:
        return value if value.strip() else None
    if kind == xlrd.XL_CELL_DATE:
        return xlrd.xldate_as_datetime(value, datemode)
    if kind == xlrd.XL_CELL_BOOLEAN:
        return bool(value)
    if kind == xlrd.XL_CELL_ERROR:
        return xlrd.error_text_from_code.get(value, "#ERROR!")
    return None


# -- OpenDocument -------------------------------------------------------------------------------------------------
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"


def _read_ods(raw: bytes, name: str, tab: str | None) -> tuple[str, Rows]:
    from lxml import etree

    titles: list[str] = []
    wanted: tuple[str, Rows] | None = None
    rows: _Collector | None = None
    with zipfile.ZipFile(io.BytesIO(raw)) as packed, packed.open("content.xml") as part:
        events = etree.iterparse(
            part, events=("start", "end"), tag=(f"{_TABLE}table", f"{_TABLE}table-row"),
            resolve_entities=False, no_network=True, load_dtd=False,
        )  # fmt: skip
        for event, element in events:
            if element.tag == f"{_TABLE}table" and event == "start":
                titles.append(str(element.get(f"{_TABLE}name", "")))
                chosen = wanted is None and (tab is None or titles[-1].lower() == tab.lower())
                rows = _Collector(name) if chosen else None
            elif element.tag == f"{_TABLE}table" and rows is not None:
                wanted, rows = (titles[-1], rows.rows), None
            elif element.tag == f"{_TABLE}table-row" and event == "end":
                if rows is not None:
                    _add_ods_row(element, rows)
                element.clear()
    return wanted if wanted is not None else (_sheet(tab, titles, name), [])


def _add_ods_row(element: Any, rows: _Collector) -> None:
    row: list[Any] = []
    gap = 0
    for cell in element.iterchildren(f"{_TABLE}table-cell", f"{_TABLE}covered-table-cell"):
        times = int(cell.get(f"{_TABLE}number-columns-repeated", 1))
        value = _ods_value(cell)
        if value is None:
            gap += times
            continue
        if len(row) + gap + times > MAX_COLUMNS:
            raise ReadError(f"'{rows.name}' has more than {MAX_COLUMNS:,} columns.")
        row.extend([None] * gap + [value] * times)
        gap = 0
    rows.add(row, int(element.get(f"{_TABLE}number-rows-repeated", 1)))


def _ods_value(cell: Any) -> Any:
    kind = cell.get(f"{_OFFICE}value-type")
    text = "\n".join("".join(p.itertext()) for p in cell.iterchildren(f"{_TEXT}p"))
    if kind in ("float", "percentage", "currency") and not text.startswith(("#", "Err:")):
        return float(cell.get(f"{_OFFICE}value"))
    if kind == "boolean":
        return cell.get(f"{_OFFICE}boolean-value") == "true"
    if kind == "date":
        return dt.datetime.fromisoformat(cell.get(f"{_OFFICE}date-value"))
    if kind == "time":
        return dt.timedelta()
    return text if text.strip() else None
