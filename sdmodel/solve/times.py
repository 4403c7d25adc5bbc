"""Times at which a run is reported."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sdmodel.core.errors import SolveError


def report_times(control: Mapping[str, float], every: float | None, fixed: bool) -> list[float]:
    """Times at which values are reported: every `every` from the first to the last, both included."""
    start, end, step = (control[k] for k in ("initial time", "final time", "time step"))
    gap = control["saveper"] if every is None else float(every)
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
