"""Where the time of one policy question goes, with what its runs share and without; and what its steps cost."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from parts import of_every_run
from shared import OUTPUTS, put, timed
from timing import seconds, table

import sdmodel
from sdmodel.compile.llvm import Kernel
from sdmodel.compile.llvm.dates import Dates
from sdmodel.study import arms, searching
from sdmodel.sweep import fork
from sdmodel.sweep.rounds import Rounds

SAMPLES = 350
"""At least as many as make six arms share their past."""
WATCHED: dict[str, tuple[Any, str]] = {
    "all": (type(None), ""),
    "search rounds": (Rounds, "__call__"),
    "kernel": (Kernel, "run"),
    "dates of jumps": (Dates, "of"),
}
NOTHING_SHARED: tuple[tuple[Any, str, Any], ...] = (
    (fork, "LEAST_RUNS", 10**9),
    (arms, "SEARCH_STEP", None),
    (arms, "SHORT_UNTIL", np.inf),
    (searching, "PILOTS", 10**9),
    (Dates, "of", of_every_run),
)


def question(folder: Path) -> None:
    """The profile of `withdrawal`, one thread."""
    from sdmodel.experiments import LIBRARY

    del folder

    def ask(changes: tuple[tuple[Any, str, Any], ...], samples: int = SAMPLES) -> dict[str, float]:
        spent = dict.fromkeys(WATCHED, 0.0)
        with ExitStack() as stack:
            for owner, name, value in changes:
                stack.enter_context(put(owner, name, value))
            for what, (owner, name) in list(WATCHED.items())[1:]:
                stack.enter_context(put(owner, name, timed(getattr(owner, name), what, spent)))
            begun = seconds()
            finding = LIBRARY["withdrawal"].ask(samples, workers=1, progress=False)
            spent["all"] = seconds() - begun
        spent["kernel"] -= spent["dates of jumps"]
        return spent | {"runs": finding.record["runs"]}

    ask((), 8), ask(NOTHING_SHARED, 8)  # what compiles is not counted
    shared, alone = ask(()), ask(NOTHING_SHARED)
    rows = [(what, f"{shared[what]:.2f}", f"{alone[what]:.2f}") for what in WATCHED]
    rows.append(("number of runs", *(f"{found['runs']:,.0f}" for found in (shared, alone))))
    head = ("part", "s with what runs share", "s without")
    table(head, rows, f"The question `withdrawal` with {SAMPLES} samples; rows below the first overlap")

    steps()


def steps() -> None:
    """Error of runs of the shipped model by the length of the step."""
    model = sdmodel.load("shandong")
    design = sdmodel.latin_hypercube(model.uncertainties, 64, rng=1)

    def paths(step: float, method: str) -> np.ndarray:
        how: dict[str, Any] = {"every": 1.0, "method": method, "certificate": 0, "progress": False}
        found = model.sweep(design.assign(**{"TIME STEP": step}), OUTPUTS, **how)
        flat = [found[name].transpose("run", ..., "time").to_numpy() for name in OUTPUTS]
        return np.concatenate([x.reshape(len(design), -1, x.shape[-1]) for x in flat], axis=1)

    best = paths(1 / 64, "exact")
    scale = np.abs(best).max(axis=2)
    rows = []
    for parts, method in ((16, "exact"), (8, "exact"), (4, "exact"), (2, "exact"), (8, "rk4")):
        error = (np.abs(paths(1 / parts, method) - best).max(axis=2) / np.where(scale > 0, scale, 1)).max(axis=1)
        cells = (f"{x:.1e}" for x in (*np.quantile(error, (0.5, 0.99)), error.max()))
        rows.append((f"1/{parts}" + (" on the TIME STEP grid" if method == "rk4" else ""), *cells))
    what = f"Largest relative difference from steps of 1/64 over {len(OUTPUTS)} outputs, {len(design)} runs"
    table(("step, years", "median run", "99 % of runs", "all"), rows, what)
