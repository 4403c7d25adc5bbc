"""Pieces of the confidence tests by hand: violations, balances, derivatives, signs, loops, samples of policies."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from model_file import TEMPLATE

import sdmodel
from sdmodel.core.errors import EquationError, SolveError, UnknownNameError
from sdmodel.core.expression import Call, Number, Op, Ref
from sdmodel.model import Model
from sdmodel.solve.run import run
from sdmodel.validation.confidence import extreme_conditions as extreme
from sdmodel.validation.confidence import link_signs, loops, polarity, sensitivity
from sdmodel.validation.confidence import partial_models as partial
from sdmodel.validation.confidence.conservation import with_balances
from sdmodel.validation.confidence.feedback_graph import causes_of, instantaneous, links, loops_of
from sdmodel.validation.confidence.integration_error import _samples, integration_error
from sdmodel.validation.confidence.result import HARD, TESTS
from sdmodel.validation.confidence.run import _figure, compared, confidence, confidence_tests
from sdmodel.validation.spec import Balance, Behaviour, Equal, Loop, Policy, Spec

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
        ("stock", [0, 5], ""), ("stock", [-0.9e-9, 0.5], ""),
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


# -- partial derivatives ----------------------------------------------------------------------------------------------
def test_derivatives_of_every_element_state_and_moment(model: Model) -> None:
    runs = []
    for given in ({}, {"life": 2.0, "loss": 0.5}):
        run = model.run(given, every=0.25, method="exact")
        runs.append((polarity.paths_of(run), given, run))
    states = [(paths, given) for paths, given, _ in runs]
    asked = [("x", "out"), ("out", "x"), ("y", "gone"), ("rate", "into"), ("part", "into"),
        ("life", "out"), ("y", "late"),
             ("late", "begun"), ("out", "y"), ("gone", "y")]  # fmt: skip
    found = polarity.derivatives(model, states, asked, [4, 16])
    assert list(found) == asked
    for k, (moment, (given, run)) in enumerate((m, (g, r)) for m in (4, 16) for _, g, r in runs):
        life, loss = given.get("life", 5.0), given.get("loss", 0.1)
        x, y = run["x"].iloc[moment].to_numpy(), run["y"].iloc[moment]
        expected = {
            ("x", "out"): np.eye(2) / life, ("out", "x"): -np.eye(2), ("y", "gone"): [[2 * y * loss]],
            ("rate", "into"): [[1], [3]], ("part", "into"): 2 * np.eye(2), ("life", "out"): -x[:, None] / life**2,
            ("y", "late"): [[2]], ("late", "begun"): [[3]], ("out", "y"): [[1, 1]], ("gone", "y"): [[-1]],
        }  # fmt: skip
        for link, slope in expected.items():
            np.testing.assert_allclose(found[link][k], slope, rtol=1e-6, atol=1e-9, err_msg=str(link))


def test_paths_of_a_run_by_name_and_element(model: Model) -> None:
    run = model.run()
    paths = polarity.paths_of(run)
    assert paths.elements["x"] == [("left",), ("right",)]
    assert paths.elements["y"] == [()]
    np.testing.assert_array_equal(paths.values["x"], run["x"])
    np.testing.assert_array_equal(paths.values["y"][:, 0], run["y"])
    np.testing.assert_array_equal(paths.time, run.time)
    flat = polarity._flat(np.arange(24.0).reshape(4, 3, 2), [("b", "p"), ("a", "q"), ("c", "p")])
    assert flat[1].tolist() == [6, 9, 10]  # axes in the order in which elements first appear
    assert polarity._flat(np.arange(3.0), [()]).tolist() == [[0], [1], [2]]


def test_a_variable_over_no_range_of_its_own_is_refused(model: Model) -> None:
    held = polarity._constant(model, [("left",)], model["x"], "held")
    assert held.components[0].subs == ("side",)
    with pytest.raises(EquationError, match="No subscript range spans dimension 1 of 'x'"):
        polarity._constant(model, [("left",), ("up",)], model["x"], "held")


def test_the_gain_of_a_loop_over_scalars_and_elements() -> None:
    """From one x to two y and back: both ways round, in proportion to their size."""
    elements = {"x": [()], "y": [("a",), ("b",)]}
    slopes = {("x", "y"): np.array([[[2.0], [-1.0]]] * 2), ("y", "x"): np.array([[[3.0, 4.0]], [[0.0, 0.0]]])}
    assert polarity.loop_gain(["x", "y"], slopes, elements).tolist() == pytest.approx([(6 - 4) / (6 + 4), 0])
    assert polarity.loop_gain(["y", "x"], slopes, elements).tolist() == pytest.approx([(6 - 4) / (6 + 4), 0])
    assert polarity.loop_gain(["x", "y[b]"], slopes, elements).tolist() == [-1, 0]
    tiny = {k: 1e-200 * v for k, v in slopes.items()}
    assert polarity.loop_gain(["x", "y"], tiny, elements)[0] == pytest.approx(0.2)


# -- signs of links ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("slopes", "sign"),
    [
        ([1, 2], "+"), ([-1, -2], "-"), ([1, -1], "?"), ([0, 0], "0"), ([0, 3], "+"), ([0, -3], "-"),
        ([1, -0.9e-8], "+"), ([1, -1.1e-8], "?"), ([-5, 4e-8], "-"), ([-5, 6e-8], "?"), ([1e-300, 0], "+"),
        ([math.nan, 2], "+"), ([math.nan, math.nan], "0"), ([math.inf, -2], "-"), ([], "0"),
    ],
)  # fmt: skip
def test_the_sign_of_slopes(model: Model, monkeypatch: pytest.MonkeyPatch, slopes: list[float], sign: str) -> None:
    asked: list[Any] = []

    def derivatives(model: Model, states: Any, links: Any, at: list[int]) -> dict[Any, np.ndarray]:
        asked.extend([states, at])
        return {link: np.array(slopes, float).reshape(-1, 1, 1) for link in links}

    paths = polarity.Paths(np.arange(11.0), {}, {})
    monkeypatch.setattr(link_signs, "random_states", lambda model, count, rng: [(paths, {"count": count, "rng": rng})])
    monkeypatch.setattr(link_signs, "derivatives", derivatives)
    assert link_signs.link_signs(model, [("y", "gone")] * 2) == {("y", "gone"): sign}
    assert asked == [[(paths, {"count": 4, "rng": 1})], [1, 5, 9]]  # not at the ends, where dates fall
    assert link_signs.link_signs(model, []) == {}


def test_a_state_that_fails_is_left_out_and_the_file_must_run(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[dict[str, float]] = []

    def run(model: Model, values: dict[str, float], **given: Any) -> str:
        assert given == {"every": 0.25, "method": "exact"}
        calls.append(values)
        if len(calls) in failing:
            raise SolveError("stopped")
        return f"run {len(calls)}"

    monkeypatch.setattr(link_signs, "run", run)
    monkeypatch.setattr(link_signs, "paths_of", lambda found: found)
    failing = {2, 4}
    states = link_signs.random_states(model, 5, 3)
    assert [found for found, _ in states] == ["run 1", "run 3", "run 5"]
    assert [given for _, given in states] == [calls[0], calls[2], calls[4]]
    assert calls[0] == {}
    first = calls[1]
    calls.clear()
    link_signs.random_states(model, 2, 3)
    assert calls[1] == first
    calls.clear()
    link_signs.random_states(model, 2, 4)
    assert calls[1] != first
    failing = {1}
    calls.clear()
    with pytest.raises(SolveError):
        link_signs.random_states(model, 2, 1)


def test_stated_signs_are_compared_one_by_one(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    assert link_signs.stated_links(model, {"OUT": ["+ x", "-life"]}) == {("x", "out"): "+", ("life", "out"): "-"}
    with pytest.raises(UnknownNameError, match=r"Write '\+x' or '-x'"):
        link_signs.stated_links(model, {"out": ["x"]})
    stated = {"out": ["+x", "+life"], "gone": ["-y", "+loss"], "into": ["+rate"]}
    found = {("x", "out"): "+", ("life", "out"): "-", ("y", "gone"): "?", ("loss", "gone"): "0", ("rate", "into"): "+"}
    monkeypatch.setattr(link_signs, "link_signs", lambda model, links: found)
    (row,) = link_signs.polarity(model, stated)
    assert (row.test, row.kind, row.name, row.figure, row.limit) == (8, "polarity", "flows", "2 of 5 links", "all")
    assert row.verdict == "miss"
    assert row.text == (
        "'out' falls with 'life', where + is stated. 'gone' rises in some states and falls in others with 'y', where "
        "- is stated. 'gone' ignores 'loss', where + is stated."
    )
    (lacks,) = link_signs.polarity(model, {"out": ["+y", "+x"]})
    assert (lacks.figure, lacks.text) == ("1 of 2 links", "'out' does not read 'y'.")
    (many,) = link_signs.polarity(model, {"out": ["+y", "+lost", "+late", "+gone", "+into", "+begun"]})
    assert many.text.count("does not read") == 5


# -- loops ------------------------------------------------------------------------------------------------------------
LOOP = Loop("B1", "drain", "", "-", ["x", "out"], ["x", "out"], "x[left]", excited_by={"rate": 5.0})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""), ({"path": ["out", "x"]}, ""), ({"path": ["x[left]", "out[left]"]}, ""),
        ({"sign": "*"}, "The sign is '+' (reinforcing), '-' (balancing) or '?' (reported, no limit), not '*'."),
        ({"path": ["x", "uot"]}, "no variable 'uot'"),
        ({"path": ["x", "out", "x", "out"]}, "It passes a variable twice."),
        ({"path": ["x", "gone"]}, "'gone' does not read 'x'."), ({"path": ["out", "y"]}, "'out' does not read 'y'."),
        ({"cut": ["out", "y"]}, "The link to cut, out to y, is not a step of it."),
    ],
)  # fmt: skip
def test_why_a_loop_is_none(model: Model, changes: dict[str, Any], said: str) -> None:
    found = loops._broken(model, links(model).edges, dataclasses.replace(LOOP, **changes))
    assert said in found
    assert bool(found) == bool(said)


@pytest.mark.parametrize(
    ("gains", "sign", "verdict"),
    [
        ([1, 0.5, 1], "+", "pass"), ([1, 0, 0], "+", "pass"), ([0, 0, 0], "+", "miss"), ([0, 0, 0], "-", "miss"),
        ([1, -0.1, 1], "+", "miss"), ([-1, -0.1, 0], "-", "pass"), ([-1, 0.1, 0], "-", "miss"),
        ([1, 1, 1], "-", "miss"),
        ([1, -1, 0], "?", "info"),
    ],
)  # fmt: skip
def test_the_sign_of_a_loop_is_that_of_every_moment_at_which_it_acts(
    model: Model, monkeypatch: pytest.MonkeyPatch, gains: list[float], sign: str, verdict: str
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(loops, "derivatives", lambda model, states, steps, at: asked.append((list(steps), at)))
    monkeypatch.setattr(loops, "loop_gain", lambda path, slopes, elements: np.array(gains, float))
    paths = polarity.Paths(np.arange(11.0), {}, {})
    (row,) = loops._signed(model, paths, {}, [dataclasses.replace(LOOP, sign=sign)])
    assert asked == [([("x", "out"), ("out", "x")], [1, 5, 9])]
    assert (row.test, row.kind, row.name, row.verdict) == (8, "sign", "B1 drain", verdict)
    assert row.figure == ", ".join(f"{g:+.2f}" for g in gains)
    assert row.text.startswith("At 1, 5, 9; +1")
    assert row.limit == ("" if sign == "?" else sign)


def test_a_knocked_out_loop_of_elements_by_hand(model: Model) -> None:
    """x' = r - x / 5 from 4: three more of r add 15 (1 - e^(-8/5)) with the loop, and 24 without it."""
    with_loop, alone = 15 * (1 - math.exp(-1.6)), 24
    before = 10 + (4 - 10) * math.exp(-1.6)
    rows = {r.kind: r for r in loops.feedback_structure(model, Spec(loop=(LOOP,))) if r.kind != "count"}
    assert rows["path"].figure == "2 steps"
    assert rows["sign"].figure == "-1.00, -1.00, -1.00"
    out = rows["knock-out"]
    assert (out.name, out.limit, out.verdict) == ("B1 drain", "above 1e-06", "pass")
    assert float(out.figure) == pytest.approx((alone - with_loop) / before, rel=0.03)
    assert f"moves by {with_loop:+.4g} u with the loop and +24 without, from {before:.4g}, under rate 5." in out.text
    whole = dataclasses.replace(LOOP, outcome="x", set={"life": 4.0}, note="Noted.")
    text = {r.kind: r for r in loops.feedback_structure(model, Spec(loop=(whole,)))}["knock-out"].text
    both = 4 * 12 * (1 - math.exp(-2))
    assert f"moves by {both:+.4g} u with the loop and +96 without" in text
    assert text.endswith("under rate 5, given life 4. Noted.")
    nothing = dataclasses.replace(LOOP, excited_by={})
    row = {r.kind: r for r in loops.feedback_structure(model, Spec(loop=(nothing,)))}["knock-out"]
    assert (row.verdict, row.figure) == ("miss", "0.0e+00")
    assert "under nothing." in row.text


