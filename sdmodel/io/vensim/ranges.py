"""Subscript ranges of a `.mdl`: subranges, copies, ranges from files, and mappings by element."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import key
from sdmodel.core.structure import SubscriptRange
from sdmodel.io.data import elements_from
from sdmodel.io.spreadsheets import Sheets
from sdmodel.io.vensim.clean import Tidy

MAX_RANGE = 10_000


def refuse_large_ranges(clean: Tidy, file: str) -> None:
    """PySD expands `(A1-A30000000)` while it parses; refuse before it does."""
    for entry in clean.entries:
        for first, last in re.findall(r"\(\s*\w*?(\d+)\s*-\s*\w*?(\d+)\s*\)", entry.equation):
            if len(last) > 9 or int(last) - int(first) >= MAX_RANGE:
                raise UnsupportedError(
                    f"{file}:{entry.line}: the range '{entry.name}' has more than {MAX_RANGE:,} elements."
                )


def ranges_of(subscripts: Any, clean: Tidy, path: Path) -> dict[str, SubscriptRange]:
    """Subscript ranges with subranges expanded and mappings by element."""
    file = path.name
    sheets = Sheets(path.parent)
    written: dict[str, Any] = {}
    spelling: dict[str, str] = {}
    for item in subscripts:
        written[key(item.name)] = item.subscripts
        spelling[key(item.name)] = item.name
    done: dict[str, tuple[str, ...]] = {}

    def elements(name: str, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
        if name in done:
            return done[name]
        if name in seen:
            raise ReadError(
                f"{file}: the ranges {' -> '.join((*seen, name))} are defined by each other. Capitals do not make "
                "another name: an element needs a name that no range has."
            )
        given = written[name]
        if isinstance(given, dict):
            where = f"{path.name}: range '{spelling[name]}'"
            done[name] = tuple(elements_from(sheets, given, where))
            return done[name]
        if isinstance(given, str):
            if key(given) not in written:
                raise ReadError(f"{file}: the range '{spelling[name]}' copies '{given}', which is not defined.")
            done[name] = elements(key(given), (*seen, name))
            return done[name]
        out: list[str] = []
        for element in given:
            out.extend(elements(key(element), (*seen, name)) if key(element) in written else [element])
        done[name] = tuple(out)
        return done[name]

    return {
        name: SubscriptRange(spelling[name], elements(name), _mappings(name, clean, elements, written, file))
        for name in written
    }


def _mappings(name: str, clean: Tidy, elements: Any, written: dict[str, Any], file: str) -> dict[str, tuple[str, ...]]:
    """Ranges that `name` is mapped to, as the elements of the other in the order of its own (PySD drops the list)."""
    entry = clean.entry(name)
    if entry is None or "->" not in entry.equation.replace("<->", ""):
        return {}
    where = f"{file}:{entry.line}: range '{entry.name}'"
    out: dict[str, tuple[str, ...]] = {}
    text = entry.equation.split("->", 1)[1]
    for listed, target, members in re.findall(r"(\(\s*([^:()]+):([^()]*)\))", text):
        given = tuple(m.strip() for m in members.split(",") if m.strip())
        if len(given) != len(elements(name)):  # the list runs over the elements of `name`
            raise ReadError(
                f"{where}: the mapping to '{target.strip()}' lists {len(given)} of {len(elements(name))} elements."
            )
        out[key(target)] = given
        text = text.replace(listed, "")
    for target in (t.strip() for t in text.split(",")):
        if target and key(target) in written:
            out[key(target)] = elements(key(target))
            if len(out[key(target)]) != len(elements(name)):
                raise ReadError(
                    f"{where} maps {len(elements(name))} elements to the {len(out[key(target)])} of '{target}'. Write "
                    f"which is which: -> ({target}: ...). Names differ by more than capitals."
                )
    return out
