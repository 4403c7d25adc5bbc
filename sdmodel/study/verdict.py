"""Verdicts: whether a prediction holds, in which share of samples, its main drivers and where it fails."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sdmodel.analysis.discovery.discover import discover
from sdmodel.core.errors import DesignError
from sdmodel.design.tables import LABELS

LABEL_WORDS = ("built in", "conditional", "emergent")
SUPPORTED, MOSTLY, DEPENDS = 0.95, 0.75, 0.25
"""Shares from which a verdict is `supported`, `mostly`, `depends`; below it is `not supported`."""
REGION_FEWEST, REGION_DENSER = 20, 0.1
"""Failures needed to look for a region; how much denser they must be in it."""
REGION_PARAMETERS, REGION_RESAMPLES = 3, 4
"""Number of uncertainties considered for a region, those most correlated with failure; number of half samples."""


@dataclass(frozen=True)
class Region:
    """Where a prediction fails: limits of a few uncertainties, judged in samples not used to find them."""

    limits: tuple[tuple[str, float, float], ...]
    """Name, low and high; infinite where there is no limit on that side."""
    coverage: float
    """Share of the failures that lie inside."""
    density: float
    """Share of the samples inside that fail."""
    overall: float
    """Share of all samples that fail."""

    def __str__(self) -> str:
        parts = [
            *(f"{name} above {low:.3g}" for name, low, _ in self.limits if math.isfinite(low)),
            *(f"{name} below {high:.3g}" for name, _, high in self.limits if math.isfinite(high)),
        ]
        return (
            f"fails most where {' and '.join(parts)}: in {self.density:.0%} of the samples there against "
            f"{self.overall:.0%} of all, {self.coverage:.0%} of all failures"
        )


@dataclass(frozen=True)
class Verdict:
    """Answer to one prediction of the paper."""

    hypothesis: str
    prediction: str
    """Condition that must hold in a sample, written before the first run."""
    holds: int
    """Samples in which it holds; a tie is not support."""
    samples: int
    effect: tuple[float, float, float]
    """Median, 5 % and 95 % of the effect over samples."""
    effect_unit: str
    label: str
    """built in | conditional | emergent"""
    label_reason: str
    deciding: tuple[tuple[str, float], ...] = ()
    """Uncertainties most correlated with the effect: name and rank correlation."""
    loops: tuple[tuple[str, float], ...] = ()
    """Links knocked out: name and the median effect without them."""
    region: Region | None = None
    """Where it fails, if a few uncertainties determine it."""
    elsewhere: tuple[tuple[str, int, int], ...] = ()
    """Under other ranges: their label, samples in which it holds, samples."""

    def __post_init__(self) -> None:
        if self.label not in LABEL_WORDS:
            raise DesignError(f"'{self.label}' is not a label; use one of {', '.join(LABEL_WORDS)}.")

    @property
    def share(self) -> float:
        """Share of samples in which the prediction holds."""
        return self.holds / self.samples if self.samples else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share."""
        return wilson(self.holds, self.samples)

    @property
    def word(self) -> str:
        """Supported | mostly | depends | not supported; what is built in is never supported."""
        if not self.samples:
            return "not testable here"
        if self.label == "built in":
            return "built in"
        for word, least in (("supported", SUPPORTED), ("mostly", MOSTLY), ("depends", DEPENDS)):
            if self.share >= least:
                return word
        return "not supported"

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        low, high = self.interval
        middle, least, most = self.effect
        return (
            f"{self.hypothesis} ({self.label}): {self.prediction} holds in {self.share:.0%} of {self.samples} samples "
            f"(95 % interval {low:.0%} to {high:.0%}); effect {middle:+.3g} {self.effect_unit} "
            f"(5 to 95 %: {least:+.3g} to {most:+.3g}): {self.word}."
        )

    @property
    def reasons(self) -> str:
        """The label's reason, what decides the effect, where the prediction fails, and the loops, in one sentence."""
        parts = [f"{self.label}, since {self.label_reason}"]
        if self.deciding:
            parts.append("goes with " + ", ".join(f"{name} ({r:+.2f})" for name, r in self.deciding))
        if self.region is not None:
            parts.append(str(self.region))
        if self.loops:
            left = ", ".join(f"{name} {value:+.3g}" for name, value in self.loops)
            parts.append(f"median effect {self.effect[0]:+.3g}, with a link held: {left}")
        if self.elsewhere:
            entries = ", ".join(f"{label} {k / n:.0%}" for label, k, n in self.elsewhere if n)
            parts.append(f"holds in {self.share:.0%} of the kept samples, with other ranges: {entries}")
        return f"{self.hypothesis}: {'; '.join(parts)}."


