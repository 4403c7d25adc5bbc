"""Functions of Time such as steps, ramps and pulses, with Vensim's semantics on the TIME STEP grid or exact dates."""

from __future__ import annotations

from sdmodel.core.errors import UnsupportedError
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Builder, Site, argument, arguments
from sdmodel.core.functions.values import SMALL


def _step(low: Builder, site: Site) -> int:
    g = low.graph
    height, start = arguments(low, site)
    return low.hold(g.pick(_from(low, site, start), height, g.const(0.0)), site.initial)


def _from(low: Builder, site: Site, start: int) -> int:
    """Condition Time >= start; on the TIME STEP grid half a step is added to Time, as in Vensim."""
    g = low.graph
    if not low.fixed:
        return g.op("ge", low.time(site.initial), start)
    return g.op("gt", _time_plus(low, site), start)


def _time_plus(low: Builder, site: Site) -> int:
    """Vensim's `time plus`: Time + TIME STEP/2, so that rounding does not affect comparisons on the grid."""
    return low.graph.plus(low.time(site.initial), low.graph.over(low.step(site.initial), low.graph.const(2.0)))


def _ramp(low: Builder, site: Site) -> int:
    g = low.graph
    slope, start, *end = arguments(low, site)
    now = low.time(site.initial)
    until = g.op("min", end[0], now) if end else now
    begun = g.op("gt", g.plus(now, g.const(SMALL)) if low.fixed else now, start)
    return low.hold(g.pick(begun, g.times(slope, g.minus(until, start)), g.const(0.0)), site.initial)


def _pulse(low: Builder, site: Site) -> int:
    """PULSE(start, width): 1 while Time + TIME STEP/2 (exact dates: Time) is between start and start + width."""
    start, width = arguments(low, site)
    return low.hold(_one_pulse(low, site, start, _at_least_a_step(low, site, width)), site.initial)


def _at_least_a_step(low: Builder, site: Site, width: int) -> int:
    """Width of a pulse; as in Vensim, a width of 0 means one TIME STEP."""
    g = low.graph
    if g.value(width) not in (None, 0.0):
        return width
    zero = g.const(0.0)
    nothing = g.op("and", g.op("ge", width, zero), g.op("le", width, zero))
    return g.pick(nothing, low.step(site.initial), width)


def _one_pulse(low: Builder, site: Site, start: int, width: int) -> int:
    g = low.graph
    now = low.time(site.initial)
    end = g.plus(start, width)
    if low.fixed:
        plus = _time_plus(low, site)
        running = g.op("and", g.op("gt", plus, start), g.op("lt", plus, end))
    else:
        running = g.op("and", g.op("ge", now, start), g.op("lt", now, end))
    return g.pick(running, g.const(1.0), g.const(0.0))


def _pulse_train(low: Builder, site: Site) -> int:
    """PULSE TRAIN(start, width, interval, end): a pulse at the start of every interval, up to `end`."""
    g = low.graph
    start, width, interval, end = arguments(low, site)
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


def _xpulse(low: Builder, site: Site) -> int:
    """XMILE's PULSE(magnitude, start[, interval]), here as (start[, interval], magnitude): magnitude in one step.

    On the TIME STEP grid it is the step whose middle is the first at or after the date.
    """
    g = low.graph
    start, *interval, magnitude = arguments(low, site)
    step = low.step(site.initial)
    since = g.minus(_time_plus(low, site) if low.fixed else low.time(site.initial), start)
    begun = g.op("ge", since, g.const(0.0))
    fires = g.op("lt", since, step)
    if interval:
        phase = g.minus(since, g.times(interval[0], g.op("floor", g.over(since, interval[0]))))
        fires = g.pick(g.op("eq", interval[0], g.const(0.0)), fires, g.op("lt", phase, step))
    return low.hold(g.pick(g.op("and", begun, fires), g.over(magnitude, step), g.const(0.0)), site.initial)


def _time_value(low: Builder, site: Site) -> int:
    """GET TIME VALUE(0, offset, 0): Time plus an offset; calendar and system clock are not supported."""
    relative = low.number(site.call.args[0], site, "the first argument of GET TIME VALUE")
    measure = low.number(site.call.args[2], site, "the third argument of GET TIME VALUE")
    if (relative, measure) != (0.0, 0.0):
        raise UnsupportedError(
            f"{site.where}: GET TIME VALUE({relative:g}, ..., {measure:g}) needs a calendar or the computer's clock; "
            "only GET TIME VALUE(0, offset, 0) is supported."
        )
    return low.graph.plus(low.time(site.initial), argument(low, site, site.call.args[1]))


DATES = (
    Function("step", "0 before a time, a height from it on", (2, 2), "u, time -> u", _step),
    Function("ramp", "a straight line between two times", (2, 3), "u/time, time, time -> u", _ramp),
    Function("xramp", "RAMP of XMILE without an end", (2, 2), "u/time, time -> u", _ramp, vensim=False, xmile="RAMP"),
    Function("pulse", "1 for a width of time; a width of 0 counts as one `TIME STEP`", (2, 2), "time, time -> 1",
        _pulse),
    Function("pulse train",
        "a pulse every interval, up to and with an end; on the grid it lasts one `TIME STEP` at least", (4, 4),
        "time, time, time, time -> 1", _pulse_train),
    Function("xpulse", "PULSE(magnitude, start) of XMILE: the magnitude spread over one `TIME STEP`", (2, 2),
        "time, u -> u/time", _xpulse, vensim=False, xmile="PULSE"),
    Function("xpulse train", "PULSE(magnitude, start, interval) of XMILE, repeated", (3, 3), "time, time, u -> u/time",
        _xpulse, vensim=False, xmile="PULSE"),
    Function("get time value", "only `GET TIME VALUE(0, offset, 0)`; a calendar or the clock is refused", (3, 3),
        "any... -> any", _time_value),
)  # fmt: skip
