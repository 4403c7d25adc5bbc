"""Timing in turn by processor time, ratios, tables and aims."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

AGREE = 1e-9
"""Largest difference between engines, of the largest value of a series."""
REPETITIONS = 5
_SHORT = 0.5

found: dict[str, list[Any]] = {"tables": [], "aims": []}
"""What was measured since it was last cleared, for the page."""


def seconds() -> float:
    """Processor time of this process, its threads, and the processes that it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def interleaved(
    work: Mapping[str, Callable[[], object]], repetitions: int = REPETITIONS, clock: Callable[[], float] = seconds
) -> dict[str, list[float]]:
    """Seconds of each piece of work, all in turn, over and over.

    Each is done once before all, and what is short once more just before it is timed: what the one before left in
    caches would else count against whoever comes next.
    """
    taken: dict[str, list[float]] = {name: [] for name in work}
    for number in range(repetitions + 1):
        for name, do in work.items():
            if taken[name] and taken[name][-1] < _SHORT:
                do()
            start = clock()
            do()
            if number:
                taken[name].append(clock() - start)
    return taken


def ratios(taken: list[float], to: list[float]) -> list[float]:
    """Ratio of each repetition to the one beside it."""
    return [a / b for a, b in zip(taken, to, strict=True)]


def spread(values: list[float], digits: int = 3) -> str:
    """Median, smallest and largest."""
    return f"{median(values):,.{digits}g} ({min(values):,.{digits}g} to {max(values):,.{digits}g})"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]], title: str = "") -> None:
    """Print a table."""
    print(f"### {title}\n\n{lines(head, rows)}", flush=True)
    found["tables"].append([title, head, rows])


def lines(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table that can go into a page as it is."""
    return "".join("| " + " | ".join(row) + " |\n" for row in (head, ["---"] * len(head), *rows))


def target(what: str, value: float, limit: float, least: bool = False) -> None:
    """Print whether an aim is met."""
    met = value >= limit if least else value <= limit
    row = (what, f"{value:,.3g}", f"at {'least' if least else 'most'} {limit:,g}", "yes" if met else "no")
    print(f"{row[0]}: {row[1]} (aim: {row[2]}; met: {row[3]})", flush=True)
    found["aims"].append(row)


def note(text: str) -> None:
    """Print a sentence that stands among the tables."""
    print(f"{text}\n", flush=True)
    found["tables"].append([text])


def left_out(what: str) -> None:
    """Print what cannot be measured here."""
    note(f"Left out: {what}.")
