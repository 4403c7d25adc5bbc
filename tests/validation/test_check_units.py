"""The unit checker, on models built by hand from the nouns."""

from __future__ import annotations

import pytest

from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, Table, Text
from sdmodel.core.structure import Component, SubscriptRange, Variable
from sdmodel.model import Model
from sdmodel.validation.static.units import check_units

TABLE = Table((0.0, 1.0), (0.0, 2.0))
ZERO, ONE, TWO = Number(0.0), Number(1.0), Number(2.0)


def n(value: float) -> Number:
    return Number(value)


def call(name: str, *args: Expr) -> Call:
    return Call(name, args)


def op(sign: str, *args: Expr) -> Op:
    return Op(sign, args)


def ref(name: str, *subs: str) -> Ref:
    return Ref(name, subs)


def variable(name: str, *exprs: Expr, unit: str, kind: str = "", role: str = "") -> Variable:
    if not kind:
        kind = "constant" if isinstance(exprs[0], (Number, Array)) else "auxiliary"
    return Variable(name, kind, tuple(Component((), (), e) for e in exprs), unit, role=role, file="m.mdl", line=7)


GIVEN = [
    variable("TIME STEP", n(0.25), unit="Year", kind="control"),
    variable("INITIAL TIME", n(2009), unit="Year", kind="control"),
    variable("people", n(3), unit="Person"),
    variable("firms", n(3), unit="firm"),
    variable("share", n(0.5), unit="Dmnl"),
    variable("delay", n(2), unit="Year"),
    variable("start", n(2015), unit="Year"),
    variable("births", n(2), unit="Person/Year"),
    variable("rate", n(0.1), unit="1/Year"),
    variable("table", TABLE, unit="Person", kind="lookup"),
    variable("unstated", n(3), unit=""),
]


def model(*variables: Variable, **more: object) -> Model:
    return Model("m", {v.key: v for v in (*GIVEN, *variables)}, **more)


def found(expr: Expr, unit: str, **more: object) -> list[tuple[str, str]]:
    """Level and message of the findings about a variable `x` with this equation and unit."""
    listed = check_units(model(variable("x", expr, unit=unit), **more))
    assert {f.kind for f in listed} <= {"units"}
    return [(f.level, f.message) for f in listed if f.variable == "x"]


def good(expr: Expr, unit: str) -> None:
    assert found(expr, unit) == []
    wrong = found(expr, f"({unit})*slip")
    assert len(wrong) == 1, "the wrong unit must be found, once"
    assert wrong[0][0] == "error"


def bad(expr: Expr, unit: str, *words: str, level: str = "error") -> None:
    listed = found(expr, unit)
    assert len(listed) == 1, listed
    assert listed[0][0] == level
    for word in words:
        assert word in listed[0][1], listed[0][1]


