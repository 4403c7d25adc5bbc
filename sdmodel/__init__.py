"""System-dynamics policy models, and the engine that runs them.

Public names are loaded when they are first used, so that importing sdmodel is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sdmodel.core.plotting import provide
from sdmodel.core.resources import CheckoutFinder
from sdmodel.core.version import __version__

CheckoutFinder.install()
provide(lambda: import_module("sdmodel.plot"))

_HOMES = {
    "load": "model",
    "compose": "model",
    "Model": "model",
    "Run": "core.run",
    "State": "core.state",
    "Stepper": "solve.stepper",
    "Scenario": "core.scenario",
    "Schedule": "core.schedule",
    "Path": "core.schedule",
    "load_scenarios": "io.scenarios",
    "grid": "design.tables",
    "latin_hypercube": "design.samplers",
    "pair": "design.tables",
    "sobol_sequence": "design.samplers",
    "morris_trajectories": "design.samplers",
    "open_sweep": "sweep.open_store",
    "Outcome": "core.outcome",
    "optimise": "analysis.optimization.optimize",
    "pareto": "analysis.optimization.pareto",
    "nondominated": "analysis.optimization.pareto",
    "basins": "analysis.equilibria.equilibria",
    "discover": "analysis.discovery.discover",
    "equilibria": "analysis.equilibria.equilibria",
    "folds": "analysis.equilibria.continuation",
    "hysteresis": "analysis.equilibria.continuation",
    "trigger": "analysis.triggers",
    "solve_lever": "analysis.thresholds",
    "threshold": "analysis.thresholds",
    "sobol": "analysis.sensitivity.sobol",
    "sobol_blocks": "analysis.sensitivity.designs",
    "one_at_a_time": "analysis.sensitivity.designs",
    "morris": "analysis.sensitivity.screening",
    "tornado": "analysis.sensitivity.screening",
    "gradient": "analysis.gradients.gradient",
    "calibrate": "analysis.calibration.calibrate",
    "Calibration": "analysis.calibration.calibration",
    "history_match": "analysis.calibration.history_matching",
    "compare": "analysis.compare",
    "SdmodelError": "core.errors",
}
_MODULES = {"errors": "errors", "plot": "plot"}

if TYPE_CHECKING:
    from sdmodel import errors, plot
    from sdmodel.analysis.calibration.calibrate import calibrate
    from sdmodel.analysis.calibration.calibration import Calibration
    from sdmodel.analysis.calibration.history_matching import history_match
    from sdmodel.analysis.compare import compare
    from sdmodel.analysis.discovery.discover import discover
    from sdmodel.analysis.equilibria.continuation import folds, hysteresis
    from sdmodel.analysis.equilibria.equilibria import basins, equilibria
    from sdmodel.analysis.gradients.gradient import gradient
    from sdmodel.analysis.optimization.optimize import optimise
    from sdmodel.analysis.optimization.pareto import nondominated, pareto
    from sdmodel.analysis.sensitivity.designs import one_at_a_time, sobol_blocks
    from sdmodel.analysis.sensitivity.screening import morris, tornado
    from sdmodel.analysis.sensitivity.sobol import sobol
    from sdmodel.analysis.thresholds import solve_lever, threshold
    from sdmodel.analysis.triggers import trigger
    from sdmodel.core.errors import SdmodelError
    from sdmodel.core.outcome import Outcome
    from sdmodel.core.run import Run
    from sdmodel.core.scenario import Scenario
    from sdmodel.core.schedule import Path, Schedule
    from sdmodel.core.state import State
    from sdmodel.design.samplers import latin_hypercube, morris_trajectories, sobol_sequence
    from sdmodel.design.tables import grid, pair
    from sdmodel.io.scenarios import load_scenarios
    from sdmodel.model import Model, compose, load
    from sdmodel.solve.stepper import Stepper
    from sdmodel.sweep.open_store import open_sweep

__all__ = [
    "Calibration",
    "Model",
    "Outcome",
    "Path",
    "Run",
    "Scenario",
    "Schedule",
    "SdmodelError",
    "State",
    "Stepper",
    "__version__",
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
    if name in _MODULES:
        value = import_module(f"sdmodel.{_MODULES[name]}")
    elif name in _HOMES:
        value = getattr(import_module(f"sdmodel.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'sdmodel' has no attribute '{name}'")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
