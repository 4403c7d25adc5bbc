"""Initial values by name, states of runs, and runs that go on from them."""

from __future__ import annotations

import dataclasses
import json
import math
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import OverrideError, RangeError, ReadError, StateError, UnknownNameError

Make = Callable[..., sdmodel.Model]

# Every kind of state: stocks, SMOOTH, DELAY of an order, DELAY FIXED, SAMPLE IF TRUE, INITIAL, random draws.
MEMORIES = """
level = INTEG(inflow - level/8, start) ~ Dmnl ~ |
start = 3 ~ Dmnl ~ |
rate = 1 ~ Dmnl ~ |
inflow = rate * (1 + 0.5 * SIN(Time)) + 0.1 * RANDOM NORMAL(-4, 4, 0, 1, 7) ~ Dmnl ~ |
seen = SMOOTH(level, 2) ~ Dmnl ~ |
late = DELAY3(level, 3) ~ Dmnl ~ |
later = DELAY FIXED(level, 1.7, 9) ~ Dmnl ~ |
peak = SAMPLE IF TRUE(level > peak, level, 0) ~ Dmnl ~ |
relative = level / INITIAL(level * rate) ~ Dmnl ~ |
growth = TREND(level, 4, 0) ~ Dmnl ~ |
"""
SMOOTH = """
level = INTEG(rate * (1 + 0.5*SIN(Time)) - level/8 + STEP(1, 4.3), start) ~ Dmnl ~ |
start = 3 ~ Dmnl ~ |
rate = 1 ~ Dmnl ~ |
seen = SMOOTH(level, 2) ~ Dmnl ~ |
relative = level / INITIAL(level * rate) ~ Dmnl ~ |
"""
ARRAY = """
Town: north, south ~~|
people[Town] = INTEG(growth * people[Town], first[Town]) ~ Person ~ |
first[north] = 10 ~ Person ~ |
first[south] = 20 ~ Person ~ |
growth = 0.1 ~ 1/Year ~ |
share[Town] = people[Town] / INITIAL(SUM(people[Town!])) ~ Dmnl ~ |
seen[Town] = SMOOTH(people[Town], 2) ~ Person ~ |
"""
DECAY = """
level = INTEG(-level/tau, first) ~ Dmnl [0, 1000] ~ |
other = INTEG(0, level * 2) ~ Dmnl ~ |
first = 5 ~ Dmnl ~ |
tau = 4 ~ Year ~ |
begun = INITIAL(level + 1) ~ Dmnl ~ |
"""


# -- initial values -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["LSODA", "exact", "euler", "rk4"])
def test_a_stock_is_given_its_initial_value(model_from: Make, method: str) -> None:
    run = model_from(DECAY).run({"level": 100}, method=method)
    assert run["level"].iloc[0] == pytest.approx(100, rel=1e-12)
    if method != "euler":
        assert run["level"].iloc[-1] == pytest.approx(100 * math.exp(-10 / 4), rel=1e-4)  # and it is still a stock


def test_what_is_computed_from_initial_values_follows(model_from: Make) -> None:
    run = model_from(DECAY).run({"level": 100})
    assert run["other"].iloc[-1] == pytest.approx(200, rel=1e-12)
    assert run["begun"].iloc[-1] == 101
    assert run.constants["first"] == 5
    assert "level" not in run.constants


def test_an_element_or_all_of_an_array(model_from: Make) -> None:
    model = model_from(ARRAY)
    one = model.run({"people[south]": 90})
    assert one["people"].iloc[0].tolist() == pytest.approx([10, 90])
    assert one["share"].iloc[0].tolist() == pytest.approx([0.1, 0.9])
    assert model.run({"people": 7})["people"].iloc[0].tolist() == pytest.approx([7, 7])


def test_a_hidden_state_by_its_name(model_from: Make) -> None:
    run = model_from(ARRAY).run({"seen[south] smooth 1": 50, "growth": 0})
    assert run["seen"]["south"].to_numpy() == pytest.approx(20 + 30 * np.exp(-run.time / 2), rel=1e-6)
    assert run["seen"]["north"].to_numpy() == pytest.approx(10)