PEOPLE, FIRMS, SHARE, DELAY, START = (ref(k) for k in ("people", "firms", "share", "delay", "start"))
BIRTHS, RATE, TIME, UNSTATED = (ref(k) for k in ("births", "rate", "time", "unstated"))


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        (op("+", PEOPLE, PEOPLE), "Person"),
        (op("-", op("*", BIRTHS, DELAY), PEOPLE), "Person"),
        (op("neg", PEOPLE), "Person"),
        (op("+", PEOPLE, ZERO), "Person"),
        (op("*", TWO, PEOPLE), "Person"),
        (op("/", PEOPLE, FIRMS), "Person/firm"),
        (op("/", ONE, DELAY), "1/Year"),
        (op(">", PEOPLE, ZERO), "Dmnl"),
        (op("and", op(">", TIME, START), op("<>", PEOPLE, PEOPLE)), "Dmnl"),
        (op("not", SHARE), "Dmnl"),
        (op("^", PEOPLE, TWO), "Person^2"),
        (op("^", PEOPLE, op("/", ONE, n(3))), "Person^(1/3)"),
        (op("^", PEOPLE, op("neg", ONE)), "1/Person"),
        (op("^", op("/", PEOPLE, PEOPLE), SHARE), "Dmnl"),
        (call("power", PEOPLE, TWO), "Person^2"),
        (op("-", TIME, START), "Year"),
        (call("sqrt", op("*", PEOPLE, PEOPLE)), "Person"),
        *((call(f, PEOPLE), "Person") for f in ("abs", "integer", "initial", "game", "sum", "vmin", "vmax")),
        *((call(f, PEOPLE, PEOPLE), "Person") for f in ("modulo", "quantum", "min", "active initial")),
        (call("max", ZERO, PEOPLE), "Person"),
        (call("exp", op("*", RATE, DELAY)), "Dmnl"),
        (call("ln", op("/", PEOPLE, PEOPLE)), "Dmnl"),
        (call("log", SHARE, n(10)), "Dmnl"),
        (call("sin", SHARE), "Dmnl"),
        (call("if then else", op(">", TIME, START), PEOPLE, ZERO), "Person"),
        (call("zidz", PEOPLE, FIRMS), "Person/firm"),
        (call("xidz", PEOPLE, FIRMS, op("/", PEOPLE, FIRMS)), "Person/firm"),
        (call("step", PEOPLE, START), "Person"),
        (call("ramp", BIRTHS, START, START), "Person"),
        (call("pulse", START, DELAY), "Dmnl"),
        (call("pulse train", START, DELAY, DELAY, START), "Dmnl"),
        (call("smooth", PEOPLE, DELAY), "Person"),
        (call("smoothi", PEOPLE, DELAY, PEOPLE), "Person"),
        (call("smooth3", PEOPLE, DELAY), "Person"),
        (call("smooth3i", PEOPLE, DELAY, ZERO), "Person"),
        (call("smooth n", PEOPLE, DELAY, PEOPLE, n(6)), "Person"),
        (call("delay1", BIRTHS, DELAY), "Person/Year"),
        (call("delay1i", BIRTHS, DELAY, BIRTHS), "Person/Year"),
        (call("delay3", BIRTHS, DELAY), "Person/Year"),
        (call("delay3i", BIRTHS, DELAY, BIRTHS), "Person/Year"),
        (call("delay n", BIRTHS, DELAY, BIRTHS, n(6)), "Person/Year"),
        (call("delay fixed", PEOPLE, DELAY, ZERO), "Person"),
        (call("trend", PEOPLE, DELAY, RATE), "1/Year"),
        (call("forecast", PEOPLE, DELAY, DELAY), "Person"),
        (call("sample if true", op(">", TIME, START), PEOPLE, PEOPLE), "Person"),
        (call("prod", SHARE), "Dmnl"),
        (call("elmcount", PEOPLE), "Dmnl"),
        (call("random uniform", PEOPLE, PEOPLE, ONE), "Person"),
        (call("random normal", PEOPLE, PEOPLE, PEOPLE, PEOPLE, ONE), "Person"),
        (call("random 0 1"), "Dmnl"),
        (call("table", SHARE), "Person"),
        (call("table", op("-", TIME, START)), "Person"),
    ],
    ids=str,
)
def test_what_agrees_and_would_not_with_another_unit(expr: Expr, unit: str) -> None:
    good(expr, unit)


@pytest.mark.parametrize(
    ("expr", "unit", "words"),
    [
        (op("+", PEOPLE, FIRMS), "Person", ("`firms` is in firm", "should be in Person", "`people` is in")),
        (op("-", PEOPLE, BIRTHS), "Person", ("`births`", "Person/Year", "Multiply by a time in Year")),
        (op("<", PEOPLE, FIRMS), "Dmnl", ("`people < firms`",)),
        (op("and", PEOPLE, SHARE), "Dmnl", ("`people` is in Person but should be in Dmnl",)),
        (call("max", PEOPLE, FIRMS), "Person", ("MAX(people, firms)",)),
        (call("if then else", op(">", TIME, START), PEOPLE, FIRMS), "Person", ("`firms` is in firm",)),
        (call("if then else", op(">", PEOPLE, START), SHARE, SHARE), "Dmnl", ("`start` is in Year",)),
        (call("exp", PEOPLE), "Dmnl", ("EXP(people)", "should be in Dmnl")),
        (call("ln", DELAY), "Dmnl", ("LN(delay)",)),
        (call("cos", TIME), "Dmnl", ("COS(Time)",)),
        (op("^", SHARE, PEOPLE), "Dmnl", ("exponent `people` is in Person",)),
        (op("^", PEOPLE, SHARE), "Person", ("`people` is in Person", "Divide `people` by a reference")),
        (call("power", PEOPLE, SHARE), "Person", ("Divide `people` by a reference",)),
        (call("smooth", PEOPLE, SHARE), "Person", ("`share` is in Dmnl but should be in Year",)),
        (call("delay3", BIRTHS, RATE), "Person/Year", ("`rate` is in 1/Year",)),
        (call("smoothi", PEOPLE, DELAY, FIRMS), "Person", ("`firms` is in firm",)),
        (call("step", PEOPLE, FIRMS), "Person", ("`firms` is in firm but should be in Year",)),
        (call("ramp", PEOPLE, START, START), "Person", ("The equation gives Person*Year",)),
        (call("pulse", START, SHARE), "Dmnl", ("`share` is in Dmnl but should be in Year",)),
        (call("trend", PEOPLE, DELAY, SHARE), "1/Year", ("`share` is in Dmnl but should be in 1/Year",)),
        (call("xidz", PEOPLE, FIRMS, PEOPLE), "Person/firm", ("`people` is in Person but should be",)),
        (call("random uniform", PEOPLE, FIRMS, ONE), "Person", ("`firms` is in firm",)),
    ],
    ids=str,
)  # fmt: skip
def test_what_disagrees_is_one_error_that_shows_the_place(expr: Expr, unit: str, words: tuple[str, ...]) -> None:
    bad(expr, unit, *words)


