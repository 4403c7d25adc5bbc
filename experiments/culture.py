"""Does culture need institutions, and what does insurance of failures bring? (H30, H31)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample, stocks in 2034.

Settings: as it is; slogans, 20 million CNY a year for advocacy; slogans and institution rules, half each, at the same
public money (0.5 %); rules alone at the same public money; insurance that bears half of a failure; more grants of the
size of 2014 that cost the same public money as the insurance (0.5 %).

H30 (C122 to C126: spirit must become institution before values are shared). Holds in a sample if slogans with rules
bring more shared values in 2034 than slogans alone for the same money, by more than 0.01 on a scale of one; the path
from institutions to values is built in, as a product. H30 (seen) holds if slogans with rules lift shared values by more
than 0.01 within ten years: how long until anything can be measured. H30 (network) holds if they raise deep links per
firm in 2034 by more than 1 %. H30 (slogans) holds if slogans alone lift shared values by more than 0.01 in 2034.

H31 (C123: insurance encourages risk). Holds if insurance raises knowledge in 2034 by more than 0.1 %. That insured
firms want more RnD is nil or positive by assumption, but so is their carelessness, so the sign is open. H31 (RnD) holds
if it raises own real RnD by more than 0.1 yuan per yuan of public money. H31 (grants) holds if it brings more own real
RnD than grants of equal public money, by the same. H31 (misuse) holds if new-product revenue falls by more than 0.1 %,
against the paper.

Labels: H30 built in; when it is seen and what it does to links conditional on the slowness of values and on what they
do to conduct, all unpublished; H31 conditional on how firms respond to insurance.
"""

from __future__ import annotations

import numpy as np

from sdmodel.experiments.beyond import Beyond
from sdmodel.study.effects import Paired, end, worth
from sdmodel.study.question import Equal, Loop, Prediction, Rows
from sdmodel.study.translation import Say

QUESTION = "Does culture need institutions, and what does insurance of failures bring?"

NONE, AS_SET = "as it is", "slogans of 20 million CNY a year"
SLOGANS, BOTH, RULES = "slogans", "slogans and rules", "rules"
INSURED, GRANTS = "insurance of failures", "grants"
VALUES, SOON, DEEP = "shared values in 2034", "shared values in 2024", "deep links per firm in 2034"
KNOWN, OWN, NEW = "knowledge in 2034", "own RnD", "new product revenue"
SEEN, PERCENT, LEAST = 0.01, 1.0, 0.1

PATH = ("built in", "values follow the product of institutions and trust, institutions that of spirit and rules (C122)")
SLOW = ("conditional", "the time in which values form and what they do to conduct are unpublished")
DARE = ("conditional", "how far insured firms dare more, and how careless they get, is unpublished")


def _cost_of_knowledge(p: Paired, arm: str) -> np.ndarray:
    """Public yuan per yuan of knowledge in 2034."""
    gain = p.gain(KNOWN, arm)
    return p.cost(arm) / np.where(gain > 0, gain, np.nan)


def _notes(p: Paired) -> list[str]:
    return [
        Say(
            "Shared values, median: {none:.3f} in 2034 as it is, {slogans:.3f} with slogans, {both:.3f} with slogans "
            "and rules, {rules:.3f} with rules, of one.",
            none=np.nanmedian(p[VALUES, NONE]),
            slogans=np.nanmedian(p[VALUES, SLOGANS]),
            both=np.nanmedian(p[VALUES, BOTH]),
            rules=np.nanmedian(p[VALUES, RULES]),
        ),
        Say(
            "Insurance: knowledge rises in {up:.0%} of samples and falls in {down:.0%}; where it rises, one yuan of "
            "knowledge in 2034 costs {cost:.1f} yuan of public money (median), with grants {grants:.1f}.",
            up=np.mean(p.change(KNOWN, INSURED) > LEAST),
            down=np.mean(p.change(KNOWN, INSURED) < -LEAST),
            cost=np.nanmedian(_cost_of_knowledge(p, INSURED)),
            grants=np.nanmedian(_cost_of_knowledge(p, GRANTS)),
        ),
    ]


