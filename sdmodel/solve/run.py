"""One run: scipy between exact breaks, or Euler and Runge-Kutta steps on the file's TIME STEP."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.compile.program import Program
from sdmodel.core.arguments import refuse
from sdmodel.core.errors import SolveError, StateError
from sdmodel.core.expression import NA
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.run import Report, Run
from sdmodel.core.scenario import Scenario
from sdmodel.core.state import Points, State
from sdmodel.core.structure import Structure
from sdmodel.solve.inputs import check_numbers, refuse_dates, resolve_scenario, series_points, starts_of
from sdmodel.solve.problem import Problem, Solved, problem, solve, state_at_end
from sdmodel.solve.registry import CONTINUOUS
from sdmodel.solve.times import Every, places, wanted_times
from sdmodel.solve.values import read_data

if TYPE_CHECKING:
    import pandas as pd


def run(
    model: Structure,
    values: Mapping[str, Any] | Scenario | None = None,
    *,
    scenario: Scenario | str | None = None,
    method: str | None = None,
    every: Every = None,
    rtol: float = 1e-8,
    data: Mapping[str, Any] | pd.DataFrame | None = None,
    seed: int | None = None,
    initial: State | Run | None = None,
) -> Run:
    """Run a model once.

    Parameters
    ----------
    model
        The model; it is not changed.
    values
        Constants that differ from the file, by name (`name[a,b]` or `name` for all elements): a number, a date, or text
        with a unit (``"50%"``); or a value over time: a Schedule, a pandas Series that steps at each of its times,
        points ``[(2010, 1), (2020, 3)]`` or a function of time, evaluated at every TIME STEP, with linear interpolation
        between. Lookups take points and data variables a series or points. Or a Scenario. The value of a stock, or of a
        hidden state of a function (see `State`), is its initial value; what is computed from initial values follows.
    scenario
        A Scenario, or the name of one of the model's; `values` override it.
    method
        ``"LSODA"`` or another method of `scipy.integrate.solve_ivp` solves in segments between the dates at which the
        equations jump. ``"exact"`` takes Runge-Kutta steps of TIME STEP and lands on those dates as well, as sweeps do.
        ``"euler"`` and ``"rk4"`` step on the file's TIME STEP with Vensim's time functions. Default ``"LSODA"``,
        or for a model with functions defined on the grid only (DELAY FIXED, random draws, non-negative stocks) the
        method of its file, ``"euler"`` or ``"rk4"``, and ``"rk4"`` where it names none; the report says why. If steps
        of TIME STEP are too long for ``"exact"``, as in stiff models, LSODA is used instead, and the report says so.
    every
        Time between reported values, in the model's unit of time; default SAVEPER. First and last time are always
        included. For a fixed-step method it must be a multiple of TIME STEP.
    rtol
        Relative tolerance of the continuous methods.
    data
        Series of data variables by name: a pandas Series, or a pair (times, values); or a DataFrame with a column for
        each, and times as its index or in a column `time`. Interpolated linearly; they replace those of a data file.
    seed
        Seed of the random functions; equal seeds give equal runs. Default 0, or that of `initial`.
    initial
        A State (see `Run.state`) or a Run from which this run goes on: it begins at its time, with its method,
        scenario, data and random streams, and ends as the run it stems from would have. `values` and `scenario` apply
        from this time on. FINAL TIME may be given a later value.

    Returns
    -------
    Run

    Raises
    ------
    UnknownNameError
        If a name is not in the model.
    OverrideError
        If a value is given for a variable that is neither a constant nor a stock.
    RangeError
        If a value lies outside the range of the file.
    SolveError
        If a value is no longer finite; the message names the first variable and time.
    StateError
        If the run cannot go on from `initial`.

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

    A run that begins with another trust, and one that goes on from 2020 with another constant:

    >>> model = sdmodel.load("network")
    >>> round(float(model.run({"trust": 0.1})["trust"].iloc[0]), 9)
    0.1
    >>> late = model.run({"trust time": 2.0}, initial=model.run().state(at=2020))
    >>> float(late.time[0])
    2020.0
    """
    task, given, seed, requested = prepare(model, values, scenario, method, every, rtol, data, seed, initial)
    state = task.state
    sample = state.sample if state else 0
    begun = clock.perf_counter()
    found = solve(task, given, seed, sample, every, rtol)
    if isinstance(initial, Run) and state is not None and found.times[-1] <= state.time:
        raise StateError(
            f"The run to go on from ends at {state.time:g}, and so would this one. Give a later end, as in "
            f"run({{'FINAL TIME': {state.time + 10:g}}}, initial=...), or an earlier state, run.state(at=...)."
        )
    table = outputs(task.program, found)
    report = Report(*found.report[:5], clock.perf_counter() - begun, found.reason)
    origin = Origin(model, requested, report.method, every, rtol, given, seed, sample, state)
    columns = tuple(task.program.outputs)
    constants = constants_of(task)
    times = np.asarray(found.times)
    if (wanted := wanted_times(every)) is not None:
        kept = places(found.times, wanted)
        times, table = times[kept], table[kept]
    return Run(model, requested, report, times, table, columns, constants, origin)


def prepare(
    model: Structure,
    values: Mapping[str, Any] | Scenario | None,
    scenario: Scenario | str | None,
    method: str | None,
    every: Any,
    rtol: float,
    data: Mapping[str, Any] | pd.DataFrame | None,
    seed: int | None,
    initial: State | Run | None,
) -> tuple[Problem, list[Points], int, Scenario]:
    """Check the arguments of a run: its problem, the points of its data series, its seed and its scenario."""
    state = state_of(initial)
    seed = (state.seed if state else 0) if seed is None else seed
    check_numbers(every, rtol, seed)
    refuse_dates(model, wanted_times(every) or (), "every=")
    series, paths = read_data(model, data)
    requested = resolve_scenario(model, values, scenario, state.scenario if state else None)
    if paths:
        requested = resolve_scenario(model, requested.with_values(paths), None)
    task = problem(model, requested, method, CONTINUOUS, state)
    return task, points_of(task, series), seed, requested


def state_of(initial: State | Run | None) -> State | None:
    """The state from which a run goes on: a state, or the last one of a run."""
    if initial is None or isinstance(initial, State):
        return initial
    if isinstance(initial, Run):
        return initial.state()
    raise refuse("initial", initial, "a State, such as run.state(at=2020), or a Run, which the new one goes on from")


def points_of(task: Problem, data: Mapping[str, Any] | None) -> list[Points]:
    """Series of the data variables of a problem: those given, or else those that its state brings along."""
    return series_points(task.program, task.state.data if data is None and task.state else data, task.model)


def constants_of(task: Problem) -> FrozenDict[str, float]:
    """Values of the constants of a problem, by name."""
    pairs = zip(task.program.parameters, task.p, strict=True)
    own = {n: math.nan if x == NA else x for n, x in pairs}
    beside = starts_of(task.model, own)
    return FrozenDict((n, x) for n, x in own.items() if n not in beside)


def outputs(program: Program, found: Solved) -> np.ndarray:
    """Values of all outputs at the reported times, (times, outputs)."""
    bound = found.bound
    rows = [bound.outs(t, y, h) for t, y, h in zip(found.times, found.y, found.held, strict=True)]
    table = np.array(rows, dtype=float).reshape(len(rows), len(program.outputs))
    _all_finite(
        program, found.times, table, lambda row: bound.complaint(found.times[row], found.y[row], found.held[row])
    )
    table[table == NA] = math.nan
    return table


@dataclass(frozen=True)
class Origin:
    """Inputs of a run, from which its state at any time is computed again."""

    model: Structure
    scenario: Scenario
    method: str
    every: Every
    rtol: float
    data: list[Points]
    seed: int
    sample: int
    initial: State | None

    def state(self, at: float, last: float) -> State:
        """The state at a time; `last` is the last reported time of the run."""
        task = problem(self.model, self.scenario, self.method, CONTINUOUS, self.initial)
        if self.initial is not None and at == self.initial.time and not starts_of(self.model, self.scenario.values):
            return replace(self.initial, scenario=self.scenario)
        wanted = wanted_times(self.every)
        every = self.every if wanted is None else [*(t for t in wanted if t <= at), at]
        found = solve(task, self.data, self.seed, self.sample, every, self.rtol, until=min(at, last))
        if abs(found.times[-1] - at) > 1e-6 * found.bound.control["time step"]:
            raise StateError(f"The run has no state at {at:.10g}: its steps end at {found.times[-1]:.10g} before it.")
        return state_at_end(task, self.scenario, found, self.data, self.seed, self.sample)


def _all_finite(program: Program, times: Sequence[float], table: np.ndarray, complaint: Callable[[int], str]) -> None:
    """Raise SolveError, naming the first variable and time, if a result is not finite."""
    wrong = ~np.isfinite(table)
    if wrong.any():
        row = int(np.argmax(wrong.any(axis=1)))
        if said := complaint(row):
            raise SolveError(f"{said} at time {times[row]:.6g}.")
        nodes = list(program.outputs.items())
        column = min((nodes[j][1], j) for j in np.flatnonzero(wrong[row]))[1]
        raise SolveError(
            f"'{nodes[column][0]}' is {table[row, column]} at time {times[row]:.6g}; it is the first variable that is "
            "not finite."
        )
