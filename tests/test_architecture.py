"""Imports go one way: a module knows its own room and rooms below it, and no two files know each other.

Every import counts: at the top of a file, inside functions, for type checkers only, and by `importlib`.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import networkx as nx
import pytest

from sdmodel.core.resources import shipped

PACKAGE = Path(__file__).resolve().parent.parent / "sdmodel"
EXPERIMENTS = shipped("experiments")

# From the ground up; rooms on one floor do not know each other.
FLOORS = [
    {"core"},
    {"io", "edit", "compile", "errors"},
    {"design", "solve"},
    {"sweep"},
    {"analysis"},
    {"validation", "explorer"},
    {"editable"},
    {"model"},
    {"plot"},
    {"__init__"},  # the public names; what is below does not use them
    {"study"},
    {"experiments"},
    {"cli"},
]
LEVEL = {room: level for level, floor in enumerate(FLOORS) for room in floor}
# The room where a package that is slow, large or private to it may be imported at all.
ROOMS = {
    "pysd": set(),
    "parsimonious": set(),
    "matplotlib": {"plot"},
    "typer": {"cli"},
    "llvmlite": {"compile"},
    "platformdirs": {"io"},
    "SALib": {"analysis"},
}
HEAVY = ("pysd", "pandas", "scipy", "xarray", "matplotlib", "llvmlite", "numpy", "typer", "lxml")


def modules() -> dict[str, Path]:
    """Files of the package and of the experiments by their dotted name."""
    out = {}
    for folder, prefix in ((PACKAGE, "sdmodel"), (EXPERIMENTS, "sdmodel.experiments")):
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            if "__pycache__" not in parts:
                out[".".join([prefix, *(p for p in parts if p != "__init__")])] = path
    return out


MODULES = modules()


def room_of(name: str) -> str:
    parts = name.split(".")
    return parts[1] if len(parts) > 1 else "__init__"


def dotted(node: ast.Call, module: str) -> str:
    """Module that a call of `import_module` or `__import__` names; a template counts up to its first field."""
    match node.args[0]:
        case ast.Constant(value=str(name)):
            return name
        case ast.JoinedStr(values=[ast.Constant(value=str(start)), *_]):
            return start
        case ast.JoinedStr(values=[ast.FormattedValue(value=ast.Name(id="__name__")), *_]):
            return module
    raise AssertionError(f"{module}:{node.lineno}: what is imported here cannot be read from the code")


def nodes(name: str, types: bool) -> Iterator[ast.AST]:
    """Every node of a file; `types` says whether those count that only type checkers see."""
    todo: list[ast.AST] = [ast.parse(MODULES[name].read_text(encoding="utf-8"))]
    while todo:
        node = todo.pop()
        yield node
        hidden = not types and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        todo.extend(node.orelse if isinstance(node, ast.If) and hidden else ast.iter_child_nodes(node))


@cache
def imports(name: str, *, types: bool = True) -> list[tuple[str, int]]:
    """Modules that a file imports anywhere, with the line."""
    return list(_imports(name, types))


def _imports(name: str, types: bool) -> Iterator[tuple[str, int]]:
    for node in nodes(name, types):
        if name == "sdmodel" and isinstance(node, ast.Call):
            continue  # its table is compared with the imports for type checkers
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name}:{node.lineno}: a relative import hides where it goes"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                yield (whole if whole in MODULES else str(node.module)), node.lineno
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("import_module", "__import__"):
            yield dotted(node, name), node.lineno


def ours(name: str) -> bool:
    return name == "sdmodel" or name.startswith("sdmodel.")


def test_every_room_has_a_floor() -> None:
    assert {room_of(name) for name in MODULES} <= set(LEVEL)


@pytest.mark.parametrize("name", list(MODULES))
def test_imports_go_down(name: str) -> None:
    room = room_of(name)
    for target, line in imports(name):
        if ours(target) and room_of(target) != room:
            assert room_of(target) in LEVEL, f"{name}:{line}: {target} has no floor"
            assert LEVEL[room_of(target)] < LEVEL[room], f"{name}:{line}: {room} must not know {target}"


def test_no_two_files_know_each_other() -> None:
    graph = nx.DiGraph()
    for name in MODULES:
        for target, _ in imports(name):
            while ours(target) and target not in MODULES:
                target = target.rpartition(".")[0]
            if target in MODULES and target != name:
                graph.add_edge(name, target)
    circles = [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]
    assert not circles


def test_public_names_come_from_one_table() -> None:
    """The package itself imports nothing before it is asked, and what its table names exists."""
    import sdmodel

    tree = ast.parse(MODULES["sdmodel"].read_text(encoding="utf-8"))
    loaded = {a.name for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    loaded |= {str(n.module) for n in tree.body if isinstance(n, ast.ImportFrom)}
    assert {n for n in loaded if ours(n)} == {f"sdmodel.core.{name}" for name in ("plotting", "resources", "version")}
    known = {n for n, _ in imports("sdmodel") if ours(n)}
    assert {f"sdmodel.{home}" for home in [*sdmodel._HOMES.values(), *sdmodel._MODULES.values()]} <= known
    for name in sdmodel.__all__:
        assert getattr(sdmodel, name) is not None
        assert name in dir(sdmodel)
    with pytest.raises(AttributeError, match="no attribute 'simulate'"):
        _ = sdmodel.simulate


@pytest.mark.parametrize("name", list(MODULES))
def test_packages_stay_in_their_rooms(name: str) -> None:
    for target, line in imports(name, types=False):
        allowed = ROOMS.get(target.split(".")[0])
        assert allowed is None or room_of(name) in {*allowed, "experiments"}, f"{name}:{line} imports {target}"


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


def test_one_run_by_fixed_steps_loads_no_tables(tmp_path: Path) -> None:
    """They take longer to load than the run."""
    code = (
        "import sys\n"
        "from sdmodel.cli.application import app\n"
        "import sdmodel.cli.main\n"
        f"app(['run', 'network', '--method', 'rk4', '--out', {str(tmp_path / 'a.csv')!r}], standalone_mode=False)\n"
        "print([n for n in ('pandas', 'xarray', 'scipy', 'matplotlib', 'llvmlite') if n in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.splitlines()[-1] == "[]"
