"""Does coordination make the same money do more, and what does a gap of implementation cost? (H36, H37)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample, self-organisation at
2034.

Settings: as it is; coordination of departments for 10 million CNY a year, with all the money it lets through; more of
the programmes of 2014 without coordination, for the same public money in the same sample (0.5 %); implementing rules
for 30 million CNY a year, which close a part of the gap; and, each with and without those rules, three instruments
alone and together: extra deduction of 50 points, three times the grants, public services doubled. What an instrument
brings with the rules is measured against the rules alone.

H36 (C69 to C71, C129, C130: coordination makes the same money do more). Holds in a sample if coordination brings more
new-product revenue than more programmes of equal public money, by more than 0.1 yuan per yuan. Money that does not
arrive is not spent and so no cost: coordination that lets more money through costs that money too. H36
(self-organisation) asks for more self-organisation than the same money in more programmes, by 1 %. H36 (pays) holds if
coordination brings at least as much new-product revenue as all the public money it sets free, one yuan per yuan.
Added after the first run, as its answer hung on the account: H36 (lost money) compares the same arms as if money that
does not arrive were paid and lost, so that coordination costs its own money only and programmes cost what is announced,
which is what arrives over the part that is carried out; it holds as H36 does. In
500 samples the money for coordination goes from 2 to 100 million CNY a year, to see where it stops to pay.

H37 (C127, C128: a gap between rules and their implementation weakens every instrument). Holds if the three instruments
together add less new-product revenue with the gap as it is than with implementing rules, by more than 5 % of the
latter. H37 (per yuan) asks whether a yuan of public money adds less, by 0.1 yuan of new-product revenue. H37
(deduction robust) holds if the deduction alone loses a smaller part of what it adds to the gap than the grants alone,
by 5 points.

Labels: H36 conditional; whether money that does not arrive is a cost, and overload of agencies, decide it. H36 (lost
money) built in; C70, what arrives is the size times implementation, with the rest taken as paid. H37 built in; C70 as
well. H37 (per yuan) emergent. H37 (deduction robust) built in; an entitlement needs no agency in the model.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sdmodel.study.answer import replace_draws
from sdmodel.study.arms import Arms
from sdmodel.study.effects import Measure, Paired, end, mean, worth
from sdmodel.study.finding import Finding, spread
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Does coordination make the same money do more, and what does a gap of implementation cost?"

FEW = 500
"""Samples in which the money for coordination varies."""
BUDGETS = (2.0, 5.0, 20.0, 50.0, 100.0)
NONE, COORDINATED, MORE, RULES = "as it is", "coordination", "more programmes", "implementing rules"
DEDUCTION, GRANTS, SERVICES, ALL = "deduction +50 points", "grants x3", "services x2", "all three"
INSTRUMENTS = {
    DEDUCTION: {"flat extra deduction": 0.5},
    GRANTS: {"grant number": 3.0},
    SERVICES: {"service programme": 2.0},
    ALL: {"flat extra deduction": 0.5, "grant number": 3.0, "service programme": 2.0},
}
CLOSED = {"implementing rules budget": 30.0}
NEW, SO, CARRIED, OWN = "new product revenue", "self-organisation", "implementation", "coordination money"
MEASURES: dict[str, Measure] = {
    NEW: worth("new product revenue"),
    SO: end("self organisation index"),
    CARRIED: mean("implementation capacity"),
    OWN: worth("coordination money"),
}
LEAST, PART, POINTS = 0.1, 5.0, 5.0
LOST = ("built in", "C70: what arrives is size times implementation, and the rest is taken as paid and lost")
COST = ("conditional", "money that does not arrive is no cost, and each programme loads the agencies, by assumption")


def ruled(instrument: str) -> str:
    """Name of the arm of an instrument with implementing rules."""
    return f"{instrument}, with rules"


def added(p: Paired, instrument: str) -> tuple[np.ndarray, np.ndarray]:
    """What an instrument adds to new-product revenue with the gap, and with rules."""
    return p.gain(NEW, instrument), p.gain(NEW, ruled(instrument), RULES)


def lost(p: Paired, instrument: str) -> np.ndarray:
    """Part of what an instrument adds with rules that the gap takes, percent; where it adds a million CNY at least."""
    gap, closed = added(p, instrument)
    with np.errstate(all="ignore"):
        return 100 * (1 - gap / np.where(closed >= 1, closed, np.nan))


def per_yuan_lost(p: Paired, instrument: str) -> np.ndarray:
    """What a yuan adds with rules less what it adds with the gap."""
    return p.per_yuan(NEW, ruled(instrument), RULES) - p.per_yuan(NEW, instrument)


def if_lost(p: Paired) -> tuple[np.ndarray, np.ndarray]:
    """What a yuan adds if money that does not arrive is paid and lost: of coordination, and of more programmes."""
    return p.gain(NEW, COORDINATED) / p[OWN, COORDINATED], p.per_yuan(NEW, MORE) * p[CARRIED, NONE]


def _notes(p: Paired) -> list[str]:
    return [
        Say(
            "Coordination of 10 million CNY a year sets {money:.0f} million CNY of public money free (median, present "
            "value) and lifts the part that is carried out from {before:.0%} to {after:.0%}; rules of 30 lift it to "
            "{rules:.0%}.",
            money=np.nanmedian(p.cost(COORDINATED)),
            before=np.nanmedian(p[CARRIED, NONE]),
            after=np.nanmedian(p[CARRIED, COORDINATED]),
            rules=np.nanmedian(p[CARRIED, RULES]),
        ),
        Say(
            "Of what it adds with rules the gap takes {deduction:.0f} % from the deduction, {grants:.0f} % from "
            "grants and {services:.0f} % from services (medians).",
            deduction=np.nanmedian(lost(p, DEDUCTION)),
            grants=np.nanmedian(lost(p, GRANTS)),
            services=np.nanmedian(lost(p, SERVICES)),
        ),
    ]


def _extras(finding: Finding, paired: Paired, arms: Arms) -> None:
    """What more money for coordination adds, step by step, in the first samples."""
    n = min(FEW, len(arms.draws))
    few = replace_draws(arms, arms.draws.iloc[:n])
    steps = {f"coordination {b:g}": {"coordination budget": b} for b in BUDGETS}
    found = paired.first(n)
    found.add(few.run("extra budgets", steps), MEASURES, few.draws)
    arms.runs += few.runs
    budgets = sorted([*BUDGETS, 10.0])
    names = [COORDINATED if b == 10 else f"coordination {b:g}" for b in budgets]
    rows = {
        b: spread(found.per_yuan(NEW, name, before))
        for b, name, before in zip(budgets, names, [NONE, *names[:-1]], strict=True)
    }
    table = pd.DataFrame(rows, index=["median", "low", "high"]).T
    pays = table.index[table["median"] >= 1]
    finding.record["new-product revenue per yuan of each further step"] = table.round(3).to_dict("index")
    finding.notes.append(
        Say(
            "A yuan of the first {first:g} million CNY a year for coordination, and of what it sets free, adds "
            "{start:.2f} yuan of new-product revenue; one of the step to {last:g} adds {end:.2f} (medians).",
            first=budgets[0],
            start=table["median"].iloc[0],
            last=budgets[-1],
            end=table["median"].iloc[-1],
        )
    )
    finding.notes.append(
        Say("In the median sample a further step pays up to {most:g} million CNY a year.", most=max(pays))
        if len(pays)
        else Say("In the median sample no step pays.")
    )


SPEC = Question(
    name="coordination",
    asks=QUESTION,
    arms={
        NONE: {},
        COORDINATED: {"coordination budget": 10.0},
        RULES: CLOSED,
        **INSTRUMENTS,
        **{ruled(name): {**setting, **CLOSED} for name, setting in INSTRUMENTS.items()},
    },
    equal=[
        Equal(like=COORDINATED, size="coordination budget", arms={MORE: ({}, "programme scale")}, start=1.2, low=1.0)
    ],
    measures=MEASURES,
    predictions=[
        Prediction(
            "H36",
            "that coordination brings more new-product revenue than more programmes of equal public money",
            lambda p: p.per_yuan(NEW, COORDINATED) - p.per_yuan(NEW, MORE),
            "yuan of new-product revenue per yuan of public money",
            LEAST,
            *COST,
        ),
        Prediction(
            "H36 (lost money)",
            "that coordination brings more per yuan than more programmes if money that does not arrive is lost",
            lambda p: np.subtract(*if_lost(p)),
            "yuan of new-product revenue per yuan of public money",
            LEAST,
            *LOST,
        ),
        Prediction(
            "H36 (self-organisation)",
            "that coordination leaves more self-organisation than more programmes of equal public money",
            lambda p: p.change(SO, COORDINATED, MORE),
            "% of self-organisation",
            1.0,
            *COST,
        ),
        Prediction(
            "H36 (pays)",
            "that coordination brings at least as much new-product revenue as the public money it sets free",
            lambda p: p.per_yuan(NEW, COORDINATED),
            "yuan of new-product revenue per yuan of public money",
            1.0,
            *COST,
        ),
        Prediction(
            "H37",
            "that three instruments together add less with the gap than with implementing rules",
            lambda p: lost(p, ALL),
            "% of what they add with rules",
            PART,
            "built in",
            "C70: what arrives of a programme is its size times implementation",
        ),
        Prediction(
            "H37 (per yuan)",
            "that a yuan spent on the three instruments adds less with the gap",
            lambda p: per_yuan_lost(p, ALL),
            "yuan of new-product revenue per yuan of public money",
            LEAST,
            "emergent",
            "money that does not arrive is not counted, so that the gap need not make a yuan worse",
        ),
        Prediction(
            "H37 (deduction robust)",
            "that the gap takes less from the deduction than from grants",
            lambda p: lost(p, GRANTS) - lost(p, DEDUCTION),
            "points of what each adds with rules",
            POINTS,
            "built in",
            "an entitlement needs no agency",
        ),
    ],
    loops=[
        Loop(
            "B11 overload of agencies (C72)",
            "room for a programme",
            "implementation target",
            NONE,
            [COORDINATED, MORE, RULES, ALL, ruled(ALL)],
        ),
    ],
    panels=[
        Rows(
            "What a yuan of public money buys",
            "against no change; the first two cost the same",
            "yuan of new-product revenue per yuan",
            {
                COORDINATED: lambda p: p.per_yuan(NEW, COORDINATED),
                MORE: lambda p: p.per_yuan(NEW, MORE),
                RULES: lambda p: p.per_yuan(NEW, RULES),
                "all three, gap": lambda p: p.per_yuan(NEW, ALL),
                "all three, with rules": lambda p: p.per_yuan(NEW, ruled(ALL), RULES),
            },
            LEAST,
        ),
        Rows(
            "What the gap takes from instruments",
            "part of the new-product revenue each adds with rules",
            "% lost to the gap",
            {name: lambda p, name=name: lost(p, name) for name in INSTRUMENTS},
            PART,
        ),
    ],
    paths=("implementation capacity", [COORDINATED, MORE, RULES]),
    headline=lambda f: Say(
        "Coordination brings more new-product revenue than the same money in more programmes in {more:.0%} of samples, "
        "and in {lost:.0%} if money that does not arrive were paid and lost; a gap of implementation weakens three "
        "instruments in {gap:.0%}, and makes a yuan that arrives worse in {yuan:.0%}",
        more=f.verdicts[0].share,
        lost=f.verdicts[1].share,
        gap=f.verdicts[4].share,
        yuan=f.verdicts[5].share,
    ),
    notes=_notes,
    extras=_extras,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
