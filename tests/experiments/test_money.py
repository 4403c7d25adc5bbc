"""The questions of public money on a few samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.paired import PUBLIC
from sdmodel.study.question import Question

NAMES = [
    "credit", "matching_funds", "seed_capital", "super_deduction", "support_timing", "talent_support", "tax_relief",
    "virtuous_circle",
]  # fmt: skip
SAMPLES = 8


def read(name: str) -> Question:
    question = LIBRARY[name]
    assert isinstance(question, Question)
    return question


@pytest.mark.parametrize("name", NAMES)
def test_arms_of_one_budget_spend_the_same_and_shares_add_to_the_samples(name: str) -> None:
    question = read(name)
    alone = replace(question, loops=())  # each link that is cut would be a model to compile
    finding = alone.ask(SAMPLES, 1, workers=1, progress=False)
    money = finding.table.pivot(index="sample", columns="arm", values=PUBLIC)
    extra = money.sub(money[question.reference], axis=0)
    for equal in question.equal:
        for arm in equal.arms:
            np.testing.assert_allclose(extra[arm].dropna(), extra[equal.like][extra[arm].notna()], rtol=0.0051)
            assert extra[arm].notna().mean() > 0.5
    assert [v.hypothesis for v in finding.verdicts] == [p.hypothesis for p in question.predictions]
    for verdict in finding.verdicts:
        assert verdict.favour + verdict.neither + verdict.opposite == verdict.samples > SAMPLES / 2
    assert finding.headline[0].isupper()
    assert "nan" not in finding.headline


def test_a_hypothesis_has_one_bare_prediction_and_every_link_that_is_cut_exists() -> None:
    model = sdmodel.load("shandong")
    for name in [*NAMES, "instruments"]:
        question = read(name)
        ids = [p.hypothesis for p in question.predictions]
        assert {i.partition(" (")[0] for i in ids} == {i for i in ids if "(" not in i}
        for loop in question.loops:
            assert loop.cause in model
            assert loop.effect in model
            assert {loop.held, *loop.arms} <= {*question.arms, *(arm for equal in question.equal for arm in equal.arms)}


def test_every_lever_is_ranked_by_money_or_run_beside_and_is_in_the_package() -> None:
    """What it costs is solved from its size, so a lever forgotten here would be missing from the ranking."""
    question = read("instruments")
    (given,) = question.equal
    assert given.budget == 300.0
    alone = {name for mix in given.mixes.values() if len(mix) == 1 for name in mix}
    beside = {name for setting in question.arms.values() for name in setting}
    other = {"exit duration", "programme scale", "matching required", "shift to advance payment",
             "risk compensation allowed"}  # fmt: skip
    assert alone | beside | other == set(sdmodel.load("shandong").levers.index)
    whole = {*given.mixes["the whole package"], *given.arms["the whole package"]}
    assert alone - whole == {"flat extra deduction"}  # the progressive one takes its place


def test_a_budget_that_an_instrument_cannot_spend_is_no_number() -> None:
    question = read("instruments")
    (given,) = question.equal
    few = {arm: given.mixes[arm] for arm in ("information", "public services")}
    small = replace(question, equal=[replace(given, mixes=few, arms={arm: {} for arm in few})], predictions=())
    finding = replace(small, headline=lambda *_: "X").ask(SAMPLES, 1, workers=1, progress=False)
    money = finding.table.pivot(index="sample", columns="arm", values=PUBLIC)
    extra = money[list(few)].sub(money[question.reference], axis=0)
    np.testing.assert_allclose(extra["information"], 300.0, rtol=0.0051)
    spent = extra["public services"].dropna()
    assert 0 < len(spent) < SAMPLES
    np.testing.assert_allclose(spent, 300.0, rtol=0.0051)
