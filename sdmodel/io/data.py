"""What stands in files beside a model: GET XLS/DIRECT CONSTANTS, DATA, LOOKUPS, SUBSCRIPT, and data files of the user.

The tree keeps the functions as written; what they give stands in `Model.external` by element label.
"""

from __future__ import annotations

import csv
import dataclasses
import re
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sdmodel.core.errors import ReadError, UnknownNameError
from sdmodel.core.expression import NA, Call, Table, Text, key
from sdmodel.core.structure import Component, Structure, Variable
from sdmodel.io.spreadsheets import MAX_BYTES, Block, Sheets, cell_place, column_number, number

FUNCTIONS = ("get constants", "get data", "get lookups")
_KINDS = ("interpolate", "hold_backward", "look_forward", "raw")


def attach(model: Structure, data_files: Sequence[str | Path] = ()) -> Structure:
    """The model with what its files give.

    Raises
    ------
    ReadError
        If a file, a sheet or a cell is not there, or holds no numbers.
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
        external.update(_from_files(model, [Path(f) for f in data_files]))
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
            raise ReadError(f"{where}: '{kind}' is no way to fill data; there are {', '.join(_KINDS)}.")
        values = _series(sheets, texts, wide, kind if call.name == "get data" else "interpolate", where)
    if len(values) != len(elements):
        raise ReadError(f"{where}: {len(values)} values stand in the file for {len(elements)} elements.")
    return dict(zip((_label(variable, e) for e in elements), values, strict=True))


def _label(variable: Variable, element: tuple[str, ...]) -> str:
    return f"{variable.name}[{','.join(element)}]" if element else variable.name


def _constants(sheets: Sheets, texts: Sequence[str], wide: Sequence[int], where: str) -> list[float]:
    """A block of numbers: one subscript runs along a row, two along rows and columns; `*` swaps them."""
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
    cells = sheets.block(file, tab, block, where)
    cells = cells.T if turned else cells
    if np.isnan(cells).any():
        raise ReadError(f"{where}: {file}, sheet '{tab}', from {cell}: a cell is empty or holds no number.")
    return [float(x) for x in cells.ravel()]


def _series(sheets: Sheets, texts: Sequence[str], wide: Sequence[int], kind: str, where: str) -> list[Table]:
    """Series along a row (its x in the row given), along a column (its x in the column given), or by names of cells."""
    file, tab, axis, cell = texts[:4]
    if len(wide) > 1:
        raise ReadError(
            f"{where}: a series from a file fills at most one subscript; write one equation for each element."
        )
    size = wide[0] if wide else 1
    place = cell_place(cell)
    rows, columns = sheets.extent(file, tab, where)
    if axis.strip().isdigit() and place is not None:
        row = int(axis) - 1
        x = sheets.block(file, tab, (row, row + 1, place[1], columns), where)[0]
        y = sheets.block(file, tab, (place[0], place[0] + size, place[1], columns), where)
    elif place is not None and re.fullmatch(r"[A-Za-z]{1,3}", axis.strip()):
        column = column_number(axis.strip())
        x = sheets.block(file, tab, (place[0], rows, column, column + 1), where)[:, 0]
        y = sheets.block(file, tab, (place[0], rows, place[1], place[1] + size), where).T
    else:
        first, second = (sheets.named(file, tab, name, where) for name in (axis, cell))
        x, y = (sheets.block(file, tab, b, where) for b in (first, second))
        if 1 not in x.shape:
            raise ReadError(f"{where}: '{axis}' names a table of cells; a row or a column is needed.")
        y = y.T if x.shape[1] == 1 else y
        x = x.ravel()
        if y.shape != (size, len(x)):
            raise ReadError(f"{where}: '{cell}' does not fit to '{axis}' and {size} elements.")
    return [_table(x, row, kind, f"{where}: {file}, sheet '{tab}', from {cell}") for row in y]


def _table(x: np.ndarray, y: np.ndarray, kind: str, where: str) -> Table:
    """Points that have both numbers, by rising x; a series without any is missing throughout."""
    known = ~np.isnan(x)
    if not known.any():
        raise ReadError(f"{where}: there are no numbers on the axis.")
    xs = sorted(float(v) for v in x[known])
    if any(b == a for a, b in pairwise(xs)):
        raise ReadError(f"{where}: the axis has a number twice.")
    points = sorted((float(a), float(b)) for a, b in zip(x, y, strict=True) if a == a and b == b)
    if not points:
        return Table((xs[0],), (NA,), kind)
    return Table(tuple(p[0] for p in points), tuple(p[1] for p in points), kind)


# -- subscripts -------------------------------------------------------------------------------------------------
def elements_from(sheets: Sheets, given: dict[str, str], where: str) -> list[str]:
    """Elements of GET XLS/DIRECT SUBSCRIPT(file, sheet, first cell, last cell, prefix)."""
    file, tab = given["file"], given["tab"]
    first, last, prefix = given["firstcell"].strip(), given["lastcell"].strip(), given.get("prefix") or ""
    place = cell_place(first)
    rows, columns = sheets.extent(file, tab, where)
    if place is None:
        block: Block = sheets.named(file, tab, first, where)
    else:
        end = cell_place(last)
        bottom, right = rows, columns
        if end is not None:
            bottom, right = end[0] + 1, end[1] + 1
        elif last.isdigit():
            bottom = int(last)
        elif re.fullmatch(r"[A-Za-z]{1,3}", last):
            right = column_number(last) + 1
        elif last:
            raise ReadError(f"{where}: '{last}' is no cell, row or column.")
        block = place[0], bottom, place[1], right
    cells = sheets.table(file, tab, where)[block[0] : block[1], block[2] : block[3]]
    out = []
    for value in cells.ravel():
        if value is None or value != value or (isinstance(value, str) and not value.strip()):
            continue
        whole = isinstance(value, float) and value.is_integer()
        out.append(prefix + (str(int(value)) if whole else str(value).strip()))
    if not out or len({key(e) for e in out}) != len(out):
        raise ReadError(f"{where}: {file}, sheet '{tab}', from {first}: the cells hold no elements, or one twice.")
    return out


# -- data files of the user -------------------------------------------------------------------------------------
def _from_files(model: Structure, files: Sequence[Path]) -> dict[str, Table]:
    """Series of data variables from text tables, time down or across; the first file that has one counts."""
    wanted = [v for v in model.equations.values() if any(_is_data(c) for c in v.components)]
    out: dict[str, Table] = {}
    tables = [(path, _columns(path)) for path in files]
    for variable in wanted:
        kind = next((kind for c in variable.components if (kind := _kind_of(c))), "interpolate")
        for path, columns in tables:
            found = {sub: pair for (name, sub), pair in columns.items() if name == variable.key}
            if not found:
                continue
            for subs, (times, values) in found.items():
                x, y = np.array(times), np.array(values)
                out[_label(variable, _spelled(model, subs))] = _table(x, y, kind, f"{path.name}: '{variable.name}'")
            break
        else:
            names = sorted({name for _, columns in tables for name, _ in columns})
            near = UnknownNameError(variable.name, names, "series in the data files")
            raise ReadError(f"{variable.where}: {near} Looked in {', '.join(p.name for p in files)}.")
    return out


def _is_data(component: Component) -> bool:
    return isinstance(component.expr, Call) and component.expr.name == "data"


def _kind_of(component: Component) -> str:
    """How gaps of a data variable are filled; empty for what is no data."""
    match component.expr:
        case Call("data", (*_, Text(kind))):
            return kind
    return ""


def _spelled(model: Structure, subs: tuple[str, ...]) -> tuple[str, ...]:
    spelling = {key(e): e for r in model.ranges.values() for e in r.elements}
    return tuple(spelling.get(s, s) for s in subs)


Column = tuple[list[float], list[float]]


def _columns(path: Path) -> dict[tuple[str, tuple[str, ...]], Column]:
    """Series of a .csv or .tab by variable key and element keys."""
    if path.suffix.lower() not in (".csv", ".tab", ".txt"):
        raise ReadError(f"'{path.name}' is no data file; .csv and .tab files are.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ReadError(f"{path.name} cannot be opened: {error.strerror}.") from error
    if len(raw) > MAX_BYTES:
        raise ReadError(f"{path.name} has {len(raw):,} bytes; a data file has at most {MAX_BYTES:,}.")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gb18030", errors="replace")
    rows = [
        r for r in csv.reader(text.splitlines(), delimiter="," if path.suffix.lower() == ".csv" else "\t") if any(r)
    ]
    if len(rows) < 2:
        raise ReadError(f"{path.name} holds no series.")
    head = rows[0][1:]
    if sum(number(h) == number(h) for h in head if h.strip()) == sum(bool(h.strip()) for h in head):
        width = max(map(len, rows))  # times along the first row: turn the table
        full = [r + [""] * (width - len(r)) for r in rows]
        rows = [list(column) for column in zip(*full, strict=True)]
    names = rows[0]
    times = [number(r[0]) for r in rows[1:]]
    out: dict[tuple[str, tuple[str, ...]], Column] = {}
    for place, name in enumerate(names[1:], 1):
        if name.strip():
            values = [number(r[place]) if place < len(r) else float("nan") for r in rows[1:]]
            stem, _, subs = name.partition("[") if not name.startswith('"') else (name, "", "")
            if name.startswith('"') and (found := re.fullmatch(r'("(?:\\.|[^"])*")\s*(?:\[(.*)\])?', name.strip())):
                stem, subs = found.group(1), found.group(2) or ""
            parts = tuple(key(s) for s in subs.rstrip("] ").split(",")) if subs else ()
            out.setdefault((key(stem), parts), (times, values))
    return out
