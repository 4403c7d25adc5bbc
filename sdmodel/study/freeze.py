"""Freeze test: what comparisons of levers become when one uncertain row after the other is held at its median."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from sdmodel.design.tables import LABELS
from sdmodel.study.arms import MONEY, NEVER, Arms, Setting
from sdmodel.study.measured import lever_settings
from sdmodel.study.outcomes import STANDARD, total
from sdmodel.study.verdict import judge

if TYPE_CHECKING:
    from sdmodel.model import Model

OUTCOMES = (*STANDARD, MONEY)
"""What is compared by default: values at the end of a run, summed over subscripts."""
COUNTS = 1.0
"""Percent; a smaller difference is none that counts."""
IDLE = 0.01
"""A row is idle where holding it moves no share by more than one point."""


def arms_and_pairs() -> tuple[dict[str, Setting], list[tuple[str, str]]]:
    """All settings of `models/lever_settings.toml` with the states they are compared in, and the pairs to compare."""
    arms: dict[str, Setting] = {"base": {}}
    pairs = []
    for name, (acted, context) in lever_settings().items():
        against = ", ".join(f"{k} {v:g}" for k, v in context.items()) or "base"
        arms |= {against: context, name: {**context, **acted}}
        pairs.append((name, against))
    return arms, pairs


def changes(arms: Arms, settings: Mapping[str, Setting], pairs: Sequence[tuple[str, str]]) -> np.ndarray:
    """Change of the outputs from each pair's second arm to its first in percent: (pairs, outputs, samples).

    NaN where a run failed.
    """
    found = arms.run("levers", settings)
    last = [total(found[name]).isel(time=-1).transpose("setting", "sample").to_numpy() for name in arms.outputs]
    values = np.stack(last, axis=1)  # arm, outcome, sample
    order = {name: i for i, name in enumerate(settings)}
    one, other = (values[[order[pair[k]] for pair in pairs]] for k in (0, 1))
    change: np.ndarray = 100 * (one - other) / np.abs(other)
    return change


def freeze(
    model: Model,
    draws: pd.DataFrame,
    settings: Mapping[str, Setting] | None = None,
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    rows: Sequence[str] | None = None,
    outcomes: Sequence[str] = OUTCOMES,
    progress: bool | None = None,
) -> pd.DataFrame:
    """Hold each uncertain row at its median and count how far shares of samples move.

    A comparison is one outcome of one pair of arms; its shares are those of samples with more, and with less, by
    more than one percent.

    Parameters
    ----------
    model
        What is run.
    draws
        Samples of all uncertainties; the same ones serve every row.
    settings, pairs
        Arms by name, and which are compared; default `arms_and_pairs`.
    rows
        Uncertainties to hold; default all of `draws`.
    outcomes
        Variables whose final values are compared.
    progress
        As in `Model.sweep`.

    Returns
    -------
    DataFrame
        A row for each uncertainty, those that decide most first: `mean` and `largest` move of a share, `setting` and
        `outcome` where it is largest, `flipped` (samples that change class there) and `held` (the value).
    """
    if settings is None or pairs is None:
        settings, pairs = arms_and_pairs()
    names = [str(c) for c in draws.columns if c not in LABELS]
    arms = Arms(model, draws, outcomes, every=NEVER, progress=progress)
    free = judge(changes(arms, settings, pairs), COUNTS)
    out = {}
    for name in rows or names:
        held = float(np.quantile(draws[name], 0.5, method="nearest"))
        now = judge(changes(arms.on(model, draws.assign(**{name: held})), settings, pairs), COUNTS)
        good = ~(np.isnan(free) | np.isnan(now))
        moves = np.max([_moved(free, now, good, sign) for sign in (1, -1)], axis=0)
        i, j = np.unravel_index(moves.argmax(), moves.shape)
        out[name] = {
            "mean": moves.mean(),
            "largest": moves[i, j],
            "setting": pairs[i][0],
            "outcome": outcomes[j],
            "flipped": float((free != now)[i, j][good[i, j]].mean()),
            "held": held,
        }
    return pd.DataFrame.from_dict(out, orient="index").sort_values("mean", ascending=False)


def _moved(free: np.ndarray, now: np.ndarray, good: np.ndarray, sign: int) -> np.ndarray:
    """Difference of the share of samples in a class, by pair and outcome."""
    many = np.maximum(good.sum(axis=-1), 1)
    difference = ((now == sign) & good).sum(axis=-1) - ((free == sign) & good).sum(axis=-1)
    out: np.ndarray = np.abs(difference) / many
    return out
