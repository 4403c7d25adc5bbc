"""Times at which a run is reported."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sdmodel.core.calendar import year
from sdmodel.core.errors import ScenarioError, SolveError, StateError

Every = float | Iterable[Any] | None
"""Time between reported values, the times wanted (numbers or dates), or None for SAVEPER."""


def wanted_times(every: Any) -> tuple[float, ...] | None:
    """The times that `every` lists, in rising order; None if it is an interval or None."""
    if isinstance(every, str) or not isinstance(every, Iterable):
        return None
    times = tuple(sorted({year(t) for t in every}))
    if not times or not all(map(math.isfinite, times)):
        raise ScenarioError(f"every={every!r:.60} lists no times. Give an interval, or times such as [2010, 2015.5].")
    return times


def places(times: Sequence[float], wanted: Iterable[float]) -> list[int]:
    """Indices in rising `times` of the times that are wanted, which were reported up to rounding."""
    out = []
    for t in wanted:
        i = min(bisect_left(times, t), len(times) - 1)
        out.append(i - 1 if i and t - times[i - 1] < times[i] - t else i)
    return out


def _among(wanted: Iterable[float], start: float, end: float, step: float, fixed: bool) -> list[float]:
    """The first, the last and the wanted times of a run."""
    near = 1e-6 * step
    out = {start, end}
    for t in wanted:
        if not start - near <= t <= end + near:
            raise SolveError(f"every= asks for the time {t:g}; the run goes from {start:g} to {end:g}.")
        on = start + round((t - start) / step) * step
        if fixed and abs(on - t) > near:
            raise SolveError(
                f"every= asks for the time {t:g}, between two steps of this method, which go by {step:g}. Ask for "
                f"{on:g}, or take a method that reports any time, such as 'LSODA' or 'exact'."
            )
        if all(abs(t - x) > near for x in (start, end)):
            out.add(on if fixed else t)
    return sorted(out)


def report_times(control: Mapping[str, float], every: Any, fixed: bool, first: float | None = None) -> list[float]:
    """Times at which values are reported, from the first to the last, both included.

    `every` is an interval, a list of times, which the first and the last are added to, or None for SAVEPER. A run that
    goes on from a time `first` is reported there, and then at the later ones of these times.
    """
    times = _all_times(control, every, fixed)
    if first is None:
        return times
    start, end, step = (control[k] for k in ("initial time", "final time", "time step"))
    near = 1e-6 * step
    if not start - near <= first <= end + near:
        where = f"after its FINAL TIME {end:g}" if first > end else f"before its INITIAL TIME {start:g}"
        raise StateError(f"The run would begin at {first:g}, {where}. Give it another.")
    if (wanted := wanted_times(every)) is not None and wanted[0] < first - near:
        raise SolveError(f"every= asks for the time {wanted[0]:g}; the run goes from {first:g} to {end:g}.")
    begin = start + grid_step(start, step, first) * step if fixed else first
    return [begin, *(t for t in times if t > begin + near)]


def grid_step(start: float, step: float, at: float) -> int:
    """Number of the TIME STEP at a time on the grid.

    Raises
    ------
    StateError
        If the time is not on the grid.
    """
    number = round((at - start) / step)
    if number < 0 or abs((at - start) / step - number) > 1e-6:
        near = start + max(number, 0) * step
        raise StateError(
            f"{at:.10g} does not lie on the TIME STEP grid ({start:g}, {start + step:g}, ...). Use {near:.10g}."
        )
    return number


def _all_times(control: Mapping[str, float], every: Any, fixed: bool) -> list[float]:
    wanted = wanted_times(every)
    start, end, step = (control[k] for k in ("initial time", "final time", "time step"))
    gap = control["saveper"] if every is None or wanted is not None else float(every)
    if not all(map(math.isfinite, (start, end, step, gap))) or end < start or step <= 0 or gap <= 0:
        raise SolveError(
            f"The time settings make no sense: from {start:g} to {end:g} in steps of {step:g}, reported every {gap:g}."
        )
    if math.ulp(max(abs(start), abs(end))) > 1e-6 * min(step, gap):
        raise SolveError(
            f"Between the times {start:g} and {end:g} a step of {min(step, gap):g} is lost in rounding. "
            "Count Time from a nearer origin, or take longer steps."
        )
    if (end - start) / gap > 5_000_000:
        raise SolveError(
            f"From {start:g} to {end:g}, reported every {gap:g}, is more than 5 million times. "
            "Ask for fewer with every=."
        )
    if (end - start) / min(step, gap) > 50_000_000:
        raise SolveError(f"From {start:g} to {end:g} in steps of {min(step, gap):g} is more than 50 million steps.")
    if wanted is not None:
        return _among(wanted, start, end, step, fixed)
    if fixed:
        if every is not None and not is_whole(gap / step):
            raise SolveError(
                f"every={gap:g} is no multiple of the TIME STEP {step:g}. Use {max(round(gap / step), 1) * step:g}."
            )
        per = max(round(gap / step), 1)
        steps = steps_between(start, end, step)
        picked = sorted({*range(0, steps + 1, per), steps})
        return [start + i * step for i in picked]
    count = int((end - start) / gap * (1 + 1e-12))
    times = [start + i * gap for i in range(count + 1)]
    if end - times[-1] > 1e-9 * gap:
        times.append(end)
    times[-1] = end if len(times) > 1 else start
    return times


def steps_between(start: float, end: float, step: float) -> int:
    """Number of TIME STEPs from start to end, with a tolerance for rounding errors."""
    return math.ceil((end - start) / step - 1e-6)


def is_whole(x: float) -> bool:
    """Whether a ratio is a positive integer up to rounding."""
    return x > 0.5 and abs(x - round(x)) < 1e-9 * max(x, 1.0)
