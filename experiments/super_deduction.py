"""Does an extra tax deduction raise RnD, and does a progressive one raise it more for the same money? (H01, H02)

Written down before the first run
---------------------------------
Treatments from 2015; present values 2015 to 2034 at the real social discount rate of the sample. The deduction of the
law is replaced in every arm, so that the sampled path of the tax law moves tax rates and ceilings, not the arm.

Settings: no extra deduction; a flat one of 50 % (the law of 2014); three progressive designs, each at the size that
costs in the same sample the same public money beyond that of no deduction as the flat one (0.5 %), no rate above 200
%: by brackets (0, 1/4, 1/2, 3/4 and all of the top rate on the part of RnD between 0, 1, 3, 5 and 8 % of revenue),
the same rates on the whole amount, and the rule of 1996 (a flat rate for firms whose RnD grew by 10 %). A design that
cannot spend the money is counted as such and not compared. By tax position: none and flat 50 % again where every firm
with a profit pays 25, 15 or 10 % from 2015, in the first 1,000 samples; at 0 % a deduction saves nothing and costs
nothing, by formula.

Outcome: own real RnD, per yuan of public money beyond that of no deduction. Smallest difference that counts: 0.1
yuan. Samples in which the flat deduction costs less than one million CNY are left out.

H01 (C81: 累进制 raises RnD input). Holds in a sample if the brackets bring more than the flat rate by more than that.
The two other designs are judged alike.

H02 (C80: tax relief raises RnD). Holds if the flat rate brings more than 0.1 yuan of own real RnD per yuan. The sign
is built in, so the size is judged as well: H02 (size) holds if it brings 0.5 yuan or more, the low end of what was
measured (Hall and Van Reenen 2000, Guceri and Liu 2019). H02 (tax rate), added when the question took its present form,
holds if the rise of own real RnD through the flat rate is larger at 25 than at 15 and at 15 than at 10 % tax, by more
than 0.1 % of own real RnD each.

Labels: H01 is conditional: that a marginal rate costs little on RnD done anyway is arithmetic; cash limits,
relabelling and firms that respond to the average rate work against it. The rule of 1996 is built in: in the model it
only thins out the deduction, firms do not plan their growth by it (said after the first run had shown no difference
at all). H02 is built in: the elasticity is above zero by assumption. So is H02 (tax rate): a deduction saves its rate
of tax.

Links held, each at its path in the flat arm: see `LOOPS`; the first is the mechanism itself, the others are loops.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.core.expression import Call, Op, Ref
from sdmodel.model import Model
from sdmodel.study.answer import replace_draws
from sdmodel.study.arms import Arms, total
from sdmodel.study.effects import Measure, Paired, end, worth
from sdmodel.study.finding import Finding, judged, spread
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Does an extra tax deduction raise RnD, and does a progressive one raise it more for the same public money?"

FLAT_RATE, TOP_RATE = 0.5, 2.0
POSITIONS, PLACED = (0.25, 0.15, 0.10), 1_000
SMALLEST, MEASURED, LEAST_RISE = 0.1, 0.5, 0.1

OWN, REPORTED, INTENSITY = "own RnD", "reported RnD", "real RnD intensity"
FORGONE, TO_STRONG = "tax forgone", "tax forgone to strong firms"
LOW, SAVERS, RESPONSE = "firms below 3 % in 2034", "firms that save tax in 2024", "what firms respond to"
LOW_BANDS = ["b1", "b2"]
"""Firms with less than 3 % of revenue in RnD, those that barely survive by the paper (F53)."""
NO_LAW = {"law deduction kept": 0.0}
NONE, FLAT, BRACKETS, WHOLE, GROWTH = "none", "flat", "brackets", "whole amount", "growth rule of 1996"
PLAIN = {NONE: NO_LAW, FLAT: {**NO_LAW, "flat extra deduction": FLAT_RATE}}
DESIGNS = {
    BRACKETS: (NO_LAW, "progressive deduction size"),
    WHOLE: ({**NO_LAW, "whole amount rule": 1.0}, "progressive deduction size"),
    GROWTH: ({**NO_LAW, "growth rule": 1.0}, "flat extra deduction"),
}
RESPONSES = ("rate on one more yuan", "average rate", "cash this year")

LOOPS = [
    Loop("price of RnD (C80)", "user cost", "uncurbed intensity", FLAT, [NONE, *DESIGNS]),
    Loop("tax saved as cash (C22)", "tax paid", "funds left for RnD", FLAT, [NONE, *DESIGNS]),
    Loop(
        "R1 knowledge, new products, surplus (C87)", "knowledge per firm", "new product revenue", FLAT, [NONE, *DESIGNS]
    ),
    Loop("B11 load of the agencies (C69-C73)", "room for a programme", "implementation target", FLAT, [NONE, *DESIGNS]),
]

PER_YUAN = "yuan of own real RnD per yuan of public money"
LABEL_01 = ("conditional", "a marginal rate costs little on RnD done anyway, cash and relabelling work against it")
LABEL_RULE = (
    "built in",
    "the rule lets part of the firms have the same rate, and firms do not plan growth by it (TX15)",
)
LABEL_02 = ("built in", "the elasticity of RnD to its user cost is 1.1 to 2.6 by assumption (TX03)")
LABEL_RATE = ("built in", "a deduction saves its rate of tax, by formula (TX09)")
LABEL_SIZE = (
    "conditional",
    "the elasticity is an input; cash limits, losses, take-up and relabelling set what is left",
)


def _low(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Part of the firms below 3 % in 2034."""
    firms = (found["band share"] * found["firms by quality"]).isel(time=-1)
    return total(firms.sel(band=LOW_BANDS)) / total(firms)


