"""Explicit Runge-Kutta methods as Butcher tableaux: used by the Python engine and the compiled kernel."""

from __future__ import annotations

from dataclasses import dataclass

Weights = tuple[tuple[float, ...], float]
"""Weights of the slopes of earlier stages, and the number by which their weighted sum is divided."""

ROUGH = 1 / 32
"""A step is rough for a state if the error estimate exceeds this fraction of |y_before| + |y_after|."""
FEW_ROUGH = 3
"""Minimum number of rough steps that marks a run as rough; a few occur when initially empty stocks fill."""
PAST_ZERO = 2.0**20
"""What a step adds to the number of rough steps of the kernel in which a stock runs empty and ends below zero.

There, slopes such as -1, 0, -1, 0 cancel in the error estimate. Added whatever the estimate, and more than the uneven
steps of any run, so that a run of a sweep with longer steps is seen to be unlike those of the pilot.
"""
UNEVEN = 1e-3
"""A step is uneven for a state if the error estimate exceeds this smaller fraction and the step is not rough."""
EACH_UNEVEN = 2.0**-30
"""What an uneven step adds to the number of rough steps, so that the kernel counts both in one number."""


@dataclass(frozen=True, slots=True)
class Tableau:
    """An explicit Runge-Kutta method; a weighted sum of slopes is ``(w0*k0 + w1*k1 + ...) / divisor``.

    Weights are written over a common divisor so that the sums of all engines are bitwise identical.

    Parameters
    ----------
    order
        Order of accuracy.
    step
        Weights of the slopes in the step, one per stage.
    stages
        Weights of the earlier stages, for each stage except the first.
    error
        Weights of a combination of slopes that vanishes with the step size; multiplied by the step size it is a coarse
        estimate of the error and of stiffness. Empty if there is none.

    Examples
    --------
    >>> heun = Tableau(order=2, step=((1, 1), 2), stages=(((1,), 1),))
    >>> heun.count, heun.nodes
    (2, (0.0, 1.0))
    """

    order: int
    step: Weights
    stages: tuple[Weights, ...] = ()
    error: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        sizes = [len(weights) for weights, _ in (*self.stages, self.step)]
        if sizes != list(range(1, len(sizes) + 1)) or len(self.error) not in (0, len(sizes)):
            raise ValueError(f"The rows of an explicit tableau have 1, 2, 3 ... weights, not {sizes}.")
        if abs(sum(self.step[0]) - self.step[1]) > 1e-15 * self.step[1] or abs(sum(self.error)) > 1e-15:
            raise ValueError("The weights of the step must add up to their divisor, and those of the error to zero.")

    @property
    def count(self) -> int:
        """Number of stages: evaluations of the net flows per step."""
        return len(self.step[0])

    @property
    def nodes(self) -> tuple[float, ...]:
        """Time of each stage as a fraction of the step."""
        return (0.0, *(sum(weights) / divisor for weights, divisor in self.stages))

    @property
    def moments(self) -> tuple[float, ...]:
        """Distinct values of `nodes`, in the order of the stages."""
        return tuple(dict.fromkeys(self.nodes))
