"""Small changes of code and of model equations, one at a time."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SWAPS: dict[type[ast.AST], tuple[str, str]] = {
    ast.Add: ("+", "-"), ast.Sub: ("-", "+"), ast.Mult: ("*", "/"), ast.Div: ("/", "*"), ast.Pow: ("**", "*"),
    ast.FloorDiv: ("//", "*"), ast.Mod: ("%", "*"), ast.Lt: ("<", "<="), ast.LtE: ("<=", "<"), ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"), ast.Eq: ("==", "!="), ast.NotEq: ("!=", "=="), ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"), ast.Is: ("is", "is not"), ast.IsNot: ("is not", "is"), ast.And: ("and", "or"),
    ast.Or: ("or", "and"),
}  # fmt: skip
WORDS = {"min": "max", "max": "min", "any": "all", "all": "any", "argmin": "argmax", "argmax": "argmin",
         "minimum": "maximum", "maximum": "minimum", "floor": "ceil", "ceil": "floor", "mean": "median",
         "median": "mean", "nanmax": "max", "nanmin": "min", "nanmean": "mean", "nanmedian": "median"}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """Text from `start` to `end` of a file, and what takes its place."""

    path: Path
    start: int
    end: int
    new: str

    def applied(self, text: str) -> str:
        return text[: self.start] + self.new + text[self.end :]

    def number(self, text: str) -> int:
        """Number of the line where the change begins."""
        return text.count("\n", 0, self.start) + 1

    def shown(self, text: str) -> str:
        """The changed lines, with the change in brackets."""
        first, last = text.rfind("\n", 0, self.start) + 1, text.find("\n", self.end)
        whole = text[first : self.start] + f"[{text[self.start : self.end]} -> {self.new}]" + text[self.end : last]
        return " ".join(whole.split())[:160]


def code_mutants(path: Path, text: str) -> Iterator[Mutant]:
    """Every change of an operator, a number, a truth value, a condition or one of a few words in a Python file."""
    data = text.encode()  # columns count bytes
    starts = [0]
    for row in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(row))

    def span(node: ast.expr) -> tuple[int, int]:
        first = starts[node.lineno - 1] + node.col_offset
        last = starts[(node.end_lineno or 1) - 1] + (node.end_col_offset or 0)
        return len(data[:first].decode()), len(data[:last].decode())

    def between(left: ast.expr, right: ast.expr, kind: type[ast.AST]) -> Iterator[Mutant]:
        old, new = SWAPS.get(kind, ("", ""))
        first, last = span(left)[1], span(right)[0]
        edge = r"\b" if old.isalpha() else ""
        pattern = rf"(?<![*<>=!/]){edge}{re.escape(old)}{edge}(?![*<>=/])"
        found = re.search(pattern, text[first:last]) if old else None
        if found:
            yield Mutant(path, first + found.start(), first + found.end(), new)

    tree = ast.parse(text)
    quiet = {id(n) for top in ast.walk(tree) for field in ("annotation", "returns") for n in _below(top, field)}
    for top in ast.walk(tree):
        if isinstance(top, ast.JoinedStr) or (isinstance(top, ast.keyword) and top.arg in ("strict", "slots")):
            quiet |= {id(n) for n in ast.walk(top)}  # text of messages, zip's own assertion, memory
    for node in ast.walk(tree):
        if id(node) in quiet:
            continue
        if isinstance(node, ast.BinOp):
            yield from between(node.left, node.right, type(node.op))
        elif isinstance(node, ast.BoolOp):
            yield from between(node.values[0], node.values[1], type(node.op))
        elif isinstance(node, ast.Compare):
            yield from between(node.left, node.comparators[0], type(node.ops[0]))
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
            yield Mutant(path, span(node)[0], span(node.operand)[0], "")
        elif isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float)):
            new = repr(not node.value) if isinstance(node.value, bool) else repr(node.value + 1)
            yield Mutant(path, *span(node), new)
        elif isinstance(node, ast.Attribute) and node.attr in WORDS:
            end = span(node)[1]
            yield Mutant(path, end - len(node.attr), end, WORDS[node.attr])
        elif isinstance(node, ast.Name) and node.id in WORDS and isinstance(node.ctx, ast.Load):
            yield Mutant(path, *span(node), WORDS[node.id])
        if isinstance(node, ast.If) and not _for_type_checkers(node.test):
            yield Mutant(path, *span(node.test), "False")  # a guard or a way taken out


def _for_type_checkers(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


def _below(node: ast.AST, field: str) -> Iterator[ast.AST]:
    child = getattr(node, field, None)
    if isinstance(child, ast.AST):
        yield from ast.walk(child)


def places(text: str, line: int) -> list[range]:
    """Lines whose execution a change of `line` can alter: what its condition guards, its statement, its function."""
    tree = ast.parse(text)
    guarded, statement, function = range(0), range(line, line + 1), range(1, text.count("\n") + 2)
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt):
            continue
        body = getattr(node, "body", None)
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
        last = body[0].lineno - 1 if isinstance(body, list) and body else node.end_lineno or node.lineno
        if first <= line <= max(first, last) and len(range(first, last + 1)):
            statement = range(first, max(first, last) + 1)
            guarded = range(node.body[0].lineno, node.body[-1].lineno + 1) if isinstance(node, ast.If) else range(0)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.body[0].lineno <= line <= (
            node.end_lineno or 0
        ):
            function = range(node.body[0].lineno, (node.end_lineno or 0) + 1)
    return [guarded, statement, function]


def readers(text: str, line: int) -> list[int]:
    """Lines that name what a statement assigns: of a constant, which is assigned at import, its readers."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.lineno <= line <= (node.end_lineno or node.lineno):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}
            return [i for i, row in enumerate(text.splitlines(), 1) if names & set(re.findall(r"\w+", row))]
    return []


