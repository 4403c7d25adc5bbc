"""Search for boxes: PRIM, box by box, and the leaves of a classification tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdmodel.analysis.discovery.prim import Box, peel, unlimited_box
from sdmodel.analysis.evaluation import require

_MIN_MASS = 0.05
"""Smallest share of the runs that a box may contain."""
_SIGNIFICANCE = 0.05
"""Significance level: a restriction with a larger p-value is dropped."""

Found = tuple[list[Box], list[Box]]
"""Boxes, and the candidates for the first."""
Finder = Callable[[np.ndarray, np.ndarray, float, int], Found]


def prim_boxes(x: np.ndarray, y: np.ndarray, density: float, most: int) -> Found:
    """Boxes by peeling, each from the runs outside the previous ones."""
    left = np.ones(len(x), dtype=bool)
    boxes: list[Box] = []
    first: list[Box] = []
    while len(boxes) < most and y[left].any():
        # The smallest mass is a share of all runs, but at most of those that are left.
        tried = peel(x[left], y[left], min(_MIN_MASS * len(x) / left.sum(), 1.0))
        chosen = _pruned(_chosen(tried, x[left], y[left], density), x[left], y[left])
        inside = chosen.contains(x) & left
        if boxes and (not chosen.limited.any() or y[inside].mean() < density):
            break
        boxes.append(chosen)
        first = first or tried
        left &= ~inside
        if not left.any():
            break
    return boxes, first


def _chosen(tried: list[Box], x: np.ndarray, y: np.ndarray, density: float) -> Box:
    held = [box.contains(x) for box in tried]
    dense = np.array([y[inside].mean() for inside in held])
    cover = np.array([y[inside].sum() for inside in held])
    good = dense >= density
    if good.any():
        return tried[int(np.argmax(np.where(good, cover, -1)))]
    return tried[int(np.argmax(dense))]


def _pruned(box: Box, x: np.ndarray, y: np.ndarray) -> Box:
    """Drop restrictions that are not significant, the least significant first."""
    while box.limited.any():
        p = {int(j): p_value(box, int(j), x, y) for j in np.flatnonzero(box.limited)}
        worst = max(p, key=lambda j: p[j])
        if p[worst] <= _SIGNIFICANCE:
            break
        box = box.without_limit(worst)
    return box


def p_value(box: Box, parameter: int, x: np.ndarray, y: np.ndarray) -> float:
    """Quasi-p value of the restriction of one parameter: binomial test against the box without it (Bryant, Lempert)."""
    from scipy.stats import binom

    inside, wider = box.contains(x), box.without_limit(parameter).contains(x)
    return float(binom.sf(y[inside].sum() - 1, inside.sum(), y[wider].mean()))


def tree_boxes(rng: np.random.Generator) -> Finder:
    """Box finder from a classification tree."""
    require("sklearn", "A tree")
    from sklearn import tree

    seed = int(rng.integers(2**31))

    def find(x: np.ndarray, y: np.ndarray, density: float, most: int) -> Found:
        # Few leaves make boxes with few restrictions.
        fitted = tree.DecisionTreeClassifier(
            min_samples_leaf=max(int(_MIN_MASS * len(x)), 1), max_leaf_nodes=4 * most, random_state=seed
        ).fit(x, y)
        leaves = _leaves(fitted.tree_, x.shape[1])
        dense = np.array([y[leaf.contains(x)].mean() for leaf in leaves])
        cover = np.array([y[leaf.contains(x)].sum() for leaf in leaves])
        ranked = [leaves[i] for i in np.lexsort((-cover, dense < density)) if dense[i] >= density]
        return ranked[:most] or [leaves[int(np.argmax(dense))]], leaves

    return find


def _leaves(tree: Any, parameters: int) -> list[Box]:
    out = []
    open_ = [(0, unlimited_box(parameters))]
    while open_:
        node, box = open_.pop()
        if tree.children_left[node] < 0:
            out.append(box)
            continue
        j, cut = int(tree.feature[node]), float(tree.threshold[node])
        below, above = box.high.copy(), box.low.copy()
        below[j], above[j] = min(cut, below[j]), max(np.nextafter(cut, np.inf), above[j])
        open_.append((int(tree.children_left[node]), Box(box.low, below)))
        open_.append((int(tree.children_right[node]), Box(above, box.high)))
    return out
