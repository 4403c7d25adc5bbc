"""Loading a model beside PySD and pysimlin, as ratios within one run.

`python tests/benchmarks/load.py [EQUATIONS ...]` times the synthetic policy models of `generate.py` after the imports.
"read" is cold, without our cache. "parse by PySD" is its parser alone, without the Python file that PySD writes beside
a model; loading that file again is its counterpart to our cache. Models of more than `MOST_FOR_PYSD` equations are left
to the others.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pysd
from generate import model as text_of
from pysd.translators.vensim.vensim_file import VensimFile
from timing import interleaved, ratios, spread, table, target

import sdmodel

KEPT_LIMIT = 0.050
"""Seconds within which a kept model of 300 equations is to load."""
COLD_LIMIT = 4.0
"""Seconds within which a model of 5,000 equations is to be read without a cache."""
MOST_FOR_PYSD = 1000


def readers(path: Path) -> dict[str, Callable[[], object]]:
    """Ways to read a file without a cache."""
    cache = Path(os.environ["SDMODEL_CACHE"])

    def read() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        sdmodel.load(path)

    def parse() -> None:
        file = VensimFile(path, encoding=None)
        file.parse()
        file.get_abstract_model()

    work: dict[str, Callable[[], object]] = {"sdmodel": read}
    if len(path.read_text(encoding="utf-8").split("~")) < 2 * (MOST_FOR_PYSD + 20):
        work["PySD"] = parse
    try:
        import simlin

        work["pysimlin"] = lambda: simlin.load(str(path))
    except ImportError:
        print("left out: pysimlin is not installed")
    return work


def measure(equations: int, folder: Path) -> list[tuple[str, ...]]:
    """Rows of the table for models of one size."""
    path = folder / f"policy{equations}.mdl"
    path.write_text(text_of("policy", equations), encoding="utf-8")
    rows = []

    def row(what: str, taken: dict[str, list[float]]) -> None:
        for name in taken:
            rows.append(
                (
                    f"{equations}",
                    what,
                    name,
                    spread([1000 * s for s in taken[name]]),
                    spread(ratios(taken[name], taken["sdmodel"])),
                )
            )

    taken = interleaved(readers(path))
    row("read", taken)
    if equations == 300:
        target("time to read 300 equations, of PySD's parse", median(ratios(taken["sdmodel"], taken["PySD"])), 0.5)
    if equations == 5000:
        target("seconds to read 5,000 equations", median(taken["sdmodel"]), COLD_LIMIT)
    if equations > MOST_FOR_PYSD:
        return rows
    pysd.read_vensim(str(path))
    again = interleaved(
        {"sdmodel": lambda: sdmodel.load(path), "PySD": lambda: pysd.load(str(path.with_suffix(".py")))}
    )
    row("load again", again)
    if equations == 300:
        target("seconds to load a kept model of 300 equations", median(again["sdmodel"]), KEPT_LIMIT)
    return rows


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # PySD's own
    sizes = [int(a) for a in sys.argv[1:]] or [100, 300, 1000, 5000]
    with tempfile.TemporaryDirectory() as name:
        os.environ["SDMODEL_CACHE"] = str(Path(name) / "cache")
        rows = [row for size in sizes for row in measure(size, Path(name))]
    table(("equations", "what", "by", "ms", "times sdmodel's"), rows)


if __name__ == "__main__":
    main()
