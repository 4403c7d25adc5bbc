"""Figures: what they show, what they say about units and failures, and that grey paper keeps it all."""

import itertools
import subprocess
import sys
import threading
import warnings
from datetime import date
from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from sdmodel import plot
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot import annotations as marks
from sdmodel.plot import figure
from sdmodel.plot import style as look

TIME = np.arange(2010, 2031.0)


class FakeRun:
    """As much of a `Run` as figures use, without a model to compile."""

    def __init__(self, values, unit="million CNY/Year", name="", unit_of_time="Year", time=TIME):
        self.values, self._unit, self._time = values, unit, time
        self.scenario = SimpleNamespace(name=name)
        self.model = SimpleNamespace(equations={"time step": SimpleNamespace(unit=unit_of_time)})

    def __getitem__(self, name):
        if name not in self.values:
            raise UnknownNameError(name, self.values)
        index = pd.Index(self._time, name="time")
        value = self.values[name]
        if isinstance(value, dict):
            return pd.DataFrame(value, index=index)
        return pd.Series(np.broadcast_to(value, len(index)).astype(float), index=index, name=name)

    def unit(self, name):
        return self._unit


def ramp(slope, **about):
    return FakeRun({"RnD": 100 + slope * (TIME - 2010), "trust": 1 / (1 + slope)}, **about)


@pytest.fixture
def runs():
    return {"no policy": ramp(0), "early exit": ramp(10), "late exit": ramp(20)}


def sweep():
    values = np.random.default_rng(7).normal(100, 10, size=(40, len(TIME)))
    return xr.DataArray(values, {"time": TIME}, ("run", "time"), "RnD", {"unit": "million CNY/Year"})


def words(fig):
    return [text.get_text() for text in fig.findobj(mpl.text.Text) if text.get_visible() and text.get_text()]


def overlap(a, b):
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1


# -- look ----------------------------------------------------------------------------------------------------


def test_the_first_four_colours_differ_in_grey():
    tones = [look.lightness(colour) for colour in look.COLOURS[:4]]
    assert min(abs(a - b) for a, b in itertools.combinations(tones, 2)) >= 10


def test_no_colour_is_too_light_for_a_line_on_white():
    assert max(look.lightness(colour) for colour in look.COLOURS) < 75


def test_lightness_of_known_colours():
    assert look.lightness("#000000") == pytest.approx(0)
    assert look.lightness("#FFFFFF") == pytest.approx(100)
    assert look.lightness("#777777") == pytest.approx(50.03, abs=0.05)  # CIE L* of sRGB 0.4667


def test_dash_and_marker_tell_all_lines_apart_without_colour():
    styles = look.styles(look.MOST_LINES)
    assert len({(str(style.dash), style.marker) for style in styles}) == look.MOST_LINES
    assert all(a.dash != b.dash and a.colour != b.colour for a, b in itertools.pairwise(styles))


@pytest.mark.parametrize("colour", look.COLOURS)
def test_text_in_a_line_colour_is_readable_on_white(colour):
    assert look.lightness(look.text_colour(colour)) <= 50


def test_ticks_are_spelt_alike():
    numbers = look.Numbers()
    assert numbers.format_ticks([0.3, 0.45, 0.6]) == ["0.30", "0.45", "0.60"]
    assert numbers.format_ticks([-500000.0, 0.0, 1500000.0]) == ["−500,000", "0", "1,500,000"]
    assert look.Numbers(thousands="").format_ticks([2010.0, 2020.0]) == ["2010", "2020"]
    assert numbers.format_ticks([1e-9, 2e-9]) == ["1e−09", "2e−09"]


def test_fonts_fall_back_to_those_installed_for_chinese():
    assert look.fonts({"DejaVu Sans", "SimHei", "Comic Sans MS"}) == ["DejaVu Sans", "SimHei"]


def test_missing_chinese_font_is_named_once(runs, monkeypatch):
    monkeypatch.setattr(figure, "fonts", lambda: ["DejaVu Sans"])
    monkeypatch.setattr(figure, "_warned", set())
    with pytest.warns(plot.MissingFontWarning, match=r"'提前退出'.*Noto Sans CJK SC.*WenQuanYi.*fonts-noto-cjk"):
        plot.trajectories({"提前退出": runs["early exit"], "no policy": runs["no policy"]}, "RnD")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot.trajectories({"提前退出": runs["early exit"]}, "RnD", policy_marks={"退坡": 2020})


