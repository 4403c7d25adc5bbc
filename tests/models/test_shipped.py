"""What must hold in the shipped models whatever the parameters: ranges, ledgers, conservation, levers that act."""

from __future__ import annotations

import dataclasses
import math
import tomllib

import numpy as np
import pandas as pd
import pytest

import sdmodel
from sdmodel.expression import Call, Expr, Number, Op, Ref
from sdmodel.model import Component, Model, Variable
from sdmodel.paths import shipped, shipped_models

SHIPPED = sorted(shipped_models())
SLACK = 1e-9


@pytest.fixture(scope="module")
def whole() -> Model:
    return sdmodel.load("shandong")


def corners(model: Model, runs: int, seed: int) -> pd.DataFrame:
    """Every constant that has a closed range at one of its ends, levers included."""
    given = model.parameters("lever", "uncertainty", "switch")
    given = given[np.isfinite(given["low"]) & np.isfinite(given["high"])]
    rng = np.random.default_rng(seed)
    ends = given[["low", "high"]].to_numpy()
    drawn = np.stack([ends[np.arange(len(given)), rng.integers(0, 2, len(given))] for _ in range(runs)])
    design = pd.DataFrame(drawn, columns=given.index)
    if "exit start" in design:  # an end of that range is never; dates inside say more
        design["exit start"] = rng.uniform(2015, 2034, runs)
        design["push start"] = rng.uniform(2015, 2030, runs)
    return design


def moving(model: Model) -> list[str]:
    return [v.name for v in model.equations.values() if v.kind in ("stock", "auxiliary")]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_hundred_corners_stay_finite_and_in_range(name: str) -> None:
    model = sdmodel.load(name)
    found = model.sweep(corners(model, 100, 1), moving(model), every=1, processes=1, progress=False)
    assert found["message"].to_numpy().tolist() == [""] * 100
    for variable in moving(model):
        low, high = float(found[variable].min()), float(found[variable].max())
        assert math.isfinite(low), variable
        assert math.isfinite(high), variable
        stated = model[variable]
        scale = max(abs(low), abs(high), 1.0)
        assert low >= stated.low - SLACK * scale, f"{variable} falls to {low}, below {stated.low}"
        assert high <= stated.high + SLACK * scale, f"{variable} rises to {high}, above {stated.high}"
        if stated.kind == "stock" and variable not in SIGNED:
            assert low >= -SLACK * scale, f"the stock {variable} falls to {low}"


SIGNED = ("cumulative cost", "discounted cost", "fiscal cost of last year")
"""Stocks that can be negative: deferred tax and the sale of stakes flow back."""


@pytest.mark.parametrize("name", SHIPPED)
def test_shares_have_a_range_that_says_so(name: str) -> None:
    """Else the test above would hold them to nothing."""
    model = sdmodel.load(name)
    shares = [v for v in model.equations.values() if v.kind == "stock" and "share" in v.name.split()]
    if name in ("network", "intervention", "shandong"):
        assert shares
    for v in shares:
        assert (v.low, v.high) == (0, 1), v.name
    for v in model.equations.values():
        if v.outcome and v.name.endswith(("share", "index", "skill", "intensity", "mechanism", "coverage")):
            assert (v.low, v.high) == (0, 1), v.name


@pytest.mark.parametrize("name", SHIPPED)
def test_the_base_run_lies_within_every_stated_range(name: str) -> None:
    model = sdmodel.load(name)
    for run in [model.run(), *(model.run(scenario=s) for s in model.scenarios)]:
        table = run.to_dataframe()
        for column in table.columns:
            v = model[column.split("[")[0]]
            assert v.low - SLACK <= table[column].min(), (run.scenario.name, column)
            assert table[column].max() <= v.high + SLACK, (run.scenario.name, column)


# -- ledgers ----------------------------------------------------------------------------------------------------
def with_stock(model: Model, name: str, flow: Expr, first: Expr) -> Model:
    integral = Component((), (), Call("integ", (flow, first)))
    return model.with_variable(Variable(name, "stock", (integral,)))


def plus(*args: Expr) -> Expr:
    out = args[0]
    for other in args[1:]:
        out = Op("+", (out, other))
    return out


