"""Mistakes that models of this kind make without anybody noticing, each held off by a test where one can be written.

Levers, dates and indices: test_traps_levers.py. Held off elsewhere:

- award, payment and spending have three dates: `test_money_of_award_payment_and_spending_have_three_dates`
- acceleration is a deferral and no lasting cost: `test_accelerated_depreciation_defers_tax_and_does_not_waive_it`
- guaranteed credit follows the fund: `test_claims_eat_the_guarantee_fund`
- money, firms, knowledge and debt are conserved in every run: test_conservation.py
- published figures in 亿 and 万 are converted as printed: tests/models/test_seed_figures.py
- every lever acts in a busy state: `test_every_lever_moves_an_outcome_where_it_can_act`
- history is the same in a busy state: `test_levers_never_act_on_history`

No test can be written for two of them. That corners with all levers at random ends are no policy is a matter of what is
concluded from them: corners.py says it, and no experiment draws levers (it is tested that a sweep of the
uncertainties leaves them alone). That a share of samples means little over ranges nobody defends is answered by asking
again with the ranges half and twice as wide (`sdmodel.study.prior_widths`); what follows from it is for the reader.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import sdmodel
from sdmodel.core.resources import shipped
from sdmodel.core.run import Run
from sdmodel.core.units import parse
from sdmodel.model import Model

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_generate"))
import traceability

STEP = 0.0625


@cache
def load(name: str) -> Model:
    return sdmodel.load(name)


@pytest.fixture(scope="module")
def whole() -> Model:
    return load("shandong")


@pytest.fixture(scope="module")
def base() -> Run:
    return load("shandong").run(every=0.25)


def at_once(model: Model, name: str, without: tuple[str, ...] = ()) -> set[str]:
    """Names that move `name` in the same instant: back through auxiliaries, up to stocks and constants."""
    seen: set[str] = set()
    todo = [model[name].key]
    skipped = {model[n].key for n in without}
    while todo:
        for k in traceability.moving_reads(model.equations[todo.pop()]) - seen - skipped:
            if k in model.equations:
                seen.add(k)
                if model.equations[k].kind != "stock":
                    todo.append(k)
    return {model.equations[k].name for k in seen}


def first(run: Run, name: str) -> float:
    return float(np.asarray(run[name].iloc[0]).sum())


# -- grants --------------------------------------------------------------------------------------------------------
def test_grant_money_is_the_size_of_a_grant_times_the_firms_that_have_one(whole: Model) -> None:
    """Coverage and size stay apart: the subsidy share of a recipient is ten times that of the mean firm."""
    run = whole.run({"grant number": 5, "grant size": 0.8}, every=1)
    for quality in ("weak", "strong"):
        coverage, firms = run[f"grant coverage[{quality}]"], run[f"firms by quality[{quality}]"]
        spells = -np.log1p(-coverage)  # grants over firms, some with more than one
        outlay = spells * firms * run["grant per recipient"]
        np.testing.assert_allclose(outlay, run[f"public RnD[{quality}]"], rtol=1e-9)
        assert (coverage * firms * run["grant per recipient"] <= outlay).all()
        assert coverage.max() < 0.3


def test_a_recipient_answers_to_the_size_of_his_grant_and_not_to_how_many_there_are() -> None:
    """At the size of one grant the wish of a recipient moves; at twice the recipients it does not."""
    model = load("rd_investment")
    plain = model.run(every=5)
    more = model.run({"grant coverage[weak]": 0.04, "grant coverage[strong]": 0.08}, every=5)
    larger = model.run({"grant per recipient": 0.8}, every=5)
    name = "wanted own RnD[strong,b2,with grant]"
    assert first(more, name) == pytest.approx(first(plain, name), rel=1e-9)
    assert first(larger, name) < 0.9 * first(plain, name)
    moved = first(more, "target intensity") / first(plain, "target intensity") - 1
    assert abs(moved) > 1e-4


def test_a_grant_costs_when_it_is_paid(whole: Model) -> None:
    run = whole.run({"grant number": 5, "shift to advance payment": -1}, every=0.25)
    cost = run["fiscal cost by instrument"][["grant", "selective"]].sum(axis=1)
    paid, spent = run["grant paid"].sum(axis=1), run["public RnD"].sum(axis=1)
    awarded = run["grant awards"] + run["selective awards"]
    np.testing.assert_allclose(cost, paid, rtol=1e-12)
    assert abs(awarded.loc[2016.0] / paid.loc[2016.0] - 1) > 0.2
    assert abs(spent.loc[2016.0] / paid.loc[2016.0] - 1) > 0.1


def test_public_rnd_is_no_own_rnd() -> None:
    model = load("rd_investment")
    plain, more = model.run(every=5), model.run({"public RnD[weak]": 160, "public RnD[strong]": 220}, every=5)
    assert first(more, "own RnD") == pytest.approx(first(plain, "own RnD"), rel=1e-9)
    assert first(more, "total real RnD") - first(plain, "total real RnD") == pytest.approx(380 - 38, rel=1e-9)
    for run in (plain, more, load("shandong").run({"grant number": 10}, every=1)):
        total = (run["own RnD"] + run["public RnD"]).sum(axis=1)
        np.testing.assert_allclose(run["total real RnD"].sum(axis=1), total, rtol=1e-12)


def test_a_grant_is_neither_revenue_nor_taxable_profit(whole: Model) -> None:
    """It meets spending and cash once (money is conserved); counted as income as well it would pay twice."""
    grants = {"grant awards", "selective awards", "grant paid", "ex ante payment", "claims settled", "public RnD"}
    grants |= {"unspent awards", "claims awaiting payment", "advance spending"}
    for name in ("revenue", "operating surplus", "booked profit"):
        moved = at_once(whole, name, without=("interest paid",))
        assert "margin on established products" in moved or name == "revenue"
        assert not moved & grants, name


# -- tax -----------------------------------------------------------------------------------------------------------
def tax_position(values: dict[str, float]) -> dict[str, float]:
    run = load("rd_investment").run(values, every=5)
    at = {n: first(run, n) for n in ("tax forgone", "reported RnD", "own RnD", "total real RnD", "stage progress")}
    claimed = run["deduction per claimant"].iloc[0] * run["firms by quality"].iloc[0] * run.constants["take up"]
    return {
        **at,
        "claimed": float(claimed.sum()),
        "unused": first(run, "new unused deduction"),
        "rate": float(run["statutory rate"].iloc[0].max()),
    }


def test_the_deduction_follows_reported_rnd_and_knowledge_the_real_one() -> None:
    honest, relabelled = (tax_position({"relabelling at rest": r}) for r in (0.0, 0.15))
    assert relabelled["reported RnD"] > 1.1 * honest["reported RnD"]
    assert relabelled["tax forgone"] > 1.05 * honest["tax forgone"]
    for name in ("own RnD", "total real RnD", "stage progress"):
        assert relabelled[name] == pytest.approx(honest[name], rel=1e-9)


def test_the_deduction_costs_what_is_used_and_not_what_is_claimed() -> None:
    margin, extra = "margin of a weak firm", "extra margin of a strong firm"
    rich, poor = (tax_position({margin: m, extra: e}) for m, e in ((0.1, 0.04), (0.03, 0)))
    for at in (rich, poor):
        assert 0 < at["unused"] < at["claimed"]
        assert at["tax forgone"] < at["rate"] * at["claimed"]
    assert poor["unused"] / poor["claimed"] > 1.5 * rich["unused"] / rich["claimed"]
    assert poor["tax forgone"] / poor["claimed"] < 0.8 * rich["tax forgone"] / rich["claimed"]


def test_what_is_used_later_was_put_aside_before() -> None:
    """Unused deduction is used, lost by age or with its firm, and never used twice."""
    run = load("rd_investment").run({"margin of a weak firm": 0.03}, every=STEP)
    t = run.time
    put, used = (np.trapezoid(run[n]["weak"], t) for n in ("new unused deduction", "use of unused deduction"))
    retained = run["unused deduction"]["weak"]
    assert used > 0.1 * put
    assert used < put + retained.iloc[0] - retained.iloc[-1]


# -- credit and talent ---------------------------------------------------------------------------------------------
def test_a_guarantee_multiple_meets_the_fund_and_not_what_is_paid_into_it() -> None:
    model = load("financing")
    path = sdmodel.Path((2009.0, 2015.0, 2020.0), (10.0, 60.0, 0.0), "step")
    run = model.run(scenario=sdmodel.Scenario(paths={"guarantee capital": path}), every=0.25)
    credit, fund = run["guaranteed credit"], run["guarantee fund"]
    assert credit.loc[2020.0] > 3 * credit.loc[2015.0]
    assert credit.loc[2020.25] == pytest.approx(credit.loc[2020.0], rel=0.05)
    np.testing.assert_allclose(credit / fund, credit.iloc[0] / fund.iloc[0], rtol=1e-9)


@pytest.mark.parametrize("name", ["guaranteed credit", "pooled credit", "credit limit", "guaranteed debt"])
def test_limits_of_credit_are_amounts_and_not_flows(whole: Model, name: str) -> None:
    assert parse(whole[name].unit) == parse("million CNY")


def test_wages_are_paid_once_inside_rnd(whole: Model) -> None:
    """Staff has no cost of its own: no money flow of firms reads it, but for tax rates by its shares."""
    staff = {"RnD staff", "new staff", "experienced staff", "vacancies", "desired staff", "hires"}
    staff.add("RnD cost per RnD person")
    assert "experienced staff" in at_once(whole, "tax paid")
    for name in ("business outlays", "dues", "cash inflow", "booked profit", "operating surplus"):
        assert not at_once(whole, name, without=("RnD staff share", "degree share")) & staff, name


# -- what leaves with a firm ---------------------------------------------------------------------------------------
LEAVES = {
    "rd_investment": {"knowledge": 1, "RnD in stage": 1, "unused deduction": 1, "undepreciated equipment": 1},
    "financing": {"cash": 1, "bank debt": 1, "private loans": 1, "unspent awards": 1, "claims awaiting payment": 1},
    "network": {
        "vertical links": 1, "project links": 2, "university links": 1, "voucher links": 1, "alliance members": 1,
        "old deep links": 2,
    },
    "talent": {"new staff": 0.6, "experienced staff": 0.6},
}  # fmt: skip
"""Share of a stock that one exit takes along, over its share of the firms: two for a link with both ends inside."""
BEGUN = {"network": {"vouchers": 20.0, "alliance recruitment": 200.0}}


@pytest.mark.parametrize(("sector", "stock"), [(s, n) for s, stocks in LEAVES.items() for n in stocks])
def test_an_exit_takes_along_what_belongs_to_the_firm(sector: str, stock: str) -> None:
    """One step of time from the same state, with and without five points more of exits."""
    usual, more = 0.1, 0.05
    starts, ends = [], []
    for added in (0.0, more):
        path = sdmodel.Path((2009.0, 2011.0), (usual, usual + added), "step")
        change = sdmodel.Scenario(paths={"exit fraction": path})
        run = load(sector).run(BEGUN.get(sector, {}), scenario=change, method="euler", every=STEP)
        starts.append(np.atleast_1d(run[stock].loc[2011.0]))
        ends.append(np.atleast_1d(run[stock].loc[2011.0 + STEP]))
    np.testing.assert_array_equal(starts[0], starts[1])
    assert (starts[0] > 0).all()
    lost = (ends[0] - ends[1]) / (starts[0] * more * STEP)
    np.testing.assert_allclose(lost, LEAVES[sector][stock], rtol=1e-6)


def test_links_per_firm_count_the_ends_of_links_over_firms(base: Run) -> None:
    """Both ends of a deep link are firms of the population; half as many would be links over firms."""
    np.testing.assert_allclose(base["deep links per firm"], 2 * base["deep links"] / base["all firms"], rtol=1e-9)


# -- knowledge and RnD ---------------------------------------------------------------------------------------------
def test_success_of_projects_counts_once(whole: Model) -> None:
    """It stands in conversion, and the way from RnD to knowledge knows nothing of it."""
    assert whole.uses("project success") == ("failure share",)
    assert whole.uses("failure share") == ("conversion odds",)
    assert whole.uses("conversion index") == ("new product revenue",)
    model = load("rd_investment")
    plain, twice = model.run(every=5), model.run({"conversion index": 2.0}, every=5)
    assert first(twice, "new product revenue") == pytest.approx(2 * first(plain, "new product revenue"), rel=1e-12)
    for name in ("stage progress", "abandoned RnD", "knowledge from spillover"):
        assert first(twice, name) == pytest.approx(first(plain, name), rel=1e-9), name


def test_rnd_comes_up_to_a_new_user_cost_over_years(whole: Model, base: Run) -> None:
    """The elasticity is one of the long run: a year after a jump most of the answer is still to come."""
    run = whole.run({"flat extra deduction": 1.0, "policy ramp time": 0}, every=0.25)
    gain = run["own RnD"].sum(axis=1) / base["own RnD"].sum(axis=1) - 1
    assert abs(gain.loc[2015.0]) < 1e-6
    assert 0 < gain.loc[2015.25] < 0.15 * gain.max()
    assert gain.loc[2016.0] < 0.4 * gain.max()


def test_intensity_is_money_over_money_and_the_mean_firm_is_another_number(base: Run) -> None:
    own, revenue = base["own RnD"].sum(axis=1), base["revenue"].sum(axis=1)
    np.testing.assert_allclose(base["real RnD intensity"], own / revenue, rtol=1e-12)
    firms = base["firms by quality"]
    each = (base["quality intensity"] * firms).sum(axis=1) / firms.sum(axis=1)
    np.testing.assert_allclose(base["mean intensity of firms"], each, rtol=1e-12)
    assert abs(base["mean intensity of firms"] / base["real RnD intensity"] - 1).min() > 0.01


# -- hazards -------------------------------------------------------------------------------------------------------
def test_no_cliff_stands_before_the_mean_firm() -> None:
    """With the paper's cliffs on, exits still change by degrees as firms move over three per cent; off, not at all."""
    model = load("firms")

    def exits(aim: float, switch: int) -> float:
        aims = {f"target intensity[{q},b{i}]": aim for q in ("weak", "strong") for i in range(1, 6)}
        return float(model.run({**aims, "band hazard switch": switch}, every=5)["exit fraction[weak]"].loc[2034.0])

    along = np.array([exits(a, 2) for a in np.linspace(0.02, 0.04, 9)])
    assert along[0] > 1.05 * along[-1]
    assert (np.diff(along) < 0).all()
    assert np.abs(np.diff(along)).max() < 0.3 * (along[0] - along[-1])
    assert exits(0.005, 0) == pytest.approx(exits(0.08, 0), rel=1e-9)


