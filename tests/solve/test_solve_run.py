"""Runs against closed forms: exact breaks, dates, fixed steps, reported times, failures."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import solve_ivp

import sdmodel
from sdmodel.core.errors import (
    DesignError,
    FixedStepError,
    OverrideError,
    RangeError,
    SolveError,
    UnknownNameError,
)
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule

Make = Callable[..., sdmodel.Model]

# Method, tolerance asked for, error allowed: BDF's low order lets errors add up over its many steps.
CONTINUOUS = [
    ("LSODA", 1e-10, 1e-8),
    ("RK45", 1e-10, 1e-8),
    ("DOP853", 1e-10, 1e-8),
    ("Radau", 1e-10, 1e-8),
    ("BDF", 1e-9, 1e-6),
]


# -- a pulse off the time grid ----------------------------------------------------------------------------------
RATE, HEIGHT, AT, WIDTH = 0.5, 40.0, 3.3173, 0.011
DECAY = f"""
level = INTEG(-{RATE}*level + {HEIGHT}*PULSE({AT}, {WIDTH}), first) ~ Dmnl ~ |
first = 0 ~ Dmnl ~ |
"""


def after_pulse(t: np.ndarray, first: float) -> np.ndarray:
    """Exponential decay with a rectangular inflow from AT to AT + WIDTH."""
    within = np.clip(t, AT, AT + WIDTH)
    pulse = HEIGHT / RATE * (1 - np.exp(-RATE * (within - AT))) * np.exp(-RATE * (t - within))
    return first * np.exp(-RATE * t) + np.where(t > AT, pulse, 0.0)


@pytest.mark.parametrize("first", [0.0, 1.0])
@pytest.mark.parametrize(("method", "rtol", "allowed"), CONTINUOUS)
def test_a_pulse_off_the_time_grid_is_solved_exactly(
    model_from: Make, method: str, rtol: float, allowed: float, first: float
) -> None:
    run = model_from(DECAY).run({"first": first}, method=method, rtol=rtol, every=0.5)
    assert np.abs(run["level"] - after_pulse(run.time, first)).max() <= allowed
    assert run.report.breaks == pytest.approx((AT, AT + WIDTH), abs=1e-12)


def test_an_unbroken_solver_misses_the_same_pulse() -> None:
    """Without this the test above would show nothing."""

    def rates(t: float, y: np.ndarray) -> np.ndarray:
        return -RATE * y + HEIGHT * (AT <= t < AT + WIDTH)

    found = solve_ivp(rates, (0, 10), [0.0], method="LSODA", rtol=1e-10, atol=1e-13)
    assert after_pulse(np.array([10.0]), 0.0)[0] > 0.01
    assert found.y[0, -1] == 0.0


def test_the_exact_method_lands_on_the_pulse(model_from: Make) -> None:
    run = model_from(DECAY, step=0.0625).run({"first": 1.0}, method="exact", every=0.5)
    assert np.abs(run["level"] - after_pulse(run.time, 1.0)).max() <= 1e-7
    halved = model_from(DECAY, step=0.03125, name="halved").run({"first": 1.0}, method="exact", every=0.5)
    assert np.abs(halved["level"] - after_pulse(halved.time, 1.0)).max() <= 1e-8


# -- every time function ----------------------------------------------------------------------------------------
def lookup(t: np.ndarray) -> np.ndarray:
    return np.interp(t, [1, 2.5, 4.1, 9], [0, 1, -1, 3])


POINTS = "((1,0),(2.5,1),(4.1,-1),(9,3))"
KNOTS = [1, 2.5, 4.1, 9]
PIECES: list[tuple[str, Callable[[np.ndarray], np.ndarray], list[float]]] = [
    ("STEP(2, 3.3)", lambda t: 2.0 * (t >= 3.3), [3.3]),
    ("STEP(2, a+b)", lambda t: 2.0 * (t >= 4.7), [4.7]),
    ("RAMP(1.5, 2.7, 6.1)", lambda t: 1.5 * (np.clip(t, 2.7, 6.1) - 2.7), [2.7, 6.1]),
    ("PULSE(1.7, 2.05)", lambda t: 1.0 * ((t >= 1.7) & (t < 3.75)), [1.7, 3.75]),
    (
        "PULSE TRAIN(1.1, 0.3, 2.2, 8.05)",
        lambda t: 1.0 * ((t >= 1.1) & (t < 8.05) & ((t - 1.1) % 2.2 < 0.3)),
        # The train is over at 9.9, but that follows from another condition.
        [1.1, 1.4, 3.3, 3.6, 5.5, 5.8, 7.7, 8.0, 8.05, 9.9],
    ),
    ("MODULO(Time, 1.7)", lambda t: t % 1.7, [1.7, 3.4, 5.1, 6.8, 8.5]),
    ("INTEGER(Time)", np.floor, [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("QUANTUM(Time, 2.3)", lambda t: 2.3 * np.floor(t / 2.3), [2.3, 4.6, 6.9, 9.2]),
    (f"WITH LOOKUP(Time, {POINTS})", lookup, KNOTS),
    ("table(Time)", lookup, KNOTS),
    ("table(Time/2+1)", lambda t: lookup(t / 2 + 1), [3, 6.2]),
    ("MIN(Time, 4.4)", lambda t: np.minimum(t, 4.4), [4.4]),
    ("MAX(3.3-Time, 0)", lambda t: np.maximum(3.3 - t, 0), [3.3]),
    ("ABS(Time-3.7)", lambda t: np.abs(t - 3.7), [3.7]),
    (
        "IF THEN ELSE(Time >= 2.2 :AND: Time < 5.7, 1, -1)",
        lambda t: np.where((t >= 2.2) & (t < 5.7), 1.0, -1),
        [2.2, 5.7],
    ),
    ("IF THEN ELSE(:NOT: Time > 6.6, Time, 2)", lambda t: np.where(t > 6.6, 2, t), [6.6]),
    # Pieces inside pieces: the inner ones must be cut before the outer ones are looked for.
    ("MAX(MIN(Time, 7)-3.1, 0)", lambda t: np.maximum(np.minimum(t, 7) - 3.1, 0), [3.1, 7]),
    ("MIN(ABS(Time-4), 1.3)", lambda t: np.minimum(np.abs(t - 4), 1.3), [2.7, 4, 5.3]),
    ("MAX(table(Time), 0.25)", lambda t: np.maximum(lookup(t), 0.25), [1, 1.375, 2.5, 3.1, 4.1, 5.63125, 9]),
    ("table(RAMP(2, 2.7, 6.1))", lambda t: lookup(2 * (np.clip(t, 2.7, 6.1) - 2.7)), [2.7, 3.2, 3.95, 4.75, 6.1]),
    ("IF THEN ELSE(MODULO(Time, 4) < 1.5, 1, -1)", lambda t: np.where(t % 4 < 1.5, 1.0, -1.0), [1.5, 4, 5.5, 8, 9.5]),
    ("INTEGER(MODULO(Time, 4)/1.5)", lambda t: np.floor((t % 4) / 1.5), [1.5, 3, 4, 5.5, 7, 8, 9.5]),
    ("IF THEN ELSE(MIN(Time, 6) >= 5.2, 1, 0)", lambda t: 1.0 * (np.minimum(t, 6) >= 5.2), [5.2, 6]),
    ("STEP(1, 2)*STEP(Time, 5.5)+RAMP(-1, 8, 9)", lambda t: t * (t >= 5.5) - (np.clip(t, 8, 9) - 8), [2, 5.5, 8, 9]),
]  # fmt: skip
TABLE = f"table{POINTS} ~ Dmnl ~ |"


def integral(f: Callable[[np.ndarray], np.ndarray], breaks: list[float], upto: np.ndarray) -> np.ndarray:
    """Integral from 0 of a function that is a straight line between its breaks: the midpoint rule is exact."""
    t = np.union1d([*breaks, 0], upto)
    total = np.concatenate([[0.0], np.cumsum(f((t[1:] + t[:-1]) / 2) * np.diff(t))])
    return np.interp(upto, t, total)


@pytest.mark.parametrize("method", ["LSODA", "exact"])
@pytest.mark.parametrize(("formula", "f", "breaks"), PIECES, ids=[p[0] for p in PIECES])
def test_time_functions_are_integrated_piece_by_piece(
    model_from: Make, formula: str, f: Callable[[np.ndarray], np.ndarray], breaks: list[float], method: str
) -> None:
    text = (
        f"x = INTEG(flow, 0) ~ Dmnl ~ |\nflow = {formula} ~ Dmnl ~ |\na = 1.2 ~ Dmnl ~ |\nb = 3.5 ~ Dmnl ~ |\n{TABLE}"
    )
    run = model_from(text).run(method=method, rtol=1e-10, every=0.7)
    assert run.report.breaks == pytest.approx(tuple(breaks), abs=1e-9)
    assert np.abs(run["x"] - integral(f, breaks, run.time)).max() < 1e-8
    inside = ~np.isin(np.round(run.time, 6), np.round(breaks, 6))
    assert np.abs(run["flow"] - f(run.time))[inside].max() < 1e-9


def test_a_hole_in_a_ratio_is_cut_out(model_from: Make) -> None:
    """XIDZ takes its third argument where the divisor is nil, from a date on."""
    run = model_from("x = INTEG(XIDZ(1, MAX(4.2-Time, 0), 5), 0) ~ Dmnl ~ |", end=8).run(rtol=1e-10)
    # The ratio is cut off where the divisor is below 1e-6; before that it is a logarithm.
    want = math.log(4.2 / 1e-6) + 5 * (8 - 4.2)
    assert run["x"].iloc[-1] == pytest.approx(want, abs=1e-4)


# -- dated paths ------------------------------------------------------------------------------------------------
def test_a_path_by_steps_and_by_lines(model_from: Make) -> None:
    model = model_from("x = INTEG(size, 0) ~ Dmnl ~ |\nsize = 1 ~ Dmnl [0,5] ~ |")
    by_step = model.run(Scenario("s", paths={"size": Schedule((0, 2.5, 7.25), (1, 3, 0.5))}), rtol=1e-10)
    assert by_step["x"].iloc[-1] == pytest.approx(2.5 + 3 * 4.75 + 0.5 * 2.75, abs=1e-9)
    assert by_step.report.breaks == (2.5, 7.25)
    by_line = model.run(Scenario("l", paths={"size": Schedule((1.5, 2.5, 7.25), (1, 3, 0.5), "linear")}), rtol=1e-10)
    assert by_line["x"].iloc[-1] == pytest.approx(1.5 + 2 + 1.75 * 4.75 + 0.5 * 2.75, abs=1e-9)
    assert by_line.report.breaks == (1.5, 2.5, 7.25)
    assert by_line["size"].loc[2.0] == pytest.approx(2.0)
    assert model.run()["x"].iloc[-1] == pytest.approx(10)  # the model is as it was


def test_dates_are_accepted_as_iso_strings_and_dates(model_from: Make) -> None:
    model = model_from(
        "x = INTEG(STEP(1, start), 0) ~ Dmnl ~ |\nstart = 2100 ~ Year [2010,2100] ~ |", start=2010, end=2020
    )
    want = 2020 - (2014 + 181 / 365)
    for date in ("2014-07-01", dt.date(2014, 7, 1), dt.datetime(2014, 7, 1)):
        assert model.run({"start": date}, rtol=1e-10)["x"].iloc[-1] == pytest.approx(want, abs=1e-9)
    path = Scenario("p", paths={"start": Schedule(("2011-01-01", "2019-01-01"), (2100, 2100))})
    assert model.run(path)["x"].iloc[-1] == 0
    with pytest.raises(OverrideError, match="'soon', which is not a number, nor a date such as 2020-07-01"):
        model.run({"start": "soon"})


def test_a_text_that_is_no_number_is_refused_with_what_is_near(model_from: Make) -> None:
    model = model_from("x = INTEG(size, 0) ~ Dmnl ~ |\nsize = 1 ~ Dmnl [0,5] ~ |")
    with pytest.raises(OverrideError, match=r"'size' is given the text 'abc', which is not a number\.$"):
        model.run({"size": "abc"})
    for text in ("0,5", "0.5", " .5 "):
        with pytest.raises(OverrideError, match=r"not a number\. Give 0?\.5 as a number\."):
            model.run({"size": text})
    with pytest.raises(UnknownNameError, match=r"no variable 'sise'. Nearest: size"):
        model.run({"sise": "abc"})


@pytest.mark.parametrize("date", ["2014-07-01", dt.date(2014, 7, 1)])
def test_a_date_is_given_to_a_constant_of_time_only(model_from: Make, date: object) -> None:
    model = model_from(
        "x = INTEG(share + free, 0) ~ Dmnl ~ |\nshare = 1 ~ Dmnl ~ |\nfree = 1 ~ ~ |", start=2010, end=2020
    )
    refused = r"date is given for .*, but the unit of 'share' is Dmnl, and a date is a number of years"
    with pytest.raises(OverrideError, match=refused):
        model.run({"share": date})
    with pytest.raises(OverrideError, match=refused):
        model.run({"share": Schedule((2010, 2015), (1, dt.date(2014, 7, 1)))})
    with pytest.raises(OverrideError, match=refused):
        model.sweep({"share": [date]}, ["x"])
    assert model.run({"share": Schedule((date,), (2,)), "free": date})["free"].iloc[0] == pytest.approx(
        2014.5, abs=0.01
    )


def test_a_value_may_be_given_to_the_elements_of_a_range(model_from: Make) -> None:
    model = model_from("R: a, b, c ~ ~ |\nP: a, b ~ ~ |\nk[R] = 1, 2, 3 ~ ~ |\nx = INTEG(SUM(k[R!]), 0) ~ ~ |", end=1)
    assert model.run({"k[P]": 5})["x"].iloc[-1] == pytest.approx(13)
    assert model.run({"k[R]": 5})["x"].iloc[-1] == pytest.approx(15)
    with pytest.raises(UnknownNameError, match=r"no constant 'k\[Q\]'"):
        model.run({"k[Q]": 5})
    with pytest.raises(OverrideError, match=r"'k\[a\]' and 'k\[ a \]' are the same constant"):
        model.run({"k[a]": 1, "k[ a ]": 2})


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_constant_is_replaced_by_a_finite_number(model_from: Make, value: float) -> None:
    model = model_from("x = INTEG(size, 0) ~ Dmnl ~ |\nsize = 1 ~ Dmnl ~ |")
    with pytest.raises(RangeError, match=r"'size' is given .*; a constant must be a finite number"):
        model.replace("size", value)


def test_numbers_of_numpy_are_numbers(model_from: Make) -> None:
    model = model_from("x = INTEG(size, 0) ~ Dmnl ~ |\nsize = 1 ~ Dmnl [0,5] ~ |")
    for three in (np.int64(3), np.float32(3), np.float64(3)):
        assert model.run({"size": three})["x"].iloc[-1] == pytest.approx(30)


EXIT = """
x = INTEG(STEP(2, date) - 0.4*x, 0) ~ Dmnl ~ |
date = 5 ~ Year [0,10] ~ |
"""


def slope_in_date(model: sdmodel.Model, date: float, method: str) -> float:
    h = 1e-3
    late, early = (model.run({"date": date + s * h}, method=method, rtol=1e-12)["x"].iloc[-1] for s in (1, -1))
    return (late - early) / (2 * h)


@pytest.mark.parametrize("method", ["LSODA", "exact"])
def test_the_outcome_is_smooth_in_a_date(model_from: Make, method: str) -> None:
    model = model_from(EXIT, step=0.125)
    for date in (4.9991, 5.0, 5.03, 5.0625, 5.124, 5.1251):
        want = -2 * math.exp(-0.4 * (10 - date))
        assert slope_in_date(model, date, method) == pytest.approx(want, rel=1e-4)


def test_a_fixed_step_makes_a_staircase_of_the_same_outcome(model_from: Make) -> None:
    model = model_from(EXIT, step=0.125)
    assert slope_in_date(model, 5.03, "rk4") == 0.0


# -- agreement of methods ---------------------------------------------------------------------------------------
LOGISTIC = """
size = INTEG(growth, 1) ~ firm ~ |
growth = rate*size*(1-size/room) ~ firm/Year ~ |
rate = 0.8 + STEP(0.4, 2.31) - STEP(0.9, 6.07) ~ 1/Year ~ |
room = WITH LOOKUP(Time, ((0,50),(4.4,80),(10,60))) ~ firm ~ |
"""


def test_exact_equals_lsoda_at_a_tight_tolerance(model_from: Make) -> None:
    model = model_from(LOGISTIC, step=0.01)
    tight, exact = model.run(rtol=1e-12), model.run(method="exact")
    assert np.abs(exact["size"] / tight["size"] - 1).max() < 1e-8
    assert tight.report.breaks == exact.report.breaks == pytest.approx((2.31, 4.4, 6.07))


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_fixed_steps_against_a_loop_by_hand(model_from: Make, method: str) -> None:
    dt_ = 0.125
    run = model_from(LOGISTIC, step=dt_).run(method=method, every=dt_)

    def flow(t: float, y: float) -> float:
        now = begun + dt_ / 2  # Vensim's STEP is half a step early and changes at TIME STEP only
        rate = 0.8 + 0.4 * (now > 2.31) - 0.9 * (now > 6.07)
        return rate * y * (1 - y / float(np.interp(t, [0, 4.4, 10], [50, 80, 60])))

    y, values = 1.0, [1.0]
    for i in range(80):
        begun = t = i * dt_
        if method == "euler":
            y += dt_ * flow(t, y)
        else:
            k1 = flow(t, y)
            k2 = flow(t + dt_ / 2, y + dt_ / 2 * k1)
            k3 = flow(t + dt_ / 2, y + dt_ / 2 * k2)
            k4 = flow(t + dt_, y + dt_ * k3)
            y += dt_ * (k1 + 2 * k2 + 2 * k3 + k4) / 6
        values.append(y)
    np.testing.assert_allclose(run["size"], values, rtol=1e-12)
    assert run.report.breaks == ()
    assert run.report.rtol is None


# -- reported times ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["LSODA", "exact", "euler"])
def test_the_right_limit_is_reported_at_a_break(model_from: Make, method: str) -> None:
    run = model_from("x = INTEG(flow, 0) ~ Dmnl ~ |\nflow = STEP(1, 3) ~ Dmnl ~ |").run(method=method)
    assert run["flow"].tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("method", ["LSODA", "exact", "euler"])
@pytest.mark.parametrize("date", [0, 10])
def test_a_break_at_the_first_or_last_time(model_from: Make, method: str, date: int) -> None:
    run = model_from(f"x = INTEG(flow, 0) ~ Dmnl ~ |\nflow = STEP(1, {date}) ~ Dmnl ~ |").run(method=method)
    assert run["flow"].loc[date] == 1
    assert run["x"].iloc[-1] == pytest.approx(10 - date)


@pytest.mark.parametrize("method", ["LSODA", "exact"])
def test_rounding_does_not_decide_what_is_reported_at_a_break(model_from: Make, method: str) -> None:
    """2009 + i*0.1 and the date as written differ by an ulp; the right limit is reported all the same."""
    for i in range(1, 40):
        date = f"{2009 + i / 10:.1f}"
        model = model_from(f"x = INTEG(flow, 0) ~ Dmnl ~ |\nflow = STEP(1, {date}) ~ Dmnl ~ |", start=2009, end=2013)
        flow = model.run(method=method, every=0.1)["flow"].to_numpy()
        assert flow.tolist() == [0.0] * i + [1.0] * (41 - i), date


@pytest.mark.parametrize("method", ["LSODA", "exact"])
def test_first_and_last_time_are_always_reported(model_from: Make, method: str) -> None:
    model = model_from("x = INTEG(1, 0) ~ Dmnl ~ |")
    assert model.run(method=method, every=3).time.tolist() == [0, 3, 6, 9, 10]
    assert model.run(method=method, every=20).time.tolist() == [0, 10]
    assert model.run(method=method).time.tolist() == list(range(11))
    assert model.run(method=method, every=3)["x"].tolist() == pytest.approx([0, 3, 6, 9, 10])
    assert len(model.run(method=method, every=0.1).time) == 101


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_fixed_steps_refuse_what_is_no_multiple(model_from: Make, method: str) -> None:
    model = model_from("x = INTEG(1, 0) ~ Dmnl ~ |")
    with pytest.raises(SolveError, match=r"every=0\.3 is no multiple of the TIME STEP 0\.125\. Use 0\.25"):
        model.run(method=method, every=0.3)
    assert model.run(method=method, every=3).time.tolist() == [0, 3, 6, 9, 10]


@pytest.mark.parametrize("every", [0, -1, math.nan, math.inf])
def test_an_impossible_interval_is_refused(model_from: Make, every: float) -> None:
    with pytest.raises(DesignError, match=r"every: .* give a finite number above 0"):
        model_from("x = INTEG(1, 0) ~ Dmnl ~ |").run(every=every)


@pytest.mark.parametrize("method", ["LSODA", "exact", "euler", "rk4"])
def test_first_and_last_time_can_be_overridden(model_from: Make, method: str) -> None:
    model = model_from("x = INTEG(Time, 0) ~ Dmnl ~ |")
    run = model.run({"INITIAL TIME": 2, "final time": 5}, method=method)
    assert run.time.tolist() == [2, 3, 4, 5]
    error = 0.2 if method == "euler" else 1e-7
    assert run["x"].iloc[-1] == pytest.approx((25 - 4) / 2, abs=error)
    with pytest.raises(SolveError, match="make no sense"):
        model.run({"final time": -1}, method=method)


def test_a_run_of_one_instant(model_from: Make) -> None:
    run = model_from("x = INTEG(1, 4) ~ Dmnl ~ |", end=0).run()
    assert run.time.tolist() == [0]
    assert run["x"].tolist() == [4]


def test_a_model_without_stocks(model_from: Make) -> None:
    run = model_from("y = STEP(3, 4.5)+Time ~ Dmnl ~ |").run(every=3)
    assert run["y"].tolist() == [0, 3, 9, 12, 13]


# -- what is refused --------------------------------------------------------------------------------------------
def test_equality_with_time_has_no_meaning_in_continuous_time(model_from: Make) -> None:
    model = model_from("x = INTEG(IF THEN ELSE(Time = 4, 8, 0), 0) ~ Dmnl ~ |")
    for method in ("LSODA", "exact"):
        with pytest.raises(SolveError, match="asks whether Time equals a number"):
            model.run(method=method)
    run = model.run()  # the file names no method
    assert run["x"].iloc[-1] == 1.0
    assert "euler (fixed step)" in run.report.sentence
    assert "asks whether Time equals a number" in run.report.sentence
    assert model.sweep([{}], ["x"])["x"].values[0, -1] == 1.0
    assert model.run(method="euler")["x"].iloc[-1] == 1.0


def test_equality_with_time_is_solved_with_the_method_that_the_file_names(tmp_path: Path) -> None:
    variables = (
        '<stock name="x"><eqn>0</eqn><inflow>f</inflow></stock>'
        '<flow name="f"><eqn>IF TIME = 4 THEN k ELSE 0</eqn></flow><aux name="k"><eqn>8</eqn></aux>'
    )
    path = tmp_path / "m.stmx"
    path.write_text(
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header/>'
        '<sim_specs method="Euler"><start>0</start><stop>6</stop><dt>1</dt></sim_specs>'
        f"<model><variables>{variables}</variables></model></xmile>"
    )
    model = sdmodel.load(path)
    run = model.run()
    assert run["x"].tolist() == [0, 0, 0, 0, 0, 8, 8]
    assert "asks whether Time equals a number" in run.report.sentence
    assert model.sweep({"k": [8.0, 2.0]}, ["x"])["x"].values[:, -1].tolist() == [8, 2]
    with pytest.raises(SolveError, match="asks whether Time equals a number"):
        model.run(method="exact")


def test_an_unknown_method_is_answered_with_the_nearest(model_from: Make) -> None:
    with pytest.raises(UnknownNameError, match=r"no method 'lsodar'\. Nearest: LSODA"):
        model_from("x = INTEG(1, 0) ~ Dmnl ~ |").run(method="lsodar")


def test_only_constants_take_values_inside_their_range(model_from: Make) -> None:
    model = model_from("x = INTEG(size, 0) ~ Dmnl ~ |\nsize = 1 ~ Dmnl [0,5] ~ |\ntwice = 2*size ~ Dmnl ~ |")
    with pytest.raises(OverrideError, match=r"'twice' is not a constant \(auxiliary\).*model.replace"):
        model.run({"twice": 3})
    with pytest.raises(RangeError, match=r"'size' is given 7 Dmnl; its range in mini.mdl is 0 to 5"):
        model.run({"size": 7})
    with pytest.raises(RangeError, match="finite"):
        model.run({"size": math.nan})
    with pytest.raises(UnknownNameError, match="Nearest: size"):
        model.run({"sise": 1})
    with pytest.raises(OverrideError, match="given twice"):
        model.run(Scenario(), scenario=Scenario())
    assert model.run({"SIZE": 2})["x"].iloc[-1] == pytest.approx(20)


BY_PLACE = """
place: a, b ~~|
m[place, other] = 1, 2; 3, 4; ~ Dmnl [0,9] ~ |
other: a2, b2 ~~|
square[place, place2] = 1, 2; 3, 4; ~ Dmnl [0,9] ~ |
place2: a, b ~~|
size[place] = 1, 2 ~ Dmnl [0,9] ~ |
x[place] = INTEG(size[place], 0) ~ Dmnl ~ |
"""


def test_elements_are_named_in_order_whatever_the_case(model_from: Make) -> None:
    model = model_from(BY_PLACE)
    run = model.run({"Size[ B ]": 5, "SQUARE[A,b]": 7})
    assert run["x"].iloc[-1].tolist() == pytest.approx([10, 50])
    assert [run.constants[f"square[{e}]"] for e in ("a,a", "a,b", "b,a", "b,b")] == [1, 7, 3, 4]
    assert model.run({"size": 3})["x"].iloc[-1].tolist() == pytest.approx([30, 30])
    with pytest.raises(UnknownNameError, match=r"no constant 'size\[c\]'"):
        model.run({"size[c]": 1})


def test_a_path_goes_with_a_whole_constant(model_from: Make) -> None:
    model = model_from(BY_PLACE)
    path = Schedule((0, 5), (1, 3))
    assert model.run(Scenario(paths={"size": path}))["x"].iloc[-1].tolist() == pytest.approx([20, 20])
    with pytest.raises(OverrideError, match=r"'size\[a\]' is one element"):
        model.run(Scenario(paths={"size[a]": path}))


def test_a_value_takes_the_place_of_a_path_however_it_is_spelled(model_from: Make) -> None:
    model = model_from("x = INTEG(big size, 0) ~ Dmnl ~ |\nbig size = 1 ~ Dmnl [0,5] ~ |")
    scenario = Scenario("p", paths={"big size": Schedule((0, 5), (1, 2))})
    for name in ("big size", "Big_Size"):
        assert model.run({name: 3}, scenario=scenario)["x"].iloc[-1] == pytest.approx(30)


# -- failures ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["LSODA", "exact", "euler", "rk4"])
@pytest.mark.parametrize(
    ("text", "variable", "time"),
    [
        ("x = INTEG(1, 0) ~ Dmnl ~ |\npull = 1/(5-Time) ~ Dmnl ~ |", "pull", 5.0),
        ("x = INTEG(1, 0) ~ Dmnl ~ |\nroot = SQRT(2.5-Time) ~ Dmnl ~ |", "root", 3.0),
        ("x = INTEG(1, 0) ~ Dmnl ~ |\nlate = 1/(5-Time) ~ Dmnl ~ |\nlog = LN(3-Time) ~ Dmnl ~ |", "log", 3.0),
    ],
    ids=["division by zero", "auxiliary only", "first of two"],
)
def test_a_failure_names_the_first_variable_and_time(
    model_from: Make, text: str, variable: str, time: float, method: str
) -> None:
    with pytest.raises(SolveError, match=rf"'{variable}' is -?(inf|nan) at time {time:g}; it is the first"):
        model_from(text).run(method=method)


@pytest.mark.parametrize("method", ["exact", "euler", "rk4"])
def test_a_flow_that_is_not_finite_is_named(model_from: Make, method: str) -> None:
    with pytest.raises(SolveError, match="'pull' is inf at time 5; it is the first"):
        model_from("x = INTEG(pull, 0) ~ Dmnl ~ |\npull = 1/(5-Time) ~ Dmnl ~ |").run(method=method)


def test_a_solver_that_gets_nowhere_is_stopped(model_from: Make) -> None:
    """scipy's LSODA goes on for ever before a pole."""
    with pytest.raises(SolveError, match="LSODA gets no further than time 5, where 'x' changes by"):
        model_from("x = INTEG(pull, 0) ~ Dmnl ~ |\npull = 1/(5-Time) ~ Dmnl ~ |").run()


