"""The function table: every scalar operation, number of arguments, stock, distribution and refusal, by hand.

Numbers of arguments are those of Vensim's reference manual, https://vensim.com/documentation/20770.html, and, of the
functions marked so, of XMILE 1.0, section 3.5.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from math import e, inf, nan, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

import sdmodel
from sdmodel.core.errors import SdmodelError
from sdmodel.core.expression import NA
from sdmodel.core.functions import distributions
from sdmodel.core.functions.table import FUNCTIONS, OPERATIONS
from sdmodel.core.functions.values import interpolate
from sdmodel.core.functions.vector_values import allocate_available, allocate_by_priority

Make = Callable[..., sdmodel.Model]

# -- scalar operations --------------------------------------------------------------------------------------------
VALUES = """
add 2 3 5, sub 2 3 -1, mul 2 3 6, div 6 4 1.5, neg 2 -2, abs -2 2, select 2 3 4 3, select -1 3 4 3, select 0 3 4 4
div 1 0 inf, div -1 0 -inf, div 1 -0.0 -inf, div 0 0 nan, div nan 0 nan, div inf 2 inf
pow 2 5 32, pow -2 3 -8, pow 0 -1 inf, pow -8 0.5 nan, pow 10 400 inf, pow -10 401 -inf, pow -10 400 inf, pow 0 0 1
min 1 2 1, min 2 1 1, min nan 1 nan, min 1 nan nan, max 1 2 2, max 2 1 2, max nan 1 nan, max 1 nan nan
lt 1 2 1, lt 2 2 0, le 2 2 1, le 3 2 0, gt 3 2 1, gt 2 2 0, ge 2 2 1, ge 1 2 0, eq 2 2 1, eq 1 2 0, ne 1 2 1, ne 2 2 0
and 1 2 1, and 1 0 0, and 0 1 0, or 0 -1 1, or 1 0 1, or 0 0 0, not 0 1, not 1 0, not 3 0
exp 1 e, exp 1000 inf, exp -1000 0, ln e 1, ln 0 -inf, ln -1 nan, ln nan nan, log10 1000 3, log10 0 -inf, log10 -1 nan
sqrt 9 3, sqrt -1 nan, sin pi/6 0.5, sin inf nan, cos pi/3 0.5, cos inf nan, tan pi/4 1, tan inf nan
asin 0.5 pi/6, asin 2 nan, acos 0.5 pi/3, acos -2 nan, atan 1 pi/4, atan -inf -pi/2
sinh log(2) 0.75, cosh log(2) 1.25, tanh log(2) 0.6, sinh 1000 inf, sinh -1000 -inf, cosh -1000 inf, tanh -1000 -1
trunc -1.9 -1, trunc 1.9 1, trunc inf inf, trunc nan nan, floor -1.5 -2, floor 1.5 1, floor -inf -inf
gamma_ln 5 log(24), gamma_ln 0.5 log(pi)/2, gamma_ln 0 nan, gamma_ln -1 nan, gamma_ln inf nan, gamma_ln 1e306 inf
normal_cdf 0 0.5, normal_cdf 1.959963984540054 0.975, normal_quantile 0.975 1.959963984540054, normal_quantile 0.5 0
normal_quantile 0 -inf, normal_quantile 1 inf, normal_quantile -0.1 nan, normal_quantile 1.1 nan
element_at 1.4 10 20 30 20, element_at 1.6 10 20 30 30, element_at -0.5 10 20 30 10, element_at 2.4 10 20 30 30
element_at -0.6 10 20 30 NA, element_at 2.5 10 20 30 NA, element_at nan 10 20 nan, element_at inf 10 20 nan
sort_order 0 1 5 3 4 1, sort_order 2 1 5 3 4 0, sort_order 0 -1 5 3 4 0, sort_order 2 0 5 3 4 1
rank 0 1 5 3 4 3, rank 1 1 5 3 4 1, rank 1 -1 5 3 4 3, rank 0 0 5 3 4 1
inverse 0 0 1 2 3 4 -2, inverse 0 1 1 2 3 4 1, inverse 1 0 1 2 3 4 1.5, inverse 1 1 1 2 3 4 -0.5
inverse 0 0 1 2 2 4 nan
"""
CASES = [case.split() for line in VALUES.strip().splitlines() for case in line.split(", ")]
NAMES = {"inf": inf, "nan": nan, "e": e, "NA": NA, "pi": pi, "log(2)": math.log(2), "log(24)": math.log(24),
         "pi/2": pi / 2, "pi/3": pi / 3, "pi/4": pi / 4, "pi/6": pi / 6, "log(pi)/2": math.log(pi) / 2}  # fmt: skip


def number(text: str) -> float:
    sign = -1 if text.startswith("-") else 1
    return sign * NAMES[text.lstrip("-")] if text.lstrip("-") in NAMES else float(text)


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_an_operation_has_the_values_of_ieee_arithmetic_and_never_raises(name: str) -> None:
    for _, *texts in (case for case in CASES if case[0] == name):
        *args, want = map(number, texts)
        operation = OPERATIONS[name]
        assert operation.value(*args) == pytest.approx(want, rel=1e-14, abs=1e-15, nan_ok=True), texts
        if operation.fast is not None and math.isfinite(want) and all(map(math.isfinite, args)):
            try:
                assert operation.fast(*args) == operation.value(*args)
            except (ArithmeticError, ValueError):
                assert name == "pow"  # of zero to a negative power: left to the slower form


def test_every_operation_has_values_here_or_is_a_draw_or_an_allocation() -> None:
    others = {name for name in OPERATIONS if name.startswith(("random_", "allocate_"))}
    assert set(OPERATIONS) - others == {case[0] for case in CASES}


def test_what_is_piecewise_constant_says_so() -> None:
    comparisons = {"lt", "le", "gt", "ge", "eq", "ne", "and", "or", "not"}
    assert {o.name for o in OPERATIONS.values() if o.flat} == comparisons | {"trunc", "floor"}


# -- the table ----------------------------------------------------------------------------------------------------
ARGUMENTS = {
    "0": "pi, random 0 1",
    "1": "abs, exp, ln, log10, sqrt, sin, cos, tan, arcsin, arccos, arctan, sinh, cosh, tanh, integer, gamma ln, "
    "initial, game, elmcount, sum, prod, vmin, vmax, floor, round",
    "1 2": "log, invert matrix, poisson",
    "1 999": "min, max",
    "2": "power, quantum, modulo, zidz, active initial, step, pulse, integ, smooth, smooth3, delay1, delay3, "
    "with lookup, lookup extrapolate, lookup forward, lookup backward, lookup invert, vector sort order, vector rank, "
    "vector reorder, vector elm map, floored modulo, xramp, xpulse, integ non negative, integ cut, previous",
    "2 3": "ramp, random uniform, array rank",
    "3": "xidz, if then else, get time value, smoothi, smooth3i, delay1i, delay3i, trend, delay fixed, sample if true, "
    "allocate available, xpulse train",
    "3 4": "forecast",
    "3 99": "element at",
    "4": "pulse train, smooth n, delay n, npv",
    "4 5": "random normal, random exponential",
    "5": "vector select, allocate by priority",
    "5 6": "random triangular, random weibull, random gamma, random poisson",
    "6 7": "random beta, random binomial, random negative binomial",
    "0 99": "data, get data, get lookups, get constants",
}
ONLY_XMILE = {"floor", "round", "poisson", "floored modulo", "xramp", "xpulse", "xpulse train", "integ non negative",
              "integ cut", "previous", "array rank", "element at"}  # fmt: skip


def test_functions_take_as_many_arguments_as_in_the_manual() -> None:
    want = {}
    for count, names in ARGUMENTS.items():
        least, *most = map(int, count.split())
        want |= {name.strip(): (least, *(most or [least])) for name in names.split(",")}
    assert {f.name: f.arguments for f in FUNCTIONS.values()} == want


def test_functions_are_of_vensim_or_of_xmile_and_need_the_grid_where_they_remember() -> None:
    assert {f.name for f in FUNCTIONS.values() if not f.vensim} == ONLY_XMILE
    assert {f.name for f in FUNCTIONS.values() if f.renamed} == {"initial", "floor", "gamma ln", "lookup invert"}
    draws = {name for name in FUNCTIONS if name.startswith("random") or name == "poisson"}
    memory = {"delay fixed", "sample if true", "previous", "integ non negative", "integ cut"}
    assert {f.name for f in FUNCTIONS.values() if f.steps} == draws | memory
    gather = {"sum", "prod", "vmin", "vmax", "vector select", "array rank"}
    assert {f.name for f in FUNCTIONS.values() if f.gathers} == gather


# -- lookups ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "at", "want"),
    [
        ("interpolate", [-1, 0, 1, 2, 3.5, 5, 9, nan], [1, 1, 2, 3, 6, 9, 9, nan]),
        ("extrapolate", [-1, 0, 1, 2, 3.5, 5, 9, nan], [0, 1, 2, 3, 6, 9, 17, nan]),
        ("look_forward", [-1, 0, 0.1, 2, 3.5, 5, 9, nan], [1, 1, 3, 3, 9, 9, 9, nan]),
        ("hold_backward", [-1, 0, 1.9, 2, 3.5, 5, 9, nan], [1, 1, 1, 3, 3, 9, 9, nan]),
        ("raw", [-1, 0, 1, 2 + 1e-10, 2 - 1e-10, 2 + 1e-6, 5, nan], [NA, 1, NA, 3, 3, NA, 9, nan]),
    ],
)
def test_a_lookup_has_the_values_worked_out_by_hand(kind: str, at: list[float], want: list[float]) -> None:
    found = [interpolate(x, (0.0, 2.0, 5.0), (1.0, 3.0, 9.0), kind) for x in at]
    assert found == pytest.approx(want, rel=1e-14, nan_ok=True)


def test_a_lookup_of_one_point_is_constant_and_a_raw_one_is_not() -> None:
    for kind in ("interpolate", "extrapolate", "look_forward", "hold_backward"):
        assert [interpolate(x, (2.0,), (7.0,), kind) for x in (1.0, 2.0, 3.0)] == [7, 7, 7]
    assert [interpolate(x, (2.0,), (7.0,), "raw") for x in (1.0, 2.0, 3.0)] == [NA, 7, NA]
    assert interpolate(1e12 + 1, (1e12,), (7.0,), "raw") == 7  # to nine digits


# -- stocks -------------------------------------------------------------------------------------------------------
def smooth(x: np.ndarray, time: float, order: int, start: float) -> list[float]:
    levels, out = [start] * order, []
    for now in x:
        out.append(levels[-1])
        levels = [v + (up - v) * order / time for v, up in zip(levels, [now, *levels], strict=False)]
    return out


def delay(x: np.ndarray, time: float, order: int, start: float) -> list[float]:
    levels, out = [start * time / order] * order, []
    for now in x:
        flows = [v * order / time for v in levels]
        out.append(flows[-1])
        levels = [v + a - b for v, a, b in zip(levels, [now, *flows], flows, strict=False)]
    return out


X = 2 + np.arange(11.0) ** 2 / 4
AVERAGE = smooth(X, 4, 1, 2 / 1.4), smooth(X, 4, 1, 2)
STOCKS = [
    ("SMOOTH(x, 6)", smooth(X, 6, 1, 2)),
    ("SMOOTHI(x, 6, 9)", smooth(X, 6, 1, 9)),
    ("SMOOTH3(x, 6)", smooth(X, 6, 3, 2)),
    ("SMOOTH3I(x, 6, 9)", smooth(X, 6, 3, 9)),
    ("SMOOTH N(x, 6, 9, 2)", smooth(X, 6, 2, 9)),
    ("DELAY1(x, 6)", delay(X, 6, 1, 2)),
    ("DELAY1I(x, 6, 9)", delay(X, 6, 1, 9)),
    ("DELAY3(x, 6)", delay(X, 6, 3, 2)),
    ("DELAY3I(x, 6, 9)", delay(X, 6, 3, 9)),
    ("DELAY N(x, 6, 9, 2)", delay(X, 6, 2, 9)),
    ("TREND(x, 4, 0.1)", (X - AVERAGE[0]) / (4 * np.array(AVERAGE[0]))),
    ("FORECAST(x, 4, 5)", X * (1 + 5 * (X - AVERAGE[1]) / (4 * np.array(AVERAGE[1])))),
    ("TREND(x - x, 4, 0.1)", 0 * X),
    ("2*INTEG(x, 3)", 2 * (3 + np.cumsum([0, *X[:-1]]))),
]


def test_stocks_inside_formulas_follow_their_difference_equations(model_from: Make) -> None:
    rows = [f"y{i} = {formula} ~~|\nz{i} = INITIAL({formula}) ~~|" for i, (formula, _) in enumerate(STOCKS)]
    found = model_from("x = 2 + Time^2/4 ~~|\n" + "\n".join(rows), step=1).run(method="euler").to_dataframe()
    for i, (formula, want) in enumerate(STOCKS):
        np.testing.assert_allclose(found[f"y{i}"], want, rtol=1e-12, err_msg=formula)
        np.testing.assert_allclose(found[f"z{i}"], want[0], rtol=1e-12, err_msg=f"INITIAL({formula})")


def test_the_first_value_of_a_memory_is_its_initial_value(model_from: Make) -> None:
    found = model_from(
        "a = INITIAL(DELAY FIXED(Time, 2, 7)) ~~|\n"
        "d = INITIAL(SAMPLE IF TRUE(Time > 0, 1, 6)) ~~|\ne = INITIAL(SAMPLE IF TRUE(Time < 1, 1, 6)) ~~|",
        step=1,
    ).run(method="euler").to_dataframe()  # fmt: skip
    assert found[["a", "d", "e"]].iloc[0].tolist() == [7, 6, 1]


# -- distributions ------------------------------------------------------------------------------------------------
DRAWN = [
    ("beta", (2.0, 3.0), stats.beta(2, 3), (-inf, inf, 1.0, 4.0), (1.5, 3.0, 1.0, 4.0)),
    ("gamma", (3.0,), stats.gamma(3), (-inf, inf, 1.0, 2.0), (2.0, 9.0, 1.0, 2.0)),
    ("poisson", (4.0,), stats.poisson(4), (-inf, inf, 0.0, 1.0), (1.0, 6.0, 0.0, 1.0), (2.5, 9.5, 1.0, 2.0)),
    ("poisson", (5000.0,), stats.poisson(5000), (0.0, inf, 0.0, 1.0)),
    ("binomial", (0.3, 10.0), stats.binom(10, 0.3), (-inf, inf, 0.0, 1.0), (2.0, 5.0, 0.0, 1.0)),
    ("negative_binomial", (0.5, 3.0), stats.nbinom(3, 0.5, 3), (-inf, inf, 0.0, 1.0), (4.0, 8.0, 0.0, 1.0)),
]


@pytest.mark.parametrize("row", DRAWN, ids=[f"{row[0]}{row[1]}" for row in DRAWN])
def test_a_draw_is_the_quantile_of_what_lies_between_minimum_and_maximum(row: tuple) -> None:
    name, shape, law, *bounds = row
    draw = getattr(distributions, name)
    for least, most, shift, stretch in bounds:
        low, high = (least - shift) / stretch, (most - shift) / stretch
        whole = isinstance(law.dist, stats.rv_discrete)
        below, above = law.cdf(math.ceil(low) - 1 if whole and math.isfinite(low) else low), law.cdf(high)
        for u in (0.0, 1e-9, 0.1, 0.5, 0.9, 0.999):
            x = max(
                law.ppf(below + (above - below) * u), law.support()[0], math.ceil(low) if whole and low > -inf else low
            )
            found = draw(u, least, most, shift, stretch, *shape)
            assert found == pytest.approx(shift + stretch * x, rel=1e-9), (u, least, most)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("beta", (0, 9, 0, 1, 0.0, 3.0)),
        ("beta", (0, 9, 0, 1, 2.0, 0.0)),
        ("beta", (0, 9, 0, 1, 2.0, -1.0)),
        ("beta", (2, 9, 0, 1, 2.0, 3.0)),  # it lies between 0 and 1
        ("beta", (1, 0, 0, 1, 2.0, 3.0)),
        ("beta", (0, 1, 0, 0, 2.0, 3.0)),
        ("beta", (0, 1, nan, 1, 2.0, 3.0)),
        ("beta", (-inf, inf, 0, 1, 0.0, 3.0)),
        ("beta", (-inf, inf, 0, 1, 2.0, 0.0)),
        ("poisson", (-inf, inf, 0, 1, -0.1)),
        ("binomial", (-inf, inf, 0, 1, -0.1, 5.0)),
        ("binomial", (-inf, inf, 0, 1, 1.1, 5.0)),
        ("binomial", (-inf, inf, 0, 1, 0.5, -1.0)),
        ("negative_binomial", (-inf, inf, 0, 1, 0.0, 5.0)),
        ("negative_binomial", (-inf, inf, 0, 1, 1.1, 5.0)),
        ("negative_binomial", (-inf, inf, 0, 1, 0.5, 0.0)),
        ("gamma", (-inf, inf, 0, 1, 0.9)),
        ("gamma", (0, 9, 0, 1, 0.9)),
        ("gamma", (0, 9, 0, -1, 2.0)),
        ("gamma", (-2, -1, 0, 1, 2.0)),
        ("poisson", (0, 9, 0, 1, -0.1)),
        ("poisson", (0, 9, 0, 1, nan)),
        ("poisson", (0.2, 0.8, 0, 1, 3.0)),  # no whole number
        ("binomial", (0, 9, 0, 1, -0.1, 5.0)),
        ("binomial", (0, 9, 0, 1, 1.1, 5.0)),
        ("binomial", (0, 9, 0, 1, 0.5, -1.0)),
        ("binomial", (6, 9, 0, 1, 0.5, 5.0)),
        ("negative_binomial", (0, 9, 0, 1, 0.0, 5.0)),
        ("negative_binomial", (0, 9, 0, 1, 1.1, 5.0)),
        ("negative_binomial", (0, 9, 0, 1, 0.5, 0.5)),
        ("negative_binomial", (0, 4, 0, 1, 0.5, 5.0)),
    ],
)
def test_a_draw_without_meaning_is_nan(name: str, args: tuple[float, ...]) -> None:
    assert math.isnan(getattr(distributions, name)(0.5, *args))


def test_small_parameters_of_draws_have_a_meaning(model_from: Make) -> None:
    formulas = ["NORMAL(0, 1, 0.5, 0.2, 0)", "NORMAL(0, 1, 0.5, 0, 0)", "EXPONENTIAL(0, 1, 0, 0.5, 0)",
                "WEIBULL(0, 1, 0.5, 0, 0.5, 0)", "BETA(0, 1, 0.5, 0.5, 0, 0.5, 0)", "UNIFORM(0.5, 0.5, 0)",
                "TRIANGULAR(0, 1, 0, 0.5, 0.5, 0)", "TRIANGULAR(0, 1, 0.5, 0.5, 1, 0)"]  # fmt: skip
    found = model_from("\n".join(f"x{i} = RANDOM {f} ~~|" for i, f in enumerate(formulas)), step=1).run(method="euler")
    for i, formula in enumerate(formulas):
        assert found[f"x{i}"].between(0, 1).all(), formula
    assert set(found["x1"]) == set(found["x5"]) == {0.5}


@pytest.mark.parametrize(
    ("name", "args", "want"),
    [
        ("gamma", (0, inf, 0, 1, 1.0), math.log(2)),
        ("poisson", (0, 9, 0, 1, 0.0), 0),
        ("poisson", (3, 3, 0, 1, 5.0), 3),
        ("binomial", (0, 9, 0, 1, 0.0, 5.0), 0),
        ("binomial", (0, 9, 0, 1, 1.0, 5.0), 5),
        ("binomial", (0, 9, 0, 1, 0.5, 0.0), 0),
        ("negative_binomial", (0, 9, 0, 1, 1.0, 1.0), 1),
        ("beta", (0, 1, 0, 1, 1.0, 1.0), 0.5),
    ],
)
def test_a_draw_at_the_edge_of_its_meaning_by_hand(name: str, args: tuple[float, ...], want: float) -> None:
    assert getattr(distributions, name)(0.5, *args) == pytest.approx(want, rel=1e-12)


# -- allocation ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("requests", "priorities", "width", "by_supply"),
    [
        # The second starts when the first has half of its request, then both share in proportion to the requests.
        ((6, 9), (6, 5), 2, {0: (0, 0), 3: (3, 0), 8: (5, 3), 10.5: (6, 4.5), 13: (6, 7), 15: (6, 9), 20: (6, 9)}),
        ((9, 6), (5, 6), 2, {8: (3, 5)}),
        ((4, 4, 4), (3, 2, 1), 2, {2: (2, 0, 0), 5: (3.5, 1.5, 0), 6: (4, 2, 0), 8: (4, 3, 1), 11: (4, 4, 3)}),
        ((2, 3), (9, 5), 1, {1: (1, 0), 2: (2, 0), 3: (2, 1)}),
        ((2, 0, 3), (9, 5, 1), 1, {3: (2, 0, 1)}),
        ((2, 4), (5, 5), 1, {3: (1, 2)}),
        ((0, 0), (5, 5), 1, {3: (0, 0)}),
    ],
)
def test_an_allocation_by_priority_by_hand(
    requests: tuple[float, ...], priorities: tuple[float, ...], width: float, by_supply: dict[float, tuple[float, ...]]
) -> None:
    for supply, want in by_supply.items():
        got = [allocate_by_priority(i, width, supply, *requests, *priorities) for i in range(len(requests))]
        assert got == pytest.approx(want, rel=1e-12, abs=1e-12), supply


@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 5)), min_size=1, max_size=5),
    st.sampled_from([0.5, 1.0, 3.0]), st.floats(0, 40), st.sampled_from([1, 2, 3, 4]),
)  # fmt: skip
def test_allocations_spend_what_there_is_and_favour_priority(
    claims: list[tuple[int, int]], width: float, supply: float, kind: int
) -> None:
    requests, priorities = ([float(x) for x in column] for column in zip(*claims, strict=True))
    cells = [x for p in priorities for x in (kind, p, width, 0.0)]
    for share, rest in (
        (allocate_by_priority, (width, supply, *requests, *priorities)),
        (allocate_available, (supply, *requests, *cells)),
    ):
        got = [share(i, *rest) for i in range(len(requests))]
        assert sum(got) == pytest.approx(min(supply, sum(requests)), rel=1e-9, abs=1e-9)
        assert all(-1e-9 <= x <= q + 1e-9 for x, q in zip(got, requests, strict=True))
        filled = sorted((p, x / q) for p, x, q in zip(priorities, got, requests, strict=True) if q > 0)
        assert all(a[1] <= b[1] + 1e-9 for a, b in itertools.pairwise(filled))


def test_an_allocation_without_meaning_is_nan() -> None:
    for args in ((0.0, 3.0, 1.0, 5.0), (-1.0, 3.0, 1.0, 5.0), (1.0, -3.0, 1.0, 5.0), (1.0, 3.0, -1.0, 5.0),
                 (nan, 3.0, 1.0, 5.0), (1.0, nan, 1.0, 5.0), (1.0, 3.0, nan, 5.0)):  # fmt: skip
        assert math.isnan(allocate_by_priority(0, *args)), args
    for supply, request, kind, width in ((-1, 2, 1, 1), (nan, 2, 1, 1), (1, -2, 1, 1), (1, nan, 1, 1), (1, 2, 5, 1),
                                         (1, 2, 0.5, 1), (1, 2, -1, 1), (1, 2, 1, 0), (1, 2, 1, nan)):  # fmt: skip
        assert math.isnan(allocate_available(0, supply, request, kind, 3.0, width, 0.0)), (supply, request, kind, width)
    assert allocate_available(0, 0.0, 2.0, 1.0, 3.0, 1.0, 0.0) == 0
    assert allocate_available(0, 1.0, 2.0, 0.0, 3.0, 0.0, 0.0) == 1  # a fixed quantity has no width


# -- vectors ------------------------------------------------------------------------------------------------------
RANGES = "d: A, B ~~|\ne: e1, e2, e3 ~~|\nk: kind, at, wide, more ~~|\nv[e] = 3, 1, 2 ~~|\nw[d] = 1, 2 ~~|\n"


def test_gathering_by_hand(model_from: Make) -> None:
    found = model_from(
        RANGES + "same[d] = SUM(v[e!]) ~~|\nplace[d] = SUM(v[e!]*d) ~~|\nown[d] = SUM(v[e!]*w[d]) ~~|\n"
        "drawn[d] = SUM(v[e!]*RANDOM 0 1()) ~~|\nleast = VMIN(v[e!]) ~~|\nmost = VMAX(v[e!]) ~~|\n"
        "all = PROD(v[e!]) ~~|\ncount = ELMCOUNT(e) ~~|\nboth = SUM(v[e!]*w[d!]) ~~|\n"
        "part[d] = ALLOCATE AVAILABLE(w[d], p[d, kind], 0.5) ~~|\np[d, k] = 1, 2, 3, 4; 1, 2, 3, 4; ~~|\n"
        "queue[d] = ALLOCATE BY PRIORITY(w[d], w[d], 2, 0.5, 0.5) ~~|\n"
        "sorted[e] = VECTOR SORT ORDER(v[e], 1) ~~|\nranked[e] = VECTOR RANK(v[e], -1) ~~|",
        step=1,
    ).run(method="euler").to_dataframe().iloc[0]  # fmt: skip
    assert [found[f"same[{d}]"] for d in "AB"] == [6, 6]
    assert [found[f"place[{d}]"] for d in "AB"] == [found[f"own[{d}]"] for d in "AB"] == [6, 12]
    assert found["drawn[A]"] != found["drawn[B]"]
    assert [found[n] for n in ("least", "most", "all", "count", "both")] == [1, 3, 6, 3, 18]
    assert [found[f"part[{d}]"] for d in "AB"] == pytest.approx([1 / 6, 1 / 3])
    assert [found[f"queue[{d}]"] for d in "AB"] == [0, 0.5]
    assert [found[f"sorted[e{i}]"] for i in (1, 2, 3)] == [1, 2, 0]
    assert [found[f"ranked[e{i}]"] for i in (1, 2, 3)] == [1, 3, 2]


def test_long_vectors_and_large_matrices_against_numpy(model_from: Make) -> None:
    rng = np.random.default_rng(3)
    x, m = rng.permutation(70).astype(float), rng.normal(size=(13, 13))
    names, few = [f"n{i}" for i in range(70)], [f"r{i}" for i in range(13)]
    rows = "".join(", ".join(map(repr, row)) + ";" for row in m.tolist())
    found = model_from(
        f"n: {', '.join(names)} ~~|\nr: {', '.join(few)} ~~|\nx[n] = {', '.join(map(repr, x.tolist()))} ~~|\n"
        f"up[n] = VECTOR SORT ORDER(x[n], 1) ~~|\nrank[n] = VECTOR RANK(x[n], -1) ~~|\n"
        f"put[n] = VECTOR REORDER(x[n], up[n]) ~~|\nm[r, r] = {rows} ~~|\ninv[r, r] = INVERT MATRIX(m[r, r], 13) ~~|\n"
        "chosen = VECTOR SELECT(x[n!], x[n!], 0, 0, 0) ~~|",
        step=1, end=1,
    ).run(method="euler").to_dataframe().iloc[0]  # fmt: skip
    assert [found[f"up[{n}]"] for n in names] == np.argsort(x).tolist()
    assert [found[f"rank[{n}]"] for n in names] == (70 - x).tolist()
    assert [found[f"put[{n}]"] for n in names] == np.sort(x).tolist()
    assert found["chosen"] == (x * x).sum()
    inverse = [[found[f"inv[{a},{b}]"] for b in few] for a in few]
    np.testing.assert_allclose(inverse, np.linalg.inv(m), rtol=1e-9, atol=1e-12)


ALLOCATE = "q[d] = 1, 2 ~~|\np[d, k] = 1, 2, 3, 4; 1, 2, 3, 4; ~~|\nx[d] = "


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ("x = SUM(2)", "SUM gathers over a subscript marked"),
        # https://www.vensim.com/documentation/fn_sum.html: "over the Subscript Range(s) with exclamation ! mark(s)"
        ("x = SUM(v)", "SUM gathers over a subscript marked"),
        ("x = VMAX(v)", "VMAX gathers over a subscript marked"),
        ("x[e] = v[e]/PROD(v)", "PROD gathers over a subscript marked"),
        ("x[e] = VECTOR SORT ORDER(2, 1)", "VECTOR SORT ORDER needs a subscripted variable"),
        ("x[e] = VECTOR RANK(v[e1], 1)", "VECTOR RANK works over a range; 'e1' is none"),
        ("x[e] = VECTOR ELM MAP(2, 1)", "VECTOR ELM MAP needs a subscripted variable, such as"),
        ("x[e] = VECTOR ELM MAP(v, 1)", "VECTOR ELM MAP needs a subscripted variable, such as|used without"),
        ("x[e] = VECTOR ELM MAP(nowhere[e1], 1)", "there is no variable 'nowhere'|nowhere"),
        ("x = VECTOR SELECT(v[e1], v[e1], 0, 0, 0)", "VECTOR SELECT needs a subscript marked"),
        ("x = VECTOR SELECT(v[e!], v[e!], 0, 0, 4)", "error code of VECTOR SELECT is a constant from 0 to 3"),
        ("x = VECTOR SELECT(v[e!], v[e!], 0, 0, Time)", "error code of VECTOR SELECT is a constant"),
        ("x[d] = INVERT MATRIX(w[d])", "INVERT MATRIX needs a variable with two subscripts"),
        ("m[d, e] = 1 ~~|\nx[d, e] = INVERT MATRIX(m[d, e])", "INVERT MATRIX needs a square matrix"),
        ("m[d, d] = 1 ~~|\nx[d, d] = INVERT MATRIX(m[d, d], 3)", "given the size 3; its range has 2 elements"),
        ("m[d, d] = 1 ~~|\nx[d, d] = INVERT MATRIX(2*m[d, d])", "INVERT MATRIX needs a variable; make the formula"),
        ("m[A, d] = 1 ~~|\nx[d, d] = INVERT MATRIX(m[d, d])", "does not have all elements"),
        ("x = ELMCOUNT(3)", "ELMCOUNT needs the name of a subscript range"),
        ("x = ELMCOUNT(v)", "ELMCOUNT needs the name of a subscript range"),
        (ALLOCATE + "ALLOCATE AVAILABLE(q[d], 2, 1)", "priority profile of ALLOCATE AVAILABLE must be a variable"),
        (ALLOCATE + "ALLOCATE AVAILABLE(q[d], p[d, at], 1)", "must be the first of four elements"),
        (ALLOCATE + "ALLOCATE AVAILABLE(q[d], q[d], 1)", "must be the first of four elements"),
        (ALLOCATE + "ALLOCATE BY PRIORITY(q[d], q[d], 2, 0, 1)", "needs a width above 0"),
        (ALLOCATE + "ALLOCATE BY PRIORITY(q[d], q[d], 2, 1, -1)", "cannot share a negative supply"),
        ("x = SMOOTH N(Time, 2, 1, 0)", "order of SMOOTH N is 0; it can be 1 to 500"),
        ("x = DELAY N(Time, 2, 1, 501)", "order of DELAY N is 501; it can be 1 to 500"),
        ("x = GET TIME VALUE(1, 2, 0)", r"GET TIME VALUE\(1, ..., 0\) needs a calendar"),
        ("x = GET TIME VALUE(0, 2, 1)", r"GET TIME VALUE\(0, ..., 1\) needs a calendar"),
        ("t((0,1),(1,3),(2,2)) ~~|\nx = LOOKUP INVERT(t, 2)", "LOOKUP INVERT needs a lookup that rises or falls"),
        ("t((0,1),(1,1),(2,2)) ~~|\nx = LOOKUP INVERT(t, 2)", "LOOKUP INVERT needs a lookup that rises or falls"),
        ("x = LOOKUP FORWARD(2, 2)", "first argument of LOOKUP FORWARD must be a lookup"),
        ("x = WITH LOOKUP(Time, 2)", "WITH LOOKUP"),
    ],
)
def test_a_call_that_cannot_be_is_refused_by_name(model_from: Make, equations: str, message: str) -> None:
    with pytest.raises(SdmodelError, match=message):
        model_from(f"{RANGES}{equations} ~~|", step=1).run(method="euler")
