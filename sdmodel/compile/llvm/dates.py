"""Breaks of many runs, found once for each distinct set of values on which they depend."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sdmodel.compile.events import Clock
from sdmodel.compile.inactive import active_on_dates
from sdmodel.compile.llvm.breaks import cuts
from sdmodel.compile.llvm.job import Job, address, aligned
from sdmodel.compile.program import Program
from sdmodel.compile.programs import depends

Array = np.ndarray


class Dates:
    """The tables of breaks of a kernel with exact dates; `function` is its compiled `@watch`."""

    def __init__(self, program: Program, clock: Clock, function: Callable[..., None], lanes: int) -> None:
        self.program, self.clock, self._function, self._lanes = program, clock, function, lanes
        self._dated = sorted(depends(program, *(n for s in clock.sources for n in (s.test, s.against) if n >= 0)))
        self._last: tuple[Any, Array, Array] | None = None
        self._active: tuple[Any, list[int]] | None = None

    def of(self, job: Job, low: int, high: int, work: Array) -> tuple[Array, Array]:
        """Breaks of runs `low` to `high`, followed by one date after the end; and lanes with too many breaks.

        They are found once for each distinct set of values that act on them within the bounds of these runs, and not
        again if the next call has the same sets and bounds, as in the steps of an optimiser that do not move a date.
        """
        lanes, time = self._lanes, (float(job.at[0]), self._beyond(job))
        given = job.given[low:high]
        least, most = given.min(axis=0), given.max(axis=0)
        bounds = np.stack([least[self._dated], most[self._dated]])
        within, known = (time, bounds.tobytes()), self._active  # other threads may replace it
        if known is None or known[0] != within:
            alike = np.array_equal(bounds[0], bounds[1])
            acting = set() if alike else active_on_dates(self.program, time, least.tolist(), most.tolist())
            known = self._active = within, sorted(acting)
        active = known[1]
        # The end stands in for no values at all; sets are told apart by their bits.
        rests = np.column_stack([given[:, active], np.full(high - low, job.at[-1])])
        sets = np.ascontiguousarray(rests).view(np.dtype((np.void, rests[0].nbytes)))[:, 0]
        _, first, which = np.unique(sets, return_index=True, return_inverse=True)
        key = sets[first].tobytes(), bounds.tobytes(), float(job.at[0]), job.step
        last = self._last  # other threads may replace it
        if last is None or last[0] != key:
            last = self._last = (key, *self._found(job, low + first, work))
        _, found, bad = last
        vectors = -(-len(which) // lanes)
        place = which[np.minimum(np.arange(vectors * lanes), len(which) - 1)].reshape(vectors, lanes)
        table = aligned((vectors, found.shape[1], lanes))
        table[:] = found[place].transpose(0, 2, 1)
        return table, bad[place]

    def _found(self, job: Job, runs: Array, work: Array) -> tuple[Array, Array]:
        """Breaks of some runs, (runs, dates), and those with too many; runs are filled up to whole vectors."""
        lanes, begin, end = self._lanes, float(job.at[0]), float(job.at[-1])
        params = replace(job, given=job.given[runs], data=[], words=job.words[:, :0]).rows(0, len(runs), lanes)
        watch, shape = self._watcher(params, work), (len(params), lanes)
        beyond = self._beyond(job)
        dates, bad = cuts(self.clock, self.program, watch, begin, end, shape)
        after, bad_after = cuts(self.clock, self.program, watch, end, beyond, shape)
        found = np.concatenate([dates, after[:, :2]], axis=1).transpose(0, 2, 1).reshape(-1, dates.shape[1] + 2)
        return found, (bad | bad_after).ravel()

    @staticmethod
    def _beyond(job: Job) -> float:
        """Time after the end up to which breaks are found."""
        begin, end = float(job.at[0]), float(job.at[-1])
        return end + 1e-6 * max(end - begin, job.step)

    def _watcher(self, params: Array, work: Array) -> Callable[[Array, Array], Array]:
        """Wrap `@watch` as a function of arrays."""
        sources, stride = len(self.clock.sources), params[0].nbytes

        def watch(t: Array, held: Array) -> Array:
            times, given, out = aligned(t.shape), aligned(held.shape), aligned((*t.shape[:2], 2 * sources, self._lanes))
            times[:], given[:] = t, held
            pointers = [address(a) for a in (work, times, given, out)]
            self._function(*t.shape[:2], address(params), stride, *pointers)
            return out

        return watch
