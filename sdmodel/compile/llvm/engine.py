"""Compile an LLVM module and run it: the kernel of sweeps."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from sdmodel.compile.llvm.breaks import cuts
from sdmodel.compile.llvm.emit import emit
from sdmodel.compile.llvm.ir import Machine
from sdmodel.compile.llvm.job import Job, address, aligned, common_stops, grid_steps, run_words
from sdmodel.compile.program import Program
from sdmodel.compile.programs import depends
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.errors import SolveError
from sdmodel.core.tableau import FEW_ROUGH, Tableau

Array = np.ndarray
OK, NOT_FINITE, TOO_MUCH = 0, 1, 2
MAX_MEMORY = 10_000_000
"""Maximum number of past values in the memories of a run, as for a single run."""
OPTIMIZATION = 2
"""Level of LLVM's code generator. Values do not depend on it; level 0 compiles in half of the time and runs slower."""
_BLOCK = 128
"""Maximum number of vectors of runs in a block, the unit of work of a thread."""


@dataclass(frozen=True, slots=True)
class Target:
    """The processor to compile for."""

    triple: str
    cpu: str
    features: str
    machine: Machine


@lru_cache(maxsize=1)
def host() -> Target:
    """The processor of this machine."""
    features = llvm.get_host_cpu_features()
    triple = llvm.get_process_triple()
    arm = triple.startswith(("aarch64", "arm64"))
    # Eight lanes also where registers hold fewer: independent operations hide the latency of one another. Measured for
    # shandong, eight lanes against as many as a register holds: AVX2 2.4 and 3.2 ms a run, SSE2 4.3 and 6.1 ms.
    machine = Machine(fma=arm or bool(features.get("fma")), permute=bool(features.get("avx512f")))
    return Target(triple, llvm.get_host_cpu_name(), features.flatten(), machine)


