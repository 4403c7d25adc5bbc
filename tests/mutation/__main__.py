"""Change code or model equations at random, run the matching tests, and count what they notice.

Not part of the suite. The changes are made in a copy; the checkout stays as it is.

    python -m tests.mutation --room analysis --number 20
    python -m tests.mutation --room models --number 20
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("sdmodel", "models", "experiments", "tests", "docs", "pyproject.toml", "README.md", "CHANGELOG.md")
# Test files of a part of the package, below tests/; the first part that fits counts.
TESTS = {
    "analysis/calibration": ("analysis/test_calibration",),
    "analysis/compare": ("analysis/test_compare",),
    "analysis/discovery": ("analysis/test_discovery",),
    "analysis/equilibria": ("analysis/test_equilibria",),
    "analysis/gradients": ("analysis/test_gradients",),
    "analysis/inputs": ("analysis/test_analysis_inputs",),
    "analysis/optimization": ("analysis/test_optimization",),
    "analysis/root_finding": ("analysis/test_root_finding",),
    "analysis/sensitivity": ("analysis/test_sensitivity",),
    "analysis/thresholds": ("analysis/test_optimization", "analysis/test_equilibria"),
    "analysis/triggers": ("analysis/test_equilibria",),
    "analysis": ("analysis/test_sensitivity", "analysis/test_optimization"),
    "validation/static": ("validation/test_check_", "validation/test_equations", "validation/test_signatures"),
    "validation": ("validation/test_confidence", "validation/test_polarity"),
    "core/units": ("core/test_units", "validation/test_check_units"),
    "core/outcome": ("core/test_outcome",),
    "core/expression": ("core/test_expression", "io/test_expression"),
    "core/functions": ("conformance/test_language", "validation/test_signatures"),
    "core": ("core/", "test_model"),
    "design": ("test_design",),
    "solve": ("solve/", "core/test_run", "core/test_scenario"),
    "sweep": ("sweep/",),
    "io/xmile": ("io/test_xmile",),
    "io/vensim": ("io/test_vensim",),
    "io": ("io/test_data", "io/test_vensim", "io/test_composition"),
    "compile": ("compile/", "conformance/test_language"),
    "study": ("study/",),
    "plot": ("plot/",),
    "model": ("test_model",),
    "cli": ("cli/",),
}
SWAPS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.Pow: ("**", "*"),
    ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="), ast.GtE: (">=", ">"), ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="), ast.And: ("and", "or"), ast.Or: ("or", "and"),
}  # fmt: skip
WORDS = {"min": "max", "max": "min", "any": "all", "all": "any", "argmin": "argmax", "argmax": "argmin",
         "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "ceil": "floor"}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """Text from `start` to `end` of a file, and what takes its place."""

    path: Path
    start: int
    end: int
    new: str

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]

    def line(self, text: str) -> str:
        number = text.count("\n", 0, self.start) + 1
        first, last = text.rfind("\n", 0, self.start) + 1, text.find("\n", self.end)
        whole = text[first : self.start] + f"[{text[self.start : self.end]} -> {self.new}]" + text[self.end : last]
        return f"{self.path}:{number}: {whole.strip()[:120]}"


def code_mutants(path: Path) -> Iterator[Mutant]:
    """Every change of an operator, a number, a truth value or one of a few words in a Python file."""
    text = (ROOT / path).read_text("utf-8")
    data = text.encode()  # columns count bytes
    starts = [0]
    for row in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(row))

    def at(line: int, column: int) -> int:
        return len(data[: starts[line - 1] + column].decode())

    def between(left: ast.expr, right: ast.expr, kind: type[ast.AST]) -> Iterator[Mutant]:
        old, new = SWAPS.get(kind, ("", ""))
        first, last = at(left.end_lineno or 1, left.end_col_offset or 0), at(right.lineno, right.col_offset)
        found = re.search(rf"(?<![*<>=!/]){re.escape(old)}(?![*<>=/])", text[first:last]) if old else None
        if found:
            yield Mutant(path, first + found.start(), first + found.end(), new)

    tree = ast.parse(text)
    quiet = {id(n) for top in ast.walk(tree) for field in ("annotation", "returns") for n in _below(top, field)}
    for node in ast.walk(tree):
        if id(node) in quiet:
            continue
        if isinstance(node, ast.BinOp):
            yield from between(node.left, node.right, type(node.op))
        elif isinstance(node, ast.BoolOp):
            yield from between(node.values[0], node.values[1], type(node.op))
        elif isinstance(node, ast.Compare):
            yield from between(node.left, node.comparators[0], type(node.ops[0]))
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            new = repr(not node.value) if isinstance(node.value, bool) else repr(node.value + 1)
            place = at(node.lineno, node.col_offset), at(node.end_lineno or 1, node.end_col_offset or 0)
            yield Mutant(path, *place, new)
        elif isinstance(node, ast.Attribute) and node.attr in WORDS:
            end = at(node.end_lineno or 1, node.end_col_offset or 0)
            yield Mutant(path, end - len(node.attr), end, WORDS[node.attr])
        elif isinstance(node, ast.Name) and node.id in WORDS and isinstance(node.ctx, ast.Load):
            start = at(node.lineno, node.col_offset)
            yield Mutant(path, start, start + len(node.id), WORDS[node.id])


def _below(node: ast.AST, field: str) -> Iterator[ast.AST]:
    child = getattr(node, field, None)
    if isinstance(child, ast.AST):
        yield from ast.walk(child)


def model_mutants(path: Path) -> Iterator[Mutant]:
    """Every sign, factor, exponent and number in the equations of a model file, outside units and comments."""
    text = (ROOT / path).read_text("utf-8")
    for equation in re.finditer(r"(?:^|\|)\s*([^|~=]+=[^~|]*)", text.partition("\\\\\\---///")[0]):
        body = equation.group(1)
        offset = equation.start(1) + body.index("=") + 1
        for found in re.finditer(r"(?<=[\w\])])\s*([-+*/^])\s*(?=[\w(\"])|(?<![\w.\[\"])(\d+\.?\d*)(?![\w.\]\"])", text[
            offset : equation.end(1)
        ]):  # fmt: skip
            group = 1 if found.group(1) else 2
            old = found.group(group)
            new = {"+": "-", "-": "+", "*": "/", "/": "*", "^": "*"}.get(old) or f"{1.5 * float(old) or 1:g}"
            yield Mutant(path, offset + found.start(group), offset + found.end(group), new)


def test_files(path: Path) -> list[str]:
    """Test files that match a file of the package."""
    name = path.relative_to("sdmodel").with_suffix("").as_posix()
    starts = next((starts for part, starts in TESTS.items() if name == part or name.startswith(part + "/")), ())
    found = ((f, f.relative_to(ROOT / "tests").as_posix()) for f in (ROOT / "tests").rglob("test_*.py"))
    return sorted(str(f.relative_to(ROOT)) for f, below in found if below.startswith(starts))


def noticed_by_tests(mutant: Mutant, copy: Path, seconds: float) -> bool:
    """Whether a matching test fails, or runs for too long, with the mutant in place."""
    files = test_files(mutant.path)
    if not files:
        return False
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-n0", "-p", "no:cacheprovider", *files]
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, timeout=seconds, check=False)
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def kind_of(mutant: Mutant, text: str) -> str:
    """Which kind of change of a model a mutant is."""
    if text[mutant.start : mutant.end] in "+-*/^":
        return "operators"
    first = max(text.rfind(mark, 0, mutant.start) for mark in "|~}")
    equation = text[first + 1 : text.find("~", mutant.start)].partition("=")[2]
    return "numbers in formulas" if re.search(r"[A-Za-z]", equation) else "values of constants"


def misses(path: Path, samples: int) -> Iterator[str]:
    """Errors of the static checks, then misses of the tests that run one sector alone, the quick ones first."""
    import sdmodel
    from sdmodel.core.errors import SdmodelError
    from sdmodel.validation.confidence.extreme_conditions import extreme_conditions
    from sdmodel.validation.confidence.link_signs import polarity
    from sdmodel.validation.confidence.partial_models import partial_models
    from sdmodel.validation.spec import read_spec

    try:
        model = sdmodel.load(path)
        yield from (f"{r.kind}: {r.variable}" for r in model.check().itertuples() if r.level == "error")
        spec = read_spec(model)
        rows = partial_models({model.name: model}, {model.name: spec})
        yield from (f"{row.kind}: {row.name}" for row in rows if row.verdict == "miss")
        yield from (f"{row.kind}: {row.name}" for row in polarity(model, spec.polarity) if row.verdict == "miss")
        rows = extreme_conditions(model, spec, samples, 1)
        yield from (f"{row.kind}: {row.name}" for row in rows if row.verdict == "miss")
    except (SdmodelError, ArithmeticError) as error:
        yield f"refused: {type(error).__name__}"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("--room", required=True, help="a folder or module of sdmodel, such as analysis, or models")
    parser.add_argument("--number", type=int, default=20, help="mutants to try (20)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the choice (1)")
    parser.add_argument("--seconds", type=float, default=600, help="a run that takes longer counts as noticed (600)")
    parser.add_argument("--samples", type=int, default=200, help="random corners of the tests of models (200)")
    given = parser.parse_args()
    models = given.room == "models"
    if models:
        files = sorted((ROOT / "models").glob("*.mdl"))
    else:
        place = ROOT / "sdmodel" / given.room
        files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    make = model_mutants if models else code_mutants
    every = [m for f in files for m in make(f.relative_to(ROOT))]
    chosen = random.Random(given.seed).sample(every, min(given.number, len(every)))
    count: Counter[tuple[str, bool]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in PARTS:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, copy / part, ignore=shutil.ignore_patterns("__pycache__", "_build"))
            elif source.exists():
                shutil.copy(source, copy / part)
        before: dict[Path, set[str]] = {}  # what a model misses unchanged
        for i, mutant in enumerate(chosen, 1):
            text = (copy / mutant.path).read_text("utf-8")
            begun = time.monotonic()
            if models and mutant.path not in before:
                before[mutant.path] = set(misses(copy / mutant.path, given.samples))
            (copy / mutant.path).write_text(mutant.applied(text), encoding="utf-8")
            try:
                if models:
                    found = misses(copy / mutant.path, given.samples)
                    by = next((miss for miss in found if miss not in before[mutant.path]), "")
                    seen = bool(by)
                else:
                    seen, by = noticed_by_tests(mutant, copy, given.seconds), ""
            finally:
                (copy / mutant.path).write_text(text, encoding="utf-8")
            count[kind_of(mutant, text) if models else str(mutant.path.parent), seen] += 1
            word = "noticed" if seen else "NOT NOTICED"
            took = time.monotonic() - begun
            print(f"{i:3} {word:11} {took:5.0f} s  {mutant.line(text)}  {by}".rstrip(), flush=True)
    for room in sorted({room for room, _ in count}):
        good, bad = count[room, True], count[room, False]
        print(f"{room}: {good} of {good + bad} noticed ({good / (good + bad):.0%})")
    good = sum(n for (_, seen), n in count.items() if seen)
    print(f"{given.room}: {good} of {len(chosen)} noticed ({good / len(chosen):.0%}), seed {given.seed}")


if __name__ == "__main__":
    main()
