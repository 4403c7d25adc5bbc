"""Derivatives where a rule has two sides: choices at equality, ends of lookups, windows of outcomes, names refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from model_file import TEMPLATE

import sdmodel
from sdmodel import Outcome
from sdmodel.analysis.gradients.gradient import _row, outcome_slopes
from sdmodel.analysis.gradients.moving_dates import _follow, _rounded
from sdmodel.core.errors import DesignError, OverrideError, SolveError, UnknownNameError, UnsupportedError
from sdmodel.model import Model

Make = Callable[..., Model]

# `raised` rises with a, `lowered` falls with it; both are nil where a is.
OPS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "=", "ne": "<>"}
CHOICES = {
    f"{op} {side}": f"IF THEN ELSE({side} {sign} 0, 6, 5)" for op, sign in OPS.items() for side in ("raised", "lowered")
}
CHOICES |= {
    "down to two": "INTEGER(3 - a)", "up from three": "INTEGER(3 + a)", "down below minus three": "INTEGER(-3 - a)",
    "up from minus three": "INTEGER(-3 + a)", "stepped forward": "LOOKUP FORWARD(points, 1 + a)",
    "stepped backward": "LOOKUP BACKWARD(points, 1 + a)",
    "between": "INTEGER(3.5 + a)", "both": "IF THEN ELSE(a > 0 :AND: Time > 1, 6, 5)",
    "same": "IF THEN ELSE(a > 0, 5 + a, 5)", "nearly": "IF THEN ELSE(a > 0, 5.004, 5)",
    "far": "IF THEN ELSE(a > 0, 5.006, 5)",
}  # fmt: skip
JUMPS = {
    "lt lowered", "le raised", "gt raised", "ge lowered", "eq raised", "eq lowered", "ne raised", "ne lowered",
    "down to two", "up from minus three", "stepped forward", "stepped backward", "both", "far",
}  # fmt: skip

SMOOTH = {
    # What stands at 2 of a line through (0, 0), (1, 3) and (3, 4), inside, at its ends and beyond them.
    "inside": ("points(0.5 + a)", 3.0), "second": ("points(2 + a)", 0.5), "at a knot": ("points(1 + a)", 0.5),
    "knot from the right": ("points(1 - a)", -3.0), "first": ("points(0 + a)", 3.0), "before": ("points(-1 + a)", 0.0),
    "first from the right": ("points(0 - a)", 0.0), "last": ("points(3 + a)", 0.0),
    "last back": ("points(3 - a)", -0.5),
    "beyond": ("points(4 + a)", 0.0), "out below": ("LOOKUP EXTRAPOLATE(points, -1 + a)", 3.0),
    "out above": ("LOOKUP EXTRAPOLATE(points, 4 + a)", 0.5), "out first": ("LOOKUP EXTRAPOLATE(points, 0 - a)", -3.0),
    "out last": ("LOOKUP EXTRAPOLATE(points, 3 + a)", 0.5), "single": ("single(1 + a)", 0.0),
    "forward": ("LOOKUP FORWARD(points, 0.5 + a)", 0.0), "backward": ("LOOKUP BACKWARD(points, 0.5 + a)", 0.0),
    "times": ("(2 + a)*(3 + 5*a)", 13.0), "over": ("(2 + a)/(4 + 5*a)", (4 - 10) / 16), "less": ("3 - 2*a", -2.0),
    "power": ("(2 + a)^(3 + a)", 8 * (1.5 + math.log(2))), "of nil": ("0^(3 + a)", 0.0), "base": ("(2 + a)^3", 12.0),
    "root": ("SQRT(4 + 3*a)", 0.75), "least": ("MIN(2 + a, 2 - a)", -1.0), "most": ("MAX(2 + a, 2 - 3*a)", 1.0),
    "less of": ("MIN(2 + a, 3)", 1.0), "more of": ("MAX(2 + a, 3)", 0.0),
    "chosen": ("IF THEN ELSE(b > 1, 3*a, 4*a)", 3.0),
    "other": ("IF THEN ELSE(b > 9, 3*a, 4*a)", 4.0), "one sided": ("IF THEN ELSE(b > 1, 3, 4*a)", 0.0),
    "on average": ("IF THEN ELSE(raised > lowered, 2*a, -a)", 2.0),
    "else": ("IF THEN ELSE(raised <= lowered, 2*a, -a)", -1.0),
    "even": ("IF THEN ELSE(raised >= a, 2*a, -a)", 2.0),
}  # fmt: skip
LINES = [f"{key} = {text} ~ Dmnl ~ |" for key, text in CHOICES.items()]
LINES += [f"smooth {key} = {text} ~ Dmnl ~ |" for key, (text, _) in SMOOTH.items()]
TEXT = """
raised = a ~ Dmnl ~ |
lowered = -a ~ Dmnl ~ |
points((0,0),(1,3),(3,4)) ~ Dmnl ~ |
single((1,2)) ~ Dmnl ~ |
a = 0 ~ Dmnl ~ |
b = 2 ~ Dmnl ~ |
nil = a*b*0 ~ Dmnl ~ |
side: p, q ~~|
s[side] = INTEG(a*part[side] - s[side]/lag, first[side]) ~ u ~ |
part[side] = 1, 2 ~ Dmnl ~ |
first[side] = 3, 4 ~ u ~ |
lag = 2 ~ Year ~ |
order = 3 ~ Dmnl ~ |
delayed = DELAY N(b*Time, lag, 0, order) ~ Dmnl ~ |
wave = (1 + a)*(Time - 2)*(Time - 2) ~ Dmnl ~ |
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("rules") / "rules.mdl"
    text = TEXT + "\n".join(LINES)
    place.write_text(TEMPLATE.format(equations=text, start=0, end=4, step=0.5, saveper=1), encoding="utf-8")
    return sdmodel.load(place)


