"""What the entry of a function is handed: the call, the graph it adds nodes to, and instructions of vector lanes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from sdmodel.core.expression import Call, Expr, Ref, Table

Env = Mapping[str, str]
"""Element that each range stands for, by the key of the range."""
Element = tuple[str, ...]


class Named(Protocol):
    """A variable, as a message names it."""

    @property
    def name(self) -> str:
        """As the file spells it."""

    @property
    def key(self) -> str:
        """As references name it."""


@dataclass(frozen=True, slots=True)
class Site:
    """A call of a function and where it stands."""

    call: Call
    env: Env
    variable: Named
    initial: bool
    """Whether the formula is an initial value, which sees stocks at the start."""
    where: str
    """File, line and variable, for messages."""


class Graph(Protocol):
    """The scalar graph: every method returns the index of a node."""

    def const(self, value: float) -> int:
        """A number."""

    def value(self, node: int) -> float | None:
        """The number of a constant node, else None."""

    def op(self, name: str, *args: int) -> int:
        """An operation of `sdmodel.core.functions.operations`."""

    def add(self, *node: str | int | float) -> int:
        """A node as it is."""

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
    """A pass from equations to nodes, as a function sees it. Variables and ranges are named by their keys."""

    @property
    def fixed(self) -> bool:
        """True on the TIME STEP grid, False for exact dates."""

    @property
    def graph(self) -> Graph:
        """Where nodes are added."""

    @property
    def shared(self) -> dict[object, int | list[int]]:
        """Nodes of what is worked out once for several elements, by a key of the function's choice."""

    def node(self, site: Site, expr: Expr, env: Env | None = None, initial: bool | None = None) -> int:
        """Node of an expression at the place of a call; `env` and `initial` take the place of the call's."""

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
        """The element of a variable that a reference means."""

    def bound(self, sub: str, site: Site) -> str:
        """The element that a subscript means."""

    def over(self, names: list[str], site: Site) -> Iterator[dict[str, str]]:
        """What ranges stand for at every combination of the elements of `names`."""

    def gathered(self, expr: Expr) -> list[str]:
        """Ranges marked with `!` in an expression, outside nested functions that gather."""

    def left_side(self, site: Site) -> tuple[tuple[str, ...], Element] | None:
        """Subscripts of the left-hand side, and the element of it that is being worked out."""

    def is_stepped(self, function: str) -> bool:
        """Whether a function has a meaning on the TIME STEP grid only."""

    # -- numbers ------------------------------------------------------------------------------------------------
    def number(self, expr: Expr, site: Site, what: str) -> float:
        """The number that an argument has at the start, for what shapes the program; `what` names it in messages."""

    def fold(self, op: str, parts: list[int]) -> int:
        """One operation over several nodes, from the left."""

    # -- time ---------------------------------------------------------------------------------------------------
    def time(self, initial: bool) -> int:
        """Node of Time."""

    def step(self, initial: bool) -> int:
        """Node of TIME STEP."""

    def hold(self, node: int, initial: bool) -> int:
        """A node that changes at TIME STEP only: constant over the stages of a Runge-Kutta step on the grid."""

    # -- arguments ----------------------------------------------------------------------------------------------
    def require(self, site: Site, condition: int, complaint: str) -> None:
        """Say the complaint of a run that fails where the condition is false."""

    def where_meaningful(self, site: Site, condition: int, value: int, complaint: str) -> int:
        """`value`, or NaN where a required condition is false."""

    def table(self, ref: Ref, site: Site) -> Table:
        """Points of a lookup variable's element."""

    def lookup(self, table: Table, argument: int) -> int:
        """Node of a lookup at a node."""

    # -- what a function remembers ------------------------------------------------------------------------------
    def later(self, work: Callable[[], None]) -> None:
        """Do something when the current variable is done, so that a loop may go through what is remembered."""

    def hidden_states(self, site: Site, starts: list[int]) -> tuple[list[int], bool]:
        """Indices of stocks inside a function, by their initial values; True if an equal call has made them before."""

    def set_rates(self, states: list[int], rates: list[int]) -> None:
        """Net flows of hidden stocks."""

    def hidden_memories(self, site: Site, tag: str, count: int = 1) -> tuple[list[int], bool]:
        """Indices of values held from step to step; True if an equal call with this tag has made them before."""

    def set_memory(self, index: int, name: str, initial: int, following: int, steps: int) -> None:
        """What a memory starts with, what enters it each step, and the number of steps it stays."""

    def fitted_order(self, site: Site, order: int, delay: int) -> int:
        """Vensim's order of a delay on the grid: lowered until order * TIME STEP fits into the delay time."""

    def own_name_means(self, node: int, site: Site) -> AbstractContextManager[None]:
        """Let the variable's name on its own right-hand side stand for a node."""

    def draw(self, site: Site) -> int:
        """Node of a uniform draw, new each step."""


class Lanes(Protocol):
    """Instructions on vectors of runs; every value is the name of a vector."""

    def number(self, x: float) -> str:
        """A number in every lane."""

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
        """Lanes in which `a how b`: olt, ole, ogt, oge, oeq, une."""

    def select(self, lanes: str, a: str, b: str) -> str:
        """`a` in the lanes that are set, else `b`."""

    def intrinsic(self, name: str, *args: str) -> str:
        """A vector intrinsic of LLVM, such as ``sqrt``, ``fabs`` or ``tan``."""

    def routine(self, name: str, *args: str) -> str:
        """A routine of the engine: exp, ln, log10, pow, tanh, sin, cos, floor, trunc, min, max and the like."""

    def library(self, name: str, x: str) -> str:
        """A function of the C library, called for each lane."""


Build = Callable[[Builder, Site], int]


def argument(low: Builder, site: Site, expr: Expr, env: Env | None = None) -> int:
    """Node of an argument of a call; `env` adds to what the ranges stand for there."""
    return low.node(site, expr) if env is None else low.node(site, expr, {**site.env, **env})


def arguments(low: Builder, site: Site) -> list[int]:
    """Nodes of all arguments of a call."""
    return [argument(low, site, a) for a in site.call.args]


def at_start(low: Builder, site: Site, expr: Expr) -> int:
    """Node of the value that an argument has at the start."""
    return low.node(site, expr, initial=True)
