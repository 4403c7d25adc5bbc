"""Mistakes that models of this kind make without anybody noticing, each held off by a test where one can be written.

Levers, dates and indices: test_traps_levers.py. Held off elsewhere:

- acceleration is a deferral and no lasting cost: `test_accelerated_depreciation_defers_tax_and_does_not_waive_it`
- guaranteed credit follows the fund: `test_claims_eat_the_guarantee_fund`
- money, firms, knowledge and debt are conserved in every run: test_conservation.py, test_shipped.py
- published figures in 亿 and 万 are converted as printed: tests/models/test_seed_figures.py
- every lever acts in a busy state: `test_every_lever_moves_an_outcome_where_it_can_act`
- history is the same in a busy state: `test_levers_never_act_on_history`

No test can be written for two of them. That corners with all levers at random ends are no policy is a matter of what is
concluded from them: no experiment draws levers (it is tested that a sweep of the
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

STEP = 0.125


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


QUALITIES = ("weak", "strong")


def first(run: Run, name: str) -> float:
    return float(np.asarray(run[name].iloc[0]).sum())


# -- grants --------------------------------------------------------------------------------------------------------
def test_grant_money_is_the_size_of_a_grant_times_the_projects_that_have_one(whole: Model) -> None:
    """Number and size stay apart: twice the grants offer twice the money, and each pays the same part of a project."""
    plain, more, larger = (whole.run(v, every=1) for v in ({}, {"grant number": 2}, {"grant size": 0.8}))
    for run in (more, larger):
        np.testing.assert_allclose(run["grant awards"].loc[2016.0:], 2 * plain["grant awards"].loc[2016.0:], rtol=1e-9)
    assert more["paid part"].loc[2020.0] == pytest.approx(plain["paid part"].loc[2020.0], rel=1e-9)
    assert larger["paid part"].loc[2020.0] > 1.5 * plain["paid part"].loc[2020.0]


def test_a_recipient_answers_to_the_size_of_his_grant_and_not_to_how_many_there_are() -> None:
    """Whether a project is done depends on the part that a grant pays; at twice the grants it does not."""
    model = load("financing")
    plain, more, larger = (model.run(v, every=5) for v in ({}, {"grant awards": 160}, {"grant per recipient": 0.6}))
    name = "chance of a project[strong,advance]"
    assert first(more, name) == pytest.approx(first(plain, name), rel=1e-9)
    assert first(larger, name) > 1.05 * first(plain, name)


def test_a_grant_costs_what_is_paid_and_not_what_is_offered(whole: Model) -> None:
    run = whole.run({"grant number": 5}, every=0.25)
    paid, cost = run["grant paid"].sum(axis=1), run["fiscal cost by instrument"]["grant"]
    np.testing.assert_allclose(cost, (1 + run.constants["administration cost share"]) * paid, rtol=1e-12)
    assert (paid < 0.95 * run["grant awards"]).all()


def test_public_rnd_is_no_own_rnd() -> None:
    model = load("rd_investment")
    plain, more = model.run(every=5), model.run({"public RnD[weak]": 160, "public RnD[strong]": 220}, every=5)
    assert first(more, "own RnD") == pytest.approx(first(plain, "own RnD"), rel=1e-9)
    assert first(more, "total real RnD") - first(plain, "total real RnD") == pytest.approx(380 - 38, rel=1e-9)
    for run in (plain, more, load("shandong").run({"grant number": 10}, every=1)):
        total = (run["own RnD"] + run["public RnD"]).sum(axis=1)
        np.testing.assert_allclose(run["total real RnD"].sum(axis=1), total, rtol=1e-12)


def test_a_grant_is_neither_revenue_nor_taxable_profit(whole: Model) -> None:
    """It meets spending once (money is conserved); counted as income as well it would pay twice."""
    grants = {"grant awards", "grants offered", "grant paid", "public RnD", "grant effect on own RnD"}
    for name in ("revenue", "operating surplus", "profit per firm"):
        moved = at_once(whole, name, without=("interest paid", "own RnD"))
        assert "base revenue" in moved
        assert not moved & grants, name


# -- tax -----------------------------------------------------------------------------------------------------------
def tax_position(values: dict[str, float]) -> dict[str, float]:
    run = load("rd_investment").run(values, every=5)
    at = {n: first(run, n) for n in ("tax forgone", "reported RnD", "own RnD", "total real RnD")}
    claimed = run["deduction per claimant"].iloc[0] * [run.constants[f"firms by quality[{q}]"] for q in QUALITIES]
    rate = float(run["statutory rate"].iloc[0].max())
    return {**at, "claimed": float(claimed.sum()) * run.constants["take up"], "rate": rate}


def test_the_deduction_follows_reported_rnd_and_knowledge_the_real_one() -> None:
    honest, relabelled = (tax_position({"relabelling at rest": r}) for r in (0.0, 0.15))
    assert relabelled["reported RnD"] > 1.1 * honest["reported RnD"]
    assert relabelled["tax forgone"] > 1.05 * honest["tax forgone"]
    for name in ("own RnD", "total real RnD"):
        assert relabelled[name] == pytest.approx(honest[name], rel=1e-9)


def test_the_deduction_costs_what_is_used_and_not_what_is_claimed() -> None:
    """A firm without profit saves nothing now and less later."""
    margin, extra = "margin of a weak firm", "extra margin of a strong firm"
    rich, poor = (tax_position({margin: m, extra: e}) for m, e in ((0.1, 0.04), (0.05, 0)))
    for at in (rich, poor):
        assert 0 < at["tax forgone"] < at["rate"] * at["claimed"]
    assert poor["tax forgone"] / poor["claimed"] < 0.9 * rich["tax forgone"] / rich["claimed"]


# -- credit and talent ---------------------------------------------------------------------------------------------
def test_a_guarantee_multiple_meets_the_fund_and_not_what_is_paid_into_it() -> None:
    model = load("financing")
    path = sdmodel.Path((2009.0, 2015.0, 2020.0), (10.0, 60.0, 0.0), "step")
    run = model.run(scenario=sdmodel.Scenario(paths={"scheme capital": path}), every=0.25)
    lending, fund = run["scheme lending[guarantee]"], run["fund[guarantee]"]
    assert lending.loc[2020.0] > 1.2 * lending.loc[2015.0]
    assert lending.loc[2020.25] == pytest.approx(lending.loc[2020.0], rel=0.1)
    assert (run["covered debt[guarantee]"] <= 10 * fund).all()


@pytest.mark.parametrize("name", ["covered debt", "bank debt", "fund", "private loans"])
def test_debts_and_funds_are_amounts_and_not_flows(whole: Model, name: str) -> None:
    assert parse(whole[name].unit) == parse("million CNY")


def test_wages_are_paid_once_inside_rnd(whole: Model) -> None:
    """Staff has no cost of its own: what is not staffed is not spent, and nothing else that firms pay reads staff."""
    staff = {
        "RnD staff",
        "new staff",
        "experienced staff",
        "vacancies",
        "desired staff",
        "hires",
        "RnD cost per RnD person",
    }
    assert "experienced staff" in at_once(whole, "own RnD")
    for name in ("profit per firm", "funds per firm", "owner money out", "operating surplus"):
        assert not at_once(whole, name, without=("own RnD", "public RnD")) & staff, name


# -- what leaves with a firm ---------------------------------------------------------------------------------------
LEAVES = {
    "rd_investment": {"knowledge": 1, "RnD under way": 1},
    "financing": {"bank debt": 1, "private loans": 1},
    "network": {"project links": 2, "university links": 1, "voucher links": 1, "alliance members": 1, "deep links": 2},
    "talent": {"new staff": 0.6, "experienced staff": 0.6},
}  # fmt: skip
"""Share of a stock that one exit takes along, over its share of the firms: two for a link with both ends inside."""
BEGUN = {"network": {"vouchers": 20.0, "alliance recruitment": 200.0}}


@pytest.mark.parametrize(("sector", "stock"), [(s, n) for s, stocks in LEAVES.items() for n in stocks])
def test_an_exit_takes_along_what_belongs_to_the_firm(sector: str, stock: str) -> None:
    """One step of time from the same state, with and without five points more of exits."""
    usual, more = 0.1, 0.05
    name = "leaving fraction" if sector == "financing" else "exit fraction"
    starts, ends = [], []
    for added in (0.0, more):
        path = sdmodel.Path((2009.0, 2011.0), (usual, usual + added), "step")
        change = sdmodel.Scenario(paths={name: path})
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
    assert whole.uses("project success") == ("conversion odds",)
    assert whole.uses("conversion index") == ("new products unlimited",)
    model = load("rd_investment")
    plain, twice = (model.run({f"conversion index[{q}]": c for q in QUALITIES}, every=5) for c in (1.0, 2.0))
    assert first(twice, "new products unlimited") == pytest.approx(
        2 * first(plain, "new products unlimited"), rel=1e-12
    )
    behind = at_once(whole, "knowledge", without=("leaving fraction", "entrants", "learning fraction"))
    assert "absorption" in behind
    assert not behind & {"project success", "conversion odds", "conversion index"}


def test_rnd_comes_up_to_a_new_user_cost_over_years(whole: Model, base: Run) -> None:
    """The elasticity is one of the long run: a year after a jump most of the answer is still to come."""
    run = whole.run({"flat extra deduction": 1.0, "policy ramp time": 0}, every=0.25)
    gain = run["own RnD"].sum(axis=1) / base["own RnD"].sum(axis=1) - 1
    assert abs(gain.loc[2015.0]) < 1e-6
    assert 0 < gain.loc[2015.25] < 0.15 * gain.max()
    assert gain.loc[2016.0] < 0.4 * gain.max()


def test_intensity_is_money_over_money_and_the_mean_firm_is_another_number(base: Run) -> None:
    own, revenue = base["own RnD"], base["revenue"]
    np.testing.assert_allclose(base["real RnD intensity"], own.sum(axis=1) / revenue.sum(axis=1), rtol=1e-12)
    firms = base["firms by quality"]
    each = (own / revenue * firms).sum(axis=1) / firms.sum(axis=1)
    assert abs(each / base["real RnD intensity"] - 1).min() > 0.01


# -- hazards -------------------------------------------------------------------------------------------------------
def test_no_cliff_stands_before_the_mean_firm() -> None:
    """C23 by degrees: exits fall smoothly with what a firm sells that is new; no band of RnD has its own hazard."""
    model = load("firms")
    parts = np.linspace(0.05, 0.4, 9)
    along = np.array(
        [first(model.run({"new product part[weak]": float(x)}, every=5), "exit fraction[weak]") for x in parts]
    )
    assert along[0] > 1.05 * along[-1]
    assert (np.diff(along) < 0).all()
    assert np.abs(np.diff(along)).max() < 0.5 * (along[0] - along[-1])


def test_multipliers_of_the_hazard_leave_its_mean_at_the_fitted_one(whole: Model) -> None:
    """At the start, in every sample: the pressures of the mean firm are those that it is measured by."""
    draws = sdmodel.latin_hypercube(whole.uncertainties, 100, rng=5)
    names = ["pressure to exit", "usual pressure to exit", "firms by quality", "all firms"]
    at = whole.replace("FINAL TIME", 2009.25).sweep(draws, names, every=0.25, workers=1, progress=False).isel(time=0)
    mean = (at["pressure to exit"] * at["firms by quality"]).sum("quality") / at["all firms"]
    np.testing.assert_allclose(mean / at["usual pressure to exit"], 1, rtol=1e-9)


def test_a_hazard_is_a_rate_and_a_yearly_chance_is_not() -> None:
    """Past its endowment a firm at a rate of h lives through n years with the chance exp(-h n)."""
    model = load("firms").replace("endowment time", 0.003)
    run = model.run(every=5)
    alive, hazard = run["survival of new firms"], run["hazard"].iloc[0]
    for years, name in ((1, "year one"), (5, "year five"), (9, "year nine")):
        assert alive[f"weak,{name}"].iloc[0] == pytest.approx(np.exp(-hazard["weak"] * years), rel=0.05), name


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
    for name in ("grant per recipient", "zone money", "protection"):
        assert run[name].loc[2015.0:].nunique() == 1


def figures() -> dict[str, float]:
    with (shipped("models") / "data" / "seed_figures.csv").open(encoding="utf-8", newline="") as file:
        return {row["id"]: float(row["value"] or "nan") for row in csv.DictReader(file)}


FROM_FIGURES: dict[str, Callable[[dict[str, float]], float]] = {
    "seed and incubation funds": lambda f: f["F40"],
    "guarantee company capital": lambda f: f["F18"] / 10,
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
