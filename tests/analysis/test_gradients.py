"""Exact derivatives against closed forms and central differences; what has none is refused by name."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import Outcome, plot
from sdmodel.core.errors import (
    DesignError,
    FixedStepError,
    OverrideError,
    SolveError,
    UnknownNameError,
    UnsupportedError,
)
from sdmodel.model import Model

Make = Callable[..., Model]
EXAMPLE = "adoption"


def derivative(model: Model, outcome: str | Outcome, name: str, **given: object) -> float:
    table = sdmodel.gradient(model, [name], outcome, **given)
    return float(table["derivative"].iloc[-1])


def difference(model: Model, outcome: Outcome, name: str, h: float) -> float:
    """Central difference of runs with the same steps."""
    value = model.parameters().loc[name, "value"]
    ends = [float(outcome.of(model.run({name: value + s * h}, method="exact"))) for s in (1, -1)]
    return (ends[0] - ends[1]) / (2 * h)


# -- closed forms -----------------------------------------------------------------------------------------------
def test_growth_has_the_derivatives_of_the_exponential(model_from: Make) -> None:
    model = model_from(
        "x = INTEG(rate*x, start) ~ a ~ |\nrate = 0.3 ~ 1/Year ~ |\nstart = 2 ~ a ~ |", end=5, step=0.03125
    )
    table = sdmodel.gradient(model, ["rate", "start", "x"], "x")
    for t in (0.0, 1.0, 5.0):
        rows, grown = table.loc[("x", t)], math.exp(0.3 * t)
        assert rows["derivative"].to_list() == pytest.approx([2 * t * grown, grown, grown], rel=1e-8)
        assert rows["value"].to_list() == pytest.approx([2 * grown] * 3, rel=1e-8)
        assert rows["elasticity"].to_list() == pytest.approx([0.3 * t, 1, 1], rel=1e-8)
    assert table.loc[("x", 5.0), "at"].to_list() == [0.3, 2, 2]


def test_logistic_growth(model_from: Make) -> None:
    """x = k / (1 + c e^(-r t)) with c = (k - x0) / x0."""
    model = model_from(
        "x = INTEG(r*x*(1 - x/k), 1) ~ a ~ |\nr = 0.8 ~ 1/Year ~ |\nk = 10 ~ a ~ |", end=6, step=0.015625, saveper=0.5
    )
    table = sdmodel.gradient(model, ["r", "k", "x"], "x")
    for t in np.arange(0, 6.5, 0.5):
        e = math.exp(-0.8 * t)
        whole = 1 + 9 * e
        by_r = 10 * 9 * t * e / whole**2
        by_k = 1 / whole - 10 * e / whole**2
        by_x = 10 * e * 10 / whole**2
        assert table.loc[("x", t), "derivative"].to_list() == pytest.approx([by_r, by_k, by_x], rel=1e-7, abs=1e-12)


@pytest.mark.parametrize(
    ("formula", "a", "slope"),
    [
        ("EXP(2*a)", 0.3, lambda a: 2 * math.exp(2 * a)),
        ("LN(a)", 0.3, lambda a: 1 / a),
        ("LOG(a, 10)", 0.3, lambda a: 1 / (a * math.log(10))),
        ("SQRT(a)", 0.3, lambda a: 0.5 / math.sqrt(a)),
        ("SIN(a)", 0.3, math.cos),
        ("COS(a)", 0.3, lambda a: -math.sin(a)),
        ("TAN(a)", 0.3, lambda a: 1 / math.cos(a) ** 2),
        ("ARCSIN(a)", 0.3, lambda a: 1 / math.sqrt(1 - a * a)),
        ("ARCCOS(a)", 0.3, lambda a: -1 / math.sqrt(1 - a * a)),
        ("ARCTAN(a)", 0.3, lambda a: 1 / (1 + a * a)),
        ("SINH(a)", 0.3, math.cosh),
        ("COSH(a)", 0.3, math.sinh),
        ("TANH(a)", 0.3, lambda a: 1 - math.tanh(a) ** 2),
        ("a^3", 0.3, lambda a: 3 * a * a),
        ("2^a", 0.3, lambda a: math.log(2) * 2**a),
        ("a^a", 0.3, lambda a: a**a * (math.log(a) + 1)),
        ("(-a)^3", 0.3, lambda a: -3 * a * a),
        ("0^a", 0.3, lambda a: 0.0),
        ("1/(1 + a)", 0.3, lambda a: -1 / (1 + a) ** 2),
        ("a/(2 - a)", 0.3, lambda a: 2 / (2 - a) ** 2),
        ("-a + 3 - 2*a", 0.3, lambda a: -3.0),
        ("ABS(a)", -0.3, lambda a: -1.0),
        ("MIN(a, 0.5)", 0.3, lambda a: 1.0),
        ("MAX(a, 0.5)", 0.3, lambda a: 0.0),
        ("INTEGER(3*a) + a", 0.5, lambda a: 1.0),
        ("IF THEN ELSE(a > 0.2, a^2, -a)", 0.3, lambda a: 2 * a),
        ("ZIDZ(2, a)", 0.5, lambda a: -2 / a**2),
        ("WITH LOOKUP(a, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", 0.5, lambda a: 2.0),
        ("WITH LOOKUP(a, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", 2.5, lambda a: 0.0),
        ("WITH LOOKUP(a, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", -1.0, lambda a: 0.0),
    ],
)
def test_each_operation_has_its_derivative(
    model_from: Make, formula: str, a: float, slope: Callable[[float], float]
) -> None:
    """Three times: of a constant, of a value that runs with time, and of one that a stock makes."""
    model = model_from(
        f"y = {formula} ~ Dmnl ~ |\na = {a} ~ Dmnl ~ |\n"
        f"z = {_of(formula, 'moved')} ~ Dmnl ~ |\nmoved = a + 0*Time ~ Dmnl ~ |\n"
        f"w = {_of(formula, 'held')} ~ Dmnl ~ |\nheld = INTEG(0*held, a) ~ Dmnl ~ |",
        end=1,
        step=0.5,
    )
    table = sdmodel.gradient(model, ["a"], [Outcome("y"), Outcome("z"), Outcome("w")])
    assert table["derivative"].to_list() == pytest.approx([slope(a)] * 3, rel=1e-12, abs=1e-14)


def _of(formula: str, name: str) -> str:
    """The formula with `a` replaced as a word."""
    return re.sub(r"\ba\b", name, formula)


@pytest.mark.parametrize(
    ("formula", "right"),
    [
        ("MIN(a, 1)", 0.0),
        ("MAX(a, 1)", 1.0),
        ("MIN(1, a)", 0.0),
        ("MIN(a, 2 - a)", -1.0),
        ("MAX(a, 2 - a)", 1.0),
        ("ABS(a - 1)", 1.0),
        ("ABS(1 - a)", 1.0),
        ("WITH LOOKUP(a, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", 3.0),
        ("WITH LOOKUP(2 - a, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", -2.0),
        ("WITH LOOKUP(a - 1, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", 2.0),
        ("WITH LOOKUP(1 - a, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", 0.0),
        ("WITH LOOKUP(a + 1, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", 0.0),
        ("WITH LOOKUP(3 - a, ([(0,0)-(2,5)],(0,0),(1,2),(2,5)))", -3.0),
    ],
)
def test_at_a_kink_it_is_the_derivative_from_the_right(model_from: Make, formula: str, right: float) -> None:
    model = model_from(
        f"y = {formula} ~ Dmnl ~ |\na = 1 ~ Dmnl ~ |\n"
        f"w = {_of(formula, 'held')} ~ Dmnl ~ |\nheld = INTEG(0*held, a) ~ Dmnl ~ |",
        end=1,
        step=0.5,
    )
    table = sdmodel.gradient(model, ["a"], [Outcome("y"), Outcome("w")])
    assert table["derivative"].to_list() == [right, right]


# -- dates ------------------------------------------------------------------------------------------------------
DATED = """
x = INTEG(flow - x/life, 1) ~ a ~ |
life = 4 ~ Year ~ |
size = 3 ~ a/Year ~ |
start = 2.3 ~ Year ~ |
stop = 6.7 ~ Year ~ |
"""


def test_a_stock_moves_with_the_dates_of_its_inflow(model_from: Make) -> None:
    """x(10) = e^(-10/4) + 12 (e^(-(10 - stop)/4) - e^(-(10 - start)/4)) for an inflow of 3 from start to stop."""
    model = model_from(f"flow = STEP(size, start) - STEP(size, stop) ~ a/Year ~ |{DATED}", step=0.0625)
    by_start, by_stop = -3 * math.exp(-(10 - 2.3) / 4), 3 * math.exp(-(10 - 6.7) / 4)
    table = sdmodel.gradient(model, ["start", "stop", "size", "life"], "x")
    last = table.loc[("x", 10.0), "derivative"]
    assert last[["start", "stop"]].to_list() == pytest.approx([by_start, by_stop], rel=1e-7)
    assert last["size"] == pytest.approx(4 * (math.exp(-3.3 / 4) - math.exp(-7.7 / 4)), rel=1e-7)
    # Before its date a date does nothing, at a time between the two only the first does.
    assert (table.loc[("x", 2.0), "derivative"][["start", "stop"]] == 0).all()
    assert table.loc[("x", 5.0), "derivative"][["start", "stop"]].to_list() == pytest.approx(
        [-3 * math.exp(-(5 - 2.3) / 4), 0], rel=1e-7
    )


@pytest.mark.parametrize(
    "flow",
    [
        "IF THEN ELSE(Time >= start :AND: Time < stop, size, 0)",
        "PULSE(start, stop - start)*size",
        "IF THEN ELSE(Time > start, IF THEN ELSE(Time > stop, 0, size), 0)",
        "size*IF THEN ELSE(Time < start, x/10, IF THEN ELSE(Time < stop, SQRT(x), Time/5))",
        "RAMP(size, start, stop)",
        "size*MAX(0, MIN(Time - start, stop - start))",
        "size*IF THEN ELSE(MODULO(Time - start/5, life/2) < stop/10, 1, 0)",
        "size*INTEGER((Time + start)/stop*5)",
        "size*PULSE TRAIN(start, 0.3, 1.7, stop)",
        "size*WITH LOOKUP(Time - start, ([(0,0)-(9,9)],(0,0),(1,2),(3,1),(5,4)))",
        "IF THEN ELSE(Time > start, size, 0)*IF THEN ELSE(2*Time > start + stop, x, 1)",
        "STEP(size, start)*STEP(1, 2*start) + RAMP(1/stop, start*1.5)",
    ],
)
def test_dated_equations_against_differences(model_from: Make, flow: str) -> None:
    """Every way to write a date, by every parameter in it, at times before, between and after."""
    model = model_from(f"flow = {flow} ~ a/Year ~ |{DATED}", step=0.03125, saveper=1)
    names = ["start", "stop", "size", "life"]
    outcomes = [Outcome("x", at=3), Outcome("x", at=8), Outcome("x", at=10)]
    table = sdmodel.gradient(model, names, outcomes)
    moved = 0
    for outcome in outcomes:
        for name in names:
            want = difference(model, outcome, name, 1e-5)
            assert table.loc[(outcome.label, name), "derivative"] == pytest.approx(want, rel=2e-6, abs=1e-6), name
            moved += abs(want) > 1e-3
    assert moved >= 6


def test_dates_that_meet_move_each_at_its_own_speed(model_from: Make) -> None:
    """One programme takes over from another on the same day; x(10) = 3 (mid - 2) + 5 (8 - mid2) with mid = mid2 = 5."""
    model = model_from(
        "x = INTEG(IF THEN ELSE(Time > 2 :AND: Time < mid, 3, 0) + STEP(5, mid2) - STEP(5, 8) + x*0, 0) ~ a ~ |\n"
        "mid = 5 ~ Year ~ |\nmid2 = 5 ~ Year ~ |\nboth = 5 ~ Year ~ |\n"
        "y = INTEG(STEP(3, 2) - STEP(3, both) + STEP(5, both), 0) ~ a ~ |"
    )
    table = sdmodel.gradient(model, ["mid", "mid2", "both"], [Outcome("x"), Outcome("y")])
    assert table.loc["final of x", "derivative"].to_list() == pytest.approx([3, -5, 0], rel=1e-9)
    assert table.loc["final of y", "derivative"].to_list() == pytest.approx([0, 0, 3 - 5], rel=1e-9)


def test_dates_that_meet_and_interact_take_the_order_of_the_move(model_from: Make) -> None:
    """A product of two jumps on one day begins with the later of both: from the right, each move later counts."""
    model = model_from("x = INTEG(STEP(2, a)*STEP(3, b), 0) ~ u ~ |\na = 4 ~ Year ~ |\nb = 4 ~ Year ~ |")
    table = sdmodel.gradient(model, ["a", "b"], Outcome("x"))
    assert table["derivative"].to_list() == pytest.approx([-6, -6], rel=1e-9)
    runs = [model.run({"a": 4 + h}, method="exact")["x"].iloc[-1] for h in (0, 1e-3, -1e-3)]
    assert runs[1] - runs[0] == pytest.approx(-6e-3, rel=1e-6)
    assert runs[2] - runs[0] == pytest.approx(0, abs=1e-12)


def test_an_outcome_that_jumps_has_no_derivative_there(model_from: Make) -> None:
    model = model_from(f"flow = STEP(size, start) - STEP(size, stop) ~ a/Year ~ |{DATED.replace('2.3', '2')}")
    with pytest.raises(DesignError, match=r"'flow' jumps at 2 when 'start' changes.*Take another time"):
        sdmodel.gradient(model, ["start"], Outcome("flow", at=2))
    path = sdmodel.gradient(model, ["start", "size"], "flow")["derivative"]
    assert math.isnan(path["flow", 2.0, "start"])
    assert path["flow", 2.0, "size"] == 1
    assert path["flow"].isna().sum() == 1
    # The stock bends at that date: from the right it is not moved yet, for a later start comes after it.
    assert derivative(model, Outcome("x", at=2), "start") == 0
    assert derivative(model, Outcome("x", at=2.25), "start", every=0.25) == pytest.approx(-3 * math.exp(-1 / 16))


@pytest.mark.parametrize(("sign", "place", "by_x"), [("", 0, -2), ("-", 0, 0), ("", 10, 0), ("-", 10, 2)])
def test_dates_at_the_ends_of_the_run(model_from: Make, sign: str, place: float, by_x: float) -> None:
    """From the right: a programme that begins with the run loses by a later start and gains nothing by an earlier."""
    model = model_from(
        f"x = INTEG(flow, 0) ~ u ~ |\nflow = STEP(2, {place} {sign or '+'} move) ~ u/Year ~ |\nmove = 0 ~ Year ~ |"
    )
    path = sdmodel.gradient(model, ["move"], "x")["derivative"].to_numpy()
    assert path[-1] == pytest.approx(by_x, abs=1e-12)
    runs = [model.run({"move": move}, method="exact")["x"].to_numpy() for move in (1e-3, 0.0)]
    assert path == pytest.approx((runs[0] - runs[1]) / 1e-3, abs=1e-9)
    jumps = sdmodel.gradient(model, ["move"], "flow")["derivative"].isna().to_numpy()
    assert jumps.tolist() == [not sign and t == place for t in range(11)]


def test_a_date_may_be_moved_earlier(model_from: Make) -> None:
    model = model_from("x = INTEG(STEP(2, 6 - lead), 0) ~ u ~ |\nlead = 2 ~ Year ~ |")
    path = sdmodel.gradient(model, ["lead"], "x")["derivative"]
    assert path["x", 3.0, "lead"] == 0
    assert [path["x", t, "lead"] for t in (4.0, 5.0, 10.0)] == pytest.approx([2, 2, 2], rel=1e-12)


# -- jumps at values of states ------------------------------------------------------------------------------------
def test_a_jump_at_a_value_of_a_state_is_refused_by_name(model_from: Make) -> None:
    model = model_from(
        "x = INTEG(rate, 0) ~ a ~ |\nrate = 1 ~ a/Year ~ |\nbonus = IF THEN ELSE(x > 4.3, 5, 0) ~ a/Year ~ |\n"
        "y = INTEG(bonus, 0) ~ a ~ |\ncounted = INTEGER(x) ~ a ~ |\n"
        "level = IF THEN ELSE(x > 100, 5, 0) ~ a ~ |"
    )
    with pytest.raises(UnsupportedError, match=r"'bonus' jumps near time 4\.25 because a state crosses a value"):
        sdmodel.gradient(model, ["rate"], Outcome("y"))
    with pytest.raises(UnsupportedError, match="'counted' jumps near time"):
        sdmodel.gradient(model, ["rate"], Outcome("counted"))
    # It never happens here, does not concern x, or the jump is not moved: all fine.
    assert derivative(model, Outcome("level"), "rate") == 0
    assert derivative(model, Outcome("x"), "rate") == pytest.approx(10)
    assert derivative(model, Outcome("y"), "rate", values={"rate": 0.2}) == 0


def test_a_choice_that_only_bends_is_no_jump(model_from: Make) -> None:
    """y' = 1 until x = t rate passes 4, then 1 + (x - 4): y(10) = 10 + (10 r - 4)^2 / (2 r)."""
    model = model_from(
        "x = INTEG(rate, 0) ~ a ~ |\nrate = 1 ~ a/Year ~ |\n"
        "y = INTEG(IF THEN ELSE(x > 4, x - 3, 1), 0) ~ a ~ |\nz = INTEG(1 + MAX(x - 4, 0), 0) ~ a ~ |",
        step=0.0078125,
    )
    want = 10 * 6 - 36 / 2
    assert derivative(model, Outcome("y"), "rate") == pytest.approx(want, rel=1e-3)
    assert derivative(model, Outcome("z"), "rate") == pytest.approx(want, rel=1e-3)