@pytest.mark.parametrize("method", ["LSODA", "exact", "euler", "rk4"])
def test_an_overflow_is_a_failure_that_names_variable_and_time(model_from: Make, method: str) -> None:
    text = "boom = 3*EXP(x) ~ Dmnl ~ |\nx = INTEG(boom, 1) ~ Dmnl ~ |"
    with pytest.raises(
        SolveError, match=r"('boom' is inf at time [01](\.\d+)?|further than time 0\.122626, where 'x')"
    ):
        model_from(text).run(method=method)


def test_a_first_value_that_is_not_finite(model_from: Make) -> None:
    with pytest.raises(SolveError, match="The initial value of 'x' is inf"):
        model_from("x = INTEG(1, 1/nil) ~ Dmnl ~ |\nnil = 0 ~ Dmnl ~ |").run()


# -- data -------------------------------------------------------------------------------------------------------
def test_a_data_variable_takes_a_series(model_from: Make) -> None:
    model = model_from("x = INTEG(given, 0) ~ Dmnl ~ |\ngiven ~ Dmnl ~ |")
    assert model["given"].kind == "data"
    series = pd.Series([0.0, 4.0, 4.0], index=[2.0, 4.0, 20.0])
    run = model.run(data={"Given": series}, rtol=1e-10)
    assert run["x"].iloc[-1] == pytest.approx(4 + 24, abs=1e-5)
    assert run["given"].loc[3.0] == pytest.approx(2)
    assert run["given"].loc[0.0] == 0
    dated = model.run(data={"given": (["0002-01-01", "0004-01-01", 20], [0, 4, 4])}, rtol=1e-10)
    assert dated["x"].iloc[-1] == pytest.approx(28, abs=1e-5)


