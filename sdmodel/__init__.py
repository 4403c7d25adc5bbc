"""System-dynamics policy models, and the engine that runs them.

Public names are loaded when they are first used, so that importing sdmodel is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sdmodel.paths import CheckoutFinder

CheckoutFinder.install()

__version__ = "0.1.0"

_WHERE = {
    "load": "read",
    "compose": "composition",
    "Model": "model",
    "Run": "run",
    "Scenario": "scenario",
    "Path": "scenario",
    "load_scenarios": "scenario",
    "grid": "design",
    "latin_hypercube": "design",
    "pair": "design",
    "sobol_sequence": "design",
    "morris_trajectories": "design",
    "open_sweep": "sweep",
    "Outcome": "outcome",
    "optimise": "analysis.policies",
    "pareto": "analysis.fronts",
    "nondominated": "analysis.fronts",
    "basins": "analysis.rests",
    "discover": "analysis.boxes",
    "equilibria": "analysis.rests",
    "folds": "analysis.tipping",
    "hysteresis": "analysis.tipping",
    "trigger": "analysis.latches",
    "solve_lever": "analysis.crossings",
    "threshold": "analysis.crossings",
    "sobol": "analysis.sensitivity",
    "sobol_blocks": "analysis.blocks",
    "one_at_a_time": "analysis.blocks",
    "morris": "analysis.screening",
    "tornado": "analysis.screening",
    "gradient": "analysis.gradients",
    "calibrate": "analysis.fit",
    "Calibration": "analysis.calibration",
    "history_match": "analysis.history",
    "compare": "analysis.differences",
    "SdmodelError": "errors",
    "errors": "",
    "plot": "",
}

if TYPE_CHECKING:
    from sdmodel import errors, plot
    from sdmodel.analysis.blocks import one_at_a_time, sobol_blocks
    from sdmodel.analysis.boxes import discover
    from sdmodel.analysis.calibration import Calibration
    from sdmodel.analysis.crossings import solve_lever, threshold
    from sdmodel.analysis.differences import compare
    from sdmodel.analysis.fit import calibrate
    from sdmodel.analysis.fronts import nondominated, pareto
    from sdmodel.analysis.gradients import gradient
    from sdmodel.analysis.history import history_match
    from sdmodel.analysis.latches import trigger
    from sdmodel.analysis.policies import optimise
    from sdmodel.analysis.rests import basins, equilibria
    from sdmodel.analysis.screening import morris, tornado
    from sdmodel.analysis.sensitivity import sobol
    from sdmodel.analysis.tipping import folds, hysteresis
    from sdmodel.composition import compose
    from sdmodel.design import grid, latin_hypercube, morris_trajectories, pair, sobol_sequence
    from sdmodel.errors import SdmodelError
    from sdmodel.model import Model
    from sdmodel.outcome import Outcome
    from sdmodel.read import load
    from sdmodel.run import Run
    from sdmodel.scenario import Path, Scenario, load_scenarios
    from sdmodel.sweep import open_sweep

__all__ = [
    "Calibration",
    "Model",
    "Outcome",
    "Path",
    "Run",
    "Scenario",
    "SdmodelError",
    "basins",
    "calibrate",
    "compare",
    "compose",
    "discover",
    "equilibria",
    "errors",
    "folds",
    "gradient",
    "grid",
    "history_match",
    "hysteresis",
    "latin_hypercube",
    "load",
    "load_scenarios",
    "morris",
    "morris_trajectories",
    "nondominated",
    "one_at_a_time",
    "open_sweep",
    "optimise",
    "pair",
    "pareto",
    "plot",
    "sobol",
    "sobol_blocks",
    "sobol_sequence",
    "solve_lever",
    "threshold",
    "tornado",
    "trigger",
]


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'sdmodel' has no attribute '{name}'")
    home = _WHERE[name]
    value = getattr(import_module(f"sdmodel.{home}"), name) if home else import_module(f"sdmodel.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
