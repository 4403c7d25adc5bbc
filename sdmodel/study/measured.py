"""What each lever buys: the table of the page of measurements.

`python -m sdmodel.study.measured FOLDER` computes and writes its parts, which the page includes.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import sdmodel
from sdmodel.core.resources import shipped
from sdmodel.study.arms import MONEY
from sdmodel.study.outcomes import present_value
from sdmodel.study.paired import LEAST_MONEY

if TYPE_CHECKING:
    from sdmodel.model import Model

Values = dict[str, float]


@cache
def lever_settings() -> dict[str, tuple[Values, Values]]:
    """Settings of levers by name: the values that are set, and those of the state in which they are compared."""
    table = tomllib.loads((shipped("models") / "lever_settings.toml").read_text("utf-8"))
    return {name: (row["set"], row.get("within", {})) for name, row in table.items()}


def levers(
    samples: int = 500, seed: int = 1, settings: Mapping[str, tuple[Values, Values]] | None = None
) -> pd.DataFrame:
    """Effect of each setting of a lever until 2034, in total and per yuan of public money.

    Money and RnD are present values at 2015 at the discount rate of the sample. Each setting is compared with its own
    reference (the base run, or the state in which the lever can act) in the same draws.

    Parameters
    ----------
    samples
        Draws of all uncertainties and structural switches; every setting gets the same ones.
    seed
        Seed of the draws.
    settings
        Name: the values of a setting, and those of the state it is compared in; default `lever_settings`.

    Returns
    -------
    DataFrame
        One row per setting: medians, and 5 % to 95 % for RnD per yuan. Values per yuan are missing where a draw moves
        less than one million CNY.
    """
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, samples, rng=seed)
    known: dict[tuple[tuple[str, float], ...], dict[str, np.ndarray]] = {}
    rows = {}
    for name, (acted, context) in (settings or lever_settings()).items():
        state = tuple(sorted(context.items()))
        if state not in known:
            known[state] = _totals(model, draws, context)
        before, after = known[state], _totals(model, draws, {**context, **acted})
        rows[name] = _bought({k: after[k] - before[k] for k in after}, before)
    return pd.DataFrame(rows).T


def _totals(model: Model, draws: pd.DataFrame, values: dict[str, float]) -> dict[str, np.ndarray]:
    """Totals of a setting, by draw."""
    names = ["own RnD", "public RnD", "new credit", "private capital", "knowledge", "all firms", "five year survival"]
    names += [MONEY, "self organisation index"]
    found = model.sweep(draws.assign(**values), names, every=0.25, progress=False)
    if found["status"].any():
        raise sdmodel.errors.SolveError(f"With {values} a run failed: {found['message'].to_numpy().max()}")

    def present(name: str) -> np.ndarray:
        return present_value(found[name], draws).to_numpy()

    last = found.isel(time=-1)
    return {
        "money": last[MONEY].to_numpy(),
        "own": present("own RnD"),
        "RnD": present("own RnD") + present("public RnD"),
        "credit": present("new credit"),
        "venture": present("private capital"),
        "knowledge": last["knowledge"].sum("quality").to_numpy(),
        "firms": last["all firms"].to_numpy(),
        "survival": last["five year survival"].to_numpy(),
        "order": last["self organisation index"].to_numpy(),
    }


def _bought(change: dict[str, np.ndarray], before: dict[str, np.ndarray]) -> dict[str, object]:
    paid = np.abs(change["money"]) > LEAST_MONEY
    enough = paid.mean() > 0.5

    def each(name: str) -> str:
        return f"{np.median(change[name][paid] / change['money'][paid]):.2f}" if enough else ""

    low, high = np.quantile(change["RnD"][paid] / change["money"][paid], [0.05, 0.95]) if enough else (0, 0)
    return {
        "money, million CNY": f"{np.median(change['money']):,.0f}",
        "RnD, million CNY": f"{np.median(change['RnD']):,.0f}",
        "RnD per yuan": each("RnD"),
        "5 % to 95 %": f"{low:.2f} to {high:.2f}" if enough else "",
        "own RnD per yuan": each("own"),
        "own RnD rises": f"{(change['own'] > 0).mean():.0%}",
        "credit per yuan": each("credit"),
        "private venture money per yuan": each("venture"),
        "knowledge in 2034": f"{100 * np.median(change['knowledge'] / before['knowledge']):+.2f} %",
        "firms in 2034": f"{100 * np.median(change['firms'] / before['firms']):+.2f} %",
        "five-year survival": f"{100 * np.median(change['survival']):+.2f}",
        "self-organisation index": f"{np.median(change['order']):+.4f}",
    }


# -- tables of the page -----------------------------------------------------------------------------------------
def write(folder: Path, samples: int = 500, seed: int = 1) -> list[Path]:
    """Measure and write the parts of the page as Markdown."""
    model = sdmodel.load("shandong")
    versions = f"sdmodel {sdmodel.__version__}, model {model.fingerprint[:12]}, sectors {', '.join(model.sectors)}"
    parts = {
        "record": f"Measured on {samples} draws, seed {seed}, with {versions}.",
        "levers": _markdown(levers(samples, seed)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for name, text in parts.items():
        out.append(folder / f"part-{name}.md")
        out[-1].write_text(text + "\n", encoding="utf-8")
    return out


def _markdown(table: pd.DataFrame) -> str:
    head = [str(table.index.name or table.columns.name or ""), *map(str, table.columns)]
    lines = [
        head,
        ["---"] * len(head),
        *([str(i), *map(str, row)] for i, row in zip(table.index, table.to_numpy(), strict=True)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500)
