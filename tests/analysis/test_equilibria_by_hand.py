"""Pieces of the search for equilibria by hand: what is coupled, sizes, starts, kinds, rest, and what comes back."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.analysis.equilibria import equilibria as room
from sdmodel.analysis.equilibria.net_flows import FrozenModel, freeze
from sdmodel.core.errors import DesignError, SolveError, UnknownNameError
from sdmodel.model import Model

Make = Callable[..., Model]

# A bistable state pushed from a date on, two that follow each other and nothing reads, one that starts at nil.
TEXT = """
x = INTEG(push + STEP(kick, date) + x - x^3, begin) ~ u [-3,5] ~ |
after = INTEG(x - after/2, 0) ~ u ~ |
last = INTEG(after, 0) ~ u ~ |
seed = INTEG(seed*(1 - seed), sown) ~ u ~ |
sown = 0 ~ u [0,1] ~ |
twice = 2*x ~ u ~ |
push = 0 ~ u [-1,1] ~ |
kick = 0 ~ u [-1,1] ~ |
date = 10 ~ Year [0,20] ~ |
begin = -1.1 ~ u [-3,3] ~ |
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    place = tmp_path_factory.mktemp("rest") / "rest.mdl"
    times = (
        "INITIAL TIME = 0 ~ Year ~~|\nFINAL TIME = 20 ~ Year ~~|\nTIME STEP = 0.25 ~ Year ~~|\nSAVEPER = 1 ~ Year ~~|"
    )
    place.write_text("{UTF-8}\n" + TEXT + times, encoding="utf-8")
    return sdmodel.load(place)


@pytest.fixture(scope="module")
def frozen(model: Model) -> FrozenModel:
    return freeze(model)


# -- a moment ---------------------------------------------------------------------------------------------------------
def test_what_nothing_reads_is_left_out_with_what_it_alone_reads(frozen: FrozenModel) -> None:
    """`last` is read by nothing; `after` by itself too, so it stays; `seed` rests at nil and would move beside it."""
    assert (frozen.names, frozen.left_out) == (["x", "after", "seed"], ["last"])
    assert frozen.at == 20
    assert frozen.start == pytest.approx([-1, -2, 0], abs=1e-3)
    assert frozen.size == pytest.approx([1.1, 2, 1], abs=1e-3)  # nil is no size
    assert frozen.rates(np.array([2.0, 3, 0.5])) == pytest.approx([-6, 0.5, 0.25])
    assert frozen.value("Twice", np.array([2.0, 3, 0.5])) == 4
    with pytest.raises(UnknownNameError, match="twise"):
        frozen.value("twise", np.zeros(3))


def test_flows_are_relative_to_the_larger_of_size_and_state(frozen: FrozenModel) -> None:
    assert frozen.relative_rate(np.array([2.0, 4, 0])) == pytest.approx(6 / 2)
    assert frozen.relative_rate(np.array([0.5, 1, 0])) == pytest.approx(0.375 / frozen.size[0])
    assert frozen.relative_rate(np.array([np.nan, 1, 0])) == np.inf
    far, along = np.array([-1.0, -20.0, 0.0]), np.array([0.0, 1.0, 0.0])
    assert frozen.close_to(far, far + 0.9e-4 * 20 * along)
    assert not frozen.close_to(far, far + 1.1e-4 * 20 * along)
    assert frozen.close_to(far, far * 1.0005, 1e-3)


@pytest.mark.parametrize(("at", "kick"), [(9.9, 0), (10, 0.5), (20, 0.5), (0, 0), (None, 0.5)])
def test_a_dated_policy_is_in_force_from_its_date_on(model: Model, at: float | None, kick: float) -> None:
    moment = freeze(model, {"kick": 0.5}, None, at)
    assert moment.at == (20 if at is None else at)
    assert moment.rates(np.zeros(3))[0] == kick
    assert freeze(model, {"kick": 0.5, "date": 20.0}).rates(np.zeros(3))[0] == 0.5  # at the end of the run too
    for beyond in (-0.1, 20.1):
        with pytest.raises(DesignError, match="the model runs from 0 to 20"):
            freeze(model, at=beyond)
    dated = freeze(model, None, sdmodel.Scenario(values={"push": 0.25}), 5)
    assert dated.rates(np.zeros(3))[0] == 0.25


