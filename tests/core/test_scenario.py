"""Scenarios: times, dated paths, TOML files, and what is refused."""

from __future__ import annotations

import datetime as dt
import pickle
from pathlib import Path as File

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.calendar import year
from sdmodel.core.errors import OverrideError, RangeError, ScenarioError, UnknownNameError, UnsupportedError
from sdmodel.core.resources import shipped
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.io.scenarios import load_scenarios
from sdmodel.io.vensim.changes import to_cin


# -- times ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("when", "want"),
    [
        (2014, 2014.0),
        (2014.25, 2014.25),
        ("2014-01-01", 2014.0),
        ("2014-07-01", 2014 + 181 / 365),
        ("2016-07-01", 2016 + 182 / 366),
        (dt.date(2014, 12, 31), 2014 + 364 / 365),
        (dt.datetime(2014, 1, 1, 12), 2014 + 0.5 / 365),
        (dt.datetime(2014, 1, 1, 12, tzinfo=dt.UTC), 2014 + 0.5 / 365),
        (np.float32(2014.5), 2014.5),
        (np.int64(2014), 2014.0),
    ],
)
def test_a_time_is_a_number_of_years(when: object, want: float) -> None:
    assert year(when) == pytest.approx(want, abs=1e-12)


@pytest.mark.parametrize("when", ["soon", "", None, True, [2014], "2014-13-01"])
def test_anything_else_is_no_time(when: object) -> None:
    with pytest.raises(ScenarioError, match="is not a valid time"):
        year(when)


# -- nouns ------------------------------------------------------------------------------------------------------
def test_a_path_takes_dates() -> None:
    path = Schedule(("2015-01-01", dt.date(2016, 1, 1)), (1, 2))
    assert path.at == (2015.0, 2016.0)
    assert path.value == (1.0, 2.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (((2015, 2014), (1, 2)), "dates of a schedule must rise: 2015, 2014"),
        (((2015, 2015), (1, 2)), "must rise"),
        (((2015,), (1, 2)), "as many values as dates"),
        (((), ()), "at least one"),
        (((2015,), (1,), "spline"), "goes by 'spline'; it can go by 'step' or 'linear'"),
        (((2015,), ("big",)), "not a number"),
        (((2015,), (True,)), "not a number"),
        ((("soon",), (1,)), "not a valid time"),
    ],
)
def test_a_path_that_makes_no_sense(given: tuple, message: str) -> None:
    with pytest.raises(ScenarioError, match=message):
        Schedule(*given)


def test_a_scenario_is_frozen_and_checks_itself() -> None:
    scenario = Scenario("s", values={"a": dt.date(2020, 1, 1), "b": 3})
    assert scenario.values == {"a": 2020.0, "b": 3.0}
    with pytest.raises(TypeError):
        scenario.values["a"] = 1
    with pytest.raises(AttributeError):
        scenario.name = "t"
    with pytest.raises(ScenarioError, match="'a' both a value and a path"):
        Scenario("s", values={"a": 1}, paths={"a": Schedule((1,), (1,))})
    with pytest.raises(ScenarioError, match="'a b' both a value and a path"):
        Scenario("s", values={"a b": 1}, paths={"A_B": Schedule((1,), (1,))})
    with pytest.raises(ScenarioError, match="'a b' a value twice, the second time as 'A_B'"):
        Scenario("s", values={"a b": 1, "A_B": 2})
    with pytest.raises(ScenarioError, match="'a' a path twice"):
        Scenario("s", paths={"a": Schedule((1,), (1,)), "A": Schedule((1,), (1,))})
    for wrong in ("3", None, [1], True):
        with pytest.raises(ScenarioError, match="'a' is given"):
            Scenario("s", values={"a": wrong})
    assert pickle.loads(pickle.dumps(scenario)) == scenario


def test_values_go_on_top() -> None:
    base = Scenario("s", values={"a": 1, "b": 2}, paths={"c": Schedule((1, 2), (1, 2))})
    more = base.with_values({"b": 5, "c": 7})
    assert dict(more.values) == {"a": 1, "b": 5, "c": 7}
    assert dict(more.paths) == {}
    assert dict(base.values) == {"a": 1, "b": 2}
    assert base.with_values({"C": 7}).paths == {}
    assert base.with_values({}, name="t").name == "t"


# -- files ------------------------------------------------------------------------------------------------------
FILE = """
[scenarios."late exit"]
description = "Later."
values = { "exit start" = 2026-01-01, "exit duration" = 3 }
[scenarios.steps.paths]
"service programme" = { at = [2015-01-01, 2018.5], value = [1, 0.6] }
"market entry budget" = { at = [2015, 2020], value = [0, 20], between = "linear" }
"""


