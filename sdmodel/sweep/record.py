"""The run record: the information needed to repeat a sweep, stored in the attributes of its result."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np

from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.design.tables import Rows
from sdmodel.sweep.identity import identity
from sdmodel.sweep.plan import Plan


def run_record(model: Structure, scenario: Scenario, design: Rows, plan: Plan, instructions: str) -> dict[str, Any]:
    """Identity of a sweep (see `sdmodel.sweep.identity`), with names and versions for information."""
    import scipy

    from sdmodel.core.version import __version__

    return {
        "model": model.name,
        "model_hash": model.fingerprint,
        "scenario": scenario.name,
        "runs": plan.runs,
        "sampler": str(design.attrs.get("sampler", "given")),
        "rng": str(design.attrs.get("rng", "none")),
        "dates": _dates(plan),
        **identity(plan, design, instructions),
        "sdmodel": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "system": platform.system(),
    }


def _dates(plan: Plan) -> str:
    if not plan.solver.on_grid:
        return "exact"
    return f"on the TIME STEP grid{': ' if plan.grid_reason else ''}{plan.grid_reason}"
