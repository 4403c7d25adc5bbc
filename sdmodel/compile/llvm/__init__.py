"""Compile a Program to machine code for sweeps: eight runs in the lanes of a SIMD vector."""

from sdmodel.compile.llvm.engine import Kernel

__all__ = ["Kernel"]