def judge(
    hypothesis: str,
    prediction: str,
    holds: np.ndarray,
    effect: np.ndarray,
    unit: str,
    label: tuple[str, str],
    draws: pd.DataFrame,
    loops: tuple[tuple[str, float], ...] = (),
    ranks: pd.DataFrame | None = None,
) -> Verdict:
    """Judge a prediction from its results by sample.

    Parameters
    ----------
    hypothesis, prediction
        Id, and the condition that must hold in a sample.
    holds
        True where it holds, by sample.
    effect, unit
        Size of the effect by sample, NaN where the arms cannot be compared; these samples are left out.
    label
        Label and its reason.
    draws
        The samples.
    loops
        As in `Verdict`.
    ranks
        Those of `ranked(draws)`, if computed already.
    """
    good = np.isfinite(effect)
    return Verdict(
        hypothesis,
        prediction,
        int(holds[good].sum()),
        int(good.sum()),
        quantiles(effect),
        unit,
        *label,
        deciding(effect, draws, ranks=ranks),
        loops,
        failure_region(holds[good], draws[good], ranks=None if ranks is None else ranks[good]),
    )


def wilson(k: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """95 % interval of a share of `k` in `n`.

    References
    ----------
    .. [1] Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
       American Statistical Association 22(158), 209-212. https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> low, high = wilson(190, 200)
    >>> round(low, 3), round(high, 3)
    (0.91, 0.973)
    """
    if n == 0:
        return (math.nan, math.nan)
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def quantiles(values: np.ndarray) -> tuple[float, float, float]:
    """Median, 5 % and 95 % of finite values."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return (math.nan, math.nan, math.nan)
    low, middle, high = np.quantile(finite, [0.05, 0.5, 0.95])
    return float(middle), float(low), float(high)


def ranked(samples: pd.DataFrame) -> pd.DataFrame:
    """Ranks of the uncertainties among all samples."""
    names = [c for c in samples.columns if c not in LABELS and samples[c].nunique() > 1]
    return samples[names].rank()


def deciding(
    effect: np.ndarray, samples: pd.DataFrame, most: int = 3, *, ranks: pd.DataFrame | None = None
) -> tuple[tuple[str, float], ...]:
    """Uncertainties with the largest rank correlation with an effect (a screening, not a decomposition of variance).

    `ranks` are those of `ranked`, which many effects of the same samples can share.
    """
    good = np.isfinite(effect)
    if good.sum() < 10 or np.ptp(effect[good]) == 0:
        return ()
    table = ranked(samples) if ranks is None else ranks
    names = list(table.columns)
    centred = table.to_numpy()[good]
    centred = centred - centred.mean(axis=0)
    own = pd.Series(effect[good]).rank().to_numpy()
    own = own - own.mean()
    with np.errstate(all="ignore"):
        size = np.sqrt((centred**2).sum(axis=0) * (own**2).sum())
        r = np.where(size > 0, own @ centred / size, 0.0).tolist()
    best = sorted(range(len(names)), key=lambda j: -abs(r[j]))[:most]
    return tuple((names[j], round(r[j], 3)) for j in best)


def failure_region(holds: np.ndarray, samples: pd.DataFrame, *, ranks: pd.DataFrame | None = None) -> Region | None:
    """Find the ranges of a few uncertainties in which a prediction fails more often (`sdmodel.discover`).

    Parameters
    ----------
    holds, samples, ranks
        Whether the prediction holds, the uncertainties in the same rows, and their ranks if computed already.

    Returns
    -------
    Region or None
        None where fewer than 20 samples, or all but 20, fail, or failures are not denser there by 0.1 in samples that
        the region was not made from.
    """
    fails = ~holds.astype(bool)
    if min(fails.sum(), (~fails).sum()) < REGION_FEWEST:
        return None
    names = [name for name, _ in deciding(fails.astype(float), samples, REGION_PARAMETERS, ranks=ranks)]
    found = discover(samples, fails, parameters=names, most=1, resamples=REGION_RESAMPLES, rng=1)
    quality = found.quality.iloc[0]
    coverage, density = float(quality["coverage elsewhere"]), float(quality["density elsewhere"])
    if found.limits.empty or not density > fails.mean() + REGION_DENSER:
        return None
    names = [str(name) for name in found.limits.index.get_level_values(1)]
    ends = found.limits[["low", "high"]].to_numpy(float)
    limits = tuple((name, float(low), float(high)) for name, (low, high) in zip(names, ends, strict=True))
    return Region(limits, coverage, density, float(fails.mean()))
