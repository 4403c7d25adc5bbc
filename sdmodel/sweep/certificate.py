"""The error certificate: a sample of runs once more with scipy at tight tolerance, and with the step halved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdmodel.asked import EXACT
from sdmodel.sweep.engines import FINE, kernel_of, kernel_series, one_run, python_of
from sdmodel.sweep.plan import Plan

LEAST_RUNS = 64
"""Smaller sweeps carry no certificate: it would cost more than they do."""
TIGHT = 1e-10


def certify(
    plan: Plan, record: dict[str, Any], values_of: Callable[[int], tuple[np.ndarray, int]], sample: int
) -> dict[str, Any]:
    """Largest relative differences of a random sample of a sweep's runs.

    Parameters
    ----------
    plan, record
        The sweep; the sample follows from the hash of its design, so it is the same however the sweep was run.
    values_of
        Values (outputs, times) and status of a row.
    sample
        Number of runs that are repeated.

    Returns
    -------
    dict
        `certificate` in words, `certificate_runs`, `certificate_scipy` and `certificate_half_step`: the largest
        difference over all outputs and times, relative to the largest absolute value of the output in its run.
    """
    if plan.method != EXACT:
        return {"certificate": f"none: the steps of {plan.method} are the meaning of the run"}
    if sample < 1:
        return {"certificate": "none: not asked for"}
    if plan.runs < LEAST_RUNS:
        return {"certificate": f"none: fewer than {LEAST_RUNS} runs"}
    rng = np.random.default_rng(int(record["design_hash"], 16))
    rows = np.sort(rng.choice(plan.runs, min(sample, plan.runs), replace=False))
    kernel, engine = kernel_of(plan), python_of(plan)
    step = plan.program.parameters.index("TIME STEP") if "TIME STEP" in plan.program.parameters else None
    tight, half = [], []
    for row in map(int, rows):
        values, status = values_of(row)
        if status != FINE:
            continue
        p = plan.parameters(row, row + 1)
        found, _ = one_run(plan, engine, p[0], row, method="LSODA", rtol=TIGHT)
        if found is not None:
            tight.append(_largest(values, found))
        if step is not None:
            p[:, step] /= 2
            again, failed, _ = kernel.run(p, plan.times, series=kernel_series(plan, row, row + 1))
            if not failed[0]:
                half.append(_largest(values, again[0]))
    if not tight:
        return {"certificate": "none: no run of the sample could be repeated"}
    out: dict[str, Any] = {"certificate_runs": len(tight), "certificate_scipy": max(tight)}
    if half:
        out["certificate_half_step"] = max(half)
    out["certificate"] = (
        f"{len(tight)} random runs differ by at most {max(tight):.1e} from scipy at rtol {TIGHT:g}"
        + (f" and by at most {max(half):.1e} from half the step" if half else "")
        + " (relative to the largest value of each output)"
    )
    return out


def _largest(values: np.ndarray, reference: np.ndarray) -> float:
    scale = np.maximum(np.abs(reference).max(axis=1, keepdims=True), 1e-300)
    return float((np.abs(values - reference) / scale).max())
