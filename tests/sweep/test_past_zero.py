"""Stocks that run empty within a step: the error estimate may vanish there, and they must not end below zero."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

import sdmodel
from sdmodel.compile.llvm import Kernel
from sdmodel.compile.llvm import target as processor
from sdmodel.compile.llvm.ir import Machine
from sdmodel.compile.programs import program_of
from sdmodel.core.errors import ResultWarning
from sdmodel.core.tableau import PAST_ZERO
from sdmodel.solve.registry import solver
from sdmodel.sweep import longer_steps
from sdmodel.sweep.refinement import ENOUGH

Make = Callable[..., sdmodel.Model]
Array = NDArray[np.float64]
RATE, SHORT = 3.0, 0.03
CONTROL = f"rate = {RATE} ~ l/Year ~ |\nfull = 10 ~ l ~ |\nshort = {SHORT} ~ Year ~ |\n"


def _linear(full: Array, t: Array) -> Array:
    return np.maximum(full - RATE * t, 0)


def _then_exponential(full: Array, t: Array) -> Array:
    late = np.maximum(t - (full - RATE * SHORT) / RATE, 0)  # from where the stock is RATE * SHORT
    return np.where(late > 0, RATE * SHORT * np.exp(-late / SHORT), full - RATE * t)


LEAKS: dict[str, tuple[str, Callable[[Array, Array], Array]]] = {
    "above": ("INTEG(-IF THEN ELSE(tank > 0, rate, 0), full)", _linear),
    "from": ("INTEG(-IF THEN ELSE(tank >= 0, rate, 0), full)", _linear),
    "not below": ("INTEG(-rate * (1 - IF THEN ELSE(tank < 0, 1, 0)), full)", _linear),
    "all at once": ("INTEG(-MAX(0, tank)/short, full)", lambda full, t: full * np.exp(-t / SHORT)),
    "at most": ("INTEG(-MIN(rate, MAX(tank, 0)/short), full)", _then_exponential),
    "root": ("INTEG(-rate*SQRT(MAX(tank, 0)), full)", lambda full, t: np.maximum(np.sqrt(full) - RATE * t / 2, 0) ** 2),
    "debt": ("INTEG(IF THEN ELSE(tank < 0, rate, 0), -full)", lambda full, t: -_linear(full, t)),
    "two ways out": ("INTEG(-IF THEN ELSE(tank > 0, rate/3, 0) - IF THEN ELSE(tank > 0, 2*rate/3, 0), full)", _linear),
}  # fmt: skip


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize("full", [0.4, 10.0])
def test_a_stock_that_runs_empty_does_not_end_below_zero(model_from: Make, leak: str, full: float) -> None:
    """It may be empty within any part of a step, near the start or after many steps."""
    text, closed = LEAKS[leak]
    sizes = full * np.linspace(0.91, 1.13, 23)
    model = model_from(f"tank = {text} ~ l ~ |\n{CONTROL}", end=8, step=0.25)
    found = model.sweep([{"full": x} for x in sizes], ["tank"], every=0.25)
    wanted = closed(sizes[:, None], found["time"].to_numpy())
    assert (found["status"] == 0).all()
    assert np.abs(found["tank"] - wanted).max() <= 2 * ENOUGH * full
    assert found.attrs["solved_again"].startswith("23 of 23 runs")


def test_a_flow_that_takes_what_is_left_in_a_step_leaves_the_stock_positive(model_from: Make) -> None:
    """With half of TIME STEP the equations are others, so nothing is solved again; the certificate says so."""
    model = model_from(f"tank = INTEG(-MIN(rate, tank/TIME STEP), full) ~ l ~ |\n{CONTROL}", end=8, step=0.25)
    with pytest.warns(ResultWarning, match="differ by at most .* from half the step"):
        found = model.sweep([{"full": x} for x in np.linspace(9.1, 11.3, 23)], ["tank"], every=0.25)
    assert "solved_again" not in found.attrs
    assert (found["tank"] > 0).all()
    assert np.abs(found["tank"] - _linear(found["full"].to_numpy()[:, None], found["time"].to_numpy())).max() < 0.3


def _counted(model: sdmodel.Model, fulls: Array, lanes: int = 8) -> Array:
    """What the kernel counts for runs from these contents."""
    host, program = processor.host(), program_of(model, fixed=False)
    target = replace(host, machine=Machine(host.machine.fma, permute=False, lanes=lanes))
    kernel = Kernel(program, [program.outputs["tank"]], tableau=solver("exact").steps, rough=True, target=target)
    given = np.tile(np.array(program.defaults), (len(fulls), 1))
    given[:, list(program.parameters).index("full")] = fulls
    noted = np.zeros(len(fulls))
    kernel.run(given, [0.0, 8.0], rough=noted)
    return noted


@pytest.mark.parametrize("lanes", [1, 2, 4, 8])
def test_one_empty_lane_among_full_ones_is_counted(model_from: Make, lanes: int) -> None:
    """In every place of a vector; its neighbours count nothing."""
    model = model_from(f"tank = INTEG(-IF THEN ELSE(tank > 0, rate, 0), full) ~ l ~ |\n{CONTROL}", end=8, step=0.25)
    for place in range(8):
        fulls = np.full(11, 100.0)
        fulls[place] = 10.3
        assert (_counted(model, fulls, lanes) >= PAST_ZERO).nonzero()[0].tolist() == [place]
        assert (np.delete(_counted(model, fulls, lanes), place) == 0).all()


@pytest.mark.parametrize(
    "tank",
    [
        "INTEG(-rate, full)",
        "INTEG(speed, full) ~ l ~ |\nspeed = INTEG(-tank, 0)",
        "INTEG(middle, 0) ~ l ~ |\nmiddle = INTEG(first, 0) ~ l ~ |\nfirst = INTEG(full, 0)",
        "INTEG(full*SIN(Time), -full)",
        "INTEG(rate - tank/4, 0)",
    ],
)
def test_a_stock_that_passes_zero_smoothly_or_fills_is_not_counted(model_from: Make, tank: str) -> None:
    model = model_from(f"tank = {tank} ~ l ~ |\n{CONTROL}", end=8, step=0.25)
    assert (_counted(model, np.linspace(9.1, 11.3, 23)) < PAST_ZERO).all()


def test_with_longer_steps_a_run_that_empties_is_solved_with_the_time_step(model_from: Make) -> None:
    """One run in a thousand empties, and none of the pilot."""
    model = model_from(
        f"tank = INTEG(-IF THEN ELSE(tank > 0, rate, 0) - tank/9, full) ~ l ~ |\n{CONTROL}", end=8, step=1 / 32
    )
    fulls = np.full(longer_steps.LEAST_RUNS, 200.0)
    fulls[[5, 600]] = 10.3
    found = model.sweep([{"full": x} for x in fulls], ["tank"], every=1, rtol=1e-3)
    assert "in place of" in found.attrs["steps"]
    time = found["time"].to_numpy()
    wanted = np.maximum((10.3 + 9 * RATE) * np.exp(-time / 9) - 9 * RATE, 0)
    assert np.abs(found["tank"][[5, 600]] - wanted).max() <= 2 * ENOUGH * 10.3
