"""Figures of sensitivity analyses: Sobol' indices, Morris screening, tornado and derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sdmodel.plot.annotations import draw_legend
from sdmodel.plot.figure import Drawing, documented, finish, panels
from sdmodel.plot.parameter_rows import chosen, largest, over_time, rest, rows_done, rows_figure
from sdmodel.plot.style import COLOURS, GREY, INK, MOST_LINES, PALE, SMALL, Numbers, drawing, wrapped


@documented
def indices(table: pd.DataFrame, outcome: str | None = None, *, ax: Axes | None = None, width: float = 16.0) -> Drawing:
    """Draw Sobol' indices: a bar each for the first-order and the total index, or total indices over time.

    Parameters
    ----------
    table
        What `sdmodel.sobol` gives.

    Raises
    ------
    UnknownNameError, DesignError
        If the table is no table of indices, or the outcome is not in it.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("adoption")
    >>> few = model.uncertainties.loc[["time in use", "word of mouth"]]
    >>> table = sdmodel.sobol(model, few, sdmodel.Outcome("firms with", at=2030), n=1024, rng=1)
    >>> fig, axes = sdmodel.plot.indices(table)
    >>> [text.get_text() for text in axes[0].get_yticklabels()]
    ['word of mouth', 'time in use']
    """
    rows, name = chosen(table, outcome, "first", "total", "total_low", "total_high")
    if "other" in rows.index.names:
        rows = pd.DataFrame(rows.xs("", level="other"))
    if "time" in rows.index.names:
        return over_time(rows["total"], f"Total index of {name} (share of variance)", ax, width)
    every, rows = len(rows), largest(rows, rows["total"])
    at = np.arange(len(rows))
    with drawing():
        fig, panel, own = rows_figure(rows.index, ax, width)
        for shift, kind, fill in ((-0.19, "first", COLOURS[0]), (0.19, "total", "#FFFFFF")):
            label = "alone (first order)" if kind == "first" else "with interactions (total)"
            props: dict[str, Any] = {"height": 0.34, "edgecolor": COLOURS[0], "linewidth": 0.9}
            panel.barh(at + shift, rows[kind].clip(lower=0), color=fill, label=label, **props)
            low, high = rows[f"{kind}_low"], rows[f"{kind}_high"]
            panel.hlines(
                at + shift, low, high, color=INK, linewidth=1.1, label="_" * (kind == "first") + "95 % interval"
            )
        panel.axvline(0, color=INK, linewidth=0.9)
        return rows_done(fig, panel, f"Share of the variance of {name}{rest(rows, every)}", own, len(rows), width)


@documented
def screening(
    table: pd.DataFrame, outcome: str | None = None, *, ax: Axes | None = None, width: float = 12.0
) -> Drawing:
    """Draw Morris screening: the mean size of each parameter's effect against the spread of the effect.

    A parameter at the lower left has little influence. Above the line the spread of the effect exceeds its mean size:
    the effect is nonlinear or depends on other parameters.

    Parameters
    ----------
    table
        What `sdmodel.morris` gives, for an outcome that is one number a run.

    Raises
    ------
    UnknownNameError, DesignError
        If the table is no table of effects, or the outcome is not in it.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("adoption")
    >>> table = sdmodel.morris(model, model.uncertainties, sdmodel.Outcome("firms with", at=2030), n=10, rng=1)
    >>> fig, axes = sdmodel.plot.screening(table)
    """
    rows, name = chosen(table, outcome, "mu_star", "sigma", "mu_star_low", "mu_star_high")
    if "time" in rows.index.names:
        return over_time(rows["mu_star"], f"Mean size of the effect on {name}", ax, width)
    x, y = rows["mu_star"].to_numpy(float), rows["sigma"].to_numpy(float)
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, width * 0.75)
        panel = axes[0]
        panel.grid(visible=True, axis="x", color=PALE, linewidth=0.6)
        end = float(np.nanmax(np.append(rows["mu_star_high"].to_numpy(float), 1e-300)))
        panel.plot([0, end], [0, end], color=GREY, linewidth=0.8, label="spread as large as the effect")
        panel.hlines(
            y, rows["mu_star_low"], rows["mu_star_high"], color=COLOURS[5], linewidth=0.7, label="95 % interval"
        )
        panel.plot(x, y, "o", markersize=4, color=COLOURS[0], label="parameter")
        panel.set_xlim(left=0, right=end * 1.25)
        panel.set_ylim(bottom=0, top=max(float(np.nanmax(y)), 1e-300) * 1.12)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10]))
            axis.set_major_formatter(Numbers())
        panel.set_xlabel(wrapped(f"Mean size of the effect on {name}, over the whole range", width * 0.8))
        panel.set_ylabel("Standard deviation of the effect")
        draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        _name_points(fig, panel, [str(n) for n in rows.index], x, y)
        return finish(fig, axes)


@documented
def tornado(table: pd.DataFrame, outcome: str | None = None, *, ax: Axes | None = None, width: float = 16.0) -> Drawing:
    """Draw a tornado diagram: the outcome with one parameter at a time at either end of its range.

    Parameters
    ----------
    table
        What `sdmodel.tornado` gives, for an outcome that is one number a run.

    Raises
    ------
    UnknownNameError, DesignError
        If the table is no tornado, or the outcome is not in it.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("adoption")
    >>> table = sdmodel.tornado(model, model.uncertainties, sdmodel.Outcome("firms with", at=2030))
    >>> fig, axes = sdmodel.plot.tornado(table)
    """
    rows, name = chosen(table, outcome, "at_low", "base", "at_high", "swing", "low", "high")
    if "time" in rows.index.names:
        return over_time(rows["swing"], f"Swing of {name}", ax, width)
    every, rows = len(rows), largest(rows, rows["swing"])
    base = float(rows["base"].iloc[0])
    names = [f"{n} ({_short(a)} to {_short(b)})" for n, a, b in zip(rows.index, rows["low"], rows["high"], strict=True)]
    with drawing():
        fig, panel, own = rows_figure(pd.Index(names), ax, width)
        for end, colour, label in (("at_low", COLOURS[5], "at its lowest"), ("at_high", COLOURS[0], "at its highest")):
            panel.barh(range(len(rows)), rows[end] - base, left=base, height=0.6, color=colour, label=label)
        panel.axvline(base, color=INK, linewidth=0.9)
        return rows_done(fig, panel, f"{name}{rest(rows, every)}", own, len(rows), width)


@documented
def gradients(
    table: pd.DataFrame,
    outcome: str | None = None,
    *,
    column: str = "elasticity",
    ax: Axes | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw derivatives: a bar for each parameter, or lines over time.

    Parameters
    ----------
    table
        What `sdmodel.gradient` gives.
    column
        `elasticity` (comparable between parameters) or `derivative`.

    Raises
    ------
    UnknownNameError, DesignError
        If the table is no table of derivatives, or the outcome is not in it.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("adoption")
    >>> table = sdmodel.gradient(model, model.uncertainties, "firms with", every=1)
    >>> fig, axes = sdmodel.plot.gradients(table)
    """
    rows, name = chosen(table, outcome, column)
    entries = {"elasticity": f"Elasticity of {name} (% for 1 %)"}.get(column, f"{column.capitalize()} of {name}")
    if "time" in rows.index.names:
        return over_time(rows[column], entries, ax, width)
    every, rows = len(rows), largest(rows, rows[column].abs())
    with drawing():
        fig, panel, own = rows_figure(rows.index, ax, width)
        panel.barh(range(len(rows)), rows[column], height=0.6, color=COLOURS[0])
        panel.axvline(0, color=INK, linewidth=0.9)
        return rows_done(fig, panel, f"{entries}{rest(rows, every)}", own, len(rows), width)


def _short(x: float) -> str:
    return f"{x:.4g}".replace("-", "−")


def _name_points(fig: Figure, panel: Axes, names: list[str], x: np.ndarray, y: np.ndarray) -> None:
    """Label the points with the largest values, where the label covers no other label."""
    fig.draw_without_rendering()
    taken: list[Any] = []
    for i in np.argsort(-np.hypot(x, y), kind="stable"):
        if not np.isfinite(x[i] + y[i]):
            continue
        text = panel.annotate(names[i], (x[i], y[i]), (3, 3), textcoords="offset points", fontsize=SMALL)
        box = text.get_window_extent()
        if any(box.overlaps(other) for other in taken) or len(taken) >= MOST_LINES:
            text.remove()
        else:
            taken.append(box)
