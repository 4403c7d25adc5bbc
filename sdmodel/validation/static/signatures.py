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

from sdmodel.core.functions.table import FUNCTIONS
from sdmodel.core.units import Unit, parse

SIGNATURES: dict[str, str] = {
    # operators
    "+": "u, u -> u", "-": "u, u -> u", "neg": "u -> u", "*": "u, v -> u*v", "/": "u, v -> u/v",
    "=": "u, u -> 1", "<>": "u, u -> 1", "<": "u, u -> 1", "<=": "u, u -> 1", ">": "u, u -> 1",
    ">=": "u, u -> 1",
    "and": "1, 1 -> 1", "or": "1, 1 -> 1", "not": "1 -> 1",
    **{f.name: f.unit for f in FUNCTIONS.values() if f.unit},
}  # fmt: skip

SPECIAL = frozenset({"^", *(f.name for f in FUNCTIONS.values() if not f.unit)})
"""Functions whose unit depends on more than the units of arguments; `sdmodel.validation.static.units` knows them."""


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
