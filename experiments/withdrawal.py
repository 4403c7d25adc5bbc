"""When, and how gradually, should government leave the activities it dominates? (H39, H40)

Written down before the first run
---------------------------------
Population and model: the composition `shandong` as far as it stands; treatments from 2015, judged at the end of 2034.

Settings: exit start 2016, 2018, 2020, 2022, 2024 by exit duration 0 (abrupt), 1, 3, 5, 10 years, and no exit.

H39 (C119, C131: provide first, then leave gradually). Money is made equal by size: `programme scale` is solved in
each sample and setting so that the present value of public money equals that of the gradual exit after build-up (2020
over five years, scale 1) in the same sample, to 0.1 %. The prediction holds in a sample if the self-organisation
index at the end of 2034 is higher for that exit than without exit, than for the early exit (2016 over five years) and
than for the late exit (2024 over five years), each by more than 2 %. A tie is no support.

H40 (C131, C134: gradual is better than abrupt). At equal start a gradual exit is simply more support, so money is
made equal by date: for each gradual exit from 2020 the date of an abrupt exit is solved, in each sample, that costs
the same present value at the same sizes, to 0.5 % of the money beyond that of an abrupt exit in 2016 (other starts
are compared at equal money by size, above). The prediction holds in a sample if the trough of service coverage, its
lowest value from 2020 on, is higher for the gradual exit (2020 over five years) than for the abrupt one of equal
money, by more than one percentage point. The shortfall and the loss of deep links against no exit, on average over
time, are reported beside it.

Labels (assumptions that decide the answer are printed with it): H39 is conditional: public supply takes demand from
the market and practice from skills by assumption, so that leaving frees both. H40 is conditional at equal money: that
coverage dips at all follows from capacity that takes time to grow.

Loops knocked out in the exit after build-up and what it is compared with, each by holding one link at its path in
that exit: see `LOOPS`.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.interpolate import CubicSpline

import sdmodel
from sdmodel.experiments.arms import END, MONEY, NEVER, POLICY_START, Arms, Setting, last
from sdmodel.experiments.equal_money import Equalised
from sdmodel.experiments.finding import Finding, Verdict, judged, spread, status
from sdmodel.model import Model

QUESTION = "When, and how gradually, should government leave the activities it dominates?"
SAMPLES = 2_000

STARTS = (2016.0, 2018.0, 2020.0, 2022.0, 2024.0)
DURATIONS = (0.0, 1.0, 3.0, 5.0, 10.0)
STAY = 2100.0
BUILT_UP, EARLY, LATE = (2020.0, 5.0), (2016.0, 5.0), (2024.0, 5.0)
EVERY = 0.25
SMALLEST_ORDER, SMALLEST_DIP, TOLERANCE = 0.02, 0.01, 0.001

ORDER, COVERAGE, LINKS = "self organisation index", "service coverage", "deep links per firm"
SCALE, PILOT = "programme scale", 0.9
OUTPUTS = (ORDER, COVERAGE, LINKS, "private service share", "contributing share")

LOOPS = {
    "R6 contribution and trust (C125)": ("contributing share", "trust"),
    "R7 coverage and search (C56)": ("service coverage", "reach"),
    "R10 public supply and market services (C74-C76)": ("residual demand", "residual ratio"),
    "R13 joint work and association skill (C61)": ("joint value", "association practice"),
}
"""Loop and the link (cause, effect) that is held at its path in the exit after build-up."""

REASON_39 = "that public supply displaces market services and practice is assumed (C74, C77)"
REASON_40 = "that capacity takes time to grow is assumed, how much time is not known"


def ask(
    samples: int = SAMPLES,
    seed: int = 1,
    *,
    workers: int | None = None,
    progress: bool | None = None,
    model: Model | None = None,
) -> Finding:
    """Ask H39 and H40.

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
    plain = _plain(arms)
    surface = _by_size(arms, plain)
    gradual, abrupt = _by_date(arms, plain)
    order = _by_setting(last(surface.result, ORDER), surface)
    table = pd.concat([_rows_by_size(surface), _rows_by_date(gradual, abrupt, plain)], ignore_index=True)
    verdicts = [_verdict_39(order, draws, _knock_outs(arms, plain, surface)), _verdict_40(table, draws)]
    finding = Finding(
        "withdrawal",
        QUESTION,
        verdicts,
        table,
        status=status(model),
        notes=_notes(order, table, surface, arms),
        record=arms.record("withdrawal", seed, plain),
    )
    from sdmodel.experiments.withdrawal_figure import figure  # it knows the settings of this module

    finding.figures["withdrawal"] = figure(finding, order, plain.sel(setting=NO_EXIT), gradual, abrupt)
    return finding


