"""Rounds of a search: the runs of a sweep, without its Dataset."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.sweep.rounds import Rounds

TEXT = """
place: a, b ~~|
stock[place] = INTEG(gain[place], 1) ~ unit ~ |
gain[place] = rate[place]*size*stock[place]*stock[place] ~ unit/Year ~ |
rate[place] = -0.1, -0.2 ~ 1/Year [-1,1] ~ |
size = 1 ~ Dmnl [-3,3] ~ |
"""


@pytest.fixture
def model(model_from: Callable[..., sdmodel.Model]) -> sdmodel.Model:
    return model_from(TEXT)


DESIGN = pd.DataFrame({"size": [1.0, 1.0, 2.0], "rate": [-0.1, -0.2, -0.3]})


def test_rounds_are_the_runs_of_a_sweep(model: sdmodel.Model) -> None:
    rounds = Rounds(model, DESIGN, ["stock"], every=5, workers=1)
    rows = np.array([2, 0])
    for size in ([0.5, 0.7], [-1.0, 3.0]):
        found = rounds(rows, {"size": np.array(size), "rate": np.array([-0.05, 0.01])})
        design = pd.DataFrame({"size": size, "rate": [-0.05, 0.01]})
        swept = model.sweep(design, ["stock"], every=5, progress=False)["stock"].transpose("run", "place", "time")
        np.testing.assert_array_equal(found, swept)
        assert len(np.unique(found[:, 0])) > 2  # the runs differ


def test_a_longer_step_is_near_and_not_refined(model: sdmodel.Model) -> None:
    exact, coarse = (
        Rounds(model, DESIGN, ["stock"], every=5, step=step, workers=1)(np.arange(3), {}) for step in (None, 1.0)
    )
    assert coarse == pytest.approx(exact, rel=1e-3)
    assert (coarse != exact).any()


def test_a_failed_run_is_not_a_number(model: sdmodel.Model) -> None:
    rounds = Rounds(model, DESIGN, ["stock"], every=5, step=0.5, workers=1)
    found = rounds(np.arange(3), {"size": np.array([1.0, -3.0, 1.0]), "rate": np.array([-0.1, -0.9, -0.1])})
    assert np.isfinite(found[[0, 2]]).all()
    assert not np.isfinite(found[1]).all()


def test_the_step_of_a_model_on_the_grid_is_its_own(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(TEXT.replace("size = 1 ~ Dmnl [-3,3]", "size = DELAY FIXED(1, 2, 0) ~ Dmnl"))
    design = DESIGN[["rate"]]
    coarse = Rounds(model, design, ["stock"], every=5, step=1.0, workers=1)(np.arange(3), {})
    swept = model.sweep(design, ["stock"], every=5, progress=False)["stock"].transpose("run", "place", "time")
    np.testing.assert_array_equal(coarse, swept)
