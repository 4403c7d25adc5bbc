"""Which units each function takes and gives.

The notation is that of Vensim's own help (`FORECAST(units,time,time) --> units`): `u` and `v` stand for any
unit, `time` for the unit of Time, `1` for dimensionless, `any` for what is not checked; `...` repeats the
argument before it. Operators are functions too. A result `any` fits everything, because the value comes from
a file and is in whatever unit the variable states.

References
----------
Ventana Systems, Vensim Help, "Functions" (one page a function),
https://www.vensim.com/documentation/22300.html
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from sdmodel.core.units import Unit, parse

SIGNATURES: dict[str, str] = {
    # operators
    "+": "u, u -> u", "-": "u, u -> u", "neg": "u -> u", "*": "u, v -> u*v", "/": "u, v -> u/v",
    "=": "u, u -> 1", "<>": "u, u -> 1", "<": "u, u -> 1", "<=": "u, u -> 1", ">": "u, u -> 1",
    ">=": "u, u -> 1",
    "and": "1, 1 -> 1", "or": "1, 1 -> 1", "not": "1 -> 1",
    # arithmetic
    "abs": "u -> u", "integer": "u -> u", "floor": "u -> u", "round": "u -> u", "modulo": "u, u -> u",
    "floored modulo": "u, u -> u", "quantum": "u, u -> u",
    "sqrt": "u -> u^(1/2)",
    "min": "u, u... -> u", "max": "u, u... -> u", "zidz": "u, v -> u/v", "xidz": "u, v, u/v -> u/v",
    "pi": "-> 1",
    "exp": "1 -> 1", "ln": "1 -> 1", "log": "1, 1 -> 1", "log10": "1 -> 1", "gamma ln": "1 -> 1",
    "sin": "1 -> 1", "cos": "1 -> 1", "tan": "1 -> 1", "arcsin": "1 -> 1", "arccos": "1 -> 1",
    "arctan": "1 -> 1",
    "sinh": "1 -> 1", "cosh": "1 -> 1", "tanh": "1 -> 1",
    "if then else": "1, u, u -> u",
    # dates
    "step": "u, time -> u", "ramp": "u/time, time, time -> u", "pulse": "time, time -> 1",
    "pulse train": "time, time, time, time -> 1", "xramp": "u/time, time -> u",
    "xpulse": "time, u -> u/time", "xpulse train": "time, time, u -> u/time",
    # memory
    "integ": "u/time, u -> u", "integ non negative": "u/time, u -> u",
    "smooth": "u, time -> u", "smoothi": "u, time, u -> u", "smooth3": "u, time -> u",
    "smooth3i": "u, time, u -> u",
    "smooth n": "u, time, u, 1 -> u",
    "delay1": "u, time -> u", "delay1i": "u, time, u -> u", "delay3": "u, time -> u",
    "delay3i": "u, time, u -> u",
    "delay n": "u, time, u, 1 -> u", "delay fixed": "u, time, u -> u", "previous": "u, u -> u",
    "trend": "u, time, 1/time -> 1/time", "forecast": "u, time, time, 1/time -> u",
    "sample if true": "1, u, u -> u", "initial": "u -> u", "active initial": "u, u -> u", "game": "u -> u",
    # arrays
    "sum": "u -> u", "vmin": "u -> u", "vmax": "u -> u", "elmcount": "any -> 1",
    "element at": "u, u, 1... -> u", "array rank": "u, 1, any -> 1",
    "invert matrix": "u, 1 -> 1/u",
    "vector select": "1, u, u, 1, 1 -> u", "vector elm map": "u, 1 -> u", "vector sort order": "u, 1 -> 1",
    "vector rank": "u, 1 -> 1", "vector reorder": "u, 1 -> u",
    "allocate available": "u, any, u -> u", "allocate by priority": "u, v, 1, v, u -> u",
    # draws: minimum, maximum, mean or shift, deviation or stretch, seed
    "random 0 1": "-> 1", "random uniform": "u, u, any -> u", "random normal": "u, u, u, u, any -> u",
    "random exponential": "u, u, u, u, any -> u", "random triangular": "u, u, u, u, u, any -> u",
    "random poisson": "u, u, u, u, u, any -> u", "poisson": "u, any -> u",
    # tables and files
    "lookup extrapolate": "u, any -> u", "lookup forward": "u, any -> u", "lookup backward": "u, any -> u",
    "lookup invert": "any, any -> any",
    "data": "any... -> any", "get data": "any... -> any", "get lookups": "any... -> any",
    "get constants": "any... -> any", "get data between times": "u, time, any -> u",
    "get time value": "any... -> any",
}  # fmt: skip

SPECIAL = frozenset({"^", "power", "prod", "with lookup"})
"""Functions whose unit depends on more than the units of their arguments; `sdmodel.validation.static.units` knows
them."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Patterns of the arguments and of the result; None is not checked."""

    args: tuple[Unit | None, ...]
    repeats: bool
    result: Unit | None

    def pattern(self, position: int) -> Unit | None:
        """Pattern of an argument."""
        return self.args[min(position, len(self.args) - 1)]

    def takes(self, count: int) -> bool:
        """Whether so many arguments have a pattern (fewer may be given where some are optional)."""
        return count <= len(self.args) or self.repeats


@lru_cache(maxsize=256)
def signature(name: str) -> Signature | None:
    """Look up the signature of a function or operator; None if it has none.

    Examples
    --------
    >>> print(signature("ramp").args[0])
    u/time
    """
    text = SIGNATURES.get(name)
    if text is None:
        return None
    left, right = text.split("->")
    args = [a.strip() for a in left.split(",") if a.strip()]
    repeats = bool(args) and args[-1].endswith("...")
    return Signature(tuple(_pattern(a.removesuffix("...")) for a in args), repeats, _pattern(right.strip()))


def _pattern(text: str) -> Unit | None:
    return None if text == "any" else parse(text)


def fill(pattern: Unit, known: dict[str, Unit]) -> Unit | None:
    """Put known units into a pattern; None if one of its words is not known."""
    out = Unit()
    for word, exponent in pattern.powers:
        if word not in known:
            return None
        out = out * known[word] ** exponent
    return out
