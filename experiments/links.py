"""Which links make the network: their kind, their life, and who opens them? (H22, H24, H46)

Written down before the first run
---------------------------------
Public money is the same by construction: no lever that costs money differs between the arms that are compared. Kind and
life of links are no levers; they change in 2015, so that history and the levels of 2009 stay what they were (in a first
trial they differed from 2009 on, and what they did to the levels of 2009 was lost in the reference). Stocks in 2034,
present values 2015 to 2034 at the real social discount rate of the sample.

Settings: as it is; all links alike, which means that project, deep and university links carry information as vertical
ones do and nothing more; links with partners at eye level and with universities live 1, 2, 5 or 10 years while both
partners survive; three times the brokered links of 2014, opened by firms or opened by universities, institutes and
state firms.

H22 (C46, C53: the chain alone makes no innovation network). Holds in a sample if knowledge in 2034 is more than 1 %
above that with all links alike, at the same programmes and nearly the same number of links. H22 (revenue) asks the same
of new-product revenue.

H24 (C52, C53: short alliances limit the network). Holds if there are more deep and university links per firm with a
life of ten years than of two, by more than 1 %; built in, as what lives longer piles up. H24 (knowledge) holds if
knowledge in 2034 is higher by more than 1 %. H24 (steps) holds if the step from two to five years adds more knowledge
than the step from five to ten, by 0.1 % of the knowledge with two. H24 (new partners) holds if firms make fewer new
links of these kinds a year with a life of ten years, by more than 10 %, since old links hold their places: the lock-in
that long links cost. No quality is lost by age in the model, so this is all the cost there is.

H46 (C139: universities and state firms should reach out). Holds if new-product revenue is higher when universities open
the brokered links, by more than 0.1 %, at the same number of links and the same money. Labels: H22 conditional on what
a link adds to conversion; H24 built in, conditional for knowledge; H46 conditional on what a link that no firm asked
for is worth, whose range lies about evenly on both sides of one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdmodel.experiments.beyond import Beyond
from sdmodel.study.effects import Measure, Paired, end, worth
from sdmodel.study.question import Loop, Prediction, Rows
from sdmodel.study.translation import Say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

QUESTION = "Which links make the network: their kind, their life, and who opens them?"

NONE, ALIKE = "as it is", "all links alike"
LIFE = {years: f"life of {years} year{'s' if years > 1 else ''}" for years in (1, 2, 5, 10)}
FIRMS, UNIVERSITIES = "opened by firms", "opened by universities"
KNOWN, NEW, LINKS, MADE = "knowledge in 2034", "new product revenue", "deep and university links per firm", "new links"
PERCENT, TENTH, LEAST = 1.0, 10.0, 0.1
OWN_WORTH = ("conversion per link", "value of a deep link on the track")
LIVES = ("project link life", "deep link life")


def links_per_firm(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Ends of deep and university links per firm at the end of the run."""
    late = found.isel(time=-1)
    return (2 * late["deep links"] + late["university links"]) / late["firms in the network"]


