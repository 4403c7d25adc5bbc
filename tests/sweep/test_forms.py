"""Sweeps with dimensions of their own: grids, scenarios whose schedules differ, policies by samples."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import Model, Outcome, Scenario, Schedule
from sdmodel.core.errors import DesignError, OverrideError, UnknownNameError
from sdmodel.sweep import forms
from sdmodel.sweep.forms import flat

Make = Callable[..., Model]
TEXT = """
region: north, south ~ ~ |
level = INTEG(pull*rate, 0) ~ person ~ [outcome] |
part[region] = level*weight[region] ~ person ~ |
weight[region] = 1, 2 ~ Dmnl ~ |
pull = 2 ~ person/Year ~ |
rate = 0.5 ~ Dmnl ~ |
"""


@pytest.fixture
def model(model_from: Make) -> Model:
    return model_from(TEXT)


def test_a_mapping_of_lists_is_a_grid_with_its_axes(model: Model) -> None:
    found = model.sweep({"pull": [3, 1], "rate": [0.5, 1, 2]}, ["level", "part"], every=5)
    assert found["level"].dims == ("pull", "rate", "time")
    assert found["part"].dims == ("pull", "rate", "time", "region")
    assert found["pull"].to_numpy().tolist() == [3, 1]  # in the order given
    for p in (3, 1):
        for r in (0.5, 1, 2):
            one = found.sel(pull=p, rate=r)
            assert float(one["level"].sel(time=10)) == pytest.approx(10 * p * r)
            assert float(one["part"].sel(time=10, region="south")) == pytest.approx(20 * p * r)
    assert found["status"].dims == ("pull", "rate")
    assert found["time"].attrs["unit"] == "Year"
    assert Outcome("level").of(found).dims == ("pull", "rate")
    alone = model.sweep({"rate": [0.5, 1]}, ["level"])
    assert alone["level"].dims == ("rate", "time")
    rows = model.sweep(sdmodel.grid({"pull": [3, 1], "rate": [0.5, 1, 2]}), ["level"], every=5)
    np.testing.assert_array_equal(flat(found)["level"], rows["level"])
    np.testing.assert_array_equal(flat(found)["rate"], rows["rate"])


def test_a_grid_takes_dates_and_refuses_what_is_no_list(model: Model, model_from: Make, tmp_path: Path) -> None:
    dated = model_from("x = INTEG(STEP(1, start), 0) ~ ~ |\nstart = 2012 ~ Year ~ |", start=2010, end=2020)
    found = dated.sweep({"start": ["2012-01-01", 2015]}, ["x"])
    np.testing.assert_allclose(found["x"].isel(time=-1), [8, 5], rtol=1e-6)
    for wrong in ({"rate": 0.5}, {"rate": []}, {"rate": "12"}, {}):
        with pytest.raises(DesignError):
            model.sweep(wrong)
    stored = model.sweep({"rate": [0.5, 1]}, ["level"], store=tmp_path / "grid.zarr")
    assert stored["level"].dims == ("run", "time")  # read piece by piece


def test_a_grid_is_a_design_wherever_one_is_asked_for(model: Model) -> None:
    found = sdmodel.solve_lever(model, {"pull": (0, 9)}, Outcome("level"), 20, design={"rate": [0.5, 1]})
    np.testing.assert_allclose(found["pull"], [4, 2], rtol=0.01)


def test_scenarios_may_follow_different_schedules(model: Model) -> None:
    scenarios = [
        Scenario("now", values={"pull": Schedule((0, 5), (2, 4))}),
        Scenario("late", values={"pull": [(0, 0), (10, 4)], "rate": 1}),
        Scenario("base"),
    ]
    found = model.sweep(scenarios, ["level"], every=5)
    assert found["level"].dims == ("scenario", "time")
    assert found["scenario"].to_numpy().tolist() == ["now", "late", "base"]
    np.testing.assert_allclose(found["level"].sel(time=10), [15, 20, 10], rtol=1e-6)
    assert found["status"].to_numpy().tolist() == [0, 0, 0]
    for scenario in scenarios:
        run = model.run(scenario, every=5)
        np.testing.assert_allclose(found["level"].sel(scenario=scenario.name), run["level"], rtol=1e-6)


def test_a_value_over_time_in_a_design_is_refused_with_the_way(model: Model) -> None:
    for design in ([{"pull": [(0, 1), (10, 2)]}], pd.DataFrame({"pull": [Schedule((0, 5), (2, 4))]})):
        with pytest.raises(DesignError, match="over time as policies=, or as a list of Scenarios"):
            model.sweep(design, ["level"])


def test_policies_by_samples(model: Model) -> None:
    samples = sdmodel.latin_hypercube({"rate": (0.5, 1), "pull": (1, 2)}, 5, rng=1)
    policies = {"none": {}, "more": {"pull": 3}, "rising": {"pull": [(0, 0), (10, 4)]}}
    found = model.sweep(samples, ["level"], policies=policies)
    assert found["level"].dims == ("policy", "sample", "time")
    assert found["rate"].dims == ("sample",)  # the same samples under every policy
    end = found["level"].isel(time=-1)
    np.testing.assert_allclose(end.sel(policy="none"), 10 * samples["rate"] * samples["pull"], rtol=1e-6)
    np.testing.assert_allclose(end.sel(policy="more"), 30 * samples["rate"], rtol=1e-6)
    np.testing.assert_allclose(end.sel(policy="rising"), 20 * samples["rate"], rtol=1e-6)
    assert found["pull"].dims == ("policy", "sample")
    assert found["pull"].sel(policy="more").to_numpy().tolist() == [3] * 5
    assert found.attrs["runs"] == 15
    assert found.attrs["failed"] == 0
    regret = end.max("policy") - end
    assert float(regret.min()) == 0
    alone = model.sweep(None, ["level"], policies=[{"pull": 3}, {"pull": 1}])
    assert alone["level"].dims == ("policy", "time")
    grids = model.sweep({"rate": [0.5, 1]}, ["level"], policies=policies)
    assert grids["level"].dims == ("policy", "rate", "time")
    assert (
        model.sweep(None, ["level"], policies=[Scenario("a"), Scenario("b", values={"rate": 1})]).sizes["policy"] == 2
    )


def test_policies_have_the_same_random_draws(model_from: Make) -> None:
    model = model_from("x = INTEG(RANDOM NORMAL(-9, 9, 0, 1, 5)*size, 0) ~ ~ |\nsize = 1 ~ ~ |")
    found = model.sweep([{}, {}, {}], ["x"], policies={"one": {"size": 1}, "two": {"size": 2}})["x"].isel(time=-1)
    np.testing.assert_allclose(found.sel(policy="two"), 2 * found.sel(policy="one"), rtol=1e-12)
    assert len(np.unique(found.sel(policy="one"))) == 3


def test_scenarios_of_the_model_and_of_a_base(model: Model) -> None:
    small = dataclasses.replace(model, scenarios={"fast": Scenario("fast", values={"rate": 2})})
    found = small.sweep(None, ["level"], policies=["fast", {"pull": 1}])["level"]
    assert found["policy"].to_numpy().tolist() == ["fast", "1"]
    np.testing.assert_allclose(found.isel(time=-1), [40, 5], rtol=1e-6)
    base = Scenario("high", values={"rate": 1})
    end = small.sweep(None, ["level"], policies={"a": {"pull": 3}, "b": {"rate": 2}}, scenario=base)["level"]
    np.testing.assert_allclose(end.isel(time=-1), [30, 40], rtol=1e-6)


@pytest.mark.parametrize(
    ("policies", "kind", "message"),
    [
        ([], DesignError, "No policies"),
        (3, DesignError, "policies: 3"),
        ([3], DesignError, "policy '0': 3"),
        ([Scenario(), Scenario()], DesignError, "Two policies have the name 'base'"),
        ({"a": {"pul": 1}}, UnknownNameError, "Nearest: pull"),
        (["nothing"], UnknownNameError, "no scenario 'nothing'"),
        ({"a": {"part": 1}}, OverrideError, "not a constant"),
        ({"a": {"rate": 1}}, DesignError, "sets 'rate', which is an axis of the grid"),
    ],
)
def test_what_is_no_policy_is_refused(model: Model, policies: object, kind: type, message: str) -> None:
    with pytest.raises(kind, match=message):
        model.sweep({"rate": [0.5, 1]}, ["level"], policies=policies)


def test_a_store_holds_one_policy(model: Model, tmp_path: Path) -> None:
    with pytest.raises(DesignError, match="one policy"):
        model.sweep([Scenario()], ["level"], store=tmp_path / "s.zarr")
    with pytest.raises(OverrideError, match="follows a path"):
        model.sweep([{"pull": 1.0}], ["level"], scenario=Scenario("p", values={"pull": [(0, 1), (10, 2)]}))


def test_analyses_take_sweeps_of_any_dimensions(model: Model) -> None:
    samples = sdmodel.latin_hypercube({"rate": (0.5, 1)}, 40, rng=1)
    found = model.sweep(samples, ["level"], policies={"low": {"pull": 1}, "high": {"pull": 3}}, certificate=0)
    high = Outcome("level").of(found) > 12
    boxes = sdmodel.discover(found, high, resamples=2, rng=1)
    assert boxes.cases == int(high.sum())
    seen = {"level": pd.Series([20.0], index=[10])}
    matched = sdmodel.history_match(found, {"rate": (0.5, 1)}, seen, {"level": 2.0})
    assert len(matched) == 80
    assert matched["plausible"].sum() == ((Outcome("level").of(found) - 20).pipe(np.abs) <= 6).sum()


# -- pieces by hand -------------------------------------------------------------------------------------------------
def test_attributes_of_all_policies_are_summed_or_listed() -> None:
    one = {"runs": 3, "failed": 0, "certificate_runs": 2, "certificate_scipy": 1e-5, "model": "m", "scenario": "a"}
    other = {"runs": 4, "failed": 1, "certificate_runs": 2, "certificate_scipy": 3e-5, "model": "m", "scenario": "b"}
    third = {"runs": 1, "failed": 1, "certificate_scipy": 2e-5, "model": "m", "scenario": "c"}
    assert forms._joined([one, other, third]) == {
        "runs": 8, "failed": 2, "certificate_runs": 4, "certificate_scipy": 3e-5, "model": "m",
        "scenario": ["a", "b", "c"],
    }  # fmt: skip
    assert forms._joined([{"certificate_half_step": 2e-5}, {}])["certificate_half_step"] == 2e-5


def test_a_policy_takes_its_constants_from_the_samples(model: Model) -> None:
    rows = pd.DataFrame({"sample": [4, 5], "rate": [0.5, 1.0], "weight": [3.0, 4.0], "pull": [1.0, 2.0]})
    found = model.sweep(rows, ["level"], certificate=0, policies={
        "a": {"rate": 2.0}, "b": {"weight[south]": 7.0}, "c": {"pull": [(0, 0), (10, 4)]}})  # fmt: skip
    assert found["sample"].to_numpy().tolist() == [4, 5]
    assert found["rate"].to_numpy().tolist() == [[2, 2], [0.5, 1], [0.5, 1]]
    assert found["weight"].to_numpy().tolist() == [[3, 4], [7, 7], [3, 4]]
    np.testing.assert_array_equal(found["pull"], [[1, 2], [1, 2], [np.nan, np.nan]])
    assert found["level"].isel(time=-1).to_numpy() == pytest.approx(np.array([[20, 40], [5, 20], [10, 20]]), rel=1e-6)
    assert found["status"].dims == ("policy", "sample")
    assert found["message"].dims == ("policy", "sample")


def test_samples_that_come_twice_stay_runs(model: Model) -> None:
    twice = pd.DataFrame({"sample": [0, 0, 1], "rate": [0.5, 1.0, 1.0]})
    found = model.sweep(twice, ["level"], policies=[{"pull": 1.0}, {"pull": 3.0}], certificate=0)
    assert found["level"].dims == ("policy", "run", "time")
    assert found["sample"].to_numpy().tolist() == [0, 0, 1]
    alone = model.sweep([{"rate": 0.5}, {"rate": 1.0}], ["level"], policies={"x": {}, "y": {"pull": 1.0}})
    assert alone["sample"].to_numpy().tolist() == [0, 1]  # the same draws under every policy
    assert alone["rate"].dims == ("sample",)
    none = model.sweep(None, ["level"], policies={"x": {}, "y": {"pull": 1.0}})
    assert set(none.coords) == {"policy", "time", "status", "message"}


def test_noise_is_the_same_in_a_run_alone_and_under_policies(model_from: Make) -> None:
    model = model_from("x = INTEG(RANDOM NORMAL(-9, 9, 0, 1, 5)*size, 0) ~ ~ |\nsize = 1 ~ ~ |")
    policies = model.sweep(None, ["x"], policies={"one": {}, "two": {"size": 2}})["x"].isel(time=-1)
    alone = model.sweep([{"sample": 0, "size": 1.0}], ["x"])["x"].isel(time=-1, run=0)
    assert policies.sel(policy="one").item() == alone.item()


def test_a_grid_that_is_flat_again_has_its_axes_as_columns(model: Model) -> None:
    found = model.sweep({"pull": [3, 1, 2], "rate": [0.5, 1]}, ["part"], every=5, certificate=0)
    again = flat(found)
    assert again["part"].dims[:2] == ("run", "time")
    assert again["pull"].to_numpy().tolist() == [3, 3, 1, 1, 2, 2]
    assert again["rate"].to_numpy().tolist() == [0.5, 1] * 3
    assert "policy" not in again.coords
    assert flat(again) is again
    rows = model.sweep(sdmodel.grid({"pull": [3, 1, 2], "rate": [0.5, 1]}), ["part"], every=5, certificate=0)
    np.testing.assert_array_equal(again["part"], rows["part"])
    assert forms.are_scenarios([Scenario()])
    for other in ([], [Scenario(), {}], {"a": Scenario()}, None):
        assert not forms.are_scenarios(other)


@pytest.mark.parametrize(
    "options",
    [{"method": "euler"}, {"every": 2.5}, {"seed": 5}, {"data": {"given": ([0.0, 10.0], [1.0, 3.0])}},
     {"initial": True}, {"scenario": Scenario("s", values={"rate": 3.0})}],
    ids=lambda options: next(iter(options)),
)  # fmt: skip
def test_options_reach_the_sweep_of_each_policy(model_from: Make, options: dict[str, object]) -> None:
    model = model_from(
        "x = INTEG(RANDOM NORMAL(-9, 9, 0, 1, 5)*size + rate + given, 0) ~ ~ |\nsize = 1 ~ ~ |\nrate = 1 ~ ~ |\n"
        "given ~ ~ |"
    )
    common = {"data": {"given": ([0.0, 10.0], [0.0, 1.0])}, "method": "rk4", "certificate": 0}
    if "initial" in options:
        run = model.run(data=common["data"], method="rk4", every=1)
        options = {"initial": run.state(at=4)}
    rows = pd.DataFrame({"sample": [3, 4]})
    found = model.sweep(rows, ["x"], policies={"p": {"size": 2.0}}, **{**common, **options})["x"].sel(policy="p")
    plain = model.sweep(rows.assign(size=2.0), ["x"], **{**common, **options})["x"]
    np.testing.assert_array_equal(found, plain)
    other = model.sweep(rows.assign(size=2.0), ["x"], **common)["x"]
    assert plain.shape != other.shape or not np.array_equal(plain, other)


def test_tolerance_and_certificate_reach_the_sweep_of_each_policy(model: Model) -> None:
    rows = [{"rate": 0.5}, {"rate": 1.0}]
    found = model.sweep(rows, ["level"], policies={"a": {}, "b": {"pull": 3.0}}, method="LSODA", rtol=1e-4, workers=1)
    assert (found.attrs["rtol"], found.attrs["method"]) == (1e-4, "LSODA")
    found = model.sweep(rows, ["level"], policies={"a": {}, "b": {"pull": 3.0}}, certificate=1)
    assert found.attrs["certificate_runs"] == 2  # one of each
