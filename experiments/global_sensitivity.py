"""Screening of all constants and decomposition of variance, for outcomes and for what policies change of knowledge."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

import sdmodel
from sdmodel import Outcome
from sdmodel.core.errors import ResultWarning
from sdmodel.study.arms import END, NEVER, Arms, Setting
from sdmodel.study.finding import Finding, status
from sdmodel.study.outcomes import Measure, measure
from sdmodel.study.panels import Drawn, heat, sheet
from sdmodel.study.question import CERTIFIED
from sdmodel.study.translation import Say, Translation

SAMPLES = 512
"""Blocks of the Sobol' design, a power of two; each has a run for every constant analysed, and two more."""
TRAJECTORIES, PICKED, COUNTS, SHOWN = 10, 6, 0.05, 16
BASE, REST, KNOWLEDGE = "policy of 2014", "all other constants", "knowledge"
OUTCOME_NOTE = (
    "The outcome '{name}' is decided by {a} ({x:.2f}), {b} ({y:.2f}) and {c} ({z:.2f}); all constants that were not "
    "picked have {rest:.2f} together (total indices)."
)
EFFECT_NOTE = (
    "What '{name}' changes of knowledge is decided by {a} ({x:.2f}), {b} ({y:.2f}) and {c} ({z:.2f}); all constants "
    "that were not picked have {rest:.2f} together (total indices, by rank)."
)


