"""A finding in three plain English sentences: the answer, what the arms do to real outcomes, and what it hangs on."""

from __future__ import annotations

from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import STANDARD
from sdmodel.study.phrases import Phrases, shipped_phrases
from sdmodel.study.verdict import MOST, Verdict, shares_of


def plainly(finding: Finding, phrases: Phrases | None = None) -> list[str]:
    """Three sentences on a finding: headline, other outcomes of the same two arms, and what decides.

    The second and third are on the first verdict that compares two arms; a finding without one has its headline only.
    """
    main = next((v for v in finding.verdicts if v.arm and v.samples), None)
    if main is None:
        return [f"{finding.headline}."]
    return [f"{finding.headline}.", beside(finding, main), hinges(main, phrases or shipped_phrases())]


def beside(finding: Finding, v: Verdict) -> str:
    """Which standard outcomes are higher and which lower in the arm of a verdict than in the other, in most samples."""
    rows = finding.compare(v.arm, v.against)
    known = {
        str(outcome): shares_of((int(a), int(b), int(c)))
        for outcome, a, b, c in rows[["outcome", "favour", "neither", "opposite"]].to_numpy().tolist()
        if outcome in STANDARD
    }
    higher = ", ".join(name for name, share in known.items() if share[0] >= MOST)
    lower = ", ".join(name for name, share in known.items() if share[2] >= MOST)
    start = f"'{v.arm}' against '{v.against}'"
    if not (higher or lower):
        return f"{start}: none of {len(known)} outcomes in 2034 differs in three samples of four."
    found = "; ".join(f"{names} {word}" for names, word in ((higher, "higher"), (lower, "lower")) if names)
    return f"{start}, in three samples of four or more: {found} in 2034."


def hinges(v: Verdict, phrases: Phrases) -> str:
    """What a verdict hangs on."""
    if not v.deciding:
        return f"No single constant decides {v.says}."
    first = v.deciding[0]
    return (
        f"{v.says[0].upper()}{v.says[1:]} is right in {first.inside[0]:.0%} of samples "
        f"{phrases(first.name, first.side)}, in {first.outside[0]:.0%} elsewhere."
    )
