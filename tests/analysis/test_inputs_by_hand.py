"""What arguments mean, by hand: each end of what is allowed, the ranges that are taken, outcomes as values."""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import sdmodel
from sdmodel import Model, Outcome
from sdmodel.analysis import inputs
from sdmodel.analysis.evaluation import evaluate, lowered, outcome_unit, require
from sdmodel.analysis.inputs import check, constants_to_vary, lever_range, named_lever, outcome_list, parameter_names
from sdmodel.analysis.outcomes import canonical, outcome_table
from sdmodel.core.errors import DesignError, MissingExtraError, OverrideError, RangeError

TEXT = """
x = INTEG(a - x/3, b) ~ u [0,50] ~ Level. |
z = SUM(k[side!])*x ~ u ~ |
each[side] = k[side]*x ~ u ~ |
a = 1 ~ u/Year [0,9] ~ Flow. [lever P01] |
b = 2 ~ u [0,5] ~ Start. [uncertainty integer] |
side: p, q ~~|
k[side] = 1, 2 ~ Dmnl [0,9] ~ |
open = 4 ~ u ~ |
w = open ~ u ~ |
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("inputs") / "inputs.mdl"
    times = (
        "INITIAL TIME = 0 ~ Year ~~|\nFINAL TIME = 6 ~ Year ~~|\nTIME STEP = 0.25 ~ Year ~~|\nSAVEPER = 2 ~ Year ~~|"
    )
    place.write_text("{UTF-8}\n" + TEXT + times, encoding="utf-8")
    return sdmodel.load(place)


# -- both sides of what is allowed ------------------------------------------------------------------------------------
FINE: dict[str, list[Any]] = {
    "tolerance": [0, 1e-9], "cut": [1e-9], "density": [1e-9, 1], "points": [2], "levels": [2], "n": [None, 1],
    "starts": [1], "generations": [1], "most": [1], "resamples": [0], "population": [5], "level": [-3, 0],
    "rng": [None, 0, np.random.default_rng(1)], "at": [None, 0, "2015-01-01"], "start": [None, -1],
    "low": [None, -1], "high": [None, 0], "above": [None, 0], "below": [None, 0],
    "limits": [None, {}, {"x": (1, 1)}, {"x": [None, 1]}, {Outcome("x"): (0, None)}, {"x": (-1, 1)}],
    "design": [None, pd.DataFrame()], "samples": [None, [1]], "values": [None, {}, sdmodel.Scenario()],
    "scenario": [None, "a", sdmodel.Scenario()], "errors": [None, {}], "within": [None, {}], "units": [None, {}],
    "data": [None, {}], "discrepancy": [None, {}], "variable": ["x"], "of": [xr.Dataset()],
}  # fmt: skip
WRONG: dict[str, list[Any]] = {
    "tolerance": [-1e-9, None], "cut": [0, -1], "density": [0, 1.0001, None], "points": [1, None], "levels": [1],
    "n": [0], "starts": [0, None], "generations": [0], "most": [0], "resamples": [-1], "population": [4],
    "level": [None, np.inf], "rng": [-1, 1.5], "at": [np.inf], "low": [np.nan], "above": [np.inf],
    "limits": [{"x": (1, 0.999)}, {"x": (None, None)}, {"x": (1, np.inf)}, {"x": (0,)}, {"x": {0, 1}}, {3: (0, 1)}],
    "design": [3], "samples": [3], "values": [3], "scenario": [3], "errors": [3], "within": [3], "units": [3],
    "data": [3], "discrepancy": [3], "variable": [3, None], "of": [3, None], "model": [None, xr.Dataset()],
}  # fmt: skip


def test_what_is_allowed_ends_where_it_says() -> None:
    assert set(FINE) | set(WRONG) == set(inputs._CHECKS)
    for name, values in FINE.items():
        for value in values:
            check(**{name: value})
    for name, values in WRONG.items():
        for value in values:
            with pytest.raises(DesignError):
                check(**{name: value})


def test_a_refused_limit_names_its_outcome() -> None:
    for given, said in (
        ({"x": (2, 1)}, r"limit of 'x': \(2, 1\)"), ({Outcome("x", "max"): (None, None)}, "limit of 'max of x'"),
        ({"x": ("a", 1)}, "limit of 'x': 'a'"), ({"x": (1, "a")}, "limit of 'x': 'a'"), ({"x": 3}, "limits: "),
    ):  # fmt: skip
        with pytest.raises(DesignError, match=said):
            check(limits=given)


# -- outcomes ---------------------------------------------------------------------------------------------------------
def test_one_or_several_outcomes_of_one_kind() -> None:
    one, array = Outcome("x"), xr.DataArray([1.0], dims="run")
    path = xr.DataArray([[1.0]], dims=("run", "time"))
    assert outcome_list("x") == ["x"]
    assert outcome_list(one) == [one]
    assert outcome_list(o for o in ("x", "y")) == ["x", "y"]
    assert len(outcome_list(array)) == 1
    assert len(outcome_list([one, array])) == 2
    assert len(outcome_list(["x", path])) == 2
    for mixed in (["x", one], ["x", array], [one, path]):
        with pytest.raises(DesignError, match="ask twice"):
            outcome_list(mixed)
    for wrong in ([], [one, 3], {"x": 1}, 3, None):
        with pytest.raises(DesignError, match="outcomes: "):
            outcome_list(wrong)


def test_units_of_present_values_and_functions_and_of_a_model_without_steps(model: Model) -> None:
    expected = {
        Outcome("x", "present_value", rate=0.1): "u*Year", Outcome("x", "total"): "u*Year", Outcome("x", "mean"): "u",
        Outcome("x", lambda path: path.max()): "", Outcome("x", "duration_above", level=1): "Year",
        Outcome("x", "time_of_min"): "Year", Outcome("k[p]"): "Dmnl",
    }  # fmt: skip
    assert {outcome: outcome_unit(model, outcome) for outcome in expected} == expected
    timeless = replace(model, equations={k: v for k, v in model.equations.items() if k != "time step"})
    assert outcome_unit(timeless, Outcome("x", "total")) == "u"
    assert outcome_unit(timeless, Outcome("x", "time_of_max")) == ""


def test_labels_are_compared_without_case_quotes_and_blanks() -> None:
    assert canonical('"A b" [ c , D ]') == canonical("a b[C,d]") == "a b[c,d]"
    assert canonical("a_b") == canonical("a b")


def test_a_table_keeps_its_times_where_one_is_there() -> None:
    rows: list[dict[str, object]] = [{"outcome": "a", "time": t, "parameter": "p", "x": 1.0} for t in (None, 0.0)]
    assert outcome_table(rows).index.names == ["outcome", "time", "parameter"]
    assert outcome_table(rows[:1], ("parameter", "x")).index.names == ["outcome", "parameter", "x"]


def test_outcomes_of_a_design_are_those_of_runs(model: Model) -> None:
    outcomes = [Outcome("x"), Outcome("each[q]", "max"), Outcome("z", at=2), Outcome("z", at=1)]
    design = pd.DataFrame({"a": [1.0, 3.0], "b": [2.0, 0.0]})
    found = evaluate(model, design, outcomes)
    assert found.shape == (4, 2)
    for i, row in design.iterrows():
        run = model.run(row.to_dict())
        assert found[:, i] == pytest.approx([float(o.of(run)) for o in outcomes], rel=1e-4)
    finer = evaluate(model, design, outcomes[3:], every=1)[0]  # at 1 without the line from 0 to 2
    assert finer == pytest.approx([3 - np.exp(-1 / 3), 9 - 9 * np.exp(-1 / 3)] * np.array([3, 3]), rel=1e-5)
    assert abs(found[3] - finer).min() > 1e-3
    fixed = sdmodel.Scenario(values={"a": 0.0})
    assert evaluate(model, design[["b"]], outcomes[:1], scenario=fixed)[0] == pytest.approx(
        [2 * np.exp(-2), 0], abs=1e-5
    )
    with pytest.raises(DesignError, match=r"'each' has subscripts; choose one element: 'each\[\.\.\.\]'"):
        evaluate(model, design, [Outcome("each")])


def test_the_initial_value_of_a_stock_becomes_a_parameter(model: Model) -> None:
    program, p = lowered(model, {"b": 3.0}, None, varied=["x", "a"])
    assert dict(zip(program.parameters, p, strict=True))["x"] == 3
    assert "x" not in lowered(model, None, None, varied=["a"])[0].parameters
    set_by, q = lowered(model, {"x": 7.0}, None, varied=["x"])
    assert dict(zip(set_by.parameters, q, strict=True))["x"] == 7


def test_a_package_that_lacks_is_named_with_what_needs_it() -> None:
    require("numpy", "This")
    with pytest.raises(MissingExtraError, match=r'^This needs nosuchpackage\. Install it: .*"sdmodel\[analysis\]"'):
        require("nosuchpackage", "This")


# -- ranges -----------------------------------------------------------------------------------------------------------
def told(model: Model, given: Any, **more: Any) -> list[tuple[Any, ...]]:
    table = constants_to_vary(model, given, **more)
    return list(table[["low", "high", "distribution"]].itertuples(name=None))


def test_the_ranges_that_are_taken(model: Model) -> None:
    assert told(model, "a") == [("a", 0, 9, "")]
    assert told(model, ["b", "k"]) == [("b", 0, 5, "integer"), ("k[p]", 0, 9, ""), ("k[q]", 0, 9, "")]
    assert told(model, {"a": (1, 2), "k": (1, 3)}) == [("a", 1, 2, "uniform"), ("k", 1, 3, "uniform")]
    assert told(model, {"k[q]": (1, 3)}) == [("k[q]", 1, 3, "uniform")]
    assert told(model, {"b": (1, 3)}) == [("b", 1, 3, "integer")]
    assert told(model, {"b": (1, 3, "loguniform")}) == [("b", 1, 3, "loguniform")]
    table = pd.DataFrame({"low": [1.0, 1.0], "high": [np.nan, 3.0]}, index=["a", "b"])
    with pytest.raises(DesignError):
        told(model, table)
    assert told(model, table.fillna(4.0)) == [("a", 1, 4, ""), ("b", 1, 3, "integer")]
    assert told(model, ["open"])[0][1:3] == (-np.inf, np.inf)
    named = constants_to_vary(model, {"a": (0, 9)}).loc["a"]
    assert named[["value", "unit", "role"]].tolist() == [1, "u/Year", "lever"]
    valued = constants_to_vary(model, pd.DataFrame({"low": [0.0], "high": [9.0], "value": [5.0]}, index=["a"]))
    assert valued.loc["a", "value"] == 5


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"a": (0, 9.5)}, "0 to 9.5 of 'a' reaches beyond that of inputs.mdl, 0 to 9"),
        ({"a": (-0.5, 9)}, "-0.5 to 9 of 'a' reaches beyond"),
        ({"k": (0, 10)}, "reaches beyond"),
        ({"a": stats.uniform(5, 5)}, "5 to 10 of 'a' reaches beyond"),
        ({"x": (0, 51)}, "reaches beyond"),
    ],
)
def test_a_range_stays_in_that_of_the_file(model: Model, given: Any, said: str) -> None:
    with pytest.raises(RangeError, match=said):
        constants_to_vary(model, given)


def test_open_tails_pass_and_closed_ranges_do_not(model: Model) -> None:
    assert told(model, {"a": stats.norm(3, 1)})[0][1:3] == (-np.inf, np.inf)
    assert told(model, {"a": stats.uniform(0, 9)})[0][1:3] == (0, 9)
    with pytest.raises(DesignError, match="two finite numbers that rise"):
        told(model, ["open"], closed=True)
    with pytest.raises(DesignError, match="two finite numbers that rise"):
        told(model, {"a": (2, 2)}, closed=True)
    assert told(model, {"a": (2, 2)}) == [("a", 2, 2, "uniform")]
    with pytest.raises(DesignError, match="'a' has a list of choices, but a fit needs a range"):
        told(model, {"a": [1, 2]}, continuous="a fit")
    assert told(model, {"a": [1, 2]})[0][1:3] == (1, 2)


def test_names_of_parameters(model: Model) -> None:
    assert parameter_names("a") == ["a"]
    assert parameter_names(["a", "b"]) == ["a", "b"]
    assert parameter_names({"a": (0, 1)}) == ["a"]
    assert parameter_names(pd.DataFrame({"low": [0.0], "high": [1.0]}, index=["a"])) == ["a"]
    assert parameter_names(pd.DataFrame({"unit": ["u"]}, index=["a"])) == ["a"]
    for wrong, said in (
        (pd.DataFrame({"low": [0.0]}, index=["a"]), "no column 'high'"), (["a", "A"], "'a' is given twice"),
        (["a", 3], "parameter 3 is no name"), ([], "No parameters are given"), (3, "parameters: 3"),
    ):  # fmt: skip
        with pytest.raises(DesignError, match=said):
            parameter_names(wrong)


def test_a_lever_and_its_range(model: Model) -> None:
    assert named_lever(model, "A") == ("a", (0, 9))
    assert named_lever(model, {"a": (1, 2)}) == ("a", (1, 2))
    assert lever_range(model, "a", None, None) == ("a", (0, 9))
    assert lever_range(model, "a", 0.0, None) == ("a", (0, 9))
    assert lever_range(model, {"a": (1, 5)}, 2, None) == ("a", (2, 5))
    assert lever_range(model, {"a": (1, 5)}, None, 2) == ("a", (1, 2))
    assert lever_range(model, "k[q]", 1, 2) == ("k[q]", (1, 2))
    for wrong, error, said in (
        ("k", DesignError, r"'k' has 2 elements; take one of them, such as 'k\[p\]'"),
        ("TIME STEP", OverrideError, "setting of the run"), (["a"], DesignError, "lever: "),
        ({"a": (0, 1), "b": (0, 1)}, DesignError, "2 levers are given; take one, such as 'a'"),
        ({"k": (0, 1)}, DesignError, "'k' has 2 elements"),
    ):  # fmt: skip
        with pytest.raises(error, match=said):
            named_lever(model, wrong)
    with pytest.raises(RangeError):
        lever_range(model, "a", 0, 10)


def test_points_of_a_sweep_are_its_columns_in_the_order_asked(model: Model) -> None:
    design = pd.DataFrame({"a": [1.0, 2.0], "x": [3.0, 4.0], "sample": [5, 6]})
    sweep = model.sweep(design, ["z"], progress=False, certificate=0)
    assert inputs.points_of(sweep, ["x", "a"]).tolist() == [[3, 1], [4, 2]]
    for lacks in ("b", "time"):
        with pytest.raises(DesignError, match=f"no column '{lacks}'"):
            inputs.points_of(sweep, ["a", lacks])


def test_what_is_solved_for_is_in_no_column(model: Model) -> None:
    assert inputs.design_rows(model, None, "a").shape == (1, 0)
    rows = inputs.design_rows(model, pd.DataFrame({"b": [1.0], "sample": [3]}), "a")
    assert rows.columns.tolist() == ["b", "sample"]
    for column in ("k", "k[q]"):
        with pytest.raises(DesignError, match=r"holds 'k\[q\]', which is solved for"):
            inputs.design_rows(model, pd.DataFrame({column: [1.0]}), "k[q]")


# -- defaults ---------------------------------------------------------------------------------------------------------
DEFAULTS: dict[str, dict[str, Any]] = {
    "calibrate": {"starts": 1}, "compare": {"tolerance": 1e-6}, "equilibria": {"starts": 64}, "folds": {"points": 41},
    "discover": {"method": "prim", "density": 0.8, "most": 3, "resamples": 10}, "hysteresis": {"points": 41},
    "history_match": {"cut": 3.0}, "morris": {"levels": 4}, "sobol": {"second": False},
    "sobol_blocks": {"second": False},
    "optimise": {"aim": "max", "robust": "expected", "generations": 100}, "solve_lever": {"tolerance": 0.005},
    "pareto": {"population": 64, "generations": 60}, "threshold": {"points": 33, "tolerance": 1e-6},
}  # fmt: skip


def test_defaults_are_those_that_results_were_made_with() -> None:
    """A figure on record is one of these numbers too; an argument without a number of its own is None."""
    room = {
        n: f for n in sdmodel.__all__ if inspect.isfunction(f := getattr(sdmodel, n)) and ".analysis." in f.__module__
    }
    found = {
        name: {p.name: p.default for p in inspect.signature(f).parameters.values() if p.default not in (p.empty, None)}
        for name, f in room.items()
    }
    assert {name: given for name, given in found.items() if given} == DEFAULTS
    assert inspect.signature(sdmodel.Calibration.profile).parameters["points"].default == 11
