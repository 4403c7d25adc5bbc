"""Functions on whole vectors: VECTOR x, INVERT MATRIX, ALLOCATE x. Each gives one element at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdmodel.compile import short_vectors as unrolled
from sdmodel.compile.call_site import Site
from sdmodel.compile.functions import GATHERING
from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Call, Expr, Op, Ref, key, walk

if TYPE_CHECKING:
    from sdmodel.compile.lower import Lowering


def _now(low: Lowering, site: Site, expr: Expr, env: dict[str, str] | None = None) -> int:
    return low.expr(expr, site.env if env is None else {**site.env, **env}, site.variable, site.initial)


def _first(site: Site, expr: Expr) -> Ref:
    """The first subscripted variable of an argument: its last subscripts are the ones worked over."""
    for node in walk(expr):
        if isinstance(node, Ref) and node.subs:
            return node
    raise EquationError(f"{site.where}: {site.call.name.upper()} needs a subscripted variable.")


def _range(low: Lowering, site: Site, sub: str) -> tuple[str, tuple[str, ...]]:
    found = low.model.ranges.get(key(sub))
    if found is None:
        raise EquationError(f"{site.where}: {site.call.name.upper()} works over a range; '{sub}' is none.")
    return key(sub), found.elements


def _vector(low: Lowering, site: Site, expr: Expr) -> tuple[str, tuple[str, ...], list[int]]:
    """The range an argument is worked over, its elements and the argument's value at each."""
    name, elements = _range(low, site, _first(site, expr).subs[-1])
    return name, elements, [_now(low, site, expr, {name: e}) for e in elements]


def _place(low: Lowering, site: Site, name: str, elements: tuple[str, ...]) -> int:
    """Position of the left-hand side's element in a range."""
    return elements.index(low.scalars.bound(name, site.env, site.where))


def sorting(op: str) -> Callable[[Lowering, Site], int]:
    """VECTOR SORT ORDER and VECTOR RANK (vector, direction)."""

    def build(low: Lowering, site: Site) -> int:
        vector, direction = site.call.args
        name, elements, values = _vector(low, site, vector)
        place, way = _place(low, site, name, elements), _now(low, site, direction)
        if len(values) <= unrolled.SHORT:
            return unrolled.sorted_as(low.graph, op, place, way, values)
        return low.graph.op(op, low.graph.const(float(place)), way, *values)

    return build


def reorder(low: Lowering, site: Site) -> int:
    """VECTOR REORDER(vector, order): the element whose position, from 0, stands in the order."""
    vector, order = site.call.args
    _, _, values = _vector(low, site, vector)
    return _at(low, _now(low, site, order), values)


def _at(low: Lowering, offset: int, values: list[int]) -> int:
    if len(values) <= unrolled.SHORT:
        return unrolled.element_at(low.graph, offset, values)
    return low.graph.op("element_at", offset, *values)


def element_map(low: Lowering, site: Site) -> int:
    """VECTOR ELM MAP(variable[..., element], offset): the element `offset` places behind the one named."""
    first, offset = site.call.args
    if not isinstance(first, Ref) or not first.subs:
        raise EquationError(f"{site.where}: VECTOR ELM MAP needs a subscripted variable, such as x[first].")
    target = low.model.equations.get(first.name)
    if target is None:
        raise EquationError(f"{site.where}: there is no variable '{first.name}'.")
    *front, last = low.scalars.resolve(first, site.env, target, site.where)
    row = [e for e in low.scalars.of(target) if list(e[:-1]) == front]
    g = low.graph
    begin = next(i for i, e in enumerate(row) if e[-1] == last)
    values = [low.element(target, e, site.initial) for e in row]
    return _at(low, g.plus(g.const(float(begin)), _now(low, site, offset)), values)


