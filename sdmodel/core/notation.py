"""Formulas and function names in the notation of their source file: Vensim or XMILE."""

from __future__ import annotations

from sdmodel.core.expression import INTEGRALS, NA, Array, Call, Expr, Number, Op, Ref, Table, Text, to_text
from sdmodel.core.functions.table import FUNCTIONS

XMILE_WORDS = {f.name: f.xmile for f in FUNCTIONS.values() if f.xmile}
"""Functions of the expression tree with another name in XMILE."""
_LEVEL = {"or": 1, "and": 2, "=": 4, "<>": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, "^": 8}
_UNARY = 7


def is_xmile(file: str) -> bool:
    """Whether a file is written in XMILE, by the end of its name.

    Examples
    --------
    >>> is_xmile("lake.stmx"), is_xmile("lake.mdl")
    (True, False)
    """
    return file.lower().endswith((".xmile", ".stmx", ".itmx", ".xml"))


def function_name(name: str, file: str) -> str:
    """Name of a function as the language of a file spells it.

    Examples
    --------
    >>> function_name("delay fixed", "lake.mdl"), function_name("delay fixed", "lake.stmx")
    ('DELAY FIXED', 'DELAY')
    """
    if is_xmile(file):
        return XMILE_WORDS.get(name, name.upper())
    return "the non-negative stock" if name in INTEGRALS[1:] else name.upper()


def formula(expr: Expr, file: str, spell: dict[str, str] | None = None) -> str:
    """The formula in the language of a file; `spell` gives the written name of a key.

    Examples
    --------
    >>> rest = Call("floored modulo", (Ref("time"), Number(3.0)))
    >>> formula(Op("and", (rest, Ref("open"))), "lake.stmx", {"time": "TIME"})
    'TIME MOD 3 AND open'
    """
    return _show(expr, 0, spell or {}) if is_xmile(file) else to_text(expr, spell)


def _show(node: Expr, above: int, names: dict[str, str], right: bool = False) -> str:
    """XMILE notation of a node whose parent operator has precedence `above`."""
    match node:
        case Number(value):
            text = "NAN" if value != value or value == NA else to_text(node)
            text = text.replace("1e308", "INF") if abs(value) == float("inf") else text
            return f"({text})" if value < 0 and above >= _UNARY else text
        case Ref("time", ()):
            return names.get("time", "TIME")
        case Ref(name, subs):
            return names.get(name, name) + _brackets([_subscript(s) for s in subs])
        case Op("neg" | "not" as op, (arg,)):
            text = ("-" if op == "neg" else "NOT ") + _show(arg, _UNARY, names)
            return f"({text})" if above >= _UNARY else text
        case Op(op, (left, tail)):
            return _binary(op, left, tail, above, names, right)
        case Call("floored modulo", (left, tail)):
            return _binary("MOD", left, tail, above, names, right)
        case Call("if then else", (test, first, second)):
            parts = [_show(x, 0, names) for x in (test, first, second)]
            text = f"IF {parts[0]} THEN {parts[1]} ELSE {parts[2]}"
            return f"({text})" if above else text
        case Call("element at", (Ref(name, subs), _, *given)):
            indices = iter(_show(i, 0, names) for i in given)
            return names.get(name, name) + _brackets([next(indices, "*") if s == "*" else _subscript(s) for s in subs])
        case Call("with lookup", (arg, Table() as table)):
            return f"GRAPH({_show(arg, 0, names)}, {to_text(table)})"
        case Call(name, args, subs):
            shown = ", ".join(_show(a, 0, names) for a in _in_order(name, args))
            return f"{names.get(name, XMILE_WORDS.get(name, name.upper()))}{_brackets(list(subs))}({shown})"
        case Array() | Table() | Text() | Op():
            return to_text(node, names)


def _binary(op: str, left: Expr, tail: Expr, above: int, names: dict[str, str], right: bool) -> str:
    level = _LEVEL["*" if op == "MOD" else op]
    sign = op if op in ("*", "/", "^") else f" {op.upper()} "
    text = (
        _show(left, level, names, op == "^" or level == _LEVEL["="]) + sign + _show(tail, level, names, right=op != "^")
    )
    return f"({text})" if level < above or (level == above and right) else text


def _in_order(name: str, args: tuple[Expr, ...]) -> tuple[Expr, ...]:
    """Arguments in XMILE's order."""
    if name in ("xpulse", "xpulse train"):
        return (args[-1], *args[:-1])
    if name == "npv":
        return args[:3]
    if name in ("smooth n", "delay n") and len(args) == 4:
        return (args[0], args[1], args[3], args[2])
    return args


def _brackets(subs: list[str]) -> str:
    return f"[{', '.join(subs)}]" if subs else ""


def _subscript(sub: str) -> str:
    return "*" if sub.endswith("!") else sub
