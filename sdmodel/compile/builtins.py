"""How functions of the language become scalar operations; those with a past: `hidden`, on vectors: `arrays`."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

from sdmodel.compile import arrays, indexing
from sdmodel.compile import memory as hidden
from sdmodel.compile.arrays import every_element
from sdmodel.compile.call_site import Site
from sdmodel.compile.functions import ELEMENTWISE, SMALL
from sdmodel.core.errors import EquationError, UnsupportedError
from sdmodel.core.expression import Expr, Ref, Table

if TYPE_CHECKING:
    from sdmodel.compile.lower import Lowering


def _args(low: Lowering, site: Site) -> list[int]:
    return [_arg(low, site, a) for a in site.call.args]


def _arg(low: Lowering, site: Site, expr: Expr) -> int:
    return low.expr(expr, site.env, site.variable, site.initial)


def _elementwise(low: Lowering, site: Site) -> int:
    return low.graph.op(ELEMENTWISE[site.call.name], *_args(low, site))


def _if(low: Lowering, site: Site) -> int:
    return low.graph.pick(*_args(low, site))


def _with_lookup(low: Lowering, site: Site) -> int:
    argument, table = site.call.args
    if not isinstance(table, Table):
        raise EquationError(f"{site.where}: WITH LOOKUP needs points.")
    return low.lookup(table, _arg(low, site, argument))


def _log(low: Lowering, site: Site) -> int:
    """LOG(x, base); with a base of ten the exact decimal logarithm."""
    x, *given = _args(low, site)
    base = given[0] if given else low.graph.const(10.0)
    if low.graph.value(base) == 10.0:
        return low.graph.op("log10", x)
    return low.graph.over(low.graph.op("ln", x), low.graph.op("ln", base))


def _xidz(low: Lowering, site: Site) -> int:
    g = low.graph
    a, b, *other = _args(low, site)
    zero = g.op("lt", g.op("abs", b), g.const(SMALL))
    return g.pick(zero, other[0] if other else g.const(0.0), g.over(a, b))


def _step(low: Lowering, site: Site) -> int:
    g = low.graph
    height, start = _args(low, site)
    return low.hold(g.pick(_from(low, site, start), height, g.const(0.0)), site.initial)


def _from(low: Lowering, site: Site, start: int) -> int:
    """Whether a date has come: half a step early on the TIME STEP grid, as Vensim has it, else exactly."""
    g = low.graph
    if not low.fixed:
        return g.op("ge", low.time(site.initial), start)
    return g.op("gt", _time_plus(low, site), start)


def _time_plus(low: Lowering, site: Site) -> int:
    """Vensim's `time plus`: Time + TIME STEP/2, which keeps rounding from deciding comparisons on the grid."""
    return low.graph.plus(low.time(site.initial), low.graph.over(low.step(site.initial), low.graph.const(2.0)))


def _ramp(low: Lowering, site: Site) -> int:
    g = low.graph
    slope, start, *end = _args(low, site)
    now = low.time(site.initial)
    until = g.op("min", end[0], now) if end else now
    begun = g.op("gt", g.plus(now, g.const(SMALL)) if low.fixed else now, start)
    return low.hold(g.pick(begun, g.times(slope, g.minus(until, start)), g.const(0.0)), site.initial)


def _pulse(low: Lowering, site: Site) -> int:
    """PULSE(start, width): 1 while Time + TIME STEP/2 (exact dates: Time) is between start and start + width."""
    start, width = _args(low, site)
    return low.hold(_one_pulse(low, site, start, _at_least_a_step(low, site, width)), site.initial)


def _at_least_a_step(low: Lowering, site: Site, width: int) -> int:
    """The width of a pulse; Vensim takes a width of 0 for one TIME STEP."""
    g = low.graph
    if g.value(width) not in (None, 0.0):
        return width
    zero = g.const(0.0)
    nothing = g.op("and", g.op("ge", width, zero), g.op("le", width, zero))
    return g.pick(nothing, low.step(site.initial), width)


def _one_pulse(low: Lowering, site: Site, start: int, width: int) -> int:
    g = low.graph
    now = low.time(site.initial)
    end = g.plus(start, width)
    if low.fixed:
        plus = _time_plus(low, site)
        running = g.op("and", g.op("gt", plus, start), g.op("lt", plus, end))
    else:
        running = g.op("and", g.op("ge", now, start), g.op("lt", now, end))
    return g.pick(running, g.const(1.0), g.const(0.0))


