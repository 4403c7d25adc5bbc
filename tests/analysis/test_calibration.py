"""Fits: a synthetic truth is recovered, intervals cover it, and what observations cannot tell is said."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import plot
from sdmodel.core.errors import (
    DesignError,
    OverrideError,
    ReadError,
    ResultWarning,
    SolveError,
    UnknownNameError,
    UnsupportedError,
)
from sdmodel.model import Model

Make = Callable[..., Model]
EXAMPLE = "adoption"
TRUTH = {"word of mouth": 0.35, "time in use": 5.0, "support end": 2021.3}
ERRORS = {"firms with": 10.0, "money spent": 5.0}


@pytest.fixture(scope="module")
def adoption() -> Model:
    return sdmodel.load(EXAMPLE)


def seen(model: Model, seed: int, known: dict[str, float] = TRUTH) -> dict[str, pd.Series]:
    """Noisy observations of a truth, the two series at times of their own."""
    rng = np.random.default_rng(seed)
    run = model.run(known, every=0.5)
    firms, money = run["firms with"].iloc[::2], run["money spent"].iloc[1::3]
    return {
        "firms with": firms + rng.normal(0, ERRORS["firms with"], len(firms)),
        "money spent": money + rng.normal(0, ERRORS["money spent"], len(money)),
    }


# -- recovery -----------------------------------------------------------------------------------------------------
def test_a_truth_without_noise_is_found_to_the_last_digits(adoption: Model) -> None:
    run = adoption.run(TRUTH, method="exact")
    found = sdmodel.calibrate(adoption, list(TRUTH), {name: run[name] for name in ERRORS})
    for name, value in TRUTH.items():
        assert found.values[name] == pytest.approx(value, rel=1e-8)
    assert found.derivatives == "exact tangents"
    assert found.rank == 3
    assert (found.series["r2"] > 1 - 1e-12).all()
    assert found.parameters["start"].to_list() == [0.3, 6.0, 2020.0]


def test_intervals_cover_the_truth(adoption: Model) -> None:
    """60 intervals of 95 %: fewer than 50 hits would happen once in 10,000 times, and all wide ones prove nothing."""
    hits, scores = [], []
    for seed in range(20):
        found = sdmodel.calibrate(adoption, list(TRUTH), seen(adoption, seed), errors=ERRORS).parameters
        for name, value in TRUTH.items():
            low, high, error = found.loc[name, ["low", "high", "error"]]
            hits.append(low <= value <= high)
            scores.append((found.loc[name, "value"] - value) / error)
    assert 51 <= sum(hits) <= 60
    assert 0.7 < np.std(scores) < 1.3
    assert found["error"].to_list() == pytest.approx([0.03, 0.4, 0.08], rel=0.6)


def test_without_errors_the_noise_is_estimated(adoption: Model) -> None:
    observed = seen(adoption, 4)
    given = sdmodel.calibrate(adoption, list(TRUTH), observed, errors=ERRORS)
    double = sdmodel.calibrate(adoption, list(TRUTH), observed, errors={k: 2 * v for k, v in ERRORS.items()})
    assert double.parameters["error"].to_numpy() == pytest.approx(2 * given.parameters["error"].to_numpy(), rel=1e-4)
    assert given.noise == 1
    only = {"firms with": observed["firms with"]}
    names = ["word of mouth", "time in use"]
    one = sdmodel.calibrate(adoption, names, only, values={"support end": TRUTH["support end"]})
    same = sdmodel.calibrate(
        adoption, names, only, errors={"firms with": 10.0}, values={"support end": TRUTH["support end"]}
    )
    assert one.values == pytest.approx(same.values, rel=1e-5)
    size = one.fit["error"].iloc[0]
    assert size == pytest.approx(only["firms with"].std(ddof=0))
    assert math.sqrt(one.noise) * size == pytest.approx(10.0, rel=0.4)
    assert one.parameters["error"].to_numpy() == pytest.approx(
        same.parameters["error"].to_numpy() * math.sqrt(one.noise) * size / 10, rel=1e-4
    )


def test_a_line_has_the_errors_of_regression(model_from: Make) -> None:
    """y = b + a t by least squares: covariance s^2 (X'X)^-1, as in any textbook."""
    model = model_from("y = b + a*Time ~ u ~ |\na = 1 ~ u/Year [-10,10] ~ |\nb = 0 ~ u [-10,10] ~ |")
    t = np.array([0.0, 1, 2.5, 4, 7, 10])
    y = 2 + 0.5 * t + np.array([0.1, -0.2, 0.05, 0.1, -0.15, 0.1])
    found = sdmodel.calibrate(model, ["a", "b"], {"y": (t, y)})
    x = np.column_stack([t, np.ones(6)])
    best, rest, *_ = np.linalg.lstsq(x, y, rcond=None)
    covariance = rest[0] / 4 * np.linalg.inv(x.T @ x)
    assert list(found.values.values()) == pytest.approx(best, rel=1e-8)
    assert found.covariance.to_numpy() == pytest.approx(covariance, rel=1e-6)
    half = found.parameters["high"] - found.parameters["value"]
    assert (half / found.parameters["error"]).to_list() == pytest.approx([2.776445, 2.776445], rel=1e-6)  # t, 4 dof
    weights = np.array([1, 1, 1, 5, 5, 5.0])
    weighed = sdmodel.calibrate(model, ["a", "b"], {"y": (t, y)}, errors={"y": pd.Series(weights, index=t)})
    w = x / weights[:, None]
    assert list(weighed.values.values()) == pytest.approx(np.linalg.lstsq(w, y / weights, rcond=None)[0], rel=1e-8)
    assert weighed.covariance.to_numpy() == pytest.approx(np.linalg.inv(w.T @ w), rel=1e-6)


def test_profiles_of_a_line_are_parabolas(model_from: Make) -> None:
    model = model_from("y = b + a*Time ~ u ~ |\na = 1 ~ u/Year [-10,10] ~ |\nb = 0 ~ u [-10,10] ~ |")
    t = np.arange(11.0)
    y = 2 + 0.5 * t + 0.3 * np.sin(7 * t)
    found = sdmodel.calibrate(model, ["a", "b"], {"y": (t, y)}, errors={"y": 0.3})
    table = found.profile(points=9)
    assert table.attrs["limit"] == pytest.approx(3.841459, rel=1e-6)
    for name in ("a", "b"):
        one = table.loc[name, "increase"]
        best, error = found.parameters.loc[name, ["value", "error"]]
        assert one.to_numpy() == pytest.approx(((one.index - best) / error) ** 2, rel=1e-5, abs=1e-8)
        assert one.max() == pytest.approx(16, rel=1e-6)
    with pytest.raises(UnknownNameError, match="no fitted parameter 'c'"):
        found.profile("c")


# -- starts, bounds, identifiability ------------------------------------------------------------------------------
def test_several_starts_find_the_deeper_valley(model_from: Make) -> None:
    """The frequency of a sine has many valleys; from the far end one start ends in a wrong one."""
    model = model_from("y = SIN(w*Time) ~ u ~ |\nw = 5 ~ 1/Year [0.2,6] ~ |")
    t = np.arange(0, 10.5, 0.5)
    observed = {"y": (t, np.sin(1.3 * t))}
    one = sdmodel.calibrate(model, ["w"], observed, errors={"y": 0.1})
    many = sdmodel.calibrate(model, ["w"], observed, errors={"y": 0.1}, starts=12, rng=1)
    assert one.values["w"] != pytest.approx(1.3, rel=1e-2)
    assert many.values["w"] == pytest.approx(1.3, rel=1e-6)
    assert len(many.starts) == 12
    assert many.starts["cost"].is_monotonic_increasing
    assert many.cost < 1e-6 < one.cost


def test_starts_that_fit_equally_well_are_told(model_from: Make) -> None:
    model = model_from("y = a^2*Time ~ u ~ |\na = 1 ~ u [-3,3] ~ |")
    with pytest.warns(ResultWarning, match="equally well with different values of 'a'"):
        sdmodel.calibrate(model, ["a"], {"y": ([1.0, 2, 3], [4.0, 8, 12])}, errors={"y": 1}, starts=6, rng=1)


def test_a_parameter_at_the_end_of_its_range_has_no_interval(adoption: Model) -> None:
    observed = seen(adoption, 1, {**TRUTH, "time in use": 12.0})
    table = adoption.parameters().loc[list(TRUTH)]
    table.loc["time in use", "high"] = 8.0
    found = sdmodel.calibrate(adoption, table, observed, errors=ERRORS).parameters
    assert found.loc["time in use", "at"] == "high end"
    assert found.loc["time in use", "value"] == pytest.approx(8)
    assert math.isnan(found.loc["time in use", "error"])
    assert found.loc["support end", "error"] > 0


def test_what_cannot_be_told_apart_is_said(model_from: Make) -> None:
    """Only a + b counts, and c counts nowhere: one combination is known of three."""
    model = model_from(
        "y = (a + b)*Time + 0*c ~ u ~ |\na = 1 ~ u [0,4] ~ |\nb = 1 ~ u [0,4] ~ |\nc = 1 ~ u [0,4] ~ |\n"
        "d = 1 ~ u [0,4] ~ |\nz = d ~ u ~ |"
    )
    observed = {"y": ([1.0, 2, 3], [3.0, 6, 9]), "z": ([1.0], [2.0])}
    with pytest.warns(ResultWarning, match="2 of 4 combinations .* nothing about 'a', 'b', 'c' alone"):
        found = sdmodel.calibrate(model, ["a", "b", "c", "d"], observed, errors={"y": 1, "z": 1})
    assert found.rank == 2
    assert found.collinearity == math.inf
    assert found.parameters["identified"].to_list() == [False, False, False, True]
    assert found.parameters.loc["d", "error"] == pytest.approx(1)
    assert found.parameters.loc["a", "error"] == math.inf
    assert found.values["a"] + found.values["b"] == pytest.approx(3)
    assert found.directions["eigenvalue"].to_list()[2:] == pytest.approx([0, 0], abs=1e-9)
    assert found.directions.loc[0, ["a", "b"]].abs().to_list() == pytest.approx([math.sqrt(0.5)] * 2)
    flat = found.profile("c", points=3)["increase"]
    assert len(flat) >= 3
    assert flat.to_numpy() == pytest.approx(0, abs=1e-9)


def test_collinearity_is_that_of_the_scaled_sensitivities(model_from: Make) -> None:
    model = model_from("y = b + a*Time ~ u ~ |\na = 1 ~ u/Year [-1,10] ~ |\nb = 0 ~ u [-10,10] ~ |")
    t = np.array([10.0, 9, 8])
    found = sdmodel.calibrate(model, ["a", "b"], {"y": (t[::-1], 1 + 2 * t[::-1])}, errors={"y": 1})
    x = np.column_stack([t / np.linalg.norm(t), np.ones(3) / math.sqrt(3)])
    assert found.collinearity == pytest.approx(1 / math.sqrt(np.linalg.eigvalsh(x.T @ x)[0]), rel=1e-6)
    assert found.collinearity > 10


# -- models without tangents --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("extra", "why"),
    [
        ("late = DELAY FIXED(x, 1, 0) ~ a ~ |", "DELAY FIXED"),
        ("late = x + IF THEN ELSE(x > 4, 1, 0)  ~ a ~ |", "'late' jumps"),
        ("late = x + 0*GAMMA LN(rate) ~ a ~ |", "without a derivative"),
    ],
)
def test_without_tangents_differences_of_runs_are_taken_and_said(model_from: Make, extra: str, why: str) -> None:
    model = model_from(
        f"x = INTEG(rate - x/life, 0) ~ a ~ |\nrate = 1 ~ a/Year [0,5] ~ |\nlife = 3 ~ Year [1,9] ~ |\n{extra}"
    )
    if "GAMMA" in extra:
        with pytest.raises(UnsupportedError):
            sdmodel.gradient(model, ["rate"], "late")
    run = model.run({"rate": 2.0, "life": 4.0}, method="rk4" if "FIXED" in extra else "exact")
    found = sdmodel.calibrate(model, ["rate", "life"], {"late": run["late"], "x": run["x"]})
    assert found.values == pytest.approx({"rate": 2.0, "life": 4.0}, rel=1e-5)
    assert found.derivatives.startswith("differences of runs: ")
    assert why in found.derivatives


