"""Runs that go on from a common beginning are those from the start, to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from lanes import design, programs

from sdmodel.compile.llvm import Kernel
from sdmodel.model import Model
from sdmodel.solve.registry import solver

EQUATIONS = """
start = 4 ~ ~ |
exit = 6.3 ~ ~ |
size = 1 ~ ~ |
rate = 0.3 ~ ~ |
early = 1.7 ~ ~ |
first = INTEG(STEP(size, start) - STEP(size, exit) + PULSE(early, rate) - fast, 0.2) ~ ~ |
fast = first * rate * 9 ~ ~ |
second = INTEG(SQRT(ABS(first)) - rate * second, INITIAL(rate * 2)) ~ ~ |
"""
TIMES = [0.0, 1.25, 3.9, 4.0, 4.1, 10.0]
UNTIL = 4.0


def _given(model: Model, runs: int) -> tuple[Kernel, np.ndarray, np.ndarray]:
    """Kernel, parameters in which each five runs share a past, and the number of that past."""
    program, outputs = programs(model, "exact")
    kernel = Kernel(program, outputs, tableau=solver("exact").steps, rough=True)
    given, past = design(program, runs, spread=0.2), np.arange(runs) // 5
    for name in ("rate", "early"):
        given[:, program.parameters.index(name)] = given[past * 5, program.parameters.index(name)]
    given[:, program.parameters.index("start")] = UNTIL
    return kernel, given, past


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bits_are_those_of_runs_from_the_start(model_from: Callable[..., Model], threads: int) -> None:
    kernel, given, past = _given(model_from(EQUATIONS, end=10, step=0.5), 1003)
    mixed = np.random.default_rng(1).permutation(len(given))
    given, past = given[mixed], past[mixed]
    plain, forked = (np.zeros(len(given)) for _ in range(2))
    wanted = kernel.run(given, TIMES, rough=plain)
    rows = np.unique(past, return_index=True)[1]
    begun = kernel.begin(given[rows], TIMES, UNTIL, threads=threads)
    found = kernel.run(given, TIMES, rough=forked, begun=(begun, past), threads=threads)
    for a, b in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(forked, plain)
    assert 0 < (plain >= 1).sum() < len(plain)
    assert len(begun.states) == 201


def test_what_is_before_is_taken_from_the_beginning(model_from: Callable[..., Model]) -> None:
    """The test above would hold if the beginning were not used at all."""
    kernel, given, past = _given(model_from(EQUATIONS, end=10, step=0.5), 20)
    begun = kernel.begin(given[::5], TIMES, UNTIL)
    begun.values[0], begun.states[1] = 7.0, 0.0
    values = kernel.run(given, TIMES, begun=(begun, past))[0]
    wanted = kernel.run(given, TIMES)[0]
    assert (values[:5, :, :3] == 7).all()
    assert (values[5:10, :, 3] != wanted[5:10, :, 3]).any()
    np.testing.assert_array_equal(values[10:], wanted[10:])


def test_a_run_with_another_date_before_begins_at_the_start(model_from: Callable[..., Model]) -> None:
    kernel, given, past = _given(model_from(EQUATIONS, end=10, step=0.5), 20)
    begun = kernel.begin(given[::5], TIMES, UNTIL)
    place = kernel.program.parameters.index("early")
    given[7, place] += 0.25
    given[12, kernel.program.parameters.index("exit")] = 3.3
    np.testing.assert_array_equal(kernel.run(given, TIMES, begun=(begun, past))[0], kernel.run(given, TIMES)[0])


def test_a_beginning_that_failed_fails_all_its_runs(model_from: Callable[..., Model]) -> None:
    kernel, given, past = _given(model_from(EQUATIONS, end=10, step=0.5), 20)
    given[5:10, kernel.program.parameters.index("rate")] = np.nan
    begun = kernel.begin(given[::5], TIMES, UNTIL)
    found, wanted = kernel.run(given, TIMES, begun=(begun, past)), kernel.run(given, TIMES)
    for a, b in zip(found[1:], wanted[1:], strict=True):
        np.testing.assert_array_equal(a, b)
    assert (found[1] != 0).tolist() == [5 <= i < 10 for i in range(20)]