NAME = r"[A-Za-z][\w ]*+(?:\[[^\]]*\])?+(?!\()"
TERM = re.compile(rf"({NAME})\s*([-/])\s*({NAME})|(?<=[\w\])])\s*[-+*/]\s*({NAME})")
SIGN = re.compile(r"(?<=[\w\])])\s*([-+*/^])\s*(?=[\w(\"])|(?<![\w.\[\"])(\d+\.?\d*)(?![\w.\]\"])")


def model_mutants(path: Path, text: str) -> Iterator[Mutant]:
    """Every sign, factor, exponent, number and unit of a model file, its operands swapped or left out; no comments."""
    for equation in re.finditer(r"(?:^|\|)\s*([^|~=]+=([^~|]*))~([^~|\[]*)", text.partition("\\\\\\---///")[0]):
        first, last = equation.span(2)
        for found in SIGN.finditer(text, first, last):
            group = 1 if found.group(1) else 2
            old = found.group(group)
            new = {"+": "-", "-": "+", "*": "/", "/": "*", "^": "*"}.get(old) or f"{1.5 * float(old) or 1:g}"
            yield Mutant(path, *found.span(group), new)
        for start in range(first, last):  # overlapping: each operand takes part in two of `a-b-c`
            found = TERM.match(text, start, last)
            if found and found.group(4):
                yield Mutant(path, *found.span(), "")
            elif found and not re.match(r"[\w ]", text[start - 1]):
                yield Mutant(path, *found.span(), f"{found.group(3)}{found.group(2)}{found.group(1)}")
        start, end = equation.span(3)
        if unit := text[start:end].strip():
            start += text[start:end].index(unit)
            yield Mutant(path, start, start + len(unit), "Year" if unit == "Dmnl" else "Dmnl")


def kind_of(mutant: Mutant, text: str) -> str:
    """Which kind of change of a model a mutant is."""
    old = text[mutant.start : mutant.end]
    first = max(text.rfind(mark, 0, mutant.start) for mark in "|~}")
    if text[first] == "~":
        return "units"
    if not old.replace(".", "").isdigit():
        return "operators" if old in "+-*/^" else "operands"
    equation = text[first + 1 : text.find("~", mutant.start)].partition("=")[2]
    return "numbers in formulas" if re.search(r"[A-Za-z]", equation) else "values of constants"
