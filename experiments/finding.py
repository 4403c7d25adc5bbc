"""What every experiment shares: equal public money, shares with intervals, verdicts, and the files that are left.

An experiment is a module with `QUESTION` (one sentence) and `ask(samples, seed, out, workers, progress) -> Finding`.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sdmodel.design import LABELS
from sdmodel.errors import DesignError

if TYPE_CHECKING:
    import xarray as xr
    from matplotlib.figure import Figure

    from sdmodel.model import Model

LABEL_WORDS = ("built in", "conditional", "emergent")
SUPPORTED, MOSTLY, DEPENDS = 0.95, 0.75, 0.25
"""Shares from which a verdict is `supported`, `mostly`, `depends`; below it is `not supported`."""


@dataclass(frozen=True)
class Verdict:
    """Answer to one prediction of the paper."""

    hypothesis: str
    prediction: str
    """What must hold in a sample, written down before the first run."""
    holds: int
    """Samples in which it holds; a tie is not support."""
    samples: int
    effect: tuple[float, float, float]
    """Median, 5 % and 95 % of the effect over samples."""
    effect_unit: str
    label: str
    """built in | conditional | emergent"""
    label_reason: str
    deciding: tuple[tuple[str, float], ...] = ()
    """Uncertainties that go most with the effect: name and rank correlation."""
    loops: tuple[tuple[str, float], ...] = ()
    """Links knocked out: name and the part of the median effect that is gone without them."""

    def __post_init__(self) -> None:
        if self.label not in LABEL_WORDS:
            raise DesignError(f"'{self.label}' is no label; a finding is {', '.join(LABEL_WORDS)}.")

    @property
    def share(self) -> float:
        """Share of samples in which the prediction holds."""
        return self.holds / self.samples if self.samples else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share."""
        return wilson(self.holds, self.samples)

    @property
    def word(self) -> str:
        """supported | mostly | depends | not supported; what is built in is never supported."""
        if not self.samples:
            return "not testable here"
        if self.label == "built in":
            return "built in"
        for word, least in (("supported", SUPPORTED), ("mostly", MOSTLY), ("depends", DEPENDS)):
            if self.share >= least:
                return word
        return "not supported"

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        low, high = self.interval
        middle, least, most = self.effect
        return (
            f"{self.hypothesis} ({self.label}): {self.prediction} holds in {self.share:.0%} of {self.samples} samples "
            f"(95 % interval {low:.0%} to {high:.0%}); effect {middle:+.3g} {self.effect_unit} "
            f"(5 to 95 %: {least:+.3g} to {most:+.3g}): {self.word}."
        )


@dataclass
class Finding:
    """What an experiment leaves: verdicts, a tidy table, figures and a run record."""

    name: str
    question: str
    verdicts: list[Verdict]
    table: pd.DataFrame
    figures: dict[str, Figure] = field(default_factory=dict)
    record: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    """Why the finding is provisional, or empty."""
    notes: list[str] = field(default_factory=list)

    @property
    def sentence(self) -> str:
        """The finding in one plain sentence."""
        parts = "; ".join(v.sentence.rstrip(".") for v in self.verdicts)
        return f"{'Provisional: ' if self.status else ''}{parts}."

    def save(self, folder: Path) -> list[Path]:
        """Write NAME.csv, NAME.json (run record and verdicts), NAME.txt (sentences) and each figure as PNG.

        Returns
        -------
        list of Path
            The files written.
        """
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{self.name}.{ending}" for ending in ("csv", "json", "txt")]
        self.table.to_csv(files[0], index=False, float_format="%.8g")
        record = {
            "finding": self.sentence,
            "status": self.status,
            "question": self.question,
            "verdicts": [
                {**asdict(v), "share": v.share, "interval": v.interval, "word": v.word} for v in self.verdicts
            ],
            "notes": self.notes,
            "thresholds": {"supported": SUPPORTED, "mostly": MOSTLY, "depends": DEPENDS},
            "record": self.record,
        }
        files[1].write_text(json.dumps(record, indent=2, ensure_ascii=False, default=str) + "\n", encoding="utf-8")
        files[2].write_text("\n".join([self.question, "", self.sentence, "", *self.notes]) + "\n", encoding="utf-8")
        for name, figure in self.figures.items():
            path = folder / f"{name}.png"
            figure.savefig(path, dpi=160)
            files.append(path)
        return files


