"""Integration of a bound engine over the reported times: scipy between exact breaks, or fixed steps."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import count
from typing import Any, NamedTuple

import numpy as np

from sdmodel.compile.events import SMALLEST, Segment, segments
from sdmodel.compile.program import Program
from sdmodel.compile.python.engine import Bound, Engine
from sdmodel.core.errors import SolveError
from sdmodel.core.tableau import FEW_ROUGH, Tableau
from sdmodel.solve.fixed_step import Past, advanced, rough_states, runs_past_zero, slopes, stepped
from sdmodel.solve.solver import Solver

PATIENCE = 4_000
"""Evaluations within which a solver must advance by 1e-9 of the length of the run."""

STUCK = 100
"""Steps within which a solver must advance as far; else it begins anew where it is."""


class SolverReport(NamedTuple):
    """How a run was solved (see `sdmodel.core.run.Report`)."""

    method: str
    evaluations: int
    breaks: tuple[float, ...] = ()
    kinks: int = 0
    rtol: float | None = None
    rough: bool = False
    """Whether steps were too long (see `sdmodel.core.tableau.ROUGH`)."""
    past: Past = ()
    """Values in each memory at the last time, oldest first."""


Solution = tuple[list[list[float]], list[tuple[float, ...]], SolverReport]


def integrate(engine: Engine, bound: Bound, times: Sequence[float], method: Solver, rtol: float) -> Solution:
    """States and held values at `times`, and the report without its wall time."""
    check_finite_start(engine.program, bound)
    if method.tableau is None:
        return _continuous(engine, bound, times, method.name, rtol)
    if method.on_grid:
        return _on_grid(bound, times, method.name, method.tableau)
    return _on_dates(engine, bound, times, method.name, method.tableau)


def check_finite_start(program: Program, bound: Bound) -> None:
    """Raise SolveError, with the name of the variable, if an initial value is not finite."""
    names = [*(s.name for s in program.states), *(m.name for m in program.memories)]
    for name, value in zip(names, bound.start, strict=True):
        if not math.isfinite(value):
            raise SolveError(f"The initial value of '{name}' is {value}.")


def _on_grid(bound: Bound, times: Sequence[float], name: str, tableau: Tableau) -> Solution:
    out, count, past = stepped(bound, times, tableau)
    if bound.trouble is not None:
        raise failure(bound)
    return out, [()] * len(out), SolverReport(name, count * tableau.count, past=past)


class _Stretches:
    """Segments of a run and the assignment of reported times to them: at a break the right limit is reported."""

    def __init__(self, engine: Engine, bound: Bound, start: float, end: float) -> None:
        self.nudge = SMALLEST * max(abs(start), abs(end), 1.0)
        """Tolerance within which a reported time is at a break."""
        beyond = end + 1e-6 * max(end - start, bound.control["time step"])
        cut = [
            segments(engine.clock, engine.program, bound.watch, a, b) for a, b in ((start, end), (end, beyond)) if b > a
        ]
        self.parts = cut[0] if len(cut) > 1 else []
        self.last_held = cut[-1][0].held
        """Held values just after the end."""

    def inside(self, number: int, t: float) -> bool:
        """Whether time `t` is reported in segment `number`, rather than at the start of the next."""
        return number == len(self.parts) - 1 or t < self.parts[number].end - self.nudge

    @property
    def breaks(self) -> tuple[float, ...]:
        return tuple(part.start for part in self.parts[1:])


def _on_dates(engine: Engine, bound: Bound, times: Sequence[float], name: str, tableau: Tableau) -> Solution:
    """Runge-Kutta steps that end at the next TIME STEP, reported time or break, whichever comes first."""
    start, step = (bound.control[name] for name in ("initial time", "time step"))
    stretches = _Stretches(engine, bound, times[0], times[-1])
    y = list(bound.start)
    states: list[list[float]] = []
    helds: list[tuple[float, ...]] = []
    wanted = iter(times)
    following = next(wanted)
    evaluations = 0
    coarse = 0
    grid = 0
    for number, part in enumerate(stretches.parts):
        t = part.start
        while True:
            mine = stretches.inside(number, following)
            if mine and t >= following - stretches.nudge:
                states.append(y)
                helds.append(part.held)
                following = next(wanted, math.inf)
                continue
            if t >= part.end:
                break
            while start + grid * step <= t:
                grid += 1
            to = min(start + grid * step, part.end, following if mine else math.inf)
            found = slopes(bound, tableau, t, y, to - t, part.held)
            if bound.trouble is not None:
                raise failure(bound)
            before, y = y, advanced(y, found, *tableau.step, to - t)
            coarse += rough_states(tableau, found, before, y, to - t)
            if tableau.error and runs_past_zero(found[-1], before, y, to - t):
                coarse += FEW_ROUGH
            t = to
            evaluations += tableau.count
    if not stretches.parts:
        states, helds = [y], [()]
    helds[-1] = stretches.last_held
    kinks = engine.clock.kinks
    return states, helds, SolverReport(name, evaluations, stretches.breaks, kinks, None, coarse >= FEW_ROUGH)


class Pace:
    """Abort when the solver stalls, as scipy's solvers do near a singularity."""

    def __init__(self, bound: Bound, method: str, span: float) -> None:
        self.bound, self.method, self.least = bound, method, 1e-9 * span
        self.count = 0
        self.furthest = self.before = -math.inf

    def rates(self, t: float, x: np.ndarray, held: tuple[float, ...]) -> list[float]:
        """Net flows; counts the evaluations and raises SolveError if the solver stalls."""
        self.count += 1
        self.furthest = max(self.furthest, t)
        if self.count % PATIENCE == 0:
            if self.furthest - self.before < self.least:
                raise failure(
                    self.bound, f"{self.method} gets no further than time {t:.6g}{self._fastest(t, x, held)}."
                )
            self.before = self.furthest
        return self.bound.rates(t, x.tolist(), held)

    def _fastest(self, t: float, x: np.ndarray, held: tuple[float, ...]) -> str:
        pace = np.abs(self.bound.rates(t, x.tolist(), held)) / (np.abs(x) + 1.0)
        state = self.bound.program.states[int(np.argmax(pace))]
        return f", where '{state.name}' changes by {np.max(pace):.3g} of itself per unit of time"


