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


# -- RnD investment ---------------------------------------------------------------------------------------------
def test_the_user_cost_is_the_b_index_of_the_tax_position(load: Load) -> None:
    run = load("rd_investment").run({"take up": 0.6}, every=5)
    rate = run["effective rate[strong]"].iloc[0]
    b_index = (1 - rate * (1 + 0.6 * 0.5)) / (1 - rate)
    assert 0.05 < rate < 0.25
    assert run["user cost[strong,b3]"].iloc[0] == pytest.approx(b_index, rel=1e-6)


def test_a_deduction_is_worth_less_to_firms_in_loss(load: Load) -> None:
    poor = {"margin of a weak firm": 0.03}
    rich = {"margin of a weak firm": 0.1}
    costs = [load("rd_investment").run(v, every=5)["user cost[weak,b3]"].iloc[0] for v in (poor, rich)]
    assert costs[0] > costs[1] + 0.002


def test_a_raised_ceiling_of_small_profits_is_counted_as_public_money(load: Load) -> None:
    law, raised = (load("rd_investment").run({"small profit ceiling": c}, every=5) for c in (0.06, 0.5))
    assert (law["small profit relief"] == 0).all()
    saved = (law["tax due"] - raised["tax due"])[["weak,plain books", "strong,plain books"]].iloc[0].sum()
    assert raised["small profit relief"].iloc[0] == pytest.approx(saved, rel=1e-9)
    assert saved > 1


def test_profit_and_tax_are_those_of_a_logistic_population(load: Load) -> None:
    """The closed forms against half a million firms drawn from the distribution."""
    run = load("rd_investment").run(every=5)
    mean, spread = (run[f"{n}[strong]"].iloc[0] for n in ("profit per firm", "profit spread"))
    firms = np.random.default_rng(1).logistic(mean, spread, 500_000)
    for tier, floor in (("low profit", 0.0), ("middle profit", 0.06), ("full profit", 0.3)):
        above = firms > floor
        name = f"[strong,{tier},plain books]"
        assert run[f"share above{name}"].iloc[0] == pytest.approx(above.mean(), abs=0.003)
        assert run[f"profit above{name}"].iloc[0] == pytest.approx((firms * above).mean(), rel=0.01)


def test_cash_limited_rnd_is_that_of_a_population_of_firms(load: Load) -> None:
    """Each firm spends what it wants or what it has, and nothing below the smallest project."""
    run = load("rd_investment").run({"affordable RnD[weak]": 700.0}, every=5)
    mean, spread = (run[f"{n}[weak]"].iloc[0] for n in ("affordable RnD per firm", "cash spread"))
    money = np.random.default_rng(2).logistic(mean, spread, 500_000)
    for award, least in (("without grant", 0.2), ("with grant", 0.0)):
        want = run[f"wanted own RnD[weak,b2,{award}]"].iloc[0]
        spent = np.where(money > least, np.minimum(money, want), 0.0)
        spent = np.where(want > least, spent, np.where(money > least, want, 0.0))
        assert run[f"afforded own RnD[weak,b2,{award}]"].iloc[0] == pytest.approx(spent.mean(), rel=0.01)


def test_spending_becomes_knowledge_only_after_gestation(load: Load) -> None:
    model = load("rd_investment")
    steps = (sdmodel.Path((2015.0, 2016.0), (20.0, money)) for money in (20.0, 220.0))
    base, more = (model.run(scenario=sdmodel.Scenario(paths={"public RnD": s}), every=0.25) for s in steps)
    gain = more["knowledge[strong]"] - base["knowledge[strong]"]
    assert gain.loc[2016.0] == pytest.approx(0, abs=1e-3)
    assert gain.loc[2016.5] < 0.03 * gain.loc[2024.0]
    assert gain.loc[2019.0] > 0.3 * gain.loc[2024.0]


