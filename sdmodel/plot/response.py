"""What a variable responds to: an outcome against a lever over many runs, a variable above its direct causes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.labels import split_label
from sdmodel.plot.annotations import Marks, draw_legend
from sdmodel.plot.fan import EDGE, MEDIAN
from sdmodel.plot.figure import Drawing, documented, finish, panels
from sdmodel.plot.style import COLOURS, drawing, mix, unit_text, wrapped
from sdmodel.plot.trajectories import trajectories

if TYPE_CHECKING:
    import xarray as xr

    from sdmodel.core.run import Run

MOST_VALUES = 12
"""Values of a lever that get a place each; more are gathered into this number of classes of equal size."""
MOST_PANELS = 12


@documented
def response(outcome: xr.DataArray, lever: str, *, ax: Axes | None = None, width: float = 12.0) -> Drawing:
    """Draw an outcome against a lever: the median of the runs at each value, with bands of 50 and 90 %.

    Parameters
    ----------
    outcome
        One number for each run of a sweep, as `sdmodel.Outcome.of` gives it; the sweep's design is among its
        coordinates. Runs that failed are left out.
    lever
        Constant that the sweep varies. Where it has more than twelve values, runs are gathered into twelve classes of
        equal size, each drawn at its median value.

    Raises
    ------
    UnknownNameError
        If the sweep does not vary the lever.
    DesignError
        If the outcome is not one number for each run.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("adoption")
    >>> samples = sdmodel.latin_hypercube(model.uncertainties, 50, rng=1)
    >>> settings = sdmodel.grid({"support size": [0, 25, 50, 100, 200]})
    >>> sweep = model.sweep(sdmodel.pair(samples, settings), ["firms with"], every=5)
    >>> late = sdmodel.Outcome("firms with", at=2030).of(sweep)
    >>> fig, axes = sdmodel.plot.response(late, "support size")
    >>> axes[0].get_xlabel()
    'support size'
    """
    if not isinstance(lever, str) or lever not in outcome.coords:
        raise UnknownNameError(lever, [str(name) for name in outcome.coords], "constant that the sweep varies")
    x, y = (np.asarray(one, dtype=float).ravel() for one in _aligned(outcome[lever], outcome))
    x, y = x[np.isfinite(y)], y[np.isfinite(y)]
    if not len(y):
        raise DesignError("No run of the sweep has succeeded; the coordinate `message` of the sweep says why.")
    groups = _classes(x, y)
    at = [np.median(values) for values, _ in groups]
    edges = np.array([np.quantile(found, (0.05, 0.25, 0.5, 0.75, 0.95)) for _, found in groups]).T
    with drawing():
        fig, axes, own = panels(ax, 1, 1, width, 7.0)
        panel = axes[0]
        for low, high, shade, label in ((0, 4, 0.3, "5 to 95 % of runs"), (1, 3, 0.55, "25 to 75 % of runs")):
            props: dict[str, Any] = {"facecolor": mix(COLOURS[0], shade), "edgecolor": EDGE, "linewidth": 0.4}
            panel.fill_between(at, edges[low], edges[high], label=label, **props)
        panel.plot(at, edges[2], color=MEDIAN, marker="o", markersize=3.5, label="median")
        panel.set_xlabel(wrapped(_named(lever, outcome[lever].attrs), width - 2.4))
        panel.set_ylabel(wrapped(_named(str(outcome.name or "outcome"), outcome.attrs), 5.0))
        draw_legend(fig, axes, panel.get_legend_handles_labels()[0][::-1], f"{len(y)} runs", own)
    return finish(fig, axes)


def _aligned(lever: xr.DataArray, outcome: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """The lever's value and the outcome of each run; a grid has both along its axes."""
    import xarray as xr

    if "time" in outcome.dims or not outcome.dims:
        raise DesignError(
            "The response needs one number for each run: sdmodel.Outcome(NAME, at=...).of(sweep), not a path."
        )
    aligned = xr.broadcast(lever, outcome)
    return aligned[0], aligned[1]


def _named(name: str, attrs: Mapping[Any, Any]) -> str:
    return f"{name} ({unit_text(str(attrs['unit']))})" if attrs.get("unit") else name


def _classes(x: np.ndarray, y: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Values of the lever and of the outcome, gathered by the value of the lever."""
    values = np.unique(x)
    if len(values) <= MOST_VALUES:
        return [(x[x == value], y[x == value]) for value in values]
    order = np.argsort(x, kind="stable")
    return [(x[part], y[part]) for part in np.array_split(order, MOST_VALUES)]


@documented
def causes(
    run: Run | Mapping[str, Run],
    variable: str,
    *,
    policy_marks: Marks | None = None,
    baseline: str | None = None,
    ax: Sequence[Axes] | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw a strip of paths: a variable on top, and below it each variable that its equation reads.

    Constants are left out. Of a cause with subscripts the elements that the variable has are drawn.

    Parameters
    ----------
    run
        A run, or runs by label.
    variable
        Name of a variable; an element is `name[a,b]`.
    baseline
        Label of the run that the others are compared with.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: the variable, then its causes in the order of the file.

    Raises
    ------
    UnknownNameError
        If there is no such variable.
    DesignError
        If nothing that varies moves it, or it has more than eleven causes.

    Examples
    --------
    >>> import sdmodel
    >>> fig, axes = sdmodel.plot.causes(sdmodel.load("adoption").run(), "uptake")
    >>> [panel.get_title(loc="left") for panel in axes]
    ['uptake', 'firms with', 'firms without', 'support']
    """
    first = next(iter(run.values())) if isinstance(run, Mapping) else run
    model = first.model
    stem, elements = split_label(variable, model.equations)
    names = [variable]
    for cause in model.causes(model.owner(variable).name if elements else stem):
        parts = [label for label in first.columns if split_label(label, model.equations)[0] == cause]
        same = [label for label in parts if set(elements) <= set(split_label(label, model.equations)[1])]
        names += same or parts
    if len(names) == 1:
        raise DesignError(f"Nothing that varies over time moves '{variable}': its equation reads constants only.")
    if len(names) > MOST_PANELS:
        raise DesignError(
            f"'{variable}' has {len(names) - 1} causes; a strip holds {MOST_PANELS - 1}. Choose some for "
            f"sdmodel.plot.trajectories: {', '.join(names[1:])}."
        )
    return trajectories(run, names, policy_marks=policy_marks, baseline=baseline, ax=ax, width=width)
