"""Do interest subsidies, guarantees and risk compensation bring RnD, and at what risk? (H07, H08, H09)

Written down before the first run
---------------------------------
Treatments from 2015; present values 2015 to 2034 at the real social discount rate of the sample, default rates weighted
by debt and averaged over these years.

H07 (C80: both raise RnD). Settings: as it is; 20 % more of all bank interest repaid by the budget; more grants of the
size of 2014, as many as cost the same public money beyond that of no change in the same sample (0.5 %). Outcome:
total real RnD, own and public. Holds in a sample if both bring more than 0.1 yuan per yuan of public money; the
effect is the smaller of the two. H07 (ranking) holds if the subsidy brings more own real RnD than the grants by more
than 0.1 yuan per yuan, as soft loans do by SB15 (Huergo and Moreno 2014). Default rates are reported beside it.

H08 (C08, C142: guarantees bring credit and lower risk). Settings: the credit line allowed on the guarantee fund 0, 2,
5 and 10 times the fund, with 50 million CNY a year more put into it in all four, so that the lever can act. H08
(credit) holds if new credit is higher at 10 than at 0 by more than 1 %. H08 holds if the default rate is lower at 10
than at 0 by more than 1 % of itself. Reported: RnD, survival, credit without guarantee, what is left of the fund.

H09 (C142: compensation brings credit, risk is borne). Settings: part of a bank's loss that the compensation fund
bears 0, 30, 50 and 70 %, with 100 million CNY a year more put into it in all four and none to the deposit pool. H09
(credit) holds if new credit is higher at 70 % than at 0 by more than 1 %. H09 holds if 70 % brings more own real RnD
than it brings losses on loans, by more than 0.1 yuan per yuan of compensation paid: that the benefit exceeds the
moral hazard.

Ties are no support. Samples in which less than one million CNY is spent or paid are left out. Only in H07 money is made
equal: the funds of H08 and H09 get the same in all arms, and what is left of them is counted back.

Labels: credit in H08 and H09 is built in: the limit of credit contains what is guaranteed, and banks lend more where
they lose less. The rest is conditional: moral hazard may be nil, and debt service moves defaults either way.

Links held, each at its path in the arm without the treatment: see `LOOPS`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdmodel.study.effects import LEAST_MONEY, PUBLIC, Paired, end, mean, weighted, worth
from sdmodel.study.finding import spread
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Do interest subsidies, guarantees and risk compensation bring RnD, and at what risk?"

SMALLEST, LEAST_CHANGE = 0.1, 1.0
OWN, ALL, CREDIT, GUARANTEED = "own RnD", "total real RnD", "new credit", "guaranteed lending"
DEFAULT, LOSSES, PAID = "default rate", "losses on loans", "bank compensation paid"
FUND, SURVIVAL, ABLE = "guarantee fund", "five year survival", "compensation ability"

NONE, SUBSIDY, GRANTS = "as it is", "interest subsidy", "grants"
MULTIPLES, COVERS = (0.0, 2.0, 5.0, 10.0), (0.0, 0.3, 0.5, 0.7)
MULTIPLE = {f"guarantee {m:g}": {"extra guarantee capital": 50.0, "guarantee multiple allowed": m} for m in MULTIPLES}
COVER = {
    f"compensation {100 * c:g} %": {
        "extra compensation capital": 100.0,
        "deposit pool share": 0.0,
        "risk compensation allowed": c,
    }
    for c in COVERS
}
NO_LINE, *LINES = MULTIPLE
NO_COVER, *COVERED = COVER
FULL, MOST = LINES[-1], COVERED[-1]
FIRST = {SUBSIDY: NONE, GRANTS: NONE, **dict.fromkeys(LINES, NO_LINE), **dict.fromkeys(COVERED, NO_COVER)}
"""What each setting is compared with."""

BUILT_IN_08 = ("built in", "the limit of credit contains what is guaranteed")
BUILT_IN_09 = ("built in", "banks grant more of the limit when they lose less, by assumption")
LABEL_07 = ("conditional", "cash limits and fixed project cost decide what either adds, and their ranges are assumed")
LABEL_08 = ("conditional", "moral hazard and the response of defaults to debt service are assumed ranges")
LABEL_09 = ("conditional", "moral hazard, the reaction of banks and the need for credit are assumed ranges")

SERVICE, HAZARD = ("debt service ratio", "default rate"), ("known cover", "default rate")
LOOPS = [
    Loop("B3 debt service and default (C21)", *SERVICE, NONE, [SUBSIDY, GRANTS]),
    Loop(
        "R1 knowledge, new products, surplus (C87)",
        "knowledge per firm",
        "new product revenue",
        NONE,
        [SUBSIDY, GRANTS],
    ),
    Loop("B3 debt service and default, guarantee (C21)", *SERVICE, NO_LINE, [FULL]),
    Loop("moral hazard, guarantee (FN11)", *HAZARD, NO_LINE, [FULL]),
    Loop("B4 claims and guarantee fund (C142)", "guarantee fund", "guaranteed credit", NO_LINE, [FULL]),
    Loop("moral hazard, compensation (FN11)", *HAZARD, NO_COVER, [MOST]),
    Loop("B3 losses and rating by banks (C21)", "perceived loss ratio", "rating", NO_COVER, [MOST]),
]


def changed(name: str, arm: str) -> Callable[[Paired], np.ndarray]:
    """Change of a measure in percent against the setting that an arm is compared with."""
    return lambda p: p.change(name, arm, FIRST[arm])


def surplus(p: Paired, arm: str = MOST) -> np.ndarray:
    """Own real RnD less losses on loans that compensation adds, by yuan of compensation paid."""
    gain = p.gain(OWN, arm, NO_COVER) - p.gain(LOSSES, arm, NO_COVER)
    extra = p.gain(PAID, arm, NO_COVER)
    return gain / np.where(extra >= LEAST_MONEY, extra, np.nan)


def _middle(values: np.ndarray) -> dict[str, float]:
    return dict(zip(("middle", "low", "high"), spread(np.asarray(values, float)), strict=True))


def _told(values: np.ndarray) -> Say:
    """Median with the 5 to 95 % interval."""
    return Say("{middle:+.2f} ({low:+.2f} to {high:+.2f})", **_middle(values))


def _amount(values: np.ndarray) -> Say:
    return Say("{middle:+,.0f} ({low:+,.0f} to {high:+,.0f})", **_middle(values))


def _notes(p: Paired) -> list[str]:
    free = p.gain(PUBLIC, SUBSIDY) < LEAST_MONEY
    notes: list[str] = [
        Say(
            "In {free} samples the interest subsidy costs less than one million CNY, as a rule because one programme "
            "more leaves the agencies less time for the others; elsewhere it costs {cost:,.0f} million CNY (median).",
            free=int(free.sum()),
            cost=float(np.nanmedian(p.cost(SUBSIDY))),
        )
    ]
    for arm in (SUBSIDY, GRANTS):
        notes.append(
            Say(
                "{arm}: {all} yuan of total and {own} of own real RnD per yuan; default rate {default} %, new credit "
                "{credit} % (medians, 5 to 95 %).",
                arm=arm.capitalize(),
                all=_told(p.per_yuan(ALL, arm)),
                own=_told(p.per_yuan(OWN, arm)),
                default=_told(p.change(DEFAULT, arm)),
                credit=_told(p.change(CREDIT, arm)),
            )
        )
    for arm in (*LINES, *COVERED):
        first = FIRST[arm]
        credit = p.gain(CREDIT, arm, first)
        notes.append(
            Say(
                "{arm} against {first}: new credit {credit} %, default rate {default} %, own RnD {own} %; million CNY: "
                "credit without guarantee {plain}, public money {money}; losses per extra yuan of credit {lost} "
                "(medians, 5 to 95 %).",
                arm=arm.capitalize(),
                first=first,
                credit=_told(p.change(CREDIT, arm, first)),
                default=_told(p.change(DEFAULT, arm, first)),
                own=_told(p.change(OWN, arm, first)),
                plain=_amount(credit - p.gain(GUARANTEED, arm, first)),
                money=_amount(p.gain(PUBLIC, arm, first)),
                lost=_told(p.gain(LOSSES, arm, first) / np.where(credit >= LEAST_MONEY, credit, np.nan)),
            )
        )
    harm = surplus(p)
    return [
        *notes,
        Say(
            "Guarantee fund in 2034 at a multiple of 10 over that at 0: {middle:.2f} ({low:.2f} to {high:.2f}); "
            "five-year survival {survival} %.",
            survival=_told(p.change(SURVIVAL, FULL, NO_LINE)),
            **_middle(p[FUND, FULL] / p[FUND, NO_LINE]),
        ),
        Say(
            "The compensation fund pays {middle:.0f} % ({low:.0f} to {high:.0f}) of what it owes at 70 %. Extra losses "
            "exceed extra RnD in {share:.0%} of samples.",
            share=float((harm[np.isfinite(harm)] < 0).mean()) if np.isfinite(harm).any() else float("nan"),
            **_middle(100 * p[ABLE, MOST]),
        ),
    ]


FUNDS = {
    **{f"guarantee x{m:g}": arm for m, arm in zip(MULTIPLES[1:], LINES, strict=True)},
    **{f"compensation {100 * c:g} %": arm for c, arm in zip(COVERS[1:], COVERED, strict=True)},
}

SPEC = Question(
    name="credit",
    asks=QUESTION,
    arms={NONE: {}, SUBSIDY: {"extra interest subsidy": 0.2}, **MULTIPLE, **COVER},
    equal=[Equal(like=SUBSIDY, size="extra interest subsidy", arms={GRANTS: ({}, "grant number")}, start=3.0, low=1.0)],
    measures={
        **{name: worth(name) for name in (OWN, ALL, CREDIT, GUARANTEED, LOSSES, PAID)},
        DEFAULT: weighted(DEFAULT, "bank debt"),
        SURVIVAL: end(SURVIVAL),
        FUND: end(FUND),
        ABLE: mean(ABLE),
    },
    predictions=[
        Prediction(
            "H07",
            "that an interest subsidy and grants of equal public money both raise total real RnD",
            lambda p: np.minimum(p.per_yuan(ALL, SUBSIDY), p.per_yuan(ALL, GRANTS)),
            "yuan of RnD per yuan of public money, the smaller of both",
            SMALLEST,
            *LABEL_07,
        ),
        Prediction(
            "H07 (ranking)",
            "that an interest subsidy brings more own real RnD than grants of equal public money",
            lambda p: p.per_yuan(OWN, SUBSIDY) - p.per_yuan(OWN, GRANTS),
            "yuan of own real RnD per yuan of public money",
            SMALLEST,
            *LABEL_07,
        ),
        Prediction(
            "H08 (credit)",
            "that a guarantee multiple of 10 instead of 0 brings more credit",
            changed(CREDIT, FULL),
            "% of new credit",
            LEAST_CHANGE,
            *BUILT_IN_08,
        ),
        Prediction(
            "H08",
            "that a guarantee multiple of 10 instead of 0 lowers the default rate",
            lambda p: -p.change(DEFAULT, FULL, NO_LINE),
            "% of the default rate saved",
            LEAST_CHANGE,
            *LABEL_08,
        ),
        Prediction(
            "H09 (credit)",
            "that bearing 70 % of banks' losses instead of none brings more credit",
            changed(CREDIT, MOST),
            "% of new credit",
            LEAST_CHANGE,
            *BUILT_IN_09,
        ),
        Prediction(
            "H09",
            "that bearing 70 % of banks' losses instead of none brings more own real RnD than losses on loans",
            surplus,
            "yuan per yuan of compensation paid",
            SMALLEST,
            *LABEL_09,
        ),
    ],
    loops=LOOPS,
    panels=[
        Rows(
            "What a yuan buys",
            "all real RnD and firms' own against no change, equal public money",
            "yuan of RnD per yuan of public money",
            {
                f"{arm}, {word}": lambda p, arm=arm, what=what: p.per_yuan(what, arm)
                for arm in (SUBSIDY, GRANTS)
                for word, what in (("all", ALL), ("own", OWN))
            },
            SMALLEST,
        ),
        Rows(
            "Defaults",
            "mean default rate of bank loans, 2015 to 2034; left is safer",
            "% of the default rate",
            {word: changed(DEFAULT, arm) for word, arm in {SUBSIDY: SUBSIDY, GRANTS: GRANTS, **FUNDS}.items()},
            LEAST_CHANGE,
        ),
        Rows(
            "Credit",
            "new bank and private loans, 2015 to 2034",
            "% of new credit",
            {word: changed(CREDIT, arm) for word, arm in FUNDS.items()},
            LEAST_CHANGE,
        ),
        Rows(
            "RnD",
            "firms' own real RnD, 2015 to 2034",
            "% of own real RnD",
            {word: changed(OWN, arm) for word, arm in FUNDS.items()},
            LEAST_CHANGE,
        ),
    ],
    headline=lambda f: Say(
        "Guarantees lower defaults in {risk:.0%} of samples; covering banks' losses brings more RnD than extra losses "
        "in {worth:.0%}; subsidies beat grants of equal cost in {ranking:.0%}",
        risk=f.verdicts[3].share,
        worth=f.verdicts[5].share,
        ranking=f.verdicts[1].share,
    ),
    notes=_notes,
    small=(
        "Guarantee: credit line over the guarantee fund, against none, with 50 million CNY a year more in the fund.",
        "Compensation: part of a bank's loss that the budget's fund bears while it can, against none, with 100 million "
        "CNY a year more in the fund.",
    ),
)
ask, SAMPLES = SPEC.ask, SPEC.samples
