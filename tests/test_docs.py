"""The code in the documentation and in the docstrings runs, and prints what it says."""

import doctest
import importlib
import pkgutil
import re
import shutil
from pathlib import Path

import matplotlib.pyplot as plt
import pytest

import sdmodel

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(?:python|\{plot\})\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if BLOCK.search(page.read_text(encoding="utf-8"))
]
MODULES = sorted(module.name for module in pkgutil.walk_packages(sdmodel.__path__, "sdmodel."))


def code_blocks(page):
    """Line number and code of each Python block of a page, without the options of a directive."""
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        code = re.sub(r"^:[\w-]+:.*$", "", block["code"], flags=re.MULTILINE)
        yield text.count("\n", 0, block.start("code")), code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch):
    plt.switch_backend("Agg")
    shutil.copytree(ROOT / "docs" / "examples", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for line, code in code_blocks(page):
        if code.startswith(">>> "):
            example = doctest.DocTestParser().get_doctest(code, names, page.name, str(page), line)
            assert doctest.DocTestRunner(optionflags=OPTIONS).run(example, clear_globs=False).failed == 0
            names = example.globs
        else:
            exec(compile("\n" * line + code, str(page), "exec"), names)
    plt.close("all")


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    failed, _ = doctest.testmod(importlib.import_module(name), optionflags=OPTIONS)
    assert failed == 0
