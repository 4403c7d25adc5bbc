"""Checks of arguments: numbers, whole numbers, choices and ranges at their very ends."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from sdmodel.core.arguments import choice, count, interval, number, seed
from sdmodel.core.errors import DesignError, UnknownNameError

INF, NAN = math.inf, math.nan


@pytest.mark.parametrize(
    ("check", "fine", "refused"),
    [
        (number, [0, -1.5, np.float32(2), np.int64(3), 1e308], [True, NAN, INF, -INF, "1", None, 1j, [1]]),
        (partial(number, low=0, high=1), [0, 0.5, 1], [-1e-9, 1 + 1e-9]),
        (partial(number, above=0), [1e-300, 5], [0, -1, INF]),
        (count, [1, np.int64(2)], [0, -1, 1.0, True, "1", None, np.float64(2)]),
        (partial(count, low=0, high=3), [0, 3], [-1, 4]),
        (seed, [0, 2**64 - 1], [-1, 2**64, 0.5]),
    ],
)
def test_a_number_is_taken_or_refused(check: Callable[..., None], fine: list[object], refused: list[object]) -> None:
    for value in fine:
        check("x", value)
    for value in refused:
        with pytest.raises(DesignError, match=r"x: .* is given; give a (finite|whole) number"):
            check("x", value)


def test_what_is_valid_is_said() -> None:
    for given, said in (
        ({"low": 0.0}, "a finite number of at least 0."),
        ({"high": 1.0}, "a finite number of at most 1."),
        ({"above": 0.0, "high": 1.0}, "a finite number above 0 and of at most 1."),
        ({}, "a finite number."),
    ):
        with pytest.raises(DesignError) as refused:
            number("x", 9j, **given)
        assert str(refused.value) == f"x: 9j (complex) is given; give {said}"
    with pytest.raises(DesignError, match="a whole number of at least 1 and at most 9,999"):
        count("x", 0, high=9999)
    with pytest.raises(DesignError, match=r"x: 'a{59}\.\.\. \(str\) is given"):
        number("x", "a" * 90)
    with pytest.raises(UnknownNameError, match=r"There is no way 'fast'. Nearest: faster. Give one of faster, slow"):
        choice("way", "fast", ["faster", "slow"])
    choice("way", "slow", ["faster", "slow"])


def test_a_range_rises_or_does_not_fall() -> None:
    assert interval("x", (1, 2), closed=True) == interval("x", [1, 2]) == (1, 2)
    assert interval("x", (1, 1)) == (1, 1)
    assert interval("x", (-INF, INF)) == (-INF, INF)
    assert interval("x", (dt.date(2020, 1, 1), "2021-01-01")) == (2020, 2021)
    for given in ((2, 1), (NAN, 1), (1,), (1, 2, 3), 3, None, ("a", 1)):
        with pytest.raises(DesignError, match=r"range of 'x'.*two numbers that do not fall"):
            interval("x", given)
    for given in ((1, 1), (2, 1), (1, INF), (-INF, 1)):
        with pytest.raises(DesignError, match=r"range of 'x'.*two finite numbers that rise"):
            interval("x", given, closed=True)
