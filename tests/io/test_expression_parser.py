"""Formulas to trees: precedence as Vensim and XMILE have it, both languages' own forms, limits, and faults by place."""

from __future__ import annotations

import contextlib
import inspect
import pickle
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdmodel.core.errors import ReadError, UnsupportedError
from sdmodel.core.expression import NA, Array, Call, Expr, Number, Op, Ref, Table, Text, to_text
from sdmodel.core.functions.table import FUNCTIONS
from sdmodel.io.expression_parser import MAX_NESTING, parse_equation, parse_formula
from sdmodel.io.expression_tokens import VENSIM, XMILE, ExpressionError
from sdmodel.io.number_lists import parse_lookup
from sdmodel.io.operator_stack import INDEX, OUTPUTS, SLICE

A, B, C = Ref("a"), Ref("b"), Ref("c")


def n(value: float) -> Number:
    return Number(float(value))


# -- precedence -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a + b*c", Op("+", (A, Op("*", (B, C))))),
        ("a - b - c", Op("-", (Op("-", (A, B)), C))),
        ("a/b/c", Op("/", (Op("/", (A, B)), C))),
        ("a^b^c", Op("^", (A, Op("^", (B, C))))),
        ("-2^2", Op("neg", (Op("^", (n(2), n(2))),))),
        ("(-2)^2", Op("^", (n(-2), n(2)))),
        ("2^-a", Op("^", (n(2), Op("neg", (A,))))),
        ("-a*b", Op("*", (Op("neg", (A,)), B))),
        ("a*-b", Op("*", (A, Op("neg", (B,))))),
        ("a - -2", Op("-", (A, n(-2)))),
        ("+a", A),
        ("-(2)", n(-2)),
        ("a + b > c", Op(">", (Op("+", (A, B)), C))),
        ("a <> b", Op("<>", (A, B))),
    ],
)
@pytest.mark.parametrize("dialect", [VENSIM, XMILE], ids=["vensim", "xmile"])
def test_arithmetic_binds_as_in_both_languages(text: str, tree: Expr, dialect: object) -> None:
    assert parse_formula(text, dialect) == tree


AND, OR, NOT = (lambda *x: Op("and", x)), (lambda *x: Op("or", x)), (lambda x: Op("not", (x,)))


@pytest.mark.parametrize(
    ("vensim", "xmile", "tree"),
    [
        ("a :AND: b :OR: c", "a AND b OR c", OR(AND(A, B), C)),
        ("a :OR: b :AND: c", "a or b and c", OR(A, AND(B, C))),
        (":NOT: a > b", "NOT (a > b)", NOT(Op(">", (A, B)))),
        (":not:a:and:b", "not a AND b", AND(NOT(A), B)),
    ],
)
def test_logic(vensim: str, xmile: str, tree: Expr) -> None:
    """The suite's subscripted_logicals, with Vensim's own output, has `:NOT: Time > 5`."""
    assert parse_formula(vensim, VENSIM) == parse_formula(xmile, XMILE) == tree


# -- Vensim -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("Birth  rate_2 * 3", Op("*", (Ref("birth rate 2"), n(3)))),
        ("größe + 人口 - cost €", Op("-", (Op("+", (Ref("größe"), Ref("人口"))), Ref("cost €")))),
        (r'"a \"b\" (c)"[x y, "d e"!]', Ref('a "b" (c)', ("x y", '"d e"!'))),
        ("a \\\n\t\tb", Ref("a b")),
        ("x' y$", Ref("x' y$")),
        ("5. + .5 - 1e-3", Op("-", (Op("+", (n(5), n(0.5))), n(0.001)))),
        ("007", n(7)),
        (":NA:", n(NA)),
        ("IF THEN ELSE(a, b, c)", Call("if then else", (A, B, C))),
        ("table[x](a)", Call("table", (A,), ("x",))),
        ("SUM(a[x!])", Call("sum", (Ref("a", ("x!",)),))),
        ("GET_XLS_DATA('f.xlsx', 'tab', 'A', 'B2')", Call("get data", tuple(map(Text, ("f.xlsx", "tab", "A", "B2"))))),
        ("M(a, 3 : b out, \"c\")", Call("m", (A, n(3), Call(OUTPUTS, (Ref("b out"), Ref("c")))))),
        (
            "WITH LOOKUP(a, ([(0,-1)-(10,10),(1,2)],(0,1),( 1 , - 2.5)))",
            Call("with lookup", (A, Table((0, 1), (1, -2.5), "interpolate", (0, 10, -1, 10)))),
        ),
        ("WITH LOOKUP(a, ((0,1),(1,2))) * 2", Op("*", (Call("with lookup", (A, Table((0, 1), (1, 2)))), n(2)))),
        ("1, 2 ; -3, 4;", Array((1, 2, -3, 4), (2, 2))),
        ("1, :NA:, 3", Array((1, NA, 3), (3,))),
        ("TABBED ARRAY( 1 2\n -3 4e1 )", Array((1, 2, -3, 40), (4,))),
        ("TABBED ARRAY( 7 )", n(7)),
    ],
)  # fmt: skip
def test_what_vensim_writes(text: str, tree: Expr) -> None:
    assert parse_equation(text) == tree


