"""Compile a Program to plain Python functions on floats: the engine of a single run.

Generated source contains `v<n>`, `c<n>`, float literals and whitelisted calls, and nothing from a model file; it is
compiled in `_compiled` only. There are two forms: a fast one with Python's operators, and a safe one with IEEE
arithmetic, compiled only if the fast one meets a division by zero, an overflow or a value that is not finite.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any

from sdmodel.compile.events import clock_of
from sdmodel.compile.program import Program, TableData
from sdmodel.compile.python.source import source_of, step_values_of
from sdmodel.compile.random import draws
from sdmodel.core.functions.table import OPERATIONS
from sdmodel.core.functions.values import interpolate

Vector = Sequence[float]
Series = tuple[Sequence[float], Sequence[float]]
"""Times and values of a data variable."""


def _compiled(source: str, names: dict[str, Any]) -> Callable[..., Any]:
    """Compile generated source, the only place where this is done; `source` is the result of `source_of`."""
    space: dict[str, Any] = {"__builtins__": {}, **names}
    exec(compile(source, "<sdmodel program>", "exec"), space)
    made: Callable[..., Any] = space["bind"]
    return made


def _lookup(table: TableData, safe: bool) -> Callable[[float], float]:
    x, y, kind = table.x, table.y, table.kind
    if safe or len(x) < 2 or kind != "interpolate":
        return lambda at: interpolate(at, x, y, kind)
    from bisect import bisect_right

    slopes = tuple((b - a) / (d - c) if d > c else 0.0 for a, b, c, d in zip(y, y[1:], x, x[1:], strict=False))
    low, high, first, last = x[0], x[-1], y[0], y[-1]

    def interpolated(at: float) -> float:
        if at <= low:
            return first
        if at >= high:
            return last
        i = bisect_right(x, at) - 1
        return slopes[i] * (at - x[i]) + y[i]

    return lambda at: interpolated(at) if at == at else at


class Engine:
    """Python functions of a Program for chosen outputs."""

    def __init__(self, program: Program, outputs: Sequence[int] | None = None) -> None:
        self.program = program
        self.clock = clock_of(program)
        self.outputs = list(program.outputs.values()) if outputs is None else list(outputs)

    def __reduce__(self) -> tuple[Any, ...]:  # generated functions do not pickle
        return Engine, (self.program, self.outputs)

    def _make(self, safe: bool) -> Callable[..., Any]:
        names: dict[str, Any] = {"inf": math.inf, "nan": math.nan}
        names.update({f"{o.name}_": o.value if safe else o.fast or o.value for o in OPERATIONS.values()})
        names.update({f"look{i}": _lookup(t, safe) for i, t in enumerate(self.program.tables)})
        return _compiled(source_of(self.program, self.clock, self.outputs, safe), names)

    @cached_property
    def holding(self) -> bool:
        """Whether net flows read values of the start of the step in its stages."""
        return bool(step_values_of(self.program, self.clock))

    @cached_property
    def fast(self) -> Callable[..., Any]:
        """The fast form."""
        return self._make(safe=False)

    @cached_property
    def safe(self) -> Callable[..., Any]:
        """The form with IEEE arithmetic."""
        return self._make(safe=True)

    def bind(
        self,
        p: Vector,
        series: Sequence[Callable[[float], float]] = (),
        *,
        seed: int = 0,
        run: int = 0,
        past: Sequence[Vector] = (),
    ) -> Bound:
        """Functions of a run with parameters `p` and data `series`; `seed` and `run` choose its random draws.

        `past` holds the values in each memory, oldest first; by default each holds its initial value.
        """
        return Bound(self, list(p), list(series), seed, run, past)


_TROUBLE = (ArithmeticError, ValueError)


class Bound:
    """Functions of one run: `rates(t, y, h)`, `outs(t, y, h)`, `watch(t, h)`, `start` and `control`.

    On the TIME STEP grid `y` is states, memories and draws in one list, `start` states and memories, `spans` the steps
    each memory holds a value, `nexts(t, y, h)` the values that enter the memories, then the time-varying control
    variables, and `holds(t, y)` the values at the start of a step that `rates` takes as `h` in every stage of the step.
    """

    def __init__(
        self,
        engine: Engine,
        p: list[float],
        series: list[Callable[[float], float]],
        seed: int = 0,
        run: int = 0,
        past: Sequence[Vector] = (),
    ) -> None:
        self._engine, self._p, self._series, self.seed, self.run, self.past = engine, p, series, seed, run, past
        self._draws = draws(engine.program.streams, 0, seed, run)
        self._slow: tuple[Any, ...] | None = None
        self.program = engine.program
        self.outputs = engine.outputs
        self.trouble: tuple[float, Vector, Vector] | None = None
        """Time, states and held values at which a net flow first was not finite."""
        try:
            functions = engine.fast(p, series, self._draws)
            self._rates, self._outs, self.watch, self.start, control, self._nexts, self.spans, self._holds = functions
            if not all(map(math.isfinite, (*self.start, *control))):
                raise ArithmeticError
        except _TROUBLE:
            functions = self._safe()
            self._rates, self._outs, self.watch, self.start, control, self._nexts, self.spans, self._holds = functions
        self.control = dict(zip(engine.program.control, control, strict=True))
        fast_watch = self.watch

        def watch(t: float, h: Vector) -> Vector:
            try:
                values: Vector = fast_watch(t, h)
            except _TROUBLE:
                values = self._safe()[2](t, h)
            return values

        self.watch = watch

    def __reduce__(self) -> tuple[Any, ...]:
        return Bound, (self._engine, self._p, self._series, self.seed, self.run, self.past)

    def _safe(self) -> tuple[Any, ...]:
        if self._slow is None:
            self._slow = self._engine.safe(self._p, self._series, self._draws)
        return self._slow

    def rates(self, t: float, y: Vector, h: Vector) -> list[float]:
        """Net flow of every state."""
        try:
            d: list[float] = self._rates(t, y, h)
        except _TROUBLE:
            d = self._safe()[0](t, y, h)
        total = sum(d)
        if total - total != 0.0:
            d = self._safe()[0](t, y, h)
            if self.trouble is None and not all(map(math.isfinite, d)):
                self.trouble = (t, y, h)
        return d

    def holds(self, t: float, y: Vector) -> Vector:
        """Values at the start of a step at time `t` that are constant within the step."""
        if not self._engine.holding:
            return ()
        try:
            values: list[float] = self._holds(t, y)
        except _TROUBLE:
            values = self._safe()[7](t, y)
        return values

    def complaint(self, t: float, y: Vector, h: Vector) -> str:
        """Message of the first requirement of a function that its arguments violate, or an empty string."""
        wanted = self.program.requirements
        if not wanted:
            return ""
        bound = Engine(self.program, list(wanted)).bind(self._p, self._series, seed=self.seed, run=self.run)
        satisfied = bound.outs(t, y, h)
        return next((text for ok, text in zip(satisfied, wanted.values(), strict=True) if ok == 0), "")

    def nexts(self, t: float, y: Vector, h: Vector) -> list[float]:
        """Value that enters each memory at the end of a step, then the value of each time-varying control variable."""
        try:
            d: list[float] = self._nexts(t, y, h)
        except _TROUBLE:
            d = self._safe()[5](t, y, h)
        return d

    def outs(self, t: float, y: Vector, h: Vector) -> list[float]:
        """Values of the chosen outputs."""
        try:
            d: list[float] = self._outs(t, y, h)
        except _TROUBLE:
            d = self._safe()[1](t, y, h)
        else:
            total = sum(d)
            if total - total != 0.0:
                d = self._safe()[1](t, y, h)
        return d


def evaluate(program: Program, node: int, p: Vector) -> float:
    """Value of a node that depends on parameters only, by recursive evaluation; slow for many nodes."""
    op, *args = program.nodes[node]
    if op == "const":
        return float(args[0])
    if op == "param":
        return float(p[int(args[0])])
    if op == "lookup":
        t = program.tables[int(args[0])]
        return interpolate(evaluate(program, int(args[1]), p), t.x, t.y, t.kind)
    return float(OPERATIONS[str(op)].value(*(evaluate(program, int(a), p) for a in args)))
