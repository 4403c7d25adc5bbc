"""Vectorised exp, tanh, sin and cos (`logarithm` has ln and log10, `power` pow).

Argument reduction and evaluation follow published methods [1]_ [2]_ [3]_ [4]_; the polynomials were fitted for this
package (interpolation at Chebyshev nodes in 60 digits), and a test measures their errors.

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

from sdmodel.compile.llvm.ir import Body, isplat, splat
from sdmodel.compile.llvm.loops import all_lanes
from sdmodel.compile.llvm.tables import fetch

ROUNDER = 6755399441055744.0
"""1.5 * 2**52: adding a small number rounds it to an integer, stored in the low bits of the sum."""

SIXTEENTHS = 1.5 * 2.0**48
"""Adding a small number rounds it to sixteenths, whose number is in the low bits of the sum."""

LN2, LN2_REST = 0.6931471805599453, 2.3190468138462996e-17
LN2_HIGH, LN2_LOW = 0.6931471804855391, 7.440617110012397e-11
EXP = (
    0.5000000000000001, 0.16666666666666669, 0.04166666666662413, 0.008333333333330062, 0.0013888888917213717,
    0.00019841269863053618, 2.4801521295954376e-05, 2.7557268459997064e-06, 2.7620088445409746e-07,
    2.510038549551032e-08,
)  # fmt: skip
"""(exp(r) - 1 - r) / r**2 for abs(r) <= ln(2)/2."""
EXP_SHORT = (
    0.5, 0.1666666666530169, 0.04166666666496045, 0.008333449701253456, 0.0013889034348599464,
)  # fmt: skip
"""(exp(r) - 1 - r) / r**2 for abs(r) <= ln(2)/32."""
POWERS = tuple(2.0 ** (i / 16) for i in range(16))
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

ONE = 0x3FF0000000000000
MANTISSA = 0x000FFFFFFFFFFFFF
_SCALE = "llvm.x86.avx512.mask.scalef.pd.512"


def polynomial(b: Body, c: Sequence[float], x: str) -> str:
    """c[0] + c[1] x + ..., by Estrin's scheme, whose dependency chain is shorter than Horner's."""
    terms = [splat(a) for a in c]
    power = x
    while len(terms) > 1:
        paired = [b.muladd(terms[i + 1], power, terms[i]) for i in range(0, len(terms) - 1, 2)]
        terms = paired + ([terms[-1]] if len(terms) % 2 else [])
        power = b.xmul(power, power) if len(terms) > 1 else power
    return terms[0]


def clamp(b: Body, x: str, low: float, high: float) -> str:
    """Clip x to [low, high], neither of them zero; NaN stays NaN."""
    at_least = b.select(b.compare("ogt", splat(low), x), splat(low), x)
    return b.select(b.compare("olt", splat(high), at_least), splat(high), at_least)


def product(b: Body, x: str, y: str) -> tuple[str, str]:
    """X * y exactly, as the rounded product and its error (Dekker)."""
    high = b.xmul(x, y)
    if b.machine.fma:
        return high, b.call("fma", x, y, b.neg(high))
    x1, x2 = _halves(b, x)
    y1, y2 = _halves(b, y)
    error = b.xsub(b.xmul(x1, y1), high)
    error = b.xadd(b.xadd(error, b.xmul(x1, y2)), b.xmul(x2, y1))
    return high, b.xadd(error, b.xmul(x2, y2))


def _halves(b: Body, x: str) -> tuple[str, str]:
    wide = b.xmul(x, splat(134217729.0))
    upper = b.xsub(wide, b.xsub(wide, x))
    return upper, b.xsub(x, upper)


def exact_sum(b: Body, x: str, y: str) -> tuple[str, str]:
    """X + y exactly, as the rounded sum and its error, where abs(x) >= abs(y)."""
    high = b.xadd(x, y)
    return high, b.xadd(b.xsub(x, high), y)


def _less(b: Body, n: str, part: float, x: str) -> str:
    """X - n * part."""
    return b.muladd(n, splat(-part), x)


def reduced(b: Body, x: str) -> tuple[str, str, str]:
    """X = n ln 2 + r: the bits that hold n, n, and r."""
    shifted = b.muladd(x, splat(1 / math.log(2)), splat(ROUNDER))
    n = b.xsub(shifted, splat(ROUNDER))
    return b.bits(shifted), n, _less(b, n, LN2_LOW, _less(b, n, LN2_HIGH, x))


def grow(b: Body, r: str) -> str:
    """exp(r) - 1 for small r."""
    return b.muladd(b.xmul(r, r), polynomial(b, EXP, r), r)


def raised(b: Body, x: str, missing: str = "", normal: bool = False) -> str:
    """exp(x + missing) for -746 <= x <= 710 and a tiny `missing`; `normal` if the result is a normal number."""
    if b.machine.permute:
        return _raised_by_table(b, x, missing)
    bits, _, r = reduced(b, x)
    p = b.xadd(grow(b, b.xadd(r, missing) if missing else r), splat(1.0))
    if normal:
        return b.floats(b.whole("add", b.bits(p), b.whole("shl", bits, isplat(52))))
    # P * 2**n, rounded once, in two steps
    half = b.whole("and", b.whole("shl", bits, isplat(51)), isplat(MANTISSA ^ -1))
    rest = b.whole("sub", b.whole("shl", bits, isplat(52)), half)
    first = b.floats(b.whole("add", b.bits(p), half))
    return b.xmul(first, b.floats(b.whole("add", rest, isplat(ONE))))


def _raised_by_table(b: Body, x: str, missing: str) -> str:
    """As `raised`: x = n ln 2 + r with n in sixteenths; the power of two of its fraction is tabulated."""
    v = b.f64
    shifted = b.muladd(x, splat(1 / math.log(2)), splat(SIXTEENTHS))
    n = b.xsub(shifted, splat(SIXTEENTHS))
    r = _less(b, n, LN2_REST, _less(b, n, LN2, x))
    r = b.xadd(r, missing) if missing else r
    top = fetch(b, "powers", POWERS, b.bits(shifted))
    p = b.muladd(top, b.muladd(b.xmul(r, r), polynomial(b, EXP_SHORT, r), r), top)
    b.declared.add(f"declare {v} @{_SCALE}({v}, {v}, {v}, i8, i32)")
    return b.put(f"call {v} @{_SCALE}({v} {p}, {v} {n}, {v} zeroinitializer, i8 -1, i32 4)")  # p * 2**floor(n)


def exp(b: Body, x: str) -> str:
    """Exponential; at most 2 ulp."""
    return raised(b, clamp(b, x, -746.0, 710.0))


def tanh(b: Body, x: str) -> str:
    """Hyperbolic tangent, as e / (e + 2) with e = exp(2 abs(x)) - 1; at most 2 ulp."""
    size = b.call("fabs", x)
    short = b.select(b.compare("olt", splat(20.0), size), splat(20.0), size)
    bits, _, r = reduced(b, b.xadd(short, short))
    two = b.floats(b.whole("add", b.whole("shl", bits, isplat(52)), isplat(ONE)))
    high, low = exact_sum(b, b.xsub(two, splat(1.0)), b.xmul(r, two))
    rest = b.muladd(b.xmul(b.xmul(r, r), two), polynomial(b, EXP, r), low)
    e = b.xadd(high, rest)
    e_low = b.xadd(b.xsub(high, e), rest)
    below = b.xadd(e, splat(2.0))
    added = b.xsub(below, e)
    below_low = b.xadd(b.xsub(e, b.xsub(below, added)), b.xsub(splat(2.0), added))
    q = b.div(e, below)
    left = b.xsub(splat(1.0), q)  # approximately 2 / below
    fault = b.xsub(b.xmul(e_low, left), b.xmul(q, below_low))
    q = b.muladd(b.xmul(fault, left), splat(0.5), q)
    return b.call("copysign", q, x)


def _circle(b: Body, x: str, quarter: int) -> str:
    """sin(x + quarter * pi/2) for abs(x) < 1e5; pi/2 is subtracted in three parts (Cody-Waite)."""
    shifted = b.muladd(x, splat(2 / math.pi), splat(ROUNDER))
    n = b.xsub(shifted, splat(ROUNDER))
    first = _less(b, n, HALF_PI[0], x)
    second, second_low = product(b, n, splat(HALF_PI[1]))
    r = b.xsub(first, second)
    lost = b.xsub(b.xsub(first, r), second)
    r_low = b.xsub(lost, b.xadd(second_low, b.xmul(n, splat(HALF_PI[2]))))
    r, r_low = exact_sum(b, r, r_low)
    z = b.xmul(r, r)
    half = b.xmul(z, splat(0.5))
    sine = b.xadd(r, b.muladd(b.xmul(z, r), polynomial(b, SIN, z), b.xmul(r_low, b.xsub(splat(1.0), half))))
    top = b.xsub(splat(1.0), half)
    small = b.xsub(b.xsub(splat(1.0), top), half)
    cosine = b.xadd(top, b.xadd(small, b.muladd(b.xmul(z, z), polynomial(b, COS, z), b.neg(b.xmul(r, r_low)))))
    place = b.whole("add", b.bits(shifted), isplat(quarter))
    crossed = b.put(f"icmp ne {b.i64} {b.whole('and', place, isplat(1))}, zeroinitializer")
    value = b.select(crossed, cosine, sine)
    sign = b.whole("shl", b.whole("and", place, isplat(2)), isplat(62))
    return b.floats(b.whole("xor", b.bits(value), sign))


def _wide(b: Body, x: str, quarter: int, other: str) -> str:
    """Vectorised sine or cosine; the C library's in lanes where x is outside the range of `_circle`."""
    inside = b.compare("olt", b.call("fabs", x), splat(1e5))
    own = _circle(b, x, quarter)
    every = all_lanes(b, inside)
    start, far, done = b.label(), b.label(), b.label()
    b.do(f"br label %{start}")
    b.do(f"{start}:")
    b.do(f"br i1 {every}, label %{done}, label %{far}")
    b.do(f"{far}:")
    mixed = b.select(inside, own, b.call(other, x))
    b.do(f"br label %{done}")
    b.do(f"{done}:")
    return b.put(f"phi {b.f64} [ {own}, %{start} ], [ {mixed}, %{far} ]")


def sin(b: Body, x: str) -> str:
    """Sine; at most 2 ulp for abs(x) < 1e5, beyond as the C library."""
    return _wide(b, x, 0, "sin")


def cos(b: Body, x: str) -> str:
    """Cosine; at most 2 ulp for abs(x) < 1e5, beyond as the C library."""
    return _wide(b, x, 1, "cos")
