"""Subscript ranges of a `.mdl`: subranges, copies, numbered ranges, ranges from files, and mappings by element."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import key
from sdmodel.core.structure import SubscriptRange
from sdmodel.io.data import elements_from
from sdmodel.io.expression_tokens import BODY, QUOTED, ExpressionError
from sdmodel.io.spreadsheets import Sheets
from sdmodel.io.vensim.definitions import Definition

MAX_RANGE = 10_000
MAX_ELEMENTS = 1_000_000
"""Elements of all ranges of a model together."""
_WORDS = rf"{BODY}++(?:[\s\\]++{BODY}++)*+"
_ITEM = re.compile(rf"\s*+(?:({QUOTED}|{_WORDS})|\(\s*+({_WORDS})\s*+-\s*+({_WORDS})\s*+\))\s*+(,|->|$)")
_NUMBERED = re.compile(r"(.*\D)(\d+)", re.DOTALL)
_EXTERNAL = re.compile(
    r"GET[\s_]++(?:XLS|DIRECT)[\s_]++SUBSCRIPT\s*+\(([^()]*+)\)\s*+(?:->(.*))?", re.DOTALL | re.IGNORECASE
)
_TARGET = re.compile(rf"\s*+(?:({QUOTED}|{_WORDS})|\(\s*+({QUOTED}|{_WORDS})\s*+:([^()]*+)\))\s*+(,|$)")
_EXTERNAL_FIELDS = ("file", "tab", "firstcell", "lastcell", "prefix")


@dataclass(slots=True)
class RangeText:
    """A range as written: names of elements and ranges, the range it copies, or the cells it is read from."""

    name: str
    where: str
    members: list[str] = field(default_factory=list)
    copied: str = ""
    cells: dict[str, str] = field(default_factory=dict)
    mappings: list[tuple[str, list[str] | None]] = field(default_factory=list)
    """Other ranges, with their elements in the order of this one's, or None if both have the same order."""


def parse_range(definition: Definition, where: str) -> RangeText:
    """The range that a definition of kind range or copy gives.

    Raises
    ------
    ExpressionError
        If it is not well formed.
    UnsupportedError
        If it has more than `MAX_RANGE` elements.
    """
    body = definition.body
    out = RangeText(definition.name.strip('"'), where)
    if definition.kind == "copy":
        out.copied = body
        return out
    external = _EXTERNAL.fullmatch(body)
    if external is not None:
        texts = re.findall(r"'([^']*)'", external.group(1))
        if len(texts) != len(_EXTERNAL_FIELDS):
            raise ExpressionError(body, 0, f"five texts in quotes are expected, not {len(texts)},")
        out.cells = dict(zip(_EXTERNAL_FIELDS, texts, strict=True))
        mapped = external.group(2) or ""
    else:
        position = 0
        while True:
            item = _ITEM.match(body, position)
            if item is None:
                raise ExpressionError(body, position, "the name of an element is expected")
            name, first, last, mark = item.groups()
            out.members += [" ".join(name.split())] if name else _numbered(first, last, body, position, where)
            if len(out.members) > MAX_RANGE:
                raise _too_large(where)
            position = item.end()
            if mark != ",":
                break
        mapped = body[position:]
        if mark == "->" and not mapped.strip():
            raise ExpressionError(body, position, "the name of a range is expected")
    out.mappings = _targets(mapped)
    return out


def _too_large(where: str) -> UnsupportedError:
    return UnsupportedError(f"{where} has more than {MAX_RANGE:,} elements.")


def _numbered(first: str, last: str, body: str, position: int, where: str) -> list[str]:
    """Elements of `(A1-A5)`."""
    ends = [_NUMBERED.fullmatch(first), _NUMBERED.fullmatch(last)]
    if ends[0] is None or ends[1] is None or ends[0].group(1) != ends[1].group(1):
        raise ExpressionError(
            body, position, f"'{first}' and '{last}' must be one name with different numbers behind it,"
        )
    stem, low, high = ends[0].group(1), ends[0].group(2), ends[1].group(2)
    if len(low) > 9 or len(high) > 9 or int(high) - int(low) >= MAX_RANGE:
        raise _too_large(where)
    if int(low) > int(high):
        raise ExpressionError(body, position, f"the first number of ({first}-{last}) must be lower than the second,")
    return [f"{stem}{i}" for i in range(int(low), int(high) + 1)]


def _targets(text: str) -> list[tuple[str, list[str] | None]]:
    out: list[tuple[str, list[str] | None]] = []
    position = 0
    while text[position:].strip():
        target = _TARGET.match(text, position)
        if target is None:
            raise ExpressionError(text, position, "a range or '(range: elements)' is expected in the mapping")
        plain, listed, members, _ = target.groups()
        if plain:
            out.append((plain, None))
        else:
            out.append((listed, [m.strip() for m in re.findall(rf"(?:{QUOTED}|[^,\"])+", members) if m.strip()]))
        position = target.end()
    return out


def ranges_of(texts: Mapping[str, RangeText], path: Path) -> dict[str, SubscriptRange]:
    """Subscript ranges by key, with subranges and copies written out and mappings by element.

    Raises
    ------
    ReadError
        If ranges are defined by each other, an element is listed twice, or a mapping does not fit.
    """
    sheets = Sheets(path.parent)
    done: dict[str, tuple[str, ...]] = {}
    total = [0]

    def elements(name: str, seen: tuple[str, ...] = ()) -> tuple[str, ...]:
        if name in done:
            return done[name]
        text = texts[name]
        if name in seen or len(seen) > 50:
            raise ReadError(
                f"{text.where}: the ranges {' -> '.join((*seen, name)[-6:])} are defined by each other. "
                "Capitals do not make another name: an element needs a name that no range has."
            )
        out: list[str] = []
        if text.cells:
            out.extend(elements_from(sheets, text.cells, text.where))
        elif text.copied:
            if key(text.copied) not in texts:
                raise ReadError(f"{text.where} copies '{text.copied}', which is not defined.")
            done[name] = elements(key(text.copied), (*seen, name))
            return done[name]
        for member in text.members:
            out.extend(elements(key(member), (*seen, name)) if key(member) in texts else [member])
            if len(out) > MAX_RANGE:
                raise _too_large(text.where)
        counted: set[str] = set()
        for element in out:
            if key(element) in counted:
                raise ReadError(f"{text.where} has the element '{element}' twice; capitals do not make another name.")
            counted.add(key(element))
        total[0] += len(out)
        if total[0] > MAX_ELEMENTS:
            raise UnsupportedError(f"{text.where}: the ranges have more than {MAX_ELEMENTS:,} elements in all.")
        done[name] = tuple(out)
        return done[name]

    def mappings(name: str) -> dict[str, tuple[str, ...]]:
        text = texts[name]
        out: dict[str, tuple[str, ...]] = {}
        for target, members in text.mappings:
            own, other = elements(name), key(target)
            if members is not None:
                if len(members) != len(own):  # the list runs over the elements of `name`
                    raise ReadError(
                        f"{text.where}: the mapping to '{target}' lists {len(members)} of {len(own)} elements."
                    )
                out[other] = tuple(members)
            elif other not in texts:
                raise ReadError(f"{text.where} is mapped to '{target}', which is not a range.")
            else:
                out[other] = elements(other)
                if len(out[other]) != len(own):
                    raise ReadError(
                        f"{text.where} maps {len(own)} elements to the {len(out[other])} of '{target}'. Write which is "
                        f"which: -> ({target}: ...). Names differ by more than capitals."
                    )
        return out

    return {name: SubscriptRange(text.name, elements(name), mappings(name)) for name, text in texts.items()}
