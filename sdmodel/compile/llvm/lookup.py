"""Lookups and data series on vectors, without branches on values.

The index of the knot below a point is found by counting or, for evenly spaced knots, estimated and corrected by one
comparison, so it always equals that of a binary search.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from sdmodel.compile.llvm.ir import Body, isplat, splat
from sdmodel.compile.llvm.loops import any_lane
from sdmodel.compile.llvm.math import ROUNDER, clamp
from sdmodel.compile.llvm.tables import fetch, gather, power_of_two
from sdmodel.compile.program import TableData
from sdmodel.core.errors import UnsupportedError
from sdmodel.core.expression import NA
from sdmodel.core.functions.values import divide

KINDS = frozenset({"interpolate", "extrapolate", "hold_backward", "look_forward", "raw"})
_BIAS = 2.0**-20
_COUNTED = 48
"""Unevenly spaced tables up to this many points use counting, longer ones binary search."""

_CHOSEN = 12
"""Without register permutes, entries of tables up to this many points are chosen knot by knot, else gathered.

Measured on AVX2: the way is 1.9 times as quick at 5 points, 1.2 times at 11, and slower from 14."""


def weight(table: TableData) -> int:
    """Approximate number of instructions of a lookup."""
    return 12 + (6 if even_step(table.x) else 2 * min(len(table.x), 20))


def even_step(x: Sequence[float]) -> float | None:
    """Spacing of evenly spaced knots, or None if the spacing is uneven or the table very short."""
    n = len(x)
    if n < 6:
        return None
    step = (x[-1] - x[0]) / (n - 1)
    if not (step > 0 and math.isfinite(step)) or abs(x[0] / step) > 2**20 or n > 2**16:
        return None
    fits = all(abs(a - (x[0] + i * step)) <= step * 2**-22 for i, a in enumerate(x))
    return step if fits else None


def lookup_value(b: Body, name: str, table: TableData, x: str) -> str:
    """Value of a lookup at `x`, equal to `sdmodel.core.functions.values.interpolate`."""
    if table.kind not in KINDS:
        raise UnsupportedError(f"The kernel of sweeps does not know lookups of kind '{table.kind}'.")
    xs, ys = table.x, table.y
    n = len(xs)
    missing = b.compare("uno", x, x)
    if table.kind == "raw":
        return b.select(missing, x, _raw(b, name, xs, ys, x))
    if n == 1:
        return b.select(missing, x, splat(ys[0]))
    if table.kind == "look_forward":
        place = _count(b, name, xs[:-1], x, "ogt")
        return b.select(missing, x, fetch(b, f"{name}y", ys, place))
    if table.kind == "hold_backward":
        (value,) = _at_knot(b, name, xs, clamp(b, x, xs[0], xs[-1]), n, {"y": ys})
        return b.select(missing, x, value)
    slopes = [divide(ys[i + 1] - ys[i], xs[i + 1] - xs[i]) for i in range(n - 1)]
    near = clamp(b, x, xs[0], xs[-1]) if table.kind == "extrapolate" else x
    slope, left, value = _at_knot(b, name, xs, near, n - 1, {"s": slopes, "x": xs[:-1], "y": ys[:-1]})
    value = b.add(b.mul(slope, b.sub(x, left)), value)
    if table.kind == "extrapolate":
        return value
    value = b.select(b.compare("ole", x, splat(xs[0])), splat(ys[0]), value)
    return b.select(b.compare("oge", x, splat(xs[-1])), splat(ys[-1]), value)


def _at_knot(
    b: Body, name: str, xs: Sequence[float], x: str, places: int, columns: Mapping[str, Sequence[float]]
) -> list[str]:
    """Entry of each column at the last of the first `places` knots that `x` has reached, or at the first."""
    if b.machine.permute or places > _CHOSEN:
        place = _place(b, name, xs, x, places)
        return [fetch(b, name + column, values, place) for column, values in columns.items()]
    found = [splat(values[0]) for values in columns.values()]
    for i in range(1, places):
        reached = b.compare("oge", x, splat(xs[i]))
        found = [b.select(reached, splat(v[i]), old) for v, old in zip(columns.values(), found, strict=True)]
    return found


def _place(b: Body, name: str, xs: Sequence[float], x: str, places: int) -> str:
    """Number of knots up to `x` among the first `places` knots, not counting the first."""
    step = even_step(xs)
    if step is not None:
        shift = -xs[0] / step - 0.5 - _BIAS
        guess = b.muladd(x, splat(1.0 / step), splat(shift))
        low = b.bits(b.xadd(guess, splat(ROUNDER)))
        size = power_of_two(places)
        following = [*xs[1:places], *[math.inf] * (size - places), xs[0]]
        whole = b.machine.permute and size <= 2 * b.lanes  # a permute uses the low bits of the index only
        low = low if whole else b.whole("and", low, isplat(size - 1))
        place = _one_more(b, low, b.compare("oge", x, fetch(b, f"{name}n", following, low)))
        return place if whole else b.whole("and", place, isplat(size - 1))
    return _count(b, name, xs[1:places], x, "oge")


def _raw(b: Body, name: str, xs: Sequence[float], ys: Sequence[float], x: str) -> str:
    """Value of the table point at `x`, up to rounding; otherwise the missing-value marker."""
    size = b.call("fabs", x)
    near = b.xmul(b.select(b.compare("ogt", splat(1.0), size), splat(1.0), size), splat(1e-9))
    place = _count(b, name, xs, b.xsub(x, near), "ogt")
    gap = b.call("fabs", b.xsub(fetch(b, f"{name}x", [*xs, math.inf], place), x))
    value = fetch(b, f"{name}y", [*ys, NA], place)
    return b.select(b.compare("ole", gap, near), value, splat(NA))


def _count(b: Body, name: str, knots: Sequence[float], x: str, how: str) -> str:
    """Number of ascending knots that `x` has reached (`oge`) or passed (`ogt`)."""
    if len(knots) >= _COUNTED:
        return _halving(b, name, knots, x, how)
    count = isplat(0)
    for knot in knots:
        count = _one_more(b, count, b.compare(how, x, splat(knot)))
    return count


def _one_more(b: Body, count: str, lanes: str) -> str:
    """Increment `count` in the lanes that are set; a masked addition where the target supports it."""
    if b.machine.permute:
        more = b.whole("add", count, isplat(1))
        return b.put(f"select {b.i1} {lanes}, {b.i64} {more}, {b.i64} {count}")
    return b.whole("add", count, b.put(f"zext {b.i1} {lanes} to {b.i64}"))


def _halving(b: Body, name: str, knots: Sequence[float], x: str, how: str) -> str:
    size = 1 << len(knots).bit_length()
    padded = [*knots, *[math.inf] * (size - 1 - len(knots))]
    count = isplat(0)
    width = size // 2
    while width:
        probe = b.whole("add", count, isplat(width - 1))
        reached = b.compare(how, x, fetch(b, f"{name}h", padded, probe))
        step = b.put(f"select {b.i1} {reached}, {b.i64} {isplat(width)}, {b.i64} zeroinitializer")
        count = b.whole("add", count, step)
        width //= 2
    most = b.put(f"icmp ult {b.i64} {count}, {isplat(len(knots))}")  # infinity reaches the padding too
    return b.put(f"select {b.i1} {most}, {b.i64} {count}, {b.i64} {isplat(len(knots))}")


def series(b: Body, rows: str, t: str) -> str:
    """A data series at `t`: linear interpolation, constant beyond the first and last point.

    `rows` holds three rows of integers: the address of the values for each lane, the address of the times, and
    the number of points.
    """
    where = [b.put(f"load {b.i64}, ptr {b.row(rows, i)}, align {b.width}") for i in range(3)]
    values, times, count = where
    start, loop, step, done = (b.label() for _ in range(4))
    low, high, next_low, next_high = (b.name() for _ in range(4))
    b.do(f"br label %{start}")
    b.do(f"{start}:")
    b.do(f"br label %{loop}")
    b.do(f"{loop}:")
    b.lines.append(f"  {low} = phi {b.i64} [ zeroinitializer, %{start} ], [ {next_low}, %{step} ]")
    b.lines.append(f"  {high} = phi {b.i64} [ {count}, %{start} ], [ {next_high}, %{step} ]")
    open_ = b.put(f"icmp ult {b.i64} {low}, {high}")
    b.do(f"br i1 {any_lane(b, open_)}, label %{step}, label %{done}")
    b.do(f"{step}:")
    middle = b.whole("lshr", b.whole("add", low, high), isplat(1))
    safe = b.put(f"select {b.i1} {open_}, {b.i64} {middle}, {b.i64} zeroinitializer")
    passed = b.compare("oge", t, _at(b, times, safe))
    up = b.both(open_, passed)
    down = b.put(f"xor {b.i1} {open_}, {up}")
    after = b.whole("add", middle, isplat(1))
    b.lines.append(f"  {next_low} = select {b.i1} {up}, {b.i64} {after}, {b.i64} {low}")
    b.lines.append(f"  {next_high} = select {b.i1} {down}, {b.i64} {middle}, {b.i64} {high}")
    b.do(f"br label %{loop}")
    b.do(f"{done}:")
    last = b.whole("sub", count, isplat(1))
    inside = b.put(f"icmp ult {b.i64} {low}, {count}")
    right = b.put(f"select {b.i1} {inside}, {b.i64} {low}, {b.i64} {last}")
    moved = b.put(f"icmp ugt {b.i64} {right}, zeroinitializer")
    left = b.whole("sub", right, b.put(f"zext {b.i1} {moved} to {b.i64}"))
    t0, t1, x0, x1 = (_at(b, base, i) for base in (times, values) for i in (left, right))
    sloped = b.div(b.mul(b.sub(t, t0), b.sub(x1, x0)), b.sub(t1, t0))
    value = b.add(x0, sloped)
    zero = "zeroinitializer"
    value = b.select(b.compare("ole", t, _at(b, times, zero)), _at(b, values, zero), value)
    return b.select(b.compare("oge", t, _at(b, times, last)), _at(b, values, last), value)


def _at(b: Body, base: str, index: str) -> str:
    """Gather the doubles at `index` of arrays at the addresses `base`."""
    moved = b.whole("add", base, b.whole("shl", index, isplat(3)))
    return gather(b, b.put(f"inttoptr {b.i64} {moved} to {b.pointers}"))
