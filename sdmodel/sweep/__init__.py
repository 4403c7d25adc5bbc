"""Many runs: a design to an `xarray.Dataset`, one run a row, in memory, on disk or on a cluster."""
