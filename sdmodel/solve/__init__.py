"""Single runs: validation of inputs, solvers, and integration of a `Program` over time."""
