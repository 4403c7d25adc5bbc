"""Text from files made safe to show: on a terminal, in a table for spreadsheets, in a page."""

from __future__ import annotations

import html
import unicodedata

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def printable(text: str) -> str:
    r"""The text with control and formatting characters written out, so that it cannot steer a terminal.

    Line breaks stay; escape sequences, other control characters, marks that turn the direction of writing and lone
    surrogates become ``\x1b``, ``\u202e`` and the like.

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
    r"""`printable` text with line breaks written out too.

    Examples
    --------
    >>> print(one_line("two\nlines"))
    two\nlines
    """
    return printable(text).replace("\n", "\\n")


def shorten(text: str, width: int = 80) -> str:
    """The text on one line, cut at `width` characters.

    Examples
    --------
    >>> shorten("a" * 100, 10)
    'aaaaaaa...'
    """
    return one_line(text if len(text) <= width else text[: max(width - 3, 0)] + "...")


def escaped_csv(name: str) -> str:
    """A name for a cell of a table: an apostrophe in front of what a spreadsheet would take for a formula.

    Examples
    --------
    >>> escaped_csv("=1+1"), escaped_csv("trust")
    ("'=1+1", 'trust')
    """
    return f"'{name}" if name.startswith(_FORMULA) else name


def unescaped_csv(name: str) -> str:
    """The name that `escaped_csv` was given.

    Examples
    --------
    >>> unescaped_csv("'=1+1")
    '=1+1'
    """
    return name[1:] if name.startswith("'") and name[1:].startswith(_FORMULA) else name


def escaped_html(text: str) -> str:
    """Text for a page: `printable`, with the characters escaped that HTML would read as markup.

    Examples
    --------
    >>> escaped_html("<b>")
    '&lt;b&gt;'
    """
    return html.escape(printable(text))
