"""Series of observations as they are read: files either way round, tables, mappings, dates, standard deviations."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sdmodel.analysis.calibration.observations import _is_time, _number, series_in, standard_deviations
from sdmodel.core.errors import DesignError, ReadError


def read(place: Path, text: str) -> dict[str, pd.Series]:
    place.write_text(text, encoding="utf-8")
    return series_in(place)


@pytest.mark.parametrize(
    "text",
    [
        "Time,a,b\n1,2,\n2,3,4\n",
        "Time,1,2\na,2,3\nb,,4\n",
        '"Time (Year)",a : run,"b"\n1,2,\n2,3,4\n',
        "date\ta\tb\n1\t2\t\n2\t3\t4\n",
    ],
)
def test_series_of_a_file(tmp_path: Path, text: str) -> None:
    found = read(tmp_path / ("x.tab" if "\t" in text else "x.csv"), text)
    assert {name: (one.index.tolist(), one.tolist()) for name, one in found.items()} == {
        "a": ([1, 2], [2, 3]),
        "b": ([2], [4]),
    }


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("when,a\n1,2\n", "begins with 'when'; its first cell must say Time"),
        ("Time,a\n1,2\nsoon,3\n", "'soon' is neither a number nor a date"),
        ("Time,a\n1,2\n,3\n", "a value without a time"), ("Time,a\n1,x\n", "x"), ("Time,a\n1,\n", "holds no numbers"),
        ("Time,a\n2,1\n2,3\n", "the times of 'a' do not increase at 2"),
        ("Time,a\n3,1\n2,3\n", "the times of 'a' do not increase at 2"),
    ],
)  # fmt: skip
def test_a_file_without_times_or_numbers_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises((ReadError, DesignError), match=said):
        read(tmp_path / "x.csv", text)


def test_series_of_tables_and_mappings() -> None:
    frame = pd.DataFrame({"Year": [1.0, 2.0], "a": [3.0, np.nan], "b": [None, 4]})
    assert {n: s.to_dict() for n, s in series_in(frame).items()} == {"a": {1: 3}, "b": {2: 4}}
    named = pd.DataFrame({"a": [1.0, 2.0]}, index=pd.RangeIndex(2, name="month"))
    assert series_in(named)["a"].index.tolist() == [0, 1]
    dated = series_in({"a": (["2015-01-01", "2016-07-02"], [1, 2])})["a"]
    assert dated.index.tolist() == pytest.approx([2015, 2016.5], abs=2e-3)
    stamped = series_in({"a": pd.Series([1.0], index=pd.to_datetime(["2015-01-01"]))})["a"]
    assert stamped.index.tolist() == [2015]
    for wrong, said in (
        (pd.DataFrame({"a": [1.0]}), "has no times"), ({"a": ([1, 2], [1])}, "neither a pandas.Series nor a pair"),
        ({"a": ([[1]], [[1]])}, "neither a pandas.Series nor a pair"), ({"a": 3}, "nor a pair"),
        ({"a": ([1], [2], [3])}, "nor a pair"), (3, "given as int"), ({"a": (["soon"], [1])}, "a time of 'a'"),
        ({"a": ([1], ["x"])}, "The mapping: 'a' at 1"), ({"a": ([1], [np.inf])}, "inf is not a number"),
        ({"a": ([1], [np.nan])}, "holds no numbers"),
    ):  # fmt: skip
        with pytest.raises(DesignError, match=said):
            series_in(wrong)
    told = [_is_time(x) for x in ("2", "2015-01-01", 3, np.float64(2), "x", None)]
    assert told == [True] * 4 + [False] * 2
    assert math.isnan(_number(None, "here"))
    assert _number(np.float32(2), "here") == 2


def test_standard_deviations_are_positive_and_one_or_as_many_as_observations() -> None:
    one = pd.Series([1.0, 2.0], index=[5.0, 6.0])
    assert standard_deviations("a", 3, one).tolist() == [3, 3]
    assert standard_deviations("a", [1, 2], one).tolist() == [1, 2]
    assert standard_deviations("a", pd.Series([4.0, 3.0, 9.0], index=[6.0, 5.0, 1.0]), one).tolist() == [3, 4]
    for wrong in (0, -1, np.nan, np.inf, [1, 0], [1, 2, 3], "much", pd.Series([1.0], index=[5.0])):
        with pytest.raises(DesignError, match="errors of 'a' must be positive"):
            standard_deviations("a", wrong, one)
