"""What is kept of a sweep's plan is never another's: model, columns, outputs, scenario, paths, method, times, data."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import OverrideError, RangeError, UnknownNameError
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule

TEXT = """
level = INTEG(height - rate*level + given + noise, 1) ~ firm ~ [outcome] |
height = STEP(size, date) ~ firm/Year ~ |
way = IF THEN ELSE(1/zero > 0, 1, 2)*level ~ Dmnl ~ |
given ~ firm/Year ~ |
noise = 0 ~ firm/Year ~ |
rate = 0.3 ~ 1/Year [0,2] ~ |
size = 2 ~ firm/Year [0,5] ~ |
date = 4 ~ Year [0,10] ~ |
zero = 0 ~ Dmnl ~ |
"""
NOISE = TEXT.replace("noise = 0", "noise = RANDOM UNIFORM(0, 1, 1)")
ROW = pd.DataFrame({"rate": [0.4]})
DATA = {"given": ([0.0, 10.0], [0.0, 1.0])}
LATER = (0.0, 5.0), (0.5, 1.5)
Case = Callable[[sdmodel.Model], xr.Dataset]


def sweep(design: object = ROW, outputs: object = ("level", "way"), **given: object) -> Case:
    options = {"data": DATA, "every": 1.0, "progress": False, **given}
    return lambda model: model.sweep(design, outputs, **options)


CASES = {
    "plain": sweep(),
    "other value": sweep(ROW + 0.1),
    "other column": sweep(pd.DataFrame({"size": [0.4]})),
    "two columns": sweep(pd.DataFrame({"size": [0.4], "rate": [0.4]})),
    "the same columns, turned": sweep(pd.DataFrame({"rate": [0.4], "size": [0.4]})),
    "a date": sweep(pd.DataFrame({"date": [4.5]})),
    "initial value": sweep(pd.DataFrame({"level": [0.4]})),
    "one output": sweep(outputs=["way"]),
    "outcomes": sweep(outputs=None),
    "outputs, turned": sweep(outputs=["way", "level"]),
    "TIME STEP in the design": sweep(ROW.assign(**{"TIME STEP": 0.125})),
    "FINAL TIME in the design": sweep(ROW.assign(**{"FINAL TIME": 6.0})),
    "a later FINAL TIME": sweep(ROW.assign(**{"FINAL TIME": 7.0})),
    "value of a scenario": sweep(scenario=Scenario(values={"size": 3.0})),
    "other value of a scenario": sweep(scenario=Scenario(values={"size": 3.5})),
    "zero of a scenario": sweep(scenario=Scenario(values={"size": 0.0, "zero": 0.0})),
    "negative zero of a scenario": sweep(scenario=Scenario(values={"size": 0.0, "zero": -0.0})),
    "FINAL TIME of a scenario": sweep(scenario=Scenario(values={"FINAL TIME": 8.0})),
    "a path": sweep(scenario=Scenario(paths={"size": Schedule(*LATER)})),
    "a path by lines": sweep(scenario=Scenario(paths={"size": Schedule(*LATER, "linear")})),
    "a path from another date": sweep(scenario=Scenario(paths={"size": Schedule((0.0, 6.0), LATER[1])})),
    "a path of another value": sweep(scenario=Scenario(paths={"size": Schedule(LATER[0], (0.5, 1.75))})),
    "a path of another constant": sweep(scenario=Scenario(paths={"zero": Schedule(*LATER)})),
    "a path to zero": sweep(scenario=Scenario(paths={"zero": Schedule(LATER[0], (0.0, 0.0))})),
    "a path to negative zero": sweep(scenario=Scenario(paths={"zero": Schedule(LATER[0], (0.0, -0.0))})),
    "euler": sweep(method="euler"),
    "rk4": sweep(method="rk4"),
    "every two": sweep(every=2.0),
    "some times": sweep(every=[3.0, 5.0]),
    "other times": sweep(every=[3.0, 6.0]),
    "other data": sweep(data={"given": ([0.0, 10.0], [1.0, 0.0])}),
    "data at other times": sweep(data={"given": ([0.0, 5.0, 10.0], [0.0, 0.25, 1.0])}),
    "a sample": sweep(ROW.assign(sample=3)),
    "another sample": sweep(ROW.assign(sample=4)),
    "more rows": sweep(pd.DataFrame({"rate": [0.4, 0.5, 0.6]})),
}
Make = Callable[..., sdmodel.Model]


def test_a_sweep_is_the_same_whatever_was_swept_before(model_from: Make) -> None:
    """Each case with a model of its own, and with one that has seen all others; no two cases are alike."""
    alone = {name: case(model_from(TEXT, end=10)) for name, case in CASES.items()}
    shared = model_from(TEXT, end=10)
    for order in (CASES, reversed(CASES)):
        for name in order:
            xr.testing.assert_identical(CASES[name](shared), alone[name])
    for a, b in itertools.combinations(CASES, 2):
        assert not alone[a].identical(alone[b]), (a, b)


def test_draws_are_those_of_the_seed(model_from: Make) -> None:
    cases = {seed: sweep(seed=seed) for seed in (0, 1, 2)}
    alone = {seed: case(model_from(NOISE, end=10)) for seed, case in cases.items()}
    shared = model_from(NOISE, end=10)
    for seed in (0, 1, 2, 0, 1, 2):
        xr.testing.assert_identical(cases[seed](shared), alone[seed])
    assert len({float(found["level"][0, -1]) for found in alone.values()}) == 3


def test_a_run_goes_on_from_its_own_state(model_from: Make) -> None:
    model = model_from(TEXT, end=10)
    run = model.run(data=DATA, every=1.0)
    for at in (2.0, 5.0, 2.0):
        swept = sweep(pd.DataFrame({"rate": [0.3]}), ["level"], initial=run.state(at=at), data=None)(model)
        assert swept["time"].to_numpy().tolist() == list(np.arange(at, 11.0))
        assert swept["level"].to_numpy()[0] == pytest.approx(run.to_dataframe()["level"].loc[at:].to_numpy(), rel=1e-4)


def test_a_changed_model_has_a_plan_of_its_own(model_from: Make) -> None:
    model = model_from(TEXT, end=10)
    faster = model.replace("height", "2*STEP(size, date)")
    first, second = sweep()(model), sweep()(faster)
    xr.testing.assert_identical(sweep()(model), first)
    xr.testing.assert_identical(sweep()(faster), second)
    assert not first["level"].equals(second["level"])


def test_a_bad_design_is_refused_after_a_good_one(model_from: Make) -> None:
    model = model_from(TEXT, end=10)
    sweep()(model)
    with pytest.raises(RangeError, match=r"'rate' 2\.5; its range"):
        sweep(pd.DataFrame({"rate": [2.5]}))(model)
    with pytest.raises(RangeError, match="'rate' 1; its range"):
        sweep(pd.DataFrame({"rate": [1.0]}))(model.with_ranges({"rate": (0, 0.5)}))
    sweep(ROW.assign(**{"FINAL TIME": 6.0}))(model)
    with pytest.raises(OverrideError, match="FINAL TIME cannot vary"):
        sweep(pd.DataFrame({"rate": [0.4, 0.4], "FINAL TIME": [6.0, 7.0]}))(model)
    with pytest.raises(UnknownNameError, match="method"):
        sweep(method="None")(model)


def test_threads_get_their_own_plans(model_from: Make) -> None:
    names = ["plain", "euler", "two columns", "a path", "some times", "one output"]
    alone = {name: CASES[name](model_from(TEXT, end=10)) for name in names}
    shared = model_from(TEXT, end=10)
    with ThreadPoolExecutor(4) as pool:
        for name, found in zip(names * 4, pool.map(lambda name: CASES[name](shared), names * 4), strict=True):
            xr.testing.assert_identical(found, alone[name])
