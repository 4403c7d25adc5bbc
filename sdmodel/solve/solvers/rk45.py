"""RK45: an explicit Runge-Kutta pair of orders 5 and 4 (Dormand and Prince 1980)."""

from sdmodel.solve.solver import Solver

SOLVER = Solver("RK45", "Adaptive; explicit Runge-Kutta pair of orders 5 and 4, for equations that are not stiff.")
