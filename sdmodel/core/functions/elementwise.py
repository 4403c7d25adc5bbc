"""Functions of one number: each is a scalar operation with value, vector code, derivative and cost."""

from __future__ import annotations

import math
from collections.abc import Callable

from sdmodel.core.functions.entry import Derivative, Function, Operation
from sdmodel.core.functions.operations import chain, intrinsic, routine
from sdmodel.core.functions.protocols import Graph
from sdmodel.core.functions.values import exp, floor, infinite_beyond, log_with, nan_outside, trunc
from sdmodel.core.functions.vector_values import gamma_ln


def _one(g: Graph) -> int:
    return g.const(1.0)


def _square(g: Graph, a: int) -> int:
    return g.times(a, a)


def _absolute(g: Graph, n: int, a: int, d: int) -> int:
    """Derivative of abs; at 0, abs(d), the derivative in the direction of the change."""
    zero = g.const(0.0)
    falling = g.pick(g.op("lt", a, zero), g.op("neg", d), g.op("abs", d))
    return g.pick(g.op("gt", a, zero), d, falling)


def _elementwise(
    name: str,
    sentence: str,
    unit: str,
    value: Callable[..., float],
    lanes: Callable[..., str],
    change: Callable[[Graph, int, int, int], int] | None = None,
    *,
    op: str = "",
    weight: int = 1,
    called: bool = False,
    fast: Callable[..., float] | None = None,
    flat: bool = False,
    vensim: bool = True,
    xmile: str = "",
) -> Function:
    """Create a function that is a scalar operation of one argument; see `Operation` for the fields."""
    derivative: Derivative | None = None if change is None else chain(change)
    operation = Operation(op or name.replace(" ", "_"), value, lanes, derivative, weight, called, fast, flat)
    return Function(name, sentence, (1, 1), unit, operation=operation, vensim=vensim, xmile=xmile, renamed=bool(xmile))


ELEMENTWISE = (
    _elementwise("abs", "size without sign", "u -> u", abs, intrinsic("fabs"), _absolute),
    _elementwise("exp", "e to a power", "1 -> 1", exp, routine("exp"), lambda g, n, a, d: g.times(n, d), weight=30,
        called=True, fast=math.exp),
    _elementwise("ln", "natural logarithm", "1 -> 1", log_with(math.log), routine("ln"),
        lambda g, n, a, d: g.over(d, a), weight=35, called=True, fast=math.log),
    _elementwise("log10", "decimal logarithm", "1 -> 1", log_with(math.log10), routine("log10"),
        lambda g, n, a, d: g.over(d, g.times(a, g.const(math.log(10)))), weight=60, called=True, fast=math.log10),
    _elementwise("sqrt", "square root", "u -> u^(1/2)", nan_outside(math.sqrt), intrinsic("sqrt"),
        lambda g, n, a, d: g.over(d, g.times(g.const(2.0), n)), fast=math.sqrt),
    _elementwise("sin", "sine of radians", "1 -> 1", nan_outside(math.sin), routine("sin"),
        lambda g, n, a, d: g.times(d, g.op("cos", a)), weight=60, called=True, fast=math.sin),
    _elementwise("cos", "cosine of radians", "1 -> 1", nan_outside(math.cos), routine("cos"),
        lambda g, n, a, d: g.op("neg", g.times(d, g.op("sin", a))), weight=60, called=True, fast=math.cos),
    _elementwise("tan", "tangent of radians", "1 -> 1", nan_outside(math.tan), intrinsic("tan"),
        lambda g, n, a, d: g.times(d, g.plus(_one(g), _square(g, n))), weight=60, fast=math.tan),
    _elementwise("arcsin", "in radians", "1 -> 1", nan_outside(math.asin), intrinsic("asin"),
        lambda g, n, a, d: g.over(d, g.op("sqrt", g.minus(_one(g), _square(g, a)))), op="asin", weight=60,
        fast=math.asin),
    _elementwise("arccos", "in radians", "1 -> 1", nan_outside(math.acos), intrinsic("acos"),
        lambda g, n, a, d: g.op("neg", g.over(d, g.op("sqrt", g.minus(_one(g), _square(g, a))))), op="acos", weight=60,
        fast=math.acos),
    _elementwise("arctan", "in radians", "1 -> 1", math.atan, intrinsic("atan"),
        lambda g, n, a, d: g.over(d, g.plus(_one(g), _square(g, a))), op="atan", weight=60),
    _elementwise("sinh", "hyperbolic sine", "1 -> 1", infinite_beyond(math.sinh, odd=True), intrinsic("sinh"),
        lambda g, n, a, d: g.times(d, g.op("cosh", a)), weight=60, fast=math.sinh),
    _elementwise("cosh", "hyperbolic cosine", "1 -> 1", infinite_beyond(math.cosh, odd=False), intrinsic("cosh"),
        lambda g, n, a, d: g.times(d, g.op("sinh", a)), weight=60, fast=math.cosh),
    _elementwise("tanh", "hyperbolic tangent", "1 -> 1", math.tanh, routine("tanh"),
        lambda g, n, a, d: g.times(d, g.minus(_one(g), _square(g, n))), weight=50, called=True),
    _elementwise("integer", "the whole part, towards zero", "u -> u", trunc, routine("trunc"), op="trunc", flat=True,
        fast=lambda x: float(math.trunc(x))),
    _elementwise("floor", "XMILE's INT: the whole number below", "u -> u", floor, routine("floor"), flat=True,
        fast=lambda x: float(math.floor(x)), vensim=False, xmile="INT"),
    _elementwise("gamma ln", "logarithm of the gamma function", "1 -> 1", gamma_ln, routine("gamma_ln"), op="gamma_ln",
        xmile="GAMMALN"),
)  # fmt: skip
