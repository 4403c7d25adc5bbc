"""BDF: implicit backward differentiation formulas of orders 1 to 5 (Shampine and Reichelt 1997)."""

from sdmodel.solve.solver import Solver

SOLVER = Solver("BDF", "Adaptive; implicit multi-step formulas of orders 1 to 5, for stiff equations.", stiff=True)
