"""The sheet that the question of withdrawal leaves: when to leave (A), how fast (B), and what users see (C to E)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.patches import FancyBboxPatch
from matplotlib.patheffects import withStroke

from sdmodel import plot
from sdmodel.errors import DesignError
from sdmodel.experiments import withdrawal as asked
from sdmodel.experiments.finding import Equalised, Finding, spread
from sdmodel.plot.look import GREY, INK, SMALL, drawing, wrapped
from sdmodel.plot.marks import ROW

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOSAIC = [["when"] * 3 + ["pace"] * 3, ["never"] * 2 + ["slow"] * 2 + ["fast"] * 2]
OUTLINE: dict[str, Any] = {
    "facecolor": "none",
    "edgecolor": INK,
    "linewidth": 1.4,
    "boxstyle": "round,pad=0,rounding_size=0.15",
    "path_effects": [withStroke(linewidth=3.2, foreground="#FFFFFF")],
}
"""The mark of a cell of the heat map; its white rim parts it from dark cells."""


def figure(
    finding: Finding, order: pd.DataFrame, table: pd.DataFrame, base: xr.Dataset, gradual: xr.Dataset, abrupt: Equalised
) -> Figure:
    """Draw the sheet.

    Parameters
    ----------
    finding
        With the verdicts on H39 and H40, in this order.
    order
        Self-organisation index at the end by sample and setting, NaN where the money cannot be spent.
    table
        Tidy table of the finding.
    base, gradual, abrupt
        Paths without exit, of the gradual exits, and of the abrupt exits of equal money.
    """
    fig, axes = plot.board(MOSAIC, heights=(7.4, 5.4), **_texts(finding))
    with drawing():
        _when(axes["when"], order)
        _pace(axes["pace"], table)
        _paths([axes[name] for name in ("never", "slow", "fast")], base, gradual, abrupt)
    return fig


def _texts(finding: Finding) -> dict[str, str]:
    first, second = finding.verdicts
    foot = (
        "Every setting is run with the same samples, drawn from assumed ranges of all uncertain constants and structural "
        "switches: shares of samples are no probabilities."
    )
    provisional = ""
    if finding.status:
        why = finding.status.partition(" (")[0]
        provisional = f" Provisional: {why[0].lower()}{why[1:]}."
        foot += f"\nProvisional: {finding.status}"
    return {
        "title": f"Leaving after build-up beats staying, leaving early and leaving late in {first.holds} of {first.samples} "
        f"samples; leaving gradually spares service users a gap in {second.holds} of {second.samples}",
        "subtitle": f"{len(finding.table['sample'].unique())} samples, exits compared at equal public money.{provisional}",
        "foot": foot,
    }


def _when(panel: Axes, order: pd.DataFrame) -> None:
    """A: by start and duration, samples that are better off than without exit, less those worse off."""
    better, worse = _against_no_exit(order)
    own, smallest = asked._label(*asked.BUILT_UP), 100 * asked.SMALLEST_ORDER
    net = pd.DataFrame(
        [[100 * (better - worse)[asked._label(s, d)] for d in asked.DURATIONS] for s in asked.STARTS],
        index=pd.Index(asked.STARTS, name="exit starts in"),
        columns=pd.Index(asked.DURATIONS, name="exit takes (years, 0 is abrupt)"),
    )
    _try(panel, plot.heat, net, label="", centre=0, width=10.5)
    panel.set_title("A  When to leave: self-organisation in 2034, against no exit", loc="left")
    place = asked.DURATIONS.index(asked.BUILT_UP[1]) - 0.4, asked.STARTS.index(asked.BUILT_UP[0]) - 0.38
    panel.add_patch(FancyBboxPatch(place, 0.8, 0.76, **OUTLINE))
    told = (
        "samples with a higher index less samples with a lower one (percentage points)",
        f"▢ exit after build-up: index more than {smallest:g} % higher in {better[own]:.0%} of samples, "
        f"lower in {worse[own]:.0%}, neither in {1 - better[own] - worse[own]:.0%}",
    )
    if panel.images:
        panel.images[0].colorbar.set_label("\n".join(wrapped(line, 8) for line in told), loc="left")


def _against_no_exit(order: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Share of samples, by setting, whose index is higher or lower than without exit by what counts."""
    never = order[asked._label(asked.NEVER, 0)]
    gain = order.sub(never, axis=0).div(never, axis=0)
    both = gain.notna().sum()
    return (gain > asked.SMALLEST_ORDER).sum() / both, (gain < -asked.SMALLEST_ORDER).sum() / both


def _pace(panel: Axes, table: pd.DataFrame) -> None:
    """B: what a gradual exit spares in the trough of coverage, by duration."""
    rows = table[(table["equal by"] == "date") & table["spent"] & (table["exit start"] == asked.BUILT_UP[0])]
    gain = 100 * (rows["trough"] - rows["trough, abrupt"])
    effects = {f"over {d:g} year{'s' if d != 1 else ''}": spread(g.to_numpy()) for d, g in gain.groupby(rows["exit duration"])}
    _try(
        panel,
        plot.effects,
        pd.DataFrame(effects, index=["median", "low", "high"]).T,
        label="lowest share of demand served, gradual less abrupt exit (percentage points)",
        smallest=100 * asked.SMALLEST_DIP,
        width=8,
    )
    panel.set_title("B  How fast to leave: gradual against abrupt exit", loc="left")


def _paths(panels: list[Axes], base: xr.Dataset, gradual: xr.Dataset, abrupt: Equalised) -> None:
    """C to E: service coverage over time without exit, with the gradual one, and with the abrupt one of equal money."""
    chosen = np.flatnonzero(gradual["setting"].to_numpy() == asked._label(*asked.BUILT_UP))
    spent = abrupt.spent[chosen]
    middle, low, high = spread(abrupt.lever[chosen][spent])
    start, duration = asked.BUILT_UP
    shown: list[tuple[str, xr.Dataset, dict[str, Any]]] = [
        ("C  No exit", base.isel(run=spent), {}),
        (f"D  Exit over {duration:g} years", gradual.isel(run=chosen[spent]), {f"{start:g} to {start + duration:g}": (start, start + duration)}),
        ("E  Abrupt exit, equal money", abrupt.result.isel(run=chosen[spent]), {f"about {middle:.1f}": (low, high)}),
    ]
    for panel, (title, data, marks) in zip(panels, shown, strict=True):
        paths = data[asked.COVERAGE].rename(title).assign_attrs(unit="share of demand served")
        _try(panel, plot.fan, paths, policy_marks=marks, legend=False, width=8)
        panel.set_title(title, loc="left", pad=ROW + 5)
        panel.set(ylim=(0, 1.02), xlabel="")
        if panel is not panels[0]:
            panel.set_ylabel("")
    plot.legend(panels)


def _try(panel: Axes, draw: Callable[..., Any], data: object, **how: Any) -> None:
    """Draw, or say in the panel why there is nothing to draw, so that the rest of the finding is not lost."""
    try:
        draw(data, ax=panel, **how)
    except DesignError as error:
        panel.text(0.05, 0.5, wrapped(str(error), 5, SMALL), transform=panel.transAxes, fontsize=SMALL, color=GREY)
