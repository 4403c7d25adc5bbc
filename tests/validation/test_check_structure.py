"""Names, ranges and markers, on models built by hand; and the table that `check` gives."""

from __future__ import annotations

import dataclasses

import pytest

from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, Table
from sdmodel.core.structure import Component, Source, SubscriptRange, Variable
from sdmodel.model import Model
from sdmodel.validation.check import check, issues
from sdmodel.validation.static.issue import Issue
from sdmodel.validation.static.structure import check_markers, check_names, check_ranges, check_unused

FUNCTIONS = frozenset({"integ", "max", "sum", "smooth"})
REGION = SubscriptRange("region", ("north", "south"))


def variable(name: str, expr: Expr, subs: tuple[str, ...] = (), **more: object) -> Variable:
    kind = "constant" if isinstance(expr, (Number, Array)) else "auxiliary"
    given = {"kind": kind, "unit": "Dmnl", "file": "m.mdl", "line": 7} | more
    return Variable(name, components=(Component(subs, (), expr),), **given)


def model(*variables: Variable, ranges: tuple[SubscriptRange, ...] = ()) -> Model:
    return Model("m", {v.key: v for v in variables}, {r.name: r for r in ranges})


def brief(listed: list[Issue]) -> list[tuple[str, str, str]]:
    return [(f.level, f.kind, f.variable) for f in listed]


A = variable("trust in policy", Number(1.0))
GOOD = variable(
    "lever one",
    Number(0.5),
    limits=(0.0, 1.0),
    role="lever",
    sentence="How much is given.",
    sources=(Source("seed", "P01"),),
)


# -- names ---------------------------------------------------------------------------------------------------
def test_what_is_defined_is_found() -> None:
    expr = Op("+", (Ref("trust in policy"), Call("max", (Ref("time"), Ref("x", ("region!",))))))
    listed = model(A, variable("x", Number(1.0), ("region",)), variable("y", expr), ranges=(REGION,))
    assert check_names(listed, FUNCTIONS) == []


def test_an_undefined_name_is_an_error_with_the_nearest() -> None:
    listed = check_names(model(A, variable("x", Op("+", (Ref("trust in policies"), Ref("qqq"))))), FUNCTIONS)
    assert brief(listed) == [("error", "names", "x")] * 2
    assert "'trust in policies', which is not defined. Nearest: trust in policy." in listed[0].message
    assert listed[1].message.endswith("not defined.")
    assert listed[0].where == "m.mdl:7"


def test_an_unknown_function_is_an_error_with_the_nearest() -> None:
    listed = check_names(model(A, variable("x", Call("smoth", (Ref("trust in policy"),)))), FUNCTIONS)
    assert brief(listed) == [("error", "names", "x")]
    assert "Nearest: smooth" in listed[0].message


def test_a_lookup_of_the_model_is_a_function() -> None:
    table = variable("table", Table((0.0, 1.0), (0.0, 1.0)), kind="lookup")
    assert check_names(model(A, table, variable("x", Call("table", (Ref("trust in policy"),)))), FUNCTIONS) == []


def test_a_subscript_must_be_in_a_range() -> None:
    left = variable("x", Number(1.0), ("noth",))
    right = variable("y", Ref("x", ("west",)))
    excepted = dataclasses.replace(
        variable("z", Number(1.0)), components=(Component(("region",), (("east",),), Number(1.0)),)
    )
    listed = check_names(model(left, right, excepted, ranges=(REGION,)), FUNCTIONS)
    assert brief(listed) == [("error", "names", "x"), ("error", "names", "y"), ("error", "names", "z")]
    assert "'noth' is not in any range. Nearest: north" in listed[0].message


def test_the_name_of_a_range_or_element_may_be_read() -> None:
    assert check_names(model(variable("x", Op("=", (Ref("region"), Ref("north")))), ranges=(REGION,)), ()) == []


