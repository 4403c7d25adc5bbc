"""Jumps of derivatives at dates that depend on a parameter.

At a date τ(p) at which the net flow jumps from f⁻ to f⁺ the derivative of the state jumps by (f⁻ − f⁺) dτ/dp [1]_.

References
----------
.. [1] Rozenvasser, E. N. (1967). General sensitivity equations of discontinuous systems. Automation and Remote Control
   28, 400-404. See also Barton, P. I. and Lee, C. K. (2002). Modeling, simulation, sensitivity analysis, and
   optimization of hybrid systems. ACM Transactions on Modeling and Computer Simulation 12(4), 256-289.
   https://doi.org/10.1145/643120.643122
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sdmodel.analysis.gradients.tangent_program import Flow
from sdmodel.compile.events import SMALLEST, Segment, Source, clock_of, segments
from sdmodel.compile.program import Program
from sdmodel.compile.python.engine import Bound, Engine
from sdmodel.core.errors import SolveError

Array = np.ndarray


@dataclass(frozen=True)
class Boundary:
    """A date at which values jump and that depends on some directions."""

    time: float
    before: tuple[float, ...]
    """Held values of the tangent program before it."""
    after: tuple[float, ...]
    groups: tuple[tuple[tuple[float, tuple[int, ...]], ...], ...]
    """For each direction: derivatives dτ/dp in increasing order, each with the held values that jump with it."""

    def across(self, row: int, bound: Bound, y: Array, flow: Flow) -> tuple[Array, Array, list[float]]:
        """States after the date, and states and held values reported at the date along a direction."""
        after, held = y.copy(), list(self.before)
        seen, seen_held = y.copy(), list(self.before)
        for speed, slots in self.groups[row]:
            rates = self._rates(bound, after, held, flow)
            for slot in slots:
                held[slot] = self.after[slot]
            if speed:
                change = (rates - self._rates(bound, after, held, flow)) * speed
                after[flow.primal :] += change[list(flow.changing)]
            if speed <= 0:  # these jumps precede the report; the others follow
                seen, seen_held = after.copy(), list(held)
        if all(speed <= 0 for speed, _ in self.groups[row]):
            seen_held = list(self.after)
        return after, seen, seen_held

    def _rates(self, bound: Bound, y: Array, held: list[float], flow: Flow) -> Array:
        return np.array(bound.rates(self.time, y.tolist(), held)[: flow.primal])


def boundaries(
    engine: Engine, flow: Flow, model: Program, bounds: Sequence[Bound], start: float, end: float
) -> list[Boundary]:
    """Dates of a run, both ends included, at which a jump depends on a direction.

    A date at the start counts only if it moves into the run.

    Parameters
    ----------
    engine
        Engine of the tangent program, whose outputs are those of `flow`.
    flow
        The tangent program and its parts.
    model
        The program it was made from.
    bounds
        The engine bound to the parameters of each direction.
    start, end
        Time of the run.

    Raises
    ------
    SolveError
        If jumps with different derivatives coincide and one of them depends on another.
    """
    program, clock = engine.program, engine.clock
    near = 1e-6 * (end - start)
    ends = [(start - near, start), (start, end), (end, end + near)]
    parts = [part for a, b in ends for part in segments(clock, program, bounds[0].watch, a, b)]
    count = len(model.nodes)
    ours = [i for i, s in enumerate(clock.sources) if s.node >= 0 and s.node < count]
    # The tangent program has the sources of the model first, in their order.
    known = {(s.kind, s.node, s.test, s.against): j for j, s in enumerate(clock_of(model).sources)}
    slots = {node: k for k, node in enumerate(clock.held)}
    out = []
    for left, right in pairwise(parts):
        if not start <= left.end <= end:
            continue
        changed = [
            i for i in ours if left.held[slots[clock.sources[i].node]] != right.held[slots[clock.sources[i].node]]
        ]
        if not changed:
            continue
        y = [0.0] * len(program.states)
        groups = []
        for bound in bounds:
            speeds: dict[float, list[int]] = {}
            derived: list[int] = []
            lines = bound.outs(left.end, y, left.held)[2 * len(flow.outputs) :]
            for i in changed:
                s = clock.sources[i]
                j = known[s.kind, s.node, s.test, s.against]
                speed = _speed(flow, i, s, bound, left, lines[2 * j] - lines[2 * j + 1])
                if speed is None:
                    derived.append(slots[s.node])
                else:
                    speeds.setdefault(_rounded(speed if left.end > start else max(speed, 0.0)), []).append(
                        slots[s.node]
                    )
            if derived:
                _follow(speeds, derived, left.end)
            groups.append(tuple((v, tuple(k)) for v, k in sorted(speeds.items())))
        if any(v for g in groups for v, _ in g):
            out.append(Boundary(left.end, left.held, right.held, tuple(groups)))
    return out


def _rounded(speed: float) -> float:
    """Round, so that derivatives that differ by rounding are equal."""
    return float(f"{speed:.9g}") + 0.0


def _follow(speeds: dict[float, list[int]], derived: list[int], time: float) -> None:
    """Jumps that depend on other jumps at the same date move with them."""
    if len(speeds) > 1:
        raise SolveError(
            f"Several dates coincide at {time:.6g} with different derivatives, and one depends on another. Shift one "
            "of them slightly, or use differences of runs."
        )
    speeds.setdefault(next(iter(speeds), 0.0), []).extend(derived)


def _speed(flow: Flow, number: int, source: Source, bound: Bound, part: Segment, change: float) -> float | None:
    """Derivative of the date at the end of `part`; None if the source has no break there."""
    a, b = part.start, part.end
    p, q = a + (b - a) / 4, b - (b - a) / 4
    at = [bound.watch(t, part.held) for t in (p, q)]
    x0, x1 = (v[2 * number] - v[2 * number + 1] for v in at)
    slope = (x1 - x0) / (q - p)
    if not slope:
        return None
    here = x0 + slope * (b - p)
    if source.kind == "knots":
        table = flow.program.tables[source.table]
        here -= min(table.x, key=lambda x: abs(x - here))
    elif source.kind == "whole":
        here -= round(here)
    if abs(here / slope) > 1e4 * SMALLEST * max(abs(a), abs(b), 1.0):
        return None
    return float(-change / slope)
