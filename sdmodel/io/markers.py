"""Markers in the documentation field: roles, sources and boundary inputs.

`One sentence. [lever P01] [@chen2021, table 4]`: Vensim shows the field, so the markers are visible to everyone who
opens the file. A bracket that resembles a marker without being one is an error; any other bracket is prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from difflib import get_close_matches

from sdmodel.core.distributions import DISTRIBUTIONS
from sdmodel.core.errors import ReadError
from sdmodel.core.structure import Source
from sdmodel.core.text import shorten

_ROLES = ("lever", "uncertainty", "switch", "fixed")
_WORDS = (*_ROLES, "from", "outcome")
_BRACKET = re.compile(r"\[([^\[\]]*)\]")
_SOURCE = re.compile(r"@([A-Za-z][\w-]*)(?:\s*,\s*(.+))?", re.DOTALL)
_INSTRUMENT = re.compile(r"P\d{2}")
_SECTOR = re.compile(r"[a-z]\w*")


@dataclass(slots=True)
class Markers:
    """Markers of one documentation field; `sentence` is the text without them."""

    sentence: str = ""
    role: str = ""
    ids: tuple[str, ...] = ()
    distribution: str = ""
    origin: str = ""
    outcome: bool = False
    sources: list[Source] = field(default_factory=list)


def parse_markers(text: str, where: str = "") -> Markers:
    """Parse the markers of a documentation field.

    Parameters
    ----------
    text
        The field, without line breaks.
    where
        File, line and variable for the message of an error.

    Raises
    ------
    ReadError
        If a bracket resembles a marker, a marker has invalid arguments, or there are two roles.

    Examples
    --------
    >>> m = parse_markers("Share of firms reached. [lever P76 P77] [@guess]")
    >>> m.role, m.ids, m.sentence
    ('lever', ('P76', 'P77'), 'Share of firms reached.')
    """
    out = Markers()

    def take(match: re.Match[str]) -> str:
        body = match.group(1).strip()
        if not _one_marker(body, out, where):
            return match.group(0)
        return ""

    out.sentence = " ".join(_BRACKET.sub(take, text).split())
    return out


def _one_marker(body: str, out: Markers, where: str) -> bool:
    """Add the content of one bracket to `out`; return False if it is prose."""
    if body.startswith("@"):
        found = _SOURCE.fullmatch(body)
        if found is None:
            raise ReadError(f"{where}: '[{shorten(body)}]' is not a source. Write [@key] or [@key, place].")
        out.sources.append(Source(found.group(1), " ".join((found.group(2) or "").split())))
        return True
    words = body.split()
    if not words:
        return False
    head, rest = words[0], words[1:]
    if head not in _WORDS:
        near = get_close_matches(head.lower(), _WORDS, n=1, cutoff=0.75)
        if near and len(words) <= 4:
            raise ReadError(
                f"{where}: '[{shorten(body)}]' is not a marker. Did you mean [{shorten(' '.join([near[0], *rest]))}]?"
            )
        return False
    if head == "outcome" and not rest:
        out.outcome = True
    elif head == "from" and len(rest) == 1 and _SECTOR.fullmatch(rest[0]):
        _set_role(out, "input", where)
        out.origin = rest[0]
    elif head == "lever" and all(_INSTRUMENT.fullmatch(w) for w in rest):
        _set_role(out, "lever", where)
        out.ids = tuple(rest)
    elif head == "uncertainty" and len(rest) <= 1 and all(w in DISTRIBUTIONS for w in rest):
        _set_role(out, "uncertainty", where)
        out.distribution = rest[0] if rest else "uniform"
    elif head in ("switch", "fixed") and not rest:
        _set_role(out, head, where)
        out.distribution = "integer" if head == "switch" else ""
    elif len(words) > 6:
        return False
    else:
        raise ReadError(
            f"{where}: '[{shorten(body)}]' is not a marker. The forms are [lever P01 P02], "
            f"[uncertainty {'|'.join(DISTRIBUTIONS)}], [switch], [fixed], [from sector], [outcome], [@key, place]."
        )
    return True


def _set_role(out: Markers, role: str, where: str) -> None:
    if out.role:
        raise ReadError(f"{where}: a constant can have one role only; this one is marked '{out.role}' and '{role}'.")
    out.role = role