def test_switches_and_choices_by_parameters(model_from: Make) -> None:
    model = model_from(
        "x = INTEG(IF THEN ELSE(rule = 1, 3*size, size^2), 0) ~ u ~ |\nrule = 1 ~ Dmnl ~ |\nsize = 2 ~ u/Year ~ |\n"
        "y = IF THEN ELSE(help > 0, 5 + help, 5 - help) ~ u ~ |\nhelp = 0 ~ u ~ |\n"
        "z = IF THEN ELSE(help > 0, 6, 5) ~ u ~ |\nw = IF THEN ELSE(help < 0, 6, 5 + help) ~ u ~ |\n"
        "v = INTEGER(3 - help) ~ u ~ |"
    )
    with pytest.raises(UnsupportedError, match=r"'x' jumps when 'rule' is raised from its value"):
        sdmodel.gradient(model, ["size", "rule"], Outcome("x"))
    with pytest.raises(UnsupportedError, match=r"'z' jumps when 'help' is raised"):
        sdmodel.gradient(model, ["help"], Outcome("z"))
    with pytest.raises(UnsupportedError, match=r"'v' jumps when 'help' is raised"):
        sdmodel.gradient(model, ["help"], Outcome("v"))
    assert derivative(model, Outcome("x"), "size") == pytest.approx(30)
    assert derivative(model, Outcome("x"), "size", values={"rule": 0}) == pytest.approx(40)
    assert derivative(model, Outcome("x"), "rule", values={"rule": 1.5}) == 0
    assert derivative(model, Outcome("y"), "help") == 1  # from the right: 5 + help
    assert derivative(model, Outcome("w"), "help") == 1
    assert derivative(model, Outcome("z"), "help", values={"help": 1}) == 0


