"""Argument validation: an invalid argument raises a one-line DesignError that states what is valid."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from sdmodel.core.calendar import year
from sdmodel.core.errors import DesignError, UnknownNameError


def refuse(name: str, value: object, need: str) -> DesignError:
    """Create the error for an argument of invalid type or value."""
    text = " ".join(repr(value).split())
    text = text if len(text) <= 60 else f"{text[:60]}..."
    return DesignError(f"{name}: {text} ({type(value).__name__}) is given; give {need}.")


def kind(name: str, value: object, *, types: tuple[type, ...], need: str) -> None:
    """Raise DesignError unless `value` is an instance of `types`."""
    if not isinstance(value, types):
        raise refuse(name, value, need)


def number(name: str, value: Any, *, low: float = -np.inf, above: float = -np.inf, high: float = np.inf) -> None:
    """Raise DesignError unless `value` is a finite number in [low, high] and greater than `above`."""
    value = value.item() if isinstance(value, np.generic) else value  # a comparison of a float32 may overflow
    fine = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (fine and low <= value <= high and above < value and abs(value) <= sys.float_info.max):
        ends = [f"above {above:g}"] * (above > -np.inf) + [f"of at least {low:g}"] * (low > -np.inf)
        ends += [f"of at most {high:g}"] * (high < np.inf)
        raise refuse(name, value, f"a finite number{' ' * bool(ends)}{' and '.join(ends)}")


def as_path(name: str, value: Any) -> Path:
    """The path of an argument; raise DesignError if it is none."""
    kind(name, value, types=(str, PathLike), need="a path, as a string or a pathlib.Path")
    return Path(value)


def count(name: str, value: object, *, low: int = 1, high: int | None = None) -> None:
    """Raise DesignError unless `value` is an integer in [low, high]."""
    whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not whole or value < low or (high is not None and value > high):  # type: ignore[operator]  # it is whole
        most = "" if high is None else f" and at most {high:,}"
        raise refuse(name, value, f"a whole number of at least {low}{most}")


def seed(name: str, value: object) -> None:
    """Raise DesignError unless `value` is a 64-bit integer."""
    count(name, value, low=0, high=2**64 - 1)


def choice(name: str, value: object, known: Sequence[str]) -> None:
    """Raise DesignError unless `value` is one of `known`."""
    if not isinstance(value, str) or value not in known:
        raise UnknownNameError(str(value), known, name, f"Give one of {', '.join(known)}.")


def interval(name: str, given: Any, *, closed: bool = False) -> tuple[float, float]:
    """Low and high end of a range, infinite where open; `closed` requires finite ends with low < high."""
    try:
        low, high = (float(year(end)) for end in given)
    except (TypeError, ValueError):
        low = high = np.nan
    if not low <= high or (closed and not (np.isfinite(low) and np.isfinite(high) and low < high)):
        need = "(low, high), two finite numbers that rise" if closed else "(low, high), two numbers that do not fall"
        raise refuse(f"range of '{name}'", given, need)
    return low, high
