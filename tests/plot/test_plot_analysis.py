"""Figures of policies, boxes and tipping show the numbers they are given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

import sdmodel
from sdmodel import plot
from sdmodel.core.errors import DesignError, UnknownNameError


def words(fig):
    return [text.get_text() for text in fig.findobj(Text) if text.get_visible() and text.get_text()]


def searched():
    table = pd.DataFrame(
        {"size": [5.0, 3.0, 2.0], "end": [2016.0, 2019.0, 2020.0], "worth": [np.nan, 4.0, 6.0], "runs": [16, 32, 48]}
    )
    table.attrs = {"goal": "worth", "levers": ["size", "end"], "units": {"size": "CNY", "end": "Year", "worth": "firm"}}
    return table


def test_search_shows_goal_and_levers_and_leaves_out_what_keeps_no_limit():
    fig, axes = plot.search(searched())
    assert [ax.get_title(loc="left") for ax in axes] == ["worth", "size", "end"]
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), [np.nan, 4, 6])
    assert axes[1].lines[0].get_ydata()[1:].tolist() == [3, 2]
    assert np.isnan(axes[1].lines[0].get_ydata()[0])
    fig.draw_without_rendering()
    assert "2,020" not in words(fig)
    with pytest.raises(DesignError, match="unchanged"):
        plot.search(pd.DataFrame({"worth": [1.0]}))


def test_front_of_two_goals_and_of_three():
    table = pd.DataFrame({"firms": [30.0, 10, 20], "money": [9.0, 1, 3], "jobs": [1.0, 3, 2]})
    table.attrs = {"goals": {"firms": "max", "money": "min"}, "units": {"firms": "firm", "money": "CNY", "jobs": "job"}}
    _, (ax,) = plot.front(table)
    assert ax.lines[1].get_xdata().tolist() == [10, 20, 30]
    assert ax.lines[1].get_ydata().tolist() == [1, 3, 9]
    assert ax.get_ylabel() == "money (CNY), less is better"
    table.attrs["goals"]["jobs"] = "max"
    _, (ax,) = plot.front(table, width=16)
    lines = [line.get_ydata() for line in ax.lines if len(line.get_ydata()) == 3]
    assert [line[0] for line in lines] == [0, 0.5, 1]
    np.testing.assert_allclose([line[1] for line in lines], [1, 0.75, 0])  # less money is up
    with pytest.raises(DesignError, match="unchanged"):
        plot.front(pd.DataFrame({"firms": [1.0]}))


@pytest.fixture(scope="module")
def found():
    x = pd.DataFrame(np.random.default_rng(0).random((400, 3)), columns=["a", "b", "c"])
    return sdmodel.discover(
        x, (x["a"] < 0.4).to_numpy() & (x["b"] > 0.5).to_numpy(), rng=1, resamples=3, units={"a": "Year"}
    )


def test_boxes_show_their_limits_in_their_units(found):
    fig, axes = plot.boxes(found)
    first = found.limits.loc[1]
    texts = words(fig)
    for name, row in first.iterrows():
        limit = row["low"] if np.isfinite(row["low"]) else row["high"]
        assert f"{limit:.3g}" in texts
        assert any(name in text for text in texts)
    assert any("a (Year)" in text for text in texts)
    assert f"{found.quality['coverage'].iloc[0]:.0%} of all cases" in axes[0].get_title(loc="left").replace("\n", " ")


def test_the_tradeoff_marks_what_was_taken(found):
    _, (ax,) = plot.tradeoff(found)
    taken = next(line for line in ax.lines if line.get_label() == "box that was taken")
    mine = found.tried[found.tried["chosen"]]
    assert taken.get_xdata().tolist() == mine["coverage"].tolist()
    assert taken.get_ydata().tolist() == mine["density"].tolist()


def test_hysteresis_leaves_out_what_never_rests():
    table = pd.DataFrame(
        {
            "r": [0.0, 1, 2, 2, 1, 0],
            "way": ["up"] * 3 + ["down"] * 3,
            "x": [0.0, 1, 5, 5, 4, 0],
            "rested": [True, True, True, True, False, True],
            "returns": True,
        }
    )
    table.attrs = {"lever": "r", "variable": "x", "units": {"r": "1/Year", "x": "Dmnl"}}
    _, (ax,) = plot.hysteresis(table)
    up, down = ax.lines[:2]
    assert up.get_ydata().tolist() == [0, 1, 5]
    np.testing.assert_array_equal(down.get_ydata(), [5, np.nan, 0])
    rest_points = pd.DataFrame({"r": [0.0, 0.0], "x": [0.0, 2.0], "kind": ["stable", "unstable"]})
    _, (ax,) = plot.hysteresis(table, rest_points)
    assert [line.get_label() for line in ax.lines[:2]] == ["stable state of rest", "unstable state of rest"]
    with pytest.raises(UnknownNameError, match="kind"):
        plot.hysteresis(table, rest_points.drop(columns="kind"))
    with pytest.raises(DesignError, match="unchanged"):
        plot.hysteresis(pd.DataFrame({"r": [1.0]}))


def test_cumulative_counts_the_rows_that_never_come_to_it():
    table = pd.DataFrame({"end": [2019.0, 2017.0, np.nan, 2030.0], "triggered": [True, True, False, False]})
    table.attrs = {"lever": "end", "units": {"end": "Year"}, "rows": 4}
    _, (ax,) = plot.cumulative(table)
    assert ax.lines[0].get_xdata().tolist() == [2017, 2017, 2019, 2019]
    assert ax.lines[0].get_ydata().tolist() == [0, 0.25, 0.25, 0.5]
    both = pd.DataFrame({"s": [1.0, 2.0], "direction": [1, -1]})
    both.attrs = {"lever": "s", "rows": 2}
    _, (ax,) = plot.cumulative(both)
    assert [line.get_label() for line in ax.lines] == ["rises through the level", "falls through the level"]
    with pytest.raises(DesignError, match="nothing to draw"):
        plot.cumulative(table.assign(triggered=False))
    with pytest.raises(UnknownNameError):
        plot.cumulative(table, "start")


def test_basins_colour_starts_by_where_they_lead():
    table = pd.DataFrame({"x": [0.0, 1, 2], "rest": [1, 2, 0], "x at rest": [-1.0, 1500.0, np.nan]})
    table.attrs = {"states": ["x"], "units": {"x": "firm"}}
    fig, (ax,) = plot.basins(table)
    assert [line.get_xdata().tolist() for line in ax.lines] == [[2], [0], [1]]
    assert {"no rest", "x −1", "x 1,500"} <= set(words(fig))
    table.attrs["states"] = []
    with pytest.raises(DesignError, match="one or two"):
        plot.basins(table)