def _pulse_train(low: Lowering, site: Site) -> int:
    """PULSE TRAIN(start, width, interval, end): the pulse of every interval, up to and with the time `end`."""
    g = low.graph
    start, width, interval, end = _args(low, site)
    width = _at_least_a_step(low, site, width)
    now = low.time(site.initial)
    if low.fixed:
        width = g.op("max", width, low.step(site.initial))
        since = g.minus(_time_plus(low, site), start)
        before = g.minus(g.op("neg", g.op("floor", g.op("neg", g.over(since, interval)))), g.const(1.0))
        phase = g.minus(since, g.times(interval, before))  # above 0, at most one interval
        inside = g.op("and", g.op("gt", since, g.const(0.0)), g.op("le", now, g.plus(end, g.const(SMALL))))
    else:
        since = g.minus(now, start)
        phase = g.minus(since, g.times(interval, g.op("floor", g.over(since, interval))))
        inside = g.op("and", g.op("ge", now, start), g.op("lt", now, end))
    train = g.pick(g.op("and", inside, g.op("lt", phase, width)), g.const(1.0), g.const(0.0))
    single = g.op("eq", interval, g.const(0.0))
    return low.hold(g.pick(single, _one_pulse(low, site, start, width), train), site.initial)


def _quantum(low: Lowering, site: Site) -> int:
    x, q = _args(low, site)
    return _whole(low, x, q)


def _whole(low: Lowering, x: int, q: int) -> int:
    g = low.graph
    return g.pick(g.op("lt", q, g.const(SMALL)), x, g.times(q, g.op("trunc", g.over(x, q))))


def _modulo(low: Lowering, site: Site) -> int:
    x, m = _args(low, site)
    return low.graph.minus(x, _whole(low, x, m))


def _floored(low: Lowering, site: Site) -> int:
    """XMILE's MOD: the remainder with the sign of the divisor."""
    g = low.graph
    x, m = _args(low, site)
    return g.minus(x, g.times(m, g.op("floor", g.over(x, m))))


def _initial(low: Lowering, site: Site) -> int:
    return low.expr(site.call.args[0], site.env, site.variable, True)


def _active_initial(low: Lowering, site: Site) -> int:
    return _arg(low, site, site.call.args[1 if site.initial else 0])


def _game(low: Lowering, site: Site) -> int:
    return _arg(low, site, site.call.args[0])


def _time_value(low: Lowering, site: Site) -> int:
    """GET TIME VALUE(0, offset, 0): Time and an offset; what needs a calendar or the clock is refused."""
    relative = low.number(site.call.args[0], site, "the first argument of GET TIME VALUE")
    measure = low.number(site.call.args[2], site, "the third argument of GET TIME VALUE")
    if (relative, measure) != (0.0, 0.0):
        raise UnsupportedError(
            f"{site.where}: GET TIME VALUE({relative:g}, ..., {measure:g}) needs a calendar or the computer's clock; "
            "only GET TIME VALUE(0, offset, 0) is supported."
        )
    return low.graph.plus(low.time(site.initial), _arg(low, site, site.call.args[1]))


def _lookup_as(kind: str) -> Callable[[Lowering, Site], int]:
    """LOOKUP EXTRAPOLATE, FORWARD and BACKWARD (lookup, x)."""

    def build(low: Lowering, site: Site) -> int:
        table = _table(low, site)
        return low.lookup(dataclasses.replace(table, kind=kind), _arg(low, site, site.call.args[1]))

    return build


def _lookup_invert(low: Lowering, site: Site) -> int:
    """LOOKUP INVERT(lookup, y): the x at which a rising or falling lookup has the value y."""
    table = _table(low, site)
    pairs = sorted(zip(table.y, table.x, strict=True))
    y, x = zip(*pairs, strict=True)
    if any(b <= a for a, b in pairwise(y)) or list(x) not in (sorted(x), sorted(x, reverse=True)):
        raise EquationError(f"{site.where}: LOOKUP INVERT needs a lookup that rises or falls all the way.")
    return low.lookup(Table(tuple(y), tuple(x)), _arg(low, site, site.call.args[1]))


def _table(low: Lowering, site: Site) -> Table:
    ref = site.call.args[0]
    if isinstance(ref, Table):
        return ref
    if not isinstance(ref, Ref):
        raise EquationError(f"{site.where}: the first argument of {site.call.name.upper()} must be a lookup.")
    return low.table(ref, site.env, site.where)


