"""Figures of optimisations: convergence of a search, and Pareto fronts of several goals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sdmodel.core.errors import DesignError
from sdmodel.plot.figure import Drawing, documented, finish, panels
from sdmodel.plot.style import COLOURS, GREY, SMALL, Numbers, drawing, unit_text, wrapped

MOST_LEVERS = 8
"""Largest number of levers in the figure of a search."""


@documented
def search(table: pd.DataFrame, *, ax: Axes | list[Axes] | None = None, width: float = 16.0) -> Drawing:
    """Draw the convergence of a search for a policy: the best goal so far and its levers, against the number of runs.

    Parameters
    ----------
    table
        What `sdmodel.optimise` gives.
    ax
        Axes to draw in, one for the goal and one for each lever; a new figure if None.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one for the goal and one for each of at most eight levers, which share the axis of runs.

    Raises
    ------
    DesignError
        If the table is not what `optimise` gives, or axes and panels differ in number.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("policy")
    >>> cost = sdmodel.Outcome("present value of public money")
    >>> table = sdmodel.optimise(model, ["programme scale"], cost, aim="min", generations=4, rng=1)
    >>> fig, axes = sdmodel.plot.search(table)
    >>> len(axes)
    2
    """
    if "goal" not in table.attrs:
        raise DesignError("The table does not say what its goal is; give what sdmodel.optimise returned, unchanged.")
    regret = "largest regret" in table
    goal = "largest regret" if regret else str(table.attrs["goal"])
    names = [goal, *table.attrs["levers"][:MOST_LEVERS]]
    columns = 2 if len(names) == 4 else min(3, len(names))
    rows = -(-len(names) // columns)
    with drawing():
        fig, axes, own = panels(ax, len(names), columns, width, 1.2 + 4.4 * rows, sharex=True)
        for i, (panel, name) in enumerate(zip(axes, names, strict=True)):
            props: dict[str, Any] = {"color": COLOURS[0] if i == 0 else COLOURS[2], "linewidth": 1.5}
            values = table[name].where(table[goal].notna())
            panel.step(table["runs"], values, where="post", **props)
            panel.plot(table["runs"].iloc[-1], values.iloc[-1], "o", color=props["color"], markersize=4)
            panel.set_title(wrapped(name, width / columns - 1.5), loc="left")
            panel.set_ylabel(unit_text(table.attrs["units"].get(name, "")))
            panel.yaxis.set_major_formatter(numbers_for(values.to_numpy(dtype=float)))
            panel.xaxis.set_major_formatter(Numbers())
            panel.xaxis.set_major_locator(MaxNLocator(4))
        for panel in axes[-columns:] if own else axes:
            panel.set_xlabel("Runs")
        return finish(fig, axes)


def numbers_for(values: np.ndarray) -> Numbers:
    """Number format of an axis; years have no thousands separator."""
    years = np.nanmin(values) >= 1000 and np.nanmax(values) <= 3000 and np.nanmax(values) - np.nanmin(values) <= 300
    return Numbers("" if years else ",")


@documented
def front(table: pd.DataFrame, *, ax: Axes | None = None, width: float = 11.0) -> Drawing:
    """Draw a Pareto front: a scatter plot of two goals, or parallel coordinates (a line per policy) of three and more.

    Parameters
    ----------
    table
        What `sdmodel.pareto` gives.

    Raises
    ------
    DesignError
        If the table is not what `pareto` gives.

    Examples
    --------
    >>> import pandas as pd, sdmodel
    >>> table = pd.DataFrame({"firms": [10, 20, 30], "money": [1, 3, 9]})
    >>> table.attrs = {"goals": {"firms": "max", "money": "min"}, "units": {"firms": "firm", "money": "CNY"}}
    >>> fig, axes = sdmodel.plot.front(table)
    >>> axes[0].get_xlabel()
    'firms (firm), more is better'
    """
    goals = table.attrs.get("goals")
    if not goals or not set(goals) <= set(table.columns):
        raise DesignError("The table does not say what its goals are; give what sdmodel.pareto returned, unchanged.")
    names = list(goals)
    with drawing():
        fig, axes, _ = panels(ax, 1, 1, width, 8.0)
        panel = axes[0]
        if len(names) == 2:
            rows = table.sort_values(names[0])
            panel.plot(rows[names[0]], rows[names[1]], color=GREY, linewidth=0.7, zorder=1)
            panel.plot(rows[names[0]], rows[names[1]], "o", color=COLOURS[0], markersize=4)
            panel.grid(visible=True, axis="x", color="#E4E4E4", linewidth=0.6)
            panel.set_xlabel(wrapped(_goal(names[0], table), width * 0.75))
            panel.set_ylabel(wrapped(_goal(names[1], table), 6.5))
            panel.xaxis.set_major_formatter(Numbers())
            panel.yaxis.set_major_formatter(Numbers())
        else:
            _parallel(panel, table, names, width)
        return finish(fig, axes)


def _goal(name: str, table: pd.DataFrame) -> str:
    unit = table.attrs["units"].get(name, "")
    return f"{name} ({unit_text(unit)}), {'more' if table.attrs['goals'][name] == 'max' else 'less'} is better"


def _parallel(panel: Axes, table: pd.DataFrame, names: list[str], width: float) -> None:
    """Parallel coordinates with the better end of each axis on top and both ends labelled."""
    values = table[names].to_numpy(dtype=float)
    better = np.array([1.0 if table.attrs["goals"][n] == "max" else -1.0 for n in names])
    low, high = values.min(axis=0), values.max(axis=0)
    share = (values - low) / np.where(high > low, high - low, 1.0)
    share = np.where(better > 0, share, 1 - share)
    shades = np.linspace(0.25, 0.9, len(share))
    for line, shade in zip(share[np.argsort(share[:, 0])], shades, strict=True):
        panel.plot(range(len(names)), line, color=COLOURS[0], alpha=shade, linewidth=0.8)
    panel.grid(visible=False)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    panel.set_yticks([0, 1], ["worst\non the front", "best\non the front"])
    panel.set_xticks(range(len(names)), [wrapped(_goal(n, table), width / len(names) - 0.8, SMALL) for n in names])
    numbers = Numbers()
    for i in range(len(names)):
        panel.axvline(i, color=GREY, linewidth=0.8, zorder=0)
        worst, best = (low[i], high[i]) if better[i] > 0 else (high[i], low[i])
        for place, number, va in ((1.0, best, "bottom"), (0.0, worst, "top")):
            text = numbers.format_ticks([float(f"{number:.3g}")])[0]
            panel.annotate(text, (i, place), (0, 3 if place else -3), textcoords="offset points", ha="center", va=va,
                           fontsize=SMALL)  # fmt: skip
    panel.set_ylim(-0.12, 1.12)
    panel.set_xlim(-0.35, len(names) - 0.65)
