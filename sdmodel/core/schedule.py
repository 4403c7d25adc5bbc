"""Schedules: values of a constant over time."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sdmodel.core.calendar import Year, plain, year
from sdmodel.core.errors import ScenarioError
from sdmodel.core.text import shorten

_BETWEEN = ("step", "linear")


@dataclass(frozen=True, slots=True)
class Schedule:
    """A value over time: `value[i]` holds from `at[i]` on (`step`), or values are interpolated linearly (`linear`).

    Before the first date a schedule has its first value and after the last date its last.
    """

    at: tuple[float, ...]
    value: tuple[float, ...]
    between: str = "step"

    def __post_init__(self) -> None:
        for name in ("at", "value"):
            given = getattr(self, name)
            if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
                raise ScenarioError(f"A schedule needs a list of dates and a list of values; {name} is {given!r}.")
        object.__setattr__(self, "at", tuple(year(t) for t in self.at))
        object.__setattr__(self, "value", tuple(number(v, "a schedule") for v in self.value))
        if self.between not in _BETWEEN:
            raise ScenarioError(f"A schedule goes by '{self.between}'; it can go by 'step' or 'linear'.")
        if not self.at or len(self.at) != len(self.value):
            raise ScenarioError(
                f"A schedule needs as many values as dates, at least one: {len(self.at)} and {len(self.value)}."
            )
        if not all(map(math.isfinite, (*self.at, *self.value))):
            raise ScenarioError("The dates and values of a schedule must be finite numbers.")
        if any(b <= a for a, b in zip(self.at, self.at[1:], strict=False)):
            raise ScenarioError(f"The dates of a schedule must rise: {', '.join(f'{t:g}' for t in self.at)}.")


def as_schedule(value: Any) -> Schedule | None:
    """The schedule that a value over time stands for, or None if it is no value over time.

    Parameters
    ----------
    value
        A Schedule; a pandas Series, which steps at each of its times; or points ``[(2010, 1), (2020, 3)]``, between
        which values are interpolated.

    Examples
    --------
    >>> as_schedule([(2010, 1), (2020, 3)]).between
    'linear'
    """
    if isinstance(value, Schedule):
        return value
    if hasattr(value, "index") and hasattr(value, "to_numpy"):
        return Schedule(tuple(value.index), tuple(value.to_numpy()))
    # Pairs as tuples only: a table of numbers, such as an array, may mean one value for each element.
    if isinstance(value, (list, tuple)) and value and all(isinstance(p, tuple) and len(p) == 2 for p in value):
        return Schedule(tuple(t for t, _ in value), tuple(x for _, x in value), "linear")
    return None


Path = Schedule
"""Name of `Schedule` in version 0.1.0, still available as `sdmodel.Path`."""


def number(value: Any, what: str) -> float:
    """A value as a float; a date becomes a year."""
    own = plain(value)
    if isinstance(own, (dt.date, dt.datetime, Year)):
        return year(own)
    try:
        if isinstance(own, (bool, str, bytes)):
            raise TypeError
        return float(own)
    except (TypeError, ValueError):
        raise ScenarioError(f"{what} is given {shorten(repr(value), 40)}, which is not a number.") from None
    except OverflowError:
        raise ScenarioError(f"{what} is given a number that is too large for a floating-point number.") from None