def test_accelerated_depreciation_defers_tax_and_does_not_waive_it(load: Load) -> None:
    model = load("rd_investment")
    fast = sdmodel.Scenario(paths={"depreciation speed": sdmodel.Path((2009.0, 2015.0), (0.1, 0.9), "step")})
    cost = model.run(scenario=fast, every=0.25)["depreciation tax cost"]
    assert cost.loc[2015.5] > 5 * abs(cost.loc[2034.0])
    assert abs(cost.loc[:2014.75]).max() < 1e-6


# -- financing --------------------------------------------------------------------------------------------------
def test_debt_service_leads_to_losses_and_to_less_credit(load: Load) -> None:
    """B3: surplus, default, what banks lose, rating, debt; and without the reaction of banks the last link is cut."""
    model = load("financing")
    lean = {"operating surplus[weak]": 2000, "operating surplus[strong]": 2150}
    base, hurt, blind = (model.run(v, every=5) for v in ({}, lean, lean | {"reaction to losses": 0}))
    assert last(hurt, "default rate[weak]") > 1.1 * last(base, "default rate[weak]")
    assert last(hurt, "rating[weak]") < last(base, "rating[weak]") - 0.01
    assert last(blind, "rating[weak]") == last(model.run({"reaction to losses": 0}, every=5), "rating[weak]")


def test_claims_eat_the_guarantee_fund(load: Load) -> None:
    """B4: guaranteed credit is a multiple of what is left of the fund."""
    model = load("financing")
    good, bad = (model.run({"base default rate": r, "guarantee capital": 30}, every=1) for r in (0.015, 0.04))
    assert last(bad, "guarantee fund") < 0.9 * last(good, "guarantee fund")
    for run in (good, bad):
        ratio = run["guaranteed credit"] / run["guarantee fund"]
        np.testing.assert_allclose(ratio, 0.16 * 10, rtol=1e-9)


def test_public_venture_money_adds_in_a_thin_market_and_replaces_in_a_thick_one(load: Load) -> None:
    model = load("financing")
    gain = []
    for scarce in ({"private venture capital in 2009": 200, "deal rate": 0.002, "venture certification": 1}, {
        "private venture capital in 2009": 200, "deal rate": 0.002, "venture certification": 0,
    }):  # fmt: skip
        less, more = (model.run(scarce | {"venture fund inflow": v}, every=1) for v in (2, 12))
        gain.append(float(more["private capital"].loc[2012.0] - less["private capital"].loc[2012.0]))
    assert gain[0] > 0.1 > 0 > gain[1]


def test_money_of_award_payment_and_spending_have_three_dates(load: Load) -> None:
    model = load("financing")
    burst = sdmodel.Scenario(
        paths={"grant awards": sdmodel.Path((2014.0, 2016.0, 2016.5), (65.0, 665.0, 65.0), "step")}
    )
    for ahead in (1.0, 0.0):
        values = {"ex ante share": ahead}
        base, run = model.run(values, every=0.25), model.run(values, scenario=burst, every=0.25)
        paid = (run["grant paid"] - base["grant paid"]).sum(axis=1)
        spent = (run["public RnD"] - base["public RnD"]).sum(axis=1)
        assert (paid.idxmax() < spent.idxmax()) == (ahead == 1.0)


# -- firms ------------------------------------------------------------------------------------------------------
def test_births_stop_the_growth_of_firms_where_there_is_no_room(load: Load) -> None:
    firms = load("firms").run({"FINAL TIME": 2209}, every=10)["all firms"]
    growth = np.diff(np.log(firms))
    assert growth[0] > 0.05
    assert abs(growth[-1]) < 1e-3
    assert firms.iloc[-1] < 60_000


def test_protection_keeps_weak_firms_and_their_share(load: Load) -> None:
    """C65 to C67: by assumption; its size and the learning of the weak are what is uncertain."""
    model = load("firms")
    path = sdmodel.Path((2009.0, 2015.0), (9.0, 90.0), "step")
    base, retained = model.run(every=1), model.run(scenario=sdmodel.Scenario(paths={"protection": path}), every=1)
    assert last(retained, "firms by quality[weak]") > 1.02 * last(base, "firms by quality[weak]")
    assert last(retained, "strong share") < last(base, "strong share")


