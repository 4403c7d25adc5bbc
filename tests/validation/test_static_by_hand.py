"""Static checks by hand: what is read of checks.toml, words of messages, both sides of each range, units."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from model_file import model, variable

from sdmodel.core.errors import ReadError, UnknownNameError
from sdmodel.core.expression import Array, Call, Number, Op, Ref, Table
from sdmodel.core.structure import SubscriptRange
from sdmodel.model import Model
from sdmodel.validation.check import issues
from sdmodel.validation.spec import Balance, Behaviour, Equal, Loop, Policy, Spec, read_spec
from sdmodel.validation.static.structure import check_lookups, check_names, check_ranges, check_unused, proportion

Make = Callable[..., Model]


# -- checks.toml ------------------------------------------------------------------------------------------------------
WHOLE = """
[mini]
negative = ["s"]
inside = { a = [1, 2] }
outcomes = ["y"]
comparisons = { 6 = "mine" }
polarity = { y = ["+s"] }
[[mini.balance]]
name = "b"
stocks = ["s"]
outflows = ["y"]
[[mini.equal]]
name = "e"
one = "s"
other = "y"
[[mini.behaviour]]
name = "h"
outcome = "y"
expect = "rises"
set = { a = 1.5 }
steps = { b = [[3, 1]] }
against = { a = 1 }
least = 0.2
[[mini.loop]]
id = "R1"
name = "l"
claims = "C1"
sign = "+"
path = ["s", "y"]
cut = ["s", "y"]
outcome = "y"
set = { a = 1 }
excited_by = { b = 2 }
note = "n"
[[mini.policy]]
name = "p"
set = { b = 3 }
[other]
negative = ["nothing"]
"""
EQUATIONS = "s = INTEG(y, a) ~ u ~ |\ny = b*s ~ u/Year ~ |\na = 1 ~ u ~ |\nb = 0.1 ~ 1/Year ~ |"


def test_a_whole_file_is_read(model_from: Make) -> None:
    one = model_from(EQUATIONS)
    assert read_spec(one) == Spec()
    assert read_spec(dataclasses.replace(one, path=None)) == Spec()
    assert one.path is not None
    place = one.path.with_name("checks.toml")
    place.write_text(WHOLE, encoding="utf-8")
    assert read_spec(one) == Spec(
        balance=(Balance("b", ["s"], [], ["y"]),),
        equal=(Equal("e", "s", "y"),),
        behaviour=(Behaviour("h", "y", "rises", {"a": 1.5}, {"b": [[3, 1]]}, {"a": 1}, 0.2),),
        loop=(Loop("R1", "l", "C1", "+", ["s", "y"], ["s", "y"], "y", {"a": 1}, {"b": 2}, "n"),),
        policy=(Policy("p", {"b": 3}),),
        negative=["s"],
        inside={"a": [1, 2]},
        outcomes=["y"],
        comparisons={"6": "mine"},
        polarity={"y": ["+s"]},
    )
    plain = Behaviour("h", "y", "rises")
    assert (plain.least, plain.against, plain.set, plain.steps) == (0.01, None, {}, {})
    place.write_text("[other]\nnegative = ['nothing']\n", encoding="utf-8")
    assert read_spec(one) == Spec()


@pytest.mark.parametrize(
    "old",
    ['negative = ["s"]', "inside = { a", 'outcomes = ["y"]', "polarity = { y", 'outcome = "y"\nexpect',
     "set = { a = 1.5", "steps = { b", "against = { a", 'outcome = "y"\nset', "set = { a = 1 }", "excited_by = { b",
     "set = { b"],
)  # fmt: skip
def test_every_name_must_be_one_of_the_model(model_from: Make, old: str) -> None:
    one = model_from(EQUATIONS)
    assert one.path is not None
    head, quote, tail = old.partition('"')
    new = f'{head}"zz{tail}' if quote else old.replace("{ a", "{ zz").replace("{ b", "{ zz").replace("{ y", "{ zz")
    changed = WHOLE.replace(old, new, 1)
    assert changed != WHOLE
    one.path.with_name("checks.toml").write_text(changed, encoding="utf-8")
    with pytest.raises(UnknownNameError, match="zz"):
        read_spec(one)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[mini.policy]]\nname = 'p'", "checks.toml, mini.policy: the row 'p' lacks the key 'set'"),
        ("[[mini.equal]]\none = 's'", "lacks the key 'name'"),
        ("[mini]\nloops = []", "checks.toml, mini: .*'loops'. Nearest: loop"),
        ("[mini]\npolicy = ['x']", "mini.policy: a row must be a table"),
        ("mini = 3", "checks.toml, mini: a row must be a table"),
        ("[mini]\nbalance = 3", "checks.toml, mini: 'balance' must be a list, not 3"),
        ("[mini]\nnegative = 's'", "must be a list"),
        ("[mini]\ninside = [1]", "'inside' must be a table, not"),
        ("[[mini.policy]]\nname = 3\nset = {}", "'name' must be text"),
        ("[[mini.behaviour]]\nname = 'h'\noutcome = 'y'\nexpect = ''\nleast = 'x'", "'least' must be a number"),
        ("[[mini.behaviour]]\nname = 'h'\noutcome = 'y'\nexpect = 'rises'\nagainst = 3", "'against' must be a table"),
        ("[mini", "not valid TOML"),
    ],
)  # fmt: skip
def test_what_is_not_well_formed_is_told_with_its_place(model_from: Make, text: str, said: str) -> None:
    one = model_from(EQUATIONS)
    assert one.path is not None
    one.path.with_name("checks.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=said):
        read_spec(one)


def test_a_file_in_another_encoding_is_refused(model_from: Make) -> None:
    one = model_from(EQUATIONS)
    assert one.path is not None
    one.path.with_name("checks.toml").write_bytes("[mini]\n# é".encode("latin-1"))
    with pytest.raises(ReadError, match="not valid TOML"):
        read_spec(one)


# -- names, ranges, order ---------------------------------------------------------------------------------------------
def test_names_that_nothing_defines(tmp_path: Path) -> None:
    region = SubscriptRange("region", ("north", "south"))
    expr = Op("+", (Ref("x", ("wset!",)), Call("delay conveyor", (Ref("region"), Ref("south"), Ref("time")))))
    listed = check_names(
        model(variable("x", Number(1.0)), variable("y", expr, Ref("x", ("*",)), expr), ranges={"region": region}),
        ["integ", "max"],
        {"delay conveyor": "no conveyors"},
    )
    assert [f.message for f in listed] == [
        "It calls 'delay conveyor', which is neither a supported function (no conveyors) nor a lookup.",
        "The subscript 'wset' is not in any range.",
    ]
    assert {(f.level, f.kind, f.variable, f.where) for f in listed} == {("error", "names", "y", "m.mdl:7")}
    near = check_names(model(variable("rate", Number(1.0)), variable("y", Call("mxa", (Ref("raet"),)))), ["max"])
    assert near[0].message.endswith("nor a lookup. Nearest: max.")
    assert near[1].message == "It reads 'raet', which is not defined. Nearest: rate."
    assert [f.message for f in check_names(model(variable("y", Ref("qqqqqqq"))), [])] == [
        "It reads 'qqqqqqq', which is not defined."
    ]


@pytest.mark.parametrize(
    ("values", "limits", "said"),
    [
        ((0.0, 1.0), (0.0, 1.0), ""), ((-0.1, 0.5),
        (0.0, 1.0), "The value -0.1 lies outside the range [0, 1] that the variable states."),
        ((0.5, 1.1), (0.0, 1.0), "The value 1.1 lies"), ((5.0,) * 5, (0.0, 1.0), "The value 5, 5, 5, 5, 5 lies"),
        ((5.0,) * 6, (0.0, 1.0), "The value 5, 5, 5, 5, 5, … lies"), ((1.0, 2.0), (1.0, 1.0), "The value 2 lies"),
        ((0.0,), (2.0, 1.0), "The range [2, 1] ends below its start."), ((9.0,), (), ""),
    ],
)  # fmt: skip
def test_values_and_their_ranges(values: tuple[float, ...], limits: tuple[float, ...], said: str) -> None:
    listed = check_ranges(model(variable("x", Array(values, (len(values),)), limits=limits)))
    assert len(listed) == bool(said)
    assert all(f.message.startswith(said) and (f.level, f.kind) == ("error", "range") for f in listed)


@pytest.mark.parametrize(
    ("name", "unit", "limits", "expected"),
    [
        ("kept share", "Dmnl", (), True), ("Probability", "1", (), True), ("fraction", "", (), False),
        ("fraction", " ", (), False),
        ("share kept", "Dmnl", (), False), ("kept share", "u", (), False), ("kept share", "Dmnl", (0.0, 1.0), False),
        ("kept share", "u/", (), False), ("ration", "Dmnl", (), False),
    ],
)  # fmt: skip
def test_what_is_a_proportion(name: str, unit: str, limits: tuple[float, ...], expected: bool) -> None:
    one = variable(name, Number(0.5), unit=unit, limits=limits)
    assert proportion(model(one), one) == expected


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"limits": (0.0, None)}, "of this uncertainty is open ([0, inf]), so it cannot be sampled. Give both ends."),
        ({"limits": (None, 1.0)}, "([-inf, 1])"),
        ({"role": "switch", "limits": (0.5, 2.0)}, "whole numbers; its range is [0.5, 2]."),
        ({"role": "switch", "limits": (0.0, 2.5)}, "whole numbers"), ({"role": "switch", "limits": (-1.0, 2.0)}, ""),
        ({"distribution": "loguniform", "limits": (0.0, 2.0)}, "must lie above 0; it starts at 0."),
        ({"distribution": "loguniform", "limits": (1e-9, 2.0)}, ""),
        ({"distribution": "lognormal", "limits": (-2.0, 2.0)}, ""),
        ({"distribution": "lognormal", "limits": (-2.0, 2.0), "value": 0.0}, "The median of a lognormal uncertainty"),
        ({"distribution": "lognormal", "limits": (-2.0, 2.0), "value": -1.0}, "The median of a lognormal uncertainty"),
        ({"role": "lever", "limits": (0.0, None)}, ""),
    ],
)  # fmt: skip
def test_ranges_that_cannot_be_sampled(more: dict[str, Any], said: str) -> None:
    given = {"role": "uncertainty", "limits": (0.0, 1.0), **more}
    value = given.pop("value", 1.0)
    listed = [f for f in check_ranges(model(variable("x", Number(value), **given))) if f.kind == "sampling"]
    assert len(listed) == bool(said)
    assert all(said in f.message for f in listed)


def test_points_out_of_order_are_a_warning() -> None:
    table = Table((0.0, 2.0, 1.0), (0.0, 1.0, 2.0))
    (found,) = check_lookups(
        model(
            variable("t", table, kind="lookup"),
            variable("x", Call("with lookup", (Ref("time"), Table((0.0, 1.0), (1.0, 2.0))))),
        )
    )
    assert (found.level, found.kind, found.variable) == ("warning", "lookup", "t")
    assert found.message[0].isupper()
    assert found.message.endswith(".")


def test_errors_come_first_and_the_rest_in_the_order_of_the_checks(model_from: Make) -> None:
    text = "a = 5 ~ ~ |\nb = a + c ~ u ~ |\nd = e ~ u ~ |\ne = d ~ u ~ |\nshare = 2 ~ Dmnl ~ |"
    found = [(f.level, f.kind, f.variable) for f in issues(model_from(text))]
    assert found[: len([f for f in found if f[0] == "error"])] == [
        ("error", "names", "b"), ("error", "equations", "d"), ("error", "range", "share"),
    ]  # fmt: skip
    assert [f[1:] for f in found if f[0] == "warning"] == [
        ("units", "a"), ("source", "a"), ("source", "share"), ("unused", "b"), ("unused", "share"),
    ]  # fmt: skip
    own = variable("s", Call("integ", (Ref("s"), Ref("k"))))
    assert [f.variable for f in check_unused(model(own, variable("k", Number(1.0))))] == ["s"]
