"""Expression trees of array-level equations, as written in the model file.

Messages, export, unit checks and documentation use this tree; simulation uses the scalar `Program` that
`sdmodel.compile` derives from it.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

NA = -(2.0**109)
"""Vensim's `:NA:`, a number that represents a missing value; results show NaN."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; `:NA:` is the number `NA`."""

    value: float


@dataclass(frozen=True, slots=True)
class Array:
    """An array literal such as `1, 2; 3, 4;`, row by row."""

    values: tuple[float, ...]
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ref:
    """Reference to a variable by its key (see `key`), with subscripts as written; `!` marks an aggregated subscript."""

    name: str
    subs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Op:
    """An operator: `+ - * / ^ neg`, comparisons `= <> < <= > >=`, logic `and or not`."""

    op: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function, or a lookup variable called like one.

    Functions are named in lower case with blanks (`if then else`, `integ`, `smooth`, `with lookup`). `subs` are
    the subscripts of a lookup variable.
    """

    name: str
    args: tuple[Expr, ...]
    subs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Points of a lookup as written; `kind` is interpolate, extrapolate or hold_backward."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: str = "interpolate"
    limits: tuple[float, ...] = ()

    def ordered(self) -> Table:
        """Sort the points by x; points with equal x, a vertical step, keep their order."""
        points = sorted(zip(self.x, self.y, strict=True), key=lambda point: point[0])
        return Table(tuple(x for x, _ in points), tuple(y for _, y in points), self.kind, self.limits)

    def disorder(self) -> tuple[str, bool]:
        """Describe points that are out of order or share an x, and tell whether they are ambiguous."""
        falls = [x for before, x in pairwise(self.x) if x < before]
        at: dict[float, list[float]] = {}
        for x, y in zip(self.x, self.y, strict=True):
            at.setdefault(x, []).append(y)
        doubled = [x for x, ys in at.items() if len(ys) > 1]
        for x in doubled:
            count = len(set(at[x]))
            if count > 2 or (count == 2 and (falls or len(at[x]) > 2)):
                return f"the lookup has {count} different values at x = {x:g}, so it is not clear which counts", True
        if falls:
            return (
                f"the points of the lookup are out of order at x = {falls[0]:g}; they are used in the order of x",
                False,
            )
        steps = [x for x in doubled if len(set(at[x])) == 2]
        if steps:
            return (
                f"the lookup has two points at x = {steps[0]:g}, a vertical step; from there on the second counts",
                False,
            )
        return (f"the lookup has the point at x = {doubled[0]:g} twice", False) if doubled else ("", False)


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted argument, such as a file name."""

    value: str


Expr = Number | Array | Ref | Op | Call | Table | Text

INTEGRALS = ("integ", "integ non negative", "integ cut")
"""Functions of stocks; the second and third are those of XMILE's non-negative stocks."""


@lru_cache(maxsize=4096)  # a sweep of one row asks for the same names as the one before
def key(name: str) -> str:
    """Normalise a name: Vensim ignores case and quotes, and treats blanks and underscores alike.

    Examples
    --------
    >>> key('"Firm  R&D_capital"')
    'firm r&d capital'
    """
    text = name.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    return re.sub(r"[\s_]+", " ", text.replace('\\"', '"')).strip().lower()


def walk(expr: Expr) -> Iterator[Expr]:
    """Iterate over the nodes of the tree in preorder."""
    stack = [expr]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, (Op, Call)):
            stack.extend(reversed(node.args))


def names_in(expr: Expr) -> set[str]:
    """Names of all references and calls in the expression, functions included."""
    out: set[str] = set()
    for node in walk(expr):
        if isinstance(node, (Ref, Call)):
            out.add(node.name)
    return out


_LEVEL = {"or": 1, "and": 2, "not": 3, "=": 4, "<>": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6,
          "/": 6, "neg": 7, "^": 8}  # fmt: skip


def to_text(expr: Expr, spell: dict[str, str] | None = None) -> str:
    """Write an expression in Vensim's notation; `spell` maps keys to names as written.

    Examples
    --------
    >>> to_text(Op("*", (Ref("a"), Op("+", (Ref("b"), Number(1.0))))))
    'a*(b + 1)'
    """
    names = spell or {}

    def number(x: float) -> str:
        if x != x or x == NA:
            return ":NA:"
        if abs(x) == float("inf"):
            return "1e308" if x > 0 else "-1e308"
        return str(int(x)) if x == int(x) and abs(x) < 1e15 else repr(x)

    def show(node: Expr, above: int, right: bool = False) -> str:
        match node:
            case Number(value):
                text = number(value)
                return f"({text})" if value < 0 and above >= 7 else text
            case Array(values, shape):
                if len(shape) == 1:
                    return ", ".join(map(number, values))
                width = shape[-1]
                rows = [values[i : i + width] for i in range(0, len(values), width)]
                return "; ".join(", ".join(map(number, row)) for row in rows) + ";"
            case Ref(name, subs):
                return names.get(name, name) + (f"[{', '.join(subs)}]" if subs else "")
            case Call("with lookup", (arg, Table() as table)):
                return f"WITH LOOKUP({show(arg, 0)}, {show(table, 0)})"
            case Call(name, args, subs):
                head = names.get(name, name.upper()) + (f"[{', '.join(subs)}]" if subs else "")
                return f"{head}({', '.join(show(a, 0) for a in args)})"
            case Table(x, y, _, limits):
                frame = "[({},{})-({},{})],".format(*(number(limits[i]) for i in (0, 2, 1, 3))) if limits else ""
                return f"({frame}" + ",".join(f"({number(a)},{number(b)})" for a, b in zip(x, y, strict=True)) + ")"
            case Text(value):
                return f"'{value}'"
            case Op("neg", (arg,)):
                text = "-" + show(arg, 7)
                return f"({text})" if above >= 7 else text
            case Op("not", (arg,)):
                return f"(:NOT: {show(arg, 3)})" if above >= 3 else ":NOT: " + show(arg, 3)
            case Op(op, args):
                level = _LEVEL[op]
                sign = {"and": " :AND: ", "or": " :OR: ", "*": "*", "/": "/", "^": "^"}.get(op, f" {op} ")
                left, tail = args[0], args[1:]
                grows_right = op == "^"
                text = show(left, level, grows_right or level == 4) + "".join(
                    sign + show(a, level, not grows_right) for a in tail
                )
                return f"({text})" if level < above or (level == above and right) else text
        raise TypeError(f"not an expression node: {node!r}")

    return show(expr, 0)


def aggregated_ranges(expr: Expr, aggregates: Container[str]) -> list[str]:
    """Keys of the ranges marked with `!` in an expression, in order of appearance.

    Parameters
    ----------
    expr
        Argument of an aggregate such as SUM.
    aggregates
        Names of the functions that aggregate; the arguments of those inside `expr` are left out.
    """
    out: list[str] = []

    def visit(node: Expr) -> None:
        if isinstance(node, (Ref, Call)):
            out.extend(k for s in node.subs if s.endswith("!") and (k := key(s[:-1])) not in out)
        if isinstance(node, (Op, Call)):
            for a in node.args:
                if not (isinstance(a, Call) and a.name in aggregates):
                    visit(a)

    visit(expr)
    return out