def test_lookups_in_both_forms() -> None:
    assert parse_lookup("(0,1),(10,5)") == Table((0, 10), (1, 5))
    assert parse_lookup("0, 10, \\\n\t1, 5") == Table((0, 10), (1, 5))
    assert parse_lookup(" [(0,0)-(10,10),(3,4),(5,6)] , (0,1) (10,5),").limits == (0, 10, 0, 10)


# -- XMILE ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a MOD b * c", Op("*", (Op("%", (A, B)), C))),
        ("a // b", Op("//", (A, B))),
        ("notable + android", Op("+", (Ref("notable"), Ref("android")))),
        ("IF a THEN b ELSE c + 1", Call("if then else", (A, B, Op("+", (C, n(1)))))),
        ("(IF a THEN b ELSE c) + 1", Op("+", (Call("if then else", (A, B, C)), n(1)))),
        ("IF a THEN IF b THEN 1 ELSE 2 ELSE 3", Call("if then else", (A, Call("if then else", (B, n(1), n(2))), n(3)))),
        ("f(IF a THEN b ELSE c, 2)", Call("f", (Call("if then else", (A, B, C)), n(2)))),
        ("v[x_y, 2, *]", Ref("v", ("x y", "2", "*"))),
        ("v[Dim.element]", Ref("v", ("Dim.element",))),
        ("v[i + 1]", Call(INDEX, (Ref("v"), Op("+", (Ref("i"), n(1)))))),
        ("v[1:3, *]", Call(INDEX, (Ref("v"), Call(SLICE, (n(1), n(3))), Text("*")))),
        ("v[w[1]] * 2", Op("*", (Call(INDEX, (Ref("v"), Ref("w", ("1",)))), n(2)))),
        ("a {a comment} + b", Op("+", (A, B))),
    ],
)
def test_what_xmile_writes(text: str, tree: Expr) -> None:
    assert parse_formula(text, XMILE) == tree


