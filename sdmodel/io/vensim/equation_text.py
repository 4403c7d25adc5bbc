"""Equations given as text in Vensim's language, parsed as those of model files; errors point at the place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sdmodel.core.errors import EquationError, UnknownNameError
from sdmodel.core.expression import Call, Expr, Ref, key, walk
from sdmodel.core.functions.refused import REFUSED
from sdmodel.core.functions.table import FUNCTIONS
from sdmodel.core.structure import Component, Structure, Variable, kind_of
from sdmodel.io.expression_tokens import NUMBER, VENSIM, ExpressionError, name_key, tokenize
from sdmodel.io.markers import parse_markers
from sdmodel.io.vensim.definitions import Definition, parse_definition, unquoted
from sdmodel.io.vensim.translate import formula_of

_POINTS = re.compile(rf"\s*+(?:\(\s*+(?=[(\[]))?+(?:\[\s*+\(|\(\s*+[-+]?+{NUMBER}\s*+,)")
"""Start of the points of a lookup."""
_SHOWN = 100
"""Largest number of characters of a line that an error shows."""


def expression_from_text(text: str, name: str, model: Structure) -> Expr:
    """The expression tree of a right-hand side, whose names are all in the model.

    Parameters
    ----------
    text
        A formula, or the points of a lookup.
    name
        Name of the variable, which the formula may read.
    model
        The model it is for.

    Raises
    ------
    EquationError
        If the text cannot be read; the message points at the place.
    UnknownNameError
        If it reads a name, calls a function or uses a subscript that the model does not have.

    Examples
    --------
    >>> import sdmodel
    >>> expression_from_text("2*trust", "twice", sdmodel.load("network"))
    Op(op='*', args=(Number(value=2.0), Ref(name='trust', subs=())))
    """
    body, kind = text, "equation"
    if _POINTS.match(text):
        kind = "lookup"
        stripped = text.strip()
        if stripped.startswith(("((", "([")) and stripped.endswith(")"):
            body = stripped[1:-1]
    try:
        if not text.strip():
            raise ExpressionError(text, 0, "a formula is expected")
        expr = formula_of(Definition(kind, name, body=body), f"'{name}'")
    except ExpressionError as error:
        raise EquationError(
            f"The equation of '{name}' cannot be read: {error.reason}.\n{_pointed(body, error.position)}"
        ) from error
    for unknown, known, what, hint in _unknown(expr, model, name):
        found = UnknownNameError(unknown, known, what, hint)
        found.args = (f"{found.args[0]}\n{_pointed(text, _place(text, unknown))}",)
        raise found
    return expr


def variable_from_text(name: str, text: str, model: Structure, unit: str = "", documentation: str = "") -> Variable:
    """A new variable of a model, from the left-hand and the right-hand side of its equation.

    Raises
    ------
    EquationError
        If the model has a variable or range of that name, or a side cannot be read.
    """
    try:
        head = parse_definition(f"{name} = 0", "")
    except ExpressionError as error:
        raise EquationError(f"The name cannot be read: {error.reason}.\n{_pointed(name, error.position)}") from error
    own = unquoted(head.name)
    if head.kind != "equation" or head.body != "0":
        raise EquationError(f"'{name}' is no name. Give the name of one variable, or name[range].")
    if key(own) in model.equations:
        raise EquationError(
            f"There is a variable '{model[own].name}' already. Change it with model.replace({own!r}, ...)."
        )
    if key(own) in model.ranges or key(own) == "time":
        raise EquationError(f"'{own}' is the name of {'Time' if key(own) == 'time' else 'a subscript range'}.")
    expr = expression_from_text(text, own, model)
    for sub in head.subscripts:
        if key(sub) not in _subscripts(model):
            hint = "Put a name with brackets of its own in quotes: '\"cost [CNY]\"'."
            raise UnknownNameError(sub, _subscripts(model).values(), "subscript", hint)
    components = (Component(head.subscripts, head.exceptions, expr),)
    marks = parse_markers(documentation, f"'{own}'")
    kind = kind_of(own, components)
    if marks.role and kind != "constant":
        raise EquationError(f"'{own}' is marked '{marks.role}', which only a constant can be; it has a formula.")
    return Variable(
        name=own, kind=kind, components=components, unit=unit, sentence=marks.sentence, documentation=documentation,
        role=marks.role, ids=marks.ids, distribution=marks.distribution, origin=marks.origin, outcome=marks.outcome,
        sources=tuple(marks.sources), file="added.mdl",
    )  # fmt: skip


def _subscripts(model: Structure) -> dict[str, str]:
    """Ranges and elements by key."""
    out = {k: r.name for k, r in model.ranges.items()}
    return out | {key(e): e for r in model.ranges.values() for e in r.elements}


def _unknown(expr: Expr, model: Structure, own: str) -> Iterator[tuple[str, list[str], str, str]]:
    """Each name that is not known: the name, those that are, what it should be, and a hint."""
    subscripts = _subscripts(model)
    variables = [own, *(v.name for v in model.equations.values())]
    for node in walk(expr):
        match node:
            case Ref(name) if name not in model.equations and name not in subscripts and name not in ("time", key(own)):
                yield name, variables, "variable", ""
            case Call(name) if name not in FUNCTIONS and name not in model.equations:
                lookups = [v.name for v in model.equations.values() if v.kind == "lookup"]
                yield name, [*FUNCTIONS, *lookups], "function or lookup", REFUSED.get(name, "")
        for sub in getattr(node, "subs", ()):
            if key(sub.rstrip("!")) not in subscripts:
                yield sub.rstrip("!"), list(subscripts.values()), "subscript", ""


def _place(text: str, name: str) -> int:
    """Position of a name in a text."""
    kinds, tokens, starts = tokenize(text, VENSIM, "")
    for kind, token, start in zip(kinds, tokens, starts, strict=True):
        if kind in ("name", "quoted") and VENSIM.rename.get(name_key(token), name_key(token)) == key(name):
            return start
    return 0


def _pointed(text: str, position: int) -> str:
    """The line of a text around a position, and a caret below it."""
    begin = text.rfind("\n", 0, position) + 1
    line = text[begin:].partition("\n")[0].replace("\t", " ")
    at = position - begin
    cut = max(0, at - _SHOWN // 2)
    return f"    {line[cut : cut + _SHOWN]}\n    {' ' * (at - cut)}^"