def times(*args: Expr) -> Expr:
    out = args[0]
    for other in args[1:]:
        out = Op("*", (out, other))
    return out


def test_the_money_of_all_instruments_is_the_fiscal_cost(whole: Model) -> None:
    model = with_stock(whole, "all money", Ref("fiscal cost"), Number(0.0))
    for scenario in ("gradual exit", "prepared exit", "timed push", "rules before money"):
        run = model.run(scenario=scenario, every=1)
        ledger = run["cumulative cost"].sum(axis=1)
        np.testing.assert_allclose(ledger, run["all money"], rtol=1e-7, atol=1e-6)
        assert ledger.iloc[-1] > 100
        spent = run["fiscal cost by instrument"].sum(axis=1)
        np.testing.assert_allclose(spent, run["fiscal cost"], rtol=1e-12)


def test_the_present_value_is_money_at_its_discount(whole: Model) -> None:
    run = whole.run({"real social discount rate": 0.05}, scenario="timed push", every=0.05)
    t, cost = run.time, run["fiscal cost"].to_numpy()
    weight = np.where(t >= 2015, np.exp(-0.05 * (t - 2015)), 0.0)
    by_hand = np.trapezoid((cost * weight)[t >= 2015], t[t >= 2015])
    assert run["present value of public money"].iloc[-1] == pytest.approx(by_hand, rel=2e-3)
    early = run["present value of public money"].loc[2014.0]
    assert early == 0


def test_deep_links_come_and_go_by_their_flows(whole: Model) -> None:
    """Through one life stage or three: links that deepen, less those that age out of the last stage or lose a firm."""
    lost = times(Ref("ends of a link"), Ref("exit fraction of linked firms"), Ref("deep links"))
    aged = times(Ref("ageing of deep links"), Ref("old deep links"))
    net = Op("-", (Ref("deepening"), plus(lost, aged)))
    model = with_stock(whole, "deep links by balance", net, Ref("deep links"))
    for switch in (0, 1):
        run = model.run({"link life switch": switch}, scenario="prepared exit")
        np.testing.assert_allclose(run["deep links by balance"], run["deep links"], rtol=1e-6)
        assert run["deep links"].std() > 0.01 * run["deep links"].mean()


def test_what_deepens_leaves_the_project_links(whole: Model) -> None:
    net = Op("-", (Ref("new project links"), plus(Ref("ended project links"), Ref("deepening"))))
    model = with_stock(whole, "project links by balance", net, Ref("project links"))
    run = model.run(scenario="prepared exit")
    np.testing.assert_allclose(run["project links by balance"], run["project links"], rtol=1e-6)


# -- numbers do not hang on the step ----------------------------------------------------------------------------
# Runge-Kutta on the grid smears a jump of money over a step (0.2 % of the cost of the push): it has no breaks.
BY_METHOD: dict[str, tuple[str | None, ...]] = {"rk4": (None, "late exit", "gradual exit", "rules before money")}
BY_METHOD["exact"] = (*BY_METHOD["rk4"], "abrupt exit", "timed push", "stepwise marketisation")


@pytest.mark.parametrize("method", ["rk4", "exact"])
def test_half_the_step_changes_no_outcome(whole: Model, method: str) -> None:
    half = whole.replace("TIME STEP", 0.03125)
    for scenario in BY_METHOD[method]:
        one, other = (m.run(scenario=scenario, method=method, every=1) for m in (whole, half))
        for name in whole.outcomes:
            a, b = np.asarray(one[name]), np.asarray(other[name])
            assert np.abs(a - b).max() <= 1e-3 * max(np.abs(a).max(), 1e-9), (scenario, name)


def test_the_default_method_agrees_with_the_exact_one(whole: Model) -> None:
    for scenario in (None, *whole.scenarios):
        one = whole.run(scenario=scenario, every=1, rtol=1e-9)
        other = whole.run(scenario=scenario, every=1, method="exact")
        for name in whole.outcomes:
            a, b = np.asarray(one[name]), np.asarray(other[name])
            assert np.abs(a - b).max() <= 1e-4 * max(np.abs(a).max(), 1e-9), (scenario, name)


