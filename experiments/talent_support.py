"""Does support for talent bring RnD staff, knowledge and growth, and is it worth its money? (H17)

Written down before the first run
---------------------------------
Treatments from 2015, outcomes at 2034, present values 2015 to 2034 at the real social discount rate of the sample.

Settings: as it is; support of pay of 5,000 CNY a year for each RnD person (0.005 million, a tenth of the middle spread
between persons of what a place is worth); and for the same public money in the same sample (0.5 %) mobility support
paid for newcomers only, more grants of the size of 2014, and laboratories and data that firms share. The support of
pay again where a vacancy is filled quickly (0.1 year for a firm that everybody would join, the lowest assumed) or
slowly (0.5, the highest) from 2015 on, each against no support there; how fast places are filled is how the labour
market is, and no treatment.

H17 (C25, C26, C95: talent support gathers people in small firms and supports their growth). Holds in a sample if the
support raises the knowledge of all firms by more than 0.2 % at 2034. H17 (staff) holds if it raises RnD staff by more
than 0.5 %, H17 (intensity) if it raises own RnD over revenue by more than 0.2 % of itself. H17 (late) holds if it
raises the RnD work done over work wanted by more where hiring is slow than where it is quick, by more than 0.1 point:
that it helps most where talent comes late. H17 (ranking) holds if it brings more knowledge than the best of mobility,
grants and laboratories for the same money, by more than 0.05 yuan of knowledge, at cost, per yuan. H17 (mobility)
holds if mobility support raises the work done by more than the support of pay, by more than 0.1 point.

Labels: conditional. That higher pay does not drive staff away is built in; whether more staff makes more knowledge
follows from how factors go together and what projects then earn. The order of mobility and pay is built in as far as
both are worth the same to a person and one is paid to fewer.

After the first run, of 200 samples, the link by which one more programme dilutes all others was added to those held,
to see how much of what was found is due to it, and the speed of hiring, at first set from 2009 on, was set from 2015
on, so that history is the same in all settings.
"""

from __future__ import annotations

import numpy as np

from sdmodel.experiments.beyond import Beyond
from sdmodel.study.effects import Paired, end
from sdmodel.study.question import Equal, Loop, Prediction, Rows
from sdmodel.study.translation import Say

QUESTION = "Does support for talent bring RnD staff, knowledge and growth, and is it worth its money?"

NONE, PAY, MOBILITY, GRANTS, LABS = "as it is", "support of pay", "mobility support", "grants", "shared laboratories"
QUICK, SLOW, QUICK_PAY, SLOW_PAY = "quick hiring", "slow hiring", "quick hiring, paid", "slow hiring, paid"
OTHERS = [MOBILITY, GRANTS, LABS]

KNOWLEDGE, STAFF, ADEQUACY, INTENSITY = "knowledge", "RnD staff", "staff adequacy", "real RnD intensity"
VACANCIES, CONVERSION = "vacancies", "conversion rate"
HIRING, TIME = {QUICK: 0.1, SLOW: 0.5}, "time to fill a vacancy"
SUPPORT = {"talent top up size": 0.005}


def _points(arm: str, against: str = NONE) -> object:
    return lambda p: 100 * p.gain(ADEQUACY, arm, against)


def _late(paired: Paired) -> np.ndarray:
    return 100 * (paired.gain(ADEQUACY, SLOW_PAY, SLOW) - paired.gain(ADEQUACY, QUICK_PAY, QUICK))


def _ranking(paired: Paired) -> np.ndarray:
    best = np.max([paired.per_yuan(KNOWLEDGE, arm) for arm in OTHERS], axis=0)
    return paired.per_yuan(KNOWLEDGE, PAY) - best


def _notes(paired: Paired) -> list[str]:
    def middle(values: np.ndarray) -> float:
        return float(np.nanmedian(values))

    first = {arm: middle(paired.per_yuan(KNOWLEDGE, arm)) for arm in (PAY, *OTHERS)}
    return [
        Say(
            "Knowledge at 2034 per yuan of public money, at cost (medians): {a:+.2f} yuan by support of pay, {b:+.2f} "
            "by mobility support, {c:+.2f} by grants, {d:+.2f} by shared laboratories.",
            **dict(zip("abcd", first.values(), strict=True)),
        ),
        Say(
            "Of the RnD work wanted at 2034, {a:.0%} is done as it is, {b:.0%} where hiring is quick and {c:.0%} where "
            "it is slow (medians); support of pay costs {d:,.0f} million CNY (median, present value).",
            a=middle(paired[ADEQUACY, NONE]),
            b=middle(paired[ADEQUACY, QUICK]),
            c=middle(paired[ADEQUACY, SLOW]),
            d=middle(paired.cost(PAY)),
        ),
    ]


