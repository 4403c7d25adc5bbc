"""The normal distribution and the log-gamma function on vectors.

The quantile is algorithm AS 241 [1]_, with the same steps as Python's `statistics.NormalDist`.

References
----------
.. [1] Wichura, M. J. (1988). Algorithm AS 241: the percentage points of the normal distribution. J. R. Stat. Soc. C
   37(3), 477-484. https://doi.org/10.2307/2347330
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sdmodel.compile.llvm.ir import Body, splat
from sdmodel.compile.llvm.logarithm import ln

_MIDDLE = (
    (2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
     1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
    (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0),
)  # fmt: skip
_OUTER = (
    (7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
     3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
    (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
     6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0, 1.0),
)  # fmt: skip
_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
     2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
    (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
     1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0),
)  # fmt: skip


def _horner(b: Body, coefficients: Sequence[float], r: str) -> str:
    value = splat(coefficients[0])
    for c in coefficients[1:]:
        value = b.xadd(b.xmul(value, r), splat(c))
    return value


def normal_quantile(b: Body, u: str) -> str:
    """Inverse of the standard normal distribution function; infinite at 0 and 1, NaN outside."""
    q = b.xsub(u, splat(0.5))
    inner = b.xsub(splat(0.180625), b.xmul(q, q))
    middle = b.div(b.xmul(_horner(b, _MIDDLE[0], inner), q), _horner(b, _MIDDLE[1], inner))
    tail = b.select(b.compare("ole", q, splat(0.0)), u, b.xsub(splat(1.0), u))
    r = b.call("sqrt", b.neg(ln(b, tail)))
    near, far = b.xsub(r, splat(1.6)), b.xsub(r, splat(5.0))
    outer = b.div(_horner(b, _OUTER[0], near), _horner(b, _OUTER[1], near))
    farther = b.div(_horner(b, _TAIL[0], far), _horner(b, _TAIL[1], far))
    side = b.select(b.compare("ole", r, splat(5.0)), outer, farther)
    side = b.select(b.compare("olt", q, splat(0.0)), b.neg(side), side)
    value = b.select(b.compare("ole", b.call("fabs", q), splat(0.425)), middle, side)
    value = b.xadd(value, splat(0.0))
    value = b.select(b.compare("oeq", u, splat(0.0)), splat(-math.inf), value)
    value = b.select(b.compare("oeq", u, splat(1.0)), splat(math.inf), value)
    inside = b.both(b.compare("oge", u, splat(0.0)), b.compare("ole", u, splat(1.0)))
    return b.select(inside, value, splat(math.nan))


def normal_cdf(b: Body, z: str) -> str:
    """Standard normal distribution function, by the C library's erfc."""
    return b.xmul(splat(0.5), lane_by_lane(b, "erfc", b.div(b.neg(z), splat(math.sqrt(2)))))


def gamma_ln(b: Body, x: str) -> str:
    """Logarithm of the gamma function, by the C library; NaN unless x is positive and finite."""
    inside = b.both(b.compare("ogt", x, splat(0.0)), b.compare("olt", x, splat(math.inf)))
    return b.select(inside, lane_by_lane(b, "lgamma", b.select(inside, x, splat(1.0))), splat(math.nan))


def lane_by_lane(b: Body, function: str, x: str) -> str:
    """Call a function of the C library for each lane."""
    b.declared.add(f"declare double @{function}(double)")
    result = "poison"
    for lane in range(b.lanes):
        one = b.put(f"extractelement {b.f64} {x}, i64 {lane}")
        result = b.put(
            f"insertelement {b.f64} {result}, double {b.put(f'call double @{function}(double {one})')}, i64 {lane}"
        )
    return result
