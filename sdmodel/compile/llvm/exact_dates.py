"""Integration loops for exact dates: every lane steps to the shared stops and, between them, to its own breaks."""

from __future__ import annotations

from sdmodel.compile.llvm.integration import RUN, Space, begin, every_vector, runge_kutta, scaled
from sdmodel.compile.llvm.ir import Body, isplat, splat
from sdmodel.compile.llvm.loops import any_lane, at, in_rows, loop, only_if, spread, times
from sdmodel.compile.llvm.phase import Module, Phase
from sdmodel.compile.llvm.tables import gather
from sdmodel.core.tableau import Tableau


def on_dates(module: Module, space: Space, phases: dict[str, Phase], tableau: Tableau) -> None:
    """Emit `@runs` and `@run` for exact dates.

    `%stops` holds the shared times (grid and reports) in ascending order, `%slack` the tolerance of each, `%report` its
    report index or -1; `%breaks` holds for each vector `%cuts` rows of dates: the start, the breaks in order, the end
    repeated as padding, and a date after the end.

    A report belongs to the segment that contains its time; a time within its tolerance of a break belongs to the
    segment that begins there, as in `solve`.

    `%ends` takes for each vector the states, the time and the number of rough steps after the last stop. Runs begin
    from such rows and the number of a segment in `%begun`. Either is null where it is not wanted.
    """
    shared = "i64 %stopcount, ptr %stops, ptr %slack, ptr %report, i64 %cuts"

    def prepare(b: Body, v: str) -> str:
        rows = [f", ptr {at(b, '%breaks', times(b, times(b, v, '%cuts'), b.width))}"]
        for name, count in (("%begun", space.states + 3), ("%ends", space.states + 2)):
            size = b.put(f"select i1 {_null(b, name)}, i64 0, i64 {count * b.width}")
            rows.append(f", ptr {at(b, name, times(b, v, size))}")
        return "".join(rows)

    every_vector(module, space, f"{shared}, ptr noalias %breaks", shared, prepare, ", ptr %begun, ptr %ends")
    _segment(module, space, phases["segment"])
    b = module.body()
    now, cut, following = (b.row("%w", space.now + i) for i in range(3))
    begin(b, space, phases["init"])
    b.store(_shared(b, "%stops", "0"), now)
    b.do(f"store {b.i64} zeroinitializer, ptr {cut}, align {b.width}")
    kept = [now] if space.error < 0 else [now, b.row("%w", space.rough)]
    with only_if(b, b.put(f"xor i1 {_null(b, '%begun')}, true")):
        for first in dict.fromkeys([space.y, space.z]):
            _copied(b, "%begun", b.row("%w", first), space.states)
        for k, place in enumerate(kept):
            b.store(b.load("%begun", space.states + k), place)
        b.store(b.load("%begun", space.states + 2), cut)
    b.do("call void @segment(ptr %w, ptr %p, ptr %breaks)")
    last = b.put("sub i64 %stopcount, 1")
    end = _shared(b, "%stops", last)
    with loop(b, "%stopcount") as i:
        target, slack = _shared(b, "%stops", i), _shared(b, "%slack", i)
        enough = b.xsub(target, slack)
        again, inside, done = b.label(), b.label(), b.label()
        b.do(f"br label %{again}")
        b.do(f"{again}:")
        t, date = b.load(now), b.load(following)
        mine = b.either(b.compare("olt", target, b.xsub(date, slack)), b.compare("oge", date, end))
        active = b.nor(b.both(mine, b.compare("oge", t, enough)))
        b.do(f"br i1 {any_lane(b, active)}, label %{inside}, label %{done}")
        b.do(f"{inside}:")
        to = b.select(mine, target, date)
        h = b.xsub(to, t)
        moments = [t if share == 0 else b.xadd(t, scaled(b, h, share)) for share in tableau.moments]
        runge_kutta(b, space, tableau, h, lambda n: phases["rates"].call(b, moments[n]), active)
        after = b.select(active, to, t)
        b.store(after, now)
        crossed = b.both(b.compare("oge", after, date), b.compare("olt", date, end))
        with only_if(b, any_lane(b, crossed)):
            number = b.put(f"load {b.i64}, ptr {cut}, align {b.width}")
            number = b.whole("add", number, b.put(f"zext {b.i1} {crossed} to {b.i64}"))
            b.do(f"store {b.i64} {number}, ptr {cut}, align {b.width}")
            b.do("call void @segment(ptr %w, ptr %p, ptr %breaks)")
        b.do(f"br label %{again}")
        b.do(f"{done}:")
        with only_if(b, b.put(f"icmp eq i64 {i}, {last}")):  # at the end, too, the right limit is reported
            b.do(f"store {b.i64} {spread(b, b.put('sub i64 %cuts, 2'))}, ptr {cut}, align {b.width}")
            b.do("call void @segment(ptr %w, ptr %p, ptr %breaks)")
        j = b.put(f"load i64, ptr {at(b, '%report', times(b, i, 8))}, align 8")
        with only_if(b, b.put(f"icmp sge i64 {j}, 0")):
            phases["outs"].call(b, target)
            b.do(f"call void @report(ptr %w, ptr %out, i64 %alive, i64 {j}, i64 %reports)")
    with only_if(b, b.put(f"xor i1 {_null(b, '%ends')}, true")):
        _copied(b, b.row("%w", space.y), "%ends", space.states)
        for k, place in enumerate(kept):
            b.store(b.load(place), "%ends", space.states + k)
    module.close(f"{RUN}{shared}, ptr noalias %breaks, ptr %begun, ptr %ends) nounwind", b)


