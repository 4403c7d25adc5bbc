"""Models for the EMA workbench, whose experiments are run as one sweep. Needs ``sdmodel[handoffs]``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from warnings import warn

import numpy as np
from ema_workbench import Model as WorkbenchModel
from ema_workbench import RealParameter, ScalarOutcome, TimeSeriesOutcome
from ema_workbench.em_framework.evaluators import BaseEvaluator
from ema_workbench.em_framework.outcomes import AbstractOutcome
from ema_workbench.em_framework.parameters import IntegerParameter
from ema_workbench.em_framework.points import experiment_generator

from sdmodel.compile.parameters import constants_table
from sdmodel.core.arguments import kind
from sdmodel.core.distributions import quantile
from sdmodel.core.errors import ResultWarning
from sdmodel.core.outcome import Outcome
from sdmodel.core.structure import Structure
from sdmodel.sweep.run_sweep import run_sweep

TIME = "TIME"
"""Name under which the reported times are given to outcomes."""


class SweptModel(WorkbenchModel):  # type: ignore[misc]  # the workbench has no types
    """A workbench model that also runs many experiments at once."""

    def __init__(self, structure: Structure, every: float | None) -> None:
        name = "".join(c for c in structure.name if c.isalnum()) or "model"
        super().__init__(name, function=lambda **values: self.results([values])[0])
        self.structure = structure
        self.every = every

    def results(self, rows: Sequence[dict[str, float]]) -> list[dict[str, np.ndarray]]:
        """Paths of the variables that the outcomes read, and the times, for each row of values."""
        names = [name for name in dict.fromkeys(self.output_variables) if name != TIME]
        swept = run_sweep(self.structure, rows, names, every=self.every, certificate=0, progress=False)
        failed = swept["message"].to_numpy()[swept["status"].to_numpy() != 0]
        if len(failed):
            warn(
                f"{len(failed)} of {len(rows)} experiments failed and are NaN; the first: {failed[0]}", ResultWarning, 2
            )
        times = swept["time"].to_numpy()
        paths = {name: swept[name].to_numpy() for name in names}
        return [{TIME: times, **{name: paths[name][i] for name in names}} for i in range(len(rows))]

    def evaluator(self) -> SweepEvaluator:
        """An evaluator that runs all experiments of a call as one sweep."""
        return SweepEvaluator(self)


class SweepEvaluator(BaseEvaluator):  # type: ignore[misc]  # the workbench has no types
    """Evaluator of the workbench that runs all experiments of a call as one sweep."""

    def initialize(self) -> None:
        """No preparation is needed."""

    def finalize(self) -> None:
        """Nothing is left behind."""

    def evaluate_experiments(
        self, scenarios: Any, policies: Any, callback: Any, combine: str = "factorial", **kwargs: Any
    ) -> None:
        """Run the experiments and hand each to the callback."""
        (model,) = self._msis
        experiments = list(experiment_generator(scenarios, self._msis, policies, combine=combine))
        rows = [{**experiment.scenario, **experiment.policy} for experiment in experiments]
        for experiment, result in zip(experiments, model.results(rows), strict=True):
            model.outcomes_output = result
            callback(experiment, model.outcomes_output)


class _Marked:
    """Distribution of a constant by its marker, with the one method that the samplers of the workbench call."""

    def __init__(self, row: Any) -> None:
        self.row = row

    def ppf(self, u: np.ndarray) -> np.ndarray:
        row = self.row
        return quantile(u, row.name, row["distribution"], row["value"], row["low"], row["high"])


def workbench_model(structure: Structure, outcomes: Sequence[Any], every: float | None) -> SweptModel:
    """See `sdmodel.Model.to_ema`."""
    kind("outcomes", outcomes, types=(list, tuple), need="a list of names, Outcomes and outcomes of the workbench")
    model = SweptModel(structure, every)
    model.uncertainties = [_parameter(row) for _, row in constants_table(structure, "uncertainty", "switch").iterrows()]
    model.levers = [_parameter(row) for _, row in constants_table(structure, "lever").iterrows()]
    model.outcomes = [_outcome(outcome) for outcome in outcomes or structure.outcomes]
    return model


def _parameter(row: Any) -> Any:
    kind = IntegerParameter if row["distribution"] == "integer" else RealParameter
    parameter = kind(row.name, row["low"], row["high"], default=row["value"])
    if row["distribution"] not in ("", "uniform", "integer"):
        parameter.dist = _Marked(row)
    return parameter


def _outcome(given: Any) -> Any:
    if isinstance(given, Outcome):

        def value(path: np.ndarray, times: np.ndarray) -> float:
            import xarray as xr

            return float(given.of(xr.DataArray(path, {"time": times}, ["time"], given.variable)))

        return ScalarOutcome(given.label, variable_name=[given.variable, TIME], function=value)
    if isinstance(given, str):
        return TimeSeriesOutcome(given)
    kind("outcomes", given, types=(AbstractOutcome,), need="a name, an Outcome or an outcome of the workbench")
    return given
