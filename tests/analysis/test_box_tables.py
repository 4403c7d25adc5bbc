"""What is said of boxes by hand: their quality and limits, in and out of sample, and what a search is given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import binom

import sdmodel
from sdmodel.analysis.discovery import discover as room
from sdmodel.analysis.discovery.prim import Box, unlimited_box
from sdmodel.core.errors import DesignError, UnknownNameError

INF = np.inf


def box(*ends: tuple[float, float]) -> Box:
    low, high = zip(*ends, strict=True)
    return Box(np.array(low, float), np.array(high, float))


def corners() -> tuple[np.ndarray, np.ndarray]:
    """Cases in two corners of a square of 20 by 20 runs, 64 in one and 24 in the other: one box for each."""
    a, b = (v.ravel() for v in np.meshgrid(np.arange(20.0), np.arange(20.0)))
    return np.column_stack([a, b]), (a < 8) & (b < 8) | (a >= 14) & (b >= 16)


# -- what is said of boxes --------------------------------------------------------------------------------------------
HALVES = [
    room._Half([np.array([True, False]), np.array([True, True])], [0.5, 0.2], [0.9, 0.4]),
    room._Half([np.array([True, True])], [0.9], [0.5]),
    room._Half([np.array([False, True])], [0.6], [np.nan]),
    room._Half([np.array([True, True])], [0.6], [0.4]),
]
POINTS = np.column_stack([np.arange(20.0), np.tile([0.0, 1.0], 10)])
TRUE = (POINTS[:, 0] >= 12) & (POINTS[:, 0] != 15) | (POINTS[:, 0] == 3)
QUALITY = ["coverage", "density", "mass", "runs", "coverage elsewhere", "density elsewhere"]
BOXES = [box((11.5, INF), (-INF, INF)), box((2.5, 13.5), (0.5, 1.5))]


def test_the_quality_of_a_box_by_hand() -> None:
    first, second = room._quality(BOXES, HALVES, POINTS, TRUE).to_dict("records")
    assert first == pytest.approx(
        {
            "coverage": 7 / 8,
            "density": 7 / 8,
            "mass": 8 / 20,
            "runs": 8,
            "coverage elsewhere": 0.6,
            "density elsewhere": 0.5,
        }
    )
    # 3, 5, 7, 9 and 11 are in the second alone, of which 3 is a case; one half found a second box.
    assert second == pytest.approx(
        {
            "coverage": 1 / 8,
            "density": 1 / 5,
            "mass": 5 / 20,
            "runs": 5,
            "coverage elsewhere": 0.2,
            "density elsewhere": 0.4,
        }
    )
    alone = room._quality(BOXES, [], POINTS, TRUE)
    assert alone[["coverage elsewhere", "density elsewhere"]].isna().all(axis=None)
    empty = room._quality([*BOXES[:1], box((30, 40), (0, 1))], [], POINTS, TRUE).loc[2]
    assert np.isnan(empty["density"])
    assert (empty["coverage"], empty["mass"], empty["runs"]) == (0, 0, 0)


def test_the_limits_of_a_box_by_hand() -> None:
    table = room._limits(BOXES, HALVES, POINTS, TRUE, ["t", "side"], {"t": "Year"})
    assert table.index.tolist() == [(1, "t"), (2, "t"), (2, "side")]
    assert table.loc[(1, "t"), ["low", "high", "lowest", "highest", "unit"]].tolist() == [11.5, INF, 0, 19, "Year"]
    assert table.loc[(2, "side"), ["low", "high", "lowest", "highest", "unit"]].tolist() == [0.5, 1.5, 0, 1, ""]
    assert table["reproduced"].tolist() == pytest.approx([3 / 4, 1 / 4, 1 / 4])
    assert table.loc[(1, "t"), "p"] == pytest.approx(binom.sf(6, 8, 8 / 20))
    # Of the twelve runs outside the first box: 5 inside with one case, 6 of the odd ones and 9 of those from 3 on.
    assert table.loc[(2, "t"), "p"] == pytest.approx(binom.sf(0, 5, 1 / 6))
    assert table.loc[(2, "side"), "p"] == pytest.approx(binom.sf(0, 5, 1 / 9))
    assert room._limits(BOXES, [], POINTS, TRUE, ["t", "side"], {})["reproduced"].isna().all()


def test_candidates_with_the_chosen_one_last() -> None:
    table = room._tried([BOXES[0], BOXES[1], unlimited_box(2)], BOXES[0], POINTS, TRUE)
    assert table["chosen"].tolist() == [False, False, True]
    assert table["limited"].tolist() == [2, 0, 1]
    assert table["coverage"].tolist() == pytest.approx([2 / 8, 1, 7 / 8])
    assert table["density"].tolist() == pytest.approx([2 / 6, 8 / 20, 7 / 8])
    assert table["mass"].tolist() == pytest.approx([6 / 20, 1, 8 / 20])


@pytest.mark.parametrize(
    ("low", "high", "unit", "words"),
    [
        (1, 2, "Year", "x from 1 to 2 Year"), (1.23456, INF, "", "x above 1.23"), (-INF, 2, "dmnl", "x below 2"),
        (-INF, 2, "Dmnl", "x below 2"), (0.5, INF, "u", "x above 0.5 u"),
    ],
)  # fmt: skip
def test_the_words_of_a_limit(low: float, high: float, unit: str, words: str) -> None:
    assert room._words("x", pd.Series({"low": low, "high": high, "unit": unit})) == words


def test_half_samples_are_judged_by_the_other_half() -> None:
    def find(x: np.ndarray, y: np.ndarray, density: float, most: int) -> Any:
        asked.append((x[:, 0].tolist(), density, most))
        return [BOXES[0], box((30, 40), (0, 1))], []

    asked: list[Any] = []
    halves = room._halves(find, POINTS, TRUE, 0.7, 2, 3, np.random.default_rng(5))
    assert len(halves) == len(asked) == 3
    again = np.random.default_rng(5)
    for half, (own, density, most) in zip(halves, asked, strict=True):
        assert (density, most, len(own)) == (0.7, 2, 10)
        assert own == sorted(again.permutation(20)[:10])
        other = ~np.isin(POINTS[:, 0], own)
        inside = BOXES[0].contains(POINTS) & other
        assert half.coverage[0] == pytest.approx(TRUE[inside].sum() / TRUE[other].sum())
        assert half.density[0] == pytest.approx(TRUE[inside].mean())
        assert half.limited[0].tolist() == [True, False]
        assert half.coverage[1] == 0
        assert np.isnan(half.density[1])
    one = np.arange(20) == 3  # a half without the one case, or with nothing else, is left out
    found = room._halves(find, POINTS, one, 0.7, 2, 8, np.random.default_rng(1))
    assert 0 < len(found) < 8
    assert len(room._halves(find, POINTS, ~one, 0.7, 2, 8, np.random.default_rng(1))) == len(found)


# -- arguments --------------------------------------------------------------------------------------------------------
TABLE = pd.DataFrame({"x": np.arange(40.0), "same": 1.0, "sample": range(40), "run": range(40)})


def test_what_differs_is_searched_and_labels_are_not() -> None:
    assert room._columns(TABLE, None).columns.tolist() == ["x"]
    assert room._columns(TABLE, ["same", "x"]).columns.tolist() == ["same", "x"]
    with pytest.raises(UnknownNameError, match="no parameter of the design 'sample'"):
        room._columns(TABLE, ["sample"])
    with pytest.raises(DesignError, match="No parameter of the design differs"):
        room._columns(TABLE.drop(columns="x"), None)
    sweep = xr.Dataset(coords={"x": ("run", [1.0, 2]), "time": [0.0], "t": ("time", [5.0]), "status": ("run", [0, 0])})
    assert room._columns(sweep, None)["x"].tolist() == [1, 2]


def test_forty_runs_are_enough_and_failed_ones_do_not_count() -> None:
    cases = TABLE["x"].to_numpy() >= 20
    found = sdmodel.discover(TABLE, cases, resamples=0)
    assert (found.runs, found.cases, found.method) == (40, 20, "prim")
    assert found.quality.attrs == {"left out": 0}
    # The largest box of eight in ten cases: twenty of twenty-five.
    assert found.limits["low"].tolist() == [14.5]
    assert found.sentences == ["box 1: 80% of its 25 runs are cases and it holds 100% of all: x above 14.5"]
    with pytest.raises(DesignError, match="39 runs are too few"):
        sdmodel.discover(TABLE[1:], cases[1:], resamples=0)
    sweep = xr.Dataset(coords={"x": ("run", np.arange(42.0)), "status": ("run", [1, 2] + [0] * 40)})
    held = sdmodel.discover(sweep, np.r_[[True, False], cases], resamples=0)
    assert (held.runs, held.cases, held.quality.attrs) == (40, 20, {"left out": 2})
    with pytest.raises(DesignError, match="No run is a case"):
        sdmodel.discover(sweep, np.arange(42) < 1, resamples=0)


def test_the_options_of_a_search_are_taken() -> None:
    x, y = corners()
    design = pd.DataFrame(x, columns=["a", "b"])
    assert len(sdmodel.discover(design, y, most=2, resamples=0).quality) == 2
    assert len(sdmodel.discover(design, y, most=1, resamples=0).quality) == 1
    loose, strict = (sdmodel.discover(design, y, density=d, most=1, resamples=0).quality.iloc[0] for d in (0.3, 0.95))
    assert loose["density"] < 0.9 < strict["density"]
    assert loose["coverage"] >= strict["coverage"]
    one, two, other = (sdmodel.discover(design, y, most=1, resamples=2, rng=rng).quality for rng in (1, 1, 2))
    pd.testing.assert_frame_equal(one, two)
    assert (one["coverage elsewhere"] != other["coverage elsewhere"]).any()
    assert "Year" in sdmodel.discover(design, y, most=1, resamples=0, units={"a": "Year"}).sentences[0]


def test_a_sweep_over_two_axes_is_read_run_by_run() -> None:
    """The cases may come in another order of axes."""
    a, b = np.arange(8.0), np.arange(5.0)
    sweep = xr.Dataset(coords={"a": a, "b": b, "status": (("a", "b"), np.zeros((8, 5), int))})
    cases = xr.DataArray((a[None, :] >= 4) & (b[:, None] < 9), dims=("b", "a"))
    found = sdmodel.discover(sweep, cases, density=0.95, most=1, resamples=0)
    assert (found.runs, found.cases) == (40, 20)
    assert found.limits["low"].to_dict() == {(1, "a"): 3.5}
    assert found.quality["density"].tolist() == [1]
