"""Signs of links: stated in checks.toml, found in the equations over random states."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.model import Model
from sdmodel.validation.confidence.link_signs import link_signs, polarity
from sdmodel.validation.confidence.run import confidence_tests
from sdmodel.validation.spec import Spec, read_spec

TEXT = """{UTF-8}
lake = INTEG(inflow - outflow - leak, 5) ~ m3 ~ Water. |
inflow = rain*(1 + STEP(1, 4)) ~ m3/Year ~ In. |
rain = 2 ~ m3/Year [0,10] ~ Rain. |
outflow = lake/residence ~ m3/Year ~ Out. |
residence = 3 ~ Year [1,9] ~ Time in the lake. |
leak = MAX(lake - edge, 0)*gate ~ m3/Year ~ Over the edge. |
edge = 4 ~ m3 [0,20] ~ Height of the edge. |
gate = 1 ~ 1/Year [0,2] ~ How open. |
turning = rain*(rain - 7) ~ Dmnl ~ Falls, then rises. |
INITIAL TIME = 0 ~ Year ~~|
FINAL TIME = 10 ~ Year ~~|
TIME STEP = 0.25 ~ Year ~~|
SAVEPER = 1 ~ Year ~~|
"""


@pytest.fixture
def lake(tmp_path: Path) -> Callable[..., Model]:
    def make(text: str = TEXT, checks: str = "") -> Model:
        (tmp_path / "lake.mdl").write_text(text, encoding="utf-8")
        (tmp_path / "checks.toml").write_text(checks, encoding="utf-8")
        return sdmodel.load(tmp_path / "lake.mdl")

    return make


def test_signs_are_those_of_calculus(lake: Callable[..., Model]) -> None:
    expected = {
        ("inflow", "lake"): "+", ("outflow", "lake"): "-", ("leak", "lake"): "-", ("rain", "inflow"): "+",
        ("lake", "outflow"): "+", ("residence", "outflow"): "-", ("lake", "leak"): "+", ("edge", "leak"): "-",
        ("gate", "leak"): "+", ("rain", "turning"): "?",
    }  # fmt: skip
    assert link_signs(lake(), expected, states=6) == expected


def test_a_link_that_never_acts_has_no_sign(lake: Callable[..., Model]) -> None:
    model = lake(TEXT.replace("MAX(lake - edge, 0)", "MAX(lake - edge - 1000, 0)"))
    assert link_signs(model, [("gate", "leak")]) == {("gate", "leak"): "0"}


STATED = """
[lake.polarity]
"outflow" = ["+lake", "-residence"]
"leak" = ["+lake", "-edge", "+gate"]
"""


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("lake/residence", "lake*residence/9", "'outflow' rises with 'residence', where - is stated."),
        ("- edge, 0)*gate", "- edge, 0)/gate", "'leak' falls with 'gate', where + is stated."),
        ("lake/residence", "lake/3", "'outflow' does not read 'residence'."),
        ("lake - edge, 0)*gate", "lake - edge - 1000, 0)*gate", "'leak' ignores 'lake'"),
    ],
)
def test_a_turned_link_is_seen(lake: Callable[..., Model], old: str, new: str, said: str) -> None:
    model = lake(checks=STATED)
    (good,) = polarity(model, read_spec(model).polarity)
    assert (good.verdict, good.figure) == ("pass", "5 of 5 links")
    changed = lake(TEXT.replace(old, new), STATED)
    (bad,) = polarity(changed, read_spec(changed).polarity)
    assert bad.verdict == "miss"
    assert said in bad.text
    assert any(
        row.kind == "polarity" and row.verdict == "miss" for part in confidence_tests(changed, 20) for row in part
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [('"outflow" = ["lake"]', "Write '\\+lake' or '-lake'"), ('"outflow" = ["+lak"]', "no variable .lak."),
     ('"outlow" = ["+lake"]', "Nearest: outflow")],
)  # fmt: skip
def test_what_is_not_well_formed_is_refused(lake: Callable[..., Model], line: str, said: str) -> None:
    model = lake(checks=f"[lake.polarity]\n{line}")
    with pytest.raises(UnknownNameError, match=said):
        polarity(model, read_spec(model).polarity)


def test_a_model_that_states_nothing_has_no_row(lake: Callable[..., Model]) -> None:
    assert polarity(lake(), Spec().polarity) == []


# -- the shipped models -------------------------------------------------------------------------------------------
SECTORS = ("rd_investment", "financing", "talent", "synergy", "firms", "network", "intervention", "policy")


@pytest.mark.parametrize("name", SECTORS)
def test_the_shipped_sectors_have_the_signs_stated(name: str) -> None:
    model = sdmodel.load(name)
    stated = read_spec(model).polarity
    assert sum(map(len, stated.values())) > 30
    (row,) = polarity(model, stated)
    assert row.verdict == "pass", row.text


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("synergy", "*link conversion", "/link conversion", "'conversion odds' falls with 'link conversion'"),
        ("intervention", "*(1-new track share)*all", "/(1-new track share)*all", "'push cost' rises with 'new track"),
    ],
)
def test_a_turned_link_of_a_shipped_sector_is_seen(name: str, old: str, new: str, said: str, tmp_path: Path) -> None:
    source = sdmodel.load(name).path
    assert source is not None
    text = source.read_text(encoding="utf-8")
    assert text.count(old) == 1
    place = tmp_path / f"{name}.mdl"
    place.write_text(text.replace(old, new), encoding="utf-8")
    changed = replace(sdmodel.load(place), path=source)
    effect = said.split("'")[1]
    (row,) = polarity(changed, {effect: read_spec(changed).polarity[effect]})
    assert row.verdict == "miss"
    assert said in row.text
