"""Does an extra tax deduction raise RnD, and does a progressive one raise it more for the same money? (H01, H02)

Written down before the first run
---------------------------------
Population and model: the composition `shandong` as far as it stands; treatments from 2015; present values 2015 to
2034 at the real social discount rate of the sample. The deduction of the law is replaced in every arm, so that the
sampled path of the tax law moves tax rates and ceilings, not the arm.

Settings: no extra deduction; a flat one of 50 % (the law of 2014); three progressive designs, each at the size that
costs in the same sample the same public money beyond that of no deduction as the flat one (0.5 %), no rate above 200
%: by brackets (0, 1/4, 1/2, 3/4 and all of the top rate on the part of RnD between 0, 1, 3, 5 and 8 % of revenue),
the same rates on the whole amount, and the rule of 1996 (a flat rate for firms whose RnD grew by 10 %). A design that
cannot spend the money is counted as such and not compared. By tax position: none and flat 50 % again where every firm
with a profit pays 25, 15 or 10 % from 2015; at 0 % a deduction saves nothing and costs nothing, by formula.

Outcome: own real RnD, per yuan of public money beyond that of no deduction. Smallest difference that counts: 0.1
yuan. Samples in which the flat deduction costs less than one million CNY are left out.

H01 (C81: 累进制 raises RnD input). Holds in a sample if the brackets bring more than the flat rate by more than that.
The two other designs are judged alike.

H02 (C80: tax relief raises RnD). Holds if the flat rate brings more than 0.1 yuan of own real RnD per yuan. The sign
is built in, so the size is judged as well: H02 (size) holds if it brings 0.5 yuan or more, the low end of what was
measured (Hall and Van Reenen 2000, Guceri and Liu 2019).

Labels: H01 is conditional: that a marginal rate costs little on RnD done anyway is arithmetic; cash limits,
relabelling and firms that respond to the average rate work against it. The rule of 1996 is built in: in the model it
only thins out the deduction, firms do not plan their growth by it (said after the first run had shown no difference
at all). H02 is built in: the elasticity is above zero by assumption.

Links held, each at its path in the flat arm: see `LINKS`; the first is the mechanism itself, the others are loops.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import xarray as xr

import sdmodel
from sdmodel.experiments.arms import MONEY, Arms, last, present_value, total
from sdmodel.experiments.equal_money import Equalised
from sdmodel.experiments.finding import Finding, Verdict, judged, spread, status
from sdmodel.expression import Call, Op, Ref
from sdmodel.model import Model

QUESTION = "Does an extra tax deduction raise RnD, and does a progressive one raise it more for the same public money?"
SAMPLES = 2_000

FLAT_RATE, TOP_RATE = 0.5, 2.0
POSITIONS = (0.25, 0.15, 0.10)
SMALLEST, MEASURED, LEAST_MONEY = 0.1, 0.5, 1.0
EVERY = 0.5

OWN, REPORTED, INTENSITY = "own RnD", "reported RnD", "real RnD intensity"
FORGONE, SHARES, FIRMS = "tax forgone", "band share", "firms by quality"
OUTPUTS = (OWN, REPORTED, FORGONE, INTENSITY, SHARES, FIRMS)
LOW_BANDS = ["b1", "b2"]
"""Firms with less than 3 % of revenue in RnD, those that barely survive by the paper (F53)."""
NO_LAW = {"law deduction kept": 0.0}
NONE, FLAT, BRACKETS, WHOLE, GROWTH = "none", "flat", "brackets", "whole amount", "growth rule of 1996"
PLAIN = {NONE: NO_LAW, FLAT: {**NO_LAW, "flat extra deduction": FLAT_RATE}}
RISING = {BRACKETS: NO_LAW, WHOLE: {**NO_LAW, "whole amount rule": 1.0}}
GROWING = {GROWTH: {**NO_LAW, "growth rule": 1.0}}
DESIGNS = (BRACKETS, WHOLE, GROWTH)

LINKS = {
    "price of RnD (C80)": ("user cost", "uncurbed intensity"),
    "tax saved as cash (C22)": ("tax paid", "funds left for RnD"),
    "R1 knowledge, new products, surplus (C87)": ("knowledge per firm", "new product revenue"),
    "B11 load of the agencies (C69-C73)": ("active programmes", "implementation target"),
}
"""Mechanism or loop and the link (cause, effect) that is held at its path in the flat arm."""

LABEL_01 = ("conditional", "a marginal rate costs little on RnD done anyway, cash and relabelling work against it")
LABEL_RULE = (
    "built in",
    "the rule lets part of the firms have the same rate, and firms do not plan growth by it (TX15)",
)
LABEL_02 = ("built in", "the elasticity of RnD to its user cost is 1.1 to 2.6 by assumption (TX03)")
LABEL_SIZE = (
    "conditional",
    "the elasticity is an input; cash limits, losses, take-up and relabelling set what is left",
)


def ask(
    samples: int = SAMPLES,
    seed: int = 1,
    *,
    workers: int | None = None,
    progress: bool | None = None,
    model: Model | None = None,
) -> Finding:
    """Ask H01 and H02.

    Parameters
    ----------
    samples
        Draws of all uncertainties and structural switches; every setting gets the same ones.
    seed
        Seed of the draws.
    workers, progress
        As in `Model.sweep`.
    model
        Another composition with the same names; default the shipped one.

    Returns
    -------
    Finding
    """
    model = model or sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, samples, rng=seed)
    arms = Arms(model, draws, OUTPUTS, every=EVERY, workers=workers, progress=progress)
    causes = [cause for cause, _ in LINKS.values()]
    plain = arms.run("1/4 none and flat", PLAIN, [*causes, "chance above"], certificate=6)
    anyway, paid = last(plain, MONEY)
    rising = arms.equal(
        "2/4 progressive", RISING, paid, lever="progressive deduction size", base=anyway, start=1.0, high=TOP_RATE
    )
    growing = arms.equal(
        "2/4 rule of 1996", GROWING, paid, lever="flat extra deduction", base=anyway, start=1.0, high=TOP_RATE
    )
    placed = _positions(arms)
    table = pd.concat(
        [
            _rows(plain, draws, "law", np.array([[0.0], [FLAT_RATE]])),
            _rows(rising.result, draws, "law", rising.lever, rising),
            _rows(growing.result, draws, "law", growing.lever, growing),
            *(_rows(placed[r], draws, f"{100 * r:g} %", np.array([[0.0], [FLAT_RATE]])) for r in POSITIONS),
        ],
        ignore_index=True,
    )
    table = _per_yuan(table)
    left = _knock_outs(arms, plain, rising, draws)
    verdicts = _verdicts(table, draws, left)
    finding = Finding(
        "super_deduction",
        QUESTION,
        verdicts,
        table,
        status=status(model),
        notes=_notes(table, plain, draws, arms),
        record=arms.record("super_deduction", seed, plain),
    )
    from sdmodel.experiments.super_deduction_figure import figure  # it knows the settings of this module

    finding.figures["super_deduction"] = figure(finding, draws)
    return finding


# -- arms -------------------------------------------------------------------------------------------------------
def with_tax_position(model: Model) -> Model:
    """The model in which every firm with a profit pays the rate `tax position` from the policy start on."""
    later = Op(">=", (Ref("time"), Ref("policy start")))
    rate = dataclasses.replace(model["full rate"], name="tax position", limits=(0.0, 0.25), role="lever")
    for name in ("rate of low profit", "rate of middle profit", "full rate", "high tech rate"):
        law = model[name].components[0].expr
        model = model.replace(name, Call("if then else", (later, Ref(rate.key), law)))
    return model.with_variable(rate)


def _positions(arms: Arms) -> dict[float, xr.Dataset]:
    """None and flat at each tax position."""
    settings = {f"{name} {r}": {**given, "tax position": r} for r in POSITIONS for name, given in PLAIN.items()}
    found = arms.run("3/4 tax positions", settings, model=with_tax_position(arms.model))
    names = list(PLAIN)
    return {
        r: found.isel(setting=slice(2 * i, 2 * i + 2)).assign_coords(setting=names) for i, r in enumerate(POSITIONS)
    }


def _knock_outs(arms: Arms, plain: xr.Dataset, rising: Equalised, draws: pd.DataFrame) -> dict[str, xr.DataArray]:
    """Own RnD of none and of the brackets, with each link held at its path in the flat arm."""
    size = rising.lever[0]
    settings = {NONE: NO_LAW, BRACKETS: {**NO_LAW, "progressive deduction size": size}}
    held = plain.sel(setting=FLAT)
    return {
        name: present_value(arms.without(f"4/4 without {name[:18]}", link, held, settings)[OWN], draws)
        for name, link in LINKS.items()
    }


# -- judging ----------------------------------------------------------------------------------------------------
def _rows(
    found: xr.Dataset, draws: pd.DataFrame, position: str, lever: np.ndarray, equal: Equalised | None = None
) -> pd.DataFrame:
    """Tidy rows of some settings."""
    firms = found[SHARES] * found[FIRMS]
    low = (total(firms.sel(band=LOW_BANDS)) / total(firms)).sel(time=2034)
    shape = (found.sizes["setting"], found.sizes["sample"])
    worth = {name: present_value(found[name], draws) for name in (OWN, REPORTED, FORGONE)}
    strong = present_value(found[FORGONE].sel(quality="strong"), draws)
    columns = {
        "setting": np.repeat(found["setting"].to_numpy(), shape[1]),
        "tax position": position,
        "sample": np.tile(found["sample"].to_numpy(), shape[0]),
        "extra deduction": np.broadcast_to(lever, shape),
        "public money": last(found, MONEY),
        "residual": np.zeros(shape) if equal is None else equal.residual,
        "spent": np.ones(shape, dtype=bool) if equal is None else equal.spent,
        **worth,
        "tax forgone to strong firms": strong,
        f"{INTENSITY} in 2024": found[INTENSITY].sel(time=2024),
        f"{INTENSITY} in 2034": last(found, INTENSITY),
        "share of firms below 3 % in 2034": low,
    }
    return pd.DataFrame({k: v if isinstance(v, str) else np.asarray(v).ravel() for k, v in columns.items()})


def _per_yuan(table: pd.DataFrame) -> pd.DataFrame:
    """The table with what each setting adds to no deduction in the same sample and at the same tax position."""
    key = ["tax position", "sample"]
    none = table[table["setting"] == NONE].set_index(key)
    beside = none.loc[pd.MultiIndex.from_frame(table[key])]
    money = table["public money"].to_numpy() - beside["public money"].to_numpy()
    table["extra public money"] = money
    enough = np.where(table["spent"] & (money >= LEAST_MONEY), money, np.nan)
    for name in (OWN, REPORTED):
        table[f"extra {name} per yuan"] = (table[name].to_numpy() - beside[name].to_numpy()) / enough
    return table


def wide(table: pd.DataFrame, name: str, position: str = "law") -> pd.DataFrame:
    """A column by sample (rows) and setting (columns) at one tax position."""
    return table[table["tax position"] == position].pivot(index="sample", columns="setting", values=name)


def unspent(table: pd.DataFrame) -> dict[str, float]:
    """Share of samples in which a design cannot spend what the flat deduction costs, by design."""
    enough = wide(table, "extra public money")[FLAT] >= LEAST_MONEY
    return {name: float((~wide(table, "spent")[name][enough].astype(bool)).mean()) for name in DESIGNS}


def by_response(table: pd.DataFrame, draws: pd.DataFrame) -> tuple[pd.Series, np.ndarray]:
    """What the brackets add to flat, in yuan of own real RnD per yuan, and what the firms of each sample respond to."""
    each = wide(table, f"extra {OWN} per yuan")
    return each[BRACKETS] - each[FLAT], draws["response switch"].to_numpy()


def _verdicts(table: pd.DataFrame, draws: pd.DataFrame, left: dict[str, xr.DataArray]) -> list[Verdict]:
    each = wide(table, f"extra {OWN} per yuan")
    own, money = wide(table, OWN), wide(table, "extra public money")[FLAT].to_numpy()
    gained = {name: (own[FLAT] - held.sel(setting=NONE)) / money for name, held in left.items()}
    beyond = {name: (held.sel(setting=BRACKETS) - own[FLAT]) / money for name, held in left.items()}
    out = []
    for name, hypothesis in zip(DESIGNS, ("H01", "H01 (whole amount)", "H01 (rule of 1996)"), strict=True):
        gain = (each[name] - each[FLAT]).to_numpy()
        out.append(
            judged(
                hypothesis,
                f"that a progressive extra deduction ({name}) brings more own real RnD than a flat one of 50 % at "
                "equal public money",
                gain > SMALLEST,
                gain,
                "yuan of own real RnD per yuan of public money",
                LABEL_RULE if name == GROWTH else LABEL_01,
                draws,
                _medians(beyond, np.isfinite(gain)) if name == BRACKETS else (),
            )
        )
    brought = each[FLAT].to_numpy()
    for hypothesis, least, words, label in (
        ("H02", SMALLEST, "raises own real RnD", LABEL_02),
        ("H02 (size)", MEASURED, "brings at least 0.5 yuan of own real RnD per yuan of public money", LABEL_SIZE),
    ):
        out.append(
            judged(
                hypothesis,
                f"that a flat extra deduction of 50 % {words}",
                brought >= least if least == MEASURED else brought > least,
                brought,
                "yuan of own real RnD per yuan of public money",
                label,
                draws,
                _medians(gained, np.isfinite(brought)),
            )
        )
    return out


def _medians(effects: dict[str, xr.DataArray], good: np.ndarray) -> tuple[tuple[str, float], ...]:
    return tuple((name, spread(np.asarray(effect)[good])[0]) for name, effect in effects.items())


def _notes(table: pd.DataFrame, plain: xr.Dataset, draws: pd.DataFrame, arms: Arms) -> list[str]:
    own, reported = (wide(table, f"extra {name} per yuan") for name in (OWN, REPORTED))
    spent, rate, money = wide(table, "spent"), wide(table, "extra deduction"), wide(table, "extra public money")[FLAT]
    notes = [
        "Top rate that costs as much as a flat 50 %, median: "
        + ", ".join(f"{name} {100 * rate[name][spent[name]].median():.0f} %" for name in DESIGNS)
        + ". Cannot be spent within 200 %: "
        + ", ".join(f"{name} {share:.0%} of samples" for name, share in unspent(table).items())
        + f". In {(~(money >= LEAST_MONEY)).sum()} samples the flat deduction costs less than one million CNY, "
        "as a rule because one programme more leaves the agencies less time for the others."
    ]
    residual = table.loc[table["spent"], "residual"].abs().max()
    notes.append(f"Largest difference from equal public money where it can be spent: {residual:.2%}.")
    for name in DESIGNS:
        for what, per in (("real", own), ("reported", reported)):
            gain = (per[name] - per[FLAT]).dropna()
            more, less = (gain > SMALLEST).mean(), (gain < -SMALLEST).mean()
            notes.append(
                f"{name.capitalize()} against flat, {what} RnD: more in {more:.0%}, less in {less:.0%}, within 0.1 "
                f"yuan in {1 - more - less:.0%} of samples (median {gain.median():+.2f} yuan per yuan)."
            )
    gain, looks = by_response(table, draws)
    by = gain.groupby(looks)
    told = ", ".join(
        f"{word} {(g > SMALLEST).sum() / max(1, g.notna().sum()):.0%} (median {g.median():+.2f})"
        for word, (_, g) in zip(("marginal rate", "average rate", "cash of the year"), by, strict=False)
    )
    notes.append(f"Brackets beat flat, by what firms respond to: {told}.")
    low, far = wide(table, "share of firms below 3 % in 2034"), wide(table, f"{INTENSITY} in 2034")
    strong, forgone = wide(table, "tax forgone to strong firms"), wide(table, FORGONE)
    for name in DESIGNS:
        good = own[name].notna()
        notes.append(
            f"{name.capitalize()} against flat, medians: share of firms below 3 % in 2034 "
            f"{100 * (low[name] - low[FLAT])[good].median():+.2f} points, real intensity in 2034 "
            f"{100 * (far[name] - far[FLAT])[good].median():+.3f} points, share of the tax forgone that goes to strong "
            f"firms {100 * (strong / forgone)[name][good].median():.0f} against "
            f"{100 * (strong / forgone)[FLAT][good].median():.0f} %."
        )
    for position in ("law", *(f"{100 * r:g} %" for r in POSITIONS)):
        each, each_money = (
            wide(table, c, position)[FLAT].dropna() for c in (f"extra {OWN} per yuan", "extra public money")
        )
        worth = wide(table, OWN, position)
        rise = (worth[FLAT] / worth[NONE] - 1).median()
        notes.append(
            f"Flat 50 % at the tax rate{'s of the law' if position == 'law' else ' of ' + position}: own real RnD "
            f"{rise:+.1%}, {each.median():.2f} yuan per yuan ({each.quantile(0.05):.2f} to {each.quantile(0.95):.2f}), "
            f"public money {each_money.median():,.0f} million CNY (medians)."
        )
    profit = plain["chance above"].sel(setting=FLAT, tier="low profit", time=2024)
    firms = plain[FIRMS].sel(setting=FLAT, time=2024)
    reach = (profit * firms).sum("quality") / firms.sum("quality") * draws["take up"].to_numpy()
    few, low_end, high_end = spread(100 * reach.to_numpy())
    notes.append(
        f"Firms that save tax in the year through the flat deduction, 2024: {few:.0f} % ({low_end:.0f} to "
        f"{high_end:.0f} %); the rest do not claim or are in loss. At a tax rate of 0 % none does, by formula."
    )
    return [*notes, arms.told]