def test_other_constants_keep_the_states_and_sizes_of_a_moment(model: Model, frozen: FrozenModel) -> None:
    other = freeze(model, {"begin": 3.0, "push": 1.0}, None, None, frozen)
    assert other.start.tolist() == frozen.start.tolist()
    assert other.size.tolist() == frozen.size.tolist()
    assert other.rates(np.zeros(3))[0] == 1


def test_jacobian_of_large_states_has_large_steps(frozen: FrozenModel) -> None:
    slopes = frozen.jacobian(np.array([2.0, 1e6, 0.5]))
    np.testing.assert_allclose(slopes, [[-11, 0, 0], [1, -0.5, 0], [0, 0, 0]], atol=1e-6)


# -- rest -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("begin", "end"),
    [((0.1, 0, 0), (1, 2, 0)), ((-0.1, 0, 0.2), (-1, -2, 1)), ((0, 0, 0), (0, 0, 0)), ((5, 9, 1), (1, 2, 1))],
)
def test_a_state_comes_to_rest_where_its_flows_lead(frozen: FrozenModel, begin: Any, end: Any) -> None:
    found, rests = frozen.integrate_to_rest(np.array(begin, float))
    assert rests
    assert found == pytest.approx(end, abs=1e-6)


def test_what_grows_or_swings_for_ever_does_not_rest(model_from: Make) -> None:
    """The run is so short that growth passes all bounds long after it."""
    text = "x = INTEG(rate*x + 0*y, 1) ~ u ~ |\ny = INTEG(-y, 1) ~ u ~ |\nrate = 0.5 ~ 1/Year ~ |"
    grows = freeze(model_from(text, end=1))
    found, rests = grows.integrate_to_rest(np.array([1.0, 0.0]))
    assert not rests
    assert np.isnan(found).all()
    wave = freeze(model_from("x = INTEG(y, 1) ~ u ~ |\ny = INTEG(-x, 0) ~ u ~ |", name="wave", end=1))
    found, rests = wave.integrate_to_rest(np.array([1.0, 0.0]))
    assert not rests
    assert math.hypot(*found) == pytest.approx(1, abs=1e-3)


def test_an_equilibrium_is_near_if_it_is_stable_close_and_the_flows_are_small(frozen: FrozenModel) -> None:
    near = frozen._equilibrium_near(np.array([1 + 4e-5, 2.0, 1.0]))
    assert near is not None
    assert near == pytest.approx([1, 2, 1], abs=1e-9)
    assert frozen._equilibrium_near(np.array([1 + 8e-5, 2.0, 1.0])) is None  # its flow is above a ten thousandth
    assert frozen._equilibrium_near(np.array([1e-5, 0.0, 1.0])) is None  # unstable
    assert frozen._equilibrium_near(np.array([1.0, 2 + 1.9e-4, 1.0])) is not None


# -- starts and kinds -------------------------------------------------------------------------------------------------
def test_starts_cover_the_range_and_the_neighbourhood_of_the_run(frozen: FrozenModel) -> None:
    low, high = room._ranges(frozen, {})
    assert low == pytest.approx([-3, -20, -10], abs=0.02)
    assert high == pytest.approx([5, 20, 10], abs=0.02)
    assert [v.tolist() for v in room._admissible(frozen)] == [[-3, -np.inf, -np.inf], [5, np.inf, np.inf]]
    low, high = room._ranges(frozen, {"X": (0, 1)})
    assert (low[0], high[0]) == (0, 1)
    least, most = room._near(frozen)
    assert least == pytest.approx([-1.2, -4, -1], abs=2e-3)  # of a run from -1.1 to -1, from 0 to -2, and at nil
    assert most == pytest.approx([-0.9, 2, 1], abs=2e-3)
    low, high = room._ranges(frozen, {})
    starts = room._starts(frozen, low, high, 200, np.random.default_rng(1))
    assert starts.shape == (200, 3)
    assert starts[0] == pytest.approx(frozen.start)
    assert starts[1] == pytest.approx([-1, -2, 0], abs=1e-6)
    wide, narrow = starts[2::2], starts[3::2]
    assert wide.min(axis=0) == pytest.approx(low, abs=0.6)
    assert wide.max(axis=0) == pytest.approx(high, abs=0.6)
    assert (narrow >= least).all()
    assert (narrow <= most).all()
    assert np.ptp(narrow, axis=0) == pytest.approx(most - least, rel=0.06)
    one = room._starts(frozen, np.array([0.0, -20, -10]), high, 1, np.random.default_rng(1))
    assert one[0] == pytest.approx([0, -2, 0], abs=1e-3)


