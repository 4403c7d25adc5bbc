"""The classical Runge-Kutta method with steps that also land on the dates at which the equations jump."""

from sdmodel.solve.solver import Solver
from sdmodel.solve.solvers.rk4 import TABLEAU

SOLVER = Solver(
    "exact",
    "Runge-Kutta steps of order 4 of TIME STEP, cut at every date at which the equations jump and at reported times.",
    tableau=TABLEAU,
)
