"""Verdicts: in which share of samples a prediction is right, makes no difference or is wrong, and what decides."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sdmodel.core.errors import DesignError
from sdmodel.study.conditions import Condition, Region, conditions, exception
from sdmodel.study.numbers import number, quantity
from sdmodel.study.phrases import Phrases
from sdmodel.study.translation import ENGLISH, Say

LABEL_WORDS = ("built in", "conditional", "emergent")
ALL, MOST, SOME = 0.95, 0.75, 0.15
"""Shares from which a verdict holds, mostly holds, and from which both sides together make it depend on the sample."""
WORDS = (
    "holds",
    "mostly",
    "depends",
    "holds or makes no difference",
    "makes no difference",
    "the opposite or no difference",
    "the opposite, mostly",
    "the opposite",
    "true by construction",
    "cannot be asked here",
)
"""All words of verdicts."""

Shares = tuple[float, float, float]


@dataclass(frozen=True)
class Verdict:
    """Answer to one prediction: each sample is for it, shows no difference that counts, or is against it."""

    hypothesis: str
    says: str
    """The prediction as a clause that begins with `that`."""
    arm: str
    against: str
    """The arm it is compared with; empty, as `arm`, where the prediction is on a difference of differences."""
    outcome: str
    favour: int
    """Samples in which the effect is above the least."""
    neither: int
    """Samples in which it is within the least on both sides."""
    opposite: int
    """Samples in which it is below minus the least."""
    effect: tuple[float, float, float]
    """Median, 5 % and 95 % over samples, signed so that the prediction is positive."""
    unit: str
    least: float
    """Smallest effect that counts."""
    label: str
    """built in | conditional | emergent"""
    reason: str
    """Reason for the label."""
    expects: str = "more"
    by: str = ""
    """percent | difference | per yuan; empty for a formula."""
    deciding: tuple[Condition, ...] = ()
    """Conditions under which it is more often right, the strongest first."""
    region: Region | None = None
    """Where it goes the other way, if a few constants determine it."""
    loops: tuple[tuple[str, float], ...] = ()
    """Links knocked out: name and the median effect without them."""
    elsewhere: tuple[tuple[str, int, int, int], ...] = ()
    """Under other ranges or budgets: their label, samples for, neither, against."""

    def __post_init__(self) -> None:
        if self.label not in LABEL_WORDS:
            raise DesignError(f"'{self.label}' is not a label; use one of {', '.join(LABEL_WORDS)}.")

    @property
    def counts(self) -> tuple[int, int, int]:
        """Samples for, without a difference that counts, and against."""
        return self.favour, self.neither, self.opposite

    @property
    def samples(self) -> int:
        """Samples in which the arms can be compared."""
        return sum(self.counts)

    @property
    def shares(self) -> Shares:
        """Shares of samples for, without a difference that counts, and against."""
        return shares_of(self.counts)

    @property
    def intervals(self) -> tuple[tuple[float, float], tuple[float, float], tuple[float, float]]:
        """95 % intervals of the three shares."""
        n = self.samples
        return wilson(self.favour, n), wilson(self.neither, n), wilson(self.opposite, n)

    @property
    def word(self) -> str:
        """The verdict, one of `WORDS`."""
        if not self.samples:
            return "cannot be asked here"
        favour, neither, opposite = self.shares
        if neither >= MOST:
            return "makes no difference"
        if self.label == "built in":
            return "true by construction"
        if favour >= MOST:
            return "holds" if favour >= ALL else "mostly"
        if opposite >= MOST:
            return "the opposite" if opposite >= ALL else "the opposite, mostly"
        if min(favour, opposite) >= SOME:
            return "depends"
        return "holds or makes no difference" if favour >= opposite else "the opposite or no difference"

    def told(self, phrases: Phrases, lang: str = ENGLISH) -> Say:
        """The verdict in words, with what it depends on."""
        if self.word != "depends":
            return Say(self.word)
        if not self.deciding:
            return Say("depends on many things at once")
        first = self.deciding[0]
        return Say(
            "depends: right in {inside:.0%} of samples {where}, in {outside:.0%} elsewhere",
            inside=first.inside[0],
            where=phrases(first.name, first.side, lang),
            outside=first.outside[0],
        )

    @property
    def sentence(self) -> Say:
        """The verdict in one sentence."""
        favour, neither, opposite = self.shares
        middle, least, most = self.effect
        return Say(
            "{hypothesis}: {says}: {word}. Right in {favour:.0%} of {samples:,} samples, no difference that counts in "
            "{neither:.0%}, the opposite in {opposite:.0%}; effect {middle} (5 to 95 %: {least} to {most}).",
            hypothesis=self.hypothesis, says=self.says, word=self.word, favour=favour, samples=self.samples,
            neither=neither, opposite=opposite, middle=quantity(middle, self.unit, signed=True),
            least=number(least, signed=True), most=number(most, signed=True),
        )  # fmt: skip

    def reasons(self, phrases: Phrases, lang: str = ENGLISH) -> list[Say]:
        """Sentences on the label, on what decides, on where it goes the other way, on loops and on other ranges."""
        out = [Say("This is {label}, since {reason}.", label=self.label, reason=self.reason)]
        out += [one.sentence(phrases, lang) for one in self.deciding]
        if self.region is not None:
            out.append(self.region.sentence(phrases, lang))
        out += [
            Say("Without the loop {name} the effect is {without} instead of {middle} (medians).",
                name=name, without=quantity(value, self.unit, lang, signed=True),
                middle=number(self.effect[0], "", lang, signed=True))
            for name, value in self.loops
        ]  # fmt: skip
        for label, *counts in self.elsewhere:
            if sum(counts):
                favour, neither, opposite = shares_of((counts[0], counts[1], counts[2]))
                out.append(
                    Say("With {label}: right in {favour:.0%}, no difference in {neither:.0%}, the opposite in "
                        "{opposite:.0%}.", label=label, favour=favour, neither=neither, opposite=opposite)
                )  # fmt: skip
        return out


def judge(effect: np.ndarray, least: float) -> np.ndarray:
    """Side of each sample: 1 for, 0 no difference that counts, -1 against, NaN where the arms cannot be compared.

    Examples
    --------
    >>> judge(np.array([2.0, 1.0, -1.0, -1.1, np.nan, np.inf]), 1.0)
    array([ 1.,  0.,  0., -1., nan, nan])
    """
    with np.errstate(invalid="ignore"):
        side = (effect > least).astype(float) - (effect < -least)
    return np.where(np.isfinite(effect), side, np.nan)


def counted(side: np.ndarray) -> tuple[int, int, int]:
    """Number of samples for, without a difference that counts, and against."""
    return int((side == 1).sum()), int((side == 0).sum()), int((side == -1).sum())


def shares_of(counts: tuple[int, int, int]) -> Shares:
    """Counts as shares; NaN if there are none."""
    n = sum(counts)
    return (counts[0] / n, counts[1] / n, counts[2] / n) if n else (math.nan, math.nan, math.nan)


def decided(side: np.ndarray, draws: pd.DataFrame) -> tuple[tuple[Condition, ...], Region | None]:
    """What decides a prediction and where it goes the other way, from the side of each sample."""
    return conditions(side, draws), exception(side, draws)


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
