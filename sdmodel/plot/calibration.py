"""Figures of calibrations and comparisons: observed and fitted series, likelihood profiles, differences of two runs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sdmodel.core.errors import DesignError
from sdmodel.plot.annotations import draw_legend
from sdmodel.plot.figure import Drawing, documented, dress_rows, finish, need_columns, panels, stretch
from sdmodel.plot.style import COLOURS, GREY, INK, MARKERS, PALE, SMALL, Numbers, drawing, wrapped

MOST_ROWS = 20


@documented
def fitted(table: pd.DataFrame, *, errors: bool = True, width: float = 16.0) -> Drawing:
    """Draw observed and fitted values over time, one panel per series.

    Parameters
    ----------
    table
        The table `fit` of a `sdmodel.Calibration`.
    errors
        Draw the 95 % interval of each observation. Set to False if no errors were given to the fit.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one a series.

    Raises
    ------
    UnknownNameError
        If the table is not that of a fit.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> truth = model.run({"trust time": 5.0}, every=5)["trust"]
    >>> fit = sdmodel.calibrate(model, ["trust time"], {"trust": truth})
    >>> fig, axes = sdmodel.plot.fitted(fit.fit, errors=False)
    """
    need_columns(table, "observed", "simulated", "error")
    names = list(dict.fromkeys(table.index.get_level_values("series")))
    columns = 1 if len(names) == 1 else 2
    with drawing():
        fig, axes, own = panels(None, len(names), columns, width, 6.5 * -(-len(names) // columns))
        for panel, name in zip(axes, names, strict=True):
            one = table.xs(name, level="series").sort_index()
            t = one.index.to_numpy(float)
            if errors:
                low, high = (one["observed"] + s * 1.96 * one["error"] for s in (-1, 1))
                panel.vlines(t, low, high, color=GREY, linewidth=0.9, label="95 % interval of an observation")
            panel.plot(t, one["simulated"], color=COLOURS[0], linewidth=1.3, label="fitted model")
            panel.plot(t, one["observed"], MARKERS[0], markersize=3.5, color=INK, label="observed")
            panel.set_title(wrapped(str(name), width / columns * 0.9), loc="left")
            panel.yaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10]))
            panel.yaxis.set_major_formatter(Numbers())
            panel.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
            panel.xaxis.set_major_formatter(Numbers(""))
        draw_legend(fig, axes, axes[0].get_legend_handles_labels()[0], "", own)
        return finish(fig, axes)


@documented
def profiles(table: pd.DataFrame, *, width: float = 16.0) -> Drawing:
    """Draw likelihood profiles: the loss of fit with a parameter held at other values, one panel per parameter.

    Parameters
    ----------
    table
        What `Calibration.profile` gives.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one a parameter.

    Raises
    ------
    UnknownNameError
        If the table is not one of profiles.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> truth = model.run({"trust time": 5.0}, every=5)["trust"]
    >>> fit = sdmodel.calibrate(model, ["trust time"], {"trust": truth}, errors={"trust": 0.01})
    >>> fig, axes = sdmodel.plot.profiles(fit.profile(points=5))
    """
    need_columns(table, "increase")
    names = list(dict.fromkeys(table.index.get_level_values("parameter")))
    limit = float(table.attrs.get("limit", 3.84))
    columns = min(3, len(names))
    with drawing():
        fig, axes, own = panels(None, len(names), columns, width, 5.5 * -(-len(names) // columns))
        for i, (panel, name) in enumerate(zip(axes, names, strict=True)):
            one = table.xs(name, level="parameter")["increase"]
            props: dict[str, Any] = {"markersize": 3, "color": COLOURS[0], "linewidth": 1.3}
            panel.plot(one.index, one, "-o", **props, label="fit with the parameter held there")
            panel.axhline(
                limit, color=COLOURS[4], linewidth=0.9, linestyle=(0, (5, 1.6)), label="end of a 95 % interval"
            )
            panel.set_ylim(0, min(float(np.nanmax(one.to_numpy(float))), 6 * limit) * 1.05 or 1.0)
            panel.set_xlabel(wrapped(str(name), width / columns * 0.8))
            if i % columns == 0:
                panel.set_ylabel("Increase of the\nsum of squares")
            panel.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10]))
            panel.xaxis.set_major_formatter(Numbers(""))
            panel.yaxis.set_major_formatter(Numbers())
        draw_legend(fig, axes, axes[0].get_legend_handles_labels()[0], "", own)
        return finish(fig, axes)


@documented
def differences(table: pd.DataFrame, *, ax: Axes | None = None, width: float = 16.0) -> Drawing:
    """Draw the largest difference of each variable between two runs; the first variable to differ is on top.

    Parameters
    ----------
    table
        What `sdmodel.compare` gives for two runs.

    Raises
    ------
    UnknownNameError
        If the table is not one of two runs.
    DesignError
        If nothing differs.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> table = sdmodel.compare(model.run(), model.run({"trust time": 5.0}))
    >>> fig, axes = sdmodel.plot.differences(table)
    """
    need_columns(table, "since", "relative", "at")
    if not len(table):
        raise DesignError("Nothing differs, so there is nothing to draw.")
    rows = table.iloc[:MOST_ROWS]
    share = rows["relative"].to_numpy(float)
    finite = np.isfinite(share) & (share > 0)
    low = float(share[finite].min()) / 3 if finite.any() else 1e-6
    high = float(share[finite].max()) * 3 if finite.any() else 1.0
    names = [wrapped(f"{name} (from {since:g})", width / 2.4, SMALL) for name, since in rows["since"].items()]
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 3 + 0.55 * len(rows))
        panel = axes[0]
        panel.set_xscale("log")
        dress_rows(panel)
        at = np.arange(len(rows))
        panel.hlines(at, low, np.where(finite, share, high), color=PALE, linewidth=1.2)
        panel.plot(share[finite], at[finite], "o", markersize=4.5, color=COLOURS[0])
        for i, (value, when) in enumerate(zip(share, rows["at"], strict=True)):
            text = f"at {when:g}" if finite[i] else f"at {when:g}, from nothing"
            place = value if finite[i] else high
            panel.annotate(
                text, (place, i), (6, 0), textcoords="offset points", va="center", fontsize=SMALL, color=GREY
            )
        panel.set_xlim(low, high * 3)
        panel.set_yticks(at, names)
        panel.set_ylim(len(rows) - 0.4, -0.6)
        more = f"; {len(table) - len(rows)} more differ" if len(table) > len(rows) else ""
        panel.set_xlabel(wrapped(f"Largest difference, share of the largest value{more}", width * 0.65))
        if own:
            stretch(fig, panel, 1, 0.55 * len(rows) + 0.2)
        return finish(fig, axes)
