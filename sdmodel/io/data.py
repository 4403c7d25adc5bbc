"""Values from other files: GET XLS/DIRECT CONSTANTS, DATA, LOOKUPS and SUBSCRIPT, and data files of the user.

The expression tree keeps the functions as written; the values they give are in `Structure.external` by element label.
"""

from __future__ import annotations

import dataclasses
import math
import re
import warnings
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sdmodel.core.arguments import as_path
from sdmodel.core.errors import ReadError, ResultWarning, UnknownNameError
from sdmodel.core.expression import NA, Call, Table, Text, key
from sdmodel.core.labels import join_label, split_label
from sdmodel.core.structure import Component, Structure, Variable
from sdmodel.core.text import shorten
from sdmodel.io.dat import read_dat
from sdmodel.io.files import not_found
from sdmodel.io.spreadsheets import Sheets, cell_place, column_number
from sdmodel.io.tables import SUFFIXES, Sheet, is_empty, is_number, is_word, number, read_columns
from sdmodel.io.xlsx import CellRange

FUNCTIONS = ("get constants", "get data", "get lookups")
_KINDS = ("interpolate", "hold_backward", "look_forward", "raw")


def attach(model: Structure, data_files: Sequence[str | Path] = ()) -> Structure:
    """Return the model with the values of its external files.

    Raises
    ------
    ReadError
        If a file, a sheet or a cell is missing, or a cell holds something other than a number.
    UnsupportedError
        If a file lies outside the model's folder or is of an unknown kind.
    """
    external: dict[str, float | Table] = {}
    sheets = Sheets(model.path.parent if model.path is not None else Path())
    for variable in model.equations.values():
        for component in variable.components:
            if isinstance(component.expr, Call) and component.expr.name in FUNCTIONS:
                external.update(_component(model, variable, component, component.expr, sheets))
    if data_files:
        external.update(_from_files(model, [as_path("data_files", f) for f in data_files]))
    return dataclasses.replace(model, external=MappingProxyType(external)) if external else model


def _component(
    model: Structure, variable: Variable, component: Component, call: Call, sheets: Sheets
) -> dict[str, float | Table]:
    where = f"{variable.where}: '{variable.name}'"
    texts = [a.value for a in call.args if isinstance(a, Text)]
    want = 3 if call.name == "get constants" else 4
    if len(texts) < want or any(not isinstance(a, Text) for a in call.args):
        raise ReadError(f"{where}: {call.name.upper()} needs {want} arguments in quotes: file, sheet and cells.")
    members = [model.ranges[key(s)].elements if key(s) in model.ranges else (s,) for s in component.subs]
    spelling = {key(e): e for r in model.ranges.values() for e in r.elements}
    elements = [tuple(spelling.get(key(e), e) for e in group) for group in product(*members)]
    wide = [len(m) for m in members if len(m) > 1]
    values: Sequence[float | Table]
    if call.name == "get constants":
        values = _constants(sheets, texts, wide, where)
    else:
        kind = texts[4] if len(texts) > 4 else "interpolate"
        if kind not in _KINDS:
            raise ReadError(f"{where}: '{kind}' is not a way to fill gaps in data; the ways are {', '.join(_KINDS)}.")
        values = _series(sheets, texts, wide, kind if call.name == "get data" else "interpolate", where)
    if len(values) != len(elements):
        raise ReadError(f"{where}: the file holds {len(values)} values for {len(elements)} elements.")
    return dict(zip((join_label(variable.name, e) for e in elements), values, strict=True))


def _constants(sheets: Sheets, texts: Sequence[str], wide: Sequence[int], where: str) -> list[float]:
    """Values of a block of cells: one subscript along a row, two along rows and columns; a trailing `*` transposes."""
    file, tab, cell = texts[:3]
    turned = cell.endswith("*") and bool(wide)
    if len(wide) > 2:
        raise ReadError(f"{where}: GET CONSTANTS fills at most two subscripts; write one equation for each element.")
    rows, columns = [*([1] * (2 - len(wide))), *wide]
    if turned:
        rows, columns = columns, rows
    place = cell_place(cell.rstrip("*"))
    if place is not None:
        block = place[0], place[0] + rows, place[1], place[1] + columns
    else:
        block = sheets.named(file, tab, cell.rstrip("*"), where)
        if (block[1] - block[0], block[3] - block[2]) != (rows, columns):
            size = f"{block[1] - block[0]} by {block[3] - block[2]}"
            raise ReadError(f"{where}: '{cell}' names {size} cells; {rows} by {columns} are needed.")
    sheet = sheets.sheet(file, tab, where)
    cells = sheet.numbers(*block)
    empty = np.argwhere(np.isnan(cells))
    if len(empty):
        i, j = empty[0]
        raise ReadError(f"{where}: {sheet.where(block[0] + i, block[2] + j)}: the cell is empty.")
    return [float(x) for x in (cells.T if turned else cells).ravel()]


