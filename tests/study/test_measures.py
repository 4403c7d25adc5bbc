"""Measures of a question against three samples of paths made by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.core.outcome import Outcome
from sdmodel.study.outcomes import DISCOUNT, measure, present_value

TIME = np.array([2014.0, 2015.0, 2017.0, 2018.0])
PATHS = np.array([[9.0, 1.0, 5.0, 2.0], [0.0, 2.0, 3.0, 4.0], [7.0, 3.0, 3.0, 3.0]])
RATES = [0.0, 0.1, 0.05]
DRAWS = pd.DataFrame({DISCOUNT: RATES, "take up": [0.2, 0.4, 0.6]})


@pytest.fixture(scope="module")
def found() -> xr.Dataset:
    x = xr.DataArray(PATHS[None], dims=("setting", "sample", "time"), coords={"setting": ["a"], "time": TIME})
    quality = xr.DataArray([1.0, 3.0], dims="quality", coords={"quality": ["weak", "strong"]})
    return xr.Dataset({"x": x, "parts": x * quality, "weight": 1 + 0 * x, "heavy": (x - x + 1) * quality})


def rates(path: np.ndarray, rate: float) -> float:
    """Present value at 2015 by the trapezoidal rule over 2015, 2017 and 2018, written out."""
    a, b, c = (value * np.exp(-rate * years) for value, years in zip(path[1:], (0, 2, 3), strict=True))
    return 2 * (a + b) / 2 + (b + c) / 2


@pytest.mark.parametrize(
    ("formula", "values"),
    [
        ("final('x')", [2, 4, 3]),
        ("at('x', 2017)", [5, 3, 3]),
        ("at('x', 2015.0)", [1, 2, 3]),
        ("average('x')", [8 / 3, 3, 3]),  # since 2015, each report of the same weight
        ("average('x', 2014)", [17 / 4, 9 / 4, 4]),
        ("average('x', 2015, 2017)", [3, 2.5, 3]),
        ("lowest('x')", [1, 2, 3]),
        ("lowest('x', 2017)", [2, 3, 3]),
        ("integral('x')", [9.5, 8.5, 9]),
        ("present_value('x')", [rates(p, r) for p, r in zip(PATHS, RATES, strict=True)]),
        ("present_value('parts')", [4 * rates(p, r) for p, r in zip(PATHS, RATES, strict=True)]),
        ("present_value('parts', quality='strong')", [3 * rates(p, r) for p, r in zip(PATHS, RATES, strict=True)]),
        ("first_above('x', 2)", [2017, 2017, 2015]),
        ("first_above('x', 3)", [2017, 2018, np.inf]),  # a level that is met is not passed
        ("first_above('x', 6)", [np.inf, np.inf, np.inf]),  # what was before 2015 does not count
        ("final('parts')", [8, 16, 12]),
        ("final('parts', quality='weak') / final('parts')", [0.25, 0.25, 0.25]),
        ("weighted('x', 'weight')", [8 / 3, 3, 3]),
        ("weighted('parts', 'heavy')", [10 / 4 * v for v in (8 / 3, 3, 3)]),
        ("sampled('take up')", [0.2, 0.4, 0.6]),
        ("100 * (final('x') - at('x', 2015)) / sampled('take up')", [500, 500, 0]),
    ],
)
def test_measures_by_hand(found: xr.Dataset, formula: str, values: list[float]) -> None:
    value = measure(formula).of(found, DRAWS)
    assert value.dims == ("setting", "sample")
    np.testing.assert_allclose(value.to_numpy()[0], values, rtol=1e-12)


def test_a_measure_names_what_must_be_kept() -> None:
    assert measure("2 * final('a', quality='weak') / weighted('b', 'c') + sampled('d')").variables == ("a", "b", "c")


def test_a_run_that_ends_in_nothing_passes_no_level(found: xr.Dataset) -> None:
    broken = found.copy(deep=True)
    broken["x"][0, 0, 3] = np.nan
    assert np.isnan(measure("first_above('x', 2)").of(broken, DRAWS)[0, 0])


def test_present_values_of_plain_sweeps_are_the_same(found: xr.Dataset) -> None:
    by_run = found["parts"].isel(setting=0).rename(sample="run")
    expected = [4 * rates(p, r) for p, r in zip(PATHS, RATES, strict=True)]
    np.testing.assert_allclose(present_value(by_run, DRAWS), expected, rtol=1e-12)


def test_an_outcome_judges_a_path_as_it_judges_a_sweep(found: xr.Dataset) -> None:
    by_run = found.isel(setting=0).rename(sample="run")
    for outcome in (Outcome("x"), Outcome("x", "mean", start=2015), Outcome("x", 2016.0), Outcome("x", "max")):
        np.testing.assert_array_equal(outcome.of(by_run["x"]), outcome.of(by_run))


def test_what_is_wrong_is_named(found: xr.Dataset) -> None:
    with pytest.raises(UnknownNameError, match="no function 'last'"):
        measure("last('x')").of(found, DRAWS)
    with pytest.raises(DesignError, match="lies outside"):
        measure("at('x', 2040)").of(found, DRAWS)
