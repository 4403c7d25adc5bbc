"""Elements of the language against closed forms and values worked out by hand, on the TIME STEP grid."""

from __future__ import annotations

import importlib.util
import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sdmodel
from sdmodel.core.errors import EquationError, SdmodelError, UnsupportedError
from sdmodel.core.functions.refused import REFUSED
from sdmodel.core.functions.table import FUNCTIONS, OPERATIONS
from sdmodel.core.functions.vector_values import allocate_available, allocate_by_priority
from sdmodel.io.xmile.dialects import CONSTANTS
from sdmodel.io.xmile.dialects import FUNCTIONS as XMILE_FUNCTIONS
from sdmodel.io.xmile.dialects import REFUSED as REFUSED_IN_XMILE
from sdmodel.io.xmile.equations import ARRAY_FUNCTIONS

Make = Callable[..., sdmodel.Model]


@pytest.fixture
def table(model_from: Make) -> Callable[..., pd.DataFrame]:
    """`table(equations, ...)`: the Euler run of a model with TIME STEP 1 as a DataFrame."""

    def make(equations: str, method: str = "euler", **given: float) -> pd.DataFrame:
        return model_from(equations, **{"step": 1, **given}).run(method=method).to_dataframe()

    return make


# -- arithmetic and logic ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "value"),
    [
        ("-2^2", -4),
        ("(-2)^2", 4),
        ("2^3^2", 512),
        ("2^-1", 0.5),
        ("3--2", 5),
        ("5 - 3", 2),
        ("007 + .5e1", 12),
        ("2*-3", -6),
        ("-3^2*2", -18),
        ("IF THEN ELSE(1=0 :OR: 1=1 :AND: 1=1, 1, 2)", 1),
        ("IF THEN ELSE(1=1 :OR: 1=1 :AND: 1=0, 1, 2)", 1),
        ("IF THEN ELSE(:NOT: 1=0, 1, 2)", 1),
        ("MODULO(-7, 3)", -1),
        ("QUANTUM(-7, 2)", -6),
        ("INTEGER(-1.9)", -1),
        ("ZIDZ(3, 1e-7)", 0),
        ("XIDZ(3, 0, 9)", 9),
        ("ZIDZ(3, 2e-6)", 1.5e6),
        ("XIDZ(3, -0.5, 9) + QUANTUM(1.7, 0.5)", -4.5),
        ("MODULO(1.75, 0.5) + ZIDZ(3, 0.5)", 6.25),
        ("LOG(8, 2)", 3),
        ("POWER(2, 5)", 32),
        ("GAMMA LN(5)", math.log(24)),
    ],
)
def test_a_formula_has_the_value_worked_out_by_hand(
    table: Callable[..., pd.DataFrame], formula: str, value: float
) -> None:
    assert table(f"x = {formula} + 0*Time ~~|")["x"].iloc[0] == pytest.approx(value, rel=1e-15)


def test_the_missing_value_is_a_number_that_equals_itself_and_shows_as_nan(table: Callable[..., pd.DataFrame]) -> None:
    found = table("x = IF THEN ELSE(Time > 5, :NA:, Time) ~~|\ny = IF THEN ELSE(x = :NA:, 1, 0) ~~|\nz = :NA: ~~|")
    assert found["x"].isna().sum() == 5
    assert found["y"].tolist() == [0] * 6 + [1] * 5
    assert found["z"].isna().all()


