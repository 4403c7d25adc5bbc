"""Functions on whole vectors (VECTOR x, INVERT MATRIX, ALLOCATE x), lowered one result element at a time."""

from __future__ import annotations

from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Call, Expr, Op, Ref, key, walk
from sdmodel.core.functions import short_vectors, vector_values
from sdmodel.core.functions.entry import Function, Operation
from sdmodel.core.functions.protocols import Build, Builder, Site, argument


def _first(site: Site, expr: Expr) -> Ref:
    """First subscripted variable of an argument; the function runs over its last subscripts."""
    for node in walk(expr):
        if isinstance(node, Ref) and node.subs:
            return node
    raise EquationError(f"{site.where}: {site.call.name.upper()} needs a subscripted variable.")


def _range(low: Builder, site: Site, sub: str) -> tuple[str, tuple[str, ...]]:
    found = low.ranges.get(key(sub))
    if found is None:
        raise EquationError(f"{site.where}: {site.call.name.upper()} works over a range; '{sub}' is none.")
    return key(sub), found


def over_last_subscript(low: Builder, site: Site, expr: Expr) -> tuple[str, tuple[str, ...], list[int]]:
    """Range of the last subscript of an argument, its elements, and the argument's node for each."""
    name, elements = _range(low, site, _first(site, expr).subs[-1])
    return name, elements, [argument(low, site, expr, {name: e}) for e in elements]


def place_of_left_side(low: Builder, site: Site, name: str, elements: tuple[str, ...]) -> int:
    """Position of the left-hand side's element in a range."""
    return elements.index(low.bound(name, site))


def sorting(op: str) -> Build:
    """VECTOR SORT ORDER and VECTOR RANK (vector, direction)."""

    def build(low: Builder, site: Site) -> int:
        vector, direction = site.call.args
        name, elements, values = over_last_subscript(low, site, vector)
        place, way = place_of_left_side(low, site, name, elements), argument(low, site, direction)
        if len(values) <= short_vectors.SHORT:
            return short_vectors.sorted_as(low.graph, op, place, way, values)
        return low.graph.op(op, low.graph.const(float(place)), way, *values)

    return build


def reorder(low: Builder, site: Site) -> int:
    """VECTOR REORDER(vector, order): the element at the position, from 0, given by the order."""
    vector, order = site.call.args
    _, _, values = over_last_subscript(low, site, vector)
    return _at(low, argument(low, site, order), values)


def _at(low: Builder, offset: int, values: list[int]) -> int:
    if len(values) <= short_vectors.SHORT:
        return short_vectors.element_at(low.graph, offset, values)
    return low.graph.op("element_at", offset, *values)


def element_map(low: Builder, site: Site) -> int:
    """VECTOR ELM MAP(variable[..., element], offset): the element `offset` places behind the one named."""
    first, offset = site.call.args
    if not isinstance(first, Ref) or not first.subs:
        raise EquationError(f"{site.where}: VECTOR ELM MAP needs a subscripted variable, such as x[first].")
    known = low.elements(first.name)
    if not known:
        raise EquationError(f"{site.where}: there is no variable '{first.name}'.")
    *front, last = low.element_meant(first, site)
    row = [e for e in known if list(e[:-1]) == front]
    g = low.graph
    begin = next(i for i, e in enumerate(row) if e[-1] == last)
    values = [low.element_node(first.name, e, site.initial) for e in row]
    return _at(low, g.plus(g.const(float(begin)), argument(low, site, offset)), values)


def select(low: Builder, site: Site) -> int:
    """VECTOR SELECT(selection, expression, missing, action, error) over the ranges marked with `!` in the first two."""
    selection, expression, missing, action, error = site.call.args
    names = low.gathered(Op("and", (selection, expression)))
    if not names:
        raise EquationError(f"{site.where}: VECTOR SELECT needs a subscript marked with an exclamation mark.")
    pairs = [
        (argument(low, site, selection, env), argument(low, site, expression, env)) for env in low.over(names, site)
    ]
    code = low.number(error, site, "the error code of VECTOR SELECT")
    if code not in range(4) or low.graph.varies(argument(low, site, error)):
        raise EquationError(f"{site.where}: the error code of VECTOR SELECT is a constant from 0 to 3.")
    return short_vectors.select(low.graph, argument(low, site, missing), argument(low, site, action), int(code), pairs)


