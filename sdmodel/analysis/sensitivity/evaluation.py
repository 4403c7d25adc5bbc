"""Shared by sensitivity analyses: sweeping a design, dropping blocks with failed runs, warnings."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from sdmodel.analysis.evaluation import require
from sdmodel.analysis.inputs import (
    Outcomes,
    Parameters,
    constants_to_vary,
    outcome_list,
    parameter_names,
    points_of,
    variables_of,
)
from sdmodel.analysis.outcomes import OutcomeValues, outcome_values
from sdmodel.core.errors import DesignError, ResultWarning
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.sweep.forms import flat
from sdmodel.sweep.run_sweep import run_sweep

if TYPE_CHECKING:
    import pandas as pd

SAME = 1e-12
"""Relative difference of an outcome between runs below which it counts as constant."""


class BlockOutcomes:
    """Outcomes of a sweep in blocks of `width` rows, without incomplete blocks."""

    def __init__(self, sweep: xr.Dataset, outcomes: Outcomes, width: int, what: str) -> None:
        self.sweep, self.requested, self.width, self.what = sweep, outcome_list(outcomes), width, what
        self.most_dropped = 0
        self.worst = ""
        self.changes: dict[str, bool] = {}
        """Whether each outcome varies between runs, for a path at any time."""
        self.retained = np.ones(sweep.sizes["run"] // width, dtype=bool)

    def outcomes(self) -> Iterator[tuple[OutcomeValues, np.ndarray | None]]:
        """Each outcome with its values, shape (blocks, width), or None if it is constant; `kept` marks the blocks."""
        for one in outcome_values(self.requested, self.sweep):
            y = one.values.reshape(-1, self.width)
            self.retained = np.isfinite(y).all(axis=1)
            dropped = int((~self.retained).sum())
            if dropped > self.most_dropped:
                self.most_dropped, self.worst = dropped, one.name
            if 2 * dropped > len(y):
                row = int(np.flatnonzero(~np.isfinite(one.values))[0])
                raise DesignError(
                    f"'{one.name}' is missing in {dropped:,} of {len(y):,} {self._many}, too many to drop: "
                    f"{failure_message(self.sweep, row) or 'the outcome is NaN in successful runs.'}"
                )
            y = y[self.retained]
            if np.ptp(y) <= SAME * np.abs(y).max():
                self.changes.setdefault(one.label, False)
                yield one, None
            else:
                self.changes[one.label] = True
                yield one, y

    @property
    def _many(self) -> str:
        return "trajectories" if self.what == "trajectory" else f"{self.what}s"

    def report(self) -> None:
        """Warn about dropped blocks and constant outcomes; raise if all outcomes are constant."""
        constant = [label for label, changes in self.changes.items() if not changes]
        if len(constant) == len(self.changes):
            raise DesignError(
                f"'{constant[0]}' is the same in all {self.sweep.sizes['run']:,} runs: none of the parameters "
                "affects it. Choose another outcome or other parameters."
            )
        if constant:
            more = f" (and {len(constant) - 1} more)" if len(constant) > 1 else ""
            warn(f"'{constant[0]}'{more} is the same in all runs: none of the parameters affects it.")
        if self.most_dropped:
            warn(
                f"{self.most_dropped:,} of {len(self.retained):,} {self._many} were dropped because a run in them "
                f"gives no '{self.worst}'. Results are for the rest."
            )


def sweep_of(
    of: Structure | xr.Dataset,
    parameters: Parameters,
    outcomes: Outcomes,
    design: Callable[[pd.DataFrame], pd.DataFrame],
    n: int | None = 0,
    *,
    scenario: Scenario | str | None,
    every: float | None,
) -> tuple[xr.Dataset, list[str], np.ndarray]:
    """The sweep of a model over the design of a table of parameters, or the sweep that is given.

    Returns
    -------
    tuple
        The sweep, the names of the parameters, and their values, shape (runs, parameters).
    """
    requested = outcome_list(outcomes)
    if not isinstance(of, Structure):
        if n:
            raise DesignError("A sweep is given, which has its number of samples; leave out n.")
        names, of = parameter_names(parameters), flat(of)
        return of, names, points_of(of, names)
    if n is None:
        raise DesignError("A number of samples is needed, such as n=1024.")
    table = constants_to_vary(of, parameters)
    sweep = run_sweep(of, design(table), variables_of(of, requested), scenario=scenario, every=every, certificate=0)
    names = [str(name) for name in table.index]
    return sweep, names, points_of(sweep, names)


def failure_message(sweep: xr.Dataset, row: int) -> str:
    """Message of a failed run; empty otherwise."""
    return str(sweep["message"].to_numpy()[row]) if "message" in sweep.coords else ""


def salib_seed(generator: np.random.Generator) -> int:
    """A positive seed, since SALib ignores 0."""
    return int(generator.integers(1, 2**31))


_collected: ContextVar[list[str] | None] = ContextVar("collected", default=None)


@contextmanager
def warnings_collected() -> Iterator[list[str]]:
    """Collect the texts of ResultWarnings of analyses in this thread in place of issuing them."""
    texts: list[str] = []
    token = _collected.set(texts)
    try:
        yield texts
    finally:
        _collected.reset(token)


def warn(text: str) -> None:
    """Issue a ResultWarning located at the caller of the analysis."""
    texts = _collected.get()
    if texts is None:
        warnings.warn(text, ResultWarning, stacklevel=3)
    else:
        texts.append(text)


def salib_method(method: str) -> Any:
    """The `analyze` of one of SALib's methods.

    Raises
    ------
    MissingExtraError
        If SALib is not installed.
    """
    require("SALib", f"sdmodel.{method}")
    from SALib.analyze import morris, sobol

    return {"morris": morris, "sobol": sobol}[method].analyze
