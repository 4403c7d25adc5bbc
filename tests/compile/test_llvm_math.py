"""Accuracy of the kernel's own functions over their domains, against mpmath; seeded, 1e5 points and more a function."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from lanes import values

from sdmodel.compile.llvm import logarithm, power
from sdmodel.compile.llvm import math as own
from sdmodel.compile.llvm import random as chance

mpmath = pytest.importorskip("mpmath")
MACHINES = [{"fma": True}, {"fma": False}, {"fma": True, "permute": True}]
MANY = 100_000
TINY = math.ulp(0.0)
HUGE = 1.7976931348623157e308


def precise(name: str, *given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True values of a function of mpmath as sums of two doubles."""
    high, low = [], []
    with mpmath.workprec(160):
        for args in zip(*(g.tolist() for g in given), strict=True):
            value = getattr(mpmath, name)(*map(mpmath.mpf, args))
            near = float(value)
            high.append(near)
            low.append(float(value - near) if math.isfinite(near) else 0.0)
    return np.array(high), np.array(low)


def exact(name: str, *given: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The same by the C library in longer numbers where there are such: mpmath is some hundred times slower.

    Every hundredth value is held against mpmath.
    """
    if np.finfo(np.longdouble).nmant < 63:
        return precise(name, *given)
    with np.errstate(all="ignore"):
        value = getattr(np, name)(*(x.astype(np.longdouble) for x in given))
        high = value.astype(float)
        low = np.where(np.isfinite(high), value - high, 0).astype(float)
    few = slice(None, None, 100)
    wanted, rest = precise(name, *(x[few] for x in given))
    assert np.array_equal(np.isinf(high[few]), np.isinf(wanted))
    fine = np.isfinite(wanted)
    assert ulps(high[few][fine], wanted[fine], rest[fine] - low[few][fine]) < 0.01
    return high, low


def ulps(got: np.ndarray, high: np.ndarray, low: np.ndarray) -> float:
    """Largest error in units of the last place of the true value."""
    unit = np.maximum(np.spacing(np.abs(high)), TINY)
    return float(np.max(np.abs((got - high) - low) / unit))


rng = np.random.default_rng(20260101)
NEAR_ONE = 1.0 + rng.normal(0, 1e-3, 5000) * 10.0 ** rng.uniform(-12, 0, 5000)
POSITIVE = np.concatenate([2.0 ** rng.uniform(-1074, 1023.9, MANY), rng.uniform(0.4, 2.5, 20_000), NEAR_ONE])
SMALL = rng.choice([-1.0, 1.0], 5000) * 10.0 ** rng.uniform(-320, -1, 5000)
ANGLES = np.concatenate([
    rng.uniform(-99_999, 99_999, MANY), rng.uniform(-7, 7, 20_000), np.arange(-63_000, 63_000, 13) * (math.pi / 2),
    SMALL,
])  # fmt: skip
DOMAINS = {
    "exp": (own.exp, "exp", np.concatenate([rng.uniform(-745, 709.7, MANY), rng.uniform(-1, 1, 20_000), SMALL]), 2),
    "ln": (logarithm.ln, "log", POSITIVE, 2),
    "log10": (logarithm.log10, "log10", np.concatenate([POSITIVE, 10.0 ** np.arange(-307, 309)]), 2),
    "tanh": (own.tanh, "tanh", np.concatenate([rng.uniform(-2, 2, MANY), rng.uniform(-22, 22, 20_000), SMALL]), 2),
    "sin": (own.sin, "sin", ANGLES, 2),
    "cos": (own.cos, "cos", ANGLES, 2),
}  # fmt: skip


@pytest.mark.parametrize("name", DOMAINS)
def test_error_in_ulps(name: str) -> None:
    build, truth, points, most = DOMAINS[name]
    high, low = exact(truth, points)
    for machine in MACHINES:
        assert ulps(values(build, points, **machine), high, low) <= most


def test_error_of_power_in_ulps() -> None:
    x = np.concatenate([2.0 ** rng.uniform(-1074, 1023.9, MANY), rng.uniform(0.3, 3, MANY // 2), NEAR_ONE])
    with np.errstate(divide="ignore"):
        largest = np.minimum(744 / np.abs(np.log(x)), 1e9)
    y = rng.uniform(-1, 1, len(x)) * largest
    high, low = exact("power", x, y)
    fine = np.isfinite(high) & (high > 0)
    assert fine.sum() > MANY
    for machine in MACHINES:
        got = values(power.power, x, y, **machine)
        assert ulps(got[fine], high[fine], low[fine]) <= 4
        # a whole power of a negative base has its sign
        whole = np.rint(np.clip(y, -50, 50))
        odd = whole % 2 != 0
        sign = np.where(odd, -1.0, 1.0)
        assert np.array_equal(
            values(power.power, -x, whole, **machine), sign * values(power.power, x, whole, **machine)
        )


def same(got: np.ndarray, wanted: Sequence[float]) -> None:
    np.testing.assert_array_equal(got, np.array(wanted))
    finite = ~np.isnan(got)
    assert np.array_equal(np.signbit(got[finite]), np.signbit(np.array(wanted)[finite]))


inf, nan = math.inf, math.nan


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_ends(machine: dict[str, bool]) -> None:
    """Infinities, NaN, zeros, subnormals and numbers too large or too small."""

    def check(build: Callable[..., str], *pairs: tuple[float, float]) -> None:
        same(values(build, [x for x, _ in pairs], **machine), [y for _, y in pairs])

    check(own.exp, (inf, inf), (-inf, 0.0), (nan, nan), (0.0, 1.0), (-0.0, 1.0), (709.79, inf), (1e308, inf),
          (-1e308, 0.0), (-745.2, 0.0), (-745.13, TINY), (1e-310, 1.0))  # fmt: skip
    check(logarithm.ln, (inf, inf), (-inf, nan), (nan, nan), (0.0, -inf), (-0.0, -inf), (-1.0, nan), (-TINY, nan),
          (1.0, 0.0), (TINY, math.log(TINY)), (HUGE, math.log(HUGE)))  # fmt: skip
    check(logarithm.log10, (inf, inf), (-inf, nan), (nan, nan), (0.0, -inf), (-2.0, nan), (1.0, 0.0), (1000.0, 3.0),
          (1e-5, -5.0), (1e300, 300.0))  # fmt: skip
    check(own.tanh, (inf, 1.0), (-inf, -1.0), (nan, nan), (0.0, 0.0), (-0.0, -0.0), (1e308, 1.0), (-1e308, -1.0),
          (TINY, TINY), (-1e-310, -1e-310), (19.5, 1.0))  # fmt: skip
    check(own.sin, (inf, nan), (-inf, nan), (nan, nan), (0.0, 0.0), (1e22, math.sin(1e22)))
    check(own.sin, (123456.7, math.sin(123456.7)), (1.0, math.sin(1.0)))
    check(own.cos, (inf, nan), (-inf, nan), (nan, nan), (0.0, 1.0), (-0.0, 1.0), (1e22, math.cos(1e22)))


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_ends_of_power(machine: dict[str, bool]) -> None:
    """Everywhere as in `values.power`, the Python engine's."""
    from sdmodel.core.functions import values as reference

    points = [0.0, -0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 3.0, -3.0, inf, -inf, nan, TINY, -TINY, HUGE, -HUGE, 1e-310,
              1e200, 2.0**53, 2.0**53 + 2, 1e308, -1e308]  # fmt: skip
    pairs = [*((x, y) for x in points for y in points), (10.0, -324.0), (10.0, 309.0), (2.0, -1074.0), (2.0, -1076.0)]
    got = values(power.power, [x for x, _ in pairs], [y for _, y in pairs], **machine)
    for (x, y), value in zip(pairs, got.tolist(), strict=True):
        wanted = reference.power(x, y)
        if math.isnan(wanted) or math.isinf(wanted) or wanted == 0:
            assert value == wanted or (math.isnan(value) and math.isnan(wanted)), (x, y, value, wanted)
            assert math.isnan(wanted) or math.copysign(1, value) == math.copysign(1, wanted), (x, y, value, wanted)
        else:
            assert abs(value - wanted) <= 4 * math.ulp(wanted), (x, y, value, wanted)


def test_fused_and_not_fused_are_of_one_kind() -> None:
    """Without fused operations a machine still gets results within a few ulp of the others."""
    x = np.linspace(-700, 700, 4001)
    a, b = (values(own.exp, x, fma=fma) for fma in (True, False))
    assert np.max(np.abs(a - b) / np.spacing(b)) <= 2


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_normal_distribution(machine: dict[str, bool]) -> None:
    from sdmodel.core.functions.vector_values import gamma_ln, normal_cdf, normal_quantile

    u = np.concatenate(
        [rng.uniform(0, 1, 4000), 10.0 ** rng.uniform(-300, 0, 1000), [0.0, 1.0, nan, -0.1, 1.1, 0.5, 0.075]]
    )
    wanted = np.array([normal_quantile(v) for v in u.tolist()])
    np.testing.assert_allclose(values(chance.normal_quantile, u, **machine), wanted, rtol=1e-14)
    z = np.concatenate([rng.normal(0, 3, 2000), [0.0, inf, -inf, nan, 40.0, -40.0]])
    np.testing.assert_array_equal(values(chance.normal_cdf, z, **machine), [normal_cdf(v) for v in z.tolist()])
    x = np.concatenate([10.0 ** rng.uniform(-5, 5, 500), [0.0, -1.0, inf, nan]])
    # Python has a function of its own, whose error near the zeros at 1 and 2 is of the size of a rounding of 1.
    wanted = np.array([gamma_ln(v) for v in x.tolist()])
    np.testing.assert_allclose(values(chance.gamma_ln, x, **machine), wanted, rtol=1e-14, atol=4e-15)


def test_polynomials_fit() -> None:
    """Errors of the fits, in units of the rounding of the result: what is left for rounding is told apart from them."""
    roots = (math.sqrt(2) - 1) / (math.sqrt(2) + 1)
    fits: list[tuple[Sequence[float], Callable[..., object], float, float, Callable[..., object]]] = [
        (own.EXP, lambda r: (mpmath.expm1(r) - r) / r**2, -0.3466, 0.3466, lambda r: r**2 / mpmath.exp(r)),
        (own.EXP_SHORT, lambda r: (mpmath.expm1(r) - r) / r**2, -0.0217, 0.0217, lambda r: r**2 / mpmath.exp(r)),
        (logarithm.LOG, lambda z: (2 * mpmath.atanh(z**0.5) / z**0.5 - 2) / z, 0, roots**2, lambda z: z / 2),
        (logarithm.LOG_LONG, lambda r: (mpmath.log1p(r) - r + r**2 / 2) / r**3, -0.0387, 0.0383, lambda r: (32 * r)**2),
        (own.SIN, lambda z: (mpmath.sin(mpmath.sqrt(z)) / mpmath.sqrt(z) - 1) / z, 0, (math.pi / 4) ** 2, lambda z: z),
        (own.COS, lambda z: (mpmath.cos(mpmath.sqrt(z)) - 1 + z / 2) / z**2, 0, (math.pi / 4) ** 2, lambda z: z**2),
    ]  # fmt: skip
    with mpmath.workprec(250):
        for c, f, low, high, weigh in fits:
            for i in range(1, 400):
                x = low + (high - low) * mpmath.mpf(i) / 400
                if x:
                    error = (sum(mpmath.mpf(a) * x**k for k, a in enumerate(c)) - f(x)) * weigh(x)
                    assert abs(error) < 2.0**-53 / 2


def test_table_of_logarithms() -> None:
    """Every place of the table brings its numbers near one, and its logarithms are those of its factors."""
    with mpmath.workprec(250):
        table = zip(logarithm.FACTORS, logarithm.LOGS_HIGH, logarithm.LOGS_LOW, strict=True)
        for i, (factor, high, low) in enumerate(table):
            middle = (i if i > 8 else i + 16) / 16
            ends = np.clip([middle - 1 / 32, middle + 1 / 32], 0.75, 1.5)
            assert middle < 0.75 or ((ends * factor - 1 > -0.0387) & (ends * factor - 1 < 0.0383)).all()
            assert (high * 2.0**42).is_integer()
            assert abs(-mpmath.log(factor) - high - mpmath.mpf(low)) < 2.0**-96
