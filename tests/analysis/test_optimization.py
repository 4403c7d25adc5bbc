"""Searches for policies find optima, fronts and levers that are known in closed form."""

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.core.errors import DesignError, MissingExtraError, OverrideError, ResultWarning, UnknownNameError

TIME = """
INITIAL TIME = 0 ~ Year ~ Beginning. |
FINAL TIME = 10 ~ Year ~ End. |
TIME STEP = 0.25 ~ Year ~ Step. |
SAVEPER = 1 ~ Year ~ Interval. |
"""

# Ten years of a and b: value = 10 sqrt(a b), money = 10 (2 a + b), which is spent best half on each.
SPENDING = (
    """{UTF-8}
capital a = INTEG(spend a, 0) ~ money ~ Bought of a. |
capital b = INTEG(spend b, 0) ~ money ~ Bought of b. |
worth = SQRT(capital a*capital b) ~ money ~ What both are worth. [outcome] |
money spent = INTEG(price of a*spend a + spend b, 0) ~ money ~ Money. [outcome] |
spend a = 1 ~ money/Year [0,10] ~ Lever. [lever] [@guess] |
spend b = 1 ~ money/Year [0,10] ~ Lever. [lever] [@guess] |
price of a = 2 ~ Dmnl [1,4] ~ Price. [uncertainty] [@guess] |
use both = 0 ~ Dmnl [0,1,1] ~ Switch. [switch] [@guess] |
"""
    + TIME
)

# Two goals with a known front: f1 = x^2 + y^2, f2 = (x - 2)^2 + y^2; best is y = 0 and x between 0 and 2.
TWO_GOALS = (
    """{UTF-8}
reached x = INTEG(x/10, 0) ~ Dmnl ~ x at the end. |
f one = reached x^2 + y^2 ~ Dmnl ~ Distance from (0, 0), squared. [outcome] |
f two = (reached x - 2)^2 + y^2 ~ Dmnl ~ Distance from (2, 0), squared. [outcome] |
payoff = 5*state of the world - (reached x - state of the world)^2 ~ Dmnl ~ Best where x hits the world. [outcome] |
x = 1 ~ Dmnl [-4,4] ~ Lever. [lever] [@guess] |
y = 1 ~ Dmnl [-4,4] ~ Lever. [lever] [@guess] |
steps = 0 ~ Dmnl [0,5,1] ~ Switch. [switch] [@guess] |
missed = (steps - 2.4)^2 ~ Dmnl ~ Best at 2. |
state of the world = 1 ~ Dmnl [0,2] ~ The world. [uncertainty] [@guess] |
"""
    + TIME
)


def loaded(tmp_path, text, name="test"):
    path = tmp_path / f"{name}.mdl"
    path.write_text(text, encoding="utf-8")
    return sdmodel.load(path)


@pytest.fixture
def spending(tmp_path):
    return loaded(tmp_path, SPENDING)


@pytest.fixture
def two_goals(tmp_path):
    return loaded(tmp_path, TWO_GOALS)


# -- optimise ---------------------------------------------------------------------------------------------------
WORTH, MONEY = sdmodel.Outcome("worth"), sdmodel.Outcome("money spent")


def test_a_budget_is_spent_as_the_closed_form_says(spending):
    found = sdmodel.optimise(spending, ["spend a", "spend b"], WORTH, limits={MONEY: (None, 80)}, rng=1)
    best = found.iloc[-1]
    assert best["spend a"] == pytest.approx(2, rel=0.01)
    assert best["spend b"] == pytest.approx(4, rel=0.01)
    assert best["final of worth"] == pytest.approx(10 * np.sqrt(8), rel=1e-4)
    assert best["final of money spent"] <= 80
    assert found["final of worth"].dropna().is_monotonic_increasing
    assert found["runs"].is_monotonic_increasing
    assert found.attrs["error"] < 1e-6


