"""When, and how gradually, should government leave the activities it dominates? (H39, H40, H41)

Written down before the first run
---------------------------------
Treatments from 2015, judged at the end of 2034. Public money is the present value at 2015 beyond that of leaving at
once in 2015, the same in all arms of a sample (0.5 %).

H39 (C119, C131: provide first, then leave gradually). Settings: a gradual exit after build-up (2020 over five years)
at the sizes of 2014; no exit, an early exit (2016 over five years) and a late one (2024 over five years), each with
`programme scale` solved so that it costs the same. Holds in a sample if the self-organisation index at the end of
2034 is higher for the exit after build-up than for each of the three, by more than 2 % of the best of them.

H39 (surface). Exits that start in 2016, 2018, 2020, 2022 and 2024 and take 0, 1, 3, 5 or 10 years, and no exit, all
at equal money, in the first 500 samples: the best start of each sample, and by setting the expected and the largest
regret, which is what the index lacks to the best setting of that sample. Not a prediction; it is reported.

H39 (rule). In the same samples an exit over five years begins when the share of alliance members that contribute
passes one quarter, the critical mass below which support cannot be withdrawn without loss (SF12); where it never
does, there is no exit. Holds if the index is higher than for the exit dated 2020 at equal money, by more than 2 %.

H40 (C131, C134: gradual is better than abrupt). At equal start a gradual exit is simply more support, so money is
made equal by date: an abrupt exit at the sizes of 2014 is dated, in each sample, so that it costs what the gradual
one does. Holds if the trough of service coverage, its lowest value from 2020 on, is higher for the gradual exit by
more than one percentage point.

H41 (C133, C134: functions handed to associations do better than functions kept). Settings: government hands the lead
of alliances and the direction of RnD money and credit over from 2020 in five years, and keeps serving; it keeps both
and leaves brokerage and services instead; each with the scale solved so that it costs what the exit after build-up
does. Holds if handing over leaves a higher index in 2034 than keeping, by more than 2 %. Persistence is the index in
2034 over that in 2020.

Labels: H39 and H41 are conditional: public supply takes demand from the market, and decisions take practice from
skills, by assumption, so that leaving frees both. H40 is conditional at equal money: that coverage dips follows from
capacity that takes time to grow. A tie is no support.
"""

from __future__ import annotations

import numpy as np

from sdmodel.study.effects import Paired, end, lowest, mean, ratio
from sdmodel.study.finding import Finding
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "When, and how gradually, should government leave the activities it dominates?"

BUILT_UP, EARLY, LATE = (2020.0, 5.0), (2016.0, 5.0), (2024.0, 5.0)
ORDER, COVERAGE, LINKS = "self organisation index", "service coverage", "deep links per firm"
CONTRIBUTING, MARKET = "contributing share", "private service share"
SCALE = "programme scale"
LEAST, LEAST_DIP = 2.0, 1.0

AT_ONCE, GRADUAL, STAY = "left in 2015", "gradual exit from 2020", "no exit"
SOON, LATER, ABRUPT = "gradual exit from 2016", "gradual exit from 2024", "abrupt exit"
HANDED, KEPT = "functions handed over", "functions kept"
OTHERS = [STAY, SOON, LATER]


def leaving(start: float, duration: float) -> dict[str, float]:
    """Levers of an exit."""
    return {"exit start": start, "exit duration": duration}


TRANSFER = {
    **leaving(*BUILT_UP),
    "exit covers services": 0.0,
    "exit covers brokerage": 0.0,
    "exit covers alliance leadership": 1.0,
    "exit covers directed money": 1.0,
}
KEEP = {
    **leaving(*BUILT_UP),
    "exit covers services": 1.0,
    "exit covers brokerage": 1.0,
    "exit covers alliance leadership": 0.0,
    "exit covers directed money": 0.0,
}


def beats(arm: str, others: list[str]) -> object:
    """By how many percent the index of an arm is above the best of others."""

    def effect(paired: Paired) -> np.ndarray:
        with np.errstate(all="ignore"):
            return 100 * (paired["index", arm] / paired.best("index", others) - 1)

    return effect


def _notes(paired: Paired) -> list[str]:
    notes = []
    for other in OTHERS:
        gain = paired.change("index", GRADUAL, other)
        gain = gain[np.isfinite(gain)]
        better, worse = (gain > LEAST).mean(), (gain < -LEAST).mean()
        notes.append(
            Say(
                "Exit after build-up against '{other}': better in {better:.0%}, worse in {worse:.0%}, within 2 % in "
                "{same:.0%} of samples (median {median:+.1f} %).",
                other=other, better=better, worse=worse, same=1 - better - worse, median=np.median(gain),
            )
        )  # fmt: skip
    lost = paired.gain("mean coverage", GRADUAL, ABRUPT)
    notes.append(
        Say(
            "Mean coverage 2020 to 2034, gradual less abrupt exit of equal money: {median:+.2f} percentage points "
            "(median).",
            median=100 * np.nanmedian(lost),
        )
    )
    notes.append(
        Say(
            "Persistence, the index in 2034 over that in 2020: {gradual:.2f} with the gradual exit, {stay:.2f} without "
            "exit (medians).",
            gradual=np.nanmedian(paired["persistence", GRADUAL]),
            stay=np.nanmedian(paired["persistence", STAY]),
        )
    )
    return notes


