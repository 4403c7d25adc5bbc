"""The error certificate: a sample of runs is repeated with scipy at a tight tolerance, and with the step halved."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from sdmodel.core.errors import ResultWarning
from sdmodel.solve.registry import CONTINUOUS
from sdmodel.sweep.engines import FINE, one_run, python_of
from sdmodel.sweep.plan import Plan
from sdmodel.sweep.refinement import BY_SCIPY, distance, halved

LEAST_RUNS = 64
"""Smaller sweeps are checked with half the step only: scipy would take longer than the sweep."""
TIGHT = 1e-10
"""Relative tolerance of scipy; of a sweep with a tolerance, a hundredth of it."""
BOUND = 1e-3
"""Relative difference above which a ResultWarning is issued, where the sweep has no tolerance."""


def certify(
    plan: Plan, record: dict[str, Any], values_of: Callable[[int], tuple[np.ndarray, int, int]], sample: int
) -> dict[str, Any]:
    """Largest relative differences of a random sample of a sweep's runs.

    Parameters
    ----------
    plan, record
        The sweep; the sample is seeded by the hash of its design, so it does not depend on workers or store.
    values_of
        Values (outputs, times) and status of a row, and how often its step was halved (or `BY_SCIPY`).
    sample
        Number of runs that are repeated.

    Returns
    -------
    dict
        `certificate` (a sentence), `certificate_runs`, `certificate_scipy` and `certificate_half_step`: the largest
        difference over all outputs and times, as `sdmodel.sweep.refinement.distance` measures it.

    Warns
    -----
    ResultWarning
        If a difference is above the tolerance of the sweep, or else `BOUND`.
    """
    if plan.solver.on_grid or plan.solver.adaptive:
        return {"certificate": f"none: the steps of {plan.method} are the meaning of the run"}
    if sample < 1:
        return {"certificate": "none: not asked for"}
    tight, bound = (TIGHT, BOUND) if plan.rtol is None else (max(TIGHT, plan.rtol / 100), plan.rtol)
    rng = np.random.default_rng(int(record["design_hash"], 16))
    rows = np.sort(rng.choice(plan.runs, min(sample, plan.runs), replace=False))
    found: dict[str, list[tuple[float, str]]] = {"scipy": [], "half_step": []}
    repeated = 0
    for row in map(int, rows):
        values, status, solved = values_of(row)
        if status != FINE:
            continue
        references = {"half_step": _half_step(plan, row, solved)}
        if plan.runs >= LEAST_RUNS:
            p = plan.parameters(row, row + 1)[0]
            references["scipy"] = one_run(plan, python_of(plan), p, row, method=CONTINUOUS, rtol=tight).values
        for way, reference in references.items():
            if reference is not None:
                apart = distance(plan.units, values, reference)
                worst = int(apart.argmax())
                found[way].append((float(apart[worst]), plan.labels[worst]))
        repeated += any(reference is not None for reference in references.values())
    if not repeated:
        return {"certificate": "none: no run of the sample could be repeated"}
    out: dict[str, Any] = {"certificate_runs": repeated}
    words = []
    names = {
        "scipy": f"scipy at rtol {tight:g}",
        "half_step": "half the step" if plan.grid is None else "half of TIME STEP",
    }
    for way, differences in found.items():
        if differences:
            out[f"certificate_{way}"] = max(differences)[0]
            words.append(f"by at most {_words(max(differences))} from {names[way]}")
    out["certificate"] = (
        f"{repeated} random runs differ {' and '.join(words)}, relative to the largest value of the output in its run"
    )
    worst_of_all = max(max(differences) for differences in found.values() if differences)
    if worst_of_all[0] > bound:
        warnings.warn(
            f"Runs of this sweep may be off by {_words(worst_of_all)}: {out['certificate']}. Use a shorter TIME STEP, "
            "or method='LSODA'.",
            ResultWarning,
            stacklevel=2,
        )
    return out


def _half_step(plan: Plan, row: int, solved: int) -> np.ndarray | None:
    """Values of a row solved with half its step, (outputs, times); None if that is not possible."""
    if solved == BY_SCIPY or plan.engine != "kernel" or "TIME STEP" not in plan.program.parameters:
        return None
    values, status = halved(plan, np.array([row]), solved + 1)
    return None if status[0] != FINE else values[0]


def _words(worst: tuple[float, str]) -> str:
    return f"{worst[0]:.1e} (in '{worst[1]}')"