def _series(sheets: Sheets, texts: Sequence[str], wide: Sequence[int], kind: str, where: str) -> list[Table]:
    """Series along a row (its x in the row given), along a column (its x in the column given), or by names of cells."""
    file, tab, axis, cell = texts[:4]
    if len(wide) > 1:
        raise ReadError(
            f"{where}: a series from a file fills at most one subscript; write one equation for each element."
        )
    size = wide[0] if wide else 1
    place = cell_place(cell)
    sheet = sheets.sheet(file, tab, where)
    rows, columns = sheet.shape
    if axis.strip().isdecimal() and place is not None:
        row = int(axis) - 1
        blocks = (row, row + 1, place[1], columns), (place[0], place[0] + size, place[1], columns)
        down = False
    elif place is not None and re.fullmatch(r"[A-Za-z]{1,3}", axis.strip()):
        column = column_number(axis.strip())
        blocks = (place[0], rows, column, column + 1), (place[0], rows, place[1], place[1] + size)
        down = True
    else:
        blocks = sheets.named(file, tab, axis, where), sheets.named(file, tab, cell, where)
        first, second = ((b[1] - b[0], b[3] - b[2]) for b in blocks)
        if 1 not in first:
            raise ReadError(f"{where}: '{axis}' names a table of cells; it must name a row or a column.")
        down = first[1] == 1
        if second != ((first[0], size) if down else (size, first[1])):
            raise ReadError(
                f"{where}: '{cell}' names {second[0]} by {second[1]} cells, which does not fit '{axis}' and {size} "
                "elements."
            )
    try:
        return _tables(sheet, blocks, down, kind, f"{where}: from {cell}")
    except ReadError as error:
        raise ReadError(f"{where}: {error}") from error


def _tables(sheet: Sheet, blocks: tuple[CellRange, CellRange], down: bool, kind: str, what: str) -> list[Table]:
    """Series of the second block, one per column (`down`) or per row, over the axis in the first block.

    As in Vensim, a value is left out whose cell on the axis is empty or, in a workbook, holds a word; a warning names
    the first such value. Beyond the last number of the axis a sheet may hold notes and other tables, which are no part
    of the series where there is no value beside them. Any other cell is a number or empty.
    """
    if not down:
        sheet = sheet.transposed()
        blocks = tuple((b[2], b[3], b[0], b[1]) for b in blocks)  # type: ignore[assignment]  # two of four, as before
    (top, bottom, axis, _), (start, _, left, right) = blocks
    last = max((i for i in range(top, bottom) if is_number(sheet.cell(i, axis))), default=-1)
    x: list[float] = []
    y: list[list[float]] = []
    left_out: list[str] = []
    for i in range(top, bottom):
        beside = [(start + i - top, j) for j in range(left, right)]
        filled = next((place for place in beside if not is_empty(sheet.cell(*place))), None)
        at = sheet.cell(i, axis)
        if is_empty(at) or (sheet.in_workbook and is_word(at)):
            if filled is not None and (i < last or not is_empty(at)):
                left_out.append(f"{sheet.where(*filled)}: left out, for the cell on the axis holds no number")
        elif is_number(at) or i < last or filled is not None:
            x.append(sheet.number(i, axis))
            y.append([sheet.number(*place) for place in beside])
    if left_out:
        more = f", and {len(left_out) - 1} more" if len(left_out) > 1 else ""
        warnings.warn(f"{what}: {left_out[0]}{more}.", ResultWarning, stacklevel=2)
    if not x:
        raise ReadError(f"{sheet.name}: there are no numbers on the axis.")
    return [_table(np.array(x), np.array(values), kind, what) for values in zip(*y, strict=True)]


def _table(x: np.ndarray, y: np.ndarray, kind: str, what: str) -> Table:
    """Points that have both numbers, in order of x; a series without any is :NA: throughout, with a warning."""
    if not len(x):
        raise ReadError(f"{what}: the series has no times.")
    order = np.argsort(x, kind="stable")
    x, y = x[order], y[order]
    if (np.diff(x) == 0).any():
        raise ReadError(f"{what}: the axis has the number {x[1:][np.diff(x) == 0][0]:g} twice.")
    known = ~np.isnan(y)
    if not known.any():
        warnings.warn(f"{what}: the series is empty; it is :NA: throughout.", ResultWarning, stacklevel=2)
        return Table((float(x[0]),), (NA,), kind)
    return Table(tuple(map(float, x[known])), tuple(map(float, y[known])), kind)