def invert(low: Builder, site: Site) -> int:
    """INVERT MATRIX(matrix[, size]) over the last two subscripts of the matrix."""
    matrix = site.call.args[0]
    ref = _first(site, matrix)
    if len(ref.subs) < 2:
        raise EquationError(f"{site.where}: INVERT MATRIX needs a variable with two subscripts.")
    (a, rows), (b, columns) = (_range(low, site, s) for s in ref.subs[-2:])
    if len(rows) != len(columns):
        raise EquationError(f"{site.where}: INVERT MATRIX needs a square matrix: two ranges of equal size.")
    if len(site.call.args) > 1:
        size = low.number(site.call.args[1], site, "the size of INVERT MATRIX")
        if size != len(rows):
            raise EquationError(
                f"{site.where}: INVERT MATRIX is given the size {size:g}; its range has {len(rows)} elements."
            )
    if a != b:
        cells = [argument(low, site, matrix, {a: r, b: c}) for r in rows for c in columns]
    else:
        cells = _cells(low, site, matrix, rows)
    row, column = _cell_of_left_side(low, site, (a, rows), (b, columns))
    if len(rows) <= short_vectors.SQUARE:
        mark = ("inverse", *cells)
        if mark not in low.shared:
            low.shared[mark] = short_vectors.inverse(low.graph, cells)
        whole = low.shared[mark]
        assert isinstance(whole, list)
        return whole[row * len(rows) + column]
    return low.graph.op("inverse", low.graph.const(float(row)), low.graph.const(float(column)), *cells)


def _cells(low: Builder, site: Site, matrix: Expr, elements: tuple[str, ...]) -> list[int]:
    """Cells, row by row, of a matrix whose last two subscripts are the same range."""
    known = set(low.elements(matrix.name)) if isinstance(matrix, Ref) else set()
    if not isinstance(matrix, Ref) or not known:
        raise EquationError(f"{site.where}: INVERT MATRIX needs a variable; make the formula a variable of its own.")
    front = tuple(low.bound(s, site) for s in matrix.subs[:-2])
    wanted = [(*front, r, c) for r in elements for c in elements]
    if any(e not in known for e in wanted):
        raise EquationError(f"{site.where}: '{matrix.name}' does not have all elements that INVERT MATRIX needs.")
    return [low.element_node(matrix.name, e, site.initial) for e in wanted]


def _cell_of_left_side(
    low: Builder, site: Site, rows: tuple[str, tuple[str, ...]], columns: tuple[str, tuple[str, ...]]
) -> tuple[int, int]:
    """Row and column of the inverse for an element of the left-hand side; matched by position, not by range name."""
    subs, element = low.left_side(site) or ((), ())
    if len(element) > 1:
        ranges = [low.ranges.get(key(s)) for s in subs[-2:]]
        places = [r.index(e) for r, e in zip(ranges, element[-2:], strict=True) if r is not None]
        if len(places) == 2 and max(places) < len(rows[1]):
            return places[0], places[1]
    return place_of_left_side(low, site, *rows), place_of_left_side(low, site, *columns)


def count(low: Builder, site: Site) -> int:
    """ELMCOUNT(range)."""
    name = site.call.args[0]
    found = low.ranges.get(key(name.name)) if isinstance(name, (Ref, Call)) else None
    if found is None:
        raise EquationError(f"{site.where}: ELMCOUNT needs the name of a subscript range.")
    return low.graph.const(float(len(found)))


VECTORS = (
    Function("elmcount", "number of elements of a range", (1, 1), "any -> 1", count),
    Function("vector select", "all actions of Vensim; action 5 takes the expression to the power of the selection",
        (5, 5), "1, u, u, 1, 1 -> u", select, gathers=True),
    Function("vector sort order", "over the last subscript", (2, 2), "u, 1 -> 1", sorting("sort_order")),
    Function("vector rank", "over the last subscript", (2, 2), "u, 1 -> 1", sorting("rank")),
    Function("vector reorder", "over the last subscript", (2, 2), "u, 1 -> u", reorder),
    Function("vector elm map", "the element some places behind the one named", (2, 2), "u, 1 -> u", element_map),
    Function("invert matrix", "over the last two subscripts, which may be one range twice; its cells go by place",
        (1, 2), "u, 1 -> 1/u", invert),
)  # fmt: skip

VECTOR_OPERATIONS = (
    Operation("sort_order", vector_values.sort_order),
    Operation("rank", vector_values.rank),
    Operation("element_at", vector_values.element_at),
    Operation("inverse", vector_values.inverse),
    Operation("allocate_available", vector_values.allocate_available),
    Operation("allocate_by_priority", vector_values.allocate_by_priority),
)
"""Operations for one element of a long vector; Python engine only."""
