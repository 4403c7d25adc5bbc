"""Join sector models by name into one model."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from sdmodel.core import units
from sdmodel.core.arguments import kind
from sdmodel.core.errors import CompositionError, UnknownNameError
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import CONTROL, Structure, SubscriptRange, Variable, element_shape


def compose_structure(
    name: str,
    sectors: Mapping[str, Structure],
    *,
    stand_ins: Sequence[str] = (),
    scenarios: Mapping[str, Scenario] | None = None,
) -> Structure:
    """Join sectors to one structure; see `sdmodel.compose`."""
    if not isinstance(sectors, Mapping) or not all(isinstance(model, Structure) for model in sectors.values()):
        raise CompositionError("Sectors are given as a mapping from sector names to models, such as load() returns.")
    kind("name", name, types=(str,), need="a name, as a string")
    if scenarios is not None:
        kind("scenarios", scenarios, types=(Mapping,), need="a mapping from names to Scenarios")
    if not sectors:
        raise CompositionError("There are no sectors to compose; give at least one.")
    owners: dict[str, tuple[str, Variable]] = {}
    inputs: list[tuple[str, Variable]] = []
    for sector, model in sectors.items():
        for k, variable in model.equations.items():
            if variable.role == "input":
                inputs.append((sector, variable))
            elif k not in owners:
                owners[k] = (sector, variable)
            elif k in CONTROL:
                _check_control(owners[k], (sector, variable))
            else:
                other = owners[k][0]
                raise CompositionError(
                    f"'{variable.name}' is defined in {other} and in {sector}; a name has one owner. Mark the one that "
                    f"only stands in with [from {other}] or [from {sector}]."
                )
    synonyms = tuple(dict.fromkeys(group for model in sectors.values() for group in model.synonyms))
    ranges = _ranges(sectors)
    standing_in: dict[str, tuple[str, Variable]] = {}
    for sector, variable in inputs:
        owner = owners.get(variable.key)
        if owner is not None:
            _check_joint(sector, variable, owner, sectors, synonyms)
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
            _check_stand_in(sector, variable, standing_in, synonyms)
    equations: dict[str, Variable] = {}
    for sector, model in sectors.items():
        for k, variable in model.equations.items():
            if k in equations or (variable.role == "input" and k in owners):
                continue
            owned = dataclasses.replace(variable, sector="" if k in CONTROL else sector)
            equations[k] = owned
    return Structure(
        name=name,
        equations=MappingProxyType(equations),
        ranges=MappingProxyType(ranges),
        scenarios=MappingProxyType(dict(scenarios or {})),
        sectors=tuple(sectors),
        synonyms=synonyms,
        external=MappingProxyType({k: v for model in sectors.values() for k, v in model.external.items()}),
    )


def _check_control(first: tuple[str, Variable], second: tuple[str, Variable]) -> None:
    if [c.expr for c in first[1].components] != [c.expr for c in second[1].components]:
        raise CompositionError(
            f"'{first[1].name}' differs between {first[0]} and {second[0]}; sectors must have equal time settings."
        )


def _units_differ(a: Variable, b: Variable, synonyms: tuple[tuple[str, ...], ...]) -> bool:
    for variable in (a, b):
        if not variable.unit:
            raise CompositionError(f"{variable.where}: '{variable.name}' is shared between sectors and states no unit.")
    return units.parse(a.unit, synonyms) != units.parse(b.unit, synonyms)


def _check_joint(
    sector: str,
    variable: Variable,
    owner: tuple[str, Variable],
    sectors: Mapping[str, Structure],
    synonyms: tuple[tuple[str, ...], ...],
) -> None:
    source, owned = owner
    if variable.origin != source:
        raise CompositionError(f"{sector} takes '{variable.name}' from {variable.origin}, but {source} owns it.")
    if _units_differ(variable, owned, synonyms):
        raise CompositionError(
            f"'{variable.name}' is in '{owned.unit}' in {source} and in '{variable.unit}' in {sector}; units must be "
            "equal."
        )
    theirs, ours = element_shape(sectors[source], owned), element_shape(sectors[sector], variable)
    if theirs != ours:
        raise CompositionError(
            f"'{variable.name}' has subscripts {_shape_text(theirs)} in {source} and {_shape_text(ours)} in {sector}; "
            "they must be equal."
        )


def _check_stand_in(
    sector: str, variable: Variable, standing_in: dict[str, tuple[str, Variable]], synonyms: tuple[tuple[str, ...], ...]
) -> None:
    """Raise if two sectors give the same absent variable different stand-in values or units."""
    other = standing_in.setdefault(variable.key, (sector, variable))
    if _units_differ(variable, other[1], synonyms):
        raise CompositionError(
            f"'{variable.name}' is in '{other[1].unit}' in {other[0]} and in '{variable.unit}' in {sector}."
        )
    if [c.expr for c in other[1].components] != [c.expr for c in variable.components]:
        raise CompositionError(
            f"{other[0]} and {sector} both stand in for '{variable.name}' of {variable.origin}, with different values."
        )


def _shape_text(shape: tuple[tuple[str, ...], ...]) -> str:
    return "[" + "; ".join(", ".join(d) for d in shape) + "]" if shape else "none"


def _ranges(sectors: Mapping[str, Structure]) -> dict[str, SubscriptRange]:
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
