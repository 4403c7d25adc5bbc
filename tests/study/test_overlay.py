"""Overlays: equations that add to a model, take the place of others, or stand between a constant and its readers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import CompositionError, ReadError
from sdmodel.core.expression import to_text
from sdmodel.core.resources import shipped
from sdmodel.experiments import LIBRARY
from sdmodel.study.overlay import overlaid
from sdmodel.study.question import Question
from sdmodel.validation.static.units import check_units

TEXT = """
rate = 0.1 ~ 1/Year [0,1] ~ Rate. [uncertainty] [@guess] |
other rate = rate*2 ~ 1/Year ~ |
stock = INTEG(-rate*stock, 10) ~ firm ~ |
side: left, right ~~|
part[side] = 0.5 ~ Dmnl ~ |
flow[left] = stock*part[left] ~ firm ~ |
flow[right] = stock*(1-part[right]) ~ firm ~ |
"""
OVERLAYS = sorted(path for path in (shipped("experiments") / "overlays").iterdir() if path.name.endswith(".mdl"))


@pytest.fixture
def model(model_from: Callable[..., sdmodel.Model]) -> sdmodel.Model:
    return model_from(TEXT)


def test_a_constant_stays_settable_and_its_readers_read_the_formula(model: sdmodel.Model) -> None:
    text = "rate = IF THEN ELSE(rate as set >= 0, rate as set, rate) ~~| rate as set = -1 ~ 1/Year ~ |"
    changed = overlaid(model, text)
    assert set(model.uses("rate")) == set(changed.uses("rate in force")) == {"other rate", "stock"}
    assert changed.uses("rate") == ("rate in force",)
    assert (changed["rate"].role, changed["rate"].limits) == ("uncertainty", (0, 1))
    force = changed["rate in force"]
    assert (force.role, force.limits, force.unit, force.kind, force.file) == (
        "",
        (),
        "1/Year",
        "auxiliary",
        "overlay.mdl",
    )
    assert changed.uncertainties.index.tolist() == model.uncertainties.index.tolist()
    for values, same in (({}, {}), ({"rate": 0.3}, {"rate": 0.3}), ({"rate": 0.3, "rate as set": 0.0}, {"rate": 0.0})):
        np.testing.assert_array_equal(changed.run(values)["stock"], model.run(same)["stock"])


def test_its_own_name_stands_for_the_old_equation(model: sdmodel.Model) -> None:
    changed = overlaid(model, "other rate = other rate+gift ~~| gift = 1 ~ 1/Year ~ |")
    assert to_text(changed["other rate"].components[0].expr) == "rate*2 + gift"
    assert changed.run()["other rate"].iloc[0] == pytest.approx(1.2)
    halved = overlaid(model, "flow = flow*kept ~~| kept = 0.5 ~ Dmnl ~ |")  # each part of an array by itself
    np.testing.assert_allclose(halved.run()["flow"], model.run()["flow"] * 0.5)


def test_another_equation_takes_the_place(model: sdmodel.Model) -> None:
    changed = overlaid(model, "other rate = 3*rate ~~|")
    assert to_text(changed["other rate"].components[0].expr) == "3*rate"
    assert changed["other rate"].unit == "1/Year"


def test_an_overlay_is_laid_once(model: sdmodel.Model) -> None:
    text = "rate = rate*factor ~~| factor = 2 ~ Dmnl ~ |"
    once = overlaid(model, text)
    assert overlaid(once, text) is once
    part = overlaid(model, "factor = 2 ~ Dmnl ~ |")
    more = overlaid(part, "factor = 2 ~ Dmnl ~ | further = 1 ~ Dmnl ~ |")  # of this one a variable is new
    assert "further" in more
    assert overlaid(model, text, "a.mdl")["factor"].file == "a.mdl"
    again = overlaid(overlaid(model, "factor = 3 ~ Dmnl ~ |", "a.mdl"), "factor = 4 ~ Dmnl ~ |", "b.mdl")
    assert again.run()["factor"].iloc[0] == 4  # another overlay with a variable of the same name is laid


def test_what_cannot_be_laid_is_refused(model: sdmodel.Model) -> None:
    with pytest.raises(CompositionError, match="has subscripts"):
        overlaid(model, "part = part*2 ~~|")
    with pytest.raises(CompositionError, match="write it once"):
        overlaid(model, "side: left, right ~~| flow[side] = flow[side]*2 ~~|")
    with pytest.raises(CompositionError, match="write it once"):
        overlaid(model, "side: left, right ~~| flow[left] = flow[left]*2 ~~| flow[right] = 1 ~~|")
    with pytest.raises(CompositionError, match=r"mine\.mdl.*'part' has subscripts"):
        overlaid(model, "part = part*2 ~~|", "mine.mdl")
    with pytest.raises(ReadError, match=r"mine\.mdl"):
        overlaid(model, "rate = (1 ~~|", "mine.mdl")


@pytest.fixture(scope="module")
def shandong() -> sdmodel.Model:
    return sdmodel.load("shandong")


@pytest.fixture(scope="module")
def base(shandong: sdmodel.Model) -> sdmodel.Run:
    return shandong.run({"TIME STEP": 0.25}, every=5, method="rk4")


@pytest.mark.parametrize("path", OVERLAYS, ids=lambda path: path.name)
def test_shipped_overlays_change_nothing_by_themselves_and_have_right_units(
    path: Path, shandong: sdmodel.Model, base: sdmodel.Run
) -> None:
    changed = overlaid(shandong, path.read_text(encoding="utf-8"), path.name)
    assert check_units(changed) == []
    found = changed.run({"TIME STEP": 0.25}, every=5, method="rk4")
    for name in ("own RnD", "knowledge", "deep links", "present value of public money"):
        np.testing.assert_allclose(found[name], base[name], rtol=1e-12)


def test_every_overlay_is_used() -> None:
    used = {name for q in map(LIBRARY.__getitem__, LIBRARY.names) if isinstance(q, Question) for name in q.overlays}
    assert used == {path.name for path in OVERLAYS}
