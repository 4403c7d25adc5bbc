"""Modes of behaviour: shapes of the path of a variable in textbook terms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sdmodel.core.errors import UnknownNameError


def rises(y: np.ndarray) -> float:
    """Final minus initial value."""
    return float(y[-1] - y[0])


def falls(y: np.ndarray) -> float:
    """Initial minus final value."""
    return float(y[0] - y[-1])


def higher(y: np.ndarray) -> float:
    """Mean if the path never falls below minus a twentieth of it, else 0."""
    return float(y.mean()) if y.min() >= -0.05 * abs(y.mean()) else 0.0


def lower(y: np.ndarray) -> float:
    """As `higher` for the negative path."""
    return higher(-y)


def peaks(y: np.ndarray) -> float:
    """Rises, then falls: the smaller of the two."""
    return float(y.max() - max(y[0], y[-1]))


def dips(y: np.ndarray) -> float:
    """Falls, then rises: the smaller of the two."""
    return float(min(y[0], y[-1]) - y.min())


def worse_before_better(y: np.ndarray) -> float:
    """Falls below its start, then ends above it: the smaller of the two."""
    return float(min(y[0] - y[: int(y.argmax()) + 1].min(), y[-1] - y[0]))


def better_before_worse(y: np.ndarray) -> float:
    """Rises above its start, then ends below it: the smaller of the two."""
    return worse_before_better(-y)


def settles(y: np.ndarray) -> float:
    """Range of the path if its last tenth covers at most a hundredth of that, else 0."""
    late = y[-max(2, len(y) // 10) :]
    return float(np.ptp(y)) if np.ptp(late) <= 0.01 * np.ptp(y) else 0.0


def fades(y: np.ndarray) -> float:
    """Largest absolute value if the path ends within a twentieth of that from zero, else 0."""
    far = float(np.abs(y).max())
    return far if abs(y[-1]) <= 0.05 * far else 0.0


def s_shaped(y: np.ndarray) -> float:
    """Rise if the slope at both ends is at most two thirds of the largest slope, else 0."""
    slope = np.diff(y)
    top = float(slope.max())
    bends = top > 0 and max(slope[0], slope[-1]) <= top / 1.5
    return rises(y) if bends else 0.0


def stays(y: np.ndarray) -> float:
    """Minus the range of the path."""
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
"""Shapes by name; each function gives the strength in the unit of the path."""


def strength(y: np.ndarray, shape: str) -> float:
    """Strength of a shape in the unit of the path; zero or less if absent.

    Raises
    ------
    UnknownNameError
        If the shape is unknown.

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
    """Modes of many paths: index into `MODES`.

    Parameters
    ----------
    paths
        Paths along the last axis.
    least
        Smallest change that counts, relative to the largest value of the path.

    Returns
    -------
    numpy.ndarray
        `stays` for smaller changes; `peaks` or `dips` where the path exceeds both ends by that much (the larger of the
        two); else `rises` or `falls`.
    """
    first, last = paths[..., 0], paths[..., -1]
    up = paths.max(-1) - np.maximum(first, last)
    down = np.minimum(first, last) - paths.min(-1)
    size = least * np.abs(paths).max(-1)
    out = np.where(last >= first, 0, 1)
    turned = np.maximum(up, down) > size
    out = np.where(turned, np.where(up >= down, 2, 3), out)
    return np.where(~turned & (np.abs(last - first) <= size), 4, out)
