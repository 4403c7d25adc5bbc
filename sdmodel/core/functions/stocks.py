"""Functions with hidden stocks: INTEG, SMOOTH, DELAY, TREND, FORECAST."""

from __future__ import annotations

from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Expr
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Build, Builder, Site, argument, at_start
from sdmodel.core.functions.values import SMALL

MAX_ORDER = 500


def _order(low: Builder, site: Site, expr: Expr) -> int:
    order = low.number(expr, site, f"the order of {site.call.name.upper()}")
    if not 1 <= order <= MAX_ORDER:
        raise EquationError(
            f"{site.where}: the order of {site.call.name.upper()} is {order:g}; it can be 1 to {MAX_ORDER}."
        )
    return int(order)


def _lasting(low: Builder, site: Site, time: int) -> int:
    """A delay or averaging time, which must be above 0."""
    above = low.graph.op("gt", time, low.graph.const(0.0))
    return low.where_meaningful(site, above, time, f"{site.call.name.upper()} needs a time above 0")


def integ(low: Builder, site: Site) -> int:
    """INTEG(net flow, initial value) inside a formula: a hidden stock."""
    flow, start = site.call.args
    if site.initial:
        return at_start(low, site, start)
    states, known = low.hidden_states(site, [at_start(low, site, start)])
    if not known:
        low.later(lambda: low.set_rates(states, [argument(low, site, flow)]))
    return low.graph.add("state", states[0])


def smooth(order: int, with_initial: bool) -> Build:
    """SMOOTH of an order (0: the fourth argument), with or without an initial value."""

    def build(low: Builder, site: Site) -> int:
        args = site.call.args
        n = _order(low, site, args[3]) if order == 0 else order
        start = args[2] if with_initial or order == 0 else args[0]
        if site.initial:
            return at_start(low, site, start)
        g = low.graph
        states, known = low.hidden_states(site, [at_start(low, site, start)] * n)

        def rates() -> None:
            target, time = (argument(low, site, a) for a in args[:2])
            pace = g.over(_lasting(low, site, time), g.const(float(n)))
            out = []
            for i in states:
                level = g.add("state", i)
                out.append(g.over(g.minus(target, level), pace))
                target = level
            low.set_rates(states, out)

        if not known:
            low.later(rates)  # a feedback loop through hidden states ends here
        return g.add("state", states[-1])

    return build


def delay(order: int, with_initial: bool) -> Build:
    """DELAY of an order (0: the fourth argument), with or without an initial value."""

    def build(low: Builder, site: Site) -> int:
        args = site.call.args
        n = _order(low, site, args[3]) if order == 0 else order
        start = args[2] if with_initial or order == 0 else args[0]
        if site.initial:
            return at_start(low, site, start)
        g = low.graph
        begin, time0 = at_start(low, site, start), at_start(low, site, args[1])
        if low.fixed and n > 1:
            n = low.fitted_order(site, n, time0)
        share = g.over(time0, g.const(float(n)))
        states, known = low.hidden_states(site, [g.times(begin, share)] * n)
        pace = g.over(_lasting(low, site, argument(low, site, args[1])), g.const(float(n)))
        if order == 0 and low.fixed and g.varies(pace):
            pace = _previous(low, site, time0, n)
        outflows = [g.over(g.add("state", i), pace) for i in states]
        if order == 0:
            outflows = [low.hold(flow, False) for flow in outflows]

        def rates() -> None:
            inflows = [argument(low, site, args[0]), *outflows[:-1]]
            low.set_rates(states, [g.minus(a, b) for a, b in zip(inflows, outflows, strict=True)])

        if not known:
            low.later(rates)
        return outflows[-1]

    return build


def _previous(low: Builder, site: Site, time0: int, order: int) -> int:
    """Delay time per level of DELAY N in the TIME STEP before this one, on which alone its output depends."""
    g = low.graph
    (index,), known = low.hidden_memories(site, "time")

    def following() -> None:
        now = argument(low, site, site.call.args[1])
        low.set_memory(index, time0, now, g.const(1.0))

    if not known:
        low.later(following)
    return g.over(g.add("memory", index), g.const(float(order)))


def _average(low: Builder, site: Site, start: int, x: int, time: int) -> int:
    """A first-order exponential average of `x`, as used by TREND and FORECAST."""
    g = low.graph
    states, known = low.hidden_states(site, [start])
    level = g.add("state", states[0])
    if not known:
        low.set_rates(states, [g.over(g.minus(x, level), _lasting(low, site, time))])
    return level


