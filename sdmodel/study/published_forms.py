"""Forms of published effects: functions from the arms of an experiment to one number per sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.core.errors import DesignError
from sdmodel.core.outcome import Outcome
from sdmodel.study.arms import MONEY
from sdmodel.study.outcomes import present_value, total

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

Runs = Mapping[str, "xr.Dataset"]
Form = Callable[[Runs, "pd.DataFrame", Mapping[str, Any]], np.ndarray]
TINY = 1e-12
"""Changes smaller than this fraction of the reference count as zero."""
SMALLEST = 0.01
"""Extra own RnD, over own RnD without a grant, that counts in the shapes of grants."""
LEAST_MONEY = 1.0
"""Present value of extra public money, million CNY, below which values per yuan are NaN."""
SIZES = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0)
"""Grants, million CNY a firm, over the range of the lever."""


def at(found: xr.Dataset, name: str, when: float | Sequence[float], over: str = "") -> np.ndarray:
    """A variable of every run at a time, or its mean over a pair of years; subscripts summed."""
    if isinstance(when, Sequence):
        way = Outcome(name, at="mean", start=float(when[0]), end=float(when[1]))
    else:
        way = Outcome(name, at=float(when))
    value = np.asarray(total(way.of(found)))
    return value / at(found, over, when) if over else value


def ratio(change: np.ndarray, of: np.ndarray, least: np.ndarray | float) -> np.ndarray:
    """Ratio of two changes; NaN where the divisor is at most `least` in absolute value."""
    with np.errstate(all="ignore"):
        return np.where(np.abs(of) > least, change / of, np.nan)


# -- forms ------------------------------------------------------------------------------------------------------
def level(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Level of a variable in the reference, divided by another one if given."""
    return at(runs["reference"], how["variable"], how["at"], how.get("over", ""))


def relative_change(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any], arm: str = "treated") -> np.ndarray:
    """Ratio of an arm to the reference, less one."""
    after, before = (at(runs[a], how["variable"], how["at"], how.get("over", "")) for a in (arm, "reference"))
    return np.asarray(after / before - 1)


