"""A model file is data: whatever stands in it, nothing is executed, read or written."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Callable
from pathlib import Path

import pytest

import sdmodel
from sdmodel.compile.events import clock_of
from sdmodel.compile.programs import program_of
from sdmodel.compile.python.source import source_of
from sdmodel.core.errors import ReadError, SdmodelError

PACKAGE = Path(__file__).resolve().parents[2] / "sdmodel"

# Each `{mark}` is a file that exists if the text was executed.
ATTACKS = {
    "lookup limits": "x = WITH LOOKUP(Time, ([(__import__('os').system('touch {mark}'),0)-(1,1)],(0,0),(1,1))) ~~|",
    "limits of a lookup of its own": (
        "t([(__import__('os').system('touch {mark}'),0)-(1,1)],(0,0),(1,1)) ~~|\nx = t(Time) ~~|"
    ),
    "open in limits": "x = WITH LOOKUP(Time, ([(0,0)-(open('{mark}','w'),1)],(0,0),(1,1))) ~~|",
    "points": "x = WITH LOOKUP(Time, ((0,0),(1,open('{mark}','w')))) ~~|",
    "range of the unit": "x = 1 ~ Dmnl [__import__('os').system('touch {mark}'),2] ~ |",
    "documentation": (
        'x = 1 ~ Dmnl ~ """\nimport os; os.system(\'touch {mark}\')\n""" [uncertainty __import__(\'os\')] |'
    ),
    "subscripts": "place: (A__import__('os').system('touch {mark}')1-A3) ~~|\nx[place] = 1 ~~|",
}


