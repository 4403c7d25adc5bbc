"""Corners of the parameter space, and what goes wrong in them; tests take a hundred, running this file takes many.

A corner is no policy and no plausible world: it shows that the equations hold together, and nothing else.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

import numpy as np
import pandas as pd
import xarray as xr

import sdmodel
from sdmodel.model import Model

SLACK = 1e-9
SIGNED = (
    "cumulative cost", "discounted cost", "fiscal cost of last year", "perceived surplus per firm", "money of lenders",
    "money of the budget", "money of owners and markets",
)  # fmt: skip
"""Stocks that can be negative: deferred tax and sold stakes flow back, firms make losses, accounts run both ways."""
NIL = {"money residual": "money in the system", "band imbalance": "all firms"}
"""Outcomes that are nil but for rounding, and what the rounding is measured by."""


def corners(model: Model, runs: int, seed: int) -> pd.DataFrame:
    """Every constant that has a closed range at one of its ends, levers included."""
    given = model.parameters("lever", "uncertainty", "switch")
    given = given[np.isfinite(given["low"]) & np.isfinite(given["high"])]
    rng = np.random.default_rng(seed)
    ends = given[["low", "high"]].to_numpy()
    drawn = np.stack([ends[np.arange(len(given)), rng.integers(0, 2, len(given))] for _ in range(runs)])
    design = pd.DataFrame(drawn, columns=given.index)
    if "exit start" in design:  # an end of that range is never; dates inside say more
        design["exit start"] = rng.uniform(2015, 2034, runs)
        design["push start"] = rng.uniform(2015, 2030, runs)
    return design


def moving(model: Model) -> list[str]:
    """Names of all stocks and auxiliaries."""
    return [v.name for v in model.equations.values() if v.kind in ("stock", "auxiliary")]


def wrong(model: Model, found: xr.Dataset) -> list[str]:
    """What a sweep shows that must not be: failures, values out of range, negative stocks, lost money or firms."""
    out = [str(m) for m in found["message"].to_numpy() if m]
    for name in moving(model):
        values = found[name].to_numpy()
        low, high = float(values.min()), float(values.max())
        stated = model[name]
        scale = max(abs(low), abs(high), 1.0)
        if not np.isfinite(values).all():
            out.append(f"'{name}' is not finite")
        elif low < stated.low - SLACK * scale:
            out.append(f"'{name}' falls to {low}, below {stated.low}")
        elif high > stated.high + SLACK * scale:
            out.append(f"'{name}' rises to {high}, above {stated.high}")
        if stated.kind == "stock" and name not in SIGNED and low < -SLACK * scale:
            out.append(f"the stock '{name}' falls to {low}")
        if name in NIL:
            size = np.abs(found[NIL[name]]).max("time") + sum(
                (np.abs(found[n]).max("time") for n in SIGNED if name == "money residual" and n.startswith("money of")),
                start=0.0,
            )
            off = float((np.abs(found[name]).max("time") / size).max())
            if off > SLACK:
                out.append(f"'{name}' is {off} of what it is measured by")
    return out


def largest_change(found: xr.Dataset, names: Iterable[str]) -> np.ndarray:
    """Largest difference of any variable between runs 0 and 1, 2 and 3, ..., relative to its largest value there."""
    changes = []
    for name in names:
        pairs = found[name].to_numpy().reshape(found.sizes["run"] // 2, 2, -1)
        size = np.abs(pairs).max(axis=(1, 2))
        changes.append(np.abs(pairs[:, 1] - pairs[:, 0]).max(axis=1) / np.maximum(size, 1e-9))
    return np.max(changes, axis=0)


def survey(name: str, runs: int, seed: int, method: str = "exact") -> list[str]:
    """What goes wrong in `runs` corners of a shipped model."""
    model = sdmodel.load(name)
    every = 1.0 if method == "exact" else 5.0
    return wrong(
        model,
        model.sweep(
            corners(model, runs, seed), moving(model), every=every, method=method, progress=False, certificate=0
        ),
    )


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    for shipped_name in (
        "rd_investment",
        "financing",
        "firms",
        "network",
        "intervention",
        "policy",
        "talent",
        "synergy",
        "shandong",
    ):
        found = [w for start in range(0, number, 300) for w in survey(shipped_name, min(300, number - start), start)]
        print(f"{shipped_name}: {number} corners, {len(found)} complaints", *found[:5], sep="\n  ")