# -- unused --------------------------------------------------------------------------------------------------
def test_what_nothing_reads_is_a_warning() -> None:
    stock = variable("stock", Call("integ", (Ref("stock"), Ref("trust in policy"))))
    assert brief(check_unused(model(A, stock))) == [("warning", "unused", "stock")]


def test_outcomes_and_control_variables_need_no_reader() -> None:
    outcome = variable("x", Ref("trust in policy"), outcome=True)
    assert check_unused(model(A, outcome, variable("FINAL TIME", Number(1.0), kind="control"))) == []


def test_a_lookup_that_is_called_is_used() -> None:
    table = variable("table", Table((0.0, 1.0), (0.0, 1.0)), kind="lookup")
    assert check_unused(model(table, variable("x", Call("table", (Ref("time"),)), outcome=True))) == []


# -- ranges --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("limits", [(), (0.0, 1.0), (None, 1.0), (0.5, None), (0.5, 0.5), (0.0, 1.0, 0.1)])
def test_a_value_in_its_range(limits: tuple[float | None, ...]) -> None:
    assert check_ranges(model(variable("x", Number(0.5), limits=limits))) == []


@pytest.mark.parametrize("limits", [(0.0, 0.4), (0.6, 1.0), (None, 0.4), (0.6, None)])
def test_a_value_outside_its_range_is_an_error(limits: tuple[float | None, ...]) -> None:
    listed = check_ranges(model(variable("x", Number(0.5), limits=limits)))
    assert brief(listed) == [("error", "range", "x")]
    assert "0.5 lies outside" in listed[0].message


def test_every_element_and_the_sign_count() -> None:
    array = variable("x", Array((0.5, 2.0, 3.0), (3,)), ("region",), limits=(0.0, 1.0))
    negative = variable("y", Op("neg", (Number(1.0),)), limits=(0.0, 1.0))
    listed = check_ranges(model(array, negative))
    assert brief(listed) == [("error", "range", "x"), ("error", "range", "y")]
    assert "2, 3 lies" in listed[0].message


@pytest.mark.parametrize(
    ("name", "value", "more", "wrong"),
    [
        ("kept share", 1.5, {}, True),
        ("Loss Fraction", -0.1, {}, True),
        ("kept share", 1.0, {}, False),
        ("kept share", 1.5, {"limits": (0.0, 2.0)}, False),  # the author says so
        ("exit fraction", 1.5, {"unit": "1/Year"}, False),  # a rate
        ("kept share", 1.5, {"unit": "("}, False),  # said by the check of units
        ("shares", 1.5, {}, False),
    ],
)
def test_a_fraction_lies_between_nothing_and_all(name: str, value: float, more: dict[str, object], wrong: bool) -> None:
    listed = check_ranges(model(variable(name, Number(value), **more)))
    assert brief(listed) == ([("error", "range", name)] if wrong else [])
    assert all("[0, 1] of what its name calls it" in f.message for f in listed)


def test_a_range_that_ends_below_its_start_is_one_error() -> None:
    listed = check_ranges(model(variable("x", Number(0.5), limits=(1.0, 0.0), role="uncertainty")))
    assert brief(listed) == [("error", "range", "x")]


@pytest.mark.parametrize(
    ("role", "distribution", "limits", "value", "wrong"),
    [
        ("uncertainty", "uniform", (0.0, 1.0), 0.5, False),
        ("uncertainty", "uniform", (0.0, None), 0.5, True),
        ("uncertainty", "uniform", (None, 1.0), 0.5, True),
        ("uncertainty", "loguniform", (0.1, 1.0), 0.5, False),
        ("uncertainty", "loguniform", (0.0, 1.0), 0.5, True),
        ("uncertainty", "lognormal", (0.0, 1.0), 0.5, False),
        ("uncertainty", "lognormal", (0.0, 1.0), 0.0, True),
        ("switch", "integer", (0.0, 2.0, 1.0), 1.0, False),
        ("switch", "integer", (0.0, None), 1.0, True),
        ("switch", "integer", (0.0, 1.5), 1.0, True),
        ("lever", "", (0.0, None), 0.5, False),
        ("fixed", "", (0.0, None), 0.5, False),
    ],
)
def test_what_cannot_be_sampled_is_an_error(
    role: str, distribution: str, limits: tuple[float | None, ...], value: float, wrong: bool
) -> None:
    x = variable("x", Number(value), role=role, distribution=distribution, limits=limits)
    assert brief(check_ranges(model(x))) == ([("error", "sampling", "x")] if wrong else [])


