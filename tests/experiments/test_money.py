"""The questions of public money on a few samples."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.finding import Finding
from sdmodel.study.paired import PUBLIC
from sdmodel.study.question import Question

NAMES = [
    "credit", "matching_funds", "seed_capital", "super_deduction", "support_timing", "talent_support", "tax_relief",
    "virtuous_circle",
]  # fmt: skip
SAMPLES = 12


def asked(name: str, samples: int = SAMPLES) -> tuple[Question, Finding]:
    """A question and its finding, no loop cut: each would compile a model of its own."""
    question = LIBRARY[name]
    assert isinstance(question, Question)
    return question, replace(question, loops=()).ask(samples, 1, workers=1, progress=False)


@pytest.mark.parametrize("name", NAMES)
def test_arms_of_one_budget_spend_the_same_and_shares_add_to_the_samples(name: str) -> None:
    question, finding = asked(name)
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


def test_each_question_has_one_bare_hypothesis_and_words_for_others() -> None:
    bare = [p.hypothesis for name in NAMES for p in LIBRARY[name].predictions if "(" not in p.hypothesis]
    assert sorted(bare) == sorted(set(bare))
    assert {p.hypothesis.partition(" (")[0] for name in NAMES for p in LIBRARY[name].predictions} == set(bare)
