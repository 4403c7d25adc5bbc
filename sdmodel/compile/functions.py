"""The functions of the language (`BUILTINS`) and the scalar operations they are lowered to (`OPS`).

Arithmetic is IEEE in every engine: a division by zero or an overflow is infinity or NaN, never an exception.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable

from sdmodel.compile.vector_operations import VECTOR_OPS
from sdmodel.core.expression import NA

INF, NAN = math.inf, math.nan
SMALL = 1e-6
"""What Vensim takes for zero in ZIDZ, XIDZ and at the start of a pulse."""


def divide(a: float, b: float) -> float:
    """IEEE division."""
    try:
        return a / b
    except ZeroDivisionError:
        if a == 0 or a != a:
            return NAN
        return math.copysign(INF, a) * math.copysign(1.0, b)


def power(a: float, b: float) -> float:
    """IEEE power; a negative base with a broken exponent is NaN."""
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


def _log_with(log: Callable[[float], float]) -> Callable[[float], float]:
    def safe(x: float) -> float:
        if x > 0:
            return log(x)
        return -INF if x == 0 else NAN

    return safe


def _quiet(f: Callable[[float], float]) -> Callable[[float], float]:
    """`f` with NaN outside its domain."""

    def safe(x: float) -> float:
        try:
            return f(x)
        except (ValueError, OverflowError):
            return NAN

    return safe


def _hyperbolic(f: Callable[[float], float], odd: bool) -> Callable[[float], float]:
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
    """Largest whole number not above x."""
    return float(math.floor(x)) if math.isfinite(x) else x


def trunc(x: float) -> float:
    """Whole part of x, towards zero."""
    return float(math.trunc(x)) if math.isfinite(x) else x


def interpolate(x: float, xs: tuple[float, ...], ys: tuple[float, ...], kind: str) -> float:
    """Value of a lookup: straight lines between points; held or extrapolated beyond the ends; NaN for NaN.

    `hold_backward` gives the last point passed, `look_forward` the next one to come, `raw` a point or `NA`.
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


OPS: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": divide,
    "neg": lambda a: -a,
    "pow": power,
    "min": minimum,
    "max": maximum,
    "abs": abs,
    "floor": floor,
    "trunc": trunc,
    "exp": exp,
    "ln": _log_with(math.log),
    "log10": _log_with(math.log10),
    "sqrt": _quiet(math.sqrt),
    "sin": _quiet(math.sin),
    "cos": _quiet(math.cos),
    "tan": _quiet(math.tan),
    "asin": _quiet(math.asin),
    "acos": _quiet(math.acos),
    "atan": math.atan,
    "sinh": _hyperbolic(math.sinh, odd=True),
    "cosh": _hyperbolic(math.cosh, odd=False),
    "tanh": math.tanh,
    "lt": lambda a, b: float(a < b),
    "le": lambda a, b: float(a <= b),
    "gt": lambda a, b: float(a > b),
    "ge": lambda a, b: float(a >= b),
    "eq": lambda a, b: float(a == b),
    "ne": lambda a, b: float(a != b),
    "and": lambda a, b: float(a != 0 and b != 0),
    "or": lambda a, b: float(a != 0 or b != 0),
    "not": lambda a: float(a == 0),
    "select": lambda c, a, b: a if c != 0 else b,
}
"""Scalar operations with IEEE meaning; truth is 1.0, falsehood 0.0."""

OPS.update(VECTOR_OPS)

COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})
LOGIC = frozenset({"and", "or", "not"})

ELEMENTWISE = {
    "exp": "exp", "ln": "ln", "log10": "log10", "sqrt": "sqrt", "abs": "abs", "sin": "sin", "cos": "cos", "tan": "tan",
    "arcsin": "asin", "arccos": "acos", "arctan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "integer": "trunc", "min": "min", "max": "max", "power": "pow", "gamma ln": "gamma_ln",
}  # fmt: skip
"""Functions of the language that are one scalar operation."""

AGGREGATES = {"sum": "add", "prod": "mul", "vmin": "min", "vmax": "max"}
"""Functions that gather over a subscript marked with `!`, and the operation they gather with."""

