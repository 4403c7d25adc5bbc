"""The plan of a sweep: everything a worker needs, checked before the first run; contains equations, not the model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.compile.program import Program
from sdmodel.compile.programs import depends, fits
from sdmodel.core.arguments import refuse
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import DesignError, OverrideError, RangeError, UnknownNameError
from sdmodel.core.scenario import Scenario
from sdmodel.core.state import State
from sdmodel.core.structure import Structure
from sdmodel.design.tables import LABELS, Rows
from sdmodel.solve.inputs import refuse_dates
from sdmodel.solve.problem import Past
from sdmodel.solve.registry import solver
from sdmodel.solve.solver import Solver
from sdmodel.solve.times import Every
from sdmodel.sweep.layout import Layout, layout_of

if TYPE_CHECKING:
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
    rows: Rows,
    outputs: Sequence[str] | None,
    base: Scenario,
    method: str | None,
    every: Every,
    rtol: float | None,
    data: xr.Dataset | None,
    seed: int,
    state: State | None = None,
) -> tuple[Plan, Layout]:
    """Check the arguments of a sweep under a resolved scenario and plan it."""
    layout = layout_of(model, tuple(rows.columns), outputs, base, method, every, state)
    program, chosen = layout.task.program, layout.task.solver
    columns = _columns(model, layout, rows)
    if layout.shaping:
        _refuse_other_shapes(program, layout.base, columns)
    series, series_times = _series(model, program, data, rows.runs)
    sample = rows.columns.get("sample")
    numbers = np.full(rows.runs, state.sample) if state and sample is None else _numbers(sample, rows.runs)
    plan = Plan(
        program,
        layout.nodes,
        layout.labels,
        layout.times_of(columns),
        chosen.name,
        RTOL if rtol is None and chosen.adaptive else rtol,
        layout.base,
        columns,
        numbers,
        seed,
        series_times,
        series,
        units=layout.units,
        past=layout.task.past,
        grid_reason=layout.task.reason,
    )
    return plan, layout


def _numbers(sample: np.ndarray | None, runs: int) -> np.ndarray:
    """Run numbers for random draws, shape (runs,): rows with the same `sample` have the same draws."""
    if sample is None:
        return np.arange(runs)
    return sample if sample.dtype.kind in "iu" else np.unique(sample.astype(str), return_inverse=True)[1]


def _columns(model: Structure, layout: Layout, rows: Rows) -> tuple[tuple[int, np.ndarray], ...]:
    """The varied parameters with their values, checked against their ranges."""
    for column in rows.attrs.get("dates", ()):
        if column in rows.columns and column not in LABELS:
            first = Year(rows.columns[column][0])
            refuse_dates(model, [first], f"'{column}' in the design", model.owner(column))
    columns = []
    for column, label, place, variable in layout.inputs:
        values = rows.columns[column].astype(float)
        if variable and (values.min() < variable.low or values.max() > variable.high):
            row = int(np.flatnonzero((values < variable.low) | (values > variable.high))[0])
            raise RangeError(
                f"Row {row} of the design gives '{label}' {values[row]:g}; its range in {variable.file} is "
                f"{variable.low:g} to {variable.high:g} {variable.unit}. Choose values inside, or widen the range: "
                f"model.with_ranges({{{variable.name!r}: (low, high)}})."
            )
        columns.append((place, values))
    return tuple(columns)


def _refuse_other_shapes(program: Program, start: np.ndarray, columns: tuple[tuple[int, np.ndarray], ...]) -> None:
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
