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
from sdmodel.io.expression_tokens import QUOTED, ExpressionError
from sdmodel.io.spreadsheets import Sheets
from sdmodel.io.vensim.definitions import NAME, Definition, unquoted, written_name

MAX_RANGE = 10_000
MAX_ELEMENTS = 1_000_000
"""Elements of all ranges of a model together."""
_ITEM = re.compile(rf"\s*+(?:({NAME})|\(\s*+({NAME})\s*+-\s*+({NAME})\s*+\))\s*+(,|->|$)")
_NAME = re.compile(NAME)
_MEMBER = re.compile(rf"(?:{QUOTED}|[^,\"])++")
_NUMBERED = re.compile(r"(.*\D)(\d+)", re.DOTALL)
_EXTERNAL = re.compile(
    r"GET[\s_]++(?:XLS|DIRECT)[\s_]++SUBSCRIPT\s*+\(([^()]*+)\)\s*+(?:->(.*))?", re.DOTALL | re.IGNORECASE
)
_TARGET = re.compile(rf"\s*+(?:({NAME})|\(\s*+({NAME})\s*+:([^()]*+)\))\s*+(,|$)")
_EXTERNAL_FIELDS = ("file", "tab", "firstcell", "lastcell", "prefix")


@dataclass(slots=True)
class RangeText:
    """A range as written: its members, the range that it copies, or the cells that it is read from."""

    name: str
    where: str
    members: list[str] = field(default_factory=list)
    copied: str = ""
    cells: dict[str, str] = field(default_factory=dict)
    mappings: list[tuple[str, list[str] | None]] = field(default_factory=list)
    """Mapped ranges, with the elements that match the elements of this range, or None for the same order."""


def parse_range(definition: Definition, where: str) -> RangeText:
    """Parse a definition of kind range or copy.

    Raises
    ------
    ExpressionError
        If it is not well formed.
    UnsupportedError
        If it has more than `MAX_RANGE` elements.
    """
    body = definition.body
    out = RangeText(unquoted(definition.name), where)
    if definition.kind == "copy":
        if not _NAME.fullmatch(body):
            raise ExpressionError(body, 0, "the name of a range is expected")
        out.copied = written_name(body, where)
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
            out.members += [written_name(name, where)] if name else _numbered(first, last, body, position, where)
            if len(out.members) > MAX_RANGE:
                raise _too_large(where)
            position = item.end()
            if mark != ",":
                break
        mapped = body[position:]
        if mark == "->" and not mapped.strip():
            raise ExpressionError(body, position, "the name of a range is expected")
    out.mappings = _targets(mapped, where)
    return out


def _too_large(where: str) -> UnsupportedError:
    return UnsupportedError(f"{where} has more than {MAX_RANGE:,} elements.")


def _numbered(first: str, last: str, body: str, position: int, where: str) -> list[str]:
    """List the elements of `(A1-A5)`."""
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


def _targets(text: str, where: str) -> list[tuple[str, list[str] | None]]:
    out: list[tuple[str, list[str] | None]] = []
    position = 0
    while text[position:].strip():
        target = _TARGET.match(text, position)
        if target is None:
            raise ExpressionError(text, position, "a range or '(range: elements)' is expected in the mapping")
        plain, listed, members, _ = target.groups()
        if plain:
            out.append((written_name(plain, where), None))
        else:
            names = [m.strip() for m in _MEMBER.findall(members) if m.strip()]
            if not all(map(_NAME.fullmatch, names)):
                raise ExpressionError(text, position, "names of elements are expected in the mapping")
            out.append((written_name(listed, where), [written_name(name, where) for name in names]))
        position = target.end()
    return out


def ranges_of(texts: Mapping[str, RangeText], path: Path) -> dict[str, SubscriptRange]:
    """Resolve ranges: expand subranges and copies, read external ranges, and match mappings by element.

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
