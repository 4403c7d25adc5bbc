"""Table access with a separate index in each lane."""

from __future__ import annotations

from collections.abc import Sequence

from sdmodel.compile.llvm.ir import Body, constants, number

_PERMUTE = "llvm.x86.avx512.vpermi2var.pd.512"


def power_of_two(places: int) -> int:
    """Smallest power of two above `places`: an index masked to its low bits stays in range, with one spare entry."""
    return 1 << places.bit_length()


def fetch(b: Body, name: str, values: Sequence[float], place: str) -> str:
    """values[place] in each lane.

    Uses a register permute if the target has one and the table is short, else a table `name` in memory.
    """
    if b.machine.permute and len(values) <= 2 * b.lanes:
        return _permuted(b, values, place)
    b.declared.add(constants(name, [*values, *[0.0] * (power_of_two(len(values)) - len(values))]))
    return gather(b, b.put(f"getelementptr double, ptr @{name}, {b.i64} {place}"))


def _permuted(b: Body, values: Sequence[float], place: str) -> str:
    padded = [*values, *[0.0] * (2 * b.lanes - len(values))]
    first, second = (_vector(padded[i : i + b.lanes]) for i in (0, b.lanes))
    if len(values) > b.lanes:
        b.declared.add(f"declare {b.f64} @{_PERMUTE}({b.f64}, {b.i64}, {b.f64})")
        return b.put(f"call {b.f64} @{_PERMUTE}({b.f64} {first}, {b.i64} {place}, {b.f64} {second})")
    b.declared.add(f"declare {b.f64} @llvm.x86.avx512.permvar.df.512({b.f64}, {b.i64})")
    return b.put(f"call {b.f64} @llvm.x86.avx512.permvar.df.512({b.f64} {first}, {b.i64} {place})")


def _vector(values: Sequence[float]) -> str:
    return "<" + ", ".join(f"double {number(x)}" for x in values) + ">"


def gather(b: Body, addresses: str) -> str:
    """Gather doubles, one from the address in each lane."""
    name = f"@llvm.masked.gather.v{b.lanes}f64.v{b.lanes}p0"
    b.declared.add(f"declare {b.f64} {name}({b.pointers}, i32, {b.i1}, {b.f64})")
    return b.put(f"call {b.f64} {name}({b.pointers} {addresses}, i32 8, {b.i1} splat (i1 true), {b.f64} poison)")