# -- time -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("STEP(2, 3)", [2 * (t >= 3) for t in range(11)]),
        ("RAMP(2, 3, 5)", [2 * (min(t, 5) - 3) if t > 3 else 0 for t in range(11)]),
        ("PULSE(3, 2)", [float(3 <= t < 5) for t in range(11)]),
        ("PULSE TRAIN(1, 2, 4, 9)", [float(1 <= t <= 9 and (t - 1) % 4 < 2) for t in range(11)]),
        ("GET TIME VALUE(0, 3, 0)", [t + 3 for t in range(11)]),
        ("SAMPLE IF TRUE(MODULO(Time, 4) = 0, Time, -1)", [4 * (t // 4) for t in range(11)]),
        ("DELAY FIXED(Time, 3, -5)", [t - 3 if t >= 3 else -5 for t in range(11)]),
        ("DELAY FIXED(Time, 0, -5)", [-5, *range(10)]),
        ("DELAY FIXED(Time, 2.5, -5)", [t - 3 if t >= 3 else -5 for t in range(11)]),
    ],
)
def test_a_function_of_time_has_the_path_worked_out_by_hand(
    table: Callable[..., pd.DataFrame], formula: str, expected: list[float]
) -> None:
    np.testing.assert_allclose(table(f"x = {formula} ~~|")["x"], expected, atol=1e-12)


def test_a_smooth_and_a_delay_follow_their_difference_equations(table: Callable[..., pd.DataFrame]) -> None:
    found = table(
        "x = STEP(6, 2) ~~|\ns = SMOOTH3I(x, 6, 1) ~~|\nd = DELAY N(x, 6, 1, 2) ~~|\nt = TREND(x+1, 4, 0.1) ~~|"
    )
    levels, stocks, average = [1.0] * 3, [3.0] * 2, 1 / 1.4
    for t in range(11):
        x = 6.0 * (t >= 2)
        assert found["s"][t] == pytest.approx(levels[2], rel=1e-13)
        assert found["d"][t] == pytest.approx(stocks[1] / 3, rel=1e-13)
        assert found["t"][t] == pytest.approx((x + 1 - average) / (4 * average), rel=1e-13)
        levels = [v + (up - v) / 2 for v, up in zip(levels, [x, *levels], strict=False)]
        stocks = [v + up - v / 3 for v, up in zip(stocks, [x, stocks[0] / 3], strict=True)]
        average += (x + 1 - average) / 4


def test_the_order_of_a_delay_is_lowered_until_its_steps_fit(model_from: Make) -> None:
    """Vensim's rule: order times TIME STEP is at most the delay time."""
    model = model_from(
        "x = DELAY N(Time, delay, 0, 3) ~~|\ny = DELAY N(Time, delay, 0, 2) ~~|\ndelay = 2.5 ~~|", step=1
    )
    low = model.run(method="euler")
    assert low["x"].tolist() == low["y"].tolist()
    high = model.run({"delay": 3}, method="euler")
    assert high["x"].iloc[-1] != high["y"].iloc[-1]
    with pytest.raises(sdmodel.SdmodelError, match="shorter than its order"):
        model.sweep([{"delay": 2.5}, {"delay": 3.0}], ["x"], method="euler", workers=1)


def test_a_stock_inside_a_formula_is_a_stock_of_its_own(table: Callable[..., pd.DataFrame]) -> None:
    found = table("x = 3 + 2*INTEG(Time, 1) ~~|")
    np.testing.assert_allclose(found["x"], [3 + 2 * (1 + t * (t - 1) / 2) for t in range(11)])


def test_active_initial_counts_at_the_start_only(table: Callable[..., pd.DataFrame]) -> None:
    found = table("x = ACTIVE INITIAL(s + 1, 5) ~~|\ns = INTEG(0, INITIAL(x)*2) ~~|")
    assert found["s"].tolist() == [10] * 11
    assert found["x"].tolist() == [11] * 11


def test_final_time_may_follow_from_the_run(table: Callable[..., pd.DataFrame], tmp_path: Path) -> None:
    path = tmp_path / "moving.mdl"
    path.write_text(
        "FINAL TIME = IF THEN ELSE(s > 6, 0, 100) ~~|\nINITIAL TIME = 0 ~~|\nSAVEPER = 2 ~~|\nTIME STEP = 1 ~~|\n"
        "s = INTEG(2, 0) ~~|\n"
    )
    model = sdmodel.load(path)
    assert model.run(method="euler")["s"].to_dict() == {0.0: 0.0, 2.0: 4.0, 4.0: 8.0}
    with pytest.raises(UnsupportedError, match="FINAL TIME changes"):
        model.run(method="LSODA")
    assert model.run()["s"].to_dict() == {0.0: 0.0, 2.0: 4.0, 4.0: 8.0}


def test_a_memory_keeps_its_value_within_a_runge_kutta_step(model_from: Make) -> None:
    """With the inflow held over each step, Runge-Kutta and Euler agree exactly."""
    model = model_from("x = INTEG(DELAY FIXED(Time, 1, 0), 0) ~~|", step=1)
    assert model.run(method="rk4")["x"].tolist() == model.run(method="euler")["x"].tolist()


@pytest.mark.parametrize(
    "formula",
    ["DELAY FIXED(Time, 3, 0)", "SAMPLE IF TRUE(Time > 3, Time, 0)", "RANDOM UNIFORM(0, 1, 5)", "RANDOM 0 1()"],
)
@pytest.mark.parametrize("method", ["LSODA", "exact"])
def test_what_needs_steps_is_refused_without_them_and_says_what_to_use(
    model_from: Make, formula: str, method: str
) -> None:
    model = model_from(f"x = {formula} ~~|")
    name = formula.split("(")[0]
    with pytest.raises(UnsupportedError, match=rf"'x': {name}.*method=\"euler\" or method=\"rk4\""):
        model.run(method=method)


# -- subscripts -------------------------------------------------------------------------------------------------
RANGES = "e: (e1-e4) ~~|\npart: e2, e4 ~~|\nd: A, B ~~|\n"


def test_a_range_name_stands_for_the_place_in_the_largest_range(table: Callable[..., pd.DataFrame]) -> None:
    found = table(RANGES + "x[e] = e ~~|\ny[part] = part ~~|\nz = e3 ~~|\nw[e] = IF THEN ELSE(e = e2, 1, 0) ~~|").iloc[
        0
    ]
    assert [found[f"x[e{i}]"] for i in (1, 2, 3, 4)] == [1, 2, 3, 4]
    assert [found[f"y[e{i}]"] for i in (2, 4)] == [2, 4]
    assert found["z"] == 3
    assert [found[f"w[e{i}]"] for i in (1, 2, 3, 4)] == [0, 1, 0, 0]


def test_except_and_special_equations_go_before_general_ones(table: Callable[..., pd.DataFrame]) -> None:
    found = table(
        RANGES + "x[e] :EXCEPT: [part] = 1 ~~|\nx[part] = 2 ~~|\n"
        "y[e, d] :EXCEPT: [e1, A], [part, B] = 1 ~~|\ny[e1, A] = 5 ~~|\ny[part, B] = 6 ~~|\nz[e] = 1 ~~|\nz[e3] = 7 ~~|"
    ).iloc[0]
    assert [found[f"x[e{i}]"] for i in (1, 2, 3, 4)] == [1, 2, 1, 2]
    assert [found[f"y[e{i},A]"] for i in (1, 2, 3, 4)] == [5, 1, 1, 1]
    assert [found[f"y[e{i},B]"] for i in (1, 2, 3, 4)] == [1, 6, 1, 6]
    assert [found[f"z[e{i}]"] for i in (1, 2, 3, 4)] == [1, 1, 7, 1]


def test_mappings_by_place_by_list_and_by_subrange(table: Callable[..., pd.DataFrame]) -> None:
    found = table(
        "s: S1, S2 -> t, (u: U2, U1), (w: wide, W3) ~~|\nt: T1, T2 ~~|\n"
        "u: U1, U2 ~~|\nw: W1, W2, W3 ~~|\nwide: W1, W2 ~~|\n"
        "x[s] = 10, 20 ~~|\na[t] = x[s] ~~|\nb[u] = x[s] ~~|\nc[w] = x[s] ~~|\nd[s] = a[t] + b[u] ~~|"
    ).iloc[0]
    assert [found["a[T1]"], found["a[T2]"]] == [10, 20]
    assert [found["b[U1]"], found["b[U2]"]] == [20, 10]
    assert [found["c[W1]"], found["c[W2]"], found["c[W3]"]] == [10, 10, 20]
    assert [found["d[S1]"], found["d[S2]"]] == [20, 40]


def test_an_exclamation_mark_does_not_touch_the_left_hand_side(table: Callable[..., pd.DataFrame]) -> None:
    found = table(RANGES + "x[d] = 1, 3 ~~|\ny[d] = SUM(x[d!]*x[d]) ~~|\nm[d, e] = x[d]*e ~~|\n"
                  "t = VMAX(m[d!, e!]) + VMIN(m[A, e!]) + PROD(m[B, part!]) ~~|").iloc[0]  # fmt: skip
    assert [found["y[A]"], found["y[B]"]] == [4, 12]
    assert found["t"] == 12 + 1 + 3 * 2 * 3 * 4


def test_arrays_fill_rows_first_and_tabbed_arrays_are_reshaped(table: Callable[..., pd.DataFrame]) -> None:
    found = table(
        RANGES + "c: C1, C2, C3 ~~|\nx[d, c] = 1, 2, 3; 4, 5, 6; ~~|\ny[d, c] = TABBED ARRAY(1 2 3\n4 5 6) ~~|"
    ).iloc[0]
    for i, (d, c) in enumerate(itertools.product("AB", (1, 2, 3)), 1):
        assert found[f"x[{d},C{c}]"] == found[f"y[{d},C{c}]"] == i


@pytest.mark.parametrize(
    ("equations", "message"),
    [
        ("x[e] = 1, 2 ~~|", "array of 2 numbers to 4 elements"),
        ("x[e] = 1 ~~|\ny = x[e] ~~|", "not on the left-hand side"),
        ("x[e] = 1 ~~|\ny = x ~~|", "has 1 subscripts but is used without"),
        ("x[f] = 1 ~~|", "which no range defines"),
        ("x[e] = 1 ~~|\nx[e, d] = 2 ~~|", "have 1 and 2 subscripts"),
        ("x[part] = 1 ~~|\ny[e] = x[e] ~~|", "has no element"),
        ("x[e] = 1 ~~|\ny = x[e!] ~~|", "stands outside SUM"),
    ],
)
def test_subscripts_that_do_not_fit_are_refused(model_from: Make, equations: str, message: str) -> None:
    with pytest.raises(EquationError, match=message):
        model_from(RANGES + equations).run(method="euler")


# -- vectors ----------------------------------------------------------------------------------------------------
def test_vector_functions_against_numpy(table: Callable[..., pd.DataFrame]) -> None:
    found = table(
        RANGES
        + "v[e] = 3, 6, 2.5, 2 ~~|\nup[e] = VECTOR SORT ORDER(v[e], 1) ~~|\ndown[e] = VECTOR SORT ORDER(v[e], -1) ~~|\n"
        "rank[e] = VECTOR RANK(v[e], 1) ~~|\nput[e] = VECTOR REORDER(v[e], up[e]) ~~|\n"
        "next[e] = VECTOR ELM MAP(v[e1], e) ~~|\ng: G1, G2 ~~|\nmat[d, g] = 4, 7; 2, 6; ~~|\n"
        "inv[d, g] = INVERT MATRIX(mat[d, g], 2) ~~|\n"
        "sel = VECTOR SELECT(keep[e!], v[e!], -1, 0, 0) ~~|\nkeep[e] = 1, 0, 2, 0 ~~|"
    ).iloc[0]
    v = np.array([3, 6, 2.5, 2])
    by = [f"e{i}" for i in (1, 2, 3, 4)]
    assert [found[f"up[{e}]"] for e in by] == np.argsort(v).tolist()
    assert [found[f"down[{e}]"] for e in by] == np.argsort(-v).tolist()
    assert [found[f"rank[{e}]"] for e in by] == stats.rankdata(v).tolist()
    assert [found[f"put[{e}]"] for e in by] == np.sort(v).tolist()
    assert [found[f"next[{e}]"] for e in by[:3]] == v[1:].tolist()
    assert math.isnan(found["next[e4]"])
    inverse = [[found[f"inv[{d},{g}]"] for g in ("G1", "G2")] for d in ("A", "B")]
    np.testing.assert_allclose(inverse, np.linalg.inv([[4, 7], [2, 6]]), rtol=1e-14)
    assert found["sel"] == 3 + 2 * 2.5


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_allocation_spends_what_there_is_and_favours_priority(kind: int) -> None:
    requests, priorities = (500.0, 300.0, 750.0), (5.0, 7.0, 3.0)
    cells = (*requests, *(x for p in priorities for x in (float(kind), p, 2.0, 0.0)))
    shares = [allocate_available(i, 700.0, *cells) for i in range(3)]
    assert sum(shares) == pytest.approx(700, rel=1e-9)
    filled = [s / r for s, r in zip(shares, requests, strict=True)]
    assert filled[1] > filled[0] > filled[2]
    assert [allocate_available(i, 2000.0, *cells) for i in range(3)] == list(requests)


def test_allocation_by_priority_follows_the_published_example() -> None:
    """Far apart, the first is served fully; at equal priority all are served alike."""
    assert [allocate_by_priority(i, 1.0, 5.0, 3.0, 6.0, 9.0, 5.0) for i in range(2)] == [3.0, 2.0]
    assert [allocate_by_priority(i, 1.0, 4.5, 3.0, 6.0, 5.0, 5.0) for i in range(2)] == pytest.approx([1.5, 3.0])


# -- lookups ----------------------------------------------------------------------------------------------------
def test_lookups_hold_extrapolate_look_ahead_and_invert(table: Callable[..., pd.DataFrame]) -> None:
    found = table(
        "l((0,1),(2,3),(5,9)) ~~|\na = l(Time) ~~|\n"
        "b = LOOKUP EXTRAPOLATE(l, Time) ~~|\nc = LOOKUP FORWARD(l, Time) ~~|\n"
        "d = LOOKUP BACKWARD(l, Time) ~~|\ni = LOOKUP INVERT(l, 6) + 0*Time ~~|"
    )
    assert found["a"].tolist() == pytest.approx([1, 2, 3, 5, 7, 9, 9, 9, 9, 9, 9])
    assert found["b"].tolist() == pytest.approx([1, 2, 3, 5, 7, 9, 11, 13, 15, 17, 19])
    assert found["c"].tolist() == [1, 3, 3, 9, 9, 9, 9, 9, 9, 9, 9]
    assert found["d"].tolist() == [1, 1, 3, 3, 3, 9, 9, 9, 9, 9, 9]
    assert found["i"].iloc[0] == 3.5


# -- draws ------------------------------------------------------------------------------------------------------
DRAWS = """
u = RANDOM UNIFORM(2, 4, 1) ~~|
n = RANDOM NORMAL(1, 9, 5, 2, 1) ~~|
x = RANDOM EXPONENTIAL(1, 8, 0.5, 2, 1) ~~|
first = INITIAL(RANDOM 0 1()) + 0*Time ~~|
"""


def test_draws_have_their_distributions(model_from: Make) -> None:
    found = model_from(DRAWS, end=4000, step=1).run(method="euler").to_dataframe()
    assert stats.kstest(found["u"], stats.uniform(2, 2).cdf).pvalue > 0.01
    assert stats.kstest(found["n"], stats.truncnorm(-2, 2, 5, 2).cdf).pvalue > 0.01
    assert stats.kstest(found["x"], stats.truncexpon(3.5, 1, 2).cdf).pvalue > 0.01
    assert found["first"].nunique() == 1
    u = found["u"].to_numpy()
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.05
    assert abs(found["u"].corr(found["n"])) < 0.05


def test_draws_follow_the_seed_the_run_and_nothing_else(model_from: Make) -> None:
    alone = model_from(DRAWS, name="alone", step=1)
    more = model_from("before = RANDOM 0 1() ~~|" + DRAWS, name="more", step=1)
    run = alone.run(method="euler")
    assert run["n"].tolist() == alone.run(method="euler")["n"].tolist() == more.run(method="euler")["n"].tolist()
    assert run["n"].tolist() != alone.run(method="euler", seed=1)["n"].tolist()
    model = model_from(DRAWS + "k = 1 ~ Dmnl [0,2] ~ |", name="swept", step=1)
    rows = [{"k": 1.0}] * 3
    swept = model.sweep(rows, ["n"], method="euler", workers=1)["n"].to_numpy()
    assert swept[0].tolist() == model.run(method="euler")["n"].tolist()
    assert len({tuple(row) for row in swept}) == 3


# -- macros -----------------------------------------------------------------------------------------------------
MACROS = """:MACRO: FILL(inflow, start)
FILL = INTEG(inflow - leak, start) ~ inflow ~ |
leak = FILL/5*TIME STEP$ ~ inflow ~ |
:END OF MACRO:
:MACRO: TWICE(x)
TWICE = FILL(x + 1, 3)*two ~ x ~ |
two = 2 ~ Dmnl ~ |
:END OF MACRO:
"""


def test_each_call_of_a_macro_has_its_own_state(table: Callable[..., pd.DataFrame]) -> None:
    found = table(
        "a = FILL(3, 4) + TWICE(Time) ~~|\nb = FILL(1, 2) ~~|\n"
        "d: A, B ~~|\nv[d] = 1, 2 ~~|\nw[d] = FILL(v[d], 2*v[d]) ~~|\n" + MACROS
    )

    def fill(inflow: Callable[[int], float], start: float) -> list[float]:
        level, out = start, []
        for t in range(11):
            out.append(level)
            level += inflow(t) - level / 5
        return out

    twice = [2 * x for x in fill(lambda t: t + 1, 3)]
    np.testing.assert_allclose(found["a"], np.add(fill(lambda t: 3, 4), twice), rtol=1e-13)
    np.testing.assert_allclose(found["b"], fill(lambda t: 1, 2), rtol=1e-13)
    np.testing.assert_allclose(found["w[B]"], fill(lambda t: 2, 4), rtol=1e-13)


@pytest.mark.parametrize(
    ("macro", "message"),
    [
        (":MACRO: M(a)\nM = M(a) ~~|\n:END OF MACRO:\n", "calls itself"),
        (
            ":MACRO: M(a)\nM = N(a) ~~|\n:END OF MACRO:\n:MACRO: N(a)\nN = M(a) ~~|\n:END OF MACRO:\n",
            "macros call each other",
        ),
        (":MACRO: M(a, b)\nM = a ~~|\n:END OF MACRO:\n", "takes 2 inputs"),
        (":MACRO: M(a)\nM = a + k ~~|\n:END OF MACRO:\n", r"'k\$' is the model's"),
        (":MACRO: M(a)\nother = a ~~|\n:END OF MACRO:\n", "does not define what it returns"),
    ],
)
def test_macros_that_make_no_sense_are_refused(model_from: Make, macro: str, message: str) -> None:
    with pytest.raises(SdmodelError, match=message):
        model_from("x = M(1) ~~|\nk = 3 ~~|\n" + macro)


# -- what is refused --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_function_that_is_not_supported_is_refused_by_name(model_from: Make, name: str) -> None:
    with pytest.raises(UnsupportedError, match=f"'x': {name.upper()} is not supported"):
        model_from(f"x = {name.upper()}(Time, 1) ~~|").run(method="euler")


def test_the_lists_of_functions_agree() -> None:
    assert not set(FUNCTIONS) & set(REFUSED)
    assert all(name.isidentifier() for name in OPERATIONS)  # they stand in generated code
    assert set(OPERATIONS) >= {f.operation.name for f in FUNCTIONS.values() if f.operation is not None}


def test_the_page_of_the_language_is_up_to_date() -> None:
    folder = Path(__file__).parents[2] / "docs"
    if not (folder / "language.md").is_file():
        pytest.skip("the documentation is not part of this distribution")
    spec = importlib.util.spec_from_file_location("language_page", next(folder.rglob("language_page.py")))
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    text = page.PAGE.read_text("utf-8")
    assert page.written(text) == text, "run docs/_generate/language_page.py"
    for name in [*FUNCTIONS, *REFUSED]:
        assert f"`{name}`" in text, name


def test_every_word_of_xmile_stands_in_the_documentation() -> None:
    page = Path(__file__).parents[2] / "docs" / "language.md"
    if not page.is_file():
        pytest.skip("the documentation is not part of this distribution")
    section = page.read_text("utf-8").partition("## XMILE's own words")[2].partition("\n## ")[0]
    for name in [*XMILE_FUNCTIONS, *CONSTANTS, *REFUSED_IN_XMILE, *ARRAY_FUNCTIONS]:
        assert f"`{name.upper()}" in section, name
