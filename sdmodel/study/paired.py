"""Sample-by-sample comparisons of arms that share their samples, and the formulas that define them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.arms import MONEY
from sdmodel.study.formula import evaluate

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from sdmodel.study.outcomes import Measure

LEAST_MONEY = 1.0
"""Million CNY; two arms whose public money differs by less are not compared per yuan."""
PUBLIC = "public money"


class Paired:
    """Measures of all arms on the same samples: `paired["own RnD", "grants"]` has one number per sample.

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
        """Add the measures of the runs of some arms, replacing those of arms of the same names."""
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
        """A copy to which arms can be added without changing this one."""
        other = Paired(self.reference)
        other.arms, other._numbers = list(self.arms), dict(self._numbers)
        return other

    def first(self, n: int) -> Paired:
        """The first samples."""
        other = self.copy()
        other._numbers = {key: values[:n] for key, values in self._numbers.items()}
        return other

    @property
    def measures(self) -> list[str]:
        """Names of the measures."""
        return list(dict.fromkeys(measure for measure, _ in self._numbers))

    def frame(self) -> pd.DataFrame:
        """Tidy table: arm, sample and one column per measure."""
        import pandas as pd

        return pd.concat(
            [
                pd.DataFrame({"arm": arm, "sample": np.arange(len(self._numbers[PUBLIC, arm]))}).assign(
                    **{m: self._numbers[m, arm] for m in self.measures}
                )
                for arm in self.arms
            ],
            ignore_index=True,
        )

    # -- comparisons, one number a sample -----------------------------------------------------------------------
    def value(self, measure: str, arm: str) -> np.ndarray:
        """A measure of an arm; as `paired[measure, arm]`."""
        return self[measure, arm]

    def gain(self, measure: str, arm: str, against: str | None = None) -> np.ndarray:
        """Difference of an arm from another, by default from the reference."""
        gain: np.ndarray = self[measure, arm] - self[measure, against or self.reference]
        return gain

    def change(self, measure: str, arm: str, against: str | None = None) -> np.ndarray:
        """Difference of an arm from another in percent of the other."""
        with np.errstate(all="ignore"):
            change: np.ndarray = 100 * (self[measure, arm] / self[measure, against or self.reference] - 1)
        return change

    def cost(self, arm: str, against: str | None = None) -> np.ndarray:
        """Public money of an arm beyond another, NaN where it is less than one million CNY."""
        extra = self.gain(PUBLIC, arm, against)
        return np.where(extra >= LEAST_MONEY, extra, np.nan)

    def per_yuan(self, measure: str, arm: str, against: str | None = None) -> np.ndarray:
        """Gain per yuan of public money beyond the other arm."""
        per_yuan: np.ndarray = self.gain(measure, arm, against) / self.cost(arm, against)
        return per_yuan

    def compare(self, outcome: str, arm: str, against: str, by: str) -> np.ndarray:
        """An arm less another on an outcome.

        Parameters
        ----------
        outcome, arm, against
            A measure and two arms.
        by
            ``percent`` of the other arm; ``difference``; or ``per yuan``, what each arm gains over the reference per
            yuan of public money that it costs beyond the reference, which itself gains nothing.
        """
        if by == "percent":
            return self.change(outcome, arm, against)
        if by == "difference":
            return self.gain(outcome, arm, against)
        if by != "per yuan":
            raise DesignError(f"'{by}' is no way to compare two arms; use percent, difference or per yuan.")
        parts = [0.0 if one == self.reference else self.per_yuan(outcome, one) for one in (arm, against)]
        return np.asarray(parts[0] - parts[1], float)


# -- formulas -----------------------------------------------------------------------------------------------------
Effect = Callable[[Paired], np.ndarray]


def above(values: np.ndarray, level: float = 0.0) -> np.ndarray:
    """Values above a level; the others are NaN, so that they can be divisors."""
    return np.where(values > level, values, np.nan)


_ELEMENTWISE: dict[str, Callable[..., Any]] = {
    "abs": np.abs,
    "minimum": lambda *values: reduce(np.minimum, values),
    "maximum": lambda *values: reduce(np.maximum, values),
    "where": np.where,
    "above": above,
}
_SUMMARIES: dict[str, Callable[..., Any]] = {
    "median": lambda values: quantile(values, 0.5),
    "quantile": lambda values, part: quantile(values, part),
    "share": lambda holds: float(np.mean(holds)),
}
_COMPARISONS = ("value", "gain", "change", "cost", "per_yuan")


def quantile(values: np.ndarray, part: float) -> float:
    """Quantile of the values that are numbers; NaN if there is none."""
    good = values[~np.isnan(values)]
    return float(np.quantile(good, part)) if len(good) else math.nan


def _functions(paired: Paired) -> dict[str, Callable[..., Any]]:
    return {**{name: getattr(paired, name) for name in _COMPARISONS}, **_ELEMENTWISE}


def effect(formula: str) -> Effect:
    """An effect, one number a sample, from its formula.

    It may call the comparisons of `Paired` (``value``, ``gain``, ``change``, ``cost``, ``per_yuan``), ``abs``,
    ``minimum``, ``maximum``, ``where`` and ``above``, and name ``nan``.
    """
    return lambda paired: np.asarray(evaluate(formula, _functions(paired), {"nan": np.nan}), float)


def summary(formula: str, paired: Paired, more: Mapping[str, Callable[..., Any]] | None = None) -> float:
    """A number over the samples, for a sentence: effects within ``median``, ``quantile`` or ``share``.

    `more` are further functions, by name.
    """
    found: float = evaluate(formula, {**_functions(paired), **_SUMMARIES, **(more or {})}, {"nan": np.nan})
    return found
