"""The question of the policy mix on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY, policy_mix
from sdmodel.study.finding import Finding

ASKED = LIBRARY["policy_mix"]
WHOLE = "whole package"
NONE = "as it is"
PART = "best part"
LEAVE = "gradual exit alone"
SAMPLES = 10


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


def test_every_instrument_of_a_group_is_a_lever_that_can_take_its_full_size(model: sdmodel.Model) -> None:
    for group, parts in ASKED.groups.items():
        for name, (zero, unit) in parts.items():
            assert model[name].role == "lever", (group, name)
            assert model[name].low <= zero < zero + unit <= model[name].high, (group, name)
            assert model.parameters()["value"][name] == zero, (group, name)


def test_there_is_every_choice_of_groups(finding: Finding) -> None:
    assert len(ASKED.choices) == 2 * (2 ** len(ASKED.groups) - 1)
    assert len({policy_mix.called(c) for c in ASKED.choices}) == len(ASKED.choices)
    assert set(finding.figures) == {"policy_mix", "policy_mix_portfolios"}


def test_every_prediction_is_judged(finding: Finding) -> None:
    assert [v.hypothesis for v in finding.verdicts] == ["H48", "H48 (RnD)", "H48 (more than the sum)"]
    assert all(v.label == "emergent" for v in finding.verdicts)


def test_the_part_costs_what_the_whole_does(finding: Finding) -> None:
    money = finding.table.set_index(["arm", "sample"])["public money"]
    extra = money.loc[WHOLE] - money.loc[NONE]
    good = money.loc[PART].notna()
    assert good.any()
    np.testing.assert_allclose((money.loc[PART] - money.loc[NONE])[good], extra[good], rtol=0.0051)


def test_more_than_the_sum_is_what_the_arms_say(finding: Finding) -> None:
    index = finding.table.pivot(index="sample", columns="arm", values="index")
    base = index[NONE]
    single = sum(index[arm] - base for arm in (*(f"{g} alone" for g in ASKED.groups), LEAVE))
    excess = 100 * (index[WHOLE] - base - single) / base
    assert finding.verdicts[2].effect[0] == pytest.approx(pd.Series(excess).median())
