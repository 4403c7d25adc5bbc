"""Sector models to one model, and one model to another with a piece replaced."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import SupportsFloat

from sdmodel import units
from sdmodel.errors import CompositionError, EquationError, UnknownNameError
from sdmodel.expression import Call, Expr, Number, Op, Ref, Table, key
from sdmodel.model import CONTROL, Component, Model, SubscriptRange, Variable
from sdmodel.scenario import Path, Scenario


def compose(
    name: str,
    sectors: Mapping[str, Model],
    *,
    stand_ins: Sequence[str] = (),
    scenarios: Mapping[str, Scenario] | None = None,
) -> Model:
    """Join sector models by name.

    A boundary input (`[from SECTOR]`) whose sector is among `sectors` becomes that sector's variable. Inputs from a
    sector named in `stand_ins` keep the value that stands in their file.

    Parameters
    ----------
    name
        Name of the composition.
    sectors
        Model by sector name; order is kept.
    stand_ins
        Sectors that are not there and are stood in for.
    scenarios
        Scenarios of the composition.

    Raises
    ------
    CompositionError
        If two sectors own a name, units or subscripts differ at a joint, an input has no owner, control variables
        or subscript ranges differ.
    """
    owners: dict[str, tuple[str, Variable]] = {}
    inputs: list[tuple[str, Variable]] = []
    for sector, model in sectors.items():
        for k, variable in model.equations.items():
            if variable.role == "input":
                inputs.append((sector, variable))
            elif k not in owners:
                owners[k] = (sector, variable)
            elif k in CONTROL:
                _same_control(owners[k], (sector, variable))
            else:
                other = owners[k][0]
                raise CompositionError(
                    f"'{variable.name}' is defined in {other} and in {sector}; a name has one owner. Mark the one that "
                    f"only stands in with [from {other}] or [from {sector}]."
                )
    synonyms = tuple(dict.fromkeys(group for model in sectors.values() for group in model.synonyms))
    ranges = _ranges(sectors)
    kept: dict[str, tuple[str, Variable]] = {}
    for sector, variable in inputs:
        owner = owners.get(variable.key)
        if owner is not None:
            _joint(sector, variable, owner, sectors, synonyms)
        elif variable.origin in sectors:
            known = (v.name for v in sectors[variable.origin].equations.values() if v.role != "input")
            near = UnknownNameError(variable.name, known)
            raise CompositionError(f"{sector} takes '{variable.name}' from {variable.origin}, which has none. {near}")
        elif variable.origin not in stand_ins:
            raise CompositionError(
                f"{sector} takes '{variable.name}' from {variable.origin}, which is not composed here. Add the sector, "
                f"or name it under stand_ins so that the value in {variable.file} stands in."
            )
        else:
            _same_stand_in(sector, variable, kept, synonyms)
    equations: dict[str, Variable] = {}
    for sector, model in sectors.items():
        for k, variable in model.equations.items():
            if k in equations or (variable.role == "input" and k in owners):
                continue
            owned = dataclasses.replace(variable, sector="" if k in CONTROL else sector)
            equations[k] = owned
    return Model(
        name=name,
        equations=MappingProxyType(equations),
        ranges=MappingProxyType(ranges),
        scenarios=MappingProxyType(dict(scenarios or {})),
        sectors=tuple(sectors),
        synonyms=synonyms,
        external=MappingProxyType({k: v for model in sectors.values() for k, v in model.external.items()}),
    )


def _same_control(first: tuple[str, Variable], second: tuple[str, Variable]) -> None:
    if [c.expr for c in first[1].components] != [c.expr for c in second[1].components]:
        raise CompositionError(
            f"'{first[1].name}' differs between {first[0]} and {second[0]}; sectors must share their time settings."
        )


def _unit_clash(a: Variable, b: Variable, synonyms: tuple[tuple[str, ...], ...]) -> bool:
    for variable in (a, b):
        if not variable.unit:
            raise CompositionError(f"{variable.where}: '{variable.name}' stands at a joint and states no unit.")
    return units.parse(a.unit, synonyms) != units.parse(b.unit, synonyms)


def _joint(
    sector: str,
    variable: Variable,
    owner: tuple[str, Variable],
    sectors: Mapping[str, Model],
    synonyms: tuple[tuple[str, ...], ...],
) -> None:
    source, owned = owner
    if variable.origin != source:
        raise CompositionError(f"{sector} takes '{variable.name}' from {variable.origin}, but {source} owns it.")
    if _unit_clash(variable, owned, synonyms):
        raise CompositionError(
            f"'{variable.name}' is in '{owned.unit}' in {source} and in '{variable.unit}' in {sector}; units must be "
            "equal."
        )
    theirs, ours = _shape(sectors[source], owned), _shape(sectors[sector], variable)
    if theirs != ours:
        raise CompositionError(
            f"'{variable.name}' has subscripts {_say(theirs)} in {source} and {_say(ours)} in {sector}; they must be "
            "equal."
        )


def _same_stand_in(
    sector: str, variable: Variable, kept: dict[str, tuple[str, Variable]], synonyms: tuple[tuple[str, ...], ...]
) -> None:
    """Two sectors that take the same absent variable must stand in for it alike."""
    other = kept.setdefault(variable.key, (sector, variable))
    if _unit_clash(variable, other[1], synonyms):
        raise CompositionError(
            f"'{variable.name}' is in '{other[1].unit}' in {other[0]} and in '{variable.unit}' in {sector}."
        )
    if [c.expr for c in other[1].components] != [c.expr for c in variable.components]:
        raise CompositionError(
            f"{other[0]} and {sector} both stand in for '{variable.name}' of {variable.origin}, with different values."
        )


def _shape(model: Model, variable: Variable) -> tuple[tuple[str, ...], ...]:
    """Elements by dimension, merged over the equations of a variable."""
    dims: list[list[str]] = []
    for component in variable.components:
        for place, sub in enumerate(component.subs):
            found = model.ranges.get(key(sub))
            if len(dims) <= place:
                dims.append([])
            dims[place].extend(e for e in (found.elements if found else (sub,)) if e not in dims[place])
    return tuple(tuple(d) for d in dims)


def _say(shape: tuple[tuple[str, ...], ...]) -> str:
    return "[" + "; ".join(", ".join(d) for d in shape) + "]" if shape else "none"


def _ranges(sectors: Mapping[str, Model]) -> dict[str, SubscriptRange]:
    out: dict[str, tuple[str, SubscriptRange]] = {}
    for sector, model in sectors.items():
        for k, found in model.ranges.items():
            first = out.setdefault(k, (sector, found))
            if first[1].elements != found.elements:
                raise CompositionError(
                    f"The range '{found.name}' is {', '.join(first[1].elements)} in {first[0]} and "
                    f"{', '.join(found.elements)} in {sector}; shared ranges must be equal."
                )
    return {k: found for k, (_, found) in out.items()}


# -- replacing --------------------------------------------------------------------------------------------------
def replaced(model: Model, name: str, value: float | Expr | Path, within: str | None) -> Model:
    """See `Model.replace`."""
    old = model[name]
    if isinstance(value, Path):
        expr = path_expression(value)
    elif isinstance(value, SupportsFloat):
        expr = Number(float(value))
    else:
        expr = value
    if within is not None:
        return _within(model, old, model[within], expr)
    subs = tuple(_dimensions(model, old))
    kind = "constant" if isinstance(expr, Number) else "lookup" if isinstance(expr, Table) else "auxiliary"
    if isinstance(expr, Call) and expr.name in ("data", "get data"):
        kind = "data"
    if old.kind == "control":
        kind = "control"
    new = dataclasses.replace(old, kind=kind, components=(Component(subs, (), expr),))
    if kind != "constant":
        new = dataclasses.replace(new, role="", ids=(), distribution="", origin="", documentation=_unmarked(old))
    return model.with_variable(new)


def _within(model: Model, old: Variable, reader: Variable, new: Expr | str) -> Model:
    """A model in which one equation reads something else instead of a variable."""
    if old.key not in reader.reads():
        raise EquationError(f"'{reader.name}' does not read '{old.name}', so there is no such link to replace.")
    changed = tuple(Component(c.subs, c.excepts, substitute(c.expr, old.key, new)) for c in reader.components)
    return model.with_variable(dataclasses.replace(reader, components=changed))


def cut(model: Model, cause: str, effect: str) -> Model:
    """See `Model.cut`."""
    read = model[cause]
    held = dataclasses.replace(
        read,
        name=f"{read.name} held",
        kind="data",
        components=(Component(tuple(_dimensions(model, read)), (), Call("data", ())),),
        role="",
        origin="",
        outcome=False,
        sentence=f"Path of {read.name} in a base run.",
        documentation=f"Path of {read.name} in a base run.",
    )
    return _within(model, read, model[effect], held.key).with_variable(held)


def _unmarked(variable: Variable) -> str:
    """Documentation without the role, which only a constant can have."""
    marks = [f"[@{s.key}, {s.locator}]" if s.locator else f"[@{s.key}]" for s in variable.sources]
    return " ".join([variable.sentence, *(["[outcome]"] if variable.outcome else []), *marks]).strip()


def _dimensions(model: Model, variable: Variable) -> list[str]:
    """Range names that span the variable, one a dimension."""
    out = []
    for place, elements in enumerate(_shape(model, variable)):
        written = [key(c.subs[place]) for c in variable.components]
        named = [w for w in written if w in model.ranges and set(model.ranges[w].elements) == set(elements)]
        named += [k for k, r in model.ranges.items() if set(r.elements) == set(elements)]
        if not named:
            raise EquationError(f"No subscript range spans dimension {place + 1} of '{variable.name}'.")
        out.append(model.ranges[named[0]].name)
    return out


def substitute(expr: Expr, name: str, value: Expr | str) -> Expr:
    """`expr` with every reference to `name` replaced by `value`, or renamed, subscripts kept, where that is a text."""
    match expr:
        case Ref() if expr.name == name:
            return dataclasses.replace(expr, name=value) if isinstance(value, str) else value
        case Op(op, args):
            return Op(op, tuple(substitute(a, name, value) for a in args))
        case Call(call, args, subs):
            return Call(call, tuple(substitute(a, name, value) for a in args), subs)
        case _:
            return expr


def path_expression(path: Path) -> Expr:
    """A dated path as a formula in Time, with a break at each of its dates."""
    time = Ref("time")
    if len(path.at) == 1:
        return Number(path.value[0])
    if path.between == "linear":
        return Call("with lookup", (time, Table(path.at, path.value)))
    expr: Expr = Number(path.value[0])
    for at, value in zip(path.at[1:], path.value[1:], strict=True):
        expr = Call("if then else", (Op(">=", (time, Number(at))), Number(value), expr))
    return expr