@pytest.mark.parametrize(
    ("values", "kind", "leading", "period"),
    [
        ([-1, -2], "stable", -1, None), ([0.5, -2], "unstable", 0.5, None), ([1.9e-6, -2], "neutral", 1.9e-6, None),
        ([2.1e-6, -2], "unstable", 2.1e-6, None), ([-2.1e-6, -2], "stable", -2.1e-6, None),
        ([0, 0], "neutral", 0, None),
        ([-1 + 2j, -1 - 2j], "stable", -1, math.pi), ([2j, -2j], "neutral", 0, math.pi),
        ([-1 + 1e-7j, -1 - 1e-7j], "stable", -1, None), ([-1 - 4j, -1 + 4j], "stable", -1, math.pi / 2),
    ],
)  # fmt: skip
def test_the_kind_of_an_equilibrium(values: list[complex], kind: str, leading: float, period: float | None) -> None:
    found = room._kind(np.array(values, complex))
    assert (found["kind"], found["leading"]) == (kind, leading)
    assert math.isnan(found["period"]) if period is None else found["period"] == pytest.approx(period)


def test_equilibria_with_their_share_of_starts_and_their_eigenvalues(model: Model) -> None:
    found = sdmodel.equilibria(model, pd.DataFrame({"push": [0.0], "sample": [7]}), rng=1, starts=160)
    assert found.columns.tolist() == [
        *("push", "sample", "x", "after", "seed", "kind", "leading", "period", "found", "eigenvalues")
    ]
    assert sorted(zip(found["x"].round(6), found["after"].round(6), found["seed"].round(6), strict=True)) == [
        (x, 2 * x, s) for x in (-1, 0, 1) for s in (0, 1)
    ]
    assert found["x"].is_monotonic_increasing
    assert 0.98 < found["found"].sum() <= 1
    assert (found["found"] * 160).round(9).mod(1).eq(0).all()
    rows = {(round(r.x), round(r.seed)): r for r in found.itertuples()}
    assert rows[1, 1].kind == rows[-1, 1].kind == "stable"
    assert rows[1, 0].kind == rows[0, 1].kind == "unstable"
    assert rows[1, 1].leading == pytest.approx(-0.5, abs=1e-6)
    assert [v.real for v in rows[0, 1].eigenvalues] == pytest.approx([1, -0.5, -1], abs=1e-6)
    assert found.attrs["left out"] == ["last"]
    assert found.attrs["states"] == ["x", "after", "seed"]
    assert found.attrs["units"] == dict.fromkeys(["x", "after", "seed"], "u")
    assert found.attrs["at"] == 20
    inside = sdmodel.equilibria(model, within={"x": (0.5, 5), "seed": (0.5, 2)}, rng=1, starts=8)
    assert inside["x"].tolist() == pytest.approx([1])
    again = sdmodel.equilibria(model, within={"x": (0.5, 5), "seed": (0.5, 2)}, rng=1, starts=8)
    pd.testing.assert_frame_equal(inside, again)
    for name, hint in (("last", "No net flow reads it"), ("lost", "lost")):
        with pytest.raises(UnknownNameError, match=hint):
            sdmodel.equilibria(model, within={name: (0, 1)})


