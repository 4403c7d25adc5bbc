"""One run: scipy between exact breaks, or Euler and Runge-Kutta steps on the file's TIME STEP."""

from __future__ import annotations

import math
import time as clock
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.compile.program import Program
from sdmodel.core.errors import SolveError
from sdmodel.core.expression import NA
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.run import Report, Run
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.solve.fixed_step import moving
from sdmodel.solve.inputs import (
    check_numbers,
    engine_of,
    parameter_vector,
    program_and_solver,
    refuse_dates,
    reshaped,
    resolve_scenario,
    series_of,
    with_paths,
)
from sdmodel.solve.integrate import SolverReport, check_finite_start, failure, integrate
from sdmodel.solve.registry import CONTINUOUS
from sdmodel.solve.registry import solver as solver_named
from sdmodel.solve.times import Every, places, report_times, wanted_times
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
    seed: int = 0,
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
        between. Lookups take points and data variables a series or points. Or a Scenario.
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
        included. For a fixed-step method it must be a multiple of TIME STEP. Or the times wanted, numbers or dates,
        such as ``[2010, 2013.25]``, and no others; values are those at these times, not interpolated.
    rtol
        Relative tolerance of the continuous methods.
    data
        Series of data variables by name: a pandas Series, or a pair (times, values); or a DataFrame with a column for
        each, and times as its index or in a column `time`. Interpolated linearly; they replace those of a data file.
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
        If a value is given for a variable that is not a constant.
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
    check_numbers(every, rtol, seed)
    refuse_dates(model, wanted_times(every) or (), "every=")
    series, paths = read_data(model, data)
    requested = resolve_scenario(model, values, scenario)
    if paths:
        requested = resolve_scenario(model, requested.with_values(paths), None)
    model_run = with_paths(model, requested)
    program, chosen, reason = program_and_solver(model_run, method, CONTINUOUS)
    p = parameter_vector(model_run, program, requested.values)
    program = reshaped(model_run, program, p)
    engine = engine_of(program)
    bound = engine.bind(p, series_of(program, series, model), seed=seed)
    begun = clock.perf_counter()
    if program.moving:
        check_finite_start(program, bound)
        times, y, count = moving(bound, chosen.steps, every)
        if bound.trouble is not None:
            raise failure(bound)
        held: list[tuple[float, ...]] = [()] * len(times)
        solver = SolverReport(chosen.name, count * chosen.steps.count)
    else:
        times = report_times(bound.control, every, chosen.on_grid)
        failed: SolveError | None = None
        try:
            y, held, solver = integrate(engine, bound, times, chosen, rtol)
            doubt = solver.rough
        except SolveError as error:
            if chosen.adaptive or chosen.on_grid:
                raise
            y, doubt, failed = [], True, error
        if doubt:
            again = engine.bind(p, series_of(program, series, model), seed=seed)
            try:
                tight = integrate(engine, again, times, solver_named(CONTINUOUS), rtol)
            except SolveError as error:
                raise failed or error from None
            apart = _apart(y, tight[0]) if y else math.inf
            if not apart <= ENOUGH:
                bound, (y, held, solver) = again, tight
                reason = (
                    f"steps of TIME STEP are too long for '{chosen.name}': a stock is off by {apart:.1e} of its size."
                )
    rows = [bound.outs(t, state, h) for t, state, h in zip(times, y, held, strict=True)]
    table = np.array(rows, dtype=float).reshape(len(times), len(program.outputs))
    columns = tuple(program.outputs)
    _all_finite(program, times, table, lambda row: bound.complaint(times[row], y[row], held[row]))
    table[table == NA] = math.nan
    report = Report(*solver[:5], clock.perf_counter() - begun, reason)
    shown = [math.nan if value == NA else value for value in p]
    constants = FrozenDict(zip(program.parameters, shown, strict=True))
    if (wanted := wanted_times(every)) is not None:
        kept = places(times, wanted)
        times, table = [times[i] for i in kept], table[kept]
    return Run(model, requested, report, np.asarray(times), table, columns, constants)


ENOUGH = 5e-4
"""Relative difference of the stocks up to which a run with rough steps is accepted."""


def _apart(states: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> float:
    """Largest difference of the states (times, states), relative to the largest absolute value of each."""
    a, b = np.array(states), np.array(reference)
    return float((np.abs(a - b).max(axis=0) / np.maximum(np.abs(b).max(axis=0), 1e-300)).max(initial=0.0))


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
