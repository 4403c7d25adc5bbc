"""Collect every error that prevents the equations from being lowered, not only the first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from sdmodel.compile.constants import room_for_recursion
from sdmodel.compile.lower import Lowering
from sdmodel.core.errors import EquationError, SdmodelError
from sdmodel.core.structure import Structure, Variable


def refuse_circle(model: Structure, name: str) -> None:
    """Raise EquationError if an equation that reads its own variable does so without a stock or memory between."""
    variable = model[name]
    if variable.key in variable.reads():
        low = Lowering(model, True, {})
        with room_for_recursion():
            for element in low.scalars.of(variable):
                low.element(variable, element, False)


def faults(model: Structure) -> list[SdmodelError]:
    """Errors met while lowering the equations of a model for the TIME STEP grid, without duplicates."""
    low = Lowering(model, True, {})
    found: list[SdmodelError] = []

    def attempt(step: Callable[[], object]) -> None:
        try:
            step()
        except SdmodelError as error:
            if error not in found:
                found.append(error)

    def whole(variable: Variable) -> None:
        for element in low.scalars.of(variable):
            attempt(partial(low.element, variable, element, False))

    with room_for_recursion():
        for variable in model.equations.values():
            if variable.kind != "lookup":
                attempt(partial(whole, variable))
            while low.afterwards:
                attempt(low.afterwards.pop())
        for condition, complaint in low.requirements.items():
            if low.peek(condition) == 0:
                found.append(EquationError(f"{complaint}."))
    return found
