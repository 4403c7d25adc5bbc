"""Best positions of an outcome along the axes of volume and mode, over both together, and with one arena fixed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from sdmodel.study.arms import Arms
from sdmodel.study.finding import Finding
from sdmodel.study.paired import Paired
from sdmodel.study.panels import heat, sheet
from sdmodel.study.question import Question
from sdmodel.study.surface import shapes, table_of
from sdmodel.study.translation import Say, Translation

SHIELD, OPEN = "protection x5", "no protection"
FEW = 500
"""Samples of the surface and of the held arenas."""
SCALES, PARTS = (0.0, 0.5, 1.0, 2.0, 4.0), (0.0, 0.25, 0.5, 0.75, 1.0)
NONE = "as it is"
VOLUME = dict(zip(SCALES, ("no programmes", "half the volume", NONE, "twice the volume", "volume x4"), strict=True))
MODE = dict(
    zip(PARTS, ("all by rule", "a quarter decided", "half decided", "three quarters decided", NONE), strict=True)
)
SO, NET, FIRMS = "self-organisation", "deep links per firm", "firms"
FLAT = 2.0
"""Percent over an axis below which an outcome is flat, and above both ends from which a best inside counts."""
ARENAS = {
    "money": "share of RnD money",
    "finance": "share of finance",
    "services": "share of services",
    "links": "share of links",
}
ONE_KNOB = ((0.0, 0.0), (1.0, 0.25), (2.0, 0.5), (4.0, 1.0))
"""Volume and mode scaled in proportion."""


def notes(p: Paired) -> list[str]:
    """Sentences on the gains and costs of protection."""
    kept, staff = p.gain(FIRMS, SHIELD, OPEN), p.gain("RnD staff", SHIELD, OPEN)
    lost = -p.change("revenue per firm", SHIELD, OPEN)
    cost = p.cost(SHIELD, OPEN)
    able = (kept >= 1) & np.isfinite(cost)
    out: list[str] = []
    if able.any():
        out.append(
            Say(
                "Protection keeps firms alive in {share:.0%} of samples, {kept:.0f} more in 2034 (median); a hundred "
                "firms kept go with {lost:.2f} % less revenue per firm and cost {cost:.0f} million CNY.",
                share=able.mean(),
                kept=np.median(kept[able]),
                lost=np.median((100 * lost / kept)[able]),
                cost=np.median((100 * cost / kept)[able]),
            )
        )
    some = staff >= 1
    out.append(
        Say(
            "RnD staff is higher with protection in {share:.0%} of samples, by {staff:.0f} persons (median of all).",
            share=some.mean(),
            staff=np.nanmedian(staff),
        )
    )
    return out


def axis(paired: Paired, what: str, arms: Sequence[str]) -> np.ndarray:
    """Values of a measure along an axis; rows are arms."""
    return np.array([paired[what, arm] for arm in arms])


def extras(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """The surface, and what protection costs where shielded firms learn more or less."""
    surface(question, finding, paired, arms)
    learns = arms.draws["protection effect on learning"].to_numpy() > 0
    lost = -paired.change("revenue per firm", SHIELD, OPEN)
    if learns.any() and not learns.all():
        finding.notes.append(
            Say(
                "Where shielded firms learn more, protection costs {more:.2f} % of revenue per firm, where they learn "
                "less {less:.2f} % (medians).",
                more=np.nanmedian(lost[learns]),
                less=np.nanmedian(lost[~learns]),
            )
        )


def surface(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """The surface of volume and mode, the shapes on both axes, and each arena held, in the first samples."""
    few = arms.first(FEW)
    n = len(few.draws)
    grid = {
        f"{s} {p}": {"programme scale": s, "administrative share": p}
        for s in SCALES
        for p in PARTS
        if p != 1.0 and s != 1.0
    }
    found = Paired(NONE)
    found.add(few.run("extra surface", grid), question.measures, few.draws)
    first = paired.first(n)

    def at(what: str, s: float, p: float) -> np.ndarray:
        return first[what, VOLUME[s]] if p == 1 else first[what, MODE[p]] if s == 1 else found[what, f"{s} {p}"]

    cells = np.array([[at(SO, s, p) for p in PARTS] for s in SCALES])
    cells = cells[:, :, np.isfinite(cells).all(axis=(0, 1))]
    flat = cells.reshape(-1, cells.shape[-1])
    best = pd.Series(flat.argmax(axis=0)).value_counts(normalize=True).reindex(range(len(flat)), fill_value=0.0)
    tables = {
        "best": _axes(100 * best.to_numpy().reshape(cells.shape[:2])),
        "change": _axes(np.median(100 * (cells / cells[SCALES.index(1.0), PARTS.index(1.0)] - 1), axis=2)),
        "shapes": _shapes(paired, finding.translation),
    }
    volume = list(VOLUME.values())
    as_it_is = few.run("extra held paths", {NONE: {}}, [f"decided {name}" for name in ARENAS.values()])
    found_shapes = {"all": shapes(axis(first, SO, volume), FLAT)}
    for key, name in ARENAS.items():
        settings = {VOLUME[s]: {"programme scale": s} for s in SCALES if s != 1}
        link = (f"decided {name}", "experienced share")
        cut = first.copy()
        held = few.without(f"extra without {key}", link, as_it_is.sel(setting=NONE), settings)
        cut.add(held, question.measures, few.draws)
        found_shapes[key] = shapes(axis(cut, SO, volume), FLAT)
    arms.runs += few.runs
    finding.notes += [
        Say(
            "With volume and mode turned as one knob, self-organisation is best inside in {knob:.0%} of samples; over "
            "the whole surface it is best all by rule in {rule:.0%}: without programmes in {nothing:.0%}, with four "
            "times their volume in {most:.0%}.",
            knob=shapes(np.array([at(SO, s, p) for s, p in ONE_KNOB]), FLAT)["best inside"],
            rule=tables["best"][0.0].sum() / 100,
            nothing=tables["best"][0.0][0.0] / 100,
            most=tables["best"][0.0][4.0] / 100,
        ),
        Say(
            "Self-organisation is best without programmes in {all:.0%} of samples; with what government decides in one "
            "arena held at its path of 2014 policy in {money:.0%} (RnD money), {finance:.0%} (finance), "
            "{services:.0%} (services) and {links:.0%} (links).",
            **{key: found["best with none"] for key, found in found_shapes.items()},
        ),
    ]
    finding.figures["intervention_mode_surface"] = _figure(finding, tables, n)


def _axes(values: Any) -> pd.DataFrame:
    return table_of(values, SCALES, PARTS, "volume over that of 2014", "part decided case by case")


def _shapes(paired: Paired, say: Translation) -> pd.DataFrame:
    found = {
        say(f"{what}, {word}"): shapes(axis(paired, what, list(arms.values())), FLAT)
        for what in (SO, NET, FIRMS)
        for word, arms in (("volume", VOLUME), ("mode", MODE))
    }
    table = 100 * pd.DataFrame(found).T
    return table.rename(columns=say).rename_axis(index="", columns="")


def _figure(finding: Finding, tables: dict[str, pd.DataFrame], n: int) -> Figure:
    below = Say("Every pair of volume and mode in {n:,} samples; self-organisation as it shows in flows, 2034.", n=n)
    layout = [
        [
            heat("Where the best lies", "% of samples whose best pair it is", tables["best"]),
            heat("How much it matters", "% against policy of 2014, median of samples", tables["change"], centre=0.0),
        ],
        [heat("Shape over each axis alone", "% of samples; flat: below 2 %", tables["shapes"], width=16)],
    ]
    return sheet(finding, "Where self-organisation is best", below, layout, [9.0, 8.4])
