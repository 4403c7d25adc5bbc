"""A board: several panels of a finding on one sheet, with a headline and a foot line."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sdmodel.plot.look import BODY, CM, GREY, INK, SMALL, drawing, dress, fonts, wrapped


def board(
    mosaic: Sequence[Sequence[str]],
    *,
    title: str,
    foot: str = "",
    width: float = 17.0,
    heights: Sequence[float] = (),
) -> tuple[Figure, dict[str, Axes]]:
    """Lay out named panels for the other functions of this room to draw in.

    Parameters
    ----------
    mosaic
        Names of panels row by row; a name that is repeated side by side is a wide panel.
    title
        Headline: what the reader should take away.
    foot
        Small print under the panels.
    width
        Width in cm.
    heights
        Height of each row in cm; 6 if not given.

    Returns
    -------
    fig : matplotlib.figure.Figure
    axes : dict of str to matplotlib.axes.Axes
        Panel by name; hand one as `ax=` to `heat`, `effects` or `fan`.

    Examples
    --------
    >>> from sdmodel.plot import board
    >>> fig, axes = board([["a", "b"]], title="Two panels")
    >>> sorted(axes)
    ['a', 'b']
    """
    tall = list(heights) or [6.0] * len(mosaic)
    head = wrapped(title, width - 1, BODY + 3)
    small = "\n".join(wrapped(line, width - 0.6, SMALL) for line in foot.splitlines())
    extra = 0.55 * (head.count("\n") + 2) + 0.36 * (small.count("\n") + 1)
    with drawing():
        fig = Figure(figsize=(width * CM, (sum(tall) + extra) * CM), layout="constrained")
        fig.get_layout_engine().set(
            rect=(0, 0.36 * CM * (small.count("\n") + 1.6) / fig.get_figheight(), 1, 1)
        )  # type: ignore[union-attr, call-arg]
        axes = fig.subplot_mosaic([list(row) for row in mosaic], height_ratios=tall)
        for panel in axes.values():
            dress(panel)
        fig.suptitle(
            head, x=0.01, ha="left", fontsize=BODY + 3, color=INK, fontfamily=fonts(), fontweight="bold"
        )
        if small:
            fig.text(
                0.01, 0.008, small, fontsize=SMALL, color=GREY, fontfamily=fonts(), va="bottom", ha="left"
            )
    return fig, {str(name): panel for name, panel in axes.items()}