def test_firms_follow_the_intensity_they_aim_at(load: Load) -> None:
    model = load("firms")
    higher = {f"target intensity[weak,b{i}]": 0.06 for i in range(1, 6)}
    base, run = model.run(every=1), model.run(higher, every=1)
    assert last(run, "quality intensity[weak]") > 1.8 * last(base, "quality intensity[weak]")
    assert abs(run["quality intensity[weak]"].iloc[-1] - run["quality intensity[weak]"].iloc[-5]) < 0.002


def test_zones_fill_and_then_crowd(load: Load) -> None:
    model = load("firms")
    crowded = model.run({"congestion drag": 1.0, "agglomeration pull": 0}, every=1)
    pulled = model.run({"congestion drag": 0, "agglomeration pull": 1.0}, every=1)
    assert last(crowded, "zone share") < 0.2 < last(pulled, "zone share")


# -- network, intervention, policy ------------------------------------------------------------------------------
def test_voucher_links_fade_when_vouchers_stop(load: Load) -> None:
    model = load("network")
    once = sdmodel.Path((2009.0, 2015.0, 2016.0), (0.0, 20.0, 0.0), "step")
    links = model.run(scenario=sdmodel.Scenario(paths={"vouchers": once}), every=0.25)["voucher links"]
    assert links.loc[2016.0] > 100
    assert links.loc[2019.0] < 0.05 * links.loc[2016.0]


def test_the_market_serves_what_public_units_leave(load: Load) -> None:
    """R10 the other way round: fewer public services, then a trough, then more market services."""
    model = load("network")
    cut = sdmodel.Path((2009.0, 2020.0), (450.0, 100.0), "step")
    base = model.run(every=0.25)
    run = model.run(scenario=sdmodel.Scenario(paths={"public service target": cut}), every=0.25)
    gap = base["service coverage"] - run["service coverage"]
    assert gap.max() > 0.03
    assert gap.loc[2034.0] < 0.7 * gap.max()
    assert last(run, "market service capacity") > 1.1 * last(base, "market service capacity")


def test_offers_beyond_the_number_of_firms_are_not_taken_up(load: Load) -> None:
    run = load("network").run({"vouchers": 5000.0}, every=1)
    assert run["voucher links"].max() <= 5000
    assert run["vouchers redeemed"].max() < 0.2 * 5000


def test_a_skill_rests_where_use_and_forgetting_meet(load: Load) -> None:
    model = load("intervention")
    runs = [model.run({"decided share of services": s, "FINAL TIME": 2109}, every=5) for s in (0.0, 0.9)]
    assert last(runs[0], "market allocation skill") > last(runs[1], "market allocation skill") + 0.05
    for run in runs:
        path = run["market allocation skill"]
        assert abs(path.iloc[-1] - path.iloc[-2]) < 1e-3


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
    assert [enacted["rate of low profit"].loc[float(y)] for y in (2018, 2019, 2021, 2023)] == [0.1, 0.05, 0.025, 0.05]


# -- starts and rivals that may do nothing ------------------------------------------------------------------------
def test_implementation_and_staff_start_at_rest_in_every_sample(load: Load) -> None:
    """No sample starts with a jump that an initial value made: the load of 2009 is that of the sample itself."""
    model = load("shandong")
    draws = sdmodel.latin_hypercube(model.uncertainties, 50, rng=5)
    found = model.sweep(draws, ["implementation capacity", "implementation target"], every=5, workers=1, progress=False)
    first = found.isel(time=0)
    np.testing.assert_allclose(first["implementation target"], first["implementation capacity"], rtol=1e-9)
    run = model.run(every=1)
    share = run["RnD staff"] / run["desired staff"]
    assert share.loc[2009.0] == pytest.approx(share.loc[2014.0], rel=0.02)


