"""State that exists on the TIME STEP grid only: memories in ring buffers, random draws, non-negative stocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sdmodel.compile.llvm.ir import Body, isplat, splat
from sdmodel.compile.llvm.loops import at, in_rows, loop, spread, times
from sdmodel.compile.llvm.tables import gather

_GOLDEN = 0x9E3779B97F4A7C15
_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


@dataclass(frozen=True, slots=True)
class History:
    """Row layout of memories and draws."""

    memories: int
    """Number of memories."""
    shown: int
    """First rows of the current values of memories, the values that enter, ring positions, and lengths in steps."""
    following: int
    place: int
    span: int
    streams: tuple[int, ...]
    """Streams of draws in use."""
    draws: int
    words: int
    """First row, after the parameters, of the seed words of the streams."""
    floors: tuple[int, ...]
    """Non-negative states, by their index among the rows of states."""


def draw(b: Body, history: History, step: str) -> None:
    """Emit the draws of all streams at an integer step, equal to those of `sdmodel.compile.random`."""
    if not history.streams:
        return
    number = spread(b, step)
    for i, stream in enumerate(history.streams):
        word = b.put(f"load {b.i64}, ptr {b.row('%p', history.words + stream)}, align {b.width}")
        word = mix(b, b.whole("xor", word, number))
        count = b.put(f"uitofp {b.i64} {b.whole('lshr', word, isplat(11))} to {b.f64}")
        b.store(b.xmul(b.xadd(count, splat(0.5)), splat(2.0**-53)), "%w", history.draws + i)


def mix(b: Body, word: str) -> str:
    """SplitMix64's finalizer."""
    word = b.whole("add", word, isplat(_GOLDEN))
    for shift, factor in _ROUNDS:
        word = b.whole("mul", b.whole("xor", word, b.whole("lshr", word, isplat(shift))), isplat(factor))
    return b.whole("xor", word, b.whole("lshr", word, isplat(31)))


def fill(b: Body, history: History) -> None:
    """Fill the ring buffers with initial values."""
    if not history.memories:
        return
    with loop(b, str(history.memories)) as i:
        value = b.load(at(b, b.row("%w", history.shown), times(b, i, b.width)))
        low, high = _ring(b, i)
        place = at(b, b.row("%w", history.place), times(b, i, b.width))
        b.do(f"store {b.i64} zeroinitializer, ptr {place}, align {b.width}")
        with loop(b, high, start=low) as j:
            b.store(value, at(b, "%ring", times(b, j, b.width)))


def shift(b: Body, history: History) -> None:
    """Advance all memories by one step; ring lengths differ by lane."""
    if not history.memories:
        return
    scatter = f"@llvm.masked.scatter.v{b.lanes}f64.v{b.lanes}p0"
    b.declared.add(f"declare void {scatter}({b.f64}, {b.pointers}, i32, {b.i1})")
    with loop(b, str(history.memories)) as i:
        offset = times(b, i, b.width)
        entering = b.load(at(b, b.row("%w", history.following), offset))
        place = at(b, b.row("%w", history.place), offset)
        where = b.put(f"load {b.i64}, ptr {place}, align {b.width}")
        length = b.put(f"load {b.i64}, ptr {at(b, '%steps', offset)}, align {b.width}")
        ring = at(b, "%ring", times(b, _ring(b, i)[0], b.width))
        into = b.put(f"getelementptr i8, ptr {ring}, {b.i64} {in_rows(b, where)}")
        every = f"{b.i1} splat (i1 true)"
        b.do(f"call void {scatter}({b.f64} {entering}, {b.pointers} {into}, i32 8, {every})")
        after = b.whole("add", where, isplat(1))
        wraps = b.put(f"icmp uge {b.i64} {after}, {length}")
        after = b.put(f"select {b.i1} {wraps}, {b.i64} zeroinitializer, {b.i64} {after}")
        b.do(f"store {b.i64} {after}, ptr {place}, align {b.width}")
        leaving = gather(b, b.put(f"getelementptr i8, ptr {ring}, {b.i64} {in_rows(b, after)}"))
        b.store(leaving, at(b, b.row("%w", history.shown), offset))


def _ring(b: Body, i: str) -> tuple[str, str]:
    """First row of the ring buffer of memory `i`, and the first row after it."""
    place = b.put(f"getelementptr i64, ptr %rings, i64 {i}")
    low = b.put(f"load i64, ptr {place}, align 8")
    high = b.put(f"load i64, ptr {b.put(f'getelementptr i64, ptr {place}, i64 1')}, align 8")
    return low, high


def cut(b: Body, history: History, bases: Sequence[int]) -> None:
    """Clip non-negative stocks at zero."""
    for i in history.floors:
        value = b.load("%w", bases[0] + i)
        retained = b.select(b.compare("olt", value, splat(0.0)), splat(0.0), value)
        for base in bases:
            b.store(retained, "%w", base + i)