def trend(low: Builder, site: Site) -> int:
    """TREND(input, average time, initial trend)."""
    g = low.graph
    args = site.call.args
    x0, time0, trend0 = (at_start(low, site, a) for a in args)
    start = g.over(x0, g.plus(g.const(1.0), g.times(trend0, time0)))
    if site.initial:
        x, time, level = x0, time0, start
    else:
        x, time = (argument(low, site, a) for a in args[:2])
        level = _average(low, site, start, x, time)
    return or_zero(low, g.minus(x, level), g.times(time, g.op("abs", level)))


def forecast(low: Builder, site: Site) -> int:
    """FORECAST(input, average time, horizon[, initial trend])."""
    g = low.graph
    args = site.call.args
    start_args = [at_start(low, site, a) for a in args]
    trend0 = start_args[3] if len(args) > 3 else g.const(0.0)
    start = g.over(start_args[0], g.plus(g.const(1.0), trend0))
    if site.initial:
        x, time, horizon = start_args[:3]
        level = start
    else:
        x, time, horizon = (argument(low, site, a) for a in args[:3])
        level = _average(low, site, start, x, time)
    growth = or_zero(low, g.minus(x, level), g.times(time, level))
    return g.times(x, g.plus(g.const(1.0), g.times(growth, horizon)))


def or_zero(low: Builder, a: int, b: int) -> int:
    """A / b, or 0 where b is zero within Vensim's tolerance."""
    g = low.graph
    return g.pick(g.op("lt", g.op("abs", b), g.const(SMALL)), g.const(0.0), g.over(a, b))


def net_present_value(low: Builder, site: Site) -> int:
    """NPV(stream, discount rate, initial value, factor): discounted each TIME STEP, the current one included."""
    g = low.graph
    stream, rate, start, factor = site.call.args
    one, begin = g.const(1.0), at_start(low, site, start)
    accumulated, discount = begin, one
    if not site.initial:
        states, known = low.hidden_states(site, [begin, one])
        accumulated, discount = (g.add("state", i) for i in states)

        def rates() -> None:
            flow, r = argument(low, site, stream), argument(low, site, rate)
            fall = g.over(g.times(g.op("neg", discount), r), g.plus(one, g.times(r, low.step(False))))
            low.set_rates(states, [g.times(flow, discount), fall])

        if not known:
            low.later(rates)
    current = g.times(g.times(argument(low, site, stream), low.step(site.initial)), discount)
    return g.times(g.plus(accumulated, current), argument(low, site, factor))


STOCKS = (
    Function("integ", "a stock; also inside a formula", (2, 2), "u/time, u -> u", integ),
    Function("integ non negative", "a stock of XMILE marked `<non_negative>`, whose outflows are at most what it holds",
        (2, 2), "u/time, u -> u", steps="outflows of at most what the stock holds at each step", vensim=False,
        xmile="the non-negative stock"),
    Function("integ cut", "such a stock whose flows cannot be reduced: cut off at zero after each step, with a warning",
        (2, 2), "u/time, u -> u", steps="a stock cut off at zero each step", vensim=False,
        xmile="the non-negative stock"),
    Function("smooth", "exponential average", (2, 2), "u, time -> u", smooth(1, False), xmile="SMTH1"),
    Function("smoothi", "with an initial value", (3, 3), "u, time, u -> u", smooth(1, True), xmile="SMTH1"),
    Function("smooth3", "of third order", (2, 2), "u, time -> u", smooth(3, False), xmile="SMTH3"),
    Function("smooth3i", "of third order, with an initial value", (3, 3), "u, time, u -> u", smooth(3, True),
        xmile="SMTH3"),
    Function("smooth n", "of any order, with an initial value", (4, 4), "u, time, u, 1 -> u", smooth(0, True),
        xmile="SMTHN"),
    Function("delay1", "exponential delay", (2, 2), "u, time -> u", delay(1, False)),
    Function("delay1i", "with an initial value", (3, 3), "u, time, u -> u", delay(1, True), xmile="DELAY1"),
    Function("delay3", "of third order", (2, 2), "u, time -> u", delay(3, False)),
    Function("delay3i", "of third order, with an initial value", (3, 3), "u, time, u -> u", delay(3, True),
        xmile="DELAY3"),
    Function("delay n", "of any order, with an initial value", (4, 4), "u, time, u, 1 -> u", delay(0, True),
        xmile="DELAYN"),
    Function("trend", "fractional rate of growth", (3, 3), "u, time, 1/time -> 1/time", trend),
    Function("forecast", "extrapolation of a trend, in XMILE with an initial trend", (3, 4),
        "u, time, time, 1/time -> u", forecast, xmile="FORCST"),
    Function("npv", "net present value, the current step included", (4, 4), "u, 1/time, u*time, 1 -> u*time",
        net_present_value),
)  # fmt: skip
