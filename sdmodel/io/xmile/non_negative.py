"""Non-negative stocks of XMILE: their outflows are reduced to what they hold, so that nothing is lost.

The rule is Stella's [1]_: an outflow is the smaller of its equation and ``stock/DT + inflows - outflows of higher
priority``. The priority of outflows is the order in which the stock names them. An inflow that may be negative is
limited in the same way.

References
----------
.. [1] isee systems, Flow prioritization.
   https://www.iseesystems.com/resources/help/v1-1/Content/08-Reference/05-Computational_Details/Flow_prioritization.htm
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import chain, pairwise

from sdmodel.core.errors import ReadWarning
from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, names_in
from sdmodel.core.structure import Variable, kind_of

Flow = tuple[str, str]
"""Sign and key of a flow of a stock."""
_STATEFUL = ("integ", "smooth", "delay", "previous")
"""Beginnings of the names of functions whose value does not depend on their arguments at the same time."""


def limit_outflows(equations: dict[str, Variable]) -> dict[str, Variable]:
    """Reduce the outflows of non-negative stocks.

    Parameters
    ----------
    equations
        Variables by key, with all subscripts explicit.

    Returns
    -------
    dict
        The same variables. A flow is limited by the stocks that it drains; a stock whose flows cannot be limited is an
        `integ cut`, which is cut off at zero.
    """
    if not any(_cut(c.expr) for v in equations.values() for c in v.components):
        return equations
    flows = {k: _flows(v) for k, v in equations.items() if v.kind == "stock"}
    used = Counter(flow for found in flows.values() for flow in set(found or ()))
    limited: dict[str, list[Flow]] = {}
    out = dict(equations)
    for k, found in flows.items():
        if not any(_cut(c.expr) for c in equations[k].components):
            continue
        if found is None or any(used[flow] > 1 or not _limitable(equations, k, flow[1]) for flow in found):
            components = tuple(replace(c, expr=_renamed(c.expr)) for c in equations[k].components)
            out[k] = replace(equations[k], components=components)
        else:
            limited[k] = found
    place = _order(equations, limited)
    positive = {name for found in limited.values() for _, name in found if _is_positive(equations[name])}
    at_start = _read_at_start(equations)
    for stock, found in limited.items():
        ordered = sorted(found, key=lambda flow: place[flow[1]])
        for count, (sign, name) in enumerate(ordered):
            if sign == "-" or name not in positive:
                out[name] = _limited(out[name], sign, stock, ordered[:count], name in at_start)
    return out


def limited_again(equations: Mapping[str, Variable], name: str) -> list[Variable]:
    """What follows from a new equation of a flow: the flow, limited, or stocks that can only be cut off at zero."""
    found = limit_outflows(dict(equations))
    changed = [v for k, v in found.items() if v is not equations[k] and (k == name or v.kind == "stock")]
    warn_of_cuts(changed)
    return changed


def warn_of_cuts(variables: Iterable[Variable]) -> None:
    """Issue a ReadWarning for each stock whose flows cannot be limited."""
    for variable in variables:
        if any(isinstance(c.expr, Call) and c.expr.name == "integ cut" for c in variable.components):
            warnings.warn(
                f"{variable.where}: the non-negative stock '{variable.name}' is cut off at zero, which loses or makes "
                "what flows: its flows cannot be reduced, because they are not variables of its own dimensions, each "
                "the outflow of this stock only.",
                ReadWarning,
                stacklevel=3,
            )


def _cut(expr: Expr) -> bool:
    return isinstance(expr, Call) and expr.name == "integ non negative"


def _renamed(expr: Expr) -> Expr:
    return replace(expr, name="integ cut") if isinstance(expr, Call) and _cut(expr) else expr


def _flows(stock: Variable) -> list[Flow] | None:
    """Flows of a stock, inflows first; None if they are not the same variables, by name, for each of its elements."""
    found = {tuple(_terms(c.expr.args[0], c.subs)) for c in stock.components if isinstance(c.expr, Call)}
    terms = list(found.pop()) if len(found) == 1 else [None]
    flows = [t for t in terms if t is not None]
    doubled = len({name for _, name in flows}) < len(flows)
    return None if len(flows) < len(terms) or doubled else sorted(flows, key=lambda flow: flow[0] == "-")


def _terms(net: Expr, subs: tuple[str, ...], sign: str = "+") -> list[Flow | None]:
    """Terms of a net flow; None for one that is no reference to a variable with the subscripts of the stock."""
    match net:
        case Op("+" | "-" as op, (left, right)):
            return [*_terms(left, subs, sign), *_terms(right, subs, op)]
        case Op("neg", (term,)):
            return _terms(term, subs, "-")
        case Number(0.0):
            return []
        case Ref(name, own) if own == subs:
            return [(sign, name)]
    return [None]


def _limitable(equations: dict[str, Variable], stock: str, name: str) -> bool:
    """Whether the variable is an equation of its own for the elements of the stock."""
    flow = equations.get(name)
    return (
        flow is not None
        and flow.kind in ("constant", "auxiliary")
        and not any(isinstance(c.expr, Array) for c in flow.components)
        and {len(c.subs) for c in flow.components} == {len(c.subs) for c in equations[stock].components}
    )


def _is_positive(flow: Variable) -> bool:
    """Whether a flow is marked non-negative, or a number that is."""
    return all(
        (isinstance(c.expr, Number) and c.expr.value >= 0)
        or (isinstance(c.expr, Call) and c.expr.name == "max" and Number(0.0) in c.expr.args)
        for c in flow.components
    )


def _order(equations: dict[str, Variable], limited: dict[str, list[Flow]]) -> dict[str, int]:
    """Place of each variable in an order in which it can be computed.

    Inflows of a stock come before its outflows, and these in their priority, except where this would be circular.
    """
    import networkx as nx

    graph = nx.DiGraph()
    graph.add_nodes_from(equations)
    graph.add_edges_from(
        (cause, k) for k, v in equations.items() for c in v.components for cause in _causes(c.expr) & equations.keys()
    )
    wanted: list[tuple[str, str]] = []
    for found in limited.values():
        inflows, outflows = ([name for s, name in found if s == sign] for sign in "+-")
        wanted += pairwise(outflows)
        wanted += [(i, o) for i in inflows for o in outflows]
    whole = nx.compose(graph, nx.DiGraph(wanted))
    part = {k: i for i, members in enumerate(nx.strongly_connected_components(whole)) for k in members}
    graph.add_edges_from((a, b) for a, b in wanted if part[a] != part[b])
    for a, b in wanted:
        if part[a] == part[b] and not nx.has_path(graph, b, a):
            graph.add_edge(a, b)
    place = {k: i for i, k in enumerate(equations)}
    parts = nx.condensation(graph)
    members = [sorted(parts.nodes[n]["members"], key=place.__getitem__) for n in nx.topological_sort(parts)]
    return {k: i for i, k in enumerate(chain.from_iterable(members))}


def _causes(expr: Expr) -> set[str]:
    """Names in an expression on whose values at the same time its own depends."""
    match expr:
        case Call(name, args) if not name.startswith(_STATEFUL):
            return {name}.union(*map(_causes, args))
        case Op(_, args):
            return set().union(*map(_causes, args))
        case Ref(name):
            return {name}
    return set()


def _read_at_start(equations: dict[str, Variable]) -> set[str]:
    """Names on which initial values of stocks depend."""
    exprs = (c.expr for v in equations.values() if v.kind == "stock" for c in v.components)
    todo = [name for e in exprs if isinstance(e, Call) for start in e.args[1:] for name in names_in(start)]
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in seen and name in equations:
            seen.add(name)
            todo += equations[name].reads() if equations[name].kind != "stock" else ()
    return seen


def _limited(flow: Variable, sign: str, stock: str, before: list[Flow], at_start: bool) -> Variable:
    """The flow, at most what the stock holds together with the flows `before` it.

    If it is read `at_start`, to compute initial values, these follow from its own equation.
    """
    components = []
    for c in flow.components:
        room: Expr = Op("/", (Ref(stock, c.subs), Ref("time step")))
        for s, name in before:
            room = Op(s, (room, Ref(name, c.subs)))
        room = Call("max", (room, Number(0.0)))
        function, limit = ("min", room) if sign == "-" else ("max", Op("neg", (room,)))
        match c.expr:
            case Call("active initial", (now, start)):
                expr = Call("active initial", (Call(function, (now, limit)), start))
            case _:
                expr = Call(function, (c.expr, limit))
                expr = Call("active initial", (expr, c.expr)) if at_start else expr
        components.append(replace(c, expr=expr))
    made = tuple(components)
    return replace(flow, components=made, kind=kind_of(flow.name, made))
