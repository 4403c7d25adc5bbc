"""A run ready to be solved: program, parameters and solver of a model, from its start or from a state."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from sdmodel.compile.program import Program
from sdmodel.compile.programs import lower, program_of
from sdmodel.compile.python.engine import Bound, Engine
from sdmodel.core.cache import Cache
from sdmodel.core.errors import OverrideError, SolveError, StateError
from sdmodel.core.scenario import Scenario
from sdmodel.core.state import Points, State
from sdmodel.core.structure import Structure
from sdmodel.solve.fixed_step import moving
from sdmodel.solve.inputs import (
    engine_of,
    parameter_vector,
    program_and_solver,
    reshaped,
    starts_of,
    with_paths,
)
from sdmodel.solve.integrate import SolverReport, check_finite_start, failure, integrate
from sdmodel.solve.interpolation import interpolant
from sdmodel.solve.registry import CONTINUOUS, solver
from sdmodel.solve.solver import Solver
from sdmodel.solve.times import Every, grid_step, report_times

Past = tuple[tuple[float, ...], ...]
_resumed: Cache[Program] = Cache()


@dataclass(frozen=True)
class Problem:
    """A model with checked inputs."""

    model: Structure
    program: Program
    p: list[float]
    """Parameters of the program."""
    solver: Solver
    reason: str
    """Why this solver was chosen, if it is neither the requested one nor the default."""
    state: State | None = None
    """State that the run goes on from."""
    past: Past = ()
    """Values in each memory at that time, oldest first."""

    def bind(self, data: Sequence[Points], seed: int, sample: int = 0) -> tuple[Engine, Bound]:
        """The Python engine, and its functions for this run."""
        engine = engine_of(self.program)
        return engine, engine.bind(
            self.p, [interpolant(at, x) for at, x in data], seed=seed, run=sample, past=self.past
        )

    def times(self, control: Mapping[str, float], every: Every) -> list[float]:
        """Reported times of a run with these control values."""
        return report_times(control, every, self.solver.on_grid, self.state.time if self.state else None)


def problem(
    model: Structure,
    chosen: Scenario,
    method: str | None,
    default: str,
    state: State | None = None,
    varied: Iterable[str] = (),
) -> Problem:
    """The problem of a run under a resolved scenario, from its start or from a state.

    `varied` are further stocks and hidden states whose initial values become parameters.

    Raises
    ------
    StateError
        If the states of the model are not those of `state`.
    """
    inside = with_paths(model, chosen)
    if state is not None:
        return _going_on(model, inside, chosen, method, state)
    program, own, reason = program_and_solver(inside, method, default, starts_of(model, chosen.values).union(varied))
    p = parameter_vector(inside, program, chosen.values)
    return Problem(model, reshaped(inside, program, p), p, own, reason)


def _going_on(model: Structure, inside: Structure, chosen: Scenario, method: str | None, state: State) -> Problem:
    own = solver(method or state.method)
    fresh = program_of(inside, fixed=own.on_grid)
    before = {name: x for name, x in state.scenario.values.items() if name in fresh.parameters}
    p = parameter_vector(inside, fresh, before)
    whole = reshaped(inside, fresh, p)
    shape = () if whole is fresh else tuple(p)
    key = (own.on_grid, shape)
    program = _resumed.get(inside, key) or _resumed.put(
        inside, key, lower(inside, fixed=own.on_grid, values=dict(zip(fresh.parameters, p, strict=True)), resumed=True)
    )
    _refuse_misfit(program, own, state)
    now = {**state.stocks, **state.hidden, **state.initials, **chosen.values}
    past = tuple(
        (chosen.values[m.name],) * len(state.memories[m.name]) if m.name in chosen.values else state.memories[m.name]
        for m in program.memories
    )
    for memory, held in zip(program.memories, past, strict=True):
        now |= {memory.name: held[0], f"{memory.name} steps": float(len(held))}
    p = parameter_vector(inside, program, now)
    for i, value in program.structural.items():
        if p[i] != value:
            raise OverrideError(
                f"'{program.parameters[i]}' is the order of a delay: it changes the equations and cannot change in a "
                "run that goes on from a state."
            )
    step = p[program.parameters.index("TIME STEP")] if "TIME STEP" in program.parameters else state.time_step
    held_long = next((m.name for m, values in zip(program.memories, past, strict=True) if len(values) > 1), "")
    if held_long and step != state.time_step and not program.moving:
        raise StateError(
            f"'{held_long}' holds values of past steps of {state.time_step:g}; the run cannot go on with a TIME STEP "
            f"of {step:g}."
        )
    return Problem(model, program, p, own, "", state, past)


def _refuse_misfit(program: Program, own: Solver, state: State) -> None:
    """Raise StateError if the program and the state do not have the same states."""
    groups = (
        ("stock", {s.name for s in program.states if not s.hidden}, state.stocks),
        ("hidden state", {s.name for s in program.states if s.hidden}, state.hidden),
        ("memory", {m.name for m in program.memories}, state.memories),
        ("value kept by INITIAL", set(program.initials), state.initials),
    )
    for what, need, have in groups:
        lacking, extra = sorted(need - set(have)), sorted(set(have) - need)
        if lacking or extra:
            whose = f"the model with method='{own.name}'"
            said = f"{whose} has" if lacking else f"the state of '{state.model}' has"
            other = "the state" if lacking else whose
            raise StateError(
                f"The run cannot go on: {said} the {what} '{(lacking or extra)[0]}', and {other} has none of that name."
            )


class Solved(NamedTuple):
    """Solution of a problem at the reported times."""

    bound: Bound
    times: list[float]
    y: list[list[float]]
    """States, memories and draws at each time."""
    held: list[tuple[float, ...]]
    report: SolverReport
    reason: str
    steps: int
    """Number of steps since the start of the run, on the TIME STEP grid."""


def solve(
    task: Problem,
    data: Sequence[Points],
    seed: int,
    sample: int,
    every: Every,
    rtol: float,
    until: float | None = None,
) -> Solved:
    """Solve a problem, up to the time `until` (default: FINAL TIME)."""
    program, own = task.program, task.solver
    engine, bound = task.bind(data, seed, sample)
    begun = task.state.steps if task.state else 0
    if program.moving:
        check_finite_start(program, bound)
        first = (task.state.time, begun) if task.state else None
        times, y, count, past = moving(bound, own.steps, every, first, math.inf if until is None else until)
        if bound.trouble is not None:
            raise failure(bound)
        report = SolverReport(own.name, (count - begun) * own.steps.count, past=past)
        return Solved(bound, times, y, [()] * len(times), report, task.reason, count)
    control = bound.control
    if until is not None:
        if own.on_grid:
            grid_step(control["initial time"], control["time step"], until)
        control = {**control, "final time": until}
    times = task.times(control, every)
    reason, failed = task.reason, None
    try:
        y, held, report = integrate(engine, bound, times, own, rtol)
        doubt = report.rough
    except SolveError as error:
        if own.adaptive or own.on_grid:
            raise
        y, doubt, failed = [], True, error
    if doubt:
        engine, again = task.bind(data, seed, sample)
        try:
            tight = integrate(engine, again, times, solver(CONTINUOUS), rtol)
        except SolveError as error:
            raise failed or error from None
        apart = _apart(y, tight[0]) if y else math.inf
        if not apart <= ENOUGH:
            bound, (y, held, report) = again, tight
            reason = f"steps of TIME STEP are too long for '{own.name}': a stock is off by {apart:.1e} of its size."
    steps = round((times[-1] - control["initial time"]) / control["time step"]) if own.on_grid else 0
    return Solved(bound, times, y, held, report, reason, steps)


def state_at_end(
    task: Problem, chosen: Scenario, found: Solved, data: Sequence[Points], seed: int, sample: int
) -> State:
    """The state at the last time of a solution."""
    program, y = task.program, found.y[-1]
    values = {s.name: x for s, x in zip(program.states, y, strict=False)}
    hidden = {s.name for s in program.states if s.hidden}
    kept = dict(zip(program.initials, _initial_values(task, found), strict=True))
    return State(
        model=task.model.name,
        time=float(found.times[-1]),
        stocks={name: x for name, x in values.items() if name not in hidden},
        scenario=_without_starts(task.model, chosen),
        method=found.report.method,
        time_step=_time_step(found),
        hidden={name: x for name, x in values.items() if name in hidden},
        memories={m.name: past for m, past in zip(program.memories, found.report.past, strict=True)},
        initials=kept,
        steps=found.steps,
        seed=seed,
        sample=sample,
        data=dict(zip(program.data, data, strict=True)),
    )


def _time_step(found: Solved) -> float:
    program = found.bound.program
    if "time step" not in program.moving:
        return float(found.bound.control["time step"])
    place = len(program.memories) + list(program.moving).index("time step")
    return float(found.bound.nexts(found.times[-1], found.y[-1], ())[place])


def _initial_values(task: Problem, found: Solved) -> list[float]:
    nodes = list(task.program.initials.values())
    if not nodes:
        return []
    bound = Engine(task.program, nodes).bind(task.p, seed=found.bound.seed, run=found.bound.run)
    return bound.outs(found.times[-1], found.y[-1], found.held[-1])


def _without_starts(model: Structure, chosen: Scenario) -> Scenario:
    """The scenario without initial values, which lie in the past of a run that goes on."""
    starts = starts_of(model, chosen.values)
    return replace(chosen, values={n: x for n, x in chosen.values.items() if n not in starts}) if starts else chosen


ENOUGH = 5e-4
"""Relative difference of the stocks up to which a run with rough steps is accepted."""


def _apart(states: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> float:
    """Largest difference of the states (times, states), relative to the largest absolute value of each."""
    a, b = np.array(states), np.array(reference)
    return float((np.abs(a - b).max(axis=0) / np.maximum(np.abs(b).max(axis=0), 1e-300)).max(initial=0.0))
