"""Allocation of a limited supply to claimants, by priority profiles or by priority."""

from __future__ import annotations

from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Ref, key
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Builder, Site, argument
from sdmodel.core.functions.vectors import over_last_subscript, place_of_left_side


def allocate_available(low: Builder, site: Site) -> int:
    """ALLOCATE AVAILABLE(request, priority profile, available) over the last subscript of the request."""
    request, profile, available = site.call.args
    name, elements, values = over_last_subscript(low, site, request)
    if not isinstance(profile, Ref) or not profile.subs:
        raise EquationError(f"{site.where}: the priority profile of ALLOCATE AVAILABLE must be a variable.")
    kind = key(profile.subs[-1])
    holding = [elements for elements in low.ranges.values() if kind in map(key, elements)]
    family = max(holding, key=len, default=())
    at = [key(e) for e in family].index(kind) if family else 0
    if len(family) < at + 4:
        raise EquationError(
            f"{site.where}: the last subscript of the priority profile must be the first of four elements "
            "(kind, priority, width, extra)."
        )
    cells = list(values)
    for e in elements:
        fields = [Ref(profile.name, (*profile.subs[:-1], field)) for field in family[at : at + 4]]
        one = [argument(low, site, field, {name: e}) for field in fields]
        _check_profile(low, site, e, one)
        cells.extend(one)
    place = low.graph.const(float(place_of_left_side(low, site, name, elements)))
    supply = argument(low, site, available)
    enough = low.graph.op("ge", supply, low.graph.const(0.0))
    low.require(site, enough, "ALLOCATE AVAILABLE cannot share a negative amount")
    return low.graph.op("allocate_available", place, supply, *cells)


def _check_profile(low: Builder, site: Site, element: str, profile: list[int]) -> None:
    """Require a known kind of curve, and a positive width where the curve has one."""
    g = low.graph
    kind, _, width, _ = profile
    kinds = [g.op("eq", kind, g.const(float(k))) for k in range(5)]
    low.require(
        site,
        low.fold("or", kinds),
        f"ALLOCATE AVAILABLE knows the profiles 0 to 4 (fixed quantity, rectangular, triangular, normal, exponential); "
        f"that of '{element}' is another",
    )
    low.require(
        site,
        g.op("or", kinds[0], g.op("gt", width, g.const(0.0))),
        f"ALLOCATE AVAILABLE needs widths above 0; that of '{element}' is not",
    )


def allocate_by_priority(low: Builder, site: Site) -> int:
    """ALLOCATE BY PRIORITY(request, priority, size, width, supply) over the last subscript of the request."""
    request, priority, _, width, supply = site.call.args
    name, elements, values = over_last_subscript(low, site, request)
    priorities = [argument(low, site, priority, {name: e}) for e in elements]
    place = low.graph.const(float(place_of_left_side(low, site, name, elements)))
    head = [argument(low, site, a) for a in (width, supply)]
    wide, enough = (low.graph.op(op, n, low.graph.const(0.0)) for op, n in zip(("gt", "ge"), head, strict=True))
    low.require(site, wide, "ALLOCATE BY PRIORITY needs a width above 0")
    low.require(site, enough, "ALLOCATE BY PRIORITY cannot share a negative supply")
    return low.graph.op("allocate_by_priority", place, *head, *values, *priorities)


ALLOCATIONS = (
    Function("allocate available",
        "profiles 0 to 4: fixed quantity, rectangular, triangular, normal, exponential; constant elasticity is refused",
        (3, 3), "u, any, u -> u", allocate_available),
    Function("allocate by priority", "as Vensim's help describes it", (5, 5), "u, v, 1, v, u -> u",
        allocate_by_priority),
)  # fmt: skip
