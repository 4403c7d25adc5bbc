"""Cells of `.xlsx` and `.xlsm` workbooks, read from their XML.

openpyxl writes such files, but when it reads one it warns of charts, styles and validations that it drops, and warnings
can be silenced for the whole process only, not for one thread.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

CellRange = tuple[int, int, int, int]
"""First row, last row + 1, first column, last column + 1; from 0."""

_LETTERS = re.compile(r"[A-Z]+")
_WHOLE = re.compile(r"[-+]?\d+")


class Book:
    """A workbook whose sheets are parsed when they are asked for."""

    def __init__(self, raw: bytes) -> None:
        self._packed = zipfile.ZipFile(io.BytesIO(raw))
        (place,) = (t for kind, t in self._links("").values() if kind == "officeDocument")
        self._folder = posixpath.dirname(place)
        links = self._links(place)
        self._book = self._tree(place)
        sheets = self._book.iterfind("{*}sheets/{*}sheet")
        self._places = {s.get("name"): links[next(v for k, v in s.items() if k.endswith("}id"))] for s in sheets}
        self._parts = dict(links.values())
        settings = self._book.find("{*}workbookPr")
        self._from_1904 = settings is not None and settings.get("date1904") in ("1", "true")

    @property
    def sheets(self) -> list[str]:
        """Names of the sheets."""
        return list(self._places)

    def rows(self, sheet: str) -> Iterator[tuple[int, dict[int, tuple[Any, bool]]]]:
        """Number of each row, from 0, and by column its cells: value, and whether it is a formula."""
        from lxml import etree

        kind, place = self._places[sheet]
        if kind != "worksheet":
            raise ValueError("the sheet is a chart.")
        strings, dated = self._strings(), self._dated()
        number = -1
        with self._packed.open(place) as part:
            events = etree.iterparse(
                part, tag="{*}row", resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True,
                remove_pis=True,
            )  # fmt: skip
            for _, row in events:
                before, number = number, int(row.get("r", number + 2)) - 1
                if number <= before:
                    raise ValueError(f"its row {number + 1} comes after row {before + 1}")
                cells, column = {}, -1
                for cell in row:
                    if not cell.tag.endswith("}c"):
                        continue
                    found = _LETTERS.match(cell.get("r", ""))
                    column = column_number(found[0]) if found else column + 1
                    parts = {part.tag.rpartition("}")[2]: part for part in cell}
                    cells[column] = self._value(cell, parts, strings, dated), "f" in parts
                yield number, cells
                row.clear()

    def block(self, name: str, sheet: str) -> CellRange | None:
        """The cells of a sheet that a defined name stands for; None if there are none, or whole rows or columns."""
        for title, cells in self.names(sheet).get(name.lower(), ()):
            if title.lower() == sheet.lower():
                ends = [re.fullmatch(r"\$?([A-Z]+)\$?(\d+)", end) for end in cells.upper().split(":")]
                (a, b), (c, d) = (end.groups() if end else ("", "") for end in (ends[0], ends[-1]))
                if a and c:
                    return int(b) - 1, int(d), column_number(a), column_number(c) + 1
        return None

    def names(self, sheet: str) -> dict[str, list[tuple[str, str]]]:
        """Defined names that hold on a sheet, in lower case, with the blocks that they stand for: sheet and cells."""
        out: dict[str, list[tuple[str, str]]] = {}
        own = self.sheets.index(sheet)
        for node in self._book.iterfind("{*}definedNames/{*}definedName"):
            if node.get("localSheetId") in (None, str(own)):
                blocks = re.findall(r"(?:'((?:[^']|'')+)'|([^'!,]+))!([$A-Za-z0-9:]+)", node.text or "")
                out[node.get("name").lower()] = [(a.replace("''", "'") or b, cells) for a, b, cells in blocks]
        return out

    # -- parts --------------------------------------------------------------------------------------------------
    def _tree(self, place: str) -> Any:
        from lxml import etree

        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
        return etree.fromstring(self._packed.read(place), parser)

    def _links(self, place: str) -> dict[str, tuple[str, str]]:
        """Kind and place of the parts that a part refers to, by their id."""
        folder, name = posixpath.split(place)
        return {
            link.get("Id"): (
                link.get("Type").rpartition("/")[2],
                posixpath.normpath(posixpath.join("/", folder, link.get("Target"))).lstrip("/"),
            )
            for link in self._tree(posixpath.join(folder, "_rels", f"{name}.rels"))
            if link.get("TargetMode") != "External"
        }

    def _strings(self) -> list[str]:
        if "sharedStrings" not in self._parts:
            return []
        return [_text_of(item) for item in self._tree(self._parts["sharedStrings"]).iterchildren("{*}si")]

    def _dated(self) -> list[bool]:
        """Whether each style shows numbers as dates."""
        from openpyxl.styles.numbers import BUILTIN_FORMATS, is_date_format

        if "styles" not in self._parts:
            return []
        styles = self._tree(self._parts["styles"])
        formats = {n.get("numFmtId"): n.get("formatCode") for n in styles.iterfind("{*}numFmts/{*}numFmt")}
        used = (n.get("numFmtId", "0") for n in styles.iterfind("{*}cellXfs/{*}xf"))
        return [is_date_format(formats.get(i) or BUILTIN_FORMATS.get(int(i))) for i in used]

    def _value(self, cell: Any, parts: dict[str, Any], strings: list[str], dated: list[bool]) -> Any:
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return _text_of(parts["is"]) or None if "is" in parts else None
        text = parts["v"].text if "v" in parts else None
        if not text:
            return None
        if kind == "s":
            return strings[int(text)]
        if kind == "b":
            return bool(int(text))
        if kind in ("str", "e"):
            return text
        style = int(cell.get("s", 0))
        is_date = style < len(dated) and dated[style]
        if kind != "d" and not is_date:
            return int(text) if _WHOLE.fullmatch(text) else float(text)
        from openpyxl.utils.datetime import CALENDAR_MAC_1904, CALENDAR_WINDOWS_1900, from_excel, from_ISO8601

        if kind == "d":
            return from_ISO8601(text)
        return from_excel(float(text), CALENDAR_MAC_1904 if self._from_1904 else CALENDAR_WINDOWS_1900)


def _text_of(node: Any) -> str:
    """Text of a string: its own and that of its runs, without phonetic marks."""
    return "".join(t.text or "" for t in node.iterfind("{*}t")) + "".join(
        t.text or "" for t in node.iterfind("{*}r/{*}t")
    )


@lru_cache(maxsize=16_384)
def column_number(letters: str) -> int:
    """Number of a column, from 0.

    Examples
    --------
    >>> column_number("A"), column_number("AB")
    (0, 27)
    """
    out = 0
    for letter in letters:
        out = out * 26 + ord(letter) - 64
    return out - 1
