"""One run: scipy between exact breaks, or Euler and Runge-Kutta steps on the file's TIME STEP."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from sdmodel.asked import (
    EXACT,
    FIXED,
    engine_of,
    known_method,
    parameter_vector,
    reshaped,
    series_of,
    settled,
    with_paths,
)
from sdmodel.compile import program_of
from sdmodel.compile.clock import SMALLEST, segments
from sdmodel.compile.program import Program
from sdmodel.compile.python import Bound, Engine
from sdmodel.errors import SolveError
from sdmodel.expression import NA
from sdmodel.fixed import moving, rk4_slope, stepped
from sdmodel.model import Model
from sdmodel.run import Report, Run
from sdmodel.scenario import Scenario

ATOL = 1e-3
"""Absolute tolerance as a share of rtol times the scale of a state (its initial value, at least 1e-3)."""


def run(
    model: Model,
    values: Mapping[str, float] | Scenario | None = None,
    *,
    scenario: Scenario | str | None = None,
    method: str = "LSODA",
    every: float | None = None,
    rtol: float = 1e-8,
    data: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> Run:
    """Run a model once.

    Parameters
    ----------
    model
        The model; it is not changed.
    values
        Constants that differ from the file, by name (`name[a,b]` or `name` for all elements); or a Scenario.
    scenario
        A Scenario, or the name of one of the model's; `values` go on top of it.
    method
        ``"LSODA"`` (default) or another method of `scipy.integrate.solve_ivp` solves in segments between the dates at
        which the equations jump. ``"exact"`` takes Runge-Kutta steps of TIME STEP and lands on those dates as well, as
        sweeps do. ``"euler"`` and ``"rk4"`` step on the file's TIME STEP with Vensim's meaning of time functions.
    every
        Time between reported values, in the model's unit of time; default SAVEPER. First and last time are always
        there. A fixed-step method refuses what is no multiple of TIME STEP.
    rtol
        Relative tolerance of the continuous methods.
    data
        Series of data variables by name: a pandas Series, or a pair (times, values); joined by straight lines.
    seed
        Seed of the random functions; equal seeds give equal runs.

    Returns
    -------
    Run

    Raises
    ------
    UnknownNameError
        If a name is not in the model.
    OverrideError
        If something other than a constant is given a value.
    RangeError
        If a value lies outside the range of the file.
    SolveError
        If a value is no longer finite; the message names the first variable and time.

    References
    ----------
    .. [1] Petzold, L. (1983). Automatic selection of methods for solving stiff and nonstiff systems of ordinary
       differential equations. SIAM J. Sci. Stat. Comput. 4(1), 136-148. https://doi.org/10.1137/0904010

    Examples
    --------
    >>> import sdmodel
    >>> run = sdmodel.load("intervention").run(every=5)
    >>> run.time.tolist()
    [2009.0, 2014.0, 2019.0, 2024.0, 2029.0, 2034.0]
    """
    known_method(method)
    asked = settled(model, values, scenario)
    model_run = with_paths(model, asked)
    fixed = method in FIXED
    program = program_of(model_run, fixed=fixed)
    p = parameter_vector(model_run, program, asked.values)
    program = reshaped(model_run, program, p)
    engine = engine_of(program)
    bound = engine.bind(p, series_of(program, data), seed=seed)
    begun = clock.perf_counter()
    if program.moving:
        _finite_start(program, bound)
        times, y, count = moving(bound, method, every)
        if bound.trouble is not None:
            raise _failure(bound)
        held: list[tuple[float, ...]] = [()] * len(times)
        told: Told = (method, count * (1 if method == "euler" else 4), (), 0, None)
    else:
        times = report_times(bound.control, every, fixed)
        y, held, told = integrate(engine, bound, times, method, rtol)
    rows = [bound.outs(t, state, h) for t, state, h in zip(times, y, held, strict=True)]
    table = np.array(rows, dtype=float).reshape(len(times), len(program.outputs))
    columns = tuple(program.outputs)
    _all_finite(program, times, table)
    table[table == NA] = math.nan
    report = Report(*told, clock.perf_counter() - begun)
    shown = [math.nan if value == NA else value for value in p]
    constants = MappingProxyType(dict(zip(program.parameters, shown, strict=True)))
    return Run(model, asked, report, np.asarray(times), table, columns, constants)


# -- times ------------------------------------------------------------------------------------------------------
def report_times(control: Mapping[str, float], every: float | None, fixed: bool) -> list[float]:
    """Times at which values are reported: every `every` from the first to the last, both included."""
    start, end, step = (control[k] for k in ("initial time", "final time", "time step"))
    gap = control["saveper"] if every is None else float(every)
    if not all(map(math.isfinite, (start, end, step, gap))) or end < start or step <= 0 or gap <= 0:
        raise SolveError(
            f"The time settings make no sense: from {start:g} to {end:g} in steps of {step:g}, reported every {gap:g}."
        )
    if (end - start) / gap > 5_000_000:
        raise SolveError(
            f"From {start:g} to {end:g}, reported every {gap:g}, is more than 5 million times. "
            "Ask for fewer with every=."
        )
    if (end - start) / min(step, gap) > 50_000_000:
        raise SolveError(f"From {start:g} to {end:g} in steps of {min(step, gap):g} is more than 50 million steps.")
    if fixed:
        if every is not None and not _whole(gap / step):
            raise SolveError(
                f"every={gap:g} is no multiple of the TIME STEP {step:g}. Use {max(round(gap / step), 1) * step:g}."
            )
        per = max(round(gap / step), 1)
        steps = _steps(start, end, step)
        picked = sorted({*range(0, steps + 1, per), steps})
        return [start + i * step for i in picked]
    count = int((end - start) / gap * (1 + 1e-12))
    times = [start + i * gap for i in range(count + 1)]
    if end - times[-1] > 1e-9 * gap:
        times.append(end)
    times[-1] = end if len(times) > 1 else start
    return times


def _steps(start: float, end: float, step: float) -> int:
    return math.ceil((end - start) / step - 1e-6)


def _whole(x: float) -> bool:
    return x > 0.5 and abs(x - round(x)) < 1e-9 * max(x, 1.0)


# -- integration ------------------------------------------------------------------------------------------------
PATIENCE = 20_000
"""Evaluations in which a solver must get on by a billionth of the run."""
Told = tuple[str, int, tuple[float, ...], int, float | None]
Solution = tuple[list[list[float]], list[tuple[float, ...]], Told]


def integrate(engine: Engine, bound: Bound, times: Sequence[float], method: str, rtol: float) -> Solution:
    """States and held values at `times`, and the report without its wall time."""
    _finite_start(engine.program, bound)
    if method in FIXED:
        return _fixed(bound, times, method)
    if method == EXACT:
        return _exact(engine, bound, times)
    return _continuous(engine, bound, times, method, rtol)


def _finite_start(program: Program, bound: Bound) -> None:
    names = [*(s.name for s in program.states), *(m.name for m in program.memories)]
    for name, value in zip(names, bound.start, strict=True):
        if not math.isfinite(value):
            raise SolveError(f"The initial value of '{name}' is {value}.")


def _fixed(bound: Bound, times: Sequence[float], method: str) -> Solution:
    out, count = stepped(bound, times, method)
    if bound.trouble is not None:
        raise _failure(bound)
    return out, [()] * len(out), (method, count * (1 if method == "euler" else 4), (), 0, None)


class _Stretches:
    """Segments of a run, and which reported times belong to which: at a break the right limit is reported."""

    def __init__(self, engine: Engine, bound: Bound, start: float, end: float) -> None:
        self.nudge = SMALLEST * max(abs(start), abs(end), 1.0)
        """Rounding of dates: a reported time this close to a break is at the break."""
        beyond = end + 1e-6 * max(end - start, bound.control["time step"])
        cut = [
            segments(engine.clock, engine.program, bound.watch, a, b) for a, b in ((start, end), (end, beyond)) if b > a
        ]
        self.parts = cut[0] if len(cut) > 1 else []
        self.last_held = cut[-1][0].held
        """Held values just after the end."""

    def inside(self, number: int, t: float) -> bool:
        """Whether a time that has come is reported in part `number`, and not at the start of the next."""
        return number == len(self.parts) - 1 or t < self.parts[number].end - self.nudge

    @property
    def breaks(self) -> tuple[float, ...]:
        return tuple(part.start for part in self.parts[1:])


def _exact(engine: Engine, bound: Bound, times: Sequence[float]) -> Solution:
    """Runge-Kutta steps to every TIME STEP, every reported time and every break, whichever comes first."""
    start, step = times[0], bound.control["time step"]
    stretches = _Stretches(engine, bound, start, times[-1])
    y = list(bound.start)
    states: list[list[float]] = []
    helds: list[tuple[float, ...]] = []
    wanted = iter(times)
    following = next(wanted)
    evaluations = 0
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
            slope = rk4_slope(bound, t, y, to - t, part.held)
            if bound.trouble is not None:
                raise _failure(bound)
            y = [a + (to - t) * b for a, b in zip(y, slope, strict=True)]
            t = to
            evaluations += 4
    if not stretches.parts:
        states, helds = [y], [()]
    helds[-1] = stretches.last_held
    return states, helds, (EXACT, evaluations, stretches.breaks, engine.clock.kinks, None)


class _Pace:
    """Refuses a solver that goes on and on without getting anywhere, as scipy's do before a pole."""

    def __init__(self, bound: Bound, method: str, span: float) -> None:
        self.bound, self.method, self.least = bound, method, 1e-9 * span
        self.count = 0
        self.furthest = self.before = -math.inf

    def rates(self, t: float, x: np.ndarray, held: tuple[float, ...]) -> list[float]:
        """Net flows, counted."""
        self.count += 1
        self.furthest = max(self.furthest, t)
        if self.count % PATIENCE == 0:
            if self.furthest - self.before < self.least:
                raise _failure(
                    self.bound, f"{self.method} gets no further than time {t:.6g}{self._fastest(t, x, held)}."
                )
            self.before = self.furthest
        return self.bound.rates(t, x.tolist(), held)

    def _fastest(self, t: float, x: np.ndarray, held: tuple[float, ...]) -> str:
        pace = np.abs(self.bound.rates(t, x.tolist(), held)) / (np.abs(x) + 1.0)
        state = self.bound.program.states[int(np.argmax(pace))]
        return f", where '{state.name}' changes by {np.max(pace):.3g} of itself per unit of time"


