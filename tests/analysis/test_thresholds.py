"""Levers at a target or a level, by hand: sign and width of a crossing, rows that never cross, ranges and reports."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import Outcome
from sdmodel.core.errors import DesignError, ResultWarning
from sdmodel.model import Model

# Outcomes of a lever in closed form at every time, and one that only grows between reports.
TEXT = """
line = 2*lever + shift ~ u ~ |
arch = lever*(4 - lever) + shift ~ u ~ |
jump = IF THEN ELSE(lever > 1.7, 5, 1) + shift ~ u ~ |
gap = LN(shift - lever) ~ u ~ |
grown = INTEG(lever*IF THEN ELSE(Time > 1.5 :AND: Time < 2, 4, 0), 0) ~ u*Year ~ |
lever = 1 ~ u [0,4] ~ |
shift = 0 ~ u [-9,9] ~ |
"""
LINE, ARCH = Outcome("line"), Outcome("arch")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("levels") / "levels.mdl"
    times = "INITIAL TIME = 0 ~ Year ~~|\nFINAL TIME = 4 ~ Year ~~|\nTIME STEP = 0.5 ~ Year ~~|\nSAVEPER = 4 ~ Year ~~|"
    place.write_text("{UTF-8}\n" + TEXT + times, encoding="utf-8")
    return sdmodel.load(place)


def crossings(model: Model, outcome: Outcome | str, level: float, **given: Any) -> list[tuple[float, int]]:
    found = sdmodel.threshold(model, "lever", outcome, level, **{"points": 5, "tolerance": 1e-7, **given})
    return list(zip(found["lever"].round(6), found["direction"], strict=True))


@pytest.mark.parametrize(
    ("outcome", "level", "given", "expected"),
    [
        (LINE, 3.0, {}, [(1.5, 1)]), ("line", 3.0, {}, [(1.5, 1)]),
        (ARCH, 2.0, {}, [(round(2 - 2**0.5, 6), 1), (round(2 + 2**0.5, 6), -1)]),
        (LINE, 4.0, {}, [(2.0, 1)]),  # at a point of the scan it is crossed once
        (ARCH, 3.0, {}, [(1.0, 1), (3.0, -1)]),
        (ARCH, 4.0, {}, [(2.0, 1), (2.0, -1)]),  # it touches: up to the level and down from it
        (LINE, 0.0, {}, []), (LINE, 8.0, {}, [(4.0, 1)]),  # at an end: on it at the first point, reached at the last
        (LINE, 8.1, {}, []), (LINE, -0.1, {}, []),
        (ARCH, 2.0, {"low": 1}, [(round(2 + 2**0.5, 6), -1)]), (ARCH, 2.0, {"high": 1}, [(round(2 - 2**0.5, 6), 1)]),
        (LINE, 3.0, {"scenario": sdmodel.Scenario(values={"shift": 1.0})}, [(1.0, 1)]),
        (ARCH, 3.9, {"points": 4}, []),  # both crossings lie between two points
        (Outcome("grown", at=2.0), 2.0, {"every": 0.5}, [(1.0, 1)]), (Outcome("grown", at=2.0), 2.0, {}, [(2.0, 1)]),
    ],
)  # fmt: skip
def test_the_crossings_of_a_level(
    model: Model, outcome: Outcome | str, level: float, given: dict[str, Any], expected: list[tuple[float, int]]
) -> None:
    assert crossings(model, outcome, level, **given) == [(pytest.approx(x, abs=2e-6), way) for x, way in expected]


def test_the_bracket_of_a_crossing_is_as_narrow_as_asked_and_tells_both_sides(model: Model) -> None:
    for tolerance in (1e-2, 1e-5):
        (row,) = sdmodel.threshold(model, "lever", "jump", 3, points=9, tolerance=tolerance).to_dict("records")
        assert (row["before"], row["after"]) == (1, 5)
        assert tolerance * 4 / 3 < row["width"] <= tolerance * 4
        assert abs(row["lever"] - 1.7) <= row["width"] / 2
    (smooth,) = sdmodel.threshold(model, "lever", "line", 3, points=4, tolerance=1e-3).to_dict("records")
    assert smooth["before"] <= 3 <= smooth["after"]
    assert smooth["after"] - smooth["before"] == pytest.approx(2 * smooth["width"], abs=1e-12)


def test_rows_that_never_cross_and_rows_that_fail_are_shares(model: Model) -> None:
    """The logarithm of the shift less the lever crosses nil where they differ by one, and fails where they meet."""
    design = pd.DataFrame({"shift": [9.0, 4.5, 4.75, 3.0, 2.0], "sample": [5, 4, 3, 2, 1]})
    found = sdmodel.threshold(model, "lever", "gap", 0, design=design, points=5)
    assert found["sample"].tolist() == [3, 4]
    assert found["lever"].tolist() == pytest.approx([3.75, 3.5], abs=1e-5)
    assert found["direction"].tolist() == [-1, -1]
    assert found.attrs["never"] == pytest.approx(1 / 5)
    assert found.attrs["failed"] == pytest.approx(2 / 5)
    assert (found.attrs["rows"], found.attrs["range"], found.attrs["level"]) == (5, (0, 4), 0)
    assert found.attrs["units"] == {"lever": "u", "before": "u"}
    assert (found.attrs["lever"], found.attrs["outcome"]) == ("lever", "final of gap")
    named = sdmodel.threshold(model, "lever", "arch", 3, design=pd.DataFrame({"shift": [0.0, 1]}, index=["b", "a"]))
    assert named["sample"].tolist() == ["a", "a", "b", "b"]
    assert named["lever"].tolist() == pytest.approx([2 - 2**0.5, 2 + 2**0.5, 1, 3], abs=1e-4)


def solved(model: Model, outcome: Outcome | str, target: Any, **given: Any) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)  # its text is tested in another test; here the table counts
        return sdmodel.solve_lever(model, "lever", outcome, target, **given).to_dict("records")[0]


@pytest.mark.parametrize(
    ("outcome", "target", "given", "lever", "residual"),
    [
        (LINE, 3.0, {"tolerance": 0}, 1.5, 0), (LINE, 10.0, {}, 4, -0.2), (LINE, -2.0, {}, 0, 1),
        (LINE, 0.0, {"low": 1}, 1, 2), (LINE, 3.0, {"high": 1}, 1, -1 / 3), (LINE, 3.0, {"low": 2}, 2, 1 / 3),
        (Outcome("grown", at=2.0), 2.0, {"every": 0.5}, 1, 0), (Outcome("grown", at=2.0), 2.0, {}, 2, 0),
        (LINE, 3.0, {"scenario": sdmodel.Scenario(values={"shift": 1.0})}, 1, 0),
    ],
)  # fmt: skip
def test_the_lever_of_a_target(
    model: Model, outcome: Outcome, target: float, given: dict[str, Any], lever: float, residual: float
) -> None:
    row = solved(model, outcome, target, **given)
    assert row["lever"] == pytest.approx(lever, abs=1e-5)
    assert row["residual"] == pytest.approx(residual, abs=1e-5)
    assert row["target"] == target
    assert row["solved"] == (abs(residual) <= 0.005)
    if residual:
        assert row[outcome.label] == pytest.approx(target + residual * (abs(target) or 1.0))


def test_within_the_tolerance_is_solved_and_beyond_it_is_told(model: Model) -> None:
    """At its upper end the line reaches 8."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert solved(model, "line", 10.0, tolerance=0.2)["solved"]
    design = pd.DataFrame({"shift": [0.0, 1.0, 5.0]})
    said = r"No value of 'lever' from 0 to 4 brings final of line to its target in 1 of 3 rows"
    with pytest.warns(ResultWarning, match=said):
        found = sdmodel.solve_lever(model, "lever", "line", [10.0, 9.0, 9.0], design=design, tolerance=0.19)
    assert found["solved"].tolist() == [False, True, True]
    assert found.attrs == {"lever": "lever", "units": {"lever": "u", "final of line": "u"}}
    failing = solved(model, "gap", 0.0)
    assert np.isnan([failing["lever"], failing["residual"], failing["final of gap"]]).all()
    assert failing["target"] == 0


def test_targets_must_be_numbers_one_for_each_row(model: Model) -> None:
    design = pd.DataFrame({"shift": [0.0, 1.0, 5.0]})
    for target, said in (
        ([1.0, 2.0], "target: .* one for each of the 3 rows"), ([1.0, np.nan, 2.0], "target of row 1 is not a finite"),
        (np.inf, "target of row 0"), ("much", "target: 'much'"),
    ):  # fmt: skip
        with pytest.raises(DesignError, match=said):
            sdmodel.solve_lever(model, "lever", "line", target, design=design)
