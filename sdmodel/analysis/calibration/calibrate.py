"""Fitting constants to observed series."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sdmodel.analysis.calibration.calibration import Calibration, Search, search
from sdmodel.analysis.calibration.identifiability import LocalIdentifiability, identifiability_at
from sdmodel.analysis.calibration.residuals import Residuals
from sdmodel.analysis.inputs import Parameters, Seed, check, constants_to_vary
from sdmodel.core.errors import DesignError, ResultWarning, SolveError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.samplers import latin_hypercube

_EDGE = 1e-6
"""A parameter within this share of its range from an end counts as being at that end."""


def calibrate(
    model: Structure,
    parameters: Parameters,
    observations: Any,
    *,
    errors: Mapping[str, Any] | None = None,
    starts: int = 1,
    rng: Seed = None,
    values: Mapping[str, float] | Scenario | None = None,
    scenario: Scenario | str | None = None,
    data: Mapping[str, Any] | None = None,
) -> Calibration:
    """Fit constants of a model to observed series by bounded nonlinear least squares.

    Parameters
    ----------
    model
        The model; it is not changed.
    parameters
        Constants to fit: ranges in any form of `sdmodel.latin_hypercube`, such as rows of `model.uncertainties` or
        ``{name: (low, high)}``, or names. Ranges, those of the file where none are given, bound the search; `start` is
        the value in the scenario.
    observations
        Observed series, each with its own times: a DataFrame (times in the index or in a column `time`; empty cells are
        missing), a mapping from name to Series, or the path of a CSV, tab-separated or Excel file. Names are
        variables of the model (an element is `name[a,b]`), in their units.
    errors
        Standard deviation of the observations of each series, in its unit: a number or a Series over time. Weights are
        the squared reciprocals. Without errors each series is scaled by its own standard deviation, and the noise is
        estimated from the residuals.
    starts
        Number of starts: the values of the scenario, then a Latin hypercube.
    rng
        Seed or generator of the Latin hypercube.
    values, scenario, data
        As in `Model.run`.

    Returns
    -------
    Calibration
        Tables of parameters with intervals, fit, starts, covariance and identifiability; `values` for `Model.run`;
        `profile` for likelihood profiles.

    Raises
    ------
    UnknownNameError, OverrideError
        If a name is not a constant, or a series not a variable.
    RangeError
        If a range reaches beyond that of the file.
    DesignError, ReadError
        If observations are malformed, fewer than parameters, or outside the time of the run.
    SolveError
        If every start fails.

    Warns
    -----
    ResultWarning
        If parameters are not identified, or the best two of several starts ended at different values.

    Notes
    -----
    Derivatives are exact tangents (see `sdmodel.gradient`), or finite differences where the model has none. Intervals
    are those of the linearised model at the best fit; profiles show where that is too crude. A parameter at an end of
    its range has no interval.

    References
    ----------
    .. [1] Branch, M. A., Coleman, T. F. and Li, Y. (1999). A subspace, interior, and conjugate gradient method for
       large-scale bound-constrained minimization problems. SIAM Journal on Scientific Computing 21(1), 1-23.
       https://doi.org/10.1137/S1064827595289108
    .. [2] Brun, R., Reichert, P. and Künsch, H. R. (2001). Practical identifiability analysis of large environmental
       simulation models. Water Resources Research 37(4), 1015-1030. https://doi.org/10.1029/2000WR900350

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> truth = model.run({"trust time": 5.0}, every=5)["trust"]
    >>> fit = sdmodel.calibrate(model, ["trust time"], {"trust": truth})
    >>> round(fit.values["trust time"], 4)
    5.0
    """
    check(model=model, errors=errors, starts=starts, rng=rng, values=values, scenario=scenario, data=data)
    table = constants_to_vary(model, parameters, continuous="a fit")
    names = [str(name) for name in table.index]
    low, high = (table[c].to_numpy(float) for c in ("low", "high"))
    width = high - low
    reach = np.where(np.isfinite(width) & (width > 0), width, np.maximum(np.abs(table["value"].to_numpy(float)), 1e-6))
    residuals = Residuals(model, names, observations, errors, values, scenario, data, reach)
    count = len(residuals.data.values)
    if count < len(names):
        raise DesignError(f"{count} observations cannot fit {len(names)} parameters. Fit fewer, or observe more.")
    free = [i for i in range(len(names)) if high[i] > low[i]]
    if not free:
        raise DesignError("Every range has one value only, so there is nothing to fit.")
    begun = _starting_points(residuals.base, table, starts, rng)
    found = [search(residuals, x, free, low, high) for x in begun]
    if not any(np.isfinite(f.cost) for f in found):
        raise SolveError(f"No start gives a run: {found[0].message}")
    found.sort(key=lambda f: f.cost if np.isfinite(f.cost) else np.inf)
    best = found[0].values
    edge = _EDGE * reach
    at = np.where(best - low < edge, "low end", np.where(high - best < edge, "high end", "inside"))
    at[width == 0] = "inside"
    inside = [i for i in free if at[i] == "inside"]
    known = identifiability_at(residuals, best, free, inside, found[0].cost)
    tables = _tables(residuals, table, best, at, free, inside, known, found)
    _warn([names[i] for i in free], known, found, reach, names)
    return Calibration(
        **tables,
        cost=found[0].cost,
        noise=known.noise,
        rank=known.rank,
        collinearity=known.collinearity,
        derivatives=residuals.how,
        _residuals=residuals,
        _low=low,
        _high=high,
        _critical=known.critical,
    )


def _starting_points(base: np.ndarray, table: pd.DataFrame, starts: int, rng: Seed) -> list[np.ndarray]:
    """Starting points, within the ranges."""
    out = [np.clip(base, table["low"].to_numpy(float), table["high"].to_numpy(float))]
    if starts > 1:
        drawn = latin_hypercube(table, starts - 1, rng=rng).drop(columns="sample").to_numpy(float)
        out += list(drawn)
    return out


def _tables(
    residuals: Residuals,
    table: pd.DataFrame,
    best: np.ndarray,
    at: np.ndarray,
    free: list[int],
    inside: list[int],
    known: LocalIdentifiability,
    found: list[Search],
) -> dict[str, pd.DataFrame]:
    names = pd.Index([str(name) for name in table.index], name="parameter")
    error = np.full(len(names), np.nan)
    error[inside] = known.errors
    identified = np.ones(len(names), dtype=bool)
    identified[free] = known.identified
    half = known.critical * error
    parameters = pd.DataFrame(
        {
            "start": residuals.base,
            "value": best,
            "error": error,
            "low": best - half,
            "high": best + half,
            "at": at,
            "identified": identified,
        },
        index=names,
    )
    data = residuals.data
    simulated = residuals.paths([best])[0]
    labels = [data.names[i] for i in data.which]
    fit = pd.DataFrame(
        {"series": labels, "time": data.times, "observed": data.values, "simulated": simulated, "error": data.errors}
    ).set_index(["series", "time"])
    rows = []
    for i, name in enumerate(data.names):
        y, s = data.values[data.which == i], simulated[data.which == i]
        spread = float(np.sum((y - y.mean()) ** 2))
        r2 = 1 - float(np.sum((y - s) ** 2)) / spread if spread else np.nan
        rows.append({"series": name, "observations": len(y), "rmse": float(np.sqrt(np.mean((y - s) ** 2))), "r2": r2})
    covariance = np.full((len(names), len(names)), np.nan)
    covariance[np.ix_(inside, inside)] = known.covariance
    shares = np.zeros((len(known.eigenvalues), len(names)))
    shares[:, free] = known.vectors
    directions = pd.DataFrame(shares, columns=names, index=pd.RangeIndex(len(shares), name="direction"))
    directions.insert(0, "eigenvalue", known.eigenvalues)
    starts = pd.DataFrame(
        [
            {
                "cost": f.cost,
                "evaluations": f.evaluations,
                "message": f.message,
                **dict(zip(names, f.values, strict=True)),
            }
            for f in found
        ]
    )
    return {
        "parameters": parameters,
        "fit": fit,
        "series": pd.DataFrame(rows).set_index("series"),
        "covariance": pd.DataFrame(covariance, index=names, columns=names),
        "directions": directions,
        "starts": starts,
    }


def _warn(
    free: list[str], known: LocalIdentifiability, found: list[Search], reach: np.ndarray, names: list[str]
) -> None:
    lost = [name for name, fine in zip(free, known.identified, strict=True) if not fine]
    if lost:
        text = "', '".join(lost)
        warnings.warn(
            f"The observations identify {known.rank} of {len(free)} combinations of the parameters and say nothing "
            f"about '{text}' alone. Fix some of them, or observe more.",
            ResultWarning,
            stacklevel=3,
        )
    elif len(found) > 1 and np.isfinite(found[1].cost):
        near = found[1].cost <= found[0].cost * 1.01 + 1e-12
        apart = np.abs(found[1].values - found[0].values) / reach
        if near and apart.max() > 0.01:
            warnings.warn(
                f"Two starts fit equally well with different values of '{names[int(np.argmax(apart))]}'. See `starts`.",
                ResultWarning,
                stacklevel=3,
            )
