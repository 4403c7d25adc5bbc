"""Functions with a meaning on the TIME STEP grid against the words of Vensim's reference manual, in every engine.

The expected values are worked out by hand from the pages named below; PySD compares Time itself and is no reference
here. Each case runs with Euler and Runge-Kutta steps, alone and in the kernel of sweeps.

- https://vensim.com/documentation/fn_pulse.html: 1 while ``time plus > start`` and ``time plus < start + width``, where
  ``time plus = Time + TIME STEP/2``; a width of 0 counts as TIME STEP; changes at TIME STEP only, whatever the method.
- https://vensim.com/documentation/fn_pulse_train.html: the same, repeated; a width up to TIME STEP lasts one TIME STEP;
  an interval below the width gives 1 from start to end.
- https://vensim.com/documentation/fn_step.html: height once ``time plus > step time``; changes at TIME STEP only.
- https://vensim.com/documentation/fn_ramp.html: from ``Time > start``; changes at TIME STEP only.
- https://vensim.com/documentation/fn_sample_if_true.html: the own name on the right is the previous value; changes at
  TIME STEP only.
- https://vensim.com/documentation/fn_delay_fixed.html: at least one TIME STEP; changes at TIME STEP only.
- https://vensim.com/documentation/fn_delay_n.html: the output depends on the delay time of earlier TIME STEPs only, is
  constant over a TIME STEP whatever the method, and passes on exactly what has come in.
- https://vensim.com/documentation/fn_quantum.html: towards zero; a second argument of 0 returns the first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import EquationError, ResultWarning

Make = Callable[..., sdmodel.Model]

GRID = [
    ("PULSE(1, 0)", [0, 1, 0, 0, 0, 0]),
    ("PULSE(1.3, 0)", [0, 1, 0, 0, 0, 0]),
    ("PULSE(1.3, 0.5)", [0, 1, 0, 0, 0, 0]),
    ("PULSE(1.3, 1)", [0, 1, 0, 0, 0, 0]),
    ("PULSE(1.7, 1)", [0, 0, 1, 0, 0, 0]),
    ("PULSE(2, 1.4)", [0, 0, 1, 0, 0, 0]),
    ("PULSE(2, 1.6)", [0, 0, 1, 1, 0, 0]),
    ("PULSE(2, 2)", [0, 0, 1, 1, 0, 0]),
    ("PULSE(-3, 5)", [1, 1, 0, 0, 0, 0]),
    ("PULSE(at, none)", [0, 1, 0, 0, 0, 0]),
    ("PULSE TRAIN(1, 0, 2, 5)", [0, 1, 0, 1, 0, 1]),
    ("PULSE TRAIN(1, 0.4, 2, 5)", [0, 1, 0, 1, 0, 1]),
    ("PULSE TRAIN(1.3, 1, 2, 5)", [0, 1, 0, 1, 0, 1]),
    ("PULSE TRAIN(1, 1, 2, 4)", [0, 1, 0, 1, 0, 0]),
    ("PULSE TRAIN(0, 2, 3, FINAL TIME)", [1, 1, 0, 1, 1, 0]),
    ("PULSE TRAIN(1, 3, 2, 4)", [0, 1, 1, 1, 1, 0]),
    ("PULSE TRAIN(0, 1, 2.4, 5)", [1, 0, 1, 0, 0, 1]),
    ("STEP(2, 3)", [0, 0, 0, 2, 2, 2]),
    ("STEP(2, 2.6)", [0, 0, 0, 2, 2, 2]),
    ("STEP(2, 2.4)", [0, 0, 2, 2, 2, 2]),
    ("STEP(Time, 3)", [0, 0, 0, 3, 4, 5]),
    ("RAMP(2, 1, 4)", [0, 0, 2, 4, 6, 6]),
    ("RAMP(2, 1.5, 3.5)", [0, 0, 1, 3, 4, 4]),
    ("SAMPLE IF TRUE(Time >= 2, Time, 9)", [9, 9, 2, 3, 4, 5]),
    ("SAMPLE IF TRUE(MODULO(Time, 2) = 0, Time, 9)", [0, 0, 2, 2, 4, 4]),
    ("DELAY FIXED(Time, 2, -1)", [-1, -1, 0, 1, 2, 3]),
    ("DELAY FIXED(Time, 0, -1)", [-1, 0, 1, 2, 3, 4]),
    ("DELAY FIXED(Time, 0.4, -1)", [-1, 0, 1, 2, 3, 4]),
    ("MODULO(Time, 3)", [0, 1, 2, 0, 1, 2]),
    ("QUANTUM(Time, 2)", [0, 0, 2, 2, 4, 4]),
    ("QUANTUM(Time - 3, 2)", [-2, -2, 0, 0, 0, 2]),
    ("QUANTUM(Time, 0)", [0, 1, 2, 3, 4, 5]),
    ("INTEGER(Time*0.75 - 1)", [-1, 0, 0, 1, 2, 2]),
]
CONSTANTS = "\nat = 1.3 ~ ~ |\nnone = 0 ~ ~ |"
HELD = ("MODULO", "QUANTUM", "INTEGER")
"""These are ordinary functions: they follow Time inside a Runge-Kutta step."""


@pytest.fixture(params=["run", "sweep"])
def path(request: pytest.FixtureRequest, model_from: Make) -> Callable[..., np.ndarray]:
    """`path(equations, name, method)`: values of a variable at every TIME STEP of 1, alone or in a sweep."""

    def values(equations: str, name: str, method: str, **given: float) -> np.ndarray:
        model = model_from(equations, **{"step": 1, "end": 5, **given})
        if request.param == "run":
            return model.run(method=method)[name].to_numpy()
        return model.sweep([{}] * 3, [name], method=method, workers=1)[name].to_numpy()[1]

    return values


@pytest.mark.parametrize("method", ["euler", "rk4"])
@pytest.mark.parametrize(("formula", "expected"), GRID)
def test_values_on_the_grid_are_those_of_the_manual(
    path: Callable[..., np.ndarray], formula: str, expected: list[float], method: str
) -> None:
    np.testing.assert_allclose(path(f"x = {formula} ~ ~ |{CONSTANTS}", "x", method), expected, atol=1e-12)


@pytest.mark.parametrize("formula", [f for f, _ in GRID if not f.startswith(HELD)])
def test_what_changes_at_time_step_only_is_constant_within_a_runge_kutta_step(
    path: Callable[..., np.ndarray], formula: str
) -> None:
    """What a stock takes in is then TIME STEP times the values, with Runge-Kutta as with Euler steps."""
    expected = dict(GRID)[formula]
    filled = path(f"x = {formula} ~ ~ |\ns = INTEG(x, 0) ~ ~ |{CONSTANTS}", "s", "rk4")
    np.testing.assert_allclose(filled, np.cumsum([0, *expected[:-1]]), atol=1e-12)


def test_a_test_input_of_a_stock_is_held_as_a_whole(path: Callable[..., np.ndarray]) -> None:
    """The height of a STEP counts as it was at the start of the step: s' = s becomes a doubling each step."""
    doubled = path("s = INTEG(STEP(s, 0), 1) ~ ~ |", "s", "rk4")
    np.testing.assert_allclose(doubled, 2.0 ** np.arange(6), rtol=1e-15)


