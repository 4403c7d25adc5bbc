"""The expression tree: keys, walking, and text that reads back as the same tree."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sdmodel
from sdmodel.core.expression import Array, Call, Expr, Number, Op, Ref, Table, Text, key, names_in, to_text, walk


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
    ],
)
def test_text_has_no_more_brackets_than_it_needs(tree: Expr, text: str) -> None:
    if text == "a*-2":  # a sign behind an operator is legal; brackets are too
        assert to_text(tree) in (text, "a*(-2)")
    elif text == "a :OR: b :AND: :NOT: c":
        assert to_text(tree).replace("(", "").replace(")", "") == text
    else:
        assert to_text(tree) == text


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
