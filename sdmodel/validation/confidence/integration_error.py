"""Integration error: results must not depend on the time step."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from sdmodel.core.structure import Structure
from sdmodel.design.samplers import latin_hypercube
from sdmodel.sweep.run_sweep import run_sweep
from sdmodel.validation.confidence.extreme_conditions import constants
from sdmodel.validation.confidence.result import Row, info, pass_or_miss

if TYPE_CHECKING:
    import xarray as xr

LIMIT = 1e-3
_ROUNDING = 1e-9
"""Outputs smaller than this fraction of the largest output of the same unit are treated as rounding noise."""


def integration_error(model: Structure, samples: int, rng: int) -> list[Row]:
    """Test 5: halving the TIME STEP changes no outcome by more than 0.1 % of its largest value in the run.

    Applied to the model and to each of its scenarios, over samples of the uncertainties. Random values of all
    levers at once are not a policy; their error is reported without a limit.

    Parameters
    ----------
    model
        The model; its outcomes are compared, or its stocks if it marks none.
    samples
        Size of the Latin hypercubes over the uncertainties, and over the levers too; the first row is the file.
    rng
        Seed of the samples.

    Returns
    -------
    list of Row
    """
    every = constants(model)
    uncertain, levers = every[every["role"] != "lever"], bool((every["role"] == "lever").any())
    design = _samples(uncertain, samples, rng)
    out = [_judged_row(_halved(model, design), design, "the model as it is")]
    # Constants set by the scenario are not sampled.
    scenarios = {
        name: _halved(model, design.drop(columns=[*given.values, *given.paths], errors="ignore").copy(), name)
        for name, given in model.scenarios.items()
    }
    if scenarios:
        worst = max(scenarios, key=lambda name: scenarios[name].gap)
        out.append(_judged_row(scenarios[worst], design, f"{len(scenarios)} scenarios, the worst being '{worst}'"))
    if levers:
        design = _samples(every, samples, rng)
        found = _halved(model, design)
        title = _title(found, design, "every lever at random")
        out.append(info(5, "half the step", title, f"{found.gap:.1e}", found.text))
    return out


class _StepError(NamedTuple):
    """Largest change, in which outcome, share of samples above the limit, failed runs, number of outcomes."""

    gap: float
    name: str
    above: float
    failed: int
    outcomes: int

    @property
    def text(self) -> str:
        return (
            f"Largest in '{self.name}'; {self.above:.1%} of samples have an outcome above {LIMIT:g}; {self.failed} "
            "runs failed."
        )


def _samples(table: pd.DataFrame, samples: int, rng: int) -> pd.DataFrame:
    if not len(table):
        return pd.DataFrame(index=range(1))
    design = latin_hypercube(table, samples, rng=rng).drop(columns="sample")
    design.iloc[0] = table["value"].to_numpy()
    return design


def _title(found: _StepError, design: pd.DataFrame, label: str) -> str:
    return f"{found.outcomes} outcomes in {len(design):,} samples of {label}"


def _judged_row(found: _StepError, design: pd.DataFrame, label: str) -> Row:
    good = found.gap <= LIMIT and not found.failed
    return pass_or_miss(
        5, "half the step", _title(found, design, label), f"{found.gap:.1e}", f"{LIMIT:g}", good, found.text
    )


def _halved(model: Structure, design: pd.DataFrame, scenario: str | None = None) -> _StepError:
    names = list(model.outcomes) or [v.name for v in model.equations.values() if v.kind == "stock"]
    step = model.time["time step"]
    whole, half = (
        run_sweep(
            model,
            design.assign(**{"TIME STEP": length}),
            names,
            every=max(step, 1.0),
            scenario=scenario,
            certificate=0,
            progress=False,
        )
        for length in (step, step / 2)
    )
    fine = (whole["status"].to_numpy() == 0) & (half["status"].to_numpy() == 0)
    gaps = {name: np.nan_to_num(_gap(model, whole, half, name, names)[fine], nan=np.inf) for name in names}
    worst = {name: float(gap.max(initial=0.0)) for name, gap in gaps.items()}
    most = max(worst, key=lambda n: worst[n])
    above = float(np.mean(np.stack([gap > LIMIT for gap in gaps.values()]).any(axis=0)))
    return _StepError(worst[most], most, above, int((~fine).sum()), len(names))


def _gap(model: Structure, whole: xr.Dataset, half: xr.Dataset, name: str, names: list[str]) -> np.ndarray:
    over = [str(d) for d in half[name].dims if d != "run"]
    largest = max(float(np.abs(half[k]).max()) for k in names if model[k].unit == model[name].unit)
    size = np.maximum(abs(half[name]).max(dim=over).to_numpy(), max(_ROUNDING * largest, 1e-300))
    return np.asarray(abs(whole[name] - half[name]).max(dim=over).to_numpy() / size)
