"""Protocols with which function entries work: the call, the expression graph, and vector instructions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sdmodel.core.expression import Call, Expr, Ref, Table

Env = Mapping[str, str]
"""Element bound to each range, by the key of the range."""
Element = tuple[str, ...]


class Named(Protocol):
    """A variable with a name for messages and a key for references."""

    @property
    def name(self) -> str:
        """Name as spelled in the file."""

    @property
    def key(self) -> str:
        """Key used by references."""

    @property
    def file(self) -> str:
        """Name of its file, by whose end the language is known."""


@dataclass(frozen=True, slots=True)
class Site:
    """A function call and its location."""

    call: Call
    env: Env
    variable: Named
    initial: bool
    """Whether the formula is an initial value, in which stocks have their initial values."""
    where: str
    """File, line and variable, for messages."""


class Graph(Protocol):
    """The scalar graph: every method returns the index of a node."""

    def const(self, value: float) -> int:
        """Node of a constant."""

    def value(self, node: int) -> float | None:
        """Value of a constant node, else None."""

    def op(self, name: str, *args: int) -> int:
        """Node of an operation of `sdmodel.core.functions.operations`."""

    def add(self, *node: str | int | float) -> int:
        """Add a node without simplification."""

    def varies(self, node: int) -> bool:
        """Whether a node can change during a run."""

    def plus(self, a: int, b: int) -> int:
        """A + b."""

    def minus(self, a: int, b: int) -> int:
        """A - b."""

    def times(self, a: int, b: int) -> int:
        """A * b."""

    def over(self, a: int, b: int) -> int:
        """A / b."""

    def pick(self, condition: int, a: int, b: int) -> int:
        """A where the condition holds, else b."""


class Builder(Protocol):
    """Interface of the lowering for function entries. Variables and ranges are identified by their keys."""

    @property
    def fixed(self) -> bool:
        """True on the TIME STEP grid, False for exact dates."""

    @property
    def graph(self) -> Graph:
        """Graph to which nodes are added."""

    @property
    def shared(self) -> dict[object, int | list[int]]:
        """Nodes shared between several elements, by a key chosen by the function."""

    def node(self, site: Site, expr: Expr, env: Env | None = None, initial: bool | None = None) -> int:
        """Node of an expression in the context of a call; `env` and `initial` override those of the call."""

    # -- variables and subscripts -------------------------------------------------------------------------------
    @property
    def ranges(self) -> Mapping[str, Element]:
        """Elements of every range."""

    def elements(self, variable: str) -> tuple[Element, ...]:
        """Elements of a variable; none if there is no such variable."""

    def element_node(self, variable: str, element: Element, initial: bool) -> int:
        """Node of a variable's element."""

    def members(self, variable: str, place: int) -> list[str]:
        """Elements of a variable along one of its dimensions."""

    def element_meant(self, ref: Ref, site: Site) -> Element:
        """Element of a variable to which a reference resolves."""

    def bound(self, sub: str, site: Site) -> str:
        """Element to which a subscript resolves."""

    def over(self, names: list[str], site: Site) -> Iterator[dict[str, str]]:
        """Iterate over every combination of elements of the ranges `names`, each as a mapping of range to element."""

    def gathered(self, expr: Expr) -> list[str]:
        """Ranges marked with `!` in an expression, outside nested aggregating functions."""

    def left_side(self, site: Site) -> tuple[tuple[str, ...], Element] | None:
        """Subscripts of the left-hand side, and the element of it that is being lowered."""

    def is_stepped(self, function: str) -> bool:
        """Whether a function is defined on the TIME STEP grid only."""

    # -- numbers ------------------------------------------------------------------------------------------------
    def number(self, expr: Expr, site: Site, what: str) -> float:
        """Initial value of an argument that affects the shape of the program; `what` names it in messages."""

    def fold(self, op: str, parts: list[int]) -> int:
        """Left fold of a binary operation over several nodes."""

    # -- time ---------------------------------------------------------------------------------------------------
    def time(self, initial: bool) -> int:
        """Node of Time."""

    def step(self, initial: bool) -> int:
        """Node of TIME STEP."""

    def hold(self, node: int, initial: bool) -> int:
        """Value of `node` at the start of the TIME STEP, constant over the stages of a Runge-Kutta step on the grid."""

    # -- arguments ----------------------------------------------------------------------------------------------
    def require(self, site: Site, condition: int, complaint: str) -> None:
        """Report `complaint` for a run that fails where the condition is false."""

    def where_meaningful(self, site: Site, condition: int, value: int, complaint: str) -> int:
        """`value`, or NaN where a required condition is false."""

    def table(self, ref: Ref, site: Site) -> Table:
        """Points of a lookup variable's element."""

    def lookup(self, table: Table, argument: int) -> int:
        """Node of a lookup with a node as argument."""

    # -- state of functions -------------------------------------------------------------------------------------
    def later(self, work: Callable[[], None]) -> None:
        """Defer `work` until the current variable is lowered, so that a feedback loop may pass through hidden state."""

    def hidden_states(self, site: Site, starts: list[int]) -> tuple[list[int], bool]:
        """Indices of hidden stocks with initial nodes `starts`; True if an equal call has already created them."""

    def set_rates(self, states: list[int], rates: list[int]) -> None:
        """Set the net flows of hidden stocks."""

    def hidden_memories(self, site: Site, tag: str, count: int = 1) -> tuple[list[int], bool]:
        """Indices of `count` memories; True if an equal call with this tag has already created them."""

    def set_memory(self, index: int, initial: int, following: int, steps: int) -> None:
        """Set the nodes of a memory: initial value, value that enters each step, and length in steps."""

    def initial(self, site: Site, node: int) -> int:
        """Node of the value that INITIAL keeps."""

    def fitted_order(self, site: Site, order: int, delay: int) -> int:
        """Vensim's order of a delay on the grid: lowered until order * TIME STEP fits into the delay time."""

    def own_name_means(self, node: int, site: Site) -> AbstractContextManager[None]:
        """Resolve the variable's own name on its right-hand side to a node."""

    def draw(self, site: Site) -> int:
        """Node of a uniform random draw, a new one each step."""


