"""Models of tests: the text of a small file, and variables without one."""

from __future__ import annotations

from typing import Any

from sdmodel.core.expression import Array, Expr, Number
from sdmodel.core.structure import Component, Variable
from sdmodel.model import Model

TEMPLATE = """{{UTF-8}}
{equations}

INITIAL TIME = {start} ~ Year ~ First time. |
FINAL TIME = {end} ~ Year ~ Last time. |
TIME STEP = {step} ~ Year ~ Step of fixed-step runs. |
SAVEPER = {saveper} ~ Year ~ Time between saved values. |
"""


def variable(name: str, *exprs: Expr, **more: Any) -> Variable:
    """A variable without a file: a constant if its first expression is a number."""
    kind = "constant" if isinstance(exprs[0], (Number, Array)) else "auxiliary"
    given = {"kind": kind, "unit": "Dmnl", "file": "m.mdl", "line": 7} | more
    return Variable(name, components=tuple(Component((), (), e) for e in exprs), **given)


def model(*variables: Variable, **more: Any) -> Model:
    """A model of such variables."""
    return Model("m", {v.key: v for v in variables}, **more)
