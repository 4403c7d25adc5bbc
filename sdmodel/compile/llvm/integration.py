"""The loops around the equations: vectors of runs, steps, Runge-Kutta stages, reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sdmodel.compile.llvm.history import Past, cut, draw, fill, shift
from sdmodel.compile.llvm.ir import LANES, Body, V, W, isplat, splat
from sdmodel.compile.llvm.loops import ROW, at, loop, only_if, spread, times
from sdmodel.compile.llvm.phase import Module, Phase

LANE_NUMBERS = "<" + ", ".join(f"i64 {i}" for i in range(LANES)) + ">"


@dataclass(frozen=True, slots=True)
class Space:
    """First rows of what the loops use."""

    y: int
    """States; what the equations read them from is `z`, the same rows with Euler steps."""
    z: int
    k: int
    total: int
    """Sum of the slopes of a Runge-Kutta step."""
    states: int
    padded: int
    """Number of states in whole groups of four."""
    out: int
    outputs: int
    first: int
    """Row of the index of the first report that is not finite."""
    now: int
    """Exact dates: rows of the time of each lane, the number of its segment, and the date of its next break."""
    times: int
    """Number of rows of shared times a stage has."""


Update = Callable[[Body, Callable[[int], str]], list[tuple[int, str]]]


def over_states(b: Body, space: Space, update: Update) -> None:
    """Apply `update(b, load)` to every state, four at a time; it returns rows to store and values."""
    with loop(b, str(space.padded), step=4) as i:
        place = at(b, "%w", times(b, i, ROW))
        for j in range(4):
            for row, value in update(b, lambda row, j=j: b.load(place, row + j)):  # type: ignore[misc]  # j=j
                b.store(value, place, row + j)


def report(module: Module, space: Space) -> None:
    """Function that scatters the outputs to their runs and notes values that are not finite."""
    b = module.body()
    slot = b.put(f"alloca {V}, align 64")
    b.store(splat(0.0), slot)
    for first, count in ((space.y, space.states), (space.out, space.outputs)):
        with loop(b, str(count)) as i:
            x = b.load(at(b, "%w", times(b, i, ROW)), first)
            b.store(b.xadd(b.load(slot), b.xsub(x, x)), slot)  # adds 0 if finite, else NaN for good
    total = b.load(slot)
    bad = b.compare("uno", total, total)
    before = b.put(f"load {W}, ptr {b.row('%w', space.first)}, align 64")
    unset = b.put(f"icmp slt {W} {before}, zeroinitializer")
    now = b.put(f"select <8 x i1> {b.both(bad, unset)}, {W} {spread(b, '%j')}, {W} {before}")
    b.do(f"store {W} {now}, ptr {b.row('%w', space.first)}, align 64")
    with loop(b, str(space.outputs)) as o:
        source = at(b, b.row("%w", space.out), times(b, o, ROW))
        with loop(b, "%alive") as lane:
            x = b.put(f"load double, ptr {at(b, source, times(b, lane, 8))}, align 8")
            column = b.put(f"add i64 {times(b, lane, space.outputs)}, {o}")
            place = b.put(f"add i64 {times(b, column, '%reports')}, %j")
            b.do(f"store double {x}, ptr {at(b, '%out', times(b, place, 8))}, align 8")
    module.close(
        "internal void @report(ptr noalias %w, ptr noalias %out, i64 %alive, i64 %j, i64 %reports) nounwind", b
    )


def begin(b: Body, space: Space, init: Phase) -> None:
    """Initial values, and no report that went wrong yet."""
    init.call(b)
    b.do(f"store {W} {isplat(-1)}, ptr {b.row('%w', space.first)}, align 64")
    if space.z != space.y:
        over_states(b, space, lambda b, load: [(space.z, load(space.y))])


def runge_kutta(b: Body, space: Space, h: str, stage: Callable[[int], None], active: str | None = None) -> None:
    """A classical Runge-Kutta step of width `h` (a vector), term by term as `solve` takes it.

    `stage(n)` computes slopes k from z at the start (0), the middle (1) or the end (2) of the step; only `active`
    lanes move.
    """
    half = b.xmul(h, splat(0.5))
    y, z, k, total = space.y, space.z, space.k, space.total
    stage(0)
    over_states(b, space, lambda b, load: [(total, s := load(k)), (z, b.add(load(y), b.mul(half, s)))])
    for width in (half, h):
        stage(1)

        def onward(b: Body, load: Callable[[int], str], width: str = width) -> list[tuple[int, str]]:
            slope = load(k)
            summed = b.add(load(total), b.mul(splat(2.0), slope))
            return [(total, summed), (z, b.add(load(y), b.mul(width, slope)))]

        over_states(b, space, onward)
    stage(2)

    def last(b: Body, load: Callable[[int], str]) -> list[tuple[int, str]]:
        slope = b.div(b.add(load(total), load(k)), splat(6.0))
        old = load(y)
        new = b.add(old, b.mul(h, slope))
        new = b.select(active, new, old) if active else new
        return [(y, new), (z, new)]

    over_states(b, space, last)


def every_vector(module: Module, space: Space, extra: str, passed: str, prepare: Callable[[Body, str], str]) -> None:
    """`@runs`: the function `@run` for one vector of runs after another.

    `extra` are its own arguments, of which `@run` gets `passed`; `prepare` adds one made for the vector.
    """
    b = module.body()
    b.declared.add("declare i64 @llvm.smin.i64(i64, i64)")
    with loop(b, "%vectors") as v:
        p = at(b, "%params", times(b, v, "%stride"))
        run = times(b, v, LANES)
        left = b.put(f"sub i64 %count, {run}")
        alive = b.put(f"call i64 @llvm.smin.i64(i64 {left}, i64 {LANES})")
        size = b.put(f"mul i64 %reports, {8 * space.outputs}")
        out = at(b, "%out", times(b, run, size))
        more = prepare(b, v)
        b.do(f"call void @run(ptr %w, ptr {p}, ptr {out}, i64 {alive}, i64 %reports, {passed}{more})")
        found = b.put(f"load {W}, ptr {b.row('%w', space.first)}, align 64")
        b.do(f"store {W} {found}, ptr {at(b, '%first', times(b, run, 8))}, align 8")
    head = "i64 %vectors, i64 %count, ptr noalias %params, i64 %stride, ptr noalias %w, ptr noalias %out"
    module.close(f"void @runs({head}, ptr noalias %first, i64 %reports, {extra}) nounwind", b)


RUN = "internal void @run(ptr noalias %w, ptr noalias %p, ptr noalias %out, i64 %alive, i64 %reports, "


def on_grid(module: Module, space: Space, past: Past, phases: dict[str, Phase], euler: bool, fused: bool) -> None:
    """`@runs` and `@run` on the TIME STEP grid.

    `%wanted` holds the numbers of the steps that are reported, `%rings` the first row of each memory in `%ring` and
    where the last ends, `%lengths` for each vector the steps each memory stays in each lane.
    """
    shared = "ptr %wanted, double %start, double %step, ptr %ring, ptr %rings"

    def prepare(b: Body, v: str) -> str:
        return f", ptr {at(b, '%lengths', times(b, v, past.memories * ROW))}"

    every_vector(module, space, f"{shared}, ptr %lengths", shared, prepare)
    b = module.body()
    counter = b.put("alloca i64, align 8")
    b.do(f"store i64 0, ptr {counter}, align 8")
    start, step = b.spread("%start"), b.spread("%step")
    draw(b, past, "0")
    begin(b, space, phases["init"])
    fill(b, past)
    last = b.put("sub i64 %reports, 1")
    steps = b.put(f"load i64, ptr {at(b, '%wanted', times(b, last, 8))}, align 8")
    stop = b.put(f"add i64 {steps}, 1")
    with loop(b, stop) as i:
        phase = b.put(f"and i64 {i}, {LANES - 1}")
        with only_if(b, b.put(f"icmp eq i64 {phase}, 0")):
            # what follows from time alone, for the next eight steps at once
            index = b.put(f"sitofp {W} {b.whole('add', spread(b, i), LANE_NUMBERS)} to {V}")
            now = b.xadd(start, b.xmul(index, step))
            stages = [now] if euler else [now, b.xadd(now, b.xmul(step, splat(0.5))), b.xadd(now, step)]
            for number, t in enumerate(stages):
                phases["clock"].call(b, t, str(number * space.times * ROW))
        lane = times(b, phase, 8)
        j = b.put(f"load i64, ptr {counter}, align 8")
        asked = b.put(f"load i64, ptr {at(b, '%wanted', times(b, j, 8))}, align 8")
        with only_if(b, b.put(f"icmp eq i64 {asked}, {i}")):
            phases["outs"].call(b, lane=lane)
            b.do(f"call void @report(ptr %w, ptr %out, i64 %alive, i64 {j}, i64 %reports)")
            b.do(f"store i64 {b.put(f'add i64 {j}, 1')}, ptr {counter}, align 8")
        with only_if(b, b.put(f"icmp slt i64 {i}, {steps}")):
            phases["nexts"].call(b, lane=lane)
            if euler:
                phases["rates"].call(b, lane=lane)
                if not fused:
                    y, k = space.y, space.k
                    over_states(b, space, lambda b, load: [(y, b.add(load(y), b.mul(step, load(k))))])
            else:

                def stage(number: int) -> None:
                    moved = b.put(f"add i64 {lane}, {number * space.times * ROW}")
                    phases["rates"].call(b, lane=moved)

                phases["holds"].call(b, lane=lane)
                runge_kutta(b, space, step, stage)
            cut(b, past, sorted({space.y, space.z}))
            shift(b, past)
            draw(b, past, b.put(f"add i64 {i}, 1"))
    module.close(f"{RUN}{shared}, ptr %steps) nounwind", b)


def on_spans(module: Module, past: Past, init: Phase) -> None:
    """`@spans`: for each vector the numbers of steps that memories stay."""
    b = module.body()
    with loop(b, "%vectors") as v:
        p = at(b, "%params", times(b, v, "%stride"))
        b.do(f"call void @first(ptr %w, ptr {p})")
        out = at(b, "%out", times(b, v, past.memories * ROW))
        for i in range(past.memories):
            b.store(b.load("%w", past.span + i), out, i)
    module.close("void @spans(i64 %vectors, ptr %params, i64 %stride, ptr %w, ptr %out) nounwind", b)
    b = module.body()
    draw(b, past, "0")
    init.call(b)
    module.close("internal void @first(ptr %w, ptr %p) nounwind", b)