def _continuous(engine: Engine, bound: Bound, times: Sequence[float], method: str, rtol: float) -> Solution:
    start, end = times[0], times[-1]
    y = np.array(bound.start, dtype=float)
    atol = ATOL * rtol * np.maximum(np.abs(y), 1e-3)
    states: list[list[float]] = []
    helds: list[tuple[float, ...]] = []
    evaluations = 0
    stretches = _Stretches(engine, bound, start, end)
    pace = Pace(bound, method, end - start)
    grid = np.asarray(times)
    first = np.searchsorted(grid, [part.start - stretches.nudge for part in stretches.parts])
    for number, part in enumerate(stretches.parts):
        last = number == len(stretches.parts) - 1
        inside = np.clip(grid[first[number] : None if last else first[number + 1]], part.start, part.end)
        if len(y):
            found, calls = _adaptive(pace, part, y, inside if last else np.append(inside, part.end), rtol, atol)
            evaluations += calls
            y = np.array(found[-1])
            states.extend(found[: len(inside)])
        else:
            states.extend([[] for _ in inside])
        helds.extend([part.held] * len(inside))
    if not stretches.parts:
        states, helds = [list(bound.start)], [()]
    helds[-1] = stretches.last_held
    return states, helds, SolverReport(method, evaluations, stretches.breaks, engine.clock.kinks, rtol)


def _adaptive(
    pace: Pace, part: Segment, y: np.ndarray, times: np.ndarray, rtol: float, atol: np.ndarray
) -> tuple[list[list[float]], int]:
    """States at `times` in a segment, the last of which is its end, and the number of evaluations.

    The same as `scipy.integrate.solve_ivp`, to the last bit, unless the solver is stuck: it then forgets its past steps
    and begins anew. LSODA needs this where a flow stops in the moment in which its stock is empty.
    """
    from scipy import integrate as methods

    def begin(t: float, y: np.ndarray) -> Any:
        method = getattr(methods, pace.method)
        return method(lambda t, x: pace.rates(t, x, part.held), t, y, part.end, rtol=rtol, atol=atol)

    solver = begin(part.start, y)
    states: list[list[float]] = []
    evaluations, begun, mark = 0, part.start, part.start
    for number in count(1):
        message = solver.step()
        failed, slow = solver.status == "failed", False
        if not failed:
            ready = times[len(states) : np.searchsorted(times, solver.t, side="right")]
            if len(ready):
                states.extend(solver.dense_output()(ready).T.tolist())
        lost = not np.isfinite(solver.y).all()
        if solver.status == "finished" or lost or (failed and solver.t <= begun):
            break
        if number % STUCK == 0:
            slow, mark = solver.t - mark < pace.least, solver.t
        if failed or slow:
            evaluations, begun = evaluations + solver.nfev, solver.t
            solver = begin(solver.t, solver.y)
    if failed or lost or not np.isfinite(states).all():
        raise failure(pace.bound, f"{pace.method} stopped: {message or 'a state is not finite.'}")
    return states, evaluations + solver.nfev


def failure(bound: Bound, otherwise: str = "") -> SolveError:
    """Create the error for a failed run: the first non-finite variable and its time."""
    if bound.trouble is None:
        return SolveError(
            f"{otherwise} Try another method, such as 'Radau', a larger rtol, or steps of TIME STEP ('rk4')."
        )
    t, y, held = bound.trouble
    program = bound.program
    complaint = bound.complaint(t, y, held)
    if complaint:
        return SolveError(f"{complaint} at time {t:.6g}.")
    values = bound.outs(t, y, held) if len(bound.outputs) == len(program.outputs) else []
    order = sorted(zip(bound.outputs, program.outputs, values, strict=False))
    for _, name, value in order:
        if not math.isfinite(value):
            return SolveError(f"'{name}' is {value} at time {t:.6g}; it is the first variable that is not finite.")
    bad = [s.name for s, d in zip(program.states, bound.rates(t, y, held), strict=True) if not math.isfinite(d)]
    return SolveError(f"The net flow of '{bad[0]}' is not finite at time {t:.6g}.")


ATOL = 1e-3
"""Absolute tolerance relative to rtol times the scale of a state (its initial value, at least 1e-3)."""
