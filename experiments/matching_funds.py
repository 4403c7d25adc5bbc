"""Does a matching requirement raise the RnD of all firms, or only that of those who can meet it? (H06)

Written down before the first run
---------------------------------
Treatments from 2015, present values 2015 to 2034 at the real social discount rate of the sample.

Settings: as it is; three times the grants of 2014 without a requirement; grants that ask for 0.5, 1 and 2 yuan of own
money per yuan of grant, as many as cost the same public money in the same sample (0.5 %), so that the number of
recipients that are paid is about the same.

H06 (C83: the requirement raises the RnD ratio). Asked of the own real RnD of all firms, not of recipients, whom the
rule makes spend. Holds in a sample if one to one brings more than no requirement by more than 0.1 yuan per yuan of
public money. H06 (two to one) holds if two to one brings more than one half to one, by the same. H06 (recipients) holds
if the mean own real RnD of a firm with a grant is higher under one to one by more than 1 %. H06 (shut out) holds if one
to one shuts out more than 5 % of firms that cannot show the money, mean over both qualities by their chance to be
chosen. H06 (RnD ratio) holds if own real RnD over revenue in 2034 is higher under one to one by more than 0.01 points.

Labels: recipients are built in, since a recipient spends at least what the rule asks for; this is read from that rule
also where grants act by a published curve. The rest is conditional: who can show the money and what a grant replaces
are assumed; where grants act by a published curve, the rule can only shut firms out, so the answer is also given by
that switch.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.study.arms import POLICY_START, total
from sdmodel.study.effects import Measure, Paired, end, worth
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import Say

QUESTION = "Does a matching requirement raise the RnD of all firms, or only that of those who can meet it?"

NONE, FREE = "as it is", "no matching"
RATIOS = {"0.5 to 1": 0.5, "1 to 1": 1.0, "2 to 1": 2.0}
HALF, ONE, TWO = RATIOS
OWN, ALL, INTENSITY = "own RnD", "total real RnD", "real RnD intensity"
RECIPIENT, SHUT, CURVE, WEAK = "own RnD of a recipient", "firms shut out", "published curve", "grants to weak firms"
TIMES, LEAST, LEAST_PART, LEAST_SHUT, LEAST_POINTS = 3.0, 0.1, 1.0, 5.0, 0.01

RULE = ("built in", "a recipient spends at least the own money that the rule asks for")
CHOICE = ("conditional", "who can show the money, and what a grant replaces, are assumed ranges and a switch")


def _recipient(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Own RnD of a firm with a grant, mean over recipients and years since 2015."""
    late = found.sel(time=slice(POLICY_START, None))
    own = (late["band share"] * late["afforded own RnD"].sel(award="with grant")).sum("band", skipna=False)
    number = late["firms by quality"] * late["grant coverage"]
    return (own * number).sum("quality", skipna=False).mean("time") / number.sum("quality", skipna=False).mean("time")


