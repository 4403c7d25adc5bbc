"""Sweeps: a design to an xarray.Dataset, one run a row."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import platform
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.asked import FIXED, constants_named, interpolant, known_method, settled, with_paths
from sdmodel.compile import fits, program_of
from sdmodel.compile.program import Program
from sdmodel.compile.python import Engine
from sdmodel.design import LABELS, table
from sdmodel.errors import DesignError, OverrideError, RangeError, SolveError, UnknownNameError
from sdmodel.expression import NA
from sdmodel.model import Model
from sdmodel.scenario import Scenario
from sdmodel.solve import integrate, report_times

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

OK, FAILED = 0, 1
_CHUNK = 16


@dataclass(frozen=True)
class Job:
    """What every worker of a sweep needs to know: no model, only equations."""

    program: Program
    outputs: tuple[int, ...]
    times: tuple[float, ...]
    method: str
    rtol: float
    series_times: tuple[float, ...] = ()


def sweep(
    model: Model,
    design: pd.DataFrame | Sequence[Mapping[str, float]],
    outputs: Sequence[str] | None = None,
    *,
    scenario: Scenario | str | None = None,
    method: str = "LSODA",
    every: float | None = None,
    rtol: float = 1e-6,
    data: xr.Dataset | None = None,
    processes: int | None = None,
    progress: bool | str | None = None,
) -> xr.Dataset:
    """Run a model once for each row of a design.

    Parameters
    ----------
    model
        The model; it is not changed.
    design
        One row a run; columns are constants of the model (`name`, or `name[a,b]` for an element), and the labels
        `sample` and `setting`. A list of mappings is accepted too.
    outputs
        Variables to keep, by name; default: those marked `[outcome]`, or all stocks where none is.
    scenario
        Scenario under all rows; a row's values go on top of it.
    method, every, rtol
        As in `Model.run`.
    data
        Series of data variables: variables by name, dims `time` and, where they differ between runs, `run`.
    processes
        Worker processes; default the number of processors this process may use. 1 works in this process.
    progress
        Show a progress bar, under a label if it is a text; default: only on a terminal.

    Returns
    -------
    xarray.Dataset
        Dims `run`, `time` and the model's subscript ranges. Design columns, `status` (0 fine, 1 failed) and `message`
        are coordinates on `run`; a failed run is NaN and the rest stand. `attrs` hold the run record.

    Raises
    ------
    UnknownNameError, OverrideError, RangeError
        If a column of the design is no constant of the model, or a value lies outside its range.
    DesignError
        If the design is not well formed.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> design = sdmodel.latin_hypercube(model.uncertainties, 4, rng=1)
    >>> result = model.sweep(design, ["trust"], every=5, processes=1)
    >>> dict(result.sizes)
    {'run': 4, 'time': 6}
    """
    known_method(method)
    design = table(design)
    base = settled(model, None, scenario)
    model_run = with_paths(model, base)
    program = program_of(model_run, fixed=method in FIXED)
    names = chosen(model, outputs)
    columns = [c for name in names for c in elements_of(program, model, name)]
    parameters = parameter_matrix(model, program, base, design)
    times = common_times(program, parameters, every, method)
    series, series_times = series_matrix(program, data, len(design))
    job = Job(program, tuple(program.outputs[c] for c in columns), tuple(times), method, rtol, series_times)
    values, status, messages = execute(job, parameters, series, processes, progress)
    record = run_record(model, base, design, method, rtol)
    return dataset(model, names, columns, values, times, design, status, messages, record)


# -- what is asked ----------------------------------------------------------------------------------------------
def chosen(model: Model, outputs: Sequence[str] | None) -> list[str]:
    """Names of the output variables as the model spells them."""
    if isinstance(outputs, str):
        raise DesignError(f"outputs must be a list of names; write outputs=[{outputs!r}].")
    if outputs is None:
        marked = list(model.outcomes)
        return marked or [v.name for v in model.equations.values() if v.kind == "stock"]
    if not outputs:
        raise DesignError("A sweep needs at least one output.")
    found = []
    for name in outputs:
        variable = model[name]
        if variable.kind in ("constant", "lookup"):
            raise OverrideError(f"'{variable.name}' is a {variable.kind}; it has no path to keep. It is in the design.")
        found.append(variable.name)
    return list(dict.fromkeys(found))


def elements_of(program: Program, model: Model, name: str) -> list[str]:
    """Output labels of a variable."""
    stem = name + "["
    found = [c for c in program.outputs if c == name or c.startswith(stem)]
    if not found:
        raise UnknownNameError(name, program.outputs, "output")
    return found


def parameter_matrix(model: Model, program: Program, base: Scenario, design: pd.DataFrame) -> np.ndarray:
    """Parameters of every run, shape (runs, parameters), checked against their ranges."""
    index = {name: i for i, name in enumerate(program.parameters)}
    out = np.tile(np.array(program.defaults, dtype=float), (len(design), 1))
    for name, value in base.values.items():
        out[:, index[name]] = value
    given: dict[str, str] = {}
    for column in design.columns:
        if column in LABELS:
            continue
        values = design[column].to_numpy(float)
        for label in constants_named(model, column):
            if given.setdefault(label, column) != column:
                raise DesignError(
                    f"The columns '{given[label]}' and '{column}' of the design both set '{label}'. Keep one."
                )
            variable = model[label.split("[")[0]]
            outside = np.flatnonzero((values < variable.low) | (values > variable.high))
            if len(outside):
                raise RangeError(
                    f"Row {outside[0]} of the design gives '{label}' {values[outside[0]]:g}; its range in {variable.file} is "
                    f"{variable.low:g} to {variable.high:g} {variable.unit}."
                )
            if label not in index:
                raise OverrideError(
                    f"'{label}' follows a path in scenario '{base.name}' and cannot vary in the design."
                )
            out[:, index[label]] = values
    for i, value in program.structural.items():
        if (out[:, i] != value).any():
            raise OverrideError(
                f"'{program.parameters[i]}' is the order of a delay: it changes the equations and cannot vary in a sweep. "
                "Run it value by value."
            )
    for order in program.orders:
        if not (depends(program, order.time) | depends(program, order.step)) & varied_columns(out):
            continue
        other = next((row for row in out if fits(program, row)), None)
        if other is not None:
            raise OverrideError(
                f"The delay of '{order.name}' is shorter than its order times TIME STEP in some rows, where Vensim takes a "
                "lower order: it changes the equations and cannot vary in a sweep. Use a shorter TIME STEP."
            )
    return out


def varied_columns(parameters: np.ndarray) -> set[int]:
    """Indices of the parameters that differ between runs."""
    return set(np.flatnonzero((parameters != parameters[:1]).any(axis=0)).tolist())


def common_times(program: Program, parameters: np.ndarray, every: float | None, method: str) -> list[float]:
    """Reported times; all runs of a sweep share them, so time settings cannot vary."""
    engine = Engine(program, [])
    bound = engine.bind(parameters[0].tolist(), [lambda t: 0.0] * len(program.data))
    if program.moving:
        raise OverrideError(
            f"{next(iter(program.moving)).upper()} changes during a run, so the runs of a sweep share no times. Run them "
            "one by one with model.run."
        )
    varied = varied_columns(parameters)
    for name, node in program.control.items():
        if depends(program, node) & varied:
            raise OverrideError(f"{name.upper()} cannot vary between the runs of a sweep, which share their times.")
    return report_times(bound.control, every, method in FIXED)


def depends(program: Program, node: int) -> set[int]:
    """Indices of the parameters that a node follows from."""
    out: set[int] = set()
    stack = [node]
    while stack:
        op, *args = program.nodes[stack.pop()]
        if op == "param":
            out.add(int(args[0]))
        elif op not in ("const", "state", "time", "memory", "draw", "first_draw"):
            stack.extend(int(a) for a in (args[1:] if op in ("lookup", "data") else args))
    return out


def series_matrix(program: Program, data: xr.Dataset | None, runs: int) -> tuple[np.ndarray, tuple[float, ...]]:
    """Series of the data variables, shape (runs, data, times), and their times."""
    if not program.data:
        if data is not None:
            raise UnknownNameError(str(next(iter(data.data_vars))), program.data, "data variable")
        return np.empty((runs, 0, 0)), ()
    if data is None or any(name not in data for name in program.data):
        missing = next(name for name in program.data if data is None or name not in data)
        raise OverrideError(f"The data variable '{missing}' has no series; give data= with a variable of that name.")
    unknown = [str(name) for name in data.data_vars if name not in program.data]
    if unknown:
        raise UnknownNameError(unknown[0], program.data, "data variable")
    times = tuple(float(t) for t in data["time"].to_numpy())
    if (np.diff(times) <= 0).any():
        raise DesignError("The times of data= must rise.")
    parts = []
    for name in program.data:
        array = data[name]
        if "run" in array.dims:
            if array.sizes["run"] != runs:
                raise DesignError(f"The series of '{name}' has {array.sizes['run']} runs; the design has {runs}.")
            parts.append(array.transpose("run", "time").to_numpy())
        else:
            parts.append(np.tile(array.to_numpy(), (runs, 1)))
    return np.stack(parts, axis=1), times


# -- carrying it out --------------------------------------------------------------------------------------------
def execute(
    job: Job, parameters: np.ndarray, series: np.ndarray, processes: int | None, progress: bool | str | None
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Values (runs, outputs, times), status (runs,) and message of every run."""
    runs = len(parameters)
    values = np.full((runs, len(job.outputs), len(job.times)), np.nan)
    status = np.full(runs, FAILED, dtype=np.int8)
    messages = [""] * runs
    with _bar(runs, progress) as bar:
        for start, part in _parts(job, parameters, series, processes):
            for i, (rows, message) in enumerate(part, start):
                if rows is None:
                    messages[i] = message
                else:
                    values[i] = rows
                    status[i] = OK
            bar.update(len(part))
    return values, status, messages


