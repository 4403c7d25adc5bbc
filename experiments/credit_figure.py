"""The sheet that the question of credit leaves: money's worth (A), risk (B), credit (C) and RnD (D)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdmodel import plot
from sdmodel.experiments import credit as asked
from sdmodel.experiments.finding import Finding
from sdmodel.experiments.sheet import head, legend, rows, texts
from sdmodel.plot.look import drawing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PER_YUAN = "yuan of RnD per yuan of public money"


def figure(finding: Finding) -> Figure:
    """Draw the sheet from the verdicts, in their order, and the tidy table."""
    both, ranking, _, risk, _, worth = finding.verdicts
    table = finding.table
    barred, free = asked.unspent(table)
    fig, axes = plot.board(
        [["yuan", "default"], ["credit", "RnD"]],
        heights=(7.0, 6.2),
        **texts(
            finding,
            f"Guarantees lower defaults in {risk.holds} of {risk.samples} samples; covering banks' losses brings more "
            f"RnD than extra losses in {worth.holds} of {worth.samples}",
            f"{table['sample'].nunique()} samples. For the same public money, interest subsidies and grants both raise "
            f"RnD in {both.share:.0%} of them, and subsidies bring more own RnD than grants in {ranking.share:.0%}.",
            "A: grants and subsidy at equal public money in each sample; left out are the "
            f"{barred:.0%} in which ten times as many grants do not cost as much, and {free} in which the subsidy "
            "costs nothing net.",
            "Guarantee: credit line over the guarantee fund, against none, with 50 million CNY a year more in the "
            "fund. Compensation: part of a bank's loss that the budget's fund bears while it can, against none, with "
            "100 million CNY a year more in the fund.",
        ),
    )
    with drawing():
        arms = {"interest subsidy": asked.SUBSIDY, "grants": asked.GRANTS}
        kinds = {"total RnD": asked.ALL, "firms' own": asked.OWN}
        bought = {
            f"{word}, {kind}": asked.per_yuan(table, name, setting)
            for word, setting in arms.items()
            for kind, name in kinds.items()
        }
        rows(axes["yuan"], bought, PER_YUAN, asked.SMALLEST)
        head(axes["yuan"], "A", "What a yuan buys", "real RnD against no change, 2015 to 2034, equal public money")
        funds = {f"guarantee x{m:g}": name for m, name in zip(asked.MULTIPLES, asked.MULTIPLE, strict=True) if m}
        funds |= {f"compensation {100 * c:g} %": name for c, name in zip(asked.COVERS, asked.COVER, strict=True) if c}

        def changes(name: str, settings: dict[str, str]) -> dict[str, object]:
            return {word: 100 * asked.change(table, name, setting) for word, setting in settings.items()}

        least = 100 * asked.LEAST_CHANGE
        rows(axes["default"], changes(asked.DEFAULT, {**arms, **funds}), "% of the default rate", least)
        head(axes["default"], "B", "Defaults", "mean default rate of bank loans, 2015 to 2034; left is safer")
        rows(axes["credit"], changes(asked.CREDIT, funds), "% of new credit", least)
        head(axes["credit"], "C", "Credit", "new bank and private loans, 2015 to 2034")
        rows(axes["RnD"], changes(asked.OWN, funds), "% of own real RnD", least)
        head(axes["RnD"], "D", "RnD", "firms' own real RnD, 2015 to 2034")
        legend({"A": axes["yuan"], "B to D": axes["default"]})
    return fig