# -- arms -------------------------------------------------------------------------------------------------------
def label(start: float, duration: float) -> str:
    """Name of an exit."""
    if start >= END:
        return NO_EXIT
    return f"{start:g}, abrupt" if duration == 0 else f"{start:g} over {duration:g} years"


NO_EXIT = "no exit"
GRID = [(s, d) for s in STARTS for d in DURATIONS]
ALL = {label(s, d): (s, d) for s, d in [*GRID, (STAY, 0.0)]}
GRADUAL = [(BUILT_UP[0], d) for d in DURATIONS if d > 0]


def _exit(start: float, duration: float) -> Setting:
    return {"exit start": start, "exit duration": duration}


def _plain(arms: Arms) -> xr.Dataset:
    """Arms at scale 1: no exit, the exit after build-up, abrupt exits, and no exit a little smaller as a pilot."""
    settings = {label(s, d): _exit(s, d) for s, d in [(STAY, 0.0), BUILT_UP, *((s, 0.0) for s in STARTS)]}
    settings["pilot"] = {**_exit(STAY, 0.0), SCALE: PILOT}
    return arms.run("1/4 exits as they are", settings, [cause for cause, _ in LOOPS.values()], certificate=6)


def _money_of_abrupt(plain: xr.Dataset) -> CubicSpline:
    """Money of an abrupt exit by its date, a curve a sample: no exit is an exit at the end."""
    dates = [*STARTS, END]
    money = [last(plain.sel(setting=label(s, 0.0)), MONEY) for s in (*STARTS, STAY)]
    return CubicSpline(dates, np.where(np.isfinite(money), money, 0.0))


def _by_size(arms: Arms, plain: xr.Dataset) -> Equalised:
    """All exits and no exit, each at the size that spends what the exit after build-up does.

    First guess: a gradual exit costs about the mean of the abrupt exits of its time, and what an exit saves is in
    proportion to the scale.
    """
    curve = _money_of_abrupt(plain)
    stay, target, pilot = (last(plain.sel(setting=s), MONEY) for s in (NO_EXIT, label(*BUILT_UP), "pilot"))
    rest = {name: given for name, given in ALL.items() if given != BUILT_UP}
    money = np.array(
        [stay if s >= END else curve(s) if d == 0 else curve.integrate(s, s + d) / d for s, d in rest.values()]
    )
    slope = (stay - pilot) / (1 - PILOT) - (stay - money)
    found = arms.equal(
        "2/4 exits at equal money",
        {name: _exit(*given) for name, given in rest.items()},
        target,
        lever=SCALE,
        start=1 + (target - money) / slope,
        slope=slope,
        tolerance=TOLERANCE,
    )
    # The exit after build-up is its own target: scale 1, run already.
    place = list(ALL).index(label(*BUILT_UP))
    own = plain.sel(setting=[label(*BUILT_UP)])[list(found.result.data_vars)]
    parts = (
        np.insert(part, place, one, axis=0)
        for part, one in ((found.lever, 1), (found.residual, 0), (found.spent, True))
    )
    return Equalised(*parts, xr.concat([found.result, own], dim="setting").sel(setting=list(ALL)), found.runs)


