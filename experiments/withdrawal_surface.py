"""Exits by start and duration, and one that waits for a critical mass: the best start, regret, and the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import sdmodel
from sdmodel import plot
from sdmodel.experiments import withdrawal as asked
from sdmodel.plot.style import drawing
from sdmodel.study.arms import MONEY, NEVER, Arms, last
from sdmodel.study.finding import Finding, deciding, judged
from sdmodel.study.panels import attempt, head, in_language, texts
from sdmodel.study.translation import Say, said

if TYPE_CHECKING:
    from sdmodel.study.effects import Paired

SURFACE = 500
STARTS, DURATIONS = (2016.0, 2018.0, 2020.0, 2022.0, 2024.0), (0.0, 1.0, 3.0, 5.0, 10.0)
CRITICAL = 0.25
"""Share of contributing members from which a minority is taken to tip the rest."""
STAY, RULE = "no exit", "exit at critical mass"


def name(start: float, duration: float) -> str:
    """Name of an exit."""
    return f"{start:g}, {duration:g} y"


def add(finding: Finding, paired: Paired, arms: Arms) -> None:
    """Run the surface and the rule in the first samples, and add verdict, notes and a figure to the finding."""
    draws = arms.draws.iloc[:SURFACE].reset_index(drop=True)
    few = Arms(arms.model, draws, [asked.ORDER], every=NEVER, workers=arms.workers, progress=arms.progress)
    n = len(draws)
    base, target = (paired.first(n)["public money", arm] for arm in (asked.AT_ONCE, asked.GRADUAL))
    rule = sdmodel.trigger(
        arms.model.replace("TIME STEP", 0.125),
        "exit start",
        asked.CONTRIBUTING,
        above=CRITICAL,
        design=draws.drop(columns="sample", errors="ignore").assign(**{"exit duration": 5.0}),
        start=2015.0,
        method="sweep",
        workers=arms.workers,
    )
    settings = {name(s, d): asked.leaving(s, d) for s in STARTS for d in DURATIONS}
    settings[STAY] = asked.leaving(2100.0, 0.0)
    settings[RULE] = {"exit start": rule["exit start"].fillna(2100.0).to_numpy(), "exit duration": 5.0}
    able = np.isfinite(target - base) & (target > base)
    goal = np.where(able, target, base + 1)
    found = few.equal("3/3 surface", settings, goal, lever=asked.SCALE, start=1.0, base=base)
    index = np.where(found.spent & able, last(found.result, asked.ORDER), np.nan)
    table = pd.DataFrame(index.T, columns=list(settings))
    arms.runs += few.runs + n
    money = pd.DataFrame(last(found.result, MONEY).T, columns=list(settings))
    finding.table = pd.concat([finding.table, _tidy(table, money, found.lever, rule["exit start"])], ignore_index=True)
    _rule(finding, table, draws, rule)
    _best(finding, table, draws)
    finding.figures["withdrawal_surface"] = _figure(finding, table)


def _tidy(table: pd.DataFrame, money: pd.DataFrame, lever: np.ndarray, dates: pd.Series) -> pd.DataFrame:
    rows = [
        pd.DataFrame(
            {"arm": f"surface: {arm}", "sample": table.index, "index": table[arm], "public money": money[arm],
             asked.SCALE: lever[i]}
        )
        for i, arm in enumerate(table.columns)
    ]  # fmt: skip
    rows[-1]["exit start"] = dates.to_numpy()
    return pd.concat(rows, ignore_index=True)


def _rule(finding: Finding, table: pd.DataFrame, draws: pd.DataFrame, rule: pd.DataFrame) -> None:
    with np.errstate(all="ignore"):
        gain = 100 * (table[RULE] / table[name(*asked.BUILT_UP)] - 1).to_numpy()
    finding.verdicts.append(
        judged(
            "H39 (rule)",
            "that an exit that waits for a critical mass of contributing members does better than one dated 2020, at "
            "equal public money",
            gain > asked.LEAST,
            gain,
            "% of the index of the dated exit",
            asked.ASSUMED,
            draws,
        )
    )
    dates = rule["exit start"][rule["triggered"].astype(bool)]
    finding.notes.append(
        Say(
            "Critical mass of one quarter: passed before the end in {share:.0%} of {n:,} samples, at once in "
            "{once:.0%}, in {date:.1f} (median of those that pass it).",
            share=rule["triggered"].mean(), n=len(rule), once=(dates <= 2015.01).sum() / len(rule),
            date=float(dates.median()) if len(dates) else np.nan,
        )
    )  # fmt: skip


def _best(finding: Finding, table: pd.DataFrame, draws: pd.DataFrame) -> None:
    whole = table.drop(columns=RULE).dropna()
    if not len(whole):
        return
    best = whole.idxmax(axis=1)
    flat = whole.max(axis=1) / whole.min(axis=1) - 1 <= asked.LEAST / 100
    start = best.str[:4].where(best != STAY, "no exit").where(~flat, "flat")
    for when, share in start.value_counts(normalize=True).items():
        finding.notes.append(Say("Best start of an exit '{when}': {share:.0%} of samples.", when=when, share=share))
    regret = _regret(table.drop(columns=RULE))
    least, safest = regret["expected"].idxmin(), regret["largest"].idxmin()
    finding.notes.append(
        Say(
            "Smallest expected regret: {least} ({expected:.1f} % of the index); smallest regret in the worst sample: "
            "{safest} ({largest:.0f} %).",
            least=str(least), expected=regret.loc[least, "expected"], safest=str(safest),
            largest=regret.loc[safest, "largest"],
        )
    )  # fmt: skip
    numbers = pd.to_numeric(best.str[:4], errors="coerce").fillna(2034.0)
    told = deciding(numbers.where(~flat).reindex(table.index).to_numpy(float), draws)
    if told:
        words = ", ".join(f"{what} ({r:+.2f})" for what, r in told)
        finding.notes.append(Say("The best start goes with: {words}.", words=words))


def _regret(table: pd.DataFrame) -> pd.DataFrame:
    """By setting, what the index lacks to the best setting of the same sample, in percent of that."""
    whole = table.dropna()
    lost = 100 * (1 - whole.div(whole.max(axis=1), axis=0))
    return pd.DataFrame({"expected": lost.mean(), "largest": lost.max()})


def _figure(finding: Finding, table: pd.DataFrame) -> object:
    def say(text: str) -> str:
        return said(text, finding.lang)

    exits = table.drop(columns=RULE)
    regret = _regret(exits)["expected"]
    never = table[STAY]
    with np.errstate(all="ignore"):
        gain = 100 * (exits.div(never, axis=0) - 1)
    net = (gain > asked.LEAST).mean() - (gain < -asked.LEAST).mean()
    title = Say(
        "No date suits every sample: the best of the {n} exits costs {least:.1f} % of the index on average against the "
        "best one of each sample",
        n=len(STARTS) * len(DURATIONS),
        least=regret.min(),
    )
    below = Say("Exits at equal public money in {n} samples, by start and duration.", n=len(table.dropna()))
    fig, axes = plot.board([["net", "regret"]], heights=(7.0,), **texts(finding, title, below))
    with drawing():
        for panel, letter, values, words, measure, centre in (
            (
                "net",
                "A",
                100 * net,
                "Against no exit",
                "% of samples with a higher index in 2034, less % with a lower",
                0,
            ),
            (
                "regret",
                "B",
                regret,
                "Expected regret",
                "% of the index lost to the best exit of the sample, mean",
                None,
            ),
        ):
            grid = pd.DataFrame(
                [[values[name(s, d)] for d in DURATIONS] for s in STARTS],
                index=pd.Index(STARTS, name=say("exit starts in")),
                columns=pd.Index(DURATIONS, name=say("exit takes (years; 0 is abrupt)")),
            )
            reach = {} if centre is None else {"centre": 0, "reach": 100}
            attempt(axes[panel], plot.heat, grid.round(1 if centre is None else 0), label=say(measure), legend=False,
                    width=8, **reach)  # fmt: skip
            head(axes[panel], letter, say(words), say(measure))
        in_language(fig, finding.lang)
    return fig
