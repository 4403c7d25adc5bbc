"""Boxes by hand: what is peeled, pasted, chosen and dropped, and what is said of a box in and out of sample."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import binom

import sdmodel
from sdmodel.analysis.discovery import box_finders
from sdmodel.analysis.discovery import discover as room
from sdmodel.analysis.discovery.box_finders import _chosen, _leaves, _pruned, p_value, prim_boxes, tree_boxes
from sdmodel.analysis.discovery.prim import Box, _best_paste, peel, unlimited_box
from sdmodel.core.errors import DesignError, UnknownNameError

INF = np.inf


def box(*ends: tuple[float, float]) -> Box:
    low, high = zip(*ends, strict=True)
    return Box(np.array(low, float), np.array(high, float))


def ends(one: Box) -> list[tuple[float, float]]:
    return list(zip(one.low.tolist(), one.high.tolist(), strict=True))


def test_a_box_holds_its_ends_and_knows_its_limits() -> None:
    one = box((1, 3), (-INF, 2), (-INF, INF), (0, INF))
    x = np.array([[1, 2, 9, 0], [3, 2, -9, 5], [0.9, 2, 0, 0], [3.1, 2, 0, 0], [2, 2.1, 0, 0], [2, 2, 0, -0.1]])
    assert one.contains(x).tolist() == [True, True, False, False, False, False]
    assert one.limited.tolist() == [True, True, False, True]
    assert ends(one.without_limit(0)) == [(-INF, INF), (-INF, 2), (-INF, INF), (0, INF)]
    assert ends(one)[0] == (1, 3)
    assert not unlimited_box(2).limited.any()


# -- peeling ----------------------------------------------------------------------------------------------------------
def test_a_peel_ends_at_the_least_mass() -> None:
    """Of forty runs a twentieth, two, is peeled while so many are left; less at a time later."""
    x = np.arange(40.0)[:, None]
    y = x[:, 0] >= 38
    for least, smallest in ((0.5, 20), (0.52, 21), (0.05, 2)):
        last = peel(x, y, least)[-1]
        assert last.contains(x).sum() == smallest
    counts = [int(one.contains(x).sum()) for one in peel(x, y, 0.5)]
    assert counts == [40, *range(38, 19, -1)]
    upper = peel(x, ~y & (x[:, 0] < 2), 0.05)[-1]
    assert ends(upper) == [(-INF, 1.5)]


def test_ties_are_peeled_together_and_a_side_that_would_leave_nothing_is_not() -> None:
    x = np.array([0.0] * 10 + [1.0] * 10)[:, None]
    assert [ends(one) for one in peel(x, x[:, 0] == 1, 0.05)] == [[(-INF, INF)], [(0.5, INF)]]
    assert len(peel(x, x[:, 0] == 1, 0.51)) == 1
    assert len(peel(x, x[:, 0] == 1, 0.5)) == 2
    assert len(peel(np.zeros((20, 1)), np.arange(20) > 5, 0.05)) == 1


def test_of_two_parameters_the_one_that_gains_more_for_each_run_is_peeled() -> None:
    """A column of halves would free the box of half of its misses at once; the other does so for each run removed."""
    i = np.arange(20)
    x = np.column_stack([i.astype(float), (i % 2).astype(float)])
    y = (i >= 1) & (i % 2 == 1) | (i >= 6)
    first = peel(x, y, 0.05)[1]
    halves, one = (y[i % 2 == 1].mean() - y.mean()) / 10, (y[1:].mean() - y.mean()) / 1
    assert one > halves
    assert ends(first) == [(0.5, INF), (-INF, INF)]


# -- pasting ----------------------------------------------------------------------------------------------------------
def test_a_paste_takes_a_twentieth_to_the_middle_of_the_next_value() -> None:
    x = np.arange(100.0)[:, None]
    y = (x[:, 0] >= 10) & (x[:, 0] < 90)
    inner = box((20, 79))
    y[[30, 40]] = False
    wider = _best_paste(x, y.astype(float), inner)
    assert wider is not None
    assert ends(wider) == [(16.5, 79)]  # three of the sixty inside: 17, 18 and 19
    outer = _best_paste(x[20:], y[20:].astype(float), inner)
    assert outer is not None
    assert ends(outer) == [(20, 82.5)]
    few = _best_paste(x[18:80], y[18:80].astype(float), inner)
    assert few is not None
    assert ends(few) == [(-INF, 79)]  # nothing lies beyond
    assert _best_paste(x, np.ones(100), inner) is None  # no rise
    assert _best_paste(x[20:80], y[20:80].astype(float), inner) is None
    free = box((-INF, INF), (2, 3))
    assert _best_paste(np.column_stack([x[:4, 0], [2, 3, 2, 3]]), y[:4].astype(float), free) is None


def test_of_two_pastes_the_better_one_is_taken_and_ties_come_along() -> None:
    x = np.array([[0], [0], [1], [2], [3], [3], [4]], float)
    y = np.array([1, 0, 1, 0, 1, 1, 1], float)
    found = _best_paste(x, y, box((0.5, 2.5)))
    assert found is not None
    assert ends(found) == [(0.5, 3.5)]  # three of four, where the other side gives two of four


# -- choosing ---------------------------------------------------------------------------------------------------------
X = np.arange(10.0)[:, None]
CASES = X[:, 0] >= 6


@pytest.mark.parametrize(
    ("density", "low"), [(0.4, -INF), (0.5, 1.5), (4 / 7, 2.5), (0.8, 4.5), (0.81, 5.5), (1.0, 5.5)]
)
def test_of_the_dense_enough_the_one_that_covers_most_is_chosen(density: float, low: float) -> None:
    tried = [box((cut, INF)) for cut in (-INF, 1.5, 2.5, 4.5, 5.5, 7.5)]
    assert _chosen(tried, X, CASES, density).low[0] == low


def test_without_one_that_is_dense_enough_the_densest_is_chosen() -> None:
    tried = [box((cut, INF)) for cut in (-INF, 1.5, 4.5, 2.5)]
    assert _chosen(tried, X, CASES, 0.9).low[0] == 4.5


def test_a_limit_by_chance_is_dropped_and_the_least_significant_first() -> None:
    rng = np.random.default_rng(1)
    x = rng.random((200, 3))
    y = x[:, 0] > 0.5
    given = box((0.5, INF), (0.1, INF), (-INF, 0.97))
    assert ends(_pruned(given, x, y)) == [(0.5, INF), (-INF, INF), (-INF, INF)]
    # Both limits say the same: once one is dropped the other one counts.
    twin = np.column_stack([x[:, 0], x[:, 0]])
    assert _pruned(box((0.5, INF), (0.5, INF)), twin, y).limited.sum() == 1
    assert not _pruned(box((0.4, INF), (-INF, INF), (-INF, INF)), x, rng.random(200) > 0.5).limited.any()


def test_a_limit_counts_from_five_in_a_hundred_on() -> None:
    """All of k runs inside are cases and half of all: a p-value of 1/2 to the k, below 5 % from five on."""
    for k, kept in ((4, False), (5, True)):
        x = np.arange(2.0 * k)[:, None]
        y = x[:, 0] >= k
        one = box((k - 0.5, INF))
        assert p_value(one, 0, x, y) == pytest.approx(0.5**k)
        assert _pruned(one, x, y).limited.any() == kept


# -- boxes one after the other ----------------------------------------------------------------------------------------
def corners() -> tuple[np.ndarray, np.ndarray]:
    """Cases in two corners of a square of 20 by 20 runs, 64 in one and 24 in the other: one box for each."""
    a, b = (v.ravel() for v in np.meshgrid(np.arange(20.0), np.arange(20.0)))
    return np.column_stack([a, b]), (a < 8) & (b < 8) | (a >= 14) & (b >= 16)


@pytest.mark.parametrize("most", [1, 2, 5])
def test_boxes_are_found_until_there_are_enough_or_none_is_left(most: int) -> None:
    x, y = corners()
    boxes, first = prim_boxes(x, y, 0.9, most)
    assert len(boxes) == min(most, 2)
    left = np.ones(len(x), dtype=bool)
    for one in boxes:
        inside = one.contains(x) & left
        assert y[inside].mean() >= 0.9
        left &= ~inside
    assert ends(first[0]) == [(-INF, INF)] * 2
    assert max(y[one.contains(x)].sum() for one in first) == 88
    if most >= 2:
        assert not y[left].any()


def test_a_first_box_is_given_however_sparse_and_a_second_only_if_dense() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.random((100, 2)), rng.random(100) < 0.3
    boxes, _ = prim_boxes(x, y, 0.99, 4)
    assert len(boxes) == 1
    whole, _ = prim_boxes(x, np.ones(100, dtype=bool), 0.8, 3)
    assert [ends(one) for one in whole] == [[(-INF, INF)] * 2]


def test_the_smallest_mass_is_a_share_of_all_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a box of 80 of a hundred a twentieth of all is a quarter of the rest, and after 98 all there is."""
    asked: list[tuple[int, float]] = []

    def found(x: np.ndarray, y: np.ndarray, least: float) -> list[Box]:
        asked.append((len(x), least))
        return [box((-INF, 79.5 if len(asked) == 1 else 97.5 if len(asked) == 2 else INF))]

    monkeypatch.setattr(box_finders, "peel", found)
    monkeypatch.setattr(box_finders, "_pruned", lambda one, x, y: one)
    x = np.arange(100.0)[:, None]
    boxes, _ = prim_boxes(x, x[:, 0] != 99, 0.1, 3)
    assert asked == [(100, 0.05), (20, pytest.approx(0.25)), (2, 1.0)]
    assert len(boxes) == 2  # the third would have no limit


