"""Lowering a model, outcomes of a design as an array, optional packages, and progress bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from sdmodel.analysis.inputs import variables_of
from sdmodel.compile.program import Program
from sdmodel.compile.programs import program_of
from sdmodel.compile.python.engine import evaluate as evaluate_node
from sdmodel.core.errors import DesignError, MissingExtraError
from sdmodel.core.outcome import Outcome
from sdmodel.core.scenario import Scenario
from sdmodel.core.structure import Structure
from sdmodel.solve.inputs import parameter_vector, reshaped, resolve_scenario, starts_of, with_paths
from sdmodel.sweep.run_sweep import run_sweep

if TYPE_CHECKING:
    import pandas as pd


def evaluate(
    model: Structure,
    design: pd.DataFrame,
    outcomes: Sequence[Outcome],
    *,
    scenario: Scenario | str | None = None,
    every: float | None = None,
    workers: int | None = None,
) -> np.ndarray:
    """Outcomes of all rows of a design, shape (outcomes, rows); NaN where a run failed."""
    names = variables_of(model, outcomes)
    found = run_sweep(
        model, design, names, scenario=scenario, every=every, workers=workers, progress=False, certificate=0
    )
    columns = []
    for outcome in outcomes:
        values = outcome.of(found)
        if values.dims != ("run",):
            raise DesignError(f"'{outcome.variable}' has subscripts; choose one element: '{outcome.variable}[...]'.")
        columns.append(values.to_numpy().astype(float))
    return np.array(columns)


def outcome_unit(model: Structure, outcome: Outcome) -> str:
    """Unit of an outcome: that of its variable, of time, or their product."""
    own = model.owner(outcome.variable).unit
    time = model["TIME STEP"].unit if "TIME STEP" in model else ""
    if outcome.relative:
        return "Dmnl"
    if outcome.level is not None or str(outcome.at).startswith("time_of"):
        return time
    if callable(outcome.at):
        return ""
    if outcome.at in ("total", "present_value"):
        return f"{own}*{time}" if own and time else own or time
    return own


def require(package: str, what: str) -> None:
    """Refuse to go on without a package of the extra `analysis`.

    Raises
    ------
    MissingExtraError
        With the line that installs it.
    """
    if find_spec(package) is None:
        distribution = {"sklearn": "scikit-learn"}.get(package, package)
        raise MissingExtraError(f'{what} needs {distribution}. Install it: python -m pip install "sdmodel[analysis]"')


def lowered(
    model: Structure,
    values: Mapping[str, float] | Scenario | None,
    scenario: Scenario | str | None,
    *,
    fixed: bool = False,
    varied: Sequence[str] = (),
) -> tuple[Program, list[float]]:
    """The program of a model under a scenario, and its parameters.

    The initial values of the stocks and hidden states among `varied` are parameters too.
    """
    given = resolve_scenario(model, values, scenario)
    structure = with_paths(model, given)
    own, more = starts_of(model, given.values), starts_of(model, varied)
    program = program_of(structure, fixed=fixed, starts=own | more)
    p = parameter_vector(structure, program, given.values)
    if more - own:
        plain, q = lowered(model, values, scenario, fixed=fixed)
        first = {**{s.name: s.initial for s in plain.states}, **{m.name: m.initial for m in plain.memories}}
        known = {name: evaluate_node(plain, first[name], q) for name in more - own}
        p = parameter_vector(structure, program, {**given.values, **known})
    return reshaped(structure, program, p), p
