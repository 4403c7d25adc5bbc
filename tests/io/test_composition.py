"""Sectors joined by name, and models with a piece replaced."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path as File

import numpy as np
import pytest

import sdmodel
from sdmodel import compose
from sdmodel.core.errors import CompositionError, EquationError, SdmodelError, UnknownNameError
from sdmodel.core.expression import Call, Number, Op, Ref
from sdmodel.core.schedule import Schedule
from sdmodel.edit import schedule_expression, substitute

Make = Callable[..., sdmodel.Model]

FIRMS = """
place: north, south ~~|
firms[place] = INTEG(birth*money, 100) ~ firm ~ [outcome] |
birth = 0.1 ~ firm/(CNY*Year) [0,1] ~ Birth. [lever] |
money = 5 ~ CNY ~ Boundary. [from bank] |
spirit = 0.5 ~ Dmnl ~ Boundary. [from culture] |
"""
BANK = """
place: north, south ~~|
money = INTEG(SUM(firms[place!])*rate, 10) ~ CNY ~ |
rate = 0.01 ~ CNY/(firm*Year) ~ [fixed] |
firms[place] = 7 ~ firm ~ Boundary. [from firms] |
spirit = 0.5 ~ Dmnl ~ Boundary. [from culture] |
"""


@pytest.fixture
def pair(model_from: Make) -> dict[str, sdmodel.Model]:
    return {"firms": model_from(FIRMS, name="firms"), "bank": model_from(BANK, name="bank")}


def joined(model_from: Make, firms: str, bank: str, **more: object) -> sdmodel.Model:
    sectors = {"firms": model_from(firms, name="firms"), "bank": model_from(bank, name="bank")}
    return compose("both", sectors, stand_ins=["culture"], **more)


# -- joining ----------------------------------------------------------------------------------------------------
def test_a_boundary_input_becomes_the_variable_of_its_sector(pair: dict[str, sdmodel.Model]) -> None:
    model = compose("both", pair, stand_ins=["culture"])
    assert model.sectors == ("firms", "bank")
    assert model["money"].kind == "stock"
    assert model["money"].sector == "bank"
    assert model["firms"].sector == "firms"
    assert model["FINAL TIME"].sector == ""
    assert model["spirit"].role == "input"
    assert len(model.equations) == len(set(pair["firms"].equations) | set(pair["bank"].equations))
    # The loop runs: firms' = 0.1 money, money' = 0.01 * 2 firms, from 100 and 10.
    run = model.run(rtol=1e-10)
    w = (0.1 * 0.02) ** 0.5
    want = 100 * np.cosh(w * run.time) + 0.1 * 10 / w * np.sinh(w * run.time)
    np.testing.assert_allclose(run["firms"]["north"], want, rtol=1e-7)


def test_the_sectors_are_left_as_they_were(pair: dict[str, sdmodel.Model]) -> None:
    before = {name: model.fingerprint for name, model in pair.items()}
    alone = pair["firms"].run()["firms"].to_numpy()
    compose("both", pair, stand_ins=["culture"])
    assert {name: model.fingerprint for name, model in pair.items()} == before
    assert np.array_equal(pair["firms"].run()["firms"].to_numpy(), alone)


def test_the_order_of_the_sectors_changes_no_number(pair: dict[str, sdmodel.Model]) -> None:
    one = compose("a", pair, stand_ins=["culture"]).run(method="rk4")
    other = compose("b", dict(reversed(pair.items())), stand_ins=["culture"]).run(method="rk4")
    for name in ("firms", "money"):
        np.testing.assert_allclose(one[name], other[name], rtol=1e-13)


@pytest.mark.parametrize(
    ("firms", "bank", "message"),
    [
        (FIRMS, BANK + "birth = 3 ~ Dmnl ~ |", r"'birth' is defined in firms and in bank; a name has one owner"),
        (FIRMS.replace("~ CNY ~ Boundary", "~ USD ~ Boundary"), BANK,
         r"'money' is in 'CNY' in bank and in 'USD' in firms"),
        (FIRMS.replace("~ CNY ~ Boundary", "~ ~ Boundary"), BANK, r"'money' is shared between sectors and states"),
        (FIRMS.replace("[from bank]", "[from banks]"), BANK, r"takes 'money' from banks, but bank owns it"),
        (FIRMS, BANK.replace("firms[place] = 7", "firms = 7").replace("SUM(firms[place!])", "firms"),
         r"'firms' has subscripts \[north, south\] in firms and none in bank"),
        (FIRMS, BANK.replace("north, south", "north, south, west"),
         r"range 'place' is north, south in firms and north, south, west in bank"),
        (FIRMS, BANK.replace("money = INTEG", "moneys = INTEG"),
         r"firms takes 'money' from bank, which has none.*Nearest: moneys"),
        (FIRMS, BANK.replace("spirit = 0.5", "spirit = 0.6"),
         r"both stand in for 'spirit' of culture, with different values"),
        (FIRMS, BANK.replace("[from culture]", "[from spirit]"),
         r"bank takes 'spirit' from spirit, which is not composed here"),
    ],
    ids=["two owners", "units", "no unit", "wrong owner", "subscripts", "ranges", "no such variable", "stand-ins",
         "no sector"],
)  # fmt: skip
def test_what_does_not_fit_is_refused_at_the_joint(model_from: Make, firms: str, bank: str, message: str) -> None:
    with pytest.raises(CompositionError, match=message):
        joined(model_from, firms, bank)


def test_a_sector_that_is_absent_must_be_stood_in_for(pair: dict[str, sdmodel.Model]) -> None:
    with pytest.raises(
        CompositionError, match=r"from culture, which is not composed here\. Add the sector, or name it under stand_ins"
    ):
        compose("both", pair)


@pytest.mark.parametrize("sectors", [{}, {"a": "firms.mdl"}, ["firms.mdl"], None])
def test_what_is_not_a_mapping_of_models_is_refused(sectors: object) -> None:
    with pytest.raises(CompositionError, match=r"[Ss]ectors"):
        compose("both", sectors)


def test_sectors_share_their_time_settings(model_from: Make) -> None:
    sectors = {"firms": model_from(FIRMS, name="firms"), "bank": model_from(BANK, name="bank", step=0.5)}
    with pytest.raises(CompositionError, match="'TIME STEP' differs between firms and bank"):
        compose("both", sectors, stand_ins=["culture"])


def test_a_loop_without_a_stock_is_spelled_out(model_from: Make) -> None:
    firms = "a = b+1 ~ Dmnl ~ |\nb = 2 ~ Dmnl ~ [from bank] |"
    bank = "b = a*2 ~ Dmnl ~ |\na = 2 ~ Dmnl ~ [from firms] |"
    model = joined(model_from, firms, bank)
    with pytest.raises(EquationError, match="a -> b -> a need each other with no stock between"):
        model.run()


def test_units_of_synonyms_are_equal(model_from: Make, write_model: Callable[..., File]) -> None:
    settings = "\\\\\\---/// Sketch information\nV300\n///---\\\\\\\n:L\x7f<%^E!@\n22:CNY,yuan\n"
    path = write_model(FIRMS.replace("~ CNY ~ Boundary", "~ yuan ~ Boundary"), name="firms")
    path.write_text(path.read_text(encoding="utf-8") + settings, encoding="utf-8")
    model = compose("both", {"firms": sdmodel.load(path), "bank": model_from(BANK, name="bank")}, stand_ins=["culture"])
    assert ("CNY", "yuan") in model.synonyms


# -- from a file ------------------------------------------------------------------------------------------------
def test_a_composition_file(tmp_path: File, pair: dict[str, sdmodel.Model]) -> None:
    file = tmp_path / "both.toml"
    text = "title = 'Both'\nsectors = ['firms.mdl', 'bank.mdl']\nstand_ins = ['culture']\n"
    text += "[scenarios.more]\nvalues = { birth = 0.2 }\n"
    file.write_text(text, encoding="utf-8")
    model = sdmodel.load(file)
    assert model.name == "both"
    assert list(model.scenarios) == ["more"]
    more, base = model.run(scenario="more"), model.run()
    assert more["firms"]["north"].iloc[-1] > base["firms"]["north"].iloc[-1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sectors = ['firms.mdl', 'bnak.mdl']\nstand_ins=['culture']", "no file 'bnak.mdl'. Nearest: bank.mdl"),
        ("sectors = []", "needs a list"),
        ("sectors = 'firms.mdl'", "needs a list"),
        ("sector = ['firms.mdl']", "no key 'sector'. Nearest: sectors"),
        ("sectors = ['firms.mdl'", "is not valid TOML"),
        ("sectors = ['../firms.mdl']", "lies outside the folder"),
        ("sectors = ['firms.mdl', 'bank.mdl']\nstand_ins=['culture']\n[scenarios.x]\nvalue = {}", "no key 'value'"),
    ],
)
def test_a_composition_file_that_is_wrong(
    tmp_path: File, pair: dict[str, sdmodel.Model], text: str, message: str
) -> None:
    file = tmp_path / "both.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SdmodelError, match=message):
        sdmodel.load(file)


# -- replacing --------------------------------------------------------------------------------------------------
TEXT = """
place: a, b ~~|
x = INTEG(gain-loss, 10) ~ Dmnl ~ |
gain = pull*x ~ Dmnl/Year ~ |
loss = 0.1*x*pull ~ Dmnl/Year ~ |
pull = 0.2 ~ 1/Year [0,1] ~ Pull. [lever P01] |
size[place] = 1, 2 ~ Dmnl ~ [fixed] |
y[place] = INTEG(size[place], 0) ~ Dmnl ~ |
"""


def test_replace_by_a_number_a_path_and_a_formula(model_from: Make) -> None:
    model = model_from(TEXT)
    number = model.replace("pull", 0.3)
    assert number.run()["gain"].iloc[0] == pytest.approx(3)
    assert number["pull"].role == "lever"
    path = model.replace("pull", Schedule((0, 4.2), (0.2, 0.0)))
    assert path.run().report.breaks == (4.2,)
    assert path["pull"].role == ""
    formula = model.replace("pull", Op("*", (Number(2.0), Ref("time"))))
    assert formula.run()["pull"].tolist() == pytest.approx([2 * t for t in range(11)])
    array = model.replace("size", 5)
    assert array.run()["y"].iloc[-1].tolist() == pytest.approx([50, 50])
    assert model.run()["gain"].iloc[0] == pytest.approx(2)  # the model is as it was


def test_replace_in_one_equation_only(model_from: Make) -> None:
    changed = model_from(TEXT).replace("x", Number(10.0), in_equation_of="loss")
    run = changed.run()
    assert (run["loss"] == 0.1 * 10 * 0.2).all()
    assert run["gain"].iloc[-1] > run["gain"].iloc[0]
    with pytest.raises(EquationError, match="'loss' does not read 'y', so there is no such link"):
        changed.replace("y", Number(1.0), in_equation_of="loss")
    with pytest.raises(UnknownNameError, match="Nearest: pull"):
        changed.replace("pul", 1)


def test_cut_holds_one_link(model_from: Make) -> None:
    model = model_from(TEXT)
    cut = model.cut("x", "gain")
    assert cut["x held"].kind == "data"
    assert cut["x held"].unit == model["x"].unit
    assert cut.causes("gain") == ("pull", "x held")
    assert cut.causes("loss") == ("x", "pull")
    assert "x held" not in model
    held = cut.run(data={"x held": ([0], [10])})
    assert (held["gain"] == 2).all()
    with pytest.raises(EquationError, match="no such link"):
        model.cut("gain", "loss")


def test_cut_takes_the_place_of_no_other_variable(model_from: Make) -> None:
    model = model_from(TEXT + '"x held" = 3 ~ Dmnl ~ |\n')
    with pytest.raises(EquationError, match=r"has a variable 'x held' already.*Rename"):
        model.cut("x", "gain")
    twice = model_from(TEXT).cut("x", "gain").cut("x", "loss")
    assert twice.causes("gain") == ("pull", "x held")
    assert twice.causes("loss") == ("pull", "x held")


def test_cut_holds_a_link_between_elements(model_from: Make) -> None:
    text = TEXT + "drain[place] = y[place]*pull ~ 1/Year ~ |\nmean y = SUM(y[place!])/2 ~ Dmnl ~ |\n"
    model = model_from(text.replace("INTEG(size[place], 0)", "INTEG(size[place]-drain[place], 5)"))
    held = {"y held[a]": ([0], [10]), "y held[b]": ([0, 10], [0, 20])}
    run = model.cut("y", "drain").run(data=held)
    assert run["drain"]["a"].tolist() == pytest.approx([2.0] * 11)
    assert run["drain"]["b"].tolist() == pytest.approx([0.4 * t for t in range(11)])
    own = model.run()["y"]
    paths = {f"y held[{place}]": own[place] for place in "ab"}
    assert model.cut("y", "mean y").run(data=paths)["mean y"].tolist() == pytest.approx(model.run()["mean y"].tolist())


def test_substitute_reaches_every_depth() -> None:
    tree = Call("max", (Op("+", (Ref("a"), Op("neg", (Ref("a"),)))), Call("a", (Ref("b"),))))
    assert substitute(tree, "a", Ref("c")) == Call(
        "max", (Op("+", (Ref("c"), Op("neg", (Ref("c"),)))), Call("a", (Ref("b"),)))
    )


def test_a_path_of_one_date_is_a_number() -> None:
    assert schedule_expression(Schedule((2015,), (3,))) == Number(3.0)
