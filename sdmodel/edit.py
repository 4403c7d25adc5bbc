"""Change a `Structure` by making a new one: replace a variable, cut a link, substitute in an equation."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, SupportsFloat, TypeVar, cast

from sdmodel.core.distributions import DISTRIBUTIONS
from sdmodel.core.errors import DesignError, EquationError, OverrideError, RangeError
from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, Table
from sdmodel.core.ranges import read_ranges
from sdmodel.core.schedule import Schedule, as_schedule, number
from sdmodel.core.structure import Component, Structure, Variable, dimensions, kind_of

S = TypeVar("S", bound=Structure)


def replace(model: S, name: str, value: Any, within: str | None = None) -> S:
    """Return a structure in which variable `name` is replaced by a number, value over time or expression."""
    old = model[name]
    path = as_schedule(value)
    if path is not None:
        expr: Expr = Table(path.at, path.value) if old.kind == "lookup" else schedule_expression(path)
    elif isinstance(value, SupportsFloat):
        expr = Number(constant(value, old.name))
    else:
        expr = cast(Expr, value)
    if within is not None:
        return _within(model, old, model[within], expr)
    subs = tuple(dimensions(model, old))
    components = (Component(subs, (), expr),)
    new = dataclasses.replace(old, kind=kind_of(old.name, components), components=components)
    if new.kind != "constant":
        new = dataclasses.replace(new, role="", ids=(), distribution="", origin="", documentation=_unmarked(old))
    return model.with_variable(new)


def constant(value: Any, name: str) -> float:
    """The value of a constant; raise RangeError unless it is finite."""
    found = number(value, f"'{name}'")
    if not math.isfinite(found):
        raise RangeError(f"'{name}' is given {found}; a constant must be a finite number.")
    return found


def _within(model: S, old: Variable, reader: Variable, new: Expr | str) -> S:
    """Return a model in which the equations of `reader` use `new` instead of the variable `old`."""
    if old.key not in reader.reads():
        raise EquationError(f"'{reader.name}' does not read '{old.name}', so there is no such link to replace.")
    changed = tuple(Component(c.subs, c.excepts, substitute(c.expr, old.key, new)) for c in reader.components)
    return model.with_variable(dataclasses.replace(reader, components=changed))


def cut(model: S, cause: str, effect: str) -> S:
    """Return a structure in which the link from `cause` to `effect` is cut (see `Model.cut`).

    Raises
    ------
    EquationError
        If there is no such link, or another variable has the name needed for the data series that replaces the cause.
    """
    read = model[cause]
    held = dataclasses.replace(
        read,
        name=f"{read.name} held",
        kind="data",
        components=(Component(tuple(dimensions(model, read)), (), Call("data", ())),),
        role="",
        origin="",
        outcome=False,
        sentence=f"Path of {read.name} in a base run.",
        documentation=f"Path of {read.name} in a base run.",
    )
    present = model.equations.get(held.key)
    if present is not None and present != held:  # an earlier cut of the same cause adds the same variable
        raise EquationError(
            f"The model has a variable '{present.name}' already, and the path of '{read.name}' would need that name. "
            "Rename the variable in the file."
        )
    return _within(model, read, model[effect], held.key).with_variable(held)


def with_ranges(model: S, ranges: Any) -> S:
    """Return a structure with other ranges of constants (see `Model.with_ranges`)."""
    table = read_ranges(ranges)
    for name, low, high, kind in zip(table.index, table["low"], table["high"], table["distribution"], strict=True):
        model = model.with_variable(_with_range(model[name], float(low), float(high), kind))
    return model


def _with_range(old: Variable, low: float, high: float, kind: Any) -> Variable:
    if old.kind != "constant":
        raise OverrideError(f"'{old.name}' is not a constant ({old.kind}); only constants have a range.")
    if not isinstance(kind, str) or kind not in ("", *DISTRIBUTIONS):
        raise DesignError(
            f"The range of '{old.name}' in a model is (low, high), with one of {', '.join(DISTRIBUTIONS)}. Give "
            f"choices and other distributions to the sampler: latin_hypercube({{{old.name!r}: ...}}, n)."
        )
    literals = (c.expr for c in old.components)
    values = [v for e in literals for v in (e.values if isinstance(e, Array) else [getattr(e, "value", low)])]
    outside = [v for v in values if isinstance(v, float) and not low <= v <= high]
    if outside:
        raise RangeError(
            f"'{old.name}' is {outside[0]:g} in {old.file}, outside the range {low:g} to {high:g}. Give a range that "
            f"holds the value, or set the value first: model.replace({old.name!r}, ...)."
        )
    limits = (*(end if math.isfinite(end) else None for end in (low, high)), *old.limits[2:])
    if old.role not in ("", "fixed", "uncertainty"):
        if kind not in ("", "uniform", old.distribution):
            raise DesignError(f"'{old.name}' is marked [{old.role}], which has a range and no distribution.")
        return dataclasses.replace(old, limits=limits)
    kind = kind or old.distribution or "uniform"
    mark = "[uncertainty]" if kind == "uniform" else f"[uncertainty {kind}]"
    text = f"{_unmarked(old)} {mark}".strip()
    return dataclasses.replace(old, limits=limits, role="uncertainty", distribution=kind, documentation=text)


def _unmarked(variable: Variable) -> str:
    """Documentation without the role marker, which only a constant can have."""
    marks = [f"[@{s.key}, {s.locator}]" if s.locator else f"[@{s.key}]" for s in variable.sources]
    return " ".join([variable.sentence, *(["[outcome]"] if variable.outcome else []), *marks]).strip()


def substitute(expr: Expr, name: str, value: Expr | str) -> Expr:
    """`expr` with every reference to `name` replaced by `value`; a string renames it and keeps subscripts."""
    match expr:
        case Ref() if expr.name == name:
            return dataclasses.replace(expr, name=value) if isinstance(value, str) else value
        case Op(op, args):
            return Op(op, tuple(substitute(a, name, value) for a in args))
        case Call(call, args, subs):
            return Call(call, tuple(substitute(a, name, value) for a in args), subs)
        case _:
            return expr


MAX_NESTED = 64
"""Maximum number of dates of a step schedule that is written as nested IF THEN ELSE; more become a lookup."""


def schedule_expression(schedule: Schedule) -> Expr:
    """Convert a schedule to a formula in Time, with a break at each of its dates."""
    time = Ref("time")
    if len(schedule.at) == 1:
        return Number(schedule.value[0])
    if schedule.between == "linear":
        return Call("with lookup", (time, Table(schedule.at, schedule.value)))
    if len(schedule.at) > MAX_NESTED:
        return Call("with lookup", (time, Table(schedule.at, schedule.value, "hold_backward")))
    expr: Expr = Number(schedule.value[0])
    for at, value in zip(schedule.at[1:], schedule.value[1:], strict=True):
        expr = Call("if then else", (Call("step", (Number(1.0), Number(at))), Number(value), expr))
    return expr
