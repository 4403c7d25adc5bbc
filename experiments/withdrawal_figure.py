"""The sheet that the question of withdrawal leaves: when to leave (A), how fast (B), and what users see (C to E)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.patches import FancyBboxPatch
from matplotlib.patheffects import withStroke

from sdmodel import plot
from sdmodel.experiments import withdrawal as asked
from sdmodel.experiments.arms import END, MONEY
from sdmodel.experiments.equal_money import Equalised
from sdmodel.experiments.finding import Finding, spread
from sdmodel.experiments.sheet import attempt, head, legend, rows, texts
from sdmodel.plot.look import INK, drawing
from sdmodel.plot.marks import ROW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROWS = [["when", "pace"], ["never", "slow", "fast"]]
OUTLINE: dict[str, Any] = {
    "facecolor": "none",
    "edgecolor": INK,
    "linewidth": 1.4,
    "boxstyle": "round,pad=0,rounding_size=0.15",
    "path_effects": [withStroke(linewidth=3.2, foreground="#FFFFFF")],
}
"""The mark of a cell of the heat map; its white rim parts it from dark cells."""


def figure(finding: Finding, order: pd.DataFrame, base: xr.Dataset, gradual: xr.Dataset, abrupt: Equalised) -> Figure:
    """Draw the sheet.

    Parameters
    ----------
    finding
        With the verdicts on H39 and H40, in this order.
    order
        Self-organisation index at the end by sample and setting, NaN where the money cannot be spent.
    base, gradual, abrupt
        Paths without exit, of the gradual exits, and of the abrupt exits of equal money.
    """
    first = asked.GRADUAL.index(asked.BUILT_UP)
    arms = [base, gradual.isel(setting=first), abrupt.result.isel(setting=first)]
    same = abrupt.spent[first]
    dates = spread(abrupt.lever[first][same])
    fig, axes = plot.board(ROWS, heights=(6.8, 5.2), **_texts(finding, arms, same, dates))
    with drawing():
        _when(axes["when"], order)
        _pace(axes["pace"], finding.table)
        _paths([axes[name] for name in ROWS[1]], [arm.isel(sample=same) for arm in arms], dates)
        legend({"A": axes["when"], "B": axes["pace"], "C to E": axes["never"]})
    return fig


def _texts(
    finding: Finding, arms: Sequence[xr.Dataset], same: np.ndarray, dates: tuple[float, float, float]
) -> dict[str, str]:
    """Headline, the line below it and the small print, from the numbers."""
    first, second = finding.verdicts
    foot = []
    spent, own = (arm[MONEY].isel(time=-1).to_numpy()[same] for arm in arms[:2])
    more = spread(spent / own - 1)[0]
    if np.isfinite(more):
        foot.append(
            f"C is not at equal money: staying costs {100 * abs(more):.0f} % {'more' if more >= 0 else 'less'} than D "
            "and E (median, present value)."
        )
    failed = sum(int((arm["status"] != 0).sum()) for arm in arms)
    if failed or not same.all():
        foot.append(
            f"Left out of C to E: {failed} failed runs, and {(~same).sum()} samples in which no abrupt exit costs "
            "the same."
        )
    if dates[2] - dates[1] >= 0.1:
        foot.append(f"Band in E: dates of the abrupt exit, {dates[1]:.1f} to {dates[2]:.1f} in 5 to 95 % of samples.")
    return texts(
        finding,
        f"Leaving after build-up beats staying, leaving early and leaving late in {first.holds} of {first.samples} "
        f"samples; leaving gradually spares service users a gap in {second.holds} of {second.samples}",
        f"{finding.table['sample'].nunique()} samples, exits compared at equal public money.",
        *foot,
    )


def _when(panel: Axes, order: pd.DataFrame) -> None:
    """A: by start and duration, samples that are better off than without exit, less those worse off."""
    better, worse = _against_no_exit(order)
    net = pd.DataFrame(
        [[better[asked.label(s, d)] - worse[asked.label(s, d)] for d in asked.DURATIONS] for s in asked.STARTS],
        index=pd.Index(asked.STARTS, name="exit starts in"),
        columns=pd.Index(asked.DURATIONS, name="exit takes (years; 0 is abrupt)"),
    )
    measure = f"% of samples better self-organised in {END:g} than without exit, less % worse"
    attempt(panel, plot.heat, net.round(), label=measure, centre=0, reach=100, legend=False, width=8)
    head(panel, "A", "When to leave", measure)
    own = asked.label(*asked.BUILT_UP)
    if np.isfinite(better[own]) and panel.images:
        place = asked.DURATIONS.index(asked.BUILT_UP[1]) - 0.42, asked.STARTS.index(asked.BUILT_UP[0]) - 0.38
        told = (
            f"exit after build-up: better by more than {100 * asked.SMALLEST_ORDER:g} % in {better[own]:.0f} % of "
            f"samples, worse in {worse[own]:.0f} %, neither in {100 - better[own] - worse[own]:.0f} %"
        )
        panel.add_patch(FancyBboxPatch(place, 0.84, 0.76, label=told, **OUTLINE))


def _against_no_exit(order: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Percent of samples, by setting, whose index is higher or lower than without exit by what counts."""
    never = order[asked.label(asked.STAY, 0)]
    gain = order.sub(never, axis=0).div(never, axis=0)
    percent = 100 / gain.notna().sum().replace(0, np.nan)
    return (gain > asked.SMALLEST_ORDER).sum() * percent, (gain < -asked.SMALLEST_ORDER).sum() * percent


def _pace(panel: Axes, table: pd.DataFrame) -> None:
    """B: what a gradual exit spares in the trough of coverage, by duration."""
    pairs = table[(table["equal by"] == "date") & table["spent"]]
    gain = 100 * (pairs["trough"] - pairs["trough, abrupt"])
    by = {f"over {d:g} year{'s' if d != 1 else ''}": g for d, g in gain.groupby(pairs["exit duration"])}
    rows(panel, by, "percentage points", 100 * asked.SMALLEST_DIP)
    measure = "gain in the lowest share of demand served over an abrupt exit of equal money"
    head(panel, "B", f"How fast to leave from {asked.BUILT_UP[0]:g}", measure)


def _paths(panels: list[Axes], arms: list[xr.Dataset], dates: tuple[float, float, float]) -> None:
    """C to E: service coverage over time without exit, with the gradual one, and with the abrupt one of equal money."""
    start, stop = asked.BUILT_UP[0], sum(asked.BUILT_UP)
    titles = ["No exit", f"Exit over {asked.BUILT_UP[1]:g} years", "Abrupt exit, equal money"]
    marks: list[Any] = [{}, {f"{start:g} to {stop:g}": (start, stop)}, {f"about {dates[0]:.1f}": dates[1:]}]
    for panel, arm, letter, title, mark in zip(panels, arms, "CDE", titles, marks, strict=True):
        paths = arm[asked.COVERAGE].rename(sample="run").assign_attrs(unit="share of demand served")
        attempt(panel, plot.fan, paths, policy_marks=mark, legend=False, width=8)
        head(panel, letter, title, pad=ROW + 5)
        panel.set(ylim=(0, 1.02), xlabel="")
        if panel is not panels[0]:
            panel.set_ylabel("")
