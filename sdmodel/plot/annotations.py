"""Text annotations of figures: dated policy marks, labels at the ends of lines, the legend.

Labels of marks are placed above the panel, each with a leader line down to its date; a label that would cover
another label or leader line moves up a row.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.transforms import ScaledTranslation

from sdmodel.core.calendar import year
from sdmodel.core.errors import DesignError
from sdmodel.plot.style import CM, GREY, INK, SMALL, text_colour, wrapped

When = float | str | dt.date
Marks = Mapping[str, When | tuple[When, When]]
ROW = SMALL * 1.35
"""Height of a row of labels in points."""


def draw_marks(ax: Axes, marks: Marks, first: float, last: float) -> None:
    """Draw a thin line at each date and a pale band over each period, within the time of the figure."""
    for label, when in marks.items():
        start, stop = _period(label, when)
        if stop < first or start > last:
            span = f"{start:g}" if start == stop else f"{start:g} to {stop:g}"
            raise DesignError(
                f"The policy mark '{label}' ({span}) lies outside the time shown, {first:g} to {last:g}. "
                f"Leave it out or run the model for longer."
            )
        if stop > start:
            ax.axvspan(max(start, first), min(stop, last), color="#EFEFEF", linewidth=0, zorder=0.2)
        for edge in {start, stop}:
            if first <= edge <= last:
                ax.axvline(edge, color=GREY, linewidth=0.7, zorder=0.6)


def _period(label: str, when: Any) -> tuple[float, float]:
    ends = when if isinstance(when, Sequence) and not isinstance(when, str) else (when,)
    times = [year(end.item() if isinstance(end, np.number) else end) for end in ends]
    if len(times) not in {1, 2} or not np.isfinite(times).all() or times[0] > times[-1]:
        raise DesignError(f"The policy mark '{label}' is {when!r}; give a time, or (start, stop), start first.")
    return times[0], times[-1]


@dataclass
class _Flag:
    text: Annotation
    pole: float
    width: float
    leftwards: bool = False
    row: int = 0

    @property
    def span(self) -> tuple[float, float]:
        return (self.pole - self.width, self.pole) if self.leftwards else (self.pole, self.pole + self.width)

    def covers(self, other: _Flag) -> bool:
        return self.span[0] <= other.pole <= self.span[1]

    def meets(self, other: _Flag) -> bool:
        return self.span[0] < other.span[1] and other.span[0] < self.span[1]


def flag_marks(ax: Axes, marks: Marks) -> None:
    """Write the labels of the marks above the panel and its title above them; the figure's layout must be done."""
    if not marks:
        return
    low, high = ax.get_xlim()
    box = ax.get_window_extent()
    per_point = ax.figure.figure.dpi / 72
    flags = []
    for label, when in sorted(marks.items(), key=lambda item: _period(*item)[0]):
        x = max(_period(label, when)[0], low)
        text = ax.annotate(label, (x, 1), (3, 0), fontsize=SMALL, color=INK, va="bottom", **_above(ax))
        pole = box.x0 + (x - low) / (high - low) * box.width
        flags.append(_Flag(text, pole, text.get_window_extent().width + 8 * per_point))
    for flag in flags:
        flag.leftwards = flag.pole + flag.width > box.x1 and flag.pole - flag.width > box.x0
    if not _rows(flags):
        for flag in flags:
            flag.leftwards = False
        _rows(flags)
    for flag in flags:
        height = flag.row * ROW
        flag.text.set(x=-3 if flag.leftwards else 3, y=height + 2, ha="right" if flag.leftwards else "left")
        pole = {"arrowstyle": "-", "color": GREY, "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0}
        ax.annotate("", flag.text.xy, (0, height + ROW), arrowprops=pole, **_above(ax))
    pad = (max(flag.row for flag in flags) + 1) * ROW + 5
    ax.set_title(ax.get_title(loc="left"), loc="left", pad=pad)


def _above(ax: Axes) -> dict[str, Any]:
    """Place an annotation at a time on the upper edge of the panel, moved from there by points."""
    return {"xycoords": ax.get_xaxis_transform(), "textcoords": "offset points", "annotation_clip": False}


def _rows(flags: list[_Flag]) -> bool:
    """Lift every label above the leader lines that it covers; False if two labels cover each other's leader line."""
    for flag in flags:
        flag.row = 0
    for _ in range(len(flags) + 1):
        moved = False
        for i, upper in enumerate(flags):
            for j, lower in enumerate(flags):
                if i == j or upper.row > lower.row:
                    continue
                tie = i < j and upper.row == lower.row and not lower.covers(upper)
                tie = tie or (i < j and upper.pole == lower.pole)
                if (upper.covers(lower) and upper.pole != lower.pole) or (upper.meets(lower) and tie):
                    upper.row, moved = lower.row + 1, True
        if not moved:
            return True
    return False


def end_labels(ax: Axes, ends: Sequence[tuple[str, float, float, str]]) -> list[Annotation]:
    """Write labels (text, time, value, colour) right of the ends of lines; `settle` then moves them apart."""
    return [
        ax.annotate(
            label,
            (t, y),
            (5, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=text_colour(colour),
            annotation_clip=False,
        )
        for label, t, y, colour in ends
    ]


def settle(ax: Axes, labels: Sequence[Annotation]) -> bool:
    """Move labels apart in a figure whose layout is done; False if one ends more than its height from its line."""
    height = max(label.get_window_extent().height for label in labels) * 1.1
    at = np.array([ax.transData.transform(label.xy)[1] for label in labels])
    new = spread(at, height)
    per_point = ax.figure.figure.dpi / 72
    for label, shift in zip(labels, (new - at) / per_point, strict=True):
        label.set_y(float(shift))
    return bool(np.abs(new - at).max() <= 1.01 * height)


def spread(at: np.ndarray[Any, np.dtype[np.float64]], gap: float) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Find the positions nearest to `at`, in the same order, no two closer than `gap`."""
    order = np.argsort(at, kind="stable")
    groups: list[list[int]] = []

    def low(group: list[int]) -> float:
        return float(at[group].mean()) - gap * (len(group) - 1) / 2

    for i in order:
        group = [int(i)]
        while groups and low(groups[-1]) + gap * len(groups[-1]) > low(group):
            group = groups.pop() + group
        groups.append(group)
    out = np.empty_like(at)
    for group in groups:
        out[group] = low(group) + gap * np.arange(len(group))
    return out


def draw_legend(fig: Figure, axes: Sequence[Axes], handles: Sequence[Any], caption: str, own: bool) -> None:
    """Put the legend and its caption below a new figure, or at the last panel of the caller's axes.

    At the caller's axes it is placed below the panel if the figure has a layout engine, else inside the panel.
    """
    props: dict[str, Any] = {"handles": handles, "alignment": "left", "handlelength": 3.6}
    room = fig.get_figwidth() / CM
    panel = axes[-1]
    engine = fig.get_layout_engine() is not None
    if not own:
        fig.draw_without_rendering()
        room = panel.get_window_extent().width / fig.dpi / CM
    widest = max(len(str(handle.get_label())) for handle in handles)
    rows = -(-len(handles) // max(1, int(room * CM * 72 / SMALL / (0.6 * widest + 7))))
    props["title"] = wrapped(caption, room - 1, SMALL) or None
    if own:
        fig.legend(loc="outside lower center", ncols=-(-len(handles) // rows), **props)
    elif engine:
        below = panel.get_window_extent().y0 - panel.xaxis.label.get_window_extent().y0
        move = ScaledTranslation(0, -below / fig.dpi, fig.dpi_scale_trans)
        place = {"bbox_to_anchor": (0, 0), "bbox_transform": panel.transAxes + move, "borderaxespad": 0.6}
        panel.legend(loc="upper left", ncols=-(-len(handles) // rows), **place, **props)
    else:
        panel.legend(loc="best", **props)
