"""Kind, life and opener of links on a few samples."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.experiments import LIBRARY
from sdmodel.study.arms import STEP, Arms
from sdmodel.study.finding import Finding
from sdmodel.study.overlay import overlaid

ASKED = LIBRARY["links"]
LINKS = "deep and university links per firm"
LIFE = {1: "life of 1 year", 2: "life of 2 years", 5: "life of 5 years", 10: "life of 10 years"}
FIRMS = "opened by firms"
UNIVERSITIES = "opened by universities"
SAMPLES = 40


@pytest.fixture(scope="module")
def finding(model: sdmodel.Model) -> Finding:
    return ASKED.ask(SAMPLES, 1, workers=1, progress=False, model=model)


@pytest.fixture(scope="module")
def by_arm(finding: Finding) -> pd.DataFrame:
    return finding.table.set_index(["arm", "sample"])


def test_every_hypothesis_is_judged(finding: Finding) -> None:
    assert {"H22", "H24", "H46"} <= {v.hypothesis for v in finding.verdicts}
    assert all(v.samples == SAMPLES for v in finding.verdicts)
    assert {name for v in finding.verdicts for name, _ in v.loops} == {loop.name for loop in ASKED.loops}


def test_links_that_live_longer_are_more(by_arm: pd.DataFrame) -> None:
    number = np.array([by_arm[LINKS].loc[name] for name in LIFE.values()])
    assert (np.diff(number, axis=0) > 0).all()


def test_who_opens_a_link_changes_nothing_where_its_worth_is_the_same(model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, 3, rng=2).copy()
    draws.loc[0, "success of links opened by universities"] = 1.0
    arms = Arms(model, draws, ["new product revenue", "university links"], every=0.5, workers=1, progress=False)
    both = arms.run("", {arm: ASKED.arms[arm] for arm in (FIRMS, UNIVERSITIES)})
    gap = abs(both.isel(setting=1) / both.isel(setting=0) - 1).max("time")
    assert gap["new product revenue"].isel(sample=0).max() < 1e-9
    assert (gap["new product revenue"].isel(sample=slice(1, None)).max("quality") > 1e-6).all()


def test_a_later_value_changes_the_future_only(model: sdmodel.Model) -> None:
    ((name, text),) = ASKED.overlays.items()
    later = overlaid(model, text, name)
    assert overlaid(later, text, name) is later
    values = {"TIME STEP": STEP}
    base = model.run(values, every=0.5, method="exact")["deep links"]
    for life, same in ((-1.0, True), (15.0, False)):
        found = later.run(values | {"deep link life from 2015": life}, every=0.5, method="exact")["deep links"]
        np.testing.assert_array_equal(found.loc[:2015.0], base.loc[:2015.0])
        assert np.allclose(found, base, rtol=1e-12, atol=0) == same
    changed = model.run(values | {"deep link life": 15.0}, every=0.5, method="exact")["deep links"]
    assert abs(changed.loc[2012.0] / base.loc[2012.0] - 1) > 0.01


def test_an_arm_is_what_a_run_of_the_model_says(finding: Finding, model: sdmodel.Model) -> None:
    draws = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    row = finding.table[(finding.table["arm"] == FIRMS) & (finding.table["sample"] == 5)].iloc[0]
    values = draws.drop(columns="sample").iloc[5].to_dict() | {"TIME STEP": STEP, **ASKED.arms[FIRMS]}
    run = model.run(values, every=0.5, method="exact")
    deep, university, firms = (run[n].iloc[-1] for n in ("deep links", "university links", "firms in the network"))
    assert (2 * deep + university) / firms == pytest.approx(row[LINKS], rel=1e-9)
