"""PRIM and trees find boxes that are known."""

import sys

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.analysis.discovery.prim import Box, peel
from sdmodel.core.errors import DesignError, MissingExtraError, UnknownNameError

RANGES = pd.DataFrame(
    {"value": 0.5, "low": 0.0, "high": 1.0, "distribution": "uniform"}, index=[f"x{i}" for i in range(8)]
)


def sampled(n=2000):
    return sdmodel.latin_hypercube(RANGES, n, rng=1)


def in_box(x):
    return ((x["x0"] < 0.4) & (x["x1"] > 0.6)).to_numpy()


@pytest.mark.parametrize("method", ["prim", "tree"])
def test_a_box_that_is_known_is_found(method):
    if method == "tree":
        pytest.importorskip("sklearn")
    x = sampled()
    found = sdmodel.discover(x, in_box(x), method=method, density=0.95, most=1, rng=1, units={"x0": "Year"})
    limits = found.limits.loc[1]
    assert set(limits.index) == {"x0", "x1"}
    assert limits.loc["x0", "high"] == pytest.approx(0.4, abs=0.01)
    assert limits.loc["x1", "low"] == pytest.approx(0.6, abs=0.01)
    assert limits.loc["x0", "low"] == -np.inf
    assert limits.loc["x0", "unit"] == "Year"
    assert (limits["p"] < 1e-6).all()
    assert (limits["reproduced"] == 1).all()
    quality = found.quality.loc[1]
    assert quality["density"] > 0.95
    assert quality["coverage"] > 0.95
    assert quality["density elsewhere"] > 0.9
    assert quality["coverage elsewhere"] > 0.9
    assert "x0 below 0.4" in found.sentences[0]


def test_two_boxes_are_found_one_after_the_other():
    x = sampled(4000)
    first = (x["x0"] < 0.3) & (x["x1"] < 0.3)
    second = (x["x2"] > 0.7) & (x["x3"] > 0.7)
    found = sdmodel.discover(x, (first | second).to_numpy(), density=0.9, most=4, rng=1, resamples=4)
    named = [set(found.limits.loc[box].index) for box in found.quality.index[:2]]
    assert named == [{"x0", "x1"}, {"x2", "x3"}]
    assert found.quality["coverage"].sum() > 0.9
    assert found.quality["coverage"].sum() <= 1


def test_noise_has_no_box_that_holds_elsewhere():
    x = sampled()
    noise = np.random.default_rng(5).random(len(x)) < 0.3
    found = sdmodel.discover(x, noise, density=0.8, most=1, rng=1)
    assert found.quality["density elsewhere"].iloc[0] < 0.4
    assert (found.limits["reproduced"] < 1).all()


def test_switches_and_whole_numbers_are_peeled_by_value():
    x = sampled()
    x["switch"] = np.random.default_rng(2).integers(0, 2, len(x))
    x["kind"] = np.random.default_rng(3).integers(0, 5, len(x))
    cases = ((x["x0"] < 0.4) & (x["switch"] == 1) & (x["kind"] >= 3)).to_numpy()
    found = sdmodel.discover(x, cases, density=0.9, most=1, rng=1)
    limits = found.limits.loc[1]
    assert set(limits.index) == {"x0", "switch", "kind"}
    assert limits.loc["switch", "low"] == 0.5
    assert limits.loc["kind", "low"] == 2.5


def test_peeling_by_hand():
    # 20 runs; the cases are the upper half. A peel takes one run off the lower end, until only cases are left.
    x = np.arange(20.0)[:, None]
    boxes = peel(x, x[:, 0] >= 10, 0.05)
    assert [float(b.low[0]) for b in boxes] == [-np.inf, *np.arange(0.5, 10)]
    assert all(b.high[0] == np.inf for b in boxes)
    assert not peel(x, np.ones(20, dtype=bool), 0.05)[1:]


