"""Tables of the page of measurements: the model against published figures, and the effect of each lever.

`python -m sdmodel.study.measured FOLDER` computes and writes one file per table, which the page includes.
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
from sdmodel.study.arms import MONEY, present_value
from sdmodel.study.paired import LEAST_MONEY

if TYPE_CHECKING:
    import xarray as xr

    from sdmodel.model import Model

Values = dict[str, float]
HAZARDS = {1: ("T40", 0.016), 2: ("T40", 0.063), 3: ("T40", 0.095)}
"""Yearly chance of exit of new firms of all kinds in China, first three years."""
LATER_HAZARD = ("T41", 0.08)
"""Lower bound of the hazard in years four to seven."""
SURVIVAL = {5: ("T42", 0.689), 9: ("T43", 0.496)}
NEAR = 0.05
"""A sample meets a survival target within five percentage points."""

CASH = (0.25, 0.5, 1.0, 2.0, 4.0)
"""Money of the mean firm for RnD, over the RnD that it wants."""
SIZES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0)
"""Size of a grant over the RnD the firm wants."""
SMALLEST = 0.01
"""Change of own RnD, over the RnD wanted, that counts."""


# -- survival ---------------------------------------------------------------------------------------------------
def survival(samples: int = 500, seed: int = 1) -> pd.DataFrame:
    """Hazards and survival of a cohort of firms at the fitted hazards, against the published ones.

    The cohort passes the ages of `firms.mdl` one by one (a chain solved exactly), at the hazards of firms of all kinds:
    those of the published cohorts, not those of technology-based micro firms.

    Parameters
    ----------
    samples
        Draws of the fitted hazards over their ranges.
    seed
        Seed of the draws.

    Returns
    -------
    DataFrame
        One row per target: published value, the model at its central hazards, 5 %, median and 95 % over the draws, and
        the share of draws that meet it.
    """
    model = sdmodel.load("firms")
    names = [f"hazard of {age}" for age in ("founding", "the critical age", "established firms")]
    given = model.uncertainties.loc[names]
    drawn = sdmodel.latin_hypercube(given, samples, rng=seed)[names].to_numpy()
    lengths = [model.parameters().loc[n, "value"] for n in ("time in founding", "time in critical age")]
    ages = np.array([lengths[0]] * 3 + [lengths[1], np.inf])
    central, spread = (cohort(h, ages) for h in (given["value"].to_numpy()[None], drawn))
    rows = []

    def row(label: str, target: str, published: str, of: np.ndarray, mid: float, inside: np.ndarray) -> None:
        low, half, high = np.quantile(of, [0.05, 0.5, 0.95])
        rows.append((label, target, published, mid, low, half, high, inside.mean()))

    yearly = [1 - c[:, 1:] / c[:, :-1] for c in (central, spread)]
    for year, (target, value) in HAZARDS.items():
        of = yearly[1][:, year - 1]
        row(f"hazard of year {year}", target, f"{value:.3f}", of, yearly[0][0, year - 1], abs(of - value) < NEAR / 5)
    lowest = [y[:, 3:7].min(axis=1) for y in yearly]
    row(
        "lowest hazard of years 4 to 7",
        LATER_HAZARD[0],
        "> 0.080",
        lowest[1],
        lowest[0][0],
        lowest[1] > LATER_HAZARD[1],
    )
    for year, (target, value) in SURVIVAL.items():
        of = spread[:, year]
        row(f"survival after {year} years", target, f"{value:.3f}", of, central[0, year], abs(of - value) < NEAR)
    peak = [y.argmax(axis=1) + 1 for y in yearly]
    row("year of the highest hazard", "T40", "3", peak[1], peak[0][0], peak[1] == 3)
    columns = ["what", "target", "published", "model", "5 %", "median", "95 %", "share that meets it"]
    return pd.DataFrame(rows, columns=columns)


def cohort(hazard: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Share of a cohort alive at each birthday 0 to 9, one row a draw of the three hazards."""
    from scipy.linalg import expm

    chain = np.zeros((len(hazard), 5, 5))
    for i, age in enumerate((0, 0, 0, 1, 2)):
        chain[:, i, i] = -hazard[:, age] - 1 / ages[i]
        if i:
            chain[:, i, i - 1] = 1 / ages[i - 1]
    year = expm(chain)
    alive = [np.tile([1.0, 0, 0, 0, 0], (len(hazard), 1))]
    for _ in range(9):
        alive.append(np.einsum("nij,nj->ni", year, alive[-1]))
    return np.stack([a.sum(axis=1) for a in alive], axis=1)


