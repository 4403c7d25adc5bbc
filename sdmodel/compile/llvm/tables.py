"""Table access with a separate index in each lane."""

from __future__ import annotations

from collections.abc import Sequence

from sdmodel.compile.llvm.ir import LANES, Body, V, W, constants, number

_GATHER = f"declare {V} @llvm.masked.gather.v8f64.v8p0(<8 x ptr>, i32, <8 x i1>, {V})"
_PERMUTE = "llvm.x86.avx512.vpermi2var.pd.512"


def power_of_two(places: int) -> int:
    """Smallest power of two above `places`: an index masked to its low bits stays in range, with one spare entry."""
    return 1 << places.bit_length()


def fetch(b: Body, name: str, values: Sequence[float], place: str) -> str:
    """values[place] in each lane.

    Uses a register permute if the target has one and the table is short, else a table `name` in memory.
    """
    if b.machine.permute and len(values) <= 2 * LANES:
        return _permuted(b, values, place)
    b.declared.add(constants(name, [*values, *[0.0] * (power_of_two(len(values)) - len(values))]))
    return gather(b, b.put(f"getelementptr double, ptr @{name}, {W} {place}"))


def _permuted(b: Body, values: Sequence[float], place: str) -> str:
    padded = [*values, *[0.0] * (2 * LANES - len(values))]
    first, second = (_vector(padded[i : i + LANES]) for i in (0, LANES))
    if len(values) > LANES:
        b.declared.add(f"declare {V} @{_PERMUTE}({V}, {W}, {V})")
        return b.put(f"call {V} @{_PERMUTE}({V} {first}, {W} {place}, {V} {second})")
    b.declared.add(f"declare {V} @llvm.x86.avx512.permvar.df.512({V}, {W})")
    return b.put(f"call {V} @llvm.x86.avx512.permvar.df.512({V} {first}, {W} {place})")


def _vector(values: Sequence[float]) -> str:
    return "<" + ", ".join(f"double {number(x)}" for x in values) + ">"


def gather(b: Body, addresses: str) -> str:
    """Gather doubles from eight addresses."""
    b.declared.add(_GATHER)
    return b.put(
        f"call {V} @llvm.masked.gather.v8f64.v8p0(<8 x ptr> {addresses}, i32 8, <8 x i1> splat (i1 true), {V} poison)"
    )