def _made(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """New project and university links that firms make by themselves per firm and year, mean from 2015."""
    late = found.sel(time=slice(2015, None))
    return ((late["new project links"] + late["new university links"]) / late["firms in the network"]).mean("time")


NETWORK = Measure(("deep links", "university links", "firms in the network"), links_per_firm)
"""Links that the paper calls an innovation network, per firm in 2034."""


def _steps(p: Paired) -> np.ndarray:
    """What the step to five years adds beyond the step to ten, in percent of the knowledge with two years."""
    return p.change(KNOWN, LIFE[5], LIFE[2]) - (p.change(KNOWN, LIFE[10], LIFE[2]) - p.change(KNOWN, LIFE[5], LIFE[2]))


KIND = (
    "conditional",
    "what a link adds to conversion beyond information is assumed and may be nil (conversion per link)",
)
LONG = ("built in", "links that live longer pile up, by arithmetic (deep link life, project link life)")
WORTH = ("conditional", "what a lasting link adds to conversion is assumed and may be nil (conversion per link)")
PLACES = ("built in", "a link holds a place until it ends (project link ceiling)")
ASKED = ("conditional", "the worth of a link that no firm asked for is assumed from half to one and a half")

SPEC = Beyond(
    name="links",
    asks=QUESTION,
    later=(*OWN_WORTH, *LIVES),
    arms={
        NONE: {},
        ALIKE: {f"{name} from 2015": 0.0 for name in OWN_WORTH},
        **{name: {f"{life} from 2015": float(y) for life in LIVES} for y, name in LIFE.items()},
        FIRMS: {"brokerage programme": 3.0, "initiative of universities": 0.0},
        UNIVERSITIES: {"brokerage programme": 3.0, "initiative of universities": 1.0},
    },
    measures={
        KNOWN: end("knowledge"),
        NEW: worth("new product revenue"),
        LINKS: NETWORK,
        MADE: Measure(("new project links", "new university links", "firms in the network"), _made),
    },
    predictions=[
        Prediction(
            "H22",
            "that knowledge is higher than if all links were like those along the chain",
            lambda p: p.change(KNOWN, NONE, ALIKE),
            "% of knowledge in 2034",
            PERCENT,
            *KIND,
        ),
        Prediction(
            "H22 (revenue)",
            "that new-product revenue is higher than if all links were like those along the chain",
            lambda p: p.change(NEW, NONE, ALIKE),
            "% of new-product revenue",
            PERCENT,
            *KIND,
        ),
        Prediction(
            "H24",
            "that a life of ten years makes more deep and university links than one of two",
            lambda p: p.change(LINKS, LIFE[10], LIFE[2]),
            "% of links per firm in 2034",
            PERCENT,
            *LONG,
        ),
        Prediction(
            "H24 (knowledge)",
            "that a life of ten years brings more knowledge than one of two",
            lambda p: p.change(KNOWN, LIFE[10], LIFE[2]),
            "% of knowledge in 2034",
            PERCENT,
            *WORTH,
        ),
        Prediction(
            "H24 (steps)",
            "that the step from two to five years adds more knowledge than the step from five to ten",
            _steps,
            "% of knowledge in 2034",
            LEAST,
            *WORTH,
        ),
        Prediction(
            "H24 (new partners)",
            "that firms make fewer new links of their own with a life of ten years than of two",
            lambda p: -p.change(MADE, LIFE[10], LIFE[2]),
            "% fewer new links per firm and year",
            TENTH,
            *PLACES,
        ),
        Prediction(
            "H46",
            "that new-product revenue is higher when universities open the brokered links",
            lambda p: p.change(NEW, UNIVERSITIES, FIRMS),
            "% of new-product revenue",
            LEAST,
            *ASKED,
        ),
    ],
    loops=[
        Loop(
            "R7 surplus, search for partners, links (C56)",
            "search effort",
            "link formation",
            NONE,
            [ALIKE, LIFE[2], LIFE[5], LIFE[10]],
        ),
        Loop("links, conversion (C102)", "link conversion", "conversion odds", NONE, [LIFE[2], LIFE[5], LIFE[10]]),
    ],
    panels=[
        Rows(
            "What the kind and the opener of links bring",
            "as it is against all links alike; universities against firms",
            "%",
            {
                "kind, knowledge": lambda p: p.change(KNOWN, NONE, ALIKE),
                "kind, revenue": lambda p: p.change(NEW, NONE, ALIKE),
                "opener, revenue": lambda p: p.change(NEW, UNIVERSITIES, FIRMS),
            },
            LEAST,
        ),
        Rows(
            "What a longer life of links brings",
            "knowledge in 2034 against a life of two years",
            "% of knowledge",
            {LIFE[y]: lambda p, y=y: p.change(KNOWN, LIFE[y], LIFE[2]) for y in (1, 5, 10)},
            PERCENT,
        ),
        Rows(
            "What it does to links",
            "a life of ten years against one of two",
            "%",
            {
                "links per firm": lambda p: p.change(LINKS, LIFE[10], LIFE[2]),
                "new links a year": lambda p: p.change(MADE, LIFE[10], LIFE[2]),
            },
            PERCENT,
        ),
    ],
    headline=lambda f: Say(
        "What links with partners and universities add to knowledge beyond those along the chain is more than 1 % in "
        "{kind:.0%} of samples; links that last ten years instead of two add as much in {life:.0%}; it is better that "
        "universities open them in {opener:.0%}",
        kind=f.verdicts[0].share,
        life=f.verdicts[3].share,
        opener=f.verdicts[6].share,
    ),
    notes=lambda p: [
        Say(
            "All links alike against as it is: links per firm {links:+.1f} % (median), so the number of links is "
            "nearly the same.",
            links=np.nanmedian(p.change(LINKS, ALIKE)),
        ),
    ],
)
ask, SAMPLES = SPEC.ask, SPEC.samples
