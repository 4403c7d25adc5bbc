"""Rows held at their median, and signs over the unfiltered ranges."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
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


# -- by hand --------------------------------------------------------------------------------------------------------
TOY = """
present value of public money = INTEG(0, 100) ~ million CNY ~ |
one = INTEG(0*size, 100+size*a+lever*b) ~ firm ~ |
two = INTEG(0*size, -100-size*a) ~ firm ~ |
a = 0 ~ firm [-9,9] ~ A. [uncertainty] [@guess] |
b = 0 ~ firm [-9,9] ~ B. [uncertainty] [@guess] |
size = 0 ~ Dmnl [0,9] ~ S. [lever P01] |
lever = 0 ~ Dmnl [0,9] ~ L. [lever P02] |
"""
A, B = [3.0, 1.0, -2.0, -3.0, 2.0], [2.0, 2.0, -2.0, 2.0, 0.0]


def test_shares_that_move_when_a_row_is_held_are_counted_by_hand(model_from: Callable[..., sdmodel.Model]) -> None:
    """Of `a` two samples of five are above one percent, two below and one at it; held at the median 1 none is.

    Of `b` three are above and one below; held at 2 all are above. Of `two`, which is negative, more is less negative.
    """
    model = model_from(TOY, start=2009, end=2034, step=25)
    draws = pd.DataFrame({"a": A, "b": B, "sample": range(5)})
    settings = {"base": {}, "size": {"size": 1.0}, "lever": {"lever": 1.0}}
    pairs = [("size", "base"), ("lever", "base")]
    found = freeze.freeze(model, draws, settings, pairs, outcomes=["one", "two"], progress=False)
    assert found.index.tolist() == ["a", "b"]
    # a moves shares of `one` and of `two` by 0.4 in the first pair, b those of `one` in the second by 0.4
    assert found["mean"].tolist() == pytest.approx([(0.4 + 0.4) / 4, 0.4 / 4])
    assert found["largest"].tolist() == pytest.approx([0.4, 0.4])
    assert found[["setting", "outcome"]].to_numpy().tolist() == [["size", "one"], ["lever", "one"]]
    assert found["flipped"].tolist() == pytest.approx([0.8, 0.4])
    assert found["held"].tolist() == [1.0, 2.0]
    only = freeze.freeze(model, draws, settings, pairs, rows=["b"], outcomes=["two"], progress=False)
    assert only.index.tolist() == ["b"]
    assert only["largest"].tolist() == [0.0]
    change = freeze.changes(freeze.Arms(model, draws, ["one", "two"], every=25, progress=False), settings, pairs)
    np.testing.assert_allclose(change, [[A, [-x for x in A]], [B, [0.0] * 5]], atol=1e-12)
    assert (freeze.COUNTS, freeze.IDLE) == (1.0, 0.01)  # percent, and a point of a share


def test_corners_are_drawn_by_the_seed_and_inside_lie_as_many(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from(TOY, start=2009, end=2034, step=25)
    draws = built_in.unfiltered(model, 40)
    assert draws["sample"].tolist() == draws.index.tolist() == list(range(80))
    inside, corners = draws.iloc[:40], draws.iloc[40:]
    pd.testing.assert_frame_equal(
        inside.drop(columns="sample"),
        sdmodel.latin_hypercube(model.uncertainties, 40, rng=1).drop(columns="sample"),
    )
    assert set(corners["a"]) == set(corners["b"]) == {-9.0, 9.0}
    assert len(corners[["a", "b"]].drop_duplicates()) == 4
    assert 10 <= (corners["a"] == 9).sum() <= 30
    high = np.random.default_rng(1).random((40, 2)) < 0.5
    assert (corners["a"].to_numpy() == np.where(high[:, 0], 9, -9)).all()
    other = built_in.unfiltered(model, 40, 2)
    assert not (other["a"] == draws["a"]).iloc[:40].all()
    assert not (other["a"] == draws["a"]).iloc[40:].all()
    assert built_in.SAMPLES == 96  # of which none of a sign says that fewer than three in a hundred have it
