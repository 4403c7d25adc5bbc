"""Do interest subsidies, guarantees and risk compensation bring RnD, and at what risk? (H07, H08, H09)

Written down before the first run
---------------------------------
Population and model: the composition `shandong` as far as it stands; treatments from 2015; present values 2015 to
2034 at the real social discount rate of the sample, default rates weighted by debt and averaged over these years.

H07 (C80: both raise RnD). Settings: as it is; 20 % more of all bank interest repaid by the budget; more grants of the
size of 2014, as many as cost the same public money beyond that of no change in the same sample (0.5 %). Outcome:
total real RnD, own and public. Holds in a sample if both bring more than 0.1 yuan per yuan of public money; the
effect is the smaller of the two. H07 (ranking) holds if the subsidy brings more own real RnD than the grants by more
than 0.1 yuan per yuan, as soft loans do by SB15 (Huergo and Moreno 2014). Default rates are reported beside it.

H08 (C08, C142: guarantees bring credit and lower risk). Settings: the credit line allowed on the guarantee fund 0, 2,
5 and 10 times the fund, with 50 million CNY a year more put into it in all four, so that the lever can act. H08
(credit) holds if new credit is higher at 10 than at 0 by more than 1 %. H08 holds if the default rate is lower at 10
than at 0 by more than 1 % of itself. Reported: RnD, survival, credit without guarantee, what is left of the fund.

H09 (C142: compensation brings credit, risk is borne). Settings: part of a bank's loss that the compensation fund
bears 0, 30, 50 and 70 %, with 100 million CNY a year more put into it in all four and none to the deposit pool. H09
(credit) holds if new credit is higher at 70 % than at 0 by more than 1 %. H09 holds if 70 % brings more own real RnD
than it brings losses on loans, by more than 0.1 yuan per yuan of compensation paid: that the benefit exceeds the
moral hazard.

Ties are no support. Samples in which less than one million CNY is spent or paid are left out.

Labels: credit in H08 and H09 is built in: the limit of credit contains what is guaranteed, and banks lend more where
they lose less. The rest is conditional: moral hazard may be nil, and debt service moves defaults either way.

Links held, each at its path in the arm without the treatment: see `LINKS`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

import sdmodel
from sdmodel.experiments.arms import MONEY, POLICY_START, Arms, last, present_value, total
from sdmodel.experiments.equal_money import Equalised
from sdmodel.experiments.finding import Finding, Verdict, judged, spread, status
from sdmodel.model import Model

QUESTION = "Do interest subsidies, guarantees and risk compensation bring RnD, and at what risk?"
SAMPLES = 2_000

SMALLEST, LEAST_CHANGE, LEAST_MONEY = 0.1, 0.01, 1.0
EVERY = 0.5

OWN, ALL, CREDIT, GUARANTEED = "own RnD", "total real RnD", "new credit", "guaranteed lending"
DEBT, DEFAULT, LOSSES, PAID = "bank debt", "default rate", "losses on loans", "bank compensation paid"
FUND, SURVIVAL, ABLE = "guarantee fund", "five year survival", "compensation ability"
OUTPUTS = (OWN, ALL, CREDIT, GUARANTEED, DEBT, DEFAULT, LOSSES, PAID, FUND, SURVIVAL, ABLE)

NONE, SUBSIDY, GRANTS = "as it is", "interest subsidy", "grants"
PLAIN = {NONE: {}, SUBSIDY: {"extra interest subsidy": 0.2}}
MULTIPLES, COVERS = (0.0, 2.0, 5.0, 10.0), (0.0, 0.3, 0.5, 0.7)
MULTIPLE = {f"guarantee {m:g}": {"extra guarantee capital": 50.0, "guarantee multiple allowed": m} for m in MULTIPLES}
COVER = {
    f"compensation {100 * c:g} %": {
        "extra compensation capital": 100.0,
        "deposit pool share": 0.0,
        "risk compensation allowed": c,
    }
    for c in COVERS
}
FIRST = {**dict.fromkeys((NONE, SUBSIDY, GRANTS), NONE)}
FIRST |= dict.fromkeys(MULTIPLE, next(iter(MULTIPLE))) | dict.fromkeys(COVER, next(iter(COVER)))
"""What each setting is compared with."""

SERVICE = "B3 debt service and default (C21)", ("debt service ratio", "default rate")
REACTION = "B3 losses and rating by banks (C21)", ("perceived loss ratio", "rating")
HAZARD = "moral hazard (FN11)", ("known cover", "default rate")
CLAIMS = "B4 claims and guarantee fund (C142)", ("guarantee fund", "guaranteed credit")
CIRCLE = "R1 knowledge, new products, surplus (C87)", ("knowledge per firm", "new product revenue")
LINKS = {SUBSIDY: (SERVICE, CIRCLE), "guarantee 10": (SERVICE, HAZARD, CLAIMS), "compensation 70 %": (HAZARD, REACTION)}
"""Loops and the link (cause, effect) that is held, by the setting in which they are cut."""

BUILT_IN_08 = ("built in", "the limit of credit contains what is guaranteed")
BUILT_IN_09 = ("built in", "banks grant more of the limit when they lose less, by assumption")
LABEL_07 = ("conditional", "cash limits and fixed project cost decide what either adds, and their ranges are assumed")
LABEL_08 = ("conditional", "moral hazard and the response of defaults to debt service are assumed ranges")
LABEL_09 = ("conditional", "moral hazard, the reaction of banks and the need for credit are assumed ranges")


def ask(
    samples: int = SAMPLES,
    seed: int = 1,
    *,
    workers: int | None = None,
    progress: bool | None = None,
    model: Model | None = None,
) -> Finding:
    """Ask H07, H08 and H09.

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
    causes = [link[0] for links in LINKS.values() for _, link in links]
    plain = arms.run("1/4 all but grants", {**PLAIN, **MULTIPLE, **COVER}, causes, certificate=6)
    anyway, paid = (last(plain.sel(setting=s), MONEY) for s in (NONE, SUBSIDY))
    grants = arms.equal("2/4 grants", {GRANTS: {}}, paid, lever="grant number", low=1.0, start=3.0, base=anyway)
    table = pd.concat([_rows(plain, draws), _rows(grants.result, draws, grants)], ignore_index=True)
    verdicts = _verdicts(table, draws, _knock_outs(arms, plain, grants, draws))
    finding = Finding(
        "credit",
        QUESTION,
        verdicts,
        table,
        status=status(model),
        notes=_notes(table, arms),
        record=arms.record("credit", seed, plain),
    )
    from sdmodel.experiments.credit_figure import figure  # it knows the settings of this module

    finding.figures["credit"] = figure(finding)
    return finding


