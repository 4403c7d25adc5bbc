"""Pieces of the methods by hand or by brute force: labels of outcomes, peeling, roots, frozen models, fits."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

import sdmodel
from sdmodel import Outcome
from sdmodel.analysis.discovery.prim import ALPHA, Box, _best_paste, _best_peel, unlimited_box
from sdmodel.analysis.equilibria.net_flows import freeze
from sdmodel.analysis.evaluation import outcome_unit
from sdmodel.analysis.inputs import constant_rows
from sdmodel.analysis.outcomes import outcome_table, outcome_values
from sdmodel.analysis.root_finding import find_roots
from sdmodel.analysis.triggers import _crossing_time
from sdmodel.core.errors import DesignError, ResultWarning

Make = Callable[..., sdmodel.Model]


# -- outcomes --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def sweep() -> xr.Dataset:
    a = np.arange(12.0).reshape(3, 2, 2)
    coords = {"run": [0, 1, 2], "time": [0.0, 1.0], "side": ["left", "right"]}
    return xr.Dataset({"a": (("run", "time", "side"), a)}, {**coords, "status": ("run", [0, 0, 0])})


def told(outcomes: list[object], sweep: xr.Dataset) -> list[tuple[str, float | None, list[float]]]:
    return [(one.label, one.time, one.values.tolist()) for one in outcome_values(outcomes, sweep)]


def test_an_element_stands_in_the_place_of_its_variable_in_a_label(sweep: xr.Dataset) -> None:
    """The name of the variable is a letter of the word before it."""
    assert told([Outcome("a", "max")], sweep) == [
        ("max of a[left]", None, [2, 6, 10]),
        ("max of a[right]", None, [3, 7, 11]),
    ]
    assert told(["a"], sweep)[:3] == [
        ("a[left]", 0.0, [0, 4, 8]),
        ("a[left]", 1.0, [2, 6, 10]),
        ("a[right]", 0.0, [1, 5, 9]),
    ]
    assert [one.name for one in outcome_values(["a"], sweep)][1] == "a[left] at 1"


def test_values_may_be_given_by_run_under_any_name(sweep: xr.Dataset) -> None:
    own = xr.DataArray([1.0, 2.0, 3.0], dims="case", name="mine")
    assert told([own], sweep) == [("mine", None, [1, 2, 3])]
    path = xr.DataArray(np.arange(9.0).reshape(3, 3), dims=("case", "time"), coords={"time": [0.0, 1.0, 2.0]})
    assert told([path], sweep)[1] == ("outcome", 1.0, [1, 4, 7])
    for wrong in (own[:2], xr.DataArray(np.zeros((3, 3)), dims=("one", "other"))):
        with pytest.raises(DesignError, match="one value for each of 3 runs"):
            told([wrong], sweep)


def test_the_unit_of_an_outcome_is_that_of_its_variable_of_time_or_of_both(model_from: Make) -> None:
    model = model_from("a = Time ~ firm ~ |\nb = Time ~ ~ |")
    expected = {
        Outcome("a"): "firm", Outcome("a", "max"): "firm", Outcome("a", at=3): "firm", Outcome("a", "mean"): "firm",
        Outcome("a", "total"): "firm*Year", Outcome("b", "total"): "Year", Outcome("a", "first_above", level=2): "Year",
        Outcome("a", "time_of_max"): "Year", Outcome("a", reference=2.0, relative=True): "Dmnl", Outcome("b"): "",
    }  # fmt: skip
    assert {outcome: outcome_unit(model, outcome) for outcome in expected} == expected


def test_a_table_of_numbers_has_no_times() -> None:
    rows: list[dict[str, object]] = [{"outcome": "a", "time": None, "parameter": "p", "x": 1.0}]
    assert outcome_table(rows).index.names == ["outcome", "parameter"]
    assert outcome_table([{**rows[0], "time": 1.0}]).index.names == ["outcome", "time", "parameter"]


# -- peeling ---------------------------------------------------------------------------------------------------------
def brute_peel(x: np.ndarray, y: np.ndarray, least: float) -> tuple[float, Box | None]:
    """Best rise of the density for each run removed, over all parameters and both sides, runs tied removed with it."""
    best: tuple[float, Box | None] = (0.0, None)
    step = max(int(ALPHA * len(x)), 1)
    for j in range(x.shape[1]):
        for upper in (False, True):
            ranked = np.sort(x[:, j])[::-1] if upper else np.sort(x[:, j])
            out = x[:, j] >= ranked[step - 1] if upper else x[:, j] <= ranked[step - 1]
            if (~out).sum() < max(least, 1):
                continue
            gain = (y[~out].mean() - y.mean()) / out.sum()
            if gain > best[0] + 1e-15:
                rest = x[~out, j]
                cut = (ranked[step - 1] + (rest.max() if upper else rest.min())) / 2
                low, high = np.full(x.shape[1], -np.inf), np.full(x.shape[1], np.inf)
                (high if upper else low)[j] = cut
                best = (gain, Box(low, high))
    return best


@pytest.mark.parametrize("seed", range(6))
def test_a_peel_is_the_best_of_all(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.random(80), rng.integers(0, 4, 80), rng.integers(0, 12, 80), rng.random(80)])
    y = (x[:, 0] + x[:, 1] / 3 + x[:, 2] / 12 + 0.5 * rng.random(80) > 1.6).astype(float)
    for least in (1.0, 40.0, 79.0):
        expected = brute_peel(x, y, least)[1]
        order = np.argsort(x, axis=0, kind="stable")
        found = _best_peel(x, y, order, unlimited_box(4), least)
        assert (found is None) == (expected is None)
        if found is not None and expected is not None:
            np.testing.assert_allclose([found.low, found.high], [expected.low, expected.high])


def test_a_paste_takes_back_the_side_that_raises_the_density_most() -> None:
    x = np.array([[0.0], [1], [2], [3], [4], [5], [6], [7]])
    y = np.array([0.0, 1, 1, 0, 1, 0, 1, 0])
    found = _best_paste(x, y, Box(np.array([2.5]), np.array([5.5])))  # 0 1 0: a third
    assert found is not None
    assert (found.low[0], found.high[0]) == (1.5, 5.5)  # one half either way, and the lower side is looked at first
    worse = _best_paste(x, np.array([0.0, 0, 0, 1, 1, 1, 0, 0]), Box(np.array([2.5]), np.array([5.5])))
    assert worse is None
    whole = _best_paste(x, np.ones(8) - (x[:, 0] == 4), Box(np.array([-np.inf]), np.array([6.5])))
    assert whole is not None
    assert np.isinf(whole.high[0])


# -- roots -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("start", [None, 1.9])
def test_a_smooth_curve_is_met_in_few_rounds(start: float | None) -> None:
    """Halving alone would take thirty rounds to nine digits."""
    rounds = []

    def curve(x: np.ndarray, rows: np.ndarray) -> np.ndarray:
        rounds.append(len(rows))
        return np.exp(x) * (1 + rows)

    target = np.array([1.5, 4.0, 15.0])
    found = find_roots(curve, target, 0.0, 2.0, start=start, tolerance=1e-9)
    np.testing.assert_allclose(found.x, np.log(target / [1, 2, 3]), rtol=1e-8)
    np.testing.assert_allclose(found.value, target, rtol=1e-9)
    assert len(rounds) <= 9
    assert found.runs == sum(rounds)


def test_a_target_of_nil_is_met_to_the_tolerance_itself_and_a_coarse_one_at_once() -> None:
    found = find_roots(lambda x, _: x - 0.3, np.zeros(1), -1.0, 1.0, tolerance=0.01)
    assert abs(found.residual[0]) <= 0.01
    line = find_roots(lambda x, _: x, np.array([1.0]), 0.0, 1.004)  # of both ends the nearer is within half a percent
    assert (line.x[0], line.runs) == (1.004, 2)


# -- frozen models ---------------------------------------------------------------------------------------------------
def test_a_frozen_model_has_the_flows_sizes_and_slopes_of_its_equations(model_from: Make) -> None:
    """x' = r - x / 4 from 1 towards 8, y' = x y / 10 - y from 2 down; z only counts."""
    text = (
        "x = INTEG(r - x/4, 1) ~ u ~ |\ny = INTEG(x*y/10 - y, 2) ~ u ~ |\nz = INTEG(x, 0) ~ u ~ |\nr = 2 ~ u/Year ~ |"
    )
    frozen = freeze(model_from(text, end=20, step=0.25), at=20)
    assert (frozen.names, frozen.left_out) == (["x", "y"], ["z"])
    end = 8 - 7 * np.exp(-5)
    assert frozen.start[0] == pytest.approx(end, rel=1e-6)
    assert frozen.size == pytest.approx([end, 2], rel=1e-6)  # the largest over the run
    at = np.array([3.0, 1.5])
    assert frozen.rates(at) == pytest.approx([2 - 0.75, 0.45 - 1.5])
    assert frozen.relative_rate(at) == pytest.approx(max(1.25 / end, 1.05 / 2))
    np.testing.assert_allclose(frozen.jacobian(at), [[-0.25, 0], [0.15, -0.7]], atol=1e-8)
    assert frozen.value("x", at) == 3
    assert frozen.close_to(at, at + 0.9e-4 * frozen.size)
    assert not frozen.close_to(at, at + np.array([0, 1.1e-4 * 2]))
    rest, rests = frozen.integrate_to_rest(at)
    assert rests
    assert rest == pytest.approx([8, 0], abs=1e-6)
    with pytest.raises(DesignError, match="the model runs from 0 to 20"):
        freeze(model_from(text, end=20), at=21)


def test_a_start_has_the_range_of_its_stock(model_from: Make) -> None:
    model = model_from("x = 1 + Time ~ u ~ |\nw = INTEG(x, 1) ~ u [0,5] ~ |\nv = INTEG(x, 1) ~ ~ |")
    rows = constant_rows(model, ["w", "v"])
    assert rows[["low", "high", "unit"]].to_numpy().tolist() == [[0, 5, "u"], [-np.inf, np.inf, ""]]


def test_a_crossing_is_that_of_the_cubic_through_four_values() -> None:
    time = np.arange(6.0)
    for root in (0.3, 2.6, 4.9):
        off = (time - root) * (1 + 0.1 * (time - root) ** 2)
        i = int(np.argmax(off > 0))
        assert _crossing_time(time, off, i) == pytest.approx(root, abs=1e-12)
    assert _crossing_time(np.array([0.0, 2.0]), np.array([-1.0, 3.0]), 1) == pytest.approx(0.5)


# -- fits and indices ------------------------------------------------------------------------------------------------
def test_what_a_fit_explains_is_one_less_what_is_left_over_the_spread(model_from: Make) -> None:
    model = model_from("y = b + a*Time ~ u ~ |\na = 1 ~ u/Year [-10,10] ~ |\nb = 0 ~ u [-10,10] ~ |")
    t, y = np.array([0.0, 1, 2, 5, 10]), np.array([2.0, 2.7, 3.1, 4.4, 7.2])
    found = sdmodel.calibrate(model, ["a", "b"], {"y": (t, y)})
    left = y - np.polyval(np.polyfit(t, y, 1), t)
    row = found.series.loc["y"]
    assert row["observations"] == 5
    assert row["rmse"] == pytest.approx(np.sqrt(np.mean(left**2)), rel=1e-6)
    assert row["r2"] == pytest.approx(1 - (left**2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-9)
    np.testing.assert_allclose(found.fit["simulated"], y - left, rtol=1e-6)
    assert found.cost == pytest.approx(0.5 * (left**2).sum() / y.var(), rel=1e-6)


def test_the_outcome_that_needs_more_blocks_is_the_one_told(model_from: Make) -> None:
    text = "line = 5*a + b ~ Dmnl ~ |\npeak = EXP(9*a*b*c) ~ Dmnl ~ |\n" + "".join(
        f"{name} = 0.3 ~ Dmnl [0,1] ~ [uncertainty] |\n" for name in "abc"
    )
    model = model_from(text, end=1, step=1)
    both = [Outcome("line"), Outcome("peak")]
    with pytest.warns(ResultWarning, match="total index of 'final of peak'"):
        table = sdmodel.sobol(model, model.uncertainties, both, n=1024, rng=1)
    exact = 25 / 26
    assert table.loc[("final of line", "a"), "first"] == pytest.approx(exact, abs=0.02)
    assert table.loc[("final of line", "c"), "total"] == pytest.approx(0, abs=1e-12)


def test_a_tornado_is_ranked_by_its_swing(model_from: Make) -> None:
    model = model_from("y = 2*a - b^2 ~ Dmnl ~ |\na = 1 ~ Dmnl [0,4] ~ |\nb = 1 ~ Dmnl [-1,5] ~ |", end=1, step=1)
    table = sdmodel.tornado(model, ["a", "b"], Outcome("y")).loc["final of y"]
    assert table.index.tolist() == ["b", "a"]
    assert table.loc["a", ["low", "high", "at_low", "base", "at_high", "swing"]].tolist() == [0, 4, -1, 1, 7, 8]
    assert table.loc["b", ["low", "high", "at_low", "base", "at_high", "swing"]].tolist() == [-1, 5, 1, 1, -23, 24]
