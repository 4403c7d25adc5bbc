"""Exact derivatives of outcomes with respect to constants and initial values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.evaluation import lowered
from sdmodel.analysis.gradients.state_jumps import Points
from sdmodel.analysis.gradients.tangents import Direction, Tangents
from sdmodel.analysis.inputs import Outcomes, Parameters, check, outcome_list, parameter_names
from sdmodel.analysis.outcomes import canonical, outcome_table
from sdmodel.compile.program import Program
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.cache import Cache
from sdmodel.core.errors import DesignError, OverrideError, UnknownNameError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import CONTROL, Structure
from sdmodel.solve.inputs import constants_named, inputs_named, series_points, starts_of
from sdmodel.solve.interpolation import Series, interpolant
from sdmodel.solve.times import report_times

if TYPE_CHECKING:
    import pandas as pd

_tangents: Cache[Tangents] = Cache(8)


def gradient(
    model: Structure,
    parameters: Parameters,
    outcomes: Outcomes,
    *,
    values: Mapping[str, float] | Scenario | None = None,
    scenario: Scenario | str | None = None,
    every: float | None = None,
    data: Mapping[str, Any] | None = None,
) -> pd.DataFrame:
    """Exact derivatives of outcomes with respect to constants and initial values.

    Forward mode: the equations are differentiated one by one [1]_, and the derivatives are integrated together with the
    model by the compiled kernel of sweeps, one direction per lane. There is no step size and no cancellation.

    Parameters
    ----------
    model
        The model; it is not changed.
    parameters
        A table such as `model.levers` or another form of ranges, of which the names count; or names: of constants
        (`name` for all elements together, or `name[a,b]`), or of stocks, for the derivative with respect to the initial
        value.
    outcomes
        One or several outcomes; the name of a variable stands for its path over time.
    values, scenario, data
        As in `Model.run`: the point at which derivatives are taken.
    every
        Time between reported values; default SAVEPER. Outcomes are computed from these times, with linear interpolation
        between them, as those of a sweep are.

    Returns
    -------
    pandas.DataFrame
        Index `outcome`, `time` (for paths) and `parameter`. Columns `at` (value of the parameter), `value` (of the
        outcome), `derivative` (unit of the outcome by unit of the parameter) and `elasticity` (per cent of the outcome
        for one per cent of the parameter; NaN where the outcome is zero).

    Raises
    ------
    DesignError
        If an outcome has no derivative: the time of a crossing on the reported grid, or a value at a date at which a
        parameter makes it jump.
    FixedStepError, UnsupportedError
        If the model has functions of the TIME STEP grid, an operation has no derivative, or a variable jumps where a
        state crosses a value.
    SolveError
        If the run or a derivative is not finite.

    Notes
    -----
    Dates that depend on a parameter (`STEP(size, start)`) are treated exactly: the derivative of a stock jumps there by
    the jump of its net flow times the derivative of the date [2]_. At a kink (MIN, MAX, ABS, a knot of a lookup) the
    right derivative is returned, for an increasing parameter.

    References
    ----------
    .. [1] Griewank, A. and Walther, A. (2008). Evaluating Derivatives. Second edition, SIAM.
       https://doi.org/10.1137/1.9780898717761
    .. [2] Barton, P. I. and Lee, C. K. (2002). Modeling, simulation, sensitivity analysis, and optimization of hybrid
       systems. ACM Transactions on Modeling and Computer Simulation 12(4), 256-289.
       https://doi.org/10.1145/643120.643122

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> table = sdmodel.gradient(model, ["trust time"], sdmodel.Outcome("trust", at=2034))
    >>> table.index.names, table.columns.tolist()
    (FrozenList(['outcome', 'parameter']), ['at', 'value', 'derivative', 'elasticity'])
    """
    check(model=model, values=values, scenario=scenario, data=data)
    requested = outcome_list(outcomes)
    _differentiable(requested)
    linearization = Linearization.of(model, parameter_names(parameters), requested, values, scenario, data)
    times = report_times(linearization.control, every, False)
    paths, slopes = linearization.tangents.along(linearization.p, times, linearization.series, linearization.points)
    rows: list[dict[str, object]] = []
    for outcome in requested:
        for label, i in linearization.elements(outcome):
            rows += _rows(linearization, outcome, label, np.array(times), paths[i], slopes[:, i])
    return outcome_table(rows)


@dataclass(frozen=True)
class Linearization:
    """A model at given values, with the outputs and the directions to differentiate along."""

    program: Program
    outputs: tuple[str, ...]
    directions: tuple[Direction, ...]
    p: list[float]
    series: list[Series]
    points: Points
    control: dict[str, float]
    bases: list[float]
    """Value of each parameter; of a stock, its initial value."""

    @classmethod
    def of(
        cls,
        model: Structure,
        names: Sequence[str],
        outcomes: Sequence[str | Outcome],
        values: Mapping[str, float] | Scenario | None,
        scenario: Scenario | str | None,
        data: Mapping[str, Any] | None,
        fixed: bool = False,
        varied: Sequence[str] = (),
    ) -> Linearization:
        """Check names and values and lower the model; initial values of stocks among `varied` become parameters."""
        program, p = lowered(model, values, scenario, fixed=fixed, varied=varied)
        directions = tuple(direction(model, program, name) for name in names)
        labels = [label for o in outcomes for label in labels_of(model, program, o)]
        outputs = tuple(dict.fromkeys(labels))
        given = series_points(program, data, model)
        series = [interpolant(at, x) for at, x in given]
        points = [(np.array(at), np.array(x)) for at, x in given]
        control = {name: evaluate(program, node, p) for name, node in program.control.items()}
        bases = [p[d.parameters[0]] if d.parameters else evaluate(program, program.states[d.state].initial, p)
                 for d in directions]  # fmt: skip
        return cls(program, outputs, directions, p, series, points, control, bases)

    @property
    def tangents(self) -> Tangents:
        """The tangent program, cached by program, outputs and directions."""
        mark = (self.outputs, self.directions)
        return _tangents.get(self.program, mark) or _tangents.put(
            self.program, mark, Tangents(self.program, self.outputs, self.directions)
        )

    def elements(self, outcome: str | Outcome) -> list[tuple[str, int]]:
        """Label and index of each element of an outcome's variable."""
        name = outcome if isinstance(outcome, str) else outcome.variable
        found = [(n, i) for i, n in enumerate(self.outputs) if canonical(n) == canonical(name)]
        stem = canonical(name) + "["
        return found or [(n, i) for i, n in enumerate(self.outputs) if canonical(n).startswith(stem)]