def test_each_rule_by_hand(model: Model) -> None:
    outcomes = [Outcome(f"smooth {key}") for key in SMOOTH]
    table = sdmodel.gradient(model, ["a"], outcomes)["derivative"]
    found = {key: table[(f"final of smooth {key}", "a")] for key in SMOOTH}
    assert found == {key: pytest.approx(slope, rel=1e-9, abs=1e-12) for key, (_, slope) in SMOOTH.items()}


@pytest.mark.parametrize("key", CHOICES)
def test_a_value_that_jumps_when_a_parameter_is_raised_is_refused(model: Model, key: str) -> None:
    if key in JUMPS:
        with pytest.raises(UnsupportedError, match=f"'{key}' jumps when 'a' is raised from its value"):
            sdmodel.gradient(model, ["a"], Outcome(key))
    else:
        table = sdmodel.gradient(model, ["a"], Outcome(key))
        assert table["derivative"].iloc[0] == (1 if key == "same" else 0)


def test_a_path_has_its_times_values_and_elasticities(model: Model) -> None:
    table = sdmodel.gradient(model, ["s[p]", "first", "lag"], "s[p]", values={"first[p]": 5.0}, every=2)
    assert table.index.get_level_values("time").unique().tolist() == [0, 2, 4]
    for t in (0.0, 2.0, 4.0):
        left = math.exp(-t / 2)
        rows = table.loc[("s[p]", t)]
        assert rows["value"].tolist() == pytest.approx([5 * left] * 3, rel=1e-4)
        assert rows["at"].tolist() == [5, 5, 2]
        assert rows["derivative"].tolist() == pytest.approx([left, left, 5 * left * t / 4], rel=1e-3)
        assert rows["elasticity"].tolist() == pytest.approx([1, 1, t / 2], rel=1e-3)
    nil = sdmodel.gradient(model, ["b"], Outcome("nil"))
    assert math.isnan(nil["elasticity"].iloc[0])
    assert _row("y", None, "p", 3.0, 2.0, 5.0)["elasticity"] == 7.5
    assert _row("y", None, "p", 3.0, -2.0, 5.0)["elasticity"] == -7.5


