"""Exits by start and duration, and one that waits for a critical mass: the best start, regret, and the rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import sdmodel
from sdmodel.study.arms import MONEY, NEVER, STEP, Arms, Setting, last
from sdmodel.study.finding import Finding
from sdmodel.study.paired import PUBLIC, Paired
from sdmodel.study.panels import heat, sheet
from sdmodel.study.question import Question
from sdmodel.study.surface import regret, table_of
from sdmodel.study.translation import Say
from sdmodel.study.verdict import deciding, judge

ORDER, CONTRIBUTING, SCALE = "self organisation index", "contributing share", "programme scale"
AT_ONCE, GRADUAL, BUILT_UP = "left in 2015", "gradual exit from 2020", (2020.0, 5.0)
LEAST = 2.0
"""Smallest effect that counts, in percent of the index."""
SURFACE = 500
STARTS, DURATIONS = (2016.0, 2018.0, 2020.0, 2022.0, 2024.0), (0.0, 1.0, 3.0, 5.0, 10.0)
CRITICAL = 0.25
"""Share of contributing members from which a minority is taken to tip the rest."""
STAY, RULE = "no exit", "exit at critical mass"


def leaving(start: float, duration: float) -> dict[str, float]:
    """Levers of an exit."""
    return {"exit start": start, "exit duration": duration}


def exit_name(start: float, duration: float) -> str:
    """Name of an exit."""
    return f"{start:g}, {duration:g} y"


def extras(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """Run the surface and the rule in the first samples, and add verdict, notes and a figure to the finding."""
    draws = arms.first(SURFACE).draws
    few = arms.on(arms.model, draws, [ORDER], every=NEVER)
    n = len(draws)
    base, target = (paired.first(n)[PUBLIC, arm] for arm in (AT_ONCE, GRADUAL))
    rule = sdmodel.trigger(
        arms.model.replace("TIME STEP", STEP),
        "exit start",
        CONTRIBUTING,
        above=CRITICAL,
        design=draws.drop(columns="sample", errors="ignore").assign(**{"exit duration": 5.0}),
        start=2015.0,
        method="sweep",
        workers=arms.workers,
    )
    settings: dict[str, Setting] = {exit_name(s, d): leaving(s, d) for s in STARTS for d in DURATIONS}
    settings[STAY] = leaving(2100.0, 0.0)
    settings[RULE] = {"exit start": rule["exit start"].fillna(2100.0).to_numpy(), "exit duration": 5.0}
    able = np.isfinite(target - base) & (target > base)
    goal = np.where(able, target, base + 1)
    found = few.equal("3/3 surface", settings, goal, lever=SCALE, base=base)
    index = np.where(found.spent & able, last(found.result, ORDER), np.nan)
    table = pd.DataFrame(index.T, columns=list(settings))
    arms.runs += few.runs + n
    money = pd.DataFrame(last(found.result, MONEY).T, columns=list(settings))
    finding.table = pd.concat(
        [finding.table, _long_table(table, money, found.lever, rule["exit start"])], ignore_index=True
    )
    _rule(question, finding, table, draws, rule)
    _best(finding, table, draws)
    finding.figures["withdrawal_surface"] = _figure(finding, table)


def _long_table(table: pd.DataFrame, money: pd.DataFrame, lever: np.ndarray, dates: pd.Series) -> pd.DataFrame:
    rows = [
        pd.DataFrame(
            {"arm": f"surface: {arm}", "sample": table.index, "index": table[arm], "public money": money[arm],
             SCALE: lever[i]}
        )
        for i, arm in enumerate(table.columns)
    ]  # fmt: skip
    rows[-1]["exit start"] = dates.to_numpy()
    return pd.concat(rows, ignore_index=True)


def _rule(question: Question, finding: Finding, table: pd.DataFrame, draws: pd.DataFrame, rule: pd.DataFrame) -> None:
    with np.errstate(all="ignore"):
        gain = 100 * (table[RULE] / table[exit_name(*BUILT_UP)] - 1).to_numpy()
    finding.verdicts.append(
        judge(
            "H39 (rule)",
            "that an exit that waits for a critical mass of contributing members does better than one dated 2020, at "
            "equal public money",
            gain > LEAST,
            gain,
            "% of the index of the dated exit",
            (question.predictions[0].label, question.predictions[0].reason),
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
    flat = whole.max(axis=1) / whole.min(axis=1) - 1 <= LEAST / 100
    start = best.str[:4].where(best != STAY, "no exit").where(~flat, "flat")
    for when, share in start.value_counts(normalize=True).items():
        finding.notes.append(Say("Best start of an exit '{when}': {share:.0%} of samples.", when=when, share=share))
    regrets = regret(table.drop(columns=RULE))
    least, safest = str(regrets["expected"].idxmin()), str(regrets["largest"].idxmin())
    finding.notes.append(
        Say(
            "Smallest expected regret: {least} ({expected:.1f} % of the index); smallest regret in the worst sample: "
            "{safest} ({largest:.0f} %).",
            least=least, expected=regrets.loc[least, "expected"], safest=safest,
            largest=regrets.loc[safest, "largest"],
        )
    )  # fmt: skip
    numbers = pd.to_numeric(best.str[:4], errors="coerce").fillna(2034.0)
    entries = deciding(numbers.where(~flat).reindex(table.index).to_numpy(float), draws)
    if entries:
        words = ", ".join(f"{what} ({r:+.2f})" for what, r in entries)
        finding.notes.append(Say("The best start goes with: {words}.", words=words))


def _figure(finding: Finding, table: pd.DataFrame) -> Figure:
    say = finding.translation
    exits = table.drop(columns=RULE)
    expected = regret(exits)["expected"]
    with np.errstate(all="ignore"):
        gain = 100 * (exits.div(table[STAY], axis=0) - 1)
    net = 100 * ((gain > LEAST).mean() - (gain < -LEAST).mean())
    title = Say(
        "No date suits every sample: the best of the {n} exits costs {least:.1f} % of the index on average against the "
        "best one of each sample",
        n=len(STARTS) * len(DURATIONS),
        least=expected.min(),
    )

    def grid(values: pd.Series, digits: int) -> pd.DataFrame:
        cells = [[values[exit_name(s, d)] for d in DURATIONS] for s in STARTS]
        down, across = say("exit starts in"), say("exit takes (years; 0 is abrupt)")
        return table_of(cells, STARTS, DURATIONS, down, across).round(digits)

    better, lost = (
        "% of samples with a higher index in 2034, less % with a lower",
        "% of the index lost to the best exit of the sample, mean",
    )
    layout = [
        [
            heat("Against no exit", better, grid(net, 0), label=say(better), centre=0, reach=100),
            heat("Expected regret", lost, grid(expected, 1), label=say(lost)),
        ]
    ]
    below = Say("Exits at equal public money in {n} samples, by start and duration.", n=len(table.dropna()))
    return sheet(finding, title, below, layout, [7.0])