def test_a_description_is_a_text(tmp_path: File) -> None:
    file = tmp_path / "own.toml"
    file.write_text('[scenarios.late]\ndescription = ["a", "b"]\n')
    with pytest.raises(
        ScenarioError, match=r"own.toml: scenario 'late': .*description are texts, not 'late', \['a', 'b'\]"
    ):
        load_scenarios(file)


def test_scenarios_from_a_file(tmp_path: File) -> None:
    file = tmp_path / "own.toml"
    file.write_text(FILE, encoding="utf-8")
    found = load_scenarios(file)
    assert list(found) == ["late exit", "steps"]
    assert dict(found["late exit"].values) == {"exit start": 2026.0, "exit duration": 3.0}
    assert found["steps"].paths["service programme"] == Schedule((2015, 2018.5), (1, 0.6))
    assert found["steps"].paths["market entry budget"].between == "linear"
    run = sdmodel.load("policy").run(found["steps"], every=1)
    assert run["service programme"].loc[2018.0] == 1
    assert run["service programme"].loc[2019.0] == 0.6
    assert run["market entry budget"].loc[2017.0] == pytest.approx(8)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[scenarios.a]\nvalue = {}", r"own.toml: scenario 'a': There is no key 'value'. Nearest: values"),
        ("[scenarios.a.paths]\nx = { at = [1], val = [1] }", "no key 'val'"),
        ("[scenarios.a.paths]\nx = { at = [1] }", "needs both at and value"),
        ("[scenarios.a.paths]\nx = 3", "must be a table"),
        ("[scenarios]\na = 3", "'a' must be a table"),
        ("[scenarios.a]\nvalues = { x = 'big' }", "'x' is given 'big'"),
        ("[scenario.a]\nvalues = { x = 1 }", "no key 'scenario'. Nearest: scenarios"),
        ("[scenarios.a.paths]\nx = { at = [2, 1], value = [1, 1] }", "must rise"),
        ("[scenarios.a", "is not valid TOML"),
        ("[scenarios.a.paths]\nx = { at = 3, value = 1 }", "list"),
        ("[scenarios.a]\nvalues = 3", "table"),
        ("[scenarios.a]\npaths = 3", "table"),
        ("scenarios = 3", "table"),
    ],
)
def test_a_file_that_is_wrong(tmp_path: File, text: str, message: str) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError, match=message):
        load_scenarios(file)


def test_a_file_that_is_not_there(tmp_path: File) -> None:
    (tmp_path / "own.toml").touch()
    with pytest.raises(ScenarioError, match=r"no file .nowhere.toml.. Nearest: own.toml"):
        load_scenarios(tmp_path / "nowhere.toml")


# -- against a model --------------------------------------------------------------------------------------------
def test_every_shipped_scenario_runs_and_differs() -> None:
    model = sdmodel.load("shandong")
    assert len(model.scenarios) >= 8
    base = model.run(every=5)
    for name, scenario in model.scenarios.items():
        assert scenario.description
        run = model.run(scenario=name, every=5)
        assert run.scenario.name == name
        same = np.allclose(run["present value of public money"], base["present value of public money"], rtol=1e-6)
        assert same == (name == "no exit"), name


def test_names_and_ranges_are_checked_when_it_runs() -> None:
    model = sdmodel.load("policy")
    with pytest.raises(UnknownNameError, match="Nearest: exit start"):
        model.run(Scenario(values={"exit strat": 2020}))
    with pytest.raises(UnknownNameError, match="Nearest: exit start"):
        model.run(Scenario(paths={"exit strat": Schedule((2020,), (1,))}))
    with pytest.raises(RangeError, match=r"its range in policy\.mdl is 2015 to 2100"):
        model.run(Scenario(values={"exit start": 2010}))
    with pytest.raises(RangeError, match="'certification' is given 2"):
        model.run(Scenario(paths={"certification": Schedule((2015, 2020), (1, 2))}))
    with pytest.raises(OverrideError, match="not a constant"):
        model.run(Scenario(paths={"fiscal cost": Schedule((2015, 2020), (1, 2))}))
    with pytest.raises(UnknownNameError, match="no scenario"):
        sdmodel.load("shandong").run(scenario="never")


def test_the_shipped_file_names_only_what_is_there() -> None:
    assert set(load_scenarios(shipped("models") / "shandong.toml")) == set(sdmodel.load("shandong").scenarios)


# -- Vensim's changes files ---------------------------------------------------------------------------------------
CIN = """:COM found by the optimizer
contact rate = 0.2
trust time=4
CONTACT  RATE = .3e0

0.5 <= institution time = 2 <= 9 Years
"cost [CNY]"[north] = -1
stock[north, young] = 7
"""


