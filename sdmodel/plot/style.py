"""Style shared by all figures: palette, line styles, fonts, sizes.

Colours are those of Okabe and Ito [1]_, recommended by Wong [2]_, without yellow, which is too light for a
line on white paper. The first four differ in lightness by at least 10 (CIE L*), so that they stay apart in
grey; dash and marker tell all twelve line styles apart without any colour.

References
----------
.. [1] Okabe, M. and Ito, K. (2008). Color Universal Design: how to make figures and presentations that are
       friendly to colorblind people. https://jfly.uni-koeln.de/color/
.. [2] Wong, B. (2011). Points of view: Color blindness. Nature Methods 8, 441.
       https://doi.org/10.1038/nmeth.1618
"""

from __future__ import annotations

import re
import textwrap
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from itertools import pairwise
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager
from matplotlib.text import Text
from matplotlib.ticker import Formatter

COLOURS = ("#0072B2", "#E69F00", "#000000", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
DASHES: tuple[Any, ...] = (
    "-",
    (0, (5, 1.6)),
    (0, (1.2, 1.2)),
    (0, (7, 1.6, 1.2, 1.6)),
    (0, (3, 1.2, 1, 1.2, 1, 1.2)),
)
MARKERS = ("o", "s", "^", "D", "v", "X", "P")
INK, GREY, PALE = "#222222", "#6E6E6E", "#E4E4E4"
BODY, SMALL = 8.0, 7.0
"""Font sizes in points."""
CM = 1 / 2.54
MOST_LINES = 12
"""Largest number of lines in a panel that can be distinguished."""

CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Source Han Sans CN",
    "WenQuanYi Micro Hei",
    "WenQuanYi Zen Hei",
    "SimHei",
    "Microsoft YaHei",
    "PingFang SC",
    "PingFang HK",
    "Hiragino Sans GB",
    "Heiti TC",
    "Droid Sans Fallback",
    "Arial Unicode MS",
)
_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")

_UNIT = re.compile(r"(?<=\d) (?=%|percentage points|million|billion|yuan|years?\b|firms\b|[万亿])")
"""The space between a number and its unit."""
_MARKS = "\u3001\u3002\uff0c\uff1b\uff1a\uff01\uff1f\uff09"
_PARTS = re.compile(f" |[^ {_CJK.pattern[1:-1]}]+(?:(?<=\u00a0)[\u4e07\u4ebf]\u5143?)?|{_CJK.pattern}[{_MARKS}]*")
"""Pieces of Chinese text that stay whole: a letter with the marks after it, a number or word of others."""


drawing_lock = threading.RLock()
"""Held while a figure is drawn or written: settings of matplotlib and filters of warnings are of the whole process."""


class MissingFontWarning(UserWarning):
    """A figure has Chinese, Japanese or Korean text and no installed font can show it."""


class Style(NamedTuple):
    """Style of one line: colour, dash pattern, marker."""

    colour: str
    dash: Any
    marker: str


def styles(n: int) -> list[Style]:
    """List the first `n` line styles; no two share both dash and marker."""
    return [Style(COLOURS[i % 7], DASHES[i % 5], MARKERS[i % 7]) for i in range(n)]


