"""Does synergy inside firms keep them alive, and what builds it? (H14, H15, H16, H18)

Written down before the first run
---------------------------------
Treatments from 2015, outcomes at 2034. Settings of equal public money: 50 million CNY a year for information
networks and databases; and in the same sample for the same money (0.5 %) free advisers on management; grants; grants
and advisers together, both more by the same multiple of 2014. Survival is the share of new firms that reach five years
at the hazards of the year. Smallest difference that counts: 0.2 percentage points of survival, a tenth of a percent
of the conversion rate between settings.

H14 (C32 to C34: inputs without synergy end in early death). Holds in a sample if grants with advisers bring a higher
survival than grants alone. H14 (scarcity), on the first 1,000 samples: three times the grants against those of 2014,
as it is and where factors can nearly replace each other (complementarity 0.01). Holds if grants do less for survival
where factors are complements, by more than 0.05 points. H14 (main cause) holds if full factor synergy would take away
more than half of the exits of firms under five and a half years, read from the equation of the hazard. Labels:
conditional on the effect of synergy on exits, which may be nil.

H15 (C32: a later shortfall of input stops firms without synergy). Settings: firms that make much of their own
improvement (effort 0.9 when rich, building time half a year) or little (0.2, four years) from 2015 on, no treatment
but firms that differ; each with and without a shortfall that takes half of the cash margin of all firms
from 2018 to 2021 and gives it back within a quarter. The shortfall is a path over time put into the equation of the
operating surplus of a changed model. Outcome: survival, mean of 2018 to 2023. Holds if the shortfall costs less
survival with synergy than without, by more than 0.2 points. H15 (only with it) holds if under the shortfall more
than half of new firms reach five years with synergy and less than half without. H15 (firms) holds if fewer firms in
percent are lost to it by 2024 with synergy, by more than 0.2 points. Beside it, on the first 300 samples, shortfalls
of 1, 2, 4 and 8 years. Labels: conditional on what cash and synergy do to exits.

H16 (C36, C37: management guidance lifts factor, process and management synergy and carries firms past early death).
Settings: no advisers at all from 2015, and the advisers of equal money. Holds if management synergy is higher by more
than 0.01 of its scale. H16 (survival) holds if survival is higher; H16 (worse first) if in some year to 2020 the
conversion rate is lower by more than 0.1 % of itself, since effort takes time from work; H16 (breaks even) if from
five years on at the latest it is higher. Labels: conditional on the effect of advice, which may be nil.

H18 (C28 to C30, C101: information lowers uncertainty). Setting: the information service against none. Holds if the
conversion rate is higher by more than 0.5 % of itself. H18 (survival) holds if survival is higher. H18 (ranking) holds
if it brings more conversion than the better of advisers and grants for the same money. Labels: conditional; nil is
among the assumed effects of information, harm is not.

After the first run, of 200 samples, firms with and without synergy were set from 2015 on, no longer from 2009; and H14
(scarcity), which had shown next to no effect, was asked on fewer samples and at one size of the grants, to save time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sdmodel.experiments.shortfall import BEGINS, Shortfalls, during, shortened, shortfalls
from sdmodel.study.answer import replace_draws
from sdmodel.study.arms import Arms
from sdmodel.study.effects import Measure, Paired, end, lowest
from sdmodel.study.finding import Finding, judged
from sdmodel.study.question import Equal, Loop, Prediction, Rows
from sdmodel.study.translation import Say

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

QUESTION = "Does synergy inside firms keep them alive, and what builds it?"

NONE, NO_ADVICE, INFORMATION = "as it is", "no advisers", "information"
ADVICE, GRANTS, BOTH = "advisers", "grants", "grants and advisers"
FREE, MANY, MANY_FREE = "factors replaceable", "three times the grants", "the same, factors replaceable"
WITH, WITHOUT = "with synergy", "without synergy"
HIT = {WITH: "with synergy, shortfall", WITHOUT: "without synergy, shortfall"}

SURVIVAL, LOWEST, FIRMS = "five year survival", "lowest five year survival", "all firms at 2024"
THROUGH, DUE = "survival 2018 to 2023", "early exits for want of synergy"
FOUNDING, PROCESS, MANAGEMENT = "founding synergy", "process synergy", "management synergy"
CONVERSION = "conversion rate"
YEARS = (2015.5, 2016.0, 2017.0, 2018.0, 2019.0, 2020.0, 2022.0, 2025.0, 2030.0, 2034.0)
"""Years in which the conversion rate is compared."""
SOON, START, NEVER = 2020.0, 2015.0, 2035.0

EFFORT, BUILDING = "effort of a rich firm", "synergy building time"
LENGTHS, FEW, FIRST = (1.0, 2.0, 4.0, 8.0), 300, 1_000
REPLACEABLE, SCARCE, LEAST = {"complementarity": 0.01}, 0.05, 0.2


def at(year: float) -> str:
    return f"conversion at {year:g}"


def _due() -> Measure:
    """Part of early exits that full founding synergy would take away, by the equation of the hazard."""

    def of(found: xr.Dataset, draws: pd.DataFrame) -> xr.DataArray:
        path = found[FOUNDING]
        effect = path.isel(time=0) * 0 + draws["synergy effect on exit"].to_numpy()
        return 1 - np.exp(-effect * (1 - path.isel(time=-1)) / path.isel(time=0))

    return Measure((FOUNDING,), of)


def _scarcity(finding: Finding, paired: Paired, arms: Arms) -> None:
    """What grants do for survival where factors can replace each other; then lengths of a shortfall."""
    few = replace_draws(arms, arms.draws.iloc[:FIRST])
    grants = {"grant number": 3.0}
    settings = {FREE: REPLACEABLE, MANY: grants, MANY_FREE: {**REPLACEABLE, **grants}}
    of = paired.first(len(few.draws))
    of.add(few.run("factors replaceable", settings), SPEC.measures, few.draws)
    arms.runs += few.runs
    effect = 100 * (of.gain(SURVIVAL, MANY_FREE, FREE) - of.gain(SURVIVAL, MANY))
    says = "that grants do less for survival because factors are complements"
    finding.verdicts.append(judged("H14 (scarcity)", says, effect > SCARCE, effect, POINTS, EXITS, few.draws))
    _lengths(finding, paired, arms)


def _lengths(finding: Finding, paired: Paired, arms: Arms) -> None:
    """How long a shortfall takes survival below one half, in the first samples."""
    few = replace_draws(arms, arms.draws.iloc[:FEW])
    settings = {f"{kind}, {years:g} years": SPEC.arms[kind] for years in LENGTHS for kind in HIT}
    paths = shortfalls(np.repeat(LENGTHS, len(HIT) * len(few.draws)))
    found = few.run("lengths of a shortfall", settings, model=shortened(few.model), data=paths)
    arms.runs += few.runs
    of = Paired(next(iter(settings)))
    of.add(found, {LOWEST: SPEC.measures[LOWEST]}, few.draws)
    same = paired.first(len(few.draws))
    for years in (0.0, *LENGTHS):
        lows = {k: of[LOWEST, f"{k}, {years:g} years"] if years else same[LOWEST, k] for k in HIT}
        low = {kind: float(np.nanmean(values < 0.5)) for kind, values in lows.items()}
        finding.notes.append(
            Say(
                "With a shortfall of {years:g} years five-year survival falls below one half in {with_it:.0%} of "
                "samples with synergy and in {without:.0%} without.",
                years=years,
                with_it=low[WITH],
                without=low[WITHOUT],
            )
        )


def _points(measure: str, arm: str, against: str = NONE) -> object:
    return lambda p: 100 * p.gain(measure, arm, against)


def _loss(paired: Paired, kind: str) -> np.ndarray:
    """Survival that the shortfall costs, in points."""
    return 100 * (paired[THROUGH, kind] - paired[THROUGH, HIT[kind]])


def _worst(paired: Paired) -> np.ndarray:
    return np.min([paired.change(at(y), ADVICE, NO_ADVICE) for y in YEARS if y <= SOON], axis=0)


def _breaks_even(paired: Paired) -> np.ndarray:
    """Years until advice has raised the conversion rate for good; 20 where it has not by 2034."""
    gains = np.array([paired.change(at(y), ADVICE, NO_ADVICE) for y in YEARS])
    below = gains <= 0
    last = np.where(below.any(axis=0), len(YEARS) - 1 - np.argmax(below[::-1], axis=0), -1)
    years = np.array([*YEARS, NEVER])[last + 1]
    return np.where(np.isfinite(gains).all(axis=0), years - START, np.nan)


def _notes(paired: Paired) -> list[str]:
    years, worst = _breaks_even(paired), _worst(paired)
    return [
        Say(
            "After advice the conversion rate is lowest at {worst:+.2f} % of itself (median) and above that without "
            "advisers for good after {years:.0f} years (median); in {never:.0%} of samples not by 2034.",
            worst=float(np.nanmedian(worst)),
            years=float(np.nanmedian(years)),
            never=float(np.nanmean(years[np.isfinite(years)] >= NEVER - START)),
        ),
        Say(
            "Founding, process and management synergy are {a:.2f}, {b:.2f} and {c:.2f} at 2034 as it is, and {d:+.3f}, "
            "{e:+.3f} and {f:+.3f} more with advisers than without (medians).",
            **{k: float(np.nanmedian(paired[m, NONE])) for k, m in zip("abc", STAGES, strict=True)},
            **{k: float(np.nanmedian(paired.gain(m, ADVICE, NO_ADVICE))) for k, m in zip("def", STAGES, strict=True)},
        ),
    ]


STAGES = (FOUNDING, PROCESS, MANAGEMENT)
EXITS = ("conditional", "the effect of synergy on exits is an assumed range, which includes nil (C34)")
CASH = ("conditional", "what cash stress and synergy do to exits are assumed ranges, which include nil (C32, C34)")
ADVISED = ("conditional", "the effect of advice is an assumed range, which includes nil (C36, C92)")
KNOWN = ("conditional", "the effect of information is an assumed range, from nil to help (C30, C101)")
POINTS = "percentage points"

SPEC = Shortfalls(
    name="synergy_within",
    asks=QUESTION,
    hit=HIT,
    later=(EFFORT, BUILDING),
    arms={
        NONE: {},
        NO_ADVICE: {"adviser programme": 0.0},
        INFORMATION: {"information budget": 50.0},
        WITH: {f"{EFFORT} from 2015": 0.9, f"{BUILDING} from 2015": 0.5},
        WITHOUT: {f"{EFFORT} from 2015": 0.2, f"{BUILDING} from 2015": 4.0},
    },
    equal=[
        Equal(like=INFORMATION, size="information budget", arms={GRANTS: ({}, "grant number")}, start=1.7, low=1.0),
        Equal(
            like=INFORMATION, size="information budget", arms={ADVICE: ({}, "adviser programme")}, start=4.4, low=1.0
        ),
        Equal(
            like=INFORMATION,
            arms={BOTH: ({}, {"grant number": (1.0, 3.0), "adviser programme": (1.0, 3.0)})},
            start=0.2,
            high=3.0,
        ),
    ],
    measures={
        SURVIVAL: end(SURVIVAL),
        THROUGH: during(SURVIVAL),
        LOWEST: lowest(SURVIVAL, since=BEGINS),
        FIRMS: end("all firms", at=2024.0),
        DUE: _due(),
        **{name: end(name) for name in STAGES},
        **{at(year): end(CONVERSION, at=year) for year in YEARS},
    },
    predictions=[
        Prediction(
            "H14",
            "that grants with advisers let more new firms reach five years than grants alone for the same money",
            _points(SURVIVAL, BOTH, GRANTS),
            POINTS,
            LEAST,
            *EXITS,
        ),
        Prediction(
            "H14 (main cause)",
            "that most early exits are for want of factor synergy",
            lambda p: 100 * p[DUE, NONE] - 50,
            "percentage points above one half",
            0.0,
            *EXITS,
        ),
        Prediction(
            "H15",
            "that a shortfall of money costs less survival with synergy than without",
            lambda p: _loss(p, WITHOUT) - _loss(p, WITH),
            POINTS,
            LEAST,
            *CASH,
        ),
        Prediction(
            "H15 (only with it)",
            "that only with synergy more than half of new firms reach five years under a shortfall",
            lambda p: 100 * (p[THROUGH, HIT[WITH]] - p[THROUGH, HIT[WITHOUT]]),
            POINTS,
            0.0,
            *CASH,
            holds=lambda p, _: (p[THROUGH, HIT[WITH]] > 0.5) & (p[THROUGH, HIT[WITHOUT]] < 0.5),
        ),
        Prediction(
            "H15 (firms)",
            "that a shortfall takes a smaller part of firms with synergy than without",
            lambda p: p.change(FIRMS, HIT[WITH], WITH) - p.change(FIRMS, HIT[WITHOUT], WITHOUT),
            POINTS,
            LEAST,
            *CASH,
        ),
        Prediction(
            "H16",
            "that advisers lift firms to more management synergy",
            lambda p: p.gain(MANAGEMENT, ADVICE, NO_ADVICE),
            "of the scale from nil to one",
            0.01,
            *ADVISED,
        ),
        Prediction(
            "H16 (survival)",
            "that advisers let more new firms reach five years",
            _points(SURVIVAL, ADVICE, NO_ADVICE),
            POINTS,
            LEAST,
            *ADVISED,
        ),
        Prediction(
            "H16 (worse first)",
            "that with advisers conversion gets worse before it gets better",
            _worst,
            "% of it, at its lowest to 2020",
            -0.1,
            *ADVISED,
            holds=lambda _, effect: effect < -0.1,
        ),
        Prediction(
            "H16 (breaks even)",
            "that with advisers conversion is better after five years at the latest",
            _breaks_even,
            "years",
            0.0,
            *ADVISED,
            holds=lambda _, effect: effect <= SOON - START,
        ),
        Prediction(
            "H18",
            "that the information service raises the success of projects",
            lambda p: p.change(at(2034.0), INFORMATION),
            "% of the conversion rate",
            0.5,
            *KNOWN,
        ),
        Prediction(
            "H18 (survival)",
            "that the information service lets more new firms reach five years",
            _points(SURVIVAL, INFORMATION),
            POINTS,
            LEAST,
            *KNOWN,
        ),
        Prediction(
            "H18 (ranking)",
            "that information raises success more than advisers and grants of the same money",
            lambda p: 100 * (p[at(2034.0), INFORMATION] / p.best(at(2034.0), [ADVICE, GRANTS]) - 1),
            "% of the conversion rate",
            0.1,
            *KNOWN,
        ),
    ],
    loops=[
        Loop("R3 surplus, effort (C36)", "perceived surplus per firm", "improvement effort", NONE, [ADVICE, GRANTS]),
        Loop("synergy, exits (C34)", "founding synergy", "hazard", NONE, [ADVICE, GRANTS, BOTH, INFORMATION]),
    ],
    panels=[
        Rows(
            "What money does for new firms",
            "five-year survival at 2034 against no change, equal public money",
            POINTS,
            {arm: _points(SURVIVAL, arm) for arm in (GRANTS, BOTH, ADVICE, INFORMATION)},
            LEAST,
        ),
        Rows(
            "What a shortfall costs",
            "five-year survival 2018 to 2023, half of the cash margin gone for three years",
            POINTS,
            {
                "firms with synergy": lambda p: -_loss(p, WITH),
                "firms without": lambda p: -_loss(p, WITHOUT),
                "difference": lambda p: _loss(p, WITHOUT) - _loss(p, WITH),
            },
            LEAST,
        ),
    ],
    paths=(CONVERSION, [ADVICE, INFORMATION, GRANTS]),
    headline=lambda f: Say(
        "Advice beside grants keeps more new firms alive than grants alone in {both:.0%} of samples; a shortfall costs "
        "less survival with synergy than without in {hit:.0%}",
        both=f.verdicts[0].share,
        hit=f.verdicts[2].share,
    ),
    notes=_notes,
    extras=_scarcity,
)
ask, SAMPLES = SPEC.ask, SPEC.samples
