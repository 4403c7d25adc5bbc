"""Functions with a past: hidden stocks (SMOOTH, DELAY, TREND), memories (DELAY FIXED, SAMPLE IF TRUE), draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdmodel.compile.call_site import Site
from sdmodel.compile.functions import SMALL
from sdmodel.compile.program import Memory, Order, State, fitting_order
from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Expr, Ref, walk

if TYPE_CHECKING:
    from sdmodel.compile.lower import Lowering

MAX_ORDER = 500


def _now(low: Lowering, site: Site, expr: Expr) -> int:
    return low.expr(expr, site.env, site.variable, site.initial)


def _start(low: Lowering, site: Site, expr: Expr) -> int:
    return low.expr(expr, site.env, site.variable, True)


def _order(low: Lowering, site: Site, expr: Expr) -> int:
    order = low.number(expr, site, f"the order of {site.call.name.upper()}")
    if not 1 <= order <= MAX_ORDER:
        raise EquationError(
            f"{site.where}: the order of {site.call.name.upper()} is {order:g}; it can be 1 to {MAX_ORDER}."
        )
    return int(order)


def _chain(low: Lowering, site: Site, order: int, start: int) -> tuple[list[int], bool]:
    """`order` hidden states that start at a node; True if an equal call has made them before."""
    found = low.hidden(site, site.call.name)
    if found is not None:
        return found, True
    indices = list(range(len(low.states), len(low.states) + order))
    for i in indices:
        low.states.append(State(f"{site.variable.name} {site.call.name} {i + 1}", start, -1, hidden=True))
    low.remember(site, site.call.name, indices)
    return indices, False


def _rates(low: Lowering, indices: list[int], rates: list[int]) -> None:
    for index, rate in zip(indices, rates, strict=True):
        state = low.states[index]
        assert state is not None
        low.states[index] = State(state.name, state.initial, rate, hidden=True)


def integ(low: Lowering, site: Site) -> int:
    """INTEG(net flow, initial value) inside a formula: a hidden stock."""
    flow, start = site.call.args
    if site.initial:
        return _start(low, site, start)
    states, known = _chain(low, site, 1, _start(low, site, start))
    if not known:
        low.afterwards.append(lambda: _rates(low, states, [_now(low, site, flow)]))
    return low.graph.add("state", states[0])


def smooth(order: int, with_initial: bool) -> Callable[[Lowering, Site], int]:
    """SMOOTH of an order (0: the fourth argument), with or without an initial value."""

    def build(low: Lowering, site: Site) -> int:
        args = site.call.args
        n = _order(low, site, args[3]) if order == 0 else order
        start = args[2] if with_initial or order == 0 else args[0]
        if site.initial:
            return _start(low, site, start)
        g = low.graph
        states, known = _chain(low, site, n, _start(low, site, start))

        def rates() -> None:
            target, time = (_now(low, site, a) for a in args[:2])
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


def delay(order: int, with_initial: bool) -> Callable[[Lowering, Site], int]:
    """DELAY of an order (0: the fourth argument), with or without an initial value."""

    def build(low: Lowering, site: Site) -> int:
        args = site.call.args
        n = _order(low, site, args[3]) if order == 0 else order
        start = args[2] if with_initial or order == 0 else args[0]
        if site.initial:
            return _start(low, site, start)
        g = low.graph
        begin, time0 = _start(low, site, start), _start(low, site, args[1])
        if low.fixed and n > 1:
            n = _lowered(low, site, n, time0)
        share = g.over(time0, g.const(float(n)))
        states, known = _chain(low, site, n, g.times(begin, share))
        now = _now(low, site, args[1])
        if order == 0 and low.fixed and g.varies(now):
            return _changing(low, site, states, known, n, time0)

        def rates() -> None:
            inflow, time = (_now(low, site, a) for a in args[:2])
            pace = g.over(time, g.const(float(n)))
            out = []
            for i in states:
                outflow = g.over(g.add("state", i), pace)
                out.append(g.minus(inflow, outflow))
                inflow = outflow
            _rates(low, states, out)

        if not known:
            low.afterwards.append(rates)
        return g.over(g.add("state", states[-1]), g.over(now, g.const(float(n))))

    return build


def _lowered(low: Lowering, site: Site, order: int, time0: int) -> int:
    """The order that fits into the delay time on the TIME STEP grid."""
    step = low._control("time step")
    time, width = low.peek(time0), low.peek(step)
    if time is None or width is None:
        return order
    used = fitting_order(order, time, width)
    low.orders.append(Order(site.variable.name, time0, step, order, used))
    return used


def _changing(low: Lowering, site: Site, states: list[int], known: bool, order: int, time0: int) -> int:
    """DELAY N with a delay time that changes.

    Each level leaves at the delay time that was in force when what it holds came in, one step a level.
    """
    g = low.graph
    size = g.const(float(order))
    tag = site.call.name + " times"
    times = low.hidden(site, tag)
    if times is None:
        times = list(range(len(low.memories), len(low.memories) + order))
        low.memories.extend([None] * order)
        low.remember(site, tag, times)
    held = [g.add("memory", i) for i in times]

    def rates() -> None:
        inflow, now = (_now(low, site, a) for a in site.call.args[:2])
        moved = [now, *held[:-1]]
        out = []
        for i, time in zip(states, moved, strict=True):
            outflow = g.over(g.times(g.add("state", i), size), time)
            out.append(g.minus(inflow, outflow))
            inflow = outflow
        _rates(low, states, out)
        for index, time in zip(times, moved, strict=True):
            low.memories[index] = Memory(f"{site.variable.name} delay time {index + 1}", time0, time, g.const(1.0))

    if not known:
        low.afterwards.append(rates)
    return g.over(g.times(g.add("state", states[-1]), size), held[0])


def _average(low: Lowering, site: Site, start: int, x: int, time: int) -> int:
    """A first-order average of `x`, as TREND and FORECAST keep one."""
    g = low.graph
    states, known = _chain(low, site, 1, start)
    level = g.add("state", states[0])
    if not known:
        _rates(low, states, [g.over(g.minus(x, level), time)])
    return level


def trend(low: Lowering, site: Site) -> int:
    """TREND(input, average time, initial trend)."""
    g = low.graph
    args = site.call.args
    x0, time0, trend0 = (_start(low, site, a) for a in args)
    start = g.over(x0, g.plus(g.const(1.0), g.times(trend0, time0)))
    if site.initial:
        x, time, level = x0, time0, start
    else:
        x, time = (_now(low, site, a) for a in args[:2])
        level = _average(low, site, start, x, time)
    return zidz(low, g.minus(x, level), g.times(time, g.op("abs", level)))


def forecast(low: Lowering, site: Site) -> int:
    """FORECAST(input, average time, horizon[, initial trend])."""
    g = low.graph
    args = site.call.args
    start_args = [_start(low, site, a) for a in args]
    trend0 = start_args[3] if len(args) > 3 else g.const(0.0)
    start = g.over(start_args[0], g.plus(g.const(1.0), trend0))
    if site.initial:
        x, time, horizon = start_args[:3]
        level = start
    else:
        x, time, horizon = (_now(low, site, a) for a in args[:3])
        level = _average(low, site, start, x, time)
    growth = zidz(low, g.minus(x, level), g.times(time, level))
    return g.times(x, g.plus(g.const(1.0), g.times(growth, horizon)))


def zidz(low: Lowering, a: int, b: int) -> int:
    """A / b, or 0 where Vensim takes b for zero."""
    g = low.graph
    return g.pick(g.op("lt", g.op("abs", b), g.const(SMALL)), g.const(0.0), g.over(a, b))


# -- memories ---------------------------------------------------------------------------------------------------
def _memory(low: Lowering, site: Site, owner: str = "") -> tuple[int, bool]:
    """Index of the memory of a call; True if an equal call (of the same `owner`) has made it before."""
    tag = f"{site.call.name} {owner}"
    found = low.hidden(site, tag)
    if found is not None:
        return found[0], True
    low.memories.append(None)
    index = len(low.memories) - 1
    low.remember(site, tag, [index])
    return index, False


def delay_fixed(low: Lowering, site: Site) -> int:
    """DELAY FIXED(input, delay time, initial value): the input a number of steps ago, settled at the start."""
    g = low.graph
    x, time, start = site.call.args
    begin = _start(low, site, start)
    if site.initial:
        return begin
    index, known = _memory(low, site)
    lasts = _start(low, site, time)
    meant = g.op("ge", lasts, g.const(0.0))
    steps = low.where_meaningful(
        site, meant, g.over(lasts, low._control("time step")), "DELAY FIXED needs a delay time of 0 or more"
    )

    def later() -> None:
        name = f"{site.variable.name} {site.call.name} {index + 1}"
        low.memories[index] = Memory(name, begin, _now(low, site, x), steps)

    if not known:
        low.afterwards.append(later)
    return g.add("memory", index)


def previous(low: Lowering, site: Site) -> int:
    """PREVIOUS(input, initial value) of XMILE: the input one step ago."""
    x, start = site.call.args
    begin = _start(low, site, start)
    if site.initial:
        return begin
    index, known = _memory(low, site)

    def later() -> None:
        name = f"{site.variable.name} {site.call.name} {index + 1}"
        low.memories[index] = Memory(name, begin, _now(low, site, x), low.graph.const(1.0))

    if not known:
        low.afterwards.append(later)
    return low.graph.add("memory", index)


def sample_if_true(low: Lowering, site: Site) -> int:
    """SAMPLE IF TRUE(condition, input, initial value): the input while the condition holds, then its last value.

    The name of the variable in its own condition and input is the value held so far.
    """
    g = low.graph
    condition, x, start = site.call.args
    first = _start(low, site, start)
    if site.initial:
        with low.own_name_means(first, site):
            return g.pick(_now(low, site, condition), _now(low, site, x), first)
    reads_itself = any(isinstance(n, Ref) and n.name == site.variable.key for n in walk(site.call))
    index, known = _memory(low, site, site.variable.key if reads_itself else "")
    held = g.add("memory", index)
    with low.own_name_means(held, site):
        value = low.hold(g.pick(_now(low, site, condition), _now(low, site, x), held), False)
    if not known:
        name = f"{site.variable.name} {site.call.name} {index + 1}"
        low.memories[index] = Memory(name, first, value, g.const(1.0))
    return value


# -- draws ------------------------------------------------------------------------------------------------------
def uniform(low: Lowering, site: Site) -> int:
    """RANDOM 0 1() and RANDOM UNIFORM(min, max[, seed])."""
    g = low.graph
    u = low.draw(site)
    if not site.call.args:
        return u
    least, most = (_now(low, site, a) for a in site.call.args[:2])
    value = g.plus(least, g.times(g.minus(most, least), u))
    return low.hold(_in_order(low, site, least, most, value), site.initial)


def normal(low: Lowering, site: Site) -> int:
    """RANDOM NORMAL(min, max, mean, standard deviation[, seed]), cut off at min and max."""
    g = low.graph
    least, most, mean, spread = (_now(low, site, a) for a in site.call.args[:4])
    bottom, top = (g.op("normal_cdf", g.over(g.minus(x, mean), spread)) for x in (least, most))
    u = g.plus(bottom, g.times(g.minus(top, bottom), low.draw(site)))
    value = g.plus(mean, g.times(spread, g.op("normal_quantile", u)))
    value = g.op("min", g.op("max", value, least), most)  # rounding far out in a tail
    value = g.pick(g.op("gt", spread, g.const(0.0)), value, mean)
    meant = g.op("ge", spread, g.const(0.0))
    value = low.where_meaningful(site, meant, value, f"{site.call.name.upper()} needs a deviation of 0 or more")
    return low.hold(_in_order(low, site, least, most, value), site.initial)


def exponential(low: Lowering, site: Site) -> int:
    """RANDOM EXPONENTIAL(min, max, shift, stretch[, seed]), cut off at min and max."""
    g = low.graph
    least, most, shift, stretch = (_now(low, site, a) for a in site.call.args[:4])
    begin = g.op("max", least, shift)
    one = g.const(1.0)
    reach = g.minus(one, g.op("exp", g.over(g.minus(begin, most), stretch)))
    value = g.minus(begin, g.times(stretch, g.op("ln", g.minus(one, g.times(low.draw(site), reach)))))
    meant = g.op("gt", stretch, g.const(0.0))
    value = low.where_meaningful(site, meant, value, f"{site.call.name.upper()} needs a stretch above 0")
    return low.hold(_in_order(low, site, begin, most, value), site.initial)


def _in_order(low: Lowering, site: Site, least: int, most: int, value: int) -> int:
    """`value`, if the least value a draw can have is not above the most."""
    order = low.graph.op("le", least, most)
    return low.where_meaningful(site, order, value, f"the minimum of {site.call.name.upper()} is above its maximum")


def poisson(low: Lowering, site: Site) -> int:
    """POISSON(mean[, seed]) of XMILE."""
    mean = _now(low, site, site.call.args[0])
    value = low.graph.op("poisson_quantile", low.draw(site), mean)
    low.require(site, low.graph.op("ge", mean, low.graph.const(0.0)), "POISSON needs a mean of 0 or more")
    return low.hold(value, site.initial)
