"""The causal graph of a model and its feedback loops."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sdmodel.core.expression import INTEGRALS, Call, Expr, Op, names_in
from sdmodel.core.structure import Component, Structure, Variable

if TYPE_CHECKING:
    import networkx as nx

MEMORIES = frozenset(
    ("smooth", "smoothi", "smooth3", "smooth3i", "smooth n", "delay1", "delay1i", "delay3", "delay3i", "delay n",
     "delay fixed", "forecast", "trend")
)  # fmt: skip
"""Functions that delay their first argument."""


def instantaneous(variable: Variable) -> Variable:
    """The variable without memory: a stock is replaced by its net flow, a delay by its input.

    Initial values and INITIAL are excluded, since they carry no feedback.
    """
    return replace(
        variable,
        kind="auxiliary",
        components=tuple(Component(c.subs, c.excepts, _flowing(c.expr)) for c in variable.components),
    )


def _flowing(expr: Expr) -> Expr:
    match expr:
        case Call(name, (flow, _)) if name in INTEGRALS:
            return _flowing(flow)
        case Call(name, (first, *_)) if name in MEMORIES:
            return _flowing(first)
        case Call("initial", _):
            return expr
        case Call(name, args, subs):
            return Call(name, tuple(_flowing(a) for a in args), subs)
        case Op(op, args):
            return Op(op, tuple(_flowing(a) for a in args))
        case _:
            return expr


def causes_of(expr: Expr) -> set[str]:
    """Keys of the variables that an expression of `instantaneous` reads during a run."""
    match expr:
        case Call("initial", _):
            return set()
        case Op(_, args):
            return set().union(*(causes_of(a) for a in args))
        case Call(name, args, _):
            return {name}.union(*(causes_of(a) for a in args))
        case _:
            return names_in(expr)


def links(model: Structure) -> nx.DiGraph:
    """Causal graph of the stocks and auxiliaries, by name.

    Parameters
    ----------
    model
        The model; nothing is run.

    Returns
    -------
    networkx.DiGraph
        An edge from each stock or auxiliary to each that reads it during a run.
    """
    import networkx as nx

    moving = {k: v for k, v in model.equations.items() if v.kind in ("stock", "auxiliary")}
    graph = nx.DiGraph()
    graph.add_nodes_from(v.name for v in moving.values())
    for variable in moving.values():
        read = set().union(*(causes_of(c.expr) for c in instantaneous(variable).components))
        graph.add_edges_from((moving[k].name, variable.name) for k in sorted(read & moving.keys()))
    return graph


@dataclass(frozen=True, slots=True)
class Loops:
    """Feedback loops of a model."""

    cores: tuple[int, ...]
    """Number of variables in each strongly connected part, largest first."""
    links: int
    """Links inside these parts."""
    independent: int
    """Size of a basis of the loops: links - variables + parts [1]_."""
    shortest: tuple[tuple[str, ...], ...]
    """The shortest independent loops [2]_, shortest first."""
    short: int
    """Number of simple loops of at most `bound` variables."""
    bound: int


def loops_of(model: Structure, bound: int = 12) -> Loops:
    """Count the loops of a model.

    The number of loops grows exponentially with the size of a model. The shortest independent loops cover every link
    that is part of a loop.

    Parameters
    ----------
    model
        The model; nothing is run.
    bound
        Simple loops are counted up to this number of variables.

    Returns
    -------
    Loops

    References
    ----------
    .. [1] Kampmann, C. E. (2012). Feedback loop gains and system behaviour (1996). System Dynamics Review 28(4),
       370-395. https://doi.org/10.1002/sdr.1483
    .. [2] Oliva, R. (2004). Model structure analysis through graph theory: partition heuristics and feedback structure
       decomposition. System Dynamics Review 20(4), 313-336. https://doi.org/10.1002/sdr.298

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.validation.confidence.feedback_graph import loops_of
    >>> found = loops_of(sdmodel.load("network"))
    >>> len(found.shortest) <= found.independent
    True
    """
    import networkx as nx

    graph = links(model)
    parts = [graph.subgraph(part) for part in nx.strongly_connected_components(graph)]
    parts = sorted((p for p in parts if p.number_of_edges()), key=len, reverse=True)
    shortest = [loop for part in parts for loop in _shortest(part)]
    return Loops(
        cores=tuple(len(p) for p in parts),
        links=sum(p.number_of_edges() for p in parts),
        independent=sum(p.number_of_edges() - len(p) + 1 for p in parts),
        shortest=tuple(sorted(shortest, key=lambda loop: (len(loop), loop))),
        short=sum(1 for p in parts for _ in nx.simple_cycles(p, length_bound=bound)),
        bound=bound,
    )


def _shortest(part: nx.DiGraph) -> list[tuple[str, ...]]:
    """Shortest loops, each with a link that no shorter one contains, covering all links."""
    import networkx as nx

    ways = {a: nx.single_source_shortest_path(part, a) for a in sorted(part)}
    # The shortest loop through a link closes with the shortest path back.
    around = sorted((tuple(ways[b][a]) for a, b in part.edges), key=lambda loop: (len(loop), loop))
    seen: set[tuple[str, str]] = set()
    out = []
    for loop in around:
        steps = set(zip(loop, (*loop[1:], loop[0]), strict=True))
        if not steps <= seen:
            seen |= steps
            out.append(loop)
    return out
