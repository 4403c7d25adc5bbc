"""Functions that store values from step to step; they are defined on the TIME STEP grid only."""

from __future__ import annotations

from sdmodel.core.expression import Ref, walk
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Builder, Site, argument, at_start


def delay_fixed(low: Builder, site: Site) -> int:
    """DELAY FIXED(input, delay time, initial value): the input a number of steps ago, fixed at the start."""
    g = low.graph
    x, time, start = site.call.args
    begin = at_start(low, site, start)
    if site.initial:
        return begin
    (index,), known = low.hidden_memories(site, "")
    lasts = at_start(low, site, time)
    meant = g.op("ge", lasts, g.const(0.0))
    steps = low.where_meaningful(
        site, meant, g.over(lasts, low.step(True)), "DELAY FIXED needs a delay time of 0 or more"
    )

    def later() -> None:
        low.set_memory(index, begin, argument(low, site, x), steps)

    if not known:
        low.later(later)
    return g.add("memory", index)


def previous(low: Builder, site: Site) -> int:
    """PREVIOUS(input, initial value) of XMILE: the input one step ago."""
    x, start = site.call.args
    begin = at_start(low, site, start)
    if site.initial:
        return begin
    (index,), known = low.hidden_memories(site, "")

    def later() -> None:
        low.set_memory(index, begin, argument(low, site, x), low.graph.const(1.0))

    if not known:
        low.later(later)
    return low.graph.add("memory", index)


def sample_if_true(low: Builder, site: Site) -> int:
    """SAMPLE IF TRUE(condition, input, initial value): the input while the condition holds, then its last value.

    In the condition and the input, the name of the variable itself refers to the stored value.
    """
    g = low.graph
    condition, x, start = site.call.args
    first = at_start(low, site, start)
    if site.initial:
        with low.own_name_means(first, site):
            return g.pick(argument(low, site, condition), argument(low, site, x), first)
    reads_itself = any(isinstance(n, Ref) and n.name == site.variable.key for n in walk(site.call))
    (index,), known = low.hidden_memories(site, site.variable.key if reads_itself else "")
    held = g.add("memory", index)
    with low.own_name_means(held, site):
        value = low.hold(g.pick(argument(low, site, condition), argument(low, site, x), held), False)
    if not known:
        low.set_memory(index, first, value, g.const(1.0))
    return value


MEMORIES = (
    Function("delay fixed", "the input a number of steps ago, settled at the start and rounded; one step at least",
        (3, 3), "u, time, u -> u", delay_fixed, steps="values of past steps", xmile="DELAY"),
    Function("previous", "XMILE's PREVIOUS: the input one step ago", (2, 2), "u, u -> u", previous,
        steps="the value of the step before", vensim=False),
    Function("sample if true",
        "the input while the condition holds, then its last value; its own name is the value held so far", (3, 3),
        "1, u, u -> u", sample_if_true, steps="a value held from step to step"),
)  # fmt: skip
