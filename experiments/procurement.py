"""Does public procurement of new products help, and more than grants for the same money? (H10)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample.

Settings: as it is; government buys new products for 100 million CNY a year at market price and pays a premium, the
only cost that counts besides what is not used; more grants of the size of 2014, as many as cost the same public money
in the same sample (0.5 %); half the purchases with as many grants as cost the rest.

H10 (C84: procurement supports independent innovation). Holds in a sample if procurement brings more new-product revenue
than the grants of equal public money, by more than 0.1 yuan per yuan of public money, what government itself buys left
out. H10 (RnD) holds if it brings more own real RnD than the grants, by the same. H10 (mix) holds if the mix brings more
total real RnD than the better of the two alone, by more than 1 % of what that one adds (SB22).

Labels: conditional; what counts as cost (premium and unused part only) and the response of new products to demand
decide it.
"""

from __future__ import annotations

import numpy as np

from sdmodel.study.effects import Paired, worth
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Does public procurement of new products help, and more than grants for the same money?"

NONE, BUY, GRANTS, BOTH = "as it is", "procurement", "grants", "half of each"
OWN, ALL, NEW = "own RnD", "total real RnD", "new product revenue"
LEAST = 0.1
COST = ("conditional", "only the premium and what is not used count as cost, by assumption")


def _mix(paired: Paired) -> np.ndarray:
    better = paired.best(ALL, [BUY, GRANTS]) - paired[ALL, NONE]
    with np.errstate(all="ignore"):
        return 100 * (paired.gain(ALL, BOTH) / np.where(better > 0, better, np.nan) - 1)


SPEC = Question(
    name="procurement",
    asks=QUESTION,
    arms={NONE: {}, BUY: {"procurement budget": 100.0}},
    equal=[
        Equal(
            like=BUY,
            arms={
                GRANTS: ({}, "grant number"),
                BOTH: ({"procurement budget": 50.0}, "grant number"),
            },
            start=1.5,
            low=1.0,
            size="procurement budget",
        )
    ],
    measures={OWN: worth(OWN), ALL: worth(ALL), NEW: worth(NEW)},
    predictions=[
        Prediction(
            "H10",
            "that procurement brings more new-product revenue than grants of equal public money",
            lambda p: p.per_yuan(NEW, BUY) - p.per_yuan(NEW, GRANTS),
            "yuan of new-product revenue per yuan of public money",
            LEAST,
            *COST,
        ),
        Prediction(
            "H10 (RnD)",
            "that procurement brings more own real RnD than grants of equal public money",
            lambda p: p.per_yuan(OWN, BUY) - p.per_yuan(OWN, GRANTS),
            "yuan of own real RnD per yuan of public money",
            LEAST,
            *COST,
        ),
        Prediction(
            "H10 (mix)",
            "that half of each brings more total real RnD than the better of the two alone",
            _mix,
            "% of what the better one adds",
            1.0,
            *COST,
        ),
    ],
    loops=[
        Loop(
            "R1 knowledge, new products, surplus (C87)",
            "knowledge per firm",
            "new product revenue",
            NONE,
            [BUY, GRANTS, BOTH],
        ),
    ],
    panels=[
        Rows(
            "What a yuan buys",
            "own and total real RnD against no change, equal public money",
            "yuan of RnD per yuan of public money",
            {
                f"{arm}, {word}": lambda p, arm=arm, what=what: p.per_yuan(what, arm)
                for arm in (BUY, GRANTS, BOTH)
                for word, what in (("total RnD", ALL), ("firms' own", OWN))
            },
            LEAST,
        ),
    ],
    paths=(NEW, [BUY, GRANTS, BOTH]),
    headline=lambda f: Say(
        "For the same public money, procurement brings more new-product revenue than grants in {new:.0%} of samples "
        "and more own RnD in {own:.0%}",
        new=f.verdicts[0].share,
        own=f.verdicts[1].share,
    ),
)
ask, SAMPLES = SPEC.ask, SPEC.samples
