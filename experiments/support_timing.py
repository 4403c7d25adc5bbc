"""Should support be paid in advance or afterwards, and at which stage of a project? (H04, H05)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample. Support is three times
the grants of 2014 in every setting with support.

H04 (C82: timing and mode of support matter). Settings: as it is; three times the grants, paid as before 2015, partly in
advance; all in advance and all afterwards, as many grants as cost the same public money in the same sample (0.5 %).
Holds in a sample if payment in advance and afterwards differ by more than 0.1 yuan of total real RnD per yuan of public
money, in either direction. H04 (advance) holds if payment in advance brings more, by that much; H04 (nominal) the same
with RnD and money not discounted, per yuan of each. H04 (short of money) holds if the quality with more firms short of
money in 2015 gains more total real RnD from advance instead of later payment than the other, by more than 0.1 % of its
RnD. H04 (survival) holds if payment in advance raises five-year survival in 2034 by more than 0.1 points. H04
(knowledge), added after the first run since RnD that fails its review counts as RnD too, holds if it raises knowledge
in 2034 by more than 0.1 %. In the first 400 samples money is made equal again with the part of advance payments that is
diverted at 0, 10, 20 and 30 %, to find where the ranking turns.

H05 (C82: support at the right stage). Settings: the same three times the grants with early, middle or late payments
weighing twenty times the others; money is the same but for what follows from RnD. Outcome: RnD that leaves the last
stage. Holds in a sample if the best of the three completes more than even payment by more than 0.1 yuan per yuan that
support costs. H05 (early) holds if early payment completes more than late payment by that much, as small early grants
did best in Howell (2017). H05 (credit) holds if that lead of early payment is larger where banks grant 40 % of the
limit to an unknown firm than where they grant 60 %, by more than 0.1 % of what is completed; these settings have no
reference of their own, so that a yuan of them cannot be told. H05 (survival) holds if the best of the three raises
five-year survival in 2034 by more than 0.1 points over even payment.

Labels: conditional. Diversion, review and the money firms need to go ahead are assumed ranges; that evenly paid stages
lose least RnD follows from the form of a stage's coverage where all stages start alike, and they do.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.study.answer import replace_draws
from sdmodel.study.arms import POLICY_START, Arms, total
from sdmodel.study.effects import PUBLIC, Measure, Paired, end, worth
from sdmodel.study.finding import Finding, spread
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Should support be paid in advance or afterwards, and at which stage of a project?"

NONE, MIXED, ADVANCE, AFTER = "as it is", "paid as before", "in advance", "afterwards"
EARLY, MIDDLE, LATE = STAGES = ("early stage", "middle stage", "late stage")
TREATED = [MIXED, *STAGES, ADVANCE, AFTER]
POOR, GOOD = 0.4, 0.6
TIMES, WEAK_WEIGHT = 3.0, 0.05
OWN, ALL, DONE, SURVIVAL, KNOWLEDGE = "own RnD", "total real RnD", "completed RnD", "five year survival", "knowledge"
NOMINAL_ALL, NOMINAL_MONEY, SHORT = "RnD not discounted", "money not discounted", "firms short of money in 2015"
QUALITIES = ("weak", "strong")
LEAST, LEAST_PART, LEAST_POINTS = 0.1, 0.1, 0.1
DIVERTED, DIVERTED_SAMPLES = (0.0, 0.1, 0.2, 0.3), 400

MODE = ("conditional", "diversion, review and the money that firms need to go ahead are assumed ranges")
STAGE = ("conditional", "coverage of a stage has one form for all stages, with an assumed response to money")
YUAN, DONE_YUAN = "yuan of total real RnD per yuan of public money", "yuan of completed RnD per yuan that support costs"


def _weights(stage: str) -> dict[str, float]:
    return {f"stage emphasis[{s.split()[0]}]": WEAK_WEIGHT for s in STAGES if s != stage}


def _summed(name: str, *, less: str | None = None) -> Measure:
    """Sum of a yearly flow since 2015, less the growth of a stock."""

    def of(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
        late = total(found[name]).sel(time=slice(POLICY_START, None)).integrate("time")
        if less is None:
            return late
        return late - (found[less].isel(time=-1) - found[less].sel(time=POLICY_START))

    return Measure((name,) if less is None else (name, less), of)


def _nominal(p: Paired) -> np.ndarray:
    per = []
    for arm in (ADVANCE, AFTER):
        money = p.gain(NOMINAL_MONEY, arm)
        per.append(p.gain(NOMINAL_ALL, arm) / np.where(money >= 1, money, np.nan))
    return per[0] - per[1]


def _mode(p: Paired) -> np.ndarray:
    return p.per_yuan(ALL, ADVANCE) - p.per_yuan(ALL, AFTER)


def of_quality(p: Paired, short: bool) -> np.ndarray:
    """What payment in advance adds to later payment, in percent, where more (or fewer) firms are short of money."""
    weak, strong = (p.change(f"{ALL}, {q}", ADVANCE, AFTER) for q in QUALITIES)
    return np.where((p[f"{SHORT}, strong", NONE] > p[f"{SHORT}, weak", NONE]) == short, strong, weak)


def lead(p: Paired, stage: str, against: str = MIXED) -> np.ndarray:
    """Completed RnD with payment at one stage over that of another setting, per yuan that support costs."""
    return p.gain(DONE, stage, against) / p.cost(MIXED)


def _early(p: Paired, rating: float) -> np.ndarray:
    return p.change(DONE, f"{EARLY}, rating {rating:g}", f"{LATE}, rating {rating:g}")


def _best(p: Paired) -> np.ndarray:
    return np.max([lead(p, stage) for stage in STAGES], axis=0)


def _survival(p: Paired) -> np.ndarray:
    return 100 * (p.best(SURVIVAL, list(STAGES)) - p[SURVIVAL, MIXED])


def _diverted(finding: Finding, paired: Paired, arms: Arms) -> None:
    """Where payment in advance stops to be better, by the part of it that is diverted."""
    n = min(DIVERTED_SAMPLES, len(arms.draws))
    few = replace_draws(arms, arms.draws.iloc[:n])
    anyway, goal = paired[PUBLIC, NONE][:n], paired[PUBLIC, MIXED][:n]
    settings = {
        f"{arm} {part:g}": {"shift to advance payment": shift, "diverted share": part}
        for part in DIVERTED
        for arm, shift in ((ADVANCE, 1.0), (AFTER, -1.0))
    }
    target = np.where(goal > anyway, goal, anyway + 1)
    found = few.equal("3/3 diverted", settings, target, lever="grant number", start=TIMES, low=1.0, base=anyway)
    arms.runs += few.runs
    worths = worth(ALL).of(found.result, few.draws).transpose("setting", "sample").to_numpy()
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
                gap=spread(row)[0],
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


SPEC = Question(
    name="support_timing",
    asks=QUESTION,
    arms={
        NONE: {},
        MIXED: {"grant number": TIMES},
        **{stage: {"grant number": TIMES, **_weights(stage)} for stage in STAGES},
        **{
            f"{stage}, rating {rating:g}": {"grant number": TIMES, "base rating": rating, **_weights(stage)}
            for rating in (POOR, GOOD)
            for stage in (EARLY, LATE)
        },
    },
    equal=[
        Equal(
            like=MIXED,
            size="grant number",
            arms={
                ADVANCE: ({"shift to advance payment": 1.0}, "grant number"),
                AFTER: ({"shift to advance payment": -1.0}, "grant number"),
            },
            start=TIMES,
            low=1.0,
        )
    ],
    measures={
        ALL: worth(ALL),
        OWN: worth(OWN),
        DONE: worth("stage progress", stage="late"),
        SURVIVAL: end(SURVIVAL),
        KNOWLEDGE: end(KNOWLEDGE),
        NOMINAL_ALL: _summed(ALL),
        NOMINAL_MONEY: _summed("fiscal cost", less="public fund value"),
        **{f"{ALL}, {q}": worth(ALL, quality=q) for q in QUALITIES},
        **{f"{SHORT}, {q}": end("share of firms short of money", at=2015, quality=q) for q in QUALITIES},
    },
    predictions=[
        Prediction(
            "H04",
            "that payment in advance and afterwards differ at equal public money",
            _mode,
            f"{YUAN}, advance over later",
            LEAST,
            *MODE,
            holds=lambda _, effect: np.abs(effect) > LEAST,
        ),
        Prediction(
            "H04 (advance)",
            "that payment in advance brings more total real RnD than payment afterwards",
            _mode,
            YUAN,
            LEAST,
            *MODE,
        ),
        Prediction(
            "H04 (nominal)",
            "that payment in advance brings more, with neither RnD nor money discounted",
            _nominal,
            YUAN,
            LEAST,
            *MODE,
        ),
        Prediction(
            "H04 (knowledge)",
            "that payment in advance brings more knowledge by 2034 than payment afterwards",
            lambda p: p.change(KNOWLEDGE, ADVANCE, AFTER),
            "% of knowledge in 2034",
            LEAST_PART,
            *MODE,
        ),
        Prediction(
            "H04 (short of money)",
            "that firms short of money gain more from payment in advance than others",
            lambda p: of_quality(p, True) - of_quality(p, False),
            "% of total real RnD",
            LEAST_PART,
            *MODE,
        ),
        Prediction(
            "H04 (survival)",
            "that payment in advance raises five-year survival over payment afterwards",
            lambda p: 100 * p.gain(SURVIVAL, ADVANCE, AFTER),
            "points of five-year survival",
            LEAST_POINTS,
            *MODE,
        ),
        Prediction(
            "H05",
            "that support paid at the best stage completes more RnD than support paid evenly",
            _best,
            DONE_YUAN,
            LEAST,
            *STAGE,
        ),
        Prediction(
            "H05 (early)",
            "that support paid early completes more RnD than support paid late",
            lambda p: lead(p, EARLY, LATE),
            DONE_YUAN,
            LEAST,
            *STAGE,
        ),
        Prediction(
            "H05 (credit)",
            "that the lead of early over late payment is larger where banks lend less",
            lambda p: _early(p, POOR) - _early(p, GOOD),
            "% of completed RnD",
            LEAST_PART,
            *STAGE,
        ),
        Prediction(
            "H05 (survival)",
            "that support paid at the best stage raises five-year survival over support paid evenly",
            _survival,
            "points of five-year survival",
            LEAST_POINTS,
            *STAGE,
        ),
    ],
    loops=[
        Loop("going ahead takes own money (C22)", "ahead spending", "money over least", NONE, TREATED),
        Loop("RnD given up unpaid (C32)", "stage cash coverage", "abandoned RnD", NONE, TREATED),
        Loop(
            "R1 knowledge, new products, surplus (C87)",
            "knowledge per firm",
            "new product revenue",
            NONE,
            TREATED,
        ),
    ],
    panels=[
        Rows(
            "In advance or afterwards",
            "all RnD and firms' own against no change, equal public money",
            "yuan of RnD per yuan of public money",
            {
                f"{arm}, {word}": lambda p, arm=arm, what=what: p.per_yuan(what, arm)
                for arm in (ADVANCE, MIXED, AFTER)
                for word, what in (("all", ALL), ("own", OWN))
            },
            LEAST,
        ),
        Rows(
            "At which stage",
            "RnD that is completed, against the same support paid evenly",
            "yuan of completed RnD per yuan that support costs",
            {stage: lambda p, stage=stage: lead(p, stage) for stage in STAGES},
            LEAST,
        ),
    ],
    paths=(ALL, [ADVANCE, MIXED, AFTER]),
    headline=lambda f: Say(
        "Paid in advance, support brings more RnD in {advance:.0%} of samples than paid afterwards, more knowledge in "
        "{knowledge:.0%}; the best stage beats even payment in {stage:.0%}",
        **{
            word: next(v for v in f.verdicts if v.hypothesis == name).share
            for word, name in (("advance", "H04 (advance)"), ("knowledge", "H04 (knowledge)"), ("stage", "H05"))
        },
    ),
    extras=_diverted,
    small=("Money of the stages is not solved: they share the grants of even payment.",),
)
ask, SAMPLES = SPEC.ask, SPEC.samples
