"""Changes of a structure: formulas of schedules, substitution, replaced variables, cut links and other ranges."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import sdmodel
from sdmodel.core.errors import DesignError, EquationError, OverrideError, RangeError
from sdmodel.core.expression import Call, Number, Op, Ref, Table
from sdmodel.core.schedule import Schedule
from sdmodel.edit import MAX_NESTED, cut, replace, schedule_expression, substitute, with_ranges

TEXT = """
d: A, B ~~|
rate = 2 ~ 1/Year [0,9,1] ~ Speed. [uncertainty triangular] [@Someone2020, p. 3] |
plain = 3 ~ Dmnl [0,?] ~ A number. |
lever = 4 ~ Dmnl [0,9] ~ A choice. [lever] [@Other2021] |
many[d] = 1, 5 ~ Dmnl [0,9] ~ Several. |
t((0,0),(1,1)) ~ Dmnl ~ A table. |
level = INTEG(rate*many[A] + t(rate), plain) ~ Dmnl ~ Shown. [outcome] |
shown = level + rate ~ Dmnl ~ Seen. |
"""


@pytest.fixture
def model(model_from: Callable[..., sdmodel.Model]) -> sdmodel.Model:
    return model_from(TEXT)


def test_a_schedule_is_a_formula_in_time() -> None:
    time = Ref("time")

    def step(at: float) -> Call:
        return Call("step", (Number(1.0), Number(at)))

    assert schedule_expression(Schedule((3,), (7,))) == Number(7.0)
    nested = Call("if then else", (step(4.0), Number(9.0), Call("if then else", (step(3.0), Number(8.0), Number(7.0)))))
    assert schedule_expression(Schedule((1, 3, 4), (7, 8, 9))) == nested
    line = Call("with lookup", (time, Table((1.0, 3.0), (7.0, 8.0))))
    assert schedule_expression(Schedule((1, 3), (7, 8), "linear")) == line
    for count, name in ((MAX_NESTED, "if then else"), (MAX_NESTED + 1, "with lookup")):
        made = schedule_expression(Schedule(range(count), range(count)))
        assert made.name == name
    assert MAX_NESTED == 64
    assert made.args == (time, Table(tuple(map(float, range(65))), tuple(map(float, range(65))), "hold_backward"))


def test_a_reference_is_substituted_everywhere_and_nothing_else() -> None:
    tree = Op("+", (Ref("a", ("A",)), Call("max", (Ref("a"), Ref("b")), ("A",))))
    assert substitute(tree, "a", "c") == Op("+", (Ref("c", ("A",)), Call("max", (Ref("c"), Ref("b")), ("A",))))
    assert substitute(tree, "a", Number(1.0)) == Op("+", (Number(1.0), Call("max", (Number(1.0), Ref("b")), ("A",))))
    assert substitute(Number(1.0), "a", "c") == Number(1.0)


def test_a_replaced_variable_keeps_its_marks_while_it_is_a_constant(model: sdmodel.Model) -> None:
    number = replace(model, "rate", 5)["rate"]
    assert (number.kind, number.role, number.distribution) == ("constant", "uncertainty", "triangular")
    assert number.components[0].expr == Number(5.0)
    assert number.documentation == model["rate"].documentation
    path = replace(model, "rate", Schedule((0, 3), (1, 2)))["rate"]
    assert (path.kind, path.role, path.distribution) == ("auxiliary", "", "")
    assert path.documentation == "Speed. [@Someone2020, p. 3]"
    assert replace(model, "lever", [(0, 1), (2, 3)])["lever"].documentation == "A choice. [@Other2021]"
    assert replace(model, "level", Op("+", (Ref("rate"), Number(1.0))))["level"].documentation == "Shown. [outcome]"
    table = replace(model, "t", [(0, 1), (2, 3)])["t"]
    assert (table.kind, table.components[0].expr) == ("lookup", Table((0.0, 2.0), (1.0, 3.0)))
    assert replace(model, "many", 2)["many"].components[0].subs == ("d",)
    for value in (float("nan"), float("inf")):
        with pytest.raises(RangeError, match="must be a finite number"):
            replace(model, "rate", value)


def test_one_link_is_replaced_or_cut(model: sdmodel.Model) -> None:
    one = replace(model, "rate", 7, within="shown")
    assert one["shown"].components[0].expr == Op("+", (Ref("level"), Number(7.0)))
    assert one["level"] == model["level"]
    with pytest.raises(EquationError, match="'shown' does not read 'plain'"):
        replace(model, "plain", 7, within="shown")
    once = cut(model, "level", "shown")
    assert once["shown"].components[0].expr == Op("+", (Ref("level held"), Ref("rate")))
    held = once["level held"]
    assert (held.kind, held.outcome, held.role, held.sentence) == ("data", False, "", "Path of level in a base run.")
    twice = cut(cut(model, "rate", "shown"), "rate", "level")
    assert {"rate held"} <= twice["shown"].reads() & twice["level"].reads()
    assert cut(model, "many", "level")["many held"].components[0].subs == ("d",)
    taken = replace(model, "plain", 1).with_variable(model["plain"].__class__("rate held", "constant", ()))
    with pytest.raises(EquationError, match="has a variable 'rate held' already"):
        cut(taken, "rate", "shown")


@pytest.mark.parametrize(
    ("name", "given", "limits", "role", "distribution", "end"),
    [
        ("rate", (1, 3), (1.0, 3.0, 1.0), "uncertainty", "triangular", "[uncertainty triangular]"),
        ("rate", (1, 3, "uniform"), (1.0, 3.0, 1.0), "uncertainty", "uniform", "[uncertainty]"),
        ("rate", (2, 2), (2.0, 2.0, 1.0), "uncertainty", "triangular", "[uncertainty triangular]"),
        ("plain", (1, float("inf")), (1.0, None), "uncertainty", "uniform", "A number. [uncertainty]"),
        ("plain", (1, 8, "integer"), (1.0, 8.0), "uncertainty", "integer", "A number. [uncertainty integer]"),
        ("many", (1, 5), (1.0, 5.0), "uncertainty", "uniform", "Several. [uncertainty]"),
        ("lever", (1, 8), (1.0, 8.0), "lever", "", "[lever] [@Other2021]"),
        ("lever", (1, 8, "uniform"), (1.0, 8.0), "lever", "", "[lever] [@Other2021]"),
    ],
)
def test_another_range_is_written_into_the_model(
    model: sdmodel.Model, name: str, given: tuple, limits: tuple, role: str, distribution: str, end: str
) -> None:
    made = with_ranges(model, {name: given})[name]
    assert (made.limits, made.role, made.distribution) == (limits, role, distribution)
    assert made.documentation.endswith(end)


@pytest.mark.parametrize(
    ("name", "given", "error", "message"),
    [
        ("shown", (1, 3), OverrideError, r"'shown' is not a constant \(auxiliary\)"),
        ("rate", (1, 3, "gamma"), DesignError, "in a model is \\(low, high\\), with one of uniform"),
        ("rate", [1, 3], DesignError, "Give choices and other distributions to the sampler"),
        ("rate", (3, 4), RangeError, "'rate' is 2 in mini.mdl, outside the range 3 to 4"),
        ("many", (1, 4), RangeError, "'many' is 5 in mini.mdl, outside the range 1 to 4"),
        ("many", (2, 5), RangeError, "'many' is 1 in mini.mdl, outside"),
        ("lever", (1, 8, "triangular"), DesignError, r"'lever' is marked \[lever\], which has a range and no distrib"),
    ],
)
def test_a_range_that_does_not_fit_is_refused(
    model: sdmodel.Model, name: str, given: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        with_ranges(model, {name: given})
