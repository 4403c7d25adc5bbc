"""Maps of sectors and of stocks: what acts on what, which loops are marked, and that no box covers another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

import sdmodel
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot.influence import influence_graph

EQUATIONS = """
********************************************************
\t.First part
********************************************************~
\t|
prey = INTEG(births - eaten, 10) ~ animal ~ |
births = 0.1*prey ~ animal/Year ~ |
eaten = pressure*prey ~ animal/Year ~ |
********************************************************
\t.Second part
********************************************************~
\t|
hunters = INTEG(food - deaths, 2) ~ animal ~ |
food = 0.1*eaten ~ animal/Year ~ |
deaths = 0.2*hunters ~ animal/Year ~ |
pressure = 0.01*hunters ~ 1/Year ~ |
store = INTEG(inflow - outflow, 1) ~ animal ~ |
rest = INTEG(outflow, 0) ~ animal ~ |
inflow = 0.1*prey ~ animal/Year ~ |
outflow = 0.1*store ~ animal/Year ~ |
"""


@pytest.fixture
def model(model_from: Callable[..., sdmodel.Model]) -> sdmodel.Model:
    return model_from(EQUATIONS)


def test_stocks_act_on_the_stocks_whose_flows_they_set(model: sdmodel.Model) -> None:
    graph = influence_graph(model)
    edges = {(a, b) for a, b in graph.edges if a != b}
    assert edges == {("prey", "hunters"), ("hunters", "prey"), ("prey", "store"), ("store", "rest")}
    assert {(a, b) for a, b, loop in graph.edges(data="loop") if loop and a != b} == {
        ("prey", "hunters"),
        ("hunters", "prey"),
    }
    assert [(a, b) for a, b, flow in graph.edges(data="flow") if flow] == [("store", "rest")]


def test_a_map_of_stocks_has_a_box_each_and_no_box_covers_another(model: sdmodel.Model) -> None:
    fig, axes = sdmodel.plot.influences(model)
    fig.draw_without_rendering()
    boxes = [p.get_window_extent() for p in axes[0].findobj(FancyBboxPatch) if p.get_zorder() == 4]
    assert len(boxes) == 4
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])
    assert len(axes[0].findobj(FancyArrowPatch)) == 4
    part = sdmodel.plot.influences(model, "Second part").axes[0]
    assert {t.get_text() for t in part.texts} >= {"hunters", "store", "rest"}
    assert "prey" not in {t.get_text() for t in part.texts}


def test_a_map_of_sectors_counts_what_each_gives(model: sdmodel.Model) -> None:
    texts = [text.get_text() for text in sdmodel.plot.sectors(model).axes[0].texts]
    assert sorted(texts) == sorted(["First part", "Second part", "2", "1"])  # prey and eaten; pressure


def test_what_cannot_be_drawn_is_said(model: sdmodel.Model, model_from: Callable[..., sdmodel.Model]) -> None:
    with pytest.raises(UnknownNameError, match="no sector or group with stocks 'First'"):
        sdmodel.plot.influences(model, "First")
    with pytest.raises(DesignError, match="neither several sectors nor several groups"):
        sdmodel.plot.sectors(model_from("x = 1 ~ Dmnl ~ |"))
    with pytest.raises(DesignError, match="has no stock to draw"):
        sdmodel.plot.influences(model_from("x = 1 ~ Dmnl ~ |"))
    many = "".join(f"s{i} = INTEG(s{i}, 1) ~ Dmnl ~ |\n" for i in range(31))
    with pytest.raises(DesignError, match="31 stocks would hide"):
        sdmodel.plot.influences(model_from(many))
