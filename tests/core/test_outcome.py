"""Outcomes of a run and of a sweep, by hand."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.integrate import quad

import sdmodel
from sdmodel import Outcome
from sdmodel.core.errors import DesignError, ScenarioError, UnknownNameError

TIME = np.array([2009.0, 2010.0, 2012.0, 2013.0])
PATHS = np.array([[1.0, 3.0, 1.0, 2.0], [5.0, 5.0, 5.0, 5.0], [np.nan] * 4])
# Of the path 3, 1, 2 at the times 0, 2, 3, at a rate of 10 %, by quadrature.
PRESENT = float(quad(lambda t: np.interp(t, [0, 2, 3], [3, 1, 2]) * 1.1**-t, 0, 3, points=[2], epsabs=1e-13)[0])


@pytest.fixture
def result() -> xr.Dataset:
    return xr.Dataset({"x": (("run", "time"), PATHS)}, {"run": [0, 1, 2], "time": TIME})


@pytest.mark.parametrize(
    ("given", "want"),
    [
        ({"at": 2010}, [3, 5]),
        ({"at": 2011}, [2, 5]),
        ({"at": "2010-07-02"}, [3 - 182 / 365, 5]),
        ({"at": dt.date(2013, 1, 1)}, [2, 5]),
        ({"at": "final"}, [2, 5]),
        ({}, [2, 5]),
        ({"at": "max"}, [3, 5]),
        ({"at": "min"}, [1, 5]),
        ({"at": "total"}, [2 + 4 + 1.5, 20]),
        ({"at": "mean"}, [7.5 / 4, 5]),
        ({"at": "mean", "start": 2010, "end": 2012}, [2, 5]),
        ({"at": "total", "start": 2011, "end": 2012.5}, [1.5 + 0.625, 7.5]),
        ({"at": "max", "start": "2011-01-01"}, [2, 5]),
        ({"at": "final", "end": 2011}, [2, 5]),
        ({"at": "first_above", "level": 2.5}, [2010, 2009]),
        ({"at": "time_of_max"}, [2010, 2009]),
        ({"at": "time_of_min", "start": 2011}, [2012, 2011]),
        ({"at": "duration_above", "level": 2}, [0.5 + 1, 4]),  # half of the rise, half of the fall
        ({"at": "duration_below", "level": 2}, [0.5 + 1 + 1, 0]),
        ({"at": "duration_above", "level": 9}, [0, 0]),
        ({"at": "present_value", "rate": 0}, [7.5, 20]),
        ({"at": "present_value", "rate": 0.1, "start": 2010}, [PRESENT, 5 * (1 - 1.1**-3) / np.log(1.1)]),
        ({"at": "total", "reference": 4}, [3.5, 16]),
        ({"at": "total", "reference": 5, "relative": True}, [0.5, 3]),
        ({"at": "first_below", "level": 1.5}, [2009, np.nan]),
        ({"at": "first_below", "level": 1.5, "start": 2010}, [2012, np.nan]),
        ({"at": "first_above", "level": 9}, [np.nan, np.nan]),
    ],
)
def test_ways_to_judge_a_path(result: xr.Dataset, given: dict, want: list[float]) -> None:
    found = Outcome("x", **given).of(result)
    assert found.dims == ("run",)
    np.testing.assert_allclose(found.to_numpy()[:2], want, rtol=1e-12)
    assert np.isnan(found.to_numpy()[2])  # a failed run has no outcome
    assert found.name == Outcome("x", **given).label


def test_labels_are_words() -> None:
    assert Outcome("trust", at=2034).label == "trust at 2034"
    assert Outcome("trust", at="max").label == "max of trust"
    assert Outcome("trust", at="first_above", level=0.5).label == "time when trust is first above 0.5"


def test_one_run_is_judged_like_a_sweep(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(
        "place: a, b ~~|\nx[place] = INTEG(size[place], 0) ~ Dmnl ~ |\nsize[place] = 1, 2 ~ Dmnl [0,9] ~ |\n"
        "y = SUM(x[place!]) ~ Dmnl ~ |"
    )
    run = model.run(every=1)
    sweep = model.sweep([{"size[b]": 2.0}, {"size[b]": 4.0}], ["x", "y"], every=1, workers=1)
    assert Outcome("y", at=5).of(run).item() == pytest.approx(15)
    assert Outcome("y", at=5).of(sweep).to_numpy() == pytest.approx([15, 25])
    for name in ("x[b]", "X[ B ]"):
        assert Outcome(name, at=5).of(run).item() == pytest.approx(10)
        assert Outcome(name, at=5).of(sweep).to_numpy() == pytest.approx([10, 20])
    assert Outcome("x", at=5).of(sweep).dims == ("run", "place")
    with pytest.raises(UnknownNameError, match=r"no element 'x\[c\]'"):
        Outcome("x[c]").of(sweep)
    with pytest.raises(UnknownNameError, match="no output 'z'"):
        Outcome("z").of(sweep)


def test_words_of_the_command_line() -> None:
    assert Outcome.parse("trust at 2034") == Outcome("trust", 2034)
    assert Outcome.parse("trust at 2034-07-01") == Outcome("trust", "2034-07-01")
    assert Outcome.parse("share at exit at 2034") == Outcome("share at exit", 2034)
    assert Outcome.parse("max of trust") == Outcome("trust", "max")
    for wrong in ("trust", "trust in 2034", "best of trust", "first_above of trust"):
        with pytest.raises(DesignError, match="is no outcome"):
            Outcome.parse(wrong)
    with pytest.raises(UnknownNameError, match="no way to judge a path 'once'"):
        Outcome.parse("trust at once")


def test_what_makes_no_sense_is_refused(result: xr.Dataset) -> None:
    with pytest.raises(UnknownNameError, match="Nearest: max"):
        Outcome("x", at="maxx")
    with pytest.raises(DesignError, match="A level goes with"):
        Outcome("x", at="max", level=3)
    with pytest.raises(DesignError, match="A level goes with"):
        Outcome("x", at="first_above")
    with pytest.raises(ScenarioError, match="not a valid time"):
        Outcome("x", at="max", start="soon")
    with pytest.raises(DesignError, match="2040 lies outside the result, which goes from 2009 to 2013"):
        Outcome("x", at=2040).of(result)
    with pytest.raises(DesignError, match="No reported time lies between 2014 and 2015"):
        Outcome("x", at="max", start=2014, end=2015).of(result)
    with pytest.raises(DesignError, match="more than the one time"):
        Outcome("x", at="mean", start=2010, end=2010).of(result)


def test_all_elements_together_and_differences_to_a_run(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(
        "town: north, south ~~|\npeople[town] = INTEG(growth, first[town]) ~ Person ~ |\n"
        "first[north] = 10 ~ Person ~ |\nfirst[south] = 20 ~ Person ~ |\ngrowth = 1 ~ Person/Year ~ |"
    )
    base = model.run()
    whole = Outcome("people", across="sum")
    assert float(whole.of(base)) == pytest.approx(50)
    more = dataclasses.replace(whole, reference=base)
    assert float(more.of(model.run({"growth": 2}))) == pytest.approx(20)
    assert more.label == "difference of final of sum of people to 'base'"
    found = model.sweep({"growth": [1.0, 2.0, 3.0]}, ["people"])
    share = dataclasses.replace(more, relative=True)
    assert share.of(found).to_numpy() == pytest.approx([0, 0.4, 0.8], abs=1e-9)
    table = sdmodel.tornado(model, {"growth": (1, 3)}, share).reset_index()
    assert table["at_high"].iloc[0] == pytest.approx(0.8)
    with pytest.raises(DesignError, match="across"):
        Outcome("people", reference=base).of(found)


@pytest.mark.parametrize(
    "given",
    [
        {"at": "present_value"}, {"rate": 0.1}, {"at": "present_value", "rate": -1}, {"across": "product"},
        {"relative": True}, {"reference": "base"}, {"at": "duration_above"}, {"at": "time_of_max", "level": 1},
    ],
)  # fmt: skip
def test_what_does_not_go_together_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(sdmodel.SdmodelError):
        Outcome("x", **given)


def test_an_outcome_by_a_function_of_the_path() -> None:
    model = sdmodel.load("adoption")

    def swing(path: pd.Series) -> float:
        return path.max() - path.loc[2015]

    outcome = Outcome("firms with", swing)
    assert outcome.label == "swing of firms with"
    run = model.run(every=1)
    assert float(outcome.of(run)) == pytest.approx(run["firms with"].max() - run["firms with"].loc[2015])
    sweep = model.sweep({"support size": [0.0, 50.0], "time in use": [4.0, 6.0]}, ["firms with"], every=1)
    found = outcome.of(sweep)
    assert found.dims == ("support size", "time in use")
    alone = model.run({"support size": 50.0, "time in use": 4.0}, method="exact", every=1)
    assert float(found.sel({"support size": 50.0, "time in use": 4.0})) == pytest.approx(float(outcome.of(alone)))
    ranges = {"word of mouth": (0.2, 0.4), "time in use": (4, 8)}
    indices = sdmodel.sobol(model, ranges, outcome, n=1024, rng=1)
    assert np.isfinite(indices["total"]).all()
    best = sdmodel.optimise(model, {"support size": (0, 200)}, outcome, aim="max", generations=2, rng=1)
    assert len(best)
    with pytest.raises(DesignError, match="swing"):
        sdmodel.gradient(model, ["time in use"], outcome)
    with pytest.raises(DesignError, match="fails"):
        Outcome("firms with", lambda path: path.nothing).of(run)


def test_an_element_of_a_gridded_sweep(write_model: Callable[..., Path]) -> None:
    text = "R: a, b ~~|\nrate[R] = 0.1, 0.2 ~~|\ngain = 1 ~ [0,9] ~|\nS[R] = INTEG(rate[R]*gain, 0) ~~|"
    sweep = sdmodel.load(write_model(text)).sweep({"gain": [1.0, 2.0]}, ["S"], every=5)
    found = Outcome("S[b]").of(sweep)
    assert found.dims == ("gain",)
    np.testing.assert_allclose(found, [2.0, 4.0])