def test_chinese_text_with_a_font_and_other_text_without_are_silent(runs, monkeypatch):
    monkeypatch.setattr(figure, "_warned", set())
    plot.trajectories(runs, "RnD")
    monkeypatch.setattr(figure, "fonts", lambda: ["DejaVu Sans", "DejaVu Serif"])  # as if the second had the glyphs
    plot.trajectories(runs, "RnD", policy_marks={"退坡": 2020})


def every_figure(runs):
    table = pd.DataFrame([[0.1, 0.9]], index=[2020], columns=[1, 5]).rename_axis(index="start", columns="duration")
    found = pd.DataFrame({"median": [1.0], "low": [0.5], "high": [2.0]}, index=["early"])
    return [
        lambda **to: plot.trajectories(runs, "RnD", policy_marks={"exit": 2020}, **to),
        lambda **to: plot.fan(sweep(), policy_marks={"exit": (2020, 2025)}, **to),
        lambda **to: plot.heat(table, label="share (Dmnl)", **to),
        lambda **to: plot.effects(found, label="RnD lost (%)", smallest=0.2, **to),
    ]


def test_figures_leave_pyplot_and_settings_alone_and_can_be_saved(runs, tmp_path):
    mpl.use("agg")  # else it is chosen when it is first looked at, here below
    before = dict(mpl.rcParams)
    for i, draw in enumerate(every_figure(runs)):
        fig, axes = draw()
        assert isinstance(fig, Figure)
        assert isinstance(axes, list)
        for kind in ("png", "pdf", "svg"):
            fig.savefig(tmp_path / f"{i}.{kind}")
    assert plt.get_fignums() == []
    assert dict(mpl.rcParams) == before


def test_two_threads_that_draw_leave_settings_and_filters_alone():
    before = dict(mpl.rcParams), list(warnings.filters)
    inside = threading.Event()

    def second():
        with look.drawing():
            inside.set()

    thread = threading.Thread(target=second)
    with look.drawing():
        thread.start()
        assert not inside.wait(0.05)  # it would take the settings of this figure for those to put back
    thread.join()
    assert inside.is_set()
    assert (dict(mpl.rcParams), list(warnings.filters)) == before


def test_figures_draw_into_given_axes(runs):
    for draw in every_figure(runs):
        mine = Figure()
        ax = mine.subplots()
        fig, axes = draw(ax=ax)
        assert fig is mine
        assert axes == [ax]
        assert ax.has_data()
        texts = {text for text in mine.findobj(mpl.text.Text) if text.get_visible() and text.get_text()}
        assert {text.get_fontfamily()[0] for text in texts} == {"DejaVu Sans"}
        assert max(text.get_fontsize() for text in texts) == look.BODY
        assert mine.get_size_inches() == pytest.approx(Figure().get_size_inches())


def test_width_is_kept_and_too_narrow_is_refused(runs):
    for draw in every_figure(runs):
        assert draw(width=8.5)[0].get_figwidth() * 2.54 == pytest.approx(8.5)
        with pytest.raises(DesignError, match="least is 5"):
            draw(width=3)


@pytest.mark.parametrize("width", [8, 16])
def test_nothing_is_cut_off_at_the_edge(runs, width):
    for draw in every_figure(runs):
        fig, _ = draw(width=width)
        fig.draw_without_rendering()
        needed, there = fig.get_tightbbox(), fig.bbox_inches.padded(0.01)
        assert there.x0 <= needed.x0
        assert needed.x1 <= there.x1
        assert there.y0 <= needed.y0
        assert needed.y1 <= there.y1


def test_importing_sdmodel_does_not_import_matplotlib():
    code = "import sdmodel, sys; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# -- trajectories --------------------------------------------------------------------------------------------


def test_trajectories_have_a_panel_a_variable_a_line_a_run_and_units(runs):
    _, axes = plot.trajectories(runs, ["RnD", "trust"])
    assert [ax.get_title(loc="left") for ax in axes] == ["RnD", "trust"]
    assert [len(ax.lines) for ax in axes] == [3, 3]
    assert axes[0].get_ylabel() == "million CNY/Year"
    assert axes[-1].get_xlabel() == "Time (Year)"
    np.testing.assert_array_equal(axes[0].lines[2].get_ydata(), 100 + 20 * (TIME - 2010))
    assert axes[0].get_xlim() == axes[1].get_xlim() == (2010, 2030)


def test_runs_may_be_a_list_named_by_scenario():
    fig, _ = plot.trajectories([ramp(1, name="early"), ramp(9, name="late")], "RnD")
    assert {"early", "late"} <= set(words(fig))
    with pytest.raises(DesignError, match="same scenario name"):
        plot.trajectories([ramp(1), ramp(2)], "RnD")


