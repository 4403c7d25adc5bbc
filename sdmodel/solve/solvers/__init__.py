"""The solvers, one per file: every module here defines one `SOLVER`, which `sdmodel.solve.registry` finds."""
