"""RK23: an explicit Runge-Kutta pair of orders 3 and 2 (Bogacki and Shampine 1989)."""

from sdmodel.solve.solver import Solver

SOLVER = Solver("RK23", "Adaptive; explicit Runge-Kutta pair of orders 3 and 2, for loose tolerances.")