def test_the_message_says_both_units_and_what_was_used() -> None:
    bad(
        op("*", PEOPLE, SHARE),
        "Person/Year",
        "The equation gives Person, but x is stated in Person/Year: `people*share`.",
        "people is in Person, share is in Dmnl",
        "Divide by a time in Year",
    )


def test_a_plural_is_named_as_such() -> None:
    bad(op("*", PEOPLE, ONE), "Persons", "'Person' and 'Persons' are two units")
    assert found(op("*", PEOPLE, ONE), "Persons", synonyms=(("Person", "Persons"),)) == []


# -- stocks --------------------------------------------------------------------------------------------------
def test_a_stock_holds_its_flow_times_time() -> None:
    assert found(call("integ", BIRTHS, PEOPLE), "Person") == []
    assert found(call("integ", BIRTHS, ZERO), "Person") == []
    bad(call("integ", PEOPLE, PEOPLE), "Person", "`people` is in Person but should be in Person/Year")
    bad(call("integ", BIRTHS, BIRTHS), "Person", "`births` is in Person/Year but should be in Person")


def test_a_stock_inside_a_formula_is_checked_too() -> None:
    good(op("*", SHARE, call("integ", BIRTHS, PEOPLE)), "Person")
    bad(op("*", SHARE, call("integ", BIRTHS, FIRMS)), "Person", "`firms` is in firm but should be in Person")


# -- numbers -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("expr", [n(5), op("neg", n(5)), op("*", n(12), n(4)), Array((1.0, 2.0), (2,)), TABLE])
def test_a_number_alone_is_in_the_unit_it_states(expr: Expr) -> None:
    assert found(expr, "Person") == []


@pytest.mark.parametrize("zero", [ZERO, n(float("nan")), Array((0.0, 0.0), (2,))], ids=["0", "NA", "array"])
def test_zero_and_na_fit_any_unit(zero: Expr) -> None:
    assert found(call("max", zero, PEOPLE), "Person") == []
    assert found(call("if then else", op(">", PEOPLE, zero), zero, PEOPLE), "Person") == []


@pytest.mark.parametrize(
    ("expr", "unit"),
    [
        (op("+", PEOPLE, n(3)), "Person"),
        (call("max", n(3), PEOPLE), "Person"),
        (op(">", TIME, n(2015)), "Dmnl"),
        (call("if then else", SHARE, PEOPLE, n(3)), "Person"),
        (call("integ", BIRTHS, n(100)), "Person"),
        (call("smooth", PEOPLE, n(3)), "Person"),
        (call("step", n(3), START), "Person"),
    ],
    ids=str,
)
def test_a_number_without_a_name_is_dimensionless(expr: Expr, unit: str) -> None:
    """A warning in a model of someone else; an error in one that uses markers, where a value has a name."""
    bad(expr, unit, "A number in a formula has no unit", level="warning")
    marked = model(variable("x", expr, unit=unit), variable("level", n(1), unit="Dmnl", role="lever"))
    assert [(f.level, f.variable) for f in check_units(marked) if f.variable == "x"] == [("error", "x")]


def test_a_number_that_scales_a_unit_away_is_an_error() -> None:
    bad(op("*", PEOPLE, n(0.03)), "Person/Year", "The equation gives Person")


def test_a_number_beside_something_unknown_says_nothing() -> None:
    assert found(call("max", UNSTATED, n(3)), "Person") == []


# -- unknowns ------------------------------------------------------------------------------------------------
def test_an_unstated_unit_is_one_finding_and_fits_everything() -> None:
    user = variable("x", op("+", PEOPLE, op("*", UNSTATED, FIRMS)), unit="Person")
    listed = [f for f in check_units(model(user)) if "No unit" in f.message]
    assert [(f.level, f.variable, f.where) for f in listed] == [("warning", "unstated", "m.mdl:7")]
    assert len(check_units(model(user))) == 1