def test_a_stock_that_rests_at_a_kink_is_moved_to_the_right(model_from: Make) -> None:
    """A programme that is off: its stock rests at 0, where the choice bends; the lever would lift it."""
    model = model_from(
        "s = INTEG(lever - s, 0) ~ u ~ |\nlever = 0 ~ u/Year ~ |\ny = IF THEN ELSE(s > 0, 4*s, -s) ~ u ~ |\n"
        "z = IF THEN ELSE(s <= 0, -s, 4*s) ~ u ~ |"
    )
    table = sdmodel.gradient(model, ["lever"], [Outcome("y"), Outcome("z")])
    assert table["derivative"].to_list() == pytest.approx([4 * (1 - math.exp(-10))] * 2, rel=1e-6)


# -- whole models -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("source", "outcomes"), [("adoption", ["firms with", "money spent"]), ("network", ["trust"])])
def test_whole_models_against_central_differences(source: str, outcomes: Sequence[str]) -> None:
    model = sdmodel.load(EXAMPLE if source == "adoption" else source)
    parameters = model.parameters("lever", "uncertainty")
    value, low, high = (parameters[c].to_numpy(float) for c in ("value", "low", "high"))
    h = np.minimum(1e-4 * (high - low), np.minimum(value - low, high - value))
    parameters, value, h = parameters[h > 0], value[h > 0], h[h > 0]
    k = len(h)
    assert k > 5
    rows = np.vstack([value + s * np.diag(h) for s in (1, -1)])
    design = pd.DataFrame(rows, columns=parameters.index)
    judged = [Outcome(name) for name in outcomes]
    sweep = model.sweep(design, outcomes, certificate=0)
    table = sdmodel.gradient(model, parameters, judged)
    for outcome in judged:
        y = outcome.of(sweep).to_numpy()
        want = (y[:k] - y[k:]) / (2 * h)
        scale = np.abs(want * (high - low)[: len(want)] if len(high) == k else want).max()
        found = table.loc[outcome.label, "derivative"].to_numpy()
        assert found == pytest.approx(want, rel=1e-5, abs=1e-7 * scale)
        assert (np.abs(want) > 0).sum() > k / 4


