"""Notes on credit, defaults and losses, arm by arm."""

from __future__ import annotations

import numpy as np

from sdmodel.study.paired import LEAST_MONEY, PUBLIC, Paired, at_least
from sdmodel.study.translation import Say
from sdmodel.study.verdict import quantiles

OWN, ALL, CREDIT, GUARANTEED = "own RnD", "total real RnD", "new credit", "guaranteed lending"
DEFAULT, LOSSES, FUND, SURVIVAL, ABLE = (
    "default rate", "losses on loans", "guarantee fund", "five year survival", "compensation ability"
)  # fmt: skip
SUBSIDY, GRANTS = "interest subsidy", "grants"
NO_LINE, LINES = "guarantee 0", ("guarantee 2", "guarantee 5", "guarantee 10")
NO_COVER, COVERED = "compensation 0 %", ("compensation 30 %", "compensation 50 %", "compensation 70 %")
FULL, MOST = LINES[-1], COVERED[-1]
FIRST = {**dict.fromkeys(LINES, NO_LINE), **dict.fromkeys(COVERED, NO_COVER)}
"""Arm that each setting is compared with."""


def surplus(p: Paired, arm: str = MOST) -> np.ndarray:
    """Additional own real RnD less additional losses on loans, per yuan of compensation paid."""
    gain = p.gain(OWN, arm, NO_COVER) - p.gain(LOSSES, arm, NO_COVER)
    share: np.ndarray = gain / at_least(p.gain("bank compensation paid", arm, NO_COVER), LEAST_MONEY)
    return share


def _middle(values: np.ndarray) -> dict[str, float]:
    return dict(zip(("middle", "low", "high"), quantiles(np.asarray(values, float)), strict=True))


def _entries(values: np.ndarray) -> Say:
    """Median with the 5 to 95 % interval."""
    return Say("{middle:+.2f} ({low:+.2f} to {high:+.2f})", **_middle(values))


def _amount(values: np.ndarray) -> Say:
    return Say("{middle:+,.0f} ({low:+,.0f} to {high:+,.0f})", **_middle(values))


def notes(p: Paired) -> list[str]:
    """Sentences on the effect of each arm on credit, defaults and RnD."""
    free = p.gain(PUBLIC, SUBSIDY) < LEAST_MONEY
    notes: list[str] = [
        Say(
            "In {free} samples the interest subsidy costs less than one million CNY, as a rule because one programme "
            "more leaves the agencies less time for the others; elsewhere it costs {cost:,.0f} million CNY (median).",
            free=int(free.sum()),
            cost=float(np.nanmedian(p.cost(SUBSIDY))),
        )
    ]
    for arm in (SUBSIDY, GRANTS):
        notes.append(
            Say(
                "{arm}: {all} yuan of total and {own} of own real RnD per yuan; default rate {default} %, new credit "
                "{credit} % (medians, 5 to 95 %).",
                arm=arm.capitalize(),
                all=_entries(p.per_yuan(ALL, arm)),
                own=_entries(p.per_yuan(OWN, arm)),
                default=_entries(p.change(DEFAULT, arm)),
                credit=_entries(p.change(CREDIT, arm)),
            )
        )
    for arm in (*LINES, *COVERED):
        first = FIRST[arm]
        credit = p.gain(CREDIT, arm, first)
        notes.append(
            Say(
                "{arm} against {first}: new credit {credit} %, default rate {default} %, own RnD {own} %; million CNY: "
                "credit without guarantee {plain}, public money {money}; losses per extra yuan of credit {lost} "
                "(medians, 5 to 95 %).",
                arm=arm.capitalize(),
                first=first,
                credit=_entries(p.change(CREDIT, arm, first)),
                default=_entries(p.change(DEFAULT, arm, first)),
                own=_entries(p.change(OWN, arm, first)),
                plain=_amount(credit - p.gain(GUARANTEED, arm, first)),
                money=_amount(p.gain(PUBLIC, arm, first)),
                lost=_entries(p.gain(LOSSES, arm, first) / np.where(credit >= LEAST_MONEY, credit, np.nan)),
            )
        )
    harm = surplus(p)
    return [
        *notes,
        Say(
            "Guarantee fund in 2034 at a multiple of 10 over that at 0: {middle:.2f} ({low:.2f} to {high:.2f}); "
            "five-year survival {survival} %.",
            survival=_entries(p.change(SURVIVAL, FULL, NO_LINE)),
            **_middle(p[FUND, FULL] / p[FUND, NO_LINE]),
        ),
        Say(
            "The compensation fund pays {middle:.0f} % ({low:.0f} to {high:.0f}) of what it owes at 70 %. Extra losses "
            "exceed extra RnD in {share:.0%} of samples.",
            share=float((harm[np.isfinite(harm)] < 0).mean()) if np.isfinite(harm).any() else float("nan"),
            **_middle(100 * p[ABLE, MOST]),
        ),
    ]
