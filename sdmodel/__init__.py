"""System-dynamics policy models, and the engine that runs them.

Public names are loaded when they are first used, so that importing sdmodel is quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

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
    "SdmodelError": "errors",
    "errors": "",
    "plot": "",
}

if TYPE_CHECKING:
    from sdmodel import errors, plot
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
    "Model",
    "Outcome",
    "Path",
    "Run",
    "Scenario",
    "SdmodelError",
    "compose",
    "errors",
    "grid",
    "latin_hypercube",
    "load",
    "load_scenarios",
    "morris_trajectories",
    "open_sweep",
    "pair",
    "plot",
    "sobol_sequence",
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
