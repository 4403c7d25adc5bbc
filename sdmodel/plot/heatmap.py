"""Heat maps: one number for each pair of values of two settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm, Normalize, to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot.figure import Drawing, documented, dress, finish, panels, stretch
from sdmodel.plot.style import BODY, CM, GREY, Numbers, drawing, lightness, unit_text, wrapped

if TYPE_CHECKING:
    from matplotlib.image import AxesImage

SMALLEST = 5.0
"""Smallest font of a number in a cell, in points."""


@documented
def heat(
    table: pd.DataFrame,
    *,
    label: str,
    centre: float | None = None,
    reach: float | None = None,
    units: Mapping[str, str] | None = None,
    legend: bool = True,
    ax: Axes | None = None,
    width: float = 16.0,
) -> Drawing:
    """Draw a table of numbers over two settings as coloured cells with the number in each.

    Without a centre the colours are cividis [1]_, whose lightness grows evenly, also in grey and for
    colour-blind readers. With a centre they run from purple (below) over white to orange (above), evenly on
    both sides; as both ends are dark in grey, a black line separates the cells below from the others.

    Parameters
    ----------
    table
        Index and columns are the values of two settings and carry their names; a missing number is a hatched
        cell.
    label
        What the numbers are, with their unit; the label of the colour bar.
    centre
        The value that matters, such as 0 for a difference; None for a share or a level.
    reach
        Distance from the centre at which the colours end, such as 100 for percentage points, so that small
        numbers stay pale; None: that of the number farthest from the centre.
    units
        Unit of the index and of the columns, by name.
    legend
        False leaves out the colour bar and with it the label, for a sheet that says elsewhere what the numbers
        are.

    Returns
    -------
    Drawing
        `(fig, axes)`; panels: one, for the cells; a numeric index grows upwards.

    Raises
    ------
    DesignError
        If the table is empty, not numeric, or does not name its settings; if `reach` is not positive or comes
        without a centre.
    UnknownNameError
        If `units` names something that is neither the index nor the columns.

    References
    ----------
    .. [1] Nuñez, J. R., Anderton, C. R. and Renslow, R. S. (2018). Optimizing colormaps with consideration
           for color vision deficiency to enable accurate interpretation of scientific data. PLoS ONE 13(7),
           e0199239. https://doi.org/10.1371/journal.pone.0199239

    Examples
    --------
    >>> import pandas as pd
    >>> from sdmodel.plot import heat
    >>> table = pd.DataFrame([[0.2, 0.4], [0.5, 0.9]], index=[2018, 2022], columns=[1, 5])
    >>> table = table.rename_axis(index="exit start", columns="exit duration")
    >>> fig, axes = heat(table, label="share of runs", units={"exit start": "Year", "exit duration": "Year"})
    >>> axes[0].get_xlabel()
    'exit duration (Year)'
    """
    values = _checked(table, units or {})
    rows, columns = values.shape
    upwards = pd.api.types.is_numeric_dtype(table.index)
    finite = values[np.isfinite(values)]
    if reach is not None and (centre is None or not reach > 0):
        raise DesignError(f"The reach of the colours is {reach:g}; give a positive number, and a centre with it.")
    norm: Normalize
    if centre is None:
        norm = Normalize(finite.min(), finite.max() if finite.max() > finite.min() else finite.min() + 1)
    else:
        norm = CenteredNorm(centre, reach or float(np.abs(finite - centre).max()) or 1.0)
    with drawing():
        cell = min(1.1, max(0.42, (width - 4) / columns * 0.6))
        fig, axes, own = panels(ax, 1, 1, width, 3.5 + rows * cell)
        panel = axes[0]
        colours = mpl.colormaps["cividis" if centre is None else "PuOr_r"].with_extremes(bad="#FFFFFF")
        image = panel.imshow(
            np.ma.masked_invalid(values),
            cmap=colours,
            norm=norm,
            aspect="auto",
            interpolation="nearest",
            origin="lower" if upwards else "upper",
        )
        panel.grid(visible=False)
        panel.spines[:].set_visible(False)
        panel.tick_params(length=0)
        panel.set_xticks(range(columns), [_tick(value) for value in table.columns])
        panel.set_yticks(range(rows), [_tick(value) for value in table.index])
        panel.set_xlabel(_axis_label(table.columns.name, units))
        panel.set_ylabel(wrapped(_axis_label(table.index.name, units), max(3.0, rows * cell)))
        for row, column in np.argwhere(~np.isfinite(values)):
            panel.add_patch(Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor="none", hatch="////", lw=0))
        if centre is not None:
            _part(panel, values < centre)
        if legend:
            high = rows * cell if own else panel.get_window_extent().height / fig.dpi / CM
            _bar(fig, image, label, high, width, centre)
        fig.draw_without_rendering()
        _thin_out(panel, columns)
        if own:
            stretch(fig, panel, 1, rows * cell)
        _write(panel, image, values, signed=centre == 0)
        return finish(fig, axes)


def _bar(fig: Figure, image: AxesImage, label: str, high: float, width: float, centre: float | None) -> None:
    """Draw the colour bar above cells that are `high` cm high in all."""
    thin: dict[str, Any] = {"fraction": min(0.2, 0.35 / high), "aspect": (width - 3.5) / 0.25, "pad": 0.03}
    bar = fig.colorbar(image, ax=image.axes, location="top", **thin)
    dress(bar.ax)
    bar.ax.grid(visible=False)
    bar.ax.xaxis.set_major_formatter(Numbers())
    bar.outline.set_visible(False)
    bar.set_label(wrapped(label, width - 3))
    if centre is not None:
        bar.ax.axvline(centre, color="#000000", linewidth=1.2)


def _checked(table: pd.DataFrame, units: Mapping[str, str]) -> np.ndarray[Any, np.dtype[np.float64]]:
    for axis, what in ((table.index, "index"), (table.columns, "columns")):
        if axis.nlevels > 1 or axis.name is None:
            raise DesignError(
                f"The {what} of the table must be one setting with its name, such as 'exit start': "
                f"table.rename_axis({what}='exit start')."
            )
    for name in units:
        if name not in (table.index.name, table.columns.name):
            raise UnknownNameError(name, [str(table.index.name), str(table.columns.name)], "setting of the table")
    wrong = [column for column in table.columns if not pd.api.types.is_numeric_dtype(table[column])]
    if wrong:
        raise DesignError(f"Column {wrong[0]!r} of the table does not hold numbers.")
    values = table.to_numpy(dtype=float)
    if not np.isfinite(values).any():
        raise DesignError(f"The table ({values.shape[0]} rows, {values.shape[1]} columns) holds no number to draw.")
    return values


def _tick(value: object) -> str:
    return f"{value:.6g}".replace("-", "−") if isinstance(value, (int, float, np.number)) else str(value)


def _axis_label(name: object, units: Mapping[str, str] | None) -> str:
    unit = (units or {}).get(str(name))
    return f"{name} ({unit_text(unit)})" if unit is not None else str(name)


def _part(ax: Axes, below: np.ndarray[Any, np.dtype[np.bool_]]) -> None:
    """Draw a black line between the cells below the centre and the others."""
    style: dict[str, Any] = {"color": "#000000", "linewidth": 1.6, "solid_capstyle": "projecting"}
    for row, column in np.argwhere(below[:, 1:] != below[:, :-1]):
        ax.plot([column + 0.5] * 2, [row - 0.5, row + 0.5], **style)
    for row, column in np.argwhere(below[1:] != below[:-1]):
        ax.plot([column - 0.5, column + 0.5], [row + 0.5] * 2, **style)


def _write(ax: Axes, image: AxesImage, values: np.ndarray[Any, Any], *, signed: bool) -> None:
    """Write the number in each cell, as large as the cells allow; a note instead where they allow none."""
    digits = _digits(values)
    shown = np.round(values, digits) + 0.0  # no minus before a zero
    texts = {
        at: f"{value:{'+' if signed and value else ''},.{digits}f}".replace("-", "−")
        for at, value in np.ndenumerate(shown)
        if np.isfinite(value)
    }
    probe = ax.text(0, 0, max(texts.values(), key=len), fontsize=BODY)
    needed, box = probe.get_window_extent(), ax.get_window_extent()
    probe.remove()
    rows, columns = values.shape
    size = BODY * min(1.0, 0.9 * box.width / columns / needed.width, 0.9 * box.height / rows / needed.height)
    if size < SMALLEST:
        note: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
        ax.annotate("cells too small for numbers", (1, 0), (0, -24), ha="right", va="top", color=GREY, **note)
        return
    fills = image.to_rgba(values, norm=True)
    for (row, column), text in texts.items():
        red, green, blue, _ = map(float, fills[row, column])
        colour = "#FFFFFF" if lightness(to_hex((red, green, blue))) < 50 else "#000000"
        ax.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _digits(values: np.ndarray[Any, Any]) -> int:
    """Number of decimals that shows two significant digits of the largest number, no more than the numbers have."""
    finite = values[np.isfinite(values)]
    largest = np.abs(finite).max()
    most = max(0, 1 - int(np.floor(np.log10(largest)))) if largest > 0 else 0
    return next((d for d in range(most) if np.allclose(finite, np.round(finite, d), rtol=0, atol=1e-12)), most)


def _thin_out(ax: Axes, columns: int) -> None:
    """Rotate column labels that are wider than their columns; of numeric labels keep every second, third, ... one."""
    labels = ax.get_xticklabels()
    room = ax.get_window_extent().width / columns
    every = int(np.ceil(1.15 * max(label.get_window_extent().width for label in labels) / room))
    if all(re.fullmatch(r"[−\d.,e+]+", label.get_text()) for label in labels):
        for i, label in enumerate(labels):
            label.set_visible(i % every == 0)
    elif every > 1:
        for label in labels:
            label.set(rotation=40, ha="right", rotation_mode="anchor")