def _savers(found: xr.Dataset, draws: pd.DataFrame) -> xr.DataArray:
    """Part of the firms that claim and have a profit in 2024."""
    profit = found["chance above"].sel(tier="low profit", time=2024)
    firms = found["firms by quality"].sel(time=2024)
    return total(profit * firms) / total(firms) * xr.DataArray(draws["take up"].to_numpy(), dims="sample")


def _response(found: xr.Dataset, draws: pd.DataFrame) -> xr.DataArray:
    """What the firms of a sample respond to."""
    return 0 * total(found[OWN]).isel(time=-1) + xr.DataArray(draws["response switch"].to_numpy(), dims="sample")


def gain(p: Paired, design: str, what: str = OWN) -> np.ndarray:
    """What a progressive design adds to the flat one, in yuan of RnD per yuan of public money."""
    return p.per_yuan(what, design) - p.per_yuan(what, FLAT)


def by_response(p: Paired, switch: int) -> np.ndarray:
    """What the brackets add in the samples whose firms respond to one of three things."""
    return np.where(p[RESPONSE, NONE] == switch, gain(p, BRACKETS), np.nan)


def with_tax_position(model: Model) -> Model:
    """The model in which every firm with a profit pays the rate `tax position` from the policy start on."""
    later = Op(">=", (Ref("time"), Ref("policy start")))
    rate = dataclasses.replace(model["full rate"], name="tax position", limits=(0.0, 0.25), role="lever")
    for name in ("rate of low profit", "rate of middle profit", "full rate", "high tech rate"):
        law = model[name].components[0].expr
        model = model.replace(name, Call("if then else", (later, Ref(rate.key), law)))
    return model.with_variable(rate)


def placed(name: str, rate: float) -> str:
    """An arm at a tax position."""
    return f"{name}, {100 * rate:g} % tax"


def rise(p: Paired, rate: float | None = None) -> np.ndarray:
    """Rise of own RnD in percent through the flat deduction, at a tax position or at the rates of the law."""
    return p.change(OWN, FLAT) if rate is None else p.change(OWN, placed(FLAT, rate), placed(NONE, rate))


def bought(p: Paired, rate: float | None = None) -> np.ndarray:
    """The same in yuan per yuan of public money."""
    return p.per_yuan(OWN, FLAT) if rate is None else p.per_yuan(OWN, placed(FLAT, rate), placed(NONE, rate))


