"""Every pair of arms on every standard outcome, what the second best costs, and the paths of one variable."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sdmodel.study.outcomes import STANDARD, Standard, total
from sdmodel.study.paired import PUBLIC, Paired
from sdmodel.study.verdict import counted, judge, quantiles

if TYPE_CHECKING:
    from sdmodel.study.results import ArmResults

MONEY = Standard("difference", "million CNY", 1.0)
"""How public money of two arms is compared: a present value, of which one million counts."""
MOST_PAIRED = 12
"""Most arms of which every pair is compared."""
SPREAD = ("median", "low", "high")
_NONE = (np.nan, np.nan, np.nan)


def outcomes_table(paired: Paired, asked: Collection[tuple[str, str]] = ()) -> pd.DataFrame:
    """Compare every arm with every arm before it on the standard outcomes and on public money.

    With more than `MOST_PAIRED` arms each is compared with the reference, and the pairs of `asked`, in either order.

    Returns
    -------
    pandas.DataFrame
        One row per arm, against and outcome: number of samples with more (`favour`), without a difference that counts
        (`neither`) and with less (`opposite`); median, 5 % and 95 % (`median`, `low`, `high`) in `unit`. Against the
        reference also the gain per million CNY of public money beyond it (`per_yuan` and its interval, in the unit of
        the outcome), NaN where the arm costs less than one million more.
    """
    kinds = {name: kind for name, kind in {**STANDARD, PUBLIC: MONEY}.items() if name in paired.measures}
    rows = []
    arms = [paired.reference, *(arm for arm in paired.arms if arm != paired.reference)]
    for i, arm in enumerate(arms):
        for against in arms[:i]:
            wanted = against == paired.reference or (arm, against) in asked or (against, arm) in asked
            for outcome, kind in kinds.items() if wanted or len(arms) <= MOST_PAIRED else ():
                effect = kind.scale * paired.compare(outcome, arm, against, kind.by)
                compared = against == paired.reference and outcome != PUBLIC
                each = quantiles(paired.per_yuan(outcome, arm)) if compared else _NONE
                counts = counted(judge(effect, kind.least))
                rows.append((arm, against, outcome, *counts, *quantiles(effect), kind.unit, *each))
    columns = ["arm", "against", "outcome", "favour", "neither", "opposite", *SPREAD, "unit", "per_yuan",
               "per_yuan_low", "per_yuan_high"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


def regret_table(paired: Paired, arms: Sequence[str]) -> pd.DataFrame:
    """What each arm lacks, on each standard outcome, to the best arm of the same sample.

    Parameters
    ----------
    paired
        Measures of all arms.
    arms
        The arms that are compared, of equal public money.

    Returns
    -------
    pandas.DataFrame
        One row per arm and outcome: `expected` (mean), `high` (95 %), in `unit`, and `best`, the share of samples in
        which no other arm is better by what counts. Samples without a value in one of the arms are left out.
    """
    rows = []
    known = [name for name in STANDARD if name in paired.measures and len(arms) > 1]
    for outcome in known:
        kind = STANDARD[outcome]
        values = np.array([paired[outcome, arm] for arm in arms])
        values = values[:, np.isfinite(values).all(axis=0)]
        top = values.max(axis=0, initial=-np.inf)
        with np.errstate(all="ignore"):
            lost = 100 * (1 - values / top) if kind.by == "percent" else kind.scale * (top - values)
        for arm, one in zip(arms, lost, strict=True):
            n = len(one)
            mean, high = (float(one.mean()), float(np.quantile(one, 0.95))) if n else (np.nan, np.nan)
            rows.append((arm, outcome, mean, high, float((one <= kind.least).mean()) if n else np.nan, kind.unit))
    return pd.DataFrame(rows, columns=["arm", "outcome", "expected", "high", "best", "unit"])


def paths_table(paths: tuple[str, Sequence[str]] | None, results: ArmResults, reference: str) -> pd.DataFrame:
    """Paths of a variable in some arms, in percent of the reference: variable, arm, time, median and middle half."""
    columns = ["variable", "against", "arm", "time", "median", "low", "high"]
    if paths is None:
        return pd.DataFrame(columns=columns)
    variable, arms = paths
    plain, pieces = total(results.runs(reference)[variable]), []
    for arm in arms:
        path = total(results.runs(arm)[variable])
        with np.errstate(all="ignore"):
            gain = (100 * (path / plain - 1)).transpose("sample", "time").to_numpy()
        gain = gain[np.isfinite(gain).all(axis=1)]
        if len(gain):
            low, middle, high = np.quantile(gain, [0.25, 0.5, 0.75], axis=0)
            piece = pd.DataFrame({"time": path["time"].to_numpy(), "median": middle, "low": low, "high": high})
            pieces.append(piece.assign(variable=variable, against=reference, arm=arm)[columns])
    return pd.concat(pieces, ignore_index=True) if pieces else pd.DataFrame(columns=columns)
