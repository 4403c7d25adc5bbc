"""Dates as numbers of years."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Any, SupportsFloat

from sdmodel.core.errors import ScenarioError
from sdmodel.core.text import shorten

_NO_TIMES = ("timedelta64", "Timedelta", "complex128", "NaTType")

YEARS = frozenset(("year", "years", "yr", "yrs", "annum", "a", "年"))
"""Units of time in which a date can be expressed as a number."""


class Year(float):
    """A date converted to a number of years; valid only where the unit of time is a year."""


def counts_years(unit: str, first: float) -> bool:
    """Whether times are years: the unit says so or, where there is none, the first time looks like a year."""
    text = unit.strip().lower()
    return text in YEARS or (text in ("", "dmnl") and 1000 <= first <= 3000)


def plain(value: Any) -> Any:
    """A scalar of numpy as Python's own; numpy's text, truth values and complex numbers have a `__float__` too."""
    if type(value).__name__ == "datetime64":
        found = value.astype("datetime64[us]").item()
        return found if isinstance(found, dt.date) else str(value)  # a date that Python does not have
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "shape", None) == () else value


def year(when: Any) -> float:
    """Convert a time to a decimal year: the year plus elapsed days divided by days in the year.

    Parameters
    ----------
    when
        A number is returned unchanged; a date, a datetime or an ISO date string is converted.

    Raises
    ------
    ScenarioError
        If it is none of these.

    Examples
    --------
    >>> year("2015-07-02")
    2015.4986301369863
    """
    if isinstance(when, Year):
        return when
    when = plain(when)
    wrong = ScenarioError(
        f"{shorten(repr(when), 60)} is not a valid time. Give a number such as 2020.5 or a date such as 2020-07-01."
    )
    if isinstance(when, bool) or when is None or type(when).__name__ in _NO_TIMES:
        raise wrong
    if isinstance(when, SupportsFloat):
        try:
            return float(when)
        except OverflowError:
            raise ScenarioError("A time is too large for a floating-point number.") from None
        except TypeError:  # an array
            raise wrong from None
    if isinstance(when, str):
        try:
            when = dt.datetime.fromisoformat(when)
        except ValueError:
            raise wrong from None
    if isinstance(when, dt.date):
        if not isinstance(when, dt.datetime):
            when = dt.datetime(when.year, when.month, when.day)
        when = when.replace(tzinfo=None)
        length = dt.timedelta(days=366 if calendar.isleap(when.year) else 365)
        return Year(when.year + (when - dt.datetime(when.year, 1, 1)) / length)
    raise wrong