def test_an_extremum_is_that_of_its_window() -> None:
    """The square of t - 2 from 0 to 4: 4 1 0 1 4, and the slope tells the time."""
    times = np.arange(5.0)
    path, slopes = (times - 2) ** 2, np.array([times, 10 * times])

    def at(*window: Any, **given: Any) -> list[float]:
        return outcome_slopes(Outcome("y", *window, **given), times, path, slopes).tolist()

    assert at("max") == [0, 0]  # the first of two
    assert at("min") == [2, 20]
    assert at("max", start=1) == [4, 40]
    assert at("max", start=1, end=3) == [1, 10]
    assert at("min", end=1) == [1, 10]
    assert at("min", start=3) == [3, 30]
    assert at("final") == [4, 40]
    assert at("mean") == [2, 20]
    assert at(1.5) == [1.5, 15]
    with pytest.raises(DesignError, match=r"No reported time lies between 2\.2 and 2\.8"):
        at("max", start=2.2, end=2.8)


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome("s", across="sum"), "take one element, without across= and reference="),
        (Outcome("s[p]", reference=1.0), "without across= and reference="),
        (Outcome("s[p]", "duration_above", level=1), "does not change smoothly"),
        (Outcome("s[p]", "time_of_max"), "does not change smoothly"),
        (Outcome("s[p]", max), "does not change smoothly"),
    ],
)  # fmt: skip
def test_outcomes_without_a_derivative(model: Model, outcome: Outcome, said: str) -> None:
    with pytest.raises(DesignError, match=said):
        sdmodel.gradient(model, ["a"], outcome)
    assert len(sdmodel.gradient(model, ["a"], Outcome("s[p]", "present_value", rate=0.1))) == 1


