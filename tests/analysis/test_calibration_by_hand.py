"""Fits by hand: errors and intervals of a line, series that are read, profiles, distances from observations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sdmodel
from sdmodel.analysis.calibration import calibrate as fitting
from sdmodel.analysis.calibration.calibration import Search
from sdmodel.analysis.calibration.identifiability import RANK, SHARE, _known
from sdmodel.analysis.calibration.residuals import Residuals
from sdmodel.core.errors import DesignError, OverrideError, ResultWarning, SolveError, UnknownNameError
from sdmodel.model import Model

Make = Callable[..., Model]
LINE = "y = b + a*Time ~ u ~ |\na = 1 ~ u/Year [-10,10] ~ |\nb = 0 ~ u [-4,4] ~ |\nw[side] = a*part[side] ~ u ~ |\n"
LINE += "side: p, q ~~|\npart[side] = 1, 2 ~ Year ~ |"
T, Y = np.array([0.0, 1, 2, 5, 10]), np.array([2.0, 2.7, 3.1, 4.4, 7.2])
X = np.column_stack([T, np.ones(5)])


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("line") / "line.mdl"
    times = [f"{name} = {value} ~ Year ~~|" for name, value in
             (("INITIAL TIME", 0), ("FINAL TIME", 10), ("TIME STEP", 0.5), ("SAVEPER", 1))]  # fmt: skip
    place.write_text("\n".join(["{UTF-8}", LINE, *times]), encoding="utf-8")
    return sdmodel.load(place)


# -- intervals of a line ----------------------------------------------------------------------------------------------
def test_intervals_with_known_errors_are_those_of_weighted_least_squares(line: Model) -> None:
    sizes = pd.Series([0.5, 1.0, 2.0, 0.5, 1.0], index=T)
    found = sdmodel.calibrate(line, ["a", "b"], {"y": (T, Y)}, errors={"y": sizes})
    weighted = X / sizes.to_numpy()[:, None]
    covariance = np.linalg.inv(weighted.T @ weighted)
    best = covariance @ weighted.T @ (Y / sizes.to_numpy())
    rows = found.parameters
    np.testing.assert_allclose(rows["value"], best, rtol=1e-6)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-6)
    np.testing.assert_allclose(rows["error"], np.sqrt(np.diag(covariance)), rtol=1e-6)
    np.testing.assert_allclose(rows["high"] - rows["value"], 1.959964 * rows["error"], rtol=1e-6)
    np.testing.assert_allclose(rows["value"] - rows["low"], 1.959964 * rows["error"], rtol=1e-6)
    assert (found.noise, found.rank, found.derivatives) == (1, 2, "exact tangents")
    assert rows["start"].tolist() == [1, 0]
    assert rows["at"].tolist() == ["inside"] * 2
    assert found.fit["error"].tolist() == sizes.tolist()
    assert found.fit["observed"].tolist() == Y.tolist()
    assert found.cost == pytest.approx(0.5 * (((Y - X @ best) / sizes.to_numpy()) ** 2).sum())
    scale = weighted * [20, 8]  # parameters in units of their ranges
    np.testing.assert_allclose(found.directions["eigenvalue"], np.linalg.eigvalsh(scale.T @ scale)[::-1], rtol=1e-6)
    _, vectors = np.linalg.eigh(scale.T @ scale)
    np.testing.assert_allclose(np.abs(found.directions[["a", "b"]]), np.abs(vectors[:, ::-1].T), rtol=1e-5)
    lengths = np.linalg.norm(weighted, axis=0)
    least = np.linalg.svd(weighted / lengths, compute_uv=False)[-1]
    assert found.collinearity == pytest.approx(1 / least, rel=1e-6)
    assert repr(found) == f"<Calibration: a={best[0]:.4g}, b={best[1]:.4g}; 5 observations, cost {found.cost:.4g}>"
    shown = found._repr_html_()
    assert "Calibration of 2 parameters to 5 observations" in shown
    assert f"Cost {found.cost:.4g}; exact tangents; 2 combinations are determined." in shown
    assert shown.count("<svg") == 2  # what was observed, and what is simulated


def test_without_errors_the_noise_is_that_of_the_residuals(line: Model) -> None:
    found = sdmodel.calibrate(line, ["a", "b"], {"y": (T, Y)})
    best = np.linalg.lstsq(X, Y, rcond=None)[0]
    left = ((Y - X @ best) ** 2).sum()
    covariance = left / 3 * np.linalg.inv(X.T @ X)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-6)
    rows = found.parameters
    np.testing.assert_allclose(rows["high"] - rows["value"], stats.t.ppf(0.975, 3) * rows["error"], rtol=1e-6)
    assert found.noise == pytest.approx(left / Y.var() / 3)
    assert found.fit["error"].tolist() == pytest.approx([Y.std()] * 5)


def test_as_many_observations_as_parameters_leave_no_noise(line: Model) -> None:
    found = sdmodel.calibrate(line, ["a", "b"], {"y": (T[:2], Y[:2])})
    assert found.values == pytest.approx({"a": 0.7, "b": 2.0})
    assert math.isnan(found.noise)
    assert found.parameters[["error", "low", "high"]].isna().all(axis=None)
    with pytest.raises(DesignError, match="1 observations cannot fit 2 parameters"):
        sdmodel.calibrate(line, ["a", "b"], {"y": (T[:1], Y[:1])})
    flat = sdmodel.calibrate(line, {"b": (-4, 4)}, {"y": ([3.0, 4.0], [5.0, 5.0])}, values={"a": 0.0})
    assert flat.fit["error"].tolist() == [5, 5]  # without spread the largest value is the scale
    assert math.isnan(flat.series.loc["y", "r2"])
    assert flat.parameters.loc["b", "at"] == "high end"
    nil = sdmodel.calibrate(line, ["b"], {"y": ([3.0], [0.0])}, values={"a": 0.5})
    assert nil.fit["error"].tolist() == [1]
    assert nil.values["b"] == pytest.approx(-1.5)


# -- ranges and starts ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("low", "high", "at", "value"),
    [(-4, 1.0, "high end", 1.0), (2.5, 4, "low end", 2.5), (-4, 4, "inside", None), (2.0, 2.0, "inside", 2.0)],
)
def test_a_parameter_is_at_an_end_or_inside(line: Model, low: float, high: float, at: str, value: float | None) -> None:
    found = sdmodel.calibrate(line, {"a": (-10, 10), "b": (low, high)}, {"y": (T, Y)})
    row = found.parameters.loc["b"]
    assert row["at"] == at
    assert row["identified"]
    assert math.isnan(row["error"]) == (value is not None)
    alone = T @ (Y - row["value"]) / (T @ T)
    assert found.values["a"] == pytest.approx(alone if value is not None else np.polyfit(T, Y, 1)[0], rel=1e-6)
    if value is not None:
        assert row["value"] == pytest.approx(value, rel=1e-6)
        assert found.covariance.loc["b"].isna().all()
        left = ((Y - row["value"] - alone * T) ** 2).sum() / 4  # of five values one is used up
        assert found.parameters.loc["a", "error"] == pytest.approx(math.sqrt(left / (T @ T)), rel=1e-5)
    if low == high:
        with pytest.raises(DesignError, match="one value only"):
            sdmodel.calibrate(line, {"b": (low, high)}, {"y": (T, Y)})


@pytest.mark.parametrize(
    ("value", "at"),
    [
        (4 - 0.9 * 8e-6, "high end"),
        (4 - 1.1 * 8e-6, "inside"),
        (-4 + 0.9 * 8e-6, "low end"),
        (-4 + 1.1 * 8e-6, "inside"),
    ],
)
def test_a_parameter_is_at_an_end_within_a_millionth_of_its_range(
    line: Model, monkeypatch: pytest.MonkeyPatch, value: float, at: str
) -> None:
    monkeypatch.setattr(fitting, "search", lambda *_: Search(np.array([0.5, value]), 1.0, 1, ""))
    assert sdmodel.calibrate(line, ["a", "b"], {"y": (T, Y)}).parameters["at"].tolist() == ["inside", at]


def test_the_first_start_is_the_scenario_and_others_are_drawn(line: Model) -> None:
    table = line.parameters().loc[["a", "b"]]
    points = fitting._starting_points(np.array([99.0, -99.0]), table, 3, 5)
    assert points[0].tolist() == [10, -4]
    drawn = sdmodel.latin_hypercube(table, 2, rng=5)[["a", "b"]].to_numpy()
    assert np.array(points[1:]).tolist() == drawn.tolist()
    assert len(fitting._starting_points(np.zeros(2), table, 1, 5)) == 1
    found = sdmodel.calibrate(line, ["a", "b"], {"y": (T, Y)}, starts=3, rng=5)
    assert found.starts["cost"].is_monotonic_increasing
    assert len(found.starts) == 3
    assert found.starts.columns.tolist() == ["cost", "evaluations", "message", "a", "b"]
    at = sdmodel.Scenario(values={"b": 3.0})
    assert sdmodel.calibrate(line, ["a"], {"y": (T, Y)}, scenario=at).values["a"] == pytest.approx(
        T @ (Y - 3) / (T @ T)
    )


def known(identified: list[bool]) -> Any:
    return type("Known", (), {"identified": identified, "rank": sum(identified)})


@pytest.mark.parametrize(
    ("costs", "ends", "said"),
    [
        ([1.0, 1.005], [0.0, 0.5], "different values of 'b'"), ([1.0, 1.02], [0.0, 0.5], ""),
        ([1.0, 1.0], [0.0, 0.019], ""), ([1.0, 1.0], [0.0, 0.021], "different values of 'b'"),
        ([1.0, 1.0], [0.0, -0.5], "different values of 'b'"), ([1.0, np.inf], [0.0, 0.5], ""), ([1.0], [0.0], ""),
        ([0.0, 0.9e-12], [0.0, 0.5], "different values of 'b'"), ([0.0, 1.1e-12], [0.0, 0.5], ""),
    ],
)  # fmt: skip
def test_two_ends_that_fit_as_well_are_told(costs: list[float], ends: list[float], said: str) -> None:
    found = [Search(np.array([1.0, end]), cost, 1, "") for cost, end in zip(costs, ends, strict=True)]
    with pytest.MonkeyPatch.context() as patch:
        told: list[str] = []
        patch.setattr(fitting.warnings, "warn", lambda text, *_, **__: told.append(text))
        fitting._warn(["a", "b"], known([True, True]), found, np.array([5.0, 2.0]), ["a", "b"])
        assert len(told) == bool(said)
        assert all(said in text for text in told)
        fitting._warn(["a", "b"], known([True, False]), found[:1], np.array([5.0, 2.0]), ["a", "b"])
    assert "identify 1 of 2 combinations" in told[-1]
    assert "nothing about 'b' alone" in told[-1]


def test_a_combination_is_known_from_a_ten_millionth_on() -> None:
    for factor, rank in ((0.9, 1), (1.1, 2)):
        identified, some, sizes, _ = _known(np.diag([2.0, 2 * factor * RANK]))
        assert some.sum() == rank
        assert sizes.tolist() == [2, 2 * factor * RANK]
        assert identified.tolist() == [True, rank == 2]
    assert _known(np.zeros((3, 2)))[1].tolist() == [False, False]
    for angle, fine in (
        (0.9 * SHARE, True),
        (1.1 * SHARE, False),
    ):  # so much of the first is lost
        lost = np.array([math.sin(angle), math.cos(angle)])
        other = np.array([math.cos(angle), -math.sin(angle)])
        assert _known(np.array([other, 0 * lost]))[0].tolist() == [fine, False]


# -- profiles ---------------------------------------------------------------------------------------------------------
def test_a_profile_of_a_line_is_a_parabola(line: Model) -> None:
    """With the others fitted again the sum of squares rises by the square of the distance in standard errors."""
    found = sdmodel.calibrate(line, ["a", "b"], {"y": (T, Y)}, errors={"y": 0.4})
    table = found.profile("b", points=9)
    best, error = found.parameters.loc["b", ["value", "error"]]
    values = table.index.get_level_values("value").to_numpy()
    assert table.index.get_level_values("parameter").unique().tolist() == ["b"]
    assert values.min() == pytest.approx(best - 4 * error)
    assert values.max() == pytest.approx(best + 4 * error)
    np.testing.assert_allclose(np.diff(np.unique(values.round(9))), error, rtol=1e-6)
    np.testing.assert_allclose(table["increase"], ((values - best) / error) ** 2, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(table["a"], T @ (Y[:, None] - values) / (T @ T), rtol=1e-5)
    assert table["b"].tolist() == values.tolist()
    assert table.attrs["limit"] == pytest.approx(1.959964**2, rel=1e-6)
    both = found.profile(points=2)
    assert both.index.get_level_values("parameter").unique().tolist() == ["a", "b"]
    held = sdmodel.calibrate(line, {"a": (-10, 10), "b": (2, 2)}, {"y": (T, Y)}, errors={"y": 0.4})
    alone = held.profile("a", points=3)
    assert alone["b"].tolist() == [2] * len(alone)  # it has one value, and is no free parameter
    assert alone["increase"].iloc[0] == pytest.approx(16, rel=1e-5)
    with pytest.raises(UnknownNameError, match="no fitted parameter 'part'"):
        found.profile(["part"])


def test_a_profile_ends_with_the_range_and_goes_all_over_it_without_an_error(line: Model) -> None:
    found = sdmodel.calibrate(line, {"a": (-10, 10), "b": (-4, 1.0)}, {"y": (T, Y)})
    values = found.profile("b", points=3).index.get_level_values("value")
    assert [values[0], values[1], values[-1]] == pytest.approx([-4, -1.5, 1], rel=1e-6)
    noisy = sdmodel.calibrate(line, {"b": (1.8, 4)}, {"y": (T, Y)}, values={"a": 0.5}, errors={"y": 1.0})
    values = noisy.profile("b", points=2)
    assert values.index.get_level_values("value").tolist() == pytest.approx(
        [1.8, noisy.values["b"], noisy.values["b"] + 4 / math.sqrt(5)]
    )
    off = Y - 0.5 * T
    np.testing.assert_allclose(
        values["increase"],
        [((off - b) ** 2).sum() - ((off - off.mean()) ** 2).sum() for b in values["b"]],
        atol=1e-6,
    )


# -- observations in a run -------------------------------------------------------------------------------------------
def test_observations_lie_in_the_run_and_name_one_element_once(line: Model) -> None:
    def fit(seen: Any, **given: Any) -> sdmodel.Calibration:
        return sdmodel.calibrate(line, ["a"], seen, **given)

    assert len(fit({"y": ([-0.9e-9, 10 + 0.9e-9], [0.0, 10.0])}).fit) == 2
    for t in (-1.1e-9, 10 + 1.1e-8):
        with pytest.raises(DesignError, match="An observation is at"):
            fit({"y": ([t], [0.0])})
    for seen, error, said in (
        ({"w": ([1.0], [2.0])}, DesignError, r"'w' must name one element, once; it stands for w\[p\], w\[q\]"),
        ({"w[p]": ([1.0], [2.0]), "W[ p ]": ([1.0], [2.0])}, DesignError, "must name one element, once"),
        ({"w[r]": ([1.0], [2.0])}, UnknownNameError, "no element"), ({"a": ([1.0], [2.0])}, OverrideError, "is a con"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            fit(seen)
    with pytest.raises(DesignError, match="no error for 'y'"):
        fit({"y": (T, Y), "w[p]": ([1.0], [2.0])}, errors={"w[p]": 1})
    with pytest.raises(UnknownNameError, match="no series of observations 'w"):
        fit({"y": (T, Y)}, errors={"y": 1, "w[p]": 1})
    two = fit({"w[q]": ([4.0], [3.0]), "y": (T[1:], Y[1:])}, errors={"y": 2, "W[q]": 0.5})
    assert two.fit.index.tolist() == [("w[q]", 4.0), *(("y", t) for t in T[1:])]
    x, y, s = np.r_[2, T[1:]], np.r_[3, Y[1:]], np.r_[0.5, [2] * 4]
    assert two.values["a"] == pytest.approx((x / s) @ (y / s) / ((x / s) @ (x / s)))
    assert two.series["observations"].tolist() == [1, 4]


def test_slopes_by_tangents_are_those_by_differences(line: Model) -> None:
    reach = np.array([20.0, 8.0])
    both = Residuals(line, ["a", "b"], {"y": (T, Y)}, {"y": 2.0}, None, None, None, reach)
    x = np.array([0.3, 1.0])
    np.testing.assert_allclose(both.of(x), (1 + 0.3 * T - Y) / 2, atol=1e-9)
    np.testing.assert_allclose(both.slopes(x), X / 2, atol=1e-9)
    np.testing.assert_allclose(both._differences(x), X / 2, atol=1e-9)
    assert both.base.tolist() == [1, 0]
    assert both.how == "exact tangents"


def test_a_run_that_fails_beside_the_fit_gives_no_difference(model_from: Make) -> None:
    model = model_from("y = SQRT(a) + GAMMA LN(a + 2) ~ u ~ |\na = 1 ~ u [0,4] ~ |")
    residuals = Residuals(model, ["a"], {"y": ([1.0], [1.0])}, None, None, None, None, np.array([4.0]))
    assert np.isfinite(residuals.slopes(np.array([1.0]))).all()
    assert residuals.how.startswith("differences of runs: 'y'")
    assert residuals.refused
    with pytest.raises(SolveError, match="beside the fitted one fails"):
        residuals._differences(np.array([1e-6]))


def test_the_initial_value_of_a_stock_is_fitted(model_from: Make) -> None:
    model = model_from("x = INTEG(-x/life, 3) ~ u [0,9] ~ |\nlife = 2 ~ Year ~ |", step=0.03125)
    seen = {"x": ([1.0, 4.0], [5 * math.exp(-0.5), 5 * math.exp(-2)])}
    found = sdmodel.calibrate(model, ["x"], seen)
    assert found.values["x"] == pytest.approx(5, rel=1e-6)
    assert found.parameters.loc["x", "start"] == 3
    assert found.derivatives == "exact tangents"


def test_a_fit_reads_the_series_that_it_is_given(model_from: Make) -> None:
    """Of a drive from 1 to 3 the stock holds a times 10 + 10 after ten years."""
    model = model_from("x = INTEG(a*drive, 0) ~ u ~ |\na = 1 ~ u/Year [0,9] ~ |\ndrive ~ Dmnl ~ |")
    drive = {"drive": ([0.0, 10.0], [1.0, 3.0])}
    found = sdmodel.calibrate(model, ["a"], {"x": ([5.0, 10.0], [15.0, 40.0])}, data=drive)
    assert found.values["a"] == pytest.approx(2, rel=1e-5)
    assert found.fit["simulated"].tolist() == pytest.approx([15, 40], rel=1e-5)


# -- history matching -------------------------------------------------------------------------------------------------
def test_distances_by_hand(line: Model) -> None:
    """At 2 the line is 2 a; the error grows from 1 to 3 and the discrepancy is 4: five and three of four."""
    sweep = line.sweep(pd.DataFrame({"a": [0.0, 1.0, 2.0, 3.0]}), ["y", "w"], progress=False, certificate=0)
    seen = {"y": ([1.0, 2.0], [1.0, 2.0]), "w[q]": ([4.0], [4.0])}
    errors = {"y": [3.0, 0.3], "w[q]": 2.0}
    table = sdmodel.history_match(sweep, ["a"], seen, errors, discrepancy={"y": 4.0}, cut=1.0)
    late = 2 / math.hypot(0.3, 4)  # for each unit of a
    distances = np.array([[abs(a - 1) / 5, abs(a - 1) * late, abs(2 * a - 4) / 2] for a in range(4)])
    assert table["implausibility"].tolist() == pytest.approx(distances.max(axis=1))
    assert table["series"].tolist() == ["w[q]", "w[q]", "y", "w[q]"]
    assert table["time"].tolist() == [4, 4, 2, 4]
    assert table["plausible"].tolist() == [False, True, True, True]  # a distance of the cut itself is plausible
    assert table.attrs == {"share": 0.75, "cut": 1.0}
    assert table["a"].tolist() == [0, 1, 2, 3]
    for given, said in (({"z": 1.0}, "no series 'z'"), ({"y": -1.0}, "discrepancy of 'y'")):
        with pytest.raises((UnknownNameError, DesignError), match=said):
            sdmodel.history_match(sweep, ["a"], seen, errors, discrepancy=given)
    with pytest.raises(UnknownNameError, match="no error of a series 'y'"):
        sdmodel.history_match(sweep, ["a"], seen, {"w[q]": 2.0})


def test_a_model_is_run_for_a_latin_hypercube(line: Model) -> None:
    given = {"n": 8, "rng": 3, "scenario": sdmodel.Scenario(values={"b": 1.0}), "every": 5}
    table = sdmodel.history_match(line, ["a"], {"y": ([2.5], [0.0])}, {"y": 1.0}, **given)
    drawn = sdmodel.latin_hypercube(line.parameters().loc[["a"]], 8, rng=3)["a"]
    np.testing.assert_allclose(table["a"], drawn)
    np.testing.assert_allclose(table["implausibility"], np.abs(1 + 2.5 * drawn), rtol=1e-9)
    assert table.attrs["cut"] == 3


def test_a_combination_that_is_hardly_seen_is_not_identified(line: Model) -> None:
    seen = {"y": ([2.0], [3.0]), "w[p]": ([1.0], [1.0])}
    with pytest.warns(ResultWarning, match="identify 1 of 2 combinations .* nothing about 'a', 'b' alone"):
        found = sdmodel.calibrate(line, ["a", "b"], seen, errors={"y": 1.0, "w[p]": 1e9})
    assert found.rank == 1
    assert found.covariance.isna().all(axis=None)
    assert found.parameters["error"].tolist() == [math.inf] * 2
