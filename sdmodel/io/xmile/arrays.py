"""Dimensions and arrays of an XMILE file, against which names and subscripts are resolved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sdmodel.core.expression import key
from sdmodel.core.structure import SubscriptRange


@dataclass
class Arrays:
    """Tables for resolving the references of a file."""

    ranges: dict[str, SubscriptRange]
    """By key; slices and repeated dimensions add ranges of their own."""
    dims: Mapping[str, tuple[str, ...]]
    """Range keys of every array, by key of the variable."""
    names: Mapping[str, str]
    """Spelling of every variable, by key."""
    graphs: Mapping[str, str]
    """For every variable with an equation and a graphical function: key of the lookup that holds the points."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """Key of the source of every connected input of a module."""
    tables: frozenset[str] = frozenset()
    """Keys of variables that are a graphical function only."""
    invalid: float = 0.0
    """Value of an element whose index lies outside its dimension (`invalid_index_value` of the header)."""
    used: set[str] = field(default_factory=set)
    """Keys of `graphs` that some equation calls."""

    def left_side(self, subs: Sequence[str]) -> tuple[str, ...]:
        """Left-hand subscripts, where a repeated dimension is replaced by a copy under another name."""
        out: list[str] = []
        for sub in subs:
            k = key(sub)
            count = [key(s) for s in subs[: len(out)]].count(k)
            out.append(self.repeated(k, count) if k in self.ranges and count else sub)
        return tuple(out)

    def repeated(self, dim: str, count: int) -> str:
        """Name of the `count`-th repetition of a dimension (0: the dimension itself)."""
        if not count:
            return self.ranges[dim].name
        return self.part(f"{self.ranges[dim].name} {count + 1}", self.ranges[dim].elements)

    def part(self, name: str, elements: tuple[str, ...]) -> str:
        """Name of a range with these elements, which is added if it does not exist."""
        tried = name
        while key(tried) in self.names or (key(tried) in self.ranges and self.ranges[key(tried)].elements != elements):
            tried += " again"
        self.ranges.setdefault(key(tried), SubscriptRange(tried, elements))
        return tried

    def origin(self, name: str) -> str:
        """Key of the variable that an input of a module is connected to, through several modules; else its own key."""
        for _ in self.sources:
            if name not in self.sources:
                break
            name = self.sources[name]
        return name

    def position(self, dim: str, element: str) -> int | None:
        """Position of an element in a dimension, from 1; None if it is not there."""
        wanted = key(element)
        for i, e in enumerate(self.ranges[dim].elements):
            if key(e) == wanted:
                return i + 1
        return None
