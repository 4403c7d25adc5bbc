"""Pieces of questions, matching and forms by hand, at the edges that shipped data do not reach."""

from __future__ import annotations

import inspect
import math
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.study import history_matching, measured, published_forms, question_file, targets
from sdmodel.study.arms import Arms
from sdmodel.study.built_in import built_in
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import measure
from sdmodel.study.paired import Paired
from sdmodel.study.question import Prediction, Question
from sdmodel.study.question_file import digest_of
from sdmodel.study.verdict import Verdict

Make = Callable[..., sdmodel.Model]
TIMES = np.array([2015.0, 2016.0, 2017.0, 2018.0])


# -- forms ------------------------------------------------------------------------------------------------------------
def runs(**paths: list[float]) -> dict[str, xr.Dataset]:
    return {arm: xr.Dataset({"a": (("run", "time"), [path])}, {"time": TIMES}) for arm, path in paths.items()}


@pytest.mark.parametrize(
    ("treated", "grows"),
    [
        ([1, 3, 2, 2], 0),
        ([1, 1, -1, 2], 1),
        ([1, -2, -4, -3], 0),
        ([1, 2, 0, 0], 0),
        ([0, -1, 0, 0], 0),
        ([0, 2, 0, 2], 0),
    ],
)
def test_what_grows_after_is_the_change_and_not_the_level(treated: list[float], grows: int) -> None:
    """The reference falls from 10 to 4, and the change in 2018 is compared with that in 2016 and with nil."""
    reference = [10, 8, 6, 4]
    arms = runs(reference=reference, treated=[r + t for r, t in zip(reference, treated, strict=True)])
    how = {"variable": "a", "at": 2018, "over_at": 2016}
    assert published_forms.grows_after(arms, pd.DataFrame(index=range(1)), how).tolist() == [grows]


def grants(extra: np.ndarray) -> dict[str, xr.Dataset]:
    """Runs by size of a grant that is paid in full and adds something to an own RnD of one."""
    out = {}
    for size, more in zip(published_forms.SIZES, extra, strict=True):
        given = {"own RnD": 1.0, "firms by quality": 1.0, "grants offered": size, "grant paid": size,
                 "grant effect on own RnD": more}  # fmt: skip
        data = {name: (("run", "time", "quality"), np.full((1, 1, 1), x)) for name, x in given.items()}
        data["grant per recipient"] = (("run", "time"), np.full((1, 1), size))
        out[f"size {size:g}"] = xr.Dataset(data, {"time": [2016.5], "quality": ["q"]})
    return out


def read(extra: np.ndarray, shape: str) -> float:
    return float(published_forms.grant_shape(grants(extra), pd.DataFrame(index=range(1)), {"read": shape})[0])


SIZES = np.array(published_forms.SIZES)


def test_a_grant_that_replaces_from_the_start_does_so_at_the_smallest_share() -> None:
    assert read(-0.2 * SIZES, "replacing share") == pytest.approx(0.1 / (1 - 0.02 + 0.1))
    peak = np.array([0.0, 0.3, 0.1, -0.1])
    assert published_forms._turn(peak, np.array([0.1, 0.2, 0.3, 0.5])) == pytest.approx(0.4)
    assert math.isnan(published_forms._turn(np.array([0.3, 0.0]), np.array([0.1, 0.2])))


def test_the_best_share_is_where_a_yuan_adds_most() -> None:
    extra = np.array([0.01, 0.03, 0.09, *0.2 * SIZES[3:]])  # 0.3 a yuan at 0.3, less before and after
    assert read(extra, "best share") == pytest.approx(0.3 / (1 + 0.09 + 0.3))


