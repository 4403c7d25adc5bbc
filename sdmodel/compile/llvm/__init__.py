"""Program to machine code for sweeps: eight runs in the lanes of a vector."""

from sdmodel.compile.llvm.engine import METHODS, Kernel

__all__ = ["METHODS", "Kernel"]
