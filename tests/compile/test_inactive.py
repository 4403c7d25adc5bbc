"""What has no influence before a date, and what cannot be told."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdmodel
from sdmodel.compile.inactive import (
    ANY,
    EITHER,
    NO,
    YES,
    Interval,
    _decided,
    _operation,
    active_before,
    active_on_dates,
    thresholds,
)
from sdmodel.compile.programs import program_of
from sdmodel.core.functions.table import OPERATIONS
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


# -- intervals ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("op", "given", "interval", "used"),
    [
        ("add", [(1, 2), (3, 5)], (4, 7), (0, 1)),
        ("sub", [(1, 2), (3, 5)], (-4, -1), (0, 1)),
        ("mul", [(-1, 2), (3, 5)], (-5, 10), (0, 1)),
        ("mul", [NO, (3, 5)], NO, ()),
        ("mul", [(3, 5), NO], NO, ()),
        ("mul", [NO, ANY], ANY, (0, 1)),
        ("mul", [(1, 2), ANY], ANY, (0, 1)),
        ("div", [(1, 2), (2, 4)], (0.25, 1), (0, 1)),
        ("div", [(1, 2), (-4, -2)], (-1, -0.25), (0, 1)),
        ("div", [(1, 2), (0, 4)], ANY, (0, 1)),
        ("div", [(1, 2), (-4, 0)], ANY, (0, 1)),
        ("div", [ANY, (1, 2)], ANY, (0, 1)),
        ("min", [(1, 4), (2, 3)], (1, 3), (0, 1)),
        ("max", [(1, 4), (2, 3)], (2, 4), (0, 1)),
        ("neg", [(1, 2)], (-2, -1), (0,)),
        ("abs", [(-3, 2)], (0, 3), (0,)),
        ("abs", [(1, 2)], (1, 2), (0,)),
        ("abs", [(-3, -1)], (1, 3), (0,)),
        ("abs", [(0, 2)], (0, 2), (0,)),
        ("abs", [ANY], ANY, (0,)),
        ("exp", [(0, 1)], ANY, (0,)),
        ("select", [YES, (1, 2), (3, 4)], (1, 2), (1,)),
        ("select", [(-2, -1), (1, 2), (3, 4)], (1, 2), (1,)),
        ("select", [NO, (1, 2), (3, 4)], (3, 4), (2,)),
        ("select", [EITHER, (1, 2), (3, 4)], (1, 4), (0, 1, 2)),
        ("select", [(-1, 0), (3, 4), (1, 2)], (1, 4), (0, 1, 2)),
        ("select", [ANY, (1, 2), (3, 4)], (1, 4), (0, 1, 2)),
        ("and", [YES, YES], YES, (0, 1)),
        ("and", [EITHER, NO], NO, (0, 1)),
        ("and", [EITHER, YES], EITHER, (0, 1)),
        ("or", [NO, NO], NO, (0, 1)),
        ("or", [EITHER, YES], YES, (0, 1)),
        ("or", [EITHER, NO], EITHER, (0, 1)),
        ("not", [YES], NO, ()),
        ("not", [NO], YES, ()),
        ("not", [EITHER], ANY, (0,)),
    ],
)
def test_the_interval_of_an_operation_by_hand(
    op: str, given: list[Interval], interval: Interval, used: tuple[int, ...]
) -> None:
    assert _operation(op, tuple(range(len(given))), given) == (interval, used)


ends = st.tuples(*[st.integers(-3, 3).map(float)] * 2).map(lambda pair: (min(pair), max(pair)))


@given(st.sampled_from(["add", "sub", "mul", "div", "min", "max"]), ends, ends, st.data())
def test_an_interval_holds_every_value(op: str, a: Interval, b: Interval, data: st.DataObject) -> None:
    (low, high), _ = _operation(op, (0, 1), [a, b])
    x, y = (data.draw(st.floats(*ends)) for ends in (a, b))
    value = OPERATIONS[op].value(x, y)
    assert low - 1e-12 <= value <= high + 1e-12 or value != value


@pytest.mark.parametrize(
    ("op", "left", "right", "want"),
    [
        ("lt", (1, 2), (3, 4), True), ("lt", (3, 4), (1, 2), False), ("lt", (1, 3), (2, 4), None),
        ("lt", (1, 2), (2, 4), None), ("lt", (2, 4), (1, 2), False), ("le", (1, 2), (2, 4), True),
        ("le", (2, 4), (1, 2), None), ("le", (3, 4), (1, 2), False), ("gt", (3, 4), (1, 2), True),
        ("gt", (2, 4), (1, 2), None), ("gt", (1, 2), (2, 4), False), ("ge", (2, 4), (1, 2), True),
        ("ge", (1, 2), (2, 4), None), ("ge", (1, 2), (3, 4), False), ("lt", ANY, (3, 4), None),
        ("lt", (1, 2), ANY, None),
        ("lt", "time", (6, 7), True), ("le", "time", (6, 7), True), ("gt", "time", (6, 7), False),
        ("ge", "time", (6, 7), False), ("ge", "time", (4, 7), None), ("ge", "time", ANY, None),
        ("lt", (6, 7), "time", False), ("gt", (6, 7), "time", True), ("ge", (4, 7), "time", None),
    ],
)  # fmt: skip
def test_a_comparison_is_decided_where_all_values_agree(
    op: str, left: Interval | str, right: Interval | str, want: bool | None
) -> None:
    program = SimpleNamespace(nodes=[("time",) if x == "time" else ("param", i) for i, x in enumerate((left, right))])
    values = [(-float("inf"), 5.0) if x == "time" else x for x in (left, right)]
    assert _decided(program, op, (0, 1), values, 5.0, False) is want


def test_a_comparison_with_the_date_itself_is_decided_where_it_is_held() -> None:
    program = SimpleNamespace(nodes=[("time",), ("param", 0)])
    values = [(-float("inf"), 5.0), (5.0, 7.0)]
    assert [_decided(program, "ge", (0, 1), values, 5.0, held) for held in (True, False)] == [False, None]


SUBSIDY = """
in force = MIN(1, {share} + extra * RAMP(0.1, start, 9)) ~ ~ |
wedge in force = MAX(0, wedge - in force) ~ ~ |
share = 0.1 ~ ~ |
extra = 0 ~ ~ |
wedge = 0.5 ~ ~ |
start = 3 ~ ~ |
level = INTEG(wedge in force, 0) ~ ~ |
"""


@pytest.mark.parametrize(
    ("share", "extra", "dates"),
    [("share", 0.0, set()), ("share", 1.0, {"share", "wedge"}), ("STEP(share, 2)", 0.0, {"share", "wedge"})],
)
def test_a_bound_of_what_does_not_move_has_no_date(
    model_from: Callable[..., Model], share: str, extra: float, dates: set[str]
) -> None:
    model = model_from(SUBSIDY.format(share=share), end=10)
    program = program_of(model, fixed=False)
    low, high = list(program.defaults), list(program.defaults)
    low[program.parameters.index("extra")] = high[program.parameters.index("extra")] = extra
    for name in ("share", "wedge"):
        high[program.parameters.index(name)] *= 2
    active = active_on_dates(program, (0.0, 10.0), low, high)
    assert {program.parameters[i] for i in active} == dates
