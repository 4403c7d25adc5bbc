"""PRIM: a box of parameters in which something happens often, found by peeling a little at a time [1]_.

Peeling takes off the runs at one end of one parameter, those whose going raises the share of cases most for each run
that is lost [2]_, which lets parameters with few values compete with continuous ones. Pasting puts runs back where that
raises the share.

Written here because the PRIM of ema_workbench 2.5 stops with a TypeError on a column of whole numbers under pandas 3.

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
"""Share of the runs in the box that a peel takes off or a paste puts back."""


@dataclass(frozen=True)
class Box:
    """Limits of each parameter; infinite where it is not limited. A limit lies between two sampled values."""

    low: np.ndarray
    high: np.ndarray

    def holds(self, x: np.ndarray) -> np.ndarray:
        """Which runs lie inside, (runs,), for values (runs, parameters)."""
        return np.asarray(((x >= self.low) & (x <= self.high)).all(axis=1))

    @property
    def limited(self) -> np.ndarray:
        """Which parameters have a limit."""
        return np.asarray(np.isfinite(self.low) | np.isfinite(self.high))

    def free(self, parameter: int) -> Box:
        """The box without the limits of one parameter."""
        low, high = self.low.copy(), self.high.copy()
        low[parameter], high[parameter] = -np.inf, np.inf
        return Box(low, high)


def everything(parameters: int) -> Box:
    """The box without limits."""
    return Box(np.full(parameters, -np.inf), np.full(parameters, np.inf))


def peeled(x: np.ndarray, cases: np.ndarray, least: float) -> list[Box]:
    """Boxes from the whole to the smallest, each a peel of the one before; the last are pasted.

    Parameters
    ----------
    x
        Values (runs, parameters).
    cases
        Which runs are cases, (runs,).
    least
        Smallest share of the runs that a box may hold.
    """
    y = cases.astype(float)
    boxes = [everything(x.shape[1])]
    # Runs inside, sorted by each parameter: (runs inside, parameters).
    order = np.argsort(x, axis=0, kind="stable")
    inside = np.ones(len(x), dtype=bool)
    while True:
        found = _best_peel(x, y, order, boxes[-1], least * len(x))
        if found is None:
            break
        boxes.append(found)
        inside &= found.holds(x)
        keep = inside[order].T
        order = order.T[keep].reshape(x.shape[1], -1).T
    while (wider := _best_paste(x, y, boxes[-1])) is not None:
        boxes.append(wider)
    return boxes


def _best_peel(x: np.ndarray, y: np.ndarray, order: np.ndarray, box: Box, least: float) -> Box | None:
    """The box after the best peel, or None if no peel raises the share of cases."""
    n, parameters = order.shape
    columns = np.arange(parameters)
    total = y[order[:, 0]].sum()
    step = max(int(ALPHA * n), 1)
    best: tuple[float, int, bool, float] | None = None
    for upper in (False, True):
        ranked = order[::-1] if upper else order
        values = x[ranked, columns]
        # All runs with the value of the last run of the peel go with it.
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
    """The box after the best paste, or None if no paste raises the share of cases."""
    inside = box.holds(x)
    n, total = int(inside.sum()), float(y[inside].sum())
    step = max(int(ALPHA * n), 1)
    best: tuple[float, Box] | None = None
    for j in np.flatnonzero(box.limited):
        others = box.free(int(j)).holds(x)
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
            held = wider.holds(x)
            gain = y[held].mean() - total / n
            if gain > 0 and (best is None or gain > best[0]):
                best = (float(gain), wider)
    return None if best is None else best[1]
