"""Random draws, one per step: truncated distributions by inversion of the distribution function.

Vensim's arguments: minimum, maximum, the distribution's own parameters, shift, stretch, stream. A draw of the standard
distribution is multiplied by stretch, increased by shift, and truncated to minimum and maximum
(https://vensim.com/documentation/fn_random.html). The stream argument is ignored: each call in a model has its own
stream.
"""

from __future__ import annotations

import math

from sdmodel.core.functions import distributions
from sdmodel.core.functions.entry import Function, Operation
from sdmodel.core.functions.operations import routine
from sdmodel.core.functions.protocols import Build, Builder, Site, argument
from sdmodel.core.functions.vector_values import normal_cdf, normal_quantile


def uniform(low: Builder, site: Site) -> int:
    """RANDOM 0 1() and RANDOM UNIFORM(min, max[, seed])."""
    g = low.graph
    u = low.draw(site)
    if not site.call.args:
        return u
    least, most = (argument(low, site, a) for a in site.call.args[:2])
    value = g.plus(least, g.times(g.minus(most, least), u))
    return low.hold(_in_order(low, site, least, most, value), site.initial)


def normal(low: Builder, site: Site) -> int:
    """RANDOM NORMAL(min, max, mean, standard deviation[, seed]), truncated at min and max."""
    g = low.graph
    least, most, mean, spread = (argument(low, site, a) for a in site.call.args[:4])
    bottom, top = (g.op("normal_cdf", g.over(g.minus(x, mean), spread)) for x in (least, most))
    u = g.plus(bottom, g.times(g.minus(top, bottom), low.draw(site)))
    value = g.plus(mean, g.times(spread, g.op("normal_quantile", u)))
    value = g.op("min", g.op("max", value, least), most)  # rounding far out in a tail
    value = g.pick(g.op("gt", spread, g.const(0.0)), value, mean)
    meant = g.op("ge", spread, g.const(0.0))
    value = low.where_meaningful(site, meant, value, f"{site.call.name.upper()} needs a deviation of 0 or more")
    return low.hold(_in_order(low, site, least, most, value), site.initial)


def exponential(low: Builder, site: Site) -> int:
    """RANDOM EXPONENTIAL(min, max, shift, stretch[, seed]), truncated at min and max."""
    g = low.graph
    least, most, shift, stretch = (argument(low, site, a) for a in site.call.args[:4])
    begin = g.op("max", least, shift)
    one = g.const(1.0)
    reach = g.minus(one, g.op("exp", g.over(g.minus(begin, most), stretch)))
    value = g.minus(begin, g.times(stretch, g.op("ln", g.minus(one, g.times(low.draw(site), reach)))))
    meant = g.op("gt", stretch, g.const(0.0))
    value = low.where_meaningful(site, meant, value, f"{site.call.name.upper()} needs a stretch above 0")
    return low.hold(_in_order(low, site, begin, most, value), site.initial)


def _in_order(low: Builder, site: Site, least: int, most: int, value: int) -> int:
    """`value`, with the requirement that `least` is not greater than `most`."""
    order = low.graph.op("le", least, most)
    return low.where_meaningful(site, order, value, f"the minimum of {site.call.name.upper()} is above its maximum")


def poisson(low: Builder, site: Site) -> int:
    """POISSON(mean[, seed]) of XMILE."""
    mean = argument(low, site, site.call.args[0])
    zero, one, most = (low.graph.const(x) for x in (0.0, 1.0, math.inf))
    value = low.graph.op("random_poisson", low.draw(site), zero, most, zero, one, mean)
    low.require(site, low.graph.op("ge", mean, low.graph.const(0.0)), "POISSON needs a mean of 0 or more")
    return low.hold(value, site.initial)


def triangular(low: Builder, site: Site) -> int:
    """RANDOM TRIANGULAR(min, max, start, peak, stop[, stream]), truncated at min and max."""
    g = low.graph
    least, most, start, peak, stop = (argument(low, site, a) for a in site.call.args[:5])
    one, zero = g.const(1.0), g.const(0.0)
    width, rising, falling = g.minus(stop, start), g.minus(peak, start), g.minus(stop, peak)

    def cdf(x: int) -> int:
        left, right = g.minus(x, start), g.minus(stop, x)
        up = g.over(g.times(left, left), g.times(width, rising))
        down = g.minus(one, g.over(g.times(right, right), g.times(width, falling)))
        inside = g.pick(g.op("lt", x, peak), up, down)
        return g.pick(g.op("le", x, start), zero, g.pick(g.op("ge", x, stop), one, inside))

    bottom, top = cdf(least), cdf(most)
    p = g.plus(bottom, g.times(g.minus(top, bottom), low.draw(site)))
    left = g.plus(start, g.op("sqrt", g.times(p, g.times(width, rising))))
    right = g.minus(stop, g.op("sqrt", g.times(g.minus(one, p), g.times(width, falling))))
    value = g.pick(g.op("lt", p, g.over(rising, width)), left, right)
    value = g.op("min", g.op("max", value, least), most)
    order = low.fold("and", [g.op("le", start, peak), g.op("le", peak, stop), g.op("lt", start, stop)])
    value = low.where_meaningful(site, order, value, "RANDOM TRIANGULAR needs start, peak and stop in order")
    return low.hold(_in_order(low, site, least, most, value), site.initial)


