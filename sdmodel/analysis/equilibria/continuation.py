"""A lever moved slowly up and down: what does not come back, and the folds where it goes over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.equilibria.net_flows import FrozenModel, freeze
from sdmodel.analysis.inputs import Lever, check, lever_range
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure

if TYPE_CHECKING:
    import pandas as pd

_NUDGE = 1e-7
"""Perturbation of the last equilibrium before the next is sought, relative to the size of the states."""


def hysteresis(
    model: Structure,
    lever: Lever,
    variable: str,
    *,
    low: float | None = None,
    high: float | None = None,
    points: int = 41,
    values: Mapping[str, float] | None = None,
    at: float | str | None = None,
    scenario: Scenario | str | None = None,
) -> pd.DataFrame:
    """Vary a lever slowly up and down and test whether the model returns along the same branch.

    Time is held constant. At each value of the lever the model is integrated to an equilibrium (scipy's LSODA) from the
    previous one, perturbed by 1e-7 so that it leaves unstable equilibria.

    Parameters
    ----------
    model, values, at, scenario
        As in `basins`.
    lever
        The constant that is varied: its name, or its range as in `sdmodel.latin_hypercube`, ``{name: (low, high)}``.
    variable
        The variable reported, or an element `name[a]`.
    low, high
        Range of the lever; default the one given with it, or that of the file.
    points
        Number of values in each direction.

    Returns
    -------
    pandas.DataFrame
        One row per value, in the order visited. Columns: the lever; ``way``, up or down; the variable; ``rested``,
        False where the model oscillates or diverges; ``returns``, False if undoing the last step of the lever does not
        lead back to the previous equilibrium: the model passed a fold.

    Raises
    ------
    DesignError
        If the range is open or empty, or there are fewer than two points.

    References
    ----------
    .. [1] Scheffer, M., Carpenter, S., Foley, J. A., Folke, C. and Walker, B. (2001). Catastrophic shifts in
       ecosystems. Nature 413, 591-596. https://doi.org/10.1038/35098000

    Examples
    --------
    >>> import sdmodel
    >>> found = sdmodel.hysteresis(sdmodel.load("network"), "trust time", "trust", points=3)
    >>> found["way"].tolist()
    ['up', 'up', 'up', 'down', 'down', 'down']
    """
    import pandas as pd

    check(model=model, variable=variable, low=low, high=high, points=points)
    check(values=values, at=at, scenario=scenario)
    name, ends = lever_range(model, lever, low, high)
    grid = np.linspace(*ends, points)
    moment = freeze(model, {**(values or {}), name: grid[0]}, scenario, at)
    rows, _ = _sweep_up_and_down(moment, name, variable, grid, values, scenario)
    out = pd.DataFrame(rows)
    out.attrs = {
        "lever": name,
        "variable": variable,
        "units": {name: model.owner(name).unit, variable: model.owner(variable).unit},
        "at": moment.at,
    }
    return out


def folds(
    model: Structure,
    lever: Lever,
    *,
    low: float | None = None,
    high: float | None = None,
    points: int = 41,
    values: Mapping[str, float] | None = None,
    at: float | str | None = None,
    scenario: Scenario | str | None = None,
) -> pd.DataFrame:
    """Find fold bifurcations: values of a lever at which an equilibrium ends and the model jumps to another.

    The lever is varied up and down as in `hysteresis`. Between two values with a jump, the fold is solved for as the
    point where the net flows and their derivative in some direction are zero [1]_.

    Parameters
    ----------
    model, lever, low, high, points, values, at, scenario
        As in `hysteresis`.

    Returns
    -------
    pandas.DataFrame
        One row per fold. Columns: the lever at the fold; ``way`` in which it was passed; ``from`` and ``to``, the
        values of the lever around it; the states at the fold by name. The lever and the states are NaN where the
        equations have no fold between the two values (another bifurcation, or a kink).

    Raises
    ------
    DesignError
        As in `hysteresis`.

    References
    ----------
    .. [1] Moore, G. and Spence, A. (1980). The calculation of turning points of nonlinear equations. SIAM Journal on
       Numerical Analysis 17(4), 567-576. https://doi.org/10.1137/0717048

    Examples
    --------
    >>> import sdmodel
    >>> len(sdmodel.folds(sdmodel.load("network"), "trust time", points=3))
    0
    """
    import pandas as pd

    check(model=model, low=low, high=high, points=points, values=values, at=at, scenario=scenario)
    name, ends = lever_range(model, lever, low, high)
    grid = np.linspace(*ends, points)
    moment = freeze(model, {**(values or {}), name: grid[0]}, scenario, at)
    rows, states = _sweep_up_and_down(moment, name, moment.names[0], grid, values, scenario)
    found = []
    for i, row in enumerate(rows):
        if row["returns"]:
            continue
        before, after = float(rows[i - 1][name]), float(row[name])

        def net(x: np.ndarray, value: float) -> np.ndarray:
            there: np.ndarray = freeze(model, {**(values or {}), name: value}, scenario, at, moment).rates(x)
            return there

        near = freeze(model, {**(values or {}), name: before}, scenario, at, moment)
        point, x = _fold(near, states[i - 1], before, after, net, (grid[0], grid[-1]))
        found.append(
            {name: point, "way": row["way"], "from": before, "to": after, **dict(zip(moment.names, x, strict=True))}
        )
    out = pd.DataFrame(found, columns=[name, "way", "from", "to", *moment.names])
    out.attrs = {"lever": name, "units": {name: model.owner(name).unit}, "at": moment.at}
    return out


def _sweep_up_and_down(
    first: FrozenModel,
    lever: str,
    variable: str,
    grid: np.ndarray,
    values: Mapping[str, float] | None,
    scenario: Scenario | str | None,
) -> tuple[list[dict[str, Any]], list[np.ndarray]]:
    """Rows of `hysteresis`, and the states of each."""
    rows: list[dict[str, Any]] = []
    states: list[np.ndarray] = []
    x = first.start
    before: float | None = None
    moments = {
        level: freeze(first.model, {**(values or {}), lever: level}, scenario, first.at, first)
        for level in map(float, grid)
    }
    for way, levels in (("up", grid), ("down", grid[::-1])):
        for level in map(float, levels):
            moment = moments[level]
            origin = x if np.isfinite(x).all() else first.start
            x, rested = moment.integrate_to_rest(origin + (0 if before is None else _NUDGE) * moment.size)
            returns = True
            if before is not None and before != level and rows[-1]["rested"]:
                back, there = moments[before].integrate_to_rest(x + _NUDGE * moment.size) if rested else (x, False)
                returns = there and moment.close_to(back, origin, 1e-3)
            value = moment.value(variable, x) if np.isfinite(x).all() else np.nan
            rows.append({lever: level, "way": way, variable: value, "rested": rested, "returns": returns})
            states.append(x)
            before = level
    return rows, states


def _fold(
    near: FrozenModel,
    x: np.ndarray,
    before: float,
    after: float,
    net: Callable[[np.ndarray, float], np.ndarray],
    ends: tuple[float, float],
) -> tuple[float, np.ndarray]:
    """Lever and states of the fold near an equilibrium; NaN if there is none."""
    from scipy.optimize import root

    size, n, width = near.size, len(x), abs(after - before)
    values, vectors = np.linalg.eig(near.jacobian(x) * size[None, :] / size[:, None])
    v = vectors[:, int(np.argmin(np.abs(values)))].real
    step = np.finfo(float).eps ** (1 / 3)

    def equations(z: np.ndarray) -> np.ndarray:
        u, w = z[:n], z[n : 2 * n]
        level = float(np.clip(before + z[-1] * width, *ends))
        here = net(u * size, level) / size
        along = (net((u + step * w) * size, level) - net((u - step * w) * size, level)) / (2 * step) / size
        out = np.concatenate([here, along, [w @ w - 1]])
        return out if np.isfinite(out).all() else np.full(2 * n + 1, 1e10)

    found = root(equations, np.concatenate([x / size, v / np.linalg.norm(v), [0.0]]), method="hybr", tol=1e-12)
    level = before + found.x[-1] * width
    between = min(before, after) - 1e-6 * width <= level <= max(before, after) + 1e-6 * width
    if not between or np.max(np.abs(equations(found.x))) > 1e-6:
        return np.nan, np.full(n, np.nan)
    return float(level), found.x[:n] * size
