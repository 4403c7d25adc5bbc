"""The noun between compiling and solving: a `Program` is ordered scalar equations and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sdmodel.compile.graph import Node
from sdmodel.core.frozen import FrozenDict


@dataclass(frozen=True, slots=True)
class State:
    """A stock element, or a hidden stock inside SMOOTH, DELAY and the like."""

    name: str
    initial: int
    """Node of the initial value; it depends on parameters only."""
    rate: int
    """Node of the net flow."""
    hidden: bool = False
    nonnegative: bool = False
    """Cut off at zero after each step (XMILE); there is no such state in a program of exact dates."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A value that changes once a step: SAMPLE IF TRUE, DELAY FIXED. Only in programs for the TIME STEP grid.

    The memory shows the value that `next` had `steps` steps ago, and `initial` before that. `next` is computed from
    times, states and memories before the step, and all memories move together.
    """

    name: str
    initial: int
    """Node of the value at the start; it depends on parameters only."""
    next: int
    """Node of the value that enters."""
    steps: int
    """Node of the number of steps it stays (rounded, at least 1), evaluated at the start."""


@dataclass(frozen=True, slots=True)
class TableData:
    """Points of a lookup."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Order:
    """A delay whose order was settled for one set of parameters.

    Vensim lowers it until order * TIME STEP fits into the delay time. Another set that settles it otherwise needs a
    program of its own (see `sdmodel.compile.programs.fits`).
    """

    name: str
    time: int
    """Node of the delay time at the start."""
    step: int
    """Node of TIME STEP."""
    asked: int
    used: int


@dataclass(frozen=True, slots=True)
class Program:
    """Ordered scalar equations: what an engine needs, and what a worker process gets.

    Plain numbers, strings and tuples, so it can be pickled or written as JSON. An engine that meets a node, a table
    kind or a field it does not know must refuse the program; `memories`, `streams` and `moving` are empty for
    programs of exact dates.
    """

    fixed: bool
    """Which meaning of time functions it was made for: Vensim's on the TIME STEP grid (True), or exact dates."""
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
    outputs: Mapping[str, int] = field(default_factory=FrozenDict)
    """Node of every variable element that is no constant, in the order of the file."""
    control: Mapping[str, int] = field(default_factory=FrozenDict)
    """Nodes of initial time, final time, time step, saveper."""
    structural: Mapping[int, float] = field(default_factory=FrozenDict)
    """Parameters whose value shaped the program (orders of delays), with the value it was made for."""
    memories: tuple[Memory, ...] = ()
    """Values held from step to step; node `("memory", i)`."""
    streams: tuple[str, ...] = ()
    """Random streams by name; node `("draw", i)` is uniform in (0, 1) and new each step, `("first_draw", i)` the
    draw of the first step for the whole run (see `sdmodel.compile.random`)."""
    moving: Mapping[str, int] = field(default_factory=FrozenDict)
    """Control variables that change during a run (final time, time step, saveper), by key: their run node."""
    orders: tuple[Order, ...] = ()
    """Delays whose order follows from their delay time and TIME STEP."""
    requirements: Mapping[int, str] = field(default_factory=FrozenDict)
    """Nodes that are false where a function has no meaning for its arguments, and what to say of a run that fails."""

    def __post_init__(self) -> None:
        for name in ("outputs", "control", "structural", "moving", "requirements"):
            object.__setattr__(self, name, FrozenDict(getattr(self, name)))


def fitting_order(asked: int, time: float, step: float) -> int:
    """Vensim's order of a delay on the TIME STEP grid: lowered while order * TIME STEP is longer than the delay."""
    while asked > 1 and asked * step > time:
        asked -= 1
    return asked
