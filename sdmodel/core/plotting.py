"""The room of figures, for methods of rooms above it: the package itself provides it, and it is loaded on first use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_room: list[Callable[[], Any]] = []


def provide(load: Callable[[], Any]) -> None:
    """State how the room is loaded."""
    _room[:] = [load]


def figures() -> Any:
    """The functions that draw, `sdmodel.plot`."""
    return _room[0]()