def test_pasting_gives_back_what_was_peeled_too_much():
    from sdmodel.analysis.discovery.prim import _best_paste

    x = np.linspace(0, 1, 101)[:, None]
    y = ((x[:, 0] > 0.2) & (x[:, 0] < 0.6)).astype(float)
    y[35] = 0.0
    wider = _best_paste(x, y, Box(np.array([0.3]), np.array([0.5])))
    assert wider is not None
    assert wider.low[0] < 0.3 or wider.high[0] > 0.5
    assert y[wider.contains(x)].mean() > y[Box(np.array([0.3]), np.array([0.5])).contains(x)].mean()


def test_a_box_that_only_pasting_finds():
    # Over all b the strip a < 0.2 holds fewer cases than the rest and is peeled off; above 0.7 it holds nothing else.
    a, b = (v.ravel() for v in np.meshgrid(np.arange(40) / 40, np.arange(50) / 50))
    i = np.arange(len(a))
    rest = np.where(b >= 0.7, i * 7 % 10 != 0, (b >= 0.3) & (i * 7 % 3 != 0))
    found = sdmodel.discover(pd.DataFrame({"a": a, "b": b}), np.where(a < 0.2, b >= 0.7, rest), density=0.85, most=1)
    assert found.limits.index.tolist() == [(1, "b")]
    assert found.limits["low"].tolist() == [pytest.approx(0.69)]
    assert found.quality.loc[1, "density"] == pytest.approx(0.925, abs=0.005)  # without pasting none reaches 0.85


def test_a_sweep_is_read_by_its_coordinates_and_failed_runs_are_left_out():
    model = sdmodel.load("network")
    sweep = model.sweep(sdmodel.latin_hypercube(model.uncertainties, 200, rng=1), ["trust"])
    low = sdmodel.Outcome("trust").of(sweep) < 0.3
    sweep["status"][:10] = 1
    found = sdmodel.discover(sweep, low, resamples=2, rng=1)
    assert found.runs == 190
    assert found.quality.attrs["left out"] == 10
    assert set(found.limits.reset_index()["parameter"]) <= set(model.uncertainties.index)
    some = sdmodel.discover(sweep, low, parameters=["contact rate", "shared value time"], resamples=2, rng=1)
    assert set(some.limits.reset_index()["parameter"]) <= {"contact rate", "shared value time"}


def test_what_was_tried_trades_coverage_for_density():
    x = sampled()
    tried = sdmodel.discover(x, in_box(x), most=1, resamples=1, rng=1).tried
    assert tried["coverage"].iloc[0] == 1
    assert tried["chosen"].sum() == 1
    assert tried["density"].iloc[:-1].is_monotonic_increasing  # the chosen one is last
    assert tried["mass"].iloc[0] == 1


def test_what_discover_refuses(monkeypatch):
    x = sampled(100)
    with pytest.raises(DesignError, match="No run is a case"):
        sdmodel.discover(x, np.zeros(100, dtype=bool))
    with pytest.raises(DesignError, match="Every run is a case"):
        sdmodel.discover(x, np.ones(100, dtype=bool))
    with pytest.raises(DesignError, match="one truth value a run"):
        sdmodel.discover(x, np.ones(99, dtype=bool))
    with pytest.raises(DesignError, match="true or false"):
        sdmodel.discover(x, np.arange(100.0))
    with pytest.raises(DesignError, match="too few"):
        sdmodel.discover(x.iloc[:30], in_box(x.iloc[:30]))
    with pytest.raises(UnknownNameError, match="x9"):
        sdmodel.discover(x, in_box(x), parameters=["x9"])
    with pytest.raises(UnknownNameError, match="prim"):
        sdmodel.discover(x, in_box(x), method="prism")
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(MissingExtraError, match="scikit-learn"):
        sdmodel.discover(x, in_box(x), method="tree")


def test_the_p_value_of_a_limit_is_that_of_the_binomial_distribution():
    from sdmodel.analysis.discovery.box_finders import p_value

    x = np.arange(8.0)[:, None]
    y = np.array([0, 1, 0, 0, 1, 1, 0, 1], dtype=bool)
    # Half of all are cases, and three of the four inside: five of sixteen draws of four give three or more.
    assert p_value(Box(np.array([3.5]), np.array([np.inf])), 0, x, y) == pytest.approx(5 / 16)
