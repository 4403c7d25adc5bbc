"""Runs that are solved again, from halvings made by hand, and single runs of the Python engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.expression import NA
from sdmodel.core.scenario import Scenario
from sdmodel.design.tables import read_rows
from sdmodel.sweep import refinement
from sdmodel.sweep.backends import with_engine
from sdmodel.sweep.engines import FAILED, FINE, OneRun, kernel_series, one_run, python_of
from sdmodel.sweep.plan import make_plan
from sdmodel.sweep.refinement import BY_SCIPY, in_words, refine

Make = Callable[..., sdmodel.Model]
ENOUGH = 5e-4
# Of each row the value that each halving of its step gives, the first with the step as it is; None for a failure.
ROWS: dict[int, list[float | None]] = {
    10: [1.0, 1 + 0.9 * ENOUGH],  # near enough: as it was
    11: [1.0, 2.0, 2.0 + 1.9 * ENOUGH],  # the second halving changes it no more
    12: [1.0, 2, 3, 4, 5, 5.0],  # the last one
    13: [1.0, 2, 3, 4, 5, 6.0],  # changes to the end
    14: [1.0, None, 3.0, 3.0],
    15: [1.0, 2, 3, 4, 5, 7.0],  # and scipy cannot solve it
    16: [1.0, 9.0],  # not looked at
}
NONE = np.zeros(7, dtype=bool)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, list[int]]]:
    calls: list[tuple[int, list[int]]] = []

    def halved(plan: Any, rows: np.ndarray, halvings: int) -> tuple[np.ndarray, np.ndarray]:
        calls.append((halvings, rows.tolist()))
        values = [ROWS[row][halvings] for row in rows]
        status = np.array([FAILED if v is None else FINE for v in values])
        return np.array([[[np.nan if v is None else v]] for v in values]), status

    def scipy(plan: Any, engine: Any, p: np.ndarray, row: int, *, method: str, rtol: float) -> OneRun:
        assert (p.tolist(), method, rtol) == ([row], "LSODA", 1e-8)
        return OneRun(None, "too stiff", False) if row == 15 else OneRun(np.array([[100.0 + row]]), "", False)

    monkeypatch.setattr(refinement, "halved", halved)
    monkeypatch.setattr(refinement, "one_run", scipy)
    monkeypatch.setattr(refinement, "python_of", lambda plan: None)
    return calls


def plan_of(*parameters: str) -> SimpleNamespace:
    return SimpleNamespace(units=("m",), program=SimpleNamespace(parameters=parameters),
                           parameters=lambda start, stop: np.array([[start]]))  # fmt: skip


def test_a_step_is_halved_until_the_run_changes_no_more(asked: list[tuple[int, list[int]]]) -> None:
    values, found = np.ones((7, 1, 1)), np.full(7, FINE)
    found[4] = FAILED
    solved, reasons = refine(plan_of("k", "TIME STEP"), 10, values, found, np.arange(6), NONE)
    assert asked == [(1, [10, 11, 12, 13, 14, 15]), (2, [11, 12, 13, 14, 15]), (3, [12, 13, 14, 15]),
                     (4, [12, 13, 15]), (5, [12, 13, 15])]  # fmt: skip
    assert solved == {11: 2, 12: 5, 13: BY_SCIPY, 14: 3, 15: BY_SCIPY}
    assert values[:, 0, 0] == pytest.approx([1, 2 + 1.9 * ENOUGH, 5, 113, 3, np.nan, 1], nan_ok=True)
    assert found.tolist() == [FINE, FINE, FINE, FINE, FINE, FAILED, FINE]
    assert reasons == {5: "too stiff"}


def test_without_a_step_to_halve_scipy_solves_it_at_once(asked: list[tuple[int, list[int]]]) -> None:
    values, found = np.ones((7, 1, 1)), np.full(7, FAILED)
    solved, reasons = refine(plan_of("k"), 10, values, found, np.array([2, 5]), NONE)
    assert not asked
    assert solved == {12: BY_SCIPY, 15: BY_SCIPY}
    assert (values[2, 0, 0], reasons) == (112, {5: "too stiff"})
    assert found[2] == FINE
    assert refine(plan_of("k", "TIME STEP"), 10, values, found, np.array([], dtype=int), NONE) == ({}, {})
    assert not asked


def test_where_a_stock_ran_past_zero_all_differences_count(
    asked: list[tuple[int, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At least three halvings, and each difference counts half as much with each further one."""
    values, found = np.ones((7, 1, 1)), np.full(7, FINE)
    for row, given in {
        10: [1.0] * 4,
        11: [1.0, 1 + 3.9 * ENOUGH, 1.0, 1.0, 1.0],  # a difference of 3.9 at the second, so 0.98 at the fourth
        12: [1.0, 1 + 9.0 * ENOUGH, 1.0, 1.0, 1.0, 1.0],  # and of 9, so 1.1 at the fifth
        14: [1.0, None, 1.0, 1.0, 1.0, 1.0],
    }.items():
        monkeypatch.setitem(ROWS, row, given)
    solved, _ = refine(plan_of("k", "TIME STEP"), 10, values, found, np.array([0, 1, 2, 4]), ~NONE)
    assert solved == {10: 3, 11: 4, 12: BY_SCIPY, 14: BY_SCIPY}
    assert asked[-1] == (5, [12, 14])


