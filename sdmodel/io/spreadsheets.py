"""Cells of the files that GET XLS/DIRECT functions name; nothing outside the model's folder is read."""

from __future__ import annotations

import re
from pathlib import Path

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.text import shorten
from sdmodel.io.files import not_found, read_bytes
from sdmodel.io.tables import SUFFIXES, Sheet, read_sheet
from sdmodel.io.workbooks import named_range
from sdmodel.io.xlsx import CellRange

_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([1-9]\d{0,6})")


def column_number(letters: str) -> int:
    """Position of a column from 0: A is 0, AA is 26."""
    number = 0
    for letter in letters.upper():
        number = number * 26 + ord(letter) - ord("A") + 1
    return number - 1


def cell_place(text: str) -> tuple[int, int] | None:
    """Row and column, from 0, of a cell such as `B12`; None if the text is the name of a block of cells."""
    found = _CELL.fullmatch(text.strip())
    return (int(found.group(2)) - 1, column_number(found.group(1))) if found else None


def inside(folder: Path, file: str) -> Path:
    """The path of a file that a model names, which must lie in the model's folder.

    Vensim writes `?tag` for a file that the model's settings name. A tag without such a setting is refused unless it is
    itself a file name, which Vensim then uses.

    Raises
    ------
    UnsupportedError
        If the file lies elsewhere or is of another kind.
    ReadError
        If there is no such file.
    """
    if file.startswith("?"):
        if Path(file).suffix.lower() not in SUFFIXES:
            raise ReadError(
                f"'{shorten(file)}' is a tag, but the model's settings name no file for it. Add a line "
                f"'30:{shorten(file)}=FILE' to the settings (Model > Settings > XLS Files), or write the file's name."
            )
        file = file[1:]
    home = folder.resolve()
    try:
        path = (home / file.replace("\\", "/")).resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise ReadError(f"'{shorten(file)}' is not a file name.") from error
    if path != home and home not in path.parents:
        raise UnsupportedError(f"'{shorten(file)}' lies outside the folder of the model. Copy it into that folder.")
    if path.suffix.lower() not in SUFFIXES:
        raise UnsupportedError(f"'{shorten(file)}' is of a kind that cannot be read; {', '.join(SUFFIXES)} can.")
    return path


class Sheets:
    """The tables of the files of one model, each read once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._sheets: dict[tuple[Path, str], Sheet] = {}

    def sheet(self, file: str, tab: str, where: str) -> Sheet:
        """All cells of a sheet; for text files `tab` is the separator.

        Raises
        ------
        ReadError
            If it cannot be read; the message begins with `where`.
        """
        try:
            path = inside(self.folder, file)
            mark = (path, tab.lower())
            if mark not in self._sheets:
                self._sheets[mark] = read_sheet(path, tab)
            return self._sheets[mark]
        except ReadError as error:
            raise type(error)(f"{where}: {error}") from error

    def named(self, file: str, tab: str, name: str, where: str) -> CellRange:
        """The block of cells that a defined name of the workbook refers to."""
        try:
            path = inside(self.folder, file)
            return named_range(read_bytes(path), path.name, tab, name)
        except FileNotFoundError:
            near = not_found(self.folder / file, SUFFIXES, "file beside the model")
            raise ReadError(f"{where}: {near}") from None
        except ReadError as error:
            raise type(error)(f"{where}: {error}") from error
