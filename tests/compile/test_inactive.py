"""What has no influence before a date, and what cannot be told."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import sdmodel
from sdmodel.compile.inactive import active_before, thresholds
from sdmodel.compile.programs import program_of
from sdmodel.model import Model

HEAD = """
a = 2 ~ ~ |
b = 3 ~ ~ |
start = 5 ~ ~ |
level = INTEG(flow, 1) ~ ~ |
flow = {flow} ~ ~ |
"""
ON = "IF THEN ELSE(Time >= start, 1, 0)"


def _active(model: Model, date: float, **ranges: tuple[float, float]) -> set[str]:
    program = program_of(model, fixed=False)
    low, high = list(program.defaults), list(program.defaults)
    for name, ends in ranges.items():
        low[program.parameters.index(name)], high[program.parameters.index(name)] = ends
    active = active_before(program, [program.outputs["level"]], date, low, high)
    return {program.parameters[i] for i in active}


@pytest.mark.parametrize(
    ("flow", "active"),
    [
        (f"b * {ON} + a", {"a"}),
        (f"(1 + (b - 1) * {ON}) * a", {"a"}),
        (f"IF THEN ELSE({ON} = 0, a, b)", {"a", "b"}),  # an equation in equals is not decided
        (f"IF THEN ELSE({ON} > 0.5, b, a)", {"a"}),
        (f"IF THEN ELSE(:NOT: ({ON} > 0.5) :AND: Time < start, a, b)", {"a"}),
        (f"IF THEN ELSE(Time < start, MIN(a, 1), MAX(b, 1)) + {ON} * b / a", {"a"}),
        ("STEP(b, start) + PULSE(start, b) + a", {"a"}),
        (f"MAX(b, 0) * ABS(b) * -b * {ON}", set()),
        (f"level * b * {ON}", {"b"}),  # the level may be infinite
        (f"b * level * (1 - 1 * (1 - {ON}))", {"b"}),
        (f"EXP(b) * {ON} + a", {"a", "b"}),
        (f"a / b * {ON}", {"b", "a"}),  # b may be zero
        ("RAMP(b, start, 9) + a", {"a"}),
        ("IF THEN ELSE(Time >= start * a, b, 0)", {"a", "b"}),  # from 0 on
        ("IF THEN ELSE(Time >= start + 0 * level, b, 0)", {"b"}),
    ],
)
def test_of_what_an_equation_rests_on(model_from: Callable[..., Model], flow: str, active: set[str]) -> None:
    model = model_from(HEAD.format(flow=flow), end=10)
    assert _active(model, 5.0, a=(0.0, 2.0), b=(-1.0, 3.0)) == active
    assert "b" in _active(model, 5.5, a=(0.0, 2.0), b=(-1.0, 3.0))


def test_a_date_acts_from_its_earliest_value(model_from: Callable[..., Model]) -> None:
    model = model_from(HEAD.format(flow=f"b * {ON}"), end=10)
    assert _active(model, 4.0, start=(4.0, 6.0), b=(1.0, 2.0)) == set()
    assert _active(model, 4.1, start=(4.0, 6.0), b=(1.0, 2.0)) == {"start", "b"}


def test_of_a_chain_of_stocks_and_of_what_is_not_a_number(model_from: Callable[..., Model]) -> None:
    model = model_from(HEAD.format(flow=f"b * {ON} + other") + "other = INTEG(-other * a, INITIAL(b)) ~ ~ |", end=10)
    assert _active(model, 5.0, a=(0.0, 2.0), b=(1.0, 2.0)) == {"a", "b"}
    model = model_from(HEAD.format(flow=f"b * {ON}"), end=10)
    assert _active(model, 5.0, b=(float("nan"), float("nan"))) == {"b"}


def test_dates_with_which_time_is_compared(model_from: Callable[..., Model]) -> None:
    model = model_from(
        HEAD.format(flow=f"{ON} + IF THEN ELSE(start + b > Time, 1, 0) + IF THEN ELSE(Time >= level, 1, 0)"), end=10
    )
    program = program_of(model, fixed=False)
    assert thresholds(program, program.defaults) == [5.0, 8.0]


def test_levers_of_the_shipped_model_act_from_the_policy_start() -> None:
    """So arms of the same samples share six of twenty-five years."""
    model = sdmodel.load("shandong")
    levers = model.levers
    ranges = {str(name): (float(row["low"]), float(row["high"])) for name, row in levers.iterrows()}
    program = program_of(model, fixed=False)
    low, high = list(program.defaults), list(program.defaults)
    for name, ends in ranges.items():
        low[program.parameters.index(name)], high[program.parameters.index(name)] = ends
    assert active_before(program, tuple(program.outputs.values()), 2015.0, low, high) == set()
    assert len(active_before(program, tuple(program.outputs.values()), 2016.0, low, high)) > 20