def test_runs_that_took_time_step_again_are_told() -> None:
    told = in_words({1: 0, 2: 0, 3: 1, 4: BY_SCIPY}, 9)
    assert told["solved_again"] == (
        "4 of 9 runs, since their steps were too long: 2 with steps of TIME STEP and 1 with steps down to TIME STEP/2 "
        "and 1 with LSODA at rtol 1e-08"
    )
    assert (told["solved_again_halved"], told["solved_again_scipy"]) == (1, 1)
    only = in_words({1: 0}, 9)
    assert str(only["solved_again"]).endswith(": 1 with steps of TIME STEP")
    assert (only["solved_again_halved"], only["solved_again_scipy"]) == (0, 0)


# -- runs of engines ------------------------------------------------------------------------------------------------
TEXT = """
x = INTEG(-k*x, 1) ~ Dmnl ~ |
late = IF THEN ELSE(Time < 1.5, :NA:, k) ~ 1/Year ~ |
root = SQRT(k - 1) ~ Dmnl ~ |
worse = LN(k - 1) ~ Dmnl ~ |
k = 2 ~ 1/Year [0.1,9] ~ |
"""


def test_a_step_halved_is_that_of_runge_and_kutta(model_from: Make) -> None:
    """Each step multiplies by the first five terms of the exponential series of -k h."""
    rows, model = read_rows(pd.DataFrame({"k": [1.0, 2.0, 3.0]})), model_from(TEXT, end=2, step=0.5)
    plan = make_plan(model, rows, ["x", "late"], Scenario(), None, 1.0, None, None, 0)[0]
    values, status = refinement.halved(with_engine(plan), np.array([2, 0]), 2)
    assert status.tolist() == [FINE, FINE]
    for row, k in enumerate((3.0, 1.0)):
        z = -k * 0.5 / 4
        assert values[row, 0, -1] == pytest.approx((1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24) ** 16, rel=1e-12)
    np.testing.assert_array_equal(values[:, 1], [[np.nan, np.nan, 3], [np.nan, np.nan, 1]])
    assert not (values == NA).any()


def test_a_single_run_takes_its_own_row_method_and_tolerance(model_from: Make) -> None:
    model = model_from(TEXT, end=2, step=0.5)
    design = pd.DataFrame({"k": [2.0, 1.0, 0.5]})
    plan = make_plan(model, read_rows(design), ["x", "worse", "root"], Scenario(), None, 1.0, None, None, 0)[0]
    engine = python_of(plan)

    def run(row: int, **how: Any) -> OneRun:
        return one_run(plan, engine, plan.parameters(row, row + 1)[0], row, **how)

    assert run(2).message == "'root' is not finite at time 0."  # the first in the order of the equations
    # with -k h = -1 each step multiplies by 1 - 1 + 1/2 - 1/6 + 1/24
    assert run(0).values[0] == pytest.approx(np.array([1, 3 / 8, 9 / 64]) ** 2)
    errors = [abs(run(0, method="LSODA", rtol=r).values[0, -1] - np.exp(-4)) for r in (1e-3, 1e-10)]
    assert errors[1] < 1e-9 < errors[0]
    loose = replace(plan, rtol=1e-3)
    found = one_run(loose, engine, plan.parameters(0, 1)[0], 0, method="LSODA").values
    assert abs(found[0, -1] - np.exp(-4)) == pytest.approx(errors[0])
    default = abs(run(0, method="LSODA").values[0, -1] - np.exp(-4))
    assert errors[1] < default < errors[0]


def test_series_are_those_of_the_rows_or_of_all() -> None:
    values = np.arange(12.0).reshape(3, 2, 2)
    for own in (True, False):
        series = values if own else values[:1]
        of = {"series_of": (lambda rows: values[rows]) if own else (lambda rows: values[:1])}
        plan = SimpleNamespace(series_times=(0.0, 1.0), series=series, **of)
        first, second = kernel_series(plan, np.array([2, 0]))
        assert first[0].tolist() == [0, 1]
        assert first[1].tolist() == ([[8, 9], [0, 1]] if own else [0, 1])
        assert second[1].tolist() == ([[10, 11], [2, 3]] if own else [2, 3])
