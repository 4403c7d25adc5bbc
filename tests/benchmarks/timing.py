"""Timing in turn, ratios, tables and aims."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

AGREE = 1e-9
"""Largest difference between engines, of the largest value of a series."""
REPETITIONS = 5


def interleaved(work: Mapping[str, Callable[[], object]], repetitions: int = REPETITIONS) -> dict[str, list[float]]:
    """Seconds of each piece of work, all in turn, over and over.

    Each is done once more just before it is timed: what the one before left in caches, and the memory that a system
    takes back meanwhile, would else count against whoever comes next.
    """
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(repetitions):
        for name, do in work.items():
            do()
            start = time.perf_counter()
            do()
            taken[name].append(time.perf_counter() - start)
    return taken


def ratios(taken: list[float], to: list[float]) -> list[float]:
    """Ratio of each repetition to the one beside it."""
    return [a / b for a, b in zip(taken, to, strict=True)]


def spread(values: list[float], digits: int = 3) -> str:
    """Median, smallest and largest."""
    return f"{median(values):,.{digits}g} ({min(values):,.{digits}g} to {max(values):,.{digits}g})"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    """Print a table that can go into a page as it is."""
    for row in (head, tuple("---" for _ in head), *rows):
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def target(what: str, value: float, limit: float, least: bool = False) -> None:
    """Print whether an aim is met."""
    met = value >= limit if least else value <= limit
    print(
        f"{'met   ' if met else 'MISSED'} {what}: {value:,.3g} (aim: {'at least' if least else 'at most'} {limit:,g})"
    )
