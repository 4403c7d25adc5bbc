"""Runs for which steps of TIME STEP are too long, as in stiff models: solve them again with shorter steps or scipy.

The kernel flags runs in which the error estimate of a step is large relative to a state; halving the step shows
whether the outputs change. This depends on the run only, so a result does not depend on other runs, chunks or threads.
"""

from __future__ import annotations

import numpy as np

from sdmodel.compile.python.engine import Engine
from sdmodel.core.expression import NA
from sdmodel.solve.registry import CONTINUOUS
from sdmodel.sweep.engines import FAILED, FINE, kernel_of, kernel_series, one_run, python_of
from sdmodel.sweep.plan import Plan

ENOUGH = 5e-4
"""Accept a run if halving its step changes no output by more than this fraction of the output's largest value."""
HALVINGS = 5
"""Maximum number of halvings before scipy solves the run."""
LEAST_PAST_ZERO = 3
"""Minimum number of halvings for runs in which a stock ran past zero."""
BY_SCIPY = -1
"""Used in place of the number of halvings for runs solved by scipy."""
SCIPY_RTOL = 1e-8
NOISE = 1e-9
"""Outputs smaller than this fraction of the largest output of the same unit are treated as rounding noise."""


def scales(units: tuple[str, ...], reference: np.ndarray) -> np.ndarray:
    """Largest absolute value of each output, (..., outputs), but at least `NOISE` times the largest of its unit."""
    size = np.nan_to_num(np.abs(reference), posinf=0.0).max(axis=-1, initial=0.0)
    of_unit = np.empty_like(size)
    for unit in set(units):
        same = [i for i, one in enumerate(units) if one == unit]
        of_unit[..., same] = size[..., same].max(axis=-1, keepdims=True)
    found: np.ndarray = np.maximum(np.maximum(size, NOISE * of_unit), 1e-300)
    return found


def distance(units: tuple[str, ...], values: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Largest difference of each output (outputs,) over the times, relative to its largest absolute value.

    An output that is smaller than `NOISE` times the largest of its unit, such as a balance that should be zero,
    is compared to that instead. The difference is infinite where only one of the values (outputs, times) is finite.
    """
    with np.errstate(invalid="ignore"):
        apart = np.abs(values - reference)
    apart[np.isnan(values) & np.isnan(reference)] = 0.0
    apart[np.isnan(apart)] = np.inf
    found: np.ndarray = apart.max(axis=1, initial=0.0) / scales(units, reference)
    return found


def refine(
    plan: Plan, start: int, values: np.ndarray, found: np.ndarray, rough: np.ndarray, past_zero: np.ndarray
) -> tuple[dict[int, int], dict[int, str]]:
    """Solve the `rough` rows of a chunk again, if shorter steps change their results.

    Parameters
    ----------
    plan, start
        The sweep, and the first row of the chunk.
    values, found
        Results (rows, outputs, times) and status (rows,) of the chunk; corrected in place.
    rough
        Rows of the chunk with steps that may be too long.
    past_zero
        Whether a stock ran past zero, (rows,). The error is then as random as the place of zero within a step, and two
        results may agree by chance: it is estimated from all differences so far, at least `LEAST_PAST_ZERO`.

    Returns
    -------
    dict
        Number of halvings, or `BY_SCIPY`, by row of the sweep, for rows that were solved again.
    dict
        Error message by row of the chunk, for rows that could not be solved again.
    """
    solved: dict[int, int] = {}
    reasons: dict[int, str] = {}
    left, latest = rough, {int(i): values[i].copy() for i in rough}
    apart = np.zeros(len(values))
    if "TIME STEP" in plan.program.parameters:
        for halvings in range(1, HALVINGS + 1):
            if not len(left):
                break
            finer, status = halved(plan, start + left, halvings)
            again = []
            for place, i in enumerate(map(int, left)):
                fine = status[place] == FINE
                new = distance(plan.units, latest[i], finer[place]).max(initial=0.0) if fine else np.inf
                apart[i] = max(new, apart[i] / 2) if past_zero[i] else new
                if apart[i] > ENOUGH or (past_zero[i] and halvings < LEAST_PAST_ZERO):
                    latest[i] = finer[place] if fine else np.full_like(values[i], np.nan)
                    again.append(i)
                elif halvings > 1:
                    values[i], found[i], solved[start + i] = finer[place], FINE, halvings
            left = np.array(again, dtype=int)
    for i in map(int, left):
        row = start + i
        tight = one_run(
            plan, python_of(plan), plan.parameters(row, row + 1)[0], row, method=CONTINUOUS, rtol=SCIPY_RTOL
        )
        solved[row] = BY_SCIPY
        if tight.values is None:
            values[i], found[i], reasons[i] = np.nan, FAILED, tight.message
        else:
            values[i], found[i] = tight.values, FINE
    return solved, reasons


def refined_run(plan: Plan, engine: Engine, p: np.ndarray, row: int) -> tuple[np.ndarray | None, str, int]:
    """Run a row in the Python engine: values or None, error message, and `BY_SCIPY` if scipy was needed, else 0."""
    run = one_run(plan, engine, p, row)
    if not run.rough or run.values is None:
        return run.values, run.message, 0
    tight = one_run(plan, engine, p, row, method=CONTINUOUS, rtol=SCIPY_RTOL)
    if tight.values is not None and distance(plan.units, run.values, tight.values).max(initial=0.0) <= ENOUGH:
        return run.values, "", 0
    return tight.values, tight.message, BY_SCIPY


def halved(plan: Plan, rows: np.ndarray, halvings: int) -> tuple[np.ndarray, np.ndarray]:
    """Results (rows, outputs, times) and status (rows,) of some rows with TIME STEP halved repeatedly."""
    parameters = plan.chosen(rows)
    parameters[:, plan.program.parameters.index("TIME STEP")] /= 2**halvings
    values, status, _ = kernel_of(plan).run(
        parameters, plan.times, series=kernel_series(plan, rows), seed=plan.seed, numbers=plan.numbers[rows]
    )
    values[values == NA] = np.nan
    return values, status


def in_words(solved: dict[int, int], runs: int) -> dict[str, object]:
    """Attributes of a result: how many runs were solved again, and how; empty if none was."""
    if not solved:
        return {}
    by_scipy = sum(how == BY_SCIPY for how in solved.values())
    plain = sum(how == 0 for how in solved.values())
    halved, most = len(solved) - by_scipy - plain, max(solved.values())
    ways = [f"{plain:,} with steps of TIME STEP"] if plain else []
    ways += [f"{halved:,} with steps down to TIME STEP/{2**most}"] if halved else []
    ways += [f"{by_scipy:,} with {CONTINUOUS} at rtol {SCIPY_RTOL:g}"] if by_scipy else []
    return {
        "solved_again": f"{len(solved):,} of {runs:,} runs, since their steps were too long: " + " and ".join(ways),
        "solved_again_halved": halved,
        "solved_again_scipy": by_scipy,
    }
