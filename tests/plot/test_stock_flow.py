"""Stock-and-flow diagrams: the flows found in equations, and pictures in which everything stands and can be read."""

import io
from itertools import combinations

import pytest
from matplotlib.patches import Rectangle

import sdmodel
from sdmodel import plot
from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot.flows import flows, stocks_behind
from sdmodel.plot.style import INK, lightness

SECTORS = sdmodel.load("shandong").sectors
CHAIN = """
side: left, right ~ ~ |
pupils = INTEG(births - leaving, 10) ~ person ~ |
workers = INTEG(leaving - workers/working life, 5) ~ person ~ |
births = birth rate*workers*policy ~ person/Year ~ |
leaving = pupils/school time ~ person/Year ~ |
mood = INTEG((wanted mood - mood)/delay, 0) ~ Dmnl ~ |
wanted mood = workers/start workers*STEP(1, 3) ~ Dmnl ~ |
start workers = INITIAL(workers) ~ person ~ |
water[side] = INTEG(sign[side]*exchange + rain*(1 - closed) - weight*loss[side] - 2*loss[side], 1) ~ litre ~ |
exchange = (water[left] - water[right])/delay ~ litre/Year ~ |
loss[side] = water[side]/delay ~ litre/Year ~ |
sign[side] = -1, 1 ~ Dmnl ~ Who gains. [fixed] |
closed = 0 ~ Dmnl ~ Roof. [switch] |
rain = 2 ~ litre/Year ~ |
weight = 0.5 ~ Dmnl ~ |
policy = 1 ~ Dmnl ~ [from policy] |
birth rate = 0.1 ~ 1/Year ~ |
working life = 40 ~ Year ~ |
school time = 10 ~ Year ~ |
delay = 2 ~ Year ~ |
"""


def as_rows(model):
    return {(f.name, f.source, f.target, f.net, f.drivers) for f in flows(model)}


def test_terms_of_a_stock_become_flows(model_from):
    assert as_rows(model_from(CHAIN)) == {
        ("births", "", "pupils", False, ("workers", "policy")),
        ("leaving", "pupils", "workers", False, ("pupils", "school time")),
        ("", "workers", "", False, ("workers", "working life")),
        ("", "", "mood", True, ("mood", "wanted mood")),
        ("exchange", "", "water", True, ("water", "delay")),
        ("rain", "", "water", False, ()),
        ("", "water", "", False, ("loss",)),
    }


def test_a_flow_between_elements_stays_within_and_one_without_a_name_joins_two_stocks(model_from):
    model = model_from("""
        step: one, two ~ ~ |
        stage[one] = INTEG(-going on[one], 1) ~ thing ~ |
        stage[two] = INTEG(going on[one] - going on[two], 0) ~ thing ~ |
        going on[step] = stage[step]/pace ~ thing/Year ~ |
        done = INTEG(going on[two], 0) ~ thing ~ |
        ill = INTEG(contact*well*ill, 1) ~ person ~ |
        well = INTEG(-contact*well*ill, 9) ~ person ~ |
        odd = INTEG(-(pace - contact)*0 - (-pace)*contact, 9) ~ thing ~ |
        pace = 2 ~ Year ~ |
        contact = 0.1 ~ 1/(person*Year) ~ |
    """)
    assert as_rows(model) == {
        ("going on", "stage", "stage", False, ("stage", "pace")),
        ("going on", "stage", "done", False, ("stage", "pace")),
        ("", "well", "ill", False, ("ill", "well", "contact")),
        ("", "", "odd", False, ("pace", "contact")),
        ("", "odd", "", False, ("pace", "contact")),
    }


def test_stocks_behind_an_auxiliary_end_at_the_next_stock_and_leave_out_the_start(model_from):
    model = model_from(CHAIN)
    assert stocks_behind(model, "wanted mood") == {"workers"}
    assert stocks_behind(model, "births") == {"workers"}
    assert stocks_behind(model, "start workers") == set()
    assert stocks_behind(model, "mood") == {"mood"}


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("name", SECTORS)
@pytest.mark.parametrize("width", [8, 16, 24])
def test_every_stock_and_flow_of_a_sector_stands_there_and_no_text_covers_another(name, width):
    model = sdmodel.load(name)
    fig, (ax,) = plot.structure(model, width=width)
    boxes = [(text.get_text(), text.get_window_extent()) for text in ax.texts]
    written = [squeezed(text) for text, _ in boxes]
    for variable in model.equations.values():
        if variable.kind == "stock":
            assert sum(squeezed(variable.name) == text.partition("[")[0] for text in written) == 1, variable.name
    for flow in flows(model):
        assert not flow.name or squeezed(flow.name) in written, flow.name
    for (one, a), (other, b) in combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)
    for text, box in boxes:
        assert min(box.x0, box.y0) >= 0, text
        assert box.x1 <= fig.bbox.x1, text
        assert box.y1 <= fig.bbox.y1, text


def test_no_text_lies_on_the_box_of_another_stock():
    _, (ax,) = plot.structure(sdmodel.load("firms"))
    stocks = [patch.get_window_extent() for patch in ax.patches if type(patch) is Rectangle]
    assert len(stocks) == 3
    inside = [sum(text.get_window_extent().overlaps(box) for box in stocks) for text in ax.texts]
    assert sorted(inside)[-6:] == [1] * 6  # number and name of each
    assert sum(inside) == 6


def test_a_picture_is_the_same_each_time_and_readable_in_grey():
    model = sdmodel.load("network")
    pictures = []
    for _ in range(2):
        file = io.BytesIO()
        fig, (ax,) = plot.structure(model)
        fig.savefig(file, dpi=60)
        pictures.append(file.getvalue())
    assert pictures[0] == pictures[1]
    faces = [patch.get_facecolor() for patch in ax.patches if type(patch) is Rectangle]
    assert all(lightness(face) - lightness(INK) > 60 for face in faces)


def test_feedback_can_be_followed_by_numbers(model_from):
    _, (ax,) = plot.structure(model_from(CHAIN))
    texts = [" ".join(text.get_text().split()) for text in ax.texts]
    assert "‹workers›; policy (policy)" in texts  # what sets births
    assert "wanted mood [2]" in texts
    assert "water [side]" in texts


def test_some_stocks_alone(model_from):
    model = model_from(CHAIN)
    _, (ax,) = plot.structure(model, stocks=["Workers"])
    texts = [text.get_text() for text in ax.texts]
    assert "workers" in texts
    assert "pupils" not in texts
    assert "leaving" in texts
    with pytest.raises(UnknownNameError, match="worker"):
        plot.structure(model, stocks=["worker"])
    with pytest.raises(DesignError, match="'leaving' is an auxiliary, not a stock"):
        plot.structure(model, stocks=["leaving"])


def test_what_cannot_be_drawn_is_refused(model_from):
    with pytest.raises(DesignError, match="has no stock"):
        plot.structure(model_from("a = 1 ~ Dmnl ~ |"))
    with pytest.raises(DesignError, match="41 stocks, and a diagram holds 40"):
        plot.structure(model_from("".join(f"level {i} = INTEG(1, 0) ~ Dmnl ~ |\n" for i in range(41))))
    with pytest.raises(DesignError, match="cannot be 5 cm wide"):
        plot.structure(sdmodel.load("firms"), width=5)