# -- observations -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind", ["down.csv", "across.tab", "down.xlsx", "dates.csv", "frame", "indexed", "semicolon.csv"]
)
def test_observations_come_in_many_forms(adoption: Model, tmp_path: Path, kind: str) -> None:
    run = adoption.run(TRUTH, method="exact")
    table = pd.DataFrame({"firms with": run["firms with"].iloc[::2], "money spent": run["money spent"].iloc[1::3]})
    source: object = tmp_path / kind
    if kind == "down.csv":
        table.to_csv(source, index_label="Time")
    elif kind == "semicolon.csv":
        table.to_csv(source, index_label="Year", sep=";")
    elif kind == "down.xlsx":
        table.to_excel(source, index_label="Time")
    elif kind == "across.tab":
        wide = table.T
        wide.columns = [f"{t:g}" for t in wide.columns]
        wide.rename(index=lambda n: f'"{n}" : Current').to_csv(source, sep="\t", index_label="Time (Year)")
    elif kind == "dates.csv":
        table.rename(index=lambda t: f"{t:.0f}-01-01").to_csv(source, index_label="Date")
    elif kind == "frame":
        source = table.rename_axis("time").reset_index()
    else:
        source = table
    found = sdmodel.calibrate(adoption, list(TRUTH), source)
    assert found.values == pytest.approx(TRUTH, rel=1e-6)
    assert found.series["observations"].to_list() == [11, 7]


