"""Execute rows of a sweep with the compiled kernel or the Python engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from sdmodel.compile.python.engine import Engine
from sdmodel.core.cache import Cache
from sdmodel.core.errors import SolveError
from sdmodel.core.expression import NA
from sdmodel.solve.integrate import integrate
from sdmodel.solve.interpolation import interpolant
from sdmodel.solve.registry import solver
from sdmodel.sweep.plan import RTOL, Plan

FINE, FAILED, NOT_RUN = 0, 1, 2
"""Status of a run."""


@dataclass(frozen=True)
class Chunk:
    """Results of consecutive rows."""

    start: int
    values: np.ndarray
    """Shape (rows, outputs, times); NaN where the run failed."""
    status: np.ndarray
    messages: list[str]
    solved: dict[int, int] = field(default_factory=dict)
    """Rows that were solved again because their steps were too long (see `sdmodel.sweep.refinement`)."""

    @property
    def stop(self) -> int:
        """Row after the last."""
        return self.start + len(self.status)


_kernels: Cache[Any] = Cache(16)
_engines: Cache[Engine] = Cache(16)


def kernel_of(plan: Plan) -> Any:
    """The compiled kernel of a plan; cached by program, outputs and method."""
    from sdmodel.compile.llvm import Kernel

    rough = plan.refine and not plan.solver.on_grid
    key = (plan.outputs, plan.method, rough)
    return _kernels.get(plan.program, key) or _kernels.put(
        plan.program, key, Kernel(plan.program, plan.outputs, tableau=plan.solver.steps, rough=rough)
    )


def python_of(plan: Plan) -> Engine:
    """The Python engine of a plan, for scipy, for the certificate and to explain failures."""
    return _engines.get(plan.program, plan.outputs) or _engines.put(
        plan.program, plan.outputs, Engine(plan.program, plan.outputs)
    )


def kernel_series(plan: Plan, rows: np.ndarray | slice) -> list[tuple[np.ndarray, np.ndarray]]:
    """Times and values of each data variable for some rows, in the form used by the kernel."""
    times = np.array(plan.series_times)
    series = plan.series_of(rows)
    return [(times, series[0, i] if len(plan.series) == 1 else series[:, i]) for i in range(series.shape[1])]


class OneRun(NamedTuple):
    """Result of one run with the Python engine."""

    values: np.ndarray | None
    """Shape (outputs, times); None if the run failed."""
    message: str
    """Error message."""
    rough: bool
    """Whether steps were too long."""


def one_run(
    plan: Plan, engine: Engine, p: np.ndarray, row: int, *, method: str | None = None, rtol: float | None = None
) -> OneRun:
    """Execute one run with parameters `p` in the Python engine."""
    series = [interpolant(plan.series_times, s.tolist()) for s in plan.series_of(slice(row, row + 1))[0]]
    try:
        bound = engine.bind(p.tolist(), series, seed=plan.seed, run=int(plan.numbers[row]), past=plan.past)
        y, held, report = integrate(engine, bound, plan.times, solver(method or plan.method), rtol or plan.rtol or RTOL)
        rows = [bound.outs(t, state, h) for t, state, h in zip(plan.times, y, held, strict=True)]
    except SolveError as error:
        return OneRun(None, str(error), False)
    out = np.array(rows, dtype=float).reshape(len(plan.times), len(plan.outputs)).T
    if not np.isfinite(out).all():
        when = plan.times[int(np.argmax(~np.isfinite(out).all(axis=0)))]
        bad = min((plan.outputs[j], plan.labels[j]) for j in np.flatnonzero(~np.isfinite(out).all(axis=1)))
        return OneRun(None, f"'{bad[1]}' is not finite at time {when:.6g}.", False)
    out[out == NA] = np.nan
    return OneRun(out, "", report.rough)
