"""Speed beside other engines, as ratios within one run: `python tests/benchmarks [--full] [PART ...]`.

Every part times what it compares in turn, five times over, so that a busy machine slows all alike, and prints the
median with the smallest and largest. Engines must agree before they are timed: their values may differ by 1e-9 of the
largest value of a series.
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
from timing import AGREE, interleaved, ratios, spread, table, target

if TYPE_CHECKING:
    from task import Task


def machine() -> None:
    """Print what this runs on."""
    from peers import versions

    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    wide = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else "neither AVX-512 nor AVX2 known"
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {wide}; load {load}")
    print(f"Python {platform.python_version()}, {versions()}\n")


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
                print(f"left out, {make.name}: {error}")
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
        print(
            f"### Sweep: {task.kind} ({len(task.model.equations)} variables, {len(task.program.states)} states, ",
            end="",
        )
        print(f"{len(task.program.tables)} lookups, {task.steps} Euler steps, 5 series of {len(task.times)} values)\n")
        mine = each["sdmodel sweep"]
        rows = [
            (
                p.name,
                str(p.threads),
                f"{p.runs:,}",
                f"{1e6 * median(each[p.name]):,.3g}",
                spread(ratios(each[p.name], mine)),
            )
            for p in peers
        ]
        table(("engine", "threads", "runs", "µs a run", "times sdmodel sweep"), rows)
        if "C, 8 lanes" in each and task.kind != "small":
            limit = 1.1 if task.kind == "policy" else 1.5
            target(f"{task.kind}: sdmodel sweep to C", median(ratios(mine, each["C, 8 lanes"])), limit)
        if task.kind == "policy":
            target("policy: PySD to sdmodel sweep", median(ratios(each["PySD"], mine)), 8000, least=True)
            if "pysimlin" in each:
                target("policy: pysimlin to sdmodel sweep", median(ratios(each["pysimlin"], mine)), 100, least=True)
        print()


def single(folder: Path) -> None:
    """One run in a process that is warm, and a sweep of one row, as a slider calls it."""
    from task import tasks

    for task in tasks(folder):
        taken = interleaved(_single_runs(task, folder))
        print(f"### One run: {task.kind}\n")
        rows = [(name, f"{1e3 * median(s):,.3g}", spread(ratios(taken[PYSD], s))) for name, s in taken.items()]
        table(("engine", "ms", "times quicker than PySD"), rows)
        quicker = median(ratios(taken[PYSD], taken[ROW]))
        target(f"{task.kind}: PySD's run to a sweep of one row, one lever", quicker, 100, least=True)
        print()


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
        print(f"left out: {error}")
    return work


def main() -> None:
    """Run the parts asked for."""
    from more import cold, compiling, many
    from shared import shared

    parts = {"sweeps": sweeps, "single": single, "cold": cold, "compiling": compiling, "many": many, "shared": shared}
    parser = argparse.ArgumentParser(prog="python tests/benchmarks", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(parts)}; default: all")
    parser.add_argument("--full", action="store_true", help="1e5 and 1e6 runs into a store, with the peak of memory")
    requested = parser.parse_args()
    unknown = set(requested.parts) - set(parts)
    if unknown:
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    machine()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["SDMODEL_CACHE"] = str(Path(folder) / "cache")
        for name in requested.parts or parts:
            if name == "many":
                many(Path(folder), requested.full)
            else:
                parts[name](Path(folder))


if __name__ == "__main__":
    main()
