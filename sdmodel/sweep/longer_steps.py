"""Steps longer than TIME STEP for sweeps with a tolerance, chosen with a pilot: a random part of their own runs.

A run needs short steps where something has just begun or jumped and hardly any later. The times at which all runs stop
are therefore chosen one by one, so that the runs of the pilot differ from those with TIME STEP by less than the
tolerance, with a margin for the runs that are not in the pilot. The embedded estimate of the kernel does not tell
accurate runs from others; it shows runs that are unlike all of the pilot, such as unstable ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from sdmodel.compile.llvm.job import step_times
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.expression import NA
from sdmodel.sweep.backends import run_chunk, uneven_steps
from sdmodel.sweep.engines import FINE, kernel_of, kernel_series
from sdmodel.sweep.plan import Plan
from sdmodel.sweep.refinement import scales

LEAST_RUNS = 1024
"""Sweeps of fewer runs take steps of TIME STEP: a pilot would cost what it saves."""
PILOT = 128
"""Number of runs in the pilot."""
MARGIN = 6.0
"""The largest error of the pilot must be smaller than the tolerance by this factor."""
LONGEST = 16
"""Longest step, in TIME STEPs; a power of two."""
UNLIKE = 1.25
"""Runs with more uneven steps than any of the pilot, by this factor, are solved again with TIME STEP."""
BLOCKS = 64
"""Maximum number of stretches of time with a step of their own."""
WORST = 8
"""Number of runs of the pilot in which it is measured where errors come from: one vector."""
AIM = 0.75
"""Part of the bound that is aimed at, since the parts of the errors are estimates."""
SPARED = 1 / 4
"""Blocks whose parts in the errors add up to less than this part of the bound are not measured again."""
SMALL_ERROR = 100.0
"""Where the first guess is wrong by more than this multiple of the bound, errors do not add up and it is halved."""
TRIES = 12
"""Give up after as many."""
WORTH = 0.8
"""Part of the stops that longer steps must not exceed to be worth taking."""


def with_longer_steps(plan: Plan, seed: int, threads: int, stops: np.ndarray | None = None) -> tuple[Plan, str]:
    """The plan with the times at which its runs stop and the largest number of uneven steps; and a sentence about them.

    A plan without a tolerance and `stops`, or in which steps of TIME STEP are needed, is returned as it is. The choice
    depends on the plan and the seed only.
    """
    if (plan.rtol is None and stops is None) or plan.engine != "kernel" or plan.solver.on_grid:
        return plan, ""
    if stops is not None:
        grid = stops[(stops > plan.times[0]) & (stops < plan.times[-1])]
        words = f"{len(grid):,} in place of {len(_time_steps(plan)):,} of TIME STEP"
        return replace(plan, grid=grid, most_uneven=len(grid)), words
    if plan.runs >= LEAST_RUNS:
        pilot = _Pilot(plan, seed, threads)
        for grid, error, uneven in pilot.tries():
            if error <= pilot.bound:
                return replace(plan, grid=grid, most_uneven=UNLIKE * uneven), (
                    f"{len(grid):,} in place of {len(pilot.grid):,} of TIME STEP, from which {pilot.plan.runs} runs "
                    f"differ by at most {error:.1e}"
                )
    return plan, "TIME STEP"


def _time_steps(plan: Plan) -> np.ndarray:
    """Times of the TIME STEP grid inside a sweep."""
    p = plan.chosen(np.arange(1))[0].tolist()
    start, step = (evaluate(plan.program, plan.program.control[n], p) for n in ("initial time", "time step"))
    return step_times(np.array(plan.times), start, step)


class _Pilot:
    """Some runs of a sweep, which are solved again with other steps."""

    def __init__(self, plan: Plan, seed: int, threads: int) -> None:
        self.bound, self.threads = float(plan.rtol or 0.0) / MARGIN, threads
        rows = np.sort(np.random.default_rng([seed, 1]).choice(plan.runs, PILOT, replace=False))
        whole = plan.only(rows)
        chunk = run_chunk(whole, 0, PILOT, threads)
        fine = np.flatnonzero(chunk.status == FINE)
        self.plan, self.reference = whole.only(fine), chunk.values[fine]
        self.grid = _time_steps(plan)
        self.width = 1
        self.scale = scales(plan.units, self.reference)[..., None]

    def stops(self, levels: np.ndarray) -> np.ndarray:
        """Times at which the runs stop if steps are `levels` TIME STEPs long in each block of time."""
        number = np.arange(len(self.grid))
        found: np.ndarray = self.grid[(number + 1) % levels[number // self.width] == 0]
        return found

    def solve(self, levels: np.ndarray, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Values (rows, outputs, times) and number of uneven steps (rows,) of some runs."""
        which = np.arange(self.plan.runs) if rows is None else rows
        noted = np.zeros(len(which))
        values, _, _ = kernel_of(self.plan).run(
            self.plan.chosen(which),
            self.plan.times,
            series=kernel_series(self.plan, which),
            threads=self.threads,
            seed=self.plan.seed,
            numbers=self.plan.numbers[which],
            rough=noted,
            grid=self.stops(levels),
        )
        values[values == NA] = np.nan
        return values, uneven_steps(noted)

    def errors(self, values: np.ndarray) -> np.ndarray:
        """Differences (rows, outputs, times) from the runs with TIME STEP, relative to the largest value of each."""
        with np.errstate(invalid="ignore"):
            apart = (values - self.reference) / self.scale
        apart[np.isnan(values) & np.isnan(self.reference)] = 0.0
        found: np.ndarray = np.nan_to_num(apart, nan=np.inf, posinf=np.inf, neginf=-np.inf)
        return found

    def tries(self) -> Iterator[tuple[np.ndarray, float, float]]:
        """Times to stop at, fewest first, with the largest error and the largest number of uneven steps of the runs."""
        free = len(np.union1d(self.grid, self.plan.times)) - len(self.plan.times)
        levels = self._first() if self.plan.runs >= PILOT // 2 and free > (1 - WORTH) * len(self.grid) else None
        for _ in range(TRIES):
            if levels is None or levels.max() == 1 or len(grid := self.stops(levels)) > WORTH * len(self.grid):
                return
            values, uneven = self.solve(levels)
            each = np.abs(self.errors(values)).max(axis=(1, 2))
            yield grid, float(each.max()), float(uneven.max())
            worst = np.argsort(each, kind="stable")[-WORST:]
            levels = self._shorter(levels, worst, values[worst])

    def _first(self) -> np.ndarray | None:
        """The same step in all blocks: the longest with which errors are small enough to add up."""
        level = LONGEST
        while level > 1:
            self.width = level * -(-len(self.grid) // (level * BLOCKS))
            levels = np.full(-(-len(self.grid) // self.width), level)
            if np.abs(self.errors(self.solve(levels)[0])).max() <= SMALL_ERROR * self.bound:
                self.blocks = np.arange(len(levels))
                return levels
            level //= 2
        return None

    def _shorter(self, levels: np.ndarray, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Halve the steps of the blocks that reduce the errors of some runs most for each step more."""
        levels = levels.copy()
        share = np.zeros((len(levels), *values.shape))  # of each block in the errors, signs aside
        for block in self.blocks[levels[self.blocks] > 1]:
            halved = levels.copy()
            halved[block] //= 2
            share[block] = np.abs(np.nan_to_num((self.solve(halved, rows)[0] - values) / self.scale[rows]))
        most = share.max(axis=(1, 2, 3))
        order = np.argsort(most, kind="stable")
        self.blocks = np.sort(order[np.cumsum(most[order]) > SPARED * self.bound])
        before, total = levels.copy(), share.sum(axis=0)
        while (before == levels).all() or total.max() > AIM * self.bound:
            worst = np.unravel_index(total.argmax(), total.shape)
            block = int((share[:, *worst] * levels * (levels > 1)).argmax())
            if share[(block, *worst)] == 0:  # nothing that was measured has a part in what is left
                levels[levels == levels.max()] //= 2
                break
            left = 0.0 if levels[block] == 2 else 1 / 16  # of the error of a step of order 4 at half its length
            total -= (1 - left) * share[block]
            share[block] *= left
            levels[block] //= 2
        return levels
