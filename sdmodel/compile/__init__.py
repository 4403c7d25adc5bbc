"""Model to Program, and Program to functions that compute: `python` for one run."""

from sdmodel.compile.program import Program
from sdmodel.compile.programs import constant_values, fits, lower, program_of

__all__ = ["Program", "constant_values", "fits", "lower", "program_of"]
