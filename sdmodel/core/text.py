"""Escape text from files for display on a terminal, in spreadsheets and in HTML."""

from __future__ import annotations

import html
import unicodedata

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    r"""Escape control and formatting characters, so that text cannot control a terminal.

    Line breaks are unchanged; escape sequences, other control characters, bidirectional marks and lone surrogates
    become ``\x1b``, ``\u202e`` and the like.

    Examples
    --------
    >>> print(printable("trust\x1b[2J"))
    trust\x1b[2J
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if c == "\n" or unicodedata.category(c) not in _UNSAFE else _written(c) for c in text)


_UNSAFE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


def _written(char: str) -> str:
    return char.encode("ascii", "backslashreplace").decode() if ord(char) > 127 else f"\\x{ord(char):02x}"


def one_line(text: str) -> str:
    r"""Escape as `printable`, including line breaks.

    Examples
    --------
    >>> print(one_line("two\nlines"))
    two\nlines
    """
    return printable(text).replace("\n", "\\n")


def shorten(text: str, width: int = 80) -> str:
    """Text on one line, truncated to `width` characters.

    Examples
    --------
    >>> shorten("a" * 100, 10)
    'aaaaaaa...'
    """
    return one_line(text if len(text) <= width else text[: max(width - 3, 0)] + "...")


def escaped_csv(name: str) -> str:
    """Escape a name for a CSV cell: prefix an apostrophe if a spreadsheet would read it as a formula.

    Examples
    --------
    >>> escaped_csv("=1+1"), escaped_csv("trust")
    ("'=1+1", 'trust')
    """
    return f"'{name}" if name.startswith(_FORMULA) else name


def unescaped_csv(name: str) -> str:
    """Inverse of `escaped_csv`.

    Examples
    --------
    >>> unescaped_csv("'=1+1")
    '=1+1'
    """
    return name[1:] if name.startswith("'") and name[1:].startswith(_FORMULA) else name


def escaped_html(text: str) -> str:
    """Escape text for HTML: as `printable`, and with markup characters escaped.

    Examples
    --------
    >>> escaped_html("<b>")
    '&lt;b&gt;'
    """
    return html.escape(printable(text))
