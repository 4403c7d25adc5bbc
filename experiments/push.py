"""Does one push bring firms onto the endogenous track for good, how large, and when? (H38, H42, H43, H44, H45)

Written down before the first run
---------------------------------
A push pays a part of the switching cost of firms on the old track that it reaches, for some years. Outcome: share of
firms on the endogenous track; they have switched as a population when it is above one half. Read at the end of the
push, seven years after it (the time in which a published one-shot subsidy faded, SF05), and in 2034; money is the
present value at 2015 of all public money.

Settings: as it is; a push of one million CNY a firm from 2015 to 2018 that reaches one old-track firm in five each
year; the same with a quarter and with four times the size; and three pushes of equal public money in the same sample
(0.5 %), with the size solved: over nine years instead of three, from 2024 instead of 2015, and on all firms (once a
year) instead of one in five.

H38 (C60, C79: self-organisation does not begin by itself, it needs a push). Holds in a sample if most firms are on the
endogenous track in 2034 with the push and not without. Samples are also counted that get there anyway, earlier with
the push by half a year or not, and that do not get there. H38 (self-organisation) asks whether the index of
self-organisation is higher in 2034, by 1 %.

H42 (C136, C137: a push breaks path dependence for good). Holds if the push leaves more than 5 points more firms on the
track in 2034, sixteen years after its end. H42 (lasting) holds if more than half of what there is at its end is left
then; samples with less than 1 point at the end are not compared. In 500 samples further: H42 (two tracks) holds where
a population whose deciding firms all took the new track from 2015 to 2030 and one in which all took the old one are
still 25 points apart in 2109, so that there are two rest points; H42 (repeated) holds if three pulses of one year, from
2015, 2021 and 2027, give a higher mean share from 2015 to 2034 than the single push of equal public money, by 1 point.
Changed after first runs of 200 samples: two starts in 2009, at 5 and 95 %, were to tell two tracks, and found none;
they cannot tell, since the share in 2009 also sets the reference of the payoffs. Holding firms on a track took their
place and found none either.

H43 (C137: size and duration of the push must pass a threshold). Holds if the push of four times the size leaves more
than 5 points in 2034 and more per public money than the one of a quarter, by 1 point per thousand million CNY. H43
(short) holds if the push of three years leaves more in 2034 than the one of nine for equal public money, by 1 point.
In 500 samples sizes from 0.25 to 4 and durations from 1 to 16 years give the surface of samples that switch, and the
money at which they do.

H44 (C137: a timely push works better than a late one). Holds if the push of 2015 leaves more seven years after its end
than that of 2024 of equal public money seven years after its own, each against no push, by 1 point. H44 (in 2034)
reads both in 2034. In 500 samples the size is read off that leaves as much seven years after a later start.

H45 (C142, C143: the push should reach the whole population, not selected firms). Holds if the push on all firms leaves
more in 2034 than that on one in five of equal public money, by 1 point. Firms are reached at random: the model does not
select them, so what selection by merit would gain or lose is not in the answer.

Labels: H38 emergent. H42, H43 and H45 conditional; the logistic spread of payoffs, its size against the worth of
others on the track, and whether firms choose with a way back or adopt by example decide them. H44 conditional;
capital tied to the old track grows with years on it, from nil.
"""

from __future__ import annotations

import numpy as np

from sdmodel.experiments.push_surface import AFTER, FEW, MONEY_UNIT, TRACK, surfaces
from sdmodel.study.effects import Measure, Paired, end, first_above, mean
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Does one push bring firms onto the endogenous track for good, how large must it be, and when?"

