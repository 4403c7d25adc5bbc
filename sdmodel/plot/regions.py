"""Regions of parameters: boxes of scenario discovery, their trade-off of coverage and density, basins of attraction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sdmodel.core.errors import DesignError
from sdmodel.plot.annotations import draw_legend
from sdmodel.plot.figure import Drawing, documented, finish, panels
from sdmodel.plot.style import COLOURS, GREY, INK, PALE, SMALL, Numbers, drawing, mix, styles, unit_text, wrapped

if TYPE_CHECKING:
    from sdmodel.analysis.discovery.discover import Boxes


@documented
def boxes(found: Boxes, *, width: float = 16.0) -> Drawing:
    """Draw boxes: for each restricted parameter, its sampled range and the part of it inside the box.

    Parameters
    ----------
    found
        What `sdmodel.discover` gives.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one a box that has limits; a parameter that half samples often leave out is pale.

    Raises
    ------
    DesignError
        If no box has a limit.

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> design = sdmodel.latin_hypercube(sdmodel.load("network").uncertainties.iloc[:3], 200, rng=1)
    >>> first = design.columns[1]
    >>> found = sdmodel.discover(design, design[first] > design[first].median(), resamples=2, rng=1)
    >>> fig, axes = sdmodel.plot.boxes(found)
    >>> len(axes)
    1
    """
    numbers = list(dict.fromkeys(found.limits.index.get_level_values("box")))
    if not numbers:
        raise DesignError("No box has a limit: nothing tells the cases from the other runs.")
    counts = [len(found.limits.loc[number]) for number in numbers]
    with drawing():
        height = 1.5 + sum(1.5 + 0.75 * count for count in counts)
        fig, axes, _ = panels(None, len(numbers), 1, width, height, height_ratios=[1.2 + count for count in counts])
        for panel, number in zip(axes, numbers, strict=True):
            rows = found.limits.loc[number]
            quality = found.quality.loc[number]
            title = (
                f"Box {number}: {quality['density']:.0%} of its {quality['runs']:,.0f} runs are cases; it holds "
                f"{quality['coverage']:.0%} of all cases"
            )
            panel.set_title(wrapped(title, width - 3), loc="left")
            _ranges(panel, rows, width)
        axes[-1].set_xlabel("Share of the sampled range")
        return finish(fig, axes)


def _ranges(panel: Axes, rows: pd.DataFrame, width: float) -> None:
    """One row per parameter: sampled range in grey, the box on it, and its limits in the unit of the parameter."""
    panel.grid(visible=False)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    names = []
    for i, (name, row) in enumerate(rows.iterrows()):
        span = row["highest"] - row["lowest"]
        low, high = (np.clip((row[end] - row["lowest"]) / span, 0, 1) for end in ("low", "high"))
        sure = 1.0 if np.isnan(row["reproduced"]) else 0.35 + 0.65 * row["reproduced"]
        panel.plot([0, 1], [i, i], color=PALE, linewidth=7, solid_capstyle="butt", zorder=1)
        panel.plot([low, high], [i, i], color=mix(COLOURS[0], sure), linewidth=7, solid_capstyle="butt", zorder=2)
        for end, place, ha in (("low", low, "right"), ("high", high, "left")):
            if np.isfinite(row[end]):
                move = (-3 if ha == "right" else 3, 0)
                text = f"{row[end]:.3g}".replace("-", "−")
                white = {"facecolor": "#FFFFFF", "edgecolor": "none", "pad": 0.8, "alpha": 0.8}
                props: dict[str, Any] = {"ha": ha, "va": "center", "fontsize": SMALL, "bbox": white}
                panel.annotate(text, (place, i), move, textcoords="offset points", **props)
        unit = f" ({unit_text(row['unit'])})" if row["unit"] else ""
        retained = "" if np.isnan(row["reproduced"]) else f"\nlimited in {row['reproduced']:.0%} of half samples"
        names.append(wrapped(f"{name}{unit}", width / 2.6, SMALL) + retained)
    panel.set_yticks(range(len(rows)), names)
    panel.set_ylim(len(rows) - 0.4, -0.6)
    panel.set_xlim(-0.06, 1.06)
    panel.set_xticks([0, 0.25, 0.5, 0.75, 1])
    panel.xaxis.set_major_formatter(Numbers())


@documented
def tradeoff(found: Boxes, *, ax: Axes | None = None, width: float = 10.0) -> Drawing:
    """Draw the trade-off between coverage and density along the peeling trajectory of the first box.

    Parameters
    ----------
    found
        What `sdmodel.discover` gives.

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> design = sdmodel.latin_hypercube(sdmodel.load("network").uncertainties.iloc[:3], 200, rng=1)
    >>> first = design.columns[1]
    >>> found = sdmodel.discover(design, design[first] > design[first].median(), resamples=2, rng=1)
    >>> fig, axes = sdmodel.plot.tradeoff(found)
    >>> axes[0].get_ylabel()
    'Density (share of its runs that are cases)'
    """
    table = found.tried
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 8.0)
        panel = axes[0]
        tried = table[~table["chosen"]]
        panel.grid(visible=True, axis="x", color=PALE, linewidth=0.6)
        panel.plot(
            tried["coverage"], tried["density"], "o", color=COLOURS[0], markersize=3.5, label="box that was tried"
        )
        props: dict[str, Any] = {"markersize": 8, "markeredgewidth": 1.4, "fillstyle": "none", "linestyle": ""}
        mine = table[table["chosen"]]
        panel.plot(mine["coverage"], mine["density"], "o", color=COLOURS[4], label="box that was taken", **props)
        panel.axhline(found.cases / found.runs, color=GREY, linewidth=0.9, linestyle=(0, (5, 1.6)), label="all runs")
        panel.set_xlim(-0.03, 1.03)
        panel.set_ylim(0, 1.03)
        panel.set_xlabel("Coverage (share of all cases)")
        panel.set_ylabel("Density (share of its runs that are cases)")
        panel.xaxis.set_major_formatter(Numbers())
        panel.yaxis.set_major_formatter(Numbers())
        draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        return finish(fig, axes)


@documented
def basins(table: pd.DataFrame, *, ax: Axes | None = None, width: float = 11.0) -> Drawing:
    """Draw basins of attraction: the equilibrium that each initial state leads to, over one or two states.

    Parameters
    ----------
    table
        What `sdmodel.basins` gives for starts that differ in one or two states.

    Raises
    ------
    DesignError
        If the starts differ in more than two states.

    Examples
    --------
    >>> import sdmodel
    >>> starts = sdmodel.grid({"trust": [0.2, 0.8]})
    >>> fig, axes = sdmodel.plot.basins(sdmodel.basins(sdmodel.load("network"), starts))
    >>> axes[0].get_xlabel()
    'trust at the start (dimensionless)'
    """
    states = [s for s in table.attrs.get("states", []) if table[s].nunique() > 1]
    if len(states) not in (1, 2):
        raise DesignError(f"The starts differ in {len(states)} states; the figure shows one or two.")
    x, y = states[0], states[1] if len(states) == 2 else None
    rest_points = sorted(table["rest"].unique())
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 9.0 if y else 4.0)
        panel = axes[0]
        panel.grid(visible=False)
        for number, style in zip(rest_points, styles(len(rest_points)), strict=True):
            rows = table[table["rest"] == number]
            props: dict[str, Any] = {
                "color": style.colour if number else GREY,
                "marker": style.marker if number else "x",
            }
            height = rows[y] if y else np.zeros(len(rows))
            panel.plot(
                rows[x], height, linestyle="", markersize=4, label=_equilibrium_label(rows, number, states), **props
            )
        for axis, name in ((panel.xaxis, x), (panel.yaxis, y)):
            if name:
                axis.set_label_text(f"{name} at the start ({unit_text(table.attrs['units'].get(name, ''))})")
                axis.set_major_formatter(Numbers())
        if not y:
            panel.set_yticks([])
            panel.spines["left"].set_visible(False)
        for side in panel.spines.values():
            side.set_color(INK)
        draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "comes to rest at", own)
        return finish(fig, axes)


def _equilibrium_label(rows: pd.DataFrame, number: int, states: list[str]) -> str:
    if not number:
        return "no rest"
    values = [float(rows[f"{name} at rest"].iloc[0]) for name in states]
    texts = [f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}" for value in values]
    return ", ".join(f"{name} {text}" for name, text in zip(states, texts, strict=True)).replace("-", "−")