def test_a_limit_is_kept_in_every_sample(spending):
    samples = pd.DataFrame({"price of a": [1.0, 2.0, 4.0]})
    found = sdmodel.optimise(
        spending, spending.levers, WORTH, limits={MONEY: (None, 80)}, samples=samples, robust="worst", rng=1
    )
    best = found.iloc[-1]  # the price of 4 decides: 4 a = b = 4
    assert (best["spend a"], best["spend b"]) == pytest.approx((1, 4), rel=0.02)
    assert best["final of money spent"] == pytest.approx(80, rel=1e-3)


def test_a_least_and_a_smallest(spending):
    found = sdmodel.optimise(spending, spending.levers, MONEY, aim="min", limits={WORTH: (20, None)}, rng=3)
    best = found.iloc[-1]  # a b = 4, least 2 a + b: b = 2 a
    assert (best["spend a"], best["spend b"]) == pytest.approx((np.sqrt(2), np.sqrt(8)), rel=0.02)
    assert best["final of worth"] >= 20


@pytest.mark.parametrize(
    ("robust", "x", "goal"), [("expected", 2 / 3, None), ("worst", 0.0, 0.0), ("regret", 1.0, None)]
)
def test_robust_policies_differ_as_they_must(two_goals, robust, x, goal):
    # Worlds 0, 0 and 2: the mean loss is least at 2/3, world 0 pays least of all, and the regret is (x - world)^2.
    samples = pd.DataFrame({"state of the world": [0.0, 0.0, 2.0]})
    found = sdmodel.optimise(two_goals, ["x"], sdmodel.Outcome("payoff"), samples=samples, robust=robust, rng=2)
    best = found.iloc[-1]
    assert best["x"] == pytest.approx(x, abs=2e-3)
    if goal is not None:
        assert best["final of payoff"] == pytest.approx(goal, abs=1e-4)
    if robust == "regret":
        assert best["largest regret"] == pytest.approx(1.0, abs=5e-3)


def test_a_switch_takes_whole_numbers(two_goals):
    found = sdmodel.optimise(two_goals, ["steps"], sdmodel.Outcome("missed"), aim="min", generations=10, rng=0)
    assert found["steps"].iloc[-1] == 2
    assert found["final of missed"].iloc[-1] == pytest.approx(0.16)


def test_the_same_seed_gives_the_same_search(two_goals):
    a, b = (
        sdmodel.optimise(two_goals, ["x", "y"], sdmodel.Outcome("f one"), aim="min", generations=5, rng=4)
        for _ in range(2)
    )
    pd.testing.assert_frame_equal(a, b)


def test_a_limit_nobody_can_keep_is_refused_with_what_comes_nearest(spending):
    with pytest.raises(
        DesignError, match=r"No policy in [\d,]+ runs keeps the limits. The nearest .* beyond the limit of"
    ):
        sdmodel.optimise(spending, spending.levers, WORTH, limits={WORTH: (500, None)}, generations=5, rng=1)


def test_what_optimise_refuses(spending):
    with pytest.raises(UnknownNameError, match="aim 'maximum'"):
        sdmodel.optimise(spending, spending.levers, WORTH, aim="maximum")
    with pytest.raises(DesignError, match="compares samples"):
        sdmodel.optimise(spending, spending.levers, WORTH, robust="worst")
    with pytest.raises(UnknownNameError, match="spend c"):
        sdmodel.optimise(spending, ["spend c"], WORTH)
    with pytest.raises(OverrideError, match="setting of the run"):
        sdmodel.optimise(spending, ["FINAL TIME"], WORTH)
    with pytest.raises(DesignError, match="two finite numbers that rise"):
        sdmodel.optimise(spending, spending.levers.assign(high=np.inf), WORTH)
    with pytest.raises(DesignError, match="no constant besides the levers"):
        sdmodel.optimise(spending, spending.levers, WORTH, samples=pd.DataFrame({"spend a": [1.0]}))
    with pytest.raises(DesignError, match="at least one of them"):
        sdmodel.optimise(spending, spending.levers, WORTH, limits={MONEY: (None, None)})
    with pytest.raises(DesignError, match="has subscripts"):
        sdmodel.optimise(sdmodel.load("policy"), ["programme scale"], sdmodel.Outcome("fiscal cost by instrument"))


