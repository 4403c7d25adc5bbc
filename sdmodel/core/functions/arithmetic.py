"""Arithmetic, logic and choices."""

from __future__ import annotations

import math

from sdmodel.core.functions.aggregation import every_element
from sdmodel.core.functions.elementwise import ELEMENTWISE
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Build, Builder, Site, argument, arguments, at_start
from sdmodel.core.functions.values import SMALL


def _if(low: Builder, site: Site) -> int:
    return low.graph.pick(*arguments(low, site))


def _power(low: Builder, site: Site) -> int:
    return low.graph.op("pow", *arguments(low, site))


def _log(low: Builder, site: Site) -> int:
    """LOG(x, base); uses log10 for base 10."""
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
    return low.initial(site, at_start(low, site, site.call.args[0]))


def _active_initial(low: Builder, site: Site) -> int:
    return argument(low, site, site.call.args[1 if site.initial else 0])


def _game(low: Builder, site: Site) -> int:
    return argument(low, site, site.call.args[0])


def _pi(low: Builder, site: Site) -> int:
    return low.graph.const(math.pi)


def _round(low: Builder, site: Site) -> int:
    """ROUND of XMILE: to the nearest integer, halves away from zero."""
    g = low.graph
    (x,) = arguments(low, site)
    size = g.op("floor", g.plus(g.op("abs", x), g.const(0.5)))
    return g.pick(g.op("lt", x, g.const(0.0)), g.op("neg", size), size)


def _extreme(op: str) -> Build:
    """MIN and MAX: of several arguments, or in XMILE over all elements of one variable."""

    def build(low: Builder, site: Site) -> int:
        return low.fold(op, arguments(low, site) if len(site.call.args) > 1 else every_element(low, site))

    return build


ARITHMETIC = (
    *ELEMENTWISE,
    Function("power", "a base to an exponent", (2, 2), "", _power),
    Function("log", "logarithm to a base", (1, 2), "1, 1 -> 1", _log),
    Function("pi", "π", (0, 0), "-> 1", _pi),
    Function("round", "XMILE's ROUND: halves away from zero", (1, 1), "u -> u", _round, vensim=False),
    Function("quantum", "the multiple of a step below, towards zero", (2, 2), "u, u -> u", _quantum),
    Function("modulo", "the remainder, with the sign of the dividend", (2, 2), "u, u -> u", _modulo),
    Function("floored modulo", "XMILE's `x MOD y`: the remainder with the sign of the divisor", (2, 2), "u, u -> u",
        _floored, vensim=False, xmile="MOD"),
    Function("min", "the smaller; in XMILE of any number of arguments, or of an array", (1, 999), "u, u... -> u",
        _extreme("min")),
    Function("max", "the larger; in XMILE of any number of arguments, or of an array", (1, 999), "u, u... -> u",
        _extreme("max")),
    Function("zidz", "a quotient; 0 where the divisor is below 1e-6", (2, 2), "u, v -> u/v", _xidz),
    Function("xidz", "a quotient; the third argument where the divisor is below 1e-6", (3, 3), "u, v, u/v -> u/v",
        _xidz),
    Function("if then else", "the arm that is not taken does not count, even if it is NaN", (3, 3), "1, u, u -> u", _if,
        xmile="IF ... THEN ... ELSE"),
    Function("initial", "the value at the start", (1, 1), "u -> u", _initial, xmile="INIT", renamed=True),
    Function("active initial", "a formula, and another for the start", (2, 2), "u, u -> u", _active_initial,
        xmile="<init_eqn>"),
    Function("game", "its argument", (1, 1), "u -> u", _game),
)  # fmt: skip
