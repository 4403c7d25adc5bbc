"""The kernel of sweeps against the Python engine, run by run."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from lanes import ARITHMETIC, METHODS, by_python, design, programs

import sdmodel
from sdmodel.compile.llvm import Kernel
from sdmodel.compile.python.engine import Engine
from sdmodel.core.errors import SolveError
from sdmodel.model import Model
from sdmodel.solve.interpolation import interpolant
from sdmodel.solve.registry import solver


@pytest.mark.parametrize("method", METHODS)
def test_arithmetic_is_equal_to_the_last_bit(model_from: Callable[..., Model], method: str) -> None:
    """Sums, products, choices, lookups, dates and delays; vectors that are not full; several breaks a run."""
    equations = ARITHMETIC.replace("(other > 2)", "IF THEN ELSE(other > 2, 1, 0)")
    program, outputs = programs(model_from(equations, end=12), method)
    times = [0.0, 0.5, 1.0, 2.0, 2.125, 5.0, 11.875, 12.0]
    given = design(program, 19)
    values, status, first = Kernel(program, outputs, tableau=solver(method).steps).run(given, times)
    assert not status.any()
    assert (first == -1).all()
    for i, p in enumerate(given):
        np.testing.assert_array_equal(values[i], by_python(program, outputs, p, times, method), err_msg=str(i))


def test_reported_times_off_the_grid(model_from: Callable[..., Model]) -> None:
    equations = ARITHMETIC.replace("(other > 2)", "IF THEN ELSE(other > 2, 1, 0)")
    program, outputs = programs(model_from(equations, end=12, step=0.3), "exact")
    times = [0.0, 0.1, 2.03, 3.93, 3.95, 7.123, 11.0]
    given = design(program, 9)
    values, _, _ = Kernel(program, outputs, tableau=solver("exact").steps).run(given, times)
    for i, p in enumerate(given):
        np.testing.assert_array_equal(values[i], by_python(program, outputs, p, times, "exact"))
    fixed, nodes = programs(model_from(equations, end=12, step=0.3), "rk4")
    kernel = Kernel(fixed, nodes, tableau=solver("rk4").steps)
    with pytest.raises(SolveError, match=r"no whole number of TIME STEPs of 0\.3"):
        kernel.run(design(fixed, 2), times)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["network", "policy", "shandong"])
def test_shipped_models(name: str, method: str) -> None:
    """Own functions differ from the C library's in the last bits; the models do not blow that up."""
    program, outputs = programs(sdmodel.load(name), method)
    given = design(program, 10)
    times = [2009.0, 2014.0, 2019.0, 2034.0]
    values, status, _ = Kernel(program, outputs, tableau=solver(method).steps).run(given, times)
    assert (status == 0).sum() >= 7, "constants moved without regard to their ranges may spoil a run, but not many"
    for i in (0, 3, 8, 9):  # of a whole vector and of one that is not full
        p, got = given[i], values[i]
        if status[i]:
            with pytest.raises(SolveError, match=r"not finite|is nan|is -?inf"):
                by_python(program, outputs, p, times, method)
        else:
            wanted = by_python(program, outputs, p, times, method)
            # a difference of two large amounts that nearly cancel keeps the rounding of the amounts
            np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-15 * np.abs(wanted).max())


# -- a run is a run ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_neighbours_order_and_threads_do_not_matter(model_from: Callable[..., Model], method: str) -> None:
    equations = ARITHMETIC.replace("(other > 2)", "EXP(-other)")
    program, outputs = programs(model_from(equations, end=12), method)
    times = list(np.arange(0.0, 12.5, 1.5))
    given = design(program, 333, spread=0.3)
    kernel = Kernel(program, outputs, tableau=solver(method).steps)
    values, status, first = kernel.run(given, times)
    order = np.random.default_rng(3).permutation(len(given))
    mixed, mixed_status, mixed_first = kernel.run(given[order], times, threads=2)
    np.testing.assert_array_equal(mixed, values[order])
    np.testing.assert_array_equal(mixed_status, status[order])
    np.testing.assert_array_equal(mixed_first, first[order])
    for i in (0, 7, 100, 332):
        np.testing.assert_array_equal(kernel.run(given[i : i + 1], times)[0][0], values[i])
        np.testing.assert_array_equal(kernel.run(given[i : i + 11], times)[0][0], values[i])


