"""Does public seed money draw private money, and do public services push it out? (H11, H34, H35)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample. Arms are set by hand,
since the questions are about private against public money of one instrument and not about the best use of a sum; but
relief of market entry is held against public services of equal public money in the same sample (0.5 %).

H11 (C85, C118: a little public seed money draws much private money). Settings: no public venture money; that of 2014, a
few million CNY a year, which is the small fund; five times and twenty times as much. Outcome: private venture money
invested beyond that without public money, per yuan put into the public fund. Holds in a sample if the small fund draws
more than one yuan per yuan. H11 (size) holds if the small fund draws more per yuan than the one of twenty times, by
more than 0.1 yuan. Following Yang and others (2014) the sign is asked by the thickness of the market: H11 (thin market)
holds if five times the fund draws more than 0.1 yuan per yuan where private money on offer in 2015 is less than the
deals in sight; H11 (thick market) if it displaces more than 0.1 yuan per yuan where it is more. Each is judged in the
samples of its kind only.

H34 (C75: supply of all services by government keeps social capital out). Settings: public services of 0, one half, one,
two and five times those of 2014. Outcome: services sold by the market. Holds in a sample if the market sells less at
five times than at none, by more than 1 %. H34 (small supply) holds if it sells more at one half than at none, by as
much; H34 (turning point) if it sells more at a half, one or two times than at both ends, by as much (SB21). H34
(venture) holds if private venture money is less with the fund of twenty times than with none, by more than 1 %.

H35 (C76: public supply falls short of need). Holds in a sample if public services leave more than 1 % of the wanted
services, mean of 2015 to 2034, as things are. H35 (market) holds if public and market services together serve 95 % or
more in 2034. H35 (entry) holds if 10 million CNY a year for the entry of market services leave fewer wanted services
unserved in 2034 than more public services of equal public money, by more than 1 point.

Labels: H35 is built in, since public capacity is assumed below the need in most samples and its shortfall is an
account. H34 is conditional: public units serve first and the market what is left, and whether services call forth more
demand is a switch. H11 is conditional: deals are finite, and how far a public fund makes deals visible is assumed.
"""

from __future__ import annotations

import numpy as np

from sdmodel.study.effects import Paired, end, first_above, mean, ratio, worth
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Does public seed money draw private money, and do public services push it out?"

AS_IS, NO_FUND, SMALL, FIVE, TWENTY = "as it is", "no public fund", "fund of 2014", "fund times 5", "fund times 20"
NO_SERVICES, HALF, DOUBLE, HIGH = "no public services", "services halved", "services doubled", "services times 5"
ENTRY, MORE = "entry of market services", "public services of equal cost"
FUNDS = {NO_FUND: 0.0, SMALL: 1.0, FIVE: 5.0, TWENTY: 20.0}
SERVICES = {NO_SERVICES: 0.0, HALF: 0.5, DOUBLE: 2.0, HIGH: 5.0}

PRIVATE, INFLOW, OFFER = "private capital", "venture fund inflow", "private money over deals in 2015"
MARKET, UNMET, COVERAGE, CLOSED = "market served", "public part", "service coverage", "gap closed"
LEAST_DRAWN, LEAST, LEAST_PART, LEAST_POINT, CLOSED_AT = 1.0, 0.1, 1.0, 1.0, 0.95

DEALS = ("conditional", "deals are finite, and how far a public fund makes them visible is an assumed range")
FIRST = ("conditional", "public units serve first and the market what is left; further demand is a switch")
ACCOUNT = ("built in", "public capacity is assumed below the need in most samples, and its shortfall is an account")
ENTRANTS = ("conditional", "costs, margins and growth of market services are assumed ranges")


def drawn(p: Paired, arm: str, against: str = NO_FUND) -> np.ndarray:
    """Private venture money that a public fund draws, per yuan put into it."""
    put_in = p.gain(INFLOW, arm, against)
    return p.gain(PRIVATE, arm, against) / np.where(put_in >= LEAST_DRAWN, put_in, np.nan)


