"""Formulas in the files of experiments, such as ``100 * gain('trough', 'gradual exit', 'abrupt exit')``.

A formula holds numbers, texts in quotes, lists, ``+ - * / **``, comparisons, ``& |``, names and calls of functions that
the caller hands over. It is parsed with `ast` and evaluated node by node; nothing is compiled or executed.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import numpy as np

from sdmodel.core.errors import DesignError, UnknownNameError

MOST = 2_000
"""Largest number of characters of a formula."""
_OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.USub: operator.neg,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
}


@cache
def _tree(text: str) -> ast.expr:
    if len(text) > MOST:
        raise DesignError(f"A formula has {len(text):,} characters; {MOST:,} are allowed.")
    try:
        return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise DesignError(f"The formula '{text[:80]}' cannot be read: {error}.") from None


def evaluate(text: str, functions: Mapping[str, Callable[..., Any]], names: Mapping[str, Any] | None = None) -> Any:
    """Evaluate a formula.

    Parameters
    ----------
    text
        The formula.
    functions
        Functions that it may call, by name.
    names
        Values of bare names.

    Raises
    ------
    DesignError
        If the text is not a formula or uses syntax that is not in the module's list.
    UnknownNameError
        If it uses an unknown function or name.

    Examples
    --------
    >>> evaluate("2 * double(x) - 1", {"double": lambda x: 2 * x}, {"x": 3.0})
    11.0
    """
    known = names or {}

    def work(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=value) if isinstance(value, (bool, int, float, str)):
                return value
            case ast.List(elts=parts):
                return [work(part) for part in parts]
            case ast.Name(id=name):
                if name not in known:
                    raise UnknownNameError(name, known, "name", f"It is in the formula '{text[:80]}'.")
                return known[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](work(left), work(right))
            case ast.UnaryOp(op=op, operand=operand) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](work(operand))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPERATORS:
                return _OPERATORS[type(op)](work(left), work(right))
            case ast.Call(func=ast.Name(id=name), args=args, keywords=keywords) if all(k.arg for k in keywords):
                if name not in functions:
                    raise UnknownNameError(name, functions, "function", f"It is in the formula '{text[:80]}'.")
                return functions[name](*map(work, args), **{str(k.arg): work(k.value) for k in keywords})
        raise DesignError(f"The formula '{text[:80]}' holds '{ast.unparse(node)[:40]}', which no formula may.")

    with np.errstate(all="ignore"):
        return work(_tree(text))


def first_texts(text: str) -> Iterator[tuple[str, list[str]]]:
    """Functions that a formula calls, in the order of the text, each with its string arguments."""
    calls = [node for node in ast.walk(_tree(text)) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        texts = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
        yield ast.unparse(node.func), texts
