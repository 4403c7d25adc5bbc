"""Predictions as bars of three shares of samples, and median paths, both labelled where they are drawn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from sdmodel.core.errors import DesignError
from sdmodel.plot.annotations import end_labels, settle
from sdmodel.plot.figure import Drawing, documented, finish, need_columns, numbers_in, panels
from sdmodel.plot.style import (
    COLOURS,
    INK,
    MOST_LINES,
    PALE,
    SMALL,
    Numbers,
    drawing,
    styles,
    text_colour,
    wrapped,
)

SIDES = (COLOURS[0], PALE, COLOURS[4])
"""Colours of the shares for, without a difference, and against."""
THIN = 7.0
"""Percent of the samples below which a share has no figure of its own in the bar."""
BAR, LINE, SPACE = 0.5, 0.36, 0.35
"""Height of a bar, of a line of text above it, and of the space below it, in cm."""
WORD, HEAD = 3.6, 0.85
"""Width for the words right of the bars, and height of the names of the shares, in cm."""


@documented
def shares(table: pd.DataFrame, words: Sequence[str] = (), *, ax: Axes | None = None, width: float = 16.0) -> Drawing:
    """Draw each prediction as one bar of three shares, with its text above it and a word on it at its end.

    Parameters
    ----------
    table
        Index: what is predicted, the first row on top. Three columns, between 0 and 1: the shares of samples for it,
        without a difference, and against it; their names stand above the first bar.
    words
        The verdict on each row; none if empty.

    Raises
    ------
    DesignError
        If the table has no rows, other than three columns, shares that are not between 0 and 1 or do not add up to 1,
        or another number of words.

    Examples
    --------
    >>> import pandas as pd
    >>> from sdmodel.plot import shares
    >>> columns = ["as predicted", "no difference", "the opposite"]
    >>> table = pd.DataFrame([[0.8, 0.15, 0.05]], index=["Leaving late beats leaving early"], columns=columns)
    >>> fig, axes = shares(table, ["mostly"])
    >>> [text.get_text() for text in axes[0].texts][-3:]
    ['80', '15', 'mostly']
    """
    values = 100 * numbers_in(table)
    if values.shape[1:] != (3,) or not len(values):
        raise DesignError(f"The table of shares needs rows and three columns; it has {values.shape}.")
    if not (np.all(values >= 0) and np.allclose(values.sum(axis=1), 100, atol=0.1)):
        raise DesignError("The three shares of a row must lie between 0 and 1 and add up to 1.")
    if words and len(words) != len(table):
        raise DesignError(f"There are {len(words)} words for {len(table)} rows.")
    above, tall = rows_of([str(name) for name in table.index], width, bool(words))
    beside = [wrapped(word, WORD - 0.3, SMALL) for word in words]
    with drawing():
        fig, axes, _ = panels(ax, 1, 1, width, sum(tall) + HEAD)
        panel = axes[0]
        panel.axis("off")
        panel.set_xlim(0, 100 * (width - 0.6) / _bars(width, bool(words)))
        panel.set_ylim(sum(tall), -HEAD)
        for x, where, name, colour in zip((0, 50, 100), ("left", "center", "right"), table.columns, SIDES, strict=True):
            panel.text(
                x,
                -HEAD / 2,
                str(name),
                ha=where,
                va="center",
                fontsize=SMALL,
                color=text_colour(colour),
                fontweight="bold",
            )
        top = 0.0
        for row, text, word, high in zip(values, above, beside or [""] * len(above), tall, strict=True):
            middle = top + high - SPACE - BAR / 2
            panel.text(0, middle - BAR / 2 - 0.06, text, va="bottom", fontsize=SMALL, color=INK, linespacing=1.15)
            start = 0.0
            for share, colour in zip(row, SIDES, strict=True):
                panel.barh(middle, share, left=start, height=BAR, color=colour, linewidth=0)
                if share >= THIN:
                    ink = INK if colour == PALE else "#FFFFFF"
                    panel.text(
                        start + share / 2, middle, f"{share:.0f}", ha="center", va="center", fontsize=SMALL, color=ink
                    )
                start += share
            panel.text(102, middle, word, va="center", fontsize=SMALL, color=INK, fontweight="bold")
            top += high
        return finish(fig, axes)


def rows_of(names: Sequence[str], width: float, worded: bool) -> tuple[list[str], list[float]]:
    """Texts of rows broken into lines, and the heights of the rows in cm, in a panel of a width."""
    texts = [wrapped(str(name), _bars(width, worded) * 1.08, SMALL) for name in names]
    return texts, [LINE * (text.count("\n") + 1) + BAR + SPACE for text in texts]


def shares_height(names: Sequence[str], width: float, worded: bool = True) -> float:
    """Height in cm of a panel of `shares` with these rows."""
    return sum(rows_of(names, width, worded)[1]) + HEAD


def _bars(width: float, worded: bool) -> float:
    """Width of the bars in cm."""
    return width - 0.6 - (WORD if worded else 0.5)


@documented
def medians(table: pd.DataFrame, *, label: str, ax: Axes | None = None, width: float = 16.0) -> Drawing:
    """Draw the median path of each of several policies, named at its end, with the middle half of the first.

    Parameters
    ----------
    table
        Columns arm, time, median, low and high; the arms in the order of the table.
    label
        What the variable is, with its unit; written above the axis.

    Raises
    ------
    UnknownNameError
        If the table lacks a column.
    DesignError
        If it has no rows, or more arms than a reader can tell apart.

    Examples
    --------
    >>> import pandas as pd
    >>> from sdmodel.plot import medians
    >>> rows = [("twice", 2015.0, 2.0, 1.5, 2.5), ("twice", 2034.0, 3.0, 2.5, 3.5)]
    >>> fig, axes = medians(pd.DataFrame(rows, columns=["arm", "time", "median", "low", "high"]), label="links")
    >>> len(axes[0].lines)
    1
    """
    need_columns(table, "arm", "time", "median", "low", "high")
    arms = [str(arm) for arm in dict.fromkeys(table["arm"])]
    if not 0 < len(arms) <= MOST_LINES:
        raise DesignError(f"{len(arms)} paths are given; one panel shows 1 to {MOST_LINES}.")
    with drawing():
        fig, axes, _ = panels(ax, 1, 1, width, 6.5)
        panel, ends = axes[0], []
        for i, (arm, style) in enumerate(zip(arms, styles(len(arms)), strict=True)):
            path = table[table["arm"] == arm]
            time, middle = path["time"].to_numpy(float), path["median"].to_numpy(float)
            if i == 0:
                panel.fill_between(time, path["low"], path["high"], color=style.colour, alpha=0.12, linewidth=0)
            panel.plot(time, middle, color=style.colour, linestyle=style.dash, linewidth=1.4)
            ends.append((wrapped(arm, 3.2, SMALL), float(time[-1]), float(middle[-1]), style.colour))
        panel.set_title(wrapped(label, width - 4), loc="left")
        panel.yaxis.set_major_formatter(Numbers())
        panel.xaxis.set_major_formatter(Numbers(""))
        panel.margins(x=0)
        names = end_labels(panel, ends)
        fig.draw_without_rendering()
        settle(panel, names)
        return finish(fig, axes)
