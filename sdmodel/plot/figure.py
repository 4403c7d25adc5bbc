"""`Drawing`, what every function of the package returns; its figure, panels and common parameters."""

from __future__ import annotations

import functools
import inspect
import re
import textwrap
import warnings
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine

from sdmodel.analysis.discovery.discover import Boxes
from sdmodel.core.arguments import refuse
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.run import Run
from sdmodel.core.structure import Structure
from sdmodel.plot.style import (
    BODY,
    CJK_FONTS,
    CM,
    GREY,
    INK,
    PALE,
    SMALL,
    MissingFontWarning,
    drawing,
    fonts,
    needs_cjk,
    texts_of,
)

if TYPE_CHECKING:
    import pandas as pd

SCREEN = 96.0
"""Pixels of an inch on a page of a browser."""
PARAMETERS = {
    "outcome": "Which outcome, if the table has several.",
    "policy_marks": (
        "Labels and their times: a single one is a thin line, `(start, stop)` a band. Times are numbers in the\n"
        "model's unit of time, or dates."
    ),
    "ax": "Axes to draw in, one a panel; a new figure if None.",
    "width": "Width of a new figure in cm (16 is a page, 8 a column).",
}
"""Parameters that several functions share; `documented` writes them into their docstrings."""
_F = TypeVar("_F", bound=Callable[..., Any])
_warned: set[str] = set()


class Figure(matplotlib.figure.Figure):
    """A figure that a notebook shows as a picture.

    Figures made without pyplot have no picture in IPython until pyplot is imported with the inline backend. Where
    that has happened IPython uses its own picture instead of this one, so a figure shows once in either case.
    """

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Picture at twice the resolution of the page, and its width there."""
        out = BytesIO()
        with drawing():
            self.savefig(out, format="png", dpi=2 * SCREEN)
        return out.getvalue(), {"width": round(self.get_figwidth() * SCREEN)}


class Drawing(NamedTuple):
    """A figure and its panels, `fig, axes = ...`. As the last line of a notebook cell it shows the figure."""

    fig: matplotlib.figure.Figure
    axes: list[Axes]

    def _repr_png_(self) -> tuple[bytes, dict[str, int]] | None:
        """Picture of a new figure; none of the caller's, which pyplot shows."""
        return self.fig._repr_png_() if isinstance(self.fig, Figure) else None


def _axes_in(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray)) and all(isinstance(one, Axes) for one in value)


def _texts_in(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


_KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "pd.DataFrame": (lambda v: hasattr(v, "columns") and hasattr(v, "to_numpy"), "a table, as the analysis gives it"),
    "xr.DataArray": (lambda v: hasattr(v, "dims") and hasattr(v, "coords"), "an array, as Outcome.of gives it"),
    "Boxes": (lambda v: isinstance(v, Boxes), "what sdmodel.discover gives"),
    "Model": (lambda v: isinstance(v, Structure), "a model"),
    "Run": (lambda v: isinstance(v, Run), "a run"),
    "Mapping[str, Run]": (
        lambda v: isinstance(v, Mapping) and bool(v) and all(isinstance(one, Run) for one in v.values()),
        "runs by label",
    ),
    "Marks": (lambda v: isinstance(v, Mapping), "a mapping of labels to times"),
    "Mapping[str, str]": (lambda v: isinstance(v, Mapping), "a mapping of names to units"),
    "Axes": (lambda v: isinstance(v, Axes), "axes of matplotlib"),
    "Sequence[Axes]": (_axes_in, "a list of axes"),
    "list[Axes]": (_axes_in, "a list of axes"),
    "Mapping[str, Axes]": (lambda v: isinstance(v, Mapping) and _axes_in(list(v.values())), "panels by name"),
    "Sequence[Sequence[str]]": (
        lambda v: isinstance(v, (list, tuple)) and all(map(_texts_in, v)),
        "rows, each a list of names",
    ),
    "Sequence[float]": (
        lambda v: isinstance(v, (list, tuple, np.ndarray)) and all(map(_is_number, v)),
        "a list of numbers",
    ),
    "str": (lambda v: isinstance(v, str), "a text"),
    "bool": (lambda v: isinstance(v, (bool, np.bool_)), "True or False"),
    "float": (_is_number, "a number"),
    "None": (lambda v: v is None, "None"),
}
"""Values of parameters by the parts of their annotation, and what to give; the functions look at others themselves."""


def checked(function: _F) -> _F:
    """Refuse arguments of a wrong kind before anything is drawn; a call that does not fit fails as Python's do."""
    signature = inspect.signature(function)

    @functools.wraps(function)
    def call(*args: Any, **given: Any) -> Any:
        try:
            named = signature.bind(*args, **given).arguments
        except TypeError:
            named = {}
        for name, value in named.items():
            parts = str(signature.parameters[name].annotation).split(" | ")
            if all(part in _KINDS for part in parts) and not any(_KINDS[part][0](value) for part in parts):
                raise refuse(name, value, " or ".join(dict.fromkeys(_KINDS[part][1] for part in parts)))
        return function(*args, **given)

    return call  # type: ignore[return-value]  # it has the same signature


