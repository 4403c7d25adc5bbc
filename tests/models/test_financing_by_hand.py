"""The flows of the financing sector in the middle of a run, worked out by hand from its states and its sentences."""

from __future__ import annotations

import numpy as np
import pytest
from by_hand import above, logistic, moves_by, state

AT = 2014.0
BUSY = {
    "directed share of own RnD": 0.2, "coordination": 0.5, "matching ratio": 1.0, "interest subsidy share": 0.1,
    "IP pledge ratio": 0.1, "certification effort": 0.4, "insured share of RnD": 0.05, "mode share[advance]": 0.3,
    "mode share[afterwards]": 0.7, "loss borne[guarantee]": 0.7, "wish at a wedge[weak]": 0.3,
    "scheme multiple[guarantee]": 8,
    "venture certification": 0.4, "return on knowledge[weak]": 0.2, "return on knowledge[strong]": 0.3,
}  # fmt: skip


@pytest.fixture(scope="module")
def at() -> dict[str, np.ndarray]:
    return state("financing", BUSY, AT)


def test_whom_money_goes_to(at: dict[str, np.ndarray]) -> None:
    """Odds by merit, known the better the better departments act together, and by the record over the even one."""
    k, firms = at["knowledge per firm"], at["firms by quality"]
    mean = at["knowledge"].sum() / firms.sum()
    signal = 1.1 * np.array([-1, 1]) * 0.35 * (1 + 0.5 - 0.4) + 2.9 * 0.4 * (k / (k + mean) - 0.5)
    np.testing.assert_allclose(at["funding signal"], signal)
    np.testing.assert_allclose(at["choice share"], firms * np.exp(signal) / (firms * np.exp(signal)).sum())


def test_what_firms_have_before_they_ask(at: dict[str, np.ndarray]) -> None:
    bank, private = at["bank debt"], at["private loans"]
    np.testing.assert_allclose(at["interest paid"], 0.085 * 0.9 * bank + 0.2 * private)
    np.testing.assert_allclose(at["interest subsidy paid"], 0.1 * 0.085 * bank.sum())
    np.testing.assert_allclose(at["repayments"], bank / 3 + private / 1.5)
    np.testing.assert_allclose(at["fees paid"], 0.02 * at["covered debt"][0])
    firms = at["firms by quality"]
    own = at["operating surplus"] - at["tax paid"] - at["interest paid"] - at["repayments"] - 0.03 * at["revenue"]
    own += at["venture investment"] - at["fees paid"] * firms / firms.sum() + np.array([9, 0])  # the weak are protected
    np.testing.assert_allclose(at["funds per firm"], own / firms)
    gap = at["wish at a wedge"] - own / firms
    spread = at["profit spread"]
    np.testing.assert_allclose(at["financing need"], firms * above(gap, spread))
    np.testing.assert_allclose(at["wedge in force"], 0.25 - 0.1 * 0.085 * 3)
    np.testing.assert_allclose(at["distress of borrowers"], logistic(-own / firms / spread))
    np.testing.assert_allclose(at["distress share"], at["distress of borrowers"] * (1 - at["outside part"]))


def test_projects_are_done_where_they_are_worth_their_cost(at: dict[str, np.ndarray]) -> None:
    """A grant of 0.4 with as much of one's own makes a project of 0.8, above the usual 0.74, of which it pays half."""
    assert (at["project size"], at["paid part"]) == pytest.approx((0.8, 0.5))
    worth = at["return on knowledge"] / (0.15 + 0.1) * (1 - 0.15 / 0.8)
    np.testing.assert_allclose(at["value of a project"], worth)
    funds, spread = at["funds per firm"][:, None], at["profit spread"][:, None]
    rich = logistic((funds - np.array([0.4, 0.8])) / spread)  # by mode: half of it first, or all
    np.testing.assert_allclose(at["chance of own money"].reshape(2, 2), rich)
    firms, lent = at["firms by quality"], at["outside part"]
    found = (firms * lent).sum() / firms.sum()
    np.testing.assert_allclose(at["lender found"], found)
    wedge, worth = at["wedge in force"], worth[:, None]
    cost = np.array([0.5 * (1 + wedge), 0.5 + wedge])
    done = rich * logistic((worth - 0.5) / 0.35) + (1 - rich) * found * logistic((worth - cost) / 0.35)
    np.testing.assert_allclose(at["chance of a project"].reshape(2, 2), done)
    alone = rich[:, 1:] * logistic((worth - 1) / 0.35) + (1 - rich[:, 1:]) * found * logistic(
        (worth - 1 - wedge) / 0.35
    )
    np.testing.assert_allclose(at["chance without a grant"], alone[:, 0])
    offered, share = 80 * at["choice share"], np.array([0.3, 0.7])
    np.testing.assert_allclose(at["grant paid"], offered * (done * share).sum(axis=1))
    np.testing.assert_allclose(at["public RnD"], 0.85 * offered * (done * share * [0.85, 1]).sum(axis=1))
    np.testing.assert_allclose(
        at["grant effect on own RnD"], offered / 0.5 * (0.5 * (done * share).sum(axis=1) - alone[:, 0])
    )
    np.testing.assert_allclose(at["insurance paid"], 0.05 * (1 - 0.33) * 1770)
    np.testing.assert_allclose(at["subsidy rent per firm"], (9 + 0.5 * at["grant paid"].sum()) / 5000)


