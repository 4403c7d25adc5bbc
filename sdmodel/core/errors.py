"""What can go wrong, one class a situation, all below `SdmodelError`.

Every message says what was asked, what is near and what to do. Catch `SdmodelError` for all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from sdmodel.core.text import printable, shorten


class _Portable(BaseException):
    """Pickles, copies, compares and hashes by its class, message and attributes, whatever its constructor takes."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.args == other.args

    def __hash__(self) -> int:
        return hash((type(self), str(self)))


def _restored(kind: type[_Portable], args: tuple[Any, ...], attributes: dict[str, Any]) -> _Portable:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class SdmodelError(_Portable, Exception):
    """Base of every error that sdmodel raises on purpose.

    Control characters that a name brought into the message are written out, so that it can be shown anywhere.
    """

    def __str__(self) -> str:
        return printable(" ".join(map(str, self.args)))


class ReadError(SdmodelError):
    """A file cannot be read right: the message names file, line and variable where they are known."""


class UnsupportedError(ReadError):
    """The model uses something that sdmodel refuses rather than reads wrongly."""


class FixedStepError(UnsupportedError):
    """The model uses something that has a meaning on the TIME STEP grid only; the message names the methods that do."""


class UnknownNameError(SdmodelError, KeyError):
    """A name was asked for that the model (or the shipped set) does not have."""

    def __init__(self, asked: str, known: Iterable[str], what: str = "variable", hint: str = "") -> None:
        self.asked = asked
        self.near = nearest(asked, known)
        near = f" Nearest: {', '.join(self.near)}." if self.near else ""
        super().__init__(f"There is no {what} '{shorten(asked)}'.{near}{' ' + hint if hint else ''}")


class RangeError(SdmodelError, ValueError):
    """A value lies outside the admissible range that the model file states."""


class OverrideError(SdmodelError, ValueError):
    """Something other than a constant was given a value."""


class ScenarioError(SdmodelError, ValueError):
    """A scenario (or the TOML file that holds it) is not well formed."""


class CompositionError(SdmodelError):
    """Sectors do not fit together: the message names the joint."""


class UnitsError(SdmodelError):
    """A unit text, or the units of an equation, make no sense."""


class EquationError(SdmodelError):
    """An equation cannot be turned into numbers: undefined names, loops without a stock, wrong subscripts."""


class SolveError(SdmodelError, ArithmeticError):
    """A run failed: the message names the first variable and the time that went wrong."""


class DesignError(SdmodelError, ValueError):
    """A table of runs, or the call that makes one, is not well formed."""


class StoreError(SdmodelError):
    """A sweep's store on disk belongs to another sweep, is in use, or cannot be written."""


class SweepInterrupted(_Portable, KeyboardInterrupt):
    """A sweep was stopped with Ctrl-C. `result` holds what is done; rows that were not run have status 2."""

    def __init__(self, done: int, total: int, result: Any) -> None:
        self.result = result
        super().__init__(f"Stopped after {done:,} of {total:,} runs. What is done is in the exception's `result`.")


class MissingExtraError(SdmodelError, ImportError):
    """An optional package is absent; the message carries the line that installs it."""


class ReadWarning(UserWarning):
    """A file was read although it is not well formed; the message says what was repaired."""


class ResultWarning(UserWarning):
    """A result stands, but less can be read from it than was asked; the message says why and what to do."""


MAX_COMPARED = 200
"""Characters up to which names are compared, which takes time that grows with the product of their lengths."""


def nearest(asked: str, known: Iterable[str], n: int = 3) -> list[str]:
    """The names of `known` that look most like `asked`, best first.

    Examples
    --------
    >>> nearest("exit strat", ["exit start", "exit duration", "trust"])
    ['exit start', 'exit duration']
    """
    by_lower: dict[str, str] = {}
    for name in known:
        if len(name) <= MAX_COMPARED:
            by_lower.setdefault(name.lower(), name)
    low = asked[:MAX_COMPARED].lower()
    found = get_close_matches(low, by_lower, n=n, cutoff=0.6)
    if len(found) < n:
        found += [name for name in by_lower if low in name and name not in found][: n - len(found)]
    return [by_lower[name] for name in found]
