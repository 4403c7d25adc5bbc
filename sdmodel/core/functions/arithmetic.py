"""Arithmetic, logic and choices."""

from __future__ import annotations

import math
from collections.abc import Callable

from sdmodel.core.functions.aggregation import every_element
from sdmodel.core.functions.entry import Derivative, Function, Operation
from sdmodel.core.functions.operations import chain, intrinsic, routine
from sdmodel.core.functions.protocols import Build, Builder, Graph, Site, argument, arguments, at_start
from sdmodel.core.functions.values import SMALL, exp, floor, infinite_beyond, log_with, nan_outside, trunc
from sdmodel.core.functions.vector_values import gamma_ln


def _if(low: Builder, site: Site) -> int:
    return low.graph.pick(*arguments(low, site))


def _power(low: Builder, site: Site) -> int:
    return low.graph.op("pow", *arguments(low, site))


def _log(low: Builder, site: Site) -> int:
    """LOG(x, base); with a base of ten the exact decimal logarithm."""
    x, *given = arguments(low, site)
    base = given[0] if given else low.graph.const(10.0)
    if low.graph.value(base) == 10.0:
        return low.graph.op("log10", x)
    return low.graph.over(low.graph.op("ln", x), low.graph.op("ln", base))


def _xidz(low: Builder, site: Site) -> int:
    g = low.graph
    a, b, *other = arguments(low, site)
    zero = g.op("lt", g.op("abs", b), g.const(SMALL))
    return g.pick(zero, other[0] if other else g.const(0.0), g.over(a, b))


def _quantum(low: Builder, site: Site) -> int:
    x, q = arguments(low, site)
    return _whole(low, x, q)


def _whole(low: Builder, x: int, q: int) -> int:
    g = low.graph
    return g.pick(g.op("lt", q, g.const(SMALL)), x, g.times(q, g.op("trunc", g.over(x, q))))


def _modulo(low: Builder, site: Site) -> int:
    x, m = arguments(low, site)
    return low.graph.minus(x, _whole(low, x, m))


def _floored(low: Builder, site: Site) -> int:
    """XMILE's MOD: the remainder with the sign of the divisor."""
    g = low.graph
    x, m = arguments(low, site)
    return g.minus(x, g.times(m, g.op("floor", g.over(x, m))))


def _initial(low: Builder, site: Site) -> int:
    return at_start(low, site, site.call.args[0])


def _active_initial(low: Builder, site: Site) -> int:
    return argument(low, site, site.call.args[1 if site.initial else 0])


def _game(low: Builder, site: Site) -> int:
    return argument(low, site, site.call.args[0])


def _pi(low: Builder, site: Site) -> int:
    return low.graph.const(math.pi)


def _round(low: Builder, site: Site) -> int:
    """ROUND of XMILE: to the nearest whole number, halves away from zero."""
    g = low.graph
    (x,) = arguments(low, site)
    size = g.op("floor", g.plus(g.op("abs", x), g.const(0.5)))
    return g.pick(g.op("lt", x, g.const(0.0)), g.op("neg", size), size)


def _extreme(op: str) -> Build:
    """MIN and MAX: of several arguments, or in XMILE over all elements of one variable."""

    def build(low: Builder, site: Site) -> int:
        return low.fold(op, arguments(low, site) if len(site.call.args) > 1 else every_element(low, site))

    return build


# -- functions of one argument ----------------------------------------------------------------------------------
def _one(g: Graph) -> int:
    return g.const(1.0)


def _square(g: Graph, a: int) -> int:
    return g.times(a, a)


def _absolute(g: Graph, n: int, a: int, d: int) -> int:
    """To the right at 0, where the change upwards counts."""
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
    renamed: bool = False,
) -> Function:
    """A function that is a scalar operation of one argument; see `Operation` for the fields."""
    derivative: Derivative | None = None if change is None else chain(change)
    operation = Operation(op or name.replace(" ", "_"), value, lanes, derivative, weight, called, fast, flat)
    return Function(name, sentence, (1, 1), unit, operation=operation, vensim=vensim, xmile=xmile, renamed=renamed)