@pytest.mark.parametrize("method", ["euler", "rk4"])
@pytest.mark.parametrize("order", [1, 3])
def test_delay_n_passes_on_what_has_come_in_while_its_delay_time_varies(
    path: Callable[..., np.ndarray], order: int, method: str
) -> None:
    times = [6.0 + 3 * (t >= 2) - 2 * (t >= 5) for t in range(400)]
    levels, before, out = [4.0 * times[0] / order] * order, times[0], []
    for t, time in enumerate(times):  # the levels of the manual, with the delay time of the step before
        flows = [level * order / before for level in levels]
        out.append(flows[-1])
        levels = [v + a - b for v, a, b in zip(levels, [8.0 * (t < 3), *flows], flows, strict=False)]
        before = time
    equations = (
        "time varying = 6 + STEP(3, 2) - STEP(2, 5) ~ ~ |\nin = 8 - STEP(8, 3) ~ ~ |\n"
        f"out = DELAY N(in, time varying, 4, {order}) ~ ~ |\narrived = INTEG(out, 0) ~ ~ |"
    )
    np.testing.assert_allclose(path(equations, "out", method, end=20), out[:21], rtol=1e-12)
    assert path(equations, "arrived", method, end=399)[-1] == pytest.approx(4 * 6 + 3 * 8, rel=1e-12)


def test_a_draw_is_held_with_its_arguments(path: Callable[..., np.ndarray]) -> None:
    doubled = path("s = INTEG(RANDOM UNIFORM(s, s, 0), 1) ~ ~ |", "s", "rk4")
    np.testing.assert_allclose(doubled, 2.0 ** np.arange(6), rtol=1e-15)


def test_a_default_sweep_of_a_model_with_memory_has_vensims_values(model_from: Make) -> None:
    """The pulse of one step fills three quarters: 0.75 from Vensim's rules, where inner stages gave 1.25."""
    model = model_from(
        "s = INTEG(DELAY FIXED(PULSE(1, 0.5), 1, 0) + PULSE(2, 0.25), 0) ~ ~ |\nk = 1 ~ ~ [0,2] |",
        step=0.25, end=5,
    )  # fmt: skip
    swept = model.sweep([{"k": 1.0}], ["s"], workers=1)["s"].to_numpy()[0]
    assert swept[-1] == pytest.approx(0.75, abs=1e-15)


