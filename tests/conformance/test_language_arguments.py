"""Arguments of functions without a meaning: refused by name when a model is run, and said by `check`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import sdmodel
from sdmodel.core.errors import EquationError, SdmodelError, SolveError
from sdmodel.core.functions.vector_values import allocate_available, gamma_ln
from sdmodel.solve import fixed_step

Make = Callable[..., sdmodel.Model]

RANGES = "shop: s1, s2 ~~|\ntrait: kind, first, spread, more ~~|\n"
ALLOCATE = (
    RANGES + "wish[shop] = 200, 300 ~~|\nrule[shop, kind] = k ~~|\nrule[shop, first] = 0.1, 0.9 ~~|\n"
    "rule[shop, spread] = w ~~|\nrule[shop, more] = 0 ~~|\n"
    "x[shop] = ALLOCATE AVAILABLE(wish[shop], rule[shop, kind], supply) ~~|\n"
)
MEANINGLESS = [
    ("RANDOM UNIFORM(a, 1, 0)", {"a": 5.0}, "minimum of RANDOM UNIFORM is above its maximum"),
    ("RANDOM NORMAL(a, 1, 0.5, 1, 0)", {"a": 5.0}, "minimum of RANDOM NORMAL is above its maximum"),
    ("RANDOM NORMAL(0, 1, 0.5, a, 0)", {"a": -1.0}, "RANDOM NORMAL needs a deviation of 0 or more"),
    ("RANDOM EXPONENTIAL(0, 1, 0, a, 0)", {"a": -1.0}, "RANDOM EXPONENTIAL needs a stretch above 0"),
    ("DELAY FIXED(Time, a, 0)", {"a": -1.0}, "DELAY FIXED needs a delay time of 0 or more"),
    ("SMOOTH(Time, a)", {"a": 0.0}, "SMOOTH needs a time above 0"),
    ("SMOOTH3I(Time, a, 1)", {"a": -1.0}, "SMOOTH3I needs a time above 0"),
    ("DELAY1(Time, a)", {"a": -1.0}, "DELAY1 needs a time above 0"),
    ("DELAY3I(Time, a, 1)", {"a": 0.0}, "DELAY3I needs a time above 0"),
    ("DELAY N(Time, a, 1, 3)", {"a": -2.0}, "DELAY N needs a time above 0"),
    ("TREND(Time, a, 0)", {"a": -1.0}, "TREND needs a time above 0"),
    ("FORECAST(Time, a, 1)", {"a": 0.0}, "FORECAST needs a time above 0"),
]


@pytest.mark.parametrize(("formula", "given", "message"), MEANINGLESS)
def test_an_argument_without_meaning_is_refused_by_name(
    model_from: Make, formula: str, given: dict[str, float], message: str
) -> None:
    ((name, value),) = given.items()
    literal = re.sub(r"\ba\b", str(value), formula)
    with pytest.raises(EquationError, match=f"'x': .*{message}"):  # a number in the formula
        model_from(f"x = {literal} ~ ~ |", step=1).run(method="euler")
    model = model_from(f"x = {formula} ~ ~ |\n{name} = {value} ~ ~ |\nk = 1 ~ ~ |", step=1)  # a constant
    with pytest.raises(SolveError, match=f"'x': .*{message}"):
        model.run(method="euler")
    assert model.check().query("level == 'error'")["message"].str.contains(message).any()
    fine = 0.5 if value > 0 else 1.0
    model.run({name: fine}, method="euler")
    swept = model.sweep([{name: value}, {name: fine}], ["x"], method="euler", workers=1)
    assert swept["status"].values.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("k = 5 ~~|\nw = 1 ~~|\nsupply = 100 ~~|", "profiles 0 to 4"),
        ("k = 1 ~~|\nw = 0 ~~|\nsupply = 100 ~~|", "widths above 0"),
        ("k = 1 ~~|\nw = 1 ~~|\nsupply = 100 - 60*Time ~~|", "negative amount at time 2"),
    ],
)
def test_an_allocation_without_meaning_says_why(model_from: Make, given: str, message: str) -> None:
    with pytest.raises(SolveError, match=message):
        model_from(ALLOCATE + given, step=1).run(method="euler")


def test_fixed_quantities_share_in_proportion_and_go_before_curves() -> None:
    """Vensim's profile 0 asks for its quantity at any priority (https://www.vensim.com/documentation/24335.html).

    40 and 60 of 100 for requests of 200 and 300 is real Vensim output (SDEverywhere, models/allocate_ptype).
    """

    def shares(available: float, *kinds: float) -> list[float]:
        requests = (200.0, 300.0)
        cells = (*requests, *(x for k in kinds for x in (k, 1.0, 2.0 if k else 0.0, 0.0)))
        return [allocate_available(i, available, *cells) for i in range(2)]

    assert shares(100.0, 0.0, 0.0) == [40.0, 60.0]
    assert shares(100.0, 0.0, 3.0) == [100.0, 0.0]
    assert shares(300.0, 0.0, 3.0) == pytest.approx([200.0, 100.0])
    assert shares(600.0, 0.0, 3.0) == [200.0, 300.0]


def test_a_matrix_over_one_range_twice_and_by_place(model_from: Make) -> None:
    """The cells of the left-hand side are those of the inverse by place: https://vensim.com/documentation/fn_invert_matrix.html"""
    found = model_from(
        "d: A, B ~~|\ne <-> d ~~|\nm[d, d] = 1, 2; 3, 4; ~~|\none[d, d] = INVERT MATRIX(m[d, d], 2) ~~|\n"
        "two[e, d] = INVERT MATRIX(m[d, e], ELMCOUNT(d)) ~~|\nthree[d, e] = INVERT MATRIX(m[d, e]) ~~|",
        step=1,
    ).run(method="euler").to_dataframe().iloc[0]  # fmt: skip
    for name in ("one", "two", "three"):
        inverse = [[found[f"{name}[{i},{j}]"] for j in "AB"] for i in "AB"]
        np.testing.assert_allclose(inverse, [[-2, 1], [1.5, -0.5]], rtol=1e-14)


