"""Sheets of panels: lettered heads, maps and rows of effects, small print, in the language of a finding."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdmodel import plot
from sdmodel.core.errors import DesignError
from sdmodel.plot.style import BODY, GREY, SMALL, drawing, texts_of, wrapped
from sdmodel.study.finding import Finding
from sdmodel.study.translation import ENGLISH, Say, Translation
from sdmodel.study.verdict import quantiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAIRED = (
    "Every setting is run with the same samples, drawn from assumed ranges of all uncertain constants and structural "
    "switches: shares of samples are no probabilities."
)
LETTERS = "ABCDEFGHIJ"


@dataclass(frozen=True)
class Drawn:
    """A panel of a sheet."""

    title: str
    measure: str
    """What is measured, written below the title."""
    draw: Callable[[Axes, Translation], None]
    legend: bool = False
    """Whether its legend stands below the sheet."""


def heat(title: str, measure: str, table: pd.DataFrame, *, width: float = 8, **style: Any) -> Drawn:
    """A panel with a heat map; further keywords as in `sdmodel.plot.heat`."""

    def draw(panel: Axes, say: Translation) -> None:
        attempt(panel, plot.heat, table, legend=False, width=width, **{"label": "", **style})

    return Drawn(title, measure, draw)


def rows(
    title: str, measure: str, effects: Mapping[str, Any], unit: str, smallest: float | None = None, legend: bool = False
) -> Drawn:
    """The median and the 5 to 95 % interval over samples of several effects, by their names."""

    def draw(panel: Axes, say: Translation) -> None:
        table = pd.DataFrame({say(name): quantiles(np.asarray(e, float)) for name, e in effects.items()}).T
        table.columns = pd.Index(["median", "low", "high"])
        attempt(panel, plot.effects, table, label=say(unit), smallest=smallest, legend=False, width=8)

    return Drawn(title, measure, draw, legend)


def sheet(
    finding: Finding,
    title: str,
    below: str,
    layout: Sequence[Sequence[Drawn]],
    heights: Sequence[float],
    *small: str,
) -> Figure:
    """Draw a sheet of panels, lettered row by row, with the headline and small print of a finding.

    Parameters
    ----------
    finding
        Whose language and status are shown.
    title, below
        Headline, and the line below it.
    layout
        Panels, row by row; a row of one panel has the whole width.
    heights
        Of the rows, in cm.
    small
        Small print.
    """
    say = Translation()
    wide = max(map(len, layout))
    letters = iter(LETTERS)
    lettered = [[(next(letters), panel) for panel in row] for row in layout]
    names = [[letter for letter, _ in row] * (wide if len(row) == 1 else 1) for row in lettered]
    fig, axes = plot.mosaic(names, heights=heights, **texts(finding, title, below, *small))
    with drawing():
        for letter, panel in (pair for row in lettered for pair in row):
            panel.draw(axes[letter], say)
            head(axes[letter], letter, say(panel.title), say(panel.measure) if panel.measure else "")
        legends = {letter: axes[letter] for row in lettered for letter, panel in row if panel.legend}
        shown = {letter: ax for letter, ax in legends.items() if ax.get_legend_handles_labels()[0]}
        if shown:
            plot.legend(shown)
        translate(fig, say)
    return fig


def head(panel: Axes, letter: str, title: str, measure: str = "", **where: Any) -> None:
    """Write the letter of a panel, what it asks, and below it what it measures in two lines or more."""
    lines = wrapped(measure, 6.4, BODY).split("\n") if measure else []
    lines += [""] * (2 - len(lines)) if measure else []
    first = wrapped(f"{letter}  {title}", 6.4, BODY).removeprefix(f"{letter}  ")
    panel.set_title("\n".join([rf"$\bf{{{letter}}}$  {first}", *lines]), loc="left", **where)


def attempt(panel: Axes, draw: Callable[..., Any], data: object, **how: Any) -> None:
    """Draw, or write the reason into the panel if drawing fails, so that the rest of the finding is not lost."""
    try:
        draw(data, ax=panel, **how)
    except DesignError as error:
        panel.set(xticks=[], yticks=[])
        panel.text(0.05, 0.5, wrapped(str(error), 5, SMALL), transform=panel.transAxes, fontsize=SMALL, color=GREY)


def texts(finding: Finding, title: str, below: str, *foot: str) -> dict[str, Any]:
    """Headline, the line below it and the small print, with what makes the finding provisional."""
    say = Translation()
    entries = {"title": say(title), "subtitle": say(below)}
    small = [say(text) for text in (PAIRED, *foot)]
    if finding.status:
        why = finding.status.partition(" (")[0]
        entries["subtitle"] += f" Provisional: {why[0].lower()}{why[1:].rstrip('.')}."
        small.append(f"Provisional: {finding.status}")
    return {**entries, "foot": "\n".join(small)}


def translate(fig: Figure, translation: Translation) -> None:
    """Translate the texts of the plotting functions themselves: axis labels, legends, remarks."""
    if translation.lang == ENGLISH:
        return
    for text in texts_of(fig):
        plain = " ".join(text.get_text().split())
        if reach := re.fullmatch(r"too small to count \(within ±(.+)\)", plain):
            text.set_text(translation(Say("too small to count (within ±{reach})", reach=reach[1])))
        elif plain in translation:
            text.set_text(translation(plain))


def hypothesis_in(hypothesis: str, say: Callable[[str], str]) -> str:
    """An id such as `H07 (ranking)` with its word in a language."""
    name, found, word = hypothesis.partition(" (")
    return f"{name} ({say(word.rstrip(')'))})" if found else name