SPEC = Beyond(
    name="culture",
    asks=QUESTION,
    arms={NONE: {}, AS_SET: {"advocacy budget": 20.0}, INSURED: {"insured part of a failure": 0.5}},
    equal=[
        Equal(
            like=AS_SET,
            size="advocacy budget",
            arms={
                SLOGANS: ({}, {"advocacy budget": (0.0, 20.0)}),
                BOTH: ({}, {"advocacy budget": (0.0, 10.0), "institution budget": (0.0, 10.0)}),
                RULES: ({}, {"institution budget": (0.0, 20.0)}),
            },
            high=5.0,
        ),
        Equal(like=INSURED, size="insured part of a failure", arms={GRANTS: ({}, "grant number")}, start=1.2, low=1.0),
    ],
    measures={
        VALUES: end("shared values"),
        SOON: end("shared values", at=2024.0),
        DEEP: end("deep links per firm"),
        KNOWN: end("knowledge"),
        OWN: worth("own RnD"),
        NEW: worth("new product revenue"),
    },
    predictions=[
        Prediction(
            "H30",
            "that slogans with rules bring more shared values than slogans alone at equal public money",
            lambda p: p.gain(VALUES, BOTH, SLOGANS),
            "of shared values in 2034, on a scale of one",
            SEEN,
            *PATH,
        ),
        Prediction(
            "H30 (slogans)",
            "that slogans alone lift shared values",
            lambda p: p.gain(VALUES, SLOGANS),
            "of shared values in 2034, on a scale of one",
            SEEN,
            *SLOW,
        ),
        Prediction(
            "H30 (seen)",
            "that what slogans with rules do to shared values can be seen within ten years",
            lambda p: p.gain(SOON, BOTH),
            "of shared values in 2024, on a scale of one",
            SEEN,
            *SLOW,
        ),
        Prediction(
            "H30 (network)",
            "that slogans with rules make more deep links",
            lambda p: p.change(DEEP, BOTH),
            "% of deep links per firm in 2034",
            PERCENT,
            *SLOW,
        ),
        Prediction(
            "H31",
            "that insurance of failures raises knowledge",
            lambda p: p.change(KNOWN, INSURED),
            "% of knowledge in 2034",
            LEAST,
            *DARE,
        ),
        Prediction(
            "H31 (RnD)",
            "that insurance of failures raises own real RnD",
            lambda p: p.per_yuan(OWN, INSURED),
            "yuan of own real RnD per yuan of public money",
            LEAST,
            *DARE,
        ),
        Prediction(
            "H31 (grants)",
            "that insurance of failures brings more own real RnD than grants of equal public money",
            lambda p: p.per_yuan(OWN, INSURED) - p.per_yuan(OWN, GRANTS),
            "yuan of own real RnD per yuan of public money",
            LEAST,
            *DARE,
        ),
        Prediction(
            "H31 (misuse)",
            "that insured firms get so careless that new-product revenue falls",
            lambda p: -p.change(NEW, INSURED),
            "% less new-product revenue",
            LEAST,
            *DARE,
        ),
    ],
    loops=[
        Loop("culture, conduct, trust (C125)", "shared values", "soft constraint", NONE, [SLOGANS, BOTH]),
        Loop("insured firms dare more (C123)", "insured share of RnD", "uncurbed intensity", NONE, [INSURED]),
        Loop("insured firms take less care (C123)", "insured share of RnD", "conversion odds", NONE, [INSURED]),
    ],
    panels=[
        Rows(
            "What reaches shared values?",
            "shared values in 2034 on a scale of one, against as it is, equal public money",
            "of shared values",
            {arm: lambda p, arm=arm: p.gain(VALUES, arm) for arm in (SLOGANS, BOTH, RULES)},
            SEEN,
        ),
        Rows(
            "What culture does to the network",
            "deep links per firm in 2034 against as it is, equal public money",
            "% of deep links per firm",
            {arm: lambda p, arm=arm: p.change(DEEP, arm) for arm in (SLOGANS, BOTH, RULES)},
            PERCENT,
        ),
        Rows(
            "What insurance brings",
            "against as it is, equal public money",
            "%",
            {
                f"{word}, {short}": lambda p, arm=arm, what=what: p.change(what, arm)
                for word, what in (("knowledge", KNOWN), ("own RnD", OWN), ("revenue", NEW))
                for arm, short in ((INSURED, "insurance"), (GRANTS, "grants"))
            },
            LEAST,
        ),
    ],
    paths=("shared values", [BOTH, SLOGANS, RULES]),
    headline=lambda f: Say(
        "Slogans alone lift shared values in {slogans:.0%} of samples, slogans with rules by more for equal money in "
        "{both:.0%}; insurance of failures brings more own RnD than grants of equal money in {grants:.0%}, but "
        "new-product revenue falls in {misuse:.0%}",
        slogans=f.verdicts[1].share,
        both=f.verdicts[0].share,
        grants=f.verdicts[6].share,
        misuse=f.verdicts[7].share,
    ),
    notes=_notes,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
