"""Plans of sweeps: what each argument becomes, at the ends of ranges, and what is refused before the first run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import DesignError, OverrideError, RangeError, SdmodelError
from sdmodel.core.scenario import Scenario
from sdmodel.design.tables import read_rows
from sdmodel.sweep.plan import Plan, _numbers, make_plan
from sdmodel.sweep.rounds import Rounds

Make = Callable[..., sdmodel.Model]
RTOL = 1e-6
TEXT = """
side: left, right ~~|
x[side] = INTEG(given*k[side] + other, 1) ~ firm ~ |
y = INTEG(size, 0) ~ Year ~ |
given ~ firm/Year ~ |
other ~ firm/Year ~ |
k[side] = 1, 2 ~ Dmnl [0,9] ~ |
size = 1 ~ Dmnl [-2,3] ~ |
table((0,0),(1,1)) ~ Dmnl ~ |
"""
OTHER = (("time", "run"), [[1.0, 2.0], [3.0, 4.0]])
SERIES = xr.Dataset({"given": ("time", [1.0, 2.0]), "other": OTHER}, {"time": [0.0, 10.0]})


@pytest.fixture
def model(model_from: Make) -> sdmodel.Model:
    return model_from(TEXT)


def planned(model: sdmodel.Model, design: pd.DataFrame, outputs: Any = ("x", "y"), **more: Any) -> Plan:
    given = {"base": Scenario(), "method": None, "every": 5, "rtol": None, "data": SERIES, "seed": 7, **more}
    return make_plan(model, read_rows(design), outputs, *given.values())[0]


def test_a_plan_has_the_parameters_of_each_row(model: sdmodel.Model) -> None:
    plan = planned(model, pd.DataFrame({"k": [3.0, 4.0], "size": [-2.0, 3.0]}), ["y", "x", "Y"])
    index = plan.program.parameters.index
    both = plan.parameters(0, 2)
    assert both[:, [index("k[left]"), index("k[right]"), index("size")]].tolist() == [[3, 3, -2], [4, 4, 3]]
    assert plan.parameters(1, 2).tolist() == [both[1].tolist()]
    assert plan.chosen(np.array([1, 0])).tolist() == both[::-1].tolist()
    assert plan.labels == ("y", "x[left]", "x[right]")
    assert plan.units == ("Year", "firm", "firm")
    assert plan.times == (0, 5, 10)
    assert (plan.runs, plan.seed, plan.method, plan.rtol, plan.numbers.tolist()) == (2, 7, "exact", None, [0, 1])
    assert plan.series_times == (0, 10)
    assert plan.series.tolist() == [[[1, 2], [1, 3]], [[1, 2], [2, 4]]]  # one series of all runs and one of each
    only = plan.only(np.array([1]))
    assert only.series.tolist() == [[[1, 2], [2, 4]]]
    assert (only.parameters(0, 1).tolist(), only.numbers.tolist()) == ([both[1].tolist()], [1])
    shared = replace(plan, series=plan.series[:1])
    assert shared.only(slice(1, 2)).series.shape == (1, 2, 2)
    assert planned(model, pd.DataFrame({"k": [3.0] * 2}), method="LSODA").rtol == RTOL
    assert planned(model, pd.DataFrame({"k": [3.0] * 2}), method="LSODA", rtol=1e-3).rtol == 1e-3
    assert planned(model, pd.DataFrame({"k": [3.0] * 2}), rtol=1e-3).rtol == 1e-3


@pytest.mark.parametrize(("size", "row"), [(-2.1, 1), (3.1, 1), (float("nan"), 1)])
def test_the_ends_of_a_range_are_allowed_and_what_is_beyond_is_named(
    model: sdmodel.Model, size: float, row: int
) -> None:
    with pytest.raises(SdmodelError, match=f"Row {row} of the design gives 'size'"):
        model.sweep(pd.DataFrame({"size": [3.0, size]}), ["y"], data=SERIES)
    if size == size:
        with pytest.raises(RangeError, match=r"its range in mini.mdl is -2 to 3 Dmnl.*with_ranges\(\{'size'"):
            planned(model, pd.DataFrame({"size": [-2.0, size]}))


@pytest.mark.parametrize(
    ("sample", "numbers"),
    [([5, 3, 5], [5, 3, 5]), (["b", "a", "b"], [1, 0, 1]), ([0.5, 1.5, 0.5], [0, 1, 0]),
     (np.array([1, 2, 3], dtype="uint8"), [1, 2, 3])],
)  # fmt: skip
def test_rows_of_one_sample_have_one_number(sample: Any, numbers: list[int]) -> None:
    assert _numbers(np.array(sample), 3).tolist() == numbers
    assert _numbers(None, 3).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("outputs", "data", "message"),
    [
        (3, SERIES, "a list of names"), ([3], SERIES, "as strings"), (["table"], SERIES, "'table' is a lookup"),
        (["k"], SERIES, "'k' is a constant; it has no path"), (["z"], SERIES, "no variable 'z'"),
        (["x"], 3, "data: 3"), (["x"], SERIES.isel(run=[0, 1, 1]), "'other' has 3 runs; the design has 2"),
        (["x"], SERIES.assign_coords(time=[1.0, 1.0]), "must rise"),
        (["x"], SERIES.assign(more=("time", [0.0, 1.0])), "no data variable 'more'"),
    ],
)  # fmt: skip
def test_what_cannot_be_planned_is_refused(model: sdmodel.Model, outputs: Any, data: Any, message: str) -> None:
    with pytest.raises(SdmodelError, match=message):
        planned(model, pd.DataFrame({"k": [3.0, 4.0]}), outputs, data=data)


def test_without_outcomes_the_stocks_are_kept_and_one_constant_is_set_once(model: sdmodel.Model) -> None:
    assert planned(model, pd.DataFrame({"k": [3.0, 4.0]}), None).labels == ("x[left]", "x[right]", "y")
    with pytest.raises(DesignError, match=r"'k' and 'K\[left\]' of the design both set 'k\[left\]'"):
        planned(model, pd.DataFrame({"k": [3.0] * 2, "K[left]": [3.0] * 2}))
    apart = planned(model, pd.DataFrame({"k[left]": [3.0] * 2, "k[right]": [4.0] * 2}))
    assert len(apart.columns) == 2


SHAPES = """
slow = DELAY N(Time, wait, 0, order) ~ Year ~ |
near = DELAY3(Time, lag) ~ Year ~ |
wait = 4 ~ Year [0,9] ~ |
order = 2 ~ Dmnl [1,9] ~ |
lag = 3 ~ Year [0,9] ~ |
quick = 1 ~ Dmnl [0,9] ~ |
x = INTEG(slow+near+quick, 0) ~ Year ~ |
"""


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"order": [2.0, 2.0], "wait": [3.0, 4.0], "lag": [2.0, 3.0]}, ""),
        ({"order": [2.0, 3.0]}, "'order' is the order"),
        ({"order": [3.0, 3.0]}, "'order' is the order"),
    ],
)  # fmt: skip
def test_a_row_that_needs_other_equations_is_refused(
    model_from: Make, columns: dict[str, list[float]], message: str
) -> None:
    model = model_from(SHAPES, step=0.5)
    if message:
        with pytest.raises(OverrideError, match=message):
            planned(model, pd.DataFrame(columns), ["x"], data=None)
    else:
        assert planned(model, pd.DataFrame(columns), ["x"], data=None).runs == 2
    with pytest.raises(OverrideError, match="FINAL TIME cannot vary"):
        planned(model, pd.DataFrame({"FINAL TIME": [5.0, 6.0]}), ["x"], data=None)


def test_a_search_takes_its_own_step_where_it_may(model_from: Make) -> None:
    """x' = -k x by steps of a half and by those of the file, an eighth; a grid keeps its own."""
    model = model_from("x = INTEG(-k*x, 1) ~ Dmnl ~ |\nk = 2 ~ 1/Year [0.1,9] ~ |", end=2)
    design = pd.DataFrame({"k": [1.0, 2.0], "TIME STEP": [0.125, 0.125]})

    def decayed(k: np.ndarray, h: float) -> np.ndarray:
        z = -k * h
        return np.asarray((1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24) ** (2 / h))

    for columns in (design, design[["k"]]):
        for step, h in ((0.5, 0.5), (None, 0.125)):
            rounds = Rounds(model, columns, ["x"], every=1, step=step, workers=1)
            assert rounds.plan.refine == (step is None)
            found = rounds(np.array([1, 0, 1]), {"k": np.array([3.0, 1.0, 2.0])})
            assert found.shape == (3, 1, 3)
            np.testing.assert_allclose(found[:, 0, -1], decayed(np.array([3.0, 1.0, 2.0]), h), rtol=1e-12)
            np.testing.assert_allclose(rounds(np.array([1]), {})[:, 0, -1], decayed(np.array([2.0]), h), rtol=1e-12)
    assert Rounds(model, design, ["x"], every=1, workers=3).workers == 3
    assert Rounds(model, design, ["x"], every=1).workers >= 1
