"""What must not get lost: the balances of `models/checks.toml`, which test_shipped.py holds in corners, show a slip."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

import sdmodel
from sdmodel.model import Model
from sdmodel.validation.confidence.conservation import LIMIT, BalanceErrors, with_balances
from sdmodel.validation.spec import read_spec

BUSY = {"extra guarantee capital": 20, "voucher budget": 50, "brokerage programme": 2}
"""A state in which every flow runs."""


@pytest.fixture(scope="module")
def whole() -> Model:
    return sdmodel.load("shandong")


def test_the_present_value_is_money_at_its_discount(whole: Model) -> None:
    run = whole.run({"real social discount rate": 0.05}, scenario="timed push", every=0.05)
    t, cost = run.time, run["fiscal cost"].to_numpy()
    weight = np.where(t >= 2015, np.exp(-0.05 * (t - 2015)), 0.0)
    by_hand = np.trapezoid((cost * weight)[t >= 2015], t[t >= 2015])
    assert run["present value of public money"].iloc[-1] == pytest.approx(by_hand, rel=2e-3)
    assert run["present value of public money"].loc[2014.0] == 0


def test_no_flow_can_be_forgotten(whole: Model) -> None:
    """A balance without any one of its flows does not hold, so an equation that forgets one would be seen."""
    short = {}
    for b in read_spec(whole).balance:
        for kind in ("inflows", "outflows"):
            flows = getattr(b, kind)
            for i, flow in enumerate(flows):
                name = f"{b.name} without {i} of the {kind}: {flow[:20]}"
                rest = [*flows[:i], *flows[i + 1 :]]
                short[name] = dataclasses.replace(b, name=f"short {len(short)}", **{kind: rest})
    errors = BalanceErrors(tuple(short.values()))
    checked = Model.of(with_balances(whole, errors.balances))
    errors.add(checked.sweep([BUSY], errors.outputs, every=1, workers=1, certificate=0, progress=False))
    assert len(short) >= 30
    assert [name for name, b in short.items() if not errors.worst[b.name] > 1000 * LIMIT] == []
