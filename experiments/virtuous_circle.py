"""Survival by RnD where exits are tied to RnD bands by assumption."""

from __future__ import annotations

from sdmodel.study.arms import Arms
from sdmodel.study.finding import Finding
from sdmodel.study.paired import Paired
from sdmodel.study.question import Question
from sdmodel.study.translation import Say
from sdmodel.study.verdict import quantiles

SURVIVAL, HELD, FEW = "five year survival", ("1.2 %", "3 %", "5 %", "8 %"), 1_000
RULES = {"relative intensity": 1, "cliffs of the paper": 2}
"""Settings of the switch that ties exits to bands."""


def extras(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """Survival at each intensity where exits are tied to bands by assumption, in the first samples."""
    few = arms.first(FEW)
    settings = {
        f"{rule}, {level}": {**question.arms[f"RnD held at {level}"], "band hazard switch": s}
        for rule, s in RULES.items()
        for level in HELD
    }
    found = few.run("bands tied to exits", settings)
    arms.runs += few.runs
    of = Paired(next(iter(settings)))
    of.add(found, {SURVIVAL: question.measures[SURVIVAL]}, few.draws)
    for rule in RULES:
        shares = [100 * quantiles(of[SURVIVAL, f"{rule}, {level}"])[0] for level in HELD]
        finding.notes.append(
            Say(
                "Where exits go by {rule}, which is put in: {a:.0f}, {b:.0f}, {c:.0f} and {d:.0f} % of new firms reach "
                "five years at 1.2, 3, 5 and 8 % (medians); of all kinds of firms in China 70 % did, and the larger "
                "firms of industry spend about 1 %.",
                rule=rule,
                **dict(zip("abcd", shares, strict=True)),
            )
        )