def test_labels_stand_at_line_ends_where_there_is_room(runs):
    fig, axes = plot.trajectories(runs, "RnD")
    assert not fig.legends
    fig.draw_without_rendering()
    labels = [text for text in axes[0].texts if isinstance(text, Annotation)]
    assert [label.get_text() for label in labels] == list(runs)
    for label, line in zip(labels, axes[0].lines, strict=True):
        end = axes[0].transData.transform(line.get_xydata()[-1])
        box = label.get_window_extent()
        assert box.x0 > end[0]
        assert box.y0 <= end[1] <= box.y1


def test_a_legend_takes_over_where_end_labels_would_collide():
    same = {f"scenario {i}": ramp(5) for i in range(5)}
    fig, axes = plot.trajectories(same, "RnD")
    assert [text.get_text() for text in fig.legends[0].get_texts()] == list(same)
    assert not axes[0].texts


def test_a_long_legend_makes_the_figure_higher_and_not_the_panel_lower():
    heights = []
    for n in (1, 12):
        fig, (ax,) = plot.trajectories({f"scenario number {i}": ramp(5) for i in range(n)}, "RnD", width=8)
        fig.draw_without_rendering()
        heights.append(ax.get_window_extent().height / fig.dpi * 2.54)
    assert heights == pytest.approx([5.6, 5.6], abs=0.1)


@pytest.mark.parametrize("layout", ["constrained", None])
def test_in_given_axes_the_legend_is_below_the_panel_where_there_is_room_made(runs, layout):
    fig = Figure(layout=layout)
    _, (ax,) = plot.trajectories(runs, "RnD", ax=fig.subplots())
    fig.draw_without_rendering()
    box = ax.get_legend().get_window_extent()
    if layout is None:
        assert ax.bbox.y0 < box.y0
        assert box.y1 < ax.bbox.y1
    else:
        assert box.y0 >= 0
        assert box.y1 < ax.xaxis.label.get_window_extent().y0


def test_the_baseline_is_grey_and_behind(runs):
    _, axes = plot.trajectories(runs, "RnD", baseline="no policy")
    base, *others = axes[0].lines
    assert len(set(mpl.colors.to_rgb(base.get_color()))) == 1
    assert all(base.get_zorder() < line.get_zorder() for line in others)
    assert [line.get_color() for line in others] == list(look.COLOURS[:2])


def test_a_fifth_variable_opens_a_second_column(runs):
    fig, axes = plot.trajectories({"only": FakeRun({f"x{i}": TIME for i in range(5)})}, [f"x{i}" for i in range(5)])
    assert len(axes) == len(fig.axes) == 5
    assert [bool(ax.get_xlabel()) for ax in axes] == [False, False, False, True, True]


def test_trajectories_refuse_what_they_cannot_draw(runs):
    with pytest.raises(UnknownNameError, match="trust"):
        plot.trajectories(runs, "trsut")
    with pytest.raises(UnknownNameError, match=r"no run 'late exti'.*late exit"):
        plot.trajectories(runs, "RnD", baseline="late exti")
    with pytest.raises(DesignError, match="No run"):
        plot.trajectories({}, "RnD")
    with pytest.raises(DesignError, match="No variable"):
        plot.trajectories(runs, [])
    with pytest.raises(DesignError, match=r"13 runs.*sdmodel\.plot\.fan"):
        plot.trajectories({str(i): ramp(i) for i in range(13)}, "RnD")
    with pytest.raises(DesignError, match="different units: million CNY/Year in 'a'; Dmnl in 'b'"):
        plot.trajectories({"a": ramp(1), "b": ramp(1, unit="Dmnl")}, "RnD")
    with pytest.raises(DesignError, match=r"'Time' has different units: Time \(Year\) in 'a'"):
        plot.trajectories({"a": ramp(1), "b": ramp(1, unit_of_time="Month")}, "RnD")
    with pytest.raises(DesignError, match=r"has 2 elements.*'banks\[big\]'"):
        plot.trajectories({"a": FakeRun({"banks": {"big": TIME, "small": TIME}})}, "banks")
    with pytest.raises(DesignError, match="needs 1 axes and 2"):
        plot.trajectories(runs, "RnD", ax=list(Figure().subplots(1, 2)))


# -- policy marks --------------------------------------------------------------------------------------------


