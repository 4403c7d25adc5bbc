"""Pieces of the confidence tests by hand: violations, balances, derivatives, signs, loops, samples of policies."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from model_file import TEMPLATE

import sdmodel
from sdmodel.core.expression import Call, Number, Op, Ref
from sdmodel.model import Model
from sdmodel.solve.run import run
from sdmodel.validation.confidence import extreme_conditions as extreme
from sdmodel.validation.confidence import link_signs, sensitivity
from sdmodel.validation.confidence import partial_models as partial
from sdmodel.validation.confidence.behaviour_modes import modes
from sdmodel.validation.confidence.conservation import with_balances
from sdmodel.validation.confidence.feedback_graph import causes_of, instantaneous, links, loops_of
from sdmodel.validation.confidence.integration_error import _samples, integration_error
from sdmodel.validation.confidence.result import HARD, TESTS
from sdmodel.validation.confidence.run import _figure, compared, confidence, confidence_tests
from sdmodel.validation.spec import Balance, Behaviour, Equal, Policy, Spec

Make = Callable[..., Model]
TEXT = """
side: left, right ~~|
x[side] = INTEG(into[side] - out[side], first[side]) ~ u ~ X. |
into[side] = rate*part[side] ~ u/Year ~ In. |
out[side] = x[side]/life ~ u/Year ~ Out. |
y = INTEG(SUM(out[side!]) - gone, 0) ~ u ~ Y. |
gone = y*y*loss ~ u/Year ~ Gone. |
lost = INTEG(gone, 0) ~ u ~ Lost. |
late = SMOOTH3(y, life)*2 ~ u ~ Late. |
begun = INITIAL(y + 3)*late ~ u*u ~ Since the start. |
rate = 2 ~ u/Year [0,9] ~ Rate. [lever P01] |
part[side] = 1, 3 ~ Dmnl ~ Parts. |
first[side] = 4, 5 ~ u ~ First. |
life = 5 ~ Year [1,9] ~ Life. |
loss = 0.1 ~ 1/u/Year [0,1] ~ Loss. |
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("flows") / "flows.mdl"
    place.write_text(TEMPLATE.format(equations=TEXT, start=0, end=8, step=0.25, saveper=1), encoding="utf-8")
    return sdmodel.load(place)


# -- balances ---------------------------------------------------------------------------------------------------------
def test_an_amount_and_its_account(model: Model) -> None:
    """What flows into x, less what is gone of y, is what both hold more; formulas may stand for names."""
    balances = (Balance("all", ["x", "y"], ["into"], ["gone"]),
        Balance("part", ["2*y"], ["2*SUM(out[side!])"], ["gone", "gone"]),
                Equal("same", "lost + y", "y + lost"), Balance("off", ["y"], ["gone"], []))  # fmt: skip
    found = run(with_balances(model, balances), method="exact")
    own = model.run(method="exact")
    total = own["x"].sum(axis=1) + own["y"]
    np.testing.assert_allclose(found["checked amount of all"], total, rtol=1e-6)
    np.testing.assert_allclose(found["checked account of all"], total, rtol=1e-6)
    np.testing.assert_allclose(found["checked amount of part"], 2 * own["y"], rtol=1e-6)
    np.testing.assert_allclose(found["checked account of part"], 2 * own["y"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found["checked account of off"], own["lost"], rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found["checked amount of same"], found["checked account of same"])
    assert with_balances(model, ()) is model


# -- extreme conditions -----------------------------------------------------------------------------------------------
RANGED = """
stock = INTEG(1, 1) ~ u ~ |
signed = INTEG(1, 1) ~ u ~ |
free = INTEG(1, 1) ~ u [-5,?] ~ |
bound = Time ~ u [-1,20] ~ |
plain = Time ~ u ~ |
kept share = Time/100 ~ Dmnl ~ |
"""


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("stock", [0, 5], ""), ("stock", [-1e-9, 0.5], ""), ("stock", [-0.9e-9, 0.5], ""),
        ("stock", [-1.1e-9, 0.5], "'stock' falls to -1.1e-09, below 0."),
        ("stock", [-4e-9, 5], ""), ("stock", [-6e-9, 5], "below 0"),
        ("stock", [-2, 1], "'stock' falls to -2, below 0."),
        ("signed", [-9, 1], ""), ("free", [-5, 99], ""), ("free", [-5.1, 99], "'free' falls to -5.1, below -5."),
        ("bound", [-1, 20], ""), ("bound", [0, 20.1], "'bound' rises to 20.1, above 20."),
        ("bound", [0, 20 + 1.9e-8], ""), ("bound", [0, 20 + 2.1e-8], "above 20"), ("plain", [-1e9, 1e9], ""),
        ("kept share", [0, 1], ""), ("kept share", [0, 1.01], "'kept share' rises to 1.01, above 1."),
        ("kept share", [-0.01, 1], "below 0"), ("plain", [math.nan, 1], "'plain' is not finite."),
        ("plain", [math.inf, 1], "'plain' is not finite."), ("bound", [-math.inf, 1], "'bound' is not finite."),
        ("not there", [-9, 9], ""),
    ],
)  # fmt: skip
def test_what_leaves_its_range(model_from: Make, name: str, values: list[float], said: str) -> None:
    one = model_from(RANGED)
    coords = {"run": [0, 1], "status": ("run", [0, 1]), "message": ("run", ["", "stopped"])}
    found = xr.Dataset({name: (("run", "time"), [values, [-99.0, 99.0]])}, coords)
    told = list(extreme.violations(one, found, ["SIGNED"]))
    assert told[0] == "stopped"  # and the values of that run do not count
    assert len(told) == 1 + bool(said)
    assert said in told[-1]


