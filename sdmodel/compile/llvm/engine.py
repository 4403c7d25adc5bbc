"""Compile an LLVM module and run it: the kernel of sweeps."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from sdmodel.compile.llvm.begun import Begun, by_run, joined, passed
from sdmodel.compile.llvm.dates import Dates
from sdmodel.compile.llvm.emit import emit
from sdmodel.compile.llvm.job import Job, address, aligned, common_stops, grid_steps, groups, reported_times, run_words
from sdmodel.compile.llvm.target import Target, compiled, host
from sdmodel.compile.program import Program
from sdmodel.core.errors import SolveError
from sdmodel.core.tableau import Tableau

Array = np.ndarray
OK, NOT_FINITE, TOO_MUCH = 0, 1, 2
MAX_MEMORY = 10_000_000
"""Maximum number of past values in the memories of a run, as for a single run."""
_BLOCK = 128
"""Maximum number of vectors of runs in a block, the unit of work of a thread."""


class Kernel:
    """A Program compiled for sweeps: one run in each lane of a vector.

    The result of a run depends only on its own parameters, series and run number. It is bitwise independent of the
    other runs, their order and the number of threads.

    Parameters
    ----------
    program
        Lowered either for exact dates (steps of TIME STEP that also land on every jump and reported time) or for the
        TIME STEP grid.
    outputs
        Nodes to report; nodes on which they do not depend are not computed.
    tableau
        The explicit Runge-Kutta method.
    contract
        Allow fused multiply-add in the model's equations: faster, but no longer bitwise equal to the Python engine.
    rough
        Count steps whose estimated error is large (see `run`); the tableau must have error weights.
    target
        Processor to compile for; default the processor of this machine.

    Raises
    ------
    UnsupportedError
        If the program contains an operation that the kernel does not support.

    Examples
    --------
    >>> import sdmodel
    >>> from sdmodel.compile.programs import program_of
    >>> from sdmodel.core.tableau import Tableau
    >>> program = program_of(sdmodel.load("network"), fixed=False)
    >>> kernel = Kernel(program, [program.outputs["trust"]], tableau=Tableau(order=1, step=((1.0,), 1.0)))
    >>> values, status, first = kernel.run([program.defaults] * 3, [2009.0, 2014.0, 2034.0])
    >>> values.shape, status.tolist()
    ((3, 1, 3), [0, 0, 0])
    """

    def __init__(
        self,
        program: Program,
        outputs: Sequence[int],
        *,
        tableau: Tableau,
        contract: bool = False,
        rough: bool = False,
        target: Target | None = None,
    ) -> None:
        self.program = program
        self._given = program, outputs, tableau, contract, rough, target
        self.notes_rough = rough and bool(tableau.error) and not program.fixed
        target = target or host()
        source = emit(program, outputs, tableau, target.machine, contract, self.notes_rough)
        self.plan = source.plan
        self.text = source.text
        self._rows, self._lanes = source.rows, target.machine.lanes
        self._engine = compiled(source.text, target)
        self._runs = self._function(
            "runs",
            "nnpnpppn"
            + ("pddppp" if program.fixed else "npppnp")
            + "p" * self.notes_rough
            + "pp" * (not program.fixed),
        )
        self._dates = (
            Dates(program, source.plan.clock, self._function("watch", "nnpnpppp"), self._lanes)
            if not program.fixed
            else None
        )
        self._spans = self._function("spans", "npnpp") if source.plan.memories else None

    def __reduce__(self) -> tuple[Any, ...]:  # machine code does not pickle
        return _compiled_again, self._given

    def _function(self, name: str, kinds: str) -> Callable[..., None]:
        types: dict[str, Any] = {"n": ctypes.c_int64, "p": ctypes.c_void_p, "d": ctypes.c_double}
        return ctypes.CFUNCTYPE(None, *(types[k] for k in kinds))(self._engine.get_function_address(name))

    def run(
        self,
        parameters: Any,
        times: Sequence[float],
        *,
        series: Sequence[tuple[Array, Array]] = (),
        threads: int = 1,
        seed: int = 0,
        numbers: Array | None = None,
        out: Array | None = None,
        rough: Array | None = None,
        begun: tuple[Begun, Array] | None = None,
        grid: Array | None = None,
    ) -> tuple[Array, Array, Array]:
        """Solve all runs.

        Parameters
        ----------
        parameters
            Values of the program's parameters, (runs, parameters).
        times
            Reported times, the same for all runs; the first is the initial time of every run.
        series
            For each data variable its times (points,) and values, (points,) or (runs, points).
        threads
            Number of threads.
        seed, numbers
            Seed of the random draws, and the number of each run, (runs,); default 0, 1, 2, ...
        out
            C-contiguous output array, (runs, outputs, times); default a new array.
        rough
            Output array, (runs,): number of rough steps and, times `EACH_UNEVEN`, of uneven ones (see
            `sdmodel.core.tableau`); needs a kernel with `rough=True`.
        begun
            What `begin` found, and which of its runs has the past of each run, (runs,). The result is the same to the
            last bit; a run with another date before is solved from the start.
        grid
            With exact dates, the times between reports at which all runs stop; default every TIME STEP.

        Returns
        -------
        values
            (runs, outputs, times)
        status
            (runs,): 0 success, 1 a state or output is not finite, 2 too many jumps or too long a memory.
        first
            (runs,): index of the first time with a value that is not finite, -1 if there is none.

        Raises
        ------
        SolveError
            If shapes of the arguments are inconsistent, or reported times do not fall on steps.
        """
        given, at, data, words = self._checked(parameters, times, series, seed, numbers)
        values = self._space(out, (len(given), len(self.plan.outputs), len(at)))
        status = np.zeros(len(given), dtype=np.uint8)
        first = np.full(len(given), -1, dtype=np.int32)
        if rough is None:
            rough = np.zeros(len(given))
        for start, step, which in groups(self.program, given, at):
            fixed = self.program.fixed
            plan = (grid_steps(times, start, step),) if fixed else common_stops(at, start, step, grid)
            if len(which) == len(given):
                job = Job(given, at, start, step, data, words, plan)
                self._group(job, threads, values, status, first, rough, begun)
                continue
            own = [(t, x if x.ndim == 1 else x[which]) for t, x in data]
            part = values[which], status[which], first[which], rough[which]
            self._group(Job(given[which], at, start, step, own, words[which], plan), threads, *part)
            values[which], status[which], first[which], rough[which] = part
        return values, status, first

    def begin(
        self,
        parameters: Any,
        times: Sequence[float],
        until: float,
        *,
        series: Sequence[tuple[Array, Array]] = (),
        threads: int = 1,
        seed: int = 0,
        numbers: Array | None = None,
        grid: Array | None = None,
    ) -> Begun:
        """Solve runs with exact dates up to a time of their grid, which they share; others go on from there.

        `times` are those of the whole runs; other arguments are those of `run`.
        """
        assert self._dates is not None
        given, at, data, words = self._checked(parameters, times, series, seed, numbers)
        ((start, step, _),) = groups(self.program, given, at)
        plan = common_stops(at, start, step, grid)
        last = int(np.searchsorted(plan[0], until))
        job = Job(given, at, start, step, data, words, tuple(a[: last + 1] for a in plan))
        values = np.empty((len(given), len(self.plan.outputs), int((at < until).sum())))
        first = np.full(len(given), -1, dtype=np.int32)
        states = np.empty((len(given), len(self.plan.states) + 2))
        dates: dict[int, Array] = {}

        def solve(low: int, high: int) -> None:
            ends = aligned((-(-(high - low) // self._lanes), states.shape[1], self._lanes))
            ends[:, -1] = 0.0
            _, first[low:high], _, table = self._block(job, values[low:high], low, high, ends=ends)
            states[low:high] = by_run(ends)[: high - low]
            dates[low] = by_run(passed(table, until))[: high - low]

        self._spread(len(given), threads, solve)
        return Begun(until, values, first, states, joined([dates[low] for low in sorted(dates)]))

    def _checked(
        self, parameters: Any, times: Sequence[float], series: Sequence[tuple[Array, Array]], seed: int, numbers: Any
    ) -> tuple[Array, Array, list[tuple[Array, Array]], Array]:
        """Parameters, reported times, data and seed words in the form of the kernel."""
        given = np.ascontiguousarray(parameters, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != len(self.program.parameters):
            raise SolveError(f"Parameters must be (runs, {len(self.program.parameters)}), not {given.shape}.")
        at = reported_times(times)
        words = run_words(self.program.streams, seed, np.arange(len(given)) if numbers is None else np.asarray(numbers))
        return given, at, self._series(series, len(given)), words

    @staticmethod
    def _space(out: Array | None, shape: tuple[int, ...]) -> Array:
        if out is None:
            return np.empty(shape)
        if out.shape != shape or out.dtype != np.float64 or not out.flags.c_contiguous:
            raise SolveError(f"The place for values must be contiguous doubles of shape {shape}, not {out.shape}.")
        return out

    # -- data shared by runs ------------------------------------------------------------------------------------
    def _series(self, series: Sequence[tuple[Array, Array]], runs: int) -> list[tuple[Array, Array]]:
        names = self.program.data
        if len(series) != len(names):
            raise SolveError(f"The program has {len(names)} data variables; {len(series)} series are given.")
        out = []
        for name, (times, values) in zip(names, series, strict=True):
            t, x = (np.ascontiguousarray(v, dtype=np.float64) for v in (times, values))
            if t.ndim != 1 or not len(t) or (np.diff(t) <= 0).any() or x.shape not in ((len(t),), (runs, len(t))):
                raise SolveError(
                    f"The series of '{name}' needs times that rise, and values (points,) or (runs, points)."
                )
            out.append((t, x))
        return out

    def _group(
        self, job: Job, threads: int, values: Array, status: Array, first: Array, rough: Array, begun: Any = None
    ) -> None:
        def solve(low: int, high: int) -> None:
            found = self._block(job, values[low:high], low, high, begun)
            status[low:high], first[low:high], rough[low:high], _ = found

        self._spread(len(job.given), threads, solve)

    def _spread(self, runs: int, threads: int, solve: Callable[[int, int], None]) -> None:
        """Call `solve` for blocks of runs."""
        vectors = -(-runs // self._lanes)
        size = max(1, min(_BLOCK, -(-vectors // (4 * threads)) if threads > 1 else vectors)) * self._lanes
        blocks = [(low, min(low + size, runs)) for low in range(0, runs, size)]
        if threads == 1 or len(blocks) == 1:
            for block in blocks:
                solve(*block)
            return
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(lambda block: solve(*block), blocks):
                pass

    def _block(
        self,
        job: Job,
        out: Array,
        low: int,
        high: int,
        begun: tuple[Begun, Array] | None = None,
        ends: Array | None = None,
    ) -> tuple[Array, Array, Array, Array]:
        """Solve runs `low` to `high` into `out`; return status, index of the first failed time, rough steps, and dates.

        `ends`, (vectors, states + 2, lanes), takes the states and so on after the last stop.
        """
        params = job.rows(low, high, self._lanes)
        vectors = len(params)
        work = aligned((self._rows, self._lanes))
        work[:] = 0.0
        noted = aligned((vectors, self._lanes)).view(np.int64)
        rough = aligned((vectors, self._lanes))
        rough[:] = 0.0
        given = vectors, high - low, address(params), params[0].nbytes, address(work)
        common = *given, address(out), address(noted), out.shape[2]
        plan, table, past, rows = job.plan, np.empty((0, 0, 0)), None, None
        if self._dates is not None:
            table, bad = self._dates.of(job, low, high, work)
            if begun is not None:
                past, which = begun[0], begun[1][low:high]
                rows = past.lanes(which, table)
            if past is not None and rows is not None:
                out[:, :, : past.values.shape[2]] = past.values[which]
                plan = tuple(a[np.searchsorted(plan[0], past.until) :] for a in plan)
            more = (address(rough),) if self.notes_rough else ()
            states = (0 if place is None else address(place) for place in (rows, ends))
            stops = len(plan[0]), *(address(a) for a in plan)
            self._runs(*common, *stops, table.shape[1], address(table), *more, *states)
        else:
            lengths, rings, bad = self._rings(params, work)
            ring = aligned((max(int(rings[-1]), 1), self._lanes))
            wanted = (address(a) for a in plan)
            self._runs(*common, *wanted, job.start, job.step, address(ring), address(rings), address(lengths))
        failed = bad.reshape(-1)[: high - low]
        early = noted.reshape(-1)[: high - low].astype(np.int32)
        if past is not None and rows is not None:
            early = np.where(past.first[which] >= 0, past.first[which], early)
        out[failed] = math.nan
        status = np.where(failed, TOO_MUCH, np.where(early >= 0, NOT_FINITE, OK)).astype(np.uint8)
        return status, early, rough.reshape(-1)[: high - low], table

    def _rings(self, params: Array, work: Array) -> tuple[Array, Array, Array]:
        """Length of each memory in steps, (vectors, memories, lanes); first rows of the rings; lanes where too long."""
        count, vectors = len(self.plan.memories), len(params)
        lengths = aligned((vectors, count, self._lanes)).view(np.int64)
        if self._spans is None:
            return lengths, np.zeros(1, dtype=np.int64), np.zeros((vectors, self._lanes), dtype=bool)
        spans = aligned((vectors, count, self._lanes))
        self._spans(vectors, address(params), params[0].nbytes, address(work), address(spans))
        steps = np.maximum(np.floor(spans + 0.5 + 1e-6), 1.0)
        bad = ~(np.isfinite(steps).all(axis=1) & (steps.sum(axis=1) <= MAX_MEMORY))
        lengths[:] = np.where(bad[:, None], 1.0, steps)
        return lengths, np.concatenate([[0], np.cumsum(lengths.max(axis=(0, 2)))]), bad


def _compiled_again(
    program: Program, outputs: Sequence[int], tableau: Tableau, contract: bool, rough: bool, target: Target | None
) -> Kernel:
    return Kernel(program, outputs, tableau=tableau, contract=contract, rough=rough, target=target)
