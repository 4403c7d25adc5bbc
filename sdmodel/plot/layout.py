"""Layout of several panels on one sheet, with a headline, one legend and small print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

import matplotlib.figure
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.legend import Legend
from matplotlib.text import Text

from sdmodel.core.errors import DesignError
from sdmodel.plot.figure import Figure, checked, dress
from sdmodel.plot.style import BODY, CM, GREY, INK, SMALL, drawing, fonts, wrapped

EDGE, GAP = 0.25, 0.2
"""Margin of the sheet and distance between its texts and panels, in cm."""


@checked
def mosaic(
    rows: Sequence[Sequence[str]],
    *,
    title: str,
    subtitle: str = "",
    foot: str = "",
    width: float = 17.0,
    heights: Sequence[float] = (),
) -> tuple[Figure, dict[str, Axes]]:
    """Create a figure with named panels, for the other functions of this package to draw in.

    The sheet is as high as its rows and its texts need, so that no text covers a panel.

    Parameters
    ----------
    rows
        Names of the panels, row by row; a name repeated side by side is a wider panel.
    title
        Headline: what the reader should take away. Texts are broken into lines as the width demands.
    subtitle
        Line below the headline, such as the data it is based on.
    foot
        Small print under the panels.
    width
        Width in cm.
    heights
        Height of each row in cm, with titles and labels of its panels; 6 if not given.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : dict of str to matplotlib.axes.Axes
        Panel by name; hand one as `ax=` to `heat`, `effects` or `fan`.

    Raises
    ------
    DesignError
        If a name is repeated elsewhere than side by side, or the heights are not one for each row.

    Examples
    --------
    >>> from sdmodel.plot import mosaic
    >>> fig, axes = mosaic([["map", "map", "dots"], ["paths"]], title="The first panel is the wider one")
    >>> list(axes)
    ['map', 'dots', 'paths']
    """
    tall = list(heights) or [6.0] * len(rows)
    wide = [[(name, float(len(list(same)))) for name, same in groupby(row)] for row in rows]
    names = [name for row in wide for name, _ in row]
    if not names or len(set(names)) < len(names):
        raise DesignError(f"The panels {', '.join(names) or '(none)'} need names, each in one place of one row.")
    if len(tall) != len(rows):
        raise DesignError(f"The mosaic has {len(rows)} rows and {len(tall)} heights; give one for each row.")
    with drawing():
        fig = Figure(figsize=(width * CM, sum(tall) * CM))
        head = _text(fig, title, BODY + 2, INK, fontweight="bold")
        below = _text(fig, subtitle, BODY, INK)
        small = _text(fig, foot, SMALL, GREY)
        above = sum(_size(text)[1] + GAP for text in (head, below) if text.get_text())
        under = _size(small)[1] + GAP if foot else 0.0
        whole = sum(tall) + above + under + 2 * EDGE
        fig.set_figheight(whole * CM)
        head.set_y(1 - EDGE / whole)
        below.set_y(1 - (EDGE + _size(head)[1] + GAP) / whole)
        small.set(y=EDGE / whole, va="bottom")
        rect = (EDGE / width, (EDGE + under) / whole, 1 - 2 * EDGE / width, sum(tall) / whole)
        fig.set_layout_engine(ConstrainedLayoutEngine(rect=rect, hspace=0.1))
        axes = {}
        # A grid for each row, so that long labels in one row take no room from another.
        grid = fig.add_gridspec(len(tall), 1, height_ratios=tall)
        for i, row in enumerate(wide):
            cells = grid[i, 0].subgridspec(1, len(row), width_ratios=[share for _, share in row])
            for j, (name, _) in enumerate(row):
                axes[name] = fig.add_subplot(cells[0, j])
                dress(axes[name])
    return fig, axes


@checked
def legend(panels: Mapping[str, Axes]) -> None:
    """Put one legend for the panels of a mosaic below all of them.

    Parameters
    ----------
    panels
        For each entry a name, such as "A" or "B to D", and a panel drawn with `legend=False` that stands for
        all panels of this name. The last entry is the lowest.

    Raises
    ------
    DesignError
        If a panel has nothing to list, or is not one of a mosaic.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> from sdmodel.plot import mosaic, fan, legend
    >>> fig, axes = mosaic([["left", "right"]], title="The same twice")
    >>> trust = np.random.default_rng(1).uniform(size=(50, 2))
    >>> trust = xr.DataArray(trust, {"time": [2020.0, 2021.0]}, ("run", "time"), attrs={"unit": "Dmnl"})
    >>> for panel in axes.values():
    ...     drawn = fan(trust, legend=False, ax=panel)
    >>> legend({"Both": axes["left"]})
    >>> [text.get_text() for text in fig.legends[0].get_texts()]
    ['5 to 95 % of runs', '25 to 75 % of runs', 'median']
    """
    figures = {panel.figure.figure for panel in panels.values()}
    engine = next(iter(figures)).get_layout_engine() if len(figures) == 1 else None
    if not isinstance(engine, ConstrainedLayoutEngine):
        raise DesignError(f"The panels of {', '.join(panels)} are not those of one mosaic; see plot.mosaic.")
    (fig,) = figures
    with drawing():
        words = {name: fig.text(0, 0, name, fontsize=SMALL, fontweight="bold", va="top") for name in panels}
        indent = max(_size(word)[0] for word in words.values()) + 0.3
        for name, panel in reversed(list(panels.items())):
            handles = panel.get_legend_handles_labels()[0]
            if not handles:
                raise DesignError(f"The panel of '{name}' shows nothing that has a name; draw in it first.")
            left, bottom, wide, high = engine.get()["rect"]
            at = (left + indent * CM / fig.get_figwidth(), bottom)
            drawn = _fitting(fig, handles, at, wide * fig.get_figwidth() / CM - indent)
            taken = _size(drawn)[1] * CM / fig.get_figheight()
            words[name].set_position((left, bottom + taken))
            taken += GAP * CM / fig.get_figheight()
            engine.set(rect=(left, bottom + taken, wide, high - taken))


def _fitting(fig: matplotlib.figure.Figure, handles: Sequence[Any], at: tuple[float, float], room: float) -> Legend:
    """Draw a legend in as many columns as fit the available width, in cm."""
    props: dict[str, Any] = {"handles": handles, "handlelength": 3, "borderpad": 0, "borderaxespad": 0}
    for columns in range(len(handles), 0, -1):
        drawn = fig.legend(loc="lower left", bbox_to_anchor=at, ncols=columns, **props)
        if columns == 1 or _size(drawn)[0] <= room:
            break
        drawn.remove()
    return drawn


def _text(fig: Figure, text: str, size: float, colour: str, **props: str) -> Text:
    """Write a text at the left edge of the sheet, broken into lines that fit its width."""
    width = fig.get_figwidth() / CM
    wide = size * 1.08 if props.get("fontweight") == "bold" else size
    lines = "\n".join(wrapped(line, width - 2 * EDGE, wide) for line in text.splitlines())
    style: dict[str, Any] = {"fontsize": size, "color": colour, "fontfamily": fonts(), "linespacing": 1.25, **props}
    return fig.text(EDGE / width, 0, lines, va="top", ha="left", **style)


def _size(artist: Text | Legend) -> tuple[float, float]:
    """Width and height in cm."""
    box, fig = artist.get_window_extent(), artist.get_figure(root=True)
    assert fig is not None
    return box.width / fig.dpi / CM, box.height / fig.dpi / CM