def over_fitted(found: object) -> np.ndarray:
    """Mean hazard over the one fitted to the same ages, micro firms counted, by run."""
    held = (found["hazard"] * found["firms"]).sum(["quality", "age"])
    return (held / (found["fitted hazard"] * found["firms"]).sum(["quality", "age"])).to_numpy()


@pytest.mark.parametrize("switch", [0, 1, 2])
def test_multipliers_of_the_hazard_leave_its_mean_at_the_fitted_one(whole: Model, switch: int) -> None:
    """At the start, where they are set to one, in every sample and for each reading of the bands."""
    draws = sdmodel.latin_hypercube(whole.uncertainties, 100, rng=5).assign(**{"band hazard switch": switch})
    model = whole.replace("FINAL TIME", 2009.25)
    found = model.sweep(draws, ["hazard", "firms", "fitted hazard"], every=0.25, workers=1, progress=False)
    off = over_fitted(found.isel(time=0)) / draws["micro firm hazard"].to_numpy() - 1
    assert np.abs(off).max() < 0.02


def test_a_hazard_is_a_rate_and_a_yearly_chance_is_not() -> None:
    """A chance of 9.5 % a year is a rate of 0.0998: at that rate 90.5 % live through a year and 60.7 % through five."""
    model = load("firms")
    for age in ("founding", "the critical age", "established firms"):
        model = model.replace(f"hazard of {age}", -np.log(1 - 0.095))
    alive = model.run(every=5)["national survival"].iloc[0]
    for years, name in ((1, "year one"), (5, "year five"), (9, "year nine")):
        assert alive[name] == pytest.approx(0.905**years, rel=1e-3), name


