"""Values as users write them: text with units, values over time, points of lookups, data by a table, times wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import Model, Scenario, Schedule
from sdmodel.core.errors import OverrideError, ScenarioError, SdmodelError, SolveError
from sdmodel.solve.interpolation import interpolant
from sdmodel.solve.values import read_values

Make = Callable[..., Model]
TEXT = """
level = INTEG(inflow, 0) ~ person ~ |
inflow = pull ~ person/Year ~ |
pull = 2 ~ person/Year ~ |
share = 0.5 ~ Dmnl ~ |
rate = 0.1 ~ 1/Year ~ |
percent of all = 30 ~ percent ~ |
wait = 3 ~ Year ~ |
table((0,0),(1,1)) ~ Dmnl ~ |
read = table(share) ~ Dmnl ~ |
"""


@pytest.fixture
def model(model_from: Make) -> Model:
    return model_from(TEXT)


# -- text ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("share", "50%", 0.5), ("share", " 12.5 % ", 0.125), ("rate", "5%", 0.05), ("rate", "5 %/Year", 0.05),
        ("percent of all", "40%", 40), ("wait", "4 Year", 4), ("wait", "2.5e0 year", 2.5), ("pull", "3 person/Year", 3),
    ],
)  # fmt: skip
def test_text_is_a_number_with_its_unit(model: Model, name: str, text: str, value: float) -> None:
    assert model.run({name: text}).constants[name] == pytest.approx(value)


@pytest.mark.parametrize(
    ("name", "text", "kind", "message"),
    [
        ("wait", "50%", OverrideError, "its unit is Year"),
        ("wait", "18 months", OverrideError, "its unit is Year; units are not converted"),
        ("pull", "5%", OverrideError, "its unit is person/Year"),
        ("rate", "5%/Month", OverrideError, "its unit is 1/Year"),
        ("share", "0,5", OverrideError, r"not a number\. Give 0\.5 as a number"),
        ("share", "1,000", OverrideError, "not a number"),
        ("share", "half", OverrideError, "not a number"),
        ("share", "5 % %", OverrideError, "share"),
        ("share", "", OverrideError, "not a number"),
    ],
)
def test_other_text_is_refused(model: Model, name: str, text: str, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        model.run({name: text})


def test_a_share_of_the_shipped_model_is_given_in_per_cent() -> None:
    run = sdmodel.load("policy").run({"flat extra deduction": "50%"})
    assert run.constants["flat extra deduction"] == 0.5


# -- over time ----------------------------------------------------------------------------------------------------
def ramp(t: float) -> float:
    return 2 + 3 * t


POINTS = [(0, 2), (10, 32)]


@pytest.mark.parametrize(
    "value",
    [
        POINTS, tuple(POINTS), Schedule((0, 10), (2, 32), "linear"), ramp,
        pytest.param(lambda t: np.float64(ramp(t)), id="function of numpy"),
    ],
)  # fmt: skip
def test_a_constant_takes_a_value_over_time(model: Model, value: Any) -> None:
    run = model.run({"pull": value})
    np.testing.assert_allclose(run["pull"], 2 + 3 * run.time)
    np.testing.assert_allclose(run["level"], 2 * run.time + 1.5 * run.time**2, rtol=1e-6)


def test_points_and_series_stand_in_scenarios_and_in_replace(model: Model) -> None:
    want = model.run({"pull": POINTS})["level"].iloc[-1]
    for scenario in (Scenario("up", values={"pull": POINTS}), Scenario().with_values({"pull": POINTS})):
        assert scenario.paths["pull"].between == "linear"
        assert "pull" not in scenario.values
        assert model.run(scenario)["level"].iloc[-1] == want
        assert model.sweep([{}], ["level"], scenario=scenario)["level"].to_numpy()[0, -1] == pytest.approx(want)
    assert model.replace("pull", POINTS).run()["level"].iloc[-1] == want
    steps = pd.Series([2.0, 4.0], index=[0, 5])
    assert model.run({"pull": steps})["level"].iloc[-1] == pytest.approx(30)


def test_a_table_of_numbers_is_not_taken_for_points(model: Model) -> None:
    for table in (np.array(POINTS), [[0, 2], [10, 32]]):  # it may be meant for the elements of an array
        for given in (
            lambda table=table: model.run({"pull": table}),
            lambda table=table: Scenario(values={"pull": table}),
        ):
            with pytest.raises(ScenarioError, match="not a number"):
                given()


@pytest.mark.parametrize(
    "value", [[0.1, 0.3], np.array([0.1, 0.3]), {"a": 0.1, "b": 0.3}, pd.Series([0.1, 0.3], index=["a", "b"])]
)
def test_elements_of_an_array_are_given_by_their_labels(model_from: Make, value: Any) -> None:
    own = model_from("region: a, b ~~|\nrate[region] = 0.1, 0.2 ~~|\nlevel[region] = INTEG(rate[region], 1) ~~|")
    with pytest.raises(OverrideError, match=r'"rate\[a\]": \.\.\., "rate\[b\]"'):
        own.run({"rate": value})
    assert own.run({"rate[a]": 0.3})["level[a]"].iloc[-1] > own.run()["level[a]"].iloc[-1]


def test_a_function_follows_the_time_of_the_run(model: Model) -> None:
    seen: list[float] = []
    model.run({"pull": lambda t: seen.append(t) or 1.0, "FINAL TIME": 3.0})
    assert seen[0] == 0
    assert seen[-1] == 3
    for wrong, message in ((lambda t: "a", "not a number"), (lambda t: float("nan"), "finite")):
        with pytest.raises(ScenarioError, match=message):
            model.run({"pull": wrong})
    with pytest.raises(ScenarioError, match="more than 100,000 steps"):
        model.run({"pull": ramp, "FINAL TIME": 1e7})


def test_a_lookup_takes_points(model: Model) -> None:
    assert model.run({"table": [(0, 0), (1, 2)]})["read"].iloc[0] == 1
    changed = model.replace("table", [(0, 1), (1, 1)])
    assert changed["table"].kind == "lookup"
    assert changed.run()["read"].iloc[0] == 1
    scenario = Scenario("curve", values={"table": [(0, 0), (0.5, 3), (1, 4)]})
    assert model.sweep([{"share": 0.5}], ["read"], scenario=scenario)["read"].to_numpy()[0, 0] == 3
    assert model.run({"table": pd.Series([0.0, 4.0], index=[0.0, 1.0])})["read"].iloc[0] == 2  # no steps in a curve
    with pytest.raises(ScenarioError, match="must rise"):
        model.run({"table": [(1, 0), (0, 2)]})
    with pytest.raises(OverrideError, match="not a constant"):
        model.run({"read": POINTS})


# -- data ---------------------------------------------------------------------------------------------------------
FED = """{UTF-8}
x = INTEG(sales + price, 0) ~ person ~ |
sales ~ person/Year ~ |
price ~ person/Year ~ |
INITIAL TIME = 0 ~ Year ~ |
FINAL TIME = 10 ~ Year ~ |
TIME STEP = 0.5 ~ Year ~ |
SAVEPER = 1 ~ Year ~ |
"""


@pytest.mark.parametrize("in_file", [True, False])
def test_data_are_given_by_a_table_and_replace_those_of_a_file(tmp_path: Path, in_file: bool) -> None:
    (tmp_path / "series.csv").write_text("time,sales,price\n0,1,1\n10,1,1\n", encoding="utf-8")
    (tmp_path / "fed.mdl").write_text(FED, encoding="utf-8")
    fed = sdmodel.load(tmp_path / "fed.mdl", data_files=[tmp_path / "series.csv"] if in_file else [])
    both = pd.DataFrame({"price": [0.0, 20.0], "sales": [3.0, 3.0]}, index=[0, 10])
    for given in (both, both.rename_axis("Time").reset_index(), {c: both[c] for c in both}):
        assert fed.run(data=given)["x"].iloc[-1] == pytest.approx(130)
        assert fed.sweep([{}], ["x"], data=given)["x"].to_numpy()[0, -1] == pytest.approx(130)
    apart = {"price": pd.Series([0.0, 20.0], index=[0, 10]), "sales": ([0, 5, 10], [0.0, 2.0, 0.0])}
    dataset = both.rename_axis("time").to_xarray()
    assert fed.run(data=apart)["x"].iloc[-1] == pytest.approx(110)
    assert fed.sweep([{}], ["x"], data=apart)["x"].to_numpy()[0, -1] == pytest.approx(110)
    assert fed.sweep([{}], ["x"], data=dataset)["x"].to_numpy()[0, -1] == pytest.approx(130)
    assert fed.run({"sales": [(0, 0), (10, 4)]}, data=both[["price"]])["x"].iloc[-1] == pytest.approx(120)
    if in_file:
        assert fed.run(data=both[["price"]])["x"].iloc[-1] == pytest.approx(110)
        with pytest.raises(OverrideError, match="the same in all runs"):
            fed.sweep([{}, {}], ["x"], data=dataset.expand_dims(run=2))
    for wrong in (pd.DataFrame({"prise": [1.0]}, index=[0]), 3, "x"):
        with pytest.raises(SdmodelError):
            fed.run(data=wrong)
        with pytest.raises(SdmodelError):
            fed.sweep([{}], ["x"], data=wrong)


# -- times wanted -------------------------------------------------------------------------------------------------
CURVE = "x = INTEG(-x*rate, 100) ~ Dmnl ~ |\nrate = 0.3 ~ 1/Year ~ |"
TIMES = [0, 1.3, 7.5]


@pytest.mark.parametrize("method", [None, "exact", "LSODA"])
def test_every_lists_times_and_values_are_those_at_them(model_from: Make, method: str | None) -> None:
    model = model_from(CURVE)
    run = model.run(every=TIMES, method=method)
    assert run.time.tolist() == TIMES
    np.testing.assert_allclose(run["x"], 100 * np.exp(-0.3 * np.array(TIMES)), rtol=1e-5)
    swept = model.sweep([{"rate": r} for r in (0.3, 0.6)], ["x"], every=[7.5, 1.3], method=method)
    assert swept["time"].to_numpy().tolist() == [1.3, 7.5]
    np.testing.assert_allclose(swept["x"].to_numpy()[1], 100 * np.exp(-0.6 * np.array([1.3, 7.5])), rtol=1e-5)


def test_every_lists_times_of_a_run_that_goes_on(model_from: Make) -> None:
    model = model_from(CURVE)
    late = model.run(every=[6, 7.5], initial=model.run().state(at=5))
    np.testing.assert_allclose(late["x"], 100 * np.exp(-0.3 * np.array([6, 7.5])), rtol=1e-6)
    assert late.time.tolist() == [6, 7.5]
    with pytest.raises(SolveError, match="every="):
        model.run(every=[4], initial=model.run().state(at=5))


def test_on_the_grid_only_its_times_are_reported(model_from: Make) -> None:
    model = model_from(CURVE, step=0.5)
    full = model.run(method="euler", every=0.5)["x"]
    np.testing.assert_array_equal(model.run(method="euler", every=[1.5, 7])["x"], full.loc[[1.5, 7]])
    np.testing.assert_array_equal(model.sweep([{}], ["x"], method="euler", every=[1.5, 7])["x"][0], full.loc[[1.5, 7]])
    with pytest.raises(SolveError, match=r"between two steps of this method, which go by 0\.5\. Ask for 1\.5"):
        model.run(method="euler", every=[1.4])
    with pytest.raises(SolveError, match="the run goes from 0 to 10"):
        model.run(every=[11])
    for wrong in ([], ["x"], [float("nan")], [None]):
        with pytest.raises(ScenarioError):
            model.run(every=wrong)


def test_times_may_be_dates_and_stores_keep_them(model_from: Make, tmp_path: Path) -> None:
    model = model_from(CURVE, start=2010, end=2020)
    assert model.run(every=["2012-07-02", 2015]).time.tolist() == pytest.approx([2012.5, 2015], abs=1e-6)
    swept = model.sweep([{}], ["x"], every=[2012.25], store=tmp_path / "s.zarr")
    assert swept["time"].to_numpy().tolist() == [2012.25]
    assert sdmodel.open_sweep(tmp_path / "s.zarr")["time"].to_numpy().tolist() == [2010, 2012.25, 2020]
    (tmp_path / "days.mdl").write_text(
        "{UTF-8}\nx = INTEG(1, 0) ~ Dmnl ~ |\nINITIAL TIME = 0 ~ Day ~ |\nFINAL TIME = 9 ~ Day ~ |\n"
        "TIME STEP = 1 ~ Day ~ |\nSAVEPER = 1 ~ Day ~ |\n",
        encoding="utf-8",
    )
    days = sdmodel.load(tmp_path / "days.mdl")
    for refused in (lambda every: days.run(every=every), lambda every: days.sweep([{}], ["x"], every=every)):
        with pytest.raises(OverrideError, match="A date is given for every="):
            refused(["2012-07-02"])


def test_a_function_of_time_spans_the_run_as_it_is_set(model_from: Make) -> None:
    model = model_from(CURVE, start=2010, end=2020)
    for values in ({}, {"FINAL TIME": 2012.0}):
        schedule = read_values(model, {**values, "rate": lambda t: t - 2000})["rate"]
        assert schedule.at[0] == 2010
        assert schedule.at[-1] == values.get("FINAL TIME", 2020)
        assert [schedule.value[0], schedule.value[-1]] == [10, schedule.at[-1] - 2000]
    for values in ({"FINAL TIME": 2009.0}, {"TIME STEP": 0.0}):
        with pytest.raises(ScenarioError, match="no plain numbers"):
            read_values(model, {**values, "rate": lambda t: t})


def test_series_are_linear_between_points_and_constant_beyond() -> None:
    path = interpolant([1.0, 2.0, 4.0], [5.0, 7.0, 3.0])
    assert [path(t) for t in (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 9.0)] == [5, 5, 6, 7, 5, 3, 3]


def test_a_function_that_fails_names_its_constant_and_the_time() -> None:
    model = sdmodel.load("adoption")
    with pytest.raises(ScenarioError, match=r"'word of mouth' fails at time 2015: ZeroDivisionError"):
        model.run({"word of mouth": lambda t: 1 / (t - 2015)})
    with pytest.raises(ScenarioError, match=r"called with\s+the time"):
        model.run({"word of mouth": lambda: 0.3})


def test_a_run_that_goes_on_takes_the_steps_of_one_run_where_they_are_long(model_from: Make) -> None:
    model = model_from("x = INTEG(-x*rate, 100) ~ Dmnl ~ |\nrate = 0.05 ~ 1/Year ~ |", end=20, step=2, saveper=10)
    whole = model.run(method="exact")
    late = model.run(method="exact", initial=model.run(method="exact").state(at=10))
    np.testing.assert_array_equal(late["x"], whole["x"].loc[10.0:])