def test_an_unstated_constant_is_an_error_where_markers_are_used() -> None:
    lever = variable("level", n(1), unit="Dmnl", role="lever")
    assert {(f.level, f.variable) for f in check_units(model(lever))} == {("error", "unstated")}


def test_a_unit_that_cannot_be_read_is_one_error() -> None:
    hostile = variable("y", n(3), unit="9**9**9**9")
    listed = [
        f for f in check_units(model(hostile, variable("x", ref("y"), unit="Person"))) if f.variable != "unstated"
    ]
    assert [(f.level, f.variable) for f in listed] == [("error", "y")]
    assert "9**9**9**9" in listed[0].message


def test_one_slip_inside_is_one_finding() -> None:
    slip = op("+", PEOPLE, FIRMS)
    assert len(found(op("*", op("+", slip, DELAY), call("exp", slip)), "$")) == 1


def test_the_same_finding_in_each_equation_of_a_variable_is_said_once() -> None:
    twice = variable("x", op("+", PEOPLE, FIRMS), op("+", PEOPLE, FIRMS), unit="Person")
    assert len([f for f in check_units(model(twice)) if f.variable == "x"]) == 1


def test_an_unknown_function_is_said() -> None:
    bad(call("delay conveyor", PEOPLE, DELAY), "Person", "DELAY CONVEYOR is not known here", level="warning")
    bad(call("smooth", PEOPLE, DELAY, DELAY), "Person", "does not take 3 arguments", level="warning")


def test_data_are_in_the_unit_that_the_variable_states() -> None:
    assert found(call("get data", Text("a.csv"), Text(","), Text("A"), Text("B2")), "Person") == []
    assert found(call("with lookup", SHARE, TABLE), "Person") == []


# -- lookups, time, arrays -----------------------------------------------------------------------------------
def test_a_table_read_at_a_unit_is_a_warning() -> None:
    bad(call("table", FIRMS), "Person", "table(firms)", "reference value in firm", level="warning")
    bad(call("with lookup", FIRMS, TABLE), "Person", "reference value in firm", level="warning")
    assert found(call("with lookup", TIME, TABLE), "Person") == []
    assert found(call("table", TIME), "Person") == []


def test_time_is_in_the_unit_of_the_control_variables() -> None:
    months = Model("m", {v.key: v for v in [variable("TIME STEP", n(1), unit="Month", kind="control")]})
    late = variable("x", op("-", TIME, ref("start")), unit="Month")
    start = variable("start", n(5), unit="Month")
    assert check_units(months.with_variable(start).with_variable(late)) == []
    wrong = months.with_variable(variable("start", n(5), unit="Year")).with_variable(late)
    assert [f.level for f in check_units(wrong)] == ["error"]


def test_control_variables_must_agree() -> None:
    listed = check_units(model(variable("FINAL TIME", n(2034), unit="Month", kind="control")))
    assert ("error", "FINAL TIME") in {(f.level, f.variable) for f in listed}


def test_without_any_time_unit_flows_are_not_checked_and_initial_values_are() -> None:
    parts = [variable("a", n(3), unit="Person"), variable("b", n(3), unit="firm")]
    stock = variable("s", call("integ", ref("a"), ref("b")), unit="Person")
    listed = check_units(Model("m", {v.key: v for v in (*parts, stock)}))
    assert len(listed) == 1
    assert "`b` is in firm" in listed[0].message


def test_a_product_over_a_range_counts_its_elements() -> None:
    ranges = {"region": SubscriptRange("region", ("north", "south", "west"))}
    expr = call("prod", ref("people", "region!"))
    assert found(expr, "Person^3", ranges=ranges) == []
    assert [level for level, _ in found(expr, "Person", ranges=ranges)] == ["error"]
    assert [level for level, _ in found(expr, "Person")] == ["warning"]


def test_powers_that_run_away_are_an_error_and_no_crash() -> None:
    expr: Expr = PEOPLE
    for _ in range(6):
        expr = op("^", expr, n(99))
    bad(expr, "Person", "exponent")


def test_an_equation_nested_deep_is_said_and_no_crash() -> None:
    expr: Expr = PEOPLE
    for _ in range(5000):
        expr = op("neg", expr)
    bad(expr, "Person", "nested too deep", level="warning")


def test_a_long_sum_is_checked() -> None:
    expr: Expr = PEOPLE
    for _ in range(200):
        expr = op("+", expr, PEOPLE)
    good(expr, "Person")
