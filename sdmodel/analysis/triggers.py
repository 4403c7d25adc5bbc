"""State-dependent dates: a policy that starts when a variable crosses a level."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.analysis.equilibria.net_flows import no_data
from sdmodel.analysis.evaluation import lowered
from sdmodel.analysis.inputs import Lever, check, design_rows, named_lever
from sdmodel.compile.events import segments
from sdmodel.compile.python.engine import Engine
from sdmodel.core.arguments import choice, number
from sdmodel.core.calendar import year
from sdmodel.core.errors import DesignError, FixedStepError, OverrideError, SolveError
from sdmodel.core.expression import key
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.tables import LABELS
from sdmodel.solve.integrate import Pace
from sdmodel.sweep.run_sweep import run_sweep

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("events", "sweep")
_CHECKED = 8
"""Number of rows of a sweep whose date is verified by event location."""
_SAME = 1e-6
"""Relative difference before the date that is attributed to rounding."""
_TINY = float(np.finfo(float).tiny)


def trigger(
    model: Structure,
    date: Lever,
    variable: str,
    *,
    above: float | None = None,
    below: float | None = None,
    design: pd.DataFrame | None = None,
    start: float | str | None = None,
    scenario: Scenario | str | None = None,
    method: str | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Find the date at which a rule triggers a policy, such as: exit when the market serves 30 % of demand.

    Until then a run equals the run without the policy, so the date is the first passage of the variable through the
    level in that run. Set as a constant, the date makes the policy start exactly then, in runs and sweeps.

    Parameters
    ----------
    model
        The model; it is not changed.
    date
        The constant that is the date of the policy, such as ``"exit start"``, or its range, ``{name: (low, high)}``.
    variable
        The variable of the rule, or an element `name[a]`.
    above, below
        The level; give exactly one. The rule holds where the variable is above or below it.
    design
        One row per case, without the date; default: one case with the constants of the file.
    start
        Time from which the rule applies, a number or date; default the lower end of the range of `date`, or
        the initial time if later.
    scenario
        Scenario of all rows.
    method
        ``"events"``: event location by scipy's solver (Brent's method on its dense output [1]_), row by row; the
        default without a design. ``"sweep"``: all rows at once, reported at every TIME STEP; the crossing is that of
        the cubic through the four surrounding values, as accurate as the steps except where the variable jumps within
        one: the error is then up to a TIME STEP. The default with a design.
    workers
        As in `Model.sweep`.

    Returns
    -------
    pandas.DataFrame
        One row per row of the design, with its index: the date under its name, and ``triggered``. Where the variable
        never crosses the level the date is the upper end of its range, and where the run fails it is NaN.
        `attrs`: ``error``, the largest difference between dates of the sweep and by events, over at most eight rows.

    Raises
    ------
    DesignError
        If not exactly one of `above` and `below` is given, the design contains the date, or the date has effects before
        it comes (the rule would look ahead).
    FixedStepError
        For ``"events"``, if the model has functions of the TIME STEP grid; use ``"sweep"``.

    References
    ----------
    .. [1] Shampine, L. F. and Thompson, S. (2000). Event location for ordinary differential equations. Computers &
       Mathematics with Applications 39(5-6), 43-54. https://doi.org/10.1016/S0898-1221(00)00045-6

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("policy")
    >>> found = sdmodel.trigger(model, "exit start", "present value of public money", above=2000)
    >>> run = model.run({"exit start": found["exit start"].iloc[0]})
    >>> bool(found["triggered"].iloc[0])
    True
    """
    import pandas as pd

    check(model=model, variable=variable, above=above, below=below, design=design, start=start)
    check(scenario=scenario)
    if (above is None) == (below is None):
        raise DesignError("A rule needs one level: above=... or below=....")
    if method is not None:
        choice("method", method, METHODS)
    level, sign = (float(above), 1.0) if above is not None else (float(below or 0.0), -1.0)
    name, low, high = _date(model, date)
    rows = design_rows(model, design, name)
    rule = _Rule(model, name, variable, level, sign, scenario, high, _start(model, low, start))
    by_events = method == "events" or (method is None and design is None)
    if by_events:
        dates = np.array([rule.by_events(row) for row in _values_of(rows)])
        error = 0.0
    else:
        dates = rule.by_sweep(rows, workers)
        error = rule.error(rows, dates)
    triggered = np.isfinite(dates)
    dates = np.where(dates == np.inf, high, dates)
    out = pd.DataFrame({name: dates, "triggered": triggered}, index=rows.index)
    rule.refuse_to_look_ahead(rows[triggered], dates[triggered], workers)
    out.attrs = {
        "lever": name,
        "units": {name: model.owner(name).unit},
        "rule": f"{variable} {'above' if sign > 0 else 'below'} {level:g}",
        "error": error,
        "rows": len(rows),
    }
    return out


