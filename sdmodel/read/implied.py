"""What XMILE leaves out: an array named without subscripts has those of the left-hand side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from sdmodel.expression import Call, Expr, Op, Ref, key
from sdmodel.model import Component, SubscriptRange, Variable

Ranges = Mapping[str, SubscriptRange]


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
        all_of_it = expr.name in ("sum", "prod", "min", "max") and len(expr.args) == 1
        args = tuple(_filled(a, subs, dims, ranges, all_of_it) for a in expr.args)
        own = expr.subs or (_taken(subs, dims[expr.name], ranges) if expr.name in dims else ())
        return Call(expr.name, args, own)
    if isinstance(expr, Ref) and not expr.subs and not whole and dims.get(expr.name):
        return Ref(expr.name, _taken(subs, dims[expr.name], ranges))
    return expr


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
