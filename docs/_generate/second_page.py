"""Tables of the page on the second model, made when the documentation is built: counts, degenerate states, guesses."""

import pandas as pd
from model_pages import DOCS, grid, plain, put, toml

import sdmodel
from sdmodel.compile.programs import program_of
from sdmodel.study.degenerate import degenerate
from sdmodel.study.history_matching import ensemble

SAMPLES, SHOWN = 1000, 12


def write(folder):
    """Write `part-size.md`, `part-degenerate.md` and `part-guesses.md`."""
    folder.mkdir(parents=True, exist_ok=True)
    model = sdmodel.load("shandong")
    put(folder / "part-size.md", "\n".join(size(model)))
    put(folder / "part-degenerate.md", "\n".join(states(model)))
    put(folder / "part-guesses.md", "\n".join(guesses(model)))


def size(model):
    kinds = [v.kind for v in model.equations.values()]
    stocks, auxiliaries = kinds.count("stock"), kinds.count("auxiliary")
    states = [one.name for one in program_of(model, fixed=False).states]
    firms = sum(name.startswith("firms[") for name in states)
    rows = [
        ["equations that are not constants (tables of data apart)", f"{stocks + auxiliaries}"],
        ["– of them stocks", f"{stocks}"],
        ["uncertain rows, switches included", f"{len(model.uncertainties)}"],
        ["levers", f"{len(model.levers)}"],
        ["scalar states, and of them firms by age and quality", f"{len(states)}, {firms}"],
    ]
    return grid(["", "Now"], rows, [70, 30])


def states(model):
    table = degenerate(model, ensemble(model, SAMPLES))
    rows = [[plain(says), plain(r["first"]), f"{r['share']:.1%}", plain(r["why"])] for says, r in table.iterrows()]
    return grid(["State", "First model", f"Share of {SAMPLES:,} kept samples", "Why it may be"], rows, [34, 16, 14, 36])


def guesses(model):
    table, notes = pd.read_csv(DOCS / "models" / "freeze.csv", index_col="row"), toml("elicitation.toml")
    some = [name for name in table.index if name in notes][:SHOWN]
    rows = []
    for name in some:
        span, r = "{low:g} to {high:g} {unit}".format(**model.uncertainties.loc[name]), table.loc[name]
        where = f"{100 * r['largest']:.0f}: {plain(r['setting'])}, {r['outcome']}"
        rows.append([f"`{name}`", plain(span), f"{100 * r['mean']:.2f}", where])
    return grid(["Guess", "Range", "Mean move of a share, points", "Largest, and where"], rows, [26, 24, 16, 34])
