"""Compile a `Structure` to a `Program`, and a `Program` to executable functions."""
