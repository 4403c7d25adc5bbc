"""RnD investment in the middle of a run, worked out by hand from its sentences."""

from __future__ import annotations

import numpy as np
from by_hand import logistic, moves_by, state

AT = 2016.0
FIRMS = np.array([2220.0, 2780.0])
close = np.testing.assert_allclose
RND = {
    "extra deduction rate[b1]": 0.4, "extra deduction rate[b2]": 0.5, "extra deduction rate[b3]": 0.6,
    "extra deduction rate[b4]": 0.8, "extra deduction rate[b5]": 1.0, "depreciation at once": 0.5,
    "procurement size": 300, "insured share of RnD": 0.05, "new track share": 0.3, "spillover index": 1.2,
    "conversion index[weak]": 1.1, "conversion index[strong]": 1.2, "absorption[weak]": 0.9, "absorption[strong]": 1.1,
    "grant effect on own RnD[weak]": 5, "grant effect on own RnD[strong]": 9, "RnD cost index": 1.3,
    "small profit ceiling": 0.3, "IP protection effect": 1.05,
}  # fmt: skip


def test_what_firms_sell_earn_and_owe() -> None:
    at = state("rd_investment", RND, AT)
    demand = np.exp(0.031 * 7)  # firms are as many as in 2009
    close(at["demand per firm"], demand)
    base = FIRMS * 9.3 * np.array([1, 1.3]) * demand
    close(at["base revenue"], base)
    usual = at["usual knowledge of a quality"]
    rise = 0.27 * usual / (9.3 * np.array([1, 1.3]) * 0.14 * np.array([1, 1.8]) * 0.25)
    close(at["knowledge exponent"], np.minimum(0.8, rise))
    known = at["knowledge"] / FIRMS
    free = base * 0.14 * np.array([1, 1.8]) * (known / usual) ** np.minimum(0.8, rise) * np.array([1.1, 1.2]) * 1.05
    close(at["new products unlimited"], free)
    room = 2 / (1 + np.sqrt(1 + 4 * free.sum() / (0.63 * base.sum())))
    close(at["market room"], room)
    new = free * room / at["usual market room"]
    bought = 300 * new / new.sum()
    sold = base + new + bought
    close(at["revenue"], sold)
    close(at["new product part"], (new + bought) / sold)
    surplus = (0.072 + 0.015 * np.array([0, 1])) * base + 0.25 * (new + bought) + 20 * sold / sold.sum()
    close(at["operating surplus"], surplus)
    spread = 0.08 * sold / FIRMS
    profit = (surplus - at["own RnD"] - np.array([250, 420]) - 0.03 * sold) / FIRMS
    close([at["profit spread"], at["profit per firm"]], [spread, profit])
    gains = spread * np.log1p(np.exp(profit / spread))
    close(at["surplus of profit"], gains)
    large = 0.3 * logistic((profit - 0.3) / spread) + spread * np.log1p(np.exp((profit - 0.3) / spread))
    close(at["large profits"], large)
    share = at["band share"].reshape(2, 5)
    due = FIRMS * (0.1 * gains + (0.25 - 0.1 * share[:, 3:].sum(axis=1) - 0.1) * large)
    close(at["tax due"], due)
    close(at["statutory rate"], due / (FIRMS * gains))


def test_what_a_deduction_is_worth() -> None:
    at = state("rd_investment", RND, AT)
    rates, middle, from_ = np.array([0.4, 0.5, 0.6, 0.8, 1.0]), at["intensity of a band"], at["deduction threshold"]
    log = np.log(0.7568 * at["intended intensity"])[:, None]
    reach = np.column_stack([np.ones(2), logistic((log - np.log(from_[1:])) / 0.4), np.zeros(2)])
    share = -np.diff(reach, axis=1)
    close(at["band share"].reshape(2, 5), share)
    weight = share * middle / (share * middle).sum(axis=1, keepdims=True)
    close(at["RnD share"].reshape(2, 5), weight)
    ends = np.append(from_[1:], np.inf)
    bands = np.clip(middle[:, None], from_, ends) - from_  # what of an intensity lies in each band
    mean = (bands * rates).sum(axis=1) / middle
    close(at["average extra rate"], mean)
    reported = at["own RnD"] * (1.05 + 0.46 * 0.25 * (weight * rates).sum(axis=1))
    close(at["reported RnD"], reported)
    claim = reported / FIRMS * (weight * mean).sum(axis=1)
    close(at["deduction per claimant"], claim)
    chance = logistic((at["profit per firm"] - claim / 2) / at["profit spread"])
    rate = at["statutory rate"] * chance * (1 + 0.5 * (1 - chance))
    close([at["chance of profit"], at["effective rate"]], [chance, rate])
    close(at["tax forgone"], 0.46 * FIRMS * claim * rate)
    rate = rate[:, None]
    cost = (1 - rate * (1 + 0.46 * (0.51 * rates + 0.49 * mean))) / (1 - rate)  # the B-index of each band
    close(at["pull of the deduction"], (weight * cost**-1.8).sum(axis=1), rtol=1e-9)
    first = 0.5 * 0.2 * 0.03 * at["revenue"].sum()
    deferred = first - 0.1 * at["deductions used up"]
    moves_by("rd_investment", RND, AT, {"deductions used up": deferred})
    gains, due = (FIRMS * at["surplus of profit"]).sum(), at["tax due"].sum()
    lost = deferred * due / gains * (FIRMS * chance).sum() / 5000
    close(at["depreciation tax cost"], lost)
    close(at["tax paid"], at["tax due"] - at["tax forgone"] - lost * at["revenue"] / at["revenue"].sum())


