"""The policy sector worked out by hand: what programmes were, what levers make of them and when, and what they cost."""

from __future__ import annotations

import numpy as np
import pytest

import sdmodel
from sdmodel.core.run import Run

INPUTS = {
    "scheme losses[guarantee]": 7.0, "scheme losses[compensation]": 2.0, "fees paid": 3.0, "venture return": 0.09,
    "vouchers taken up": 50.0, "voucher face value": 0.03, "service price": 0.02, "fund[guarantee]": 90.0,
    "fund[compensation]": 30.0, "public venture capital": 8.0, "own RnD[weak]": 400.0, "own RnD[strong]": 1300.0,
    "tax forgone[weak]": 16.0, "tax forgone[strong]": 49.0, "depreciation tax cost": 5.0, "grant paid[weak]": 12.0,
    "grant paid[strong]": 34.0, "interest subsidy paid": 4.0, "insurance paid": 6.0, "scheme lending[guarantee]": 40.0,
    "scheme lending[compensation]": 5.0, "public venture investment": 4.5, "private capital": 15.0,
    "new credit[weak]": 800.0, "new credit[strong]": 1400.0, "public stakes": 20.0, "talent support cost": 9.0,
    "public served": 450.0, "market served": 640.0, "government links made": 80.0, "placed links": 30.0,
    "own links made": 700.0, "push cost": 11.0,
}  # fmt: skip
"""What other sectors hand over, held."""
LEVERS = {
    "programme scale": 1.5, "policy ramp time": 2, "exit start": 2020, "exit duration": 4, "coordination budget": 10,
    "information budget": 20, "institution budget": 30, "market entry budget": 40, "flat extra deduction": 0.3,
    "progressive deduction size": 0.8, "law deduction kept": 0.6, "extra depreciation speed": 0.4, "grant number": 3,
    "grant size": 0.6, "matching required": 0.7, "shift to advance payment": 0.5, "protection programme": 2,
    "extra interest subsidy": 0.2, "extra guarantee capital": 50, "extra compensation capital": 20,
    "guarantee multiple allowed": 6, "risk compensation allowed": 0.8, "IP pledge programme": 3, "certification": 0.5,
    "venture programme": 4, "procurement budget": 60, "start up programme": 3, "spin off constraint": 0.5,
    "zone programme": 1.2, "talent top up size": 0.02, "insured part of a failure": 0.5, "service programme": 2,
    "brokerage programme": 3, "alliance programme": 2, "voucher budget": 80, "benefit mechanism": 0.4,
    "alliance leadership": 0.5, "push size": 1.1, "push start": 2016, "push duration": 3, "administrative share": 0.4,
    "direction of RnD": 2,
}  # fmt: skip
SCALE, CONSTRAINT = 1.5, 0.35


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("policy")


@pytest.fixture(scope="module")
def acted(model: sdmodel.Model) -> Run:
    return model.run({**INPUTS, **LEVERS}, every=0.125)


@pytest.fixture(scope="module")
def given(model: sdmodel.Model) -> Run:
    return model.run(INPUTS, every=0.125)


def told(run: Run, name: str, at: float) -> float:
    return float(run[name].loc[at])


# -- when ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("name", "paths"),
    [
        # a report at a jump has the value after it; what begins at a date acts from that date on, and ends at its end
        ("phased in share", {2014.875: 0, 2015: 0, 2015.5: 0.25, 2016: 0.5, 2017: 1, 2034: 1}),
        ("staying", {2019.875: 1, 2020: 1, 2021: 0.75, 2023: 0.25, 2024: 0, 2034: 0}),
        ("push offer", {2015.875: 0, 2016: 1.65, 2018.875: 1.65, 2019: 0}),
        ("scheme capital[guarantee]", {2011.875: 0, 2012: 220, 2012.875: 220, 2013: 0, 2016: 37.5, 2017: 75}),
        ("scheme capital[compensation]", {2009: 5, 2014.875: 5, 2016: 20, 2017: 35}),
        ("IP pledge ratio", {2013.875: 0, 2014: 0.1, 2016: 0.2, 2017: 0.3}),
        ("brokerage money", {2011.875: 0, 2012: 5, 2014.875: 5, 2017: 22.5, 2021: 0.75 * 22.5, 2024: 0}),
        ("vouchers", {2013.875: 0, 2014: 1, 2016: 0.5 + 60, 2017: 120}),
        ("discount factor", {2014.875: 0, 2015: 1, 2020: np.exp(-0.2), 2034: np.exp(-0.04 * 19)}),
        ("grant per recipient", {2009: 0.4, 2016: 0.5, 2017: 0.6}),
        ("grant awards", {2013: 818 * 0.13, 2014: 1300 * 0.13, 2017: 1300 * 0.13 * 4.5 * 1.5}),
    ],
)
def test_values_at_the_very_dates(acted: Run, name: str, paths: dict[float, float]) -> None:
    assert [told(acted, name, at) for at in paths] == pytest.approx(list(paths.values()), rel=1e-9, abs=1e-12)


