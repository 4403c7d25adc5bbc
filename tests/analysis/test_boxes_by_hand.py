"""Boxes by hand: what is peeled, pasted, chosen and dropped, and what is said of a box in and out of sample."""

from __future__ import annotations

import numpy as np
import pytest

from sdmodel.analysis.discovery import box_finders
from sdmodel.analysis.discovery.box_finders import _chosen, _leaves, _pruned, p_value, prim_boxes, tree_boxes
from sdmodel.analysis.discovery.prim import Box, _best_paste, peel, unlimited_box

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
    middle = np.arange(20.0)[:, None]  # of two ends that gain as much the lower is peeled first
    assert ends(peel(middle, (middle[:, 0] > 4) & (middle[:, 0] < 15), 0.05)[1]) == [(0.5, INF)]


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
    pytest.importorskip("sklearn", reason="the extra sdmodel[analysis] is not installed")
    x = np.arange(100.0)[:, None]
    y = (x[:, 0] < 20) | ((x[:, 0] >= 40) & (x[:, 0] < 70))
    find = tree_boxes(np.random.default_rng(1))
    boxes, leaves = find(x, y, 0.9, 3)
    assert [int(one.contains(x).sum()) for one in boxes] == [30, 20]
    assert sum(int(one.contains(x).sum()) for one in leaves) == 100
    assert len(find(x, y, 0.9, 1)[0]) == 1
    assert [int(one.contains(x).sum()) for one in find(x, y, 1.0, 3)[0]] == [30, 20]  # all of a leaf is enough
    rng = np.random.default_rng(2)
    sparse, many = find(x, rng.random(100) < 0.3, 1.0, 2)
    assert len(sparse) == 1 or len(sparse) == 2
    assert len(many) <= 8  # four leaves for each box asked
    assert min(int(one.contains(x).sum()) for one in many) >= 5