def _by_date(arms: Arms, plain: xr.Dataset) -> tuple[xr.Dataset, Equalised]:
    """Gradual exits, and for each the abrupt exit at the date that costs the same."""
    new = arms.run("3/4 gradual exits", {label(*g): _exit(*g) for g in GRADUAL if g != BUILT_UP})
    own = plain.sel(setting=[label(*BUILT_UP)])[list(new.data_vars)]
    gradual = xr.concat([new, own], dim="setting").sel(setting=[label(*g) for g in GRADUAL])
    money, curve = last(gradual, MONEY), _money_of_abrupt(plain)
    dates = np.linspace(POLICY_START, END, 400)
    nearest = np.abs(curve(dates)[:, None, :] - money).argmin(axis=0)
    abrupt = arms.equal(
        "3/4 abrupt exits at equal money",
        {label(*g): {"exit duration": 0.0} for g in GRADUAL},
        money,
        lever="exit start",
        start=dates[nearest],
        slope=np.take_along_axis(curve(dates, 1), nearest, axis=0),
        low=POLICY_START,
        high=END,
        base=last(plain.sel(setting=label(STARTS[0], 0.0)), MONEY),
    )
    return gradual, abrupt


def _knock_outs(arms: Arms, plain: xr.Dataset, surface: Equalised) -> dict[str, np.ndarray]:
    """Index at the end of (no exit, early, late), by loop, its link held at its path in the exit after build-up."""
    places = [list(ALL).index(name) for name in OTHERS]
    settings = {name: {**_exit(*ALL[name]), SCALE: surface.lever[i]} for name, i in zip(OTHERS, places, strict=True)}
    held = plain.sel(setting=label(*BUILT_UP))
    return {
        name: last(arms.without(f"4/4 without {name[:3]}", link, held, settings, every=NEVER), ORDER)
        for name, link in LOOPS.items()
    }


OTHERS = (NO_EXIT, label(*EARLY), label(*LATE))
"""What the exit after build-up must beat."""


# -- judging ----------------------------------------------------------------------------------------------------
def _by_setting(values: np.ndarray, surface: Equalised) -> pd.DataFrame:
    """Value by sample (rows) and setting (columns); NaN where the money cannot be spent."""
    return pd.DataFrame(np.where(surface.spent, values, np.nan).T, columns=list(ALL))


def _verdict_39(order: pd.DataFrame, draws: pd.DataFrame, left: dict[str, np.ndarray]) -> Verdict:
    own = order[label(*BUILT_UP)].to_numpy()
    ratio = own / order[list(OTHERS)].to_numpy().max(axis=1) - 1
    good = np.isfinite(ratio)
    loops = tuple((name, spread(100 * (own / others.max(axis=0) - 1)[good])[0]) for name, others in left.items())
    return judged(
        "H39",
        "that a gradual exit after build-up (2020 over five years) leaves a higher self-organisation index in 2034 "
        "than no exit, an early and a late one, at equal public money",
        ratio > SMALLEST_ORDER,
        100 * ratio,
        "% of the best of the other three",
        ("conditional", REASON_39),
        draws,
        loops,
    )


def _verdict_40(table: pd.DataFrame, draws: pd.DataFrame) -> Verdict:
    rows = table[(table["equal by"] == "date") & (table["setting"] == label(*BUILT_UP))].sort_values("sample")
    gain = np.where(rows["spent"], rows["trough"] - rows["trough, abrupt"], np.nan)
    return judged(
        "H40",
        "that a gradual exit (2020 over five years) keeps the trough of service coverage higher than an abrupt one of "
        "equal public money",
        gain > SMALLEST_DIP,
        100 * gain,
        "percentage points of coverage",
        ("conditional", REASON_40),
        draws,
    )


def _rows_by_size(arms: Equalised) -> pd.DataFrame:
    data = arms.result
    starts, durations = (np.repeat([given[i] for given in ALL.values()], data.sizes["sample"]) for i in (0, 1))
    stays = starts >= END
    end = {name: last(data, name).ravel() for name in OUTPUTS}
    at_exit = {name: _at(data[name], np.minimum(starts, END)) for name in (ORDER, "contributing share")}
    return pd.DataFrame(
        {
            "equal by": "size",
            "setting": np.repeat(list(ALL), data.sizes["sample"]),
            "exit start": np.where(stays, np.nan, starts),
            "exit duration": np.where(stays, np.nan, durations),
            "sample": np.tile(data["sample"].to_numpy(), len(ALL)),
            "lever": arms.lever.ravel(),
            "public money": last(data, MONEY).ravel(),
            "residual": arms.residual.ravel(),
            "spent": arms.spent.ravel(),
            **{f"{name} in 2034": values for name, values in end.items()},
            "contributing share at exit": at_exit["contributing share"],
            "persistence": np.where(stays, np.nan, end[ORDER] / at_exit[ORDER]),
        }
    )