def test_a_series_that_is_missing_or_wrong_is_refused(model_from: Make) -> None:
    model = model_from("x = INTEG(given, 0) ~ Dmnl ~ |\ngiven ~ Dmnl ~ |")
    with pytest.raises(
        OverrideError, match=r"'given' has no series. Name the file .*load\(path, data_files=.*, data={'given': series}"
    ):
        model.run()
    with pytest.raises(UnknownNameError, match="no data variable 'gift'"):
        model.run(data={"gift": ([0], [1])})
    with pytest.raises(OverrideError, match="times that rise"):
        model.run(data={"given": ([0, 0], [1, 2])})
    with pytest.raises(OverrideError, match="as many values as times"):
        model.run(data={"given": ([0, 1], [1])})


# -- the report -------------------------------------------------------------------------------------------------
def test_kinks_in_the_state_are_counted_and_said(model_from: Make) -> None:
    run = model_from("x = INTEG(MAX(1-x, 0) + MIN(x, 3) + MIN(Time, 4), 0) ~ Dmnl ~ |").run()
    assert run.report.kinks == 2
    assert run.report.breaks == (4.0,)
    assert "2 kinks in the state" in run.report.sentence
    assert "1 exact break" in run.report.sentence
    assert run.report.evaluations > 10


def test_equal_runs_are_equal(model_from: Make) -> None:
    model = model_from(LOGISTIC)
    assert np.array_equal(model.run().values, model.run().values)


