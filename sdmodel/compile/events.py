"""Time events of a Program: classify nodes by how they depend on time, and find the times of jumps and kinks.

A comparison of functions linear in time, the integer part of one, and the knots of a lookup of one produce *breaks*.
Between two breaks such a comparison or integer part is constant: it is *held*, i.e. evaluated once at the middle of the
segment, so that rounding at the break itself cannot decide it. A node that is linear in time once held nodes are
constant counts as linear, so `MODULO(Time, 5) < 2` or a lookup of a ramp is exact too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from sdmodel.compile.program import Program
from sdmodel.core.cache import Cache
from sdmodel.core.errors import SolveError
from sdmodel.core.functions.operations import COMPARISONS, LOGIC
from sdmodel.core.functions.values import interpolate

RUN, HELD, LINE, FREE = range(4)
"""Depends on parameters only; constant between breaks; linear in time between breaks; anything else."""

MAX_BREAKS = 100_000
SMALLEST = 1e-12
"""Relative tolerance below which two dates are the same date."""


@dataclass(frozen=True, slots=True)
class Source:
    """A node that causes breaks. `kind`: cross (crosses zero), whole (crosses integers), knots (lookup knots)."""

    kind: str
    level: int
    test: int
    """Node whose value is watched; for a comparison the left side, with `against` the right."""
    against: int
    node: int
    """The held node, or -1 where only the slope changes."""
    table: int = -1


@dataclass(frozen=True, slots=True)
class Clock:
    """Classes of nodes, and sources of breaks by level; a level needs the held nodes and kinks of lower levels."""

    classes: tuple[int, ...]
    sources: tuple[Source, ...]
    held: tuple[int, ...]
    """Held nodes that are sources, in the order of the vector `h` passed to an engine."""
    kinks: int
    """Choices, minima, lookups and similar nodes that depend on the state; step-size control handles them."""


_clocks: Cache[Clock] = Cache()


def clock_of(program: Program) -> Clock:
    """Classify the nodes of a Program; cached while it is in use.

    Raises
    ------
    SolveError
        If a model solved with exact dates tests Time for equality with a number.
    """
    return _clocks.get(program, "clock") or _clocks.put(program, "clock", _classified(program))


def _classified(program: Program) -> Clock:
    classes: list[int] = []
    levels: list[int] = []
    sources: list[Source] = []
    kinks = 0
    for index, (op, *args) in enumerate(program.nodes):
        kind, level = FREE, 0
        inner = [int(a) for a in (args[1:] if op in ("lookup", "data") else args)] if op not in _LEAVES else []
        known = [classes[a] for a in inner]
        level = max((levels[a] for a in inner), default=0)
        line = all(c <= LINE for c in known)
        if op in ("const", "param", "first_draw"):
            kind = RUN
        elif op == "time" and not program.fixed:
            kind = LINE
        elif op in ("time", "state", "data", "memory", "draw"):
            kind = FREE
        elif all(c == RUN for c in known):
            kind = RUN
        elif all(c <= HELD for c in known):
            kind = HELD
        elif op in COMPARISONS and line and op in ("eq", "ne"):
            raise SolveError(
                "An equation asks whether Time equals a number, which has no meaning between steps. Run with "
                'method="euler" or "rk4", or use >= and <, or PULSE.'
            )
        elif op in COMPARISONS and line:
            kind = HELD
            sources.append(Source("cross", level, inner[0], inner[1], index))
            level += 1
        elif op in ("floor", "trunc") and line:
            kind = HELD
            sources.append(Source("whole", level, inner[0], -1, index))
            level += 1
        elif op in ("min", "max") and line:
            kind = LINE
            sources.append(Source("cross", level, inner[0], inner[1], -1))
            level += 1
        elif op == "abs" and line:
            kind = LINE
            sources.append(Source("cross", level, inner[0], -1, -1))
            level += 1
        elif op == "lookup" and line:
            stepped = program.tables[int(args[0])].kind in ("hold_backward", "look_forward")
            kind = HELD if stepped else LINE
            sources.append(Source("knots", level, inner[0], -1, index if stepped else -1, int(args[0])))
            level += 1
        elif (
            (op in ("add", "sub", "neg") and line)
            or (op == "mul" and line and min(known) <= HELD)
            or (op == "div" and line and known[1] <= HELD)
            or (op == "select" and line and known[0] <= HELD)
        ):
            kind = LINE
        if kind == FREE and op in _BENDS:
            kinks += 1
        classes.append(kind)
        levels.append(level)
    held = tuple(s.node for s in sources if s.node >= 0)
    return Clock(tuple(classes), tuple(sources), held, kinks)


_LEAVES = frozenset({"const", "param", "state", "time", "memory", "draw", "first_draw"})
_BENDS = COMPARISONS | LOGIC | {"min", "max", "abs", "floor", "trunc", "lookup"}

Watch = Callable[[float, Sequence[float]], Sequence[float]]
"""Values of `test` and `against` of every source at a time, given held values: `(t, h) -> [a0, b0, a1, b1, ...]`."""


@dataclass(frozen=True, slots=True)
class Segment:
    """An interval of time without jumps, and the held values in it."""

    start: float
    end: float
    held: tuple[float, ...]


_HELD = {
    "lt": lambda d: d < 0,
    "le": lambda d: d <= 0,
    "gt": lambda d: d > 0,
    "ge": lambda d: d >= 0,
}


def segments(clock: Clock, program: Program, watch: Watch, start: float, end: float) -> list[Segment]:
    """Cut a run into segments without jumps.

    Parameters
    ----------
    clock, program
        The time events of the program, and the program itself.
    watch
        Function of time and held values that returns the values of all sources for the parameters of the run.
    start, end
        First and last time.
    """
    depth = 1 + max((s.level for s in clock.sources), default=-1)
    slots = {node: i for i, node in enumerate(clock.held)}
    levels: list[list[tuple[int, Source]]] = [[] for _ in range(depth)]
    for i, s in enumerate(clock.sources):
        levels[s.level].append((i, s))
    smallest = SMALLEST * max(abs(start), abs(end), 1.0)

    def held_at(t: float, level: int, h: list[float]) -> list[float]:
        """`h` extended by the held values of `level`."""
        found = [(i, s) for i, s in levels[level] if s.node >= 0]
        if found:
            values = watch(t, h)
            h = list(h)
            for i, s in found:
                h[slots[s.node]] = _held_value(program, s, values[2 * i], values[2 * i + 1])
        return h

    out: list[Segment] = []
    open_: list[tuple[float, float, int, list[float]]] = [(start, end, 0, [0.0] * len(clock.held))]
    while open_:  # each interval is cut by one level after the other; its pieces continue with the next level
        a, b, level, h = open_.pop()
        p, q = a + (b - a) / 4, b - (b - a) / 4
        seen: list[float] | None = None
        while level < depth:
            if seen is not h:
                at_p, at_q, seen = watch(p, h), watch(q, h), h
            new: set[float] = set()
            for i, s in levels[level]:
                x0, x1 = at_p[2 * i] - at_p[2 * i + 1], at_q[2 * i] - at_q[2 * i + 1]
                new.update(t for t in _crossings(program, s, p, q, x0, x1, a, b) if a + smallest < t < b - smallest)
            if len(out) + len(open_) + len(new) > MAX_BREAKS:
                raise SolveError(f"The equations jump more than {MAX_BREAKS:,} times between {start:g} and {end:g}.")
            pieces = list(pairwise(_merge([a, b], new, smallest)))
            if len(pieces) > 1:
                for c, d in reversed(pieces):
                    open_.append((c, d, level + 1, held_at((c + d) / 2, level, h)))
                break
            h = held_at((a + b) / 2, level, h)
            level += 1
        else:
            out.append(Segment(a, b, tuple(h)))
    return out


def _merge(cuts: list[float], new: set[float], smallest: float) -> list[float]:
    out = [cuts[0]]
    for t in sorted({*cuts[1:-1], *new}):
        if t - out[-1] > smallest:
            out.append(t)
    if cuts[-1] - out[-1] <= smallest and len(out) > 1:
        out.pop()
    return [*out, cuts[-1]]


def _held_value(program: Program, source: Source, a: float, b: float) -> float:
    op = str(program.nodes[source.node][0])
    if source.kind == "cross":
        return float(_HELD[op](a - b))
    if source.kind == "knots":
        table = program.tables[source.table]
        return interpolate(a, table.x, table.y, table.kind)
    if not math.isfinite(a):
        return a
    return float(math.floor(a) if op == "floor" else math.trunc(a))


def _crossings(
    program: Program, source: Source, p: float, q: float, x0: float, x1: float, a: float, b: float
) -> list[float]:
    """Times in (a, b) at which the line through (p, x0) and (q, x1) crosses a threshold of the source."""
    slope = (x1 - x0) / (q - p)
    if slope == 0 or not math.isfinite(slope):
        return []
    if source.kind == "cross":
        return [p - x0 / slope]
    first, last = sorted((x0 + slope * (a - p), x0 + slope * (b - p)))
    if source.kind == "knots":
        targets: Sequence[float] = [x for x in program.tables[source.table].x if first <= x <= last]
    else:
        if last - first > MAX_BREAKS:
            raise SolveError(f"INTEGER, MODULO, QUANTUM or PULSE TRAIN of Time jumps {last - first:.0f} times.")
        targets = range(math.floor(first), math.ceil(last) + 1)
    return [p + (x - x0) / slope for x in targets]
