"""LSODA: Adams and BDF formulas, switched as the equations turn stiff (Petzold 1983)."""

from sdmodel.solve.solver import Solver

SOLVER = Solver("LSODA", "Adaptive; switches between Adams formulas and BDF as the equations turn stiff.", stiff=True)
