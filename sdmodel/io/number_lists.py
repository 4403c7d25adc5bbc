"""Lists of numbers in Vensim: the points of lookups and the cells of arrays."""

from __future__ import annotations

import re

from sdmodel.core.expression import NA, Array, Expr, Number, Table
from sdmodel.io.expression_tokens import NUMBER, ExpressionError, finite

_SIGNED = rf"[-+]?+\s*+{NUMBER}"
_POINT = re.compile(rf"\s*+\(\s*+({_SIGNED})\s*+,\s*+({_SIGNED})\s*+\)\s*+,?+")
_CORNERS = re.compile(
    rf"\s*+\[\s*+\(\s*+({_SIGNED})\s*+,\s*+({_SIGNED})\s*+\)\s*+-\s*+\(\s*+({_SIGNED})\s*+,\s*+({_SIGNED})\s*+\)"
    r"[^\[\]]*+\]\s*+,?+"
)
_WHOLE_NUMBER = re.compile(rf"[-+]?+{NUMBER}")
_CELL = rf"(?:{_SIGNED}|:NA:)"
_ARRAY = re.compile(rf"\s*+{_CELL}(?:\s*+[,;]\s*+{_CELL})++\s*+;?+\s*+", re.IGNORECASE)
_TABBED = re.compile(r"\s*+TABBED[\s_]++ARRAY\s*+\(([^()]*+)\)\s*+", re.IGNORECASE)


def parse_array(text: str) -> Expr | None:
    """Parse an array such as `1, 2; 3, 4;` or `TABBED ARRAY(1 2 3)`; return None if the text is a formula.

    Raises
    ------
    ExpressionError
        If the rows are not of one length or a cell is not a number.

    Examples
    --------
    >>> parse_array("1, 2; 3, 4;")
    Array(values=(1.0, 2.0, 3.0, 4.0), shape=(2, 2))
    """
    if ("," in text or ";" in text) and _ARRAY.fullmatch(text):
        return _array(text)
    if (tabbed := _TABBED.fullmatch(text)) is None:
        return None
    cells = tabbed.group(1).split()
    for cell in cells:
        if not _WHOLE_NUMBER.fullmatch(cell):
            raise ExpressionError(text, tabbed.start(1), f"'{cell[:40]}' is not a number of TABBED ARRAY")
    if not cells:
        raise ExpressionError(text, tabbed.start(1), "TABBED ARRAY has no numbers")
    values = tuple(map(_number, cells))
    return Array(values, (len(values),)) if len(values) > 1 else Number(values[0])


def _number(text: str) -> float:
    return NA if text[0] == ":" else finite(re.sub(r"\s", "", text), text)


def _array(text: str) -> Expr:
    rows = [[_number(cell.strip()) for cell in row.split(",")] for row in text.strip().rstrip(";").split(";")]
    if len({len(row) for row in rows}) > 1:
        raise ExpressionError(text, 0, f"the rows have {', '.join(str(len(r)) for r in rows[:6])} numbers")
    values = tuple(x for row in rows for x in row)
    shape = tuple(n for n in (len(rows), len(rows[0])) if n > 1)
    return Array(values, shape) if shape else Number(values[0])


def parse_lookup(text: str) -> Table:
    """Parse the points of a lookup: `[(0,0)-(10,10)],(0,1),(10,5)`, or all x and then all y without brackets.

    Raises
    ------
    ExpressionError
        If the text is not a list of points.

    Examples
    --------
    >>> parse_lookup("[(0,0)-(10,10)],(0,1),(10,5)")
    Table(x=(0.0, 10.0), y=(1.0, 5.0), kind='interpolate', limits=(0.0, 10.0, 0.0, 10.0))
    """
    if "(" not in text:
        numbers = [n for n in re.split(r"[\s,\\]+", text) if n]
        half = len(numbers) // 2
        values = [_number(n) for n in numbers if _WHOLE_NUMBER.fullmatch(n)]
        if len(values) < len(numbers) or not half:
            raise ExpressionError(text, 0, "a list of points is expected")
        if len(numbers) % 2:
            raise ExpressionError(text, 0, f"{len(numbers)} numbers are given; a lookup needs as many x as y")
        return _points(text, list(zip(values[:half], values[half:], strict=True)), ())
    table, end = lookup_points(text, 0)
    if text[end:].strip():
        raise ExpressionError(text, end, f"a point or the end is expected, not '{text[end:].strip()[:20]}',")
    return table


def lookup_points(text: str, start: int) -> tuple[Table, int]:
    """Parse the points of a lookup from a position; return the table and the position after it."""
    limits: tuple[float, ...] = ()
    position = start
    if (corners := _CORNERS.match(text, position)) is not None:
        x0, y0, x1, y1 = map(_number, corners.groups())
        limits = (x0, x1, y0, y1)
        position = corners.end()
    points: list[tuple[float, float]] = []
    while (point := _POINT.match(text, position)) is not None:
        points.append((_number(point.group(1)), _number(point.group(2))))
        position = point.end()
    if not points:
        raise ExpressionError(text, position, "a point such as (0,1) is expected")
    return _points(text, points, limits), position


def _points(text: str, points: list[tuple[float, float]], limits: tuple[float, ...]) -> Table:
    table = Table(tuple(x for x, _ in points), tuple(y for _, y in points), "interpolate", limits)
    reason, open_meaning = table.disorder()
    if open_meaning:
        raise ExpressionError(text, 0, reason)
    return table
