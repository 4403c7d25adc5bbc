"""Vectorised log10 and pow on vectors, using a logarithm in double-double precision.

The logarithm is that of ARM's routines [1]_ with a table of 16 entries instead of 128: a tabulated factor with few
significant bits brings the argument close to one, and a polynomial does the rest, without division.

References
----------
.. [1] Nagy, S. (2018). pow, in ARM Optimized Routines. https://github.com/ARM-software/optimized-routines
"""

from __future__ import annotations

import math

from sdmodel.compile.llvm.ir import Body, function, isplat, splat
from sdmodel.compile.llvm.loops import all_lanes
from sdmodel.compile.llvm.math import (
    LN2_HIGH,
    LN2_LOW,
    clamp,
    exact_sum,
    grow,
    log_ends,
    parts,
    polynomial,
    product,
    reduced,
    scaled,
)
from sdmodel.compile.llvm.tables import fetch

LOG_LONG = (
    0.3333333333333333, -0.24999999999999806, 0.2000000000007155, -0.1666666666921998, 0.14285713908235242,
    -0.12499989880192516, 0.11111744356581989, -0.10015751329474842, 0.08764401913187728,
)  # fmt: skip
"""(ln(1 + r) - r + r**2/2) / r**3 for -0.0298 <= r <= 0.0393."""
FACTORS = (
    1.3828125, 1.326171875, 1.2734375, 1.224609375, 1.1796875, 1.13671875, 1.09765625, 1.0625, 1.02734375, 1.0,
    0.93359375, 0.8828125, 0.8359375, 0.794921875, 0.7578125, 0.72265625,
)  # fmt: skip
"""Approximately 1/z in each of sixteen intervals of z from sqrt(1/2) to sqrt(2), and 1 around 1."""
LOGS_HIGH = (
    -0.32411946865431673, -0.28229650251910243, -0.2417199368871934, -0.2026219155934541, -0.16524957289539088,
    -0.12814582269197672, -0.0931772248541165, -0.06062462181648698, -0.026976587698300136, 0.0, 0.06871389254797577,
    0.12464244520720058, 0.17920142945763473, 0.22951143959699039, 0.27731928541629713, 0.3248216194012912,
)  # fmt: skip
LOGS_LOW = (
    1.0475750058776541e-13, -8.591005116461382e-14, 4.8230289429940886e-14, 4.119425349421142e-14,
    8.372091099235912e-14, 4.668031403945796e-14, -6.678708517162898e-14, 5.213620639136504e-14, 9.806050516843177e-14,
    0.0, 7.603386951772729e-14, 7.601671269852866e-14, 7.626153677429339e-14, -7.75890005756947e-14,
    -6.279055732660844e-14, -5.351646604259541e-14,
)  # fmt: skip
"""-ln of the factors: rounded to a multiple of 2**-42, so that adding multiples of ln 2 is exact; and the remainder."""
LOG10E_HIGH, LOG10E_LOW = 0.4342944819032518, 1.098319650216765e-17


def long_log(b: Body, x: str) -> tuple[str, str]:
    """Logarithm of a finite x > 0 as a sum of two doubles, with relative error about 2**-62."""
    k, z, moved = parts(b, x)
    place = b.whole("and", b.whole("lshr", moved, isplat(48)), isplat(15))
    near, near_low = product(b, z, fetch(b, "log_factors", FACTORS, place))
    r = b.xsub(near, splat(1.0))
    half = b.xmul(r, splat(-0.5))
    square, square_low = product(b, r, half)
    shift = b.xadd(b.xmul(k, splat(LN2_HIGH)), fetch(b, "log_high", LOGS_HIGH, place))
    shift_low = b.muladd(k, splat(LN2_LOW), fetch(b, "log_low", LOGS_LOW, place))
    first, first_low = exact_sum(b, shift, r)
    high, high_low = exact_sum(b, first, square)
    curve = b.xmul(b.xmul(b.xmul(r, r), r), polynomial(b, LOG_LONG, r))
    missed = b.xmul(near_low, b.xsub(b.xsub(splat(1.0), r), b.xadd(square, square)))  # approximately near_low / (1 + r)
    low = b.xadd(b.xadd(b.xadd(shift_low, first_low), b.xadd(high_low, square_low)), b.xadd(missed, curve))
    return exact_sum(b, high, low)


def log10(b: Body, x: str) -> str:
    """Decimal logarithm; at most 2 ulp."""
    high, low = long_log(b, x)
    first, missing = product(b, high, splat(LOG10E_HIGH))
    rest = b.xadd(b.muladd(high, splat(LOG10E_LOW), missing), b.xmul(low, splat(LOG10E_HIGH)))
    return log_ends(b, x, b.xadd(first, rest))


def power(b: Body, x: str, y: str) -> str:
    """Power; at most 4 ulp. As in C, but 0 to a negative power is plus infinity whatever the sign of zero."""
    p, missing = _exponent(b, x, y)
    usual = b.both(b.compare("ogt", x, splat(0.0)), b.compare("olt", x, splat(math.inf)))
    usual = b.both(usual, b.compare("olt", b.call("fabs", p), splat(700.0)))
    bits, _, r = reduced(b, p)
    one = b.xadd(grow(b, b.xadd(r, missing)), splat(1.0))
    result = b.floats(b.whole("add", b.bits(one), b.whole("shl", bits, isplat(52))))
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
    bits, n, r = reduced(b, short)
    r = b.select(b.compare("oeq", short, p), b.xadd(r, missing), r)
    result = scaled(b, b.xadd(grow(b, r), splat(1.0)), bits, n)
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
