"""When each order of embedding reaches its target, and the question again without a benefit mechanism."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.study.arms import Arms, Setting
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import Measure
from sdmodel.study.paired import Paired, above
from sdmodel.study.question import Question
from sdmodel.study.translation import Say

TARGET, TOO_LATE, SOONER, SECOND_PASS = 2.0, 2035.0, 0.25, 500
FELT = 0.001
"""Smallest gain in links per firm by 2030 for which the remaining share is computed."""
RULE = "benefit mechanism of social embedding"
LINKS, GAINED, REACHED = "links per firm in 2034", "links per firm in 2030", "target reached"
PAPER, *OTHERS = [*(", ".join(order) for order in permutations(("actor", "social", "culture"))), "all at once"]
ALL = [PAPER, *OTHERS]
PARTS = ("deep links", "university links", "all firms")


def network(found: xr.Dataset) -> xr.DataArray:
    """Ends of deep and university links per firm."""
    return (2 * found["deep links"] + found["university links"]) / found["all firms"]


def reached(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """First date since 2015 with twice the links per firm of 2015, by linear interpolation between reports."""
    late = network(found).sel(time=slice(2015, None))
    over = late / late.isel(time=0) - TARGET
    before = over.shift(time=1)
    step = float(over["time"][1] - over["time"][0])
    crossing = over["time"] - step * over / (over - before)
    return crossing.where((over >= 0) & (before < 0)).min("time").fillna(TOO_LATE).where(over.isel(time=-1).notnull())


MEASURES = {REACHED: Measure(PARTS, reached)}


def dates(p: Paired) -> np.ndarray:
    """Dates of the target by setting and sample; NaN where none reaches it or the money is not equal."""
    when = np.array([p[REACHED, arm] for arm in ALL])
    return np.where(np.min(when, axis=0) < TOO_LATE, when, np.nan)


def date(p: Paired, arm: str) -> np.ndarray:
    """Date of the target in one setting."""
    when: np.ndarray = dates(p)[ALL.index(arm)]
    return when


def earliest(p: Paired) -> np.ndarray:
    """Earliest date of the target in any setting."""
    return np.asarray(np.min(dates(p), axis=0))


def earliest_other(p: Paired) -> np.ndarray:
    """Earliest date of the target in any setting but the order of the paper."""
    return np.asarray(np.min(dates(p)[1:], axis=0))


def kept(p: Paired, arm: str) -> np.ndarray:
    """Share of the links gained by 2030 that remains in 2034, in percent."""
    part: np.ndarray = 100 * p.gain(LINKS, arm) / above(p.gain(GAINED, arm), FELT)
    return part


def lasting(p: Paired) -> np.ndarray:
    """Share of links kept by the order of the paper, less that of the best other order, in percentage points."""
    more: np.ndarray = kept(p, PAPER) - np.max([kept(p, arm) for arm in OTHERS], axis=0)
    return more


def notes(p: Paired) -> list[str]:
    """Sentences on which order is first, and on the links that remain in each."""
    when = dates(p)
    good = np.isfinite(when).all(axis=0)
    first = np.array(ALL)[np.argmin(when[:, good], axis=0)]
    most = np.array(ALL)[np.argmax([p[LINKS, arm] for arm in ALL], axis=0)]
    return [
        Say(
            "The target is reached by 2034 in {share:.0%} of samples by at least one setting; chance would make each "
            "the first in one of seven.",
            share=good.mean(),
        ),
        *(
            Say(
                "Order {arm}: target first in {first:.0%} of these, most links in 2034 in {most:.0%} of all; links per "
                "firm in 2034 {gain:+.1f} % (median), of what was gained by 2030 {kept:.0f} % left.",
                arm=arm,
                first=np.mean(first == arm),
                most=np.mean(most == arm),
                gain=np.nanmedian(p.change(LINKS, arm)),
                kept=np.nanmedian(kept(p, arm)),
            )
            for arm in ALL
        ),
    ]


def _without(arms: Mapping[str, Setting]) -> dict[str, Setting]:
    """Settings without a benefit mechanism."""
    return {arm: {**setting, RULE: 0.0} if RULE in setting else setting for arm, setting in arms.items()}


def extras(question: Question, finding: Finding, _: Paired, arms: Arms) -> None:
    """Repeat the question without a benefit mechanism in the first samples, and add a note."""
    few = arms.first(SECOND_PASS)
    equal = [replace(one, arms=_without(one.arms)) for one in question.equal]
    paired = replace(question, arms=_without(question.arms), equal=equal).run(few, "4/4 no mechanism:").paired
    arms.runs += few.runs
    when = dates(paired)
    good = np.isfinite(when).all(axis=0)
    first = np.argmin(when[:, good], axis=0)
    finding.notes.append(
        Say(
            "Without a benefit mechanism, in {n} samples: the order of the paper is first by a quarter of a year in "
            "{paper:.0%} of those that reach the target; {best} is first in {often:.0%}, all at once in {once:.0%}.",
            n=len(few.draws),
            paper=np.mean((earliest_other(paired) - date(paired, PAPER))[good] > SOONER),
            best=ALL[int(np.bincount(first, minlength=len(ALL))[:-1].argmax())],
            often=np.bincount(first, minlength=len(ALL))[:-1].max() / max(1, good.sum()),
            once=np.mean(first == len(ALL) - 1),
        )
    )
