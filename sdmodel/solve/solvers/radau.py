"""Radau: an implicit Runge-Kutta method of order 5 (Hairer and Wanner 1996)."""

from sdmodel.solve.solver import Solver

SOLVER = Solver("Radau", "Adaptive; implicit Runge-Kutta method of order 5, for stiff equations.", stiff=True)
