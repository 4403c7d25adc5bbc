"""Which assumptions decide what the model says?

Written down before the first run
---------------------------------
Not a hypothesis of the paper but a test of the model: which of all uncertain constants and of the ten structural
switches decide an outcome, and which decide what a policy changes. No prediction is judged, so there is no verdict.

Outcomes at 2034 under the policy of 2014: own RnD over revenue; knowledge per firm; new-product revenue over revenue;
firms; share of new firms that reach five years; part of the need for credit that banks refuse; share of alliance
members that contribute; market part of services; share of firms on the new track; index of self-organisation; present
value of public money. Effects: what three times the grants of 2014, an extra tax deduction of 50 %, and an exit of
government from 2020 over five years change of knowledge per firm at 2034, in percent, by rank: in a first run the few
samples with the largest effects made up the variance, and no number of runs that is at hand would have helped.

Way: all constants are screened by Morris' method with 10 trajectories. The switches, and of each outcome and effect
the six constants with the largest mean effect, are then decomposed by Sobol' indices; all others are one group, drawn
anew together, so that what the screening missed shows. The total index of a constant is the share of the variance
that is left if all others become known. Ranges and distributions are those assumed, each constant drawn by itself:
indices need that, so history rules nothing out here. Intervals are of 95 %, from resampling. A total index counts from
0.05.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

import sdmodel
from sdmodel import Outcome, plot
from sdmodel.core.errors import ResultWarning
from sdmodel.plot.style import drawing
from sdmodel.study import translation as words
from sdmodel.study.arms import END, NEVER, Arms, total
from sdmodel.study.finding import Finding, status
from sdmodel.study.panels import attempt, head, in_language, texts
from sdmodel.study.question import CERTIFIED
from sdmodel.study.translation import ENGLISH, Say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure

    from sdmodel.model import Model

QUESTION = "Which assumptions decide what the model says?"
SAMPLES = 512
"""Blocks of the Sobol' design, a power of two; each has a run for every constant looked at, and two more."""
TRAJECTORIES, PICKED, COUNTS, SHOWN = 10, 6, 0.05, 16

BASE = "policy of 2014"
LEVERS = {
    "three times the grants": {"grant number": 3.0},
    "extra deduction of 50 %": {"flat extra deduction": 0.5},
    "exit from 2020": {"exit start": 2020.0},
}
REST = "all other constants"
Path = Callable[["xr.Dataset"], "xr.DataArray"]
MAIN: dict[str, Path] = {
    "RnD intensity": lambda f: f["real RnD intensity"],
    "knowledge": lambda f: total(f["knowledge"]) / f["all firms"],
    "new products": lambda f: total(f["new product revenue"]) / total(f["revenue"]),
    "firms": lambda f: f["all firms"],
    "survival": lambda f: f["five year survival"],
    "refused credit": lambda f: f["refused share"],
    "contribution": lambda f: f["contributing share"],
    "market services": lambda f: f["private service share"],
    "new track": lambda f: f["new track share"],
    "self-organisation": lambda f: f["self organisation index"],
    "public money": lambda f: f["present value of public money"],
}
"""Outcomes by the words of the figure."""
OUTPUTS = (
    "real RnD intensity",
    "knowledge",
    "new product revenue",
    "revenue",
    "all firms",
    "five year survival",
    "refused share",
    "contributing share",
    "private service share",
    "new track share",
    "self organisation index",
)
KNOWLEDGE = "knowledge"
OUTCOME_NOTE = (
    "The outcome '{name}' is decided by {a} ({x:.2f}), {b} ({y:.2f}) and {c} ({z:.2f}); all constants that were not "
    "picked have {rest:.2f} together (total indices)."
)
EFFECT_NOTE = (
    "What '{name}' changes of knowledge is decided by {a} ({x:.2f}), {b} ({y:.2f}) and {c} ({z:.2f}); all constants "
    "that were not picked have {rest:.2f} together (total indices, by rank)."
)


