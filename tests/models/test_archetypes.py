"""Archetypes: loaded by name, small, and showing the behaviour each is known for."""

from __future__ import annotations

import pytest

import sdmodel

NAMES = (
    "free_riding",
    "progressive_deduction",
    "push_against_path_dependence",
    "shifting_the_burden",
    "virtuous_circle",
)


@pytest.mark.parametrize("name", NAMES)
def test_an_archetype_is_loaded_by_name_and_has_at_most_ten_equations(name: str) -> None:
    model = sdmodel.load(name)
    equations = [v for v in model.equations.values() if v.kind not in ("constant", "control")]
    assert len(equations) <= 10
    assert not (model.check()["level"] == "error").any()


def test_a_progressive_deduction_takes_from_firms_with_little_rnd() -> None:
    model = sdmodel.load("progressive_deduction")
    flat, progressive = model.run()["RnD"].iloc[-1], model.run({"progressive": 1})["RnD"].iloc[-1]
    assert progressive["b1"] < flat["b1"]
    assert progressive["b5"] > flat["b5"]


def test_a_push_lasts_only_where_company_makes_the_new_track_pay() -> None:
    model = sdmodel.load("push_against_path_dependence")
    push = {"push size": 3.0, "push duration": 8.0}
    left = [
        model.run({**push, "payoff of company": worth})["share"].iloc[-1]
        - model.run({"payoff of company": worth})["share"].iloc[-1]
        for worth in (0.0, 0.6)
    ]
    assert left[0] < 0.02 < 0.3 < left[1]


def test_public_services_drive_providers_out() -> None:
    model = sdmodel.load("shifting_the_burden")
    assert model.run({"boost": 1.0})["market capacity"].iloc[-1] < model.run()["market capacity"].iloc[-1]
