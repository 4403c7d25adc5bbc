"""Backends that execute the chunks of a sweep: the compiled kernel in threads, or scipy in processes."""

from __future__ import annotations

import multiprocessing
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import replace
from typing import Any

import numpy as np

from sdmodel.compile.python.engine import evaluate
from sdmodel.core.errors import SolveError, UnsupportedError
from sdmodel.core.expression import NA
from sdmodel.core.tableau import EACH_UNEVEN, FEW_ROUGH, PAST_ZERO
from sdmodel.sweep.engines import FAILED, FINE, Chunk, kernel_of, kernel_series, one_run, python_of
from sdmodel.sweep.fork import Fork
from sdmodel.sweep.plan import Plan
from sdmodel.sweep.refinement import refine, refined_run

_SCIPY_CHUNK = 16
_CHUNK_BYTES = 16_000_000
_CHUNK_OPERATIONS = 1e9
"""Operations of the kernel on vectors in a chunk, about a second: a chunk that was begun is finished after Ctrl-C."""
MOST_EXPLAINED = 20
"""Failed runs per chunk that are repeated to name the non-finite variable; for the others only the time is known."""


def with_engine(plan: Plan) -> Plan:
    """The plan with the fastest engine that supports its method and functions."""
    if plan.solver.adaptive:
        return replace(plan, engine="scipy")
    if any(len(held) > 1 for held in plan.past):  # the kernel fills a memory with one value
        return replace(plan, engine="python")
    try:
        kernel_of(plan)
    except UnsupportedError:
        return replace(plan, engine="python")
    return replace(plan, engine="kernel")