SELF = """
level = INTEG(3 - Time, 4) ~ ~ |
peak = SAMPLE IF TRUE(level > peak, level, level) ~ ~ |
trough = SAMPLE IF TRUE(level < trough, level, level) ~ ~ |
same = SAMPLE IF TRUE(level > peak, level, level) ~ ~ |
since = SAMPLE IF TRUE(:NOT: since :AND: level > 8, Time, 0) ~ ~ |
d: A, B ~ ~ |
scale[d] = 1, 2 ~ ~ |
most[d] = SAMPLE IF TRUE(level*scale[d] > most[d], level*scale[d], 0) ~ ~ |
"""


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_a_sample_that_reads_itself_reads_the_value_held(model_from: Make, method: str) -> None:
    model = model_from(SELF, step=1, end=8)
    found = model.run(method=method)
    level = [4, 7, 9, 10, 10, 9, 7, 4, 0] if method == "euler" else [4 + 3 * t - t * t / 2 for t in range(9)]
    running = np.maximum.accumulate(level)
    np.testing.assert_allclose(found["peak"], running, rtol=1e-12)
    np.testing.assert_allclose(found["trough"], np.minimum.accumulate(level), rtol=1e-12)
    np.testing.assert_allclose(found["same"], level[0], rtol=1e-12)  # level > peak is never true
    first = next(t for t, x in enumerate(level) if x > 8)
    assert found["since"].tolist() == [0] * first + [first] * (9 - first)
    np.testing.assert_allclose(found["most[B]"], 2 * running, rtol=1e-12)
    swept = model.sweep([{}] * 2, ["peak", "most"], method=method, workers=1)
    np.testing.assert_array_equal(swept["peak"][1], found["peak"])


def test_a_sample_that_reads_itself_by_way_of_another_is_a_circle(model_from: Make) -> None:
    with pytest.raises(EquationError, match="circular"):
        model_from("x = SAMPLE IF TRUE(y > 2, Time, 0) ~ ~ |\ny = x + 1 ~ ~ |", step=1).run(method="euler")
    with pytest.raises(EquationError, match="circular"):
        model_from("x = SAMPLE IF TRUE(Time > 2, Time, x) ~ ~ |", step=1).run(method="euler")
    with pytest.raises(EquationError, match="circular"):
        model_from("x = 1 + SAMPLE IF TRUE(x > 2, Time, 0) ~ ~ |", step=1).run(method="euler")


@pytest.mark.parametrize("method", ["LSODA", "exact"])
@pytest.mark.parametrize(
    ("formula", "area"),
    [("PULSE(1.3, 0.7)", 0.7), ("PULSE(1.3, 0)", 0.25), ("PULSE(at, none)", 0.25), ("PULSE TRAIN(1.3, 0, 1, 5)", 1.0)],
)
def test_a_pulse_of_exact_dates_is_exact_and_no_width_is_one_time_step(
    model_from: Make, formula: str, area: float, method: str
) -> None:
    model = model_from(f"s = INTEG({formula}, 0) ~ ~ |{CONSTANTS}", step=0.25, end=5)
    assert model.run(method=method)["s"].iloc[-1] == pytest.approx(area, rel=1e-7)
    # A pulse of no width is as long as TIME STEP, so halving the step halves it, which the sweep's certificate says.
    told = nullcontext() if area == 0.7 else pytest.warns(ResultWarning, match="half the step")
    with told:
        swept = model.sweep([{}] * 2, ["s"], workers=1)["s"].to_numpy()[1]
    assert swept[-1] == pytest.approx(area, rel=1e-12)


@pytest.mark.parametrize("method", ["euler", "rk4"])
@pytest.mark.parametrize(("date", "filled"), [(2, [0, 0, 0, 6, 12, 18]), (1.4, [0, 0, 6, 12, 18, 24])])
def test_a_value_that_is_given_over_time_changes_as_a_step_does(
    model_from: Make, date: float, filled: list[float], method: str
) -> None:
    """Values of a schedule are those of STEP: constant over the stages of a Runge-Kutta step."""
    model = model_from("s = INTEG(k, 0) ~ ~ |\nk = 0 ~ ~ |\nj = 1 ~ ~ |", step=1, end=5)
    steps = sdmodel.Scenario("steps", paths={"k": sdmodel.Schedule((0, date), (0, 6))})
    np.testing.assert_allclose(model.run(steps, method=method)["s"], filled, rtol=1e-15)
    swept = model.sweep({"j": [1.0, 2.0]}, ["s"], scenario=steps, method=method, workers=1)["s"]
    np.testing.assert_allclose(swept.to_numpy()[1], filled, rtol=1e-15)
