"""Thresholds, folds, states of rest and rules are found where closed forms say they are."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq

import sdmodel
from sdmodel.core.errors import DesignError, FixedStepError, OverrideError, SolveError, UnknownNameError

TIME = """
INITIAL TIME = 0 ~ Year ~ Beginning. |
FINAL TIME = {end} ~ Year ~ End. |
TIME STEP = 0.125 ~ Year ~ Step. |
SAVEPER = 1 ~ Year ~ Interval. |
"""

# x' = r + x - x^3: folds at r = -+2/(3 sqrt 3), x = +-1/sqrt 3.
BISTABLE = """{UTF-8}
x = INTEG(push + x - x^3, x at start) ~ Dmnl ~ State. [outcome] |
moved = INTEG(push, 0) ~ Dmnl ~ A sum that nothing reads. |
doubled = 2*x ~ Dmnl ~ For looking at. |
push = 0 ~ 1/Year [-1,1] ~ Lever. [lever] [@guess] |
x at start = -1.1 ~ Dmnl [-2,2] ~ Start. [uncertainty] [@guess] |
""" + TIME.format(end=30)

# A damped pendulum near rest: x'' = -k x - c x', eigenvalues -c/2 +- sqrt(c^2/4 - k).
SWING = """{UTF-8}
x = INTEG(v, 1) ~ m ~ Place. |
v = INTEG(-stiffness*x - drag*v, 0) ~ m/Year ~ Speed. |
stiffness = 4 ~ 1/Year^2 [-9,9] ~ Stiffness. [uncertainty] [@guess] |
drag = 0.4 ~ 1/Year [-1,8] ~ Drag. [uncertainty] [@guess] |
""" + TIME.format(end=4)

# Logistic growth until a programme ends; u passes 1/2 at ln((1 - u0)/u0)/g if nobody pushes.
LOGISTIC = """{UTF-8}
users = INTEG(growth*users*(1 - users) - harm*STEP(1, exit date)*users, users at start) ~ Dmnl ~ Users. [outcome] |
ahead = users + looking ahead*(exit date - 40) ~ Dmnl ~ Reads the date itself. |
jumping = IF THEN ELSE(Time >= 5.3, 1, 0) ~ Dmnl ~ Jumps at a date. |
growth = 0.5 ~ 1/Year [0.1,2] ~ Growth. [uncertainty] [@guess] |
harm = 0.2 ~ 1/Year [0,1] ~ Loss after the exit. [uncertainty] [@guess] |
looking ahead = 1 ~ 1/Year [1,1] ~ Unit. [fixed] [@guess] |
users at start = 0.05 ~ Dmnl [0.01,0.9] ~ Start. [uncertainty] [@guess] |
exit date = 40 ~ Year [0,40] ~ Lever. [lever] [@guess] |
""" + TIME.format(end=30)


def loaded(tmp_path, text):
    path = tmp_path / "test.mdl"
    path.write_text(text, encoding="utf-8")
    return sdmodel.load(path)


@pytest.fixture
def bistable(tmp_path):
    return loaded(tmp_path, BISTABLE)


@pytest.fixture
def logistic(tmp_path):
    return loaded(tmp_path, LOGISTIC)


FOLD = 2 / (3 * np.sqrt(3))
X = sdmodel.Outcome("x")


# -- thresholds -------------------------------------------------------------------------------------------------
def test_a_threshold_of_a_smooth_outcome_is_the_one_in_closed_form(logistic):
    design = pd.DataFrame({"users at start": [0.05, 0.1], "sample": [10, 20]})
    found = sdmodel.threshold(logistic, "growth", sdmodel.Outcome("users", at=10), 0.5, design=design, tolerance=1e-9)
    # u(10) = 1/2 where exp(10 g) = (1 - u0)/u0
    assert found["sample"].tolist() == [10, 20]
    np.testing.assert_allclose(found["growth"], np.log([19, 9]) / 10, atol=1e-5)  # steps of a half quarter
    assert found["direction"].tolist() == [1, 1]
    assert (found["width"] <= 2e-9).all()
    assert found.attrs["never"] == 0


def test_a_tipping_point_shows_as_a_jump(bistable):
    found = sdmodel.threshold(bistable, "x at start", X, 0.0, low=-1.9, tolerance=1e-10)
    assert found["x at start"].tolist() == pytest.approx([0.0], abs=1e-9)
    assert (found["before"].iloc[0], found["after"].iloc[0]) == pytest.approx((-1, 1), abs=0.2)


def test_each_crossing_is_found_with_its_direction(bistable):
    found = sdmodel.threshold(bistable, "push", sdmodel.Outcome("doubled"), 0.0, points=9)
    assert found["direction"].tolist() == [1]
    assert found["push"].iloc[0] > FOLD  # the ghost of the fold holds it for a while
    none = sdmodel.threshold(bistable, "push", X, 50.0, points=5)
    assert len(none) == 0
    assert none.attrs["never"] == 1


def test_two_crossings_of_one_row(tmp_path):
    text = """{UTF-8}
