"""A function written for the kernel, on arrays: what tests call to see its numbers."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sdmodel.compile.llvm.engine import compiled, host
from sdmodel.compile.llvm.job import aligned
from sdmodel.compile.llvm.loops import at, loop, times
from sdmodel.compile.llvm.text import Body, Machine, function

_built: dict[object, tuple[object, Callable[..., None]]] = {}


def _build(
    build: Callable[..., str], count: int, machine: Machine, tables: Mapping[str, str]
) -> tuple[object, Callable[..., None]]:
    b = Body(machine)
    names = [f"%x{i}" for i in range(count)]
    with loop(b, "%n") as i:
        offset = times(b, i, 64)
        args = [b.load(at(b, name, offset)) for name in names]
        b.store(build(b, *args), at(b, "%out", offset))
    head = f"void @f({', '.join(f'ptr {n}' for n in names)}, ptr %out, i64 %n)"
    engine = compiled("\n".join([*tables.values(), *sorted(b.declared), function(head, b)]), host())
    kinds = [ctypes.c_void_p] * (count + 1)
    return engine, ctypes.CFUNCTYPE(None, *kinds, ctypes.c_int64)(engine.get_function_address("f"))


def values(
    build: Callable[..., str], *given: Sequence[float] | np.ndarray, fma: bool, permute: bool = False,
    tables: Mapping[str, str] | None = None,
) -> np.ndarray:  # fmt: skip
    """`build(b, x, ...)` on arrays, eight lanes at a time; `tables` is the text of what it reads from memory."""
    mark = (build, len(given), fma, permute)
    if mark not in _built:
        _built[mark] = _build(build, len(given), Machine(fma, permute), {} if tables is None else tables)
    size = len(given[0])
    rows = -(-size // 8)
    blocks = []
    for x in given:
        block = aligned((rows, 8))
        block.reshape(-1)[:size], block.reshape(-1)[size:] = x, 1.0
        blocks.append(block)
    out = aligned((rows, 8))
    _built[mark][1](*(b.ctypes.data for b in blocks), out.ctypes.data, rows)
    return out.reshape(-1)[:size].copy()
