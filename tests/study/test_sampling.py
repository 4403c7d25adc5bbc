"""Samples by hand: rows by their numbers, ranks that go together, and ranges that are stretched."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sdmodel
from sdmodel.core.errors import UnknownNameError
from sdmodel.study import sampling
from sdmodel.study.sampling import correlated, uniform_rows, values, widened


def test_rows_of_many_columns_take_whole_blocks_of_the_stream() -> None:
    """Philox returns four numbers a count: rows of five take two counts, and the words are shifted to 53 bits."""
    stream = np.random.Philox(key=9).random_raw(3 * 8).reshape(3, 8)
    wanted = ((stream[:, :5] >> np.uint64(11)) + 0.5) / 2.0**53
    np.testing.assert_array_equal(uniform_rows([0, 1, 2], 5, 9), wanted)
    np.testing.assert_array_equal(uniform_rows([2, 0], 5, 9), wanted[[2, 0]])
    four = np.random.Philox(key=9).random_raw(8).reshape(2, 4)
    np.testing.assert_array_equal(uniform_rows([0, 1], 4, 9), ((four >> np.uint64(11)) + 0.5) / 2.0**53)


def test_two_columns_go_together_by_the_normal_copula() -> None:
    """The second of a pair is rank r of the first by 2 sin(pi r / 6), and the rest of its own score."""
    u, names = uniform_rows(range(4), 4, 1), ["a", "b", "c", "d"]
    score, r = stats.norm.ppf(u), 2 * math.sin(math.pi * 0.4 / 6)
    moved = correlated(u, names, {("d", "b"): 0.4})
    np.testing.assert_allclose(moved[:, 3], stats.norm.cdf(r * score[:, 1] + math.sqrt(1 - r * r) * score[:, 3]))
    np.testing.assert_allclose(moved[:, :3], u[:, :3], rtol=1e-12)
    np.testing.assert_array_equal(correlated(u, names, {}), u)
    assert u is not moved
    with pytest.raises(UnknownNameError, match="no uncertainty 'e'"):
        correlated(u, names, {("e", "b"): 0.4})


def test_numbers_become_values_in_the_order_of_the_table() -> None:
    table = pd.DataFrame(
        {"value": [1.0, 4.0], "low": [0.0, 1.0], "high": [2.0, 16.0], "distribution": ["", "loguniform"]},
        index=["plain", "log"],
    )
    found = values(np.array([[0.25, 0.5], [1.0, 0.0]]), table)
    assert found.columns.tolist() == ["sample", "plain", "log"]
    np.testing.assert_allclose(found.to_numpy(), [[0, 0.5, 4], [1, 2, 1]])


RANGES = """
side: left, right ~~|
share = 0.5 ~ Dmnl [0.2,0.9] ~ S. [uncertainty] [@guess] |
factor = 0.5 ~ Dmnl [0.2,1.1] ~ F. [uncertainty] [@guess] |
years = 0.5 ~ Year [0.2,0.9] ~ Y. [uncertainty] [@guess] |
worth = 0.5 ~ Dmnl [-0.1,0.9] ~ W. [uncertainty] [@guess] |
nil = 0.5 ~ Dmnl [0,1] ~ N. [uncertainty] [@guess] |
both[side] = 4, 6 ~ Year [1,10] ~ B. [uncertainty] [@guess] |
logs[side] = 4, 8 ~ Year [2,32] ~ L. [uncertainty loguniform] [@guess] |
bell[side] = 4, 8 ~ Year [2,32] ~ L. [uncertainty lognormal] [@guess] |
way = 1 ~ Dmnl [0,2] ~ A switch. [switch] |
x = INTEG(share+factor+years+worth+nil+both[left]+logs[left]+bell[left]+way, 0) ~ ~ |
"""


@pytest.mark.parametrize(
    ("name", "half", "double"),
    [
        ("share", (0.35, 0.7), (0, 1)),  # from nought to one
        ("factor", (0.35, 0.8), (0, 1.7)),  # no share, since it may be above one
        ("years", (0.35, 0.7), (0, 1.3)),  # no share, since it has a unit
        ("worth", (0.2, 0.7), (-0.7, 1.3)),  # no share, since it may be negative
        ("nil", (0.25, 0.75), (0, 1)),
        ("both", (2.5, 8), (0, 14)),  # from the least value down, and from the largest up
        ("logs", (math.sqrt(8), 16), (1, 128)), ("bell", (math.sqrt(8), 16), (1, 128)), ("way", (0, 2), (0, 2)),
    ],
)  # fmt: skip
def test_ranges_are_stretched_within_what_a_constant_can_be(
    ranges: dict[float, sdmodel.Model], name: str, half: tuple[float, float], double: tuple[float, float]
) -> None:
    for factor, ends in ((0.5, half), (2.0, double)):
        assert ranges[factor][name].limits == pytest.approx(ends, abs=1e-12)


@pytest.fixture(scope="module")
def ranges(tmp_path_factory: pytest.TempPathFactory) -> dict[float, sdmodel.Model]:
    from model_file import TEMPLATE

    path = tmp_path_factory.mktemp("ranges") / "ranges.mdl"
    path.write_text(TEMPLATE.format(equations=RANGES, start=0, end=1, step=1, saveper=1), encoding="utf-8")
    model = sdmodel.load(path)
    return {factor: widened(model, factor) for factor in (0.5, 2.0)}


def test_other_ranges_are_drawn_by_their_seed(model_from: Callable[..., sdmodel.Model]) -> None:
    model = model_from("x = INTEG(k, 0) ~ ~ |\nk = 1 ~ m [0,3] ~ K. [uncertainty] [@guess] |")
    for factor in (0.5, 2.0):
        one, other = (sampling.wider_samples(model, factor, 8, seed)[1] for seed in (1, 2))
        wanted = sdmodel.latin_hypercube(widened(model, factor).uncertainties, 8, rng=2)
        pd.testing.assert_frame_equal(other, wanted)
        assert not one.equals(other)
