"""Each sector alone, its boundary inputs held, does what its textbook says; and loops that the paper names bite."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import sdmodel
from sdmodel.core.run import Run
from sdmodel.model import Model

Load = Callable[[str], Model]


@pytest.fixture(scope="module")
def load() -> Load:
    known: dict[str, Model] = {}

    def get(name: str) -> Model:
        if name not in known:
            known[name] = sdmodel.load(name)
        return known[name]

    return get


def last(run: Run, name: str) -> float:
    return float(run[name].iloc[-1])


def moved(name: str, at: tuple[float, ...], value: tuple[float, ...]) -> sdmodel.Scenario:
    return sdmodel.Scenario(paths={name: sdmodel.Path(at, value, "step")})


# -- RnD investment ---------------------------------------------------------------------------------------------
def test_the_user_cost_is_the_b_index_of_the_tax_position(load: Load) -> None:
    """With one rate for all bands, marginal and average deduction agree and the pull is a power of the B-index."""
    values = {"take up": 0.6, "user cost elasticity": 2.0}
    run = load("rd_investment").run(values, every=5)
    rate = run["effective rate[strong]"].iloc[0]
    assert 0.05 < rate < 0.25
    b_index = (1 - rate * (1 + 0.6 * 0.5)) / (1 - rate)
    assert run["pull of the deduction[strong]"].iloc[0] == pytest.approx(b_index**-2.0, rel=1e-9)


def test_a_deduction_is_worth_less_to_firms_in_loss(load: Load) -> None:
    worth = [
        load("rd_investment").run({"margin of a weak firm": m}, every=5)["effective rate[weak]"].iloc[0]
        for m in (0.05, 0.1)
    ]
    assert worth[0] < 0.9 * worth[1]


def test_below_the_ceiling_of_small_profits_all_profit_pays_the_low_rate(load: Load) -> None:
    law, raised = (load("rd_investment").run({"small profit ceiling": c}, every=5) for c in (0.06, 50))
    assert law["statutory rate"].iloc[0].min() > 1.1 * law.constants["rate of low profit"]
    np.testing.assert_allclose(raised["statutory rate"].iloc[0], law.constants["rate of low profit"], rtol=1e-6)


def population(run: Run, mean: float, quality: str, firms: int = 500_000) -> np.ndarray:
    """Firms drawn from the distribution of a run at its start."""
    return np.random.default_rng(1).logistic(mean, run[f"profit spread[{quality}]"].iloc[0], firms)


def test_profit_and_tax_are_those_of_a_logistic_population(load: Load) -> None:
    """The closed forms against half a million firms drawn from the distribution."""
    run = load("rd_investment").run(every=5)
    firms = population(run, run["profit per firm[strong]"].iloc[0], "strong")
    ceiling, low, full, high_tech = (
        run.constants[n] for n in ("small profit ceiling", "rate of low profit", "full rate", "high tech rate")
    )
    assert run["surplus of profit[strong]"].iloc[0] == pytest.approx(np.maximum(firms, 0).mean(), rel=0.01)
    above = firms > ceiling
    assert run["large profits[strong]"].iloc[0] == pytest.approx((firms * above).mean(), rel=0.01)
    recognised = run["band share[strong,b4]"].iloc[0] + run["band share[strong,b5]"].iloc[0]
    rate = np.where(above, full - (full - high_tech) * recognised, low)
    number = run.constants["firms by quality[strong]"]
    assert run["tax due[strong]"].iloc[0] == pytest.approx(number * (rate * np.maximum(firms, 0)).mean(), rel=0.01)


@pytest.mark.parametrize("met", [0.0, 0.6, 1.0])
def test_rnd_that_is_afforded_is_that_of_a_population_of_firms(load: Load, met: float) -> None:
    """A rich firm does what it wants, one with a loan what it wants at its price, others what they have or nothing."""
    run = load("rd_investment").run({"outside part[weak]": met}, every=5)
    funds = population(run, run.constants["funds per firm[weak]"], "weak")
    own, lent = (run[f"{n}[weak]"].iloc[0] for n in ("wanted RnD per firm", "wish at a wedge"))
    least = min(run.constants["fixed cost of RnD"], lent)
    without = np.where(funds > least, np.minimum(funds, own), 0)
    borrowing = np.where(funds > lent, np.minimum(funds, own), lent)
    done = (met * borrowing + (1 - met) * without).mean()
    assert run["afforded RnD per firm[weak]"].iloc[0] == pytest.approx(done, rel=0.01)


def test_spending_becomes_knowledge_only_after_gestation(load: Load) -> None:
    model = load("rd_investment")
    steps = (moved("public RnD", (2015.0, 2016.0), (20.0, money)) for money in (20.0, 220.0))
    base, more = (model.run(scenario=s, every=0.25) for s in steps)
    gain = more["knowledge[strong]"] - base["knowledge[strong]"]
    assert gain.loc[2016.0] == pytest.approx(0, abs=1e-3)
    assert gain.loc[2016.5] < 0.1 * gain.loc[2024.0]
    assert gain.loc[2019.0] > 0.3 * gain.loc[2024.0]


def test_accelerated_depreciation_defers_tax_and_does_not_waive_it(load: Load) -> None:
    """Equipment written off at once from 2015 to 2020: what is deferred comes back later."""
    cost = load("rd_investment").run(
        scenario=moved("depreciation at once", (2009.0, 2015.0, 2020.0), (0.0, 0.9, 0.0)), every=0.25
    )["depreciation tax cost"]
    assert abs(cost.loc[:2014.75]).max() < 1e-6
    assert cost.loc[2015.5] > 0
    assert (cost.loc[2020.5:] < 0).all()
    deferred, returned = (np.trapezoid(np.maximum(s * cost, 0), cost.index) for s in (1, -1))
    assert 0.5 < returned / deferred < 1.05


def test_staff_limits_the_rnd_that_is_done_and_spent(load: Load) -> None:
    base, less = (load("rd_investment").run({"staffed part": s}, every=5)["own RnD"].iloc[0].sum() for s in (0.8, 0.4))
    assert less == pytest.approx(base / 2, rel=1e-9)


def test_a_norm_rests_where_its_return_pays(load: Load) -> None:
    """R1b: knowledge that returns more than it costs raises the norm; without response it is a habit."""
    model = load("rd_investment")
    rich, poor = (model.run({"gross return on knowledge": g, "obsolescence": 0.16}, every=5) for g in (0.34, 0.2))
    for run, up in ((rich, True), (poor, False)):
        path = run["RnD norm[strong]"]
        assert (path.iloc[1] > path.iloc[0]) == up
    habit = model.run({"norm effect of the return": 0}, every=5)["RnD norm[strong]"]
    assert np.ptp(habit) < 1e-9


# -- financing --------------------------------------------------------------------------------------------------
def test_poor_earnings_lead_to_losses_and_to_less_credit(load: Load) -> None:
    """B3: funds, default, what banks lose, rating; and without the reaction of banks the last link is cut."""
    model = load("financing")
    lean = {"operating surplus[weak]": 500, "operating surplus[strong]": 2000}
    base, hurt, blind, blind_base = (
        model.run(v, every=5) for v in ({}, lean, lean | {"reaction to losses": 0}, {"reaction to losses": 0})
    )
    assert last(hurt, "default rate[weak]") > 1.1 * last(base, "default rate[weak]")
    assert last(hurt, "rating[weak]") < last(base, "rating[weak]") - 0.01
    assert last(blind, "rating[weak]") == last(blind_base, "rating[weak]")


def test_claims_eat_the_guarantee_fund(load: Load) -> None:
    """B4: covered credit has no more room than a multiple of what is left of the fund."""
    model = load("financing")
    good, bad = (model.run({"base default rate": r}, every=1) for r in (0.015, 0.04))
    for name in ("fund[guarantee]", "covered debt[guarantee]"):
        assert last(bad, name) < 0.98 * last(good, name), name
    for run in (good, bad):
        assert (run["covered debt[guarantee]"] <= 10 * run["fund[guarantee]"]).all()


def test_public_venture_money_adds_in_a_thin_market_and_replaces_in_a_thick_one(load: Load) -> None:
    model = load("financing")
    gain = []
    for certified in (1, 0):
        less, more = (
            model.run({"venture certification": certified, "venture fund inflow": v}, every=1) for v in (2, 12)
        )
        gain.append(float(more["private capital"].loc[2014.0] - less["private capital"].loc[2014.0]))
    assert gain[0] > 0.1 > 0 > gain[1]


def test_a_grant_adds_where_a_project_needs_it_and_replaces_where_it_does_not(load: Load) -> None:
    """Additionality follows from the worth of projects; it is not drawn."""
    model = load("financing")
    poor, rich = (
        model.run({"return on knowledge[weak]": r, "return on knowledge[strong]": r}, every=5)[
            "grant effect on own RnD"
        ]
        for r in (0.15, 0.6)
    )
    paid = model.run(every=5)["grant paid"]
    assert poor.iloc[0].sum() > rich.iloc[0].sum()
    assert rich.iloc[0].sum() < 0
    assert (paid.iloc[0] > 0).all()


# -- firms ------------------------------------------------------------------------------------------------------
def test_hazards_that_fall_with_age_are_selection(load: Load) -> None:
    """One hazard a quality, and yet the yearly chance of exit of a cohort rises and then falls."""
    alive = load("firms").run(every=5)["national survival"].iloc[0]
    yearly = [
        1 - alive["year one"],
        1 - alive["year two"] / alive["year one"],
        1 - alive["year three"] / alive["year two"],
    ]
    assert yearly[0] < yearly[1] < yearly[2]
    early, late = (
        1 - (alive[b] / alive[a]) ** (1 / n)
        for a, b, n in (("year three", "year five", 2), ("year five", "year nine", 4))
    )
    assert late < early - 0.003


def test_protection_keeps_weak_firms_and_their_share(load: Load) -> None:
    """C65 to C67: by assumption; its size and the learning of the weak are what is uncertain."""
    model = load("firms")
    base, retained = model.run(every=1), model.run(scenario=moved("protection", (2009.0, 2015.0), (9.0, 90.0)), every=1)
    assert last(retained, "firms by quality[weak]") > 1.02 * last(base, "firms by quality[weak]")
    assert last(retained, "strong share") < last(base, "strong share")


def test_births_follow_profit_and_credit(load: Load) -> None:
    model = load("firms")
    base = model.run(every=1)["all entrants"].loc[2016.0]
    profit = model.run(scenario=moved("perceived surplus per firm", (2009.0, 2015.0), (0.4, 0.8)), every=1)
    credit = model.run(scenario=moved("refused share", (2009.0, 2015.0), (0.4, 0.8)), every=1)
    assert profit["all entrants"].loc[2016.0] > 1.05 * base
    assert credit["all entrants"].loc[2016.0] < 0.95 * base


def test_zones_fill_and_then_crowd(load: Load) -> None:
    model = load("firms")
    crowded, pulled = (
        model.run({"zone preference": 0.0, "congestion drag": c, "agglomeration pull": a}, every=1)
        for c, a in ((1.0, 0.0), (0.0, 1.0))
    )
    assert last(crowded, "zone share") < 0.2 < last(pulled, "zone share")


# -- network, intervention, policy ------------------------------------------------------------------------------
def test_voucher_links_fade_when_vouchers_stop(load: Load) -> None:
    once = moved("vouchers", (2009.0, 2015.0, 2016.0), (0.0, 20.0, 0.0))
    links = load("network").run(scenario=once, every=0.25)["voucher links"]
    assert links.loc[2016.0] > 100
    assert links.loc[2019.0] < 0.05 * links.loc[2016.0]


def test_the_market_serves_part_of_what_public_units_leave(load: Load) -> None:
    """R10 the other way round: as public services go, market services take their place as far as firms pay."""
    model, none = load("network"), {"demand creation": 0}
    cut = moved("public service target", (2009.0, 2020.0), (450.0, 100.0))
    base, run = model.run(none, every=0.25), model.run(none, scenario=cut, every=0.25)
    left = base["public served"] - run["public served"]
    taken = run["market served"] - base["market served"]
    assert taken.loc[2020.0] == pytest.approx(0, abs=1e-6)
    assert left.loc[2034.0] > 100
    assert 0.2 * left.loc[2034.0] < taken.loc[2034.0] < run.constants["paying part"] * left.loc[2034.0]


def test_market_services_start_at_rest_in_every_sample(load: Load) -> None:
    model = load("network")
    draws = sdmodel.latin_hypercube(model.uncertainties, 50, rng=5)
    found = model.sweep(draws, ["entering providers", "leaving providers"], every=5, workers=1, progress=False)
    first = found.isel(time=0)
    np.testing.assert_allclose(first["entering providers"], first["leaving providers"], rtol=1e-9)


def test_offers_beyond_the_number_of_firms_are_not_taken_up(load: Load) -> None:
    run = load("network").run({"vouchers": 5000.0}, every=1)
    places = 5000 / run.constants["time to take up an offer"]  # a firm takes up one at a time
    assert 0.9 * places < run["vouchers taken up"].max() <= places
    assert run["vouchers taken up"].max() * run.constants["voucher face value"] < 0.2 * 5000


def test_a_skill_rests_where_use_and_forgetting_meet(load: Load) -> None:
    model = load("intervention")
    runs = [model.run({"decided share of services": s, "FINAL TIME": 2109}, every=5) for s in (0.0, 0.9)]
    assert last(runs[0], "skill[market]") > last(runs[1], "skill[market]") + 0.05
    for run in runs:
        path = run["skill[market]"]
        assert abs(path.iloc[-1] - path.iloc[-2]) < 1e-3


def test_government_helps_where_it_knows_more_than_others(load: Load) -> None:
    model, much = load("intervention"), moved("decided share of finance", (2009.0, 2015.0), (0.1, 0.8))
    for skill, better in ((0.0, False), (0.7, True)):
        base, run = (model.run({"skill of government": skill}, scenario=s, every=1) for s in (None, much))
        assert (run["merit precision"].loc[2018.0] > base["merit precision"].loc[2018.0]) == better


def test_an_exit_takes_public_programmes_down_by_its_dates(load: Load) -> None:
    model = load("policy")
    run = model.run({"exit start": 2020, "exit duration": 4}, every=0.25)
    left = run["public service target"] / model.run(every=0.25)["public service target"]
    np.testing.assert_allclose(left.loc[[2020.0, 2021.0, 2024.0, 2030.0]], [1, 0.75, 0, 0], atol=0.02)


def test_dated_law_moves_only_where_it_is_asked_to(load: Load) -> None:
    model = load("policy")
    frozen, enacted = (model.run({"law path switch": s}, every=1) for s in (0, 1))
    assert frozen["extra deduction rate[b1]"].unique().tolist() == [0.5]
    law = enacted["extra deduction rate[b1]"]
    assert [law.loc[float(y)] for y in (2010, 2016, 2017, 2021, 2022, 2034)] == [0.5, 0.5, 0.75, 0.75, 1.0, 1.0]
    ceiling = enacted["small profit ceiling"]
    assert [round(ceiling.loc[float(y)], 6) for y in (2009, 2011, 2013, 2014, 2015, 2016, 2017, 2018)] == [
        0, 0.03, 0.06, 0.1, 0.2, 0.3, 0.5, 1.0,
    ]  # fmt: skip
    assert frozen["small profit ceiling"].loc[2030.0] == pytest.approx(0.1)
    assert [enacted["rate of low profit"].loc[float(y)] for y in (2018, 2019, 2021, 2023)] == [0.1, 0.07, 0.05, 0.05]


# -- starts and rivals that may do nothing ------------------------------------------------------------------------
def test_complementarity_moves_change_and_not_the_start(load: Load) -> None:
    model = load("synergy")
    less = moved("money adequacy", (2009.0, 2012.0), (0.7, 0.3))
    runs = {c: model.run({"complementarity": c}, scenario=less, every=1) for c in (4.0, 0.01)}
    for run in runs.values():
        assert run["factor input"].iloc[0] == pytest.approx(run.constants["factor input in 2009"], rel=1e-9)
    assert last(runs[4.0], "factor input") < last(runs[0.01], "factor input") - 0.05


def test_directions_can_help_mislead_or_do_nothing(load: Load) -> None:
    model = load("shandong")
    gain = {}
    for worth, loss in ((0.0, 1.5), (0.0, 0.0), (1.0, 0.0)):
        given = {"worth of a set direction": worth, "loss of diversity": loss}
        none, much = (model.run({"direction of RnD": d, **given}, every=5) for d in (0, 3))
        gain[worth, loss] = last(much, "effect of directions") / last(none, "effect of directions") - 1
    assert gain[0, 1.5] < -0.01 < gain[0, 0] == 0 < 0.03 < gain[1, 0]


def test_insurance_pays_for_failures(load: Load) -> None:
    model = load("shandong")
    on, null = {"insured part of a failure": 0.5}, {"response of RnD to insurance": 0.0}
    base, idle = model.run(null, every=1), model.run({**on, **null}, every=1)
    at = 2016.0
    paid = 0.1 * 0.5 * (1 - idle["conversion rate"].loc[at]) * idle["own RnD"].loc[at].sum()
    assert idle["insurance paid"].loc[at] == pytest.approx(paid, rel=1e-6)
    assert last(base, "insurance paid") == 0
    daring = model.run({**on, "response of RnD to insurance": 3.0}, every=1)
    assert last(daring, "real RnD intensity") > last(idle, "real RnD intensity") * 1.005


# -- loops across sectors ---------------------------------------------------------------------------------------
LOOPS = {
    "B8 new products and what the market takes": ("new products unlimited", "market room", "knowledge"),
    "B4 claims and the guarantee fund": ("scheme losses", "fund", "fund"),
    "R12 protection and learning (C67)": ("protected share", "learning fraction", "strong share"),
    "R3 zones (C40)": ("firms in zones over start", "zone attraction", "zone share"),
}
"""Loop, the link that is held, and what it is said to drive."""


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_knocked_out_changes_what_it_is_said_to_drive(load: Load, name: str) -> None:
    """Held at its base path the link changes nothing; held at that path while policy moves, it does."""
    cause, effect, outcome = LOOPS[name]
    model = load("shandong")
    acted = {
        "flat extra deduction": 1.0,
        "extra guarantee capital": 100,
        "protection programme": 8,
        "start up programme": 8,
    }
    base = model.run(every=0.125, method="exact")
    whole = model.run(acted, every=5, method="exact")[outcome].iloc[-1]
    path = base[cause]
    columns = {f"[{c}]": path[c] for c in path} if path.ndim == 2 else {"": path}
    data = {f"{cause} held{element}": values for element, values in columns.items()}
    held = model.cut(cause, effect).run(acted, every=5, method="exact", data=data)
    change = np.abs(np.asarray(held[outcome].iloc[-1]) / np.asarray(whole) - 1)
    assert np.max(change) > 1e-4
