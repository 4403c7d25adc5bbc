"""The figure of a finding: each prediction as one bar of three shares, and the paths of one variable beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import pandas as pd

from sdmodel import plot
from sdmodel.plot.shares import shares_height
from sdmodel.study.translation import Say, Translation, hypothesis_in
from sdmodel.study.verdict import Verdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, PATHS = 16.5, 6.0
"""Width of the panels, and height of that of the paths, in cm."""


class Shown(Protocol):
    """The attributes of a finding that its figure shows."""

    @property
    def question(self) -> str:
        """The question in one sentence."""

    @property
    def headline(self) -> str:
        """Its answer in one sentence."""

    @property
    def verdicts(self) -> Sequence[Verdict]:
        """The predictions."""

    @property
    def paths(self) -> pd.DataFrame:
        """Paths of a variable by arm, in percent of the reference; may be empty."""


def figure(finding: Shown, translation: Translation) -> Figure:
    """Draw a finding in a language: headline, three shares of each prediction, and paths where it has some."""
    say = translation
    asked = [v for v in finding.verdicts if v.samples]
    names = [f"{capital(say(v.says).removeprefix('that '))} · {hypothesis_in(v.hypothesis, say)}" for v in asked]
    heads = [say("as predicted, % of samples"), say("no difference that counts"), say("the opposite")]
    panels = {"shares": shares_height(names, WIDE)} if asked else {}
    panels |= {"paths": PATHS} if len(finding.paths) else {}
    below = Say("{asks} {n:,} samples.", asks=finding.question, n=max((v.samples for v in asked), default=0))
    fig, axes = plot.mosaic(
        [[name] for name in panels], title=say(finding.headline), subtitle=say(below), heights=list(panels.values())
    )
    if asked:
        table = pd.DataFrame([v.shares for v in asked], index=names, columns=heads)
        plot.shares(table, [say(v.word) for v in asked], ax=axes["shares"], width=WIDE)
    if len(finding.paths):
        first = finding.paths.iloc[0]
        label = Say(
            "{variable}, % against '{arm}': medians; band: middle half of samples",
            variable=first["variable"], arm=first["against"],
        )  # fmt: skip
        table = finding.paths.assign(arm=finding.paths["arm"].map(say))
        plot.medians(table, label=say(label), ax=axes["paths"], width=WIDE)
    return fig


def capital(text: str) -> str:
    """A text with a capital letter first."""
    return text[:1].upper() + text[1:]
