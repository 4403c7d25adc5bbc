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
TIGHT, LONGER_STEPS = 1e-10, 1e-7
"""Relative tolerance of scipy, and with longer steps; of a sweep with a tolerance, a hundredth of that."""
HALVED = 64
"""Smallest number of runs with longer steps that are repeated with half of TIME STEP; scipy then repeats a third of
those asked for, since what is in doubt are the steps."""
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
        Number of runs that are repeated; with longer steps see `HALVED`.

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
    tight, bound = TIGHT if plan.grid is None else LONGER_STEPS, BOUND
    if plan.rtol is not None:
        tight, bound = max(TIGHT, plan.rtol / 100), plan.rtol
    rng = np.random.default_rng(int(record["design_hash"], 16))
    by_half, by_scipy = (sample, sample) if plan.grid is None else (max(sample, HALVED), -(-sample // 3))
    rows = list(map(int, rng.choice(plan.runs, min(by_half, plan.runs), replace=False)))
    kept = {row: (values, solved) for row in rows for values, status, solved in [values_of(row)] if status == FINE}
    references: dict[str, dict[int, np.ndarray]] = {"scipy": {}, "half_step": _half_steps(plan, kept)}
    if plan.runs >= LEAST_RUNS:
        references["scipy"] = _by_scipy(plan, [row for row in rows[:by_scipy] if row in kept], tight)
    repeated = {row for of_rows in references.values() for row in of_rows}
    if not repeated:
        return {"certificate": "none: no run of the sample could be repeated"}
    out: dict[str, Any] = {"certificate_runs": len(repeated)}
    words: list[str] = []
    worst_of_all = 0.0, ""
    names = {
        "scipy": f"scipy at rtol {tight:g}",
        "half_step": "half the step" if plan.grid is None else "half of TIME STEP",
    }
    for way, of_rows in references.items():
        if of_rows:
            apart = {row: distance(plan.units, kept[row][0], reference) for row, reference in of_rows.items()}
            worst = max((float(one.max()), plan.labels[int(one.argmax())]) for one in apart.values())
            worst_of_all = max(worst, worst_of_all)
            out[f"certificate_{way}"] = worst[0]
            number = "" if words and len(of_rows) == len(references["scipy"]) else f"{len(of_rows)} "
            runs = "" if words else "random runs differ "
            words.append(f"{number}{runs}by at most {_words(worst)} from {names[way]}")
    out["certificate"] = f"{' and '.join(words)}, relative to the largest value of the output in its run"
    if worst_of_all[0] > bound:
        warnings.warn(
            f"Runs of this sweep may be off by {_words(worst_of_all)}: {out['certificate']}. Use a shorter TIME STEP, "
            "or method='LSODA'.",
            ResultWarning,
            stacklevel=2,
        )
    return out


def _by_scipy(plan: Plan, rows: list[int], rtol: float) -> dict[int, np.ndarray]:
    """Values of rows solved with scipy, (outputs, times), where that is possible."""
    found = {}
    for row in rows:
        p = plan.parameters(row, row + 1)[0]
        found[row] = one_run(plan, python_of(plan), p, row, method=CONTINUOUS, rtol=rtol).values
    return {row: values for row, values in found.items() if values is not None}


def _half_steps(plan: Plan, kept: dict[int, tuple[np.ndarray, int]]) -> dict[int, np.ndarray]:
    """Values of rows solved with half their step, (outputs, times), where that is possible."""
    found: dict[int, np.ndarray] = {}
    if plan.engine == "kernel" and "TIME STEP" in plan.program.parameters:
        for solved in {solved for _, solved in kept.values()} - {BY_SCIPY}:
            rows = [row for row in kept if kept[row][1] == solved]
            values, status = halved(plan, np.array(rows), solved + 1)
            found.update({row: values[i] for i, row in enumerate(rows) if status[i] == FINE})
    return found


def _words(worst: tuple[float, str]) -> str:
    return f"{worst[0]:.1e} (in '{worst[1]}')"
