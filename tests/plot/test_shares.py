"""Shares of samples and median paths as they are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot import medians, shares

TABLE = pd.DataFrame(
    {"share": [0.8, 0.0], "low": [0.78, 0.0], "high": [0.82, 0.03], "half as wide": [0.9, np.nan]}, index=["H01", "H02"]
)


def test_a_bar_ends_at_its_share_and_marks_stand_at_theirs() -> None:
    _, (panel,) = shares(TABLE)
    bars = [p.get_width() for p in panel.patches]
    assert bars[2:] == pytest.approx([80, 0])
    mark = next(line for line in panel.lines if line.get_label() == "half as wide")
    assert np.asarray(mark.get_xdata()) == pytest.approx([90, np.nan], nan_ok=True)
    assert panel.get_xlim() == (0, 100)
    assert panel.get_ylim()[0] > panel.get_ylim()[1]  # the first row is on top


def test_shares_refuse_what_is_no_share() -> None:
    with pytest.raises(UnknownNameError, match="no column 'high'"):
        shares(TABLE.drop(columns="high"))
    with pytest.raises(DesignError, match="between 0 and 1"):
        shares(TABLE.assign(share=80.0))
    with pytest.raises(DesignError, match="needs rows"):
        shares(TABLE.iloc[:0])


def test_medians_leave_failed_runs_out() -> None:
    values = np.array([[0.0, 1.0], [0.0, 3.0], [np.nan, 1.0], [0.0, 5.0]])
    path = xr.DataArray(values, {"time": [2015.0, 2034.0]}, ("sample", "time"))
    _, (panel,) = medians({"none": path, "twice": 2 * path}, label="links")
    assert [np.asarray(line.get_ydata()).tolist() for line in panel.lines] == [[0, 3], [0, 6]]
    assert panel.get_ylabel() == "links"


def test_medians_refuse_other_dims_and_nothing() -> None:
    with pytest.raises(DesignError, match="0 paths"):
        medians({}, label="links")
    with pytest.raises(DesignError, match="needed are sample and time"):
        medians({"a": xr.DataArray([1.0], dims="time")}, label="links")