def _xpulse(low: Lowering, site: Site) -> int:
    """XMILE's PULSE(magnitude, start[, interval]), here as (start[, interval], magnitude): magnitude in one step.

    On the TIME STEP grid it is the step whose middle is the first at or after the date.
    """
    g = low.graph
    start, *interval, magnitude = _args(low, site)
    step = low.step(site.initial)
    since = g.minus(_time_plus(low, site) if low.fixed else low.time(site.initial), start)
    begun = g.op("ge", since, g.const(0.0))
    fires = g.op("lt", since, step)
    if interval:
        phase = g.minus(since, g.times(interval[0], g.op("floor", g.over(since, interval[0]))))
        fires = g.pick(g.op("eq", interval[0], g.const(0.0)), fires, g.op("lt", phase, step))
    return low.hold(g.pick(g.op("and", begun, fires), g.over(magnitude, step), g.const(0.0)), site.initial)


def _pi(low: Lowering, site: Site) -> int:
    return low.graph.const(math.pi)


def _floor(low: Lowering, site: Site) -> int:
    return low.graph.op("floor", *_args(low, site))


def _round(low: Lowering, site: Site) -> int:
    """ROUND of XMILE: to the nearest whole number, halves away from zero."""
    g = low.graph
    (x,) = _args(low, site)
    size = g.op("floor", g.plus(g.op("abs", x), g.const(0.5)))
    return g.pick(g.op("lt", x, g.const(0.0)), g.op("neg", size), size)


__all__ = ["LOWERED", "Site", "every_element"]

Build = Callable[["Lowering", Site], int]

LOWERED: dict[str, tuple[int, int, Build]] = {
    **dict.fromkeys(ELEMENTWISE, (1, 1, _elementwise)),
    "min": (1, 999, arrays.whole("min")),
    "max": (1, 999, arrays.whole("max")),
    "power": (2, 2, _elementwise),
    "if then else": (3, 3, _if),
    "with lookup": (2, 2, _with_lookup),
    "lookup extrapolate": (2, 2, _lookup_as("extrapolate")),
    "lookup forward": (2, 2, _lookup_as("look_forward")),
    "lookup backward": (2, 2, _lookup_as("hold_backward")),
    "lookup invert": (2, 2, _lookup_invert),
    "log": (1, 2, _log),
    "zidz": (2, 2, _xidz),
    "xidz": (3, 3, _xidz),
    "pi": (0, 0, _pi),
    "floor": (1, 1, _floor),
    "round": (1, 1, _round),
    "step": (2, 2, _step),
    "ramp": (2, 3, _ramp),
    "xramp": (2, 2, _ramp),
    "pulse": (2, 2, _pulse),
    "pulse train": (4, 4, _pulse_train),
    "xpulse": (2, 2, _xpulse),
    "xpulse train": (3, 3, _xpulse),
    "get time value": (3, 3, _time_value),
    "quantum": (2, 2, _quantum),
    "modulo": (2, 2, _modulo),
    "floored modulo": (2, 2, _floored),
    "initial": (1, 1, _initial),
    "active initial": (2, 2, _active_initial),
    "game": (1, 1, _game),
    "element at": (3, 99, indexing.element_at),
    "array rank": (2, 3, indexing.rank),
    "elmcount": (1, 1, arrays.count),
    "vector select": (5, 5, arrays.select),
    "vector sort order": (2, 2, arrays.sorting("sort_order")),
    "vector rank": (2, 2, arrays.sorting("rank")),
    "vector reorder": (2, 2, arrays.reorder),
    "vector elm map": (2, 2, arrays.element_map),
    "invert matrix": (1, 2, arrays.invert),
    "allocate available": (3, 3, arrays.allocate_available),
    "allocate by priority": (5, 5, arrays.allocate_by_priority),
    "integ": (2, 2, hidden.integ),
    "smooth": (2, 2, hidden.smooth(1, False)),
    "smoothi": (3, 3, hidden.smooth(1, True)),
    "smooth3": (2, 2, hidden.smooth(3, False)),
    "smooth3i": (3, 3, hidden.smooth(3, True)),
    "smooth n": (4, 4, hidden.smooth(0, True)),
    "delay1": (2, 2, hidden.delay(1, False)),
    "delay1i": (3, 3, hidden.delay(1, True)),
    "delay3": (2, 2, hidden.delay(3, False)),
    "delay3i": (3, 3, hidden.delay(3, True)),
    "delay n": (4, 4, hidden.delay(0, True)),
    "delay fixed": (3, 3, hidden.delay_fixed),
    "previous": (2, 2, hidden.previous),
    "sample if true": (3, 3, hidden.sample_if_true),
    "trend": (3, 3, hidden.trend),
    "forecast": (3, 4, hidden.forecast),
    "random 0 1": (0, 0, hidden.uniform),
    "random uniform": (2, 3, hidden.uniform),
    "random normal": (4, 5, hidden.normal),
    "random exponential": (4, 5, hidden.exponential),
    "poisson": (1, 2, hidden.poisson),
}
"""Function name to least and most number of arguments and what makes its node."""
