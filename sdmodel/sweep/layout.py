"""What the plan of a sweep has from names alone, worked out once for all designs with the same columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sdmodel.compile.program import Program
from sdmodel.compile.programs import depends
from sdmodel.compile.python.engine import evaluate
from sdmodel.core.arguments import kind
from sdmodel.core.cache import Cache
from sdmodel.core.errors import DesignError, OverrideError, UnknownNameError
from sdmodel.core.labels import split_label
from sdmodel.core.scenario import Scenario
from sdmodel.core.shape import Shape
from sdmodel.core.state import State
from sdmodel.core.structure import Structure, Variable
from sdmodel.design.tables import LABELS
from sdmodel.solve.inputs import inputs_named, starts_of, variable_of
from sdmodel.solve.problem import Problem, problem
from sdmodel.solve.registry import MANY_RUNS, solver
from sdmodel.solve.times import Every, wanted_times


@dataclass(frozen=True)
class Layout:
    """Everything in a plan that does not depend on the values in the design."""

    task: Problem
    base: np.ndarray
    """Parameters under all rows, (parameters,)."""
    shapes: tuple[Shape, ...]
    """Outputs, as they lie in a Dataset."""
    labels: tuple[str, ...]
    """Names of their elements, `name[a,b]`."""
    nodes: tuple[int, ...]
    units: tuple[str, ...]
    inputs: tuple[tuple[str, str, int, Variable | None], ...]
    """Column, label, index of the parameter, and variable of each varied parameter; a hidden state has no variable."""
    starts: Mapping[str, str]
    """Columns that are initial values, with their names in the result."""
    shaping: bool
    """Whether the shape of the program, such as the order of a delay, must be checked for each design."""
    every: float | tuple[float, ...] | None
    times: tuple[float, ...] | None
    """Reported times; None where they depend on the design."""

    def times_of(self, columns: Sequence[tuple[int, np.ndarray]]) -> tuple[float, ...]:
        """Reported times; all runs of a sweep share them, so time settings cannot vary."""
        if self.times is not None:
            return self.times
        program = self.task.program
        for name, node in program.control.items():
            follows = depends(program, node)
            if any(i in follows and (values != values[0]).any() for i, values in columns):
                raise OverrideError(f"{name.upper()} cannot vary between the runs of a sweep, which share their times.")
        first = self.base.copy()
        for i, values in columns:
            first[i] = values[0]
        return _times(self.task, first, self.every)


_layouts: Cache[Layout] = Cache()


def layout_of(
    model: Structure,
    columns: Sequence[str],
    outputs: Sequence[str] | None,
    base: Scenario,
    method: str | None,
    every: Every,
    state: State | None,
) -> Layout:
    """The layout of a sweep with a resolved base scenario; cached unless it goes on from a state."""
    names = _checked_names(outputs)
    if method is not None:
        solver(method)
    wanted = wanted_times(every)
    reported = wanted if wanted is not None or every is None else float(every)  # type: ignore[arg-type]  # a number
    given = tuple(columns), names, base, method, reported
    if state is not None:
        return _make_layout(model, *given, state)
    # By representation, which tells -0.0 from 0.0 and is exact.
    key = given[0], names, repr((dict(base.values), dict(base.paths))), method, repr(reported)
    return _layouts.get(model, key) or _layouts.put(model, key, _make_layout(model, *given, None))


def _make_layout(
    model: Structure,
    columns: Sequence[str],
    outputs: Sequence[str] | None,
    base: Scenario,
    method: str | None,
    every: float | tuple[float, ...] | None,
    state: State | None,
) -> Layout:
    inputs = [(c, label) for c in columns if c not in LABELS for label in inputs_named(model, c)]
    task = problem(model, base, method, MANY_RUNS, state, starts_of(model, [label for _, label in inputs]))
    program = task.program
    names = _chosen(model, outputs)
    by_name = _labels.get(program, "labels") or _labels.put(program, "labels", _labels_by_name(model, program))
    unknown = [name for name in names if name not in by_name]
    if unknown:
        raise UnknownNameError(unknown[0], program.outputs, "output")
    labels = tuple(label for name in names for label in by_name[name])
    if program.moving:
        raise OverrideError(
            f"{next(iter(program.moving)).upper()} changes during a run, so the runs of a sweep share no times. Run "
            "them one by one with model.run."
        )
    places = {name: i for i, name in enumerate(program.parameters)}
    setting: dict[str, str] = {}
    for column, label in inputs:
        if setting.setdefault(label, column) != column:
            raise DesignError(
                f"The columns '{setting[label]}' and '{column}' of the design both set '{label}'. Keep one."
            )
        if label not in places:
            raise OverrideError(f"'{label}' follows a path in scenario '{base.name}' and cannot vary in the design.")
    start = np.array(task.p, dtype=float)
    start.setflags(write=False)
    varied = {places[label] for _, label in inputs}
    shaping = depends(program, *(node for order in program.orders for node in (order.time, order.step)))
    return Layout(
        task,
        start,
        tuple(Shape(model, name, labels) for name in names),
        labels,
        tuple(program.outputs[label] for label in labels),
        tuple(model.owner(label).unit for label in labels),
        tuple((column, label, places[label], variable_of(model, label)) for column, label in inputs),
        {column: f"initial {column}" for column in starts_of(model, columns) - set(LABELS)},
        state is not None or bool(varied & (shaping | set(program.structural))),
        every,
        None if varied & depends(program, *program.control.values()) else _times(task, start, every),
    )


def _times(task: Problem, p: np.ndarray, every: float | tuple[float, ...] | None) -> tuple[float, ...]:
    values = p.tolist()
    control = {name: evaluate(task.program, node, values) for name, node in task.program.control.items()}
    return tuple(task.times(control, every))


def _checked_names(outputs: Sequence[str] | None) -> tuple[str, ...] | None:
    if outputs is None:
        return None
    if isinstance(outputs, str):
        raise DesignError(f"outputs must be a list of names; write outputs=[{outputs!r}].")
    kind("outputs", outputs, types=(Sequence,), need="a list of names of variables")
    for name in outputs:
        kind("outputs", name, types=(str,), need="names of variables, as strings")
    if not outputs:
        raise DesignError("A sweep needs at least one output.")
    return tuple(outputs)


def _chosen(model: Structure, outputs: Sequence[str] | None) -> list[str]:
    """Names of the output variables as the model spells them."""
    if outputs is None:
        return list(model.outcomes) or [v.name for v in model.equations.values() if v.kind == "stock"]
    found = []
    for name in outputs:
        variable = model[name]
        if variable.kind in ("constant", "lookup"):
            raise OverrideError(f"'{variable.name}' is a {variable.kind}; it has no path to keep. It is in the design.")
        found.append(variable.name)
    return list(dict.fromkeys(found))


_labels: Cache[dict[str, list[str]]] = Cache()


def _labels_by_name(model: Structure, program: Program) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {}
    for label in program.outputs:
        out.setdefault(split_label(label, model.equations)[0], []).append(label)
    return out
