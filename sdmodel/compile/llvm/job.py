"""Input of a kernel call and its memory layout."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from sdmodel.compile.events import SMALLEST
from sdmodel.compile.program import Program
from sdmodel.compile.python.engine import evaluate
from sdmodel.compile.random import mix, stream_word
from sdmodel.core.cache import Cache
from sdmodel.core.errors import SolveError

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Job:
    """Runs that share initial time and TIME STEP."""

    given: Array
    """Parameters, (runs, parameters)."""
    at: Array
    """Reported times."""
    start: float
    step: float
    data: list[tuple[Array, Array]]
    """Times (points,) and values (points,) or (runs, points) of each data variable."""
    words: Array
    """Seed words of the random streams, (runs, streams), 64-bit integers."""
    plan: tuple[Array, ...]
    """Indices of the reported steps or stops."""

    def rows(self, low: int, high: int, lanes: int) -> Array:
        """Input rows of the kernel for runs `low` to `high`, (vectors, rows, lanes).

        The rows are the parameters, three rows for each data series (addresses of values and times, number of points),
        and the seed words. Unused lanes of the last vector repeat the last run; their results are discarded.
        """
        count, series, streams = self.given.shape[1], len(self.data), self.words.shape[1]
        vectors = -(-(high - low) // lanes)
        block = aligned((vectors, count + 3 * series + streams, lanes))
        which = np.minimum(np.arange(low, low + vectors * lanes), high - 1)
        _spread(block[:, :count], self.given, low, high, which)
        _spread(block[:, count + 3 * series :], self.words.view(np.float64), low, high, which)
        for i, (t, x) in enumerate(self.data):
            rows = block[:, count + 3 * i : count + 3 * i + 3].view(np.int64)
            moved = which * x.strides[0] if x.ndim == 2 else 0 * which
            rows[:, 0] = (address(x) + moved).reshape(vectors, lanes)
            rows[:, 1], rows[:, 2] = address(t), len(t)
        return block


def _spread(block: Array, table: Array, low: int, high: int, which: Array) -> None:
    count, lanes = block.shape[1:]
    full = (high - low) // lanes
    block[:full] = table[low : low + full * lanes].reshape(full, lanes, count).transpose(0, 2, 1)
    if full < len(block):
        block[full] = table[which[full * lanes :]].T


def run_words(streams: Sequence[str], seed: int, numbers: Array) -> Array:
    """Seed word of each run and stream; hashed with a step it gives a draw (see `sdmodel.compile.random`)."""
    out = np.empty((len(numbers), len(streams)), dtype=np.uint64)
    if not streams:
        return out
    first = mix(seed & ((1 << 64) - 1))
    for row, number in enumerate(numbers.tolist()):
        word = mix(first ^ (number & ((1 << 64) - 1)))
        out[row] = [mix(word ^ stream_word(name)) for name in streams]
    return out


def groups(program: Program, given: Array, at: Array) -> list[tuple[float, float, Array]]:
    """Group the runs by TIME STEP, which is nearly always the same; (start, step, indices) of each group."""
    if not len(given):
        return []
    start, step = (_control(program, name, given) for name in ("initial time", "time step"))
    least, most = float(step.min()), float(step.max())
    if not 0 < least <= most < math.inf:
        raise SolveError("TIME STEP must be a positive number in every run.")
    origin = float(start[0]) if program.resumed else float(at[0])
    if (start != origin).any() or origin > at[0]:
        wrong = float(start[start != at[0]][0])
        raise SolveError(f"The first reported time is {at[0]:g} but a run begins at {wrong:g}.")
    if least == most:
        return [(origin, least, np.arange(len(given)))]
    return [(origin, float(one), np.flatnonzero(step == one)) for one in np.unique(step)]


def _control(program: Program, name: str, given: Array) -> Array:
    node = program.control[name]
    op, *args = program.nodes[node]
    if op == "param":
        return given[:, int(args[0])]
    if op == "const":
        return np.full(len(given), float(args[0]))
    return np.array([evaluate(program, node, row.tolist()) for row in given])


_timings: Cache[Array] = Cache(64)


def _once(times: Sequence[float], key: Hashable, make: Callable[[], Array]) -> Array:
    """What follows from reported times; kept where they are a tuple, such as that of all sweeps with one layout."""
    if not isinstance(times, tuple):
        return make()
    found = _timings.get(times, key)
    return _timings.put(times, key, make()) if found is None else found


def reported_times(times: Sequence[float]) -> Array:
    """Reported times as an array; a SolveError if they do not rise."""

    def checked() -> Array:
        at = np.ascontiguousarray(times, dtype=np.float64)
        if at.ndim != 1 or not len(at) or not np.isfinite(at).all() or (np.diff(at) <= 0).any():
            raise SolveError("Reported times must be finite and rise.")
        return at

    return _once(times, "times", checked)


def grid_steps(times: Sequence[float], start: float, step: float) -> Array:
    """Indices of the steps at which values are reported."""

    def steps() -> Array:
        at = np.asarray(times)
        place = (at - start) / step
        wanted = np.rint(place)
        if (np.abs(place - wanted) > 1e-6).any():
            odd = float(at[np.abs(place - wanted) > 1e-6][0])
            raise SolveError(f"The reported time {odd:g} is no whole number of TIME STEPs of {step:g} after {start:g}.")
        found = wanted.astype(np.int64)
        if (np.diff(found) <= 0).any():
            raise SolveError(f"Reported times are nearer to each other than the TIME STEP of {step:g}.")
        return found

    return _once(times, (start, step), steps)


def step_times(at: Array, start: float, step: float) -> Array:
    """Times of the TIME STEP grid between the first and the last reported time."""
    end = float(at[-1])
    grid = start + np.arange(1, math.ceil((end - start) / step) + 2) * step
    found: Array = grid[(grid > at[0]) & (grid < end)]
    return found


def common_stops(at: Array, start: float, step: float, grid: Array | None = None) -> tuple[Array, Array, Array]:
    """Times at which all runs stop (reports and a grid), their tolerances, and their report indices or -1."""
    end = float(at[-1])
    grid = step_times(at, start, step) if grid is None else grid
    order = np.argsort(np.concatenate([grid, at]), kind="stable")
    slack = SMALLEST * max(abs(start), abs(end), 1.0)
    stops = np.concatenate([grid, at])[order]
    nudges = np.concatenate([np.zeros(len(grid)), np.full(len(at), slack)])[order]
    report = np.concatenate([np.full(len(grid), -1), np.arange(len(at))])[order]
    return stops, nudges, report.astype(np.int64)


def aligned(shape: tuple[int, ...]) -> Array:
    """Empty array of doubles aligned to 64 bytes, a cache line and the longest row."""
    size = math.prod(shape)
    raw = np.empty(size + 8)
    skip = (-raw.ctypes.data // 8) % 8
    return raw[skip : skip + size].reshape(shape)


def address(array: Array) -> int:
    """Address of the data of an array."""
    return int(array.ctypes.data)
