"""The push on a few samples: verdicts, equal money, the surfaces, and runs made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.experiments import push as surface
from sdmodel.study.finding import Finding
from sdmodel.study.overlay import overlaid

ASKED = LIBRARY["push"]
NONE = "no push"
PUSH = "push"
LONG = "over nine years"
LATE = "nine years later"
ALL = "on all firms"
AT_END = "at its end"
SMALL = "a quarter of the size"
LARGE = "four times the size"
SAMPLES, SEED = 40, 3


@pytest.fixture(scope="module")
def finding() -> Finding:
    return ASKED.ask(SAMPLES, SEED, workers=1, progress=False, model=sdmodel.load("shandong"))


def values(finding: Finding, arm: str, measure: str) -> np.ndarray:
    return finding.table[finding.table["arm"] == arm].sort_values("sample")[measure].to_numpy()


def test_each_hypothesis_has_a_verdict(finding: Finding) -> None:
    bare = [v.hypothesis for v in finding.verdicts if "(" not in v.hypothesis]
    assert bare == ["H38", "H42", "H43", "H44", "H45"]
    assert {"H42 (two tracks)", "H42 (repeated)"} <= {v.hypothesis for v in finding.verdicts}
    assert set(finding.figures) == {"push", "push_surface"}


def test_loops_hold_arms_that_exist() -> None:
    known = {*ASKED.arms, *(arm for equal in ASKED.equal for arm in equal.arms)}
    assert {arm for loop in ASKED.loops for arm in loop.arms} <= known


def test_money_is_equal_where_it_can_be_spent(finding: Finding) -> None:
    anyway = values(finding, NONE, "public money")
    like = values(finding, PUSH, "public money") - anyway
    assert (like > 0).all()
    for arm in (LONG, LATE, ALL):
        extra = values(finding, arm, "public money") - anyway
        good = np.isfinite(extra)
        assert good.sum() > SAMPLES / 2
        np.testing.assert_allclose(extra[good], like[good], rtol=0.006)


def test_a_push_raises_the_share_while_it_runs_and_more_if_it_is_larger(finding: Finding) -> None:
    none, small, push, large = (values(finding, arm, AT_END) for arm in (NONE, SMALL, PUSH, LARGE))
    assert (push > none).mean() > 0.9
    assert (large > small).mean() > 0.9


def test_an_arm_is_what_a_run_by_hand_gives(finding: Finding) -> None:
    model = sdmodel.load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=SEED)
    row = draws.drop(columns=["sample"], errors="ignore").iloc[7].to_dict()
    run = model.run({**row, "push size": 1.0, "TIME STEP": 0.125}, method="exact", every=0.5)
    assert float(run["new track share"].loc[2018.0]) == pytest.approx(values(finding, PUSH, AT_END)[7], rel=1e-6)


def test_three_pulses_pay_in_three_single_years() -> None:
    model = sdmodel.load("shandong").replace("push window", surface.PULSES)
    paid = model.run({"push size": 1.0}, every=0.25)["push cost"]
    years = {int(t) for t, money in paid.items() if money > 0}
    assert years - {2016, 2022, 2028} == {2015, 2021, 2027}  # a value at the break may still belong to the pulse


def test_the_size_needed_is_read_between_the_sizes_tried() -> None:
    sizes, starts = len(surface.SIZES), len(surface.STARTS)
    gains = np.zeros((starts, sizes, 2))
    gains[0, :, 0] = 0.1 * np.array(surface.SIZES)
    gains[1, :, 0] = 0.05 * np.array(surface.SIZES)  # half as strong, so twice the size
    needed = surface._needed(gains)
    assert list(needed.iloc[0]) == pytest.approx([1.0, 2.0, np.inf, np.inf])
    assert needed.iloc[1].isna().all()  # nothing to be matched


@pytest.mark.parametrize(("link", "spread", "two"), [(0.0, 0.25, False), (1.5, 0.02, True)])
def test_two_tracks_are_told_from_one(link: float, spread: float, two: bool) -> None:
    model = sdmodel.load("intervention")
    values = {
        "value of a deep link on the track": link,
        "track heterogeneity": spread,
        "deep links per firm": 1.0,
        "payoff gap in 2009": -0.1,
        "new track margin": 0.1,
        "entrants[weak]": 0.0,
        "entrants[strong]": 0.0,
    }
    model = overlaid(model, (Path(surface.__file__).parent / "overlays" / surface.HELD).read_text(encoding="utf-8"))
    model = model.replace("FINAL TIME", surface.LONG_RUN)
    low, high = (model.run(values | {"track held": to})["new track share"] for to in (0.0, 1.0))
    assert high.loc[2029.0] - low.loc[2029.0] > 0.5
    assert (100 * (high.iloc[-1] - low.iloc[-1]) > surface.APART) == two