Part = list[tuple[np.ndarray | None, str]]


def _parts(job: Job, parameters: np.ndarray, series: np.ndarray, processes: int | None) -> Iterator[tuple[int, Part]]:
    runs = len(parameters)
    workers = min(processes or _processors(), -(-runs // _CHUNK))
    starts = range(0, runs, _CHUNK)
    if workers <= 1:
        engine = Engine(job.program, job.outputs)
        for i in starts:
            yield i, [_one(job, engine, *row) for row in _rows(parameters, series, i)]
        return
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (job,)) as pool:
        waiting = {pool.submit(_work, _rows(parameters, series, i)): i for i in starts}
        try:
            for done in as_completed(waiting):
                yield waiting[done], done.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


Row = tuple[np.ndarray, np.ndarray, int]
"""Parameters, series and number of a run; the number chooses its random draws."""


def _rows(parameters: np.ndarray, series: np.ndarray, start: int) -> list[Row]:
    stop = min(start + _CHUNK, len(parameters))
    return list(zip(parameters[start:stop], series[start:stop], range(start, stop), strict=True))


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_worker: tuple[Job, Engine] | None = None


def _start_worker(job: Job) -> None:
    global _worker
    _worker = (job, Engine(job.program, job.outputs))


def _work(rows: list[Row]) -> Part:
    assert _worker is not None
    job, engine = _worker
    return [_one(job, engine, *row) for row in rows]


def _one(job: Job, engine: Engine, p: np.ndarray, series: np.ndarray, number: int) -> tuple[np.ndarray | None, str]:
    try:
        bound = engine.bind(p.tolist(), [interpolant(job.series_times, s.tolist()) for s in series], run=number)
        y, held, _ = integrate(engine, bound, job.times, job.method, job.rtol)
        rows = [bound.outs(t, state, h) for t, state, h in zip(job.times, y, held, strict=True)]
    except SolveError as error:
        return None, str(error)
    out = np.array(rows, dtype=float).T
    if not np.isfinite(out).all():
        when = job.times[int(np.argmax(~np.isfinite(out).all(axis=0)))]
        names = {node: name for name, node in job.program.outputs.items()}
        bad = [job.outputs[j] for j in np.flatnonzero(~np.isfinite(out).all(axis=1))]
        return None, f"'{names[min(bad)]}' is not finite at time {when:.6g}."
    out[out == NA] = np.nan
    return out, ""


def _bar(total: int, progress: bool | str | None) -> Any:
    from tqdm.auto import tqdm

    quiet = not progress if isinstance(progress, bool) else not sys.stderr.isatty()
    label = progress if isinstance(progress, str) else "runs"
    return tqdm(total=total, unit="run", disable=quiet, desc=label, leave=False, smoothing=0.1)


# -- the result -------------------------------------------------------------------------------------------------
def run_record(model: Model, scenario: Scenario, design: pd.DataFrame, method: str, rtol: float) -> dict[str, Any]:
    """What one needs to know to repeat a sweep."""
    import pandas as pd
    import scipy

    from sdmodel import __version__

    digest = hashlib.sha256(pd.util.hash_pandas_object(design, index=False).to_numpy().tobytes()).hexdigest()
    return {
        "model": model.name,
        "model_hash": model.fingerprint,
        "scenario": scenario.name,
        "design_hash": digest[:16],
        "sampler": str(design.attrs.get("sampler", "given")),
        "rng": str(design.attrs.get("rng", "none")),
        "method": method,
        "rtol": rtol if method not in FIXED else float("nan"),
        "sdmodel": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def dataset(
    model: Model,
    names: list[str],
    columns: list[str],
    values: np.ndarray,
    times: Sequence[float],
    design: pd.DataFrame,
    status: np.ndarray,
    messages: list[str],
    record: Mapping[str, Any],
) -> xr.Dataset:
    """The Dataset of a sweep; subscripted variables get a dimension for each range."""
    import xarray as xr

    clock = next((v.unit for k, v in model.equations.items() if k == "time step"), "")
    coords: dict[str, Any] = {"run": np.arange(len(design)), "time": ("time", np.asarray(times), {"unit": clock})}
    coords.update({c: ("run", design[c].to_numpy()) for c in design.columns})
    coords["status"] = ("run", status, {"meaning": "0 fine, 1 failed"})
    coords["message"] = ("run", np.array(messages, dtype=str))
    variables: dict[str, Any] = {}
    for name in names:
        own = [i for i, c in enumerate(columns) if c == name or c.startswith(name + "[")]
        attrs = {"unit": model[name].unit, "sentence": model[name].sentence}
        block = values[:, own, :]
        if columns[own[0]] == name:
            variables[name] = (("run", "time"), block[:, 0, :], attrs)
            continue
        members = [tuple(columns[i][len(name) + 1 : -1].split(",")) for i in own]
        axes = [list(dict.fromkeys(m[d] for m in members)) for d in range(len(members[0]))]
        dims = [_range_name(model, axis, d) for d, axis in enumerate(axes)]
        whole = np.full((len(design), len(times), *(len(a) for a in axes)), np.nan)
        for i, member in enumerate(members):
            place = tuple(a.index(m) for a, m in zip(axes, member, strict=True))
            whole[(slice(None), slice(None), *place)] = block[:, i, :]
        coords.update(dict(zip(dims, axes, strict=True)))
        variables[name] = (("run", "time", *dims), whole, attrs)
    return xr.Dataset(variables, coords, dict(record))


def _range_name(model: Model, members: Sequence[str], place: int) -> str:
    exact = [r.name for r in model.ranges.values() if list(r.elements) == list(members)]
    return exact[0] if exact else f"dimension {place + 1} of {'+'.join(members)}"
