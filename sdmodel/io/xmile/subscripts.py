"""What XMILE leaves out: an array named without subscripts has those of the left-hand side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sdmodel.core.expression import Call, Expr, Op, Ref, key
from sdmodel.core.structure import Component, SubscriptRange, Variable

Ranges = Mapping[str, SubscriptRange]
_WHOLE = {"sum": "sum", "prod": "prod", "min": "vmin", "max": "vmax"}
"""Functions of whole arrays, and what Vensim calls them."""


def with_subscripts(equations: dict[str, Variable], ranges: Ranges) -> dict[str, Variable]:
    """Equations in which an array named without subscripts has those of the left-hand side, as XMILE means it."""
    dims = {k: _dims(v, ranges) for k, v in equations.items()}
    out: dict[str, Variable] = {}
    for k, variable in equations.items():
        if not ranges:
            out[k] = variable
            continue
        components = tuple(
            Component(c.subs, c.excepts, _filled(c.expr, c.subs, dims, ranges, False)) for c in variable.components
        )
        out[k] = replace(variable, components=components)
    return out


def _dims(variable: Variable, ranges: Ranges) -> tuple[str, ...]:
    """Range names of a variable's dimensions."""
    out = []
    for place in range(len(variable.components[0].subs)):
        written = [key(c.subs[place]) for c in variable.components if place < len(c.subs)]
        if written[0] in ranges:
            out.append(written[0])
            continue
        holding = [k for k, r in ranges.items() if set(written) <= set(map(key, r.elements))]
        out.append(min(holding, key=lambda k: len(ranges[k].elements)) if holding else "")
    return tuple(out)


def _filled(
    expr: Expr, subs: tuple[str, ...], dims: Mapping[str, tuple[str, ...]], ranges: Ranges, whole: bool
) -> Expr:
    if isinstance(expr, Op):
        return Op(expr.op, tuple(_filled(a, subs, dims, ranges, False) for a in expr.args))
    if isinstance(expr, Call):
        all_of_it = expr.name in _WHOLE and len(expr.args) == 1
        if all_of_it and isinstance(expr.args[0], Ref) and (gathered := _gathered(expr.args[0], subs, dims, ranges)):
            return Call(_WHOLE[expr.name], (gathered,))
        args = tuple(_filled(a, subs, dims, ranges, all_of_it) for a in expr.args)
        own = expr.subs or (_taken(subs, dims[expr.name], ranges) if expr.name in dims else ())
        return Call(expr.name, args, own)
    if isinstance(expr, Ref) and not expr.subs and not whole and dims.get(expr.name):
        return Ref(expr.name, _taken(subs, dims[expr.name], ranges))
    return expr


def _gathered(ref: Ref, subs: tuple[str, ...], dims: Mapping[str, tuple[str, ...]], ranges: Ranges) -> Ref | None:
    """A whole array with the dimensions that are gathered over marked as Vensim marks them; None if there are none."""
    own = dims.get(ref.name, ())
    written = ref.subs or ("*",) * len(own)
    if not own or "" in own or len(written) != len(own):
        return None
    here = [key(s) for s in subs]
    marked = [
        ranges[dim if s == "*" else key(s)].name + "!" if s == "*" or (key(s) in ranges and key(s) not in here) else s
        for s, dim in zip(written, own, strict=True)
    ]
    return Ref(ref.name, tuple(marked)) if tuple(marked) != written else None


def _taken(subs: tuple[str, ...], dims: tuple[str, ...], ranges: Ranges) -> tuple[str, ...]:
    """For each dimension of a variable the left-hand subscript that fills it; none if one is missing."""
    out = []
    for dim in dims:
        members = set(map(key, ranges[dim].elements)) if dim else set()
        fitting = [s for s in subs if key(s) == dim] or [s for s in subs if key(s) in members]
        if not fitting:
            return ()
        out.append(fitting[0])
    return tuple(out)
