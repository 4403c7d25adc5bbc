"""Parsing the left-hand side of a Vensim equation: name, subscripts, exceptions, and what kind of definition it is."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sdmodel.core.errors import UnsupportedError
from sdmodel.io.expression_tokens import BODY, MAX_NAME, QUOTED, ExpressionError, strange

MAX_SUBSCRIPTS = 20
NAME = rf"(?:{QUOTED}|{BODY}++(?:[\s\\]++{BODY}++)*+)"
"""A name on the left-hand side, which may start with a digit as elements of ranges do."""
_NAME = re.compile(rf"\s*+({NAME})\s*+")
_BRACKETS = re.compile(rf"\[((?:{QUOTED}|[^\]\[\"])*+)\]\s*+")
_EXCEPT = re.compile(r":\s*+EXCEPT\s*+:\s*+", re.IGNORECASE)
_COMMA = re.compile(r",\s*+")
_PARTS = re.compile(rf"({QUOTED}|[^,\"]++)++")
_KEYWORD = re.compile(r":\s*+([A-Za-z][A-Za-z _]*+):\s*+")
_OPERATOR = re.compile(r"==|:=|<->|[=(:]")
_INTERPOLATION = ("interpolate", "raw", "hold_backward", "look_forward")
_KINDS = {"==": "equation", "=": "equation", ":=": "data", "<->": "copy", "(": "lookup", ":": "range"}


@dataclass(slots=True)
class Definition:
    """One definition; `kind` is equation, data, lookup, range, copy, text (a string variable) or check."""

    kind: str
    name: str
    """As written, quotes kept."""
    subscripts: tuple[str, ...] = ()
    exceptions: tuple[tuple[str, ...], ...] = ()
    keyword: str = ""
    """Interpolation of a data variable: interpolate, raw, hold_backward or look_forward."""
    body: str = ""
    """Text to the right of the operator; empty for a data variable without a formula."""


def written_name(text: str, where: str) -> str:
    """Normalise the blanks in a name; quotes are kept.

    Raises
    ------
    UnsupportedError
        If it is too long.
    """
    if len(text) > MAX_NAME:
        raise UnsupportedError(f"{where}: the name has {len(text):,} characters; {MAX_NAME} are allowed.")
    return text if text[0] == '"' else " ".join(re.split(r"[\s\\]+", text))


def unquoted(name: str) -> str:
    """Remove the quotes around a name; escapes inside are kept."""
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def parse_definition(text: str, where: str) -> Definition:
    """Parse the left-hand side of an equation.

    Raises
    ------
    ExpressionError
        If the left-hand side is not well formed.
    UnsupportedError
        If a name is too long or has too many subscripts.

    Examples
    --------
    >>> found = parse_definition('Stock[A, B] = INTEG(1, 0)', "here")
    >>> found.kind, found.name, found.subscripts, found.body
    ('equation', 'Stock', ('A', 'B'), 'INTEG(1, 0)')
    """
    found = _NAME.match(text)
    if found is None:
        raise ExpressionError(text, 0, strange(text, 0) if text[:1] == '"' else "a name is expected")
    position = found.end()
    out = Definition("", written_name(found.group(1), where))
    where = f"{where}: '{unquoted(out.name)}'"
    if (brackets := _BRACKETS.match(text, position)) is not None:
        out.subscripts = _subscripts(text, brackets, where)
        position = brackets.end()
    if (exception := _EXCEPT.match(text, position)) is not None:
        out.exceptions, position = _exceptions(text, exception.end(), where)
    if (keyword := _KEYWORD.match(text, position)) is not None:
        return _keyword(out, text, keyword)
    operator = _OPERATOR.match(text, position)
    if operator is None:
        if position < len(text):
            reason = f"'=' is expected, not '{text[position]}'; a name that holds other signs needs quotes,"
            raise ExpressionError(text, position, reason)
        out.kind, out.keyword = "data", "interpolate"  # Vensim's default
        return out
    out.kind = _KINDS[operator.group()]
    out.body = text[operator.end() :].strip()
    if out.kind in ("range", "copy") and (out.subscripts or out.exceptions):
        raise ExpressionError(text, position, "a subscript range cannot have subscripts")
    if out.kind == "lookup":
        if not out.body.endswith(")"):
            raise ExpressionError(text, len(text), "')' is expected")
        out.body = out.body[:-1]
    elif not out.body:
        raise ExpressionError(text, len(text), "a formula is expected")
    return out


def _keyword(out: Definition, text: str, found: re.Match[str]) -> Definition:
    """Finish a definition whose kind is given by a keyword between colons."""
    word = "_".join(found.group(1).lower().split()).strip("_")
    rest = text[found.end() :]
    if word == "is":
        out.kind, out.body = "text", rest.strip()
    elif word in ("the_condition", "test_input"):
        out.kind = "check"
    elif word in _INTERPOLATION:
        out.kind, out.keyword = "data", word
        if rest.startswith(":="):
            out.body = rest[2:].strip()
        elif rest:
            raise ExpressionError(text, found.end(), "':=' or the end is expected")
    else:
        raise ExpressionError(text, found.start(), f"':{found.group(1).strip()}:' is not a known keyword")
    return out


def _subscripts(text: str, brackets: re.Match[str], where: str) -> tuple[str, ...]:
    out = []
    for part in _PARTS.finditer(brackets.group(1)):
        name = _NAME.fullmatch(part.group())
        if name is None:
            raise ExpressionError(
                text, brackets.start(1), f"'{part.group().strip()[:40]}' is not the name of a subscript"
            )
        out.append(written_name(name.group(1), where))
    if not out or brackets.group(1).count(",") - sum(s.count(",") for s in out) != len(out) - 1:
        raise ExpressionError(text, brackets.start(1), "the name of a subscript is missing")
    if len(out) > MAX_SUBSCRIPTS:
        raise UnsupportedError(f"{where} has more than {MAX_SUBSCRIPTS} subscripts.")
    return tuple(out)


def _exceptions(text: str, position: int, where: str) -> tuple[tuple[tuple[str, ...], ...], int]:
    """Parse the groups of :EXCEPT: and return the position after them."""
    groups = []
    while True:
        brackets = _BRACKETS.match(text, position)
        if brackets is None:
            raise ExpressionError(text, position, "subscripts in brackets are expected")
        groups.append(_subscripts(text, brackets, where))
        position = brackets.end()
        comma = _COMMA.match(text, position)
        if comma is None:
            return tuple(groups), position
        position = comma.end()