@pytest.mark.parametrize(
    ("name", "outcome", "error", "said"),
    [
        ("s", "s", UnknownNameError, "A stock with subscripts goes element by element"),
        ("order", "delayed", OverrideError, "'order' is the order of a delay"),
        ("FINAL TIME", "s", OverrideError, "setting of the run"),
        ("delayed", "s", OverrideError, "'delayed' is not a con"),
        ("a", "s[r]", UnknownNameError, r"element 's\[r\]'"), ("a", "points", OverrideError, "'points' is a lookup"),
        ("a", "part[p]", OverrideError, "'part' is a constant"),
    ],
)  # fmt: skip
def test_names_that_are_refused(model: Model, name: str, outcome: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        sdmodel.gradient(model, [name], outcome)


def test_elements_of_an_outcome_each_have_their_rows(model: Model) -> None:
    table = sdmodel.gradient(model, ["part[q]", "part", "a"], Outcome("S"))
    assert table.index.get_level_values("outcome").unique().tolist() == ["final of s[p]", "final of s[q]"]
    gained = 2 * (1 - math.exp(-2))
    assert table.loc["final of s[p]", "derivative"].tolist() == pytest.approx([0, 0, gained], rel=1e-3, abs=1e-12)
    assert table.loc["final of s[q]", "derivative"].tolist() == pytest.approx([0, 0, 2 * gained], rel=1e-3, abs=1e-12)
    (one,) = sdmodel.gradient(model, ["a"], Outcome("s[ Q ]")).index.get_level_values("outcome")
    assert one == "final of s[q]"
    pushed = sdmodel.gradient(model, ["part[q]", "part"], Outcome("s[q]"), values={"a": 3.0})["derivative"]
    assert pushed.tolist() == pytest.approx([3 * gained] * 2, rel=1e-3)


# -- jumps of states and dates ----------------------------------------------------------------------------------------
def test_a_choice_whose_values_nearly_meet_is_no_jump(model_from: Make) -> None:
    """The larger of both values is 7: a gap below a thousandth of it is a kink."""
    text = (
        "x = INTEG(rate, 0) ~ a ~ |\nrate = 1 ~ a/Year ~ |\ngap = 0 ~ a ~ |\n"
        "y = INTEG(IF THEN ELSE(x > 4.05, x - 3.05 + gap, 1), 0) ~ a ~ |"
    )
    model = model_from(text)
    for gap in (0.0, 0.005, -0.005):
        found = sdmodel.gradient(model, ["rate"], Outcome("y"), values={"gap": gap})["derivative"].iloc[0]
        assert found == pytest.approx((100 - 4.05**2) / 2, rel=4e-3)
    for gap in (0.009, -0.009):
        with pytest.raises(UnsupportedError, match=r"'y' jumps near time 4"):
            sdmodel.gradient(model, ["rate"], Outcome("y"), values={"gap": gap})


def test_jumps_that_follow_others_move_with_them() -> None:
    speeds = {2.0: [1, 4]}
    _follow(speeds, [7], 3.0)
    assert speeds == {2.0: [1, 4, 7]}
    none: dict[float, list[int]] = {}
    _follow(none, [7], 3.0)
    assert none == {0.0: [7]}
    with pytest.raises(SolveError, match="Several dates coincide at 3 with different derivatives"):
        _follow({1.0: [1], 2.0: [2]}, [7], 3.0)
    assert _rounded(1.0000000001) == 1
    assert _rounded(1.00000001) == 1.00000001
    assert math.copysign(1, _rounded(-0.0)) == 1


MOVED = {
    "IF THEN ELSE(MODULO(Time + move, 5) < 2, 3, 0)": 0.0, "3*INTEGER((Time + move)/4)": 6.0,
    "IF THEN ELSE(MODULO(Time + move, 4) < 2, 3, 0)": -3.0, "3*INTEGER(Time - move + 0.5)": -30.0,
    "WITH LOOKUP(Time + move, ([(0,0)-(9,9)],(0,0),(3,3),(7,1)))": 0.7, "STEP(3, 4 - move)": 3.0,
    "STEP(3, 4 - move)*STEP(2, 6 + 2*move)": -12.0, "PULSE(2 + move, 3)": 0.0, "PULSE(2, 3 + move)": 1.0,
    "RAMP(2, 3 + move, 6)": -13.4, "RAMP(2, 3, 6 + move)": 7.4,
}  # fmt: skip


def test_a_date_moves_what_is_multiplied_by_its_step(model_from: Make) -> None:
    """A size that does not change, times a step of a date that does: the one more year at 3 a year."""
    text = "x = INTEG(size*STEP(1, start) + rest, 0) ~ a ~ |\nrest = 1 ~ a ~ |\n"
    model = model_from(text + "start = 4 ~ Year ~ |\nsize = 3 ~ a ~ |")
    assert sdmodel.gradient(model, ["start"], Outcome("x"))["derivative"].tolist() == pytest.approx([-3])


def test_flows_that_move_in_time(model_from: Make) -> None:
    """Ten years of a flow, moved: what comes in at one end less what goes out at the other."""
    text = "".join(f"x{i} = INTEG({flow}, 0) ~ a ~ |\n" for i, flow in enumerate(MOVED))
    model = model_from(f"{text}move = 0.3 ~ Year ~ |")
    outcomes = [Outcome(f"x{i}") for i in range(len(MOVED))]
    found = sdmodel.gradient(model, ["move"], outcomes)["derivative"]
    before, after = (model.run({"move": m}, method="exact") for m in (0.3 - 1e-4, 0.3 + 1e-4))
    for slope, outcome, by_hand in zip(found, outcomes, MOVED.values(), strict=True):
        assert slope == pytest.approx(float(outcome.of(after) - outcome.of(before)) / 2e-4, rel=1e-5, abs=1e-6)
        assert slope == pytest.approx(by_hand, abs=1e-6)


STATES = {
    "IF THEN ELSE(x > 4.3 :AND: x < 9, 5, 0)": "jumps near time 4.25",
    "IF THEN ELSE(:NOT: (x > 4.4), 5, 0)": "near time 4.375",
    "(x > 4.2)*2": "near time 4.125", "INTEGER(x + 0.1)": "near time 0.875",
    "IF THEN ELSE(INTEGER(x/5) = 1, 6, 5)": "near time 4.875",
    "IF THEN ELSE(x > 4.3, x - 4.3, 0)": 10.0, "IF THEN ELSE(x > 4.3, 5 + x, 5 + x)": 10.0,
    "IF THEN ELSE(x > 20, 5, 0)": 0.0, "IF THEN ELSE(x > 20, 5, 3*x)": 30.0, "IF THEN ELSE(y > 4.3, 2*x, 5)": 20.0,
    "INTEGER(x/100)": 0.0, "IF THEN ELSE(x < 4.3, 4.3 - x, x - 4.3)": 10.0,
}  # fmt: skip


def test_values_that_jump_or_bend_where_a_state_crosses_a_level(model_from: Make) -> None:
    """x runs from 0 to 10 with its rate; what does not jump moves by ten times its slope in x."""
    text = "".join(f"v{i} = {formula} ~ u ~ |\n" for i, formula in enumerate(STATES))
    model = model_from(f"x = INTEG(rate, 0) ~ u ~ |\ny = INTEG(1, 0) ~ u ~ |\nrate = 1 ~ u/Year ~ |\n{text}")
    for i, (formula, expected) in enumerate(STATES.items()):
        if isinstance(expected, str):
            with pytest.raises(UnsupportedError, match=f"'v{i}' .*{expected}"):
                sdmodel.gradient(model, ["rate"], Outcome(f"v{i}"))
        else:
            found = sdmodel.gradient(model, ["rate"], Outcome(f"v{i}"))["derivative"].iloc[0]
            assert found == pytest.approx(expected, abs=1e-6), formula