def _continuous(engine: Engine, bound: Bound, times: Sequence[float], method: str, rtol: float) -> Solution:
    from scipy.integrate import solve_ivp

    start, end = times[0], times[-1]
    y = np.array(bound.start, dtype=float)
    atol = ATOL * rtol * np.maximum(np.abs(y), 1e-3)
    states: list[list[float]] = []
    helds: list[tuple[float, ...]] = []
    evaluations = 0
    stretches = _Stretches(engine, bound, start, end)
    pace = _Pace(bound, method, end - start)
    grid = np.asarray(times)
    for number, part in enumerate(stretches.parts):
        mine = [stretches.inside(number, t) for t in times]
        inside = np.clip(grid[(grid >= part.start - stretches.nudge) & mine], part.start, part.end)
        last = number == len(stretches.parts) - 1
        if len(y):
            found = solve_ivp(
                pace.rates,
                (part.start, part.end),
                y,
                method=method,
                t_eval=inside if last else np.append(inside, part.end),
                args=(part.held,),
                rtol=rtol,
                atol=atol,
            )
            evaluations += int(found.nfev)
            if not found.success or not np.isfinite(found.y).all():
                raise _failure(bound, f"{method} stopped: {found.message}")
            y = found.y[:, -1]
            states.extend(found.y[:, : len(inside)].T.tolist())
        else:
            states.extend([[] for _ in inside])
        helds.extend([part.held] * len(inside))
    if not stretches.parts:
        states, helds = [list(bound.start)], [()]
    helds[-1] = stretches.last_held
    return states, helds, (method, evaluations, stretches.breaks, engine.clock.kinks, rtol)


