"""Changes of model files: what the checks of `sdmodel check` miss, and whether a change moves any value."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tests.mutation import trials
from tests.mutation.changes import Mutant

SAME = 1e-6
"""Part of the largest value of a variable by which a change must move one to count."""


def warm() -> None:
    """Import sdmodel from the copy, for all trials: models change and code does not."""
    sys.path.insert(0, str(trials.COPY))
    for name in ("model", "compile.llvm.engine", "validation.confidence.run", "study.freeze", "study.history_matching"):
        importlib.import_module(f"sdmodel.{name}")
    from sdmodel.compile.llvm import target

    target.OPTIMIZATION = 0  # as in the tests


def misses(path: Path, samples: int) -> Iterator[str]:
    """Errors of the static checks, then misses of the tests that run one sector alone, the quick ones first."""
    import sdmodel
    from sdmodel.core.errors import SdmodelError
    from sdmodel.validation.confidence.extreme_conditions import extreme_conditions
    from sdmodel.validation.confidence.link_signs import polarity
    from sdmodel.validation.confidence.partial_models import partial_models
    from sdmodel.validation.spec import read_spec

    try:
        model = sdmodel.load(path)
        yield from (f"{r.kind}: {r.variable}" for r in model.check().itertuples() if r.level == "error")
        spec = read_spec(model)
        rows = partial_models({model.name: model}, {model.name: spec})
        yield from (f"{row.kind}: {row.name}" for row in rows if row.verdict == "miss")
        yield from (f"{row.kind}: {row.name}" for row in polarity(model, spec.polarity) if row.verdict == "miss")
        rows = extreme_conditions(model, spec, samples, 1)
        yield from (f"{row.kind}: {row.name}" for row in rows if row.verdict == "miss")
    except (SdmodelError, ArithmeticError) as error:
        yield f"refused: {type(error).__name__}"


def checked(mutant: Mutant | None, path: Path, known: set[str], samples: int, seconds: float) -> set[str]:
    """Misses of a model of the copy, all of them without a change, else the first that is not known."""
    place, report = trials.COPY / path, trials.HOME / "misses"
    report.unlink(missing_ok=True)

    def work() -> int:
        os.environ["SDMODEL_CACHE"] = str(trials.HOME / "cache")
        found = misses(place, samples)
        new = set(found) if mutant is None else {m for m in [next((m for m in found if m not in known), "")] if m}
        report.write_text("\n".join(sorted(new)), encoding="utf-8")
        return 0

    status = _with(mutant, path, work, seconds)
    if status != 0:
        return {trials.OUT_OF_TIME if status is None else f"status {status}"}
    return set(report.read_text(encoding="utf-8").splitlines())


def values(path: Path, target: Path) -> None:
    """Write all variables of the file's own values, of each constant at its ends, of random corners and inputs."""
    import pandas as pd

    import sdmodel
    from sdmodel.validation.confidence.extreme_conditions import corners, ends

    model = sdmodel.load(path)
    names = [v.name for v in model.equations.values() if v.kind in ("stock", "auxiliary")]
    known = model.parameters("input")
    random = np.random.default_rng(2)
    held = known["value"].to_numpy(float)  # what other sectors hand over, up to half as much again or half less
    moved = np.where(
        held == 0, random.uniform(0, 0.5, (100, len(known))), held * random.uniform(0.5, 1.5, (100, len(known)))
    )
    moved = np.clip(moved, known["low"].to_numpy(float), known["high"].to_numpy(float))
    inputs = pd.DataFrame(moved, columns=known.index)
    both = pd.concat([corners(model, 100, 2, {}), inputs], axis=1)
    design = pd.concat([pd.DataFrame([{}], index=[0]), ends(model), both, inputs], ignore_index=True)
    own = model.parameters()["value"]
    design = design.fillna({name: own[name] for name in design.columns})
    found = model.sweep(design, names, every=1, workers=1, certificate=0, progress=False)
    np.savez(target, **{f"v{i}": found[name].to_numpy() for i, name in enumerate(names)})


def moves_nothing(mutant: Mutant, seconds: float) -> bool:
    """Whether every variable stays within `SAME` of its largest value in all runs of `values`."""
    files = [trials.HOME / f"{name}.npz" for name in ("unchanged", "changed")]
    for change, file in zip((None, mutant), files, strict=True):
        file.unlink(missing_ok=True)

        def work(file: Path = file) -> int:
            os.environ["SDMODEL_CACHE"] = str(trials.HOME / "cache")
            values(trials.COPY / mutant.path, file)
            return 0

        if _with(change, mutant.path, work, seconds) != 0:
            return False
    one, other = (np.load(file) for file in files)
    largest = {name: np.nanmax(np.abs(one[name]), initial=1e-9) for name in one}
    return all(
        np.allclose(one[name], other[name], rtol=0, atol=SAME * largest[name], equal_nan=True) for name in largest
    )


def _with(mutant: Mutant | None, path: Path, work: Callable[[], int], seconds: float) -> int | None:
    """Status of `work` in a process of its own, with the change in place if there is one."""
    place = trials.COPY / path
    text = place.read_text("utf-8")
    if mutant is not None:
        place.write_text(mutant.applied(text), encoding="utf-8")
    try:
        return trials.forked(work, seconds, 10 * seconds)
    finally:
        place.write_text(text, encoding="utf-8")
