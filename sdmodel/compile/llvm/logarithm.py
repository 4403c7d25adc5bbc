"""Vectorised ln and log10, and a logarithm in double-double precision for pow.

The long logarithm is that of ARM's routines [1]_ with a table of 16 entries instead of 128: a tabulated factor brings
the argument close to one, and a polynomial does the rest, without division. Processors with register permutes use the
table for ln too.

References
----------
.. [1] Nagy, S. (2018). pow, in ARM Optimized Routines. https://github.com/ARM-software/optimized-routines
"""

from __future__ import annotations

import math

from sdmodel.compile.llvm.ir import Body, isplat, splat
from sdmodel.compile.llvm.math import LN2_HIGH, LN2_LOW, MANTISSA, ONE, SIXTEENTHS, exact_sum, polynomial, product
from sdmodel.compile.llvm.tables import fetch

LOG = (
    0.666666666666667, 0.3999999999989938, 0.28571428626031065, 0.2222221112572281, 0.18182889786191042,
    0.15331699633543858, 0.14616721179861816,
)  # fmt: skip
"""(ln((1+s)/(1-s)) - 2 s) / s**3 in powers of s**2, for abs(s) <= 3 - 2 sqrt(2)."""
LOG_LONG = (
    0.3333333333333333, -0.25, 0.19999999999996398, -0.1666666666664426, 0.14285714305192443,
    -0.12500000072246314, 0.11111074237683727, -0.09999909932849355, 0.09119394616017516, -0.08378667902718169,
)  # fmt: skip
"""(ln(1 + r) - r + r**2/2) / r**3 for -0.0387 <= r <= 0.0383."""
FACTORS = (
    1.0, 0.94140625, 0.888671875, 0.841796875, 0.80078125, 0.76171875, 0.7265625, 0.6953125, 0.673828125, 1.0, 1.0, 1.0,
    1.306640625, 1.23046875, 1.142578125, 1.06640625,
)  # fmt: skip
"""Approximately 1/z by the nearest sixteenth of z from 3/4 to 3/2, modulo 16; 1 around 1, and where there is no z."""
LOGS_HIGH = (
    0.0, 0.060380510988807146, 0.11802720608852724, 0.172216534935842, 0.2221674653410446, 0.2721778859158803,
    0.3194307707663029, 0.36339389418753854, 0.39478020800811464, 0.0, 0.0, 0.0, -0.26745943508876735,
    -0.20739519434596332, -0.13328722219239353, -0.06429435070549516,
)  # fmt: skip
LOGS_LOW = (
    0.0, 1.0033424888676119e-13, 3.013227959910772e-14, -8.199467511461324e-14, 1.0970699320566433e-13,
    -6.465103064005256e-14, 5.834357420090924e-14, -6.120773136055512e-14, 3.338653644511022e-14, 0.0, 0.0, 0.0,
    4.6684676570510833e-14, -1.0726867577289733e-13, 4.4819840726013836e-14, 9.790518511990216e-14,
)  # fmt: skip
"""-ln of the factors: rounded to a multiple of 2**-42, so that adding multiples of ln 2 is exact; and the remainder."""
LOG10E_HIGH, LOG10E_LOW = 0.4342944819032518, 1.098319650216765e-17
ROOT_HALF, THREE_QUARTERS = 0x3FE6A09E667F3BCD, 0x3FE8000000000000
_EXPONENT, _FRACTION = "llvm.x86.avx512.mask.getexp.pd.512", "llvm.x86.avx512.mask.getmant.pd.512"


def parts(b: Body, x: str, least: int) -> tuple[str, str]:
    """Decompose x > 0 as 2**k z: k, and z from the number with the bits `least` to twice that."""
    tiny = b.compare("olt", x, splat(2.2250738585072014e-308))
    normal = b.select(tiny, b.xmul(x, splat(2.0**54)), x)
    bias = b.select(tiny, splat(2.0**52 + 1077), splat(2.0**52 + 1023))
    moved = b.whole("add", b.bits(normal), isplat(ONE - least))
    exponent = b.whole("or", b.whole("lshr", moved, isplat(52)), isplat(0x4330000000000000))
    fraction = b.whole("add", b.whole("and", moved, isplat(MANTISSA)), isplat(least))
    return b.xsub(b.floats(exponent), bias), b.floats(fraction)


