"""The loops around the equations: vectors of runs, steps, Runge-Kutta stages, reports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sdmodel.compile.llvm.history import History, cut, draw, fill, shift
from sdmodel.compile.llvm.ir import Body, isplat, splat
from sdmodel.compile.llvm.loops import at, each_lane, loop, only_if, spread, times
from sdmodel.compile.llvm.phase import Module, Phase
from sdmodel.core.tableau import EACH_UNEVEN, PAST_ZERO, ROUGH, UNEVEN, Tableau


@dataclass(frozen=True, slots=True)
class Space:
    """First rows of the buffers that the loops use."""

    y: int
    """States `y`; the equations read `z`, the states at the current Runge-Kutta stage."""
    z: int
    k: int
    """Slopes of the current stage."""
    total: int
    """Weighted sum of the slopes of a Runge-Kutta step."""
    retained: dict[int, int]
    """First rows of slopes kept for later stages, by stage."""
    error: int
    """Weighted sum of slopes for the error estimate of a step; -1 if not requested."""
    rough: int
    """Row that counts, per lane, rough and uneven steps (see `sdmodel.core.tableau`)."""
    states: int
    padded: int
    """Number of states, rounded up to a multiple of four."""
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
        place = at(b, "%w", times(b, i, b.width))
        for j in range(4):
            for row, value in update(b, lambda row, j=j: b.load(place, row + j)):  # type: ignore[misc]  # j=j
                b.store(value, place, row + j)


def report(module: Module, space: Space) -> None:
    """Emit the function that scatters the outputs to their runs and records non-finite values."""
    b = module.body()
    slot = b.put(f"alloca {b.f64}, align {b.width}")
    b.store(splat(0.0), slot)
    for first, count in ((space.y, space.states), (space.out, space.outputs)):
        with loop(b, str(count)) as i:
            x = b.load(at(b, "%w", times(b, i, b.width)), first)
            b.store(b.xadd(b.load(slot), b.xsub(x, x)), slot)  # adds 0 if finite, else NaN for good
    total = b.load(slot)
    bad = b.compare("uno", total, total)
    before = b.put(f"load {b.i64}, ptr {b.row('%w', space.first)}, align {b.width}")
    unset = b.put(f"icmp slt {b.i64} {before}, zeroinitializer")
    now = b.put(f"select {b.i1} {b.both(bad, unset)}, {b.i64} {spread(b, '%j')}, {b.i64} {before}")
    b.do(f"store {b.i64} {now}, ptr {b.row('%w', space.first)}, align {b.width}")
    with loop(b, str(space.outputs)) as o:
        source = at(b, b.row("%w", space.out), times(b, o, b.width))
        with loop(b, "%alive") as lane:
            x = b.put(f"load double, ptr {at(b, source, times(b, lane, 8))}, align 8")
            column = b.put(f"add i64 {times(b, lane, space.outputs)}, {o}")
            place = b.put(f"add i64 {times(b, column, '%reports')}, %j")
            b.do(f"store double {x}, ptr {at(b, '%out', times(b, place, 8))}, align 8")
    module.close(
        "internal void @report(ptr noalias %w, ptr noalias %out, i64 %alive, i64 %j, i64 %reports) nounwind", b
    )


def begin(b: Body, space: Space, init: Phase) -> None:
    """Set initial values and clear the index of the first non-finite report."""
    init.call(b)
    b.do(f"store {b.i64} {isplat(-1)}, ptr {b.row('%w', space.first)}, align {b.width}")
    if space.error >= 0:
        b.store(splat(0.0), "%w", space.rough)
    if space.z != space.y:
        over_states(b, space, lambda b, load: [(space.z, load(space.y))])


def runge_kutta(
    b: Body, space: Space, tableau: Tableau, h: str, stage: Callable[[int], None], active: str | None = None
) -> None:
    """Emit an explicit Runge-Kutta step of size `h` (a vector), in the same order as `sdmodel.solve.fixed_step.slopes`.

    `stage(n)` computes the slopes k from z at stage n of the tableau; only `active` lanes are updated.
    """
    final = len(tableau.stages)
    rows = [*tableau.stages, tableau.step]
    weights, divisor = tableau.step
    summed = [i for i, w in enumerate(weights) if w]
    wrong = [i for i, w in enumerate(tableau.error) if w] if space.error >= 0 else []
    lone = [[i for i, w in enumerate(row) if w] for row, _ in rows]
    step_widths = [
        scaled(b, h, row[used[0]] / over) if len(used) == 1 else h for (row, over), used in zip(rows, lone, strict=True)
    ]
    for n in range(final + 1):
        stage(tableau.moments.index(tableau.nodes[n]))

        def update(b: Body, load: Callable[[int], str], n: int = n) -> list[tuple[int, str]]:
            slopes = {n: load(space.k)}
            out = [(space.retained[n], slopes[n])] if n in space.retained else []
            error = _accumulated(b, wrong, tableau.error, n, slopes[n], lambda: load(space.error))
            if n < final:
                if n in summed and len(summed) > 1:
                    total = _accumulated(b, summed, weights, n, slopes[n], lambda: load(space.total))
                    out.append((space.total, str(total)))
                if n in wrong:
                    out.append((space.error, str(error)))
                row, over = tableau.stages[n]
                for i in lone[n]:
                    slopes.setdefault(i, load(space.retained[i]) if i in space.retained else "")
                terms = _combined(b, [(row[i], slopes[i]) for i in lone[n]], over)
                return [*out, (space.z, b.add(load(space.y), b.mul(step_widths[n], terms)))]
            if len(summed) == 1:
                slope = slopes[n] if summed[0] == n else load(space.retained[summed[0]])
            else:
                total = _accumulated(b, summed, weights, n, slopes[n], lambda: load(space.total))
                total = total or load(space.total)
                slope = total if divisor == 1 else b.div(total, splat(divisor))
            old = load(space.y)
            new = b.add(old, b.mul(step_widths[n], slope))
            if wrong:
                _note_rough(b, space, h, error or load(space.error), slopes[n], old, new, active)
            new = b.select(active, new, old) if active else new
            return [(space.y, new), (space.z, new)]

        over_states(b, space, update)


def scaled(b: Body, h: str, share: float) -> str:
    """`share * h`, or `h` itself if `share` is 1."""
    return h if share == 1 else b.xmul(h, splat(share))


def _accumulated(
    b: Body, used: list[int], weights: Sequence[float], n: int, slope: str, before: Callable[[], str]
) -> str | None:
    """Add the slope of stage `n` to a weighted sum; None if its weight is zero."""
    if n not in used:
        return None
    if n == used[0]:
        return slope if weights[n] == 1 else b.mul(splat(weights[n]), slope)
    return b.add(before(), slope if weights[n] == 1 else b.mul(splat(weights[n]), slope))


def _combined(b: Body, terms: list[tuple[float, str]], over: float) -> str:
    """Weighted sum of slopes for a stage; the weight of a single term is applied to the step size instead."""
    if len(terms) == 1:
        return terms[0][1]
    total = None
    for weight, slope in terms:
        term = slope if weight == 1 else b.mul(splat(weight), slope)
        total = term if total is None else b.add(total, term)
    assert total is not None
    return total if over == 1 else b.div(total, splat(over))


def _note_rough(b: Body, space: Space, h: str, error: str, last: str, old: str, new: str, active: str | None) -> None:
    """Count, in each lane, rough and uneven steps: those with a large relative error estimate of a state.

    A state that runs past zero counts too (see `sdmodel.solve.fixed_step.runs_past_zero`); `last` is its last slope.
    """
    size = b.xadd(b.call("fabs", old), b.call("fabs", new))
    wrong = b.call("fabs", b.xmul(h, error))
    rough, uneven = (b.compare("ogt", wrong, b.xmul(splat(part), size)) for part in (ROUGH, UNEVEN))
    change = b.xsub(new, old)
    slower = b.compare("olt", b.xmul(b.xsub(b.xmul(h, last), b.xmul(splat(0.5), change)), change), splat(0.0))
    signs = (b.compare("oge", x, splat(0.0)) for x in (old, new))
    past = b.both(b.put(f"xor {b.i1} {next(signs)}, {next(signs)}"), slower)
    place = b.row("%w", space.rough)
    count = b.load(place)
    added = b.select(rough, splat(1.0), b.select(uneven, splat(EACH_UNEVEN), splat(0.0)))
    more = b.xadd(count, b.select(past, splat(PAST_ZERO), added))
    b.store(b.select(active, more, count) if active else more, place)


def every_vector(
    module: Module, space: Space, extra: str, passed: str, prepare: Callable[[Body, str], str], later: str = ""
) -> None:
    """Emit `@runs`, which calls `@run` for each vector of runs.

    `extra` and `later` list additional parameters, `later` after all others; of `extra`, `passed` are handed to `@run`,
    and what `prepare` emits per vector.
    """
    b = module.body()
    b.declared.add("declare i64 @llvm.smin.i64(i64, i64)")
    with loop(b, "%vectors") as v:
        p = at(b, "%params", times(b, v, "%stride"))
        run = times(b, v, b.lanes)
        left = b.put(f"sub i64 %count, {run}")
        alive = b.put(f"call i64 @llvm.smin.i64(i64 {left}, i64 {b.lanes})")
        size = b.put(f"mul i64 %reports, {8 * space.outputs}")
        out = at(b, "%out", times(b, run, size))
        more = prepare(b, v)
        b.do(f"call void @run(ptr %w, ptr {p}, ptr {out}, i64 {alive}, i64 %reports, {passed}{more})")
        found = b.put(f"load {b.i64}, ptr {b.row('%w', space.first)}, align {b.width}")
        b.do(f"store {b.i64} {found}, ptr {at(b, '%first', times(b, run, 8))}, align 8")
        if space.error >= 0:
            b.do(f"store {b.f64} {b.load('%w', space.rough)}, ptr {at(b, '%rough', times(b, run, 8))}, align 8")
    head = "i64 %vectors, i64 %count, ptr noalias %params, i64 %stride, ptr noalias %w, ptr noalias %out"
    rough = ", ptr noalias %rough" if space.error >= 0 else ""
    module.close(f"void @runs({head}, ptr noalias %first, i64 %reports, {extra}{rough}{later}) nounwind", b)


RUN = "internal void @run(ptr noalias %w, ptr noalias %p, ptr noalias %out, i64 %alive, i64 %reports, "


def on_grid(
    module: Module, space: Space, history: History, phases: dict[str, Phase], tableau: Tableau, fused: bool
) -> None:
    """Emit `@runs` and `@run` for the TIME STEP grid; `fused` if the phase of rates already takes the Euler step.

    `%wanted` holds the indices of reported steps, `%rings` the first row of each memory in `%ring` and the end of the
    last, `%lengths` the length of each memory in steps, for each vector and lane.
    """
    shared = "ptr %wanted, double %start, double %step, ptr %ring, ptr %rings"

    def prepare(b: Body, v: str) -> str:
        return f", ptr {at(b, '%lengths', times(b, v, history.memories * b.width))}"

    every_vector(module, space, f"{shared}, ptr %lengths", shared, prepare)
    b = module.body()
    counter = b.put("alloca i64, align 8")
    b.do(f"store i64 0, ptr {counter}, align 8")
    start, step = b.spread("%start"), b.spread("%step")
    draw(b, history, "0")
    begin(b, space, phases["init"])
    fill(b, history)
    first = b.put("load i64, ptr %wanted, align 8")  # 0, or the steps before the state that the runs go on from
    draw(b, history, first)
    last = b.put("sub i64 %reports, 1")
    steps = b.put(f"load i64, ptr {at(b, '%wanted', times(b, last, 8))}, align 8")
    stop = b.put(f"add i64 {steps}, 1")
    with loop(b, stop, start=first) as i:
        phase = b.put(f"and i64 {i}, {b.lanes - 1}")
        fresh, begins = b.put(f"icmp eq i64 {phase}, 0"), b.put(f"icmp eq i64 {i}, {first}")
        with only_if(b, b.put(f"or i1 {fresh}, {begins}")):
            # values that depend on time only, for as many steps as there are lanes, at once
            index = b.put(
                f"sitofp {b.i64} {b.whole('add', spread(b, b.put(f'sub i64 {i}, {phase}')), each_lane(b))} to {b.f64}"
            )
            now = b.xadd(start, b.xmul(index, step))
            for number, share in enumerate(tableau.moments):
                t = now if share == 0 else b.xadd(now, scaled(b, step, share))
                phases["clock"].call(b, t, str(number * space.times * b.width))
        lane = times(b, phase, 8)
        j = b.put(f"load i64, ptr {counter}, align 8")
        requested = b.put(f"load i64, ptr {at(b, '%wanted', times(b, j, 8))}, align 8")
        with only_if(b, b.put(f"icmp eq i64 {requested}, {i}")):
            phases["outs"].call(b, lane=lane)
            b.do(f"call void @report(ptr %w, ptr %out, i64 %alive, i64 {j}, i64 %reports)")
            b.do(f"store i64 {b.put(f'add i64 {j}, 1')}, ptr {counter}, align 8")
        with only_if(b, b.put(f"icmp slt i64 {i}, {steps}")):
            phases["nexts"].call(b, lane=lane)
            if fused:
                phases["rates"].call(b, lane=lane)
            else:

                def stage(number: int) -> None:
                    moved = b.put(f"add i64 {lane}, {number * space.times * b.width}")
                    phases["rates"].call(b, lane=moved)

                if tableau.count > 1:
                    phases["holds"].call(b, lane=lane)
                runge_kutta(b, space, tableau, step, stage)
            cut(b, history, sorted({space.y, space.z}))
            shift(b, history)
            draw(b, history, b.put(f"add i64 {i}, 1"))
    module.close(f"{RUN}{shared}, ptr %steps) nounwind", b)


def on_spans(module: Module, history: History, init: Phase) -> None:
    """Emit `@spans`: lengths of the memories in steps, for each vector."""
    b = module.body()
    with loop(b, "%vectors") as v:
        p = at(b, "%params", times(b, v, "%stride"))
        b.do(f"call void @first(ptr %w, ptr {p})")
        out = at(b, "%out", times(b, v, history.memories * b.width))
        for i in range(history.memories):
            b.store(b.load("%w", history.span + i), out, i)
    module.close("void @spans(i64 %vectors, ptr %params, i64 %stride, ptr %w, ptr %out) nounwind", b)
    b = module.body()
    draw(b, history, "0")
    init.call(b)
    module.close("internal void @first(ptr %w, ptr %p) nounwind", b)
