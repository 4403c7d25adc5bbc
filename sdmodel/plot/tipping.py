"""Figures of tipping: hysteresis, equilibria over a lever, and cumulative shares of samples that cross a threshold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sdmodel.core.errors import DesignError
from sdmodel.plot.annotations import draw_legend
from sdmodel.plot.figure import Drawing, documented, finish, need_columns, panels
from sdmodel.plot.optimization import numbers_for
from sdmodel.plot.style import COLOURS, GREY, PALE, Numbers, drawing, styles, unit_text, wrapped

KINDS: dict[str, dict[str, Any]] = {
    "stable": {"marker": "o", "markerfacecolor": COLOURS[2], "color": COLOURS[2]},
    "unstable": {"marker": "o", "markerfacecolor": "#FFFFFF", "color": COLOURS[2]},
    "neutral": {"marker": "s", "markerfacecolor": GREY, "color": GREY},
}


@documented
def hysteresis(
    table: pd.DataFrame, rest_points: pd.DataFrame | None = None, *, ax: Axes | None = None, width: float = 12.0
) -> Drawing:
    """Draw the equilibrium value of a variable while a lever is raised and lowered again in small steps.

    Parameters
    ----------
    table
        What `sdmodel.hysteresis` gives.
    rest_points
        What `sdmodel.equilibria` gives for a design of the same lever, where the variable is a state: stable
        equilibria are filled dots, unstable ones hollow.

    Raises
    ------
    DesignError
        If the table is not what `hysteresis` gives.
    UnknownNameError
        If `rest_points` does not hold the lever and the variable.

    Examples
    --------
    >>> import sdmodel
    >>> table = sdmodel.hysteresis(sdmodel.load("network"), "trust time", "trust", points=3)
    >>> fig, axes = sdmodel.plot.hysteresis(table)
    >>> axes[0].get_ylabel()
    'trust at rest (dimensionless)'
    """
    if "way" not in table or "lever" not in table.attrs:
        raise DesignError("The table has no way up and down; give what sdmodel.hysteresis returned, unchanged.")
    lever, variable = table.attrs["lever"], table.attrs["variable"]
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 8.5)
        panel = axes[0]
        if rest_points is not None:
            _dots(panel, rest_points, lever, variable)
        for way, style in zip(("up", "down"), styles(2), strict=True):
            rows = table[table["way"] == way]
            props: dict[str, Any] = {"color": style.colour, "linestyle": style.dash, "linewidth": 1.8}
            panel.plot(rows[lever], rows[variable].where(rows["rested"]), label=f"lever goes {way}", **props)
            _arrow(panel, rows, lever, variable, style.colour)
        _labels(panel, table, lever, f"{variable} at rest", table.attrs["units"].get(variable, ""), width)
        draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        return finish(fig, axes)


@documented
def equilibria(table: pd.DataFrame, lever: str, state: str, *, ax: Axes | None = None, width: float = 12.0) -> Drawing:
    """Draw the equilibria over a lever: stable ones filled, unstable ones hollow.

    Parameters
    ----------
    table
        What `sdmodel.equilibria` gives for a design of the lever.
    lever, state
        Columns of the table.

    Raises
    ------
    UnknownNameError
        If the table has no such column.

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> model = sdmodel.load("network")
    >>> table = sdmodel.equilibria(model, pd.DataFrame({"trust time": [3.0, 4.0]}), starts=4, rng=1)
    >>> fig, axes = sdmodel.plot.equilibria(table, "trust time", "trust")
    >>> axes[0].get_xlabel()
    'trust time'
    """
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 8.5)
        panel = axes[0]
        _dots(panel, table, lever, state)
        _labels(panel, table, lever, f"{state} at rest", table.attrs.get("units", {}).get(state, ""), width)
        draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        return finish(fig, axes)


@documented
def cumulative(
    table: pd.DataFrame, lever: str | None = None, *, ax: Axes | None = None, width: float = 12.0
) -> Drawing:
    """Draw the cumulative distribution of a lever value or a date over the rows of a table.

    Parameters
    ----------
    table
        What `sdmodel.threshold`, `sdmodel.solve_lever` or `sdmodel.trigger` gives; of a threshold, crossings upwards
        and downwards are a line each. Rows without a crossing, a solution or a date keep the line below one.
    lever
        The column; default the one of the analysis.

    Raises
    ------
    UnknownNameError
        If the table has no such column.
    DesignError
        If no row came to any value.

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> table = pd.DataFrame({"exit start": [2017.0, 2019.5, 2100.0], "triggered": [True, True, False]})
    >>> fig, axes = sdmodel.plot.cumulative(table, "exit start")
    >>> axes[0].lines[0].get_ydata().max().round(2)
    np.float64(0.67)
    """
    name = lever or table.attrs.get("lever", "")
    need_columns(table, str(name))
    rows = int(table.attrs.get("rows", len(table)))
    good = next((table[c] for c in ("solved", "triggered") if c in table), pd.Series(True, index=table.index))
    parts = {"": good & table[name].notna()}
    if "direction" in table:
        words = {1: "rises through the level", -1: "falls through the level"}
        parts = {words[d]: good & (table["direction"] == d) for d in (1, -1) if (table["direction"] == d).any()}
    if not any(part.any() for part in parts.values()):
        raise DesignError("No row of the table came to any value; there is nothing to draw.")
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 7.5)
        panel = axes[0]
        for (label, part), style in zip(parts.items(), styles(len(parts)), strict=True):
            x = np.sort(table.loc[part, name].to_numpy(dtype=float))
            x, share = np.repeat(x, 2), np.repeat(np.arange(len(x) + 1) / rows, 2)[1:-1]
            panel.plot(x, share, color=style.colour, linestyle=style.dash, linewidth=1.8, label=label or None)
        panel.set_ylim(0, 1.02)
        panel.grid(visible=True, axis="x", color=PALE, linewidth=0.6)
        _labels(panel, table, str(name), f"Share of {rows:,} samples" if rows > 1 else "Share", None, width)
        panel.xaxis.set_major_formatter(numbers_for(table[name].to_numpy(dtype=float)))
        if len(parts) > 1:
            draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        return finish(fig, axes)


def _dots(panel: Axes, rest_points: pd.DataFrame, lever: str, state: str) -> None:
    need_columns(rest_points, lever, state, "kind", what="column of the states of rest")
    for kind, props in KINDS.items():
        rows = rest_points[rest_points["kind"] == kind]
        if len(rows):
            panel.plot(rows[lever], rows[state], linestyle="", markersize=4, label=f"{kind} state of rest", **props)


def _arrow(panel: Axes, rows: pd.DataFrame, lever: str, variable: str, colour: str) -> None:
    """Draw an arrowhead in the middle of a path."""
    good = rows[rows["rested"]]
    if len(good) < 3:
        return
    i = int(0.7 * (len(good) - 1))
    a, b = ((float(good[lever].iloc[k]), float(good[variable].iloc[k])) for k in (i, i + 1))
    panel.annotate("", b, a, arrowprops={"arrowstyle": "-|>", "color": colour, "linewidth": 1.4, "mutation_scale": 11})


def _labels(panel: Axes, table: pd.DataFrame, lever: str, what: str, unit: str | None, width: float) -> None:
    units = table.attrs.get("units", {})
    panel.set_xlabel(wrapped(f"{lever} ({unit_text(units[lever])})" if lever in units else lever, width * 0.75))
    panel.set_ylabel(wrapped(what if unit is None else f"{what} ({unit_text(unit)})", 7))
    panel.xaxis.set_major_formatter(Numbers())
    panel.yaxis.set_major_formatter(Numbers())
