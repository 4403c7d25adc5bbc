"""Designs and figures of sensitivity analyses by hand: rows of a block, dropped blocks, effects, how many are few."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

import sdmodel
from sdmodel import Outcome
from sdmodel.analysis.sensitivity.evaluation import BlockOutcomes, failure_message, salib_seed, sweep_of
from sdmodel.analysis.sensitivity.screening import _check_trajectories
from sdmodel.analysis.sensitivity.sobol import _check_blocks
from sdmodel.core.errors import DesignError, ResultWarning
from sdmodel.model import Model

ENDS = ["low", "high", "at_low", "base", "at_high", "swing"]
RANGES = {"a": (0, 1), "b": (2, 4), "c": (5, 9)}


# -- designs ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("second", [False, True])
def test_a_block_exchanges_one_column_at_a_time(second: bool) -> None:
    design = sdmodel.sobol_blocks(RANGES, 4, second=second, rng=1)
    width = 8 if second else 5
    assert design["sample"].tolist() == [i for i in range(4) for _ in range(width)]
    assert design["setting"].tolist() == list(range(width)) * 4
    assert design.attrs["sampler"] == "sobol_blocks"
    for _, block in design.groupby("sample"):
        rows = block[["a", "b", "c"]].to_numpy()
        first, last = rows[0], rows[-1]
        assert (first != last).all()
        for j in range(3):
            assert (rows[1 + j] == np.where(np.arange(3) == j, last, first)).all()
            if second:
                assert (rows[4 + j] == np.where(np.arange(3) == j, first, last)).all()
    x = design[["a", "b", "c"]].to_numpy()
    _check_blocks(x, 3, width, second)
    for row, column in [(1, 0), (2, 0), (width - 1, 2), (4, 1)]:
        moved = x.copy()
        moved[row, column] += 0.01
        with pytest.raises(DesignError, match="no Sobol' blocks of these 3"):
            _check_blocks(moved, 3, width, second)
    with pytest.raises(DesignError, match=r"with pairs.*second=True" if second else r"in this order\. .*, n\) and"):
        _check_blocks(x[:-1], 3, width, second)
    both = sdmodel.sobol_sequence({**RANGES, "d": (0, 1), "e": (2, 4), "f": (5, 9)}, 4, rng=1)
    np.testing.assert_allclose(x[::width], both[["a", "b", "c"]])
    np.testing.assert_allclose(x[width - 1 :: width], both[["d", "e", "f"]])


def test_one_at_a_time_by_hand() -> None:
    table = pd.DataFrame({"value": [0.5, 3.0], "low": [0.0, 2.0], "high": [1.0, 4.0]}, index=["a", "b"])
    design = sdmodel.one_at_a_time(table)
    assert design.columns.tolist() == ["sample", "setting", "a", "b"]
    assert design["sample"].tolist() == [0] * 5
    assert design["setting"].tolist() == ["base", "a: low", "a: high", "b: low", "b: high"]
    assert design[["a", "b"]].to_numpy().tolist() == [[0.5, 3], [0, 3], [1, 3], [0.5, 2], [0.5, 4]]
    for ends in ((-np.inf, 1.0), (0.0, np.inf)):
        open_ = table.assign(low=[0.0, ends[0]], high=[1.0, ends[1]])
        with pytest.raises(DesignError, match=f"'b' has the open range {ends[0]:g} to {ends[1]:g}"):
            sdmodel.one_at_a_time(open_)
    closed = sdmodel.one_at_a_time({"x": stats.norm(5, 2)})["x"].tolist()
    assert closed == pytest.approx([5, 5 - 2 * 1.959964, 5 + 2 * 1.959964], rel=1e-6)


def test_trajectories_move_one_parameter_at_each_step() -> None:
    good = np.array([[0, 0], [1, 0], [1, 2], [5, 5], [5, 4], [6, 4]], float)
    _check_trajectories(good, 2, 4, "morris_trajectories, 4 levels")
    _check_trajectories(good, 2, 4, "")
    with pytest.raises(DesignError, match=r"made by morris_trajectories, 6 levels; give levels=6\."):
        _check_trajectories(good, 2, 4, "morris_trajectories, 6 levels")
    both, none, again = good.copy(), good.copy(), good.copy()
    both[1] = [1, 3]
    none[1] = [0, 0]
    again[2] = [2, 0]
    for wrong in (both, none, again, good[:-1], good[:5]):
        with pytest.raises(DesignError, match=f"The {len(wrong)} runs are no trajectories of these 2 parameters"):
            _check_trajectories(wrong, 2, 4, "")


# -- blocks of outcomes -----------------------------------------------------------------------------------------------
def swept(values: list[float], **more: Any) -> xr.Dataset:
    y = np.array(values, float)
    coords = {"run": range(len(y)), "time": [0.0], "status": ("run", np.isnan(y).astype(int)), **more}
    return xr.Dataset({"y": (("run", "time"), y[:, None])}, coords)


def test_a_block_with_a_failed_run_is_dropped_whole() -> None:
    blocks = BlockOutcomes(swept([1, 2, 3, np.nan, 5, 6, 7, 8]), Outcome("y"), 2, "block")
    ((one, y),) = blocks.outcomes()
    assert one.label == "final of y"
    assert y is not None
    assert y.tolist() == [[1, 2], [5, 6], [7, 8]]
    assert blocks.retained.tolist() == [True, False, True, True]
    assert (blocks.most_dropped, blocks.worst) == (1, "final of y")
    with pytest.warns(ResultWarning, match=r"^1 of 4 blocks were dropped because a run in them gives no 'final of y'"):
        blocks.report()


def test_half_of_the_blocks_may_be_dropped_and_no_more() -> None:
    half = BlockOutcomes(swept([1, np.nan, 3, np.nan, 5, 6, 7, 8]), Outcome("y"), 2, "trajectory")
    assert [y.tolist() for _, y in half.outcomes() if y is not None] == [[[5, 6], [7, 8]]]
    lost = swept([1, np.nan, 3, np.nan, 5, np.nan, 7, 8])
    with pytest.raises(DesignError, match=r"missing in 3 of 4 trajectories, too many to drop: .*NaN in successful"):
        list(BlockOutcomes(lost, Outcome("y"), 2, "trajectory").outcomes())
    told = swept([np.nan] * 4, message=("run", ["first stopped", "", "", ""]))
    with pytest.raises(DesignError, match="missing in 2 of 2 blocks, too many to drop: first stopped"):
        list(BlockOutcomes(told, Outcome("y"), 2, "block").outcomes())
    assert failure_message(told, 0) == "first stopped"
    assert failure_message(swept([1.0]), 0) == ""


def test_what_hardly_changes_is_constant() -> None:
    base = [2.0, 2.0, 2.0, 2.0]
    for change, constant in ((0.0, True), (1.9e-12, True), (2.1e-12, False), (-1.9e-12, True), (-2.1e-12, False)):
        ((_, y),) = BlockOutcomes(swept([*base, 2.0, 2.0 + change]), Outcome("y"), 2, "block").outcomes()
        assert (y is None) == constant, change
    still = BlockOutcomes(swept(base), Outcome("y"), 2, "block")
    list(still.outcomes())
    with pytest.raises(DesignError, match="'final of y' is the same in all 4 runs"):
        still.report()


def test_of_several_outcomes_the_constant_ones_and_the_worst_are_told() -> None:
    sweep = swept([1, 2, 3, 4, 5, np.nan])
    more = {name: (("run", "time"), np.full((6, 1), value)) for name, value in (("x", 1.0), ("z", 0.0))}
    more["w"] = sweep["y"].variable[::-1]  # as many are dropped for it as for y, which came first
    path = np.array([[1.0, 1], [1, 2], [1, 3], [1, 4], [1, 5], [1, 6]])
    blocks = BlockOutcomes(sweep.assign(more), [Outcome(n) for n in "xyzw"], 2, "block")
    assert [y is None for _, y in blocks.outcomes()] == [True, False, True, False]
    assert (blocks.most_dropped, blocks.worst) == (1, "final of y")
    with pytest.warns(ResultWarning) as told:
        blocks.report()
    said = [str(w.message).partition(" is ")[0] for w in told]
    assert said[0] == "'final of x' (and 1 more)"
    assert len(said) == 2
    moving = xr.Dataset({"y": (("run", "time"), path)}, {"run": range(6), "time": [0.0, 1], "status": ("run", [0] * 6)})
    over_time = BlockOutcomes(moving, "y", 2, "block")
    assert [y is None for _, y in over_time.outcomes()] == [True, False]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        over_time.report()  # it changes at one time
    assert over_time.changes == {"y": True}


def test_a_seed_for_salib_is_never_nil() -> None:
    class Least:
        def integers(self, low: int, high: int) -> int:
            assert high == 2**31
            return low

    assert salib_seed(Least()) == 1


# -- figures ----------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("figures") / "figures.mdl"
    text = (
        "{UTF-8}\nline = 2*a - 3*b + seen*0 ~ u ~ |\nbent = a^3 + a*b ~ u ~ |\nseen = a*Time ~ u ~ |\n"
        "broken = SQRT(a - 0.1) ~ u ~ |\nkinked = SQRT(0.7 - b) ~ u ~ |\na = 0.5 ~ Dmnl [0,1] ~ |\n"
        "b = 0.5 ~ Dmnl [0,1] ~ |\n"
        "INITIAL TIME = 0 ~ Year ~~|\nFINAL TIME = 2 ~ Year ~~|\nTIME STEP = 1 ~ Year ~~|\nSAVEPER = 1 ~ Year ~~|"
    )
    place.write_text(text, encoding="utf-8")
    return sdmodel.load(place)


def test_the_effects_of_morris_are_those_of_its_steps(model: Model) -> None:
    design = sdmodel.morris_trajectories({"a": (0, 1), "b": (0, 1)}, 10, rng=3)
    sweep = model.sweep(design, ["bent"], progress=False, certificate=0)
    table = sdmodel.morris(sweep, ["a", "b"], Outcome("bent"), rng=3).loc["final of bent"]
    x = design[["a", "b"]].to_numpy().reshape(10, 3, 2)
    y = x[..., 0] ** 3 + x[..., 0] * x[..., 1]
    effects: dict[int, list[float]] = {0: [], 1: []}
    for t in range(10):
        for i in range(2):
            step = x[t, i + 1] - x[t, i]
            (j,) = np.flatnonzero(step)
            effects[int(j)].append((y[t, i + 1] - y[t, i]) / step[j])
    for j, name in enumerate(["a", "b"]):
        assert table.loc[name, "mu"] == pytest.approx(np.mean(effects[j]), rel=1e-9)
        assert table.loc[name, "mu_star"] == pytest.approx(np.mean(np.abs(effects[j])), rel=1e-9)
        assert table.loc[name, "sigma"] == pytest.approx(np.std(effects[j], ddof=1), rel=1e-9)
        half = table.loc[name, "mu_star_high"] - table.loc[name, "mu_star"]
        assert half == pytest.approx(table.loc[name, "mu_star"] - table.loc[name, "mu_star_low"])
        assert half == pytest.approx(1.96 * np.std(np.abs(effects[j])) / np.sqrt(10), rel=0.25)
    again = sdmodel.morris(sweep, ["a", "b"], Outcome("bent"), rng=4).loc["final of bent"]
    assert (again["mu"] == table["mu"]).all()
    assert (again["mu_star_low"] != table["mu_star_low"]).all()  # the bootstrap has another seed


def test_ten_trajectories_are_enough_and_nine_are_few(model: Model) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ten = sdmodel.morris(model, ["a", "b"], Outcome("line"), n=10, rng=1)
    assert ten.attrs == {"trajectories": 10, "dropped": 0}
    with pytest.warns(ResultWarning, match="9 trajectories are few"):
        nine = sdmodel.morris(model, ["a", "b"], Outcome("line"), n=9, rng=1)
    assert nine.attrs["trajectories"] == 9


def test_dropped_trajectories_are_left_out_of_the_effects(model: Model) -> None:
    with pytest.warns(ResultWarning, match="trajectories were dropped"):
        table = sdmodel.morris(model, {"a": (0, 1), "b": (0, 1)}, Outcome("broken"), n=40, levels=8, rng=1)
    assert 0 < table.attrs["dropped"] <= 20
    rows = table.loc["final of broken"]
    assert rows.loc["b", "mu_star"] == 0
    # Steps of 4/7 between eight levels: from and to each but the lowest.
    ends = [(np.sqrt(k / 7 + 4 / 7 - 0.1) - np.sqrt(k / 7 - 0.1)) / (4 / 7) for k in (1, 3)]
    assert min(ends) <= rows.loc["a", "mu"] <= max(ends)


def test_indices_of_sobol_are_the_estimators_of_saltelli(model: Model) -> None:
    """First and total index by hand from the rows of the blocks, outcomes centred and scaled as SALib does."""
    design = sdmodel.sobol_blocks({"a": (0, 1), "b": (0, 1)}, 64, second=True, rng=1)
    sweep = model.sweep(design, ["bent"], progress=False, certificate=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResultWarning)  # few samples, as it says
        table = sdmodel.sobol(sweep, ["a", "b"], Outcome("bent"), second=True, rng=1).loc["final of bent"]
    x = design[["a", "b"]].to_numpy()
    y = x[:, 0] ** 3 + x[:, 0] * x[:, 1]
    a, ab_a, ab_b, _, _, b = ((y - y.mean()) / y.std()).reshape(64, 6).T
    variance = np.r_[a, b].var()
    for name, mixed in (("a", ab_a), ("b", ab_b)):
        row = table.loc[(name, "")]
        assert row["first"] == pytest.approx((b * (mixed - a)).mean() / variance, rel=1e-9)
        assert row["total"] == pytest.approx(0.5 * ((a - mixed) ** 2).mean() / variance, rel=1e-9)
        for kind in ("first", "total"):
            assert row[f"{kind}_high"] - row[kind] == pytest.approx(row[kind] - row[f"{kind}_low"])
            assert row[f"{kind}_high"] > row[kind]
    assert table.index.tolist() == [("a", ""), ("b", ""), ("a", "b")]
    assert table.loc[("a", "b"), ["first", "total"]].isna().all()
    assert table.attrs == {"blocks": 64, "dropped": 0}


def test_a_number_of_blocks_that_would_do_is_told(model: Model) -> None:
    """The width falls with the root of the blocks: to reach a tenth it takes the square of what is too much."""
    with pytest.warns(ResultWarning) as told:
        table = sdmodel.sobol(model, ["a", "b"], [Outcome("line"), Outcome("bent")], n=32, rng=1)
    (said,) = [str(w.message) for w in told]
    shares = {}
    for label in ("final of line", "final of bent"):
        row = table.loc[label].loc[table.loc[label, "total"].idxmax()]
        shares[label] = (row["total_high"] - row["total"]) / row["total"]
    worst = max(shares, key=lambda label: shares[label])
    enough = 2 ** int(np.ceil(np.log2(32 * (shares[worst] / 0.1) ** 2)))
    assert said.startswith(f"32 blocks are few: the interval of the largest total index of '{worst}' reaches ±")
    assert f"±{shares[worst]:.1%} of it. About n={enough:,} would bring it to ±10%." in said
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fine = sdmodel.sobol(model, ["a", "b"], Outcome("line"), n=enough * 4, rng=1)
    assert fine.attrs["blocks"] == enough * 4


def test_a_tornado_over_time_is_ordered_by_outcome_time_and_swing(model: Model) -> None:
    table = sdmodel.tornado(model, ["b", "a"], ["seen", "bent"], every=1)
    assert table.index.tolist() == [
        (outcome, t, name)
        for outcome in ("seen", "bent")
        for t in (0.0, 1.0, 2.0)
        for name in (("b", "a") if (outcome, t) == ("seen", 0.0) else ("a", "b"))
    ]
    assert table.loc[("seen", 2.0, "a"), ENDS].tolist() == [0, 1, 0, 1, 2, 2]
    with pytest.warns(
        ResultWarning, match=r"no outcome with 'b' at its high end, 'a' at its low end; their rows are NaN"
    ):
        broken = sdmodel.tornado(model, ["b", "a"], [Outcome("broken"), Outcome("kinked")])
    assert broken.loc["final of broken"].index.tolist() == ["b", "a"]
    assert broken["swing"].isna().tolist() == [False, True, False, True]
    assert broken.loc["final of kinked"].index.tolist() == ["b", "a"]


def test_a_sweep_has_its_own_number_of_samples(model: Model) -> None:
    design = sdmodel.one_at_a_time({"a": (0, 1)})
    sweep = model.sweep(design, ["line"], progress=False, certificate=0)
    for n in (None, 0):
        assert sweep_of(sweep, ["a"], Outcome("line"), None, n, scenario=None, every=None)[1] == ["a"]
    with pytest.raises(DesignError, match="leave out n"):
        sweep_of(sweep, ["a"], Outcome("line"), None, 4, scenario=None, every=None)
    with pytest.raises(DesignError, match="A number of samples is needed"):
        sweep_of(model, ["a"], Outcome("line"), None, None, scenario=None, every=None)
    held = sdmodel.Scenario(values={"b": 0.0})
    found = sdmodel.tornado(model, ["a"], "line", scenario=held, every=2)
    assert found["base"].tolist() == [1, 1]
    assert found.index.get_level_values("time").tolist() == [0, 2]
