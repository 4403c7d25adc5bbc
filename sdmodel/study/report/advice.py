"""What the paper recommends, and what the verdicts say of it: do, do not, makes no difference, or open."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.paired import PUBLIC
from sdmodel.study.verdict import MOST

if TYPE_CHECKING:
    from sdmodel.study.finding import Finding
    from sdmodel.study.library import Recommendation
    from sdmodel.study.verdict import Verdict

DO, NOT, SAME, OPEN = ANSWERS = ("do", "do not", "makes no difference", "open")
INDEX = "self organisation index"
"""A read-out of order; all other standard outcomes are real ones."""
_ANSWER = {
    "holds": DO,
    "mostly": DO,
    "the opposite": NOT,
    "the opposite, mostly": NOT,
    "makes no difference": SAME,
}

Judged = tuple["Finding", "Verdict"]


@dataclass(frozen=True)
class Row:
    """One standard outcome of an arm against another."""

    counts: tuple[int, int, int]
    """Samples with more, without a difference that counts, and with less."""
    effect: tuple[float, float, float]
    """Median, 5 % and 95 %."""
    unit: str

    @property
    def shares(self) -> tuple[float, float, float]:
        """The counts as shares; NaN if there are none."""
        n = sum(self.counts) or math.nan
        return self.counts[0] / n, self.counts[1] / n, self.counts[2] / n


@dataclass(frozen=True)
class Advice:
    """What the verdicts say of a recommendation."""

    of: Recommendation
    answer: str
    """One of `ANSWERS`."""
    judged: tuple[Judged, ...]
    """Findings and verdicts on its predictions, in their order."""
    lost: tuple[tuple[str, Row], ...] = ()
    """Real outcomes that following it costs, by the pair of arms of the first prediction."""


def by_prediction(found: Iterable[Finding]) -> dict[str, Judged]:
    """Finding and verdict by the id of the prediction."""
    return {v.hypothesis: (one, v) for one in found for v in one.verdicts}


def advise(of: Recommendation, judged: Mapping[str, Judged]) -> Advice:
    """What the verdicts say of a recommendation.

    The first of its predictions that was asked decides. It is open where that hangs on the sample or is true by
    construction, where another prediction says the contrary, or where a real outcome is lost on the way.
    """
    own = tuple(judged[name] for name in of.predictions if name in judged)
    told = [(one, _ANSWER.get(one[1].word, OPEN)) for one in own if one[1].word != "true by construction"]
    if not told:
        return Advice(of, OPEN, own)
    (finding, verdict), answer = told[0]
    lost = tuple(_lost(finding, verdict)) if answer == DO else ()
    contrary = {DO: NOT, NOT: DO}.get(answer)
    if lost or contrary in [other for _, other in told]:
        answer = OPEN
    return Advice(of, answer, own, lost)


def compared(finding: Finding, arm: str, against: str) -> dict[str, Row]:
    """Standard outcomes and public money of one arm against another; empty where the finding compares no arms."""
    try:
        rows = finding.compare(arm, against) if len(finding.outcomes) else finding.outcomes
    except (UnknownNameError, DesignError):
        return {}
    return {
        str(row["outcome"]): Row(
            (int(row["favour"]), int(row["neither"]), int(row["opposite"])),
            (float(row["median"]), float(row["low"]), float(row["high"])),
            str(row["unit"]),
        )
        for row in rows.to_dict("records")
    }


def reference_of(finding: Finding) -> str:
    """The arm without the treatment: the first that others are compared with."""
    return str(finding.outcomes["against"].iloc[0]) if len(finding.outcomes) else ""


def _lost(finding: Finding, verdict: Verdict) -> Iterable[tuple[str, Row]]:
    for outcome, row in compared(finding, verdict.arm, verdict.against).items():
        if outcome not in (INDEX, PUBLIC, verdict.outcome) and row.shares[2] >= MOST:
            yield outcome, row