def test_values_that_have_no_meaning_are_refused(model_from: Make) -> None:
    model = model_from(DECAY + "seen = SMOOTH(level, 2) ~ Dmnl ~ |")
    with pytest.raises(RangeError, match="0 to 1000"):
        model.run({"level": 2000})
    with pytest.raises(RangeError, match="finite"):
        model.run({"level": math.nan})
    with pytest.raises(OverrideError, match="'seen smooth 1' takes an initial value"):
        model.run({"seen": 3})
    with pytest.raises(UnknownNameError, match="level"):
        model.run({"levl": 3})
    with pytest.raises(UnknownNameError):
        model_from(ARRAY).run({"people[east]": 3})
    read = model_from("x = INTEG(0, y) ~ Dmnl ~ |\ny = SMOOTH(x + 3, 2) ~ Dmnl ~ |".replace("x + 3", "Time"))
    with pytest.raises(OverrideError, match="INITIAL or an initial value"):
        read.run({"y smooth 1": 3})


# -- states ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["euler", "rk4"])
@pytest.mark.parametrize("at", [0.0, 3.5, 4.0, 10.0])
def test_a_run_that_goes_on_equals_one_run(model_from: Make, method: str, at: float) -> None:
    model = model_from(MEMORIES, step=0.25)
    whole = model.run({"rate": 1.5}, method=method, seed=4)
    late = model.run(initial=whole.state(at=at))
    assert late.report.method == method
    table, again = whole.to_dataframe(), late.to_dataframe()
    assert again.index[0] == at
    assert again.index.difference(table.index).tolist() in ([], [at])
    common = again.index.intersection(table.index)
    assert np.abs(again.loc[common] - table.loc[common]).max().max() <= 1e-9 * np.abs(table).max().max()


@pytest.mark.parametrize(("method", "allowed"), [("LSODA", 1e-6), ("Radau", 1e-6), ("exact", 1e-9)])
def test_so_does_one_without_a_grid(model_from: Make, method: str, allowed: float) -> None:
    model = model_from(SMOOTH, step=0.25)
    whole = model.run({"rate": 1.5}, method=method)
    late = model.run(initial=whole.state(at=4.0))
    both = whole.to_dataframe().loc[late.time]
    assert np.abs(late.to_dataframe() - both).max().max() <= allowed


def test_a_run_goes_on_beyond_its_end(model_from: Make) -> None:
    model = model_from(MEMORIES, step=0.25)
    short = model.run({"FINAL TIME": 6}, method="euler")
    late = model.run({"FINAL TIME": 10}, initial=short)
    whole = model.run(method="euler")
    assert late["late"].iloc[-1] == pytest.approx(whole["late"].iloc[-1], rel=1e-12)
    with pytest.raises(StateError, match="after its FINAL TIME"):
        model.run({"FINAL TIME": 5}, initial=short)


def test_constants_change_from_the_state_on(model_from: Make) -> None:
    model = model_from(DECAY)
    state = model.run().state(at=4)
    late = model.run({"tau": 2}, initial=state)
    assert late["level"].iloc[-1] == pytest.approx(5 * math.exp(-1) * math.exp(-6 / 2), rel=1e-6)
    assert late["begun"].iloc[-1] == 6  # INITIAL keeps its value


def test_initial_keeps_its_value_though_its_constants_change(model_from: Make) -> None:
    model = model_from(SMOOTH)
    late = model.run({"rate": 4}, initial=model.run().state(at=4))
    assert (late["level"] / late["relative"]).to_numpy() == pytest.approx(3)
    assert model.run(initial=late.state(at=5))["relative"].iloc[-1] == pytest.approx(late["relative"].iloc[-1])


def test_a_stock_is_set_at_the_state(model_from: Make) -> None:
    late = model_from(DECAY).run({"level": 40}, initial=model_from(DECAY).run({"level": 100}).state(at=4))
    assert late["level"].iloc[0] == pytest.approx(40)
    assert late["begun"].iloc[0] == 101