def chunk_rows(plan: Plan, workers: int) -> int:
    """Number of rows of a chunk: bounded memory and time, a few chunks per worker, a multiple of eight."""
    if plan.engine != "kernel":
        return _SCIPY_CHUNK
    if plan.runs <= 8:
        return 8
    width = 8 * (len(plan.outputs) * len(plan.times) + len(plan.base))
    step = evaluate(plan.program, plan.program.control["time step"], plan.base.tolist())
    steps = max((plan.times[-1] - plan.times[0]) / step, 1.0) if step > 0 else 1.0
    vectors = _CHUNK_OPERATIONS / (steps * plan.solver.steps.count * len(plan.program.nodes))
    most = min(max(_CHUNK_BYTES // width, 64), max(8 * int(vectors), 8))
    # The time to find the breaks of a chunk hardly depends on its number of rows.
    fair = max(-(-plan.runs // (4 * workers)), min(256, -(-plan.runs // workers)))
    return int(min(most, max(fair, 64)) + 7) // 8 * 8


def instructions(plan: Plan) -> str:
    """Processor features on which the bits of a result depend."""
    if plan.engine != "kernel":
        return platform.machine()
    from sdmodel.compile.llvm.target import host

    machine = host().machine
    more = " with AVX-512" if machine.permute else " with fused multiply-add" if machine.fma else ""
    return f"{platform.machine()}{more}"


def run_chunk(
    plan: Plan, start: int, stop: int, threads: int = 1, into: np.ndarray | None = None, shared: Fork | None = None
) -> Chunk:
    """Execute rows start to stop; results are bitwise independent of the worker.

    If `into`, (runs, outputs, times), is given, the kernel writes directly to these rows, which saves a copy. Runs go
    on from `shared`, what all runs have in common (see `sdmodel.sweep.fork`), to the same bits.
    """
    if plan.engine != "kernel":
        return _run_python(plan, start, stop)
    kernel = kernel_of(plan)
    parameters = plan.parameters(start, stop)
    noted = np.zeros(stop - start)
    values, found, first = kernel.run(
        parameters,
        plan.times,
        series=kernel_series(plan, slice(start, stop)),
        threads=threads,
        seed=plan.seed,
        numbers=plan.numbers[start:stop],
        out=None if into is None else into[start:stop],
        rough=noted,
        begun=None if shared is None else (shared.begun, shared.which[start:stop]),
        grid=plan.grid,
    )
    missing = values == NA
    if missing.any():
        values[missing] = np.nan
    if plan.grid is not None:
        unlike = (found != FINE) | (uneven_steps(noted) > plan.most_uneven)
        if plan.rtol is None:  # no pilot has shown how many rough steps accurate runs have
            unlike |= noted >= FEW_ROUGH
        return _with_time_step(plan, start, values, unlike, threads)
    values[found != FINE] = np.nan
    rough = noted >= np.where(first >= 0, 1, FEW_ROUGH)
    solved, reasons = refine(plan, start, values, found, np.flatnonzero(rough), noted >= PAST_ZERO)
    messages = [reasons.get(i, "") for i in range(len(found))]
    for i in [i for i in np.flatnonzero(found) if not messages[i]][: MOST_EXPLAINED * plan.refine]:
        messages[i] = one_run(plan, python_of(plan), parameters[i], start + int(i)).message
    for i in np.flatnonzero(found):
        when = f" at time {plan.times[first[i]]:.6g}" if first[i] >= 0 else ""
        messages[i] = messages[i] or f"A value is not finite{when}."
    return Chunk(start, values, np.where(found == FINE, FINE, FAILED).astype(np.int8), messages, solved)


def _with_time_step(plan: Plan, start: int, values: np.ndarray, unlike: np.ndarray, threads: int) -> Chunk:
    """A chunk solved with longer steps, after solving some runs again with TIME STEP."""
    chunk = Chunk(start, values, np.full(len(values), FINE, dtype=np.int8), [""] * len(values))
    again = np.flatnonzero(unlike)
    if len(again):
        part = run_chunk(replace(plan.only(start + again), grid=None), 0, len(again), threads)
        values[again], chunk.status[again] = part.values, part.status
        for k, i in enumerate(map(int, again)):
            chunk.messages[i], chunk.solved[start + i] = part.messages[k], part.solved.get(k, 0)
    return chunk


def _run_python(plan: Plan, start: int, stop: int) -> Chunk:
    engine = python_of(plan)
    values = np.full((stop - start, len(plan.outputs), len(plan.times)), np.nan)
    status = np.full(stop - start, FAILED, dtype=np.int8)
    messages = [""] * (stop - start)
    solved: dict[int, int] = {}
    for i, p in enumerate(plan.parameters(start, stop)):
        found, messages[i], by_scipy = refined_run(plan, engine, p, start + i)
        if by_scipy:
            solved[start + i] = by_scipy
        if found is not None:
            values[i], status[i] = found, FINE
    return Chunk(start, values, status, messages, solved)


def uneven_steps(noted: np.ndarray) -> np.ndarray:
    """Number of uneven and rough steps of runs, from the number in which the kernel counts both."""
    whole = np.floor(noted)
    found: np.ndarray = whole + (noted - whole) / EACH_UNEVEN
    return found


# -- many chunks ------------------------------------------------------------------------------------------------
def processors() -> int:
    """Number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def done_chunks(
    plan: Plan,
    starts: Sequence[int],
    rows: int,
    workers: int,
    into: np.ndarray | None = None,
    shared: Fork | None = None,
) -> Iterator[Chunk]:
    """Iterate over chunks in order of completion. Only a few are in progress at a time, so memory is bounded."""
    ends = [min(s + rows, plan.runs) for s in starts]
    if workers <= 1 or len(starts) <= 1:
        for start, stop in zip(starts, ends, strict=True):
            yield run_chunk(plan, start, stop, workers, into, shared)
        return
    with _pool(plan, workers) as pool:
        todo = iter(zip(starts, ends, strict=True))
        under_way: set[Future[Chunk]] = set()
        work = _in_worker if plan.engine != "kernel" else _in_thread(plan, into, shared)
        try:
            while True:
                for start, stop in todo:
                    under_way.add(pool.submit(work, start, stop))
                    if len(under_way) >= 2 * workers:
                        break
                if not under_way:
                    return
                finished, under_way = wait_for(under_way, return_when="FIRST_COMPLETED")
                for future in finished:
                    yield future.result()
        except BrokenExecutor as error:
            raise SolveError(
                "The worker processes of the sweep ended before their work was done. In a script, put the call under "
                "`if __name__ == '__main__':`, since each worker imports the script; or use workers=1."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _pool(plan: Plan, workers: int) -> Executor:
    if plan.engine == "kernel":
        return ThreadPoolExecutor(workers, "sdmodel")
    # Python functions hold the GIL, so threads would not run in parallel. Forking a process with threads may hang.
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    return ProcessPoolExecutor(workers, context, _start_worker, (plan,))


def _in_thread(plan: Plan, into: np.ndarray | None, shared: Fork | None) -> Any:
    return lambda start, stop: run_chunk(plan, start, stop, 1, into, shared)


_worker: Plan | None = None


def _start_worker(plan: Plan) -> None:
    global _worker
    _worker = plan


def _in_worker(start: int, stop: int) -> Chunk:
    assert _worker is not None
    return run_chunk(_worker, start, stop)
