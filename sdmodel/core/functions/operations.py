"""Operators as scalar operations, and helpers for operations of one argument."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from sdmodel.core.functions.entry import Derivative, Operation
from sdmodel.core.functions.protocols import Graph, Lanes
from sdmodel.core.functions.values import divide, maximum, minimum, power

COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
LOGIC = frozenset({"and", "or", "not"})


def intrinsic(name: str) -> Callable[[Lanes, str], str]:
    """Vector code of an operation that is an LLVM intrinsic."""
    return lambda lanes, x: lanes.intrinsic(name, x)


def routine(name: str) -> Callable[..., str]:
    """Vector code of an operation that is a routine of the engine."""
    return lambda lanes, *args: lanes.routine(name, *args)


def chain(rule: Callable[[Graph, int, int, int], int]) -> Derivative:
    """Derivative of an operation of one argument, from `rule(graph, node, argument, derivative of the argument)`."""

    def derivative(g: Graph, node: int, args: Sequence[int], changes: Sequence[int]) -> int:
        return rule(g, node, args[0], changes[0])

    return derivative


OPERATORS = (
    Operation("add", lambda a, b: a + b, lambda b, x, y: b.add(x, y)),
    Operation("sub", lambda a, b: a - b, lambda b, x, y: b.sub(x, y)),
    Operation("mul", lambda a, b: a * b, lambda b, x, y: b.mul(x, y)),
    Operation("div", divide, lambda b, x, y: b.div(x, y), weight=2),
    Operation("neg", lambda a: -a, lambda b, x: b.neg(x), chain(lambda g, n, a, d: g.op("neg", d))),
    Operation("pow", power, routine("pow"), weight=60, called=True, fast=math.pow),
    Operation("min", minimum, routine("min"), weight=3),
    Operation("max", maximum, routine("max"), weight=3),
    Operation("lt", lambda a, b: float(a < b), flat=True),  # the engines write comparisons and logic themselves
    Operation("le", lambda a, b: float(a <= b), flat=True),
    Operation("gt", lambda a, b: float(a > b), flat=True),
    Operation("ge", lambda a, b: float(a >= b), flat=True),
    Operation("eq", lambda a, b: float(a == b), flat=True),
    Operation("ne", lambda a, b: float(a != b), flat=True),
    Operation("and", lambda a, b: float(a != 0 and b != 0), flat=True),
    Operation("or", lambda a, b: float(a != 0 or b != 0), flat=True),
    Operation("not", lambda a: float(a == 0), flat=True),
    Operation("select", lambda c, a, b: a if c != 0 else b),
)
"""Operations from which operators and other functions are built."""