def test_complementarity_moves_change_and_not_the_start(load: Load) -> None:
    model = load("synergy")
    scarce, balanced = (
        {"complementarity": 4.0, "money adequacy": 0.6},
        {"complementarity": 0.01, "money adequacy": 0.6},
    )
    first = [model.run(v, every=5)["factor input"].iloc[0] for v in (scarce, balanced)]
    assert first[0] == pytest.approx(first[1], rel=1e-12)
    staff = 0.8 / (1 + 0.8**4) ** 0.25  # cut off smoothly above one
    assert first[0] == pytest.approx((0.6 * staff * 0.35) ** (1 / 3), rel=1e-5)
    less = sdmodel.Scenario(paths={"money adequacy": sdmodel.Path((2010.0, 2012.0), (0.6, 0.3))})
    falls = [last(model.run({"complementarity": c}, scenario=less), "factor input") / first[0] for c in (4.0, 0.01)]
    assert falls[0] < falls[1] - 0.05


def test_who_opens_a_link_changes_what_it_is_worth_and_not_how_many_there_are(load: Load) -> None:
    model, opened = load("network"), "success of links opened by universities"
    runs = {
        (who, worth): model.run({"university initiative": who, opened: worth}, every=5)
        for who in (0.0, 1.0)
        for worth in (0.5, 1.0, 1.5)
    }
    links = [last(r, "university links") for r in runs.values()]
    assert max(links) == pytest.approx(min(links), rel=1e-6)
    by_firms = last(runs[0.0, 1.0], "link conversion")
    assert last(runs[1.0, 0.5], "link conversion") < by_firms < last(runs[1.0, 1.5], "link conversion")
    assert last(runs[1.0, 1.0], "link conversion") == pytest.approx(by_firms, rel=1e-9)


def test_directions_can_help_mislead_or_do_nothing(load: Load) -> None:
    """Beside that, they take decisions from the market, whatever they do for a project."""
    model = load("shandong")
    gain = {}
    for worth in (-0.2, 0.0, 0.6):
        none, much = (model.run({"direction of RnD": d, "worth of a set direction": worth}, every=5) for d in (0, 3))
        gain[worth] = last(much, "help of directions") / last(none, "help of directions") - 1
        assert last(much, "competition strength") < last(none, "competition strength")
    assert gain[-0.2] < -0.01 < gain[0.0] == 0 < 0.03 < gain[0.6]


def test_insurance_pays_for_failures_and_can_be_misused(load: Load) -> None:
    model = load("shandong")
    on = {"insured part of a failure": 0.5}
    null = {"response of RnD to insurance": 0.0, "carelessness of the insured": 0.0}
    base, idle = model.run(null, every=1), model.run({**on, **null}, every=1)
    at = 2016.0
    paid = (
        0.1
        * 0.5
        * idle["arriving part"].loc[at]
        * (1 - idle["conversion rate"].loc[at])
        * idle["own RnD"].loc[at].sum()
    )
    assert idle["insurance paid"].loc[at] == pytest.approx(paid, rel=1e-6)
    assert last(base, "insurance paid") == 0
    assert abs(last(idle, "money residual")) < 1e-6
    daring = model.run({**on, **null, "response of RnD to insurance": 3.0}, every=1)
    careless = model.run({**on, **null, "carelessness of the insured": 1.0}, every=1)
    assert last(daring, "real RnD intensity") > last(idle, "real RnD intensity") * 1.005
    assert last(careless, "conversion rate") < last(idle, "conversion rate") * 0.98


# -- loops across sectors ---------------------------------------------------------------------------------------
LOOPS = {
    "B8 new products and what the market takes": ("lagged new product revenue", "market room", "knowledge"),
    "B4 claims and the guarantee fund": ("guarantee claims paid", "guarantee fund", "guarantee fund"),
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
    base = model.run(every=0.0625, method="exact")
    whole = model.run(acted, every=5, method="exact")[outcome].iloc[-1]
    held = model.cut(cause, effect).run(acted, every=5, method="exact", data={f"{cause} held": base[cause]})
    change = np.abs(np.asarray(held[outcome].iloc[-1]) / np.asarray(whole) - 1)
    assert np.max(change) > 1e-4