# -- additionality ----------------------------------------------------------------------------------------------
def additionality(samples: int = 500, seed: int = 1, quality: str = "strong") -> pd.DataFrame:
    """Shape of own RnD of firms with a grant, by the size of the grant and by how short of money firms are.

    `rd_investment.mdl` alone, at its start, additionality by cash limits and project cost (not by the published curve).
    Firms with a grant are compared with firms without one in the same run. The grant is spent on RnD in full.

    Parameters
    ----------
    samples
        Draws of all uncertainties of the sector.
    seed
        Seed of the draws.
    quality
        Quality of the firms that are compared.

    Returns
    -------
    DataFrame
        One row per ratio of available money to wanted RnD: shares of draws with each shape, and its turning point.
    """
    model = sdmodel.load("rd_investment").replace("FINAL TIME", 2009.25)
    model = model.replace("additionality switch", 0.0)
    draws = sdmodel.latin_hypercube(model.uncertainties, samples, rng=seed)
    outputs = ["wanted RnD per firm", "afforded own RnD"]
    first = _start(model, model.sweep(draws, outputs, every=0.25, progress=False), quality)
    wanted, firms = first["wanted"], float(model.parameters()["value"][f"firms by quality[{quality}]"])
    blocks = []
    for cash in CASH:
        for size in SIZES:
            block = draws.copy()
            block[f"affordable RnD[{quality}]"] = cash * wanted * firms
            block["grant per recipient"] = size * wanted
            blocks.append(block)
    found = _start(model, model.sweep(pd.concat(blocks), outputs, every=0.25, progress=False), quality)
    shape = (len(CASH), len(SIZES), samples)
    own = found["with grant"].reshape(shape) / wanted
    plain = found["without grant"].reshape(shape) / wanted
    sizes = np.array(SIZES)
    rows = [_shape(sizes, own[i].T - plain[i].T, own[i].T) for i in range(len(CASH))]
    return pd.DataFrame(rows, index=pd.Index(CASH, name="money over wish"))


def _start(model: Model, found: xr.Dataset, quality: str) -> dict[str, np.ndarray]:
    """Values at the start for one quality, means over its bands."""
    at = found.isel(time=0).sel(quality=quality)
    given = model.parameters()["value"]
    share = at["band"].copy(data=[given[f"band share[{quality},{band}]"] for band in at["band"].to_numpy()])
    own = (at["afforded own RnD"] * share).sum("band")
    return {
        "wanted": (at["wanted RnD per firm"] * share).sum("band").to_numpy(),
        "with grant": own.sel(award="with grant").to_numpy(),
        "without grant": own.sel(award="without grant").to_numpy(),
    }


