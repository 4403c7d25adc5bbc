"""One run: scipy between exact breaks, or Euler and Runge-Kutta steps on the file's TIME STEP."""

from __future__ import annotations

import math
import time as clock
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from sdmodel.compile import lower, program_of
from sdmodel.compile.clock import segments
from sdmodel.compile.program import Program
from sdmodel.compile.python import Bound, Engine
from sdmodel.errors import OverrideError, RangeError, SolveError, UnknownNameError
from sdmodel.expression import key
from sdmodel.fixed import moving, rk4_slope, stepped
from sdmodel.model import Model
from sdmodel.run import Report, Run
from sdmodel.scenario import Path, Scenario, year

FIXED = ("euler", "rk4")
EXACT = "exact"
CONTINUOUS = ("LSODA", "RK45", "RK23", "DOP853", "Radau", "BDF")
ATOL = 1e-3
"""Absolute tolerance as a share of rtol times the scale of a state (its initial value, at least 1e-3)."""

Series = Callable[[float], float]


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
    >>> list(run.time)
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
        held, report = [()] * len(times), (method, count * (1 if method == "euler" else 4), (), 0, None)
    else:
        times = report_times(bound, every, fixed)
        y, held, report = integrate(engine, bound, times, method, rtol)
    rows = [bound.outs(t, state, h) for t, state, h in zip(times, y, held, strict=True)]
    table = np.array(rows, dtype=float).reshape(len(times), len(program.outputs))
    columns = tuple(program.outputs)
    _all_finite(program, times, table)
    report = Report(*report, clock.perf_counter() - begun)
    constants = MappingProxyType(dict(zip(program.parameters, p, strict=True)))
    return Run(model, asked, report, np.asarray(times), table, columns, constants)


# -- what is asked ----------------------------------------------------------------------------------------------
def known_method(method: str) -> None:
    """Refuse a method that there is not.

    Raises
    ------
    UnknownNameError
        With the methods there are.
    """
    known = (*CONTINUOUS, EXACT, *FIXED)
    if method not in known:
        raise UnknownNameError(method, known, "method", f"There are {', '.join(known)}.")


def settled(model: Model, values: Mapping[str, float] | Scenario | None, scenario: Scenario | str | None) -> Scenario:
    """Scenario and values as one checked Scenario; names are spelled as in the model."""
    if isinstance(values, Scenario):
        if scenario is not None:
            raise OverrideError("A scenario is given twice, first and as scenario=. Give it once.")
        values, scenario = None, values
    chosen = model.scenario(scenario) if isinstance(scenario, str) else scenario or Scenario()
    if values:
        chosen = chosen.with_values({k: year(v) if not isinstance(v, (int, float)) else v for k, v in values.items()})
    checked: dict[str, float] = {}
    for name, value in chosen.values.items():
        for element in constants_named(model, name):
            _in_range(model, element, value)
            checked[element] = value
    paths = {}
    for name, path in chosen.paths.items():
        elements = constants_named(model, name)
        for element in elements:
            for value in path.value:
                _in_range(model, element, value)
        paths[model[name.split("[")[0]].name] = path
    return Scenario(chosen.name, chosen.description, checked, paths)


def constants_named(model: Model, name: str) -> list[str]:
    """Labels of the constant elements that a name means."""
    from sdmodel.compile import constant_values

    constants = constant_values(model)
    if name in constants:
        return [name]
    stem, bracket, rest = name.partition("[")
    if key(stem) in ("initial time", "final time", "time step", "saveper") and key(stem) in model.equations:
        return [model[stem].name]
    variable = model[stem]
    if variable.kind != "constant":
        raise OverrideError(
            f"'{variable.name}' is not a constant ({variable.kind}); only constants take a value. To change its formula, "
            f"make a new model: model.replace({variable.name!r}, ...)."
        )
    wanted = {key(e) for e in rest.rstrip("]").split(",")} if bracket else None
    labels = [
        c
        for c, (v, _) in constants.items()
        if v is variable and (wanted is None or wanted == {key(e) for e in c.partition("[")[2].rstrip("]").split(",")})
    ]
    if not labels:
        raise UnknownNameError(name, constants, "constant")
    return labels


