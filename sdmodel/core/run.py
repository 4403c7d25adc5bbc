"""`Run`, the result of one run with its inputs, and `Report`, how it was solved."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.arguments import kind
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import StateError, UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.frozen import FrozenDict
from sdmodel.core.scenario import Scenario
from sdmodel.core.state import State
from sdmodel.core.structure import Structure

if TYPE_CHECKING:
    import pandas as pd


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
        return f"<Run of {self.model.name!r}, scenario {self.scenario.name!r}: {self.report.sentence}>"

    def __getitem__(self, name: str) -> pd.Series | pd.DataFrame:
        """A variable over time: a Series, or a DataFrame with one column per element for a subscripted variable.

        Raises
        ------
        UnknownNameError
            If the model has no such variable.
        """
        import pandas as pd

        kind("name", name, types=(str,), need="the name of one variable; to_dataframe() gives a table of all")
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

        order = {variable.name: i for i, variable in enumerate(self.model.equations.values())}
        every = [*self.columns, *self.constants]
        every.sort(key=lambda c: order[self.model.owner(c).name])
        return pd.DataFrame({c: self._column(c) for c in every}, index=pd.Index(self.time, name="time"))
