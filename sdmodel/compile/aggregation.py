"""SUM, PROD, VMIN and VMAX over subscripts marked with `!`, or over a whole array of XMILE."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdmodel.compile.arrays import every_element
from sdmodel.compile.call_site import Site
from sdmodel.compile.functions import AGGREGATES, GATHERING, STEPPED
from sdmodel.core.errors import EquationError
from sdmodel.core.expression import Call, Expr, Ref, key, walk

if TYPE_CHECKING:
    from sdmodel.compile.lower import Lowering


def aggregate(low: Lowering, site: Site) -> int:
    """Node of a function that gathers over ranges."""
    call = site.call
    if len(call.args) != 1:
        raise EquationError(f"{site.where}: {call.name.upper()} takes one argument, {len(call.args)} are given.")
    op, argument = AGGREGATES[call.name], call.args[0]
    names = low.scalars.gathered(argument, GATHERING)
    if not names and isinstance(argument, Ref) and (not argument.subs or "*" in argument.subs):
        return low.fold(op, every_element(low, site))
    if not names:
        raise EquationError(
            f"{site.where}: {call.name.upper()} gathers over a subscript marked with an exclamation mark; none is."
        )
    alone = _alone(low, argument)  # SUM(x[d!]) in an equation of many elements is worked out once
    found = low.gathered.get((call, site.initial)) if alone else None
    if found is None:
        places = low.scalars.over(names, site.env, site.where)
        found = low.fold(op, [low.expr(argument, env, site.variable, site.initial) for env in places])
        if alone:
            low.gathered[call, site.initial] = found
    return found


def _alone(low: Lowering, argument: Expr) -> bool:
    """Whether an argument gathered over means the same whatever the element of the left-hand side."""
    named = [n for n in walk(argument) if isinstance(n, (Ref, Call))]
    if any(isinstance(n, Call) and n.name in STEPPED for n in named):
        return False
    subs = (key(s) for n in named for s in n.subs if not s.endswith("!"))
    return not any(k in low.model.ranges for k in (*(n.name for n in named), *subs))
