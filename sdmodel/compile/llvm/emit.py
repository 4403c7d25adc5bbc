"""Emit the LLVM IR of a Program: phases of equations, and the loops around them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sdmodel.compile.llvm import integration as drive
from sdmodel.compile.llvm.exact_dates import on_dates, on_watch
from sdmodel.compile.llvm.history import History
from sdmodel.compile.llvm.ir import Machine
from sdmodel.compile.llvm.phase import Chunk, Module, Phase
from sdmodel.compile.llvm.plan import HELD, RUN, STEP, TIME, Plan, Rows, plan_of, weight
from sdmodel.compile.program import Program
from sdmodel.core.errors import UnsupportedError
from sdmodel.core.tableau import Tableau

INLINE = 6000
"""Programs up to this many instructions inline helper functions; larger ones call them, to compile quickly."""


@dataclass(frozen=True, slots=True)
class Source:
    """LLVM IR of a module, and the layout a caller must know."""

    text: str
    rows: int
    """Rows of the work buffer."""
    plan: Plan


def emit(
    program: Program,
    outputs: Sequence[int],
    tableau: Tableau,
    machine: Machine,
    contract: bool = False,
    rough: bool = False,
) -> Source:
    """Emit the module of a program for chosen outputs and a Runge-Kutta method.

    The module defines `@runs`, which solves a block of runs, and, for exact dates, `@watch`. With `rough`, it flags
    the runs whose estimated step error is too large.
    """
    single = tableau.count == 1
    plan = plan_of(program, outputs, stages=not single)
    if program.moving:
        names = ", ".join(name.upper() for name in program.moving)
        raise UnsupportedError(f"The kernel of sweeps does not know control variables that change in a run: {names}.")
    heavy = sum(weight(program, n) for n in range(len(program.nodes)))
    rows = Rows()
    module = Module(plan, machine, contract, rows, inline=heavy <= INLINE)
    space, history = _space(plan, rows, tableau, rough), _history(plan, rows)
    phases = {
        name: _phase(module, name, space, history, single)
        for name in ("rates", "holds", "outs", "nexts", "segment", "clock", "init")
    }
    rates, outs = phases["rates"], phases["outs"]
    fused = rates.write(
        _sinks((program.states[s].rate, space.k + i) for i, s in enumerate(plan.states)),
        (lambda chunk: _advance(chunk, space)) if single and program.fixed else None,
    )
    outs.write(_sinks((n, space.out + i) for i, n in enumerate(outputs)))
    if rates.step_values:
        phases["holds"].write({n: [rows.of["hold", n]] for n in sorted(rates.step_values)})
    phases["nexts"].write(
        _sinks((program.memories[m].next, history.following + i) for i, m in enumerate(plan.memories))
    )
    wanted = rates.boundary | phases["holds"].boundary | outs.boundary | phases["nexts"].boundary
    retained = {n: [rows.give("kept", n)] for n in sorted(wanted) if plan.kinds[n] in (RUN, HELD)}
    if program.fixed:
        phases["clock"].write({n: [rows.of["time", n]] for n in plan.timed})
    else:
        segment = phases["segment"]
        segment.write({n: r for n, r in retained.items() if plan.kinds[n] == HELD})
        retained.update({n: [rows.give("kept", n)] for n in sorted(segment.boundary)})
    memories = [program.memories[m] for m in plan.memories]
    starts = _sinks(
        [
            *((program.states[s].initial, space.y + i) for i, s in enumerate(plan.states)),
            *((m.initial, history.shown + i) for i, m in enumerate(memories)),
            *((m.steps, history.span + i) for i, m in enumerate(memories)),
        ]
    )
    for node, places in retained.items():
        if plan.kinds[node] == RUN:
            starts.setdefault(node, []).extend(places)
    phases["init"].write(starts)
    drive.report(module, space)
    if program.fixed:
        drive.on_grid(module, space, history, phases, tableau, fused)
        drive.on_spans(module, history, phases["init"])
    else:
        on_dates(module, space, phases, tableau)
        _watch(module)
    return Source(module.text(), rows.count, plan)


def _sinks(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    sinks: dict[int, list[int]] = {}
    for node, row in pairs:
        sinks.setdefault(node, []).append(row)
    return sinks


def _space(plan: Plan, rows: Rows, tableau: Tableau, rough: bool) -> drive.Space:
    count = len(plan.states)
    padded = -(-count // 4) * 4
    single = tableau.count == 1
    y = rows.take(padded)
    z = y if single else rows.take(padded)
    k = rows.take(padded)
    total = k if single else rows.take(padded)
    later = [(tableau.stages[n], n) for n in range(len(tableau.stages))]
    read = {i for (weights, _), n in later for i, w in enumerate(weights) if w and i < n}
    weights = tableau.step[0]
    if sum(map(bool, weights)) == 1 and not weights[-1]:
        read |= {i for i, w in enumerate(weights) if w}
    retained = {i: rows.take(padded) for i in sorted(read)}
    error = rows.take(padded) if rough and tableau.error else -1
    first, now, out = rows.take(1), rows.take(3), rows.take(len(plan.outputs))
    noted = rows.take(1)
    times = rows.take(len(tableau.moments) * len(plan.timed))
    for i, node in enumerate(plan.timed):
        rows.of["time", node] = times + i
    outputs, timed = len(plan.outputs), len(plan.timed)
    return drive.Space(y, z, k, total, retained, error, noted, count, padded, out, outputs, first, now, timed)


def _history(plan: Plan, rows: Rows) -> History:
    program = plan.program
    count, streams = len(plan.memories), len(plan.streams)
    shown, following, place, span = (rows.take(count) for _ in range(4))
    floors = tuple(i for i, s in enumerate(plan.states) if program.states[s].nonnegative)
    words = len(program.parameters) + 3 * len(program.data)
    return History(count, shown, following, place, span, plan.streams, rows.take(streams), words, floors)


_HERE = {
    "rates": (STEP,),
    "holds": (STEP,),
    "outs": (STEP,),
    "nexts": (STEP,),
    "segment": (HELD, STEP),
    "clock": (TIME,),
    "init": (RUN, TIME, HELD, STEP),
}


def _phase(module: Module, name: str, space: drive.Space, history: History, single: bool) -> Phase:
    """Create a phase of the run, with the rows from which it reads values of other phases."""
    plan = module.plan
    kinds, here = plan.kinds, _HERE[name]
    held: dict[str, dict[int, int]] = {
        "state": {index: space.z + i for i, index in enumerate(plan.states)},
        "memory": {index: history.shown + i for i, index in enumerate(plan.memories)},
        "draw": {index: history.draws + i for i, index in enumerate(plan.streams)},
    }
    if name == "init":
        held["first_draw"] = held["draw"]  # at the start, the draws are those of the first step

    def computed(node: int) -> bool:
        return kinds[node] in here and not from_start(node)

    def from_start(node: int) -> bool:
        """Whether a Runge-Kutta stage reads the value of a node at the start of the step."""
        return name == "rates" and not single and kinds[node] == STEP and plan.program.nodes[node][0] == "hold"

    def read(chunk: Chunk, node: int) -> str:
        b = chunk.b
        op, *args = chunk.program.nodes[node]
        if op == "param":
            return b.load("%p", int(args[0]))
        if from_start(node):
            chunk.phase.step_values.add(node)
            return b.load("%w", module.rows.give("hold", node))
        if op in held:
            return b.load("%w", held[str(op)][int(args[0])])
        if op == "time" and (name == "clock" or not chunk.program.fixed):
            return "%t"
        if kinds[node] == TIME:
            return chunk.shared_time(node)
        chunk.phase.boundary.add(node)
        return b.load("%w", module.rows.give("kept", node))

    return Phase(module, name, computed, read, shift=name == "clock", once=name == "init")


def _advance(chunk: Chunk, space: drive.Space) -> None:
    """Take the Euler step inside the phase that computes all slopes."""
    b, program, plan = chunk.b, chunk.program, chunk.module.plan
    step = chunk.value(program.control["time step"])
    slopes = [chunk.value(program.states[s].rate) for s in plan.states]
    old = [b.load("%w", space.y + i) for i in range(len(slopes))]
    for i, (before, slope) in enumerate(zip(old, slopes, strict=True)):
        b.store(b.add(before, b.mul(step, slope)), "%w", space.y + i)


def _watch(module: Module) -> None:
    """Emit `@watch`: the watched values of all sources of breaks, given parameters, a time and held values."""
    clock, rows = module.plan.clock, module.rows
    given = rows.take(len(clock.held))
    seen = rows.take(2 * len(clock.sources))
    slots = {node: given + i for i, node in enumerate(clock.held)}

    def read(chunk: Chunk, node: int) -> str:
        op, *args = chunk.program.nodes[node]
        if op == "time":
            return "%t"
        return chunk.b.load("%p", int(args[0])) if op == "param" else chunk.b.load("%w", slots[node])

    phase = Phase(module, "watched", lambda node: node not in slots, read)
    pairs = [(n, seen + i) for i, n in enumerate(n for s in clock.sources for n in (s.test, s.against)) if n >= 0]
    phase.write(_sinks(pairs))
    on_watch(module, phase, given, len(clock.held), seen, 2 * len(clock.sources))