def test_delays_smooths_and_subscripts(model_from: Make) -> None:
    model = model_from(
        "side: left, right ~~|\nstock[side] = INTEG(inflow[side] - stock[side]/life, begin[side]) ~ a ~ |\n"
        "begin[side] = 1, 2 ~ a ~ |\nlife = 3 ~ Year ~ |\n"
        "inflow[side] = SMOOTH(stock[side], lag)*g + DELAY3(late, lag) ~ a/Year ~ |\n"
        "late = SUM(stock[side!])*k ~ a/Year ~ |\n"
        "lag = 2 ~ Year ~ |\ng = 0.2 ~ 1/Year ~ |\nk = 0.1 ~ 1/Year ~ |",
        step=0.0625,
    )
    outcome = Outcome("stock[right]", at=7)
    for name in ("lag", "g", "k", "life", "begin[left]"):
        assert derivative(model, outcome, name) == pytest.approx(difference(model, outcome, name, 1e-5), rel=1e-6)
    table = sdmodel.gradient(model, ["begin", "begin[left]", "begin[right]", "stock[left]"], Outcome("stock"))
    assert table.index.get_level_values("outcome").unique().tolist() == [
        "final of stock[left]",
        "final of stock[right]",
    ]
    one = table.loc["final of stock[left]", "derivative"]
    assert one["begin"] == pytest.approx(one["begin[left]"] + one["begin[right]"], rel=1e-12)
    # The stock alone at the start: the smooths begin as they were.
    assert 0 < one["stock[left]"] < one["begin[left]"]