def test_ends_and_corners_of_every_closed_range(model_from: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    one = model_from(
        "x = INTEG(a - b*x, c) ~ u ~ |\na = 1 ~ u/Year [0,2] ~ A. [lever P01] |\n"
        "b = 0.5 ~ 1/Year [0.1,1] ~ B. [uncertainty] |\n"
        "c = 1 ~ u [0,?] ~ C. [uncertainty] |\nd = 1 ~ u [0,9] ~ D. |\n"
        "e = 0 ~ Dmnl [0,1] ~ E. [switch] |\nz = d + e ~ u ~ |"
    )
    assert extreme.constants(one).index.tolist() == ["a", "b", "e"]
    table = extreme.ends(one)
    assert table.to_dict("records") == [
        {"a": a, "b": b, "e": e}
        for a, b, e in [(0, 0.5, 0), (2, 0.5, 0), (1, 0.1, 0), (1, 1, 0), (1, 0.5, 0), (1, 0.5, 1)]
    ]
    some = extreme.corners(one, 400, 1, {"b": [0.3, 0.4]})
    assert len(some) == 400
    assert set(some["a"]) == {0, 2}
    assert some["a"].mean() == pytest.approx(1, abs=0.15)
    assert some["b"].between(0.3, 0.4).all()
    assert np.ptp(some["b"]) > 0.09
    assert not some.equals(extreme.corners(one, 400, 2, {"b": [0.3, 0.4]}))
    assert np.corrcoef(some["a"], some["e"])[0, 1] == pytest.approx(0, abs=0.15)
    monkeypatch.setattr(extreme, "BATCH", 4)
    rows = extreme.extreme_conditions(one, Spec(balance=(Balance("x", ["x"], ["a"], ["b*x"]),)), 10, 1)
    assert [(row.test, row.name, row.figure, row.verdict) for row in rows[1:]] == [
        (3, "each constant at each end", "0 violations in 6 runs", "pass"),
        (3, "random corners", "0 violations in 10 runs", "pass"),
    ]
    assert (rows[0].test, rows[0].verdict) == (2, "pass")
    tight = model_from(
        "".join(f"v{i} = a*Time ~ u [0,{1 + i}] ~ |\n" for i in range(5)) + "a = 0 ~ u/Year [0,2] ~ A. [lever P01] |",
        name="tight",
    )
    row = extreme.extreme_conditions(tight, Spec(), 10, 1)[0]
    assert (row.figure, row.verdict) == ("5 violations in 2 runs", "miss")
    assert row.text.startswith("'v0' rises to 20, above 1. 'v1'")
    assert row.text.endswith("'v2' rises to 20, above 3. And 2 more.")


# -- the graph --------------------------------------------------------------------------------------------------------
def test_links_are_those_that_act_during_a_run(model: Model) -> None:
    expected = {
        ("into", "x"), ("out", "x"), ("x", "out"), ("out", "y"), ("gone", "y"), ("y", "gone"), ("gone", "lost"),
        ("y", "late"),
        ("late", "begun"),
    }  # fmt: skip
    assert set(links(model).edges) == expected
    assert set(links(model).nodes) == {"x", "into", "out", "y", "gone", "lost", "late", "begun"}
    found = loops_of(model)
    assert (found.cores, found.links, found.independent, found.short) == ((2, 2), 4, 2, 2)
    assert found.shortest == (("gone", "y"), ("out", "x"))
    assert found.bound == 12


def test_delays_are_replaced_by_what_goes_in_wherever_they_stand() -> None:
    a, b, c = Ref("a"), Ref("b"), Ref("c")
    inner = Op("+", (Call("delay3", (a, b)), Call("max", (Call("integ", (b, c)), Number(1.0)))))
    variable = sdmodel.core.structure.Variable("v", "stock", (sdmodel.core.structure.Component((), (), inner),))
    (component,) = instantaneous(variable).components
    assert component.expr == Op("+", (a, Call("max", (b, Number(1.0)))))
    assert instantaneous(variable).kind == "auxiliary"
    kept = Op("*", (Call("initial", (a,)), Call("table", (b,))))
    assert causes_of(kept) == {"table", "b"}
    assert causes_of(Call("initial", (a,))) == set()


def test_the_shortest_loops_cover_every_link_in_one(model_from: Make) -> None:
    """Round a triangle, and straight back along one side: the triangle again adds no link."""
    text = "a = INTEG(c + b, 0) ~ u ~ |\nb = a ~ u ~ |\nc = b + 0*d ~ u ~ |\nd = INTEG(c, 0) ~ u ~ |\n"
    one = model_from(text + "alone = 1 + Time ~ u ~ |")
    found = loops_of(one)
    assert found.shortest == (("a", "b"), ("c", "d"), ("a", "b", "c"))
    assert (found.cores, found.links, found.independent) == ((4,), 6, 3)


# -- behaviours -------------------------------------------------------------------------------------------------------
def test_steps_are_added_to_every_element_from_their_dates_on(model: Model) -> None:
    run = partial.with_steps(model, {"part": [[2.0, 1.0], [4.0, -0.5]], "rate": [[6.0, 3.0]]}).run(every=1)
    table = run["part"]
    for t, more in ((0, 0), (1, 0), (2, 1), (3, 1), (4, -0.5), (8, -0.5)):
        assert table.loc[float(t)].tolist() == [1 + more, 3 + more]
    assert run["rate"].tolist() == [2] * 6 + [5] * 3


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"outcome": "x"}, [9, 9 + 8 * 0.25 - 9 / 5 * 0.25]),  # over both elements
        ({"outcome": "into[left]", "steps": {"rate": [[4.0, 1.0]]}}, [2, 3]),  # from the step before on
        ({"outcome": "into[left]", "steps": {"rate": [[4.0, 1.0]]}, "expect": "S-shaped"}, [3, 3]),
        ({"outcome": "into[left]", "steps": {"rate": [[4.0, 1.0], [6.0, 2.0]], "loss": [[5.0, 0.1]]}}, [2, 3]),
        ({"outcome": "into[left]", "set": {"rate": 4.0}, "steps": {"rate": [[4.0, 1.0]]}}, [4, 5]),
    ],
)  # fmt: skip
def test_the_path_of_a_behaviour_begins_with_its_cause(model: Model, given: dict[str, Any], path: list[float]) -> None:
    behaviour = Behaviour(**{"name": "b", "expect": "rises", **given})
    found = partial._path(model, behaviour, behaviour.set)
    assert found[:2] == pytest.approx(path, rel=1e-2)
    plain = partial._path(model, behaviour, {"rate": 1.0}, plain=True)
    assert len(plain) == len(found)
    if "into" in behaviour.outcome:
        assert plain.tolist() == [1] * len(plain)


