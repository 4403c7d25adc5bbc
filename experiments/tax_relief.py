"""Does accelerated depreciation raise RnD, and in which firms? (H03)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample.

Settings: as it is; RnD equipment written off by 0.9 a year more, about all of it in the first year; a flat extra
deduction and more grants of the size of 2014, each as large as costs the same public money beyond that of no change in
the same sample (0.5 %). Tax that is deferred counts as public money when it is not raised, and as income when it comes
in later; what is still owed in 2034 is not counted back, which makes the depreciation a little dearer than it is.

H03 (C80: accelerated depreciation encourages innovation). Holds in a sample if it brings more than 0.1 yuan of own real
RnD per yuan of public money. H03 (against a deduction) holds if it brings more than the deduction of equal public
money, by the same.

Who gains is asked of the two qualities of firms, which differ in every sample: by the share of firms in profit, by
revenue per firm and by the share of firms short of money, all in 2015 without the treatment. Compared is the rise of
own real RnD in percent, and a difference counts if it exceeds 10 % of the rise of all firms. H03 (profit) holds if
those with more firms in profit gain more. H03 (small firms) holds if those with less revenue per firm gain more, as
Zwick and Mahon (2017) found; H03 (better financed) if those with fewer firms short of money gain more, as Fan and Liu
(2020) found.

Labels: conditional. That only firms in profit save tax is arithmetic; whether they spend it on RnD depends on cash
limits, and how the qualities differ on assumed ranges. Equipment itself does not react to its tax cost in the model, so
that only the cash counts.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdmodel.study.effects import Paired, end, worth
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Does accelerated depreciation raise RnD, and in which firms?"

NONE, FAST, DEDUCTION, GRANTS = "as it is", "accelerated depreciation", "flat deduction", "grants"
OWN, KNOWLEDGE, CASH = "own RnD", "knowledge", "cash"
IN_PROFIT, REVENUE, SHORT = "firms in profit in 2015", "revenue per firm in 2015", "firms short of money in 2015"
QUALITIES = ("weak", "strong")
SPEED, LEAST, LEAST_PART = 0.9, 0.1, 10.0

CASH_LIMIT = ("conditional", "cash limits, which are assumed ranges, decide whether tax saved becomes RnD")
WHO = ("conditional", "the two qualities differ by assumed ranges; only the gate by profit is arithmetic")


def rise(paired: Paired, by: str, high: bool) -> np.ndarray:
    """Rise of own RnD in percent in the quality that has more (or less) of something in 2015."""
    weak, strong = (paired.change(f"{OWN}, {q}", FAST) for q in QUALITIES)
    more_in_strong = paired[f"{by}, strong", NONE] > paired[f"{by}, weak", NONE]
    return np.where(more_in_strong == high, strong, weak)


def gap(by: str, high: bool) -> Callable[[Paired], np.ndarray]:
    """How much more the one quality gains than the other, in percent of the rise of all firms."""

    def of(paired: Paired) -> np.ndarray:
        every = paired.change(OWN, FAST)
        with np.errstate(all="ignore"):
            more = rise(paired, by, high) - rise(paired, by, not high)
            return 100 * more / np.where(every > 0, every, np.nan)

    return of


SPEC = Question(
    name="tax_relief",
    asks=QUESTION,
    arms={NONE: {}, FAST: {"extra depreciation speed": SPEED}},
    equal=[
        Equal(like=FAST, size="extra depreciation speed", arms={DEDUCTION: ({}, "flat extra deduction")}, start=0.05),
        Equal(like=FAST, size="extra depreciation speed", arms={GRANTS: ({}, "grant number")}, start=1.2, low=1.0),
    ],
    measures={
        OWN: worth(OWN),
        KNOWLEDGE: end(KNOWLEDGE),
        CASH: end(CASH, at=2017),
        **{f"{OWN}, {q}": worth(OWN, quality=q) for q in QUALITIES},
        **{f"{IN_PROFIT}, {q}": end("chance above", at=2015, quality=q, tier="low profit") for q in QUALITIES},
        **{f"{REVENUE}, {q}": end("revenue per firm", at=2015, quality=q) for q in QUALITIES},
        **{f"{SHORT}, {q}": end("share of firms short of money", at=2015, quality=q) for q in QUALITIES},
    },
    predictions=[
        Prediction(
            "H03",
            "that accelerated depreciation raises own real RnD",
            lambda p: p.per_yuan(OWN, FAST),
            "yuan of own real RnD per yuan of public money",
            LEAST,
            *CASH_LIMIT,
        ),
        Prediction(
            "H03 (against a deduction)",
            "that accelerated depreciation brings more own real RnD than a flat extra deduction of equal public money",
            lambda p: p.per_yuan(OWN, FAST) - p.per_yuan(OWN, DEDUCTION),
            "yuan of own real RnD per yuan of public money",
            LEAST,
            "conditional",
            "a deduction lowers the price of RnD by an elasticity that is an input, depreciation brings cash only",
        ),
        Prediction(
            "H03 (profit)",
            "that the quality with more firms in profit gains more",
            gap(IN_PROFIT, True),
            "% of the rise of all firms",
            LEAST_PART,
            *WHO,
        ),
        Prediction(
            "H03 (small firms)",
            "that the quality with the smaller firms gains more",
            gap(REVENUE, False),
            "% of the rise of all firms",
            LEAST_PART,
            *WHO,
        ),
        Prediction(
            "H03 (better financed)",
            "that the quality with fewer firms short of money gains more",
            gap(SHORT, False),
            "% of the rise of all firms",
            LEAST_PART,
            *WHO,
        ),
    ],
    loops=[
        Loop("tax saved as money of the year (C22)", "tax paid", "funds left for RnD", NONE, [FAST, DEDUCTION]),
        Loop("tax saved as cash held (C22)", "tax paid", "dues", NONE, [FAST, DEDUCTION]),
        Loop(
            "B11 load of the agencies (C69-C73)",
            "room for a programme",
            "implementation target",
            NONE,
            [FAST, DEDUCTION],
        ),
    ],
    panels=[
        Rows(
            "What a yuan buys",
            "firms' own real RnD against no change, equal public money",
            "yuan of RnD per yuan of public money",
            {arm: lambda p, arm=arm: p.per_yuan(OWN, arm) for arm in (FAST, DEDUCTION, GRANTS)},
            LEAST,
        ),
        Rows(
            "Who gains from depreciation",
            "rise of own real RnD, 2015 to 2034, in one of two groups of firms",
            "% of the group's RnD",
            {
                "more firms in profit": lambda p: rise(p, IN_PROFIT, True),
                "fewer firms in profit": lambda p: rise(p, IN_PROFIT, False),
                "smaller firms": lambda p: rise(p, REVENUE, False),
                "larger firms": lambda p: rise(p, REVENUE, True),
                "better financed": lambda p: rise(p, SHORT, False),
                "short of money": lambda p: rise(p, SHORT, True),
            },
        ),
    ],
    paths=(OWN, [FAST, DEDUCTION, GRANTS]),
    headline=lambda f: Say(
        "Accelerated depreciation brings {per:.2f} yuan of own RnD per yuan of public money (median) and beats a "
        "deduction of equal cost in {beats:.0%} of samples; small firms gain more in {small:.0%}",
        per=f.verdicts[0].effect[0],
        beats=f.verdicts[1].share,
        small=f.verdicts[3].share,
    ),
    notes=lambda p: [
        Say(
            "Accelerated depreciation costs {money:,.0f} million CNY (median, present value) and moves cash in 2017 by "
            "{cash:+.2f} %, knowledge in 2034 by {knowledge:+.3f} %.",
            money=float(np.nanmedian(p.cost(FAST))),
            cash=float(np.nanmedian(p.change(CASH, FAST))),
            knowledge=float(np.nanmedian(p.change(KNOWLEDGE, FAST))),
        ),
        Say(
            "In 2015, without it, {weak:.0%} of weak and {strong:.0%} of strong firms make a profit (medians).",
            weak=float(np.nanmedian(p[f"{IN_PROFIT}, weak", NONE])),
            strong=float(np.nanmedian(p[f"{IN_PROFIT}, strong", NONE])),
        ),
    ],
    small=("Groups of firms are the two qualities of the model, which differ in every sample.",),
)
ask, SAMPLES = SPEC.ask, SPEC.samples