def test_a_programme_as_given_goes_on_as_it_was(given: Run) -> None:
    """Levers as given change nothing in 2015, every size stays as in 2014; vouchers alone have a later budget."""
    table = given.to_dataframe()
    before, after = table.loc[2014.5], table.loc[2017.0]
    moves = {"phased in share", "law date", "vouchers", "discount factor", "present value of public money"}
    changed = {c for c in table.columns if abs(after[c] - before[c]) > 1e-9 * max(1, abs(before[c]))}
    assert changed <= moves
    for name in ("flat extra deduction", "push offer", "procurement size", "talent top up", "benefit rule"):
        assert (given[name] == 0).all() if name in table else given.constants[name] == 0, name


def test_an_arm_without_a_ramp_or_an_exit_of_no_time_acts_at_once(model: sdmodel.Model) -> None:
    run = model.run({"policy ramp time": 0, "exit start": 2020, "exit duration": 0}, every=0.125)
    assert [told(run, "phased in share", at) for at in (2014.875, 2015.0)] == [0, 1]
    assert [told(run, "staying", at) for at in (2019.875, 2020.0)] == [1, 0]


# -- how much -----------------------------------------------------------------------------------------------------
def sizes(share: float, staying: float, closed: dict[str, float], arriving: float) -> dict[str, float]:
    """Every size that levers set, at a share of the ramp, by the sentences of the sector."""

    def grown(before: float, factor: float) -> float:
        return before * (1 + (factor - 1) * share)

    mode = 1 + (0.4 - 1) * share
    direction = mode * staying
    out = {f"extra deduction rate[b{i + 1}]": 0.5 * (1 - 0.4 * share) + (0.3 + 0.8 * i / 4) * share for i in range(5)}
    return {
        **out,
        **{f"budget money[for {n}]": b * SCALE * share
           for n, b in (("coordination", 10), ("information", 20), ("institutions", 30), ("entry", 40))},
        "depreciation at once": 0.4 * share, "matching ratio": 0.7 * share,
        "mode share[advance]": 0.5 + 0.5 * 0.5 * share, "mode share[afterwards]": 0.5 - 0.5 * 0.5 * share,
        "protection": grown(20, 2 * SCALE), "interest subsidy share": 0.01 + 0.2 * SCALE * share,
        "scheme multiple[guarantee]": 10 - 4 * share, "scheme multiple[compensation]": 10,
        "loss borne[guarantee]": 0.8, "loss borne[compensation]": 0.5 + 0.3 * share,
        "certification effort": 0.5 * share, "venture fund inflow": grown(50 * 0.18 * 0.4, 4 * SCALE),
        "procurement size": 60 * SCALE * share, "start up money": grown(50 * 0.18 * 0.6, 3 * SCALE),
        "start up grants": grown(50 * 0.18 * 0.6, 3 * SCALE) * arriving,
        "government led constraint": CONSTRAINT * mode * (1 - 0.5 * share),
        "zone preference": grown(0.49, 1.2 * SCALE) * arriving, "zone money": grown(30, 1.2 * SCALE),
        "talent top up": 0.02 * SCALE * share, "insured share of RnD": 0.1 * 0.5 * share,
        "public service target": grown(400, 2 * SCALE) * staying * arriving,
        "brokerage money": grown(5, 3 * SCALE) * staying,
        "brokered links": grown(5, 3 * SCALE) * staying * arriving / 0.15,
        "alliance recruitment": grown(230, 3 * 2 * SCALE), "benefit rule": 0.4 * share,
        "market entry support": closed["for entry"], "public information": 0.1 + 0.9 * 0.3 * closed["for information"],
        "institution effort": 0.15 + 0.85 * closed["for institutions"],
        "IP protection effect": 1 + 0.072 * closed["for institutions"],
        "alliance led share": 0.7 * mode * (1 - 0.5 * share) * staying,
        "administrative mode": mode, "remaining direction": direction,
        "directed share of own RnD": direction * 0.15 * (1 + share),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("at", "share", "staying"), [(2014.5, 0, 1), (2016.0, 0.5, 1), (2018.0, 1, 1), (2021.0, 1, 0.75)]
)
def test_every_size_follows_from_its_level_its_lever_and_the_ramp(
    acted: Run, at: float, share: float, staying: float
) -> None:
    coordination = told(acted, "coordination", at)
    arriving = (1 - 0.24 * (1 - coordination)) / (1 - 0.24 * (1 - 0.4))
    assert told(acted, "arriving part", at) == pytest.approx(arriving)
    budgets = {"for coordination": 10, "for information": 20, "for institutions": 30, "for entry": 40}
    money = {name: b * SCALE * share * arriving for name, b in budgets.items()}
    closed = {name: m / (m + 11) for name, m in money.items()}
    for name, value in closed.items():
        assert told(acted, f"gap closed[{name}]", at) == pytest.approx(value), name
    for name, value in sizes(share, staying, closed, arriving).items():
        assert told(acted, name, at) == pytest.approx(value, rel=1e-9), name


