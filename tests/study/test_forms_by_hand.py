"""Forms of published effects at their edges: ends of windows, what is exactly nil or at a bound, signs."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sdmodel.study import published_forms
from sdmodel.study.arms import MONEY
from sdmodel.study.outcomes import DISCOUNT

SIZES = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.3, 1.6, 2.0, 2.5, 3.0)
TIMES = np.arange(2015.0, 2025.0)
NAN = math.nan


def runs(path: object, money: object = 0.0) -> xr.Dataset:
    """One run of a variable and of public money, by year from 2015 to 2024."""
    values = {"a": path, MONEY: money}
    parts = {n: (("run", "time"), np.broadcast_to(np.asarray(v, float), (1, 10))) for n, v in values.items()}
    return xr.Dataset(parts, {"time": TIMES})


def read(form: str, arms: dict[str, xr.Dataset], **how: object) -> float:
    draws = pd.DataFrame({DISCOUNT: [0.0]})
    return float(published_forms.FORMS[form](arms, draws, {"variable": "a", **how})[0])


def test_a_ratio_needs_a_divisor_above_the_least_in_size() -> None:
    of = np.array([2.0, -2.0, 2.1, -2.1, 0.0, NAN])
    found = published_forms.ratio(np.ones(6), of, 2.0)
    np.testing.assert_allclose(found, [NAN, NAN, 1 / 2.1, -1 / 2.1, NAN, NAN])


@pytest.mark.parametrize(
    ("before", "after", "value"),
    [
        (10, 10 + 5e-12, NAN),  # a part of 1e-12 of the reference, which is 1e-11
        (10, 10 + 5e-11, 1), (-10, -10, NAN), (-10, -11, 1), (10, 9, 1),
    ],
)  # fmt: skip
def test_a_change_that_is_rounding_divides_nothing(before: float, after: float, value: float) -> None:
    arms = {"reference": runs(before), "treated": runs(after)}
    found = read("change over change", arms, at=2016, over="a", over_at=2016)
    assert found == pytest.approx(value, nan_ok=True)


def test_a_level_may_be_over_another_and_a_change_is_that_of_the_ratio() -> None:
    half = runs(np.linspace(1, 10, 10)).assign(b=runs(2.0)["a"])
    whole = runs(12.0).assign(b=runs(3.0)["a"])
    arms = {"reference": half, "treated": whole, "one": runs(30.0).assign(b=runs(3.0)["a"])}
    assert read("level", arms, at=2018, over="b") == 2
    assert read("relative change", arms, at=2018, over="b") == pytest.approx(4 / 2 - 1)
    how = {"variable": "a", "at": 2018, "over": "b"}
    assert published_forms.relative_change(arms, pd.DataFrame(), how, "one")[0] == pytest.approx(10 / 2 - 1)


@pytest.mark.parametrize(
    ("gain", "years"),
    [
        # By year from 2015 on; the window is 2016 to 2018, and what counts is a tenth of the largest gain.
        ([0, 3, -1, -1, 0, 0, 0, 0, 0, 0], 0),  # the first year belongs to it
        ([0, -1, -1, 3, 0, 0, 0, 0, 0, 0], 2),  # the last one as well
        ([0, 1, 1, -3, 0, 0, 0, 0, 0, 0], NAN),
        ([0, 0, 0, 0, 9, 9, 0, 0, 0, 0], NAN),  # no gain in the window is none that could fade
        ([100, 1, 1, 1, 1, 1, 1, 1, 1, 1], 0),  # all is gone when it begins
        ([0, 10, 2, 1, 1.1, 1, 0, 0, 0, 0], 3),  # the tenth itself is not above it
        ([0, 1, 1, 1, 1, 1, 1, 1, 1, 1], 8),  # to the end of the run
        ([0, 10, 0, 0, 0, 0, 5, 0, 0, 0], 5),  # and for good
    ],
)
def test_a_gain_fades_when_it_stays_below_a_part_of_its_largest(gain: list[float], years: float) -> None:
    arms = {"reference": runs(7.0), "treated": runs(7 + np.array(gain))}
    assert read("fade time", arms, at=2016, part=0.1, first=2) == pytest.approx(years, nan_ok=True)
    large = runs(7 + 100 * np.array([0, 1, 0, 0, 0, 0, 0, 0, 0, 0]))  # each sample has a largest gain of its own
    both = {name: xr.concat([one, large if name == "treated" else one], dim="run") for name, one in arms.items()}
    how = {"variable": "a", "at": 2016, "part": 0.1, "first": 2}
    assert published_forms.fade_time(both, pd.DataFrame(), how) == pytest.approx([years, 0], nan_ok=True)


def test_a_yuan_is_the_last_of_the_path_and_more_than_a_million_beyond_the_reference() -> None:
    base = runs(10.0, np.linspace(0, 90, 10))
    spent = {"treated": 96.0, "cheap": 91.0, "enough": 91.01, "saves": 80.0}
    arms = {"reference": base, **{name: runs(12.0, np.linspace(0, end, 10)) for name, end in spent.items()}}
    draws, how = pd.DataFrame({DISCOUNT: [0.0]}), {"variable": "a"}
    found = {name: float(published_forms.per_yuan(arms, draws, how, name)[0]) for name in spent}
    assert found == pytest.approx({"treated": 18 / 6, "cheap": NAN, "enough": 18 / 1.01, "saves": NAN}, nan_ok=True)
    arms |= {"one": runs(11.0, np.linspace(0, 92, 10)), "other": runs(11.0, np.linspace(0, 99, 10))}
    assert read("per yuan less", arms, over_arms=["one", "other"]) == pytest.approx(3 - 9 / 2)  # the best of them
    assert read("per yuan less", arms, over_arms=["other", "one"]) == pytest.approx(3 - 9 / 2)


def test_the_best_of_other_arms_is_taken_sample_by_sample() -> None:
    def two(*gains: float, money: float) -> xr.Dataset:
        values = np.array([[10 + g] * 10 for g in gains])
        return xr.Dataset({"a": (("run", "time"), values), MONEY: (("run", "time"), 0 * values + money)},
                          {"time": TIMES})  # fmt: skip

    arms = {"reference": two(0, 0, 0, money=0), "treated": two(5, 5, 5, money=9), "x": two(1, 6, 2, money=9),
            "y": two(3, 4, 2, money=9)}  # fmt: skip
    draws = pd.DataFrame({DISCOUNT: [0.0] * 3})
    how = {"variable": "a", "over_arms": ["x", "y"]}
    assert published_forms.per_yuan_less(arms, draws, how) == pytest.approx([2, -1, 3])


def test_a_hazard_that_rises_for_good_is_highest_in_the_ninth_year() -> None:
    rows = pd.DataFrame({"hazard of weak firms": [0.5], "hazard of strong firms": [0.5],
                         "strong share of entrants": [0.2]})  # fmt: skip
    assert published_forms.peak_of_hazard({}, rows, {"endowment": 5}).tolist() == [9]


# -- grants by size -------------------------------------------------------------------------------------------------
SHAPES: dict[str, list[tuple[dict[float, float], float]]] = {
    # What grants add to an own RnD of one, by their size, and what is read from it.
    "inverted U": [
        ({0.4: 0.02}, 1), ({0.4: 0.02, 3.0: 0.011}, 0),  # it must fall by more than a hundredth again
        ({0.4: 0.02, 3.0: 0.009}, 1), ({0.4: 0.01}, 0),  # a hundredth itself is no peak
        ({3.0: 0.5}, 0), ({2.5: 0.5}, 1), ({0.1: 0.5}, 1),  # nor is the end
    ],
    "never replaces": [
        ({0.2: -0.009}, 1), ({0.2: -0.01}, 0), ({0.2: -0.5}, 0), ({0.8: -0.2}, 0),  # half of the RnD is the grant
        ({1.0: -0.2}, 1),  # more than half, where it may replace
    ],
    "best share": [
        ({0.4: 0.01}, NAN), ({0.4: 0.2, 1.0: 0.4}, 0.4 / 1.6), ({0.4: 0.02}, 0.4 / 1.42), ({3.0: 0.5}, 3 / 4.5),
    ],
    "replacing share": [
        ({0.4: 0.2, 0.6: -0.2}, (0.4 / 1.6 + 0.6 / 1.4) / 2),  # half of the way
        ({0.1: -0.1, 0.4: 0.2, 0.8: 0.1}, NAN),  # what was before the peak does not count
        ({0.2: -0.1}, 0.1 / 1.1),  # without a peak it is counted from the smallest grant on
    ],
}  # fmt: skip


def grants(extra: list[dict[float, float]]) -> dict[str, xr.Dataset]:
    """Runs of grants, paid in full, that add to an own RnD of one; what was half a year ago does not count."""
    out = {}
    for size in SIZES:
        given = {"own RnD": 1.0, "firms by quality": 1.0, "grants offered": size, "grant paid": size,
                 "grant effect on own RnD": np.array([one.get(size, 0.0) for one in extra])}  # fmt: skip
        data = {}
        for name, values in given.items():
            data[name] = ("run", "time", "quality"), np.full((len(extra), 2, 1), 9.0)
            data[name][1][:, 1, 0] = values
        data["grant per recipient"] = ("run", "time"), np.tile([9.0, size], (len(extra), 1))
        out[f"size {size:g}"] = xr.Dataset(data, {"time": [2016.0, 2016.5], "quality": ["q"]})
    return out


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_at_their_edges(shape: str) -> None:
    extra, wanted = zip(*SHAPES[shape], strict=True)
    found = published_forms.grant_shape(grants(list(extra)), pd.DataFrame(index=range(len(extra))), {"read": shape})
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert published_forms.SIZES == SIZES


def test_a_grant_of_several_qualities_is_that_of_the_offers() -> None:
    data = {
        "own RnD": [300.0, 900.0], "firms by quality": [100.0, 100.0], "grants offered": [10.0, 30.0],
        "grant effect on own RnD": [8.0, -2.0], "grant paid": [4.0, 12.0],
    }  # fmt: skip
    found = xr.Dataset(
        {name: (("run", "time", "quality"), np.array([[[7.0, 7.0], values]])) for name, values in data.items()},
        {"time": [2016.0, 2016.5], "quality": ["w", "s"]},
    ).assign({"grant per recipient": (("run", "time"), [[7.0, 0.5]])})
    plain, extra, paid = published_forms._per_offer(found)
    assert plain[0] == pytest.approx((3 * 10 + 9 * 30) / 40)  # weighted by the grants, not by the firms
    assert (extra[0], paid[0]) == (pytest.approx(6 / 80), pytest.approx(16 / 80))