def select(low: Lowering, site: Site) -> int:
    """VECTOR SELECT(selection, expression, missing, action, error) over the ranges marked with `!` in the first two."""
    selection, expression, missing, action, error = site.call.args
    names = low.scalars.gathered(Op("and", (selection, expression)), GATHERING)
    if not names:
        raise EquationError(f"{site.where}: VECTOR SELECT needs a subscript marked with an exclamation mark.")
    pairs = [
        (_now(low, site, selection, env), _now(low, site, expression, env))
        for env in low.scalars.over(names, site.env, site.where)
    ]
    head = [_now(low, site, a) for a in (missing, action, error)]
    if len(pairs) <= unrolled.SHORT and not low.graph.varies(head[2]):
        code = low.number(error, site, "the error code of VECTOR SELECT")
        if code in range(4):
            return unrolled.select(low.graph, head[0], head[1], int(code), pairs)
    return low.graph.op("vector_select", *head, *(n for pair in pairs for n in pair))


def invert(low: Lowering, site: Site) -> int:
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
        cells = [_now(low, site, matrix, {a: r, b: c}) for r in rows for c in columns]
    else:
        cells = _cells(low, site, matrix, rows)
    row, column = _cell_of_left_side(low, site, (a, rows), (b, columns))
    if len(rows) <= unrolled.SQUARE:
        mark = tuple(cells)
        if mark not in low.inverses:
            low.inverses[mark] = unrolled.inverse(low.graph, cells)
        return low.inverses[mark][row * len(rows) + column]
    return low.graph.op("inverse", low.graph.const(float(row)), low.graph.const(float(column)), *cells)


def _cells(low: Lowering, site: Site, matrix: Expr, elements: tuple[str, ...]) -> list[int]:
    """Cells, row by row, of a matrix whose last two subscripts are the same range."""
    target = low.model.equations.get(matrix.name) if isinstance(matrix, Ref) else None
    if target is None or not isinstance(matrix, Ref):
        raise EquationError(f"{site.where}: INVERT MATRIX needs a variable; make the formula a variable of its own.")
    front = tuple(low.scalars.bound(s, site.env, site.where) for s in matrix.subs[:-2])
    known = low.scalars.of(target)
    wanted = [(*front, r, c) for r in elements for c in elements]
    if any(e not in known for e in wanted):
        raise EquationError(f"{site.where}: '{target.name}' does not have all elements that INVERT MATRIX needs.")
    return [low.element(target, e, site.initial) for e in wanted]


def _cell_of_left_side(
    low: Lowering, site: Site, rows: tuple[str, tuple[str, ...]], columns: tuple[str, tuple[str, ...]]
) -> tuple[int, int]:
    """Row and column of the inverse that an element of the left-hand side is: by place, whatever the ranges' names."""
    element = low.left_side(site)
    component = low.scalars.of(site.variable)[element][0] if element is not None else None
    if element is not None and component is not None and len(element) > 1:
        ranges = [low.model.ranges.get(key(s)) for s in component.subs[-2:]]
        places = [r.elements.index(e) for r, e in zip(ranges, element[-2:], strict=True) if r is not None]
        if len(places) == 2 and max(places) < len(rows[1]):
            return places[0], places[1]
    return _place(low, site, *rows), _place(low, site, *columns)


def allocate_available(low: Lowering, site: Site) -> int:
    """ALLOCATE AVAILABLE(request, priority profile, available) over the last subscript of the request."""
    request, profile, available = site.call.args
    name, elements, values = _vector(low, site, request)
    if not isinstance(profile, Ref) or not profile.subs:
        raise EquationError(f"{site.where}: the priority profile of ALLOCATE AVAILABLE must be a variable.")
    kind = key(profile.subs[-1])
    holding = [r.elements for r in low.model.ranges.values() if kind in map(key, r.elements)]
    family = max(holding, key=len, default=())
    at = [key(e) for e in family].index(kind) if family else 0
    if len(family) < at + 4:
        raise EquationError(
            f"{site.where}: the last subscript of the priority profile must be the first of four elements "
            "(kind, priority, width, extra)."
        )
    cells = list(values)
    for e in elements:
        one = [
            _now(low, site, Ref(profile.name, (*profile.subs[:-1], field)), {name: e}) for field in family[at : at + 4]
        ]
        _check_profile(low, site, e, one)
        cells.extend(one)
    place, supply = low.graph.const(float(_place(low, site, name, elements))), _now(low, site, available)
    enough = low.graph.op("ge", supply, low.graph.const(0.0))
    low.require(site, enough, "ALLOCATE AVAILABLE cannot share a negative amount")
    return low.graph.op("allocate_available", place, supply, *cells)


