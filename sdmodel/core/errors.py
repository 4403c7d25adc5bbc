"""Exceptions and warnings of sdmodel; all exceptions derive from `SdmodelError`.

Every message states what was requested, which valid names or values are close, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from sdmodel.core.text import printable, shorten


class _Portable(BaseException):
    """Exception that pickles, copies, compares and hashes by class, message and attributes."""

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

    Control characters in the message are escaped, so that it is safe to print.
    """

    def __str__(self) -> str:
        return printable(" ".join(map(str, self.args)))


class ReadError(SdmodelError):
    """A file cannot be read correctly; the message names file, line and variable where they are known."""


class UnsupportedError(ReadError):
    """The model uses a feature that sdmodel does not support."""


class FixedStepError(UnsupportedError):
    """The model uses a feature defined on the TIME STEP grid only; the message names the methods that support it."""


class UnknownNameError(SdmodelError, KeyError):
    """The model, or the set of shipped models, does not contain the requested name."""

    def __init__(self, requested: str, known: Iterable[str], what: str = "variable", hint: str = "") -> None:
        requested = requested if isinstance(requested, str) else repr(requested)
        self.requested = requested
        self.near = nearest(requested, known)
        near = f" Nearest: {', '.join(self.near)}." if self.near else ""
        super().__init__(f"There is no {what} '{shorten(requested)}'.{near}{' ' + hint if hint else ''}")


class RangeError(SdmodelError, ValueError):
    """A value lies outside the admissible range in the model file."""


class OverrideError(SdmodelError, ValueError):
    """A value was assigned to a variable that is not a constant."""


class ScenarioError(SdmodelError, ValueError):
    """A scenario (or the TOML file that holds it) is not well formed."""


class CompositionError(SdmodelError):
    """Sectors cannot be composed; the message names the variable at which they do not fit."""


class UnitsError(SdmodelError):
    """A unit string is not valid, or the units of an equation are inconsistent."""


class EquationError(SdmodelError):
    """An equation cannot be evaluated: undefined names, loops without a stock, invalid subscripts."""


class SolveError(SdmodelError, ArithmeticError):
    """A run failed; the message names the first non-finite variable and its time."""


class DesignError(SdmodelError, ValueError):
    """A design (table of runs), or an argument of a function, is not valid."""


class StoreError(SdmodelError):
    """A sweep's store on disk belongs to another sweep, is in use, or cannot be written."""


class StateError(SdmodelError, ValueError):
    """A run cannot go on from a state; the message names what does not fit."""


class SweepInterrupted(_Portable, KeyboardInterrupt):
    """A sweep was stopped with Ctrl-C; `result` holds the completed runs, rows that were not run have status 2."""

    def __init__(self, done: int, total: int, result: Any) -> None:
        self.result = result
        super().__init__(f"Stopped after {done:,} of {total:,} runs. What is done is in the exception's `result`.")


class MissingExtraError(SdmodelError, ImportError):
    """An optional package is not installed; the message contains the command that installs it."""


class ReadWarning(UserWarning):
    """A file was read although it is not well formed; the message says what was repaired."""


class ResultWarning(UserWarning):
    """A result is valid but limited, for example in accuracy; the message states why and what to do."""


class UnitsWarning(UserWarning):
    """The units of an equation given as text do not agree; the message states both."""


MAX_COMPARED = 200
"""Maximum number of characters compared; the time grows with the product of the lengths."""


def nearest(requested: str, known: Iterable[str], n: int = 3) -> list[str]:
    """Names in `known` most similar to `asked`, best first.

    Examples
    --------
    >>> nearest("exit strat", ["exit start", "exit duration", "trust"])
    ['exit start', 'exit duration']
    """
    by_lower: dict[str, str] = {}
    for name in known:
        if len(name) <= MAX_COMPARED:
            by_lower.setdefault(name.lower(), name)
    low = requested[:MAX_COMPARED].lower()
    found = get_close_matches(low, by_lower, n=n, cutoff=0.6)
    if len(found) < n:
        found += [name for name in by_lower if low in name and name not in found][: n - len(found)]
    return [by_lower[name] for name in found]