def test_a_changes_file_is_a_scenario(tmp_path: File) -> None:
    (tmp_path / "late exit.cin").write_text(CIN, encoding="utf-8-sig")
    found = load_scenarios(tmp_path / "late exit.cin")
    assert list(found) == ["late exit"]
    values = found["late exit"].values
    assert values["trust time"] == 4
    assert values["institution time"] == 2
    assert values["cost [CNY][north]"] == -1
    assert values["stock[north,young]"] == 7
    assert [v for k, v in values.items() if k.lower().startswith("contact")] == [0.3]


def test_a_changes_file_runs_and_comes_back(tmp_path: File) -> None:
    model = sdmodel.load("network")
    scenario = Scenario("s", values={"contact rate": 0.1, "trust time": 3.5})
    (tmp_path / "s.cin").write_text(to_cin(scenario, model.equations), encoding="utf-8")
    again = load_scenarios(tmp_path / "s.cin")["s"]
    assert again == scenario
    assert model.run(scenario=again)["trust"].equals(model.run(scenario=scenario)["trust"])


@pytest.mark.parametrize(("text", "error", "message"), [
    ("x", ScenarioError, r"own.cin, line 1: 'x' is not of the form NAME = NUMBER"),
    ("y = 1\nx = 2,5", UnsupportedError, "line 2: several values for 'x'"),
    ("x = 1_000", ScenarioError, "'x' is given '1_000', which is not a number"),
    ("x = abc", ScenarioError, "'x' is given 'abc'"),
    ("x = 5 y = 6", ScenarioError, "'x' is given '5 y = 6'"),
    ("x[a] = 1, 2, 3", UnsupportedError, "several values for 'x'"),
    ("table(0,1,2,3)", UnsupportedError, "'table' is a lookup"),
    ("table((0,1),(2,3))", UnsupportedError, "'table' is a lookup"),
    ("name :IS: 'text'", UnsupportedError, "'name' is a string variable"),
    ("= 5", ScenarioError, "NAME = NUMBER"),
])  # fmt: skip
def test_a_changes_file_that_is_wrong(tmp_path: File, text: str, error: type[Exception], message: str) -> None:
    (tmp_path / "own.cin").write_text(text, encoding="utf-8")
    with pytest.raises(error, match=message):
        load_scenarios(tmp_path / "own.cin")


def test_the_last_day_of_the_calendar_is_a_time() -> None:
    assert year("9999-12-31") == 9999 + 364 / 365
    with pytest.raises(ScenarioError, match="too large"):
        year(10**400)
    with pytest.raises(ScenarioError, match="too large"):
        Scenario(values={"x": 10**400})


def test_a_constant_takes_a_value_over_time(tmp_path: File) -> None:
    path = tmp_path / "m.mdl"
    clock = "INITIAL TIME = 0 ~~|\nFINAL TIME = 4 ~~|\nTIME STEP = 1 ~~|\nSAVEPER = 1 ~~|\n"
    path.write_text("x = INTEG(rate, 0) ~~|\nrate = 1 ~~|\n" + clock)
    model = sdmodel.load(path)
    steps = pd.Series([0.5, 2.0], index=[0.0, 2.0])
    for value in (steps, sdmodel.Schedule((0, 2), (0.5, 2.0)), sdmodel.Path((0, 2), (0.5, 2.0))):
        assert model.run({"rate": value}, method="euler")["x"].tolist() == [0, 0.5, 1, 3, 5]
    straight = Scenario(values={"Rate": 3.0}).with_values({"rate": steps})
    assert not straight.values
    assert list(straight.paths) == ["rate"]
    assert straight.with_values({"RATE": 1.0}).values == {"RATE": 1.0}


@pytest.mark.parametrize(
    "value",
    [np.str_("2"), b"2", np.bytes_(b"2"), np.complex128(2), np.complex64(2), 2 + 0j, np.bool_(True),
     np.datetime64("30000-01-01"), np.datetime64("NaT", "D"), np.timedelta64(2, "D"), np.sin, np.dtype(float)],
)  # fmt: skip
def test_what_a_float_is_made_of_without_being_a_number_is_refused(value: object) -> None:
    """Numpy's text, truth values and complex numbers turn into floats."""
    with pytest.raises(ScenarioError, match=r"not a number|not a valid time"):
        Scenario("a", "", {"rate": value})
    with pytest.raises(ScenarioError):
        Schedule((0, value), (1, 2))
    with pytest.raises(ScenarioError):
        Schedule((0, 1), (1, value))


@pytest.mark.parametrize("value", [np.float32(2), np.int8(2), np.longdouble(2), np.float16(2), np.array(2.0)])
def test_numbers_of_numpy_are_numbers(value: float) -> None:
    assert Scenario("a", "", {"rate": value}).values["rate"] == 2
    assert Schedule((0, value), (1, value)).value == (1, 2)
    assert Schedule((0, value), (1, value)).at == (0, 2)
