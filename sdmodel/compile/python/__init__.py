"""`Program` to plain Python functions on floats, for one run."""
