"""Find the flows of a model in the equations of its stocks: inflows, outflows, and the variables they depend on.

Vensim files do not mark flows; they hold ``stock = INTEG(rate, start)``. The rate is a sum of terms. A term
that is a single auxiliary is a flow of that name; the same auxiliary with the opposite sign in another stock makes it
a flow from that stock to this one. All other terms are combined into one unnamed inflow and one unnamed outflow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sdmodel.core.expression import INTEGRALS, Array, Call, Expr, Number, Op, Ref, key
from sdmodel.core.structure import Variable
from sdmodel.model import Model

_MOVING = ("time", "step", "ramp", "pulse", "pulse train")


@dataclass(frozen=True, slots=True)
class Flow:
    """One pipe of the diagram. Stocks are keys of the model; an empty key is a cloud (outside the model)."""

    name: str
    """Written name of the auxiliary that is the flow; empty for combined terms."""
    source: str
    target: str
    net: bool
    """Whether the flow may fill or drain `target`."""
    drivers: tuple[str, ...]
    """Keys of the variables that the flow reads, in file order: auxiliaries, stocks, inputs from other sectors, data.
    Constants only if there are no others."""

    @property
    def within(self) -> bool:
        """Whether it moves content between the elements of one subscripted stock."""
        return self.source == self.target


def flows(model: Model) -> list[Flow]:
    """List every flow of a model, in the order of its stocks."""
    named: dict[str, dict[str, list[str]]] = {}
    loose: list[tuple[str, str, Expr]] = []
    for stock in model.equations.values():
        if stock.kind == "stock":
            for sign, term in (pair for c in stock.components for pair in _terms(_rate(c.expr))):
                name, way = _name(model, term), _way(model, stock.key, sign, term)
                if name:
                    named.setdefault(name, {}).setdefault(stock.key, []).append(way)
                else:
                    loose.append((stock.key, way, term))
    found = [flow for name, places in named.items() for flow in _pipes(model, name, places)]
    for filled in [spot for spot in loose if spot[1] == "+"]:
        drained = next((spot for spot in loose if spot[1:] == ("-", filled[2]) and spot[0] != filled[0]), None)
        if drained is not None:
            found.append(_flow(model, "", drained[0], filled[0], _names(filled[2]), False))
            loose.remove(filled)
            loose.remove(drained)
    for stock_key, way in dict.fromkeys((k, way) for k, way, _ in loose):
        read = set().union(*(_names(term) for k, w, term in loose if (k, w) == (stock_key, way)))
        ends = (stock_key, "") if way == "-" else ("", stock_key)
        found.append(_flow(model, "", *ends, read, way == "net"))
    order = {k: i for i, k in enumerate(model.equations)}
    return sorted(found, key=lambda flow: order[flow.target or flow.source])


def stocks_behind(model: Model, name: str) -> frozenset[str]:
    """Keys of the stocks that a variable depends on at the same time, through auxiliaries; for a stock, its own key."""
    seen: set[str] = set()
    todo = [key(name)]
    while todo:
        variable = model.equations.get(todo.pop())
        if variable is None or variable.key in seen:
            continue
        seen.add(variable.key)
        if variable.kind != "stock":
            todo.extend(_reads(variable))
    return frozenset(k for k in seen if model.equations[k].kind == "stock")


def _pipes(model: Model, name: str, places: dict[str, list[str]]) -> Iterator[Flow]:
    """The pipes of one named flow: stocks that it fills are paired with stocks that it drains, as far as both exist."""
    read = _reads(model.equations[name])
    drained = [stock for stock, signs in places.items() if "-" in signs and "net" not in signs]
    left = [stock for stock in drained if "+" not in places[stock]]
    for stock, signs in places.items():
        if "net" in signs:
            yield _flow(model, name, "", stock, read, True)
        elif "-" in signs and "+" in signs:
            yield _flow(model, name, stock, stock, read, False)
        elif "+" in signs:
            source = left.pop(0) if left else drained[-1] if drained else ""
            yield _flow(model, name, source, stock, read, False)
    for stock in left:
        yield _flow(model, name, stock, "", read, False)


def _flow(model: Model, name: str, source: str, target: str, read: set[str], net: bool) -> Flow:
    known = [v for k, v in model.equations.items() if k in read and v.kind not in ("lookup", "control")]
    moving = [v for v in known if _moves(model, v.key)]
    drivers = moving if any(v.key not in (source, target) for v in moving) else known
    written = model.equations[name].name if name else ""
    return Flow(written, source, target, net, tuple(v.key for v in drivers))


def _moves(model: Model, name: str) -> bool:
    """Whether a variable can change in a run: it depends on a stock, on time, on data or on another sector."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        k = todo.pop()
        variable = model.equations.get(k)
        if k in _MOVING or (variable is not None and (variable.kind in ("stock", "data") or variable.role == "input")):
            return True
        if variable is not None and k not in seen:
            seen.add(k)
            todo.extend(_reads(variable))
    return False


