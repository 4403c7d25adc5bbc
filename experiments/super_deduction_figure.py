"""The sheet that the question of the extra deduction leaves: designs (A), firms' behaviour (B), tax rates (C and D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdmodel import plot
from sdmodel.experiments import super_deduction as asked
from sdmodel.experiments.finding import Finding
from sdmodel.experiments.sheet import head, legend, rows, texts
from sdmodel.plot.look import drawing

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

PER_YUAN = "yuan of RnD per yuan of public money"
DESIGNS = {asked.BRACKETS: "brackets", asked.WHOLE: "whole amount", asked.GROWTH: "rule of 1996"}


def figure(finding: Finding, draws: pd.DataFrame) -> Figure:
    """Draw the sheet.

    Parameters
    ----------
    finding
        With the verdicts and the tidy table.
    draws
        The samples.
    """
    first, size = finding.verdicts[0], finding.verdicts[-1]
    gain, looks = asked.by_response(finding.table, draws)
    beats = [
        f"{(gain[looks == i] > asked.SMALLEST).sum() / max(1, (looks[gain.notna()] == i).sum()):.0%}" for i in range(3)
    ]
    unspent = ", ".join(f"{DESIGNS[name]} {share:.0%}" for name, share in asked.unspent(finding.table).items())
    fig, axes = plot.board(
        [["designs", "choice"], ["rise", "yuan"]],
        heights=(6.6, 5.6),
        **texts(
            finding,
            f"A progressive deduction brings more real RnD than a flat one of equal cost in {first.holds} of "
            f"{first.samples} samples; a flat one of 50 % brings half a yuan or more per yuan in {size.holds} of "
            f"{size.samples}",
            f"{len(draws)} samples, public money equal in each. Progressive beats flat in {beats[0]} of those where "
            f"firms look at the rate on one more yuan of RnD, in {beats[1]} where they look at the average rate, in "
            f"{beats[2]} where at the cash of the year.",
            "A and B: samples in which the design cannot spend the money within a rate of 200 % are left out "
            f"({unspent}).",
            "C and D: every firm with a profit pays the rate stated from 2015; at 0 % a deduction saves and costs "
            "nothing.",
        ),
    )
    real, reported = (asked.wide(finding.table, f"extra {name} per yuan") for name in (asked.OWN, asked.REPORTED))
    with drawing():
        gains = {
            f"{word}, {what}": each[name] - each[asked.FLAT]
            for name, word in DESIGNS.items()
            for what, each in (("real", real), ("reported", reported))
        }
        rows(axes["designs"], gains, PER_YUAN, asked.SMALLEST)
        head(axes["designs"], "A", "Progressive designs", "RnD beyond that of a flat deduction of equal public money")
        by = {
            word: gain[looks == i] for i, word in enumerate(("rate on one more yuan", "average rate", "cash this year"))
        }
        rows(axes["choice"], by, PER_YUAN, asked.SMALLEST)
        head(axes["choice"], "B", "What firms respond to", "brackets as in A, real RnD, by the rate that firms look at")
        places = {f"{100 * r:g} %": f"{100 * r:g} % tax" for r in asked.POSITIONS} | {"law": "rates of the law"}
        worth = {word: asked.wide(finding.table, asked.OWN, place) for place, word in places.items()}
        rise = {word: 100 * (own[asked.FLAT] / own[asked.NONE] - 1) for word, own in worth.items()}
        rows(axes["rise"], rise, "% of own real RnD, 2015 to 2034")
        head(axes["rise"], "C", "Flat deduction of 50 % by tax rate", "real RnD against no extra deduction")
        per = f"extra {asked.OWN} per yuan"
        each = {word: asked.wide(finding.table, per, place)[asked.FLAT] for place, word in places.items()}
        rows(axes["yuan"], each, PER_YUAN, asked.SMALLEST)
        head(axes["yuan"], "D", "What a yuan buys, by tax rate", "real RnD against no extra deduction")
        legend({"A and B": axes["designs"], "C": axes["rise"], "D": axes["yuan"]})
    return fig
