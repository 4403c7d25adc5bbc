"""Compile a `Program` to plain Python functions on floats, for single runs."""