def test_outcomes_that_sum_up_a_path(model_from: Make) -> None:
    model = model_from(
        "x = INTEG(a - 2*x, 0) ~ u ~ |\na = 1 ~ u/Year ~ |\nwave = a*SIN(Time) ~ u ~ |", end=6, saveper=0.125
    )
    for at in ("mean", "total", "final"):
        assert derivative(model, Outcome("x", at=at), "a") == pytest.approx(
            difference(model, Outcome("x", at=at), "a", 1e-4), rel=1e-6
        )
    assert derivative(model, Outcome("wave", at="max"), "a") == pytest.approx(1, abs=2e-3)
    assert derivative(model, Outcome("wave", at="min"), "a") == pytest.approx(-1, abs=2e-3)
    assert derivative(model, Outcome("x", at=0.77), "a") == pytest.approx(
        difference(model, Outcome("x", at=0.77), "a", 1e-4), rel=1e-6
    )
    with pytest.raises(DesignError, match="has no derivative"):
        sdmodel.gradient(model, ["a"], Outcome("x", at="first_above", level=0.2))


def test_scenarios_values_and_data(model_from: Make) -> None:
    model = model_from("x = INTEG(a*drive, 0) ~ u ~ |\na = 1 ~ u ~ |\nb = 1 ~ u ~ |\ndrive ~ Dmnl ~ |\ny = x*b ~ u ~ |")
    series = ([0.0, 4.0, 10.0], [0.0, 4.0, 4.0])
    table = sdmodel.gradient(model, ["a", "b"], Outcome("y"), values={"a": 2, "b": 3}, data={"drive": series})
    assert table["derivative"].to_list() == pytest.approx([3 * 32, 2 * 32], rel=1e-6)
    path = sdmodel.Scenario(paths={"a": sdmodel.Schedule((0.0, 5.0), (1.0, 2.0))})
    with pytest.raises(OverrideError, match="'a' "):
        sdmodel.gradient(model, ["a"], Outcome("y"), scenario=path, data={"drive": series})
    assert sdmodel.gradient(model, ["b"], Outcome("y"), scenario=path, data={"drive": series})["derivative"].iloc[0] > 0