def test_time_steps_that_differ_between_runs(model_from: Callable[..., Model]) -> None:
    program, outputs = programs(model_from(ARITHMETIC.replace("(other > 2)", "0"), end=12), "exact")
    given = design(program, 12)
    step = list(program.parameters).index("TIME STEP")
    given[::3, step] = 0.25
    times = [0.0, 4.0, 12.0]
    values, _, _ = Kernel(program, outputs, tableau=solver("exact").steps).run(given, times, threads=2)
    for p, got in zip(given, values, strict=True):
        np.testing.assert_array_equal(got, by_python(program, outputs, p, times, "exact"))


# -- failures ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", METHODS)
def test_runs_that_fail_are_marked_and_the_rest_stand(model_from: Callable[..., Model], method: str) -> None:
    model = model_from(
        "rate = 0.1 ~ ~ |\nlevel = INTEG(level * rate * level, 1) ~ ~ |\nroot = SQRT(level) ~ ~ |", end=9
    )
    program, outputs = programs(model, method)
    given = np.tile(np.array(program.defaults), (17, 1))
    given[5, list(program.parameters).index("rate")] = 3.0
    given[11, list(program.parameters).index("rate")] = np.nan
    times = list(np.arange(0.0, 10.0))
    values, status, first = Kernel(program, outputs, tableau=solver(method).steps).run(given, times)
    assert [i for i, s in enumerate(status) if s] == [5, 11]
    assert first[5] > 0
    assert first[11] == 1
    assert np.isfinite(values[5, :, : first[5]]).all()
    assert not np.isfinite(values[5, 0, first[5]])
    fine = np.delete(np.arange(17), [5, 11])
    assert (values[fine] == values[0]).all()
    assert (first[fine] == -1).all()


def test_the_other_arm_of_a_choice_leaks_nothing(model_from: Callable[..., Model]) -> None:
    equations = """
x = 0 ~ ~ |
safe = IF THEN ELSE(x > 0, LN(x) / x, 5) + XIDZ(1, x, 2) + IF THEN ELSE(x < 0, SQRT(x), 1) ~ ~ |
level = INTEG(safe, 0) ~ ~ |
"""
    program, outputs = programs(model_from(equations, end=2), "euler")
    with np.errstate(all="raise"):
        values, status, _ = Kernel(program, outputs, tableau=solver("euler").steps).run([program.defaults], [0.0, 2.0])
    assert status[0] == 0
    assert values[0, 1, 1] == 16.0


def test_nan_is_not_lost_in_minimum_maximum_and_lookups(model_from: Callable[..., Model]) -> None:
    table = "((0,1),(1,2),(2,1),(3,4),(4,5),(5,6),(6,7))"
    equations = f"""
x = 1 ~ ~ |
a = MIN(x, 2) ~ ~ |
b = MIN(2, x) ~ ~ |
c = MAX(x * 1, 0) ~ ~ |
d = MAX(x * 1, x * 2) ~ ~ |
e = WITH LOOKUP(x * 2, {table}) ~ ~ |
f = WITH LOOKUP(x * 2, ((0,1),(1,2),(2.5,3))) ~ ~ |
g = INTEGER(x * 1) ~ ~ |
h = IF THEN ELSE(x > 1, 1, 2) ~ ~ |
level = INTEG(1, 0) ~ ~ |
"""
    program, outputs = programs(model_from(equations, end=1), "euler")
    given = np.tile(np.array(program.defaults), (5, 1))
    given[:, list(program.parameters).index("x")] = [np.nan, np.inf, -np.inf, -0.0, 2.0]
    values, _, _ = Kernel(program, outputs, tableau=solver("euler").steps).run(given, [0.0, 1.0])
    names = list(program.outputs)
    for p, got in zip(given, values, strict=True):
        one = Engine(program, outputs).bind(p.tolist())
        wanted = np.array(one.outs(0.0, list(one.start), ()))
        np.testing.assert_array_equal(got[:, 0], wanted, err_msg=str(names))
        number = ~np.isnan(wanted)
        np.testing.assert_array_equal(np.signbit(got[number, 0]), np.signbit(wanted[number]), err_msg=str(names))


