"""Instruments with and without implementing rules, and steps of the money for coordination."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sdmodel.study.arms import Arms
from sdmodel.study.finding import Finding
from sdmodel.study.paired import Paired, at_least
from sdmodel.study.question import Question
from sdmodel.study.translation import Say
from sdmodel.study.verdict import quantiles

NEW, RULES = "new product revenue", "implementing rules"
FEW, BUDGETS, SET = 500, (2.0, 5.0, 20.0, 50.0, 100.0), 10.0
"""Number of samples in which the coordination budget varies, its values and its default, in million CNY a year."""


def lost(paired: Paired, instrument: str) -> np.ndarray:
    """Share of an instrument's gain with rules that the gap removes, in percent; NaN below a gain of a million CNY."""
    gap, closed = paired.gain(NEW, instrument), paired.gain(NEW, f"{instrument}, with rules", RULES)
    part: np.ndarray = 100 * (1 - gap / at_least(closed, 1))
    return part


def per_yuan_lost(paired: Paired, instrument: str) -> np.ndarray:
    """Gain per yuan with rules, less gain per yuan with the gap."""
    less: np.ndarray = paired.per_yuan(NEW, f"{instrument}, with rules", RULES) - paired.per_yuan(NEW, instrument)
    return less


def extras(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """Marginal gain of each further step of the coordination budget, in the first samples."""
    few = arms.first(FEW)
    found = paired.first(FEW)
    steps = {f"coordination {b:g}": {"coordination budget": b} for b in BUDGETS}
    found.add(few.run("extra budgets", steps), question.measures, few.draws)
    arms.runs += few.runs
    budgets = sorted([*BUDGETS, SET])
    names = ["coordination" if b == SET else f"coordination {b:g}" for b in budgets]
    rows = {
        b: quantiles(found.per_yuan(NEW, name, before))
        for b, name, before in zip(budgets, names, [question.reference, *names[:-1]], strict=True)
    }
    table = pd.DataFrame(rows, index=["median", "low", "high"]).T
    pays = table.index[table["median"] >= 1]
    finding.record["new-product revenue per yuan of each further step"] = table.round(3).to_dict("index")
    finding.notes.append(
        Say(
            "A yuan of the first {first:g} million CNY a year for coordination, and of what it sets free, adds "
            "{start:.2f} yuan of new-product revenue; one of the step to {last:g} adds {end:.2f} (medians).",
            first=budgets[0],
            start=table["median"].iloc[0],
            last=budgets[-1],
            end=table["median"].iloc[-1],
        )
    )
    finding.notes.append(
        Say("In the median sample a further step pays up to {most:g} million CNY a year.", most=max(pays))
        if len(pays)
        else Say("In the median sample no step pays.")
    )
