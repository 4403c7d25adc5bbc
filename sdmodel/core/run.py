"""`Run`, the result of one run with its inputs, and `Report`, how it was solved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core import html
from sdmodel.core.arguments import kind
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import StateError, UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.plotting import figures
from sdmodel.core.scenario import Scenario
from sdmodel.core.shape import Shape
from sdmodel.core.spreadsheet import table_path, write_columns, write_table
from sdmodel.core.state import State
from sdmodel.core.structure import Structure

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    import xarray as xr

MOST_ROWS, MOST_PANELS = 24, 6
"""Elements listed in a notebook, and panels drawn, if none are named."""


@dataclass(frozen=True, slots=True)
class Report:
    """How a run was solved."""

    method: str
    """Name of the solver."""
    evaluations: int
    """Number of evaluations of the net flows."""
    breaks: tuple[float, ...]
    """Times of jumps and kinks at which the solver was restarted."""
    kinks: int
    """Choices, minima and lookups that depend on the state; they are handled by error control."""
    rtol: float | None
    """Relative tolerance; None for a fixed-step method."""
    seconds: float = field(compare=False)
    """Wall time in seconds; ignored when reports are compared."""
    reason: str = ""
    """Why this method was chosen, if it is neither the requested method nor the default."""

    @property
    def sentence(self) -> str:
        """The report as one sentence."""
        how = f"rtol {self.rtol:g}" if self.rtol is not None else "fixed step"
        return (
            f"{self.method} ({how}) took {self.evaluations:,} evaluations "
            f"with {len(self.breaks)} exact breaks; {self.kinks} kinks in the state were left to error control."
            + (f" This method was chosen: {self.reason}" if self.reason else "")
        )


def _spelling(name: str) -> str:
    """Normalise a label: ignore case and blanks around brackets and commas."""
    return re.sub(r"\s*([\[\],])\s*", r"\1", key(name))


@dataclass(frozen=True, eq=False)
class Run:
    """Values of every variable over time: read-only, and independent of later runs.

    Two runs are equal if model, scenario and all values are equal; wall time is ignored.

    Examples
    --------
    >>> import sdmodel
    >>> run = sdmodel.load("network").run()
    >>> run["trust"].name
    'trust'
    """

    model: Structure
    scenario: Scenario
    report: Report
    time: np.ndarray
    """Times, shape (times,)."""
    values: np.ndarray
    """Values, shape (times, columns)."""
    columns: tuple[str, ...]
    """Variable elements, `name[a,b]`, in file order."""
    constants: Mapping[str, float] = field(default_factory=FrozenDict)
    """Value of every constant in this run."""
    origin: Any = field(default=None, repr=False)
    """What computes the states of the run (`sdmodel.solve.run.Origin`)."""

    def __post_init__(self) -> None:
        for array in (self.time, self.values):
            array.setflags(write=False)
        object.__setattr__(self, "constants", FrozenDict(self.constants))

    def __reduce__(self) -> tuple[Any, ...]:  # through the constructor, since arrays unpickle as writable
        return Run, tuple(getattr(self, one.name) for one in fields(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Run):
            return NotImplemented
        same = (self.columns, self.report, [*self.constants]) == (other.columns, other.report, [*other.constants])
        numbers = ((r.time, r.values, np.array([*r.constants.values()])) for r in (self, other))
        return (
            same
            and all(np.array_equal(a, b, equal_nan=True) for a, b in zip(*numbers, strict=True))
            and self.scenario == other.scenario
            and self.model == other.model
        )

    def __hash__(self) -> int:
        return hash((self.columns, self.time.tobytes(), self.scenario.name))

    def __repr__(self) -> str:
        size = f"{len(self.columns)} variables at {len(self.time)} times from {self.time[0]:g} to {self.time[-1]:g}"
        return f"<Run of {self.model.name!r}, scenario {self.scenario.name!r}: {size}, {self.report.method}>"

    def _repr_html_(self) -> str:
        labels = self.main_outcomes
        rows = []
        for label in labels[:MOST_ROWS]:
            values = self._column(label)
            plot = html.small_plot(self.time, values)
            rows.append([label, plot, float(values[0]), float(values[-1]), self.unit(label)])
        first, last = (f"at {t:g}" for t in (self.time[0], self.time[-1]))
        return html.block(
            f"Run of {self.model.name}, scenario {self.scenario.name}",
            html.paragraph(self.scenario.description),
            html.table(["outcome", f"{self.time[0]:g} to {self.time[-1]:g}", first, last, "unit"], rows),
            html.paragraph(f"and {len(labels) - MOST_ROWS} more" if len(labels) > MOST_ROWS else ""),
            html.paragraph(self.report.sentence),
        )

    @property
    def main_outcomes(self) -> list[str]:
        """Labels of the variables marked `[outcome]`, or of the stocks where none is, each element by itself."""
        every = self.model.equations.values()
        chosen = {v.name for v in every if v.outcome} or {v.name for v in every if v.kind == "stock"}
        return [label for label in self.columns if self.model.owner(label).name in chosen]

    def __getitem__(self, name: str | list[str]) -> pd.Series | pd.DataFrame:
        """A variable over time: a Series, or a DataFrame with one column per element for a subscripted variable.

        A list of variables is a DataFrame with their columns.

        Raises
        ------
        UnknownNameError
            If the model has no such variable.
        """
        import pandas as pd

        if isinstance(name, list):
            found = {one: self[one] for one in name}
            whole = [one if one.ndim == 1 else one.add_prefix(f"{n}[").add_suffix("]") for n, one in found.items()]
            return pd.concat(whole, axis=1) if whole else self.to_dataframe()[[]]
        kind("name", name, types=(str,), need="the name of a variable, or a list of names")
        index = pd.Index(self.time, name="time")
        exact = self._exact(name)
        if exact is not None:
            return pd.Series(self._column(exact), index=index, name=exact)
        variable = self.model[name]
        stem = variable.name + "["
        parts = [c for c in (*self.columns, *self.constants) if c.startswith(stem)]
        if not parts:
            raise UnknownNameError(name, self.columns, hint="A lookup has no value of its own.")
        return pd.DataFrame({c[len(stem) : -1]: self._column(c) for c in parts}, index=index)

    def _exact(self, name: str) -> str | None:
        if name in self.constants or name in self.columns:
            return name
        wanted = _spelling(name)
        return next((c for c in (*self.columns, *self.constants) if _spelling(c) == wanted), None)

    def _column(self, name: str) -> np.ndarray:
        if name in self.constants:
            return np.full(len(self.time), self.constants[name])
        return self.values[:, self.columns.index(name)].copy()

    def state(self, at: Any = None) -> State:
        """The state of the run at a time, from which another run can go on.

        Parameters
        ----------
        at
            A time (number or date) within the run; with a fixed-step method it must be on the TIME STEP grid. Default:
            the last time.

        Raises
        ------
        StateError
            If the run has no state at this time.

        Examples
        --------
        >>> import sdmodel
        >>> state = sdmodel.load("network").run().state(at=2020)
        >>> state.time, "trust" in state.stocks
        (2020.0, True)
        """
        first, last = float(self.time[0]), float(self.time[-1])
        when = last if at is None else year(at)
        if isinstance(when, Year) and not self.model.in_years:
            raise StateError(f"at={at!r} is a date, but the unit of time of '{self.model.name}' is no year.")
        if not first <= when <= last:
            raise StateError(f"at={when:g} lies outside the run, which goes from {first:g} to {last:g}.")
        if self.origin is None:
            raise StateError("This run does not know how it was made, so it has no states. Make it with model.run.")
        found: State = self.origin.state(when, last)
        return found

    def unit(self, name: str) -> str:
        """Unit of a variable, as its file states it."""
        return self.model.owner(name).unit

    def to_dataframe(self) -> pd.DataFrame:
        """Every variable and constant: index `time`, columns in file order, `name[a,b]` for elements."""
        import pandas as pd

        return pd.DataFrame(self._every_column(), index=pd.Index(self.time, name="time"))

    def _every_column(self) -> dict[str, np.ndarray]:
        order = {variable.name: i for i, variable in enumerate(self.model.equations.values())}
        every = sorted((*self.columns, *self.constants), key=lambda c: order[self.model.owner(c).name])
        return {c: self._column(c) for c in every}

    def to_csv(self, path: str | Path) -> None:
        """Write every variable and constant to a CSV file (UTF-8): a row a time, `name[a,b]` for elements.

        Raises
        ------
        DesignError
            If the path does not end with `.csv`.
        """
        columns = self._every_column()
        write_columns(["time", *columns], [self.time, *columns.values()], table_path(path, ".csv"))

    def to_excel(self, path: str | Path) -> None:
        """Write every variable and constant to a workbook; a second sheet has their units and meanings.

        Raises
        ------
        DesignError
            If the path does not end with `.xlsx`, or the table does not fit on a sheet.
        """
        import pandas as pd

        every = self.model.equations.values()
        about = pd.DataFrame([(v.name, v.unit, v.sentence) for v in every], columns=["variable", "unit", "meaning"])
        write_table(self.to_dataframe(), table_path(path, ".xlsx"), index=True, sheets={"variables": about})

    def to_xarray(self) -> xr.Dataset:
        """Every variable and constant: dims `time` and the subscript ranges; each has its `unit`, time too.

        Examples
        --------
        >>> import sdmodel
        >>> run = sdmodel.load("network").run(every=5)
        >>> run.to_xarray()["trust"].attrs["unit"], run.to_xarray()["time"].attrs["unit"]
        ('Dmnl', 'Year')
        """
        import xarray as xr

        labels: dict[str, list[str]] = {}
        for label in dict.fromkeys((*self.columns, *self.constants)):
            labels.setdefault(self.model.owner(label).name, []).append(label)
        out: dict[str, xr.Variable] = {}
        axes: dict[str, list[str]] = {}
        for name, elements in labels.items():
            shape = Shape(self.model, name, elements)
            block = shape.block(np.array([[self._column(label) for label in elements]]))[0]
            fixed = all(label in self.constants for label in elements)
            dims = shape.dims if fixed else ("time", *shape.dims)
            out[name] = xr.Variable(dims, block[0] if fixed else block, shape.attrs)
            axes.update(zip(shape.dims, shape.axes, strict=True))
        time = xr.Variable("time", self.time, {"unit": self.model.time_unit})
        return xr.Dataset(out, {"time": time, **axes}, {"model": self.model.name, "scenario": self.scenario.name})

    def plot(self, names: str | Sequence[str] | None = None, **options: Any) -> Any:
        """Draw variables over time.

        Parameters
        ----------
        names
            Variables, one panel each; default the first six outcomes (stocks if the model marks none).
        options
            Further arguments of `sdmodel.plot.trajectories`.

        Returns
        -------
        sdmodel.plot.Drawing

        Examples
        --------
        >>> import sdmodel
        >>> fig, axes = sdmodel.load("network").run().plot("trust")
        """
        return figures().trajectories([self], self.main_outcomes[:MOST_PANELS] if names is None else names, **options)
