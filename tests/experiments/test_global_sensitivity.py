"""Screening and decomposition of the whole model on a few blocks."""

from __future__ import annotations

import numpy as np
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY, global_sensitivity
from sdmodel.study.finding import Finding, current

BLOCKS = 4
ASKED = LIBRARY["global_sensitivity"]
REST = "all other constants"


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(global_sensitivity, "TRAJECTORIES", 2)
        patch.setattr(global_sensitivity, "PICKED", 1)
        patch.setattr(global_sensitivity, "CERTIFIED", 0)
        return ASKED.ask(BLOCKS + 1, 1, workers=1, progress=False, model=model)


def test_it_says_what_decides_and_judges_nothing(finding: Finding, model: sdmodel.Model) -> None:
    assert finding.verdicts == []
    assert finding.record["blocks"] == BLOCKS
    assert current(finding.record, model, ASKED.digest, BLOCKS + 1, 1)  # a report that is resumed keeps it
    assert len([n for n in finding.notes if "is decided by" in n]) == len(ASKED.outcomes) + len(ASKED.policies)
    assert any("blocks are few" in n for n in finding.notes)  # what an analysis warns of is told
    assert set(finding.drawn()) == {"global_sensitivity"}


def test_every_constant_has_its_row(finding: Finding, model: sdmodel.Model) -> None:
    table = finding.table.set_index(["outcome", "parameter"])
    assert set(table.index.get_level_values("outcome")) == {*ASKED.outcomes, *ASKED.policies}
    one = table.loc["all firms"]
    assert set(one.index) == {*model.uncertainties.index, REST}
    assert one.loc[REST, "total"] >= 0
    assert table.loc[("all firms", "firms in 2009"), "mu_star"] > 0


def test_blocks_move_one_constant_or_all_others(model: sdmodel.Model) -> None:
    table = model.uncertainties
    few = ["firms in 2009", "paying part"]
    design, group = global_sensitivity.grouped(table, few, 4, 1)
    assert set(table.index) <= set(design.columns)
    assert len(design) == 4 * (len(few) + 3) == len(group)
    rest = design[[c for c in table.index if c not in few]].to_numpy().reshape(4, len(few) + 3, -1)
    marks = group.reshape(4, -1)
    for block, mark in zip(rest, marks, strict=True):
        for a in range(len(block)):
            for b in range(len(block)):
                assert np.array_equal(block[a], block[b]) == (mark[a] == mark[b])
    assert len(np.unique(group)) == 8
