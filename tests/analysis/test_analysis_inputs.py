"""Arguments of a wrong kind are refused by every function of the room, and names may hold brackets of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel import Model, Outcome
from sdmodel.core.errors import RangeError, SdmodelError

pytestmark = pytest.mark.filterwarnings("ignore::sdmodel.core.errors.ResultWarning")

# stock' = cost - rate*stock: every name that is asked for has brackets, or stands in an equation with one.
TEXT = """{UTF-8}
"stock [CNY]" = INTEG(inflow - "stock [CNY]"*rate, start) ~ CNY [0,1000] ~ Stock. |
inflow = IF THEN ELSE(Time >= "date [Year]", 2, 1)*"cost [CNY]" ~ CNY/Year ~ In. |
"cost [CNY]" = 2 ~ CNY/Year [0.1,10] ~ Cost. [lever] [@guess] |
rate = 0.5 ~ 1/Year [0.1,1] ~ Rate. [uncertainty] [@guess] |
start = 1 ~ CNY [0,10] ~ Start. [uncertainty] [@guess] |
"date [Year]" = 5 ~ Year [0,10] ~ Date. [lever] [@guess] |
INITIAL TIME = 0 ~ Year ~~|
FINAL TIME = 10 ~ Year ~~|
TIME STEP = 0.25 ~ Year ~~|
SAVEPER = 1 ~ Year ~~|
"""
STOCK, COST, DATE = "stock [CNY]", "cost [CNY]", "date [Year]"
AT_END = Outcome(STOCK)
NAN, INF = float("nan"), float("inf")
NO_ROWS, NO_NAMES = pd.DataFrame(), pd.DataFrame({"a": [1.0, 2.0]})


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("brackets") / "brackets.mdl"
    place.write_text(TEXT, encoding="utf-8")
    return sdmodel.load(place)


@pytest.fixture(scope="module")
def calls(model: Model) -> dict[str, dict[str, Any]]:
    """A call of each public function that is fine."""
    table = model.parameters().loc[[COST, "rate"]]
    run = model.run()
    seen = {STOCK: run[STOCK]}
    sweep = model.sweep(sdmodel.latin_hypercube(table, 64, rng=1), [STOCK], progress=False)
    goals = {AT_END: "max", Outcome(STOCK, at=3): "min"}
    search = {"generations": 2, "rng": 1}
    return {
        "optimise": {"model": model, "levers": table, "goal": AT_END, **search},
        "pareto": {"model": model, "levers": table, "goals": goals, "population": 8, **search},
        "solve_lever": {"model": model, "lever": COST, "outcome": AT_END, "target": 4.0},
        "threshold": {"model": model, "lever": COST, "outcome": AT_END, "level": 4.0, "points": 5},
        "sobol": {"of": model, "parameters": table, "outcomes": AT_END, "n": 64, "rng": 1},
        "morris": {"of": model, "parameters": table, "outcomes": AT_END, "n": 10, "rng": 1},
        "tornado": {"of": model, "parameters": table, "outcomes": AT_END},
        "gradient": {"model": model, "parameters": [COST, STOCK], "outcomes": AT_END},
        "calibrate": {"model": model, "parameters": table, "observations": seen},
        "history_match": {
            "of": model, "parameters": table, "observations": seen, "errors": {STOCK: 0.1}, "n": 16, "rng": 1,
        },
        "equilibria": {"model": model, "starts": 4, "rng": 1, "within": {STOCK: (0.0, 20.0)}},
        "basins": {"model": model, "starts": pd.DataFrame({STOCK: [1.0, 2.0]})},
        "hysteresis": {"model": model, "lever": COST, "variable": STOCK, "points": 3},
        "folds": {"model": model, "lever": COST, "points": 3},
        "trigger": {"model": model, "date": DATE, "variable": STOCK, "above": 2.0},
        "discover": {"design": sweep, "cases": AT_END.of(sweep) > 15, "rng": 1, "resamples": 2},
        "nondominated": {"table": NO_NAMES, "goals": {"a": "max"}},
        "compare": {"first": run, "second": run},
    }  # fmt: skip


MODELS = ["shandong", None, 3, NO_ROWS]
COUNTS = ["a", -1, 0, NAN, 1.5, True]
SEEDS = ["a", -1, 1.5, ["x"]]
NUMBERS = ["a", NAN, INF, [1]]
POSITIVE = ["a", -1, NAN, None, [1]]
WORDS = ["nothing", 3, [1]]
NAMES = ["nothing", None, 3, ["rate"], NAN, "rate[a]"]
SCENARIOS = ["nothing", 3, {"a": 1}]
DESIGNS = [3, "a", NO_ROWS, ("rate", 1)] + [
    pd.DataFrame(columns) for columns in ({"nothing": [1.0]}, {"rate": [NAN]}, {"rate": ["x"]}, {"inflow": [1.0]})
]
RANGES: list[Any] = [{"rate": ends} for ends in ((0.5, 0.2), 0.5, (NAN, 1), ("a", "b"), (0.2, 0.3, 0.4), (-5, 99))]
TABLES = [None, 3, "nothing", [1, 2], ("rate", 0.1, 0.2), NO_ROWS, NO_NAMES, [], {}, ["TIME STEP"], ["inflow"]]
TABLES += [["rate", "RATE"], Outcome("rate"), pd.DataFrame({"low": [NAN], "high": [1.0]}, index=["rate"]), *RANGES]
OUTCOMES = [None, 3, Outcome("nothing"), Outcome("rate"), "nothing", [], [3], {"a": 1}, [AT_END, "inflow"]]
LIMITS = [3, "a", {3: (0, 1)}, [(AT_END, 0, 1)], {Outcome("nothing"): (0, 1)}]
LIMITS += [{AT_END: ends} for ends in (3, (None, None), (5, 1), (NAN, 1), ("a", 1), (0, 1, 2))]
SERIES = [None, 3, "no.csv", {"nothing": ([1], [1])}, {STOCK: 3}, {"rate": ([1], [1])}, NO_ROWS, NO_NAMES, {}, [1, 2]]
SERIES += [{STOCK: pair} for pair in (([1, 2], [1]), ([1, 2], ["a", 1]), ([1, 100], [1, 2]), ([2, 1], [1, 2]))]
ERRORS = [3, "a", {}, {"nothing": 1}, *({STOCK: x} for x in (0, "a", NAN, [1, 2]))]
VALUES = [3, "a", {"nothing": 1}, {"rate": "x"}, {"rate": NAN}, {"rate": 99}, {"inflow": 1}, ["rate"]]
INTERVALS = [3, "a", {"nothing": (0, 1)}, *({STOCK: ends} for ends in (3, (1, 0), (NAN, 1), ("a", 1)))]
TIMES = ["a", NAN, 99, [1]]

WRONG: dict[str, dict[str, list[Any]]] = {
    "optimise": {
        "model": MODELS, "levers": TABLES, "goal": ["nothing", None, 3, Outcome("nothing"), Outcome("rate"), [AT_END]],
        "aim": WORDS, "robust": WORDS, "limits": LIMITS, "samples": DESIGNS, "population": [*COUNTS, 4],
        "generations": COUNTS, "rng": SEEDS, "scenario": SCENARIOS,
    },
    "pareto": {
        "model": MODELS, "levers": TABLES, "limits": LIMITS, "samples": DESIGNS, "population": COUNTS,
        "generations": COUNTS, "rng": SEEDS, "scenario": SCENARIOS,
        "goals": [3, None, [AT_END], {AT_END: "max"}, {AT_END: "up", Outcome("inflow"): "min"},
                  {AT_END: "max", Outcome("nothing"): "min"}, {"nothing": "max", "inflow": "min"}],
    },
    "solve_lever": {
        "model": MODELS, "lever": [*NAMES, "inflow", "TIME STEP"], "outcome": ["nothing", None, 3, Outcome("rate")],
        "target": ["a", None, NAN, [1, 2, 3]], "low": [*NUMBERS, 50, -1], "high": [*NUMBERS, 50, -1],
        "tolerance": POSITIVE, "design": [*DESIGNS, pd.DataFrame({COST: [1.0]})], "scenario": SCENARIOS,
    },
    "threshold": {
        "model": MODELS, "lever": [*NAMES, "inflow", "TIME STEP"], "outcome": ["nothing", None, 3, Outcome("rate")],
        "level": NUMBERS, "points": [*COUNTS, 1], "low": [*NUMBERS, 50], "tolerance": POSITIVE, "design": DESIGNS,
    },
    "sobol": {
        "of": MODELS, "parameters": TABLES, "outcomes": OUTCOMES, "n": [*COUNTS, None, 63], "rng": SEEDS,
        "scenario": SCENARIOS,
    },
    "morris": {
        "of": MODELS, "parameters": TABLES, "outcomes": OUTCOMES, "n": [*COUNTS, None], "levels": [*COUNTS, 3],
        "rng": SEEDS,
    },
    "tornado": {"of": MODELS, "parameters": TABLES, "outcomes": OUTCOMES, "scenario": SCENARIOS},
    "gradient": {
        "model": MODELS, "parameters": [None, 3, "nothing", [1], [], NO_ROWS, NO_NAMES, ["TIME STEP"], ["inflow"]],
        "outcomes": OUTCOMES, "values": VALUES, "scenario": SCENARIOS, "data": [3, "a", {"nothing": ([1], [1])}],
    },
    "calibrate": {
        "model": MODELS, "parameters": TABLES, "observations": SERIES, "errors": ERRORS, "starts": COUNTS,
        "values": VALUES, "scenario": SCENARIOS, "data": [3, "a"],
    },
    "history_match": {
        "of": MODELS, "parameters": TABLES, "observations": SERIES, "errors": [None, *ERRORS], "n": [*COUNTS, None],
        "rng": SEEDS, "cut": POSITIVE, "discrepancy": [3, "a", {"nothing": 1}, {STOCK: "a"}, {STOCK: -1}],
    },
    "equilibria": {
        "model": MODELS, "design": DESIGNS, "within": INTERVALS, "at": TIMES, "scenario": SCENARIOS, "starts": COUNTS,
        "rng": SEEDS,
    },
    "basins": {
        "model": MODELS, "values": VALUES, "at": TIMES, "scenario": SCENARIOS,
        "starts": [None, 3, NO_ROWS, "a", *map(pd.DataFrame, ({"no": [1]}, {STOCK: [NAN]}, {STOCK: ["x"]}))],
    },
    "hysteresis": {
        "model": MODELS, "lever": NAMES, "variable": NAMES[:-1], "low": [*NUMBERS, 50], "high": [*NUMBERS, 50],
        "points": [*COUNTS, 1], "values": VALUES, "at": TIMES, "scenario": SCENARIOS,
    },
    "folds": {"model": MODELS, "lever": NAMES, "low": NUMBERS, "high": NUMBERS, "points": COUNTS, "values": VALUES},
    "trigger": {
        "model": MODELS, "date": NAMES, "variable": [*NAMES, "rate"], "above": NUMBERS, "start": TIMES,
        "design": [*DESIGNS, pd.DataFrame({DATE: [1.0]})], "scenario": SCENARIOS, "method": WORDS,
    },
    "discover": {
        "design": [None, 3, "a", [1, 2], NO_ROWS], "cases": [None, 3, "a", [1, 0], np.ones(64), np.ones(64, bool)],
        "parameters": [3, "nothing", ["nothing"], [1], []], "method": WORDS, "density": POSITIVE, "most": COUNTS,
        "resamples": ["a", -1, NAN, 1.5, None], "rng": SEEDS, "units": [3, "a", ["a"]],
    },
    "nondominated": {"table": [None, 3, "a", [1]], "goals": [{"no": "max"}, {"a": "up"}, {"a": 3}, ["a"], 3, {}]},
    "compare": {"first": [None, 3, "no.csv", NO_ROWS], "second": [None, 3], "tolerance": POSITIVE},
}  # fmt: skip


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, given in WRONG.items() for a in given])
def test_a_wrong_kind_of_argument_is_refused(calls: Mapping[str, Mapping[str, Any]], name: str, argument: str) -> None:
    for value in WRONG[name][argument]:
        with pytest.raises(SdmodelError) as refused:
            getattr(sdmodel, name)(**{**calls[name], argument: value})
        assert len(str(refused.value)) < 500, value  # one sentence or two, not a table printed


RANGED = [None, 3, "rate", ["rate"], [1, 2], ("rate", 0.1, 0.2), NO_ROWS, NO_NAMES, [], {}, *RANGES[:5]]
RANGED += [pd.DataFrame({"low": [low], "high": [1.0]}, index=["rate"]) for low in (NAN, 2.0)]


@pytest.mark.parametrize(
    "name", ["latin_hypercube", "sobol_sequence", "morris_trajectories", "sobol_blocks", "one_at_a_time"]
)
def test_samplers_refuse_what_is_no_table_of_ranges(name: str) -> None:
    sampler = getattr(sdmodel, name)
    more = {} if name == "one_at_a_time" else {"n": 4, "rng": 1}
    for wrong in RANGED:
        with pytest.raises(SdmodelError):
            sampler(wrong, **more)
    if more:
        for argument, values in (("n", [*COUNTS, None]), ("rng", SEEDS)):
            for wrong in values:
                with pytest.raises(SdmodelError, match=f"{argument}: "):
                    sampler({"rate": (0.1, 0.2)}, **{**more, argument: wrong})
    sampled_by = sampler({"rate": (0.1, 0.2), "cost": (1, 3)}, **more)
    assert sampled_by["rate"].between(0.1, 0.2).all()
    assert sampled_by["cost"].between(1, 3).all()


def test_every_public_function_of_the_room_is_in_the_table() -> None:
    room = {n for n in sdmodel.__all__ if callable(f := getattr(sdmodel, n)) and ".analysis." in str(f.__module__)}
    assert room - {"Calibration", "sobol_blocks", "one_at_a_time"} == set(WRONG)


def test_a_refusal_says_what_was_given_and_what_to_give(model: Model) -> None:
    for wrong, said in (
        (lambda: sdmodel.sobol("brackets", ["rate"], AT_END, n=8), r"of: 'brackets' \(str\) is given; give a model"),
        (lambda: sdmodel.optimise(model, ["rate"], 3), r"outcome: 3 \(int\).* give an Outcome.* or the name"),
        (lambda: sdmodel.threshold(model, COST, AT_END, 1, points=1), r"points: 1 \(int\).* at least 2"),
        (lambda: sdmodel.tornado(model, NO_NAMES, AT_END), "parameter 0 is no name"),
        (lambda: sdmodel.tornado(model, pd.DataFrame({"a": [1.0]}, index=["rate"]), AT_END), "no column 'high'"),
        (lambda: sdmodel.solve_lever(model, "cost", AT_END, 1), r"no variable 'cost'.* Nearest: cost \[CNY\]"),
    ):  # fmt: skip
        with pytest.raises(SdmodelError, match=said):
            wrong()


# -- ranges are taken ---------------------------------------------------------------------------------------------
def test_ranges_in_a_mapping_bound_a_fit(model: Model) -> None:
    seen = {STOCK: model.run({"rate": 0.8})[STOCK]}
    free = sdmodel.calibrate(model, {"rate": (0.1, 1)}, seen)
    assert free.values["rate"] == pytest.approx(0.8, rel=1e-5)
    held = sdmodel.calibrate(model, {"rate": (0.3, 0.4)}, seen)
    assert held.values["rate"] == pytest.approx(0.4, rel=1e-6)
    assert held.parameters.loc["rate", "at"] == "high end"
    with pytest.raises(RangeError, match=r"range 0\.1 to 2 of 'rate' reaches beyond that of brackets\.mdl, 0\.1 to 1"):
        sdmodel.calibrate(model, {"rate": (0.1, 2)}, seen)


@pytest.mark.parametrize("given", [lambda t: t, lambda t: {"rate": (0.3, 0.4)}], ids=["table", "mapping"])
def test_a_table_and_a_mapping_say_the_same(model: Model, given: Callable[[pd.DataFrame], Any]) -> None:
    ranges = given(model.parameters().loc[["rate"]].assign(low=0.3, high=0.4))
    assert sdmodel.tornado(model, ranges, AT_END)[["low", "high"]].to_numpy().tolist() == [[0.3, 0.4]]
    best = sdmodel.optimise(model, ranges, AT_END, generations=3, rng=1)
    assert best["rate"].iloc[-1] == pytest.approx(0.3, abs=1e-3)


# -- names with brackets of their own -----------------------------------------------------------------------------
# The stock with constant inflow c from the date on: known in closed form.
END = 4 + (1 - 4) * np.exp(-2.5)
END = 2 * 4 + (END - 8) * np.exp(-2.5)


def column(table: pd.DataFrame, name: str) -> float:
    return float(table[name].iloc[-1])


BRACKETS: dict[str, Callable[[Any], bool]] = {
    "optimise": lambda t: column(t, COST) > 9 and t.attrs["units"][COST] == "CNY/Year",
    "pareto": lambda t: {COST, "final of stock [CNY]"} <= set(t.columns) and t.attrs["units"][COST] == "CNY/Year",
    "solve_lever": lambda t: abs(column(t, "final of stock [CNY]") - 4) < 0.03 and t.attrs["units"][COST] == "CNY/Year",
    "threshold": lambda t: t["direction"].tolist() == [1] and t.attrs["units"]["before"] == "CNY",
    "sobol": lambda t: t.loc[("final of stock [CNY]", COST), "total"] > 0.1,
    "morris": lambda t: t.loc[("final of stock [CNY]", COST), "mu"] > 0,
    "tornado": lambda t: t.loc[("final of stock [CNY]", COST), "base"] == pytest.approx(END, rel=1e-5),
    "gradient": lambda t: t.loc[("final of stock [CNY]", STOCK), "derivative"] == pytest.approx(np.exp(-5), rel=1e-3),
    "calibrate": lambda t: t.values[COST] == pytest.approx(2, rel=1e-4) and t.series.index.tolist() == [STOCK],
    "history_match": lambda t: set(t["series"]) == {STOCK} and COST in t,
    "equilibria": lambda t: column(t, STOCK) == pytest.approx(8) and t.attrs["units"][STOCK] == "CNY",
    "basins": lambda t: column(t, f"{STOCK} at rest") == pytest.approx(8) and t.attrs["units"][STOCK] == "CNY",
    "hysteresis": lambda t: column(t, STOCK) == pytest.approx(0.4) and t.attrs["units"][COST] == "CNY/Year",
    "folds": lambda t: COST in t and t.attrs["units"][COST] == "CNY/Year",
    "trigger": lambda t: column(t, DATE) == pytest.approx(2 * np.log(1.5), rel=1e-6),
    "discover": lambda t: COST in t.limits.index.get_level_values("parameter"),
    "nondominated": lambda t: len(t) == 1,
    "compare": lambda t: len(t) == 0,
}


@pytest.mark.parametrize("name", BRACKETS)
def test_names_may_hold_brackets(calls: Mapping[str, Mapping[str, Any]], name: str) -> None:
    assert BRACKETS[name](getattr(sdmodel, name)(**calls[name]))


def test_the_text_of_the_model_is_what_the_tests_think(model: Model) -> None:
    assert model.run()[STOCK].iloc[-1] == pytest.approx(END, rel=1e-6)


# -- both ends of a limit -----------------------------------------------------------------------------------------
def test_a_limit_with_two_ends_reports_the_nearer_one(tmp_path: Path) -> None:
    place = tmp_path / "ends.mdl"
    place.write_text(TEXT, encoding="utf-8")
    model = sdmodel.load(place)
    # At the end the stock is 2 to 8 times the cost over these rates: well inside, and nearer to the lower end.
    samples = pd.DataFrame({"rate": [0.25, 1.0]})
    limits = {AT_END: (0.5, 30.0)}
    found = sdmodel.optimise(model, {COST: (0.3, 0.5)}, Outcome("inflow"), aim="max", limits=limits, samples=samples,
                             generations=3, rng=1)  # fmt: skip
    best = found.iloc[-1]
    ends = [model.run({COST: best[COST], "rate": r})[STOCK].iloc[-1] for r in samples["rate"]]
    nearest = min(ends, key=lambda x: min(x - 0.5, 30.0 - x))
    assert nearest == min(ends)  # the lower end is the nearer one, where the upper was reported
    assert best["final of stock [CNY]"] == pytest.approx(nearest, rel=1e-4)
    front = sdmodel.pareto(model, {COST: (0.3, 0.5)}, {Outcome("inflow"): "max", Outcome(STOCK, at=3): "min"},
                           limits=limits, samples=samples, population=8, generations=2, rng=1)  # fmt: skip
    for _, row in front.iterrows():
        ends = [model.run({COST: row[COST], "rate": r})[STOCK].iloc[-1] for r in samples["rate"]]
        assert row["final of stock [CNY]"] == pytest.approx(min(ends), rel=1e-4)
