"""Structure: stated loops exist in the equations, have the stated sign, and affect behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel import edit
from sdmodel.compile.parameters import constants_table
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.labels import join_label, split_label
from sdmodel.core.structure import Structure
from sdmodel.solve.run import run
from sdmodel.sweep.run_sweep import run_sweep
from sdmodel.validation.confidence.feedback_graph import links, loops_of
from sdmodel.validation.confidence.polarity import Paths, derivatives, loop_gain, paths_of
from sdmodel.validation.confidence.result import Row, info, pass_or_miss
from sdmodel.validation.spec import Loop, Spec

if TYPE_CHECKING:
    import xarray as xr

LEAST = 1e-6
"""Relative change of the outcome below which a knock-out shows an inactive loop."""
DRIFT = 1e-3
"""Largest relative change of the base run by a link held at its own path, which is known at time steps only."""


def feedback_structure(model: Structure, spec: Spec) -> list[Row]:
    """Test 8: number of loops, and path, sign and knock-out of each stated loop.

    Parameters
    ----------
    model, book
        The model and its stated loops.

    Returns
    -------
    list of Row
    """
    found = loops_of(model)
    out = [
        info(8, "count", "variables in strongly connected parts", ", ".join(map(str, found.cores)) or "none",
             f"{found.links} links among them."),
        info(8, "count", "independent loops", f"{found.independent}",
             f"{len(found.shortest)} shortest ones cover every link in a loop; the longest of them has "
             f"{max(map(len, found.shortest), default=0)} variables."),
        info(8, "count", f"simple loops of at most {found.bound} variables", f"{found.short:,}"),
    ]  # fmt: skip
    graph = links(model)
    sound = []
    for loop in spec.loop:
        broken = _broken(model, graph.edges, loop)
        title = f"{loop.id} {loop.name}"
        out.append(pass_or_miss(8, "path", title, f"{len(loop.path)} steps", "in the equations", not broken, broken))
        if not broken:
            sound.append(loop)
    states: dict[tuple[Any, ...], list[Loop]] = {}
    for loop in sound:
        states.setdefault(tuple(sorted(loop.set.items())), []).append(loop)
    for state, loops in states.items():
        base = run(model, dict(state), every=model.time["time step"], method="exact")
        paths = paths_of(base)
        out += _signed(model, paths, dict(state), loops)
        out += [_knocked_out(model, paths, loop) for loop in loops]
    order = {f"{loop.id} {loop.name}": i for i, loop in enumerate(spec.loop)}
    return sorted(out, key=lambda row: order.get(row.name, -1))


def _names(model: Structure, loop: Loop) -> list[str]:
    return [split_label(entry, model.equations)[0] for entry in loop.path]


def _steps(model: Structure, loop: Loop) -> list[tuple[str, str]]:
    names = _names(model, loop)
    return list(zip(names, (*names[1:], names[0]), strict=True))


def _broken(model: Structure, edges: Any, loop: Loop) -> str:
    """Why a path does not run through the equations; empty if it does."""
    if loop.sign not in ("+", "-", "?"):
        return f"The sign is '+' (reinforcing), '-' (balancing) or '?' (reported, no limit), not '{loop.sign}'."
    for name in _names(model, loop):
        if name not in model:
            return str(UnknownNameError(name, (v.name for v in model.equations.values())))
    if len(set(loop.path)) < len(loop.path):
        return "It passes a variable twice."
    for cause, effect in _steps(model, loop):
        if (model[cause].name, model[effect].name) not in edges:
            return f"'{effect}' does not read '{cause}'."
    if tuple(loop.cut) not in _steps(model, loop):
        return f"The link to cut, {' to '.join(loop.cut)}, is not a step of it."
    return ""


def _signed(model: Structure, paths: Paths, state: Mapping[str, float], loops: Sequence[Loop]) -> list[Row]:
    """Signs of loops at the start, in the middle and near the end of a run."""
    moments = [1, len(paths.time) // 2, len(paths.time) - 2]  # not at the ends, where dates fall
    steps = dict.fromkeys(step for loop in loops for step in _steps(model, loop))
    slopes = derivatives(model, [(paths, state)], steps, moments)
    times = ", ".join(f"{paths.time[i]:g}" for i in moments)
    out = []
    for loop in loops:
        gains = loop_gain(loop.path, slopes, paths.elements)
        acts = gains[gains != 0]
        good = len(acts) > 0 and bool((np.sign(acts) == (1 if loop.sign == "+" else -1)).all())
        figure = ", ".join(f"{g:+.2f}" for g in gains)
        text = f"At {times}; +1: all paths reinforce, -1: all balance."
        title = f"{loop.id} {loop.name}"
        has_sign = loop.sign != "?"
        out.append(
            pass_or_miss(8, "sign", title, figure, loop.sign, good, text)
            if has_sign
            else info(8, "sign", title, figure, text)
        )
    return out


def _knocked_out(model: Structure, paths: Paths, loop: Loop) -> Row:
    """Effect of a treatment with the loop, and without it: one link held at its base path."""
    import pandas as pd
    import xarray as xr

    cause, effect = loop.cut
    labels = [join_label(f"{cause} held", e) for e in paths.elements[cause]]
    held = zip(labels, paths.values[cause].T, strict=True)
    data = xr.Dataset({label: ("time", values) for label, values in held}, {"time": paths.time})
    design = pd.DataFrame([dict(loop.set), {**loop.set, **loop.excited_by}])
    design = design.fillna(constants_table(model)["value"]).assign(sample=range(2))
    outcome, wanted = split_label(loop.outcome, model.equations)
    ends = []
    for one, given in ((model, None), (edit.cut(model, cause, effect), data)):
        found = run_sweep(one, design, [outcome], every=_whole(model), data=given, certificate=0, progress=False)
        ends.append(_end(found[outcome], wanted))
    (before, whole), (still, without) = ends
    size = abs(before) or 1.0
    drift = abs(still - before) / size
    with_loop, alone = whole - before, without - still
    share = abs(with_loop - alone) / size
    good = share > LEAST and drift <= DRIFT
    text = (
        f"'{loop.outcome}' at the end moves by {with_loop:+.4g} {model[outcome].unit} with the loop and {alone:+.4g} "
        f"without, from {before:.4g}, under {_listed(loop.excited_by)}"
        + (f", given {_listed(loop.set)}." if loop.set else ".")
        + (f" {loop.note}" if loop.note else "")
    )
    if drift > DRIFT:
        text += f" Holding the link at its own path changes the base run by {drift:.1e}: use a smaller TIME STEP."
    return pass_or_miss(8, "knock-out", f"{loop.id} {loop.name}", f"{share:.1e}", f"above {LEAST:g}", good, text)


def _whole(model: Structure) -> float:
    return model.time["final time"] - model.time["initial time"]


def _end(found: xr.DataArray, wanted: Sequence[str]) -> list[float]:
    """Final outcome of both runs: one element, or the sum over all."""
    last = found.isel(time=-1)
    rest = [d for d in last.dims if d != "run"]
    if wanted:
        return [float(x) for x in last.sel(dict(zip(rest, wanted, strict=True)))]
    return [float(x) for x in last.sum(rest)]


def _listed(values: Mapping[str, float]) -> str:
    return ", ".join(f"{n} {v:g}" for n, v in values.items()) or "nothing"