def test_an_equilibrium_outside_the_range_of_its_stock_is_dropped(model_from: Make) -> None:
    """x' = (x - 1)(2 - x): of a stock from 0 to 2 the second lies at the end, of one to 1.9 beyond it."""
    for high, expected in ((2, [1, 2]), (1.9, [1])):
        text = f"x = INTEG((x - 1)*(2 - x), 1.5) ~ u [0,{high}] ~ |"
        found = sdmodel.equilibria(model_from(text, name=f"m{high:g}".replace(".", "x")), rng=1, starts=16)
        assert found["x"].tolist() == pytest.approx(expected)
    text = "x = INTEG((x - 1)*(2 - x), 1.5) ~ u [1,5] ~ |"
    assert sdmodel.equilibria(model_from(text, name="above"), rng=1, starts=16)["x"].tolist() == pytest.approx([1, 2])


def test_a_delay_has_a_hidden_state_without_unit_and_range(model_from: Make) -> None:
    model = model_from("x = INTEG(1 - SMOOTH(x, 2)/4, 1) ~ u [0,9] ~ |")
    found = sdmodel.equilibria(model, rng=1, starts=4)
    names = found.attrs["states"]
    assert len(names) == 2
    assert found[names].iloc[0].tolist() == pytest.approx([4, 4])
    assert sorted(found.attrs["units"].values()) == ["", "u"]


def test_a_model_whose_stocks_only_count_has_none(model_from: Make) -> None:
    text = "a = INTEG(1, 0) ~ u ~ |\nb = INTEG(a, 0) ~ u ~ |\nc = INTEG(b, 0) ~ u ~ |"
    with pytest.raises(SolveError, match="no stock that any net flow reads"):
        freeze(model_from(text))


SOWN = {"sown": 1.0}


# -- basins, up and down ----------------------------------------------------------------------------------------------
def test_starts_are_numbered_by_where_they_come_to_rest(model: Model) -> None:
    starts = pd.DataFrame({"X": [2.0, -2.0, 0.5, -0.1], "sample": [4, 3, 2, 1]})
    found = sdmodel.basins(model, starts)
    assert found["rest"].tolist() == [1, 2, 1, 2]
    assert found["x at rest"].tolist() == pytest.approx([1, -1, 1, -1], abs=1e-5)
    assert found["after at rest"].tolist() == pytest.approx([2, -2, 2, -2], abs=1e-4)
    assert found["sample"].tolist() == [4, 3, 2, 1]
    assert found.attrs["states"] == ["x"]
    assert (found.attrs["left out"], found.attrs["at"]) == (["last"], 20)
    pushed = sdmodel.basins(model, starts, {"kick": 1.0}, at=5)
    assert pushed["rest"].tolist() == [1, 2, 1, 2]
    pushed = sdmodel.basins(model, starts, {"kick": 1.0}, at=15)
    assert pushed["rest"].tolist() == [1, 1, 1, 1]


def test_a_start_that_diverges_comes_to_no_rest(model_from: Make) -> None:
    model = model_from("x = INTEG(x*(x - 1), 0.5) ~ u ~ |", end=2)
    found = sdmodel.basins(model, pd.DataFrame({"x": [0.5, 1.5, -3.0]}))
    assert found["rest"].tolist() == [1, 0, 1]
    assert np.isnan(found["x at rest"].iloc[1])


