"""Pieces of HTML for notebooks: titled blocks, tables, small plots. Every text is escaped, and nothing is loaded.

Colours are those of the page (`currentColor`) or half transparent, so that the pieces suit light and dark themes.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.text import escaped_html

if TYPE_CHECKING:
    import pandas as pd

_STYLE = (
    "<style>.sdmodel{font-size:90%;max-width:60em;overflow-x:auto}"
    ".sdmodel table{font-size:inherit;border-collapse:collapse;margin:.3em 0}"
    ".sdmodel td,.sdmodel th{padding:.1em .8em .1em 0;vertical-align:top;text-align:left;background:none}"
    ".sdmodel th{border-bottom:1px solid rgba(128,128,128,.4)}.sdmodel td.n{text-align:right}"
    ".sdmodel details{margin-left:.8em}.sdmodel summary{margin-left:-.8em}</style>"
)
_SIZE = (120, 24)
"""Width and height of a small plot in pixels."""


class Html(str):
    """Text that is markup already; all other text is escaped."""

    __slots__ = ()


def text(value: Any) -> Html:
    """Escape a value for a page; numbers with four digits."""
    if isinstance(value, Html):
        return value
    if isinstance(value, float):
        return Html(f"{value:.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}")
    return Html(escaped_html(str(value)))


def block(title: str, *parts: str) -> str:
    """A block with a title, for `_repr_html_`."""
    return f'{_STYLE}<div class="sdmodel"><b>{text(title)}</b>{"".join(map(text, parts))}</div>'


def paragraph(value: str) -> Html:
    """A paragraph; nothing if the text is empty."""
    return Html(f"<div>{text(value)}</div>") if value else Html("")


def folded(title: str, *parts: str, unfolded: bool = False) -> Html:
    """Parts under a title that opens on a click."""
    return Html(f"<details{' open' * unfolded}><summary>{text(title)}</summary>{''.join(map(text, parts))}</details>")


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Html:
    """A table; numbers (floats) are aligned to the right."""
    head = "".join(f"<th>{text(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return Html(f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def frame(data: pd.DataFrame, most: int = 10) -> Html:
    """The first rows of a DataFrame as a table."""
    rows = [(str(name), *row) for name, row in zip(data.index, data.head(most).itertuples(index=False), strict=False)]
    more = paragraph(f"{len(data) - most:,} more rows") if len(data) > most else ""
    return Html(table([str(data.index.name or ""), *map(str, data.columns)], rows) + more)


def picture(png: bytes, width: int) -> Html:
    """A picture as part of the page."""
    return Html(f'<img width="{width}" src="data:image/png;base64,{base64.b64encode(png).decode()}" alt="">')


def _cell(value: Any) -> str:
    return f"<td{' class=n' if isinstance(value, float) else ''}>{text(value)}</td>"


def small_plot(x: np.ndarray, y: np.ndarray) -> Html:
    """A line of some values over time, without axes, as SVG; values that are not finite are left out."""
    fine = np.isfinite(y)
    if fine.sum() < 2:
        return Html("")
    x, y = x[fine], y[fine]
    wide, high = _SIZE
    if len(x) > 2 * wide:
        every = np.linspace(0, len(x) - 1, 2 * wide).astype(int)
        x, y = x[every], y[every]
    across = (x - x[0]) / max(x[-1] - x[0], np.finfo(float).tiny)
    span = float(np.ptp(y))
    up = (y - y.min()) / span if span > 0 else np.full(len(y), 0.5)
    points = " ".join(
        f"{2 + a * (wide - 4):.1f},{high - 3 - b * (high - 6):.1f}" for a, b in zip(across, up, strict=True)
    )
    return Html(
        f'<svg width="{wide}" height="{high}" viewBox="0 0 {wide} {high}" role="img">'
        f'<polyline points="{points}" fill="none" stroke="currentColor" stroke-width="1.3"/></svg>'
    )