# -- the method that a file needs -------------------------------------------------------------------------------
NEEDS_STEPS = "x = DELAY FIXED(Time, 2, -1) ~ Dmnl ~ |"


def test_without_a_method_a_model_gets_the_steps_it_needs_and_the_report_says_why(model_from: Make) -> None:
    model = model_from(NEEDS_STEPS, step=1)
    run = model.run()
    assert run.report.method == "rk4"
    assert "DELAY FIXED" in run.report.reason
    assert run.report.reason in run.report.sentence
    assert "Run with" not in run.report.reason
    assert run["x"].tolist()[:5] == [-1, -1, 0, 1, 2]
    assert dataclasses.replace(model, method="euler").run().report.method == "euler"
    assert dataclasses.replace(model, method="rk2").run().report.method == "rk4"
    swept = dataclasses.replace(model, method="euler").sweep([{}, {}], ["x"], certificate=0)
    assert swept.attrs["method"] == "euler"
    assert run.report.reason in swept.attrs["dates"]
    plain = model_from(DECAY, name="plain").run({"first": 1.0})
    assert (plain.report.method, plain.report.reason) == ("LSODA", "")
    with pytest.raises(FixedStepError, match="DELAY FIXED"):
        model.run(method="LSODA")


@pytest.mark.parametrize("rate", [1.0, 20.0, 30.0, 200.0])
def test_a_stiff_model_is_not_solved_wrongly_by_steps_that_are_too_long(model_from: Make, rate: float) -> None:
    text = (
        "fast = INTEG(rate*(slow - fast), 0) ~ Dmnl ~ |\nslow = INTEG(-0.1*slow, 1) ~ Dmnl ~ |\nrate = 1 ~ 1/Year ~ |"
    )
    run = model_from(text, step=0.125).run({"rate": rate}, method="exact", every=1)
    wanted = rate / (rate - 0.1) * (np.exp(-0.1 * run.time) - np.exp(-rate * run.time))
    assert np.abs(run["fast"] - wanted).max() < 1e-3
    assert run.report.method == ("exact" if rate == 1 else "LSODA") or rate == 20
    assert ("steps of TIME STEP are too long for 'exact'" in run.report.sentence) is (run.report.method == "LSODA")