def _headline(finding: Finding) -> str:
    share = {v.hypothesis: v.share for v in finding.verdicts}
    return Say(
        "Leaving after build-up beats staying, leaving early and leaving late in {when:.0%} of samples; leaving "
        "gradually spares service users a gap in {pace:.0%}; handing functions over beats keeping them in {who:.0%}",
        when=share["H39"],
        pace=share["H40"],
        who=share["H41"],
    )


def _extras(finding: Finding, paired: Paired, arms: object) -> None:
    from sdmodel.experiments.withdrawal_surface import add  # it knows the settings of this module

    add(finding, paired, arms)


EXITS = [GRADUAL, STAY, SOON, LATER, HANDED, KEPT]
ASSUMED = ("conditional", "public supply displaces market services, and decisions withhold practice, by assumption")

SPEC = Question(
    name="withdrawal",
    asks=QUESTION,
    arms={AT_ONCE: leaving(2015.0, 0.0), GRADUAL: leaving(*BUILT_UP)},
    equal=[
        Equal(
            like=GRADUAL,
            arms={
                STAY: ({}, SCALE),
                SOON: (leaving(*EARLY), SCALE),
                LATER: (leaving(*LATE), SCALE),
                HANDED: (TRANSFER, SCALE),
                KEPT: (KEEP, SCALE),
            },
            size=SCALE,
        ),
        Equal(
            like=GRADUAL,
            arms={ABRUPT: ({"exit duration": 0.0}, "exit start")},
            start=sum(BUILT_UP) - BUILT_UP[1] / 2,
            low=2015.0,
            high=2034.0,
            size=SCALE,
        ),
    ],
    measures={
        "index": end(ORDER),
        "persistence": ratio(end(ORDER), end(ORDER, at=2020.0)),
        "trough": lowest(COVERAGE, since=2020.0),
        "mean coverage": mean(COVERAGE, since=2020.0),
        "deep links": end(LINKS),
        "market share of services": end(MARKET),
        "contributing share at exit": end(CONTRIBUTING, at=2020.0),
    },
    predictions=[
        Prediction(
            "H39",
            "that a gradual exit after build-up leaves a higher self-organisation index in 2034 than no exit, an early "
            "and a late one, at equal public money",
            beats(GRADUAL, OTHERS),
            "% of the best of the other three",
            LEAST,
            *ASSUMED,
        ),
        Prediction(
            "H40",
            "that a gradual exit keeps the trough of service coverage higher than an abrupt one of equal public money",
            lambda p: 100 * p.gain("trough", GRADUAL, ABRUPT),
            "percentage points of coverage",
            LEAST_DIP,
            "conditional",
            "capacity takes time to grow by assumption, how much time is not known",
        ),
        Prediction(
            "H41",
            "that functions handed to associations leave a higher self-organisation index than functions kept, at "
            "equal public money",
            beats(HANDED, [KEPT]),
            "% of the index where they are kept",
            LEAST,
            *ASSUMED,
        ),
    ],
    loops=[
        Loop("R6 contribution and trust (C125)", CONTRIBUTING, "trust", GRADUAL, [a for a in EXITS if a != GRADUAL]),
        Loop(
            "R10 public supply and market services (C74-C76)",
            "residual demand",
            "residual ratio",
            GRADUAL,
            [*(a for a in EXITS if a != GRADUAL), ABRUPT],
        ),
        Loop(
            "R13 joint work and association skill (C61)",
            "joint value",
            "association practice",
            GRADUAL,
            [a for a in EXITS if a != GRADUAL],
        ),
    ],
    panels=[
        Rows(
            "Where the network stands",
            "self-organisation index in 2034 against no exit, equal public money",
            "% of the index without exit",
            {arm: lambda p, arm=arm: p.change("index", arm, STAY) for arm in (SOON, GRADUAL, LATER, HANDED, KEPT)},
            LEAST,
        ),
        Rows(
            "What users of services lose",
            "lowest service coverage since 2020 against no exit",
            "percentage points of coverage",
            {arm: lambda p, arm=arm: 100 * p.gain("trough", arm, STAY) for arm in (SOON, GRADUAL, ABRUPT, LATER)},
            LEAST_DIP,
        ),
    ],
    paths=(COVERAGE, [GRADUAL, ABRUPT, STAY]),
    headline=_headline,
    notes=_notes,
    extras=_extras,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
