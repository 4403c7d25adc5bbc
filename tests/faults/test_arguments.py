"""Bad arguments: each is one typed line that says what to give, and dates mean something where time counts years."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import DesignError, OverrideError, SdmodelError, UnknownNameError
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule

Make = Callable[..., sdmodel.Model]
NAN, INF = float("nan"), float("inf")
TEXT = """
x = INTEG(rate*x + y, 1) ~ Dmnl ~ [outcome] |
y = STEP(1, d) ~ 1/Year ~ |
rate = 0.1 ~ 1/Year ~ |
d = 3 ~ Year ~ |
"""
TWO = [{"rate": 0.1}, {"rate": 0.2}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("arguments")


def made(folder: Path, unit: str = "Year", **control: Any) -> sdmodel.Model:
    times = {"INITIAL TIME": 0, "FINAL TIME": 10, "TIME STEP": 1, "SAVEPER": 1, **control}
    path = folder / f"m{abs(hash((unit, repr(control))))}.mdl"
    path.write_text(TEXT + "\n".join(f"{name} = {value} ~ {unit} ~ |" for name, value in times.items()))
    return sdmodel.load(path)


@pytest.fixture(scope="module")
def model(folder: Path) -> sdmodel.Model:
    return made(folder)


def refused(call: Callable[[], object]) -> None:
    with pytest.raises(SdmodelError) as caught:
        call()
    text = str(caught.value)
    assert text
    assert "\n" not in text
    assert len(text) < 500


RUN = {
    "method": [4, "", "RK5", ["euler"]],
    "every": [0, -1, NAN, INF, "a", [1, 99], [], 1e-12, True, dt.date(2000, 1, 1)],
    "rtol": [-1, 0, NAN, INF, "a", 2.0, True, None, 1e-20],
    "seed": [-1, 2**70, 1.5, "a", NAN, True],
    "initial": [4, "a", {"x": 1}],
    "scenario": [4, "nope", {"a": 1}, []],
    "data": [4, "a", {"q": 1}, {"d": ([1], [2])}],
    "values": [
        4, "rate", [1], {"rate": "a"}, {"rate": None}, {"rate": NAN}, {"rate": 1j}, {"rate": [1, 2]}, {"rate": True},
        {0: 1}, {None: 1}, {(1, 2): 3}, {"": 1}, {"rate[": 1}, {"x": NAN}, {"y": 1}, {"d": "soon"}, {"d": dt.time(1)},
        {"rate": dt.timedelta(1)}, {"rate": np.array([1.0, 2.0])}, {"rate": np.timedelta64(1, "D")}, {"rate": "0.5"},
        {"TIME STEP": -1}, {"TIME STEP": 0}, {"TIME STEP": 1e-12}, {"FINAL TIME": -5}, {"FINAL TIME": 1e300},
        {"INITIAL TIME": 1e17}, {"SAVEPER": 0}, {"rate": 10**400},
    ],
}  # fmt: skip
SWEEP = {
    **{name: RUN[name] for name in ("every", "seed", "scenario")},
    "rtol": [x for x in RUN["rtol"] if x is not None],
    "method": [4, "", "RK5"],
    "workers": [-1, 0, 1.5, "a", True],
    "certificate": [-1, 1.5, "a"],
    "progress": [3],
    "data": [4, {"q": 1}],
    "outputs": [4, "x", [], [4], ["nope"], ["rate"], [None]],
    "store": [4, ""],
    "client": [4],
}
DESIGNS: dict[str, Any] = {
    "empty": pd.DataFrame(), "no rows": pd.DataFrame({"rate": []}), "a column named 0": pd.DataFrame({0: [1.0]}),
    "strings": pd.DataFrame({"rate": ["a", "b"]}), "text": pd.DataFrame({"rate": ["0.1", "0.2"]}),
    "twice": pd.DataFrame([[1.0, 2.0]], columns=["rate", "rate"]), "none": None, "four": 4, "name": "rate",
    "list": [], "numbers": [1, 2], "gaps": [{"rate": 1}, {"d": 2}], "scalar": {"rate": 0.1},
    "empty axis": {"rate": [1], "d": []},
    "durations": pd.DataFrame({"d": pd.to_timedelta([1, 2])}), "complex": pd.DataFrame({"rate": [1j, 2j]}),
    "infinite": pd.DataFrame({"rate": [INF, 1]}), "missing": pd.DataFrame({"rate": [NAN, 1]}),
    "array": np.zeros((2, 2)),
    "unknown": pd.DataFrame({"ratee": [1]}), "periods": pd.DataFrame({"d": pd.period_range("2000", "2001", freq="Y")}),
    "two headers": pd.DataFrame([[1.0]], columns=pd.MultiIndex.from_tuples([("rate", "a")])),
    "nullable": pd.DataFrame({"rate": pd.array([0.1, None])}), "series": pd.Series([0.1]),
    "step": pd.DataFrame({"TIME STEP": [-1.0]}), "end": pd.DataFrame({"FINAL TIME": [-5.0]}),
    "start": pd.DataFrame({"INITIAL TIME": [1e17]}),
    "no sample": pd.DataFrame({"rate": [0.1, 0.2], "sample": [NAN, 1]}),
    "huge": pd.DataFrame({"rate": [10**400]}, dtype=object),
    "no date": pd.DataFrame({"d": [pd.NaT, pd.Timestamp("2000")]}),
}  # fmt: skip
OUTCOMES = [
    {"at": "soon"}, {"at": None}, {"at": NAN}, {"at": True}, {"at": [1]}, {"at": 1j}, {"at": 99}, {"start": "a"},
    {"start": 5, "end": 2}, {"at": "first_above"}, {"at": "max", "level": 3}, {"at": "first_above", "level": "a"},
    {"at": "first_above", "level": NAN}, {"at": "max", "start": NAN}, {"at": "max", "start": 20},
    {"at": "mean", "start": 10, "end": 10}, {"at": "9999-12-31"}, {"variable": 4}, {"variable": "nope"},
]  # fmt: skip
SCENARIOS = [
    ("a", "b", {"x": "y"}), (4,), ("a", 4), ("a", "b", 4), ("a", "b", {"rate": 1}, 4), ("a", "b", {}, {"rate": 4}),
    ("a", "b", {4: 1}), ("a", "b", {"rate": NAN}), ("a", "b", {"rate": 1}, {"rate": Schedule((1,), (1,))}),
]  # fmt: skip
SCHEDULES = [
    ((), ()), ((1,), (1, 2)), (("a",), (1,)), ((2, 1), (1, 2)), ((1, 2), ("a", "b")), (4, 5), ("2000", "12"),
    ((None,), (1,)),
    ((1, NAN), (1, 2)), ((1, 2), (1, NAN)), ((1, INF), (1, 2)), ((1,), (1,), "cubic"), ((1,), (1,), 4),
]  # fmt: skip
TIMES = {
    "start": {"INITIAL TIME": 1e17, "FINAL TIME": 1e17 + 100}, "step": {"TIME STEP": -1}, "zero": {"TIME STEP": 0},
    "end": {"FINAL TIME": -1}, "far": {"FINAL TIME": 1e18}, "saveper": {"SAVEPER": -1},
}  # fmt: skip
RANGES: list[Any] = [
    None, 4, "a", [], {}, ["rate"], {"rate": (1,)}, {"rate": ("a", "b")}, {"rate": (2, 1)}, {"rate": 4}, {0: (1, 2)},
    {"rate": (0, INF)}, pd.DataFrame(), pd.DataFrame({"low": [0.0]}, index=["rate"]),
]  # fmt: skip
SAMPLERS = (sdmodel.latin_hypercube, sdmodel.sobol_sequence, sdmodel.morris_trajectories)


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, values in RUN.items() for v in values], ids=lambda x: repr(x)[:30]
)
def test_run(model: sdmodel.Model, name: str, value: Any) -> None:
    refused(lambda: model.run(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"), [(n, v) for n, values in SWEEP.items() for v in values], ids=lambda x: repr(x)[:30]
)
def test_sweep(model: sdmodel.Model, name: str, value: Any) -> None:
    refused(lambda: model.sweep(TWO, **{"outputs": ["x"], name: value}))


@pytest.mark.parametrize(("name", "instead"), [
    ("params", "Constants come first"), ("return_columns", r"\[\['a', 'b'\]\]"), ("final_time", "'FINAL TIME'"),
    ("initial_condition", "Values of stocks"), ("return_timestamps", "every="), ("metod", "Nearest: method"),
])  # fmt: skip
def test_arguments_of_other_programs(model: sdmodel.Model, name: str, instead: str) -> None:
    with pytest.raises(UnknownNameError, match=instead):
        model.run(**{name: 1})
    refused(lambda: model.sweep(TWO, **{name: 1}))


@pytest.mark.parametrize("name", DESIGNS)
def test_design(model: sdmodel.Model, name: str) -> None:
    refused(lambda: model.sweep(DESIGNS[name], ["x"]))


@pytest.mark.parametrize("given", OUTCOMES, ids=repr)
def test_outcome(model: sdmodel.Model, given: dict[str, Any]) -> None:
    refused(lambda: sdmodel.Outcome(**{"variable": "x", **given}).of(model.run()))


ODD: list[Any] = [
    None, 0, -1, 1.5, NAN, INF, 10**400, True, 1j, "", "x", "nope", "x[a]", b"x", [], [None], ["x", "x"], {},
    {"x": None}, {"rate": (1, 0)}, {0: 1}, (), set(), range(3), slice(1), ..., object(), type, np.array([]),
    np.zeros((2, 2)), np.datetime64("NaT", "D"), pd.NaT, pd.DataFrame(), pd.Series(dtype=float), xr.Dataset(),
    dt.datetime.max, lambda t: t,
    sdmodel.Outcome("x"),
]  # fmt: skip
USES: dict[str, Callable[[Any, Any, Any], object]] = {
    "state": lambda m, r, v: r.state(at=v), "item": lambda m, r, v: r[v], "unit": lambda m, r, v: r.unit(v),
    "to_csv": lambda m, r, v: r.to_csv(v), "to_excel": lambda m, r, v: r.to_excel(v),
    "variable": lambda m, r, v: m[v], "causes": lambda m, r, v: m.causes(v), "uses": lambda m, r, v: m.uses(v),
    "scenario": lambda m, r, v: m.scenario(v), "parameters": lambda m, r, v: m.parameters(v),
    "replace": lambda m, r, v: m.replace(v, 1), "replaced by": lambda m, r, v: m.replace("y", v),
    "replaced in": lambda m, r, v: m.replace("x", "1", in_equation_of=v), "add": lambda m, r, v: m.add(v, 1),
    "added": lambda m, r, v: m.add("new", v), "added unit": lambda m, r, v: m.add("new", 1, unit=v),
    "added text": lambda m, r, v: m.add("new", 1, documentation=v), "cut": lambda m, r, v: m.cut(v, "x"),
    "cut from": lambda m, r, v: m.cut("x", v), "with_ranges": lambda m, r, v: m.with_ranges(v),
    "write": lambda m, r, v: m.write(v), "until": lambda m, r, v: m.stepper().step(until=v),
    "set": lambda m, r, v: m.stepper().step(set=v), "stepper": lambda m, r, v: m.stepper(v),
    "to_ema": lambda m, r, v: m.to_ema(v), "compose": lambda m, r, v: sdmodel.compose(v, {"a": m}),
    "composed": lambda m, r, v: sdmodel.compose("n", v),
    "stand_ins": lambda m, r, v: sdmodel.compose("n", {"a": m}, stand_ins=v),
    "scenarios": lambda m, r, v: sdmodel.compose("n", {"a": m}, scenarios=v),
    "compare": lambda m, r, v: sdmodel.compare(v, r), "compare with": lambda m, r, v: sdmodel.compare(r, v),
    "load": lambda m, r, v: sdmodel.load(v), "data_files": lambda m, r, v: sdmodel.load("adoption", data_files=v),
    "load_scenarios": lambda m, r, v: sdmodel.load_scenarios(v), "load state": lambda m, r, v: sdmodel.State.load(v),
    "save state": lambda m, r, v: r.state().save(v), "open_sweep": lambda m, r, v: sdmodel.open_sweep(v),
    "initial": lambda m, r, v: m.run(initial=v), "across": lambda m, r, v: sdmodel.Outcome("x", across=v).of(r),
    "reference": lambda m, r, v: sdmodel.Outcome("x", reference=v).of(r),
    "level": lambda m, r, v: sdmodel.Outcome("x", at="first_above", level=v).of(r),
    "interest": lambda m, r, v: sdmodel.Outcome("x", at="present_value", rate=v).of(r),
    "parse": lambda m, r, v: sdmodel.Outcome.parse(v), "policies": lambda m, r, v: m.sweep([{}], ["x"], policies=v),
    "values of a scenario": lambda m, r, v: Scenario("n", "", v), "dates": lambda m, r, v: Schedule(v, (1, 2)),
    "values of a schedule": lambda m, r, v: Schedule((1, 2), v),
}  # fmt: skip


@pytest.mark.parametrize("name", USES)
# Odd units warn as they should; what the workbench lacks is its own affair.
@pytest.mark.filterwarnings("ignore::sdmodel.core.errors.UnitsWarning", "ignore:ipyparallel not installed:UserWarning")
def test_whatever_is_given_is_used_or_refused(
    model: sdmodel.Model, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = model.run()
    for value in (*ODD, model):
        try:
            USES[name](model, run, value)
        except SdmodelError as error:
            if "\n" in str(error) and not isinstance(value, str):
                pytest.fail(f"{value!r}: {error}")
        except Exception as error:
            raise AssertionError(f"{value!r}: {type(error).__name__}") from error


@pytest.mark.parametrize("result", [4, None, "x"])
def test_what_an_outcome_is_taken_of(result: Any) -> None:
    refused(lambda: sdmodel.Outcome("x").of(result))


@pytest.mark.parametrize("given", SCENARIOS, ids=lambda x: repr(x)[:40])
def test_scenario(model: sdmodel.Model, given: tuple[Any, ...]) -> None:
    refused(lambda: model.run(scenario=Scenario(*given)))


@pytest.mark.parametrize("given", SCHEDULES, ids=repr)
def test_schedule(given: tuple[Any, ...]) -> None:
    refused(lambda: Schedule(*given))


@pytest.mark.parametrize("name", TIMES)
def test_time_settings(folder: Path, name: str) -> None:
    model = made(folder, **TIMES[name])
    refused(model.run)
    refused(lambda: model.run(method="euler"))
    refused(lambda: model.sweep(TWO, ["x"]))


@pytest.mark.parametrize("name", [4, None, b"network", ["network"]], ids=repr)
def test_load(name: Any) -> None:
    refused(lambda: sdmodel.load(name))


@pytest.mark.parametrize("name", [4, None, ["not there"], ("x", "y"), slice(2)], ids=repr)
def test_variable(model: sdmodel.Model, name: Any) -> None:
    run = model.run()
    refused(lambda: model[name])
    refused(lambda: run[name])


def test_a_constant_given_twice(model: sdmodel.Model) -> None:
    refused(lambda: model.run({"rate": 0.1, "Rate": 0.2}))


@pytest.mark.parametrize("place", [4, None, "", "nope", b"a", "a\0b"], ids=repr)
def test_open_sweep(place: Any) -> None:
    refused(lambda: sdmodel.open_sweep(place))


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda f: f.__name__)
def test_samplers(sampler: Any) -> None:
    good = {"rate": (0.0, 1.0)}
    for parameters in RANGES:
        refused(lambda parameters=parameters: sampler(parameters, 4))
    for n in (0, -1, 1.5, "a", None, True, 10**30):
        refused(lambda n=n: sampler(good, n))
    for rng in (-1, "a", 1.5, 2**70):
        refused(lambda rng=rng: sampler(good, 4, rng=rng))
    assert sampler(good, 4, rng=1)["rate"].between(0, 1).all()
    assert sampler({"num_vars": 1, "names": ["rate"], "bounds": [[2, 3]]}, 4, rng=1)["rate"].between(2, 3).all()


@pytest.mark.parametrize(
    "levels", [None, 4, {}, [1], {"a": 4}, {"a": []}, {"a": "ab"}, {"a": ["b"]}, {"a": [None]}, {"a": [1j]}, {0: [1]},
               {"a": [INF]}], ids=repr,
)  # fmt: skip
def test_grid(levels: Any) -> None:
    refused(lambda: sdmodel.grid(levels))


def test_pair() -> None:
    refused(lambda: sdmodel.pair(pd.DataFrame({"a": [1]}), 4))
    refused(lambda: sdmodel.pair(None, pd.DataFrame({"a": [1]})))


def test_a_mapping_from_names_to_lists_is_a_design(model: sdmodel.Model) -> None:
    swept = model.sweep({"rate": [0.1, 0.2], "d": [1, 2]}, ["x"])
    assert swept["rate"].to_numpy().tolist() == [0.1, 0.2]


# -- dates ------------------------------------------------------------------------------------------------------
DATE, NUMBER = dt.date(2005, 7, 2), 2005 + 182 / 365
YEARS = {"INITIAL TIME": 2000, "FINAL TIME": 2010}


@pytest.mark.parametrize(
    "column", [[DATE, DATE], pd.to_datetime([DATE, DATE]), [str(DATE), DATE], np.array([DATE, DATE], "datetime64[D]")],
    ids=["dates", "timestamps", "texts", "numpy"],
)  # fmt: skip
def test_a_design_column_of_dates_is_a_column_of_years(folder: Path, column: Any) -> None:
    model = made(folder, **YEARS)
    design = pd.DataFrame({"d": column})
    swept = model.sweep(design, ["x"])
    assert swept["d"].to_numpy().tolist() == [NUMBER, NUMBER]
    assert np.array_equal(swept["x"], model.sweep([{"d": NUMBER}] * 2, ["x"])["x"])
    assert design["d"].tolist() == pd.DataFrame({"d": column})["d"].tolist()
    with pytest.raises(OverrideError, match=r"unit of time of .* is Day"):
        made(folder, unit="Day", **YEARS).sweep(design, ["x"])


def test_dates_are_refused_where_time_does_not_count_years(folder: Path) -> None:
    years, days, bare = (made(folder, unit=unit, **YEARS) for unit in ("Year", "Day", ""))
    path = Scenario(paths={"rate": Schedule((DATE, 2007), (0.1, 0.2))})
    outcome = sdmodel.Outcome("x", at=DATE)
    for model in (years, bare):
        assert model.run({"d": DATE}) == model.run({"d": NUMBER})
        assert model.run({"FINAL TIME": DATE}).time[-1] == NUMBER
        model.run(scenario=path)
        assert float(outcome.of(model.run())) == pytest.approx(float(sdmodel.Outcome("x", at=NUMBER).of(model.run())))
    for call in (
        lambda: days.run({"d": DATE}),
        lambda: days.run({"FINAL TIME": str(DATE)}),
        lambda: days.run(scenario=path),
        lambda: days.run(scenario=Scenario(values={"d": DATE})),
        lambda: days.sweep(sdmodel.grid({"d": [DATE]}), ["x"]),
        lambda: days.sweep(sdmodel.pair(pd.DataFrame({"rate": [0.1]}), sdmodel.grid({"d": [DATE]})), ["x"]),
        lambda: outcome.of(days.run()),
        lambda: outcome.of(days.sweep(TWO, ["x"])),
        lambda: made(folder, unit="").run({"d": DATE}),
    ):
        with pytest.raises((OverrideError, DesignError), match="unit of time"):
            call()


def test_series_with_dates_need_years_too(model_from: Make) -> None:
    text = "x = INTEG(d, 0) ~ Dmnl ~ [outcome] |\nd ~ 1/Year ~ |"
    times = pd.to_datetime(["2000-01-01", "2010-01-01"])
    model = model_from(text, start=2000, end=2010)
    series = pd.Series([0.0, 1.0], times)
    assert model.run(data={"d": series})["x"].iloc[-1] == pytest.approx(5, rel=1e-6)
    data = xr.Dataset({"d": ("time", [0.0, 1.0])}, {"time": times})
    assert float(model.sweep([{}], ["x"], data=data)["x"][0, -1]) == pytest.approx(5, rel=1e-6)
