"""Writing LLVM IR: a `Body` collects the instructions of one function, on vectors of eight doubles.

The text holds names of the form `%v<n>` and numbers, nothing that came from a model file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

LANES = 8
V, W, B = f"<{LANES} x double>", f"<{LANES} x i64>", f"<{LANES} x i1>"


@dataclass(frozen=True, slots=True)
class Machine:
    """What the emitter may take for granted: the text is legal everywhere, but not equally fast."""

    fma: bool
    """Fused multiply-add in hardware. The functions of `math` use it by name; sums of the model are never fused."""
    permute: bool
    """Permutes of eight doubles in a register (AVX-512), for lookups."""


def number(x: float) -> str:
    """A double as LLVM writes it, by its bits."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def splat(x: float) -> str:
    """The same number in every lane."""
    return f"splat (double {number(x)})"


def isplat(x: int) -> str:
    """The same whole number in every lane."""
    return f"splat (i64 {x})"


class Body:
    """Instructions of one function; every method writes one or a few and returns the name of the result."""

    def __init__(self, machine: Machine, contract: bool = False) -> None:
        self.machine = machine
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self._flag = " contract" if contract else ""
        self._count = 0

    def name(self) -> str:
        """A fresh name."""
        self._count += 1
        return f"%v{self._count}"

    def put(self, text: str) -> str:
        """The result of an instruction."""
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """An instruction without a result, or a label."""
        self.lines.append(text if text.endswith(":") else f"  {text}")

    def label(self) -> str:
        """A fresh label."""
        self._count += 1
        return f"b{self._count}"

    # -- arithmetic of the model, which may be contracted -------------------------------------------------------
    def add(self, a: str, b: str) -> str:
        """A + b."""
        return self.put(f"fadd{self._flag} {V} {a}, {b}")

    def sub(self, a: str, b: str) -> str:
        """A - b."""
        return self.put(f"fsub{self._flag} {V} {a}, {b}")

    def mul(self, a: str, b: str) -> str:
        """A * b."""
        return self.put(f"fmul{self._flag} {V} {a}, {b}")

    def div(self, a: str, b: str) -> str:
        """A / b."""
        return self.put(f"fdiv {V} {a}, {b}")

    def neg(self, a: str) -> str:
        """-a."""
        return self.put(f"fneg {V} {a}")

    # -- arithmetic that must stay as written -------------------------------------------------------------------
    def xadd(self, a: str, b: str) -> str:
        """A + b, never fused."""
        return self.put(f"fadd {V} {a}, {b}")

    def xsub(self, a: str, b: str) -> str:
        """A - b, never fused."""
        return self.put(f"fsub {V} {a}, {b}")

    def xmul(self, a: str, b: str) -> str:
        """A * b, never fused."""
        return self.put(f"fmul {V} {a}, {b}")

    def muladd(self, a: str, b: str, c: str) -> str:
        """A * b + c, fused where the machine can; for polynomials, where either is accurate enough."""
        if self.machine.fma:
            return self.call("llvm.fma.v8f64", a, b, c)
        return self.xadd(self.xmul(a, b), c)

    def call(self, function: str, *args: str) -> str:
        """A call on vectors."""
        self.declared.add(f"declare {V} @{function}({', '.join([V] * len(args))})")
        return self.put(f"call {V} @{function}({', '.join(f'{V} {a}' for a in args)})")

    def compare(self, how: str, a: str, b: str) -> str:
        """Lanes in which `a how b`: olt, ole, ogt, oge, oeq, une, uno ..."""
        return self.put(f"fcmp {how} {V} {a}, {b}")

    def select(self, lanes: str, a: str, b: str) -> str:
        """`a` in the lanes that are set, else `b`."""
        return self.put(f"select {B} {lanes}, {V} {a}, {V} {b}")

    def both(self, a: str, b: str) -> str:
        """Lanes set in both."""
        return self.put(f"and {B} {a}, {b}")

    def either(self, a: str, b: str) -> str:
        """Lanes set in one at least."""
        return self.put(f"or {B} {a}, {b}")

    def nor(self, a: str) -> str:
        """Lanes not set."""
        return self.put(f"xor {B} {a}, splat (i1 true)")

    # -- bits ---------------------------------------------------------------------------------------------------
    def bits(self, a: str) -> str:
        """The bits of doubles as whole numbers."""
        return self.put(f"bitcast {V} {a} to {W}")

    def floats(self, a: str) -> str:
        """The doubles that have these bits."""
        return self.put(f"bitcast {W} {a} to {V}")

    def whole(self, op: str, a: str, b: str) -> str:
        """An operation on whole numbers: add, sub, and, or, shl, lshr ..."""
        return self.put(f"{op} {W} {a}, {b}")

    # -- memory -------------------------------------------------------------------------------------------------
    def row(self, base: str, index: int) -> str:
        """Address of a row of eight doubles."""
        return self.put(f"getelementptr i8, ptr {base}, i64 {index * LANES * 8}") if index else base

    def load(self, base: str, index: int = 0) -> str:
        """A row."""
        return self.put(f"load {V}, ptr {self.row(base, index)}, align 64")

    def store(self, value: str, base: str, index: int = 0) -> None:
        """Put into a row."""
        self.do(f"store {V} {value}, ptr {self.row(base, index)}, align 64")

    def spread(self, scalar: str) -> str:
        """A double in every lane."""
        first = self.put(f"insertelement {V} poison, double {scalar}, i64 0")
        return self.put(f"shufflevector {V} {first}, {V} poison, <{LANES} x i32> zeroinitializer")


def function(head: str, body: Body, result: str = "void") -> str:
    """Text of a function; `head` is everything between `define` and the brace."""
    return "\n".join([f"define {head} {{", *body.lines, f"  ret {result}", "}", ""])


def constants(name: str, values: Sequence[float]) -> str:
    """A global table of doubles."""
    inside = ", ".join(f"double {number(x)}" for x in values)
    return f"@{name} = private unnamed_addr constant [{len(values)} x double] [{inside}], align 64\n"
