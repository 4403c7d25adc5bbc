"""Shares of samples and median paths as they are drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sdmodel.core.errors import DesignError, UnknownNameError
from sdmodel.plot import medians, shares
from sdmodel.plot.style import wrapped

HEADS = ["as predicted", "no difference", "the opposite"]
TABLE = pd.DataFrame(
    [[0.8, 0.15, 0.05], [0.0, 0.5, 0.5]], index=["Late beats early", "Early beats late"], columns=HEADS
)


def test_the_three_shares_of_a_row_follow_each_other() -> None:
    _, (panel,) = shares(TABLE, ["mostly", "depends"])
    bars = [(bar.get_x(), bar.get_width()) for bar in panel.patches]
    assert np.array(bars) == pytest.approx(np.array([(0, 80), (80, 15), (95, 5), (0, 0), (0, 50), (50, 50)]))
    assert panel.get_ylim()[0] > panel.get_ylim()[1]  # the first row is on top
    texts = [text.get_text() for text in panel.texts]
    assert texts == [*HEADS, "Late beats early", "80", "15", "mostly", "Early beats late", "50", "50", "depends"]


def test_no_text_of_the_bars_covers_another() -> None:
    long = TABLE.set_axis(["A prediction of so many words that it takes two or three lines above its bar " * 2] * 2)
    fig, (panel,) = shares(long, ["the opposite or no difference", "holds or makes no difference"], width=12)
    fig.draw_without_rendering()
    boxes = [text.get_window_extent() for text in panel.texts]
    assert not [(a, b) for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
    assert all(fig.bbox.x0 <= box.x0 and box.x1 <= fig.bbox.x1 for box in boxes)


def test_shares_refuse_what_is_no_share() -> None:
    with pytest.raises(DesignError, match="add up to 1"):
        shares(TABLE * 2)
    with pytest.raises(DesignError, match="needs rows and three columns"):
        shares(TABLE.iloc[:, :2])
    with pytest.raises(DesignError, match="needs rows"):
        shares(TABLE.iloc[:0])
    with pytest.raises(DesignError, match="1 words for 2 rows"):
        shares(TABLE, ["mostly"])


PATHS = pd.DataFrame(
    {
        "arm": ["one", "one", "two", "two"],
        "time": [2015.0, 2034.0] * 2,
        "median": [0.0, 1.0, 0.0, 1.01],
        "low": 0.0,
        "high": 2.0,
    }
)


def test_paths_are_named_at_their_ends_and_names_move_apart() -> None:
    fig, (panel,) = medians(PATHS, label="links per firm")
    assert [list(line.get_ydata()) for line in panel.lines] == [[0, 1], [0, 1.01]]
    fig.draw_without_rendering()
    first, second = (text.get_window_extent() for text in panel.texts)
    assert not first.overlaps(second)
    assert panel.get_legend() is None


def test_medians_refuse_other_columns_and_nothing() -> None:
    with pytest.raises(UnknownNameError, match="no column 'low'"):
        medians(PATHS.drop(columns="low"), label="links")
    with pytest.raises(DesignError, match="0 paths"):
        medians(PATHS.iloc[:0], label="links")


def test_no_line_breaks_inside_a_number_or_before_its_unit() -> None:
    english = wrapped("It changes new-product revenue by +1.5 % over 12 million yuan", 3)
    assert "+1.5\u00a0%" in english
    assert "12\u00a0million" in english
    chinese = "整套措施使新产品收入变化 +1.5 %（中位数），其中贷款贴息 12,345.67 万元"
    for cm in (2.0, 2.5, 3.0, 4.0):
        lines = wrapped(chinese, cm).split("\n")
        assert "".join(lines).replace(" ", "").replace("\u00a0", "") == chinese.replace(" ", "")
        assert any("12,345.67\u00a0万元" in line for line in lines)
        assert all(line[0] not in "，。；：！？）、" for line in lines)
