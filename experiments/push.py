"""Pushes of many sizes, durations and dates on fewer samples; two tracks or one; one pulse or three."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

from sdmodel.core.schedule import Schedule
from sdmodel.study.arms import END, MONEY, Arms, last
from sdmodel.study.finding import Finding
from sdmodel.study.overlay import overlaid
from sdmodel.study.paired import PUBLIC, Paired
from sdmodel.study.panels import heat, rows, sheet
from sdmodel.study.question import Question
from sdmodel.study.surface import table_of
from sdmodel.study.translation import Say
from sdmodel.study.verdict import judge

TRACK, LINKS = "new track share", "deep links per firm"
NONE, PUSH, AT_END, LATER, NOW, WHEN = (
    "no push", "push", "at its end", "seven years after", "in 2034", "most firms switched"
)  # fmt: skip
FEW = 500
"""Samples of the additional runs."""
AFTER = 7.0
"""Years after the end of a push at which its effect is measured: time in which a published one-shot subsidy faded."""
SIZES, DURATIONS, STARTS, LASTS = (0.25, 0.5, 1.0, 2.0, 4.0), (1, 2, 4, 8, 16), (2015, 2018, 2021, 2024), 3.0
SUMS = (500, 1000, 2000, 4000, 8000, 16000)
"""Million CNY of public money, present value at 2015."""
SPREAD, GAP, COST = "track heterogeneity", "payoff gap", "switching cost"
MOST, POINT, APART = 0.5, 1.0, 25.0
SOON, LONG_RUN = 2049.0, 2109.0
PULSES = Schedule((2009, 2015, 2016, 2021, 2022, 2027, 2028), (0, 1, 0, 1, 0, 1, 0))
"""Three pulses of one year each, instead of one of three years."""


HELD = "held_on_a_track.mdl"


def points(paired: Paired, arm: str, when: str = NOW, against: str = NONE) -> np.ndarray:
    """Share of firms on the endogenous track less that of another arm, in percentage points."""
    return 100 * paired.gain(when, arm, against)


def notes(paired: Paired) -> list[str]:
    """Sentences on when firms switch, what the push costs, and how much of it lasts."""
    without, pushed = paired[WHEN, NONE], paired[WHEN, PUSH]
    begun, later = points(paired, PUSH, AT_END), points(paired, PUSH, LATER)
    some = begun >= 1
    with np.errstate(all="ignore"):
        sooner = without - pushed >= 0.5
    there, reached = paired[NOW, NONE] > MOST, paired[NOW, PUSH] > MOST
    neither = (paired[NOW, NONE] <= MOST) & (paired[NOW, PUSH] <= MOST)
    return [
        Say(
            "Most firms are on the endogenous track in 2034 without a push in {there:.0%} of samples, of which the "
            "push makes it sooner by half a year or more in {sooner:.0%}; only with it in {need:.0%}; in neither case "
            "in {never:.0%}.",
            there=there.mean(),
            sooner=sooner[there].mean() if there.any() else 0.0,
            need=(reached & (paired[NOW, NONE] <= MOST)).mean(),
            never=neither.mean(),
        ),
        Say(
            "The push costs {money:.0f} million CNY (median); of what there is at its end {seven:.0%} is left seven "
            "years after and {left:.0%} in 2034 (medians where it is a point or more).",
            money=np.nanmedian(paired.cost(PUSH)),
            seven=np.nanmedian((later / begun)[some]),
            left=np.nanmedian((points(paired, PUSH) / begun)[some]),
        ),
    ]


def extras(question: Question, finding: Finding, paired: Paired, arms: Arms) -> None:
    """Add surfaces, two more verdicts, notes and a sheet to the finding."""
    few = arms.first(FEW)
    n = len(few.draws)
    plain = few.run("extra no push", {NONE: {}}, [LINKS, GAP, COST]).sel(setting=NONE)
    lasting = _grid(few, {(s, d): {"push size": s, "push duration": float(d)} for d in DURATIONS for s in SIZES})
    starting = _grid(
        few, {(s, t): {"push size": s, "push start": t, "push duration": LASTS} for t in STARTS for s in SIZES}
    )
    tables = _switched(plain, lasting)
    gains = _later(plain, starting)
    apart, gain = _held_apart(few), 100 * paired.first(n).gain(NOW, PUSH)
    repeated = _repeated(few, paired.first(n))
    arms.runs += few.runs
    finding.notes.append(_why(plain, few))
    _verdicts(finding, few.draws, apart[LONG_RUN], repeated)
    _notes(finding, tables["cost"], _needed(gains), apart, gain)
    finding.figures["push_surface"] = _figure(finding, tables, gains, apart, repeated, n)


def _grid(few: Arms, settings: dict[tuple[float, float], dict[str, float]]) -> xr.Dataset:
    return few.run("extra surface", {f"{a:g} {b:g}": setting for (a, b), setting in settings.items()})


def _switched(plain: xr.Dataset, found: xr.Dataset) -> dict[str, pd.DataFrame]:
    """Samples (%) that a push switches, by size and duration and by money and duration; cheapest money by sample."""
    before = last(plain, TRACK) <= MOST
    money = (found[MONEY].isel(time=-1) - plain[MONEY].isel(time=-1)).to_numpy().reshape(len(DURATIONS), len(SIZES), -1)
    after = last(found, TRACK).reshape(money.shape) > MOST
    switched = after & before
    cost = pd.DataFrame(np.where(switched, money, np.inf).min(axis=1).T, columns=list(DURATIONS))
    return {
        "size": table_of(
            100 * switched.mean(axis=2).T, SIZES, DURATIONS, "size (million CNY a firm)", "duration (years)"
        ),
        "money": table_of(
            [[100 * (cost[d] <= m).mean() for d in DURATIONS] for m in SUMS],
            SUMS,
            DURATIONS,
            "money up to (million CNY)",
            "duration (years)",
        ),
        "cost": cost,
    }


def _later(plain: xr.Dataset, found: xr.Dataset) -> np.ndarray:
    """Gain in the share of firms on the endogenous track seven years after a push, by start, size and sample."""
    at = {t: t + LASTS + AFTER for t in STARTS}
    return np.array(
        [
            [(found[TRACK].sel(setting=f"{s:g} {t:g}") - plain[TRACK]).sel(time=at[t]).to_numpy() for s in SIZES]
            for t in STARTS
        ]
    )


def _needed(gains: np.ndarray) -> pd.DataFrame:
    """Size with the lasting gain of size one at the first date, by sample and start; infinite if none has it."""
    goal = gains[0, SIZES.index(1.0)]
    out = np.full((gains.shape[2], len(STARTS)), np.nan)
    for i in np.flatnonzero(goal > POINT / 100):
        for j in range(len(STARTS)):
            sizes, got = np.array([0.0, *SIZES]), np.maximum.accumulate([0.0, *gains[j, :, i]])
            k = int(np.searchsorted(got, goal[i]))
            if k == len(sizes):
                out[i, j] = np.inf
            else:
                part = (goal[i] - got[k - 1]) / (got[k] - got[k - 1])
                out[i, j] = sizes[k - 1] + part * (sizes[k] - sizes[k - 1])
    return pd.DataFrame(out, columns=list(STARTS))


def _held_apart(few: Arms) -> dict[float, np.ndarray]:
    """Difference in points between populations that were held on one track and on the other, by date."""
    paths = []
    text = (Path(__file__).parent / "overlays" / HELD).read_text(encoding="utf-8")
    long = few.on(overlaid(few.model, text, HELD).replace("FINAL TIME", LONG_RUN), outputs=(TRACK,), every=5.0)
    for to in (0.0, 1.0):
        paths.append(long.run(f"extra held on {to:g}", {"held": {"track held": to}})[TRACK].isel(setting=0))
    few.runs += long.runs
    apart = 100 * (paths[1] - paths[0])
    return {date: apart.sel(time=date).to_numpy() for date in (SOON, LONG_RUN)}


def _repeated(few: Arms, paired: Paired) -> np.ndarray:
    """Mean share with three pulses less that with one push of equal public money, in points."""
    pulsed = few.on(few.model.replace("push window", PULSES))
    anyway = paired[PUBLIC, NONE]
    found = pulsed.equal("extra pulses", {"pulses": {}}, paired[PUBLIC, PUSH], lever="push size", base=anyway)
    few.runs += pulsed.runs
    mean = found.result[TRACK].sel(time=slice(2015, END)).mean("time").to_numpy()[0]
    return np.where(found.spent[0], 100 * (mean - paired["mean share", PUSH]), np.nan)


def _why(plain: xr.Dataset, few: Arms) -> Say:
    """Conditions for two equilibria, and whether they hold."""
    links = few.draws["value of a deep link on the track"].to_numpy() * last(plain, LINKS)
    pays = plain[GAP].to_numpy() > plain[COST].to_numpy() / few.draws["payback horizon"].to_numpy()[:, None]
    years = plain["time"].to_numpy()
    return Say(
        "The payoff of the endogenous track is above the yearly cost of a switch in {early:.0%} of samples in 2015 and "
        "in {late:.0%} in 2034; what all others on the track are worth is above four times the spread of payoffs, "
        "the least for two rest points, in {social:.0%} in 2034.",
        early=pays[:, years == 2015].mean(),
        late=pays[:, -1].mean(),
        social=(links > 4 * few.draws[SPREAD].to_numpy()).mean(),
    )


def _verdicts(finding: Finding, draws: pd.DataFrame, two: np.ndarray, repeated: np.ndarray) -> None:
    assumed = ("conditional", "the worth of others on the track and the spread of payoffs are assumed")
    finding.verdicts += [
        judge(
            "H42 (two tracks)",
            "that populations held on one track and on the other until 2030 are still apart in 2109",
            two > APART,
            two,
            "points of firms",
            assumed,
            draws,
        ),
        judge(
            "H42 (repeated)",
            "that three pulses give a higher mean share than one push of equal public money",
            repeated > POINT,
            repeated,
            "points of firms, mean of 2015 to 2034",
            assumed,
            draws,
        ),
    ]


def _notes(
    finding: Finding, cost: pd.DataFrame, needed: pd.DataFrame, apart: dict[float, np.ndarray], gain: np.ndarray
) -> None:
    some = cost.loc[np.isfinite(cost.to_numpy()).any(axis=1)]
    if len(some):
        shortest = np.array(DURATIONS)[some.to_numpy().argmin(axis=1)]
        finding.notes.append(
            Say(
                "Some push of those tried switches most firms in {share:.0%} of samples; the cheapest costs "
                "{money:.0f} million CNY (median) and lasts two years at most in {short:.0%} of them.",
                share=len(some) / len(cost),
                money=some.min(axis=1).median(),
                short=(shortest <= 2).mean(),
            )
        )
    entries = needed.dropna()
    for start in STARTS[1:]:
        if np.isfinite(entries[start]).any():
            finding.notes.append(
                Say(
                    "To leave seven years after what a push of one million CNY a firm from 2015 leaves, one from "
                    "{start} must be {size:.2f} million CNY a firm (median where one up to {most:g} does it, not in "
                    "{never:.0%} of samples).",
                    start=start,
                    size=entries[start][np.isfinite(entries[start])].median(),
                    most=SIZES[-1],
                    never=np.isinf(entries[start]).mean(),
                )
            )
    two, big = apart[LONG_RUN] > APART, gain > 5
    finding.notes.append(
        Say(
            "Populations held on one track and on the other from 2015 to 2030 are 25 points apart in 2049 in "
            "{soon:.0%} of samples and in 2109 in {late:.0%}.",
            soon=(apart[SOON] > APART).mean(),
            late=two.mean(),
        )
    )
    if two.any() and big.any():
        finding.notes.append(
            Say(
                "Where there are two tracks the push leaves {there:.1f} points, elsewhere {elsewhere:.1f} (medians); "
                "{most:.0%} of the gains above five points fall there.",
                there=np.nanmedian(gain[two]),
                elsewhere=np.nanmedian(gain[~two]),
                most=two[big].mean(),
            )
        )


def _figure(
    finding: Finding,
    tables: dict[str, pd.DataFrame],
    gains: np.ndarray,
    apart: dict[float, np.ndarray],
    repeated: np.ndarray,
    n: int,
) -> Figure:
    below = Say("Pushes from 2015 on one old-track firm in five a year, {n:,} samples.", n=n)
    late = {str(t): 100 * gains[j, SIZES.index(1.0)] for j, t in enumerate(STARTS)}
    others = {
        "held apart to 2030, in 2049": apart[SOON],
        "held apart to 2030, in 2109": apart[LONG_RUN],
        "three pulses, mean share": repeated,
    }
    switch, later = "Most firms switch, and would not without", "The same push from a later start"
    layout = [
        [
            heat(switch, "% of samples, by size and duration", tables["size"]),
            heat(switch, "% of samples, by what the push costs", tables["money"]),
        ],
        [
            rows(later, "one million CNY a firm for three years", late, "points seven years after"),
            rows("Two tracks? Three pulses?", "pulses against one push of equal money", others, "points of firms"),
        ],
    ]
    return sheet(finding, "How large, how long and when a push must be", below, layout, [8.6, 6.4])