def _shut_out(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Firms that cannot show the money, in percent of those chosen, mean since 2015."""
    late = found.sel(time=slice(POLICY_START, None))
    return 100 * (1 - (late["choice share"] * late["matched share"]).sum("quality", skipna=False).mean("time"))


def _to_weak(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Part of the grants paid since 2015 that weak firms receive, in percent."""
    paid = found["grant paid"].sel(time=slice(POLICY_START, None)).sum("time", skipna=False)
    return 100 * paid.sel(quality="weak") / total(paid)


def _sampled(name: str) -> Measure:
    """An uncertain constant of the sample, to tell samples apart."""
    return Measure(
        (OWN,),
        lambda found, draws: 0 * total(found[OWN]).isel(time=-1) + xr.DataArray(draws[name].to_numpy(), dims="sample"),
    )


def more(p: Paired, arm: str = ONE, against: str = FREE) -> np.ndarray:
    """Own RnD that a rule brings over that of another, per yuan of public money."""
    return p.per_yuan(OWN, arm) - p.per_yuan(OWN, against)


def where(p: Paired, switch: float) -> np.ndarray:
    """What one to one brings over no requirement where grants act by cash limits (0) or the published curve (1)."""
    return np.where(p[CURVE, NONE] == switch, more(p), np.nan)


def _notes(p: Paired) -> list[str]:
    by_switch = [where(p, s) for s in (0.0, 1.0)]
    shares = [float((e[np.isfinite(e)] > LEAST).mean()) if np.isfinite(e).any() else float("nan") for e in by_switch]
    told = [
        Say(
            "One to one brings more own RnD than no requirement in {cash:.0%} of the samples in which grants act by "
            "cash limits and project cost, and in {curve:.0%} of those in which they act by a published curve.",
            cash=shares[0],
            curve=shares[1],
        )
    ]
    for arm in RATIOS:
        told.append(
            Say(
                "Matching {arm}: {shut:.0f} % of the chosen firms cannot show the money, weak firms get {weak:.0f} % "
                "of grants instead of {before:.0f} %, own RnD of a recipient {rise:+.0f} % (medians).",
                arm=arm,
                shut=float(np.nanmedian(p[SHUT, arm])),
                weak=float(np.nanmedian(p[WEAK, arm])),
                before=float(np.nanmedian(p[WEAK, FREE])),
                rise=float(np.nanmedian(p.change(RECIPIENT, arm, FREE))),
            )
        )
    return told


SPEC = Question(
    name="matching_funds",
    asks=QUESTION,
    arms={NONE: {}, FREE: {"grant number": TIMES}},
    equal=[
        Equal(
            like=FREE,
            size="grant number",
            arms={name: ({"matching required": ratio}, "grant number") for name, ratio in RATIOS.items()},
            start=5.0,
            low=1.0,
        )
    ],
    measures={
        OWN: worth(OWN),
        ALL: worth(ALL),
        INTENSITY: end(INTENSITY),
        RECIPIENT: Measure(("band share", "afforded own RnD", "firms by quality", "grant coverage"), _recipient),
        SHUT: Measure(("choice share", "matched share"), _shut_out),
        WEAK: Measure(("grant paid",), _to_weak),
        CURVE: _sampled("additionality switch"),
    },
    predictions=[
        Prediction(
            "H06",
            "that matching one to one brings more own real RnD of all firms than no requirement, at equal public money",
            more,
            "yuan of own real RnD per yuan of public money",
            LEAST,
            *CHOICE,
        ),
        Prediction(
            "H06 (two to one)",
            "that matching two to one brings more own real RnD of all firms than one half to one",
            lambda p: more(p, TWO, HALF),
            "yuan of own real RnD per yuan of public money",
            LEAST,
            *CHOICE,
        ),
        Prediction(
            "H06 (RnD ratio)",
            "that matching one to one raises own real RnD over revenue of all firms",
            lambda p: 100 * p.gain(INTENSITY, ONE, FREE),
            "points of revenue in 2034",
            LEAST_POINTS,
            *CHOICE,
        ),
        Prediction(
            "H06 (recipients)",
            "that matching one to one raises the own real RnD of a firm with a grant",
            lambda p: p.change(RECIPIENT, ONE, FREE),
            "% of own real RnD of a recipient",
            LEAST_PART,
            *RULE,
        ),
        Prediction(
            "H06 (shut out)",
            "that matching one to one shuts out more than 5 % of the chosen firms",
            lambda p: p[SHUT, ONE],
            "% of the chosen firms",
            LEAST_SHUT,
            *CHOICE,
        ),
    ],
    loops=[
        Loop("the rule makes recipients spend (C83)", "matching ratio", "wanted own RnD", FREE, list(RATIOS)),
        Loop("the rule shuts firms out", "match required", "matched share", FREE, list(RATIOS)),
        Loop(
            "R1 knowledge, new products, surplus (C87)",
            "knowledge per firm",
            "new product revenue",
            FREE,
            [NONE, *RATIOS],
        ),
    ],
    panels=[
        Rows(
            "What a yuan of grants brings",
            "own real RnD of all firms against no more grants, equal public money",
            "yuan of own RnD per yuan of public money",
            {
                "matching " + arm if arm in RATIOS else arm: lambda p, arm=arm: p.per_yuan(OWN, arm)
                for arm in (FREE, *RATIOS)
            },
            LEAST,
        ),
        Rows(
            "One to one, by how grants act",
            "own real RnD of all firms against no requirement",
            "yuan of own RnD per yuan of public money",
            {"cash and project cost": lambda p: where(p, 0.0), "published curve": lambda p: where(p, 1.0)},
            LEAST,
        ),
        Rows(
            "Who is shut out",
            "firms that are chosen and cannot show the own money",
            "% of the chosen firms",
            {"matching " + arm: lambda p, arm=arm: p[SHUT, arm] for arm in RATIOS},
        ),
    ],
    paths=(OWN, [ONE, FREE, TWO]),
    headline=lambda f: Say(
        "Matching one to one brings more own RnD of all firms than grants without it in {all:.0%} of samples; it shuts "
        "out {shut:.0f} % of the chosen firms (median)",
        all=f.verdicts[0].share,
        shut=f.verdicts[4].effect[0],
    ),
    notes=_notes,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
