"""History matching: the draws of all uncertainties whose base run agrees with published figures.

`python -m sdmodel.study.history_matching` draws samples, runs them, keeps those that agree and writes
`models/data/ensemble.toml` and `.csv`. These store the numbers of the kept rows, from which `ensemble` draws them
again. Run it again when equations, ranges or targets have changed.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import sdmodel
from sdmodel.core.errors import DesignError, SdmodelError
from sdmodel.core.resources import shipped
from sdmodel.study import sampling
from sdmodel.study.targets import CUT, Target, correlations, data, implausible, label, targets, variables

if TYPE_CHECKING:
    from sdmodel.model import Model

SEED, BLOCK = 20261, 16_384
LEAST_DRAWN, MOST_DRAWN = 65_536, 1_048_576
LEAST_KEPT, MOST_KEPT = 10_000, 10_000
"""Draws continue until the first number of rows is kept; kept rows beyond the second are counted and not stored."""
EVERY = 0.5
FREE = {
    "hazard of weak firms": "T40 to T43, T47",
    "hazard of strong firms": "T40 to T43, T47",
    "growth before 2009": "T23, T25, F46",
    "tangible assets ratio": "F47, F50, FN06, I13",
    "RnD cost per RnD person": "F06",
    "reach of schemes": "F20",
    "gross return on knowledge": "KN04, KN05",
    "new track share in 2009": "C31",
}
"""Parameters that the targets were meant to inform, and by which; all others were drawn as well."""


class StaleEnsembleError(SdmodelError):
    """The stored ensemble belongs to another model."""


def ensemble_path() -> Path:
    """Path of the stored ensemble, without suffix."""
    return shipped("models") / "data" / "ensemble"


def mark(model: Model) -> str:
    """Hash of what determines the ensemble: equations, table of uncertainties, targets, correlations, sampler."""
    table = model.uncertainties[["value", "low", "high", "distribution"]]
    words = ("id", "name", "why", "source")
    rows = [{k: v for k, v in row.items() if k not in words} for row in data()["target"] if row["use"] == "match"]
    parts = (model.fingerprint, list(table.itertuples(name=None)), rows, correlations(), sampling.SAMPLER, CUT)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def until(model: Model, of: Sequence[Target]) -> Model:
    """The model, with FINAL TIME at the end of the last target."""
    last = max(t.at for t in of)
    return model.replace("FINAL TIME", float(np.ceil(last / EVERY) * EVERY))


def drawn(model: Model, rows: np.ndarray, seed: int = SEED) -> tuple[np.ndarray, pd.DataFrame]:
    """Rows of the draws by their numbers: as uniform numbers, and as values of all uncertainties."""
    table = model.uncertainties
    known = set(table.index)
    wanted = {pair: rank for pair, rank in correlations().items() if known.issuperset(pair)}
    u = sampling.correlated(sampling.uniform_rows(rows, len(table), seed), [str(n) for n in table.index], wanted)
    return u, sampling.values(u, table)


# -- the stored ensemble ----------------------------------------------------------------------------------------
@cache
def record() -> dict[str, Any]:
    """The stored record of the matching."""
    with ensemble_path().with_suffix(".toml").open("rb") as file:
        return tomllib.load(file)


def kept_rows() -> np.ndarray:
    """Numbers of the draws that were kept."""
    return np.loadtxt(ensemble_path().with_suffix(".csv"), dtype=np.int64, skiprows=1)


def ensemble(model: Model, n: int | None = None) -> pd.DataFrame:
    """Draws of all uncertainties whose base run no target rules out; the columns of `sdmodel.latin_hypercube`.

    Parameters
    ----------
    model
        The composition the ensemble was made for.
    n
        The first `n`, which are an independent sample like any others; default all that are stored.

    Raises
    ------
    StaleEnsembleError
        If equations, ranges or targets are not those it was made with.
    DesignError
        If fewer are stored.
    """
    stored = record()
    if stored["mark"] != mark(model):
        raise StaleEnsembleError(
            f"The stored ensemble was made for other equations, ranges or targets (mark {stored['mark']}, this model "
            f"{mark(model)}). `python -m sdmodel.study.history_matching` makes it anew, in some minutes."
        )
    rows = kept_rows()
    if n is not None and not 1 <= n <= len(rows):
        raise DesignError(f"{n:,} samples are asked for; {len(rows):,} are stored. Ask for 1 to {len(rows):,}.")
    out = drawn(model, rows[:n], int(stored["seed"]))[1]
    out.attrs = {"rng": stored["seed"], "sampler": f"history matching, {sampling.SAMPLER}"}
    return out


def samples_of(model: Model | None, samples: int, seed: int) -> tuple[Model, pd.DataFrame]:
    """The shipped model with samples of its ensemble; of another model, samples of its ranges as assumed."""
    if model is not None:
        return model, sdmodel.latin_hypercube(model.uncertainties, samples, rng=seed)
    if seed == 1:
        return _shipped(), _first(samples)
    whole = _first(None)
    if samples > len(whole):
        raise DesignError(f"{samples:,} samples are asked for; {len(whole):,} are stored. Ask for 1 to {len(whole):,}.")
    some = whole.sample(samples, random_state=seed).reset_index(drop=True)
    some.attrs = whole.attrs
    return _shipped(), some


@cache
def _shipped() -> Model:
    """The shipped model, one for all questions: what is lowered and compiled for a model is kept by its identity."""
    return sdmodel.load("shandong")


@lru_cache(maxsize=4)
def _first(n: int | None) -> pd.DataFrame:
    return ensemble(_shipped(), n)


# -- making it --------------------------------------------------------------------------------------------------
def match(
    model: Model,
    *,
    seed: int = SEED,
    least: int = LEAST_DRAWN,
    most: int = MOST_DRAWN,
    enough: int = LEAST_KEPT,
    workers: int | None = None,
    progress: bool | None = None,
) -> tuple[np.ndarray, dict[str, Any]]:
    """Draw blocks until enough are kept: numbers of the kept draws, and the record that is stored beside them.

    Raises
    ------
    DesignError
        If `most` draws do not keep enough.
    """
    of = targets()
    short = until(model, of)
    kept: list[np.ndarray] = []
    tables: list[pd.DataFrame] = []
    done = 0
    while done < least or (sum(map(len, kept)) < enough and done < most):
        size = min(BLOCK, max(least, most) - done)
        rows = np.arange(done, done + size)
        design = drawn(model, rows, seed)[1]
        found = short.sweep(
            design, variables(of), every=EVERY, workers=workers, certificate=0,
            progress=False if progress is False else f"draws {done:,}",
        )  # fmt: skip
        scores = implausible(found, of, list(design.columns[1:]))
        tables.append(scores)
        kept.append(rows[scores["plausible"].to_numpy()])
        done += size
    numbers, scores = np.concatenate(kept), pd.concat(tables, ignore_index=True)
    if len(numbers) < enough:
        worst = scores["series"].mode().iloc[0]
        raise DesignError(
            f"{len(numbers):,} of {done:,} draws are plausible, {enough:,} are needed. Furthest off is mostly "
            f"'{worst}'; look at its tolerance in targets.toml and at the ranges behind it."
        )
    out = (scores[[label(t) for t in of]].abs() > CUT) | scores[[label(t) for t in of]].isna()
    misses = out.sum(axis=1)
    binding = {
        label(t): {"out": round(float(out[label(t)].mean()), 5),
                   "alone": round(float((out[label(t)] & (misses == 1)).mean()), 5)} for t in of
    }  # fmt: skip
    return numbers[:MOST_KEPT], {
        "mark": mark(model),
        "model": model.fingerprint,
        "sdmodel": sdmodel.__version__,
        "sampler": sampling.SAMPLER,
        "seed": seed,
        "drawn": done,
        "kept": len(numbers),
        "stored": min(len(numbers), MOST_KEPT),
        "cut": CUT,
        "targets": binding,
    }


def write(numbers: np.ndarray, stored: dict[str, Any]) -> None:
    """Write the two files."""
    targets_of = stored["targets"]
    lines = ["# Written by `python -m sdmodel.study.history_matching`; ensemble.csv numbers the draws that were kept."]
    lines += [f"{k} = {v!r}".replace("'", '"') for k, v in stored.items() if k != "targets"]
    lines += ["", "[targets]", "# share of all draws that a target rules out, and that it alone rules out"]
    lines += [f'"{k}" = {{ out = {v["out"]}, alone = {v["alone"]} }}' for k, v in targets_of.items()]
    ensemble_path().with_suffix(".toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ensemble_path().with_suffix(".csv").write_text("row\n" + "\n".join(map(str, numbers)) + "\n", encoding="utf-8")
    record.cache_clear()


# -- check ------------------------------------------------------------------------------------------------------
def check(model: Model, samples: pd.DataFrame) -> list[tuple[str, float, str, str, str]]:
    """Compare the base run of samples with every target: rows of name, figure, limit, verdict and text.

    The figure is the share of the samples that meet the target within its tolerance; a target that rules nothing out is
    met inside its interval, and its verdict is that of the median.
    """
    of = [*targets(), *targets("check")]
    names = [c for c in samples.columns if c in model]
    found = until(model, of).sweep(samples, variables(of), every=EVERY, certificate=0, progress=False)
    scores = implausible(found, of, names)
    rows = []
    for t in of:
        value, off = t.value(found), scores[label(t)].abs().to_numpy()
        low, middle, high = np.nanquantile(value, [0.05, 0.5, 0.95])
        share = float((off <= (CUT if t.use == "match" else 0.0)).mean())
        inside = share == 1.0 if t.use == "match" else bool(np.abs(t.distance(np.array([middle]))[0]) == 0)
        limit = f"within {CUT:g} sd of {t.published}" if t.use == "match" else t.published
        text = f"median {middle:.4g}, 5 to 95 % {low:.4g} to {high:.4g}; {t.use}"
        rows.append((label(t), share, limit, "hit" if inside else "miss", text))
    return rows


def main() -> None:
    """Make and store the ensemble of the shipped composition."""
    model = sdmodel.load("shandong")
    numbers, stored = match(model)
    write(numbers, stored)
    where = f"{ensemble_path()}.*"
    print(f"{stored['kept']:,} of {stored['drawn']:,} draws are plausible; {len(numbers):,} stored in {where}")


if __name__ == "__main__":
    main()