def _positions(finding: Finding, p: Paired, arms: Arms) -> None:
    """None and flat at each tax position."""
    few = replace_draws(arms, arms.draws.iloc[:PLACED])
    settings = {placed(n, r): {**given, "tax position": r} for r in POSITIONS for n, given in PLAIN.items()}
    found = few.run("3/3 tax positions", settings, model=with_tax_position(arms.model))
    arms.runs += few.runs
    p.add(found, SPEC.measures, few.draws)
    full, middle, least = (rise(p, r) for r in POSITIONS)
    finding.verdicts.append(
        judged(
            "H02 (tax rate)",
            "that a flat extra deduction of 50 % raises own real RnD more where firms pay more tax",
            (full - middle > LEAST_RISE) & (middle - least > LEAST_RISE),
            full - least,
            "% of own real RnD, 25 against 10 % tax",
            LABEL_RATE,
            few.draws,
        )
    )
    for rate in POSITIONS:
        middle, low, high = spread(bought(p, rate))
        finding.notes.append(
            Say(
                "Flat 50 % at a tax rate of {rate:.0%}: own real RnD {rise:+.1f} %, {middle:.2f} yuan per yuan "
                "({low:.2f} to {high:.2f}), public money {money:,.0f} million CNY (medians).",
                rate=rate,
                rise=spread(rise(p, rate))[0],
                middle=middle,
                low=low,
                high=high,
                money=spread(p.cost(placed(FLAT, rate), placed(NONE, rate)))[0],
            )
        )


def _notes(p: Paired) -> list[str]:
    notes: list[str] = []
    for design in DESIGNS:
        for word, what in (("real", OWN), ("reported", REPORTED)):
            each = gain(p, design, what)
            each = each[np.isfinite(each)]
            more, less = (each > SMALLEST).mean(), (each < -SMALLEST).mean()
            notes.append(
                Say(
                    "{design} against flat, {word} RnD: more in {more:.0%}, less in {less:.0%}, within 0.1 yuan in "
                    "{same:.0%} of samples (median {median:+.2f} yuan per yuan).",
                    design=design.capitalize(),
                    word=word,
                    more=float(more),
                    less=float(less),
                    same=float(1 - more - less),
                    median=spread(each)[0],
                )
            )
        good = np.isfinite(p[OWN, design])
        notes.append(
            Say(
                "{design} against flat, medians: share of firms below 3 % in 2034 {low:+.2f} points, real intensity in "
                "2034 {intensity:+.3f} points, share of the tax forgone that goes to strong firms {strong:.0f} against "
                "{flat:.0f} %.",
                design=design.capitalize(),
                low=100 * spread(p.gain(LOW, design, FLAT))[0],
                intensity=100 * spread(p.gain(INTENSITY, design, FLAT))[0],
                strong=100 * spread(p[TO_STRONG, design] / p[FORGONE, design])[0],
                flat=100 * spread((p[TO_STRONG, FLAT] / p[FORGONE, FLAT])[good])[0],
            )
        )
    middle, low, high = spread(100 * p[SAVERS, FLAT])
    by = [each[np.isfinite(each)] for each in (by_response(p, i) for i in range(len(RESPONSES)))]
    shares = [float((each > SMALLEST).mean()) if len(each) else np.nan for each in by]
    return [
        *notes,
        Say(
            "Brackets beat flat in {one:.0%} of samples whose firms look at the rate on one more yuan of RnD, in "
            "{average:.0%} where they look at the average rate, in {cash:.0%} where at the cash of the year.",
            **dict(zip(("one", "average", "cash"), shares, strict=True)),
        ),
        Say(
            "Firms that save tax in the year through the flat deduction, 2024: {middle:.0f} % ({low:.0f} to {high:.0f} "
            "%); the rest do not claim or are in loss. At a tax rate of 0 % none does, by formula.",
            middle=middle,
            low=low,
            high=high,
        ),
    ]