def test_a_lever_moved_up_and_down(model: Model) -> None:
    """Folds at 2/(3 sqrt 3), 0.385: beyond it only one branch is left, and the way back is the other one."""
    found = sdmodel.hysteresis(model, "push", "twice", low=-0.6, high=0.6, points=5, values=SOWN)
    grid = [-0.6, -0.3, 0.0, 0.3, 0.6]
    assert found["push"].tolist() == pytest.approx([*grid, *grid[::-1]])
    assert found["way"].tolist() == ["up"] * 5 + ["down"] * 5
    assert found["returns"].tolist() == [True] * 4 + [False, True, True, True, True, False]
    assert found["rested"].all()
    roots = {p: np.sort(np.roots([-1, 0, 1, p]).real[np.abs(np.roots([-1, 0, 1, p]).imag) < 1e-6]) for p in grid}
    up = [2 * roots[p][0] for p in grid[:4]] + [2 * roots[0.6][-1]]
    down = [2 * roots[p][-1] for p in grid[:0:-1]] + [2 * roots[-0.6][0]]
    assert found["twice"].tolist() == pytest.approx([*up, *down], abs=1e-5)
    assert found.attrs == {"lever": "push", "variable": "twice", "units": {"push": "u", "twice": "u"}, "at": 20}
    tables = sdmodel.folds(model, {"push": (-0.6, 0.6)}, points=5, values=SOWN)
    fold = 2 / (3 * math.sqrt(3))
    assert tables["push"].tolist() == pytest.approx([fold, -fold], abs=1e-7)
    assert tables["x"].tolist() == pytest.approx([-1 / math.sqrt(3), 1 / math.sqrt(3)], abs=5e-10)
    assert tables["way"].tolist() == ["up", "down"]
    assert tables["from"].tolist() == pytest.approx([0.3, -0.3])
    assert tables["to"].tolist() == pytest.approx([0.6, -0.6])
    assert tables["after"].tolist() == pytest.approx([-2 / math.sqrt(3), 2 / math.sqrt(3)], abs=1e-4)
    assert tables.attrs == {"lever": "push", "units": {"push": "u"}, "at": 20}


def test_a_moment_and_other_constants_move_the_way(model: Model) -> None:
    unsown = sdmodel.hysteresis(model, "push", "x", low=-0.1, high=0.1, points=2)
    assert unsown["returns"].tolist() == [True, False, True, True]  # a nudge leaves the unstable nil of the seed
    given = {"low": -0.2, "high": 0.2, "points": 3, "values": {"kick": 0.3, "sown": 1.0}}
    before, after = (sdmodel.hysteresis(model, "push", "x", at=at, **given) for at in (5, 15))
    assert before["returns"].all()
    # With 0.3 more the upper value lies beyond the fold and the lower one does not.
    assert after["returns"].tolist() == [True, True, False, True, True, True]
    scenario = sdmodel.Scenario(values={"kick": 0.3, "sown": 1.0})
    again = sdmodel.hysteresis(model, "push", "x", at=15, low=-0.2, high=0.2, points=3, scenario=scenario)
    pd.testing.assert_frame_equal(again, after)
    found = sdmodel.folds(model, "push", at=15, **given)
    assert found["push"].tolist() == pytest.approx([2 / (3 * math.sqrt(3)) - 0.3], abs=1e-7)


def test_the_way_goes_on_after_a_value_at_which_nothing_rests(model_from: Make) -> None:
    """Growth by the lever: from the nudge it passes all bounds, and the way back begins where the run began."""
    model = model_from("x = INTEG(lever*x, 1) ~ u ~ |\nlever = -1 ~ 1/Year [-1,1] ~ |", end=1)
    found = sdmodel.hysteresis(model, "lever", "x", points=2)
    np.testing.assert_allclose(found["x"], [0, np.nan, np.nan, 0], atol=1e-6)
    assert found["rested"].tolist() == [True, False, False, True]
    assert found["returns"].tolist() == [True, False, True, True]


def test_there_are_41_values_in_each_direction_by_default() -> None:
    for name in ("hysteresis", "folds"):
        assert inspect.signature(getattr(sdmodel, name)).parameters["points"].default == 41


def test_where_a_branch_ends_at_a_jump_there_is_no_fold(model_from: Make) -> None:
    """x = push - 1 up to 0, where the equation jumps: x goes over to push + 1."""
    text = "x = INTEG(push + IF THEN ELSE(x > 0, 1, -1) - x, -1) ~ u ~ |\npush = 0 ~ u [0,2] ~ |"
    found = sdmodel.folds(model_from(text, end=10), "push", high=1.5, points=6)
    assert found["way"].tolist() == ["up"]
    assert found[["from", "to"]].to_numpy().tolist() == [[pytest.approx(0.9), pytest.approx(1.2)]]
    assert found[["push", "x"]].isna().all(axis=None)
