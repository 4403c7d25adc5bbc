"""The sheet of a question: paths of the main outcome, effects side by side, and whether the predictions hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pandas as pd

from sdmodel import plot
from sdmodel.plot.style import SMALL, wrapped
from sdmodel.study.arms import total
from sdmodel.study.finding import Finding
from sdmodel.study.panels import Drawn, attempt, hypothesis_in, rows, sheet
from sdmodel.study.translation import Say

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sdmodel.study.paired import Panel
    from sdmodel.study.results import ArmResults
    from sdmodel.study.translation import Translation

HIGH = 6.4
"""Height of a row of panels in cm."""
LINE, ROOM = 0.34, 9
"""Height of each further line of names beside the rows of a panel, in cm, and number of lines that fit anyway."""


class Layout(Protocol):
    """The attributes of a question that the figure uses."""

    @property
    def asks(self) -> str:
        """The question in one sentence."""

    @property
    def panels(self) -> Sequence[Panel]:
        """Panels of effects."""

    @property
    def paths(self) -> tuple[str, Sequence[str]] | None:
        """A variable, and the arms whose paths are shown."""

    @property
    def reference(self) -> str:
        """Arm without the treatment."""

    @property
    def small(self) -> Sequence[str]:
        """Small print."""


def figure(question: Layout, finding: Finding, results: ArmResults) -> Figure:
    """Draw the sheet of a question, in the language of the finding."""
    say = finding.translation
    panels = [_paths(question, results, say)] if question.paths else []
    lines = [0] * len(panels)
    for i, panel in enumerate(question.panels):
        effects = {name: effect(results.paired) for name, effect in panel.effects.items()}
        panels.append(rows(panel.title, panel.measures, effects, panel.unit, panel.smallest, legend=i == 0))
        lines.append(_lines([say(name) for name in panel.effects]))
    panels.append(_holds(finding))
    lines.append(_lines([v.hypothesis for v in finding.verdicts]))
    layout = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    tall = [HIGH + LINE * max(0, max(lines[i : i + 2]) - ROOM) for i in range(0, len(panels), 2)]
    filtered = str(finding.record["sampler"]).startswith("history")
    below = Say(
        "{asks} {n:,} samples of the model that history does not rule out."
        if filtered
        else "{asks} {n:,} samples of the model, from its ranges as assumed.",
        asks=question.asks,
        n=finding.record["samples"],
    )
    return sheet(finding, finding.headline, below, layout, tall, *question.small)


def shares_of(finding: Finding, say: Callable[[str], str] = str) -> pd.DataFrame:
    """Shares of the predictions with their intervals, and under other ranges."""
    table = {
        hypothesis_in(v.hypothesis, say): {
            "share": v.share,
            "low": v.interval[0],
            "high": v.interval[1],
            **{say(label): k / n if n else np.nan for label, k, n in v.elsewhere},
        }
        for v in finding.verdicts
    }
    return pd.DataFrame(table).T


def _lines(names: list[str]) -> int:
    """Lines of the names beside the rows of a panel."""
    return sum(wrapped(name, 8 / 2.6, SMALL).count("\n") + 1 for name in names)


def _holds(finding: Finding) -> Drawn:
    def draw(panel: Axes, say: Translation) -> None:
        attempt(panel, plot.shares, shares_of(finding, say), legend=False, width=8)

    return Drawn("Does it hold?", "lines: depends, mostly, supported; marks: other ranges", draw, legend=True)


def _paths(question: Layout, results: ArmResults, say: Translation) -> Drawn:
    variable, arms = question.paths or ("", ())

    def draw(panel: Axes, say: Translation) -> None:
        plain = total(results.runs(question.reference)[variable])
        with np.errstate(all="ignore"):
            gains = {say(arm): 100 * (total(results.runs(arm)[variable]) / plain - 1) for arm in arms}
        attempt(panel, plot.medians, gains, label=say(Say("% of {variable}", variable=variable)), width=8)

    measure = Say(
        "{variable} against '{arm}', median of samples; band: middle half, {first}",
        variable=variable,
        arm=question.reference,
        first=arms[0],
    )
    return Drawn("What happens", measure, draw)
