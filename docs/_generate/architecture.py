"""Tables and picture of the page on the architecture, read from the code.

`write(folder)` makes `part-rooms.md` (each room, what it imports and who imports it) and `rooms.png` (the same as a
graph) when the documentation is built. `python docs/_generate/architecture.py` writes `docs/part-traces.md`, the
modules that a call passes through in the order in which they are first entered, which takes a minute and is committed;
it also prints the calls that go to a higher room.
"""

import ast
import functools
import os
import shutil
import sys
import tempfile
import threading
from collections import Counter, defaultdict
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
from model_pages import grid, put

import sdmodel
from sdmodel.core.resources import shipped
from sdmodel.experiments import LIBRARY

PACKAGE = Path(sdmodel.__file__).resolve().parent
EXPERIMENTS = shipped("experiments").resolve()
EXPERIMENT = "tax_relief"
DOCS = Path(__file__).parents[1]
SAMPLES = 8
"""Samples of the sweep and of the experiment that are traced; the modules they pass through do not depend on it."""


# -- imports --------------------------------------------------------------------------------------------------------
@functools.cache
def room_of(path):
    """Room of a source file: the folder or module directly below `sdmodel/`, or `experiments`; None for a stranger."""
    path = Path(path)
    if path.is_relative_to(EXPERIMENTS):
        return "experiments"
    if not path.is_relative_to(PACKAGE):
        return None
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def sources():
    """Every source file of the package and of the experiments."""
    return [*sorted(PACKAGE.rglob("*.py")), *sorted(EXPERIMENTS.rglob("*.py"))]


def imported_rooms(path):
    """Rooms that a file imports anywhere in it, in functions and for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            first, _, rest = name.partition(".")
            room = rest.partition(".")[0]
            if first == "sdmodel" and room:
                known = room == "experiments" or (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file()
                yield room if known else "__init__"


def import_graph():
    """Number of imports by (importing room, imported room); the package's own `__init__` is left out."""
    counted = Counter()
    for path in sources():
        for room in imported_rooms(path):
            counted[room_of(path), room] += 1
    return {(one, other): n for (one, other), n in counted.items() if one != other and "__init__" not in (one, other)}


def levels(graph):
    """Level of each room: one above the highest room that it imports. Rooms in a circle share the level -1."""
    rooms = {room for edge in graph for room in edge}
    below = defaultdict(set)
    for one, other in graph:
        below[one].add(other)
    found = {}
    while free := [room for room in rooms - found.keys() if below[room] <= found.keys()]:
        found |= {room: 1 + max((found[other] for other in below[room]), default=-1) for room in free}
    return found | dict.fromkeys(rooms - found.keys(), -1)


def rooms_table(graph):
    """Rows of the table of rooms, the lowest first."""
    size = defaultdict(lambda: [0, 0])
    for path in sources():
        size[room_of(path)][0] += 1
        size[room_of(path)][1] += len(path.read_text("utf-8").splitlines())
    level = levels(graph)
    rows = []
    for room in sorted(level, key=lambda r: (level[r], r)):
        uses = ", ".join(f"`{other}`" for one, other in sorted(graph) if one == room)
        used = ", ".join(f"`{one}`" for one, other in sorted(graph) if other == room)
        files, lines = size[room]
        rows.append([f"`{room}`", str(files), f"{lines:,}", uses or "nothing", used or "nobody"])
    return rows


def picture(graph):
    """The import graph: a room is drawn above all that it imports."""
    level = levels(graph)
    rows = defaultdict(list)
    for room in sorted(level):
        rows[level[room]].append(room)
    place = {r: ((i + 0.5) / len(row) + 0.06 * (n % 2), n) for n, row in rows.items() for i, r in enumerate(row)}
    figure, axes = plt.subplots(figsize=(9, 1 + 0.75 * len(rows)), layout="constrained")
    for one, other in graph:
        axes.annotate(
            "",
            place[other],
            place[one],
            arrowprops={"arrowstyle": "-|>", "color": "0.6", "lw": 0.7, "shrinkA": 12, "shrinkB": 12,
                        "connectionstyle": "arc3,rad=0.08"},
        )  # fmt: skip
    for room, (x, y) in place.items():
        axes.text(x, y, room, ha="center", va="center", bbox={"boxstyle": "round,pad=0.35", "fc": "white", "ec": "0.3"})
    axes.set_xlim(-0.05, 1.1)
    axes.set_ylim(min(rows) - 0.5, max(rows) + 0.5)
    axes.axis("off")
    return figure


# -- calls ----------------------------------------------------------------------------------------------------------
def trace(action):
    """Modules that a call enters, in order of the first entry, and the calls between rooms, counted."""
    order, calls = {}, Counter()

    def note(frame, event, _):
        if event == "call":
            room = room_of(frame.f_code.co_filename)
            if room is not None and frame.f_code.co_name != "<module>":
                order.setdefault(module_name(frame.f_code.co_filename))
                caller = frame.f_back and room_of(frame.f_back.f_code.co_filename)
                if caller and caller != room:
                    calls[caller, room] += 1

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        action()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return list(order), calls


@functools.cache
def module_name(file):
    """Path of a module below `sdmodel/`, or below the root for an experiment."""
    path = Path(file)
    return str(path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else EXPERIMENTS.parent).with_suffix(""))


def actions(place):
    """The calls that the page follows, by title; `place` is an empty folder."""
    file = place / "another.mdl"
    shutil.copy(shipped("models") / "network.mdl", file)
    model = sdmodel.load("network")
    samples = sdmodel.latin_hypercube(model.uncertainties, SAMPLES, rng=1)
    quiet = {"workers": 1, "progress": False}
    return {
        "`sdmodel.load(file)`": lambda: sdmodel.load(file),
        "`model.run()`": model.run,
        "`model.sweep(samples)`": lambda: model.sweep(samples, ["trust"], progress=False),
        f'`LIBRARY["{EXPERIMENT}"].ask()`': functools.partial(LIBRARY[EXPERIMENT].ask, SAMPLES, **quiet),
    }


def traces():
    """Modules and calls between rooms, by title of the call that was followed."""
    for path in sources():  # what runs when a module is imported is no part of a call
        import_module(f"sdmodel.{module_name(path).replace('/', '.')}".removesuffix(".__init__"))
    before = os.environ.get("SDMODEL_CACHE")
    with tempfile.TemporaryDirectory() as place:
        os.environ["SDMODEL_CACHE"] = place
        try:
            return {title: trace(action) for title, action in actions(Path(place)).items()}
        finally:
            if before is None:
                del os.environ["SDMODEL_CACHE"]
            else:
                os.environ["SDMODEL_CACHE"] = before


def write(folder):
    """Write the table and the picture; the folder is made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    graph = import_graph()
    head = ["Room", "Files", "Lines", "Imports", "Imported by"]
    put(folder / "part-rooms.md", "\n".join(grid(head, rooms_table(graph), [14, 8, 8, 40, 30])))
    figure = picture(graph)
    figure.savefig(folder / "rooms.png", dpi=140)
    plt.close(figure)


if __name__ == "__main__":
    found, level = traces(), levels(import_graph())
    rows = [[title, ", ".join(f"`{name}`" for name in order)] for title, (order, _) in found.items()]
    put(DOCS / "part-traces.md", "\n".join(grid(["Call", "Modules, in the order entered"], rows, [24, 76])))
    for title, (_, calls) in found.items():
        upward = {edge: n for edge, n in calls.items() if level.get(edge[0], 0) < level.get(edge[1], 0)}
        print(f"{title}: calls to a higher room: {upward or 'none'}")
