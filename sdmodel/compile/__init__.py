"""Model to Program, and Program to functions that compute: `python` for one run."""

from sdmodel.compile.lower import constant_values, lower, program_of
from sdmodel.compile.program import Program

__all__ = ["Program", "constant_values", "lower", "program_of"]
