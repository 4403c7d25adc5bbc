"""Constants of a structure: their values, ranges and roles, by element."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdmodel.compile.scalars import Scalars, label
from sdmodel.core.arguments import kind
from sdmodel.core.expression import INTEGRALS, Call
from sdmodel.core.functions.values import NAN
from sdmodel.core.structure import Structure, Variable

if TYPE_CHECKING:
    import pandas as pd


def constant_values(model: Structure) -> dict[str, tuple[Variable, float]]:
    """Variable and value of every constant element of a model, by its label, in file order."""
    scalars = Scalars(model)
    out: dict[str, tuple[Variable, float]] = {}
    for variable in model.equations.values():
        if variable.kind == "constant":
            for element, (component, _) in scalars.of(variable).items():
                value = scalars.literal(variable, component, element)
                out[label(variable, element)] = (variable, NAN if value is None else value)
    return out


def stock_labels(model: Structure, variable: Variable) -> list[str]:
    """Labels of the elements of a variable that are stocks."""
    elements = [(element, component.expr) for element, (component, _) in Scalars(model).of(variable).items()]
    return [label(variable, e) for e, expr in elements if isinstance(expr, Call) and expr.name in INTEGRALS]


def constants_table(structure: Structure, *roles: str) -> pd.DataFrame:
    """Constants with one of the roles (all constants if none is given); see `Model.parameters`."""
    import pandas as pd

    for role in roles:
        kind("role", role, types=(str,), need="a role such as 'lever'")
    rows = []
    for name, (variable, value) in constant_values(structure).items():
        if not roles or variable.role in roles:
            rows.append(
                {
                    "name": name,
                    "value": value,
                    "low": variable.low,
                    "high": variable.high,
                    "unit": variable.unit,
                    "distribution": variable.distribution,
                    "role": variable.role,
                    "ids": " ".join(variable.ids),
                    "sector": variable.sector,
                    "sentence": variable.sentence,
                }
            )
    columns = ["name", "value", "low", "high", "unit", "distribution", "role", "ids", "sector", "sentence"]
    return pd.DataFrame(rows, columns=columns).set_index("name")