def _in_range(model: Model, label: str, value: float) -> None:
    variable = model[label.split("[")[0]]
    if not math.isfinite(value):
        raise RangeError(f"'{label}' is given {value}; a constant must be a finite number.")
    if not variable.low <= value <= variable.high:
        unit = f" {variable.unit}" if variable.unit else ""
        raise RangeError(
            f"'{label}' is given {value:g}{unit}; its range in {variable.file} is {variable.low:g} to {variable.high:g}{unit}. "
            "Choose a value inside, or widen the range in a new model."
        )


def with_paths(model: Model, scenario: Scenario) -> Model:
    """The model with the dated paths of a scenario in place of the constants."""
    for name, path in scenario.paths.items():
        model = model.replace(name, Path(path.at, path.value, path.between))
    return model


def parameter_vector(model: Model, program: Program, values: Mapping[str, float]) -> list[float]:
    """Parameters of a run: the file's values with `values` (checked names) on top."""
    p = list(program.defaults)
    index = {name: i for i, name in enumerate(program.parameters)}
    for name, value in values.items():
        if name not in index:
            raise OverrideError(f"'{name}' follows from other variables in '{model.name}' and takes no value.")
        p[index[name]] = value
    return p


def reshaped(model: Model, program: Program, p: Sequence[float]) -> Program:
    """The program, made anew if a value that shaped it (the order of a delay) differs."""
    if all(p[i] == value for i, value in program.structural.items()):
        return program
    values = dict(zip(program.parameters, p, strict=True))
    return lower(model, fixed=program.fixed, values=values)


_engines: dict[int, Engine] = {}


def engine_of(program: Program) -> Engine:
    """The Python engine of a program, made once as long as the program is in use."""
    kept = _engines.get(id(program))
    if kept is None or kept.program is not program:
        if len(_engines) >= 32:
            _engines.pop(next(iter(_engines)))
        kept = _engines[id(program)] = Engine(program)
    return kept


def series_of(program: Program, data: Mapping[str, Any] | None) -> list[Series]:
    """Interpolants of the data variables of a program."""
    given = {key(name): value for name, value in (data or {}).items()}
    known = {key(name) for name in program.data}
    for name in data or {}:
        if key(name) not in known:
            raise UnknownNameError(name, program.data, "data variable")
    missing = [name for name in program.data if key(name) not in given]
    if missing:
        raise OverrideError(f"The data variable '{missing[0]}' has no series. Give one: data={{{missing[0]!r}: series}}.")
    return [interpolant(*_pair(given[key(name)], name)) for name in program.data]


def _pair(value: Any, name: str) -> tuple[list[float], list[float]]:
    times, values = (value.index, value.to_numpy()) if hasattr(value, "index") and hasattr(value, "to_numpy") else value
    at, x = [year(t) if not isinstance(t, (int, float)) else float(t) for t in times], [float(v) for v in values]
    if len(at) != len(x) or not at or any(b <= a for a, b in zip(at, at[1:], strict=False)):
        raise OverrideError(f"The series of '{name}' needs as many values as times, and times that rise.")
    return at, x


def interpolant(at: Sequence[float], x: Sequence[float]) -> Series:
    """Straight lines between points, the first and last value beyond them."""
    low, high, first, last = at[0], at[-1], x[0], x[-1]

    def value(t: float) -> float:
        if t <= low:
            return first
        if t >= high:
            return last
        i = bisect_right(at, t)
        left = at[i - 1]
        return x[i - 1] + (t - left) * (x[i] - x[i - 1]) / (at[i] - left)

    return value


