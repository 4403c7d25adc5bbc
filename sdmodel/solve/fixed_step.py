"""Runge-Kutta steps on the TIME STEP grid, with memories, random draws and non-negative stocks."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import Any

from sdmodel.compile.python.engine import Bound
from sdmodel.compile.random import draws
from sdmodel.core.errors import SolveError
from sdmodel.core.tableau import ROUGH, Tableau

Past = tuple[tuple[float, ...], ...]
"""Values in each memory, oldest first."""
MAX_MEMORY = 10_000_000
PATIENCE = 50_000
"""Maximum number of steps without getting closer to a time-varying FINAL TIME."""


class GridMemory:
    """The entries of `y` after the states: memories and draws, advanced once per step."""

    def __init__(self, bound: Bound) -> None:
        program = bound.program
        self.bound, self.seed, self.run = bound, bound.seed, bound.run
        self.streams = program.streams
        self.count = len(program.memories)
        first = bound.past or [[value] for value in bound.start[len(program.states) :]]
        self.pipes: list[deque[float]] = []
        total = 0
        for memory, held, span in zip(program.memories, first, bound.spans, strict=True):
            if not math.isfinite(span):
                now = bound.control["initial time"]
                said = bound.complaint(now, [*bound.start, *draws(self.streams, 0, self.seed, self.run)], ())
                raise SolveError(f"{said or f'The delay of {memory.name!r} is {span} steps'} at the start.")
            steps = max(math.floor(span + 0.5 + 1e-6), 1)
            total += steps
            if total > MAX_MEMORY:
                raise SolveError(f"'{memory.name}' holds more than {MAX_MEMORY:,} past values. Use a longer TIME STEP.")
            self.pipes.append(deque(held if bound.past else list(held) * steps, maxlen=steps))
        self.floors = [i for i, s in enumerate(program.states) if s.nonnegative]
        self.plain = not self.count and not self.streams and not self.floors

    def first(self, number: int) -> list[float]:
        """Values of memories and draws at the start of step `number`, with which the run begins."""
        return [pipe[0] for pipe in self.pipes] + draws(self.streams, number, self.seed, self.run)

    @property
    def past(self) -> tuple[tuple[float, ...], ...]:
        """Values in each memory, oldest first."""
        return tuple(map(tuple, self.pipes))

    def step(self, number: int, t: float, y: list[float], moved: list[float]) -> list[float]:
        """`y` at the start of step `number`, given the previous `y` and the new states `moved`."""
        for i in self.floors:
            if moved[i] < 0:
                moved[i] = 0.0
        if self.count:
            for pipe, value in zip(self.pipes, self.bound.nexts(t, y, ()), strict=False):
                pipe.append(value)
        return moved + [pipe[0] for pipe in self.pipes] + draws(self.streams, number, self.seed, self.run)


def slopes(
    bound: Bound, tableau: Tableau, t: float, y: list[float], step: float, held: Sequence[float]
) -> list[list[float]]:
    """Net flows at each stage of a Runge-Kutta step; memories, draws and `held` values are constant within it."""
    found = [bound.rates(t, y, held)]
    rest = y[len(found[0]) :]
    for weights, divisor in tableau.stages:
        node = sum(weights) / divisor
        moved = advanced(y, found, weights, divisor, step)
        found.append(bound.rates(t + node * step, moved + rest, held))
    return found


def advanced(
    y: Sequence[float], found: Sequence[Sequence[float]], weights: Sequence[float], divisor: float, step: float
) -> list[float]:
    """States advanced by a weighted sum of slopes, in the same order of operations as the compiled kernel.

    A single term is multiplied by its fraction of the step; several are summed, then divided by `divisor`.
    """
    used = [(w, k) for w, k in zip(weights, found, strict=True) if w]
    if len(used) == 1:
        width = step if used[0][0] == divisor else step * (used[0][0] / divisor)
        return [a + width * k for a, k in zip(y, used[0][1], strict=False)]
    total: Sequence[float] = []
    for w, k in used:
        term = k if w == 1 else [w * x for x in k]
        total = [a + b for a, b in zip(total, term, strict=True)] if total else term
    if divisor != 1:
        total = [x / divisor for x in total]
    return [a + step * x for a, x in zip(y, total, strict=False)]


def rough_states(
    tableau: Tableau, found: Sequence[Sequence[float]], before: Sequence[float], after: Sequence[float], step: float
) -> int:
    """Number of states whose error estimate exceeds `ROUGH` times their size before and after the step."""
    used = [(w, k) for w, k in zip(tableau.error, found, strict=False) if w]
    sizes = [ROUGH * (abs(a) + abs(b)) for a, b in zip(before, after, strict=False)]
    return sum(abs(step * sum(w * k[i] for w, k in used)) > size for i, size in enumerate(sizes)) if used else 0


def runs_past_zero(last: Sequence[float], before: Sequence[float], after: Sequence[float], step: float) -> bool:
    """Whether a state changes its sign in a step at whose end its slope is less than half of that over the step.

    Zero counts as positive, so a stock that fills from zero does not. `last` are the slopes at the last stage.
    """
    return any(
        (a >= 0) != (b >= 0) and (step * k - 0.5 * (b - a)) * (b - a) < 0
        for k, a, b in zip(last, before, after, strict=False)
    )


def one_step(
    bound: Bound, memory_state: GridMemory, tableau: Tableau, number: int, t: float, y: list[float], step: float
) -> list[float]:
    """`y` after step `number` (counted from 1)."""
    found = slopes(bound, tableau, t, y, step, bound.holds(t, y))
    moved = advanced(y, found, *tableau.step, step)
    return moved if memory_state.plain else memory_state.step(number, t, y, moved)


def moving(
    bound: Bound, tableau: Tableau, every: Any, first: tuple[float, int] | None = None, until: float = math.inf
) -> tuple[list[float], list[list[float]], int, Past]:
    """Times, states, number of steps and memories of a run with time-varying control variables.

    It begins at the time and number of steps `first` (default: INITIAL TIME and 0) and stops at FINAL TIME, or at
    `until` if that is earlier.
    """
    if every is not None and not isinstance(every, (int, float)):
        raise SolveError(
            "The time settings change during the run, so its times are not known before. Give every= as a number."
        )
    start, end, step, saveper = (bound.control[k] for k in ("initial time", "final time", "time step", "saveper"))
    at = {name: i + len(bound.program.memories) for i, name in enumerate(bound.program.moving)}
    memory_state = GridMemory(bound)
    t, number = first or (start, 0)
    y = [*bound.start[: len(bound.program.states)], *memory_state.first(number)]
    times: list[float] = []
    out: list[list[float]] = []
    nearest, last_nearer = math.inf, number
    while True:
        now = bound.nexts(t, y, ())
        end = min(now[at["final time"]] if "final time" in at else end, until)
        step = now[at["time step"]] if "time step" in at else step
        saveper = now[at["saveper"]] if "saveper" in at else saveper
        gap = saveper if every is None else every
        if not (step > 0 and gap > 0 and math.isfinite(end)):
            raise SolveError(
                f"At {t:g} the time settings make no sense: FINAL TIME {end:g}, TIME STEP {step:g}, SAVEPER {gap:g}."
            )
        if end - t < nearest:
            nearest, last_nearer = end - t, number
        elif number - last_nearer > PATIENCE:
            raise SolveError(
                f"FINAL TIME moves away as Time goes on: at {t:g} it is {end:g}, and {PATIENCE:,} steps have not come "
                "nearer to it. Let it depend on a stock or a constant."
            )
        last = not t + 1e-6 * step < end
        gone = math.fmod(t - start, gap)
        if last or not times or min(gone, gap - gone) < 1e-6 * step:
            times.append(t)
            out.append(y)
        if last:
            return times, out, number, memory_state.past
        number += 1
        if number > 50_000_000:
            raise SolveError("The run takes more than 50 million steps.")
        y = one_step(bound, memory_state, tableau, number, t, y, step)
        if bound.trouble is not None:
            return times, out, number, ()
        t += step


def stepped(bound: Bound, times: Sequence[float], tableau: Tableau) -> tuple[list[list[float]], int, Past]:
    """States at `times`, which lie on the TIME STEP grid, number of steps, and the memories at the last time.

    Stops at the first value that is not finite.
    """
    start, step = bound.control["initial time"], bound.control["time step"]
    memory_state = GridMemory(bound)
    wanted = [round((t - start) / step) for t in times]
    i = wanted[0]
    y = [*bound.start[: len(bound.program.states)], *memory_state.first(i)]
    out = [y]
    for target in wanted[1:]:
        while i < target:
            y = one_step(bound, memory_state, tableau, i + 1, start + i * step, y, step)
            if bound.trouble is not None:
                return out, i - wanted[0], ()
            i += 1
        out.append(y)
    return out, i - wanted[0], memory_state.past
