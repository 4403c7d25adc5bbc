"""Where on the axes of volume and mode an outcome is best, over the surface of both, and with one arena held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sdmodel import plot
from sdmodel.plot.style import drawing
from sdmodel.study.answer import replace_draws
from sdmodel.study.arms import Arms
from sdmodel.study.effects import Measure, Paired
from sdmodel.study.finding import Finding
from sdmodel.study.panels import attempt, head, texts
from sdmodel.study.translation import Say, said

if TYPE_CHECKING:
    from matplotlib.figure import Figure

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
"""Volume and mode in proportion."""
SHAPES = ("flat", "best with none", "best inside", "best with most")


def inside(values: np.ndarray) -> np.ndarray:
    """How far the best inside an axis is above both of its ends, in percent of the better end, by sample (column)."""
    ends = np.maximum(values[0], values[-1])
    with np.errstate(all="ignore"):
        return 100 * (values[1:-1].max(axis=0) / np.where(ends > 0, ends, np.nan) - 1)


def shapes(values: np.ndarray) -> pd.Series:
    """Share of samples by where an outcome is best on an axis; flat where it goes by less than 2 % over all of it."""
    values = values[:, np.isfinite(values).all(axis=0)]
    flat = values.max(axis=0) < (1 + FLAT / 100) * values.min(axis=0)
    within = ~flat & (inside(values) > FLAT)
    low = ~flat & ~within & (values[0] > values[-1])
    return pd.Series([flat.mean(), low.mean(), within.mean(), (~flat & ~within & ~low).mean()], index=list(SHAPES))


def axis(paired: Paired, what: str, arms: Sequence[str]) -> np.ndarray:
    """Values of a measure along an axis; rows are arms."""
    return np.array([paired[what, arm] for arm in arms])


def surface(finding: Finding, paired: Paired, arms: Arms, measures: Mapping[str, Measure]) -> None:
    """The surface of volume and mode, the shapes on both axes, and each arena held, in the first samples."""
    n = min(FEW, len(arms.draws))
    few = replace_draws(arms, arms.draws.iloc[:n])
    grid = {
        f"{s} {p}": {"programme scale": s, "administrative share": p}
        for s in SCALES
        for p in PARTS
        if p != 1.0 and s != 1.0
    }
    found = Paired(NONE)
    found.add(few.run("extra surface", grid), measures, few.draws)
    first = paired.first(n)

    def at(what: str, s: float, p: float) -> np.ndarray:
        return first[what, VOLUME[s]] if p == 1 else first[what, MODE[p]] if s == 1 else found[what, f"{s} {p}"]

    cells = np.array([[at(SO, s, p) for p in PARTS] for s in SCALES])
    cells = cells[:, :, np.isfinite(cells).all(axis=(0, 1))]
    flat = cells.reshape(-1, cells.shape[-1])
    best = pd.Series(flat.argmax(axis=0)).value_counts(normalize=True).reindex(range(len(flat)), fill_value=0.0)
    tables = {
        "best": _table(100 * best.to_numpy().reshape(cells.shape[:2])),
        "change": _table(np.median(100 * (cells / cells[SCALES.index(1.0), PARTS.index(1.0)] - 1), axis=2)),
        "shapes": _shapes(paired, finding.lang),
    }
    volume = list(VOLUME.values())
    as_it_is = few.run("extra held paths", {NONE: {}}, [f"decided {name}" for name in ARENAS.values()])
    found_shapes = {"all": shapes(axis(first, SO, volume))}
    for key, name in ARENAS.items():
        settings = {VOLUME[s]: {"programme scale": s} for s in SCALES if s != 1}
        link = (f"decided {name}", f"experienced {name}")
        cut = first.copy()
        cut.add(few.without(f"extra without {key}", link, as_it_is.sel(setting=NONE), settings), measures, few.draws)
        found_shapes[key] = shapes(axis(cut, SO, volume))
    arms.runs += few.runs
    finding.notes += [
        Say(
            "With volume and mode turned as one knob, self-organisation is best inside in {knob:.0%} of samples; over "
            "the whole surface it is best all by rule in {rule:.0%}: without programmes in {nothing:.0%}, with four "
            "times their volume in {most:.0%}.",
            knob=shapes(np.array([at(SO, s, p) for s, p in ONE_KNOB]))["best inside"],
            rule=tables["best"][0.0].sum() / 100,
            nothing=tables["best"].loc[0.0, 0.0] / 100,
            most=tables["best"].loc[4.0, 0.0] / 100,
        ),
        Say(
            "Self-organisation is best without programmes in {all:.0%} of samples; with what government decides in one "
            "arena held at its path of 2014 policy in {money:.0%} (RnD money), {finance:.0%} (finance), "
            "{services:.0%} (services) and {links:.0%} (links).",
            **{key: found["best with none"] for key, found in found_shapes.items()},
        ),
    ]
    finding.figures["intervention_mode_surface"] = _figure(finding, tables, n)


def _table(values: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame(values, index=list(SCALES), columns=list(PARTS))
    return table.rename_axis(index="volume over that of 2014", columns="part decided case by case")


def _shapes(paired: Paired, lang: str) -> pd.DataFrame:
    found = {
        said(f"{what}, {word}", lang): shapes(axis(paired, what, list(arms.values())))
        for what in (SO, NET, FIRMS)
        for word, arms in (("volume", VOLUME), ("mode", MODE))
    }
    table = 100 * pd.DataFrame(found).T
    table.columns = [said(name, lang) for name in table.columns]
    return table.rename_axis(index="", columns="")


def _figure(finding: Finding, tables: dict[str, pd.DataFrame], n: int) -> Figure:
    def say(text: str) -> str:
        return said(text, finding.lang)

    below = Say("Every pair of volume and mode in {n:,} samples; self-organisation as it shows in flows, 2034.", n=n)
    title = "Where self-organisation is best"
    fig, axes = plot.board(
        [["best", "change"], ["shapes", "shapes"]], heights=[9.0, 8.4], **texts(finding, title, below)
    )
    with drawing():
        attempt(axes["best"], plot.heat, tables["best"], label="", legend=False, width=8)
        head(axes["best"], "A", say("Where the best lies"), say("% of samples whose best pair it is"))
        attempt(axes["change"], plot.heat, tables["change"], label="", centre=0.0, legend=False, width=8)
        head(axes["change"], "B", say("How much it matters"), say("% against policy of 2014, median of samples"))
        attempt(axes["shapes"], plot.heat, tables["shapes"], label="", legend=False, width=16)
        head(
            axes["shapes"],
            "C",
            say("Shape over each axis alone"),
            say("% of samples; flat: below 2 %"),
        )
    return fig
