"""Equal public money: one lever solved, row by row, until each run of a design spends its target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.errors import DesignError

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from sdmodel.model import Model


@dataclass(frozen=True)
class Equalised:
    """Arms set to equal public money. Arrays have one entry a row of the design, or the shape (setting, sample)."""

    lever: np.ndarray
    """Value of the lever that spends the target."""
    residual: np.ndarray
    """Money over target, less one; both beyond the money that is spent anyway."""
    spent: np.ndarray
    """False where no value of the lever in its range spends the target: `cannot be spent`."""
    result: xr.Dataset
    """The runs at that value of the lever."""
    runs: int
    """Runs that the search took, these included."""


def equal_money(
    model: Model,
    design: pd.DataFrame,
    target: np.ndarray,
    *,
    lever: str,
    money: str,
    outputs: Sequence[str],
    every: float,
    start: float | np.ndarray,
    low: float,
    high: float,
    base: float | np.ndarray = 0.0,
    slope: np.ndarray | None = None,
    tolerance: float = 0.005,
    rounds: int = 12,
    workers: int | None = None,
    progress: bool | str | None = None,
) -> Equalised:
    """Solve a lever, row by row, so that each row spends the public money of its target.

    Money must rise with the lever. Each row is solved by the secant rule until two values bracket the target, then by
    false position in the Illinois variant; a round is one sweep of the rows that are still off.

    Parameters
    ----------
    model, design
        What is run; the design must not hold `lever`.
    target
        Present value of public money by row, in the unit of `money`.
    lever
        Constant that is solved for: a size multiplier or a date.
    money
        Variable whose final value is the present value of public money.
    outputs, every
        What is kept of the runs.
    start
        First guess of the lever.
    low, high
        Where the lever may go.
    base
        Money that is spent anyway, about what `lever` at `low` costs; what is made equal is the money beyond it.
    slope
        Change of money by unit of the lever for the first correction; default a straight line from (low, base).
    tolerance
        Largest relative difference from the target beyond `base` that is left alone.
    rounds
        Sweeps at most.

    Raises
    ------
    DesignError
        If the design sets the lever itself.
    """
    if lever in design:
        raise DesignError(f"'{lever}' is solved for and cannot be a column of the design as well.")
    n = len(design)
    goal = target - base
    x = np.clip(np.broadcast_to(np.asarray(start, float), (n,)), low, high).copy()
    # Ends of the bracket: where the lever may go, with the money off target there, unknown until it has been tried.
    a, b = np.full(n, float(low)), np.full(n, float(high))
    off_a, off_b, off = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    x_before, off_before = np.full(n, np.nan), np.full(n, np.nan)
    todo = np.ones(n, dtype=bool)
    pieces: list[xr.Dataset] = []
    runs = 0
    keep = list(dict.fromkeys([*outputs, money]))
    for turn in range(rounds):
        rows = np.flatnonzero(todo)
        label = f"{progress}, round {turn + 1}" if isinstance(progress, str) else progress
        found = model.sweep(
            design.iloc[rows].assign(**{lever: x[rows]}),
            keep,
            every=every,
            workers=workers,
            progress=label,
            certificate=0,
        ).assign_coords(row=("run", rows))
        runs += len(rows)
        off[rows] = found[money].isel(time=-1).to_numpy() - target[rows]
        at_end = ((x >= high) & (off < 0)) | ((x <= low) & (off > 0))
        with np.errstate(all="ignore"):
            near = np.abs(off / goal) <= tolerance
        settled = todo & (near | at_end | ~np.isfinite(off) | (turn == rounds - 1))
        pieces.append(found.isel(run=np.flatnonzero(settled[rows])))
        todo &= ~settled
        if not todo.any():
            break
        new = _next(x, off, a, b, off_a, off_b, x_before, off_before)
        if turn == 0:
            with np.errstate(all="ignore"):
                steep = (off + goal) / (x - low) if slope is None else slope
                new = np.clip(x - off / steep, low, high)
        new = np.where(np.isfinite(new) & (new >= a) & (new <= b) & (new != x), new, (a + b) / 2)
        x_before, off_before = np.where(todo, x, x_before), np.where(todo, off, off_before)
        x = np.where(todo, new, x)
    with np.errstate(all="ignore"):
        residual = off / goal
    return Equalised(x, residual, np.abs(residual) <= tolerance, in_order(pieces), runs)


def _next(
    x: np.ndarray,
    off: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    off_a: np.ndarray,
    off_b: np.ndarray,
    x_before: np.ndarray,
    off_before: np.ndarray,
) -> np.ndarray:
    """Take `x` into the bracket (in place) and return the next value of the lever to try; NaN asks for the middle."""
    below, above = off < 0, off > 0
    with np.errstate(all="ignore"):
        # An end that stays a second time counts half, or the other one would creep.
        off_b[below & (off_before < 0)] /= 2
        off_a[above & (off_before > 0)] /= 2
        a[below], off_a[below] = x[below], off[below]
        b[above], off_b[above] = x[above], off[above]
        inside = (a * off_b - b * off_a) / (off_b - off_a)
        secant = x - off * (x - x_before) / (off - off_before)
    return np.where(np.isfinite(inside), inside, np.clip(secant, a, b))


def in_order(pieces: Sequence[xr.Dataset]) -> xr.Dataset:
    """Parts of a sweep that carry a coordinate `row`, put together in the order of their rows."""
    import xarray as xr

    whole = xr.concat(list(pieces), dim="run", combine_attrs="override")
    return whole.isel(run=np.argsort(whole["row"].to_numpy())).assign_coords(run=np.arange(whole.sizes["run"]))
