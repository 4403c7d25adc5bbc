"""The error certificate: a sample of runs once more with scipy at tight tolerance, and with the step halved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from sdmodel.solve.registry import CONTINUOUS
from sdmodel.sweep.backends import FINE, kernel_of, kernel_series, one_run, python_of
from sdmodel.sweep.plan import Plan

LEAST_RUNS = 64
"""Smaller sweeps carry no certificate: it would cost more than they do."""
TIGHT = 1e-10
NOISE = 1e-9
"""Part of its kin below which an output counts as nothing but rounding."""


def certify(
    plan: Plan,
    units: Sequence[str],
    record: dict[str, Any],
    values_of: Callable[[int], tuple[np.ndarray, int]],
    sample: int,
) -> dict[str, Any]:
    """Largest relative differences of a random sample of a sweep's runs.

    Parameters
    ----------
    plan, units, record
        The sweep, and the units of its outputs; the sample follows from the hash of its design, so it is the same
        however the sweep was run.
    values_of
        Values (outputs, times) and status of a row.
    sample
        Number of runs that are repeated.

    Returns
    -------
    dict
        `certificate` in words, `certificate_runs`, `certificate_scipy` and `certificate_half_step`: the largest
        difference over all outputs and times, relative to the largest absolute value of the output in its run. What is
        smaller than 1e-9 of an output with the same unit, such as a balance that should be nil, is measured against
        that.
    """
    if plan.solver.on_grid or plan.solver.adaptive:
        return {"certificate": f"none: the steps of {plan.method} are the meaning of the run"}
    if sample < 1:
        return {"certificate": "none: not asked for"}
    if plan.runs < LEAST_RUNS:
        return {"certificate": f"none: fewer than {LEAST_RUNS} runs"}
    rng = np.random.default_rng(int(record["design_hash"], 16))
    rows = np.sort(rng.choice(plan.runs, min(sample, plan.runs), replace=False))
    engine = python_of(plan)
    step = plan.program.parameters.index("TIME STEP") if "TIME STEP" in plan.program.parameters else None
    tight, half = [], []
    for row in map(int, rows):
        values, status = values_of(row)
        if status != FINE:
            continue
        p = plan.parameters(row, row + 1)
        found, _ = one_run(plan, engine, p[0], row, method=CONTINUOUS, rtol=TIGHT)
        if found is not None:
            tight.append(_largest(plan, units, values, found))
        if step is not None:
            p[:, step] /= 2
            again = _again(plan, p, row)
            if again is not None:
                half.append(_largest(plan, units, values, again))
    if not tight:
        return {"certificate": "none: no run of the sample could be repeated"}
    out: dict[str, Any] = {"certificate_runs": len(tight), "certificate_scipy": max(tight)[0]}
    if half:
        out["certificate_half_step"] = max(half)[0]
    out["certificate"] = (
        f"{len(tight)} random runs differ by at most {_words(max(tight))} from scipy at rtol {TIGHT:g}"
        + (f" and by at most {_words(max(half))} from half the step" if half else "")
        + ", relative to the largest value of the output in its run"
    )
    return out


def _again(plan: Plan, p: np.ndarray, row: int) -> np.ndarray | None:
    """The run of a row with parameters `p`, by the engine of the plan."""
    if plan.engine == "python":
        return one_run(plan, python_of(plan), p[0], row)[0]
    values, failed, _ = kernel_of(plan).run(p, plan.times, series=kernel_series(plan, row, row + 1))
    return None if failed[0] else values[0]


def _words(worst: tuple[float, str]) -> str:
    return f"{worst[0]:.1e} (in '{worst[1]}')"


def _largest(plan: Plan, units: Sequence[str], values: np.ndarray, reference: np.ndarray) -> tuple[float, str]:
    """Largest relative difference, and the output that has it."""
    size = np.nan_to_num(np.abs(reference)).max(axis=1)
    kin = np.array([max(size[j] for j in range(len(size)) if units[j] == unit) for unit in units])
    scale = np.maximum(np.maximum(size, NOISE * kin), 1e-300)
    apart = np.nan_to_num(np.abs(values - reference)).max(axis=1) / scale
    worst = int(apart.argmax())
    return float(apart[worst]), plan.labels[worst]
