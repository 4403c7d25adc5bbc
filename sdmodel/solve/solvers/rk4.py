"""The classical Runge-Kutta method of order 4 on the TIME STEP grid."""

from sdmodel.core.tableau import Tableau
from sdmodel.solve.solver import Solver

TABLEAU = Tableau(
    order=4,
    stages=(((1.0,), 2.0), ((0.0, 1.0), 2.0), ((0.0, 0.0, 1.0), 1.0)),
    step=((1.0, 2.0, 2.0, 1.0), 6.0),
    error=(1.0, -1.0, -1.0, 1.0),  # third order in the step; as large as the state where steps are unstable
)
SOLVER = Solver(
    "rk4", "Runge-Kutta steps of order 4 on the TIME STEP grid, as Vensim's RK4.", tableau=TABLEAU, on_grid=True
)
