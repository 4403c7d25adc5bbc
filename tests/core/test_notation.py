"""Formulas in XMILE's notation, by hand, and read back as the same values."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.expression import NA, Array, Call, Expr, Number, Op, Ref, Table, Text
from sdmodel.core.notation import formula, function_name, is_xmile

A, B, C = Ref("a"), Ref("b"), Ref("c")


def op(sign: str, *args: Expr) -> Op:
    return Op(sign, args)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (op("-", A, op("-", B, C)), "a - (b - c)"),
        (op("-", op("-", A, B), C), "a - b - c"),
        (op("+", op("*", A, B), C), "a*b + c"),
        (op("*", op("+", A, B), C), "(a + b)*c"),
        (op("/", A, op("*", B, C)), "a/(b*c)"),
        (op("^", A, op("^", B, C)), "a^b^c"),
        (op("^", op("^", A, B), C), "(a^b)^c"),
        (op("^", op("neg", A), Number(2.0)), "(-a)^2"),
        (op("neg", op("^", A, Number(2.0))), "-a^2"),
        (op("neg", op("*", A, B)), "-(a*b)"),
        (op("neg", op("neg", A)), "-(-a)"),
        (op("*", A, op("neg", B)), "a*-b"),
        (op("*", A, Number(-2.0)), "a*-2"),
        (op("^", A, Number(-2.0)), "a^(-2)"),
        (op("^", A, Number(2.0)), "a^2"),
        (op("or", A, op("and", B, op("not", C))), "a OR b AND NOT c"),
        (op("and", op("or", A, B), C), "(a OR b) AND c"),
        (op("not", op("=", A, B)), "NOT (a = b)"),
        (op("<>", op("<", A, B), C), "(a < b) <> c"),
        (op("<=", A, op(">=", B, C)), "a <= (b >= c)"),
        (Call("floored modulo", (A, Call("floored modulo", (B, C)))), "a MOD (b MOD c)"),
        (Call("floored modulo", (op("+", A, B), C)), "(a + b) MOD c"),
        (Call("if then else", (op(">", A, B), A, op("+", B, C))), "IF a > b THEN a ELSE b + c"),
        (op("+", A, Call("if then else", (A, B, C))), "a + (IF a THEN b ELSE c)"),
        (op("+", Number(1.0), Call("max", (A, op("+", B, C)))), "1 + MAX(a, b + c)"),
        (Ref("time"), "TIME"),
        (Ref("b", ("x", "y!")), "b[x, *]"),
        (Call("table", (A,), ("x",)), "TABLE[x](a)"),
        (Call("element at", (Ref("b", ("*", "x", "y!", "*")), Number(0.0), A, op("+", C, Number(1.0)))),
         "b[a, x, *, c + 1]"),
        (Call("with lookup", (op("+", A, B), Table((0.0, 1.0), (2.0, 3.0)))), "GRAPH(a + b, ((0,2),(1,3)))"),
        (Call("xpulse", (A, B)), "PULSE(b, a)"),
        (Call("xpulse train", (A, B, C)), "PULSE(c, a, b)"),
        (Call("npv", (A, B, C, Number(1.0))), "NPV(a, b, c)"),
        (Call("smooth n", (A, B, C, Number(2.0))), "SMTHN(a, b, 2, c)"),
        (Call("delay n", (A, B, C, Number(2.0))), "DELAYN(a, b, 2, c)"),
        (Call("smooth3i", (A, B, C)), "SMTH3(a, b, c)"),
        (Number(math.nan), "NAN"),
        (Number(NA), "NAN"),
        (Number(math.inf), "INF"),
        (Number(-math.inf), "-INF"),
        (Number(1e300), "1e+300"),
        (Array((1.0, 2.0), (2,)), "1, 2"),
        (Text("data.xls"), "'data.xls'"),
        (Table((0.0, 1.0), (2.0, 3.0)), "((0,2),(1,3))"),
    ],
)  # fmt: skip
def test_a_formula_is_written_as_xmile_writes_it(tree: Expr, text: str) -> None:
    assert formula(tree, "lake.stmx") == text


def test_names_are_spelled_as_given_and_files_are_told_by_their_ending() -> None:
    spell = {"a": "Alpha", "time": "Time", "t": "Table of"}
    assert formula(op("+", A, Ref("time")), "lake.xmile", spell) == "Alpha + Time"
    assert formula(Call("t", (A,)), "lake.xmile", spell) == "Table of(Alpha)"
    assert formula(Call("element at", (Ref("a", ("*",)), B, C)), "lake.xmile", spell) == "Alpha[c]"
    assert formula(op("and", A, B), "lake.mdl") == "a :AND: b"
    assert [is_xmile(f"lake.{end}") for end in ("XMILE", "stmx", "itmx", "xml", "mdl", "toml")] == [True] * 4 + [
        False
    ] * 2
    assert function_name("integ cut", "lake.mdl") == function_name("integ non negative", "") == "the non-negative stock"
    assert (function_name("integ", "lake.mdl"), function_name("vmax", "lake.xml")) == ("INTEG", "MAX")
    assert function_name("exp", "lake.xml") == "EXP"


def test_what_is_written_in_xmiles_notation_reads_back_with_the_same_values(
    model_from: Callable[..., sdmodel.Model], tmp_path: Path
) -> None:
    formulas = [
        "-Time^2 + (-Time)^2*2 - (3 - (Time - 1))/(2*(1 + Time))",
        "IF THEN ELSE(Time > 3 :AND: :NOT: (Time > 5 :OR: Time = 4), 1 + Time, -2)*3",
        "SMOOTH N(Time, 6, 1, 2) + DELAY N(Time, 6, 1, 3) + SMOOTH3I(Time, 6, 1)",
        "MAX(Time, 3) - 2^-Time",
    ]
    source = model_from("\n".join(f"x{i} = {f} ~~|" for i, f in enumerate(formulas)), step=1)
    written = "".join(
        f'<aux name="x{i}"><eqn>{formula(source[f"x{i}"].components[0].expr, "x.xmile")}</eqn></aux>'.replace(
            " > ", " &gt; "
        )
        for i in range(len(formulas))
    )
    path = tmp_path / "again.xmile"
    path.write_text(
        '<xmile version="1.0" xmlns="http://docs.oasis-open.org/xmile/ns/XMILE/v1.0"><header><vendor>t</vendor>'
        '</header><sim_specs method="Euler" time_units="Year"><start>0</start><stop>10</stop><dt>1</dt></sim_specs>'
        f"<model><variables>{written}</variables></model></xmile>"
    )
    one, other = (m.run(method="euler") for m in (source, sdmodel.load(path)))
    for i in range(len(formulas)):
        np.testing.assert_allclose(other[f"x{i}"], one[f"x{i}"], rtol=1e-13, err_msg=formulas[i])
