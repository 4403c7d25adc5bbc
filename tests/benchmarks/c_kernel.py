"""A Program as the C a person would write for speed: eight runs at once, Euler steps, the C library's vector maths.

It is what the library's kernel is measured against: GCC vector extensions, `libmvec`, lookups in registers, what
follows from parameters hoisted out of the steps, contraction as the compiler likes it, initial values and the
transposition of the result included. Eight runs are one vector of AVX-512 or two of AVX2.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sdmodel.compile.events import RUN, clock_of
from sdmodel.compile.program import Program

HEAD = """
#include <immintrin.h>
#include <math.h>
#ifdef __AVX512F__
enum { W = 8 };
typedef __m512d v; typedef __mmask8 m;
#define OF(name, more, ...) _mm512_##name##_pd##more(__VA_ARGS__)
#define MVEC(kind, name) _ZGVeN8##kind##_##name
#define BLEND(choose, yes, no) _mm512_mask_blend_pd(choose, no, yes)
#define AND(a, b) ((a) & (b))
#define OR(a, b) ((a) | (b))
#define ABS(x) _mm512_abs_pd(x)
#else
enum { W = 4 };
typedef __m256d v; typedef __m256d m;
#define OF(name, more, ...) _mm256_##name##_pd(__VA_ARGS__)
#define MVEC(kind, name) _ZGVdN4##kind##_##name
#define BLEND(choose, yes, no) _mm256_blendv_pd(no, yes, choose)
#define AND(a, b) _mm256_and_pd(a, b)
#define OR(a, b) _mm256_or_pd(a, b)
#define ABS(x) _mm256_andnot_pd(_mm256_set1_pd(-0.0), x)
#endif
v MVEC(v, exp)(v); v MVEC(v, log)(v); v MVEC(v, tanh)(v); v MVEC(vv, pow)(v, v);
"""
"""Operators work on `v` as they do on doubles; `_ZGVeN8v_exp` is the exponential of libmvec on eight doubles."""

_INFIX = {"add": "+", "sub": "-", "mul": "*", "div": "/"}
_CALLS = {"exp": "MVEC(v, exp)(", "ln": "MVEC(v, log)(", "tanh": "MVEC(v, tanh)(", "min": "OF(min, , ",
          "max": "OF(max, , ", "abs": "ABS("}  # fmt: skip
_COMPARE = {"lt": "_CMP_LT_OQ", "le": "_CMP_LE_OQ", "gt": "_CMP_GT_OQ", "ge": "_CMP_GE_OQ", "eq": "_CMP_EQ_OQ",
            "ne": "_CMP_NEQ_UQ"}  # fmt: skip
_TRUE = frozenset({"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"})


def usable() -> str:
    """Why the kernel cannot be built here, or an empty text."""
    if shutil.which("gcc") is None:
        return "there is no gcc"
    if not {"avx512f", "avx2"} & processor_flags():
        return "this processor has neither AVX-512 nor AVX2"
    return ""


def processor_flags() -> set[str]:
    """What the processor can do, in the words of Linux."""
    known = Path("/proc/cpuinfo")
    return set(known.read_text().split()) if known.exists() else set()


class CKernel:
    """The compiled C of a Program made for the TIME STEP grid; needs gcc, and AVX-512 or AVX2."""

    def __init__(self, program: Program, outputs: Sequence[int], folder: Path) -> None:
        self.parameters, self.outputs = len(program.parameters), len(outputs)
        source, library = folder / "kernel.c", folder / "kernel.so"
        source.write_text(HEAD + _runs(program, outputs))
        command = ["gcc", "-O3", "-march=native", "-mprefer-vector-width=512", "-shared", "-fPIC", "-o", str(library)]
        subprocess.run([*command, str(source), "-lmvec", "-lm"], check=True, capture_output=True)
        self.function = ctypes.CDLL(str(library)).runs

    def run(self, parameters: np.ndarray, start: float, step: float, steps: int, per: int) -> np.ndarray:
        """Values (runs, outputs, reports) at every `per`-th step."""
        out = np.empty((len(parameters), self.outputs, steps // per + 1))
        whole, address, real = ctypes.c_long, ctypes.c_void_p, ctypes.c_double
        given, place = address(parameters.ctypes.data), address(out.ctypes.data)
        self.function(whole(len(parameters)), given, place, real(start), real(step), whole(steps), whole(per))
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
    halves = ("0",) if "avx512f" in processor_flags() else ("0", "1")

    def both(statement: str) -> list[str]:
        """A statement for each vector of the eight runs; one of numbers that all runs share stands alone."""
        return [statement.replace("@", h) for h in (halves if "@" in statement else "0")]

    def written(nodes: Sequence[int]) -> list[str]:
        return [line for n in nodes for line in both(_statement(program, n, len(halves) == 1))]

    before = written(reached(program, [*once, *starts]))
    each = written([n for n in reached(program, rates) if classes[n] != RUN])
    shown = written([n for n in reached(program, outputs) if classes[n] != RUN])
    values = ", ".join(one for o in outputs for one in both(f"(v){{}} + {_name(program, o)}"))
    lines = [
        "void runs(long count, const double *restrict p, double *restrict out, double t0, double dt, long steps,",
        "          long per) {",
        "for (long g = 0; g < count; g += 8) {",
        "  long n = count - g < 8 ? count - g : 8, reports = steps / per + 1;",
        f"  v par[{len(program.parameters) or 1}][8 / W];",
        f"  for (int i = 0; i < {len(program.parameters)}; i++) for (int l = 0; l < 8; l++)",
        f"    par[i][l / W][l % W] = p[(g + (l < n ? l : n - 1)) * {len(program.parameters)} + i];",
        *before,
        *(one for s in states for one in both(f"  v y{s}_@ = (v){{}} + {_name(program, program.states[s].initial)};")),
        "  for (long k = 0; ; k++) { double t = t0 + k * dt;",
        "    if (k % per == 0) {",
        *shown,
        f"      v shown[{len(outputs)}][8 / W] = {{{values}}};",
        f"      for (int o = 0; o < {len(outputs)}; o++) for (int l = 0; l < n; l++)",
        f"        out[((g + l) * {len(outputs)} + o) * reports + k / per] = shown[o][l / W][l % W];",
        "      if (k >= steps) break; }",
        *each,
        *(one for s, r in zip(states, rates, strict=True) for one in both(f"    y{s}_@ += dt * {_name(program, r)};")),
        "  } } }",
    ]
    return "\n".join(lines) + "\n"


def _name(program: Program, node: int) -> str:
    """Variable of a node: a number that all runs share, a mask, or a vector of runs."""
    op = program.nodes[node][0]
    return f"v{node}" if op in ("const", "time") else f"{'m' if op in _TRUE else 'v'}{node}_@"


def _statement(program: Program, node: int, permutes: bool) -> str:
    op, *raw = program.nodes[node]
    inner = arguments(program, node)
    if op == "const":
        return f"  const double v{node} = {float(raw[0])!r};".replace("nan", "NAN")
    if op == "time":
        return f"  const double v{node} = t;"
    if op == "lookup":
        return _lookup(program, node, int(raw[0]), _name(program, inner[0]), permutes)
    if op in ("and", "or"):
        return f"  const m m{node}_@ = {op.upper()}({', '.join(_truth(program, x) for x in inner)});"
    a = [f"((v){{}} + {_name(program, x)})" for x in inner]
    if op in _COMPARE:
        return f"  const m m{node}_@ = OF(cmp, _mask, {a[0]}, {a[1]}, {_COMPARE[str(op)]});"
    if op == "param":
        value = f"par[{raw[0]}][@]"
    elif op == "state":
        value = f"y{raw[0]}_@"
    elif op == "select":
        value = f"BLEND({_truth(program, inner[0])}, {a[1]}, {a[2]})"
    elif op == "pow":
        exponent = program.nodes[inner[1]]
        value = f"MVEC(vv, pow)({a[0]}, {a[1]})"
        if exponent[0] == "const" and float(exponent[1]) in (2.0, 3.0):
            value = " * ".join([a[0]] * int(float(exponent[1])))
    elif op in _INFIX:
        value = f"{a[0]} {_INFIX[str(op)]} {a[1]}"
    elif op == "neg":
        value = f"-{a[0]}"
    elif op in _CALLS:
        value = f"{_CALLS[str(op)]}{', '.join(a)})"
    else:
        raise ValueError(f"the C generator does not know {op}")
    return f"  const v v{node}_@ = {value};"


def _truth(program: Program, node: int) -> str:
    name = _name(program, node)
    return name if program.nodes[node][0] in _TRUE else f"OF(cmp, _mask, (v){{}} + {name}, (v){{}}, _CMP_NEQ_UQ)"


def _lookup(program: Program, node: int, index: int, x: str, permutes: bool) -> str:
    """Slope and offset of the segment: by permutes in registers, or chosen knot by knot; the fastest measured."""
    table = program.tables[index]
    xs, ys = table.x, table.y
    slopes = [(b - a) / (d - c) for a, b, c, d in zip(ys, ys[1:], xs, xs[1:], strict=False)] + [0.0]
    offsets = [y - s * a for y, s, a in zip(ys, slopes, xs, strict=True)]
    size = 8 if len(xs) <= 8 else 16
    if len(xs) > size:
        raise ValueError("the C generator knows lookups of up to 16 points")
    ends = f"  const v x{node}_@ = OF(min, , OF(max, , {x}, (v){{}} + {xs[0]!r}), (v){{}} + {xs[-1]!r});\n"
    reached = [f"OF(cmp, _mask, x{node}_@, (v){{}} + {a!r}, _CMP_GE_OQ)" for a in xs[1:]]
    if not permutes:
        choose = "".join(
            f"  {{ const m up = {up}; o{node}_@ = BLEND(up, (v){{}} + {o!r}, o{node}_@); "
            f"s{node}_@ = BLEND(up, (v){{}} + {s!r}, s{node}_@); }}\n"
            for up, o, s in zip(reached, offsets[1:], slopes[1:], strict=True)
        )
        first = f"  v o{node}_@ = (v){{}} + {offsets[0]!r}, s{node}_@ = (v){{}} + {slopes[0]!r};\n"
        return f"{ends}{first}{choose}  const v v{node}_@ = o{node}_@ + s{node}_@ * x{node}_@;"

    def fetch(values: Sequence[float]) -> str:
        padded = [*values, *[0.0] * (size - len(values))]
        parts = ["(v){" + ", ".join(map(repr, padded[i : i + 8])) + "}" for i in range(0, size, 8)]
        if size == 8:
            return f"_mm512_permutexvar_pd(i{node}_@, {parts[0]})"
        return f"_mm512_permutex2var_pd({parts[0]}, i{node}_@, {parts[1]})"

    count = "".join(
        f"  i{node}_@ = _mm512_mask_add_epi64(i{node}_@, {up}, i{node}_@, _mm512_set1_epi64(1));\n" for up in reached
    )
    value = f"  const v v{node}_@ = {fetch(offsets)} + {fetch(slopes)} * x{node}_@;"
    return f"{ends}  __m512i i{node}_@ = _mm512_setzero_si512();\n{count}{value}"
