"""Three findings by another route, docs/findings/replication.md: `python docs/_generate/replication.py [SAMPLES]`.

Nothing of the experiments is used: samples come from a Sobol' sequence and not from Latin hypercubes, each run is
solved by scipy's LSODA and not by the lanes, money is made equal by Brent's method one sample at a time, and the
measures are written again. Ranges are those assumed, so the shares to compare are those the record of the finding gives
for them; the 95 % interval of each must overlap.
"""

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from model_pages import grid, put
from scipy.optimize import brentq

import sdmodel
from sdmodel.study.verdict import wilson

DOCS = Path(__file__).parents[1]
MONEY, START, END = "present value of public money", 2015.0, 2034.0
EVERY = 0.25
ASSUMED = "ranges as assumed"
ASKED = {
    "H10 (grants)": ("procurement", "procurement brings more own RnD per yuan than grants of equal money"),
    "H39 (revenue)": ("withdrawal", "an exit from 2020 leaves more new-product revenue than staying, at equal money"),
    "H40": ("withdrawal", "a gradual exit keeps the trough of coverage higher than an abrupt one of equal money"),
}


def solved(model, values):
    """One run: paths by name, and what it cost."""
    run = model.run(values, every=EVERY)
    return run, float(run[MONEY].iloc[-1])


def summed(run, name):
    """A variable over time, subscripts summed."""
    found = run[name]
    return found if found.ndim == 1 else found.sum(axis=1)


def worth(run, name, rate):
    """Present value at 2015 by the trapezoidal rule."""
    path = summed(run, name).loc[START:]
    time = path.index.to_numpy()
    return float(np.trapezoid(path.to_numpy() * np.exp(-rate * (time - START)), time))


def equal(model, values, lever, target, low, high, accuracy):
    """Value of the lever that costs the target; None where no value does."""

    def off(x):
        return solved(model, {**values, lever: x})[1] - target

    if off(low) > 0 or off(high) < 0:
        return None
    return brentq(off, low, high, xtol=accuracy)


def procurement(model, values):
    """H10 (grants): yuan of own RnD per yuan of public money, procurement less grants."""
    rate = values["real social discount rate"]
    base, anyway = solved(model, values)
    bought, paid = solved(model, {**values, "procurement budget": 100.0})
    if paid - anyway < 1:
        return np.nan
    number = equal(model, values, "grant number", paid, 1.0, 10.0, 0.002)
    if number is None:
        return np.nan
    granted, also = solved(model, {**values, "grant number": number})
    before = worth(base, "own RnD", rate)
    per_yuan = [(worth(run, "own RnD", rate) - before) / (m - anyway) for run, m in ((bought, paid), (granted, also))]
    return per_yuan[0] - per_yuan[1]


def revenue(model, values):
    """H39 (revenue): % of new-product revenue in 2034, gradual exit from 2020 over staying."""
    gradual, paid = solved(model, {**values, "exit start": 2020.0, "exit duration": 5.0})
    lever = model["programme scale"]
    scale = equal(model, values, lever.name, paid, lever.low, lever.high, 0.0005)
    if scale is None:
        return np.nan
    stays, _ = solved(model, {**values, lever.name: scale})
    left, stayed = (summed(run, "new product revenue").iloc[-1] for run in (gradual, stays))
    return 100 * (left / stayed - 1)


def trough(model, values):
    """H40: percentage points of the lowest coverage since 2020, gradual less abrupt exit."""
    gradual, paid = solved(model, {**values, "exit start": 2020.0, "exit duration": 5.0})
    date = equal(model, {**values, "exit duration": 0.0}, "exit start", paid, START, END, 0.002)
    if date is None:
        return np.nan
    abrupt, _ = solved(model, {**values, "exit duration": 0.0, "exit start": date})
    low = [float(run["service coverage"].loc[2020.0:].min()) for run in (gradual, abrupt)]
    return 100 * (low[0] - low[1])


def one(values):
    """Effect by finding in one sample."""
    model = sdmodel.load("shandong")
    return [ask(model, values) for ask in (procurement, revenue, trough)]


def write(samples):
    """Run all samples on two processes and write the page."""
    model = sdmodel.load("shandong")
    draws = sdmodel.sobol_sequence(model.uncertainties, samples, rng=11).drop(columns="sample")
    with ProcessPoolExecutor(2) as pool:
        found = np.array(list(pool.map(one, draws.to_dict("records"))))
    rows, same = [], True
    for effects, (name, (where, text)) in zip(found.T, ASKED.items(), strict=True):
        record = json.loads((DOCS / "findings" / f"{where}.json").read_text(encoding="utf-8"))
        verdict = next(v for v in record["verdicts"] if v["hypothesis"] == name)
        _, *counts = next(row for row in verdict["elsewhere"] if row[0] == ASSUMED)
        effects = effects[np.isfinite(effects)]
        least = verdict["least"]
        again = [int((effects > least).sum()), int((abs(effects) <= least).sum()), int((effects < -least).sum())]
        meets = True
        for k, k0 in zip(again, counts, strict=True):
            (low, high), (low0, high0) = wilson(k, sum(again)), wilson(k0, sum(counts))
            meets &= low <= high0 and low0 <= high
        same &= meets
        shares = [" / ".join(f"{k / sum(group):.0%}" for k in group) + f" of {sum(group)}" for group in (counts, again)]
        rows.append([name, text, *shares, "yes" if meets else "**no**"])
    text = __doc__.split("\n\n", 1)[1].strip()
    heads = ["", "Finding", "Experiment: for / no difference / against", "Again", "Intervals overlap"]
    page = ["# Three findings by another route", "", text, "", *grid(heads, rows, [10, 34, 20, 20, 10]), "",
            f"{samples} samples, model `{model.fingerprint[:12]}`; `python docs/_generate/replication.py` does it "
            "again."]  # fmt: skip
    put(DOCS / "findings" / "replication.md", "\n".join(page) + "\n")
    return same


if __name__ == "__main__":
    sys.exit(0 if write(int(sys.argv[1]) if len(sys.argv) > 1 else 128) else 1)
