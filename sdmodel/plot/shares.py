"""Bar charts of the shares of samples in which predictions hold, with intervals and thresholds of the verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot.annotations import draw_legend
from sdmodel.plot.figure import Drawing, documented, finish, panels, stretch
from sdmodel.plot.style import (
    COLOURS,
    GREY,
    INK,
    MARKERS,
    MOST_LINES,
    PALE,
    SMALL,
    Numbers,
    drawing,
    fonts,
    styles,
    wrapped,
)

if TYPE_CHECKING:
    import xarray as xr

COLUMNS = ("share", "low", "high")


@documented
def shares(
    table: pd.DataFrame,
    *,
    label: str = "samples in which it holds (%)",
    thresholds: Sequence[float] = (0.25, 0.75, 0.95),
    legend: bool = True,
    ax: Axes | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw shares of samples as bars with intervals, and the same shares under other assumptions as marks.

    Parameters
    ----------
    table
        Index: what is predicted, the first row on top. Columns share, low and high, between 0 and 1; every further
        column is a share under another assumption, drawn as a hollow mark under its name; NaN is left out.
    label
        Label of the axis.
    thresholds
        Shares at which a thin line is drawn.
    legend
        False leaves out the legend, for a sheet whose panels share one.

    Raises
    ------
    UnknownNameError
        If the table lacks one of the three columns.
    DesignError
        If the table has no rows or holds a share below 0 or above 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from sdmodel.plot import shares
    >>> table = pd.DataFrame({"share": [0.8], "low": [0.78], "high": [0.82], "half as wide": [0.9]}, index=["H01"])
    >>> fig, axes = shares(table)
    >>> [text.get_text() for text in axes[0].get_yticklabels()]
    ['H01']
    """
    for column in COLUMNS:
        if column not in table.columns:
            raise UnknownNameError(column, map(str, table.columns), "column", f"Needed are {', '.join(COLUMNS)}.")
    values = 100 * table.to_numpy(dtype=float)
    if not len(table) or np.nanmin(values) < 0 or np.nanmax(values) > 100:
        raise DesignError("The table of shares needs rows, and shares between 0 and 1.")
    others = [str(c) for c in table.columns if c not in COLUMNS]
    names = [wrapped(str(name), width / 2.6, SMALL) for name in table.index]
    cell = 0.45 + 0.27 * max(name.count("\n") + 1 for name in names)
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 2.9 + cell * len(table))
        panel = axes[0]
        panel.grid(visible=False)
        panel.spines["left"].set_visible(False)
        panel.tick_params(axis="y", length=0)
        for threshold in thresholds:
            panel.axvline(100 * threshold, color=GREY, linewidth=0.7, linestyle=(0, (1.5, 1.5)), zorder=0.5)
        rows = np.arange(len(table))
        middle, low, high = (100 * table[c].to_numpy(dtype=float) for c in COLUMNS)
        panel.barh(rows, np.full(len(rows), 100.0), height=0.5, color=PALE, linewidth=0, zorder=0.2)
        panel.barh(rows, middle, height=0.5, color=COLOURS[5], linewidth=0, zorder=1, label="kept samples")
        reach = np.maximum([middle - low, high - middle], 0)  # rounding may leave an end inside
        panel.errorbar(middle, rows, xerr=reach, fmt="none", ecolor=INK, elinewidth=1, zorder=2)
        for marker, name in zip(MARKERS, others, strict=False):
            at = 100 * table[name].to_numpy(dtype=float)
            panel.plot(at, rows, linestyle="", marker=marker, markersize=4, markerfacecolor="#FFFFFF",
                       markeredgecolor=INK, markeredgewidth=0.8, zorder=3, label=name, clip_on=False)  # fmt: skip
        panel.set_xlim(0, 100)
        panel.set_ylim(len(table) - 0.4, -0.6)
        panel.set_yticks(rows, names)
        panel.set_xticks([0, *(100 * t for t in thresholds)])
        panel.xaxis.set_major_formatter(Numbers())
        panel.set_xlabel(wrapped(label, width * 0.65))
        if legend:
            draw_legend(fig, axes, panel.get_legend_handles_labels()[0], "", own)
        if own:
            stretch(fig, panel, 1, cell * len(table))
        return finish(fig, axes)


@documented
def medians(
    paths: Mapping[str, xr.DataArray],
    *,
    label: str,
    ax: Axes | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw the median path of each of several policies, with the middle half of the first.

    Parameters
    ----------
    paths
        One variable by name of the policy, dims `sample` (or `run`) and `time`; failed runs are NaN and left out.
    label
        What the variable is, with its unit; the label of the axis.

    Raises
    ------
    DesignError
        If there are no paths, more than a reader can tell apart, or other dims.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from sdmodel.plot import medians
    >>> rising = xr.DataArray(np.ones((3, 2)) * [1, 2], {"time": [2015.0, 2034.0]}, ("sample", "time"))
    >>> fig, axes = medians({"none": rising, "twice": 2 * rising}, label="links per firm")
    >>> len(axes[0].lines)
    2
    """
    if not 0 < len(paths) <= MOST_LINES:
        raise DesignError(f"{len(paths)} paths are given; one panel shows 1 to {MOST_LINES}.")
    for name, path in paths.items():
        if path.ndim != 2 or "time" not in path.dims:
            raise DesignError(f"The paths of '{name}' have the dims {path.dims}; needed are sample and time.")
    with drawing():
        fig, axes, _ = panels(ax, 1, 1, width, 7)
        panel = axes[0]
        for i, ((name, path), style) in enumerate(zip(paths.items(), styles(len(paths)), strict=True)):
            values = path.transpose(..., "time").to_numpy()
            values = values[np.isfinite(values).all(axis=1)]
            if not len(values):
                continue
            low, middle, high = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
            time = path["time"].to_numpy()
            if i == 0:
                panel.fill_between(time, low, high, color=style.colour, alpha=0.12, linewidth=0)
            panel.plot(time, middle, color=style.colour, linestyle=style.dash, linewidth=1.4, label=name)
        panel.set_ylabel(wrapped(label, 5))
        panel.yaxis.set_major_formatter(Numbers())
        panel.xaxis.set_major_formatter(Numbers(""))
        panel.margins(x=0)
        panel.legend(frameon=False, loc="best", prop={"family": fonts(), "size": SMALL})
        return finish(fig, axes)
