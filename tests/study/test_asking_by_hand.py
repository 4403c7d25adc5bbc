"""A question on a model in closed form: what is asked of which samples, and what cannot be made equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from model_file import TEMPLATE

import sdmodel
from sdmodel.study import question as asking
from sdmodel.study.arms import Arms
from sdmodel.study.finding import Finding
from sdmodel.study.outcomes import measure
from sdmodel.study.question import ONE_BUDGET, Equal, Loop, Prediction, Question
from sdmodel.study.verdict import counted, judge

TEXT = """
present value of public money = INTEG(5+price*a+3*b, 0) ~ million CNY ~ |
price = 2 ~ 1/Year [1,3] ~ Price of a. [uncertainty] [@guess] |
a = 0 ~ million CNY [0,10] ~ Size of a. [lever P01] |
b = 0 ~ million CNY [0,10] ~ Size of b. [lever P02] |
gain = a+b*price ~ million CNY/Year ~ Gain. |
fed = gain*0.5 ~ million CNY/Year ~ What comes back. |
stock = INTEG(gain+fed, 5) ~ million CNY ~ Stock. |
"""
NONE, A, B = "none", "a", "b"
YEARS, SEED, N = 25.0, 3, 12


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> sdmodel.Model:
    path: Path = tmp_path_factory.mktemp("asking") / "toy.mdl"
    path.write_text(TEMPLATE.format(equations=TEXT, start=2009, end=2034, step=0.5, saveper=1), encoding="utf-8")
    return sdmodel.load(path)


@pytest.fixture(scope="module")
def price(model: sdmodel.Model) -> np.ndarray:
    return sdmodel.latin_hypercube(model.uncertainties, N, rng=SEED)["price"].to_numpy()


def question(**more: Any) -> Question:
    given: dict[str, Any] = {
        "name": "toy", "asks": "Which?", "arms": {NONE: {}, A: {"a": 1.0}},
        "equal": [Equal(A, "b", {B: {}}, start=0.5, size="a")], "measures": {"stock": measure("final('stock')")},
        "predictions": [Prediction("H01", "that", "million CNY", 10.0, "emergent", "x", B, A, "stock", "difference")],
        "loops": [Loop("R", "gain", "fed", NONE, [A, B])], "headline": lambda f, p: "x", "every": 5.0, "samples": N,
        "notes": lambda p: [f"{len(p['stock', A])} samples"],
    }  # fmt: skip
    return Question(**{**given, **more})


def ask(of: Question, model: sdmodel.Model, samples: int | None = None) -> Finding:
    return of.ask(samples, SEED, workers=1, progress=False, model=model)


def test_few_samples_serve_loops_other_ranges_and_budgets(
    model: sdmodel.Model, price: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    """b costs as much as a where it is price / 3, and brings price^2 / 3 for the 1 of a; half as much comes back."""
    monkeypatch.setattr(asking, "LOOP_SAMPLES", 8)
    percent = Prediction("H01 (percent)", "that", "%", 1.0, "emergent", "x", B, A, "stock", "percent")
    loops = [Loop("R", "gain", "fed", A, [A, B])]
    found = ask(question(predictions=[*question().predictions, percent], loops=loops), model)
    one, other = found.verdicts
    more = YEARS * (price**2 / 3 - 1)
    assert one.counts == counted(judge(1.5 * more, 10.0))
    assert one.effect[0] == pytest.approx(np.median(1.5 * more), rel=0.02, abs=0.2)
    assert [name for name, _ in one.loops] == ["R"]
    assert one.loops[0][1] == pytest.approx(np.median(more[:8]), rel=0.02, abs=0.2)
    held = 5 + 0.5 * YEARS  # what comes back in the arm whose path is held
    without = 100 * ((held + YEARS * price[:8] ** 2 / 3) / (held + YEARS) - 1)
    assert other.loops[0][1] == pytest.approx(np.median(without), rel=0.02, abs=0.2)
    assert [label for label, *_ in one.elsewhere][-1] == ONE_BUDGET
    assert [sum(counts) for _, *counts in one.elsewhere] == [8] * 4
    half = sdmodel.latin_hypercube(model.with_ranges({"price": (1.5, 2.5)}).uncertainties, 8, rng=SEED)["price"]
    assert one.elsewhere[1] == ("half as wide", *counted(judge(1.5 * YEARS * (half.to_numpy() ** 2 / 3 - 1), 10.0)))
    assert 0 < one.elsewhere[1][2] < 8  # some effects are too small to count
    budget = YEARS * float(np.median(price))  # which buys as much of b in every sample, and less of a where it is dear
    same = 1.5 * budget * (price[:8] / 3 - 1 / price[:8])
    assert one.elsewhere[3] == (ONE_BUDGET, *counted(judge(same, 10.0)))
    assert found.record["certificate_runs"] == 2 * N  # of as many samples as loops are cut in, at least
    assert found.record["composition"] == model.fingerprint
    assert found.record["seed"] == SEED
    assert found.notes[0] == f"{N} samples"
    assert found.status.startswith("The model has 0 of 8 sectors")
    monkeypatch.setattr(asking, "LOOP_SAMPLES", N + 1)
    bare = ask(question(loops=[], equal=[], arms={NONE: {}, A: {"a": 1.0}, B: {"b": 1.0}}, notes=None), model)
    assert bare.record["certificate"] == "none: not asked for"
    assert [sum(counts) for _, *counts in bare.verdicts[0].elsewhere] == [N] * 3
    assert bare.verdicts[0].loops == ()
    assert bare.notes == [bare.notes[-1]]
    assert bare.notes[-1].startswith(f"{bare.record['runs']} runs ({bare.record['runs'] / N:.0f} a sample) in ")
    assert bare.record["runs"] == 3 * N * 4  # three arms, and again with each of three ranges


def test_what_spends_nothing_or_more_than_the_lever_can_is_left_out(model: sdmodel.Model, price: np.ndarray) -> None:
    """The first sample spends nothing, so that there is nothing to make equal; b of at most 0.6 spends 1.8 a year."""
    size = np.r_[0.0, np.ones(N - 1)]
    equal = Equal(A, "b", {B: {}}, start=0.1, high=0.6)
    of = question(arms={NONE: {}, A: {"a": size}}, equal=[equal], loops=[])
    draws = sdmodel.latin_hypercube(model.uncertainties, N, rng=SEED)
    arms = Arms(model, draws, of.outputs(model), every=5.0, workers=1, progress=False)
    results = of.run(arms, "")
    able = (price <= 1.8 * 1.005) & (size > 0)
    assert 0 < able.sum() < N - 1
    np.testing.assert_array_equal(np.isfinite(results.paired["stock", B]), able)
    np.testing.assert_array_equal(results.able(B, N), able)
    beyond = results.paired["public money", B] - 5 * YEARS  # of what is spent in any case
    assert beyond[able] == pytest.approx(YEARS * price[able], rel=0.0051)
    assert results.unequal_money() == [f"b: the money cannot be made equal in {N - able.sum()} of {N} samples."]
    low = of.run(arms, "", budget=60.0)  # b of 0.8 is needed, and a has no lever that scales it
    assert np.isnan(low.paired["stock", B]).all()
    assert results.paired["stock", A] == pytest.approx(5 + 1.5 * YEARS * size)


def test_variables_that_are_stored_are_those_that_something_reads(model: sdmodel.Model) -> None:
    assert question().outputs(model) == ["stock", "gain"]
    assert question(paths=("fed", [A]), loops=[]).outputs(model) == ["stock", "fed"]
    named = {"all firms": 1, "stock": 1}
    assert question(loops=[]).outputs(named) == ["all firms", "stock"]
    assert list(question().measured(named)) == ["all firms", "stock"]