# -- markers -------------------------------------------------------------------------------------------------
def test_a_model_without_markers_is_warned_of_values_without_source() -> None:
    known = dataclasses.replace(A, name="known", sources=(Source("seed"),))
    listed = check_markers(model(A, known, variable("x", Ref("known"))))
    assert brief(listed) == [("warning", "source", "trust in policy")]


def test_a_constant_that_says_it_all() -> None:
    assert check_markers(model(GOOD)) == []


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"role": ""}, "role"),
        ({"sources": ()}, "source"),
        ({"sentence": ""}, "sentence"),
        ({"limits": ()}, "range"),
        ({"limits": (), "role": "uncertainty"}, "range"),
        ({"limits": (), "role": "switch"}, "range"),
    ],
)
def test_in_a_model_with_markers_a_gap_is_an_error(change: dict[str, object], kind: str) -> None:
    x = dataclasses.replace(GOOD, name="x", **change)
    assert brief(check_markers(model(GOOD, x))) == [("error", kind, "x")]


def test_a_fixed_constant_needs_no_range_and_a_boundary_input_no_source() -> None:
    fixed = dataclasses.replace(GOOD, name="fixed", role="fixed", limits=())
    boundary = dataclasses.replace(GOOD, name="boundary", role="input", limits=(), sources=(), origin="firms")
    assert check_markers(model(GOOD, fixed, boundary)) == []


def test_tables_carry_sources_too() -> None:
    points = Table((0.0, 1.0), (0.0, 1.0))
    lookup = variable("table", points, kind="lookup", sentence="A table.")
    inline = variable("inline", Call("with lookup", (Ref("time"), points)), sentence="A table inside.")
    formula = variable("formula", Ref("table"))
    listed = check_markers(model(GOOD, lookup, inline, formula))
    assert brief(listed) == [("error", "source", "table"), ("error", "source", "inline")]
    assert check_markers(model(lookup, inline)) == []


def test_control_variables_carry_no_markers() -> None:
    assert check_markers(model(GOOD, variable("TIME STEP", Number(1.0), kind="control"))) == []


# -- the table -----------------------------------------------------------------------------------------------
def test_the_table_has_errors_first_and_every_kind() -> None:
    unused = variable("unused", Ref("lever one"))
    wrong = variable("wrong", Op("+", (Ref("nothing"), Ref("lever one"))), unit="Year", outcome=True)
    outside = dataclasses.replace(GOOD, name="outside", limits=(2.0, 3.0))
    built = model(GOOD, unused, wrong, outside)
    table = check(built)
    assert list(table.columns) == ["level", "kind", "variable", "where", "message"]
    assert len(table) == len(issues(built))
    assert list(table["level"]) == sorted(table["level"])
    got = set(zip(table["level"], table["kind"], table["variable"], strict=True))
    assert {
        ("error", "names", "wrong"),
        ("error", "units", "wrong"),
        ("error", "range", "outside"),
        ("warning", "unused", "unused"),
    } <= got


def test_a_clean_model_gives_an_empty_table() -> None:
    table = check(model(GOOD, variable("x", Ref("lever one"), outcome=True)))
    assert table.empty
    assert list(table.columns) == ["level", "kind", "variable", "where", "message"]
