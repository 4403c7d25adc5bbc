"""Equations that cannot be worked out: circular ones, subscripts and arguments that do not fit."""

from __future__ import annotations

from sdmodel.core.structure import Structure, Variable
from sdmodel.validation.static.issue import Finding, finding


def check_equations(model: Structure) -> list[Finding]:
    """Equations that no run could work out.

    Each equation is made ready as for a run (on the TIME STEP grid, where the whole language has a meaning), and
    nothing is run. One fault is one finding, however many equations need the faulty one.

    Returns
    -------
    list of Finding
        One error for each fault; of equations that need each other, one with the loop spelled out.
    """
    from sdmodel.compile.diagnostics import faults

    out: dict[Finding, None] = {}
    for error in faults(model):
        variable, message = _place(model, str(error))
        out[finding("error", "equations", variable, message[:1].upper() + message[1:])] = None
    return list(out)


def _place(model: Structure, message: str) -> tuple[Variable, str]:
    """The variable that a message begins with, and the rest of the message."""
    for variable in model.equations.values():
        head = f"{variable.where}: '{variable.name}'"
        if message.startswith(head):
            return variable, message.removeprefix(head).lstrip(": ")
    return next(iter(model.equations.values())), message
