"""DOP853: an explicit Runge-Kutta method of order 8 (Hairer, Norsett and Wanner 1993)."""

from sdmodel.solve.solver import Solver

SOLVER = Solver("DOP853", "Adaptive; explicit Runge-Kutta method of order 8, for tight tolerances.")