GATHERING = frozenset(AGGREGATES) | {"vector select", "array rank"}
"""Functions inside which a subscript with `!` has a meaning."""

STEPPED = {
    "previous": "the value of the step before",
    "delay fixed": "values of past steps", "sample if true": "a value held from step to step",
    "random 0 1": "a draw each step", "random uniform": "a draw each step", "random normal": "a draw each step",
    "random exponential": "a draw each step", "poisson": "a draw each step",
    "integ non negative": "a stock cut off at zero each step",
}  # fmt: skip
"""Functions that have a meaning on the TIME STEP grid only, and what they need it for."""

BUILTINS = frozenset(ELEMENTWISE) | frozenset(AGGREGATES) | frozenset(STEPPED) | frozenset(
    {
        "if then else", "with lookup", "integ", "smooth", "smoothi", "smooth3", "smooth3i", "smooth n", "delay1",
        "delay1i", "delay3", "delay3i", "delay n", "trend", "forecast", "initial", "active initial", "game", "zidz",
        "xidz", "step", "ramp", "pulse", "pulse train", "modulo", "quantum", "log", "elmcount", "data", "get data",
        "get lookups", "get constants", "get time value", "lookup extrapolate", "lookup forward", "lookup backward",
        "lookup invert", "vector select", "vector sort order", "vector rank", "vector reorder", "vector elm map",
        "invert matrix", "allocate available", "allocate by priority", "pi", "xpulse", "xpulse train", "xramp",
        "floor", "round", "floored modulo", "element at", "array rank",
    }
)  # fmt: skip
"""Every function name that the compiler knows; any other call is refused by name."""

REFUSED = {
    "a function of": "it states no equation",
    "delay conveyor": "conveyors are not modelled",
    "delay material": "its profile of losses is not modelled",
    "delay batch": "batches are not modelled",
    "depreciate by schedule": "it looks ahead in time",
    "depreciate straightline": "its schedule is not modelled",
    "find zero": "it is solved by iteration inside a step",
    "get data at time": "it looks at data of other times; use GET XLS DATA or a lookup",
    "get data between times": "it looks at data of other times; use GET XLS DATA or a lookup",
    "get data first time": "it looks at data of other times",
    "get data last time": "it looks at data of other times",
    "history": "it looks at past values; use DELAY FIXED",
    "internal rate of return": "it looks ahead in time",
    "demand at price": "only ALLOCATE AVAILABLE and ALLOCATE BY PRIORITY are known",
    "find market price": "only ALLOCATE AVAILABLE and ALLOCATE BY PRIORITY are known",
    "supply at price": "only ALLOCATE AVAILABLE and ALLOCATE BY PRIORITY are known",
    "market price": "only ALLOCATE AVAILABLE and ALLOCATE BY PRIORITY are known",
    "message": "it talks to the Vensim screen",
    "npv": "its discounting is not modelled; write the discounted flow into a stock",
    "queue age attrib": "queues are not modelled",
    "queue attrib": "queues are not modelled",
    "queue fifo": "queues are not modelled",
    "random beta": "only the uniform, normal and exponential distributions are known",
    "random binomial": "only the uniform, normal and exponential distributions are known",
    "random gamma": "only the uniform, normal and exponential distributions are known",
    "random lookup": "only the uniform, normal and exponential distributions are known",
    "random negative binomial": "only the uniform, normal and exponential distributions are known",
    "random poisson": "its cutting off at a minimum and a maximum is not settled",
    "random pink noise": "only the uniform, normal and exponential distributions are known",
    "random triangular": "only the uniform, normal and exponential distributions are known",
    "random weibull": "only the uniform, normal and exponential distributions are known",
    "reinitial": "it starts stocks anew during a run",
    "shift if true": "it moves values along a range at events",
    "simultaneous": "equations that need each other are not solved by iteration; put a stock or a delay between",
    "time base": "it needs a second time axis",
    "vmax all": "use VMAX with an exclamation mark",
}
"""Functions of Vensim and Stella that are refused, and why."""