def assembled(text: str, target: Target) -> tuple[Any, Any]:
    """Parse LLVM IR; return the module and the target machine that generates its code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    module.triple = target.triple
    builder = llvm.Target.from_triple(target.triple)
    machine = builder.create_target_machine(cpu=target.cpu, features=target.features, opt=OPTIMIZATION, jit=True)
    module.data_layout = str(machine.target_data)
    return module, machine


@lru_cache(maxsize=16)
def compiled(text: str, target: Target) -> Any:
    """Execution engine with the compiled module; models with the same equations share it."""
    engine = llvm.create_mcjit_compiler(*assembled(text, target))
    engine.finalize_object()
    return engine


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
        Flag runs whose estimated step error is too large (see `run`); the tableau must have error weights.
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
    >>> from sdmodel.core.tableau import FEW_ROUGH, Tableau
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
        self.notes_rough = rough and bool(tableau.error) and not program.fixed
        target = target or host()
        source = emit(program, outputs, tableau, target.machine, contract, self.notes_rough)
        self.plan = source.plan
        self.text = source.text
        self._rows, self._lanes = source.rows, target.machine.lanes
        self._engine = compiled(source.text, target)
        self._runs = self._function(
            "runs", "nnpnpppn" + ("pddppp" if program.fixed else "npppnp") + "p" * self.notes_rough
        )
        tests = [n for s in source.plan.clock.sources for n in (s.test, s.against) if n >= 0]
        self._dated = sorted(depends(program, *tests))
        self._watch = self._function("watch", "nnpnpppp") if not program.fixed else None
        self._spans = self._function("spans", "npnpp") if source.plan.memories else None

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
            Boolean output array, (runs,): True where a step is too long; needs a kernel with `rough=True`.

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
        given = np.ascontiguousarray(parameters, dtype=np.float64)
        if given.ndim != 2 or given.shape[1] != len(self.program.parameters):
            raise SolveError(f"Parameters must be (runs, {len(self.program.parameters)}), not {given.shape}.")
        at = np.ascontiguousarray(times, dtype=np.float64)
        if at.ndim != 1 or not len(at) or not np.isfinite(at).all() or (np.diff(at) <= 0).any():
            raise SolveError("Reported times must be finite and rise.")
        data = self._series(series, len(given))
        words = run_words(self.program.streams, seed, np.arange(len(given)) if numbers is None else np.asarray(numbers))
        values = self._space(out, (len(given), len(self.plan.outputs), len(at)))
        status = np.zeros(len(given), dtype=np.uint8)
        first = np.full(len(given), -1, dtype=np.int32)
        if rough is None:
            rough = np.zeros(len(given), dtype=bool)
        for start, step, which in self._groups(given, at):
            plan = common_stops(at, start, step) if not self.program.fixed else (grid_steps(at, start, step),)
            if len(which) == len(given):
                job = Job(given, at, start, step, data, words, plan)
                self._group(job, threads, values, status, first, rough)
                continue
            own = [(t, x if x.ndim == 1 else x[which]) for t, x in data]
            part = values[which], status[which], first[which], rough[which]
            self._group(Job(given[which], at, start, step, own, words[which], plan), threads, *part)
            values[which], status[which], first[which], rough[which] = part
        return values, status, first

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

    def _groups(self, given: Array, at: Array) -> list[tuple[float, float, Array]]:
        """Group the runs by TIME STEP, which is nearly always the same; (start, step, indices) of each group."""
        start, step = (self._control(name, given) for name in ("initial time", "time step"))
        if not (np.isfinite(step).all() and (step > 0).all()):
            raise SolveError("TIME STEP must be a positive number in every run.")
        origin = float(start[0]) if self.program.resumed else float(at[0])
        if (start != origin).any() or origin > at[0]:
            wrong = float(start[start != at[0]][0])
            raise SolveError(f"The first reported time is {at[0]:g} but a run begins at {wrong:g}.")
        return [(origin, float(one), np.flatnonzero(step == one)) for one in np.unique(step)]

    def _control(self, name: str, given: Array) -> Array:
        node = self.program.control[name]
        op, *args = self.program.nodes[node]
        if op == "param":
            return given[:, int(args[0])]
        if op == "const":
            return np.full(len(given), float(args[0]))
        return np.array([evaluate(self.program, node, row.tolist()) for row in given])

    def _group(self, job: Job, threads: int, values: Array, status: Array, first: Array, rough: Array) -> None:
        runs = len(job.given)
        vectors = -(-runs // self._lanes)
        size = max(1, min(_BLOCK, -(-vectors // (4 * threads)))) * self._lanes

        def solve(low: int) -> None:
            high = min(low + size, runs)
            status[low:high], first[low:high], rough[low:high] = self._block(job, values[low:high], low, high)

        blocks = range(0, runs, size)
        if threads == 1 or len(blocks) == 1:
            for low in blocks:
                solve(low)
            return
        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(solve, blocks):
                pass

    def _block(self, job: Job, out: Array, low: int, high: int) -> tuple[Array, Array, Array]:
        """Solve runs `low` to `high` into `out`; return status, index of the first failed time, and rough flags."""
        params = job.rows(low, high, self._lanes)
        vectors = len(params)
        work = aligned((self._rows, self._lanes))
        work[:] = 0.0
        noted = aligned((vectors, self._lanes)).view(np.int64)
        rough = aligned((vectors, self._lanes))
        rough[:] = 0.0
        given = vectors, high - low, address(params), params[0].nbytes, address(work)
        common = *given, address(out), address(noted), len(job.at)
        plan = [address(a) for a in job.plan]
        if not self.program.fixed:
            table, bad = self._dates(job, low, high, work)
            more = (address(rough),) if self.notes_rough else ()
            self._runs(*common, len(job.plan[0]), *plan, table.shape[1], address(table), *more)
        else:
            lengths, rings, bad = self._rings(params, work)
            ring = aligned((max(int(rings[-1]), 1), self._lanes))
            self._runs(*common, *plan, job.start, job.step, address(ring), address(rings), address(lengths))
        failed = bad.reshape(-1)[: high - low]
        early = noted.reshape(-1)[: high - low].astype(np.int32)
        out[failed] = math.nan
        status = np.where(failed, TOO_MUCH, np.where(early >= 0, NOT_FINITE, OK)).astype(np.uint8)
        return status, early, rough.reshape(-1)[: high - low] >= np.where(early >= 0, 1, FEW_ROUGH)

    def _dates(self, job: Job, low: int, high: int, work: Array) -> tuple[Array, Array]:
        """Breaks of runs `low` to `high`, followed by one date after the end; and lanes with too many breaks.

        They are found once for each distinct set of values on which they depend.
        """
        lanes, end = self._lanes, float(job.at[-1])
        # The end stands in for no values at all; sets are told apart by their bits.
        rests = np.column_stack([job.given[low:high, self._dated], np.full(high - low, end)])
        sets = np.ascontiguousarray(rests).view(np.dtype((np.void, rests[0].nbytes)))[:, 0]
        _, first, which = np.unique(sets, return_index=True, return_inverse=True)
        params = replace(job, given=job.given[low + first], data=[], words=job.words[:, :0]).rows(0, len(first), lanes)
        watch, shape = self._watcher(params, work), (len(params), lanes)
        begin = float(job.at[0])
        beyond = end + 1e-6 * max(end - begin, job.step)
        dates, bad = cuts(self.plan.clock, self.program, watch, begin, end, shape)
        after, bad_after = cuts(self.plan.clock, self.program, watch, end, beyond, shape)
        found = np.concatenate([dates, after[:, :2]], axis=1).transpose(0, 2, 1).reshape(-1, dates.shape[1] + 2)
        vectors = -(-len(which) // lanes)
        place = which[np.minimum(np.arange(vectors * lanes), len(which) - 1)].reshape(vectors, lanes)
        table = aligned((vectors, found.shape[1], lanes))
        table[:] = found[place].transpose(0, 2, 1)
        return table, (bad | bad_after).ravel()[place]

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

    def _watcher(self, params: Array, work: Array) -> Callable[[Array, Array], Array]:
        """Wrap `@watch` as a function of arrays."""
        function = self._watch
        assert function is not None
        sources, stride = len(self.plan.clock.sources), params[0].nbytes

        def watch(t: Array, held: Array) -> Array:
            times, given, out = aligned(t.shape), aligned(held.shape), aligned((*t.shape[:2], 2 * sources, self._lanes))
            times[:], given[:] = t, held
            pointers = [address(a) for a in (work, times, given, out)]
            function(*t.shape[:2], address(params), stride, *pointers)
            return out

        return watch
