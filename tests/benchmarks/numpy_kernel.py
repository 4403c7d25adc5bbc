"""A Program in numpy, all runs of a block at once: an array operation for each equation and step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from c_kernel import alive_states, arguments, reached

from sdmodel.compile.events import RUN, clock_of
from sdmodel.compile.program import Program

_UFUNCS: dict[str, Any] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "min": np.minimum,
    "max": np.maximum, "exp": np.exp, "ln": np.log, "tanh": np.tanh, "pow": np.power, "abs": np.absolute,
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    "and": np.logical_and, "or": np.logical_or, "not": np.logical_not,
}  # fmt: skip
BLOCK = 1024
"""Runs at a time: large enough to spread the cost of a call, small enough for the cache."""


def runs(
    program: Program, outputs: Sequence[int], parameters: np.ndarray, start: float, step: float, steps: int, per: int
) -> np.ndarray:
    """Values (runs, outputs, reports) of one block, Euler steps."""
    classes = clock_of(program).classes
    states = alive_states(program, outputs)
    rates = [program.states[s].rate for s in states]
    values: dict[int, Any] = {}
    y = dict.fromkeys(states)

    def carry_out(nodes: Sequence[int], t: float) -> None:
        for node in nodes:
            values[node] = _value(program, node, values, parameters, y, t)

    starts = [program.states[s].initial for s in states]
    everything = reached(program, [*outputs, *rates])
    once = [n for n in everything if classes[n] == RUN]
    carry_out(reached(program, [*once, *starts]), start)
    for s, initial in zip(states, starts, strict=True):
        y[s] = np.broadcast_to(values[initial], len(parameters)).astype(float)
    each = [n for n in reached(program, rates) if classes[n] != RUN]
    shown = [n for n in reached(program, outputs) if classes[n] != RUN]
    out = np.empty((len(parameters), len(outputs), steps // per + 1))
    for k in range(steps + 1):
        if k % per == 0:
            carry_out(shown, start + k * step)
            for i, node in enumerate(outputs):
                out[:, i, k // per] = values[node]
        if k < steps:
            carry_out(each, start + k * step)
            for s, rate in zip(states, rates, strict=True):
                y[s] = y[s] + step * values[rate]
    return out


def _value(
    program: Program, node: int, values: dict[int, Any], parameters: np.ndarray, y: dict[int, Any], t: float
) -> Any:
    op, *raw = program.nodes[node]
    if op == "const":
        return float(raw[0])
    if op == "param":
        return parameters[:, int(raw[0])]
    if op == "state":
        return y[int(raw[0])]
    if op == "time":
        return t
    given = [values[a] for a in arguments(program, node)]
    if op == "lookup":
        table = program.tables[int(raw[0])]
        return np.interp(given[0], table.x, table.y)
    if op == "select":
        return np.where(*given)
    ufunc: Callable[..., Any] | None = _UFUNCS.get(str(op))
    if ufunc is None:
        raise ValueError(f"the numpy peer does not know {op}")
    return ufunc(*given)
