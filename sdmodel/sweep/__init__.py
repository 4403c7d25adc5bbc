"""Sweeps: run every row of a design and return an `xarray.Dataset`; in memory, on disk or on a cluster."""