# -- subscripts -------------------------------------------------------------------------------------------------
def elements_from(sheets: Sheets, given: dict[str, str], where: str) -> list[str]:
    """Elements of GET XLS/DIRECT SUBSCRIPT(file, sheet, first cell, last cell, prefix)."""
    file, tab = given["file"], given["tab"]
    first, last, prefix = given["firstcell"].strip(), given["lastcell"].strip(), given.get("prefix") or ""
    place = cell_place(first)
    sheet = sheets.sheet(file, tab, where)
    rows, columns = sheet.shape
    if place is None:
        block = sheets.named(file, tab, first, where)
    else:
        end = cell_place(last)
        bottom, right = rows, columns
        if end is not None:
            bottom, right = end[0] + 1, end[1] + 1
        elif last.isdecimal():
            bottom = int(last)
        elif re.fullmatch(r"[A-Za-z]{1,3}", last):
            right = column_number(last) + 1
        elif last:
            raise ReadError(f"{where}: '{last}' is not a cell, a row or a column.")
        block = place[0], bottom, place[1], right
    out = []
    for i, j in product(range(block[0], min(block[1], rows)), range(block[2], min(block[3], columns))):
        value = sheet.cell(i, j)
        if is_empty(value):
            continue
        if not isinstance(value, (str, float, int)) or isinstance(value, bool):
            raise ReadError(f"{where}: {sheet.where(i, j)}: {value} is not the name of an element.")
        whole = isinstance(value, float) and value.is_integer()
        out.append(prefix + (str(int(value)) if whole else str(value).strip()))
    if not out:
        raise ReadError(f"{where}: {sheet.name}, from {first}: the cells are empty; they must name elements.")
    if len({key(e) for e in out}) != len(out):
        twice = next(e for i, e in enumerate(out) if key(e) in map(key, out[:i]))
        raise ReadError(f"{where}: {sheet.name}, from {first}: the element '{shorten(twice)}' is there twice.")
    return out


# -- data files of the user -------------------------------------------------------------------------------------
Columns = dict[tuple[str, tuple[str, ...]], tuple[list[float], list[float]]]
"""Times and values of each series by variable key and element keys."""


def _from_files(model: Structure, files: Sequence[Path]) -> dict[str, Table]:
    """Series of data variables from data files; of several files with a series the first one counts."""
    wanted = [v for v in model.equations.values() if any(_is_data(c) for c in v.components)]
    out: dict[str, Table] = {}
    tables = [(path, _series_of_file(path, model)) for path in files]
    for variable in wanted:
        kind = next((kind for c in variable.components if (kind := _kind_of(c))), "interpolate")
        for path, series in tables:
            found = {elements: pair for (name, elements), pair in series.items() if name == variable.key}
            if not found:
                continue
            for elements, (x, y) in found.items():
                label = join_label(variable.name, _spelled(model, elements))
                out[label] = _table(np.array(x), np.array(y), kind, f"{path.name}: '{label}'")
            break
        else:
            names = sorted({name for _, series in tables for name, _ in series})
            near = UnknownNameError(variable.name, names, "series in the data files")
            raise ReadError(f"{variable.where}: {near} Looked in {', '.join(p.name for p in files)}.")
    return out


def _is_data(component: Component) -> bool:
    return isinstance(component.expr, Call) and component.expr.name == "data"


def _kind_of(component: Component) -> str:
    """How gaps of a data variable are filled; empty for other variables."""
    match component.expr:
        case Call("data", (*_, Text(kind))):
            return kind
    return ""


def _spelled(model: Structure, subs: tuple[str, ...]) -> tuple[str, ...]:
    spelling = {key(e): e for r in model.ranges.values() for e in r.elements}
    return tuple(spelling.get(s, s) for s in subs)


def _series_of_file(path: Path, model: Structure) -> Columns:
    """Series of a data file by variable key and element keys."""

    def keys(label: str) -> tuple[str, tuple[str, ...]]:
        name, elements = split_label(label, model.equations)
        return key(name), tuple(map(key, elements))

    try:
        if path.suffix.lower() == ".dat":
            joined: Columns = {}
            for label, points in read_dat(path).items():
                series = joined.setdefault(keys(label), ([], []))
                series[0].extend(points[0])
                series[1].extend(points[1])
            return joined
        table = read_columns(path, turn=is_number, identity=lambda name: str(keys(name)))
    except FileNotFoundError:
        raise ReadError(str(not_found(path, SUFFIXES))) from None
    at = {i: number(cell, table.sheet.where(i, 0)) for i, cell in table.cells[0].items()}
    if not at or not any(table.names[1:]):
        raise ReadError(f"{path.name} holds no series.")
    out: Columns = {}
    for j, name in enumerate(table.names[1:], 1):
        lost = next((i for i in table.cells[j] if i not in at), None)
        if lost is not None:
            raise ReadError(f"{table.sheet.where(lost, j)}: a value without a time.")
        if name:
            values = {i: number(cell, table.sheet.where(i, j)) for i, cell in table.cells[j].items()}
            out[keys(name)] = list(at.values()), [values.get(i, math.nan) for i in at]
    return out
