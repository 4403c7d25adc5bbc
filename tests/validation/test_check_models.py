"""The checkers on model files: a text, the shipped models, and the conformance suite if it is there."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from sdmodel import load
from sdmodel.core.errors import SdmodelError
from sdmodel.core.resources import shipped_models
from sdmodel.validation.check import check, issues
from sdmodel.validation.static.units import check_units

SUITE = Path(__file__).resolve().parents[3] / "shared" / "suite"
SHIPPED = sorted(shipped_models())

TEXT = """{UTF-8}
growth rate = 0.03 ~ 1/Years [0,0.02] ~ How fast it grows. |
growth = Firms*growth rate ~ firm ~ New firms. |
Firms = INTEG(growth, 100) ~ firm ~ Firms. |
lost = Firms + not there ~ firm ~ A slip. |
INITIAL TIME = 2009 ~ Year ~ |
FINAL TIME = 2034 ~ Year ~ |
TIME STEP = 0.25 ~ Year ~ |
SAVEPER = TIME STEP ~ Year ~ |
\\\\\\---/// Sketch information - do not modify anything except names
V300  Do not put anything below this section - it will be ignored
*View 1
$192-192-192,0,Times New Roman|12||0-0-0|0-0-0|0-0-255|-1--1--1|-1--1--1|72,72,100,0
///---\\\\\\
:L\x7f<%^E!@
22:Year,Years
"""


def test_a_model_text_from_file_to_table(tmp_path: Path) -> None:
    path = tmp_path / "growth.mdl"
    path.write_text(TEXT, encoding="utf-8")
    table = check(load(path))
    got = set(zip(table["level"], table["kind"], table["variable"], strict=True))
    assert got == {
        ("error", "range", "growth rate"),  # 0.03 in [0,0.02]
        ("error", "units", "growth"),  # firm/Year stated as firm
        ("error", "units", "Firms"),  # and so the flow is not firm/Year
        ("warning", "units", "Firms"),  # 100 without a name
        ("error", "names", "lost"),
        ("warning", "unused", "lost"),
        ("warning", "source", "growth rate"),
    }
    growth = table[(table["variable"] == "growth") & (table["kind"] == "units")].iloc[0]
    assert growth["where"] == "growth.mdl:3"
    assert "The equation gives firm/Year, but growth is stated in firm" in growth["message"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_has_no_error(name: str) -> None:
    errors = [f for f in issues(load(name)) if f.level == "error"]
    assert errors == []


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_is_really_checked(name: str) -> None:
    """A wrong unit on any formula is found; each fifth is tried, of the composition, which holds them again, fewer."""
    model = load(name)
    formulas = [v for v in model.equations.values() if v.kind in ("stock", "auxiliary")]
    assert formulas
    for variable in formulas[:: 50 if model.sectors else 5]:
        slip = model.with_variable(dataclasses.replace(variable, unit=f"({variable.unit})*slip"))
        assert [f for f in check_units(slip) if f.level == "error"], variable.name


@pytest.mark.skipif(not SUITE.is_dir(), reason="the conformance suite does not lie beside the checkout")
@pytest.mark.filterwarnings("ignore:.*the cell on the axis holds no number:sdmodel.core.errors.ResultWarning")
def test_no_checker_fails_on_the_conformance_suite() -> None:
    checked = 0
    for path in sorted(SUITE.rglob("*.mdl")):
        try:
            model = load(path)
        except SdmodelError:
            continue
        checked += 1
        for found in issues(model):
            assert found.message
            assert found.variable in {v.name for v in model.equations.values()}
    assert checked
