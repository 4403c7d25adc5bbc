"""Effect plots: medians and intervals of paired differences between two policies, for several settings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from sdmodel.core.errors import DesignError
from sdmodel.plot.annotations import draw_legend
from sdmodel.plot.figure import Drawing, documented, dress_rows, finish, need_columns, numbers_in, panels, stretch
from sdmodel.plot.style import COLOURS, GREY, INK, PALE, SMALL, Numbers, drawing, wrapped

COLUMNS = ("median", "low", "high")


@documented
def effects(
    table: pd.DataFrame,
    *,
    label: str,
    smallest: float | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw the median and the 5 to 95 % interval of paired differences, one row a setting.

    A filled dot says that the whole interval lies on one side of zero and beyond the smallest effect that
    counts; a hollow dot says that it does not.

    Parameters
    ----------
    table
        Columns median, low and high: the quantiles 0.5, 0.05 and 0.95 of the difference between two
        policies in the same draw of the uncertainties; a row of NaN is a setting without runs. Index: the
        label of the setting; the first row is on top.
    label
        What the difference is of, with its unit; the label of the axis.
    smallest
        Smallest difference that counts, in the unit of the table; the smaller ones are a grey band. None:
        no band.
    legend
        False leaves out the legend, for a sheet whose panels share one; what is drawn carries its name, so
        that `plot.legend` or matplotlib finds it.

    Raises
    ------
    UnknownNameError
        If the table lacks one of the three columns.
    DesignError
        If the table is empty, a median lies outside its interval, or `smallest` is not positive.

    Examples
    --------
    >>> import pandas as pd
    >>> from sdmodel.plot import effects
    >>> table = pd.DataFrame({"median": [2.0, 0.1], "low": [1.2, -0.5], "high": [2.9, 0.8]})
    >>> table.index = ["early", "late"]
    >>> fig, axes = effects(table, label="RnD intensity lost (percentage points)", smallest=0.2)
    >>> [text.get_text() for text in axes[0].get_yticklabels()]
    ['early', 'late']
    """
    values = _checked(table, smallest)
    bound, nothing = (0.0, "zero") if smallest is None else (smallest, "the grey band")
    names = [wrapped(str(name), width / 2.6, SMALL) for name in table.index]
    cell = 0.32 + 0.27 * max(name.count("\n") + 1 for name in names)
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 2.9 + cell * len(values))
        panel = axes[0]
        dress_rows(panel)
        panel.axvline(0, color=INK, linewidth=0.9, zorder=1)
        for row, (median, low, high) in enumerate(values):
            if np.isnan(median):
                panel.annotate("no run to compare", (0, row), (4, 0), textcoords="offset points", va="center",
                               fontsize=SMALL, color=GREY)  # fmt: skip
                continue
            clear = bool(low > bound or high < -bound)
            props: dict[str, Any] = {"color": COLOURS[0], "linewidth": 1.8, "solid_capstyle": "butt"}
            panel.plot([low, high], [row, row], **props, label=_once(panel, "5 to 95 % of runs"))
            entries = f"median; interval {'clear of' if clear else 'touches'} {nothing}"
            panel.plot([median], [row], **_dot(clear), label=_once(panel, entries))
        if smallest is not None:
            band = panel.axvspan(-smallest, smallest, color=PALE, linewidth=0, zorder=0.3)
            band.set_label(f"too small to count (within ±{smallest:g})")
        panel.set_ylim(len(values) - 0.4, -0.6)
        panel.set_yticks(range(len(values)), names)
        panel.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 2.5, 5, 10]))
        panel.xaxis.set_major_formatter(Numbers())
        panel.set_xlabel(wrapped(label, width * 0.65))
        if legend:
            draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        if own:
            stretch(fig, panel, 1, cell * len(values))
        return finish(fig, axes)


def _checked(table: pd.DataFrame, smallest: float | None) -> np.ndarray[Any, np.dtype[np.float64]]:
    need_columns(table, *COLUMNS, hint=f"Needed are {', '.join(COLUMNS)}.")
    values = numbers_in(table.loc[:, list(COLUMNS)])
    if not np.isfinite(values).all(axis=1).any():
        raise DesignError(f"The table of effects has {len(table)} rows and none of them holds numbers.")
    for name, (median, low, high) in zip(table.index, values, strict=True):
        if not (low <= median <= high or np.isnan([median, low, high]).all()):
            raise DesignError(
                f"In row '{name}' the median {median:g} lies outside its interval, {low:g} to {high:g}; "
                f"low and high are quantiles of the difference, not half-widths."
            )
    if smallest is not None and not smallest > 0:
        raise DesignError(f"The smallest effect that counts is {smallest:g}; give a positive number or None.")
    return values


def _dot(clear: bool) -> dict[str, Any]:
    fill = COLOURS[0] if clear else "#FFFFFF"
    props = {"marker": "o", "markersize": 5.5, "color": COLOURS[0], "markeredgewidth": 1.3, "linestyle": ""}
    return {**props, "markerfacecolor": fill, "zorder": 3}


def _once(ax: Axes, label: str) -> str | None:
    """Return the label, or None if the legend of the panel already has it."""
    return None if label in ax.get_legend_handles_labels()[1] else label
