"""The code in the documentation and in the docstrings runs, and prints what it says."""

import doctest
import importlib
import importlib.util
import pkgutil
import re
import shutil
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import sdmodel
from sdmodel.study import question

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```(?:python|\{plot\})\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
PAGES = [
    page
    for page in [ROOT / "README.md", ROOT / "README.zh.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if BLOCK.search(page.read_text(encoding="utf-8"))
]
# Files that the pages for contributors tell the reader to make.
MADE_BY_THE_READER = {"sdmodel/solve/solvers/bogacki_shampine.py"}
SECTORS = sdmodel.load("shandong").sectors
MODULES = sorted(module.name for module in pkgutil.walk_packages(sdmodel.__path__, "sdmodel."))


def code_blocks(page):
    """Line number and code of each Python block of a page, without the options of a directive."""
    text = page.read_text(encoding="utf-8")
    for block in BLOCK.finditer(text):
        code = re.sub(r"^:[\w-]+:.*$", "", block["code"], flags=re.MULTILINE)
        yield text.count("\n", 0, block.start("code")), code


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_code_of_a_page_runs_from_top_to_bottom(page, tmp_path, monkeypatch, request):
    plt.switch_backend("Agg")
    # Questions are asked with other ranges as well, which takes half of their time and is tested in tests/study.
    monkeypatch.setattr(question, "RANGE_FACTORS", {})
    if "ema_workbench" in page.read_text(encoding="utf-8"):
        request.getfixturevalue("ema_workbench")
    shutil.copytree(ROOT / "models" / "examples", tmp_path, dirs_exist_ok=True)
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


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "contributing").glob("add-*.md")), ids=lambda page: page.stem)
def test_a_page_for_contributors_is_listed_and_names_what_exists(page):
    """Paths in `code`, from the root of the checkout, unless they hold the placeholder NAME."""
    assert re.search(rf"^{page.stem}$", (ROOT / "docs/contributing/index.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert f"docs/contributing/{page.name}" in (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:sdmodel|tests|docs|models|experiments)/[\w./-]*\w)/?`", page.read_text(encoding="utf-8"))
    assert named
    expected = {path for path in named if "NAME" not in path} - MADE_BY_THE_READER
    assert [path for path in sorted(expected) if not (ROOT / path).exists()] == []


def test_the_page_on_mutation_is_that_of_its_figures():
    spec = importlib.util.spec_from_file_location("mutation_page", ROOT / "tests" / "mutation" / "page.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page()


# -- the pages of the models ----------------------------------------------------------------------------------------
def written(folder, drawn=None):
    """Write the pages as the documentation build does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "docs" / "_generate"))
        importlib.import_module("model_pages").write(folder, drawn)
    return folder


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    return written(tmp_path_factory.mktemp("generated"))


def read(pages, name):
    return (pages / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", SECTORS)
def test_a_sector_has_a_page_with_all_that_its_file_says(name, pages):
    text = read(pages, name)
    for variable in sdmodel.load(name).equations.values():
        assert f"`{variable.name}`" in text, variable.name
        if variable.role != "input":
            assert f"`{variable.name} = " in text or f"`{variable.name}[" in text or f"`{variable.name}(" in text
        for source in variable.sources if variable.role != "input" else ():
            assert f"](#source-{source.key})" in text
        assert not variable.unit or f"`{variable.unit}`" in text
    assert (pages / f"{name}.png").stat().st_size > 10_000


def test_each_shipped_sector_says_what_it_is_about_and_what_it_leaves_out():
    notes = tomllib.loads((ROOT / "models" / "notes.toml").read_text(encoding="utf-8"))
    assert set(notes) == set(SECTORS)
    for name, note in notes.items():
        assert len(note["leaves_out"]) >= 4, name
        assert note["title"], name
        assert note["about"], name


def test_each_sector_is_read_like_a_paper(pages):
    """Loops, key equations with what they rest on, and objections, from `models/reviews.toml`."""
    reviews = tomllib.loads((ROOT / "models" / "reviews.toml").read_text(encoding="utf-8"))
    assert set(reviews) == set(SECTORS)
    for name, review in reviews.items():
        text, model = read(pages, name), sdmodel.load(name)
        assert len(review["key"]) >= 5
        assert len(review["objections"]) >= 4
        for variable in review["key"]:
            assert model[variable].role != "input", variable
            assert f"**{variable}**: " in text
        assert f"{name}-loops.png" in text or name == "policy"


def test_every_id_and_source_that_a_model_cites_can_be_looked_up(pages):
    listed = set(re.findall(r"^\* - ([CPH]\d+)$", read(pages, "claims"), re.MULTILINE))
    assert len(listed) == 143 + 78 + 48
    keys = set(re.findall(r"^\(source-(\w+)\)=$", read(pages, "sources"), re.MULTILINE))
    for name in SECTORS:
        for variable in sdmodel.load(name).equations.values():
            assert {source.key for source in variable.sources} <= keys, variable.name
            assert {k for k in variable.ids if k.startswith("P")} <= listed, variable.name


def test_the_overview_lists_every_joint_and_every_scenario(pages):
    joints, scenarios = read(pages, "part-joints"), read(pages, "part-scenarios")
    for name in SECTORS:
        for variable in sdmodel.load(name).equations.values():
            assert variable.role != "input" or f"`{variable.name}`" in joints, variable.name
    for name in sdmodel.load("shandong").scenarios:
        assert f"`{name}`" in scenarios


def test_the_pages_of_the_models_are_the_same_each_time(pages, tmp_path):
    """All texts, and the pictures of two sectors: each takes a second."""
    written(tmp_path, ["network", "talent"])
    names = {path.name for path in tmp_path.iterdir()}
    pictures = {f"{name}{kind}.png" for name in ("network", "talent") for kind in ("", "-loops")}
    assert names == pictures | {path.name for path in pages.glob("*.md")}
    for name in names:
        if name.endswith(".png"):  # the solver of the layout orders by addresses: an edge may differ in its last bit
            before, again = (np.round(255 * plt.imread(folder / name)) for folder in (pages, tmp_path))
            np.testing.assert_allclose(again, before, atol=1)
        else:
            assert (tmp_path / name).read_bytes() == (pages / name).read_bytes(), name


# -- the notebook ---------------------------------------------------------------------------------------------------
def test_the_notebook_is_that_of_its_page():
    """Else: python docs/_generate/notebook.py."""
    spec = importlib.util.spec_from_file_location("notebook", ROOT / "docs" / "_generate" / "notebook.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in module.PAGES:
        assert (ROOT / "docs" / f"{name}.ipynb").read_text(encoding="utf-8") == module.written(name)
