"""Where on a lever something happens: a value spent, a level crossed; row by row of a design, many rows in a sweep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.analysis.evaluation import outcomes_of, unit_of
from sdmodel.analysis.inputs import check, design_rows, lever_range, one_constant, refuse
from sdmodel.analysis.root_finding import ROUNDS, Measure, meet
from sdmodel.core.errors import DesignError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure

if TYPE_CHECKING:
    import pandas as pd

_TINY = float(np.finfo(float).tiny)


def solve_lever(
    model: Structure,
    lever: str,
    outcome: Outcome,
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
    """Solve a lever, row by row of a design, so that an outcome meets a target: for instance equal public money.

    The outcome must go one way with the lever; of several solutions one is found. Regula falsi in the Illinois variant
    [1]_, inside the range, for all rows at once: a round is one sweep of the rows that are still off.

    Parameters
    ----------
    model
        The model; it is not changed.
    lever
        A constant: a size or a date.
    outcome
        What must meet the target, such as ``Outcome("present value of public money")``.
    target
        One number, or one for each row, in the unit of the outcome.
    design
        One row a case, without the lever; default: one case, the constants of the file.
    low, high
        Where the lever may go; default its range in the file.
    tolerance
        Largest difference from the target that is left alone, as a share of the target (of one, if the target is 0).
    scenario, every, workers
        As in `Model.sweep`.

    Returns
    -------
    pandas.DataFrame
        One row a row of the design, with its index: the lever under its name; ``target``; the outcome under its label,
        at that value; ``residual``, outcome over target less one (the difference, where the target is 0); ``solved``.
        Where no value in the range meets the target, the lever is at the end that comes nearer and ``solved`` is
        False; where a run failed, it is NaN.

    Raises
    ------
    UnknownNameError, OverrideError
        If the lever or the outcome is not in the model, or the lever is no constant.
    DesignError
        If the design holds the lever, or targets and rows differ in number.

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

    check(model=model, lever=lever, outcome=outcome, design=design, low=low, high=high, tolerance=tolerance)
    check(scenario=scenario)
    lever = one_constant(model, lever)
    (a, b), rows = lever_range(model, lever, low, high), design_rows(model, design, lever)
    try:
        goal = np.array(np.broadcast_to(np.asarray(target, dtype=float), (len(rows),)))
    except (TypeError, ValueError):
        raise refuse("target", target, f"one number, or one for each of the {len(rows)} rows") from None
    if not np.isfinite(goal).all():
        raise DesignError(f"The target of row {int(np.argmin(np.isfinite(goal)))} is not a finite number.")
    measure = _measure(model, rows, lever, outcome, scenario, every, workers)
    found = meet(measure, goal, a, b, tolerance=tolerance)
    failed = ~np.isfinite(found.value)
    x, value, residual = (np.where(failed, np.nan, part) for part in found[:3])
    label = outcome.label
    columns = {lever: x, "target": goal, label: value, "residual": residual, "solved": np.abs(residual) <= tolerance}
    frame = pd.DataFrame(columns, index=rows.index)
    frame.attrs = {
        "lever": lever,
        "units": {lever: model.owner(lever).unit, label: unit_of(model, outcome)},
    }
    return frame


def threshold(
    model: Structure,
    lever: str,
    outcome: Outcome,
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

    The range is scanned at evenly spaced points, and each pair of neighbours on two sides of the level is narrowed by
    bisection, faster where the outcome is smooth [1]_. Two crossings between neighbouring points are not seen: take
    more points.

    Parameters
    ----------
    model, lever, outcome, scenario, every, workers
        As in `solve_lever`.
    level
        Level of the outcome, in its unit.
    design
        One row a case, such as samples of the uncertainties; default: one case, the constants of the file.
    low, high
        Where the lever is looked at; default its range in the file.
    points
        Points of the scan.
    tolerance
        Width to which a crossing is narrowed, as a share of the range.

    Returns
    -------
    pandas.DataFrame
        One row a crossing. Columns: ``sample``, the row label of the design (or its column `sample`); the lever under
        its name, in the middle of what is left; ``direction``, 1 where the outcome rises through the level and -1
        where it falls; ``width`` of what is left; ``before`` and ``after``, the outcome at its two ends. The two
        differ by much more than the level's surroundings where the outcome jumps: a tipping point. `attrs`: ``never``,
        the share of the rows without a crossing; ``failed``, the share with a failed run, of which nothing is said.

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

    check(model=model, lever=lever, outcome=outcome, level=level, design=design, low=low, high=high, points=points)
    check(tolerance=tolerance, scenario=scenario)
    lever = one_constant(model, lever)
    (a, b), rows = lever_range(model, lever, low, high), design_rows(model, design, lever)
    measure = _measure(model, rows, lever, outcome, scenario, every, workers)
    grid = np.linspace(a, b, points)
    n = len(rows)
    every_row, at = np.tile(np.arange(n), points), np.repeat(grid, n)
    seen = measure(at, every_row).reshape(points, n).T - level
    failed: np.ndarray = np.logical_not(np.isfinite(seen).all(axis=1))
    # A point on the level belongs to the side above it, so that touching it from below and going on is one crossing.
    above: np.ndarray = np.greater_equal(seen, 0)
    row, cell = np.nonzero((above[:, 1:] != above[:, :-1]) & ~failed[:, None])
    sign = np.where(above[row, cell + 1], 1, -1)
    left, right = grid[cell].copy(), grid[cell + 1].copy()
    before, after = seen[row, cell].copy(), seen[row, cell + 1].copy()
    if len(row):
        found = _refined(
            lambda x, i: _off_zero(measure(x, row[i]) - level),
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
        lever: (left + right) / 2,
        "direction": sign,
        "width": right - left,
        "before": before + level,
        "after": after + level,
    }
    frame = pd.DataFrame(columns).sort_values(["sample", lever], ignore_index=True)
    frame.attrs = {
        "lever": lever,
        "units": {lever: model.owner(lever).unit, "before": unit_of(model, outcome)},
        "outcome": outcome.label,
        "level": level,
        "rows": n,
        "range": (a, b),
        "never": float(1 - (len(np.unique(row)) + failed.sum()) / n),
        "failed": float(failed.mean()),
    }
    return frame


def _off_zero(x: np.ndarray) -> np.ndarray:
    """A value on the level counts as just above it, so that the search narrows the side it comes from."""
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
        found: np.ndarray = outcomes_of(model, design, [outcome], scenario=scenario, every=every, workers=workers)[0]
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
    """Zeros of `f` between `a` and `b` for some rows, by scipy's elementwise search."""
    from scipy.optimize import elementwise

    a, b = (np.broadcast_to(np.asarray(v, dtype=float), rows.shape) for v in (a, b))
    tolerances = {"xatol": xatol, "xrtol": 0.0, "fatol": 0.0, "frtol": 0.0}
    return elementwise.find_root(f, (a, b), args=(rows,), tolerances=tolerances, maxiter=ROUNDS)
