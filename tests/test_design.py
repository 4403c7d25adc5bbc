"""Designs: distributions, stratification, correlations, pairing, and what is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import sdmodel
from sdmodel.core.distributions import quantile
from sdmodel.core.errors import DesignError, SdmodelError, UnknownNameError
from sdmodel.design.samplers import morris_trajectories, parameter_table, sobol_sequence
from sdmodel.design.tables import table

Q = np.array([0.0, 0.1, 0.5, 0.9, 1.0])


def parameters(*rows: tuple[str, float, float, float, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["name", "value", "low", "high", "distribution"]).set_index("name")


FOUR = parameters(
    ("a", 2, 1, 5, "uniform"), ("b", 2, 1, 100, "loguniform"), ("c", 4, 1, 5, "triangular"), ("d", 1, 0, 2, "integer")
)


# -- distributions ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "value", "low", "high", "want"),
    [
        ("uniform", 2, 1, 5, [1, 1.4, 3, 4.6, 5]),
        ("", 2, 1, 5, [1, 1.4, 3, 4.6, 5]),
        ("loguniform", 2, 1, 100, [1, 100**0.1, 10, 100**0.9, 100]),
        # Triangular 1-4-5: F(x) = (x-1)^2/12 up to 4, 1-(5-x)^2/4 beyond.
        ("triangular", 4, 1, 5, [1, 1 + 1.2**0.5, 1 + 6**0.5, 5 - 0.4**0.5, 5]),
        ("triangular", 1, 1, 5, [1, 5 - 4 * 0.9**0.5, 5 - 4 * 0.5**0.5, 5 - 4 * 0.1**0.5, 5]),
        ("integer", 1, 0, 2, [0, 0, 1, 2, 2]),
        ("uniform", 3, 3, 3, [3, 3, 3, 3, 3]),
    ],
)
def test_quantiles_by_hand(kind: str, value: float, low: float, high: float, want: list[float]) -> None:
    np.testing.assert_allclose(quantile(Q, "x", kind, value, low, high), want, rtol=1e-12)


def test_a_normal_has_its_mean_at_the_value_and_its_range_as_interval() -> None:
    x = quantile(np.linspace(0, 1, 200_001), "x", "normal", 3, 1, 5)
    assert x.min() == 1
    assert x.max() == 5
    assert np.mean(x) == pytest.approx(3, abs=1e-4)
    sd = 4 / (2 * 1.959963984540054)
    inner = quantile(np.array([0.25]), "x", "normal", 3, 1, 5)[0]
    # Truncation at the 95 % interval: the quartile of what is left.
    assert inner == pytest.approx(3 + sd * stats.norm.ppf(0.025 + 0.25 * 0.95), rel=1e-9)


def test_a_lognormal_has_its_median_at_the_value() -> None:
    x = quantile(Q, "x", "lognormal", 10, 1, 100)
    np.testing.assert_allclose(x[[0, 2, 4]], [1, 10, 100])
    assert x[1] * x[3] == pytest.approx(100)  # symmetric in logarithms
    skewed = quantile(np.linspace(0, 1, 1001), "x", "lognormal", 2, 1, 100)
    assert skewed.min() == 1
    assert skewed.max() == pytest.approx(100)
    assert (np.diff(skewed) >= 0).all()


def test_a_distribution_of_scipy_is_cut_at_the_range() -> None:
    x = quantile(np.linspace(0, 1, 101), "x", "beta", 0, 0.2, 0.8, {"a": 2, "b": 3})
    assert x.min() == pytest.approx(0.2)
    assert x.max() == pytest.approx(0.8)
    free = quantile(np.array([0.5]), "x", "expon", 0, -np.inf, np.inf, {"scale": 3})
    assert free[0] == pytest.approx(3 * np.log(2))
    for kind, arguments, message in [
        ("betaa", {"a": 2}, "Nearest: beta"),
        ("beta", {"a": 2}, "does not take"),
        ("poisson", {"mu": 2}, "no continuous distribution"),
        ("uniform", {"loc": 50}, "never lies in 0 to 1"),
    ]:
        with pytest.raises(DesignError, match=message):
            quantile(Q, "x", kind, 0, 0, 1, arguments)


@given(
    kind=st.sampled_from(["uniform", "loguniform", "triangular", "normal", "lognormal"]),
    low=st.floats(0.01, 10),
    width=st.floats(0.01, 100),
    place=st.floats(0, 1),
)
def test_quantiles_rise_and_stay_in_range(kind: str, low: float, width: float, place: float) -> None:
    high = low + width
    value = min(max(low + place * width, low), high)
    x = quantile(np.linspace(0, 1, 51), "x", kind, value, low, high)
    assert np.isfinite(x).all()
    assert x.min() >= low
    assert x.max() <= high
    assert (np.diff(x) >= -1e-9 * high).all()


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("x", 1, 0, np.inf, "uniform"), "open range 0 to inf"),
        (("x", 1, -np.inf, 2, "normal"), "open range"),
        (("x", 1, 0, 2, "loguniform"), "must start above zero"),
        (("x", 1, 0, 2, "lognormal"), "must start above zero"),
        (("x", 5, 0, 2, "triangular"), "'x' is 5, which is outside its range 0 to 2"),
        (("x", 1, 0, 2, "unifrom"), "Nearest: uniform"),
    ],
)
def test_a_range_that_does_not_fit_is_refused(row: tuple, message: str) -> None:
    with pytest.raises(DesignError, match=message):
        sdmodel.latin_hypercube(parameters(row), 3)


# -- samplers ---------------------------------------------------------------------------------------------------
def test_a_latin_hypercube_has_one_sample_in_each_stratum() -> None:
    n = 40
    found = sdmodel.latin_hypercube(FOUR, n, rng=5)
    assert list(found.columns) == ["sample", "a", "b", "c", "d"]
    assert found["sample"].tolist() == list(range(n))
    strata = {
        "a": (found["a"] - 1) / 4,
        "b": np.log(found["b"]) / np.log(100),
        "c": np.where(found["c"] <= 4, (found["c"] - 1) ** 2 / 12, 1 - (5 - found["c"]) ** 2 / 4),
    }
    for u in strata.values():
        assert sorted(np.floor(np.asarray(u) * n).astype(int)) == list(range(n))
    counts = found["d"].value_counts()
    assert set(counts.index) == {0, 1, 2}
    assert counts.max() - counts.min() <= 2


def test_the_same_seed_gives_the_same_samples() -> None:
    for sampler in (sdmodel.latin_hypercube, sobol_sequence):
        one, same, other = (sampler(FOUR, 16, rng=seed) for seed in (3, 3, 4))
        pd.testing.assert_frame_equal(one, same)
        assert not np.allclose(one["a"], other["a"])
        assert one.attrs["rng"] == 3
        generator = sampler(FOUR, 16, rng=np.random.default_rng(3))
        assert generator.attrs["rng"] == "not recorded"
        np.testing.assert_allclose(generator["a"], one["a"])


def test_correlations_are_induced_and_the_strata_kept() -> None:
    n = 400
    found = sdmodel.latin_hypercube(FOUR, n, rng=1, correlation={("a", "b"): 0.7, ("a", "c"): -0.4})
    assert found["a"].corr(found["b"], method="spearman") == pytest.approx(0.7, abs=0.05)
    assert found["a"].corr(found["c"], method="spearman") == pytest.approx(-0.4, abs=0.05)
    assert abs(found["a"].corr(found["d"], method="spearman")) < 0.1
    assert sorted(np.floor((found["a"] - 1) / 4 * n).astype(int)) == list(range(n))
    with pytest.raises(DesignError, match="contradict each other"):
        sdmodel.latin_hypercube(FOUR, 10, correlation={("a", "b"): 0.9, ("b", "c"): 0.9, ("a", "c"): -0.9})
    with pytest.raises(UnknownNameError, match="no parameter 'e'"):
        sdmodel.latin_hypercube(FOUR, 10, correlation={("a", "e"): 0.9})
    for pair, r in ((("a", "b"), 1.0), (("a", "b"), -1.0), (("a", "a"), 0.5)):
        with pytest.raises(DesignError, match="between -1 and 1"):
            sdmodel.latin_hypercube(FOUR, 10, correlation={pair: r})


@pytest.mark.parametrize("n", range(1, 8))
def test_correlations_of_few_samples_keep_the_strata(n: int) -> None:
    """Too few samples have no correlation matrix of their own to take out."""
    found = sdmodel.latin_hypercube(FOUR, n, rng=1, correlation={("a", "b"): 0.7})
    assert sorted(np.floor((found["a"] - 1) / 4 * n).astype(int)) == list(range(n))


@pytest.mark.parametrize("wanted", [-0.8, -0.6, 0.3, 0.6])
def test_rank_correlations_are_met_to_their_standard_error(wanted: float) -> None:
    # the correlation of normal scores is 2 sin(pi r / 6), up to 0.018 away from r
    n = 40_000
    found = sdmodel.latin_hypercube(FOUR, n, rng=2, correlation={("a", "b"): wanted})
    error = (1 - wanted**2) / np.sqrt(n)  # of a sample without the correction, which is larger
    assert found["a"].corr(found["b"], method="spearman") == pytest.approx(wanted, abs=3 * error)


def test_sobol_points_are_balanced() -> None:
    found = sobol_sequence(FOUR, 64, rng=2)
    for part in (2, 4, 8):
        counts = np.bincount(np.floor((found["a"] - 1) / 4 * part).astype(int), minlength=part)
        assert set(counts) == {64 // part}
    with pytest.raises(DesignError, match=r"powers of two; 100 is none\. Ask for 128"):
        sobol_sequence(FOUR, 100)
    assert len(sobol_sequence(FOUR, 1, rng=2)) == 1


def test_morris_changes_one_parameter_at_a_time() -> None:
    three = FOUR.drop(index="d").assign(distribution="uniform")
    found = morris_trajectories(three, 5, rng=1)
    assert len(found) == 5 * 4
    places = (found[three.index] - three["low"]) / (three["high"] - three["low"])
    unit = places.to_numpy().reshape(5, 4, 3)
    steps = np.diff(unit, axis=1)
    assert ((np.abs(steps) > 1e-9).sum(axis=2) == 1).all()
    assert np.abs(steps).sum(axis=(1, 2)) == pytest.approx([3 * 2 / 3] * 5)
    assert ((np.abs(steps) > 1e-9).sum(axis=1) == 1).all()
    assert set(np.round(3 * unit, 9).ravel()) == {0, 1, 2, 3}
    with pytest.raises(DesignError, match="even number of levels"):
        morris_trajectories(three, 5, levels=3)
    ends = morris_trajectories(three, 5, levels=2, rng=1)
    assert set(ends["a"]) == {1.0, 5.0}


def test_a_value_that_is_not_given_is_the_middle_or_the_median() -> None:
    found = parameter_table({"mode": (1, 4, "triangular"), "drawn": stats.expon(scale=2), "plain": (0.0, 1.0)})
    assert found["value"].tolist() == pytest.approx([2.5, 2 * np.log(2), 0.5])
    assert found["distribution"]["plain"] == "uniform"


@pytest.mark.parametrize("sampler", [sdmodel.latin_hypercube, sobol_sequence, morris_trajectories])
def test_nothing_to_sample_is_refused(sampler: object) -> None:
    with pytest.raises(DesignError, match="a whole number of at least 1"):
        sampler(FOUR, 0)
    with pytest.raises(DesignError, match="n"):
        sampler(FOUR.iloc[:1], 10**8 + 1)
    with pytest.raises(DesignError, match="There are no parameters"):
        sampler(FOUR.iloc[:0], 4)


def test_every_uncertainty_of_the_shipped_models_can_be_sampled() -> None:
    given_ = sdmodel.load("shandong").uncertainties
    found = sdmodel.latin_hypercube(given_, 50, rng=1)
    for name, row in given_.iterrows():
        assert found[name].between(row["low"], row["high"]).all()
        if row["role"] == "switch":
            assert set(found[name]) <= set(range(int(row["low"]), int(row["high"]) + 1))


# -- grids and pairs --------------------------------------------------------------------------------------------
def test_a_grid_is_every_combination_the_last_fastest() -> None:
    found = sdmodel.grid({"exit start": ["2020-01-01", 2021], "exit duration": [0, 1, 2]})
    assert found["exit start"].tolist() == [2020, 2020, 2020, 2021, 2021, 2021]
    assert found["exit duration"].tolist() == [0, 1, 2] * 2
    for wrong, message in [
        ({}, "at least one constant"),
        ({"a": []}, "needs values for 'a'"),
        ({"a": [np.inf]}, "finite"),
        ({"a": 5}, "a list of values"),
        ({"a": "2020"}, "a list of values"),
    ]:
        with pytest.raises(DesignError, match=message):
            sdmodel.grid(wrong)


def test_dates_are_remembered_through_ranges_grids_pairs_and_tables() -> None:
    """A date is a number of years from here on; that it was one decides whether a model may take it."""
    ranges = pd.DataFrame({"low": [2016.0, 0.0], "high": [2020.0, 1.0]}, index=["start", "depth"])
    ranges.attrs["dates"] = ["start"]
    samples = sdmodel.latin_hypercube(ranges, 4, rng=1)
    settings = sdmodel.grid({"end": ["2030-01-01"]})
    rows = table([{"begin": "2020-07-02", "x": 1.0, "on": True}, {"begin": 2021, "x": 2, "on": False}])
    assert samples.attrs["dates"] == ["start"]
    assert settings.attrs["dates"] == ["end"]
    assert sdmodel.pair(samples, settings).attrs["dates"] == ["start", "end"]
    assert rows.attrs["dates"] == ["begin"]
    assert rows["begin"].tolist() == pytest.approx([2020.5, 2021], abs=2e-3)
    assert rows["on"].tolist() == [1.0, 0.0]


def test_a_pair_gives_every_setting_the_same_samples() -> None:
    samples = pd.DataFrame({"trust time": [3.0, 5.0], "x": [1.0, 2.0]})
    settings = pd.DataFrame({"setting": ["early", "late"], "exit start": [2016, 2024], "x": [7.0, 8.0]})
    found = sdmodel.pair(samples, settings)
    assert list(found.columns) == ["sample", "setting", "exit start", "x", "trust time"]
    assert found["setting"].tolist() == ["early", "early", "late", "late"]
    assert found["sample"].tolist() == [0, 1, 0, 1]
    assert found["trust time"].tolist() == [3, 5, 3, 5]
    assert found["x"].tolist() == [7, 7, 8, 8]  # from the setting
    assert "setting" not in samples


# -- tables -----------------------------------------------------------------------------------------------------
def test_tables_that_are_not_well_formed() -> None:
    for wrong, message in [
        ([], "no rows"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "column 'a' twice"),
        ([{"a": 1.0}, {"a": np.nan}], "Row 1 of the design gives 'a'"),
        ([{"a": 1.0}, {"b": 1.0}], "no finite number"),
        (pd.DataFrame([[1.0, 2.0]], columns=["a", 3]), "a column 3"),
        ({}, "no rows"),
        ("a", "with one row a run"),
        ([3.0], "with one row a run"),
    ]:
        with pytest.raises(DesignError, match=message):
            table(wrong)
    assert len(table([{"a": 1.0, "setting": "late"}])) == 1
    assert table({"a": [1, 2], "b": [3, 4]})["b"].tolist() == [3, 4, 3, 4]


def test_a_distribution_without_its_arguments_is_refused() -> None:
    with pytest.raises(SdmodelError, match="with its arguments"):
        sdmodel.latin_hypercube({"x": stats.uniform}, 4, rng=1)
