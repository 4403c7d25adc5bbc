"""Pages of the history matching and of the published effects: `python docs/_generate/evidence_pages.py [SAMPLES]`.

They are committed, since they take some minutes. Every figure in them is measured when they are written; an ensemble
that does not belong to the models is made anew first.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
from model_pages import grid, plain, put

import sdmodel
from sdmodel.study import evidence_figures, identifiability, published_effects, targets
from sdmodel.study import history_matching as matching
from sdmodel.study.sampling import LABELS

PAGES = Path(__file__).parents[1] / "models"


def write(folder, samples=published_effects.SAMPLES):
    """Write both pages with their figures; without samples only that of the matching."""
    model = sdmodel.load("shandong")
    try:
        kept = matching.ensemble(model)
    except matching.StaleEnsembleError:
        matching.main()
        kept = matching.ensemble(model)
    found = identifiability.identified(model)
    text, figure = matching_page(model, kept, found)
    figure.savefig(folder / "matching.png", dpi=160)
    fit_figure(model, kept.iloc[:2000]).savefig(folder / "fit.png", dpi=160)
    put(folder / "matching.md", text)
    if not samples:
        return
    table = published_effects.evaluate(model, kept.iloc[:samples])
    before = published_effects.evaluate(model, matching.drawn(model, np.arange(samples))[1])
    text, figure = effects_page(model, table, before, samples)
    figure.savefig(folder / "published_effects.png", dpi=160)
    put(folder / "published_effects.md", text)


# -- matching -----------------------------------------------------------------------------------------------------
def matching_page(model, kept, found):
    record, rows = matching.record(), matching.check(model, kept.iloc[:2000])
    names = list(found.moved.index)
    n, moved = len(names), int(found.moved["clear"].sum())
    much = [name for name in names if found.moved.loc[name, "distance"] > identifiability.NOTABLE]
    few, most = int(found.directions.min()), int(found.directions.max())
    known = f"{few}" if few == most else f"{few} to {most}"
    # the stored ensemble, for the ranges in the figure
    u, _ = matching.drawn(model, matching.kept_rows(), int(record["seed"]))
    columns = [c for c in kept.columns if c not in LABELS]
    quantiles = found.moved.join(_quantiles(u, columns))[["5 %", "median", "95 %"]]
    title = f"The targets know {known} of {n} directions; {n - moved} of {n} ranges stay as they were drawn"
    below = f"{record['kept']:,} of {record['drawn']:,} draws are not ruled out; {len(kept):,} of them are looked at."
    lines = [
        "# History matching",
        "",
        "## What the data do not inform",
        "",
        f"Of {n} uncertainties the targets leave {n - moved} where they were: their distribution among the kept draws "
        f"cannot be told from the one they were drawn from. Of the {moved} that moved, {len(much)} moved by more than "
        f"{identifiability.NOTABLE:.0%} of their prior{_list(much)}. Near a kept sample the targets know {known} "
        f"directions in the space of the uncertainties better than the prior does; in all others what is swept is what "
        "was assumed. Nothing here ties down what policy does: no target looks at an effect of an instrument, "
        "at skills, culture, market services or venture money. No series of this population exists, so there "
        "is no fit and no statistic of one.",
        "",
        "```{image} matching.png",
        f":alt: {title}",
        ":target: ../_images/matching.png",
        "```",
        "",
        "## Against every target",
        "",
        "```{image} fit.png",
        ":alt: The default run and the kept samples against every target",
        ":target: ../_images/fit.png",
        "```",
        "",
        "## How it was done",
        "",
        f"{record['drawn']:,} draws of all uncertainties and switches, independent of each other "
        f"({plain(record['sampler'])}, seed {record['seed']}); each is run from 2009 until the last target, and ruled "
        "out where a target is further "
        f"away than {record['cut']:g} standard deviations of what separates a run from the published figure: the error "
        "of the figure and the discrepancy of the model (`sdmodel.history_match`). An interval counts as nil inside. "
        f"{record['kept'] / record['drawn']:.1%} are kept. The first {record['stored']:,} of them are the default "
        "ensemble of findings: `sdmodel.study.history_matching.ensemble(model, n)` makes them from their numbers. "
        "Draws are independent and not a Latin hypercube, so that what is kept is an independent sample as well. Pairs "
        "of uncertainties that go together were drawn with a rank correlation:",
        "",
        *(f"- {plain(' with '.join(row['between']))}, {row['rank']:g}. {plain(row['why'])}"
          for row in targets.data()["correlation"]),
        "",
        "## Targets",
        "",
        "Tolerances are judgements, written down before the first matching, after a look at how far the prior alone "
        "spreads the outcomes, and not changed since. `Out` is the share of all draws that a target "
        "rules out, `alone` the share that no other target rules out.",
        "",
        *grid(["Target", "Published", "Error, discrepancy", "Out", "Alone", "Kept: median, 5 to 95 %", "Why so"],
              [_target(t, record, rows) for t in targets.targets()], [16, 13, 10, 6, 6, 16, 33]),
        "",
        "Reported beside the kept samples and ruling nothing out; a miss is a miss of the median:",
        "",
        *grid(["Figure", "Published", "Kept: median, 5 to 95 %", "Share inside", "Verdict", "What to bear in mind"],
              [_beside(t, rows) for t in targets.targets("check")], [18, 12, 18, 9, 8, 35]),
        "",
        "## Parameters that the targets were meant to inform",
        "",
        *grid(["Parameter", "By", "Prior: median, 5 to 95 %", "Kept: median, 5 to 95 %", "Moved"],
              [_range(name, row, found) for name, row in found.ranges.iterrows()], [26, 14, 24, 24, 12]),
        "",
        "## Ranges that moved most",
        "",
        "Distance: the largest difference between the distribution functions of kept and prior (Kolmogorov and "
        "Smirnov); shift: where the kept median lies in the prior, less one half.",
        "",
        *grid(["Uncertainty", "Distance", "Shift"],
              [[f"`{n}`", f"{r['distance']:.3f}", f"{r['shift']:+.3f}"] for n, r in found.moved.head(20).iterrows()],
              [50, 25, 25]),
        "",
        "Pairs that the targets tie to each other (rank correlation among the kept, those put in left out):",
        "",
        *grid(["One", "Other", "Correlation"],
              [[f"`{one}`", f"`{other}`", f"{r:+.2f}"] for one, other, r in found.pairs.itertuples(index=False)],
              [40, 40, 20]),
        "",
        "## Local information",
        "",
        "Slopes of the targets with two ends along each uncertainty at nine kept samples, in standard deviations of "
        "the prior, over what separates a run from the figure. The eigenvalues of their square are the information "
        "of the targets in units of the information of the prior: "
        + ", ".join(f"{x:.2g}" if x > 1e-9 else "nil" for x in np.median(found.eigenvalues, axis=0))
        + f" (medians). Above one are {known}. The known directions are made of "
        + ", ".join(f"`{name}` ({r['share']:.0%})" for name, r in found.vectors.head(10).iterrows())
        + "; the share is how much of a direction is known.",
        "",
        "## Not usable as targets",
        "",
        *(f"- {plain(row['id'])}: {plain(row['why'])}" for row in targets.data()["unused"]),
        "",
        "## Record",
        "",
        f"Ensemble mark `{record['mark']}`, model `{record['model'][:12]}`, sdmodel {record['sdmodel']}. "
        "`python -m sdmodel.study.history_matching` makes the ensemble anew, which it must be when equations, ranges "
        "or targets have changed; `python docs/_generate/evidence_pages.py` writes this page; with "
        "the argument 0 it leaves out the published effects.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n", evidence_figures.matching(found, quantiles, title, below)


def fit_figure(model, kept):
    of = [*targets.targets(), *targets.targets("check")]
    runs = [matching.until(model, of).sweep(draws, targets.variables(of), every=matching.EVERY, certificate=0,
                                            progress=False)
            for draws in (kept, pd.DataFrame({LABELS[0]: [0]}))]  # fmt: skip
    values, base = ([t.value(found) for t in of] for found in runs)
    away = [abs(float(t.distance(value)[0])) / t.spread for t, value in zip(of, base, strict=True)]
    out = sum(d > targets.CUT for d in away)
    inside = sum(d == 0 for d in away)
    title = f"The default run lies in {inside} of {len(of)} published intervals and is ruled out by {out or 'none'}"
    return evidence_figures.fit(of, values, [float(v[0]) for v in base], title, f"{len(kept):,} kept samples.")


def _quantiles(u, columns):
    return pd.DataFrame(np.quantile(u, [0.05, 0.5, 0.95], axis=0).T, index=columns, columns=["5 %", "median", "95 %"])


def _list(names):
    return f": {', '.join(f'`{name}`' for name in names)}" if names else ""


def _text(name, rows):
    return next(r for r in rows if r[0] == name)


def _target(t, record, rows):
    bind = record["targets"][targets.label(t)]
    unit = " (shares)" if t.scale == "log" else ""
    kept = _text(targets.label(t), rows)[4].removeprefix("median ").rpartition(";")[0].replace("5 to 95 % ", "")
    return [plain(targets.label(t)), t.published, f"{t.error:g}, {t.discrepancy:g}{unit}", f"{bind['out']:.1%}",
            f"{bind['alone']:.1%}", kept, plain(t.why)]  # fmt: skip


def _beside(t, rows):
    _, share, _, verdict, text = _text(targets.label(t), rows)
    kept = text.removeprefix("median ").rpartition(";")[0].replace("5 to 95 % ", "")
    return [plain(targets.label(t)), t.published, kept, f"{share:.0%}", verdict, plain(t.why)]


def _range(name, row, found):
    def ends(when):
        return (
            f"{row[f'{when} median']:.3g}, {row[f'{when} 5 %']:.3g} to {row[f'{when} 95 %']:.3g} {plain(row['unit'])}"
        )

    moved = found.moved.loc[name]
    return [f"`{name}`", row["target"], ends("prior"), ends("kept"),
            f"{moved['distance']:.3f}" + ("" if moved["clear"] else ", within chance")]  # fmt: skip


# -- published effects --------------------------------------------------------------------------------------------
def effects_page(model, table, before, samples):
    tests = table[table["label"] == "test"]
    counts = {word: int((tests["verdict"] == word).sum()) for word in ("hit", "mixed", "miss")}
    title = f"Of {len(tests)} tests {counts['hit']} hit, {counts['mixed']} are mixed and {counts['miss']} miss"
    below = f"{samples:,} samples of the matched ensemble; what was put in is hollow and no test."
    missed = table[table["verdict"].isin(["miss", "mixed"])]
    left = table[table["label"] == "not comparable"]
    lines = [
        "# Published effects",
        "",
        f"What econometrics measured elsewhere, run with a treatment as near to the published one as the model has, in "
        f"{samples:,} samples that [the history matching](matching.md) keeps. {title}. Misses stand as misses; nothing "
        "was tuned to this page, and most figures come from other countries, other firms or abstracts.",
        "",
        "```{image} published_effects.png",
        f":alt: {title}",
        ":target: ../_images/published_effects.png",
        "```",
        "",
        "A hit has its median inside a published interval, or shows a published sign or shape in 75 % of the samples; "
        "`mixed` is 25 % of the samples inside, and less is a miss. Where only a sign is published, an effect of any "
        "size has it. What was put in is marked `input` and confirms nothing.",
        "",
        "The published figures, treatments and signs were written down before the first run. How some effects are read "
        "was mended after it, for reasons that do not look at the verdict: a ratio of two losses says nothing (SF04, "
        "SF09, SF19), only a gain can fade (SF05), stop and go may begin with either (SF16), revenue grows by the mere "
        "number of firms (SF18, both readings are given), and a bare majority is no hit for a sign. Treatments are "
        "those of the first model, but that grants are for projects (SF01, SF02) and the market for venture money is "
        "judged by the part of visible deals that private money meets (SF11).",
        "",
        _changed(table, before),
        "",
        "## What does not agree, and why",
        "",
        "The reasons are read off the equations and were not tested one by one.",
        "",
        *(f"- {r['id']}, {plain(r['what'])} ({r['label']}, {r['verdict']}): {_model(r)} against {r['published']}. "
          f"{plain(r['reason'])}" for _, r in missed.iterrows()),
        "",
        "## Tests",
        "",
        *_table(tests),
        "## Inputs",
        "",
        *_table(table[table["label"] == "input"]),
        "## Not comparable",
        "",
        *(f"- {r['id']}, {plain(r['what'])} (published: {r['published']}). {plain(r['reason'])}"
          for _, r in left.iterrows()),
        "",
        "## Sources",
        "",
        *(f"- `{key}`: {plain(text)}" for key, text in published_effects.sources().items()),
        "",
        "## Record",
        "",
        f"{table.attrs['runs'] + before.attrs['runs']:,} runs; model `{model.fingerprint[:12]}`, "
        f"sdmodel {sdmodel.__version__}, ensemble "
        f"`{matching.record()['mark']}`. `python docs/_generate/evidence_pages.py` writes this page.",
    ]  # fmt: skip
    return "\n".join(lines) + "\n", evidence_figures.effects(table, title, below)


def _changed(table, before):
    """What the matching changes."""
    other = [
        f"{r['id']}, {plain(r['what'])} ({word} before, {r['verdict']} after)"
        for (_, r), word in zip(table.iterrows(), before["verdict"], strict=True)
        if word != r["verdict"]
    ]
    told = f"changes {len(other)} of {len(table)} verdicts: {'; '.join(other)}" if other else "changes no verdict"
    return f"Against as many draws that were not matched, the matching {told}."


def _model(r):
    if r["unit"] == published_effects.YES:
        return f"in {r['share inside']:.0%} of samples"
    return f"{r['median']:.3g} ({r['5 %']:.3g} to {r['95 %']:.3g}) {r['unit'].replace('relative', '').strip()}".strip()


def _table(rows):
    head = ["", "What", "Treatment", "Published", "Model: median, 5 to 95 %", "Samples inside", "Verdict"]
    cells = [
        [r["id"], plain(r["what"]), plain(r["treatment"]), f"{r['published']} [{r['source']}]", _model(r),
         f"{r['share inside']:.0%} of {r['samples']:,}", f"**{r['verdict']}**"]
        for _, r in rows.iterrows()
    ]  # fmt: skip
    return grid(head, cells, [6, 22, 26, 14, 15, 9, 8])


if __name__ == "__main__":
    write(PAGES, int(sys.argv[1]) if len(sys.argv) > 1 else published_effects.SAMPLES)
