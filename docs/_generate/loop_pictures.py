"""Pictures of the feedback loops of a sector, from the loops of `models/checks.toml`: one ring a loop."""

import numpy as np
from matplotlib.patches import FancyArrowPatch

from sdmodel import plot
from sdmodel.core.labels import split_label
from sdmodel.plot.style import COLOURS, INK, SMALL, drawing, wrapped

ENOUGH = 0.4
"""A loop is shown with a sector that owns so much of its path."""
LONG = 20
"""Variables above which a loop takes the whole width."""
SIGNS = {"+": COLOURS[0], "-": COLOURS[4], "?": COLOURS[3]}


def loops_of(sector, whole, loops):
    """The loops of which enough runs through a sector."""
    return [loop for loop in loops if np.mean([whole[bare(name)].sector == sector for name in loop["path"]]) >= ENOUGH]


def bare(name):
    return split_label(name)[0]


def picture(sector, title, whole, loops):
    """A ring for each loop: down on the right, up on the left; variables of the sector in bold."""
    short = [loop["id"] for loop in loops if len(loop["path"]) <= LONG]
    grid = [short[i : i + 2] for i in range(0, len(short), 2)]
    grid += [[loop["id"]] for loop in loops if len(loop["path"]) > LONG]
    longest = [max(len(loop["path"]) for loop in loops if loop["id"] in row) for row in grid]
    figure, axes = plot.mosaic(
        grid, heights=tuple(1.7 + 0.24 * n for n in longest),
        title=f"{title}: loops",
        foot="Blue reinforces, orange balances, green does either; bold variables are of this sector.",
    )  # fmt: skip
    with drawing():
        for row, most in zip(grid, longest, strict=True):
            for loop in (loop for loop in loops if loop["id"] in row):
                ring(axes[loop["id"]], loop, sector, whole, most)
    return figure


def ring(panel, loop, sector, whole, most):
    names = list(dict.fromkeys(loop["path"]))
    down = -(-len(names) // 2)
    colour = SIGNS[loop["sign"]]
    at = [(0.25, -i) for i in range(down)] + [(-0.25, -i) for i in range(len(names) - down - 1, -1, -1)]
    for one, other in zip(at, [*at[1:], at[0]], strict=True):
        panel.add_patch(FancyArrowPatch(one, other, arrowstyle="-|>", mutation_scale=7, color=colour, linewidth=1.1,
                                        shrinkA=2, shrinkB=2))  # fmt: skip
    for name, (x, y) in zip(names, at, strict=True):
        panel.plot([x], [y], "o", color=colour, markersize=3)
        own = whole[bare(name)].sector == sector
        panel.annotate(name, (x, y), (6 if x > 0 else -6, 0), textcoords="offset points", va="center", fontsize=SMALL,
                       ha="left" if x > 0 else "right", color=INK, fontweight="bold" if own else "normal",
                       annotation_clip=False)  # fmt: skip
    panel.set_title(f"{loop['id']}  {wrapped(loop['name'], 6.5, SMALL)}", loc="left", fontsize=SMALL, color=colour)
    panel.set(xlim=(-3, 3), ylim=(-most / 2 - 0.2, 0.6))
    panel.axis("off")
