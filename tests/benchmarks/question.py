"""Where the time of one policy question goes, with what its runs share and without."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from parts import of_every_run
from shared import put
from timing import seconds, table

from sdmodel.compile.llvm import Kernel
from sdmodel.compile.llvm.dates import Dates
from sdmodel.study import arms
from sdmodel.sweep import fork
from sdmodel.sweep.rounds import Rounds

SAMPLES = 350
"""At least as many as make six arms share their past."""
WATCHED: dict[str, tuple[Any, str]] = {
    "all": (type(None), ""),
    "search rounds": (Rounds, "__call__"),
    "kernel": (Kernel, "run"),
    "dates of jumps": (Dates, "of"),
    "compiling": (Kernel, "__init__"),
}
NOTHING_SHARED: tuple[tuple[Any, str, Any], ...] = (
    (fork, "LEAST_RUNS", 10**9),
    (arms, "SEARCH_STEP", None),
    (Dates, "of", of_every_run),
)


def question(folder: Path) -> None:
    """The profile of `withdrawal`, one thread."""
    from sdmodel.experiments import LIBRARY

    del folder

    def ask(changes: tuple[tuple[Any, str, Any], ...]) -> dict[str, float]:
        spent = dict.fromkeys(WATCHED, 0.0)
        with ExitStack() as stack:
            for owner, name, value in changes:
                stack.enter_context(put(owner, name, value))
            for what, (owner, name) in list(WATCHED.items())[1:]:
                stack.enter_context(put(owner, name, _timed(getattr(owner, name), what, spent)))
            begun = seconds()
            finding = LIBRARY["withdrawal"].ask(SAMPLES, workers=1, progress=False)
            spent["all"] = seconds() - begun
        spent["kernel"] -= spent["dates of jumps"]
        return spent | {"runs": finding.record["runs"]}

    shared, alone = ask(()), ask(NOTHING_SHARED)
    rows = [(what, f"{shared[what]:.2f}", f"{alone[what]:.2f}") for what in WATCHED]
    rows.append(("number of runs", *(f"{found['runs']:,.0f}" for found in (shared, alone))))
    head = ("part", "s with what runs share", "s without")
    table(head, rows, f"The question `withdrawal` with {SAMPLES} samples; rows below the first overlap")


def _timed(do: Callable[..., Any], what: str, spent: dict[str, float]) -> Callable[..., Any]:
    def timed(*args: Any, **options: Any) -> Any:
        begun = seconds()
        try:
            return do(*args, **options)
        finally:
            spent[what] += seconds() - begun

    return timed