def test_credit_is_the_less_of_what_is_offered_and_asked_for(at: dict[str, np.ndarray]) -> None:
    odds = 0.35 / 0.65 * (1 + 0.5 * 0.1) * np.exp(at["funding signal"]) * at["perceived loss ratio"] ** -0.47
    np.testing.assert_allclose(at["rating"], odds / (1 + odds))
    bank, covered, need = at["bank debt"], at["covered debt"], at["financing need"]
    limit = at["rating"] * (0.6 * 0.23 * at["revenue"] + 0.1 * at["knowledge"])
    offer = np.maximum(limit - bank * (1 - covered.sum() / bank.sum()), 0) / 0.5
    np.testing.assert_allclose(at["bank offer"], offer)
    plain = offer * need / np.hypot(offer, need)
    np.testing.assert_allclose(at["plain bank loans"], plain)
    room = np.maximum(at["scheme multiple"] * at["fund"] - covered, 0)
    reached = 0.095 * (need - plain).sum()
    np.testing.assert_allclose(at["scheme lending"], room * reached / (room + reached))
    weight = (need - plain) * np.exp(at["funding signal"])
    new = plain + weight / weight.sum() * at["scheme lending"].sum()
    np.testing.assert_allclose(at["new bank loans"], new)
    np.testing.assert_allclose(at["refused share"], (need - new).sum() / need.sum())
    private = 0.51 * (need - new) / (1 + at["private loans"] / (0.2 * at["revenue"]))
    np.testing.assert_allclose(at["new private loans"], private)
    np.testing.assert_allclose(at["outside part"], (new + private) / need)
    np.testing.assert_allclose(at["money of a quality"], new + at["venture investment"] + at["grant paid"])
    debt = bank.sum() + at["private loans"].sum() + 0.2 * at["revenue"].sum()
    np.testing.assert_allclose(at["debt ratio"], debt / (0.6 * at["revenue"].sum()))


def test_who_bears_losses(at: dict[str, np.ndarray]) -> None:
    bank, covered, borne, fund = at["bank debt"], at["covered debt"], at["loss borne"], at["fund"]
    cover = (covered * borne).sum() / bank.sum()
    rate = 0.02 * (at["distress of borrowers"] / 0.35) ** 1.1 * (1 + 1.6 * cover)
    np.testing.assert_allclose(at["default rate"], rate)
    lost = (0.6 * rate + 0.2 * at["exit fraction"]) * bank
    np.testing.assert_allclose(at["losses on loans"], lost)
    of_covered = lost.sum() / bank.sum() * 2.6 / (1 + 1.6 * cover)
    np.testing.assert_allclose(at["loss rate of covered loans"], of_covered)
    claims = borne * of_covered * covered
    np.testing.assert_allclose(at["scheme losses"], claims * fund / (fund + claims))
    np.testing.assert_allclose(at["bank loss rate"], (lost.sum() - at["scheme losses"].sum()) / bank.sum())


def test_public_and_private_venture_money_meet_a_flow_of_deals(at: dict[str, np.ndarray]) -> None:
    capital = at["public venture capital"]
    seen = 0.35 + 0.65 * 0.4 * (capital / 2) / (capital / 2 + 10)
    np.testing.assert_allclose(at["visible deals"], 0.023 * 2780 * seen)
    supply, demand = capital / 2, 0.4 * at["visible deals"]
    np.testing.assert_allclose(at["public venture investment"], supply * demand / (supply + demand))
    back = 0.08 + (at["choice share"] * at["return on knowledge"]).sum() - at["gross return on knowledge"]
    np.testing.assert_allclose(at["venture return"], back)
    left = at["visible deals"] - at["public venture investment"]
    np.testing.assert_allclose(at["private capital"], left * logistic(7.9 * (back - 0.08)))
    whole = at["public venture investment"] + at["private capital"]
    np.testing.assert_allclose(at["venture investment"], at["choice share"] * whole)


def test_states_move_by_what_comes_in_and_goes_out(at: dict[str, np.ndarray]) -> None:
    sign, bank, loans = np.array([-1, 1]), at["bank debt"], at["private loans"]
    lost, leave, covered = at["default rate"], at["leaving fraction"], at["covered debt"]
    ends = 1 / 3 + (bank * (lost + leave)).sum() / bank.sum()
    flows = {
        "covered debt": at["scheme lending"] - covered * ends,
        "fund": np.array([20 + at["fees paid"], 2]) - at["scheme losses"],
        "bank debt": at["new bank loans"] - bank * (1 / 3 + lost + leave) + sign * (0.015 * bank[0] - 0.03 * bank[1]),
        "private loans": at["new private loans"] - loans * (1 / 1.5 + lost + leave)
        + sign * (0.015 * loans[0] - 0.03 * loans[1]),
        "perceived loss ratio": at["bank loss rate"] / 0.025 - at["perceived loss ratio"],
        "public venture capital": 4 - at["public venture investment"],
        "public stakes": at["public venture investment"] + at["public stakes"] * (at["venture return"] - 1 / 5),
    }  # fmt: skip
    moves_by("financing", BUSY, AT, flows)
