"""The page: its file, its texts, and what it does in a real browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import CHROMIUM, Browser

import sdmodel
from sdmodel.core.errors import ReadError
from sdmodel.explorer.contents import contents
from sdmodel.explorer.kernel import PageKernels
from sdmodel.explorer.page import Explorer
from sdmodel.model import Model

needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; the page is tested in it")
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
    front = shown(page)["front"]
    assert len(front["levers"]) == 10
    assert len(front["outcomes"]) == 4
    assert all(s["finding"] for s in front["scenarios"])


def test_words_are_said_in_both_languages() -> None:
    words = shown(sdmodel.load("budworm").explore())["words"]
    assert words["en"].keys() == words["zh"].keys()
    scripts = "".join(p.read_text("utf-8") for p in Path(sdmodel.__file__).with_name("explorer").glob("page/*.js"))
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


def test_a_model_without_roles_shows_all_constants(model_from: Callable[..., Model]) -> None:
    page = model_from("x = INTEG(a - x * b, 0) ~ ~ |\na = 3 ~ ~ |\nb = -0.5 ~ [-1, ?] ~ |").explore()
    found = {p["name"]: (p["low"], p["high"], p["stated"]) for p in shown(page)["parameters"]}
    assert found == {"a": (0, 6, False), "b": (-1, 0, False)}


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
        ("colours = 1", "'colours' is not known"),
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


def now(browser: Browser) -> np.ndarray:
    """Values of the present run, (outputs, times)."""
    code = "JSON.stringify([App.page.kernels[0].outputs, Array.from(App.page.now.values)])"
    outputs, values = json.loads(browser.evaluate(code))
    return np.array(values, dtype=float).reshape(outputs, -1)


MOVE = """(() => {{
  const slider = document.querySelector('input[type="range"][data-name={name}]');
  slider.value = {value};
  slider.dispatchEvent(new Event("input"));
  return App.page.values[{place}];
}})()"""


@needs_browser
@pytest.mark.long
@pytest.mark.parametrize("name", ["adoption", "budworm"])
def test_every_slider_moves_the_model(browser: Browser, tmp_path: Path, name: str) -> None:
    """Each slider to a quarter of its range; the page's paths against a run of the model."""
    model = sdmodel.load(name)
    page = model.explore()
    browser.open(page.write(tmp_path / "page.html"))
    browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    labels = shown(page)["labels"]
    moved = 0
    for p in shown(page)["parameters"]:
        if p["choices"]:
            continue
        wanted = p["low"] + (p["high"] - p["low"]) / 4
        code = MOVE.format(name=json.dumps(p["name"]), value=wanted, place=p["place"])
        browser.wait(f"document.querySelector('input[data-name={json.dumps(p['name'])}]') !== null")
        value = browser.evaluate(code)
        run = model.run({p["name"]: value}, method="exact")
        got = now(browser)
        for label in model.outcomes:
            if label in labels:
                np.testing.assert_allclose(got[labels.index(label)], run[label], rtol=1e-9, atol=1e-12)
        browser.evaluate("document.getElementById('resetAll').click()")
        moved += 1
    assert moved > 2
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
    labels = browser.evaluate("App.page.model.labels")
    name = model.outcomes[0]
    run = model.run({lever: low}, method="exact")
    np.testing.assert_allclose(now(browser)[labels.index(name)], run[name], rtol=1e-9)
    entry = f"document.querySelector('input[data-name={json.dumps(lever)}]').parentElement.querySelector('input')"
    for _ in range(2):  # what is typed beyond the range is brought back to its end
        text = browser.evaluate(
            f"(() => {{ const e = {entry}; e.value = 1e9; e.dispatchEvent(new Event('change')); return e.value }})()"
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
    page = sdmodel.load(path).explore()
    assert HOSTILE not in page.html
    browser.open(page.write(tmp_path / "page.html"))
    browser.evaluate("document.querySelectorAll('details').forEach((d) => { d.open = true; })")
    assert browser.evaluate("document.title") == "mini"
    assert browser.evaluate("document.querySelectorAll('img').length") == 0
    assert HOSTILE in browser.evaluate("document.getElementById('controls').textContent")
    assert not browser.problems
