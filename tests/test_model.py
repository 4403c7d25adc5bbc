"""The noun Model: looking things up, frozen, told apart by what it computes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from types import MappingProxyType

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.core.expression import Number

Make = Callable[..., sdmodel.Model]

TEXT = """
place: north, south ~~|
Level = INTEG(flow-loss, first level) ~ firm ~ How many there are. [outcome] [@guess] |
flow = rate*Level*effect(Time) ~ firm/Year ~ Gain. |
loss = Level/life ~ firm/Year ~ Loss. |
rate = 0.2 ~ 1/Year [0,1] ~ How fast. [lever P01 P02] [@smith, page 3] |
life = 8 ~ Year [1,?] ~ Open above. [fixed] |
mood = 1 ~ Dmnl [0,2,1] ~ Which. [switch] |
first level = 10 ~ firm [1,20] ~ Start. [uncertainty loguniform] |
effect((0,1),(10,2)) ~ Dmnl ~ |
size[place] = 1, 2 ~ firm [0,5] ~ Sizes. [uncertainty] |
"""


@pytest.fixture
def model(model_from: Make) -> sdmodel.Model:
    return model_from(TEXT)


def test_names_are_found_in_any_case(model: sdmodel.Model) -> None:
    for name in ("Level", "level", "LEVEL", " level "):
        assert model[name].name == "Level"
        assert name in model
    assert model["first_level"].name == "first level"
    assert "nothing" not in model
    assert 3 not in model
    with pytest.raises(UnknownNameError, match=r"There is no variable 'levle'\. Nearest: Level"):
        model["levle"]
    with pytest.raises(KeyError):
        model["levle"]


def test_kinds_ranges_and_roles(model: sdmodel.Model) -> None:
    assert {v.name: v.kind for v in model.equations.values()} == {
        "Level": "stock", "flow": "auxiliary", "loss": "auxiliary", "rate": "constant", "life": "constant",
        "mood": "constant", "first level": "constant", "effect": "lookup", "size": "constant",
        "INITIAL TIME": "control", "FINAL TIME": "control", "TIME STEP": "control", "SAVEPER": "control",
    }  # fmt: skip
    assert (model["life"].low, model["life"].high) == (1, float("inf"))
    assert (model["flow"].low, model["flow"].high) == (-float("inf"), float("inf"))
    assert model["rate"].ids == ("P01", "P02")
    assert [(s.key, s.locator) for s in model["rate"].sources] == [("smith", "page 3")]
    assert model["rate"].sentence == "How fast."
    assert model["rate"].where == "mini.mdl:7"
    assert model.outcomes == ("Level",)
    assert repr(model) == "<Model 'mini': 1 stocks, 2 auxiliaries, 5 constants>"


def test_tables(model: sdmodel.Model) -> None:
    table = model.variables
    assert table.index.name == "name"
    assert table.loc["flow", "equation"] == "rate*Level*effect(Time)"
    assert table.loc["rate", "source"] == "smith, page 3"
    assert list(model.levers.index) == ["rate"]
    assert list(model.uncertainties.index) == ["mood", "first level", "size[north]", "size[south]"]
    assert model.uncertainties.loc["size[south]", "value"] == 2
    assert model.uncertainties.loc["mood", "distribution"] == "integer"
    assert model.uncertainties.loc["first level", "distribution"] == "loguniform"
    assert list(model.parameters().columns) == [
        "value", "low", "high", "unit", "distribution", "role", "ids", "sector", "sentence",
    ]  # fmt: skip
    assert len(model.parameters()) == 6
    assert model.parameters("nothing").empty


def test_causes_and_uses(model: sdmodel.Model) -> None:
    assert model.causes("flow") == ("Level", "rate", "effect")
    assert model.causes("Level") == ("flow", "loss", "first level")
    assert model.uses("level") == ("flow", "loss")
    assert model.uses("effect") == ("flow",)
    assert model.causes("rate") == ()
    for name in model.equations:
        for cause in model.causes(name):
            assert model[name].name in model.uses(cause)


def test_time_settings(model: sdmodel.Model) -> None:
    assert model.time == {"initial time": 0, "final time": 10, "time step": 0.125, "saveper": 1}


# -- frozen -----------------------------------------------------------------------------------------------------
def test_nothing_in_a_model_can_be_set(model: sdmodel.Model) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.name = "x"
    with pytest.raises(TypeError):
        model.equations["rate"] = model["life"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        model["rate"].unit = "x"
    with pytest.raises(TypeError):
        model.ranges["place"] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        model["rate"].components[0].expr.value = 3


def test_runs_and_doors_leave_it_as_it_was(model: sdmodel.Model) -> None:
    before, text = model.fingerprint, repr(model.equations)
    base = model.run().values
    model.run({"rate": 0.9, "final time": 5})
    model.sweep([{"rate": 0.9}], workers=1)
    model.replace("rate", 0.9)
    model.cut("Level", "loss")
    model.check()
    model.with_variable(dataclasses.replace(model["rate"], name="new"))
    assert model.fingerprint == before
    assert repr(model.equations) == text
    assert np.array_equal(model.run().values, base)


# -- told apart -------------------------------------------------------------------------------------------------
def test_equal_equations_have_equal_fingerprints(model: sdmodel.Model, model_from: Make) -> None:
    assert model_from(TEXT, name="other").fingerprint == model.fingerprint
    assert model_from(TEXT.replace("How fast", "How slow"), name="said").fingerprint == model.fingerprint
    assert model_from(TEXT.replace("= 0.2", "= 0.20"), name="spelled").fingerprint == model.fingerprint


@pytest.mark.parametrize("change", [("0.2", "0.21"), ("flow-loss", "flow"), ("(10,2)", "(10,3)"), ("1, 2", "2, 1")])
def test_other_equations_have_other_fingerprints(
    model: sdmodel.Model, model_from: Make, change: tuple[str, str]
) -> None:
    assert model_from(TEXT.replace(*change), name="changed").fingerprint != model.fingerprint


def test_values_from_other_files_count(model: sdmodel.Model) -> None:
    """A number that GET XLS CONSTANTS reads is part of what is computed."""
    one, other = (dataclasses.replace(model, external=MappingProxyType({"rate": v})) for v in (1.0, 2.0))
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint != model.fingerprint


def test_replace_accepts_any_number(model: sdmodel.Model) -> None:
    for three in (3, 3.0, np.float64(3), np.int64(3), np.float32(3)):
        assert model.replace("rate", three)["rate"].components[0].expr == Number(3.0)


def test_a_copy_is_the_same_model(model: sdmodel.Model) -> None:
    assert copy.copy(model).fingerprint == model.fingerprint
    pd.testing.assert_frame_equal(copy.copy(model).variables, model.variables)


HANDED_OVER = ("run", "sweep", "explore", "check")


@pytest.mark.parametrize("name", HANDED_OVER)
def test_the_help_of_a_method_shows_every_parameter_and_what_it_returns(name: str) -> None:
    method = getattr(sdmodel.Model, name)
    documented = inspect.getdoc(method) or ""
    section = documented.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    named = {one for line in re.findall(r"^(\w.*)$", section, re.MULTILINE) for one in line.split(", ")}
    assert named == set(inspect.signature(method).parameters) - {"self"}
    returned = inspect.signature(method).return_annotation.rpartition(".")[2]
    assert re.search(rf"^Returns\n-+\n(\w+\.)?{returned}$", documented, re.MULTILINE)


def test_completion_shows_public_names_only() -> None:
    """In a process of its own: what is used here loads further modules."""
    code = "import sdmodel; sdmodel.load('intervention').run(); print(*dir(sdmodel)); print(*dir(sdmodel.plot))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    for line, module in zip(done.stdout.splitlines(), (sdmodel, sdmodel.plot), strict=True):
        assert line.split() == sorted(module.__all__)
    assert not hasattr(sdmodel, "run")


@pytest.mark.parametrize("name", ["run", "sweep", "explore", "check"])
def test_a_method_describes_the_arguments_that_it_has(name):
    method = getattr(sdmodel.Model, name)
    section = re.search(r"(?s)\nParameters\n-+\n(.*?)\n(?:Returns|Raises)\n-+\n", method.__doc__)
    described = re.findall(r"^(\w+(?:, \w+)*)\n    ", section[1], re.MULTILINE) if section else []
    assert {one for entry in described for one in entry.split(", ")} == set(inspect.signature(method).parameters) - {
        "self"
    }
