"""Speed with and without each part, and beside other engines: `python tests/benchmarks [--page] [--full] [PART ...]`.

Every part times what it compares in turn, by processor time, so that a busy machine slows all alike, and prints the
median with the smallest and largest. Engines must agree before they are timed: their values may differ by 1e-9 of the
largest value of a series. `--page` also writes the tables of `docs/numerics/speed.md`.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import numpy as np
from c_kernel import processor_flags
from timing import AGREE, found, interleaved, left_out, ratios, spread, table, target

if TYPE_CHECKING:
    from task import Task

NAMES = {"small": "the small model", "policy": "the policy-like model", "lookup": "the model of lookups"}


def machine() -> str:
    """What this runs on."""
    from peers import versions

    flags = processor_flags()
    wide = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "neither AVX-512 nor AVX2 known"
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    here = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {wide}; load {load}"
    return f"{here}; Python {platform.python_version()}, {versions()}"


def sweeps(folder: Path) -> None:
    """Cost of one run in a sweep."""
    from peers import PEERS, Peer, UnusableError
    from task import tasks

    for task in tasks(folder):
        peers: list[Peer] = []
        for make in PEERS:
            try:
                peers.append(make(task, folder))
            except UnusableError as error:
                left_out(f"{make.name}, {error}")
        first = peers[0].values(peers[0].solve())
        for peer in peers[1:]:
            values = peer.values(peer.solve()) if peer.compared else first
            common = min(len(values), len(first))
            scale = np.abs(first[:common]).max(axis=2, keepdims=True)
            error = float((np.abs(values[:common] - first[:common]) / scale).max())
            if not error <= AGREE:
                raise SystemExit(f"{peer.name} differs from {peers[0].name} by {error:.1e} on {task.kind}")
        taken = interleaved({peer.name: peer.solve for peer in peers})
        each = {peer.name: [s / peer.runs for s in taken[peer.name]] for peer in peers}
        mine, size = each["sdmodel sweep"], task.program
        rows = [
            (p.name, f"{p.runs:,}", f"{1e6 * median(each[p.name]):,.3g}", spread(ratios(each[p.name], mine)))
            for p in peers
        ]
        table(
            ("engine", "runs", "µs a run", "times sdmodel sweep"),
            rows,
            f"Sweep, {NAMES[task.kind]}: {len(task.model.equations)} variables, {len(size.states)} states, "
            f"{len(size.tables)} lookups, {task.steps} Euler steps, 5 series of {len(task.times)} values",
        )
        if "C, 8 lanes" in each and task.kind != "small":
            limit = 0.8 if task.kind == "policy" else 0.9
            target(f"{NAMES[task.kind]}, sdmodel sweep to C", median(ratios(mine, each["C, 8 lanes"])), limit)
        if task.kind == "policy":
            target("policy-like, PySD to sdmodel sweep", median(ratios(each["PySD"], mine)), 8000, least=True)
            if "pysimlin" in each:
                target(
                    "policy-like, pysimlin to sdmodel sweep", median(ratios(each["pysimlin"], mine)), 100, least=True
                )


def single(folder: Path) -> None:
    """One run in a process that is warm, and a sweep of one row, as a slider calls it."""
    from task import tasks

    for task in tasks(folder):
        taken = interleaved(_single_runs(task, folder))
        rows = [(name, f"{1e3 * median(s):,.3g}", spread(ratios(taken[PYSD], s))) for name, s in taken.items()]
        table(("engine", "ms", "times quicker than PySD"), rows, f"One run: {NAMES[task.kind]}")
        quicker = median(ratios(taken[PYSD], taken[ROW]))
        target(f"{NAMES[task.kind]}, PySD's run to a sweep of one row, one lever", quicker, 200, least=True)


PYSD, ROW = "PySD, Euler", "sdmodel sweep of one row, one lever, Euler"


def _single_runs(task: Task, folder: Path) -> dict[str, Callable[[], object]]:
    from peers import PySD, Simlin, UnusableError

    row, model, outputs = task.design(1), task.model, task.outputs
    values, one = row.to_dict("records")[0], row[task.levers[:1]]
    Simlin.runs = PySD.runs = 1
    work: dict[str, Callable[[], object]] = {
        ROW: lambda: model.sweep(one, outputs, method="euler", every=1.0, progress=False),
        "the same, exact dates": lambda: model.sweep(one, outputs, every=1.0, progress=False),
        f"the same, exact dates, {len(task.levers)} levers": lambda: model.sweep(
            row, outputs, every=1.0, progress=False
        ),
        "sdmodel run, LSODA": lambda: model.run(values),
        "sdmodel run, RK4": lambda: model.run(values, method="rk4"),
        "sdmodel run, Euler": lambda: model.run(values, method="euler"),
        PYSD: PySD(task, folder).solve,
    }
    try:
        work["pysimlin, Euler"] = Simlin(task, folder).solve
    except UnusableError as error:
        left_out(str(error))
    return work


def main() -> None:
    """Run the parts asked for."""
    from more import cold, many, reading
    from page import keep
    from parts import parts
    from question import question
    from shared import shared

    every: dict[str, Callable[[Path], None]] = {
        "sweeps": sweeps, "single": single, "parts": parts, "shared": shared, "question": question, "reading": reading,
        "cold": cold,
    }  # fmt: skip
    every["many"] = lambda folder: many(folder, requested.full)
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(every)}; default: all")
    parser.add_argument("--page", action="store_true", help="write the figures into docs/numerics/speed.md")
    parser.add_argument("--full", action="store_true", help="1e5 and 1e6 runs into a store, with the peak of memory")
    requested = parser.parse_args()
    unknown = set(requested.parts) - set(every)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SDMODEL_CACHE"] = str(Path(folder) / "cache")
        for name in requested.parts or every:
            found.update(tables=[], aims=[], machine=machine())
            print(f"## {name}: {found['machine']}\n", flush=True)
            every[name](Path(folder))
            if requested.page:
                keep(name, found)


if __name__ == "__main__":
    main()
