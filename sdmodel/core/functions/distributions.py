"""Draws from truncated distributions by inversion of the distribution function (scipy)."""

from __future__ import annotations

import math
from collections.abc import Callable

Cdf = Callable[..., float]


def truncated(cdf: Cdf, quantile: Cdf, whole: bool = False) -> Callable[..., float]:
    """Create the function `(u, least, most, shift, stretch, *shape)` that returns a draw.

    A uniform `u` is transformed to a draw of the standard distribution, multiplied by `stretch` and increased by
    `shift`, truncated to [least, most]. NaN for invalid arguments or an empty interval.

    Parameters
    ----------
    cdf, quantile
        `(x, *shape)` and `(probability, *shape)`, of the standard distribution.
    whole
        Whether the distribution is discrete, on the integers.
    """

    def value(u: float, least: float, most: float, shift: float, stretch: float, *shape: float) -> float:
        if not (stretch > 0 and least <= most and all(map(math.isfinite, (shift, stretch, *shape)))):
            return math.nan
        low, high = (least - shift) / stretch, (most - shift) / stretch
        if whole:
            low = math.ceil(low) - 1.0 if math.isfinite(low) else low
            high = float(math.floor(high)) if math.isfinite(high) else high
        bottom, top = cdf(low, *shape), cdf(high, *shape)
        if not bottom < top:
            return math.nan
        x = quantile(bottom + (top - bottom) * u, *shape)
        if whole:
            x = min(max(x, low + 1), high)
        return min(max(shift + stretch * x, least), most)

    return value


def counted(cdf: Cdf, mean: Callable[..., float]) -> Cdf:
    """Quantile function of a distribution on 0, 1, 2, ..., searched from its mean `(*shape)`."""

    def quantile(p: float, *shape: float) -> float:
        k = math.floor(mean(*shape))
        while k > 0 and cdf(k - 1.0, *shape) >= p:
            k -= 1
        while cdf(float(k), *shape) < p:
            k += 1
        return float(k)

    return quantile


def _beta_cdf(x: float, a: float, b: float) -> float:
    from scipy.special import betainc

    return float(betainc(a, b, min(max(x, 0.0), 1.0))) if a > 0 and b > 0 else math.nan


def _beta_quantile(p: float, a: float, b: float) -> float:
    from scipy.special import betaincinv

    return float(betaincinv(a, b, p))


def _gamma_cdf(x: float, order: float) -> float:
    from scipy.special import gammainc

    return float(gammainc(order, max(x, 0.0))) if order >= 1 else math.nan


def _gamma_quantile(p: float, order: float) -> float:
    from scipy.special import gammaincinv

    return float(gammaincinv(order, p))


def _poisson_cdf(k: float, mean: float) -> float:
    from scipy.special import pdtr

    return math.nan if not mean >= 0 else 0.0 if k < 0 else 1.0 if math.isinf(k) else float(pdtr(k, mean))


def _binomial_cdf(k: float, p: float, n: float) -> float:
    from scipy.special import bdtr

    if not (0 <= p <= 1 and n >= 0):
        return math.nan
    return 0.0 if k < 0 else 1.0 if k >= round(n) else float(bdtr(k, round(n), p))


def _failures_cdf(k: float, p: float, n: float) -> float:
    from scipy.special import nbdtr

    if not (0 < p <= 1 and n >= 1):
        return math.nan
    return 0.0 if k < 0 else 1.0 if math.isinf(k) else float(nbdtr(k, round(n), p))


_failures_quantile = counted(_failures_cdf, lambda p, n: n * (1 - p) / p)


def _trials_cdf(k: float, p: float, n: float) -> float:
    """Trials until `n` successes: at least `n`."""
    return _failures_cdf(k - round(n), p, n)


def _trials_quantile(q: float, p: float, n: float) -> float:
    return round(n) + _failures_quantile(q, p, n)


beta = truncated(_beta_cdf, _beta_quantile)
gamma = truncated(_gamma_cdf, _gamma_quantile)
poisson = truncated(_poisson_cdf, counted(_poisson_cdf, lambda mean: mean), whole=True)
binomial = truncated(_binomial_cdf, counted(_binomial_cdf, lambda p, n: n * p), whole=True)
negative_binomial = truncated(_trials_cdf, _trials_quantile, whole=True)
