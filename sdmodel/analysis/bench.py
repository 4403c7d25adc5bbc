"""Outcomes of the rows of a design as an array, optional packages, and progress bars."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.inputs import variables_of
from sdmodel.errors import DesignError, MissingExtraError
from sdmodel.model import Model
from sdmodel.outcome import Outcome
from sdmodel.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


def outcomes_of(
    model: Model,
    design: pd.DataFrame,
    outcomes: Sequence[Outcome],
    *,
    scenario: Scenario | str | None = None,
    every: float | None = None,
    workers: int | None = None,
) -> np.ndarray:
    """Outcomes of every row of a design, shape (outcomes, rows); NaN where a run failed."""
    names = variables_of(model, outcomes)
    found = model.sweep(design, names, scenario=scenario, every=every, workers=workers, progress=False, certificate=0)
    columns = []
    for outcome in outcomes:
        values = outcome.of(found)
        if values.dims != ("run",):
            raise DesignError(
                f"'{outcome.variable}' has subscripts; judge one element of it: '{outcome.variable}[...]'."
            )
        columns.append(values.to_numpy().astype(float))
    return np.array(columns)


def unit_of(model: Model, outcome: Outcome) -> str:
    """Unit of an outcome: that of its variable, of time, or of both multiplied."""
    own = model.owner(outcome.variable).unit
    time = model["TIME STEP"].unit if "TIME STEP" in model else ""
    if outcome.level is not None:
        return time
    if outcome.at == "total":
        return f"{own}*{time}" if own and time else own or time
    return own


def extra(name: str, what: str) -> Any:
    """A package of the extra `analysis`, imported now.

    Raises
    ------
    MissingExtraError
        With the line that installs it.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = {"sklearn": "scikit-learn"}.get(name.partition(".")[0], name.partition(".")[0])
        raise MissingExtraError(
            f'{what} needs {package}. Install it: python -m pip install "sdmodel[analysis]"'
        ) from error


def bar(total: int, label: str, unit: str, progress: bool | str | None) -> Any:
    """A progress bar, on a terminal or in a notebook unless `progress` says otherwise."""
    from tqdm.auto import tqdm

    quiet = not progress if isinstance(progress, bool) else not (sys.stderr.isatty() or "ipykernel" in sys.modules)
    return tqdm(
        total=total, unit=unit, disable=quiet, desc=progress if isinstance(progress, str) else label, leave=False
    )
