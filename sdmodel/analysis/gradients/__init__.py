"""Exact derivatives of outcomes with respect to constants and initial values."""
