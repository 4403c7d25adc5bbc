"""Trajectories: variables of several runs over time, one panel per variable."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Annotation
from matplotlib.ticker import MaxNLocator

from sdmodel.core.arguments import kind
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.structure import CONTROL
from sdmodel.plot.annotations import Marks, draw_legend, draw_marks, end_labels, flag_marks, settle
from sdmodel.plot.figure import Drawing, documented, finish, panels, stretch
from sdmodel.plot.style import MOST_LINES, Numbers, Style, drawing, styles, unit_text, wrapped

if TYPE_CHECKING:
    from sdmodel.core.run import Run

BASELINE = Style("#9A9A9A", "-", "")


@documented
def trajectories(
    runs: Mapping[str, Run] | Sequence[Run] | Run,
    names: str | Sequence[str],
    *,
    policy_marks: Marks | None = None,
    baseline: str | None = None,
    difference: bool = False,
    ax: Axes | Sequence[Axes] | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw variables of some runs over time, one panel per variable.

    Lines differ in colour, dash and marker. Their labels stand at their ends where there is room, else in a
    legend.

    Parameters
    ----------
    runs
        Runs by label, or a list of runs or a single one, whose labels are then the names of their scenarios. At most
        twelve.
    names
        Variables, as spelt in the model; one panel each. Of a subscripted variable name an element,
        `name[a,b]`.
    baseline
        Label of the run that the others are compared with: a broad grey line behind them.
    difference
        Draw the differences to the baseline, in the unit of the variable, with a line at zero in its place.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one a variable, in the order of `names`, with units on both axes.

    Raises
    ------
    UnknownNameError
        If a variable or the baseline is not there.
    DesignError
        If there is nothing to draw, too much, or the runs do not agree on units.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("shandong")
    >>> runs = {"as it was": model.run()}
    >>> fig, axes = sdmodel.plot.trajectories(runs, ["trust"], policy_marks={"a review": 2020})
    >>> axes[0].get_title(loc="left")
    'trust'
    """
    runs = _labelled(runs)
    kind("names", names, types=(str, list, tuple), need="the name of a variable, or a list of names")
    names = [names] if isinstance(names, str) else list(dict.fromkeys(names))
    if not names:
        raise DesignError("No variable was named; give at least one in `names`.")
    if baseline is not None and baseline not in runs:
        raise UnknownNameError(baseline, runs, "run", f"There are: {', '.join(runs)}.")
    if difference and (baseline is None or len(runs) < 2):
        raise DesignError("A difference needs a baseline, the label of one of at least two runs.")
    data = {name: {label: _series(run, name) for label, run in runs.items()} for name in names}
    if difference:
        data = {name: _differences(one, str(baseline)) for name, one in data.items()}
    units = {name: _same(name, {run.unit(name): label for label, run in runs.items()}) for name in names}
    time = _same("Time", {time_label(run.model): label for label, run in runs.items()})
    others = [label for label in runs if label != baseline]
    looks = dict(zip(others, styles(len(others)), strict=True))
    columns = 1 if len(names) <= 3 or width < 12 else 2
    rows = -(-len(names) // columns)
    height = 5.6 if rows == 1 else 3.6
    marks = policy_marks or {}
    with drawing():
        fig, axes, own = panels(ax, len(names), columns, width, 1.5 + rows * (height + 0.8), sharex=True)
        for panel, name in zip(axes, names, strict=True):
            _draw(panel, data[name], looks, marks)
            title = f"{name}, difference to '{baseline}'" if difference else name
            panel.set_title(wrapped(title, width / columns - 2.4), loc="left")
            panel.set_ylabel(wrapped(unit_text(units[name]), height))
        for panel in axes[-columns:] if own else axes:
            panel.set_xlabel(time)
        handles = [_line(label, looks.get(label, BASELINE)) for label in runs]
        labels = _end_labels(fig, axes, data, looks) if own and columns == 1 and len(runs) > 1 else []
        if len(runs) > 1 and not labels:
            draw_legend(fig, axes, handles, "", own)
        fig.draw_without_rendering()
        for panel in axes[:columns] if own else axes:
            flag_marks(panel, marks)
        if own:
            stretch(fig, axes[0], rows, height)
        fitting = [settle(panel, some) for panel, some in zip(axes, labels, strict=False)]
        if not all(fitting):
            for label in (label for some in labels for label in some):
                label.remove()
            draw_legend(fig, axes, handles, "", own)
            stretch(fig, axes[0], rows, height)
        return finish(fig, axes)


def _differences(one: Mapping[str, pd.Series[float]], baseline: str) -> dict[str, pd.Series[float]]:
    """Paths less that of the baseline, whose times they must share."""
    base = one[baseline]
    for label, series in one.items():
        if not series.index.equals(base.index):
            raise DesignError(f"'{label}' and '{baseline}' have other times; run both with the same `every`.")
    return {label: series - base for label, series in one.items()}


def _labelled(runs: Any) -> dict[str, Run]:
    given = (
        list(runs.values()) if isinstance(runs, Mapping) else list(runs) if isinstance(runs, (list, tuple)) else [runs]
    )
    for run in given:
        if not hasattr(run, "scenario") or callable(run.scenario):  # a model has a method of this name
            raise DesignError(
                f"`runs` takes what model.run gives: one run, a list of them, or a mapping of labels to runs, not "
                f"{type(runs).__name__}. The runs of a sweep are drawn by sdmodel.plot.fan."
            )
    out = dict(runs) if isinstance(runs, Mapping) else {run.scenario.name: run for run in given}
    if len(out) < len(given):
        raise DesignError(f"Some of {len(given)} runs have the same scenario name; give a dict, label to run.")
    if not out:
        raise DesignError("No run was given; give at least one in `runs`.")
    if len(out) > MOST_LINES:
        raise DesignError(
            f"{len(out)} runs were given and no reader can tell more than {MOST_LINES} lines apart. "
            f"Choose some, or show all of them as bands: model.sweep(...) and sdmodel.plot.fan."
        )
    return out


def _series(run: Run, name: str) -> pd.Series[float]:
    """Take one variable, or one element of a subscripted variable, of a run."""
    values = run[name]
    if isinstance(values, pd.Series):
        return values
    elements = list(values.columns)
    raise DesignError(f"'{name}' has {len(elements)} elements; name one of them, such as '{name}[{elements[0]}]'.")


def _same(name: str, by_unit: Mapping[str, str]) -> str:
    """Return the common unit; raise if units differ, as they would share one axis."""
    if len(by_unit) > 1:
        entries = "; ".join(f"{unit or 'no unit'} in '{label}'" for unit, label in by_unit.items())
        raise DesignError(f"'{name}' has different units: {entries}. Draw these runs in figures of their own.")
    return next(iter(by_unit))


def time_label(model: object) -> str:
    """Label a time axis, `Time (Year)`, from the unit of the model's control variables."""
    equations = getattr(model, "equations", {})
    units = (equations[name].unit for name in CONTROL if name in equations)
    unit = next((unit for unit in units if unit), "")
    return f"Time ({unit})" if unit else "Time"


def time_axis(ax: Axes, first: float, last: float) -> None:
    """Set the ticks of time, whole numbers where it is long enough, and those of the values."""
    ax.set_xlim(first, last if last > first else first + 1)
    ax.xaxis.set_major_locator(MaxNLocator("auto", steps=[1, 2, 5, 10], integer=last - first >= 4))
    ax.xaxis.set_major_formatter(Numbers(thousands=""))
    ax.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    ax.yaxis.set_major_formatter(Numbers())


def _line(label: str, style: Style) -> Line2D:
    wide = style is BASELINE
    line = Line2D([], [], color=style.colour, linestyle=style.dash, marker=style.marker, label=label)
    line.set(markersize=3.2, linewidth=3.2 if wide else 1.4, zorder=1.5 if wide else 2)
    return line


def _draw(ax: Axes, data: Mapping[str, pd.Series[float]], looks: Mapping[str, Style], marks: Marks) -> None:
    for i, (label, series) in enumerate(data.items()):
        line = _line(label, looks.get(label, BASELINE))
        line.set_data(series.index.to_numpy(dtype=float), series.to_numpy(dtype=float))
        # Stagger the markers, so that those of coinciding lines do not hide one another.
        line.set_markevery((0.02 + 0.14 * i / len(data), 0.14))
        ax.add_line(line)
    ax.autoscale_view()
    times = np.concatenate([series.index.to_numpy(dtype=float) for series in data.values()])
    time_axis(ax, float(times.min()), float(times.max()))
    draw_marks(ax, marks, float(times.min()), float(times.max()))


def _end_labels(
    fig: Figure,
    axes: Sequence[Axes],
    data: Mapping[str, Mapping[str, pd.Series[float]]],
    looks: Mapping[str, Style],
) -> list[list[Annotation]]:
    """Label lines at their ends; return nothing if these differ in time or the labels are too wide."""
    labels: list[list[Annotation]] = []
    every = [series for one in data.values() for series in one.values()]
    if len({series.index[-1] for series in every}) > 1 or any(series.isna().iloc[-1] for series in every):
        return labels
    for panel, one in zip(axes, data.values(), strict=True):
        ends = [
            (label, float(series.index[-1]), float(series.iloc[-1]), looks.get(label, BASELINE).colour)
            for label, series in one.items()
        ]
        labels.append(end_labels(panel, ends))
    widest = max(label.get_window_extent().width for label in labels[0])
    if widest > 0.18 * fig.get_window_extent().width:
        for label in (label for some in labels for label in some):
            label.remove()
        return []
    return labels
