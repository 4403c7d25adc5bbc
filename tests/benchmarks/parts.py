"""Each part that makes sweeps quicker, with and without it, by processor time; results must be the same."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from shared import put, timed
from task import task
from timing import interleaved, left_out, ratios, spread, table, target

import sdmodel
from sdmodel.compile.llvm import Kernel, logarithm, lookup, power
from sdmodel.compile.llvm import math as own
from sdmodel.compile.llvm.dates import Dates
from sdmodel.compile.llvm.ir import Body, Machine, function
from sdmodel.compile.llvm.job import Job, address, aligned
from sdmodel.compile.llvm.loops import at, loop, times
from sdmodel.compile.llvm.random import lane_by_lane
from sdmodel.compile.llvm.target import Target, compiled, host
from sdmodel.core.cache import Cache
from sdmodel.solve.registry import solver

WITHOUT = "without: "


def parts(folder: Path) -> None:
    """What each part saves."""
    functions()
    pairs(folder)
    lanes(folder)
    threads(folder)


def pairs(folder: Path) -> None:
    """Work with and without a part."""
    from sdmodel.analysis.gradients import state_jumps

    model = sdmodel.load("shandong")
    names = list(model.uncertainties.index)
    design = sdmodel.latin_hypercube(model.uncertainties, 1024, rng=1)
    tables = task(folder, "lookup", 300)
    parameters = tables.parameters(1024)

    def sweep() -> np.ndarray:
        found = model.sweep(design, ["revenue"], every=1, workers=1, certificate=0, progress=False)
        return np.asarray(found["revenue"])

    def gradient(directions: int) -> np.ndarray:
        found = sdmodel.gradient(model, names[:directions], sdmodel.Outcome("knowledge", at=2024), every=1)
        return np.asarray(found["derivative"])

    def anew(do: Callable[[], np.ndarray]) -> np.ndarray:
        """Dates of every run by themselves, and the order of nodes, at each call."""
        with put(Dates, "of", of_every_run), put(state_jumps, "_orders", Cache(0)):
            return do()

    chosen = Kernel(tables.program, tables.nodes, tableau=solver("euler").steps)
    with put(lookup, "_CHOSEN", 0):
        gathered = Kernel(tables.program, tables.nodes, tableau=solver("euler").steps)
    cases: dict[str, tuple[Callable[[], np.ndarray], Callable[[], np.ndarray], int]] = {
        "a sweep of the shipped model, dates found once for what can act on them, a run": (
            sweep, lambda: anew(sweep), len(design),
        ),
        "a gradient of it along 8 directions, dates and order of nodes kept": (
            lambda: gradient(8), lambda: anew(lambda: gradient(8)), 1,
        ),
        "a gradient along 24 directions, the same": (lambda: gradient(24), lambda: anew(lambda: gradient(24)), 1),
    }  # fmt: skip
    if host().machine.permute:
        left_out("short lookups chosen knot by knot, AVX-512 looks them up in registers")
    else:
        cases["the model of lookups, short ones chosen knot by knot, Euler, a run"] = (
            lambda: chosen.run(parameters, tables.times)[0],
            lambda: gathered.run(parameters, tables.times)[0],
            len(parameters),
        )
    work: dict[str, Callable[[], object]] = {}
    for name, (do, without, _) in cases.items():
        if not np.array_equal(do(), without()):
            raise SystemExit(f"{name}: another result without it")
        work |= {name: do, WITHOUT + name: without}
    taken = interleaved(work)
    rows = []
    for name, (*_, count) in cases.items():
        with_, without_ = taken[name], taken[WITHOUT + name]
        each = (f"{1e3 * median(s) / count:.3g}" for s in (with_, without_))
        rows.append((name, *each, spread(ratios(without_, with_))))
    head = ("part", "ms with it", "ms without", "times quicker")
    table(head, rows, "With and without, results equal to the last bit")


def of_every_run(self: Dates, job: Job, low: int, high: int, work: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`Dates.of` without what runs share: the dates of every run by themselves."""
    dates, bad = self._found(job, np.arange(low, high), work)
    lanes = self._lanes
    out = aligned((len(dates) // lanes, dates.shape[1], lanes))
    out[:] = dates.reshape(-1, lanes, dates.shape[1]).transpose(0, 2, 1)
    return out, bad.reshape(-1, lanes)


def functions() -> None:
    """The kernel's own functions, beside the C library's called for each lane."""
    machines = {"AVX2": Machine(fma=True, permute=False), "no fused operations": Machine(fma=False, permute=False)}
    if host().machine.permute:
        machines = {"AVX-512": Machine(fma=True, permute=True), **machines}
    else:
        left_out("own functions by AVX-512, this processor has none")
    if not host().machine.fma:
        del machines["AVX2"]
        left_out("own functions by AVX2, this processor has no fused operations")
    x = np.random.default_rng(1).uniform(0.1, 3, 8192)
    routines: dict[str, tuple[Callable[..., str], Callable[..., str]]] = {
        "exp": (own.exp, lambda b, x: lane_by_lane(b, "exp", x)),
        "ln": (logarithm.ln, lambda b, x: lane_by_lane(b, "log", x)),
        "tanh": (own.tanh, lambda b, x: lane_by_lane(b, "tanh", x)),
        "pow": (lambda b, x: power.power(b, x, x), lambda b, x: b.call("pow", x, x)),
    }
    rows = []
    for name, (mine, library) in routines.items():
        work = {kind: _on_array(mine, machine, x) for kind, machine in machines.items()}
        work["library"] = _on_array(library, host().machine, x)
        taken = interleaved(work)
        first = taken[next(iter(machines))]
        cells = (f"{1e9 * median(s) / (REPEATED * len(x)):.2f}" for s in taken.values())
        rows.append((name, *cells, spread(ratios(taken["library"], first))))
    head = ("function", *(f"ns, {kind}" for kind in machines), "ns, C library lane by lane", "times quicker")
    table(head, rows, "Own functions, a value")


REPEATED = 50


def _on_array(build: Callable[..., str], machine: Machine, x: np.ndarray) -> Callable[[], object]:
    b = Body(machine)
    with loop(b, "%n") as i:
        offset = times(b, i, b.width)
        b.store(build(b, b.load(at(b, "%x", offset))), at(b, "%out", offset))
    text = "\n".join([*sorted(b.declared), function("void @f(ptr %x, ptr %out, i64 %n)", b)])
    engine = compiled(text, replace(host(), machine=machine))
    kinds = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64
    call = ctypes.CFUNCTYPE(None, *kinds)(engine.get_function_address("f"))
    given, out = aligned(x.shape), aligned(x.shape)
    given[:] = x

    def run(engine: Any = engine) -> None:  # the code lives as long as its engine
        for _ in range(REPEATED):
            call(address(given), address(out), len(x) // machine.lanes)

    return run


def lanes(folder: Path) -> None:
    """The policy-like model with other numbers of runs in a vector."""
    policy = task(folder, "policy", 100)
    given, kernels = policy.parameters(512), {}
    for width in (1, 2, 4, 8):
        machine = Machine(host().machine.fma, permute=width == 8 and host().machine.permute, lanes=width)
        there: Target = replace(host(), machine=machine)
        kernels[width] = Kernel(policy.program, policy.nodes, tableau=solver("euler").steps, target=there)
    results = {width: kernel.run(given, policy.times)[0] for width, kernel in kernels.items()}
    apart = max(float(np.abs(r / results[8] - 1).max()) for r in results.values())
    if apart > (1e-12 if host().machine.permute else 0):
        raise SystemExit(f"widths differ by {apart}")
    work = {str(n): (lambda kernel=kernel: kernel.run(given, policy.times)) for n, kernel in kernels.items()}
    taken = interleaved(work)
    rows = [(n, f"{1e6 * median(s) / len(given):.3g}", spread(ratios(s, taken["8"]))) for n, s in taken.items()]
    table(("runs in a vector", "µs a run", "times 8"), rows, "Lanes: policy-like, Euler")


def threads(folder: Path) -> None:
    """Sweeps by one and two threads: wall time, which says something on an idle machine only, and processor time."""
    policy = task(folder, "policy", 100)
    shipped = sdmodel.load("shandong")
    several = sdmodel.latin_hypercube(shipped.uncertainties, 4096, rng=1)
    how = {"every": 1.0, "certificate": 0, "progress": False}
    sweeps: dict[str, Callable[[int], Any]] = {
        "policy-like, Euler, 32,768 runs": lambda n: policy.model.sweep(
            policy.design(32768), policy.outputs, method="euler", workers=n, **how
        ),
        "shipped model, exact dates, 4,096 runs": lambda n: shipped.sweep(several, ["revenue"], workers=n, **how),
    }
    rows = []
    for name, do in sweeps.items():
        if not do(1).equals(do(2)):
            raise SystemExit(f"{name}: another result with two threads")
        wall, busy = ({n: [] for n in (1, 2)} for _ in range(2))  # type: dict[int, list[float]], dict[int, list[float]]
        for _ in range(3):
            for n in (1, 2):
                begun, used = time.perf_counter(), time.process_time()
                do(n)
                wall[n].append(time.perf_counter() - begun)
                busy[n].append(time.process_time() - used)
        quicker, dearer = ratios(wall[1], wall[2]), ratios(busy[2], busy[1])
        spent = {"blocks": 0.0, "all": 0.0}
        with put(Kernel, "_block", timed(Kernel._block, "blocks", spent)):
            timed(do, "all", spent)(1)
        alone = f"{100 * (1 - spent['blocks'] / spent['all']):.1f} %"
        cells = (f"{median(wall[1]):.2f}", f"{median(wall[2]):.2f}", spread(quicker), spread(dearer), alone)
        rows.append((name, *cells))
        target(f"two threads, {name}", median(quicker), 1.9, least=True)
    head = (
        "sweep",
        "s, one thread",
        "s, two threads",
        "times quicker",
        "processor time of two to one",
        "outside blocks",
    )
    table(head, rows, "Threads, by wall time: what other work takes of a processor is missing here")