def test_a_stock_that_runs_empty_within_a_step_is_not_taken_below_zero(model_from: Make) -> None:
    """The slopes of the step are -300, 0, -300, 0, whose combination in the estimate of the error vanishes."""
    run = model_from("tank = INTEG(-300*SQRT(MAX(tank, 0)), 1) ~ l ~ |", step=0.1).run(method="exact")
    assert run["tank"].min() > -1e-6
    assert "too long for 'exact'" in run.report.sentence


def test_the_value_of_an_element_is_not_lost_to_that_of_the_whole(model_from: Make) -> None:
    model = model_from("r: n, s ~~|\nk[r] = 1 ~ Dmnl ~ |\nx[r] = INTEG(k[r], 0) ~ Dmnl ~ |", end=1)
    for values in ({"k[n]": 3, "k": 2}, sdmodel.Scenario("a", values={"k[n]": 3, "k[r]": 2}), {"x[n]": 3, "x": 2}):
        with pytest.raises(OverrideError, match=r"first\."):
            model.run(values)
    assert model.run({"k": 2, "k[n]": 3})["x"].iloc[-1].tolist() == pytest.approx([3, 2])
    one = sdmodel.Scenario("a", values={"k[n]": 3})
    assert model.run({"k": 2}, scenario=one)["x"].iloc[-1].tolist() == pytest.approx([2, 2])


