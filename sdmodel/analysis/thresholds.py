"""Values of a lever at which an outcome meets a target or crosses a level, for all rows of a design at once."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.evaluation import evaluate, outcome_unit
from sdmodel.analysis.inputs import Lever, check, design_rows, lever_range, one_outcome
from sdmodel.analysis.root_finding import ROUNDS, Measure, find_roots
from sdmodel.core.arguments import refuse
from sdmodel.core.errors import DesignError, ResultWarning
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure

if TYPE_CHECKING:
    import pandas as pd

_TINY = float(np.finfo(float).tiny)


def solve_lever(
    model: Structure,
    lever: Lever,
    outcome: Outcome | str,
    target: float | np.ndarray | pd.Series,
    *,
    design: pd.DataFrame | None = None,
    low: float | None = None,
    high: float | None = None,
    tolerance: float = 0.005,
    scenario: Scenario | str | None = None,
    every: float | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Solve for the value of a lever at which an outcome meets a target, for each row of a design.

    Vectorised bracketed root finding (Illinois variant of regula falsi [1]_): each iteration is one sweep of the rows
    that have not converged. The outcome must be monotone in the lever; of several solutions one is returned.

    Parameters
    ----------
    model
        The model; it is not changed.
    lever
        A constant, a size or a date: its name, or its range as in `sdmodel.latin_hypercube`, ``{name: (low, high)}``.
    outcome
        The outcome that must meet the target, such as ``Outcome("trust", at=2034)``; the name of a variable stands for
        its final value.
    target
        One number, or one per row, in the unit of the outcome.
    design
        One row per case, without the lever; default: one case with the constants of the file.
    low, high
        Range of the lever; default the one given with it, or that of the file.
    tolerance
        Relative tolerance of the target (absolute where the target is 0).
    scenario, every, workers
        As in `Model.sweep`.

    Returns
    -------
    pandas.DataFrame
        One row per row of the design, with its index: the lever under its name; ``target``; the outcome under its label
        at that value; ``residual``, outcome over target minus one (the difference where the target is 0); ``solved``.
        Where no value in the range meets the target, the lever is at the nearer end and ``solved`` is False; where a
        run failed, it is NaN.

    Raises
    ------
    UnknownNameError, OverrideError
        If the lever or the outcome is not in the model, or the lever is not a constant.
    DesignError
        If the design contains the lever, or the numbers of targets and rows differ.

    References
    ----------
    .. [1] Dowell, M. and Jarratt, P. (1971). A modified regula falsi method for computing the root of an equation.
       BIT 11, 168-174. https://doi.org/10.1007/BF01934364

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("policy")
    >>> money = sdmodel.Outcome("present value of public money")
    >>> found = sdmodel.solve_lever(model, "programme scale", money, 4000)
    >>> bool(found["solved"].iloc[0])
    True
    """
    import pandas as pd

    outcome = one_outcome("outcome", outcome)
    check(model=model, design=design, low=low, high=high, tolerance=tolerance)
    check(scenario=scenario)
    name, (a, b) = lever_range(model, lever, low, high)
    rows = design_rows(model, design, name)
    try:
        goal = np.array(np.broadcast_to(np.asarray(target, dtype=float), (len(rows),)))
    except (TypeError, ValueError, OverflowError):
        raise refuse("target", target, f"one number, or one for each of the {len(rows)} rows") from None
    if not np.isfinite(goal).all():
        raise DesignError(f"The target of row {int(np.argmin(np.isfinite(goal)))} is not a finite number.")
    measure = _measure(model, rows, name, outcome, scenario, every, workers)
    found = find_roots(measure, goal, a, b, tolerance=tolerance)
    failed = ~np.isfinite(found.value)
    x, value, residual = (np.where(failed, np.nan, part) for part in found[:3])
    label = outcome.label
    columns = {name: x, "target": goal, label: value, "residual": residual, "solved": np.abs(residual) <= tolerance}
    frame = pd.DataFrame(columns, index=rows.index)
    if missed := int((~frame["solved"]).sum()):
        warnings.warn(
            f"No value of '{name}' from {a:g} to {b:g} brings {label} to its target in {missed} of {len(frame)} rows; "
            "their column 'solved' is False, and 'residual' says how far off they are.",
            ResultWarning,
            stacklevel=2,
        )
    frame.attrs = {
        "lever": name,
        "units": {name: model.owner(name).unit, label: outcome_unit(model, outcome)},
    }
    return frame


