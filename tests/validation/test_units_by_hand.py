"""Units by hand: patterns of functions, exponents, numbers without a name, and the words of each message."""

from __future__ import annotations

from typing import Any

import pytest
from model_file import model, variable

from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref
from sdmodel.core.units import Unit, parse
from sdmodel.validation.static.signatures import fill, signature
from sdmodel.validation.static.units import check_units


# -- signatures -------------------------------------------------------------------------------------------------------
def test_patterns_of_arguments() -> None:
    step, most, lookup = signature("smooth"), signature("max"), signature("get data")
    assert step is not None
    assert most is not None
    assert [str(step.pattern(i)) for i in (0, 1)] == ["u", "time"]
    assert (step.takes(1), step.takes(2), step.takes(3)) == (True, True, False)
    assert most.takes(2)
    assert lookup is None or lookup.result is None
    assert signature("nothing") is None
    many = signature("get direct constants") or signature("vector select")
    assert many is None or many.args
    known = {"u": parse("m"), "time": parse("Year")}
    assert fill(parse("u/time"), known) == parse("m/Year")
    assert fill(parse("u^2*v"), known) is None
    assert fill(parse("u^2"), known) == parse("m^2")
    assert fill(Unit(), known) == Unit()


# -- units ------------------------------------------------------------------------------------------------------------
GIVEN = [
    variable("TIME STEP", Number(1.0), unit="Year", kind="control"), variable("people", Number(3.0), unit="Person"),
    variable("firms", Number(3.0), unit="firm"), variable("rate", Number(3.0), unit="1/Year"),
    variable("half", Number(0.5)),
    variable("unknown", Number(3.0), unit=""),
]  # fmt: skip
PEOPLE, FIRMS, RATE, HALF, UNKNOWN = (Ref(k) for k in ("people", "firms", "rate", "half", "unknown"))


def told(expr: Expr, unit: str, **more: Any) -> list[tuple[str, str]]:
    listed = check_units(model(*GIVEN, variable("x", expr, unit=unit), **more), "x")
    return [(f.level, f.message) for f in listed if f.variable == "x"]


