"""Runs that are equal up to a date, such as arms of the same samples, solved once until there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sdmodel.compile.inactive import active_before, thresholds
from sdmodel.compile.programs import depends
from sdmodel.compile.python.engine import evaluate
from sdmodel.sweep.engines import kernel_of, kernel_series
from sdmodel.sweep.plan import Plan

if TYPE_CHECKING:
    from sdmodel.compile.llvm.begun import Begun

LEAST_RUNS = 2048
"""Smaller sweeps are not looked at: to find out what runs share takes as long as it saves."""
MOST_BYTES = 400_000_000
"""Largest size of the beginnings that are kept."""


class Fork(NamedTuple):
    """Beginnings that the runs of a sweep share."""

    begun: Begun
    which: np.ndarray
    """Beginning of each run, (runs,)."""


def fork(plan: Plan, workers: int, ranges: Mapping[int, tuple[float, float]] | None = None) -> Fork | None:
    """Solve what the runs of a sweep share; None where that is too little.

    Runs share their past up to a date if they differ in parameters only that have no influence before it
    (`sdmodel.compile.inactive`). `ranges` are the bounds of parameters that have other values each time the runs are
    repeated.
    """
    program, varying = plan.program, dict(plan.columns)
    if (
        plan.engine != "kernel" or plan.solver.on_grid or plan.runs < LEAST_RUNS or len(plan.series) > 1
        or program.resumed or not _alike(plan)
    ):  # fmt: skip
        return None
    low, high = plan.base.tolist(), plan.base.tolist()
    for i, values in varying.items():
        low[i], high[i] = float(values.min()), float(values.max())
    for i, bounds in (ranges or {}).items():
        low[i], high[i] = bounds
    begin, end = plan.times[0], plan.times[-1]
    dates = [date for date in thresholds(program, low) if begin < date < end]
    best: tuple[float, np.ndarray, np.ndarray] | None = None
    first, last = 0, len(dates)
    while first < last:  # what acts before a date acts before a later one
        middle = (first + last) // 2
        active = active_before(program, plan.outputs, dates[middle], low, high)
        groups = None if active.intersection(ranges or ()) else _groups([varying[i] for i in sorted(active)], plan.runs)
        if groups is None or 2 * len(groups[0]) > plan.runs:
            last = middle
        else:
            best, first = (dates[middle], *groups), middle + 1
    if best is None:
        return None
    date, rows, which = best
    node = program.control["time step"]
    if any(low[i] != high[i] for i in depends(program, node)):
        return None
    step = evaluate(program, node, low)
    until = float(begin + np.floor((date - begin) / step) * step)
    if plan.grid is not None:
        until = float(np.max(plan.grid[plan.grid <= date], initial=begin))
    size = 8 * len(rows) * (len(program.states) + len(plan.outputs) * int(np.searchsorted(plan.times, until)))
    if not begin < until <= date or size > MOST_BYTES:
        return None
    begun = kernel_of(plan).begin(
        plan.chosen(rows), plan.times, until, series=kernel_series(plan, slice(None)), threads=workers, grid=plan.grid
    )
    return Fork(begun, which)


def _alike(plan: Plan) -> bool:
    """Whether most values of the first run are those of another one as well; a quick look before a long one."""
    again = [np.count_nonzero(values == values[0]) > 1 for _, values in plan.columns]
    return bool(2 * sum(again) >= len(again))


def _groups(columns: Sequence[np.ndarray], runs: int) -> tuple[np.ndarray, np.ndarray] | None:
    """The first of each group of runs with the same bits in all columns, and the group of each run."""
    mixed = np.zeros(runs, dtype=np.uint64)
    bits = [np.ascontiguousarray(values, dtype=float).view(np.uint64) for values in columns]
    for column in bits:
        mixed = (mixed ^ column ^ (mixed >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
    _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
    same = all(np.array_equal(column, column[first][which]) for column in bits)
    return (first, which) if same else None