def _rate(expr: Expr) -> Expr:
    return expr.args[0] if isinstance(expr, Call) and expr.name in INTEGRALS else expr


def _terms(expr: Expr, sign: str = "+") -> Iterator[tuple[str, Expr]]:
    """The terms of a sum with their signs."""
    other = {"+": "-", "-": "+"}
    match expr:
        case Op("+", args):
            for arg in args:
                yield from _terms(arg, sign)
        case Op("-", (first, *rest)):
            yield from _terms(first, sign)
            for arg in rest:
                yield from _terms(arg, other[sign])
        case Op("neg", (arg,)):
            yield from _terms(arg, other[sign])
        case Number(0.0):
            return
        case _:
            minus, inner = _peeled(expr)
            yield other[sign] if minus else sign, inner


def _peeled(expr: Expr) -> tuple[bool, Expr]:
    """Whether a product begins with a minus sign, and the product without it: `-a*b` is read as `(-a)*b`."""
    match expr:
        case Op("neg", (arg,)):
            minus, inner = _peeled(arg)
            return not minus, inner
        case Op("*" | "/" as op, (first, *rest)):
            minus, inner = _peeled(first)
            return minus, Op(op, (inner, *rest))
    return False, expr


def _name(model: Model, term: Expr) -> str:
    """Key of the auxiliary if the term is one (alone, summed, or times a constant of 1, 0 and -1); else empty."""
    match term:
        case Call("sum", (inner,)):
            return _name(model, inner)
        case Op("*", args):
            rest = [arg for arg in args if not _chooser(model, arg)]
            return _name(model, rest[0]) if len(rest) == 1 else ""
        case Ref(name):
            variable = model.equations.get(name)
            return name if variable is not None and variable.kind != "stock" else ""
    return ""


def _way(model: Model, stock: str, sign: str, term: Expr) -> str:
    """`+` if a term fills the stock, `-` if it drains it, `net` if either (goal gap, transfer between elements)."""
    inner = term.args[0] if isinstance(term, Call) and term.name == "sum" else term
    trade = isinstance(inner, Op) and inner.op == "*" and any(-1.0 in _chooser(model, arg) for arg in inner.args)
    return "net" if trade or _gap(term, stock) else sign


def _gap(expr: Expr, stock: str) -> bool:
    """Whether the stock is subtracted from anything but a number: `(goal - stock)/time`, but not `1 - share`."""
    if isinstance(expr, Op) and expr.op == "-":
        first, *rest = expr.args
        if not isinstance(first, Number) and any(stock in _names(arg) for arg in rest):
            return True
    return isinstance(expr, (Op, Call)) and any(_gap(arg, stock) for arg in expr.args)


def _chooser(model: Model, expr: Expr) -> set[float]:
    """Values of a constant that only selects elements (1, 0) or transfers between them (1, -1); else empty."""
    if isinstance(expr, Op) and expr.op == "-" and expr.args[0] == Number(1.0) and len(expr.args) == 2:
        other = _chooser(model, expr.args[1])
        return {1 - x for x in other} if other <= {0.0, 1.0} else set()
    variable = model.equations.get(expr.name) if isinstance(expr, Ref) else None
    if variable is None or variable.kind != "constant" or variable.role == "input":
        return set()
    values = {x for c in variable.components for x in _numbers(c.expr)}
    discrete = variable.role in ("fixed", "switch", "")
    return values if discrete and values <= {-1.0, 0.0, 1.0} else set()


def _numbers(expr: Expr) -> tuple[float, ...]:
    match expr:
        case Number(value):
            return (value,)
        case Array(values):
            return values
        case Op("neg", (Number(value),)):
            return (-value,)
    return ()


def _reads(variable: Variable) -> set[str]:
    return set().union(*(_names(_rate(c.expr)) for c in variable.components))


def _names(expr: Expr) -> set[str]:
    """Names that an expression reads during the run, without arguments of INITIAL, which are read at the start only."""
    match expr:
        case Ref(name):
            return {name}
        case Call("initial", _):
            return set()
        case Call(name, args):
            return {name}.union(*map(_names, args))
        case Op(_, args):
            return set().union(*map(_names, args))
    return set()
