"""The `Solver` class, an entry of the registry."""

from __future__ import annotations

from dataclasses import dataclass

from sdmodel.core.tableau import Tableau


@dataclass(frozen=True, slots=True)
class Solver:
    """A method that solves runs.

    Parameters
    ----------
    name
        Value of the argument `method`. Without a tableau it must be a method of `scipy.integrate.solve_ivp`.
    summary
        One sentence for the documentation.
    tableau
        The explicit Runge-Kutta method; sweeps run it compiled, eight runs at a time. None for
        scipy's adaptive solvers, which restart at the dates at which the equations jump.
    on_grid
        Whether it steps on the TIME STEP grid, with Vensim's time functions; else its steps land on the
        dates at which the equations jump. Needs a tableau.
    stiff
        Whether it is efficient for stiff models.
    """

    name: str
    summary: str
    tableau: Tableau | None = None
    on_grid: bool = False
    stiff: bool = False

    def __post_init__(self) -> None:
        if self.on_grid and self.tableau is None:
            raise ValueError(f"The solver {self.name!r} steps on the grid and needs a tableau.")

    @property
    def adaptive(self) -> bool:
        """Whether it chooses its steps by error control."""
        return self.tableau is None

    @property
    def steps(self) -> Tableau:
        """The tableau; the solver must have one."""
        assert self.tableau is not None, self.name
        return self.tableau
