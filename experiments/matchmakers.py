"""What holds firms and universities together: intermediaries, vouchers, or platforms that follow up? (H25, H26)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample, stocks in 2034.

Settings: as it is; public service units closed or doubled; relief of the entry of market intermediaries that costs the
same public money as doubled units (0.5 %); 20 million CNY a year more in vouchers; as much public money in brokerage
platforms instead. For the fading of vouchers: a voucher programme of 20 million CNY a year in 2014 only, ended in one
day at the start of 2015, against no vouchers at all, each alone and with brokerage platforms tripled from 2015, which
stand for a follow-up platform. The model has no rate of voucher, so sizes in money take the place of 20, 30 and 50 %.

H25 (C54 to C56: intermediaries are the glue). Holds in a sample if doubled public units raise deep and university links
per firm by more than 1 %. The sign is built in: the part of search cost that services save is nil or more. H25
(diminishing) holds if opening the units adds more to links than doubling them, by more than 0.1 %. H25 (market) holds
if market intermediaries bring more service coverage in 2034 than public units of equal public money, by more than 1
point. H25 (crowding) holds if doubled public units leave less market service than as it is, by more than 1 point of
coverage.

H26 (C12, C113: vouchers promote matching of universities and firms). Holds if vouchers as they are raise university and
voucher links in 2024 by more than 1 % against none; built in, as four of five vouchers make a link by input. H26
(lasting) holds if two years after the end of a programme at least a quarter of the links it had added are left; the
fading is an input as well. H26 (platform) holds if platforms leave a part that is larger by 10 points. H26 (money)
holds if more vouchers bring more new-product revenue than platforms of equal public money, by more than 0.1 yuan per
yuan.

Labels: H25 and H26 built in, and so are the fading and what platforms keep, as nothing in the model hands a voucher
link over to a platform; the further questions are conditional on what saves search, on the demand for services and on
the cost of a brokered link, all unpublished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdmodel.experiments.beyond import Beyond
from sdmodel.experiments.links import NETWORK
from sdmodel.study.effects import Measure, Paired, end, worth
from sdmodel.study.question import Equal, Loop, Prediction, Rows
from sdmodel.study.translation import Say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

QUESTION = "What holds firms and universities together: intermediaries, vouchers, or platforms that follow up?"

NONE, CLOSED, DOUBLED, MARKET = "as it is", "public units closed", "public units doubled", "market intermediaries"
MORE, PLATFORM = "more vouchers", "brokerage platforms"
NEVER, ONCE = "no vouchers", "vouchers in 2014 only"
NEVER_HELD, ONCE_HELD = "no vouchers, platforms", "vouchers in 2014 only, platforms"

NEW, LINKS, COVERAGE, SOLD = "new product revenue", "deep and university links per firm", "coverage", "market coverage"
MONTHS = {0: 2015.0, 6: 2015.5, 12: 2016.0, 24: 2017.0}
HELD = {months: f"university links after {months} months" for months in MONTHS}
TEN = "university links in 2024"

PERCENT, POINT, TENTH, QUARTER, LEAST = 1.0, 1.0, 10.0, 25.0, 0.1
FELT = 1.0
"""Links that a programme must have added, before it is asked how many are left."""


def _with_universities(at: float) -> Measure:
    """University and voucher links at a date."""

    def of(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
        return (found["university links"] + found["voucher links"]).sel(time=at)

    return Measure(("university links", "voucher links"), of)


def _sold(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Market part of the coverage, in points."""
    late = found.isel(time=-1)
    return 100 * late["service coverage"] * late["private service share"]


def left(p: Paired, months: int, once: str = ONCE, never: str = NEVER) -> np.ndarray:
    """Links that are left of those a programme had added, in percent."""
    added = p.gain(HELD[0], once, never)
    with np.errstate(all="ignore"):
        return 100 * p.gain(HELD[months], once, never) / np.where(added >= FELT, added, np.nan)


def _diminishing(p: Paired) -> np.ndarray:
    return -p.change(LINKS, CLOSED) - p.change(LINKS, DOUBLED)


BRIDGE = ("built in", "services save search cost or do nothing, by assumption (bridging effect, C55)")
SEARCH = ("conditional", "what intermediaries save in search is unpublished and may be nil")
SERVICE = ("conditional", "demand for services, entry cost and the response of the market are unpublished")
INPUT = ("built in", "four of five vouchers make a link, by input (voucher additionality)")
FADING = ("built in", "voucher links end within a year and few go on, by input (voucher link life, follow on share)")
PLACE = ("built in", "no platform takes over a voucher link in the model (voucher follow on share)")
VALUE = ("conditional", "cost of a brokered link and worth of a voucher link are unpublished")

