"""Conditions in words: "where firms look at the marginal rate", by constant and side, from `models/phrases.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.resources import shipped
from sdmodel.study.translation import ENGLISH

_SIDES = ("high", "low")
_PLAIN = {"high": "where {name} is high", "low": "where {name} is low"}


@dataclass(frozen=True)
class Phrases:
    """Clauses for constants at the high and the low side of their range, and for the values of switches.

    Examples
    --------
    >>> phrases = Phrases({"trust": {"high": "where firms trust each other", "zh_high": "企业互信时"}})
    >>> phrases("trust", "high"), phrases("trust", "high", "zh"), phrases("trust", "low")
    ('where firms trust each other', '企业互信时', 'where trust is low')
    """

    table: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By constant: clauses by ``high``, ``low`` or a switch's value; in other languages ``zh_high``, ``zh_name``."""
    missing: set[tuple[str, str, str]] = field(default_factory=set, compare=False)
    """Requested clauses that are not in the table: constant, side, language."""

    def __call__(self, name: str, side: str, lang: str = ENGLISH) -> str:
        """The clause for a side of a constant; plain English where the table has none."""
        row = self.table.get(name, {})
        known = row.get(side if lang == ENGLISH else f"{lang}_{side}")
        if known is None:
            self.missing.add((name, side, lang))
            known = row.get(side) or _PLAIN.get(side, "where {name} is " + side).format(name=name)
        return known

    def name(self, name: str, lang: str) -> str:
        """The name of a constant in a language."""
        return name if lang == ENGLISH else self.table.get(name, {}).get(f"{lang}_name", name)


def phrases_of(text: str) -> Phrases:
    """Read a table of phrases.

    Raises
    ------
    DesignError
        If it is not TOML, or an entry is no clause.
    UnknownNameError
        If a key is neither a side, nor the value of a switch, nor one of these in another language.
    """
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DesignError(f"phrases.toml is not valid TOML: {error}.") from None
    for name, row in table.items():
        if not isinstance(row, dict):
            raise DesignError(f"phrases.toml: '{name}' must be a table of clauses.")
        for key, clause in row.items():
            side = key.partition("_")[2] or key
            if side not in (*_SIDES, "name") and not side.removeprefix("-").isdigit():
                raise UnknownNameError(key, _SIDES, f"key of '{name}' in phrases.toml")
            if not isinstance(clause, str) or not clause.strip():
                raise DesignError(f"phrases.toml: '{key}' of '{name}' must be a clause.")
    return Phrases(table)


@cache
def shipped_phrases() -> Phrases:
    """The phrases of the shipped model; empty if it has none."""
    path = shipped("models") / "phrases.toml"
    return phrases_of(path.read_text(encoding="utf-8")) if path.is_file() else Phrases()
