"""Own exp, ln, log10, pow, tanh, sin and cos on eight lanes, without tables and without branches.

Reduction of the argument and evaluation follow published methods [1]_ [2]_ [3]_ [4]_; the polynomials are our own fits
(interpolation at Chebyshev nodes in 60 digits), whose errors a test measures.

References
----------
.. [1] Cody, W. J. and Waite, W. (1980). Software Manual for the Elementary Functions. Prentice-Hall.
.. [2] Tang, P. T. P. (1990). Table-driven implementation of the logarithm function in IEEE floating-point arithmetic.
   ACM Trans. Math. Softw. 16(4), 378-400. https://doi.org/10.1145/98267.98294
.. [3] Muller, J.-M. (2016). Elementary Functions: Algorithms and Implementation, 3rd ed. Birkhäuser.
   https://doi.org/10.1007/978-1-4899-7983-4
.. [4] Dekker, T. J. (1971). A floating-point technique for extending the available precision. Numer. Math. 18,
   224-242. https://doi.org/10.1007/BF01397083
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sdmodel.compile.llvm.text import Body, isplat, splat

ROUNDER = 6755399441055744.0
"""1.5 * 2**52: a small number added to it is rounded to a whole one, which then stands in its low bits."""

LN2_HIGH, LN2_LOW = 0.6931471804855391, 7.440617110012397e-11
EXP = (
    0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062, 0.0013888888917213717,
    0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
    2.510038549551032e-08,
)  # fmt: skip
"""(exp(r) - 1 - r) / r**2 for abs(r) <= ln(2)/2."""
LOG = (
    0.666666666666667, 0.3999999999989938, 0.28571428626031065, 0.2222221112572281, 0.18182889786191042,
    0.15331699633543858, 0.14616721179861816,
)  # fmt: skip
"""(ln((1+s)/(1-s)) - 2 s) / s**3 in powers of s**2, for abs(s) <= 3 - 2 sqrt(2)."""
LOG_LONG = (
    0.40000000000000024, 0.28571428571338453, 0.22222222271127243, 0.18181808243480016, 0.1538557509255743,
    0.1328594759441496, 0.12913739291129622,
)  # fmt: skip
"""The same without its first term, which the long logarithm carries in two parts."""
THIRDS_HIGH, THIRDS_LOW = 0.6666666666666666, 3.700743415417188e-17
LOG10E_HIGH, LOG10E_LOW = 0.4342944819032518, 1.098319650216765e-17
SIN = (
    -0.16666666666666666, 0.008333333333330936, -0.00019841269836740532, 2.7557316093198404e-06,
    -2.5051129896450185e-08, 1.5917988979397435e-10,
)  # fmt: skip
COS = (
    0.041666666666666664, -0.0013888888888887389, 2.48015872987544e-05, -2.755731726587808e-07,
    2.087614504941318e-09, -1.138254464534925e-11,
)  # fmt: skip
"""(sin(r)/r - 1)/r**2 and (cos(r) - 1 + r**2/2)/r**4 in powers of r**2, for abs(r) <= pi/4."""
HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)

_ROOT_HALF = 0x3FE6A09E667F3BCD
_ONE = 0x3FF0000000000000
_MANTISSA = 0x000FFFFFFFFFFFFF


def polynomial(b: Body, c: Sequence[float], x: str) -> str:
    """c[0] + c[1] x + ..., by pairs (Estrin), which waits less than one step after another (Horner)."""
    terms = [splat(a) for a in c]
    power = x
    while len(terms) > 1:
        paired = [b.muladd(terms[i + 1], power, terms[i]) for i in range(0, len(terms) - 1, 2)]
        terms = paired + ([terms[-1]] if len(terms) % 2 else [])
        power = b.xmul(power, power) if len(terms) > 1 else power
    return terms[0]


def clamp(b: Body, x: str, low: float, high: float) -> str:
    """X between two numbers, neither of them zero; NaN stays NaN."""
    at_least = b.select(b.compare("ogt", splat(low), x), splat(low), x)
    return b.select(b.compare("olt", splat(high), at_least), splat(high), at_least)


def product(b: Body, x: str, y: str) -> tuple[str, str]:
    """X * y exactly, as a rounded product and what is missing (Dekker)."""
    high = b.xmul(x, y)
    if b.machine.fma:
        return high, b.call("llvm.fma.v8f64", x, y, b.neg(high))
    x1, x2 = _halves(b, x)
    y1, y2 = _halves(b, y)
    error = b.xsub(b.xmul(x1, y1), high)
    error = b.xadd(b.xadd(error, b.xmul(x1, y2)), b.xmul(x2, y1))
    return high, b.xadd(error, b.xmul(x2, y2))


def _halves(b: Body, x: str) -> tuple[str, str]:
    wide = b.xmul(x, splat(134217729.0))
    upper = b.xsub(wide, b.xsub(wide, x))
    return upper, b.xsub(x, upper)


def _sum(b: Body, x: str, y: str) -> tuple[str, str]:
    """X + y exactly where abs(x) >= abs(y)."""
    high = b.xadd(x, y)
    return high, b.xadd(b.xsub(x, high), y)


def _less(b: Body, n: str, part: float, x: str) -> str:
    """X - n * part."""
    return b.muladd(n, splat(-part), x)


def _reduced(b: Body, x: str) -> tuple[str, str, str]:
    """X = n ln 2 + r: the bits that hold n, n, and r."""
    shifted = b.muladd(x, splat(1 / math.log(2)), splat(ROUNDER))
    n = b.xsub(shifted, splat(ROUNDER))
    return b.bits(shifted), n, _less(b, n, LN2_LOW, _less(b, n, LN2_HIGH, x))


def _grow(b: Body, r: str) -> str:
    """exp(r) - 1 for small r."""
    return b.muladd(b.xmul(r, r), polynomial(b, EXP, r), r)


def _scaled(b: Body, p: str, bits: str) -> str:
    """P * 2**n in two steps, so that the result may be subnormal or infinite."""
    half = b.whole("and", b.whole("shl", bits, isplat(51)), isplat(_MANTISSA ^ -1))
    rest = b.whole("sub", b.whole("shl", bits, isplat(52)), half)
    first = b.floats(b.whole("add", b.bits(p), half))
    return b.xmul(first, b.floats(b.whole("add", rest, isplat(_ONE))))


def exp(b: Body, x: str) -> str:
    """Exponential; at most 2 ulp."""
    bits, _, r = _reduced(b, clamp(b, x, -746.0, 710.0))
    return _scaled(b, b.xadd(_grow(b, r), splat(1.0)), bits)


def tanh(b: Body, x: str) -> str:
    """Hyperbolic tangent, as e / (e + 2) with e = exp(2 abs(x)) - 1; at most 2 ulp."""
    size = b.call("llvm.fabs.v8f64", x)
    short = b.select(b.compare("olt", splat(20.0), size), splat(20.0), size)
    bits, _, r = _reduced(b, b.xadd(short, short))
    two = b.floats(b.whole("add", b.whole("shl", bits, isplat(52)), isplat(_ONE)))
    high, low = _sum(b, b.xsub(two, splat(1.0)), b.xmul(r, two))
    rest = b.muladd(b.xmul(b.xmul(r, r), two), polynomial(b, EXP, r), low)
    e = b.xadd(high, rest)
    e_low = b.xadd(b.xsub(high, e), rest)
    below = b.xadd(e, splat(2.0))
    added = b.xsub(below, e)
    below_low = b.xadd(b.xsub(e, b.xsub(below, added)), b.xsub(splat(2.0), added))
    q = b.div(e, below)
    left = b.xsub(splat(1.0), q)  # 2 / below, nearly
    fault = b.xsub(b.xmul(e_low, left), b.xmul(q, below_low))
    q = b.muladd(b.xmul(fault, left), splat(0.5), q)
    return b.call("llvm.copysign.v8f64", q, x)


def _parts(b: Body, x: str) -> tuple[str, str]:
    """X > 0 as 2**k (1 + f): k and f, with 1 + f between sqrt(1/2) and sqrt(2)."""
    tiny = b.compare("olt", x, splat(2.2250738585072014e-308))
    normal = b.select(tiny, b.xmul(x, splat(2.0**54)), x)
    bias = b.select(tiny, splat(2.0**52 + 1077), splat(2.0**52 + 1023))
    moved = b.whole("add", b.bits(normal), isplat(_ONE - _ROOT_HALF))
    exponent = b.whole("or", b.whole("lshr", moved, isplat(52)), isplat(0x4330000000000000))
    fraction = b.whole("add", b.whole("and", moved, isplat(_MANTISSA)), isplat(_ROOT_HALF))
    return b.xsub(b.floats(exponent), bias), b.xsub(b.floats(fraction), splat(1.0))


def _log_ends(b: Body, x: str, result: str) -> str:
    """Logarithm where x is not positive and finite."""
    inf = math.inf
    result = b.select(b.compare("oeq", x, splat(inf)), x, result)
    result = b.select(b.compare("oeq", x, splat(0.0)), splat(-inf), result)
    return b.select(b.compare("uge", x, splat(0.0)), b.select(b.compare("uno", x, x), x, result), splat(math.nan))


def ln(b: Body, x: str) -> str:
    """Natural logarithm; at most 2 ulp."""
    k, f = _parts(b, x)
    s = b.div(f, b.xadd(f, splat(2.0)))
    z = b.xmul(s, s)
    rest = b.xmul(z, polynomial(b, LOG, z))
    half = b.xmul(b.xmul(f, f), splat(0.5))
    inner = b.muladd(s, b.xadd(half, rest), b.xmul(k, splat(LN2_LOW)))
    result = b.muladd(k, splat(LN2_HIGH), b.xsub(f, b.xsub(half, inner)))
    return _log_ends(b, x, result)


def _long_log(b: Body, x: str) -> tuple[str, str]:
    """Logarithm of a finite x > 0 in two parts, good to about 2**-65 of its size."""
    k, f = _parts(b, x)
    below, below_low = _sum(b, splat(2.0), f)
    s = b.div(f, below)
    back, missing = product(b, s, below)
    s_low = b.xsub(b.xsub(b.xsub(f, back), missing), b.xmul(s, below_low))
    s_low = b.div(s_low, below)
    z, z_low = product(b, s, s)
    z_low = b.muladd(b.xadd(s, s), s_low, z_low)
    cube, cube_low = product(b, z, s)
    cube_low = b.xadd(cube_low, b.muladd(z_low, s, b.xmul(z, s_low)))
    bracket, bracket_low = _sum(b, splat(THIRDS_HIGH), b.xmul(z, polynomial(b, LOG_LONG, z)))
    bracket_low = b.xadd(bracket_low, splat(THIRDS_LOW))
    third, third_low = product(b, cube, bracket)
    third_low = b.xadd(third_low, b.muladd(cube_low, bracket, b.xmul(cube, bracket_low)))
    high, low = _sum(b, b.xadd(s, s), third)
    low = b.xadd(low, b.xadd(b.xadd(s_low, s_low), third_low))
    whole, whole_low = _sum(b, b.xmul(k, splat(LN2_HIGH)), high)
    low = b.xadd(whole_low, b.muladd(k, splat(LN2_LOW), low))
    return _sum(b, whole, low)


def log10(b: Body, x: str) -> str:
    """Decimal logarithm; at most 2 ulp."""
    high, low = _long_log(b, x)
    first, missing = product(b, high, splat(LOG10E_HIGH))
    rest = b.xadd(b.muladd(high, splat(LOG10E_LOW), missing), b.xmul(low, splat(LOG10E_HIGH)))
    return _log_ends(b, x, b.xadd(first, rest))


def power(b: Body, x: str, y: str) -> str:
    """Power; at most 4 ulp. As in C, but 0 to a negative power is plus infinity whatever the sign of zero."""
    size = b.call("llvm.fabs.v8f64", x)
    high, low = _long_log(b, size)
    bounded = clamp(b, y, -(2.0**70), 2.0**70)
    p, missing = product(b, high, bounded)
    missing = b.muladd(low, bounded, missing)
    short = clamp(b, p, -746.0, 710.0)
    bits, _, r = _reduced(b, short)
    r = b.select(b.compare("oeq", short, p), b.xadd(r, missing), r)
    result = _scaled(b, b.xadd(_grow(b, r), splat(1.0)), bits)
    # ends: zero or infinity to a power, the sign of a negative base, NaN, and 1
    zero, infinite = b.compare("oeq", x, splat(0.0)), b.compare("oeq", size, splat(math.inf))
    positive = b.compare("ogt", y, splat(0.0))
    vanishes = b.put(f"xor <8 x i1> {zero}, {b.nor(positive)}")
    result = b.select(b.either(zero, infinite), b.select(vanishes, splat(0.0), splat(math.inf)), result)
    whole = b.compare("oeq", b.call("llvm.trunc.v8f64", y), y)
    half = b.xmul(y, splat(0.5))
    odd = b.both(whole, b.compare("une", b.call("llvm.trunc.v8f64", half), half))
    negative = b.put(f"icmp slt <8 x i64> {b.bits(x)}, zeroinitializer")
    flips = b.both(b.both(negative, odd), b.nor(b.both(zero, b.nor(positive))))
    result = b.select(flips, b.neg(result), result)
    below = b.both(b.both(negative, b.nor(whole)), b.nor(b.either(zero, infinite)))
    nowhere = b.either(below, b.compare("uno", x, y))
    result = b.select(nowhere, splat(math.nan), result)
    one = b.either(b.compare("oeq", y, splat(0.0)), b.compare("oeq", x, splat(1.0)))
    return b.select(one, splat(1.0), result)


def _circle(b: Body, x: str, quarter: int) -> str:
    """sin(x + quarter * pi/2) for abs(x) < 1e5; the reduction is by a half pi in three parts."""
    shifted = b.muladd(x, splat(2 / math.pi), splat(ROUNDER))
    n = b.xsub(shifted, splat(ROUNDER))
    first = _less(b, n, HALF_PI[0], x)
    second, second_low = product(b, n, splat(HALF_PI[1]))
    r = b.xsub(first, second)
    lost = b.xsub(b.xsub(first, r), second)
    r_low = b.xsub(lost, b.xadd(second_low, b.xmul(n, splat(HALF_PI[2]))))
    r, r_low = _sum(b, r, r_low)
    z = b.xmul(r, r)
    half = b.xmul(z, splat(0.5))
    sine = b.xadd(r, b.muladd(b.xmul(z, r), polynomial(b, SIN, z), b.xmul(r_low, b.xsub(splat(1.0), half))))
    top = b.xsub(splat(1.0), half)
    small = b.xsub(b.xsub(splat(1.0), top), half)
    cosine = b.xadd(top, b.xadd(small, b.muladd(b.xmul(z, z), polynomial(b, COS, z), b.neg(b.xmul(r, r_low)))))
    place = b.whole("add", b.bits(shifted), isplat(quarter))
    crossed = b.put(f"icmp ne <8 x i64> {b.whole('and', place, isplat(1))}, zeroinitializer")
    value = b.select(crossed, cosine, sine)
    sign = b.whole("shl", b.whole("and", place, isplat(2)), isplat(62))
    return b.floats(b.whole("xor", b.bits(value), sign))


def _wide(b: Body, x: str, quarter: int, other: str) -> str:
    """The own sine or cosine; where a lane is beyond its range, that of the C library for that lane."""
    inside = b.compare("olt", b.call("llvm.fabs.v8f64", x), splat(1e5))
    own = _circle(b, x, quarter)
    some = b.put(f"call i1 @llvm.vector.reduce.and.v8i1(<8 x i1> {inside})")
    b.declared.add("declare i1 @llvm.vector.reduce.and.v8i1(<8 x i1>)")
    start, far, done = b.label(), b.label(), b.label()
    b.do(f"br label %{start}")
    b.do(f"{start}:")
    b.do(f"br i1 {some}, label %{done}, label %{far}")
    b.do(f"{far}:")
    mixed = b.select(inside, own, b.call(other, x))
    b.do(f"br label %{done}")
    b.do(f"{done}:")
    return b.put(f"phi <8 x double> [ {own}, %{start} ], [ {mixed}, %{far} ]")


def sin(b: Body, x: str) -> str:
    """Sine; at most 2 ulp for abs(x) < 1e5, beyond as the C library."""
    return _wide(b, x, 0, "llvm.sin.v8f64")


def cos(b: Body, x: str) -> str:
    """Cosine; at most 2 ulp for abs(x) < 1e5, beyond as the C library."""
    return _wide(b, x, 1, "llvm.cos.v8f64")