# Above a size of 6 the run fails: the logarithm of a negative number.
BREAKS = (
    """{UTF-8}
gain = INTEG(size*(10 - size)/10, 0) ~ Dmnl ~ Best at 5. [outcome] |
price = INTEG(LN(6 - size)*size/10, 0) ~ Dmnl ~ No number above 6. |
size = 1 ~ Dmnl [0,10] ~ Lever. [lever] [@guess] |
"""
    + TIME
)


def test_policies_whose_runs_fail_are_never_best(tmp_path):
    model = loaded(tmp_path, BREAKS)
    price = sdmodel.Outcome("price")
    found = sdmodel.optimise(model, ["size"], price, rng=1)  # ln(6 - s) = s/(6 - s)
    best = found["size"].iloc[-1]
    assert np.log(6 - best) == pytest.approx(best / (6 - best), abs=1e-2)
    limited = sdmodel.optimise(model, ["size"], sdmodel.Outcome("gain"), limits={price: (-100, None)}, rng=1)
    assert limited["size"].iloc[-1] == pytest.approx(5, abs=1e-2)
    with pytest.raises(DesignError, match="Every policy that was tried fails"):
        sdmodel.optimise(model, model.levers.assign(low=7.0), price, generations=3, rng=1)


def test_a_model_of_the_grid_is_searched_on_the_grid(tmp_path):
    text = """{UTF-8}
kept = INTEG(DELAY FIXED(size*(4 - size), 2, 0)/8, 0) ~ Dmnl ~ Best at 2. [outcome] |
size = 1 ~ Dmnl [0,4] ~ Lever. [lever] [@guess] |
"""
    found = sdmodel.optimise(loaded(tmp_path, text + TIME), ["size"], sdmodel.Outcome("kept"), rng=1)
    assert found["size"].iloc[-1] == pytest.approx(2, abs=1e-2)
    assert np.isnan(found.attrs["error"])  # there is no solution at exact dates to compare with


# -- several goals ----------------------------------------------------------------------------------------------
GOALS = {sdmodel.Outcome("f one"): "min", sdmodel.Outcome("f two"): "min"}


def test_the_front_is_the_one_in_closed_form(two_goals):
    pytest.importorskip("pymoo")
    front = sdmodel.pareto(two_goals, two_goals.levers, GOALS, generations=80, rng=1)
    one, two = front["final of f one"], front["final of f two"]
    np.testing.assert_allclose(np.sqrt(one) + np.sqrt(two), 2, atol=0.02)
    assert len(front) >= 40
    assert (one.min(), one.max()) == pytest.approx((0, 4), abs=0.05)
    assert one.is_monotonic_increasing
    assert two.is_monotonic_decreasing
    assert front.attrs["hypervolume"][-1] > front.attrs["hypervolume"][0]


def test_a_front_keeps_its_limits(two_goals):
    pytest.importorskip("pymoo")
    limits = {sdmodel.Outcome("reached x"): (None, 1.0)}
    front = sdmodel.pareto(two_goals, two_goals.levers, GOALS, limits=limits, generations=40, rng=1)
    assert (front["final of reached x"] <= 1).all()
    assert front["final of f two"].min() == pytest.approx(1, abs=0.05)
    with pytest.raises(DesignError, match="keeps the limits"):
        sdmodel.pareto(
            two_goals, two_goals.levers, GOALS, limits={sdmodel.Outcome("f one"): (100, None)}, generations=3, rng=1
        )


