"""Pages that run the kept ensemble under all settings of the levers: `python docs/_generate/ensemble_pages.py NAME ...`.

`self_organisation`: how the index moves against each outcome. `freeze`: what each uncertain row decides (half an hour).
`built_in`: signs of all predictions over the unfiltered ranges. They are committed.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from model_pages import grid, plain, put, toml
from scipy import stats

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study import built_in as signs
from sdmodel.study import evidence_figures
from sdmodel.study import freeze as held
from sdmodel.study.arms import NEVER, Arms
from sdmodel.study.degenerate import degenerate
from sdmodel.study.history_matching import ensemble, record

PAGES = Path(__file__).parents[1] / "models"
INDEX = "self organisation index"


def mark(model, samples):
    return (f"{samples:,} kept samples; model `{model.fingerprint[:12]}`, ensemble `{record()['mark']}`, "
            f"sdmodel {sdmodel.__version__}.")  # fmt: skip


# -- the index ----------------------------------------------------------------------------------------------------
def self_organisation(folder, samples=1000):
    model = sdmodel.load("shandong")
    settings, pairs = held.arms_and_pairs()
    names = [*(name for name in held.OUTCOMES if name != INDEX), INDEX]
    order = [held.OUTCOMES.index(name) for name in names]
    arms = Arms(model, ensemble(model, samples), held.OUTCOMES, every=NEVER, progress=False)
    change = held.changes(arms, settings, pairs)[:, order]
    index = change[:, -1]
    rows, apart = [], []
    for i, name in enumerate(names[:-1]):
        both = np.minimum(np.abs(change[:, i]), np.abs(index)) > held.COUNTS
        ranks = [stats.spearmanr(one, other).statistic for one, other in zip(change[:, i].T, index.T, strict=True)]
        low, middle, high = np.nanquantile(ranks, [0.05, 0.5, 0.95])
        apart.append((change[:, i] * index < 0)[both].mean())
        best = pairs[int(np.nanmedian(change[:, i], axis=-1).argmax())][0]
        rows.append([f"`{name}`", f"{middle:+.2f} ({low:+.2f} to {high:+.2f})", f"{apart[-1]:.0%}", plain(best)])
    lead = pairs[int(np.nanmedian(index, axis=-1).argmax())][0]
    title = f"What raises the self-organisation index moves the outcomes the other way in {min(apart):.0%} to {max(apart):.0%}"
    below = f"{len(pairs)} settings of levers, {samples:,} kept samples."
    figure = evidence_figures.index_against(change, names, title, below)
    figure.savefig(folder / "self_organisation.png", dpi=160)
    lines = [
        "# The index and the outcomes",
        "",
        "The self-organisation index is a read-out of who decides, who dies and who works together; no equation reads it. "
        "Questions are judged on real outcomes as well, and this page shows why. Each setting of "
        f"`models/lever_settings.toml` is compared with the state that it starts from. {plain(lead)} raises the index "
        "most (median).",
        "",
        "```{image} self_organisation.png",
        f":alt: {title}",
        ":target: ../_images/self_organisation.png",
        "```",
        "",
        *grid(["Outcome in 2034", "Rank correlation with the index over the settings of a sample: median, 5 to 95 %",
               "Opposite ways, of all cases in which both move by more than 1 %", "Raised most by"], rows,
              [24, 28, 24, 24]),
        mark(model, samples) + " `python docs/_generate/ensemble_pages.py self_organisation` writes this page.",
    ]  # fmt: skip
    put(folder / "self_organisation.md", "\n".join(lines) + "\n")


# -- freeze -------------------------------------------------------------------------------------------------------
def freeze(folder, samples=400):
    model = sdmodel.load("shandong")
    table = folder / "freeze.csv"
    if "--again" in sys.argv or not table.exists():
        held.freeze(model, ensemble(model, samples)).to_csv(table, index_label="row", float_format="%.5g")
    freeze_page(folder, model, pd.read_csv(table, index_col="row"), samples)
