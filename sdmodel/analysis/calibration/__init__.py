"""Fitting constants to observed series, and what the observations tell about them."""
