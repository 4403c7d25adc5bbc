"""Targets of the history matching: published figures from `models/targets.toml`, and their comparison with sweeps."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.labels import split_label
from sdmodel.core.outcome import Outcome
from sdmodel.core.resources import shipped

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

CUT = 3.0
"""A sample further away than three standard deviations from a target is ruled out."""
FORMS, USES, SCALES = ("value", "mean", "hazard"), ("match", "check"), ("value", "log")


@dataclass(frozen=True)
class Target:
    """One published figure and the quantity of a run that is compared with it; the fields are explained in the file."""

    id: str
    name: str
    of: str
    at: float
    error: float
    discrepancy: float
    use: str
    source: str
    why: str
    over: str = ""
    times: str = ""
    form: str = "value"
    years: float = 1.0
    low: float = -np.inf
    high: float = np.inf
    scale: str = "value"

    def __post_init__(self) -> None:
        for word, known, what in ((self.form, FORMS, "form"), (self.use, USES, "use"), (self.scale, SCALES, "scale")):
            if word not in known:
                raise UnknownNameError(word, known, f"{what} of the target '{self.name}'")
        if not self.low <= self.high or not np.isfinite([self.low, self.high]).any() or self.spread <= 0:
            raise DesignError(
                f"The target '{self.name}' needs low <= high, one of them at least, and an error above zero."
            )

    @property
    def spread(self) -> float:
        """Standard deviation of the difference between a run and the published figure."""
        return float(np.hypot(self.error, self.discrepancy))

    @property
    def variables(self) -> tuple[str, ...]:
        """Variables that a sweep must store."""
        return tuple(split_label(name)[0] for name in (self.of, self.over, self.times) if name)

    def value(self, found: xr.Dataset) -> np.ndarray:
        """The figure of every run."""
        value = self._one(found, self.of)
        value = value / self._one(found, self.over) if self.over else value
        value = value * self._one(found, self.times) if self.times else value
        return 1 - value ** (1 / self.years) if self.form == "hazard" else value

    def _one(self, found: xr.Dataset, name: str) -> np.ndarray:
        path = Outcome(name, at=self.at).of(found)
        spare = [d for d in path.dims if d != "run"]
        return (path.mean(spare) if self.form == "mean" else path.sum(spare, skipna=False)).to_numpy()

    def distance(self, value: np.ndarray) -> np.ndarray:
        """How far a figure lies above (positive) or below the published interval, zero inside, in units of `error`."""
        y, low, high = np.asarray(value, float), self.low, self.high
        if self.scale == "log":
            with np.errstate(all="ignore"):
                y, low, high = np.log(y), np.log(max(low, 0.0)), np.log(high)
        return np.where(np.isnan(y), np.nan, np.maximum(y - high, 0.0) - np.maximum(low - y, 0.0))

    @property
    def published(self) -> str:
        """The published figure in words."""
        if self.low == self.high:
            return f"{self.low:,.4g}"
        if not np.isfinite(self.high):
            return f"at least {self.low:,.4g}"
        if not np.isfinite(self.low):
            return f"at most {self.high:,.6g}"
        return f"{self.low:,.4g} to {self.high:,.4g}"


@cache
def data() -> dict[str, list[dict[str, Any]]]:
    """The file as it is."""
    with (shipped("models") / "targets.toml").open("rb") as file:
        return tomllib.load(file)


def targets(use: str = "match") -> list[Target]:
    """Targets of one use, in the order of the file."""
    return [t for t in (Target(**row) for row in data()["target"]) if t.use == use]


def correlations() -> dict[tuple[str, str], float]:
    """Rank correlations between uncertainties, by pair of names."""
    pairs = ((row["between"], row["rank"]) for row in data()["correlation"])
    return {(str(one), str(other)): float(rank) for (one, other), rank in pairs}


def variables(of: Sequence[Target]) -> list[str]:
    """Variables that a sweep must store for all of them."""
    return list(dict.fromkeys(name for target in of for name in target.variables))


def distances(found: xr.Dataset, of: Sequence[Target]) -> xr.Dataset:
    """Distance of each run from each target's interval, as one series per target (dims run, time), zero inside."""
    import xarray as xr

    series = {label(one): (("run", "time"), one.distance(one.value(found))[:, None].repeat(2, axis=1)) for one in of}
    return xr.Dataset(series, {"time": [0.0, 1.0]}).assign_coords(
        {str(name): found.coords[name] for name in found.coords if found.coords[name].dims == ("run",)}
    )


def implausible(found: xr.Dataset, of: Sequence[Target], parameters: Sequence[str]) -> pd.DataFrame:
    """Distance of each run from each target in standard deviations (columns), `implausibility` and `plausible`.

    Computed by `sdmodel.history_match` from the distances to the published intervals.
    """
    away = distances(found, of)
    scores = sdmodel.history_match(
        away,
        list(parameters)[:1],
        {label(t): ([0.0], [0.0]) for t in of},
        {label(t): t.error for t in of},
        discrepancy={label(t): t.discrepancy for t in of},
        cut=CUT,
    )
    out = scores[["implausibility", "series", "plausible"]].copy()
    for t in of:
        out[label(t)] = away[label(t)].to_numpy()[:, 0] / t.spread
    out.attrs = scores.attrs
    return out


def label(target: Target) -> str:
    """A target as rows of tables name it."""
    return f"{target.id} {target.name}"
