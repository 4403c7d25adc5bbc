"""What experiments and report say has its Chinese, and no Chinese is left of what nothing says any more."""

from __future__ import annotations

import ast
import string
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from sdmodel.core.resources import shipped
from sdmodel.experiments import LIBRARY
from sdmodel.study.numbers import OWN_UNITS
from sdmodel.study.question import Question
from sdmodel.study.report import front, page, words
from sdmodel.study.verdict import WORDS

ZH = LIBRARY.translation("zh").table
STUDY = Path(str(page.__file__)).parents[1]
FOLDER = Path(str(shipped("experiments")))


def fields(text: str) -> list[tuple[str, str]]:
    return sorted((name, spec or "") for _, name, spec, _ in string.Formatter().parse(text) if name is not None)


def templates(path: Path) -> set[str]:
    """First arguments of `Say` that are texts; named constants are looked up in the module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        target.id: ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Say" and node.args:
            first = node.args[0]
            options = [first.body, first.orelse] if isinstance(first, ast.IfExp) else [first]
            for option in options:
                text = named.get(option.id) if isinstance(option, ast.Name) else getattr(option, "value", None)
                if isinstance(text, str):
                    found.add(text)
    return found


def said_by_question(table: dict[str, Any]) -> set[str]:
    """Texts of the file of an experiment that are shown."""
    texts = {table["asks"], *table.get("small", ())}
    texts |= {table["headline"]["text"]} if "headline" in table else set()
    for p in table.get("prediction", ()):
        word = p["id"].partition(" (")[2].rstrip(")")
        texts |= {p["says"], p["label"], p["reason"], *([word] if word else [])}
        texts |= {p[key] for key in ("unit", "arm", "against", "outcome") if key in p} - {*OWN_UNITS, *words.OUTCOMES}
    texts |= {loop["name"] for loop in table.get("loop", ())} | {note["text"] for note in table.get("note", ())}
    texts |= {arm for equal in table.get("equal", ()) for key in ("arms", "mixes") for arm in equal.get(key, ())}
    texts |= set(table.get("arms", ()))
    texts |= ({table["paths"]["variable"]} - {*words.OUTCOMES}) if "paths" in table else set()
    return texts


def said_by_report() -> set[str]:
    """Texts of the page around the findings: those given to `say`, and those of its tables."""
    said: set[str] = {*WORDS, *front.HEADS.values(), *page.LEVELS.values(), *words._SIDES.values()}
    for path in sorted((STUDY / "report").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                given = {"say": node.args[:1], "number": node.args[1:2]}.get(node.func.attr, [])
                texts = {one.value for arg in given for one in ast.walk(arg) if isinstance(one, ast.Constant)}
                said |= {text for text in texts if isinstance(text, str) and text} - {*OWN_UNITS}
    assert "What to do for small technology firms" in said
    said |= {shown.words for shown in words.OUTCOMES.values()}
    return said | {shown.unit for shown in words.OUTCOMES.values() if shown.unit not in OWN_UNITS}


def sources() -> list[Path]:
    """Modules that say something to a reader."""
    return [*sorted(FOLDER.glob("*.py")), *sorted(STUDY.rglob("*.py"))]


@pytest.fixture(scope="module")
def said() -> set[str]:
    """All texts that a reader can come to see."""
    texts = said_by_report().union(*map(templates, sources()))
    for name in LIBRARY.names:
        texts |= said_by_question(tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8")))
    assert len(texts) > 400
    return texts


def test_every_text_has_its_chinese(said: set[str]) -> None:
    missing = sorted(said - set(ZH))
    assert not missing, "put these into words.zh.toml"


def test_no_chinese_is_left_of_what_nothing_says(said: set[str]) -> None:
    """Texts in tables of a module are constants of it; all other texts are found where they are said."""
    constants = {
        node.value
        for path in sources()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    unused = sorted(set(ZH) - said - constants)
    assert not unused, "take these out of words.zh.toml"


def test_a_translation_has_the_figures_of_its_text() -> None:
    wrong = {text: told for text, told in ZH.items() if "{" in text and fields(text) != fields(told)}
    assert not wrong
    assert LIBRARY.languages == ["en", "zh"]


@pytest.mark.parametrize("name", LIBRARY.names)
def test_every_experiment_loads_and_says_what_it_plans(name: str) -> None:
    requested = LIBRARY[name]
    assert requested.name == name
    assert requested.asks.endswith("?")
    assert len(requested.plan) > 80
    if isinstance(requested, Question):
        known = {*requested.arms, *(arm for equal in requested.equal for arm in equal.arms)}
        assert {arm for loop in requested.loops for arm in (loop.held, *loop.arms)} <= known
        assert {equal.like for equal in requested.equal if equal.like} <= set(requested.arms)


def test_modules_of_experiments_stand_beside_a_file() -> None:
    modules = {path.stem for path in FOLDER.glob("*.py")} - {"__init__"}
    assert modules <= set(LIBRARY.names)
    for name in modules:
        assert import_module(f"sdmodel.experiments.{name}").__doc__