def test_a_direction_does_not_hang_on_its_neighbours() -> None:
    model = sdmodel.load(EXAMPLE)
    names = [*model.levers.index, *model.uncertainties.index, "firms with"]
    whole = sdmodel.gradient(model, names, "firms with")["derivative"]
    for name in names[::3]:
        alone = sdmodel.gradient(model, [name], "firms with")["derivative"]
        assert (alone.to_numpy() == whole.xs(name, level="parameter").to_numpy()).all()


# -- refusals -----------------------------------------------------------------------------------------------------
def test_what_has_no_derivative_is_refused_by_name(model_from: Make) -> None:
    grid = model_from("x = DELAY FIXED(a, 1, 0) ~ u ~ |\na = 1 ~ u ~ |")
    with pytest.raises(FixedStepError, match="DELAY FIXED"):
        sdmodel.gradient(grid, ["a"], Outcome("x"))
    model = model_from("a = 1 ~ u ~ |\ny = GAMMA LN(a) ~ u ~ |\ns = INTEG(SQRT(s)*a, 0) ~ u ~ |")
    with pytest.raises(UnsupportedError, match="'y' uses an operation without a derivative"):
        sdmodel.gradient(model, ["a"], Outcome("y"))
    with pytest.raises(SolveError, match="its derivative along 's', is not finite"):
        sdmodel.gradient(model, ["s"], Outcome("s"))
    # From next to nothing the path stays a number; by its start it would not, and one such direction is enough.
    steep = model_from("x = INTEG(k*x, 1e-60) ~ u ~ |\nk = 200 ~ 1/Year ~ |", name="steep")
    with pytest.raises(SolveError, match="its derivative along 'x', is not finite"):
        sdmodel.gradient(steep, ["k", "x"], Outcome("x"))
    assert len(sdmodel.gradient(steep, ["k"], Outcome("x"))) == 1


