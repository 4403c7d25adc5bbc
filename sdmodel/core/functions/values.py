"""IEEE arithmetic on floats: a division by zero or an overflow gives infinity or NaN, never an exception."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from sdmodel.core.expression import NA

INF, NAN = math.inf, math.nan
SMALL = 1e-6
"""Vensim's tolerance for zero in ZIDZ, XIDZ and at the start of a pulse."""


def divide(a: float, b: float) -> float:
    """IEEE division."""
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0 or a != a:
            return NAN
        return math.copysign(INF, a) * math.copysign(1.0, b)


def power(a: float, b: float) -> float:
    """IEEE power; a negative base with a non-integer exponent gives NaN."""
    try:
        return math.pow(a, b)
    except OverflowError:
        odd = b == int(b) and int(b) % 2 == 1
        return -INF if a < 0 and odd else INF
    except ValueError:
        return INF if a == 0 else NAN


def exp(x: float) -> float:
    """IEEE exponential."""
    try:
        return math.exp(x)
    except OverflowError:
        return INF


def log_with(log: Callable[[float], float]) -> Callable[[float], float]:
    """Extend a logarithm: minus infinity at 0 and NaN below."""

    def safe(x: float) -> float:
        if x > 0:
            return log(x)
        return -INF if x == 0 else NAN

    return safe


def nan_outside(f: Callable[[float], float]) -> Callable[[float], float]:
    """Extend `f` with NaN outside its domain."""

    def safe(x: float) -> float:
        try:
            return f(x)
        except (ValueError, OverflowError):
            return NAN

    return safe


def infinite_beyond(f: Callable[[float], float], odd: bool) -> Callable[[float], float]:
    """Extend `f` with infinity where it overflows, with the sign of its argument if `odd`."""

    def safe(x: float) -> float:
        try:
            return f(x)
        except OverflowError:
            return math.copysign(INF, x) if odd else INF

    return safe


def minimum(a: float, b: float) -> float:
    """The smaller; NaN if either is."""
    return a if a < b or a != a else b


def maximum(a: float, b: float) -> float:
    """The larger; NaN if either is."""
    return a if a > b or a != a else b


def floor(x: float) -> float:
    """Largest integer not greater than x."""
    return float(math.floor(x)) if math.isfinite(x) else x


def trunc(x: float) -> float:
    """Integer part of x, rounded towards zero."""
    return float(math.trunc(x)) if math.isfinite(x) else x


def interpolate(x: float, xs: tuple[float, ...], ys: tuple[float, ...], kind: str) -> float:
    """Value of a lookup: linear interpolation, constant or extrapolated beyond the ends; NaN for NaN.

    `kind` `hold_backward` returns the previous point, `look_forward` the next, `raw` a point at `x` or `NA`.
    """
    if x != x:
        return NAN
    n = len(xs)
    if n == 1 and kind != "raw":
        return ys[0]
    if kind == "hold_backward":
        return ys[max(bisect_right(xs, x) - 1, 0)]
    if kind == "look_forward":
        return ys[min(bisect_left(xs, x), n - 1)]
    if kind == "raw":
        i = bisect_left(xs, x - 1e-9 * max(abs(x), 1.0))
        return ys[i] if i < n and abs(xs[i] - x) <= 1e-9 * max(abs(x), 1.0) else NA
    if x <= xs[0]:
        if kind != "extrapolate":
            return ys[0]
        i = 1
    elif x >= xs[-1]:
        if kind != "extrapolate":
            return ys[-1]
        i = n - 1
    else:
        i = bisect_right(xs, x)
    slope = divide(ys[i] - ys[i - 1], xs[i] - xs[i - 1])
    return slope * (x - xs[i - 1]) + ys[i - 1]
