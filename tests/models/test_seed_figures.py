"""The figures of the paper: complete, rightly converted, each with its use or the reason it has none."""

import csv
import re
from decimal import Decimal
from pathlib import Path

import pytest

MODELS = Path(__file__).parents[2] / "models"
COLUMNS = "id,value,low,high,relation,unit,as_printed,year,period,what,anchor,section,usable,use_or_reason"
CHINESE_DIGITS = {"一": 1, "两": 2, "二": 2, "三": 3}

with (MODELS / "data" / "seed_figures.csv").open(encoding="utf-8", newline="") as file:
    ROWS = list(csv.DictReader(file))
BY_ID = {row["id"]: row for row in ROWS}


def printed_numbers(text: str) -> list[float]:
    """Numbers of a printed phrase, with 亿 and 万 resolved to plain counts and % to fractions."""
    text = re.sub(r"(?<=\d) (?=\d{3})", "", text)  # "2 396.7" is one number
    scale = 1.0
    if "亿" in text:
        scale = 1e8
    elif "万" in text:
        scale = 1e4
    elif re.search("[%％]|百分点", text):
        scale = 0.01
    numbers = [float(number) * scale for number in re.findall(r"\d+(?:\.\d+)?", text)]
    return numbers or [float(CHINESE_DIGITS[sign]) for sign in text if sign in CHINESE_DIGITS]


def printed_relation(text: str) -> str:
    if "～" in text:
        return "range"
    for relation, words in {
        "<=": "不超过",
        ">=": "以上|不低于",
        ">": "超过|突破|多(家|个)?",
        "about": "近",
    }.items():
        if re.search(words, text):
            return relation
    return "="


def is_list(text: str) -> bool:
    return "、" in text or "…" in text


def test_every_figure_stands_once_in_order():
    assert [row["id"] for row in ROWS] == [f"F{number:02d}" for number in range(1, 80)]
    assert ",".join(ROWS[0]) == COLUMNS


@pytest.mark.parametrize("row", ROWS, ids=BY_ID)
def test_value_follows_from_what_is_printed(row):
    """亿元 is 100 million CNY, 万元 is 0.01 million CNY, a list counts its members."""
    if row["relation"] == "none":
        assert row["as_printed"] == row["value"] == row["low"] == row["high"] == ""
        return
    text = row["as_printed"]
    if is_list(text):
        numbers = [float(len(re.split("[、…和]", text)))]
    else:
        assert row["relation"] == printed_relation(text)
        numbers = printed_numbers(text)
    if row["unit"].startswith("million CNY"):
        assert "亿" in text or "万" in text
        numbers = [number / 1e6 for number in numbers]
    stated = [row["low"], row["high"]] if row["relation"] == "range" else [row["value"]]
    assert [float(number) for number in stated] == pytest.approx(numbers, rel=1e-12)


@pytest.mark.parametrize("row", ROWS, ids=BY_ID)
def test_bounds_follow_from_the_relation(row):
    value, low, high = row["value"], row["low"], row["high"]
    expected = {
        "=": ("", ""),
        "about": ("", ""),
        "none": ("", ""),
        ">": (value, ""),
        ">=": (value, ""),
        "<=": ("", value),
    }
    if row["relation"] == "range":
        assert value == ""
        assert float(low) < float(high)
    else:
        assert (low, high) == expected[row["relation"]]


@pytest.mark.parametrize("row", ROWS, ids=BY_ID)
def test_every_figure_says_what_it_is_for(row):
    assert row["usable"] in {"yes", "context", "no"}
    reason = row["use_or_reason"]
    assert len(reason.split()) >= 4
    assert reason.endswith(".")
    if row["usable"] == "yes":
        assert re.search("initial value|target|lever size|check|threshold", reason, re.IGNORECASE)
    for column in ("what", "anchor", "section", "unit"):
        assert row[column] or (column == "unit" and row["relation"] == "none")
    if "%" in row["as_printed"] or "％" in row["as_printed"]:
        assert row["unit"] == "Dmnl"
    if row["unit"] == "Year" and float(row["value"]) > 1900:
        assert row["year"] == row["value"]


def test_inconsistencies_cited_are_explained():
    readme = (MODELS / "data" / "README.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| (I\d\d) \|", readme, re.MULTILINE)
    assert explained == [f"I{number:02d}" for number in range(1, 21)]
    cited = {name for row in ROWS for name in re.findall(r"\bI\d\d\b", row["use_or_reason"])}
    assert cited <= set(explained)
    figures = set(re.findall(r"\bF\d\d\b", readme + "".join(row["use_or_reason"] for row in ROWS)))
    assert figures <= set(BY_ID)


def value(name: str) -> float:
    return float(BY_ID[name]["value"])


@pytest.mark.parametrize(
    ("computed", "stated"),
    [
        pytest.param(value("F04") / value("F05"), "3758", id="I01"),
        pytest.param(value("F02") / value("F04"), "224", id="I02"),
        pytest.param(value("F06") / value("F07"), "315250", id="I03 staff of all"),
        pytest.param(value("F06") / value("F04"), "1.18", id="I03 staff a firm"),
        pytest.param(value("F32") / value("F31"), "1.2", id="I06 a firm"),
        pytest.param(value("F32") / value("F31") / value("F12"), "2.4", id="I06 over the ceiling"),
        pytest.param(value("F32") / value("F34"), "3480", id="I07 fund 2014"),
        pytest.param(value("F32") / (1 + value("F33")) / (value("F34") - value("F35")), "4180", id="I07 fund 2013"),
        pytest.param(value("F37") / (1 + value("F38")), "818", id="I08"),
        pytest.param(value("F28") / value("F27"), "0.789", id="I10"),
        pytest.param(100 * (value("F47") - value("F48")), "1.9", id="I12 micro"),
        pytest.param(100 * (value("F48") - value("F50")), "14.6", id="I12 small"),
        pytest.param(value("F20") / value("F19"), "7", id="I18 guarantee"),
        pytest.param(value("F25") / value("F24"), "10", id="I18 IP pledge"),
        pytest.param(value("F40") / value("F41"), "0.19", id="I20"),
        pytest.param(value("F20") / value("F18"), "0.16", id="F18 utilisation"),
        pytest.param(value("F71") / (value("F69") + value("F70")), "5.6", id="F70 members"),
    ],
)
def test_numbers_quoted_in_the_remarks_hold(computed, stated):
    """Each number given in a remark is right to the last digit it prints."""
    last_digit = 10.0 ** Decimal(stated).normalize().as_tuple().exponent
    assert computed == pytest.approx(float(stated), rel=0, abs=last_digit / 2)


def test_models_cite_no_unusable_figure():
    """A figure cited as a source in a model file exists and is not marked as unusable."""
    sources = [
        (path.name, figure)
        for path in sorted(MODELS.glob("*.mdl"))
        for locator in re.findall(r"\[@seed,([^\]]*)\]", path.read_text(encoding="utf-8"))
        for figure in re.findall(r"\bF\d+\b", locator)
    ]
    assert sources
    wrong = [(name, figure) for name, figure in sources if figure not in BY_ID or BY_ID[figure]["usable"] == "no"]
    assert wrong == []
