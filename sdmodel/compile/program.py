"""The compiled representation of a model: a `Program` of ordered scalar equations."""

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
    """Clipped at zero after each step (XMILE); never set in a program with exact dates."""


@dataclass(frozen=True, slots=True)
class Memory:
    """A value that changes once per step: SAMPLE IF TRUE, DELAY FIXED. Only in programs for the TIME STEP grid.

    Its current value is the value that `next` had `steps` steps ago, and `initial` before that. `next` is computed from
    times, states and memories before the step, and all memories advance together.
    """

    name: str
    initial: int
    """Node of the value at the start; it depends on parameters only."""
    next: int
    """Node of the value that enters."""
    steps: int
    """Node of the length in steps (rounded, at least 1), evaluated at the start."""


@dataclass(frozen=True, slots=True)
class TableData:
    """Points of a lookup."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Order:
    """A delay whose order was determined for one set of parameters.

    Vensim lowers the order until order * TIME STEP does not exceed the delay time. Parameters that lead to another
    order need another program (see `sdmodel.compile.programs.fits`).
    """

    name: str
    time: int
    """Node of the delay time at the start."""
    step: int
    """Node of TIME STEP."""
    requested: int
    used: int


@dataclass(frozen=True, slots=True)
class Program:
    """Ordered scalar equations, the input of an engine and of a worker process.

    Contains plain numbers, strings and tuples only, so it can be pickled or written as JSON. An engine must raise an
    error for a node, table kind or field that it does not support; `memories`, `streams` and `moving` are empty for
    programs with exact dates.
    """

    fixed: bool
    """Semantics of time functions: Vensim's on the TIME STEP grid (True), or exact dates (False)."""
    nodes: tuple[Node, ...]
    """Each node comes after its arguments (see `sdmodel.compile.graph.Graph`)."""
    parameters: tuple[str, ...]
    """Names of constants, `name[a,b]` for an element."""
    defaults: tuple[float, ...]
    """Default values of the parameters, from the model file."""
    states: tuple[State, ...]
    tables: tuple[TableData, ...]
    data: tuple[str, ...]
    """Names of data variables whose series are passed to the run."""
    outputs: Mapping[str, int] = field(default_factory=FrozenDict)
    """Node of every variable element that is not a constant, in the order of the file."""
    control: Mapping[str, int] = field(default_factory=FrozenDict)
    """Nodes of initial time, final time, time step, saveper."""
    structural: Mapping[int, float] = field(default_factory=FrozenDict)
    """Parameters on which the shape of the program depends (orders of delays), with the values assumed."""
    memories: tuple[Memory, ...] = ()
    """Values that change once per step; node `("memory", i)`."""
    streams: tuple[str, ...] = ()
    """Random streams by name; node `("draw", i)` is uniform in (0, 1) and new each step, `("first_draw", i)` the
    draw of the first step for the whole run (see `sdmodel.compile.random`)."""
    moving: Mapping[str, int] = field(default_factory=FrozenDict)
    """Control variables that change during a run (final time, time step, saveper), by key: their run node."""
    orders: tuple[Order, ...] = ()
    """Delays whose order depends on their delay time and TIME STEP."""
    requirements: Mapping[int, str] = field(default_factory=FrozenDict)
    """Nodes that are false where the arguments of a function are invalid, each with the error message."""
    initials: Mapping[str, int] = field(default_factory=FrozenDict)
    """Values that INITIAL keeps from the start of the run, by name: their node."""
    resumed: bool = False
    """Whether it goes on from a state, so that a run begins after its INITIAL TIME."""

    def __post_init__(self) -> None:
        for name in ("outputs", "control", "structural", "moving", "requirements", "initials"):
            object.__setattr__(self, name, FrozenDict(getattr(self, name)))


def fitting_order(requested: int, time: float, step: float) -> int:
    """Vensim's order of a delay on the TIME STEP grid: lowered while order * TIME STEP is longer than the delay."""
    while requested > 1 and requested * step > time:
        requested -= 1
    return requested
