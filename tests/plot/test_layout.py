"""Boards: panels, texts and one legend of a sheet stand clear of one another."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.figure import Figure

from sdmodel import plot
from sdmodel.core.errors import DesignError
from sdmodel.plot.style import CM

ROWS = [["map", "map", "dots"], ["left", "right"]]
HEADLINE = "A long headline that has to be broken into lines " * 2
TEXTS = {"title": HEADLINE, "subtitle": "24 samples", "foot": "small " * 60}
TIME = np.arange(2010, 2031.0)


def filled():
    """A sheet with a panel of each kind, whose legend is shared."""
    fig, axes = plot.mosaic(ROWS, **TEXTS)
    table = pd.DataFrame([[10.0, -4.0], [0.0, 30.0]]).rename_axis(index="start", columns="duration")
    plot.heat(table, label="%", centre=0, legend=False, ax=axes["map"])
    found = pd.DataFrame({"median": [2.0, 0.3], "low": [1.2, 0.1], "high": [2.9, 0.8]}, index=["early", "late"])
    plot.effects(found, label="points", smallest=0.2, legend=False, ax=axes["dots"])
    values = np.random.default_rng(7).uniform(size=(40, len(TIME)))
    paths = xr.DataArray(values, {"time": TIME}, ("run", "time"), "served", {"unit": "share"})
    for name in ("left", "right"):
        plot.fan(paths, policy_marks={"exit": (2020, 2025)}, legend=False, ax=axes[name], width=8)
    plot.legend({"B": axes["dots"], "C, D": axes["left"]})
    fig.draw_without_rendering()
    return fig, axes


def test_nothing_on_a_sheet_covers_anything_else_or_leaves_it():
    fig, axes = filled()
    boxes = {f"panel {name}": panel.get_tightbbox() for name, panel in axes.items()}
    boxes |= {f"text {text.get_text()[:12]}": text.get_window_extent() for text in fig.texts}
    boxes |= {f"legend {i}": drawn.get_window_extent() for i, drawn in enumerate(fig.legends)}
    assert len(boxes) == 4 + 5 + 2
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        assert not a.overlaps(b), (one, other)
    for name, box in boxes.items():
        assert min(box.x0, box.y0) >= 0, name
        assert box.x1 <= fig.bbox.x1, name
        assert box.y1 <= fig.bbox.y1, name


def test_the_sheet_reads_from_headline_to_small_print():
    fig, axes = filled()
    head, below, small, first, second = (text.get_window_extent() for text in fig.texts)
    top, bottom = axes["map"].get_window_extent(), axes["left"].get_window_extent()
    edges = [head.y0, below.y0, top.y0, bottom.y0, first.y0, second.y0, small.y0]
    assert edges == sorted(edges, reverse=True)


def test_panels_are_as_wide_as_their_names_are_often():
    fig, axes = plot.mosaic(ROWS, title="Widths")
    fig.draw_without_rendering()
    wide = {name: panel.get_window_extent().width for name, panel in axes.items()}
    assert wide["map"] / wide["dots"] == pytest.approx(2, rel=0.02)
    assert wide["left"] == pytest.approx(wide["right"], rel=0.02)


def test_a_sheet_is_as_high_as_its_rows_and_texts_need():
    bare = plot.mosaic(ROWS, title="T", heights=(3, 4))[0].get_figheight()
    assert plot.mosaic(ROWS, title="T", heights=(5, 4))[0].get_figheight() == pytest.approx(bare + 2 * CM)
    assert plot.mosaic(ROWS, title="T", foot="words", heights=(3, 4))[0].get_figheight() > bare
    assert plot.mosaic(ROWS, title="word " * 60, heights=(3, 4))[0].get_figheight() > bare


def test_one_legend_lists_what_each_kind_of_panel_shows():
    fig, axes = filled()
    assert not any(panel.get_legend() for panel in axes.values())
    fans, dots = ([text.get_text() for text in drawn.get_texts()] for drawn in fig.legends)
    assert fans == ["5 to 95 % of runs", "25 to 75 % of runs", "median"]
    clear, touches = "median; interval clear of the grey band", "median; interval touches the grey band"
    assert dots == ["5 to 95 % of runs", clear, touches, "too small to count (within ±0.2)"]


def test_a_legend_needs_panels_of_a_mosaic_that_show_something():
    _, axes = plot.mosaic(ROWS, title="Empty")
    with pytest.raises(DesignError, match="'B' shows nothing"):
        plot.legend({"B": axes["dots"]})
    with pytest.raises(DesignError, match="not those of one mosaic"):
        plot.legend({"A": Figure().subplots()})
    with pytest.raises(DesignError, match="not those of one mosaic"):
        plot.legend({"A": axes["dots"], "B": plot.mosaic(ROWS, title="Another")[1]["dots"]})


def test_a_mosaic_refuses_what_it_cannot_lay_out():
    for rows in [[["a", "b", "a"]], [["a"], ["a", "b"]], []]:
        with pytest.raises(DesignError, match="need names"):
            plot.mosaic(rows, title="T")
    with pytest.raises(DesignError, match="2 rows and 1 heights"):
        plot.mosaic(ROWS, title="T", heights=(3,))
