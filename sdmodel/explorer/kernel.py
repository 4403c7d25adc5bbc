"""What the page needs to run a model: the WebAssembly kernel and the layout of its arguments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdmodel.compile.llvm.wasm import WasmKernel, wasm_kernel
from sdmodel.compile.program import Program
from sdmodel.compile.programs import depends
from sdmodel.compile.python.engine import evaluate
from sdmodel.compile.random import stream_word
from sdmodel.core.errors import UnsupportedError
from sdmodel.core.expression import NA
from sdmodel.core.scenario import Scenario
from sdmodel.core.schedule import Schedule
from sdmodel.core.structure import Structure
from sdmodel.solve.inputs import program_and_solver, resolve_scenario, series_points, with_paths
from sdmodel.solve.registry import MANY_RUNS
from sdmodel.solve.times import report_times
from sdmodel.solve.values import read_data

LIBRARY = frozenset({"sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "erfc", "lgamma"})
"""Functions of the C library that `page/kernel.js` provides."""
MOST_VALUES = 2_000_000
"""Maximum number of reported values of a run: every variable element at every reported time."""


@dataclass(frozen=True, slots=True)
class PageKernel:
    """A model compiled for the page."""

    program: Program
    labels: tuple[str, ...]
    """Variable elements that are reported: all but constants and time settings."""
    code: bytes
    """The WebAssembly module."""
    spec: dict[str, Any]
    """JSON object that `page/kernel.js` reads: times, parameters, clock, series, streams, memories, orders."""
    fixed_parameters: frozenset[str]
    """Constants that cannot change in the page: the times of the report or the shape of the equations rest on them."""


class PageKernels:
    """The kernel of a model, and one more for each set of schedules, since a schedule is another equation.

    Parameters
    ----------
    structure
        The model.
    data
        Series of its data variables, as for `sdmodel.solve.run.run`.

    Raises
    ------
    UnsupportedError, OverrideError
        As `page_kernel`.
    """

    def __init__(self, structure: Structure, data: Any = None) -> None:
        self._series, paths = read_data(structure, data)
        self.structure = with_paths(structure, resolve_scenario(structure, dict(paths), None))
        self.main = page_kernel(self.structure, self._series)
        self.all = [self.main]
        self._places: dict[tuple[tuple[str, Schedule], ...], int] = {(): 0}

    def place(self, scenario: Scenario) -> int:
        """Place in `all` of the kernel that runs a resolved scenario; it is compiled at the first call."""
        paths = tuple(scenario.paths.items())
        if paths not in self._places:
            self._places[paths] = len(self.all)
            self.all.append(page_kernel(with_paths(self.structure, scenario), self._series, self.main))
        return self._places[paths]


def page_kernel(
    structure: Structure, data: Mapping[str, Any] | None = None, main: PageKernel | None = None
) -> PageKernel:
    """Compile a model for the page, with every variable as an output, by the method of sweeps.

    Parameters
    ----------
    structure
        The model.
    data
        Series of its data variables by name.
    main
        The kernel of the model without the schedules of `structure`, whose outputs and vector of parameters are taken.

    Raises
    ------
    UnsupportedError
        If the model cannot go into a page; the message names the function or the setting.
    OverrideError
        If a data variable has no series.
    """
    program, solver, _ = program_and_solver(structure, None, MANY_RUNS)
    labels = main.labels if main else tuple(n for n in program.outputs if structure.owner(n).kind != "control")
    if not labels:
        raise UnsupportedError(f"'{structure.name}' has no variable that changes, so there is nothing to draw.")
    if main:  # a schedule may stand in the place of a series
        data = {name: series for name, series in (data or {}).items() if structure.owner(name).kind == "data"}
    series = series_points(program, data, structure)
    p = program.defaults
    control = {name: evaluate(program, node, p) for name, node in program.control.items()}
    if program.moving:
        name = next(iter(program.moving)).upper()
        raise UnsupportedError(f"{name} changes during a run of '{structure.name}', which the page cannot do.")
    times = report_times(control, None, solver.on_grid)
    if len(times) * len(labels) > MOST_VALUES:
        raise UnsupportedError(
            f"'{structure.name}' reports {len(labels):,} variables at {len(times):,} times, more than a page "
            f"can hold ({MOST_VALUES:,} values). Use a longer SAVEPER."
        )
    nodes = [program.outputs[label] for label in labels]
    orders = []
    for order in program.orders:
        orders.append({"time": len(nodes), "step": len(nodes) + 1, "requested": order.requested, "used": order.used})
        nodes += [order.time, order.step]
    try:
        kernel = wasm_kernel(program, nodes, solver.steps, rough=not solver.on_grid)
    except UnsupportedError as error:
        reason = str(error).partition(" Run ")[0]
        raise UnsupportedError(
            f"'{structure.name}' cannot go into a page. {reason} Write a formula in its place (model.replace), or draw "
            "runs with sdmodel.plot."
        ) from error
    unknown = [name for name in kernel.library if name not in LIBRARY]
    if unknown:
        raise UnsupportedError(f"'{structure.name}' calls '{unknown[0]}', which the page does not provide.")
    fixed = {program.parameters[i] for i in program.structural}
    fixed |= {program.parameters[i] for i in depends(program, *program.control.values())}
    notes_rough = not solver.on_grid and bool(solver.steps.error)
    spec = {
        "fixed": program.fixed,
        "rough": notes_rough,
        "times": times,
        "start": control["initial time"],
        "step": control["time step"],
        "step_place": program.parameters.index("TIME STEP") if "TIME STEP" in program.parameters else -1,
        "parameters": len(program.parameters),
        "places": main and [main.program.parameters.index(name) for name in program.parameters],
        "outputs": len(nodes),
        "units": [structure.owner(label).unit for label in labels] + [""] * (2 * len(orders)),
        "rows": kernel.rows,
        "data_end": kernel.data_end,
        "library": kernel.library,
        "memories": len(kernel.plan.memories),
        "series": [{"t": t, "x": x} for t, x in series],
        "streams": [str(stream_word(name)) for name in program.streams],
        "clock": None if program.fixed else _clock(kernel),
        "orders": orders,
        "missing": NA,
    }
    return PageKernel(program, labels, kernel.code, spec, frozenset(fixed))


def _clock(kernel: WasmKernel) -> dict[str, Any]:
    """Sources of dates for the page (see `sdmodel.compile.events`)."""
    clock, program = kernel.plan.clock, kernel.plan.program
    slots = {node: i for i, node in enumerate(clock.held)}
    sources = []
    for source in clock.sources:
        found: dict[str, Any] = {"kind": source.kind, "level": source.level, "slot": slots.get(source.node, -1)}
        if source.node >= 0:
            found["op"] = program.nodes[source.node][0]
        if source.kind == "knots":
            table = program.tables[source.table]
            found |= {"x": table.x, "y": table.y, "table": table.kind}
        sources.append(found)
    tests = [n for s in clock.sources for n in (s.test, s.against) if n >= 0]
    return {"sources": sources, "held": len(clock.held), "rests": sorted(depends(program, *tests))}
