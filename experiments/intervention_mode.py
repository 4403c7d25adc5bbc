"""How much should government support, and how much should it decide? (H32, H33, H47)

Written down before the first run
---------------------------------
Treatments from 2015, outcomes at 2034, present values 2015 to 2034. Money is not made equal: the question is how an
outcome goes with the amount of support or with who decides on it, and who decides costs nothing in the model.

Settings: volume of all programmes 0, 0.5, 1, 2 and 4 times that of 2014, decided as in 2014; part of them decided case
by case 1 as in 2014, 0.75, 0.5, 0.25 and 0 (all by rule), at the volume of 2014; protection of weak firms five times
that of 2014 and none; directions of RnD three times as in 2014 and none.

H32 (C62, C63, C77: intervention has an optimum). Holds in a sample if self-organisation, as it shows in flows, is
higher at 0.5, 1 or 2 times the volume than at both 0 and 4, by more than 2 %. H32 (mode) asks the same of 0.25, 0.5
and 0.75 of decisions against both ends; H32 (network) and H32 (firms) ask it of deep links per firm and of the number
of firms on the axis of volume. Samples whose outcome goes by less than 2 % over the whole axis are counted as flat.
The ends of an axis are choices, and an optimum inside is one inside these ends. In 500 samples the whole surface of
volume and mode is run, and each arena in which government decides is held at its path of 2014 policy, to see which
of them moves the optimum.

H33 (C65 to C68: protection of weak firms lowers productivity). Holds if revenue per firm is lower with five times the
protection than with none, by more than 0.5 %. H33 (strong firms) asks it of revenue per strong firm, which the number
of weak firms does not lower by counting. H33 (revenue) asks it of the present value of revenue of all firms. The loss
is also given for each firm that is kept. Jobs are RnD staff, the only staff in the model.

H47 (I14, C98 against C64: directions set by government help firms, and too much of them harms). Holds if new-product
revenue is higher with directions as in 2014 than with none and than with three times as much, by more than 0.5 %. H47
(help) holds if three times the directions bring more new-product revenue than none, by 0.5 %; H47 (harm) if they
leave the market with less competition strength, by 0.5 %. Diversity of topics is no stock; what directions take from
it shows in competition strength only.

Labels: H32 conditional; where harm of a decision and help of its money are placed decides it, the part of a decision
that displaces the market has nil in its range. H33 built in; C65, protection lowers the hazard of weak firms (its
size has nil in its range, and shielded firms may learn more or less). H33 (strong firms) and H33 (revenue) emergent.
H47 and H47 (help) conditional; the worth of a set direction ranges from below nil to above. H47 (harm) built in; C64.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sdmodel.experiments.intervention_surface import FIRMS, FLAT, MODE, NET, NONE, SO, VOLUME, axis, inside, surface
from sdmodel.study.arms import Arms
from sdmodel.study.effects import Measure, Paired, end, ratio, worth
from sdmodel.study.finding import Finding
from sdmodel.study.question import Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "How much should government support, and how much should it decide itself?"

SHIELD, OPEN = "protection x5", "no protection"
SET, FREE = "directions x3", "no directions"
PRODUCTIVITY, STRONG, ALL, JOBS = "revenue per firm", "revenue per strong firm", "revenue", "RnD staff"
NEW, COMPETITION = "new product revenue", "competition strength"
LEAST = 0.5
PLACED = ("conditional", "where harm of decisions and help of money are placed decides it")
WORTH = ("conditional", "the worth of a set direction is assumed, from below nil to above")

MEASURES: dict[str, Measure] = {
    SO: end("self organisation index"),
    NET: end("deep links per firm"),
    FIRMS: end("all firms"),
    PRODUCTIVITY: ratio(end("revenue"), end("all firms")),
    STRONG: ratio(end("revenue", quality="strong"), end("firms by quality", quality="strong")),
    ALL: worth("revenue"),
    JOBS: end("RnD staff"),
    NEW: worth("new product revenue"),
    COMPETITION: end("competition strength"),
}


def optimum(name: str, says: str, what: str, arms: Sequence[str]) -> Prediction:
    """A prediction that an outcome is best inside an axis."""
    return Prediction(
        name, says, lambda p: inside(axis(p, what, arms)), "% above the better end of the axis", FLAT, *PLACED
    )


def _best_directions(p: Paired) -> np.ndarray:
    return inside(axis(p, NEW, [FREE, NONE, SET]))


def _notes(p: Paired) -> list[str]:
    kept, staff = p.gain(FIRMS, SHIELD, OPEN), p.gain(JOBS, SHIELD, OPEN)
    lost = -p.change(PRODUCTIVITY, SHIELD, OPEN)
    cost = p.cost(SHIELD, OPEN)
    able = (kept >= 1) & np.isfinite(cost)
    out = []
    if able.any():
        out.append(
            Say(
                "Protection keeps firms alive in {share:.0%} of samples, {kept:.0f} more in 2034 (median); a hundred "
                "firms kept go with {lost:.2f} % less revenue per firm and cost {cost:.0f} million CNY.",
                share=able.mean(),
                kept=np.median(kept[able]),
                lost=np.median((100 * lost / kept)[able]),
                cost=np.median((100 * cost / kept)[able]),
            )
        )
    some = staff >= 1
    out.append(
        Say(
            "RnD staff is higher with protection in {share:.0%} of samples, by {staff:.0f} persons (median of all).",
            share=some.mean(),
            staff=np.nanmedian(staff),
        )
    )
    return out


def _extras(finding: Finding, paired: Paired, arms: Arms) -> None:
    surface(finding, paired, arms, MEASURES)
    learns = arms.draws["protection effect on learning"].to_numpy() > 0
    lost = -paired.change(PRODUCTIVITY, SHIELD, OPEN)
    if learns.any() and not learns.all():
        finding.notes.append(
            Say(
                "Where shielded firms learn more, protection costs {more:.2f} % of revenue per firm, where they learn "
                "less {less:.2f} % (medians).",
                more=np.nanmedian(lost[learns]),
                less=np.nanmedian(lost[~learns]),
            )
        )


SPEC = Question(
    name="intervention_mode",
    asks=QUESTION,
    arms={
        NONE: {},
        **{name: {"programme scale": s} for s, name in VOLUME.items() if s != 1},
        **{name: {"administrative share": p} for p, name in MODE.items() if p != 1},
        SHIELD: {"protection programme": 5.0},
        OPEN: {"protection programme": 0.0},
        SET: {"direction of RnD": 3.0},
        FREE: {"direction of RnD": 0.0},
    },
    measures=MEASURES,
    predictions=[
        optimum("H32", "that self-organisation is best at a volume of programmes inside", SO, list(VOLUME.values())),
        optimum(
            "H32 (mode)", "that self-organisation is best with part of it decided by case", SO, list(MODE.values())
        ),
        optimum("H32 (network)", "that deep links are most at a volume inside", NET, list(VOLUME.values())),
        optimum("H32 (firms)", "that firms are most at a volume inside", FIRMS, list(VOLUME.values())),
        Prediction(
            "H33",
            "that protection of weak firms lowers revenue per firm",
            lambda p: -p.change(PRODUCTIVITY, SHIELD, OPEN),
            "% of revenue per firm lost",
            LEAST,
            "built in",
            "C65: protection lowers the hazard of weak firms, its size from nil",
        ),
        Prediction(
            "H33 (strong firms)",
            "that protection of weak firms lowers revenue per strong firm",
            lambda p: -p.change(STRONG, SHIELD, OPEN),
            "% of revenue per strong firm lost",
            LEAST,
            "emergent",
            "no equation takes it from strong firms; markets, money and learning do, or do not",
        ),
        Prediction(
            "H33 (revenue)",
            "that protection of weak firms lowers revenue of all firms",
            lambda p: -p.change(ALL, SHIELD, OPEN),
            "% of the present value of revenue lost",
            LEAST,
            "emergent",
            "more firms against worse ones; neither is put in",
        ),
        Prediction(
            "H47",
            "that new-product revenue is best with directions as in 2014, between none and three times as much",
            _best_directions,
            "% above the better end",
            LEAST,
            *WORTH,
        ),
        Prediction(
            "H47 (help)",
            "that three times the directions bring more new-product revenue than none",
            lambda p: p.change(NEW, SET, FREE),
            "% of new-product revenue",
            LEAST,
            *WORTH,
        ),
        Prediction(
            "H47 (harm)",
            "that three times the directions leave less competition strength than none",
            lambda p: -p.change(COMPETITION, SET, FREE),
            "% of competition strength lost",
            LEAST,
            "built in",
            "C64: what government decides, the market does not, its size from nil",
        ),
    ],
    loops=[
        Loop("B9 protection and exits (C65)", "protected share", "selection factor", NONE, [SHIELD, OPEN]),
        Loop("directions and success of projects (C98)", "help of directions", "conversion odds", NONE, [SET, FREE]),
        Loop(
            "decided RnD money and practice (C64)",
            "decided share of RnD money",
            "experienced share of RnD money",
            NONE,
            [SET, FREE],
        ),
    ],
    panels=[
        Rows(
            "More programmes, decided as in 2014",
            "self-organisation in 2034 against the volume of 2014",
            "% of self-organisation",
            {name: lambda p, name=name: p.change(SO, name) for name in VOLUME.values() if name != NONE},
            FLAT,
        ),
        Rows(
            "As much support, decided by rule",
            "self-organisation in 2034 against all decided case by case",
            "% of self-organisation",
            {name: lambda p, name=name: p.change(SO, name) for name in MODE.values() if name != NONE},
            FLAT,
        ),
        Rows(
            "Protection x5 and directions x3",
            "each against none of it, 2034 or present value",
            "% against none of it",
            {
                "protection: firms": lambda p: p.change(FIRMS, SHIELD, OPEN),
                "protection: revenue per firm": lambda p: p.change(PRODUCTIVITY, SHIELD, OPEN),
                "protection: per strong firm": lambda p: p.change(STRONG, SHIELD, OPEN),
                "directions: new products": lambda p: p.change(NEW, SET, FREE),
                "directions: competition": lambda p: p.change(COMPETITION, SET, FREE),
            },
            LEAST,
        ),
    ],
    headline=lambda f: Say(
        "An optimum of intervention inside the range is rare: {volume:.0%} of samples for its volume, {mode:.0%} for "
        "deciding case by case; protection of weak firms lowers revenue per firm in {lost:.0%}, and set directions "
        "help new products in {help:.0%}",
        volume=f.verdicts[0].share,
        mode=f.verdicts[1].share,
        lost=f.verdicts[4].share,
        help=f.verdicts[8].share,
    ),
    notes=_notes,
    extras=_extras,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