# -- the TIME STEP grid -----------------------------------------------------------------------------------------
STEPPED = """
delay = 1.5 ~ ~ |
gain = 1.1 ~ ~ |
noise = RANDOM UNIFORM(0, gain, 1) ~ ~ |
bell = RANDOM NORMAL(-3, 3, 0, gain, 2) ~ ~ |
wait = RANDOM EXPONENTIAL(0, 9, 0, gain, 3) ~ ~ |
chance = INITIAL(RANDOM 0 1() * gain) ~ ~ |
flow = noise * gain + bell / 10 ~ ~ |
stock = INTEG(flow - out, 5) ~ ~ |
out = DELAY FIXED(flow * stock / 5, delay, 0.5) ~ ~ |
again = DELAY FIXED(out, delay * 2, 0) ~ ~ |
peak = SAMPLE IF TRUE(stock > 5.5, stock, gain) ~ ~ |
total = INTEG(peak + again + wait + chance, 0) ~ ~ |
"""


@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_memories_and_draws(model_from: Callable[..., Model], method: str) -> None:
    """Each lane has rings of its own length and draws of its own."""
    program, outputs = programs(model_from(STEPPED, end=20), method)
    assert program.memories
    assert program.streams
    given = design(program, 13)
    given[:, list(program.parameters).index("delay")] = np.linspace(0.05, 3, 13)
    times = [0.0, 0.125, 1.0, 7.0, 20.0]
    kernel = Kernel(program, outputs, tableau=solver(method).steps)
    values, status, _ = kernel.run(given, times, seed=42, threads=2)
    assert not status.any()
    for i, p in enumerate(given):
        wanted = by_python(program, outputs, p, times, method, seed=42, run=i)
        np.testing.assert_allclose(values[i], wanted, rtol=1e-12)
    numbers = np.array([12, 3, 5])
    some, _, _ = kernel.run(given[numbers], times, seed=42, numbers=numbers)
    np.testing.assert_array_equal(some, values[numbers])
    assert (kernel.run(given[:1], times, seed=43)[0] != values[:1]).any()


def test_delay_fixed_alone_is_equal_to_the_last_bit(model_from: Callable[..., Model]) -> None:
    equations = "lag = 1 ~ ~ |\nx = INTEG(1 - y / 2, 1) ~ ~ |\ny = DELAY FIXED(x, lag, 3) ~ ~ |"
    program, outputs = programs(model_from(equations, end=8), "euler")
    given = np.tile(np.array(program.defaults), (16, 1))
    given[:, list(program.parameters).index("lag")] = np.arange(16) / 4
    times = list(np.arange(0, 8.25, 0.25))
    values, _, _ = Kernel(program, outputs, tableau=solver("euler").steps).run(given, times)
    for p, got in zip(given, values, strict=True):
        np.testing.assert_array_equal(got, by_python(program, outputs, p, times, "euler"))


@pytest.mark.parametrize("method", METHODS)
def test_data_series_common_and_per_run(model_from: Callable[..., Model], method: str) -> None:
    model = model_from("price ~ ~ |\ndemand ~ ~ |\nk = 2 ~ ~ |\nlevel = INTEG(price * k - demand, 0) ~ ~ |", end=10)
    program, outputs = programs(model, method)
    assert set(program.data) == {"price", "demand"}
    rng = np.random.default_rng(5)
    at = {"price": np.array([1.0, 2.0, 4.5, 8.0]), "demand": np.array([0.0, 10.0])}
    x = {"price": rng.normal(size=4), "demand": rng.normal(size=(11, 2))}
    given = design(program, 11)
    times = [0.0, 3.0, 10.0]
    series = [(at[name], x[name]) for name in program.data]
    values, _, _ = Kernel(program, outputs, tableau=solver(method).steps).run(given, times, series=series, threads=2)
    for i, p in enumerate(given):
        own = [interpolant(at[n].tolist(), (x[n] if x[n].ndim == 1 else x[n][i]).tolist()) for n in program.data]
        np.testing.assert_array_equal(values[i], by_python(program, outputs, p, times, method, own))
    with pytest.raises(SolveError, match="2 data variables; 0 series"):
        Kernel(program, outputs, tableau=solver(method).steps).run(given, times)
