"""Imports go down: a module knows its own floor and those below, never one above."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sdmodel.paths import shipped

PACKAGE = Path(__file__).resolve().parent.parent / "sdmodel"

# From the ground up. A module is named by its first part: `read` stands for everything in sdmodel/read.
FLOORS = [
    {"errors", "paths", "kept"},
    {"units", "expression"},
    {"model", "scenario"},
    {"composition", "write"},
    {"read"},
    {"compile"},
    {"asked", "fixed", "run"},
    {"solve", "distributions"},
    {"design", "outcome"},
    {"sweep"},
    {"analysis", "check"},  # the confidence tests of check run sweeps
    {"plot"},
    {"study"},
    {"cli"},
]
# Doors: they hand over to rooms above, with imports inside functions only.
DOORS = {"model", "scenario", "__init__"}
# The room where a package that is slow, large or private to it may be imported at all.
ROOMS = {
    "pysd": {"read"},
    "parsimonious": {"read"},
    "matplotlib": {"plot", "study"},
    "typer": {"cli"},
    "llvmlite": {"compile"},
    "platformdirs": {"read"},
    "SALib": {"analysis"},
}
HEAVY = ("pysd", "pandas", "scipy", "xarray", "matplotlib", "llvmlite", "numpy", "typer", "lxml")


def level(room: str) -> int:
    return next(i for i, floor in enumerate(FLOORS) if room in floor)


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(tree: ast.AST, top: bool) -> Iterator[tuple[str, int]]:
    """Modules that are imported, with the line; `top` leaves out what stands in functions or for type checkers only."""
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import hides where it goes"
            if node.module in ("sdmodel", "sdmodel.experiments"):
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield str(node.module), node.lineno
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo.extend(node.orelse)
        elif not (top and isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))):
            todo.extend(ast.iter_child_nodes(node))


def ours(name: str) -> str | None:
    """Room of one of our modules; None for a stranger or a public name of the package."""
    parts = name.split(".")
    return parts[1] if parts[0] == "sdmodel" and len(parts) > 1 and not parts[1].startswith("__") else None


def test_every_module_has_a_floor() -> None:
    rooms = {room_of(p) for p in modules()} - {"__init__"}
    known = set().union(*FLOORS)
    assert rooms <= known
    assert sum(map(len, FLOORS)) == len(known)


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_imports_go_down(path: Path) -> None:
    room = room_of(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for name, line in imports(tree, top=room in DOORS):
        target = ours(name)
        if target is None or target == room:
            continue
        if room == "__init__" and target == "paths":  # the import finder of a checkout
            continue
        assert room != "__init__", f"{path.name}:{line}: the package loads {target} before it is asked"
        assert target in set().union(*FLOORS), f"{path.name}:{line}: {target} has no floor"
        assert level(target) <= level(room), f"{path.name}:{line}: {room} must not know {target}, which is above"


def test_the_same_floor_has_no_circles() -> None:
    for floor in FLOORS:
        known = {room: set() for room in floor}
        for path in modules():
            if room_of(path) in floor:
                tree = ast.parse(path.read_text(encoding="utf-8"))
                found = {ours(name) for name, _ in imports(tree, top=room_of(path) in DOORS)}
                known[room_of(path)] |= {t for t in found if t in floor and t != room_of(path)}
        while free := [room for room, targets in known.items() if not targets & set(known)]:
            for room in free:
                del known[room]
        assert not known, f"these know each other in a circle: {', '.join(sorted(known))}"


@pytest.mark.parametrize("path", modules(), ids=lambda p: p.relative_to(PACKAGE).as_posix())
def test_packages_stay_in_their_rooms(path: Path) -> None:
    for name, line in imports(ast.parse(path.read_text(encoding="utf-8")), top=False):
        allowed = ROOMS.get(name.split(".")[0])
        assert allowed is None or room_of(path) in allowed, f"{path.name}:{line} imports {name}"


def test_sdmodel_never_imports_experiments() -> None:
    for path in modules():
        for name, line in imports(ast.parse(path.read_text(encoding="utf-8")), top=False):
            assert not name.startswith(("sdmodel.experiments", "experiments")), f"{path.name}:{line}"


def test_experiments_import_sdmodel() -> None:
    files = [p for p in shipped("experiments").glob("*.py") if p.stem != "__init__"]
    assert files
    for path in files:
        names = [name for name, _ in imports(ast.parse(path.read_text(encoding="utf-8")), top=False)]
        names = [n for n in names if n.split(".")[0] != "__future__"]  # a table of settings needs nothing
        assert not names or any(n.split(".")[0] == "sdmodel" for n in names), path.name


def test_importing_sdmodel_loads_nothing_heavy() -> None:
    code = f"import sys, sdmodel; print([n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_the_nouns_load_without_tables_and_solvers() -> None:
    """A model in the cache is read without the parser, and nothing draws until it is asked to."""
    code = (
        "import sys, sdmodel\n"
        "sdmodel.load('network')\n"
        "print([n for n in ('pandas', 'xarray', 'scipy', 'matplotlib', 'llvmlite') if n in sys.modules])\n"
    )
    subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=60)  # fills the cache
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_there() -> None:
    import sdmodel

    for name in sdmodel.__all__:
        assert getattr(sdmodel, name) is not None
        assert name in dir(sdmodel)
    with pytest.raises(AttributeError, match="no attribute 'simulate'"):
        _ = sdmodel.simulate
