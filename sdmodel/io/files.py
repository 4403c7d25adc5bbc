"""Read bytes and TOML tables from untrusted files: regular files only, bounded in size, with typed errors."""

from __future__ import annotations

import re
import stat
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sdmodel.core.errors import ReadError, UnknownNameError

MAX_BYTES = 50_000_000
MAX_MODEL_BYTES = 20_000_000
MAX_TOML_BYTES = 5_000_000
MAX_KEY_PARTS = 100

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_bytes(path: Path, limit: int = MAX_BYTES) -> bytes:
    """Read a regular file.

    A pipe or a device is refused before it is opened, so that reading cannot block or run without end.

    Raises
    ------
    FileNotFoundError
        If there is no such file; the caller turns it into an error that names alternatives.
    ReadError
        If it is not a regular file, is larger than `limit` bytes, or cannot be opened.
    """
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = next((words for test, words in _KINDS if test(mode)), "something else")
            raise ReadError(f"'{path.name or path}' is {kind}, not a file.")
        with path.open("rb") as file:
            raw = file.read(limit + 1)
    except FileNotFoundError:
        raise
    except NotADirectoryError:
        raise FileNotFoundError(str(path)) from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise ReadError(f"'{path.name[:80]}' cannot be opened: {reason}.") from error
    if len(raw) > limit:
        size = path.stat().st_size
        raise ReadError(f"'{path.name}' has {size:,} bytes; a file of this kind has at most {limit:,}.")
    return raw


def decode(raw: bytes, name: str) -> str:
    """Decode UTF-8, with or without a byte order mark, or UTF-16 with one (Excel's "Unicode text").

    Raises
    ------
    ReadError
        If the bytes are in neither encoding; the message names the line.
    """
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise ReadError(f"'{name}' is not UTF-8 text (line {line}). Save it with UTF-8 encoding.") from None


def not_found(path: Path, suffixes: Iterable[str], what: str = "file", hint: str = "") -> UnknownNameError:
    """The error for a missing file, naming similar files of the same folder."""
    ending = tuple(suffixes)
    try:
        beside = [p.name for p in path.parent.iterdir() if p.suffix.lower() in ending]
    except (OSError, ValueError):
        beside = []
    return UnknownNameError(path.name, sorted(beside), what, f"Looked in {path.parent}. {hint}".rstrip())


def parse_toml(raw: bytes, name: str) -> dict[str, Any]:
    """Parse a TOML file.

    Raises
    ------
    ReadError
        If it is not valid TOML, or exceeds the limits on size or nesting.
    """
    if len(raw) > MAX_TOML_BYTES:
        raise ReadError(f"'{name}' has {len(raw):,} bytes; a TOML file has at most {MAX_TOML_BYTES:,}.")
    text = decode(raw, name)
    # tomllib needs memory that grows with the square of the number of parts of a dotted key.
    for place in re.finditer(r"[^\n=,{}]+", text):
        if place.group().count(".") > MAX_KEY_PARTS and not _is_text_value(text, place.start()):
            line = text.count("\n", 0, place.start()) + 1
            raise ReadError(f"'{name}', line {line}: a key has more than {MAX_KEY_PARTS} parts.")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ReadError(f"'{name}' is nested too deeply.") from None
    except ValueError as error:  # TOMLDecodeError, and the limit on digits of an integer
        raise ReadError(f"'{name}' is not valid TOML: {error}.") from error


def _is_text_value(text: str, start: int) -> bool:
    """Whether the characters from `start` follow an equals sign, so that their dots are part of a value."""
    return start > 0 and text[start - 1] == "="