def test_bad_names_are_refused(model_from: Make) -> None:
    model = model_from("x = INTEG(a, 0) ~ u ~ |\na = 1 ~ u/Year ~ |\ny = a*2 ~ u/Year ~ |")
    with pytest.raises(UnknownNameError, match="Nearest: "):
        sdmodel.gradient(sdmodel.load(EXAMPLE), ["time in us"], Outcome("firms with"))
    with pytest.raises(OverrideError, match="'y' is not a constant"):
        sdmodel.gradient(model, ["y"], Outcome("x"))
    with pytest.raises(OverrideError, match="setting of the run"):
        sdmodel.gradient(model, ["TIME STEP"], Outcome("x"))
    with pytest.raises(OverrideError, match="'a' is a constant"):
        sdmodel.gradient(model, ["a"], Outcome("a"))


# -- figures ------------------------------------------------------------------------------------------------------
def test_derivatives_are_drawn() -> None:
    model = sdmodel.load(EXAMPLE)
    table = sdmodel.gradient(model, model.uncertainties, Outcome("firms with"))
    _, axes = plot.gradients(table)
    drawn = {patch.get_width() for patch in axes[0].patches}
    assert drawn <= set(table["elasticity"])
    assert max(table["elasticity"]) in drawn
    path = sdmodel.gradient(model, model.levers, "firms with", every=1)
    _, axes = plot.gradients(path, column="derivative")
    assert {line.get_label() for line in axes[0].lines} >= set(model.levers.index)
