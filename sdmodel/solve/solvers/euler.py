"""Euler's method on the TIME STEP grid: the net flows at the start of a step apply to the whole step."""

from sdmodel.core.tableau import Tableau
from sdmodel.solve.solver import Solver

SOLVER = Solver(
    "euler",
    "Euler's steps on the TIME STEP grid, as Vensim's Euler.",
    tableau=Tableau(order=1, step=((1.0,), 1.0)),
    on_grid=True,
)