def _check_profile(low: Lowering, site: Site, element: str, profile: list[int]) -> None:
    """Require a kind of curve that is known, and a width above zero where the curve has one."""
    g = low.graph
    kind, _, width, _ = profile
    kinds = [g.op("eq", kind, g.const(float(k))) for k in range(5)]
    low.require(
        site,
        low.fold("or", kinds),
        f"ALLOCATE AVAILABLE knows the profiles 0 to 4 (fixed quantity, rectangular, triangular, normal, exponential); "
        f"that of '{element}' is another",
    )
    low.require(
        site,
        g.op("or", kinds[0], g.op("gt", width, g.const(0.0))),
        f"ALLOCATE AVAILABLE needs widths above 0; that of '{element}' is not",
    )


def allocate_by_priority(low: Lowering, site: Site) -> int:
    """ALLOCATE BY PRIORITY(request, priority, size, width, supply) over the last subscript of the request."""
    request, priority, _, width, supply = site.call.args
    name, elements, values = _vector(low, site, request)
    priorities = [_now(low, site, priority, {name: e}) for e in elements]
    place = low.graph.const(float(_place(low, site, name, elements)))
    head = [_now(low, site, a) for a in (width, supply)]
    wide, enough = (low.graph.op(op, n, low.graph.const(0.0)) for op, n in zip(("gt", "ge"), head, strict=True))
    low.require(site, wide, "ALLOCATE BY PRIORITY needs a width above 0")
    low.require(site, enough, "ALLOCATE BY PRIORITY cannot share a negative supply")
    return low.graph.op("allocate_by_priority", place, *head, *values, *priorities)


def whole(op: str) -> Callable[[Lowering, Site], int]:
    """MIN and MAX of XMILE: of several arguments, or over all elements of one variable."""

    def build(low: Lowering, site: Site) -> int:
        if len(site.call.args) > 1:
            return low.fold(op, [_now(low, site, a) for a in site.call.args])
        return low.fold(op, every_element(low, site))

    return build


def every_element(low: Lowering, site: Site) -> list[int]:
    """All elements of the one variable a function is called with."""
    argument = site.call.args[0]
    target = low.model.equations.get(argument.name) if isinstance(argument, Ref) else None
    if target is None or not isinstance(argument, Ref):
        return [_now(low, site, argument)]
    known = low.scalars.of(target)
    if argument.subs:
        allowed = [_members(low, site, s) for s in argument.subs]
        chosen = [e for e in known if all(a is None or x in a for a, x in zip(allowed, e, strict=True))]
    else:
        chosen = list(known)
    return [low.element(target, e, site.initial) for e in chosen]


def _members(low: Lowering, site: Site, sub: str) -> tuple[str, ...] | None:
    """Elements that a subscript of a whole array allows: all of a range that is not on the left-hand side."""
    if sub == "*":
        return None
    found = low.model.ranges.get(key(sub))
    if found is not None and found.elements and key(sub) not in site.env:
        return found.elements
    return (low.scalars.bound(sub, site.env, site.where),)


def count(low: Lowering, site: Site) -> int:
    """ELMCOUNT(range)."""
    name = site.call.args[0]
    found = low.model.ranges.get(key(name.name)) if isinstance(name, (Ref, Call)) else None
    if found is None:
        raise EquationError(f"{site.where}: ELMCOUNT needs the name of a subscript range.")
    return low.graph.const(float(len(found.elements)))
