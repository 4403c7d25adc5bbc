"""Residuals between a run and observations, and their derivatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.calibration.observations import series_in, standard_deviations
from sdmodel.analysis.gradients.gradient import Linearization, labels_of
from sdmodel.analysis.gradients.tangents import Tangents
from sdmodel.compile.program import Program
from sdmodel.compile.programs import program_of
from sdmodel.core.errors import DesignError, FixedStepError, SolveError, UnknownNameError, UnsupportedError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.solve.inputs import inputs_named, resolve_scenario, with_paths
from sdmodel.solve.registry import MANY_RUNS, ON_GRID, solver

if TYPE_CHECKING:
    import pandas as pd

Array = np.ndarray


@dataclass(frozen=True)
class Observed:
    """Observations of all series, concatenated."""

    names: tuple[str, ...]
    """Labels of the series, as outputs of the model."""
    which: Array
    """Index of the series of each observation."""
    times: Array
    values: Array
    errors: Array
    """Standard deviation of each observation, in the unit of its series."""
    known: bool
    """Whether errors were given; if not, the standard deviation of each series stands in for them."""


def observed(
    model: Structure, program: Program, source: Any, errors: Mapping[str, Any] | None, start: float, end: float
) -> Observed:
    """Check observations against the outputs and the time span of a model.

    Raises
    ------
    UnknownNameError, OverrideError
        If a series or an error does not name a variable that changes over time.
    DesignError
        If a time lies outside the run, or an error is not positive.
    """
    series = series_in(source)
    named: dict[str, pd.Series] = {}
    for name, one in series.items():
        labels = labels_of(model, program, name)
        if len(labels) > 1 or labels[0] in named:
            raise DesignError(f"'{name}' must name one element, once; it stands for {', '.join(labels[:4])}.")
        if len(one):
            named[labels[0]] = one
    deviations = _errors(model, program, named, errors)
    names = tuple(named)
    which = np.concatenate([np.full(len(one), i) for i, one in enumerate(named.values())])
    times = np.concatenate([one.index.to_numpy(float) for one in named.values()])
    values = np.concatenate([one.to_numpy(float) for one in named.values()])
    late = times[(times < start - 1e-9) | (times > end + 1e-9)]
    if len(late):
        raise DesignError(f"An observation is at {late[0]:g}, but the run goes from {start:g} to {end:g}.")
    sizes = np.concatenate([deviations[name] for name in names])
    return Observed(names, which, np.clip(times, start, end), values, sizes, errors is not None)


def _errors(
    model: Structure, program: Program, named: Mapping[str, pd.Series], errors: Mapping[str, Any] | None
) -> dict[str, Array]:
    out: dict[str, Array] = {}
    if errors is None:
        for name, one in named.items():
            x = one.to_numpy(float)
            spread = float(x.std()) if len(x) > 1 else 0.0
            out[name] = np.full(len(x), spread or float(np.abs(x).max()) or 1.0)
        return out
    for name, value in errors.items():
        label = labels_of(model, program, name)[0]
        if label not in named:
            raise UnknownNameError(name, named, "series of observations")
        out[label] = standard_deviations(name, value, named[label])
    missing = [name for name in named if name not in out]
    if missing:
        raise DesignError(f"There is no error for '{missing[0]}'. Give one for each series, or none at all.")
    return out


class Residuals:
    """Residuals of a run against observations, in units of their errors, and their Jacobian.

    Derivatives are exact tangents, or central differences of runs where the model has none; `how` gives the reason.
    """

    def __init__(
        self,
        model: Structure,
        names: Sequence[str],
        observations: Any,
        errors: Mapping[str, Any] | None,
        values: Mapping[str, float] | Scenario | None,
        scenario: Scenario | str | None,
        data: Mapping[str, Any] | None,
        reach: Array,
    ) -> None:
        self.how, self.refused = "exact tangents", False
        """How derivatives were last computed, and whether tangents are unavailable."""
        self.reach = reach
        """Scale of each parameter, shape (parameters,)."""
        given = resolve_scenario(model, values, scenario)
        self.fixed = False
        try:
            program = program_of(with_paths(model, given), fixed=False)
        except FixedStepError as error:
            program, self.fixed = program_of(with_paths(model, given), fixed=True), True
            self.refused, self.how = True, f"differences of runs: {error}"
        varied = [label for name in names for label in inputs_named(model, name)]
        named = [labels_of(model, program, str(name))[0] for name in series_in(observations)]
        self.linearization = Linearization.of(model, names, named, values, scenario, data, self.fixed, varied)
        control = self.linearization.control
        self.data = observed(model, self.linearization.program, observations, errors, *_ends(control))
        self.times = np.union1d([control["initial time"]], self.data.times)
        self.at = np.searchsorted(self.times, self.data.times)
        self.targets = [d.parameters for d in self.linearization.directions]

    @property
    def base(self) -> Array:
        """Values of the parameters in the scenario."""
        return np.array(self.linearization.bases)

    def vector(self, x: Array) -> list[float]:
        """Parameters of the program."""
        p = list(self.linearization.p)
        for value, places in zip(x, self.targets, strict=True):
            for i in places:
                p[i] = float(value)
        return p

    @cached_property
    def kernel(self) -> Any:
        """Compiled kernel for runs without derivatives."""
        from sdmodel.compile.llvm import Kernel

        nodes = [self.linearization.program.outputs[name] for name in self.data.names]
        return Kernel(self.linearization.program, nodes, tableau=solver(ON_GRID if self.fixed else MANY_RUNS).steps)

    def paths(self, rows: Sequence[Array]) -> Array:
        """Values at the observations, shape (sets of parameters, observations); NaN where a run failed."""
        table = np.array([self.vector(x) for x in rows])
        out, status, _ = self.kernel.run(table, self.times, series=self.linearization.points)
        out[status != 0] = np.nan
        found: Array = out[:, self.data.which, self.at]
        return found

    def of(self, x: Array) -> Array:
        """Residuals at `x`; NaN if the run fails."""
        found: Array = (self.paths([x])[0] - self.data.values) / self.data.errors
        return found

    def slopes(self, x: Array) -> Array:
        """Jacobian of the residuals, shape (observations, parameters)."""
        if not self.refused:
            self.how = "exact tangents"
            try:
                order = [self.tangents.names.index(name) for name in self.data.names]
                m = self.linearization
                changes = self.tangents.along(self.vector(x), self.times.tolist(), m.series, m.points)[1]
                found: Array = changes[:, order][:, self.data.which, self.at].T / self.data.errors[:, None]
                if np.isfinite(found).all():
                    return found
                self.how = "differences of runs: an observed variable jumps at a date that a parameter moves"
            except UnsupportedError as error:
                self.how, self.refused = f"differences of runs: {error}", True
            except SolveError as error:  # may succeed at other parameters
                self.how = f"differences of runs: {error}"
        return self._differences(x)

    @cached_property
    def tangents(self) -> Tangents:
        """Tangent program, made on first use since not every model has one."""
        return self.linearization.tangents

    def _differences(self, x: Array) -> Array:
        step = 1e-5 * self.reach
        k = len(x)
        rows = self.paths([*(x + step * np.eye(k)[j] for j in range(k)), *(x - step * np.eye(k)[j] for j in range(k))])
        slopes: Array = ((rows[:k] - rows[k:]) / (2 * step[:, None])).T / self.data.errors[:, None]
        if not np.isfinite(slopes).all():
            raise SolveError("A run beside the fitted one fails, so that no difference can be taken.")
        return slopes


def _ends(control: Mapping[str, float]) -> tuple[float, float]:
    return control["initial time"], control["final time"]
