"""Maps of a whole model: its sectors and what they give each other, its stocks and what they act on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.model import Model
from sdmodel.plot.figure import Drawing, Figure, documented, finish
from sdmodel.plot.flows import flows, stocks_behind
from sdmodel.plot.style import BODY, CM, COLOURS, GREY, INK, SMALL, drawing, mix, text_colour, wrapped

BOX, HIGH, GAP = 3.0, 0.8, 0.45
"""Width and height of the box of a stock, and the distance to the next one, in cm."""
BEND, LABEL = 0.15, 0.4
"""Curvature of arrows, and where along them a label stands."""
MOST_STOCKS = 30
LONGEST_LOOP = 3
"""Number of stocks of the longest loops that are marked."""
CAPTION = (
    "Thick: a flow from stock to stock. Thin: the stock sets a flow of the other one, directly or through auxiliaries. "
    f"Blue: part of a loop of two or {LONGEST_LOOP} stocks; a blue box sets its own flow."
)
Spot = tuple[float, float]
Ends = tuple[str, str]


@documented
def sectors(model: Model, *, width: float = 16.0) -> Drawing:
    """Draw the sectors of a model and the variables that each gives to the others.

    In a model of one sector the groups of the file take their place. An arrow is as broad as the number of variables,
    written on it, of its sector that the other one reads; control variables and constants are left out.

    Parameters
    ----------
    model
        The model.

    Raises
    ------
    DesignError
        If the model has neither several sectors nor several groups.

    Examples
    --------
    >>> import sdmodel
    >>> fig, axes = sdmodel.plot.sectors(sdmodel.load("network"))
    """
    place = groups(model)
    names = list(dict.fromkeys(place.values()))
    if len(names) < 2:
        raise DesignError(f"{model.name} has neither several sectors nor several groups; see plot.structure.")
    joints: Counter[tuple[str, str]] = Counter()
    spelt = {v.name: k for k, v in model.equations.items()}
    for k, home in place.items():
        if model.equations[k].kind != "constant":
            readers = {place[spelt[name]] for name in model.uses(k) if spelt[name] in place}
            joints.update((home, other) for other in readers - {home})
    angles = np.pi / 2 - 2 * np.pi * np.arange(len(names)) / len(names)
    across, up = width / 2 - 2.0, width / 2 - 1.2
    spots = {name: (across * float(np.cos(a)), up * float(np.sin(a))) for name, a in zip(names, angles, strict=True)}
    most = max(joints.values(), default=1)
    with drawing():
        fig, ax = _sheet(width, width)
        ax.set(xlim=(-width / 2, width / 2), ylim=(-width / 2, width / 2))
        boxes = {name: _box(ax, *spots[name], wrapped(name.replace("_", " "), BOX - 0.2), BODY) for name in names}
        for (start, end), number in joints.most_common():
            colour = mix(COLOURS[0], 0.35 + 0.5 * number / most)
            x, y = _arrow(ax, spots, boxes, (start, end), colour, 0.5 + 3.5 * number / most)
            props: dict[str, Any] = {"ha": "center", "va": "center", "color": text_colour(colour), "zorder": 3}
            white = {"facecolor": "#FFFFFF", "edgecolor": "none", "pad": 0.6}
            ax.text(x, y, str(number), fontsize=SMALL, bbox=white, **props)
        return finish(fig, [ax])


@documented
def influences(model: Model, sector: str | None = None, *, width: float = 24.0) -> Drawing:
    """Draw stocks, by sector or group, with arrows to the stocks whose flows they set.

    Loops show as arrows that come back; those of few stocks are marked. A model of many stocks is drawn sector by
    sector. As SVG, ``fig.savefig("model.svg")``, a large figure can be enlarged. For the flows and the variables that
    set them see `structure`.

    Parameters
    ----------
    model
        The model.
    sector
        A sector, or a group of the file: only its stocks are drawn.

    Raises
    ------
    UnknownNameError
        If the model has no stocks in a sector or group of this name.
    DesignError
        If the model has no stock, or more than 30 and no sector is named.

    Examples
    --------
    >>> import sdmodel
    >>> fig, axes = sdmodel.plot.influences(sdmodel.load("network"))
    """
    place = groups(model)
    blocks: dict[str, list[str]] = {}
    for k, v in model.equations.items():
        if v.kind == "stock" and sector in (None, v.sector, v.group):
            blocks.setdefault(v.group or model.name if sector == v.sector else place[k], []).append(k)
    if not blocks and sector is not None:
        raise UnknownNameError(sector, dict.fromkeys(place.values()), "sector or group with stocks")
    if not blocks:
        raise DesignError(f"{model.name} has no stock to draw.")
    if (stocks := sum(map(len, blocks.values()))) > MOST_STOCKS:
        raise DesignError(
            f"{stocks} stocks would hide each other's arrows; a figure holds {MOST_STOCKS}. Name one of "
            f"{', '.join(blocks)}: influences(model, {next(iter(blocks))!r}). plot.sectors draws the whole model."
        )
    graph = influence_graph(model)
    spots, frames, high = _laid_out(blocks, width)
    wide = max(x + across for x, _, across, _ in frames.values()) + 0.3
    caption = wrapped(CAPTION, wide - 0.4, SMALL)
    high += 0.35 * (caption.count("\n") + 1)
    with drawing():
        fig, ax = _sheet(wide, high + 0.3)
        ax.set(xlim=(0, wide), ylim=(-high - 0.2, 0.1))
        for name, (x, y, across, tall) in frames.items():
            props: dict[str, Any] = {"boxstyle": "round,pad=0,rounding_size=0.2", "linewidth": 0}
            ax.add_patch(FancyBboxPatch((x, y), across, tall, facecolor=mix(GREY, 0.08), zorder=0, **props))
            title = wrapped(name.replace("_", " "), across - 0.3)
            ax.text(x + 0.15, y + tall - 0.1, title, fontsize=BODY, color=INK, va="top", fontweight="bold")
        names = {k: wrapped(model.equations[k].name, BOX - 0.1, SMALL) for k in spots}
        boxes = {k: _box(ax, *spots[k], label, SMALL, graph.has_edge(k, k)) for k, label in names.items()}
        for a, b, about in graph.subgraph(spots).edges(data=True):
            if a != b:
                colour = INK if about["flow"] else COLOURS[0] if about["loop"] else mix(GREY, 0.5)
                _arrow(ax, spots, boxes, (a, b), colour, 2.2 if about["flow"] else 0.6)
        ax.text(0.15, -high - 0.1, caption, fontsize=SMALL, color=GREY, va="bottom")
        return finish(fig, [ax])


def groups(model: Model) -> dict[str, str]:
    """Sector of every variable but the control variables, or its group in a model of one sector."""
    several = len(model.sectors) > 1
    every = {k: v for k, v in model.equations.items() if v.kind != "control"}
    return {k: (v.sector if several else v.group) or model.name for k, v in every.items()}


def influence_graph(model: Model) -> nx.DiGraph:
    """Graph of the stocks (keys): an edge where one sets a flow of the other (`flow`: where it flows into it).

    `loop` says whether the edge is part of a loop of at most `LONGEST_LOOP` stocks.
    """
    graph = nx.DiGraph()
    graph.add_nodes_from(k for k, v in model.equations.items() if v.kind == "stock")
    behind: dict[str, frozenset[str]] = {}
    found = flows(model)
    for flow in found:
        for driver in flow.drivers:
            if driver not in behind:
                behind[driver] = stocks_behind(model, driver)
            for end in {flow.source, flow.target} - {""}:
                graph.add_edges_from(((k, end) for k in behind[driver]), flow=False)
    for flow in found:
        if flow.source and flow.target and not flow.within:
            graph.add_edge(flow.source, flow.target, flow=True)
    for a, b in graph.edges:
        back = nx.single_source_shortest_path_length(graph, b, cutoff=LONGEST_LOOP - 1)
        graph.edges[a, b]["loop"] = a in back
    return graph


def _laid_out(
    blocks: dict[str, list[str]], width: float
) -> tuple[dict[str, Spot], dict[str, tuple[float, float, float, float]], float]:
    """Centres of the stocks, frames of the blocks (x, y, width, height) and the height of all, in cm."""
    step = (BOX + 1.6, HIGH + GAP)
    columns = max(1, int((width - 0.4) / step[0]))
    spots: dict[str, Spot] = {}
    frames: dict[str, tuple[float, float, float, float]] = {}
    left, top, deepest = 0, 0.0, 0.0
    for name, stocks in blocks.items():
        wide = min(columns, max(1, round(len(stocks) ** 0.5 * 0.8)))
        if left + wide > columns:
            left, top, deepest = 0, top + deepest, 0.0
        rows = -(-len(stocks) // wide)
        tall = rows * step[1] + 0.9
        for i, k in enumerate(stocks):
            x = (left + i % wide + 0.5) * step[0] + 0.2
            shift = 0.0 if i % wide % 2 == 0 else 0.2  # so that arrows of a row do not cover one another
            spots[k] = (x, -top - 0.9 - (i // wide + 0.5) * step[1] + 0.1 - shift)
        frames[name] = (left * step[0] + 0.3, -top - tall, wide * step[0] - 0.2, tall - 0.1)
        left, deepest = left + wide, max(deepest, tall + 0.2)
    return spots, frames, top + deepest


def _sheet(width: float, height: float) -> tuple[Figure, Axes]:
    fig = Figure(figsize=(width * CM, height * CM))
    fig.set_layout_engine("none")
    ax = fig.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    return fig, ax


def _box(ax: Axes, x: float, y: float, label: str, size: float, own: bool = False) -> FancyBboxPatch:
    props: dict[str, Any] = {"boxstyle": "square,pad=0", "edgecolor": COLOURS[0] if own else INK, "zorder": 4}
    box = FancyBboxPatch((x - BOX / 2, y - HIGH / 2), BOX, HIGH, facecolor=mix(COLOURS[0], 0.1), **props)
    box.set_linewidth(1.6 if own else 0.8)
    ax.add_patch(box)
    ax.text(x, y, label, fontsize=size, color=INK, ha="center", va="center", linespacing=1.05, zorder=5)
    return box


def _arrow(
    ax: Axes, spots: Mapping[str, Spot], boxes: Mapping[str, FancyBboxPatch], ends: Ends, colour: str, line: float
) -> Spot:
    """Draw a curved arrow from box to box; return a point on it, for a label."""
    start, end = ends
    (x0, y0), (x1, y1) = spots[start], spots[end]
    props: dict[str, Any] = {"color": colour, "linewidth": line, "shrinkA": 1, "shrinkB": 1, "mutation_scale": 1}
    props |= {"patchA": boxes[start], "patchB": boxes[end], "connectionstyle": f"arc3,rad={BEND}", "zorder": 2}
    style = f"-|>,head_length={2.5 + line},head_width={1.3 + line / 2}"
    ax.add_patch(FancyArrowPatch((x0, y0), (x1, y1), arrowstyle=style, **props))
    mid = ((x0 + x1) / 2 + BEND * (y1 - y0), (y0 + y1) / 2 - BEND * (x1 - x0))
    along = [(1 - LABEL) ** 2, 2 * LABEL * (1 - LABEL), LABEL**2]
    x, y = (
        sum(w * v for w, v in zip(along, three, strict=True)) for three in zip((x0, y0), mid, (x1, y1), strict=True)
    )
    return x, y
