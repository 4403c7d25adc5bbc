"""Coordination and the gap of implementation on a few samples: verdicts, equal money, and what must be nil."""

from __future__ import annotations

import numpy as np
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.finding import Finding

ASKED = LIBRARY["coordination"]
NONE = "as it is"
COORDINATED = "coordination"
MORE = "more programmes"
CARRIED = "implementation"
OWN = "coordination money"
CLOSED = {"implementing rules budget": 30.0}
SAMPLES, SEED = 40, 3


@pytest.fixture(scope="module")
def finding() -> Finding:
    return ASKED.ask(SAMPLES, SEED, workers=1, progress=False, model=sdmodel.load("shandong"))


def values(finding: Finding, arm: str, measure: str) -> np.ndarray:
    return finding.table[finding.table["arm"] == arm].sort_values("sample")[measure].to_numpy()


def test_each_hypothesis_has_a_verdict(finding: Finding) -> None:
    bare = [v.hypothesis for v in finding.verdicts if "(" not in v.hypothesis]
    assert bare == ["H36", "H37"]
    assert all(SAMPLES / 2 < v.samples <= SAMPLES for v in finding.verdicts)


def test_loops_hold_arms_that_exist() -> None:
    known = {*ASKED.arms, *(arm for equal in ASKED.equal for arm in equal.arms)}
    assert {arm for loop in ASKED.loops for arm in loop.arms} <= known


def test_money_is_equal_where_it_can_be_spent(finding: Finding) -> None:
    anyway = values(finding, NONE, "public money")
    like, more = (values(finding, arm, "public money") - anyway for arm in (COORDINATED, MORE))
    good = np.isfinite(more)
    assert good.sum() > SAMPLES / 2
    np.testing.assert_allclose(more[good], like[good], rtol=0.006)


def test_coordination_lifts_what_is_carried_out_and_costs_its_budget(finding: Finding) -> None:
    before, after = (values(finding, arm, CARRIED) for arm in (NONE, COORDINATED))
    assert (after > before).mean() > 0.9
    own = values(finding, COORDINATED, OWN)
    assert (values(finding, NONE, OWN) == 0).all()
    assert ((own > 80) & (own < 200)).all()  # ten a year for nineteen years, discounted
    assert (values(finding, COORDINATED, "public money") - values(finding, NONE, "public money") > 0).all()


def test_without_room_for_rules_they_change_nothing() -> None:
    model = sdmodel.load("shandong")
    best = {"base implementing rules": 0.95, "base coordination": 0.5}
    worst = {"base implementing rules": 0.3, "base coordination": 0.5}
    gains = []
    for base in (best, worst):
        with_rules = model.run({**base, **CLOSED})["implementation capacity"].iloc[-1]
        gains.append(with_rules / model.run(base)["implementation capacity"].iloc[-1] - 1)
    assert 0 < gains[0] < 0.06 < gains[1]


def test_the_gap_hits_grants_more_than_the_deduction(finding: Finding) -> None:
    robust = next(v for v in finding.verdicts if v.hypothesis == "H37 (deduction robust)")
    assert robust.effect[0] > 0
    assert robust.word == "built in"