@dataclass(frozen=True)
class GlobalSensitivity:
    """The question as its file says it."""

    name: str
    asks: str
    plan: str
    outcomes: Mapping[str, Measure]
    """By the words of the figure."""
    policies: Mapping[str, Setting]

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
        """Screen all constants, and decompose the variance of outcomes and effects.

        Parameters as in `Question.ask`; `samples` are the blocks of the Sobol' design, default `SAMPLES`, of which the
        largest power of two below is taken. The finding has no verdicts; its table has a row per outcome and constant.
        """
        model = model or sdmodel.load("shandong")
        table = model.uncertainties
        switches = [str(name) for name in table.index[table["role"] == "switch"]]
        names = [*self.outcomes, *self.policies]
        outcomes = [Outcome(name, END) for name in names]
        blocks = 1 << max(1, int(samples or SAMPLES).bit_length() - 1)
        kept = list(dict.fromkeys(v for one in self.outcomes.values() for v in one.variables))

        def arms_of(design: pd.DataFrame) -> Arms:
            return Arms(model, design, kept, every=NEVER, workers=workers, progress=progress)

        warned: list[str] = []
        first = arms_of(sdmodel.morris_trajectories(table, TRAJECTORIES, rng=seed))
        results = self.results(first, "1/2 screening")[0]
        screened = with_warnings(lambda: sdmodel.morris(results, table, outcomes, rng=seed), warned)
        few = picked(screened, switches, names)
        design, group = grouped(table, few, blocks, seed)
        second = arms_of(design)
        sweep, found = self.results(second, "2/2 decomposition", CERTIFIED)
        sweep = sweep.assign_coords({REST: ("run", group)})
        indices = with_warnings(lambda: sdmodel.sobol(sweep, [*few, REST], outcomes, rng=seed), warned)
        result = indices.join(screened.drop(columns="mu"), how="outer")
        result = result.rename(index=lambda label: str(label).removesuffix(f" at {END:g}"), level="outcome")
        second.runs += first.runs
        notes, headline = sentences(result, names, self.policies, few, len(table))
        finding = Finding(
            self.name,
            self.asks,
            [],
            result.reset_index(),
            status=status(model),
            notes=[*notes, *warned, second.summary],
            record=second.record(self.name, seed, found)
            | {"blocks": blocks, "sampler": "sobol_blocks", "composition": model.fingerprint},
            headline=headline,
            plan=self.plan,
            translation=translation or Translation(),
        )
        finding.figures[self.name] = self.figure(finding, result, switches)
        return finding

    def results(self, arms: Arms, stage: str, certificate: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
        """Outcomes and effects of every row of a design, as a sweep of it, and the runs behind them.

        Effects are those on knowledge per firm, by rank.
        """
        found = arms.run(stage, {BASE: {}, **self.policies}, certificate=certificate)
        failed = (found["status"] != 0).any("setting").to_numpy()
        last = {name: one.of(found, arms.draws) for name, one in self.outcomes.items()}
        values = {name: one.sel(setting=BASE).to_numpy() for name, one in last.items()}
        for name in self.policies:
            gain = (last[KNOWLEDGE].sel(setting=name) / last[KNOWLEDGE].sel(setting=BASE)).to_numpy()
            values[name] = stats.rankdata(gain, nan_policy="omit")
        data = {name: (("run", "time"), np.where(failed, np.nan, one)[:, None]) for name, one in values.items()}
        columns = {str(c): ("run", arms.draws[c].to_numpy()) for c in arms.draws.columns if c != "setting"}
        return xr.Dataset(data, {"time": [END], **columns}), found

    def figure(self, finding: Finding, result: pd.DataFrame, switches: list[str]) -> Figure:
        """Total indices: constants by outcome, constants by effect, switches by both."""
        totals = result["total"].unstack("outcome").dropna(how="all")
        constants = totals.drop(index=[*switches, REST])
        outcomes, policies = list(self.outcomes), list(self.policies)
        top = constants[outcomes].max(axis=1).nlargest(SHOWN).index
        acting = constants[policies].max(axis=1).nlargest(SHOWN // 2).index
        panels = {
            "Constants that decide outcomes": totals.loc[[*top, REST], outcomes],
            "Constants that decide what a policy does": totals.loc[[*acting, REST], policies],
            "Switches of structure": totals.loc[switches, [*outcomes, *policies]],
        }
        high = [4.5 + 0.5 * len(shown) for shown in panels.values()]
        below = Say(
            "{asks} Total Sobol' indices: percent of the variance left if all others become known.", asks=self.asks
        )
        small = Say(
            "{n:,} blocks; small numbers are noise of sampling, their intervals are in the table.",
            n=finding.record["blocks"],
        )
        layout = [[_indices(title, shown)] for title, shown in panels.items()]
        return sheet(finding, finding.headline, below, layout, high, small)


def experiment(name: str, table: Mapping[str, Any]) -> GlobalSensitivity:
    """The question from its file."""
    outcomes = {label: measure(formula) for label, formula in table["outcomes"].items()}
    return GlobalSensitivity(name, table["asks"], table["plan"], outcomes, table["policies"])


def _indices(title: str, shown: pd.DataFrame) -> Drawn:
    """A map of total indices in whole percent, with slanted names."""
    percent = 100 * shown.clip(lower=0).rename_axis(index=" ", columns=" ")
    map_of = heat(title, "", percent, label="%", centre=0.0, reach=100.0, width=16)

    def draw(panel: Axes, say: Translation) -> None:
        map_of.draw(panel, say)
        for number in panel.texts:
            number.set_text(number.get_text().removeprefix("+").partition(".")[0])
        panel.tick_params(axis="x", labelrotation=35)
        for text in panel.get_xticklabels():
            text.set_horizontalalignment("right")

    return Drawn(title, "", draw)


def picked(screened: pd.DataFrame, switches: list[str], names: Sequence[str]) -> list[str]:
    """The switches, and the constants with the largest mean effects on each outcome."""
    out = list(switches)
    for name in names:
        rows = screened["mu_star"].xs(f"{name} at {END:g}", level="outcome").drop(switches)
        out += [str(p) for p in rows.nlargest(PICKED).index if p not in out]
    return out


def grouped(table: pd.DataFrame, few: list[str], blocks: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Sobol' blocks of a few constants and of all others as one, and what stands for these in each row."""
    one = pd.DataFrame({"value": 0.5, "low": 0.0, "high": 1.0, "distribution": "uniform"}, index=[REST])
    design = sdmodel.sobol_blocks(pd.concat([table.loc[few], one]), blocks, rng=seed)
    group = design.pop(REST).to_numpy()
    _, which = np.unique(group, return_inverse=True)
    rest = sdmodel.latin_hypercube(table.drop(few), int(which.max()) + 1, rng=seed)
    rows = rest.drop(columns="sample").iloc[which].reset_index(drop=True)
    return pd.concat([design, rows], axis=1), group


def with_warnings(analysis: Callable[[], pd.DataFrame], warned: list[str]) -> pd.DataFrame:
    """Compute a table of an analysis; its warnings are appended to a list."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", ResultWarning)
        out = analysis()
    for warning in heard:
        if issubclass(warning.category, ResultWarning):
            warned.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return out


def sentences(
    result: pd.DataFrame, names: list[str], policies: Mapping[str, Setting], few: list[str], of: int
) -> tuple[list[str], str]:
    """A sentence for each outcome and effect, and the headline."""
    notes: list[str] = []
    missed = 0.0
    for name in names:
        rows = result["total"].xs(name, level="outcome").dropna()
        missed = max(missed, float(rows[REST]))
        top = rows.drop(REST).nlargest(3)
        notes.append(
            Say(
                EFFECT_NOTE if name in policies else OUTCOME_NOTE,
                name=name,
                rest=float(rows[REST]),
                **dict(zip("abc", map(str, top.index), strict=True)),
                **dict(zip("xyz", map(float, top), strict=True)),
            )
        )
    totals = result["total"].unstack("outcome").drop(index=REST)
    counts = int((totals.max(axis=1) >= COUNTS).sum())
    headline = Say(
        "Of {of} uncertain constants and switches {few} were looked at closely and {counts} decide at least 5 % of the "
        "variance of some outcome or effect; the {left} others together decide up to {missed:.0%} of one",
        of=of,
        few=len(few),
        counts=counts,
        left=of - len(few),
        missed=missed,
    )
    return notes, headline
