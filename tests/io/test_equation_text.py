"""Equations given as text: read as those of a file, checked, and errors that point into the text."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from sdmodel import Model
from sdmodel.core.errors import EquationError, ReadError, UnitsWarning, UnknownNameError

Make = Callable[..., Model]
SIR = """
susceptible = INTEG(-infection, 990) ~ person ~ |
infected = INTEG(infection - recovery, 10) ~ person ~ |
infection = contact rate*infectivity*susceptible*infected/population ~ person/Year ~ |
recovery = infected/duration ~ person/Year ~ |
contact rate = 6 ~ 1/Year ~ |
infectivity = 0.25 ~ Dmnl ~ |
duration = 2 ~ Year ~ |
population = 1000 ~ person ~ |
"""


@pytest.fixture
def model(model_from: Make) -> Model:
    return model_from(SIR)


def test_an_equation_as_text_is_that_of_a_file(model: Model, model_from: Make) -> None:
    text = "contact rate * susceptible * infected / population"
    changed = model.replace("infection", text)
    written = model_from(SIR.replace("contact rate*infectivity*susceptible*infected/population", text))
    assert changed["infection"].components == written["infection"].components
    assert changed.fingerprint == written.fingerprint
    np.testing.assert_array_equal(changed.run()["infected"], written.run()["infected"])
    assert model["infection"].reads() >= {"infectivity"}  # the first model is as it was


def test_kinds_follow_from_the_equation(model: Model) -> None:
    more = (
        model.add("dead", "INTEG(recovery*0.01, 0)", unit="person")
        .add("effect", "(0,1),(0.5,0.8),(1,0.2)", unit="Dmnl")
        .add("share", "infected/population", unit="Dmnl")
        .add("fear", "effect(share)", unit="Dmnl", documentation="Fear of the ill. [outcome]")
        .add("vaccine", 0.25, unit="Dmnl", documentation="Share vaccinated. [lever]")
    )
    assert [more[n].kind for n in ("dead", "effect", "share", "fear", "vaccine")] == [
        "stock", "lookup", "auxiliary", "auxiliary", "constant",
    ]  # fmt: skip
    assert more.outcomes == ("fear",)
    assert more["vaccine"].role == "lever"
    run = more.run()
    np.testing.assert_allclose(run["fear"], np.interp(run["share"], [0, 0.5, 1], [1, 0.8, 0.2]))
    with pytest.warns(UnitsWarning, match="A number in a formula has no unit"):
        stock = model.replace("population", "INTEG(0*infection, 1000)")
    assert stock["population"].kind == "stock"
    np.testing.assert_allclose(stock.run()["infected"], model.run()["infected"], rtol=1e-6)
    assert model.replace("duration", "3").run({"duration": 2})["infected"].iloc[-1] == pytest.approx(
        model.run()["infected"].iloc[-1]
    )


def test_arrays(model_from: Make) -> None:
    model = model_from("region: north, south ~~|\nrate[region] = 1, 2 ~ Dmnl ~ |\nx[region] = rate[region] ~ Dmnl ~ |")
    doubled = model.replace("x", "2*rate[region]").add("both", "SUM(x[region!])", unit="Dmnl")
    assert doubled.run()["both"].iloc[0] == 6
    third = model.add("y[region]", "x[region]/3", unit="Dmnl").add("z[north]", "1", unit="Dmnl")
    assert third.run()["y[south]"].iloc[0] == pytest.approx(2 / 3)
    with pytest.raises(UnknownNameError, match=r"no subscript 'regon'. Nearest: region") as caught:
        model.add("y[region]", "rate[regon]")
    assert pointed(caught.value) == "regon"
    with pytest.raises(UnknownNameError, match=r"no subscript 'CNY'.*in quotes"):
        model.add("cost [CNY]", "3")
    assert model.add('"cost [CNY]"', "3").run()["cost [CNY]"].iloc[0] == 3


def pointed(error: Exception) -> str:
    """The word above the caret."""
    *_, line, caret = str(error).split("\n")
    return line[caret.index("^") :].split()[0].strip("()[]*,")


@pytest.mark.parametrize(
    ("text", "kind", "message", "word"),
    [
        ("contact rate * * infected", EquationError, "'infection' cannot be read", ""),
        ("contact rate * (infected", EquationError, "not closed", "infected"),
        ("contact rte * infected", UnknownNameError, "no variable 'contact rte'. Nearest: contact rate", "contact"),
        ("infected * MXA(infected, 1)", UnknownNameError, "no function or lookup 'mxa'. Nearest: max", "MXA"),
        ("infected\n  + susceptable", UnknownNameError, "Nearest: susceptible", "susceptable"),
        ("infected ~ person | x = 1", EquationError, "cannot be read", "~"),
        ("__import__('os')", UnknownNameError, "no function or lookup 'import'", "__import__"),
        ("(0,1),(1,a)", EquationError, "a point or the end is expected", "1,a"),
    ],
)
def test_an_error_points_at_the_place(model: Model, text: str, kind: type, message: str, word: str) -> None:
    with pytest.raises(kind, match=message) as caught:
        model.replace("infection", text)
    if word:
        assert pointed(caught.value).startswith(word)
    with pytest.raises(kind, match=message.replace("infection", "new")):
        model.add("new", text)


def test_what_cannot_be_added_or_replaced(model: Model) -> None:
    for name, equation, message in (
        ("infected", "1", r"'infected' already\. Change it with model\.replace"),
        ("Time", "1", "the name of Time"),
        ("a = b", "1", "no name"),
        ("", "1", "a name is expected"),
        ("new", "", "a formula is expected"),
        ("new", "infected", "only a constant can be"),
    ):
        with pytest.raises(EquationError, match=message):
            model.add(name, equation, documentation="[lever]" if equation == "infected" else "")
    with pytest.raises(UnknownNameError, match="Nearest: infection"):
        model.replace("infecton", "1")
    with pytest.raises(ReadError, match="not a marker"):
        model.add("new", "1", documentation="[levr]")


def test_units_are_checked(model: Model) -> None:
    with pytest.warns(UnitsWarning, match=r"'infection': The equation gives person/Year\^2"):
        model.replace("infection", "contact rate*contact rate*infected")
    with pytest.warns(UnitsWarning, match="'share': The equation gives person"):
        model.add("share", "infected", unit="Dmnl")
    model.add("share", "infected")  # no unit, nothing to compare


def test_a_link_can_be_replaced_by_a_formula(model: Model) -> None:
    changed = model.replace("infected", "0.5*infected", in_equation_of="infection")
    halved = model.replace("infectivity", "0.125")
    np.testing.assert_allclose(changed.run()["infected"], halved.run()["infected"], rtol=1e-6)


def test_an_equation_that_needs_its_own_result_is_refused_at_once(model: Model, model_from: Make) -> None:
    for change in (lambda: model.replace("infection", "infection*2"), lambda: model.add("x", "1 + x")):
        with pytest.raises(EquationError, match="circular"):
            change()
    assert model.replace("infected", "INTEG(infection - infected/duration, 0*population)")["infected"].kind == "stock"
    assert model.add("most", "SAMPLE IF TRUE(infected > most, infected, 0)").run(method="euler")["most"].iloc[-1] > 0
    row = model_from(
        "k: k1, k2, k3 ~~|\ni: k2, k3 -> before ~~|\nbefore: k1, k2 ~~|\nx[k1] = 1 ~~|\nx[i] = 2*x[before] ~~|"
    )
    assert row.replace("x", "7").run(method="euler")["x"].shape[1] == 3