def labels_of(model: Structure, program: Program, outcome: str | Outcome) -> list[str]:
    """Outputs of a program that an outcome is computed from.

    Raises
    ------
    UnknownNameError
        If there is none.
    OverrideError
        If it is a constant or lookup.
    """
    requested = outcome if isinstance(outcome, str) else outcome.variable
    variable = model.owner(requested)
    every = [n for n in program.outputs if n == variable.name or n.startswith(variable.name + "[")]
    found = (
        [n for n in every if canonical(n) == canonical(requested)]
        if canonical(requested) != canonical(variable.name)
        else every
    )
    if not every:
        raise OverrideError(f"'{variable.name}' is a {variable.kind}, which does not change over time.")
    if not found:
        raise UnknownNameError(requested, every, "element")
    return found


def direction(model: Structure, program: Program, name: str) -> Direction:
    """The direction that a name stands for.

    Raises
    ------
    UnknownNameError
        If the model has no such name.
    OverrideError
        If it is neither a constant nor a stock, or changes the equations or the time settings.
    """
    index = {label: i for i, label in enumerate(program.parameters)}
    if (starts := starts_of(model, inputs_named(model, name))) and starts <= index.keys():
        return Direction(name, tuple(index[label] for label in sorted(starts)))
    variable = model.owner(name)
    if variable.kind == "stock":
        label = canonical(name)
        states = [i for i, s in enumerate(program.states) if not s.hidden and canonical(s.name) == label]
        if not states:
            known = [s.name for s in program.states if not s.hidden]
            raise UnknownNameError(name, known, "stock", "A stock with subscripts goes element by element.")
        return Direction(name, (), states[0])
    labels = constants_named(model, name)
    if variable.key in CONTROL:
        raise OverrideError(f"'{name}' is a setting of the run; there is no derivative with respect to it.")
    for label in labels:
        if label not in index:
            raise OverrideError(f"'{label}' follows a schedule in the scenario and has no derivative.")
        if index[label] in program.structural:
            raise OverrideError(f"'{label}' is the order of a delay, an integer, and has no derivative.")
    return Direction(name, tuple(index[label] for label in labels))


