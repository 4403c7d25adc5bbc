"""Is the whole package better than its best part, at the same public money? (H48)

Written down before the first run
---------------------------------
Six groups of instruments, each a mix of fixed proportions that one size scales, and the gradual exit from 2020 over
five years, which costs nothing: see `GROUPS`. Proportions are choices made before the first run and no proposals.

Public money is the present value at 2015 beyond that of changing nothing; the whole package (all six groups and the
exit) at one third of its full size sets it in each sample. Every other portfolio is solved to cost the same (0.5 %).

First stage: all 63 choices of groups, each with and without the exit, in 200 samples that the second stage does not use
unless it needs them all. Reported: which of them no other beats in real RnD, firms, five-year survival and
self-organisation at once; which has the smallest expected and the smallest largest regret in self-organisation.

Second stage: the part that was best on average in the first stage, against the whole package, in all samples. H48 holds
in a sample if the whole package leaves a self-organisation index in 2034 that is higher than that of this part by more
than 2 %. H48 (RnD) holds if it brings more total real RnD by more than 0.1 yuan per yuan. H48 (more than the sum) holds
if the gain of the index by the whole package exceeds the sum of the gains of its groups and of the exit, each alone at
the size it has in the package, by more than 1 % of the index.

Labels: emergent; no term of the equations says that instruments help or hinder each other, except the load that each
further programme puts on the agencies (B11). Choosing the part by its mean in other samples is what a government could
do; the best part of each sample would be hindsight.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import sdmodel
from sdmodel import plot
from sdmodel.plot.style import drawing
from sdmodel.study.answer import drawn
from sdmodel.study.arms import MONEY, NEVER, Arms, Mix, last, present_value, total
from sdmodel.study.effects import Paired, end, worth
from sdmodel.study.finding import Finding
from sdmodel.study.panels import attempt, head, in_language, texts
from sdmodel.study.question import Equal, Loop, Prediction, Question, Rows
from sdmodel.study.translation import ENGLISH, Say, said

if TYPE_CHECKING:
    from sdmodel.model import Model

QUESTION = "Is the whole package better than its best part, at the same public money?"
SAMPLES = 10_000
FIRST_STAGE = 200

GROUPS: dict[str, dict[str, tuple[float, float]]] = {
    "money for RnD": {
        "progressive deduction size": (0.0, 0.8),
        "grant number": (1.0, 1.0),
        "procurement budget": (0.0, 50.0),
    },
    "finance": {
        "extra guarantee capital": (0.0, 30.0),
        "extra compensation capital": (0.0, 30.0),
        "extra interest subsidy": (0.0, 0.05),
        "venture programme": (1.0, 2.0),
    },
    "people and knowledge": {
        "talent top up size": (0.0, 0.01),
        "mobility programme": (0.0, 0.01),
        "information budget": (0.0, 10.0),
        "adviser programme": (1.0, 1.0),
    },
    "links and services": {
        "voucher budget": (48.2, 48.2),
        "brokerage programme": (1.0, 1.0),
        "alliance programme": (1.0, 0.5),
        "market entry budget": (0.0, 10.0),
    },
    "rules and culture": {
        "coordination budget": (0.0, 10.0),
        "implementing rules budget": (0.0, 10.0),
        "IP protection budget": (0.0, 10.0),
        "advocacy budget": (0.0, 10.0),
        "institution budget": (0.0, 10.0),
    },
    "push": {"push size": (0.0, 0.5)},
}
"""Constants of each group: value at size 0, and what full size adds."""
EXIT = {"exit start": 2020.0, "exit duration": 5.0}
SIZE = 1 / 3

NONE, WHOLE, PART, LEAVE = "as it is", "whole package", "best part", "gradual exit alone"
ORDER, ALL, FIRMS, SURVIVAL = "self organisation index", "total real RnD", "firms by quality", "five year survival"
LEAST, LEAST_RND, LEAST_SUM = 2.0, 0.1, 1.0
OPEN = (
    "emergent",
    "no equation says that instruments help or hinder each other but through the load on agencies (B11)",
)
Choice = tuple[tuple[str, ...], bool]
"""Groups of a portfolio, and whether government leaves as well."""


def mix(groups: Sequence[str]) -> Mix:
    """All constants of some groups."""
    return {name: parts for group in groups for name, parts in GROUPS[group].items()}


def sized(groups: Sequence[str], size: float) -> dict[str, float]:
    """Constants of some groups at a size."""
    return {name: zero + size * unit for name, (zero, unit) in mix(groups).items()}


def called(choice: Choice) -> str:
    """Name of a portfolio."""
    groups, leaves = choice
    return " + ".join([*groups, *(["exit"] if leaves else [])])


CHOICES: list[Choice] = [
    (groups, leaves)
    for n in range(1, len(GROUPS) + 1)
    for groups in combinations(GROUPS, n)
    for leaves in (False, True)
]
EVERYTHING: Choice = (tuple(GROUPS), True)


def ask(
    samples: int | None = None,
    seed: int = 1,
    *,
    workers: int | None = None,
    progress: bool | None = None,
    model: Model | None = None,
    lang: str = ENGLISH,
) -> Finding:
    """Ask H48; parameters as in `Question.ask`."""
    table = portfolios(model, seed, workers, progress, FIRST_STAGE if samples is None else min(FIRST_STAGE, samples))
    parts = table.drop(index=called(EVERYTHING))
    best = next(c for c in CHOICES if called(c) == parts["expected regret"].idxmin())
    question = asking(best, table)
    return question.ask(samples, seed, workers=workers, progress=progress, model=model, lang=lang)


def most(model: Model, choice: Choice) -> float:
    """Largest size at which all constants of a portfolio are in their ranges."""
    return min((model.owner(n).high - zero) / unit for n, (zero, unit) in mix(choice[0]).items())


def portfolios(
    model: Model | None, seed: int, workers: int | None, progress: bool | None, samples: int
) -> pd.DataFrame:
    """First stage: every portfolio at equal money; medians and regret by portfolio."""
    own, draws = drawn(model, samples, seed + 1)
    arms = Arms(own, draws, [ORDER, ALL, FIRMS, SURVIVAL], every=1.0, workers=workers, progress=progress)
    base = arms.run("first stage", {NONE: {}, WHOLE: {**EXIT, **sized(tuple(GROUPS), SIZE)}}, every=NEVER)
    anyway, target = last(base, MONEY)
    able = target - anyway > 1
    known = own.parameters()["value"]
    names = list(mix(tuple(GROUPS)))

    def units(position: int) -> dict[str, np.ndarray]:
        return {
            name: np.array([[mix(c[0])[name][position] if name in mix(c[0]) else (known[name], 0.0)[position]]
                            for c in CHOICES])
            for name in names
        }  # fmt: skip

    zero, unit = units(0), units(1)
    found = arms.equal(
        "first stage",
        {called(c): EXIT if c[1] else {"exit start": 2100.0, "exit duration": 5.0} for c in CHOICES},
        np.where(able, target, anyway + 1),
        lever={name: (zero[name], unit[name]) for name in names},
        start=np.array([[min(SIZE * len(GROUPS) / len(c[0]), most(own, c))] for c in CHOICES]),
        low=0.0,
        high=np.array([[most(own, c)] for c in CHOICES]),
        base=anyway,
    )
    good = found.spent & able & (found.result["status"].to_numpy() == 0)
    index = np.where(good, last(found.result, ORDER), np.nan)
    with np.errstate(all="ignore"):
        lost = 100 * (1 - index / np.nanmax(index, axis=0))
    outcomes = {
        "self-organisation in 2034": index,
        "real RnD, present value": np.where(good, present_value(found.result[ALL], draws), np.nan),
        "firms in 2034": np.where(good, total(found.result[FIRMS]).isel(time=-1), np.nan),
        "five-year survival in 2034": np.where(good, last(found.result, SURVIVAL), np.nan),
    }
    columns: dict[str, Any] = {name: np.nanmedian(values, axis=1) for name, values in outcomes.items()}
    columns |= {"expected regret": np.nanmean(lost, axis=1), "largest regret": np.nanmax(lost, axis=1)}
    columns |= {"cannot be spent": 1 - good.mean(axis=1)}
    frame = pd.DataFrame(columns, index=[called(c) for c in CHOICES])
    frame.loc[frame["cannot be spent"] > 0.5] = np.nan
    return frame


def asking(best: Choice, table: pd.DataFrame) -> Question:
    """The second stage."""
    groups = {f"{group} alone": sized((group,), SIZE) for group in GROUPS}

    def excess(p: Paired) -> np.ndarray:
        single = sum(p.gain("index", arm) for arm in (*groups, LEAVE))
        return 100 * (p.gain("index", WHOLE) - single) / p["index", NONE]

    panels = [
        Rows(
            "What moves the index",
            "self-organisation index in 2034 against no change, each at its size in the package",
            "% of the index without change",
            {arm: lambda p, arm=arm: p.change("index", arm) for arm in (WHOLE, *groups, LEAVE)},
            LEAST,
        ),
        Rows(
            "What a yuan buys",
            "total real RnD against no change, by yuan of public money",
            "yuan of RnD per yuan of public money",
            {arm: lambda p, arm=arm: p.per_yuan(ALL, arm) for arm in (WHOLE, PART, *groups)},
            LEAST_RND,
        ),
    ]
    return Question(
        name="policy_mix",
        asks=QUESTION,
        arms={NONE: {}, WHOLE: {**EXIT, **sized(tuple(GROUPS), SIZE)}, **groups, LEAVE: EXIT},
        equal=[Equal(like=WHOLE, arms={PART: (EXIT if best[1] else {}, mix(best[0]))},
                     start=min(1.0, SIZE * len(GROUPS) / len(best[0])), low=0.0,
                     size=mix(tuple(GROUPS)),
                     high=most(sdmodel.load("shandong"), best))],
        measures={"index": end(ORDER), ALL: worth(ALL), "firms": end(FIRMS), "survival": end(SURVIVAL)},
        predictions=[
            Prediction("H48", "that the whole package leaves a higher self-organisation index in 2034 than its best "
                       "part of equal public money", lambda p: p.change("index", WHOLE, PART),
                       "% of the index of the part", LEAST, *OPEN),
            Prediction("H48 (RnD)", "that the whole package brings more total real RnD than its best part of equal "
                       "public money", lambda p: p.per_yuan(ALL, WHOLE) - p.per_yuan(ALL, PART),
                       "yuan of RnD per yuan of public money", LEAST_RND, *OPEN),
            Prediction("H48 (more than the sum)", "that the whole package raises the index by more than its groups and "
                       "the exit do one by one", excess, "% of the index without change", LEAST_SUM, *OPEN),
        ],
        loops=[
            Loop("B11 load of the agencies (C69-C73)", "room for a programme", "implementation target", NONE,
                 [WHOLE, PART, *groups, LEAVE]),
            Loop("R13 joint work and association skill (C61)", "joint value", "association practice", NONE,
                 [WHOLE, PART, *groups, LEAVE]),
        ],
        panels=panels,
        headline=lambda f: Say(
            "For the same public money the whole package leaves more self-organisation than its best part in "
            "{share:.0%} of samples; the groups add up to more than their sum in {more:.0%}",
            share=f.verdicts[0].share,
            more=f.verdicts[2].share,
        ),
        notes=lambda p: [Say("Best part by its mean in other samples: {part}.", part=called(best)), *_chosen(table)],
        extras=lambda finding, paired, arms: _front(finding, table),
        samples=SAMPLES,
    )  # fmt: skip


# -- portfolios -------------------------------------------------------------------------------------------------
def _chosen(table: pd.DataFrame) -> list[str]:
    whole, regret = called(EVERYTHING), table["expected regret"]
    rank = int(regret.rank()[whole]) if np.isfinite(regret[whole]) else 0
    return [
        Say(
            "Of {n} portfolios the smallest expected regret in self-organisation has {least} ({a:.1f} %), the smallest "
            "in the worst sample {safest} ({b:.0f} %); the whole package is number {rank} ({c:.1f} %).",
            n=int(regret.notna().sum()), least=str(regret.idxmin()), a=regret.min(),
            safest=str(table["largest regret"].idxmin()), b=table["largest regret"].min(), rank=rank, c=regret[whole],
        )
    ]  # fmt: skip


def _front(finding: Finding, table: pd.DataFrame) -> None:
    """Portfolios that no other beats, and a figure of them."""
    goals = dict.fromkeys(list(table.columns[:4]), "max")
    front = sdmodel.nondominated(table, goals)
    finding.notes.append(
        Say("Portfolios that no other beats in the medians of all four outcomes: {n} of {all}, among them {some}.",
            n=len(front), all=int(table.iloc[:, 0].notna().sum()), some="; ".join(map(str, front.index[:6])))
    )  # fmt: skip
    finding.figures["policy_mix_portfolios"] = _portfolio_figure(finding, table, front)


def _portfolio_figure(finding: Finding, table: pd.DataFrame, front: pd.DataFrame) -> Any:
    def say(text: str) -> str:
        return said(text, finding.lang)

    title = Say("{n} of {all} portfolios are beaten by no other in the medians of four outcomes", n=len(front),
                all=int(table.iloc[:, 0].notna().sum()))  # fmt: skip
    below = "Choices of six groups of instruments, with and without a gradual exit, at equal public money."
    fig, axes = plot.board([["front", "regret"]], heights=(9.0,), **texts(finding, title, below))
    with drawing():
        x, y = "real RnD, present value", "self-organisation in 2034"
        for rows, look in ((table, {"alpha": 0.35, "label": say("a portfolio")}),
                           (front, {"marker": "D", "label": say("beaten by no other")}),
                           (table.loc[[called(EVERYTHING)]], {"marker": "s", "label": say(WHOLE)})):  # fmt: skip
            axes["front"].scatter(rows[x], rows[y], s=22, **look)
        axes["front"].set(xlabel=say("real RnD, present value (million CNY)"), ylabel=say(y))
        axes["front"].legend(frameon=False, fontsize=7)
        head(axes["front"], "A", say("RnD and self-organisation"), say("medians of samples"))
        least = table["expected regret"].nsmallest(5)
        shown = pd.DataFrame({"median": least, "low": least, "high": least})
        attempt(axes["regret"], plot.effects, shown, label=say("% of the index"), legend=False, width=8)
        head(
            axes["regret"], "B", say("Smallest expected regret"), say("index lost to the best portfolio of the sample")
        )
        in_language(fig, finding.lang)
    return fig
