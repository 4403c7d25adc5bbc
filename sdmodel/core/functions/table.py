"""The function table, the single source of information on functions for all other packages."""

from __future__ import annotations

from sdmodel.core.functions.aggregation import AGGREGATES
from sdmodel.core.functions.allocation import ALLOCATIONS
from sdmodel.core.functions.arithmetic import ARITHMETIC
from sdmodel.core.functions.dates import DATES
from sdmodel.core.functions.draws import DRAW_OPERATIONS, DRAWS
from sdmodel.core.functions.entry import Function, Operation
from sdmodel.core.functions.indexing import INDEXING
from sdmodel.core.functions.lookups import LOOKUPS
from sdmodel.core.functions.memories import MEMORIES
from sdmodel.core.functions.operations import OPERATORS
from sdmodel.core.functions.stocks import STOCKS
from sdmodel.core.functions.vectors import VECTOR_OPERATIONS, VECTORS

CHAPTERS: dict[str, tuple[Function, ...]] = {
    "Arithmetic and choices": ARITHMETIC,
    "Time": DATES,
    "Stocks inside formulas": STOCKS,
    "Memory": MEMORIES,
    "Draws": DRAWS,
    "Lookups and data": LOOKUPS,
    "Subscripts": (*AGGREGATES, *VECTORS, *ALLOCATIONS, *INDEXING),
}
"""Functions by chapter of the language page."""

FUNCTIONS: dict[str, Function] = {f.name: f for chapter in CHAPTERS.values() for f in chapter}
"""All supported functions by name; any other call is an error."""

OPERATIONS: dict[str, Operation] = {
    o.name: o
    for o in (
        *OPERATORS,
        *(f.operation for f in FUNCTIONS.values() if f.operation is not None),
        *VECTOR_OPERATIONS,
        *DRAW_OPERATIONS,
    )
}
"""Scalar operations from which functions and operators are built, by name."""

GATHERING = frozenset(f.name for f in FUNCTIONS.values() if f.gathers)
"""Functions in whose arguments subscripts marked with `!` are allowed."""