def by_market(p: Paired, thick: bool, arm: str = FIVE) -> np.ndarray:
    """The same where private money on offer exceeds the deals in sight, or falls short of them."""
    return np.where((p[OFFER, AS_IS] >= 1) == thick, drawn(p, arm), np.nan)


def _turn(p: Paired) -> np.ndarray:
    """Best supply inside over the better end, in percent of market services."""
    with np.errstate(all="ignore"):
        return 100 * (p.best(MARKET, [HALF, AS_IS, DOUBLE]) / p.best(MARKET, [NO_SERVICES, HIGH]) - 1)


def _notes(p: Paired) -> list[str]:
    when = p[CLOSED, AS_IS]
    sizes = [p[MARKET, arm] for arm in (NO_SERVICES, HALF, AS_IS, DOUBLE, HIGH)]
    good = np.isfinite(sizes).all(axis=0)
    best = np.argmax(np.array(sizes)[:, good], axis=0)
    shares = [float((best == i).mean()) for i in range(5)]
    thick = p[OFFER, AS_IS] >= 1
    return [
        Say(
            "The market sells most services at none, a half, one, two and five times the public supply of 2014 in "
            "{none:.0%}, {half:.0%}, {one:.0%}, {two:.0%} and {five:.0%} of samples.",
            **dict(zip(("none", "half", "one", "two", "five"), shares, strict=True)),
        ),
        Say(
            "Public and market services pass 95 % of the wanted services by 2034 in {share:.0%} of samples; in half of "
            "these by {year:.0f}.",
            share=float(np.isfinite(when).sum() / max(1, (~np.isnan(when)).sum())),
            year=float(np.median(when[np.isfinite(when)])) if np.isfinite(when).any() else float("nan"),
        ),
        Say(
            "Private money on offer in 2015 exceeds the deals in sight in {thick:.0%} of samples. Private money drawn "
            "per yuan of public money (medians): fund of 2014 {small:+.2f}, five times {five:+.2f}, twenty times "
            "{twenty:+.2f}.",
            thick=float(thick.mean()),
            small=float(np.nanmedian(drawn(p, SMALL))),
            five=float(np.nanmedian(drawn(p, FIVE))),
            twenty=float(np.nanmedian(drawn(p, TWENTY))),
        ),
    ]


