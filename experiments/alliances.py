"""Do technology alliances need a benefit mechanism, or fewer officials, or more members? (H23)

Written down before the first run
---------------------------------
Treatments from 2015, outcomes in 2034.

Settings: as it is, with government in the lead and no prescribed mechanism; a benefit mechanism that ties a quarter, a
half, three quarters or all of the joint value to contribution, on top of what private contracts tie; alliances handed
to associations; recruitment into alliances doubled. A mechanism is a rule and costs nothing by assumption, so money
differs only for recruitment, which costs more; no equal money is made.

H23 (C47, C48: without a benefit mechanism there is free-riding, and free-riding weakens joint work). Holds in a sample
if a mechanism of one half raises joint value by more than 10 %; built in, since the mechanism enters the payoff of a
contributor. What is not built in: H23 (free-riding) holds if fewer than half of the members contribute as it is. H23
(needed) holds if they are fewer than half as it is and more than half with a mechanism of one half. H23 (lead) holds
if alliances led by associations have more joint value by 10 %; government lead wears down private contracts but
reviews conduct as well. H23 (network) holds if a mechanism of one half makes more deep links per firm by 1 %. H23
(members) holds if it raises joint value more than doubled recruitment does, by 10 % of joint value as it is.

The share tied to contribution above which contributing pays is known in closed form: cost less the own part of what one
makes, less trust, reputation and review, over the rest of what one makes. Its distribution in 2015 is told in a note,
with the share of samples in which it is negative, so that no mechanism is needed, and above one, so that none is
enough.

Labels: built in; conditional, since cost and joint value of a contributor, own contracts and the effect of government
lead are unpublished.
"""

from __future__ import annotations

import numpy as np

from sdmodel.experiments.beyond import Beyond
from sdmodel.study.effects import Paired, end
from sdmodel.study.question import Loop, Prediction, Rows
from sdmodel.study.translation import Say

QUESTION = "Do technology alliances need a benefit mechanism, or fewer officials, or more members?"

NONE, HALF, LED, RECRUITED = "as it is", "mechanism of 0.5", "led by associations", "recruitment doubled"
RULES = {size: f"mechanism of {size:g}" for size in (0.25, 0.5, 0.75, 1.0)}
JOINT, SHARE, DEEP = "joint value in 2034", "contributing members", "deep links per firm in 2034"
NEEDED, TIED = "tied share needed in 2015", "tied share in 2015"
PERCENT, TENTH = 1.0, 10.0
MAJORITY = 0.5


def _turned(p: Paired) -> np.ndarray:
    """Points by which a mechanism lifts the contributing share."""
    return 100 * p.gain(SHARE, HALF)


def _needed(p: Paired, _: np.ndarray) -> np.ndarray:
    return (p[SHARE, NONE] < MAJORITY) & (p[SHARE, HALF] > MAJORITY)


def _notes(p: Paired) -> list[str]:
    needed, tied = p[NEEDED, NONE], p[TIED, NONE]
    return [
        Say(
            "Share tied to contribution above which contributing pays, 2015: {middle:.2f} (5 to 95 %: {low:.2f} to "
            "{high:.2f}); tied as it is {tied:.2f} (median). No mechanism is needed in {none:.0%} of samples, private "
            "contracts are enough in a further {own:.0%}, a mechanism can turn {turn:.0%}, and no mechanism is enough "
            "in {never:.0%}.",
            middle=np.nanmedian(needed),
            low=np.nanquantile(needed, 0.05),
            high=np.nanquantile(needed, 0.95),
            tied=np.nanmedian(tied),
            none=np.mean(needed <= 0),
            own=np.mean((needed > 0) & (needed <= tied)),
            turn=np.mean((needed > np.maximum(tied, 0)) & (needed <= 1)),
            never=np.mean(needed > 1),
        ),
        Say(
            "Members who contribute in 2034, median: {none:.0%} as it is, {half:.0%} with a mechanism of one half, "
            "{led:.0%} led by associations.",
            none=np.nanmedian(p[SHARE, NONE]),
            half=np.nanmedian(p[SHARE, HALF]),
            led=np.nanmedian(p[SHARE, LED]),
        ),
    ]


