"""Elements of arrays by computed index, and by rank."""

from __future__ import annotations

from itertools import product

from sdmodel.core.errors import EquationError, UnsupportedError
from sdmodel.core.expression import Ref
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Builder, Site

MAX_RANKED = 100
_NEAR = 1e-9
"""Tolerance for rounding errors of an integer index, for example one computed from Time."""


def element_at(low: Builder, site: Site) -> int:
    """ELEMENT AT(variable[..., *, ...], value outside, index for each `*`): index from 1, truncated to an integer."""
    ref, outside, *indices = site.call.args
    known = set(low.elements(ref.name)) if isinstance(ref, Ref) else set()
    if not isinstance(ref, Ref) or not known:
        raise EquationError(f"{site.where}: an index stands behind the name of an array.")
    g = low.graph
    waiting = [low.node(site, i) for i in indices]
    whole = [g.op("floor", g.plus(i, g.const(_NEAR))) for i in waiting]
    miss = low.node(site, outside)
    choices: list[list[tuple[str, int]]] = []
    """For each dimension, the possible elements, each with the node of its condition (-1: none)."""
    for place, sub in enumerate(ref.subs):
        if sub != "*":
            choices.append([(low.bound(sub, site), -1)])
            continue
        members = low.members(ref.name, place)
        index = whole.pop(0)
        value = g.value(index)
        if value is None:
            choices.append([(e, g.op("eq", index, g.const(i + 1.0))) for i, e in enumerate(members)])
        elif 1 <= value <= len(members):
            choices.append([(members[int(value) - 1], -1)])
        else:
            return miss
    node = miss
    for combination in reversed(list(product(*choices))):
        element = tuple(e for e, _ in combination)
        if element not in known:
            continue
        chosen = low.element_node(ref.name, element, site.initial)
        conditions = [c for _, c in combination if c >= 0]
        node = g.pick(low.fold("and", conditions), chosen, node) if conditions else chosen
    return node


def rank(low: Builder, site: Site) -> int:
    """ARRAY RANK(array, rank[, second array]): position, from 1, of the element with that ascending rank; 0 outside."""
    array, wanted, *second = site.call.args
    names = low.gathered(array)
    places = list(low.over(names, site))
    if len(places) > MAX_RANKED:
        raise UnsupportedError(f"{site.where}: RANK takes an array of at most {MAX_RANKED} elements.")
    g = low.graph
    values = [[low.node(site, a, env) for a in (array, *second)] for env in places]
    at = low.node(site, wanted)
    one, zero = g.const(1.0), g.const(0.0)
    node = zero
    for i in reversed(range(len(values))):
        place = one
        for j, other in enumerate(values):
            if j == i:
                continue
            last = g.op("le" if j < i else "lt", other[-1], values[i][-1])
            for mine, theirs in zip(values[i][-2::-1], other[-2::-1], strict=True):
                last = g.op("or", g.op("lt", theirs, mine), g.op("and", g.op("eq", theirs, mine), last))
            place = g.plus(place, g.pick(last, one, zero))
        node = g.pick(g.op("eq", place, at), g.const(i + 1.0), node)
    return node


INDEXING = (
    Function("element at", "an element of an array by computed index, as XMILE writes `x[i]`", (3, 99),
        "u, u, 1... -> u", element_at, vensim=False, xmile="a computed index"),
    Function("array rank", "RANK of XMILE: the place of the element of a rank", (2, 3), "u, 1, any -> 1", rank,
        gathers=True, vensim=False, xmile="RANK"),
)  # fmt: skip