ASSUMED = ("conditional", "the spread of pay, the weight of staff among factors and what success earns are assumed")
SAME_WORTH = ("conditional", "mobility and pay are worth the same to a person by assumption, and one is paid to fewer")
POINTS = "percentage points of the work wanted"

SPEC = Beyond(
    name="talent_support",
    asks=QUESTION,
    arms={
        NONE: {},
        PAY: SUPPORT,
        **{arm: {f"{TIME} from 2015": time} for arm, time in HIRING.items()},
        QUICK_PAY: {f"{TIME} from 2015": HIRING[QUICK], **SUPPORT},
        SLOW_PAY: {f"{TIME} from 2015": HIRING[SLOW], **SUPPORT},
    },
    later=(TIME,),
    equal=[
        Equal(like=PAY, size="talent top up size", arms={MOBILITY: ({}, "mobility programme")}, start=0.02),
        Equal(like=PAY, size="talent top up size", arms={GRANTS: ({}, "grant number")}, start=2.0, low=1.0),
        Equal(like=PAY, size="talent top up size", arms={LABS: ({}, "RnD infrastructure budget")}, start=50.0),
    ],
    measures={
        KNOWLEDGE: end(KNOWLEDGE),
        STAFF: end(STAFF),
        ADEQUACY: end(ADEQUACY),
        INTENSITY: end(INTENSITY),
        VACANCIES: end(VACANCIES),
        CONVERSION: end(CONVERSION),
    },
    predictions=[
        Prediction(
            "H17",
            "that support of pay for RnD staff raises the knowledge of firms",
            lambda p: p.change(KNOWLEDGE, PAY),
            "%",
            0.2,
            *ASSUMED,
        ),
        Prediction(
            "H17 (staff)",
            "that support of pay brings more RnD staff",
            lambda p: p.change(STAFF, PAY),
            "%",
            0.5,
            *ASSUMED,
        ),
        Prediction(
            "H17 (intensity)",
            "that support of pay raises own RnD over revenue",
            lambda p: p.change(INTENSITY, PAY),
            "% of it",
            0.2,
            *ASSUMED,
        ),
        Prediction(
            "H17 (late)",
            "that support of pay helps more where hiring is slow",
            _late,
            POINTS,
            0.1,
            *ASSUMED,
        ),
        Prediction(
            "H17 (ranking)",
            "that support of pay brings more knowledge than mobility, grants or laboratories for the same money",
            _ranking,
            "yuan of knowledge per yuan of public money",
            0.05,
            *ASSUMED,
        ),
        Prediction(
            "H17 (mobility)",
            "that mobility support lets more of the work be done than support of pay for the same money",
            _points(MOBILITY, PAY),
            POINTS,
            0.1,
            *SAME_WORTH,
        ),
    ],
    loops=[
        Loop("R9 success, prospects (C95)", "perceived surplus per firm", "pay gap", NONE, [PAY, *OTHERS]),
        Loop("B11 overload of agencies (C69)", "implementation capacity", "arriving part", NONE, [PAY, *OTHERS]),
        Loop("staff among factors (C35)", "staff adequacy", "factor adequacy", NONE, [PAY, *OTHERS]),
    ],
    panels=[
        Rows(
            "What a yuan buys",
            "knowledge of all firms at 2034 against no change, equal public money",
            "yuan of knowledge, at cost, per yuan",
            {arm: lambda p, arm=arm: p.per_yuan(KNOWLEDGE, arm) for arm in (PAY, *OTHERS)},
            0.05,
        ),
        Rows(
            "How much more work is done",
            "RnD work done over work wanted at 2034, against the same without support",
            POINTS,
            {
                "support of pay": _points(PAY),
                "the same, quick hiring": _points(QUICK_PAY, QUICK),
                "the same, slow hiring": _points(SLOW_PAY, SLOW),
                "mobility support": _points(MOBILITY),
            },
            0.1,
        ),
    ],
    paths=(STAFF, [PAY, MOBILITY, GRANTS]),
    headline=lambda f: Say(
        "Support of pay raises the knowledge of firms in {more:.0%} of samples, and is the best use of its money in "
        "{best:.0%}",
        more=f.verdicts[0].share,
        best=f.verdicts[4].share,
    ),
    notes=_notes,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
