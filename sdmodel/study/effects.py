"""What is measured in a run, one number a sample, and how arms that share their samples are compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.core.errors import UnknownNameError
from sdmodel.study.arms import MONEY, POLICY_START, present_value, total

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

LEAST_MONEY = 1.0
"""Million CNY; two arms whose public money differs by less are not compared by yuan."""
PUBLIC = "public money"


@dataclass(frozen=True)
class Measure:
    """A number for each run, made from the paths of some variables."""

    variables: tuple[str, ...]
    of: Callable[[xr.Dataset, pd.DataFrame], xr.DataArray]
    """From the paths (dims setting, sample, time and subscripts) and the samples."""


def end(name: str, at: float | None = None, **element: str) -> Measure:
    """Value at the end of the run or at another reported time, subscripts summed or one element of them."""
    return _path(name, element, lambda path: path.isel(time=-1) if at is None else path.sel(time=at))


def mean(name: str, since: float = POLICY_START, **element: str) -> Measure:
    """Mean over time since a date."""
    return _path(name, element, lambda path: path.sel(time=slice(since, None)).mean("time"))


def lowest(name: str, since: float = POLICY_START, **element: str) -> Measure:
    """Lowest reported value since a date."""
    return _path(name, element, lambda path: path.sel(time=slice(since, None)).min("time"))


def worth(name: str, **element: str) -> Measure:
    """Present value at 2015 of a yearly flow, 2015 to 2034."""
    return Measure((name,), lambda found, draws: present_value(_one(found[name], element), draws))


def first_above(name: str, level: float, since: float = POLICY_START, **element: str) -> Measure:
    """First reported time since a date at which a level is passed; infinite where it never is."""

    def when(path: xr.DataArray) -> xr.DataArray:
        late = path.sel(time=slice(since, None))
        return late["time"].where(late > level).min("time").fillna(np.inf).where(late.isel(time=-1).notnull())

    return _path(name, element, when)


def ratio(over: Measure, under: Measure) -> Measure:
    """One measure over another."""
    both = (*over.variables, *(v for v in under.variables if v not in over.variables))
    return Measure(both, lambda found, draws: over.of(found, draws) / under.of(found, draws))


def weighted(name: str, weight: str, since: float = POLICY_START) -> Measure:
    """Mean of a rate since a date, weighted by another variable with the same subscripts."""

    def of(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
        late = found[[name, weight]].sel(time=slice(since, None))
        return total(late[name] * late[weight]).sum("time") / total(late[weight]).sum("time")

    return Measure((name, weight), of)


def _path(name: str, element: Mapping[str, str], of: Callable[[xr.DataArray], xr.DataArray]) -> Measure:
    return Measure((name,), lambda found, _: of(total(_one(found[name], element))))


def _one(path: xr.DataArray, element: Mapping[str, str]) -> xr.DataArray:
    return path.sel(dict(element)) if element else path


class Paired:
    """Measures of all arms on the same samples: `paired["own RnD", "grants"]` has one number a sample.

    An arm whose money could not be made equal in a sample is NaN there, and so is a failed run.
    """

    def __init__(self, reference: str) -> None:
        self.reference = reference
        """Arm without the treatment; money beyond it is what a treatment costs."""
        self.arms: list[str] = []
        self._numbers: dict[tuple[str, str], np.ndarray] = {}

    def add(
        self, found: xr.Dataset, measures: Mapping[str, Measure], draws: pd.DataFrame, spent: np.ndarray | None = None
    ) -> None:
        """Take in the runs of some arms."""
        values = {name: measure.of(found, draws) for name, measure in measures.items()}
        values[PUBLIC] = found[MONEY].isel(time=-1)
        failed = found["status"].to_numpy() != 0
        for i, arm in enumerate(map(str, found["setting"].to_numpy())):
            self.arms = [*(a for a in self.arms if a != arm), arm]
            bad = failed[i] | (False if spent is None else ~spent[i])
            for name, array in values.items():
                one = array.isel(setting=i).transpose("sample", ...).to_numpy().astype(float)
                self._numbers[name, arm] = np.where(bad, np.nan, one)

    def __getitem__(self, key: tuple[str, str]) -> np.ndarray:
        try:
            return self._numbers[key]
        except KeyError:
            measure, arm = key
            known = {m for m, _ in self._numbers}
            if measure not in known:
                raise UnknownNameError(measure, sorted(known), "measure") from None
            raise UnknownNameError(arm, self.arms, "arm") from None

    def copy(self) -> Paired:
        """The same numbers, of which some can be taken in anew."""
        other = Paired(self.reference)
        other.arms, other._numbers = list(self.arms), dict(self._numbers)
        return other

    def first(self, n: int) -> Paired:
        """The first samples."""
        other = self.copy()
        other._numbers = {key: values[:n] for key, values in self._numbers.items()}
        return other

    def frame(self) -> pd.DataFrame:
        """Tidy rows: arm, sample and a column a measure."""
        import pandas as pd

        names = list(dict.fromkeys(m for m, _ in self._numbers))
        return pd.concat(
            [
                pd.DataFrame({"arm": arm, "sample": np.arange(len(self._numbers[PUBLIC, arm]))}).assign(
                    **{m: self._numbers[m, arm] for m in names}
                )
                for arm in self.arms
            ],
            ignore_index=True,
        )

    # -- comparisons, one number a sample -----------------------------------------------------------------------
    def gain(self, measure: str, arm: str, against: str | None = None) -> np.ndarray:
        """What an arm has more than another; by default than the reference."""
        return self[measure, arm] - self[measure, against or self.reference]

    def change(self, measure: str, arm: str, against: str | None = None) -> np.ndarray:
        """The same in percent of the other."""
        with np.errstate(all="ignore"):
            return 100 * (self[measure, arm] / self[measure, against or self.reference] - 1)

    def cost(self, arm: str, against: str | None = None) -> np.ndarray:
        """Public money of an arm beyond another, NaN where it is less than one million CNY."""
        extra = self.gain(PUBLIC, arm, against)
        return np.where(extra >= LEAST_MONEY, extra, np.nan)

    def per_yuan(self, measure: str, arm: str, against: str | None = None) -> np.ndarray:
        """Gain by yuan of public money beyond the other arm."""
        return self.gain(measure, arm, against) / self.cost(arm, against)

    def best(self, measure: str, arms: list[str]) -> np.ndarray:
        """Largest value among some arms; NaN where one of them has none."""
        return np.max([self[measure, arm] for arm in arms], axis=0)