def _parts_by_instruction(b: Body, x: str) -> tuple[str, str]:
    """Decompose x as 2**k z with z from 3/4 to 3/2; k is infinite if x is 0 or infinite, z is NaN if x is negative."""
    v = b.f64
    b.declared |= {f"declare {v} @{_EXPONENT}({v}, {v}, i8, i32)", f"declare {v} @{_FRACTION}({v}, i32, {v}, i8, i32)"}
    z = b.put(f"call {v} @{_FRACTION}({v} {x}, i32 15, {v} zeroinitializer, i8 -1, i32 4)")
    k = b.put(f"call {v} @{_EXPONENT}({v} {x}, {v} zeroinitializer, i8 -1, i32 4)")
    return b.select(b.compare("olt", z, splat(1.0)), b.xadd(k, splat(1.0)), k), z


def _tabulated(b: Body, x: str) -> tuple[str, str, str, str]:
    """X = 2**k z and a tabulated factor f near 1/z: the high and low parts of k ln 2 - ln f, z, and f."""
    k, z = _parts_by_instruction(b, x) if b.machine.permute else parts(b, x, THREE_QUARTERS)
    place = b.bits(b.xadd(z, splat(SIXTEENTHS)))
    place = place if b.machine.permute else b.whole("and", place, isplat(15))
    factor = fetch(b, "log_factors", FACTORS, place)
    shift = b.xadd(b.xmul(k, splat(LN2_HIGH)), fetch(b, "log_high", LOGS_HIGH, place))
    shift_low = b.muladd(k, splat(LN2_LOW), fetch(b, "log_low", LOGS_LOW, place))
    return shift, shift_low, z, factor


def ln(b: Body, x: str) -> str:
    """Natural logarithm; at most 2 ulp."""
    if b.machine.permute:
        shift, shift_low, z, factor = _tabulated(b, x)
        r = b.muladd(z, factor, splat(-1.0))
        curve = b.muladd(r, polynomial(b, LOG_LONG, r), splat(-0.5))
        return b.xadd(b.xadd(shift, r), b.muladd(b.xmul(r, r), curve, shift_low))
    k, z = parts(b, x, ROOT_HALF)
    f = b.xsub(z, splat(1.0))
    s = b.div(f, b.xadd(f, splat(2.0)))
    z = b.xmul(s, s)
    rest = b.xmul(z, polynomial(b, LOG, z))
    half = b.xmul(b.xmul(f, f), splat(0.5))
    inner = b.muladd(s, b.xadd(half, rest), b.xmul(k, splat(LN2_LOW)))
    result = b.muladd(k, splat(LN2_HIGH), b.xsub(f, b.xsub(half, inner)))
    return log_ends(b, x, result)


def long_log(b: Body, x: str) -> tuple[str, str]:
    """Logarithm of a finite x > 0 as a sum of two doubles, with relative error about 2**-62."""
    shift, shift_low, z, factor = _tabulated(b, x)
    near, near_low = product(b, z, factor)
    r = b.xsub(near, splat(1.0))
    half = b.xmul(r, splat(-0.5))
    square, square_low = product(b, r, half)
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


def log_ends(b: Body, x: str, result: str) -> str:
    """Logarithm where x is not positive and finite."""
    inf = math.inf
    result = b.select(b.compare("oeq", x, splat(inf)), x, result)
    result = b.select(b.compare("oeq", x, splat(0.0)), splat(-inf), result)
    return b.select(b.compare("uge", x, splat(0.0)), b.select(b.compare("uno", x, x), x, result), splat(math.nan))
