"""Talent, synergy, firms, network and intervention in the middle of a run, worked out by hand from their sentences."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import logistic, moves_by, state

AT = 2016.0
FIRMS, EXITS = np.array([2220.0, 2780.0]), np.array([0.15, 0.024])
close = np.testing.assert_allclose


# -- talent ---------------------------------------------------------------------------------------------------------
def test_staff_is_hired_learns_and_leaves() -> None:
    given = {"talent top up": 0.02, "regional RnD growth": 0.05, "staff kept at exits": 0.3}
    when = 2015.5  # between two values of the table
    at = state("talent", given, when)
    index = (1.094 + 1.201) / 2 * np.exp(-0.025 * 1.5)
    close(at["regional RnD index"], index)
    close(at["RnD cost index"], (index / 0.451) ** 0.23)
    wanted = (490 + 1590 + 80) / (0.25 * at["RnD cost index"])
    close(at["desired staff"], wanted)
    odds = 0.35 / 0.65 * np.exp(0.02 / 0.05)
    close(at["attractiveness"], odds / (1 + odds))
    new, old, places = at["new staff"], at["experienced staff"], at["vacancies"]
    hires, quits = places * at["attractiveness"] / 0.21, 0.3 * 0.65 * old
    lost = 0.7 * (FIRMS * EXITS).sum() / FIRMS.sum()
    close([at["hires"], at["quits"], at["staff lost with firms"]], [hires, quits, lost])
    close(at["staff gap"], wanted - new - old - places)
    adequacy = (old + 0.2 * new + 0.15 * 5000) / wanted
    close(at["staff adequacy"], adequacy)
    close(at["staffed part"], adequacy / (1 + adequacy**4) ** 0.25)
    close(at["talent support cost"], 0.02 * new)
    planned = (
        at["staff gap"] / 0.5
        if at["staff gap"] > 0
        else at["staff gap"] / 0.5 * places / (wanted + places - at["staff gap"])
    )
    flows = {
        "vacancies": quits + planned - hires - places * lost,
        "new staff": hires - new * (1 + lost),
        "experienced staff": new - quits - old * lost,
    }
    moves_by("talent", given, when, flows)
    later = state("talent", given, 2020.0)
    close(later["regional RnD index"], 1.344 * np.exp(0.05 * 3 - 0.025 * 3))


def test_places_are_taken_back_where_there_is_too_much_staff() -> None:
    given = {"regional RnD growth": 0.0, "staffing in 2009": 0.95, "pay pull of regional RnD": 0.5}
    at = state("talent", given, 2015.0)
    gap, places, wanted = at["staff gap"], at["vacancies"], at["desired staff"]
    assert gap < 0
    back = places * -gap / (-gap + wanted + places) / 0.5
    moves_by(
        "talent", given, 2015.0, {"vacancies": at["quits"] - back - at["hires"] - places * at["staff lost with firms"]}
    )


# -- synergy --------------------------------------------------------------------------------------------------------
def test_synergy_builds_on_effort_and_conversion_on_synergy() -> None:
    given = {"complementarity": 2.0, "directed share of own RnD": 0.4, "service coverage": 0.6, "link conversion": 1.2,
             "factor input in 2009": 0.4}  # fmt: skip
    at = state("synergy", given, AT)
    close(at["information target"], 1 - 0.9 * 0.85 * (1 - 0.26 * 0.6) * 0.88)
    rich = 0.6 * logistic(np.array([0.25, 0.5]) / 0.2 - 1)
    effort = 1 - (1 - rich) * (1 - 0.38 * 0.6)
    close(at["improvement effort"], effort)
    close(at["factor input"], 0.4)  # as in 2009, since no factor has moved
    factor, process, known = at["factor synergy"], at["process synergy"], at["information access"]
    close(at["absorption"], (factor / factor.mean()) ** 0.49)
    directed = 1 + 0.5 * (1 - known) * 0.4 - 0.79 * 0.16
    close(at["effect of directions"], directed)
    base = 1 / (0.7 * (1 - 0.11 * known)) - 1
    odds = base * (1 + 0.75 * factor) * (1 + 0.75 * process) * (1 - 0.1 * effort) * 1.2 * directed
    close(at["conversion odds"], odds)
    close(at["conversion of a quality"], odds / (1 + odds))
    close(at["conversion rate"], (odds / (1 + odds)).mean())
    close(at["factor synergy"], effort * 0.4 * 3 / (1.3 + effort * 0.4 * 3))
    close(at["process synergy"], effort * factor * 3 / (1.3 + effort * factor * 3))


# -- firms ----------------------------------------------------------------------------------------------------------
def test_firms_enter_change_and_leave() -> None:
    given = {"start up grants": 12.0, "competition strength": 0.5, "merit precision": 0.4, "zone preference": 0.6}
    at = state("firms", given, AT)
    by_age = at["firms"].reshape(2, 4)
    firms, total = by_age.sum(axis=1), by_age.sum()
    close(at["firms by quality"], firms)
    close(at["strong share"], firms[1] / total)
    distress, new, synergy = np.array([0.4, 0.35]), np.array([0.13, 0.23]), np.array([0.25, 0.35])
    pressure = distress**0.4 * new**-0.26 * synergy**-0.42
    close(at["pressure to exit"], pressure)
    kept = 9 / (9 + 0.05 * firms[0])
    close(at["protected share"], kept)
    relief = np.array([(1 + 0.46 * (0.5 - 0.35)) * (1 - 0.45 * kept), 1])
    hazard = np.array([0.15, 0.03]) * pressure / at["usual pressure to exit"] * relief
    close(at["hazard"], hazard)
    exits = hazard * by_age[:, 3]
    close(at["exits"], exits)
    close(at["exit fraction"], exits / firms)
    surplus = (firms * [0.3, 0.5]).sum() / total
    drawn = 0.72 * surplus / np.hypot(0.5, surplus) - 0.75 * 0.4
    close(at["attraction of entry"], drawn)
    spun = (0.02 * at["medium firms"] + 30 + 12 / 0.8) * 0.7
    close(at["spin offs"], spun)
    born = at["birth rate"] * total * np.exp(drawn - at["usual attraction"]) + spun
    close(at["all entrants"], born)
    close(at["entrants"], born * np.array([0.61, 0.39]))
    learnt = 0.02 * (1 - 0.014 * kept)  # synergy and merit are those of the start
    close(at["learning fraction"], learnt)
    grown = by_age[1, 3] * 0.01
    close(at["upgrades"], grown)
    close(at["upgrade fraction"], [0, grown / firms[1]])
    crowd = at["zone share"] * total / (0.2 * 5800)
    pull = np.log(0.25) + 0.6 + 0.74 * np.log(crowd) - 0.3 * (crowd - 1)
    close(at["zone attraction"], pull)
    moved = learnt * by_age[0] - 0.031 * by_age[1]
    steps = by_age[:, :3] * 3 / 1.3
    flow = np.array([-moved, moved])
    flow[:, 0] += born * np.array([0.61, 0.39])
    flow[:, :3] -= steps
    flow[:, 1:] += steps
    flow[:, 3] -= exits + np.array([0, grown])
    flows = {
        "firms": flow.ravel(),
        "medium firms": grown - 0.04 * at["medium firms"],
        "zone share": (logistic(pull) - at["zone share"]) / 6,
    }
    moves_by("firms", given, AT, flows)


# -- network --------------------------------------------------------------------------------------------------------
NETWORK = {"vouchers": 5.0, "brokered links": 80.0, "benefit rule": 0.3, "market entry support": 0.4,
           "zone share": 0.25, "public service target": 500.0, "voucher follow on share": 0.1}  # fmt: skip


def test_links_are_formed_deepen_and_end() -> None:
    at = state("network", NETWORK, AT)
    out = (FIRMS * EXITS).sum() / 5000
    close(at["exit fraction of linked firms"], out)
    formed = 0.1 / (1 - 0.25 * at["service coverage"])  # surplus is as it was
    close(at["link formation"], formed)
    project, deep, uni, voucher = (at[f"{name} links"] for name in ("project", "deep", "university", "voucher"))
    close(at["new project links"], formed * (0.8 * 5000 - project))
    close(at["new university links"], formed * (0.25 * 5000 - uni))
    deepened = project * 0.79 * at["trust"] * at["contributing share"] * (1 + 0.7 * 0.2)
    close(at["deepening"], deepened)
    close(at["deep links per firm"], 2 * deep / 5000)
    placed = 80 * 5000 / (5000 + 0.25 * 80)
    taken = 5 / (0.0246 + 0.25 * 5 / 5000)
    close([at["placed links"], at["vouchers taken up"]], [placed, taken])
    close(at["government links made"], 0.8 * taken + placed)
    close(at["own links made"], at["new project links"] + at["new university links"])
    close(at["link conversion"], 1 + (uni + 0.3 * voucher + 2 * deep) / 5000)
    ends = (uni + 2 * (project + deep)) / 5000
    close(at["horizontal links per firm"], ends)
    close(at["link information"], 1 - np.exp(-0.2 * (2 * formed / (formed + 0.125 + 0.1) + ends + voucher / 5000)))
    close(at["spillover index"], 0.6 * 0.25 / 0.2 + 0.4 * ends / at["usual horizontal links"])
    flows = {
        "project links": at["new project links"] - project * (0.5 + 2 * out) - deepened,
        "deep links": deepened - deep * (1 / 7 + 2 * out),
        "university links": at["new university links"] + placed + 0.1 * voucher / 0.75 - uni * (0.5 + out),
        "voucher links": 0.8 * taken - voucher * (1 / 0.75 + out),
    }
    moves_by("network", NETWORK, AT, flows)


def test_members_contribute_where_it_pays() -> None:
    at = state("network", NETWORK, AT)
    members, share = at["alliance members"], at["contributing share"]
    tied = 1 - 0.7 * (1 - 0.45 * 0.3**0.77)
    close(at["tied benefit share"], tied)
    gain = (
        (tied + (1 - tied) / 5.6) * 0.15
        - 0.1
        + 0.03 * at["trust"]
        + 0.16 * np.sqrt(at["shared values"] * 0.36)
        + 0.03 * 0.7
    )
    close(at["gain from contributing"], gain)
    close(at["joint value"], 0.15 * members * share)
    out = at["exit fraction of linked firms"]
    joined = (215 / (1 + 0.25 * 215 / 5000) + 0.1 * share * members) * (1 - members / 5000)
    flows = {
        "alliance members": joined - members * (out + 0.1 * (1 - share)),
        "contributing share": (logistic(gain / 0.08) - share) / 3,
        "trust": (share - at["trust"]) / 4,
        "institutions": (0.2 - at["institutions"]) / 3,
        "shared values": (np.sqrt(at["institutions"] * at["trust"]) - at["shared values"]) / 14,
    }
    moves_by("network", NETWORK, AT, flows)


def test_the_market_serves_part_of_what_public_services_leave() -> None:
    at = state("network", NETWORK, AT)
    need, public, market = 0.55 * 5000, at["public service capacity"], at["market service capacity"]
    served = public * need / np.hypot(public, need)
    close(at["public served"], served)
    share = 0.45 * (1 + 0.73 * served / need) / (1 + 0.45 * 0.73 * served / need)
    close(at["paying demand"], (need - served) * share)
    used = at["paying demand"] / np.hypot(market, at["paying demand"])
    close([at["market utilisation"], at["market served"]], [used, used * market])
    enter = 0.15 * market * np.exp(4 * (used - 0.74 * (1 - 0.3 * 0.4)))
    leave = 0.15 * market * np.exp(-4 * (used - 0.74) / 0.7)
    close([at["entering providers"], at["leaving providers"]], [enter, leave])
    covered = (served + used * market) / need
    close(at["service coverage"], covered)
    close(at["private service share"], used * market / (served + used * market))
    flows = {"market service capacity": enter - leave,
             "public service capacity": (500 * (1 + 0.77 * (1 - covered)) - public) / 2}  # fmt: skip
    moves_by("network", NETWORK, AT, flows)


# -- intervention -----------------------------------------------------------------------------------------------------
TRACKS = {"push offer": 1.2, "decided share of services": 0.4, "decided share of finance": 0.3,
          "deep links per firm": 0.08, "payoff gap in 2009": -0.1}  # fmt: skip


def test_skills_grow_by_use_and_are_displaced() -> None:
    at = state("intervention", TRACKS, AT)
    known, skill, active = at["experienced share"], at["skill"], np.array([0.5, 0.5, 0.5])
    close(at["activity"], active)  # revenue is as at the start, joint value as usual
    close(
        [at["competition strength"], at["merit precision"], at["contract enforcement"]],
        skill * (1 - known) + 0.36 * known,
    )
    target = np.array([1 - 0.6 * 0.9, 0.3, 0.04])
    flows = {
        "experienced share": target - known,
        "skill": (1 - 0.48 * known) * active * (1 - skill) / 4.5 - skill / 12,
    }
    moves_by("intervention", TRACKS, AT, flows)
    early = state("intervention", TRACKS, 2010.0)["experienced share"]
    close(early, target * (1 - np.exp(-1)), rtol=1e-6)  # a habit is taken up within a year


def test_firms_switch_where_the_new_track_pays() -> None:
    at = state("intervention", TRACKS, AT)
    profit, share, capital = 0.25 * 10_500 / 5000, at["new track share"], at["old track capital"]
    close(at["new product profit"], profit)
    gap = -1.1 * profit + profit + 0.48 * 0.08 * share - 0.01
    close(at["payoff gap"], gap)
    reached, spread = 0.5, 0.42 * profit
    chance = 0.5 * logistic((gap - capital / 5) / spread) + 0.5 * logistic((gap + (1.2 - capital) / 5) / spread)
    close(at["chance to switch"], chance)
    shown = share + 0.01
    enter = shown / (shown + (1 - share) * np.exp(-(gap + reached * 1.2 / 5) / spread))
    close(at["entrants on the new track"], enter)
    close(at["push cost"], (0.2 * (1 - share) * 5000 + reached * 512) * 1.2)
    back = share * logistic(-gap / spread)
    flows = {
        "new track share": ((1 - share) * chance - back) / 5 + 512 / 5000 * (enter - share),
        "old track capital": 0.15 - capital * (1 / 8 + 512 / 5000),
    }
    moves_by("intervention", TRACKS, AT, flows)
    assert state("intervention", TRACKS, 2009.0)["old track capital"] == pytest.approx(0.15 * 8 / 2)


def test_order_shows_in_who_leaves_who_gets_money_and_who_shares() -> None:
    at = state("intervention", TRACKS, AT)
    leave = 0.15 / 0.174
    money = (1300 / 2780) / (1300 / 2780 + 700 / 2220)
    together = 0.38 * 0.08 / 0.18
    close(at["selection mechanism"], leave)
    close(at["competition mechanism"], money)
    close(at["cooperation mechanism"], together)
    close(at["self organisation index"], (leave * money * together) ** (1 / 3))