NONE, PUSH, SMALL, LARGE = "no push", "push", "a quarter of the size", "four times the size"
LONG, LATE, ALL = "over nine years", "nine years later", "on all firms"
NOW, AT_END, LATER, MEAN = "in 2034", "at its end", "seven years after", "mean share"
WHEN, SO = "most firms switched", "self-organisation"
MEASURES: dict[str, Measure] = {
    NOW: end(TRACK),
    AT_END: end(TRACK, at=2018.0),
    LATER: end(TRACK, at=2018.0 + AFTER),
    MEAN: mean(TRACK),
    WHEN: first_above(TRACK, 0.5),
    SO: end("self organisation index"),
}
MOST, LASTING, POINT = 0.5, 5.0, 1.0
CHOICE = (
    "conditional",
    "the spread of payoffs, the worth of others on the track and the form of choice are assumed",
)
INERTIA = ("conditional", "capital tied to the old track grows while a firm stays on it, from nil, by assumption")


def points(p: Paired, arm: str, when: str = NOW, against: str = NONE) -> np.ndarray:
    """Firms on the endogenous track beyond another arm, in points."""
    return 100 * p.gain(when, arm, against)


def per_money(p: Paired, arm: str) -> np.ndarray:
    """The same in 2034 per thousand million CNY of public money."""
    return points(p, arm) / p.cost(arm) * MONEY_UNIT


def _needed(p: Paired, effect: np.ndarray) -> np.ndarray:
    return (p[NOW, PUSH] > MOST) & (p[NOW, NONE] <= MOST)


def _lasting(p: Paired) -> np.ndarray:
    begun = points(p, PUSH, AT_END)
    with np.errstate(all="ignore"):
        return 100 * points(p, PUSH) / np.where(begun >= 1, begun, np.nan)


def _threshold(p: Paired) -> np.ndarray:
    return per_money(p, LARGE) - per_money(p, SMALL)


def _passed(p: Paired, effect: np.ndarray) -> np.ndarray:
    return (effect > POINT) & (points(p, LARGE) > LASTING)


def _timely(p: Paired) -> np.ndarray:
    return points(p, PUSH, LATER) - points(p, LATE)


def _notes(p: Paired) -> list[str]:
    without, pushed = p[WHEN, NONE], p[WHEN, PUSH]
    need = _needed(p, without)
    begun, later = points(p, PUSH, AT_END), points(p, PUSH, LATER)
    some = begun >= 1
    with np.errstate(all="ignore"):
        sooner = without - pushed >= 0.5
    there = p[NOW, NONE] > MOST
    return [
        Say(
            "Most firms are on the endogenous track in 2034 without a push in {there:.0%} of samples, of which the "
            "push makes it sooner by half a year or more in {sooner:.0%}; only with it in {need:.0%}; in neither case "
            "in {never:.0%}.",
            there=there.mean(),
            sooner=sooner[there].mean() if there.any() else 0.0,
            need=need.mean(),
            never=((p[NOW, NONE] <= MOST) & (p[NOW, PUSH] <= MOST)).mean(),
        ),
        Say(
            "The push costs {money:.0f} million CNY (median); of what there is at its end {seven:.0%} is left seven "
            "years after and {left:.0%} in 2034 (medians where it is a point or more).",
            money=np.nanmedian(p.cost(PUSH)),
            seven=np.nanmedian((later / begun)[some]),
            left=np.nanmedian((points(p, PUSH) / begun)[some]),
        ),
    ]