def wilson(k: int, n: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """95 % interval of a share of `k` in `n`.

    References
    ----------
    .. [1] Wilson, E. B. (1927). Probable inference, the law of succession, and statistical inference. Journal of the
       American Statistical Association 22(158), 209-212. https://doi.org/10.1080/01621459.1927.10502953

    Examples
    --------
    >>> low, high = wilson(190, 200)
    >>> round(low, 3), round(high, 3)
    (0.91, 0.973)
    """
    if n == 0:
        return (math.nan, math.nan)
    p = k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    return max(0.0, middle - half), min(1.0, middle + half)


def spread(values: np.ndarray) -> tuple[float, float, float]:
    """Median, 5 % and 95 % of finite values."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return (math.nan, math.nan, math.nan)
    low, middle, high = np.quantile(finite, [0.05, 0.5, 0.95])
    return float(middle), float(low), float(high)


def deciding(effect: np.ndarray, samples: pd.DataFrame, most: int = 3) -> tuple[tuple[str, float], ...]:
    """Uncertainties with the largest rank correlation with an effect (a first look, no decomposition of variance)."""
    good = np.isfinite(effect)
    if good.sum() < 10 or np.ptp(effect[good]) == 0:
        return ()
    names = [c for c in samples.columns if c not in LABELS and samples[c].nunique() > 1]
    ranks = samples.loc[good, names].rank().to_numpy()
    own = pd.Series(effect[good]).rank().to_numpy()
    r = [float(np.corrcoef(ranks[:, j], own)[0, 1]) for j in range(len(names))]
    best = sorted(range(len(names)), key=lambda j: -abs(r[j]))[:most]
    return tuple((names[j], round(r[j], 3)) for j in best)


@dataclass(frozen=True)
class Equalised:
    """Arms set to equal public money, in the order of the rows of their design."""

    lever: np.ndarray
    """Value of the lever that spends the target."""
    residual: np.ndarray
    """Money over target, less one."""
    spent: np.ndarray
    """False where no value of the lever in its range spends the target: `cannot be spent`."""
    result: xr.Dataset
    """The runs at that value of the lever."""


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
    tolerance: float = 0.005,
    rounds: int = 12,
    workers: int | None = None,
    progress: bool | str | None = None,
) -> Equalised:
    """Solve a lever, row by row, so that each row spends the public money of its target.

    Money must rise with the lever. Each row is solved by the secant rule inside a bracket; a round is one sweep of the
    rows that are still off.

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
    tolerance
        Largest relative difference from the target that is left alone.
    rounds
        Sweeps at most.
    """
    n = len(design)
    a, b = np.full(n, float(low)), np.full(n, float(high))
    x = np.clip(np.broadcast_to(np.asarray(start, float), (n,)), low, high).copy()
    x_before, v_before = np.full(n, np.nan), np.full(n, np.nan)
    value = np.full(n, np.nan)
    todo = np.ones(n, dtype=bool)
    pieces: list[xr.Dataset] = []
    for turn in range(rounds):
        rows = np.flatnonzero(todo)
        label = f"{progress}, round {turn + 1}" if isinstance(progress, str) else progress
        keep = list(dict.fromkeys([*outputs, money]))
        found = model.sweep(
            design.iloc[rows].assign(**{lever: x[rows]}),
            keep,
            every=every,
            workers=workers,
            progress=label,
            certificate=0,
        ).assign_coords(row=("run", rows))
        value[rows] = found[money].isel(time=-1).to_numpy()
        off = value / target - 1
        a, b = np.where(todo & (off < 0), x, a), np.where(todo & (off > 0), x, b)
        at_end = ((x >= high) & (off < 0)) | ((x <= low) & (off > 0))
        settled = todo & ((np.abs(off) <= tolerance) | at_end | ~np.isfinite(off) | (turn == rounds - 1))
        pieces.append(found.isel(run=np.flatnonzero(settled[rows])))
        todo &= ~settled
        if not todo.any():
            break
        with np.errstate(all="ignore"):
            slope = np.where(
                np.isfinite(x_before), (value - v_before) / (x - x_before), (value / x if low >= 0 else np.nan)
            )
            new = np.clip(x + (target - value) / slope, low, high)
        new = np.where(np.isfinite(new) & (new >= a) & (new <= b) & (new != x), new, (a + b) / 2)
        x_before, v_before = np.where(todo, x, x_before), np.where(todo, value, v_before)
        x = np.where(todo, new, x)
    residual = value / target - 1
    return Equalised(x, residual, np.abs(residual) <= tolerance, in_order(pieces))


def in_order(pieces: Sequence[xr.Dataset]) -> xr.Dataset:
    """Parts of a sweep that carry a coordinate `row`, put together in the order of their rows."""
    import xarray as xr

    whole = xr.concat(list(pieces), dim="run", combine_attrs="override")
    return whole.isel(run=np.argsort(whole["row"].to_numpy())).assign_coords(run=np.arange(whole.sizes["run"]))


class Clock:
    """Wall time of an experiment, for its record."""

    def __init__(self) -> None:
        self._begun = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since it was made."""
        return round(time.perf_counter() - self._begun, 1)
