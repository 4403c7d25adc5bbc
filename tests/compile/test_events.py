"""Breaks of exact dates by hand: how nodes depend on time, where they jump or bend, and how dates are put together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import sdmodel
from sdmodel.compile import events
from sdmodel.compile.events import FREE, HELD, LINE, RUN, clock_of
from sdmodel.compile.llvm import breaks as lanes
from sdmodel.compile.programs import program_of
from sdmodel.core.errors import SolveError

Make = Callable[..., sdmodel.Model]
HEAD = "k = 2 ~~|\nx = INTEG(1, 0) ~~|\nl((0,0),(1,3),(2.5,1),(20,2)) ~~|\n"
CLASSES = {
    RUN: ["3*k", "IF THEN ELSE(k > 1, k, 3)", "l(k)", "MIN(k, 3)"],
    HELD: ["STEP(1, 2)", "INTEGER(Time)", "LOOKUP BACKWARD(l, Time)", "LOOKUP FORWARD(l, Time)", "EXP(STEP(1, 2))",
           "STEP(1, 2) + STEP(1, 3)", "MODULO(INTEGER(Time), 2)", "PULSE TRAIN(1, 1, 3, 9)"],
    LINE: ["Time", "k*Time", "Time/k", "Time - k", "-Time", "MIN(Time, 3)", "ABS(Time - 3)", "l(Time)",
           "IF THEN ELSE(Time > 3, Time, k)", "STEP(1, 2)*Time", "MODULO(Time, 5)", "RAMP(1, 2, 5)", "Time*STEP(1, 2)"],
    FREE: ["Time*Time", "k/Time", "SIN(Time)", "x", "x*STEP(1, 2)", "IF THEN ELSE(x > 3, 1, 0)", "MIN(x, 3)",
           "STEP(1, 2)/Time", "Time*RAMP(1, 2, 5)"],
}  # fmt: skip


def test_how_a_formula_depends_on_time(model_from: Make) -> None:
    rows = [(kind, formula) for kind, formulas in CLASSES.items() for formula in formulas]
    text = HEAD + "\n".join(f"y{i} = {formula} ~~|" for i, (_, formula) in enumerate(rows))
    program = program_of(model_from(text), fixed=False)
    clock = clock_of(program)
    found = {formula: clock.classes[program.outputs[f"y{i}"]] for i, (_, formula) in enumerate(rows)}
    assert found == {formula: kind for kind, formula in rows}


@pytest.mark.parametrize(
    ("formula", "breaks", "kinks"),
    [
        ("STEP(1, 3) + STEP(2, 3)", (3,), 0),
        ("STEP(1, 0) + STEP(1, 10) + STEP(1, -2) + STEP(1, 12)", (), 0),
        ("STEP(1, 3) + STEP(1, 3*(1 + 1e-14)) + STEP(1, 7)", (3, 7), 0),
        ("INTEGER(Time/2)", (2, 4, 6, 8), 0),
        ("INTEGER(5 - Time)", (1, 2, 3, 4, 5, 6, 7, 8, 9), 0),
        ("MIN(Time, 3) + MAX(8 - Time, 1)", (3, 7), 0),
        ("ABS(2*Time - 8)", (4,), 0),
        ("l(Time)", (1, 2.5), 0),
        ("LOOKUP BACKWARD(l, Time - 1)", (1, 2, 3.5), 0),
        ("IF THEN ELSE(MODULO(Time, 5) < 2, 1, 0)", (2, 5, 7), 0),
        ("PULSE TRAIN(1, 1, 3, 9)", (1, 2, 4, 5, 7, 8, 9), 0),
        ("RAMP(1, 2, 6) + PULSE(4, 0.5)", (2, 4, 4.5, 6), 0),
        ("STEP(1, INTEGER(Time/4) + 3)", (3, 4, 8), 0),
        ("MIN(x, 3) + ABS(x - 1) + l(x)", (), 3),
        ("IF THEN ELSE(x > 3 :AND: x < 5, 1, 0)", (), 3),
        ("INTEGER(x) + SIN(Time)", (), 1),
    ],
)
def test_a_run_is_cut_where_its_equations_jump_or_bend(
    model_from: Make, formula: str, breaks: tuple[float, ...], kinks: int
) -> None:
    report = model_from(HEAD + f"s = INTEG({formula}, 0) ~~|").run(method="exact").report
    assert report.kinks == kinks
    assert report.breaks == pytest.approx(breaks, abs=1e-9)


def test_dates_are_put_together_where_they_are_one() -> None:
    assert events._merge([0.0, 10.0], set(), 0.1) == [0, 10]
    assert events._merge([0.0, 10.0], {3.0, 3.05, 3.2, 5.0}, 0.1) == [0, 3, 3.2, 5, 10]
    assert events._merge([0.0, 10.0], {0.05, 9.95}, 0.1) == [0, 10]
    assert events._merge([0.0, 4.0, 10.0], {6.0}, 0.1) == [0, 4, 6, 10]
    assert events._merge([0.0, 0.05], set(), 0.1) == [0, 0.05]


def test_too_many_breaks_are_refused(model_from: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MAX_BREAKS", 10)
    assert len(model_from("s = INTEG(INTEGER(Time), 0) ~~|").run(method="exact").report.breaks) == 9
    with pytest.raises(SolveError, match="of Time jumps 11 times"):
        model_from("s = INTEG(INTEGER(Time), 0) ~~|", end=11).run(method="exact")
    with pytest.raises(SolveError, match="jump more than 10 times between 0 and 10"):
        model_from("s = INTEG(INTEGER(Time) + STEP(1, 2.5) + STEP(1, 3.5) + STEP(1, 4.5), 0) ~~|").run(method="exact")


def test_too_many_breaks_in_one_of_the_segments_fail_that_run_of_a_sweep(
    model_from: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MAX_BREAKS", 10)
    model = model_from("s = INTEG(INTEGER(Time*STEP(k, 5)), 0) ~~|\nk = 1 ~~|")
    swept = model.sweep([{"k": 20.0}, {"k": 0.5}], ["s"], method="exact", workers=1, certificate=0)
    assert swept["status"].values.tolist() == [1, 0]


def test_equality_with_time_is_refused_and_of_a_state_is_a_kink(model_from: Make) -> None:
    for formula in ("IF THEN ELSE(Time = 3, 1, 0)", "IF THEN ELSE(Time <> 3, 1, 0)"):
        with pytest.raises(SolveError, match="whether Time equals a number"):
            model_from(f"s = INTEG({formula}, 0) ~~|").run(method="exact")
    assert model_from(HEAD + "s = INTEG(IF THEN ELSE(x = 3, 1, 0), 0) ~~|").run(method="exact").report.kinks == 1


def test_breaks_that_rest_on_held_values_are_those_of_the_kernel_too(model_from: Make) -> None:
    formulas = ["IF THEN ELSE(Time > 2 + LOOKUP BACKWARD(l, Time), 1, 0)", "STEP(k, INTEGER(Time/4) + 3)",
                "IF THEN ELSE(Time > LOOKUP FORWARD(l, Time/k) + INTEGER(Time/3), Time, k)"]  # fmt: skip
    stocks = "\n".join(f"s{i} = INTEG({formula}, 0) ~~|" for i, formula in enumerate(formulas))
    model = model_from(HEAD + stocks)
    names = [f"s{i}" for i in range(len(formulas))]
    swept = model.sweep([{"k": 2.0}, {"k": 3.0}], names, method="exact", workers=1, certificate=0)
    for row, k in enumerate((2.0, 3.0)):
        run = model.run({"k": k}, method="exact")
        for name in names:
            assert swept[name].to_numpy()[row].tolist() == run[name].tolist(), (name, k)
    assert model.run(method="exact")["s0"].loc[10] == pytest.approx(10 - 3, abs=1e-9)
