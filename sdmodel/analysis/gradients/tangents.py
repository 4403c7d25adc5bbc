"""Exact derivatives of a run: the tangent program run by the kernel, one direction per lane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sdmodel.analysis.gradients.moving_dates import Boundary, boundaries
from sdmodel.analysis.gradients.state_jumps import JumpMonitor, Points, refuse_edges, refuse_jumps
from sdmodel.analysis.gradients.tangent_program import activity, flow_of
from sdmodel.compile.events import SMALLEST, clock_of
from sdmodel.compile.program import Program
from sdmodel.compile.python.engine import Bound, Engine
from sdmodel.core.errors import SolveError
from sdmodel.solve.interpolation import Series
from sdmodel.solve.registry import MANY_RUNS, solver

Array = np.ndarray


@dataclass(frozen=True)
class Direction:
    """What a derivative is taken with respect to: parameters that change together, or an initial value."""

    name: str
    parameters: tuple[int, ...] = ()
    state: int = -1


class Tangents:
    """Values of outputs over time and their derivatives along directions, for any parameters.

    Made once for a program, its outputs and directions; compiled on first use.
    """

    def __init__(self, program: Program, outputs: Sequence[str], directions: Sequence[Direction]) -> None:
        self.program = program
        self.names = list(outputs)
        self.directions = list(directions)
        nodes = [program.outputs[name] for name in outputs]
        varied = sorted({i for d in directions for i in d.parameters})
        starts = {d.state for d in directions if d.state >= 0}
        self.active = activity(program, clock_of(program), nodes, set(varied), starts)
        self.flow = flow_of(program, nodes, varied, self.active)
        self._beginning = Engine(self.flow.beginning)

    @cached_property
    def kernel(self) -> Any:
        """The compiled kernel; outputs: the outputs, their derivatives, then the states that both depend on."""
        from sdmodel.compile.llvm import Kernel
        from sdmodel.compile.llvm.plan import plan_of

        flow = self.flow
        shown = [*flow.outputs, *flow.changes]
        self.alive: tuple[int, ...] = ()
        if self.active.dated:
            self.alive = plan_of(flow.program, shown).states
            index = {node: i for i, node in enumerate(flow.program.nodes)}
            shown += [index["state", s] for s in self.alive]
        return Kernel(flow.program, shown, tableau=solver(MANY_RUNS).steps)

    @cached_property
    def engine(self) -> Engine:
        """The Python engine of the tangent program, for jumps at dates."""
        flow = self.flow
        return Engine(flow.program, [*flow.outputs, *flow.changes, *(n for pair in flow.lines for n in pair)])

    @cached_property
    def watch(self) -> JumpMonitor | None:
        """Detects jumps at values of states; None if there can be none."""
        return JumpMonitor(self.program, self.flow.outputs, self.active.jumping) if self.active.jumping else None

    def along(
        self, p: Sequence[float], times: Sequence[float], series: Sequence[Series] = (), points: Points = ()
    ) -> tuple[Array, Array]:
        """Values (outputs, times) and derivatives (directions, outputs, times) of a run with parameters `p`.

        The derivative is NaN at a date at which an output jumps and that depends on a direction.

        Parameters
        ----------
        p
            Parameters of the model.
        times
            Reported times; the first is the initial time.
        series, points
            Data variables, as functions and as pairs of times and values.

        Raises
        ------
        SolveError
            If the run fails, or coinciding dates have different derivatives.
        UnsupportedError
            If a variable jumps where a state crosses a value.
        """
        at = np.asarray(times, dtype=float)
        if self.watch is not None:
            refuse_jumps(self.watch, p, at, points)
        table = self._table(p, float(at[0]))
        if self.flow.choices:
            names = [d.name for d in self.directions]
            refuse_edges(self.flow, self.program, p, table, names, at, points)
        if not self.active.dated:
            values, changes = self._segment(table, at, points)[:2]
            return values, changes
        return self._dated(table, at, series, points)

    def _table(self, p: Sequence[float], start: float) -> Array:
        """Parameters of the tangent program, one row per direction, with the initial states."""
        flow = self.flow
        table = np.zeros((len(self.directions), len(flow.program.parameters)))
        table[:, : len(p)] = p
        table[:, flow.start] = start
        unused: list[Series] = [lambda t: math.nan] * len(flow.program.data)  # initial values depend on constants only
        for row, d in zip(table, self.directions, strict=True):
            row[[flow.directions[i] for i in d.parameters]] = 1.0
            begun = self._beginning.bind(row.tolist(), unused).outs(start, [], [0.0] * len(self._beginning.clock.held))
            row[flow.states :] = begun
            if d.state >= 0:
                row[flow.states + flow.primal + flow.changing.index(d.state)] += 1.0
        if not np.isfinite(table).all():
            row, column = np.argwhere(~np.isfinite(table))[0]
            raise SolveError(f"The {flow.program.parameters[column]} is {table[row, column]}.")
        return table

    def _segment(self, table: Array, at: Array, points: Points) -> tuple[Array, Array, Array]:
        """Values, derivatives and, with moving dates, the states (directions, states, times) of one segment."""
        out, status, first = self.kernel.run(table, at, series=points)
        if status.any():
            row = int(np.flatnonzero(status)[0])
            when = f" at time {at[first[row]]:.6g}" if first[row] >= 0 else ""
            raise SolveError(
                f"The run, or its derivative along '{self.directions[row].name}', is not finite{when}. If model.run of "
                "the same values with method='exact' succeeds, only the derivative is infinite, like that of SQRT at 0."
            )
        n = len(self.names)
        return out[0, :n], out[:, n : 2 * n], out[:, 2 * n :]

    def _dated(self, table: Array, at: Array, series: Sequence[Series], points: Points) -> tuple[Array, Array]:
        """Segments between the moving dates, with the jumps of the derivatives there."""
        bounds = [self.engine.bind(row.tolist(), list(series)) for row in table]
        start, end = float(at[0]), float(at[-1])
        slack = SMALLEST * max(abs(start), abs(end), 1.0)
        cuts = boundaries(self.engine, self.flow, self.program, bounds, start, end)
        last = cuts.pop() if cuts and cuts[-1].time >= end - slack else None
        values = np.empty((len(self.names), len(at)))
        changes = np.empty((len(self.directions), len(self.names), len(at)))
        here, reported = start, None
        for cut in [*cuts, None]:
            there = end if cut is None else cut.time
            if there - here > slack:
                mine = np.flatnonzero((at >= here - slack) & ((at < there - slack) | (cut is None)))
                stops = np.union1d(np.clip(at[mine], here, there), [here, there])
                seen = np.searchsorted(stops, np.clip(at[mine], here, there))
                table[:, self.flow.start] = here
                v, d, states = self._segment(table, stops, points)
                values[:, mine], changes[:, :, mine] = v[:, seen], d[:, :, seen]
                if reported is not None and len(mine) and at[mine[0]] <= here + slack:
                    changes[:, :, mine[0]] = reported  # the value from the right at the date
                table[:, [self.flow.states + s for s in self.alive]] = states[:, :, -1]
            if cut is not None:
                here, reported = there, self._cross(cut, bounds, table)
        if last is not None:
            changes[:, :, -1] = self._cross(last, bounds, table)
        return values, changes

    def _cross(self, cut: Boundary, bounds: Sequence[Bound], table: Array) -> Array:
        """Put the states after a date into `table`; returns the derivatives reported at the date."""
        flow = self.flow
        n = len(self.names)
        reported = np.empty((len(self.directions), n))
        for row, bound in enumerate(bounds):
            after, seen, held = cut.across(row, bound, table[row, flow.states :].copy(), flow)
            table[row, flow.states :] = after
            outs = np.array(bound.outs(cut.time, seen.tolist(), held)[: 2 * n])
            there = np.array(bound.outs(cut.time, after.tolist(), cut.after)[:n])
            jumps = ~np.isclose(outs[:n], there, rtol=1e-12, atol=0)
            reported[row] = np.where(jumps, np.nan, outs[n:])
        return reported
