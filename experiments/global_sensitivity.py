"""Screening of all constants and decomposition of variance, for outcomes and for what policies change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure
from scipy import stats

import sdmodel
from sdmodel import Outcome, plot
from sdmodel.analysis.sensitivity.evaluation import warnings_collected
from sdmodel.study.arms import END, NEVER, Arms, Setting
from sdmodel.study.finding import Finding, status
from sdmodel.study.outcomes import STANDARD_MEASURES, Measure, measure
from sdmodel.study.question import CERTIFIED
from sdmodel.study.question_file import digest_of
from sdmodel.study.translation import Say

SAMPLES = 128
"""Blocks of the Sobol' design, a power of two; each has a run for every constant analysed, and two more."""
TRAJECTORIES, PICKED, COUNTS, SHOWN = 10, 4, 0.05, 20
BASE, REST, EFFECT_ON = "policy of 2014", "all other constants", "new product revenue"
NOTE = (
    "'{name}' is decided by {a} ({x:.2f}), {b} ({y:.2f}) and {c} ({z:.2f}); all constants that were not picked have "
    "{rest:.2f} together (total indices)."
)


@dataclass(frozen=True)
class GlobalSensitivity:
    """The question as its file says it."""

    name: str
    asks: str
    plan: str
    outcomes: Mapping[str, Measure]
    policies: Mapping[str, Setting]
    digest: str
    """Hash of its file."""
    samples: int = SAMPLES

    def ask(
        self,
        samples: int | None = None,
        seed: int = 1,
        *,
        workers: int | None = None,
        progress: bool | None = None,
        model: sdmodel.Model | None = None,
    ) -> Finding:
        """Screen all constants, and decompose the variance of outcomes and effects.

        Parameters as in `Question.ask`; `samples` are the blocks of the Sobol' design, default and most `SAMPLES`, of
        which the largest power of two below is taken. The finding has no verdicts; its table has a row per outcome and
        constant.
        """
        model = model or sdmodel.load("shandong")
        table = model.uncertainties
        names = [*self.outcomes, *self.policies]
        outcomes = [Outcome(name, END) for name in names]
        blocks = 1 << max(1, min(int(samples or SAMPLES), SAMPLES).bit_length() - 1)
        kept = list(dict.fromkeys(v for one in self.outcomes.values() for v in one.variables))

        def arms_of(design: pd.DataFrame) -> Arms:
            return Arms(model, design, kept, every=NEVER, workers=workers, progress=progress)

        first = arms_of(sdmodel.morris_trajectories(table, TRAJECTORIES, rng=seed))
        results = self.results(first, "1/2 screening")[0]
        with warnings_collected() as warned:
            screened = sdmodel.morris(results, table, outcomes, rng=seed)
        few = picked(screened, names)
        design, group = grouped(table, few, blocks, seed)
        second = arms_of(design)
        sweep, found = self.results(second, "2/2 decomposition", CERTIFIED)
        sweep = sweep.assign_coords({REST: ("run", group)})
        with warnings_collected() as warned_too:
            indices = sdmodel.sobol(sweep, [*few, REST], outcomes, rng=seed)
        result = indices.join(screened.drop(columns="mu"), how="outer")
        result = result.rename(index=lambda label: str(label).removesuffix(f" at {END:g}"), level="outcome")
        second.runs += first.runs
        totals = result["total"].unstack("outcome").dropna(how="all")[names]
        finding = Finding(
            self.name,
            self.asks,
            [],
            result.reset_index(),
            status=status(model),
            notes=[*(sentence(totals[name]) for name in names), *warned, *warned_too, second.summary],
            record=second.record(self.name, seed, found)
            | {"samples": samples or SAMPLES, "blocks": blocks, "sampler": "sobol_blocks"}
            | {"composition": model.fingerprint, "digest": self.digest},
            headline=headline(totals, len(table)),
            plan=self.plan,
        )
        finding.figures[self.name] = figure(finding, totals)
        return finding

    def results(self, arms: Arms, stage: str, certificate: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
        """Ranks of outcomes and effects of every row of a design, as a sweep of it, and the runs behind them."""
        found = arms.run(stage, {BASE: {}, **self.policies}, certificate=certificate)
        failed = (found["status"] != 0).any("setting").to_numpy()
        last = {name: one.of(found, arms.draws) for name, one in self.outcomes.items()}
        values = {name: one.sel(setting=BASE).to_numpy() for name, one in last.items()}
        on = last[EFFECT_ON]
        values |= {name: (on.sel(setting=name) / on.sel(setting=BASE)).to_numpy() for name in self.policies}
        ranks = {name: stats.rankdata(np.where(failed, np.nan, one), nan_policy="omit") for name, one in values.items()}
        data = {name: (("run", "time"), one[:, None]) for name, one in ranks.items()}
        columns = {str(c): ("run", arms.draws[c].to_numpy()) for c in arms.draws.columns if c != "setting"}
        return xr.Dataset(data, {"time": [END], **columns}), found


def experiment(name: str, table: Mapping[str, Any]) -> GlobalSensitivity:
    """The question from its file."""
    outcomes = {**STANDARD_MEASURES, **{label: measure(formula) for label, formula in table["outcomes"].items()}}
    return GlobalSensitivity(name, table["asks"], table["plan"], outcomes, table["policies"], digest_of(table))


def picked(screened: pd.DataFrame, names: Sequence[str]) -> list[str]:
    """The constants with the largest mean effects on each outcome."""
    means = screened["mu_star"].unstack("outcome")
    rows = [means[f"{name} at {END:g}"].nlargest(PICKED).index for name in names]
    return list(dict.fromkeys(str(p) for row in rows for p in row))


def grouped(table: pd.DataFrame, few: list[str], blocks: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Sobol' blocks of a few constants and of all others as one, and what stands for these in each row."""
    one = pd.DataFrame({"value": 0.5, "low": 0.0, "high": 1.0, "distribution": "uniform"}, index=[REST])
    design = sdmodel.sobol_blocks(pd.concat([table.loc[few], one]), blocks, rng=seed)
    group = design.pop(REST).to_numpy()
    _, which = np.unique(group, return_inverse=True)
    rest = sdmodel.latin_hypercube(table.drop(few), int(which.max()) + 1, rng=seed)
    rows = rest.drop(columns="sample").iloc[which].reset_index(drop=True)
    return pd.concat([design, rows], axis=1), group


def sentence(totals: pd.Series) -> str:
    """What decides an outcome, or what a policy changes of new-product revenue."""
    top = totals.drop(REST).nlargest(3)
    shown = dict(zip("abc", map(str, top.index), strict=True)) | dict(zip("xyz", map(float, top), strict=True))
    return Say(NOTE, name=str(totals.name), rest=float(totals[REST]), **shown)


def headline(totals: pd.DataFrame, of: int) -> str:
    """How many constants decide anything."""
    counts = int((totals.drop(index=REST).max(axis=1) >= COUNTS).sum())
    return Say("{counts} of {of} uncertain constants decide what the model says", counts=counts, of=of)


def figure(finding: Finding, totals: pd.DataFrame) -> Figure:
    """Total indices of the constants that decide most, and of all others together."""
    order = totals.drop(index=REST).max(axis=1).nlargest(SHOWN).index
    shown = 100 * totals.loc[[*order, REST]].clip(lower=0).rename_axis(index=" ", columns=" ")
    below = Say("{asks} Percent of the variance left if all others become known, by rank.", asks=finding.question)
    fig, axes = plot.mosaic([["all"]], title=finding.headline, subtitle=below, heights=[4.5 + 0.5 * len(shown)])
    plot.heat(shown, ax=axes["all"], label="%", centre=0.0, reach=100.0, legend=False, width=16)
    for number in axes["all"].texts:
        number.set_text(number.get_text().removeprefix("+"))
    axes["all"].tick_params(axis="x", labelrotation=35)
    for text in axes["all"].get_xticklabels():
        text.set_horizontalalignment("right")
    return fig