SPEC = Question(
    name="seed_capital",
    asks=QUESTION,
    arms={
        AS_IS: {},
        **{name: {"venture programme": size} for name, size in FUNDS.items()},
        **{name: {"service programme": size} for name, size in SERVICES.items()},
        ENTRY: {"market entry budget": 10.0},
    },
    equal=[Equal(like=ENTRY, size="market entry budget", arms={MORE: ({}, "service programme")}, start=1.5, low=1.0)],
    measures={
        PRIVATE: worth(PRIVATE),
        INFLOW: worth(INFLOW),
        OFFER: ratio(end("private venture offer", at=2015), end("visible deals", at=2015)),
        MARKET: worth(MARKET),
        UNMET: ratio(mean("public served"), mean("service demand")),
        COVERAGE: end(COVERAGE),
        CLOSED: first_above(COVERAGE, CLOSED_AT),
    },
    predictions=[
        Prediction(
            "H11",
            "that a small public venture fund draws more than a yuan of private money per yuan",
            lambda p: drawn(p, SMALL),
            "yuan of private venture money per yuan of public money",
            LEAST_DRAWN,
            *DEALS,
        ),
        Prediction(
            "H11 (size)",
            "that a small public venture fund draws more private money per yuan than a large one",
            lambda p: drawn(p, SMALL) - drawn(p, TWENTY),
            "yuan of private venture money per yuan of public money",
            LEAST,
            *DEALS,
        ),
        Prediction(
            "H11 (thin market)",
            "that a public fund draws private money where private money is short of deals",
            lambda p: by_market(p, False),
            "yuan of private venture money per yuan of public money",
            LEAST,
            *DEALS,
        ),
        Prediction(
            "H11 (thick market)",
            "that a public fund displaces private money where deals are short of it",
            lambda p: -by_market(p, True),
            "yuan of private venture money displaced per yuan of public money",
            LEAST,
            *DEALS,
        ),
        Prediction(
            "H34",
            "that public services of five times those of 2014 leave the market fewer services than none",
            lambda p: -p.change(MARKET, HIGH, NO_SERVICES),
            "% of market services lost",
            LEAST_PART,
            *FIRST,
        ),
        Prediction(
            "H34 (small supply)",
            "that a small public supply brings the market more services than none",
            lambda p: p.change(MARKET, HALF, NO_SERVICES),
            "% of market services",
            LEAST_PART,
            *FIRST,
        ),
        Prediction(
            "H34 (turning point)",
            "that the market sells most at some public supply between none and five times that of 2014",
            _turn,
            "% of market services over the better end",
            LEAST_PART,
            *FIRST,
        ),
        Prediction(
            "H34 (venture)",
            "that public venture money of twenty times that of 2014 lowers private venture money",
            lambda p: -p.change(PRIVATE, TWENTY, NO_FUND),
            "% of private venture money lost",
            LEAST_PART,
            *DEALS,
        ),
        Prediction(
            "H35",
            "that public supply alone falls short of what firms want",
            lambda p: 100 * (1 - p[UNMET, AS_IS]),
            "% of wanted services",
            LEAST_PART,
            *ACCOUNT,
        ),
        Prediction(
            "H35 (market)",
            "that the market closes the gap to 5 % by 2034",
            lambda p: 100 * (p[COVERAGE, AS_IS] - CLOSED_AT),
            "points of wanted services beyond 95 %",
            0.0,
            *ENTRANTS,
        ),
        Prediction(
            "H35 (entry)",
            "that relief of market entry serves more in 2034 than public services of equal public money",
            lambda p: 100 * (p[COVERAGE, ENTRY] - p[COVERAGE, MORE]),
            "points of wanted services",
            LEAST_POINT,
            *ENTRANTS,
        ),
    ],
    loops=[
        Loop("public money takes deals", "public venture investment", "deals left", NO_FUND, [SMALL, FIVE, TWENTY]),
        Loop(
            "public money makes deals visible (C118)",
            "public venture offer",
            "visible deals",
            NO_FUND,
            [SMALL, FIVE, TWENTY],
        ),
        Loop(
            "public units serve first (C75)",
            "public served",
            "residual demand",
            AS_IS,
            [*SERVICES, ENTRY, MORE],
        ),
    ],
    panels=[
        Rows(
            "Private money drawn",
            "private venture money against no public fund",
            "yuan per yuan put into the public fund",
            {
                "fund of 2014": lambda p: drawn(p, SMALL),
                "5 times": lambda p: drawn(p, FIVE),
                "20 times": lambda p: drawn(p, TWENTY),
                "5 times, thin market": lambda p: by_market(p, False),
                "5 times, thick market": lambda p: by_market(p, True),
            },
            LEAST,
        ),
        Rows(
            "Services sold by the market",
            "by public supply over that of 2014, against none",
            "% of market services, 2015 to 2034",
            {
                word: lambda p, arm=arm: p.change(MARKET, arm, NO_SERVICES)
                for word, arm in (
                    ("half", HALF), ("as in 2014", AS_IS), ("double", DOUBLE), ("5 times", HIGH)
                )
            },
            LEAST_PART,
        ),
        Rows(
            "Wanted services served in 2034",
            "public and market services; equal public money in the last two",
            "% of wanted services",
            {
                word: lambda p, arm=arm: 100 * p[COVERAGE, arm]
                for word, arm in (
                    ("no public services", NO_SERVICES), ("as it is", AS_IS), ("public 5 times", HIGH),
                    ("relief of market entry", ENTRY), ("more public services", MORE),
                )
            },
        ),
    ],
    headline=lambda f: Say(
        "A small public fund draws more than a yuan of private money per yuan in {drawn:.0%} of samples; public "
        "services of five times those of 2014 leave the market less than none in {out:.0%}",
        drawn=f.verdicts[0].share,
        out=f.verdicts[4].share,
    ),
    notes=_notes,
    small=("A market is thick where private money on offer in 2015 exceeds the deals in sight.",),
)  # fmt: skip
ask, SAMPLES = SPEC.ask, SPEC.samples