class Lanes(Protocol):
    """Instructions on vectors of runs; each value is the name of a vector."""

    def number(self, x: float) -> str:
        """Vector with the same number in every lane."""

    def add(self, a: str, b: str) -> str:
        """A + b."""

    def sub(self, a: str, b: str) -> str:
        """A - b."""

    def mul(self, a: str, b: str) -> str:
        """A * b."""

    def div(self, a: str, b: str) -> str:
        """A / b."""

    def neg(self, a: str) -> str:
        """-a."""

    def compare(self, how: str, a: str, b: str) -> str:
        """Mask of lanes in which the LLVM predicate `how` holds: olt, ole, ogt, oge, oeq, une."""

    def select(self, lanes: str, a: str, b: str) -> str:
        """`a` in the lanes that are set, else `b`."""

    def intrinsic(self, name: str, *args: str) -> str:
        """Call an LLVM vector intrinsic, such as ``sqrt``, ``fabs`` or ``tan``."""

    def routine(self, name: str, *args: str) -> str:
        """Call a routine of the engine: exp, ln, log10, pow, tanh, sin, cos, floor, trunc, min, max and others."""

    def library(self, name: str, x: str) -> str:
        """Call a function of the C library for each lane."""


Build = Callable[[Builder, Site], int]


def argument(low: Builder, site: Site, expr: Expr, env: Env | None = None) -> int:
    """Node of an argument of a call; `env` extends the range bindings of the call."""
    return low.node(site, expr) if env is None else low.node(site, expr, {**site.env, **env})


def arguments(low: Builder, site: Site) -> list[int]:
    """Nodes of all arguments of a call."""
    return [argument(low, site, a) for a in site.call.args]


def at_start(low: Builder, site: Site, expr: Expr) -> int:
    """Node of the initial value of an argument."""
    return low.node(site, expr, initial=True)
