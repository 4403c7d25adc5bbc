"""Docstrings of methods that hand over to a function of another room, taken from that function."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def described_by(module: str, function: str) -> Callable[[_F], _F]:
    """Give a method of a model all but the first line of the docstring of the function that it hands over to.

    The parameter `model` is left out. The docstring is read from the source, so that neither the module nor the
    libraries it needs are loaded.
    """

    def decorate(method: _F) -> _F:
        _, _, rest = _docstring(module, function).partition("\n")
        text = f"{method.__doc__}\n{rest}"
        text = re.sub(r"^model\n(?: {4}.*\n)+", "", text, flags=re.MULTILINE)
        text = re.sub(r"^Parameters\n-+\n\n", "", text, flags=re.MULTILINE)
        method.__doc__ = re.sub(rf"\b{function}\(model(?:, )?", f"model.{method.__name__}(", text)
        return method

    return decorate


def _docstring(module: str, function: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():  # installed without its source
        return ""
    body = ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body
    found = next(node for node in body if isinstance(node, ast.FunctionDef) and node.name == function)
    return inspect.cleandoc(ast.get_docstring(found) or "")