def _headline(finding: Finding) -> Say:
    first, size = (next(v for v in finding.verdicts if v.hypothesis == name) for name in ("H01", "H02 (size)"))
    return Say(
        "A progressive deduction brings more real RnD than a flat one of equal cost in {first:.0%} of samples; a "
        "flat one of 50 % brings half a yuan or more per yuan in {size:.0%}",
        first=first.share,
        size=size.share,
    )


def _progressive(hypothesis: str, design: str, says: str, label: tuple[str, str]) -> Prediction:
    return Prediction(hypothesis, says, lambda p: gain(p, design), PER_YUAN, SMALLEST, *label)


PLACES = {**{f"{100 * r:g} % tax": r for r in POSITIONS}, "rates of the law": None}

SPEC = Question(
    name="super_deduction",
    asks=QUESTION,
    arms=PLAIN,
    equal=[Equal(like=FLAT, size="flat extra deduction", arms=DESIGNS, start=1.0, high=TOP_RATE)],
    measures={
        OWN: worth(OWN),
        REPORTED: worth(REPORTED),
        FORGONE: worth(FORGONE),
        TO_STRONG: worth(FORGONE, quality="strong"),
        INTENSITY: end(INTENSITY),
        LOW: Measure(("band share", "firms by quality"), _low),
        SAVERS: Measure(("chance above", "firms by quality"), _savers),
        RESPONSE: Measure((OWN,), _response),
    },
    predictions=[
        _progressive(
            "H01",
            BRACKETS,
            "that a progressive extra deduction by brackets brings more own real RnD than a flat one of 50 % at equal "
            "public money",
            LABEL_01,
        ),
        _progressive(
            "H01 (whole amount)",
            WHOLE,
            "that a progressive extra deduction on the whole amount brings more own real RnD than a flat one of 50 % "
            "at equal public money",
            LABEL_01,
        ),
        _progressive(
            "H01 (rule of 1996)",
            GROWTH,
            "that the growth rule of 1996 brings more own real RnD than a flat deduction of 50 % at equal public money",
            LABEL_RULE,
        ),
        Prediction(
            "H02", "that a flat extra deduction of 50 % raises own real RnD", bought, PER_YUAN, SMALLEST, *LABEL_02
        ),
        Prediction(
            "H02 (size)",
            "that a flat extra deduction of 50 % brings at least 0.5 yuan of own real RnD per yuan of public money",
            bought,
            PER_YUAN,
            MEASURED,
            *LABEL_SIZE,
            holds=lambda _, effect: effect >= MEASURED,
        ),
    ],
    loops=LOOPS,
    panels=[
        Rows(
            "Progressive designs",
            "RnD beyond that of a flat deduction of equal public money",
            "yuan of RnD per yuan of public money",
            {
                f"{word}, {kind}": lambda p, design=design, what=what: gain(p, design, what)
                for design, word in ((BRACKETS, "brackets"), (WHOLE, "whole amount"), (GROWTH, "rule of 1996"))
                for kind, what in (("real", OWN), ("reported", REPORTED))
            },
            SMALLEST,
        ),
        Rows(
            "What firms respond to",
            "brackets as in A, real RnD, by the rate that firms look at",
            "yuan of RnD per yuan of public money",
            {word: lambda p, i=i: by_response(p, i) for i, word in enumerate(RESPONSES)},
            SMALLEST,
        ),
        Rows(
            "Flat deduction of 50 % by tax rate",
            "real RnD against no extra deduction",
            "% of own real RnD, 2015 to 2034",
            {word: lambda p, rate=rate: rise(p, rate) for word, rate in PLACES.items()},
        ),
        Rows(
            "What a yuan buys, by tax rate",
            "real RnD against no extra deduction",
            "yuan of RnD per yuan of public money",
            {word: lambda p, rate=rate: bought(p, rate) for word, rate in PLACES.items()},
            SMALLEST,
        ),
    ],
    headline=_headline,
    notes=_notes,
    extras=_positions,
    small=(
        "Samples in which a design cannot spend the money within a rate of 200 % are left out.",
        "By tax rate: every firm with a profit pays the rate stated from 2015; at 0 % a deduction saves nothing.",
    ),
)
ask, SAMPLES = SPEC.ask, SPEC.samples
