"""Equal public money: one lever solved row by row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.errors import DesignError
from sdmodel.experiments.equal_money import Equalised, equal_money

MONEY = """
money = INTEG(size^2*price*IF THEN ELSE(Time >= leave, 0, 1), 0) ~ million CNY ~ |
size = 1 ~ Dmnl [0,3] ~ |
price = 1 ~ Dmnl [0,9] ~ |
leave = 10 ~ Year [0,10] ~ |
"""


def solve(model: sdmodel.Model, design: pd.DataFrame, target: list[float], **more: object) -> Equalised:
    given = {"lever": "size", "money": "money", "outputs": ["money"], "every": 5, "start": 1.0, "low": 0.0, "high": 3.0}
    return equal_money(model, design, np.array(target), workers=1, progress=False, **{**given, **more})


def test_equal_money_finds_known_roots(model_from: Callable[..., sdmodel.Model]) -> None:
    design = pd.DataFrame({"price": [1.0, 2.0, 4.0, 1.0, 1.0], "sample": range(5)})
    found = solve(model_from(MONEY), design, [10, 45, 2.5, 40, 1000], tolerance=1e-6, rounds=40)
    assert found.lever[:4] == pytest.approx([1, 1.5, 0.25, 2], rel=1e-6)
    assert found.spent.tolist() == [True, True, True, True, False]  # 1000 takes a size of 10
    assert np.abs(found.residual[:4]).max() <= 1e-6
    assert found.lever[4] == 3
    assert found.residual[4] == pytest.approx(90 / 1000 - 1)
    # The runs belong to the rows, in their order, at the lever found.
    assert found.result["sample"].to_numpy().tolist() == [0, 1, 2, 3, 4]
    assert found.result["size"].to_numpy() == pytest.approx(found.lever)
    assert found.result["money"].isel(time=-1).to_numpy()[:4] == pytest.approx([10, 45, 2.5, 40], rel=1e-6)


def test_equal_money_by_a_date(model_from: Callable[..., sdmodel.Model]) -> None:
    design = pd.DataFrame({"price": [1.0, 2.0], "sample": range(2)})
    found = solve(
        model_from(MONEY),
        design,
        [3.25, 3.25],
        lever="leave",
        start=np.array([9.0, 1.0]),
        high=10.0,
        tolerance=1e-5,
        rounds=40,
    )
    assert found.lever == pytest.approx([3.25, 1.625], rel=1e-5)
    assert found.spent.all()


def test_the_first_guess_does_not_matter(model_from: Callable[..., sdmodel.Model]) -> None:
    design = pd.DataFrame({"price": [2.0]})
    for start in (0.0, 0.01, 1.0, 3.0, 99.0):
        found = solve(model_from(MONEY), design, [45], start=start, tolerance=1e-4, rounds=40)
        assert found.lever[0] == pytest.approx(1.5, rel=1e-3), start


def test_a_failed_run_is_not_spent_and_does_not_stop_the_others(model_from: Callable[..., sdmodel.Model]) -> None:
    text = MONEY.replace("size^2*price", "size^2*price/price")
    found = solve(model_from(text), pd.DataFrame({"price": [0.0, 2.0]}), [10, 10])
    assert found.spent.tolist() == [False, True]


def test_money_spent_anyway_is_left_out_of_what_is_equal(model_from: Callable[..., sdmodel.Model]) -> None:
    text = MONEY.replace("INTEG(size^2*price*", "INTEG(1000+size^2*price*")
    design = pd.DataFrame({"price": [1.0, 2.0]})
    found = solve(model_from(text), design, [10_010, 10_045], base=10_000.0, rounds=40)
    assert found.lever == pytest.approx([1, 1.5], rel=0.003)  # 0.5 % of 10 and 45, not of 10 000
    assert np.abs(found.residual).max() <= 0.005
    loose = solve(model_from(text), design, [10_010, 10_045], start=1.2)
    assert loose.runs == 2  # any size does where 10 000 count


def test_a_good_guess_takes_one_run_a_row(model_from: Callable[..., sdmodel.Model]) -> None:
    design = pd.DataFrame({"price": [1.0, 2.0, 4.0]})
    found = solve(model_from(MONEY), design, [10, 20, 40], start=np.array([1.0, 1.001, 1.3]), slope=np.full(3, 80.0))
    assert 4 <= found.runs <= 7
    assert found.lever == pytest.approx([1, 1, 1], rel=0.003)
    assert solve(model_from(MONEY), design, [10, 20, 40]).runs == 3


def test_a_target_below_what_is_spent_anyway_is_not_spent(model_from: Callable[..., sdmodel.Model]) -> None:
    found = solve(model_from(MONEY), pd.DataFrame({"price": [1.0]}), [10], base=10.0)
    assert not found.spent.any()


def test_a_design_that_sets_the_lever_is_refused(model_from: Callable[..., sdmodel.Model]) -> None:
    with pytest.raises(DesignError, match="'size' is solved for"):
        solve(model_from(MONEY), pd.DataFrame({"price": [1.0], "size": [2.0]}), [10])