ENDED = {"voucher budget": 0.0, "policy ramp time": 0.0}
SPEC = Beyond(
    name="matchmakers",
    asks=QUESTION,
    throughout=("vouchers before 2015",),
    arms={
        NONE: {},
        CLOSED: {"service programme": 0.0},
        DOUBLED: {"service programme": 2.0},
        MORE: {"voucher budget": 68.2},
        NEVER: {**ENDED, "vouchers before 2015 as set": 0.0},
        ONCE: {**ENDED, "vouchers before 2015 as set": 20.0},
        NEVER_HELD: {**ENDED, "vouchers before 2015 as set": 0.0, "brokerage programme": 3.0},
        ONCE_HELD: {**ENDED, "vouchers before 2015 as set": 20.0, "brokerage programme": 3.0},
    },
    equal=[
        Equal(like=DOUBLED, size="service programme", arms={MARKET: ({}, "market entry budget")}, start=15.0),
        Equal(like=MORE, size="voucher budget", arms={PLATFORM: ({}, "brokerage programme")}, start=2.5, low=1.0),
    ],
    measures={
        NEW: worth("new product revenue"),
        LINKS: NETWORK,
        COVERAGE: end("service coverage"),
        SOLD: Measure(("service coverage", "private service share"), _sold),
        TEN: _with_universities(2024.0),
        **{HELD[months]: _with_universities(at) for months, at in MONTHS.items()},
    },
    predictions=[
        Prediction(
            "H25",
            "that doubled public service units raise deep and university links",
            lambda p: p.change(LINKS, DOUBLED),
            "% of links per firm in 2034",
            PERCENT,
            *BRIDGE,
        ),
        Prediction(
            "H25 (diminishing)",
            "that public units as they are add more links than twice as many add to these",
            _diminishing,
            "% of links per firm in 2034",
            LEAST,
            *SEARCH,
        ),
        Prediction(
            "H25 (market)",
            "that market intermediaries bring more service coverage than public units of equal public money",
            lambda p: 100 * p.gain(COVERAGE, MARKET, DOUBLED),
            "points of coverage in 2034",
            POINT,
            *SERVICE,
        ),
        Prediction(
            "H25 (crowding)",
            "that doubled public units leave less market service",
            lambda p: -p.gain(SOLD, DOUBLED),
            "points of coverage less by the market in 2034",
            POINT,
            *SERVICE,
        ),
        Prediction(
            "H26",
            "that vouchers raise the number of links with universities",
            lambda p: p.change(TEN, NONE, NEVER),
            "% of university and voucher links in 2024",
            PERCENT,
            *INPUT,
        ),
        Prediction(
            "H26 (lasting)",
            "that a quarter of the links that vouchers had added is left two years after their end",
            lambda p: left(p, 24),
            "% of the links added",
            QUARTER,
            *FADING,
        ),
        Prediction(
            "H26 (platform)",
            "that platforms keep more of the links that vouchers had added",
            lambda p: left(p, 24, ONCE_HELD, NEVER_HELD) - left(p, 24),
            "points of the links added",
            TENTH,
            *PLACE,
        ),
        Prediction(
            "H26 (money)",
            "that more vouchers bring more new-product revenue than platforms of equal public money",
            lambda p: p.per_yuan(NEW, MORE) - p.per_yuan(NEW, PLATFORM),
            "yuan of new-product revenue per yuan of public money",
            LEAST,
            *VALUE,
        ),
    ],
    loops=[
        Loop("R7 coverage, reach, links (C56)", "service coverage", "reach", NONE, [CLOSED, DOUBLED]),
        Loop("R10 public units, residual demand (C74)", "public served", "residual demand", NONE, [DOUBLED]),
    ],
    panels=[
        Rows(
            "How much coverage comes of it?",
            "all, and by the market alone: public units closed or doubled, or help to the market instead",
            "points of coverage",
            {
                f"{short}, {word}": lambda p, arm=arm, what=what, scale=scale: scale * p.gain(what, arm)
                for arm, short in ((CLOSED, "closed"), (DOUBLED, "doubled"), (MARKET, "market help"))
                for word, what, scale in (("all", COVERAGE, 100.0), ("market", SOLD, 1.0))
            },
            POINT,
        ),
        Rows(
            "How many links come of it?",
            "deep and university links per firm, 2034 against as it is",
            "% of links per firm",
            {arm: lambda p, arm=arm: p.change(LINKS, arm) for arm in (CLOSED, DOUBLED, MARKET, MORE, PLATFORM, NEVER)},
            PERCENT,
        ),
        Rows(
            "How long do voucher links last?",
            "links left of those a programme of one year had added",
            "% of the links added",
            {
                f"after {months} months{word}": lambda p, months=months, pair=pair: left(p, months, *pair)
                for word, pair in (("", (ONCE, NEVER)), (", platforms", (ONCE_HELD, NEVER_HELD)))
                for months in (6, 12, 24)
            },
        ),
    ],
    headline=lambda f: Say(
        "Doubled public service units raise lasting links by more than 1 % in {units:.0%} of samples; voucher links "
        "fade, {left:.0f} % are left after two years, and platforms keep more of them in {kept:.0%}; more vouchers "
        "beat platforms of equal money in {money:.0%}",
        units=f.verdicts[0].share,
        left=f.verdicts[5].effect[0],
        kept=f.verdicts[6].share,
        money=f.verdicts[7].share,
    ),
    notes=lambda p: [
        Say(
            "Links left of those a voucher programme of one year had added, medians: {six:.0f} % after six months, "
            "{twelve:.0f} % after twelve, {two:.0f} % after twenty-four.",
            six=np.nanmedian(left(p, 6)),
            twelve=np.nanmedian(left(p, 12)),
            two=np.nanmedian(left(p, 24)),
        ),
        Say(
            "Service coverage in 2034, median: {none:.0%} as it is, {closed:.0%} with units closed, {doubled:.0%} with "
            "twice as many, {market:.0%} with market intermediaries of equal public money.",
            none=np.nanmedian(p[COVERAGE, NONE]),
            closed=np.nanmedian(p[COVERAGE, CLOSED]),
            doubled=np.nanmedian(p[COVERAGE, DOUBLED]),
            market=np.nanmedian(p[COVERAGE, MARKET]),
        ),
    ],
)
ask, SAMPLES = SPEC.ask, SPEC.samples