def _date(model: Structure, date: Lever) -> tuple[str, float, float]:
    name, (low, high) = named_lever(model, date)
    if not np.isfinite(high):
        raise DesignError(
            f"'{name}' has no highest value in its file; it needs one that means that the policy never comes. Give the "
            f"range of dates: {{{name!r}: (first, never)}}."
        )
    return name, low, high


def _start(model: Structure, low: float, start: float | str | None) -> float:
    first = model.time.get("initial time", -np.inf)
    number("start", when := low if start is None else year(start), high=model.time.get("final time", np.inf))
    return max(when, first)


def _values_of(rows: pd.DataFrame) -> list[dict[str, float]]:
    return [{str(k): v for k, v in row.items() if k not in LABELS} for row in rows.to_dict("records")]


class _Rule:
    """A rule and two methods to find its date."""

    def __init__(
        self,
        model: Structure,
        date: str,
        variable: str,
        level: float,
        sign: float,
        scenario: Scenario | str | None,
        never: float,
        start: float,
    ) -> None:
        self.model, self.date, self.variable = model, date, variable
        self.level, self.sign, self.scenario, self.never, self.start = level, sign, scenario, never, start

    # -- one run --------------------------------------------------------------------------------------------------
    def by_events(self, values: dict[str, float]) -> float:
        """Date of one case; infinite if never."""
        from scipy.integrate import solve_ivp

        program, p = lowered(self.model, {**values, self.date: self.never}, self.scenario)
        no_data(self.model, program)
        engine = Engine(program, [self._node(program.outputs)])
        bound = engine.bind(p)
        control = bound.control
        begin, end, step = (control[k] for k in ("initial time", "final time", "time step"))
        y = np.array(bound.start, dtype=float)
        atol = 1e-11 * np.maximum(np.abs(y), 1e-3)
        pace = Pace(bound, "LSODA", end - begin)
        for part in segments(engine.clock, program, bound.watch, begin, end):
            cuts = [part.start, *([self.start] if part.start < self.start < part.end else []), part.end]
            for a, b in pairwise(cuts):

                def off(t: float, x: np.ndarray, held: tuple[float, ...] = part.held) -> float:
                    if not np.isfinite(x).all():
                        raise SolveError(f"The run stopped at time {t:g}: a stock is not finite.")
                    beyond = self.sign * (bound.outs(t, x.tolist(), held)[0] - self.level)
                    return beyond or -_TINY  # at the level is not beyond it, where scipy takes zero for a crossing

                off.terminal = True  # type: ignore[attr-defined]  # read by solve_ivp
                off.direction = 1.0  # type: ignore[attr-defined]  # the same
                watched = a >= self.start
                if watched and off(a, y) > 0:
                    return a
                found = solve_ivp(
                    lambda t, x, held=part.held: pace.rates(t, x, held),
                    (a, b),
                    y,
                    method="LSODA",
                    rtol=1e-9,
                    atol=atol,
                    max_step=step,  # so that a double crossing within a TIME STEP is not missed
                    events=[off] if watched else None,
                )
                if not found.success or not np.isfinite(found.y).all():
                    raise SolveError(f"The run stopped at time {found.t[-1]:g}: {found.message}")
                if found.status == 1:
                    return float(found.t_events[0][0])
                y = found.y[:, -1]
        return np.inf

    def _node(self, outputs: Mapping[str, int]) -> int:
        for name, node in outputs.items():
            if key(name) == key(self.variable):
                return int(node)
        elements = [name for name in outputs if self.model.owner(name).key == key(self.variable)]
        if elements:
            raise DesignError(f"'{self.variable}' has {len(elements)} elements; choose one, such as '{elements[0]}'.")
        kind = self.model.owner(self.variable).kind  # raises for an unknown name
        raise OverrideError(f"'{self.variable}' is a {kind}; a rule needs a variable that changes over time.")

    # -- many runs ------------------------------------------------------------------------------------------------
    def by_sweep(self, rows: pd.DataFrame, workers: int | None) -> np.ndarray:
        """Dates of all rows; infinite if never, NaN where a run fails."""
        time, values = self._paths(rows, np.full(len(rows), self.never), workers)
        off = self.sign * (values - self.level)
        later = np.flatnonzero(time > self.start)
        begun = [np.interp(self.start, time, row) for row in off]  # the rule may start between two reported times
        holds = np.column_stack([begun, off[:, later]]) > 0
        first = np.argmax(holds, axis=1)
        dates = np.where(holds.any(axis=1), self.start, np.inf)
        for row in np.flatnonzero(first):
            dates[row] = max(self.start, _crossing_time(time, off[row], later[first[row] - 1]))
        dates[~np.isfinite(values).all(axis=1)] = np.nan
        return dates

    def _paths(self, rows: pd.DataFrame, dates: np.ndarray, workers: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Reported times, and the variable, shape (rows, times)."""
        from sdmodel.core.outcome import Outcome

        found = run_sweep(
            self.model,
            rows.assign(**{self.date: dates}),
            [self.model.owner(self.variable).name],
            scenario=self.scenario,
            every=self.model.time.get("time step"),
            workers=workers,
            progress=False,
            certificate=0,
        )
        path = Outcome(self.variable)._path(found)
        if path.dims != ("run", "time"):
            raise DesignError(f"'{self.variable}' has subscripts; choose one element: '{self.variable}[...]'.")
        return found["time"].to_numpy(), path.to_numpy()

    def error(self, rows: pd.DataFrame, dates: np.ndarray) -> float:
        """Largest difference from dates by events over a few rows; NaN for grid models."""
        chosen = np.flatnonzero(np.isfinite(dates))
        chosen = chosen[np.linspace(0, len(chosen) - 1, min(_CHECKED, len(chosen))).astype(int)]
        try:
            again = [self.by_events(values) for values in _values_of(rows.iloc[chosen])] if len(chosen) else []
        except FixedStepError:
            return float("nan")
        return float(np.max(np.abs(np.array(again) - dates[chosen]), initial=0.0))

    def refuse_to_look_ahead(self, rows: pd.DataFrame, dates: np.ndarray, workers: int | None) -> None:
        """Raise if the date affects the variable before it comes."""
        if not len(rows):
            return
        time, without = self._paths(rows, np.full(len(rows), self.never), workers)
        _, with_it = self._paths(rows, dates, workers)
        before = time[None, :] < dates[:, None] - 1e-9
        size = np.maximum(np.abs(without).max(axis=1, keepdims=True), 1e-12)
        off = np.where(before, np.abs(with_it - without) / size, 0.0)
        if not off.max(initial=0.0) <= _SAME:
            row = int(np.argmax(off.max(axis=1)))
            when = time[int(np.argmax(off[row] > _SAME))]
            raise DesignError(
                f"'{self.date}' at {dates[row]:g} changes '{self.variable}' from {when:g} on, before it comes: the "
                "rule would look ahead. Use a variable that the policy does not affect beforehand."
            )


def _crossing_time(time: np.ndarray, off: np.ndarray, i: int) -> float:
    """Zero between times i - 1 and i of the cubic through the four surrounding values."""
    first = min(max(i - 2, 0), max(len(time) - 4, 0))
    which = slice(first, first + 4)
    t, x = time[which] - time[i - 1], off[which]
    weights = np.linalg.solve(np.vander(t), x)
    a, b = 0.0, float(time[i] - time[i - 1])
    for _ in range(60):
        middle = (a + b) / 2
        a, b = (a, middle) if np.polyval(weights, middle) > 0 else (middle, b)
    return float(time[i - 1] + (a + b) / 2)
