"""Heads of panels, and ids of hypotheses in a language."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdmodel.plot.style import BODY, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def head(panel: Axes, letter: str, title: str, measure: str = "", **where: Any) -> None:
    """Write the letter of a panel, what it asks, and below it what it measures in two lines or more."""
    lines = wrapped(measure, 6.4, BODY).split("\n") if measure else []
    lines += [""] * (2 - len(lines)) if measure else []
    first = wrapped(f"{letter}  {title}", 6.4, BODY).removeprefix(f"{letter}  ")
    panel.set_title("\n".join([rf"$\bf{{{letter}}}$  {first}", *lines]), loc="left", **where)


def hypothesis_in(hypothesis: str, say: Callable[[str], str]) -> str:
    """An id such as `H07 (ranking)` with its word in a language."""
    name, found, word = hypothesis.partition(" (")
    return f"{name} ({say(word.rstrip(')'))})" if found else name