def _shape(sizes: np.ndarray, extra: np.ndarray, own: np.ndarray) -> dict[str, object]:
    """Shapes of own RnD (rows draws, columns sizes; `extra` over firms without a grant), as shares of draws."""
    share = sizes / np.maximum(own + sizes, 1e-12)
    peak, best = extra.argmax(axis=1), extra.max(axis=1)
    adds = best > SMALLEST
    falls = best - extra[:, -1] > SMALLEST
    published = share <= 0.5  # in the literature no sample receives more than its own spending
    crowds = (np.where(published, extra, 0.0) < -SMALLEST).any(axis=1)
    total = np.diff(own + sizes, axis=1) / np.diff(sizes)
    middle = total.max(axis=1)
    leverage = np.where(sizes[1:] > 0, extra[:, 1:] / np.maximum(sizes[1:], 1e-12), 0.0)
    draws = np.arange(len(extra))
    turned = [
        np.interp(0.0, -row[k:], s[k:]) if a and (row[k:] < 0).any() else np.nan
        for row, s, k, a in zip(extra, share, peak, adds, strict=True)
    ]
    where = share[:, 1:][draws, leverage.argmax(axis=1)]
    return {
        "own RnD rises, then falls (SB04, SF01)": (adds & falls & (peak < len(sizes) - 1)).mean(),
        "adds when small, replaces when large (SB05)": (adds & (extra[:, -1] < -SMALLEST)).mean(),
        "adds, never replaces up to half of RnD (SB03, SF02)": (adds & ~crowds).mean(),
        "replaces at any size": (~adds & (extra.min(axis=1) < -SMALLEST)).mean(),
        "no change": (np.abs(extra).max(axis=1) <= SMALLEST).mean(),
        "total RnD is S-shaped (SF01)": ((middle > total[:, 0] + 0.1) & (middle > total[:, -1] + 0.1)).mean(),
        "subsidy share of highest leverage (SB01: 0.10)": _range(where[adds]),
        "subsidy share where it replaces (SB02: 0.20)": _range(np.array(turned)),
    }


def _range(values: np.ndarray) -> str:
    good = values[np.isfinite(values)]
    if len(good) < 10:
        return "too few"
    low, half, high = np.quantile(good, [0.05, 0.5, 0.95])
    return f"{half:.2f} ({low:.2f} to {high:.2f})"


def money_over_wish(samples: int = 500, seed: int = 1) -> pd.DataFrame:
    """Money for own RnD over the RnD wanted, and firms short of money, in the composition: 5 %, median, 95 %."""
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, samples, rng=seed)
    names = ["affordable RnD", "uncapped target RnD", "share of firms short of money"]
    found = model.sweep(draws, names, every=1, progress=False)
    rows = {}
    for quality in ("weak", "strong"):
        for year in (2014, 2024):
            at = found.sel(quality=quality, time=year)
            ratio = (at["affordable RnD"] / at["uncapped target RnD"]).to_numpy()
            short = at["share of firms short of money"].to_numpy()
            rows[f"{quality} firms, {year}"] = {
                "money over wish": _range(ratio),
                "share of firms short of money": _range(short),
            }
    return pd.DataFrame(rows).T


# -- levers -----------------------------------------------------------------------------------------------------
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
    """Measure and write every table of the page as Markdown."""
    model = sdmodel.load("shandong")
    versions = f"sdmodel {sdmodel.__version__}, model {model.fingerprint[:12]}, sectors {', '.join(model.sectors)}"
    parts = {
        "record": f"Measured on {samples} draws, seed {seed}, with {versions}.",
        "survival": _markdown(survival(samples, seed).set_index("what")),
        "additionality-strong": _markdown(additionality(samples, seed, "strong").T, "{:.0%}"),
        "additionality-weak": _markdown(additionality(samples, seed, "weak").T, "{:.0%}"),
        "money": _markdown(money_over_wish(samples, seed)),
        "levers": _markdown(levers(samples, seed)),
    }
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for name, text in parts.items():
        out.append(folder / f"part-{name}.md")
        out[-1].write_text(text + "\n", encoding="utf-8")
    return out


def _markdown(table: pd.DataFrame, form: str = "{:.3g}") -> str:
    def cell(x: object) -> str:
        return form.format(x) if isinstance(x, float) else str(x)

    head = [str(table.index.name or table.columns.name or ""), *map(cell, table.columns)]
    lines = [
        head,
        ["---"] * len(head),
        *([cell(i), *map(cell, row)] for i, row in zip(table.index, table.to_numpy(), strict=True)),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 500)