def test_numbers_beyond_the_largest_are_infinite_and_end_one_run_only(model_from: Make) -> None:
    assert gamma_ln(1e306) == np.inf
    model = model_from("size = 1 ~ ~ |\nx = INTEG(GAMMA LN(size), 0) ~ ~ |")
    for method in ("exact", "LSODA"):
        swept = model.sweep([{"size": 1e306}, {"size": 3.0}], ["x"], method=method, workers=1)
        assert swept["status"].values.tolist() == [1, 0]


def test_time_settings_that_doubles_cannot_hold_are_refused(model_from: Make) -> None:
    for method in ("LSODA", "exact", "euler", "rk4"):
        with pytest.raises(SolveError, match="lost in rounding"):
            model_from("x = INTEG(1, 0) ~ ~ |", start=1e17, end=1e17 + 128, step=1).run(method=method)


def test_a_final_time_that_moves_away_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixed_step, "PATIENCE", 50)
    path = tmp_path / "endless.mdl"
    path.write_text("x = INTEG(1, 0) ~~|\nINITIAL TIME = 0 ~~|\nFINAL TIME = Time + 5 ~~|\nTIME STEP = 1 ~~|\n")
    with pytest.raises(SolveError, match="FINAL TIME moves away"):
        sdmodel.load(path).run(method="euler")


@pytest.mark.parametrize("between", ["step", "linear"])
def test_schedules_of_many_dates_run(model_from: Make, between: str) -> None:
    """A table takes the place of nested choices, which would be as deep as there are dates."""
    at = np.arange(1, 5001) * 10 / 5000
    value = 1 + 0.1 * (np.arange(5000) % 3)
    scenario = sdmodel.Scenario("many", paths={"k": sdmodel.Schedule(tuple(at), tuple(value), between)})
    model = model_from("k = 1 ~ ~ |\nx = INTEG(k, 0) ~ ~ |", step=0.125)
    gaps = np.diff(at)
    area = value[:-1] if between == "step" else (value[:-1] + value[1:]) / 2
    expected = at[0] * value[0] + (area * gaps).sum()
    assert model.run(scenario=scenario, method="exact")["x"].iloc[-1] == pytest.approx(expected, rel=1e-9)


