"""Helpers for figures of tables with one row per parameter."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot.annotations import draw_legend, end_labels, settle
from sdmodel.plot.figure import Drawing, dress_rows, finish, need_columns, panels, stretch
from sdmodel.plot.style import INK, MOST_LINES, SMALL, Numbers, drawing, styles, wrapped

MOST_ROWS = 20
"""Largest number of rows in a figure; the largest are drawn and the rest are counted."""
UNSEEN = 0.003
"""Share of the longest bar below which a bar cannot be seen."""


def chosen(table: pd.DataFrame, outcome: str | None, *columns: str) -> tuple[pd.DataFrame, str]:
    """The rows of one outcome of a table of an analysis, and its name.

    Raises
    ------
    UnknownNameError
        If the table lacks a column, or has no such outcome.
    DesignError
        If it has several outcomes and none is named.
    """
    need_columns(table, *columns)
    names = list(dict.fromkeys(table.index.get_level_values("outcome")))
    if outcome is None and len(names) > 1:
        raise DesignError(f"The table has {len(names)} outcomes; name one, such as outcome={names[0]!r}.")
    name = names[0] if outcome is None else outcome
    if name not in names:
        raise UnknownNameError(name, names, "outcome")
    return pd.DataFrame(table.xs(name, level="outcome")), str(name)


def largest(rows: pd.DataFrame, by: pd.Series) -> pd.DataFrame:
    """The rows with the largest values, largest on top, without those too small to be visible."""
    if not np.isfinite(by.to_numpy(float)).any():
        raise DesignError("The table holds no numbers for this outcome.")
    seen = by[by >= UNSEEN * by.max()].sort_values(ascending=False, kind="stable")
    return pd.DataFrame(rows.loc[seen.index[:MOST_ROWS]])


def rest(shown: pd.DataFrame, every: int) -> str:
    """Note on the rows that are not drawn."""
    return f" ({every - len(shown)} of {every} parameters matter less)" if every > len(shown) else ""


def rows_figure(names: pd.Index, ax: Axes | None, width: float) -> tuple[Figure, Axes, bool]:
    """Create a panel with one row per name."""
    fig, (panel,), own = panels(ax, 1, 1, width, 3 + 0.6 * len(names))
    dress_rows(panel)
    panel.set_yticks(range(len(names)), [wrapped(str(n), width / 2.4, SMALL) for n in names])
    panel.set_ylim(len(names) - 0.4, -0.6)
    return fig, panel, own


def rows_done(fig: Figure, panel: Axes, label: str, own: bool, rows: int, width: float) -> Drawing:
    """Name the axis, put the legend and make the rows as high as they need."""
    panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10]))
    panel.xaxis.set_major_formatter(Numbers())
    panel.set_xlabel(wrapped(label, width * 0.65))
    if handles := panel.get_legend_handles_labels()[0]:
        draw_legend(fig, [panel], handles, "", own)
    if own:
        stretch(fig, panel, 1, 0.6 * rows + 0.2)
    return finish(fig, [panel])


def over_time(values: pd.Series, label: str, ax: Axes | None, width: float) -> Drawing:
    """Draw a line over time for each of the parameters with the largest values at any time."""
    table = values.unstack("parameter")
    peak = table.abs().max().sort_values(ascending=False, kind="stable")
    names = [str(n) for n in peak.index if np.isfinite(peak[n])][:MOST_LINES]
    if not names:
        raise DesignError("The table holds no numbers for this outcome.")
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 8)
        panel = axes[0]
        for name, style in zip(names, styles(len(names)), strict=True):
            panel.plot(table.index, table[name], color=style.colour, linestyle=style.dash, linewidth=1.3, label=name)
        panel.set_xlim(float(table.index[0]), float(table.index[-1]))
        panel.axhline(0, color=INK, linewidth=0.7)
        panel.set_ylabel(wrapped(label, 6))
        panel.yaxis.set_major_formatter(Numbers())
        panel.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
        panel.xaxis.set_major_formatter(Numbers(""))
        last = [table[name].dropna() for name in names]
        ends = [
            (name, float(one.index[-1]), float(one.iloc[-1]), style.colour)
            for name, one, style in zip(names, last, styles(len(names)), strict=True)
        ]
        labels = end_labels(panel, ends) if len(names) <= 6 else []
        fig.draw_without_rendering()
        if not labels or not settle(panel, labels):
            for text in labels:
                text.remove()
            draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        return finish(fig, axes)