def test_a_sector_without_behaviours_is_a_miss(model: Model) -> None:
    grows = (Behaviour("a", "y", "rises"), Behaviour("b", "y", "falls", least=0.2))
    rows = partial.partial_models({"one": model, "two": model}, {"one": Spec(behaviour=grows), "two": Spec()})
    assert [(r.test, r.kind, r.name, r.verdict) for r in rows] == [
        (4, "one", "a", "pass"), (4, "one", "b", "miss"), (4, "two", "behaviours", "miss"),
    ]  # fmt: skip
    assert [(r.limit, r.text) for r in rows] == [
        ("rises, 0.01", "'y'."), ("falls, 0.2", "'y'."), ("1 or more", "checks.toml states none."),
    ]  # fmt: skip


# -- half the step and samples ----------------------------------------------------------------------------------------
def test_the_first_sample_is_the_file_and_failed_runs_are_told(model_from: Make) -> None:
    table = pd.DataFrame({"value": [0.3], "low": [0.0], "high": [1.0], "distribution": "uniform"}, index=["a"])
    drawn = sdmodel.latin_hypercube(table, 5, rng=2)["a"].tolist()
    assert _samples(table, 5, 2)["a"].tolist() == [0.3, *drawn[1:]]
    assert _samples(table.iloc[:0], 5, 2).shape == (1, 0)
    text = "x = INTEG(SQRT(0.5 - a), 1) ~ u ~ |\ny = INTEG(1, 1) ~ u ~ |\na = 0 ~ u [0,1] ~ A. [uncertainty] [@guess] |"
    (row,) = integration_error(model_from(text), 10, 1)
    assert row.verdict == "miss"
    assert row.name == "2 outcomes in 10 samples of the model as it is"
    draws = sdmodel.latin_hypercube({"a": (0, 1)}, 10, rng=1)["a"]
    assert row.text.endswith(f"; {(draws[1:] > 0.5).sum()} runs failed.")