arch = INTEG(0, lever*(1 - lever)) ~ Dmnl ~ A parabola. |
lever = 0.5 ~ Dmnl [0,1] ~ Lever. [lever] [@guess] |
""" + TIME.format(end=1)
    found = sdmodel.threshold(loaded(tmp_path, text), "lever", sdmodel.Outcome("arch"), 0.21, points=11)
    assert found["lever"].tolist() == pytest.approx([0.3, 0.7], abs=1e-5)
    assert found["direction"].tolist() == [1, -1]


def test_a_row_with_a_failed_run_is_counted_and_not_judged(tmp_path):
    text = """{UTF-8}
price = INTEG(LN(limit - size), 0) ~ Dmnl ~ No number at the limit and above. |
size = 1 ~ Dmnl [0,5] ~ Lever. [lever] [@guess] |
limit = 6 ~ Dmnl [0,9] ~ Limit. [uncertainty] [@guess] |
""" + TIME.format(end=1)
    design = pd.DataFrame({"limit": [4.0, 6.0]})
    found = sdmodel.threshold(loaded(tmp_path, text), "size", sdmodel.Outcome("price"), 1.0, design=design, points=6)
    assert found["sample"].tolist() == [1]
    assert found["size"].iloc[0] == pytest.approx(6 - np.e, abs=1e-4)
    assert found.attrs["failed"] == 0.5
    assert found.attrs["never"] == 0


# -- equilibria -------------------------------------------------------------------------------------------------
def test_equilibria_and_eigenvalues_in_closed_form(bistable):
    found = sdmodel.equilibria(bistable, pd.DataFrame({"push": [0.0, 0.2, 0.5]}), rng=1)
    for push, rows in found.groupby("push"):
        roots = np.roots([-1, 0, 1, push])
        real = np.sort(roots[np.abs(roots.imag) < 1e-9].real)
        np.testing.assert_allclose(rows["x"], real, atol=1e-8)
        np.testing.assert_allclose(rows["leading"], 1 - 3 * real**2, atol=1e-7)
        assert rows["kind"].tolist() == ["stable" if 1 - 3 * x**2 < 0 else "unstable" for x in real]
    assert found.attrs["left out"] == ["moved"]


def test_a_swing_has_its_period_and_its_pace(tmp_path):
    model = loaded(tmp_path, SWING.replace("FINAL TIME = 4", "FINAL TIME = 0.25"))  # rest is waited for so many times
    row = sdmodel.equilibria(model, rng=1, starts=8).iloc[0]
    pace = np.sqrt(4 - 0.2**2)
    assert (row["x"], row["v"]) == pytest.approx((0, 0), abs=1e-9)
    assert row["leading"] == pytest.approx(-0.2, abs=1e-8)
    assert row["period"] == pytest.approx(2 * np.pi / pace, rel=1e-8)
    assert sorted(v.imag for v in row["eigenvalues"]) == pytest.approx([-pace, pace], rel=1e-8)
    assert sdmodel.equilibria(model, pd.DataFrame({"drag": [-0.4]}), rng=1, starts=8)["kind"].tolist() == ["unstable"]
    assert sdmodel.equilibria(model, pd.DataFrame({"drag": [0.0]}), rng=1, starts=8)["kind"].tolist() == ["neutral"]


def test_what_is_searched_can_be_narrowed(bistable):
    found = sdmodel.equilibria(bistable, within={"x": (0.5, 2)}, rng=1)
    assert found["x"].tolist() == pytest.approx([1.0])
    with pytest.raises(UnknownNameError, match="No net flow reads it"):
        sdmodel.equilibria(bistable, within={"moved": (0, 1)})
    with pytest.raises(DesignError, match="numbers that rise"):
        sdmodel.equilibria(bistable, within={"x": (1, 0)})


def test_dated_policy_counts_as_it_stands_at_the_moment(logistic):
    # After the exit: growth (1 - u) = harm, before it u = 1.
    settings = pd.DataFrame({"exit date": [10.0]})
    before = sdmodel.equilibria(logistic, settings, at=5, rng=1)
    after = sdmodel.equilibria(logistic, settings, at=12, rng=1)
    assert before["users"].tolist() == pytest.approx([0, 1], abs=1e-7)
    assert after["users"].tolist() == pytest.approx([0, 0.6], abs=1e-7)
    with pytest.raises(DesignError, match="cannot be held at 99"):
        sdmodel.equilibria(logistic, at=99)


def test_what_was_noted_earlier_stays_at_its_value_in_the_run(tmp_path):
    text = """{UTF-8}
