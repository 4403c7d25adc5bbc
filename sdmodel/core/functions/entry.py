"""The entry of a function, and of the scalar operation that some functions are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdmodel.core.functions.protocols import Build, Graph

Derivative = Callable[[Graph, int, Sequence[int], Sequence[int]], int]
"""`(graph, node, arguments, changes of the arguments) -> change of the node`, as nodes."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A scalar operation on floats; truth is 1.0, falsehood 0.0."""

    name: str
    value: Callable[..., float]
    """IEEE meaning: an overflow or a division by zero is infinity or NaN, never an exception."""
    lanes: Callable[..., str] | None = None
    """`(lanes, x, ...) -> result` (`sdmodel.core.functions.protocols.Lanes`); None: the kernel of sweeps refuses it."""
    derivative: Derivative | None = None
    """None: gradients refuse it, or know it themselves (sums, products, choices, lookups)."""
    weight: int = 1
    """About how many instructions it takes on lanes."""
    called: bool = False
    """Whether large programs call it on lanes as a function of its own, in place of writing it out at each use."""
    fast: Callable[..., float] | None = None
    """As `value` for ordinary arguments, but may raise ArithmeticError or ValueError; None: `value`."""
    flat: bool = False
    """Whether it changes at jumps only."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language."""

    name: str
    """Its key in expressions: small letters, blanks."""
    sentence: str
    """What it gives, for the page of the language."""
    arguments: tuple[int, int]
    """Least and most number of arguments; a most above 99 is any number."""
    unit: str
    """Units of arguments and result (see `sdmodel.validation.static.signatures`); empty if they depend on values."""
    build: Build | None = None
    """Adds its nodes; None for an operation, or for a statement that the lowering itself reads."""
    operation: Operation | None = None
    """The operation it is, if it is one."""
    steps: str = ""
    """What it needs the TIME STEP grid for; empty if it runs with exact dates as well."""
    gathers: bool = False
    """Whether a subscript with `!` has a meaning in it."""
    vensim: bool = True
    """Whether Vensim has a word for it."""
    xmile: str = ""
    """How XMILE spells it, where that is not its name."""
    renamed: bool = False
    """Whether XMILE's word takes the same arguments, so that reading it is a change of name."""
