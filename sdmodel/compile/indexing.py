"""Elements of arrays by computed index, and by rank."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

from sdmodel.compile.call_site import Site
from sdmodel.compile.functions import GATHERING
from sdmodel.core.errors import EquationError, UnsupportedError
from sdmodel.core.expression import Ref

if TYPE_CHECKING:
    from sdmodel.compile.lower import Lowering

MAX_RANKED = 100
_NEAR = 1e-9
"""Rounding noise of an index that is a whole number, such as one that follows from Time."""


def element_at(low: Lowering, site: Site) -> int:
    """ELEMENT AT(variable[..., *, ...], value outside, index for each `*`): whole part of the index, from 1."""
    ref, outside, *indices = site.call.args
    target = low.model.equations.get(ref.name) if isinstance(ref, Ref) else None
    if target is None or not isinstance(ref, Ref):
        raise EquationError(f"{site.where}: an index stands behind the name of an array.")
    g = low.graph
    known = low.scalars.of(target)
    waiting = [low.expr(i, site.env, site.variable, site.initial) for i in indices]
    whole = [g.op("floor", g.plus(i, g.const(_NEAR))) for i in waiting]
    miss = low.expr(outside, site.env, site.variable, site.initial)
    choices: list[list[tuple[str, int]]] = []
    """For each dimension the elements that are possible and the node of its condition (-1: none)."""
    for place, sub in enumerate(ref.subs):
        if sub != "*":
            choices.append([(low.scalars.bound(sub, site.env, site.where), -1)])
            continue
        members = low.scalars.members(target, place)
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
        chosen = low.element(target, element, site.initial)
        conditions = [c for _, c in combination if c >= 0]
        node = g.pick(low.fold("and", conditions), chosen, node) if conditions else chosen
    return node


def rank(low: Lowering, site: Site) -> int:
    """ARRAY RANK(array, rank[, second array]): the place, from 1, of the element of that rank, rising; 0 outside."""
    array, wanted, *second = site.call.args
    names = low.scalars.gathered(array, GATHERING)
    places = list(low.scalars.over(names, site.env, site.where))
    if len(places) > MAX_RANKED:
        raise UnsupportedError(f"{site.where}: RANK takes an array of at most {MAX_RANKED} elements.")
    g = low.graph
    values = [[low.expr(a, env, site.variable, site.initial) for a in (array, *second)] for env in places]
    at = low.expr(wanted, site.env, site.variable, site.initial)
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