@pytest.mark.parametrize("text", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_is_an_error_and_executes_nothing(
    write_model: Callable[..., Path], tmp_path: Path, text: str
) -> None:
    mark = tmp_path / "executed"
    path = write_model(text.replace("{mark}", str(mark)))
    with pytest.raises(ReadError):
        sdmodel.load(path)
    assert not mark.exists()


def test_the_attack_works_on_a_parser_that_evaluates(write_model: Callable[..., Path], tmp_path: Path) -> None:
    """Else the test above would show nothing: PySD as it comes runs the command while it parses."""
    import subprocess
    import sys

    mark = tmp_path / "executed"
    path = write_model(ATTACKS["lookup limits"].replace("{mark}", str(mark)))
    code = "import sys; from pysd.translators.vensim.vensim_file import VensimFile as V; V(sys.argv[1]).parse()"
    subprocess.run([sys.executable, "-W", "ignore", "-c", code, str(path)], capture_output=True, timeout=120)
    assert mark.exists()


def test_names_that_look_like_code_are_only_names(write_model: Callable[..., Path], tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    hostile = f"__import__('os').system('touch {mark}')"
    text = f"""
"{hostile}" = 2 ~ Dmnl ~ |
"x); import os; (" = INTEG("{hostile}", 0) ~ Dmnl ~ |
"lambda: 0" = "x); import os; ("*2 ~ Dmnl ~ |
"p[0]" = 7 ~ Dmnl ~ |
"""
    model = sdmodel.load(write_model(text))
    run = model.run()
    assert run["x); import os; ("].iloc[-1] == pytest.approx(20)
    assert run["lambda: 0"].iloc[-1] == pytest.approx(40)
    assert not mark.exists()


WORDS = re.compile(
    r"(def|return|pass|if|else|and|or|not|inf|nan|bind|rates|holds|outs|watch|nexts|start|control|spans|series|p|u|t|y|h"
    r"|[vcyh]\d+|(look|data)\d+|[a-z]\w*_)"
)


def test_generated_source_holds_nothing_of_the_file(write_model: Callable[..., Path]) -> None:
    text = """
"evil name" = 2 ~ Dmnl ~ |
place: north, "so'uth" ~~|
table((0,0),(5,1),(10,3)) ~ Dmnl ~ |
stock[place] = INTEG(table(Time)*"evil name"-SMOOTH(stock[place], 3)+STEP(1, "evil name"), 1) ~ Dmnl ~ |
given ~ Dmnl ~ |
"odd \\"quoted\\" one" =
    IF THEN ELSE(stock[north] > 3 :AND: Time < 4, MIN(given, EXP(-stock[north])), MAX(2, given)) ~ Dmnl ~ |
"""
    model = sdmodel.load(write_model(text))
    for fixed in (False, True):
        program = program_of(model, fixed=fixed)
        clock = clock_of(program)
        for safe in (False, True):
            source = source_of(program, clock, list(program.outputs.values()), safe)
            assert "table" not in source
            assert "stock" not in source
            for token in tokenize.generate_tokens(io.StringIO(source).readline):
                assert token.type != tokenize.STRING, token
                assert token.type != tokenize.COMMENT, token
                assert token.type != tokenize.ERRORTOKEN, token
                if token.type == tokenize.NAME:
                    assert WORDS.fullmatch(token.string), token
                if token.type == tokenize.OP:
                    assert token.string in "()[],:=+-*/<><=>===!=", token
            assert not any(isinstance(node, (ast.Attribute, ast.Import)) for node in ast.walk(ast.parse(source)))


# -- in the code itself -----------------------------------------------------------------------------------------
EXECUTING = {"eval", "exec", "compile", "__import__"}
ALLOWED = {("compile/python/engine.py", "exec"), ("compile/python/engine.py", "compile")}
"""The one place that makes code, from what the emitter wrote."""
BARRED_MODULES = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "code", "codeop", "runpy"}


def test_nothing_else_compiles_or_executes() -> None:
    found = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            where = path.relative_to(PACKAGE).as_posix()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in EXECUTING:
                found.add((where, node.func.id))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                assert node.func.attr not in ("eval", "query", "popen"), f"{where}:{node.lineno}"
                assert ast.unparse(node.func) != "os.system", f"{where}:{node.lineno}"
            names = []
            if isinstance(node, ast.Import):
                names = [a.name for a in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            for name in names:
                assert name.split(".")[0] not in BARRED_MODULES | {"subprocess"}, (
                    f"{where}:{node.lineno} imports {name}"
                )
    assert found == ALLOWED


# -- caps -------------------------------------------------------------------------------------------------------
BOMBS = {
    "range": "place: (A1-A30000000) ~~|\nx[place] = 1 ~~|",
    "nested brackets": "x = " + "(" * 5000 + "1" + ")" * 5000 + " ~~|",
    "nested choices": "x = " + "IF THEN ELSE(Time>1, " * 1000 + "1" + ", 2)" * 1000 + " ~~|",
    "elements": "a: (A1-A9000) ~~|\nb: (B1-B9000) ~~|\nx[a, b] = 1 ~~|",
    "unit": f"x = 1 ~ {'(' * 4000}a{')' * 4000} ~ |",
}


@pytest.mark.parametrize("text", BOMBS.values(), ids=BOMBS)
def test_a_file_cannot_eat_the_machine(write_model: Callable[..., Path], text: str) -> None:
    def used(file: Path) -> None:
        model = sdmodel.load(file)
        model.run()
        errors = model.check()
        if (errors["level"] == "error").any():
            raise ReadError("found by the checker")

    file = write_model(text)
    with pytest.raises(SdmodelError):
        used(file)


def test_a_file_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "big.mdl"
    path.write_bytes(b"{UTF-8}\n" + b" " * 20_000_001)
    with pytest.raises(ReadError, match="at most 20,000,000"):
        sdmodel.load(path)


def test_a_composition_stays_in_its_folder(tmp_path: Path, write_model: Callable[..., Path]) -> None:
    write_model("x = 1 ~~|", name="outside")
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "whole.toml").write_text("sectors = ['../outside.mdl']\n", encoding="utf-8")
    with pytest.raises(SdmodelError, match="lies outside the folder"):
        sdmodel.load(inner / "whole.toml")
