"""Links and loops by hand: partial derivatives of elements, gains, signs, and what a loop adds."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from model_file import TEMPLATE

import sdmodel
from sdmodel.core.errors import EquationError, SolveError, UnknownNameError
from sdmodel.model import Model
from sdmodel.validation.confidence import link_signs, loops, polarity
from sdmodel.validation.confidence.feedback_graph import links
from sdmodel.validation.spec import Loop, Spec

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
paced = y*Time ~ u ~ By the clock. |
cubed[side] = wide[side]^3 ~ Dmnl ~ Cubed. |
wide[side] = 1, 1000 ~ Dmnl ~ Far apart. |
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


# -- partial derivatives ----------------------------------------------------------------------------------------------
def test_derivatives_of_every_element_state_and_moment(model: Model) -> None:
    runs = []
    for given in ({}, {"life": 2.0, "loss": 0.5}):
        run = model.run(given, every=0.25, method="exact")
        runs.append((polarity.paths_of(run), given, run))
    states = [(paths, given) for paths, given, _ in runs]
    asked = [("x", "out"), ("out", "x"), ("y", "gone"), ("rate", "into"), ("part", "into"),
             ("life", "out"), ("y", "late"), ("late", "begun"),
             ("out", "y"), ("gone", "y"), ("y", "paced"), ("wide", "cubed")]  # fmt: skip
    found = polarity.derivatives(model, states, asked, [4, 16])
    assert list(found) == asked
    for k, (moment, (given, run)) in enumerate((m, (g, r)) for m in (4, 16) for _, g, r in runs):
        life, loss = given.get("life", 5.0), given.get("loss", 0.1)
        x, y = run["x"].iloc[moment].to_numpy(), run["y"].iloc[moment]
        expected = {
            ("x", "out"): np.eye(2) / life, ("out", "x"): -np.eye(2), ("y", "gone"): [[2 * y * loss]],
            ("rate", "into"): [[1], [3]], ("part", "into"): 2 * np.eye(2), ("life", "out"): -x[:, None] / life**2,
            ("y", "late"): [[2]], ("late", "begun"): [[3]], ("out", "y"): [[1, 1]], ("gone", "y"): [[-1]],
            ("y", "paced"): [[moment / 4]], ("wide", "cubed"): np.diag([3.0, 3e6]),
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
