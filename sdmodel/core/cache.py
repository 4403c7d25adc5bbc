"""A bounded least-recently-used cache keyed by object identity."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Cache(Generic[V]):
    """A bounded least-recently-used cache; an entry belongs to an object (by identity) and a key.

    Examples
    --------
    >>> cache = Cache[int]()
    >>> model = object()
    >>> cache.get(model, "size", lambda: 3), cache.get(model, "size", lambda: 4)
    (3, 3)
    """

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._made: dict[tuple[int, Hashable], tuple[object, V]] = {}
        self._lock = threading.RLock()

    def get(self, anchor: object, mark: Hashable, make: Callable[[], V]) -> V:
        """The entry of `anchor` under `mark`; made by `make` if there is none."""
        key = (id(anchor), mark)
        with self._lock:
            found = self._made.pop(key, None)
            if found is None or found[0] is not anchor:
                found = (anchor, make())
            self._made[key] = found
            while len(self._made) > self._most:
                del self._made[next(iter(self._made))]
            return found[1]
