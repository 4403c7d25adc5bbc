"""Does the circle of innovation, revenue and innovation close, and what does it do to firms? (H12, H13, H19, H20)

Written down before the first run
---------------------------------
Treatments from 2015, outcomes at 2034, present values 2015 to 2034 at the real social discount rate of the sample.

H12 (C86 to C88: protected rights close the loop innovation, conversion, revenue, innovation). Settings: as it is;
50 million CNY a year for conversion, trade and protection of rights; grants of equal public money. The gain of the
loop is the knowledge that one yuan of knowledge pays for before it is obsolete; from one the loop carries itself.
Holds in a sample if the gain of strong firms at 2034 is above one under protection. H12 (part of protection) holds if
protection raises the gain by more than 0.05, H12 (intensity) if it raises own RnD over revenue by more than 1 % of
itself, H12 (money) if it brings more own real RnD than the grants by more than 0.1 yuan per yuan. Labels: conditional;
that the gain does not fall is built in, how high it is follows from assumed margins and elasticities.

H13 (C23: at 1 % of RnD over revenue firms fail, at 3 % they survive, at 5 % they compete, at 8 % they lead). Settings:
all firms want 1.2 % (the lowest the model admits), 3, 5 or 8 % from 2009 on, move there fast and without chance. They
reach it as far as their money goes, and new firms start with the mix of 2009; what is reached is reported. The switch
that ties exits to bands is 0, none. Outcome: share of new firms that reach five years at the hazards of 2034. Holds if
it is more than 1 point higher at 8 % than at 1.2 %. H13 (each step) holds if each of the three steps raises it by more
than 0.1 point; H13 (fails) if less than half reach five years at 1.2 %; H13 (sales) if revenue per firm is higher at
8 % than at 3 % by more than 1 %. Labels: emergent, since no equation ties exits to bands there; sales are conditional
on how much knowledge raises revenue. Beside it, on the first 1,000 samples, the two other settings of the switch,
where the answer is put in: by relative intensity, which acts little where all firms hold the same, and the cliffs of
the paper.

H19 (C38: firms on the endogenous track grow to medium size). Settings: 90 or 5 % of new firms start on the endogenous
track, from 2015 on and without public money; a push of 0.2 million CNY a firm for three years from 2015; grants of the
same public money as the push. Outcome: yearly growth to medium size over firms, mean since 2015. Holds if the 90 %
bring more than the 5 %. H19 (size) holds if it is more by over 10 %, H19 (push) if the push brings more than the
grants by over 1 %. Labels: conditional on the pull of the track on wanted RnD and of knowledge on growth, each nil or
more by assumption.

H20 (C87, C107: persistent innovators get priority, success to the successful). Settings: three times the grants of
2014; the same with the choice of whom to fund fully by track record. The money is the same by construction, but for
what firms claim. Holds if the part of the money that goes to strong firms rises by more than 1 point at 2034. H20
(RnD) holds if total real RnD rises by more than 0.5 %, H20 (quality) if strong firms become more by over 0.5 point of
all, H20 (no one shut out) if firms at 2034 are not fewer by over 1 %. Labels: conditional on the weight of the record.

H13 (sales), H19 and H20 were first labelled built in. The first run, of 200 samples, showed that they do not follow
from what is assumed: RnD costs cash and so staff and firms, and the firms with the better record need not be those
called strong. The labels were changed; the link by which cash moves exits was added to those held; and the modes of
H19, at first set from 2009 on, were set from 2015 on, so that history is the same in both.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from sdmodel.experiments.beyond import Beyond
from sdmodel.study.answer import Answer, replace_draws
from sdmodel.study.arms import Arms
from sdmodel.study.effects import Paired, end, mean, ratio, worth
from sdmodel.study.finding import Finding, spread
from sdmodel.study.question import Equal, Loop, Prediction, Rows
from sdmodel.study.translation import Say

QUESTION = "Does the circle of innovation, revenue and innovation close, and what does it do to firms?"

NONE, RIGHTS, GRANTS = "as it is", "protection of rights", "grants like protection"
ENDOGENOUS, INPUTS, PUSH, LIKE_PUSH = "endogenous mode", "input mode", "push", "grants like the push"
EVEN, PRIORITY = "three times the grants", "priority by track record"

GAIN, OWN, ALL = "loop gain of strong firms", "own RnD", "total real RnD"
INTENSITY, SURVIVAL, SALES = "real RnD intensity", "five year survival", "revenue per firm at 2034"
UPGRADED, FIRMS, QUALITY, TO_STRONG = "upgraded a year", "all firms", "strong share", "money to strong firms"

HELD = {"1.2 %": 0.012, "3 %": 0.03, "5 %": 0.05, "8 %": 0.08}
"""Wanted RnD over revenue of all firms, by the words for it."""
RULES = {"relative intensity": 1, "cliffs of the paper": 2}
"""What ties exits to bands, by the setting of the switch."""
HALF, FEW, ENTRY = 50.0, 1_000, "entry share of the new track"


def at(level: str) -> str:
    """Arm in which all firms want one intensity."""
    return f"RnD held at {level}"


def held(level: str, switch: int = 0) -> dict[str, float]:
    """Constants of that arm."""
    fast = {"adjustment time": 2.0, "noise of intensity": 0.0, "track effect on RnD": 0.0}
    wanted = {"RnD norm of a weak firm": HELD[level], "RnD norm of a strong over a weak firm": 1.0}
    return {**wanted, **fast, "band hazard switch": switch}


@dataclass(frozen=True)
class Holding(Beyond):
    """A question whose ranges, also those half as wide, have room for firms that are held at an intensity."""

    def run(self, arms: Arms, stage: str, **how: Any) -> Answer:
        """As `Question.run`; of the ranges as they are, nothing that is held leaves any."""
        for name in held("3 %"):
            old, given = arms.model.owner(name), [held(level)[name] for level in HELD]
            limits = (min(old.low, *given), max(old.high, *given), *old.limits[2:])
            arms.model = arms.model.with_variable(replace(old, limits=limits))
        return super().run(arms, stage, **how)


def _points(paired: Paired, high: str, low: str) -> np.ndarray:
    return 100 * paired.gain(SURVIVAL, at(high), at(low))


def _smallest_step(paired: Paired) -> np.ndarray:
    return np.min([_points(paired, b, a) for a, b in pairwise(list(HELD))], axis=0)


def _notes(paired: Paired) -> list[str]:
    reached = {level: spread(100 * paired[INTENSITY, at(level)])[0] for level in HELD}
    before, after = (float(np.nanmean(paired[GAIN, arm] > 1)) for arm in (NONE, RIGHTS))
    return [
        Say(
            "Own RnD over revenue that is reached at 2034 where firms want 1.2, 3, 5 and 8 %: {a:.1f}, {b:.1f}, "
            "{c:.1f} and {d:.1f} % (medians).",
            **dict(zip("abcd", reached.values(), strict=True)),
        ),
        Say(
            "The gain of the loop of strong firms passes one in {before:.1%} of samples as it is and in {after:.1%} "
            "under protection.",
            before=before,
            after=after,
        ),
    ]


def _other_rules(finding: Finding, paired: Paired, arms: Arms) -> None:
    """Survival at each intensity where exits are tied to bands by assumption, in the first samples."""
    few = replace_draws(arms, arms.draws.iloc[:FEW])
    settings = {f"{rule}, {level}": held(level, s) for rule, s in RULES.items() for level in HELD}
    found = few.run("bands tied to exits", settings)
    arms.runs += few.runs
    of = Paired(next(iter(settings)))
    of.add(found, {SURVIVAL: SPEC.measures[SURVIVAL]}, few.draws)
    for rule in RULES:
        shares = [100 * spread(of[SURVIVAL, f"{rule}, {level}"])[0] for level in HELD]
        finding.notes.append(
            Say(
                "Where exits go by {rule}, which is put in: {a:.0f}, {b:.0f}, {c:.0f} and {d:.0f} % of new firms reach "
                "five years at 1.2, 3, 5 and 8 % (medians); of all kinds of firms in China 70 % did, and the larger "
                "firms of industry spend about 1 %.",
                rule=rule,
                **dict(zip("abcd", shares, strict=True)),
            )
        )


SWITCHED_OFF = ("emergent", "no equation ties exits to RnD bands where their switch is 0")
MARGINS = ("conditional", "margins, elasticities and obsolescence are assumed ranges; the sign alone is built in")
TRACK = ("conditional", "the pull of the track on RnD and of knowledge on growth may be nil, by assumed ranges")
RECORD = ("conditional", "what the track record weighs is an assumed range, which includes nil")

SPEC = Holding(
    name="virtuous_circle",
    asks=QUESTION,
    arms={
        NONE: {},
        RIGHTS: {"IP protection budget": 50.0},
        **{at(level): held(level) for level in HELD},
        ENDOGENOUS: {f"{ENTRY} from 2015": 0.9},
        INPUTS: {f"{ENTRY} from 2015": 0.05},
        PUSH: {"push size": 0.2},
        EVEN: {"grant number": 3.0},
        PRIORITY: {"grant number": 3.0, "certification": 1.0},
    },
    later=(ENTRY,),
    equal=[
        Equal(like=RIGHTS, size="IP protection budget", arms={GRANTS: ({}, "grant number")}, start=3.0, low=1.0),
        Equal(like=PUSH, size="push size", arms={LIKE_PUSH: ({}, "grant number")}, start=3.0, low=1.0),
    ],
    measures={
        GAIN: end("loop gain", quality="strong"),
        OWN: worth("own RnD"),
        ALL: worth("total real RnD"),
        INTENSITY: end(INTENSITY),
        SURVIVAL: end(SURVIVAL),
        SALES: ratio(end("revenue"), end("all firms")),
        UPGRADED: ratio(mean("upgrades"), mean("all firms")),
        FIRMS: end(FIRMS),
        QUALITY: end(QUALITY),
        TO_STRONG: ratio(end("money to strong"), end("money to all")),
    },
    predictions=[
        Prediction(
            "H12",
            "that the loop of strong firms carries itself under protection of rights",
            lambda p: p[GAIN, RIGHTS] - 1,
            "above the gain of one that closes the loop",
            0.0,
            *MARGINS,
        ),
        Prediction(
            "H12 (part of protection)",
            "that protection raises the gain of the loop of strong firms",
            lambda p: p.gain(GAIN, RIGHTS),
            "of the gain of one that closes the loop",
            0.05,
            *MARGINS,
        ),
        Prediction(
            "H12 (intensity)",
            "that protection raises own RnD over revenue",
            lambda p: p.change(INTENSITY, RIGHTS),
            "% of it",
            1.0,
            *MARGINS,
        ),
        Prediction(
            "H12 (money)",
            "that protection brings more own real RnD than grants of equal public money",
            lambda p: p.per_yuan(OWN, RIGHTS) - p.per_yuan(OWN, GRANTS),
            "yuan of own real RnD per yuan of public money",
            0.1,
            *MARGINS,
        ),
        Prediction(
            "H13",
            "that more new firms reach five years at 8 % of RnD than at 1.2 %",
            lambda p: _points(p, "8 %", "1.2 %"),
            "percentage points",
            1.0,
            *SWITCHED_OFF,
        ),
        Prediction(
            "H13 (each step)",
            "that each step of RnD lets more new firms reach five years",
            _smallest_step,
            "percentage points, the smallest of three steps",
            0.1,
            *SWITCHED_OFF,
        ),
        Prediction(
            "H13 (fails)",
            "that less than half of the new firms reach five years at 1.2 %",
            lambda p: HALF - 100 * p[SURVIVAL, at("1.2 %")],
            "percentage points below one half",
            0.0,
            *SWITCHED_OFF,
        ),
        Prediction(
            "H13 (sales)",
            "that revenue per firm is higher at 8 % of RnD than at 3 %",
            lambda p: p.change(SALES, at("8 %"), at("3 %")),
            "%",
            1.0,
            "conditional",
            "knowledge raises new-product revenue (C17, C87), by an assumed range",
        ),
        Prediction(
            "H19",
            "that more firms grow to medium size in the endogenous than in the input mode",
            lambda p: p.change(UPGRADED, ENDOGENOUS, INPUTS),
            "%",
            0.0,
            *TRACK,
        ),
        Prediction(
            "H19 (size)",
            "that they are more by over a tenth",
            lambda p: p.change(UPGRADED, ENDOGENOUS, INPUTS),
            "%",
            10.0,
            *TRACK,
        ),
        Prediction(
            "H19 (push)",
            "that a push to the endogenous track brings more of it than grants of equal public money",
            lambda p: p.change(UPGRADED, PUSH, LIKE_PUSH),
            "%",
            1.0,
            *TRACK,
        ),
        Prediction(
            "H20",
            "that priority by track record brings a larger part of the money to strong firms",
            lambda p: 100 * p.gain(TO_STRONG, PRIORITY, EVEN),
            "percentage points",
            1.0,
            *RECORD,
        ),
        Prediction(
            "H20 (RnD)",
            "that priority brings more total real RnD",
            lambda p: p.change(ALL, PRIORITY, EVEN),
            "%",
            0.5,
            *RECORD,
        ),
        Prediction(
            "H20 (quality)",
            "that priority makes the strong a larger part of all firms",
            lambda p: 100 * p.gain(QUALITY, PRIORITY, EVEN),
            "percentage points",
            0.5,
            *RECORD,
        ),
        Prediction(
            "H20 (no one shut out)",
            "that priority does not leave fewer firms",
            lambda p: p.change(FIRMS, PRIORITY, EVEN),
            "%",
            -1.0,
            *RECORD,
        ),
    ],
    loops=[
        Loop("R1 knowledge, new products (C87)", "knowledge per firm", "new product revenue", NONE, [RIGHTS, GRANTS]),
        Loop("cash, exits (C32)", "cash stress", "hazard", at("1.2 %"), [at("3 %"), at("5 %"), at("8 %")]),
        Loop("R2 record, funding (C107)", "track record", "funding signal", EVEN, [PRIORITY]),
        Loop("R4 knowledge, upgrading (C38)", "knowledge per firm", "knowledge for upgrading", INPUTS, [ENDOGENOUS]),
    ],
    panels=[
        Rows(
            "Does the loop carry itself?",
            "gain of the loop of strong firms at 2034; from one it does",
            "knowledge paid for by one yuan of knowledge",
            {arm: lambda p, arm=arm: p[GAIN, arm] for arm in (NONE, RIGHTS, GRANTS)},
        ),
        Rows(
            "Does RnD keep firms alive?",
            "five-year survival of new firms, against RnD held at 3 %",
            "percentage points",
            {at(level): lambda p, level=level: _points(p, level, "3 %") for level in ("1.2 %", "5 %", "8 %")},
            1.0,
        ),
        Rows(
            "Who grows, who is left?",
            "endogenous against input mode, push against grants, priority against none",
            "% of the other setting",
            {
                "grown to medium size, mode": lambda p: p.change(UPGRADED, ENDOGENOUS, INPUTS),
                "grown to medium size, push": lambda p: p.change(UPGRADED, PUSH, LIKE_PUSH),
                "total RnD, priority": lambda p: p.change(ALL, PRIORITY, EVEN),
                "firms alive, priority": lambda p: p.change(FIRMS, PRIORITY, EVEN),
            },
            1.0,
        ),
    ],
    headline=lambda f: Say(
        "Even strong protection of rights closes the circle of strong firms in {closed:.0%} of samples only; holding "
        "firms at more RnD, with nothing else to help, lets more of the new ones survive in {alive:.0%}",
        closed=f.verdicts[0].share,
        alive=f.verdicts[4].share,
    ),
    notes=_notes,
    extras=_other_rules,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
