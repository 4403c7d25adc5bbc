"""Cold processes, compilation against size, and cost against the number of runs."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from generate import model as generated
from timing import REPETITIONS, interleaved, ratios, spread, table, target

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
    command = "import sys; from sdmodel.cli import main; sys.argv[0] = 'sdmodel'; main()"
    out = ["--out", str(folder / "run.csv")]
    calls = {
        "sdmodel run --method rk4": [command, "run", str(policy.path), "--method", "rk4", *out],
        "sdmodel run": [command, "run", str(policy.path), *out],
        "PySD, translated before": [f"import pysd; pysd.load({str(copy.with_suffix('.py'))!r}).run()"],
        "PySD, from the .mdl": [f"import pysd; pysd.read_vensim({str(copy)!r}).run()"],
    }
    try:
        import simlin  # noqa: F401 (is it there?)

        calls["pysimlin"] = [f"import simlin; simlin.load({str(policy.path)!r}).run(analyze_loops=False).results"]
    except ImportError:
        print("left out: pysimlin is not installed")

    def process(code: str, *args: str) -> None:
        subprocess.run([sys.executable, "-c", code, *args], check=True, capture_output=True)

    taken = interleaved({name: (lambda call=call: process(*call)) for name, call in calls.items()})
    print("### Cold process: policy\n")
    rows = [(name, f"{median(s):.2f}", spread(ratios(taken["sdmodel run"], s))) for name, s in taken.items()]
    table(("command", "s", "sdmodel run is so many times as long"), rows)
    target("sdmodel run --method rk4, seconds", median(taken["sdmodel run --method rk4"]), 0.6)
    target("sdmodel run, seconds", median(taken["sdmodel run"]), 1.2)
    print()


def compiling(folder: Path) -> None:
    """Seconds to read, lower and compile models of growing size, nothing from a cache."""
    import sdmodel
    from sdmodel.compile.llvm import Kernel
    from sdmodel.compile.programs import lower

    print("### First call: policy-like models of growing size\n")
    rows, whole = [], {}
    for equations in (200, 500, 1000, 2000, 5000):
        path = folder / f"size{equations}.mdl"
        text = generated("policy", equations)
        taken: dict[str, list[float]] = {k: [] for k in ("read", "read again", "lower", "exact", "euler")}
        for number in range(REPETITIONS):
            path.write_text(text + f"{{{number}}}\n")  # other bytes, so not in the cache
            start = time.perf_counter()
            sdmodel.load(path)
            taken["read"].append(time.perf_counter() - start)
            start = time.perf_counter()
            model = sdmodel.load(path)
            taken["read again"].append(time.perf_counter() - start)
            start = time.perf_counter()
            program = lower(model, fixed=False)
            taken["lower"].append(time.perf_counter() - start)
            for method in ("exact", "euler"):
                made = program if method == "exact" else lower(model, fixed=True)
                start = time.perf_counter()
                Kernel(made, [made.outputs["everything"]], tableau=solver(method).steps)
                taken[method].append(time.perf_counter() - start)
        whole[equations] = median([a + b for a, b in zip(taken["lower"], taken["exact"], strict=True)])
        rows.append((f"{equations:,}", *(f"{median(s):.3f}" for s in taken.values()), f"{whole[equations]:.3f}"))
    head = ("equations", "read .mdl", "read from cache", "lower", "compile, exact dates", "compile, Euler")
    table((*head, "lower and compile, exact dates"), rows)
    target("200 equations lowered and compiled, seconds", whole[200], 0.3)
    target("5,000 equations lowered and compiled, seconds", whole[5000], 8)
    print()


def many(folder: Path, full: bool) -> None:
    """Cost of a run against the number of runs; in full, into a store, each in a process of its own."""
    from task import task

    policy = task(folder, "policy", 100)
    sizes = (1_000, 10_000, 100_000)
    designs = {n: policy.design(n) for n in sizes}
    keep = {"method": "euler", "every": 1.0, "progress": False}
    taken = interleaved({str(n): (lambda n=n: policy.model.sweep(designs[n], policy.outputs, **keep)) for n in sizes})
    each = {n: [s / n for s in taken[str(n)]] for n in sizes}
    print("### Cost of a run against the number of runs: policy, Euler, five yearly series\n")
    rows = [(f"{n:,}", f"{1e6 * median(each[n]):.3g}", spread(ratios(each[n], each[10_000]))) for n in sizes]
    table(("runs", "µs a run", "times that of 10,000 runs"), rows)
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
    table(("runs into a zarr store", "µs a run", "MB with the design in memory", "MB at the peak", "MB on disk"), rows)


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
