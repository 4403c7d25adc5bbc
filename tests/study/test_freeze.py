"""Rows held at their median, and signs over the unfiltered ranges."""

from __future__ import annotations

import numpy as np
import pytest

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.study import built_in, freeze
from sdmodel.study.history_matching import ensemble


@pytest.fixture(scope="module")
def model() -> sdmodel.Model:
    return sdmodel.load("shandong")


def test_a_row_that_a_comparison_rests_on_moves_it_and_another_does_not(model: sdmodel.Model) -> None:
    """Fixed shares of samples rest on moral hazard where loans are covered, and on nothing of vouchers."""
    settings = {"base": {}, "vouchers": {"voucher budget": 96.4}}
    rows = ["conversion per link", "moral hazard"]
    found = freeze.freeze(
        model, ensemble(model, 48), settings, [("vouchers", "base")], rows=rows, outcomes=["new product revenue"],
        progress=False,
    )  # fmt: skip
    assert list(found.index) == rows, "the one that decides comes first"
    assert found.loc["moral hazard", "largest"] <= 1 / 48
    assert found.loc["conversion per link", ["setting", "outcome"]].tolist() == ["vouchers", "new product revenue"]
    assert 0 < found.loc["conversion per link", "largest"] <= found.loc["conversion per link", "flipped"]


def test_an_outcome_that_is_not_there_is_refused(model: sdmodel.Model) -> None:
    with pytest.raises(UnknownNameError, match="all firmz"):
        freeze.freeze(model, ensemble(model, 2), {"base": {}}, [("base", "base")], outcomes=["all firmz"])


def test_every_setting_of_the_levers_is_compared_with_its_own_state() -> None:
    settings, pairs = freeze.arms_and_pairs()
    assert len(pairs) > 30
    for name, against in pairs:
        assert settings[against].items() <= settings[name].items()
        assert settings[name] != settings[against]


def test_unfiltered_samples_hold_draws_and_corners(model: sdmodel.Model) -> None:
    draws, table = built_in.unfiltered(model, 16), model.uncertainties
    assert draws.shape == (32, 1 + len(table))
    values = draws[table.index].to_numpy()
    assert ((values >= table["low"].to_numpy()) & (values <= table["high"].to_numpy())).all()
    corners = np.isin(values[16:], table[["low", "high"]].to_numpy())
    assert corners.all()


def test_an_effect_within_a_hundredth_of_what_counts_has_no_sign() -> None:
    assert built_in.signs(np.array([0.009, -0.009, 0.011, -0.011, np.inf]), 1.0) == (1, 2, 1)