noted = INTEG(IF THEN ELSE(Time < 5, 0.2, 0), 0) ~ Dmnl ~ Rises to 1 until year 5. |
x = INTEG(noted - x, 3) ~ Dmnl ~ Follows what was noted. |
""" + TIME.format(end=8)
    found = sdmodel.equilibria(loaded(tmp_path, text), rng=1)
    assert found.attrs["left out"] == ["noted"]
    assert found["x"].tolist() == pytest.approx([1.0])
    assert found["kind"].tolist() == ["stable"]


def test_a_model_that_cannot_rest_is_refused(tmp_path):
    text = "{UTF-8}\nmoney = INTEG(1, 0) ~ CNY ~ Sum. |\n" + TIME.format(end=5)
    with pytest.raises(SolveError, match="no stock that any net flow reads"):
        sdmodel.equilibria(loaded(tmp_path, text))
    data = "{UTF-8}\nx = INTEG(seen - x, 0) ~ Dmnl ~ State. |\nseen ~ Dmnl ~ Data. |\n" + TIME.format(end=5)
    with pytest.raises(DesignError, match="'seen' in 'test' is a data variable"):
        sdmodel.equilibria(loaded(tmp_path, data))
    fixed = "{UTF-8}\nx = INTEG(DELAY FIXED(1 - x, 2, 0), 0) ~ Dmnl ~ State. |\n" + TIME.format(end=5)
    with pytest.raises(FixedStepError):
        sdmodel.equilibria(loaded(tmp_path, fixed))


def test_basins_are_parted_at_the_unstable_state(bistable):
    starts = sdmodel.grid({"x": np.linspace(-1.5, 1.5, 12)})
    found = sdmodel.basins(bistable, starts, {"push": 0.2})
    middle = np.sort(np.roots([-1, 0, 1, 0.2]).real)[1]
    low = found["x"] < middle
    assert set(found.loc[low, "rest"]) == {1}
    assert set(found.loc[~low, "rest"]) == {2}
    np.testing.assert_allclose(found.loc[~low, "x at rest"], np.roots([-1, 0, 1, 0.2]).real.max(), atol=1e-6)
    with pytest.raises(UnknownNameError):
        sdmodel.basins(bistable, sdmodel.grid({"doubled": [1]}))


# -- folds ------------------------------------------------------------------------------------------------------
def test_folds_of_the_spruce_budworm_are_the_ones_in_closed_form():
    # Ludwig, Jones and Holling (1978): folds at r = 2 x^3/(1 + x^2)^2 where 2 x^3/(x^2 - 1) = k.
    model = sdmodel.load("budworm")
    x = np.array([brentq(lambda x: 2 * x**3 / (x**2 - 1) - 10, *ends, xtol=1e-14) for ends in ((1.01, 1.7), (1.8, 6))])
    found = sdmodel.folds(model, "growth rate")
    np.testing.assert_allclose(found["growth rate"], 2 * x**3 / (1 + x**2) ** 2, atol=1e-8)
    np.testing.assert_allclose(found["budworm"], x, atol=1e-5)


def test_without_folds_the_way_back_is_the_way_there(logistic):
    found = sdmodel.hysteresis(logistic, "growth", "users", points=5, values={"exit date": 0.0})
    assert found["returns"].all()
    np.testing.assert_allclose(found["users"][:5], np.maximum(1 - 0.2 / found["growth"][:5], 0), atol=1e-5)
    assert len(sdmodel.folds(logistic, "growth", points=5, values={"exit date": 0.0})) == 0


def test_a_swing_that_never_rests_says_so(tmp_path):
    model = loaded(tmp_path, SWING.replace("FINAL TIME = 4", "FINAL TIME = 0.25"))  # many lengths are waited for
    found = sdmodel.hysteresis(model, "stiffness", "x", low=1, high=2, points=2, values={"drag": 0.0})
    assert not found["rested"].any()


# -- rules ------------------------------------------------------------------------------------------------------
def test_a_rule_sets_its_date_where_the_closed_form_says(logistic):
    found = sdmodel.trigger(logistic, "exit date", "users", above=0.5)
    assert found["exit date"].iloc[0] == pytest.approx(np.log(19) / 0.5, abs=1e-7)
    run = logistic.run({"exit date": found["exit date"].iloc[0]}, every=0.125)
    assert run["users"].max() < logistic.run()["users"].max()


def test_a_rule_in_lanes_is_as_good_as_the_steps(logistic):
    design = pd.DataFrame({"growth": [0.3, 0.5, 1.0, 0.11], "users at start": [0.05, 0.1, 0.02, 0.02]})
    found = sdmodel.trigger(logistic, "exit date", "users", above=0.5, design=design)
    odds = np.log((1 - design["users at start"]) / design["users at start"]) / design["growth"]
    assert found["triggered"].tolist() == [True, True, True, False]
    np.testing.assert_allclose(found["exit date"][:3], odds[:3], atol=2e-5)
    assert found["exit date"].iloc[3] == 40
    assert 0 < found.attrs["error"] < 2e-5
    same = sdmodel.trigger(logistic, "exit date", "users", above=0.5, design=design, method="events")
    np.testing.assert_allclose(same["exit date"][:3], odds[:3], atol=1e-7)


def test_a_rule_is_looked_at_from_its_start(logistic):
    early = sdmodel.trigger(logistic, "exit date", "users", below=0.5)
    assert early["exit date"].iloc[0] == 0
    for method in ("events", "sweep"):
        late = sdmodel.trigger(logistic, "exit date", "users", above=0.01, start=3.3, method=method)
        assert late["exit date"].iloc[0] == pytest.approx(3.3)


def test_a_level_passed_by_a_jump_is_passed_at_the_jump(logistic):
    found = sdmodel.trigger(logistic, "exit date", "jumping", above=0.5)
    assert found["exit date"].iloc[0] == pytest.approx(5.3, abs=1e-9)
    lanes = sdmodel.trigger(logistic, "exit date", "jumping", above=0.5, method="sweep")
    assert abs(lanes["exit date"].iloc[0] - 5.3) <= 0.125
    assert lanes.attrs["error"] == pytest.approx(abs(lanes["exit date"].iloc[0] - 5.3), abs=1e-9)


def test_what_trigger_refuses(logistic):
    with pytest.raises(DesignError, match="look ahead"):
        sdmodel.trigger(logistic, "exit date", "ahead", above=0.5)
    with pytest.raises(DesignError, match="one level"):
        sdmodel.trigger(logistic, "exit date", "users")
    with pytest.raises(DesignError, match="holds 'exit date'"):
        sdmodel.trigger(logistic, "exit date", "users", above=1, design=pd.DataFrame({"exit date": [1.0]}))
    with pytest.raises(UnknownNameError):
        sdmodel.trigger(logistic, "exit date", "user", above=0.5)
    with pytest.raises(OverrideError, match="is a constant"):
        sdmodel.trigger(logistic, "exit date", "growth", above=0.5)
