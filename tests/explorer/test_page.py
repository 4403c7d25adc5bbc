"""The page: its file, its texts, and what it does in a real browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from browser import CHROMIUM, Browser

import sdmodel
from sdmodel.core.calendar import year
from sdmodel.core.distributions import DISTRIBUTIONS, quantile
from sdmodel.core.errors import DesignError, ReadError
from sdmodel.experiments import LIBRARY
from sdmodel.explorer.contents import contents
from sdmodel.explorer.first_page import front_file
from sdmodel.explorer.kernel import PageKernels
from sdmodel.explorer.page import Explorer
from sdmodel.model import Model
from sdmodel.study.translation import Say

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; the page is tested in it")
HERE = Path(__file__).parent
PAGE = Path(sdmodel.__file__).with_name("explorer") / "page"
NODE = shutil.which("node")
needs_node = pytest.mark.skipif(NODE is None, reason="node is not installed; the scripts of the page run in it")
HOSTILE = "</script><!--<img src=x onerror=document.title='taken'>"


def shown(page: Explorer) -> dict[str, Any]:
    """What the page holds, from its HTML."""
    found = re.search(r'id="payload">([^<]*)<', page.html)
    assert found
    return dict(json.loads(gzip.decompress(base64.b64decode(found[1]))))


def test_one_file_that_asks_for_nothing() -> None:
    page = sdmodel.load("adoption").explore()
    html = page.html
    assert "default-src 'none'" in html
    assert not re.findall(r'(?:src|href)\s*=\s*"', html.split("<script>")[0])
    assert len(html.encode()) <= 150_000
    assert sdmodel.load("adoption").explore().html == html


@pytest.mark.long
def test_the_whole_model_fits() -> None:
    page = sdmodel.load("shandong").explore()
    assert len(page.html.encode()) <= 500_000
    content = shown(page)
    front, zh = content["front"], content["front"]["zh"]
    assert len(front["levers"]) == 10
    assert len(front["outcomes"]) == 4
    assert all(s["asks"] for s in front["scenarios"])
    everything = {
        x for part in ("variables", "parameters", "scenarios") for v in content[part] for x in v.values() if x.__hash__
    }
    everything |= {x for s in front["scenarios"] for x in s.values() if x.__hash__} | {content["name"]}
    assert [text for text in zh if text not in everything] == []
    first = [p for p in content["parameters"] if p["name"] in front["levers"]]
    said = {p[part] for p in first for part in ("name", "text", "unit")} | {v["sector"] for v in content["variables"]}
    said |= {s[part] for s in front["scenarios"] + content["scenarios"] for part in ("name", "text")}
    said |= {s["asks"] for s in front["scenarios"]} | {*front["outcomes"], front["money"], content["name"]}
    assert [text for text in said if text and text not in zh] == []


@pytest.mark.long
def test_the_first_page_asks_what_the_questions_ask() -> None:
    path = front_file(sdmodel.load("shandong"))
    assert path
    for scenario in tomllib.loads(path.read_text("utf-8"))["scenarios"]:
        assert scenario["asks"] == LIBRARY[scenario["question"]].asks


def test_words_are_said_in_both_languages() -> None:
    words = shown(sdmodel.load("budworm").explore())["words"]
    assert words["en"].keys() == words["zh"].keys()
    scripts = "".join(p.read_text("utf-8") for p in PAGE.glob("*.js"))
    used = set(re.findall(r'\bsay\("(\w+)"', scripts))
    assert used <= words["en"].keys()


def test_switches_are_choices_in_words_and_dates_are_dates(model_from: Callable[..., Model]) -> None:
    model = model_from(
        "x = INTEG(a * b + STEP(1, when), 0) ~ ~ |\n"
        "a = 1 ~ Dmnl [0, 2] ~ Firms respond to the marginal (0), average (1) or this year's value (2). [switch] |\n"
        "b = 1 ~ Dmnl [0, 1] ~ None said. [switch] |\nwhen = 2005 ~ Year [2001, 2009] ~ Start. [lever] |",
        start=2000,
        end=2010,
    )
    found = {p["name"]: p for p in contents(PageKernels(model))["parameters"]}
    assert found["a"]["choices"] == ["Firms respond to the marginal", "average", "this year's value"]
    assert found["b"]["choices"] == ["", ""]
    assert found["when"]["date"]


@needs_node
def test_samples_and_dates_are_those_of_the_library() -> None:
    """Quantiles of each distribution, and dates as years and back, from the page's scripts in node."""
    cases = [
        (kind, value, low, high) for kind in DISTRIBUTIONS for value, low, high in [(2.5, 1.0, 7.0), (3.0, 3.0, 9.0)]
    ]
    shares = np.array([0.0, 1e-6, 0.1, 0.25, 0.5, 0.9, 1 - 1e-6])
    dates = ["2014-01-01", "2014-07-01", "2016-02-29", "2100-12-31"]
    given = json.dumps([{"distribution": k, "value": v, "low": a, "high": b} for k, v, a, b in cases])
    scripts = "".join((PAGE / f"{name}.js").read_text("utf-8") for name in ("dates", "kernel", "view", "band"))
    drawn = f"{given}.map((p) => {json.dumps(shares.tolist())}.map((u) => Band.quantile(p, u)))"
    ask = f"const years = {json.dumps(dates)}.map(View.fromDate); "
    ask += f"console.log(JSON.stringify([years, years.map(View.toDate), {drawn}]))"
    assert NODE
    done = subprocess.run([NODE, "-"], input=scripts + ask, capture_output=True, text=True, timeout=60, check=True)
    years, again, found = json.loads(done.stdout)
    np.testing.assert_allclose(years, [year(date) for date in dates], rtol=1e-15)
    assert again == dates
    for (kind, value, low, high), x in zip(cases, found, strict=True):
        np.testing.assert_allclose(x, quantile(shares, "a", kind, value, low, high), rtol=1e-9, err_msg=kind)


