"""Exits for lack of synergy, time until advice pays, and shortfalls of several lengths."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from sdmodel.study.arms import Arms
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import Measure
from sdmodel.study.paired import Paired
from sdmodel.study.question import Question
from sdmodel.study.translation import Say
from sdmodel.study.verdict import judge

ADVICE, NO_ADVICE = "advisers", "no advisers"
FREE, MANY, MANY_FREE = "factors replaceable", "three times the grants", "the same, factors replaceable"
WITH, WITHOUT = "with synergy", "without synergy"
HIT = {WITH: "with synergy, shortfall", WITHOUT: "without synergy, shortfall"}
SURVIVAL, LOWEST, THROUGH, FOUNDING = (
    "five year survival", "lowest five year survival", "survival 2018 to 2023", "founding synergy"
)  # fmt: skip
YEARS = (2015.5, 2016.0, 2017.0, 2018.0, 2019.0, 2020.0, 2022.0, 2025.0, 2030.0, 2034.0)
"""Years in which the conversion rate is compared."""
SOON, START, NEVER = 2020.0, 2015.0, 2035.0
LENGTHS, FEW, FIRST = (1.0, 2.0, 4.0, 8.0), 300, 1_000
REPLACEABLE, SCARCE, POINTS = {"complementarity": 0.01}, 0.05, "percentage points"
EXITS = ("conditional", "the effect of synergy on exits is an assumed range, which includes nil (C34)")


def at(year: float) -> str:
    """Name of the conversion rate of a year."""
    return f"conversion at {year:g}"


def due(found: xr.Dataset, draws: pd.DataFrame) -> xr.DataArray:
    """Share of early exits that full founding synergy would prevent, by the equation of the hazard."""
    path = found[FOUNDING]
    effect = path.isel(time=0) * 0 + draws["synergy effect on exit"].to_numpy()
    # For mypy numpy's exp gives an array, also of a DataArray.
    left: xr.DataArray = np.exp(-effect * (1 - path.isel(time=-1)) / path.isel(time=0))  # type: ignore[assignment]
    return 1 - left


MEASURES = {"early exits for want of synergy": Measure((FOUNDING,), due)}


def loss(paired: Paired, kind: str) -> np.ndarray:
    """Survival lost through the shortfall, in percentage points."""
    return np.asarray(100 * (paired[THROUGH, kind] - paired[THROUGH, HIT[kind]]))


def worst(paired: Paired) -> np.ndarray:
    return np.asarray(np.min([paired.change(at(y), ADVICE, NO_ADVICE) for y in YEARS if y <= SOON], axis=0))


def breaks_even(paired: Paired) -> np.ndarray:
    """Years until advice has raised the conversion rate for good; 20 where it has not by 2034."""
    gains = np.array([paired.change(at(y), ADVICE, NO_ADVICE) for y in YEARS])
    below = gains <= 0
    last = np.where(below.any(axis=0), len(YEARS) - 1 - np.argmax(below[::-1], axis=0), -1)
    years = np.array([*YEARS, NEVER])[last + 1]
    return np.where(np.isfinite(gains).all(axis=0), years - START, np.nan)


def extras(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """What grants do for survival where factors can replace each other; then lengths of a shortfall."""
    few = arms.first(FIRST)
    grants = {"grant number": 3.0}
    settings = {FREE: REPLACEABLE, MANY: grants, MANY_FREE: {**REPLACEABLE, **grants}}
    of = paired.first(len(few.draws))
    of.add(few.run("factors replaceable", settings), question.measures, few.draws)
    arms.runs += few.runs
    effect = 100 * (of.gain(SURVIVAL, MANY_FREE, FREE) - of.gain(SURVIVAL, MANY))
    says = "that grants do less for survival because factors are complements"
    finding.verdicts.append(judge("H14 (scarcity)", says, effect > SCARCE, effect, POINTS, EXITS, few.draws))
    _lengths(question, finding, paired, arms)


def _lengths(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """Length of a shortfall that brings survival below one half, in the first samples."""
    few = arms.first(FEW)
    settings = {
        f"{kind}, {years:g} years": {**question.arms[kind], "shortfall length": years}
        for years in LENGTHS
        for kind in HIT
    }
    found = few.run("lengths of a shortfall", settings)
    arms.runs += few.runs
    of = Paired(next(iter(settings)))
    of.add(found, {LOWEST: question.measures[LOWEST]}, few.draws)
    same = paired.first(len(few.draws))
    for years in (0.0, *LENGTHS):
        lows = {k: of[LOWEST, f"{k}, {years:g} years"] if years else same[LOWEST, k] for k in HIT}
        low = {kind: float(np.nanmean(values < 0.5)) for kind, values in lows.items()}
        finding.notes.append(
            Say(
                "With a shortfall of {years:g} years five-year survival falls below one half in {with_it:.0%} of "
                "samples with synergy and in {without:.0%} without.",
                years=years,
                with_it=low[WITH],
                without=low[WITHOUT],
            )
        )