# -- arms -------------------------------------------------------------------------------------------------------
def _knock_outs(
    arms: Arms, plain: xr.Dataset, grants: Equalised, draws: pd.DataFrame
) -> dict[str, dict[str, pd.DataFrame]]:
    """Rows of the treated settings with each link held at its path without the treatment, by treatment and loop."""
    treated = {
        SUBSIDY: {SUBSIDY: PLAIN[SUBSIDY], GRANTS: {"grant number": grants.lever[0]}},
        **{name: {name: {**MULTIPLE, **COVER}[name]} for name in LINKS if name != SUBSIDY},
    }
    return {
        name: {
            loop: _rows(
                arms.without(f"3/4 {name}, {loop[:12]}", link, plain.sel(setting=FIRST[name]), treated[name]), draws
            )
            for loop, link in links
        }
        for name, links in LINKS.items()
    }


# -- judging ----------------------------------------------------------------------------------------------------
def _rows(found: xr.Dataset, draws: pd.DataFrame, equal: Equalised | None = None) -> pd.DataFrame:
    """Tidy rows of some settings."""
    shape = (found.sizes["setting"], found.sizes["sample"])
    late = found.sel(time=slice(POLICY_START, None))
    columns = {
        "setting": np.repeat(found["setting"].to_numpy(), shape[1]),
        "sample": np.tile(found["sample"].to_numpy(), shape[0]),
        "grant number": np.ones(shape) if equal is None else equal.lever,
        "public money": last(found, MONEY),
        "residual": np.zeros(shape) if equal is None else equal.residual,
        "spent": np.ones(shape, dtype=bool) if equal is None else equal.spent,
        **{name: present_value(found[name], draws) for name in (OWN, ALL, CREDIT, GUARANTEED, LOSSES, PAID)},
        DEFAULT: total(late[DEFAULT] * late[DEBT]).sum("time") / total(late[DEBT]).sum("time"),
        f"{SURVIVAL} in 2034": last(found, SURVIVAL),
        f"{FUND} in 2034": last(found, FUND),
        f"mean {ABLE}": late[ABLE].mean("time"),
    }
    return pd.DataFrame({k: np.asarray(v).ravel() for k, v in columns.items()})


