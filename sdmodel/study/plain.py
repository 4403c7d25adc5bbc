"""A finding in three plain sentences: the answer, what the arms do to real outcomes, and what it hangs on."""

from __future__ import annotations

from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import STANDARD
from sdmodel.study.phrases import Phrases, shipped_phrases
from sdmodel.study.translation import ENGLISH, Say
from sdmodel.study.verdict import MOST, Verdict, shares_of


def plainly(finding: Finding, phrases: Phrases | None = None, lang: str = ENGLISH) -> list[Say]:
    """Three sentences on a finding: headline, other outcomes of the same two arms, and what decides.

    The second and third are on the first verdict that compares two arms; a finding without one has its headline only.
    """
    out = [Say("{headline}.", headline=finding.headline)]
    main = next((v for v in finding.verdicts if v.arm and v.samples), None)
    if main is not None:
        out += [beside(finding, main), hinges(main, phrases or shipped_phrases(), lang)]
    return out


def beside(finding: Finding, v: Verdict) -> Say:
    """Which standard outcomes are higher and which lower in the arm of a verdict than in the other, in most samples."""
    rows = finding.compare(v.arm, v.against)
    known = {
        str(outcome): shares_of((int(a), int(b), int(c)))
        for outcome, a, b, c in rows[["outcome", "favour", "neither", "opposite"]].to_numpy().tolist()
        if outcome in STANDARD
    }
    higher = ", ".join(name for name, share in known.items() if share[0] >= MOST)
    lower = ", ".join(name for name, share in known.items() if share[2] >= MOST)
    arms = {"arm": v.arm, "against": v.against, "higher": higher, "lower": lower, "n": len(known)}
    if higher and lower:
        return Say("'{arm}' against '{against}': in most samples {higher} higher, {lower} lower in 2034.", **arms)
    if higher:
        return Say("'{arm}' against '{against}': in most samples {higher} higher in 2034, no outcome lower.", **arms)
    if lower:
        return Say("'{arm}' against '{against}': in most samples {lower} lower in 2034, no outcome higher.", **arms)
    return Say("'{arm}' against '{against}': none of {n} outcomes in 2034 differs in most samples.", **arms)


def hinges(v: Verdict, phrases: Phrases, lang: str) -> Say:
    """What a verdict hangs on."""
    if not v.deciding:
        return Say("No single constant decides it.")
    first = v.deciding[0]
    return Say(
        "It hangs most on this: right in {inside:.0%} of samples {where}, in {outside:.0%} elsewhere.",
        inside=first.inside[0], where=phrases(first.name, first.side, lang), outside=first.outside[0],
    )  # fmt: skip