SPEC = Question(
    name="push",
    asks=QUESTION,
    arms={
        NONE: {},
        PUSH: {"push size": 1.0},
        SMALL: {"push size": 0.25},
        LARGE: {"push size": 4.0},
    },
    equal=[
        Equal(
            like=PUSH,
            size="push size",
            arms={
                LONG: ({"push duration": 9.0}, "push size"),
                LATE: ({"push start": 2024.0}, "push size"),
                ALL: ({"push rate": 1.0}, "push size"),
            },
            start=0.5,
        )
    ],
    measures=MEASURES,
    predictions=[
        Prediction(
            "H38",
            "that most firms are on the endogenous track in 2034 with a push and not without",
            lambda p: points(p, PUSH),
            "points of firms in 2034",
            0.0,
            "emergent",
            "nothing in the model says that the track cannot be taken without a push",
            _needed,
        ),
        Prediction(
            "H38 (self-organisation)",
            "that self-organisation is higher in 2034 with a push",
            lambda p: p.change(SO, PUSH),
            "% of self-organisation",
            1.0,
            "emergent",
            "the index feeds nothing, and a push acts on the choice of track only",
        ),
        Prediction(
            "H42",
            "that a push leaves more firms on the endogenous track sixteen years after its end",
            lambda p: points(p, PUSH),
            "points of firms in 2034",
            LASTING,
            *CHOICE,
        ),
        Prediction(
            "H42 (lasting)",
            "that more than half of what a push brings is left sixteen years after",
            _lasting,
            "% of the points at its end",
            50.0,
            *CHOICE,
        ),
        Prediction(
            "H43",
            "that a push of sixteen times the size leaves more than 5 points and more per public money",
            _threshold,
            "points per thousand million CNY",
            POINT,
            *CHOICE,
            _passed,
        ),
        Prediction(
            "H43 (short)",
            "that a push of three years leaves more than one of nine of equal public money",
            lambda p: points(p, PUSH, against=LONG),
            "points of firms in 2034",
            POINT,
            *CHOICE,
        ),
        Prediction(
            "H44",
            "that an early push leaves more after seven years than a late one of equal public money",
            _timely,
            "points of firms seven years after",
            POINT,
            *INERTIA,
        ),
        Prediction(
            "H44 (in 2034)",
            "that an early push leaves more in 2034 than a late one of equal public money",
            lambda p: points(p, PUSH, against=LATE),
            "points of firms in 2034",
            POINT,
            *INERTIA,
        ),
        Prediction(
            "H45",
            "that a push on all firms leaves more than one on a part of them of equal public money",
            lambda p: points(p, ALL, against=PUSH),
            "points of firms in 2034",
            POINT,
            *CHOICE,
        ),
    ],
    loops=[
        Loop(
            "R5 track, worth of others on it (C136)",
            "new track share",
            "profit on the new track",
            NONE,
            [PUSH, SMALL, LARGE, LONG, LATE, ALL],
        ),
        Loop("track and RnD norm", "new track share", "uncurbed intensity", NONE, [PUSH]),
    ],
    panels=[
        Rows(
            "What a push leaves",
            "firms on the endogenous track against no push",
            "points of firms",
            {
                "at its end, 2018": lambda p: points(p, PUSH, AT_END),
                "seven years after": lambda p: points(p, PUSH, LATER),
                "in 2034": lambda p: points(p, PUSH),
                "in 2034, quarter size": lambda p: points(p, SMALL),
                "in 2034, four times": lambda p: points(p, LARGE),
            },
            LASTING,
        ),
        Rows(
            "Other pushes of equal public money",
            "against the push of three years from 2015 on one in five",
            "points of firms in 2034",
            {
                LONG: lambda p: points(p, LONG, against=PUSH),
                LATE: lambda p: points(p, LATE, against=PUSH),
                "later, seven years after": lambda p: -_timely(p),
                ALL: lambda p: points(p, ALL, against=PUSH),
            },
            POINT,
        ),
    ],
    paths=(TRACK, [PUSH, LONG, LATE, ALL]),
    headline=lambda f: Say(
        "Most firms take the endogenous track by 2034 without a push in {there:.0%} of samples, only with it in "
        "{need:.0%}; it leaves more than 5 points of firms in {left:.0%}, an early one beats a late one in {early:.0%} "
        "and one on all firms one on a part in {all:.0%}",
        there=(f.table.loc[f.table["arm"] == NONE, NOW] > MOST).mean(),
        need=f.verdicts[0].share,
        left=f.verdicts[2].share,
        early=f.verdicts[6].share,
        all=f.verdicts[8].share,
    ),
    notes=_notes,
    extras=lambda f, p, arms: surfaces(f, p, arms, NONE, PUSH),
    small=(Say("Surfaces, two tracks and repeated pulses: {few} samples.", few=FEW),),
)
ask, SAMPLES = SPEC.ask, SPEC.samples
