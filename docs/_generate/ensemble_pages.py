"""Pages on all settings of the levers in the kept ensemble: `python docs/_generate/ensemble_pages.py NAME ...`.

`self_organisation`: how the index moves against each outcome, a minute. `freeze`: what each uncertain row decides; with
`--again` it is measured anew, half an hour, else read from its table. `built_in`: signs of all predictions over the
unfiltered ranges, `docs/models/built_in.csv`, ten minutes, only for what changed. All are committed.
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
from sdmodel.study.history_matching import ensemble, record
from sdmodel.study.question import Question

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
    middle = np.nanmedian(change, axis=-1)
    movers = [i for i in np.argsort(-np.abs(middle[:, -1])) if abs(middle[i, -1]) > held.COUNTS]
    title = (f"{len(movers)} of {len(pairs)} settings move the self-organisation index by more than one percent; an "
             f"outcome that moves as well goes the other way in {min(apart):.0%} to {max(apart):.0%}")  # fmt: skip
    below = f"{len(pairs)} settings of levers, {samples:,} kept samples."
    figure = evidence_figures.index_against(change, names, title, below)
    figure.savefig(folder / "self_organisation.png", dpi=160)
    lines = [
        "# The index and the outcomes",
        "",
        "The self-organisation index is a read-out of who leaves, who is funded and who works together; no equation "
        "reads it. Questions are judged on real outcomes as well, and this page shows why. Each setting of "
        "`models/lever_settings.toml` is compared with the state that it starts from.",
        "",
        "```{image} self_organisation.png",
        f":alt: {title}",
        ":target: ../_images/self_organisation.png",
        "```",
        "",
        *grid(["Outcome in 2034", "Rank correlation with the index over the settings of a sample: median, 5 to 95 %",
               "Opposite ways, of all cases in which both move by more than 1 %", "Raised most by"], rows,
              [24, 28, 24, 24]),
        "## Settings that move the index",
        "",
        "Median change in 2034, percent.",
        "",
        *grid(["Setting", *reversed(names)],
              [[plain(pairs[i][0]), *(f"{x:+.1f}" for x in middle[i, ::-1])] for i in movers], [19, *[9] * len(names)]),
        mark(model, samples) + " `python docs/_generate/ensemble_pages.py self_organisation` writes this page.",
    ]  # fmt: skip
    put(folder / "self_organisation.md", "\n".join(lines) + "\n")


# -- freeze -------------------------------------------------------------------------------------------------------
SPECIAL = ("market served", "shared values", "alliance members", "strong share", "default rate", "new track share")
"""Outcomes of single questions, looked at for rows that are idle on the standard ones."""
PROTECTION = "protection of weak firms times five"
SHOWN = 15


def freeze(folder, samples=400):
    model = sdmodel.load("shandong")
    draws, paths = ensemble(model, samples), (folder / "freeze.csv", folder / "freeze_special.csv")
    if "--again" in sys.argv or not paths[0].exists():
        held.freeze(model, draws).to_csv(paths[0], index_label="row", float_format="%.5g")
    table = pd.read_csv(paths[0], index_col="row")
    idle = list(table.index[table["largest"] <= held.IDLE])
    if "--again" in sys.argv or not paths[1].exists():
        settings, pairs = held.arms_and_pairs()
        settings |= {PROTECTION: {"protection programme": 5.0}}
        special = held.freeze(model, draws, settings, [*pairs, (PROTECTION, "base")], rows=idle, outcomes=SPECIAL)
        special.to_csv(paths[1], index_label="row", float_format="%.5g")
    special = pd.read_csv(paths[1], index_col="row").loc[idle]
    notes, known = toml("elicitation.toml"), model.uncertainties
    never = [name for name in idle if special.loc[name, "largest"] <= held.IDLE]
    guesses = [name for name in table.index if name in notes]
    lines = [
        "# What decides",
        "",
        f"Each of the {len(table)} uncertain rows was held at its median over {samples:,} kept samples while all "
        f"others were drawn, in all {len(held.arms_and_pairs()[1])} settings of `models/lever_settings.toml`. A "
        "comparison is one outcome in 2034 of one setting against the state it starts from, on the nine real outcomes "
        "and the index; its shares are those of samples with more and with less by one percent. `Mean` is how far a "
        "share moves on average over all comparisons, `largest` how far at the most, both in percentage points.",
        "",
        f"{len(table) - len(idle)} rows move some share by more than {100 * held.IDLE:.0f} point. "
        f"{len(idle)} do not: {', '.join(f'`{name}`' for name in idle)}. On outcomes that only single questions ask of "
        f"({', '.join(f'`{name}`' for name in SPECIAL)}; protection of weak firms as one more setting) "
        + ("all of them move a share by more." if not never else
           f"{', '.join(f'`{name}`' for name in never)} still {'does' if len(never) == 1 else 'do'} not; kept in the "
           "ranges so that the stored ensemble stays, to go at its next drawing.")
        + " The standard error of a move is the root of the number of samples that change class over their number: "
        "half a point where one sample in a hundred does.",
        "",
        "## Guesses that decide most",
        "",
        "Ranges that nobody measured, by how far they move shares on average, with the judgement behind their ends "
        "(`models/elicitation.toml`).",
        "",
        *grid(["Guess", "Range", "Mean", "Its lowest value means", "Its highest value means"],
              [[f"`{name}`", plain("{low:g} to {high:g} {unit}".format(**known.loc[name])),
                f"{100 * table.loc[name, 'mean']:.2f}", plain(notes[name]["low"]), plain(notes[name]["high"])]
               for name in guesses[:SHOWN]], [20, 16, 8, 28, 28]),
        "## All rows",
        "",
        *grid(["Row", "Held at", "Mean", "Largest", "Where", "Source"],
              [[f"`{name}`", f"{r['held']:.3g}", f"{100 * r['mean']:.2f}", f"{100 * r['largest']:.1f}",
                f"{plain(r['setting'])}: {plain(r['outcome'])}", "guess" if name in notes else "published or law"]
               for name, r in table.iterrows()], [26, 10, 8, 8, 36, 12]),
        "## Idle rows on outcomes of single questions",
        "",
        *grid(["Row", "Mean", "Largest", "Where"],
              [[f"`{name}`", f"{100 * r['mean']:.2f}", f"{100 * r['largest']:.1f}",
                f"{plain(r['setting'])}: {plain(r['outcome'])}"] for name, r in special.iterrows()], [30, 12, 12, 46]),
        mark(model, samples) + " `python docs/_generate/ensemble_pages.py freeze --again` measures anew.",
    ]  # fmt: skip
    put(folder / "freeze.md", "\n".join(lines) + "\n")


# -- signs --------------------------------------------------------------------------------------------------------
def built_in(folder):
    """Measure the questions whose files changed since the table was written, or the model; all with `--again`."""
    path, fingerprint = folder / "built_in.csv", sdmodel.load("shandong").fingerprint[:12]
    known = pd.read_csv(path, dtype={"digest": str}) if path.exists() and "--again" not in sys.argv else None
    tables = []
    for name in LIBRARY.names:
        question = LIBRARY[name]
        if not isinstance(question, Question):
            continue
        digest = f"{fingerprint} {question.digest}"[:40]
        old = None if known is None else known[(known["question"] == name) & (known["digest"] == digest)]
        if old is None or old.empty:
            old = signs.built_in(question).rename_axis("prediction").reset_index()
            old = old.assign(question=name, digest=digest)
        tables.append(old[["question", "prediction", "positive", "nil", "negative", "built in", "digest"]])
        print(name, flush=True)
    pd.concat(tables).to_csv(path, index=False)


if __name__ == "__main__":
    for name in (word for word in sys.argv[1:] if not word.startswith("--")):
        {"self_organisation": self_organisation, "freeze": freeze, "built_in": built_in}[name](PAGES)
