"""Distributions of uncertain constants, truncated to the range in the model file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.ranges import is_distribution

DISTRIBUTIONS = ("uniform", "loguniform", "triangular", "normal", "lognormal", "integer")

_NINETY_FIVE = 2 * 1.959963984540054
"""Width, in standard deviations, of the central 95 % interval of a normal distribution."""


def quantile(
    u: np.ndarray,
    name: str,
    kind: Any,
    value: float,
    low: float,
    high: float,
    arguments: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Values of a distribution at the probabilities `u`; `kind` is its name or a frozen distribution of scipy.stats.

    Raises
    ------
    DesignError
        If the range is open, or does not fit the distribution.
    """
    from scipy import stats

    if is_distribution(kind):
        return _truncated(u, name, kind, "its distribution", low, high)
    if arguments is not None:
        return _of_scipy(u, name, kind, low, high, arguments)
    if not (math.isfinite(low) and math.isfinite(high)):
        raise DesignError(
            f"'{name}' has the open range {low:g} to {high:g} and cannot be sampled. Close it in the model file."
        )
    if low == high:
        return np.full(len(u), low)
    if kind in ("triangular", "normal", "lognormal") and not low <= value <= high:
        raise DesignError(f"'{name}' is {value:g}, which is outside its range {low:g} to {high:g}.")
    if kind in ("loguniform", "lognormal") and low <= 0:
        raise DesignError(f"'{name}' is {kind} but its range starts at {low:g}; it must start above zero.")
    if kind in ("", "uniform"):
        x = low + u * (high - low)
    elif kind == "loguniform":
        x = np.exp(math.log(low) + u * math.log(high / low))
    elif kind == "triangular":
        x = stats.triang.ppf(u, (value - low) / (high - low), loc=low, scale=high - low)
    elif kind == "normal":
        sd = (high - low) / _NINETY_FIVE
        x = stats.truncnorm.ppf(u, (low - value) / sd, (high - value) / sd, loc=value, scale=sd)
    elif kind == "lognormal":
        sd = math.log(high / low) / _NINETY_FIVE
        a, b = math.log(low / value) / sd, math.log(high / value) / sd
        x = np.exp(stats.truncnorm.ppf(u, a, b, loc=math.log(value), scale=sd))
    elif kind == "integer":
        x = np.floor(low + u * (high - low + 1))
    else:
        hint = "One of scipy.stats needs its arguments as a mapping in a column 'arguments'."
        raise DesignError(f"'{name}': {UnknownNameError(kind, DISTRIBUTIONS, 'distribution', hint)}")
    return np.clip(x, low, high)


def _of_scipy(
    u: np.ndarray, name: str, kind: str, low: float, high: float, arguments: Mapping[str, float]
) -> np.ndarray:
    """Quantiles of a distribution of scipy.stats, truncated to the range."""
    from scipy import stats

    family = getattr(stats, kind, None)
    if not isinstance(family, stats.rv_continuous):
        known = [d for d in dir(stats) if isinstance(getattr(stats, d), stats.rv_continuous)]
        raise DesignError(f"'{name}': {UnknownNameError(kind, known, 'continuous distribution of scipy.stats')}")
    try:
        frozen = family(**arguments)
        frozen.cdf(low)
    except (TypeError, ValueError) as error:
        raise DesignError(f"'{name}': scipy.stats.{kind} does not take {dict(arguments)}: {error}.") from error
    return _truncated(u, name, frozen, f"scipy.stats.{kind} with {dict(arguments)}", low, high)


_TINY = 1e-15
"""Probability from an open end of a distribution within which no value is drawn."""


def _truncated(u: np.ndarray, name: str, frozen: Any, what: str, low: float, high: float) -> np.ndarray:
    """Quantiles of a distribution, truncated to the range."""
    first, last = frozen.support()
    below, above = 0.0, 1.0
    if low > first or high < last:
        if not hasattr(frozen, "pdf"):
            raise DesignError(f"'{name}': {what} is discrete and cannot be cut to {low:g} to {high:g}.")
        below, above = frozen.cdf(low), frozen.cdf(high)
    if not above > below:
        raise DesignError(f"'{name}': {what} never lies in {low:g} to {high:g}.")
    share = np.clip(
        below + u * (above - below), 0.0 if np.isfinite(low) else _TINY, 1.0 if np.isfinite(high) else 1 - _TINY
    )
    drawn: np.ndarray = np.clip(frozen.ppf(share), low, high)
    return drawn


_TAIL = 0.025
"""Probability beyond the end that stands for an open end of a distribution."""


def closed_ends(kind: Any, low: float, high: float) -> tuple[float, float]:
    """Ends of a range; an open end of a distribution is its 2.5 % or 97.5 % quantile."""
    if not is_distribution(kind):
        return low, high
    return (
        low if np.isfinite(low) else float(kind.ppf(_TAIL)),
        high if np.isfinite(high) else float(kind.ppf(1 - _TAIL)),
    )
