"""Dates in the kernel: each lane lands on its own, to the last bit as a single run does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from lanes import by_python, design, programs

import sdmodel
from sdmodel.compile.llvm import Kernel, dates
from sdmodel.compile.llvm.breaks import cuts, drop_close
from sdmodel.model import Model
from sdmodel.solve.registry import solver


def test_a_date_is_met_exactly_in_every_lane(model_from: Callable[..., Model]) -> None:
    """What a pulse fills in is its width, whatever the date, and no staircase of TIME STEP."""
    model = model_from("exit = 3 ~ ~ |\nlasts = 2 ~ ~ |\nlevel = INTEG(PULSE(exit, lasts), 0) ~ ~ |", end=10)
    program, _ = programs(model, "exact")
    given = np.tile(np.array(program.defaults), (1001, 1))
    names = list(program.parameters)
    given[:, names.index("exit")] = np.linspace(1, 6, 1001)
    given[:, names.index("lasts")] = np.linspace(0.01, 3, 1001)
    values, _, _ = Kernel(program, [program.outputs["level"]], tableau=solver("exact").steps).run(
        given, [0.0, 5.0, 10.0]
    )
    exit_, lasts = given[:, names.index("exit")], given[:, names.index("lasts")]
    np.testing.assert_allclose(values[:, 0, 2], lasts, atol=1e-13)
    np.testing.assert_allclose(values[:, 0, 1], np.clip(np.minimum(5 - exit_, lasts), 0, None), atol=1e-13)


def test_at_a_break_the_right_limit_is_reported(model_from: Callable[..., Model]) -> None:
    model = model_from("on = STEP(1, 3.3) ~ ~ |\nlevel = INTEG(on, 0) ~ ~ |", end=6)
    program, _ = programs(model, "exact")
    values, _, _ = Kernel(program, [program.outputs["on"]], tableau=solver("exact").steps).run(
        [program.defaults], [0.0, 3.0, 3.3, 6.0]
    )
    assert values[0, 0].tolist() == [0.0, 0.0, 1.0, 1.0]


def test_breaks_of_higher_levels(model_from: Callable[..., Model]) -> None:
    """Dates that follow from held values: remainders, trains, lookups of a bent line, choices between lines."""
    equations = """
p = 1.3 ~ ~ |
q = 0.7 ~ ~ |
phase = MODULO(Time + q, p * 2) ~ ~ |
gate = IF THEN ELSE(phase < p, 1, 0) ~ ~ |
slow = MAX(Time - 4, q * Time / 2) ~ ~ |
bent = WITH LOOKUP(slow, ((0,0),(1,2),(2,1),(4,5),(6,1))) ~ ~ |
late = IF THEN ELSE(IF THEN ELSE(gate > 0.5, Time, 10 - Time) > 5, 1, q) ~ ~ |
floored = QUANTUM(slow, 0.9) ~ ~ |
level = INTEG(gate + bent + late + floored - level / 5, p) ~ ~ |
"""
    program, outputs = programs(model_from(equations, end=10, step=0.5), "exact")
    kernel = Kernel(program, outputs, tableau=solver("exact").steps)
    assert max(s.level for s in kernel.plan.clock.sources) >= 1
    given = design(program, 21, spread=0.2)
    times = [0.0, 2.5, 5.0, 10.0]
    values, status, _ = kernel.run(given, times)
    assert not status.any()
    for p, got in zip(given, values, strict=True):
        np.testing.assert_array_equal(got, by_python(program, outputs, p, times, "exact"))


def test_too_many_breaks_fail_one_run_only(model_from: Callable[..., Model]) -> None:
    model = model_from("gap = 1 ~ ~ |\nlevel = INTEG(PULSE TRAIN(0, gap / 2, gap, 9), 0) ~ ~ |", end=10)
    program, outputs = programs(model, "exact")
    given = np.tile(np.array(program.defaults), (11, 1))
    kernel = Kernel(program, outputs, tableau=solver("exact").steps)
    whole, _, _ = kernel.run(given, [0.0, 10.0])
    given[4, list(program.parameters).index("gap")] = 1e-6
    values, status, _ = kernel.run(given, [0.0, 10.0])
    assert status.tolist() == [0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0]
    assert np.isnan(values[4]).all()
    np.testing.assert_array_equal(np.delete(values, 4, axis=0), np.delete(whole, 4, axis=0))


def test_dates_off_the_grid_against_scipy(model_from: Callable[..., Model]) -> None:
    """On a smooth model what is left is the error of the steps, far below 1e-6, wherever the dates fall."""
    equations = """