# -- faults -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a +", "expected, not the end, after 'a \\+'"),
        ("a + * b", "expected, not '\\*', after 'a \\+'"),
        ("(a + b", "'\\(' is not closed at the start"),
        ("a)", "'\\)' closes nothing"),
        ("f(a,,b)", "not ',', after 'f\\(a,'"),
        ("f(a,)", "not '\\)'"),
        ("a = b = c", "a comparison of a comparison"),
        ("v[a", "']' is expected"),
        ("v[a + 1]", "the name of a subscript|']' is expected"),
        ("MAX(1， 2)", "write ','"),
        ("'text'", "not ''text''"),
        ("1 2", "an operator or the end is expected, not '2'"),
        ("WITH LOOKUP(a, b)", "a table such as"),
        ("WITH LOOKUP(a, ((0,1),(1,b)))", "a point or '\\)'"),
        ('"a', "opened and never closed"),
        ("1, 2; 3", "rows have 2, 1 numbers"),
        ("TABBED ARRAY(1 x)", "'x' is not a number"),
        ("", "not the end, at the start"),
        ("a\x00b", r"U\+0000"),
    ],
)
def test_faults_say_what_and_where(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason) as caught:
        parse_equation(text)
    assert 0 <= caught.value.position <= len(text)
    assert isinstance(pickle.loads(pickle.dumps(caught.value)), ReadError)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("IF a THEN b", "IF has no ELSE"),
        ("IF a", "IF has no THEN"),
        ("IF a ELSE b", "THEN is expected, not 'ELSE'"),
        ("IF a, b", "THEN is expected, not ','"),
        ("(IF a)", r"THEN is expected, not '\)'"),
        ("(IF a THEN b)", r"ELSE is expected, not '\)'"),
        ("IF a THEN b, c", "ELSE is expected, not ','"),
        ("f(a THEN b)", r"an operator or '\)' is expected, not 'THEN'"),
        ("v[i + 1)", r"']' is expected, not '\)'"),
        ("v[1:2:3]", "a slice has two ends"),
        ("v[i + 1](a)", "a lookup chosen by an expression cannot be called"),
        ("a % b", "an operator or the end is expected, not '%'"),
    ],
)
def test_faults_of_xmile(text: str, reason: str) -> None:
    with pytest.raises(ExpressionError, match=reason):
        parse_formula(text, XMILE)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 300 + "a" + ")" * 300,
        "f(" * 300 + "a" + ")" * 300,
        "+".join("a" * 400),
        "^".join("a" * 400),
        "-" * 1000 + "a",
        "MIN(" + ",".join("a" * 10_000) + ")",
        "M(a : " + ",".join("a" * 10_000) + ")",
        "a" * 1_000_000,
        "GET DATA('a')",
    ],
    ids=["brackets", "calls", "sum", "powers", "signs", "arguments", "outputs", "name", "reserved"],
)
def test_limits_are_typed(text: str) -> None:
    before = sys.getrecursionlimit()
    with pytest.raises(UnsupportedError, match="here: "):
        parse_equation(text, "here")
    assert sys.getrecursionlimit() == before


def test_nesting_up_to_the_limit_needs_no_recursion() -> None:
    depth = MAX_NESTING
    old = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack()) + 60)
    try:
        tree = parse_formula("(" * depth + "a" + ")" * depth, VENSIM)
    finally:
        sys.setrecursionlimit(old)
    assert tree == A


def test_functions_that_vensim_does_not_have_are_refused_by_name() -> None:
    foreign = {f.name for f in FUNCTIONS.values() if not f.vensim}
    assert "floor" in foreign
    assert foreign <= VENSIM.reserved
    for name in VENSIM.reserved:
        with pytest.raises(UnsupportedError, match=f"here: '{name.upper()}' is called"):
            parse_equation(f"1 + {name.upper()}(a)", "here")


def test_an_external_function_is_the_whole_formula() -> None:
    assert isinstance(parse_equation("GET XLS CONSTANTS('a.xlsx', 'b', 'C1')"), Call)
    with pytest.raises(UnsupportedError, match="here: 'GET XLS DATA' stands inside a formula"):
        parse_equation("1 + GET XLS DATA('a.xlsx', 'b', 'A', 'C1')", "here")


# -- round trip -------------------------------------------------------------------------------------------------
_NAMES = st.sampled_from(["a", "b", "net flow"])
_LEAVES = st.one_of(
    st.floats(0, 1e6, allow_nan=False).map(Number), _NAMES.map(Ref), st.just(Ref("v", ("x", "y!"))), st.just(Number(NA))
)


def _grow(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    pair = st.tuples(inner, inner)
    return st.one_of(
        st.builds(Op, st.sampled_from(["+", "-", "*", "/", "^", "and", "or"]), pair),
        st.builds(lambda op, p: Call("if then else", (Op(op, p), *p)), st.sampled_from(["<", "=", "<>", ">="]), pair),
        st.builds(lambda x: x if isinstance(x, Number) else Op("neg", (x,)), inner),
        st.builds(lambda x: Op("not", (x,)), inner),
    )


@settings(max_examples=300, deadline=None)
@given(st.recursive(_LEAVES, _grow, max_leaves=20))
def test_a_tree_that_is_written_is_read_again(tree: Expr) -> None:
    assert parse_equation(to_text(tree)) == tree


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="ab 1.e+-*/^()[],;:'\"=<>!\\\n_:NOTAND{}人，", max_size=40))
@pytest.mark.parametrize("dialect", [VENSIM, XMILE], ids=["vensim", "xmile"])
def test_any_text_is_a_formula_or_a_typed_error(dialect: object, text: str) -> None:
    with contextlib.suppress(ReadError):
        parse_formula(text, dialect)
