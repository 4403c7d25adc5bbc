"""Searches for policies by hand: limits, criteria over samples, what is cached and counted, fronts, their volumes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_file import TEMPLATE

import sdmodel
from sdmodel import Outcome
from sdmodel.analysis.optimization import optimize as search
from sdmodel.analysis.optimization import pareto as fronts
from sdmodel.analysis.optimization.policy_trials import (
    by_outcome,
    excess,
    first_policies,
    limited_columns,
    prepare,
    slack,
)
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.model import Model

NAN, INF = math.nan, math.inf
TEXT = """
gain = size*(4 - size)*world + 0*Time ~ u ~ |
cost = price*size ~ CNY ~ |
late = INTEG(size*STEP(1, 5), 0) ~ u*Year ~ |
broken = SQRT(3 - size) ~ u ~ |
hit = 0 - (size - world)*(size - world) ~ u ~ |
size = 1 ~ u [0,4] ~ How much. [lever P01] |
way = 0 ~ Dmnl [0,3,1] ~ Which. [switch] |
count = 2 ~ Dmnl [0.5,4.5] ~ Some. [uncertainty integer] |
use = way + count ~ Dmnl ~ |
world = 1 ~ 1/u [0,3] ~ State. [uncertainty] |
price = 1 ~ CNY/u [0,9] ~ Price. [uncertainty] |
"""
GAIN, COST = Outcome("gain"), Outcome("cost")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("search") / "search.mdl"
    place.write_text(TEMPLATE.format(equations=TEXT, start=0, end=6, step=1, saveper=2), encoding="utf-8")
    return sdmodel.load(place)


# -- limits -----------------------------------------------------------------------------------------------------------
def test_the_distance_from_the_nearer_end_of_a_limit() -> None:
    values = np.array([0.0, 1, 4, 5, 7, NAN])
    np.testing.assert_array_equal(slack(values, (1, 5)), [-1, 0, 1, 0, -2, NAN])
    np.testing.assert_array_equal(slack(values, (None, 5)), [5, 4, 1, 0, -2, NAN])
    np.testing.assert_array_equal(slack(values, (1, None)), [-1, 0, 3, 4, 6, NAN])


def test_a_limit_is_broken_by_its_largest_excess_over_samples() -> None:
    found = np.array([[[0.0, 6], [1, 5], [9, -3], [2, NAN]], [[1.0, 1], [2, 2], [3, 9], [0, 0]]])
    limits = {GAIN: (1, 5), COST: (None, 2.5)}
    assert excess(found, limits).tolist() == [[1, 0, 4, INF], [0, 0, 6.5, 0]]
    columns = limited_columns(found, limits)
    np.testing.assert_array_equal(columns["final of gain"], [0, 1, 9, NAN])
    assert columns["final of cost"].tolist() == [1, 2, 9, 0]
    assert limited_columns(np.array([[[2.0, 4.9], [4.9, 2]]]), {GAIN: (1, 5)})["final of gain"].tolist() == [4.9, 4.9]
    assert by_outcome({"gain": (1, 2), COST: (None, 1)}) == {GAIN: (1, 2), COST: (None, 1)}
    assert by_outcome(None) == {}


# -- policies ---------------------------------------------------------------------------------------------------------
def evaluator(model: Model, levers: Any, samples: Any = None, limits: Any = None, **more: Any) -> Any:
    given = {"scenario": None, "every": None, "workers": None, **more}
    return prepare(model, levers, [GAIN], limits, samples, **given)


def test_a_policy_is_what_its_levers_can_take(model: Model) -> None:
    one = evaluator(model, {"size": [0.5, 2.0, 3.5], "price": (1, 2), "way": (0, 3), "count": (0.5, 4.5)})
    asked = np.array([[1.3, 0, 1.4, 0.2], [1.2, 9, 1.6, 4.4], [9, 1.5, -1, 9]])
    assert one.admissible(asked).tolist() == [[2, 1, 1, 1], [0.5, 2, 2, 4], [3.5, 1.5, 0, 4]]
    assert one.integer.tolist() == [False, False, True, True]
    assert one.bounds.tolist() == [[0.5, 3.5], [1, 2], [0, 3], [0.5, 4.5]]
    assert list(one.columns(asked)) == ["size", "price", "way", "count"]
    assert one.columns(asked)["count"].tolist() == [1, 4, 4]
    assert one.units([GAIN]) == {"size": "u", "price": "CNY/u", "way": "Dmnl", "count": "Dmnl", "final of gain": "u"}


def test_a_policy_is_run_once_in_every_sample(model: Model) -> None:
    samples = pd.DataFrame({"world": [1.0, 2.0], "size": [9.0, 9.0], "sample": [3, 4], "setting": ["a", "b"]})
    one = evaluator(model, {"size": (0, 4)}, samples, {"cost": (None, 3)})
    assert one.samples.columns.tolist() == ["world", "sample"]
    found = one(np.array([[1.0], [3.0], [1.0]]))
    assert found.shape == (2, 3, 2)
    assert found[0].tolist() == [[3, 6], [3, 6], [3, 6]]
    assert found[1].tolist() == [[1, 1], [3, 3], [1, 1]]
    assert one.runs == 4  # two policies in two samples
    assert one(np.array([[3.0], [2.0]]))[0].tolist() == [[3, 6], [4, 8]]
    assert one.runs == 6
    alone = one.only(1)
    assert (alone.runs, len(alone.cache)) == (0, 0)
    assert alone(np.array([[2.0]]))[0].tolist() == [[8]]
    assert one.runs == 6
    with pytest.raises(DesignError, match="no constant besides the levers"):
        evaluator(model, {"size": (0, 4)}, samples[["size", "sample"]])
    late = prepare(model, {"size": (0, 4)}, [Outcome("late", at=5.5)], None, None, None, 0.5, None)
    coarse = prepare(model, {"size": (0, 4)}, [Outcome("late", at=5.5)], None, None, None, None, None)
    assert late(np.array([[2.0]])).ravel().tolist() == pytest.approx([1.0])
    assert coarse(np.array([[2.0]])).ravel().tolist() == pytest.approx([1.5])  # on the line from 4 to 6
    twice = evaluator(model, {"size": (0, 4)}, scenario=sdmodel.Scenario(values={"world": 2.0}))
    assert twice(np.array([[2.0]])).ravel().tolist() == [8]


def test_the_first_policies_are_that_of_the_file_and_a_latin_hypercube(model: Model) -> None:
    one = evaluator(model, {"size": (2, 4), "price": (0, 5)})
    found = first_policies(one, 8, np.random.default_rng(1))
    assert found[0].tolist() == [2, 1]  # the value of the file, as far as the range goes
    cells = np.sort(np.floor((found - [2, 0]) / [2, 5] * 8)[1:], axis=0)
    assert (np.diff(cells, axis=0) >= 1).all()
    assert not np.array_equal(found, first_policies(one, 8, np.random.default_rng(2)))


# -- criteria ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("robust", "sign", "objective"),
    [
        ("expected", 1, [-2, -4]), ("expected", -1, [2, 4]), ("worst", 1, [-1, -2]), ("worst", -1, [4, 8]),
        ("regret", 1, [5, 3]), ("regret", -1, [13, 17]),
    ],
)  # fmt: skip
def test_a_criterion_over_samples_by_hand(robust: str, sign: float, objective: list[float]) -> None:
    goal, best = np.array([[1.0, 4, 1], [2, 8, 2]]), np.array([5.0, 9, 4])
    assert search._summary(robust, sign, best)(goal).tolist() == objective


class Fixed:
    """An evaluator that knows its outcomes."""

    def __init__(self, goals: list[list[float]], limited: list[list[float]] | None = None) -> None:
        self.found = np.array([goals, *([limited] if limited else [])])
        self.runs = 7
        self.cache = {bytes([i]): self.found[:, i] for i in range(self.found.shape[1])}

    def __call__(self, policies: np.ndarray) -> np.ndarray:
        return self.found[:, [round(float(p[0])) for p in policies]]

    def columns(self, policies: np.ndarray) -> dict[str, np.ndarray]:
        return {"size": policies[:, 0]}


def a_search(goals: list[list[float]], limited: Any = None, limits: Any = None, robust: str = "expected") -> Any:
    return search._Search(Fixed(goals, limited), search._summary(robust, 1.0, None), limits or {})


def test_the_best_of_each_generation_as_a_table() -> None:
    one = a_search([[1, 3], [4, 2], [8, 0]], [[0, 1], [2, 3], [9, 9]], {COST: (None, 5)})
    one.history = [(np.array([2.0]), INF, 5), (np.array([0.0]), -2.0, 6), (np.array([1.0]), -3.0, 7)]
    table = one.frame(GAIN, 1.0, "expected", None)
    assert table.index.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(table["final of gain"], [NAN, 2, 3])
    assert table["final of cost"].tolist() == [9, 1, 3]
    assert table["runs"].tolist() == [5, 6, 7]
    assert one.frame(GAIN, 1.0, "worst", None)["final of gain"].tolist()[1:] == [1, 2]
    assert one.frame(GAIN, -1.0, "worst", None)["final of gain"].tolist()[1:] == [3, 4]
    # The third policy breaks its limit: of the others the best of each sample is 4 and 3, of those before 2 and 5.
    regret = one.frame(GAIN, 1.0, "regret", np.array([2.0, 5.0]))
    assert regret["largest regret"].tolist()[1:] == [3, 3]
    assert regret["final of gain"].tolist()[1:] == [1, 2]
    assert one._reached(1.0).tolist() == [4, 3]
    assert one._reached(-1.0).tolist() == [-1, -2]
    failed = a_search([[1, 3], [NAN, 9]], [[0, 0], [0, 0]], {COST: (0, 0)})
    assert failed._reached(1.0).tolist() == [1, 9]


def test_a_policy_that_fails_or_breaks_a_limit_is_never_kept() -> None:
    one = a_search([[1, 3], [4, NAN]], [[5, 5], [5, 5.1]], {COST: (None, 5)})
    assert one._goal(np.array([[0.0, 1.0]])).tolist() == [-2, INF]
    assert one._goal(np.empty((1, 0))).tolist() == []
    assert one._violations(np.array([[0.0, 1.0]]))[0].tolist() == pytest.approx([0, 0.1])
    assert one._keeps(np.array([0.0]))
    assert not one._keeps(np.array([1.0]))
    assert a_search([[1.0], [2.0]])._keeps(np.array([0.0]))
    half = a_search([[1.0]], None, {COST: (None, 5), GAIN: (2, None)})
    half.evaluator.found = np.array([[[1.0]], [[4.0]], [[1.0]]])
    assert not half._keeps(np.array([0.0]))  # one limit of two is broken
    lost = a_search([[1], [2]], [[NAN], [1]], {COST: (None, 5)})
    assert lost._violations(np.array([[0.0]])).tolist() == [[1e100]]


def test_the_nearest_policy_is_told_with_the_limit_it_breaks_most() -> None:
    one = search._Search(
        Fixed([[1.0]], None), search._summary("expected", 1.0, None), {COST: (None, 5), GAIN: (2, None)}
    )
    one.evaluator.found = np.array([[[1.0]], [[6.0]], [[-1.0]]])
    one.history = [(np.array([0.0]), INF, 5)]
    said = r"No policy in 7 runs keeps the limits\. The nearest \(size = 0\) is 3 beyond the limit of 'final of gain'"
    with pytest.raises(DesignError, match=said):
        one.keeps_limits()
    fails = a_search([[NAN]])
    fails.history = [(np.array([0.0]), INF, 5)]
    with pytest.raises(DesignError, match=r"Every policy that was tried fails in some run, such as size = 0\."):
        fails.keeps_limits()
    fails.history = [(np.array([0.0]), -1.0, 5)]
    fails.keeps_limits()


# -- whole searches ---------------------------------------------------------------------------------------------------
def test_a_search_counts_its_runs_and_keeps_its_figures(model: Model) -> None:
    found = sdmodel.optimise(model, {"size": (0, 4)}, "gain", generations=6, rng=1, limits={"cost": (None, 1.5)})
    best = found.iloc[-1]
    assert best["size"] == pytest.approx(1.5, abs=0.02)
    assert best["final of gain"] == pytest.approx(best["size"] * (4 - best["size"]))
    assert found["runs"].iloc[0] >= 16  # sixteen policies for a single lever
    assert found.attrs["goal"] == "final of gain"
    assert (found.attrs["aim"], found.attrs["robust"], found.attrs["levers"]) == ("max", "", ["size"])
    assert found.attrs["limits"] == {"final of cost": (None, 1.5)}
    assert found.attrs["units"] == {"size": "u", "final of gain": "u", "final of cost": "CNY", "largest regret": "u"}
    assert found.attrs["error"] < 1e-9
    least = sdmodel.optimise(model, {"size": (1, 4)}, GAIN, aim="min", generations=6, population=8, rng=1)
    assert least["size"].iloc[-1] == pytest.approx(4, abs=0.05)
    assert least["runs"].iloc[0] <= 17 < found["runs"].iloc[0]
    doubled = sdmodel.optimise(model, {"size": (0, 4)}, GAIN, generations=1, population=8, rng=1,
                               scenario=sdmodel.Scenario(values={"world": 2.0}))  # fmt: skip
    size = doubled["size"].iloc[-1]
    assert doubled["final of gain"].iloc[-1] == pytest.approx(2 * size * (4 - size))


def test_the_regret_is_that_of_the_best_of_each_sample(model: Model) -> None:
    """Worlds 1 and 3: the gain is best at 2 in both, so the regret can be nil."""
    samples = pd.DataFrame({"world": [1.0, 3.0]})
    found = sdmodel.optimise(model, {"size": (0, 4)}, GAIN, samples=samples, robust="regret", generations=8, rng=1)
    best = found.iloc[-1]
    assert best["size"] == pytest.approx(2, abs=0.01)
    assert best["largest regret"] == pytest.approx(0, abs=1e-3)
    assert best["final of gain"] == pytest.approx(4, abs=1e-3)  # that of the worst sample
    assert found["runs"].iloc[0] > 3 * 16  # each sample alone was searched first
    assert found.attrs["robust"] == "regret"


def test_the_error_is_that_of_the_goal_from_another_solver(model: Model) -> None:
    one = evaluator(model, {"size": (0, 4)}, pd.DataFrame({"world": [1.0, 2.0, 3.0, 0.5]}))
    assert search._checked(one, np.array([1.0]), GAIN) < 1e-9
    (mark,) = one.cache
    one.cache[mark] = one.cache[mark] * [1, 1.25, 1, 9]  # of the first three the second is off by a quarter
    assert search._checked(one, np.array([1.0]), GAIN) == pytest.approx(0.25)


# -- fronts -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("aims", "kept"),
    [(("max", "min"), [0, 3, 4]), (("min", "max"), [2]), (("max", "max"), [0, 2, 4]), (("min", "min"), [1, 3])],
)
def test_rows_that_no_other_dominates(aims: tuple[str, str], kept: list[int]) -> None:
    table = pd.DataFrame({"a": [3.0, 1, 1, 2, 3, NAN, INF], "b": [4.0, 4, 5, 2, 4, 0, 1]})
    assert sdmodel.nondominated(table, dict(zip("ab", aims, strict=True))).index.tolist() == kept


def test_goals_are_two_or_more_each_with_its_aim() -> None:
    assert fronts._goals({"gain": "max", COST: "min"}) == {GAIN: "max", COST: "min"}
    for wrong in ({"gain": "max"}, {"gain": "max", 3: "min"}, ["gain", "cost"]):
        with pytest.raises(DesignError, match="two Outcomes or more"):
            fronts._goals(wrong)
    with pytest.raises(UnknownNameError, match="aim 'up'"):
        fronts._goals({"gain": "up", COST: "min"})


def test_the_volume_of_a_front_by_hand() -> None:
    """Of the box from (0, 10) to (4, 30): a point at its middle dominates a quarter."""
    pytest.importorskip("pymoo", reason="the extra sdmodel[analysis] is not installed")
    history = [np.array([[4.0, 10], [0, 30]]), np.array([[2.0, 20]]), np.empty((0, 2)), np.array([[0.0, 10]])]
    assert fronts._volumes(history) == pytest.approx([0, 0.25, 0, 1])
    flat = [np.array([[1.0, 5], [1, 7]]), np.array([[1.0, 6]])]
    assert fronts._volumes(flat) == pytest.approx([1, 0.5])


def test_a_front_has_its_goals_levers_and_counts(model: Model) -> None:
    pytest.importorskip("pymoo", reason="the extra sdmodel[analysis] is not installed")
    samples = pd.DataFrame({"world": [1.0, 2.0]})
    given = {"population": 12, "generations": 6, "rng": 1, "samples": samples}
    goals = {"gain": "max", COST: "min"}
    front = sdmodel.pareto(model, {"size": (0, 4)}, goals, limits={"broken": (1, None)}, **given)
    assert front.columns.tolist() == ["size", "final of gain", "final of cost", "final of broken"]
    assert front["final of gain"].is_monotonic_increasing
    np.testing.assert_allclose(front["final of gain"], 1.5 * front["size"] * (4 - front["size"]))  # the mean
    np.testing.assert_allclose(front["final of broken"], np.sqrt(3 - front["size"]))
    assert front["size"].max() <= 2
    assert front["size"].max() > 1.5
    assert front.attrs["goals"] == {"final of gain": "max", "final of cost": "min"}
    assert front.attrs["levers"] == ["size"]
    assert front.attrs["units"] == {"size": "u", "final of gain": "u", "final of cost": "CNY", "final of broken": "u"}
    assert len(front.attrs["hypervolume"]) == 6
    assert 24 <= front.attrs["runs"] <= 24 * 6
    assert not front.duplicated().any()
    with pytest.raises(DesignError, match="keeps the limits"):
        sdmodel.pareto(model, {"size": (3.5, 4)}, goals, limits={"broken": (1, None)}, **given)
    # Of worlds 0, 0 and 3 the mean is best at 1; the best of them at 0 already, where nothing is spent.
    worlds = {**given, "samples": pd.DataFrame({"world": [0.0, 0.0, 3.0]})}
    mean = sdmodel.pareto(model, {"size": (0, 4)}, {"hit": "max", COST: "min"}, **worlds)["size"]
    assert 0.8 < mean.max() < 1.05
    again, other = (sdmodel.pareto(model, {"size": (0, 4)}, goals, **{**given, "rng": rng}) for rng in (1, 2))
    assert again["size"].tolist() != other["size"].tolist()
