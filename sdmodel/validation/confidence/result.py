"""Rows of the confidence tests, one per figure."""

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
"""Tests that a model must pass; the others only report."""

Result = Literal["pass", "miss", "info"]


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of a confidence test and its limit.

    `verdict` is `info` for a figure without a limit. `kind` names the part of a test.
    """

    test: int
    kind: str
    name: str
    figure: str
    limit: str
    verdict: Result
    text: str = ""


def pass_or_miss(test: int, kind: str, name: str, figure: str, limit: str, good: bool, text: str = "") -> Row:
    """A row that passes or misses."""
    return Row(test, kind, name, figure, limit, "pass" if good else "miss", text)


def info(test: int, kind: str, name: str, figure: str, text: str = "") -> Row:
    """A row without a limit."""
    return Row(test, kind, name, figure, "", "info", text)