def weibull(low: Builder, site: Site) -> int:
    """RANDOM WEIBULL(min, max, shape, shift, stretch[, stream]) with mean 1 before stretch and shift."""
    g = low.graph
    least, most, shape, shift, stretch = (argument(low, site, a) for a in site.call.args[:5])
    one = g.const(1.0)
    power = g.over(one, shape)
    scale = g.op("exp", g.op("neg", g.op("gamma_ln", g.plus(one, power))))

    def beyond(x: int) -> int:
        z = g.op("max", g.over(g.minus(x, shift), stretch), g.const(0.0))
        return g.op("exp", g.op("neg", g.op("pow", g.over(z, scale), shape)))

    top, bottom = beyond(least), beyond(most)
    p = g.minus(top, g.times(g.minus(top, bottom), low.draw(site)))
    standard = g.times(scale, g.op("pow", g.op("neg", g.op("ln", p)), power))
    value = g.plus(shift, g.times(stretch, standard))
    value = g.op("min", g.op("max", value, least), most)
    meant = g.op("and", g.op("gt", shape, g.const(0.0)), g.op("gt", stretch, g.const(0.0)))
    value = low.where_meaningful(site, meant, value, "RANDOM WEIBULL needs a shape and a stretch above 0")
    return low.hold(_in_order(low, site, least, most, value), site.initial)


def _truncated(op: str, shapes: int, complaint: str) -> Build:
    """RANDOM x(min, max, shape ..., shift, stretch[, stream]) as an operation of the Python engine."""

    def build(low: Builder, site: Site) -> int:
        least, most, *rest = (argument(low, site, a) for a in site.call.args[: 4 + shapes])
        shape, (shift, stretch) = rest[:shapes], rest[shapes:]
        value = low.graph.op(op, low.draw(site), least, most, shift, stretch, *shape)
        low.require(
            site, low.graph.op("le", least, most), f"the minimum of {site.call.name.upper()} is above its maximum"
        )
        low.require(site, low.graph.op("eq", value, value), f"{site.call.name.upper()} {complaint}")
        return low.hold(value, site.initial)

    return build


_DRAW = "a draw each step"

DRAWS = (
    Function("random 0 1", "uniform between 0 and 1", (0, 0), "-> 1", uniform, steps=_DRAW),
    Function("random uniform", "minimum, maximum", (2, 3), "u, u, any -> u", uniform, steps=_DRAW, xmile="UNIFORM"),
    Function("random normal", "minimum, maximum, mean, deviation", (4, 5), "u, u, u, u, any -> u", normal, steps=_DRAW,
        xmile="NORMAL"),
    Function("random exponential", "minimum, maximum, shift, stretch", (4, 5), "u, u, u, u, any -> u", exponential,
        steps=_DRAW, xmile="EXPRND"),
    Function("random triangular", "minimum, maximum, start, peak, stop", (5, 6), "u, u, u, u, u, any -> u", triangular,
        steps=_DRAW),
    Function("random weibull", "minimum, maximum, shape, shift, stretch; of mean 1 before", (5, 6),
        "u, u, 1, u, u, any -> u", weibull, steps=_DRAW),
    *(
        Function(
            f"random {name}",
            f"minimum, maximum, {words}, shift, stretch",
            (4 + shapes, 5 + shapes),
            "u, u, " + "1, " * shapes + "u, u, any -> u",
            _truncated(f"random_{name.replace(' ', '_')}", shapes, complaint),
            steps=_DRAW,
        )
        for name, words, shapes, complaint in (
            ("beta", "alpha, beta", 2, "needs alpha and beta above 0, and values between minimum and maximum"),
            ("binomial", "probability, trials", 2, "needs a probability, and counts between minimum and maximum"),
            ("gamma", "order from 1", 1, "needs an order of 1 or more, and values between minimum and maximum"),
            (
                "negative binomial",
                "probability, successes",
                2,
                "needs a probability, 1 success or more, and counts between minimum and maximum",
            ),
            ("poisson", "mean", 1, "needs a mean of 0 or more, and counts between minimum and maximum"),
        )
    ),
    Function("poisson", "POISSON(mean) of XMILE", (1, 2), "u, any -> u", poisson, steps=_DRAW, vensim=False),
)  # fmt: skip

DRAW_OPERATIONS = (
    Operation("normal_cdf", normal_cdf, routine("normal_cdf")),
    Operation("normal_quantile", normal_quantile, routine("normal_quantile")),
    Operation("random_beta", distributions.beta),
    Operation("random_binomial", distributions.binomial),
    Operation("random_gamma", distributions.gamma),
    Operation("random_negative_binomial", distributions.negative_binomial),
    Operation("random_poisson", distributions.poisson),
)
