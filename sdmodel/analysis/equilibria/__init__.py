"""Equilibria, their stability and basins, folds and hysteresis."""