def test_a_schedule_of_few_and_of_many_dates_mean_the_same(model_from: Make) -> None:
    model = model_from("k = 1 ~ ~ |\nx = INTEG(k, 0) ~ ~ |", step=0.125)
    few = sdmodel.Schedule(tuple(range(1, 6)), (3.0, 1.0, 4.0, 1.0, 5.0))
    fine = tuple(np.linspace(1, 5.99, 500))
    many = sdmodel.Schedule((*fine, 6.0), (*(few.value[int(t) - 1] for t in fine), 5.0))
    for method in ("exact", "euler", "rk4"):
        one, other = (model.run(scenario=sdmodel.Scenario("s", paths={"k": s}), method=method) for s in (few, many))
        np.testing.assert_allclose(one["k"], other["k"], rtol=1e-15)


@pytest.mark.parametrize("price", [-0.2, 0.05, 0.3, 0.45])
@pytest.mark.parametrize(
    ("kind", "law"),
    [(1, stats.uniform(-0.5, 1)), (2, stats.triang(0.5, -0.5, 1)), (3, stats.norm), (4, stats.laplace)],
)
def test_what_is_allocated_at_a_price_follows_from_the_law_of_the_profile(kind: int, law: Any, price: float) -> None:
    """Uniform, triangular, normal and exponential profiles of one width, as Vensim's page on allocation names them."""
    requests, middles, width = np.array([4.0, 6.0, 5.0]), np.array([0.1, 0.3, 0.25]), 0.6
    shares = law.sf((price - middles) / width)
    cells = [*requests, *(x for m in middles for x in (kind, m, width, 0.0))]
    found = [allocate_available(float(i), float(requests @ shares), *cells) for i in range(3)]
    np.testing.assert_allclose(found, requests * shares, atol=1e-9)


TOO_MANY = [
    "ABS(1, 2)", "EXP(1, 2)", "LN(1, 2)", "SQRT(1, 2)", "SIN(1, 2)", "INTEGER(1, 2)", "MODULO(3, 2, 1)",
    "QUANTUM(3, 2, 1)", "POWER(3, 2, 1)", "LOG(3, 2, 1)", "ZIDZ(1, 2, 3)",
    "XIDZ(1, 2, 3, 4)", "IF THEN ELSE(1, 2, 3, 4)", "STEP(1, 2, 3)", "RAMP(1, 2, 3, 4)", "PULSE(1, 2, 3)",
    "PULSE TRAIN(1, 2, 3, 4, 5)", "SMOOTH(Time, 2, 3)", "SMOOTHI(Time, 2, 3, 4)", "SMOOTH3(Time, 2, 3)",
    "SMOOTH3I(Time, 2, 3, 4)", "DELAY1(Time, 2, 3)", "DELAY1I(Time, 2, 3, 4)", "DELAY3(Time, 2, 3)",
    "DELAY3I(Time, 2, 3, 4)", "DELAY N(Time, 2, 3, 1, 5)", "DELAY FIXED(Time, 2, 3, 4)", "TREND(Time, 2, 3, 4)",
    "SAMPLE IF TRUE(Time > 1, 2, 3, 4)", "INTEG(1, 2, 3)", "INITIAL(1, 2)", "GAME(1, 2)",
    "RANDOM UNIFORM(0, 1, 2, 3)", "RANDOM NORMAL(0, 1, 0, 1, 2, 3)", "ELMCOUNT(shop, shop)", "SUM(y[shop!], 1)",
    "PROD(y[shop!], 1)", "VMIN(y[shop!], 1)", "VMAX(y[shop!], 1)",
]  # fmt: skip


@pytest.mark.parametrize("formula", TOO_MANY)
def test_one_argument_too_many_is_refused_by_name(model_from: Make, formula: str) -> None:
    name = formula.partition("(")[0]
    with pytest.raises(SdmodelError, match=f"(?i){name}"):
        model_from(f"{RANGES}y[shop] = 1, 2 ~~|\nx = {formula} ~ ~ |\ns = INTEG(x, 0) ~ ~ |", step=1).run(
            method="euler"
        )