def test_a_run_that_goes_on_has_states_of_its_own(model_from: Make) -> None:
    model = model_from(MEMORIES, step=0.25)
    whole = model.run(method="rk4", seed=9)
    twice = model.run(initial=whole.state(at=3)).state(at=7)
    assert dataclasses.replace(twice, memories={}, stocks={}, hidden={}) == dataclasses.replace(
        whole.state(at=7), memories={}, stocks={}, hidden={}
    )
    assert twice.to_dataframe()["value"].to_numpy() == pytest.approx(whole.state(at=7).to_dataframe()["value"])


def test_a_run_with_control_variables_that_change(model_from: Make) -> None:
    model = model_from(
        "level = INTEG(1, 0) ~ Dmnl ~ |\nstop = 6 ~ Year ~ |", step=0.5, end="stop + 0.5*level/(1+level)"
    )
    whole = model.run(method="euler")
    late = model.run(initial=whole.state(at=2))
    assert late["level"].iloc[-1] == whole["level"].iloc[-1]
    assert late.time[[0, -1]].tolist() == [2, whole.time[-1]]


def test_series_come_along(model_from: Make) -> None:
    model = model_from("level = INTEG(inflow, 0) ~ Dmnl ~ |\ninflow ~ Dmnl ~ |")
    whole = model.run(data={"inflow": ([0, 10], [0, 10])})
    assert model.run(initial=whole.state(at=5))["level"].iloc[-1] == pytest.approx(50, rel=1e-6)


def test_what_cannot_go_on_is_refused(model_from: Make) -> None:
    model = model_from(MEMORIES, step=0.25)
    state = model.run(method="euler").state(at=4)
    with pytest.raises(StateError, match="has the stock 'tank'"):
        model_from(MEMORIES + "tank = INTEG(1, 0) ~ Dmnl ~ |", step=0.25).run(initial=state)
    with pytest.raises(StateError, match=r"past steps of 0\.25"):
        model.run({"TIME STEP": 0.125}, initial=state)
    with pytest.raises(StateError, match="grid"):
        model.run(method="euler").state(at=4.1)
    with pytest.raises(StateError, match="lies outside"):
        model.run(method="euler").state(at=11)
    with pytest.raises(sdmodel.SdmodelError, match="initial"):
        model.run(initial={"level": 3})


# -- files ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("suffix", [".json", ".nc"])
def test_a_state_is_saved_and_loaded(model_from: Make, tmp_path: Path, suffix: str) -> None:
    model = model_from(MEMORIES, step=0.25)
    late = sdmodel.Scenario("s", values={"start": 2}, paths={"rate": sdmodel.Schedule((0, 5), (1.0, 0.1 + 0.2))})
    state = model.run(late, method="euler", seed=3).state(at=4)
    path = state.save(tmp_path / f"state{suffix}")
    assert sdmodel.State.load(path) == state
    assert pickle.loads(pickle.dumps(state)) == state
    assert model.run(initial=sdmodel.State.load(path)) == model.run(initial=state)


def test_a_state_prints_what_it_holds(model_from: Make) -> None:
    text = repr(model_from(MEMORIES, step=0.25).run(method="euler").state(at=4))
    assert all(part in text for part in ("at 4", "late delay3 2", "later delay fixed 1", "(memory)"))


def test_files_that_are_no_states_are_refused(model_from: Make, tmp_path: Path) -> None:
    state = model_from(DECAY).run().state(at=4)
    with pytest.raises(StateError, match="neither"):
        state.save(tmp_path / "state.pickle")
    whole = json.loads(state.save(tmp_path / "state.json").read_text())
    bad = tmp_path / "bad.json"
    for change in ({"format": "x"}, {"values": [["stock", "level", "5"]]}, {"time": None}, {"scenario": 3}):
        bad.write_text(json.dumps({**whole, **change}))
        with pytest.raises(ReadError):
            sdmodel.State.load(bad)
    bad.write_text("[" * 100_000)
    with pytest.raises(ReadError):
        sdmodel.State.load(bad)
    with pytest.raises(ReadError):
        sdmodel.State.load(tmp_path / "none.json")


