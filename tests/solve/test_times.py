"""Reported times, steps that are no exact multiple in binary, limits, and values at the very instant of a date."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import ScenarioError, SolveError, StateError
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.solve.times import grid_step, is_whole, places, report_times, steps_between, wanted_times

Make = Callable[..., sdmodel.Model]


def control(end: float, step: float, saveper: float | None = None, start: float = 0.0) -> dict[str, float]:
    saveper = step if saveper is None else saveper
    return {"initial time": start, "final time": end, "time step": step, "saveper": saveper}


@pytest.mark.parametrize(
    ("end", "step", "steps"),
    [(0.3, 0.1, 3), (0.7, 0.1, 7), (1.1, 0.1, 11), (0.6, 0.2, 3), (1.0, 0.3, 4), (1.0, 1.0, 1), (0.0, 1.0, 0)],
)
def test_steps_are_counted_over_rounding(end: float, step: float, steps: int) -> None:
    assert steps_between(0.0, end, step) == steps
    times = report_times(control(end, step), None, True)
    assert times == [i * step for i in range(steps + 1)]


@pytest.mark.parametrize(
    ("ratio", "whole"),
    [(0.3 / 0.1, True), (1.1 / 0.1, True), (1.0, True), (0.5, False), (2.5, False), (1.0001, False), (0.0, False),
     (1 + 1e-8, False), (1e9 * (1 + 1e-10), True)],
)  # fmt: skip
def test_whole_ratios_are_told_over_rounding(ratio: float, whole: bool) -> None:
    assert is_whole(ratio) is whole


@pytest.mark.parametrize(
    ("end", "gap", "times"),
    [(0.3, 0.1, [0, 0.1, 0.2, 0.3]), (1.1, 0.1, [*(i * 0.1 for i in range(11)), 1.1]),
     (1.0, 0.3, [0, 0.3, 0.6, 0.9, 1.0]),
     (1.0, 5.0, [0, 1.0]), (0.0, 1.0, [0])],
)  # fmt: skip
def test_continuous_runs_report_first_and_last_time_once(end: float, gap: float, times: list[float]) -> None:
    found = report_times(control(end, 0.01, gap), None, False)
    assert found == pytest.approx(times)
    assert found[-1] == end
    assert all(b > a for a, b in itertools.pairwise(found))


def test_saveper_of_several_steps_and_the_last_step() -> None:
    assert report_times(control(1.0, 0.1, 0.3), None, True) == pytest.approx([0, 0.3, 0.6, 0.9, 1.0])
    assert report_times(control(1.0, 0.1), 0.5, True) == pytest.approx([0, 0.5, 1.0])
    with pytest.raises(SolveError, match=r"every=0.25 is no multiple of the TIME STEP 0.1. Use 0.2"):
        report_times(control(1.0, 0.1), 0.25, True)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (control(5_000_001.0, 1.0), "more than 5 million times"),
        (control(1.0, 1.9e-8, 1.0), "more than 50 million steps"),
        (control(1.0, 0.0), "make no sense"),
        (control(1.0, 1.0, 0.0), "make no sense"),
        (control(-1.0, 1.0), "make no sense"),
        (control(float("nan"), 1.0), "make no sense"),
        (control(1e17 + 64, 1.0, start=1e17), "lost in rounding"),
        (control(1e10 + 8, 1.0, start=1e10), "lost in rounding"),  # the spacing of doubles there is 1.9e-6
        (control(0.0, 1.0, start=-1e10), "lost in rounding"),
        (control(1e10, 1e4, 1.0), "lost in rounding"),
        (control(1e10, 1.0, 1e4), "lost in rounding"),
        (control(float("inf"), 1.0), "make no sense"),
        (control(1.0, -1.0, 1.0), "make no sense"),
    ],
)
def test_what_is_too_much_or_nothing_is_refused(given: dict[str, float], words: str) -> None:
    for fixed in (True, False):
        with pytest.raises(SolveError, match=words):
            report_times(given, None, fixed)


def test_just_below_the_limits_is_taken() -> None:
    assert report_times(control(1.0, 2.1e-8, 1.0), None, False) == [0, 1]
    assert len(report_times(control(50_000.0, 1.0, 1.0), None, True)) == 50_001
    far = control(4e9 + 40, 1.0, start=4e9)
    assert report_times(far, None, True) == report_times(far, None, False) == [4e9 + i for i in range(41)]
    assert report_times(control(0.5, 0.25, 0.25), 0.5, False) == [0, 0.5]
    assert report_times(control(2.0, 1.0, 0.25), None, True) == [0, 1, 2]


# -- listed times, and runs that go on --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("wanted", "on_grid", "anywhere"),
    [
        ([7.0, 3, 3], [0, 3, 7, 10], [0, 3, 7, 10]),
        ([3 + 1e-7], [0, 3, 10], [0, 3 + 1e-7, 10]),
        ([5e-7, 5, 10 - 5e-7], [0, 5, 10], [0, 5, 10]),
        ([-5e-7, 10 + 5e-7], [0, 10], [0, 10]),
        ([9.5, 0.25], "between two steps of this method, which go by 1. Ask for 0", [0, 0.25, 9.5, 10]),
        ([8.75], "asks for the time 8.75, between two steps .* Ask for 9", [0, 8.75, 10]),
        ([3 + 2e-6], "between two steps", [0, 3 + 2e-6, 10]),
        ([10.5], "asks for the time 10.5; the run goes from 0 to 10", "asks for the time 10.5"),
        ([10 + 2e-6], "asks for the time 10", "asks for the time 10"),
        ([-2e-6, 5], "asks for the time -2e-06", "asks for the time -2e-06"),
    ],
)
def test_times_that_are_listed_are_reported_beside_the_first_and_the_last(
    wanted: list[float], on_grid: list[float] | str, anywhere: list[float] | str
) -> None:
    for fixed, want in ((True, on_grid), (False, anywhere)):
        if isinstance(want, str):
            with pytest.raises(SolveError, match=want):
                report_times(control(10, 1), wanted, fixed)
        else:
            assert report_times(control(10, 1), wanted, fixed) == want
    assert report_times(control(4, 0.5, start=2), [3.5], True) == [2, 3.5, 4]


def test_what_lists_times_and_what_does_not() -> None:
    assert [wanted_times(every) for every in (None, 3, 0.5, "2")] == [None] * 4
    assert wanted_times([5, 3, 3, 4.5]) == (3, 4.5, 5)
    for every in ([], [1, float("nan")], [float("inf")]):
        with pytest.raises(ScenarioError, match="lists no times"):
            wanted_times(every)
    assert places([0.0, 1.0, 2.0], [-1, 0.4, 0.6, 1, 1.5, 5]) == [0, 0, 1, 1, 2, 2]


def test_a_run_that_goes_on_is_reported_at_its_first_time_and_the_later_ones() -> None:
    ten = control(10, 1, 2)
    assert report_times(ten, None, True, 3.0) == [3, 4, 6, 8, 10]
    assert report_times(ten, None, True, 3 + 5e-7) == [3, 4, 6, 8, 10]
    assert report_times(ten, None, False, 4 - 5e-7) == [4 - 5e-7, 6, 8, 10]
    assert report_times(ten, None, False, 3.3) == [3.3, 4, 6, 8, 10]
    assert report_times(ten, None, False, 10.0) == report_times(ten, None, True, 10.0) == [10]
    assert report_times(ten, [4, 6], True, 4.0) == report_times(ten, [4 - 5e-7, 6], False, 4.0) == [4, 6, 10]
    with pytest.raises(SolveError, match="asks for the time 3; the run goes from 4 to 10"):
        report_times(ten, [3, 6], True, 4.0)
    with pytest.raises(StateError, match="begin at 11, after its FINAL TIME 10"):
        report_times(ten, None, True, 11.0)
    with pytest.raises(StateError, match="begin at -1, before its INITIAL TIME 0"):
        report_times(ten, None, False, -1.0)
    for beyond in (-2e-6, 10 + 2e-6):
        with pytest.raises(StateError, match="would begin at"):
            report_times(ten, None, False, beyond)


def test_the_number_of_a_step_on_the_grid() -> None:
    assert grid_step(0.0, 0.1, 0.3) == grid_step(2.0, 0.5, 3.5) == grid_step(0.0, 1.0, 3 - 5e-7) == 3
    for start, step, at, near in ((0.0, 0.5, 0.7, "0.5"), (0.0, 1.0, 3 + 2e-6, "3"), (2.0, 0.5, 1.0, "2")):
        with pytest.raises(StateError, match=rf"grid \({start:g}, {start + step:g}, ...\). Use {near}\."):
            grid_step(start, step, at)


@pytest.mark.parametrize("method", ["LSODA", "exact", "rk4", "euler"])
def test_a_report_of_many_inexact_steps_is_at_its_step(model_from: Make, method: str) -> None:
    model = model_from("x = INTEG(1, 0) ~ Dmnl ~ [outcome] |", end=1.1, step=0.1)
    run = model.run(method=method, every=0.1)
    assert len(run.time) == 12
    np.testing.assert_allclose(run["x"], run.time, atol=1e-12)
    swept = model.sweep([{}], ["x"], method=method, every=0.1)
    np.testing.assert_allclose(swept["x"][0], run["x"], atol=1e-12)


# -- at the very instant ----------------------------------------------------------------------------------------
INSTANT = """
x = INTEG(rate, 0) ~ Dmnl ~ |
rate = 1 ~ 1/Year ~ |
shown = rate ~ 1/Year ~ |
stepped = STEP(1, 3) ~ Dmnl ~ |
from there = IF THEN ELSE(Time >= 3, 1, 0) ~ Dmnl ~ |
before = IF THEN ELSE(Time < 3, 1, 0) ~ Dmnl ~ |
"""
NAMES = ["x", "shown", "stepped", "from there", "before"]
EVERYWHERE = ["LSODA", "Radau", "exact", "rk4", "euler"]


@pytest.mark.parametrize("method", EVERYWHERE)
def test_at_a_date_the_value_is_the_one_that_begins_there(model_from: Make, method: str) -> None:
    model = model_from(INSTANT, step=0.25)
    scenario = Scenario(paths={"rate": Schedule((2, 3), (1.0, 5.0))})
    run = model.run(scenario=scenario, method=method, every=0.25)
    swept = model.sweep([{}], NAMES, scenario=scenario, method=method, every=0.25)
    for values in (lambda name: run[name].to_numpy(), lambda name: swept[name][0].to_numpy()):
        at = {time: i for i, time in enumerate(run.time.tolist())}
        for name, before, after in (
            ("shown", 1, 5), ("stepped", 0, 1), ("from there", 0, 1), ("before", 1, 0),
        ):  # fmt: skip
            path = values(name)
            assert (path[at[2.75]], path[at[3.0]], path[at[3.25]]) == (before, after, after), name
        if method != "rk4":  # its last stage looks at the end of the step, where the next value holds
            assert values("x")[at[3.0]] == pytest.approx(3, abs=1e-6)
            assert values("x")[at[4.0]] == pytest.approx(8, abs=1e-6)


@pytest.mark.parametrize("method", ["LSODA", "exact"])
def test_a_linear_schedule_is_met_at_its_knots(model_from: Make, method: str) -> None:
    scenario = Scenario(paths={"rate": Schedule((2, 3.3, 5), (1.0, 5.0, 2.0), "linear")})
    run = model_from(INSTANT, step=0.25).run(scenario=scenario, method=method, every=0.1)
    wanted = np.interp(run.time, [2, 3.3, 5], [1.0, 5.0, 2.0])
    np.testing.assert_allclose(run["rate"], wanted, atol=1e-9)
    assert run["x"].iloc[50] == pytest.approx(2 + 1.3 * 3 + 1.7 * 3.5, rel=1e-6)
