"""Best policies under limits and Pareto fronts."""