def test_coordination_closes_its_gap_in_two_years(acted: Run) -> None:
    """By a step of its equation: it moves to what money closes of the gap, one half a year."""
    at, closed = 2018.0, told(acted, "gap closed[for coordination]", 2018.0)
    slope = (told(acted, "coordination", at + 0.125) - told(acted, "coordination", at - 0.125)) / 0.25
    assert slope == pytest.approx((0.4 + 0.6 * closed - told(acted, "coordination", at)) / 2, rel=0.02)
    assert told(acted, "coordination", 2014.5) == 0.4


# -- what it costs and who decides ----------------------------------------------------------------------------------
def test_each_instrument_costs_what_is_paid_or_lost_and_its_administration(acted: Run) -> None:
    at, more, rate = 2018.0, 1.08, 0.04
    costs = {
        "deduction": 16 + 49, "depreciation": 5, "procurement": more * 0.15 * 90, "grant": more * (12 + 34),
        "interest": more * 4, "venture": rate * (20 + 8) - 20 * 0.09, "risk sharing": 9 - 3 + rate * 120 + more * 6,
        "entry": more * (5.4 * 4.5 + 20 * 3), "place": more * 30 * 1.8, "talent": more * 9,
        "services": more * (0.03 * 450 / told(acted, "arriving part", at) + 30 + 60),
        "network": more * (0.03 * 50 + 22.5 + 230 * 9 * 0.05), "institution": more * (15 + 45), "push": more * 11,
    }  # fmt: skip
    for name, value in costs.items():
        assert told(acted, f"fiscal cost by instrument[{name}]", at) == pytest.approx(value), name
    cost = sum(costs.values())
    assert told(acted, "fiscal cost", at) == pytest.approx(cost)
    assert told(acted, "intervention volume", at) == pytest.approx(cost / (cost + 1700 + 15 + 0.02 * 640))


def test_the_shares_that_government_decides(acted: Run) -> None:
    """Direction counts in full, grants at three quarters, what is at arm's length at one quarter."""
    at, mode = 2018.0, 0.4
    directed = mode * 0.15 * 2
    assert told(acted, "decided share of RnD money", at) == pytest.approx(
        mode * (0.3 * 1700 + 0.75 * 46 + 0.25 * 1.5) / (1700 + 46 + 65 + 1.5)
    )
    assert told(acted, "decided share of finance", at) == pytest.approx(
        (directed * (2200 - 45) + mode * (0.25 * (45 + 4.5) + 60)) / (2200 + 15 + 4.5 + 60)
    )
    assert told(acted, "decided share of services", at) == pytest.approx(mode * 450 / 1090)
    assert told(acted, "decided share of links", at) == pytest.approx(mode * (0.25 * 50 + 30) / 780)
    four = sum(told(acted, f"decided share of {arena}", at) for arena in ("RnD money", "finance", "services", "links"))
    assert told(acted, "intervention intensity", at) == pytest.approx(four / 4)
    assert told(acted, "directed share of own RnD", 2030.0) == 0  # government has left
