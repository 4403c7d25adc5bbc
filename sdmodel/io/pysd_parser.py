"""PySD's translators behind a wall: the only module that imports pysd, and it refuses one it does not know.

PySD evaluates lookup limits and numbers with `eval`, so a hostile `.mdl` could run code while it is parsed. Both
translator modules get `ast.literal_eval` under that name before they see any text; if the modules are not built as
expected, reading stops.
"""

from __future__ import annotations

import ast
import importlib
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError

_NUMBER = r"(?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?\d++)?+"
_TERM = re.compile(rf"[+-]?\s*+{_NUMBER}")
_SUM = re.compile(rf"\s*+[+-]?\s*+{_NUMBER}(?:\s*+[+-]\s*+{_NUMBER})*+\s*+")
_KNOWN = ((3, 14, 3), (3, 15, 0))
_MODULES = {
    "pysd.translators.vensim.vensim_element": ("EquationVisitor", "LookupsVisitor"),
    "pysd.translators.xmile.xmile_element": ("EquationVisitor",),
}
_SYNTAX = {"EquationVisitor": "visit_expr", "LookupsVisitor": "visit_regularLookup"}
_FORBIDDEN = frozenset({"exec", "compile", "__import__", "open", "getattr", "globals", "input"})


def literal(text: str) -> Any:
    """What PySD calls `eval` for: a number, or a list or tuple of numbers and strings; nothing is executed."""
    if _SUM.fullmatch(text):  # PySD hands over `5 - 3` as one text; 007 is a number too
        return sum(float(re.sub(r"\s+", "", part)) for part in _TERM.findall(text))
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ReadError(f"'{text.strip()[:80]}' is not a number or a list of points.") from error


def hardened(name: str) -> ModuleType:
    """Import a translator module with its `eval` taken away.

    Raises
    ------
    UnsupportedError
        If the installed PySD is not a version whose translators are known.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PySD imports chardet's detector from its old place
        import pysd

        module = importlib.import_module(name)
    version = tuple(int(p) for p in pysd.__version__.split(".")[:3] if p.isdigit())
    if not _KNOWN[0] <= version < _KNOWN[1]:
        raise UnsupportedError(
            f"PySD {pysd.__version__} is installed; its parser is known from 3.14.3 up to but not including 3.15. "
            'Install one of those: python -m pip install "pysd>=3.14.3,<3.15"'
        )
    for visitor in _MODULES[name]:
        method = getattr(getattr(module, visitor, None), _SYNTAX[visitor], None)
        code = getattr(method, "__code__", None)
        if code is None or "eval" not in code.co_names or code.co_names.count("eval") != 1:
            raise UnsupportedError(f"PySD's {name}.{visitor} is not built as expected; reading would not be safe.")
    for value in vars(module).values():
        for attribute in vars(value).values() if isinstance(value, type) and value.__module__ == name else ():
            used = set(getattr(getattr(attribute, "__code__", None), "co_names", ())) & _FORBIDDEN
            if used:
                raise UnsupportedError(f"PySD's {name} uses {', '.join(sorted(used))}; reading would not be safe.")
    module.eval = literal  # type: ignore[attr-defined]  # a name of its own hides the builtin
    module.EquationVisitor.visit_neg_expr = _sign
    return module


def _sign(visitor: Any, node: Any, parts: list[str]) -> str:
    """In place of PySD's rule, which folds the sign into a number before a power: -2^2 is -4."""
    if parts[0] == "-":
        visitor.negatives.add(parts[2])
    return parts[2]


@contextmanager
def _deep_recursion(limit: int = 20_000) -> Iterator[None]:
    """Room for nested brackets: PySD's grammar takes some twenty Python frames a level."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, limit))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def parse_equation(text: str, where: str) -> Any:
    """PySD's tree of one XMILE equation; nothing is executed.

    Raises
    ------
    ReadError
        If PySD's grammar does not take the text.
    """
    module = hardened("pysd.translators.xmile.xmile_element")
    import parsimonious

    module.parsing_ops = _xmile_operators()  # type: ignore[attr-defined]  # replaced on purpose
    with warnings.catch_warnings(), _deep_recursion():
        warnings.simplefilter("ignore")
        try:
            tree = _xmile_grammar().parse(text)
            return module.EquationVisitor(tree).translation
        except _trouble(parsimonious) as error:
            raise ReadError(f"{where}: the equation cannot be read: {text[:120]}") from error
        except RecursionError as error:
            raise UnsupportedError(f"{where}: the equation is nested too deep to be read.") from error


@cache
def _xmile_operators() -> dict[str, str]:
    """PySD's operators, but NOT is a whole word (PySD takes `notable` for NOT able) and MOD (as `%`) binds like `*`."""
    from pysd.translators.xmile.xmile_structures import parsing_ops

    return {**parsing_ops, "not_ops": r"not\b", "prod_ops": r"\*|/|%"}


@cache
def _xmile_grammar() -> Any:
    import parsimonious
    from pysd.translators.xmile.xmile_utils import Grammar

    return parsimonious.Grammar(Grammar._read_grammar("equations") % _xmile_operators())


def _trouble(parsimonious: Any) -> tuple[type[Exception], ...]:
    """What PySD's parser raises for text it does not take."""
    grammar = parsimonious.exceptions
    return grammar.ParseError, grammar.VisitationError, ValueError, KeyError, TypeError, AttributeError, IndexError


def parse_vensim(text: str, path: Path) -> Any:
    """PySD's abstract model of a cleaned `.mdl` text; nothing is written, nothing is executed.

    Raises
    ------
    ReadError
        If PySD's grammar does not take the text.
    """
    hardened("pysd.translators.vensim.vensim_element")
    import parsimonious
    from pysd.translators.vensim.vensim_file import VensimFile

    file = VensimFile.__new__(VensimFile)
    file.mdl_path = path
    file.root_path = path.parent
    file.view_elements = None
    file.sketch = ""
    file.model_text = file._clean(text)
    with warnings.catch_warnings(), _deep_recursion():
        warnings.simplefilter("ignore")
        try:
            file.parse()
            return file.get_abstract_model()
        except parsimonious.exceptions.VisitationError as error:
            raise ReadError(str(error).split("\n")[0]) from error
        except _trouble(parsimonious) as error:
            raise ReadError(str(error)) from error
        except RecursionError as error:
            raise UnsupportedError("The equations are nested too deep to be read.") from error
