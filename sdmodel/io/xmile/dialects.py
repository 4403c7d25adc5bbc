"""Equations of XMILE: text made ready for PySD's grammar, and its functions by our names."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Container
from dataclasses import replace
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import Call, Expr, Number, Op, Ref, key
from sdmodel.io.vensim.clean import MAX_NESTING
from sdmodel.io.vensim.translate import expression, shallow

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\{[^{}]*\}|[^\W\d][\w.$]*|\d+\.?\d*(?:[eE][+-]?\d+)?|\s+|.', re.DOTALL)
_CONSTANTS: dict[str, Expr] = {
    "pi": Number(math.pi), "inf": Number(math.inf), "dt": Ref("time step"), "starttime": Ref("initial time"),
    "stoptime": Ref("final time"),
}  # fmt: skip


def plain(name: str) -> str:
    """A name as XMILE spells it, with line breaks as blanks and without quotes."""
    text = name.replace("\\n", " ").strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return " ".join(text.split())


def calls_for_choices(text: str, where: str) -> str:
    """The equation in a form PySD's grammar takes: no comments, IF a THEN b ELSE c as a call at any depth."""
    tokens = [t for t in _TOKEN.findall(text) if not t.startswith("{")]
    tokens = [" " if t.isspace() else t for t in tokens]
    depth = deepest = 0
    for t in tokens:
        depth += (t in "([") - (t in ")]") if len(t) == 1 else t.upper() == "IF"
        deepest = max(deepest, depth)
    if deepest > MAX_NESTING:
        raise UnsupportedError(f"{where}: the equation is nested more than {MAX_NESTING} deep.")
    words, _ = _until(tokens, 0, (), where)
    return re.sub(r"\s+", " ", words).strip()


def _until(tokens: list[str], start: int, ends: tuple[str, ...], where: str) -> tuple[str, int]:
    """Text from a token up to one of the words or brackets that end it here, and where that stands."""
    out: list[str] = []
    i = start
    brackets = 0
    while i < len(tokens):
        word = tokens[i].upper()
        if brackets == 0 and word in ends:
            return "".join(out), i
        if word == "IF" and not _called(tokens, i):
            test, i = _until(tokens, i + 1, ("THEN",), where)
            first, i = _until(tokens, _past(tokens, i, "THEN", where), ("ELSE",), where)
            closing = tuple(dict.fromkeys((*ends, ")", "]", ",")))
            second, i = _until(tokens, _past(tokens, i, "ELSE", where), closing, where)
            out.append(f" IF_THEN_ELSE(({test}),({first}),({second})) ")
            continue
        if word in ("(", "["):
            brackets += 1
            if word == "(":
                inner, i = _until(tokens, i + 1, (")",), where)
                brackets -= 1
                out.append(f"({inner}" + (")" if i < len(tokens) else ""))
                i += 1
                continue
        elif word == "]":
            brackets = max(brackets - 1, 0)
        if word == "*" and brackets:
            out.append('"*"')
        elif word == "MOD":
            out.append(" % ")
        elif word == "%":
            raise ReadError(f"{where}: '%' is no operator; the remainder is written MOD.")
        elif "." in word and word[0] != '"' and not word[0].isdigit() and word != ".":
            out.append(f'"{tokens[i]}"')
        elif word in ("LOOKUP", "MAX", "MIN") and "(" in tokens[i + 1 : i + 3]:
            out.append(f"{word}_OF")  # PySD's parser has another use for the words
        else:
            out.append(tokens[i])
        i += 1
    return "".join(out), i


def _called(tokens: list[str], i: int) -> bool:
    """Whether IF stands as the last word of an equation, which is none."""
    return i + 1 >= len(tokens)


def _past(tokens: list[str], i: int, word: str, where: str) -> int:
    if i >= len(tokens) or tokens[i].upper() != word:
        raise ReadError(f"{where}: an IF has no {word}.")
    return i + 1


# -- functions --------------------------------------------------------------------------------------------------
def _wave(shape: str) -> Callable[[tuple[Expr, ...]], Expr]:
    def build(args: tuple[Expr, ...]) -> Expr:
        size, period = args
        angle = Op("/", (Op("*", (Number(2 * math.pi), Ref("time"))), period))
        return Op("*", (size, Call(shape, (angle,))))

    return build


def _normal(args: tuple[Expr, ...]) -> Expr:
    mean, spread, *rest = args
    low, high = (rest[1], rest[2]) if len(rest) == 3 else (Number(-math.inf), Number(math.inf))
    return Call("random normal", (low, high, mean, spread))


def _renamed(name: str, *counts: int) -> tuple[tuple[int, ...], Callable[[tuple[Expr, ...]], Expr]]:
    return counts, lambda args: Call(name, args)


_FUNCTIONS: dict[str, tuple[tuple[int, ...], Callable[[tuple[Expr, ...]], Expr]]] = {
    "integer": _renamed("floor", 1),
    "min of": (tuple(range(1, 100)), lambda a: Call("min", a)),
    "max of": (tuple(range(1, 100)), lambda a: Call("max", a)),
    "initial": _renamed("initial", 1),
    "uniform": ((2, 3), lambda a: Call("random uniform", a[:2])),
    "random": ((2, 3), lambda a: Call("random uniform", a[:2])),
    "normal": ((2, 3, 5), _normal),
    "poisson": ((1, 2), lambda a: Call("poisson", a[:1])),
    "exprnd": ((1, 2), lambda a: Call("random exponential", (Number(0.0), Number(math.inf), Number(0.0), a[0]))),
    "sinwave": ((2,), _wave("sin")),
    "coswave": ((2,), _wave("cos")),
    "percent": ((1,), lambda a: Op("*", (a[0], Number(100.0)))),
    "not": ((1,), lambda a: Op("not", a)),
    "pi": ((0,), lambda a: Number(math.pi)),
    "lookupinv": _renamed("lookup invert", 2),
}
"""XMILE functions that are known under another name or as a formula, with the numbers of arguments they take."""


def sm_expr(node: Any, where: str, names: Container[str] = ()) -> Expr:
    """PySD's node of an XMILE equation as ours; `names` are keys of variables, which go before constants such as PI."""
    return _ours(shallow(expression(node, where), where), where, names)


def _ours(expr: Expr, where: str, names: Container[str]) -> Expr:
    match expr:
        case Ref(name, ()) if name in _CONSTANTS and name not in names:
            return _CONSTANTS[name]
        case Ref(name, subs):
            return Ref(key(name), tuple(plain(s) for s in subs))
        case Op("%", args):
            return Call("floored modulo", tuple(_ours(a, where, names) for a in args))
        case Op(op, args):
            return Op(op, tuple(_ours(a, where, names) for a in args))
        case Call("lookup of", (Ref(name, subs), x)):
            return Call(name, (_ours(x, where, names),), tuple(plain(s) for s in subs))
        case Call(name, args, subs):
            made = tuple(_ours(a, where, names) for a in args)
            if name in _FUNCTIONS:
                counts, build = _FUNCTIONS[name]
                if len(made) not in counts:
                    raise ReadError(
                        f"{where}: {name.upper()} takes {' or '.join(map(str, counts))} arguments, not {len(made)}."
                    )
                return build(made)
            return replace(expr, args=made, subs=tuple(plain(s) for s in subs))
        case _:
            return expr
