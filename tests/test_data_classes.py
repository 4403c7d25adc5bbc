"""Values are values: data classes are frozen, but for those that are filled while they are made."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "sdmodel"


def data_classes() -> dict[str, bool]:
    """Whether each data class of the package is frozen, read from its source."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)) if "@dataclass" in text else ():
            for mark in getattr(node, "decorator_list", ()) if isinstance(node, ast.ClassDef) else ():
                call = mark.func if isinstance(mark, ast.Call) else mark
                if isinstance(call, ast.Name) and call.id == "dataclass":
                    given = {k.arg: k.value for k in mark.keywords} if isinstance(mark, ast.Call) else {}
                    frozen = given.get("frozen")
                    # Two rooms may have a class of one name.
                    is_frozen = isinstance(frozen, ast.Constant) and bool(frozen.value)
                    found[node.name] = found.get(node.name, True) and is_frozen
    return found


FILLED = {
    *("Arrays", "CleanText", "Definition", "MacroText", "Markers", "Module", "Part", "RangeText", "Rows", "Subscripts"),
    *("Entry", "_Cell", "_Flag", "_Reader", "_Row", "_Scope"),  # by readers of files
    *("Finding", "Phase", "PolicyEvaluator"),  # by those who make them
}


def test_data_classes_are_frozen_but_for_those_that_are_filled() -> None:
    found = data_classes()
    assert len(found) > 100
    assert {name for name, frozen in found.items() if not frozen} == FILLED
