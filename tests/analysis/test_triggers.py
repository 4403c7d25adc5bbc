"""Dates of rules by hand: which side of a level, from when on, between two steps, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.analysis.triggers import _Rule
from sdmodel.core.errors import DesignError, OverrideError, SolveError, UnknownNameError
from sdmodel.model import Model

METHODS = ("events", "sweep")

# A line, a wave, a value that jumps, and one that waits at a level until it rises.
TEXT = """
line = slope*Time - 1 ~ u ~ |
both[side] = line*part[side] ~ u ~ |
side: left, right ~~|
part[side] = 1, 2 ~ Dmnl ~ |
waits = INTEG(STEP(1, 4), bottom) ~ u ~ |
falls = -waits ~ u ~ |
bend = (Time - 2)*(Time - 2) ~ u ~ |
peak = MAX(0, 0.02 - ABS(Time - 2.06)) ~ u ~ |
breaks = LN(8 - slope*Time) ~ u ~ |
after = line + STEP(1, date) ~ u ~ |
before = line + STEP(size, date - 2) ~ u ~ |
slope = 1 ~ u/Year [0,9] ~ |
bottom = 0.3 ~ u [0,9] ~ |
size = 1 ~ u [0,9] ~ |
date = 9 ~ Year [0,10] ~ |
free = 9 ~ Year ~ |
wide[side] = 1, 2 ~ Year [0,9] ~ |
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("rules") / "rules.mdl"
    times = [f"{name} = {value} ~ Year ~~|" for name, value in
             (("INITIAL TIME", 0), ("FINAL TIME", 10), ("TIME STEP", 0.25), ("SAVEPER", 1))]  # fmt: skip
    place.write_text("{UTF-8}\n" + TEXT + "\n".join(times), encoding="utf-8")
    return sdmodel.load(place)


def date(model: Model, variable: str, **given: Any) -> tuple[float, bool]:
    found = sdmodel.trigger(model, {"date": (1, 9)}, variable, **{"start": 0, **given})
    assert len(found) == 1
    return float(found["date"].iloc[0]), bool(found["triggered"].iloc[0])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("variable", "given", "when"),
    [
        ("line", {"above": 1.3}, 2.3), ("line", {"below": 1.3}, 0), ("line", {"above": -2}, 0),
        ("line", {"above": 1.0}, 2.0),  # at a reported time
        ("line", {"above": 5.0, "start": None}, 6), ("line", {"above": -0.5, "start": None}, 1),  # not before its range
        ("line", {"above": 1.95, "start": 3.0}, 3.0), ("line", {"above": 2.05, "start": 3.02}, 3.05),
        ("line", {"above": 2.05, "start": 3.07}, 3.07), ("line", {"above": 2.05, "start": 3.3}, 3.3),
        ("line", {"below": 2.05, "start": 3.02}, 3.02),  # no longer at the next step
        ("line", {"above": 2.0, "start": -5}, 3),
        ("both[right]", {"above": 2.6}, 2.3), ("both[left]", {"above": 2.6}, 3.6),
        ("bend", {"below": 0.01}, 1.9), ("bend", {"below": 0.01, "start": 1.93}, 1.93),
        ("bend", {"above": 0.01, "start": 2}, 2.1),
        ("bend", {"above": 4.01, "start": 1}, 2 + math.sqrt(4.01)),
        ("waits", {"above": 0.3}, 4), ("falls", {"below": -0.3}, 4),  # at the level is not beyond it
        ("waits", {"above": 0.3, "start": 3.9}, 4), ("waits", {"above": 0.3, "start": 6}, 6),
    ],
)  # fmt: skip
def test_the_date_of_a_rule(model: Model, method: str, variable: str, given: dict[str, Any], when: float) -> None:
    found, triggered = date(model, variable, method=method, **given)
    assert found == pytest.approx(when, abs=1e-6 if method == "events" else 2e-3)
    assert triggered


@pytest.mark.parametrize("method", METHODS)
def test_a_rule_that_never_holds_has_the_last_date(model: Model, method: str) -> None:
    assert date(model, "line", above=20, method=method) == (9, False)
    assert date(model, "line", below=-1, method=method) == (9, False)
    assert date(model, "bend", below=0, method=method) == (9, False)  # it touches the level
    found = sdmodel.trigger(model, {"date": (0, 8)}, "line", above=20, method=method)
    assert found["date"].tolist() == [8]


def test_a_crossing_within_a_step_is_found_by_events(model: Model) -> None:
    assert date(model, "peak", above=0.01) == (pytest.approx(2.05, abs=1e-6), True)


def test_rows_of_a_design_each_have_their_date(model: Model) -> None:
    design = pd.DataFrame({"slope": [0.5, 1, 2, 0.1], "sample": [7, 8, 9, 9]}, index=list("abcd"))
    for method in (None, *METHODS):
        found = sdmodel.trigger(model, {"date": (0, 9)}, "line", above=1, design=design, method=method)
        assert found.index.tolist() == list("abcd")
        assert found["date"].tolist() == pytest.approx([4, 2, 1, 9])
        assert found["triggered"].tolist() == [True, True, True, False]
    assert found.attrs["rows"] == 4
    assert found.attrs["units"] == {"date": "Year"}
    assert found.attrs["rule"] == "line above 1"
    assert sdmodel.trigger(model, "date", "line", below=0.5).attrs["rule"] == "line below 0.5"