# -- trees ------------------------------------------------------------------------------------------------------------
class Tree:
    """Split at 1 of the first parameter, the upper half at 2 of the second, and its lower part at 0.5 of the second."""

    children_left = (1, -1, 3, 5, -1, -1, -1)
    children_right = (2, -1, 4, 6, -1, -1, -1)
    feature = (0, -2, 1, 1, -2, -2, -2)
    threshold = (1.0, -2, 2.0, 0.5, -2, -2, -2)


def test_leaves_are_boxes_that_share_no_run() -> None:
    beyond = [float(np.nextafter(cut, INF)) for cut in (1.0, 2.0, 0.5)]
    assert sorted(ends(one) for one in _leaves(Tree, 2)) == sorted(
        [
            [(-INF, 1.0), (-INF, INF)],
            [(beyond[0], INF), (beyond[1], INF)],
            [(beyond[0], INF), (-INF, 0.5)],
            [(beyond[0], INF), (beyond[2], 2.0)],
        ]
    )


def test_leaves_that_are_dense_enough_by_their_cases() -> None:
    pytest.importorskip("sklearn")
    x = np.arange(100.0)[:, None]
    y = (x[:, 0] < 20) | ((x[:, 0] >= 40) & (x[:, 0] < 70))
    find = tree_boxes(np.random.default_rng(1))
    boxes, leaves = find(x, y, 0.9, 3)
    assert [int(one.contains(x).sum()) for one in boxes] == [30, 20]
    assert sum(int(one.contains(x).sum()) for one in leaves) == 100
    assert len(find(x, y, 0.9, 1)[0]) == 1
    rng = np.random.default_rng(2)
    sparse, many = find(x, rng.random(100) < 0.3, 1.0, 2)
    assert len(sparse) == 1 or len(sparse) == 2
    assert len(many) <= 8  # four leaves for each box asked
    assert min(int(one.contains(x).sum()) for one in many) >= 5


# -- what is said of boxes --------------------------------------------------------------------------------------------
HALVES = [
    room._Half([np.array([True, False]), np.array([True, True])], [0.5, 0.2], [0.9, 0.4]),
    room._Half([np.array([True, True])], [0.7], [0.5]),
    room._Half([np.array([False, True])], [0.6], [np.nan]),
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
            "density elsewhere": 0.7,
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
    assert table["reproduced"].tolist() == pytest.approx([2 / 3, 1 / 3, 1 / 3])
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