@pytest.mark.parametrize("method", ["LSODA", "Radau", "RK45", "DOP853"])
def test_a_flow_that_stops_in_the_moment_in_which_its_stock_is_empty(model_from: Make, method: str) -> None:
    """LSODA is stuck there in one run of fourteen, with steps of 1e-16, unless it forgets its past steps."""
    model = model_from("tank = INTEG(-IF THEN ELSE(tank > 0, 3, 0), full) ~ l ~ |\nfull = 10 ~ l ~ |", end=8)
    for full in np.linspace(9.1, 11.3, 41):
        run = model.run({"full": float(full)}, method=method, every=0.5)
        np.testing.assert_allclose(run["tank"], np.maximum(full - 3 * run.time, 0), rtol=0, atol=1e-6)


def test_what_chatters_is_refused_with_a_method_that_solves_it(model_from: Make) -> None:
    """More flows out than in, so long as there is something: the stock stays at zero."""
    model = model_from("tank = INTEG(1 - IF THEN ELSE(tank > 0, 3, 0), 10) ~ l ~ |", end=8, step=1 / 64)
    with pytest.raises(SolveError, match=r"LSODA gets no further than time 5.*or steps of TIME STEP \('rk4'\)"):
        model.run()
    assert abs(model.run(method="rk4")["tank"].iloc[-1]) < 3 / 64


@pytest.mark.parametrize("method", ["LSODA", "BDF", "Radau", "RK23", "RK45", "DOP853"])
def test_scipy_methods_give_the_bits_of_solve_ivp(model_from: Make, method: str) -> None:
    model = model_from("x = INTEG(3*y - x*y/4, 2) ~~|\ny = INTEG(x/5 - y, 1) ~~|", end=9)
    run = model.run(method=method, every=0.75)
    wanted = solve_ivp(
        lambda t, v: [3.0 * v[1] - v[0] * v[1] / 4.0, v[0] / 5.0 - v[1]], (0, 9), [2.0, 1.0], method=method,
        t_eval=run.time, rtol=1e-8, atol=1e-11 * np.array([2.0, 1.0]),
    )  # fmt: skip
    assert np.array_equal(run.to_dataframe()[["x", "y"]].to_numpy().T, wanted.y)
    assert run.report.evaluations == wanted.nfev
