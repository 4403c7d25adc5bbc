"""What a confidence test says: one row a figure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

TESTS = {
    1: "units",
    2: "conservation",
    3: "extreme conditions",
    4: "partial models",
    5: "integration error",
    6: "history matching",
    7: "published effects",
    8: "structure",
    9: "sensitivity",
}
HARD = (1, 2, 3, 4, 5, 8)
"""Tests that a model must pass; the others report."""

Verdict = Literal["pass", "miss", "told"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a confidence test, and what is asked of it.

    `verdict` is `told` where nothing is asked: the figure informs. `kind` names the reading where one test has several.
    """

    test: int
    kind: str
    name: str
    figure: str
    limit: str
    verdict: Verdict
    text: str = ""


def judged(test: int, kind: str, name: str, figure: str, limit: str, good: bool, text: str = "") -> Row:
    """A row that passes or misses."""
    return Row(test, kind, name, figure, limit, "pass" if good else "miss", text)


def told(test: int, kind: str, name: str, figure: str, text: str = "") -> Row:
    """A row that informs."""
    return Row(test, kind, name, figure, "", "told", text)
