"""The sheet of a question: paths of the main outcome, effects side by side, and whether the predictions hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sdmodel import plot
from sdmodel.plot.style import SMALL, drawing, wrapped
from sdmodel.study.arms import total
from sdmodel.study.finding import Finding
from sdmodel.study.panels import attempt, head, hypothesis_in, in_language, legend, rows, texts
from sdmodel.study.translation import Say, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sdmodel.study.answer import Answer
    from sdmodel.study.question import Question

HIGH = 6.4
"""Height of a row of panels in cm."""
LINE, ROOM = 0.34, 9
"""What one more line of names beside the rows of a panel takes, in cm, and lines that find room anyway."""


def figure(question: Question, finding: Finding, answer: Answer) -> Figure:
    """Draw the sheet of a question, in the language of the finding."""

    def say(text: str) -> str:
        return said(text, finding.lang)

    names = [*(["paths"] if question.paths else []), *(f"rows {i}" for i in range(len(question.panels))), "holds"]
    layout = [names[i : i + 2] for i in range(0, len(names), 2)]
    tall = [HIGH + LINE * max(0, max(_lines(question, finding, name) for name in row) - ROOM) for row in layout]
    layout = [row * 2 if len(row) == 1 else row for row in layout]
    filtered = str(finding.record["sampler"]).startswith("history")
    below = Say(
        "{asks} {n:,} samples of the model that history does not rule out."
        if filtered
        else "{asks} {n:,} samples of the model, from its ranges as assumed.",
        asks=question.asks,
        n=finding.record["samples"],
    )
    fig, axes = plot.board(layout, heights=tall, **texts(finding, question.headline(finding), below, *question.small))
    letters = dict(zip(names, "ABCDEFGHIJ", strict=False))
    with drawing():
        if question.paths:
            _paths(axes["paths"], letters["paths"], question, answer, say)
        for i, panel in enumerate(question.panels):
            shown = axes[f"rows {i}"]
            effects = {say(name): effect(answer.paired) for name, effect in panel.effects.items()}
            rows(shown, effects, say(panel.unit), panel.smallest)
            head(shown, letters[f"rows {i}"], say(panel.title), say(panel.measures))
        attempt(axes["holds"], plot.shares, shares_of(finding, say), legend=False, width=8)
        title, measures = "Does it hold?", "lines: depends, mostly, supported; marks: other ranges"
        head(axes["holds"], letters["holds"], say(title), say(measures))
        listed = [name for name in letters if name.startswith("rows")]
        legend({**{letters[name]: axes[name] for name in listed[:1]}, letters["holds"]: axes["holds"]})
        in_language(fig, finding.lang)
    return fig


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


def _lines(question: Question, finding: Finding, name: str) -> int:
    """Lines of the names beside the rows of a panel."""
    if name == "paths":
        return 0
    rows = [v.hypothesis for v in finding.verdicts]
    if name != "holds":
        rows = [said(row, finding.lang) for row in question.panels[int(name.split()[1])].effects]
    return sum(wrapped(row, 8 / 2.6, SMALL).count("\n") + 1 for row in rows)


def _paths(panel: Axes, letter: str, question: Question, answer: Answer, say: Callable[[str], str]) -> None:
    variable, arms = question.paths or ("", ())
    plain = total(answer.runs(question.reference)[variable])
    with np.errstate(all="ignore"):
        gains = {say(arm): 100 * (total(answer.runs(arm)[variable]) / plain - 1) for arm in arms}
    attempt(panel, plot.medians, gains, label=say(Say("% of {variable}", variable=variable)), width=8)
    measure = Say(
        "{variable} against '{arm}', median of samples; band: middle half, {first}",
        variable=variable,
        arm=question.reference,
        first=arms[0],
    )
    head(panel, letter, say("What happens"), say(measure))
