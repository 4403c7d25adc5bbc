"""Fixed steps by hand: slopes, memories, their limits, and time settings that change during the run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import SolveError
from sdmodel.core.tableau import ROUGH, Tableau
from sdmodel.solve import fixed_step
from sdmodel.solve.fixed_step import advanced, rough_states, runs_past_zero

Make = Callable[..., sdmodel.Model]
CONTROLS = "INITIAL TIME = 1 ~ Year ~ |\nTIME STEP = {step} ~ Year ~ |\nFINAL TIME = {end} ~ Year ~ |\n" \
    "SAVEPER = {saveper} ~ Year ~ |\n"  # fmt: skip


@pytest.fixture
def moving(tmp_path: Path) -> Make:
    """`moving(equations, end=..., step=..., saveper=...)`: a model whose time settings are formulas."""

    def make(equations: str, end: str = "8", step: str = "1", saveper: str = "1") -> sdmodel.Model:
        path = tmp_path / "moving.mdl"
        path.write_text(equations + CONTROLS.format(step=step, end=end, saveper=saveper), encoding="utf-8")
        return sdmodel.load(path)

    return make


def test_states_are_advanced_by_the_weighted_sum_of_slopes() -> None:
    y, found = [1.0, 2.0, 9.0], [[2.0, 4.0], [3.0, -6.0], [5.0, 0.0]]  # the third entry is no state
    assert advanced(y, found[:1], (1.0,), 1.0, 0.5) == [2, 4]
    assert advanced(y, found[:1], (1.0,), 2.0, 0.5) == [1.5, 3]
    assert advanced(y, found[:2], (0.0, 3.0), 4.0, 2.0) == [1 + 1.5 * 3, 2 - 1.5 * 6]
    assert advanced(y, found, (2.0, 3.0, 4.0), 9.0, 3.0) == [1 + (4 + 9 + 20) / 3, 2 + (8 - 18) / 3]
    assert advanced(y, found[:2], (1.0, 1.0), 1.0, 0.5) == [1 + 2.5, 2 - 1]


def test_a_step_is_rough_where_its_error_is_large_beside_the_state() -> None:
    table = Tableau(2, ((1.0, 1.0), 2.0), (((1.0,), 1.0),), error=(1.0, -1.0))
    found = [[1.0, 1.0, -1.0], [0.0, 0.0, 0.0]]  # errors of the size of the step
    assert rough_states(table, found, [1.0, -1.0, 0.0], [1.0, 0.0, -1.0], 2 * ROUGH) == 2
    assert rough_states(table, found, [1.0, -1.0, 0.0], [1.0, 0.0, -1.0], ROUGH) == 0
    assert rough_states(table, found, [1.0, 1.0, 0.5], [1.0, 0.0, 0.0], 1.0) == 3
    plain = Tableau(1, ((1.0,), 1.0))
    assert rough_states(plain, found[:1], [0.0] * 3, [0.0] * 3, 1.0) == 0


@pytest.mark.parametrize(
    ("last", "before", "after", "past"),
    [
        (0.0, 0.25, -0.25, True),  # empty within the step, and the flow has stopped
        (-0.15, 0.25, -0.25, False),  # more than half of the slope over the step
        (-0.1, 0.25, -0.25, True),
        (-0.5, 0.5, -0.5, False),
        (0.4, 0.25, -0.25, True),  # more flows in than out
        (0.0, 0.75, 0.25, False),
        (0.0, 0.0, -0.5, True),
        (0.0, 0.5, 0.0, False),
        (0.0, -0.25, 0.25, True),  # a debt that is paid
        (9.0, 0.0, 0.5, False),  # a stock that fills from zero
        (0.0, 0.0, 0.5, False),
    ],
)
def test_a_stock_that_runs_past_zero(last: float, before: float, after: float, past: bool) -> None:
    """The step is two long, so the slope over it is half of the change."""
    assert runs_past_zero([1.0, last], [5.0, before], [7.0, after], 2.0) is past


def test_memories_hold_so_many_values_and_no_more(model_from: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_step, "MAX_MEMORY", 100)
    held = "x = DELAY FIXED(Time, 50, 0) ~~|\ny = DELAY FIXED(Time, {}, 7) ~~|"
    assert model_from(held.format(50), step=1).run(method="euler")["y"].tolist() == [7] * 11
    with pytest.raises(SolveError, match=r"'y.* holds more than 100 past values. Use a longer TIME STEP"):
        model_from(held.format(51), step=1).run(method="euler")


def test_time_settings_that_change_during_the_run(moving: Callable[..., sdmodel.Model]) -> None:
    grow = "x = INTEG(x, 1) ~~|\nt = INTEG(1, 1) ~~|\n"
    run = moving(grow, step="IF THEN ELSE(Time < 4, 1, 0.5)", end="6", saveper="IF THEN ELSE(Time < 3, 1, 2)").run(
        method="euler"
    )
    assert run.time.tolist() == [1, 2, 3, 5, 6]
    np.testing.assert_allclose(run["x"], [1, 2, 4, 8 * 1.5**2, 8 * 1.5**4], rtol=1e-15)
    np.testing.assert_allclose(run["t"], run.time, rtol=1e-15)
    assert run.report.evaluations == 3 + 4
    often = moving(grow, end="IF THEN ELSE(x > 20, 1, 100)", saveper="2").run(method="euler", every=1)
    assert often.time.tolist() == [1, 2, 3, 4, 5, 6]
    with pytest.raises(SolveError, match="Give every= as a number"):
        moving(grow, end="IF THEN ELSE(x > 20, 1, 100)").run(method="euler", every=[2, 3])
    state = often.state(at=3)
    assert (state.time, state.steps) == (3, 2)
    again = moving(grow, end="IF THEN ELSE(x > 20, 1, 100)").run(initial=state)
    assert again.time.tolist() == [3, 4, 5, 6]
    np.testing.assert_array_equal(again["x"], often["x"].iloc[2:])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"step": "4 - Time"}, "At 4 the time settings make no sense: FINAL TIME 8, TIME STEP 0"),
        ({"saveper": "2 - Time"}, "At 2 the time settings make no sense: .*SAVEPER 0"),
    ],
)
def test_time_settings_that_stop_making_sense(
    moving: Callable[..., sdmodel.Model], settings: dict[str, str], said: str
) -> None:
    with pytest.raises(SolveError, match=said):
        moving("x = INTEG(1, 0) ~~|\n", **settings).run()


def test_an_end_may_move_away_for_a_while(
    moving: Callable[..., sdmodel.Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixed_step, "PATIENCE", 12)
    later = "IF THEN ELSE(Time > 10 :AND: Time < 20, Time + 15, 30)"
    assert moving("x = INTEG(1, 0) ~~|\n", end=later).run().time[-1] == 30
    with pytest.raises(SolveError, match="at 24 it is 39, and 12 steps have not come nearer"):
        moving("x = INTEG(1, 0) ~~|\n", end="IF THEN ELSE(Time > 10, Time + 15, 30)").run()


def test_a_state_knows_how_many_steps_were_made(model_from: Make) -> None:
    model = model_from("x = INTEG(RANDOM 0 1(), 0) ~~|", step=0.25, start=2)
    whole = model.run(method="euler")
    state = whole.state(at=5)
    assert state.steps == 12
    np.testing.assert_array_equal(model.run(initial=state)["x"], whole["x"].loc[5:])


def test_steps_of_exact_dates_go_on_from_a_state_on_the_same_grid(model_from: Make) -> None:
    model = model_from("x = INTEG(-x/3, 1) ~~|", step=2)
    whole = model.run(method="exact")
    late = model.run(initial=whole.state(at=4))
    np.testing.assert_allclose(late["x"], whole["x"].loc[4:], rtol=1e-13)
    assert late.report.evaluations == 6 * 4


def test_a_time_step_that_follows_from_constants(model_from: Make) -> None:
    model = model_from("x = INTEG(k*x, 1) ~~|\nbase = 1 ~~|\nk = 1 ~~|", step="base/4")
    swept = model.sweep([{"k": 1.0}, {"k": 2.0}], ["x"], method="euler", workers=1)
    np.testing.assert_allclose(swept["x"][:, 2], [1.25**8, 1.5**8], rtol=1e-13)
    assert model.run({"base": 2}, method="euler")["x"].loc[2] == pytest.approx(1.5**4, rel=1e-13)
