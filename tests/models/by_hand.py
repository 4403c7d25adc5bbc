"""A sector in the middle of a run, as arrays to work out by hand."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

import sdmodel

STEP = 0.125


@cache
def _table(name: str, given: tuple[tuple[str, float], ...]) -> tuple[pd.DataFrame, dict[str, float]]:
    run = sdmodel.load(name).run(dict(given), every=STEP, rtol=1e-10)
    return run.to_dataframe(), dict(run.constants)


def state(name: str, given: dict[str, float], when: float) -> dict[str, np.ndarray]:
    """Every variable and constant of a sector at a time, by name; those with subscripts as one array."""
    table, constants = _table(name, tuple(given.items()))
    out: dict[str, list[float]] = {}
    for label, value in {**constants, **table.loc[when].to_dict()}.items():
        out.setdefault(label.partition("[")[0], []).append(value)
    return {key: np.squeeze(np.array(values)) for key, values in out.items()}


def moves_by(name: str, given: dict[str, float], when: float, flows: dict[str, np.ndarray | float]) -> None:
    """Assert that stocks move at a time by the flows, by central differences over two steps."""
    table, _ = _table(name, tuple(given.items()))
    slope = (table.loc[when + STEP] - table.loc[when - STEP]) / (2 * STEP)
    for stock, flow in flows.items():
        labels = [c for c in table.columns if c.partition("[")[0] == stock]
        size = np.abs(table.loc[when, labels]).max()
        np.testing.assert_allclose(slope[labels], np.atleast_1d(flow), rtol=0.02, atol=2e-4 * size, err_msg=stock)


def logistic(x: np.ndarray | float) -> np.ndarray:
    """The logistic function, chance that a standard logistic number lies below x."""
    return np.asarray(1 / (1 + np.exp(-np.asarray(x, float))))


def above(x: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """Mean of what lies above nil of numbers that are logistic around x."""
    return np.asarray(spread * np.log1p(np.exp(x / spread)))
