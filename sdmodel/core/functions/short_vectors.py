"""Functions on short vectors, expanded to basic scalar operations that every engine supports.

For vectors longer than `SHORT`, sorting and access by position use one operation with many arguments, which only the
Python engine supports.
"""

from __future__ import annotations

import math

from sdmodel.core.expression import NA
from sdmodel.core.functions.protocols import Graph

SHORT = 64
SQUARE = 12
"""Maximum number of rows of a matrix that is inverted by scalar operations."""


def _flag(g: Graph, condition: int) -> int:
    return g.pick(condition, g.const(1.0), g.const(0.0))


def _sum(g: Graph, parts: list[int]) -> int:
    node = parts[0]
    for part in parts[1:]:
        node = g.plus(node, part)
    return node


def rank(g: Graph, values: list[int], place: int) -> int:
    """Ascending rank, from 1, of the value at a position; ties are ranked in order of position."""
    own = values[place]
    ahead = [_flag(g, g.op("le" if j < place else "lt", other, own)) for j, other in enumerate(values) if j != place]
    return _sum(g, [g.const(1.0), *ahead])


def sorted_as(g: Graph, op: str, place: int, direction: int, values: list[int]) -> int:
    """VECTOR RANK and VECTOR SORT ORDER at a position, descending unless the direction is above zero."""
    n = len(values)
    up = g.op("gt", direction, g.const(0.0))
    if op == "rank":
        own = rank(g, values, place)
        return g.pick(up, own, g.minus(g.const(n + 1.0), own))
    wanted = g.pick(up, g.const(place + 1.0), g.const(float(n - place)))
    ranks = [rank(g, values, i) for i in range(n)]
    return _sum(g, [g.times(_flag(g, g.op("eq", r, wanted)), g.const(float(i))) for i, r in enumerate(ranks)])


def element_at(g: Graph, offset: int, values: list[int]) -> int:
    """The value at a position counted from 0; `:NA:` outside."""
    index = g.op("floor", g.plus(offset, g.const(0.5)))
    node = g.const(NA)
    for i in reversed(range(len(values))):
        node = g.pick(g.op("eq", index, g.const(float(i))), values[i], node)
    return node


def select(g: Graph, missing: int, action: int, error: int, pairs: list[tuple[int, int]]) -> int:
    """VECTOR SELECT over pairs (selection, expression); NaN where Vensim stops with a floating point error.

    Actions: 0 sum, 1 product, 2 minimum, 3 maximum, 4 mean of selection times expression; 5 product of expression to
    the power of the selection (as Vensim does, contrary to its help); 6 to 10 as 0 to 4 of the expression alone.
    """
    chosen = [g.op("gt", g.op("abs", s), g.const(0.0)) for s, _ in pairs]
    count = _sum(g, [_flag(g, c) for c in chosen])
    code, node = g.op("floor", action), g.const(math.nan)
    known = g.value(code)
    for one in range(11) if known is None else [known] if known in range(11) else []:
        node = g.pick(g.op("eq", code, g.const(float(one))), _gathered(g, int(one), chosen, count, pairs), node)
    node = g.pick(g.op("gt", count, g.const(0.0)), node, missing if error in (0, 2) else g.const(math.nan))
    return g.pick(g.op("gt", count, g.const(1.0)), g.const(math.nan), node) if error in (2, 3) else node


def _gathered(g: Graph, action: int, chosen: list[int], count: int, pairs: list[tuple[int, int]]) -> int:
    """Result of an action from 0 to 10 on the selected pairs."""
    if action == 5:
        terms = [g.op("pow", x, s) for s, x in pairs]
    else:
        terms = [g.times(s, x) if action < 5 else x for s, x in pairs]
    kind = 1 if action == 5 else action if action < 5 else action - 6
    op, empty = {0: ("add", 0.0), 1: ("mul", 1.0), 2: ("min", math.inf), 3: ("max", -math.inf), 4: ("add", 0.0)}[kind]
    parts = [g.pick(c, t, g.const(empty)) for c, t in zip(chosen, terms, strict=True)]
    node = parts[0]
    for part in parts[1:]:
        node = g.op(op, node, part)
    return g.over(node, g.op("max", count, g.const(1.0))) if kind == 4 else node


def inverse(g: Graph, cells: list[int]) -> list[int]:
    """Cells of the inverse of a square matrix in row-major order, by elimination with partial pivoting."""
    n = math.isqrt(len(cells))
    rows = [[*cells[i * n : (i + 1) * n], *(g.const(float(i == j)) for j in range(n))] for i in range(n)]
    for column in range(n):
        for r in range(column + 1, n):
            swap = g.op("gt", g.op("abs", rows[r][column]), g.op("abs", rows[column][column]))
            both = list(zip(rows[column], rows[r], strict=True))
            rows[column] = [g.pick(swap, b, a) for a, b in both]
            rows[r] = [g.pick(swap, a, b) for a, b in both]
        top = rows[column][column]
        rows[column] = [g.over(x, top) for x in rows[column]]
        for r in range(n):
            if r != column:
                factor = rows[r][column]
                rows[r] = [g.minus(x, g.times(factor, y)) for x, y in zip(rows[r], rows[column], strict=True)]
    return [x for row in rows for x in row[n:]]