def test_what_cannot_be_drawn_is_no_part_of_the_band(model_from: Callable[..., Model]) -> None:
    model = model_from(
        "x = INTEG(a + b + c + d, 0) ~ ~ |\na = 2 ~ Dmnl [1, 3] ~ [uncertainty] |\nb = 2 ~ Dmnl ~ [uncertainty] |\n"
        "c = 2 ~ Dmnl [0, 3] ~ [uncertainty loguniform] |\nd = 4 ~ Dmnl [0, 3] ~ [uncertainty triangular] |"
    )
    found = {p["name"]: p["sampled"] for p in contents(PageKernels(model))["parameters"]}
    assert found == {"a": True, "b": False, "c": False, "d": False}


def test_a_model_without_roles_shows_all_constants(model_from: Callable[..., Model]) -> None:
    page = model_from("x = INTEG(a - x * b, 0) ~ ~ |\na = 3 ~ ~ |\nb = -0.5 ~ [-1, ?] ~ |").explore()
    found = {p["name"]: (p["low"], p["high"], p["stated"]) for p in shown(page)["parameters"]}
    assert found == {"a": (0, 6, False), "b": (-1, 0, False)}


def test_findings_stand_with_the_scenarios_that_ask_for_them(write_model: Callable[..., Path]) -> None:
    path = write_model("x = INTEG(a, 0) ~ ~ |\na = 3 ~ ~ |")
    arms = '{ name = "a", values = { a = 2 }, question = "q", asks = "More?" }, { name = "b", values = { a = 1 } }'
    path.with_name("mini.explorer.toml").write_text(f"scenarios = [{arms}]", encoding="utf-8")
    page = sdmodel.load(path).explore(findings={"q": (Say("More."), "report.html#q-q")})
    found = [(s["asks"], s["finding"], s["link"]) for s in shown(page)["front"]["scenarios"]]
    assert found == [("More?", "More.", "report.html#q-q"), ("", "", "")]
    with pytest.raises(DesignError, match="a text and an address"):
        sdmodel.load(path).explore(findings={"q": "More."})