@pytest.mark.parametrize(
    ("ends", "figure", "verdict", "said"),
    [
        ([[10.0, 14], [10, 19]], "5.0e-01", "pass", "moves by +4 u with the loop and +9 without, from 10"),
        ([[10.0, 14], [10, 14 + 0.9e-5]], "9.0e-07", "miss", ""),
        ([[10.0, 14], [10, 14 + 1.1e-5]], "1.1e-06", "pass", ""),
        ([[10.0, 14], [10.009, 19]], "5.0e-01", "pass", "under rate 5."),
        ([[-10.0, 14], [-10, 19]], "5.0e-01", "pass", ""),
        ([[10.0, 14], [10.011, 19]], "5.0e-01", "miss", "changes the base run by 1.1e-03: use a smaller TIME STEP."),
        ([[10.0, 14], [9.989, 19]], "5.0e-01", "miss", "by 1.1e-03"), ([[0.0, 4], [0, 9]], "5.0e+00", "pass", ""),
    ],
)  # fmt: skip
def test_verdicts_on_knock_outs(
    model: Model, monkeypatch: pytest.MonkeyPatch, ends: list[list[float]], figure: str, verdict: str, said: str
) -> None:
    given = iter(ends)
    monkeypatch.setattr(loops, "_end", lambda found, wanted: next(given))
    paths = polarity.paths_of(model.run(every=0.25, method="exact"))
    row = loops._knocked_out(model, paths, LOOP)
    assert (row.figure, row.verdict) == (figure, verdict)
    assert said in row.text


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
