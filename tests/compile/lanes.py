"""What tests of the kernel share: a function of it on arrays, designs, and the same run in Python."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence

import numpy as np
from emulation import emulated

from sdmodel.compile.llvm.ir import Body, Machine, function
from sdmodel.compile.llvm.job import aligned
from sdmodel.compile.llvm.loops import at, loop, times
from sdmodel.compile.llvm.target import compiled, host
from sdmodel.compile.program import Program
from sdmodel.compile.programs import lower
from sdmodel.compile.python.engine import Engine
from sdmodel.model import Model
from sdmodel.solve.integrate import integrate
from sdmodel.solve.registry import solver

METHODS = ("exact", "euler", "rk4")

ARITHMETIC = """
a = 1.5 ~ ~ |
b = 0.4 ~ ~ |
c = -2 ~ ~ |
start = 2.03 ~ ~ |
width = 1.9 ~ ~ |
mass = INTEG(inflow - outflow, a * 10) ~ ~ |
other = INTEG(MIN(mass, 12) * b - other / 3 + bent, 1) ~ ~ |
lagged = SMOOTH3(other, 2) ~ ~ |
piped = DELAY3(inflow, 1.5) ~ ~ |
inflow = IF THEN ELSE(other > 4 :AND: :NOT: mass < 3, a, a * b) * (1 + PULSE(start, width)) + STEP(b, start + 3) ~ ~ |
outflow = mass / MAX(other, 0.5) * b + ABS(c + b * Time) * 0.01 ~ ~ |
bent = RAMP(b / 10, start, start + 4) + MAX(c + Time, 0) * MIN(Time, 5) / 100 ~ ~ |
waves = IF THEN ELSE(MODULO(Time, 3) < b * 3, 1, 0) + PULSE TRAIN(start, 0.3, 1.1, 9) * a ~ ~ |
shaped = WITH LOOKUP(mass, ([(0,0)-(9,9)],(0,1),(5,2),(8,2.5),(12,7),(40,8))) ~ ~ |
even = WITH LOOKUP(other, ((0,1),(1,2),(2,2.5),(3,7),(4,8),(5,3),(6,1),(7,0.5),(8,9))) ~ ~ |
long = WITH LOOKUP(other + lagged, ((0,1),(1.1,2),(2,2.5),(3,7),(4,8),(5,3),(6,1),(7,0.5),(8,9),(9,1),(10,2),(11.5,3),
    (12,1),(13,7),(14,3),(15,4),(16,1),(17,8),(18,2))) ~ ~ |
dated = WITH LOOKUP(Time * a, ((0,1),(2,3),(5.5,1),(9,4))) ~ ~ |
kept = INTEGER(mass * 3.7) + QUANTUM(other, 0.3) + shaped * 0 + even * long + dated + waves ~ ~ |
power = (mass * 0.1) ^ 2 + SQRT(other) + (other > 2) * 0 ~ ~ |
"""
"""Sums, products, choices, lookups, dates and delays: all that must be equal to the last bit."""
CONTROL = ("INITIAL TIME", "FINAL TIME", "TIME STEP", "SAVEPER")

Build = Callable[..., str]
_built: dict[object, tuple[object, Callable[..., None]]] = {}


def _function(name: str, build: Build, count: int, machine: Machine) -> tuple[str, set[str]]:
    """Text of a function of `count` arrays and the array of its values, and what it declares."""
    b = Body(machine)
    names = [f"%x{i}" for i in range(count)]
    with loop(b, "%n") as i:
        offset = times(b, i, 64)
        args = [b.load(at(b, name, offset)) for name in names]
        b.store(build(b, *args), at(b, "%out", offset))
    return function(f"void @{name}({', '.join(f'ptr {n}' for n in names)}, ptr %out, i64 %n)", b), set(b.declared)


def build_all(builds: Sequence[Build], count: int = 1, *, fma: bool, permute: bool = False) -> None:
    """Compile functions together, for `values`: a module costs more than a function of it."""
    texts, declared = zip(
        *(_function(f"f{k}", build, count, Machine(fma, permute)) for k, build in enumerate(builds)), strict=True
    )
    engine = compiled(emulated("\n".join([*sorted(set().union(*declared)), *texts])), host())
    kind = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * (count + 1), ctypes.c_int64)
    for k, build in enumerate(builds):
        _built[build, count, fma, permute] = engine, kind(engine.get_function_address(f"f{k}"))


def values(build: Build, *given: Sequence[float] | np.ndarray, fma: bool, permute: bool = False) -> np.ndarray:
    """`build(b, x, ...)` on arrays, eight lanes at a time."""
    mark = (build, len(given), fma, permute)
    if mark not in _built:
        build_all([build], len(given), fma=fma, permute=permute)
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


def design(program: Program, runs: int, seed: int = 1, spread: float = 0.05) -> np.ndarray:
    """Parameters around the file's, control variables as they are; the first run is the file's."""
    rng = np.random.default_rng(seed)
    out = np.tile(np.array(program.defaults), (runs, 1))
    moved = [i for i, name in enumerate(program.parameters) if name.upper() not in CONTROL]
    out[1:, moved] *= 1 + spread * rng.standard_normal((runs - 1, len(moved)))
    return out


def by_python(
    program: Program, outputs: Sequence[int], p: np.ndarray, times: Sequence[float], method: str,
    series: Sequence[Callable[[float], float]] = (), **draws: int,
) -> np.ndarray:  # fmt: skip
    """Values (outputs, times) of one run."""
    one = Engine(program, outputs)
    bound = one.bind(p.tolist(), series, **draws)
    states, held, _ = integrate(one, bound, list(times), solver(method), 1e-8)
    return np.array([bound.outs(t, y, h) for t, y, h in zip(times, states, held, strict=True)]).T


def programs(model: Model, method: str) -> tuple[Program, list[int]]:
    program = lower(model, fixed=solver(method).on_grid)
    return program, list(program.outputs.values())