def test_marks_are_lines_and_bands_at_their_dates(runs):
    fig, axes = plot.trajectories(runs, ["RnD", "trust"], policy_marks={"law": 2015, "withdrawal": (2020, 2025)})
    for ax in axes:
        poles = {line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2}
        assert poles == {2015, 2020, 2025}
        band = ax.patches[0].get_extents().transformed(ax.transData.inverted())
        assert (band.x0, band.x1) == pytest.approx((2020, 2025))
    assert words(fig).count("withdrawal") == 1


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("width", [8, 16])
def test_flags_cover_neither_each_other_nor_a_pole_nor_the_data(seed, width):
    rng = np.random.default_rng(seed)
    dates = np.sort(rng.uniform(2010, 2030, 6)).round(1)
    names = {f"{'long ' * rng.integers(0, 4)}mark {i}": date for i, date in enumerate(dates)}
    fig, (ax,) = plot.trajectories({"only": ramp(3)}, "RnD", policy_marks=names)
    fig.draw_without_rendering()
    flags = [text for text in ax.texts if text.get_text()]
    poles = [text for text in ax.texts if not text.get_text()]
    boxes = [Annotation.get_window_extent(flag) for flag in flags]
    title = ax._left_title.get_window_extent()
    assert len(flags) == len(poles) == 6
    for box in boxes:
        text = box.padded(-1)
        assert text.y0 >= ax.bbox.y1
        assert not overlap(text, title)
        assert not any(overlap(text, other) for other in boxes if other is not box)
        for pole in poles:
            assert not overlap(text, pole.arrow_patch.get_window_extent())


def test_marks_take_dates(runs):
    marked = {"law": "2015-07-02", "exit": (np.int64(2020), date(2025, 1, 1))}
    _, (ax,) = plot.trajectories(runs, "RnD", policy_marks=marked)
    poles = sorted({line.get_xdata()[0] for line in ax.lines if len(line.get_xdata()) == 2})
    assert poles == pytest.approx([2015 + 182 / 365, 2020, 2025])


def test_marks_that_cannot_be_shown_are_refused(runs):
    with pytest.raises(DesignError, match=r"'exit' .*2040.* outside"):
        plot.trajectories(runs, "RnD", policy_marks={"exit": 2040})
    with pytest.raises(DesignError, match="start first"):
        plot.fan(sweep(), policy_marks={"exit": (2025, 2020)})


def test_labels_are_spread_as_little_as_possible():
    np.testing.assert_allclose(marks.spread(np.array([0.0, 10.0, 10.0]), 4), [0, 8, 12])
    np.testing.assert_allclose(marks.spread(np.array([5.0, 1.0]), 2), [5, 1])
    moved = marks.spread(np.random.default_rng(1).uniform(0, 30, 8), 3)
    assert np.diff(np.sort(moved)).min() >= 3 - 1e-9


# -- what users have in hand ---------------------------------------------------------------------------------


def test_one_run_is_drawn_as_it_is(runs):
    _, axes = plot.trajectories(runs["early exit"], "RnD")
    assert axes[0].get_title(loc="left") == "RnD"


@pytest.mark.parametrize("given", [sweep(), sweep().to_dataset(), pd.DataFrame({"a": [1.0]}), {"a": 1}, 7])
def test_what_is_no_run_is_refused_with_what_is_wanted(given):
    with pytest.raises(DesignError, match=r"`runs` takes what model\.run gives"):
        plot.trajectories(given, "RnD")


def test_differences_to_the_baseline(runs):
    _, axes = plot.trajectories(runs, "RnD", baseline="no policy", difference=True)
    lines = {line.get_label(): line.get_ydata() for line in axes[0].lines}
    np.testing.assert_allclose(lines["no policy"], 0, atol=1e-12)
    np.testing.assert_allclose(lines["early exit"], 10 * (TIME - 2010))
    with pytest.raises(DesignError, match="needs a baseline"):
        plot.trajectories(runs, "RnD", difference=True)
    runs["late exit"] = ramp(20, time=TIME + 1)
    with pytest.raises(DesignError, match="have other times"):
        plot.trajectories(runs, "RnD", baseline="no policy", difference=True)


def test_a_fan_takes_a_sweep_of_one_output_and_a_table():
    table = sweep().to_pandas().T
    drawn = [plot.fan(given).axes[0].lines[0].get_ydata() for given in (sweep(), sweep().to_dataset(), table)]
    np.testing.assert_array_equal(drawn[0], drawn[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    both = xr.Dataset({"a": sweep(), "b": sweep()})
    with pytest.raises(DesignError, match=r"2 outputs; name one: fan\(sweep\['a'\]\)"):
        plot.fan(both)
    with pytest.raises(DesignError, match="not of FakeRun"):
        plot.fan(ramp(1))
