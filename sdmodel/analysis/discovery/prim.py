"""PRIM: the patient rule induction method, which finds a box of parameters that holds many cases [1]_.

A peel removes the runs at one end of one parameter: the removal that raises the density of cases most per run removed
[2]_, so that parameters with few values compete with continuous ones. A paste adds runs back where that raises it.

Own code because the PRIM of ema_workbench 2.5 raises a TypeError for a column of integers under pandas 3.

References
----------
.. [1] Friedman, J. H. and Fisher, N. I. (1999). Bump hunting in high-dimensional data. Statistics and Computing 9,
   123-143. https://doi.org/10.1023/A:1008894516817
.. [2] Kwakkel, J. H. and Jaxa-Rozen, M. (2016). Improving scenario discovery for handling heterogeneous uncertainties
   and multinomial classified outcomes. Environmental Modelling & Software 79, 311-321.
   https://doi.org/10.1016/j.envsoft.2015.11.020
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ALPHA = 0.05
"""Share of the runs in the box that a peel removes or a paste adds."""


@dataclass(frozen=True)
class Box:
    """Restrictions of each parameter, infinite where there is none. They lie between two sampled values."""

    low: np.ndarray
    high: np.ndarray

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Whether each run lies inside, shape (runs,), for values of shape (runs, parameters)."""
        return np.asarray(((x >= self.low) & (x <= self.high)).all(axis=1))

    @property
    def limited(self) -> np.ndarray:
        """Whether each parameter is restricted."""
        return np.asarray(np.isfinite(self.low) | np.isfinite(self.high))

    def without_limit(self, parameter: int) -> Box:
        """The box without the restriction of one parameter."""
        low, high = self.low.copy(), self.high.copy()
        low[parameter], high[parameter] = -np.inf, np.inf
        return Box(low, high)


def unlimited_box(parameters: int) -> Box:
    """The box that contains everything."""
    return Box(np.full(parameters, -np.inf), np.full(parameters, np.inf))


def peel(x: np.ndarray, cases: np.ndarray, least: float) -> list[Box]:
    """Peeling trajectory: boxes from the whole space to the smallest, followed by pastes of the last.

    Parameters
    ----------
    x
        Values, shape (runs, parameters).
    cases
        Whether each run is a case, shape (runs,).
    least
        Smallest share of the runs that a box may contain.
    """
    y = cases.astype(float)
    boxes = [unlimited_box(x.shape[1])]
    # Runs inside, sorted by each parameter: shape (runs inside, parameters).
    order = np.argsort(x, axis=0, kind="stable")
    inside = np.ones(len(x), dtype=bool)
    while True:
        found = _best_peel(x, y, order, boxes[-1], least * len(x))
        if found is None:
            break
        boxes.append(found)
        inside &= found.contains(x)
        keep = inside[order].T
        order = order.T[keep].reshape(x.shape[1], -1).T
    while (wider := _best_paste(x, y, boxes[-1])) is not None:
        boxes.append(wider)
    return boxes


def _best_peel(x: np.ndarray, y: np.ndarray, order: np.ndarray, box: Box, least: float) -> Box | None:
    """The box after the best peel, or None if no peel raises the density."""
    n, parameters = order.shape
    columns = np.arange(parameters)
    total = y[order[:, 0]].sum()
    step = max(int(ALPHA * n), 1)
    best: tuple[float, int, bool, float] | None = None
    for upper in (False, True):
        ranked = order[::-1] if upper else order
        values = x[ranked, columns]
        # Runs tied with the last one removed are removed with it.
        count = np.full(parameters, step)
        for tied in np.flatnonzero(values[step - 1] == values[min(step, n - 1)]):
            own, last = values[:, tied], values[step - 1, tied]
            count[tied] = np.count_nonzero(own >= last if upper else own <= last)
        sums = np.cumsum(y[ranked[: int(count.max())]], axis=0)[count - 1, columns]
        left = n - count
        possible = left >= max(least, 1)
        gain = np.full(parameters, -np.inf)
        gain[possible] = ((total - sums) / np.maximum(left, 1) - total / n)[possible] / count[possible]
        j = int(np.argmax(gain))
        if gain[j] > 0 and (best is None or gain[j] > best[0]):
            cut = (values[count[j] - 1, j] + values[count[j], j]) / 2
            best = (float(gain[j]), j, upper, float(cut))
    if best is None:
        return None
    low, high = box.low.copy(), box.high.copy()
    (high if best[2] else low)[best[1]] = best[3]
    return Box(low, high)


def _best_paste(x: np.ndarray, y: np.ndarray, box: Box) -> Box | None:
    """The box after the best paste, or None if no paste raises the density."""
    inside = box.contains(x)
    n, total = int(inside.sum()), float(y[inside].sum())
    step = max(int(ALPHA * n), 1)
    best: tuple[float, Box] | None = None
    for j in np.flatnonzero(box.limited):
        others = box.without_limit(int(j)).contains(x)
        for upper in (False, True):
            limit = (box.high if upper else box.low)[j]
            if not np.isfinite(limit):
                continue
            beyond = np.sort(x[others & (x[:, j] > limit if upper else x[:, j] < limit), j])
            if not len(beyond):
                continue
            ranked = beyond if upper else beyond[::-1]
            last = ranked[min(step, len(ranked)) - 1]
            further = ranked[ranked > last] if upper else ranked[ranked < last]
            low, high = box.low.copy(), box.high.copy()
            edge = (last + further[0]) / 2 if len(further) else (np.inf if upper else -np.inf)
            (high if upper else low)[j] = edge
            wider = Box(low, high)
            held = wider.contains(x)
            gain = y[held].mean() - total / n
            if gain > 0 and (best is None or gain > best[0]):
                best = (float(gain), wider)
    return None if best is None else best[1]