def test_nondominated_rows_by_hand():
    table = pd.DataFrame({"gain": [1.0, 2, 3, 3, np.nan], "cost": [1.0, 3, 3, 4, 0]})
    assert sdmodel.nondominated(table, {"gain": "max", "cost": "min"}).index.tolist() == [0, 2]
    assert sdmodel.nondominated(table, {"gain": "min", "cost": "min"}).index.tolist() == [0]
    same = pd.DataFrame({"gain": [1.0, 1.0], "cost": [1.0, 1.0]})
    assert len(sdmodel.nondominated(same, {"gain": "max", "cost": "min"})) == 2
    with pytest.raises(UnknownNameError, match="gains"):
        sdmodel.nondominated(table, {"gains": "max"})


def test_what_pareto_refuses(two_goals, monkeypatch):
    with pytest.raises(DesignError, match="two Outcomes or more"):
        sdmodel.pareto(two_goals, ["x"], {sdmodel.Outcome("f one"): "min"})
    monkeypatch.setitem(__import__("sys").modules, "pymoo", None)
    with pytest.raises(MissingExtraError, match=r'pip install "sdmodel\[analysis\]"'):
        sdmodel.pareto(two_goals, ["x"], GOALS)


# -- a lever that meets a target --------------------------------------------------------------------------------
def test_a_lever_is_solved_for_equal_money_in_every_row(spending):
    design = pd.DataFrame({"price of a": [1.0, 2.0, 4.0], "spend b": [1.0, 2.0, 3.0]}, index=[7, 8, 9])
    found = sdmodel.solve_lever(spending, "spend a", MONEY, 60, design=design, tolerance=1e-6)
    assert found.index.tolist() == [7, 8, 9]
    np.testing.assert_allclose(found["spend a"], (6 - design["spend b"]) / design["price of a"], rtol=1e-5)
    assert found["solved"].all()
    assert found["residual"].abs().max() <= 1e-6


def test_targets_by_row_and_targets_out_of_reach(spending):
    design = pd.DataFrame({"spend b": [1.0, 1.0, 1.0]})
    with pytest.warns(
        ResultWarning, match=r"No value of 'spend a' from 0 to 10 brings .* to its target in 2 of 3 rows"
    ):
        found = sdmodel.solve_lever(spending, "spend a", MONEY, np.array([30.0, 500.0, 2.0]), design=design)
    assert found["solved"].tolist() == [True, False, False]
    assert found["spend a"].tolist() == pytest.approx([1, 10, 0], rel=0.01)
    assert found["residual"].iloc[1] == pytest.approx(210 / 500 - 1)
    with pytest.raises(DesignError, match="holds 'spend a'"):
        sdmodel.solve_lever(spending, "spend a", MONEY, 3, design=pd.DataFrame({"spend a": [1.0]}))


def test_a_row_whose_run_fails_has_no_solution(tmp_path):
    with pytest.warns(ResultWarning, match="in 1 of 1 rows"):
        found = sdmodel.solve_lever(loaded(tmp_path, BREAKS), "size", sdmodel.Outcome("price"), 1.0)
    assert not found["solved"].iloc[0]
    assert np.isnan(found["size"].iloc[0])


def test_a_target_of_zero_is_met_in_absolute_terms(two_goals):
    found = sdmodel.solve_lever(two_goals, "x", sdmodel.Outcome("reached x"), 0.0, low=-1, high=3, tolerance=1e-9)
    assert found["x"].iloc[0] == pytest.approx(0, abs=1e-8)


def test_equal_money_by_a_date_is_solved_between_the_steps():
    model = sdmodel.load("policy")
    money = sdmodel.Outcome("present value of public money")
    design = pd.DataFrame({"exit duration": [0.0, 2.0]})
    target = model.run({"exit start": 2020.37, "exit duration": 0.0})["present value of public money"].iloc[-1]
    found = sdmodel.solve_lever(model, "exit start", money, target, design=design, high=2034, tolerance=1e-9)
    assert found["exit start"].iloc[0] == pytest.approx(2020.37, abs=1e-4)
    assert found["exit start"].iloc[1] < 2020.37 - 0.5
