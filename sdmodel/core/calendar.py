"""Dates as numbers of years."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import SupportsFloat

from sdmodel.core.errors import ScenarioError


def year(when: float | str | dt.date | dt.datetime) -> float:
    """A time as a number of years: 2014-07-01 is 2014 plus days gone over days in the year.

    Parameters
    ----------
    when
        A number is taken as it is; a date, a datetime or an ISO date string is converted.

    Raises
    ------
    ScenarioError
        If it is none of these.

    Examples
    --------
    >>> year("2015-07-02")
    2015.4986301369863
    """
    if isinstance(when, bool) or when is None:
        raise ScenarioError(f"{when!r} is not a valid time. Give a number such as 2020.5 or a date such as 2020-07-01.")
    if isinstance(when, SupportsFloat):
        try:
            return float(when)
        except OverflowError:
            raise ScenarioError("A time is too large for a floating-point number.") from None
    if isinstance(when, str):
        try:
            when = dt.datetime.fromisoformat(when)
        except ValueError:
            raise ScenarioError(
                f"'{when}' is not a valid time. Give a number such as 2020.5 or a date such as 2020-07-01."
            ) from None
    if isinstance(when, dt.date):
        if not isinstance(when, dt.datetime):
            when = dt.datetime(when.year, when.month, when.day)
        when = when.replace(tzinfo=None)
        length = dt.timedelta(days=366 if calendar.isleap(when.year) else 365)
        return when.year + (when - dt.datetime(when.year, 1, 1)) / length
    raise ScenarioError(f"{when!r} is not a valid time. Give a number such as 2020.5 or a date such as 2020-07-01.")