starts = 3.3 ~ ~ |
lasts = 2.71 ~ ~ |
grant = PULSE(starts, lasts) + RAMP(0.1, starts, starts + 4) ~ ~ |
capital = INTEG(grant + 0.3 * effort - capital / 6, 2) ~ ~ |
effort = INTEG((capital / (1 + capital) - effort) / 2 + STEP(0.2, starts + lasts), 0.4) ~ ~ |
trust = SMOOTH3(effort * EXP(-capital / 10), 3) ~ ~ |
"""
    model = model_from(equations, end=20, step=0.125)
    program, _ = programs(model, "exact")
    names = ["capital", "effort", "trust"]
    rng = np.random.default_rng(4)
    moved = {"starts": rng.uniform(0.5, 12, 40), "lasts": rng.uniform(0.01, 5, 40)}
    given = np.tile(np.array(program.defaults), (40, 1))
    for name, values in moved.items():
        given[:, program.parameters.index(name)] = values
    times = np.arange(0.0, 21.0)
    got, _, _ = Kernel(program, [program.outputs[n] for n in names], tableau=solver("exact").steps).run(given, times)
    for i in range(40):
        run = model.run({n: float(v[i]) for n, v in moved.items()}, rtol=1e-10, every=1.0)
        wanted = np.array([run[n].to_numpy() for n in names])
        assert np.max(np.abs(got[i] - wanted) / np.abs(wanted).max(axis=1, keepdims=True)) < 1e-6


def test_shandong_against_scipy() -> None:
    """The exit of government at dates off the grid (1.6e-7 when written)."""
    model = sdmodel.load("shandong")
    outcomes = list(model.outcomes)
    exits = [2015.37, 2018.2157, 2021.22]
    rows = [{"exit start": date, "TIME STEP": 1 / 16} for date in exits]  # half that of the file
    swept = model.sweep(rows, outcomes, every=1.0, progress=False)
    assert swept.attrs["method"] == "exact"
    largest = max(float(np.abs(swept[name]).max()) for name in outcomes)
    for i, date in enumerate(exits):
        run = model.run({"exit start": date}, rtol=1e-10, every=1.0)
        for name in outcomes:
            wanted = run[name].to_numpy().reshape(len(run.time), -1)
            got = swept[name].isel(run=i).to_numpy().reshape(wanted.shape)
            # a residual that is nothing but rounding has no size of its own
            scale = max(float(np.abs(wanted).max()), 1e-9 * largest)
            assert np.abs(got - wanted).max() < 1e-5 * scale, (date, name)


@pytest.mark.parametrize("spread", [0.4, 3.0, 40.0])
def test_of_close_dates_the_first_is_kept(spread: float) -> None:
    """A date is dropped if it is not later than the one kept before it by more than the least distance."""
    dates = np.sort(np.random.default_rng(1).uniform(0, spread, (5, 12, 8)), axis=1)
    dates[:, 7:, ::2] = np.inf
    wanted = dates.copy()
    for v, lane in np.ndindex(5, 8):
        before = 0.0
        for i, date in enumerate(dates[v, :, lane]):
            if np.isinf(date) or date - before > 0.5:
                before = min(date, 1e9)
            else:
                wanted[v, i, lane] = np.inf
    with np.errstate(all="ignore"):
        drop_close(dates, np.zeros((5, 1, 8)), 0.5)
    np.testing.assert_array_equal(dates, wanted)


def test_dates_are_found_once_for_each_set_of_values(
    model_from: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs whose dates rest on equal values share them; the results are those of runs alone."""
    equations = """
exit = 3 ~ ~ |
rate = 0.3 ~ ~ |
level = INTEG(STEP(1, exit) + WITH LOOKUP(MAX(Time, exit), ((0,1),(4.3,2),(9,0))) - rate * level, rate) ~ ~ |
"""
    program, outputs = programs(model_from(equations, end=10, step=0.5), "exact")
    kernel = Kernel(program, outputs, tableau=solver("exact").steps)
    given, times = design(program, 40, spread=0.2), [0.0, 2.5, 10.0]
    given[:, program.parameters.index("exit")] = np.resize([3.0, 3.3, 4.9, 3.3, -0.0, 0.0], 40)
    asked = []

    def counted(*args: Any) -> Any:
        asked.append(args[-1])
        return cuts(*args)

    monkeypatch.setattr(dates, "cuts", counted)
    values, _, _ = kernel.run(given, times)
    assert {vectors for vectors, _ in asked} == {1}  # five sets of values in one vector
    asked.clear()
    given[:, program.parameters.index("rate")] *= 2  # moves no date
    doubled = kernel.run(given, times)[0]
    assert not asked
    assert (doubled != values).any()
    kernel.run(given, [*times[:-1], 9.5])
    assert asked  # another end
    np.testing.assert_array_equal(kernel.run(given, times)[0], doubled)
    given[:, program.parameters.index("rate")] /= 2
    for i, p in enumerate(given):
        np.testing.assert_array_equal(kernel.run(given[i : i + 1], times)[0][0], values[i])
        np.testing.assert_array_equal(values[i], by_python(program, outputs, p, times, "exact"))