def lightness(colour: str) -> float:
    """Compute the CIE L* lightness of a colour, as seen in a greyscale print: 0 is black, 100 is white."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    y = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return 116 * y ** (1 / 3) - 16 if y > 216 / 24389 else y * 24389 / 27


def mix(colour: str, share: float, other: str = "#FFFFFF") -> str:
    """Blend `share` of a colour with another for the rest."""
    red, green, blue = (share * a + (1 - share) * b for a, b in zip(to_rgb(colour), to_rgb(other), strict=True))
    return to_hex((red, green, blue))


def text_colour(colour: str) -> str:
    """Darken a colour until small text in it is readable on white (L* of 50, about 4.5 to 1)."""
    while lightness(colour) > 50:
        colour = mix(colour, 0.9, "#000000")
    return colour


def unit_text(unit: str) -> str:
    """Format a unit for an axis; `Dmnl` is written as a word."""
    return {"": "no unit stated", "dmnl": "dimensionless"}.get(unit.strip().lower(), unit)


def needs_cjk(text: str) -> bool:
    """Whether a text has Chinese, Japanese or Korean characters."""
    return _CJK.search(text) is not None


def wrapped(text: str, cm: float, size: float = BODY) -> str:
    """Break text into lines of about `cm` in a font of `size` points, never inside a number or before its unit.

    Chinese letters are as wide as high, and lines may break between any two of them.
    """
    room = cm * CM * 72 / size
    text = _UNIT.sub("\u00a0", text)
    if not needs_cjk(text):
        return "\n".join(textwrap.wrap(text, max(6, int(room / 0.6))))
    lines, left = [""], room
    for part in _PARTS.findall(" ".join(text.split(" "))):
        wide = len(part) * (1.0 if needs_cjk(part) else 0.6)
        if wide > left and lines[-1]:
            lines, left = [*lines, ""], room
        lines[-1] += part if lines[-1] else part.lstrip(" ")
        left -= wide
    return "\n".join(line.rstrip(" ") for line in lines)


class Numbers(Formatter):
    """Tick formatter: no offset, decimals as the ticks need, separated thousands, a typographic minus sign."""

    def __init__(self, thousands: str = ",") -> None:
        self.thousands = thousands

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Format a single number, as matplotlib's cursor display requests."""
        return self.format_ticks([x])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Format all ticks of an axis with the same number of decimals."""
        ticks = [float(value) for value in values]
        step = min((b - a for a, b in pairwise(sorted(ticks)) if b > a), default=1.0)
        digits = next((d for d in range(7) if all(abs(t - round(t, d)) < step / 1000 for t in ticks)), None)
        texts = [f"{t:.6g}" if digits is None else f"{round(t, digits) + 0.0:,.{digits}f}" for t in ticks]
        return [text.replace("-", "−").replace(",", self.thousands) for text in texts]


@cache
def _installed() -> frozenset[str]:
    """Names of the installed fonts; where none is for CJK, also those added since matplotlib made its list."""
    if not any(font.name in CJK_FONTS for font in fontManager.ttflist):
        listed = {font.fname for font in fontManager.ttflist}
        for path in findSystemFonts():
            if path not in listed:
                with suppress(RuntimeError, OSError):  # not a font that matplotlib reads
                    fontManager.addfont(path)
    return frozenset(font.name for font in fontManager.ttflist)


def fonts(installed: set[str] | None = None) -> list[str]:
    """List font families in order of preference: the one that comes with matplotlib, then those for CJK."""
    have = _installed() if installed is None else installed
    return ["DejaVu Sans", *(name for name in CJK_FONTS if name in have)]


def texts_of(fig: Figure) -> list[Text]:
    """All texts of a figure."""
    return [artist for artist in fig.findobj(Text) if isinstance(artist, Text)]


@contextmanager
def drawing() -> Iterator[None]:
    """Apply the library's rcParams while a figure is drawn; texts keep the font list in force when they are created."""
    settings: dict[Any, Any] = {
        "font.family": fonts(),
        "font.size": BODY,
        "axes.titlesize": BODY,
        "axes.labelsize": BODY,
        "legend.fontsize": SMALL,
        "legend.title_fontsize": SMALL,
        "legend.frameon": False,
        "text.color": INK,
        "axes.labelcolor": INK,
        "hatch.linewidth": 0.5,
        "svg.fonttype": "none",
    }
    with drawing_lock, mpl.rc_context(settings), ExitStack() as stack:
        if len(settings["font.family"]) == 1:
            # One MissingFontWarning that says what to install replaces a warning for each glyph.
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="Glyph .* missing from", category=UserWarning)
        yield