@pytest.mark.parametrize(
    ("expr", "unit", "said"),
    [
        (Op("^", (PEOPLE, Op("/", (Number(1.0), Number(2.0))))), "Person^0.5", ""),
        (Op("^", (PEOPLE, Op("/", (Number(3.0), Number(2.0))))), "Person^(3/2)", ""),
        (Op("^", (PEOPLE, Op("neg", (Number(2.0),)))), "1/Person^2", ""),
        (Op("^", (PEOPLE, Op("/", (Number(1.0), Number(0.0))))), "Person", "the exponent is not a number"),
        (Op("^", (UNKNOWN, HALF)), "Person", ""), (Op("^", (Number(2.0), HALF)), "Dmnl", ""),
        (Op("+", (PEOPLE, Op("^", (Number(2.0), Number(3.0))))), "Person", "number `2^3` stands where Person"),
        (Op("+", (PEOPLE, Op("^", (Number(2.0), HALF)))), "Person", "should be in Person"),
        (Op("+", (PEOPLE, Op("*", (Number(2.0), Number(3.0))))), "Person", "number `2*3` stands where Person"),
        (Op("+", (PEOPLE, Op("*", (Number(2.0), HALF)))), "Person", "`2*half` is in Dmnl but should be in Person"),
        (Op("*", (Number(2.0), Number(3.0))), "Person", ""),
        (Call("max", (Array((0.0, 2.0), (2,)), PEOPLE)), "Person", "stands where Person is needed"),
        (Call("max", (Array((0.0, float("nan")), (2,)), PEOPLE)), "Person", ""),
        (Op("+", (Number(2.0), Op("*", (HALF, Number(0.0))))), "Person", ""),
        (Call("max", (Number(0.0), Number(2.0))), "Person", ""), (Call("max", (UNKNOWN, Number(2.0))), "Person", ""),
        (Call("max", (HALF, Number(2.0))), "Person", "The equation gives Dmnl"),
        (Call("prod", (PEOPLE,)), "Person", "the number of factors is not known"), (Call("prod", (HALF,)), "Dmnl", ""),
        (Op("*", (Op("+", (PEOPLE, FIRMS)), RATE)), "u", "should be in Person, because `people` is in Person."),
        (Op("*", (PEOPLE, RATE)), "Person", "Multiply by a time in Year, or is a unit stated without its per Year?"),
        (Op("/", (PEOPLE, RATE)), "Person", "Divide by a time in Year, or is a unit per Year stated without it?"),
        (Op("*", (PEOPLE, FIRMS)), "Person", "It is off by the factor firm."),
        (Op("*", (PEOPLE, HALF)), "Persons", "'Person' and 'Persons' are two units here: spell them alike"),
        (Op("*", (PEOPLE, HALF)), "Persona", "are two units here"),
        (Op("*", (PEOPLE, HALF)), "Parsing", "It is off by the factor"),
        (Call("integ", (Op("*", (PEOPLE, RATE)), Number(3.0))), "Person", "number `3` stands where Person"),
        (Call("integ", (Op("*", (PEOPLE, RATE)), FIRMS)), "Person", "`firms` is in firm but should be in Person"),
        (Op("<", (PEOPLE, FIRMS)), "Dmnl", "should be in Person"),
        (Op("<", (PEOPLE, PEOPLE)), "Person", "The equation gives Dmnl"),
    ],
)  # fmt: skip
def test_units_by_hand(expr: Expr, unit: str, said: str) -> None:
    found = told(expr, unit)
    assert len(found) == bool(said), found
    assert all(said in message for _, message in found), found


def test_long_equations_and_long_lists_are_cut() -> None:
    long: Expr = PEOPLE
    for _ in range(30):
        long = Op("+", (long, PEOPLE))
    ((_, message),) = told(long, "firm")
    (shown,) = [
        part for part in message.split("`") if part.startswith("people+people") or part.startswith("people + people")
    ]
    assert shown.endswith(" …")
    assert len(shown) == 162
    names = [variable(f"v{i}", Number(1.0), unit="m") for i in range(12)]
    total: Expr = Ref("v0")
    for i in range(1, 12):
        total = Op("+", (total, Ref(f"v{i}")))
    (found,) = [f for f in check_units(model(*names, variable("x", total, unit="s"))) if f.variable == "x"]
    assert found.message.count(" is in m") == 8
    exact: Expr = Ref("a" * 160)
    (short,) = [
        f
        for f in check_units(
            model(variable("a" * 160, Number(1.0), unit="m"), variable("x", Op("neg", (exact,)), unit="s"))
        )
        if f.variable == "x"
    ]
    assert "…" in short.message
    bare = Op("neg", (Ref("a" * 159),))
    (fits,) = [
        f
        for f in check_units(model(variable("a" * 159, Number(1.0), unit="m"), variable("x", bare, unit="s")))
        if f.variable == "x"
    ]
    assert "…" not in fits.message


def test_control_variables_that_disagree_are_told_by_name() -> None:
    wrong = variable("SAVEPER", Number(1.0), unit="Month", kind="control")
    (found,) = [f for f in check_units(model(GIVEN[0], wrong)) if f.level == "error"]
    assert found.variable in ("SAVEPER", "TIME STEP")
    assert "is in Month" in found.message
    assert "is in Year" in found.message


def test_one_variable_may_be_checked_alone() -> None:
    two = model(*GIVEN, variable("x", PEOPLE, unit="firm"), variable("y", PEOPLE, unit="firm"))
    assert {f.variable for f in check_units(two, "y")} == {"y", "unknown"}
    assert {f.variable for f in check_units(two)} == {"x", "y", "unknown"}
