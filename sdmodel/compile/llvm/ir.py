"""LLVM IR builder: a `Body` collects the instructions of one function, on vectors of doubles.

The text contains names of the form `%v<n>` and numbers, nothing that came from a model file.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass

_SPLAT = "splat (double "


@dataclass(frozen=True, slots=True)
class Machine:
    """Processor features to optimise for; the generated IR is valid on every target."""

    fma: bool
    """Fused multiply-add in hardware. Used by the functions of `math` only; model equations are not fused."""
    permute: bool
    """Register permutes of eight doubles and related instructions (AVX-512), for lookups, exp, ln and pow."""
    lanes: int = 8
    """Number of runs in a vector: 1, 2, 4 or 8; the results do not depend on it."""

    def __post_init__(self) -> None:
        if self.lanes not in (1, 2, 4, 8) or (self.permute and self.lanes != 8):
            raise ValueError(f"A vector has 1, 2, 4 or 8 lanes, 8 with permutes, not {self.lanes}.")


def number(x: float) -> str:
    """Hexadecimal LLVM literal of a double."""
    return f"0x{struct.unpack('<Q', struct.pack('<d', x))[0]:016X}"


def splat(x: float) -> str:
    """Vector literal with the same double in every lane."""
    return f"{_SPLAT}{number(x)})"


def isplat(x: int) -> str:
    """Vector literal with the same integer in every lane."""
    return f"splat (i64 {x})"


class Pool:
    """Constants of the equations in one table, whose address functions receive as `%numbers`.

    A separate constant needs an eight-byte address and a load instruction; an entry of the table is an operand of
    the instruction that uses it. Measured: saves a tenth of the run time of a model.
    """

    def __init__(self) -> None:
        self.places: dict[str, int] = {}

    def place(self, number: str) -> int:
        """Offset of a number in the table, in bytes."""
        return 8 * self.places.setdefault(number, len(self.places))

    def text(self) -> str:
        """LLVM IR of the table."""
        inside = ", ".join(f"double {x}" for x in self.places) or "double 0.0"
        return f"@numbers = internal global [{max(len(self.places), 1)} x double] [{inside}], align 64\n"


_ZEROS = (splat(0.0), splat(-0.0))
"""Not pooled: they need no memory, and LLVM optimises instructions with them."""


class Body:
    """Instructions of one function; each method appends instructions and returns the name of the result."""

    def __init__(self, machine: Machine, contract: bool = False, pool: Pool | None = None) -> None:
        self.machine = machine
        self.lanes = n = machine.lanes
        self.width = 8 * n
        """Size of a row in bytes."""
        self.f64, self.i64, self.i32, self.i1 = (f"<{n} x {kind}>" for kind in ("double", "i64", "i32", "i1"))
        self.pointers = f"<{n} x ptr>"
        self._pool = pool
        self._loaded: dict[str, str] = {}
        self.lines: list[str] = []
        self.declared: set[str] = set()
        self._flag = " contract" if contract else ""
        self._count = 0

    def name(self) -> str:
        """A fresh name."""
        self._count += 1
        return f"%v{self._count}"

    def put(self, text: str) -> str:
        """Append an instruction and return the name of its result."""
        name = self.name()
        self.lines.append(f"  {name} = {text}")
        return name

    def do(self, text: str) -> None:
        """Append an instruction without a result, or a label."""
        if text.endswith(":"):
            self._loaded.clear()  # a value loaded in one branch is not available in another
        self.lines.append(text if text.endswith(":") else f"  {text}")

    def label(self) -> str:
        """A fresh label."""
        self._count += 1
        return f"b{self._count}"

    def _pooled(self, a: str) -> str:
        """Replace a pooled number by its table entry; return anything else unchanged."""
        if self._pool is None or not a.startswith(_SPLAT) or a in _ZEROS:
            return a
        found = self._loaded.get(a)
        if found is None:
            place = self._pool.place(a[len(_SPLAT) : -1])
            address = self.put(f"getelementptr i8, ptr %numbers, i64 {place}")
            found = self._loaded[a] = self.spread(self.put(f"load double, ptr {address}, align 8"))
        return found

    def _arithmetic(self, op: str, a: str, b: str) -> str:
        return self.put(f"{op} {self.f64} {self._pooled(a)}, {self._pooled(b)}")

    # -- model arithmetic, which may be contracted --------------------------------------------------------------
    def add(self, a: str, b: str) -> str:
        """A + b."""
        return self._arithmetic(f"fadd{self._flag}", a, b)

    def sub(self, a: str, b: str) -> str:
        """A - b."""
        return self._arithmetic(f"fsub{self._flag}", a, b)

    def mul(self, a: str, b: str) -> str:
        """A * b."""
        return self._arithmetic(f"fmul{self._flag}", a, b)

    def div(self, a: str, b: str) -> str:
        """A / b."""
        return self._arithmetic("fdiv", a, b)

    def neg(self, a: str) -> str:
        """-a."""
        return self.put(f"fneg {self.f64} {a}")

    # -- arithmetic that must not be contracted -----------------------------------------------------------------
    def xadd(self, a: str, b: str) -> str:
        """A + b, never fused."""
        return self._arithmetic("fadd", a, b)

    def xsub(self, a: str, b: str) -> str:
        """A - b, never fused."""
        return self._arithmetic("fsub", a, b)

    def xmul(self, a: str, b: str) -> str:
        """A * b, never fused."""
        return self._arithmetic("fmul", a, b)

    def muladd(self, a: str, b: str, c: str) -> str:
        """A * b + c, fused where the target supports it; for polynomials, where either form is accurate enough."""
        if self.machine.fma:
            return self.call("fma", a, b, c)
        return self.xadd(self.xmul(a, b), c)

    def call(self, intrinsic: str, *args: str) -> str:
        """Call an LLVM intrinsic on vectors: fma, fabs, sqrt, ..."""
        function = f"llvm.{intrinsic}.v{self.lanes}f64"
        self.declared.add(f"declare {self.f64} @{function}({', '.join([self.f64] * len(args))})")
        return self.put(f"call {self.f64} @{function}({', '.join(f'{self.f64} {self._pooled(a)}' for a in args)})")

    def compare(self, how: str, a: str, b: str) -> str:
        """Mask of lanes in which the LLVM predicate `how` holds: olt, ole, ogt, oge, oeq, une, uno, ..."""
        return self._arithmetic(f"fcmp {how}", a, b)

    def select(self, lanes: str, a: str, b: str) -> str:
        """`a` in the lanes that are set, else `b`."""
        return self.put(f"select {self.i1} {lanes}, {self.f64} {self._pooled(a)}, {self.f64} {self._pooled(b)}")

    def both(self, a: str, b: str) -> str:
        """Lanes set in both."""
        return self.put(f"and {self.i1} {a}, {b}")

    def either(self, a: str, b: str) -> str:
        """Lanes set in at least one."""
        return self.put(f"or {self.i1} {a}, {b}")

    def nor(self, a: str) -> str:
        """Lanes not set."""
        return self.put(f"xor {self.i1} {a}, splat (i1 true)")

    # -- bits ---------------------------------------------------------------------------------------------------
    def bits(self, a: str) -> str:
        """Bit pattern of doubles as 64-bit integers."""
        return self.put(f"bitcast {self.f64} {a} to {self.i64}")

    def floats(self, a: str) -> str:
        """Doubles with the given bit patterns."""
        return self.put(f"bitcast {self.i64} {a} to {self.f64}")

    def whole(self, op: str, a: str, b: str) -> str:
        """Integer operation: add, sub, and, or, shl, lshr, ..."""
        return self.put(f"{op} {self.i64} {a}, {b}")

    # -- memory -------------------------------------------------------------------------------------------------
    def row(self, base: str, index: int) -> str:
        """Address of a row, one double per lane."""
        return self.put(f"getelementptr i8, ptr {base}, i64 {index * self.width}") if index else base

    def load(self, base: str, index: int = 0) -> str:
        """Load a row."""
        return self.put(f"load {self.f64}, ptr {self.row(base, index)}, align {self.width}")

    def store(self, value: str, base: str, index: int = 0) -> None:
        """Store a value into a row."""
        self.do(f"store {self.f64} {value}, ptr {self.row(base, index)}, align {self.width}")

    def spread(self, scalar: str) -> str:
        """Broadcast a double to every lane."""
        first = self.put(f"insertelement {self.f64} poison, double {scalar}, i64 0")
        return self.put(f"shufflevector {self.f64} {first}, {self.f64} poison, {self.i32} zeroinitializer")


def function(head: str, body: Body, result: str = "void") -> str:
    """Text of a function; `head` is everything between `define` and the brace."""
    return "\n".join([f"define {head} {{", *body.lines, f"  ret {result}", "}", ""])


def constants(name: str, values: Sequence[float]) -> str:
    """A global table of doubles."""
    inside = ", ".join(f"double {number(x)}" for x in values)
    return f"@{name} = private unnamed_addr constant [{len(values)} x double] [{inside}], align 64\n"
