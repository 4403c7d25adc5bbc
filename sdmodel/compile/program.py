"""The noun between compiling and solving: a `Program` is ordered scalar equations and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdmodel.compile.graph import Node


@dataclass(frozen=True, slots=True)
class State:
    """A stock element, or a hidden stock inside SMOOTH, DELAY and the like."""

    name: str
    initial: int
    """Node of the initial value; it depends on parameters only."""
    rate: int
    """Node of the net flow."""
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class TableData:
    """Points of a lookup."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Program:
    """Ordered scalar equations: what an engine needs, and what a worker process gets.

    `fixed` tells which meaning of time functions it was made for: Vensim's on the TIME STEP grid, or exact dates.
    """

    fixed: bool
    nodes: tuple[Node, ...]
    """Each node comes after its arguments (see `sdmodel.compile.graph.Graph`)."""
    parameters: tuple[str, ...]
    """Names of constants, `name[a,b]` for an element."""
    defaults: tuple[float, ...]
    """Values of the file."""
    states: tuple[State, ...]
    tables: tuple[TableData, ...]
    data: tuple[str, ...]
    """Names of data variables, whose series the run gives."""
    outputs: Mapping[str, int] = field(default_factory=dict)
    """Node of every variable element that is no constant, in the order of the file."""
    control: Mapping[str, int] = field(default_factory=dict)
    """Nodes of initial time, final time, time step, saveper."""
    structural: Mapping[int, float] = field(default_factory=dict)
    """Parameters whose value shaped the program (orders of delays), with the value it was made for."""
