"""Explicit Runge-Kutta methods as Butcher tableaux: what the Python engine and the compiled lanes step by."""

from __future__ import annotations

from dataclasses import dataclass

Weights = tuple[tuple[float, ...], float]
"""Weights of the slopes of earlier stages, and the number by which their weighted sum is divided."""

ROUGH = 1 / 32
"""A step is rough for a state if the error weights give more than this part of its size before and after the step."""
FEW_ROUGH = 3
"""Fewer rough steps than this, as at the start of a chain of empty stocks, are no sign that steps are too long."""


@dataclass(frozen=True, slots=True)
class Tableau:
    """An explicit Runge-Kutta method; a weighted sum of slopes is ``(w0*k0 + w1*k1 + ...) / divisor``.

    Weights are written over a common divisor so that every engine sums them alike, to the last bit.

    Parameters
    ----------
    order
        Order of accuracy.
    step
        Weights of the slopes over the step, one a stage.
    stages
        For each stage but the first the weights of the stages before it.
    error
        Weights of a difference of slopes that vanishes as the step does, times the step a coarse measure of its error
        and of stiffness; empty if there is none.

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
        """Time of each stage as a part of the step."""
        return (0.0, *(sum(weights) / divisor for weights, divisor in self.stages))

    @property
    def moments(self) -> tuple[float, ...]:
        """The different times among the nodes, in the order of the stages."""
        return tuple(dict.fromkeys(self.nodes))
