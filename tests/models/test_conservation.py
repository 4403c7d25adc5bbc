"""What must not get lost in the shipped models: public money, links, firms, knowledge, debt and cash.

Each balance is an integral added to the model: what comes in less what goes out, summed over qualities, bands, ages and
stages. It equals the stocks only if every exit, upgrade and change of quality takes its share along and no more.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from corners import corners

import sdmodel
from sdmodel.core.expression import Call, Expr, Number, Op, Ref
from sdmodel.core.structure import Component, Variable
from sdmodel.io.vensim.translate import read_vensim
from sdmodel.io.vensim.write import to_mdl
from sdmodel.model import Model


@pytest.fixture(scope="module")
def whole() -> Model:
    return sdmodel.load("shandong")


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
    retained = run["public fund value"].iloc[-1] - run["public fund value"].loc[2015.0]
    by_hand -= weight[-1] * retained
    assert retained > 10
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


# -- firms, knowledge, debt -------------------------------------------------------------------------------------
BALANCES = {
    "firms": ("all firms", "SUM(entrants[quality!])-SUM(exits by age[quality!,age!])-upgrades"),
    "firms by band": (
        "SUM(firms in band[quality!,band!])",
        "SUM(entrants[quality!])-SUM(exits by band[quality!,band!])-upgrades",
    ),
    "knowledge": (
        "SUM(knowledge[quality!])+SUM(RnD in stage[quality!,stage!])",
        "SUM(total real RnD[quality!]+joint generic RnD[quality!]+knowledge from spillover[quality!]"
        "+knowledge brought in[quality!])"
        "-SUM(abandoned RnD[quality!,stage!])-obsolescence*SUM(knowledge[quality!])"
        "-SUM(leaving fraction[quality!]*(knowledge[quality!]+RnD under way[quality!]))",
    ),
    "debt": (
        "SUM(bank debt[quality!]+private loans[quality!])",
        "SUM(new credit[quality!]-repayments paid[quality!]-(bank debt[quality!]+private loans[quality!])"
        "*(default rate[quality!]+exit fraction[quality!]+upgrade fraction[quality!]))",
    ),
    "unused deduction": (
        "SUM(unused deduction[quality!])",
        "SUM(new unused deduction[quality!]-use of unused deduction[quality!]"
        "-unused deduction[quality!]*(1/loss carry period+leaving fraction[quality!]))",
    ),
}
"""What there is of a thing, and what comes in less what goes out, over all firms."""


@pytest.fixture(scope="module")
def balanced(whole: Model) -> Model:
    """The composition with the balances beside it."""
    lines = ["RnD under way[quality] = SUM(RnD in stage[quality,stage!]) ~~|"]
    for name, (there, flow) in BALANCES.items():
        lines.append(f"{name} there = {there} ~~|")
        lines.append(f"{name} by balance = INTEG({flow}, {name} there) ~~|")
    text = to_mdl(whole).replace("{UTF-8}\n", "{UTF-8}\n" + "\n".join(lines) + "\n", 1)
    return Model.of(read_vensim(text.encode(), Path("balanced.mdl")))


def test_firms_knowledge_and_debt_are_conserved_in_corners(balanced: Model, whole: Model) -> None:
    names = [f"{name} {kind}" for name in BALANCES for kind in ("there", "by balance")]
    found = balanced.sweep(corners(whole, 50, 3), names, every=1, workers=1, progress=False)
    assert not found["status"].any()
    for name in BALANCES:
        there, balance = found[f"{name} there"].to_numpy(), found[f"{name} by balance"].to_numpy()
        scale = np.abs(there).max(axis=1, keepdims=True)
        assert (np.ptp(there, axis=1, keepdims=True) / scale).min() > 1e-3, f"{name} does not move"
        assert (np.abs(there - balance) / scale).max() < 1e-9, name


@pytest.mark.parametrize("scenario", [None, "abrupt exit", "timed push"])
def test_money_is_conserved_and_firms_by_age_are_firms_by_band(whole: Model, scenario: str | None) -> None:
    for method in ("LSODA", "exact", "euler"):
        run = whole.run({"grant number": 3, "extra guarantee capital": 50}, scenario=scenario, method=method)
        moved = run["money of owners and markets"].abs().max()
        assert moved > 1000
        assert run["money residual"].abs().max() < 1e-11 * moved
        assert run["band imbalance"].abs().max() < 1e-11 * run["all firms"].max()


def test_a_lost_payment_would_be_seen(whole: Model) -> None:
    """The residual is a test only if a slip shows in it: firms that are paid twice for a claim."""
    slip = whole.replace(
        "claims settled", Op("*", (Number(2.0), Ref("claims settled", ("quality",)))), in_equation_of="cash inflow"
    )
    assert abs(slip.run(method="exact", every=5)["money residual"].iloc[-1]) > 10