def wide(table: pd.DataFrame, name: str) -> pd.DataFrame:
    """A column by sample (rows) and setting (columns), NaN where the money cannot be spent."""
    return table.assign(value=table[name].where(table["spent"])).pivot(
        index="sample", columns="setting", values="value"
    )


def per_yuan(table: pd.DataFrame, name: str, setting: str) -> np.ndarray:
    """What a setting of H07 adds to a present value, by yuan of public money beyond that of no change."""
    value, money = wide(table, name), wide(table, "public money")
    extra = money[setting] - money[NONE]
    return ((value[setting] - value[NONE]) / extra.where(extra >= LEAST_MONEY)).to_numpy()


def change(table: pd.DataFrame, name: str, setting: str) -> np.ndarray:
    """Relative change of a column against the setting that it is compared with."""
    value = wide(table, name)
    return (value[setting] / value[FIRST[setting]] - 1).to_numpy()


def surplus(table: pd.DataFrame, setting: str) -> np.ndarray:
    """Own real RnD less losses on loans that compensation adds, by yuan of compensation paid."""
    own, lost, paid = (wide(table, name) for name in (OWN, LOSSES, PAID))
    first = FIRST[setting]
    extra = paid[setting] - paid[first]
    gain = (own[setting] - own[first]) - (lost[setting] - lost[first])
    return (gain / extra.where(extra >= LEAST_MONEY)).to_numpy()


def unspent(table: pd.DataFrame) -> tuple[float, int]:
    """Share of samples in which grants cannot spend what the subsidy costs, and number in which that is nothing."""
    paid = table.pivot(index="sample", columns="setting", values="public money")
    enough = paid[SUBSIDY] - paid[NONE] >= LEAST_MONEY
    spent = table[table["setting"] == GRANTS].set_index("sample")["spent"].astype(bool)
    return float((~spent[enough]).mean()), int((~enough).sum())


def _both(table: pd.DataFrame) -> np.ndarray:
    return np.minimum(*(per_yuan(table, ALL, name) for name in (SUBSIDY, GRANTS)))


def _ranking(table: pd.DataFrame) -> np.ndarray:
    first, second = (per_yuan(table, OWN, name) for name in (SUBSIDY, GRANTS))
    return first - second


def _verdicts(table: pd.DataFrame, draws: pd.DataFrame, cut: dict[str, dict[str, pd.DataFrame]]) -> list[Verdict]:
    full, most = "guarantee 10", "compensation 70 %"
    asked = (
        ("H07", "that an interest subsidy and grants of equal public money both raise total real RnD",
         _both, SMALLEST, "yuan of RnD per yuan of public money, the smaller of both", LABEL_07, SUBSIDY),
        ("H07 (ranking)", "that an interest subsidy brings more own real RnD than grants of equal public money",
         _ranking, SMALLEST, "yuan of own real RnD per yuan of public money", LABEL_07, SUBSIDY),
        ("H08 (credit)", "that a guarantee multiple of 10 instead of 0 brings more credit",
         lambda t: 100 * change(t, CREDIT, full), 100 * LEAST_CHANGE, "% of new credit", BUILT_IN_08, full),
        ("H08", "that a guarantee multiple of 10 instead of 0 lowers the default rate",
         lambda t: -100 * change(t, DEFAULT, full), 100 * LEAST_CHANGE, "% of the default rate saved", LABEL_08, full),
        ("H09 (credit)", "that bearing 70 % of banks' losses instead of none brings more credit",
         lambda t: 100 * change(t, CREDIT, most), 100 * LEAST_CHANGE, "% of new credit", BUILT_IN_09, most),
        ("H09", "that bearing 70 % of banks' losses instead of none brings more own real RnD than losses on loans",
         lambda t: surplus(t, most), SMALLEST, "yuan per yuan of compensation paid", LABEL_09, most),
    )  # fmt: skip
    out = []
    for hypothesis, prediction, effect_of, least, unit, label, treated in asked:
        effect = effect_of(table)
        good = np.isfinite(effect)
        loops = []
        for name, rows in cut[treated].items():
            kept = table[~table["setting"].isin(rows["setting"])]
            spent = table["setting"].eq(GRANTS) & ~table["spent"]
            barred = rows["setting"].eq(GRANTS) & rows["sample"].isin(table.loc[spent, "sample"])
            left = effect_of(pd.concat([kept, rows.assign(spent=~barred)], ignore_index=True))
            loops.append((name, spread(left[good])[0]))
        out.append(judged(hypothesis, prediction, effect > least, effect, unit, label, draws, tuple(loops)))
    return out


