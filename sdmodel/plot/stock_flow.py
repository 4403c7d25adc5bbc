"""Stock-and-flow diagram of a model, drawn from its equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from matplotlib.axes import Axes

from sdmodel.core.arguments import kind
from sdmodel.core.errors import DesignError
from sdmodel.core.expression import key
from sdmodel.core.structure import Variable
from sdmodel.model import Model
from sdmodel.plot import diagram_shapes as pipes
from sdmodel.plot.figure import Drawing, Figure, documented, finish
from sdmodel.plot.flows import Flow, flows, stocks_behind
from sdmodel.plot.style import BODY, CM, GREY, INK, SMALL, drawing, wrapped

MOST_STOCKS = 40
MOST_DRIVERS, MOST_BEHIND = 5, 6
BOX, SIDE = 2.5, 2.75
"""Width in cm of the box of a stock, and of the room for its flows on either side."""
CELL = BOX + 2 * SIDE
LINE = 0.3
"""Height in cm of a line of small text."""
CAPTION = (
    "Box: a stock and its number. Pipe with a valve: a flow, positive along its head; with two heads it runs either "
    "way, as a loop between elements of the stock. Cloud: outside the model. Dashed number: the stock of that number. "
    "Below a valve: what sets the flow; ‹ › is a stock, [ ] holds the numbers of the stocks behind an auxiliary, ( ) "
    "the sector that delivers an input. Thin arrow from a box: the stock sets its own flow. Constants are left out "
    "where something else moves the flow."
)


@dataclass(slots=True)
class _Row:
    """One flow at one side of a stock, with its texts broken into lines; heights in cm."""

    flow: Flow
    other: str
    name: str
    drivers: str

    @property
    def above(self) -> float:
        """Height from the upper edge of the row to the axis of the pipe."""
        return LINE * _lines(self.name) + 0.35 + (0.2 if self.flow.within else 0.0)

    @property
    def height(self) -> float:
        """Height of the row."""
        return self.above + (0.2 if self.flow.within else 0.0) + 0.6 + LINE * _lines(self.drivers) + 0.2


@dataclass(slots=True)
class _Cell:
    """A stock with its flows; `down` are those between it and the stock below it in the same chain."""

    stock: Variable
    label: str
    left: list[_Row] = field(default_factory=list)
    right: list[_Row] = field(default_factory=list)
    down: list[_Row] = field(default_factory=list)

    @property
    def box(self) -> float:
        """Least height of the box: its number and its name."""
        return LINE * 1.15 * _lines(self.label) + 0.75

    @property
    def height(self) -> float:
        """Height of box and flows."""
        return max(self.box, *(sum(row.height for row in rows) for rows in (self.left, self.right)))

    @property
    def gap(self) -> float:
        """Height below: where a pipe runs to the next stock its texts stand there."""
        texts = [LINE * (_lines(row.name) + _lines(row.drivers)) + 0.5 for row in self.down]
        return max([1.2, *texts]) if self.down else 0.45


@documented
def structure(model: Model, *, stocks: Sequence[str] | None = None, width: float = 16.0) -> Drawing:
    """Draw the stocks and flows of a model, and the variables that each flow depends on.

    A term of a stock's equation that is a single auxiliary is a flow of that name; where the same auxiliary drains
    another stock the pipe joins the two. All other terms are combined into one inflow and one outflow without a name.
    Not every auxiliary is drawn: below each valve stand those that the flow reads, each with the numbers of the stocks
    on which it depends. Feedback is followed by these numbers, as by shadow variables in Vensim, and not by arrows
    across the sheet. A subscripted stock is one box. What SMOOTH and DELAY functions hold is not drawn.

    Parameters
    ----------
    model
        The model; its equations are all that is used, so it need not come with a drawing.
    stocks
        Names of the stocks to draw, 40 at most; all of them if None. A flow to a stock left out ends in a cloud.
    width
        Width of the figure in cm; each 8 cm hold one column of stocks. The height follows from the model.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one, in cm.

    Raises
    ------
    UnknownNameError
        If the model has no variable of a name in `stocks`.
    DesignError
        If there is no stock to draw or more than 40, a name in `stocks` is of something else, or the width is less
        than 8 cm.

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.plot import structure
    >>> fig, axes = structure(sdmodel.load("network"), stocks=["trust", "institutions", "shared values"])
    >>> "shared values" in [text.get_text() for text in axes[0].texts]
    True
    """
    kind("model", model, types=(Model,), need="a model")
    chosen = _chosen(model, stocks)
    if width < CELL:
        raise DesignError(f"A diagram cannot be {width:g} cm wide; one column of stocks takes {CELL:g}.")
    chains = _chains(model, chosen)
    columns = _columns(chains, min(int(width / CELL), len(chains)))
    tall = max(sum(map(_height, column)) for column in columns)
    with drawing():
        caption = wrapped(CAPTION, width - 0.3, SMALL)
        foot = LINE * _lines(caption) + 0.3
        fig = Figure(figsize=(width * CM, (tall + foot + 0.3) * CM))
        fig.set_layout_engine("none")
        ax = fig.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(-tall - foot - 0.2, 0.1))
        ax.set_axis_off()
        numbers = {k: i + 1 for i, k in enumerate(chosen)}
        step = width / len(columns)
        for place, column in enumerate(columns):
            top = 0.0
            for chain in column:
                for cell in chain:
                    _draw(ax, cell, step * (place + 0.5), top, numbers)
                    top -= cell.height + cell.gap
        ax.text(0.15, -tall - 0.15, caption, fontsize=SMALL, color=GREY, va="top", linespacing=1.25)
        return finish(fig, [ax])


def _chosen(model: Model, stocks: Sequence[str] | None) -> list[str]:
    """Keys of the stocks to draw, in file order."""
    requested = None if stocks is None else [model[name] for name in stocks]
    for variable in requested or ():
        if variable.kind != "stock":
            raise DesignError(f"'{variable.name}' is {pipes.article(variable.kind)}, not a stock.")
    keys = None if requested is None else {variable.key for variable in requested}
    found = [k for k, v in model.equations.items() if v.kind == "stock" and (keys is None or k in keys)]
    if not found:
        raise DesignError(f"{model.name} has no stock to draw.")
    if len(found) > MOST_STOCKS:
        raise DesignError(
            f"{model.name} has {len(found)} stocks, and a diagram holds {MOST_STOCKS}. Draw its sectors, or name "
            f"some with stocks=[...]; plot.sectors draws the whole model."
        )
    return found


def _chains(model: Model, chosen: list[str]) -> list[list[_Cell]]:
    """Stocks in chains along the flows between them, each with its flows left (in), right (out) and down (on)."""
    every = [_seen(flow, chosen) for flow in flows(model) if flow.source in chosen or flow.target in chosen]
    numbers = {k: i + 1 for i, k in enumerate(chosen)}
    cells = {k: _Cell(model[k], wrapped(model[k].name + _subscripts(model, model[k]), BOX - 0.1)) for k in chosen}
    chains: list[list[_Cell]] = []
    below: dict[str, str] = {}
    filled = {flow.target for flow in every if flow.source and not flow.within}
    left = [k for k in chosen if k not in filled] + [k for k in chosen if k in filled]
    while left:
        at = left.pop(0)
        chain = [at]
        while nexts := [f.target for f in every if f.source == at and f.target in left]:
            below[at] = at = nexts[0]
            left.remove(at)
            chain.append(at)
        chains.append([cells[k] for k in chain])
    for flow in every:
        upper = next((k for k, other in ((flow.source, flow.target), (flow.target, flow.source))
                      if k and below.get(k) == other and len(cells[k].down) < 2), None)  # fmt: skip
        drivers = "; ".join(_drivers(model, flow, numbers))
        if upper is not None:
            cells[upper].down.append(_row(flow, "", drivers, BOX / 2 + SIDE - 0.7))
            continue
        if flow.target:
            side = cells[flow.target].right if flow.within else cells[flow.target].left
            side.append(_row(flow, "" if flow.within else flow.source, drivers, SIDE - 0.15))
        if flow.source and not flow.within:  # a pipe drawn at both its ends lists its drivers at one of them only
            cells[flow.source].right.append(_row(flow, flow.target, "" if flow.target else drivers, SIDE - 0.15))
    first = {chain[0].stock.key: chain for chain in chains}
    return [first[k] for k in chosen if k in first]


def _seen(flow: Flow, chosen: list[str]) -> Flow:
    """The flow with every stock that is not drawn replaced by a cloud."""
    source, target = (k if k in chosen else "" for k in (flow.source, flow.target))
    return Flow(flow.name, source, target, flow.net, flow.drivers)


def _drivers(model: Model, flow: Flow, numbers: dict[str, int]) -> list[str]:
    """Variables that a flow reads, one text each, without the stocks at its ends, which an arrow joins to it."""
    names = [k for k in flow.drivers if k not in (flow.source, flow.target)]
    out = []
    for k in names[: MOST_DRIVERS if len(names) > MOST_DRIVERS + 1 else None]:
        variable = model.equations[k]
        behind = [] if variable.kind == "stock" else sorted(numbers[s] for s in stocks_behind(model, k) if s in numbers)
        text = f"‹{variable.name}›" if variable.kind == "stock" else variable.name
        text += f" ({variable.origin})" if variable.role == "input" else ""
        entries = f"{len(behind)}\xa0stocks" if len(behind) > MOST_BEHIND else _spans(behind)
        out.append(text + (f" [{entries}]" if entries else ""))
    if len(names) > len(out):
        out.append(f"and {len(names) - len(out)} more")
    return out


def _spans(numbers: list[int]) -> str:
    """Ranges of numbers in short form, with no line break inside: 1, 2, 3, 7 is '1–3 7'."""
    runs: list[list[int]] = []
    for n in numbers:
        if runs and n == runs[-1][-1] + 1:
            runs[-1].append(n)
        else:
            runs.append([n])
    texts = [f"{run[0]}–{run[-1]}" if len(run) > 2 else "\xa0".join(map(str, run)) for run in runs]
    return "\xa0".join(texts)


def _subscripts(model: Model, variable: Variable) -> str:
    """The ranges of a subscripted variable, such as ' [quality, age]'."""
    names = []
    for place in zip(*(c.subs for c in variable.components), strict=False):
        spans = [model.ranges[key(sub)] for sub in place if key(sub) in model.ranges]
        whole = {e for span in spans for e in span.elements} | {s for s in place if key(s) not in model.ranges}
        fits = [r for r in (*spans, *model.ranges.values()) if whole <= set(r.elements)]
        names.append(min(fits, key=lambda r: len(r.elements)).name if fits else place[0])
    return f" [{', '.join(names)}]" if names else ""


def _row(flow: Flow, other: str, drivers: str, room: float) -> _Row:
    return _Row(flow, other, wrapped(flow.name, room, SMALL), wrapped(drivers, room, SMALL))


def _lines(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _height(chain: list[_Cell]) -> float:
    return sum(cell.height + cell.gap for cell in chain)


def _columns(chains: list[list[_Cell]], n: int) -> list[list[list[_Cell]]]:
    """Distribute chains over at most `n` columns, in order, so that the tallest column is as short as possible."""
    limit = max([sum(map(_height, chains)) / n, *map(_height, chains)])
    while True:
        columns: list[list[list[_Cell]]] = [[]]
        for chain in chains:
            if columns[-1] and sum(map(_height, (*columns[-1], chain))) > limit:
                columns.append([])
            columns[-1].append(chain)
        if len(columns) <= n:
            return columns
        limit *= 1.02


def _draw(ax: Axes, cell: _Cell, x: float, top: float, numbers: dict[str, int]) -> None:
    """Draw a stock, its flows on either side and the pipes down to the next stock."""
    ends = []
    for side, rows in ((-1, cell.left), (1, cell.right)):
        y = top
        for row in rows:
            _pipe(ax, cell, row, x, y - row.above, side, numbers)
            ends.append(y - row.above - (0.65 if row.flow.within else 0.4))
            y -= row.height
    bottom = top - cell.height if cell.down else min([top - cell.box, *ends])
    pipes.box(ax, x - BOX / 2, bottom, BOX, top - bottom)
    ax.text(x - BOX / 2 + 0.1, top - 0.08, str(numbers[cell.stock.key]), fontsize=SMALL, color=GREY, va="top", zorder=5)
    middle = (top + bottom) / 2 - 0.1
    ax.text(x, middle, cell.label, fontsize=BODY, color=INK, ha="center", va="center", linespacing=1.15, zorder=5)
    for place, row in enumerate(cell.down):
        side = 1 if place == 0 else -1
        at = x + (0.0 if len(cell.down) == 1 else side * 0.45)
        low, high = (bottom, bottom - cell.gap) if row.flow.source == cell.stock.key else (bottom - cell.gap, bottom)
        pipes.pipe(ax, [(at, low), (at, high)], both=row.flow.net)
        mid = bottom - cell.gap / 2
        pipes.valve(ax, at, mid, upright=True)
        names = _lines(row.name)
        start = mid + LINE * (names + _lines(row.drivers)) / 2
        align = "left" if side == 1 else "right"
        pipes.words(ax, at + side * 0.35, start, row.name, INK, align)
        pipes.words(ax, at + side * 0.35, start - LINE * names, row.drivers, GREY, align)


def _pipe(ax: Axes, cell: _Cell, row: _Row, x: float, y: float, side: int, numbers: dict[str, int]) -> None:
    """Draw one flow beside its stock: pipe, valve, far end, name above, drivers below, arrow from the stock."""
    flow, edge = row.flow, x + side * BOX / 2
    valve, end = edge + side * SIDE * 0.5, edge + side * (SIDE - 0.65)
    below = y - 0.14
    if flow.within:
        pipes.pipe(ax, [(edge, y + 0.2), (valve, y + 0.2), (valve, y - 0.2), (edge, y - 0.2)])
        pipes.valve(ax, valve, y, upright=True)
        below = y - 0.34
    else:
        pipes.pipe(ax, [(end, y), (edge, y)] if side < 0 else [(edge, y), (end, y)], both=flow.net)
        pipes.valve(ax, valve, y)
        if row.other:
            pipes.ghost(ax, end + side * 0.22, y, str(numbers[row.other]))
        else:
            pipes.cloud(ax, end + side * 0.29, y)
    pipes.words(ax, valve, y + (0.44 if flow.within else 0.24), row.name, INK, va="bottom")
    pipes.words(ax, valve, below - 0.38, row.drivers, GREY)
    if row.drivers:
        pipes.thin(ax, (valve, below - 0.34), (valve, below))
    if cell.stock.key in flow.drivers and not flow.within:
        pipes.thin(ax, (edge, y - 0.25), (valve - side * 0.1, below), bend=side * 0.25)
