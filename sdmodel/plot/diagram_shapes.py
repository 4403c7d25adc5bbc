"""Shapes of a stock-and-flow diagram: box, pipe, valve, cloud, information arrow. Sizes in data units (cm)."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch, Polygon, Rectangle

from sdmodel.plot.style import CM, COLOURS, GREY, INK, SMALL, mix

PAPER = "#FFFFFF"
HALF = 0.045
"""Half the width of a pipe."""


def article(word: str) -> str:
    """Put the article before a kind of variable: an auxiliary, a constant."""
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def box(ax: Axes, x: float, y: float, width: float, height: float) -> None:
    """Draw a stock, from its lower left corner."""
    props: dict[str, Any] = {"facecolor": mix(COLOURS[0], 0.1), "edgecolor": INK, "linewidth": 1.1, "zorder": 3}
    ax.add_patch(Rectangle((x, y), width, height, **props))


def pipe(ax: Axes, points: list[tuple[float, float]], both: bool = False) -> None:
    """Draw a pipe along points with right angles, an arrowhead at its end, and one at its start if flow may reverse."""
    body = list(points)
    body[-1] = _short(points[-2], points[-1])
    if both:
        body[0] = _short(points[1], points[0])
    xs, ys = zip(*body, strict=True)
    for colour, thickness in ((INK, 2 * HALF * CM * 72 + 1.6), (PAPER, 2 * HALF * CM * 72)):
        props: dict[str, Any] = {"solid_capstyle": "butt", "solid_joinstyle": "miter", "zorder": 1}
        ax.plot(xs, ys, color=colour, linewidth=thickness, **props)
    _head(ax, points[-2], points[-1])
    if both:
        _head(ax, points[1], points[0])


def _short(start: tuple[float, float], end: tuple[float, float], by: float = 0.2) -> tuple[float, float]:
    """Where the body of a pipe stops, so that its head ends at `end`."""
    length = abs(end[0] - start[0]) + abs(end[1] - start[1])
    return (end[0] - (end[0] - start[0]) / length * by, end[1] - (end[1] - start[1]) / length * by)


def _head(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    (x, y), wide = _short(start, end), 0.13
    corners = [end, (x, y + wide), (x, y - wide)] if x != end[0] else [end, (x + wide, y), (x - wide, y)]
    ax.add_patch(Polygon(corners, closed=True, facecolor=INK, edgecolor=INK, linewidth=0.8, zorder=4))


def valve(ax: Axes, x: float, y: float, upright: bool = False) -> None:
    """Draw the valve of a flow on its pipe; `upright` for a pipe that runs up or down."""
    a, b = 0.13, 0.19
    turn = [(-a, b), (a, b), (-a, -b), (a, -b)] if not upright else [(b, -a), (b, a), (-b, -a), (-b, a)]
    corners = [(x + dx, y + dy) for dx, dy in turn]
    ax.add_patch(Polygon(corners, closed=True, facecolor=PAPER, edgecolor=INK, linewidth=0.9, zorder=2))


def cloud(ax: Axes, x: float, y: float) -> None:
    """Draw a cloud: a source or sink outside the model."""
    puffs = [(-0.17, -0.04, 0.13), (0.17, -0.04, 0.13), (-0.07, 0.09, 0.14), (0.09, 0.08, 0.13), (0.0, -0.09, 0.13)]
    for edge, layer in ((0.8, 2.0), (0.0, 2.1)):
        for dx, dy, radius in puffs:
            inner = radius - (0.0 if edge else 0.012)
            ax.add_patch(Circle((x + dx, y + dy), inner, facecolor=PAPER, edgecolor=GREY, linewidth=edge, zorder=layer))


def ghost(ax: Axes, x: float, y: float, number: str) -> None:
    """Draw a ghost: a reference to a stock that is drawn elsewhere."""
    props: dict[str, Any] = {
        "facecolor": PAPER,
        "edgecolor": INK,
        "linewidth": 0.8,
        "linestyle": (0, (2.5, 1.5)),
        "zorder": 2,
    }
    ax.add_patch(FancyBboxPatch((x - 0.22, y - 0.17), 0.44, 0.34, boxstyle="square,pad=0", **props))
    ax.text(x, y, number, fontsize=SMALL, color=INK, ha="center", va="center_baseline", zorder=5)


def thin(ax: Axes, start: tuple[float, float], end: tuple[float, float], bend: float = 0.0) -> None:
    """Draw a thin information arrow."""
    style = "-|>,head_length=2.4,head_width=1.2"
    props: dict[str, Any] = {
        "color": GREY,
        "linewidth": 0.7,
        "shrinkA": 0,
        "shrinkB": 0,
        "mutation_scale": 1,
        "zorder": 2.5,
    }
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", arrowstyle=style, **props))


def words(ax: Axes, x: float, y: float, text: str, colour: str, ha: str = "center", va: str = "top") -> None:
    """Write small text; no-op if the text is empty."""
    if text:
        ax.text(x, y, text, fontsize=SMALL, color=colour, linespacing=1.2, ha=ha, va=va, zorder=5)
