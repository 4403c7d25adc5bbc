"""Firms short of money, and advance payments that are diverted, for the question of timing."""

from __future__ import annotations

import numpy as np

from sdmodel.study.arms import Arms
from sdmodel.study.finding import Finding
from sdmodel.study.paired import PUBLIC, Paired
from sdmodel.study.question import Question
from sdmodel.study.translation import Say
from sdmodel.study.verdict import quantiles

NONE, MIXED, ADVANCE, AFTER = "as it is", "paid as before", "in advance", "afterwards"
ALL, SHORT, QUALITIES = "total real RnD", "firms short of money in 2015", ("weak", "strong")
TIMES, LEAST = 3.0, 0.1
DIVERTED, DIVERTED_SAMPLES = (0.0, 0.1, 0.2, 0.3), 400


def of_quality(p: Paired, short: bool) -> np.ndarray:
    """Gain of payment in advance over later payment, in percent, where more (or fewer) firms are short of money."""
    weak, strong = (p.change(f"{ALL}, {q}", ADVANCE, AFTER) for q in QUALITIES)
    return np.where((p[f"{SHORT}, strong", NONE] > p[f"{SHORT}, weak", NONE]) == short, strong, weak)


def extras(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """Find the diverted share of payment in advance above which it is no longer better."""
    few = arms.first(DIVERTED_SAMPLES)
    n = len(few.draws)
    anyway, goal = paired[PUBLIC, NONE][:n], paired[PUBLIC, MIXED][:n]
    settings = {
        f"{arm} {part:g}": {"shift to advance payment": shift, "diverted share": part}
        for part in DIVERTED
        for arm, shift in ((ADVANCE, 1.0), (AFTER, -1.0))
    }
    target = np.where(goal > anyway, goal, anyway + 1)
    found = few.equal("3/3 diverted", settings, target, lever="grant number", start=TIMES, low=1.0, base=anyway)
    arms.runs += few.runs
    worths = question.measures[ALL].of(found.result, few.draws).transpose("setting", "sample").to_numpy()
    worths = np.where(found.spent & (goal > anyway) & (found.result["status"].to_numpy() == 0), worths, np.nan)
    more = (worths[0::2] - worths[1::2]) / np.where(goal - anyway >= 1, goal - anyway, np.nan)
    known = np.isfinite(more).all(axis=0)
    more = more[:, known]
    for part, row in zip(DIVERTED, more, strict=True):
        finding.notes.append(
            Say(
                "With {part:.0%} of advance payments diverted, payment in advance brings more than payment afterwards "
                "in {share:.0%} of {n} samples (median {gap:+.2f} yuan of total real RnD per yuan).",
                part=part,
                share=float((row > LEAST).mean()) if len(row) else np.nan,
                n=len(row),
                gap=quantiles(row)[0],
            )
        )
    first, last = more[0] > 0, more[-1] > 0
    turns = np.array([np.interp(0, row[::-1], DIVERTED[::-1]) for row in more[:, first & ~last].T])
    if len(turns):
        finding.notes.append(
            Say(
                "The ranking turns inside 0 to 30 % diverted in {share:.0%} of samples, at {at:.0%} (median); advance "
                "is better throughout in {better:.0%}, worse throughout in {worse:.0%}.",
                share=float((first & ~last).mean()),
                at=float(np.median(turns)),
                better=float((first & last).mean()),
                worse=float((~first & ~last).mean()),
            )
        )
