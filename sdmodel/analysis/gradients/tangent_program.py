"""The tangent program of a program: the same states, each with its derivative along one direction.

Each direction is a parameter vector, so that the lanes of the kernel carry directions. A run may begin at any time with
any state, so that it can stop at a moving date and continue after the jump.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sdmodel.analysis.gradients.derivative_rules import Rules, arguments, flat, needed, through
from sdmodel.compile.events import FREE, HELD, Clock, clock_of
from sdmodel.compile.graph import Graph
from sdmodel.compile.program import Program, State
from sdmodel.core.functions.operations import LOGIC


@dataclass(frozen=True)
class Activity:
    """What depends on the parameters and initial values of a set of directions."""

    smooth: tuple[bool, ...]
    """Whether each node changes, between two jumps."""
    dated: bool
    """Whether the date of a jump changes."""
    states: tuple[int, ...]
    """States that change."""
    jumping: tuple[int, ...]
    """Nodes that jump at values of states that change; the times are unknown before a run."""
    choosing: tuple[int, ...]
    """Nodes that jump at values of parameters that change."""


def activity(
    program: Program, clock: Clock, outputs: Sequence[int], parameters: set[int], starts: set[int]
) -> Activity:
    """What depends on `parameters` and the initial values of the states `starts`."""
    alive = closure(program, outputs)
    active = set(starts)
    while True:
        smooth, late, dated = [False] * len(program.nodes), [False] * len(program.nodes), False
        jumping: list[int] = []
        choosing: list[int] = []
        for i, node in enumerate(program.nodes):
            inner = arguments(node)
            late[i] = any(late[a] for a in inner)
            if node[0] == "param":
                smooth[i] = int(node[1]) in parameters
            elif node[0] == "state":
                smooth[i] = int(node[1]) in active
            else:
                smooth[i] = any(smooth[a] for a in through(node, program.tables))
            if flat(node, program.tables) and any(smooth[a] for a in inner):
                if clock.classes[i] == HELD:
                    late[i] = True
                    dated = dated or i in alive
                elif node[0] not in LOGIC and i in alive:
                    (jumping if clock.classes[i] == FREE else choosing).append(i)
        found = active | {
            i for i, s in enumerate(program.states) if smooth[s.rate] or late[s.rate] or smooth[s.initial]
        }
        if found == active:
            return Activity(tuple(smooth), dated, tuple(sorted(active)), tuple(jumping), tuple(choosing))
        active = found


def closure(program: Program, outputs: Sequence[int]) -> set[int]:
    """Nodes that the outputs depend on, including through the net flows of states."""
    seen: set[int] = set()
    targets = set(outputs)
    while True:
        seen = set(needed(program.nodes, targets, arguments))
        states = {int(program.nodes[n][1]) for n in seen if program.nodes[n][0] == "state"}
        more = {program.states[s].rate for s in states} - targets
        if not more:
            return seen
        targets |= more


@dataclass(frozen=True)
class Flow:
    """A tangent program and the positions of its parts."""

    program: Program
    beginning: Program
    """Initial values of all states of `program`, as its outputs; it has no states."""
    directions: dict[int, int]
    """By index of a parameter of the model: index of the parameter that holds its derivative."""
    start: int
    """Index of the parameter that holds the initial time."""
    states: int
    """Index of the first of the parameters that hold the initial states."""
    primal: int
    """Number of states of the model; derivatives of some of them follow."""
    changing: tuple[int, ...]
    """States of the model whose derivatives follow."""
    outputs: tuple[int, ...]
    changes: tuple[int, ...]
    """Nodes of the derivatives of the outputs."""
    lines: tuple[tuple[int, int], ...]
    """Nodes of the derivatives of both sides of each source of breaks of the model, in order."""
    choices: tuple[tuple[int, int, int], ...]
    """Nodes that jump at values of parameters, with the nodes of the derivatives of their sides."""


def flow_of(program: Program, outputs: Sequence[int], parameters: Sequence[int], active: Activity) -> Flow:
    """Make the tangent program.

    Raises
    ------
    UnsupportedError
        If an operation has no derivative.
    """
    graph = Graph()
    for node in program.nodes:
        graph.add(*node)
    count = len(program.states)
    names, values = list(program.parameters), list(program.defaults)

    def parameter(name: str, value: float = 0.0) -> int:
        names.append(name)
        values.append(value)
        return len(names) - 1

    directions = {i: parameter(f"change of {program.parameters[i]}") for i in parameters}
    start = parameter("time at the start")
    labels = [*(s.name for s in program.states), *(f"change of {program.states[i].name}" for i in active.states)]
    first = [parameter(f"start of {label}") for label in labels]
    seeds = {i: graph.add("param", j) for i, j in directions.items()}
    changes = {s: graph.add("state", count + k) for k, s in enumerate(active.states)}
    clock = clock_of(program)
    rules = Rules(graph, program, seeds, changes, frozenset(i for i, c in enumerate(clock.classes) if c == HELD))
    rates = rules.or_zero(program.states[s].rate for s in active.states)
    states = [
        State(label, graph.add("param", p), rate)
        for label, p, rate in zip(labels, first, [*(s.rate for s in program.states), *rates], strict=True)
    ]
    shown = rules.or_zero(outputs)
    lines = tuple(
        (rules.or_zero([s.test])[0], rules.or_zero([s.against])[0] if s.against >= 0 else graph.const(0.0))
        for s in clock.sources
    )
    choices = []
    for i in active.choosing:
        sides = rules.or_zero(arguments(program.nodes[i]))
        choices.append((i, sides[0], sides[-1] if len(sides) > 1 else graph.const(0.0)))
    initials = [s.initial for s in program.states]
    initials += rules.or_zero(program.states[s].initial for s in active.states)
    control = {**program.control, "initial time": graph.add("param", start)}
    made = replace(
        program,
        nodes=tuple(graph.nodes),
        parameters=tuple(names),
        defaults=tuple(values),
        states=tuple(states),
        tables=tuple(rules.tables),
        control=control,
    )
    beginning = replace(made, states=(), outputs=dict(zip(labels, initials, strict=True)))
    return Flow(
        made,
        beginning,
        directions,
        start,
        first[0] if first else len(names),
        count,
        active.states,
        tuple(outputs),
        tuple(shown),
        lines,
        tuple(choices),
    )
