"""What the sheets of all experiments share: heads of panels, rows of effects, small print."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from matplotlib.text import Text

from sdmodel import plot
from sdmodel.core.errors import DesignError
from sdmodel.plot.style import BODY, GREY, SMALL, wrapped
from sdmodel.study.finding import Finding, spread
from sdmodel.study.translation import ENGLISH, Say, known, said

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAIRED = (
    "Every setting is run with the same samples, drawn from assumed ranges of all uncertain constants and structural "
    "switches: shares of samples are no probabilities."
)


def head(panel: Axes, letter: str, title: str, measure: str = "", **where: float) -> None:
    """Write the letter of a panel, what it asks, and below it what it measures in two lines or more."""
    lines = wrapped(measure, 6.4, BODY).split("\n") if measure else []
    lines += [""] * (2 - len(lines)) if measure else []
    first = wrapped(f"{letter}  {title}", 6.4, BODY).removeprefix(f"{letter}  ")
    panel.set_title("\n".join([rf"$\bf{{{letter}}}$  {first}", *lines]), loc="left", **where)


def attempt(panel: Axes, draw: Callable[..., Any], data: object, **how: Any) -> None:
    """Draw, or say in the panel why there is nothing to draw, so that the rest of the finding is not lost."""
    try:
        draw(data, ax=panel, **how)
    except DesignError as error:
        panel.set(xticks=[], yticks=[])
        panel.text(0.05, 0.5, wrapped(str(error), 5, SMALL), transform=panel.transAxes, fontsize=SMALL, color=GREY)


def rows(panel: Axes, effects: Mapping[str, Any], label: str, smallest: float | None = None) -> None:
    """Draw the median and the 5 to 95 % interval over samples of several effects, by their names."""
    table = pd.DataFrame({name: spread(np.asarray(e, float)) for name, e in effects.items()}).T
    table.columns = ["median", "low", "high"]
    attempt(panel, plot.effects, table, label=label, smallest=smallest, legend=False, width=8)


def texts(finding: Finding, title: str, below: str, *foot: str) -> dict[str, str]:
    """Headline, the line below it and the small print, with what makes the finding provisional."""
    told = {"title": said(title, finding.lang), "subtitle": said(below, finding.lang)}
    small = [said(text, finding.lang) for text in (PAIRED, *foot)]
    if finding.status:
        why = finding.status.partition(" (")[0]
        told["subtitle"] += f" Provisional: {why[0].lower()}{why[1:].rstrip('.')}."
        small.append(f"Provisional: {finding.status}")
    return {**told, "foot": "\n".join(small)}


def in_language(fig: Figure, lang: str) -> None:
    """Put the words of the plotting functions themselves into a language: axis labels, legends, remarks."""
    if lang == ENGLISH:
        return
    for text in fig.findobj(Text):
        plain = " ".join(text.get_text().split())
        if reach := re.fullmatch(r"too small to count \(within ±(.+)\)", plain):
            text.set_text(said(Say("too small to count (within ±{reach})", reach=reach[1]), lang))
        elif known(plain, lang):
            text.set_text(said(plain, lang))


def hypothesis_in(hypothesis: str, say: Callable[[str], str]) -> str:
    """An id such as `H07 (ranking)` with its word in a language."""
    name, found, word = hypothesis.partition(" (")
    return f"{name} ({say(word.rstrip(')'))})" if found else name


def legend(panels: Mapping[str, Axes]) -> None:
    """One legend for the panels that have something to list."""
    shown = {name: panel for name, panel in panels.items() if panel.get_legend_handles_labels()[0]}
    if shown:
        plot.legend(shown)