# -- money of different years, and of different size --------------------------------------------------
def test_rnd_of_the_province_is_at_prices_of_2014(whole: Model, base: Run) -> None:
    table = whole["regional RnD data"].components[0].expr
    printed = dict(zip(table.x, table.y, strict=True))
    rise = base.constants["price rise"]
    assert rise > 0.01
    for year in (2009.0, 2011.0, 2014.0, 2017.0):
        real = printed[year] * np.exp(-rise * (year - 2014))
        assert base["regional RnD index"].loc[year] == pytest.approx(real, rel=1e-9)


def test_public_money_does_not_grow_by_prices(whole: Model) -> None:
    """Sizes are in prices of 2014, so a programme that goes on as it was costs the same at the end."""
    run = whole.run(every=1)
    table = whole["special fund of the province"].components[0].expr
    assert table.y[-1] == table.y[-2] == 1300
    for name in ("grant per recipient", "annual budget cap"):
        assert run[name].loc[2015.0:].nunique() == 1


def figures() -> dict[str, float]:
    with (shipped("models") / "data" / "seed_figures.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: float(row["value"] or "nan") for row in csv.DictReader(file)}


FROM_FIGURES: dict[str, Callable[[dict[str, float]], float]] = {
    "cluster fund": lambda f: f["F66"],
    "seed and incubation funds": lambda f: f["F40"],
    "guarantee company capital": lambda f: f["F18"] / 10,
    "guarantee utilisation": lambda f: round(f["F20"] / f["F18"], 2),
    "firms per alliance": lambda f: round(f["F71"] / (f["F69"] + f["F70"]), 1),
    "grant size in 2014": lambda f: (f["F11"] + f["F12"]) / 2,
}


@pytest.mark.parametrize("name", FROM_FIGURES)
def test_a_constant_that_cites_a_figure_has_its_size(whole: Model, name: str) -> None:
    """A slip of 亿 against 万 in a model file would be a factor of ten thousand."""
    assert whole.parameters().loc[name, "value"] == pytest.approx(FROM_FIGURES[name](figures()), rel=1e-9)


def test_the_special_fund_is_what_the_paper_prints(whole: Model) -> None:
    known, table = figures(), whole["special fund of the province"].components[0].expr
    assert table.y[-1] == known["F37"]
    assert table.y[0] == pytest.approx(known["F37"] / (1 + known["F38"]), abs=0.5)