def test_an_s_is_steepest_between_its_ends() -> None:
    """Own RnD with what is paid, over the size of the grant: slopes by hand."""

    def told(slopes: np.ndarray) -> float:
        return read(np.cumsum(slopes * np.diff(SIZES, prepend=0.0)) - SIZES, "S shape")

    rising, flat = np.linspace(0.5, 1.6, len(SIZES)), np.full(len(SIZES) - 1, 0.5)
    assert told(rising) == 0
    assert told(np.append(rising[:-1], rising[-2] - 0.11)) == 1
    assert told(np.append(rising[:-1], rising[-2] - 0.09)) == 0
    assert told(np.insert(flat, 1, 0.61)) == 1
    assert told(np.insert(flat, 0, 0.61)) == 0


def test_the_page_of_measurements_is_made_with_its_defaults() -> None:
    page = (Path(__file__).parents[2] / "docs" / "models" / "measured" / "part-record.md").read_text("utf-8")
    for made in (measured.write, measured.levers):
        given = {name: p.default for name, p in inspect.signature(made).parameters.items()}
        assert page.startswith(f"Measured on {given['samples']} draws, seed {given['seed']}, with ")


class Begun(Exception):
    """The script has begun its work."""


# runpy warns of a module that is imported already, as all are here.
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
@pytest.mark.parametrize("module", ["measured", "history_matching", "published_effects"])
def test_a_module_that_is_a_script_works_when_it_is_run(
    module: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def begins(name: str) -> None:
        raise Begun

    monkeypatch.setattr(sdmodel, "load", begins)
    monkeypatch.setattr("sys.argv", [module, str(tmp_path)] if module == "measured" else [module])
    with pytest.raises(Begun):
        runpy.run_module(f"sdmodel.study.{module}", run_name="__main__")


# -- findings and questions -----------------------------------------------------------------------------------------
def test_a_loss_of_everything_cannot_be_turned() -> None:
    row = ("b", "a", "own RnD", 0, 0, 4, -50.0, -100.0, -20.0, "%", 1.0, 1.0, 1.0)
    columns = ["arm", "against", "outcome", "favour", "neither", "opposite", "median", "low", "high", "unit",
               "per_yuan", "per_yuan_low", "per_yuan_high"]  # fmt: skip
    found = Finding("one", "Does it?", [], outcomes=pd.DataFrame([row], columns=columns)).compare("a", "b").iloc[0]
    assert (found["median"], found["low"]) == pytest.approx((100, 25))
    assert math.isnan(found["high"])


def test_the_digest_is_that_of_the_content_in_any_order() -> None:
    one, other = {"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}
    assert digest_of(one) == digest_of(other) == digest_of(one, {}) != digest_of({**one, "a": 2})
    assert digest_of(one, {"x": "text"}) != digest_of(one, {"x": "texts"})
    assert len(digest_of(one)) == 16


def test_a_headline_takes_its_figures_from_verdicts_and_formulas() -> None:
    counts, effect = (30, 50, 20), (1.5, -1.0, 3.0)
    verdict = Verdict("H01", "that", "b", "a", "own", *counts, effect, "%", 1.0, "emergent", "x")
    paired = Paired("none")
    paired._numbers = {("own", "none"): np.array([1.0, 1.0]), ("own", "b"): np.array([2.0, 4.0])}
    row = {"text": "{a} {b} {c} {d} {e}", "a": "share_of('H01')", "b": "neither_of('H01')", "c": "against_of('H01')",
           "d": "median_of('H01')", "e": "median(gain('own', 'b'))"}  # fmt: skip
    say = question_file._headline(row)
    assert say(Finding("one", "Does it?", [verdict]), paired) == "0.3 0.5 0.2 1.5 2.0"
    (note,) = question_file._notes([{"text": "{e:.0f}", "e": row["e"]}])(paired)
    assert note == "2"


TOY = """
present value of public money = INTEG(cost*a, 0) ~ million CNY ~ |
cost = 2 ~ 1/Year [1,3] ~ Cost. [uncertainty] [@guess] |
worth = 1 ~ 1/Year [-1,3] ~ Worth. [uncertainty] [@guess] |
sure = 1 ~ 1/Year [0.5,3] ~ Sure. [uncertainty] [@guess] |
a = 0 ~ million CNY [-1,10] ~ Size of a. [lever P01] |
b = 2 ~ million CNY [0,4] ~ Size of b. [lever P02] |
stock = INTEG(worth*a, 5) ~ million CNY ~ |
other = INTEG(sure*a, 5) ~ million CNY ~ |
"""


def test_a_mix_ends_where_the_first_of_its_constants_does(model_from: Make) -> None:
    """Of the value at nil and the rise: up to the end of the range on the side it moves to."""
    arms = Arms(model_from(TOY, start=2009, end=2034), pd.DataFrame({"cost": [1.0, 2.0]}), ["stock"], every=1)

    def most(**steps: tuple[float, float]) -> float:
        return float(
            arms._most({name: (np.array([zero]), np.array([unit])) for name, (zero, unit) in steps.items()})[0]
        )

    assert most(a=(2, 4)) == pytest.approx(2)
    assert most(a=(2, -4)) == pytest.approx(0.75)
    assert most(a=(2, 4), b=(2, 2)) == pytest.approx(1)
    assert most(a=(2, 0)) == 1
    steps = [(zero / 10, unit / 10) for zero in range(30) for unit in range(1, 30)]
    assert all(zero + most(a=(zero, unit)) * unit <= 10 for zero, unit in steps)  # never past the end by rounding


def test_what_is_built_in_has_one_sign_in_all_corners(model_from: Make) -> None:
    def told(name: str, of: str) -> Prediction:
        return Prediction(name, "that", "million CNY", 1.0, "built in", "x", "a", "none", of, "difference")

    question = Question(
        name="toy", asks="?", arms={"none": {}, "a": {"a": 1.0}},
        predictions=[told("H01", "stock"), told("H02", "other")],
        measures={"stock": measure("final('stock')"), "other": measure("final('other')")}, headline=lambda *_: "",
        samples=4, every=1.0,
    )  # fmt: skip
    table = built_in(question, 16, 1, model_from(TOY, start=2009, end=2034))
    assert table["built in"].tolist() == [False, True]
    assert table.loc["H02", ["positive", "nil", "negative"]].tolist() == [32, 0, 0]
    assert table.loc["H01", ["positive", "nil", "negative"]].sum() == 32
    assert table.loc["H01", "negative"] > 4  # a quarter of the range, and half of the corners


# -- matching ---------------------------------------------------------------------------------------------------------
LEVEL = "level = INTEG(0*first, first) ~ firm ~ |\nfirst = 0.5 ~ firm [0,10] ~ F. [uncertainty] [@guess] |"


def test_targets_are_met_by_samples_and_checks_by_their_median(
    model_from: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_from(LEVEL, start=2009, end=2014)
    samples = pd.DataFrame({"first": [1.0, 2.0, 3.0, 4.0, 9.0]})

    def target(name: str, low: float, high: float, use: str) -> targets.Target:
        return targets.Target(name, "level", "level", 2012.0, 0.3, 0.4, use, "s", "", low=low, high=high)

    known = {
        "match": [target("A", 2.0, 3.0, "match"), target("B", 0.0, 9.0, "match")],
        "check": [target("C", 2.5, 3.5, "check"), target("D", 3.1, 9.0, "check")],
    }
    monkeypatch.setattr(history_matching, "targets", lambda use="match": known[use])
    rows = {row[0].split()[0]: row[1:4] for row in history_matching.check(model, samples)}
    # within three standard deviations of 0.5 of A lie 1, 2, 3 and 4; a check is met inside its interval
    assert rows["A"] == (0.8, "within 3 sd of 2 to 3", "miss")
    assert rows["B"] == (1.0, "within 3 sd of 0 to 9", "hit")
    assert rows["C"] == (0.2, "2.5 to 3.5", "hit")
    assert rows["D"] == (0.4, "3.1 to 9", "miss")