def _notes(table: pd.DataFrame, arms: Arms) -> list[str]:
    number, paid = wide(table, "grant number")[GRANTS], wide(table, "public money")
    barred, free = unspent(table)
    notes = [
        f"Grants that cost as much as the interest subsidy ({(paid[SUBSIDY] - paid[NONE]).median():,.0f} million CNY, "
        f"median): {number.median():.1f} times those of 2014, median. Cannot be spent on ten times as many: "
        f"{barred:.0%} of samples. In {free} samples the subsidy costs less than one million CNY, as a rule "
        "because one programme more leaves the agencies less time for the others. Largest difference from equal "
        f"public money elsewhere: {table.loc[table['spent'], 'residual'].abs().max():.2%}."
    ]
    for name in (SUBSIDY, GRANTS):
        whole, own = (_told(per_yuan(table, what, name), "+.2f") for what in (ALL, OWN))
        moved = [f"{what} {_told(100 * change(table, what, name), '+.2f')} %" for what in (DEFAULT, CREDIT)]
        notes.append(
            f"{name.capitalize()}: {whole} yuan of total and {own} of own real RnD per yuan; {', '.join(moved)}."
        )
    for name in (*list(MULTIPLE)[1:], *list(COVER)[1:]):
        first = FIRST[name]
        credit, backed, lost = (wide(table, w)[name] - wide(table, w)[first] for w in (CREDIT, GUARANTEED, LOSSES))
        moved = [f"{w} {_told(100 * change(table, w, name), '+.2f')} %" for w in (CREDIT, DEFAULT, OWN)]
        notes.append(
            f"{name.capitalize()} against {first}: {', '.join(moved)}; million CNY: credit without guarantee "
            f"{_told(credit - backed, '+,.0f')}, public money {_told(paid[name] - paid[first], '+,.0f')}; losses per "
            f"extra yuan of credit {_told(lost / credit.where(credit >= LEAST_MONEY), '+.2f')} (medians, 5 to 95 %)."
        )
    kept = wide(table, f"{FUND} in 2034")
    survival = 100 * change(table, f"{SURVIVAL} in 2034", "guarantee 10")
    notes.append(
        "Guarantee fund in 2034 at a multiple of 10 over that at 0: "
        f"{_told(kept['guarantee 10'] / kept['guarantee 0'], '.2f')}; five-year survival {_told(survival, '+.3f')} %."
    )
    able = wide(table, f"mean {ABLE}")["compensation 70 %"]
    harm = surplus(table, "compensation 70 %")
    notes.append(
        f"The compensation fund pays {_told(100 * able, '.0f')} % of what it owes at 70 %. Extra losses exceed extra "
        f"RnD in {(harm[np.isfinite(harm)] < 0).mean():.0%} of samples."
    )
    return [*notes, arms.told]


def _told(values: object, form: str) -> str:
    """Median with the 5 to 95 % interval."""
    middle, low, high = spread(np.asarray(values, float))
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"