def threshold(
    model: Structure,
    lever: Lever,
    outcome: Outcome | str,
    level: float,
    *,
    design: pd.DataFrame | None = None,
    low: float | None = None,
    high: float | None = None,
    points: int = 33,
    tolerance: float = 1e-6,
    scenario: Scenario | str | None = None,
    every: float | None = None,
    workers: int | None = None,
) -> pd.DataFrame:
    """Find the values of a lever at which an outcome crosses a level, for each row of a design.

    The range is scanned at evenly spaced points, and each interval with a crossing is narrowed by Chandrupatla's method
    [1]_. Two crossings between neighbouring points are missed: use more points.

    Parameters
    ----------
    model, lever, outcome, scenario, every, workers
        As in `solve_lever`.
    level
        Level of the outcome, in its unit.
    design
        One row per case, such as samples of the uncertainties; default: one case with the constants of the file.
    low, high
        Range of the lever; default the one given with it, or that of the file.
    points
        Points of the scan.
    tolerance
        Final width of the bracket of a crossing, relative to the range.

    Returns
    -------
    pandas.DataFrame
        One row per crossing. Columns: ``sample``, the row label of the design (or its column `sample`); the lever under
        its name, at the middle of the bracket; ``direction``, 1 where the outcome rises through the level and -1 where
        it falls; ``width`` of the bracket; ``before`` and ``after``, the outcome at its ends, which differ much where
        the outcome jumps (a tipping point). `attrs`: ``never``, the share of rows without a crossing; ``failed``, the
        share of rows with a failed run, which are skipped.

    Raises
    ------
    UnknownNameError, OverrideError, DesignError
        As in `solve_lever`.

    References
    ----------
    .. [1] Chandrupatla, T. R. (1997). A new hybrid quadratic/bisection algorithm for finding the zero of a nonlinear
       function without using derivatives. Advances in Engineering Software 28(3), 145-149.
       https://doi.org/10.1016/S0965-9978(96)00051-8

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("policy")
    >>> money = sdmodel.Outcome("present value of public money")
    >>> found = sdmodel.threshold(model, "programme scale", money, 4000, points=5)
    >>> found["direction"].tolist()
    [1]
    """
    import pandas as pd

    outcome = one_outcome("outcome", outcome)
    check(model=model, level=level, design=design, low=low, high=high, points=points)
    check(tolerance=tolerance, scenario=scenario)
    name, (a, b) = lever_range(model, lever, low, high)
    rows = design_rows(model, design, name)
    measure = _measure(model, rows, name, outcome, scenario, every, workers)
    grid = np.linspace(a, b, points)
    n = len(rows)
    every_row, at = np.tile(np.arange(n), points), np.repeat(grid, n)
    seen = measure(at, every_row).reshape(points, n).T - level
    failed: np.ndarray = np.logical_not(np.isfinite(seen).all(axis=1))
    # A point on the level counts as above it, so that passing through it is one crossing.
    above: np.ndarray = np.greater_equal(seen, 0)
    row, cell = np.nonzero((above[:, 1:] != above[:, :-1]) & ~failed[:, None])
    sign = np.where(above[row, cell + 1], 1, -1)
    left, right = grid[cell].copy(), grid[cell + 1].copy()
    before, after = seen[row, cell].copy(), seen[row, cell + 1].copy()
    if len(row):
        found = _refined(
            lambda x, i: _nonzero(measure(x, row[i]) - level),
            left,
            right,
            np.arange(len(row)),
            xatol=tolerance * (b - a),
        )
        left, right = found.bracket
        before, after = (np.where(np.abs(v) <= _TINY, 0.0, v) for v in found.f_bracket)
    labels = rows["sample"].to_numpy() if "sample" in rows else rows.index.to_numpy()
    columns = {
        "sample": labels[row],
        name: (left + right) / 2,
        "direction": sign,
        "width": right - left,
        "before": before + level,
        "after": after + level,
    }
    frame = pd.DataFrame(columns).sort_values(["sample", name], ignore_index=True)
    frame.attrs = {
        "lever": name,
        "units": {name: model.owner(name).unit, "before": outcome_unit(model, outcome)},
        "outcome": outcome.label,
        "level": level,
        "rows": n,
        "range": (a, b),
        "never": float(1 - (len(np.unique(row)) + failed.sum()) / n),
        "failed": float(failed.mean()),
    }
    return frame


def _nonzero(x: np.ndarray) -> np.ndarray:
    """Replace zeros by a tiny positive number: a point on the level counts as above it."""
    return np.where(x == 0, _TINY, x)


def _measure(
    model: Structure,
    rows: pd.DataFrame,
    lever: str,
    outcome: Outcome,
    scenario: Scenario | str | None,
    every: float | None,
    workers: int | None,
) -> Measure:
    def measure(x: np.ndarray, which: np.ndarray) -> np.ndarray:
        design = rows.iloc[which].assign(**{lever: x})
        found: np.ndarray = evaluate(model, design, [outcome], scenario=scenario, every=every, workers=workers)[0]
        return found

    return measure


def _refined(
    f: Measure,
    a: float | np.ndarray,
    b: float | np.ndarray,
    rows: np.ndarray,
    *,
    xatol: float = 0.0,
) -> Any:
    """Zeros of `f` between `a` and `b` for some rows, by scipy's elementwise root finder."""
    from scipy.optimize import elementwise

    a, b = (np.broadcast_to(np.asarray(v, dtype=float), rows.shape) for v in (a, b))
    tolerances = {"xatol": xatol, "xrtol": 0.0, "fatol": 0.0, "frtol": 0.0}
    return elementwise.find_root(f, (a, b), args=(rows,), tolerances=tolerances, maxiter=ROUNDS)
