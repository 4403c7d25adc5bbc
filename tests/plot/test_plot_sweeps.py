"""Figures of many runs: fan charts, heat maps and effects show what they are given and what is missing."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection

from sdmodel import plot
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot import style as look

TIME = np.arange(2010, 2031.0)


def sweep(n=40, failed=(), settings=None):
    draws = np.random.default_rng(7).normal(size=(n, 1))
    values = 100 + draws * (TIME - 2009)
    values[list(failed)] = np.nan
    status = np.zeros(n, dtype=int)
    status[list(failed)] = 1
    coords = {"time": TIME, "status": ("run", status)}
    if settings is not None:
        coords["setting"] = ("run", settings)
    return xr.DataArray(values, coords, ("run", "time"), "RnD", {"unit": "million CNY/Year"})


def words(fig):
    return [text.get_text() for text in fig.findobj(mpl.text.Text) if text.get_visible() and text.get_text()]


# -- fan -----------------------------------------------------------------------------------------------------


def test_fan_shows_the_quantiles_of_the_runs_that_succeeded():
    data = sweep(failed=(3, 5))
    fig, (ax,) = plot.fan(data)
    good = np.delete(data.to_numpy(), [3, 5], axis=0)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.quantile(good, 0.5, axis=0))
    bands = [artist for artist in ax.collections if isinstance(artist, PolyCollection)]
    assert len(bands) == 2
    outer = bands[0].get_paths()[0].vertices
    at_end = outer[outer[:, 0] == TIME[-1], 1]
    assert (at_end.min(), at_end.max()) == pytest.approx(tuple(np.quantile(good[:, -1], [0.05, 0.95])))
    assert "40 runs, 2 failed and left out" in words(fig)
    assert {"median", "25 to 75 % of runs", "5 to 95 % of runs"} <= set(words(fig))
    assert ax.get_ylabel() == "million CNY/Year"


def test_a_run_that_is_not_finite_counts_as_failed_whatever_its_status():
    data = sweep()
    data[0, 4] = np.inf
    assert "40 runs, 1 failed and left out" in words(plot.fan(data)[0])
    assert "40 runs, none failed" in words(plot.fan(sweep())[0])


def test_fan_by_setting_has_small_multiples_with_one_value_axis():
    settings = np.repeat(["early", "late"], 20)
    fig, axes = plot.fan(sweep(failed=(1, 2), settings=settings), by="setting")
    assert [ax.get_title(loc="left") for ax in axes] == ["early", "late"]
    assert axes[0].get_ylim() == axes[1].get_ylim()
    assert "40 runs (2 panels, 20 each), 2 failed and left out (early: 2)" in words(fig)
    assert axes[0].get_ylabel() == "RnD (million CNY/Year)"


def test_fan_bands_follow_the_quantiles_asked_for():
    _, (ax,) = plot.fan(sweep(), quantiles=(0.1, 0.5, 0.9))
    assert len(ax.collections) == 1


def test_fan_bands_differ_in_grey():
    _, (ax,) = plot.fan(sweep())
    outer, inner = (look.lightness(mpl.colors.to_hex(band.get_facecolor()[0])) for band in ax.collections)
    assert look.lightness(ax.lines[0].get_color()) + 10 < inner < outer - 10
    assert outer < 95


def test_fan_refuses_what_it_cannot_draw():
    with pytest.raises(DesignError, match=r"region.*\.sel\(region=\.\.\.\)"):
        plot.fan(sweep().expand_dims(region=["east"]))
    with pytest.raises(UnknownNameError, match="setting"):
        plot.fan(sweep(settings=["x"] * 40), by="settings")
    with pytest.raises(DesignError, match="None of the 40 runs has succeeded"):
        plot.fan(sweep(failed=range(40)))
    with pytest.raises(DesignError, match="None of the 20 runs of setting late has"):
        plot.fan(sweep(failed=range(20, 40), settings=np.repeat(["early", "late"], 20)), by="setting")
    with pytest.raises(DesignError, match="'setting' has 40 values"):
        plot.fan(sweep(settings=np.arange(40)), by="setting")
    for wrong in [(0.5,), (0.1, 0.9), (0.1, 0.5, 0.8), (0.9, 0.5, 0.1), (-0.1, 0.5, 1.1)]:
        with pytest.raises(DesignError, match="quantiles"):
            plot.fan(sweep(), quantiles=wrong)


# -- heat ----------------------------------------------------------------------------------------------------


@pytest.fixture
def table():
    values = [[0.25, 0.5, -1.5], [1.0, np.nan, 2.0]]
    names = {"index": "exit start", "columns": "exit duration"}
    return pd.DataFrame(values, index=[2018, 2022], columns=[1, 3, 5]).rename_axis(**names)


UNITS = {"exit start": "Year", "exit duration": "Year"}


def test_heat_prints_each_value_and_names_axes_and_colours(table):
    fig, (ax,) = plot.heat(table, label="change of RnD (%)", units=UNITS)
    assert ax.get_xlabel() == "exit duration (Year)"
    assert ax.get_ylabel() == "exit start (Year)"
    assert "change of RnD (%)" in words(fig)
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells == {(0, 0): "0.2", (1, 0): "0.5", (2, 0): "−1.5", (0, 1): "1.0", (2, 1): "2.0"}
    assert len(ax.patches) == 1  # the hatch of the missing one
    assert ax.images[0].get_cmap().name == "cividis"
    assert ax.images[0].origin == "lower"


def test_heat_about_a_centre_is_symmetric_signed_and_parted(table):
    _, (ax,) = plot.heat(table, label="change (%)", centre=0)
    norm = ax.images[0].norm
    assert (norm.vmin, norm.vmax) == (-2, 2)
    assert {text.get_text() for text in ax.texts} == {"+0.2", "+0.5", "−1.5", "+1.0", "+2.0"}
    edges = {tuple(map(tuple, line.get_xydata())) for line in ax.lines}
    assert edges == {((1.5, -0.5), (1.5, 0.5)), ((1.5, 0.5), (2.5, 0.5))}


def test_heat_text_stands_out_from_its_cell(table):
    _, (ax,) = plot.heat(table, label="x (Dmnl)")
    image = ax.images[0]
    for text in ax.texts:
        column, row = text.get_position()
        cell = look.lightness(mpl.colors.to_hex(image.cmap(image.norm(table.iloc[row, column]))))
        assert abs(look.lightness(text.get_color()) - cell) >= 49


def test_heat_colours_grow_evenly_in_grey():
    tones = [look.lightness(mpl.colors.to_hex(mpl.colormaps["cividis"](x))) for x in np.linspace(0, 1, 11)]
    assert np.diff(tones).min() > 5


def test_heat_says_when_cells_are_too_small_for_numbers():
    many = pd.DataFrame(np.random.default_rng(1).normal(size=(4, 60))).rename_axis(index="a", columns="b")
    _, (ax,) = plot.heat(many, label="x (Dmnl)", width=8)
    assert [text.get_text() for text in ax.texts] == ["cells too small for numbers"]


def test_heat_never_prints_a_negative_zero():
    values = pd.DataFrame([[-0.001, 12.0]]).rename_axis(index="a", columns="b")
    _, (ax,) = plot.heat(values, label="x (Dmnl)", centre=0)
    assert [text.get_text() for text in ax.texts] == ["0", "+12"]


def test_heat_refuses_what_it_cannot_draw(table):
    with pytest.raises(DesignError, match="rename_axis"):
        plot.heat(table.rename_axis(index=None), label="x")
    with pytest.raises(UnknownNameError, match="exit start"):
        plot.heat(table, label="x", units={"exit stat": "Year"})
    with pytest.raises(DesignError, match="does not hold numbers"):
        plot.heat(table.astype(object).replace(1.0, "one"), label="x")
    with pytest.raises(DesignError, match="no number"):
        plot.heat(table * np.nan, label="x")


# -- effects -------------------------------------------------------------------------------------------------


@pytest.fixture
def found():
    numbers = {"median": [2.0, 0.3, np.nan], "low": [1.2, 0.1, np.nan], "high": [2.9, 0.8, np.nan]}
    return pd.DataFrame(numbers, index=["early", "late", "never"])


def test_effects_show_interval_zero_and_what_is_too_small(found):
    fig, (ax,) = plot.effects(found, label="RnD lost (%)", smallest=0.2)
    assert [text.get_text() for text in ax.get_yticklabels()] == ["early", "late", "never"]
    assert ax.get_xlabel() == "RnD lost (%)"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # first row on top
    zero, *rest = ax.lines
    assert set(zero.get_xdata()) == {0}
    assert [list(line.get_xdata()) for line in rest] == [[1.2, 2.9], [2.0], [0.1, 0.8], [0.3]]
    filled = [line.get_markerfacecolor() != "#FFFFFF" for line in rest[1::2]]
    assert filled == [True, False]  # 0.1 lies within 0.2 of zero
    assert "no run to compare" in words(fig)
    assert "too small to count (within ±0.2)" in words(fig)


def test_effects_without_a_smallest_judge_by_zero(found):
    fig, (ax,) = plot.effects(found, label="RnD lost (%)")
    assert not ax.patches
    assert all(line.get_markerfacecolor() != "#FFFFFF" for line in ax.lines[2::2])
    assert "median; interval clear of zero" in words(fig)


def test_effects_refuse_what_they_cannot_draw(found):
    with pytest.raises(UnknownNameError, match=r"no column 'low'.*lower"):
        plot.effects(found.rename(columns={"low": "lower"}), label="x")
    with pytest.raises(DesignError, match=r"row 'early'.*not half-widths"):
        plot.effects(found.assign(low=[0.8, 0.1, np.nan], high=[0.9, 0.8, np.nan]), label="x")
    with pytest.raises(DesignError, match="none of them holds numbers"):
        plot.effects(found.iloc[2:], label="x")
    with pytest.raises(DesignError, match="positive"):
        plot.effects(found, label="x", smallest=-1)


# -- on a sheet of the caller's --------------------------------------------------------------------------------


def test_without_a_legend_the_sheet_can_still_make_one(found, table):
    fig, axes = plot.fan(sweep(), legend=False)
    assert not fig.legends
    assert "40 runs, none failed" not in words(fig)
    assert set(axes[0].get_legend_handles_labels()[1]) == {"median", "25 to 75 % of runs", "5 to 95 % of runs"}
    fig, axes = plot.effects(found, label="x", smallest=0.2, legend=False)
    assert not fig.legends
    names = axes[0].get_legend_handles_labels()[1]
    assert len(names) == len(set(names)) == 4
    fig, _ = plot.heat(table, label="change of RnD (%)", legend=False)
    assert len(fig.axes) == 1
    assert "change of RnD (%)" not in words(fig)


def test_heat_colours_reach_as_far_as_told(table):
    _, (ax,) = plot.heat(table, label="change (%)", centre=1, reach=100)
    norm = ax.images[0].norm
    assert (norm.vmin, norm.vmax) == (-99, 101)
    for wrong in ({"centre": 0, "reach": -1}, {"reach": 5}):
        with pytest.raises(DesignError, match="reach of the colours"):
            plot.heat(table, label="x", **wrong)


def test_effects_list_only_what_they_show(found):
    fig, _ = plot.effects(found.iloc[:1], label="x", smallest=0.2)
    assert "median; interval touches the grey band" not in words(fig)
    assert "median; interval clear of the grey band" in words(fig)


def test_a_fan_without_any_run_says_so():
    with pytest.raises(DesignError, match="None of the 0 runs"):
        plot.fan(sweep().isel(run=[]))
