"""Firms by band and tax, and the flat deduction at each tax rate, for the question of the extra deduction."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.study.arms import Arms, total
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import Measure
from sdmodel.study.overlay import overlaid
from sdmodel.study.paired import Paired
from sdmodel.study.question import Question
from sdmodel.study.translation import Say
from sdmodel.study.verdict import judge, quantiles

OWN, NONE, FLAT = "own RnD", "none", "flat"
POSITIONS, PLACED, LEAST_RISE, OVERLAY = (0.25, 0.15, 0.10), 1_000, 0.1, "tax_position.mdl"
LOW_BANDS = ["b1", "b2"]
"""Firms with less than 3 % of revenue in RnD, those that barely survive by the paper (F53)."""
LABEL_RATE = ("built in", "a deduction saves its rate of tax, by formula (TX09)")


def low(found: xr.Dataset, _: pd.DataFrame) -> xr.DataArray:
    """Share of the firms with an RnD intensity below 3 % in 2034."""
    firms = (found["band share"] * found["firms by quality"]).isel(time=-1)
    return total(firms.sel(band=LOW_BANDS)) / total(firms)


def savers(found: xr.Dataset, draws: pd.DataFrame) -> xr.DataArray:
    """Part of the firms that claim and have a profit in 2024."""
    profit = found["chance of profit"].sel(time=2024)
    firms = found["firms by quality"].sel(time=2024)
    return total(profit * firms) / total(firms) * xr.DataArray(draws["take up"].to_numpy(), dims="sample")


MEASURES = {
    "firms below 3 % in 2034": Measure(("band share", "firms by quality"), low),
    "firms that save tax in 2024": Measure(("chance of profit", "firms by quality"), savers),
}


def by_response(p: Paired, switch: int) -> np.ndarray:
    """Effect of the brackets in the samples whose firms look at margins little (0), by half (1) or mostly (2)."""
    gain = p.per_yuan(OWN, "brackets") - p.per_yuan(OWN, FLAT)
    return np.where(np.minimum(2, np.floor(3 * p["attention to margins", NONE])) == switch, gain, np.nan)


def placed(name: str, rate: float) -> str:
    """An arm at a tax position."""
    return f"{name}, {100 * rate:g} % tax"


def rise(p: Paired, rate: float | None = None) -> np.ndarray:
    """Rise of own RnD in percent through the flat deduction, at a tax position or at the rates of the law."""
    return p.change(OWN, FLAT) if rate is None else p.change(OWN, placed(FLAT, rate), placed(NONE, rate))


def bought(p: Paired, rate: float | None = None) -> np.ndarray:
    """The same in yuan per yuan of public money."""
    return p.per_yuan(OWN, FLAT) if rate is None else p.per_yuan(OWN, placed(FLAT, rate), placed(NONE, rate))


def extras(question: Question, finding: Finding, p: Paired, arms: Arms) -> None:
    """None and flat at each tax position, which is the tax rate of every firm with a profit from 2015 on."""
    text = (Path(__file__).parent / "overlays" / OVERLAY).read_text(encoding="utf-8")
    few = arms.first(PLACED)
    settings = {placed(n, r): {**question.arms[n], "tax position": r} for r in POSITIONS for n in (NONE, FLAT)}
    found = few.run("3/3 tax positions", settings, model=overlaid(arms.model, text, OVERLAY))
    arms.runs += few.runs
    p.add(found, question.measures, few.draws)
    full, half, least = (rise(p, r) for r in POSITIONS)
    finding.verdicts.append(
        judge(
            "H02 (tax rate)",
            "that a flat extra deduction of 50 % raises own real RnD more where firms pay more tax",
            (full - half > LEAST_RISE) & (half - least > LEAST_RISE),
            full - least,
            "% of own real RnD, 25 against 10 % tax",
            LABEL_RATE,
            few.draws,
        )
    )
    for rate in POSITIONS:
        middle, low, high = quantiles(bought(p, rate))
        finding.notes.append(
            Say(
                "Flat 50 % at a tax rate of {rate:.0%}: own real RnD {rise:+.1f} %, {middle:.2f} yuan per yuan "
                "({low:.2f} to {high:.2f}), public money {money:,.0f} million CNY (medians).",
                rate=rate,
                rise=quantiles(rise(p, rate))[0],
                middle=middle,
                low=low,
                high=high,
                money=quantiles(p.cost(placed(FLAT, rate), placed(NONE, rate)))[0],
            )
        )