def ask(
    samples: int | None = None,
    seed: int = 1,
    *,
    workers: int | None = None,
    progress: bool | None = None,
    model: Model | None = None,
    lang: str = ENGLISH,
) -> Finding:
    """Screen all constants, and decompose the variance of outcomes and effects.

    Parameters
    ----------
    samples
        Blocks of the Sobol' design, default `SAMPLES`; the largest power of two below is taken.
    seed
        Seed of both designs.
    workers, progress
        As in `Model.sweep`.
    model
        Another composition with the same names; default the shipped one.
    lang
        Language of the figure.

    Returns
    -------
    Finding
        Without verdicts; its table has a row an outcome and constant.
    """
    model = model or sdmodel.load("shandong")
    table = model.uncertainties
    switches = [str(name) for name in table.index[table["role"] == "switch"]]
    names = [*MAIN, *LEVERS]
    asked = [Outcome(name, END) for name in names]
    blocks = 1 << max(1, int(samples or SAMPLES).bit_length() - 1)

    def arms_of(design: pd.DataFrame) -> Arms:
        return Arms(model, design, OUTPUTS, every=NEVER, workers=workers, progress=progress)

    told: list[str] = []
    first = arms_of(sdmodel.morris_trajectories(table, TRAJECTORIES, rng=seed))
    screened = hushed(lambda: sdmodel.morris(judged(first, "1/2 screening")[0], table, asked, rng=seed), told)
    few = picked(screened, switches, names)
    design, group = grouped(table, few, blocks, seed)
    second = arms_of(design)
    sweep, found = judged(second, "2/2 decomposition", CERTIFIED)
    sweep = sweep.assign_coords({REST: ("run", group)})
    indices = hushed(lambda: sdmodel.sobol(sweep, [*few, REST], asked, rng=seed), told)
    result = indices.join(screened.drop(columns="mu"), how="outer")
    result.index = result.index.set_levels(
        [str(o).removesuffix(f" at {END:g}") for o in result.index.levels[0]], level=0
    )
    second.runs += first.runs
    notes, headline = said(result, names, few, len(table))
    finding = Finding(
        "global_sensitivity",
        QUESTION,
        [],
        result.reset_index(),
        status=status(model),
        notes=[*notes, *told, second.told],
        record=second.record("global_sensitivity", seed, found) | {"blocks": blocks, "sampler": "sobol_blocks"},
        headline=headline,
        lang=lang,
    )
    finding.figures["global_sensitivity"] = figure(finding, result, switches)
    return finding


# -- designs and runs -------------------------------------------------------------------------------------------
def picked(screened: pd.DataFrame, switches: list[str], names: Sequence[str]) -> list[str]:
    """The switches, and the constants with the largest mean effects on each outcome."""
    out = list(switches)
    for name in names:
        rows = screened["mu_star"].xs(f"{name} at {END:g}", level="outcome").drop(switches)
        out += [str(p) for p in rows.nlargest(PICKED).index if p not in out]
    return out


