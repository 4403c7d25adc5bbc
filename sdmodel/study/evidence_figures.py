"""Figures of the two pages that compare the model with published figures: history matching and published effects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel import plot
from sdmodel.plot.figure import dress
from sdmodel.plot.style import BODY, COLOURS, GREY, INK, PALE, SMALL, drawing, wrapped
from sdmodel.study.history_matching import FREE
from sdmodel.study.identifiability import Identified
from sdmodel.study.published_effects import SOME, YES
from sdmodel.study.targets import CUT, label
from sdmodel.study.verdict import MOST

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from sdmodel.study.targets import Target

OTHERS = 10
"""Uncertainties shown beside the free ones: those whose range moved most."""
ROOM = (-1.5, 3.0)
"""Limits of the axis, on which published intervals are 0 to 1; a longer bar ends in an arrow."""


def _head(panel: Axes, letter: str, title: str) -> None:
    """Write the letter of a panel and what it shows."""
    first = wrapped(f"{letter}  {title}", 6.4, BODY).removeprefix(f"{letter}  ")
    panel.set_title(rf"$\bf{{{letter}}}$  {first}", loc="left")


def _rows(panel: Axes, names: list[str], width: float) -> None:
    dress(panel)
    panel.grid(visible=False, axis="y")
    panel.grid(visible=True, axis="x", color=PALE, linewidth=0.6)
    panel.spines["left"].set_visible(False)
    panel.tick_params(axis="y", length=0)
    panel.set_yticks(range(len(names)), [wrapped(name, width, SMALL) for name in names])
    panel.set_ylim(len(names) - 0.4, -0.6)


def matching(found: Identified, quantiles: pd.DataFrame, title: str, below: str) -> Figure:
    """Posterior and prior ranges (A), and the information in all targets (B).

    `quantiles` holds 5 %, median and 95 % of each uncertainty among the kept samples, as prior probabilities.
    """
    others = [name for name in found.moved.index if name not in FREE][:OTHERS]
    names = [*(name for name in FREE if name in quantiles.index), *others]
    fig, axes = plot.mosaic(
        [["ranges", "ranges", "directions"]], heights=(2.6 + 0.55 * len(names),), title=title, subtitle=below,
        foot="A: grey is the prior and blue what is kept, 5 to 95 % with the median; a range that did not move runs "
        "from 5 to 95 % with its dot at 50 %. B: eigenvalues of the information of the targets at nine kept samples "
        "(median and range), in units of the information of the prior; above one the targets say more, the lowest "
        "stand at 0.001 or below.",
    )  # fmt: skip
    with drawing():
        panel = axes["ranges"]
        _rows(panel, names, 6.0)
        for row, name in enumerate(names):
            low, middle, high = (100 * q for q in quantiles.loc[name])
            panel.plot([5, 95], [row, row], color=PALE, linewidth=7, solid_capstyle="butt", zorder=1)
            panel.plot([low, high], [row, row], color=COLOURS[0], linewidth=1.8, solid_capstyle="butt", zorder=2)
            panel.plot([middle], [row], "o", color=COLOURS[0], markersize=4.5, zorder=3)
        panel.axvline(50, color=INK, linewidth=0.9, zorder=0.5)
        panel.axhline(len(names) - len(others) - 0.5, color=GREY, linewidth=0.7)
        panel.set(xlim=(0, 100), xlabel="place in the prior (%)")
        _head(panel, "A", "Meant to be informed, and moved most")
        panel = axes["directions"]
        dress(panel)
        sizes = np.clip(found.eigenvalues, 1e-3, None)
        order = np.arange(1, sizes.shape[1] + 1)
        panel.plot(order, np.median(sizes, axis=0), "o-", color=COLOURS[0], markersize=4.5, linewidth=1.2)
        panel.vlines(order, sizes.min(axis=0), sizes.max(axis=0), color=COLOURS[0], linewidth=1.2)
        panel.axhline(1, color=INK, linewidth=0.9)
        panel.set(yscale="log", xticks=order[::2], xlabel="direction", ylabel="information over the prior's")
        _head(panel, "B", "Directions known")
    return fig


def fit(of: Sequence[Target], kept: Sequence[np.ndarray], base: Sequence[float], title: str, below: str) -> Figure:
    """The default run and the kept samples against every target; `kept` and `base` hold its figure for each."""
    fig, axes = plot.mosaic(
        [["targets"]], heights=(2.6 + 0.62 * len(of),), title=title, subtitle=below,
        foot="Each row has its own scale: the axis runs from the lowest to the highest figure that is not ruled out, "
        "and where that is open from or to the furthest of the kept. Grey: published, a bar where it is one number. "
        "Blue: kept samples, 5 to 95 % (thin), the middle half (thick), median (dot). Orange: default run."
        + (" A row in brackets rules nothing out." if any(t.use != "match" for t in of) else ""),
    )  # fmt: skip
    with drawing():
        panel = axes["targets"]
        _rows(panel, [label(t) if t.use == "match" else f"({label(t)})" for t in of], 8.5)
        for row, (t, values, one) in enumerate(zip(of, kept, base, strict=True)):
            scaled = np.log if t.scale == "log" else np.asarray
            with np.errstate(divide="ignore"):
                low, high = float(scaled(max(t.low, 0.0) if t.scale == "log" else t.low)), float(scaled(t.high))
            got = scaled(np.append(values, one))
            first = low - CUT * t.spread if np.isfinite(low) else got.min()
            last = high + CUT * t.spread if np.isfinite(high) else got.max()
            x = np.array([low, high, *np.quantile(got[:-1], [0.05, 0.25, 0.5, 0.75, 0.95]), got[-1]])
            x = np.clip((x - first) / (last - first), -0.06, 1.06)
            panel.plot(x[:2], [row, row], color=PALE, linewidth=9, solid_capstyle="butt", zorder=1)
            if low == high:
                panel.plot([x[0]], [row], "|", color=GREY, markersize=11, markeredgewidth=1.8, zorder=1.5)
            panel.plot(x[[2, 6]], [row, row], color=COLOURS[0], linewidth=1.0, zorder=2)
            panel.plot(x[[3, 5]], [row, row], color=COLOURS[0], linewidth=2.6, solid_capstyle="butt", zorder=2)
            panel.plot([x[4]], [row], "o", color=COLOURS[0], markersize=4.5, zorder=3)
            panel.plot([x[7]], [row], "D", color=COLOURS[1], markersize=4, zorder=4, clip_on=False)
            told = f"{one:,.0f}" if one >= 1000 else f"{one:.3g}"
            panel.annotate(
                f"{t.published};  {told}", (1, row), (8, 0), xycoords=("axes fraction", "data"),
                textcoords="offset points", va="center", fontsize=SMALL, color=INK,
            )  # fmt: skip
        panel.annotate(
            "published;  default run", (1, -0.6), (8, 3), xycoords=("axes fraction", "data"),
            textcoords="offset points", fontsize=SMALL, color=GREY,
        )  # fmt: skip
        panel.set(xlim=(-0.08, 1.08), xlabel="from the lowest to the highest figure that is not ruled out")
        panel.set_xticks([0, 1], ["ruled out below", "ruled out above"])
    return fig


def effects(table: pd.DataFrame, title: str, below: str) -> Figure:
    """Published intervals against those of the model (A), and shares of samples with a published sign or shape (B)."""
    shown = table[table["label"] != "not comparable"]
    span = np.isfinite(shown["low"] + shown["high"]) & (shown["unit"] != YES)
    numbers, signs = shown[span], shown[~span]
    fig, axes = plot.mosaic(
        [["numbers"], ["signs"]], heights=(2.9 + 0.66 * len(numbers), 2.4 + 0.66 * len(signs)), title=title,
        subtitle=below,
        foot="A: each row has its own scale, on which the published interval is the band from 0 to 1; median and 5 to "
        "95 % over the samples, an arrow where they go on. Hollow: put in, so no test. B: vertical lines at "
        f"{SOME:.0%} and {MOST:.0%} part miss, mixed and hit; where one sample is enough, few make a hit.",
    )  # fmt: skip
    with drawing():
        panel = axes["numbers"]
        _rows(panel, _names(numbers), 8.5)
        panel.axvspan(0, 1, color=PALE, linewidth=0, zorder=0.3)
        for row, (_, r) in enumerate(numbers.iterrows()):
            low, middle, high = ((r[q] - r["low"]) / (r["high"] - r["low"]) for q in ("5 %", "median", "95 %"))
            ends = np.clip([low, high], *ROOM)
            panel.plot(ends, [row, row], color=COLOURS[0], linewidth=1.8, solid_capstyle="butt")
            for end, beyond, mark in ((ends[0], low < ROOM[0], "<"), (ends[1], high > ROOM[1], ">")):
                if beyond:
                    panel.plot([end], [row], mark, color=COLOURS[0], markersize=5, clip_on=False)
            if ROOM[0] <= middle <= ROOM[1]:
                panel.plot([middle], [row], "o", clip_on=False, **_style(r["label"]))
        _verdicts(panel, numbers)
        panel.set(xlim=ROOM, xlabel="place on the published interval (0 to 1)")
        _head(panel, "A", "Where an interval is published")
        panel = axes["signs"]
        _rows(panel, _names(signs), 8.5)
        for limit in (SOME, MOST):
            panel.axvline(100 * limit, color=INK, linewidth=0.9, zorder=0.5)
        for row, (_, r) in enumerate(signs.iterrows()):
            panel.plot([0, 100 * r["share inside"]], [row, row], color=COLOURS[0], linewidth=1.8, solid_capstyle="butt")
            panel.plot([100 * r["share inside"]], [row], "o", clip_on=False, **_style(r["label"]))
        _verdicts(panel, signs)
        panel.set(xlim=(0, 100), xlabel="samples that show it (%)")
        _head(panel, "B", "Where a sign or a shape is published")
    return fig


def _verdicts(panel: Axes, table: pd.DataFrame) -> None:
    """The verdict at the right end of each row."""
    for row, verdict in enumerate(table["verdict"]):
        panel.annotate(
            verdict, (1, row), (8, 0), xycoords=("axes fraction", "data"), textcoords="offset points", va="center",
            fontsize=SMALL, color=INK if verdict == "hit" else GREY,
        )  # fmt: skip


def _names(table: pd.DataFrame) -> list[str]:
    return [f"{r['id']} {r['what']}" for _, r in table.iterrows()]


def _style(label: str) -> dict[str, Any]:
    return {
        "color": COLOURS[0],
        "markersize": 5,
        "markerfacecolor": COLOURS[0] if label == "test" else "white",
        "zorder": 3,
    }


def index_against(change: np.ndarray, names: Sequence[str], title: str, below: str) -> Figure:
    """Median change of the last outcome against that of each other, a dot a setting of levers.

    `change` is in percent, (settings, outcomes, samples); `names` are those of the outcomes.
    """
    others = names[:-1]
    grid = [[*others[i : i + 3]] for i in range(0, len(others), 3)]
    fig, axes = plot.mosaic(
        grid, heights=(5.6,) * len(grid), title=title, subtitle=below,
        foot=f"Change by a setting of levers until 2034 in percent, medians; axes are linear within one percent and "
        f"logarithmic beyond. Orange: the {names[-1]} and the outcome go opposite ways, both by more than one percent.",
    )  # fmt: skip
    middle = np.nanmedian(change, axis=-1)
    with drawing():
        for i, name in enumerate(others):
            panel = axes[name]
            dress(panel)
            x, y = middle[:, i], middle[:, -1]
            apart = (np.minimum(np.abs(x), np.abs(y)) > 1) & (x * y < 0)
            panel.axhline(0, color=GREY, linewidth=0.7)
            panel.axvline(0, color=GREY, linewidth=0.7)
            for some, colour in ((~apart, COLOURS[0]), (apart, COLOURS[4])):
                panel.plot(x[some], y[some], "o", color=colour, markersize=4, markeredgewidth=0, alpha=0.8)
            for axis, values in (("x", x), ("y", y)):
                most = max(2.0, 1.3 * float(np.abs(values).max()))
                getattr(panel, f"set_{axis}scale")("symlog", linthresh=1.0)
                getattr(panel, f"set_{axis}lim")(-most, most)
                ticks = [t for t in (-100, -10, -1, 0, 1, 10, 100) if abs(t) <= most]
                getattr(panel, f"set_{axis}ticks")(ticks, [f"{t:g}" for t in ticks])
                getattr(panel, f"{axis}axis").minorticks_off()
            _head(panel, "ABCDEFGHI"[i], name)
    return fig