# -- failures ---------------------------------------------------------------------------------------------------
def _failure(bound: Bound, otherwise: str = "") -> SolveError:
    """What to say of a run that went wrong: the first variable that was not finite, and when."""
    if bound.trouble is None:
        return SolveError(f"{otherwise} Try another method, such as 'BDF' or 'Radau', or a larger rtol.")
    t, y, held = bound.trouble
    program = bound.program
    values = bound.outs(t, y, held) if len(bound.outputs) == len(program.outputs) else []
    order = sorted(zip(bound.outputs, program.outputs, values, strict=False))
    for _, name, value in order:
        if not math.isfinite(value):
            return SolveError(f"'{name}' is {value} at time {t:.6g}; it is the first variable that is not finite.")
    bad = [s.name for s, d in zip(program.states, bound.rates(t, y, held), strict=True) if not math.isfinite(d)]
    return SolveError(f"The net flow of '{bad[0]}' is not finite at time {t:.6g}.")


def _all_finite(program: Program, times: Sequence[float], table: np.ndarray) -> None:
    """Refuse results that are not finite, naming the first variable and time."""
    wrong = ~np.isfinite(table)
    if wrong.any():
        row = int(np.argmax(wrong.any(axis=1)))
        nodes = list(program.outputs.items())
        column = min((nodes[j][1], j) for j in np.flatnonzero(wrong[row]))[1]
        raise SolveError(
            f"'{nodes[column][0]}' is {table[row, column]} at time {times[row]:.6g}; it is the first variable that is "
            "not finite."
        )
