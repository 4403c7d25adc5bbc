"""Vensim's text format for data (`.dat`): each series is a name, followed by lines of a time and a value.

The format is described at https://www.vensim.com/documentation/datformat.html.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.text import shorten
from sdmodel.io.files import decode, read_bytes
from sdmodel.io.tables import is_number, number

Points = tuple[list[float], list[float]]

_NAME = re.compile(r'("(?:[^"\\]|\\.)*"|[^"/<\[]+)(\[[^\]]*\])?\s*(<[^>]*>)?\s*(?:/.*)?')


def read_dat(path: Path) -> dict[str, Points]:
    """Times and values of each series, by its name as written; a repeated name continues its series.

    Text after a time and a value, and after a slash on the line of a name, is a comment.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ReadError
        If a line is neither a name nor a time with a value, or comes before the first name.
    UnsupportedError
        If a series has a time base of its own.
    """
    out: dict[str, Points] = {}
    series: Points | None = None
    for at, line in enumerate(decode(read_bytes(path), path.name).splitlines(), 1):
        where = f"{path.name}, row {at}"
        words = line.split()
        if not words:
            continue
        if is_number(words[0]):
            if series is None:
                raise ReadError(f"{where}: numbers before the first name of a series.")
            if len(words) < 2:
                raise ReadError(f"{where}: a time without a value.")
            if len(words) > 2 and is_number(words[2]):  # 1 000, where a comment may stand
                raise ReadError(f"{where}: '{shorten(line.strip(), 40)}' has more than a time and a value.")
            series[0].append(number(words[0], where))
            series[1].append(math.nan if words[1].upper() == ":NA:" else number(words[1], where))
            continue
        found = _NAME.fullmatch(line.strip())
        if found is None or re.match(r"[-+.\d]", words[0]):
            raise ReadError(f"{where}: '{shorten(line.strip(), 40)}' is neither a name nor a time and a value.")
        if found.group(3):
            raise UnsupportedError(f"{where}: the series has a time base of its own, {shorten(found.group(3), 40)}.")
        series = out.setdefault(found.group(1).strip() + (found.group(2) or ""), ([], []))
    if not out:
        raise ReadError(f"{path.name} holds no series.")
    return out