def over_the_mean_of_two(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Treated arm over the mean of two arms (`reference` and `other`), less one."""
    one, other = (at(runs[arm], how["variable"], how["at"]) for arm in ("reference", "other"))
    return np.asarray(at(runs["treated"], how["variable"], how["at"]) / ((one + other) / 2) - 1)


def change_over_change(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """With `positive`, samples whose divisor is not above zero are left out, as a ratio of losses has no meaning."""
    reference = at(runs["reference"], how["variable"], how["at"])
    below = at(runs["reference"], how["over"], how["over_at"])
    change = at(runs["treated"], how["variable"], how["at"]) - reference
    of = at(runs[how.get("over_arm", "treated")], how["over"], how["over_at"]) - below
    value = ratio(change, of, TINY * np.abs(below))
    return np.where(of > 0, value, np.nan) if how.get("positive") else value


def grows_after(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """1 where a change is above zero after the treatment and above its value during it, else 0."""
    after, during = (
        at(runs["treated"], how["variable"], how[t]) - at(runs["reference"], how["variable"], how[t])
        for t in ("at", "over_at")
    )
    return np.asarray((after > 0) & (after > during), float)


def later_less_earlier(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Relative change at a time less that of another arm at an earlier time."""
    early = {"variable": how["variable"], "at": how["over_at"]}
    return np.asarray(relative_change(runs, draws, how) - relative_change(runs, draws, early, how["over_arm"]))


def interaction(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Relative change by both treatments less those by each alone."""
    both, one, other = (relative_change(runs, draws, how, arm) for arm in ("treated", "one", "other"))
    return np.asarray(both - one - other)


def fade_time(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Years after `at` until a gain stays below a part of its largest; the end of the run where it never does.

    Samples without a gain in the mean of the `first` years have nothing that could fade and are left out.
    """
    totals = [total(runs[arm][how["variable"]]).transpose("run", "time").to_numpy() for arm in ("treated", "reference")]
    times, gain = runs["treated"]["time"].to_numpy(), totals[0] - totals[1]
    early = gain[:, (times >= how["at"]) & (times <= how["at"] + how["first"])].mean(axis=1)
    alive = (gain > how["part"] * gain.max(axis=1, keepdims=True)) & (times >= how["at"])
    last = np.where(alive.any(axis=1), times[len(times) - 1 - alive[:, ::-1].argmax(axis=1)], how["at"])
    return np.where(early > 0, last - how["at"], np.nan)


def per_yuan(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any], arm: str = "treated") -> np.ndarray:
    """Present value gained per yuan of extra public money; NaN where almost none is spent."""
    money = runs[arm][MONEY].isel(time=-1).to_numpy() - runs["reference"][MONEY].isel(time=-1).to_numpy()
    after, before = (present_value(runs[one][how["variable"]], draws).to_numpy() for one in (arm, "reference"))
    return np.where(money > LEAST_MONEY, ratio(after - before, money, LEAST_MONEY), np.nan)


def per_yuan_less(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Gain of an arm per yuan, less that of the best of other arms."""
    others = [per_yuan(runs, draws, how, arm) for arm in how["over_arms"]]
    return np.asarray(per_yuan(runs, draws, how) - np.max(others, axis=0))


def peak_inside(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """1 where the largest value is in neither the first nor the last arm, else 0."""
    arms = [name for name in runs if name != "reference"]
    best = np.stack([at(runs[arm], how["variable"], how["at"]) for arm in arms]).argmax(axis=0)
    return np.asarray((best > 0) & (best < len(arms) - 1), float)


def peak_of_hazard(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Year of the highest hazard of a cohort at constant hazards: three steps of an endowment, then one by quality."""
    from scipy.special import gammainc

    years, mean, steps = np.arange(10.0), float(how["endowment"]), 3
    alive = np.zeros((len(draws), len(years)))
    strong = draws["strong share of entrants"].to_numpy()
    for quality, part in (("weak", 1 - strong), ("strong", strong)):
        hazard = draws[f"hazard of {quality} firms"].to_numpy()[:, None]
        left = 1 - hazard * mean / steps
        outlived = np.exp(-hazard * years) * left**-steps * gammainc(steps, left * steps * years / mean)
        alive += part[:, None] * (1 - gammainc(steps, steps * years / mean) + outlived)
    return np.asarray((1 - alive[:, 1:] / alive[:, :-1]).argmax(axis=1) + 1.0)


def grant_shape(runs: Runs, draws: pd.DataFrame, how: Mapping[str, Any]) -> np.ndarray:
    """Shapes of the own RnD of firms that are offered a grant against the same firms without, by size of the grant."""
    plain, extra, paid = np.stack([_per_offer(runs[f"size {g:g}"]) for g in SIZES], axis=-1)
    own, over, sizes = plain + extra, extra / plain, np.array(SIZES)
    peak, rows = over.argmax(axis=1), np.arange(len(over))
    best = over[rows, peak]
    adds, share = best > SMALLEST, paid / (own + paid)
    if how["read"] == "inverted U":
        return np.asarray(adds & (best - over[:, -1] > SMALLEST), float)
    if how["read"] == "S shape":
        slope = np.diff(np.concatenate([plain[:, :1], own + paid], axis=1)) / np.diff(sizes, prepend=0.0)
        middle = slope[:, 1:-1].max(axis=1)
        return np.asarray((middle > slope[:, 0] + 0.1) & (middle > slope[:, -1] + 0.1), float)
    if how["read"] == "never replaces":
        return np.where(share <= 0.5, over > -SMALLEST, True).all(axis=1).astype(float)
    if how["read"] == "best share":
        return np.where(adds, share[rows, (extra / sizes).argmax(axis=1)], np.nan)
    if how["read"] == "replacing share":
        return np.array([_turn(o[k:], s[k:]) for o, s, k in zip(over, share, np.where(adds, peak, 0), strict=True)])
    raise DesignError(f"A grant shape is not read as '{how['read']}'.")


def _turn(extra: np.ndarray, share: np.ndarray) -> float:
    """Share at which extra own RnD first falls below zero after its peak; NaN if it never does."""
    below = np.flatnonzero(extra < 0)
    if not len(below):
        return np.nan
    j = below[0]
    return float(share[0] if j == 0 else np.interp(0.0, [extra[j], extra[j - 1]], [share[j], share[j - 1]]))


def _per_offer(found: xr.Dataset) -> np.ndarray:
    """Own RnD of a firm that is offered a grant, what the grant adds to it, and the money paid, at the last time."""
    last = found.isel(time=-1)
    money = last["grants offered"]
    offers = money.sum("quality") / last["grant per recipient"]
    own = (last["own RnD"] / last["firms by quality"] * money).sum("quality") / money.sum("quality")
    extra, paid = (last[name].sum("quality") / offers for name in ("grant effect on own RnD", "grant paid"))
    return np.stack([own.to_numpy(), extra.to_numpy(), paid.to_numpy()])


_FORMS: tuple[Form, ...] = (
    level,
    relative_change,
    over_the_mean_of_two,
    change_over_change,
    grows_after,
    later_less_earlier,
    interaction,
    fade_time,
    per_yuan,
    per_yuan_less,
    peak_inside,
    peak_of_hazard,
    grant_shape,
)
FORMS: dict[str, Form] = {form.__name__.replace("_", " "): form for form in _FORMS}
"""Forms by the name that the file gives them."""