def _null(b: Body, pointer: str) -> str:
    return b.put(f"icmp eq ptr {pointer}, null")


def _copied(b: Body, source: str, into: str, rows: int) -> None:
    with loop(b, str(rows)) as i:
        offset = times(b, i, b.width)
        b.store(b.load(at(b, source, offset)), at(b, into, offset))


def _shared(b: Body, table: str, index: str) -> str:
    """Load an entry of a shared table into every lane."""
    return b.spread(b.put(f"load double, ptr {at(b, table, times(b, index, 8))}, align 8"))


def _segment(module: Module, space: Space, phase: Phase) -> None:
    """Emit the function that computes held values at the middle of each lane's segment, and the date of its end."""
    b = module.body()
    number = b.put(f"load {b.i64}, ptr {b.row('%w', space.now + 1)}, align {b.width}")
    offset = in_rows(b, number)
    begun = gather(b, b.put(f"getelementptr i8, ptr %breaks, {b.i64} {offset}"))
    ends = gather(b, b.put(f"getelementptr i8, ptr %breaks, {b.i64} {b.whole('add', offset, isplat(b.width))}"))
    b.store(ends, "%w", space.now + 2)
    phase.call(b, b.xmul(b.xadd(begun, ends), splat(0.5)))
    module.close("internal void @segment(ptr noalias %w, ptr noalias %p, ptr noalias %breaks) noinline nounwind", b)


def on_watch(module: Module, phase: Phase, given: int, holds: int, seen: int, watched: int) -> None:
    """Emit `@watch`: watched values of all sources, for each vector at `%each` times and held values of its own.

    `given` and `seen` are the first rows of the held values and of the result, `holds` and `watched` their numbers.
    """
    b = module.body()
    with loop(b, "%vectors") as v, loop(b, "%each") as one:
        p = at(b, "%params", times(b, v, "%stride"))
        number = b.put(f"add i64 {times(b, v, '%each')}, {one}")
        for count, first, memory, into in ((holds, given, "%held", True), (watched, seen, "%out", False)):
            outside = at(b, memory, times(b, number, count * b.width))
            if not into:
                phase.call(b, b.load(at(b, "%times", times(b, number, b.width))), pointer=p)
            with loop(b, str(count)) as i:
                offset = times(b, i, b.width)
                a, w = at(b, outside, offset), at(b, b.row("%w", first), offset)
                source, goal = (a, w) if into else (w, a)
                b.store(b.load(source), goal)
    module.close(
        "void @watch(i64 %vectors, i64 %each, ptr noalias %params, i64 %stride, ptr noalias %w, ptr noalias %times, "
        "ptr noalias %held, ptr noalias %out) nounwind",
        b,
    )
