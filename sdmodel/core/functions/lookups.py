"""Lookups (interpolated, held, look-forward, extrapolated, inverted) and data functions."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Ref, Table
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Build, Builder, Site, argument


def _with_lookup(low: Builder, site: Site) -> int:
    at, table = site.call.args
    if not isinstance(table, Table):
        raise EquationError(f"{site.where}: WITH LOOKUP needs points.")
    return low.lookup(table, argument(low, site, at))


def _lookup_as(kind: str) -> Build:
    """LOOKUP EXTRAPOLATE, FORWARD and BACKWARD (lookup, x)."""

    def build(low: Builder, site: Site) -> int:
        table = _table(low, site)
        return low.lookup(dataclasses.replace(table, kind=kind), argument(low, site, site.call.args[1]))

    return build


def _lookup_invert(low: Builder, site: Site) -> int:
    """LOOKUP INVERT(lookup, y): the x at which a monotonic lookup has the value y."""
    table = _table(low, site)
    pairs = sorted(zip(table.y, table.x, strict=True))
    y, x = zip(*pairs, strict=True)
    if any(b <= a for a, b in pairwise(y)) or list(x) not in (sorted(x), sorted(x, reverse=True)):
        raise EquationError(f"{site.where}: LOOKUP INVERT needs a lookup that rises or falls all the way.")
    return low.lookup(Table(tuple(y), tuple(x)), argument(low, site, site.call.args[1]))


def _table(low: Builder, site: Site) -> Table:
    ref = site.call.args[0]
    if isinstance(ref, Table):
        return ref
    if not isinstance(ref, Ref):
        raise EquationError(f"{site.where}: the first argument of {site.call.name.upper()} must be a lookup.")
    return low.table(ref, site)


LOOKUPS = (
    Function("with lookup", "straight lines between points written in the formula", (2, 2), "", _with_lookup,
        xmile="a graphical function"),
    Function("lookup extrapolate", "a lookup whose first and last lines go on", (2, 2), "u, any -> u",
        _lookup_as("extrapolate")),
    Function("lookup forward", "the next point to come", (2, 2), "u, any -> u", _lookup_as("look_forward")),
    Function("lookup backward", "the last point passed", (2, 2), "u, any -> u", _lookup_as("hold_backward")),
    Function("lookup invert", "the x at which a lookup that rises or falls all the way has a value", (2, 2),
        "any, any -> any", _lookup_invert, xmile="LOOKUPINV", renamed=True),
    Function("data", "a variable without a formula, whose series is given to the run", (0, 99), "any... -> any"),
    Function("get data", "a series in cells of a spreadsheet or text file", (0, 99), "any... -> any"),
    Function("get lookups", "a lookup in cells of a file", (0, 99), "any... -> any"),
    Function("get constants", "constants in cells of a file", (0, 99), "any... -> any"),
)  # fmt: skip
