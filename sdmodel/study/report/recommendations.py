"""What the paper recommends, and what the verdicts say of it: do, do not, makes no difference, or open."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.paired import PUBLIC
from sdmodel.study.translation import ENGLISH

if TYPE_CHECKING:
    from sdmodel.study.finding import Finding
    from sdmodel.study.verdict import Verdict

DO, NOT, SAME, OPEN = ANSWERS = ("do", "do not", "makes no difference", "open")
INDEX = "self organisation index"
"""A read-out of order; all other standard outcomes are real ones."""
LOST = 0.75
"""Share of samples from which a real outcome counts as lost."""
_ANSWER = {
    "holds": DO,
    "mostly": DO,
    "the opposite": NOT,
    "the opposite, mostly": NOT,
    "makes no difference": SAME,
}
_KEYS = ("id", "section", "en", "zh", "instruments", "predictions")

Judged = tuple["Finding", "Verdict"]


@dataclass(frozen=True)
class Recommendation:
    """A recommendation of the paper."""

    id: str
    section: str
    """Section of the paper, such as 3.1.1."""
    says: Mapping[str, str]
    """By language."""
    instruments: tuple[str, ...]
    """Ids of the instruments, such as P01."""
    predictions: tuple[str, ...]
    """Ids of the predictions that judge it, the one that says most first."""


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


def recommendations_of(text: str) -> list[Recommendation]:
    """Read the recommendations from their file.

    Raises
    ------
    DesignError
        If it is not TOML, or an entry lacks a key or has one of the wrong kind.
    UnknownNameError
        If a key is not known.
    """
    try:
        rows = tomllib.loads(text).get("recommendation", [])
    except tomllib.TOMLDecodeError as error:
        raise DesignError(f"recommendations.toml is not valid TOML: {error}.") from None
    out: list[Recommendation] = []
    for row in rows:
        for key in row:
            if key not in _KEYS:
                raise UnknownNameError(key, _KEYS, "key of recommendations.toml")
        lists = ("instruments", "predictions")
        wrong = [k for k in _KEYS if not isinstance(row.get(k), list if k in lists else str)]
        if wrong:
            raise DesignError(f"recommendations.toml: '{row.get('id', '')}' needs {', '.join(wrong)}; see its kinds.")
        if row["id"] in {one.id for one in out}:
            raise DesignError(f"recommendations.toml: '{row['id']}' stands twice.")
        says = {lang: row[lang] for lang in (ENGLISH, "zh")}
        out.append(Recommendation(row["id"], row["section"], says, *(tuple(row[k]) for k in lists)))
    return out


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


def compared(finding: Finding, arm: str, against: str, outcome: str) -> Row | None:
    """A standard outcome, or public money, of one arm against another; None where the finding has no such pair."""
    table = finding.outcomes
    if not len(table):
        return None
    for first, second, turned in ((arm, against, False), (against, arm, True)):
        rows = table[(table["arm"] == first) & (table["against"] == second) & (table["outcome"] == outcome)]
        if not len(rows):
            continue
        row = rows.iloc[0]
        counts = (int(row["favour"]), int(row["neither"]), int(row["opposite"]))
        middle, low, high = (float(row[k]) for k in ("median", "low", "high"))
        unit = str(row["unit"])
        if not turned:
            return Row(counts, (middle, low, high), unit)
        middle, low, high = (_turned(value, unit) for value in (middle, high, low))
        return Row((counts[2], counts[1], counts[0]), (middle, low, high), unit)
    return None


def cost(finding: Finding, arm: str) -> Row | None:
    """Public money of an arm beyond the reference."""
    reference = reference_of(finding)
    return compared(finding, arm, reference, PUBLIC) if reference and arm != reference else None


def reference_of(finding: Finding) -> str:
    """The arm without the treatment: the first that others are compared with."""
    return str(finding.outcomes["against"].iloc[0]) if len(finding.outcomes) else ""


def standard_outcomes(finding: Finding) -> Sequence[str]:
    """Names of the outcomes on which all arms are judged, public money last."""
    return list(dict.fromkeys(map(str, finding.outcomes["outcome"]))) if len(finding.outcomes) else []


def _lost(finding: Finding, verdict: Verdict) -> Iterable[tuple[str, Row]]:
    for outcome in standard_outcomes(finding):
        row = compared(finding, verdict.arm, verdict.against, outcome) if verdict.arm else None
        if row and outcome not in (INDEX, PUBLIC, verdict.outcome) and row.shares[2] >= LOST:
            yield outcome, row


def _turned(value: float, unit: str) -> float:
    """A difference seen from the other arm; of percent, what the other is above or below."""
    return 100 * (100 / (100 + value) - 1) if unit == "%" and value > -100 else -value
