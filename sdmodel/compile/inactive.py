"""Parameters without influence: on a run before a date, such as sizes that a later switch multiplies, or on its dates.

Each node has an interval that holds its values in all runs and at all times up to the date, and the nodes that it
rests on: a comparison of Time that the intervals decide is a constant, a product with zero is zero where the other
factor is bounded, and a choice whose condition is known is one of its branches. What cannot be decided rests on all
that it reads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from sdmodel.compile.events import HELD, clock_of
from sdmodel.compile.program import Program
from sdmodel.compile.programs import below

Interval = tuple[float, float]
ANY: Interval = (-math.inf, math.inf)
NO, YES, EITHER = (0.0, 0.0), (1.0, 1.0), (0.0, 1.0)
_FLIPPED = {"lt": "gt", "le": "ge", "gt": "lt", "ge": "le"}


def active_before(
    program: Program, outputs: Sequence[int], date: float, low: Sequence[float], high: Sequence[float]
) -> set[int]:
    """Indices of the parameters that may act on an output before a date, or on a state it has then.

    Parameters that have one value in all runs are left out.

    Parameters
    ----------
    program
        Lowered for exact dates.
    outputs
        Nodes that are reported.
    date
        Between the initial and the final time.
    low, high
        Smallest and largest value of each parameter over all runs.

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.compile.programs import program_of
    >>> program = program_of(sdmodel.load("network"), fixed=False)
    >>> low = [x / 2 for x in program.defaults]
    >>> active = active_before(program, [program.outputs["trust"]], 2010.0, low, program.defaults)
    >>> "trust time" in {program.parameters[i] for i in active}
    True
    """
    rests = _rests(program, (-math.inf, date), low, high, range(len(program.nodes)))
    return _varying(program, _reached(program, rests, outputs), low, high)


def active_on_dates(program: Program, time: Interval, low: Sequence[float], high: Sequence[float]) -> set[int]:
    """Indices of the parameters that may act on the dates, within an interval, at which a run jumps or bends.

    A minimum, say, of what does not move in time has no date, whatever it rests on. Other arguments as above.
    """
    clock = clock_of(program)
    watched = [(s, [node for node in (s.test, s.against) if node >= 0]) for s in clock.sources]
    needed = sorted(below(program, *(node for _, nodes in watched for node in nodes)))
    rests = _rests(program, time, low, high, needed)
    out: set[int] = set()
    for source, nodes in watched:
        reached = _reached(program, rests, nodes)
        if source.node >= 0 or any(program.nodes[node][0] == "time" for node in reached):
            out |= _varying(program, reached, low, high)
    return out


def _reached(program: Program, rests: Mapping[int, tuple[int, ...]], nodes: Sequence[int]) -> set[int]:
    """Nodes on which some nodes rest, themselves too, also through states."""
    seen: set[int] = set()
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        stack.extend(rests[node])
        op, *args = program.nodes[node]
        if op == "state":
            state = program.states[int(args[0])]
            stack.extend((state.initial, state.rate))
    return seen


def _varying(program: Program, nodes: Iterable[int], low: Sequence[float], high: Sequence[float]) -> set[int]:
    """Indices of the parameters among the nodes that differ between runs."""
    found = {int(program.nodes[node][1]) for node in nodes if program.nodes[node][0] == "param"}
    return {i for i in found if low[i] != high[i]}


def _rests(
    program: Program, time: Interval, low: Sequence[float], high: Sequence[float], nodes: Iterable[int]
) -> dict[int, tuple[int, ...]]:
    """Nodes on which each of some nodes, in order and with all that they read, rests in an interval of time."""
    classes = clock_of(program).classes
    values: dict[int, Interval] = {}
    rests: dict[int, tuple[int, ...]] = {}
    for node in nodes:
        op, *args = program.nodes[node]
        value: Interval = ANY
        used: tuple[int, ...] = ()
        if op == "const":
            value = (float(args[0]), float(args[0]))
        elif op == "param":
            value = (low[int(args[0])], high[int(args[0])])
        elif op == "time":
            value = time
        elif op != "state":
            inner = tuple(int(a) for a in (args[1:] if op in ("lookup", "data") else args))
            if op in _FLIPPED:
                known = _decided(program, str(op), inner, values, time[1], classes[node] == HELD)
                value, used = (EITHER, inner) if known is None else (YES if known else NO, ())
            else:
                value, used = _operation(str(op), inner, values)
        a, b = value
        if not (math.isfinite(b) and a <= b):  # not a number, or too large for one
            value = ANY
        values[node] = value
        rests[node] = () if value[0] == value[1] else used
    return rests


def _operation(op: str, inner: tuple[int, ...], values: Mapping[int, Interval]) -> tuple[Interval, tuple[int, ...]]:
    """Interval of an operation, and those of its arguments on which it rests."""
    x = [values[i] for i in inner]
    if op == "select":
        _, first, second = inner
        if _whole(x[0]) and not x[0][0] <= 0 <= x[0][1]:
            return x[1], (first,)
        if x[0] == NO:
            return x[2], (second,)
        return (min(x[1][0], x[2][0]), max(x[1][1], x[2][1])), inner
    if op in ("and", "or"):
        alone, together = (NO, YES) if op == "and" else (YES, NO)
        return (alone if alone in x else together if x == [together] * 2 else EITHER), inner
    if op == "not" and x[0] in (NO, YES):
        return (YES if x[0] == NO else NO), ()
    if op == "mul" and NO in x and all(map(_whole, x)):
        return NO, ()
    if op in ("add", "sub", "mul", "min", "max", "neg", "abs") and all(map(_whole, x)):
        corners = {
            "add": lambda: [a + b for a in x[0] for b in x[1]],
            "sub": lambda: [a - b for a in x[0] for b in x[1]],
            "mul": lambda: [a * b for a in x[0] for b in x[1]],
            "min": lambda: [min(x[0][i], x[1][i]) for i in (0, 1)],
            "max": lambda: [max(x[0][i], x[1][i]) for i in (0, 1)],
            "neg": lambda: [-a for a in x[0]],
            "abs": lambda: [*map(abs, x[0]), *([0.0] if x[0][0] <= 0 <= x[0][1] else [])],
        }[op]()
        return (min(corners), max(corners)), inner
    if op == "div" and all(map(_whole, x)) and not x[1][0] <= 0 <= x[1][1]:
        ratios = [a / b for a in x[0] for b in x[1]]
        return (min(ratios), max(ratios)), inner
    return ANY, inner


def _whole(x: Interval) -> bool:
    return math.isfinite(x[0]) and math.isfinite(x[1])


def _decided(
    program: Program, op: str, inner: tuple[int, ...], values: Mapping[int, Interval], date: float, held: bool
) -> bool | None:
    """Value of a comparison, None if it is not the same in all runs and at all times before the date.

    A comparison that is `held` has one value up to a break, whereas others are asked at the break as well.
    """
    left, right = inner
    if program.nodes[right] == ("time",):
        left, right, op = right, left, _FLIPPED[op]
    a, b = values[left], values[right]
    if program.nodes[left] == ("time",):
        return op in ("lt", "le") if _whole(b) and (b[0] > date or (held and b[0] == date)) else None
    if not (_whole(a) and _whole(b)):
        return None
    if op in ("gt", "ge"):
        a, b, op = b, a, _FLIPPED[op]
    if a[1] < b[0] or (op == "le" and a[1] <= b[0]):
        return True
    return False if a[0] > b[1] or (op == "lt" and a[0] >= b[1]) else None


def thresholds(program: Program, low: Sequence[float]) -> list[float]:
    """Dates with which the program compares Time, each the earliest over all runs, in order."""
    found = set()
    for op, *args in program.nodes:
        if op in _FLIPPED and ("time",) in (program.nodes[int(a)] for a in args):
            for a in map(int, args):
                date = _earliest(program, a, low)
                if math.isfinite(date):
                    found.add(date)
    return sorted(found)


def _earliest(program: Program, node: int, low: Sequence[float]) -> float:
    """The lowest value of a constant, a parameter or a sum of them; infinite for anything else."""
    op, *args = program.nodes[node]
    if op in ("const", "param"):
        return float(args[0]) if op == "const" else low[int(args[0])]
    return sum(_earliest(program, int(a), low) for a in args) if op == "add" else math.inf
