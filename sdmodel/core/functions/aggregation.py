"""SUM, PROD, VMIN and VMAX over subscripts marked with `!`, or over a whole array in XMILE."""

from __future__ import annotations

from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Call, Expr, Ref, key, walk
from sdmodel.core.functions.entry import Function
from sdmodel.core.functions.protocols import Build, Builder, Site, argument


def _aggregate(op: str) -> Build:
    """Create the `build` of a function that aggregates over ranges with a binary operation."""

    def build(low: Builder, site: Site) -> int:
        call, inside = site.call, site.call.args[0]
        names = low.gathered(inside)
        whole = isinstance(inside, Ref) and (not inside.subs or "*" in inside.subs)
        if not names and whole and not site.variable.file.lower().endswith(".mdl"):  # Vensim refuses SUM(x)
            return low.fold(op, every_element(low, site))
        if not names:
            raise EquationError(
                f"{site.where}: {call.name.upper()} gathers over a subscript marked with an exclamation mark; none is."
            )
        alone = _alone(low, inside)  # SUM(x[d!]) in an equation of many elements is computed once
        mark = (call, site.initial)
        found = low.shared.get(mark) if alone else None
        if not isinstance(found, int):
            places = low.over(names, site)
            found = low.fold(op, [low.node(site, inside, env) for env in places])
            if alone:
                low.shared[mark] = found
        return found

    return build


def _alone(low: Builder, argument: Expr) -> bool:
    """Whether an aggregated argument is the same for every element of the left-hand side."""
    named = [n for n in walk(argument) if isinstance(n, (Ref, Call))]
    if any(isinstance(n, Call) and low.is_stepped(n.name) for n in named):
        return False
    subs = (key(s) for n in named for s in n.subs if not s.endswith("!"))
    return not any(k in low.ranges for k in (*(n.name for n in named), *subs))


def every_element(low: Builder, site: Site) -> list[int]:
    """Nodes of all elements of the variable that is the only argument of a call."""
    inside = site.call.args[0]
    known = low.elements(inside.name) if isinstance(inside, Ref) else ()
    if not isinstance(inside, Ref) or not known:
        return [argument(low, site, inside)]
    chosen = list(known)
    if inside.subs:
        allowed = [_members(low, site, s) for s in inside.subs]
        chosen = [e for e in known if all(a is None or x in a for a, x in zip(allowed, e, strict=True))]
    return [low.element_node(inside.name, e, site.initial) for e in chosen]


def _members(low: Builder, site: Site, sub: str) -> tuple[str, ...] | None:
    """Elements selected by a subscript of a whole array: the whole range if it is not on the left-hand side."""
    if sub == "*":
        return None
    found = low.ranges.get(key(sub))
    return found if found and key(sub) not in site.env else (low.bound(sub, site),)


AGGREGATES = (
    Function("sum", "over the elements marked", (1, 1), "u -> u", _aggregate("add"), gathers=True),
    Function("prod", "over the elements marked", (1, 1), "", _aggregate("mul"), gathers=True),
    Function("vmin", "least of the elements marked", (1, 1), "u -> u", _aggregate("min"), gathers=True, xmile="MIN"),
    Function("vmax", "largest of the elements marked", (1, 1), "u -> u", _aggregate("max"), gathers=True, xmile="MAX"),
)
