"""Extreme conditions: constants at the ends of their ranges, one at a time and all at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.compile.parameters import constants_table
from sdmodel.core.structure import Structure
from sdmodel.sweep.run_sweep import run_sweep
from sdmodel.validation.confidence.conservation import BalanceErrors, with_balances
from sdmodel.validation.confidence.result import Row, pass_or_miss
from sdmodel.validation.spec import Spec
from sdmodel.validation.static.structure import proportion

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

SLACK = 1e-9
"""Relative rounding error by which a variable may leave its range."""
BATCH = 500
_SHOWN = 3


def constants(model: Structure) -> pd.DataFrame:
    """Levers, uncertainties and switches with a closed range."""
    table = constants_table(model, "lever", "uncertainty", "switch")
    return table[np.isfinite(table["low"].astype(float)) & np.isfinite(table["high"].astype(float))]


def ends(model: Structure) -> pd.DataFrame:
    """One constant at a time at each end of its range, the others as in the file: one row per run."""
    import pandas as pd

    table = constants(model)
    base = table["value"].to_dict()
    return pd.DataFrame([{**base, name: row[end]} for name, row in table.iterrows() for end in ("low", "high")])


def corners(model: Structure, runs: int, rng: int, inside: Mapping[str, Sequence[float]]) -> pd.DataFrame:
    """All constants at random ends of their ranges; those in `inside` drawn uniformly from the range given."""
    import pandas as pd

    table = constants(model)
    random = np.random.default_rng(rng)
    two = table[["low", "high"]].to_numpy(float)
    design = pd.DataFrame(two[np.arange(len(table)), random.integers(0, 2, (runs, len(table)))], columns=table.index)
    for name, (low, high) in inside.items():
        design[name] = random.uniform(low, high, runs)
    return design


def violations(model: Structure, found: xr.Dataset, negative: Sequence[str] = ()) -> Iterator[str]:
    """Violations in a sweep: failed runs, values outside the stated range, negative stocks.

    A range in the unit field of a variable (`Dmnl [0,1]`, `firm [0,?]`) is a requirement; a stock without one must not
    fall below zero unless it is in `negative`, and a dimensionless fraction, share or probability without one must lie
    between 0 and 1.
    """
    signed = {model[name].key for name in negative}
    messages = [str(m) for m in found["message"].to_numpy() if m]
    yield from dict.fromkeys(messages)
    fine = found["status"].to_numpy() == 0
    for name in found.data_vars:
        if str(name) not in model:
            continue
        variable = model[str(name)]
        values = found[name].to_numpy()[fine]
        if not values.size:
            continue
        low, high = float(values.min()), float(values.max())
        share = proportion(model, variable)
        unsigned = variable.kind == "stock" and variable.key not in signed and not variable.limits
        least = 0.0 if share or unsigned else variable.low
        most = 1.0 if share else variable.high
        slack = SLACK * max(abs(low), abs(high), 1.0)
        if not np.isfinite(values).all():
            yield f"'{name}' is not finite."
        elif low < least - slack:
            yield f"'{name}' falls to {low:.4g}, below {least:g}."
        elif high > most + slack:
            yield f"'{name}' rises to {high:.4g}, above {most:g}."


def extreme_conditions(model: Structure, spec: Spec, runs: int, rng: int) -> list[Row]:
    """Tests 2 (conservation) and 3 (extreme conditions) on the same runs.

    Parameters
    ----------
    model, book
        The model and its specification.
    runs
        Random corners.
    rng
        Seed of the corners.

    Returns
    -------
    list of Row
    """
    balance_errors = BalanceErrors((*spec.balance, *spec.equal))
    whole = with_balances(model, balance_errors.balances)
    # Boundary inputs and lookups are not outputs of this model.
    moving = [v.name for v in model.equations.values() if v.kind in ("stock", "auxiliary")]
    rows = []
    designs = {"each constant at each end": ends(model), "random corners": corners(model, runs, rng, spec.inside)}
    for name, design in designs.items():
        if not len(design.columns):
            continue
        wrong: dict[str, None] = {}
        for start in range(0, len(design), BATCH):
            part = design.iloc[start : start + BATCH]
            found = run_sweep(
                whole, part, [*moving, *balance_errors.outputs], every=_every(model), certificate=0, progress=False
            )
            balance_errors.add(found)
            wrong |= dict.fromkeys(violations(model, found, spec.negative))
        text = " ".join(list(wrong)[:_SHOWN]) + (f" And {len(wrong) - _SHOWN} more." if len(wrong) > _SHOWN else "")
        figure = f"{len(wrong)} violations in {len(design):,} runs"
        rows.append(pass_or_miss(3, "corners", name, figure, "0", not wrong, text))
    return balance_errors.rows() + rows


def _every(model: Structure) -> float:
    """Report once per unit of time, or ten times in a short run."""
    length = model.time["final time"] - model.time["initial time"]
    return max(model.time["time step"], min(1.0, length / 10))
