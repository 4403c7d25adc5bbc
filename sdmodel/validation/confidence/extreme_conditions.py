"""Extreme conditions: every constant at the ends of its range, alone and with all others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.compile.parameters import constants_table
from sdmodel.core.structure import Structure
from sdmodel.sweep.run_sweep import run_sweep
from sdmodel.validation.confidence.conservation import Tally, balanced
from sdmodel.validation.confidence.result import Row, judged
from sdmodel.validation.spec import Book
from sdmodel.validation.static.structure import proportion

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SLACK = 1e-9
"""How far beyond its range a variable may be by rounding, as a share of its largest value."""
BATCH = 500
_SHOWN = 3


def constants(model: Structure) -> pd.DataFrame:
    """Levers, uncertainties and switches that have a range with two ends; boundary inputs have none."""
    table = constants_table(model, "lever", "uncertainty", "switch")
    return table[np.isfinite(table["low"].astype(float)) & np.isfinite(table["high"].astype(float))]


def ends(model: Structure) -> pd.DataFrame:
    """One constant at a time at each end of its range, all others as in the file: one row a run."""
    import pandas as pd

    table = constants(model)
    base = table["value"].to_dict()
    return pd.DataFrame([{**base, name: row[end]} for name, row in table.iterrows() for end in ("low", "high")])


def corners(model: Structure, runs: int, rng: int, inside: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """All constants at one of their ends at random; those named in `inside` drawn from the range given there."""
    import pandas as pd

    table = constants(model)
    random = np.random.default_rng(rng)
    two = table[["low", "high"]].to_numpy(float)
    design = pd.DataFrame(two[np.arange(len(table)), random.integers(0, 2, (runs, len(table)))], columns=table.index)
    for name, (low, high) in inside.items():
        design[name] = random.uniform(low, high, runs)
    return design


def faults(model: Structure, found: xr.Dataset, negative: Sequence[str] = ()) -> Iterator[str]:
    """What a sweep shows that must not be: runs that fail, values outside the range stated, stocks below zero.

    A range in the unit field of a variable (`Dmnl [0,1]`, `firm [0,?]`) is a promise; a stock without one must not fall
    below zero unless it is in `negative`, and a dimensionless fraction, share or probability without one must lie
    between 0 and 1.
    """
    signed = {model[name].key for name in negative}
    messages = [str(m) for m in found["message"].to_numpy() if m]
    yield from dict.fromkeys(messages)
    fine = found["status"].to_numpy() == 0
    for name in found.data_vars:
        if str(name) not in model:
            continue
        said = model[str(name)]
        values = found[name].to_numpy()[fine]
        if not values.size:
            continue
        low, high = float(values.min()), float(values.max())
        share = proportion(model, said)
        least = 0.0 if share or (said.kind == "stock" and said.key not in signed and not said.limits) else said.low
        most = 1.0 if share else said.high
        slack = SLACK * max(abs(low), abs(high), 1.0)
        if not np.isfinite(values).all():
            yield f"'{name}' is not finite."
        elif low < least - slack:
            yield f"'{name}' falls to {low:.4g}, below {least:g}."
        elif high > most + slack:
            yield f"'{name}' rises to {high:.4g}, above {most:g}."


def extremes(model: Structure, book: Book, runs: int, rng: int) -> list[Row]:
    """Tests 2 and 3 on the same runs.

    Parameters
    ----------
    model, book
        The model and what it is held to.
    runs
        Random corners.
    rng
        Seed of the corners.

    Returns
    -------
    list of Row
    """
    tally = Tally((*book.balance, *book.equal))
    whole = balanced(model, tally.balances)
    # a stock behind a boundary input or a lookup is none of ours to judge: what moves is
    moving = [v.name for v in model.equations.values() if v.kind in ("stock", "auxiliary")]
    rows = []
    designs = {"each constant at each end": ends(model), "random corners": corners(model, runs, rng, book.inside)}
    for name, design in designs.items():
        if not len(design.columns):
            continue
        wrong: dict[str, None] = {}
        for start in range(0, len(design), BATCH):
            part = design.iloc[start : start + BATCH]
            found = run_sweep(
                whole, part, [*moving, *tally.outputs], every=_every(model), certificate=0, progress=False
            )
            tally.add(found)
            wrong |= dict.fromkeys(faults(model, found, book.negative))
        text = " ".join(list(wrong)[:_SHOWN]) + (f" And {len(wrong) - _SHOWN} more." if len(wrong) > _SHOWN else "")
        figure = f"{len(wrong)} faults in {len(design):,} runs"
        rows.append(judged(3, "corners", name, figure, "0", not wrong, text))
    return tally.rows() + rows


def _every(model: Structure) -> float:
    """Reports a year, or a tenth of the run where it is short; finer reports would show the same stocks."""
    length = model.time["final time"] - model.time["initial time"]
    return max(model.time["time step"], min(1.0, length / 10))
