"""Times of jumps and kinks for many runs at once: `sdmodel.compile.events.segments` vectorised with numpy.

Arrays have the layout of the kernel, (vectors, rows, lanes). The operations and their order are those of a single run,
so the dates are bitwise identical.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdmodel.compile.events import MAX_BREAKS, SMALLEST, Clock, Source
from sdmodel.compile.program import Program
from sdmodel.core.functions.values import interpolate

Array = np.ndarray
Watch = Callable[[Array, Array], Array]
"""Maps times (vectors, segments, lanes) and held values (vectors, segments, held, lanes) to watched values
(vectors, segments, 2 * sources, lanes)."""

_SEGMENTS = 64
"""Number of segments of each run that are searched at once, so that memory is bounded."""
_HOLDS = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal}


def cuts(
    clock: Clock, program: Program, watch: Watch, start: float, end: float, shape: tuple[int, int]
) -> tuple[Array, Array]:
    """Start, breaks and end of every run.

    Returns
    -------
    cuts
        (vectors, cuts, lanes): dates in ascending order; padded with the end after the last break.
    failed
        (vectors, lanes): runs with more than `clock.MAX_BREAKS` breaks; they get none.
    """
    vectors, lanes = shape
    failed = np.zeros(shape, dtype=bool)
    found = np.empty((vectors, 2, lanes))
    found[:, 0], found[:, 1] = start, end
    depth = 1 + max((s.level for s in clock.sources), default=-1)
    smallest = SMALLEST * max(abs(start), abs(end), 1.0)
    with np.errstate(all="ignore"):
        for level in range(depth):
            ends = [
                (found[:, :-1][:, i : i + _SEGMENTS], found[:, 1:][:, i : i + _SEGMENTS])
                for i in range(0, found.shape[1] - 1, _SEGMENTS)
            ]
            new = [_between(clock, program, watch, level, a, b, smallest, failed) for a, b in ends]
            found = _merged(found, new, smallest, failed)
    return np.ascontiguousarray(found), failed


def _between(
    clock: Clock, program: Program, watch: Watch, level: int, a: Array, b: Array, smallest: float, failed: Array
) -> Array:
    """Dates inside the segments from `a` to `b`, (vectors, dates, lanes); infinite where there is none."""
    held = _held_at(clock, program, watch, (a + b) / 2, level)
    p, q = a + (b - a) / 4, b - (b - a) / 4
    at_p, at_q = watch(p, held), watch(q, held)
    out = []
    p, q, a, b = (x[:, :, None] for x in (p, q, a, b))

    def line(indices: list[int]) -> tuple[Array, Array]:
        left, right = [2 * i for i in indices], [2 * i + 1 for i in indices]
        x0, x1 = at_p[:, :, left] - at_p[:, :, right], at_q[:, :, left] - at_q[:, :, right]
        slope = (x1 - x0) / (q - p)
        return x0, np.where((slope == 0) | ~np.isfinite(slope), np.nan, slope)

    sources = [(i, s) for i, s in enumerate(clock.sources) if s.level == level]
    crossing = [i for i, s in sources if s.kind == "cross"]
    if crossing:
        x0, slope = line(crossing)
        out.append(p - x0 / slope)
    for i, s in sources:
        if s.kind == "cross":
            continue
        x0, slope = line([i])
        ends = x0 + slope * (a - p), x0 + slope * (b - p)
        first, last = np.minimum(*ends), np.maximum(*ends)
        if s.kind == "knots":
            targets = np.asarray(program.tables[s.table].x, dtype=float)[None, None, :, None]
            targets = np.where((first <= targets) & (targets <= last), targets, np.nan)
        else:
            too_many = last - first > MAX_BREAKS
            failed |= too_many[:, :, 0].any(axis=1)
            low, high = np.floor(first), np.ceil(last)
            usual = np.where(too_many | ~np.isfinite(high - low), 0.0, high - low)
            targets = low + np.arange(usual.max(initial=0.0) + 1.0)[None, None, :, None]
            targets = np.where((targets <= high) & ~too_many, targets, np.nan)
        out.append(p + (targets - x0) / slope)
    dates = np.concatenate(out, axis=2)
    dates = np.where((a + smallest < dates) & (dates < b - smallest), dates, np.inf)
    return _ascending(dates.reshape(len(dates), -1, dates.shape[3]))


def _held_at(clock: Clock, program: Program, watch: Watch, t: Array, below: int) -> Array:
    """Held values at times `t` for levels less than `below`; zero for the others."""
    h = np.zeros((*t.shape[:2], len(clock.held), t.shape[2]))
    slots = {node: i for i, node in enumerate(clock.held)}
    for level in range(below):
        here = [(i, s) for i, s in enumerate(clock.sources) if s.level == level and s.node >= 0]
        if not here:
            continue
        values = watch(t, h)
        for i, s in here:
            h[:, :, slots[s.node]] = _held_value(program, s, values[:, :, 2 * i], values[:, :, 2 * i + 1])
    return h


def _held_value(program: Program, source: Source, a: Array, b: Array) -> Array:
    op = str(program.nodes[source.node][0])
    if source.kind == "cross":
        return np.asarray(_HOLDS[op](a - b, 0.0), dtype=float)
    if source.kind == "knots":
        table = program.tables[source.table]
        found = [interpolate(x, table.x, table.y, table.kind) for x in a.ravel().tolist()]
        return np.array(found).reshape(a.shape)
    return np.asarray((np.floor(a) if op == "floor" else np.trunc(a)) + 0.0)


def _merged(found: Array, new: list[Array], smallest: float, failed: Array) -> Array:
    """Merge dates in ascending order, dropping those too close to the previous one or to the end."""
    start, end = found[:, :1], found[:, -1:]
    inside = found[:, 1:-1]
    dates = np.concatenate([np.where(inside < end, inside, np.inf), *new], axis=1)
    dates = _ascending(np.where(failed[:, None], np.inf, dates))
    drop_close(dates, start, smallest)
    dates[end - dates <= smallest] = np.inf
    many = np.isfinite(dates).sum(axis=1) > MAX_BREAKS
    failed |= many
    dates = _ascending(np.where(many[:, None], np.inf, dates))
    return np.concatenate([start, np.where(np.isfinite(dates), dates, end), end], axis=1)


def drop_close(dates: Array, start: Array, smallest: float) -> None:
    """Make dates infinite that are no later than `smallest` after the date before that is kept, the start at first."""
    close = np.diff(dates, axis=1, prepend=start) <= smallest
    kept = np.maximum.accumulate(np.where(close, start, dates), axis=1)
    if (dates - kept <= smallest)[close].all():  # else dates follow one another so closely that every other one is kept
        dates[close] = np.inf
        return
    before = start[:, 0].copy()
    for column in np.moveaxis(dates, 1, 0):
        keep = column - before > smallest
        column[~keep] = np.inf
        before = np.where(keep & np.isfinite(column), column, before)


def _ascending(dates: Array) -> Array:
    """Dates in ascending order, (vectors, dates, lanes), without the places that no lane needs."""
    used = int(np.isfinite(dates).sum(axis=1).max(initial=0))
    return np.sort(dates, axis=1)[:, :used]
