"""Things made once for an object, as long as the object is among the last ones used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Kept(Generic[V]):
    """A small store of what was made for an object (told by identity) and a mark.

    Examples
    --------
    >>> kept = Kept[int]()
    >>> model = object()
    >>> kept.get(model, "size", lambda: 3), kept.get(model, "size", lambda: 4)
    (3, 3)
    """

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._made: dict[tuple[int, Hashable], tuple[object, V]] = {}
        self._lock = threading.RLock()

    def get(self, anchor: object, mark: Hashable, make: Callable[[], V]) -> V:
        """What is kept for `anchor` and `mark`, else what `make` gives."""
        key = (id(anchor), mark)
        with self._lock:
            found = self._made.pop(key, None)
            if found is None or found[0] is not anchor:
                found = (anchor, make())
            self._made[key] = found
            while len(self._made) > self._most:
                del self._made[next(iter(self._made))]
            return found[1]
