"""An immutable mapping that pickles, copies and hashes, and dataclasses of tables that do."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, NoReturn, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FrozenDict(dict[K, V]):
    """An immutable dict with the read speed of a dict; it can be pickled, copied and hashed (by its keys).

    Examples
    --------
    >>> limits = FrozenDict({"trust": 1.0})
    >>> limits["trust"], limits == {"trust": 1.0}, hash(limits) == hash(FrozenDict(trust=1.0))
    (1.0, True, True)
    """

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("This mapping cannot be changed; make a dict of it first: dict(mapping).")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]  # dict is not hashable
        return hash(frozenset(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)

    def __copy__(self) -> FrozenDict[K, V]:
        return self


class WithTables:
    """Base of dataclasses of which some fields are tables: they compare by their public fields, and hash by their text.

    A dataclass must be made with ``eq=False`` to inherit this.
    """

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        names = [f.name for f in fields(self) if not f.name.startswith("_")]  # type: ignore[arg-type]  # a dataclass
        pairs = [(getattr(self, name), getattr(other, name)) for name in names]
        return all(bool(a.equals(b) if hasattr(a, "equals") else a == b) for a, b in pairs)

    def __hash__(self) -> int:
        return hash(repr(self))