def documented(function: _F) -> _F:
    """Check the arguments, and add to the docstring the parameters that several functions share."""
    text = inspect.cleandoc(function.__doc__ or "")
    added = ""
    for name in inspect.signature(function).parameters:
        if name in PARAMETERS and not re.search(rf"^{name}$", text, re.MULTILINE):
            added += f"{name}\n{textwrap.indent(PARAMETERS[name], ' ' * 4)}\n"
    if not re.search("^Returns$", text, re.MULTILINE):
        added += "\nReturns\n-------\nDrawing\n    `(fig, axes)` with one panel.\n"
    place = re.search(r"\n(?=\n(Returns|Raises|References|Examples)\n-)", text)
    at = place.end() if place else len(text)
    function.__doc__ = text[:at] + added + text[at:]
    return checked(function)


def panels(
    ax: Axes | Sequence[Axes] | None, n: int, columns: int, width: float, height: float, **share: Any
) -> tuple[matplotlib.figure.Figure, list[Axes], bool]:
    """Take the caller's `n` axes, else those of a new figure (width, height in cm); say whether it is new."""
    if width < 5:
        raise DesignError(f"A figure cannot be {width:g} cm wide; the least is 5 (a column 8, a page 16).")
    if ax is None:
        rows = -(-n // columns)
        fig: matplotlib.figure.Figure = Figure(
            figsize=(width * CM, height * CM), layout=ConstrainedLayoutEngine(wspace=0.03)
        )
        grid = list(fig.subplots(rows, columns, squeeze=False, **share).flat)
        for empty in grid[n:]:
            empty.remove()
        for above in grid[n - columns : n]:  # the panel below it may have been the empty one
            above.tick_params(labelbottom=True)
        axes = grid[:n]
    else:
        axes = [ax] if isinstance(ax, Axes) else list(ax)
        if len(axes) != n:
            raise DesignError(f"The figure needs {n} axes and {len(axes)} were given in `ax`.")
        fig = axes[0].figure.figure
    for panel in axes:
        dress(panel)
    return fig, axes, ax is None


def dress(ax: Axes) -> None:
    """Set the style on the panel itself: texts may predate `drawing`, and ticks are created after it ends."""
    for label in (ax.xaxis.label, ax.yaxis.label, ax.set_title("", loc="left")):
        label.set(fontsize=BODY, fontfamily=fonts(), color=INK)
    ax.spines[["top", "right"]].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(color=GREY, linewidth=0.7)
    ax.set_axisbelow(True)
    ax.grid(visible=True, axis="y", color=PALE, linewidth=0.6)
    ax.tick_params(labelsize=SMALL, labelfontfamily=fonts(), labelcolor=INK)
    ax.tick_params(color=GREY, length=2.5, width=0.7)


def dress_rows(ax: Axes) -> None:
    """Set the style of a panel whose rows are names: grid lines upright, no line at the left."""
    ax.grid(visible=False, axis="y")
    ax.grid(visible=True, axis="x", color=PALE, linewidth=0.6)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)


def need_columns(table: pd.DataFrame, *columns: str, what: str = "column", hint: str = "") -> None:
    """Raise UnknownNameError for the first column that a table lacks."""
    for column in columns:
        if column not in table.columns:
            raise UnknownNameError(column, map(str, table.columns), what, hint)


def numbers_in(table: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The values of a table or array; raise DesignError if some are no numbers."""
    values = np.asarray(table.to_numpy())
    try:
        if values.dtype.kind == "c":
            raise TypeError
        return values.astype(float)
    except (TypeError, ValueError):
        raise DesignError("Only numbers are drawn; the table holds something else.") from None


def stretch(fig: matplotlib.figure.Figure, panel: Axes, rows: int, height: float) -> None:
    """Change the height of a new figure until each of its rows of panels is `height` cm high."""
    fig.draw_without_rendering()
    missing = height - panel.get_window_extent().height / fig.dpi / CM
    fig.set_figheight(fig.get_figheight() + rows * missing * CM)
    fig.draw_without_rendering()


def finish(fig: matplotlib.figure.Figure, axes: list[Axes]) -> Drawing:
    """The drawing; warn, once per session, if a text of the figure needs a font that is not installed."""
    if len(fonts()) == 1 and "cjk" not in _warned:
        requested = next((text.get_text() for text in texts_of(fig) if needs_cjk(text.get_text())), None)
        if requested is not None:
            _warned.add("cjk")
            warnings.warn(
                f"No installed font has the characters of '{requested}'; they will show as boxes. Install one of: "
                f"{', '.join(CJK_FONTS)} (Debian, Ubuntu: fonts-noto-cjk; Fedora: google-noto-sans-cjk-fonts). "
                f"Then delete the font list in matplotlib.get_cachedir() and start Python again.",
                MissingFontWarning,
                stacklevel=3,
            )
    return Drawing(fig, axes)
