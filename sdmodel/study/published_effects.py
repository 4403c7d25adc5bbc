"""Comparison with published econometric effects: run the published treatment and compare with the published figure.

The experiments are data (`models/published_effects.toml`); how a figure is computed from runs is in `published_forms`.
Effects that were used as inputs of the model are marked as such.
`python -m sdmodel.study.published_effects` prints the table.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.labels import split_label
from sdmodel.core.resources import shipped
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.study.arms import MONEY
from sdmodel.study.published_forms import FORMS, SIZES, at
from sdmodel.study.verdict import MOST, quantiles

if TYPE_CHECKING:
    import xarray as xr

    from sdmodel.model import Model

SAMPLES = 1_000
SOME = 0.25
"""Share of samples with the effect from which it is mixed rather than missed."""
EVERY = 0.25
YES = "1 if so"
"""Unit of a shape that a sample shows or not."""
LABELS = ("test", "input", "not comparable")
SHAPE = [
    "own RnD",
    "firms by quality",
    "grants offered",
    "grant per recipient",
    "grant effect on own RnD",
    "grant paid",
]
SHAPE_END = 2016.5


@dataclass(frozen=True)
class Effect:
    """One published effect; the fields are explained in the file."""

    id: str
    what: str
    label: str
    source: str
    unit: str
    treatment: str
    low: float = -np.inf
    high: float = np.inf
    central: float = np.nan
    closed: bool = False
    least: float = MOST
    arms: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)
    among: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""

    def __post_init__(self) -> None:
        if self.label not in LABELS:
            raise UnknownNameError(self.label, LABELS, f"label of the effect '{self.what}'")
        if self.label == "not comparable":
            if not self.reason:
                raise DesignError(f"The effect '{self.what}' is not comparable; say why in `reason`.")
        elif self.outcome.get("form") not in FORMS:
            raise UnknownNameError(str(self.outcome.get("form")), FORMS, f"form of the effect '{self.what}'")

    @property
    def published(self) -> str:
        """The published interval in words."""
        if self.unit == YES:
            return "yes" if self.least == MOST else "in some samples"
        if not np.isfinite(self.low):
            return f"below {self.high:g}" + (f" ({self.central:g})" if np.isfinite(self.central) else "")
        if not np.isfinite(self.high):
            return f"above {self.low:g}"
        return f"{self.low:g} to {self.high:g}"

    def inside(self, values: np.ndarray) -> np.ndarray:
        """Where a figure lies in the published interval; zero has no sign unless the interval is closed."""
        if self.closed:
            return (values >= self.low) & (values <= self.high)
        return (values > self.low) & (values < self.high)

    def verdict(self, middle: float, share: float) -> str:
        """Whether a median, and a share of samples inside, agree with what is published."""
        if self.label == "not comparable":
            return self.label
        interval = self.unit != YES and np.isfinite(self.low + self.high)
        if (interval and bool(self.inside(np.array([middle]))[0])) or share >= self.least:
            return "hit"
        return "mixed" if share >= SOME else "miss"

    @property
    def variables(self) -> list[str]:
        """Variables that the runs must store."""
        names = [self.outcome.get(k) for k in ("variable", "over")] + [self.among.get(k) for k in ("variable", "over")]
        return [split_label(str(name))[0] for name in names if name]


@cache
def _file() -> dict[str, Any]:
    with (shipped("models") / "published_effects.toml").open("rb") as file:
        return tomllib.load(file)


def effects() -> list[Effect]:
    """All published effects, in the order of the file."""
    known = _file()["source"]
    out = [Effect(**row) for row in _file()["effect"]]
    for effect in out:
        if effect.source not in known:
            raise UnknownNameError(effect.source, known, f"source of the effect '{effect.what}'")
    return out


def sources() -> dict[str, str]:
    """References by key."""
    return dict(_file()["source"])


# -- runs -------------------------------------------------------------------------------------------------------
class Runner:
    """Run arms on the same samples, each distinct arm once."""

    def __init__(self, model: Model, samples: pd.DataFrame, outputs: Sequence[str], workers: int | None) -> None:
        self.model, self.samples, self.workers = model, samples, workers
        self.outputs = list(dict.fromkeys([*outputs, MONEY]))
        self.short = model.replace("FINAL TIME", SHAPE_END)
        self._known: dict[str, xr.Dataset] = {}
        self.runs = 0

    def arm(self, setting: Mapping[str, Any]) -> xr.Dataset:
        """Runs of a setting: values of levers and dated paths."""
        return self._run(self.model, setting, self.outputs, EVERY)

    def sizes(self) -> dict[str, xr.Dataset]:
        """Runs of grants by size, until they are in force in full."""
        return {f"size {g:g}": self._run(self.short, {"values": {"grant size": g}}, SHAPE, 0.5) for g in SIZES}

    def _run(self, model: Model, setting: Mapping[str, Any], outputs: Sequence[str], every: float) -> xr.Dataset:
        key = repr((model.fingerprint, setting))
        if key not in self._known:
            paths = {
                n: Schedule(tuple(p["at"]), tuple(p["value"]), p["between"])
                for n, p in setting.get("paths", {}).items()
            }
            self._known[key] = model.sweep(
                self.samples.assign(**setting.get("values", {})), outputs, every=every, workers=self.workers,
                scenario=Scenario(paths=paths) if paths else None, certificate=0, progress=False,
            )  # fmt: skip
            self.runs += len(self.samples)
        return self._known[key]


def evaluate(model: Model, samples: pd.DataFrame, *, workers: int | None = None) -> pd.DataFrame:
    """Evaluate every published effect in every sample.

    Parameters
    ----------
    model
        The composition.
    samples
        Draws of all uncertainties, as `matching.ensemble` gives them.
    workers
        As in `Model.sweep`.

    Returns
    -------
    pandas.DataFrame
        One row per effect: the columns of the table on the page; `values` holds the figure by sample. The verdict is
        `hit` where the median lies inside a published interval, or 75 % of the samples have a published sign or shape;
        else `mixed` where 25 % of the samples agree, else `miss`. `attrs["runs"]` counts runs.
    """
    requested = effects()
    runner = Runner(model, samples, [name for e in requested for name in e.variables], workers)
    rows = []
    for effect in requested:
        values = np.full(len(samples), np.nan)
        if effect.label != "not comparable":
            values = _values(effect, runner)
        rows.append(_row(effect, values))
    out = pd.DataFrame(rows)
    out.attrs["runs"] = runner.runs
    return out


def _values(effect: Effect, runner: Runner) -> np.ndarray:
    form = effect.outcome["form"]
    runs: dict[str, Any] = {}
    if form == "grant shape":
        runs = runner.sizes()
    elif form != "peak of hazard":
        runs = {name: runner.arm(setting) for name, setting in effect.arms.items()}
        runs.setdefault("reference", runner.arm({}))
    values = np.asarray(FORMS[form](runs, runner.samples, effect.outcome), float)
    if effect.among:
        how = effect.among
        rank = pd.Series(at(runner.arm({}), how["variable"], how["at"], how["over"])).rank(pct=True).to_numpy()
        if how["third"] not in ("lowest", "highest"):
            raise UnknownNameError(how["third"], ("lowest", "highest"), "third")
        values = np.where(rank <= 1 / 3 if how["third"] == "lowest" else rank > 2 / 3, values, np.nan)
    return values


def _row(effect: Effect, values: np.ndarray) -> dict[str, Any]:
    good = values[np.isfinite(values)]
    middle, low, high = quantiles(values)
    share = float(effect.inside(good).mean()) if len(good) else np.nan
    return {
        "id": effect.id,
        "what": effect.what,
        "label": effect.label,
        "published": effect.published,
        "central": effect.central,
        "low": effect.low,
        "high": effect.high,
        "median": middle,
        "5 %": low,
        "95 %": high,
        "unit": effect.unit,
        "share inside": share,
        "samples": len(good),
        "verdict": effect.verdict(middle, share),
        "treatment": effect.treatment,
        "reason": effect.reason,
        "source": effect.source,
        "values": values,
    }


def check(model: Model, samples: pd.DataFrame) -> list[tuple[str, float, str, str, str]]:
    """Compare every published effect with samples: rows of name, figure, limit, verdict and text.

    The figure is the median over the samples; for a shape it is the share of the samples that show it.
    """
    rows = []
    for _, r in evaluate(model, samples).iterrows():
        shape = r["unit"] == YES
        figure = r["share inside"] if shape else r["median"]
        text = f"{r['label']}; " + (
            r["reason"] if r["label"] == "not comparable"
            else f"{r['what']}; in {r['share inside']:.0%} of {r['samples']:,} samples inside"
            + ("" if shape else f"; 5 to 95 % {r['5 %']:.3g} to {r['95 %']:.3g} {r['unit']}")
        )  # fmt: skip
        rows.append((f"{r['id']} {r['what']}", float(figure), r["published"], r["verdict"], text))
    return rows


def main(samples: int = SAMPLES) -> None:
    """Print the table for the shipped composition and its ensemble."""
    from sdmodel.study.history_matching import ensemble

    model = sdmodel.load("shandong")
    for name, figure, limit, verdict, text in check(model, ensemble(model, samples)):
        print(f"{verdict:15s}{name}: {figure:.3g} against {limit}; {text}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SAMPLES)