def test_bad_observations_are_refused(adoption: Model, tmp_path: Path) -> None:
    def fit(observed: object, **given: object) -> object:
        return sdmodel.calibrate(adoption, ["time in use"], observed, **given)

    t = [2012.0, 2014.0]
    with pytest.raises(UnknownNameError, match="Nearest: firms with"):
        fit({"firms wth": (t, [1.0, 2.0])})
    with pytest.raises(DesignError, match=r"An observation is at 2040, but the run goes from 2010 to 2030"):
        fit({"firms with": ([2012.0, 2040.0], [1.0, 2.0])})
    with pytest.raises(DesignError, match="times of 'firms with' do not increase at 2012"):
        fit({"firms with": ([2014.0, 2012.0], [1.0, 2.0])})
    with pytest.raises(DesignError, match="'many' is not a number"):
        fit({"firms with": (t, [1.0, "many"])})
    with pytest.raises(DesignError, match="1 observations cannot fit 2 parameters"):
        sdmodel.calibrate(adoption, ["time in use", "own uptake"], {"firms with": ([2012.0], [1.0])})
    with pytest.raises(DesignError, match="has no times"):
        fit(pd.DataFrame({"firms with": [1.0, 2.0]}))
    with pytest.raises(DesignError, match="must be positive"):
        fit({"firms with": (t, [1.0, 2.0])}, errors={"firms with": 0})
    with pytest.raises(DesignError, match="no error for 'money spent'"):
        fit({"firms with": (t, [1.0, 2.0]), "money spent": (t, [1.0, 2.0])}, errors={"firms with": 1})
    with pytest.raises(ReadError, match="There is no file"):
        fit(tmp_path / "none.csv")
    with pytest.raises(UnsupportedError, match="of a kind that cannot be read"):
        fit(tmp_path / "none.pdf")
    (tmp_path / "odd.csv").write_text("name,firms with\n2012,3\n", encoding="utf-8")
    with pytest.raises(ReadError, match="first cell must say Time"):
        fit(tmp_path / "odd.csv")
    with pytest.raises(OverrideError, match="'uptake' is not a constant"):
        sdmodel.calibrate(adoption, adoption.parameters().loc[["time in use"]].rename({"time in use": "uptake"}),
                          {"firms with": (t, [1.0, 2.0])})  # fmt: skip


