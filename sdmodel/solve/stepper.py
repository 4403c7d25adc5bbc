"""`Stepper`: a run in pieces, for coupling a model with another program."""

from __future__ import annotations

import time as clock
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from sdmodel.core.arguments import kind, number
from sdmodel.core.calendar import year
from sdmodel.core.errors import OverrideError, StateError
from sdmodel.core.expression import key
from sdmodel.core.run import Report, Run
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.core.state import State
from sdmodel.core.structure import Structure
from sdmodel.solve.inputs import refuse_dates, resolve_scenario, variable_of
from sdmodel.solve.problem import Problem, problem, solve, state_at_end
from sdmodel.solve.registry import CONTINUOUS
from sdmodel.solve.run import constants_of, outputs, prepare
from sdmodel.solve.times import Every, places, wanted_times

if TYPE_CHECKING:
    import pandas as pd


class Stepper:
    """A run that stops where another program asks it to, and goes on with the values that it is given.

    Arguments are those of `Model.run`. If nothing is set on the way, the result equals that of `Model.run`.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> with model.stepper(method="rk4") as s:
    ...     s.step(until=2020)
    ...     s.step(until=2034, set={"trust time": 2.0})
    >>> s.time, s.run()["trust"].iloc[-1] == s["trust"]
    (2034.0, np.True_)
    """

    def __init__(
        self,
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
    ) -> None:
        begun = clock.perf_counter()
        task, given, seed, chosen = prepare(model, values, scenario, method, every, rtol, data, seed, initial)
        if task.program.moving:
            raise StateError(
                f"{next(iter(task.program.moving)).upper()} changes during the run, which cannot be made in pieces."
            )
        self._model, self._every, self._rtol, self._seed = model, every, rtol, seed
        self._sample = task.state.sample if task.state else 0
        self._data = given
        control = task.bind(self._data, seed, self._sample)[1].control
        self._end = control["final time"]
        self._grid = np.array(task.times(control, every))
        self._rows: list[tuple[float, np.ndarray, Mapping[str, float]]] = []
        self._evaluations, self._breaks, self._kinks = 0, list[float](), 0
        self._reason = task.reason
        self._advance(task, chosen, float(self._grid[0]))
        self._seconds = clock.perf_counter() - begun

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *what: object) -> None:
        return None

    def __repr__(self) -> str:
        return f"<Stepper of {self._model.name!r} at {self.time:g}, up to {self._end:g}>"

    @property
    def time(self) -> float:
        """The time at which the run stands."""
        return self._state.time

    @property
    def state(self) -> State:
        """The state at this time."""
        return self._state

    def step(self, until: Any = None, *, set: Mapping[str, Any] | None = None) -> None:
        """Go on to a time.

        Parameters
        ----------
        until
            A time (number or date), on the TIME STEP grid for a fixed-step method; default one TIME STEP on.
        set
            Numbers by name, from this time on: constants; data variables, which are constant from here; and stocks or
            hidden states, which begin the step with this value.

        Raises
        ------
        StateError
            If `until` is not later than now, or after FINAL TIME.
        OverrideError
            If a name takes no value.
        """
        begun = clock.perf_counter()
        when = min(self.time + self._state.time_step, self._end) if until is None else year(until)
        refuse_dates(self._model, [when], "until=")
        number("until", when)
        if not self.time < when <= self._end + 1e-9 * self._state.time_step:
            raise StateError(f"until={when:g} is not after {self.time:g} and up to the FINAL TIME {self._end:g}.")
        chosen, points = self._with({} if set is None else set)
        task = problem(self._model, chosen, None, CONTINUOUS, self._state)
        self._data = points
        self._advance(task, chosen, when)
        self._seconds += clock.perf_counter() - begun

    def _with(self, given: Mapping[str, Any]) -> tuple[Scenario, list[Any]]:
        """The scenario and the series from now on."""
        kind("set", given, types=(Mapping,), need="a mapping from names to numbers")
        names = list(self._task.program.data)
        points = list(self._data)
        values = {}
        for name, value in given.items():
            kind("set", name, types=(str,), need="names, as strings")
            number(f"set: '{name}'", value)
            variable = variable_of(self._model, name)
            if variable is None or variable.kind != "data":
                values[name] = float(value)
                continue
            hit = [i for i, own in enumerate(names) if key(own) == key(name)]
            if not hit:
                raise OverrideError(f"'{name}' has its values from a file; give data= to the stepper instead.")
            points[hit[0]] = ((self.time,), (float(value),))
        return resolve_scenario(self._model, values, None, self._state.scenario), points

    def _advance(self, task: Problem, chosen: Scenario, until: float) -> None:
        """Solve up to a time, and keep the rows at reported times before it."""
        now = task.state.time if task.state else until
        near = 1e-6 * (task.state.time_step if task.state else 0.0)
        inside = self._grid[(self._grid > now + near) & (self._grid < until - near)]
        found = solve(task, self._data, self._seed, self._sample, [*inside.tolist(), until], self._rtol, until)
        if task.state is not None:
            values, constants = outputs(task.program, found), constants_of(task)
            self._rows += [(t, row, constants) for t, row in zip(found.times[:-1], values, strict=False)]
        self._task, self._found = task, found
        self._state = state_at_end(task, chosen, found, self._data, self._seed, self._sample)
        self._evaluations += found.report.evaluations
        self._breaks += found.report.breaks
        self._kinks, self._reason = found.report.kinks, found.reason or self._reason

    def _now(self) -> np.ndarray:
        """Values of all outputs at this time."""
        found = self._found
        last = found._replace(times=found.times[-1:], y=found.y[-1:], held=found.held[-1:])
        row: np.ndarray = outputs(self._task.program, last)[0]
        return row

    def __getitem__(self, name: str) -> Any:
        """Value of a variable now: a number, or a pandas Series by element for a subscripted one."""
        one = self._made(np.array([self.time]), self._now()[None], [constants_of(self._task)])[name]
        last: Any = one.iloc[-1]
        return last if one.ndim == 2 else float(last)

    def run(self) -> Run:
        """The run so far, with values at the reported times of `Model.run`, and now if it is one of them.

        A constant that was set on the way is a column; in the scenario of the run it is a schedule.
        """
        rows = [*self._rows, (self.time, self._now(), constants_of(self._task))]
        near = 1e-6 * self._state.time_step
        kept = [row for row in rows if np.abs(self._grid - row[0]).min() <= near]
        wanted = wanted_times(self._every)
        if wanted is not None:
            times = [row[0] for row in kept]
            kept = [kept[i] for i in places(times, [t for t in wanted if t <= self.time + near])]
        return self._made(
            np.array([row[0] for row in kept]), np.array([row[1] for row in kept]), [row[2] for row in kept]
        )

    def _made(self, times: np.ndarray, values: np.ndarray, constants: list[Mapping[str, float]]) -> Run:
        changed = [name for name in constants[-1] if len({row[name] for row in constants}) > 1]
        table = np.column_stack([values, *([row[name] for row in constants] for name in changed)])
        fixed = {name: x for name, x in constants[-1].items() if name not in changed}
        chosen = self._state.scenario
        over_time = {name: tuple(row[name] for row in constants) for name in changed if name in self._model}
        paths = {name: Schedule(tuple(times), found) for name, found in over_time.items()}
        values_left = {name: x for name, x in chosen.values.items() if name not in paths}
        chosen = replace(chosen, values=values_left, paths={**chosen.paths, **paths})
        adaptive = self._task.solver.adaptive
        report = Report(
            self._state.method,
            self._evaluations,
            tuple(self._breaks),
            self._kinks,
            self._rtol if adaptive else None,
            self._seconds,
            self._reason,
        )
        columns = (*self._task.program.outputs, *changed)
        return Run(self._model, chosen, report, times, table, columns, fixed)
