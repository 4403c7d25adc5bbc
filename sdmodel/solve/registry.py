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
"""Solver of a run for which nobody chose one, where the model has a meaning at every time."""
MANY_RUNS = "exact"
"""The same for a sweep."""
ON_GRID = "rk4"
"""The same for a model that has a meaning on the TIME STEP grid only and whose file names no solver there is."""


@cache
def solvers() -> Mapping[str, Solver]:
    """Every solver by its name.

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
    """The solver of that name.

    Raises
    ------
    UnknownNameError
        If there is none; the message names those there are.
    """
    known = solvers()
    if not isinstance(name, str) or name not in known:
        raise UnknownNameError(str(name), known, "method", f"There are {', '.join(known)}.")
    return known[name]
