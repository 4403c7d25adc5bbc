"""Formulas of experiments: what they may hold, and that nothing else is worked out."""

from __future__ import annotations

import numpy as np
import pytest

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.study.formula import MOST, evaluate, first_texts

FUNCTIONS = {"double": lambda x: 2 * x, "power": lambda base, by=1.0: base**by}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-double(x) / 4", -1.5),
        ("2 ** 3 - 1", 7),
        ("power(x, by=2)", 9.0),
        ("x > 3", False),
        ("x >= 3", True),
        ("(x < 4) & (x <= 3)", True),
        ("(x < 3) | (x == 3)", True),
        ("['a', 2]", ["a", 2]),
    ],
)
def test_what_a_formula_may_hold(text: str, value: object) -> None:
    assert evaluate(text, FUNCTIONS, {"x": 3.0}) == value


def test_arrays_are_worked_out_by_element_and_without_warnings() -> None:
    found = evaluate("a / b", {}, {"a": np.array([1.0, 2.0]), "b": np.array([0.0, 4.0])})
    assert found.tolist() == [np.inf, 0.5]


@pytest.mark.parametrize(
    "text",
    [
        "x.real", "x[0]", "lambda: 1", "[a for a in x]", "__import__('os').system('true')", "x if x else 1", "f'{x}'",
        "double(*x)", "double(**x)", "1 < x < 4", "not x", "x and x", "{'a': 1}", "b'1'", "1j", "x := 1", "x; x",
        "double(x", "", "1" * (MOST + 1), "(" * 500 + ")" * 500,
    ],
)  # fmt: skip
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(DesignError, match="formula"):
        evaluate(text, FUNCTIONS, {"x": 3.0})


def test_names_that_are_not_there_are_named() -> None:
    with pytest.raises(UnknownNameError, match="no function 'doubel'"):
        evaluate("doubel(1)", FUNCTIONS)
    with pytest.raises(UnknownNameError, match="no name 'y'"):
        evaluate("y", FUNCTIONS, {"x": 1.0})


def test_texts_are_found_by_the_function_that_takes_them() -> None:
    assert list(first_texts("f('a', 2) / g('b', 'c')")) == [("f", ["a"]), ("g", ["b", "c"])]
