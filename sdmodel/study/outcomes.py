"""Numbers of a run for the questions of a study: formulas over the outcomes of its variables, one number a sample.

The path of a variable is summed over its subscripts, or one element is chosen by keyword, and reduced by a
`sdmodel.Outcome`: ``final('new product revenue', quality='strong') / final('revenue')``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.outcome import Outcome
from sdmodel.study.arms import POLICY_START
from sdmodel.study.formula import evaluate, first_texts

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

DISCOUNT = "real social discount rate"


@dataclass(frozen=True)
class Measure:
    """A number for each run of a study, made from the paths of some variables."""

    variables: tuple[str, ...]
    """Variables that the runs must store."""
    of: Callable[[xr.Dataset, pd.DataFrame], xr.DataArray]
    """From the paths (dims setting, sample, time and subscripts) and the samples to dims setting, sample."""


class _Outcomes:
    """The functions that a formula may call, on the paths of some runs and their samples."""

    def __init__(self, found: xr.Dataset, draws: pd.DataFrame) -> None:
        self.found, self.draws = found, draws

    def _path(self, name: str, element: Mapping[str, str]) -> xr.DataArray:
        path = self.found[name]
        return total(path.sel(element) if element else path)

    def final(self, name: str, **element: str) -> xr.DataArray:
        """Value at the end of the run."""
        return Outcome(name).of(self._path(name, element))

    def at(self, name: str, time: float, **element: str) -> xr.DataArray:
        """Value at a reported time."""
        return Outcome(name, float(time)).of(self._path(name, element))

    def average(self, name: str, since: float = POLICY_START, until: float | None = None) -> xr.DataArray:
        """Mean of the reported values, each of the same weight, between two dates."""
        return self._path(name, {}).sel(time=slice(since, until)).mean("time")

    def lowest(self, name: str, since: float = POLICY_START) -> xr.DataArray:
        """Lowest reported value since a date."""
        return Outcome(name, "min", start=since).of(self._path(name, {}))

    def integral(self, name: str, since: float = POLICY_START) -> xr.DataArray:
        """Integral of a yearly flow since a date."""
        return Outcome(name, "total", start=since).of(self._path(name, {}))

    def present_value(self, name: str, **element: str) -> xr.DataArray:
        """Present value at 2015 of a yearly flow, 2015 to 2034, at the discount rate of the sample."""
        return present_value(self._path(name, element), self.draws)

    def first_above(self, name: str, level: float, since: float = POLICY_START) -> xr.DataArray:
        """First reported time since a date at which a level is passed; infinite where it never is."""
        path = self._path(name, {})
        when = Outcome(name, "first_above", level=level, start=since).of(path)
        return when.fillna(np.inf).where(path.isel(time=-1).notnull())

    def weighted(self, name: str, weight: str, since: float = POLICY_START) -> xr.DataArray:
        """Mean of a rate since a date, weighted by another variable with the same subscripts."""
        late = self.found[[name, weight]].sel(time=slice(since, None))
        return total(late[name] * late[weight]).sum("time") / total(late[weight]).sum("time")

    def sampled(self, name: str) -> xr.DataArray:
        """Value of an uncertain constant in each sample."""
        import xarray as xr

        values = xr.DataArray(self.draws[name].to_numpy(), dims="sample")
        return values.expand_dims(setting=self.found["setting"].to_numpy())


FUNCTIONS = tuple(name for name in vars(_Outcomes) if not name.startswith("_"))


def measure(formula: str) -> Measure:
    """A measure from its formula.

    Raises
    ------
    DesignError
        If the formula cannot be read.
    UnknownNameError
        If it calls an unknown function.

    Examples
    --------
    >>> measure("final('revenue') / average('all firms')").variables
    ('revenue', 'all firms')
    """

    def of(found: xr.Dataset, draws: pd.DataFrame) -> xr.DataArray:
        outcomes = _Outcomes(found, draws)
        value: Any = evaluate(formula, {name: getattr(outcomes, name) for name in FUNCTIONS})
        out: xr.DataArray = value
        return out

    kept = [name for function, names in first_texts(formula) if function != "sampled" for name in names]
    return Measure(tuple(dict.fromkeys(kept)), of)


# -- standard outcomes --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Standard:
    """An outcome on which every question is judged, at the end of 2034."""

    by: str
    """percent | difference"""
    unit: str
    """Of the difference between two arms."""
    least: float
    """Smallest difference that counts."""
    scale: float = 1.0
    """Factor of the difference, such as 100 for percentage points."""


_PERCENT, _POINTS = Standard("percent", "%", 1.0), Standard("difference", "percentage points", 1.0, 100.0)
STANDARD: Mapping[str, Standard] = {
    "all firms": _PERCENT,
    "new product revenue": _PERCENT,
    "knowledge": _PERCENT,
    "five year survival": _POINTS,
    "own RnD": _PERCENT,
    "private capital": _PERCENT,
    "service coverage": _POINTS,
    "RnD staff": _PERCENT,
    "self organisation index": _PERCENT,
}
"""Standard outcomes by the variable whose final value they are; public money stands beside them in every table."""
STANDARD_MEASURES: Mapping[str, Measure] = {name: measure(f"final('{name}')") for name in STANDARD}


def total(flow: xr.DataArray) -> xr.DataArray:
    """Sum over all subscripts."""
    return flow.sum([d for d in flow.dims if d not in ("setting", "sample", "run", "time")], skipna=False)


def present_value(flow: xr.DataArray, draws: pd.DataFrame) -> xr.DataArray:
    """Present value at the policy start of a yearly flow since then, subscripts summed, at the rates of the samples.

    The samples are the rows of `draws`, in the order of the dim `sample` of the flow, or `run` of a plain sweep.
    """
    import xarray as xr

    rate = xr.DataArray(draws[DISCOUNT].to_numpy(), dims="run" if "run" in flow.dims else "sample")
    late = total(flow).sel(time=slice(POLICY_START, None))
    return (late * np.exp(-rate * (late["time"] - POLICY_START))).integrate("time")
