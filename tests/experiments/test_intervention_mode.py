"""Volume and mode of intervention on a few samples: verdicts, arms, the shapes and one pair of runs made by hand."""

from __future__ import annotations

import numpy as np
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.finding import Finding
from sdmodel.study.paired import best_inside
from sdmodel.study.surface import shapes

ASKED = LIBRARY["intervention_mode"]
NONE = "as it is"
SHIELD = "protection x5"
FIRMS = "firms"
VOLUME = {0.0: "no programmes", 0.5: "half the volume", 1.0: "as it is", 2.0: "twice the volume", 4.0: "volume x4"}
SAMPLES, SEED = 40, 3


@pytest.fixture(scope="module")
def finding() -> Finding:
    return ASKED.ask(SAMPLES, SEED, workers=1, progress=False, model=sdmodel.load("shandong"))


def values(finding: Finding, arm: str, measure: str) -> np.ndarray:
    return finding.table[finding.table["arm"] == arm].sort_values("sample")[measure].to_numpy()


def test_each_hypothesis_has_a_verdict(finding: Finding) -> None:
    bare = [v.hypothesis for v in finding.verdicts if "(" not in v.hypothesis]
    assert bare == ["H32", "H33", "H47"]
    assert all(v.samples == SAMPLES for v in finding.verdicts)
    assert {v.hypothesis for v in finding.verdicts if v.word == "built in"} == {"H33", "H47 (harm)"}
    assert set(finding.figures) == {"intervention_mode", "intervention_mode_surface"}


def test_loops_hold_arms_that_exist() -> None:
    assert {arm for loop in ASKED.loops for arm in loop.arms} <= set(ASKED.arms)


def test_shapes_tell_flat_ends_and_inside_apart() -> None:
    axis = np.array([[1.0, 1.0, 1.0, 2.0], [1.01, 1.1, 1.5, 1.5], [1.0, 1.2, 1.0, 1.0]])
    assert list(shapes(axis, 2.0)) == [0.25, 0.25, 0.25, 0.25]
    np.testing.assert_allclose(best_inside(axis)[2:], [50.0, -25.0])


def test_an_arm_is_what_a_run_by_hand_gives(finding: Finding) -> None:
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=SEED)
    row = draws.drop(columns=["sample"], errors="ignore").iloc[4].to_dict()
    for arm, setting in ((NONE, {}), (SHIELD, {"protection programme": 5.0})):
        run = model.run({**row, **setting, "TIME STEP": 0.125}, method="exact", every=0.5)
        assert float(run["all firms"].iloc[-1]) == pytest.approx(values(finding, arm, FIRMS)[4], rel=1e-6)


def test_no_programmes_cost_less_and_who_decides_costs_little(finding: Finding) -> None:
    money = {arm: values(finding, arm, "public money") for arm in ASKED.arms}
    volume = np.array([money[arm] for arm in VOLUME.values()])
    assert (np.diff(volume, axis=0) > 0).mean() > 0.9
    step = np.abs(money["all by rule"] - money[NONE])
    assert (step < np.abs(money["no programmes"] - money[NONE])).mean() > 0.9


def test_directions_cost_competition_only_where_decisions_displace(finding: Finding) -> None:
    model = sdmodel.load("shandong")
    for part, harmed in ((0.0, False), (0.8, True)):
        ends = [
            model.run(
                {"displacement by government": part, "extra erosion switch": 0, "worth of a set direction": 0.0,
                 "direction of RnD": size}
            )["competition strength"].iloc[-1]
            for size in (0.0, 3.0)
        ]  # fmt: skip
        assert (ends[1] < 0.999 * ends[0]) == harmed
