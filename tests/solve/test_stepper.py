"""Runs in pieces, for coupling with another program."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from test_state import ARRAY, DECAY, MEMORIES, SMOOTH

import sdmodel
from sdmodel.core.errors import OverrideError, StateError

Make = Callable[..., sdmodel.Model]


@pytest.mark.parametrize(
    ("text", "method", "allowed"),
    [(MEMORIES, "euler", 1e-9), (MEMORIES, "rk4", 1e-9), (SMOOTH, "exact", 1e-9), (SMOOTH, "LSODA", 1e-6)],
)
def test_steps_in_which_nothing_is_set_equal_one_run(model_from: Make, text: str, method: str, allowed: float) -> None:
    model = model_from(text, step=0.25)
    whole = model.run({"rate": 1.5}, method=method, seed=4)
    with model.stepper({"rate": 1.5}, method=method, seed=4) as s:
        for until in (0.25, 3, 4.5, 10):
            s.step(until=until)
    run = s.run()
    assert run.time.tolist() == whole.time.tolist()
    assert run.columns == whole.columns
    assert np.abs(run.values - whole.values).max() <= allowed * np.abs(whole.values).max()
    assert run.constants == whole.constants


def test_constants_change_between_steps(model_from: Make) -> None:
    model = model_from(DECAY)
    with model.stepper() as s:
        s.step(until=4)
        assert s["level"] == pytest.approx(5 * math.exp(-1), rel=1e-6)
        s.step(until=10, set={"tau": 2})
        assert s["level"] == pytest.approx(5 * math.exp(-1) * math.exp(-3), rel=1e-6)
        assert s["tau"] == 2
        assert s["begun"] == 6
    run = s.run()
    assert run["tau"].tolist() == [4] * 4 + [2] * 7
    assert model.run(scenario=run.scenario)["level"].iloc[-1] == pytest.approx(run["level"].iloc[-1], rel=1e-6)


def test_another_program_sets_a_stock_and_a_series(model_from: Make) -> None:
    model = model_from("level = INTEG(inflow, 0) ~ Dmnl ~ |\ninflow ~ Dmnl ~ |", step=0.5)
    s = model.stepper(data={"inflow": ([0, 10], [0, 0])}, method="euler")
    s.step(until=2, set={"inflow": 3})
    assert s["level"] == pytest.approx(6)
    s.step(set={"level": 50})
    assert (s.time, s["level"]) == (2.5, pytest.approx(51.5))


def test_an_element_of_an_array(model_from: Make) -> None:
    s = model_from(ARRAY).stepper({"growth": 0})
    s.step(until=5, set={"people[north]": 40})
    assert s["people"].to_dict() == pytest.approx({"north": 40, "south": 20})


def test_a_stepper_begins_at_a_state_and_gives_one(model_from: Make) -> None:
    model = model_from(MEMORIES, step=0.25)
    whole = model.run(method="rk4", seed=2)
    s = model.stepper(initial=whole.state(at=3))
    s.step(until=7)
    assert model.run(initial=s.state)["late"].iloc[-1] == pytest.approx(whole["late"].iloc[-1], rel=1e-9)


def test_what_has_no_meaning_is_refused(model_from: Make) -> None:
    s = model_from(DECAY).stepper(method="rk4")
    for until in (0, -1, 11, 0.3, 10 + 4e-9):
        with pytest.raises(StateError):
            s.step(until=until)
    for given in ({"tau": "a"}, {"tau": math.nan}, {"nope": 1}, [1]):
        with pytest.raises(sdmodel.SdmodelError):
            s.step(set=given)
    with pytest.raises(OverrideError):
        s.step(set={"begun": 1})
    assert s.time == 0
    with pytest.raises(StateError, match="how it was made"):
        s.run().state()