def test_a_fit_that_never_runs_says_why(model_from: Make) -> None:
    model = model_from("x = INTEG(a/(b - 1), 0) ~ u ~ |\na = 1 ~ u [0,2] ~ |\nb = 1 ~ u [1,1] ~ |")
    with pytest.raises(SolveError, match="No start gives a run"):
        sdmodel.calibrate(model, ["a"], {"x": ([1.0, 2.0], [1.0, 2.0])})


# -- history matching ---------------------------------------------------------------------------------------------
def test_history_matching_keeps_the_truth_and_rules_out_the_rest(adoption: Model) -> None:
    observed = seen(adoption, 3)
    table = sdmodel.history_match(
        adoption, list(TRUTH), observed, ERRORS, discrepancy={"firms with": 40, "money spent": 20}, n=512, rng=1
    )
    assert 0 < table.attrs["share"] < 0.2
    design = pd.DataFrame([TRUTH, {**TRUTH, "support end": 2015.0}])
    two = adoption.sweep(design, ["firms with", "money spent"], every=0.5)
    found = sdmodel.history_match(two, list(TRUTH), observed, ERRORS, cut=4)  # the largest of 35 draws is often above 3
    assert found["plausible"].to_list() == [True, False]
    far = np.abs(
        two["money spent"].isel(run=1).sel(time=observed["money spent"].index).to_numpy() - observed["money spent"]
    )
    assert found.loc[1, "implausibility"] >= (far / ERRORS["money spent"]).max()
    assert 1 < found.loc[0, "implausibility"] < 4
    with pytest.raises(UnknownNameError, match="no error of a series 'money spent'"):
        sdmodel.history_match(two, list(TRUTH), observed, {"firms with": 1.0})


