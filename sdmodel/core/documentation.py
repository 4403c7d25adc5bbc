"""Methods that hand over to a function of another room: their docstrings, taken from it, and their arguments."""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeVar, cast

from sdmodel.core.errors import UnknownNameError

_F = TypeVar("_F", bound=Callable[..., Any])
_QUOTES = '"""'
_ONE_PARAMETER = re.compile(r"^(\w+)\n(?: {4}.*\n)+", re.MULTILINE)
_SETTING = "Time settings are constants, as in run({'FINAL TIME': 50, 'SAVEPER': 0.5})."
INSTEAD = {
    "params": "Constants come first, as in run({'birth rate': 0.02}).",
    "initial_condition": "Values of stocks come first, as in run({'stock': 100}); initial= takes a state or a run.",
    "return_columns": "A run has all variables: run(...)[['a', 'b']].",
    "return_timestamps": "Give every=, a list of times or the time between them.",
    "output_file": "Write the result: run(...).to_csv(path).",
    **dict.fromkeys(("initial_time", "final_time", "time_step", "saveper"), _SETTING),
}
"""What to write instead of arguments of PySD's `run`."""


def described_by(module: str, function: str) -> Callable[[_F], _F]:
    """Give a method of a model all but the first line of the docstring of the function that it hands over to.

    Parameters that the method does not have are left out. The docstring is read from the source, so that neither the
    module nor the libraries it needs are loaded. An argument that the method does not have is an UnknownNameError.
    """

    def decorate(method: _F) -> _F:
        _, _, rest = _docstring(module, function).partition("\n")
        known = list(inspect.signature(method).parameters)[1:]

        def kept(entry: re.Match[str]) -> str:
            return entry[0] if entry[1] in known else ""

        taken, section, after = rest.partition("\nReturns\n")
        text = f"{method.__doc__}\n{re.sub(_ONE_PARAMETER, kept, taken)}{section}{after}"
        text = re.sub(r"^Parameters\n-+\n\n", "", text, flags=re.MULTILINE)
        method.__doc__ = re.sub(rf"\b{function}\(model(?:, )?", f"model.{method.__name__}(", text)

        @functools.wraps(method)
        def checked(*args: Any, **given: Any) -> Any:
            for name in given:
                if name not in known:
                    raise UnknownNameError(name, known, "argument", INSTEAD.get(name, ""))
            return method(*args, **given)

        return cast(_F, checked)

    return decorate


def _docstring(module: str, function: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():  # installed without its source
        return ""
    # All of the module as a syntax tree would take ten times as long, whenever a model is made.
    _, _, body = Path(spec.origin).read_text(encoding="utf-8").partition(f"\ndef {function}(")
    return inspect.cleandoc(ast.literal_eval(f'"""{body.split(_QUOTES, 2)[1]}"""'))