PAYOFF = (
    "built in",
    "the tied share enters the payoff of a contributor with a positive sign (tied benefit share, C47)",
)
COSTS = ("conditional", "cost and joint value of a contributor and own contracts are unpublished")
LEAD = ("conditional", "how far government lead wears down contracts, and what its review deters, are unpublished")

SPEC = Beyond(
    name="alliances",
    asks=QUESTION,
    arms={
        NONE: {},
        **{name: {"benefit mechanism": size} for size, name in RULES.items()},
        LED: {"alliance leadership": 0.0},
        RECRUITED: {"alliance programme": 2.0},
    },
    measures={
        JOINT: end("joint value"),
        SHARE: end("contributing share"),
        DEEP: end("deep links per firm"),
        NEEDED: end("tied benefit share needed", at=2015.0),
        TIED: end("tied benefit share", at=2015.0),
    },
    predictions=[
        Prediction(
            "H23",
            "that a benefit mechanism of one half raises joint value",
            lambda p: p.change(JOINT, HALF),
            "% of joint value in 2034",
            TENTH,
            *PAYOFF,
        ),
        Prediction(
            "H23 (free-riding)",
            "that most members ride free as it is",
            lambda p: 100 * (MAJORITY - p[SHARE, NONE]),
            "points of members missing to one half in 2034",
            0.0,
            *COSTS,
        ),
        Prediction(
            "H23 (needed)",
            "that most members ride free as it is and contribute with a mechanism of one half",
            _turned,
            "points of contributing members",
            0.0,
            *COSTS,
            holds=_needed,
        ),
        Prediction(
            "H23 (lead)",
            "that alliances led by associations make more joint value than those led by government",
            lambda p: p.change(JOINT, LED),
            "% of joint value in 2034",
            TENTH,
            *LEAD,
        ),
        Prediction(
            "H23 (network)",
            "that a benefit mechanism of one half makes more deep links",
            lambda p: p.change(DEEP, HALF),
            "% of deep links per firm in 2034",
            PERCENT,
            *COSTS,
        ),
        Prediction(
            "H23 (members)",
            "that a benefit mechanism of one half raises joint value more than doubled recruitment",
            lambda p: p.change(JOINT, HALF) - p.change(JOINT, RECRUITED),
            "% of joint value as it is",
            TENTH,
            *COSTS,
        ),
    ],
    loops=[
        Loop("R6 contribution, trust, contribution (C125)", "trust", "soft constraint", NONE, [HALF, LED, RECRUITED]),
        Loop(
            "R6 contribution, members drawn in", "contributing share", "joining members", NONE, [HALF, LED, RECRUITED]
        ),
    ],
    panels=[
        Rows(
            "How many members contribute?",
            "points of all members in 2034, against as it is",
            "points of contributing members",
            {arm: lambda p, arm=arm: 100 * p.gain(SHARE, arm) for arm in (*RULES.values(), LED, RECRUITED)},
        ),
        Rows(
            "What joint work is worth",
            "joint value of all alliances in 2034, against as it is",
            "million CNY a year",
            {arm: lambda p, arm=arm: p.gain(JOINT, arm) for arm in (*RULES.values(), LED, RECRUITED)},
        ),
    ],
    paths=("contributing share", [HALF, LED, RECRUITED]),
    headline=lambda f: Say(
        "Most members ride free as it is in {free:.0%} of samples, and a benefit mechanism of one half turns that in "
        "{turned:.0%}; it raises joint value more than doubled recruitment in {members:.0%}",
        free=f.verdicts[1].share,
        turned=f.verdicts[2].share,
        members=f.verdicts[5].share,
    ),
    notes=_notes,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
