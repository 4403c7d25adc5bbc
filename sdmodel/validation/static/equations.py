"""Equations that cannot be evaluated: circular ones, subscripts and arguments that do not fit."""

from __future__ import annotations

from sdmodel.core.structure import Structure, Variable
from sdmodel.validation.static.issue import Issue, issue


def check_equations(model: Structure) -> list[Issue]:
    """Equations that no run could evaluate.

    Each equation is lowered as for a run on the TIME STEP grid, which supports the whole language; nothing is run. One
    fault is one issue, however many equations depend on it.

    Returns
    -------
    list of Issue
        One error per fault; for a circular dependency, one with the loop.
    """
    from sdmodel.compile.diagnostics import faults

    out: dict[Issue, None] = {}
    for error in faults(model):
        variable, message = _place(model, str(error))
        out[issue("error", "equations", variable, message[:1].upper() + message[1:])] = None
    return list(out)


def _place(model: Structure, message: str) -> tuple[Variable, str]:
    """The variable that a message begins with, and the rest of the message."""
    for variable in model.equations.values():
        head = f"{variable.where}: '{variable.name}'"
        if message.startswith(head):
            return variable, message.removeprefix(head).lstrip(": ")
    return next(iter(model.equations.values())), message