def test_samples_under_each_policy_by_hand(model_from: Make) -> None:
    """y = a (1 + lever) - b lever; the effect of half a lever is a/2 - b/2, and of none is none."""
    text = (
        "y = a*(1 + lever) - b*lever + 0*Time ~ u ~ Y. [outcome] |\nz[side] = y*part[side] ~ u ~ Z. [outcome] |\n"
        "side: p, q ~~|\npart[side] = 1, 2 ~ Dmnl ~ |\nlever = 0 ~ Dmnl [0,1] ~ L. [lever P01] |\n"
        "a = 0.5 ~ u [0,1] ~ A. [uncertainty] |\nb = 0.25 ~ u [0,1] ~ B. [uncertainty] |\n"
        "way = 1 ~ Dmnl [0,1] ~ W. [switch] |\n"
        "w = way ~ Dmnl ~ |"
    )
    model = model_from(text, end=2, step=1)
    policies = (Policy("half", {"lever": 0.5}), Policy("none", {"lever": 0.0}))
    rows = {(r.kind, r.name): r for r in sensitivity.sensitivity_rows(model, Spec(policy=policies), 100, 3)}
    draws = sdmodel.latin_hypercube(model.parameters("uncertainty", "switch"), 100, rng=3)
    a, b = draws["a"].to_numpy().copy(), draws["b"].to_numpy().copy()
    a[0], b[0] = 0.5, 0.25
    low, middle, high = np.quantile(a, [0.05, 0.5, 0.95])
    assert rows["numerical", "y"].figure == f"{middle:.3g} ({low:.3g} to {high:.3g})"
    assert rows["numerical", "z"].figure == f"{3 * middle:.3g} ({3 * low:.3g} to {3 * high:.3g})"
    assert rows["numerical", "y"].text.startswith(
        "Median and 5 to 95 % at the end; largest rank correlations with a (+1.00)"
    )
    up, down = np.mean(a > b), np.mean(a < b)
    assert rows["policy", "half"].figure == "0 of 2 effects keep their sign"
    assert (
        rows["policy", "half"].text
        == "Open: " + ", ".join(f"{n} (up in {up:.0%}, down in {down:.0%})" for n in "yz") + "."
    )
    assert rows["policy", "none"].figure == "2 of 2 effects keep their sign"
    assert rows["behavioural", "y"].figure == "0%"
    on = draws["way"].to_numpy() == 1
    on[0] = True
    shares = " / ".join(f"{np.mean((a > b)[g]):.0%}" for g in (~on, on))
    assert rows["switch", "way"].text.endswith(f"; 'half' raises 'y' in {shares} of samples at 0 / 1.")
    alone = sensitivity.sensitivity_rows(model, Spec(outcomes=("y",)), 20, 3)
    assert [r.name for r in alone if r.kind == "numerical"] == ["y", "constants that move an outcome"]


