"""Modes of behaviour: what the path of a variable looks like, in words that textbooks use."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdmodel.core.errors import UnknownNameError


def rises(y: np.ndarray) -> float:
    """Ends above where it began."""
    return float(y[-1] - y[0])


def falls(y: np.ndarray) -> float:
    """Ends below where it began."""
    return float(y[0] - y[-1])


def higher(y: np.ndarray) -> float:
    """Never below zero by much: its mean, if it is nowhere below a twentieth of that under zero."""
    return float(y.mean()) if y.min() >= -0.05 * abs(y.mean()) else 0.0


def lower(y: np.ndarray) -> float:
    """Never above zero by much: minus its mean, as for `higher`."""
    return higher(-y)


def peaks(y: np.ndarray) -> float:
    """Rises, then falls: the lesser of the two."""
    return float(y.max() - max(y[0], y[-1]))


def dips(y: np.ndarray) -> float:
    """Falls, then rises: the lesser of the two."""
    return float(min(y[0], y[-1]) - y.min())


def worse_before_better(y: np.ndarray) -> float:
    """Falls below its start before it ends above it: the lesser of the two."""
    return float(min(y[0] - y[: int(y.argmax()) + 1].min(), y[-1] - y[0]))


def better_before_worse(y: np.ndarray) -> float:
    """Rises above its start before it ends below it: the lesser of the two."""
    return worse_before_better(-y)


def settles(y: np.ndarray) -> float:
    """Moves, and comes to rest: how far it moves if the last tenth of its path holds at most a hundredth of that."""
    late = y[-max(2, len(y) // 10) :]
    return float(np.ptp(y)) if np.ptp(late) <= 0.01 * np.ptp(y) else 0.0


def fades(y: np.ndarray) -> float:
    """Moves away and comes back to nothing: how far it goes if it ends within a twentieth of that from zero."""
    far = float(np.abs(y).max())
    return far if abs(y[-1]) <= 0.05 * far else 0.0


def s_shaped(y: np.ndarray) -> float:
    """Rises ever faster, then ever slower: how far it rises if its steepest part lies inside and its ends are flatter.

    The ends are flatter if their slope is at most two thirds of the steepest.
    """
    slope = np.diff(y)
    top = float(slope.max())
    bends = top > 0 and max(slope[0], slope[-1]) <= top / 1.5
    return rises(y) if bends else 0.0


def stays(y: np.ndarray) -> float:
    """Moves less than the least change: minus how far it moves."""
    return -float(np.ptp(y))


SHAPES: dict[str, Callable[[np.ndarray], float]] = {
    "rises": rises,
    "falls": falls,
    "higher": higher,
    "lower": lower,
    "peaks": peaks,
    "dips": dips,
    "worse before better": worse_before_better,
    "better before worse": better_before_worse,
    "settles": settles,
    "fades": fades,
    "S-shaped": s_shaped,
    "stays": stays,
}
"""Shapes by word: each gives how strongly a path shows it, in the unit of the path."""


def strength(y: np.ndarray, shape: str) -> float:
    """How strongly a path shows a shape, in the unit of the path; zero or less if it does not.

    Raises
    ------
    UnknownNameError
        If there is no such shape.

    Examples
    --------
    >>> import numpy as np
    >>> from sdmodel.validation.confidence.behaviour_modes import strength
    >>> float(strength(np.array([1.0, 3.0, 2.0]), "peaks"))
    1.0
    """
    if shape not in SHAPES:
        raise UnknownNameError(shape, SHAPES, "shape", f"There are {', '.join(SHAPES)}.")
    return SHAPES[shape](y)


MODES = ("rises", "falls", "peaks", "dips", "stays")


def modes(paths: np.ndarray, least: float = 0.02) -> np.ndarray:
    """The mode of many paths at once: position in `MODES`.

    Parameters
    ----------
    paths
        Paths along the last axis.
    least
        Least change that counts, as a share of the largest value of the path.

    Returns
    -------
    numpy.ndarray
        `stays` where nothing changes by that much; `peaks` or `dips` where the path turns by that much beyond both
        ends (the larger of the two); else `rises` or `falls`.
    """
    first, last = paths[..., 0], paths[..., -1]
    up = paths.max(-1) - np.maximum(first, last)
    down = np.minimum(first, last) - paths.min(-1)
    size = least * np.abs(paths).max(-1)
    out = np.where(last >= first, 0, 1)
    turned = np.maximum(up, down) > size
    out = np.where(turned, np.where(up >= down, 2, 3), out)
    return np.where(~turned & (np.abs(last - first) <= size), 4, out)
