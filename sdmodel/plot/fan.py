"""Fan charts: the spread of many runs over time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot.annotations import Marks, draw_legend, draw_marks, flag_marks
from sdmodel.plot.figure import Drawing, documented, finish, numbers_in, panels, stretch
from sdmodel.plot.style import COLOURS, drawing, mix, unit_text, wrapped
from sdmodel.plot.trajectories import time_axis

if TYPE_CHECKING:
    import xarray as xr

    Floats = np.ndarray[Any, np.dtype[np.float64]]

MOST_PANELS = 12
EDGE, MEDIAN = mix(COLOURS[0], 0.7), mix(COLOURS[0], 0.6, "#000000")


@documented
def fan(
    dataarray: xr.DataArray | xr.Dataset | pd.DataFrame,
    *,
    by: str = "run",
    quantiles: Sequence[float] = (0.05, 0.25, 0.5, 0.75, 0.95),
    policy_marks: Marks | None = None,
    legend: bool = True,
    ax: Axes | Sequence[Axes] | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw the spread of a sweep over time: the median of its runs and bands around it.

    At each time the quantiles are taken over the runs, so a band is no single run's path. Failed runs are
    left out and counted in the caption.

    Parameters
    ----------
    dataarray
        One variable of a sweep, dims `run` and `time`; a sweep of one output; or a table with a row a time and a
        column a run.
    by
        `run` draws all runs in one panel; the name of a coordinate on `run`, such as `setting`, draws one
        panel for each of its values, all with the same value axis.
    quantiles
        Odd in number, increasing, symmetric about 0.5.
    legend
        False leaves out the legend and the count of runs, for a sheet whose panels share one; the median
        and the bands carry their names, so that `plot.legend` or matplotlib finds them.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one, or one for each value of `by` in the order in which they first appear.

    Raises
    ------
    DesignError
        If the array has other dims, the quantiles make no bands, or no run of a panel has succeeded.
    UnknownNameError
        If the sweep has no coordinate `by`.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from sdmodel.plot import fan
    >>> trust = np.random.default_rng(1).uniform(size=(50, 2))
    >>> trust = xr.DataArray(trust, {"time": [2020.0, 2021.0]}, ("run", "time"), attrs={"unit": "Dmnl"})
    >>> fig, axes = fan(trust)
    >>> axes[0].get_ylabel()
    'dimensionless'
    """
    levels = _checked(quantiles)
    dataarray = _array(dataarray)
    if set(dataarray.dims) != {"run", "time"}:
        extra = [str(dim) for dim in dataarray.dims if dim not in {"run", "time"}]
        todo = f" Choose one element first: .sel({extra[0]!s}=...)." if extra else ""
        raise DesignError(f"A fan needs the dims run and time; this array has {dataarray.dims}.{todo}")
    dataarray = dataarray.transpose("run", "time")
    values, time = numbers_in(dataarray), numbers_in(dataarray["time"])
    failed = ~np.isfinite(values).all(axis=1)
    if "status" in dataarray.coords:
        failed |= np.array([bool(status) for status in dataarray["status"].to_numpy()], dtype=bool)
    groups = _groups(dataarray, by)
    for label, members in groups.items():
        if failed[members].all():
            raise DesignError(
                f"None of the {members.sum()} runs{f' of {by} {label}' if label else ''} has succeeded; "
                f"the coordinate `message` of the sweep says why."
            )
    name, unit = str(dataarray.name or ""), unit_text(str(dataarray.attrs.get("unit", "")))
    n = len(groups)
    rows = -(-n // (3 if width >= 14 else 2 if width >= 9 else 1))
    columns = -(-n // rows)
    height = 5.6 if rows == 1 else 3.6
    marks = policy_marks or {}
    with drawing():
        fig, axes, own = panels(ax, n, columns, width, 2.3 + rows * (height + 1), sharex=True, sharey=True)
        for i, (panel, (label, members)) in enumerate(zip(axes, groups.items(), strict=True)):
            _draw(panel, time, values[members & ~failed], levels)
            draw_marks(panel, marks, float(time[0]), float(time[-1]))
            panel.set_title(wrapped(label or name, (width - 2.4) / columns - 0.3), loc="left")
            if not own or i % columns == 0:
                panel.set_ylabel(wrapped(f"{name} ({unit})" if label and name else unit, height))
            if not own or i >= n - columns:
                panel.set_xlabel(_time_label(dataarray))
        if legend:
            handles = axes[0].get_legend_handles_labels()[0]
            draw_legend(fig, axes, handles[::-1], _caption(groups, failed), own)
        fig.draw_without_rendering()
        for panel in axes[:columns] if own else axes:
            flag_marks(panel, marks)
        if own:
            stretch(fig, axes[0], rows, height)
        return finish(fig, axes)


def _array(given: Any) -> xr.DataArray:
    """One variable of many runs, from the forms in which users have it."""
    import xarray as xr

    if isinstance(given, pd.DataFrame):
        return xr.DataArray(numbers_in(given), {"time": numbers_in(given.index)}, ("time", "run"))
    if isinstance(given, xr.Dataset):
        names = [str(name) for name in given.data_vars]
        if len(names) != 1:
            raise DesignError(f"This sweep has {len(names)} outputs; name one: fan(sweep[{(names or ['name'])[0]!r}]).")
        return given[names[0]]
    if not isinstance(given, xr.DataArray):
        raise DesignError(
            f"A fan is drawn of a variable of a sweep (an xarray.DataArray) or a table with a column a run, not of "
            f"{type(given).__name__}. One run is drawn by sdmodel.plot.trajectories."
        )
    return given


def _checked(quantiles: Sequence[float]) -> Floats:
    levels = np.asarray(quantiles, dtype=float)
    right = levels.ndim == 1 and len(levels) % 2 == 1 and len(levels) >= 3
    right = right and bool((np.diff(levels) > 0).all()) and levels[0] >= 0
    if not right or not np.allclose(levels + levels[::-1], 1):
        raise DesignError(
            f"The quantiles {tuple(quantiles)} make no bands about a median: give an odd number of them, "
            f"increasing and symmetric, such as (0.05, 0.25, 0.5, 0.75, 0.95)."
        )
    return levels


def _groups(dataarray: xr.DataArray, by: str) -> dict[str, np.ndarray[Any, np.dtype[np.bool_]]]:
    """Group the runs by panel."""
    if by == "run":
        return {"": np.ones(dataarray.sizes["run"], dtype=bool)}
    known = [str(name) for name, coord in dataarray.coords.items() if coord.dims == ("run",)]
    if by not in known:
        raise UnknownNameError(by, known, "coordinate on run", "Give `run` for one panel with all runs.")
    keys = dataarray[by].to_numpy()
    distinct = list(dict.fromkeys(keys.tolist()))
    if len(distinct) > MOST_PANELS:
        raise DesignError(
            f"'{by}' has {len(distinct)} values and a figure holds {MOST_PANELS} panels; draw some of them, "
            f"or a heat map of one outcome."
        )
    return {_value_text(by, value): keys == value for value in distinct}


def _value_text(by: str, value: object) -> str:
    if isinstance(value, str):
        return value
    return f"{by} {value:.6g}" if isinstance(value, float) else f"{by} {value}"


def _time_label(dataarray: xr.DataArray) -> str:
    unit = str(dataarray["time"].attrs.get("unit", ""))
    return f"Time ({unit})" if unit else "Time"


def _shades(bands: int) -> list[str]:
    """Fill colour of each band, outermost first."""
    return [mix(COLOURS[0], share) for share in np.linspace(0.22, 0.5, bands)]


def _draw(ax: Axes, time: Floats, values: Floats, levels: Floats) -> None:
    edges = np.quantile(values, levels, axis=0)
    half = len(levels) // 2
    for i, shade in enumerate(_shades(half)):
        label = f"{100 * levels[i]:g} to {100 - 100 * levels[i]:g} % of runs"
        props: dict[str, Any] = {"facecolor": shade, "edgecolor": EDGE, "linewidth": 0.4, "label": label}
        ax.fill_between(time, edges[i], edges[-1 - i], **props)
    ax.plot(time, edges[half], color=MEDIAN, linewidth=1.8, label="median")
    time_axis(ax, float(time[0]), float(time[-1]))


def _caption(groups: dict[str, Any], failed: np.ndarray[Any, np.dtype[np.bool_]]) -> str:
    """Caption with the number of runs and of failed runs."""
    runs, lost = len(failed), int(failed.sum())
    text = f"{runs:,} run{'s' if runs != 1 else ''}"
    if len(groups) > 1:
        sizes = {int(members.sum()) for members in groups.values()}
        low, high = min(sizes), max(sizes)
        each = f"{low:,} each" if low == high else f"{low:,} to {high:,} each"
        text += f" ({len(groups)} panels, {each})"
    if not lost:
        return f"{text}, none failed"
    where = {label: int(failed[members].sum()) for label, members in groups.items()}
    entries = "; ".join(f"{label}: {count:,}" for label, count in where.items() if label and count)
    return f"{text}, {lost:,} failed and left out" + (f" ({entries})" if entries else "")
