"""Writes the tables of `docs/numerics.md`: `python docs/_generate/numerics_tables.py`, some minutes.

Every figure on that page between two `measured` comments is written by this file; nothing is typed in by hand.
"""

from __future__ import annotations

import platform
import re
from pathlib import Path

import numpy as np
import pandas as pd
import scipy

import sdmodel

DOCS = Path(__file__).parents[1]
PAGE = DOCS / "numerics.md"
MODELS = ("rd_investment", "financing", "talent", "synergy", "firms", "network", "intervention", "policy", "shandong")
SAMPLES = 100


def apart(one: sdmodel.Run, other: sdmodel.Run) -> tuple[float, str]:
    """Largest difference of an outcome relative to the largest value it takes, and which outcome it is.

    An outcome smaller than 1e-9 of another with the same unit is a balance; it is measured against that one.
    """
    a, b = one.to_dataframe(), other.to_dataframe()
    outcomes = [c for c in b.columns if one.model.owner(c).outcome]
    size = b[outcomes].abs().max()
    units = pd.Series({c: one.unit(one.model.owner(c).name) for c in outcomes})
    scale = np.maximum(size, 1e-9 * size.groupby(units).transform("max").reindex(outcomes)).replace(0, 1)
    gap = (a[outcomes] - b[outcomes]).abs().max() / scale
    return float(gap.max()), str(gap.idxmax())


def solvers() -> pd.DataFrame:
    """Each model by several methods against Radau at 1e-11."""
    rows = []
    for name in MODELS:
        model = sdmodel.load(name)
        best = model.run(method="Radau", rtol=1e-11, every=1)
        row: dict[str, object] = {"model": name}
        for label, how in {
            "LSODA": {"method": "LSODA"},
            "DOP853": {"method": "DOP853", "rtol": 1e-10},
            "exact": {"method": "exact"},
            "rk4": {"method": "rk4"},
            "euler": {"method": "euler"},
        }.items():
            gap, where = apart(model.run(every=1, **how), best)
            row[label] = f"{gap:.1e}" + (f" ({where})" if gap > 1e-3 else "")
        rows.append(row)
    return pd.DataFrame(rows)


def half_steps() -> pd.DataFrame:
    """What half the step changes, over samples of everything uncertain and over corners of every lever."""
    rows = []
    for name in MODELS:
        model = sdmodel.load(name)
        step = model.time["time step"]
        every = pd.concat([model.uncertainties, model.levers])
        for what, table in (("uncertainties", model.uncertainties), ("and levers", every)):
            design = sdmodel.latin_hypercube(table, SAMPLES, rng=1)
            outcomes = list(model.outcomes)
            whole = model.sweep(design, outcomes, every=1, certificate=0)
            half = model.sweep(design.assign(**{"TIME STEP": step / 2}), outcomes, every=1, certificate=0)
            worst = []
            for o in outcomes:
                over = [d for d in whole[o].dims if d != "run"]
                size = np.abs(half[o]).max(over)
                kin = max(float(np.abs(half[k]).max()) for k in outcomes if model[k].unit == model[o].unit)
                gap = np.abs(whole[o] - half[o]).max(over) / np.maximum(np.maximum(size, 1e-9 * kin), 1e-300)
                worst.append((float(gap.max()), float((gap > 1e-3).mean()), o))
            gap, share, where = max(worst)
            failed = int((whole["status"] != 0).sum())
            rows.append(
                {
                    "model": name,
                    "varied": what,
                    "largest change": f"{gap:.1e}",
                    "in": where,
                    "runs above 0.1 %": f"{share:.0%}",
                    "failed": failed,
                }
            )
    return pd.DataFrame(rows)


def dates() -> pd.DataFrame:
    """A programme whose end moves across one time step: how far its money is from the straight line it should be."""
    model = sdmodel.load("adoption")
    step, start, end, size = (
        model.run()[n].iloc[0] for n in ("TIME STEP", "support start", "support end", "support size")
    )
    ends = end + np.linspace(0, step, 33)
    line = size * (ends - start)
    rows = []
    for method in ("exact", "euler", "rk4"):
        found = model.sweep(pd.DataFrame({"support end": ends}), ["money spent"], method=method)["money spent"]
        rows.append({"method": f"sweep, {method}", "largest error": np.abs(found[:, -1] / line - 1).max()})
    one = np.array([model.run({"support end": e})["money spent"].iloc[-1] for e in ends])
    rows.append({"method": "run, LSODA", "largest error": np.abs(one / line - 1).max()})
    table = pd.DataFrame(rows)
    table["largest error"] = table["largest error"].map("{:.1e}".format)
    return table


def text(table: pd.DataFrame) -> str:
    """A table in Markdown."""
    lines = ["| " + " | ".join(map(str, table.columns)) + " |", "|" + "---|" * len(table.columns)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in table.itertuples(index=False)]
    return "\n".join(lines)


def main() -> None:
    """Write every table in its place."""
    page = PAGE.read_text(encoding="utf-8")
    made = f"sdmodel {sdmodel.__version__}, scipy {scipy.__version__}, numpy {np.__version__}, {platform.machine()}"
    for name, table in (("solvers", solvers), ("half steps", half_steps), ("dates", dates)):
        block = f"<!-- measured: {name} -->\n{text(table())}\n\nMeasured with {made}.\n<!-- end -->"
        page, count = re.subn(rf"<!-- measured: {name} -->.*?<!-- end -->", lambda _, b=block: b, page, flags=re.S)
        assert count == 1, name
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