def _differentiable(outcomes: Sequence[str | Outcome]) -> None:
    for o in outcomes:
        if isinstance(o, Outcome) and (o.across or o.reference is not None):
            raise DesignError(f"'{o.label}' has no derivative here: take one element, without across= and reference=.")
        if isinstance(o, Outcome) and (o.level is not None or callable(o.at) or str(o.at).startswith("time_of")):
            raise DesignError(
                f"The {o.label} follows the reported times and does not change smoothly; it has no derivative. "
                "Take the value of the variable at a time instead."
            )


def _rows(
    linearization: Linearization,
    outcome: str | Outcome,
    label: str,
    times: np.ndarray,
    path: np.ndarray,
    slopes: np.ndarray,
) -> list[dict[str, object]]:
    """Rows of one element of an outcome, one per time for a path."""
    if isinstance(outcome, str):
        return [
            _row(label, t, d.name, base, path[j], slopes[k, j])
            for j, t in enumerate(times)
            for k, (d, base) in enumerate(zip(linearization.directions, linearization.bases, strict=True))
        ]
    own = replace(outcome, variable=label)
    value = float(_judge(own, times, path[None])[0])
    found = outcome_slopes(own, times, path, slopes)
    if np.isnan(found).any():
        k = int(np.flatnonzero(np.isnan(found))[0])
        raise DesignError(
            f"'{label}' jumps at {times[np.isnan(slopes[k])][0]:g} when '{linearization.directions[k].name}' changes, "
            f"so that '{own.label}' has no derivative. Take another time."
        )
    return [
        _row(own.label, None, d.name, base, value, slope)
        for d, base, slope in zip(linearization.directions, linearization.bases, found, strict=True)
    ]


def outcome_slopes(outcome: Outcome, times: np.ndarray, path: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Derivatives of an outcome from those of its path, shape (directions, times).

    Outcomes are linear in the path except max and min, whose derivative is that of the path at its extremum.
    """
    if outcome.at not in ("max", "min"):
        return _judge(outcome, times, slopes)
    inside = np.flatnonzero((times >= float(outcome.start)) & (times <= float(outcome.end)))
    if not len(inside):
        raise DesignError(f"No reported time lies between {outcome.start} and {outcome.end}.")
    best = inside[np.argmax(path[inside])] if outcome.at == "max" else inside[np.argmin(path[inside])]
    found: np.ndarray = slopes[:, best]
    return found


def _judge(outcome: Outcome, times: np.ndarray, paths: np.ndarray) -> np.ndarray:
    """The outcome of each path, shape (paths, times)."""
    import xarray as xr

    found: np.ndarray = outcome._judge(xr.DataArray(paths, {"time": times}, ("run", "time"))).to_numpy()
    return found


def _row(
    outcome: str, time: float | None, parameter: str, at: float, value: float, derivative: float
) -> dict[str, object]:
    elasticity = derivative * at / value if value else np.nan
    return {
        "outcome": outcome,
        "time": time,
        "parameter": parameter,
        "at": at,
        "value": float(value),
        "derivative": float(derivative),
        "elasticity": float(elasticity),
    }
