"""The plan of a sweep: everything a worker needs, checked before the first run; contains equations, not the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.compile.program import Program
from sdmodel.compile.programs import depends, fits
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.arguments import kind, refuse
from sdmodel.core.cache import Cache
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import DesignError, OverrideError, RangeError, UnknownNameError
from sdmodel.core.labels import split_label
from sdmodel.core.scenario import Scenario
from sdmodel.core.state import State
from sdmodel.core.structure import Structure
from sdmodel.design.tables import LABELS
from sdmodel.solve.inputs import inputs_named, refuse_dates, resolve_scenario, starts_of, variable_of
from sdmodel.solve.problem import Past, Problem, problem
from sdmodel.solve.registry import MANY_RUNS, solver
from sdmodel.solve.solver import Solver
from sdmodel.solve.times import Every

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


RTOL = 1e-6
"""Default relative tolerance of a scipy method."""


@dataclass(frozen=True)
class Plan:
    """Immutable, model-free description of a sweep; a worker can execute any rows of it, independent of the others."""

    program: Program
    outputs: tuple[int, ...]
    """Output nodes."""
    labels: tuple[str, ...]
    """Names of the outputs, `name[a,b]`."""
    times: tuple[float, ...]
    method: str
    rtol: float | None
    """Relative tolerance of a scipy method, or of longer steps than TIME STEP; None for steps of TIME STEP."""
    base: np.ndarray
    """Base parameters of all rows, shape (parameters,)."""
    columns: tuple[tuple[int, np.ndarray], ...]
    """Parameters that the design sets, each with its values, shape (runs,)."""
    numbers: np.ndarray
    """Run numbers that select the random draws, shape (runs,)."""
    seed: int = 0
    series_times: tuple[float, ...] = ()
    series: np.ndarray = field(default_factory=lambda: np.empty((1, 0, 0)))
    """Series of the data variables, shape (runs or 1, data, times)."""
    engine: str = ""
    """Engine: `kernel`, `python` if the kernel does not support a function, or `scipy`."""
    units: tuple[str, ...] = ()
    """Units of the outputs."""
    past: Past = ()
    """Values in each memory, oldest first, of runs that go on from a state."""
    grid_reason: str = ""
    """Why steps do not land on exact dates, if `method` was not given."""
    refine: bool = True
    """Whether runs are solved again for which steps of TIME STEP are too long."""
    grid: np.ndarray | None = None
    """Times between reports at which all runs stop; None for every TIME STEP (see `sdmodel.sweep.longer_steps`)."""
    most_uneven: float = np.inf
    """Runs with more uneven steps on this grid are solved again with TIME STEP."""

    @property
    def solver(self) -> Solver:
        """The solver of the method."""
        return solver(self.method)

    @property
    def runs(self) -> int:
        """Number of runs."""
        return len(self.numbers)

    def parameters(self, start: int, stop: int) -> np.ndarray:
        """Parameters of rows start to stop, shape (stop - start, parameters)."""
        return self.chosen(np.arange(start, stop))

    def chosen(self, rows: np.ndarray) -> np.ndarray:
        """Parameters of some rows, shape (rows, parameters)."""
        out = np.tile(self.base, (len(rows), 1))
        for i, values in self.columns:
            out[:, i] = values[rows]
        return out

    def only(self, rows: np.ndarray | slice) -> Plan:
        """The plan restricted to some rows."""
        columns = tuple((i, values[rows]) for i, values in self.columns)
        return replace(self, columns=columns, numbers=self.numbers[rows], series=self.series_of(rows))

    def series_of(self, rows: np.ndarray | slice) -> np.ndarray:
        """Series of some rows, shape (rows or 1, data, times)."""
        return self.series if len(self.series) == 1 else self.series[rows]


def make_plan(
    model: Structure,
    design: pd.DataFrame,
    outputs: Sequence[str] | None,
    scenario: Scenario | str | None,
    method: str | None,
    every: Every,
    rtol: float | None,
    data: xr.Dataset | None,
    seed: int,
    state: State | None = None,
) -> tuple[Plan, Scenario, list[str]]:
    """Check the arguments of a sweep and plan it; returns the plan, its base scenario and the output names."""
    base = resolve_scenario(model, None, scenario)
    varied = [label for column in design.columns if column not in LABELS for label in inputs_named(model, column)]
    task = problem(model, base, method, MANY_RUNS, state, starts_of(model, varied))
    program, chosen = task.program, task.solver
    names = _chosen(model, outputs)
    labels = [c for name in names for c in _elements(model, program, name)]
    start, columns = np.array(task.p, dtype=float), _columns(model, program, base, design)
    _one_shape(program, start, columns)
    times = _times(program, start, columns, every, task)
    series, series_times = _series(model, program, data, len(design))
    numbers = _numbers(design) if state is None or "sample" in design else np.full(len(design), state.sample)
    plan = Plan(
        program,
        tuple(program.outputs[c] for c in labels),
        tuple(labels),
        tuple(times),
        chosen.name,
        RTOL if rtol is None and chosen.adaptive else rtol,
        start,
        columns,
        numbers,
        seed,
        series_times,
        series,
        units=tuple(model.owner(label).unit for label in labels),
        past=task.past,
        grid_reason=task.reason,
    )
    return plan, base, names


def _numbers(design: pd.DataFrame) -> np.ndarray:
    """Run numbers for random draws, shape (runs,): rows with the same `sample` have the same draws."""
    if "sample" not in design:
        return np.arange(len(design))
    sample = design["sample"].to_numpy()
    return sample if sample.dtype.kind in "iu" else np.unique(sample.astype(str), return_inverse=True)[1]


def _chosen(model: Structure, outputs: Sequence[str] | None) -> list[str]:
    """Names of the output variables as the model spells them."""
    if isinstance(outputs, str):
        raise DesignError(f"outputs must be a list of names; write outputs=[{outputs!r}].")
    if outputs is None:
        return list(model.outcomes) or [v.name for v in model.equations.values() if v.kind == "stock"]
    kind("outputs", outputs, types=(Sequence,), need="a list of names of variables")
    for name in outputs:
        kind("outputs", name, types=(str,), need="names of variables, as strings")
    if not outputs:
        raise DesignError("A sweep needs at least one output.")
    found = []
    for name in outputs:
        variable = model[name]
        if variable.kind in ("constant", "lookup"):
            raise OverrideError(f"'{variable.name}' is a {variable.kind}; it has no path to keep. It is in the design.")
        found.append(variable.name)
    return list(dict.fromkeys(found))


_labels: Cache[dict[str, list[str]]] = Cache()


def _labels_by_name(model: Structure, program: Program) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for label in program.outputs:
        out.setdefault(split_label(label, model.equations)[0], []).append(label)
    return out


def _elements(model: Structure, program: Program, name: str) -> list[str]:
    """Output labels of a variable."""
    by_name = _labels.get(program, "labels") or _labels.put(program, "labels", _labels_by_name(model, program))
    found = by_name.get(name)
    if not found:
        raise UnknownNameError(name, program.outputs, "output")
    return found


def _columns(
    model: Structure, program: Program, base: Scenario, design: pd.DataFrame
) -> tuple[tuple[int, np.ndarray], ...]:
    """The varied parameters with their values, checked against their ranges."""
    index = {name: i for i, name in enumerate(program.parameters)}
    columns: dict[int, np.ndarray] = {}
    given: dict[str, str] = {}
    for column in design.columns:
        if column in LABELS:
            continue
        values = design[column].to_numpy(float)
        if column in design.attrs.get("dates", ()):
            refuse_dates(model, [Year(values[0])], f"'{column}' in the design", model.owner(column))
        for label in inputs_named(model, column):
            if given.setdefault(label, column) != column:
                raise DesignError(
                    f"The columns '{given[label]}' and '{column}' of the design both set '{label}'. Keep one."
                )
            variable = variable_of(model, label)
            if variable and (values.min() < variable.low or values.max() > variable.high):
                row = int(np.flatnonzero((values < variable.low) | (values > variable.high))[0])
                raise RangeError(
                    f"Row {row} of the design gives '{label}' {values[row]:g}; its range in {variable.file} is "
                    f"{variable.low:g} to {variable.high:g} {variable.unit}. Choose values inside, or widen the range: "
                    f"model.with_ranges({{{variable.name!r}: (low, high)}})."
                )
            if label not in index:
                raise OverrideError(
                    f"'{label}' follows a path in scenario '{base.name}' and cannot vary in the design."
                )
            columns[index[label]] = values
    return tuple(columns.items())


def _one_shape(program: Program, start: np.ndarray, columns: tuple[tuple[int, np.ndarray], ...]) -> None:
    """Raise an error if a row of the design requires another program."""
    given = dict(columns)
    for i, value in program.structural.items():
        if np.any(given.get(i, start[i]) != value):
            raise OverrideError(
                f"'{program.parameters[i]}' is the order of a delay: it changes the equations and cannot vary in a "
                "sweep. Run it value by value."
            )
    varied = [i for i, values in columns]
    for order in program.orders:
        which = [i for i in varied if i in depends(program, order.time, order.step)]
        rows = np.unique(np.column_stack([given[i] for i in which]), axis=0) if which else np.empty((1, 0))
        for row in rows:
            p = start.copy()
            p[which] = row
            if fits(program, p.tolist()):
                raise OverrideError(
                    f"The delay of '{order.name}' is shorter than its order times TIME STEP in some rows, where Vensim "
                    "takes a lower order: it changes the equations and cannot vary in a sweep. Use a shorter TIME STEP."
                )


def _times(
    program: Program,
    start: np.ndarray,
    columns: tuple[tuple[int, np.ndarray], ...],
    every: Every,
    task: Problem,
) -> list[float]:
    """Reported times; all runs of a sweep share them, so time settings cannot vary."""
    if program.moving:
        raise OverrideError(
            f"{next(iter(program.moving)).upper()} changes during a run, so the runs of a sweep share no times. Run "
            "them one by one with model.run."
        )
    first = start.copy()
    for i, values in columns:
        first[i] = values[0]
    p = first.tolist()
    control = {name: evaluate(program, node, p) for name, node in program.control.items()}
    for name, node in program.control.items():
        follows = depends(program, node)
        if any(i in follows and (values != values[0]).any() for i, values in columns):
            raise OverrideError(f"{name.upper()} cannot vary between the runs of a sweep, which share their times.")
    return task.times(control, every)


def _series(
    model: Structure, program: Program, data: xr.Dataset | None, runs: int
) -> tuple[np.ndarray, tuple[float, ...]]:
    """Series of the data variables, shape (runs or 1, data, times), and their times."""
    if data is not None and not hasattr(data, "data_vars"):
        raise refuse("data", data, "an xarray.Dataset with one variable a data variable and the dimension time")
    if not program.data:
        if data is not None and len(data.data_vars):
            raise UnknownNameError(str(next(iter(data.data_vars))), program.data, "data variable")
        return np.empty((1, 0, 0)), ()
    if data is None or any(name not in data for name in program.data):
        missing = next(name for name in program.data if data is None or name not in data)
        raise OverrideError(f"The data variable '{missing}' has no series; give data= with a variable of that name.")
    unknown = [str(name) for name in data.data_vars if name not in program.data]
    if unknown:
        raise UnknownNameError(unknown[0], program.data, "data variable")
    times = tuple(year(t) for t in data["time"].to_numpy())
    refuse_dates(model, times, "the series of data=")
    times = tuple(map(float, times))
    if (np.diff(times) <= 0).any():
        raise DesignError("The times of data= must rise.")
    per_run = any("run" in data[name].dims for name in program.data)
    parts = []
    for name in program.data:
        array = data[name]
        if "run" in array.dims and array.sizes["run"] != runs:
            raise DesignError(f"The series of '{name}' has {array.sizes['run']} runs; the design has {runs}.")
        rows = array.transpose("run", "time").to_numpy() if "run" in array.dims else array.to_numpy()[None, :]
        parts.append(np.broadcast_to(rows, (runs if per_run else 1, len(times))))
    return np.stack(parts, axis=1), times
