"""A Program as the C a person would write for speed: eight runs in a vector, Euler steps, the C library's vector maths.

It is what the library's kernel is measured against: GCC vector extensions, `libmvec`, lookups by permutes in registers,
what follows from parameters hoisted out of the steps, contraction as the compiler likes it, initial values and the
transposition of the result included.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from sdmodel.compile.events import RUN, clock_of
from sdmodel.compile.program import Program

HEAD = """
#include <immintrin.h>
#include <math.h>
typedef __m512d v;
typedef __mmask8 m8;
v _ZGVeN8v_exp(v); v _ZGVeN8v_log(v); v _ZGVeN8v_tanh(v); v _ZGVeN8vv_pow(v, v);
"""
"""Operators work on `v` as they do on doubles; `_ZGVeN8v_exp` is the exponential of libmvec on eight doubles."""

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_CALLS = {"exp": "_ZGVeN8v_exp", "ln": "_ZGVeN8v_log", "tanh": "_ZGVeN8v_tanh", "min": "_mm512_min_pd",
          "max": "_mm512_max_pd", "abs": "_mm512_abs_pd"}  # fmt: skip
_COMPARE = {"lt": "_CMP_LT_OQ", "le": "_CMP_LE_OQ", "gt": "_CMP_GT_OQ", "ge": "_CMP_GE_OQ", "eq": "_CMP_EQ_OQ",
            "ne": "_CMP_NEQ_UQ"}  # fmt: skip
_TRUE = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


def usable() -> str:
    """Why the kernel cannot be built here, or an empty text."""
    if shutil.which("gcc") is None:
        return "there is no gcc"
    flags = Path("/proc/cpuinfo")
    if not flags.exists() or "avx512f" not in flags.read_text():
        return "this processor has no AVX-512"
    return ""


class CKernel:
    """The compiled C of a Program made for the TIME STEP grid; needs gcc and AVX-512."""

    def __init__(self, program: Program, outputs: Sequence[int], folder: Path) -> None:
        self.parameters, self.outputs = len(program.parameters), len(outputs)
        source, library = folder / "kernel.c", folder / "kernel.so"
        source.write_text(HEAD + _runs(program, outputs))
        command = ["gcc", "-O3", "-march=native", "-mprefer-vector-width=512", "-shared", "-fPIC", "-o", str(library)]
        subprocess.run([*command, str(source), "-lmvec", "-lm"], check=True, capture_output=True)
        self.function = ctypes.CDLL(str(library)).runs

    def run(self, parameters: np.ndarray, start: float, step: float, steps: int, per: int, threads: int) -> np.ndarray:
        """Values (runs, outputs, reports) at every `per`-th step."""
        runs, reports = len(parameters), steps // per + 1
        out = np.empty((runs, self.outputs, reports))
        size = -(-runs // (4 * threads * 8)) * 8

        def solve(low: int) -> None:
            count = min(size, runs - low)
            whole, address, real = ctypes.c_long, ctypes.c_void_p, ctypes.c_double
            given, place = address(parameters[low:].ctypes.data), address(out[low:].ctypes.data)
            self.function(whole(count), given, place, real(start), real(step), whole(steps), whole(per))

        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(solve, range(0, runs, size)))
        return out


def arguments(program: Program, node: int) -> list[int]:
    """Nodes that a node needs."""
    op, *args = program.nodes[node]
    if op in ("const", "param", "state", "time"):
        return []
    return [int(a) for a in (args[1:] if op == "lookup" else args)]


def reached(program: Program, targets: Sequence[int]) -> list[int]:
    """Nodes that others need within a step, in order."""
    seen: set[int] = set()
    stack = list(targets)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            stack.extend(arguments(program, node))
    return sorted(seen)


def alive_states(program: Program, outputs: Sequence[int]) -> list[int]:
    """States that the outputs depend on."""
    alive: set[int] = set()
    while True:
        nodes = reached(program, [*outputs, *(program.states[s].rate for s in alive)])
        more = {int(program.nodes[n][1]) for n in nodes if program.nodes[n][0] == "state"}
        if more == alive:
            return sorted(alive)
        alive = more


def _runs(program: Program, outputs: Sequence[int]) -> str:
    classes = clock_of(program).classes
    states = alive_states(program, outputs)
    rates = [program.states[s].rate for s in states]
    nodes = reached(program, [*outputs, *rates])
    once = [n for n in nodes if classes[n] == RUN]
    starts = [program.states[s].initial for s in states]
    before = [_statement(program, n) for n in reached(program, [*once, *starts])]
    each = [_statement(program, n) for n in reached(program, rates) if classes[n] != RUN]
    shown = [_statement(program, n) for n in reached(program, outputs) if classes[n] != RUN]
    lines = [
        "void runs(long count, const double *restrict p, double *restrict out, double t0, double dt, long steps,",
        "          long per) {",
        "for (long g = 0; g < count; g += 8) {",
        f"  long n = count - g < 8 ? count - g : 8, reports = steps / per + 1; v par[{len(program.parameters) or 1}];",
        f"  for (int i = 0; i < {len(program.parameters)}; i++) for (int l = 0; l < 8; l++)",
        f"    par[i][l] = p[(g + (l < n ? l : n - 1)) * {len(program.parameters)} + i];",
        *before,
        *(f"  v y{s} = (v){{}} + v{program.states[s].initial};" for s in states),
        "  for (long k = 0; ; k++) { double t = t0 + k * dt;",
        "    if (k % per == 0) {",
        *shown,
        f"      v shown[{len(outputs)}] = {{{', '.join(f'(v){{}} + v{o}' for o in outputs)}}};",
        f"      for (int o = 0; o < {len(outputs)}; o++) for (int l = 0; l < n; l++)",
        f"        out[((g + l) * {len(outputs)} + o) * reports + k / per] = shown[o][l];",
        "      if (k >= steps) break; }",
        *each,
        *(f"    y{s} += dt * v{r};" for s, r in zip(states, rates, strict=True)),
        "  } } }",
    ]
    return "\n".join(lines) + "\n"


def _statement(program: Program, node: int) -> str:
    op, *raw = program.nodes[node]
    a = [f"v{x}" for x in arguments(program, node)]
    if op == "const":
        return f"  const double v{node} = {float(raw[0])!r};"
    if op == "param":
        return f"  const v v{node} = par[{raw[0]}];"
    if op == "state":
        return f"  const v v{node} = y{raw[0]};"
    if op == "time":
        return f"  const double v{node} = t;"
    if op == "lookup":
        return _lookup(program, node, int(raw[0]), a[0])
    a = [f"((v){{}} + {x})" if _scalar(program, int(x[1:])) else x for x in a]
    if op == "select":
        choose = _truth(program, arguments(program, node)[0])
        return f"  const v v{node} = _mm512_mask_blend_pd({choose}, {a[2]}, {a[1]});"
    if op in _COMPARE:
        return f"  const m8 m{node} = _mm512_cmp_pd_mask({a[0]}, {a[1]}, {_COMPARE[str(op)]});"
    if op in ("and", "or"):
        sides = [_truth(program, x) for x in arguments(program, node)]
        return f"  const m8 m{node} = {sides[0]} {'&' if op == 'and' else '|'} {sides[1]};"
    if op == "pow":
        exponent = program.nodes[arguments(program, node)[1]]
        if exponent[0] == "const" and float(exponent[1]) in (2.0, 3.0):
            return f"  const v v{node} = {' * '.join([a[0]] * int(float(exponent[1])))};"
        return f"  const v v{node} = _ZGVeN8vv_pow({a[0]}, {a[1]});"
    if op in _INFIX:
        return f"  const v v{node} = {a[0]} {_INFIX[str(op)]} {a[1]};"
    if op == "neg":
        return f"  const v v{node} = -{a[0]};"
    if op in _CALLS:
        return f"  const v v{node} = {_CALLS[str(op)]}({', '.join(a)});"
    raise ValueError(f"the C generator does not know {op}")


def _scalar(program: Program, node: int) -> bool:
    return program.nodes[node][0] in ("const", "time")


def _truth(program: Program, node: int) -> str:
    return f"m{node}" if program.nodes[node][0] in _TRUE else f"_mm512_cmp_pd_mask(v{node}, (v){{}}, _CMP_NEQ_UQ)"


def _lookup(program: Program, node: int, index: int, x: str) -> str:
    """Segments by counting knots, slope and offset by permutes in registers: the fastest of the ways measured."""
    table = program.tables[index]
    xs, ys = table.x, table.y
    slopes = [(b - a) / (d - c) for a, b, c, d in zip(ys, ys[1:], xs, xs[1:], strict=False)] + [0.0]
    offsets = [y - s * a for y, s, a in zip(ys, slopes, xs, strict=True)]
    size = 8 if len(xs) <= 8 else 16
    if len(xs) > size:
        raise ValueError("the C generator knows lookups of up to 16 points")

    def fetch(values: Sequence[float]) -> str:
        padded = [*values, *[0.0] * (size - len(values))]
        parts = ["(v){" + ", ".join(map(repr, padded[i : i + 8])) + "}" for i in range(0, size, 8)]
        if size == 8:
            return f"_mm512_permutexvar_pd(i{node}, {parts[0]})"
        return f"_mm512_permutex2var_pd({parts[0]}, i{node}, {parts[1]})"

    up = "\n".join(
        f"  i{node} = _mm512_mask_add_epi64(i{node}, _mm512_cmp_pd_mask(x{node}, (v){{}} + {a!r}, _CMP_GE_OQ), "
        f"i{node}, _mm512_set1_epi64(1));"
        for a in xs[1:]
    )
    ends = f"_mm512_min_pd(_mm512_max_pd({x}, (v){{}} + {xs[0]!r}), (v){{}} + {xs[-1]!r})"
    return (
        f"  const v x{node} = {ends}; __m512i i{node} = _mm512_setzero_si512();\n{up}\n"
        f"  const v v{node} = {fetch(offsets)} + {fetch(slopes)} * x{node};"
    )