def _rows_by_date(gradual: xr.Dataset, abrupt: Equalised, plain: xr.Dataset) -> pd.DataFrame:
    samples = gradual.sizes["sample"]
    start = BUILT_UP[0]
    columns: dict[str, np.ndarray | str | float] = {
        "equal by": "date",
        "setting": np.repeat(gradual["setting"].to_numpy(), samples),
        "exit start": start,
        "exit duration": np.repeat([d for _, d in GRADUAL], samples),
        "sample": np.tile(gradual["sample"].to_numpy(), len(GRADUAL)),
        "lever": abrupt.lever.ravel(),
        "public money": last(gradual, MONEY).ravel(),
        "residual": abrupt.residual.ravel(),
        "spent": abrupt.spent.ravel(),
    }
    for suffix, data in (("", gradual), (", abrupt", abrupt.result)):
        gap = (plain.sel(setting=NO_EXIT, drop=True) - data).sel(time=slice(POLICY_START, None)).mean("time")
        trough = data[COVERAGE].sel(time=slice(start, None)).min("time")
        columns[f"trough{suffix}"] = trough.to_numpy().ravel()
        columns[f"mean shortfall{suffix}"] = gap[COVERAGE].transpose("setting", "sample").to_numpy().ravel()
        columns[f"mean loss of deep links{suffix}"] = gap[LINKS].transpose("setting", "sample").to_numpy().ravel()
        columns[f"{ORDER} in 2034{suffix}"] = last(data, ORDER).ravel()
    return pd.DataFrame(columns)


def _at(paths: xr.DataArray, when: np.ndarray) -> np.ndarray:
    """Value of each path, settings and samples in one row, at a time of its own."""
    rows = paths.to_numpy().reshape(len(when), -1)
    return np.array([np.interp(t, paths["time"], row) for t, row in zip(when, rows, strict=True)])


def _notes(order: pd.DataFrame, table: pd.DataFrame, surface: Equalised, arms: Arms) -> list[str]:
    own = order[label(*BUILT_UP)]
    notes = []
    for other, name in zip(OTHERS, ("no exit", "the early exit", "the late exit"), strict=True):
        ratio = (own / order[other] - 1).dropna()
        better, worse = (ratio > SMALLEST_ORDER).mean(), (ratio < -SMALLEST_ORDER).mean()
        notes.append(
            f"Exit after build-up against {name}: better in {better:.0%}, worse in {worse:.0%}, within 2 % in "
            f"{1 - better - worse:.0%} of samples (median {ratio.median():+.1%})."
        )
    whole = order.dropna()
    if len(whole):
        best = whole.idxmax(axis=1)
        flat = whole.max(axis=1) / whole.min(axis=1) - 1 <= SMALLEST_ORDER
        first = best.str[:4].where(~flat, "flat").replace("no e", "no exit").value_counts(normalize=True)
        told = ", ".join(f"{when}: {share:.0%}" for when, share in first.items())
        notes.append(f"Best start of the exit by sample (flat: all within 2 %): {told}.")
    cannot = ~surface.spent
    notes.append(f"Public money that no size can make equal: {cannot.mean():.1%} of sample and setting pairs.")
    rows = table[table["equal by"] == "date"]
    both = rows[rows["spent"]]
    for name, sign, scale, unit in (
        ("trough", 1, 100, "percentage points of coverage"),
        ("mean shortfall", -1, 100, "percentage points of coverage"),
        ("mean loss of deep links", -1, 1, "links per firm"),
    ):
        gain = sign * scale * (both[name] - both[f"{name}, abrupt"])
        by = ", ".join(f"{d:g} y {g.median():+.2g}" for d, g in gain.groupby(both["exit duration"]))
        notes.append(f"Gain in the {name} by leaving over time at equal money, {unit}, median by duration: {by}.")
    return [*notes, arms.told]