def test_a_notebook_shows_a_frame(tmp_path: Path) -> None:
    page = sdmodel.load("budworm").explore()
    frame = page._repr_html_()
    assert frame.startswith('<iframe title="budworm" sandbox="allow-scripts')
    assert page.write(tmp_path / "page.html").read_text("utf-8") == page.html
    with pytest.raises(FileExistsError):
        page.write(tmp_path / "page.html")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('levers = ["x"]', "'x' among the levers is not a constant"),
        ('levers = ["nothing"]', "no variable 'nothing'"),
        ('outcomes = ["a"]', "'a' is a constant and has no path"),
        ('outcomes = ["y"]', "'y' has 2 elements; name one, such as 'y[b1]'"),
        ("colours = 1", "knows no 'colours'"),
        ("levers = 3", "'levers' is 3; give a list of names"),
        ("outcomes = [3]", "'outcomes' is [3]; give a list of names"),
        ("scenarios = [3]", "'scenarios' is [3]; give tables"),
        ("zh = { a = 3 }", "'zh' is {'a': 3}; give a table of texts"),
        ("scenarios = [{ values = {} }]", "a scenario needs a name"),
        ('scenarios = [{ name = "n", text = 3, values = {} }]', "'text' is 3; give a text"),
        ('scenarios = [{ name = "n", values = { a = "x" } }]', "scenario 'n'"),
        ('scenarios = [{ name = "n", paths = { a = 3 } }]', "the path of 'a' must be a table"),
        ('scenarios = [{ name = "n", values = { "TIME STEP" = 0.5 } }]', "'n' sets what cannot change"),
        ('scenarios = [{ name = "none" }]', "no scenario 'none'"),
        ('scenarios = [{ name = "n", values = { a = 2 }, colour = 1 }]', "knows no 'colour'"),
        ("levers = [", "mini.explorer.toml"),
    ],
)
def test_a_first_page_that_does_not_fit_is_refused(write_model: Callable[..., Path], text: str, message: str) -> None:
    path = write_model("x = INTEG(a, 0) ~ ~ |\na = 3 ~ ~ |\nband: b1, b2 ~ ~ |\ny[band] = INTEG(a, 0) ~ ~ |")
    path.with_name("mini.explorer.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ReadError, match=re.escape(message)):
        sdmodel.load(path).explore()


# -- in a browser -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    found = Browser(tmp_path_factory.mktemp("profile"))
    found.size(1280, 900)
    yield found
    found.close()


def now(browser: Browser, labels: list[str]) -> np.ndarray:
    """Paths of the present run, (labels, times)."""
    code = f"JSON.stringify({json.dumps(labels)}.map((label) => App.page.path(App.page.now, label)))"
    return np.array(json.loads(browser.evaluate(code)), dtype=float)


MOVE = """(() => {{
  const slider = document.querySelector('input[type="range"][data-name={name}]');
  slider.value = Number(slider.min) + (slider.max - slider.min) / 4;
  slider.dispatchEvent(new Event("input"));
  return App.page.values[{place}];
}})()"""


@needs_browser
@pytest.mark.long
@pytest.mark.parametrize("name", ["adoption", "budworm", "sir.xmile", "shandong"])
def test_every_slider_moves_the_model(browser: Browser, tmp_path: Path, name: str) -> None:
    """Each slider, or each of the first page, to a quarter of its range; the paths of the page against a sweep."""
    model = sdmodel.load(HERE / name if "." in name else name)
    page = model.explore()
    content = shown(page)
    first = content["front"]["levers"] or [p["name"] for p in content["parameters"] if not p["choices"]]
    moved = [p for p in content["parameters"] if p["name"] in first]
    assert len(moved) > 2
    labels = [v["name"] for v in content["variables"] if len(v["labels"]) == 1][:40]
    browser.open(page.write(tmp_path / "page.html"))
    browser.evaluate("document.querySelectorAll('#controls details').forEach((d) => { d.open = true; })")
    browser.wait(f"document.querySelector('input[data-name={json.dumps(moved[-1]['name'])}]') !== null")
    base, found = now(browser, labels), []
    design = pd.DataFrame([{p["name"]: p["value"] for p in moved}] * len(moved))
    for i, p in enumerate(moved):
        design.loc[i, p["name"]] = browser.evaluate(MOVE.format(name=json.dumps(p["name"]), place=p["place"]))
        found.append(now(browser, labels))
        browser.evaluate("document.getElementById('resetAll').click()")
    assert sum((paths != base).any() for paths in found) > len(moved) / 2
    np.testing.assert_array_equal(now(browser, labels), base)
    sweep = model.sweep(design, labels)
    for k, label in enumerate(labels):
        expected = sweep[label].to_numpy()
        scale = np.abs(expected).max()
        np.testing.assert_allclose(
            [paths[k] for paths in found], expected, rtol=1e-12, atol=1e-12 * scale, err_msg=label
        )
    assert not browser.problems


@needs_browser
@pytest.mark.long
def test_a_scenario_with_a_schedule_is_a_button(browser: Browser, tmp_path: Path) -> None:
    model = sdmodel.load("adoption")
    labels = list(model.outcomes)
    browser.open(model.explore().write(tmp_path / "page.html"))
    browser.evaluate("document.querySelector('[data-scenario=fading]').click()")
    run = model.run(scenario="fading", method="exact")
    np.testing.assert_allclose(now(browser, labels), [run[label] for label in labels], rtol=1e-12)
    assert "w=fading" in browser.evaluate("location.hash")
    follows = "[...document.querySelectorAll('.follows')].map((e) => e.textContent).filter(Boolean)"
    assert [text.startswith("Follows a schedule, 2018: 50") for text in browser.evaluate(follows)] == [True]
    value = browser.evaluate(MOVE.format(name='"support start"', place=0) + "; App.page.values")
    assert "w=fading" in browser.evaluate("location.hash")  # another constant leaves the schedule
    browser.evaluate(MOVE.format(name='"support size"', place=0))
    assert "w=fading" not in browser.evaluate("location.hash")
    assert browser.evaluate(follows) == []
    p = {p["name"]: p["place"] for p in browser.evaluate("App.page.model.parameters")}
    assert value[p["support start"]] == browser.evaluate("App.page.values")[p["support start"]]
    assert not browser.problems


@needs_browser
@pytest.mark.long
def test_a_frame_in_a_notebook_runs_the_model(browser: Browser, tmp_path: Path) -> None:
    """It has no address to keep, and no right to one."""
    path = tmp_path / "cell.html"
    path.write_text(f"<html data-ready=yes>{sdmodel.load('budworm').explore()._repr_html_()}", encoding="utf-8")
    browser.open(path)
    with browser.frame():
        browser.wait("document.getElementById('samples')?.textContent.length > 0")
    assert not browser.problems


@needs_browser
@pytest.mark.long
def test_state_lives_in_the_address(browser: Browser, tmp_path: Path) -> None:
    model = sdmodel.load("adoption")
    path = model.explore().write(tmp_path / "page.html")
    lever = model.levers.index[0]
    low = float(model.levers["low"].iloc[0])
    browser.open(path, f"#p.{lever.replace(' ', '+')}={low}&l=zh")
    assert browser.evaluate("document.documentElement.lang") == "zh-CN"
    assert f"p.{lever.replace(' ', '+')}={low:g}" in browser.evaluate("location.hash")
    name = model.outcomes[0]
    run = model.run({lever: low}, method="exact")
    np.testing.assert_allclose(now(browser, [name])[0], run[name], rtol=1e-12)
    entry = f"document.querySelector('input[data-name={json.dumps(lever)}]').parentElement.querySelector('input')"
    for typed in ("1e9", "1e9", ""):  # beyond the range is brought back to its end, nothing to the present value
        text = browser.evaluate(
            f"{{ const e = {entry}; e.value = '{typed}'; e.dispatchEvent(new Event('change')); e.value }}"
        )
        assert float(text) == float(model.levers["high"].iloc[0])
    browser.evaluate("document.getElementById('language').click()")
    assert browser.evaluate("document.documentElement.lang") == "en"
    browser.wait("document.getElementById('samples').textContent.startsWith('500')")
    assert browser.evaluate("App.page.charts[0].band[0].length") == len(run.time)
    assert not browser.problems


@needs_browser
@pytest.mark.long
@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_window_and_all_has_a_name(browser: Browser, tmp_path: Path, width: int) -> None:
    browser.size(width, 844, dark=width == 390)
    browser.open(sdmodel.load("adoption").explore().write(tmp_path / "page.html"))
    browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    browser.wait("document.querySelectorAll('#model .sector').length > 0")
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    strip = "document.getElementById('strip')"
    assert browser.evaluate(f"[getComputedStyle({strip}).display, {strip}.children.length]") == [
        "grid" if width == 390 else "none",
        len(sdmodel.load("adoption").outcomes),
    ]
    nameless = browser.evaluate(
        "[...document.querySelectorAll('button, input, select')].filter((e) => !(e.textContent.trim() "
        "|| e.getAttribute('aria-label') || (e.labels && e.labels.length))).map((e) => e.outerHTML)"
    )
    assert nameless == []
    assert not browser.problems


@needs_browser
@pytest.mark.long
def test_texts_of_a_model_stay_texts(browser: Browser, tmp_path: Path, write_model: Callable[..., Path]) -> None:
    path = write_model(f'x = INTEG("a {HOSTILE}", 0) ~ Dmnl ~ {HOSTILE} [outcome] |\n"a {HOSTILE}" = 3 ~ ~ {HOSTILE} |')
    text = json.dumps(HOSTILE)
    arm = f"name = {text}\ntext = {text}\nvalues = {{}}\nfinding = {text}\nlink = \"javascript:document.title='taken'\""
    path.with_name("mini.explorer.toml").write_text(f"[[scenarios]]\n{arm}", encoding="utf-8")
    page = sdmodel.load(path).explore()
    assert HOSTILE not in page.html
    browser.open(page.write(tmp_path / "page.html"))
    browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    browser.evaluate("document.querySelectorAll('[data-scenario]')[1].click()")
    assert HOSTILE in browser.evaluate("document.getElementById('finding').textContent")
    assert browser.evaluate("document.querySelectorAll('a').length") == 0
    browser.evaluate("document.querySelectorAll('.node, .links button').forEach((e) => e.click())")
    assert browser.evaluate("document.title") == "mini"
    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    assert HOSTILE in browser.evaluate("document.getElementById('controls').textContent")
    assert not browser.problems
