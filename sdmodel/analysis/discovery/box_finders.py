"""Finders of boxes: PRIM box by box, and the leaves of a tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from sdmodel.analysis.discovery.prim import Box, everything, peeled
from sdmodel.analysis.evaluation import require

_LEAST = 0.05
"""Smallest share of the runs that a box may hold."""
_NOT_BY_CHANCE = 0.05
"""A limit that chance would make with a larger probability is taken away."""

Found = tuple[list[Box], list[Box]]
"""Boxes, and all that were tried on the way to the first."""
Finder = Callable[[np.ndarray, np.ndarray, float, int], Found]


def prim(x: np.ndarray, y: np.ndarray, density: float, most: int) -> Found:
    """Boxes by peeling, each from the runs outside the ones before."""
    left = np.ones(len(x), dtype=bool)
    boxes: list[Box] = []
    first: list[Box] = []
    while len(boxes) < most and y[left].any():
        # The smallest box is a share of all runs, and never of fewer than there are.
        tried = peeled(x[left], y[left], min(_LEAST * len(x) / left.sum(), 1.0))
        chosen = _pruned(_chosen(tried, x[left], y[left], density), x[left], y[left])
        inside = chosen.holds(x) & left
        if boxes and (not chosen.limited.any() or y[inside].mean() < density):
            break
        boxes.append(chosen)
        first = first or tried
        left &= ~inside
        if not left.any():
            break
    return boxes, first


def _chosen(tried: list[Box], x: np.ndarray, y: np.ndarray, density: float) -> Box:
    held = [box.holds(x) for box in tried]
    dense = np.array([y[inside].mean() for inside in held])
    cover = np.array([y[inside].sum() for inside in held])
    good = dense >= density
    if good.any():
        return tried[int(np.argmax(np.where(good, cover, -1)))]
    return tried[int(np.argmax(dense))]


def _pruned(box: Box, x: np.ndarray, y: np.ndarray) -> Box:
    """The box without limits that chance could have made, the worst first."""
    while box.limited.any():
        p = {int(j): chance(box, int(j), x, y) for j in np.flatnonzero(box.limited)}
        worst = max(p, key=lambda j: p[j])
        if p[worst] <= _NOT_BY_CHANCE:
            break
        box = box.free(worst)
    return box


def chance(box: Box, parameter: int, x: np.ndarray, y: np.ndarray) -> float:
    """How probable so many cases are if the limits of one parameter told nothing (Bryant and Lempert's test)."""
    from scipy.stats import binom

    inside, wider = box.holds(x), box.free(parameter).holds(x)
    return float(binom.sf(y[inside].sum() - 1, inside.sum(), y[wider].mean()))


def trees(rng: np.random.Generator) -> Finder:
    """A finder of boxes by a classification tree."""
    require("sklearn", "A tree")
    from sklearn import tree

    seed = int(rng.integers(2**31))

    def find(x: np.ndarray, y: np.ndarray, density: float, most: int) -> Found:
        # Few leaves make boxes with few limits.
        fitted = tree.DecisionTreeClassifier(
            min_samples_leaf=max(int(_LEAST * len(x)), 1), max_leaf_nodes=4 * most, random_state=seed
        ).fit(x, y)
        leaves = _leaves(fitted.tree_, x.shape[1])
        dense = np.array([y[leaf.holds(x)].mean() for leaf in leaves])
        cover = np.array([y[leaf.holds(x)].sum() for leaf in leaves])
        ranked = [leaves[i] for i in np.lexsort((-cover, dense < density)) if dense[i] >= density]
        return ranked[:most] or [leaves[int(np.argmax(dense))]], leaves

    return find


def _leaves(tree: Any, parameters: int) -> list[Box]:
    out = []
    open_ = [(0, everything(parameters))]
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
