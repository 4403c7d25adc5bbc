"""Lower models to programs, cache them by model, and check whether a program fits a set of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sdmodel.compile.lower import Lowering
from sdmodel.compile.program import Program, fitting_order
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.cache import Cache
from sdmodel.core.structure import Structure


def lower(
    model: Structure,
    *,
    fixed: bool,
    values: Mapping[str, float] | None = None,
    starts: Iterable[str] = (),
    resumed: bool = False,
) -> Program:
    """Lower a model to a Program.

    Parameters
    ----------
    model
        The model.
    fixed
        True for Vensim's time functions on the TIME STEP grid, False for exact dates.
    values
        Constants that differ from the file; used only where the program's shape depends on them (orders of delays).
    starts
        Stocks and hidden states by name whose initial values are parameters of the program, named as they are; what is
        computed from initial values follows.
    resumed
        For a run that goes on from a state: the initial values of all states, the initial value and length of all
        memories (``NAME`` and ``NAME steps``), and the values that INITIAL keeps are parameters.

    Raises
    ------
    EquationError
        If a name is not defined, subscripts do not fit, or equations form a loop without a stock.
    UnsupportedError
        If a function is not supported.
    """
    return Lowering(model, fixed, values or {}, frozenset(starts), resumed).program()


def fits(program: Program, p: Sequence[float]) -> str:
    """Empty if the program is valid for the parameters `p`, else the name of the value that requires another."""
    for i, value in program.structural.items():
        if p[i] != value:
            return program.parameters[i]
    for order in program.orders:
        time, step = evaluate(program, order.time, p), evaluate(program, order.step, p)
        if fitting_order(order.requested, time, step) != order.used:
            return order.name
    return ""


def below(program: Program, *nodes: int) -> set[int]:
    """Nodes that some nodes read, themselves too, other than through states and memories."""
    seen: set[int] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        op, *args = program.nodes[node]
        if op not in ("const", "param", "state", "time", "memory", "draw", "first_draw"):
            stack.extend(int(a) for a in (args[1:] if op in ("lookup", "data") else args))
    return seen


def depends(program: Program, *nodes: int) -> set[int]:
    """Indices of the parameters on which nodes depend, other than through states and memories."""
    return {int(program.nodes[i][1]) for i in below(program, *nodes) if program.nodes[i][0] == "param"}


_programs: Cache[Program] = Cache()


def program_of(model: Structure, *, fixed: bool, starts: Iterable[str] = ()) -> Program:
    """The Program of a model (see `lower`), cached while the model is in use."""
    key = fixed, frozenset(starts)
    return _programs.get(model, key) or _programs.put(model, key, lower(model, fixed=fixed, starts=key[1]))