def grouped(table: pd.DataFrame, few: list[str], blocks: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Sobol' blocks of a few constants and of all others as one, and what stands for these in each row."""
    import pandas as pd

    one = pd.DataFrame({"value": 0.5, "low": 0.0, "high": 1.0, "distribution": "uniform"}, index=[REST])
    design = sdmodel.sobol_blocks(pd.concat([table.loc[few], one]), blocks, rng=seed)
    group = design.pop(REST).to_numpy()
    _, which = np.unique(group, return_inverse=True)
    rest = sdmodel.latin_hypercube(table.drop(few), int(which.max()) + 1, rng=seed)
    rows = rest.drop(columns="sample").iloc[which].reset_index(drop=True)
    return pd.concat([design, rows], axis=1), group


def judged(arms: Arms, stage: str, certificate: int = 0) -> tuple[xr.Dataset, xr.Dataset]:
    """Outcomes and effects of every row of a design, as a sweep of it, and the runs behind them."""
    import xarray as xr
    from scipy import stats

    found = arms.run(stage, {BASE: {}, **LEVERS}, certificate=certificate)
    failed = (found["status"] != 0).any("setting")
    paths = {name: path(found.sel(setting=BASE)) for name, path in MAIN.items()}
    for name in LEVERS:
        gain = MAIN[KNOWLEDGE](found.sel(setting=name)) / paths[KNOWLEDGE]
        paths[name] = gain.copy(data=stats.rankdata(gain.to_numpy(), axis=0, nan_policy="omit"))
    data = {
        name: (("run", "time"), p.where(~failed).transpose("sample", "time").to_numpy()) for name, p in paths.items()
    }
    columns = {str(c): ("run", arms.draws[c].to_numpy()) for c in arms.draws.columns if c != "setting"}
    return xr.Dataset(data, {"time": found["time"].to_numpy(), **columns}), found


def hushed(analysis: Callable[[], pd.DataFrame], told: list[str]) -> pd.DataFrame:
    """A table of an analysis; what it warns of becomes a note."""
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always", ResultWarning)
        out = analysis()
    for warning in heard:
        if issubclass(warning.category, ResultWarning):
            told.append(str(warning.message))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return out


# -- words and figure -------------------------------------------------------------------------------------------
def said(result: pd.DataFrame, names: list[str], few: list[str], of: int) -> tuple[list[str], str]:
    """A sentence for each outcome and effect, and the headline."""
    notes: list[str] = []
    missed = 0.0
    for name in names:
        rows = result["total"].xs(name, level="outcome").dropna()
        missed = max(missed, float(rows[REST]))
        top = rows.drop(REST).nlargest(3)
        notes.append(
            Say(
                EFFECT_NOTE if name in LEVERS else OUTCOME_NOTE,
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


def figure(finding: Finding, result: pd.DataFrame, switches: list[str]) -> Figure:
    """Total indices: constants by outcome, constants by effect, switches by both."""
    totals = result["total"].unstack("outcome").dropna(how="all")
    constants = totals.drop(index=[*switches, REST])
    top = constants[list(MAIN)].max(axis=1).nlargest(SHOWN).index
    acting = constants[list(LEVERS)].max(axis=1).nlargest(SHOWN // 2).index
    panels = {
        "outcomes": ("Constants that decide outcomes", totals.loc[[*top, REST], list(MAIN)]),
        "effects": ("Constants that decide what a policy does", totals.loc[[*acting, REST], list(LEVERS)]),
        "switches": ("Switches of structure", totals.loc[switches, [*MAIN, *LEVERS]]),
    }
    high = [4.5 + 0.5 * len(shown) for _, shown in panels.values()]
    below = Say("{asks} Total Sobol' indices: percent of the variance left if all others become known.", asks=QUESTION)
    small = Say(
        "{n:,} blocks; small numbers are noise of sampling, their intervals are in the table.",
        n=finding.record["blocks"],
    )
    fig, axes = plot.board([[name] for name in panels], heights=high, **texts(finding, finding.headline, below, small))
    with drawing():
        for letter, (name, (title, shown)) in zip("ABC", panels.items(), strict=True):
            panel = axes[name]
            percent = 100 * shown.clip(lower=0).rename_axis(index=" ", columns=" ")
            attempt(panel, plot.heat, percent, label="%", centre=0.0, reach=100.0, legend=False, width=16)
            for number in panel.texts:
                number.set_text(number.get_text().removeprefix("+").partition(".")[0])
            panel.tick_params(axis="x", labelrotation=35)
            for text in panel.get_xticklabels():
                text.set_horizontalalignment("right")
            head(panel, letter, words.said(title, finding.lang))
        in_language(fig, finding.lang)
    return fig
