"""The figure of a finding in both languages: no text covers another or leaves the sheet, and no glyph is missing."""

from __future__ import annotations

import warnings
from functools import cache
from io import BytesIO
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from sdmodel.plot import style
from sdmodel.plot.style import fonts, needs_cjk, texts_of
from sdmodel.study.finding import Finding
from sdmodel.study.translation import Say, Translation
from sdmodel.study.verdict import Verdict

CHINESE = {
    "Leaving beats staying in {share:.0%} of samples": "建设之后逐步退出在{share:.0%}的样本中优于不退出",
    "that leaving gradually after build-up leaves more new-product revenue than staying, at equal public money":
        "财政资金相等时，建设之后逐步退出使2034年新产品收入高于不退出",
    "gradual exit from 2020": "2020年起逐步退出", "no exit": "不退出", "abrupt exit": "骤然退出",
    "early": "提前", "depends": "视条件而定", "makes no difference": "没有差别", "holds": "成立",
    "service coverage": "服务覆盖率", "left in 2015": "2015年退出",
}  # fmt: skip
ARMS = ["gradual exit from 2020", "abrupt exit", "no exit"]
needs_font = pytest.mark.skipif(len(fonts()) == 1, reason="no font for Chinese is installed")


def finding(ends: tuple[float, float, float]) -> Finding:
    says = "that leaving gradually after build-up leaves more new-product revenue than staying, at equal public money"
    more: tuple[str, float, str, str] = ("%", 1.0, "conditional", "x")
    counts = [(50, 20, 30), (1, 98, 1), (99, 1, 0), (7, 8, 85), (0, 100, 0), (93, 0, 7)]
    names = ["H39", "H39 (early)", "H40", "H41", "H42", "H43 (early)"]
    verdicts = [
        Verdict(name, says, ARMS[0], ARMS[2], "new product revenue", *count, (1.0, -1.0, 2.0), *more)
        for name, count in zip(names, counts, strict=True)
    ]  # fmt: skip
    time = np.arange(2009.0, 2035.0)
    rise = np.clip((time - 2015) / 19, 0, 1)
    paths = pd.concat(
        pd.DataFrame({"time": time, "median": end * rise, "low": (end - 5) * rise, "high": (end + 5) * rise})
        .assign(variable="service coverage", against="left in 2015", arm=arm)
        for arm, end in zip(ARMS, ends, strict=True)
    )  # fmt: skip
    headline = Say("Leaving beats staying in {share:.0%} of samples", share=0.5)
    return Finding("withdrawal", "When should government leave?", verdicts, paths=paths, headline=headline)


@cache
def drawn(lang: str, ends: tuple[float, float, float] = (1.0, 1.2, 40.0)) -> Figure:
    (figure,) = finding(ends).drawn(Translation(lang, CHINESE if lang == "zh" else {})).values()
    figure.draw_without_rendering()
    return figure


def shown(figure: Figure) -> list[Text]:
    """Texts that are drawn: not the labels of ticks outside their panel."""
    outside: set[Text] = set()
    for panel in figure.axes:
        for axis in (panel.xaxis, panel.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                outside |= set() if low <= tick.get_loc() <= high else {tick.label1, tick.label2}
    return [t for t in texts_of(figure) if t.get_text().strip() and t.get_visible() and t not in outside]


@pytest.mark.parametrize("ends", [(1.0, 1.2, 40.0), (3e4, -2e4, 2.9e4)])
@pytest.mark.parametrize("lang", ["en", pytest.param("zh", marks=needs_font)])
def test_no_text_covers_another_or_leaves_the_sheet(lang: str, ends: tuple[float, float, float]) -> None:
    figure = drawn(lang, ends)
    boxes = [(t.get_text(), t.get_window_extent()) for t in shown(figure)]
    assert len(boxes) > 30
    covered = [(a, b) for (a, x), (b, y) in combinations(boxes, 2) if x.padded(-1).overlaps(y.padded(-1))]
    assert covered == []
    sheet = figure.bbox
    assert [a for a, x in boxes if x.x0 < sheet.x0 or x.x1 > sheet.x1 or x.y0 < sheet.y0 or x.y1 > sheet.y1] == []


def test_no_legend_and_no_label_lies_over_lines() -> None:
    figure = drawn("en")
    (panel,) = [ax for ax in figure.axes if ax.lines]
    assert panel.get_legend() is None
    assert figure.legends == []
    inside = panel.get_window_extent()
    assert not [t.get_text() for t in panel.texts if inside.padded(-2).overlaps(t.get_window_extent())]


@pytest.mark.parametrize("lang", ["en", pytest.param("zh", marks=needs_font)])
def test_no_glyph_is_missing_and_nothing_is_set_as_mathematics(lang: str) -> None:
    figure = drawn(lang)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # matplotlib warns of each glyph that no font of a text has
        figure.savefig(BytesIO(), format="png", dpi=50)
    texts = [text.get_text() for text in shown(figure)]
    assert not [text for text in texts if "$" in text]
    assert any(map(needs_cjk, texts)) == (lang == "zh")
    assert ("H39 (提前)" in " ".join(texts)) == (lang == "zh")


@needs_font
def test_a_font_that_matplotlib_has_not_listed_yet_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {font.fname for font in fontManager.ttflist if font.name in style.CJK_FONTS}
    known = [font for font in fontManager.ttflist if font.fname not in ours]
    monkeypatch.setattr(fontManager, "ttflist", known)
    style._installed.cache_clear()
    try:
        assert len(fonts()) > 1
    finally:
        style._installed.cache_clear()
