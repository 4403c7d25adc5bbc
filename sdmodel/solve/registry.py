"""The registry of solvers: every module of `sdmodel.solve.solvers` holds one."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from sdmodel.core.errors import UnknownNameError
from sdmodel.core.frozen import FrozenDict
from sdmodel.solve import solvers as folder
from sdmodel.solve.solver import Solver

CONTINUOUS = "LSODA"
"""Default solver of a run, for models that do not need the TIME STEP grid."""
MANY_RUNS = "exact"
"""Default solver of a sweep, for such models."""
ON_GRID = "rk4"
"""Default solver for models that need the TIME STEP grid, if the file names no suitable one."""


@cache
def solvers() -> Mapping[str, Solver]:
    """All solvers by name.

    Examples
    --------
    >>> sorted(name for name, one in solvers().items() if one.on_grid)
    ['euler', 'rk4']
    """
    found = [
        importlib.import_module(f"sdmodel.solve.solvers.{module.name}").SOLVER
        for module in pkgutil.iter_modules(folder.__path__)
    ]
    return FrozenDict((one.name, one) for one in sorted(found, key=lambda one: (not one.adaptive, one.on_grid)))


def solver(name: str) -> Solver:
    """Solver with the given name.

    Raises
    ------
    UnknownNameError
        If there is none; the message lists the solvers.
    """
    known = solvers()
    if not isinstance(name, str) or name not in known:
        raise UnknownNameError(str(name), known, "method", f"There are {', '.join(known)}.")
    return known[name]
