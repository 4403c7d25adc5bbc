"""Pages of results in a notebook: escaped, offline, small, well formed; rendered where there is a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lxml import etree

import sdmodel
from sdmodel.core import html
from sdmodel.study.finding import Finding

BROWSER = shutil.which("chromium")
HOSTILE = '"<script>alert(1)</script>"'
EQUATIONS = f"""
level = INTEG(rate - level, 1) ~ Dmnl ~ A <b>stock</b>. [outcome] |
{HOSTILE} = 2 ~ Dmnl [0,5] ~ "><img src=x onerror=alert(1)>. [lever P01] |
rate = {HOSTILE} ~ Dmnl ~ A & B. |
"""


@pytest.fixture
def pages(model_from: Callable[..., sdmodel.Model]) -> dict[str, str]:
    model = model_from(EQUATIONS)
    name = "<script>alert(1)</script>"
    scenario = sdmodel.Scenario("<i>", "a < b", {name: 1.0})
    run = model.run(scenario=scenario)
    sweep = model.sweep([{name: 1.0}, {name: 3.0}], ["level"])
    fit = sdmodel.calibrate(model, [name], {"level": run["level"]})
    finding = Finding("f", "Is <b> & so?", [], sweep.sdmodel.to_dataframe(), headline="<b>", notes=["<i>"])
    things = {"model": model, "run": run, "scenario": scenario, "sweep": sweep.sdmodel, "fit": fit, "finding": finding}
    return {key: thing._repr_html_() for key, thing in things.items()}


def test_pages_are_escaped_offline_small_and_well_formed(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        assert not re.search("<script|<img src=x|<i>|https?:", page), name
        assert len(page) < 20_000
        tree = etree.fromstring(f"<div>{page.replace(' class=n', '').replace('details open', 'details')}</div>")
        assert tree.xpath("//b"), name


def test_a_page_says_what_matters(pages: dict[str, str]) -> None:
    assert "Levers (1)" in pages["model"]
    assert "Outcomes (1)" in pages["model"]
    assert "<svg" in pages["run"]
    assert "evaluations" in pages["run"]
    assert "Certificate" in pages["sweep"]
    assert "a &lt; b" in pages["scenario"]
    assert "observed" in pages["fit"]


def test_a_small_plot_of_a_constant_and_of_gaps() -> None:
    assert "NaN" not in html.small_plot(np.arange(3.0), np.full(3, 7.0))
    assert "nan" not in html.small_plot(np.arange(4.0), np.array([1, np.nan, 2, np.inf]))
    assert html.small_plot(np.arange(1.0), np.ones(1)) == ""


@pytest.mark.skipif(BROWSER is None, reason="there is no /usr/bin/chromium to render the pages")
def test_a_browser_shows_the_pages(pages: dict[str, str], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(f"<!doctype html><meta charset=utf-8>{''.join(pages.values())}", encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom"]
    done = subprocess.run([str(BROWSER), *flags, page.as_uri()], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.count('class="sdmodel"') == len(pages)
    assert "<script" not in done.stdout
