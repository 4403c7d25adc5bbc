"""Loading and running a model beside PySD, as ratios within one run: `python tests/benchmarks/load.py [EQUATIONS ...]`.

Loading is measured after the imports, on the synthetic policy models of `generate.py`. PySD translates a model into a
Python file beside it; loading that file again is its counterpart to our cache.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import pysd
from generate import model as text_of
from timing import interleaved, ratios, spread, table, target

import sdmodel

LIMIT = 0.050
"""Seconds within which a kept model of 300 equations is to load."""


def measure(equations: int, folder: Path) -> list[tuple[str, ...]]:
    """Rows of the table for models of one size."""
    path = folder / f"policy{equations}.mdl"
    path.write_text(text_of("policy", equations), encoding="utf-8")
    cache = Path(os.environ["SDMODEL_CACHE"])

    def read() -> None:
        shutil.rmtree(cache, ignore_errors=True)
        sdmodel.load(path)

    def translate() -> None:
        pysd.read_vensim(str(path))

    translate()
    ours, theirs = sdmodel.load(path), pysd.load(str(path.with_suffix(".py")))
    by_us, by_them = ours.run(method="euler").to_dataframe(), theirs.run()
    for column in by_us.columns:
        if not np.allclose(by_us[column], by_them[column], rtol=1e-9, atol=1e-12):
            raise SystemExit(f"'{column}' differs from PySD's")
    rows = []
    for what, us, them in (
        ("read the file", read, translate),
        ("load again", lambda: sdmodel.load(path), lambda: pysd.load(str(path.with_suffix(".py")))),
        ("run by Euler", lambda: ours.run(method="euler"), theirs.run),
    ):
        taken = interleaved({"sdmodel": us, "PySD": them})
        seconds = [spread([1000 * s for s in taken[name]]) for name in ("sdmodel", "PySD")]
        rows.append((f"{equations}", what, *seconds, spread(ratios(taken["PySD"], taken["sdmodel"]))))
        if what == "load again" and equations == 300:
            target("seconds to load a kept model of 300 equations", sorted(taken["sdmodel"])[2], LIMIT)
    return rows


def main() -> None:
    """Print the table."""
    warnings.simplefilter("ignore")  # PySD's own
    sizes = [int(a) for a in sys.argv[1:]] or [100, 300, 1000]
    with tempfile.TemporaryDirectory() as name:
        os.environ["SDMODEL_CACHE"] = str(Path(name) / "cache")
        rows = [row for size in sizes for row in measure(size, Path(name))]
    table(("equations", "what", "sdmodel, ms", "PySD, ms", "PySD / sdmodel"), rows)


if __name__ == "__main__":
    main()