# -- sweeps and analyses --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["exact", "euler", "rk4"])
def test_an_initial_value_is_a_column_of_a_sweep(model_from: Make, method: str) -> None:
    model = model_from(DECAY, step=0.25)
    design = {"level": [10.0, 100.0, 40.0], "tau": [4.0, 2.0, 8.0]}
    found = model.sweep([dict(zip(design, row, strict=True)) for row in zip(*design.values(), strict=True)],
                        ["level", "other"], method=method)  # fmt: skip
    for i, row in enumerate(zip(*design.values(), strict=True)):
        run = model.run(dict(zip(design, row, strict=True)), method=method)
        for name in ("level", "other"):
            assert found[name][i].to_numpy() == pytest.approx(run[name].to_numpy(), rel=1e-12)


@pytest.mark.parametrize(("text", "method"), [(SMOOTH, "exact"), (MEMORIES, "euler"), (MEMORIES, "rk4")])
@pytest.mark.parametrize("at", [3.0, 4.5])
def test_a_sweep_goes_on_from_a_state(model_from: Make, text: str, method: str, at: float) -> None:
    if "FIXED" in text:
        text = text.replace("DELAY FIXED(level, 1.7, 9)", "DELAY FIXED(level, 0.25, 9)")  # one value: in the kernel
    model = model_from(text, step=0.25)
    state = model.run({"rate": 1.5}, method=method, seed=4).state(at=at)
    found = model.sweep([{"rate": 1.5}, {"rate": 0.5}], ["level", "relative"], initial=state)
    assert found.attrs["engine"] == "kernel"
    for i, values in enumerate(({"rate": 1.5}, {"rate": 0.5})):
        run = model.run(values, initial=state)
        for name in ("level", "relative"):
            assert found[name][i].to_numpy() == pytest.approx(run[name].to_numpy(), rel=1e-9)


def test_so_does_one_with_values_of_past_steps(model_from: Make) -> None:
    model = model_from(MEMORIES, step=0.25)
    state = model.run(method="euler", seed=4).state(at=3.5)
    found = model.sweep([{"rate": 1.5, "level": 20.0}], ["later", "level"], initial=state, workers=1)
    run = model.run({"rate": 1.5, "level": 20}, initial=state)
    assert found["later"][0].to_numpy() == pytest.approx(run["later"].to_numpy(), rel=1e-12)


def test_initial_values_are_sampled_and_fitted(model_from: Make) -> None:
    model = model_from(DECAY, step=0.25)
    ranges = {"level": (10, 20), "tau": (3, 5)}
    design = sdmodel.latin_hypercube(ranges, 4, rng=1)
    found = model.sweep(design, ["level"])
    assert found["initial level"].to_numpy() == pytest.approx(found["level"].isel(time=0).to_numpy())
    table = sdmodel.tornado(model, ranges, sdmodel.Outcome("level", at=4)).reset_index().set_index("parameter")
    assert sorted(table.loc["level", ["low", "high"]]) == pytest.approx([10, 20])
    assert sorted(table.loc["level", ["at_low", "at_high"]]) == pytest.approx([10 / math.e, 20 / math.e], rel=1e-4)
    seen = model.run({"level": 60, "tau": 3})["level"].iloc[1:9]
    fit = sdmodel.calibrate(model, {"level": (1, 100), "tau": (1, 10)}, {"level": seen}, starts=3, rng=1)
    assert fit.values["level"] == pytest.approx(60, rel=1e-4)


def test_a_run_that_has_nothing_to_go_on_to_is_refused() -> None:
    model = sdmodel.load("adoption")
    run = model.run(every=5)
    with pytest.raises(StateError, match="a later end"):
        model.run(initial=run)
    assert model.run({"FINAL TIME": 2040}, initial=run, every=5).time[-1] == 2040
