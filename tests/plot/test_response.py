"""Outcomes against a lever, and a variable above its causes."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError


def outcome(lever: list[float], found: list[float]) -> xr.DataArray:
    return xr.DataArray(found, {"lever": ("run", lever)}, ["run"], "late")


def test_the_median_and_bands_are_those_of_the_runs_at_each_value() -> None:
    values = np.arange(20.0)
    _, axes = sdmodel.plot.response(outcome([1.0] * 20 + [2.0] * 20, [*values, *(values + 100)]), "lever")
    line = axes[0].lines[0]
    assert line.get_xdata().tolist() == [1.0, 2.0]
    assert line.get_ydata().tolist() == [9.5, 109.5]
    outer, inner = (band.get_paths()[0].vertices[:, 1] for band in axes[0].collections)
    assert outer.max() == pytest.approx(100 + np.quantile(values, 0.95))
    assert inner.min() == pytest.approx(np.quantile(values, 0.25))


def test_many_values_are_gathered_and_failed_runs_left_out() -> None:
    lever = np.linspace(0, 1, 121)
    found = np.where(lever == 0, np.nan, lever)
    fig, axes = sdmodel.plot.response(outcome(list(lever), list(found)), "lever")
    assert len(axes[0].lines[0].get_xdata()) == 12
    assert "120 runs" in [text.get_text() for one in fig.legends for text in [one.get_title()]]


def test_a_grid_is_drawn_along_its_axis() -> None:
    grid = xr.DataArray([[1.0, 2.0], [3.0, 4.0]], {"lever": [0.0, 5.0], "other": [1.0, 2.0]}, ["lever", "other"])
    _, axes = sdmodel.plot.response(grid, "lever")
    assert axes[0].lines[0].get_ydata().tolist() == [1.5, 3.5]


def test_what_cannot_be_drawn_is_said() -> None:
    with pytest.raises(UnknownNameError, match="lever"):
        sdmodel.plot.response(outcome([1.0, 2.0], [1.0, 2.0]), "levre")
    with pytest.raises(DesignError, match="No run"):
        sdmodel.plot.response(outcome([1.0, 2.0], [np.nan, np.nan]), "lever")
    run = sdmodel.load("adoption").run(every=5)
    with pytest.raises(UnknownNameError, match="uptake"):
        sdmodel.plot.causes(run, "uptaek")
    with pytest.raises(DesignError, match="constants only"):
        sdmodel.plot.causes(run, "support size")


def test_a_strip_shows_the_elements_of_the_variable() -> None:
    run = sdmodel.load("firms").run(every=5)
    _, axes = sdmodel.plot.causes(run, "exit fraction[weak]")
    titles = [panel.get_title(loc="left") for panel in axes]
    assert titles[0] == "exit fraction[weak]"
    assert not any("strong" in title for title in titles)
