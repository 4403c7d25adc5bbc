"""A bounded least-recently-used cache keyed by object identity."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Hashable
from typing import Any, Generic, TypeVar

V = TypeVar("V")

_caches: weakref.WeakSet[Cache[Any]] = weakref.WeakSet()


class Cache(Generic[V]):
    """Values computed for an object (identified by `is`) and a key; the least recently used are dropped.

    Threads may share it. Its users compute a value between `get` and `put`, outside the lock. Threads that ask for the
    same value at the same time may compute it twice; all get the one that was first.

    Parameters
    ----------
    most
        Maximum number of values.

    Examples
    --------
    >>> cache = Cache[int]()
    >>> model = object()
    >>> cache.get(model, "size") or cache.put(model, "size", 3)
    3
    >>> cache.get(model, "size") or cache.put(model, "size", 4)
    3
    """

    def __init__(self, most: int = 32) -> None:
        self._most = most
        self._made: dict[tuple[int, Hashable], tuple[object, V]] = {}
        self._lock = threading.Lock()
        _caches.add(self)

    def get(self, anchor: object, key: Hashable) -> V | None:
        """Cached value for `anchor` and `key`, or None."""
        place = (id(anchor), key)
        with self._lock:
            found = self._made.pop(place, None)
            if found is None or found[0] is not anchor:
                return None
            self._made[place] = found
            return found[1]

    def put(self, anchor: object, key: Hashable, value: V) -> V:
        """Store a value for `anchor` and `key` unless there is one, and return the stored value."""
        place = (id(anchor), key)
        with self._lock:
            found = self._made.get(place)
            if found is None or found[0] is not anchor:
                found = self._made[place] = (anchor, value)
            while len(self._made) > self._most:
                del self._made[next(iter(self._made))]
        return found[1]


def _new_locks() -> None:
    """Replace all locks in a forked child: they may be held by threads that exist only in the parent."""
    for cache in _caches:
        cache._lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_new_locks)
