"""When, and how gradually, should government leave the activities it dominates? (H39, H40)

Written down before the first run
---------------------------------
Population and model: the composition `shandong` as far as it stands; treatments from 2015, judged at the end of 2034.

Settings: exit start 2016, 2018, 2020, 2022, 2024 by exit duration 0 (abrupt), 1, 3, 5, 10 years, and no exit.

H39 (C119, C131: provide first, then leave gradually). Money is made equal by size: `programme scale` is solved in each
sample and setting so that the present value of public money equals that of the gradual exit after build-up (2020 over
five years, scale 1) in the same sample. The prediction holds in a sample if the self-organisation index at the end of
2034 is higher for that exit than without exit, than for the early exit (2016 over five years) and than for the late
exit (2024 over five years), each by more than 2 %. A tie is no support.

H40 (C131, C134: gradual is better than abrupt). At equal start a gradual exit is simply more support, so money is made
equal by date: for each gradual exit the date of an abrupt exit is solved, in each sample, that costs the same present
value at the same sizes. The prediction holds in a sample if the deepest shortfall of service coverage against the same
sample without exit is smaller for the gradual exit (2020 over five years) than for the abrupt one of equal money, by
more than one percentage point. The loss of deep links, on average over time, is reported beside it.

Labels (assumptions that decide the answer are printed with it): H39 is conditional: public supply takes demand from
the market and practice from skills by assumption, so that leaving frees both. H40 is conditional at equal money: that
coverage dips at all follows from capacity that takes time to grow.

Loops knocked out in the exit after build-up and what it is compared with, each by holding one link at its path in that
exit: see `LOOPS`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import xarray as xr

import sdmodel
from sdmodel.experiments.finding import Clock, Equalised, Finding, Verdict, deciding, equal_money, spread
from sdmodel.model import Model

QUESTION = "When, and how gradually, should government leave the activities it dominates?"
SAMPLES = 2_000

STARTS = (2016.0, 2018.0, 2020.0, 2022.0, 2024.0)
DURATIONS = (0.0, 1.0, 3.0, 5.0, 10.0)
NEVER = 2100.0
BUILT_UP, EARLY, LATE = (2020.0, 5.0), (2016.0, 5.0), (2024.0, 5.0)
END = 2034.0
POLICY_START = 2015.0
EVERY = 0.25
SMALLEST_ORDER, SMALLEST_DIP = 0.02, 0.01

ORDER, COVERAGE, LINKS = "self organisation index", "service coverage", "deep links per firm"
MONEY, SCALE = "present value of public money", "programme scale"
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
    clock = Clock()
    model = model or sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, samples, rng=seed)
    asked = _Question(model, draws, workers, progress)
    base = asked.plain("1/5 no exit", _settings([(NEVER, 0.0)]))
    target = asked.plain("2/5 exit after build-up", _settings([BUILT_UP]))
    surface = asked.by_size("3/5 exits at equal money", target)
    gradual, abrupt = asked.by_date("4/5 gradual and abrupt at equal money")
    loops = asked.knock_outs("5/5 loops knocked out", surface, target)
    table = pd.concat(
        [_rows_by_size(surface, samples), _rows_by_date(gradual, abrupt, base, samples)], ignore_index=True
    )
    order = _by_setting(surface.result[ORDER].isel(time=-1).to_numpy(), surface.spent, samples)
    verdicts = [_verdict_39(order, draws, loops), _verdict_40(table, draws)]
    finding = Finding(
        "withdrawal",
        QUESTION,
        verdicts,
        table,
        status=_status(model),
        notes=_notes(order, table, surface),
        record={
            "experiment": "withdrawal",
            "samples": samples,
            "seed": seed,
            "settings": len(STARTS) * len(DURATIONS) + 1,
            "seconds": clock.seconds,
            **{str(k): v for k, v in base.attrs.items()},
        },
    )
    from sdmodel.experiments.withdrawal_figure import figure  # it knows the settings of this module

    finding.figures["withdrawal"] = figure(finding, order, table, base, gradual, abrupt)
    return finding


def _settings(pairs: list[tuple[float, float]]) -> pd.DataFrame:
    names = [_label(s, d) for s, d in pairs]
    starts, durations = zip(*pairs, strict=True)
    return pd.DataFrame({"setting": names, "exit start": starts, "exit duration": durations})


def _label(start: float, duration: float) -> str:
    if start >= END:
        return "no exit"
    return f"{start:g}, abrupt" if duration == 0 else f"{start:g} over {duration:g} years"


GRID = [(s, d) for s in STARTS for d in DURATIONS]
GRADUAL = [(s, d) for s, d in GRID if d > 0 and s <= 2022]


class _Question:
    """The arms of the question for one set of draws."""

    def __init__(self, model: Model, draws: pd.DataFrame, workers: int | None, progress: bool | None) -> None:
        self.model, self.draws = model, draws
        self.workers, self.progress = workers, progress
        unknown = [n for n in (*OUTPUTS, MONEY, SCALE, "exit start", "exit duration") if n not in model]
        if unknown:
            raise sdmodel.errors.UnknownNameError(unknown[0], (v.name for v in model.equations.values()))

    def bar(self, label: str) -> bool | str | None:
        """Progress argument for one stage."""
        return False if self.progress is False else label

    def plain(self, label: str, settings: pd.DataFrame) -> xr.Dataset:
        """Arms as they are, without a search for equal money."""
        design = sdmodel.pair(self.draws, settings)
        return self.model.sweep(design, [*OUTPUTS, MONEY], every=EVERY, workers=self.workers, progress=self.bar(label))

    def by_size(self, label: str, target: xr.Dataset) -> Equalised:
        """All exits and no exit, each at the size that spends what the exit after build-up does."""
        settings = _settings([*GRID, (NEVER, 0.0)])
        money = target[MONEY].isel(time=-1).to_numpy()
        return equal_money(
            self.model,
            sdmodel.pair(self.draws, settings),
            np.tile(money, len(settings)),
            lever=SCALE,
            money=MONEY,
            outputs=OUTPUTS,
            every=EVERY,
            start=1.0,
            low=self.model[SCALE].low,
            high=self.model[SCALE].high,
            workers=self.workers,
            progress=self.bar(label),
        )

    def by_date(self, label: str) -> tuple[xr.Dataset, Equalised]:
        """Gradual exits, and for each the abrupt exit at the date that costs the same."""
        gradual = self.plain(label, _settings(GRADUAL))
        middle = gradual["exit start"].to_numpy() + gradual["exit duration"].to_numpy() / 2
        design = sdmodel.pair(self.draws, _settings(GRADUAL)).drop(columns=["exit start", "exit duration"])
        abrupt = equal_money(
            self.model,
            design.assign(**{"exit duration": 0.0}),
            gradual[MONEY].isel(time=-1).to_numpy(),
            lever="exit start",
            money=MONEY,
            outputs=OUTPUTS,
            every=EVERY,
            start=middle,
            low=POLICY_START,
            high=END,
            workers=self.workers,
            progress=self.bar(label),
        )
        return gradual, abrupt

    def knock_outs(self, label: str, surface: Equalised, target: xr.Dataset) -> dict[str, np.ndarray]:
        """Index at the end with a link held, shape (no exit, early, late, after build-up) by sample, by loop."""
        settings = _settings([(NEVER, 0.0), EARLY, LATE, BUILT_UP])
        sizes = surface.result[SCALE].to_numpy().reshape(-1, len(self.draws))
        places = [len(GRID), GRID.index(EARLY), GRID.index(LATE), GRID.index(BUILT_UP)]
        design = sdmodel.pair(self.draws, settings).assign(**{SCALE: sizes[places].ravel()})
        causes = [cause for cause, _ in LOOPS.values()]
        paths = self.model.sweep(
            sdmodel.pair(self.draws, _settings([BUILT_UP])),
            causes,
            every=EVERY,
            workers=self.workers,
            progress=self.bar(label),
            certificate=0,
        )
        out = {}
        for name, (cause, effect) in LOOPS.items():
            held = xr.concat([paths[cause]] * len(settings), dim="run").to_dataset(
                name=f"{self.model[cause].name} held"
            )
            found = self.model.cut(cause, effect).sweep(
                design,
                [ORDER],
                every=END - 2009,
                data=held,
                workers=self.workers,
                progress=self.bar(label),
                certificate=0,
            )
            out[name] = found[ORDER].isel(time=-1).to_numpy().reshape(len(settings), -1)
        return out


# -- judging ----------------------------------------------------------------------------------------------------
def _by_setting(values: np.ndarray, spent: np.ndarray, samples: int) -> pd.DataFrame:
    """Value by sample (rows) and setting (columns); NaN where the money cannot be spent."""
    values = np.where(spent, values, np.nan).reshape(-1, samples).T
    return pd.DataFrame(values, columns=[_label(s, d) for s, d in [*GRID, (NEVER, 0.0)]])


def _verdict_39(order: pd.DataFrame, draws: pd.DataFrame, loops: dict[str, np.ndarray]) -> Verdict:
    arms = order[[_label(NEVER, 0), _label(*EARLY), _label(*LATE)]].to_numpy()
    own = order[_label(*BUILT_UP)].to_numpy()
    ratio = own / arms.max(axis=1) - 1
    good = np.isfinite(ratio)
    plain = spread(ratio)[0]
    gone = []
    for name, values in loops.items():
        without = values[3] / values[:3].max(axis=0) - 1
        gone.append((name, round(1 - spread(without)[0] / plain, 2) if plain else float("nan")))
    return Verdict(
        "H39",
        "that a gradual exit after build-up (2020 over five years) leaves a higher self-organisation index in 2034 than "
        "no exit, an early and a late one, at equal public money",
        int((ratio[good] > SMALLEST_ORDER).sum()),
        int(good.sum()),
        spread(100 * ratio),
        "% of the best of the other three",
        "conditional",
        REASON_39,
        deciding(ratio, draws),
        tuple(gone),
    )


def _verdict_40(table: pd.DataFrame, draws: pd.DataFrame) -> Verdict:
    rows = table[(table["equal by"] == "date") & (table["setting"] == _label(*BUILT_UP))].sort_values("sample")
    gain = np.where(rows["spent"], rows["trough"] - rows["trough, abrupt"], np.nan)
    good = np.isfinite(gain)
    return Verdict(
        "H40",
        "that a gradual exit (2020 over five years) keeps the trough of service coverage higher than an abrupt one of "
        "equal public money",
        int((gain[good] > SMALLEST_DIP).sum()),
        int(good.sum()),
        spread(100 * gain),
        "percentage points of coverage",
        "conditional",
        REASON_40,
        deciding(gain, draws),
    )


def _rows_by_size(arms: Equalised, samples: int) -> pd.DataFrame:
    data = arms.result
    last = data.isel(time=-1)
    at_exit = _at(data[ORDER], np.minimum(data["exit start"].to_numpy(), END))
    return pd.DataFrame(
        {
            "equal by": "size",
            "setting": data["setting"].to_numpy(),
            "exit start": np.where(data["exit start"] >= END, np.nan, data["exit start"]),
            "exit duration": np.where(data["exit start"] >= END, np.nan, data["exit duration"]),
            "sample": data["sample"].to_numpy(),
            "lever": arms.lever,
            "public money": last[MONEY].to_numpy(),
            "residual": arms.residual,
            "spent": arms.spent,
            **{f"{name} in 2034": last[name].to_numpy() for name in OUTPUTS},
            "contributing share at exit": _at(
                data["contributing share"], np.minimum(data["exit start"].to_numpy(), END)
            ),
            "persistence": np.where(data["exit start"] >= END, np.nan, last[ORDER].to_numpy() / at_exit),
        }
    )


def _rows_by_date(gradual: xr.Dataset, abrupt: Equalised, base: xr.Dataset, samples: int) -> pd.DataFrame:
    arms = len(GRADUAL)
    never = {name: np.tile(base[name].to_numpy(), (arms, 1)) for name in (COVERAGE, LINKS)}
    time = gradual["time"].to_numpy()
    after = time >= POLICY_START
    since = time[None, :] >= gradual["exit start"].to_numpy()[:, None] - 1e-9

    def gap(data: xr.Dataset, name: str) -> np.ndarray:
        return (never[name] - data[name].to_numpy())[:, after]

    columns: dict[str, np.ndarray | str] = {
        "equal by": "date",
        "setting": gradual["setting"].to_numpy(),
        "exit start": gradual["exit start"].to_numpy(),
        "exit duration": gradual["exit duration"].to_numpy(),
        "sample": gradual["sample"].to_numpy(),
        "lever": abrupt.lever,
        "public money": gradual[MONEY].isel(time=-1).to_numpy(),
        "residual": abrupt.residual,
        "spent": abrupt.spent,
    }
    for suffix, data in (("", gradual), (", abrupt", abrupt.result)):
        columns[f"trough{suffix}"] = np.where(since, data[COVERAGE].to_numpy(), np.inf).min(axis=1)
        columns[f"mean shortfall{suffix}"] = gap(data, COVERAGE).mean(axis=1)
        columns[f"mean loss of deep links{suffix}"] = gap(data, LINKS).mean(axis=1)
        columns[f"{ORDER} in 2034{suffix}"] = data[ORDER].isel(time=-1).to_numpy()
    return pd.DataFrame(columns)


def _at(path: xr.DataArray, when: np.ndarray) -> np.ndarray:
    """Value of each run's path at a time of its own."""
    return np.array([np.interp(t, path["time"], row) for t, row in zip(when, path.to_numpy(), strict=True)])


def _status(model: Model) -> str:
    if len(model.sectors) >= 8:
        return ""
    inputs = sorted({v.origin for v in model.equations.values() if v.role == "input"})
    return (
        f"The model has {len(model.sectors)} of 8 sectors ({_listed(model.sectors)}); what comes from "
        f"{_listed(inputs)} is constant."
    )


def _listed(sectors: Iterable[str]) -> str:
    """Sectors as a reader calls them."""
    return ", ".join(s.replace("rd_", "RnD ").replace("_", " ") for s in sectors)


def _notes(order: pd.DataFrame, table: pd.DataFrame, surface: Equalised) -> list[str]:
    own = order[_label(*BUILT_UP)]
    notes = []
    for label, name in (
        (_label(NEVER, 0), "no exit"),
        (_label(*EARLY), "the early exit"),
        (_label(*LATE), "the late exit"),
    ):
        ratio = (own / order[label] - 1).dropna()
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
    return notes
