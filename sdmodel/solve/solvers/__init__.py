"""The solvers, a file each: every module here holds one `SOLVER`, which `sdmodel.solve.registry` finds."""
