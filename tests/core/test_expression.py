"""The expression tree: keys, walking, and text that reads back as the same tree."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdmodel
from sdmodel.core.expression import (
    NA,
    Array,
    Call,
    Expr,
    Number,
    Op,
    Ref,
    Table,
    Text,
    aggregated_ranges,
    key,
    names_in,
    to_text,
    walk,
)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("Firm", "firm"),
        ("  Firm   R&D_capital ", "firm r&d capital"),
        ('"Quoted Name"', "quoted name"),
        ('"with \\"quotes\\" inside"', 'with "quotes" inside'),
        ("two\nlines\tand_a__half", "two lines and a half"),
        ("研发 投入", "研发 投入"),
        ('"', '"'),
        ("", ""),
    ],
)
def test_a_key_is_what_identifies_a_name(name: str, want: str) -> None:
    assert key(name) == want


@given(st.text(max_size=30))
def test_a_key_is_its_own_key_and_ignores_case_and_blanks(name: str) -> None:
    if '"' not in name and "\\" not in name:
        once = key(name)
        assert key(once) == once
        assert key(once.replace(" ", "_")) == once
        assert key(f"  {name} ") == once


TREE = Call(
    "if then else", (Op(">", (Ref("a", ("x!",)), Number(1.0))), Call("table", (Ref("b"),)), Op("neg", (Ref("a"),)))
)


def test_walking_and_names() -> None:
    assert next(iter(walk(TREE))) is TREE
    assert len(list(walk(TREE))) == 8
    assert names_in(TREE) == {"if then else", "a", "table", "b"}
    assert names_in(Number(1)) == set()


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (Op("-", (Ref("a"), Op("-", (Ref("b"), Ref("c"))))), "a - (b - c)"),
        (Op("-", (Op("-", (Ref("a"), Ref("b"))), Ref("c"))), "a - b - c"),
        (Op("/", (Ref("a"), Op("*", (Ref("b"), Ref("c"))))), "a/(b*c)"),
        (Op("^", (Ref("a"), Op("^", (Ref("b"), Ref("c"))))), "a^b^c"),
        (Op("^", (Op("^", (Ref("a"), Ref("b"))), Ref("c"))), "(a^b)^c"),
        (Op("^", (Op("neg", (Ref("a"),)), Number(2.0))), "(-a)^2"),
        (Op("neg", (Op("^", (Ref("a"), Number(2.0))),)), "-a^2"),
        (Op("*", (Ref("a"), Number(-2.0))), "a*-2"),
        (Op("or", (Ref("a"), Op("and", (Ref("b"), Op("not", (Ref("c"),)))))), "a :OR: b :AND: :NOT: c"),
        (Op("and", (Op("or", (Ref("a"), Ref("b"))), Ref("c"))), "(a :OR: b) :AND: c"),
        (Call("step", (Number(1.5), Ref("date"))), "STEP(1.5, date)"),
        (Ref("a", ("x", "y!")), "a[x, y!]"),
        (Number(float("nan")), ":NA:"),
        (Number(1e20), "1e+20"),
        (Number(0.1), "0.1"),
        (Array((1.0, 2.0, 3.0, 4.0), (2, 2)), "1, 2; 3, 4;"),
        (Array((1.0, 2.5), (2,)), "1, 2.5"),
        (Call("with lookup", (Ref("time"), Table((0.0, 1.0), (2.0, 3.0)))), "WITH LOOKUP(time, ((0,2),(1,3)))"),
        (Text("data.xls"), "'data.xls'"),
        (Op("and", (Op("not", (Ref("a"),)), Ref("b"))), ":NOT: a :AND: b"),
        (Op("=", (Op("not", (Ref("a"),)), Ref("b"))), "(:NOT: a) = b"),
        (Op("not", (Op("not", (Ref("a"),)),)), ":NOT: (:NOT: a)"),
        (Op("neg", (Op("neg", (Ref("a"),)),)), "-(-a)"),
        (Op("neg", (Op("*", (Ref("a"), Ref("b"))),)), "-(a*b)"),
        (Op("^", (Ref("a"), Number(-2.0))), "a^(-2)"),
        (Op("<", (Op("<", (Ref("a"), Ref("b"))), Ref("c"))), "(a < b) < c"),
        (Op("+", (Ref("a"), Ref("b"), Op("+", (Ref("c"), Ref("d"))))), "a + b + (c + d)"),
        (Op("^", (Op("+", (Ref("a"), Ref("b"))), Ref("c"))), "(a + b)^c"),
        (Number(float("inf")), "1e308"),
        (Number(-float("inf")), "-1e308"),
        (Number(NA), ":NA:"),
        (Number(1e15), "1000000000000000.0"),
        (Number(-3.0), "-3"),
        (Number(999999999999999.0), "999999999999999"),
        (Array((1.0, 2.0, 3.0, 4.0, 5.0, 6.0), (2, 3)), "1, 2, 3; 4, 5, 6;"),
        (Call("table", (Ref("a"),), ("x", "y")), "TABLE[x, y](a)"),
        (Table((0.0, 1.0), (2.0, 3.0), limits=(0.0, 2.0, 10.0, 3.0)), "([(0,10)-(2,3)],(0,2),(1,3))"),
    ],
)
def test_text_has_no_more_brackets_than_it_needs(tree: Expr, text: str) -> None:
    assert to_text(tree) == text


@pytest.mark.parametrize(
    ("x", "y", "ordered", "said", "unclear"),
    [
        ((0, 1, 2), (5, 6, 7), ((0, 1, 2), (5, 6, 7)), "", False),
        ((2, 0, 1), (7, 5, 6), ((0, 1, 2), (5, 6, 7)), "out of order at x = 0", False),
        ((0, 1, 1, 2), (5, 9, 6, 7), ((0, 1, 1, 2), (5, 9, 6, 7)), "two points at x = 1, a vertical step", False),
        ((0, 1, 1, 2), (5, 6, 6, 7), ((0, 1, 1, 2), (5, 6, 6, 7)), "the point at x = 1 twice", False),
        ((0, 1, 1, 1), (5, 6, 7, 8), ((0, 1, 1, 1), (5, 6, 7, 8)), "3 different values at x = 1", True),
        ((0, 1, 1, 1), (5, 6, 7, 6), ((0, 1, 1, 1), (5, 6, 7, 6)), "2 different values at x = 1", True),
        ((0, 1, 1, 1), (5, 6, 6, 6), ((0, 1, 1, 1), (5, 6, 6, 6)), "the point at x = 1 twice", False),
        ((1, 0, 1), (7, 5, 6), ((0, 1, 1), (5, 7, 6)), "2 different values at x = 1", True),
        ((1, 0, 1), (6, 5, 6), ((0, 1, 1), (5, 6, 6)), "out of order at x = 0", False),
    ],
)
def test_points_of_a_lookup_are_put_in_order_and_disorder_is_told(
    x: tuple, y: tuple, ordered: tuple, said: str, unclear: bool
) -> None:
    table = Table(x, y, "extrapolate", (1.0,))
    assert table.ordered() == Table(*ordered, "extrapolate", (1.0,))
    found, ambiguous = table.disorder()
    assert said in found
    assert bool(found) == bool(said)
    assert ambiguous == unclear


def test_ranges_with_an_exclamation_mark_are_found_outside_nested_aggregates() -> None:
    inner = Call("sum", (Ref("a", ("z!",)),))
    tree = Op("+", (Ref("a", ("X y!", "p")), Op("*", (Call("t", (Ref("b", ("q!", "x_y!")),), ("r!",)), inner))))
    assert aggregated_ranges(tree, {"sum"}) == ["x y", "r", "q"]
    assert aggregated_ranges(tree, ()) == ["x y", "r", "q", "z"]


def test_names_are_spelled_as_given() -> None:
    assert to_text(TREE, {"a": "Alpha", "table": "Table of"}) == "IF THEN ELSE(Alpha[x!] > 1, Table of(b), -Alpha)"


def formula(rng: random.Random, depth: int) -> Expr:
    if depth == 0 or rng.random() < 0.2:
        return rng.choice([Number(round(rng.uniform(0, 9), 2)), Ref("a"), Ref("b c"), Ref("time")])
    kind = rng.choice(["binary", "binary", "power", "neg", "call", "choice"])

    def part() -> Expr:
        return formula(rng, depth - 1)

    if kind == "binary":
        return Op(rng.choice("+-*/"), (part(), part()))
    if kind == "power":
        return Op("^", (part(), part()))
    if kind == "neg":
        inner = part()
        return Op("neg", (inner,)) if not isinstance(inner, Number) else inner
    if kind == "call":
        return Call(rng.choice(["max", "min"]), (part(), part()))
    test = Op(rng.choice(["<", ">=", "<>"]), (part(), part()))
    if rng.random() < 0.4:
        test = Op(rng.choice(["and", "or"]), (test, Op("<=", (part(), part()))))
    return Call("if then else", (test, part(), part()))


def test_a_written_formula_reads_back_as_the_same_tree(write_model: Callable[..., Path]) -> None:
    rng = random.Random(4)
    trees = {f"x{i}": formula(rng, 4) for i in range(150)}
    spell = {"b c": "B_c", "time": "Time"}
    lines = ["a = 1 ~~|", "B c = 2 ~~|", *(f"{n} = {to_text(t, spell)} ~~|" for n, t in trees.items())]
    model = sdmodel.load(write_model("\n".join(lines)))
    for name, tree in trees.items():
        assert model[name].components[0].expr == tree, to_text(tree, spell)
