"""One run: checked inputs, solvers, and the solution of a `Program` over time."""
