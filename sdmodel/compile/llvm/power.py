"""Vectorised pow."""

from __future__ import annotations

import math

from sdmodel.compile.llvm.ir import Body, function, splat
from sdmodel.compile.llvm.logarithm import long_log
from sdmodel.compile.llvm.loops import all_lanes
from sdmodel.compile.llvm.math import clamp, product, raised


def power(b: Body, x: str, y: str) -> str:
    """Power; at most 4 ulp. As in C, but 0 to a negative power is plus infinity whatever the sign of zero."""
    p, missing = _exponent(b, x, y)
    usual = b.both(b.compare("ogt", x, splat(0.0)), b.compare("olt", x, splat(math.inf)))
    usual = b.both(usual, b.compare("olt", b.call("fabs", p), splat(700.0)))
    result = raised(b, p, missing, normal=True)
    every = all_lanes(b, usual)
    start, far, done = b.label(), b.label(), b.label()
    b.do(f"br label %{start}")
    b.do(f"{start}:")
    b.do(f"br i1 {every}, label %{done}, label %{far}")
    b.do(f"{far}:")
    other = b.put(f"call {b.f64} @power_anywhere({b.f64} {x}, {b.f64} {y})")
    b.do(f"br label %{done}")
    b.do(f"{done}:")
    _define_anywhere(b)
    return b.put(f"phi {b.f64} [ {result}, %{start} ], [ {other}, %{far} ]")


def _exponent(b: Body, x: str, y: str) -> tuple[str, str]:
    """Y ln(x) as a sum of two doubles."""
    high, low = long_log(b, x)
    bounded = clamp(b, y, -(2.0**70), 2.0**70)
    p, missing = product(b, high, bounded)
    return p, b.muladd(low, bounded, missing)


def _define_anywhere(b: Body) -> None:
    """Define `@power_anywhere`: power for arguments that are zero, negative, infinite or NaN, or extreme results."""
    inner = Body(b.machine)
    result = _anywhere(inner, "%x", "%y")
    b.declared |= inner.declared
    b.declared.add(
        function(
            f"internal {b.f64} @power_anywhere({b.f64} %x, {b.f64} %y) cold noinline nounwind",
            inner,
            f"{b.f64} {result}",
        )
    )


def _anywhere(b: Body, x: str, y: str) -> str:
    size = b.call("fabs", x)
    p, missing = _exponent(b, size, y)
    short = clamp(b, p, -746.0, 710.0)
    result = raised(b, short, b.select(b.compare("oeq", short, p), missing, splat(0.0)))
    # special cases: zero or infinity to a power, the sign of a negative base, NaN, and 1
    zero, infinite = b.compare("oeq", x, splat(0.0)), b.compare("oeq", size, splat(math.inf))
    positive = b.compare("ogt", y, splat(0.0))
    vanishes = b.put(f"xor {b.i1} {zero}, {b.nor(positive)}")
    result = b.select(b.either(zero, infinite), b.select(vanishes, splat(0.0), splat(math.inf)), result)
    whole = b.compare("oeq", b.call("trunc", y), y)
    half = b.xmul(y, splat(0.5))
    odd = b.both(whole, b.compare("une", b.call("trunc", half), half))
    negative = b.put(f"icmp slt {b.i64} {b.bits(x)}, zeroinitializer")
    flips = b.both(b.both(negative, odd), b.nor(b.both(zero, b.nor(positive))))
    result = b.select(flips, b.neg(result), result)
    below = b.both(b.both(negative, b.nor(whole)), b.nor(b.either(zero, infinite)))
    nowhere = b.either(below, b.compare("uno", x, y))
    result = b.select(nowhere, splat(math.nan), result)
    one = b.either(b.compare("oeq", y, splat(0.0)), b.compare("oeq", x, splat(1.0)))
    return b.select(one, splat(1.0), result)
