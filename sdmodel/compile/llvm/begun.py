"""Runs solved up to a time, from which others with the same past go on to the same bits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sdmodel.compile.llvm.job import aligned

Array = np.ndarray


@dataclass(frozen=True, slots=True)
class Begun:
    """The common beginnings of runs with exact dates, up to a time of the TIME STEP grid."""

    until: float
    values: Array
    """Outputs at the reported times before, (beginnings, outputs, times)."""
    first: Array
    """Index of the first of them with a value that is not finite, or -1, (beginnings,)."""
    states: Array
    """States, the time reached, and the number of rough steps, (beginnings, states + 2)."""
    dates: Array
    """Breaks up to that time, in order, followed by infinity, (beginnings, most)."""

    def lanes(self, which: Array, table: Array) -> Array | None:
        """Rows with which the kernel begins, (vectors, states + 3, lanes); the last is the number of the segment.

        `which` is the beginning of each run, and `table` holds the breaks of all lanes, (vectors, dates, lanes). None
        if a break before the time is not that of the beginning: these runs have another past.
        """
        vectors, _, lanes = table.shape
        place = which[np.minimum(np.arange(vectors * lanes), len(which) - 1)].reshape(vectors, lanes)
        mine, common = passed(table, self.until), self.dates
        most = max(mine.shape[1], common.shape[1])
        if not np.array_equal(_wide(mine, most), _wide(common, most)[place].transpose(0, 2, 1)):
            return None
        out = aligned((vectors, self.states.shape[1] + 1, lanes))
        out[:, :-1] = self.states[place].transpose(0, 2, 1)
        out[:, -1] = (table[:, 1:-3] <= self.until).sum(axis=1).view(np.float64)
        return out


def passed(table: Array, until: float) -> Array:
    """Breaks before a time in a table of the kernel, (vectors, dates, lanes); infinity in place of later ones."""
    inside = table[:, 1:-3]  # the start is before them; the end, twice, and a date after it follow
    return np.where(inside < until, inside, np.inf)


def by_run(rows: Array) -> Array:
    """Rows of the kernel, (vectors, rows, lanes), as (runs, rows)."""
    return rows.transpose(0, 2, 1).reshape(-1, rows.shape[1])


def joined(dates: Sequence[Array]) -> Array:
    """Breaks of runs, (runs, dates) each, as one array that is as wide as the widest."""
    most = max(block.shape[1] for block in dates)
    return np.concatenate([_wide(block, most) for block in dates])


def _wide(dates: Array, most: int) -> Array:
    """The same with infinity up to `most` dates along the second axis."""
    return np.concatenate([dates, np.full((len(dates), most - dates.shape[1], *dates.shape[2:]), np.inf)], axis=1)
