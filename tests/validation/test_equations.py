"""Equations that cannot be worked out: each fault once, at the variable it stands in."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sdmodel.cli.main import app
from sdmodel.model import Model

Make = Callable[..., Model]


def found(model: Model) -> list[tuple[str, str, str]]:
    table = model.check()
    table = table[table["kind"].isin(["equations", "names"])]
    return list(zip(table["variable"], table["where"], table["message"], strict=True))


def test_a_loop_is_spelled_out_once_however_many_read_it(model_from: Make) -> None:
    listed = found(
        model_from("out = a * 2 ~~|\na = b + 1 ~~|\nb = c ~~|\nc = a * s ~~|\ns = INTEG(c, 1) ~~|\nd = out ~~|")
    )
    assert len(listed) == 1
    name, where, message = listed[0]
    assert (name, where) == ("a", "mini.mdl:3")
    assert "Circular equations: a -> b -> c -> a need each other" in message


def test_loops_of_elements_and_of_initial_values_are_found(model_from: Make) -> None:
    ranges = "r: P, Q ~~|\n"
    assert found(model_from(ranges + "x[P] = x[Q] ~~|\nx[Q] = 1 ~~|")) == []
    (listed,) = found(model_from(ranges + "x[P] = y[Q] ~~|\nx[Q] = 1 ~~|\ny[r] = x[r] + x[P] ~~|"))
    assert "x[P] -> y[Q] -> x[P]" in listed[2]
    (listed,) = found(model_from("s = INTEG(1, t) ~~|\nt = s + 1 ~~|"))
    assert listed[2].startswith("Circular equations: ")
    assert "for their initial values" in listed[2]


@pytest.mark.parametrize(
    ("equations", "variable", "message"),
    [
        ("r: P, Q ~~|\nx[r] = 1, 2 ~~|\ny = x[r] ~~|\nz = y ~~|", "y", "not on the left-hand side"),
        ("x = 1 ~~|\ny = MAX(x) + STEP(x) ~~|", "y", "STEP takes 2 arguments, 1 are given"),
        ("s = INTEG(MODULO(Time), 1) ~~|", "s", "MODULO takes 2 arguments"),
        ("x = 1 ~~|\ny = x(Time) ~~|", "y", "called like a lookup, but it is none"),
        ("r: P, Q ~~|\nx[r] = 1, 2, 3 ~~|", "x", "array of 3 numbers to 2 elements"),
        ("y = DELAY MATERIAL(1, 2, 3, 4) ~~|", "y", "its profile of losses is not modelled"),
        ("y = nothing ~~|\nz = y + 1 ~~|", "y", "reads 'nothing', which is not defined"),
    ],
)
def test_a_fault_is_found_where_it_stands(model_from: Make, equations: str, variable: str, message: str) -> None:
    listed = found(model_from(equations))
    assert [name for name, _, _ in listed] == [variable]
    assert message in listed[0][2]


def test_long_chains_to_a_fault_are_checked_in_a_moment(model_from: Make) -> None:
    equations = "".join(f"v{i} = v{i + 1} + 1 ~~|\n" for i in range(600)) + "v600 = v599 ~~|"
    model = model_from(equations)
    start = time.process_time()
    assert len(found(model)) == 1
    assert time.process_time() - start < 5


def test_the_command_exits_with_one_and_says_file_line_and_variable(write_model: Callable[..., Path]) -> None:
    path = write_model("a = b ~ Dmnl ~ |\nb = a ~ Dmnl ~ |")
    result = CliRunner().invoke(app, ["check", str(path)])
    assert result.exit_code == 1
    assert "error: mini.mdl:2: 'a': Circular equations: a -> b -> a" in result.output.replace("\n", " ")
    fine = CliRunner().invoke(app, ["check", str(write_model("a = 1 ~ Dmnl ~ |", name="fine.mdl"))])
    assert fine.exit_code == 0