def test_what_firms_want_can_pay_and_spend_on_rnd() -> None:
    at = state("rd_investment", RND, AT)
    norm, usual = at["RnD norm"], np.array([0.03, 0.054])
    wish = norm * at["pull of the deduction"] / at["usual pull"] * (1 + 0.47 * 0.15) * (1 + 1.5 * 0.05) * 1.2**-0.25
    close(at["wish over revenue"], wish)
    sold = at["revenue"] / FIRMS
    want = sold * 0.3 * wish / (0.3 + wish) * (1 + usual / 0.3)
    close(at["wanted RnD per firm"], want)
    lent = want * 1.2**-1.8
    close(at["wish at a wedge"], lent)
    aims = np.stack([np.minimum(0.14, lent), lent, want], axis=1)
    close(at["sum aimed at"].reshape(2, 3), aims)
    funds, spread = np.array([0.25, 0.45])[:, None], at["profit spread"][:, None]
    over = spread * np.log1p(np.exp((funds - aims) / spread))
    close(at["funds above"].reshape(2, 3), over)
    found = np.array([0.5, 0.6])
    alone = aims[:, 0] * logistic((funds - aims)[:, 0] / spread[:, 0]) + over[:, 0] - over[:, 2]
    done = found * (lent + over[:, 1] - over[:, 2]) + (1 - found) * alone
    close(at["afforded RnD per firm"], done)
    close(at["money adequacy"], (FIRMS * done).sum() / (FIRMS * want).sum())
    target = (FIRMS * done + np.array([5, 9])) / at["revenue"]
    close(at["target intensity"], target)
    close(at["intended RnD"], at["revenue"] * at["intended intensity"])
    own = 0.85 * at["intended RnD"]
    close([at["own RnD"], at["total real RnD"]], [own, own + np.array([16, 22])])
    close(at["real RnD intensity"], own.sum() / at["revenue"].sum())
    back = at["knowledge exponent"] * at["new product revenue"] / at["knowledge"] * 0.25
    close(at["return on knowledge"], back)
    close(at["loop gain"], back * (1 - at["effective rate"]) * own / at["operating surplus"] / 0.19)
    way, known, sign = at["RnD under way"], at["knowledge"], np.array([-1, 1])
    leave = np.array([0.15, 0.033])
    close(at["leaving fraction"], leave)
    others = 0.03 * 1.2 * np.array([0.9, 1.1]) * FIRMS
    entering = np.array([307, 205]) * 0.3 * at["usual knowledge of a quality"]
    after = at["profit per firm"] - at["tax paid"] / FIRMS
    flows = {
        "RnD norm": (usual * (back / (0.16 + 0.1)) ** 0.94 - norm) / 6,
        "intended intensity": (0.0005 + target - at["intended intensity"]) / 3.8,
        "perceived surplus per firm": after - at["perceived surplus per firm"],
        "RnD under way": at["total real RnD"] / 1.3 - way * (0.5 + leave) + sign * (0.015 * way[0] - 0.03 * way[1]),
        "knowledge": way / 2 + others + entering - known * (0.16 + leave) + sign * (0.015 * known[0] - 0.03 * known[1]),
    }
    moves_by("rd_investment", RND, AT, flows)
    start = state("rd_investment", RND, 2009.0)
    close(start["perceived surplus per firm"], 0.03 * start["starting revenue"] / FIRMS)
    close(start["RnD norm"], usual)
    close(start["intended intensity"], 0.8 * usual)
    close(start["starting RnD"], start["starting revenue"] * 0.8 * usual * 0.75)
    close(start["starting revenue"], FIRMS * 9.3 * np.array([1, 1.3]) * (1 + 0.14 * np.array([1, 1.8])))
