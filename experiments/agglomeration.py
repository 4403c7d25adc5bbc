"""Do clusters feed themselves, and what do the cluster fund and freer spin-offs bring? (H21, H27, H28)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample, stocks in 2034.

Settings: as it is; the same without the pull that firms in zones have on others, over the whole run from 2009; the
preferences of zones ended; these preferences doubled, with and without pull and congestion; cluster support (links set
up out of the fund of 1,000 million CNY a year, and the preferences of zones) ended or doubled, which stands for a fund
of 0 and 2,000 million CNY a year; more grants of the size of 2014 that cost the same public money as doubled cluster
support (0.5 %); spin-offs freed from the drag of government-led science bases, which costs nothing by assumption.

H21 (C40: once formed, agglomeration feeds itself). Holds in a sample if the share of firms in zones in 2034 is higher
with the pull than without by more than 1 point. The pull is in the model as nil or positive, so the sign is built in
where firms grow. H21 (answer) holds if pull and congestion together raise what doubled preferences add to the share
by more than 10 %. H21 (lasting) holds if, without preferences from 2015, at least nine tenths of the share of 2034
are kept. H21 (runaway) holds if one percent more firms in zones call for more than one percent more in 2034: then
agglomeration goes on by itself.

H27 (C41, C108: cluster support builds networks and innovation). Holds if doubled support raises own real RnD and
new-product revenue alike, each by more than 0.1 % of as it is; the smaller of the two is the effect. Bavarian evidence
is against it: more innovators, less own RnD (NW05, NW06). H27 (network) holds if deep and university links per firm
rise by more than 1 %. H27 (money) holds if it brings more own real RnD than grants of equal public money, by more than
0.1 yuan per yuan.

H28 (C44: the government-led system holds spin-offs back). Holds if freed spin-offs raise new firms, as a mean over 2015
to 2034, by more than 1 %; built in by definition of the drag. H28 (firms) holds if all firms in 2034 are more by 1 %,
H28 (medium) if medium firms, which breed spin-offs in turn, are.

Labels: H21 and H28 built in, their further questions conditional, as pull, congestion and the part of entry that spins
off are unpublished; H27 conditional, since nobody published how much of the fund links firms of this population.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdmodel.experiments.beyond import Beyond
from sdmodel.experiments.links import NETWORK
from sdmodel.study.effects import Measure, Paired, end, mean, worth
from sdmodel.study.question import Equal, Loop, Prediction, Rows
from sdmodel.study.translation import Say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

QUESTION = "Do clusters feed themselves, and what do the cluster fund and freer spin-offs bring?"

NONE, NO_PULL, ENDED = "as it is", "no pull of firms in zones", "zone preferences ended"
ZONES, STILL, STILL_ZONES = "zone preferences doubled", "no pull, no congestion", "doubled, no pull, no congestion"
NO_FUND, TWICE, GRANTS, FREE = "no cluster support", "cluster support doubled", "grants", "spin-offs freed"

OWN, NEW, ENTRY, FIRMS, MEDIUM = "own RnD", "new product revenue", "new firms", "firms in 2034", "medium firms in 2034"
SHARE, GAIN, LINKS = "firms in zones, % of all", "agglomeration gain", "deep and university links per firm"

POINT, PERCENT, TENTH, LEAST, KEPT = 1.0, 1.0, 10.0, 0.1, 90.0
FELT = 0.1
"""Points of share that doubled preferences must add at least, before their answer is compared."""


def _percent(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    return 100 * found["zone share"].isel(time=-1)


def _gain(found: xr.Dataset, draws: pd.DataFrame) -> xr.DataArray:
    """Relative rise of the share that firms choose, per relative rise of the share there is: pull less congestion."""
    import xarray as xr

    share, over = (found[name].isel(time=-1) for name in ("zone share", "firms in zones over start"))
    pull, drag = (
        xr.DataArray(draws[name].to_numpy(), dims="sample") for name in ("agglomeration pull", "congestion drag")
    )
    return (pull - drag * over) * (1 - share)


def _answer(p: Paired) -> np.ndarray:
    """What pull and congestion add to the answer of the share to doubled preferences, in percent."""
    alone = p.gain(SHARE, STILL_ZONES, STILL)
    with np.errstate(all="ignore"):
        return 100 * (p.gain(SHARE, ZONES) / np.where(alone > FELT, alone, np.nan) - 1)


def _kept(p: Paired) -> np.ndarray:
    return 100 + p.change(SHARE, ENDED)


def _both(p: Paired) -> np.ndarray:
    return np.minimum(p.change(OWN, TWICE), p.change(NEW, TWICE))


PULL = ("built in", "the pull of firms in zones is nil or positive by assumption (agglomeration pull, C40)")
SIZES = ("conditional", "pull and congestion are unpublished; their ranges decide, and the pull may be nil")
FUND = ("conditional", "the part of the fund that links firms of this population is unpublished and may be nil")
DRAG = ("built in", "the drag lowers spin-offs by its definition (spin off constraint in 2014, C44)")
SPIN = ("conditional", "the part of entry that spins off, and growth to medium size, are unpublished")

SPEC = Beyond(
    name="agglomeration",
    asks=QUESTION,
    throughout=("agglomeration pull", "congestion drag"),
    arms={
        NONE: {},
        NO_PULL: {"agglomeration pull as set": 0.0},
        ENDED: {"zone programme": 0.0},
        ZONES: {"zone programme": 2.0},
        STILL: {"agglomeration pull as set": 0.0, "congestion drag as set": 0.0},
        STILL_ZONES: {"agglomeration pull as set": 0.0, "congestion drag as set": 0.0, "zone programme": 2.0},
        NO_FUND: {"brokerage programme": 0.0, "zone programme": 0.0},
        TWICE: {"brokerage programme": 2.0, "zone programme": 2.0},
        FREE: {"spin off constraint": 0.0},
    },
    equal=[
        Equal(
            like=TWICE,
            size={"brokerage programme": (1.0, 1.0), "zone programme": (1.0, 1.0)},
            arms={GRANTS: ({}, "grant number")},
            start=1.3,
            low=1.0,
        )
    ],
    measures={
        OWN: worth("own RnD"),
        NEW: worth("new product revenue"),
        SHARE: Measure(("zone share",), _percent),
        GAIN: Measure(("zone share", "firms in zones over start"), _gain),
        LINKS: NETWORK,
        ENTRY: mean("entrants"),
        FIRMS: end("all firms"),
        MEDIUM: end("medium firms"),
    },
    predictions=[
        Prediction(
            "H21",
            "that the share of firms in zones is higher with the pull of firms there than without",
            lambda p: p.gain(SHARE, NONE, NO_PULL),
            "points of the share of firms in zones",
            POINT,
            *PULL,
        ),
        Prediction(
            "H21 (answer)",
            "that pull and congestion together raise what doubled preferences add to the share of firms in zones",
            _answer,
            "% of what they add without both",
            TENTH,
            *SIZES,
        ),
        Prediction(
            "H21 (lasting)",
            "that nine tenths of the share of firms in zones stay without preferences",
            _kept,
            "% of the share as it is",
            KEPT,
            *SIZES,
        ),
        Prediction(
            "H21 (runaway)",
            "that agglomeration goes on by itself in 2034",
            lambda p: p[GAIN, NONE],
            "% more firms drawn in by one percent more firms in zones",
            1.0,
            *SIZES,
        ),
        Prediction(
            "H27",
            "that doubled cluster support raises own real RnD and new-product revenue alike",
            _both,
            "% of as it is, the smaller of the two",
            LEAST,
            *FUND,
        ),
        Prediction(
            "H27 (network)",
            "that doubled cluster support raises deep and university links per firm",
            lambda p: p.change(LINKS, TWICE),
            "% of links per firm in 2034",
            PERCENT,
            *FUND,
        ),
        Prediction(
            "H27 (money)",
            "that doubled cluster support brings more own real RnD than grants of equal public money",
            lambda p: p.per_yuan(OWN, TWICE) - p.per_yuan(OWN, GRANTS),
            "yuan of own real RnD per yuan of public money",
            LEAST,
            *FUND,
        ),
        Prediction(
            "H28",
            "that freed spin-offs raise the number of new firms",
            lambda p: p.change(ENTRY, FREE),
            "% of new firms",
            PERCENT,
            *DRAG,
        ),
        Prediction(
            "H28 (firms)",
            "that freed spin-offs raise the number of firms in 2034",
            lambda p: p.change(FIRMS, FREE),
            "% of firms in 2034",
            PERCENT,
            *SPIN,
        ),
        Prediction(
            "H28 (medium)",
            "that freed spin-offs raise the number of medium firms in 2034",
            lambda p: p.change(MEDIUM, FREE),
            "% of medium firms in 2034",
            PERCENT,
            *SPIN,
        ),
    ],
    loops=[
        Loop(
            "R3 and B6 firms in zones, attraction (C40)",
            "firms in zones over start",
            "zone attraction",
            NONE,
            [ENDED, ZONES],
        ),
        Loop("R4 medium firms, spin-offs (C110)", "medium firms", "spin offs", NONE, [FREE]),
    ],
    panels=[
        Rows(
            "Who comes to the zones?",
            "share of firms in zones in 2034 against as it is",
            "points of the share of firms in zones",
            {arm: lambda p, arm=arm: p.gain(SHARE, arm) for arm in (NO_PULL, ENDED, ZONES, FREE)},
            POINT,
        ),
        Rows(
            "What it does to links",
            "deep and university links per firm in 2034 against as it is",
            "% of links per firm",
            {arm: lambda p, arm=arm: p.change(LINKS, arm) for arm in (NO_FUND, TWICE, FREE)},
            PERCENT,
        ),
        Rows(
            "What it does to RnD and products",
            "own real RnD and new-product revenue, present values against as it is",
            "%",
            {
                f"{word}, {short}": lambda p, arm=arm, what=what: p.change(what, arm)
                for arm, short in ((NO_FUND, "no support"), (TWICE, "doubled"), (FREE, "freed"))
                for word, what in (("RnD", OWN), ("revenue", NEW))
            },
            LEAST,
        ),
    ],
    paths=("zone share", [ZONES, ENDED, NO_PULL]),
    headline=lambda f: Say(
        "Agglomeration goes on by itself in {runaway:.0%} of samples; doubled cluster support raises own RnD and "
        "new-product revenue alike in {both:.0%}, and own RnD more than grants of equal money do in {money:.0%}",
        runaway=f.verdicts[3].share,
        both=f.verdicts[4].share,
        money=f.verdicts[6].share,
    ),
    notes=lambda p: [
        Say(
            "Doubled cluster support: own real RnD {own:+.2f} %, new-product revenue {new:+.2f} % (medians); more "
            "new-product revenue and less own RnD, as measured in Bavaria, in {bavaria:.0%} of samples.",
            own=np.nanmedian(p.change(OWN, TWICE)),
            new=np.nanmedian(p.change(NEW, TWICE)),
            bavaria=np.mean((p.change(NEW, TWICE) > 0) & (p.change(OWN, TWICE) < 0)),
        ),
        Say(
            "Zone preferences ended: {kept:.0f} % of the share of firms in zones is kept in 2034 (median).",
            kept=np.nanmedian(_kept(p)),
        ),
    ],
)
ask, SAMPLES = SPEC.ask, SPEC.samples
