"""The rounds of a search: rows of one design run again and again with other values, for a few numbers each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.core.structure import Structure
from sdmodel.design.tables import read_rows
from sdmodel.solve.inputs import inputs_named, resolve_scenario
from sdmodel.solve.times import Every
from sdmodel.solve.values import read_sweep_data
from sdmodel.sweep.backends import chunk_rows, done_chunks, processors, with_engine
from sdmodel.sweep.fork import Fork, fork
from sdmodel.sweep.plan import make_plan

if TYPE_CHECKING:
    import pandas as pd

STEP = "TIME STEP"


class Rounds:
    """A design that is checked once and run in many rounds, without a Dataset, a record or a certificate.

    Parameters
    ----------
    model, design, outputs, every, workers
        As in `run_sweep`; the columns that change between rounds are in the design, with any values.
    step
        Time step of the rounds, for methods that land on exact dates; coarser than that of the runs that are kept.
        Runs for which it is too long are not solved again, so the caller checks what it found in an ordinary sweep.
    ranges
        Bounds of the columns that change between rounds; what the rows share before these act is solved only once.

    Examples
    --------
    >>> import sdmodel
    >>> model = sdmodel.load("network")
    >>> design = sdmodel.latin_hypercube(model.uncertainties, 4, rng=1)
    >>> rounds = Rounds(model, design, ["trust"], every=25, step=0.5)
    >>> rounds(np.array([0, 3]), {"trust time": np.array([2.0, 4.0])}).shape
    (2, 1, 2)
    """

    def __init__(
        self,
        model: Structure,
        design: pd.DataFrame,
        outputs: Sequence[str],
        *,
        every: Every = None,
        step: float | None = None,
        ranges: Mapping[str, tuple[float, float]] | None = None,
        workers: int | None = None,
    ) -> None:
        data, paths = read_sweep_data(model, None)
        base = resolve_scenario(model, paths, None, None)
        plan, _ = make_plan(model, read_rows(design), outputs, base, None, every, None, data, 0)
        if step is not None and not plan.solver.on_grid and STEP in plan.program.parameters and not plan.program.orders:
            place = plan.program.parameters.index(STEP)
            columns = tuple((i, np.full(plan.runs, step) if i == place else values) for i, values in plan.columns)
            start = plan.base.copy()
            start[place] = step
            plan = replace(plan, base=start, columns=columns, refine=False)
        self.model, self.plan, self.workers = model, with_engine(plan), workers or processors()
        index = plan.program.parameters.index
        bounds = {index(label): ends for name, ends in (ranges or {}).items() for label in inputs_named(model, name)}
        self.shared = fork(self.plan, self.workers, bounds) if bounds else None

    def __call__(self, rows: np.ndarray, values: Mapping[str, np.ndarray]) -> np.ndarray:
        """Outputs, shape (rows, outputs, times), of some rows with these values; NaN where a run failed."""
        index = self.plan.program.parameters.index
        now = {index(label): x for name, x in values.items() for label in inputs_named(self.model, name)}
        columns = tuple((i, now[i] if i in now else given[rows]) for i, given in self.plan.columns)
        plan = replace(self.plan.only(rows), columns=columns)
        out = np.empty((plan.runs, len(plan.outputs), len(plan.times)))
        size = chunk_rows(plan, min(self.workers, plan.runs))
        shared = self.shared and Fork(self.shared.begun, self.shared.which[rows])
        for chunk in done_chunks(plan, range(0, plan.runs, size), size, self.workers, out, shared):
            out[chunk.start : chunk.stop] = chunk.values
        return out
