"""Constant folding during lowering, and a temporarily raised recursion limit."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from sdmodel.compile.graph import Graph
from sdmodel.compile.program import TableData
from sdmodel.core.errors import EquationError
from sdmodel.core.functions.table import OPERATIONS
from sdmodel.core.functions.values import interpolate


def constant_value(
    node: int, graph: Graph, tables: Sequence[TableData], given: Callable[[int], float], used: set[int]
) -> float | None:
    """Value of a node, or None if it depends on more than constants; parameters read are added to `used`."""
    seen: dict[int, float] = {}
    stack = [node]
    while stack:
        at = stack[-1]
        op, *args = graph.nodes[at]
        inner = [int(a) for a in (args[1:] if op == "lookup" else args)] if op in OPERATIONS or op == "lookup" else []
        waiting = [a for a in inner if a not in seen]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        if op == "const":
            seen[at] = float(args[0])
        elif op == "param":
            seen[at] = given(int(args[0]))
            used.add(int(args[0]))
        elif op == "lookup":
            table = tables[int(args[0])]
            seen[at] = interpolate(seen[inner[0]], table.x, table.y, table.kind)
        elif op in OPERATIONS:
            seen[at] = float(OPERATIONS[op].value(*(seen[a] for a in inner)))
        else:
            return None
    return seen[node]


LIMIT = 200_000
_changing = threading.Lock()
_limits: list[int] = []
"""The limits that threads now lowering found; all but the first are raised ones."""


@contextmanager
def room_for_recursion() -> Iterator[None]:
    """Raise the recursion limit while long chains of auxiliaries are lowered (about six frames each).

    The limit is that of the process: the last of several threads that lower puts it back.

    Raises
    ------
    EquationError
        If a chain is too long.
    """
    with _changing:
        _limits.append(sys.getrecursionlimit())
        sys.setrecursionlimit(max(_limits[-1], LIMIT))
    try:
        yield
    except RecursionError:
        raise EquationError(
            "The equations form a chain of tens of thousands, each of which reads the next with no stock between. Put "
            "a stock or a delay into it."
        ) from None
    finally:
        with _changing:
            before = _limits.pop()
            if not _limits:
                sys.setrecursionlimit(before)