@pytest.mark.parametrize(("change", "sign"), [(0.9e-9, 0), (1.1e-9, 1), (-0.9e-9, 0), (-1.1e-9, -1)])
def test_an_effect_below_rounding_is_none(model_from: Make, change: float, sign: int) -> None:
    text = f"y = a*(1 + lever*{change:.12f}) + 0*Time ~ u ~ Y. [outcome] |\nlever = 0 ~ Dmnl [0,1] ~ L. [lever P01] |\n"
    text += "a = -5 ~ u [-6,-4] ~ A. [uncertainty] |"
    spec = Spec(policy=(Policy("on", {"lever": 1.0}),))
    with pytest.MonkeyPatch.context() as patch:
        told: dict[Any, np.ndarray] = {}
        patch.setattr(sensitivity, "_policies", lambda policies, names, effects: told.update(effects) or [])
        sensitivity.sensitivity_rows(model_from(text, end=2, step=1), spec, 10, 1)
    assert told["on", "y"].tolist() == [-sign] * 10


# -- the whole table --------------------------------------------------------------------------------------------------
def test_the_nine_tests_have_their_titles_and_some_must_be_passed(model: Model) -> None:
    assert list(TESTS) == list(range(1, 10))
    table = confidence(model, 20)
    assert set(table.loc[table["hard"], "test"]) == {1, 2, 3, 4, 5, 8} == set(HARD)
    title = dict(zip(table["kind"], table["title"], strict=True))
    expected = {"units": "units", "balance": "conservation", "corners": "extreme conditions", "flows": "partial models",
                "half the step": "integration error", "history matching": "history matching",
                "published effects": "published effects", "count": "structure", "numerical": "sensitivity"}  # fmt: skip
    assert title == expected
    assert table["test"].is_monotonic_increasing


def test_comparisons_are_rows_of_their_own(model: Model) -> None:
    def compare(model: Model, samples: int) -> list[tuple[Any, ...]]:
        return [("a", 0.12345, 1, "hit", "x"), (2, 5, "1", "miss", 3), ("c", "x", "1", "mixed", "")]

    asked = Spec(comparisons={"6": "mine"})
    rows = compared(model, asked, 6, 10, {"mine": compare})
    assert [(r.test, r.kind, r.name, r.figure, r.limit, r.verdict, r.text) for r in rows] == [
        (6, "history matching", "a", "0.123", "1", "pass", "x"), (6, "history matching", "2", "5", "1", "miss", "3"),
        (6, "history matching", "c", "x", "1", "info", ""),
    ]  # fmt: skip
    assert [r.verdict for r in compared(model, asked, 7, 10, {"mine": compare})] == ["info"]
    assert (_figure(2.0), _figure(1)) == ("2", "1")


def test_fewer_samples_are_taken_where_figures_converge_sooner(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, tuple[Any, ...]] = {}
    module = __import__("sdmodel.validation.confidence.run", fromlist=["run"])
    for name in ("extreme_conditions", "integration_error", "sensitivity_rows"):
        monkeypatch.setattr(module, name, lambda *given, name=name: asked.update({name: given[-2:]}) or [])
    for samples, fewer in ((1000, 100), (110, 11), (90, 10), (5, 10)):
        tests = list(confidence_tests(model, samples, 7))
        assert len(tests) == 8  # without corners
        assert asked == {
            "extreme_conditions": (samples, 7), "integration_error": (fewer, 7), "sensitivity_rows": (fewer, 7),
        }  # fmt: skip
    assert tests[1][0].text == "checks.toml states no balance."
    assert tests[0][0].name == f"flows, {len(model.equations)} variables"


def test_samples_and_seeds_are_those_of_the_record() -> None:
    for function, given in (
        (confidence, {"samples": 10_000, "rng": 1}), (confidence_tests, {"samples": 10_000, "rng": 1}),
        (link_signs.link_signs, {"states": 4, "rng": 1}), (loops_of, {"bound": 12}), (modes, {"least": 0.02}),
    ):  # fmt: skip
        every = inspect.signature(function).parameters.values()
        assert {p.name: p.default for p in every if p.default not in (p.empty, None)} == given