ELEMENTWISE = (
    _elementwise("abs", "size without sign", "u -> u", abs, intrinsic("fabs"), _absolute),
    _elementwise(
        "exp",
        "e to a power",
        "1 -> 1",
        exp,
        routine("exp"),
        lambda g, n, a, d: g.times(n, d),
        weight=30,
        called=True,
        fast=math.exp,
    ),
    _elementwise(
        "ln",
        "natural logarithm",
        "1 -> 1",
        log_with(math.log),
        routine("ln"),
        lambda g, n, a, d: g.over(d, a),
        weight=35,
        called=True,
        fast=math.log,
    ),
    _elementwise(
        "log10",
        "decimal logarithm",
        "1 -> 1",
        log_with(math.log10),
        routine("log10"),
        lambda g, n, a, d: g.over(d, g.times(a, g.const(math.log(10)))),
        weight=60,
        called=True,
        fast=math.log10,
    ),
    _elementwise(
        "sqrt",
        "square root",
        "u -> u^(1/2)",
        nan_outside(math.sqrt),
        intrinsic("sqrt"),
        lambda g, n, a, d: g.over(d, g.times(g.const(2.0), n)),
        fast=math.sqrt,
    ),
    _elementwise(
        "sin",
        "sine of radians",
        "1 -> 1",
        nan_outside(math.sin),
        routine("sin"),
        lambda g, n, a, d: g.times(d, g.op("cos", a)),
        weight=60,
        called=True,
        fast=math.sin,
    ),
    _elementwise(
        "cos",
        "cosine of radians",
        "1 -> 1",
        nan_outside(math.cos),
        routine("cos"),
        lambda g, n, a, d: g.op("neg", g.times(d, g.op("sin", a))),
        weight=60,
        called=True,
        fast=math.cos,
    ),
    _elementwise(
        "tan",
        "tangent of radians",
        "1 -> 1",
        nan_outside(math.tan),
        intrinsic("tan"),
        lambda g, n, a, d: g.times(d, g.plus(_one(g), _square(g, n))),
        weight=60,
        fast=math.tan,
    ),
    _elementwise(
        "arcsin",
        "in radians",
        "1 -> 1",
        nan_outside(math.asin),
        intrinsic("asin"),
        lambda g, n, a, d: g.over(d, g.op("sqrt", g.minus(_one(g), _square(g, a)))),
        op="asin",
        weight=60,
        fast=math.asin,
    ),
    _elementwise(
        "arccos",
        "in radians",
        "1 -> 1",
        nan_outside(math.acos),
        intrinsic("acos"),
        lambda g, n, a, d: g.op("neg", g.over(d, g.op("sqrt", g.minus(_one(g), _square(g, a))))),
        op="acos",
        weight=60,
        fast=math.acos,
    ),
    _elementwise(
        "arctan",
        "in radians",
        "1 -> 1",
        math.atan,
        intrinsic("atan"),
        lambda g, n, a, d: g.over(d, g.plus(_one(g), _square(g, a))),
        op="atan",
        weight=60,
    ),
    _elementwise(
        "sinh",
        "hyperbolic sine",
        "1 -> 1",
        infinite_beyond(math.sinh, odd=True),
        intrinsic("sinh"),
        lambda g, n, a, d: g.times(d, g.op("cosh", a)),
        weight=60,
        fast=math.sinh,
    ),
    _elementwise(
        "cosh",
        "hyperbolic cosine",
        "1 -> 1",
        infinite_beyond(math.cosh, odd=False),
        intrinsic("cosh"),
        lambda g, n, a, d: g.times(d, g.op("sinh", a)),
        weight=60,
        fast=math.cosh,
    ),
    _elementwise(
        "tanh",
        "hyperbolic tangent",
        "1 -> 1",
        math.tanh,
        routine("tanh"),
        lambda g, n, a, d: g.times(d, g.minus(_one(g), _square(g, n))),
        weight=50,
        called=True,
    ),
    _elementwise(
        "integer",
        "the whole part, towards zero",
        "u -> u",
        trunc,
        routine("trunc"),
        op="trunc",
        flat=True,
        fast=lambda x: float(math.trunc(x)),
    ),
    _elementwise(
        "floor",
        "XMILE's INT: the whole number below",
        "u -> u",
        floor,
        routine("floor"),
        flat=True,
        fast=lambda x: float(math.floor(x)),
        vensim=False,
        xmile="INT",
        renamed=True,
    ),
    _elementwise(
        "gamma ln",
        "logarithm of the gamma function",
        "1 -> 1",
        gamma_ln,
        routine("gamma_ln"),
        op="gamma_ln",
        xmile="GAMMALN",
        renamed=True,
    ),
)

ARITHMETIC = (
    *ELEMENTWISE,
    Function("power", "a base to an exponent", (2, 2), "", _power),
    Function("log", "logarithm to a base", (1, 2), "1, 1 -> 1", _log),
    Function("pi", "π", (0, 0), "-> 1", _pi),
    Function("round", "XMILE's ROUND: halves away from zero", (1, 1), "u -> u", _round, vensim=False),
    Function("quantum", "the multiple of a step below, towards zero", (2, 2), "u, u -> u", _quantum),
    Function("modulo", "the remainder, with the sign of the dividend", (2, 2), "u, u -> u", _modulo),
    Function(
        "floored modulo",
        "XMILE's `x MOD y`: the remainder with the sign of the divisor",
        (2, 2),
        "u, u -> u",
        _floored,
        vensim=False,
        xmile="MOD",
    ),
    Function(
        "min",
        "the smaller; in XMILE of any number of arguments, or of an array",
        (1, 999),
        "u, u... -> u",
        _extreme("min"),
    ),
    Function(
        "max",
        "the larger; in XMILE of any number of arguments, or of an array",
        (1, 999),
        "u, u... -> u",
        _extreme("max"),
    ),
    Function("zidz", "a quotient; 0 where the divisor is below 1e-6", (2, 2), "u, v -> u/v", _xidz),
    Function(
        "xidz", "a quotient; the third argument where the divisor is below 1e-6", (3, 3), "u, v, u/v -> u/v", _xidz
    ),
    Function(
        "if then else",
        "the arm that is not taken does not count, even if it is NaN",
        (3, 3),
        "1, u, u -> u",
        _if,
        xmile="IF ... THEN ... ELSE",
    ),
    Function("initial", "the value at the start", (1, 1), "u -> u", _initial, xmile="INIT", renamed=True),
    Function(
        "active initial",
        "a formula, and another for the start",
        (2, 2),
        "u, u -> u",
        _active_initial,
        xmile="<init_eqn>",
    ),
    Function("game", "its argument", (1, 1), "u -> u", _game),
)
