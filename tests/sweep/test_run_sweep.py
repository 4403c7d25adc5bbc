"""Sweeps: equal to single runs whatever the chunks and workers, failures marked, everything labelled."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import BrokenExecutor, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import (
    DesignError,
    OverrideError,
    RangeError,
    ResultWarning,
    SolveError,
    UnknownNameError,
    UnsupportedError,
)
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.design.tables import read_rows
from sdmodel.sweep import backends
from sdmodel.sweep.backends import chunk_rows
from sdmodel.sweep.plan import make_plan

Make = Callable[..., sdmodel.Model]

TEXT = """
level = INTEG(inflow - rate*level, 1) ~ firm ~ How many. [outcome] |
inflow = STEP(height, date) ~ firm/Year ~ What comes in. |
rate = 0.3 ~ 1/Year [0,2] ~ Loss. [uncertainty] |
height = 2 ~ firm/Year [0,5] ~ Size. [lever] |
date = 4 ~ Year [0,10] ~ Date. [lever] |
other = INTEG(rate, 0) ~ Dmnl ~ Another. |
"""
ARRAY = """
place: north, south ~~|
sort: a, b, c ~~|
size[place] = 1, 2 ~ Dmnl [0,9] ~ [lever] |
x[place] = INTEG(size[place], 0) ~ Dmnl ~ |
y[place, sort] = x[place]*weight[sort] ~ Dmnl ~ |
part[north, sort] = x[north]*weight[sort] ~ Dmnl ~ |
weight[sort] = 1, 10, 100 ~ Dmnl ~ |
"""


@pytest.fixture
def model(model_from: Make) -> sdmodel.Model:
    return model_from(TEXT)


def design(runs: int = 40) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    return pd.DataFrame(
        {"rate": rng.uniform(0, 2, runs), "date": rng.uniform(0, 10, runs), "sample": np.arange(runs) + 100}
    )


@pytest.mark.parametrize("method", ["LSODA", "exact", "euler", "rk4"])
def test_a_sweep_equals_single_runs(model: sdmodel.Model, method: str) -> None:
    table = design(20)
    found = model.sweep(table, ["level", "inflow"], method=method, every=0.5, rtol=1e-7, workers=1, certificate=0)
    for i, row in table.iterrows():
        run = model.run({"rate": row["rate"], "date": row["date"]}, method=method, every=0.5, rtol=1e-7)
        for name in ("level", "inflow"):
            assert np.array_equal(found[name].isel(run=i), run[name])
    assert found["time"].to_numpy().tolist() == run.time.tolist()


def test_the_number_of_workers_changes_nothing(model: sdmodel.Model) -> None:
    table = design(40)
    one, two = (model.sweep(table, ["level"], every=1, workers=n) for n in (1, 2))
    xr.testing.assert_identical(one, two)


def test_a_result_does_not_hang_on_its_neighbours(model: sdmodel.Model) -> None:
    table = design(40)
    whole = model.sweep(table, ["level"], every=1, workers=1)
    turned = model.sweep(table.iloc[::-1], ["level"], every=1, workers=1)
    assert np.array_equal(whole["level"], turned["level"][::-1])


def test_the_model_and_the_design_are_left_as_they_were(model: sdmodel.Model) -> None:
    table = design(3)
    before, mark = table.copy(), model.fingerprint
    model.sweep(table, workers=1)
    pd.testing.assert_frame_equal(table, before)
    assert model.fingerprint == mark


# -- shape and labels -------------------------------------------------------------------------------------------
def test_dims_coordinates_units_and_record(model: sdmodel.Model) -> None:
    table = design(3).assign(setting="early")
    found = model.sweep(table, every=1, workers=1)
    assert list(found.data_vars) == ["level"]  # the only outcome
    assert found["level"].dims == ("run", "time")
    assert found["level"].attrs["unit"] == "firm"
    assert found["level"].attrs["sentence"] == "How many."
    for column in table:
        assert found[column].dims == ("run",)
        assert column not in found.dims
        assert found[column].to_numpy().tolist() == table[column].tolist()
    assert found["status"].to_numpy().tolist() == [0, 0, 0]
    for word in (
        "model",
        "model_hash",
        "scenario",
        "design_hash",
        "method",
        "rtol",
        "sdmodel",
        "python",
        "numpy",
        "scipy",
        "rng",
    ):
        assert word in found.attrs, word
    assert found.attrs["sdmodel"] == sdmodel.__version__
    assert found.attrs["model_hash"] == model.fingerprint
    assert found.attrs["method"] == "exact"
    assert found.attrs["dates"] == "exact"
    assert found.attrs["failed"] == 0


def test_a_result_is_what_the_public_constructor_makes(model_from: Make) -> None:
    model = sdmodel.load("network")
    design = sdmodel.latin_hypercube(model.uncertainties, 3, rng=1).assign(sample=[4, 5, 6], setting=["a", "b", "c"])
    found = model.sweep(design, ["trust"], every=5)
    again = xr.Dataset(dict(found.data_vars), dict(found.coords), found.attrs)
    xr.testing.assert_identical(found, again)
    assert found.sizes == again.sizes
    assert set(found.xindexes) == set(again.xindexes) == {"run", "time"}
    assert float(found["trust"].sel(run=1, time=2014)) == float(found["trust"][1, 1])
    named = model_from("status = INTEG(k, 0) ~ ~ |\nk = 1 ~ ~ |")
    with pytest.raises(DesignError, match="'status' names a coordinate"):
        named.sweep([{"k": 2.0}], ["status"])


def test_the_record_tells_designs_and_models_apart(model: sdmodel.Model) -> None:
    one = model.sweep(design(3), workers=1).attrs
    other = model.sweep(design(3).assign(rate=0.1), workers=1).attrs
    changed = model.replace("height", 3).sweep(design(3), workers=1).attrs
    assert one["design_hash"] == model.sweep(design(3), workers=1).attrs["design_hash"]
    assert one["design_hash"] != other["design_hash"]
    assert one["model_hash"] == other["model_hash"] != changed["model_hash"]
    sampled = sdmodel.latin_hypercube(model.uncertainties, 3, rng=11)
    assert model.sweep(sampled, workers=1).attrs["rng"] == "11"
    paired = sdmodel.pair(sampled, sdmodel.grid({"date": [1, 2]}))
    assert model.sweep(paired, workers=1).attrs["rng"] == "11"


def test_without_outcomes_the_stocks_are_kept(model_from: Make) -> None:
    found = model_from(TEXT.replace("[outcome]", "")).sweep([{"rate": 0.1}], workers=1)
    assert list(found.data_vars) == ["level", "other"]


def test_subscripted_outputs_get_their_ranges_as_dimensions(model_from: Make) -> None:
    model = model_from(ARRAY)
    table = pd.DataFrame({"size[south]": [5.0, 6.0]})
    found = model.sweep(table, ["x", "y", "part"], every=5, workers=1)
    assert found["x"].dims == ("run", "time", "place")
    assert found["y"].dims == ("run", "time", "place", "sort")
    assert found["place"].to_numpy().tolist() == ["north", "south"]
    assert found["y"].sel(place="south", sort="c", time=10).to_numpy() == pytest.approx([5000, 6000])
    assert found["y"].sel(place="north", sort="b", time=10).to_numpy() == pytest.approx([100, 100])
    assert found["part"].sizes["sort"] == 3
    assert found["part"].isel(time=-1).squeeze().sel(sort="b").to_numpy() == pytest.approx([100, 100])
    everywhere = model.sweep(pd.DataFrame({"size": [4.0]}), ["x"], every=5, workers=1)
    assert everywhere["x"].isel(run=0, time=-1).to_numpy() == pytest.approx([40, 40])


def test_a_list_of_mappings_is_a_design(model: sdmodel.Model) -> None:
    found = model.sweep([{"rate": 0.1, "date": 1}, {"rate": 0.2, "date": 2}], workers=1)
    assert found["rate"].to_numpy().tolist() == [0.1, 0.2]


def test_a_name_may_be_spelled_otherwise(model: sdmodel.Model) -> None:
    found = model.sweep(pd.DataFrame({"RATE": [0.1, 1.0]}), ["Level"], workers=1)
    assert list(found.data_vars) == ["level"]
    assert found["level"].isel(time=-1).diff("run").item() < -1


# -- scenarios --------------------------------------------------------------------------------------------------
def test_a_scenario_lies_under_all_rows(model: sdmodel.Model) -> None:
    scenario = Scenario("big", values={"height": 4, "rate": 1})
    found = model.sweep([{"rate": 0.1}, {"rate": 0.2}], scenario=scenario, workers=1)
    want = [model.run({"height": 4, "rate": r}, method="exact")["level"].iloc[-1] for r in (0.1, 0.2)]
    assert found["level"].isel(time=-1).to_numpy().tolist() == want
    assert found.attrs["scenario"] == "big"


def test_a_path_holds_for_every_run_and_cannot_vary(model: sdmodel.Model) -> None:
    scenario = Scenario("steps", paths={"height": Schedule((0, 5), (1, 3))})
    found = model.sweep([{"date": 2.0}], ["inflow"], scenario=scenario, every=1, workers=1)
    assert found["inflow"].isel(run=0).to_numpy().tolist() == [0, 0, 1, 1, 1, 3, 3, 3, 3, 3, 3]
    with pytest.raises(OverrideError, match="'height' follows a path in scenario 'steps'"):
        model.sweep([{"height": 1.0}], scenario=scenario, workers=1)


# -- failures ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("workers", [1, 2])
def test_a_failed_run_is_marked_and_the_rest_stand(model_from: Make, workers: int) -> None:
    model = model_from(
        "x = INTEG(drain, 1) ~ Dmnl ~ |\ndrain = 1/(date-Time) ~ Dmnl ~ |\n"
        "root = SQRT(date-Time) ~ Dmnl ~ |\ndate = 20 ~ Year [0,30] ~ |"
    )
    dates = [20.0] * 20 + [5.0] + [25.0] * 20
    found = model.sweep([{"date": d} for d in dates], ["x", "root"], method="exact", workers=workers)
    assert found["status"].to_numpy().tolist() == [int(d == 5) for d in dates]
    message = found["message"].to_numpy()
    assert "time 5" in message[20]
    assert "'x'" in message[20] or "'drain'" in message[20]
    assert found["x"].isel(run=20).isnull().all()
    assert found["root"].isel(run=20).isnull().all()
    assert found["x"].drop_isel(run=20).notnull().all()
    assert message[19] == message[21] == ""
    assert found["x"].isel(run=19, time=-1).item() == pytest.approx(1 + np.log(2), abs=1e-6)


def test_an_output_that_is_not_finite_fails_its_run(model_from: Make) -> None:
    model = model_from("x = INTEG(1, 1) ~ Dmnl ~ |\nroot = SQRT(date-Time) ~ Dmnl ~ |\ndate = 20 ~ Year [0,30] ~ |")
    found = model.sweep([{"date": 20.0}, {"date": 6.5}], ["x", "root"], workers=1)
    assert found["status"].to_numpy().tolist() == [0, 1]
    assert found["message"].to_numpy()[1] == "'root' is not finite at time 7."


# -- what is refused --------------------------------------------------------------------------------------------
def test_an_empty_design_is_refused(model: sdmodel.Model) -> None:
    for empty in ([], pd.DataFrame({"rate": []})):
        with pytest.raises(DesignError, match="no rows"):
            model.sweep(empty)


def test_a_column_twice_is_refused(model: sdmodel.Model, model_from: Make) -> None:
    with pytest.raises(DesignError, match="column 'rate' twice"):
        model.sweep(pd.DataFrame([[1.0, 1.0]], columns=["rate", "rate"]))
    with pytest.raises(DesignError, match="'rate' and 'Rate' of the design both set 'rate'"):
        model.sweep(pd.DataFrame([[1.0, 2.0]], columns=["rate", "Rate"]))
    array = model_from(ARRAY, name="array")
    with pytest.raises(DesignError, match=r"both set 'size\[south\]'"):
        array.sweep(pd.DataFrame({"size": [1.0], "size[south]": [2.0]}), ["x"])


def test_unknown_names_are_answered_with_the_nearest(model: sdmodel.Model) -> None:
    with pytest.raises(UnknownNameError, match="Nearest: rate"):
        model.sweep([{"rat": 1.0}])
    with pytest.raises(UnknownNameError, match="Nearest: level"):
        model.sweep([{"rate": 1.0}], ["levle"])
    with pytest.raises(UnknownNameError, match="no method 'euller'"):
        model.sweep([{"rate": 1.0}], method="euller")
    with pytest.raises(OverrideError, match="not a constant"):
        model.sweep([{"inflow": 1.0}])


def test_values_outside_the_range_are_refused_with_row_and_range(model: sdmodel.Model) -> None:
    with pytest.raises(RangeError, match=r"Row 1 of the design gives 'rate' 3; its range in mini.mdl is 0 to 2 1/Year"):
        model.sweep([{"rate": 1.0}, {"rate": 3.0}])


@pytest.mark.parametrize("value", [np.nan, np.inf, "much", None])
def test_values_that_are_no_numbers_are_refused(model: sdmodel.Model, value: object) -> None:
    with pytest.raises(DesignError, match="Row 1 of the design gives 'rate'"):
        model.sweep(pd.DataFrame({"rate": [1.0, value]}))


def test_outputs_are_a_list_of_things_with_a_path(model: sdmodel.Model) -> None:
    with pytest.raises(DesignError, match=r"outputs=\['level'\]"):
        model.sweep([{"rate": 1.0}], "level")
    with pytest.raises(DesignError, match="at least one output"):
        model.sweep([{"rate": 1.0}], [])
    with pytest.raises(OverrideError, match="'height' is a constant"):
        model.sweep([{"rate": 1.0}], ["height"])


def test_time_settings_cannot_vary_but_can_be_set(model: sdmodel.Model) -> None:
    with pytest.raises(OverrideError, match="FINAL TIME cannot vary"):
        model.sweep([{"FINAL TIME": 5.0}, {"FINAL TIME": 6.0}])
    found = model.sweep([{"FINAL TIME": 5.0}, {"FINAL TIME": 5.0}], workers=1)
    assert found["time"].to_numpy()[-1] == 5


def test_the_order_of_a_delay_cannot_vary(model_from: Make) -> None:
    model = model_from("x = DELAY N(Time, 2, 0, n) ~ Dmnl ~ |\nn = 3 ~ Dmnl [1,9] ~ |")
    with pytest.raises(OverrideError, match="'n' is the order of a delay"):
        model.sweep([{"n": 3}, {"n": 4}], ["x"])


# -- data -------------------------------------------------------------------------------------------------------
DATA = "x = INTEG(given*rate, 0) ~ Dmnl ~ |\ngiven ~ Dmnl ~ |\nrate = 1 ~ Dmnl [0,9] ~ |"


def test_each_run_takes_its_own_series(model_from: Make) -> None:
    model = model_from(DATA)
    values = np.array([[0.0, 2.0], [1.0, 1.0], [4.0, 0.0]])
    data = xr.Dataset({"given": (("run", "time"), values)}, {"time": [0.0, 10.0]})
    table = pd.DataFrame({"rate": [1.0, 2.0, 3.0]})
    found = model.sweep(table, ["x"], data=data, workers=1)
    assert found["x"].isel(time=-1).to_numpy() == pytest.approx([10, 20, 60])
    for i in range(3):
        single = model.run({"rate": table["rate"][i]}, data={"given": ([0.0, 10.0], values[i])}, method="exact")
        assert np.array_equal(single["x"], found["x"].isel(run=i))
    shared = model.sweep(table, ["x"], data=data.isel(run=0), workers=1)
    assert shared["x"].isel(time=-1).to_numpy() == pytest.approx([10, 20, 30])


def test_series_that_do_not_fit_are_refused(model_from: Make, model: sdmodel.Model) -> None:
    own = model_from(DATA, name="own")
    table = pd.DataFrame({"rate": [1.0, 2.0]})
    data = xr.Dataset({"given": (("run", "time"), np.ones((3, 2)))}, {"time": [0.0, 10.0]})
    with pytest.raises(OverrideError, match="'given' has no series"):
        own.sweep(table, ["x"])
    with pytest.raises(DesignError, match="has 3 runs; the design has 2"):
        own.sweep(table, ["x"], data=data)
    with pytest.raises(UnknownNameError, match="no data variable 'gift'"):
        own.sweep(table, ["x"], data=data.isel(run=0).assign(gift=("time", [1.0, 2.0])))
    with pytest.raises(DesignError, match="times of data= must rise"):
        own.sweep(table, ["x"], data=data.isel(run=0).assign_coords(time=[1.0, 0.0]))
    with pytest.raises(UnknownNameError, match="no data variable 'given'"):
        model.sweep(table, data=data.isel(run=0))


# -- progress ---------------------------------------------------------------------------------------------------
def test_a_progress_bar_is_shown_on_demand_only(model: sdmodel.Model, capsys: pytest.CaptureFixture[str]) -> None:
    model.sweep(design(3), workers=1)
    assert capsys.readouterr().err == ""
    model.sweep(design(3), workers=1, progress=True)
    assert "0/3" in capsys.readouterr().err


# -- fixed steps and random draws -------------------------------------------------------------------------------
NOISY = """
x = INTEG(RANDOM NORMAL(-9, 9, 0, 1, 7)*size, 0) ~ Dmnl ~ |
size = 1 ~ 1/Year [0,5] ~ |
"""


def test_a_model_that_needs_fixed_steps_gets_them_and_says_so(model_from: Make) -> None:
    found = model_from(NOISY).sweep([{"size": 1.0}], ["x"])
    assert found.attrs["method"] == "rk4"
    assert found.attrs["dates"].startswith("on the TIME STEP grid: ")
    assert "RANDOM NORMAL" in found.attrs["dates"]
    with pytest.raises(UnsupportedError, match="RANDOM NORMAL"):
        model_from(NOISY).sweep([{"size": 1.0}], ["x"], method="exact")


def test_draws_follow_seed_and_sample_not_place(model_from: Make) -> None:
    model = model_from(NOISY)
    rows = pd.DataFrame({"size": [1.0, 1.0, 2.0, 2.0], "sample": [0, 1, 0, 1]})
    found = model.sweep(rows, ["x"], every=1)["x"]
    assert np.allclose(found[2], 2 * found[0], rtol=1e-12, atol=0)
    assert not np.array_equal(found[0], found[1])
    turned = model.sweep(rows.iloc[::-1], ["x"], every=1)["x"]
    assert np.array_equal(turned[::-1], found)
    assert not np.array_equal(model.sweep(rows, ["x"], every=1, seed=2)["x"][0], found[0])
    single = model.run({"size": 1.0}, method="rk4", every=1)["x"]
    assert np.allclose(single, found[0], rtol=1e-12, atol=0)  # a draw's logarithm may differ in its last bits


# -- the certificate --------------------------------------------------------------------------------------------
def test_the_certificate_states_the_error_of_the_steps(model: sdmodel.Model) -> None:
    table = design(80)
    found = model.sweep(table, ["level"], every=1)
    assert found.attrs["certificate_runs"] == 6
    assert found.attrs["certificate"].startswith("6 random runs differ by at most ")
    exact = model.sweep(table, ["level"], every=1, method="LSODA", rtol=1e-10, workers=1)
    error = np.abs(found["level"] - exact["level"]).max("time") / np.abs(exact["level"]).max("time")
    assert 0 < found.attrs["certificate_scipy"] <= error.max()
    assert found.attrs["certificate_half_step"] == pytest.approx(found.attrs["certificate_scipy"], rel=0.2)
    assert model.sweep(table, ["level"], every=1).attrs["certificate_scipy"] == found.attrs["certificate_scipy"]


def test_what_has_no_certificate_says_why(model: sdmodel.Model) -> None:
    few = model.sweep(design(3), ["level"])
    assert few.attrs["certificate"].endswith(
        "from half the step, relative to the largest value of the output in its run"
    )
    assert "certificate_scipy" not in few.attrs
    unasked = model.sweep(design(80), ["level"], certificate=0)
    assert unasked.attrs["certificate"] == "none: not asked for"
    euler = model.sweep(design(80), ["level"], method="euler")
    assert euler.attrs["certificate"] == "none: the steps of euler are the meaning of the run"


def test_the_certificate_and_failures_are_told_below_the_bar(
    model_from: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    model = model_from("x = INTEG(x*x*grow, 1) ~ Dmnl ~ |\ngrow = 0.01 ~ 1/Year [0,5] ~ |")
    model.sweep([{"grow": g} for g in np.linspace(0, 5, 64)], ["x"], progress=True)
    told = capsys.readouterr().err
    assert "of 64 runs failed; their status is 1." in told
    assert "Certificate: " in told


def test_a_balance_that_is_nothing_but_rounding_does_not_spoil_the_certificate(model_from: Make) -> None:
    model = model_from(
        "a = INTEG(-out*a, 300) ~ firm ~ |\nb = INTEG(out*a, 0) ~ firm ~ |\nout = 0.1 ~ 1/Year [0,1] ~ |\n"
        "balance = a + b - 300 ~ firm ~ |"
    )
    table = [{"out": x} for x in np.linspace(0.05, 0.5, 64)]
    found = model.sweep(table, ["a", "b", "balance"], every=1)
    assert np.abs(found["balance"]).max() > 0
    assert found.attrs["certificate_scipy"] < 1e-5


def test_a_bracket_may_be_part_of_a_quoted_name(model_from: Make) -> None:
    model = model_from('"cost [CNY]" = INTEG("rate [CNY]", 0) ~ CNY ~ |\n"rate [CNY]" = 2 ~ CNY/Year [0,9] ~ |')
    found = model.sweep([{"rate [CNY]": 3.0}], ["cost [CNY]"])
    assert found["cost [CNY]"].isel(run=0, time=-1).item() == pytest.approx(30)
    run = model.run({"rate [CNY]": 3.0})
    assert run["cost [CNY]"].iloc[-1] == pytest.approx(30)
    assert run.unit("rate [CNY]") == "CNY/Year"
    assert list(run.to_dataframe())[:2] == ["cost [CNY]", "rate [CNY]"]
    assert sdmodel.Outcome("cost [CNY]").of(found).item() == pytest.approx(30)


# -- functions that the kernel does not know ---------------------------------------------------------------------
def test_what_the_kernel_does_not_know_is_run_in_python(model_from: Make) -> None:
    model = model_from(
        "who: a, b ~~|\nwanted[who] = 3, 5 ~ Dmnl ~ |\nprofile[who, kind] = 1, 1, 1, 0; 1, 2, 1, 0; ~ Dmnl ~ |\n"
        "kind: ptype, ppriority, pwidth, pextra ~~|\nhave = 4 ~ Dmnl [0,9] ~ |\n"
        "given[who] = ALLOCATE AVAILABLE(wanted[who], profile[who,ptype], have) ~ Dmnl ~ |\n"
        "x[who] = INTEG(given[who], 0) ~ Dmnl ~ |"
    )
    design = pd.DataFrame({"have": np.linspace(0, 8, 20)})
    for method in (None, "euler"):
        found = model.sweep(design, ["x"], every=5, method=method, workers=2)
        assert found.attrs["engine"] == "python"
        for i in (0, 7, 19):
            run = model.run({"have": design["have"][i]}, every=5, method=method or "exact")
            assert np.array_equal(found["x"].isel(run=i), run["x"])


# -- steps that are too long ------------------------------------------------------------------------------------
STIFF = """
fast = INTEG(rate*(slow - fast), 0) ~ Dmnl ~ [outcome] |
slow = INTEG(-0.1*slow, 1) ~ Dmnl ~ |
rate = 1 ~ 1/Year ~ |
"""
RATES = [0.5, 4.0, 22.0, 24.0, 30.0, 1e3, 1e5]


def fast(rates: Sequence[float], time: np.ndarray) -> np.ndarray:
    r = np.array(rates)[:, None]
    return r / (r - 0.1) * (np.exp(-0.1 * time) - np.exp(-r * time))


@pytest.mark.parametrize("runs", [1, 70])
def test_an_exact_sweep_of_a_stiff_model_answers_right_and_says_how(
    model_from: Make, runs: int, tmp_path: Path
) -> None:
    model = model_from(STIFF, step=0.125)
    rates = RATES if runs == 1 else [*RATES, *np.linspace(0.2, 4, runs)]
    design = [{"rate": r} for r in rates]
    found = model.sweep(design, ["fast"], every=1)
    assert (found["status"] == 0).all()
    assert np.abs(found["fast"] - fast(rates, found["time"].to_numpy())).max() < 2e-4
    assert found.attrs["solved_again_halved"] == 3
    assert found.attrs["solved_again_scipy"] == 2
    assert found.attrs["solved_again"].startswith(f"5 of {len(rates)} runs, since their steps were too long")
    assert found.attrs["certificate_half_step"] < 1e-3
    for other in (
        model.sweep(design[::-1], ["fast"], every=1).isel(run=slice(None, None, -1)),
        model.sweep(design, ["fast"], every=1, workers=2, store=tmp_path / "stiff.zarr"),
    ):
        assert np.array_equal(other["fast"], found["fast"])
        assert other.attrs["solved_again"] == found.attrs["solved_again"]


def test_what_scipy_cannot_solve_either_stays_failed(model_from: Make) -> None:
    model = model_from("x = INTEG(x*x*grow, 1) ~ Dmnl ~ |\ngrow = 0.01 ~ 1/Year ~ |", step=0.125)
    found = model.sweep([{"grow": g} for g in (0.01, 0.05, 0.5)], ["x"], every=1)
    assert found["status"].to_numpy().tolist() == [0, 0, 1]
    assert "'x'" in str(found["message"].to_numpy()[2])
    np.testing.assert_allclose(found["x"][1], 1 / (1 - 0.05 * found["time"]), rtol=1e-4)


def test_a_stiff_model_that_the_kernel_does_not_know_is_solved_by_scipy(
    model_from: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(plan: object) -> None:
        raise UnsupportedError("as if")

    monkeypatch.setattr(backends, "kernel_of", refuse)
    found = model_from(STIFF, step=0.125).sweep([{"rate": r} for r in RATES[:5]], ["fast"], every=1)
    assert found.attrs["engine"] == "python"
    assert np.abs(found["fast"] - fast(RATES[:5], found["time"].to_numpy())).max() < 2e-4
    assert found.attrs["solved_again_scipy"] == 3


def test_a_certificate_above_the_bound_is_a_warning_at_any_size_of_sweep(
    model_from: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = model_from(STIFF, step=0.5)
    monkeypatch.setattr(backends, "refine", lambda *_: ({}, {}))  # as if nobody noticed
    for runs in (1, 3, 70):
        with pytest.warns(ResultWarning, match="may be off by .* 'fast'.*Use a shorter TIME STEP"):
            model.sweep([{"rate": 12.0}] * runs, ["fast"], every=1)


def test_a_quiet_fast_stock_needs_no_other_steps(model_from: Make) -> None:
    calm = model_from(STIFF.replace("slow - fast), 0)", "slow - fast), 1)"), step=0.125)
    assert "solved_again" not in calm.sweep([{"rate": r} for r in (0.5, 1, 2)], ["fast"], every=1).attrs


# -- random draws -----------------------------------------------------------------------------------------------
NOISE = "x = INTEG(RANDOM NORMAL(-9, 9, 0, 1, 3)*size, 0) ~ Dmnl ~ [outcome] |\nsize = 1 ~ Dmnl ~ |"


@pytest.mark.parametrize("method", ["rk4", "euler"])
def test_every_run_has_draws_of_its_own_whatever_the_chunks(
    model_from: Make, monkeypatch: pytest.MonkeyPatch, method: str, tmp_path: Path
) -> None:
    model = model_from(NOISE, step=0.5)
    table = [{"size": 1.0}] * 1000
    whole = model.sweep(table, ["x"], method=method, workers=1)
    last = whole["x"][:, -1].to_numpy()
    assert len(np.unique(last)) == 1000
    assert abs(last.mean()) < 4 * last.std() / np.sqrt(1000)
    assert whole["sample"].to_numpy().tolist() == list(range(1000))
    monkeypatch.setattr(backends, "_CHUNK_BYTES", 1)
    many = model.sweep(table, ["x"], method=method, workers=2)
    stored = model.sweep(table, ["x"], method=method, store=tmp_path / "draws.zarr")
    assert len(list((tmp_path / "draws.zarr" / "marks").glob("*/zarr.json"))) > 10
    for other in (many, stored):
        assert np.array_equal(other["x"], whole["x"])
    for row in (0, 1, 64, 500, 999):
        alone = model.sweep([{"size": 1.0, "sample": int(whole["sample"][row])}], ["x"], method=method)
        assert np.array_equal(alone["x"][0], whole["x"][row])


def test_a_design_without_draws_gets_no_sample(model: sdmodel.Model) -> None:
    assert "sample" not in model.sweep([{"rate": 0.1}, {"rate": 0.2}], ["level"]).coords


# -- worker processes -------------------------------------------------------------------------------------------
def test_processes_that_end_early_are_a_named_error(model: sdmodel.Model, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken(ThreadPoolExecutor):
        def submit(self, *_: object, **__: object) -> NoReturn:
            raise BrokenExecutor("gone")

    monkeypatch.setattr(backends, "_pool", lambda plan, workers: Broken(1))
    with pytest.raises(SolveError, match="if __name__ == '__main__'"):
        model.sweep(design(40), ["level"], method="LSODA", workers=2)


def test_processes_are_not_forked_from_a_process_with_threads(model: sdmodel.Model) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        swept = model.sweep(design(20), ["level"], method="LSODA", workers=2)
    finally:
        stop.set()
        thread.join()
    alone = model.sweep(design(20), ["level"], method="LSODA", workers=1)
    assert np.array_equal(swept["level"], alone["level"])


@pytest.mark.parametrize(("step", "rows"), [(1.0, 5000), (1e-6, 256)])
def test_a_chunk_takes_about_a_second_at_most(model_from: Make, step: float, rows: int) -> None:
    """A chunk that was begun is finished after Ctrl-C, so long runs go in small chunks."""
    model = model_from("x = INTEG(k*x, 1) ~ Dmnl ~ |\nk = 0.1 ~ ~ |", step=step, end=1)
    design = pd.DataFrame({"k": np.linspace(0, 1, 20_000)})
    plan, _ = make_plan(model, read_rows(design), ["x"], Scenario(), None, 1.0, 1e-8, None, 0)
    assert plan.runs == 20_000
    chunk = chunk_rows(replace(plan, engine="kernel"), 1)
    assert chunk % 8 == 0
    assert rows / 2 < chunk <= rows
