"""Evaluation plan: when each node is computed, which states are needed, and the rows of the work buffer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sdmodel.compile import events as clocks
from sdmodel.compile.llvm.lookup import weight as table_weight
from sdmodel.compile.program import Program
from sdmodel.core.functions.table import OPERATIONS

CONST, RUN, TIME, HELD, STEP = range(5)
"""Constant; once per run; per step for all lanes (TIME STEP grid); per segment (exact dates); per evaluation."""

LEAVES = frozenset({"const", "param", "state", "time", "memory", "draw", "first_draw"})

DATA_WEIGHT = 60


def arguments(program: Program, node: int) -> list[int]:
    """Nodes on which a node depends directly."""
    op, *args = program.nodes[node]
    if op in LEAVES:
        return []
    return [int(a) for a in (args[1:] if op in ("lookup", "data") else args)]


def weight(program: Program, node: int) -> int:
    """Approximate number of instructions of a node."""
    op, *args = program.nodes[node]
    if op == "lookup":
        return table_weight(program.tables[int(args[0])])
    return DATA_WEIGHT if op == "data" else OPERATIONS[str(op)].weight if op in OPERATIONS else 1


@dataclass(slots=True)
class Rows:
    """Rows, of one double per lane, in the work buffer of one vector."""

    count: int = 0
    of: dict[tuple[str, int], int] = field(default_factory=dict)

    def take(self, size: int) -> int:
        """Allocate `size` rows and return the first."""
        first = self.count
        self.count += size
        return first

    def give(self, purpose: str, node: int) -> int:
        """Row of a node for a purpose, allocated on first use."""
        if (purpose, node) not in self.of:
            self.of[purpose, node] = self.take(1)
        return self.of[purpose, node]


@dataclass(frozen=True, slots=True)
class Plan:
    """Kinds of nodes, and the nodes, states and memories needed for the chosen outputs."""

    program: Program
    clock: clocks.Clock
    kinds: tuple[int, ...]
    outputs: tuple[int, ...]
    states: tuple[int, ...]
    """States that the outputs depend on, in the order of the program."""
    memories: tuple[int, ...]
    streams: tuple[int, ...]
    timed: tuple[int, ...]
    """Nodes that depend on time only and are read by other nodes (TIME STEP grid)."""


def plan_of(program: Program, outputs: Sequence[int], stages: bool = True) -> Plan:
    """Plan the nodes, states and memories needed for `outputs`; `stages` if a step has several stages."""
    clock = clocks.clock_of(program)
    alive = _alive(program, outputs)
    states, memories = (_named(program, alive, op) for op in ("state", "memory"))
    streams = sorted({*_named(program, alive, "draw"), *_named(program, alive, "first_draw")})
    kinds = _kinds(program, clock, stages)
    ends = {*outputs, *(program.states[s].rate for s in states), *(program.memories[m].next for m in memories)}
    timed = {n for n in ends if kinds[n] == TIME}
    timed.update(a for n in alive if kinds[n] == STEP for a in arguments(program, n) if kinds[a] == TIME)
    return Plan(program, clock, tuple(kinds), tuple(outputs), states, memories, tuple(streams), tuple(sorted(timed)))


def _kinds(program: Program, clock: clocks.Clock, stages: bool) -> list[int]:
    kinds: list[int] = []
    for node, (op, *_) in enumerate(program.nodes):
        if op == "const":
            kinds.append(CONST)
        elif clock.classes[node] == clocks.RUN:
            kinds.append(RUN)
        elif not program.fixed:
            kinds.append(HELD if clock.classes[node] == clocks.HELD else STEP)
        elif op == "time":
            kinds.append(TIME)
        elif op in LEAVES or op == "data" or (op == "hold" and stages):
            kinds.append(STEP)
        else:
            inner = {kinds[a] for a in arguments(program, node)}
            kinds.append(TIME if inner <= {CONST, TIME} else STEP)
    return kinds


def _named(program: Program, alive: set[int], op: str) -> tuple[int, ...]:
    """States, memories or streams among the needed nodes, in the order of the program."""
    return tuple(sorted(int(program.nodes[n][1]) for n in alive if program.nodes[n][0] == op))


def _alive(program: Program, outputs: Iterable[int]) -> set[int]:
    """Nodes on which `outputs` depend, directly or through rates, memories and initial values."""
    seen: set[int] = set()
    stack = list(outputs)
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        op, *args = program.nodes[node]
        if op == "state":
            state = program.states[int(args[0])]
            stack.extend((state.rate, state.initial))
        elif op == "memory":
            memory = program.memories[int(args[0])]
            stack.extend((memory.next, memory.initial, memory.steps))
        stack.extend(arguments(program, node))
    return seen
