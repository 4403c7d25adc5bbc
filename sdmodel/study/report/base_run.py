"""The base run: what happens in the kept samples if nothing changes, as quantiles of the standard outcomes by year."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sdmodel.study.arms import END, POLICY_START
from sdmodel.study.history_matching import samples_of
from sdmodel.study.outcomes import STANDARD, total
from sdmodel.study.report.words import OUTCOMES, Line, Words

if TYPE_CHECKING:
    from sdmodel.model import Model

FILE = "base run.json"
SAMPLES = 1000
"""Samples of the base run at most; its quantiles need no more."""
QUANTILES = (0.5, 0.05, 0.95)


@dataclass(frozen=True)
class BaseRun:
    """Quantiles of the standard outcomes over samples, by outcome: median, 5 % and 95 % at each time."""

    composition: str
    samples: int
    seed: int
    time: list[float]
    paths: dict[str, list[list[float]]]


def base_run(samples: int, seed: int, *, folder: Path | None = None, model: Model | None = None) -> BaseRun:
    """Run the model as it is in the samples that history does not rule out, or read the same from a folder.

    Parameters
    ----------
    samples, seed
        As in `Question.ask`; no more than 1,000 samples are run.
    folder
        Where the result is kept; None keeps it nowhere.
    model
        Another composition; default the shipped one.
    """
    own, draws = samples_of(model, min(samples, SAMPLES), seed)
    path = folder / FILE if folder else None
    kept = _read(path) if path else None
    if kept and (kept.composition, kept.samples, kept.seed) == (own.fingerprint, len(draws), seed):
        return kept
    names = [name for name in OUTCOMES if name in STANDARD and name in own]
    found = own.sweep(draws, names, every=1.0, certificate=0, progress=False)
    paths = {}
    for name in names:
        values = total(found[name]).transpose("run", "time").to_numpy()
        paths[name] = np.nanquantile(values, QUANTILES, axis=0).tolist()  # runs that failed are NaN
    out = BaseRun(own.fingerprint, len(draws), seed, found["time"].to_numpy().tolist(), paths)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asdict(out)) + "\n", encoding="utf-8")
    return out


def section(base: BaseRun, words: Words) -> str:
    """The base run as small charts, each with what it was in 2015 and is in 2034."""
    cards = []
    for name, path in base.paths.items():
        shown = OUTCOMES[name]
        middle, low, high = (shown.scale * np.array(one) for one in path)
        line = Line("", base.time, middle.tolist(), low.tolist(), high.tolist())
        title = words.heading(name)
        first, last = (int(np.argmin(np.abs(np.array(base.time) - year))) for year in (POLICY_START, END))
        told = (
            f"{POLICY_START:.0f}: {words.number(middle[first], shown.unit)} → {END:.0f}: "
            f"<b>{words.number(middle[last], shown.unit)}</b> "
            f"<small>({words.spread(low[last], high[last], shown.unit)})</small>"
        )
        yearly = f", {words.say('a year')}" if shown.yearly else ""
        cards.append(
            f"<figure><figcaption><b>{title}</b>{yearly}<br>{told}</figcaption>"
            f"{words.chart([line], shown.unit, title=title, start=POLICY_START)}</figure>"
        )
    lead = words.say("Median and 5 to 95 % of the samples that published figures do not rule out. No forecast.")
    return (
        f'<section id="base"><h2>{words.say("If nothing changes")}</h2><p>{lead}</p>'
        f'<div class="cards">{"".join(cards)}</div></section>'
    )


def _read(path: Path) -> BaseRun | None:
    """The base run that a file keeps; None if there is none, or another version wrote it."""
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return BaseRun(**data)
    except (OSError, ValueError, TypeError):
        return None
