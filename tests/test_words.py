"""Everything that experiments and report say has its Chinese, with the same figures in it."""

from __future__ import annotations

import ast
import string
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from sdmodel.cli import experiments
from sdmodel.core.resources import shipped
from sdmodel.study import report
from sdmodel.study import translation as words
from sdmodel.study.question import Question

ZH = tomllib.loads((shipped("experiments") / "words.zh.toml").read_text(encoding="utf-8"))["words"]
FILES = sorted([*Path(str(shipped("experiments"))).glob("*.py"), *Path(str(report.__file__)).parent.glob("*.py")])
ASKED = [
    name
    for name in experiments()
    if isinstance(getattr(import_module(f"sdmodel.experiments.{name}"), "SPEC", 0), Question)
]


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


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.stem)
def test_every_sentence_has_its_chinese(path: Path) -> None:
    missing = sorted(t for t in templates(path) if t not in ZH)
    assert not missing


@pytest.mark.parametrize("name", ASKED)
def test_everything_a_question_says_has_its_chinese(name: str) -> None:
    spec: Question = import_module(f"sdmodel.experiments.{name}").SPEC
    texts = {spec.asks, spec.reference, *spec.small}
    for p in spec.predictions:
        word = p.hypothesis.partition(" (")[2].rstrip(")")
        texts |= {p.says, p.unit, p.label, p.reason, *([word] if word else [])}
    for panel in spec.panels:
        texts |= {panel.title, panel.measures, panel.unit, *panel.effects}
    texts |= {loop.name for loop in spec.loops}
    if spec.paths:
        texts |= {spec.paths[0], *spec.paths[1]}
    missing = sorted(t for t in texts if str(getattr(t, "template", t)) not in ZH)
    assert not missing


def test_what_the_report_says_has_its_chinese() -> None:
    source = ast.parse(Path(str(report.__file__)).read_text(encoding="utf-8"))
    said = {
        node.args[0].value
        for node in ast.walk(source)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say"
        and node.args and isinstance(node.args[0], ast.Constant)
    }  # fmt: skip
    assert "Every hypothesis" in said
    assert not sorted(t for t in {*said, *report.WORDS} if t not in ZH)
    assert all("zh" in h.says for h in report.hypotheses().values())


def test_a_translation_has_the_figures_of_its_text() -> None:
    wrong = {text: told for text, told in ZH.items() if "{" in text and fields(text) != fields(told)}
    assert not wrong
    assert words.languages() == ["en", "zh"]
