"""Cold processes, reading and compilation against size, and cost against the number of runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from generate import model as generated
from timing import interleaved, ratios, spread, table, target

from sdmodel.compile.program import Program
from sdmodel.solve.registry import solver


def cold(folder: Path) -> None:
    """From nothing to the result of one run on disk or in hand: a new process each time, models read before."""
    import pysd
    from task import task

    policy = task(folder, "policy", 100)
    place = folder / "pysd cold"
    place.mkdir(exist_ok=True)
    copy = place / policy.path.name
    copy.write_text(policy.path.read_text())
    pysd.read_vensim(str(copy))
    command = "import sys; from sdmodel.cli.main import main; sys.argv[0] = 'sdmodel'; main()"
    out = ["--out", str(folder / "run.csv")]
    calls = {
        "sdmodel run --method rk4": [command, "run", str(policy.path), "--method", "rk4", *out],
        "sdmodel run": [command, "run", str(policy.path), *out],
        "PySD, translated before": [f"import pysd; pysd.load({str(copy.with_suffix('.py'))!r}).run()"],
        "PySD, from the .mdl": [f"import pysd; pysd.read_vensim({str(copy)!r}).run()"],
    }
    if _simlin() is not None:
        calls["pysimlin"] = [f"import simlin; simlin.load({str(policy.path)!r}).run(analyze_loops=False).results"]

    # All engines with the bytecode of their modules, as where they are installed, whatever is set here.
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    own["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")

    def process(code: str, *args: str) -> None:
        subprocess.run([sys.executable, "-c", code, *args], check=True, capture_output=True, env=own)

    taken = interleaved({name: (lambda call=call: process(*call)) for name, call in calls.items()})
    rows = [(name, f"{median(s):.2f}", spread(ratios(taken["sdmodel run"], s))) for name, s in taken.items()]
    head = ("command", "s", "sdmodel run is so many times as long")
    table(head, rows, "A process of its own for one run, policy-like")
    target("sdmodel run --method rk4, seconds", median(taken["sdmodel run --method rk4"]), 0.6)
    target("sdmodel run, seconds", median(taken["sdmodel run"]), 1.2)


def reading(folder: Path) -> None:
    """Read, lower and compile models of growing size, nothing from a cache."""
    from pysd.translators.vensim.vensim_file import VensimFile

    import sdmodel
    from sdmodel.compile.llvm import Kernel
    from sdmodel.compile.llvm.target import compiled
    from sdmodel.compile.programs import lower

    def read(path: Path) -> None:
        shutil.rmtree(os.environ["SDMODEL_CACHE"], ignore_errors=True)
        sdmodel.load(path)

    def parse(path: Path) -> None:
        file = VensimFile(path, encoding=None)
        file.parse()
        file.get_abstract_model()

    def compile_(program: Program) -> None:
        compiled.cache_clear()
        Kernel(program, [program.outputs["everything"]], tableau=solver("exact").steps)

    sizes = (200, 300, 1000, 5000)
    rows, taken = [], {}
    for size in sizes:
        path = folder / f"size{size}.mdl"
        path.write_text(generated("policy", size))
        model = sdmodel.load(path)
        program = lower(model, fixed=False)
        work: dict[str, Callable[[], object]] = {
            "read": lambda path=path: read(path),
            "parsed by PySD": lambda path=path: parse(path),
            "read by pysimlin": lambda path=path: _simlin().load(str(path)),
            "read from cache": lambda path=path: sdmodel.load(path),
            "lower": lambda model=model: lower(model, fixed=False),
            "compile, exact dates": lambda program=program: compile_(program),
        }
        if size > _MOST_FOR_PYSD:
            del work["parsed by PySD"]
        if _simlin() is None:
            del work["read by pysimlin"]
        taken[size] = interleaved(work, 3 if size <= _MOST_FOR_PYSD else 1)
    for name in taken[sizes[0]]:
        rows.append((name, *(f"{median(taken[n][name]):.3f}" if name in taken[n] else "" for n in sizes)))
    head = ("seconds for so many equations", *(f"{n:,}" for n in sizes))
    table(head, rows, "First call: policy-like models of growing size, without a cache")
    parsed = median(ratios(taken[300]["read"], taken[300]["parsed by PySD"]))
    target("300 equations read, times PySD's parse", parsed, 0.5)
    target("5,000 equations read without a cache, seconds", median(taken[5000]["read"]), 4)
    for n, limit in ((200, 0.3), (5000, 8.0)):
        whole = median(taken[n]["lower"]) + median(taken[n]["compile, exact dates"])
        target(f"{n:,} equations lowered and compiled, seconds", whole, limit)


_MOST_FOR_PYSD = 1000
"""Equations beyond which PySD's parser takes longer than the rest of the benchmark, and all is timed once."""


def _simlin() -> Any:
    try:
        import simlin
    except ImportError:
        return None
    return simlin


def many(folder: Path, full: bool) -> None:
    """Cost of a run against the number of runs; in full, into a store, each in a process of its own."""
    from task import task

    policy = task(folder, "policy", 100)
    sizes = (1_000, 10_000, 100_000)
    designs = {n: policy.design(n) for n in sizes}
    keep = {"method": "euler", "every": 1.0, "progress": False}
    taken = interleaved(
        {str(n): (lambda n=n: policy.model.sweep(designs[n], policy.outputs, **keep)) for n in sizes}, 3
    )
    each = {n: [s / n for s in taken[str(n)]] for n in sizes}
    rows = [(f"{n:,}", f"{1e6 * median(each[n]):.3g}", spread(ratios(each[n], each[10_000]))) for n in sizes]
    what = "Cost of a run against the number of runs: policy-like, Euler, five yearly series"
    table(("runs", "µs a run", "times that of 10,000 runs"), rows, what)
    if not full:
        return
    rows = []
    for n in (100_000, 1_000_000):
        code = _STORED.format(here=str(Path(__file__).parent), folder=str(folder), runs=n)
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout.splitlines()[-1])
        rows.append(
            (f"{n:,}", f"{1e6 * found['seconds'] / n:.3g}", *(f"{found[k]:,.0f}" for k in ("before", "peak", "store")))
        )
    head = ("runs into a zarr store", "µs a run", "MB with the design in memory", "MB at the peak", "MB on disk")
    table(head, rows, "Runs into a store, by wall time of all processors")


_STORED = """
import json, resource, sys, time
from pathlib import Path
sys.path.insert(0, {here!r})
from task import task
policy = task(Path({folder!r}), "policy", 100)
design = policy.design({runs})
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before = peak()
place = Path({folder!r}) / "{runs}.zarr"
start = time.perf_counter()
policy.model.sweep(design, policy.outputs, method="euler", every=1.0, progress=False, store=place)
seconds = time.perf_counter() - start
size = sum(f.stat().st_size for f in place.rglob("*") if f.is_file()) / 2**20
print(json.dumps({{"seconds": seconds, "before": before, "peak": peak(), "store": size}}))
"""
