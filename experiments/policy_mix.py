"""Portfolios of instruments at equal public money; the best of them is then compared with the whole package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import sdmodel
from sdmodel import plot
from sdmodel.study.arms import MONEY, NEVER, Arms, Mix, last, present_value, total
from sdmodel.study.finding import Finding
from sdmodel.study.history_matching import samples_of
from sdmodel.study.panels import Drawn, attempt, sheet
from sdmodel.study.question import Equal, Question
from sdmodel.study.question_file import question_of
from sdmodel.study.translation import Say, Translation

FIRST_STAGE, SIZE = 200, 1 / 3
"""Samples of the first stage, and size of the groups in the whole package."""
EXIT = {"exit start": 2020.0, "exit duration": 5.0}
NONE, WHOLE, PART, LEAVE = "as it is", "whole package", "best part", "gradual exit alone"
ORDER, ALL, FIRMS, SURVIVAL = "self organisation index", "total real RnD", "firms by quality", "five year survival"
Choice = tuple[tuple[str, ...], bool]
"""Groups of a portfolio, and whether government leaves as well."""


def called(choice: Choice) -> str:
    """Name of a portfolio."""
    groups, leaves = choice
    return " + ".join([*groups, *(["exit"] if leaves else [])])


@dataclass(frozen=True)
class PolicyMix:
    """The question as its file says it."""

    name: str
    table: Mapping[str, Any]

    @property
    def asks(self) -> str:
        """The question, in one sentence."""
        return str(self.table["asks"])

    @property
    def plan(self) -> str:
        """The plan written before the first run."""
        return str(self.table["plan"])

    @property
    def groups(self) -> Mapping[str, Mapping[str, tuple[float, float]]]:
        """Constants of each group: value at size 0, and what full size adds."""
        groups: Mapping[str, Mapping[str, tuple[float, float]]] = self.table["groups"]
        return groups

    @property
    def everything(self) -> Choice:
        """The whole package."""
        return tuple(self.groups), True

    @property
    def choices(self) -> list[Choice]:
        """All choices of groups, each with and without the exit."""
        numbers = range(1, len(self.groups) + 1)
        chosen = [groups for n in numbers for groups in combinations(self.groups, n)]
        return [(groups, leaves) for groups in chosen for leaves in (False, True)]

    def ask(
        self,
        samples: int | None = None,
        seed: int = 1,
        *,
        workers: int | None = None,
        progress: bool | None = None,
        model: sdmodel.Model | None = None,
        translation: Translation | None = None,
    ) -> Finding:
        """Ask in two stages; parameters as in `Question.ask`."""
        first = FIRST_STAGE if samples is None else min(FIRST_STAGE, samples)
        table = self.portfolios(model, seed, workers, progress, first)
        parts = table.drop(index=called(self.everything))
        best = next(c for c in self.choices if called(c) == parts["expected regret"].idxmin())
        question = self.second_stage(best)
        finding = question.ask(samples, seed, workers=workers, progress=progress, model=model, translation=translation)
        chosen = [Say("Best part by its mean in other samples: {part}.", part=called(best)), self._chosen(table)]
        finding.notes[:0] = chosen
        _front(finding, table, called(self.everything))
        return finding

    def mix(self, groups: Sequence[str]) -> Mix:
        """All constants of some groups."""
        return {name: (zero, unit) for group in groups for name, (zero, unit) in self.groups[group].items()}

    def sized(self, groups: Sequence[str], size: float) -> dict[str, float]:
        """Constants of some groups at a size."""
        return {name: zero + size * unit for name, (zero, unit) in self.mix(groups).items()}

    def most(self, model: sdmodel.Model, choice: Choice) -> float:
        """Largest size at which all constants of a portfolio are in their ranges."""
        return float(min((model.owner(n).high - zero) / unit for n, (zero, unit) in self.mix(choice[0]).items()))

    def portfolios(
        self, model: sdmodel.Model | None, seed: int, workers: int | None, progress: bool | None, samples: int
    ) -> pd.DataFrame:
        """First stage: every portfolio at equal money; medians and regret by portfolio."""
        own, draws = samples_of(model, samples, seed + 1)
        arms = Arms(own, draws, [ORDER, ALL, FIRMS, SURVIVAL], every=1.0, workers=workers, progress=progress)
        whole = {**EXIT, **self.sized(tuple(self.groups), SIZE)}
        base = arms.run("first stage", {NONE: {}, WHOLE: whole}, every=NEVER)
        anyway, target = last(base, MONEY)
        able = target - anyway > 1
        known = own.parameters()["value"]
        choices, mixes = self.choices, [self.mix(c[0]) for c in self.choices]
        lever = {
            name: tuple(np.array([[mix.get(name, (known[name], 0.0))[i]] for mix in mixes]) for i in (0, 1))
            for name in self.mix(tuple(self.groups))
        }
        most = [self.most(own, c) for c in choices]
        found = arms.equal(
            "first stage",
            {called(c): EXIT if c[1] else {"exit start": 2100.0, "exit duration": 5.0} for c in choices},
            np.where(able, target, anyway + 1),
            lever={name: (zero, unit) for name, (zero, unit) in lever.items()},
            start=np.array([[min(SIZE * len(self.groups) / len(c[0]), m)] for c, m in zip(choices, most, strict=True)]),
            low=0.0,
            high=np.array([[m] for m in most]),
            base=anyway,
        )
        good = found.spent & able & (found.result["status"].to_numpy() == 0)
        outcomes = {
            "self-organisation in 2034": last(found.result, ORDER),
            "real RnD, present value": present_value(found.result[ALL], draws).to_numpy(),
            "firms in 2034": total(found.result[FIRMS]).isel(time=-1).to_numpy(),
            "five-year survival in 2034": last(found.result, SURVIVAL),
        }
        columns = {name: np.nanmedian(np.where(good, values, np.nan), axis=1) for name, values in outcomes.items()}
        index = np.where(good, outcomes["self-organisation in 2034"], np.nan)
        with np.errstate(all="ignore"):
            lost = 100 * (1 - index / np.nanmax(index, axis=0))
        columns |= {"expected regret": np.nanmean(lost, axis=1), "largest regret": np.nanmax(lost, axis=1)}
        columns |= {"cannot be spent": 1 - good.mean(axis=1)}
        frame = pd.DataFrame(columns, index=[called(c) for c in choices])
        frame.loc[frame["cannot be spent"] > 0.5] = np.nan
        return frame

    def second_stage(self, best: Choice) -> Question:
        """Compare the best portfolio with the whole package."""
        groups = tuple(self.groups)
        arms = {NONE: {}, WHOLE: {**EXIT, **self.sized(groups, SIZE)}}
        arms |= {f"{group} alone": self.sized((group,), SIZE) for group in groups}
        equal = Equal(
            like=WHOLE,
            lever=self.mix(best[0]),
            arms={PART: EXIT if best[1] else {}},
            start=min(1.0, SIZE * len(groups) / len(best[0])),
            low=0.0,
            high=self.most(sdmodel.load("shandong"), best),
            size=self.mix(groups),
        )
        rest = {k: v for k, v in self.table.items() if k != "groups"}
        return question_of(self.name, {**rest, "arms": {**arms, LEAVE: EXIT}}, more={"equal": [equal]})

    def _chosen(self, table: pd.DataFrame) -> Say:
        whole, expected = called(self.everything), table["expected regret"]
        return Say(
            "Of {n} portfolios the smallest expected regret in self-organisation has {least} ({a:.1f} %), the smallest "
            "in the worst sample {safest} ({b:.0f} %); the whole package is number {rank} ({c:.1f} %).",
            n=int(expected.notna().sum()),
            least=str(expected.idxmin()),
            a=expected.min(),
            safest=str(table["largest regret"].idxmin()),
            b=table["largest regret"].min(),
            rank=int(expected.rank()[whole]) if np.isfinite(expected[whole]) else 0,
            c=expected[whole],
        )


def experiment(name: str, table: Mapping[str, Any]) -> PolicyMix:
    """The question from its file."""
    return PolicyMix(name, table)


def _front(finding: Finding, table: pd.DataFrame, whole: str) -> None:
    """Portfolios that no other dominates, and a figure of them."""
    front = sdmodel.nondominated(table, dict.fromkeys(list(table.columns[:4]), "max"))
    able = int(table.iloc[:, 0].notna().sum())
    finding.notes.insert(
        -1,  # before what it took
        Say(
            "Portfolios that no other beats in the medians of all four outcomes: {n} of {all}, among them {some}.",
            n=len(front),
            all=able,
            some="; ".join(map(str, front.index[:6])),
        ),
    )
    title = Say(
        "{n} of {all} portfolios are beaten by no other in the medians of four outcomes", n=len(front), all=able
    )
    below = "Choices of six groups of instruments, with and without a gradual exit, at equal public money."
    finding.figures["policy_mix_portfolios"] = _figure(finding, title, below, table, front, whole)


def _figure(finding: Finding, title: str, below: str, table: pd.DataFrame, front: pd.DataFrame, whole: str) -> Figure:
    def fronts(panel: Axes, say: Translation) -> None:
        x, y = "real RnD, present value", "self-organisation in 2034"
        shown: list[tuple[pd.DataFrame, dict[str, Any]]] = [
            (table, {"alpha": 0.35, "label": say("a portfolio")}),
            (front, {"marker": "D", "label": say("beaten by no other")}),
            (table.loc[[whole]], {"marker": "s", "label": say(WHOLE)}),
        ]
        for rows, look in shown:
            panel.scatter(rows[x], rows[y], s=22, **look)
        panel.set(xlabel=say("real RnD, present value (million CNY)"), ylabel=say(y))
        panel.legend(frameon=False, fontsize=7)

    def least(panel: Axes, say: Translation) -> None:
        smallest = table["expected regret"].nsmallest(5)
        shown = pd.DataFrame({"median": smallest, "low": smallest, "high": smallest})
        attempt(panel, plot.effects, shown, label=say("% of the index"), legend=False, width=8)

    layout = [
        [
            Drawn("RnD and self-organisation", "medians of samples", fronts),
            Drawn("Smallest expected regret", "index lost to the best portfolio of the sample", least),
        ]
    ]
    return sheet(finding, title, below, layout, (9.0,))