def test_the_implausibility_is_the_largest_distance_in_standard_deviations(model_from: Make) -> None:
    model = model_from("y = a*Time ~ u ~ |\na = 1 ~ u/Year [0,4] ~ |")
    sweep = model.sweep(pd.DataFrame({"a": [1.0, 2.0, 3.5]}), ["y"])
    table = sdmodel.history_match(sweep, ["a"], {"y": ([1.0, 4.0], [2.0, 8.0])}, {"y": 3.0}, discrepancy={"y": 4.0})
    assert table["implausibility"].to_list() == pytest.approx([4 / 5, 0, 6 / 5])
    assert table["time"].to_list()[::2] == [4, 4]
    assert table["plausible"].all()


def test_failed_runs_are_implausible(model_from: Make) -> None:
    model = model_from("y = SQRT(a) ~ u ~ |\na = 1 ~ u [-4,4] ~ |")
    sweep = model.sweep(pd.DataFrame({"a": [1.0, -1.0]}), ["y"])
    table = sdmodel.history_match(sweep, ["a"], {"y": ([1.0, 2.0], [1.0, 1.0])}, {"y": 1.0})
    assert table["plausible"].to_list() == [True, False]
    assert math.isnan(table.loc[1, "implausibility"])


# -- figures ------------------------------------------------------------------------------------------------------
def test_fits_and_profiles_are_drawn(adoption: Model) -> None:
    found = sdmodel.calibrate(adoption, list(TRUTH), seen(adoption, 2), errors=ERRORS)
    fig, axes = plot.fitted(found.fit)
    assert [ax.get_title(loc="left") for ax in axes] == ["firms with", "money spent"]
    drawn = {line.get_label(): line.get_ydata() for line in axes[0].lines}
    assert list(drawn["observed"]) == found.fit.loc["firms with", "observed"].to_list()
    fig, axes = plot.profiles(found.profile("time in use", points=5))
    assert axes[0].lines[0].get_ydata().min() == 0
    fig.draw_without_rendering()
    with pytest.raises(UnknownNameError, match="no column 'increase'"):
        plot.profiles(found.fit)
