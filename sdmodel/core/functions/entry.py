"""Entries of the function table: `Function`, and `Operation` for scalar operations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdmodel.core.functions.protocols import Build, Graph

Derivative = Callable[[Graph, int, Sequence[int], Sequence[int]], int]
"""`(graph, node, arguments, derivatives of the arguments) -> derivative of the node`, as nodes."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A scalar operation on floats; true is 1.0, false 0.0."""

    name: str
    value: Callable[..., float]
    """IEEE arithmetic: an overflow or a division by zero gives infinity or NaN, never an exception."""
    lanes: Callable[..., str] | None = None
    """`(lanes, x, ...) -> result` (`sdmodel.core.functions.protocols.Lanes`); None: not in the sweep kernel."""
    derivative: Derivative | None = None
    """None: not differentiable, or handled by the gradient code itself (sums, products, choices, lookups)."""
    weight: int = 1
    """Approximate number of vector instructions."""
    called: bool = False
    """Whether large programs call it as a separate vector function instead of inlining it."""
    fast: Callable[..., float] | None = None
    """Faster form of `value` that may raise ArithmeticError or ValueError; None: `value`."""
    flat: bool = False
    """Whether it is piecewise constant."""


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language."""

    name: str
    """Key in expressions: lower case, with blanks."""
    sentence: str
    """Description for the language page of the documentation."""
    arguments: tuple[int, int]
    """Minimum and maximum number of arguments; a maximum above 99 means unlimited."""
    unit: str
    """Units of arguments and result (see `sdmodel.validation.static.signatures`); empty if they depend on values."""
    build: Build | None = None
    """Adds the nodes of a call; None for an operation, or for a statement handled by the lowering."""
    operation: Operation | None = None
    """The scalar operation, for a function that is one."""
    steps: str = ""
    """Why it needs the TIME STEP grid; empty if it also works with exact dates."""
    gathers: bool = False
    """Whether subscripts marked with `!` are allowed in its arguments."""
    vensim: bool = True
    """Whether it exists in Vensim."""
    xmile: str = ""
    """Name in XMILE, where it differs."""
    renamed: bool = False
    """Whether XMILE's function takes the same arguments, so that it is translated by renaming."""