def test_a_scenario_holds_for_the_rule(model: Model) -> None:
    twice = sdmodel.Scenario(values={"slope": 2.0})
    for method in METHODS:
        assert date(model, "line", above=1, method=method, scenario=twice)[0] == pytest.approx(1)


def test_the_error_is_the_largest_difference_from_dates_by_events(model: Model) -> None:
    """Of rows within a step: the wave of a row is a parabola in the sweep too, so that only the tip is missed."""
    design = pd.DataFrame({"slope": np.linspace(0.3, 3, 12)})
    exact = sdmodel.trigger(model, "date", "line", above=1.1, design=design)
    assert exact.attrs["error"] == pytest.approx(0, abs=1e-9)
    alone = sdmodel.trigger(model, "date", "line", above=1.1)
    assert alone.attrs["error"] == 0
    jumped = sdmodel.trigger(model, "date", "waits", above=0.31, method="sweep")
    assert jumped.attrs["error"] == pytest.approx(abs(jumped["date"].iloc[0] - 4.01), abs=1e-7)
    assert sdmodel.trigger(model, "date", "line", above=99, design=design).attrs["error"] == 0


@pytest.mark.parametrize(("rows", "checked"), [(3, [0, 1, 2]), (8, list(range(8))), (15, [0, 2, 4, 6, 8, 10, 12, 14])])
def test_at_most_eight_rows_are_checked_by_events(model: Model, rows: int, checked: list[int]) -> None:
    asked: list[float] = []
    rule = _Rule(model, "date", "line", 1.0, 1.0, None, 9.0, 0.0)
    rule.by_events = lambda values: asked.append(values["slope"]) or values["slope"] + 0.5
    design = pd.DataFrame({"slope": np.arange(rows + 1.0), "sample": 3})
    dates = np.append(design["slope"][:rows], np.inf)  # the last row has none
    assert rule.error(design, dates) == 0.5
    assert asked == checked


def test_a_row_whose_run_fails_has_no_date(model: Model) -> None:
    design = pd.DataFrame({"slope": [0.5, 1.0]})
    found = sdmodel.trigger(model, "date", "breaks", below=1.5, design=design)
    assert found["date"].iloc[0] == pytest.approx(2 * (8 - math.exp(1.5)), abs=1e-3)
    assert math.isnan(found["date"].iloc[1])
    assert found["triggered"].tolist() == [True, False]


def test_a_rule_must_not_look_ahead(model: Model) -> None:
    """`before` rises two years before the date, by 1 of at most 9; `after` at the date itself."""
    assert date(model, "after", above=1.5) == (pytest.approx(2.5), True)
    with pytest.raises(DesignError, match=r"'date' at 3\.5 changes 'before' from 1\.5 on, before it comes"):
        sdmodel.trigger(model, "date", "before", above=2.5)
    small, large = ({"size": [size]} for size in (0.9e-6 * 9, 1.2e-6 * 9))
    assert len(sdmodel.trigger(model, "date", "before", above=2.5, design=pd.DataFrame(small))) == 1
    with pytest.raises(DesignError, match="look ahead"):
        sdmodel.trigger(model, "date", "before", above=2.5, design=pd.DataFrame(large))


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"variable": "both", "above": 1}, DesignError, r"'both' has 2 elements; choose one, such as 'both\[left\]'"),
        ({"variable": "both", "above": 1, "method": "sweep"}, DesignError, "'both' has subscripts"),
        ({"variable": "slope", "above": 1}, OverrideError, "'slope' is a constant"),
        ({"date": "free", "above": 1}, DesignError, r"'free' has no highest value.*\{'free': \(first, never\)\}"),
        ({"date": "wide", "above": 1}, DesignError, "'wide' has 2 elements"),
        ({"above": 1, "below": 1}, DesignError, "one level"),
        ({"above": 1, "start": 10.1}, DesignError, "of at most 10"),
        ({"above": 1, "method": "event"}, UnknownNameError, "events"),
    ],
)
def test_what_is_no_rule_is_refused(model: Model, given: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        sdmodel.trigger(model, **{"date": "date", "variable": "line", **given})
    assert date(model, "line", above=8.9, start=10) == (9, False)


@pytest.mark.parametrize(("start", "level"), [(0, 1e300), (2, 5)])
def test_a_stock_that_blows_up_is_refused_and_never_waited_for(model_from: Any, start: float, level: float) -> None:
    """Before and after the rule begins to apply."""
    model = model_from("x = INTEG(x^2, 1) ~ Dmnl ~ |\nexit = 3 ~ Year [0,5] ~ |\ny = STEP(1, exit) ~ Dmnl ~ |", end=5)
    with pytest.raises(SolveError, match="time 1"):
        sdmodel.trigger(model, "exit", "x", above=level, start=start)