# -- times ------------------------------------------------------------------------------------------------------
def report_times(bound: Bound, every: float | None, fixed: bool) -> list[float]:
    """Times at which values are reported: every `every` from the first to the last, both included."""
    start, end, step = (bound.control[k] for k in ("initial time", "final time", "time step"))
    gap = bound.control["saveper"] if every is None else float(every)
    if not all(map(math.isfinite, (start, end, step, gap))) or end < start or step <= 0 or gap <= 0:
        raise SolveError(
            f"The time settings make no sense: from {start:g} to {end:g} in steps of {step:g}, reported every {gap:g}."
        )
    if (end - start) / min(step, gap) > 50_000_000:
        raise SolveError(f"From {start:g} to {end:g} in steps of {min(step, gap):g} is more than 50 million steps.")
    if fixed:
        if every is not None and not _whole(gap / step):
            raise SolveError(f"every={gap:g} is no multiple of the TIME STEP {step:g}. Use {max(round(gap / step), 1) * step:g}.")
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
    for state, value in zip((*program.states, *program.memories), bound.start, strict=True):
        if not math.isfinite(value):
            raise SolveError(f"The initial value of '{state.name}' is {value}.")


def _fixed(bound: Bound, times: Sequence[float], method: str) -> Solution:
    out, count = stepped(bound, times, method)
    if bound.trouble is not None:
        raise _failure(bound)
    return out, [()] * len(out), (method, count * (1 if method == "euler" else 4), (), 0, None)


def _exact(engine: Engine, bound: Bound, times: Sequence[float]) -> Solution:
    """Runge-Kutta steps to every TIME STEP, every reported time and every break, whichever comes first."""
    start, end, step = times[0], times[-1], bound.control["time step"]
    parts = segments(engine.clock, engine.program, bound.watch, start, end) if end > start else []
    y = list(bound.start)
    states: list[list[float]] = []
    helds: list[tuple[float, ...]] = []
    wanted = iter(times)
    following = next(wanted)
    evaluations = 0
    grid = 0
    for number, part in enumerate(parts):
        t = part.start
        while True:
            if t >= following and (t < part.end or number == len(parts) - 1):
                states.append(y)
                helds.append(part.held)
                following = next(wanted, math.inf)
                continue
            if t >= part.end:
                break
            while start + grid * step <= t:
                grid += 1
            to = min(start + grid * step, part.end, following)
            slope = rk4_slope(bound, t, y, to - t, part.held)
            if bound.trouble is not None:
                raise _failure(bound)
            y = [a + (to - t) * b for a, b in zip(y, slope, strict=True)]
            t = to
            evaluations += 4
    if not parts:
        states, helds = [y], [(0.0,) * len(engine.clock.held)]
    return states, helds, (EXACT, evaluations, tuple(p.start for p in parts[1:]), engine.clock.kinks, None)


def _continuous(engine: Engine, bound: Bound, times: Sequence[float], method: str, rtol: float) -> Solution:
    from scipy.integrate import solve_ivp

    start, end = times[0], times[-1]
    y = np.array(bound.start, dtype=float)
    atol = ATOL * rtol * np.maximum(np.abs(y), 1e-3)
    states: list[list[float]] = []
    helds: list[tuple[float, ...]] = []
    evaluations = 0
    parts = segments(engine.clock, engine.program, bound.watch, start, end) if end > start else []
    rates = bound.rates
    grid = np.asarray(times)
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        inside = grid[(grid >= part.start) & ((grid <= part.end) if last else (grid < part.end))]
        if len(y):
            held = part.held
            found = solve_ivp(
                lambda t, x, held=held: rates(t, x.tolist(), held),
                (part.start, part.end),
                y,
                method=method,
                t_eval=inside if last else np.append(inside, part.end),
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
    if not parts:
        states, helds = [list(bound.start)], [(0.0,) * len(engine.clock.held)]
    breaks = tuple(part.start for part in parts[1:])
    return states, helds, (method, evaluations, breaks, engine.clock.kinks, rtol)


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
            f"'{nodes[column][0]}' is {table[row, column]} at time {times[row]:.6g}; it is the first variable that is not finite."
        )