# -- structure --------------------------------------------------------------------------------------------------
BUSY = {
    "exit start": 2020, "exit duration": 3, "exit depth": 0.8, "push size": 1, "push start": 2017, "push duration": 5,
    "exit covers alliance recruitment": 0.5, "coordination budget": 10, "implementing rules budget": 10,
    "market entry budget": 10, "advocacy budget": 10, "institution budget": 10, "benefit mechanism": 0.2,
    "annual budget cap": 200,
}  # fmt: skip
"""A state in which every lever can act: something is spent on everything, and government leaves in part."""


def test_every_lever_moves_an_outcome_where_it_can_act(whole: Model) -> None:
    levers = whole.levers
    rows = [{**BUSY, name: row[end]} for name, row in levers.iterrows() for end in ("low", "high")]
    base = {n: row["value"] for n, row in levers.iterrows()}
    design = pd.DataFrame([{**base, **r} for r in rows])
    found = whole.sweep(design, list(whole.outcomes), every=1, processes=1, progress=False)
    assert not found["status"].any()
    for i, name in enumerate(levers.index):
        pair = found.isel(run=[2 * i, 2 * i + 1])
        change = max(
            float(np.abs(pair[v].diff("run")).max() / max(np.abs(pair[v]).max(), 1e-9)) for v in whole.outcomes
        )
        assert change > 1e-4, f"the lever '{name}' moves no outcome"


def test_levers_never_act_on_history(whole: Model) -> None:
    base = whole.run(every=0.25)
    acted = whole.run({**BUSY, "exit start": 2015, "push start": 2015, "policy ramp time": 0}, every=0.25)
    before = base.time < 2015
    cap = [c for c in base.columns if c in acted.columns]
    for column in cap:
        i, j = base.columns.index(column), acted.columns.index(column)
        a, b = base.values[before, i], acted.values[before, j]
        assert np.abs(a - b).max() <= 1e-6 * max(np.abs(a).max(), 1e-3), column


@pytest.mark.parametrize("name", SHIPPED)
def test_read_outs_feed_nothing(name: str) -> None:
    model = sdmodel.load(name)
    said = [v for v in model.equations.values() if "read-out that feeds nothing" in v.sentence]
    if name in ("intervention", "policy", "shandong"):
        assert said
    for v in said:
        reached, todo = set(), [v.name]
        while todo:
            for user in model.uses(todo.pop()):
                if user not in reached:
                    reached.add(user)
                    todo.append(user)
        assert not reached, f"'{v.name}' feeds {', '.join(sorted(reached))}"


def test_every_source_cited_is_listed_and_every_one_listed_is_cited(whole: Model) -> None:
    listed = set(tomllib.loads((shipped("models") / "sources.toml").read_text(encoding="utf-8")))
    cited = {s.key for name in SHIPPED for v in sdmodel.load(name).equations.values() for s in v.sources}
    assert cited == listed


@pytest.mark.parametrize("name", SHIPPED)
def test_every_constant_has_unit_range_role_and_source(name: str) -> None:
    for v in sdmodel.load(name).equations.values():
        if v.kind == "constant":
            assert v.unit, v.name
            assert v.role, v.name
            assert v.sources, v.name
            assert v.sentence, v.name
            if v.role != "input":
                assert len(v.limits) >= 2, v.name
                assert None not in v.limits[:2], v.name


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_checks_without_errors(name: str) -> None:
    table = sdmodel.load(name).check()
    assert table[table["level"] == "error"].empty


def test_a_link_cut_leaves_levels_as_they_were(whole: Model) -> None:
    """The knock-out of the experiment: held at its own base path, a link changes nothing."""
    base = whole.run(every=0.0625, rtol=1e-9)
    cut = whole.cut("contributing share", "trust")
    same = cut.run(every=0.0625, rtol=1e-9, data={"contributing share held": base["contributing share"]})
    np.testing.assert_allclose(same["trust"], base["trust"], rtol=1e-4)
    frozen = cut.run(data={"contributing share held": ([2009.0], [0.0])})
    assert frozen["trust"].iloc[-1] < 0.5 * base["trust"].iloc[-1]
    assert dataclasses.asdict(cut["trust"])["name"] == "trust"
