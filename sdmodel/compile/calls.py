"""How each function of the language becomes scalar operations and hidden states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdmodel.compile.functions import ELEMENTWISE, SMALL
from sdmodel.compile.program import State
from sdmodel.compile.scalars import Env
from sdmodel.errors import EquationError
from sdmodel.expression import Call, Expr, Table
from sdmodel.model import Variable

if TYPE_CHECKING:
    from sdmodel.compile.lower import Lowering

MAX_ORDER = 500


@dataclass(frozen=True, slots=True)
class Site:
    """A call and where it stands."""

    call: Call
    env: Env
    variable: Variable
    initial: bool
    where: str


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
    x, base = _args(low, site)
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
    return g.pick(_from(low, site, start), height, g.const(0.0))


def _from(low: Lowering, site: Site, start: int) -> int:
    """Whether a date has come: half a step early on the TIME STEP grid, as Vensim has it, else exactly."""
    g = low.graph
    now = low.time(site.initial)
    if not low.fixed:
        return g.op("ge", now, start)
    return g.op("gt", g.plus(now, g.over(low._control("time step"), g.const(2.0))), start)


def _ramp(low: Lowering, site: Site) -> int:
    g = low.graph
    slope, start, *end = _args(low, site)
    now = low.time(site.initial)
    until = g.op("min", end[0], now) if end else now
    begun = g.op("gt", g.plus(now, g.const(SMALL)) if low.fixed else now, start)
    return g.pick(begun, g.times(slope, g.minus(until, start)), g.const(0.0))


def _pulse(low: Lowering, site: Site) -> int:
    start, width = _args(low, site)
    return _one_pulse(low, site, start, width)


def _one_pulse(low: Lowering, site: Site, start: int, width: int) -> int:
    g = low.graph
    now = low.time(site.initial)
    begun = g.op("ge", now, g.minus(start, g.const(SMALL)) if low.fixed else start)
    running = g.op("lt", now, g.plus(start, width))
    return g.pick(g.op("and", begun, running), g.const(1.0), g.const(0.0))


def _pulse_train(low: Lowering, site: Site) -> int:
    """PULSE TRAIN(start, width, interval, end)."""
    g = low.graph
    start, width, interval, end = _args(low, site)
    now = low.time(site.initial)
    since = g.minus(now, start)
    since = g.plus(since, g.const(SMALL)) if low.fixed else since
    phase = g.minus(since, g.times(interval, g.op("floor", g.over(since, interval))))
    inside = g.op("and", g.op("ge", now, start), g.op("lt", now, end))
    train = g.pick(g.op("and", inside, g.op("lt", phase, width)), g.const(1.0), g.const(0.0))
    return g.pick(g.op("eq", interval, g.const(0.0)), _one_pulse(low, site, start, width), train)


def _quantum(low: Lowering, site: Site) -> int:
    x, q = _args(low, site)
    return _whole(low, x, q)


def _whole(low: Lowering, x: int, q: int) -> int:
    g = low.graph
    return g.pick(g.op("lt", q, g.const(SMALL)), x, g.times(q, g.op("trunc", g.over(x, q))))


def _modulo(low: Lowering, site: Site) -> int:
    x, m = _args(low, site)
    return low.graph.minus(x, _whole(low, x, m))


def _initial(low: Lowering, site: Site) -> int:
    return low.expr(site.call.args[0], site.env, site.variable, True)


def _active_initial(low: Lowering, site: Site) -> int:
    return _arg(low, site, site.call.args[1 if site.initial else 0])


def _game(low: Lowering, site: Site) -> int:
    return _arg(low, site, site.call.args[0])


def _elmcount(low: Lowering, site: Site) -> int:
    from sdmodel.expression import Ref, key

    name = site.call.args[0]
    found = low.model.ranges.get(key(name.name)) if isinstance(name, Ref) else None
    if found is None:
        raise EquationError(f"{site.where}: ELMCOUNT needs the name of a subscript range.")
    return low.graph.const(float(len(found.elements)))


# -- hidden states ----------------------------------------------------------------------------------------------
def _order(low: Lowering, site: Site, expr: Expr) -> int:
    order = low.number(expr, site, f"the order of {site.call.name.upper()}")
    if not 1 <= order <= MAX_ORDER:
        raise EquationError(f"{site.where}: the order of {site.call.name.upper()} is {order:g}; it can be 1 to {MAX_ORDER}.")
    return int(order)


def _chain(low: Lowering, site: Site, order: int, start: int) -> tuple[list[int], bool]:
    """`order` hidden states that start at a node; True if an equal call has made them before."""
    found = low.hidden(site, site.call.name)
    if found is not None:
        return found, True
    indices = list(range(len(low.states), len(low.states) + order))
    for i in indices:
        name = f"{site.variable.name} {site.call.name} {len(low.states) + 1}"
        low.states.append(State(name, start, -1, hidden=True))
        assert i == len(low.states) - 1
    low.remember(site, site.call.name, indices)
    return indices, False


def _rates(low: Lowering, indices: list[int], rates: list[int]) -> None:
    for index, rate in zip(indices, rates, strict=True):
        state = low.states[index]
        assert state is not None
        low.states[index] = State(state.name, state.initial, rate, hidden=True)


def _smooth(order: int, with_initial: bool) -> Callable[[Lowering, Site], int]:
    def build(low: Lowering, site: Site) -> int:
        args = site.call.args
        n = _order(low, site, args[3]) if order == 0 else order
        start = args[2] if with_initial or order == 0 else args[0]
        if site.initial:
            return low.expr(start, site.env, site.variable, True)
        g = low.graph
        states, known = _chain(low, site, n, low.expr(start, site.env, site.variable, True))

        def rates() -> None:
            target, time = (_arg(low, site, a) for a in args[:2])
            pace = g.over(time, g.const(float(n)))
            out = []
            for i in states:
                level = g.add("state", i)
                out.append(g.over(g.minus(target, level), pace))
                target = level
            _rates(low, states, out)

        if not known:
            low.afterwards.append(rates)  # a loop through hidden states ends there
        return g.add("state", states[-1])

    return build


def _delay(order: int, with_initial: bool) -> Callable[[Lowering, Site], int]:
    def build(low: Lowering, site: Site) -> int:
        args = site.call.args
        n = _order(low, site, args[3]) if order == 0 else order
        start = args[2] if with_initial or order == 0 else args[0]
        if site.initial:
            return low.expr(start, site.env, site.variable, True)
        g = low.graph
        begin = low.expr(start, site.env, site.variable, True)
        share = g.over(low.expr(args[1], site.env, site.variable, True), g.const(float(n)))
        states, known = _chain(low, site, n, g.times(begin, share))

        def rates() -> None:
            inflow, time = (_arg(low, site, a) for a in args[:2])
            pace = g.over(time, g.const(float(n)))
            out = []
            for i in states:
                outflow = g.over(g.add("state", i), pace)
                out.append(g.minus(inflow, outflow))
                inflow = outflow
            _rates(low, states, out)

        if not known:
            low.afterwards.append(rates)  # a loop through hidden states ends there
        return g.over(g.add("state", states[-1]), g.over(_arg(low, site, args[1]), g.const(float(n))))

    return build


def _average(low: Lowering, site: Site, start: int, x: int, time: int) -> int:
    """A first-order average of `x`, as TREND and FORECAST keep one."""
    g = low.graph
    states, known = _chain(low, site, 1, start)
    level = g.add("state", states[0])
    if not known:
        _rates(low, states, [g.over(g.minus(x, level), time)])
    return level


def _trend(low: Lowering, site: Site) -> int:
    """TREND(input, average time, initial trend)."""
    g = low.graph
    if site.initial:
        return low.expr(site.call.args[2], site.env, site.variable, True)
    x0, time0, trend0 = (low.expr(a, site.env, site.variable, True) for a in site.call.args)
    start = g.over(x0, g.plus(g.const(1.0), g.times(trend0, time0)))
    x, time = (_arg(low, site, a) for a in site.call.args[:2])
    level = _average(low, site, start, x, time)
    bottom = g.times(time, g.op("abs", level))
    zero = g.op("lt", g.op("abs", bottom), g.const(SMALL))
    return g.pick(zero, g.const(0.0), g.over(g.minus(x, level), bottom))


def _forecast(low: Lowering, site: Site) -> int:
    """FORECAST(input, average time, horizon[, initial trend])."""
    g = low.graph
    args = site.call.args
    start_args = [low.expr(a, site.env, site.variable, True) for a in args]
    trend0 = start_args[3] if len(args) > 3 else g.const(0.0)
    start = g.over(start_args[0], g.plus(g.const(1.0), trend0))
    if site.initial:
        x, time, horizon = start_args[:3]
        level = start
    else:
        x, time, horizon = (_arg(low, site, a) for a in args[:3])
        level = _average(low, site, start, x, time)
    bottom = g.times(time, level)
    zero = g.op("lt", g.op("abs", bottom), g.const(SMALL))
    growth = g.pick(zero, g.const(0.0), g.over(g.minus(x, level), bottom))
    return g.times(x, g.plus(g.const(1.0), g.times(growth, horizon)))


Build = Callable[["Lowering", Site], int]

LOWERED: dict[str, tuple[int, int, Build]] = {
    **{name: (1, 1, _elementwise) for name in ELEMENTWISE},
    "min": (2, 2, _elementwise),
    "max": (2, 2, _elementwise),
    "power": (2, 2, _elementwise),
    "if then else": (3, 3, _if),
    "with lookup": (2, 2, _with_lookup),
    "log": (2, 2, _log),
    "zidz": (2, 2, _xidz),
    "xidz": (3, 3, _xidz),
    "step": (2, 2, _step),
    "ramp": (2, 3, _ramp),
    "pulse": (2, 2, _pulse),
    "pulse train": (4, 4, _pulse_train),
    "quantum": (2, 2, _quantum),
    "modulo": (2, 2, _modulo),
    "initial": (1, 1, _initial),
    "active initial": (2, 2, _active_initial),
    "game": (1, 1, _game),
    "elmcount": (1, 1, _elmcount),
    "smooth": (2, 2, _smooth(1, False)),
    "smoothi": (3, 3, _smooth(1, True)),
    "smooth3": (2, 2, _smooth(3, False)),
    "smooth3i": (3, 3, _smooth(3, True)),
    "smooth n": (4, 4, _smooth(0, True)),
    "delay1": (2, 2, _delay(1, False)),
    "delay1i": (3, 3, _delay(1, True)),
    "delay3": (2, 2, _delay(3, False)),
    "delay3i": (3, 3, _delay(3, True)),
    "delay n": (4, 4, _delay(0, True)),
    "trend": (3, 3, _trend),
    "forecast": (3, 4, _forecast),
}
"""Function name to least and most number of arguments and what makes its node."""
