"""Inputs of a run: merge values, scenario, schedules and series, and check them against the structure."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from sdmodel.compile.events import clock_of
from sdmodel.compile.parameters import constant_values, stock_labels
from sdmodel.compile.program import Program
from sdmodel.compile.programs import fits, lower, program_of
from sdmodel.compile.python.engine import Engine
from sdmodel.core.arguments import kind, number
from sdmodel.core.arguments import seed as whole_seed
from sdmodel.core.cache import Cache
from sdmodel.core.calendar import Year, year
from sdmodel.core.errors import FixedStepError, OverrideError, RangeError, SolveError, UnknownNameError
from sdmodel.core.expression import key
from sdmodel.core.labels import split_label
from sdmodel.core.scenario import Scenario
from sdmodel.core.state import Points
from sdmodel.core.structure import CONTROL, Structure, Variable
from sdmodel.edit import replace
from sdmodel.solve.registry import ON_GRID, solver, solvers
from sdmodel.solve.solver import Solver
from sdmodel.solve.times import wanted_times
from sdmodel.solve.values import holds_dates, read_values

_AS_IN_FILE = Scenario()
_constants: Cache[Any] = Cache()
_engines: Cache[Engine] = Cache()
_with_paths: Cache[Structure] = Cache()


def check_numbers(every: Any, rtol: float, seed: int) -> None:
    """Check report interval, relative tolerance and seed.

    Raises
    ------
    DesignError
        If one of them is not valid.
    """
    if every is not None and wanted_times(every) is None:
        number("every", every, above=0)
    number("rtol", rtol, low=1e-13, high=0.1)
    whole_seed("seed", seed)


def program_and_solver(
    structure: Structure, method: str | None, default: str, starts: Iterable[str] = ()
) -> tuple[Program, Solver, str]:
    """Program, solver, and the reason for choosing that solver.

    If `method` is None, the solver is `default` or, for a model with functions defined on the TIME STEP grid only, the
    method of its file (``"rk4"`` if the file names none that steps on the grid). In the second case the reason is
    a text for the report, otherwise it is empty. A model that compares Time with a number by ``=`` or ``<>`` takes the
    method of its file as well, or ``"euler"``, with which the equation holds for one whole step.
    `starts` are states whose initial values become parameters (see `sdmodel.compile.programs.lower`).

    Raises
    ------
    UnknownNameError
        If there is no such method.
    FixedStepError
        If `method` does not step on the grid but the model needs it.
    """
    if method is not None:
        given = solver(method)
        return program_of(structure, fixed=given.on_grid, starts=starts), given, ""
    named = solvers().get(structure.method)
    if named is not None and not named.on_grid:
        named = None
    try:
        program = program_of(structure, fixed=False, starts=starts)
        if any(op in ("eq", "ne") for op, *_ in program.nodes):
            clock_of(program)
        return program, solver(default), ""
    except (FixedStepError, SolveError) as error:
        chosen = named or solver(ON_GRID if isinstance(error, FixedStepError) else "euler")
        program = program_of(structure, fixed=True, starts=starts)
        return program, chosen, str(error).partition(" Run with ")[0]


def resolve_scenario(
    model: Structure,
    values: Mapping[str, Any] | Scenario | None,
    scenario: Scenario | str | None,
    base: Scenario | None = None,
) -> Scenario:
    """Merge values into the scenario and check names and ranges; names are spelled as in the model.

    `base` is the scenario of the run that this one goes on from; the other two override it.
    """
    if not (values is None or isinstance(values, Scenario)):
        kind("values", values, types=(Mapping,), need="a mapping from names of constants to numbers, or a Scenario")
        for name in values:
            kind("values", name, types=(str,), need="names of constants, as strings")
    if scenario is not None:
        kind("scenario", scenario, types=(str, Scenario), need="the name of a scenario, or a Scenario")
    if not values and scenario is None and base is None:
        return _AS_IN_FILE
    if isinstance(values, Scenario):
        if scenario is not None:
            raise OverrideError("A scenario is given twice, first and as scenario=. Give it once.")
        values, scenario = None, values
    chosen = model.scenario(scenario) if isinstance(scenario, str) else scenario or Scenario()
    origin = {**dict.fromkeys(chosen.values, "scenario"), **dict.fromkeys(values or (), "values")}
    if base is not None:
        chosen = base.with_values({**chosen.values, **chosen.paths}, chosen.name if scenario else None)
    if values:
        chosen = chosen.with_values(read_values(model, values))
    checked: dict[str, float] = {}
    named: dict[tuple[str, ...], str] = {}
    for name, value in chosen.values.items():
        refuse_dates(model, [value], f"'{name}'", variable_of(model, name))
        elements = inputs_named(model, name)
        first = named.setdefault(tuple(elements), name)
        if first != name:
            raise OverrideError(f"'{first}' and '{name}' are the same constant, and both are given a value. Keep one.")
        for element in elements:
            lost = named.get((element,), name)
            if lost != name and origin.get(lost) == origin.get(name):
                raise OverrideError(
                    f"'{lost}' is given a value, and then '{name}', which holds it. Give '{name}' first."
                )
            _in_range(model, element, value)
            checked[element] = value
    paths = {}
    for name, path in chosen.paths.items():
        refuse_dates(model, path.at, f"the path of '{name}'")
        refuse_dates(model, path.value, f"the path of '{name}'", model.owner(name))
        whole = model.owner(name).name
        if model[whole].kind in ("lookup", "data"):
            if key(name) != key(whole):
                raise OverrideError(
                    f"'{name}' is one element; new points go with a whole {model[whole].kind}: '{whole}'."
                )
            paths[whole] = path
            continue
        elements = constants_named(model, name)
        if len(elements) < len(constants_named(model, whole)):
            raise OverrideError(f"'{name}' is one element; a path goes with a whole constant: '{whole}'.")
        for element in elements:
            for value in path.value:
                _in_range(model, element, value)
        paths[whole] = path
    return Scenario(chosen.name, chosen.description, checked, paths)


def variable_of(model: Structure, label: str) -> Variable | None:
    """Variable of a label; None for the name of a hidden state."""
    return model.equations.get(key(split_label(label, model.equations)[0]))


def refuse_dates(model: Structure, times: Iterable[float], what: str, constant: Variable | None = None) -> None:
    """Check that dates are used only with a model whose unit of time is the year, and for constants of that unit.

    Raises
    ------
    OverrideError
        If `times` contains dates, and the unit of time or that of the `constant` is another.
    """
    if not any(isinstance(t, Year) for t in times):
        return
    if constant is not None and not holds_dates(model, constant):
        raise OverrideError(
            f"A date is given for {what}, but the unit of '{constant.name}' is {constant.unit}, and a date is a number "
            "of years. Give a number."
        )
    if not model.in_years:
        unit = model.time_unit or "no unit"
        raise OverrideError(
            f"A date is given for {what}, but the unit of time of '{model.name}' is {unit}, and a date is a number of "
            "years. Give a number in the model's unit of time."
        )


def constants_named(model: Structure, name: str) -> list[str]:
    """Labels of the constant elements to which a name refers."""
    constants = _constants.get(model, "constants") or _constants.put(model, "constants", constant_values(model))
    if name in constants:
        return [name]
    variable = model.owner(name)
    if key(variable.name) in CONTROL:
        return [variable.name]
    if variable.kind != "constant":
        hidden = [h for h in hidden_names(model) if key(h).startswith((variable.key + " ", variable.key + "["))]
        more = f" Its hidden state '{hidden[0]}' takes an initial value." if hidden else ""
        raise OverrideError(
            f"'{variable.name}' is not a constant ({variable.kind}); only constants take a value, and stocks an "
            f"initial value.{more} To change its formula, make a new model: model.replace({variable.name!r}, ...)."
        )
    wanted = None if key(name) == key(variable.name) else _elements(name, model)
    labels = [c for c, (v, _) in constants.items() if v is variable and _among(_elements(c, model), wanted, model)]
    if not labels:
        raise UnknownNameError(name, constants, "constant")
    return labels


def inputs_named(model: Structure, name: str) -> list[str]:
    """Labels of the constant elements, stock elements or hidden state to which a name refers.

    A value given to one of the last two is its initial value.
    """
    if variable_of(model, name) is None:
        found = [label for label in hidden_names(model) if key(label) == key(name)]
        if not found:
            raise UnknownNameError(name, [*(v.name for v in model.equations.values()), *hidden_names(model)])
        return found
    variable = model.owner(name)
    if variable.kind != "stock":
        return constants_named(model, name)
    labels = stock_labels(model, variable)
    if key(name) == key(variable.name):
        return labels
    wanted = [label for label in labels if _elements(label, model) == _elements(name, model)]
    if not wanted:
        raise UnknownNameError(name, labels, "stock")
    return wanted


def starts_of(model: Structure, names: Iterable[str]) -> frozenset[str]:
    """Those of some checked names that are stocks or hidden states and not constants."""
    owners = ((name, variable_of(model, name)) for name in names)
    return frozenset(name for name, owner in owners if owner is None or owner.kind == "stock")


def hidden_names(model: Structure) -> list[str]:
    """Names of the hidden stocks and memories of functions such as SMOOTH, DELAY and SAMPLE IF TRUE."""
    found = _constants.get(model, "hidden")
    if found is None:
        names: dict[str, None] = {}
        for fixed in (False, True):
            with suppress(FixedStepError):
                program = program_of(model, fixed=fixed)
                names.update(dict.fromkeys(s.name for s in program.states if s.hidden))
                names.update(dict.fromkeys(m.name for m in program.memories))
        found = _constants.put(model, "hidden", list(names))
    return list(found)


def _elements(label: str, model: Structure) -> list[str]:
    return [key(element) for element in split_label(label, model.equations)[1]]


def _among(elements: list[str], wanted: list[str] | None, model: Structure) -> bool:
    """Whether the elements of a constant are `wanted`: the same, or those of the ranges named there."""
    if wanted is None or elements == wanted:
        return True
    ranges = [map(key, model.ranges[w].elements) if w in model.ranges else (w,) for w in wanted]
    return len(elements) == len(wanted) and all(e in range_ for e, range_ in zip(elements, ranges, strict=True))


def _in_range(model: Structure, label: str, value: float) -> None:
    if not math.isfinite(value):
        raise RangeError(f"'{label}' is given {value}; it must be a finite number.")
    variable = variable_of(model, label)
    if variable is None:  # a hidden state
        return
    if not variable.low <= value <= variable.high:
        unit = f" {variable.unit}" if variable.unit else ""
        raise RangeError(
            f"'{label}' is given {value:g}{unit}; its range in {variable.file} is {variable.low:g} to "
            f"{variable.high:g}{unit}. Choose a value inside, or widen the range: "
            f"model.with_ranges({{{variable.name!r}: ({min(value, variable.low):g}, {max(value, variable.high):g})}})."
        )


def with_paths(model: Structure, scenario: Scenario) -> Structure:
    """The model with constants replaced by the schedules of a scenario; cached while the model is in use."""
    if not scenario.paths:
        return model
    key = repr(dict(scenario.paths))  # exact, and -0.0 is not 0.0
    found = _with_paths.get(model, key)
    if found is None:
        found = model
        for name, path in scenario.paths.items():
            found = replace(found, name, path)
        found = _with_paths.put(model, key, found)
    return found


def parameter_vector(model: Structure, program: Program, values: Mapping[str, float]) -> list[float]:
    """Parameters of a run, (parameters,): those of the program, overridden by `values` (with checked names)."""
    p = list(program.defaults)
    index = {name: i for i, name in enumerate(program.parameters)}
    for name, value in values.items():
        if name not in index:
            raise OverrideError(f"'{name}' follows from other variables in '{model.name}' and takes no value.")
        p[index[name]] = value
    return p


def reshaped(model: Structure, program: Program, p: Sequence[float]) -> Program:
    """The program, lowered again if a value that determines its shape (the order of a delay) differs."""
    if not fits(program, p):
        return program
    values = dict(zip(program.parameters, p, strict=True))
    return lower(model, fixed=program.fixed, values=values, starts=starts_of(model, program.parameters))


def engine_of(program: Program) -> Engine:
    """The Python engine of a program, cached while the program is in use."""
    return _engines.get(program, "engine") or _engines.put(program, "engine", Engine(program))


def series_points(program: Program, data: Mapping[str, Any] | None, model: Structure) -> list[Points]:
    """Times and values of the data variables of a program; dates raise an error unless the `model` uses years."""
    if data is not None:
        kind("data", data, types=(Mapping,), need="a mapping from data variables to series")
    given = {key(name): value for name, value in (data or {}).items()}
    known = {key(name) for name in program.data}
    for name in data or {}:
        if key(name) not in known:
            raise UnknownNameError(name, program.data, "data variable")
    missing = [name for name in program.data if key(name) not in given]
    if missing:
        raise OverrideError(
            f"The data variable '{missing[0]}' has no series. Name the file that holds it when the model is loaded, "
            f"load(path, data_files='series.dat'), or give it to the run, data={{{missing[0]!r}: series}}."
        )
    pairs = [_pair(given[key(name)], name) for name in program.data]
    for name, (at, _) in zip(program.data, pairs, strict=True):
        refuse_dates(model, at, f"the series of '{name}'")
    return pairs


def _pair(value: Any, name: str) -> Points:
    try:
        series = hasattr(value, "index") and hasattr(value, "to_numpy")
        times, values = (value.index, value.to_numpy()) if series else value
        values = [float(v) for v in values]
    except (TypeError, ValueError):
        raise OverrideError(
            f"The series of '{name}' must be a pandas Series, or a pair (times, values) of numbers."
        ) from None
    at, x = tuple(year(t) if not isinstance(t, (int, float)) else float(t) for t in times), tuple(values)
    if len(at) != len(x) or not at or any(b <= a for a, b in itertools.pairwise(at)):
        raise OverrideError(f"The series of '{name}' needs as many values as times, and times that rise.")
    return at, x
